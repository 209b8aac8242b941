"""The same sheets written with openpyxl alone, cell by cell: slow, and simple enough to trust.

Belongs here: what the fast writer (workbook_writer) is held against, in tests and in the bench.
Does not belong here: anything that a night uses.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from python_steps.reports import sheet_xml
from python_steps.reports.charts import bar_chart
from python_steps.reports.sheet_builder import Cell, Link, Sheet
from python_steps.reports.styles import style_book
from python_steps.reports.texts import Texts
from python_steps.reports.workbook_writer import require_different_names
from python_steps.reports.worksheet_set_up import (
    DocumentFacts,
    DocumentSetUp,
    document_set_up,
    header_text,
    set_up_document,
    set_up_worksheet,
    sheet_set_up,
    title_text,
)


def plain_workbook_bytes(sheets: Sequence[Sheet], facts: DocumentFacts, texts: Texts) -> bytes:
    """The .xlsx file of finished sheets; its dates of change are the clock's.

    Raises:
        ValueError: two sheets have the same name.
    """
    from openpyxl import Workbook

    require_different_names(sheets)
    workbook: Any = Workbook()
    workbook.remove(workbook.active)
    document = document_set_up(facts, texts)
    set_up_document(workbook, document, title_text(facts.title))
    for sheet in sheets:
        _add_sheet(workbook, sheet, document, header_text(facts.header))
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()


def _add_sheet(workbook: Any, sheet: Sheet, document: DocumentSetUp, header: str) -> None:
    from openpyxl.worksheet.datavalidation import DataValidation
    from openpyxl.worksheet.pagebreak import Break

    worksheet = workbook.create_sheet(sheet.name)
    set_up_worksheet(worksheet, sheet_set_up(sheet), document, header)
    for number, height, cells in sheet.rows:
        if height is not None:
            worksheet.row_dimensions[number].height = height
        for column, described in enumerate(cells, 1):
            _write(worksheet.cell(row=number, column=column), described, document.language)
    for place, link in sheet.links:
        worksheet[place].hyperlink = _hyperlink(place, link)
    for joined in sheet.merges:
        worksheet.merged_cells.add(joined)
    for chosen, options in sheet.choices:
        lists = DataValidation(
            type="list",
            formula1=sheet_xml.choices_formula(options),
            allow_blank=True,
            showErrorMessage=True,
            showInputMessage=True,
        )
        lists.add(chosen)
        worksheet.add_data_validation(lists)
    if sheet.filter_cells is not None:
        worksheet.auto_filter.ref = sheet.filter_cells
    worksheet.print_area = sheet_xml.print_area(sheet)
    worksheet.print_title_rows = sheet.repeat_rows
    for row in sheet.page_starts:
        worksheet.row_breaks.append(Break(id=row - 1))
    _name_cells(workbook, sheet)
    for plan in sheet.charts:
        worksheet.add_chart(bar_chart(plan), plan.anchor)


def _name_cells(workbook: Any, sheet: Sheet) -> None:
    from openpyxl.utils import quote_sheetname
    from openpyxl.workbook.defined_name import DefinedName

    for name, cells in sheet.cell_names:
        target = f"{quote_sheetname(sheet.name)}!{sheet_xml.absolute_cells(cells)}"
        workbook.defined_names[name] = DefinedName(name, attr_text=target)


def _write(cell: Any, described: Cell, language: str) -> None:
    number, text, is_text = described
    look, is_quoted = style_book(language).looks[number]
    for attribute, value in look.items():
        setattr(cell, attribute, value)
    cell._style.quotePrefix = int(is_quoted)
    if not text:
        return
    if is_text:
        cell.value = text
        cell.data_type = "s"  # openpyxl takes "=1" for a formula
    else:
        cell.value = Decimal(text)


def _hyperlink(place: str, link: Link) -> Any:
    from openpyxl.worksheet.hyperlink import Hyperlink

    if link.is_inside:
        return Hyperlink(ref=place, location=link.target, display=link.text)
    return Hyperlink(ref=place, target=link.target)
