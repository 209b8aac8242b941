"""Marts made by hand: the tables of a small book with one busy household and several odd ones.

Belongs here: tables with the marts' column types and the changes that tests make to them. Does not
belong here: any test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from python_steps.frames import MONEY, QUANTITY, WEIGHT, table_from_records

AS_OF = date(2026, 11, 19)
TRADE_DATE = date(2026, 11, 20)

TEXT = pa.string()
FLAG = pa.bool_()
DAY = pa.date32()
WHOLE = pa.int64()
REAL = pa.float64()

_DRIFT = {
    "target_weight": WEIGHT,
    "actual_weight": WEIGHT,
    "projected_weight": WEIGHT,
    "absolute_drift": WEIGHT,
    "relative_drift": WEIGHT,
    "over_under_amount": MONEY,
    "lower_band_weight": WEIGHT,
    "upper_band_weight": WEIGHT,
    "is_breach": FLAG,
    "is_breach_projected": FLAG,
    "breach_severity_rank": WHOLE,
    "market_value": MONEY,
}
_REALIZED = {
    "realized_short_term_gain": MONEY,
    "realized_short_term_loss": MONEY,
    "realized_long_term_gain": MONEY,
    "realized_long_term_loss": MONEY,
}
_HOUSEHOLD = {"as_of_date": DAY, "household_id": TEXT}

SCHEMAS: Mapping[str, dict[str, pa.DataType]] = {
    "dim_households": _HOUSEHOLD
    | {
        "household_name": TEXT,
        "advisor_id": TEXT,
        "advisor_name": TEXT,
        "report_language": TEXT,
        "household_state": TEXT,
        "state_reason": TEXT,
        "who_must_act": TEXT,
        "market_value": MONEY,
    },
    "dim_accounts": _HOUSEHOLD
    | {
        "account_id": TEXT,
        "custodian": TEXT,
        "account_number_masked": TEXT,
        "account_name": TEXT,
        "account_type": TEXT,
        "tax_treatment": TEXT,
        "is_tradable": FLAG,
        "account_state": TEXT,
        "who_must_act": TEXT,
        "is_trading_blocked": FLAG,
        "trading_blocked_reason": TEXT,
    },
    "dim_securities": {
        "as_of_date": DAY,
        "security_id": TEXT,
        "ticker": TEXT,
        "security_name": TEXT,
        "identity_group_id": TEXT,
    },
    "fct_household_drift": _HOUSEHOLD
    | {"allocation_group_id": TEXT, "asset_class": TEXT, "asset_class_rank": WHOLE}
    | _DRIFT,
    "fct_target_drift": _HOUSEHOLD
    | {"allocation_group_id": TEXT, "target_level": TEXT, "target_key": TEXT}
    | _DRIFT,
    "fct_drift_summary": _HOUSEHOLD
    | {
        "allocation_group_id": TEXT,
        "market_value": MONEY,
        "breach_count": WHOLE,
        "max_absolute_drift": WEIGHT,
        "trigger_reasons": TEXT,
        "is_rebalance_due": FLAG,
        "next_review_date": DAY,
    },
    "fct_rebalance_plans": _HOUSEHOLD
    | {
        "plan_id": TEXT,
        "version": WHOLE,
        "input_hash": TEXT,
        "planned_trade_date": DAY,
        "valid_until_date": DAY,
        "run_mode": TEXT,
        "plan_status": TEXT,
        "solver_status": TEXT,
        "planner": TEXT,
        "objective_value": MONEY,
        "waterfall_objective_value": MONEY,
        "optimality_gap": MONEY,
        "estimated_tax": MONEY,
        "transaction_cost": MONEY,
        "tracking_error_before": REAL,
        "tracking_error_after": REAL,
        "breakeven_years": REAL,
        "explanation": TEXT,
    },
    "fct_recommended_trades": _HOUSEHOLD
    | {
        "plan_id": TEXT,
        "trade_id": TEXT,
        "account_id": TEXT,
        "action": TEXT,
        "security_id": TEXT,
        "quantity": QUANTITY,
        "price": QUANTITY,
        "notional": MONEY,
        "reason_code": TEXT,
        "rationale": TEXT,
        "tax_character": TEXT,
        "tax_cost": MONEY,
        "commission": MONEY,
        "spread_cost": MONEY,
        "market_impact": MONEY,
        "order_type": TEXT,
        "limit_price": QUANTITY,
        "trade_sequence": WHOLE,
        "asset_class": TEXT,
        "standing_lot_method": TEXT,
        "lot_instruction": TEXT,
        "lot_instruction_text": TEXT,
        "lots_named_by_date": DAY,
    }
    | _REALIZED,
    "fct_trade_lots": _HOUSEHOLD
    | {
        "plan_id": TEXT,
        "trade_id": TEXT,
        "lot_id": TEXT,
        "quantity": QUANTITY,
        "acquisition_date": DAY,
        "holding_period_start_date": DAY,
        "term": TEXT,
        "proceeds": MONEY,
        "cost_basis": MONEY,
        "realized_gain": MONEY,
        "tax_cost": MONEY,
    },
    "fct_tax_impact": _HOUSEHOLD
    | {
        "plan_id": TEXT,
        "tax_unit_id": TEXT,
        "tax_year": WHOLE,
        "carryforward_used": MONEY,
        "estimated_tax": MONEY,
        "harvested_loss": MONEY,
        "tax_saved_vs_waterfall": MONEY,
        "wash_sale_exposure": MONEY,
        "realized_collectibles_gain": MONEY,
        "realized_collectibles_loss": MONEY,
    }
    | _REALIZED,
    "fct_capital_gains_schedule": _HOUSEHOLD
    | {
        "plan_id": TEXT,
        "tax_unit_id": TEXT,
        "tax_year": WHOLE,
        "line_rank": WHOLE,
        "line": TEXT,
        "short_term_amount": MONEY,
        "long_term_amount": MONEY,
        "total_amount": MONEY,
    },
    "fct_plan_values": _HOUSEHOLD
    | {"plan_id": TEXT, "term": TEXT, "amount": MONEY, "waterfall_amount": MONEY},
    "fct_tax_budget_frontier": _HOUSEHOLD
    | {
        "plan_id": TEXT,
        "point": WHOLE,
        "tax_budget": MONEY,
        "estimated_tax": MONEY,
        "drift_outside_bands": MONEY,
        "tracking_error": REAL,
        "transaction_cost": MONEY,
    },
    "fct_allocation_comparison": _HOUSEHOLD
    | {
        "plan_id": TEXT,
        "allocation_group_id": TEXT,
        "asset_class": TEXT,
        "target_weight": WEIGHT,
        "pre_trade_weight": WEIGHT,
        "post_trade_weight": WEIGHT,
        "pre_trade_drift": WEIGHT,
        "post_trade_drift": WEIGHT,
        "is_within_band_after": FLAG,
    },
    "fct_asset_location": _HOUSEHOLD
    | {
        "account_id": TEXT,
        "asset_class": TEXT,
        "market_value": MONEY,
        "preferred_tax_treatment": TEXT,
        "is_well_located": FLAG,
        "annual_tax_drag": MONEY,
        "recommendation": TEXT,
    },
    "fct_tax_lots": _HOUSEHOLD
    | {
        "account_id": TEXT,
        "lot_id": TEXT,
        "security_id": TEXT,
        "quantity": QUANTITY,
        "acquisition_date": DAY,
        "holding_period_start_date": DAY,
        "term": TEXT,
        "custodian_cost_basis": MONEY,
        "custodian_wash_sale_adjustment": MONEY,
        "wash_sale_adjustment": MONEY,
        "cost_basis": MONEY,
        "market_value": MONEY,
        "unrealized_gain": MONEY,
        "covered_status": TEXT,
        "override_id": TEXT,
        "parent_lot_id": TEXT,
        "source_file_id": TEXT,
        "source_row_number": WHOLE,
    },
    "fct_wash_sale_windows": _HOUSEHOLD
    | {
        "wash_sale_group_id": TEXT,
        "identity_group_id": TEXT,
        "no_buy_until_date": DAY,
        "no_loss_sale_until_date": DAY,
        "caused_by": TEXT,
        "coverage": TEXT,
    },
    "fct_wash_sale_matches": _HOUSEHOLD
    | {
        "loss_account_id": TEXT,
        "loss_security_id": TEXT,
        "loss_sale_date": DAY,
        "replacement_account_id": TEXT,
        "replacement_security_id": TEXT,
        "replacement_date": DAY,
        "matched_quantity": QUANTITY,
        "disallowed_loss": MONEY,
        "is_permanent": FLAG,
        "basis_added": MONEY,
        "holding_period_start_date": DAY,
        "provisional_until_date": DAY,
        "rule": TEXT,
    },
    "fct_realized_gains": _HOUSEHOLD
    | {
        "account_id": TEXT,
        "security_id": TEXT,
        "disposal_date": DAY,
        "term": TEXT,
        "quantity": QUANTITY,
        "proceeds": MONEY,
        "custodian_gain": MONEY,
        "recognized_gain": MONEY,
        "custodian_term": TEXT,
        "difference": MONEY,
        "difference_reason": TEXT,
    },
    "fct_trade_exceptions": _HOUSEHOLD
    | {
        "subject": TEXT,
        "reason_code": TEXT,
        "rationale": TEXT,
        "account_id": TEXT,
        "security_id": TEXT,
        "asset_class": TEXT,
        "amount": MONEY,
    },
    "fct_compliance_checks": _HOUSEHOLD
    | {"check_name": TEXT, "requirement": TEXT, "is_passed": FLAG, "detail": TEXT},
    "fct_data_quality_results": _HOUSEHOLD
    | {
        "scope": TEXT,
        "scope_id": TEXT,
        "rule": TEXT,
        "severity": TEXT,
        "is_passed": FLAG,
        "outcome": TEXT,
        "custodian": TEXT,
        "observed": TEXT,
        "expected": TEXT,
        "message": TEXT,
        "who_must_act": TEXT,
        "file_name": TEXT,
        "source_row_number": WHOLE,
    },
    "fct_open_exceptions": _HOUSEHOLD
    | {
        "exception_key": TEXT,
        "exception_state": TEXT,
        "opened_date": DAY,
        "age_sessions": WHOLE,
        "closed_date": DAY,
        "closed_by": TEXT,
        "rule": TEXT,
        "severity": TEXT,
        "scope": TEXT,
        "scope_id": TEXT,
        "who_must_act": TEXT,
        "account_id": TEXT,
        "security_id": TEXT,
        "lot_id": TEXT,
        "custodian": TEXT,
        "file_name": TEXT,
        "source_row_number": WHOLE,
        "message": TEXT,
        "market_value_held_up": MONEY,
        "cause_key": TEXT,
        "cause_market_value_held_up": MONEY,
        "override_id": TEXT,
    },
    "source_files": {
        "as_of_date": DAY,
        "source_file_id": TEXT,
        "custodian": TEXT,
        "feed": TEXT,
        "file_name": TEXT,
        "stated_as_of_date": DAY,
        "row_count": WHOLE,
        "status": TEXT,
    },
    "workbooks": {
        "as_of_date": DAY,
        "household_id": TEXT,
        "path": TEXT,
        "sha256": TEXT,
        "status": TEXT,
    },
    "nights": {
        "as_of_date": DAY,
        "version": WHOLE,
        "manifest_hash": TEXT,
        "state": TEXT,
        "note": TEXT,
    },
}

Rows = dict[str, list[dict[str, Any]]]

CLASSES = (
    ("US Large Cap Equity", "VTI", "0.30", "0.3712345678"),
    ("US Small/Mid Cap", "VB", "0.08", "0.081"),
    ("International Developed", "VEA", "0.14", "0.115"),
    ("Emerging Markets", "VWO", "0.06", "0.041"),
    ("Investment Grade Bonds", "BND", "0.26", "0.194"),
    ("High Yield / Credit", "HYG", "0.05", "0.048"),
    ("TIPS / Inflation Protected", "TIP", "0.05", "0.05"),
    ("Alternatives", "GLD", "0.03", "0.032"),
    ("Cash", "SGOV", "0.03", "0.0677654322"),
)
BREACHED = {
    "US Large Cap Equity": 1,
    "Investment Grade Bonds": 2,
    "Cash": 3,
    "International Developed": 4,
}
_BASE = Decimal("1482345.6712")


def table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as a table of the mart's types; a column that a row leaves out is null."""
    schema = SCHEMAS[name]
    full = [
        {column: AS_OF if column == "as_of_date" else row.get(column) for column in schema}
        for row in rows
    ]
    return table_from_records(full, pa.schema(list(schema.items())))


def tables(rows: Rows) -> dict[str, pa.Table]:
    """Every table of the workbooks, sorted by household_id where there is one."""
    made = {}
    for name in SCHEMAS:
        given = rows.get(name, [])
        if "household_id" in SCHEMAS[name]:
            given = sorted(
                given, key=lambda row: (row["household_id"] is None, row["household_id"])
            )
        made[name] = table(name, given)
    return made


def busy_household(household_id: str = "H-GARCIA") -> Rows:
    """A household with every kind of row: breaches, trades, lots, windows, exceptions."""

    def mine(**values: Any) -> dict[str, Any]:
        return {"household_id": household_id, **values}

    rows: Rows = {name: [] for name in SCHEMAS}
    rows["dim_households"] = [
        mine(
            household_name="Garcia Family",
            advisor_id="A-01",
            advisor_name="Dana Whitfield",
            report_language="en",
            household_state="released",
            market_value=_BASE,
        )
    ]
    rows["dim_accounts"] = _accounts(mine)
    rows["dim_securities"] = [
        {
            "security_id": f"S-{ticker}",
            "ticker": ticker,
            "security_name": f"{name} Fund",
            "identity_group_id": f"G-{ticker}",
        }
        for name, ticker, _, _ in CLASSES
    ]
    rows["fct_household_drift"] = [
        mine(**_drift_row(rank, *given)) for rank, given in enumerate(CLASSES, 1)
    ]
    rows["fct_target_drift"] = [
        mine(
            allocation_group_id="G1",
            target_level="sub_class",
            target_key="Treasury Bills",
            **_drift("0.02", "0.0312", "0.0300", breach=None),
        )
    ]
    rows["fct_drift_summary"] = [
        mine(
            allocation_group_id="G1",
            market_value=_BASE,
            breach_count=4,
            max_absolute_drift=Decimal("0.0712345678"),
            trigger_reasons="band, cash_flow",
            is_rebalance_due=True,
            next_review_date=date(2026, 12, 31),
        )
    ]
    rows["fct_rebalance_plans"] = [mine(**_plan())]
    rows["fct_recommended_trades"] = [mine(**row) for row in _trades()]
    rows["fct_trade_lots"] = [mine(**row) for row in _trade_lots()]
    rows["fct_tax_impact"] = [mine(**row) for row in _tax_impact()]
    rows["fct_capital_gains_schedule"] = [mine(**row) for row in _gains_schedule()]
    rows["fct_plan_values"] = [mine(**row) for row in _plan_values()]
    rows["fct_tax_budget_frontier"] = [mine(**row) for row in _tax_budgets()]
    rows["fct_allocation_comparison"] = [mine(**_comparison(*given)) for given in CLASSES]
    rows["fct_asset_location"] = _locations(mine)
    rows["fct_tax_lots"] = [mine(**lot(number)) for number in range(1, 41)]
    _wash_sales(rows, mine)
    _exceptions(rows, mine)
    rows["source_files"] = _files()
    return rows


def _accounts(mine: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
    given = (
        ("A-IRA", "Elena's Traditional IRA", "traditional_ira", "tax_deferred", True, None),
        ("A-ROTH", "Marco's Roth IRA", "roth_ira", "tax_free", True, None),
        ("A-JOINT", "Joint brokerage", "taxable_joint", "taxable", True, None),
        ("A-401K", "Marco's 401(k), Acme Corp", "401k", "tax_deferred", False, None),
        (
            "A-TRUST",
            "Garcia Family Trust",
            "trust",
            "taxable",
            True,
            "legal hold since 2026-10-01, ask compliance",
        ),
    )
    return [
        mine(
            account_id=account_id,
            custodian="SCHWAB" if account_id != "A-401K" else "ALPINE",
            account_number_masked=f"…{4400 + i}",
            account_name=name,
            account_type=kind,
            tax_treatment=treatment,
            is_tradable=tradable,
            account_state="frozen" if blocked else "complete",
            is_trading_blocked=blocked is not None,
            trading_blocked_reason=blocked,
        )
        for i, (account_id, name, kind, treatment, tradable, blocked) in enumerate(given)
    ]


def _drift(target: str, actual: str, projected: str, *, breach: int | None) -> dict[str, Any]:
    wanted, today = Decimal(target), Decimal(actual)
    return {
        "target_weight": wanted,
        "actual_weight": today,
        "projected_weight": Decimal(projected),
        "absolute_drift": today - wanted,
        "relative_drift": (today - wanted) / wanted if wanted else None,
        "over_under_amount": (today - wanted) * _BASE,
        "lower_band_weight": wanted * Decimal("0.8"),
        "upper_band_weight": wanted * Decimal("1.2"),
        "is_breach": breach is not None,
        "is_breach_projected": breach is not None and breach != 3,
        "breach_severity_rank": breach,
        "market_value": today * _BASE,
    }


def _drift_row(rank: int, name: str, _: str, target: str, actual: str) -> dict[str, Any]:
    return {
        "allocation_group_id": "G1",
        "asset_class": name,
        "asset_class_rank": rank,
        **_drift(target, actual, actual if name != "Cash" else "0.031", breach=BREACHED.get(name)),
    }


def _comparison(name: str, _: str, target: str, actual: str) -> dict[str, Any]:
    wanted, before = Decimal(target), Decimal(actual)
    after = wanted + Decimal("0.0011") if name in BREACHED else before
    return {
        "plan_id": "P-1",
        "allocation_group_id": "G1",
        "asset_class": name,
        "target_weight": wanted,
        "pre_trade_weight": before,
        "post_trade_weight": after,
        "pre_trade_drift": before - wanted,
        "post_trade_drift": after - wanted,
        "is_within_band_after": name != "Cash",
    }


def _plan() -> dict[str, Any]:
    return {
        "plan_id": "P-0123456789abcdef0123",
        "version": 1,
        "input_hash": "9f" * 32,
        "planned_trade_date": TRADE_DATE,
        "valid_until_date": date(2026, 11, 23),
        "run_mode": "rebalance",
        "plan_status": "proposed",
        "solver_status": "not_run",
        "planner": "waterfall",
        "objective_value": Decimal("812.34"),
        "waterfall_objective_value": Decimal("812.34"),
        "optimality_gap": None,
        "estimated_tax": Decimal("-412.385"),
        "transaction_cost": Decimal("83.114999"),
        "tracking_error_before": 0.0193,
        "tracking_error_after": 0.0042,
        "breakeven_years": None,
        "explanation": (
            "Four asset classes are outside their bands. Twelve trades bring all of them back; "
            "the tax-advantaged accounts trade first, losses of $3,120.55 are harvested and no "
            "short-term gain is realised."
        ),
    }


def _trades() -> list[dict[str, Any]]:
    accounts = ("A-IRA", "A-ROTH", "A-JOINT")
    trades = []
    for number in range(1, 13):
        name, ticker, _, _ = CLASSES[number % len(CLASSES)]
        quantity = Decimal("120") if number % 3 else Decimal("37.512345")
        price = Decimal("81.2345") + number
        taxable = number > 8
        sells = number % 2 == 1
        trades.append(
            {
                "plan_id": "P-0123456789abcdef0123",
                "trade_id": f"T-{number:02d}",
                "account_id": accounts[(number - 1) // 4],
                "action": "sell" if sells else "buy",
                "security_id": f"S-{ticker}",
                "quantity": quantity,
                "price": price,
                "notional": quantity * price,
                "reason_code": "REBALANCE" if number != 9 else "HARVEST_LOSS",
                "rationale": (
                    f"{name} is away from its target; moving ${quantity * price:,.0f} here costs "
                    "no tax and brings the class back inside its band without touching the "
                    "taxable account."
                ),
                "tax_character": "long_term_loss" if taxable and sells else "none",
                "realized_short_term_gain": Decimal(0),
                "realized_short_term_loss": Decimal("-1.005") if taxable and sells else Decimal(0),
                "realized_long_term_gain": Decimal(0),
                "realized_long_term_loss": Decimal("-3120.55") if number == 9 else Decimal(0),
                "tax_cost": Decimal("-412.385") if number == 9 else Decimal(0),
                "commission": Decimal("4.95"),
                "spread_cost": Decimal("1.234567"),
                "market_impact": Decimal("0.015"),
                "order_type": "limit" if number == 7 else "market",
                "limit_price": price if number == 7 else None,
                "trade_sequence": number,
                "asset_class": name,
                **_lot_instruction(number if taxable and sells else None),
            }
        )
    return trades


def _lot_instruction(number: int | None) -> dict[str, Any]:
    """None for a trade without; trade 9 names its lots, the standing methods of others do."""
    return {
        "standing_lot_method": None if number in (None, 9) else "FIFO",
        "lot_instruction": (
            None if number is None else "specific_lots" if number == 9 else "standing_method"
        ),
        "lot_instruction_text": (
            None
            if number is None
            else "Name these lots: 60 bought 2024-03-01; 60 bought 2024-03-02. So it is."
            if number == 9
            else "The account's standing method FIFO delivers exactly these lots."
        ),
        "lots_named_by_date": date(2026, 11, 23) if number == 9 else None,
    }


def _trade_lots() -> list[dict[str, Any]]:
    lots = []
    for number in range(1, 13, 2):
        for part in (1, 2):
            lots.append(
                {
                    "plan_id": "P-0123456789abcdef0123",
                    "trade_id": f"T-{number:02d}",
                    "lot_id": f"A-JOINT:LOT-{number:02d}-{part}",
                    "quantity": Decimal("60"),
                    "acquisition_date": date(2024, 3, part),
                    "holding_period_start_date": date(2024, 3, part),
                    "term": "long",
                    "proceeds": Decimal("4928.07") + part,
                    "cost_basis": None if number == 3 else Decimal("6000.125"),
                    "realized_gain": None if number == 3 else Decimal("-1072.055") + part,
                    "tax_cost": Decimal("0"),
                }
            )
    return lots


def _tax_impact() -> list[dict[str, Any]]:
    return [
        {
            "plan_id": "P-0123456789abcdef0123",
            "tax_unit_id": unit,
            "tax_year": 2026,
            "realized_short_term_gain": Decimal(0),
            "realized_short_term_loss": Decimal("-1.005"),
            "realized_long_term_gain": Decimal("250.5"),
            "realized_long_term_loss": Decimal("-3120.55"),
            "realized_collectibles_gain": Decimal("50.25"),
            "realized_collectibles_loss": Decimal("-20.5"),
            "carryforward_used": Decimal(0),
            "estimated_tax": estimated,
            "harvested_loss": Decimal("-3120.55"),
            "tax_saved_vs_waterfall": None,
            "wash_sale_exposure": Decimal("12.5"),
        }
        for unit, estimated in (("Garcia joint return", Decimal("-412.385")), ("Trust", None))
    ]


def _gains_schedule() -> list[dict[str, Any]]:
    lines = (
        ("realized_so_far", Decimal("120.5"), Decimal("-4100.25")),
        ("carried_in", Decimal(0), Decimal("-900.125")),
        ("net_with_plan", Decimal("120.5"), None),
        ("deducted_from_income", None, None),
        ("carried_out", Decimal(0), Decimal("-1880.5")),
    )
    return [
        {
            "plan_id": "P-0123456789abcdef0123",
            "tax_unit_id": "Garcia joint return",
            "tax_year": 2026,
            "line_rank": rank,
            "line": line,
            "short_term_amount": short,
            "long_term_amount": long,
            "total_amount": Decimal(-3000) - rank,
        }
        for rank, (line, short, long) in enumerate(lines, 1)
    ]


def _plan_values() -> list[dict[str, Any]]:
    return [
        {"plan_id": "P-0123456789abcdef0123", "term": term, "amount": amount,
         "waterfall_amount": waterfall}
        for term, amount, waterfall in (
            ("tax_change", Decimal("-412.385"), Decimal("-300.5")),
            ("drift_penalty", Decimal("31.25"), Decimal("44.75")),
            ("location_cost", Decimal("-1255.02"), None),
        )
    ]  # fmt: skip


def _tax_budgets() -> list[dict[str, Any]]:
    return [
        {
            "plan_id": "P-0123456789abcdef0123",
            "point": number,
            "tax_budget": budget,
            "estimated_tax": tax,
            "drift_outside_bands": drift,
            "tracking_error": error,
            "transaction_cost": Decimal("12.5"),
        }
        for number, budget, tax, drift, error in (
            (1, Decimal(0), Decimal("-10.25"), Decimal("5100.5"), 0.0123),
            (2, None, Decimal("830.75"), Decimal(0), None),
        )
    ]


def _locations(mine: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        mine(
            account_id=account,
            asset_class=name,
            market_value=Decimal("10234.567") * rank,
            preferred_tax_treatment=preferred,
            is_well_located=well,
            annual_tax_drag=drag,
            recommendation=words,
        )
        for rank, (account, name, preferred, well, drag, words) in enumerate(
            (
                ("A-IRA", "Investment Grade Bonds", "tax_deferred", True, Decimal(0), None),
                ("A-ROTH", "Emerging Markets", "tax_free", True, Decimal(0), None),
                (
                    "A-JOINT",
                    "High Yield / Credit",
                    "tax_deferred",
                    False,
                    Decimal("231.445"),
                    "Hold High Yield / Credit in the Traditional IRA; its interest is taxed as "
                    "ordinary income here.",
                ),
                ("A-JOINT", "Cash", None, None, None, None),
            ),
            1,
        )
    ]


def lot(number: int) -> dict[str, Any]:
    """One open lot; every seventh has no basis, every fifth is a part of another."""
    _, ticker, _, _ = CLASSES[number % len(CLASSES)]
    known = number % 7 != 0
    basis = Decimal("5000.123456") + number if known else None
    ours = Decimal("3.335") if number % 5 == 0 else Decimal(0)
    value = Decimal("5100.55") + number
    return {
        "account_id": ("A-IRA", "A-JOINT", "A-ROTH")[number % 3],
        "lot_id": f"LOT-{number:05d}",
        "security_id": f"S-{ticker}",
        "quantity": Decimal("12.3456789012") if number % 2 else Decimal(100 + number),
        "acquisition_date": date(2020, 1, 2) + timedelta(days=number),
        "holding_period_start_date": date(2020, 1, 2) + timedelta(days=number),
        "term": "long",
        "custodian_cost_basis": basis,
        "custodian_wash_sale_adjustment": Decimal(0),
        "wash_sale_adjustment": ours,
        "cost_basis": basis + ours if basis is not None else None,
        "market_value": value,
        "unrealized_gain": value - basis - ours if basis is not None else None,
        "covered_status": "covered" if known else "unknown",
        "parent_lot_id": f"LOT-{number - 1:05d}" if number % 5 == 0 else None,
        "source_file_id": "ab" * 32,
        "source_row_number": number + 1,
    }


def _wash_sales(rows: Rows, mine: Callable[..., dict[str, Any]]) -> None:
    rows["fct_wash_sale_windows"] = [
        mine(
            wash_sale_group_id="W1",
            identity_group_id="G-VTI",
            no_buy_until_date=date(2026, 12, 9),
            no_loss_sale_until_date=None,
            caused_by="VTI sold at a loss on 2026-11-09 in Joint brokerage",
            coverage="known",
        ),
        mine(
            wash_sale_group_id="W1",
            identity_group_id="G-BND",
            no_buy_until_date=None,
            no_loss_sale_until_date=None,
            caused_by=None,
            coverage="unknown",
        ),
    ]
    rows["fct_wash_sale_matches"] = [
        mine(
            loss_account_id="A-JOINT",
            loss_security_id="S-VTI",
            loss_sale_date=date(2026, 10, 28),
            replacement_account_id=account,
            replacement_security_id="S-GONE",
            replacement_date=date(2026, 11, 2),
            matched_quantity=Decimal("14.25"),
            disallowed_loss=loss,
            is_permanent=permanent,
            basis_added=Decimal(0) if permanent else loss,
            holding_period_start_date=None if permanent else date(2025, 3, 1),
            provisional_until_date=date(2026, 11, 27),
            rule="IRC_1091",
        )
        for account, loss, permanent in (
            ("A-ROTH", Decimal("310.255"), True),
            ("A-ELSEWHERE", Decimal("20.1"), False),
        )
    ]
    rows["fct_realized_gains"] = [
        mine(
            account_id="A-JOINT",
            security_id="S-VTI",
            disposal_date=date(2026, 10, 28),
            term="short",
            quantity=Decimal(100),
            proceeds=Decimal("9669.645"),
            custodian_gain=Decimal("-330.355"),
            recognized_gain=Decimal(0),
            custodian_term="short",
            difference=Decimal("330.355"),
            difference_reason="the purchase of 2026-11-02 in Roth IRA disallows $310.26 for good",
        ),
        mine(
            account_id="A-JOINT",
            security_id="S-BND",
            disposal_date=date(2026, 3, 2),
            term="long",
            quantity=Decimal(10),
            proceeds=Decimal(700),
            custodian_gain=Decimal(50),
            recognized_gain=Decimal(50),
            custodian_term="long",
            difference=Decimal(0),
            difference_reason=None,
        ),
    ]


def _exceptions(rows: Rows, mine: Callable[..., dict[str, Any]]) -> None:
    rows["fct_trade_exceptions"] = [
        mine(
            subject="Cash",
            reason_code="out_of_tolerance",
            rationale="Cash stays above its band by $1,530.20 until the trust's hold ends.",
            asset_class="Cash",
            amount=Decimal("1530.2"),
        ),
        mine(
            subject="GLD in Garcia Family Trust",
            reason_code="frozen",
            rationale="The account is under a legal hold.",
            account_id="A-TRUST",
            security_id="S-GLD",
        ),
    ]
    rows["fct_compliance_checks"] = [
        mine(
            check_name="cash_not_overdrawn",
            requirement="What cash not overdrawn demands.",
            is_passed=True,
            detail="3 accounts checked",
        ),
        mine(
            check_name="lots_not_oversold",
            requirement="What lots not oversold demands.",
            is_passed=True,
            detail="12 lots checked",
        ),
        mine(
            check_name="restrictions_respected",
            requirement="What restrictions respected demands.",
            is_passed=True,
            detail=None,
        ),
    ]
    rows["fct_data_quality_results"] = [
        mine(
            scope="lot",
            scope_id="LOT-00007",
            rule="basis_is_known",
            severity="warn",
            is_passed=False,
            observed="",
            expected="a number",
            message="Lot LOT-00007 has no cost basis; ask the custodian for it.",
            who_must_act="operations",
            file_name="Lot_Details.csv",
            source_row_number=8,
        ),
        mine(scope="account", scope_id="A-IRA", rule="lots_tie", severity="block", is_passed=True),
    ]


def _files() -> list[dict[str, Any]]:
    return [
        {
            "source_file_id": digit * 64,
            "custodian": custodian,
            "feed": feed,
            "file_name": name,
            "stated_as_of_date": AS_OF,
            "row_count": 120,
            "status": status,
        }
        for digit, custodian, feed, name, status in (
            ("a", "SCHWAB", "schwab_positions", "Positions-2026-11-19.csv", "LOADED"),
            ("b", "SCHWAB", "schwab_lot_details", "Lot_Details.csv", "LOADED"),
            ("c", "ALPINE", "standard_feed", "positions.csv", "QUARANTINED"),
            ("d", "IBKR", "ibkr_flex", "flex.xml", "LOADED"),
            ("e", "POLICY", "policy_files", "ips_targets.csv", "LOADED"),
        )
    ]


def bare_household(household_id: str, **household: Any) -> Rows:
    """A household with its own row and nothing else."""
    return {
        "dim_households": [
            {
                "household_id": household_id,
                "household_name": f"{household_id} Household",
                "advisor_id": "A-01",
                "advisor_name": "Dana Whitfield",
                "report_language": "en",
                "household_state": "released",
                **household,
            }
        ]
    }


def together(*books: Rows) -> Rows:
    """Several households in one book."""
    rows: Rows = {name: [] for name in SCHEMAS}
    for book in books:
        for name, given in book.items():
            rows[name] = rows[name] + given
    return rows
