"""A small plan, its workbook as Evenkeel writes it, and what is known of it.

Belongs here: five trades in three accounts, and ways to write into the workbook as people do. Does
not belong here: any expectation.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from python_steps.decisions.judgement import Judgement, Returned, judge_decisions, judge_identity
from python_steps.decisions.plan_facts import (
    EarlierReturn,
    IssuedTrade,
    PlanFacts,
    PlanIdentity,
)
from python_steps.decisions.returned_workbook import read_returned_workbook
from python_steps.decisions.stamp import PlanStamp
from python_steps.policy import FirmPolicy
from python_steps.reports.household_workbook import render_household_workbook
from python_steps.reports.report_frames import HouseholdReportFrames
from python_steps.sessions import NEW_YORK
from python_steps.wash_sales.order_screen import NightFacts
from tests.python_steps.reports import made_frames

NIGHT = date(2026, 11, 19)
PLANNED = date(2026, 11, 20)
MORNING = datetime(2026, 11, 20, 9, 15, tzinfo=NEW_YORK)
ADVISOR = "A-01"
HOUSEHOLD = "H-GARCIA"
STAMP = PlanStamp(HOUSEHOLD, "P-0123456789abcdef0123", "3", "ab" * 32)
LANGUAGE_OF_CHINA = "zh-Hans"


def _trade(
    number: int, account: str, action: str, ticker: str, quantity: str, price: str, loss: str = "0"
) -> dict[str, Any]:
    shares, dollars = Decimal(quantity), Decimal(price)
    return {
        "household_id": HOUSEHOLD,
        "plan_id": STAMP.plan_id,
        "trade_id": f"T-{number}",
        "account_id": account,
        "action": action,
        "security_id": f"S-{ticker}",
        "quantity": shares,
        "price": dollars,
        "notional": shares * dollars,
        "reason_code": "REBALANCE",
        "rationale": f"{ticker} is away from its target.",
        "tax_character": "long_term_loss" if loss != "0" else "none",
        "realized_short_term_gain": Decimal(0),
        "realized_short_term_loss": Decimal(0),
        "realized_long_term_gain": Decimal(0),
        "realized_long_term_loss": Decimal(loss),
        "tax_cost": Decimal(0),
        "commission": Decimal(0),
        "spread_cost": Decimal(1),
        "market_impact": Decimal(0),
        "order_type": "market",
        "limit_price": None,
        "trade_sequence": number,
        "asset_class": "US Large Cap Equity",
    }


TRADES = {
    trade["trade_id"]: trade
    for trade in (
        _trade(1, "A-IRA", "sell", "VEA", "100", "50"),
        _trade(2, "A-IRA", "buy", "BND", "68", "73"),
        _trade(3, "A-JOINT", "sell", "VTI", "40", "100", loss="-600"),
        _trade(4, "A-JOINT", "buy", "VWO", "20", "40"),
        _trade(5, "A-ROTH", "buy", "GLD", "10.5", "90"),
    )
}


def _lot(trade_id: str, lot_id: str, quantity: str, acquired: date, gain: str) -> dict[str, Any]:
    price = TRADES[trade_id]["price"]
    proceeds = Decimal(quantity) * price
    return {
        "household_id": HOUSEHOLD,
        "plan_id": STAMP.plan_id,
        "trade_id": trade_id,
        "lot_id": lot_id,
        "quantity": Decimal(quantity),
        "acquisition_date": acquired,
        "holding_period_start_date": acquired,
        "term": "long",
        "proceeds": proceeds,
        "cost_basis": proceeds - Decimal(gain),
        "realized_gain": Decimal(gain),
        "tax_cost": Decimal(0),
    }


LOTS = {
    "T-1": [_lot("T-1", "L-1", "100", date(2020, 1, 2), "1000")],
    # Selling both leaves nothing that was bought within 30 days; selling the old ones alone does.
    "T-3": [
        _lot("T-3", "L-OLD", "30", date(2020, 1, 2), "-600"),
        _lot("T-3", "L-NEW", "10", date(2026, 11, 10), "0"),
    ],
}


def workbook_bytes(language: str = "en") -> bytes:
    """The household's workbook with the small plan in it."""
    rows = made_frames.busy_household(HOUSEHOLD)
    rows["fct_recommended_trades"] = list(TRADES.values())
    rows["fct_trade_lots"] = [lot for lots in LOTS.values() for lot in lots]
    rows["dim_households"][0]["report_language"] = language
    rows["fct_rebalance_plans"][0] |= {
        "plan_id": STAMP.plan_id,
        "version": int(STAMP.version),
        "input_hash": STAMP.input_hash,
        "plan_status": "proposed",
    }
    frames = HouseholdReportFrames.from_tables(
        HOUSEHOLD, made_frames.tables(rows), firm_policy=FirmPolicy()
    )
    return render_household_workbook(frames)


class Table:
    """The trades' table of an opened workbook, for writing into it as people do."""

    def __init__(self, workbook: Workbook) -> None:
        self.workbook = workbook
        self.sheet: Worksheet = next(
            sheet for sheet in workbook.worksheets if self._header(sheet) is not None
        )
        header = self._header(self.sheet)
        assert header is not None
        self.header = header

    @staticmethod
    def _header(sheet: Worksheet) -> int | None:
        texts = {"Trade id", "交易编号"}
        return next(
            (row[0].row for row in sheet.iter_rows() if {cell.value for cell in row} & texts), None
        )

    def row(self, trade_id: str) -> int:
        """The row of a trade."""
        return next(
            cell.row
            for row in self.sheet.iter_rows(min_row=self.header + 1)
            for cell in row
            if cell.value == trade_id
        )

    def column(self, place: int) -> str:
        """The letter of a column, counted from 1."""
        return str(self.sheet.cell(self.header, place).column_letter)

    def cell(self, trade_id: str, column: str) -> Any:
        """A cell by trade and key of the column."""
        from python_steps.decisions.vocabulary import TRADE_COLUMNS

        return self.sheet.cell(self.row(trade_id), TRADE_COLUMNS.index(column) + 1)

    def lot_cell(self, lot_id: str, column: str) -> Any:
        """A cell of the lots to deliver, by lot and key of the column."""
        from python_steps.decisions.vocabulary import LOT_COLUMNS

        (cell,) = [one for row in self.sheet.iter_rows() for one in row if one.value == lot_id]
        return self.sheet.cell(cell.row, LOT_COLUMNS.index(column) + 1)

    def decide(self, trade_id: str, decision: object, **others: object) -> None:
        """Write a decision, and what stands beside it."""
        for column, value in {"decision": decision, **others}.items():
            self.cell(trade_id, column).value = value


def written(edit: Callable[[Table], object], language: str = "en") -> bytes:
    """The workbook after somebody has written into it with a spreadsheet."""
    table = Table(load_workbook(io.BytesIO(workbook_bytes(language))))
    edit(table)
    saved = io.BytesIO()
    table.workbook.save(saved)
    return saved.getvalue()


def identity(**changes: Any) -> PlanIdentity:
    """What is known of the plan: issued, current, in time, of this advisor."""
    known = PlanIdentity(
        issued=STAMP,
        issued_trades={
            trade_id: IssuedTrade(*(row[field] for field in IssuedTrade._fields))
            for trade_id, row in TRADES.items()
        },
        as_of_date=NIGHT,
        current=STAMP,
        plan_status="proposed",
        latest_night=NIGHT,
        planned_trade_date=PLANNED,
        valid_until_date=date(2026, 11, 23),
        advisor_id=ADVISOR,
    )
    return replace(known, **changes)


_ACCOUNTS = {
    "A-IRA": ("Elena's Traditional IRA", "…4400", "traditional_ira", "tax_deferred"),
    "A-ROTH": ("Marco's Roth IRA", "…4401", "roth_ira", "tax_free"),
    "A-JOINT": ("Joint brokerage", "…4402", "taxable_joint", "taxable"),
}


def accounts() -> dict[str, dict[str, Any]]:
    """Rows of dim_accounts."""
    return {
        account_id: {
            "account_id": account_id,
            "account_name": name,
            "account_number_masked": number,
            "account_type": kind,
            "tax_treatment": treatment,
            "household_id": HOUSEHOLD,
            "custodian": "SCHWAB",
            "tax_unit_id": "U1",
            "wash_sale_group_id": "W1",
            "counts_for_wash_sales": True,
            "account_state": "complete",
            "is_tradable": True,
            "is_trading_blocked": False,
            "trading_blocked_reason": None,
            "is_discretionary": True,
        }
        for account_id, (name, number, kind, treatment) in _ACCOUNTS.items()
    }


def _screen(row: dict[str, Any]) -> NightFacts:
    """What the pre-trade screen sees: the joint account's lots, and the plan's own trades."""
    known = accounts()
    lots = [
        {
            "account_id": row["account_id"],
            "security_id": row["security_id"],
            "lot_id": lot["lot_id"],
            "quantity": lot["quantity"],
            "acquisition_date": lot["acquisition_date"],
            "cost_basis": lot["cost_basis"],
            "acquisition_type": "PURCHASE",
        }
        for lot in LOTS.get(row["trade_id"], ())
    ]
    group = f"G-{row['security_id']}"
    named = {"ticker": row["security_id"][2:], "account_name": row["account_id"]}
    return NightFacts(
        as_of_date=NIGHT,
        account=known[row["account_id"]],
        security={
            "security_id": row["security_id"],
            "ticker": named["ticker"],
            "identity_group_id": group,
        },
        accounts=list(known.values()),
        securities={row["security_id"]: row["price"]},
        lots=lots,
        sales=[],
        planned=[{**row, **named, "planned_trade_date": PLANNED}],
        window=None,
        unseen=[],
    )


def facts(**changes: Any) -> PlanFacts:
    """What the night knows around the plan."""
    known = PlanFacts(
        household={"annual_gains_budget": None, "market_value": Decimal(100_000)},
        trades=TRADES,
        trade_lots=LOTS,
        accounts=accounts(),
        securities={
            row["security_id"]: {
                "ticker": row["security_id"][2:],
                "security_name": None,
                "security_type": "ETF" if row["trade_id"] != "T-5" else "MUTUAL_FUND",
            }
            for row in TRADES.values()
        },
        terms=dict.fromkeys(TRADES),
        cash={
            "A-IRA": {"investable": Decimal(0)},
            "A-JOINT": {"investable": Decimal(1000)},
            "A-ROTH": {"investable": Decimal(2000)},
        },
        constraints={
            (row["account_id"], row["security_id"]): {
                "sellable_quantity": row["quantity"],
                "is_buyable": True,
                "reason": None,
            }
            for row in TRADES.values()
        },
        held={("A-IRA", "S-VEA"): Decimal(100), ("A-JOINT", "S-VTI"): Decimal(40)},
        household_held_values={"S-VEA": Decimal(5000), "S-VTI": Decimal(4000)},
        limit_weights={},
        screens={trade_id: _screen(row) for trade_id, row in TRADES.items()},
    )
    return replace(known, **changes)


def judged(
    content: bytes,
    *,
    known: PlanIdentity | None = None,
    around: PlanFacts | None = None,
    advisor_id: str = ADVISOR,
    decided_at: datetime = MORNING,
    policy: FirmPolicy | None = None,
    earlier: tuple[EarlierReturn, ...] = (),
) -> Judgement:
    """What becomes of a file, as orchestration asks it."""
    returned = Returned(read_returned_workbook(content), advisor_id, decided_at)
    plan = known or identity()
    refusals = judge_identity(returned, plan)
    if refusals:
        return Judgement(refusals=tuple(refusals))
    return judge_decisions(returned, plan, around or facts(), policy or FirmPolicy(), earlier)


def approve_all(table: Table) -> None:
    """Every trade is approved as proposed."""
    for trade_id in TRADES:
        table.decide(trade_id, "Approve")
