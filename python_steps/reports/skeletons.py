"""Workbooks without a household: everything that is the same for all, made once by openpyxl.

Belongs here: the shape that decides which skeleton fits, its making, and the holes that a household
fills. Does not belong here: what fills them (sheet_xml), the order of sheets, any value. A shape is
a layout in one language on one night, with so many charts; a worker meets few of them. It imports
openpyxl inside functions only.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple

from python_steps.reports.archive import Part, part
from python_steps.reports.sheet_builder import ChartPlan, Series, Sheet
from python_steps.reports.sheet_xml import outside_links
from python_steps.reports.styles import style_book
from python_steps.reports.worksheet_set_up import (
    DocumentSetUp,
    SheetSetUp,
    set_up_document,
    set_up_worksheet,
    sheet_set_up,
)

_SHAPES_REMEMBERED: Final = 64
_LAST_ROW: Final = 1_048_576
_TITLE: Final = "[[title]]"
_HEADER: Final = "[[header]]"
_CATEGORY_CELLS: Final = "[[category cells]]"
_CATEGORY: Final = "[[category]]"
_STYLESHEET: Final = "xl/styles.xml"
_CORE: Final = "docProps/core.xml"
_WORKBOOK: Final = "xl/workbook.xml"
_NUMBERED: Final = re.compile(r"xl/(worksheets/sheet|drawings/drawing|charts/chart)(\d+)\.xml")
_EMPTY_RELATIONSHIPS: Final = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    "</Relationships>"
)


class ChartShape(NamedTuple):
    """What of a chart is the same for every household."""

    colours: tuple[str, ...]
    starts_at_zero: bool
    column: str
    width_cm: float
    height_cm: float


class SheetShape(NamedTuple):
    """What of a sheet is the same for every household."""

    set_up: SheetSetUp
    has_outside_links: bool
    charts: tuple[ChartShape, ...]


class WorkbookShape(NamedTuple):
    """What of a workbook is the same for every household."""

    document: DocumentSetUp
    sheets: tuple[SheetShape, ...]


class Template:
    """A text with holes, each of which may stand in several places."""

    def __init__(self, text: str, holes: Mapping[str, str]) -> None:
        """Cut the holes.

        Args:
            text: the whole text.
            holes: the name of each hole, and the words that stand in its place.

        Raises:
            ValueError: words do not occur in the text.
        """
        for name, words in holes.items():
            if words not in text:
                raise ValueError(f"nothing stands where {name!r} belongs: {words!r}")
        names = {words: name for name, words in holes.items()}
        pieces = re.split("|".join(f"({re.escape(words)})" for words in names), text)
        found = [piece for piece in pieces if piece is not None]
        self._pieces = [("", names[piece]) if piece in names else (piece, "") for piece in found]

    def filled(self, values: Mapping[str, str]) -> str:
        """The text with a value in every hole.

        Raises:
            KeyError: a hole is given no value.
        """
        return "".join([fixed or (values[name] if name else "") for fixed, name in self._pieces])


class SkeletonPart(NamedTuple):
    """A part that a household fills: what it is of, the number of that, and its text."""

    name: str
    kind: str
    number: int
    template: Template


Skeleton = tuple[Part | SkeletonPart, ...]


def shape_of(document: DocumentSetUp, sheets: Sequence[Sheet]) -> WorkbookShape:
    """The shape of a workbook with these sheets."""
    return WorkbookShape(document, tuple(_sheet_shape(sheet) for sheet in sheets))


def _sheet_shape(sheet: Sheet) -> SheetShape:
    return SheetShape(
        sheet_set_up(sheet),
        bool(outside_links(sheet)),
        tuple(_chart_shape(plan) for plan in sheet.charts),
    )


def _chart_shape(plan: ChartPlan) -> ChartShape:
    known = [value for series in plan.series for value in series.values if value is not None]
    return ChartShape(
        colours=tuple(series.colour for series in plan.series),
        starts_at_zero=all(value >= 0 for value in known),
        column=plan.anchor.rstrip("0123456789"),
        width_cm=plan.width_cm,
        height_cm=plan.height_cm,
    )


@lru_cache(maxsize=_SHAPES_REMEMBERED)
def skeleton_of(shape: WorkbookShape) -> Skeleton:
    """The parts of a workbook of this shape, in their order in the archive.

    Raises:
        ValueError: openpyxl wrote no place for something that a household fills.
    """
    charts = [chart for sheet in shape.sheets for chart in sheet.charts]
    parts: list[Part | SkeletonPart] = []
    for name, content in _parts_of_openpyxl(shape).items():
        template = _template(name, content, shape, charts)
        parts.append(part(name, content) if template is None else template)
    for number, sheet in enumerate(shape.sheets, 1):
        if sheet.has_outside_links and not sheet.charts:
            parts.append(_link_part(_relationships_name(number), _EMPTY_RELATIONSHIPS, number))
    return tuple(parts)


def _parts_of_openpyxl(shape: WorkbookShape) -> dict[str, bytes]:
    from openpyxl import Workbook
    from openpyxl.xml.functions import tostring

    from python_steps.reports.charts import bar_chart

    workbook: Any = Workbook()
    workbook.remove(workbook.active)
    for sheet in shape.sheets:
        worksheet = workbook.create_sheet(sheet.set_up.name)
        set_up_worksheet(worksheet, sheet.set_up, shape.document, _HEADER)
        for chart in sheet.charts:
            worksheet.add_chart(bar_chart(_empty_chart(chart)), f"{chart.column}{_LAST_ROW}")
    buffer = io.BytesIO()
    workbook.save(buffer)
    with zipfile.ZipFile(buffer) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    # openpyxl dates a document by the clock.
    set_up_document(workbook, shape.document, _TITLE)
    parts[_CORE] = tostring(workbook.properties.to_tree())
    parts[_STYLESHEET] = style_book(shape.document.language).stylesheet
    return parts


def _empty_chart(shape: ChartShape) -> ChartPlan:
    """A chart with one point, in whose place a household's points will stand."""
    sign = 1 if shape.starts_at_zero else -1
    return ChartPlan(
        title=_TITLE,
        category_cells=_CATEGORY_CELLS,
        categories=(_CATEGORY,),
        series=tuple(
            Series(
                f"[[name {index}]]", f"[[cells {index}]]", (Decimal(sign * (index + 1)),), colour
            )
            for index, colour in enumerate(shape.colours)
        ),
        anchor="A1",
        width_cm=shape.width_cm,
        height_cm=shape.height_cm,
    )


def _template(
    name: str, content: bytes, shape: WorkbookShape, charts: Sequence[ChartShape]
) -> SkeletonPart | None:
    """The part with its holes; None where it is the same for every household."""
    text = content.decode("utf-8")
    if name == _CORE:
        return SkeletonPart(name, "core", 0, Template(text, {"title": _TITLE}))
    if name == _WORKBOOK:
        holes = {"names": "<definedNames/>"}
        return SkeletonPart(name, "workbook", 0, Template(text, holes))
    for number, sheet in enumerate(shape.sheets, 1):
        if name == _relationships_name(number) and sheet.has_outside_links:
            return _link_part(name, text, number)
    numbered = _NUMBERED.fullmatch(name)
    if numbered is None:
        return None
    kind, number = numbered.group(1), int(numbered.group(2))
    if kind == "worksheets/sheet":
        return SkeletonPart(name, "sheet", number, _sheet_template(text))
    if kind == "charts/chart":
        return SkeletonPart(name, "chart", number, _chart_template(text, charts[number - 1]))
    return SkeletonPart(name, "drawing", number, _drawing_template(text))


def _relationships_name(number: int) -> str:
    return f"xl/worksheets/_rels/sheet{number}.xml.rels"


def _link_part(name: str, text: str, number: int) -> SkeletonPart:
    end = "</Relationships>"
    template = Template(text.replace(end, "[[links]]" + end), {"links": "[[links]]"})
    return SkeletonPart(name, "links", number, template)


def _sheet_template(text: str) -> Template:
    for element, hole in (("<pageMargins", "[[before margins]]"), ("</worksheet>", "")):
        if text.count(element) != 1:
            raise ValueError(f"openpyxl wrote {element} {text.count(element)} times")
        text = text.replace(element, hole + element)
    header_end = "</headerFooter>"
    text = text.replace(header_end, header_end + "[[breaks]]")
    return Template(
        text,
        {
            "dimension": '<dimension ref="A1:A1"/>',
            "rows": "<sheetData></sheetData>",
            "before_margins": "[[before margins]]",
            "header": _HEADER,
            "breaks": "[[breaks]]",
        },
    )


def _drawing_template(text: str) -> Template:
    """A drawing whose charts stand in rows that a household decides, from top to bottom."""
    last = f"<row>{_LAST_ROW - 1}</row>"
    holes = {}
    for index in range(text.count(last)):
        text = text.replace(last, f"<row>[[row {index}]]</row>", 1)
        holes[f"row {index}"] = f"[[row {index}]]"
    return Template(text, holes)


def _chart_template(text: str, shape: ChartShape) -> Template:
    sign = "" if shape.starts_at_zero else "-"
    holes = {
        "title": _TITLE,
        "category_cells": _CATEGORY_CELLS,
        "categories": f'<ptCount val="1"/><pt idx="0"><v>{_CATEGORY}</v></pt>',
    }
    for index in range(len(shape.colours)):
        holes[f"name {index}"] = f"[[name {index}]]"
        holes[f"cells {index}"] = f"[[cells {index}]]"
        point = f'<pt idx="0"><v>{sign}{index + 1}</v></pt>'
        holes[f"values {index}"] = f'<ptCount val="1"/>{point}'
    return Template(text, holes)
