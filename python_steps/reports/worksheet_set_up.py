"""What a workbook and its worksheets are told beside their cells, as openpyxl objects.

Belongs here: document properties, widths, views, printing, headers and footers. Does not belong
here: rows, charts, and what only the rows decide (extent, merges, filter, links). Both writers use
it: the skeletons and the plain workbook.
"""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any, Final, NamedTuple

from python_steps.reports.sheet_builder import Sheet, column_letter, page_scale, safe_text
from python_steps.reports.styles import NAVY
from python_steps.reports.texts import Texts

_US_LETTER: Final = 1
_LONGEST_HEADER: Final = 120
_LONGEST_TITLE: Final = 255
_CHARTS_ON_A_PAGE: Final = 2
_SURELY_FITS: Final = 0.96  # viewers differ a little in the width of a column


class DocumentFacts(NamedTuple):
    """What the document says of itself."""

    title: str
    header: str
    as_of_date: date


class DocumentSetUp(NamedTuple):
    """What every workbook of a night says in one language."""

    created: date
    language: str
    author: str
    subject: str
    footer: tuple[str, str, str]


class SheetSetUp(NamedTuple):
    """What a worksheet is told before it has rows; `scale` is None where it fits its pages."""

    name: str
    widths: tuple[float, ...]
    freeze_at: str | None
    is_portrait: bool
    scale: int | None
    fit_to_height: int
    is_protected: bool = False
    is_very_hidden: bool = False


def document_set_up(facts: DocumentFacts, texts: Texts) -> DocumentSetUp:
    """The set-up of the workbooks of a night in the language of the texts."""
    day = facts.as_of_date.isoformat()
    page, of = header_text(texts.text("footer.page")), header_text(texts.text("footer.of"))
    return DocumentSetUp(
        created=facts.as_of_date,
        language=texts.language,
        author=texts.text("document.author"),
        subject=texts.text("document.subject", as_of_date=day),
        footer=(
            header_text(texts.text("footer.as_of", as_of_date=day)),
            header_text(texts.text("header.confidential")),
            f"{page} &P {of} &N",
        ),
    )


def sheet_set_up(sheet: Sheet) -> SheetSetUp:
    """The set-up of a sheet. A chart must not be cut by the end of a page; rows may run on."""
    scale = int(100 * _SURELY_FITS * page_scale(sheet)) if sheet.page_starts else None
    return SheetSetUp(
        name=sheet.name,
        widths=sheet.widths,
        freeze_at=sheet.freeze_at,
        is_portrait=sheet.is_portrait,
        scale=scale,
        fit_to_height=1 if 0 < len(sheet.charts) <= _CHARTS_ON_A_PAGE else 0,
        is_protected=sheet.is_protected,
        is_very_hidden=sheet.is_very_hidden,
    )


def title_text(title: str) -> str:
    """A text as a document's title can hold it."""
    return safe_text(title)[:_LONGEST_TITLE]


def header_text(text: str) -> str:
    """A text as a header can hold it: an ampersand starts a code there."""
    return safe_text(text).replace("\n", " ")[:_LONGEST_HEADER].replace("&", "&&")


def set_up_document(workbook: Any, set_up: DocumentSetUp, title: str) -> None:
    """Give a workbook its properties; its dates are the night's."""
    properties = workbook.properties
    properties.title = title
    properties.subject = set_up.subject
    properties.creator = properties.lastModifiedBy = set_up.author
    properties.created = properties.modified = datetime.combine(set_up.created, time())
    properties.language = set_up.language


def set_up_worksheet(
    worksheet: Any, set_up: SheetSetUp, document: DocumentSetUp, header: str
) -> None:
    """Give a worksheet its widths, view, page and header."""
    from openpyxl.worksheet.properties import PageSetupProperties

    for index, width in enumerate(set_up.widths):
        worksheet.column_dimensions[column_letter(index)].width = width
    if set_up.is_very_hidden:
        worksheet.sheet_state = "veryHidden"
    if set_up.is_protected:
        # What a reader may still do is said by what is not locked.
        worksheet.protection.sheet = True
        worksheet.protection.autoFilter = worksheet.protection.sort = False
        worksheet.protection.formatColumns = worksheet.protection.formatRows = False
    view = worksheet.sheet_view
    view.showGridLines = False
    view.zoomScale = 90
    if set_up.freeze_at is not None:
        worksheet.freeze_panes = set_up.freeze_at
    properties = worksheet.sheet_properties
    properties.tabColor = NAVY
    properties.pageSetUpPr = PageSetupProperties(fitToPage=set_up.scale is None)
    page = worksheet.page_setup
    page.orientation = "portrait" if set_up.is_portrait else "landscape"
    page.paperSize = _US_LETTER
    if set_up.scale is None:
        page.fitToWidth = 1
        page.fitToHeight = set_up.fit_to_height
    else:
        page.scale = set_up.scale
    margins = worksheet.page_margins
    margins.left = margins.right = 0.4
    margins.top = margins.bottom = 0.75
    worksheet.oddHeader.left.text = header
    worksheet.oddHeader.right.text = header_text(set_up.name)
    left, center, right = document.footer
    worksheet.oddFooter.left.text = left
    worksheet.oddFooter.center.text = center
    worksheet.oddFooter.right.text = right
