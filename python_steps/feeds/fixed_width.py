"""Fields of fixed-width lines: implied decimals, separate sign columns, dates, blanks.

Belongs here: one line and one field to plain text (a decimal number, an ISO date). Does not belong
here: which fields a file has; that is the knowledge of its reader or of its layout. Source of the
rules: institutional record layouts, whose numbers carry no point and whose lines are padded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

FieldKind = Literal["text", "number", "date"]


class FieldError(ValueError):
    """A field that cannot be read; `observed` says what stands there, for a violation."""

    def __init__(self, observed: str) -> None:
        super().__init__(observed)
        self.observed = observed


@dataclass(frozen=True)
class Field:
    """One field of a fixed-width line.

    Attributes:
        name: of the field, for messages and for the caller.
        start: first column, 1-based.
        end: last column, inclusive.
        kind: text is stripped; number and date are decoded.
        decimals: implied decimals of a number.
        sign_at: 1-based column of a separate sign; a blank there is no minus.
        date_format: of a date, as in `datetime.strptime`.
        minus_signs: characters that make a number negative, in the sign column or beside digits.
        plus_signs: characters that do not.
    """

    name: str
    start: int
    end: int
    kind: FieldKind = "text"
    decimals: int = 0
    sign_at: int | None = None
    date_format: str = ""
    minus_signs: str = "-"
    plus_signs: str = "+"

    def __post_init__(self) -> None:
        if self.start < 1 or self.end < self.start:
            raise ValueError(f"field {self.name}: columns {self.start} to {self.end} are no range")
        if self.decimals < 0 or (self.sign_at is not None and self.sign_at < 1):
            raise ValueError(f"field {self.name}: decimals and sign column cannot be negative")
        if (self.kind == "date") != bool(self.date_format):
            raise ValueError(f"field {self.name}: a date needs a date format, and only a date")
        if self.kind != "number" and (self.decimals or self.sign_at):
            raise ValueError(f"field {self.name}: only a number has decimals or a sign column")


def field_text(line: str, field: Field) -> str:
    """The text of one field: plain decimals for a number, ISO for a date, '' where it is blank.

    Args:
        line: without its line end.
        field: to read.

    Returns:
        A number keeps its implied decimals and loses its leading zeros ("-12.34500"); a date of
        zeros only is a blank one.

    Raises:
        FieldError: not digits, an impossible date, an unknown sign, or a line that ends inside a
            number or a date, whose last digits are then gone.
    """
    shown = line[field.start - 1 : field.end]
    text = shown.strip()
    if not text or field.kind == "text":
        return text
    if len(shown) < field.end - field.start + 1:
        raise FieldError(f"{shown!r}, cut off inside columns {field.start}-{field.end}")
    if field.kind == "date":
        return _date(text, field)
    return _number(line, text, field)


def physical_lines(content: str) -> Iterator[tuple[int, str]]:
    """Each line with its 1-based number, blank ones too, without line ends.

    Only line feeds end a line: other characters that Python splits on may stand in a text field.
    """
    lines = content.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    for position, line in enumerate(lines):
        yield position + 1, line.removesuffix("\r")


def iso_date(text: str, date_format: str) -> str:
    """A date as ISO text.

    A format of digits only must be met in full width: `strptime` would read the 2026119 of a cut
    field as 2026-11-09.

    Raises:
        FieldError: the text is no such date.
    """
    try:
        found = datetime.strptime(text, date_format)  # noqa: DTZ007 - a day has no time zone
    except ValueError as error:
        raise FieldError(f"{text!r}, which is no date of the form {date_format}") from error
    if text.isdigit() and found.strftime(date_format) != text:
        raise FieldError(f"{text!r}, which is no date of the form {date_format}")
    return found.date().isoformat()


def _date(text: str, field: Field) -> str:
    return "" if not text.strip("0") else iso_date(text, field.date_format)


def _number(line: str, text: str, field: Field) -> str:
    digits, is_negative = _unsigned(text, field)
    if field.sign_at is not None:
        is_negative = _is_minus(line[field.sign_at - 1 : field.sign_at].strip(), field)
    whole, point, fraction = digits.partition(".")
    if point and field.decimals:
        raise FieldError(f"{text!r}, a point in a number of {field.decimals} implied decimals")
    if not _plain_digits(whole + fraction):
        raise FieldError(f"{text!r}, which is no number")
    if field.decimals:
        padded = whole.rjust(field.decimals + 1, "0")
        whole, fraction = padded[: -field.decimals], padded[-field.decimals :]
    number = whole.lstrip("0") or "0"
    number = f"{number}.{fraction}" if fraction else number
    return f"-{number}" if is_negative and number.strip("0.") else number


def _unsigned(text: str, field: Field) -> tuple[str, bool]:
    """The digits and the sign that stands beside them, where no column of its own has it."""
    if field.sign_at is not None:
        return text, False
    signs = field.minus_signs + field.plus_signs
    if text[0] in signs:
        return text[1:].lstrip(), text[0] in field.minus_signs
    if text[-1] in signs:
        return text[:-1].rstrip(), text[-1] in field.minus_signs
    return text, False


def _is_minus(sign: str, field: Field) -> bool:
    if sign and sign not in field.minus_signs + field.plus_signs:
        raise FieldError(f"the sign {sign!r} in column {field.sign_at}")
    return bool(sign) and sign in field.minus_signs


def _plain_digits(text: str) -> bool:
    return bool(text) and text.isascii() and text.isdigit()
