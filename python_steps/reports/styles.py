"""The look of every cell: one palette, one type scale, one set of number formats.

Belongs here: colours, fonts, formats, and their registration with openpyxl, done once per process.
Does not belong here: which column has which kind (layout), any text. The palette keeps its order
of lightness in grey and avoids red against green; a state is always written in words as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

NAVY: Final = "1F3A5F"
INK: Final = "1A1A1A"
GREY_TEXT: Final = "6B6B6B"
RULE: Final = "C9CED6"
HEADING_RULE: Final = "1F3A5F"
ATTENTION_FILL: Final = "FBE3C3"
CALM_FILL: Final = "E6EEF6"
INPUT_FILL: Final = "FFFBE6"
TOTAL_FILL: Final = "F2F4F7"
WHITE: Final = "FFFFFF"

# Bars: light grey, mid orange, dark blue keep three clearly different lightnesses in grey print.
CHART_TARGET: Final = "C4CAD3"
CHART_BEFORE: Final = "E08E0B"
CHART_AFTER: Final = "0B4F7C"

# What a spreadsheet may read as the start of a formula, full-width forms included.
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def may_be_a_formula(text: str) -> bool:
    """Whether a spreadsheet could run a text instead of showing it; leading spaces do not help."""
    return text.lstrip(" ").startswith(FORMULA_STARTS)


def harmless_text(text: str) -> str:
    """Text for a CSV cell: what a spreadsheet would run begins with an apostrophe."""
    return f"'{text}" if may_be_a_formula(text) else text


FONT: Final = "Calibri"
# Calibri has no Chinese characters; what a viewer takes in their place differs from one to another.
FONTS: Final[Mapping[str, str]] = {"zh-Hans": "Microsoft YaHei"}
BODY_SIZE: Final = 10


class Kind(NamedTuple):
    """How one kind of value is shown. `number_format` is None for text."""

    number_format: str | None
    horizontal: str = "left"
    wraps: bool = False


MONEY_FORMAT: Final = '"$"#,##0.00;-"$"#,##0.00'
PERCENT_FORMAT: Final = "0.00%"
DATE_FORMAT: Final = "yyyy\\-mm\\-dd"

KINDS: Final[Mapping[str, Kind]] = {
    "text": Kind(None),
    "wrapped": Kind(None, wraps=True),
    "centred": Kind(None, "center"),
    "code": Kind(None),
    "money": Kind(MONEY_FORMAT, "right"),
    "percent": Kind(PERCENT_FORMAT, "right"),
    # What rounds to nothing has no sign: "-0.00%" would read as being below the target.
    "drift": Kind("[>=0.00005]+0.00%;[<=-0.00005]-0.00%;0.00%", "right"),
    # A number format cannot drop the decimal point of a whole number, so there are two.
    "shares": Kind("#,##0", "right"),
    "shares_fraction": Kind("#,##0.00####", "right"),
    "price": Kind('"$"#,##0.00####', "right"),
    "whole": Kind("#,##0", "right"),
    "year": Kind("0", "right"),
    "decimal": Kind("#,##0.00", "right"),
    "date": Kind(DATE_FORMAT, "center"),
    "link": Kind(None),
}

TEXT_KINDS: Final = frozenset(name for name, kind in KINDS.items() if kind.number_format is None)

# plain: a row of a table. total: the last line. attention: a person should look. missing: n/a.
# label: the left side of a list of facts. strong: a fact that answers a question. input: a cell
# that the reader fills in, which the protection of a sheet leaves open.
VARIANTS: Final = (
    "plain",
    "total",
    "attention",
    "missing",
    "total_missing",
    "label",
    "strong",
    "input",
)
_MISSING: Final = ("missing", "total_missing")
_TOTALS: Final = ("total", "total_missing")

BANNERS: Final = (
    "title",
    "subtitle",
    "note",
    "heading",
    "header",
    "header_right",
    "banner_calm",
    "banner_attention",
    "sentence",
)


class StyleBook(NamedTuple):
    """The registered styles: cell style numbers, and the stylesheet part they refer to.

    `numbers` maps (kind or banner, variant, starts_like_a_formula) to the number of the cell
    style. The third is true for text that a spreadsheet could take for a formula when the cell is
    edited; its style carries the quote prefix, so that it stays text. `wide_numbers` are the styles
    of text with the wide characters of the language. `looks` has, by number, the style objects and
    whether the quote prefix is set.
    """

    numbers: Mapping[tuple[str, str, bool], int]
    wide_numbers: Mapping[tuple[str, str, bool], int]
    stylesheet: bytes
    looks: Mapping[int, tuple[Mapping[str, object], bool]]


@lru_cache
def style_book(language: str = "en") -> StyleBook:
    """Register every style of a language with openpyxl, once per process.

    A style has the same number in every language; wide characters have styles of their own behind
    them, because a font that has them makes digits and Latin letters wider.
    """
    from openpyxl import Workbook
    from openpyxl.styles.stylesheet import write_stylesheet
    from openpyxl.xml.functions import tostring

    workbook = Workbook()
    sheet: Any = workbook.active
    looks: dict[int, tuple[Mapping[str, object], bool]] = {}

    def register(
        numbers: dict[tuple[str, str, bool], int], font: str, name: str, variant: str, is_text: bool
    ) -> None:
        for quoted in (False, True) if is_text else (False,):
            cell = sheet.cell(row=1, column=1)
            look = _banner_look(name, font) if name in BANNERS else _kind_look(name, variant, font)
            for attribute, value in look.items():
                setattr(cell, attribute, value)
            cell._style.quotePrefix = int(quoted)
            numbers[name, variant, quoted] = cell.style_id
            looks[cell.style_id] = look, quoted
            del sheet._cells[1, 1]

    def registered(font: str) -> dict[tuple[str, str, bool], int]:
        numbers: dict[tuple[str, str, bool], int] = {}
        for name in KINDS:
            for variant in VARIANTS:
                is_text = name in TEXT_KINDS or variant in _MISSING
                register(numbers, font, name, variant, is_text=is_text)
        for name in BANNERS:
            register(numbers, font, name, "plain", is_text=True)
        return numbers

    narrow = registered(FONT)
    wide = registered(FONTS[language]) if language in FONTS else narrow
    return StyleBook(narrow, wide, tostring(write_stylesheet(workbook)), looks)


def _kind_look(name: str, variant: str, font: str) -> dict[str, object]:
    from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side

    kind = KINDS[name]
    colour = GREY_TEXT if variant in (*_MISSING, "label") else INK
    # The answers of a list of facts stand in one column, whatever their kind.
    horizontal = "right" if variant == "strong" else kind.horizontal
    look: dict[str, object] = {
        "font": Font(
            name="Consolas" if name == "code" else font,
            size=BODY_SIZE - 1 if name == "code" else BODY_SIZE,
            bold=variant in ("total", "attention", "strong"),
            italic=variant in _MISSING,
            color=NAVY if name == "link" else colour,
            underline="single" if name == "link" else None,
        ),
        "alignment": Alignment(
            horizontal=horizontal,
            vertical="center",
            wrap_text=kind.wraps or None,
            indent=0 if horizontal == "center" else 1,
        ),
        "border": Border(
            bottom=Side(style="thin", color=RULE),
            top=Side(style="thin", color=NAVY) if variant in _TOTALS else None,
        ),
    }
    if kind.number_format is not None and variant not in _MISSING:
        look["number_format"] = kind.number_format
    fill = TOTAL_FILL if variant in _TOTALS else None
    if variant == "attention":
        fill = ATTENTION_FILL
    if variant == "input":
        fill = INPUT_FILL
        edge = Side(style="thin", color=RULE)
        look["border"] = Border(left=edge, right=edge, top=edge, bottom=edge)
        look["protection"] = Protection(locked=False)
    if fill is not None:
        look["fill"] = PatternFill("solid", fgColor=fill)
    return look


def _banner_look(name: str, font_name: str) -> dict[str, object]:
    from openpyxl.styles import Alignment, Border, Font, PatternFill, Side

    def font(size: int, colour: str, *, bold: bool = False, italic: bool = False) -> Font:
        return Font(name=font_name, size=size, color=colour, bold=bold, italic=italic)

    middle = Alignment(horizontal="left", vertical="center", wrap_text=True, indent=1)
    header: dict[str, object] = {
        "font": font(BODY_SIZE, WHITE, bold=True),
        "fill": PatternFill("solid", fgColor=NAVY),
    }
    looks: dict[str, dict[str, object]] = {
        "title": {"font": font(18, NAVY, bold=True), "alignment": Alignment(vertical="center")},
        "subtitle": {"font": font(11, GREY_TEXT), "alignment": Alignment(vertical="center")},
        "note": {"font": font(9, GREY_TEXT, italic=True)},
        "heading": {
            "font": font(12, NAVY, bold=True),
            "border": Border(bottom=Side(style="medium", color=HEADING_RULE)),
        },
        "header": header
        | {"alignment": Alignment(horizontal="left", vertical="center", wrap_text=True, indent=1)},
        "header_right": header
        | {"alignment": Alignment(horizontal="right", vertical="center", wrap_text=True, indent=1)},
        "banner_calm": {
            "font": font(14, NAVY, bold=True),
            "fill": PatternFill("solid", fgColor=CALM_FILL),
            "alignment": middle,
            "border": Border(left=Side(style="thick", color=NAVY)),
        },
        "banner_attention": {
            "font": font(14, INK, bold=True),
            "fill": PatternFill("solid", fgColor=ATTENTION_FILL),
            "alignment": middle,
            "border": Border(left=Side(style="thick", color=INK)),
        },
        "sentence": {
            "font": font(11, INK),
            "alignment": Alignment(horizontal="left", vertical="center", wrap_text=True, indent=1),
        },
    }
    return looks[name]
