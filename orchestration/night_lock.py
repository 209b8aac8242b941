"""One night at a time in a data folder.

Belongs here: the lock of the operating system that keeps two nights apart, whoever started them.
Does not belong here: what a night does. The lock ends with the process that holds it, however that
process ends. Two nights at once would mix the working tables of two sessions.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from orchestration.home import Home

_held: dict[Path, IO[str]] = {}


class NightRunsAlreadyError(ValueError):
    """Another process runs a night in the same data folder."""


@contextmanager
def only_night(home: Home) -> Iterator[None]:
    """Keep other nights out of the folder while the block runs.

    Raises:
        NightRunsAlreadyError: a night runs in the folder, in this process or another.
    """
    if home.folder in _held:
        raise NightRunsAlreadyError(_refusal(home, str(os.getpid())))
    lock = home.night_lock.open("a+", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise NightRunsAlreadyError(_refusal(home, holder)) from error
    _sign(home, lock)
    try:
        yield
    finally:
        _held.pop(home.folder).close()


def hold_night(home: Home, *, log: Callable[[str], None]) -> None:
    """Hold the folder's lock until this process ends; wait for a night that runs elsewhere.

    For runs that Dagster launches, each in a process of its own. In a process that holds the lock
    already nothing happens.
    """
    if home.folder in _held:
        return
    lock = home.night_lock.open("a+", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log(f"another night runs in {home.folder}; this one waits until it has ended")
        fcntl.flock(lock, fcntl.LOCK_EX)
    _sign(home, lock)


def _sign(home: Home, lock: IO[str]) -> None:
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    _held[home.folder] = lock


def _refusal(home: Home, holder: str) -> str:
    return (
        f"a night is running in {home.folder} (process {holder}); "
        "wait until it has ended, then run this one"
    )
