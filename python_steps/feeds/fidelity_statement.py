"""Reader of Fidelity's monthly statement as CSV: accounts, then holdings by account and section.

Belongs here: the two tables, the sections and their subtotals. Does not belong here: casting, and
the comparison with daily positions. Source of the rules: `fidelity_statement.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from data_contracts.contract import FeedContract
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.client_exports import (
    ControlSum,
    ExportWalk,
    RowReader,
    StatedDate,
    filled_records,
    unquoted,
    unquoted_text,
)
from python_steps.feeds.decoding import decode
from python_steps.feeds.delimited import Record
from python_steps.feeds.fidelity_exports import (
    broken_quotes,
    is_footer,
    is_row_behind_footer,
    other_separator,
    sum_of,
)
from python_steps.feeds.fidelity_securities import Holdings
from python_steps.feeds.headers import normalised
from python_steps.feeds.identifiers import is_account_reference
from python_steps.feeds.received import FileReading, ReceivedFile, refused

_ACCOUNT_VALUE = "ending mkt value"
_ACCOUNTS_HEADER = frozenset({"account type", "account", "beginning mkt value", _ACCOUNT_VALUE})
_HOLDINGS_HEADER = frozenset(
    {"symbol/cusip", "description", "quantity", "price", "ending value", "cost basis"}
)
# A line with so many of the names is a header, be it one that lacks others.
_NAMES_OF_A_HEADER = 3


@dataclass
class _Section:
    """A section of one account while its rows come."""

    title: str
    kind: str
    record: Record
    market_value: ControlSum = field(default_factory=lambda: ControlSum("market_value"))


@dataclass
class _Account:
    """One account of the first table, and what the second has of it."""

    number: str
    value: str
    record: Record
    values: list[str] = field(default_factory=list)
    core: list[tuple[Record, str]] = field(default_factory=list)


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Read one statement.

    Args:
        file: as received.
        contract: of the feed fidelity_statement.

    Returns:
        Accounts, securities, positions and cash balances as text, and what is wrong with the file.
    """
    decoded = decode(file, contract)
    if decoded.content is None:
        return refused(contract, decoded.violations)
    walk = _Walk(file, contract, _stated_date(file, contract))
    walk.violations = [*decoded.violations, *walk.violations]
    for record in filled_records(decoded.content):
        if not walk.has_bad_header:
            walk.line(record)
    walk.end()
    return walk.reading()


def _stated_date(file: ReceivedFile, contract: FeedContract) -> StatedDate:
    found = re.search(contract.mappings["forms"]["file_date"], file.file_name, re.IGNORECASE)
    if found:
        try:
            day = date(int(found["year"]), int(found["month"]), int(found["day"]))
        except ValueError:
            found = None
        else:
            return StatedDate(day.isoformat(), day, "FILE_NAME", ())
    absent = contract.violation(
        "as_of_date_present",
        file_name=file.file_name,
        observed=f"the file name {file.file_name!r}",
        expected="a name such as Statement3312026.csv",
    )
    return StatedDate(None, None, None, (absent,))


class _Walk(ExportWalk):
    """The state machine: table of accounts, table of holdings, account, section, subtotal."""

    def __init__(self, file: ReceivedFile, contract: FeedContract, as_of: StatedDate) -> None:
        super().__init__(file, contract, as_of)
        self.accounts: dict[str, _Account] = {}
        self.accounts_header: RowReader | None = None
        self.holdings_header: RowReader | None = None
        self.account: _Account | None = None
        self.section: _Section | None = None
        self.holdings = Holdings(contract, self.collectors, as_of.text, "UNKNOWN", self.broken)
        self.is_at_end = False

    @property
    def current_account(self) -> str:
        """The account whose holdings come now."""
        return self.account.number if self.account else ""

    # Lines

    def line(self, record: Record) -> None:
        """Any line with text in it."""
        names = {normalised(cell) for cell in record.cells}
        filled = [cell for cell in record.cells if cell.strip()]
        if record.problem:
            self.violations.append(broken_quotes(record, self.contract, self.file))
        elif self.is_at_end:
            if is_row_behind_footer(record):
                shape = f"{unquoted(record)}, behind the footer"
                self.broken("section_understood", shape, record)
        elif is_footer(record):
            self.is_at_end = True
        elif len(names & _HOLDINGS_HEADER) >= _NAMES_OF_A_HEADER:
            self._header(record, is_holdings=True)
        elif len(names & _ACCOUNTS_HEADER) >= _NAMES_OF_A_HEADER:
            self._header(record, is_holdings=False)
        elif self.holdings_header is not None:
            self._second_table(record, filled, self.holdings_header)
        elif self.accounts_header is not None:
            self._account_row(record, self.accounts_header)
        else:
            self._no_header(record)

    def _header(self, record: Record, *, is_holdings: bool) -> None:
        is_early = is_holdings and self.accounts_header is None
        is_second = self.holdings_header is not None or (
            not is_holdings and self.accounts_header is not None
        )
        if is_early or is_second:
            self.broken("section_understood", f"a header out of turn, {unquoted(record)}", record)
            return
        if is_holdings:
            self.holdings_header = self.bind(record, ("positions", "securities"))
            return
        self.accounts_header = reader = self.bind(record, ("accounts",))
        if reader is not None and _ACCOUNT_VALUE not in reader.names:
            wanted = f"a column {_ACCOUNT_VALUE!r}"
            self.broken("required_column", f"no {wanted[2:]}", record, expected=wanted)
            self.has_bad_header = True

    def _no_header(self, record: Record) -> None:
        separator = other_separator(record, _ACCOUNTS_HEADER)
        if separator:
            self.broken("separator_is_comma", f"column names parted by {separator}", record)
        else:
            self.broken("header_present", f"a first line of {unquoted_text(record.text)}", record)
        self.has_bad_header = True

    # The table of accounts

    def _account_row(self, record: Record, reader: RowReader) -> None:
        cells = reader.fitted(record)
        if cells is None:
            self.ragged(record, reader.width)
            return
        texts = reader.texts("accounts", cells)
        number = texts["account_number"].strip()
        if not is_account_reference(number):
            shape = f"an account of {unquoted_text(number)}"
            self.broken("account_reference_present", shape, record)
            return
        value = reader.named(cells, _ACCOUNT_VALUE)
        self.accounts.setdefault(number, _Account(number, value, record))
        self.add(
            "accounts",
            {**texts, "account_number": number, "base_currency": self.currency},
            record,
        )

    # The table of holdings

    def _second_table(self, record: Record, filled: Sequence[str], reader: RowReader) -> None:
        symbol = normalised(reader.texts("positions", record.cells)["ticker"])
        subtotal = re.fullmatch(self.contract.mappings["forms"]["subtotal"], symbol)
        if subtotal:
            self._subtotal(record, subtotal["section"].strip(), reader)
        elif len(filled) == 1:
            self._title(record, filled[0].strip())
        else:
            self._row(record, reader)

    def _title(self, record: Record, words: str) -> None:
        """An account's number or a section's title, each alone on its line."""
        if self.section is not None:
            self.broken(
                "section_understood",
                f"a line of {unquoted_text(words)} before the subtotal of the section on line "
                f"{self.section.record.line}",
                record,
            )
        self.section = None
        if words in self.accounts:
            self.account = self.accounts[words]
            return
        if is_account_reference(words):
            self.broken(
                "section_understood", f"account {words}, which the first table has not", record
            )
            return
        if self.account is None:
            self.broken(
                "section_understood", f"a section of no account, {unquoted(record)}", record
            )
            return
        kind = self.contract.mappings["sections"].get(normalised(words))
        if kind is None:
            self.broken(
                "section_known", f"a section whose title is {unquoted_text(words)} long", record
            )
        self.section = _Section(words, kind or "holdings", record)

    def _row(self, record: Record, reader: RowReader) -> None:
        self.row_count += 1
        cells = reader.fitted(record)
        if cells is None:
            self.ragged(record, reader.width)
            return
        if self.account is None or self.section is None:
            self.broken("section_understood", f"{unquoted(record)}, of no section", record)
            return
        texts = reader.texts("positions", cells)
        self.section.market_value.add(texts["market_value"])
        self.account.values.append(texts["market_value"])
        if self.section.kind == "cash":
            self.account.core.append((record, texts["market_value"]))
        else:
            description = reader.texts("securities", cells)["security_name"]
            self.holdings.add(record, self.account.number, texts, description)

    def _subtotal(self, record: Record, title: str, reader: RowReader) -> None:
        section, self.section = self.section, None
        if section is None or normalised(section.title) != title:
            opened = f"the section on line {section.record.line}" if section else "no section"
            self.broken("section_understood", f"a subtotal where {opened} is open", record)
            return
        stated = reader.texts("positions", record.cells)["market_value"]
        place = f"a subtotal for the section on line {section.record.line}"
        self.compare(section.market_value, stated, place, record)

    # Ends

    def end(self) -> None:
        """The last line was read: everything that was opened must be closed."""
        if self.has_bad_header:
            return
        if self.holdings_header is None or self.section is not None:
            missing = "the subtotal of its last section" if self.section else "any holdings"
            place = self.section.record if self.section else None
            self.broken("file_complete", f"an end without {missing}", place)
        for account in self.accounts.values():
            self._account_total(account)
            self._cash(account)

    def _account_total(self, account: _Account) -> None:
        stated = parse_amount(account.value)
        if not account.values:
            if stated != 0:
                self._of_account("account_has_rows", account, f"a value of {account.value}")
            return
        amounts = [parse_amount(text) for text in account.values]
        known = [amount for amount in amounts if amount is not None]
        total = sum(known, Decimal(0))
        allowed = self.contract.tolerance("account_total") * len(amounts)
        if len(known) == len(amounts) and stated is not None and abs(total - stated) > allowed:
            self._of_account(
                "account_total",
                account,
                f"an ending market value of {account.value.strip()}",
                f"{total}, the sum of {len(amounts)} rows",
            )

    def _of_account(
        self, rule: str, account: _Account, observed: str, expected: str | None = None
    ) -> None:
        self.account = account
        self.broken(rule, observed, account.record, expected=expected)

    def _cash(self, account: _Account) -> None:
        if not account.core:
            return
        self.collectors["cash_balances"].add(
            {
                "account_number": account.number,
                "currency": self.currency,
                "trade_date_balance": sum_of([value for _, value in account.core]),
            },
            line=account.core[0][0].line,
            text="\n".join(record.text for record, _ in account.core),
        )

    def reading(self) -> FileReading:
        """The reading of the whole file."""
        values = [parse_amount(account.value) for account in self.accounts.values()]
        stated = [value for value in values if value is not None]
        return self.file_reading(
            self.accounts,
            control_amount=sum(stated, Decimal(0))
            if stated and len(stated) == len(values)
            else None,
        )
