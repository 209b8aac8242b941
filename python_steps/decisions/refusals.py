"""Why a returned workbook, or a cell of it, is not taken.

Belongs here: the refusal as a value, and how a cell's value is shown in it. Does not belong here:
any check that makes one.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Final, NamedTuple

_LONGEST_VALUE: Final = 120


class Refusal(NamedTuple):
    """One reason not to take a file; `sheet` and `cell` are empty where no cell is to blame."""

    check: str
    sheet: str
    cell: str
    value: str
    reason: str
    what_to_do: str

    def sentence(self) -> str:
        """The refusal as people read it."""
        where = f"{self.sheet}: " if self.sheet else ""
        if self.cell:
            says = f"says {self.value!r}" if self.value else "is empty"
            where = f"{self.sheet}!{self.cell} {says}: "
        return f"{where}{self.reason}. {self.what_to_do}"


class RefusedFileError(ValueError):
    """A file that cannot be read as a workbook of decisions; carries the refusals."""

    def __init__(self, *refusals: Refusal) -> None:
        super().__init__(" ".join(refusal.sentence() for refusal in refusals))
        self.refusals = refusals


def shown_value(value: object) -> str:
    """A cell's value as a refusal shows it: one line, not too long."""
    if value is None:
        return ""
    if isinstance(value, datetime) and not any((value.hour, value.minute, value.second)):
        value = value.date()
    if isinstance(value, Decimal):
        value = f"{value.normalize():f}"
    text = value.isoformat() if isinstance(value, date) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
