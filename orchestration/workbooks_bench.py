"""What household workbooks cost: `evenkeel bench --stage workbooks`.

Belongs here: making a book of any size of a finished night's households that trade, running the
reporting step on it with the night's writer and with plain openpyxl, each in processes of its own,
and their figures. Does not belong here: what a workbook is and how it is written. Seconds are this
machine's, with whatever else it was doing; processor time per workbook says more.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.bench import run_demo_night
from orchestration.home import PROJECT_ROOT, Home
from orchestration.reporting_step import OPS_READ, Renderer, write_workbooks
from orchestration.stages import peak_memory_megabytes
from orchestration.warehouse import Warehouse
from python_steps.reports.batch import (
    FailedWorkbook,
    RenderedWorkbook,
    ReportPayload,
    render_households,
)
from python_steps.reports.report_frames import HOUSEHOLD_MARTS

if TYPE_CHECKING:
    from rich.console import Console

# Of these households one half trades; they are enough to differ from one another.
DEMO_HOUSEHOLDS = 100
FAST = "skeletons"
PLAIN = "openpyxl"
# Households of the runs that compare the writers, and of the smaller of the two memory runs.
FEW = 100
REPEATS = 3
PROCESSORS = 2
_MILLISECONDS = 1000


def measure_workbooks(households: int, *, seed: int, night: Path | None) -> dict[str, Any]:
    """Write the workbooks of a few and of many households, and of the few with openpyxl, too.

    Args:
        households: size of the large book.
        seed: of the demo book, if its night must be run.
        night: data folder of a finished night whose households to take; None runs a demo night.

    Raises:
        ValueError: the night failed, none of its households trades, or a workbook failed.
    """
    few = min(FEW, households)
    with tempfile.TemporaryDirectory(prefix="evenkeel-bench-") as made:
        folder = Path(made)
        if night is None:
            night = folder / "night"
            run_demo_night(night, DEMO_HOUSEHOLDS, seed)
        typical = write_book(night, folder / "few", few)
        write_book(night, folder / "many", households)
        runs: dict[str, list[dict[str, Any]]] = {PLAIN: [], FAST: []}
        for _ in range(REPEATS):
            for writer, measured in runs.items():
                measured.append(_in_a_process(writer, folder / "few", few))
        many = _in_a_process(FAST, folder / "many", households)
    compared = {writer: _median(measured) for writer, measured in runs.items()}
    cost = {writer: one["processor_ms_per_workbook"] for writer, one in compared.items()}
    return {
        "python": platform.python_version(),
        "processors": os.cpu_count() or 1,
        "worker_processes": PROCESSORS,
        "typical_households": typical,
        "repeats": REPEATS,
        "writers": compared,
        "times_as_quick": round(cost[PLAIN] / cost[FAST], 1),
        "memory": {str(one["households"]): one for one in (compared[FAST], many)},
    }


def write_book(night: Path, folder: Path, households: int) -> int:
    """Make a book of a night's households that trade, each as often as the size asks for.

    Args:
        night: data folder of the finished night.
        folder: the book's data folder.
        households: size of the book.

    Returns:
        The number of different households in it, at most the size.

    Raises:
        ValueError: no household of the night trades.
    """
    home = Home(folder)
    folder.mkdir(parents=True)
    if Home(night).policy_file.exists():
        shutil.copyfile(Home(night).policy_file, home.policy_file)
    warehouse = Warehouse(home.warehouse)
    warehouse.prepare({})
    with warehouse.open() as connection:
        connection.execute(f"attach '{Home(night).warehouse}' as night (read_only)")
        connection.execute(
            """
            create temp table typical as
            select household_id as source_id, as_of_date,
                row_number() over (order by household_id) - 1 as place
            from night.marts.dim_households
            inner join night.marts.fct_rebalance_plans using (as_of_date, household_id)
            where household_state = 'released' and plan_status in ('proposed', 'partial')
                and as_of_date = (select max(as_of_date) from night.marts.dim_households)
            """
        )
        (typical,) = connection.execute("select count(*) from typical").fetchone() or (0,)
        if not typical:
            raise ValueError("no household of the night trades: there is no typical workbook")
        connection.execute(
            """
            create temp table book as
            select typical.source_id, typical.as_of_date,
                typical.source_id || '-' || lpad(made::varchar, 6, '0') as made_id
            from range(?) as numbers(made)
            inner join typical on typical.place = made % ?
            """,
            [households, typical],
        )
        for mart in HOUSEHOLD_MARTS:
            connection.execute(
                f"create table marts.{mart} as "
                "select copied.* replace (book.made_id as household_id) "
                f"from night.marts.{mart} as copied inner join book "
                "on copied.household_id = book.source_id and copied.as_of_date = book.as_of_date "
                "order by book.made_id"
            )
        connection.execute("create table marts.dim_securities as from night.marts.dim_securities")
        for name in OPS_READ:
            connection.execute(f"insert into ops.{name} by name from night.ops.{name}")
    return min(int(typical), households)


def _in_a_process(writer: str, folder: Path, households: int) -> dict[str, Any]:
    finished = subprocess.run(  # noqa: S603 - this very module
        [sys.executable, "-m", "orchestration.workbooks_bench", writer, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT_ROOT,
    )
    if finished.returncode != 0:
        raise ValueError(f"the workbooks by {writer} failed: {finished.stderr.strip()}")
    measured: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    if measured["households"] != households:
        raise ValueError(f"{writer} wrote {measured['households']} workbooks of {households}")
    return measured


def _median(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: statistics.median(one[name] for one in runs) for name in runs[0]}


def _measured(render: Renderer, usage: Path, payload: ReportPayload) -> list[Any]:
    """The workbooks of a batch; what the process has used by now stands in a file of its own."""
    results = render(payload)
    used = resource.getrusage(resource.RUSAGE_SELF)
    line = {
        "workbooks": len(results),
        "processor_seconds": used.ru_utime + used.ru_stime,
        "peak_memory_mb": peak_memory_megabytes(),
    }
    with (usage / f"{os.getpid()}.jsonl").open("a", encoding="ascii") as file:
        file.write(json.dumps(line) + "\n")
    return results


def _by_openpyxl(payload: ReportPayload) -> list[RenderedWorkbook | FailedWorkbook]:
    """The same sheets, written cell by cell."""
    from python_steps.reports.plain_workbook import plain_workbook_bytes

    return render_households(payload, plain_workbook_bytes)


_RENDERERS: Mapping[str, Renderer] = {FAST: render_households, PLAIN: _by_openpyxl}


def measure_run(writer: str, folder: Path) -> dict[str, Any]:
    """Run the reporting step on a book, in two worker processes.

    Args:
        writer: FAST or PLAIN.
        folder: the book's data folder.

    Raises:
        ValueError: a workbook failed, or was there before.
    """
    home = Home(folder)
    warehouse = Warehouse(home.warehouse)
    usage = folder / "usage"
    usage.mkdir()
    started = time.perf_counter()
    outcome = write_workbooks(
        home,
        warehouse,
        _session(warehouse),
        log=lambda _: None,
        render=partial(_measured, _RENDERERS[writer], usage),
        engine="processes",
    )
    seconds = time.perf_counter() - started
    if outcome.failures or outcome.unchanged:
        raise ValueError(f"{outcome.unchanged} unchanged, failed: {outcome.failures[:5]}")
    size = sum(path.stat().st_size for path in home.reports(_session(warehouse)).glob("*/*.xlsx"))
    workers = [_lines(path) for path in sorted(usage.iterdir())]
    shutil.rmtree(usage)
    shutil.rmtree(home.reports(_session(warehouse)))
    used = resource.getrusage(resource.RUSAGE_SELF)
    cost = _cost_per_workbook(workers)
    return {
        "households": outcome.written,
        "seconds": round(seconds, 2),
        "workbooks_per_second": round(outcome.written / seconds, 1),
        "processor_ms_per_workbook": round(cost * _MILLISECONDS, 2),
        "workbooks_per_second_on_two_idle_processors": round(PROCESSORS / cost, 1),
        "parent_processor_seconds": round(used.ru_utime + used.ru_stime, 2),
        "parent_peak_mb": round(peak_memory_megabytes()),
        "worker_peak_mb": round(max(one[-1]["peak_memory_mb"] for one in workers)),
        "kilobytes_per_workbook": round(size / outcome.written / 1000, 1),
    }


def _cost_per_workbook(workers: list[list[dict[str, Any]]]) -> float:
    """Processor seconds of a workbook, without what a worker loads on its first batch.

    A worker of a book so small that it had one batch only counts with all it did.
    """
    seconds, workbooks = 0.0, 0
    for first, *rest in workers:
        if rest:
            seconds += rest[-1]["processor_seconds"] - first["processor_seconds"]
            workbooks += sum(one["workbooks"] for one in rest)
    if not workbooks:
        seconds = sum(batches[-1]["processor_seconds"] for batches in workers)
        workbooks = sum(one["workbooks"] for batches in workers for one in batches)
    return seconds / workbooks


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def _session(warehouse: Warehouse) -> date:
    rows = warehouse.read("select max(as_of_date) as session from marts.dim_households")
    session: date = rows["session"][0].as_py()
    return session


def show_workbooks(console: Console, figures: Mapping[str, Any]) -> None:
    """Print the figures as tables."""
    from rich.table import Table

    writers = Table(title=f"Workbooks of households that trade, {PROCESSORS} processes")
    for heading in ("writer", "per second", "ms of processor each", "on idle processors", "kB"):
        writers.add_column(heading, justify="left" if heading == "writer" else "right")
    for writer, one in figures["writers"].items():
        writers.add_row(
            writer,
            f"{one['workbooks_per_second']:,.1f}",
            f"{one['processor_ms_per_workbook']:,.1f}",
            f"{one['workbooks_per_second_on_two_idle_processors']:,.0f}",
            f"{one['kilobytes_per_workbook']:,.0f}",
        )
    console.print(writers)
    console.print(f"{FAST} is {figures['times_as_quick']} times as quick as {PLAIN}")
    memory = Table(title="Memory at its peak, MB")
    for heading in ("households", "parent", "largest worker", "seconds", "per second"):
        memory.add_column(heading, justify="right")
    for one in figures["memory"].values():
        memory.add_row(
            f"{one['households']:,.0f}",
            f"{one['parent_peak_mb']:,.0f}",
            f"{one['worker_peak_mb']:,.0f}",
            f"{one['seconds']:,.1f}",
            f"{one['workbooks_per_second']:,.1f}",
        )
    console.print(memory)


def _main(writer: str, folder: str) -> None:
    # Worker processes find functions by the name of their module, which is not __main__.
    from orchestration.workbooks_bench import measure_run

    sys.stdout.write(json.dumps(measure_run(writer, Path(folder))) + "\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
