"""What differs from one household's workbook to the next, as XML.

Belongs here: rows, merges, filters, choices, links, page breaks, names of ranges, the cached points
of charts. Does not belong here: what is the same for every household (skeletons), any value or text
of its own. Source of the element names and their order: ECMA-376, part 1, section 18.3.1.99.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from python_steps.reports.sheet_builder import (
    LETTERS,
    Choices,
    Link,
    RowPlan,
    Sheet,
    column_letter,
    safe_text,
)

_RELATIONSHIPS: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TEXTS_REMEMBERED: Final = 16_384
_LAST_COLUMN: Final = 16_383
_CELL: Final = re.compile(r"([A-Z]+)(\d+)")
# Excel drops white space at the ends of a text, and breaks of lines, that nobody asked to keep.
_SPACE_TO_KEEP: Final = re.compile(r"\A\s|\s\Z|\n")


def rows_xml(rows: Iterable[RowPlan]) -> str:
    """The rows of a sheet."""
    pieces: list[str] = []
    add = pieces.append
    for number, height, cells in rows:
        row = str(number)
        sized = "" if height is None else f' ht="{height:g}" customHeight="1"'
        add(f'<row r="{row}"{sized}>')
        for letter, (style, text, is_text) in zip(LETTERS, cells, strict=False):
            if not text:
                add(f'<c r="{letter}{row}" s="{style}"/>')
            elif is_text:
                add(f'<c r="{letter}{row}" s="{style}" t="inlineStr">{_text_xml(text)}</c>')
            else:
                add(f'<c r="{letter}{row}" s="{style}"><v>{text}</v></c>')
        add("</row>")
    return "".join(pieces)


@lru_cache(maxsize=_TEXTS_REMEMBERED)
def _text_xml(text: str) -> str:
    kept = ' xml:space="preserve"' if _SPACE_TO_KEEP.search(text) else ""
    return f"<is><t{kept}>{escape(text)}</t></is>"


def dimension_xml(sheet: Sheet) -> str:
    """The extent of the sheet."""
    return f'<dimension ref="A1:{column_letter(len(sheet.widths) - 1)}{sheet.last_row}"/>'


def before_margins_xml(sheet: Sheet) -> str:
    """The elements that stand between the rows and the page: filter, merges, choices, links."""
    return "".join(
        (
            f'<autoFilter ref="{sheet.filter_cells}"/>' if sheet.filter_cells else "",
            _merges_xml(sheet.merges),
            _choices_xml(sheet.choices),
            _links_xml(sheet.links),
        )
    )


def _merges_xml(merges: Sequence[str]) -> str:
    if not merges:
        return ""
    cells = "".join(f'<mergeCell ref="{place}"/>' for place in merges)
    return f'<mergeCells count="{len(merges)}">{cells}</mergeCells>'


def _choices_xml(choices: Sequence[Choices]) -> str:
    if not choices:
        return ""
    lists = "".join(
        f'<dataValidation sqref="{cells}" type="list" allowBlank="1" showErrorMessage="1" '
        f'showInputMessage="1"><formula1>{escape(choices_formula(options))}</formula1>'
        "</dataValidation>"
        for cells, options in choices
    )
    return f'<dataValidations count="{len(choices)}">{lists}</dataValidations>'


def choices_formula(options: Sequence[str]) -> str:
    """The list of words as Excel wants it in a formula."""
    return f'"{",".join(safe_text(option) for option in options)}"'


def _links_xml(links: Sequence[tuple[str, Link]]) -> str:
    if not links:
        return ""
    lines = []
    outside = 0
    for place, link in links:
        if link.is_inside:
            where = f"location={_attribute(link.target)} display={_attribute(link.text)}"
        else:
            outside += 1
            where = f'xmlns:r="{_RELATIONSHIPS}" r:id="{_link_id(outside)}"'
        lines.append(f'<hyperlink ref="{place}" {where}/>')
    return f"<hyperlinks>{''.join(lines)}</hyperlinks>"


def outside_links(sheet: Sheet) -> list[Link]:
    """The links of a sheet that lead out of the workbook."""
    return [link for _, link in sheet.links if not link.is_inside]


def link_relationships_xml(links: Iterable[Link]) -> str:
    """Where those links lead."""
    return "".join(
        f'<Relationship Type="{_RELATIONSHIPS}/hyperlink" Target={_attribute(link.target)} '
        f'TargetMode="External" Id="{_link_id(number)}"/>'
        for number, link in enumerate(links, 1)
    )


def _link_id(number: int) -> str:
    # Not rId: so are called the relationships that are there for every household.
    return f"link{number}"


def page_breaks_xml(sheet: Sheet) -> str:
    """Breaks above the rows that begin a page."""
    count = len(sheet.page_starts)
    if not count:
        return ""
    breaks = "".join(
        f'<brk id="{row - 1}" min="0" max="{_LAST_COLUMN}" man="1"/>' for row in sheet.page_starts
    )
    return f'<rowBreaks count="{count}" manualBreakCount="{count}">{breaks}</rowBreaks>'


def defined_names_xml(sheets: Sequence[Sheet]) -> str:
    """The ranges that Excel keeps by name: filters, repeated rows and print areas."""
    names = []
    for number, sheet in enumerate(sheets):
        place = escape("'" + sheet.name.replace("'", "''") + "'!")
        local = f'localSheetId="{number}"'
        if sheet.filter_cells:
            names.append(
                f'<definedName name="_xlnm._FilterDatabase" {local} hidden="1">'
                f"{place}{absolute_cells(sheet.filter_cells)}</definedName>"
            )
        names += [
            f'<definedName name="{name}">{place}{absolute_cells(cells)}</definedName>'
            for name, cells in sheet.cell_names
        ]
        first, _, last = sheet.repeat_rows.partition(":")
        names.append(
            f'<definedName name="_xlnm.Print_Titles" {local}>{place}${first}:${last}</definedName>'
        )
        printed = print_area(sheet)
        if printed is not None:
            names.append(
                f'<definedName name="_xlnm.Print_Area" {local}>'
                f"{place}{absolute_cells(printed)}</definedName>"
            )
    return f"<definedNames>{''.join(names)}</definedNames>"


def print_area(sheet: Sheet) -> str | None:
    """The cells that are printed; None for a hidden sheet.

    LibreOffice prints hidden sheets that have a print area, too, and skips what has none as long
    as another sheet has one.
    """
    if sheet.is_very_hidden:
        return None
    return f"A1:{column_letter(sheet.print_columns - 1)}{sheet.last_row}"


def absolute_cells(cells: str) -> str:
    """`A1:B2` as `$A$1:$B$2`."""
    return _CELL.sub(r"$\1$\2", cells)


def text_points_xml(texts: Sequence[str]) -> str:
    """The cached texts of a chart's axis."""
    points = "".join(
        f'<pt idx="{index}"><v>{escape(safe_text(text))}</v></pt>'
        for index, text in enumerate(texts)
    )
    return f'<ptCount val="{len(texts)}"/>{points}'


def number_points_xml(values: Sequence[Decimal | None]) -> str:
    """The cached values of a chart's series; what is not known is a gap."""
    points = "".join(
        f'<pt idx="{index}"><v>{float(value):.16g}</v></pt>'
        for index, value in enumerate(values)
        if value is not None
    )
    return f'<ptCount val="{len(values)}"/>{points}'


def _attribute(text: str) -> str:
    return quoteattr(safe_text(text), {"\n": "&#10;", "\t": "&#9;"})
