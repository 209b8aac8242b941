"""From finished sheets to the bytes of one workbook, the same bytes for the same sheets.

Belongs here: filling a skeleton with one household's rows, ranges and points. Does not belong here:
any value, any text, any style, what is the same for every household (skeletons), the XML of what is
not (sheet_xml).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

from python_steps.reports import sheet_xml
from python_steps.reports.archive import Part, archive_bytes, part
from python_steps.reports.sheet_builder import ChartPlan, Sheet, safe_text
from python_steps.reports.skeletons import SkeletonPart, shape_of, skeleton_of
from python_steps.reports.texts import Texts
from python_steps.reports.worksheet_set_up import (
    DocumentFacts,
    document_set_up,
    header_text,
    title_text,
)


class _Filling(NamedTuple):
    """What fills the holes of one workbook."""

    title: str
    header: str
    sheets: Sequence[Sheet]
    drawings: Sequence[Sequence[ChartPlan]]
    charts: Sequence[ChartPlan]


def workbook_bytes(sheets: Sequence[Sheet], facts: DocumentFacts, texts: Texts) -> bytes:
    """The .xlsx file of finished sheets.

    Args:
        sheets: in their order; names must differ.
        facts: title and date, which also become the document's creation date.
        texts: of the language, for headers and footers.

    Raises:
        ValueError: two sheets have the same name.
    """
    require_different_names(sheets)
    skeleton = skeleton_of(shape_of(document_set_up(facts, texts), sheets))
    filling = _Filling(
        title=escape(title_text(facts.title)),
        header=escape(header_text(facts.header)),
        sheets=sheets,
        drawings=[sheet.charts for sheet in sheets if sheet.charts],
        charts=[plan for sheet in sheets for plan in sheet.charts],
    )
    return archive_bytes(
        one if isinstance(one, Part) else _filled(one, filling) for one in skeleton
    )


def require_different_names(sheets: Sequence[Sheet]) -> None:
    """Refuse sheets that Excel could not tell apart.

    Raises:
        ValueError: two sheets have the same name.
    """
    names = [sheet.name.casefold() for sheet in sheets]
    if len(set(names)) != len(names):
        raise ValueError(f"two sheets have the same name: {sorted(names)}")


def _filled(of: SkeletonPart, filling: _Filling) -> Part:
    text = of.template.filled(_values(of, filling))
    return part(of.name, text.encode("utf-8"))


def _values(of: SkeletonPart, filling: _Filling) -> Mapping[str, str]:
    place = of.number - 1
    if of.kind == "sheet":
        return _sheet_values(filling.sheets[place], filling.header)
    if of.kind == "chart":
        return _chart_values(filling.charts[place])
    if of.kind == "drawing":
        return {
            f"row {index}": str(_row_of(plan) - 1)
            for index, plan in enumerate(filling.drawings[place])
        }
    if of.kind == "links":
        links = sheet_xml.outside_links(filling.sheets[place])
        return {"links": sheet_xml.link_relationships_xml(links)}
    if of.kind == "workbook":
        return {"names": sheet_xml.defined_names_xml(filling.sheets)}
    return {"title": filling.title}


def _sheet_values(sheet: Sheet, header: str) -> Mapping[str, str]:
    return {
        "dimension": sheet_xml.dimension_xml(sheet),
        "rows": f"<sheetData>{sheet_xml.rows_xml(sheet.rows)}</sheetData>",
        "before_margins": sheet_xml.before_margins_xml(sheet),
        "header": header,
        "breaks": sheet_xml.page_breaks_xml(sheet),
    }


def _chart_values(plan: ChartPlan) -> Mapping[str, str]:
    values = {
        "title": escape(safe_text(plan.title)),
        "category_cells": escape(plan.category_cells),
        "categories": sheet_xml.text_points_xml(plan.categories),
    }
    for index, series in enumerate(plan.series):
        values[f"name {index}"] = escape(safe_text(series.name))
        values[f"cells {index}"] = escape(series.cells)
        values[f"values {index}"] = sheet_xml.number_points_xml(series.values)
    return values


def _row_of(plan: ChartPlan) -> int:
    return int(plan.anchor.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
