"""What is known of the plan that a returned workbook speaks of: records, published night, advisor.

Belongs here: value types only. Does not belong here: how they are read (orchestration.decisions) or
judged (judgement). Rows are rows of the marts of the plan's night.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from python_steps.decisions.stamp import PlanStamp
from python_steps.wash_sales.order_screen import NightFacts

Row = Mapping[str, Any]


class IssuedTrade(NamedTuple):
    """One trade of an issued plan, as the records keep it."""

    account_id: str
    action: str
    security_id: str
    quantity: Decimal
    price: Decimal


class KnownPrice(NamedTuple):
    """A price later than the plan's, and where it is from in words."""

    price: Decimal
    source: str


class TradeDecision(NamedTuple):
    """One decision about one trade, as it is recorded.

    `quantity` is what may be traded by it: as proposed, the override's, or 0 where it is rejected.
    """

    trade_id: str
    decision: str
    quantity: Decimal
    snooze_until_date: date | None
    note: str
    cell: str


class EarlierReturn(NamedTuple):
    """A return of the same plan that was taken before and still stands."""

    file_name: str
    file_sha256: str
    decided_at: datetime
    decisions: Sequence[TradeDecision]


@dataclass(frozen=True)
class PlanIdentity:
    """The plan of a stamp, as far as it is known.

    Attributes:
        issued: its stamp in the records; None where no plan of this id was ever issued.
        issued_trades: its trades in the records, by id.
        as_of_date: the night that made it; None with `issued`.
        current: the stamp of the plan that the night's published version shows for the household.
        plan_status: of that plan.
        latest_night: the newest published night that knows the household.
        planned_trade_date: the session that the trades are meant for.
        valid_until_date: the last session on which they may be traded.
        advisor_id: who advises the household now.
    """

    issued: PlanStamp | None
    issued_trades: Mapping[str, IssuedTrade]
    as_of_date: date | None
    current: PlanStamp | None
    plan_status: str | None
    latest_night: date | None
    planned_trade_date: date | None
    valid_until_date: date | None
    advisor_id: str | None


@dataclass(frozen=True)
class PlanFacts:
    """What the checks of the decisions need, of the plan's night.

    Attributes:
        household: its row of dim_households.
        trades: rows of fct_recommended_trades, by trade.
        trade_lots: rows of fct_trade_lots, by trade.
        accounts: rows of dim_accounts, by account.
        securities: rows of dim_securities, by security.
        terms: by trade, the row of dim_security_custodians that holds at its custodian, or None.
        cash: rows of fct_account_cash, by account.
        constraints: rows of fct_position_constraints without a lot, by account and security.
        held: shares held, by account and security.
        household_held_values: dollars held, by security.
        limit_weights: concentration limits of the household, by security.
        screens: by trade, what the pre-trade screen needs.
        prices: prices later than the plan's, by security.
        accounts_with_consent: accounts whose owner's consent to this plan is on record.
        ordered: shares by trade that have left as orders.
    """

    household: Row
    trades: Mapping[str, Row]
    trade_lots: Mapping[str, Sequence[Row]]
    accounts: Mapping[str, Row]
    securities: Mapping[str, Row]
    terms: Mapping[str, Row | None]
    cash: Mapping[str, Row]
    constraints: Mapping[tuple[str, str], Row]
    held: Mapping[tuple[str, str], Decimal]
    household_held_values: Mapping[str, Decimal | None]
    limit_weights: Mapping[str, Decimal]
    screens: Mapping[str, NightFacts]
    prices: Mapping[str, KnownPrice] = field(default_factory=dict)
    accounts_with_consent: frozenset[str] = frozenset()
    ordered: Mapping[str, Decimal] = field(default_factory=dict)
