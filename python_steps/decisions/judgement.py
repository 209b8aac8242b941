"""A returned workbook as a whole: decisions that may be recorded, or refusals. All or nothing.

Belongs here: the order of the checks, one trade decided once, and whether a file agrees with what
was returned before for the same plan. Does not belong here: the single checks, reading files or
records.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from python_steps.decisions.decision_cells import WrittenDecision, written_decision
from python_steps.decisions.identity_check import identity_refusals
from python_steps.decisions.order_checks import DecidedTrade, OrderSet, order_refusals
from python_steps.decisions.plan_facts import (
    EarlierReturn,
    PlanFacts,
    PlanIdentity,
    Row,
    TradeDecision,
)
from python_steps.decisions.protected_cells import (
    lot_refusals,
    protected_cell_refusals,
    record_refusals,
)
from python_steps.decisions.refusals import Refusal, RefusedFileError, shown_value
from python_steps.decisions.returned_workbook import ReturnedWorkbook
from python_steps.decisions.stamp import APPROVE, DECISION, OVERRIDE, REJECT, SNOOZE_UNTIL, TRADE_ID
from python_steps.policy import FirmPolicy
from python_steps.sessions import NEW_YORK, session_open_for_orders
from python_steps.wash_sales.policy import WashSalePolicy


@dataclass(frozen=True)
class Returned:
    """A workbook that came back, who decided, and when (with its time zone)."""

    workbook: ReturnedWorkbook
    advisor_id: str
    decided_at: datetime


@dataclass(frozen=True)
class Judgement:
    """What becomes of a returned workbook.

    Attributes:
        decisions: what it decides; empty where it is refused.
        refusals: why it is not taken. Conflicts are among them.
        conflicting: what it decides otherwise than an earlier return: then nothing of the plan may
            be released, and both stand on record.
        notices: what people should know of a return that is taken.
    """

    decisions: tuple[TradeDecision, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    conflicting: tuple[TradeDecision, ...] = ()
    notices: tuple[str, ...] = ()


def judge_identity(returned: Returned, identity: PlanIdentity) -> list[Refusal]:
    """Why the workbook's plan cannot be decided; nothing where it can."""
    return identity_refusals(returned.workbook, identity, returned.advisor_id, returned.decided_at)


def judge_decisions(
    returned: Returned,
    identity: PlanIdentity,
    facts: PlanFacts,
    policy: FirmPolicy,
    earlier: Sequence[EarlierReturn] = (),
) -> Judgement:
    """The decisions of a workbook whose plan may be decided.

    Args:
        returned: the workbook, and who decided when.
        identity: of its plan; `judge_identity` found nothing against it.
        facts: of the plan's night.
        policy: the firm's.
        earlier: returns of the same plan that stand and that this one does not replace.
    """
    sheet = returned.workbook.sheet
    written, refusals = _read_rows(returned.workbook, identity, facts)
    refusals += lot_refusals(sheet, facts, returned.workbook.lots)
    last_snooze = _latest_snooze(returned.decided_at, policy)
    refusals += [
        refusal
        for one in written
        for refusal in _snooze_refusals(sheet, one, returned.decided_at, last_snooze)
    ]
    if not written and not refusals:
        words = "no trade is decided in the workbook"
        what = "Write Approve, Reject or Override beside the trades and return the file."
        refusals.append(Refusal("something_is_decided", sheet, "", "", words, what))
    if refusals:
        return Judgement(refusals=tuple(refusals))
    orders = _orders(sheet, written, identity, facts, returned.decided_at)
    wash_sales = WashSalePolicy(**policy.wash_sale_settings())
    refusals = [
        *_ordered_otherwise(sheet, written, facts),
        *order_refusals(orders, facts, policy, wash_sales),
    ]
    if refusals:
        return Judgement(refusals=tuple(refusals))
    decisions = tuple(_decision(one, facts) for one in written)
    conflicts = [
        refusal for one in earlier for refusal in _conflicts(sheet, one, decisions, written)
    ]
    if conflicts:
        return Judgement(refusals=tuple(conflicts), conflicting=decisions)
    known = {decision.trade_id for one in earlier for decision in one.decisions}
    return Judgement(
        decisions=tuple(one for one in decisions if one.trade_id not in known),
        notices=tuple(_notices(orders, facts, known | {one.trade_id for one in decisions})),
    )


def _read_rows(
    workbook: ReturnedWorkbook, identity: PlanIdentity, facts: PlanFacts
) -> tuple[list[WrittenDecision], list[Refusal]]:
    """The written decisions, and what is wrong in any row, decided or not."""
    written: dict[str, WrittenDecision] = {}
    seen: dict[str, str] = {}
    refusals: list[Refusal] = []
    for cells in workbook.rows:
        cell = cells[TRADE_ID]
        trade_id = "" if cell.is_empty else str(cell.value).strip()
        if cell.is_formula or trade_id not in facts.trades:
            reason = "this is no trade of the plan"
            what = "Undo the change: each row keeps the id of its trade."
            refusals.append(
                Refusal(
                    "trade_is_of_the_plan",
                    workbook.sheet,
                    cell.place,
                    shown_value(cell.value),
                    reason,
                    what,
                )
            )
            continue
        if trade_id in seen:
            reason = f"this trade stands in {seen[trade_id]} too"
            what = "Keep one row of each trade."
            refusals.append(
                Refusal("trade_is_decided_once", workbook.sheet, cell.place, trade_id, reason, what)
            )
            continue
        seen[trade_id] = cell.place
        issued = identity.issued_trades[trade_id]
        refusals += record_refusals(workbook.sheet, facts.trades[trade_id], issued, cells)
        refusals += protected_cell_refusals(workbook.sheet, trade_id, facts, cells)
        try:
            decision = written_decision(workbook.sheet, cells)
        except RefusedFileError as error:
            refusals += error.refusals
            continue
        if decision is not None:
            written[trade_id] = decision
    return list(written.values()), refusals


def _ordered_otherwise(
    sheet: str, written: Sequence[WrittenDecision], facts: PlanFacts
) -> Iterator[Refusal]:
    """What has left as an order can no longer be decided otherwise, nor be left out."""
    by_trade = {one.trade_id: one for one in written}
    for trade_id, quantity in sorted(facts.ordered.items()):
        one = by_trade.get(trade_id)
        if one is not None and _quantity(one, facts) == quantity:
            continue
        reason = f"trade {trade_id} has left as an order for {quantity.normalize():,f} shares"
        what = "Decide it as it left; to stop it, cancel the order at the custodian."
        place, value = ("", "") if one is None else (one.places[DECISION], one.decision)
        yield Refusal("order_has_not_left", sheet, place, value, reason, what)


def _latest_snooze(decided_at: datetime, policy: FirmPolicy) -> date:
    return decided_at.astimezone(NEW_YORK).date() + timedelta(days=policy.longest_snooze_days)


def _snooze_refusals(
    sheet: str, written: WrittenDecision, decided_at: datetime, latest: date
) -> list[Refusal]:
    until = written.snooze_until_date
    if until is None or decided_at.astimezone(NEW_YORK).date() < until <= latest:
        return []
    reason = f"a rejected trade may rest from tomorrow to {latest}"
    place = written.places[SNOOZE_UNTIL]
    what = "Write a date of that time, or leave the cell empty."
    return [Refusal("snooze_is_to_come", sheet, place, until.isoformat(), reason, what)]


def _orders(
    sheet: str,
    written: Sequence[WrittenDecision],
    identity: PlanIdentity,
    facts: PlanFacts,
    decided_at: datetime,
) -> OrderSet:
    if identity.planned_trade_date is None:
        raise ValueError(f"plan {identity.issued} has no planned trade date")
    return OrderSet(
        sheet=sheet,
        traded={
            one.trade_id: DecidedTrade(facts.trades[one.trade_id], one, _quantity(one, facts))
            for one in written
            if one.decision in (APPROVE, OVERRIDE)
        },
        proposed=facts.trades,
        # A plan for a later session is not executed before it.
        execution_date=max(session_open_for_orders(decided_at), identity.planned_trade_date),
        planned_trade_date=identity.planned_trade_date,
    )


def _quantity(written: WrittenDecision, facts: PlanFacts) -> Decimal:
    if written.decision == REJECT:
        return Decimal(0)
    if written.quantity is not None:
        return written.quantity
    return Decimal(facts.trades[written.trade_id]["quantity"])


def _decision(written: WrittenDecision, facts: PlanFacts) -> TradeDecision:
    return TradeDecision(
        trade_id=written.trade_id,
        decision=written.decision,
        quantity=_quantity(written, facts),
        snooze_until_date=written.snooze_until_date,
        note=written.note,
        cell=written.places[DECISION],
    )


def _conflicts(
    sheet: str,
    earlier: EarlierReturn,
    decisions: Sequence[TradeDecision],
    written: Sequence[WrittenDecision],
) -> list[Refusal]:
    """What this file decides otherwise than an earlier one; silence about a trade is otherwise."""
    now = {decision.trade_id: decision for decision in decisions}
    places = {one.trade_id: one.places[DECISION] for one in written}
    refusals = []
    moment = earlier.decided_at.astimezone(NEW_YORK)
    for before in earlier.decisions:
        after = now.get(before.trade_id)
        if after is not None and _says(after) == _says(before):
            continue
        reason = (
            f"{earlier.file_name}, returned at {moment:%Y-%m-%d %H:%M}, decides trade "
            f"{before.trade_id} otherwise: {_in_words(before)}. Nothing of the plan is released"
        )
        what = "Say which file holds: evenkeel decide FILE --as ADVISOR --replace."
        place, value = places.get(before.trade_id, ""), "" if after is None else _in_words(after)
        refusals.append(Refusal("returns_agree", sheet, place, value, reason, what))
    return refusals


def _says(decision: TradeDecision) -> tuple[str, Decimal, date | None]:
    return decision.decision, decision.quantity, decision.snooze_until_date


def _in_words(decision: TradeDecision) -> str:
    if decision.decision == OVERRIDE:
        return f"{decision.decision} to {decision.quantity.normalize():f}"
    until = decision.snooze_until_date
    return decision.decision if until is None else f"{decision.decision} until {until}"


def _notices(orders: OrderSet, facts: PlanFacts, decided: Set[str]) -> list[str]:
    """What was not checked because nothing is known, and what is left open."""
    notices = []
    open_trades = [
        f"{trade['trade_sequence']} ({trade['action']} {_ticker(trade, facts)})"
        for trade in sorted(facts.trades.values(), key=lambda trade: int(trade["trade_sequence"]))
        if trade["trade_id"] not in decided
    ]
    if open_trades:
        notices.append(f"not decided, so not released: trades {', '.join(open_trades)}")
    unknown = {one.row["security_id"] for one in orders.traded.values()} - set(facts.prices)
    if unknown:
        notices.append(
            f"no price later than the plan's is known of {len(unknown)} securities, so how far "
            "they moved is not checked"
        )
    return notices


def _ticker(trade: Row, facts: PlanFacts) -> str:
    security = facts.securities.get(trade["security_id"])
    return str(security["ticker"] if security else trade["security_id"])
