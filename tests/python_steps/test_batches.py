"""Batches: in order, in one or several processes, one crash kept to its batch."""

from __future__ import annotations

import gc
import os

import pytest

from python_steps.batches import BatchFailure, run_batches, settled_objects


def doubled(number: int) -> int:
    if number < 0:
        raise ValueError(f"{number} is negative")
    return number * 2


def killed_on_zero(number: int) -> int:
    if number == 0:
        os._exit(3)
    return number


@pytest.mark.parametrize("engine", ["this_process", "processes"])
def test_results_come_in_the_order_of_the_batches_and_one_failure_stays_alone(engine):
    seen: list[int] = []
    results = list(run_batches(doubled, [3, -1, 2], engine, on_batch_done=seen.append))
    assert results == [6, BatchFailure(1, "ValueError: -1 is negative"), 4]
    assert seen == [0, 1, 2]


def test_a_worker_that_dies_is_reported_with_its_batch():
    results = list(run_batches(killed_on_zero, [0, 0], "processes", workers=1))
    assert [type(result) for result in results] == [BatchFailure, BatchFailure]
    assert [result.batch_number for result in results] == [0, 1]


def test_what_a_batch_has_read_is_passed_over_until_its_end_even_where_that_is_an_error():
    assert gc.get_freeze_count() == 0
    with settled_objects():
        assert gc.get_freeze_count() > 0
    assert gc.get_freeze_count() == 0
    with pytest.raises(RuntimeError, match="crash"):
        _crash_in_a_batch()
    assert gc.get_freeze_count() == 0


def _crash_in_a_batch():
    with settled_objects():
        raise RuntimeError("crash")
