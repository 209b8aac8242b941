"""One sheet in the making: rows of values become rows of cells, exactly and safely.

Belongs here: how a value of a kind becomes a cell (exact numbers, text that can never be a formula
or break the XML), the flow of titles, tables and facts down a sheet, and the plain description that
comes of it. Does not belong here: which tables there are (layout), what they hold (fillers), any
file format (workbook_writer, plain_workbook).
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple

from python_steps.reports.layout import Column, SheetLayout, TableLayout
from python_steps.reports.styles import KINDS, TEXT_KINDS, StyleBook, may_be_a_formula
from python_steps.reports.texts import Texts
from python_steps.reports.translation import SOURCE_LANGUAGE

CENT: Final = Decimal("0.01")
LONGEST_CELL_TEXT: Final = 32_767
LONGEST_SHEET_NAME: Final = 31
LONGEST_OPTIONS: Final = 255  # characters of the choices of a cell, with the commas between them

_LINE_HEIGHT: Final = 13.0
_USUAL_ROW_HEIGHT: Final = 15.0
# A width is counted in digits of 11 points; text of 10 points is narrower (about 1.35 measured).
_CHARACTERS_PER_WIDTH: Final = 1.3
_INDENT: Final = 4.5  # characters lost at both sides of a cell and where a line ends early
_HIGHEST_ROW: Final = 400.0  # Excel allows 409 points
_FIRST_WIDE_CHARACTER: Final = 0x2E80
# Their fonts have wider Latin letters and higher lines, and no line begins with a full stop.
_ROOM_OF_WIDE_TEXT: Final = 0.78
# Width and height of a US Letter page between its margins, landscape and portrait.
_PAGE_POINTS: Final = {False: (734.0, 504.0), True: (554.0, 684.0)}
_POINTS_PER_WIDTH: Final = 5.25  # a digit of 11 points is 7 pixels of 96 to the inch
_POINTS_BESIDE_WIDTH: Final = 3.75
# Characters per width, and points per line, of a sentence across columns: banners are larger.
_PARAGRAPH_ROOM: Final[Mapping[str, tuple[float, float]]] = {
    "sentence": (1.05, 15.5),
    "banner_calm": (0.75, 19.0),
    "banner_attention": (0.75, 19.0),
}
# Ids and hashes are digits and capitals, which are wider than the letters of a sentence.
_LONG_WORD: Final = 15
_WIDER: Final = 4  # so many of them take the room of one more
_WITHOUT_WIDE: Final = str.maketrans("", "", string.digits + string.ascii_uppercase)

_SERIAL_DAY_ZERO: Final = date(1899, 12, 30)
_FIRST_SERIAL_DAY: Final = date(1900, 1, 1)
# Excel counts a 29 February 1900, which there was not: days before it have one number less.
_FIRST_DAY_AFTER_THE_GAP: Final = date(1900, 3, 1)
_NOT_IN_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPE_LOOKALIKE: Final = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_NOT_IN_SHEET_NAME: Final = re.compile(r"[\[\]:*?/\\]")
LETTERS: Final[tuple[str, ...]] = (
    *string.ascii_uppercase,
    *(first + second for first in "AB" for second in string.ascii_uppercase),
)
# Most texts stand in many rows, and in the workbooks of many households.
_TEXTS_REMEMBERED: Final = 16_384
_FLOAT_KINDS: Final = ("percent", "decimal", "drift")
# Numbers of these kinds have one look, whatever their value.
_ONE_LOOK: Final = frozenset({"money", "percent", "drift", "price", "decimal"})


class Marked(NamedTuple):
    """A value shown in another variant than its row, such as `attention`."""

    value: Any
    variant: str


class Missing(NamedTuple):
    """A value that is not known, with the reason in words."""

    reason: str


class Link(NamedTuple):
    """A text that leads somewhere: a relative file address, or a place in this workbook."""

    text: str
    target: str
    is_inside: bool = False


class Fact(NamedTuple):
    """One line of a list of facts: what, its value and how to show it, and a remark."""

    label: str
    value: Any
    kind: str
    note: str = ""


class Series(NamedTuple):
    """One series of a chart: its name, its cells and the values that stand in them."""

    name: str
    cells: str
    values: tuple[Decimal | None, ...]
    colour: str


class ChartPlan(NamedTuple):
    """A bar chart: categories and series with their values, and the cell of its corner."""

    title: str
    category_cells: str
    categories: tuple[str, ...]
    series: tuple[Series, ...]
    anchor: str
    width_cm: float
    height_cm: float


class Choices(NamedTuple):
    """Cells that take one of several words, or nothing."""

    cells: str
    options: tuple[str, ...]


# The number of the style, the text or the exact decimal text of a number, and whether it is a text.
# A cell without text is empty.
Cell = tuple[int, str, bool]


class RowPlan(NamedTuple):
    """One row: its number from 1, its height in points (None: the usual), its cells from A on."""

    number: int
    height: float | None
    cells: Sequence[Cell]


class TablePlace(NamedTuple):
    """Where a table stands: first and last row of its data, and the letter of each column."""

    first_row: int
    last_row: int
    letters: Mapping[str, str]


@dataclass
class Sheet:
    """A finished sheet as plain values, ready for a writer."""

    name: str
    title: str
    rows: list[RowPlan]
    last_row: int
    widths: tuple[float, ...]
    freeze_at: str | None
    repeat_rows: str
    filter_cells: str | None
    merges: list[str] = field(default_factory=list)
    links: list[tuple[str, Link]] = field(default_factory=list)
    charts: list[ChartPlan] = field(default_factory=list)
    choices: list[Choices] = field(default_factory=list)
    print_columns: int = 0
    height: float = 0.0  # points
    is_portrait: bool = False
    # Rows that begin a page. Excel keeps to them only when it need not fit pages by itself.
    page_starts: tuple[int, ...] = ()
    # Cells that keep their name wherever a spreadsheet moves them.
    cell_names: list[tuple[str, str]] = field(default_factory=list)
    # Without a password: it keeps from mistakes, and what comes back is checked all the same.
    is_protected: bool = False
    # Not even in the list of hidden sheets.
    is_very_hidden: bool = False


def page_scale(sheet: Sheet) -> float:
    """The scale, at most 1, at which the sheet is as wide as a US Letter page between margins."""
    width = sum(_POINTS_PER_WIDTH * width + _POINTS_BESIDE_WIDTH for width in sheet.widths)
    return min(1.0, _PAGE_POINTS[sheet.is_portrait][0] / width)


def page_height(sheet: Sheet) -> float:
    """The points of rows that one page holds at that scale."""
    return _PAGE_POINTS[sheet.is_portrait][1] / page_scale(sheet)


def safe_text(value: str) -> str:
    """Text that a cell can hold: no characters that XML forbids, not longer than Excel allows.

    Underscore sequences that Excel would read as an escaped character are kept as they are read by
    people. Longer text ends in an ellipsis.
    """
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    text = _NOT_IN_XML.sub("", text)
    text = _ESCAPE_LOOKALIKE.sub("_x005F_", text)
    if len(text) > LONGEST_CELL_TEXT // 2:
        units = text.encode("utf-16-le")
        if len(units) // 2 > LONGEST_CELL_TEXT:
            text = units[: 2 * (LONGEST_CELL_TEXT - 1)].decode("utf-16-le", "ignore") + "…"
    return text


def sheet_name(wanted: str) -> str:
    """A name that Excel accepts for a sheet: at most 31 characters and no brackets or slashes."""
    name = _NOT_IN_XML.sub("", _NOT_IN_SHEET_NAME.sub(" ", wanted)).strip().strip("'")
    return name[:LONGEST_SHEET_NAME] or "-"


def column_letter(index: int) -> str:
    """The letter of a column, counted from 0."""
    return LETTERS[index]


def number_text(kind: str, value: Any) -> str:
    """The exact decimal text of a number of a kind.

    Money is rounded to the cent, half away from zero, as SQL's `round(x, 2)` and Excel's display
    do; weights, quantities and prices keep every digit of the mart.

    Raises:
        TypeError: a dollar amount, price or quantity is not an exact decimal.
    """
    if isinstance(value, Decimal):
        return _decimal_text(kind, value)
    if isinstance(value, bool):
        raise TypeError(f"a {kind} cell was given the boolean {value!r}")
    if isinstance(value, float):
        if kind not in _FLOAT_KINDS:
            raise TypeError(f"a {kind} cell needs an exact decimal, not the float {value!r}")
        return repr(value)
    if not isinstance(value, int):
        raise TypeError(f"a {kind} cell needs a number, not {value!r}")
    return str(value)


def _decimal_text(kind: str, value: Decimal) -> str:
    if kind == "money":
        value = value.quantize(CENT, ROUND_HALF_UP)
    if not value:
        return "0"
    if not value.is_finite():
        raise TypeError(f"a {kind} cell was given {value}")
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


class SheetBuilder:
    """Builds one sheet from the top down."""

    def __init__(self, layout: SheetLayout, texts: Texts, styles: StyleBook) -> None:
        self.layout = layout
        self.texts = texts
        self.name = sheet_name(texts.text(f"sheet.{layout.sheet_id}.name"))
        self._numbers = styles.numbers
        self._wide_numbers = styles.wide_numbers
        self._missing = texts.text("missing")
        self._rows: list[RowPlan] = []
        self._row = 1
        self._height = 0.0
        self._merges: list[str] = []
        self._links: list[tuple[str, Link]] = []
        self._charts: list[ChartPlan] = []
        self._choices: list[Choices] = []
        self._cell_names: list[tuple[str, str]] = []
        self._filtered: str | None = None
        self._first_header: int | None = None
        self._places: list[TablePlace] = []
        self._title = ""
        self._title_rows = 0
        grid = max(len(table.columns) for table in layout.tables)
        self._widths = tuple(
            max(table.columns[i].width for table in layout.tables if i < len(table.columns))
            for i in range(grid)
        )

    @property
    def next_row(self) -> int:
        """The row that will be written next, counted from 1."""
        return self._row

    def title(self, title: str, subtitle: str, note: str = "") -> None:
        """The head of the sheet: what it is, of whom and when, how to read it."""
        self._title = title
        self._line([("title", title)], height=28)
        self._line([("subtitle", subtitle)], height=18)
        if note:
            self._line([("note", note)], height=15)
        self._title_rows = self._row - 1
        self.skip(height=6)

    def banner(self, style: str, text: str, columns: int, height: float) -> None:
        """One text across several columns, such as the status."""
        row = self._row
        self._line([(style, text)] + [(style, "")] * (columns - 1), height=height)
        self._merges.append(f"A{row}:{column_letter(columns - 1)}{row}")

    def paragraph(self, style: str, text: str, columns: int) -> None:
        """A sentence or more across several columns, as high as its text needs.

        Excel does not fit the height of joined cells, so it is reckoned from the widths.
        """
        text = self.texts.translator.translated(text)
        room, line_height = _PARAGRAPH_ROOM[style]
        lines = wrapped_lines(text, sum(self._widths[:columns]) * room)
        self.banner(style, text, columns, height=min(_HIGHEST_ROW, line_height * lines + 4))

    def note(self, text: str) -> None:
        """A remark in one line, such as under a table."""
        self._line([("note", text)])

    def skip(self, rows: int = 1, height: float | None = None) -> None:
        """Leave rows empty."""
        if height is not None:
            self._rows.append(RowPlan(self._row, height, ()))
        self._height += rows * _USUAL_ROW_HEIGHT if height is None else height
        self._row += rows

    def heading(self, text: str, columns: int) -> None:
        """The heading of a table or list."""
        self._line([("heading", text)] + [("heading", "")] * (columns - 1), height=20)

    def facts(self, facts: Iterable[Fact]) -> None:
        """A list of facts: label, value, remark."""
        others = len(self._widths) - 3
        for fact in facts:
            values = (
                Marked(fact.label, "label"),
                Marked(fact.value, "strong"),
                Marked(self.texts.translator.translated(fact.note), "label"),
                *[""] * others,
            )
            self._values(("text", fact.kind, "wrapped", *["text"] * others), [values], "plain")

    def table(
        self,
        table: TableLayout,
        rows: Iterable[Mapping[str, Any]],
        *,
        empty: str,
        total: Mapping[str, Any] | None = None,
        with_heading: bool = True,
    ) -> TablePlace:
        """A table with its heading and header; each row gives every column its value.

        Args:
            table: the columns.
            rows: column key to value. None is shown as n/a, "" as an empty cell.
            empty: the sentence that stands where the rows would be if there are none.
            total: a last line, or None.
            with_heading: whether the table's own heading stands above it.

        Raises:
            KeyError: a row lacks a column.
            TypeError: a value does not fit the kind of its column.
        """
        columns = table.columns
        if with_heading:
            self.heading(self.texts.text(f"table.{table.table_id}.heading"), len(columns))
        self._header(columns)
        first = self._row
        kinds = tuple(column.kind for column in columns)
        keys = [column.key for column in columns]
        is_translated = self.texts.language != SOURCE_LANGUAGE
        values = [[row[key] for key in keys] for row in rows]
        self._values(kinds, values, "plain", keys if is_translated else None)
        last = self._row - 1
        if last < first:
            self.note(empty)
        elif total is not None:
            self._values(kinds, [[total[key] for key in keys]], "total")
        letters = {column.key: column_letter(i) for i, column in enumerate(columns)}
        place = TablePlace(first, last, letters)
        self._places.append(place)
        return place

    def _said(self, column: str, value: Any) -> Any:
        """A value of a column in the language of the sheet."""
        if isinstance(value, str):
            return self.texts.translator.cell(column, value)
        if isinstance(value, Marked):
            return Marked(self._said(column, value.value), value.variant)
        if isinstance(value, Missing):
            return Missing(self._said(column, value.reason))
        return value

    def chart(self, plan: ChartPlan) -> None:
        """A chart, where its plan says."""
        self._charts.append(plan)

    def choices(self, cells: str, options: Sequence[str]) -> None:
        """Let the reader choose one of several words in cells, or leave them empty.

        Raises:
            ValueError: the words cannot stand in a list of choices.
        """
        if any("," in option or '"' in option for option in options):
            raise ValueError(f"a choice holds a comma or a quotation mark: {list(options)}")
        if len(",".join(options)) > LONGEST_OPTIONS:
            raise ValueError(f"the choices are longer than {LONGEST_OPTIONS} characters")
        self._choices.append(Choices(cells, tuple(options)))

    def name_cells(self, name: str, cells: str) -> None:
        """Give cells a name that they keep wherever a spreadsheet moves them."""
        self._cell_names.append((name, cells))

    def filter_table(self, place: TablePlace) -> None:
        """Let the reader filter the rows of a table, though it is not the only one of its sheet."""
        first, last = (list(place.letters.values())[end] for end in (0, -1))
        if place.last_row > place.first_row:
            self._filtered = f"{first}{place.first_row - 1}:{last}{place.last_row}"

    def finished(self) -> Sheet:
        """The sheet. One table: its header stays in sight and on each page; more: the title does.

        A frozen header above another table's rows would name the wrong columns.
        """
        single = len(self.layout.tables) == 1 and self._first_header is not None
        top = self._first_header if single and self._first_header else self._title_rows
        place = self._places[0] if single and self._places else None
        filter_cells = self._filtered
        if place is not None and place.last_row > place.first_row:
            right = column_letter(len(self.layout.tables[0].columns) - 1)
            filter_cells = f"A{top}:{right}{place.last_row}"
        return Sheet(
            name=self.name,
            title=self._title,
            rows=self._rows,
            last_row=max(1, self._row - 1),
            widths=self._widths,
            freeze_at=f"{column_letter(self.layout.frozen_columns)}{top + 1}",
            repeat_rows=f"{top}:{top}" if single else f"1:{max(1, self._title_rows)}",
            filter_cells=filter_cells,
            merges=self._merges,
            links=self._links,
            charts=self._charts,
            choices=self._choices,
            cell_names=self._cell_names,
            print_columns=len(self._widths),
            height=self._height,
        )

    def _header(self, columns: Sequence[Column]) -> None:
        if self._first_header is None:
            self._first_header = self._row
        self._line(
            [
                (
                    "header_right" if KINDS[column.kind].horizontal == "right" else "header",
                    self.texts.text(f"column.{column.key}"),
                )
                for column in columns
            ],
            height=30,
        )

    def _line(self, cells: Sequence[tuple[str, str]], height: float | None = None) -> None:
        row = self._row
        self._rows.append(
            RowPlan(row, height, [self._text_cell(style, "plain", text) for style, text in cells])
        )
        self._height += _USUAL_ROW_HEIGHT if height is None else height
        self._row += 1

    def _values(
        self,
        kinds: Sequence[str],
        rows: Sequence[Sequence[Any]],
        variant: str,
        translated: Sequence[str] | None = None,
    ) -> None:
        """Rows of values of these kinds, each as high as its wrapped texts need.

        Cells are made column by column: what a kind needs is looked up once for all rows.
        `translated` names the columns where their texts are still in the source language.
        """
        if not rows:
            return
        names = [None] * len(kinds) if translated is None else translated
        by_column = zip(names, kinds, zip(*rows, strict=True), strict=True)
        columns = [
            self._column(index, name, kind, variant, values)
            for index, (name, kind, values) in enumerate(by_column)
        ]
        lines = [1] * len(rows)
        for kind, width, column in zip(kinds, self._widths, columns, strict=False):
            if KINDS[kind].wraps:
                lines = [max(pair) for pair in zip(lines, _lines(column, width), strict=True)]
        for count, cells in zip(lines, zip(*columns, strict=True), strict=True):
            height = min(_HIGHEST_ROW, _LINE_HEIGHT * count + 2)
            self._rows.append(RowPlan(self._row, height, cells))
            self._height += height
            self._row += 1

    def _column(
        self, index: int, name: str | None, kind: str, variant: str, values: Sequence[Any]
    ) -> list[Cell]:
        """Cells of one column from the next row down; the frequent ones by the shortest way."""
        first, number = self._row, self._numbers[kind, variant, False]

        def other(row: int, value: Any) -> Cell:
            said = value if name is None else self._said(name, value)
            return self._cell(index, row, kind, variant, said)

        if kind in TEXT_KINDS:
            different = dict.fromkeys(value for value in values if value.__class__ is str)
            texts = {value: other(first, value) for value in different}
            return [
                texts[value] if value.__class__ is str else other(row, value)
                for row, value in enumerate(values, first)
            ]
        if kind in _ONE_LOOK:
            return [
                (number, _decimal_text(kind, value), False)
                if value.__class__ is Decimal
                else other(row, value)
                for row, value in enumerate(values, first)
            ]
        return [other(row, value) for row, value in enumerate(values, first)]

    def _cell(self, index: int, row: int, kind: str, variant: str, value: Any) -> Cell:
        if value.__class__ is date and kind == "date":
            return self._numbers[kind, variant, False], *_date_text(value)
        if isinstance(value, Marked):
            value, variant = value
        if isinstance(value, Link):
            self._links.append((f"{column_letter(index)}{row}", value))
            value = value.text
        if isinstance(value, float) and not math.isfinite(value):
            value = None
        if value is None or isinstance(value, Missing):
            words = self._missing
            if value is not None:
                words = self.texts.text("missing.because", reason=value.reason)
            missing = "total_missing" if variant == "total" else "missing"
            return self._text_cell(kind, missing, words)
        if kind in TEXT_KINDS or value == "":
            return self._text_cell(kind, variant, value)
        if kind == "date":
            return self._numbers[kind, variant, False], *_date_text(value)
        if kind == "shares" and value != int(value):
            kind = "shares_fraction"
        return self._numbers[kind, variant, False], number_text(kind, value), False

    def _text_cell(self, style: str, variant: str, value: Any) -> Cell:
        """The one place where text becomes a cell."""
        if not isinstance(value, str):
            raise TypeError(f"a text cell was given {value!r}")
        text, is_like_a_formula, is_wide = _cell_text(value)
        numbers = self._wide_numbers if is_wide else self._numbers
        return numbers[style, variant, is_like_a_formula], text, True


@lru_cache(maxsize=_TEXTS_REMEMBERED)
def _cell_text(value: str) -> tuple[str, bool, bool]:
    """The text as a cell can hold it; whether it could be a formula; whether it is wide."""
    text = safe_text(value)
    return text, may_be_a_formula(text), _is_wide(text)


def _is_wide(text: str) -> bool:
    return not text.isascii() and max(map(ord, text)) > _FIRST_WIDE_CHARACTER


@lru_cache(maxsize=_TEXTS_REMEMBERED)
def _date_text(value: Any) -> tuple[str, bool]:
    """A date as Excel counts days; before its first day the date in words, which is a text."""
    if isinstance(value, datetime) or not isinstance(value, date):
        raise TypeError(f"a date cell was given {value!r}")
    if value < _FIRST_SERIAL_DAY:
        return value.isoformat(), True
    return str((value - _SERIAL_DAY_ZERO).days - (value < _FIRST_DAY_AFTER_THE_GAP)), False


def _lines(cells: Sequence[Cell], width: float) -> list[int]:
    """Lines that the texts of a column need: viewers do not agree on fitting rows by themselves."""
    from_length, room = width * 0.5, width * _CHARACTERS_PER_WIDTH - _INDENT
    return [wrapped_lines(text, room) if len(text) >= from_length else 1 for _, text, _ in cells]


@lru_cache(maxsize=_TEXTS_REMEMBERED)
def wrapped_lines(text: str, width: float) -> int:
    """How many lines a text takes in a column, broken at spaces; an estimate from above."""
    if text.isascii() and "\n" not in text and len(text) + len(text) // _WIDER <= width:
        return 1
    if _is_wide(text):
        width *= _ROOM_OF_WIDE_TEXT
    lines = 0
    for paragraph in text.split("\n"):
        lines += 1
        used = 0
        for word in paragraph.split(" "):
            length = _display_width(word)
            # Wide characters need no space to break a line at.
            if used and used + 1 + length > width and word.isascii():
                lines += 1
                used = 0
            used += length + (1 if used else 0)
            if used > width:
                lines += math.ceil(used / width) - 1
                used = used % math.ceil(width)
    return lines


def _display_width(text: str) -> int:
    """Characters of the usual width; wide East Asian characters count for two and a half."""
    if text.isascii():
        if len(text) < _LONG_WORD:
            return len(text)
        wider = len(text) - len(text.translate(_WITHOUT_WIDE))
        return len(text) + wider // _WIDER
    wide = sum(1 for character in text if ord(character) > _FIRST_WIDE_CHARACTER)
    return len(text) + math.ceil(1.5 * wide)
