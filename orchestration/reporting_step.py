"""The reporting step of a night: marts in, workbooks out.

Belongs here: which marts the workbooks read and how many households at a time, writing files
atomically and only where they changed, the manifest ops.workbooks. Does not belong here: what a
workbook looks like (python_steps.reports).
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.home import Home
from orchestration.intake import replace_ops_rows
from orchestration.planning_step import POOL_FROM_HOUSEHOLDS, WORKERS
from orchestration.warehouse import Warehouse, fetch_arrow, fetch_night
from python_steps.batches import BatchFailure, Engine, run_batches
from python_steps.policy import FirmPolicy
from python_steps.reports.batch import (
    FailedWorkbook,
    RenderedWorkbook,
    ReportPayload,
    render_households,
    report_payloads,
)
from python_steps.reports.file_names import BOOK_FILE_NAME, household_workbook_path
from python_steps.reports.report_frames import BOOK_TABLES, HOUSEHOLD_MARTS

MARTS_READ = (*HOUSEHOLD_MARTS, "dim_securities")
OPS_READ = tuple(name for name in BOOK_TABLES if name != "dim_securities")
# So many households' rows are read at once, and so many are one worker's batch: memory is that of
# a page and of the batches on their way, whatever the size of the book.
HOUSEHOLDS_PER_PAGE = 100
HOUSEHOLDS_PER_BATCH = 25
# The order within a household is fixed by every column, or by the grain of the largest mart.
_ORDER_WITHIN = {"fct_tax_lots": "household_id, account_id, lot_id"}
# What DuckDB may keep of the marts while the workers are at work.
_READING_MEMORY = "96MB"

Renderer = Callable[[ReportPayload], list[RenderedWorkbook | FailedWorkbook]]


@dataclass
class ReportingOutcome:
    """What the reporting step wrote."""

    written: int = 0
    unchanged: int = 0
    failures: list[str] = field(default_factory=list)
    untranslated: list[str] = field(default_factory=list)


def write_workbooks(
    home: Home,
    warehouse: Warehouse,
    as_of_date: date,
    *,
    log: Callable[[str], None],
    render: Renderer = render_households,
    engine: Engine | None = None,
) -> ReportingOutcome:
    """Write every household's workbook of the session; a file with the same bytes is left alone.

    Workbooks of households that are no longer in the book are removed from the session's folder.

    Args:
        home: where the reports and the firm's policy are.
        warehouse: holds the marts of the session.
        as_of_date: the session.
        log: told of every batch.
        render: makes the workbooks of a batch.
        engine: where batches are rendered. Default: in worker processes from a book's size on.
    """
    folder = home.reports(as_of_date)
    with warehouse.open(read_only=True) as connection:
        connection.execute(f"set memory_limit = '{_READING_MEMORY}'")
        # The workers have the processors; and what several threads allocate is not given back.
        connection.execute("set threads = 1")
        households = _household_ids(connection, as_of_date)
        if engine is None:
            engine = "processes" if len(households) >= POOL_FROM_HOUSEHOLDS else "this_process"
        asked: list[tuple[str, ...]] = []
        payloads = _payloads(connection, as_of_date, households, home.policy(), asked)
        batches = -(-len(households) // HOUSEHOLDS_PER_BATCH)
        rows: list[dict[str, Any]] = []
        last = time.perf_counter()
        for number, result in enumerate(run_batches(render, payloads, engine, workers=WORKERS)):
            rows += _written(as_of_date, folder, asked[number], result)
            _share_out(time.perf_counter() - last, rows[-len(asked[number]) :])
            last = time.perf_counter()
            log(f"workbooks of batch {number + 1} of {batches}")
    _remove_others(folder, {folder / row["path"] for row in rows if row.get("path")})
    with warehouse.open() as connection:
        replace_ops_rows(connection, "workbooks", rows, {"as_of_date": as_of_date})
    return ReportingOutcome(
        written=sum(row["status"] == "written" for row in rows),
        unchanged=sum(row["status"] == "unchanged" for row in rows),
        failures=[
            f"{row['household_id']}: {row['detail']}" for row in rows if row["status"] == "failed"
        ],
        untranslated=[
            f"{row['household_id']}: {row['detail']}"
            for row in rows
            if row.get("untranslated_count")
        ],
    )


def _household_ids(connection: duckdb.DuckDBPyConnection, as_of_date: date) -> list[str]:
    rows = connection.execute(
        "select household_id from marts.dim_households where as_of_date = ? order by household_id",
        [as_of_date],
    ).fetchall()
    return [household_id for (household_id,) in rows]


def _payloads(
    connection: duckdb.DuckDBPyConnection,
    as_of_date: date,
    households: Sequence[str],
    policy: FirmPolicy,
    asked: list[tuple[str, ...]],
) -> Iterator[ReportPayload]:
    """The batches one after the other; `asked` is told the households of each."""
    of_book = {"dim_securities": fetch_night(connection, "marts.dim_securities", as_of_date)}
    of_book |= {name: fetch_night(connection, f"ops.{name}", as_of_date) for name in OPS_READ}
    for start in range(0, len(households), HOUSEHOLDS_PER_PAGE):
        page = households[start : start + HOUSEHOLDS_PER_PAGE]
        tables = {mart: _page_of(connection, mart, as_of_date, page) for mart in HOUSEHOLD_MARTS}
        for payload in report_payloads(
            page, tables | of_book, policy, batch_size=HOUSEHOLDS_PER_BATCH
        ):
            asked.append(payload.household_ids)
            yield payload


def _page_of(
    connection: duckdb.DuckDBPyConnection, mart: str, as_of_date: date, page: Sequence[str]
) -> pa.Table:
    """The rows of a page of households, in a fixed order that begins with the household."""
    columns = ", ".join(HOUSEHOLD_MARTS[mart])
    return fetch_arrow(
        connection,
        f"select household_id, {columns} from marts.{mart} "
        f"where as_of_date = date '{as_of_date}' "
        f"and household_id between {_literal(page[0])} and {_literal(page[-1])} "
        f"order by {_ORDER_WITHIN.get(mart, 'all')}",
    )


def _literal(text: str) -> str:
    """A text in SQL. As a parameter of the query it would cost ten times the reading."""
    return "'" + text.replace("'", "''") + "'"


def _written(
    as_of_date: date,
    folder: Path,
    households: Sequence[str],
    result: Sequence[RenderedWorkbook | FailedWorkbook] | BatchFailure,
) -> list[dict[str, Any]]:
    """Write the files of a batch; the manifest's rows, one per household of it."""
    if isinstance(result, BatchFailure):
        return [
            _row(as_of_date, household_id, "failed", detail=result.error)
            for household_id in households
        ]
    return [_written_one(as_of_date, folder, item) for item in result]


def _written_one(
    as_of_date: date, folder: Path, item: RenderedWorkbook | FailedWorkbook
) -> dict[str, Any]:
    if isinstance(item, FailedWorkbook):
        return _row(as_of_date, item.household_id, "failed", detail=item.error)
    relative = household_workbook_path(item.advisor_id, item.household_id)
    try:
        status = _write_if_changed(folder / relative, item.content, item.sha256)
    except OSError as error:
        # A path that the file system refuses must not cost the others their workbooks.
        return _row(as_of_date, item.household_id, "failed", detail=f"not written: {error}")
    return _row(
        as_of_date,
        item.household_id,
        status,
        advisor_id=item.advisor_id,
        path=relative.as_posix(),
        sha256=item.sha256,
        report_language=item.language,
        untranslated_count=len(item.untranslated),
        detail=_untranslated_words(item),
    )


def _untranslated_words(item: RenderedWorkbook) -> str | None:
    if not item.untranslated:
        return None
    return (
        f"{item.language} lacks {len(item.untranslated)} of the sentences, which stayed English; "
        f"the first: {item.untranslated[0]}"
    )


def _share_out(seconds: float, rows: Sequence[dict[str, Any]]) -> None:
    """Give each workbook of a batch its share of the time that the batch took."""
    for row in rows:
        if row["status"] != "failed":
            row["seconds"] = round(seconds / len(rows), 4)


def write_book_workbook(home: Home, warehouse: Warehouse, as_of_date: date) -> Path:
    """Write book.xlsx of the session."""
    from python_steps.reports.book_workbook import (
        BOOK_MARTS,
        BookReportFrames,
        render_book_workbook,
    )

    tables = {}
    with warehouse.open(read_only=True) as connection:
        for name in (*BOOK_MARTS, "dim_securities"):
            schema = "ops" if name in ("source_files", "workbooks", "nights") else "marts"
            tables[name] = fetch_night(connection, f"{schema}.{name}", as_of_date)
        ended = tables["nights"].filter(pc.not_equal(tables["nights"]["state"], "failed"))
        tables["nights"] = ended.sort_by([("version", "descending")]).slice(0, 1)
    tables["workbooks"] = _as_they_stand(tables["workbooks"])
    frames = BookReportFrames.from_tables(as_of_date, tables)
    content = render_book_workbook(frames, home.policy().report_language)
    target = home.reports(as_of_date) / BOOK_FILE_NAME
    _write_if_changed(target, content, hashlib.sha256(content).hexdigest())
    return target


def _as_they_stand(workbooks: pa.Table) -> pa.Table:
    """The manifest as the book tells it: a file is there, whichever run wrote it."""
    status = workbooks["status"]
    place = workbooks.schema.get_field_index("status")
    told = pc.if_else(pc.equal(status, "unchanged"), "written", status)
    return workbooks.set_column(place, "status", told)


def _row(as_of_date: date, household_id: str, status: str, **values: Any) -> dict[str, Any]:
    return {"as_of_date": as_of_date, "household_id": household_id, "status": status, **values}


def _write_if_changed(target: Path, content: bytes, digest: str) -> str:
    """Write through a temporary file beside the target, so that nobody opens half a workbook."""
    is_there = target.exists() and target.stat().st_size == len(content)
    if is_there and hashlib.sha256(target.read_bytes()).hexdigest() == digest:
        return "unchanged"
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content)
        temporary.chmod(0o600)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return "written"


def _remove_others(folder: Path, current: set[Path]) -> None:
    for path in folder.glob("*/*.xlsx"):
        if path not in current:
            path.unlink()
