"""Account numbers as they may be shown: their end only.

Belongs here: how a number is masked in text that leaves the raw tables: logs, run events, what the
command line prints. Does not belong here: the marts, which mask in SQL (macro `masked_number`, the
same rule).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# Longer numbers keep four characters, shorter ones two; a number up to this long is replaced only
# where it stands alone, since it would be found inside other numbers.
SHORT_NUMBER = 6
# As custodians mask in their own files: XXXX-1234, ...234, ****1234.
_MASKED = re.compile(r"[Xx*.]{2}")


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
