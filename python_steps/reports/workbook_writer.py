"""From finished sheets to the bytes of one workbook, the same bytes for the same sheets.

Belongs here: the package around the rows, through openpyxl (views, widths, printing, charts,
properties), and what makes it deterministic. Does not belong here: any value, any text, any style.
openpyxl writes everything but the rows and the stylesheet: the rows arrive as XML and the stylesheet
is made once per process, because hashing styles cell by cell costs most of openpyxl's time.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any, Final, NamedTuple

from python_steps.reports.charts import bar_chart
from python_steps.reports.sheet_builder import Sheet, column_letter, safe_text
from python_steps.reports.styles import NAVY, style_book
from python_steps.reports.texts import Texts

_FIXED_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)
_US_LETTER: Final = 1
_LONGEST_HEADER: Final = 120


class DocumentFacts(NamedTuple):
    """What the document says of itself."""

    title: str
    header: str
    as_of_date: date


class _Archive(zipfile.ZipFile):
    """A zip file whose entries carry a fixed time, so that the bytes depend on the content only."""

    def writestr(
        self,
        zinfo_or_arcname: str | zipfile.ZipInfo,
        data: bytes | str,
        compress_type: int | None = None,
        compresslevel: int | None = None,
    ) -> None:
        name = (
            zinfo_or_arcname.filename
            if isinstance(zinfo_or_arcname, zipfile.ZipInfo)
            else zinfo_or_arcname
        )
        entry = zipfile.ZipInfo(name, _FIXED_ZIP_TIME)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.create_system = 0
        super().writestr(entry, data, compress_type, compresslevel)


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

    names = [sheet.name.casefold() for sheet in sheets]
    if len(set(names)) != len(names):
        raise ValueError(f"two sheets have the same name: {sorted(names)}")
    workbook = Workbook()
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
    with _Archive(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        _package_writer()(workbook, archive, planned).write_data()
    return buffer.getvalue()


def _worksheet(workbook: Any, sheet: Sheet, facts: DocumentFacts, texts: Texts) -> Any:
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
    worksheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    worksheet.page_setup.orientation = "landscape"
    worksheet.page_setup.paperSize = _US_LETTER
    worksheet.page_setup.fitToWidth = 1
    worksheet.page_setup.fitToHeight = 0
    margins = worksheet.page_margins
    margins.left = margins.right = 0.4
    margins.top, margins.bottom = 0.7, 0.6
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


_PACKAGE_WRITER: list[type] = []


def _package_writer() -> type:
    """The class that writes the package; made on first use, because it extends openpyxl's."""
    if _PACKAGE_WRITER:
        return _PACKAGE_WRITER[0]
    from openpyxl.packaging.extended import ExtendedProperties
    from openpyxl.packaging.relationship import RelationshipList, get_rels_path
    from openpyxl.workbook._writer import WorkbookWriter
    from openpyxl.worksheet._writer import WorksheetWriter
    from openpyxl.worksheet.dimensions import SheetDimension
    from openpyxl.worksheet.hyperlink import Hyperlink
    from openpyxl.writer.excel import ExcelWriter
    from openpyxl.writer.theme import theme_xml
    from openpyxl.xml import constants
    from openpyxl.xml.functions import tostring

    application_part = tostring(ExtendedProperties().to_tree())

    class RowsWriter(WorksheetWriter):
        """openpyxl's writer of a worksheet, with our extent and our hyperlinks."""

        def __init__(self, worksheet: Any, out: Any, sheet: Sheet) -> None:
            super().__init__(worksheet, out)
            self._sheet = sheet
            worksheet._hyperlinks = [
                Hyperlink(ref=place, location=link.target, display=link.text)
                if link.is_inside
                else Hyperlink(ref=place, target=link.target)
                for place, link in sheet.links
            ]

        def write_dimensions(self) -> None:
            right = column_letter(len(self._sheet.widths) - 1)
            self.xf.send(SheetDimension(f"A1:{right}{self._sheet.last_row}").to_tree())

    class PackageWriter(ExcelWriter):
        """openpyxl's writer of a package, without temporary files, clock or style hashing."""

        def __init__(self, workbook: Any, archive: Any, planned: Sequence[tuple[Any, Sheet]]):
            super().__init__(workbook, archive)
            self._planned = planned

        def write_data(self) -> None:
            archive = self._archive
            archive.writestr(constants.ARC_APP, application_part)
            archive.writestr(
                constants.ARC_CORE, tostring(self.workbook.properties.to_tree())
            )
            archive.writestr(constants.ARC_THEME, theme_xml)
            self._write_worksheets()
            self._write_charts()
            archive.writestr(constants.ARC_STYLE, style_book().stylesheet)
            writer = WorkbookWriter(self.workbook)
            archive.writestr(constants.ARC_ROOT_RELS, writer.write_root_rels())
            archive.writestr(constants.ARC_WORKBOOK, writer.write())
            archive.writestr(constants.ARC_WORKBOOK_RELS, writer.write_rels())
            self.manifest._write(archive, self.workbook)

        def _write_worksheets(self) -> None:
            from openpyxl.drawing.spreadsheet_drawing import SpreadsheetDrawing

            for index, (worksheet, sheet) in enumerate(self._planned, 1):
                worksheet._id = index
                worksheet._drawing = SpreadsheetDrawing()
                worksheet._drawing.charts = worksheet._charts
                part = io.BytesIO()
                writer = RowsWriter(worksheet, part, sheet)
                writer.write()
                worksheet._rels = writer._rels
                self._archive.writestr(worksheet.path[1:], _with_rows(part.getvalue(), sheet))
                self.manifest.append(worksheet)
                if worksheet._drawing:
                    self._write_drawing(worksheet._drawing)
                    for relationship in worksheet._rels:
                        if "drawing" in relationship.Type:
                            relationship.Target = worksheet._drawing.path
                if worksheet._rels:
                    relationships: RelationshipList = worksheet._rels
                    self._archive.writestr(
                        get_rels_path(worksheet.path)[1:], tostring(relationships.to_tree())
                    )

    _PACKAGE_WRITER.append(PackageWriter)
    return PackageWriter


_EMPTY_ROWS: Final = (b"<sheetData></sheetData>", b"<sheetData/>")


def _with_rows(part: bytes, sheet: Sheet) -> bytes:
    for placeholder in _EMPTY_ROWS:
        head, found, tail = part.partition(placeholder)
        if found:
            rows = "".join(sheet.rows).encode("utf-8")
            return b"".join((head, b"<sheetData>", rows, b"</sheetData>", tail))
    raise ValueError(f"openpyxl wrote no empty sheetData for the sheet {sheet.name!r}")
