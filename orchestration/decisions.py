"""Reading a returned workbook against records and published night, and recording what it decides.

Belongs here: finding what the judgement needs, calling it, writing the record. Does not belong
here: any verdict (python_steps.decisions), which file came from whom (the command line, the inbox).
The working database is not opened: advisors decide while a night runs.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from orchestration.decision_records import (
    Consent,
    DecisionRecords,
    DecisionReturn,
    IssuedPlanRecord,
    Outcome,
    standing_returns,
)
from orchestration.home import Home
from orchestration.intake import archive_bytes
from orchestration.order_records import OrderRecords
from orchestration.questions import QuestionError, Row, Snapshot
from orchestration.screening import night_facts
from python_steps.decisions.judgement import (
    Judgement,
    Returned,
    judge_decisions,
    judge_identity,
)
from python_steps.decisions.plan_facts import (
    KnownPrice,
    PlanFacts,
    PlanIdentity,
    TradeDecision,
)
from python_steps.decisions.refusals import Refusal, RefusedFileError
from python_steps.decisions.returned_workbook import read_returned_workbook
from python_steps.decisions.stamp import PlanStamp
from python_steps.policy import FirmPolicy
from python_steps.sessions import NEW_YORK
from python_steps.wash_sales.policy import WashSalePolicy

_EVERY_CUSTODIAN = "*"


@dataclass(frozen=True)
class DecidedFile:
    """What became of one returned file.

    `is_new` is false where the same file was recorded before: then nothing is recorded again.
    """

    file_name: str
    advisor_id: str
    household_id: str
    plan_id: str
    outcome: Outcome
    is_new: bool
    decisions: tuple[TradeDecision, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    notices: tuple[str, ...] = ()

    def as_mapping(self) -> dict[str, Any]:
        """Field names to values, decisions and refusals too."""
        lists = ("decisions", "refusals")
        told = {name: [one._asdict() for one in getattr(self, name)] for name in lists}
        return {field.name: getattr(self, field.name) for field in fields(self)} | told


@dataclass(frozen=True)
class ReturnedFile:
    """One file that came back: who returned it, and when, is known from outside it."""

    name: str
    content: bytes
    advisor_id: str
    decided_at: datetime
    replaces_earlier: bool = False


def decide_file(
    home: Home, returned: ReturnedFile, prices: Mapping[str, KnownPrice] | None = None
) -> DecidedFile:
    """Judge a returned workbook and record its decisions, all or none.

    Args:
        home: the firm's folder.
        returned: the file.
        prices: later prices by ticker, where any are known.

    Raises:
        QuestionError: nothing is published yet.
    """
    digest = hashlib.sha256(returned.content).hexdigest()
    records = DecisionRecords(home.records)
    before = records.last_return_of_file(digest, returned.advisor_id)
    if before is not None and before.outcome == "recorded" and not returned.replaces_earlier:
        return _again(records, before, digest)
    archive_bytes(home, digest, returned.content)
    stamp, judgement = _judged(home, records, returned, prices or {})
    outcome: Outcome = "recorded"
    if judgement.refusals:
        outcome = "conflicting" if judgement.conflicting else "refused"
    record = DecisionReturn(
        file_sha256=digest,
        file_name=returned.name,
        advisor_id=returned.advisor_id,
        decided_at=returned.decided_at,
        household_id=stamp.household_id if stamp else "",
        plan_id=stamp.plan_id if stamp else "",
        outcome=outcome,
        replaces_earlier=returned.replaces_earlier and outcome == "recorded",
        refusals=judgement.refusals,
    )
    is_new = before is None or (before.outcome, before.refusals) != (outcome, judgement.refusals)
    decisions = judgement.decisions or judgement.conflicting
    if is_new or record.replaces_earlier:
        records.append_return(record, decisions)
    return DecidedFile(
        file_name=returned.name,
        advisor_id=returned.advisor_id,
        household_id=record.household_id,
        plan_id=record.plan_id,
        outcome=outcome,
        is_new=is_new,
        decisions=judgement.decisions,
        refusals=judgement.refusals,
        notices=judgement.notices,
    )


def in_new_york(moment: datetime | None) -> datetime:
    """A moment given without a time zone, as New York's; now where none is given."""
    return datetime.now(NEW_YORK) if moment is None else moment.replace(tzinfo=NEW_YORK)


def _again(records: DecisionRecords, before: DecisionReturn, digest: str) -> DecidedFile:
    """The same file once more: what was recorded stands, and nothing is added."""
    returns = records.returns_of(before.plan_id)
    decisions = next(
        decided
        for one, decided in returns
        if one.file_sha256 == digest and one.outcome == "recorded"
    )
    return DecidedFile(
        before.file_name,
        before.advisor_id,
        before.household_id,
        before.plan_id,
        "recorded",
        False,
        decisions,
        notices=_what_became_of(digest, returns),
    )


def _what_became_of(
    digest: str, returns: Sequence[tuple[DecisionReturn, tuple[TradeDecision, ...]]]
) -> tuple[str, ...]:
    """Why a file that was recorded decides nothing now; nothing where it holds."""
    standing, in_conflict = standing_returns(returns)
    if digest not in {one.file_sha256 for one in standing}:
        why = "a later return has replaced it: to let it hold again"
    elif in_conflict:
        why = "another return of the plan decides otherwise: to let this one hold"
    else:
        return ()
    return (f"it does not hold, {why}, return it with --replace",)


def _judged(
    home: Home,
    records: DecisionRecords,
    returned: ReturnedFile,
    prices: Mapping[str, KnownPrice],
) -> tuple[PlanStamp | None, Judgement]:
    try:
        workbook = read_returned_workbook(returned.content)
    except RefusedFileError as error:
        return None, Judgement(refusals=error.refusals)
    policy = home.policy()
    snapshot = Snapshot(home.published)
    asked = Returned(workbook, returned.advisor_id, returned.decided_at)
    issued = records.issued_plan(workbook.stamp.plan_id)
    with snapshot.held_open():
        identity = _identity(snapshot, issued)
        refusals = judge_identity(asked, identity)
        if refusals or issued is None:
            return workbook.stamp, Judgement(refusals=tuple(refusals))
        day = returned.decided_at.astimezone(NEW_YORK).date()
        facts = _facts(
            snapshot,
            issued,
            policy,
            prices,
            records.accounts_with_consent(issued.stamp.plan_id, day),
        )
    ordered = OrderRecords(home.records).released_of_plan(issued.stamp.plan_id)
    facts = replace(facts, ordered=ordered)
    earlier, _ = standing_returns(records.returns_of(issued.stamp.plan_id))
    if returned.replaces_earlier:
        earlier = []
    return workbook.stamp, judge_decisions(asked, identity, facts, policy, earlier)


def _identity(snapshot: Snapshot, issued: IssuedPlanRecord | None) -> PlanIdentity:
    if issued is None:
        return PlanIdentity(None, {}, None, None, None, None, None, None, None)
    household_id = issued.stamp.household_id
    plans = snapshot.query(
        """
        select * from marts.fct_rebalance_plans where as_of_date = $1 and household_id = $2
        """,
        [issued.as_of_date, household_id],
    )
    newest = snapshot.query(
        """
        select as_of_date, advisor_id from marts.dim_households where household_id = $1
        order by as_of_date desc limit 1
        """,
        [household_id],
    )
    plan = plans[0] if len(plans) == 1 else None
    return PlanIdentity(
        issued=issued.stamp,
        issued_trades=issued.trades,
        as_of_date=issued.as_of_date,
        current=None if plan is None or plan["plan_id"] is None else _stamp(plan),
        plan_status=None if plan is None else plan["plan_status"],
        latest_night=newest[0]["as_of_date"] if newest else None,
        planned_trade_date=None if plan is None else plan["planned_trade_date"],
        valid_until_date=None if plan is None else plan["valid_until_date"],
        advisor_id=newest[0]["advisor_id"] if newest else None,
    )


def _stamp(plan: Row) -> PlanStamp:
    return PlanStamp(
        plan["household_id"], plan["plan_id"], str(plan["version"]), plan["input_hash"]
    )


def _facts(
    snapshot: Snapshot,
    issued: IssuedPlanRecord,
    policy: FirmPolicy,
    prices: Mapping[str, KnownPrice],
    consents: frozenset[str],
) -> PlanFacts:
    day, household_id = issued.as_of_date, issued.stamp.household_id

    def rows(mart: str, condition: str, *values: Any) -> list[Row]:
        query = f"select * from marts.{mart} where as_of_date = $1 and {condition} order by all"
        return snapshot.query(query, [day, *values])

    trades = _by(rows("fct_recommended_trades", "plan_id = $2", issued.stamp.plan_id), "trade_id")
    accounts = _by(rows("dim_accounts", "household_id = $2", household_id), "account_id")
    security_ids = sorted({trade["security_id"] for trade in trades.values()})
    securities = _by(
        rows("dim_securities", "list_contains($2, security_id)", security_ids), "security_id"
    )
    terms = rows("dim_security_custodians", "list_contains($2, security_id)", security_ids)
    held = rows("fct_positions", "household_id = $2", household_id)
    lots: dict[str, list[Row]] = {}
    for lot in rows("fct_trade_lots", "plan_id = $2", issued.stamp.plan_id):
        lots.setdefault(lot["trade_id"], []).append(lot)
    wash_sales = WashSalePolicy(**policy.wash_sale_settings())
    return PlanFacts(
        household=rows("dim_households", "household_id = $2", household_id)[0],
        trades=trades,
        trade_lots=lots,
        accounts=accounts,
        securities=securities,
        terms={
            trade_id: terms_at(
                [row for row in terms if row["security_id"] == trade["security_id"]],
                accounts[trade["account_id"]]["custodian"],
            )
            for trade_id, trade in trades.items()
        },
        cash=_by(rows("fct_account_cash", "household_id = $2", household_id), "account_id"),
        constraints={
            (row["account_id"], row["security_id"]): row
            for row in rows(
                "fct_position_constraints", "household_id = $2 and lot_id is null", household_id
            )
        },
        held={(row["account_id"], row["security_id"]): row["quantity"] for row in held},
        household_held_values=_held_values(held),
        limit_weights={
            row["security_id"]: row["limit_weight"]
            for row in rows("fct_concentration_limits", "household_id = $2", household_id)
        },
        screens={
            trade_id: night_facts(
                snapshot,
                day,
                accounts[trade["account_id"]],
                securities[trade["security_id"]],
                wash_sales,
            )
            for trade_id, trade in trades.items()
        },
        prices=_prices_of(securities.values(), prices),
        accounts_with_consent=consents,
    )


def _by(rows: Iterable[Row], column: str) -> dict[str, Row]:
    return {row[column]: row for row in rows}


def terms_at(terms: Iterable[Row], custodian: str) -> Row | None:
    """Of a security's rows the one that names the custodian, else the one that holds for all."""
    found = {row["custodian"]: row for row in terms}
    return found.get(custodian) or found.get(_EVERY_CUSTODIAN)


def _held_values(held: Sequence[Row]) -> dict[str, Decimal | None]:
    """Dollars held by security; None where the value of any of it is not known."""
    values: dict[str, Decimal | None] = {}
    for row in held:
        so_far, more = values.get(row["security_id"], Decimal(0)), row["market_value"]
        values[row["security_id"]] = None if so_far is None or more is None else so_far + more
    return values


def _prices_of(
    securities: Iterable[Row], prices: Mapping[str, KnownPrice]
) -> dict[str, KnownPrice]:
    return {
        row["security_id"]: prices[row["ticker"]] for row in securities if row["ticker"] in prices
    }


def read_prices(path: Path) -> dict[str, KnownPrice]:
    """Prices of a CSV file with the columns ticker and price.

    Raises:
        ValueError: a column is missing, a price is no positive number, a ticker stands twice.
    """
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        if not {"ticker", "price"} <= set(reader.fieldnames or ()):
            raise ValueError(f"{path.name} needs the columns ticker and price")
        prices: dict[str, KnownPrice] = {}
        for number, row in enumerate(reader, 2):
            ticker = (row["ticker"] or "").strip()
            if not ticker or ticker in prices:
                raise ValueError(f"{path.name}, line {number}: {ticker!r} is empty or stands twice")
            prices[ticker] = KnownPrice(_price(path, number, row["price"]), path.name)
    return prices


def _price(path: Path, number: int, text: str | None) -> Decimal:
    try:
        price = Decimal((text or "").strip())
    except InvalidOperation:
        price = Decimal("NaN")
    if not price.is_finite() or price <= 0:
        raise ValueError(f"{path.name}, line {number}: {text!r} is no price")
    return price


def record_consent(home: Home, consent: Consent) -> bool:
    """Record that a client consents to a plan's trades in an account.

    Returns:
        Whether it is new.

    Raises:
        QuestionError: no such plan was issued, the account has no trade in it, who records it does
            not advise the household, or the consent is older than the plan.
    """
    records = DecisionRecords(home.records)
    issued = records.issued_plan(consent.plan_id)
    if issued is None:
        raise QuestionError(f"no plan {consent.plan_id} was ever issued here")
    if consent.account_id not in {trade.account_id for trade in issued.trades.values()}:
        raise QuestionError(f"plan {consent.plan_id} trades nothing in {consent.account_id}")
    identity = _identity(Snapshot(home.published), issued)
    if identity.advisor_id != consent.recorded_by:
        raise QuestionError(
            f"{consent.recorded_by} does not advise household {issued.stamp.household_id}"
        )
    today = consent.recorded_at.astimezone(NEW_YORK).date()
    if not issued.as_of_date <= consent.given_date <= today:
        raise QuestionError(
            f"a consent to a plan of {issued.as_of_date}, recorded on {today}, cannot have been "
            f"given on {consent.given_date}"
        )
    return records.append_consent(consent)
