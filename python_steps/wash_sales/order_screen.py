"""May this order be given on this day? One order against a published night.

Belongs here: what a night's rows mean to the pre-trade screen, which orders cannot be meant at all,
and the union of the screen's verdict with the night's standing windows, which also know purchases
and sales that no lot shows, with the night's own proposed trades and with accounts whose files did
not come. Does not belong here: the law (`screen`), reading the rows, rendering.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from python_steps.sessions import is_session, next_session
from python_steps.wash_sales.book import NOT_PURCHASED, account_facts
from python_steps.wash_sales.events import WashAccount
from python_steps.wash_sales.policy import WashSalePolicy
from python_steps.wash_sales.screen import (
    Holding,
    PastPurchase,
    PastSale,
    Proposal,
    ScreenState,
    Verdict,
    purchase_counts,
    screen_proposals,
)

Action = Literal["buy", "sell"]
Row = Mapping[str, Any]


class OrderError(ValueError):
    """The order cannot be meant; the message says why."""


@dataclass(frozen=True)
class Order:
    """One order that somebody thinks of giving.

    `quantity` None asks for all shares of a sale, and for any purchase at all.
    """

    action: Action
    day: date
    quantity: Decimal | None = None
    lot_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class NightFacts:
    """What a published night says of an order's account and security; rows of the marts.

    Attributes:
        as_of_date: the night.
        account: the account's row of dim_accounts.
        security: the security's row of dim_securities.
        accounts: the accounts that the screen looks at, the order's among them.
        securities: the identity group: price by security, None where there is none.
        lots: open lots of these in those, of fct_tax_lots.
        sales: their sales since `first_day_that_matters` of known result, of fct_realized_gains.
        planned: what tonight's plans trade in these accounts and securities, rows of
            fct_recommended_trades with the plan's planned_trade_date.
        window: the group's row of fct_wash_sale_windows, None where nothing bars anything.
        unseen: accounts of the wash-sale group whose files did not come, in words.
    """

    as_of_date: date
    account: Row
    security: Row
    accounts: Sequence[Row]
    securities: Mapping[str, Decimal | None]
    lots: Sequence[Row]
    sales: Sequence[Row]
    planned: Sequence[Row]
    window: Row | None
    unseen: Sequence[str]


def check_day(day: date, as_of_date: date) -> None:
    """Refuse a day that this night cannot judge.

    Raises:
        OrderError: the day is not after the night, or the exchange is closed on it.
    """
    if day <= as_of_date:
        raise OrderError(
            f"an order of {day} cannot be judged by the night of {as_of_date}; ask for a "
            f"later day, the next session is {next_session(as_of_date)}"
        )
    if not is_session(day):
        raise OrderError(f"the exchange is closed on {day}")


def identity_of(security: Row) -> str:
    """The identity group of a security; one without stands alone."""
    return str(security["identity_group_id"] or security["security_id"])


def first_day_that_matters(as_of_date: date, policy: WashSalePolicy) -> date:
    """Since when purchases and sales bear on an order of the next session."""
    return as_of_date - timedelta(days=policy.window_days + 1)


def judge_order(
    order: Order, facts: NightFacts, policy: WashSalePolicy
) -> tuple[Verdict, Decimal | None]:
    """The verdict on one order, and the shares it is about (None: any purchase at all).

    Raises:
        OrderError: the order cannot be meant, or whether it sells at a loss is not known.
    """
    holdings = [
        _holding(row, facts.securities[row["security_id"]], facts.as_of_date) for row in facts.lots
    ]
    own = [
        lot
        for lot in holdings
        if lot.account_id == facts.account["account_id"]
        and lot.security_id == facts.security["security_id"]
    ]
    proposal = _proposal(order, facts, own)
    (verdict,) = screen_proposals(_state(facts, holdings, policy), [proposal], policy)
    verdict = _with_window(verdict, facts, proposal, own)
    verdict = _with_tonights_trades(verdict, facts, proposal, own, policy)
    verdict = _with_unseen_accounts(verdict, facts, proposal, own)
    is_any_purchase = order.action == "buy" and not order.quantity
    return verdict, None if is_any_purchase else proposal.quantity


def _state(facts: NightFacts, holdings: Sequence[Holding], policy: WashSalePolicy) -> ScreenState:
    """What the accounts hold, bought and sold of the identity group.

    Accounts of the household's other wash-sale groups (a minor's, a trust's) are outside: only a
    contested reading counts them.
    """
    oldest = first_day_that_matters(facts.as_of_date, policy)
    return ScreenState(
        accounts=list(_wash_accounts(facts).values()),
        purchases=[
            PastPurchase(
                lot.acquired, lot.account_id, lot.security_id, lot.quantity, lot.lot_id, lot.origin
            )
            for lot in holdings
            if lot.acquired is not None and lot.acquired >= oldest
        ],
        sales=[
            PastSale(
                row["disposal_date"],
                row["account_id"],
                row["security_id"],
                row["quantity"],
                (row["proceeds"] - row["cost_basis"]) / row["quantity"],
                f"{row['closed_lot_key']}/{row['part']}",
            )
            for row in facts.sales
            if row["quantity"]
        ],
        holdings=list(holdings),
        identity_groups=dict.fromkeys(facts.securities, identity_of(facts.security)),
    )


def _wash_accounts(facts: NightFacts) -> dict[str, WashAccount]:
    """The accounts by id, those of another wash-sale group than the order's marked so."""
    own_group = facts.account["wash_sale_group_id"] or facts.account["account_id"]
    accounts = [account_facts(row) for row in facts.accounts]
    return {
        row.account_id: row.as_wash_account(is_outside_group=row.wash_group_id != own_group)
        for row in accounts
    }


def _holding(lot: Row, price: Decimal | None, as_of_date: date) -> Holding:
    if price is None:
        raise OrderError(
            f"{lot['security_id']} has no price on {as_of_date}, so whether a sale is at a loss is "
            "not known"
        )
    is_bought = (lot["acquisition_type"] or "").upper() not in NOT_PURCHASED
    return Holding(
        account_id=lot["account_id"],
        security_id=lot["security_id"],
        lot_id=lot["lot_id"],
        quantity=lot["quantity"],
        acquired=lot["acquisition_date"],
        unit_cost=None if lot["cost_basis"] is None else lot["cost_basis"] / lot["quantity"],
        price=price,
        origin="purchase" if is_bought else "other",
    )


def _proposal(order: Order, facts: NightFacts, own: Sequence[Holding]) -> Proposal:
    account, security = facts.account, facts.security
    held = sum((lot.quantity for lot in own), Decimal(0))
    quantity = order.quantity
    if order.action == "sell":
        unknown = sorted(set(order.lot_ids) - {lot.lot_id for lot in own})
        if unknown:
            raise OrderError(
                f"{account['account_name']} has no lot {', '.join(unknown)} of {security['ticker']}"
            )
        chosen = [lot for lot in own if not order.lot_ids or lot.lot_id in order.lot_ids]
        most = sum((lot.quantity for lot in chosen), Decimal(0))
        quantity = most if quantity is None else quantity
        if not held:
            raise OrderError(
                f"the night knows of no {security['ticker']} in {account['account_name']}"
                + (
                    f", whose files of {account['custodian']} did not come"
                    if account["account_state"] == "waiting_for_feed"
                    else ""
                )
            )
        if quantity > most:
            raise OrderError(
                f"{account['account_name']} holds {_shares(most)} {security['ticker']} "
                f"in these lots, not {_shares(quantity)}"
            )
    elif order.lot_ids:
        raise OrderError("lots are named for a sale only")
    if quantity is not None and quantity <= 0:
        raise OrderError(f"the quantity must be more than 0, not {_shares(quantity)}")
    return Proposal(
        day=order.day,
        action=order.action,
        account_id=account["account_id"],
        security_id=security["security_id"],
        # Any purchase at all: one share stands for it.
        quantity=Decimal(1) if quantity is None else quantity,
        lot_ids=order.lot_ids,
    )


def _shares(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}"


def _with_window(
    verdict: Verdict, facts: NightFacts, proposal: Proposal, own: Sequence[Holding]
) -> Verdict:
    """The verdict, or a stricter one where the night's window bars the day."""
    window = facts.window
    if window is None or verdict.verdict == "block":
        return verdict
    if proposal.action == "buy":
        last_day = window["no_buy_until_date"]
        matters = True
    else:
        last_day = window["no_loss_sale_until_date"]
        matters = facts.account["tax_treatment"] == "taxable" and _may_realise_a_loss(proposal, own)
    if not matters:
        return verdict
    if last_day is not None and proposal.day <= last_day:
        return Verdict(
            "block",
            f"Barred until {last_day}: {window['caused_by']}",
            clear_on_date=last_day + timedelta(days=1),
            consequence=verdict.consequence,
        )
    if proposal.action == "sell" and window["coverage"] not in (None, "known"):
        return Verdict("block", f"A loss may be washed without being seen: {window['caused_by']}")
    return verdict


def _with_tonights_trades(
    verdict: Verdict,
    facts: NightFacts,
    proposal: Proposal,
    own: Sequence[Holding],
    policy: WashSalePolicy,
) -> Verdict:
    """The verdict, or a stricter one where the order and a proposed trade wash a loss together.

    Nobody knows yet whether a proposed trade is executed; the order is judged as if it were.
    """
    against = [row for row in facts.planned if _opposes(row, facts, proposal, own, policy)]
    accounts = _wash_accounts(facts)
    order_account = accounts[proposal.account_id]

    def counts(row: Row) -> bool:
        other = accounts[row["account_id"]]
        buyer, seller = (order_account, other)[:: 1 if proposal.action == "buy" else -1]
        is_outside = buyer.is_outside_group != seller.is_outside_group
        return purchase_counts(buyer._replace(is_outside_group=is_outside), policy)

    certain = [row for row in against if counts(row)]
    if not certain and (not against or verdict.verdict != "allow"):
        return verdict
    named = certain or against
    buyers = (
        [order_account]
        if proposal.action == "buy"
        else [accounts[row["account_id"]] for row in named]
    )
    is_permanent = any(account.kind != "taxable" for account in buyers)
    clear_on = max(row["planned_trade_date"] for row in named) + timedelta(
        days=policy.window_days + 1
    )
    tonight = Verdict(
        "block" if certain else "warn",
        _tonight_in_words(named, proposal, clear_on, is_permanent, is_contested=not certain),
        clear_on_date=clear_on,
        consequence="permanent" if is_permanent else "deferred",
    )
    return tonight if verdict.verdict in ("allow", "warn") else _joined(verdict, tonight)


def _opposes(
    row: Row, facts: NightFacts, proposal: Proposal, own: Sequence[Holding], policy: WashSalePolicy
) -> bool:
    """Whether one of the two is a sale at a loss and the other a purchase inside its window."""
    distance = abs((row["planned_trade_date"] - proposal.day).days)
    if row["action"] == proposal.action or distance > policy.window_days:
        return False
    if proposal.action == "buy":
        # What an untaxed account sells realises nothing.
        return bool(row["realized_short_term_loss"] + row["realized_long_term_loss"] < 0)
    return facts.account["tax_treatment"] == "taxable" and _may_realise_a_loss(proposal, own)


def _tonight_in_words(
    trades: Sequence[Row],
    proposal: Proposal,
    clear_on: date,
    is_permanent: bool,
    *,
    is_contested: bool,
) -> str:
    is_purchase = proposal.action == "buy"
    named = ", ".join(
        f"{'sells' if is_purchase else 'buys'} {_shares(row['quantity'])} {row['ticker']} "
        f"{'at a loss ' if is_purchase else ''}in {row['account_name']} on "
        f"{row['planned_trade_date']} (trade {row['trade_id']})"
        for row in trades
    )
    whose = "that loss" if is_purchase else "the loss of this sale"
    fate = "lost for good" if is_permanent else "deferred into the replacement shares"
    which = "this" if is_purchase else "that"
    reading = f"by a contested reading {which} purchase counts; then " if is_contested else ""
    other = "sale" if is_purchase else "purchase"
    return (
        f"Tonight's plan {named}; {reading}{whose} would be {fate}. "
        f"Clear on {clear_on} if that {other} is executed."
    )


def _joined(verdict: Verdict, tonight: Verdict) -> Verdict:
    """Two obstacles: the later date clears both, and none does where one has none."""
    dates = [verdict.clear_on_date, tonight.clear_on_date]
    known = [day for day in dates if day is not None]
    is_permanent = "permanent" in (verdict.consequence, tonight.consequence)
    return verdict._replace(
        verdict="block",
        why=f"{verdict.why} {tonight.why}",
        clear_on_date=max(known) if len(known) == len(dates) else None,
        consequence="permanent" if is_permanent else "deferred",
    )


def _with_unseen_accounts(
    verdict: Verdict, facts: NightFacts, proposal: Proposal, own: Sequence[Holding]
) -> Verdict:
    """Nothing known against an order is no clearance while an account is not seen."""
    if not facts.unseen or verdict.verdict != "allow":
        return verdict
    named = ", ".join(facts.unseen)
    if proposal.action == "buy":
        why = (
            f"No loss that is known would be washed, but the files of {named} did not come: "
            "a sale at a loss there would not be seen"
        )
        return Verdict("warn", why)
    if facts.account["tax_treatment"] == "taxable" and _may_realise_a_loss(proposal, own):
        why = f"A loss may be washed without being seen: the files of {named} did not come"
        return Verdict("block", why)
    return verdict


def _may_realise_a_loss(proposal: Proposal, own: Sequence[Holding]) -> bool:
    chosen = [lot for lot in own if not proposal.lot_ids or lot.lot_id in proposal.lot_ids]
    return any(lot.unit_cost is None or lot.price < lot.unit_cost for lot in chosen)
