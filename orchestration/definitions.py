"""The one code location: what Dagster loads.

Belongs here: assembly only. `build_definitions` is pure, so that tests and the command line can
build a variant. Does not belong here: any asset, sensor or resource.
"""

import dagster as dg

from orchestration.assets.closing import closing_assets
from orchestration.assets.decided import decided_assets
from orchestration.assets.decisions import decision_assets
from orchestration.assets.landing import landing_assets
from orchestration.assets.models import model_assets
from orchestration.assets.quality import quality_assets
from orchestration.automation import (
    arrival_sensor,
    cut_off_schedule,
    failed_night_sensor,
    nightly_job,
)
from orchestration.home import Home
from orchestration.inbox import decisions_job, inbox_sensor
from orchestration.resources import AlertsResource, HomeResource, dbt_resource


def build_definitions(home: Home) -> dg.Definitions:
    """All assets, checks, sensors and schedules on one data folder."""
    return dg.Definitions(
        assets=[
            *landing_assets(),
            *decided_assets(),
            *model_assets(),
            *decision_assets(),
            *quality_assets(),
            *closing_assets(),
        ],
        jobs=[nightly_job, decisions_job],
        sensors=[arrival_sensor, failed_night_sensor, inbox_sensor],
        schedules=[cut_off_schedule(home)],
        resources={
            "home": HomeResource(data_folder=str(home.folder)),
            "alerts": AlertsResource(data_folder=str(home.folder)),
            "dbt": dbt_resource(),
        },
        # One process: steps share the warehouse in turn, and a step costs milliseconds.
        executor=dg.in_process_executor,
    )


defs = build_definitions(Home.from_environment().activate())
