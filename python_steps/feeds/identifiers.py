"""Forms of security identifiers and account references in custodians' files.

Belongs here: check digits and the shapes of option symbols and masked account numbers. Does not
belong here: resolution to a security or an account (identities are resolved in the warehouse).
Sources: CUSIP check digit, CUSIP Global Services (modulus 10 double-add-double).
"""

from __future__ import annotations

import re

_CUSIP_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*@#"
_CUSIP_LENGTH = 9
_OPTION_SYMBOL = re.compile(
    r"^(?P<underlying>[A-Z][A-Z0-9./]*) \d{2}/\d{2}/\d{4} \d+(?:\.\d+)? [CP]$"
)
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


def option_underlying(symbol: str) -> str | None:
    """The underlying's ticker of an option symbol such as `XYZ 04/01/2020 32.00 P`."""
    match = _OPTION_SYMBOL.match(symbol)
    return match["underlying"] if match else None


def is_account_reference(text: str) -> bool:
    """True for an account number, full or masked (`12345678`, `XXXX-1234`, `...234`)."""
    return bool(_ACCOUNT_REFERENCE.match(text))
