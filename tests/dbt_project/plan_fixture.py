"""A book of small households with one sound plan each, as the planner would have left it.

Belongs here: the rows of the book, the ledger and the planner that the plan pass of dbt reads, for
households that can be broken one rule at a time. Does not belong here: any expected verdict. The
book's marts are made from their own contracts, so that a column they lack is an error.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import yaml

from python_steps.policy import household_settings
from tests.dbt_project.warehouse_fixture import (
    AS_OF_DATE,
    DBT_PROJECT,
    create_warehouse,
    insert_rows,
)

Row = dict[str, Any]

TRADE_DATE = date(2026, 11, 20)
SETTLEMENT_DATE = date(2026, 11, 23)
CUSTODIAN = "ALPINE"

_MONEY, _QUANTITY, _WEIGHT = "decimal(24,6)", "decimal(28,10)", "decimal(18,10)"

# The suite's own statement of what the plan pass reads of the intermediate tables.
INTERMEDIATE_TABLES: dict[str, dict[str, str]] = {
    "int_lots__identified": {
        "lot_id": "varchar",
        "account_id": "varchar",
        "household_id": "varchar",
        "security_id": "varchar",
        "quantity": _QUANTITY,
        "acquisition_date": "date",
        "acquisition_time": "varchar",
        "holding_period_start_date": "date",
        "custodian_term": "varchar",
        "unit_cost": _QUANTITY,
        "custodian_cost_basis": _MONEY,
        "custodian_cost_basis_unadjusted": _MONEY,
        "custodian_wash_sale_adjustment": _MONEY,
        "basis_status": "varchar",
        "basis_source": "varchar",
        "override_id": "varchar",
        "covered_status": "varchar",
        "acquisition_type": "varchar",
        "basis_method": "varchar",
        "is_frozen": "boolean",
        "frozen_reason": "varchar",
        "source_lot_id": "varchar",
        "attributes_key": "varchar",
        "source_file_id": "varchar",
        "source_row_number": "bigint",
        "currency": "varchar",
        "price": _QUANTITY,
        "market_value": _MONEY,
    },
    "int_closed_lots__merged": {
        "account_id": "varchar",
        "household_id": "varchar",
        "security_id": "varchar",
        "closed_lot_key": "varchar",
        "acquisition_date": "date",
        "disposal_date": "date",
        "quantity": _QUANTITY,
        "proceeds": _MONEY,
        "cost_basis": _MONEY,
        "realized_gain": _MONEY,
        "disallowed_loss": _MONEY,
        "term": "varchar",
        "covered_status": "varchar",
        "source_file_id": "varchar",
        "source_row_number": "bigint",
    },
    "int_distributions__recent": {
        "household_id": "varchar",
        "account_id": "varchar",
        "security_id": "varchar",
        "paid_date": "date",
        "distribution_kind": "varchar",
        "amount": _MONEY,
    },
    "int_groups__settings": {
        "allocation_group_id": "varchar",
        "default_absolute_band": _WEIGHT,
        "default_relative_band": _WEIGHT,
        "default_band_rule": "varchar",
        "default_band_floor": _WEIGHT,
    },
    "int_positions__valued": {
        "account_id": "varchar",
        "household_id": "varchar",
        "security_id": "varchar",
        "quantity": _QUANTITY,
        "price": _QUANTITY,
        "market_value": _MONEY,
        "custodian_cost_basis": _MONEY,
        "position_state": "varchar",
        "state_reason": "varchar",
        "lot_count": "bigint",
        "is_illiquid": "boolean",
        "is_mapped": "boolean",
    },
}

# Ticker: type, price, identity group, weights of its asset classes. ODDFUND is broken on purpose:
# its classes do not fill it, as no mapping of the book should ever leave a security.
SECURITIES: dict[str, tuple[str, str, str, dict[str, str]]] = {
    "VTI": ("ETF", "250", "crsp-total-market", {"US Large Cap Equity": "1"}),
    "VTSAX": ("MUTUAL_FUND", "120", "crsp-total-market", {"US Large Cap Equity": "1"}),
    "ITOT": ("ETF", "125", "sp-total-market", {"US Large Cap Equity": "1"}),
    "BND": ("ETF", "70", "us-aggregate", {"Investment Grade Bonds": "1"}),
    "VT": (
        "ETF",
        "110",
        "ftse-global",
        {"US Large Cap Equity": "0.6", "International Developed": "0.3", "Emerging Markets": "0.1"},
    ),
    "GLD": ("ETF", "400", "gold", {"Alternatives": "1"}),
    "NEWGOLD": ("ETF", "50", "new-gold", {"Alternatives": "1"}),
    "NOSPREAD": ("ETF", "50", "no-spread", {"Investment Grade Bonds": "1"}),
    "ODDFUND": ("ETF", "50", "oddfund", {"Investment Grade Bonds": "0.9"}),
}
# Whether long-term gain is gain from collectibles: of NEWGOLD nobody has said.
COLLECTIBLES: dict[str, bool | None] = {"GLD": True, "NEWGOLD": None}
HALF_SPREAD_BPS = Decimal("0.25")
TARGETS = (
    ("US Large Cap Equity", 1, "0.50"),
    ("Investment Grade Bonds", 5, "0.48"),
    ("Cash", 9, "0.02"),
)
BAND = Decimal("0.05")


def money(value: object) -> Decimal:
    """A number of dollars, exact."""
    return Decimal(str(value))


def price_of(security_id: str) -> Decimal:
    """The book's price of a security, dollars."""
    return Decimal(SECURITIES[security_id][1])


@dataclass
class HouseholdCase:
    """One household: rows per table, ready to be changed by a test and written."""

    household_id: str
    rows: dict[str, list[Row]] = field(default_factory=dict)

    def add(self, table: str, *rows: Row) -> None:
        """Append rows to a table."""
        self.rows.setdefault(table, []).extend(rows)

    def one(self, table: str, **match: object) -> Row:
        """The only row of a table with these values, to be changed in place."""
        found = [
            row
            for row in self.rows[table]
            if all(row.get(name) == value for name, value in match.items())
        ]
        assert len(found) == 1, (self.household_id, table, match, len(found))
        return found[0]

    def account(self, letter: str) -> str:
        """Id of an account: T (joint, taxable) or I (traditional IRA)."""
        return f"{self.household_id}-{letter}"

    @property
    def plan(self) -> Row:
        """The plan's row."""
        return self.one("rebalance.plans")

    def trade(self, letter: str, action: str, security_id: str) -> Row:
        """A trade's row."""
        return self.one(
            "rebalance.trades",
            account_id=self.account(letter),
            action=action,
            security_id=security_id,
        )

    def lot(self, name: str) -> Row:
        """The row of a lot that a sale uses."""
        return self.one("rebalance.trade_lots", lot_id=f"{self.household_id}-{name}")

    @property
    def impact(self) -> Row:
        """The row of the tax impact."""
        return self.one("rebalance.tax_impact")

    def add_account(
        self, letter: str, account_type: str, treatment: str, cash: str, minimum: str = "500"
    ) -> None:
        """An account with cash, in the household's only group, tax unit and wash-sale group."""
        available = money(cash)
        self.add(
            "marts.dim_accounts",
            {
                "account_id": self.account(letter),
                "household_id": self.household_id,
                "custodian": CUSTODIAN,
                "account_number_masked": f"***{letter}",
                "account_name": f"{account_type} {letter}",
                "account_type": account_type,
                "tax_treatment": treatment,
                "allocation_group_id": f"{self.household_id}-G",
                "tax_unit_id": f"{self.household_id}-U",
                "wash_sale_group_id": f"{self.household_id}-W",
                "counts_toward_allocation": True,
                "is_tradable": True,
                "counts_for_wash_sales": True,
                "account_status": "open",
                "minimum_cash": money(minimum),
                "lot_method": "MIN_TAX",
                "is_discretionary": True,
                "base_currency": "USD",
                "account_state": "complete",
                "is_trading_blocked": False,
                "basis_factor": Decimal(1),
            },
        )
        self.add(
            "marts.fct_account_cash",
            {
                "account_id": self.account(letter),
                "household_id": self.household_id,
                "trade_date": available,
                "settled": available,
                "pending": money(0),
                "margin_debit": money(0),
                "fee_reserve": money(0),
                "flow_reserve": money(0),
                "minimum": money(minimum),
                "investable": available - money(minimum),
                "contributions_due": money(0),
            },
        )

    def add_constraint(
        self, letter: str, security_id: str, sellable: object, **changes: Any
    ) -> None:
        """What may be done with a security in an account; free unless `changes` say otherwise."""
        self.add(
            "marts.fct_position_constraints",
            {
                "account_id": self.account(letter),
                "security_id": security_id,
                "lot_id": None,
                "household_id": self.household_id,
                "sellable_quantity": money(sellable),
                "is_buyable": True,
                "is_gain_allowed": True,
                "reason": "none",
                "source": "policy",
            }
            | changes,
        )

    def add_position(self, letter: str, security_id: str, *lots: tuple[str, str, str, str]) -> None:
        """A free position made of lots: name, quantity, acquisition date, basis."""
        price = price_of(security_id)
        quantity = sum((money(lot[1]) for lot in lots), Decimal(0))
        account_id = self.account(letter)
        self.add(
            "intermediate.int_positions__valued",
            {
                "account_id": account_id,
                "household_id": self.household_id,
                "security_id": security_id,
                "quantity": quantity,
                "price": price,
                "market_value": quantity * price,
                "custodian_cost_basis": sum((money(lot[3]) for lot in lots), Decimal(0)),
                "position_state": "complete",
                "lot_count": len(lots),
                "is_illiquid": False,
                "is_mapped": True,
            },
        )
        self.add_constraint(letter, security_id, quantity)
        for name, held, acquired, basis in lots:
            acquisition_date = date.fromisoformat(acquired)
            is_long = acquisition_date < date(2025, 11, 20)
            self.add(
                "intermediate.int_lots__identified",
                {
                    "lot_id": f"{self.household_id}-{name}",
                    "account_id": account_id,
                    "household_id": self.household_id,
                    "security_id": security_id,
                    "quantity": money(held),
                    "acquisition_date": acquisition_date,
                    "holding_period_start_date": acquisition_date,
                    "custodian_cost_basis": money(basis),
                    "custodian_wash_sale_adjustment": money(0),
                    "basis_status": "complete",
                    "basis_source": "custodian",
                    "covered_status": "COVERED",
                    "acquisition_type": "PURCHASE",
                    "is_frozen": False,
                    "source_lot_id": name,
                    "source_file_id": "f" * 64,
                    "source_row_number": 2,
                    "currency": "USD",
                    "price": price,
                    "market_value": money(held) * price,
                },
            )
            self.add(
                "tax.lot_adjustments",
                {
                    "lot_id": f"{self.household_id}-{name}",
                    "parent_lot_id": None,
                    "account_id": account_id,
                    "household_id": self.household_id,
                    "security_id": security_id,
                    "quantity": money(held),
                    "wash_sale_adjustment": money(0),
                    "holding_period_start_date": acquisition_date,
                    "term": "long" if is_long else "short",
                },
            )

    def add_trade(self, letter: str, action: str, security_id: str, quantity: str) -> Row:
        """A trade at the book's price with one dollar of spread and no gain."""
        price = price_of(security_id)
        trades = self.rows.setdefault("rebalance.trades", [])
        trade = {
            "plan_id": f"P-{self.household_id}",
            "household_id": self.household_id,
            "trade_id": f"T-{self.household_id}-{letter}-{action}-{security_id}",
            "account_id": self.account(letter),
            "action": action,
            "security_id": security_id,
            "quantity": money(quantity),
            "price": price,
            "notional": money(quantity) * price,
            "reason_code": "REBALANCE",
            "rationale": f"{action} {security_id}",
            "tax_character": "none",
            "realized_short_term_gain": money(0),
            "realized_short_term_loss": money(0),
            "realized_long_term_gain": money(0),
            "realized_long_term_loss": money(0),
            "tax_cost": money(0),
            "commission": money(0),
            "spread_cost": money(1),
            "market_impact": money(0),
            "order_type": "market",
            "trade_sequence": len(trades) + 1,
            "asset_class": next(iter(SECURITIES[security_id][3])),
        }
        if action == "sell" and self._is_taxable(letter):
            trade |= {
                "lot_instruction": "specific_lots",
                "lot_instruction_text": "Name these lots.",
                "lots_named_by_date": SETTLEMENT_DATE,
            }
        trades.append(trade)
        self.plan["transaction_cost"] += trade["spread_cost"]
        return trade

    def _is_taxable(self, letter: str) -> bool:
        (account,) = (
            row
            for row in self.rows["marts.dim_accounts"]
            if row["account_id"] == self.account(letter)
        )
        return bool(account["tax_treatment"] == "taxable")

    def add_trade_lot(
        self, trade: Row, name: str, quantity: str, term: str, cost_basis: object
    ) -> Row:
        """A lot of a sale; its gain is proceeds less basis."""
        proceeds = money(quantity) * trade["price"]
        lot = {
            "plan_id": trade["plan_id"],
            "household_id": self.household_id,
            "trade_id": trade["trade_id"],
            "lot_id": f"{self.household_id}-{name}",
            "account_id": trade["account_id"],
            "security_id": trade["security_id"],
            "quantity": money(quantity),
            "term": term,
            "proceeds": proceeds,
            "cost_basis": money(cost_basis),
            "realized_gain": proceeds - money(cost_basis),
            "tax_cost": money(0),
        }
        self.add("rebalance.trade_lots", lot)
        return lot

    def drop_trade(self, trade: Row) -> None:
        """Take a trade, its lots and its cost out of the plan."""
        self.rows["rebalance.trades"].remove(trade)
        lots = self.rows["rebalance.trade_lots"]
        lots[:] = [lot for lot in lots if lot["trade_id"] != trade["trade_id"]]
        self.plan["transaction_cost"] -= trade["spread_cost"]

    def settle(self) -> None:
        """State gains, tax character and tax impact again from the lots as they now stand."""
        totals = dict.fromkeys(
            (
                f"realized_{term}_term_{sign}"
                for term in ("short", "long")
                for sign in ("gain", "loss")
            ),
            Decimal(0),
        )
        taxable = {
            row["account_id"]
            for row in self.rows["marts.dim_accounts"]
            if row["tax_treatment"] == "taxable"
        }
        collectibles = dict.fromkeys(("gain", "loss"), Decimal(0))
        for trade in self.rows["rebalance.trades"]:
            own = dict.fromkeys(totals, Decimal(0))
            for lot in self.rows["rebalance.trade_lots"]:
                if lot["trade_id"] == trade["trade_id"] and trade["account_id"] in taxable:
                    sign = "gain" if lot["realized_gain"] > 0 else "loss"
                    own[f"realized_{lot['term']}_term_{sign}"] += lot["realized_gain"]
            trade |= own
            named = [name.removeprefix("realized_") for name, value in own.items() if value != 0]
            trade["tax_character"] = "mixed" if len(named) > 1 else (named or ["none"])[0]
            totals = {name: totals[name] + own[name] for name in totals}
            if COLLECTIBLES.get(trade["security_id"]):
                collectibles = {
                    sign: collectibles[sign] + own[f"realized_long_term_{sign}"]
                    for sign in collectibles
                }
        self.impact.update(totals)
        self.impact.update(
            {f"realized_collectibles_{sign}": each for sign, each in collectibles.items()}
        )


def sound_household(household_id: str) -> HouseholdCase:
    """A household with too much US equity and a plan that mends it without breaking any rule.

    The plan sells VTI in the IRA and, in the joint account, a lot with a loss and part of a lot
    with a long-term gain; it buys BND in both.
    """
    case = HouseholdCase(household_id)
    case.add(
        "marts.dim_households",
        {
            "household_id": household_id,
            "household_name": household_id,
            "advisor_id": "A1",
            "advisor_name": "Advisor",
            "report_language": "en",
            "allows_short_term_gains": False,
            "harvests_losses": True,
            "minimum_trade_amount": money(250),
            "household_state": "released",
            "market_value": money(232000),
        },
    )
    case.add_account("T", "taxable_joint", "taxable", "5000")
    case.add_account("I", "traditional_ira", "tax_deferred", "2000")
    case.add_position(
        "T",
        "VTI",
        ("OLD", "100", "2020-01-10", "10000"),
        ("MID", "180", "2024-03-01", "44000"),
        ("YOUNG", "20", "2026-06-01", "4000"),
        ("LOSS", "100", "2026-08-03", "26000"),
    )
    case.add_constraint("T", "BND", 0)
    case.add_position("I", "BND", ("BONDS", "1000", "2021-05-03", "80000"))
    case.add_position("I", "VTI", ("STOCKS", "220", "2021-05-03", "44000"))
    case.add_constraint("I", "VTSAX", 0)
    values = {
        "US Large Cap Equity": money(155000),
        "Investment Grade Bonds": money(70000),
        "Cash": money(7000),
    }
    _add_drift(case, values)
    case.add(
        "tax.tax_unit_states",
        {
            "tax_unit_id": f"{household_id}-U",
            "household_id": household_id,
            "tax_year": 2026,
            "filing_status": "MFJ",
            "marginal_ordinary_rate": money("0.24"),
            "marginal_short_term_rate": money("0.24"),
            "marginal_long_term_rate": money("0.15"),
            "short_term_carryforward": money(0),
            "long_term_carryforward": money(0),
            "year_to_date_short_term_gain": money(0),
            "year_to_date_long_term_gain": money(0),
            "ordinary_taxable_income": money(250000),
            "magi": money(280000),
            "state_rate": money(0),
            "state_gains_rate": money(0),
            "rates_status": "statutory",
            "profile_status": "confirmed",
        },
    )
    _add_plan(case)
    sale = case.add_trade("I", "sell", "VTI", "40")
    case.add_trade_lot(sale, "STOCKS", "40", "long", 8000)
    case.add_trade("I", "buy", "BND", "140")
    sale = case.add_trade("T", "sell", "VTI", "120")
    case.add_trade_lot(sale, "LOSS", "100", "short", 26000)
    case.add_trade_lot(sale, "OLD", "20", "long", 2000)
    case.add_trade("T", "buy", "BND", "420")
    case.settle()
    return case


def _add_drift(case: HouseholdCase, values: dict[str, Decimal]) -> None:
    base = sum(values.values(), Decimal(0))
    for asset_class, rank, target in TARGETS:
        weight = values[asset_class] / base
        drift = weight - Decimal(target)
        case.add(
            "marts.fct_household_drift",
            {
                "allocation_group_id": f"{case.household_id}-G",
                "asset_class": asset_class,
                "asset_class_rank": rank,
                "household_id": case.household_id,
                "target_weight": Decimal(target),
                "actual_weight": weight,
                "projected_weight": weight,
                "absolute_drift": drift,
                "relative_drift": drift / Decimal(target),
                "over_under_amount": drift * base,
                "lower_band_weight": max(Decimal(target) - BAND, Decimal(0)),
                "upper_band_weight": Decimal(target) + BAND,
                "is_breach": abs(drift) > BAND,
                "is_breach_projected": abs(drift) > BAND,
                "market_value": values[asset_class],
                "value_basis": "pre_tax",
                "after_tax_value": values[asset_class],
                "pre_tax_weight": weight,
                "after_tax_weight": weight,
                "check_frequency": "nightly",
                "next_check_date": AS_OF_DATE,
                "is_check_due": True,
            },
        )
    case.add(
        "marts.fct_household_settings",
        *(
            {
                "household_id": case.household_id,
                "subject_type": "household",
                "subject": case.household_id,
                "setting": setting.name,
                "setting_value": str(setting.default).lower(),
                "unit": setting.metadata["unit"],
                "origin": "built_in",
                "is_usable": True,
            }
            for setting in household_settings()
        ),
    )
    case.add(
        "intermediate.int_groups__settings",
        {
            "allocation_group_id": f"{case.household_id}-G",
            "default_absolute_band": BAND,
            "default_relative_band": Decimal("0.2"),
            "default_band_rule": "tighter",
            "default_band_floor": Decimal("0.01"),
        },
    )
    case.add(
        "marts.fct_drift_summary",
        {
            "allocation_group_id": f"{case.household_id}-G",
            "household_id": case.household_id,
            "market_value": base,
            "breach_count": 2,
            "projected_breach_count": 2,
            "max_absolute_drift": money("0.18"),
            "unmapped_weight": money(0),
            "trigger_reasons": "band",
            "is_rebalance_due": True,
            "value_basis": "pre_tax",
            "after_tax_value": base,
            "rebalance_trigger": "both",
        },
    )


def _add_plan(case: HouseholdCase) -> None:
    keys = {"plan_id": f"P-{case.household_id}", "household_id": case.household_id}
    case.add(
        "rebalance.plans",
        keys
        | {
            "version": 1,
            "input_hash": "0" * 64,
            "planned_trade_date": TRADE_DATE,
            "valid_until_date": date(2026, 11, 23),
            "run_mode": "rebalance",
            "plan_status": "proposed",
            "solver_status": "not_run",
            "planner": "waterfall",
            "estimated_tax": money(300),
            "transaction_cost": money(0),
            "tracking_error_before": 0.03,
            "tracking_error_after": 0.01,
            "explanation": "Two classes are outside their bands.",
        },
    )
    case.add(
        "rebalance.tax_impact",
        keys
        | {
            "tax_unit_id": f"{case.household_id}-U",
            "tax_year": 2026,
            "carryforward_used": money(0),
            "estimated_tax": money(300),
            "harvested_loss": money(1000),
            "wash_sale_exposure": money(0),
        },
    )


def shared_rows() -> dict[str, list[Row]]:
    """Rows that are not about one household: securities, their classes, their custodian."""
    return {
        "marts.dim_securities": [
            {
                "security_id": ticker,
                "ticker": ticker,
                "security_name": ticker,
                "security_type": kind,
                "identity_group_id": group,
                "is_cash_equivalent": False,
                "is_illiquid": False,
                "is_mapped": True,
                "price": Decimal(price),
                "price_date": AS_OF_DATE,
                "currency": "USD",
                "half_spread_bps": None if ticker == "NOSPREAD" else HALF_SPREAD_BPS,
                "is_collectible": COLLECTIBLES.get(ticker, False),
            }
            for ticker, (kind, price, group, _) in SECURITIES.items()
        ],
        "marts.dim_security_asset_classes": [
            {
                "security_id": ticker,
                "asset_class": asset_class,
                "weight": Decimal(weight),
                "mapping_source": "seed",
            }
            for ticker, (_, _, _, classes) in SECURITIES.items()
            for asset_class, weight in classes.items()
        ],
        "marts.dim_security_custodians": [
            {
                "security_id": "BND",
                "custodian": "*",
                "is_available": True,
                "is_fractional": True,
                "trades_in": "shares",
            },
            {
                "security_id": "BND",
                "custodian": CUSTODIAN,
                "is_available": True,
                "is_fractional": False,
                "trades_in": "shares",
            },
        ],
    }


# What the way back to the files reads beside the facts of a plan; no plan depends on it.
_ROW = {"source_file_id": "varchar", "source_row_number": "bigint"}
_ACCOUNT_ROW = {"custodian": "varchar", "account_number": "varchar"} | _ROW
ORIGIN_TABLES: dict[str, dict[str, str]] = {
    "intermediate.int_securities__priced": {"security_id": "varchar", "price": _QUANTITY} | _ROW,
    "intermediate.int_account_references__resolved": {
        "custodian": "varchar",
        "account_number": "varchar",
        "account_id": "varchar",
    },
    "staging.stg_ips_targets": {
        "allocation_group_id": "varchar",
        "target_level": "varchar",
        "target_key": "varchar",
    }
    | _ROW,
    "staging.stg_allocation_groups": {"allocation_group_id": "varchar"} | _ROW,
    "staging.stg_households": {"household_id": "varchar"} | _ROW,
    "staging.stg_tax_profiles": {"tax_unit_id": "varchar"} | _ROW,
    "staging.stg_cash_flows": {"cash_flow_id": "varchar"} | _ROW,
    "staging.stg_accounts": _ACCOUNT_ROW,
    "staging.stg_account_settings": _ACCOUNT_ROW,
    "intermediate.int_cash__sources": {"account_id": "varchar"} | _ROW,
}


def create_plan_warehouse(path: Path) -> None:
    """An empty warehouse as it stands before the plan pass, with the book's tables."""
    create_warehouse(path)
    with duckdb.connect(str(path)) as connection:
        for folder in ("marts", "ops"):
            for contract in sorted((DBT_PROJECT / "models" / folder).glob("*.yml")):
                for model in yaml.safe_load(contract.read_text(encoding="utf-8"))["models"]:
                    columns = {each["name"]: each["data_type"] for each in model["columns"]}
                    _create(connection, f"{folder}.{model['name']}", columns)
        for name, columns in INTERMEDIATE_TABLES.items():
            _create(connection, f"intermediate.{name}", columns)
        for name, columns in ORIGIN_TABLES.items():
            _create(connection, name, columns)


def write_rows(path: Path, cases: list[HouseholdCase], as_of_date: date = AS_OF_DATE) -> None:
    """Write the shared rows and the households' rows as the night of `as_of_date`."""
    with duckdb.connect(str(path)) as connection:
        for rows in (shared_rows(), *(deepcopy(case.rows) for case in cases)):
            for table, given in rows.items():
                dated = {} if table.startswith("intermediate.") else {"as_of_date": as_of_date}
                insert_rows(connection, table, [dated | row for row in given])


def _create(connection: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str]) -> None:
    declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    connection.execute(f"create or replace table {table} ({declared})")
