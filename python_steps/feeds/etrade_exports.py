"""What E*TRADE's and Vanguard's downloads have in common: rows under a header, dates, securities.

Belongs here: the collecting of rows and violations, dates that these custodians write month first,
the date of a file, and what a symbol is. Does not belong here: the layout of one download. Source
of the rules: the contracts `etrade_*.yaml` and `vanguard_download.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from data_contracts.contract import AsOfSource, FeedContract
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.client_exports import ExportWalk, RowReader, StatedDate, unquoted
from python_steps.feeds.delimited import Record
from python_steps.feeds.identifiers import is_cusip
from python_steps.feeds.options import OptionTerms, option_terms
from python_steps.feeds.received import FileReading, ReceivedFile
from python_steps.findings import Violation

_MONTH_FIRST = re.compile(r"^(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})$")
_ISO = re.compile(r"^\d{4}-\d{2}-\d{2}$")
_GENERATED = re.compile(r"^\s*\"?Generated at\s+([A-Za-z]{3}\s+\d{1,2},?\s+\d{4})\b")
_NAME_DATE = re.compile(r"(?<!\d)((?:19|20)\d{2})[-_]?(\d{2})[-_]?(\d{2})(?!\d)")
# `Individual Brokerage -2641`; masked otherwise, or the whole number of eight digits and more.
_MASKED_ACCOUNT = re.compile(
    r"^(?P<title>.*?)\s*(?P<reference>-\d{3,}|(?:[Xx#*]{2,}-?|\.{2,3})\d{3,}|\b\d{4}-?\d{4,})$"
)

# What a row or a cell says is not quoted: it may be a name or a number of a person.
NO_ACCOUNT = "a cell that names no single account"


@dataclass(frozen=True)
class AccountCell:
    """Title and reference of a cell such as `Individual Brokerage -2641`."""

    title: str
    reference: str


def account_of(cell: str) -> AccountCell | None:
    """Title and reference; None for a cell that names no single account."""
    match = _MASKED_ACCOUNT.match(cell.strip())
    return AccountCell(match["title"], match["reference"]) if match else None


def day_of(text: str) -> date | None:
    """The day of a date as these custodians write it: month first, or ISO."""
    stripped = text.strip()
    forms = ("%Y-%m-%d",) if _ISO.match(stripped) else ()
    match = _MONTH_FIRST.match(stripped)
    if match:
        forms = ("%m/%d/%Y",) if len(match[3]) == len("2026") else ("%m/%d/%y",)
    for form in forms:
        try:
            return datetime.strptime(stripped, form).date()  # noqa: DTZ007 - a calendar date
        except ValueError:
            return None
    return None


def iso_day(text: str) -> str:
    """The date as ISO; text that is no date stays as it is, for the suite to speak of."""
    day = day_of(text)
    return text.strip() if day is None else day.isoformat()


def generated_day(text: str) -> date | None:
    """The day of a line `Generated at Sep 15 2026 11:25 AM ET`; None for any other line."""
    match = _GENERATED.match(text)
    if match is None:
        return None
    try:
        words = " ".join(match[1].replace(",", " ").split())
        return datetime.strptime(words, "%b %d %Y").date()  # noqa: DTZ007 - a calendar date
    except ValueError:
        return None


def is_generated_line(text: str) -> bool:
    """True for the last line of E*TRADE's exports."""
    return text.lstrip(' "').startswith("Generated at")


def day_of_name(file_name: str) -> date | None:
    """A date in the file's name, written year first; None where there is none."""
    for year, month, day in _NAME_DATE.findall(file_name):
        try:
            return date(int(year), int(month), int(day))
        except ValueError:
            continue
    return None


def outside(record: Record) -> str:
    """How a row that belongs to no block is named in a violation."""
    return f"{unquoted(record)}, which belongs to no block of the file"


class DownloadWalk(ExportWalk):
    """An export whose header changes from block to block, and which lists each security once."""

    lands_empty_tables = False

    def __init__(self, file: ReceivedFile, contract: FeedContract) -> None:
        super().__init__(file, contract)
        self.layout: Mapping[str, Any] = contract.layout or {}
        self.reader: RowReader | None = None
        self.accounts: set[str] = set()
        self.securities_seen: set[tuple[str, ...]] = set()
        self.control_amount: Decimal | None = None
        self.covered_from: date | None = None
        self.covered_to: date | None = None

    # Headers and cells

    def open_table(self, header: Record, entities: Sequence[str]) -> bool:
        """Bind the header of the rows that follow; False where they must not be read with it."""
        self.reader = self.bind(header, entities)
        return self.reader is not None

    def texts(self, entity: str, record: Record) -> dict[str, str] | None:
        """The cells of a row under the header; None for a ragged one, which is told."""
        if self.reader is None:
            return None
        cells = self.reader.fitted(record)
        if cells is None:
            self.ragged(record, self.reader.width, entity=entity)
            return None
        return {name: text.strip() for name, text in self.reader.texts(entity, cells).items()}

    # What a symbol is

    def security(
        self, symbol: str, name: str | None, record: Record, *, entity: str, account: str
    ) -> dict[str, str]:
        """The identifiers of a symbol in a row of an account; the security is landed once."""
        found = {"cusip": "", "ticker": symbol, "custodian_security_id": ""}
        option = option_terms(symbol, "etrade", "occ")
        if option is not None:
            found |= {"ticker": option.symbol or symbol}
            for rule, observed in option.doubts:
                self.broken(
                    rule, observed, record, entity=entity, account=account, security=found["ticker"]
                )
        elif is_cusip(symbol):
            found |= {"cusip": symbol, "ticker": ""}
        elif not symbol or symbol.lower() == "null":
            # Without a symbol the custodian's own name is all that tells the security.
            found |= {"ticker": "", "custodian_security_id": name or ""}
        identity = tuple(found.values())
        if identity not in self.securities_seen and any(identity):
            self.securities_seen.add(identity)
            self.add(
                "securities",
                {
                    **{key: value for key, value in found.items() if value},
                    "security_name": name,
                    "currency": self.currency,
                    **self._described(symbol, option),
                },
                record,
            )
        return found

    def _described(self, symbol: str, option: OptionTerms | None) -> dict[str, str | None]:
        if option is not None:
            return {"security_type": "OPTION", "contract_multiplier": "100", **option.columns}
        types = self.layout["security_types_by_ticker"]
        return {
            "security_type": next(
                (str(kind) for kind, form in types.items() if re.match(form, symbol)), None
            )
        }

    # The date of the file and its reading

    def date_by(self, stated: date | None, source: AsOfSource) -> None:
        """The date inside the file, else in its name; a file without one is refused."""
        named = day_of_name(self.file.file_name)
        if stated is not None and named is not None and named != stated:
            self.broken("as_of_dates_agree", f"{named} in the file name", expected=f"{stated}")
        value = stated or named
        if value is None:
            self.broken("as_of_date_present", f"no date in {self.file.file_name!r} or inside")
            return
        where: AsOfSource = source if stated is not None else "FILE_NAME"
        self.as_of = StatedDate(value.isoformat(), value, where)

    def reading(self, also: Iterable[Violation] = ()) -> FileReading:
        """The reading of the whole file."""
        self.violations = [*also, *self.violations]
        return self.file_reading(
            self.accounts,
            control_amount=self.control_amount,
            covered=(self.covered_from, self.covered_to),
        )


def total_of(texts: Iterable[str]) -> Decimal | None:
    """The exact sum; None where one of the texts is no amount."""
    amounts = [parse_amount(text) for text in texts]
    if any(amount is None for amount in amounts):
        return None
    return sum((amount for amount in amounts if amount is not None), Decimal(0))
