"""Running nights from the command line, in this process, as Dagster runs that the UI shows.

Belongs here: putting files into the landing folder, executing the nightly job, telling what
happened. Does not belong here: any step of a night.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from orchestration.calendar import NightDates
from orchestration.home import Home
from orchestration.intake import is_own_file
from orchestration.names import NIGHTLY_JOB
from orchestration.night_lock import only_night
from orchestration.stages import listen_to_stages


class NightFailedError(RuntimeError):
    """A night did not run to its end; the message says at which step and why."""


@dataclass(frozen=True)
class NightReport:
    """What one night did, read back from the published snapshot."""

    as_of_date: date
    version: int
    state: str
    note: str
    plan_status_counts: dict[str, int]
    household_state_counts: dict[str, int]
    workbooks: int
    trades: int
    failed_checks: list[str]
    reports_folder: Path


def bring_files(home: Home, as_of_date: date, source: Path) -> int:
    """Copy a delivery into the landing folder of the session; returns the number of files.

    Args:
        home: the data folder.
        as_of_date: the session.
        source: a folder of custodian folders, or one that holds such a folder named by the session.

    Raises:
        FileNotFoundError: there is no custodian folder with files in `source`.
    """
    dated = source / as_of_date.isoformat()
    folder = dated if dated.is_dir() else source
    files = sorted(path for path in folder.glob("*/*") if is_own_file(path))
    if not files:
        raise FileNotFoundError(
            f"{source} holds no files in custodian folders; expected "
            f"{source}/<custodian>/<file> or {dated}/<custodian>/<file>"
        )
    for path in files:
        target = home.landing / as_of_date.isoformat() / path.parent.name / path.name
        if target.resolve() != path.resolve():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    return len(files)


def files_out_of_place(as_of_date: date, source: Path) -> list[Path]:
    """Files of a delivery that `bring_files` does not land, because no custodian folder names them.

    They stand beside the custodian folders or deeper than one folder down, or are links to files
    of another place. Folders of other sessions are another delivery.
    """
    dated = source / as_of_date.isoformat()
    folder = dated if dated.is_dir() else source
    strays = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        is_stray = len(parts) != 2 or not is_own_file(path)
        if path.is_file() and is_stray and not _is_session_folder(parts[0]):
            strays.append(path)
    return strays


def _is_session_folder(name: str) -> bool:
    try:
        date.fromisoformat(name)
    except ValueError:
        return False
    return True


def write_landing(home: Home, files: Iterable[tuple[str, bytes]]) -> int:
    """Write generated files (path relative to the landing folder, content)."""
    count = 0
    for relative, content in files:
        target = home.landing / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        count += 1
    return count


def run_night(
    home: Home, as_of_date: date, *, on_stage: Callable[[str, float], None] | None = None
) -> NightReport:
    """Run one night to its end.

    Raises:
        ValueError: `as_of_date` is no session.
        NightFailedError: a step failed; the last good snapshot stays published.
        NightRunsAlreadyError: another process runs a night in the same folder.
    """
    NightDates.of(as_of_date, home.policy())
    with only_night(home):
        result = _execute(home, as_of_date, on_stage)
    failed_checks = sorted(
        f"{evaluation.asset_key.to_user_string()}: {evaluation.check_name}"
        for evaluation in result.get_asset_check_evaluations()
        if not evaluation.passed
    )
    return read_report(home, as_of_date, failed_checks)


def _execute(home: Home, as_of_date: date, on_stage: Callable[[str, float], None] | None) -> Any:
    import dagster as dg

    from orchestration.automation import FILES_TAG, STARTED_BY_TAG, landing_fingerprint
    from orchestration.definitions import build_definitions
    from orchestration.intake import landed_files
    from orchestration.night import record_failed_night
    from orchestration.warehouse import Warehouse

    definitions = build_definitions(home)
    job = definitions.resolve_job_def(NIGHTLY_JOB)
    console_log = home.logs / "console.log"
    with (
        dg.DagsterInstance.from_config(str(home.dagster)) as instance,
        listen_to_stages(on_stage),
        console_log.open("a", encoding="utf-8") as log,
        # dbt tells every model on the console; who runs a night wants its stages.
        redirect_stdout(log),
    ):
        result = job.execute_in_process(
            partition_key=as_of_date.isoformat(),
            instance=instance,
            raise_on_error=False,
            tags={
                STARTED_BY_TAG: "command_line",
                FILES_TAG: landing_fingerprint(landed_files(home, as_of_date)),
            },
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    if not result.success:
        reason = _failure_of(result)
        record_failed_night(Warehouse(home.warehouse), as_of_date, result.run_id, reason)
        raise NightFailedError(f"the night of {as_of_date} failed: {reason}")
    return result


def _failure_of(result: Any) -> str:
    blocking = [
        evaluation.description
        for evaluation in result.get_asset_check_evaluations()
        if evaluation.blocking and not evaluation.passed and evaluation.description
    ]
    if blocking:
        return "; ".join(sorted(blocking))
    for event in result.all_events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            cause = error.cause or error if error else None
            return f"step {event.step_key}: {(cause.message if cause else event.message).strip()}"
    return "no step says why; open the run with `evenkeel ui`"


def read_report(home: Home, as_of_date: date, failed_checks: list[str]) -> NightReport:
    """What the published snapshot says of a night."""
    connection = duckdb.connect(str(home.published), read_only=True)

    def counts(query: str) -> dict[str, int]:
        return dict(connection.execute(query, [as_of_date]).fetchall())

    try:
        night = connection.execute(
            """
            select version, state, note from ops.nights
            where as_of_date = ? and state <> 'failed' order by version desc limit 1
            """,
            [as_of_date],
        ).fetchone()
        if night is None:
            raise NightFailedError(f"the snapshot holds no night of {as_of_date}")
        return NightReport(
            as_of_date=as_of_date,
            version=night[0],
            state=night[1],
            note=night[2],
            plan_status_counts=counts(
                "select plan_status, count(*) from marts.fct_rebalance_plans "
                "where as_of_date = ? group by 1 order by 1"
            ),
            household_state_counts=counts(
                "select household_state, count(*) from marts.dim_households "
                "where as_of_date = ? group by 1 order by 1"
            ),
            workbooks=sum(
                counts(
                    "select status, count(*) from ops.workbooks where as_of_date = ? "
                    "and household_id is not null and status in ('written', 'unchanged') group by 1"
                ).values()
            ),
            trades=sum(
                counts(
                    "select action, count(*) from marts.fct_recommended_trades "
                    "where as_of_date = ? group by 1"
                ).values()
            ),
            failed_checks=failed_checks,
            reports_folder=home.reports(as_of_date),
        )
    finally:
        connection.close()
