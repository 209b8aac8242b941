"""The frames of a batch, cut by household without copying the book.

Belongs here: which columns of which table the planner reads, and the sorted index that hands out
one household's rows. Does not belong here: what the rows mean (`household_frames`). A column that
a table lacks is an error with both names in it, never an empty default.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

Row = dict[str, Any]

HOUSEHOLD_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "dim_households": (
        "household_id", "allows_short_term_gains", "harvests_losses",
        "minimum_trade_amount", "annual_gains_budget", "household_state", "state_reason",
        "market_value",
    ),
    "dim_accounts": (
        "household_id", "account_id", "account_name", "account_type", "tax_treatment", "custodian",
        "allocation_group_id", "tax_unit_id", "wash_sale_group_id", "counts_toward_allocation",
        "counts_for_wash_sales", "is_tradable", "lot_method", "permitted_list",
        "is_trading_blocked", "trading_blocked_reason", "custodian_lot_method", "basis_factor",
    ),
    "fct_account_cash": (
        "household_id", "account_id", "trade_date", "pending", "margin_debit",
        "fee_reserve", "flow_reserve", "minimum", "investable",
    ),
    "fct_position_constraints": (
        "household_id", "account_id", "security_id", "lot_id", "sellable_quantity", "is_buyable",
        "is_gain_allowed", "reason", "until_date",
    ),
    "fct_concentration_limits": ("household_id", "security_id", "limit_weight", "source"),
    "fct_household_drift": (
        "household_id", "allocation_group_id", "asset_class", "asset_class_rank", "target_weight",
        "actual_weight", "projected_weight", "lower_band_weight", "upper_band_weight", "is_breach",
        "is_breach_projected", "breach_severity_rank", "market_value", "value_basis",
        "after_tax_value", "check_frequency", "next_check_date", "is_check_due",
    ),
    "fct_target_drift": (
        "household_id", "allocation_group_id", "target_level", "target_key", "asset_class",
        "security_id", "target_weight", "actual_weight", "projected_weight", "lower_band_weight",
        "upper_band_weight", "is_breach", "is_breach_projected", "breach_severity_rank",
        "market_value", "value_basis", "after_tax_value", "check_frequency", "next_check_date",
        "is_check_due",
    ),
    "fct_household_settings": ("household_id", "subject_type", "setting", "setting_value"),
    "fct_drift_summary": (
        "household_id", "allocation_group_id", "is_rebalance_due", "rebalance_trigger",
        "next_review_date",
    ),
    "int_lots__identified": (
        "household_id", "lot_id", "account_id", "security_id", "quantity", "acquisition_date",
        "holding_period_start_date", "custodian_cost_basis", "basis_status", "basis_method",
        "covered_status", "is_frozen", "frozen_reason", "source_lot_id", "custodian_term",
        "acquisition_type",
    ),
    "int_positions__valued": (
        "household_id", "account_id", "security_id", "quantity", "market_value", "position_state",
        "state_reason", "is_illiquid", "is_mapped",
    ),
    "lot_adjustments": (
        "household_id", "lot_id", "parent_lot_id", "account_id", "quantity",
        "wash_sale_adjustment", "holding_period_start_date", "term",
    ),
    "wash_sale_windows": (
        "household_id", "wash_sale_group_id", "identity_group_id", "no_buy_until_date",
        "no_loss_sale_until_date", "caused_by", "coverage", "is_exit_possible",
    ),
    "tax_unit_states": (
        "household_id", "tax_unit_id", "tax_year", "filing_status", "marginal_ordinary_rate",
        "marginal_short_term_rate", "marginal_long_term_rate", "short_term_carryforward",
        "long_term_carryforward", "year_to_date_short_term_gain", "year_to_date_long_term_gain",
        "ordinary_taxable_income", "magi", "state_rate", "state_gains_rate", "rates_status",
        "profile_status", "marginal_collectibles_rate", "year_to_date_collectibles_gain",
    ),
}  # fmt: skip

# Without the single flows a cash need is worded by the amounts that `fct_account_cash` reserves.
# Without distributions no loss is limited by IRC 852(b)(4); a night always hands them over.
OPTIONAL_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "int_cash_flows__due": (
        "household_id", "account_id", "flow_type", "amount", "state", "required_by_date",
    ),
    "int_distributions__recent": (
        "household_id", "account_id", "security_id", "paid_date", "distribution_kind", "amount",
    ),
}  # fmt: skip

BOOK_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "dim_securities": (
        "security_id", "ticker", "security_name", "security_type", "sub_class",
        "identity_group_id", "is_cash_equivalent", "is_illiquid", "is_mapped", "price", "currency",
        "half_spread_bps", "average_daily_dollar_volume", "is_collectible", "half_spread_source",
    ),
    "dim_security_asset_classes": ("security_id", "asset_class", "weight"),
    "dim_model_securities": (
        "allocation_group_id", "asset_class", "rank", "security_id", "account_types",
    ),
    "dim_security_custodians": (
        "security_id", "custodian", "is_available", "is_fractional", "trades_in",
        "minimum_amount", "transaction_fee",
    ),
    "seed_substitutes": ("asset_class", "ticker", "substitute_ticker", "rank", "confidence"),
    "seed_capital_market_assumptions": ("asset_class", "volatility", "expected_return"),
    "seed_class_correlations": ("asset_class", "other_asset_class", "correlation"),
}  # fmt: skip


class MissingInputError(KeyError):
    """A table, or a column of a table, that the planner needs was not handed over."""


class HouseholdRows:
    """One table sorted by household, with the place of every household in it."""

    def __init__(
        self, name: str, table: pa.Table, columns: tuple[str, ...], as_of_date: date
    ) -> None:
        wanted = _select(name, table, columns, as_of_date)
        order = pc.sort_indices(wanted, sort_keys=[("household_id", "ascending")])
        self._table = wanted.take(order).combine_chunks()
        self._places: dict[str, tuple[int, int]] = {}
        start, current = 0, None
        keys = self._table["household_id"].to_pylist()
        for place, key in enumerate([*keys, None]):
            if key != current:
                if current is not None:
                    self._places[current] = (start, place - start)
                start, current = place, key

    def rows(self, household_id: str) -> list[Row]:
        """The household's rows; an empty list when the table has none."""
        place = self._places.get(household_id)
        return [] if place is None else _records(self._table.slice(*place))


class BookTables:
    """The frames of a batch: household tables behind an index, book-wide tables as rows."""

    def __init__(self, tables: Mapping[str, pa.Table], as_of_date: date) -> None:
        self._by_household = {
            name: HouseholdRows(name, _given(tables, name), columns, as_of_date)
            for name, columns in HOUSEHOLD_COLUMNS.items()
        }
        self._by_household |= {
            name: HouseholdRows(name, tables[name], columns, as_of_date)
            for name, columns in OPTIONAL_COLUMNS.items()
            if name in tables and set(columns) <= set(tables[name].column_names)
        }
        self.book = {
            name: _records(_select(name, _given(tables, name), columns, as_of_date))
            for name, columns in BOOK_COLUMNS.items()
        }
        self.asset_location = _records(_given(tables, "seed_asset_location"))

    def of_household(self, household_id: str) -> dict[str, list[Row]]:
        """Every household table's rows of one household; none for a table that is optional."""
        rows: dict[str, list[Row]] = {name: [] for name in OPTIONAL_COLUMNS}
        rows |= {name: index.rows(household_id) for name, index in self._by_household.items()}
        return rows


def _given(tables: Mapping[str, pa.Table], name: str) -> pa.Table:
    if name not in tables:
        raise MissingInputError(f"the planner needs the table {name}")
    return tables[name]


def _select(name: str, table: pa.Table, columns: tuple[str, ...], as_of_date: date) -> pa.Table:
    missing = sorted(set(columns) - set(table.column_names))
    if missing:
        raise MissingInputError(f"the planner needs {name}.{missing[0]}")
    if "as_of_date" in table.column_names:
        table = table.filter(pc.equal(table["as_of_date"], pa.scalar(as_of_date, pa.date32())))
    return table.select(list(columns))


def _records(table: pa.Table) -> list[Row]:
    names = table.column_names
    columns = [table.column(name).to_pylist() for name in names]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
