"""How much memory this process and its workers hold, and giving back what they no longer use.

Belongs here: reading /proc (Linux) while a measured step runs, the C library's settings. Does not
belong here: what is measured. Elsewhere nothing is known, and nothing is claimed.
"""

from __future__ import annotations

import ctypes
import os
import threading
from contextlib import suppress
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_SECONDS_BETWEEN_SAMPLES = 0.1
# Its number in glibc's malloc.h, and glibc's own first value.
_M_MMAP_THRESHOLD = -3
_LARGE_BLOCK_BYTES = 128 * 1024


class PeakMemory:
    """The most memory that this process and its descendants held together, as a context manager.

    Workers are children of a server process, so that the counters of ended children miss them.
    `megabytes` is None where the system has no /proc.
    """

    def __init__(self) -> None:
        self.megabytes: int | None = None
        self._is_over = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._sampler.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._sampler.join()

    def _sample(self) -> None:
        while not self._is_over.wait(_SECONDS_BETWEEN_SAMPLES):
            held = resident_bytes_of_tree(os.getpid())
            if held is not None:
                self.megabytes = max(self.megabytes or 0, held // 2**20)


def resident_bytes_of_tree(process: int) -> int | None:
    """Resident memory of a process and all its descendants; None where there is no /proc."""
    processes = Path("/proc")
    if not (processes / "self" / "stat").exists():
        return None
    children: dict[int, list[int]] = {}
    resident: dict[int, int] = {}
    for folder in processes.iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError):  # a process that has just ended holds nothing
            # Fields after the name in brackets, which may hold anything: state, parent, ...
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(folder.name))
            resident[int(folder.name)] = (
                int((folder / "statm").read_text().split()[1]) * _PAGE_BYTES
            )
    tree, total = [process], 0
    while tree:
        current = tree.pop()
        total += resident.get(current, 0)
        tree += children.get(current, [])
    return total


def give_large_blocks_back() -> None:
    """Have the C library return every large block to the system as soon as it is freed.

    By default glibc raises the size from which it does so with every such block, up to 32 MB;
    frames that come and go by the megabyte then leave holes, and a process grows with the number
    of batches although it holds one at a time (mallopt(3), M_MMAP_THRESHOLD). Does nothing where
    the C library has no such setting.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK_BYTES)
