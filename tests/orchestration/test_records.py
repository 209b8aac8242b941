"""Records: appended, never changed."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from orchestration.records import IssuedPlan, Records
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
