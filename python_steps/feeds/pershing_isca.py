"""Reader of Pershing's securities and prices (ISCA): records A, B, E and F of each security.

Belongs here: what the records mean, and the test of the implied decimals by the price that two of
them carry. Does not belong here: the frame and the columns. Source of the rules:
`pershing_isca.yaml`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from data_contracts.contract import FeedContract
from python_steps.feeds.pershing_frame import (
    Frame,
    PershingRecord,
    RecordReader,
    fields_of,
    read_frame,
    reading_of,
    security_identifiers,
    shown,
)
from python_steps.feeds.received import FileReading, ReceivedFile
from python_steps.feeds.tables import RowCollector

_FIRST, _PRICES, _ISSUER, _EXPANDED = "A", "B", "E", "F"
_READ = (_FIRST, _PRICES, _ISSUER, _EXPANDED)
_CUSIP = slice(7, 16)
# Nine nines: a price that does not fit the short field.
_OVERFLOW = Decimal("99999.9999")
_SYSTEMATIC_SHARE = Decimal("0.5")


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Read one ISCA file.

    Args:
        file: as received.
        contract: of the feed pershing_isca.

    Returns:
        Securities and prices as text, and what is wrong with the file.
    """
    frame = read_frame(file, contract)
    if not frame.is_usable:
        return reading_of(frame, file, contract)
    walk = _Walk(file, contract, frame)
    walk.records()
    return reading_of(frame, file, contract, walk.collectors)


@dataclass
class _Security:
    """One security's records by kind, and their fields."""

    number: str
    line: int
    records: dict[str, PershingRecord] = field(default_factory=dict)
    values: dict[str, dict[str, str]] = field(default_factory=dict)

    def value(self, kind: str, name: str) -> str | None:
        """A field of a kind of record; None where the security has no such record."""
        return self.values[kind][name] if kind in self.values else None


class _Walk:
    """Collects the securities of a file."""

    def __init__(self, file: ReceivedFile, contract: FeedContract, frame: Frame) -> None:
        self.file = file
        self.contract = contract
        self.frame = frame
        self.layout = contract.layout or {}
        self.fields = {kind: fields_of(self.layout, kind) for kind in _READ}
        self.reader = RecordReader(file.file_name, contract, frame.problems)
        self.collectors = {name: RowCollector(entity) for name, entity in contract.entities.items()}
        self.compared = 0
        self.differing = 0

    def records(self) -> None:
        """Group the records by security and land each."""
        for security in self._securities():
            self._land(security)
        if not self.compared and self.collectors["prices"].rows:
            self._broken("implied_decimals_unconfirmed", "no security with both prices", None)
        if self.compared and self.differing > self.compared * _SYSTEMATIC_SHARE:
            found = f"{self.differing} of {self.compared} prices that differ"
            self._broken("systematic_decimals", found, None)

    def _securities(self) -> list[_Security]:
        found: list[_Security] = []
        for record in self.frame.records:
            kind, number = record.text[:1], record.text[_CUSIP].strip()
            if kind in self.layout["other_records"]:
                continue
            if kind not in _READ:
                self._broken("record_understood", f"a record {kind!r}", None, record.line)
                continue
            if kind == _FIRST:
                found.append(_Security(number, record.line))
            if not found or found[-1].number != number or kind in found[-1].records:
                self._broken(
                    "records_belong_together", f"a record {kind} of {number}", None, record.line
                )
                continue
            found[-1].records[kind] = record
            found[-1].values[kind] = self.reader.values(record, self.fields[kind])
        return found

    def _land(self, security: _Security) -> None:
        identifiers = security_identifiers(security.number)
        ticker = security.value(_FIRST, "symbol")
        text = " ".join(
            shown(record, self.fields[kind]) for kind, record in security.records.items()
        )
        currency = security.value(_ISSUER, "currency")
        self.collectors["securities"].add(
            {
                **identifiers,
                "ticker": ticker,
                "security_name": security.value(_ISSUER, "issuer"),
                "currency": currency,
                "maturity_date": security.value(_FIRST, "maturity"),
                "covered_from_year": self._year(security),
            },
            line=security.line,
            text=text,
        )
        price = self._price(security)
        if price is None:
            return
        if not currency:
            self._broken("price_currency_known", f"a price of {price}", security)
            return
        self.collectors["prices"].add(
            {
                **identifiers,
                "ticker": ticker,
                "price_date": security.value(_PRICES, "latest_price_date") or "",
                "price": price,
                "price_type": "MARK",
                "currency": currency,
            },
            line=security.line,
            text=text,
        )

    def _year(self, security: _Security) -> str | None:
        year = security.value(_EXPANDED, "covered_from_year")
        return year if year and year.strip("0") else None

    def _price(self, security: _Security) -> str | None:
        """The latest price, with the most digits; None where none is stated or two disagree."""
        short = _positive(security.value(_PRICES, "latest_price"))
        long = _positive(security.value(_EXPANDED, "latest_price"))
        if short is None or long is None or short == _OVERFLOW:
            chosen = long if long is not None else short
            return None if chosen is None else format(chosen, "f")
        self.compared += 1
        if abs(short - long) > self.contract.tolerance("implied_decimals_agree"):
            self.differing += 1
            self._broken(
                "implied_decimals_agree", f"{short} in record B, {long} in record F", security
            )
            return None
        return format(long, "f")

    def _broken(
        self, rule: str, observed: str, security: _Security | None, line: int | None = None
    ) -> None:
        self.frame.problems.append(
            self.contract.violation(
                rule,
                file_name=self.file.file_name,
                row=security.line if security else line,
                observed=observed,
                entity="prices" if security else None,
                security_key=security.number if security else None,
            )
        )


def _positive(text: str | None) -> Decimal | None:
    """A price; a field of zeros is one that is not stated."""
    price = Decimal(text) if text else Decimal(0)
    return price or None
