"""What a night costs: seconds, households per second and peak memory of each stage.

Belongs here: running one night on a fresh demo book in a folder of its own and reading its stage
timings. Does not belong here: the stages. Shown by this command, never by a timed test.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

from orchestration.home import Home


def measure_night(households: int, seed: int, stage: str | None) -> dict[str, Any]:
    """Generate a book, run its night in a process of its own, report every stage.

    Args:
        households: size of the demo book.
        seed: seed of the demo book.
        stage: report only stages whose name starts with this; None reports all.

    Raises:
        ValueError: the night failed, or no stage has that name.
    """
    with tempfile.TemporaryDirectory(prefix="evenkeel-bench-") as folder:
        started = time.perf_counter()
        run_demo_night(Path(folder), households, seed)
        whole = time.perf_counter() - started
        rows = _timings(Home(Path(folder)))
    stages = [row for row in rows if stage is None or row["stage"].startswith(stage)]
    if not stages:
        known = ", ".join(row["stage"] for row in rows)
        raise ValueError(f"no stage starts with {stage!r}; stages: {known}")
    for row in stages:
        row["households_per_second"] = round(households / max(row["seconds"], 0.001), 1)
    return {
        "households": households,
        "seed": seed,
        "python": platform.python_version(),
        "processors": _processors(),
        "seconds_with_generation_and_start": round(whole, 1),
        "seconds_of_the_night": round(sum(row["seconds"] for row in rows), 1),
        "stages": stages,
    }


def run_demo_night(folder: Path, households: int, seed: int) -> None:
    """Run the night of a fresh demo book, in a process of its own.

    Raises:
        ValueError: the night failed.
    """
    finished = subprocess.run(  # noqa: S603 - our own console script
        [
            str(Path(sys.executable).parent / "evenkeel"),
            *("nightly", "--demo", "--data", str(folder)),
            *("--households", str(households), "--seed", str(seed)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise ValueError(f"the night failed: {finished.stderr.strip() or finished.stdout}")


def _timings(home: Home) -> list[dict[str, Any]]:
    connection = duckdb.connect(str(home.warehouse), read_only=True)
    try:
        rows = connection.execute(
            """
            select stage, seconds, peak_memory_mb, children_peak_memory_mb
            from ops.stage_timings order by rowid
            """
        ).fetchall()
    finally:
        connection.close()
    names = ("stage", "seconds", "peak_memory_mb", "children_peak_memory_mb")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _processors() -> int:
    import os

    return os.cpu_count() or 1
