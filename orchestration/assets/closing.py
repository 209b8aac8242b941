"""The end of a night as assets: workbooks, the night's record, the published snapshot.

Belongs here: asset definitions. Does not belong here: rendering (python_steps.reports) or the
rules of a night's state (orchestration.night).
"""

from datetime import date

import dagster as dg

from orchestration.calendar import session_partitions
from orchestration.names import (
    GROUP_OPS,
    GROUP_REPORTS,
    KINDS_EXCEL,
    OWNER_OPERATIONS,
    OWNER_PORTFOLIO,
    WAREHOUSE_POOL,
)
from orchestration.night import publish_night, record_night
from orchestration.reporting_step import MARTS_READ, OPS_READ, write_book_workbook, write_workbooks
from orchestration.resources import AlertsResource, HomeResource
from orchestration.stages import timed_stage
from orchestration.warehouse import Warehouse

HOUSEHOLD_WORKBOOKS = dg.AssetKey(["reports", "household_workbooks"])
BOOK_WORKBOOK = dg.AssetKey(["reports", "book_workbook"])
NIGHTS = dg.AssetKey(["ops", "nights"])
SNAPSHOT = dg.AssetKey(["published", "snapshot"])

_REPORT_FACTS = [dg.AssetKey(["marts", name]) for name in MARTS_READ] + [
    dg.AssetKey(["ops", name]) for name in OPS_READ
]


@dg.asset(
    key=HOUSEHOLD_WORKBOOKS,
    deps=_REPORT_FACTS,
    partitions_def=session_partitions(),
    group_name=GROUP_REPORTS,
    owners=[OWNER_PORTFOLIO],
    kinds=KINDS_EXCEL,
    pool=WAREHOUSE_POOL,
    tags={"pii": "true"},
    description="The advisors' workbooks: drift, trades, tax, lots. One file per household.",
    check_specs=[
        dg.AssetCheckSpec(
            "every_household_has_a_workbook",
            asset=HOUSEHOLD_WORKBOOKS,
            description="Every household of the book has a workbook, or a named failure.",
        ),
        dg.AssetCheckSpec(
            "every_text_is_translated",
            asset=HOUSEHOLD_WORKBOOKS,
            description="No workbook of another language has sentences that stayed English.",
        ),
    ],
)
def household_workbooks(
    context: dg.AssetExecutionContext, home: HomeResource
) -> dg.MaterializeResult:
    """Write the workbook of every household."""
    as_of_date = date.fromisoformat(context.partition_key)
    home.enter_night(context.log.info)
    warehouse = home.warehouse()
    with timed_stage(warehouse, as_of_date, context.run_id, "workbooks"):
        outcome = write_workbooks(home.home(), warehouse, as_of_date, log=context.log.info)
    for failure in outcome.failures:
        context.log.error(failure)
    for warning in outcome.untranslated:
        context.log.warning(warning)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": outcome.written + outcome.unchanged,
            "written": outcome.written,
            "unchanged": outcome.unchanged,
            "folder": dg.MetadataValue.path(str(home.home().reports(as_of_date))),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="every_household_has_a_workbook",
                passed=not outcome.failures,
                severity=dg.AssetCheckSeverity.ERROR,
                metadata={"failures": dg.MetadataValue.json(outcome.failures[:50])},
            ),
            dg.AssetCheckResult(
                check_name="every_text_is_translated",
                passed=not outcome.untranslated,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"untranslated": dg.MetadataValue.json(outcome.untranslated[:50])},
            ),
        ],
    )


@dg.asset(
    key=NIGHTS,
    deps=[HOUSEHOLD_WORKBOOKS],
    partitions_def=session_partitions(),
    group_name=GROUP_OPS,
    owners=[OWNER_OPERATIONS],
    kinds={"python", "duckdb"},
    pool=WAREHOUSE_POOL,
    description="How each night ended and what it was made of. One row per session and version.",
)
def nights(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
    """Record the night: state, version, input manifest."""
    as_of_date = date.fromisoformat(context.partition_key)
    home.enter_night(context.log.info)
    night = record_night(home.home(), home.warehouse(), as_of_date, context.run_id)
    return dg.MaterializeResult(
        metadata={
            "version": night.version,
            "state": night.state,
            "note": night.note,
            "manifest_hash": night.manifest_hash,
        }
    )


@dg.asset(
    key=BOOK_WORKBOOK,
    deps=[NIGHTS, HOUSEHOLD_WORKBOOKS],
    partitions_def=session_partitions(),
    group_name=GROUP_REPORTS,
    owners=[OWNER_OPERATIONS],
    kinds=KINDS_EXCEL,
    pool=WAREHOUSE_POOL,
    description="The whole book on one night, for operations and heads of advice. One file.",
)
def book_workbook(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
    """Write book.xlsx."""
    as_of_date = date.fromisoformat(context.partition_key)
    home.enter_night(context.log.info)
    warehouse = home.warehouse()
    with timed_stage(warehouse, as_of_date, context.run_id, "book_workbook"):
        path = write_book_workbook(home.home(), warehouse, as_of_date)
    return dg.MaterializeResult(metadata={"path": dg.MetadataValue.path(str(path))})


@dg.asset(
    key=SNAPSHOT,
    deps=[NIGHTS, BOOK_WORKBOOK],
    partitions_def=session_partitions(),
    group_name=GROUP_OPS,
    owners=[OWNER_OPERATIONS],
    kinds={"python", "duckdb"},
    pool=WAREHOUSE_POOL,
    description=(
        "The read-only snapshot for analysts (schemas marts and ops), replaced in one step. "
        "One file."
    ),
)
def snapshot(
    context: dg.AssetExecutionContext, home: HomeResource, alerts: AlertsResource
) -> dg.MaterializeResult:
    """Issue the plans, publish the snapshot, tell who must know."""
    as_of_date = date.fromisoformat(context.partition_key)
    home.enter_night(context.log.info)
    warehouse = home.warehouse()
    with timed_stage(warehouse, as_of_date, context.run_id, "publish"):
        issued = publish_night(home.home(), warehouse, home.records(), as_of_date)
    subject, lines = drift_alert(warehouse, as_of_date)
    alerts.send(subject, lines)
    return dg.MaterializeResult(
        metadata={
            "plans_newly_issued": issued,
            "published": dg.MetadataValue.path(str(home.home().published)),
        }
    )


def drift_alert(warehouse: Warehouse, as_of_date: date) -> tuple[str, list[str]]:
    """Subject and lines of the night's alert: its state and the households outside their bands."""
    night = warehouse.read(
        """
        select version, state, note from ops.nights
        where as_of_date = $1 and state <> 'failed' order by version desc limit 1
        """,
        [as_of_date],
    ).to_pylist()[0]
    breached = warehouse.read(
        """
        select h.household_name, sum(s.breach_count)::integer as breach_count
        from marts.fct_drift_summary as s
        inner join marts.dim_households as h using (as_of_date, household_id)
        where s.as_of_date = $1 and s.breach_count > 0 and h.household_state = 'released'
        group by h.household_id, h.household_name
        order by breach_count desc, h.household_name
        """,
        [as_of_date],
    ).to_pylist()
    lines = [
        f"night of {as_of_date}, version {night['version']}: {night['state']} ({night['note']})"
    ]
    lines += [
        f"{row['household_name']}: {row['breach_count']} classes outside their bands"
        for row in breached
    ]
    return f"Evenkeel {as_of_date}: {len(breached)} households outside their bands", lines


# The nights of before, as the views over published nights read them; this night's own record
# follows those views, so it cannot be the same asset.
PUBLISHED_NIGHTS = dg.AssetSpec(
    ["ops", "published_nights"],
    group_name=GROUP_OPS,
    owners=[OWNER_OPERATIONS],
    kinds={"duckdb"},
    description="Nights that have been published, newest version of each. One row per session.",
)


def closing_assets() -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """Every asset of this module."""
    return [household_workbooks, nights, book_workbook, snapshot, PUBLISHED_NIGHTS]
