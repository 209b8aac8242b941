"""Workbooks that advisors lay into their folder: inbox/<advisor_id>/*.xlsx, taken by a sensor.

Belongs here: which files wait, the run that decides one, and the answer beside it. Does not belong
here: any verdict (python_steps.decisions). Who decides is the name of the folder, which only that
advisor may write to; what stands in the workbook does not matter for that.
"""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import dagster as dg

from orchestration.decision_tables import answer_text, headline
from orchestration.decisions import DecidedFile, ReturnedFile, decide_file
from orchestration.home import Home
from orchestration.intake import is_own_file
from orchestration.resources import AlertsResource, HomeResource
from python_steps.sessions import NEW_YORK

DECISIONS_JOB = "decisions"
ANSWER_SUFFIX = ".answer.txt"
_WORKBOOKS = "*/*.xlsx"


class WaitingFile(NamedTuple):
    """A file in the inbox whose present bytes have not been answered."""

    advisor_id: str
    name: str
    sha256: str


class ReturnedWorkbookConfig(dg.Config):
    """Which file of the inbox a run decides, and the moment at which it was found."""

    advisor_id: str
    file_name: str
    sha256: str
    found_at: str


def waiting_files(home: Home) -> list[WaitingFile]:
    """Returned workbooks, in a fixed order, that no answer file names by their bytes.

    Hidden and lock files of spreadsheets are left out, and links to files of another place.
    """
    found = []
    for path in sorted(home.inbox.glob(_WORKBOOKS)):
        if path.name.startswith((".", "~$")) or not is_own_file(path):
            continue
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest not in _answered(path):
            found.append(WaitingFile(path.parent.name, path.name, digest))
    return found


def _answer_path(path: Path) -> Path:
    return path.with_name(path.name + ANSWER_SUFFIX)


def _answered(path: Path) -> str:
    answer = _answer_path(path)
    return answer.read_text(encoding="utf-8") if answer.exists() else ""


def answer_file(home: Home, waiting: WaitingFile, decided_at: datetime) -> DecidedFile:
    """Decide one file of the inbox and lay the answer beside it.

    Raises:
        ValueError: the file is no longer the one that was found.
    """
    path = home.inbox / waiting.advisor_id / waiting.name
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != waiting.sha256:
        raise ValueError(f"{path.name} was changed after it was found; it is looked at again")
    decided = decide_file(home, ReturnedFile(waiting.name, content, waiting.advisor_id, decided_at))
    answer = _answer_path(path)
    temporary = answer.with_name(f".{answer.name}.part")
    said = f"{answer_text(decided)}\nSHA-256 of the file: {waiting.sha256}\n"
    temporary.write_text(said, encoding="utf-8")
    temporary.replace(answer)
    return decided


# The records may be held for a moment by a night that publishes.
@dg.op(retry_policy=dg.RetryPolicy(max_retries=5, delay=3))
def decide_returned_workbook(
    context: dg.OpExecutionContext,
    config: ReturnedWorkbookConfig,
    home: HomeResource,
    alerts: AlertsResource,
) -> None:
    """Decide one returned workbook; a refusal is an answer, not a failure."""
    waiting = WaitingFile(config.advisor_id, config.file_name, config.sha256)
    try:
        decided = answer_file(home.home(), waiting, datetime.fromisoformat(config.found_at))
    except ValueError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    lines = [*headline(decided), *(refusal.sentence() for refusal in decided.refusals)]
    for line in lines:
        context.log.info(line)
    if decided.refusals:
        alerts.send(f"Evenkeel: {config.file_name} of {config.advisor_id} is refused", lines)


@dg.job(
    name=DECISIONS_JOB,
    description="Takes the decisions of one returned workbook: all of them, or none with reasons.",
)
def decisions_job() -> None:
    """One op: the working database is not opened."""
    decide_returned_workbook()


@dg.sensor(
    job=decisions_job,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Decides every workbook that an advisor lays into inbox/<advisor_id>/.",
)
def inbox_sensor(
    context: dg.SensorEvaluationContext, home: HomeResource
) -> dg.SensorResult | dg.SkipReason:
    """One run per file and content, until it is answered."""
    found_at = datetime.now(NEW_YORK).isoformat(timespec="seconds")
    requests = [
        dg.RunRequest(
            # A run that failed leaves the file without an answer: it is asked for again each hour.
            run_key=f"{waiting.advisor_id}/{waiting.name}/{waiting.sha256}/{found_at[:13]}",
            run_config=dg.RunConfig(
                ops={
                    "decide_returned_workbook": ReturnedWorkbookConfig(
                        advisor_id=waiting.advisor_id,
                        file_name=waiting.name,
                        sha256=waiting.sha256,
                        found_at=found_at,
                    )
                }
            ),
        )
        for waiting in waiting_files(home.home())
    ]
    if not requests:
        return dg.SkipReason("no returned workbook waits")
    return dg.SensorResult(run_requests=requests)
