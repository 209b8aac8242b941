"""Account numbers as they may be shown: their end only.

Belongs here: how a number is masked in text that leaves the raw tables: logs, run events, what the
command line prints. Does not belong here: the marts, which mask in SQL (macro `masked_number`, the
same rule).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

# Longer numbers keep four characters, shorter ones two; a number up to this long is replaced only
# where it stands alone, since it would be found inside other numbers.
SHORT_NUMBER = 6
# As custodians mask in their own files: XXXX-1234, ...234, ****1234.
_MASKED = re.compile(r"[Xx*.]{2}")

# What may be an account number in the name of a file that does not say which accounts it is of.
_LONG_RUN = re.compile(r"(?<![0-9A-Za-z])[A-Za-z]{0,2}[0-9]{7,}(?![0-9A-Za-z])")
_DAYS_AND_TIMES = ("%Y%m%d", "%m%d%Y", "%d%m%Y", "%Y%m%d%H%M", "%Y%m%d%H%M%S")


def masked_number(number: str) -> str:
    """`41000020` as `XXXX0020`, `U123` as `XXXX23`."""
    return "XXXX" + (number[-4:] if len(number) > SHORT_NUMBER else number[-2:])


def with_masked_numbers(text: str, numbers: Iterable[str]) -> str:
    """The text with every one of the numbers masked, the longest first."""
    told = text
    for number in sorted({one for one in numbers if one}, key=lambda one: (-len(one), one)):
        if number not in told or _MASKED.match(number):
            continue
        if len(number) > SHORT_NUMBER:
            told = told.replace(number, masked_number(number))
        else:
            alone = rf"(?<![0-9A-Za-z]){re.escape(number)}(?![0-9A-Za-z])"
            told = re.sub(alone, masked_number(number), told)
    return told


def with_masked_runs(name: str) -> str:
    """A file's name with every long run of digits masked that is no day or time."""
    return _LONG_RUN.sub(lambda run: _told_run(run.group()), name)


def _told_run(run: str) -> str:
    return run if any(_is_time(run, pattern) for pattern in _DAYS_AND_TIMES) else masked_number(run)


def _is_time(text: str, pattern: str) -> bool:
    try:
        found = datetime.strptime(text, pattern).replace(tzinfo=UTC)
    except ValueError:
        return False
    # Many numbers of eight digits are days of some century.
    return 1990 <= found.year <= 2099 and found.strftime(pattern) == text
