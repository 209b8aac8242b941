"""Cells hold exact numbers, dates as Excel counts them, and rows as high as their text."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_steps.policy import FirmPolicy
from python_steps.reports.layout import (
    LOTS,
    POLICY,
    TRADE_LOTS,
    Column,
    SheetLayout,
    TableLayout,
)
from python_steps.reports.sheet_builder import (
    SheetBuilder,
    column_letter,
    number_text,
    safe_text,
    wrapped_lines,
)
from python_steps.reports.styles import KINDS, VARIANTS, style_book
from python_steps.reports.texts import texts_for

ONE_TABLE = SheetLayout(
    "drift", (TableLayout("drift", (Column("group", "text", 10), Column("amount", "money", 12))),)
)


def builder() -> SheetBuilder:
    return SheetBuilder(ONE_TABLE, texts_for("en"), style_book())


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("money", Decimal("1234.565"), "1234.57"),
        ("money", Decimal("-1234.565"), "-1234.57"),
        ("money", Decimal("-0.004"), "0"),
        ("money", Decimal("1E+9"), "1000000000"),
        ("money", 12, "12"),
        ("percent", Decimal("0.0712345678"), "0.0712345678"),
        ("shares", Decimal("12.3456789012"), "12.3456789012"),
        ("shares", Decimal("100.0000000000"), "100"),
        ("price", Decimal("0.0000000001"), "0.0000000001"),
        ("percent", 0.0193, "0.0193"),
    ],
)
def test_numbers_are_written_exactly(kind, value, text):
    assert number_text(kind, value) == text


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=6))
def test_money_is_never_more_than_half_a_cent_away(value):
    assert abs(Decimal(number_text("money", value)) - value) <= Decimal("0.005")


@pytest.mark.parametrize(
    ("kind", "value"), [("money", 1.5), ("shares", 1.5), ("money", True), ("money", "12")]
)
def test_what_is_not_an_exact_number_is_refused(kind, value):
    with pytest.raises(TypeError):
        number_text(kind, value)


def test_a_date_with_a_time_is_refused():
    layout = SheetLayout("drift", (TableLayout("drift", (Column("group", "date", 10),)),))
    made = SheetBuilder(layout, texts_for("en"), style_book())
    with pytest.raises(TypeError, match="date cell"):
        made.table(layout.tables[0], [{"group": datetime(2026, 11, 19, 1)}], empty="")


@pytest.mark.parametrize(
    ("day", "cell"),
    [
        # As Excel itself counts; the days of 1900 are where libraries differ.
        (date(1900, 1, 1), ("1", False)),
        (date(1900, 2, 28), ("59", False)),
        (date(1900, 3, 1), ("61", False)),
        (date(2026, 11, 19), ("46345", False)),
        (date(9999, 12, 31), ("2958465", False)),
        (date(1899, 12, 31), ("1899-12-31", True)),
    ],
)
def test_a_date_is_counted_as_excel_counts(day, cell):
    layout = SheetLayout("drift", (TableLayout("drift", (Column("group", "date", 10),)),))
    made = SheetBuilder(layout, texts_for("en"), style_book())
    made.table(layout.tables[0], [{"group": day}], empty="", with_heading=False)
    assert made.finished().rows[-1].cells[0][1:] == cell


def test_a_row_without_a_column_is_refused():
    with pytest.raises(KeyError, match="amount"):
        builder().table(ONE_TABLE.tables[0], [{"group": "G1"}], empty="")


def test_an_empty_table_says_why_and_has_no_rows():
    made = builder()
    place = made.table(ONE_TABLE.tables[0], [], empty="Nothing here.", total={"group": "Total"})
    assert place.last_row < place.first_row
    sheet = made.finished()
    texts = [text for row in sheet.rows for _, text, _ in row.cells]
    assert "Nothing here." in texts
    assert "Total" not in texts


@given(st.text(max_size=200))
def test_safe_text_can_always_be_written_as_xml(text):
    from lxml import etree

    element = etree.Element("t")
    element.text = safe_text(text)  # lxml refuses what XML forbids
    assert etree.fromstring(etree.tostring(element)).text in (safe_text(text) or None, None)


def test_column_letters():
    assert [column_letter(index) for index in (0, 25, 26, 77)] == ["A", "Z", "AA", "BZ"]


def test_wrapped_lines_break_at_spaces_and_count_wide_characters_for_more():
    assert wrapped_lines("one two three", 7) == 2
    assert wrapped_lines("a\nb", 10) == 2
    assert wrapped_lines("x" * 25, 10) == 3
    # Two and a half letters each, for they are as wide as they are high, in lines not quite full.
    assert wrapped_lines("再平衡再平衡", 20) == 1
    assert wrapped_lines("再平衡再平衡", 15) == 2
    assert wrapped_lines("再平衡 VTI 再平衡", 20) == 2
    assert wrapped_lines("rebalance · now", 15) == 1
    assert wrapped_lines("", 10) == 1


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (26, "Total Bond Market Index Admiral"),
        (30, "Canadian brokerage account (XXXX0265)"),
        (21, "A-0000028491310967.001.001"),
    ],
)
def test_a_text_that_viewers_break_in_its_column_has_room_for_two_lines(width, text):
    columns = (Column("group", "wrapped", width),)
    made = SheetBuilder(
        SheetLayout("drift", (TableLayout("drift", columns),)), texts_for("en"), style_book()
    )
    made.table(made.layout.tables[0], [{"group": text}], empty="", with_heading=False)
    assert made.finished().rows[-1].height == 28


def test_every_kind_has_every_variant_registered():
    numbers = style_book().numbers
    for kind in KINDS:
        for variant in VARIANTS:
            assert (kind, variant, False) in numbers
    assert len(set(numbers.values())) > 50


@pytest.mark.parametrize("table", [LOTS, TRADE_LOTS])
def test_the_id_of_a_lot_takes_one_line(table):
    """Ids are account, position and lot number: a second line would halve the lots on a page."""
    width = next(column.width for column in table.columns if column.key == "lot_id")
    longest = "A-000009:8681115386.003.0021"
    made = SheetBuilder(
        SheetLayout("lots", (TableLayout("lots", (Column("lot_id", "wrapped", width),)),)),
        texts_for("en"),
        style_book(),
    )
    made.table(made.layout.tables[0], [{"lot_id": longest}], empty="", with_heading=False)
    short = "A-000009:1"
    made.table(made.layout.tables[0], [{"lot_id": short}], empty="", with_heading=False)
    heights = {
        cell[1]: row.height
        for row in made.finished().rows
        for cell in row.cells
        if cell and cell[1] in (longest, short)
    }
    assert heights[longest] == heights[short]


def test_values_of_the_policy_do_not_run_over_the_edge_of_their_table():
    width = next(column.width for column in POLICY.columns if column.key == "value")
    policy = FirmPolicy()
    values = [str(getattr(policy, setting.name)) for setting in fields(policy)]
    assert max(map(len, values)) <= width
