"""The Python decisions of a night as assets: the tax truth of the lots, and the plans.

Belongs here: fetching frames, calling python_steps, writing what comes back. Does not belong here:
any tax rule or planning rule.
"""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from orchestration.calendar import NightDates, session_partitions
from orchestration.names import (
    GROUP_REBALANCE,
    GROUP_TAX,
    OWNER_PORTFOLIO,
    OWNER_TAX,
    WAREHOUSE_POOL,
)
from orchestration.planning_step import REBALANCE_TABLES, plan_book
from orchestration.resources import HomeResource
from orchestration.stages import timed_stage
from orchestration.tax_step import TAX_TABLES, reconcile_taxes

_BOOK_FACTS = [
    dg.AssetKey(["intermediate", "int_lots__identified"]),
    dg.AssetKey(["intermediate", "int_transactions__merged"]),
    dg.AssetKey(["intermediate", "int_closed_lots__merged"]),
    dg.AssetKey(["intermediate", "int_transactions__coverage"]),
    dg.AssetKey(["intermediate", "int_tax_profiles__current"]),
    dg.AssetKey(["marts", "dim_accounts"]),
    dg.AssetKey(["marts", "dim_securities"]),
]
_PLANNER_FACTS = [
    dg.AssetKey(["marts", name])
    for name in (
        "dim_households",
        "dim_accounts",
        "dim_securities",
        "dim_security_asset_classes",
        "dim_model_securities",
        "dim_security_custodians",
        "fct_account_cash",
        "fct_position_constraints",
        "fct_concentration_limits",
        "fct_household_drift",
        "fct_drift_summary",
        "fct_household_settings",
    )
] + [dg.AssetKey(["intermediate", "int_positions__valued"])]


def tax_key(table: str) -> dg.AssetKey:
    """The asset of one tax table; the same key as the dbt source."""
    return dg.AssetKey(["tax", table])


def rebalance_key(table: str) -> dg.AssetKey:
    """The asset of one table of plans; the same key as the dbt source."""
    return dg.AssetKey(["rebalance", table])


def _tax_asset() -> dg.AssetsDefinition:
    specs = [
        dg.AssetSpec(
            tax_key(table),
            deps=_BOOK_FACTS,
            group_name=GROUP_TAX,
            owners=[OWNER_TAX],
            kinds={"python", "duckdb"},
            partitions_def=session_partitions(),
            description=description,
        )
        for table, description in TAX_TABLES.items()
    ]

    @dg.multi_asset(
        name="tax_truth",
        specs=specs,
        pool=WAREHOUSE_POOL,
        check_specs=[
            dg.AssetCheckSpec(
                "shares_are_conserved",
                asset=tax_key("lot_adjustments"),
                blocking=True,
                description="The restated lots hold exactly the shares of the custodians' lots.",
            )
        ],
    )
    def tax_truth(
        context: dg.AssetExecutionContext, home: HomeResource
    ) -> Iterator[dg.MaterializeResult]:
        policy = home.policy()
        dates = NightDates.of(date.fromisoformat(context.partition_key), policy)
        home.enter_night(context.log.info)
        warehouse = home.warehouse()
        warehouse.require_working_session(dates.as_of_date)
        with timed_stage(warehouse, dates.as_of_date, context.run_id, "tax"):
            outcome = reconcile_taxes(warehouse, policy, dates, log=context.log.info)
        for table in TAX_TABLES:
            checks = []
            if table == "lot_adjustments":
                checks = [
                    dg.AssetCheckResult(
                        check_name="shares_are_conserved",
                        passed=not outcome.lots_not_conserved,
                        metadata={"lots": dg.MetadataValue.json(outcome.lots_not_conserved[:20])},
                    )
                ]
            yield dg.MaterializeResult(
                asset_key=tax_key(table),
                metadata={"dagster/row_count": outcome.row_counts[table]},
                check_results=checks,
            )

    return tax_truth


def _rebalance_asset() -> dg.AssetsDefinition:
    specs = [
        dg.AssetSpec(
            rebalance_key(table),
            deps=[*_PLANNER_FACTS, *(tax_key(name) for name in TAX_TABLES)],
            group_name=GROUP_REBALANCE,
            owners=[OWNER_PORTFOLIO],
            kinds={"python", "duckdb"},
            partitions_def=session_partitions(),
            description=description,
        )
        for table, description in REBALANCE_TABLES.items()
    ]

    @dg.multi_asset(
        name="household_plans",
        specs=specs,
        pool=WAREHOUSE_POOL,
        check_specs=[
            dg.AssetCheckSpec(
                "every_household_has_a_plan",
                asset=rebalance_key("plans"),
                description="Every household of the book has exactly one plan row.",
            )
        ],
    )
    def household_plans(
        context: dg.AssetExecutionContext, home: HomeResource
    ) -> Iterator[dg.MaterializeResult]:
        policy = home.policy()
        dates = NightDates.of(date.fromisoformat(context.partition_key), policy)
        home.enter_night(context.log.info)
        warehouse = home.warehouse()
        warehouse.require_working_session(dates.as_of_date)
        with timed_stage(warehouse, dates.as_of_date, context.run_id, "plan"):
            outcome = plan_book(warehouse, home.records(), policy, dates, log=context.log.info)
        for failure in outcome.failures:
            context.log.error(failure)
        for table in REBALANCE_TABLES:
            checks = []
            if table == "plans":
                checks = [
                    dg.AssetCheckResult(
                        check_name="every_household_has_a_plan",
                        passed=not outcome.households_without_plan,
                        severity=dg.AssetCheckSeverity.ERROR,
                        metadata={
                            "households": dg.MetadataValue.json(
                                outcome.households_without_plan[:50]
                            )
                        },
                    )
                ]
            yield dg.MaterializeResult(
                asset_key=rebalance_key(table),
                metadata={"dagster/row_count": outcome.row_counts[table]},
                check_results=checks,
            )

    return household_plans


def decision_assets() -> list[dg.AssetsDefinition]:
    """The tax asset and the planning asset."""
    return [_tax_asset(), _rebalance_asset()]
