"""The one seam through which heavy work leaves the main process.

Belongs here: running a pure function over independent batches, in order, in this process or in
worker processes, with one batch's crash kept to that batch. Does not belong here: what the batches
hold, any file or database. Workers receive Arrow tables and return values; they open nothing.
"""

from __future__ import annotations

import gc
import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Literal, NamedTuple, TypeVar

Payload = TypeVar("Payload")
Result = TypeVar("Result")
Engine = Literal["this_process", "processes"]

# So many batches a worker are on their way at once: one is worked on, one waits. What has not been
# asked for yet need not exist, so that memory does not grow with the book.
_BATCHES_PER_WORKER = 2


class BatchFailure(NamedTuple):
    """A batch that raised: its place in the sequence and the error, as text."""

    batch_number: int
    error: str


@contextmanager
def settled_objects() -> Iterator[None]:
    """Within, the search for cycles of objects passes over what a batch has read before.

    Those objects stay to the batch's end. Without this each full search walks through all of them,
    for as long as it takes to plan ten households.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def run_batches(
    function: Callable[[Payload], Result],
    batches: Iterable[Payload],
    engine: Engine = "this_process",
    *,
    workers: int = 2,
    on_batch_done: Callable[[int], None] | None = None,
) -> Iterator[Result | BatchFailure]:
    """Apply `function` to every batch and yield the results in the order of the batches.

    Args:
        function: pure and importable (it is pickled by name for worker processes).
        batches: picklable payloads; taken one after the other as workers become free.
        engine: "this_process", or "processes" for a pool of `workers`.
        workers: size of the pool.
        on_batch_done: called with the batch's number after its result was taken.

    Yields:
        A result, or a BatchFailure where the function raised; the other batches go on.
    """
    for number, outcome in enumerate(_outcomes(function, batches, engine, workers)):
        yield (
            outcome._replace(batch_number=number) if isinstance(outcome, BatchFailure) else outcome
        )
        if on_batch_done is not None:
            on_batch_done(number)


def _outcomes(
    function: Callable[[Payload], Result],
    batches: Iterable[Payload],
    engine: Engine,
    workers: int,
) -> Iterator[Result | BatchFailure]:
    if engine == "this_process":
        for batch in batches:
            yield _guarded(function, batch)
        return
    # Workers are forked from a clean server process: a fork of a process with threads can hang.
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(max_workers=workers, mp_context=context) as pool:
        waiting: deque[Future[Result | BatchFailure]] = deque()
        for batch in batches:
            waiting.append(_submitted(pool, function, batch))
            if len(waiting) >= workers * _BATCHES_PER_WORKER:
                yield _taken(waiting.popleft())
        while waiting:
            yield _taken(waiting.popleft())


def _submitted(
    pool: ProcessPoolExecutor, function: Callable[[Payload], Result], batch: Payload
) -> Future[Result | BatchFailure]:
    """The batch on its way; a pool whose worker has died takes no more, which is a failure too."""
    try:
        return pool.submit(_guarded, function, batch)
    except Exception as error:
        refused: Future[Result | BatchFailure] = Future()
        refused.set_exception(error)
        return refused


def _taken(future: Future[Result | BatchFailure]) -> Result | BatchFailure:
    try:
        return future.result()
    except Exception as error:  # a worker that died takes its batch with it, not the book
        return BatchFailure(0, f"{type(error).__name__}: {error}")


def _guarded(function: Callable[[Payload], Result], batch: Payload) -> Result | BatchFailure:
    try:
        return function(batch)
    except Exception as error:
        return BatchFailure(0, f"{type(error).__name__}: {error}")
