"""Options as custodians write them, in one spelling: the 21 characters of the OCC.

Belongs here: the spellings of Schwab, Fidelity and E*TRADE and that of the Options Clearing
Corporation (root in six places, expiration, right, strike in thousandths), with the terms that
each states. Does not belong here: what follows from an odd one, and what a contract delivers.
Source: OCC's Option Symbology Initiative; the custodians' spellings in the contracts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

RIGHTS = {"C": "CALL", "P": "PUT", "CALL": "CALL", "PUT": "PUT"}

_ROOT_PLACES, _STRIKE_PLACES, _THOUSANDTHS = 6, 8, 1000
_FORMS = {
    "occ": (
        re.compile(
            r"^(?P<root>[A-Z]{1,6}\d?)[ -]*(?P<day>\d{6})(?P<side>[CP])(?P<thousandths>\d{8})$"
        ),
        "%y%m%d",
    ),
    # `XYZ 04/01/2020 32.00 P`
    "schwab": (
        re.compile(
            r"^(?P<root>[A-Z][A-Z0-9./]*) (?P<day>\d{2}/\d{2}/\d{4}) "
            r"(?P<strike>\d+(?:\.\d+)?) (?P<side>[CP])$"
        ),
        "%m/%d/%Y",
    ),
    # ` -XYZ260620P10`, as an activity, a gain or a position writes it
    "fidelity": (
        re.compile(
            r"^-?(?P<root>[A-Z]{1,6}\d?)(?P<day>\d{6})(?P<side>[CP])"
            r"(?P<strike>\d{1,5}(?:\.\d{1,3})?)$"
        ),
        "%y%m%d",
    ),
    # `XYZ Jan 15 '27 $35 Put`
    "etrade": (
        re.compile(
            r"^(?P<root>[A-Z][A-Z0-9.]*) (?P<day>[A-Z][a-z]{2} \d{1,2} '\d{2}) "
            r"\$(?P<strike>[\d,]+(?:\.\d+)?) (?P<side>Call|Put)\b.*$"
        ),
        "%b %d '%y",
    ),
}


@dataclass(frozen=True)
class OptionTerms:
    """What the symbol of an option states.

    Attributes:
        root: letters before the expiration; a digit behind them marks an adjusted series.
        put_call: CALL or PUT.
        strike_price: as written, without thousands separators.
        expires: None where the calendar has no such day; the other terms hold all the same.
    """

    root: str
    put_call: str
    strike_price: str
    expires: date | None

    @property
    def is_adjusted(self) -> bool:
        """True of a series whose contract is not always 100 shares."""
        return self.root[-1].isdigit()

    @property
    def underlying(self) -> str:
        """The ticker that the root names; an adjusted series' digit is not part of it."""
        return self.root.rstrip("0123456789")

    @property
    def symbol(self) -> str:
        """The 21 characters; '' where the terms do not fit into them."""
        root = re.sub(r"[./]", "", self.root)
        thousandths = Decimal(self.strike_price) * _THOUSANDTHS
        is_whole = thousandths == thousandths.to_integral_value()
        if self.expires is None or len(root) > _ROOT_PLACES or not is_whole:
            return ""
        strike = f"{int(thousandths):0{_STRIKE_PLACES}d}"
        if len(strike) > _STRIKE_PLACES:
            return ""
        return f"{root:<{_ROOT_PLACES}}{self.expires:%y%m%d}{self.put_call[0]}{strike}"

    @property
    def doubts(self) -> list[tuple[str, str]]:
        """Rules that an option breaks whose terms could be read all the same, and what they say."""
        shown = f"{self.put_call} of {self.root} at {self.strike_price}"
        found = []
        if self.expires is None:
            found.append(("option_expiry_possible", f"{shown}, expiring on no day of the calendar"))
        if self.is_adjusted:
            found.append(("option_is_standard", f"{shown}, of an adjusted series"))
        return found

    @property
    def columns(self) -> dict[str, str]:
        """The terms as columns of securities; an expiration that is no day stays empty."""
        return {
            "underlying_ticker": self.underlying,
            "put_call": self.put_call,
            "strike_price": self.strike_price,
            "expiration_date": self.expires.isoformat() if self.expires else "",
        }


def option_terms(symbol: str, *spellings: str) -> OptionTerms | None:
    """The terms of an option's symbol; None of any other symbol.

    Args:
        symbol: as received, without white space around it.
        spellings: which to try, in this order: occ, schwab, fidelity, etrade.
    """
    for spelling in spellings:
        form, day_form = _FORMS[spelling]
        match = form.match(symbol)
        if match is None:
            continue
        stated = match.groupdict()
        strike = stated.get("strike") or format(Decimal(match["thousandths"]) / _THOUSANDTHS, "f")
        return OptionTerms(
            root=match["root"],
            put_call=RIGHTS[match["side"].upper()],
            strike_price=strike.replace(",", ""),
            expires=_day(match["day"], day_form),
        )
    return None


def _day(text: str, form: str) -> date | None:
    try:
        return datetime.strptime(text, form).date()  # noqa: DTZ007 - a calendar date
    except ValueError:
        return None
