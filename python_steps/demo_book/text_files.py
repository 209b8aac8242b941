"""The text of one CSV file, made row by row without keeping it in full.

Belongs here: the form that every CSV of the standard feed and of the policy folder has (header,
rows, a last line with row count and as-of date) and the text of numbers. Does not belong here:
which columns or rows a file has. Rows are kept compressed until the file is asked for, so a book
of millions of lots is held in a few bytes a row.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from datetime import date

from python_steps.demo_book.ledger import SHARE_UNITS

_ROWS_A_BLOCK = 20_000


class CsvFile:
    """One CSV under construction."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self.row_count = 0
        self._rows: list[str] = []
        self._blocks: list[bytes] = []

    def add(self, values: Sequence[str]) -> None:
        """Append a row of texts in the order of the columns.

        Raises:
            ValueError: another number of values than columns.
        """
        if len(values) != len(self.columns):
            raise ValueError(f"{len(values)} values for {len(self.columns)} columns: {values}")
        self._rows.append(",".join(values))
        self.row_count += 1
        if len(self._rows) >= _ROWS_A_BLOCK:
            self._pack()

    def content(self, as_of: date, *, rows_written: int | None = None) -> bytes:
        """The file: header, rows, and a last line with the row count and the as-of date.

        Args:
            as_of: the session that the file states.
            rows_written: where given, only so many rows are in the file, while its last line
                states them all: a file cut off on its way.
        """
        self._pack()
        # A buffer that hands out its own bytes: the largest files are held once, not twice.
        whole = io.BytesIO()
        whole.write(f"{','.join(self.columns)}\n".encode())
        left = self.row_count if rows_written is None else rows_written
        for block in self._blocks:
            rows = zlib.decompress(block)
            if left < _ROWS_A_BLOCK:
                rows = b"".join(rows.splitlines(keepends=True)[:left])
            whole.write(rows)
            left = max(left - _ROWS_A_BLOCK, 0)
        whole.write(f"#rows={self.row_count},as_of_date={as_of.isoformat()}\n".encode())
        return whole.getvalue()

    def _pack(self) -> None:
        if self._rows:
            text = "\n".join(self._rows) + "\n"
            self._blocks.append(zlib.compress(text.encode(), level=1))
            self._rows.clear()


def field_text(text: str) -> str:
    """A text as one CSV field, quoted where it must be."""
    if any(character in text for character in ',"\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def money_text(cents: int) -> str:
    """Cents as dollars with two decimals."""
    sign = "-" if cents < 0 else ""
    dollars, rest = divmod(abs(cents), 100)
    return f"{sign}{dollars}.{rest:02d}"


def quantity_text(quantity: int) -> str:
    """Ten-thousandths of a share as a number without trailing zeros."""
    sign = "-" if quantity < 0 else ""
    shares, rest = divmod(abs(quantity), SHARE_UNITS)
    if not rest:
        return f"{sign}{shares}"
    return f"{sign}{shares}.{rest:04d}".rstrip("0")


def rate_text(ten_thousandths: int) -> str:
    """A rate of exchange given in ten-thousandths, with four decimals."""
    whole, rest = divmod(ten_thousandths, 10_000)
    return f"{whole}.{rest:04d}"


def boolean_text(value: bool) -> str:
    """Spelled as in every file of the book: true or false."""
    return "true" if value else "false"


def date_text(day: date | None) -> str:
    """An ISO date; '' for none."""
    return day.isoformat() if day else ""
