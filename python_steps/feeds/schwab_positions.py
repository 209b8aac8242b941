"""Reader of Schwab's positions export, of one account or of all accounts in one file.

Belongs here: the sections of that file and what each of its rows is. Does not belong here: casting
and rules on values. Source of the rules: `schwab_positions.yaml`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from data_contracts.contract import FeedContract, entity_columns
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.client_exports import (
    ControlSum,
    RowReader,
    StatedDate,
    account_reference,
    bind_header,
    unquoted,
    unquoted_text,
)
from python_steps.feeds.decoding import decode
from python_steps.feeds.delimited import Record, records
from python_steps.feeds.headers import normalised
from python_steps.feeds.keys import duplicate_keys
from python_steps.feeds.options import option_terms
from python_steps.feeds.received import FileReading, ReceivedFile, refused, status_of
from python_steps.feeds.schwab_exports import security_columns, stated_date, title_of
from python_steps.feeds.schwab_securities import bond_terms, proven_bond_type
from python_steps.feeds.tables import RowCollector
from python_steps.findings import Violation

_SINGLE_ACCOUNT = "positions for account "
_HEADER_NAMES = {"symbol", "description"}


@dataclass
class _Section:
    """One account of the file: its title, its rows so far, its total row."""

    account: str
    title: str
    line: int
    reader: RowReader | None = None
    market_value: ControlSum = field(default_factory=lambda: ControlSum("market_value"))
    cost_basis: ControlSum = field(default_factory=lambda: ControlSum("cost_basis"))
    total: Record | None = None


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
    lines = list(records(decoded.content.decode("utf-8")))
    title = title_of(lines[0])
    as_of = stated_date(title, file, contract)
    walk = _Walk(file, contract, as_of)
    walk.violations += [*decoded.violations, *as_of.violations]
    walk.title(title, lines[0])
    for record in lines[1:]:
        walk.row(record)
    walk.end()
    return walk.reading()


class _Walk:
    """The state machine over the lines: title, header, rows, total; again for each account."""

    def __init__(self, file: ReceivedFile, contract: FeedContract, as_of: StatedDate) -> None:
        self.file = file
        self.contract = contract
        self.as_of = as_of
        self.violations: list[Violation] = []
        self.sections: list[_Section] = []
        self.fingerprint: str | None = None
        self.is_single = False
        self.row_count = 0
        self.has_bad_header = False
        self.collectors = {name: RowCollector(entity) for name, entity in contract.entities.items()}
        self.securities_seen: set[tuple[str, str]] = set()

    # Lines that open a section

    def title(self, title: str, record: Record) -> None:
        """The first line of the file."""
        if record.problem:
            self._ragged(record, record.problem)
        self.is_single = title.lower().startswith(_SINGLE_ACCOUNT)
        if self.is_single:
            words = title[len(_SINGLE_ACCOUNT) :].rpartition(" as of ")[0]
            self._open(words, record)

    def _open(self, words: str, record: Record) -> None:
        found = account_reference(words)
        if found is None:
            self._broken(
                "account_reference_present", f"an account line of {unquoted_text(words)}", record
            )
            found = (words.strip(), "")
        account_title, account = found
        if account and any(section.account == account for section in self.sections):
            self._broken(
                "account_reference_unique",
                f"a second section for {account}",
                record,
                account=account,
            )
        self.sections.append(_Section(account, account_title, record.line))
        self.collectors["accounts"].add(
            {
                "account_number": account,
                "account_title": account_title,
                "base_currency": self.contract.mappings["constants"]["currency"],
            },
            line=record.line,
            text=record.text,
        )

    # Rows

    def row(self, record: Record) -> None:
        """Any line after the first; none can be read under a header that lacks a column."""
        if self.has_bad_header:
            return
        if record.problem:
            self._ragged(record, record.problem)
            return
        filled = [cell for cell in record.cells if cell.strip()]
        if not filled:
            return
        if {normalised(cell) for cell in record.cells} >= _HEADER_NAMES:
            self._header(record)
        elif len(filled) == 1 and record.cells[0].strip() and not self._is_inside():
            self._account_line(record)
        else:
            self._data(record)

    def _is_inside(self) -> bool:
        """Between a header and its total row, where a lone cell is a cut row, not a title."""
        if not self.sections:
            return False
        current = self.sections[-1]
        return current.reader is not None and current.total is None and self.is_single

    def _account_line(self, record: Record) -> None:
        if self.is_single:
            self._broken("section_understood", f"{unquoted(record)}, of its own", record)
            return
        self._close_last()
        self._open(record.cells[0], record)

    def _header(self, record: Record) -> None:
        if not self.sections:
            self._broken("section_understood", "a header before any account line", record)
            self.sections.append(_Section("", "", record.line))
        section = self.sections[-1]
        if section.reader is not None:
            self._broken(
                "section_understood",
                f"a second header in the section of {section.account}",
                record,
            )
        entities = [self.contract.entity("positions"), self.contract.entity("securities")]
        section.reader, found, violations = bind_header(record, entities, self.contract, self.file)
        self.fingerprint = self.fingerprint or found
        self.has_bad_header = any(broken.severity == "block" for broken in violations)
        known = {(broken.rule, broken.observed) for broken in self.violations}
        self.violations += [
            broken for broken in violations if (broken.rule, broken.observed) not in known
        ]

    def _data(self, record: Record) -> None:
        section = self.sections[-1] if self.sections else None
        reader = section.reader if section else None
        if section is None or reader is None:
            self._broken("section_understood", f"{unquoted(record)}, before its header", record)
            return
        label = normalised(reader.texts("positions", record.cells)["ticker"])
        kind = self.contract.mappings["special_rows"].get(label, "security")
        if kind == "futures":
            self._futures(record, section, reader)
            return
        if section.total is not None:
            self._broken("section_understood", f"{unquoted(record)}, after the total row", record)
            return
        if kind == "total":
            self._total(record, section, reader)
            return
        self.row_count += 1
        cells = list(record.cells)
        while len(cells) > reader.width and not cells[-1].strip():
            cells.pop()
        if len(cells) != reader.width:
            self._ragged(record, unquoted(record))
            return
        texts = reader.texts("positions", cells)
        if kind == "cash":
            self._cash(record, section, texts)
        else:
            self._position(record, section, texts, reader.texts("securities", cells))

    def _cash(self, record: Record, section: _Section, texts: dict[str, str]) -> None:
        section.market_value.add(texts["market_value"])
        self.collectors["cash_balances"].add(
            {
                "account_number": section.account,
                "currency": self.contract.mappings["constants"]["currency"],
                "trade_date_balance": texts["market_value"],
            },
            line=record.line,
            text=record.text,
        )

    def _position(
        self,
        record: Record,
        section: _Section,
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
        section.market_value.add(texts["market_value"])
        section.cost_basis.add(texts.get("cost_basis"))
        constants = self.contract.mappings["constants"]
        self.collectors["positions"].add(
            {
                **texts,
                **identifiers,
                "account_number": section.account,
                "price_date": self.as_of.text,
                "currency": constants["currency"],
            },
            line=record.line,
            text=record.text,
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
            self._broken(
                "security_type_known",
                f"security type {security.get('security_type', '')!r} of {symbol}",
                record,
                entity="securities",
                security=symbol,
            )
        self.collectors["securities"].add(
            {
                **security,
                **identifiers,
                **terms,
                "security_type": security_type,
                "currency": mappings["constants"]["currency"],
                "price_factor": mappings["price_factors"].get(word),
                "contract_multiplier": mappings["contract_multipliers"].get(security_type),
            },
            line=record.line,
            text=record.text,
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
            self._broken(
                "bond_type_proven",
                f"{symbol}, {security['security_name'][:60]!r}",
                record,
                entity="securities",
                security=symbol,
            )
        return proven or "OTHER"

    def _futures(self, record: Record, section: _Section, reader: RowReader) -> None:
        """Futures rows stand before or after the total; they matter when they carry a balance."""
        text = reader.texts("positions", record.cells)["market_value"]
        amount = parse_amount(text)
        if amount:
            self._broken(
                "futures_balances",
                f"{reader.texts('positions', record.cells)['ticker']} of {text}",
                record,
                account=section.account,
            )

    def _total(self, record: Record, section: _Section, reader: RowReader) -> None:
        section.total = record
        texts = reader.texts("positions", record.cells)
        tolerance = self.contract.tolerance("control_total")
        for control in (section.market_value, section.cost_basis):
            difference = control.difference(texts.get(control.column), tolerance)
            if difference is not None:
                self._broken(
                    "control_total",
                    f"{control.column} {texts[control.column]} in the total row",
                    record,
                    account=section.account,
                    expected=f"{control.total}, the sum of {control.rows} rows",
                )

    # Ends

    def _close_last(self) -> None:
        """An account line came: what went before must have ended with its total."""
        if self.sections and self.sections[-1].total is None:
            section = self.sections[-1]
            self.violations.append(
                self.contract.violation(
                    "section_total_present",
                    file_name=self.file.file_name,
                    row=section.line,
                    observed=f"the section of {section.account} without a total row",
                    account_number=section.account or None,
                )
            )

    def end(self) -> None:
        """The last line was read: the last section must be closed."""
        if self.has_bad_header:
            return
        if not self.sections or self.sections[-1].total is None:
            last = self.sections[-1].account if self.sections else "no account"
            self.violations.append(
                self.contract.violation(
                    "file_complete",
                    file_name=self.file.file_name,
                    observed=f"an end without the total row of {last}",
                    expected="a total row at the end of the last account",
                )
            )
        if not self.is_single:
            self.violations.append(
                self.contract.violation(
                    "control_total_present",
                    file_name=self.file.file_name,
                    observed=f"{len(self.sections)} accounts, a number the file does not confirm",
                    expected="a count of accounts",
                )
            )

    def reading(self) -> FileReading:
        """The reading of the whole file."""
        tables = {
            name: collector.table(entity_columns(name))
            for name, collector in self.collectors.items()
        }
        for name, table in tables.items():
            self.violations += duplicate_keys(
                table, self.contract.entity(name), self.contract, file_name=self.file.file_name
            )
        status = status_of(self.violations)
        return FileReading(
            feed=self.contract.feed,
            stated_as_of_date=self.as_of.value,
            as_of_source=self.as_of.source,
            session_date=None,
            header_fingerprint=self.fingerprint,
            parser_version=self.contract.parser_version,
            delivery_mode=self.contract.delivery_mode,
            tables=tables if status == "LOADED" else {},
            covered_accounts=tuple(
                sorted({section.account for section in self.sections if section.account})
            ),
            row_count=self.row_count,
            control_row_count=None,
            control_amount=_stated_market_value(self.sections),
            violations=tuple(self.violations),
            status=status,
        )

    def _ragged(self, record: Record, observed: str) -> None:
        """A row that cannot be read, at the scope of its account where that is certain."""
        account = self.sections[-1].account if self.sections else ""
        safe = account and not record.problem
        self.violations.append(
            self.contract.violation(
                "ragged_row",
                file_name=self.file.file_name,
                entity="positions",
                row=record.line,
                observed=observed,
                account_number=account or None,
                scope="account" if safe else "feed",
            )
        )

    def _broken(
        self,
        rule: str,
        observed: str,
        record: Record,
        *,
        expected: str | None = None,
        account: str | None = None,
        entity: str | None = None,
        security: str | None = None,
    ) -> None:
        self.violations.append(
            self.contract.violation(
                rule,
                file_name=self.file.file_name,
                row=record.line,
                observed=observed,
                expected=expected,
                account_number=account,
                entity=entity,
                security_key=security,
            )
        )


def _stated_market_value(sections: Sequence[_Section]) -> Decimal | None:
    """The sum of the total rows' market values; None where one of them states none."""
    amounts = [
        parse_amount(section.reader.texts("positions", section.total.cells)["market_value"])
        for section in sections
        if section.reader is not None and section.total is not None
    ]
    stated = [amount for amount in amounts if amount is not None]
    return sum(stated, Decimal(0)) if stated and len(stated) == len(sections) else None
