"""Amounts as custodians write them, for control totals only.

Belongs here: the parsing of `$1,234.56`, `-$1.00`, `($1.00)`, `$-1.00` into exact decimals, so that
a reader can compare a file's rows with the file's own totals. Does not belong here: casting of the
data, which stays text until the staging models cast it.
"""

from __future__ import annotations

import re
from decimal import Decimal

_AMOUNT = re.compile(
    r"^(?P<open>\()?(?P<sign1>[-+])?\$?(?P<sign2>[-+])?"
    r"(?P<digits>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+)"
    r"(?P<exponent>[eE][-+]?\d+)?(?P<close>\))?$",
    re.ASCII,
)
# No amount of money or shares has more digits; sums of larger ones would overflow.
_LARGEST_EXPONENT = 30


def parse_amount(text: str) -> Decimal | None:
    """The exact amount, or None where the text is no amount (a null word, a cut or absurd number).

    Commas part thousands only: `1,23` may be a decimal comma, and is no amount.

    Args:
        text: one cell; surrounding white space is ignored.
    """
    match = _AMOUNT.match(text.strip())
    if not match or bool(match["open"]) != bool(match["close"]):
        return None
    if match["sign1"] and match["sign2"]:
        return None
    number = Decimal(match["digits"].replace(",", "") + (match["exponent"] or ""))
    if number and abs(number.adjusted()) > _LARGEST_EXPONENT:
        return None
    negative = match["open"] or "-" in (match["sign1"], match["sign2"])
    return -number if negative else number
