"""The planning step of a night: one plan per household, in batches.

Belongs here: which frames the planner reads, cutting the book into batches, versions of plans.
Does not belong here: any planning rule (python_steps.planning).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
from python_steps.planning.batch import PlanningPayload, plan_households

from orchestration.calendar import NightDates
from orchestration.records import Records
from orchestration.tax_step import RATE_SEEDS
from orchestration.warehouse import Warehouse, fetch_arrow, replace_rows
from python_steps.batches import BatchFailure, run_batches
from python_steps.policy import FirmPolicy

REBALANCE_TABLES = {
    "plans": "What is proposed for each household, or why nothing is. One row per household.",
    "trades": "Proposed trades with reason and tax. One row per trade.",
    "trade_lots": "Lots to deliver. One row per trade and lot.",
    "tax_impact": "What the plan does to each tax return. One row per tax unit and tax year.",
    "exceptions": "What was considered and left. One row per household and subject.",
}
HOUSEHOLDS_PER_BATCH = 50
WORKERS = 2
# Below this many households a pool of processes costs more than it saves.
POOL_FROM_HOUSEHOLDS = 150

_HOUSEHOLD_FRAMES = {
    "dim_households": "marts.dim_households",
    "dim_accounts": "marts.dim_accounts",
    "fct_account_cash": "marts.fct_account_cash",
    "fct_position_constraints": "marts.fct_position_constraints",
    "fct_concentration_limits": "marts.fct_concentration_limits",
    "fct_household_drift": "marts.fct_household_drift",
    "fct_drift_summary": "marts.fct_drift_summary",
    "int_lots__identified": "intermediate.int_lots__identified",
    "int_positions__valued": "intermediate.int_positions__valued",
    "int_cash_flows__due": "intermediate.int_cash_flows__due",
    "lot_adjustments": "tax.lot_adjustments",
    "wash_sale_windows": "tax.wash_sale_windows",
    "tax_unit_states": "tax.tax_unit_states",
}
_BOOK_FRAMES = {
    "dim_securities": "marts.dim_securities",
    "dim_security_asset_classes": "marts.dim_security_asset_classes",
    "dim_model_securities": "marts.dim_model_securities",
    "dim_security_custodians": "marts.dim_security_custodians",
    "seed_asset_classes": "staging.seed_asset_classes",
    "seed_account_types": "staging.seed_account_types",
    "seed_substitutes": "staging.seed_substitutes",
    "seed_asset_location": "staging.seed_asset_location",
    "seed_capital_market_assumptions": "staging.seed_capital_market_assumptions",
    "seed_class_correlations": "staging.seed_class_correlations",
    **{name: f"staging.{name}" for name in RATE_SEEDS},
}
_DATED_SCHEMAS = ("marts", "tax")


@dataclass
class PlanningOutcome:
    """What the planning step wrote."""

    row_counts: dict[str, int]
    households_without_plan: list[str]
    failures: list[str] = field(default_factory=list)


def planning_frames(
    warehouse: Warehouse, dates: NightDates
) -> tuple[dict[str, pa.Table], dict[str, pa.Table]]:
    """The frames of all households (sorted by household) and those of the whole book."""
    with warehouse.open(read_only=True) as connection:

        def fetch(table: str, leading: str) -> pa.Table:
            dated = table.split(".", maxsplit=1)[0] in _DATED_SCHEMAS
            condition = f"where as_of_date = date '{dates.as_of_date}'" if dated else ""
            return fetch_arrow(
                connection, f"select * from {table} {condition} order by {leading}all"
            )

        return (
            {name: _sorted(connection, table, dates) for name, table in _HOUSEHOLD_FRAMES.items()},
            {name: fetch(table, "") for name, table in _BOOK_FRAMES.items()},
        )


def _sorted(connection: object, table: str, dates: NightDates) -> pa.Table:
    dated = table.split(".", maxsplit=1)[0] in _DATED_SCHEMAS
    condition = f"where as_of_date = date '{dates.as_of_date}'" if dated else ""
    rows = fetch_arrow(connection, f"select * from {table} {condition} order by all")
    return rows.sort_by([("household_id", "ascending")])


def plan_book(
    warehouse: Warehouse,
    records: Records,
    policy: FirmPolicy,
    dates: NightDates,
    *,
    log: Callable[[str], object],
) -> PlanningOutcome:
    """Plan every household of the book and write rebalance.*.

    A household whose planning fails is reported in its own plan row; a batch whose worker dies is
    reported by name and its households are found by the check on plans.
    """
    household_frames, book_frames = planning_frames(warehouse, dates)
    households = household_frames["dim_households"]["household_id"].to_pylist()
    issued = records.plan_versions(dates.as_of_date)
    batches = [
        PlanningPayload(
            household_ids=tuple(chosen),
            household_tables={
                name: _rows_of(table, chosen[0], chosen[-1])
                for name, table in household_frames.items()
            },
            book_tables=book_frames,
            policy=policy,
            as_of_date=dates.as_of_date,
            planned_trade_date=dates.planned_trade_date,
            valid_until_date=dates.valid_until_date,
            issued_versions={name: issued.get(name, []) for name in chosen},
        )
        for start in range(0, len(households), HOUSEHOLDS_PER_BATCH)
        if (chosen := households[start : start + HOUSEHOLDS_PER_BATCH])
    ]
    engine = "processes" if len(households) >= POOL_FROM_HOUSEHOLDS else "this_process"
    parts: dict[str, list[pa.Table]] = {name: [] for name in REBALANCE_TABLES}
    failures: list[str] = []
    for result in run_batches(
        plan_households,
        batches,
        engine,
        workers=WORKERS,
        on_batch_done=lambda number: log(f"planned batch {number + 1} of {len(batches)}"),
    ):
        if isinstance(result, BatchFailure):
            failures.append(f"planning batch {result.batch_number + 1} failed: {result.error}")
            continue
        for name in REBALANCE_TABLES:
            parts[name].append(result[name])
    tables = {name: pa.concat_tables(found) for name, found in parts.items() if found}
    with warehouse.open() as connection:
        for name, rows in tables.items():
            replace_rows(connection, f"rebalance.{name}", rows, {"as_of_date": dates.as_of_date})
    planned = set(tables["plans"]["household_id"].to_pylist()) if tables else set()
    return PlanningOutcome(
        row_counts={name: tables[name].num_rows if name in tables else 0 for name in parts},
        households_without_plan=sorted(set(households) - planned),
        failures=failures,
    )


def _rows_of(table: pa.Table, first: str, last: str) -> pa.Table:
    """The rows of the households from `first` to `last` of a table sorted by household."""
    ids = table["household_id"].to_pandas()
    start = int(ids.searchsorted(first, side="left"))
    end = int(ids.searchsorted(last, side="right"))
    return table.slice(start, end - start)


__all__ = ["REBALANCE_TABLES", "PlanningOutcome", "pc", "plan_book", "planning_frames"]
