"""What a plan leaves out of tolerance or did not trade, and why, as rows for people.

Belongs here: looking at the finished plan once more and naming each class that stays outside its
band with the causes that hold it there, and every holding and account that was left out. Does not
belong here: decisions. Reason codes are the closed list in `plan`; a subject appears once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from python_steps.planning.concentration import excess_over_limit
from python_steps.planning.evaluation import is_outside_band
from python_steps.planning.gain_steps import Deferral
from python_steps.planning.household import (
    CASH,
    Account,
    AllocationGroup,
    Block,
    ClassTarget,
    HouseholdIndex,
    Position,
)
from python_steps.planning.ledger import PlanLedger
from python_steps.planning.plan import BUY, TradeException
from python_steps.planning.sell_rules import CategorySet
from python_steps.planning.swaps import Market
from python_steps.planning.wording import dollars, percent, security_words

NOTHING = Decimal(0)
CENT = Decimal("0.01")
TOLD_REASONS = 3


class LeftOver(NamedTuple):
    """A class that is outside its band after the plan."""

    group: AllocationGroup
    row: ClassTarget
    value: Decimal
    total: Decimal

    @property
    def is_over(self) -> bool:
        """True when the class is overweight."""
        return self.value > self.row.target_weight * self.total

    @property
    def outside(self) -> Decimal:
        """Dollars beyond the band's edge."""
        if self.is_over:
            return self.value - self.row.upper_band_weight * self.total
        return self.row.lower_band_weight * self.total - self.value


def left_over_classes(index: HouseholdIndex, ledger: PlanLedger) -> list[LeftOver]:
    """Every class outside its band once the plan is done.

    Where the plan trades nothing in a group, the book's own breaches stand.
    """
    traded = {index.accounts[account_id].allocation_group_id for account_id, _, _ in ledger.orders}
    found = []
    for group in index.household.groups:
        total = ledger.group_value(group.allocation_group_id)
        values = ledger.class_values[group.allocation_group_id]
        for row in group.classes:
            value = values.get(row.asset_class, NOTHING)
            is_told = row.is_breach or row.is_breach_projected
            is_judged = is_told or group.allocation_group_id in traded
            if is_judged and is_outside_band(row, value, total):
                found.append(LeftOver(group, row, value, total))
    return found


def class_exceptions(
    market: Market,
    ledger: PlanLedger,
    left: Iterable[LeftOver],
    allowed: CategorySet,
    deferrals: Iterable[Deferral],
) -> list[TradeException]:
    """One row per class that stays outside its band, and one per kind of cause."""
    rows: list[TradeException] = []
    put_off = {(each.allocation_group_id, each.asset_class): each for each in deferrals}
    for each in left:
        rows.append(_out_of_tolerance(market, each))
        if each.is_over:
            causes = _selling_causes(market, ledger, each, {each.row.asset_class}, allowed)
        else:
            causes = _buying_causes(market, ledger, each) or _selling_causes(
                market, ledger, each, _classes_above_target(ledger, each.group), allowed
            )
        rows += causes
    rows += [_deferral_row(market, deferral) for _, deferral in sorted(put_off.items())]
    return rows


def waiting_exceptions(market: Market, ledger: PlanLedger) -> list[TradeException]:
    """Classes left outside their band that flows due or orders in flight bring back."""
    return [
        TradeException(
            subject=_class_subject(market, group, row.asset_class),
            reason_code="deferred",
            rationale=(
                f"{row.asset_class} is {percent(row.actual_weight)} today, outside its band of "
                f"{percent(row.lower_band_weight)} to {percent(row.upper_band_weight)}, but the "
                f"cash flows that are due bring it to {percent(row.projected_weight)}: wait."
            ),
            asset_class=row.asset_class,
        )
        for group in market.index.household.groups
        for row in group.classes
        if row.is_breach
        and not row.is_breach_projected
        and is_outside_band(
            row,
            ledger.class_values[group.allocation_group_id].get(row.asset_class, NOTHING),
            ledger.group_value(group.allocation_group_id),
        )
    ]


def account_exceptions(index: HouseholdIndex) -> list[TradeException]:
    """Accounts that are not traded, and accounts without an IPS."""
    rows = []
    for account in index.household.accounts:
        if account.block is not None:
            rows.append(
                TradeException(
                    subject=account.account_name,
                    reason_code=account.block.code,
                    rationale=f"No trades are proposed in {account.account_name}: "
                    f"{account.block.reason}.",
                    account_id=account.account_id,
                )
            )
        elif account.allocation_group_id is None:
            rows.append(
                TradeException(
                    subject=account.account_name,
                    reason_code="no_ips",
                    rationale=f"{account.account_name} belongs to no allocation group, so there "
                    "is no target to trade to. Assign it to an Investment Policy Statement.",
                    account_id=account.account_id,
                )
            )
    return rows


def position_exceptions(index: HouseholdIndex) -> list[TradeException]:
    """Holdings that are never sold by the plan, with the reason."""
    rows = []
    for position in index.household.positions:
        account = index.accounts.get(position.account_id)
        if account is None or account.block is not None or position.block is None:
            continue
        security = index.securities[position.security_id]
        rows.append(
            TradeException(
                subject=security_words(security, account),
                reason_code=position.block.code,
                rationale=f"{security_words(security, account)} is not sold: "
                f"{position.block.reason}.",
                account_id=account.account_id,
                security_id=position.security_id,
                asset_class=security.primary_class,
                amount=position.market_value,
            )
        )
    return rows


def concentration_exceptions(market: Market, ledger: PlanLedger) -> list[TradeException]:
    """Securities that stay above their concentration limit."""
    rows = []
    for limit in market.index.household.concentration_limits:
        excess = excess_over_limit(market, ledger, limit)
        if excess >= market.minimum_trade:
            label = market.index.securities[limit.security_id].label
            rows.append(
                TradeException(
                    subject=f"{label} concentration",
                    reason_code="restricted",
                    rationale=f"{label} stays {dollars(excess)} above its limit of "
                    f"{percent(limit.limit_weight)} of the household: selling it would realise "
                    "gains, which is the advisor's decision.",
                    security_id=limit.security_id,
                    amount=excess.quantize(CENT),
                )
            )
    return rows


def shortfall_exceptions(
    market: Market, ledger: PlanLedger, shortfalls: dict[str, Decimal], allowed: CategorySet
) -> list[TradeException]:
    """Accounts whose cash could not be raised, and what stands in the way."""
    rows = []
    for account_id, amount in sorted(shortfalls.items()):
        if amount <= 0:
            continue
        account = market.index.accounts[account_id]
        causes = (
            [account.block]
            if account.block is not None
            else _account_blocks(market, ledger, account, allowed)
        )
        why = "; ".join(dict.fromkeys(block.reason for block in causes))
        rows.append(
            TradeException(
                subject=f"Cash in {account.account_name}",
                reason_code="cash_shortfall",
                rationale=f"{account.account_name} lacks {dollars(amount)} for its reserves and "
                f"minimum cash, and cannot raise it: {why or 'nothing is left to sell'}.",
                account_id=account_id,
                asset_class=CASH,
                amount=amount,
            )
        )
    return rows


def unique_subjects(rows: Iterable[TradeException]) -> tuple[TradeException, ...]:
    """Rows sorted, with a subject that occurs more than once told apart by its reason."""
    ordered = sorted(
        rows, key=lambda row: (row.subject, row.reason_code, row.account_id or "", row.rationale)
    )
    seen: dict[str, int] = {}
    result = []
    for row in ordered:
        subject = row.subject
        if subject in seen:
            subject = f"{row.subject}, {row.reason_code.replace('_', ' ')}"
        count = seen.get(subject, 0)
        seen[subject] = count + 1
        result.append(replace(row, subject=f"{subject} ({count + 1})" if count else subject))
    return tuple(result)


def _out_of_tolerance(market: Market, left: LeftOver) -> TradeException:
    weight = left.value / left.total
    side = "above" if left.is_over else "below"
    return TradeException(
        subject=_class_subject(market, left.group, left.row.asset_class),
        reason_code="out_of_tolerance",
        rationale=f"{left.row.asset_class} stays at {percent(weight)}, {dollars(left.outside)} "
        f"{side} its band of {percent(left.row.lower_band_weight)} to "
        f"{percent(left.row.upper_band_weight)}.",
        asset_class=left.row.asset_class,
        amount=left.outside.quantize(CENT),
    )


def _selling_causes(
    market: Market,
    ledger: PlanLedger,
    left: LeftOver,
    asset_classes: set[str],
    allowed: CategorySet,
) -> list[TradeException]:
    """Dollars of the classes that are not sold, by the kind of reason that keeps them."""
    amounts: dict[str, Decimal] = {}
    reasons: dict[str, dict[str, Decimal]] = {}
    for account in market.index.accounts_of_group.get(left.group.allocation_group_id, []):
        for position in market.index.positions_of_account.get(account.account_id, []):
            security = market.index.securities[position.security_id]
            if security.primary_class not in asset_classes:
                continue
            for block, value in _blocked_value(market, ledger, account, position, allowed):
                amounts[block.code] = amounts.get(block.code, NOTHING) + value
                by_reason = reasons.setdefault(block.code, {})
                by_reason[block.reason] = by_reason.get(block.reason, NOTHING) + value
    rows = [
        TradeException(
            subject=f"{_class_subject(market, left.group, left.row.asset_class)}: "
            f"{code.replace('_', ' ')}",
            reason_code=code,
            rationale=f"{dollars(value)} of {_names(asset_classes)} is not sold: "
            f"{_largest_reasons(reasons[code])}.",
            asset_class=left.row.asset_class,
            amount=value.quantize(CENT),
        )
        for code, value in sorted(amounts.items())
        if value > 0
    ]
    return rows + _cash_cause(market, ledger, left, asset_classes)


def _cash_cause(
    market: Market, ledger: PlanLedger, left: LeftOver, asset_classes: set[str]
) -> list[TradeException]:
    """Cash above its band that must stay: minimum cash, or too little in each account."""
    if left.row.asset_class != CASH or CASH not in asset_classes:
        return []
    accounts = market.index.accounts_of_group.get(left.group.allocation_group_id, [])
    minimum = sum(
        (account.cash.minimum for account in accounts if account.cash is not None), NOTHING
    )
    free = sum((max(NOTHING, ledger.spendable(each.account_id)) for each in accounts), NOTHING)
    return [
        TradeException(
            subject=f"{_class_subject(market, left.group, CASH)}: kept",
            reason_code="below_minimum",
            rationale=f"{dollars(minimum)} is minimum cash of the accounts; the {dollars(free)} "
            "that is free lies in accounts that cannot use it for a trade of at least "
            f"{dollars(market.minimum_trade)}.",
            asset_class=CASH,
            amount=free.quantize(CENT),
        )
    ]


def _classes_above_target(ledger: PlanLedger, group: AllocationGroup) -> set[str]:
    """Classes that could give dollars to one that lacks them."""
    total = ledger.group_value(group.allocation_group_id)
    values = ledger.class_values[group.allocation_group_id]
    return {
        row.asset_class
        for row in group.classes
        if row.asset_class != CASH
        and values.get(row.asset_class, NOTHING) > row.target_weight * total
    }


def _names(asset_classes: set[str]) -> str:
    return next(iter(asset_classes)) if len(asset_classes) == 1 else "classes above their targets"


def _largest_reasons(reasons: dict[str, Decimal]) -> str:
    """The reasons that hold the most dollars, and how many more there are."""
    ordered = sorted(reasons, key=lambda reason: (-reasons[reason], reason))
    told = "; ".join(ordered[:TOLD_REASONS])
    more = len(ordered) - TOLD_REASONS
    return f"{told}; and {more} more of the kind" if more > 0 else told


def _blocked_value(
    market: Market,
    ledger: PlanLedger,
    account: Account,
    position: Position,
    allowed: CategorySet,
) -> list[tuple[Block, Decimal]]:
    price = market.index.securities[position.security_id].price
    whole = account.block or position.block
    if whole is not None or not price:
        block = whole or Block("frozen", "it has no price today")
        return [(block, position.market_value or NOTHING)]
    found = []
    for lot in position.lots:
        blocked = market.sells.lot_block(ledger, position, lot, allowed)
        if blocked is not None:
            kept = lot.quantity - ledger.sold_lots.get(lot.lot_id, NOTHING)
            found.append((blocked, kept * price))
    return found


def _buying_causes(market: Market, ledger: PlanLedger, left: LeftOver) -> list[TradeException]:
    name = left.row.asset_class
    if name == CASH:
        return []
    accounts = market.index.accounts_of_group.get(left.group.allocation_group_id, [])
    options = [
        option
        for account in accounts
        for option in market.index.options.get((account.account_id, name), [])
    ]
    subject = _class_subject(market, left.group, name)
    if not options:
        reason = f"No account of the group may buy a security of {name}: none is on its buy list."
        return [TradeException(f"{subject}: restricted", "restricted", reason, asset_class=name)]
    blocks = [market.buys.block(ledger, option) for option in options]
    if all(block is not None for block in blocks):
        reasons = "; ".join(dict.fromkeys(block.reason for block in blocks if block is not None))
        return [
            TradeException(
                f"{subject}: wash sale window",
                "wash_sale_window",
                f"No security of {name} may be bought now: {reasons}.",
                asset_class=name,
            )
        ]
    is_bought = any(
        ledger.order_of(option.account_id, option.security_id, BUY) is not None
        for option in options
    )
    if left.outside < market.minimum_trade and not is_bought:
        return [
            TradeException(
                f"{subject}: below minimum",
                "below_minimum",
                f"{name} lacks {dollars(left.outside)}, less than the smallest trade of "
                f"{dollars(market.minimum_trade)}.",
                asset_class=name,
            )
        ]
    return []


def _deferral_row(market: Market, deferral: Deferral) -> TradeException:
    group = market.index.groups[deferral.allocation_group_id]
    tax = "an unknown tax" if deferral.tax is None else f"{dollars(deferral.tax)} of tax"
    years = (
        "which less drift would not pay back"
        if deferral.years is None
        else f"which less drift would pay back in {deferral.years:.1f} years"
    )
    return TradeException(
        subject=f"{_class_subject(market, group, deferral.asset_class)}: sale at a gain",
        reason_code="deferred",
        rationale=f"Selling {dollars(deferral.amount)} of {deferral.asset_class} in taxable "
        f"accounts would cost {tax} and {dollars(deferral.cost)} to trade, {years}: put off.",
        asset_class=deferral.asset_class,
        amount=deferral.amount,
    )


def _account_blocks(
    market: Market, ledger: PlanLedger, account: Account, allowed: CategorySet
) -> list[Block]:
    return [
        block
        for position in market.index.positions_of_account.get(account.account_id, [])
        for block, _ in _blocked_value(market, ledger, account, position, allowed)
    ]


def _class_subject(market: Market, group: AllocationGroup, asset_class: str) -> str:
    if len(market.index.household.groups) == 1:
        return asset_class
    return f"{asset_class} ({group.allocation_group_id})"
