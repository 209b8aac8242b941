"""Releasing approved trades as order files: each once, only while its plan stands.

Belongs here: finding the approvals that stand, reading what an order needs, writing `outbox/` and
the record. Does not belong here: which trades make one order and how it is traded, file layouts
(python_steps.orders), any judgement of a decision (python_steps.decisions).
"""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from data_contracts.order_layouts import order_layout_text
from orchestration.decision_records import DecisionRecords, standing_returns
from orchestration.decisions import terms_at
from orchestration.home import Home
from orchestration.order_records import OrderRecords, ReleasedTrade
from orchestration.questions import Row, Snapshot
from orchestration.records import Records
from python_steps.decisions.order_checks import lots_of_sale
from python_steps.decisions.plan_facts import TradeDecision
from python_steps.decisions.stamp import APPROVE, OVERRIDE
from python_steps.orders.approved import (
    SELL,
    ApprovedTrade,
    LotToDeliver,
    OrderError,
    Tradable,
    require_whole,
)
from python_steps.orders.blocks import Block, blocks_of
from python_steps.orders.order_files import order_files, order_layout
from python_steps.planning.household import FUND_TYPES
from python_steps.reports.styles import harmless_text
from python_steps.sessions import NEW_YORK, session_open_for_orders

_CENT = Decimal("0.01")
_UNFINISHED = ".unfinished"


@dataclass(frozen=True)
class NotReleased:
    """Approved trades of one household that did not leave, and why."""

    household_id: str
    plan_id: str
    reason: str


@dataclass(frozen=True)
class Release:
    """What left: the orders, their folder (None where nothing left) and what was kept back."""

    number: int
    folder: Path | None
    blocks: tuple[Block, ...]
    not_released: tuple[NotReleased, ...]


def release_orders(home: Home, released_at: datetime, *, is_trial: bool = False) -> Release:
    """Release every approved trade that has not left yet.

    Args:
        home: the firm's folder.
        released_at: when, with a time zone.
        is_trial: tell what would leave, write and record nothing.

    Raises:
        QuestionError: nothing is published yet.
        OrderError: an order layout of the firm cannot be followed.
    """
    records = OrderRecords(home.records)
    _finish_interrupted(home, records)
    snapshot = Snapshot(home.published)
    with snapshot.held_open():
        night = snapshot.latest_session()
        approvals, held_back = _approvals(home, snapshot, released_at, records.released())
        trades, more = _approved_trades(home, snapshot, night, approvals)
        cash = {
            row["account_id"]: row["investable"]
            for row in _rows(snapshot, "fct_account_cash", night)
            if row["investable"] is not None
        }
    households, refused = _sound_households(trades, cash)
    blocks = blocks_of(households, cash, execution_buffer=home.policy().execution_buffer)
    number = records.next_release()
    not_released = (*held_back, *more, *refused)
    if is_trial or not blocks:
        return Release(number, None, tuple(blocks), not_released)
    folder = _write_release(home, number, night, blocks, released_at, records)
    return Release(number, folder, tuple(blocks), not_released)


def _approvals(
    home: Home, snapshot: Snapshot, released_at: datetime, released: set[str]
) -> tuple[dict[str, dict[str, TradeDecision]], list[NotReleased]]:
    """By plan, the approved trades that have not left; and the plans whose approvals are void."""
    decisions = DecisionRecords(home.records)
    decided = decisions.decisions_until(released_at)
    plans = {row["plan_id"]: row for row in _current_plans(snapshot)}
    approvals: dict[str, dict[str, TradeDecision]] = {}
    held_back = []
    for plan_id, household_id in sorted({(row["plan_id"], row["household_id"]) for row in decided}):
        standing, is_conflicting = standing_returns(
            [pair for pair in decisions.returns_of(plan_id) if pair[0].decided_at <= released_at]
        )
        wanted = {
            decision.trade_id: decision
            for one in standing
            for decision in one.decisions
            if decision.decision in (APPROVE, OVERRIDE) and decision.trade_id not in released
        }
        if not wanted:
            continue
        decided_at = min(one.decided_at for one in standing)
        reason = _why_void(
            plans.get(plan_id), decided_at, released_at, is_conflicting=is_conflicting
        )
        if reason is None:
            approvals[plan_id] = wanted
        else:
            held_back.append(NotReleased(household_id, plan_id, reason))
    return approvals, held_back


def _current_plans(snapshot: Snapshot) -> list[Row]:
    return snapshot.query(
        """
        select plans.*, households.household_state
        from marts.fct_rebalance_plans_current as plans
        inner join marts.dim_households_current as households using (household_id)
        where plans.plan_id is not null
        """
    )


def _why_void(
    plan: Row | None, decided_at: datetime, released_at: datetime, *, is_conflicting: bool
) -> str | None:
    """Why approvals of a plan release nothing; None where they do.

    Approvals were checked (terms, wash sales, windows) for the session in which they could first be
    traded: in a later one another check could end otherwise.
    """
    day = released_at.astimezone(NEW_YORK).date()
    if is_conflicting:
        return "its returned workbooks contradict each other: return one with --replace"
    if plan is None:
        return "a newer night or version has taken the plan's place: decide on the new workbook"
    if plan["household_state"] != "released":
        return f"the household is {plan['household_state']}"
    # After the close an order waits for the next session: that one must be in time, too.
    session = session_open_for_orders(released_at)
    checked = max(session_open_for_orders(decided_at), plan["planned_trade_date"])
    if session > plan["valid_until_date"]:
        return f"the plan was valid until {plan['valid_until_date']}: decide on the new workbook"
    if day < plan["planned_trade_date"]:
        return f"the plan is for {plan['planned_trade_date']}: release it then"
    if session > checked:
        return f"it was checked for trading on {checked}, not on {session}: return it --replace"
    return None


def _rows(snapshot: Snapshot, mart: str, night: date) -> list[Row]:
    return snapshot.query(f"select * from marts.{mart} where as_of_date = $1 order by all", [night])


def _approved_trades(
    home: Home,
    snapshot: Snapshot,
    night: date,
    approvals: Mapping[str, Mapping[str, TradeDecision]],
) -> tuple[list[ApprovedTrade], list[NotReleased]]:
    """The approved trades as orders need them; a plan with one that cannot be read stays."""
    if not approvals:
        return [], []
    facts = _NightFacts(home, snapshot, night)
    trades: list[ApprovedTrade] = []
    held_back = []
    proposed: dict[str, list[Row]] = {}
    for row in _rows(snapshot, "fct_recommended_trades", night):
        proposed.setdefault(row["plan_id"], []).append(row)
    for plan_id, wanted in sorted(approvals.items()):
        rows = [row for row in proposed.get(plan_id, ()) if row["trade_id"] in wanted]
        if len(rows) != len(wanted):
            gone = sorted(wanted.keys() - {row["trade_id"] for row in rows})
            reason = f"the published plan does not have the approved trade {gone[0]}"
            household_id = next(iter(proposed.get(plan_id, ())), {}).get("household_id", "")
            held_back.append(NotReleased(household_id, plan_id, reason))
            continue
        trades += [facts.approved(row, wanted[row["trade_id"]]) for row in rows]
    return trades, held_back


class _NightFacts:
    """What orders need of a night, read once."""

    def __init__(self, home: Home, snapshot: Snapshot, night: date) -> None:
        self._accounts = {row["account_id"]: row for row in _rows(snapshot, "dim_accounts", night)}
        self._securities = {
            row["security_id"]: row for row in _rows(snapshot, "dim_securities", night)
        }
        self._terms: dict[str, list[Row]] = {}
        for row in _rows(snapshot, "dim_security_custodians", night):
            self._terms.setdefault(row["security_id"], []).append(row)
        self._lots: dict[str, list[Row]] = {}
        for lot in _rows(snapshot, "fct_trade_lots", night):
            self._lots.setdefault(lot["trade_id"], []).append(lot)
        self._numbers = {
            account.account_id: account.account_number
            for account in Records(home.records).accounts()
        }

    def approved(self, row: Row, decision: TradeDecision) -> ApprovedTrade:
        """A proposed trade with the quantity that was decided."""
        account = self._accounts[row["account_id"]]
        security = self._securities[row["security_id"]]
        custodian = account["custodian"]
        terms = terms_at(self._terms.get(row["security_id"], []), custodian) or {}
        is_whole = decision.quantity == row["quantity"]
        return ApprovedTrade(
            trade_id=row["trade_id"],
            plan_id=row["plan_id"],
            household_id=row["household_id"],
            account_id=row["account_id"],
            account_number=self._numbers.get(row["account_id"], ""),
            custodian=custodian,
            security=Tradable(
                row["security_id"],
                security["ticker"],
                security["cusip"],
                security["security_name"],
                security["security_type"] in FUND_TYPES,
                security["average_daily_dollar_volume"],
                terms.get("cut_off_time"),
            ),
            action=row["action"],
            quantity=decision.quantity,
            price=row["price"],
            is_in_dollars=terms.get("trades_in") == "dollars" and row["action"] != SELL,
            limit_price=row["limit_price"],
            estimated_cost=_cost(row, decision.quantity),
            # The tax of a part depends on which lots stay: it is not known before it is planned.
            estimated_tax=row["tax_cost"] if is_whole else None,
            lots=self._delivered(row, decision.quantity),
            lot_instruction=row["lot_instruction_text"],
        )

    def _delivered(self, row: Row, quantity: Decimal) -> tuple[LotToDeliver, ...]:
        if row["action"] != SELL or row["lot_instruction"] is None:
            return ()
        lots = self._lots.get(row["trade_id"], [])
        chosen = (
            [(lot, lot["quantity"]) for lot in lots]
            if quantity == row["quantity"]
            else lots_of_sale(quantity, lots)
        )
        return tuple(
            LotToDeliver(lot["lot_id"], lot["source_lot_id"], lot["acquisition_date"], shares)
            for lot, shares in chosen
        )


def _cost(row: Row, quantity: Decimal) -> Decimal | None:
    """Cost of so many shares: impact falls faster than size, so a part's is not more than this."""
    by_size = [row["spread_cost"], row["market_impact"]]
    if row["commission"] is None or None in by_size:
        return None
    share = quantity / row["quantity"]
    return Decimal(row["commission"] + sum(by_size) * share).quantize(_CENT)


def _sound_households(
    trades: Sequence[ApprovedTrade], cash: Mapping[str, Decimal]
) -> tuple[list[ApprovedTrade], list[NotReleased]]:
    """Trades of the households whose trades can all leave; one that cannot keeps its household."""
    problems: dict[str, NotReleased] = {}
    for trade in trades:
        try:
            require_whole(trade)
            if trade.action != SELL and trade.account_id not in cash:
                raise OrderError(f"the cash of account {trade.account_id} is not known")
        except OrderError as error:
            problem = NotReleased(trade.household_id, trade.plan_id, str(error))
            problems.setdefault(trade.household_id, problem)
    sound = [trade for trade in trades if trade.household_id not in problems]
    return sound, [problems[name] for name in sorted(problems)]


def _write_release(
    home: Home,
    number: int,
    night: date,
    blocks: Sequence[Block],
    released_at: datetime,
    records: OrderRecords,
) -> Path:
    """Write the files beside their place, record the release, then put them in place.

    A release that fails leaves neither a record nor a file that a custodian could take.
    """
    folder = home.outbox / f"{night.isoformat()}-release-{number:04d}"
    unfinished = home.outbox / f".{folder.name}{_UNFINISHED}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    files = _files(home, blocks)
    for name, text in files.items():
        path = unfinished / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8", newline="")
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    records.append_release(number, released_at, night, digests, _released_trades(blocks))
    unfinished.replace(folder)
    return folder


def _finish_interrupted(home: Home, records: OrderRecords) -> None:
    """Put in place what is on record but was stopped on its way; what is not on record goes."""
    for folder in sorted(home.outbox.glob(f".*{_UNFINISHED}")):
        name = folder.name.removeprefix(".").removesuffix(_UNFINISHED)
        if records.has_release(int(name.rsplit("-", 1)[1])):
            folder.replace(home.outbox / name)
        else:
            shutil.rmtree(folder)


def _files(home: Home, blocks: Sequence[Block]) -> dict[str, str]:
    files = {"blotter.csv": blotter(blocks)}
    for custodian in sorted({block.custodian for block in blocks}):
        source, text = order_layout_text(custodian, home.order_layouts)
        layout = order_layout(yaml.safe_load(text) or {}, source)
        own = [block for block in blocks if block.custodian == custodian]
        for kind, content in order_files(own, layout).items():
            files[f"{custodian}-{kind}.csv"] = content
    return files


def _released_trades(blocks: Sequence[Block]) -> list[ReleasedTrade]:
    return [
        ReleasedTrade(
            trade.trade_id,
            block.block_id,
            block.wave,
            trade.plan_id,
            trade.household_id,
            trade.account_id,
            trade.custodian,
            trade.security.security_id,
            trade.action,
            trade.quantity,
            trade.price,
            trade.limit_price,
            tuple((lot.lot_id, lot.quantity) for lot in trade.lots),
        )
        for block in blocks
        for trade in block.trades
    ]


_BLOTTER = (
    "wave",
    "custodian",
    "block",
    "side",
    "ticker",
    "security",
    "shares",
    "estimated_amount",
    "limit_price",
    "estimated_cost",
    "estimated_tax",
    "households",
    "lots",
    "advice",
)


def blotter(blocks: Sequence[Block]) -> str:
    """All orders of a release for people, as CSV: what, how much, what it costs, which lots.

    A cost or tax that is not known of one trade is not known of the order: the cell is empty.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_BLOTTER)
    for block in blocks:
        values: dict[str, Any] = {
            "wave": block.wave,
            "custodian": block.custodian,
            "block": block.block_id,
            "side": block.action,
            "ticker": block.security.ticker,
            "security": block.security.name,
            "shares": f"{block.quantity.normalize():f}",
            "estimated_amount": block.notional,
            "limit_price": ""
            if block.limit_price is None
            else f"{block.limit_price.normalize():f}",
            "estimated_cost": _known_sum([trade.estimated_cost for trade in block.trades]),
            "estimated_tax": _known_sum([trade.estimated_tax for trade in block.trades]),
            "households": len({trade.household_id for trade in block.trades}),
            "lots": sum(len(trade.lots) for trade in block.trades),
            "advice": " ".join(block.advice),
        }
        told = (values[name] for name in _BLOTTER)
        writer.writerow([harmless_text(each) if isinstance(each, str) else each for each in told])
    return text.getvalue()


def _known_sum(amounts: Sequence[Decimal | None]) -> Decimal | str:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)).quantize(_CENT) if len(known) == len(amounts) else ""
