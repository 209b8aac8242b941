"""Several files and feeds that speak of one account in one night: whose word holds.

Belongs here: account references, second opinions, several sources, wrapped accounts, files of
changes within one night's book. What holds between nights stands in test_book_feeds_history.py.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest

from tests.dbt_project.book_fixture import Book
from tests.dbt_project.feeds_fixture import FeedFile, cash, held, lot, position, write_files
from tests.dbt_project.warehouse_fixture import (
    AS_OF_DATE,
    create_warehouse,
    insert_rows,
    query,
    run_dbt,
)

FULL_DAY, FIRST_CHANGE = date(2026, 11, 17), date(2026, 11, 18)


def file(feed: str, **entities: object) -> FeedFile:
    """A file of tonight; names that are no entity are its record."""
    record = {name: entities.pop(name) for name in ("role", "mode", "received") if name in entities}
    return FeedFile(AS_OF_DATE, feed, entities, **record)  # type: ignore[arg-type]


def _book() -> Book:
    book = Book()
    for number in range(1, 16):
        name = f"H{number}"
        book.household(name)
        book.account(f"77000{number:02d}", name, cash=None)
    # Two accounts whose numbers end alike: their mask means neither.
    book.account("8800001", "H1", cash="0", account_type="roth_ira")
    book.delivery.add(
        "account_references",
        {"custodian": "ALPINE", "account_reference": "Joint", "account_number": "7700002"},
        {"custodian": "ALPINE", "account_reference": "Both", "account_number": "7700003"},
        {"custodian": "ALPINE", "account_reference": "Both", "account_number": "7700004"},
        {"custodian": "ALPINE", "account_reference": "Plan", "account_number": "7700009"},
    )
    return book


FILES = [
    # A name of the crosswalk, everywhere; a mask; a name with two meanings; a mask with two.
    file(
        "schwab_positions",
        positions=[
            position("Joint", "VTI", "60"),
            position("XXXX-0005", "VTI", "50"),
            position("Both", "VTI", "40"),
            position("XXX0001", "VTI", "30"),
        ],
        cash_balances=[cash("Joint", "200"), cash("XXXX-0005", "0")],
        tax_lots=[lot("Joint", "VTI", "60", "4800"), lot("*0005", "VTI", "50", "4000")],
    ),
    # The same account under its number and, later, under its mask; then two parts of one account.
    file("schwab_positions", received="20:00:00", positions=[position("7700006", "VTI", "60")]),
    file(
        "schwab_positions",
        received="21:00:00",
        positions=[position("...0006", "VTI", "61"), position("...0006", "BND", "2", "50")],
    ),
    file("parts", received="20:00:00", positions=[position("7700007", "VTI", "10")]),
    file("parts", received="21:00:00", positions=[position("7700007", "BND", "20", "50")]),
    # A second opinion beside the source, beside an empty account, and alone.
    file(
        "schwab_positions",
        received="19:00:00",
        positions=[position("7700008", "VTI", "10"), position("7700008", "SCHB", "1", "20")],
        cash_balances=[cash("7700008", "100"), cash("7700010", "55")],
    ),
    file(
        "ofx",
        role="cross_check",
        received="23:00:00",
        positions=[
            position("7700008", "VTI", "11"),
            position("7700008", "BND", "3", "50"),
            position("7700010", "VTI", "5"),
            position("Plan", "VTI", "7"),
        ],
        cash_balances=[cash("7700008", "101"), cash("Plan", "12")],
    ),
    # Two sources: the one that arrived last; the standard feed goes before it.
    file("early", received="18:00:00", positions=[position("7700011", "VTI", "1")]),
    file(
        "late",
        received="23:30:00",
        positions=[position("7700011", "VTI", "2"), position("7700012", "VTI", "9")],
    ),
    # A plan that shows the account behind its window, which is delivered; one whose is not.
    file(
        "plans",
        accounts=[
            {"account_number": "7700013", "base_currency": "USD"},
            {
                "account_number": "7700014",
                "base_currency": "USD",
                "parent_account_number": "7700013",
            },
        ],
        positions=[
            position("7700013", "VTI", "10"),
            position("7700013", "BROKERAGELINK", "1", "5000"),
            position("7700014", "VTI", "40"),
            position("7700015", "BROKERAGELINK", "1", "300"),
        ],
        cash_balances=[cash("7700014", "1000")],
    ),
    # Lots in a file for each security; and again, as they were before.
    file("lot_details", received="20:00:00", tax_lots=[lot("7700006", "VTI", "60", "4800")]),
    file(
        "lot_details",
        received="21:00:00",
        tax_lots=[lot("7700006", "VTI", "61", "4900")],
    ),
    file("lot_details", received="20:30:00", tax_lots=[lot("7700006", "BND", "2", "80")]),
]

CHANGES = [
    FeedFile(
        FULL_DAY,
        "institution",
        {
            "positions": [
                position("9900001", "VTI", "10"),
                position("9900001", "BND", "20", "50"),
                position("9900002", "VTI", "30"),
            ],
            "cash_balances": [cash("9900001", "100"), cash("9900002", "200")],
            "tax_lots": [
                lot("9900001", "VTI", "10", "800", source_lot_id="L1"),
                lot("9900001", "BND", "20", "800", source_lot_id="L2"),
                lot("9900002", "VTI", "30", "2400", source_lot_id="L3"),
            ],
        },
        custodian="DELTAS",
    ),
    FeedFile(
        FIRST_CHANGE,
        "institution",
        {
            "positions": [position("9900001", "VTI", "8")],
            "cash_balances": [cash("9900001", "300")],
            "tax_lots": [lot("9900001", "VTI", "8", "640", source_lot_id="L1")],
        },
        custodian="DELTAS",
        mode="DELTA",
    ),
    FeedFile(
        AS_OF_DATE,
        "institution",
        {
            "positions": [
                position("9900001", "BND", "0", "50"),
                position("9900001", "SCHB", "5", "20"),
            ],
            "cash_balances": [],
            "tax_lots": [
                lot("9900001", "BND", "0", "0", source_lot_id="L2"),
                lot("9900001", "SCHB", "5", "90", source_lot_id="L4"),
                lot("9900002", "VTI", "1", "80"),
            ],
        },
        custodian="DELTAS",
        mode="DELTA",
    ),
    # A chain with a missing link.
    FeedFile(
        FULL_DAY,
        "institution",
        {"positions": [position("9900009", "VTI", "1")]},
        custodian="GAPS",
    ),
    FeedFile(
        AS_OF_DATE,
        "institution",
        {"positions": [position("9900009", "VTI", "2")]},
        custodian="GAPS",
        mode="DELTA",
    ),
    # Changes yesterday and nothing tonight: nothing is carried forward.
    FeedFile(
        FULL_DAY,
        "institution",
        {"positions": [position("9900008", "VTI", "1")]},
        custodian="SILENT",
    ),
    FeedFile(
        FIRST_CHANGE,
        "institution",
        {"positions": [position("9900008", "VTI", "2")]},
        custodian="SILENT",
        mode="DELTA",
    ),
]


def _broken_account(file: FeedFile, account_number: str) -> dict[str, object]:
    return {
        "as_of_date": file.as_of_date,
        "custodian": file.custodian,
        "feed": file.feed,
        "file_name": "statement.ofx",
        "source_file_id": file.source_file_id,
        "rule": "control_total",
        "severity": "block",
        "scope": "account",
        "account_number": account_number,
        "observed": "another total",
        "expected": "the sum",
        "message": "The total does not foot.",
        "who_must_act": "operations",
    }


@pytest.fixture(scope="module")
def feeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("feeds") / "warehouse.duckdb"
    create_warehouse(path)
    book = _book()
    book.delivery.add("positions", position("7700012", "VTI", "3"))
    book.household("DELTAS")
    for number in ("9900001", "9900002"):
        book.account(number, "DELTAS", custodian="DELTAS", cash=None)
    book.household("GAPS")
    book.account("9900009", "GAPS", custodian="GAPS", cash=None)
    book.household("SILENT")
    book.account("9900008", "SILENT", custodian="SILENT", cash=None)
    book.delivery.write(path)
    write_files(path, *FILES, *CHANGES)
    opinion = next(file for file in FILES if file.feed == "ofx")
    with duckdb.connect(str(path)) as connection:
        insert_rows(
            connection,
            "ops.contract_violations",
            [_broken_account(opinion, number) for number in ("7700008", "Plan")],
        )
    run_dbt(path, "build", "--select", "tag:book", "--exclude-resource-type", "unit_test")
    return path


def _cross_checks(path: Path, number: str) -> list[tuple[object, ...]]:
    return query(
        path,
        """
        select s.ticker, c.set_aside_because, c.source_quantity, c.stated_quantity
        from intermediate.int_cross_checks__positions as c
        inner join intermediate.int_accounts__identified as a on c.account_id = a.account_id
        inner join intermediate.int_securities__described as s on c.security_id = s.security_id
        where a.account_number = ? order by all
        """,
        number,
    )


def _cash(path: Path, number: str) -> list[tuple[object, ...]]:
    return query(
        path,
        """
        select c.trade_date from intermediate.int_cash__by_account as c
        inner join intermediate.int_accounts__identified as a on c.account_id = a.account_id
        where a.account_number = ?
        """,
        number,
    )


@pytest.mark.parametrize(
    ("number", "holdings"),
    [
        ("7700002", {"VTI": 60}),
        ("7700005", {"VTI": 50}),
        ("7700006", {"BND": 2, "VTI": 61}),
        ("7700007", {"BND": 20, "VTI": 10}),
        ("7700008", {"SCHB": 1, "VTI": 10}),
        ("7700009", {"VTI": 7}),
        ("7700010", {}),
        ("7700011", {"VTI": 2}),
        ("7700012", {"VTI": 3}),
        ("7700013", {"VTI": 10}),
        ("7700014", {"VTI": 40}),
        ("7700015", {"BROKERAGELINK": 1}),
        ("9900001", {"SCHB": 5, "VTI": 8}),
        ("9900002", {"VTI": 30}),
        ("9900009", {"VTI": 2}),
        ("9900008", {}),
    ],
    ids=[
        "a name of the crosswalk",
        "a mask that fits one account",
        "the newest of two files under two names",
        "files of one feed without a security in common",
        "the source beside a second opinion",
        "a second opinion alone",
        "a source that names an empty account",
        "the source that arrived last",
        "the standard feed before all",
        "a plan without what it wraps",
        "the wrapped account",
        "a wrapper whose account is not delivered",
        "changes applied to a full file",
        "an account without changes",
        "changes with a missing link",
        "no changes tonight",
    ],
)
def test_account_holds_what_the_source_of_its_facts_states(
    feeds: Path, number: str, holdings: dict[str, int]
) -> None:
    assert held(feeds, number) == holdings


@pytest.mark.parametrize(
    ("number", "balance"),
    [
        ("7700002", 200),
        ("7700005", 0),
        ("7700008", 100),
        ("7700009", 12),
        ("7700010", 55),
        ("7700014", 1000),
        ("9900001", 300),
        ("9900002", 200),
    ],
)
def test_cash_is_taken_from_one_source(feeds: Path, number: str, balance: int) -> None:
    assert _cash(feeds, number) == [(balance,)]


def test_reference_with_two_meanings_means_no_account_and_is_told(feeds: Path) -> None:
    assert held(feeds, "7700003") == held(feeds, "7700004") == held(feeds, "7700001") == {}
    told = query(
        feeds,
        """
        select r.account_number, count(*) from intermediate.int_account_references__resolved as r
        inner join ops.violations as v on r.account_id = v.account_id
        where v.rule = 'account_reference_is_unambiguous' group by all order by all
        """,
    )
    assert told == [("Both", 1), ("XXX0001", 1)]
    (waits,) = query(
        feeds,
        """
        select v.message from ops.violations as v
        inner join intermediate.int_accounts__identified as a on v.account_id = a.account_id
        where v.rule = 'account_is_in_todays_files' and a.account_number = '7700001'
        """,
    )[0]
    assert "XXXX0001, which fits this account and another one" in waits
    # Settings are there, for two accounts: asking for others would lead nowhere.
    assert query(
        feeds,
        """
        select count(*) from intermediate.int_account_references__resolved as r
        inner join ops.violations as v on r.account_id = v.account_id
        where r.is_ambiguous and v.rule = 'account_is_in_policy'
        """,
    ) == [(0,)]


def test_lots_follow_the_account_however_each_file_writes_it(feeds: Path) -> None:
    rows = query(
        feeds,
        """
        select a.account_number, s.ticker, sum(l.quantity)
        from intermediate.int_lots__keyed as l
        inner join intermediate.int_accounts__identified as a on l.account_id = a.account_id
        inner join intermediate.int_securities__described as s on l.security_id = s.security_id
        where a.account_number in ('7700002', '7700005', '7700006') group by all order by all
        """,
    )
    assert rows == [
        ("7700002", "VTI", 60),
        ("7700005", "VTI", 50),
        ("7700006", "BND", 2),
        ("7700006", "VTI", 61),
    ]


def test_what_was_set_aside_stands_beside_the_facts(feeds: Path) -> None:
    assert _cross_checks(feeds, "7700008") == [
        ("BND", "second_opinion", None, 3),
        ("SCHB", "second_opinion", 1, None),
        ("VTI", "second_opinion", 10, 11),
    ]
    assert _cross_checks(feeds, "7700010") == [("VTI", "second_opinion", None, 5)]
    assert _cross_checks(feeds, "7700006") == [
        ("BND", "newer_delivery", 2, None),
        ("VTI", "newer_delivery", 61, 60),
    ]
    assert _cross_checks(feeds, "7700011") == [("VTI", "other_feed", 2, 1)]
    assert _cross_checks(feeds, "7700012") == [("VTI", "other_feed", 3, 9)]
    for number in ("7700002", "7700007", "7700009", "7700014"):
        assert _cross_checks(feeds, number) == [], number
    cash_said = query(
        feeds,
        """
        select a.account_number, c.source_trade_date, c.stated_trade_date, c.set_aside_because
        from intermediate.int_cross_checks__cash as c
        inner join intermediate.int_accounts__identified as a on c.account_id = a.account_id
        """,
    )
    assert cash_said == [("7700008", 100, 101, "second_opinion")]


def test_position_names_only_the_rows_that_are_facts_as_its_sources(feeds: Path) -> None:
    rows = query(
        feeds,
        """
        select f.file_name, f.quantity from marts.fct_position_sources as f
        inner join intermediate.int_accounts__identified as a on f.account_id = a.account_id
        where a.account_number = '7700006' order by all
        """,
    )
    assert rows == [("schwab_positions-21.csv", 2), ("schwab_positions-21.csv", 61)]


def test_wrapper_says_what_it_shows_and_what_the_wrapped_accounts_state(feeds: Path) -> None:
    rows = query(
        feeds,
        """
        select a.account_number, w.is_counted_elsewhere, w.stated_value, w.wrapped_account_count,
            w.wrapped_value
        from intermediate.int_accounts__wrappers as w
        inner join intermediate.int_accounts__identified as a on w.account_id = a.account_id
        order by 1
        """,
    )
    assert rows == [("7700013", True, 5000, 1, 5000), ("7700015", False, 300, 0, None)]
    parents = query(
        feeds,
        """
        select child.account_number, parent.account_number
        from intermediate.int_accounts__identified as child
        inner join intermediate.int_accounts__identified as parent
            on child.parent_account_id = parent.account_id
        """,
    )
    assert parents == [("7700014", "7700013")]


def test_what_is_wrong_in_a_second_opinion_stops_only_who_has_no_other(feeds: Path) -> None:
    rows = query(
        feeds,
        """
        select a.account_number, v.severity
        from ops.violations as v
        inner join intermediate.int_accounts__identified as a on v.account_id = a.account_id
        where v.rule = 'control_total' and v.feed = 'ofx' order by 1
        """,
    )
    assert dict(rows)["7700008"] == "warn"
    assert sorted(severity for _, severity in rows) == ["block", "warn"]


def test_gap_in_a_chain_of_changes_is_named(feeds: Path) -> None:
    rows = query(feeds, "select * from intermediate.int_feeds__delta_chains")
    assert rows == [("GAPS", "institution", "positions", FULL_DAY, FIRST_CHANGE)]


def test_empty_file_of_changes_is_no_missing_file(feeds: Path) -> None:
    rows = query(
        feeds, "select entity from intermediate.int_feeds__missing where custodian = 'DELTAS'"
    )
    assert rows == []


def test_change_of_a_lot_without_an_id_is_told_not_guessed(feeds: Path) -> None:
    rows = query(
        feeds,
        """
        select observed from ops.violations
        where rule = 'lot_values_can_be_read' and custodian = 'DELTAS'
        """,
    )
    assert rows == [("source_lot_id = (none, in a file of changes)",)]
