"""The planning step of a night: one plan per household, in batches.

Belongs here: which frames the planner reads, cutting the book into batches, versions of plans.
Does not belong here: any planning rule (python_steps.planning).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa

from orchestration.calendar import NightDates
from orchestration.records import Records
from orchestration.tax_step import RATE_SEEDS
from orchestration.warehouse import Warehouse, fetch_night, replace_rows
from python_steps.batches import BatchFailure, Engine, run_batches
from python_steps.planning.batch import PlanningPayload, plan_households
from python_steps.policy import FirmPolicy

REBALANCE_TABLES = {
    "plans": "What is proposed for each household, or why nothing is. One row per household.",
    "trades": "Proposed trades with reason and tax. One row per trade.",
    "trade_lots": "Lots to deliver. One row per trade and lot.",
    "trade_rationale": "What speaks for and against each trade. One row per trade and component.",
    "tax_impact": "What the plan does to each tax return. One row per tax unit and tax year.",
    "plan_values": "The objective of each plan, term by term. One row per household and term.",
    "tax_budget_frontier": "What budgets for the year's tax would buy. One row per point.",
    "alternatives": "The plan beside waiting and other paths. One row per household and path.",
    "untraded": "Holdings that stay off their targets, and why. One row per holding and reason.",
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
    "fct_target_drift": "marts.fct_target_drift",
    "fct_drift_summary": "marts.fct_drift_summary",
    "fct_household_settings": "marts.fct_household_settings",
    "int_lots__identified": "intermediate.int_lots__identified",
    "int_positions__valued": "intermediate.int_positions__valued",
    "int_distributions__recent": "intermediate.int_distributions__recent",
    "int_cash_flows__due": "marts.fct_cash_flows",
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


def planning_frames(warehouse: Warehouse, dates: NightDates) -> dict[str, pa.Table]:
    """Every frame that the planner reads, of one night; household frames sorted by household."""

    def night_of(table: str) -> date | None:
        return dates.as_of_date if table.split(".", maxsplit=1)[0] in _DATED_SCHEMAS else None

    with warehouse.open(read_only=True) as connection:
        frames = {
            name: fetch_night(
                connection, table, night_of(table), by_household=name in _HOUSEHOLD_FRAMES
            )
            for name, table in {**_HOUSEHOLD_FRAMES, **_BOOK_FRAMES}.items()
        }
    flows = frames["int_cash_flows__due"]
    return {**frames, "int_cash_flows__due": flows.filter(flows["is_due"])}


def plan_book(
    warehouse: Warehouse,
    records: Records,
    policy: FirmPolicy,
    dates: NightDates,
    *,
    log: Callable[[str], None],
) -> PlanningOutcome:
    """Plan every household of the book and write rebalance.*.

    A household whose planning fails is reported in its own plan row; a batch whose worker dies is
    reported by name and its households are found by the check on plans.
    """
    frames = planning_frames(warehouse, dates)
    households = frames["dim_households"]["household_id"].to_pylist()
    batches = planning_payloads(frames, households, policy, dates)
    engine: Engine = "processes" if len(households) >= POOL_FROM_HOUSEHOLDS else "this_process"
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
    if not parts["plans"]:
        raise RuntimeError("no household could be planned: " + "; ".join(failures))
    tables = {name: pa.concat_tables(found) for name, found in parts.items()}
    tables["plans"] = with_versions(tables["plans"], records.plan_versions(dates.as_of_date))
    with warehouse.open() as connection:
        for name, rows in tables.items():
            replace_rows(connection, f"rebalance.{name}", rows, {"as_of_date": dates.as_of_date})
    planned = set(tables["plans"]["household_id"].to_pylist())
    return PlanningOutcome(
        row_counts={name: rows.num_rows for name, rows in tables.items()},
        households_without_plan=sorted(set(households) - planned),
        failures=failures,
    )


def planning_payloads(
    frames: Mapping[str, pa.Table],
    households: Sequence[str],
    policy: FirmPolicy,
    dates: NightDates,
) -> list[PlanningPayload]:
    """Cut the book into batches that carry their own households' rows only."""
    # Rows of no household, such as an account that the firm has no settings for, stand at the end
    # and belong to no batch.
    ids = {name: frames[name]["household_id"].drop_null().to_pylist() for name in _HOUSEHOLD_FRAMES}
    payloads = []
    for start in range(0, len(households), HOUSEHOLDS_PER_BATCH):
        chosen = tuple(households[start : start + HOUSEHOLDS_PER_BATCH])
        own = {
            name: _rows_between(frames[name], ids[name], chosen[0], chosen[-1])
            for name in _HOUSEHOLD_FRAMES
        }
        payloads.append(
            PlanningPayload(
                household_ids=chosen,
                tables={**frames, **own},
                policy=policy,
                as_of_date=dates.as_of_date,
                planned_trade_date=dates.planned_trade_date,
                valid_until_date=dates.valid_until_date,
            )
        )
    return payloads


def with_versions(plans: pa.Table, issued: Mapping[str, list[tuple[int, str]]]) -> pa.Table:
    """The plans with their version: that of the issued plan with the same inputs, else the next."""
    versions = []
    for household_id, digest in zip(
        plans["household_id"].to_pylist(), plans["input_hash"].to_pylist(), strict=True
    ):
        known = issued.get(household_id, [])
        same = [version for version, issued_hash in known if issued_hash == digest]
        latest = max((version for version, _ in known), default=0)
        versions.append(same[0] if same else latest + 1)
    place = plans.schema.get_field_index("version")
    return plans.set_column(place, "version", pa.array(versions, pa.int32()))


def _rows_between(table: pa.Table, ids: Sequence[str], first: str, last: str) -> pa.Table:
    """The rows of the households from `first` to `last`; `ids` are the table's, sorted."""
    start = bisect_left(ids, first)
    return table.slice(start, bisect_right(ids, last) - start)
