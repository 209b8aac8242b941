"""What a workbook is made from: the marts' rows, checked once and sliced per household.

Belongs here: which marts and columns the workbooks need, the check that a batch's tables have them,
are of one night and sorted, and their turning into rows, column by column for a whole batch. Does
not belong here: any text or layout, any arithmetic. Source of the names: the marts' contracts.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from python_steps.policy import FirmPolicy

_DRIFT_COLUMNS: Final = (
    "target_weight",
    "actual_weight",
    "projected_weight",
    "absolute_drift",
    "over_under_amount",
    "lower_band_weight",
    "upper_band_weight",
    "is_breach",
    "is_breach_projected",
    "market_value",
)
_REALIZED_COLUMNS: Final = (
    "realized_short_term_gain",
    "realized_short_term_loss",
    "realized_long_term_gain",
    "realized_long_term_loss",
)

# Marts with a household_id, and the columns that the workbooks read beside it.
HOUSEHOLD_MARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "dim_households": (
        "as_of_date",
        "household_name",
        "advisor_id",
        "advisor_name",
        "report_language",
        "household_state",
        "state_reason",
        "who_must_act",
        "market_value",
    ),
    "dim_accounts": (
        "account_id",
        "custodian",
        "account_number_masked",
        "account_name",
        "account_type",
        "tax_treatment",
        "is_tradable",
        "account_state",
        "who_must_act",
        "is_trading_blocked",
        "trading_blocked_reason",
    ),
    "fct_household_drift": (
        "allocation_group_id",
        "asset_class",
        "asset_class_rank",
        "breach_severity_rank",
        *_DRIFT_COLUMNS,
    ),
    "fct_target_drift": ("allocation_group_id", "target_level", "target_key", *_DRIFT_COLUMNS),
    "fct_drift_summary": (
        "allocation_group_id",
        "market_value",
        "breach_count",
        "max_absolute_drift",
        "trigger_reasons",
        "is_rebalance_due",
        "next_review_date",
    ),
    "fct_rebalance_plans": (
        "plan_id",
        "version",
        "input_hash",
        "planned_trade_date",
        "valid_until_date",
        "run_mode",
        "plan_status",
        "solver_status",
        "planner",
        "objective_value",
        "waterfall_objective_value",
        "optimality_gap",
        "estimated_tax",
        "transaction_cost",
        "tracking_error_before",
        "tracking_error_after",
        "breakeven_years",
        "explanation",
    ),
    "fct_recommended_trades": (
        "trade_id",
        "account_id",
        "action",
        "security_id",
        "quantity",
        "price",
        "notional",
        "reason_code",
        "rationale",
        "tax_character",
        *_REALIZED_COLUMNS,
        "tax_cost",
        "commission",
        "spread_cost",
        "market_impact",
        "order_type",
        "limit_price",
        "trade_sequence",
        "asset_class",
        "standing_lot_method",
        "lot_instruction",
        "lot_instruction_text",
        "lots_named_by_date",
    ),
    "fct_trade_lots": (
        "trade_id",
        "lot_id",
        "quantity",
        "acquisition_date",
        "holding_period_start_date",
        "term",
        "proceeds",
        "cost_basis",
        "realized_gain",
        "tax_cost",
    ),
    "fct_tax_impact": (
        "tax_unit_id",
        "tax_year",
        *_REALIZED_COLUMNS,
        "realized_collectibles_gain",
        "realized_collectibles_loss",
        "carryforward_used",
        "estimated_tax",
        "harvested_loss",
        "tax_saved_vs_waterfall",
        "wash_sale_exposure",
    ),
    "fct_capital_gains_schedule": (
        "tax_unit_id",
        "tax_year",
        "line",
        "short_term_amount",
        "long_term_amount",
        "total_amount",
    ),
    "fct_plan_values": ("term", "amount", "waterfall_amount"),
    "fct_tax_budget_frontier": (
        "point",
        "tax_budget",
        "estimated_tax",
        "drift_outside_bands",
        "tracking_error",
        "transaction_cost",
    ),
    "fct_allocation_comparison": (
        "allocation_group_id",
        "asset_class",
        "target_weight",
        "pre_trade_weight",
        "post_trade_weight",
        "pre_trade_drift",
        "post_trade_drift",
        "is_within_band_after",
    ),
    "fct_asset_location": (
        "account_id",
        "asset_class",
        "market_value",
        "preferred_tax_treatment",
        "is_well_located",
        "annual_tax_drag",
        "recommendation",
    ),
    "fct_tax_lots": (
        "account_id",
        "lot_id",
        "security_id",
        "quantity",
        "acquisition_date",
        "holding_period_start_date",
        "term",
        "custodian_cost_basis",
        "custodian_wash_sale_adjustment",
        "wash_sale_adjustment",
        "cost_basis",
        "market_value",
        "unrealized_gain",
        "covered_status",
        "override_id",
        "parent_lot_id",
        "source_file_id",
        "source_row_number",
    ),
    "fct_wash_sale_windows": (
        "identity_group_id",
        "no_buy_until_date",
        "no_loss_sale_until_date",
        "caused_by",
        "coverage",
    ),
    "fct_wash_sale_matches": (
        "loss_account_id",
        "loss_security_id",
        "loss_sale_date",
        "replacement_account_id",
        "replacement_security_id",
        "replacement_date",
        "matched_quantity",
        "disallowed_loss",
        "is_permanent",
        "basis_added",
        "holding_period_start_date",
        "provisional_until_date",
        "rule",
    ),
    "fct_realized_gains": (
        "account_id",
        "security_id",
        "disposal_date",
        "term",
        "quantity",
        "proceeds",
        "custodian_gain",
        "recognized_gain",
        "custodian_term",
        "difference",
        "difference_reason",
    ),
    "fct_trade_exceptions": (
        "subject",
        "reason_code",
        "rationale",
        "account_id",
        "security_id",
        "asset_class",
        "amount",
    ),
    "fct_compliance_checks": ("check_name", "requirement", "is_passed", "detail"),
    "fct_data_quality_results": (
        "scope",
        "scope_id",
        "rule",
        "severity",
        "is_passed",
        "observed",
        "expected",
        "message",
        "who_must_act",
        "file_name",
        "source_row_number",
    ),
}

# Tables of the whole book.
BOOK_TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "dim_securities": ("security_id", "ticker", "security_name", "identity_group_id"),
    "source_files": (
        "source_file_id",
        "custodian",
        "feed",
        "file_name",
        "stated_as_of_date",
        "row_count",
        "status",
    ),
}

Record = Mapping[str, Any]
Records = Sequence[Record]

POLICY_CUSTODIAN: Final = "POLICY"
_LOADED: Final = "LOADED"


class Security(NamedTuple):
    """How a security is called."""

    ticker: str | None
    name: str | None


class SecurityDirectory:
    """Names of securities and members of identity groups, looked up by id."""

    def __init__(self, table: pa.Table) -> None:
        """Read `dim_securities` of one night.

        Raises:
            ValueError: a column is missing.
        """
        checked = with_columns("dim_securities", table, BOOK_TABLES["dim_securities"])
        self._securities: dict[str, Security] = {}
        members: dict[str, set[str]] = {}
        for row in records(checked):
            self._securities[row["security_id"]] = Security(row["ticker"], row["security_name"])
            shown = row["ticker"] or row["security_name"]
            if row["identity_group_id"] is not None and shown:
                members.setdefault(row["identity_group_id"], set()).add(shown)
        self._members = {group: tuple(sorted(names)) for group, names in members.items()}

    def ticker(self, security_id: str) -> str:
        """The ticker; else the name; else the id, for what is no longer in the dimension."""
        security = self._securities.get(security_id)
        if security is None:
            return security_id
        return security.ticker or security.name or security_id

    def name(self, security_id: str) -> str:
        """The name; else the ticker; else the id."""
        security = self._securities.get(security_id)
        if security is None:
            return security_id
        return security.name or security.ticker or security_id

    def knows(self, security_id: str) -> bool:
        """Whether the id is in the dimension of this night."""
        return security_id in self._securities

    def group_members(self, identity_group_id: str) -> tuple[str, ...]:
        """Tickers of the group, sorted."""
        return self._members.get(identity_group_id, ())


class _Sorted:
    """A column seen as a sequence, for the binary search."""

    def __init__(self, column: pa.Array) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    def __getitem__(self, index: int) -> Any:
        return self._column[index].as_py()


@dataclass(frozen=True)
class ReportTables:
    """A batch's tables after the check: needed columns only, rows of households only."""

    by_household: Mapping[str, pa.Table]
    of_book: Mapping[str, pa.Table]

    @classmethod
    def checked(cls, tables: Mapping[str, pa.Table]) -> ReportTables:
        """Check the tables of one night.

        Args:
            tables: every mart of HOUSEHOLD_MARTS, each sorted by household_id (rows without one
                are left out), `dim_securities`, and `source_files` (rows of ops.source_files).

        Raises:
            ValueError: naming the table that is missing, lacks a column, holds more than one
                as_of_date, or is not sorted by household_id.
        """
        for name in (*HOUSEHOLD_MARTS, *BOOK_TABLES):
            if name not in tables:
                raise ValueError(f"the workbooks need the table {name}, which was not handed in")
        by_household = {
            name: _sorted_by_household(
                name, with_columns(name, tables[name], ("household_id", *columns))
            )
            for name, columns in HOUSEHOLD_MARTS.items()
        }
        of_book = {
            name: with_columns(name, tables[name], columns) for name, columns in BOOK_TABLES.items()
        }
        return cls(by_household, of_book)

    def between(self, mart: str, first_household_id: str, last_household_id: str) -> pa.Table:
        """The rows of the households from one id to another, both included; no copy."""
        table = self.by_household[mart]
        column = _Sorted(table.column("household_id").chunk(0)) if table.num_rows else ()
        first = bisect_left(column, first_household_id)
        return table.slice(first, bisect_right(column, last_household_id, lo=first) - first)


def records(table: pa.Table) -> list[Record]:
    """The rows of a table. Decimals and dates go through numpy, which is three times as quick."""
    values = [_values(column) for column in table.columns]
    names = table.column_names
    return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]


def _values(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_decimal(column.type) or pa.types.is_date32(column.type):
        column = column.to_numpy(zero_copy_only=False)
        return list(column.tolist())
    return list(column.to_pylist())


@dataclass(frozen=True)
class ReportRecords:
    """A batch's rows, by mart and household."""

    by_household: Mapping[str, Mapping[str, Records]]
    securities: SecurityDirectory
    loaded_files: Mapping[str, Records]

    @classmethod
    def of(cls, tables: ReportTables) -> ReportRecords:
        """Turn checked tables into rows, each table once for the whole batch."""
        by_household: dict[str, Mapping[str, Records]] = {}
        for mart, table in tables.by_household.items():
            households: dict[str, list[Record]] = defaultdict(list)
            for row in records(table):
                households[row["household_id"]].append(row)
            by_household[mart] = households
        files: dict[str, list[Record]] = defaultdict(list)
        for row in records(tables.of_book["source_files"]):
            if row["status"] == _LOADED:
                files[row["custodian"]].append(row)
        return cls(by_household, SecurityDirectory(tables.of_book["dim_securities"]), files)

    def of_household(self, mart: str, household_id: str) -> Records:
        """The rows of one household in a mart."""
        return self.by_household[mart].get(household_id, ())

    def files_of(self, accounts: Records) -> Records:
        """The loaded files of the accounts' custodians, and the firm's policy files."""
        custodians = {row["custodian"] for row in accounts} | {POLICY_CUSTODIAN}
        return [row for name in sorted(custodians - {None}) for row in self._files(name)]

    def _files(self, custodian: str) -> Records:
        return self.loaded_files.get(custodian, ())


@dataclass(frozen=True)
class HouseholdReportFrames:
    """The marts' rows of one household, and the names they refer to."""

    household_id: str
    as_of_date: date
    report_language: str | None
    household: Record
    accounts: Records
    drift: Records
    target_drift: Records
    drift_summary: Records
    plan: Records
    trades: Records
    trade_lots: Records
    tax_impact: Records
    gains_schedule: Records
    plan_values: Records
    tax_budget_frontier: Records
    allocation_comparison: Records
    asset_location: Records
    lots: Records
    wash_sale_windows: Records
    wash_sale_matches: Records
    realized_gains: Records
    exceptions: Records
    compliance_checks: Records
    data_quality_results: Records
    source_files: Records
    securities: SecurityDirectory
    firm_policy: FirmPolicy

    @classmethod
    def from_tables(
        cls,
        household_id: str,
        tables: Mapping[str, pa.Table] | ReportRecords,
        *,
        firm_policy: FirmPolicy,
    ) -> HouseholdReportFrames:
        """Cut one household out of a batch's tables.

        Args:
            household_id: of the household.
            tables: the batch's tables by mart name, or their rows, which saves the check and the
                turning into rows for each further household.
            firm_policy: the policy in force, shown on the sheet Compliance.

        Raises:
            ValueError: the tables do not pass the check, or the household is not in
                `dim_households` exactly once.
        """
        batch = (
            tables
            if isinstance(tables, ReportRecords)
            else ReportRecords.of(ReportTables.checked(tables))
        )

        def rows(mart: str) -> Records:
            return batch.of_household(mart, household_id)

        household = rows("dim_households")
        if len(household) != 1:
            raise ValueError(
                f"household {household_id} has {len(household)} rows in dim_households; "
                "exactly one is needed"
            )
        facts = household[0]
        accounts = rows("dim_accounts")
        return cls(
            household_id=household_id,
            as_of_date=facts["as_of_date"],
            report_language=facts["report_language"],
            household=facts,
            accounts=accounts,
            drift=rows("fct_household_drift"),
            target_drift=rows("fct_target_drift"),
            drift_summary=rows("fct_drift_summary"),
            plan=rows("fct_rebalance_plans"),
            trades=rows("fct_recommended_trades"),
            trade_lots=rows("fct_trade_lots"),
            tax_impact=rows("fct_tax_impact"),
            gains_schedule=rows("fct_capital_gains_schedule"),
            plan_values=rows("fct_plan_values"),
            tax_budget_frontier=rows("fct_tax_budget_frontier"),
            allocation_comparison=rows("fct_allocation_comparison"),
            asset_location=rows("fct_asset_location"),
            lots=rows("fct_tax_lots"),
            wash_sale_windows=rows("fct_wash_sale_windows"),
            wash_sale_matches=rows("fct_wash_sale_matches"),
            realized_gains=rows("fct_realized_gains"),
            exceptions=rows("fct_trade_exceptions"),
            compliance_checks=rows("fct_compliance_checks"),
            data_quality_results=rows("fct_data_quality_results"),
            source_files=batch.files_of(accounts),
            securities=batch.securities,
            firm_policy=firm_policy,
        )


def with_columns(name: str, table: pa.Table, columns: Iterable[str]) -> pa.Table:
    """The needed columns of a table of one night.

    Raises:
        ValueError: naming the table and the column it lacks, or its several nights.
    """
    wanted = list(columns)
    absent = [column for column in wanted if column not in table.column_names]
    if absent:
        raise ValueError(f"the table {name} lacks the column {', '.join(absent)}")
    if "as_of_date" in table.column_names and table.num_rows:
        extent = pc.min_max(table.column("as_of_date")).as_py()
        if extent["min"] != extent["max"]:
            raise ValueError(
                f"the table {name} holds rows of several nights, "
                f"{extent['min']} to {extent['max']}; hand in one night"
            )
    return table.select(wanted)


def _sorted_by_household(name: str, table: pa.Table) -> pa.Table:
    key = table.column("household_id")
    if key.null_count:
        table = table.filter(pc.is_valid(key))
    table = table.combine_chunks()
    if table.num_rows > 1:
        ordered = table.column("household_id").chunk(0)
        if not pc.all(pc.less_equal(ordered[:-1], ordered[1:])).as_py():
            raise ValueError(f"the table {name} is not sorted by household_id")
    return table
