"""Reader of Schwab's transactions export: CSV with and without title lines, and JSON.

Belongs here: the sections of that file, what each row is, and the account and date that stand in
the title or only in the file name. Does not belong here: casting and rules on values. Source of
the rules: `schwab_transactions.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from data_contracts.contract import FeedContract
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.client_exports import (
    RowReader,
    Section,
    SectionWalk,
    account_reference,
    filled_records,
    unquoted,
    unquoted_text,
)
from python_steps.feeds.decoding import decode
from python_steps.feeds.delimited import Record
from python_steps.feeds.headers import normalised
from python_steps.feeds.received import FileReading, ReceivedFile, refused
from python_steps.feeds.schwab_exports import (
    account_of_file_name,
    covered_period,
    day_of,
    first_line,
    says_nothing_found,
    security_columns,
    stated_date,
    title_of,
)
from python_steps.feeds.schwab_json import (
    BrokerageTransactions,
    JsonExportError,
    JsonRow,
    parse_export,
)
from python_steps.findings import Violation

_TITLE = re.compile(r"^Transactions\s+for account\s+(?P<account>.+?)(?:\s+as of\s.*)?$", re.I)
_AS_OF = re.compile(r"^(?P<posted>.+?)\s+as of\s+(?P<effective>.+)$", re.IGNORECASE)


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Read one transactions export.

    Args:
        file: as received.
        contract: of the feed schwab_transactions.

    Returns:
        Transactions as text, and what is wrong with the file.
    """
    maximum = int(contract.mappings["limits"]["maximum_bytes"])
    if len(file.content) > maximum:
        observed = f"{len(file.content)} bytes, limit {maximum}"
        return refused(
            contract, [contract.violation("file_size", file_name=file.file_name, observed=observed)]
        )
    decoded = decode(file, contract)
    if decoded.content is None:
        return refused(contract, decoded.violations)
    text = decoded.content.decode("utf-8")
    if text.lstrip().startswith("<"):
        broken = contract.violation("file_kind_read", file_name=file.file_name, observed="XML")
        return refused(contract, [*decoded.violations, broken])
    walk = _Walk(file, contract)
    walk.violations += decoded.violations
    if text.lstrip().startswith("{"):
        return _read_json(walk, text)
    lines = filled_records(decoded.content)
    walk.date_by(title_of(first_line(lines)))
    for record in lines:
        walk.row(record)
    walk.end(ends_whole=text.endswith("\n"))
    return walk.reading()


def _read_json(walk: _Walk, text: str) -> FileReading:
    """The JSON export: the same columns as keys, the account only in the file name."""
    walk.date_by("")
    try:
        export = parse_export(text)
    except JsonExportError as error:
        broken = walk.contract.violation(
            "json_well_formed",
            file_name=walk.file.file_name,
            row=error.line,
            observed=error.observed,
        )
        return refused(walk.contract, [*walk.violations, broken])
    walk.json(export)
    return walk.reading()


class _Walk(SectionWalk):
    """The state machine over the lines: title, header, rows, total; again for each account."""

    only_entity = "transactions"

    def __init__(self, file: ReceivedFile, contract: FeedContract) -> None:
        super().__init__(file, contract)
        # Of each account in the file, None where its title states no period.
        self.covered_from: list[date | None] = []
        self.covered_to: list[date] = []
        self.later_rows: list[Violation] = []

    # The file's own date and the accounts

    def date_by(self, title: str) -> None:
        """The date of the export, from the title line of its first account, else the name."""
        is_title = _TITLE.match(title) is not None
        self.as_of = stated_date(title if is_title else "", self.file, self.contract)
        self.violations += self.as_of.violations

    def _title(self, title: str, record: Record) -> None:
        match = _TITLE.match(title)
        words = match["account"] if match else ""
        stated = stated_date(title, self.file, self.contract)
        if stated.value != self.as_of.value:
            self.broken("one_as_of_date", f"{stated.value} after {self.as_of.value}", record.line)
        period = covered_period(title, self.contract.date_formats)
        self.covered_from.append(period[0] if period else None)
        self._period_ends(period[1] if period else None, record.line)
        found = account_reference(words)
        in_name = account_of_file_name(self.file.file_name)
        account = found[1] if found else in_name
        if account is None:
            self.broken(
                "account_reference_present", f"a title line of {unquoted_text(title)}", record.line
            )
        elif found and in_name and not self.sections and not _fit(account, in_name):
            self.broken(
                "account_references_agree", f"{account} in the title, {in_name} in the name", 1
            )
        self.open_section(Section(account or "", record.line))

    def _open_by_name(self, line: int) -> Section:
        account = account_of_file_name(self.file.file_name)
        if account is None:
            self.broken(
                "account_reference_present",
                "no title line, and a file name without an account reference",
                line,
            )
        return self.open_section(Section(account or "", line, is_titled=False))

    # Lines

    def row(self, record: Record) -> None:
        """Any line; none can be read under a header that lacks a column."""
        if self.has_bad_header:
            return
        if record.problem:
            self.ragged(record)
            return
        if says_nothing_found(record):
            return
        title = title_of(record)
        section = self.last
        if _TITLE.match(title):
            self._close()
            self._title(title, record)
        elif self._is_header(record):
            self._header(record)
        elif section is None or section.reader is None:
            self.broken("section_understood", f"{unquoted(record)}, before a header", record)
        else:
            reader = section.reader
            label = normalised(reader.texts("transactions", record.cells)["transaction_date"])
            is_total = label in self.contract.mappings["special_rows"]
            (self._total if is_total else self._data)(record, section, reader)

    def _is_header(self, record: Record) -> bool:
        """A row of column names: it has both Date and Action among its cells."""
        names = {normalised(cell) for cell in record.cells}
        return {"date", "action"} <= names

    def _header(self, record: Record) -> None:
        section = self.last or self._open_by_name(record.line)
        self.bind_section(record, ("transactions",), section)

    def _data(self, record: Record, section: Section, reader: RowReader) -> None:
        if section.has_total:
            self.broken("section_understood", f"{unquoted(record)}, after the total", record)
            return
        cells = self.row_cells(record, section, reader, "transactions")
        if cells is not None:
            self._transaction(reader.texts("transactions", cells), record, section)

    def json(self, export: BrokerageTransactions) -> None:
        """The rows of a JSON export, whose keys are the columns."""
        section = self._open_by_name(1)
        self.covered_from.append(day_of(export.from_date, self.contract.date_formats))
        self._period_ends(day_of(export.to_date, self.contract.date_formats), export.line)
        # A list without transactions names no columns, so there is none to bind and none to miss.
        if export.rows:
            self._header(Record(list(export.columns), export.line, ""))
        if self.has_bad_header:
            return
        if section.reader is not None:
            for row in export.rows:
                self._json_row(row, export.columns, section, section.reader)
        if export.total is not None:
            self._state_total(section, export.total, export.line)
        self._close()
        self._last_words(ends_whole=True)

    def _json_row(
        self, row: JsonRow, columns: Sequence[str], section: Section, reader: RowReader
    ) -> None:
        """One object; keys that are not loaded need not be in every one of them."""
        section.row_count += 1
        self.row_count += 1
        loaded = {columns[place] for place in reader.bindings["transactions"].places.values()}
        missing = [name for name in row.missing if name in loaded]
        record = Record([], row.line, row.text)
        if missing:
            self.ragged(record, observed=f"a row without {', '.join(missing)}")
            return
        self._transaction(reader.texts("transactions", row.cells), record, section)

    # One transaction

    def _transaction(self, texts: dict[str, str], record: Record, section: Section) -> None:
        line = record.line
        posted, effective = self._dates(texts["transaction_date"], section, line)
        symbol = texts["ticker"].strip()
        identifiers, doubts = security_columns(
            symbol,
            self.contract,
            file_name=self.file.file_name,
            entity="transactions",
            row=line,
            account=section.account,
        )
        self.violations += doubts
        if texts["net_amount"].strip():
            section.sum_of("net_amount").add(texts["net_amount"])
        kind, is_cancel = self._type(texts, section, line)
        quantity = self._signed(texts["quantity"], kind, is_cancel, section, line)
        self.add(
            "transactions",
            {
                **texts,
                **identifiers,
                "account_number": section.account,
                "transaction_date": effective,
                "entry_date": posted,
                "transaction_type": kind,
                "quantity": quantity,
                "currency": self.currency,
                "is_cancel": "true" if is_cancel else "false",
            },
            record,
        )

    def _dates(self, cell: str, section: Section, line: int) -> tuple[str, str]:
        """Posting and effective date of a Date cell such as `04/22/2026 as of 04/20/2026`."""
        match = _AS_OF.match(cell.strip())
        posted, effective = (match["posted"], match["effective"]) if match else (cell, cell)
        days = [day_of(text, self.contract.date_formats) for text in (posted, effective)]
        if days[0] and days[1] and days[1] > days[0]:
            self.broken(
                "effective_date_not_after_posting",
                f"posted {days[0]}, effective {days[1]}",
                line,
                account=section.account,
            )
        if days[0] and self.as_of.value and days[0] > self.as_of.value:
            self.later_rows.append(
                self.contract.violation(
                    "dates_not_after_file",
                    file_name=self.file.file_name,
                    entity="transactions",
                    row=line,
                    observed=f"a transaction of {days[0]}",
                    expected=f"nothing after {self.as_of.value}, the date of the export",
                    account_number=section.account or None,
                )
            )
        return posted, effective

    def _type(self, texts: dict[str, str], section: Section, line: int) -> tuple[str, bool]:
        """The canonical type of an action, and whether it takes another transaction back."""
        mappings = self.contract.mappings
        word = normalised(texts["source_type"])
        is_cancel = word in mappings["cancelled_actions"]
        word = mappings["cancelled_actions"].get(word, word)
        amount = parse_amount(texts["quantity"]) or parse_amount(texts["net_amount"])
        direction = "" if not amount else ("out" if amount < 0 else "in")
        types = mappings["transaction_types"]
        found = types.get(word) or types.get(f"{word} {direction}")
        if found is None:
            self.broken(
                "transaction_type_known",
                f"action {texts['source_type']!r}",
                line,
                account=section.account,
            )
        return found or "OTHER", is_cancel

    def _signed(self, text: str, kind: str, is_cancel: bool, section: Section, line: int) -> str:
        """The quantity with the sign of its action, where Schwab writes none."""
        sign = self.contract.mappings["quantity_signs"].get(kind)
        amount = parse_amount(text)
        if sign is None or amount is None:
            return text
        is_out = (sign == "-") != is_cancel
        if amount < 0 and not is_out:
            self.broken(
                "quantity_sign", f"quantity {text} of a {kind}", line, account=section.account
            )
            return text
        return f"-{text.strip().lstrip('+')}" if is_out and amount > 0 else text

    # Totals and ends

    def _total(self, record: Record, section: Section, reader: RowReader) -> None:
        if section.has_total:
            self.broken("section_understood", "a second total", record.line)
        if not section.is_titled:
            self.broken("section_understood", "a total without a title line", record.line)
        self._state_total(
            section, reader.texts("transactions", record.cells)["net_amount"], record.line
        )

    def _state_total(self, section: Section, stated: str, line: int) -> None:
        section.has_total = True
        section.stated = parse_amount(stated)
        self.compare(section.sum_of("net_amount"), stated, "a total", line, noun="amount")

    def _close(self) -> None:
        """The last account's rows are over: had it to have a total?"""
        section = self.last
        if section is None:
            return
        gone = date.fromisoformat(self.contract.mappings["eras"]["total_gone"])
        needs_total = section.is_titled and (self.as_of.value or gone) < gone
        if not section.has_total and section.row_count and needs_total:
            self.broken(
                "file_complete",
                f"the section of {section.account} without its total",
                section.line,
                expected="a row Transactions Total, as all titled files of that time have",
                account=section.account,
            )

    def end(self, *, ends_whole: bool) -> None:
        """The last line was read."""
        if self.has_bad_header:
            return
        if self.last is None or self.last.reader is None:
            self.broken("file_complete", "an end without a header", expected="a header and rows")
        self._close()
        self._last_words(ends_whole=ends_whole)

    def _last_words(self, *, ends_whole: bool) -> None:
        if len(self.later_rows) * 2 > self.row_count:
            self.broken(
                "dates_not_after_file",
                f"{len(self.later_rows)} of {self.row_count} transactions with later dates",
                expected=f"nothing after {self.as_of.value}, the date of the export",
                severity="block",
                scope="feed",
            )
        else:
            self.violations += self.later_rows
        has_totals = all(section.has_total for section in self.sections)
        if has_totals and not any(section.is_titled for section in self.sections):
            return
        counted = f"{len(self.sections)} accounts" if has_totals else f"{self.row_count} rows"
        self.broken("control_total_present", f"{counted}, a number the file does not confirm")
        if not has_totals and not ends_whole:
            self.broken("last_line_ended", "a last row without line end")

    def reading(self) -> FileReading:
        """The reading of the whole file; no account is told longer than the first that ends."""
        return self.section_reading(
            covered=(self._covered_from(), min(self.covered_to, default=None))
        )

    def _period_ends(self, day: date | None, line: int) -> None:
        """The last day that an account's section says it tells, which is none to come."""
        if day is None:
            return
        self.covered_to.append(day)
        if self.as_of.value is not None and day > self.as_of.value:
            self.broken(
                "period_ends_by_file_date",
                f"a period to {day}, an export of {self.as_of.value}",
                line,
            )

    def _covered_from(self) -> date | None:
        """The day from which the file tells every account's transactions; None for any without."""
        stated = [day for day in self.covered_from if day is not None]
        return max(stated) if stated and len(stated) == len(self.sections) else None


def _fit(reference: str, other: str) -> bool:
    """True where two references can mean one account: the shorter's digits end the longer's."""
    first, second = (_digits(text) for text in (reference, other))
    return first.endswith(second) or second.endswith(first)


def _digits(text: Sequence[str]) -> str:
    return "".join(character for character in text if character.isdigit())
