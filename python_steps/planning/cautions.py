"""What a reader must know about trades that a plan does propose: assumptions and open doubts.

Belongs here: rows for people on trades whose cost rests on the firm's assumption, and on purchases
and losses of related taxpayers that no clear rule joins. Does not belong here: what is left out of
a plan (`leftovers`), any decision. Sources: the firm's half-spreads by type of security; IRC 1091,
267 and the doctrine of indirect purchases: a minor child, a trust and a parent are other taxpayers,
yet a purchase of theirs near a loss of the family may be taken for the family's own; IRC 852(b)(4).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from python_steps.planning.household import FUND_TYPES, HouseholdIndex, WashSaleWindow
from python_steps.planning.ledger import PlanLedger, lot_sales
from python_steps.planning.plan import BUY, Order, TradeException
from python_steps.planning.wording import dollars, listed, security_words

NOTHING = Decimal(0)
BASIS_POINTS = Decimal(10000)


def cost_cautions(index: HouseholdIndex, ledger: PlanLedger) -> list[TradeException]:
    """One row on the trades whose half-spread is the firm's assumption for their type.

    Funds that trade at net asset value have no spread to assume.
    """
    figures: dict[str, str] = {}
    total = NOTHING
    for key in sorted(ledger.orders):
        order = ledger.orders[key]
        security = index.securities[order.security_id]
        if not security.is_half_spread_assumed or security.security_type in FUND_TYPES:
            continue
        points = ((security.half_spread or NOTHING) * BASIS_POINTS).normalize()
        kind = security.security_type.replace("_", " ").lower()
        figures[security.label] = f"{security.label} ({kind}: {points:f} basis points)"
        total += order.spread_cost
    if not figures:
        return []
    return [
        TradeException(
            subject="Assumed trading costs",
            reason_code="cost_assumed",
            rationale=f"The half-spread is not known of {listed(list(figures.values()))}: the "
            f"firm's figure for securities of the type is used, {dollars(total)} in this plan.",
            amount=total,
        )
    ]


def related_purchase_cautions(index: HouseholdIndex, ledger: PlanLedger) -> list[TradeException]:
    """Purchases near a loss of another taxpayer of the household, and losses near a purchase.

    They are told where the firm lets such trades be proposed; else `sell_rules` and `buy_rules` bar
    them.
    """
    rows = []
    for key in sorted(ledger.orders):
        order = ledger.orders[key]
        for window in _windows_of_others(index, order):
            row = (
                _purchase_row(index, order, window)
                if order.action == BUY
                else _loss_row(index, order, window)
            )
            if row is not None:
                rows.append(row)
    return rows


def limited_loss_cautions(index: HouseholdIndex, ledger: PlanLedger) -> list[TradeException]:
    """Sales at a loss of which IRC 852(b)(4) leaves less than the shares lost."""
    rows = []
    for key in sorted(ledger.orders):
        order = ledger.orders[key]
        account, security = index.accounts[order.account_id], index.securities[order.security_id]
        if order.action == BUY or not account.is_taxable:
            continue
        sales = [sale for sale in lot_sales(index, order) if sale.lot.distributions is not None]
        disallowed = -sum((sale.result.disallowed for sale in sales), NOTHING)
        as_long = -sum(
            (sale.result.long for sale in sales if not sale.lot.is_long_term and sale.gain < 0),
            NOTHING,
        )
        if disallowed + as_long <= 0:
            continue
        parts = []
        if disallowed:
            parts.append(
                f"{dollars(disallowed)} of it is not deductible, because exempt-interest dividends "
                "were paid on them (unless the fund declares them daily)"
            )
        if as_long:
            parts.append(
                f"{dollars(as_long)} of it counts as long-term, because capital gain "
                "distributions were paid on them"
            )
        loss = -sum((min(NOTHING, sale.gain) for sale in sales), NOTHING)
        rows.append(
            TradeException(
                subject=f"Loss in {security_words(security, account)}",
                reason_code="limited_loss",
                rationale=f"Shares of {security.label} held six months or less are sold in "
                f"{account.account_name} at a loss of {dollars(loss)}: {listed(parts)} (IRC "
                "852(b)(4)). The plan's tax counts what is left.",
                account_id=order.account_id,
                security_id=order.security_id,
                asset_class=security.primary_class,
                amount=disallowed + as_long,
            )
        )
    return rows


def _windows_of_others(index: HouseholdIndex, order: Order) -> Iterable[WashSaleWindow]:
    return index.windows_of_others(
        index.accounts[order.account_id], index.securities[order.security_id]
    )


def _purchase_row(
    index: HouseholdIndex, order: Order, window: WashSaleWindow
) -> TradeException | None:
    until = window.no_buy_until_date
    if until is None or until < index.household.planned_trade_date:
        return None
    account, security = index.accounts[order.account_id], index.securities[order.security_id]
    return TradeException(
        subject=f"{security_words(security, account)} near a loss of {_owners(index, window)}",
        reason_code="related_purchase",
        rationale=f"{security.label} is bought for {account.account_name}, another taxpayer than "
        f"{_owners(index, window)}, where it was sold at a loss: until {until.isoformat()} the "
        "purchase may be taken for an indirect one of theirs and the loss disallowed. Ask tax "
        "counsel, or wait.",
        account_id=order.account_id,
        security_id=order.security_id,
        asset_class=security.primary_class,
        amount=order.notional,
    )


def _loss_row(index: HouseholdIndex, order: Order, window: WashSaleWindow) -> TradeException | None:
    until = window.no_loss_sale_until_date
    account, security = index.accounts[order.account_id], index.securities[order.security_id]
    if not account.is_taxable or until is None or until < index.household.planned_trade_date:
        return None
    loss = -sum((min(NOTHING, sale.gain) for sale in lot_sales(index, order)), NOTHING)
    if loss <= 0:
        return None
    return TradeException(
        subject=f"{security_words(security, account)} near a purchase of {_owners(index, window)}",
        reason_code="related_purchase",
        rationale=f"{security.label} is sold at a loss of {dollars(loss)} in "
        f"{account.account_name} after a purchase for {_owners(index, window)}, another taxpayer: "
        f"until {until.isoformat()} that purchase may be taken for an indirect one of the seller's "
        "and the loss disallowed. Ask tax counsel, or wait.",
        account_id=order.account_id,
        security_id=order.security_id,
        asset_class=security.primary_class,
        amount=loss,
    )


def _owners(index: HouseholdIndex, window: WashSaleWindow) -> str:
    """The accounts of a wash-sale group by name."""
    names = sorted(
        account.account_name
        for account in index.household.accounts
        if account.wash_sale_group_id == window.wash_sale_group_id
    )
    return listed(names) or "a related taxpayer"
