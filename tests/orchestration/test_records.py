"""Records: appended, never changed."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from orchestration.records import IssuedPlan, Override, Records
from python_steps.identities import RegisteredAccount, RegisteredIdentifier

DAY = date(2026, 11, 19)


@pytest.fixture
def records(tmp_path):
    return Records(tmp_path / "records.duckdb")


def issued(plan_id, household_id="HH-1", version=1, input_hash="a"):
    return IssuedPlan(
        plan_id, household_id, DAY, version, input_hash, datetime(2026, 11, 19), "proposed", "[]"
    )


def test_registry_grows_and_keeps_what_it_has(records):
    first = RegisteredAccount("A-000001", "ALPINE", "1")
    second = RegisteredAccount("A-000002", "ALPINE", "2")
    identifier = RegisteredIdentifier("S-000001", "TICKER", "VT", "")
    records.append_identities([first], [identifier], DAY)
    records.append_identities([second], [], DAY)
    assert records.accounts() == [first, second]
    assert records.security_identifiers() == [identifier]


def test_an_issued_plan_is_never_issued_again(records):
    assert records.append_plans([issued("P-1")]) == 1
    assert records.append_plans([issued("P-1"), issued("P-2", version=2, input_hash="b")]) == 1
    assert records.plan_versions(DAY) == {"HH-1": [(1, "a"), (2, "b")]}
    assert records.plan_versions(date(2026, 11, 18)) == {}


def test_only_the_owner_may_read_the_records(records):
    records.append_plans([issued("P-1")])
    assert records.path.stat().st_mode & 0o077 == 0


def override(**changes):
    said = dict.fromkeys(Override._fields, "") | {
        "override_id": "O-1",
        "override_type": "accept",
        "rule": "price_is_recent",
        "household_id": "HH-1",
        "reason": "valued by hand",
        "approved_by": "Robin Chief",
        "expires_date": "2026-12-31",
    }
    return Override(**(said | changes))


def test_an_override_is_recorded_once_until_it_says_something_else(records):
    first, longer = override(), override(expires_date="2027-12-31")
    assert records.append_overrides([(first, "file-1")], DAY) == 1
    assert records.append_overrides([(first, "file-2")], date(2026, 11, 20)) == 0
    assert records.append_overrides([(longer, "file-3")], date(2026, 11, 23)) == 1
    assert records.overrides() == [
        (first, DAY, "file-1"),
        (longer, date(2026, 11, 23), "file-3"),
    ]
    assert first.content_sha256 != longer.content_sha256


def test_an_override_that_returns_to_its_first_words_is_recorded_again(records):
    first, other = override(), override(approved_by="Casey Deputy")
    for number, row in enumerate((first, other, first), start=1):
        records.append_overrides([(row, f"file-{number}")], DAY)
    assert [row[0] for row in records.overrides()] == [first, other, first]


def test_a_night_that_is_run_again_records_nothing_twice(records):
    first, other = override(), override(approved_by="Casey Deputy")
    records.append_overrides([(first, "file-1")], DAY)
    records.append_overrides([(other, "file-2")], date(2026, 11, 20))
    assert records.append_overrides([(first, "file-1")], DAY) == 0
    assert records.append_overrides([(other, "file-2")], date(2026, 11, 20)) == 0
    assert len(records.overrides()) == 2


def test_two_periods_of_one_override_are_two_decisions(records):
    rows = [(override(valid_from=day), "file-1") for day in ("2026-01-01", "2026-07-01")]
    assert records.append_overrides(rows, DAY) == 2
    assert records.append_overrides([(row, "file-2") for row, _ in rows], DAY) == 0
