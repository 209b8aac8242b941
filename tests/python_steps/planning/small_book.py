"""Small books for planner tests: a few accounts and lots, as the frames a night would hand over.

Belongs here: building frames with the columns of the marts, with drift and bands computed the way
the book does. Does not belong here: expectations. Rates and assumptions are the project's seeds.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from python_steps.frames import MONEY, QUANTITY, WEIGHT
from python_steps.planning.batch import PlanningPayload, plan_households
from python_steps.policy import FirmPolicy, household_settings

AS_OF = date(2026, 11, 19)
TRADE_DATE = date(2026, 11, 20)
VALID_UNTIL = date(2026, 11, 23)

SEEDS = Path(__file__).parents[3] / "dbt_project" / "seeds"
SEED_NAMES = (
    "seed_substitutes",
    "seed_asset_location",
    "seed_account_types",
    "seed_capital_market_assumptions",
    "seed_class_correlations",
    "seed_ordinary_tax_brackets",
    "seed_capital_gains_brackets",
    "seed_net_investment_income_tax",
    "seed_capital_loss_limits",
)

LARGE, SMALL, DEVELOPED, EMERGING = (
    "US Large Cap Equity",
    "US Small/Mid Cap",
    "International Developed",
    "Emerging Markets",
)
BONDS, HIGH_YIELD, TIPS, ALTERNATIVES, CASH = (
    "Investment Grade Bonds",
    "High Yield / Credit",
    "TIPS / Inflation Protected",
    "Alternatives",
    "Cash",
)
CLASSES = (LARGE, SMALL, DEVELOPED, EMERGING, BONDS, HIGH_YIELD, TIPS, ALTERNATIVES, CASH)

_KINDS: dict[str, pa.DataType] = {
    "money": MONEY, "quantity": QUANTITY, "weight": WEIGHT, "text": pa.string(),
    "flag": pa.bool_(), "day": pa.date32(), "number": pa.int32(),
}  # fmt: skip

_COLUMN_KINDS = {
    **dict.fromkeys(
        (
            "minimum_trade_amount", "annual_gains_budget", "market_value", "trade_date", "settled",
            "pending", "margin_debit", "fee_reserve", "flow_reserve", "minimum", "investable",
            "custodian_cost_basis", "wash_sale_adjustment", "short_term_carryforward",
            "long_term_carryforward", "year_to_date_short_term_gain",
            "year_to_date_long_term_gain", "year_to_date_collectibles_gain",
            "ordinary_taxable_income", "magi", "amount",
            "minimum_amount", "transaction_fee", "average_daily_dollar_volume", "after_tax_value",
        ),
        "money",
    ),
    **dict.fromkeys(("quantity", "sellable_quantity", "price"), "quantity"),
    **dict.fromkeys(
        (
            "limit_weight", "target_weight", "actual_weight", "projected_weight",
            "lower_band_weight", "upper_band_weight", "weight", "half_spread_bps", "state_rate",
            "state_gains_rate", "marginal_ordinary_rate", "marginal_short_term_rate",
            "marginal_long_term_rate", "marginal_collectibles_rate", "basis_factor",
        ),
        "weight",
    ),
    **dict.fromkeys(
        (
            "as_of_date", "acquisition_date", "holding_period_start_date", "until_date",
            "no_buy_until_date", "no_loss_sale_until_date", "required_by_date", "paid_date",
            "next_check_date", "next_review_date",
        ),
        "day",
    ),
    **dict.fromkeys(("asset_class_rank", "breach_severity_rank", "rank", "tax_year"), "number"),
}  # fmt: skip


def _kind(name: str) -> pa.DataType:
    if name.startswith(("is_", "counts_", "allows_", "harvests_")):
        return pa.bool_()
    return _KINDS[_COLUMN_KINDS.get(name, "text")]


@cache
def seeds() -> dict[str, pa.Table]:
    """The project's seed files as text tables; the planner must take what a CSV gives it."""
    tables = {}
    for name in SEED_NAMES:
        with (SEEDS / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        tables[name] = pa.table({key: [row[key] for row in rows] for key in rows[0]})
    return tables


def D(value: object) -> Decimal:  # noqa: N802 - reads as the literal it is
    return Decimal(str(value))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass
class SmallBook:
    """One or more households; methods return ids so that tests read as a story."""

    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    targets: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    bands: dict[str, Decimal] = field(default_factory=dict)
    cash: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    triggers: dict[str, str] = field(default_factory=dict)
    projected: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    parts: list[dict[str, Any]] = field(default_factory=list)
    planner: str = "waterfall"
    # Settings of single households: (household, setting) to text.
    settings: dict[tuple[str, str], str] = field(default_factory=dict)
    # Classes that are checked on another night: class to (frequency, next date).
    resting: dict[str, tuple[str, date]] = field(default_factory=dict)

    def rows(self, table: str) -> list[dict[str, Any]]:
        return self.tables.setdefault(table, [])

    def household(self, household_id: str = "H1", **changes: Any) -> str:
        self.rows("dim_households").append(
            {
                "household_id": household_id, "household_name": household_id,
                "allows_short_term_gains": False, "harvests_losses": True,
                "minimum_trade_amount": None, "annual_gains_budget": None,
                "household_state": "released", "state_reason": None, **changes,
            }
        )  # fmt: skip
        return household_id

    def group(
        self,
        targets: dict[str, object],
        group_id: str = "G1",
        *,
        band: object = "0.05",
        trigger: str = "band",
    ) -> str:
        self.targets[group_id] = {name: D(weight) for name, weight in targets.items()}
        self.bands[group_id] = D(band)
        self.triggers[group_id] = trigger
        return group_id

    def part(
        self, key: str, weight: object, *, level: str = "sub_class", group_id: str = "G1",
        band: object = "0.02", asset_class: str | None = LARGE,
    ) -> None:  # fmt: skip
        """A target for a sub-class or a security inside a class."""
        target, half = D(weight), D(band)
        self.parts.append(
            {
                "allocation_group_id": group_id, "target_level": level, "target_key": key,
                "asset_class": asset_class, "security_id": key if level == "security" else None,
                "target_weight": target, "lower_band_weight": max(D(0), target - half),
                "upper_band_weight": target + half, "breach_severity_rank": None,
            }
        )  # fmt: skip

    def account(
        self,
        account_id: str,
        account_type: str = "taxable_individual",
        *,
        cash: object = 0,
        flow_reserve: object = 0,
        minimum: object = 0,
        household_id: str = "H1",
        group_id: str | None = "G1",
        **changes: Any,
    ) -> str:
        types = {row["account_type"]: row["tax_treatment"]
                 for row in seeds()["seed_account_types"].to_pylist()}  # fmt: skip
        self.rows("dim_accounts").append(
            {
                "household_id": household_id, "account_id": account_id,
                "account_name": f"Account {account_id}", "account_type": account_type,
                "tax_treatment": types[account_type], "custodian": "ALPINE",
                "allocation_group_id": group_id, "tax_unit_id": f"T-{household_id}",
                "wash_sale_group_id": f"W-{household_id}", "counts_toward_allocation": True,
                "counts_for_wash_sales": True, "is_tradable": True, "lot_method": "SPEC_ID",
                "permitted_list": None, "is_trading_blocked": False,
                "trading_blocked_reason": None, "custodian_lot_method": None,
                "basis_factor": D(1), **changes,
            }
        )  # fmt: skip
        held, reserve, floor = D(cash), D(flow_reserve), D(minimum)
        self.rows("fct_account_cash").append(
            {
                "household_id": household_id, "account_id": account_id, "trade_date": held,
                "settled": held, "pending": D(0), "margin_debit": D(0), "fee_reserve": D(0),
                "flow_reserve": reserve, "minimum": floor, "investable": held - reserve - floor,
            }
        )  # fmt: skip
        return account_id

    def security(
        self,
        ticker: str,
        asset_class: str | dict[str, object] = LARGE,
        price: object = 100,
        **changes: Any,
    ) -> str:
        weights = {asset_class: 1} if isinstance(asset_class, str) else asset_class
        self.rows("dim_securities").append(
            {
                "security_id": ticker, "ticker": ticker, "security_name": f"{ticker} fund",
                "security_type": "ETF", "sub_class": None, "identity_group_id": f"IG-{ticker}",
                "is_cash_equivalent": False, "is_illiquid": False, "is_mapped": True,
                "price": D(price), "currency": "USD", "half_spread_bps": D(1),
                "average_daily_dollar_volume": D(500_000_000), "is_collectible": False,
                "half_spread_source": "security", **changes,
            }
        )  # fmt: skip
        for name, weight in weights.items():
            self.rows("dim_security_asset_classes").append(
                {"security_id": ticker, "asset_class": name, "weight": D(weight)}
            )
        return ticker

    def model(self, ticker: str, rank: int = 1, *, types: str = "*", group_id: str = "*") -> None:
        """Put a security on the buy list of its class, buyable in every account opened so far."""
        classes = [row for row in self.rows("dim_security_asset_classes")
                   if row["security_id"] == ticker]  # fmt: skip
        largest = max(classes, key=lambda row: row["weight"])["asset_class"]
        self.rows("dim_model_securities").append(
            {"allocation_group_id": group_id, "asset_class": largest, "rank": rank,
             "security_id": ticker, "account_types": types}
        )  # fmt: skip
        for account in self.rows("dim_accounts"):
            self.constraint(account["account_id"], ticker)

    def constraint(self, account_id: str, ticker: str, **changes: Any) -> dict[str, Any]:
        """The constraint row of an account and security, made where it is missing."""
        for row in self.rows("fct_position_constraints"):
            if (row["account_id"], row["security_id"], row["lot_id"]) == (account_id, ticker, None):
                row.update(changes)
                return row
        row = {
            "household_id": self._household_of(account_id), "account_id": account_id,
            "security_id": ticker, "lot_id": None, "sellable_quantity": D(0), "is_buyable": True,
            "is_gain_allowed": True, "reason": "none", "until_date": None, **changes,
        }  # fmt: skip
        self.rows("fct_position_constraints").append(row)
        return row

    def lot(
        self,
        account_id: str,
        ticker: str,
        quantity: object,
        unit_cost: object | None,
        acquired: date | None = date(2020, 3, 2),
        **changes: Any,
    ) -> str:
        """A lot and its position; the position's constraint frees what is held."""
        household_id = self._household_of(account_id)
        lots = self.rows("int_lots__identified")
        lot_id = f"{account_id}:{ticker}:{len(lots) + 1}"
        amount = D(quantity)
        basis = None if unit_cost is None else amount * D(unit_cost)
        adjustment = changes.pop("wash_sale_adjustment", D(0))
        lots.append(
            {
                "household_id": household_id, "lot_id": lot_id, "account_id": account_id,
                "security_id": ticker, "quantity": amount, "acquisition_date": acquired,
                "holding_period_start_date": acquired, "custodian_cost_basis": basis,
                "basis_status": "missing" if basis is None else "complete", "is_frozen": False,
                "basis_method": "UNKNOWN", "covered_status": "COVERED", "frozen_reason": None,
                "source_lot_id": None, "custodian_term": None, "acquisition_type": "PURCHASE",
                **changes,
            }
        )  # fmt: skip
        self.rows("lot_adjustments").append(
            {
                "household_id": household_id, "lot_id": lot_id, "parent_lot_id": None,
                "account_id": account_id, "quantity": amount, "wash_sale_adjustment": adjustment,
                "holding_period_start_date": acquired,
                "term": "long" if acquired and (AS_OF - acquired).days > 366 else "short",
            }
        )  # fmt: skip
        position = self.position(account_id, ticker)
        position["quantity"] += amount
        constraint = self.constraint(account_id, ticker)
        constraint["sellable_quantity"] += amount
        return lot_id

    def position(self, account_id: str, ticker: str) -> dict[str, Any]:
        for row in self.rows("int_positions__valued"):
            if (row["account_id"], row["security_id"]) == (account_id, ticker):
                return row
        security = self.security_row(ticker)
        row = {
            "household_id": self._household_of(account_id), "account_id": account_id,
            "security_id": ticker, "quantity": D(0), "market_value": None,
            "position_state": "complete", "state_reason": None,
            "is_illiquid": security["is_illiquid"], "is_mapped": security["is_mapped"],
        }  # fmt: skip
        self.rows("int_positions__valued").append(row)
        return row

    def window(self, ticker: str, household_id: str = "H1", **changes: Any) -> None:
        self.rows("wash_sale_windows").append(
            {
                "household_id": household_id, "wash_sale_group_id": f"W-{household_id}",
                "identity_group_id": self.security_row(ticker)["identity_group_id"],
                "no_buy_until_date": None, "no_loss_sale_until_date": None,
                "caused_by": "a trade", "coverage": "known", "is_exit_possible": False,
                **changes,
            }
        )  # fmt: skip

    def tax_unit(self, household_id: str = "H1", **changes: Any) -> None:
        self.rows("tax_unit_states").append(
            {
                "household_id": household_id, "tax_unit_id": f"T-{household_id}",
                "tax_year": TRADE_DATE.year, "filing_status": "MFJ",
                "marginal_ordinary_rate": D("0.27"), "marginal_short_term_rate": D("0.308"),
                "marginal_long_term_rate": D("0.238"), "short_term_carryforward": D(0),
                "long_term_carryforward": D(0), "year_to_date_short_term_gain": D(0),
                "year_to_date_long_term_gain": D(0), "ordinary_taxable_income": D(280_000),
                "magi": D(320_000), "state_rate": D("0.05"), "state_gains_rate": D("0.05"),
                "marginal_collectibles_rate": D("0.328"), "year_to_date_collectibles_gain": D(0),
                "rates_status": "statutory", "profile_status": "confirmed", **changes,
            }
        )  # fmt: skip

    def flow(self, account_id: str, flow_type: str, amount: object, due: date) -> None:
        self.rows("int_cash_flows__due").append(
            {"household_id": self._household_of(account_id), "account_id": account_id,
             "flow_type": flow_type, "amount": D(amount), "state": "requested",
             "required_by_date": due}
        )  # fmt: skip

    def limit(self, ticker: str, weight: object, household_id: str = "H1") -> None:
        self.rows("fct_concentration_limits").append(
            {"household_id": household_id, "security_id": ticker, "limit_weight": D(weight),
             "source": "R-1"}
        )  # fmt: skip

    def terms(self, ticker: str, **changes: Any) -> None:
        self.rows("dim_security_custodians").append(
            {"security_id": ticker, "custodian": "*", "is_available": True,
             "is_fractional": False, "trades_in": "shares", "minimum_amount": None,
             "transaction_fee": None, **changes}
        )  # fmt: skip

    def security_row(self, ticker: str) -> dict[str, Any]:
        return next(row for row in self.rows("dim_securities") if row["security_id"] == ticker)

    def account_row(self, account_id: str) -> dict[str, Any]:
        return next(row for row in self.rows("dim_accounts") if row["account_id"] == account_id)

    def _household_of(self, account_id: str) -> str:
        return str(self.account_row(account_id)["household_id"])

    def frames(self, policy: FirmPolicy | None = None) -> dict[str, pa.Table]:
        """Every table the planner asks for, with drift, breaches and values filled in."""
        self._value()
        self._settle(policy or FirmPolicy())
        from python_steps.planning.book_tables import (
            BOOK_COLUMNS,
            HOUSEHOLD_COLUMNS,
            OPTIONAL_COLUMNS,
        )

        frames = dict(seeds())
        columns_of = {**HOUSEHOLD_COLUMNS, **OPTIONAL_COLUMNS, **BOOK_COLUMNS}
        for name, columns in columns_of.items():
            if not name.startswith("seed_"):
                frames[name] = self._table(name, columns)
        return frames

    def _table(self, name: str, columns: tuple[str, ...]) -> pa.Table:
        rows = self.rows(name)
        arrays = {
            column: pa.array([row[column] for row in rows], type=_kind(column))
            for column in columns
        }
        arrays["as_of_date"] = pa.array([AS_OF] * len(rows), type=pa.date32())
        if name in ("int_lots__identified", "seed_substitutes"):
            del arrays["as_of_date"]
        return pa.table(arrays)

    def _settle(self, policy: FirmPolicy) -> None:
        """What holds in each household: its own setting, else the firm's."""
        self.tables["fct_household_settings"] = [
            {
                "household_id": row["household_id"], "subject_type": "household",
                "setting": setting.name,
                "setting_value": self.settings.get(
                    (row["household_id"], setting.name), _text(getattr(policy, setting.name))
                ),
            }
            for row in self.rows("dim_households")
            for setting in household_settings()
        ]  # fmt: skip

    def _value(self) -> None:
        prices = {row["security_id"]: row["price"] for row in self.rows("dim_securities")}
        for row in self.rows("int_positions__valued"):
            price = prices[row["security_id"]]
            row["market_value"] = None if price is None else row["quantity"] * price
        self.tables["fct_household_drift"] = []
        self.tables["fct_drift_summary"] = []
        self.tables["fct_target_drift"] = []
        for group_id in sorted(self.targets):
            self._drift(group_id)
        for row in self.rows("dim_households"):
            mine = [each for each in self.rows("fct_drift_summary")
                    if each["household_id"] == row["household_id"]]  # fmt: skip
            row["market_value"] = sum((each["market_value"] for each in mine), D(0))

    def _drift(self, group_id: str) -> None:
        members = {
            row["account_id"]: row
            for row in self.rows("dim_accounts")
            if row["allocation_group_id"] == group_id and row["counts_toward_allocation"]
        }
        values: dict[str, Decimal] = dict.fromkeys(self.targets[group_id], D(0))
        values.setdefault(CASH, D(0))
        reserve = D(0)
        weighed: dict[str, Decimal] = dict(values)

        def add(account_id: str, name: str, amount: Decimal) -> None:
            values[name] = values.get(name, D(0)) + amount
            factor = members[account_id]["basis_factor"]
            weighed[name] = weighed.get(name, D(0)) + amount * factor

        for row in self.rows("fct_account_cash"):
            if row["account_id"] in members:
                add(row["account_id"], CASH, row["trade_date"] - row["fee_reserve"])
                reserve += row["flow_reserve"] * members[row["account_id"]]["basis_factor"]
        for row in self.rows("int_positions__valued"):
            if row["account_id"] in members and row["market_value"] is not None:
                for part in self.rows("dim_security_asset_classes"):
                    if part["security_id"] == row["security_id"]:
                        amount = row["market_value"] * part["weight"]
                        add(row["account_id"], part["asset_class"], amount)
        total = sum(weighed.values(), D(0))
        is_after_tax = any(row["basis_factor"] != 1 for row in members.values())
        household_id = next(iter(members.values()))["household_id"]
        rows = [{**self._class_row(group_id, name, weighed[name], total, reserve, household_id),
                 "market_value": value, "after_tax_value": weighed[name],
                 "value_basis": "after_tax" if is_after_tax else "pre_tax"}
                for name, value in values.items()]  # fmt: skip
        breached = sorted(
            (row for row in rows if row["is_breach"]),
            key=lambda row: -abs(row["actual_weight"] - row["target_weight"]),
        )
        for place, row in enumerate(breached, start=1):
            row["breach_severity_rank"] = place
        self.rows("fct_household_drift").extend(rows)
        parts = [self._part_row(part, set(members), total, household_id)
                 for part in self.parts if part["allocation_group_id"] == group_id]  # fmt: skip
        self.rows("fct_target_drift").extend(parts)
        trigger = self.triggers[group_id]
        is_band = any(
            row["is_check_due"] and (row["is_breach"] or row["is_breach_projected"])
            for row in rows + parts
        )
        reasons = trigger if trigger != "band" else ("band" if is_band else "")
        self.rows("fct_drift_summary").append(
            {"household_id": household_id, "allocation_group_id": group_id,
             "market_value": sum(values.values(), D(0)), "rebalance_trigger": "both",
             "is_rebalance_due": bool(reasons), "trigger_reasons": reasons or None,
             "next_review_date": None}
        )  # fmt: skip

    def _class_row(
        self, group_id: str, name: str, value: Decimal, total: Decimal, reserve: Decimal,
        household_id: str,
    ) -> dict[str, Any]:  # fmt: skip
        target = self.targets[group_id].get(name, D(0))
        half = max(D("0.01"), min(self.bands[group_id], target * D("0.2")))
        after = value - reserve if name == CASH else value
        actual = (value / total).quantize(D("0.0000000001"))
        projected = (after / (total - reserve)).quantize(D("0.0000000001"))
        projected = self.projected.get((group_id, name), projected)
        low, high = max(D(0), target - half), target + half
        is_unmapped = name == "Unmapped"
        return {
            "household_id": household_id, "allocation_group_id": group_id, "asset_class": name,
            "asset_class_rank": CLASSES.index(name) + 1 if name in CLASSES else None,
            "target_weight": target, "actual_weight": actual, "projected_weight": projected,
            "lower_band_weight": low, "upper_band_weight": high,
            "is_breach": not is_unmapped and not low <= actual <= high,
            "is_breach_projected": not is_unmapped and not low <= projected <= high,
            "breach_severity_rank": None, "market_value": value, **self._schedule(name),
        }  # fmt: skip

    def _schedule(self, name: str | None) -> dict[str, Any]:
        frequency, next_date = self.resting.get(name or "", ("nightly", AS_OF))
        return {"check_frequency": frequency, "next_check_date": next_date,
                "is_check_due": next_date <= AS_OF}  # fmt: skip

    def _part_row(
        self, part: dict[str, Any], members: set[str], total: Decimal, household_id: str
    ) -> dict[str, Any]:
        value = D(0)
        for row in self.rows("int_positions__valued"):
            security = self.security_row(row["security_id"])
            is_member = part["target_key"] in (security["sub_class"], part["security_id"]) and (
                part["security_id"] in (None, row["security_id"])
            )
            if row["account_id"] in members and is_member:
                value += row["market_value"]
        weight = (value / total).quantize(D("0.0000000001"))
        is_breach = not part["lower_band_weight"] <= weight <= part["upper_band_weight"]
        return {
            **part, "household_id": household_id, "actual_weight": weight,
            "projected_weight": weight, "is_breach": is_breach,
            "is_breach_projected": is_breach, "market_value": value, "value_basis": "pre_tax",
            "after_tax_value": value, **self._schedule(part["asset_class"]),
        }  # fmt: skip

    def payload(self, *household_ids: str, policy: FirmPolicy | None = None) -> PlanningPayload:
        return PlanningPayload(
            household_ids=household_ids or ("H1",),
            tables=self.frames(policy),
            policy=replace(policy or FirmPolicy(), planner=self.planner),
            as_of_date=AS_OF,
            planned_trade_date=TRADE_DATE,
            valid_until_date=VALID_UNTIL,
        )

    def plan(self, *household_ids: str, policy: FirmPolicy | None = None) -> Planned:
        return Planned(plan_households(self.payload(*household_ids, policy=policy)))


@dataclass
class Planned:
    """The five result tables with the lookups tests ask for."""

    tables: dict[str, pa.Table]

    @property
    def plan(self) -> dict[str, Any]:
        rows: list[dict[str, Any]] = self.tables["plans"].to_pylist()
        assert len(rows) == 1
        return rows[0]

    @property
    def trades(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.tables["trades"].to_pylist()
        return rows

    @property
    def lots(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.tables["trade_lots"].to_pylist()
        return rows

    @property
    def exceptions(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.tables["exceptions"].to_pylist()
        return rows

    def of(self, action: str, security_id: str | None = None) -> list[dict[str, Any]]:
        return [
            row
            for row in self.trades
            if row["action"] == action and security_id in (None, row["security_id"])
        ]

    def reasons(self) -> set[str]:
        return {row["reason_code"] for row in self.exceptions}

    def sold_lots(self) -> list[str]:
        return [row["lot_id"] for row in self.lots]
