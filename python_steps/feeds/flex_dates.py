"""The date format of a Flex document, told from all its dates together.

Belongs here: which of the formats that a client can choose a document is written in, and the
restating of month-first, day-first and other local formats as ISO dates. Does not belong here:
casting. A single date such as 05/06/2025 tells nothing; the whole document mostly does. Where it
does not, the file is refused: a guess would move tax dates by months.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

# Formats that can be read without knowing the document; they are left as received.
_PLAIN = ("%Y-%m-%d", "%Y%m%d")
_ZONE = r"(?P<zone>\s*(?:[A-Z][A-Za-z/_]*|[-+]\d{2}:?\d{2}))?"
_WITH_TIME = re.compile(rf"^(?P<date>.*?\d)(?P<gap>[;, T]+)(?P<time>\d{{1,2}}:?\d{{2}}.*?){_ZONE}$")
# A client may choose no separator at all; then the time has all its six digits.
_JOINED = re.compile(
    r"^(?P<date>\d{4}-\d{2}-\d{2}|\d{8}|\d{2}/\d{2}/(?:\d{4}|\d{2})|\d{2}-[A-Za-z]{3}-\d{2})"
    rf"(?P<time>\d{{6}}|\d{{2}}:\d{{2}}:\d{{2}}){_ZONE}$"
)


@dataclass(frozen=True)
class DateFormat:
    """The format of a document; None where it holds no date."""

    form: str | None

    def restated(self, text: str) -> str:
        """A date, with its time, in a form that can be read alone; other text unchanged.

        A time zone behind the time is left out: the date is the one written.
        """
        day, time = split_time(text)
        value = _parsed(day, self.form)
        if value is None:
            return text
        shown = day if self.form in _PLAIN else value.isoformat()
        parted = _WITH_TIME.match(text.strip())
        if self.form in _PLAIN and parted is not None and not parted["zone"]:
            return text
        return f"{shown};{time}" if time else shown

    def value(self, text: str) -> date | None:
        """The calendar date of a text, None where it is not of this format."""
        return _parsed(split_time(text)[0], self.form) if self.form else None


def split_time(text: str) -> tuple[str, str]:
    """Date and time of a text such as `2025-12-01;15:09:47 EST`, without a time zone.

    The time is '' where there is none.
    """
    match = _JOINED.match(text.strip()) or _WITH_TIME.match(text.strip())
    return (match["date"], match["time"]) if match else (text.strip(), "")


def date_format_of(texts: Iterable[str], formats: Sequence[str]) -> DateFormat | str:
    """The one format of all dates of a document.

    Args:
        texts: every text that stands where a date is expected; no dates among them are ignored.
        formats: those a client can choose.

    Returns:
        The format, or, where no single one fits or two fit with different meaning, a sentence
        that says what was found.
    """
    days = sorted({split_time(text)[0] for text in texts if text.strip()})
    readings = {day: {form: _parsed(day, form) for form in formats} for day in days}
    dated = {day: found for day, found in readings.items() if any(found.values())}
    if not dated:
        return DateFormat(None)
    fitting = [form for form in formats if all(found[form] for found in dated.values())]
    if not fitting:
        return "dates of more than one format, such as " + " and ".join(
            list(dated)[:: len(dated) - 1 or 1][:2]
        )
    first = fitting[0]
    for other in fitting[1:]:
        for day, found in dated.items():
            if found[first] != found[other]:
                return f"{day!r}, which is {found[first]} or {found[other]}"
    return DateFormat(first)


def _parsed(text: str, form: str | None) -> date | None:
    if not form:
        return None
    try:
        return datetime.strptime(text, form).date()  # noqa: DTZ007 - a calendar date
    except ValueError:
        return None
