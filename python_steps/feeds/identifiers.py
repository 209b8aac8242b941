"""Forms of security identifiers and account references in custodians' files.

Belongs here: check digits and the shapes of masked account numbers. Does not belong here: option
symbols (options.py), and resolution to a security or an account, which is the warehouse's.
Sources: CUSIP check digit, CUSIP Global Services (modulus 10 double-add-double).
"""

from __future__ import annotations

import re

_CUSIP_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*@#"
_CUSIP_LENGTH = 9
_ACCOUNT_REFERENCE = re.compile(r"^(?:[Xx*]+-?|\.{2,3})?[0-9A-Za-z-]*\d[0-9A-Za-z-]*$")


def looks_like_cusip(text: str) -> bool:
    """Nine characters of a CUSIP's alphabet, of which the last and at least three are digits."""
    return (
        len(text) == _CUSIP_LENGTH
        and all(character in _CUSIP_CHARACTERS for character in text)
        and text[-1].isdigit()
        and sum(character.isdigit() for character in text) >= len("123")
    )


def is_cusip(text: str) -> bool:
    """True for nine characters whose last is the right check digit."""
    if not looks_like_cusip(text):
        return False
    total = 0
    for place, character in enumerate(text[:-1]):
        value = _CUSIP_CHARACTERS.index(character) * (1 + place % 2)
        total += value // 10 + value % 10
    return (10 - total % 10) % 10 == int(text[-1])


def is_account_reference(text: str) -> bool:
    """True for an account number, full or masked (`12345678`, `XXXX-1234`, `...234`)."""
    return bool(_ACCOUNT_REFERENCE.match(text))
