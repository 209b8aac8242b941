"""One household's workbook, as bytes.

Belongs here: which sheets it has, in which order, and the functions that make them. Does not
belong here: the content of a sheet, any reading of marts, any writing of files.
"""

from __future__ import annotations

from python_steps.reports.allocation_sheets import comparison_sheet, drift_sheet
from python_steps.reports.holding_sheets import location_sheet, lots_sheet, wash_sales_sheet
from python_steps.reports.household_review import review_of
from python_steps.reports.record_sheets import compliance_sheet, exceptions_sheet
from python_steps.reports.report_frames import HouseholdReportFrames
from python_steps.reports.sheet_builder import Sheet
from python_steps.reports.styles import style_book
from python_steps.reports.summary_sheet import summary_sheet
from python_steps.reports.texts import Texts, texts_and_notice
from python_steps.reports.trade_sheets import plan_stamp_sheet, tax_impact_sheet, trades_sheet
from python_steps.reports.workbook_writer import workbook_bytes
from python_steps.reports.worksheet_set_up import DocumentFacts

_SHEETS = (
    summary_sheet,
    drift_sheet,
    trades_sheet,
    tax_impact_sheet,
    comparison_sheet,
    location_sheet,
    lots_sheet,
    wash_sales_sheet,
    exceptions_sheet,
    compliance_sheet,
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
    return workbook_bytes(*household_sheets(frames))


def household_sheets(frames: HouseholdReportFrames) -> tuple[list[Sheet], DocumentFacts, Texts]:
    """The sheets of one household as plain values, for a writer.

    Raises:
        ValueError: the frames contradict themselves (two plans, trades of a withheld household).
        MissingTextError: a status, code or class has no display name.
        TypeError: a dollar amount is not an exact decimal.
    """
    texts, notice = texts_and_notice(frames.report_language, frames.firm_policy.report_language)
    review = review_of(frames, texts, style_book(texts.language), notice)
    name = review.household["household_name"] or frames.household_id
    facts = DocumentFacts(
        title=texts.text("document.household_title", household=name),
        header=name,
        as_of_date=frames.as_of_date,
    )
    sheets = [make(review) for make in _SHEETS]
    stamp = plan_stamp_sheet(review)
    if stamp is not None:
        sheets.append(stamp)
    return sheets, facts, texts
