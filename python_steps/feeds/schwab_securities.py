"""What Schwab's descriptions say of bonds.

Belongs here: the terms that stand in free text (coupon, maturity) and the type of a "Fixed Income"
row where the file proves it. Does not belong here: options (options.py), and guesses; a bond whose
text and CUSIP prove no type keeps the type OTHER, and is told. Source of the rules:
`schwab_positions.yaml`; descriptions such as `US TREASURY 1.375%08/50UST BOND DUE 08/15/50`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

_COUPON = re.compile(r"(?<![\d.])(?P<coupon>\d{1,2}(?:\.\d+)?)%")
_DUE = re.compile(r"\bDUE\s+(?P<day>\d{2}/\d{2}/(?P<year>\d{4}|\d{2}))(?!\d)")
_CENTURY = 100


def bond_terms(description: str, held_on: date | None) -> dict[str, str]:
    """Coupon and maturity that a description states.

    Args:
        description: as received.
        held_on: a day on which the bond is held: a two-digit year of maturity is then the first one
            from the year before that day on, since a bond may stand in a book after it matured.
    """
    terms: dict[str, str] = {}
    coupons = {match["coupon"] for match in _COUPON.finditer(description)}
    if len(coupons) == 1:
        terms["coupon_rate"] = coupons.pop()
    matures = _maturity(description.upper(), held_on)
    if matures is not None:
        terms["maturity_date"] = matures.isoformat()
    return terms


def _maturity(description: str, held_on: date | None) -> date | None:
    match = _DUE.search(description)
    if match is None:
        return None
    month, day, year = (int(part) for part in match["day"].split("/"))
    try:
        if year >= _CENTURY:
            return date(year, month, day)
        if held_on is None:
            return None
        matures = date(held_on.year // _CENTURY * _CENTURY + year, month, day)
        is_past = matures.year < held_on.year - 1
        return matures.replace(year=matures.year + _CENTURY) if is_past else matures
    except ValueError:  # no such day
        return None


def proven_bond_type(
    cusip: str,
    description: str,
    *,
    by_cusip_prefix: Mapping[str, str],
    by_words: Mapping[str, str],
) -> str | None:
    """The type that a CUSIP's issuer or the description's own words prove; None where none does.

    Issuers are six characters: shorter prefixes are shared (912 begins the CUSIPs of the Treasury
    and of companies alike).
    """
    types = {kind for words, kind in by_words.items() if words in description.lower()}
    if cusip[:6] in by_cusip_prefix:
        types.add(by_cusip_prefix[cusip[:6]])
    return types.pop() if len(types) == 1 else None
