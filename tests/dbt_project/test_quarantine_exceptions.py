"""How exceptions open, age and close over three sessions, and over two versions of the third.

Belongs here: what holds between nights for one thing that is wrong. Does not belong here: what a
rule finds within a night. A sound household holds 60 VTI at 100, 76 BND at 50 and $200: 10,000.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.dbt_project.book_fixture import ETF, Book
from tests.dbt_project.warehouse_fixture import (
    create_warehouse,
    insert_rows,
    query,
    record_file,
    run_dbt,
)

FIRST, SECOND, THIRD = date(2026, 11, 17), date(2026, 11, 18), date(2026, 11, 19)
BOOK_PASS = ("build", "--select", "tag:book", "--exclude-resource-type", "unit_test")
REFUSED = "beta-positions-refused"
BASIS_RULE = "lot_basis_adds_up_to_position"
NUMBERS = {
    "STANDS": "5000010",
    "MENDED": "5000020",
    "AGAIN": "5000030",
    "ACCEPTED": "5000040",
    "STATED": "5000050",
    "NOIPS": "5000060",
    "PENDING": "5000070",
    "FILE": "5000080",
    "CUT": "5000090",
}
CUT_TICKERS = [f"CUT{letter}" for letter in "ABCDEFGHIJKL"]


def _sound(book: Book, name: str, *, custodian: str = "ALPINE", **settings: str) -> None:
    book.household(name)
    book.account(NUMBERS[name], name, custodian=custodian, **settings)
    book.position(NUMBERS[name], "VTI", "60", custodian=custodian)
    book.position(NUMBERS[name], "BND", "76", custodian=custodian)


def _session(session: date) -> Book:
    """The book of a session. What the firm mends, it mends before the second."""
    book = Book(session)
    is_first = session == FIRST
    names = list(NUMBERS)
    # The rows of the second night stand in another order: keys may not follow row numbers.
    for name in names if is_first else reversed(names):
        if name == "NOIPS":
            _sound(book, name, **({"allocation_group_id": ""} if is_first else {}))
        elif name != "FILE":
            _sound(book, name)
    _sound(book, "FILE", custodian="BETA")
    book.position(NUMBERS["FILE"], "SCHB", "1", lots=("0.5",), custodian="BETA")
    book.position(NUMBERS["STANDS"], "SCHB", "10", lots=("9",))
    book.position(NUMBERS["MENDED"], "SCHB", "10", lots=("9",) if is_first else None)
    book.position(NUMBERS["AGAIN"], "SCHB", "10", lots=None if session == SECOND else ("9",))
    book.position(NUMBERS["ACCEPTED"], "SCHB", "10", cost_basis="900.00")
    book.position(NUMBERS["STATED"], "SCHB", "10", lots=())
    book.lot(NUMBERS["STATED"], "SCHB", "10", "S-1", cost_basis="")
    book.position(NUMBERS["PENDING"], "SCHB", "10", lots=())
    for ticker in CUT_TICKERS:
        book.delivery.add("securities", ETF | {"ticker": ticker, "security_name": ticker})
        book.position(NUMBERS["CUT"], ticker, "10", lots=("9",) if is_first else None)
    restrictions = [
        {"restriction_id": name, "scope": "household", "scope_id": name, "ticker": "VTI"}
        | {"restriction_type": "hold"}
        for name in (("NOBODY-1", "NOBODY-2") if is_first else ("NOBODY-2",))
    ]
    book.delivery.add("restrictions", *restrictions)
    if not is_first:
        decision = {
            "reason": "letter of the custodian",
            "approved_by": "Robin Chief",
            "expires_date": "2026-12-31",
            "custodian": "ALPINE",
        }
        book.delivery.add(
            "overrides",
            decision
            | {"override_id": "O-1", "override_type": "accept", "rule": BASIS_RULE}
            | {"account_number": NUMBERS["ACCEPTED"], "ticker": "SCHB"},
            decision
            | {"override_id": "O-2", "override_type": "set_value", "column_name": "cost_basis"}
            | {"account_number": NUMBERS["STATED"], "lot_id": "S-1", "value": "650.00"},
        )
    return book


def _refuse_beta_positions(path: Path) -> None:
    meta = {
        "as_of_date": THIRD,
        "custodian": "BETA",
        "feed": "standard_feed",
        "source_file_id": REFUSED,
    }
    violation = meta | {
        "entity": "positions",
        "file_name": "positions.csv",
        "rule": "trailer_row_count",
        "severity": "block",
        "scope": "feed",
        "observed": "2 rows, the trailer says 3",
        "expected": "as many rows as the trailer says",
        "message": "positions.csv: 2 rows, the trailer says 3; ask for the file again.",
        "who_must_act": "operations",
    }
    with duckdb.connect(str(path)) as connection:
        record_file(connection, meta, "positions.csv", {}, status="QUARANTINED")
        insert_rows(connection, "ops.contract_violations", [violation])


def _correct_beta_positions(path: Path, corrected: Book) -> None:
    """What the intake leaves when the custodian's file has been replaced by a whole one."""
    with duckdb.connect(str(path)) as connection:
        for table in ("source_files", "contract_violations"):
            connection.execute(f"delete from ops.{table} where source_file_id = ?", [REFUSED])
    corrected.delivery.write(path)


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The warehouse after each night; of the third before and after the corrected file."""
    folder = tmp_path_factory.mktemp("exceptions")
    path = folder / "warehouse.duckdb"
    create_warehouse(path)
    for session in (FIRST, SECOND):
        _session(session).delivery.write(path)
        run_dbt(path, *BOOK_PASS, as_of_date=session)
    third = _session(THIRD)
    late = Book(THIRD)
    late.delivery.files = {key: third.delivery.files.pop(key) for key in [("BETA", "positions")]}
    third.delivery.write(path)
    _refuse_beta_positions(path)
    run_dbt(path, *BOOK_PASS, as_of_date=THIRD)
    before = folder / "before.duckdb"
    before.write_bytes(path.read_bytes())
    _correct_beta_positions(path, late)
    run_dbt(path, *BOOK_PASS, as_of_date=THIRD)
    again = folder / "again.duckdb"
    again.write_bytes(path.read_bytes())
    run_dbt(again, *BOOK_PASS, as_of_date=THIRD)
    return {"before": before, "after": path, "again": again}


def _exceptions(path: Path, session: date, where: str) -> list[tuple[Any, ...]]:
    return query(
        path,
        f"""
        select exception_state, opened_date, age_sessions, age_days, closed_date, closed_by
        from marts.fct_open_exceptions where as_of_date = ? and {where}
        order by exception_state desc, opened_date
        """,
        session,
    )


LOTS = "rule = 'lots_add_up_to_position' and household_id = "


def test_what_stands_ages(nights: dict[str, Path]) -> None:
    for age, session in enumerate((FIRST, SECOND, THIRD)):
        rows = _exceptions(nights["after"], session, LOTS + "'STANDS'")
        assert rows == [("open", FIRST, age + 1, age, None, None)]


def test_what_is_mended_is_closed_and_stays_listed(nights: dict[str, Path]) -> None:
    closed = ("closed", FIRST, 1, 1, SECOND, "rule_no_longer_broken")
    assert _exceptions(nights["after"], SECOND, LOTS + "'MENDED'") == [closed]
    assert _exceptions(nights["after"], THIRD, LOTS + "'MENDED'") == [closed]


def test_what_comes_back_is_opened_anew(nights: dict[str, Path]) -> None:
    assert _exceptions(nights["after"], THIRD, LOTS + "'AGAIN'") == [
        ("open", THIRD, 1, 0, None, None),
        ("closed", FIRST, 1, 1, SECOND, "rule_no_longer_broken"),
    ]


@pytest.mark.parametrize(
    ("household", "rule", "override"),
    [("ACCEPTED", BASIS_RULE, "O-1"), ("STATED", "covered_lot_has_basis", "O-2")],
)
def test_override_closes_what_it_settles(
    nights: dict[str, Path], household: str, rule: str, override: str
) -> None:
    where = f"rule = '{rule}' and household_id = '{household}'"
    assert [row[0] for row in _exceptions(nights["after"], FIRST, where)] == ["open"]
    closed = ("closed", FIRST, 1, 1, SECOND, "override")
    for session in (SECOND, THIRD):
        assert _exceptions(nights["after"], session, where) == [closed]
    rows = query(
        nights["after"],
        f"select override_id from marts.fct_open_exceptions where as_of_date = ? and {where}",
        SECOND,
    )
    assert rows == [(override,)]


def test_firms_own_corrected_file_closes(nights: dict[str, Path]) -> None:
    where = "rule = 'account_has_an_ips' and household_id = 'NOIPS'"
    assert _exceptions(nights["after"], SECOND, where) == [
        ("closed", FIRST, 1, 1, SECOND, "corrected_file")
    ]


def test_of_two_broken_rows_the_one_that_stays_keeps_its_opening(nights: dict[str, Path]) -> None:
    rows = query(
        nights["after"],
        """
        select exception_state, opened_date, age_sessions, message like '%NOBODY-1%'
        from marts.fct_open_exceptions
        where as_of_date = ? and rule = 'restriction_names_a_known_thing'
        order by 1
        """,
        THIRD,
    )
    assert rows == [("closed", FIRST, 1, True), ("open", FIRST, 3, False)]


def test_broken_file_withholds_and_the_corrected_one_releases(nights: dict[str, Path]) -> None:
    states = {
        version: query(
            nights[version],
            "select household_state from marts.dim_households "
            "where as_of_date = ? and household_id = 'FILE'",
            THIRD,
        )
        for version in ("before", "after")
    }
    assert states == {"before": [("waiting_for_feed",)], "after": [("released",)]}


def test_corrected_file_closes_what_the_broken_one_opened(nights: dict[str, Path]) -> None:
    where = "custodian = 'BETA' and scope = 'feed'"
    before = _exceptions(nights["before"], THIRD, where)
    assert before
    assert set(before) == {("open", THIRD, 1, 0, None, None)}
    after = _exceptions(nights["after"], THIRD, where)
    assert after == [("closed", THIRD, 1, 0, THIRD, "corrected_file")] * len(before)


def test_missing_feed_holds_up_what_its_accounts_were_last_worth(nights: dict[str, Path]) -> None:
    rows = query(
        nights["before"],
        """
        select market_value_held_up from marts.fct_open_exceptions
        where as_of_date = ? and rule = 'required_file_arrived' and custodian = 'BETA'
        """,
        THIRD,
    )
    assert rows == [(Decimal("10020"),)]


def test_position_holds_up_its_own_value_only(nights: dict[str, Path]) -> None:
    rows = query(
        nights["after"],
        "select market_value_held_up from marts.fct_open_exceptions "
        f"where as_of_date = ? and exception_state = 'open' and {LOTS}'STANDS'",
        THIRD,
    )
    assert rows == [(Decimal("200"),)]


def test_what_one_file_has_broken_on_one_night_is_one_cause(nights: dict[str, Path]) -> None:
    def causes(session: date) -> list[tuple[Any, ...]]:
        return query(
            nights["after"],
            """
            select exception_state, count(*), min(cause_rows), max(cause_rows),
                count(distinct cause_market_value_held_up), max(cause_market_value_held_up),
                sum(market_value_held_up)
            from marts.fct_open_exceptions
            where as_of_date = ? and rule = 'lots_add_up_to_position' and custodian = 'ALPINE'
            group by cause_key, exception_state order by all
            """,
            session,
        )

    # Lots of twelve holdings at $100 of one household, and of one at $200 of each of three others.
    assert causes(FIRST) == [("open", 15, 15, 15, 1, Decimal("1800"), Decimal("1800"))]
    # STANDS is the only one that stands; what the file of the next night mended is one cause too.
    assert causes(SECOND) == [
        ("closed", 14, 14, 14, 1, Decimal("0"), Decimal("0")),
        ("open", 1, 1, 1, 1, Decimal("200"), Decimal("200")),
    ]
    rows = query(
        nights["after"],
        """
        select count(*) from marts.fct_open_exceptions where cause_rows <> (
            select count(*) from marts.fct_open_exceptions as other
            where other.as_of_date = fct_open_exceptions.as_of_date
                and other.cause_key = fct_open_exceptions.cause_key
        )
        """,
    )
    assert rows == [(0,)]


def test_same_night_again_changes_nothing(nights: dict[str, Path]) -> None:
    for mart in ("fct_open_exceptions", "fct_data_quality_results", "fct_overrides"):
        statement = f"select * from marts.{mart} order by all"
        assert query(nights["again"], statement) == query(nights["after"], statement), mart


def test_results_say_since_when_and_what_was_accepted(nights: dict[str, Path]) -> None:
    rows = query(
        nights["after"],
        """
        select as_of_date, outcome, is_passed, severity, override_id, status_date
        from marts.fct_data_quality_results
        where rule = ? and household_id = 'ACCEPTED' order by as_of_date
        """,
        BASIS_RULE,
    )
    assert rows == [
        (FIRST, "broken", False, "block", None, FIRST),
        (SECOND, "accepted", False, "info", "O-1", SECOND),
        (THIRD, "accepted", False, "info", "O-1", SECOND),
    ]


def test_overrides_are_listed_with_what_became_of_them(nights: dict[str, Path]) -> None:
    rows = query(
        nights["after"],
        """
        select override_id, override_state, used_count, value, received_value, first_seen_date,
            days_to_expiry
        from marts.fct_overrides where as_of_date = ? order by override_id
        """,
        THIRD,
    )
    assert rows == [
        ("O-1", "used", 1, None, None, SECOND, 42),
        ("O-2", "used", 1, "650.00", None, SECOND, 42),
    ]


def test_what_could_not_be_looked_at_stays_open(nights: dict[str, Path]) -> None:
    # Its positions did not come on the third night: that no lot contradicts them settles nothing.
    for version in ("before", "after"):
        assert _exceptions(nights[version], THIRD, LOTS + "'FILE'") == [
            ("open", FIRST, 3, 2, None, None)
        ]
    told = {
        version: query(
            nights[version],
            f"select message from marts.fct_open_exceptions where as_of_date = ? and {LOTS} 'FILE'",
            THIRD,
        )[0][0].endswith("It could not be looked at since: the account waits for a file.")
        for version in ("before", "after")
    }
    assert told == {"before": True, "after": False}


def test_a_custodian_whose_positions_did_not_come_is_not_measured(nights: dict[str, Path]) -> None:
    measured = {
        version: query(
            nights[version],
            """
            select taxable_market_value > 0, complete_basis_market_value > 0, taxable_lot_count > 0
            from marts.fct_data_quality_metrics where as_of_date = ? and custodian = 'BETA'
            """,
            THIRD,
        )
        for version in ("before", "after")
    }
    assert measured == {"before": [(None, None, None)], "after": [(True, True, True)]}
