"""The casts of staging: every spelling of a number in custodians' files, and no look-alike.

The macros are rendered by themselves and run on DuckDB: no model is built.
"""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pytest

from tests.dbt_project.warehouse_fixture import DBT_PROJECT


@pytest.fixture(scope="module")
def macros():
    from jinja2 import Environment

    source = (DBT_PROJECT / "macros" / "casting.sql").read_text(encoding="utf-8")
    return Environment().from_string(source).module  # noqa: S701 - SQL, not a page


@pytest.fixture(scope="module")
def cast(macros):
    """The value that a cast makes of a text."""

    def value(kind: str, text: str | None):
        statement = f"select {macros.cast_column('given', kind)} from (select $1::varchar as given)"
        with duckdb.connect() as connection:
            return connection.execute(statement, [text]).fetchall()[0][0]

    return value


AMOUNTS = {
    "$1,234.56": "1234.56",
    "-$1.23": "-1.23",
    "$-1.23": "-1.23",
    "+$1": "1",
    "- $5": "-5",
    "($1.00)": "-1.00",
    "(1,234.00)": "-1234",
    '"$12.00 "': "12",
    "$0.00 0.00%": "0",
    "$12.50 -3.10%": "12.50",
    "-$12.50 +3.10%": "-12.50",
    "-2.6E-4": "-0.00026",
    "000123": "123",
    "-000123.50": "-123.50",
    "+5": "5",
    "5-": "-5",
    "1,234.50-": "-1234.50",
    ".5": "0.5",
    "$.50": "0.5",
    "5.": "5",
    " 12 ": "12",
    "1,234,567.891": "1234567.891",
    "99999999999.25": "99999999999.25",
}

NO_AMOUNTS = [
    "--5",
    "+-5",
    "-$-5",
    "-5-",
    "(-5)",
    "(5)-",
    "((5))",
    "(5",
    "5)",
    "5%",
    "+0.32%",
    "(5%)",
    "1_000",
    "0x10",
    "1,23",
    "12,34.50",
    "1.234,50",
    "1 000",
    "5 shares",
    "1.2.3",
    "$",
    ".",
    "infinity",
    "nan",
    "5e",
]


@pytest.mark.parametrize(("text", "expected"), AMOUNTS.items())
@pytest.mark.parametrize("kind", ["money", "quantity"])
def test_every_known_spelling_of_an_amount_is_read(cast, kind, text, expected):
    assert cast(kind, text) == Decimal(expected)


@pytest.mark.parametrize("text", NO_AMOUNTS)
@pytest.mark.parametrize("kind", ["money", "quantity"])
def test_what_is_no_amount_is_a_reject(cast, kind, text):
    assert cast(kind, text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.6", "0.6"),
        ("+0.32%", "0.0032"),
        ("60%", "0.6"),
        ("60 %", "0.6"),
        ("-1.5%", "-0.015"),
        ("(1.5%)", "-0.015"),
        ("1.5%-", None),
        ("1.5 3%", None),
        ("$60", None),
        ("--5%", None),
        ("60%%", None),
        ("1_0", None),
    ],
)
def test_a_share_may_be_written_in_per_cent(cast, text, expected):
    assert cast("weight", text) == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026", 2026),
        (" 7 ", 7),
        ("+7", 7),
        ("-7", -7),
        ("007", 7),
        ("2026.0", 2026),
        ("0x10", None),
        ("0b1", None),
        (".5", None),
        ("1.5", None),
        ("1_000", None),
        ("1e3", None),
        ("1,000", None),
        ("--5", None),
        ("99999999999", None),
        ("", None),
    ],
)
def test_a_whole_number_is_written_in_digits(cast, text, expected):
    assert cast("integer", text) == expected


@pytest.mark.parametrize("kind", ["money", "quantity", "weight", "integer"])
def test_a_column_that_a_file_does_not_have_is_no_number(cast, kind):
    assert cast(kind, None) is None
    assert cast(kind, "--") is None


def test_what_cannot_be_read_is_told_with_its_column(macros):
    casts = {"quantity": "quantity", "year": "integer", "price": "quantity"}
    statement = (
        f"select {macros.rejected_values(casts)} "
        "from (select '--5' as quantity, '0x10' as year, '--' as price)"
    )
    with duckdb.connect() as connection:
        ((rejected,),) = connection.execute(statement).fetchall()
    assert rejected == [
        {"column_name": "quantity", "value": "--5"},
        {"column_name": "year", "value": "0x10"},
    ]
