"""When a night starts: when the expected files are in, or at the cut-off with what is there.

Belongs here: the job, the arrival sensor, the nightly schedule, the sensor for failed runs. Does
not belong here: what a night does (assets).
"""

import hashlib
import json
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg

from orchestration.calendar import session_partitions
from orchestration.home import Home
from orchestration.intake import custodian_of, landed_files
from orchestration.names import NIGHTLY_JOB
from orchestration.night import record_failed_night
from orchestration.resources import AlertsResource, HomeResource
from orchestration.warehouse import Warehouse
from python_steps.sessions import is_session, previous_session

NEW_YORK = ZoneInfo("America/New_York")
STARTED_BY_TAG = "evenkeel/started_by"
FILES_TAG = "evenkeel/files"
# Late and restated files are looked for in this many sessions back.
WATCHED_SESSIONS = 5

nightly_job = dg.define_asset_job(
    NIGHTLY_JOB,
    selection=dg.AssetSelection.all(),
    partitions_def=session_partitions(),
    description="One whole night of one session: from the landed files to the published snapshot.",
)


def landing_fingerprint(files: list[Path]) -> str:
    """A cheap digest of what stands in a landing folder: names, sizes, times of change."""
    seen = [
        (path.parent.name, path.name, path.stat().st_size, path.stat().st_mtime_ns)
        for path in files
    ]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def night_request(session: date, fingerprint: str, *, started_by: str) -> dg.RunRequest:
    """One night of one session on the files of one fingerprint."""
    return dg.RunRequest(
        run_key=f"{session.isoformat()}-{fingerprint[:16]}",
        partition_key=session.isoformat(),
        tags={STARTED_BY_TAG: started_by, FILES_TAG: fingerprint},
    )


def already_requested(instance: dg.DagsterInstance, fingerprint: str) -> bool:
    """Whether a night has been started on exactly these files, by whomever."""
    return bool(instance.get_runs(dg.RunsFilter(tags={FILES_TAG: fingerprint}), limit=1))


def missing_custodians(expected: set[str], files: list[Path]) -> set[str]:
    """Custodians that the firm expects and that have delivered nothing yet."""
    return expected - {custodian_of(path) for path in files}


def expected_custodians(warehouse: Warehouse) -> set[str]:
    """The custodians of the newest policy file of expected feeds; none before the first night."""
    if not warehouse.path.exists():
        return set()
    with warehouse.open(read_only=True) as connection:
        known = connection.execute(
            "select count(*) from duckdb_tables() "
            "where schema_name = 'raw' and table_name = 'expected_feeds'"
        ).fetchone()
        if not known or not known[0]:
            return set()
        rows = connection.execute(
            """
            select distinct upper(trim(custodian)) from raw.expected_feeds
            where
                lower(trim(is_required)) = 'true'
                and as_of_date = (select max(as_of_date) from raw.expected_feeds)
            """
        ).fetchall()
    return {row[0] for row in rows}


def sessions_to_watch(today: date) -> list[date]:
    """The newest sessions, oldest first."""
    watched = [today] if is_session(today) else []
    current = today
    while len(watched) < WATCHED_SESSIONS:
        current = previous_session(current)
        watched.append(current)
    return sorted(watched)


@dg.sensor(
    job=nightly_job,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a session's night when every expected custodian has delivered, and again "
    "when a late or restated file changes what a night was made of.",
)
def arrival_sensor(
    context: dg.SensorEvaluationContext, home: HomeResource
) -> dg.SensorResult | dg.SkipReason:
    """One run request per session whose landed files are complete and new."""
    settled: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
    firm = home.home()
    today = datetime.now(NEW_YORK).date()
    requests, waiting = [], []
    expected: set[str] | None = None
    for session in sessions_to_watch(today):
        files = landed_files(firm, session)
        if not files:
            continue
        fingerprint = landing_fingerprint(files)
        if settled.get(session.isoformat()) == fingerprint:
            continue
        if already_requested(context.instance, fingerprint):
            settled[session.isoformat()] = fingerprint
            continue
        if expected is None:
            expected = expected_custodians(home.warehouse())
        missing = missing_custodians(expected, files)
        if missing and session.isoformat() not in settled:
            waiting.append(f"{session} waits for {', '.join(sorted(missing))}")
            continue
        settled[session.isoformat()] = fingerprint
        requests.append(night_request(session, fingerprint, started_by="arrival"))
    if not requests:
        return dg.SkipReason("; ".join(waiting) or "no new files")
    return dg.SensorResult(run_requests=requests, cursor=json.dumps(settled, sort_keys=True))


def cut_off_schedule(home: Home) -> dg.ScheduleDefinition:
    """The deadline: at the firm's cut-off the night starts with the files that are there."""
    hour, minute = home.policy().feed_cut_off_time.split(":")

    @dg.schedule(
        job=nightly_job,
        cron_schedule=f"{int(minute)} {int(hour)} * * 1-5",
        execution_timezone=str(NEW_YORK),
        name="cut_off_schedule",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Starts the session's night at the cut-off, unless it has already run on the "
        "same files.",
    )
    def schedule(
        context: dg.ScheduleEvaluationContext,
    ) -> dg.RunRequest | dg.SkipReason:
        today = context.scheduled_execution_time.astimezone(NEW_YORK).date()
        if not is_session(today):
            return dg.SkipReason(f"{today} is not a session")
        files = landed_files(home, today)
        if not files:
            return dg.SkipReason(f"no file has landed for {today}")
        fingerprint = landing_fingerprint(files)
        if already_requested(context.instance, fingerprint):
            return dg.SkipReason(f"the night of {today} has already been started on these files")
        return night_request(today, fingerprint, started_by="cut_off")

    return schedule


@dg.run_failure_sensor(
    monitored_jobs=[nightly_job],
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A failed night is recorded as failed and alerted; the last snapshot stays.",
)
def failed_night_sensor(
    context: dg.RunFailureSensorContext, home: HomeResource, alerts: AlertsResource
) -> None:
    """Record and alert one failed night."""
    session = context.dagster_run.tags.get("dagster/partition")
    reason = context.failure_event.message or "the run failed"
    if session:
        record_failed_night(
            home.warehouse(), date.fromisoformat(session), context.dagster_run.run_id, reason
        )
    alerts.send(
        f"Evenkeel {session}: the night failed",
        [reason, "The last good snapshot stays published. Open the run in the Dagster UI."],
    )
