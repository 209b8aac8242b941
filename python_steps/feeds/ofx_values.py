"""Dates, times and amounts as OFX writes them, restated in forms that can be read alone.

Belongs here: `20230101160000.000[-5:EST]` to a day and a time of day, and the decimal comma that
the standard allows. Does not belong here: which element holds what. The day is the one written: a
time without a zone is not shifted, because servers write local time whatever the standard says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

_ZONE = r"\[[^\][]{1,24}\]"
_STAMP = re.compile(
    r"^(?P<day>\d{8})(?:(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})(?:\.\d{1,6})?)?"
    rf"\s*(?:{_ZONE})?$"
)
# A server's defect: a second time of day and zone behind the first. Only the day is certain.
_DOUBLED = re.compile(
    rf"^(?P<day>\d{{8}})(?:\d{{6}}(?:\.\d{{1,6}})?)?\s*{_ZONE}\d{{6}}(?:\.\d{{1,6}})?(?:{_ZONE})?$"
)
_COMMA_AMOUNT = re.compile(r"^[-+]?\d*,\d+$")
_LAST_HOUR, _LAST_MINUTE, _LAST_SECOND = 23, 59, 60


@dataclass(frozen=True)
class Stamp:
    """A date with its time.

    Attributes:
        text: the day as ISO; the text as received where it is no date.
        day: the day, None where the text is no date.
        time: HH:MM:SS, '' where none is stated or none is certain.
        is_doubled: two times of day stand behind the date.
    """

    text: str
    day: date | None
    time: str = ""
    is_doubled: bool = False


def stamp(text: str) -> Stamp:
    """Read a date; text that is none is handed back as it is."""
    match = _STAMP.match(text) or _DOUBLED.match(text)
    day = _day(match["day"]) if match else None
    if match is None or day is None:
        return Stamp(text, None)
    if match.re is _DOUBLED:
        return Stamp(day.isoformat(), day, is_doubled=True)
    if match["hour"] is None:
        return Stamp(day.isoformat(), day)
    clock = int(match["hour"]), int(match["minute"]), int(match["second"])
    if clock[0] > _LAST_HOUR or clock[1] > _LAST_MINUTE or clock[2] > _LAST_SECOND:
        return Stamp(text, None)
    return Stamp(day.isoformat(), day, f"{match['hour']}:{match['minute']}:{match['second']}")


def _day(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def amount_text(text: str) -> str:
    """An amount with a decimal point: OFX has no thousands separators, a lone comma is decimal."""
    stripped = text.strip()
    return stripped.replace(",", ".") if _COMMA_AMOUNT.match(stripped) else stripped


def negated(text: str) -> str:
    """The amount with the other sign, its digits as received."""
    if text.startswith("-"):
        return text[1:]
    return "-" + text.removeprefix("+")
