"""Reader of Schwab's realized gain/loss export, view Lot Details: closed lots.

Belongs here: the sections of that file, what each row is, and the refusal of the Summary view,
which has no opened dates. Does not belong here: casting, rules on values, and open lots (another
export). Source of the rules: `schwab_realized_gains.yaml`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
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
from python_steps.feeds.received import FileReading, ReceivedFile, refused, status_of
from python_steps.feeds.schwab_exports import (
    covered_period,
    day_of,
    says_nothing_found,
    security_columns,
    stated_date,
    title_of,
)
from python_steps.feeds.tables import RowCollector
from python_steps.findings import Violation

_ACCOUNT = re.compile(r"\bfor\s+(?P<account>.*?)\s*(?:\bas of\s|$)", re.IGNORECASE)
_TITLE = "realized gain/loss"
_LOT_DETAILS = "lot details"
_TRANSACTION_BASIS = "transaction cost basis"
_ALL_ACCOUNTS = ("all_accounts", "all-accounts", "all accounts")


@dataclass
class _Section:
    """The lots of one account."""

    account: str
    line: int
    reader: RowReader | None = None
    proceeds: ControlSum = field(default_factory=lambda: ControlSum("proceeds"))
    cost_basis: ControlSum = field(default_factory=lambda: ControlSum("cost_basis"))
    row_count: int = 0
    has_total: bool = False
    is_empty: bool = False
    transaction_basis: int | None = None
    stated_proceeds: Decimal | None = None


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Read one realized gain/loss export.

    Args:
        file: as received.
        contract: of the feed schwab_realized_gains.

    Returns:
        Closed lots as text, and what is wrong with the file.
    """
    decoded = decode(file, contract)
    if decoded.content is None:
        return refused(contract, decoded.violations)
    text = decoded.content.decode("utf-8")
    lines = list(records(text))
    title = title_of(lines[0])
    as_of = stated_date(title, file, contract)
    violations = [*decoded.violations, *as_of.violations]
    if title.lower().startswith(_TITLE) and _LOT_DETAILS not in title.lower():
        broken = contract.violation(
            "opened_dates_present",
            file_name=file.file_name,
            row=lines[0].line,
            observed=f"a title line of {unquoted_text(title)}",
        )
        return refused(
            contract,
            [*violations, broken],
            stated_as_of_date=as_of.value,
            as_of_source=as_of.source,
        )
    walk = _Walk(file, contract, as_of)
    walk.violations += violations
    walk.title(title, lines[0])
    for record in lines[1:]:
        walk.row(record)
    walk.end(ends_whole=text.endswith("\n"))
    return walk.reading()


class _Walk:
    """The state machine over the lines: title; account line, header and lots of each account."""

    def __init__(self, file: ReceivedFile, contract: FeedContract, as_of: StatedDate) -> None:
        self.file = file
        self.contract = contract
        self.as_of = as_of
        self.violations: list[Violation] = []
        self.sections: list[_Section] = []
        self.period: tuple[date, date] | None = None
        self.fingerprint: str | None = None
        self.is_single = False
        self.has_bad_header = False
        self.lots = RowCollector(contract.entity("closed_lots"))

    # Lines that open a section

    def title(self, title: str, record: Record) -> None:
        """The first line: which account, and the period."""
        if record.problem or not title.lower().startswith(_TITLE):
            self._broken(
                "section_understood",
                record.problem or f"a title line of {unquoted_text(title)}",
                record,
            )
            return
        self.period = covered_period(title, self.contract.date_formats)
        if self.period and self.as_of.value and self.period[1] > self.as_of.value:
            self._broken(
                "period_ends_by_file_date",
                f"a period to {self.period[1]}, an export of {self.as_of.value}",
                record,
            )
        match = _ACCOUNT.search(title)
        words = match["account"] if match else ""
        # A title that names no account stands over accounts that each have a line of their own.
        if words and words.lower() not in _ALL_ACCOUNTS:
            self.is_single = True
            self._open(words, record)

    def _open(self, words: str, record: Record) -> None:
        last = self.sections[-1] if self.sections else None
        if last is not None and last.reader is None and not last.is_empty:
            self._broken("section_understood", f"no header for {last.account}", record)
        found = account_reference(words)
        # The title of a file of one account may show the account's nickname in place of a number.
        account = found[1] if found else (words.strip() if self.is_single else "")
        if not account:
            self._broken(
                "account_reference_present", f"an account line of {unquoted_text(words)}", record
            )
        elif found is None:
            self._broken(
                "account_numbered", f"a name of {unquoted_text(account)}", record, account=account
            )
        if account and any(section.account == account for section in self.sections):
            self._broken(
                "account_reference_unique",
                f"a second section for {account}",
                record,
                account=account,
            )
        self.sections.append(_Section(account, record.line))

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
        names = {normalised(cell) for cell in record.cells}
        if says_nothing_found(record) and self.sections:
            self.sections[-1].is_empty = True
        elif {"symbol", "closed date"} <= names:
            self._header(record)
        elif len(filled) == 1 and record.cells[0].strip() and not self.is_single:
            self._open(record.cells[0].strip(), record)
        elif not self.sections or self.sections[-1].reader is None:
            self._broken("section_understood", f"{unquoted(record)}, before a header", record)
        else:
            reader = self.sections[-1].reader
            label = normalised(reader.texts("closed_lots", record.cells)["ticker"])
            is_total = label in self.contract.mappings["special_rows"]
            (self._total if is_total else self._lot)(record, self.sections[-1], reader)

    def _header(self, record: Record) -> None:
        names = {normalised(cell) for cell in record.cells}
        opened = {normalised(name) for name in ("Opened Date", "acquisition_date")}
        if not names & opened:
            self._broken("opened_dates_present", "a header without Opened Date", record)
            self.has_bad_header = True
            return
        if not self.sections:
            self._broken("account_reference_present", "a header before any account line", record)
            self.sections.append(_Section("", record.line))
        section = self.sections[-1]
        if section.reader is not None:
            self._broken("section_understood", f"a second header for {section.account}", record)
        entity = self.contract.entity("closed_lots")
        section.reader, found, violations = bind_header(record, [entity], self.contract, self.file)
        self.fingerprint = self.fingerprint or found
        columns = [normalised(cell) for cell in record.cells]
        if _TRANSACTION_BASIS in columns:
            section.transaction_basis = columns.index(_TRANSACTION_BASIS)
        self.has_bad_header = any(broken.severity == "block" for broken in violations)
        known = {(broken.rule, broken.observed) for broken in self.violations}
        self.violations += [
            broken for broken in violations if (broken.rule, broken.observed) not in known
        ]

    def _lot(self, record: Record, section: _Section, reader: RowReader) -> None:
        if section.has_total:
            self._broken("section_understood", f"{unquoted(record)}, after the total", record)
            return
        section.row_count += 1
        cells = list(record.cells)
        while len(cells) > reader.width and not cells[-1].strip():
            cells.pop()
        if len(cells) != reader.width:
            self._ragged(record, unquoted(record))
            return
        texts = reader.texts("closed_lots", cells)
        if section.transaction_basis is not None and cells[section.transaction_basis].strip():
            texts["cost_basis_unadjusted"] = cells[section.transaction_basis]
        section.proceeds.add(texts["proceeds"])
        section.cost_basis.add(texts["cost_basis"])
        identifiers, doubts = security_columns(
            texts["ticker"],
            self.contract,
            file_name=self.file.file_name,
            entity="closed_lots",
            row=record.line,
            account=section.account,
        )
        self.violations += doubts
        self._check_dates(texts, record, section)
        term = (
            {"term": self._term(texts["term"], texts, record, section)} if "term" in texts else {}
        )
        if "disposal_method" in texts:
            method = texts["disposal_method"]
            known = self.contract.mappings["disposal_methods"]
            texts["disposal_method"] = known.get(normalised(method), method)
        self.lots.add(
            {
                **texts,
                **identifiers,
                **term,
                "account_number": section.account,
                "currency": self.contract.mappings["constants"]["currency"],
            },
            line=record.line,
            text=record.text,
        )

    def _check_dates(self, texts: dict[str, str], record: Record, section: _Section) -> None:
        formats = self.contract.date_formats
        opened = day_of(texts["acquisition_date"], formats)
        closed = day_of(texts["disposal_date"], formats)
        if closed is None:
            return
        if opened and opened > closed:
            self._broken(
                "opened_not_after_closed",
                f"opened {opened}, closed {closed}",
                record,
                account=section.account,
                security=texts["ticker"],
            )
        first, last = self.period or (date.min, self.as_of.value or date.max)
        if not first <= closed <= last:
            self._broken(
                "dates_in_period",
                f"a lot closed on {closed}",
                record,
                account=section.account,
                security=texts["ticker"],
            )

    def _term(self, word: str, texts: dict[str, str], record: Record, section: _Section) -> str:
        found = self.contract.mappings["terms"].get(normalised(word))
        if found is None and word.strip() not in self.contract.null_words:
            self._broken(
                "term_known",
                f"term {word!r}",
                record,
                account=section.account,
                security=texts["ticker"],
            )
        return found or word

    def _total(self, record: Record, section: _Section, reader: RowReader) -> None:
        section.has_total = True
        texts = reader.texts("closed_lots", record.cells)
        section.stated_proceeds = parse_amount(texts["proceeds"])
        tolerance = self.contract.tolerance("control_total")
        for control in (section.proceeds, section.cost_basis):
            if control.difference(texts[control.column], tolerance) is not None:
                self._broken(
                    "control_total",
                    f"{control.column} {texts[control.column]} in the total row",
                    record,
                    account=section.account,
                    expected=f"{control.total}, the sum of {control.rows} lots",
                )

    # Ends

    def end(self, *, ends_whole: bool) -> None:
        """The last line was read."""
        if self.has_bad_header:
            return
        last = self.sections[-1] if self.sections else None
        if last is None or (last.reader is None and not last.is_empty):
            self.violations.append(
                self.contract.violation(
                    "file_complete",
                    file_name=self.file.file_name,
                    observed="an end without a header",
                    expected="a header and lots of the last account",
                )
            )
        if self.is_single and self.sections and self.sections[-1].has_total:
            return
        self.violations.append(
            self.contract.violation(
                "control_total_present",
                file_name=self.file.file_name,
                observed=f"{sum(section.row_count for section in self.sections)} lots, a number "
                "the file does not confirm",
            )
        )
        if not ends_whole and not (self.sections and self.sections[-1].has_total):
            self.violations.append(
                self.contract.violation(
                    "last_line_ended",
                    file_name=self.file.file_name,
                    observed="a last row without line end",
                )
            )

    def reading(self) -> FileReading:
        """The reading of the whole file."""
        status = status_of(self.violations)
        table = self.lots.table(entity_columns("closed_lots"))
        stated = [section.stated_proceeds for section in self.sections]
        totals = [amount for amount in stated if amount is not None]
        return FileReading(
            feed=self.contract.feed,
            stated_as_of_date=self.as_of.value,
            as_of_source=self.as_of.source,
            session_date=None,
            header_fingerprint=self.fingerprint,
            parser_version=self.contract.parser_version,
            delivery_mode=self.contract.delivery_mode,
            tables={"closed_lots": table} if status == "LOADED" else {},
            covered_accounts=tuple(
                sorted({section.account for section in self.sections if section.account})
            ),
            row_count=sum(section.row_count for section in self.sections),
            control_row_count=None,
            control_amount=sum(totals, Decimal(0))
            if totals and len(totals) == len(stated)
            else None,
            violations=tuple(self.violations),
            status=status,
            covered_from_date=self.period[0] if self.period else None,
            covered_to_date=self.period[1] if self.period else None,
        )

    def _ragged(self, record: Record, observed: str) -> None:
        """A row that cannot be read, at the scope of its account where that is certain."""
        account = self.sections[-1].account if self.sections else ""
        safe = account and not record.problem
        self.violations.append(
            self.contract.violation(
                "ragged_row",
                file_name=self.file.file_name,
                entity="closed_lots",
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
        security: str | None = None,
    ) -> None:
        self.violations.append(
            self.contract.violation(
                rule,
                file_name=self.file.file_name,
                entity="closed_lots",
                row=record.line,
                observed=observed,
                expected=expected,
                account_number=account or None,
                security_key=security or None,
            )
        )
