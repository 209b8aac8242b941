"""Decisions and consents as records that cannot be rebuilt: what was returned, by whom, when.

Belongs here: the append-only tables of returned workbooks, their decisions and clients' consents in
`records.duckdb`, and what is read from them. Does not belong here: any judgement of a return
(python_steps.decisions). Nothing is ever changed: a return that replaces earlier ones says so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, NamedTuple

import duckdb

from orchestration.records import Records
from python_steps.decisions.plan_facts import EarlierReturn, IssuedTrade, TradeDecision
from python_steps.decisions.refusals import Refusal
from python_steps.decisions.stamp import PlanStamp
from python_steps.decisions.standing import (
    CONFLICTING,
    REPLACED,
    ReturnOutcome,
    standing_states,
)

Outcome = Literal["recorded", "conflicting", "refused"]

_TABLES = (
    """
    create table if not exists decision_returns (
        return_number integer primary key, file_sha256 varchar not null, file_name varchar not null,
        advisor_id varchar not null, decided_at timestamp not null, household_id varchar not null,
        plan_id varchar not null, outcome varchar not null, replaces_earlier boolean not null,
        refusals json not null
    )
    """,
    # Records are older than the code that reads them: what came later is added.
    "alter table decision_returns add column if not exists recorded_at timestamp",
    """
    create table if not exists trade_decisions (
        return_number integer not null, trade_id varchar not null, decision varchar not null,
        quantity decimal(28, 10) not null, snooze_until_date date, note varchar not null,
        cell varchar not null, primary key (return_number, trade_id)
    )
    """,
    """
    create table if not exists client_consents (
        consent_number integer primary key, plan_id varchar not null, account_id varchar not null,
        given_by varchar not null, given_date date not null, channel varchar not null,
        recorded_by varchar not null, recorded_at timestamp not null
    )
    """,
)


class DecisionReturn(NamedTuple):
    """One file that came back and what became of it. `household_id` and `plan_id` as it says."""

    file_sha256: str
    file_name: str
    advisor_id: str
    decided_at: datetime
    household_id: str
    plan_id: str
    outcome: Outcome
    replaces_earlier: bool
    refusals: tuple[Refusal, ...] = ()
    return_number: int = 0


class Consent(NamedTuple):
    """A client's consent to the trades of one plan in one account."""

    plan_id: str
    account_id: str
    given_by: str
    given_date: date
    channel: str
    recorded_by: str
    recorded_at: datetime


class IssuedPlanRecord(NamedTuple):
    """A plan as it was issued."""

    stamp: PlanStamp
    as_of_date: date
    trades: dict[str, IssuedTrade]


class DecisionRecords:
    """What the records hold about decisions."""

    def __init__(self, path: Path) -> None:
        self._records = Records(path, _TABLES)

    def issued_plan(self, plan_id: str) -> IssuedPlanRecord | None:
        """The plan of an id, or None where no such plan was issued."""
        with self._records.open() as connection:
            row = connection.execute(
                """
                select household_id, plan_id, version, input_hash, as_of_date, trades
                from issued_plans where plan_id = ?
                """,
                [plan_id],
            ).fetchone()
        if row is None:
            return None
        household_id, plan, version, input_hash, as_of_date, trades = row
        return IssuedPlanRecord(
            PlanStamp(household_id, plan, str(version), input_hash),
            as_of_date,
            {trade["trade_id"]: _issued_trade(trade) for trade in json.loads(trades)},
        )

    def returns_of(self, plan_id: str) -> list[tuple[DecisionReturn, tuple[TradeDecision, ...]]]:
        """Every return of a plan with its decisions, oldest first; refused ones too."""
        with self._records.open() as connection:
            rows = connection.execute(
                "select * from decision_returns where plan_id = ? order by return_number", [plan_id]
            ).fetchall()
            decided = connection.execute(
                """
                select d.* from trade_decisions as d
                inner join decision_returns as r using (return_number)
                where r.plan_id = ? order by d.return_number, d.trade_id
                """,
                [plan_id],
            ).fetchall()
        decisions: dict[int, list[TradeDecision]] = {}
        for number, *values in decided:
            decisions.setdefault(number, []).append(TradeDecision(*values))
        return [(_return(row), tuple(decisions.get(row[0], ()))) for row in rows]

    def last_return_of_file(self, file_sha256: str, advisor_id: str) -> DecisionReturn | None:
        """What became of a file the last time that this advisor returned it."""
        with self._records.open() as connection:
            row = connection.execute(
                """
                select * from decision_returns where file_sha256 = ? and advisor_id = ?
                order by return_number desc limit 1
                """,
                [file_sha256, advisor_id],
            ).fetchone()
        return None if row is None else _return(row)

    def append_return(self, returned: DecisionReturn, decisions: Sequence[TradeDecision]) -> int:
        """Record a return and its decisions together; returns its number."""
        with self._records.open() as connection:
            connection.execute("begin")
            number = _next_number(connection, "decision_returns", "return_number")
            refusals = json.dumps([one._asdict() for one in returned.refusals], ensure_ascii=False)
            connection.execute(
                "insert into decision_returns values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    number,
                    returned.file_sha256,
                    returned.file_name,
                    returned.advisor_id,
                    _in_utc(returned.decided_at),
                    returned.household_id,
                    returned.plan_id,
                    returned.outcome,
                    returned.replaces_earlier,
                    refusals,
                    # What the business says of the moment is one thing, when it was told another.
                    _in_utc(datetime.now(UTC)),
                ],
            )
            for decision in decisions:
                connection.execute(
                    "insert into trade_decisions values (?, ?, ?, ?, ?, ?, ?)", [number, *decision]
                )
            connection.execute("commit")
        return number

    def append_consent(self, consent: Consent) -> bool:
        """Record a consent; False where the same consent is on record already."""
        with self._records.open() as connection:
            known = connection.execute(
                """
                select count(*) from client_consents
                where plan_id = ? and account_id = ? and given_by = ? and given_date = ?
                    and channel = ? and recorded_by = ?
                """,
                list(consent[:6]),
            ).fetchone()
            if known and known[0]:
                return False
            number = _next_number(connection, "client_consents", "consent_number")
            connection.execute(
                "insert into client_consents values (?, ?, ?, ?, ?, ?, ?, ?)",
                [number, *consent[:-1], _in_utc(consent.recorded_at)],
            )
        return True

    def accounts_with_consent(self, plan_id: str, on_or_before: date) -> frozenset[str]:
        """Accounts whose owner had consented to a plan by a day."""
        with self._records.open() as connection:
            rows = connection.execute(
                "select account_id from client_consents where plan_id = ? and given_date <= ?",
                [plan_id, on_or_before],
            ).fetchall()
        return frozenset(row[0] for row in rows)

    def decisions_until(self, last: datetime) -> list[dict[str, Any]]:
        """Every decision made up to a moment, with its return and plan; the newest return last."""
        return self._decisions("r.decided_at <= $1", last)

    def decisions_between(self, first: datetime, last: datetime) -> list[dict[str, Any]]:
        """Decisions made from one moment until before another, each with its return and plan."""
        return self._decisions("r.decided_at >= $1 and r.decided_at < $2", first, last)

    def _decisions(self, condition: str, *moments: datetime) -> list[dict[str, Any]]:
        with self._records.open() as connection:
            cursor = connection.execute(
                f"""
                select
                    r.return_number, r.file_sha256, r.file_name, r.advisor_id, r.decided_at,
                    r.household_id, r.plan_id, r.outcome, r.replaces_earlier,
                    p.as_of_date as plan_as_of_date, p.version as plan_version,
                    d.trade_id, d.decision, d.quantity, d.snooze_until_date, d.note, d.cell,
                    p.trades
                from trade_decisions as d
                inner join decision_returns as r using (return_number)
                inner join issued_plans as p using (plan_id)
                where {condition}
                order by r.return_number, d.trade_id
                """,
                [_in_utc(moment) for moment in moments],
            )
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def standing_returns(
    returns: Sequence[tuple[DecisionReturn, tuple[TradeDecision, ...]]],
) -> tuple[list[EarlierReturn], bool]:
    """The returns of one plan that no later one replaces, and whether they conflict.

    Args:
        returns: every return of the plan with its decisions, oldest first.
    """
    states = standing_states([outcome_of(one) for one, _ in returns])
    standing = [
        (one, decisions)
        for one, decisions in returns
        if states.get(one.return_number, REPLACED) != REPLACED
    ]
    earlier = [
        EarlierReturn(one.file_name, one.file_sha256, one.decided_at, decisions)
        for one, decisions in standing
    ]
    return earlier, any(one.outcome == CONFLICTING for one, _ in standing)


def outcome_of(returned: DecisionReturn) -> ReturnOutcome:
    """What the rule of standing returns needs of one."""
    return ReturnOutcome(returned.return_number, returned.outcome, returned.replaces_earlier)


def _issued_trade(trade: dict[str, str]) -> IssuedTrade:
    return IssuedTrade(
        account_id=trade["account_id"],
        action=trade["action"],
        security_id=trade["security_id"],
        quantity=Decimal(trade["quantity"]),
        price=Decimal(trade["price"]),
    )


def _return(row: tuple[Any, ...]) -> DecisionReturn:
    sha256, name, advisor_id, decided_at, household_id, plan_id, outcome, replaces = row[1:9]
    return DecisionReturn(
        file_sha256=sha256,
        file_name=name,
        advisor_id=advisor_id,
        decided_at=decided_at.replace(tzinfo=UTC),
        household_id=household_id,
        plan_id=plan_id,
        outcome=outcome,
        replaces_earlier=replaces,
        refusals=tuple(Refusal(**refusal) for refusal in json.loads(row[9])),
        return_number=row[0],
    )


def _next_number(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> int:
    row = connection.execute(f"select coalesce(max({column}), 0) + 1 from {table}").fetchone()
    return int(row[0]) if row else 1


def _in_utc(moment: datetime) -> datetime:
    """A moment as the records keep it: UTC, without its zone.

    Raises:
        ValueError: the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC).replace(tzinfo=None)
