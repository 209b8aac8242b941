"""What ties a workbook to its plan: ids on the sheet and in a hidden sheet, names of ranges.

Belongs here: the names that the writer of the workbooks puts in and the reader of returned ones
looks for. Does not belong here: writing or reading a file, any judgement. A hidden sheet and names
of ranges survive Excel and LibreOffice, moved columns and sorted rows.
"""

from __future__ import annotations

from typing import Final, NamedTuple

STAMP_SHEET: Final = "evenkeel_plan"
STAMP_FORMAT: Final = "evenkeel-decisions-1"
RANGE_PREFIX: Final = "evenkeel_trades_"
PLAN_LINE_RANGE: Final = "evenkeel_plan_line"

DECISION: Final = "decision"
QUANTITY_OVERRIDE: Final = "quantity_override"
SNOOZE_UNTIL: Final = "snooze_until"
NOTE: Final = "note"
TRADE_ID: Final = "trade_id"
INPUT_COLUMNS: Final = (DECISION, QUANTITY_OVERRIDE, SNOOZE_UNTIL, NOTE)

APPROVE: Final = "approve"
REJECT: Final = "reject"
OVERRIDE: Final = "override"
DECISIONS: Final = (APPROVE, REJECT, OVERRIDE)


class PlanStamp(NamedTuple):
    """Which plan of which household a workbook shows."""

    household_id: str
    plan_id: str
    version: str
    input_hash: str

    def lines(self) -> list[tuple[str, str]]:
        """The rows of the hidden sheet: key and value, the format first."""
        return [("format", STAMP_FORMAT), *zip(self._fields, self, strict=True)]


def range_name(column: str) -> str:
    """The name of the cells of a column of the trades."""
    return f"{RANGE_PREFIX}{column}"
