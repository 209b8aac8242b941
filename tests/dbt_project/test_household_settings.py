"""Settings of households in the book: what holds and where it comes from, what is refused, drift.

One warehouse; the contract judges the settings file as it does in a night. VTI is 100, BND 50.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from data_contracts.contract import load_contracts
from data_contracts.suites import check_table
from tests.dbt_project.book_fixture import Book
from tests.dbt_project.warehouse_fixture import (
    AS_OF_DATE,
    create_warehouse,
    insert_rows,
    query,
    run_dbt,
)

BOOK_PASS = ("build", "--select", "tag:book", "--exclude-resource-type", "unit_test")
D = Decimal

SETTINGS: Mapping[str, dict[str, str]] = {
    "AFTER": {"allocation_basis": "after_tax"},
    "NORATE": {"allocation_basis": "after_tax"},
    "RANGE": {"location_years": "21"},
    "TEXT": {"turnover_price": "a little", "trade_to": "edge"},
    "WORD": {"trade_to": "sideways"},
    "QUARTER": {"check_frequency": "quarterly"},
    "REVIEWS": {"rebalance_trigger": "calendar"},
    "BANDS": {"rebalance_trigger": "threshold"},
    "LOOSE": {"default_band_rule": "looser", "trade_to": "edge", "inner_share": "0.25"},
    "NOBODY": {"trade_to": "edge"},
}


def _book() -> Book:
    book = Book()
    for place, name in enumerate(("PLAIN", *SETTINGS)):
        if name == "NOBODY":
            continue
        book.household(name, stocks="0.50", bonds="0.48")
        # 60 % stocks at market value: 6,000 of 10,000.
        book.account(f"41000{place:02}", name, cash="200")
        book.position(f"41000{place:02}", "VTI", "60")
        book.account(f"42000{place:02}", name, account_type="traditional_ira", cash="0")
        book.position(f"42000{place:02}", "BND", "76")
    return book


def _change(book: Book, entity: str, key: str, value: str, **changes: str) -> None:
    (rows,) = (found for (_, name), found in book.delivery.files.items() if name == entity)
    for row in rows:
        if row[key] == value:
            row.update(changes)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("settings") / "warehouse.duckdb"
    create_warehouse(path)
    built = _book()
    built.delivery.add(
        "household_settings",
        *({"household_id": name} | settings for name, settings in SETTINGS.items()),
        {"household_id": "", "trade_to": "edge"},
    )
    _change(built, "households", "household_id", "PLAIN", report_language="")
    _change(built, "tax_profiles", "household_id", "AFTER", expected_retirement_rate="0.2")
    # A rate that is none: the whole of the account.
    _change(built, "tax_profiles", "household_id", "NORATE", expected_retirement_rate="1")
    _change(built, "allocation_groups", "household_id", "BANDS", last_review_date="2025-01-02")
    _change(built, "allocation_groups", "household_id", "QUARTER", last_review_date="2026-10-01")
    for row in next(
        found for (_, name), found in built.delivery.files.items() if name == "ips_targets"
    ):
        if (row["allocation_group_id"], row["target_key"]) == ("G-PLAIN", "US Large Cap Equity"):
            row |= {"check_frequency": "monthly", "last_check_date": "2026-11-02"}
        if (row["allocation_group_id"], row["target_key"]) == ("G-WORD", "US Large Cap Equity"):
            row |= {"target_key": "", "absolute_band": "0.05"}
    built.delivery.write(path)
    with duckdb.connect(str(path)) as connection:
        _judge(connection)
    run_dbt(
        path,
        *BOOK_PASS,
        location_years="2",
        settings_stated_by_firm="location_years",
        report_language="zh-Hans",
    )
    return path


def _judge(connection: duckdb.DuckDBPyConnection) -> None:
    """The contract's verdict on the file, as the night writes it."""
    received = connection.sql("select * from raw.household_settings").to_arrow_table()
    found = check_table(load_contracts()["policy_files"], "household_settings", received)
    rows: list[dict[str, Any]] = [
        {
            "as_of_date": AS_OF_DATE,
            "custodian": "POLICY",
            "feed": "policy_files",
            "entity": "household_settings",
            "file_name": "household_settings.csv",
            "source_file_id": file_id,
            "source_row_number": each.source_row_number,
            "rule": each.rule,
            "severity": each.severity,
            "scope": each.scope,
            "household_id": each.household_id,
            "observed": each.observed,
            "expected": each.expected,
            "message": each.message,
            "who_must_act": each.who_must_act,
        }
        for each, file_id in zip(found.violations, found.source_file_ids, strict=True)
    ]
    insert_rows(connection, "ops.contract_violations", rows)


def setting(path: Path, household: str, name: str) -> tuple[Any, ...]:
    (row,) = query(
        path,
        "select setting_value, unit, origin, source_file_name is not null, source_row_number, "
        "is_usable from marts.fct_household_settings "
        "where household_id = ? and setting = ? and subject_type = 'household'",
        household,
        name,
    )
    return row


def test_a_household_without_a_report_language_has_the_firms(book: Path) -> None:
    languages = dict(query(book, "select household_id, report_language from marts.dim_households"))
    assert languages.pop("PLAIN") == "zh-Hans"
    assert set(languages.values()) == {"en"}


def test_a_setting_is_the_households_or_the_firms_or_the_documented_default(book: Path) -> None:
    assert setting(book, "LOOSE", "inner_share")[:4] == (
        "0.25", "share of the half-width", "household", True,
    )  # fmt: skip
    assert setting(book, "PLAIN", "location_years") == ("2", "years", "firm", True, None, True)
    assert setting(book, "PLAIN", "trade_to") == ("target", "word", "built_in", False, None, True)
    assert setting(book, "PLAIN", "annual_gains_budget")[:3] == (
        None, "dollars a year", "built_in",
    )  # fmt: skip
    assert setting(book, "PLAIN", "allows_short_term_gains")[:3] == (
        "false", "true or false", "household",
    )  # fmt: skip


def test_a_row_of_the_file_can_be_found_again(book: Path) -> None:
    row_number = setting(book, "LOOSE", "trade_to")[4]
    assert query(
        book, "select household_id from raw.household_settings where source_row_number = ?",
        row_number,
    ) == [("LOOSE",)]  # fmt: skip


def test_every_household_has_every_setting(book: Path) -> None:
    counts = query(
        book,
        "select count(*), count(distinct setting) from marts.fct_household_settings "
        "where subject_type = 'household' group by household_id",
    )
    assert set(counts) == {(21, 21)}


def test_what_a_target_or_an_account_says_stands_beside_it(book: Path) -> None:
    rows = query(
        book,
        "select subject_type, subject, setting, setting_value from marts.fct_household_settings "
        "where household_id = 'PLAIN' and subject_type <> 'household' order by all",
    )
    assert [row[2:] for row in rows if row[0] == "account"] == [("lot_method", "HIFO")] * 2
    assert ("target", "G-PLAIN US Large Cap Equity", "check_frequency", "monthly") in rows


@pytest.mark.parametrize(
    ("household", "name", "value", "allowed"),
    [
        ("RANGE", "location_years", "21", "0 to 20 (years)"),
        ("TEXT", "turnover_price", "a little", "a number"),
        ("WORD", "trade_to", "sideways", "one of target, inner, edge"),
    ],
)
def test_a_bad_setting_withholds_its_household_and_is_not_replaced(
    book: Path, household: str, name: str, value: str, allowed: str
) -> None:
    (state,) = query(
        book, "select household_state, state_reason from marts.dim_households "
        "where household_id = ?", household,
    )  # fmt: skip
    assert state[0] == "withheld"
    for words in (f"household {household}", f"{name} = '{value}'", allowed, "row "):
        assert words in state[1]
    assert setting(book, household, name)[0] == value
    assert setting(book, household, name)[5] is False


def test_other_households_are_released(book: Path) -> None:
    withheld = query(
        book, "select household_id from marts.dim_households where household_state <> 'released'"
    )
    assert sorted(withheld) == [("NORATE",), ("RANGE",), ("TEXT",), ("WORD",)]


def test_weights_count_after_tax_where_the_household_wants_it(book: Path) -> None:
    """The IRA's 3,800 of bonds are 3,040 after 20 %: of 9,240 stocks are 6,000, bonds 3,040."""
    rows = query(
        book,
        "select household_id, asset_class, actual_weight, pre_tax_weight, after_tax_weight, "
        "market_value, after_tax_value, value_basis, over_under_amount "
        "from marts.fct_household_drift where household_id in ('AFTER', 'PLAIN') "
        "and asset_class <> 'Cash' order by all",
    )
    found = {row[:2]: row[2:] for row in rows}
    bonds = found["AFTER", "Investment Grade Bonds"]
    assert bonds[0] == bonds[2] == round(D(3040) / D(9240), 10)
    assert bonds[1] == D("0.38")
    assert bonds[3:6] == (D(3800), D(3040), "after_tax")
    assert bonds[6] == round(D(3040) - D("0.48") * D(9240), 6)
    plain = found["PLAIN", "Investment Grade Bonds"]
    assert plain == (D("0.38"), D("0.38"), None, D(3800), None, "pre_tax", D(-1000))
    assert query(
        book,
        "select market_value, after_tax_value, value_basis from marts.fct_drift_summary "
        "where household_id = 'AFTER'",
    ) == [(D(10000), D(9240), "after_tax")]


def test_a_retirement_rate_is_never_assumed(book: Path) -> None:
    (state,) = query(
        book, "select state_reason from marts.dim_households where household_id = 'NORATE'"
    )
    for words in ("Household NORATE", "tax profile of NORATE", "expected_retirement_rate"):
        assert words in state[0]
    assert (
        query(book, "select * from marts.fct_household_drift where household_id = 'NORATE'") == []
    )


def test_what_is_not_checked_tonight_triggers_nothing(book: Path) -> None:
    rows = query(
        book,
        "select household_id, trigger_reasons, is_rebalance_due, next_check_date "
        "from marts.fct_drift_summary where household_id in ('QUARTER', 'REVIEWS', 'BANDS') "
        "order by all",
    )
    assert rows == [
        ("BANDS", "band", True, AS_OF_DATE),
        ("QUARTER", None, False, date(2027, 1, 1)),
        ("REVIEWS", None, False, AS_OF_DATE),
    ]


def test_a_class_is_checked_on_its_own_nights(book: Path) -> None:
    rows = query(
        book,
        "select asset_class, check_frequency, next_check_date, is_check_due, is_breach "
        "from marts.fct_household_drift where household_id = 'PLAIN' order by all",
    )
    assert rows == [
        ("Cash", "nightly", AS_OF_DATE, True, False),
        ("Investment Grade Bonds", "nightly", AS_OF_DATE, True, True),
        ("US Large Cap Equity", "monthly", date(2026, 12, 2), False, True),
    ]


def test_a_looser_rule_makes_wider_bands(book: Path) -> None:
    """Of 50 %: tighter of 5 points and a fifth is 5, looser 10."""
    rows = query(
        book,
        "select household_id, upper_band_weight from marts.fct_household_drift "
        "where household_id in ('LOOSE', 'PLAIN') and asset_class = 'US Large Cap Equity' "
        "order by all",
    )
    assert rows == [("LOOSE", D("0.6")), ("PLAIN", D("0.55"))]


def test_settings_of_nobody_are_told(book: Path) -> None:
    (found,) = query(
        book,
        "select severity, message from ops.violations "
        "where rule = 'settings_name_a_known_household'",
    )
    assert found[0] == "warn"
    assert "NOBODY" in found[1]


def test_a_row_that_names_nothing_is_told_and_stops_no_night(book: Path) -> None:
    """A setting of no household, a target of nothing: no message has a name to speak of."""
    found = dict(
        query(
            book,
            "select rule, message from ops.violations where file_name like '%settings%' "
            "and household_id is null or rule = 'target_key_is_known'",
        )
    )
    assert "household_id = ''" in found["household_id_is_present"]
    assert "NOBODY" in found["settings_name_a_known_household"]
    assert "does not say what it is about" in found["target_key_is_known"]
