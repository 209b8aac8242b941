"""What people decide about broken rules: accepted, stated, and what a decision may not do.

Belongs here: a book in which each household has one override, and what it releases. Does not
belong here: how exceptions age and close (test_quarantine_exceptions.py). A sound household holds
60 VTI at 100, 76 BND at 50 and $200: 10,000.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestration.questions import Snapshot, overrides_of
from tests.dbt_project.book_fixture import Book
from tests.dbt_project.warehouse_fixture import AS_OF_DATE, create_warehouse, query, run_dbt

NUMBERS = {
    "ACCEPTED": "4000010",
    "ELSEWHERE": "4000020",
    "EXPIRED": "4000030",
    "EARLY": "4000040",
    "FORBIDDEN": "4000050",
    "NOTHING": "4000060",
    "STATED": "4000110",
    "DISAGREE": "4000120",
    "ALIKE": "4000130",
    "UNREADABLE": "4000140",
    "DATES": "4000150",
    "CONTRACT": "4000160",
    "FUTURE": "4000170",
}


def _sound(book: Book, name: str, number: str) -> None:
    book.household(name)
    book.account(number, name)
    book.position(number, "VTI", "60")
    book.position(number, "BND", "76")


def _basis_off(book: Book, number: str) -> None:
    """10 SCHB whose lots cost 800 and whose position says 900."""
    book.position(number, "SCHB", "10", cost_basis="900.00")


def _without_basis(book: Book, number: str) -> None:
    """10 SCHB in two lots; the custodian does not know what the second cost."""
    book.position(number, "SCHB", "10", lots=())
    book.lot(number, "SCHB", "6", "S-1")
    book.lot(number, "SCHB", "4", "S-2", cost_basis="", covered_status="NONCOVERED")


def _override(identifier: str, **row: str) -> dict[str, str]:
    return {
        "override_id": identifier,
        "reason": "confirmed with the custodian by telephone",
        "approved_by": "Robin Chief",
        "expires_date": "2026-12-31",
    } | row


def _accept(identifier: str, name: str, rule: str, **row: str) -> dict[str, str]:
    return _override(
        identifier,
        override_type="accept",
        rule=rule,
        custodian="ALPINE",
        account_number=NUMBERS[name],
        **row,
    )


def _state(identifier: str, name: str, column: str, value: str, **row: str) -> dict[str, str]:
    return _override(
        identifier,
        override_type="set_value",
        custodian="ALPINE",
        account_number=NUMBERS[name],
        lot_id="S-2",
        column_name=column,
        value=value,
        **row,
    )


def _book() -> Book:
    book = Book()
    for name, number in NUMBERS.items():
        _sound(book, name, number)
    for name in ("ACCEPTED", "ELSEWHERE", "EXPIRED", "EARLY"):
        _basis_off(book, NUMBERS[name])
    for name in ("STATED", "DISAGREE", "ALIKE", "UNREADABLE", "FUTURE"):
        _without_basis(book, NUMBERS[name])
    book.position(NUMBERS["FORBIDDEN"], "SCHB", "10", lots=("9",))
    book.position(NUMBERS["DATES"], "SCHB", "10", lots=())
    book.lot(NUMBERS["DATES"], "SCHB", "10", "S-2", acquisition_date="1960-04-01")

    rule = "lot_basis_adds_up_to_position"
    book.delivery.add(
        "overrides",
        _accept("O-1", "ACCEPTED", rule, ticker="SCHB"),
        _accept("O-2", "ELSEWHERE", rule, ticker="BND"),
        _accept("O-3", "EXPIRED", rule, ticker="SCHB", expires_date="2026-11-18"),
        _accept("O-4", "EARLY", rule, ticker="SCHB", valid_from="2026-11-20"),
        _accept("O-5", "FORBIDDEN", "lots_add_up_to_position", ticker="SCHB"),
        _accept("O-6", "NOTHING", rule, ticker="NOSUCH"),
        _override("O-7", override_type="accept", rule=rule),
        _override("O-8", override_type="accept", rule=rule, household_id="NOBODY"),
        _override("O-9", override_type="accept", rule=rule, custodian="ALPINE"),
        _state("S-1", "STATED", "cost_basis", "250.00"),
        _state("S-2", "DISAGREE", "cost_basis", "250.00"),
        _state("S-3", "DISAGREE", "cost_basis", "260.00"),
        _state("S-4", "ALIKE", "cost_basis", "250.00"),
        _state("S-5", "ALIKE", "cost_basis", "250"),
        _state("S-6", "UNREADABLE", "cost_basis", "about 250"),
        _state("S-7", "DATES", "acquisition_date", "2019-05-06"),
        _state("S-8", "DATES", "quantity", "11"),
        _state("S-9", "FUTURE", "acquisition_date", "2026-11-20"),
        _state("S-10", "STATED", "covered_status", "COVERED", expires_date="soon"),
        _state("S-11", "NOTHING", "cost_basis", "250.00"),
        _override("O-10", override_type="allow", rule=rule, household_id="ACCEPTED"),
        _accept("O-11", "CONTRACT", "quantity_is_present"),
        _accept("O-12", "NOTHING", "Lot-basis adds up to positon", ticker="SCHB"),
        _accept("O-13", "NOTHING", "quantity_is_presnt"),
    )
    return book


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("overrides") / "warehouse.duckdb"
    create_warehouse(path)
    _book().delivery.write(path)
    run_dbt(path, "build", "--select", "tag:book", "--exclude-resource-type", "unit_test")
    return path


def _position(book: Path, household: str, ticker: str = "SCHB") -> tuple[Any, ...]:
    ((state, reason),) = query(
        book,
        """
        select p.position_state, p.state_reason
        from intermediate.int_positions__valued as p
        inner join intermediate.int_securities__described as s using (security_id)
        where p.household_id = ? and s.ticker = ?
        """,
        household,
        ticker,
    )
    return state, reason


def _lot(book: Path, household: str, lot: str = "S-2") -> dict[str, Any]:
    columns = (
        "custodian_cost_basis",
        "acquisition_date",
        "holding_period_start_date",
        "basis_status",
        "basis_source",
        "override_id",
        "is_frozen",
        "unit_cost",
    )
    (row,) = query(
        book,
        f"select {', '.join(columns)} from intermediate.int_lots__identified "
        "where household_id = ? and source_lot_id = ?",
        household,
        lot,
    )
    return dict(zip(columns, row, strict=True))


def test_accepted_rule_is_kept_and_stops_nothing(book: Path) -> None:
    assert _position(book, "ACCEPTED") == ("complete", None)
    rows = query(
        book,
        """
        select severity, raised_severity, override_id, override_reason, override_approved_by,
            override_expires_date, observed, message like '%neither bought nor sold%'
        from ops.violations
        where rule = 'lot_basis_adds_up_to_position' and household_id = 'ACCEPTED'
        """,
    )
    decision = ("O-1", "confirmed with the custodian by telephone", "Robin Chief")
    broken = ("800.000000 in 1 lots against 900.000000", True)
    assert rows == [("info", "block", *decision, date(2026, 12, 31), *broken)]


@pytest.mark.parametrize("household", ["ELSEWHERE", "EXPIRED", "EARLY"])
def test_override_that_does_not_fit_or_hold_releases_nothing(book: Path, household: str) -> None:
    state, reason = _position(book, household)
    assert state == "frozen"
    assert "the cost of its lots does not add up" in reason


def test_rule_that_nobody_may_accept_stays_broken(book: Path) -> None:
    assert _position(book, "FORBIDDEN")[0] == "frozen"


def test_stated_cost_releases_the_lot_and_is_marked(book: Path) -> None:
    lot = _lot(book, "STATED")
    assert lot["custodian_cost_basis"] == Decimal("250.000000")
    assert lot["unit_cost"] == Decimal("62.5")
    assert (lot["basis_source"], lot["override_id"]) == ("firm_override", "S-1")
    assert (lot["basis_status"], lot["is_frozen"]) == ("complete", False)
    other = _lot(book, "STATED", "S-1")
    assert (other["basis_source"], other["override_id"]) == ("custodian", None)


def test_stated_date_takes_the_place_of_a_placeholder(book: Path) -> None:
    lot = _lot(book, "DATES")
    assert lot["acquisition_date"] == date(2019, 5, 6)
    assert lot["holding_period_start_date"] == date(2019, 5, 6)
    assert (lot["is_frozen"], lot["override_id"]) == (False, "S-7")


@pytest.mark.parametrize("household", ["DISAGREE", "UNREADABLE", "FUTURE"])
def test_value_that_is_disputed_or_unreadable_is_not_stated(book: Path, household: str) -> None:
    lot = _lot(book, household)
    assert lot["custodian_cost_basis"] is None
    assert (lot["is_frozen"], lot["basis_source"]) == (True, "custodian")


def test_two_people_who_state_the_same_value_agree(book: Path) -> None:
    lot = _lot(book, "ALIKE")
    assert lot["custodian_cost_basis"] == Decimal("250.000000")
    assert lot["override_id"] == "S-4, S-5"


def test_every_override_without_effect_says_why(book: Path) -> None:
    rows = query(
        book,
        """
        select observed, rule, severity, message from ops.violations
        where rule like 'override%' order by observed
        """,
    )
    told = {observed: (rule, severity) for observed, rule, severity, _ in rows}
    assert len(told) == len(rows)
    assert told == {
        "O-2": ("override_is_needed", "info"),
        "O-3": ("override_is_in_force", "warn"),
        "O-4": ("override_is_in_force", "warn"),
        "O-5": ("override_rule_may_be_accepted", "warn"),
        "O-6": ("override_names_a_known_thing", "warn"),
        "O-7": ("override_can_be_used", "warn"),
        "O-8": ("override_names_a_known_thing", "warn"),
        "O-9": ("override_is_needed", "info"),
        "O-10": ("override_can_be_used", "warn"),
        "O-11": ("override_is_needed", "info"),
        "O-12": ("override_names_a_known_thing", "warn"),
        "O-13": ("override_names_a_known_thing", "warn"),
        "S-2": ("overrides_agree", "warn"),
        "S-3": ("overrides_agree", "warn"),
        "S-6": ("override_can_be_used", "warn"),
        "S-8": ("override_can_be_used", "warn"),
        "S-9": ("override_can_be_used", "warn"),
        "S-10": ("override_can_be_used", "warn"),
        "S-11": ("override_names_a_known_thing", "warn"),
    }
    messages = {observed: message for observed, _, _, message in rows}
    assert messages["O-3"].startswith("overrides.csv, row 4: the override O-3 has no effect: ")
    assert "it held until 2026-11-18" in messages["O-3"]
    assert "it holds only from 2026-11-20" in messages["O-4"]
    assert "no household has the id NOBODY" in messages["O-8"]
    assert "its column must be one of cost_basis, " in messages["S-8"]
    assert (
        "has no effect: no rule is called lot-basis adds up to positon; near to it are "
        "lot_basis_adds_up_to_position or " in messages["O-12"]
    )
    assert "near to it are quantity_is_present or " in messages["O-13"]


def test_override_files_hold_no_account_number_in_what_is_published(book: Path) -> None:
    rows = query(
        book, "select message from ops.violations where regexp_matches(message, '4000[01][0-9]0')"
    )
    assert rows == []


def test_every_override_has_one_standing_and_names_whom_it_is_about(book: Path) -> None:
    rows = overrides_of(Snapshot(book), AS_OF_DATE)
    assert len(rows) == query(book, "select count(*) from marts.fct_overrides")[0][0]
    standing = {row["override_id"]: row["standing"] for row in rows}
    assert {name for name, where in standing.items() if where == "in_force"} == {
        "O-1",
        "O-2",
        "O-9",
        "O-11",
        "S-1",
        "S-4",
        "S-5",
        "S-7",
    }
    assert (standing["O-3"], standing["O-4"]) == ("expired", "not_yet_in_force")
    (accepted,) = [row for row in rows if row["override_id"] == "O-1"]
    assert accepted["about"] == "Accepted, Account 10, SCHB"
