"""What is wrong in a cut file or in the firm's own files stops trades, and says what it stops.

Belongs here: one household per mistake in a book built once, and what may still be traded in it.
Does not belong here: trouble in single values of the custodians' files (test_book.py). A sound
household holds 60 VTI at 100, 76 BND at 50 and $200: 10,000.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.dbt_project.book_fixture import Book
from tests.dbt_project.warehouse_fixture import (
    AS_OF_DATE,
    create_warehouse,
    insert_rows,
    query,
    record_file,
    run_dbt,
)

IRA = "traditional_ira"


def _sound(book: Book, name: str, number: str, **settings: str) -> None:
    book.household(name)
    book.account(number, name, **settings)
    book.position(number, "VTI", "60")
    book.position(number, "BND", "76")


def _with_ira(book: Book, name: str, number: str) -> None:
    """A sound household with a second account that ends in 9, of 100 more."""
    _sound(book, name, number)
    book.account(number[:-1] + "9", name, account_type=IRA, cash="100")


def _restriction(identifier: str, **row: str) -> dict[str, str]:
    return {"restriction_id": identifier, "restriction_type": "hold"} | row


def _flow(identifier: str, number: str, **row: str) -> dict[str, str]:
    return {
        "cash_flow_id": identifier,
        "custodian": "ALPINE",
        "account_number": number,
        "flow_type": "withdrawal",
        "amount": "1000",
        "state": "requested",
        "required_by_date": "2026-11-25",
    } | row


def _book() -> Book:
    book = Book()
    add = book.delivery.add
    _sound(book, "CLEAN", "3000000")

    # Cut positions: a small part of the value, a large one, all of it, and a lot without a price.
    _with_ira(book, "CUTSOME", "3000010")
    book.lot("3000010", "SCHB", "10", "C-1")
    _sound(book, "CUTMOST", "3000020")
    book.lot("3000020", "SCHB", "500", "C-2")
    book.household("CUTALL")
    book.account("3000030", "CUTALL")
    book.lot("3000030", "VTI", "60", "C-3")
    _sound(book, "NOPRICE", "3000040")
    book.lot("3000040", "QQQX", "1", "C-4", cost_basis="9000.00")

    restricted = {"TYPE": "3000110", "SECURITY": "3000120", "LIMIT": "3000130", "SCOPE": "3000140"}
    for name, number in restricted.items():
        _sound(book, name, number)
    _with_ira(book, "RACCOUNT", "3000150")
    _with_ira(book, "RLOT", "3000160")
    _sound(book, "LOTTYPE", "3000170")
    add(
        "restrictions",
        _restriction("R-1", scope="household", scope_id="TYPE", restriction_type="holdd"),
        _restriction("R-2", scope="household", scope_id="SECURITY", ticker="VTIX"),
        _restriction(
            "R-3", scope="household", scope_id="LIMIT", ticker="VTI", limit_weight="a tenth"
        )
        | {"restriction_type": "concentration_cap"},
        _restriction("R-4", scope="houshold", scope_id="scope", ticker="VTI"),
        _restriction("R-5", scope="account", scope_id="ALPINE:3000150", cusip="000000000"),
        _restriction("R-6", scope="lot", scope_id="ALPINE:3000160:NONE"),
        _restriction("R-7", scope="lot", scope_id="ALPINE:3000170:VTI-1", restriction_type="lok"),
        _restriction("R-8", scope="firm", ticker="TSLQ", restriction_type="do_not_buy"),
        _restriction("R-9", scope="firm", ticker="ZZZQ", restriction_type="sel_only"),
        _restriction("R-10", scope="household", scope_id="NOBODY", ticker="VTI"),
    )

    _sound(book, "BAND", "3000210")
    _sound(book, "TWICE", "3000220")
    _sound(book, "WEIGHT", "3000230")
    targets = book.delivery.files["POLICY", "ips_targets"]
    for row in targets:
        if row["target_key"] == "US Large Cap Equity":
            if row["allocation_group_id"] == "G-BAND":
                row["absolute_band"] = "wide"
            if row["allocation_group_id"] == "G-WEIGHT":
                row["target_weight"] = "sixty"
    add(
        "ips_targets",
        {"allocation_group_id": "G-TWICE", "target_level": "class", "target_weight": "0.60"}
        | {"target_key": "US Large Cap Equity", "valid_from": "2020-01-01"},
    )

    flows = {
        "NEGATIVE": ("3000310", {"amount": "-1000"}),
        "ZERO": ("3000320", {"amount": "0"}),
        "UNREADABLE": ("3000330", {"amount": "much"}),
        "FLOWTYPE": ("3000340", {"flow_type": "withdraw"}),
        "FLOWSTATE": ("3000350", {"state": "requestd"}),
        "CANCELLED": ("3000360", {"state": "cancelled", "amount": "0"}),
    }
    for name, (number, row) in flows.items():
        _with_ira(book, name, number)
        add("cash_flows", _flow(f"F-{name}", number, **row))

    _sound(book, "ACCTYPE", "3000410", account_type="taxble")
    _sound(book, "STATUS", "3000420", account_status="frosen")
    _with_ira(book, "PROFILE", "3000430")
    _with_ira(book, "NOPROFILE", "3000440")
    profiles = book.delivery.files["POLICY", "tax_profiles"]
    profiles[:] = [row for row in profiles if row["tax_unit_id"] != "NOPROFILE"]
    for row in profiles:
        if row["tax_unit_id"] == "PROFILE":
            row["year_to_date_short_term_gain"] = "lots"
    book.household("EMPTY")

    _with_ira(book, "PATTERN", "3000510")
    _sound(book, "OLDROW", "3000520")
    return book


def _policy_violation(entity: str, row: tuple[str, int], scope: str, **more: Any) -> dict[str, Any]:
    return {
        "as_of_date": AS_OF_DATE,
        "custodian": "POLICY",
        "feed": "policy_files",
        "entity": entity,
        "file_name": f"{entity}.csv",
        "source_file_id": row[0],
        "source_row_number": row[1],
        "rule": "value_allowed",
        "severity": "block",
        "scope": scope,
        "observed": "a word of no list",
        "expected": "a word of the list",
        "message": f"{entity}.csv: a word of no list.",
        "who_must_act": "portfolio operations",
    } | more


def _row_of(connection: duckdb.DuckDBPyConnection, entity: str, where: str) -> tuple[str, int]:
    ((file_id, row),) = connection.execute(
        f"select source_file_id, source_row_number from raw.{entity} where {where}"
    ).fetchall()
    return str(file_id), int(row)


@pytest.fixture(scope="module")
def strict_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book of mistakes, built once."""
    path = tmp_path_factory.mktemp("strict") / "warehouse.duckdb"
    create_warehouse(path)
    book = _book()
    book.delivery.add(
        "allocation_groups",
        {"allocation_group_id": "G-OLD", "household_id": "OLDROW", "valid_to": "2010-01-01"},
    )
    book.delivery.add(
        "expected_feeds",
        {"custodian": "IBKR", "entity": "positions", "is_required": "true"},
        {"custodian": "SCHWAB", "entity": "tax_lots", "is_required": "true"},
        {"custodian": "SCHWAB", "entity": "positions", "is_required": "true"},
    )
    for name, number, custodian in (("IB", "3000610", "IBKR"), ("SW", "3000620", "SCHWAB")):
        book.household(name)
        book.account(number, name, custodian=custodian)
    book.delivery.write(path)
    with duckdb.connect(str(path)) as connection:
        refused = {
            "as_of_date": AS_OF_DATE,
            "entity": None,
            "source_row_number": None,
            "rule": "file_complete",
            "severity": "block",
            "scope": "feed",
            "observed": "no end",
            "expected": "a file with its end",
            "message": "The file is cut off.",
            "who_must_act": "operations",
        }
        insert_rows(
            connection,
            "ops.contract_violations",
            [
                _policy_violation(
                    "account_settings",
                    _row_of(connection, "account_settings", "account_number = '3000510'"),
                    "account",
                    account_number="3000510",
                ),
                _policy_violation(
                    "ips_targets",
                    _row_of(
                        connection,
                        "ips_targets",
                        "allocation_group_id = 'G-BAND' and absolute_band = 'wide'",
                    ),
                    "household",
                ),
                _policy_violation(
                    "restrictions",
                    _row_of(connection, "restrictions", "restriction_id = 'R-5'"),
                    "feed",
                ),
                _policy_violation(
                    "cash_flows",
                    _row_of(connection, "cash_flows", "cash_flow_id = 'F-ZERO'"),
                    "account",
                    account_number="3000320",
                ),
                _policy_violation(
                    "tax_profiles",
                    _row_of(connection, "tax_profiles", "tax_unit_id = 'PROFILE'"),
                    "household",
                    household_id="PROFILE",
                ),
                _policy_violation(
                    "allocation_groups",
                    _row_of(connection, "allocation_groups", "allocation_group_id = 'G-OLD'"),
                    "household",
                    household_id="OLDROW",
                ),
                refused
                | {"custodian": "IBKR", "feed": "ibkr_flex", "file_name": "a.xml"}
                | {"source_file_id": "ab"},
                refused
                | {"custodian": "SCHWAB", "feed": "schwab_lot_details", "file_name": "b.csv"}
                | {"source_file_id": "cd"},
            ],
        )
        for custodian, feed, name, file_id, entities in (
            ("IBKR", "ibkr_flex", "a.xml", "ab", ("positions", "tax_lots", "cash_balances")),
            ("SCHWAB", "schwab_lot_details", "b.csv", "cd", ("tax_lots",)),
        ):
            meta = {
                "as_of_date": AS_OF_DATE,
                "custodian": custodian,
                "feed": feed,
                "source_file_id": file_id,
            }
            record_file(connection, meta, name, dict.fromkeys(entities, 0), status="QUARANTINED")
    run_dbt(path, "build", "--select", "tag:book", "--exclude-resource-type", "unit_test")
    return path


WITHHELD = {
    "CUTMOST": "50.0 % of the value",
    "CUTALL": "The value of Account 30 (XXXX0030) is not known",
    "NOPRICE": "of the value is frozen for uncertain value",
    "TYPE": "R-1 is of a type that is not known, so the household is withheld",
    "SECURITY": "R-2 names a security that nothing else in the book knows, so the household is",
    "LIMIT": "R-3 caps a weight but has no limit that can be read, so the household is withheld",
    "SCOPE": "R-4 has a scope that is not known, so the household is withheld",
    "BAND": "a word of no list",
    "TWICE": "has 2 rows in force for US Large Cap Equity in G-TWICE",
    "WEIGHT": "The target_weight sixty in the ips_targets file cannot be read",
}


def test_household_is_withheld_for_what_cannot_be_narrowed_and_nobody_else(
    strict_book: Path,
) -> None:
    states = dict(
        query(strict_book, "select household_id, household_state from marts.dim_households")
    )
    assert {name for name, state in states.items() if state == "withheld"} == set(WITHHELD)
    assert {name for name, state in states.items() if state == "waiting_for_feed"} == {"IB", "SW"}


@pytest.mark.parametrize(("household", "words"), WITHHELD.items())
def test_withheld_household_says_what_stops_it(
    strict_book: Path, household: str, words: str
) -> None:
    ((reason,),) = query(
        strict_book,
        "select state_reason from marts.dim_households where household_id = ?",
        household,
    )
    assert words in reason


FROZEN = {
    "CUTSOME": ("3000010", "its tax lots show holdings that its positions do not"),
    "RACCOUNT": ("3000150", "a restriction of it cannot be applied as written"),
    "RLOT": ("3000160", "a restriction of it cannot be applied as written"),
    "NEGATIVE": ("3000310", "one of its cash flows is not understood"),
    "ZERO": ("3000320", "one of its cash flows is not understood"),
    "UNREADABLE": ("3000330", "one of its cash flows is not understood"),
    "FLOWTYPE": ("3000340", "one of its cash flows is not understood"),
    "FLOWSTATE": ("3000350", "one of its cash flows is not understood"),
    "ACCTYPE": ("3000410", "its account type is not known"),
    "STATUS": ("3000420", "its status frosen is not known"),
    "PROFILE": ("3000430", "its tax profile cannot be read"),
    "PATTERN": ("3000510", "what the firm's own file says of it breaks"),
}


def test_account_is_frozen_and_the_household_s_other_account_is_not(strict_book: Path) -> None:
    blocked = query(
        strict_book,
        """
        select d.household_id, d.account_number_masked, d.trading_blocked_reason
        from marts.dim_accounts as d
        inner join marts.dim_households as h on d.household_id = h.household_id
        where d.is_trading_blocked and h.household_state = 'released'
        """,
    )
    found = {household: (masked[-4:], reason) for household, masked, reason in blocked}
    assert set(found) == set(FROZEN)
    assert len(found) == len(blocked)
    for household, (number, words) in FROZEN.items():
        assert found[household][0] == number[-4:]
        assert words in found[household][1]
    traded = query(
        strict_book,
        """
        select distinct d.household_id from marts.fct_position_constraints as c
        inner join marts.dim_accounts as d on c.account_id = d.account_id
        where d.is_trading_blocked and (c.sellable_quantity > 0 or c.is_buyable)
        """,
    )
    assert traded == []


def test_lots_alone_are_a_share_of_the_value_that_they_complete(strict_book: Path) -> None:
    rows = query(
        strict_book,
        """
        select household_id, market_value, uncertain_value, round(uncertain_weight, 4)
        from intermediate.int_households__states where household_id like 'CUT%' order by 1
        """,
    )
    # 10 SCHB at 20 beside 10,100; 500 SCHB beside 10,000; 60 VTI beside no holding at all.
    assert rows == [
        ("CUTALL", None, None, None),
        ("CUTMOST", 10000, 10000, Decimal("0.5")),
        ("CUTSOME", 10100, 200, Decimal("0.0194")),
    ]


def test_flow_that_is_not_understood_counts_as_nothing(strict_book: Path) -> None:
    rows = query(
        strict_book,
        """
        select bool_or(f.is_due), bool_or(f.is_open), sum(c.flow_reserve + c.contributions_due)
        from marts.fct_cash_flows as f
        inner join marts.fct_account_cash as c on f.account_id = c.account_id
        """,
    )
    assert rows == [(False, False, 0)]


@pytest.mark.parametrize(
    ("rule", "household", "words"),
    [
        ("restriction_names_a_known_thing", None, "so nothing that is held or on the buy list"),
        ("restriction_names_a_known_thing", None, "no household, person or account of the book"),
        ("restriction_can_be_applied", None, "so its security is neither bought nor sold in the"),
        ("restriction_can_be_applied", None, "so its lot is not sold"),
        ("restriction_of_account_can_be_applied", "RLOT", "names a lot that is not known, so noth"),
        ("household_has_accounts", "EMPTY", "Nothing is planned for it"),
        ("taxable_account_has_a_tax_profile", "NOPROFILE", "is missing or lacks the income"),
        ("account_holds_its_lots", "CUTALL", "no holding of it at all"),
        ("account_holds_its_lots", "CUTSOME", "counts as uncertain"),
        ("cash_flow_is_understood", "ZERO", "counts as nothing and its account is not traded"),
        ("value_allowed", "PATTERN", "a word of no list"),
        ("value_allowed", "BAND", "a word of no list"),
        ("value_allowed", "RACCOUNT", "a word of no list"),
        ("value_allowed", "ZERO", "a word of no list"),
    ],
)
def test_violation_names_the_household_and_what_happens(
    strict_book: Path, rule: str, household: str | None, words: str
) -> None:
    messages = query(
        strict_book,
        """
        select message from ops.violations
        where rule = ? and household_id is not distinct from ?
        """,
        rule,
        household,
    )
    assert any(words in message for (message,) in messages), messages


def test_violation_of_a_row_that_has_ended_stops_nothing(strict_book: Path) -> None:
    rows = query(
        strict_book,
        "select severity from ops.violations where household_id = 'OLDROW'",
    )
    assert rows == [("warn",)]


def test_unknown_kind_of_restriction_holds_what_it_names(strict_book: Path) -> None:
    ((sellable, reason),) = query(
        strict_book,
        """
        select c.sellable_quantity, c.reason from marts.fct_position_constraints as c
        where c.household_id = 'LOTTYPE' and c.lot_id is not null
        """,
    )
    assert (sellable, reason) == (0, "a restriction of a kind that is not known")


def test_refused_file_of_several_entities_came_but_could_not_be_used(strict_book: Path) -> None:
    rows = query(
        strict_book,
        """
        select custodian, message from ops.violations where rule = 'required_file_arrived'
        and custodian in ('IBKR', 'SCHWAB') order by 1, 2
        """,
    )
    assert [(custodian, message.split("; ")[0]) for custodian, message in rows] == [
        ("IBKR", "The positions file of IBKR came but could not be used"),
        ("SCHWAB", "The positions file of SCHWAB did not arrive"),
        ("SCHWAB", "The tax_lots file of SCHWAB came but could not be used"),
    ]
