"""Are the cells around a decision those that were issued?

Belongs here: comparing what a returned row shows with what the plan's trade shows, in any language.
Does not belong here: how a trade is shown (reports.trade_sheets). Who changes an account, a
security or a quantity there means something else than the plan does, so the file is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from python_steps.decisions.plan_facts import IssuedTrade, PlanFacts, Row
from python_steps.decisions.refusals import Refusal, shown_value
from python_steps.decisions.returned_workbook import LOT_ID, ReturnedCell
from python_steps.decisions.stamp import INPUT_COLUMNS, TRADE_ID
from python_steps.decisions.vocabulary import languages, missing_words, plain
from python_steps.reports import layout
from python_steps.reports.household_review import account_words
from python_steps.reports.layout import TableLayout
from python_steps.reports.sheet_builder import number_text, safe_text
from python_steps.reports.styles import TEXT_KINDS
from python_steps.reports.trade_sheets import trade_cells, trade_lot_cells

# A double keeps 15 digits of a number; a spreadsheet that saves it may lose the next ones.
_TOLERANCE: Final = Decimal("1E-12")
_UNCHANGED: Final = "protected_cells_are_unchanged"
_WHAT_TO_DO: Final = (
    "Undo the change: only Decision, Quantity override, Snooze until and Note may be filled in. To "
    "trade another quantity write Override."
)


def record_refusals(
    sheet: str, trade: Row, issued: IssuedTrade, cells: Mapping[str, ReturnedCell]
) -> list[Refusal]:
    """Nothing, unless the published trade is not the one on record: then neither is trusted."""
    differing = [field for field in IssuedTrade._fields if trade[field] != getattr(issued, field)]
    if not differing:
        return []
    cell = cells[TRADE_ID]
    words = ", ".join(field.replace("_", " ") for field in differing)
    reason = f"the published trade is not the one on record ({words})"
    what = "Ask operations: the snapshot and the records must agree."
    return [Refusal("trade_is_on_record", sheet, cell.place, shown_value(cell.value), reason, what)]


def protected_cell_refusals(
    sheet: str, trade_id: str, facts: PlanFacts, cells: Mapping[str, ReturnedCell]
) -> Iterator[Refusal]:
    """Every protected cell of a row that does not show what was issued."""
    row = facts.trades[trade_id]
    shown = trade_cells(languages()[0], row, *_names(facts, row))
    yield from _changed_cells(sheet, layout.TRADES, shown, cells)


def lot_refusals(
    sheet: str, facts: PlanFacts, rows: Sequence[Mapping[str, ReturnedCell]]
) -> Iterator[Refusal]:
    """Every cell of the lots to deliver that does not show what was issued.

    Other lots cannot be named in the workbook: who changes one must learn that nothing comes of it.
    """
    issued = {
        lot["lot_id"]: (facts.trades[trade_id], lot)
        for trade_id, lots in facts.trade_lots.items()
        for lot in lots
    }
    for cells in rows:
        cell = cells[LOT_ID]
        lot_id = str(cell.value).strip()
        if cell.is_formula or lot_id not in issued:
            yield _changed(sheet, cell, "the plan delivers no such lot")
            continue
        trade, lot = issued[lot_id]
        shown = trade_lot_cells(languages()[0], trade, lot, *_names(facts, trade))
        yield from _changed_cells(sheet, layout.TRADE_LOTS, shown, cells)


def _names(facts: PlanFacts, trade: Row) -> tuple[str, str]:
    """How the workbooks call a trade's account and security."""
    account = account_words(languages()[0], facts.accounts[trade["account_id"]])
    return account, _ticker(facts, trade["security_id"])


def _ticker(facts: PlanFacts, security_id: str) -> str:
    """As the workbooks call a security: by ticker, else by name, else by id."""
    security = facts.securities.get(security_id)
    known = () if security is None else (security["ticker"], security["security_name"])
    return next((str(words) for words in known if words), security_id)


def _changed_cells(
    sheet: str, table: TableLayout, shown: Row, cells: Mapping[str, ReturnedCell]
) -> Iterator[Refusal]:
    kinds = {column.key: column.kind for column in table.columns}
    for column, value in shown.items():
        cell = cells.get(column)
        if cell is None or column in INPUT_COLUMNS:
            continue
        if cell.is_formula or not _is_shown(column, kinds[column], value, cell.value):
            issued = shown_value(value) or "nothing"
            yield _changed(sheet, cell, f"this protected cell was changed; issued was {issued!r}")


def _changed(sheet: str, cell: ReturnedCell, reason: str) -> Refusal:
    value = shown_value(cell.value)
    return Refusal(_UNCHANGED, sheet, cell.place, value, reason, _WHAT_TO_DO)


def _is_shown(column: str, kind: str, value: Any, found: Any) -> bool:
    if value is None:
        return found is not None and plain(found) in missing_words()
    if isinstance(value, str):
        is_empty = found is None or found == ""
        return is_empty if not value else not is_empty and _is_text(column, value, found)
    if kind in TEXT_KINDS:
        return False
    if isinstance(value, date):
        day = found.date() if isinstance(found, datetime) else found
        return bool(day == value)
    return _is_number(Decimal(number_text(kind, value)), found)


def _is_text(column: str, value: str, found: Any) -> bool:
    """The text in one of the languages, whatever a spreadsheet did to its white space."""
    said = plain(found)
    return any(
        said == plain(safe_text(texts.translator.cell(column, value))) for texts in languages()
    )


def _is_number(value: Decimal, found: Any) -> bool:
    if isinstance(found, bool) or not isinstance(found, int | float | Decimal):
        return False
    try:
        number = Decimal(repr(found)) if isinstance(found, float) else Decimal(found)
    except InvalidOperation:
        return False
    return number.is_finite() and abs(number - value) <= _TOLERANCE * max(Decimal(1), abs(value))
