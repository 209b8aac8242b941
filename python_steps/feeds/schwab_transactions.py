"""Reader of Schwab's transactions export: CSV with and without title lines, and JSON.

Belongs here: the sections of that file, what each row is, and the account and date that stand in
the title or only in the file name. Does not belong here: casting and rules on values. Source of
the rules: `schwab_transactions.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
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
    account_of_file_name,
    covered_period,
    day_of,
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
from python_steps.feeds.tables import RowCollector
from python_steps.findings import Violation

_TITLE = re.compile(r"^Transactions\s+for account\s+(?P<account>.+?)(?:\s+as of\s.*)?$", re.I)
_AS_OF = re.compile(r"^(?P<posted>.+?)\s+as of\s+(?P<effective>.+)$", re.IGNORECASE)


@dataclass
class _Section:
    """The rows of one account."""

    account: str
    line: int
    is_titled: bool
    reader: RowReader | None = None
    amounts: ControlSum = field(default_factory=lambda: ControlSum("net_amount"))
    row_count: int = 0
    has_total: bool = False
    stated_total: Decimal | None = None


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
    lines = list(records(text))
    walk.date_by(title_of(lines[0]))
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


class _Walk:
    """The state machine over the lines: title, header, rows, total; again for each account."""

    def __init__(self, file: ReceivedFile, contract: FeedContract) -> None:
        self.file = file
        self.contract = contract
        self.violations: list[Violation] = []
        self.sections: list[_Section] = []
        self.as_of = StatedDate(None, None, None, ())
        # Of each account in the file, None where its title states no period.
        self.covered_from: list[date | None] = []
        self.covered_to: list[date] = []
        self.fingerprint: str | None = None
        self.has_bad_header = False
        self.rows = RowCollector(contract.entity("transactions"))
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
            self._broken("one_as_of_date", f"{stated.value} after {self.as_of.value}", record.line)
        period = covered_period(title, self.contract.date_formats)
        self.covered_from.append(period[0] if period else None)
        self._period_ends(period[1] if period else None, record.line)
        found = account_reference(words)
        in_name = account_of_file_name(self.file.file_name)
        account = found[1] if found else in_name
        if account is None:
            self._broken(
                "account_reference_present", f"a title line of {unquoted_text(title)}", record.line
            )
        elif found and in_name and not self.sections and not _fit(account, in_name):
            self._broken(
                "account_references_agree", f"{account} in the title, {in_name} in the name", 1
            )
        self._open(account or "", record.line, is_titled=True)

    def _open(self, account: str, line: int, *, is_titled: bool) -> _Section:
        if account and any(section.account == account for section in self.sections):
            self._broken("account_reference_unique", f"a second section for {account}", line)
        self.sections.append(_Section(account, line, is_titled))
        return self.sections[-1]

    def _open_by_name(self, line: int) -> _Section:
        account = account_of_file_name(self.file.file_name)
        if account is None:
            self._broken(
                "account_reference_present",
                "no title line, and a file name without an account reference",
                line,
            )
        return self._open(account or "", line, is_titled=False)

    # Lines

    def row(self, record: Record) -> None:
        """Any line; none can be read under a header that lacks a column."""
        if self.has_bad_header:
            return
        if record.problem:
            self._ragged(record, record.problem)
            return
        if not any(cell.strip() for cell in record.cells) or says_nothing_found(record):
            return
        title = title_of(record)
        if _TITLE.match(title):
            self._close()
            self._title(title, record)
        elif self._is_header(record):
            self._header(record)
        elif not self.sections or self.sections[-1].reader is None:
            self._broken("section_understood", f"{unquoted(record)}, before a header", record.line)
        else:
            reader = self.sections[-1].reader
            label = normalised(reader.texts("transactions", record.cells)["transaction_date"])
            is_total = label in self.contract.mappings["special_rows"]
            (self._total if is_total else self._data)(record, self.sections[-1], reader)

    def _is_header(self, record: Record) -> bool:
        """A row of column names: it has both Date and Action among its cells."""
        names = {normalised(cell) for cell in record.cells}
        return {"date", "action"} <= names

    def _header(self, record: Record) -> None:
        section = self.sections[-1] if self.sections else self._open_by_name(record.line)
        if section.reader is not None:
            self._broken(
                "section_understood", f"a second header for {section.account}", record.line
            )
        entity = self.contract.entity("transactions")
        section.reader, found, violations = bind_header(record, [entity], self.contract, self.file)
        self.fingerprint = self.fingerprint or found
        self.has_bad_header = any(broken.severity == "block" for broken in violations)
        known = {(broken.rule, broken.observed) for broken in self.violations}
        self.violations += [
            broken for broken in violations if (broken.rule, broken.observed) not in known
        ]

    def _data(self, record: Record, section: _Section, reader: RowReader) -> None:
        if section.has_total:
            self._broken("section_understood", f"{unquoted(record)}, after the total", record.line)
            return
        section.row_count += 1
        cells = list(record.cells)
        while len(cells) > reader.width and not cells[-1].strip():
            cells.pop()
        if len(cells) != reader.width:
            self._ragged(record, unquoted(record))
            return
        self.add(reader.texts("transactions", cells), record.line, record.text)

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
        section.has_total = export.total is not None
        if export.total is not None:
            self._compare(section, export.total, export.line)
        self._close()
        self._last_words(ends_whole=True)

    def _json_row(
        self, row: JsonRow, columns: Sequence[str], section: _Section, reader: RowReader
    ) -> None:
        """One object; keys that are not loaded need not be in every one of them."""
        section.row_count += 1
        loaded = {columns[place] for place in reader.bindings["transactions"].places.values()}
        missing = [name for name in row.missing if name in loaded]
        if missing:
            self._ragged(Record([], row.line, row.text), f"a row without {', '.join(missing)}")
            return
        self.add(reader.texts("transactions", row.cells), row.line, row.text)

    # One transaction

    def add(self, texts: dict[str, str], line: int, text: str) -> None:
        """One transaction of the last section."""
        section = self.sections[-1]
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
            section.amounts.add(texts["net_amount"])
        kind, is_cancel = self._type(texts, section, line)
        quantity = self._signed(texts["quantity"], kind, is_cancel, section, line)
        self.rows.add(
            {
                **texts,
                **identifiers,
                "account_number": section.account,
                "transaction_date": effective,
                "entry_date": posted,
                "transaction_type": kind,
                "quantity": quantity,
                "currency": self.contract.mappings["constants"]["currency"],
                "is_cancel": "true" if is_cancel else "false",
            },
            line=line,
            text=text,
        )

    def _dates(self, cell: str, section: _Section, line: int) -> tuple[str, str]:
        """Posting and effective date of a Date cell such as `04/22/2026 as of 04/20/2026`."""
        match = _AS_OF.match(cell.strip())
        posted, effective = (match["posted"], match["effective"]) if match else (cell, cell)
        days = [day_of(text, self.contract.date_formats) for text in (posted, effective)]
        if days[0] and days[1] and days[1] > days[0]:
            self._broken(
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

    def _type(self, texts: dict[str, str], section: _Section, line: int) -> tuple[str, bool]:
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
            self._broken(
                "transaction_type_known",
                f"action {texts['source_type']!r}",
                line,
                account=section.account,
            )
        return found or "OTHER", is_cancel

    def _signed(self, text: str, kind: str, is_cancel: bool, section: _Section, line: int) -> str:
        """The quantity with the sign of its action, where Schwab writes none."""
        sign = self.contract.mappings["quantity_signs"].get(kind)
        amount = parse_amount(text)
        if sign is None or amount is None:
            return text
        is_out = (sign == "-") != is_cancel
        if amount < 0 and not is_out:
            self._broken(
                "quantity_sign", f"quantity {text} of a {kind}", line, account=section.account
            )
            return text
        return f"-{text.strip().lstrip('+')}" if is_out and amount > 0 else text

    # Totals and ends

    def _total(self, record: Record, section: _Section, reader: RowReader) -> None:
        if section.has_total:
            self._broken("section_understood", "a second total", record.line)
        if not section.is_titled:
            self._broken("section_understood", "a total without a title line", record.line)
        section.has_total = True
        self._compare(
            section, reader.texts("transactions", record.cells)["net_amount"], record.line
        )

    def _compare(self, section: _Section, stated: str, line: int) -> None:
        section.stated_total = parse_amount(stated)
        tolerance = self.contract.tolerance("control_total")
        if section.amounts.difference(stated, tolerance) is not None:
            self._broken(
                "control_total",
                f"a total of {stated}",
                line,
                account=section.account,
                expected=f"{section.amounts.total}, the sum of {section.amounts.rows} amounts",
            )

    def _close(self) -> None:
        """The last account's rows are over: had it to have a total?"""
        if not self.sections:
            return
        section = self.sections[-1]
        gone = date.fromisoformat(self.contract.mappings["eras"]["total_gone"])
        needs_total = section.is_titled and (self.as_of.value or gone) < gone
        if section.has_total or section.row_count == 0 or not needs_total:
            return
        self.violations.append(
            self.contract.violation(
                "file_complete",
                file_name=self.file.file_name,
                row=section.line,
                observed=f"the section of {section.account} without its total",
                expected="a row Transactions Total, as all titled files of that time have",
                account_number=section.account or None,
            )
        )

    def end(self, *, ends_whole: bool) -> None:
        """The last line was read."""
        if self.has_bad_header:
            return
        if not self.sections or self.sections[-1].reader is None:
            self.violations.append(
                self.contract.violation(
                    "file_complete",
                    file_name=self.file.file_name,
                    observed="an end without a header",
                    expected="a header and rows",
                )
            )
        self._close()
        self._last_words(ends_whole=ends_whole)

    def _last_words(self, *, ends_whole: bool) -> None:
        row_count = sum(section.row_count for section in self.sections)
        if len(self.later_rows) * 2 > row_count:
            self.violations.append(
                self.contract.violation(
                    "dates_not_after_file",
                    file_name=self.file.file_name,
                    observed=f"{len(self.later_rows)} of {row_count} transactions with later dates",
                    expected=f"nothing after {self.as_of.value}, the date of the export",
                    severity="block",
                    scope="feed",
                )
            )
        else:
            self.violations += self.later_rows
        has_totals = all(section.has_total for section in self.sections)
        if has_totals and not any(section.is_titled for section in self.sections):
            return
        counted = f"{len(self.sections)} accounts" if has_totals else f"{row_count} rows"
        self.violations.append(
            self.contract.violation(
                "control_total_present",
                file_name=self.file.file_name,
                observed=f"{counted}, a number the file does not confirm",
            )
        )
        if has_totals:
            return
        if not ends_whole:
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
        table = self.rows.table(entity_columns("transactions"))
        totals = [section.stated_total for section in self.sections]
        stated = [total for total in totals if total is not None]
        return FileReading(
            feed=self.contract.feed,
            stated_as_of_date=self.as_of.value,
            as_of_source=self.as_of.source,
            session_date=None,
            header_fingerprint=self.fingerprint,
            parser_version=self.contract.parser_version,
            delivery_mode=self.contract.delivery_mode,
            tables={"transactions": table} if status == "LOADED" else {},
            covered_accounts=tuple(
                sorted({section.account for section in self.sections if section.account})
            ),
            row_count=sum(section.row_count for section in self.sections),
            control_row_count=None,
            control_amount=sum(stated, Decimal(0))
            if stated and len(stated) == len(totals)
            else None,
            violations=tuple(self.violations),
            status=status,
            covered_from_date=self._covered_from(),
            # No account is told any longer than the first of them that ends.
            covered_to_date=min(self.covered_to, default=None),
        )

    def _period_ends(self, day: date | None, line: int) -> None:
        """The last day that an account's section says it tells, which is none to come."""
        if day is None:
            return
        self.covered_to.append(day)
        if self.as_of.value is not None and day > self.as_of.value:
            self._broken(
                "period_ends_by_file_date",
                f"a period to {day}, an export of {self.as_of.value}",
                line,
            )

    def _covered_from(self) -> date | None:
        """The day from which the file tells every account's transactions; None for any without."""
        stated = [day for day in self.covered_from if day is not None]
        return max(stated) if stated and len(stated) == len(self.sections) else None

    def _ragged(self, record: Record, observed: str) -> None:
        """A row that cannot be read, at the scope of its account where that is certain."""
        account = self.sections[-1].account if self.sections else ""
        safe = account and not record.problem
        self.violations.append(
            self.contract.violation(
                "ragged_row",
                file_name=self.file.file_name,
                entity="transactions",
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
        line: int,
        *,
        account: str | None = None,
        expected: str | None = None,
    ) -> None:
        self.violations.append(
            self.contract.violation(
                rule,
                file_name=self.file.file_name,
                entity="transactions",
                row=line,
                observed=observed,
                expected=expected,
                account_number=account or None,
            )
        )


def _fit(reference: str, other: str) -> bool:
    """True where two references can mean one account: the shorter's digits end the longer's."""
    first, second = (_digits(text) for text in (reference, other))
    return first.endswith(second) or second.endswith(first)


def _digits(text: Sequence[str]) -> str:
    return "".join(character for character in text if character.isdigit())
