"""From finished sheets to the bytes of one workbook, the same bytes for the same sheets.

Belongs here: views, widths, printing, charts and properties of a workbook, and the fixed time of
its archive. Does not belong here: any value, any text, any style; the parts' bytes (package).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any, Final, NamedTuple

from python_steps.reports.charts import bar_chart
from python_steps.reports.sheet_builder import Sheet, column_letter, page_scale, safe_text
from python_steps.reports.styles import NAVY
from python_steps.reports.texts import Texts

_US_LETTER: Final = 1
_LONGEST_HEADER: Final = 120
_CHARTS_ON_A_PAGE: Final = 2
_SURELY_FITS: Final = 0.96  # viewers differ a little in the width of a column


class DocumentFacts(NamedTuple):
    """What the document says of itself."""

    title: str
    header: str
    as_of_date: date


def workbook_bytes(sheets: Sequence[Sheet], facts: DocumentFacts, texts: Texts) -> bytes:
    """The .xlsx file of finished sheets.

    Args:
        sheets: in their order; names must differ.
        facts: title and date, which also become the document's creation date.
        texts: of the language, for headers and footers.

    Raises:
        ValueError: two sheets have the same name.
    """
    from openpyxl import Workbook

    from python_steps.reports import package

    names = [sheet.name.casefold() for sheet in sheets]
    if len(set(names)) != len(names):
        raise ValueError(f"two sheets have the same name: {sorted(names)}")
    workbook: Any = Workbook()
    workbook.remove(workbook.active)
    created = datetime.combine(facts.as_of_date, time())
    properties = workbook.properties
    properties.title = safe_text(facts.title)[:255]
    properties.subject = texts.text("document.subject", as_of_date=facts.as_of_date.isoformat())
    properties.creator = properties.lastModifiedBy = texts.text("document.author")
    properties.created = properties.modified = created
    properties.language = texts.language
    planned = [(_worksheet(workbook, sheet, facts, texts), sheet) for sheet in sheets]
    buffer = io.BytesIO()
    with package.FixedTimeArchive(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        package.PackageWriter(workbook, archive, planned).write_data()
    return buffer.getvalue()


def _worksheet(workbook: Any, sheet: Sheet, facts: DocumentFacts, texts: Texts) -> Any:
    from openpyxl.worksheet.pagebreak import Break
    from openpyxl.worksheet.properties import PageSetupProperties

    worksheet = workbook.create_sheet(sheet.name)
    for index, width in enumerate(sheet.widths):
        worksheet.column_dimensions[column_letter(index)].width = width
    view = worksheet.sheet_view
    view.showGridLines = False
    view.zoomScale = 90
    if sheet.freeze_at is not None:
        worksheet.freeze_panes = sheet.freeze_at
    worksheet.sheet_properties.tabColor = NAVY
    worksheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=not sheet.page_starts)
    worksheet.page_setup.orientation = "portrait" if sheet.is_portrait else "landscape"
    worksheet.page_setup.paperSize = _US_LETTER
    # A chart must not be cut by the end of a page; rows may run over many pages.
    if sheet.page_starts:
        worksheet.page_setup.scale = int(100 * _SURELY_FITS * page_scale(sheet))
        for row in sheet.page_starts:
            worksheet.row_breaks.append(Break(id=row - 1))
    else:
        worksheet.page_setup.fitToWidth = 1
        worksheet.page_setup.fitToHeight = 1 if 0 < len(sheet.charts) <= _CHARTS_ON_A_PAGE else 0
    margins = worksheet.page_margins
    margins.left = margins.right = 0.4
    margins.top = margins.bottom = 0.75
    worksheet.print_area = f"A1:{column_letter(sheet.print_columns - 1)}{sheet.last_row}"
    worksheet.print_title_rows = sheet.repeat_rows
    if sheet.filter_cells is not None:
        worksheet.auto_filter.ref = sheet.filter_cells
    for cells in sheet.merges:
        worksheet.merged_cells.add(cells)
    _header_and_footer(worksheet, sheet, facts, texts)
    for plan in sheet.charts:
        worksheet.add_chart(bar_chart(plan), plan.anchor)
    return worksheet


def _header_and_footer(worksheet: Any, sheet: Sheet, facts: DocumentFacts, texts: Texts) -> None:
    def plain(text: str) -> str:
        # An ampersand starts a code in headers; a digit after the font code would be a size.
        return safe_text(text).replace("\n", " ")[:_LONGEST_HEADER].replace("&", "&&")

    worksheet.oddHeader.left.text = plain(facts.header)
    worksheet.oddHeader.right.text = plain(sheet.name)
    day = facts.as_of_date.isoformat()
    worksheet.oddFooter.left.text = plain(texts.text("footer.as_of", as_of_date=day))
    worksheet.oddFooter.center.text = plain(texts.text("header.confidential"))
    page, of = plain(texts.text("footer.page")), plain(texts.text("footer.of"))
    worksheet.oddFooter.right.text = f"{page} &P {of} &N"
