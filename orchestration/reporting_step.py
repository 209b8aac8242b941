"""The reporting step of a night: marts in, workbooks out.

Belongs here: which marts the workbooks read, writing files atomically and only where they changed,
the manifest ops.workbooks. Does not belong here: what a workbook looks like
(python_steps.reports).
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from orchestration.home import Home
from orchestration.intake import replace_ops_rows
from orchestration.planning_step import POOL_FROM_HOUSEHOLDS, WORKERS
from orchestration.warehouse import Warehouse, fetch_night
from python_steps.batches import BatchFailure, Engine, run_batches
from python_steps.reports.batch import FailedWorkbook, render_households, report_payloads
from python_steps.reports.file_names import BOOK_FILE_NAME, household_workbook_path
from python_steps.reports.report_frames import BOOK_TABLES, HOUSEHOLD_MARTS

MARTS_READ = (*HOUSEHOLD_MARTS, "dim_securities")
OPS_READ = tuple(name for name in BOOK_TABLES if name != "dim_securities")
HOUSEHOLDS_PER_BATCH = 50


@dataclass
class ReportingOutcome:
    """What the reporting step wrote."""

    written: int = 0
    unchanged: int = 0
    failures: list[str] = field(default_factory=list)


def write_workbooks(
    home: Home, warehouse: Warehouse, as_of_date: date, *, log: Callable[[str], None]
) -> ReportingOutcome:
    """Write every household's workbook of the session; a file with the same bytes is left alone.

    Workbooks of households that are no longer in the book are removed from the session's folder.
    """
    tables = _night_tables(warehouse, as_of_date)
    households = tables["dim_households"]["household_id"].to_pylist()
    payloads = report_payloads(households, tables, home.policy(), batch_size=HOUSEHOLDS_PER_BATCH)
    engine: Engine = "processes" if len(households) >= POOL_FROM_HOUSEHOLDS else "this_process"
    folder = home.reports(as_of_date)
    outcome = ReportingOutcome()
    rows: list[dict[str, Any]] = []
    last = time.perf_counter()
    results = run_batches(render_households, payloads, engine, workers=WORKERS)
    for number, result in enumerate(results):
        if isinstance(result, BatchFailure):
            rows += [
                _row(as_of_date, household_id, "failed", detail=result.error)
                for household_id in payloads[number].household_ids
            ]
            continue
        share = (time.perf_counter() - last) / max(len(result), 1)
        last = time.perf_counter()
        for item in result:
            if isinstance(item, FailedWorkbook):
                rows.append(_row(as_of_date, item.household_id, "failed", detail=item.error))
                continue
            relative = household_workbook_path(item.advisor_id, item.household_id)
            status = _write_if_changed(folder / relative, item.content, item.sha256)
            rows.append(
                _row(
                    as_of_date,
                    item.household_id,
                    status,
                    advisor_id=item.advisor_id,
                    path=relative.as_posix(),
                    sha256=item.sha256,
                    seconds=round(share, 4),
                )
            )
        log(f"workbooks of batch {number + 1} of {len(payloads)}")
    outcome.written = sum(row["status"] == "written" for row in rows)
    outcome.unchanged = sum(row["status"] == "unchanged" for row in rows)
    outcome.failures = [
        f"{row['household_id']}: {row['detail']}" for row in rows if row["status"] == "failed"
    ]
    _remove_others(folder, {folder / row["path"] for row in rows if row.get("path")})
    with warehouse.open() as connection:
        replace_ops_rows(connection, "workbooks", rows, {"as_of_date": as_of_date})
    return outcome


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
    content = render_book_workbook(BookReportFrames.from_tables(as_of_date, tables))
    target = home.reports(as_of_date) / BOOK_FILE_NAME
    _write_if_changed(target, content, hashlib.sha256(content).hexdigest())
    return target


def _as_they_stand(workbooks: pa.Table) -> pa.Table:
    """The manifest as the book tells it: a file is there, whichever run wrote it."""
    status = workbooks["status"]
    place = workbooks.schema.get_field_index("status")
    told = pc.if_else(pc.equal(status, "unchanged"), "written", status)
    return workbooks.set_column(place, "status", told)


def _night_tables(warehouse: Warehouse, as_of_date: date) -> dict[str, pa.Table]:
    with warehouse.open(read_only=True) as connection:
        tables = {
            name: fetch_night(
                connection, f"marts.{name}", as_of_date, by_household=name in HOUSEHOLD_MARTS
            )
            for name in MARTS_READ
        }
        tables |= {name: fetch_night(connection, f"ops.{name}", as_of_date) for name in OPS_READ}
    return tables


def _row(as_of_date: date, household_id: str, status: str, **values: Any) -> dict[str, Any]:
    return {"as_of_date": as_of_date, "household_id": household_id, "status": status, **values}


def _write_if_changed(target: Path, content: bytes, digest: str) -> str:
    """Write through a temporary file beside the target, so that nobody opens half a workbook."""
    if target.exists() and hashlib.sha256(target.read_bytes()).hexdigest() == digest:
        return "unchanged"
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    temporary.write_bytes(content)
    temporary.chmod(0o600)
    temporary.replace(target)
    return "written"


def _remove_others(folder: Path, current: set[Path]) -> None:
    for path in folder.glob("*/*.xlsx"):
        if path not in current:
            path.unlink()
