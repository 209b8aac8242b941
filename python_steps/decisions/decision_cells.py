"""The cells that an advisor fills, as one decision per trade, or the reason why they are none.

Belongs here: words, numbers and dates as people and spreadsheets write them, and contradictions
within one row. Does not belong here: whether the decision is allowed (judgement). Nothing is
guessed: what can be read in two ways is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from python_steps.decisions.refusals import Refusal, RefusedFileError, shown_value
from python_steps.decisions.returned_workbook import ReturnedCell
from python_steps.decisions.stamp import (
    APPROVE,
    DECISION,
    NOTE,
    OVERRIDE,
    QUANTITY_OVERRIDE,
    REJECT,
    SNOOZE_UNTIL,
    TRADE_ID,
)
from python_steps.decisions.vocabulary import decision_words, plain

LONGEST_NOTE: Final = 2_000
# 1234, 1,234.5 or 0.25: a comma is accepted only where it separates thousands.
_NUMBER: Final = re.compile(r"^(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?$")
_ISO_DATE: Final = re.compile(r"^\d{4}-\d{2}-\d{2}$")
# A double holds 15 digits; what stands behind them is the spreadsheet's, not the advisor's.
_DIGITS_OF_A_DOUBLE: Final = ".15g"


class WrittenDecision(NamedTuple):
    """What one row says. `quantity` is that of an override, `places` the cells by column."""

    trade_id: str
    decision: str
    quantity: Decimal | None
    snooze_until_date: date | None
    note: str
    places: Mapping[str, str]


def written_decision(sheet: str, row: Mapping[str, ReturnedCell]) -> WrittenDecision | None:
    """The decision of one row; None where nothing is decided in it.

    Raises:
        RefusedFileError: cells of the row cannot be read, or contradict each other.
    """
    refusals: list[Refusal] = []

    def refuse(column: str, reason: str, what_to_do: str) -> None:
        cell = row[column]
        refusals.append(
            Refusal(
                f"{column}_is_clear", sheet, cell.place, shown_value(cell.value), reason, what_to_do
            )
        )

    def read(column: str, reader: Any) -> Any:
        cell = row[column]
        if cell.is_empty:
            return None
        try:
            if cell.is_formula:
                raise ValueError("a formula or an error stands where a value is needed")
            return reader(cell.value)
        except ValueError as error:
            refuse(column, str(error), _WHAT_TO_WRITE[column])
            return None

    decision = read(DECISION, _decision)
    quantity = read(QUANTITY_OVERRIDE, _quantity)
    snooze = read(SNOOZE_UNTIL, _date)
    note = read(NOTE, _note)
    if not refusals:
        for column, reason in _contradictions(row, decision, quantity, snooze):
            refuse(column, reason, _WHAT_TO_WRITE[column])
    if refusals:
        raise RefusedFileError(*refusals)
    if decision is None:
        return None
    trade_id = row[TRADE_ID]
    return WrittenDecision(
        trade_id="" if trade_id.is_empty else str(trade_id.value).strip(),
        decision=decision,
        quantity=quantity,
        snooze_until_date=snooze,
        note=note or "",
        places={column: cell.place for column, cell in row.items()},
    )


_WHAT_TO_WRITE: Final = {
    DECISION: "Write Approve, Reject or Override, or leave the cell empty to decide later.",
    QUANTITY_OVERRIDE: "Write a number of shares beside Override; leave it empty otherwise.",
    SNOOZE_UNTIL: "Write a date such as 2026-12-31 beside Reject; leave it empty otherwise.",
    NOTE: f"Write a text of at most {LONGEST_NOTE:,} characters, or nothing.",
}


def _contradictions(
    row: Mapping[str, ReturnedCell],
    decision: str | None,
    quantity: Decimal | None,
    snooze: date | None,
) -> list[tuple[str, str]]:
    if decision is None:
        filled = [
            column for column in (QUANTITY_OVERRIDE, SNOOZE_UNTIL) if not row[column].is_empty
        ]
        return [(column, "there is a value without a decision beside it") for column in filled]
    found = []
    if decision == OVERRIDE and quantity is None:
        found.append((QUANTITY_OVERRIDE, "an override names no quantity"))
    if decision in (APPROVE, REJECT) and quantity is not None:
        found.append((QUANTITY_OVERRIDE, f"a quantity stands beside the decision to {decision}"))
    if decision != REJECT and snooze is not None:
        found.append((SNOOZE_UNTIL, f"a snooze date stands beside the decision to {decision}"))
    return found


def _decision(value: object) -> str:
    decision = decision_words().get(plain(value)) if isinstance(value, str) else None
    if decision is None:
        raise ValueError("this is no decision")
    return decision


def _quantity(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("this is no number of shares")
    if isinstance(value, str):
        text = value.strip()
        if not _NUMBER.match(text):
            raise ValueError("this is no number of shares above 0")
        quantity = Decimal(text.replace(",", ""))
    else:
        quantity = Decimal(
            format(value, _DIGITS_OF_A_DOUBLE) if isinstance(value, float) else value
        )
    if not quantity.is_finite() or quantity <= 0:
        raise ValueError("this is no number of shares above 0")
    return quantity


def _date(value: object) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, str) and _ISO_DATE.match(value.strip()):
        return date.fromisoformat(value.strip())
    raise ValueError("this is no date that can be read in one way only")


def _note(value: object) -> str:
    text = shown_value(value) if not isinstance(value, str) else value.strip()
    if len(text) > LONGEST_NOTE:
        raise ValueError(f"the note has {len(text):,} characters")
    return text
