"""What advisors decided, as an asset of the night: from the records into the warehouse.

Belongs here: the asset definition. Does not belong here: which decisions are a session's
(orchestration.decision_step), reading workbooks (orchestration.inbox).
"""

from datetime import date

import dagster as dg

from orchestration.assets.landing import RECEIVED_FILES
from orchestration.calendar import session_partitions
from orchestration.decision_records import DecisionRecords
from orchestration.decision_step import load_decisions
from orchestration.names import GROUP_OPS, KINDS_FEED, OWNER_PORTFOLIO, WAREHOUSE_POOL
from orchestration.resources import HomeResource
from orchestration.stages import timed_stage

TRADE_DECISIONS = dg.AssetKey(["ops", "trade_decisions"])


@dg.asset(
    key=TRADE_DECISIONS,
    deps=[RECEIVED_FILES],
    partitions_def=session_partitions(),
    group_name=GROUP_OPS,
    owners=[OWNER_PORTFOLIO],
    kinds=KINDS_FEED,
    pool=WAREHOUSE_POOL,
    description=(
        "What advisors decided for trading on the session, from the firm's records. One row per "
        "returned workbook and trade."
    ),
)
def trade_decisions(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
    """Bring the session's decisions into the warehouse."""
    as_of_date = date.fromisoformat(context.partition_key)
    home.enter_night(context.log.info)
    warehouse = home.warehouse()
    with timed_stage(warehouse, as_of_date, context.run_id, "decisions"):
        count = load_decisions(warehouse, DecisionRecords(home.home().records), as_of_date)
    return dg.MaterializeResult(metadata={"dagster/row_count": count})


def decided_assets() -> list[dg.AssetsDefinition]:
    """Every asset of this module."""
    return [trade_decisions]
