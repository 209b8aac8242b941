"""Reader of Schwab's positions export, of one account or of all accounts in one file.

Belongs here: the sections of that file and what each of its rows is. Does not belong here: casting
and rules on values. Source of the rules: `schwab_positions.yaml`.
"""

from __future__ import annotations

from data_contracts.contract import FeedContract
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.client_exports import (
    RowReader,
    Section,
    SectionWalk,
    StatedDate,
    account_reference,
    filled_records,
    unquoted,
    unquoted_text,
)
from python_steps.feeds.decoding import decode
from python_steps.feeds.delimited import Record
from python_steps.feeds.headers import normalised
from python_steps.feeds.options import option_terms
from python_steps.feeds.received import FileReading, ReceivedFile, refused
from python_steps.feeds.schwab_exports import first_line, security_columns, stated_date, title_of
from python_steps.feeds.schwab_securities import bond_terms, proven_bond_type

_SINGLE_ACCOUNT = "positions for account "
_HEADER_NAMES = {"symbol", "description"}


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Read one positions export.

    Args:
        file: as received.
        contract: of the feed schwab_positions.

    Returns:
        Accounts, securities, positions and cash balances as text, and what is wrong with the file.
    """
    decoded = decode(file, contract)
    if decoded.content is None:
        return refused(contract, decoded.violations)
    lines = filled_records(decoded.content)
    first = first_line(lines)
    title = title_of(first)
    walk = _Walk(file, contract, stated_date(title, file, contract))
    walk.violations = [*decoded.violations, *walk.violations]
    walk.title(title, first)
    for record in lines[1:]:
        walk.row(record)
    walk.end()
    return walk.section_reading()


class _Walk(SectionWalk):
    """The state machine over the lines: title, header, rows, total; again for each account."""

    def __init__(self, file: ReceivedFile, contract: FeedContract, as_of: StatedDate) -> None:
        super().__init__(file, contract, as_of)
        self.is_single = False
        self.securities_seen: set[tuple[str, str]] = set()

    # Lines that open a section

    def title(self, title: str, record: Record) -> None:
        """The first line of the file."""
        if record.problem:
            self.ragged(record, entity="positions")
        self.is_single = title.lower().startswith(_SINGLE_ACCOUNT)
        if self.is_single:
            words = title[len(_SINGLE_ACCOUNT) :].rpartition(" as of ")[0]
            self._open(words, record)

    def _open(self, words: str, record: Record) -> None:
        found = account_reference(words)
        if found is None:
            shape = f"an account line of {unquoted_text(words)}"
            self.broken("account_reference_present", shape, record)
            found = (words.strip(), "")
        title, account = found
        self.open_section(Section(account, record.line, title))
        self.add(
            "accounts",
            {"account_number": account, "account_title": title, "base_currency": self.currency},
            record,
        )

    # Rows

    def row(self, record: Record) -> None:
        """Any line after the first; none can be read under a header that lacks a column."""
        if self.has_bad_header:
            return
        if record.problem:
            self.ragged(record, entity="positions")
            return
        filled = [cell for cell in record.cells if cell.strip()]
        if {normalised(cell) for cell in record.cells} >= _HEADER_NAMES:
            self._header(record)
        elif len(filled) == 1 and record.cells[0].strip() and not self._is_inside():
            self._account_line(record)
        else:
            self._data(record)

    def _is_inside(self) -> bool:
        """Between a header and its total row, where a lone cell is a cut row, not a title."""
        section = self.last
        return (
            section is not None
            and section.reader is not None
            and not section.has_total
            and self.is_single
        )

    def _account_line(self, record: Record) -> None:
        if self.is_single:
            self.broken("section_understood", f"{unquoted(record)}, of its own", record)
            return
        self._close_last()
        self._open(record.cells[0], record)

    def _header(self, record: Record) -> None:
        section = self.last
        if section is None:
            self.broken("section_understood", "a header before any account line", record)
            section = self.open_section(Section("", record.line))
        self.bind_section(record, ("positions", "securities"), section)

    def _data(self, record: Record) -> None:
        section = self.last
        reader = section.reader if section else None
        if section is None or reader is None:
            self.broken("section_understood", f"{unquoted(record)}, before its header", record)
            return
        label = normalised(reader.texts("positions", record.cells)["ticker"])
        kind = self.contract.mappings["special_rows"].get(label, "security")
        if kind == "futures":
            self._futures(record, reader)
        elif section.has_total:
            self.broken("section_understood", f"{unquoted(record)}, after the total row", record)
        elif kind == "total":
            self._total(record, section, reader)
        else:
            self._holding(record, section, reader, is_cash=kind == "cash")

    def _holding(
        self, record: Record, section: Section, reader: RowReader, *, is_cash: bool
    ) -> None:
        cells = self.row_cells(record, section, reader, "positions")
        if cells is None:
            return
        texts = reader.texts("positions", cells)
        if is_cash:
            self._cash(record, section, texts)
        else:
            self._position(record, section, texts, reader.texts("securities", cells))

    def _cash(self, record: Record, section: Section, texts: dict[str, str]) -> None:
        section.sum_of("market_value").add(texts["market_value"])
        self.add(
            "cash_balances",
            {
                "account_number": section.account,
                "currency": self.currency,
                "trade_date_balance": texts["market_value"],
            },
            record,
        )

    def _position(
        self,
        record: Record,
        section: Section,
        texts: dict[str, str],
        security: dict[str, str],
    ) -> None:
        symbol = texts["ticker"].strip()
        identifiers, doubts = security_columns(
            symbol,
            self.contract,
            file_name=self.file.file_name,
            entity="positions",
            row=record.line,
            account=section.account,
        )
        self.violations += doubts
        section.sum_of("market_value").add(texts["market_value"])
        section.sum_of("cost_basis").add(texts.get("cost_basis"))
        self.add(
            "positions",
            {
                **texts,
                **identifiers,
                "account_number": section.account,
                "price_date": self.as_of.text,
                "currency": self.currency,
            },
            record,
        )
        self._security(record, symbol, identifiers, security)

    def _security(
        self,
        record: Record,
        symbol: str,
        identifiers: dict[str, str],
        security: dict[str, str],
    ) -> None:
        identity = (identifiers["cusip"], identifiers["ticker"])
        if identity in self.securities_seen:
            return
        self.securities_seen.add(identity)
        mappings = self.contract.mappings
        option = option_terms(symbol, "schwab")
        word = normalised(security.get("security_type", ""))
        security_type = "OPTION" if option else mappings["security_types"].get(word)
        terms: dict[str, str] = option.columns if option else {}
        if word in mappings["price_factors"] and not option:
            terms = bond_terms(security["security_name"], self.as_of.value)
            security_type = self._bond_type(record, symbol, identifiers["cusip"], security)
        if security_type is None:
            security_type = "OTHER"
            self.broken(
                "security_type_known",
                f"security type {security.get('security_type', '')!r} of {symbol}",
                record,
                entity="securities",
                security=symbol,
            )
        self.add(
            "securities",
            {
                **security,
                **identifiers,
                **terms,
                "security_type": security_type,
                "currency": self.currency,
                "price_factor": mappings["price_factors"].get(word),
                "contract_multiplier": mappings["contract_multipliers"].get(security_type),
            },
            record,
        )

    def _bond_type(self, record: Record, symbol: str, cusip: str, security: dict[str, str]) -> str:
        """The type that the file proves of a bond, else OTHER, which is told."""
        mappings = self.contract.mappings
        proven = proven_bond_type(
            cusip,
            security["security_name"],
            by_cusip_prefix=mappings["security_types_by_cusip_prefix"],
            by_words=mappings["fixed_income_words"],
        )
        if proven is None:
            self.broken(
                "bond_type_proven",
                f"{symbol}, {security['security_name'][:60]!r}",
                record,
                entity="securities",
                security=symbol,
            )
        return proven or "OTHER"

    def _futures(self, record: Record, reader: RowReader) -> None:
        """Futures rows stand before or after the total; they matter when they carry a balance."""
        texts = reader.texts("positions", record.cells)
        if parse_amount(texts["market_value"]):
            self.broken("futures_balances", f"{texts['ticker']} of {texts['market_value']}", record)

    def _total(self, record: Record, section: Section, reader: RowReader) -> None:
        section.has_total = True
        texts = reader.texts("positions", record.cells)
        section.stated = parse_amount(texts["market_value"])
        for column in ("market_value", "cost_basis"):
            place = f"a total {column.replace('_', ' ')}"
            self.compare(section.sum_of(column), texts.get(column, ""), place, record)

    # Ends

    def _close_last(self) -> None:
        """An account line came: what went before must have ended with its total."""
        section = self.last
        if section is not None and not section.has_total:
            self.broken(
                "section_total_present",
                f"the section of {section.account} without a total row",
                section.line,
            )

    def end(self) -> None:
        """The last line was read: the last section must be closed."""
        if self.has_bad_header:
            return
        if self.last is None or not self.last.has_total:
            whose = self.current_account or "any account"
            self.broken(
                "file_complete",
                f"an end without the total row of {whose}",
                expected="a total row at the end of the last account",
            )
        if not self.is_single:
            self.broken(
                "control_total_present",
                f"{len(self.sections)} accounts, a number the file does not confirm",
                expected="a count of accounts",
            )
