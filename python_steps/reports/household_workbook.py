"""One household's workbook, as bytes.

Belongs here: which sheets it has, in which order, and the one function that renders it. Does not
belong here: the content of a sheet, any reading of marts, any writing of files.
"""

from __future__ import annotations

from python_steps.reports import household_sheets as sheets
from python_steps.reports.report_frames import HouseholdReportFrames
from python_steps.reports.styles import style_book
from python_steps.reports.texts import texts_and_notice
from python_steps.reports.workbook_writer import DocumentFacts, workbook_bytes

_SHEETS = (
    sheets.summary_sheet,
    sheets.drift_sheet,
    sheets.trades_sheet,
    sheets.tax_impact_sheet,
    sheets.comparison_sheet,
    sheets.location_sheet,
    sheets.lots_sheet,
    sheets.wash_sales_sheet,
    sheets.exceptions_sheet,
    sheets.compliance_sheet,
)


def render_household_workbook(frames: HouseholdReportFrames) -> bytes:
    """Render the workbook of one household.

    Every number is a mart's number: dollars to the cent, shares and weights with all their digits.
    What the marts do not know is shown as n/a. The same frames give the same bytes.

    Raises:
        ValueError: the frames contradict themselves (two plans, trades of a withheld household).
        MissingTextError: a status, code or class has no display name.
        TypeError: a dollar amount is not an exact decimal.
    """
    texts, notice = texts_and_notice(frames.report_language)
    review = sheets.review_of(frames, texts, style_book(), notice)
    name = review.household["household_name"] or frames.household_id
    facts = DocumentFacts(
        title=texts.text("document.household_title", household=name),
        header=name,
        as_of_date=frames.as_of_date,
    )
    return workbook_bytes([make(review) for make in _SHEETS], facts, texts)
