"""Which custodians a rule could be asked of, and prices of which no file states the day.

Belongs here: one book of custodians that state more and less, over two nights: a rule passes only
where it could be asked, and where it could not the results say so and why. What the rules find
stands in test_rules_of_one_night.py and test_rules_between_nights.py.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

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

FIRST, SECOND = date(2026, 11, 18), date(2026, 11, 19)
BOOK_PASS = ("build", "--select", "tag:book", "--exclude-resource-type", "unit_test")
# CEDAR's and DOGWOOD's positions state prices and no day; those of CEDAR stand still.
UNDATED = {"CEDAR": ("3000001", "10", "10"), "DOGWOOD": ("4000001", "10", "11")}


def _book(day: date) -> Book:
    is_first = day == FIRST
    book = Book(day)
    book.household("ASKED")
    for number in ("1000001", "1000002", "1000003"):
        book.account(number, "ASKED")
    book.position("1000001", "VTI", "60")
    # Ten more on the second night, of which no transaction tells.
    book.position("1000002", "VTI", "60" if is_first else "70")
    book.position("1000003", "VTI", "60")
    book.account("1000004", "ASKED", cash=None)
    book.position("1000004", "VTI", "60")
    book.account("2000001", "ASKED", custodian="BETA")
    book.position("2000001", "VTI", "60", lots=(), custodian="BETA")
    book.lot("2000001", "VTI", "60", "B-1", custodian="BETA", term="")
    for custodian, (number, *prices) in UNDATED.items():
        book.account(number, "ASKED", custodian=custodian)
        for place in range(6):
            ticker = f"{custodian[0]}U{'ABCDEF'[place]}"
            book.delivery.add("securities", ETF | {"ticker": ticker, "security_name": ticker})
            price = prices[0 if is_first else 1]
            book.position(
                number,
                ticker,
                "10",
                lots=(),
                custodian=custodian,
                price=price,
                price_date="",
                market_value=f"{int(price) * 10}.00",
            )
    # A date of birth that cannot be read is nobody's business beyond its file.
    book.delivery.add(
        "persons",
        {"person_id": "P-1", "display_name": "Casey van Clean", "birth_date": "13/45/1950"},
        {"person_id": "P-2", "display_name": "Robin Sound", "birth_date": "1951-02-03"},
    )
    # Nothing here is taxed on its gains: the rules about that are not about this custodian.
    book.account("5000001", "ASKED", custodian="ELM", account_type="roth_ira")
    book.position("5000001", "VTI", "60", lots=(), custodian="ELM")
    return book


def _second_opinions(connection: duckdb.DuckDBPyConnection, day: date) -> None:
    """Statements beside the feed, which states dollars alone."""
    for number, balances in (
        ("1000001", (("USD", "200"), ("EUR", "50"))),
        ("1000002", (("USD", "two hundred"),)),
        ("1000003", (("USD", "200"), ("EUR", "0"))),
    ):
        meta = {"as_of_date": day, "custodian": "ALPINE", "feed": "ofx"}
        meta |= {"source_file_id": f"statement-{number}-{day}"}
        insert_rows(
            connection,
            "raw.cash_balances",
            [
                meta
                | {"source_row_number": row, "account_number": number}
                | {"currency": currency, "trade_date_balance": balance}
                for row, (currency, balance) in enumerate(balances, start=7)
            ],
        )
        record_file(connection, meta, f"{number}.ofx", {"cash_balances": len(balances)})
    connection.execute("update ops.source_files set feed_role = 'cross_check' where feed = 'ofx'")


def _broken_contract(connection: duckdb.DuckDBPyConnection, day: date) -> None:
    """What the checks of the columns and of a mapped file say of the same cell."""
    for row, observed in enumerate(
        ("birth_date = '13/45/1950'", "column birth_date: 13/45/1950"), start=2
    ):
        violation = {"as_of_date": day, "custodian": "ALPINE", "feed": "standard_feed"}
        violation |= {"entity": "persons", "rule": "birth_date_is_date", "severity": "warn"}
        violation |= {"scope": "feed", "source_row_number": row, "observed": observed}
        message = f"persons.csv, row {row}: found {observed}; expected a date. Ask for the row."
        insert_rows(connection, "ops.contract_violations", [violation | {"message": message}])


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("asked") / "warehouse.duckdb"
    create_warehouse(path)
    for day in (FIRST, SECOND):
        _book(day).delivery.write(path)
        with duckdb.connect(str(path)) as connection:
            _second_opinions(connection, day)
            _broken_contract(connection, day)
        run_dbt(path, *BOOK_PASS, as_of_date=day)
        run_dbt(path, "run", "--select", "fct_tax_lots", "fct_positions", as_of_date=day)
    return path


def _results(path: Path, rule: str, day: date = SECOND) -> dict[tuple[str, str], list[str]]:
    """Messages of each outcome and scope id of a rule."""
    found: dict[tuple[str, str], list[str]] = {}
    for outcome, scope, scope_id, custodian, message in query(
        path,
        "select outcome, scope, scope_id, custodian, message from marts.fct_data_quality_results "
        "where rule = ? and as_of_date = ? order by scope_id, message",
        rule,
        day,
    ):
        if outcome == "not_evaluated":
            assert (scope, custodian) == ("custodian", scope_id)
        found.setdefault((outcome, scope_id if outcome == "not_evaluated" else ""), []).append(
            message
        )
    return found


NO_NIGHT = "There is no earlier night to compare with."
NOT_TOLD = "Tonight's files tell no transactions of accounts that the last night held."
NO_LOTS = "No file tells tax lots of its accounts."


def test_a_rule_that_holds_says_for_whom_and_who_could_not_be_asked(nights: Path) -> None:
    # Of the fourth account of ALPINE no cash is known.
    assert _results(nights, "cash_rolls_forward") == {
        ("passed", ""): ["The rule holds for: ALPINE (3 of 4 accounts)."],
        ("not_evaluated", "BETA"): [f"BETA: {NOT_TOLD}"],
        ("not_evaluated", "CEDAR"): [f"CEDAR: {NOT_TOLD}"],
        ("not_evaluated", "DOGWOOD"): [f"DOGWOOD: {NOT_TOLD}"],
        ("not_evaluated", "ELM"): [f"ELM: {NOT_TOLD}"],
    }
    # ELM has no account that the rule is about.
    assert _results(nights, "term_agrees_with_dates") == {
        ("passed", ""): ["The rule holds for: ALPINE."],
        ("not_evaluated", "BETA"): ["BETA: No file states the term of a lot."],
        ("not_evaluated", "CEDAR"): [f"CEDAR: {NO_LOTS}"],
        ("not_evaluated", "DOGWOOD"): [f"DOGWOOD: {NO_LOTS}"],
    }


def test_a_rule_that_is_broken_at_one_custodian_says_where_else_it_could_not_be_asked(
    nights: Path,
) -> None:
    results = _results(nights, "quantity_rolls_forward")
    assert set(results) == {("broken", "")} | {
        ("not_evaluated", custodian) for custodian in ("BETA", "CEDAR", "DOGWOOD", "ELM")
    }
    assert len(results["broken", ""]) == 1


def test_a_rule_that_could_be_asked_nowhere_has_no_row_of_the_book(nights: Path) -> None:
    results = _results(nights, "quantity_rolls_forward", FIRST)
    assert results == {
        ("not_evaluated", custodian): [f"{custodian}: {NO_NIGHT}"]
        for custodian in ("ALPINE", "BETA", "CEDAR", "DOGWOOD", "ELM")
    }
    # ALPINE's second source speaks of cash alone.
    assert _results(nights, "second_source_agrees_on_positions").keys() == results.keys()


def test_a_rule_that_needs_accounts_alone_holds_everywhere(nights: Path) -> None:
    assert _results(nights, "account_has_an_ips") == {
        ("passed", ""): ["The rule holds everywhere in the book."]
    }
    # All of them could be asked.
    assert _results(nights, "market_value_is_quantity_times_price") == {
        ("passed", ""): ["The rule holds everywhere in the book."]
    }


def test_every_result_has_one_key_and_no_custodian_is_both_asked_and_not(nights: Path) -> None:
    for day in (FIRST, SECOND):
        rows = query(
            nights,
            "select exception_key from marts.fct_data_quality_results where as_of_date = ?",
            day,
        )
        assert len(set(rows)) == len(rows) > 100
    both = query(
        nights,
        """
        select unasked.rule, unasked.custodian
        from marts.fct_data_quality_results as unasked
        inner join marts.fct_data_quality_results as found
            on unasked.as_of_date = found.as_of_date and unasked.rule = found.rule
            and unasked.custodian = found.custodian and not found.is_passed
        where unasked.outcome = 'not_evaluated'
        """,
    )
    assert both == []
    unknown = query(
        nights,
        "select distinct rule from intermediate.int_rules__asked "
        "where rule not in (select rule from staging.seed_data_quality_rules)",
    )
    assert unknown == []


def test_a_price_without_a_day_is_told_once_for_its_feed_and_kept_as_such(nights: Path) -> None:
    told = query(
        nights,
        "select custodian, scope, severity, observed from marts.fct_data_quality_results "
        "where rule = 'price_date_is_stated' and as_of_date = ? order by all",
        SECOND,
    )
    observed = "prices of 6 securities without their day"
    assert told == [("CEDAR", "feed", "info", observed), ("DOGWOOD", "feed", "info", observed)]
    stated = query(
        nights,
        "select distinct left(ticker, 2), price_date, is_price_date_stated "
        "from marts.dim_securities "
        "where as_of_date = ? and (ticker = 'VTI' or substr(ticker, 2, 1) = 'U') order by all",
        SECOND,
    )
    assert stated == [("CU", SECOND, False), ("DU", SECOND, False), ("VT", SECOND, True)]
    # How old such a price is, nobody can say.
    assert _results(nights, "price_is_recent") == {
        ("passed", ""): ["The rule holds for: ALPINE, BETA, ELM."],
        **{
            ("not_evaluated", name): [
                f"{name}: No file states the day of the prices of its holdings."
            ]
            for name in ("CEDAR", "DOGWOOD")
        },
    }


def test_undated_prices_that_all_stand_still_are_told(nights: Path) -> None:
    found = query(
        nights,
        "select custodian, severity, observed from marts.fct_data_quality_results "
        "where rule = 'undated_prices_have_moved' and not is_passed",
    )
    observed = "the prices of all 6 listed holdings as on 2026-11-18"
    assert found == [("CEDAR", "warn", observed)]


def test_cash_of_a_second_source_alone_is_told_and_so_is_what_cannot_be_read(nights: Path) -> None:
    found = query(
        nights,
        """
        select a.account_number, r.observed
        from marts.fct_data_quality_results as r
        inner join intermediate.int_accounts__identified as a on r.account_id = a.account_id
        where r.rule = 'second_source_agrees_on_cash' and r.as_of_date = ? order by all
        """,
        SECOND,
    )
    assert found == [
        ("1000001", "none in the first source, 50.000000 in ofx (EUR)"),
        ("1000002", "200.000000 in standard_feed, an unreadable balance in ofx (USD)"),
    ]


def test_of_people_neither_names_nor_days_of_birth_are_published(nights: Path) -> None:
    people = query(
        nights,
        "select person_id, initials, birth_year from marts.dim_persons "
        "where as_of_date = ? order by all",
        SECOND,
    )
    assert people == [("P-1", "C. V. C.", None), ("P-2", "R. S.", 1951)]
    told = query(
        nights,
        "select rule, observed, message from ops.violations "
        "where as_of_date = ? and (observed like '%birth%' or message like '%birth%') order by all",
        SECOND,
    )
    assert [(rule, observed) for rule, observed, _ in told] == [
        ("birth_date_is_date", "birth_date = a personal value"),
        ("birth_date_is_date", "column birth_date: a personal value"),
        ("reference_values_can_be_read", "birth_date = a personal value"),
    ]
    assert told[1][2] == (
        "persons.csv, row 3: found column birth_date: a personal value; expected a date. "
        "Ask for the row."
    )
    with duckdb.connect(str(nights), read_only=True) as connection:
        columns = connection.execute(
            "select schema_name, table_name, column_name from duckdb_columns() "
            "where schema_name in ('marts', 'ops') and data_type in ('VARCHAR', 'DATE') "
            "and table_name not like '%contract_violations' and not internal"
        ).fetchall()
        found = [
            (table, column)
            for schema, table, column in columns
            for (text,) in connection.execute(
                f'select distinct cast("{column}" as varchar) from {schema}."{table}"'
            ).fetchall()
            if text and any(part in text for part in ("13/45/1950", "1951-02-03", "Sound", "Casey"))
        ]
    assert found == []
