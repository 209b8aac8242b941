from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_steps.feeds.fixed_width import Field, FieldError, field_text, iso_date, physical_lines

#       0        1         2         3
#       123456789012345678901234567890123456
LINE = "ABC  000000012345-20261119 José  "
NAME = Field("name", 1, 5)
QUANTITY = Field("quantity", 6, 17, "number", decimals=5, sign_at=18)
DAY = Field("day", 19, 26, "date", date_format="%Y%m%d")


def test_text_is_stripped() -> None:
    assert field_text(LINE, NAME) == "ABC"
    assert field_text(LINE, Field("person", 28, 33)) == "José"


def test_number_has_its_implied_decimals_and_its_sign_from_another_column() -> None:
    assert field_text(LINE, QUANTITY) == "-0.12345"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("00001234", "12.34"),
        ("    1234", "12.34"),
        ("1234    ", "12.34"),
        ("-0001234", "-12.34"),
        ("0001234-", "-12.34"),
        ("+0001234", "12.34"),
        ("00000000", "0.00"),
        ("-0000000", "0.00"),
        ("       5", "0.05"),
        ("        ", ""),
        ("", ""),
    ],
)
def test_number_of_two_implied_decimals(line: str, expected: str) -> None:
    assert field_text(line, Field("amount", 1, 8, "number", decimals=2)) == expected


def test_a_written_point_stands_where_no_decimals_are_implied() -> None:
    assert field_text("   12.50", Field("amount", 1, 8, "number")) == "12.50"
    assert field_text("     .50", Field("amount", 1, 8, "number")) == "0.50"


@pytest.mark.parametrize("sign", ["+", " "])
def test_a_sign_that_is_not_minus_leaves_the_number(sign: str) -> None:
    field = Field("amount", 1, 4, "number", decimals=2, sign_at=5)
    assert field_text(f"1234{sign}", field) == "12.34"


def test_a_blank_sign_at_the_end_of_a_trimmed_line_is_no_minus() -> None:
    assert field_text("1234", Field("amount", 1, 4, "number", decimals=2, sign_at=5)) == "12.34"


def test_signs_of_another_alphabet() -> None:
    field = Field("cash", 1, 4, "number", sign_at=5, minus_signs="D", plus_signs="C")
    assert field_text("0050D", field) == "-50"
    assert field_text("0050C", field) == "50"
    with pytest.raises(FieldError, match="the sign '-' in column 5"):
        field_text("0050-", field)


@pytest.mark.parametrize("text", ["12X4", "1 34", "1,34", "--12", "١٢٣٤", "1.23", "1e34"])
def test_not_digits(text: str) -> None:
    with pytest.raises(FieldError) as found:
        field_text(text, Field("amount", 1, 4, "number", decimals=2))
    assert repr(text) in found.value.observed


def test_a_line_that_ends_inside_a_number_is_refused() -> None:
    with pytest.raises(FieldError, match="cut off inside columns 6-17"):
        field_text(LINE[:12], QUANTITY)


def test_dates() -> None:
    assert field_text(LINE, DAY) == "2026-11-19"
    assert field_text(" " * 26, DAY) == ""
    assert field_text("0" * 26, DAY) == ""
    assert iso_date("1/5/2026", "%m/%d/%Y") == "2026-01-05"
    assert iso_date("19NOV26", "%d%b%y") == "2026-11-19"


@pytest.mark.parametrize("text", ["20261131", "2026119 ", "11192026", "2026111X"])
def test_impossible_dates(text: str) -> None:
    with pytest.raises(FieldError, match="no date of the form %Y%m%d"):
        field_text(text, Field("day", 1, 8, "date", date_format="%Y%m%d"))


def test_lines_keep_their_numbers_and_the_characters_inside_them() -> None:
    content = "first\r\n\nthird\x0b\u2028still third\n"
    assert list(physical_lines(content)) == [
        (1, "first"),
        (2, ""),
        (3, "third\x0b\u2028still third"),
    ]
    assert list(physical_lines("no end")) == [(1, "no end")]
    assert list(physical_lines("")) == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"start": 0, "end": 4},
        {"start": 5, "end": 4},
        {"start": 1, "end": 8, "kind": "date"},
        {"start": 1, "end": 8, "date_format": "%Y%m%d"},
        {"start": 1, "end": 8, "decimals": 2},
        {"start": 1, "end": 8, "sign_at": 9},
        {"start": 1, "end": 8, "kind": "number", "sign_at": 0},
        {"start": 1, "end": 8, "kind": "number", "decimals": -1},
    ],
)
def test_impossible_fields_cannot_be_made(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="field wrong"):
        Field("wrong", **arguments)  # type: ignore[arg-type]


@given(st.decimals(-(10**9), 10**9, places=5))
def test_every_number_comes_back_exactly(number: Decimal) -> None:
    digits = str(abs(int(number.scaleb(5)))).rjust(16, "0")
    line = f"..{digits}{'-' if number < 0 else '+'}.."
    read = field_text(line, Field("n", 3, 18, "number", decimals=5, sign_at=19))
    assert Decimal(read) == number
    assert read.partition(".")[2] == digits[-5:]
