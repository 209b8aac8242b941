"""The cut of the book into batches for the planner."""

from __future__ import annotations

from datetime import date

import pyarrow as pa

from orchestration.calendar import NightDates
from orchestration.planning_step import _HOUSEHOLD_FRAMES, planning_payloads
from python_steps.policy import FirmPolicy


def test_rows_of_no_household_stop_no_batch():
    """An account that the firm has no settings for belongs to no household."""
    rows = pa.table({"household_id": ["H-1", "H-1", "H-2", None, None], "row": [1, 2, 3, 4, 5]})
    policy = FirmPolicy()
    payloads = planning_payloads(
        dict.fromkeys(_HOUSEHOLD_FRAMES, rows),
        ["H-1", "H-2", "H-3"],
        policy,
        NightDates.of(date(2026, 11, 19), policy),
    )
    for name in _HOUSEHOLD_FRAMES:
        planned = [row for payload in payloads for row in payload.tables[name]["row"].to_pylist()]
        assert planned == [1, 2, 3]


def test_a_table_of_no_household_at_all_is_empty_in_every_batch():
    rows = pa.table({"household_id": pa.array([None], pa.string()), "row": [1]})
    policy = FirmPolicy()
    dates = NightDates.of(date(2026, 11, 19), policy)
    frames = dict.fromkeys(_HOUSEHOLD_FRAMES, rows)
    for payload in planning_payloads(frames, ["H-1"], policy, dates):
        assert all(payload.tables[name].num_rows == 0 for name in _HOUSEHOLD_FRAMES)
