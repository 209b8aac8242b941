"""The parts of an .xlsx package, written by openpyxl around rows that arrive as XML.

Belongs here: what extends openpyxl's own writers, so nothing else depends on their inside. Does not
belong here: any value, text or style. openpyxl writes everything but the rows and the stylesheet;
the stylesheet is made once per process, because hashing styles cell by cell costs most of its time.
This module imports openpyxl and is itself imported inside functions only.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any, Final

from openpyxl.drawing.spreadsheet_drawing import SpreadsheetDrawing
from openpyxl.packaging import relationship as openpyxl_relationship
from openpyxl.packaging.extended import ExtendedProperties
from openpyxl.workbook import _writer as openpyxl_workbook_writer
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.worksheet.dimensions import SheetDimension
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.writer.excel import ExcelWriter
from openpyxl.writer.theme import theme_xml
from openpyxl.xml import constants
from openpyxl.xml.functions import tostring

from python_steps.reports.sheet_builder import Link, Sheet, column_letter
from python_steps.reports.styles import style_book

_FIXED_ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)
_EMPTY_ROWS: Final = (b"<sheetData></sheetData>", b"<sheetData/>")

# openpyxl's type stubs know nothing of these.
_workbook_writer: Any = openpyxl_workbook_writer
_relationship: Any = openpyxl_relationship
_drawing: Any = SpreadsheetDrawing
_application_part: Final = tostring(ExtendedProperties().to_tree())


class FixedTimeArchive(zipfile.ZipFile):
    """A zip file whose entries carry a fixed time, so that the bytes depend on the content only."""

    def writestr(
        self,
        zinfo_or_arcname: str | zipfile.ZipInfo,
        data: Any,
        compress_type: int | None = None,
        compresslevel: int | None = None,
    ) -> None:
        """Add an entry; its time and its system of origin are always the same."""
        name = (
            zinfo_or_arcname.filename
            if isinstance(zinfo_or_arcname, zipfile.ZipInfo)
            else zinfo_or_arcname
        )
        entry = zipfile.ZipInfo(name, _FIXED_ZIP_TIME)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.create_system = 0
        super().writestr(entry, data, compress_type, compresslevel or self.compresslevel)


class RowsWriter(WorksheetWriter):
    """openpyxl's writer of a worksheet, with the sheet's own extent and links."""

    xf: Any
    _rels: Any

    def __init__(self, worksheet: Any, out: Any, sheet: Sheet) -> None:
        super().__init__(worksheet, out)
        self._sheet = sheet
        worksheet._hyperlinks = [_hyperlink(place, link) for place, link in sheet.links]

    def write_dimensions(self) -> None:
        """The extent of the sheet, which openpyxl would take from cells that it does not hold."""
        right = column_letter(len(self._sheet.widths) - 1)
        self.xf.send(SheetDimension(f"A1:{right}{self._sheet.last_row}").to_tree())


def _hyperlink(place: str, link: Link) -> Any:
    if link.is_inside:
        return Hyperlink(ref=place, location=link.target, display=link.text)
    return Hyperlink(ref=place, target=link.target)


class PackageWriter(ExcelWriter):
    """openpyxl's writer of a package, without temporary files, clock or hashing of styles."""

    _archive: Any
    manifest: Any
    workbook: Any
    _write_charts: Any
    _write_drawing: Any

    def __init__(
        self, workbook: Any, archive: zipfile.ZipFile, planned: Sequence[tuple[Any, Sheet]]
    ) -> None:
        super().__init__(workbook, archive)
        self._planned = planned

    def write_data(self) -> None:
        """Write every part, always in the same order."""
        archive = self._archive
        archive.writestr(constants.ARC_APP, _application_part)
        archive.writestr(constants.ARC_CORE, tostring(self.workbook.properties.to_tree()))
        archive.writestr(constants.ARC_THEME, theme_xml)
        for index, (worksheet, sheet) in enumerate(self._planned, 1):
            worksheet._id = index
            self._write_planned(worksheet, sheet)
        self._write_charts()
        archive.writestr(constants.ARC_STYLE, style_book().stylesheet)
        writer = _workbook_writer.WorkbookWriter(self.workbook)
        archive.writestr(constants.ARC_ROOT_RELS, writer.write_root_rels())
        archive.writestr(constants.ARC_WORKBOOK, writer.write())
        archive.writestr(constants.ARC_WORKBOOK_RELS, writer.write_rels())
        self.manifest._write(archive, self.workbook)

    def _write_planned(self, worksheet: Any, sheet: Sheet) -> None:
        worksheet._drawing = _drawing()
        worksheet._drawing.charts = worksheet._charts
        part = io.BytesIO()
        writer = RowsWriter(worksheet, part, sheet)
        writer.write()
        relationships = worksheet._rels = writer._rels
        self._archive.writestr(worksheet.path[1:], _with_rows(part.getvalue(), sheet))
        self.manifest.append(worksheet)
        if worksheet._drawing:
            self._write_drawing(worksheet._drawing)
            for relationship in relationships:
                if "drawing" in relationship.Type:
                    relationship.Target = worksheet._drawing.path
        if relationships:
            place = _relationship.get_rels_path(worksheet.path)[1:]
            self._archive.writestr(place, tostring(relationships.to_tree()))


def _with_rows(part: bytes, sheet: Sheet) -> bytes:
    for placeholder in _EMPTY_ROWS:
        head, found, tail = part.partition(placeholder)
        if found:
            rows = "".join(sheet.rows).encode("utf-8")
            return b"".join((head, b"<sheetData>", rows, b"</sheetData>", tail))
    raise ValueError(f"openpyxl wrote no empty sheetData for the sheet {sheet.name!r}")
