"""The exchange calendar: sessions, holidays, settlement."""

from __future__ import annotations

from datetime import date

import pytest

from python_steps.sessions import (
    is_session,
    next_session,
    previous_session,
    session_on_or_after,
    session_on_or_before,
    sessions_between,
    settlement_date,
)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 11, 19), True),
        (date(2026, 11, 26), False),  # Thanksgiving
        (date(2026, 11, 22), False),  # Sunday
        (date(2026, 12, 25), False),
        (date(2025, 1, 9), False),  # national day of mourning
    ],
)
def test_is_session(day, expected):
    assert is_session(day) is expected


def test_files_of_a_weekend_belong_to_the_session_before():
    assert session_on_or_before(date(2023, 4, 23)) == date(2023, 4, 21)
    assert session_on_or_before(date(2026, 1, 1)) == date(2025, 12, 31)
    assert session_on_or_before(date(2026, 11, 19)) == date(2026, 11, 19)


def test_neighbouring_sessions():
    assert next_session(date(2026, 11, 25)) == date(2026, 11, 27)
    assert next_session(date(2026, 11, 19), 3) == date(2026, 11, 24)
    assert next_session(date(2026, 11, 21)) == date(2026, 11, 23)
    assert previous_session(date(2026, 11, 27)) == date(2026, 11, 25)
    assert previous_session(date(2026, 11, 22)) == date(2026, 11, 20)
    assert session_on_or_after(date(2026, 11, 21)) == date(2026, 11, 23)


def test_settlement_is_one_session_later():
    assert settlement_date(date(2026, 11, 25)) == date(2026, 11, 27)


def test_sessions_between_includes_both_ends():
    assert sessions_between(date(2026, 11, 25), date(2026, 11, 30)) == [
        date(2026, 11, 25),
        date(2026, 11, 27),
        date(2026, 11, 30),
    ]


def test_a_date_outside_the_calendar_is_refused():
    with pytest.raises(ValueError, match="outside the calendar"):
        is_session(date(1999, 12, 31))
