"""How long each stage of a night took, and how much memory.

Belongs here: measuring a stage and writing it to ops.stage_timings (what varies from run to run
stands in `ops`, never in marts). Does not belong here: the stages.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from orchestration.warehouse import Warehouse

_KILOBYTES_PER_MEGABYTE = 1024
_listeners: list[Callable[[str, float], None]] = []


@contextmanager
def listen_to_stages(listener: Callable[[str, float], None] | None) -> Iterator[None]:
    """Call `listener` with name and seconds of every stage that ends inside the block."""
    if listener is None:
        yield
        return
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@contextmanager
def timed_stage(warehouse: Warehouse, as_of_date: date, run_id: str, stage: str) -> Iterator[None]:
    """Measure the block: seconds, and the peak resident memory of this process and its children."""
    _reset_peak_memory()
    started = time.perf_counter()
    yield
    seconds = time.perf_counter() - started
    peak = peak_memory_megabytes()
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / _KILOBYTES_PER_MEGABYTE
    with warehouse.open() as connection:
        connection.execute(
            "delete from ops.stage_timings where as_of_date = ? and run_id = ? and stage = ?",
            [as_of_date, run_id, stage],
        )
        connection.execute(
            """
            insert into ops.stage_timings
                (as_of_date, run_id, stage, seconds, peak_memory_mb, children_peak_memory_mb)
            values (?, ?, ?, ?, ?, ?)
            """,
            [as_of_date, run_id, stage, round(seconds, 3), round(peak, 1), round(children, 1)],
        )
    _tell(stage, seconds)


def _reset_peak_memory() -> None:
    """Start the peak counter anew where the kernel allows it (Linux, clear_refs = 5)."""
    control = Path("/proc/self/clear_refs")
    if control.exists():
        control.write_text("5", encoding="ascii")


def peak_memory_megabytes() -> float:
    """Most memory this process has had at once, of which the kernel keeps account."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / _KILOBYTES_PER_MEGABYTE
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KILOBYTES_PER_MEGABYTE


def _tell(stage: str, seconds: float) -> None:
    for listener in _listeners:
        listener(stage, seconds)
