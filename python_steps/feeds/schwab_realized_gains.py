"""Reader of Schwab's realized gain/loss export, view Lot Details: closed lots.

Belongs here: the sections of that file, what each row is, and the refusal of the Summary view,
which has no opened dates. Does not belong here: casting, rules on values, and open lots (another
export). Source of the rules: `schwab_realized_gains.yaml`.
"""

from __future__ import annotations

import re
from datetime import date

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
from python_steps.feeds.received import FileReading, ReceivedFile, refused
from python_steps.feeds.schwab_exports import (
    covered_period,
    day_of,
    first_line,
    says_nothing_found,
    security_columns,
    stated_date,
    title_of,
)

_ACCOUNT = re.compile(r"\bfor\s+(?P<account>.*?)\s*(?:\bas of\s|$)", re.IGNORECASE)
_TITLE = "realized gain/loss"
_LOT_DETAILS = "lot details"
_TRANSACTION_BASIS = "transaction cost basis"
_ALL_ACCOUNTS = ("all_accounts", "all-accounts", "all accounts")


_SUMMED = ("proceeds", "cost_basis")


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
    lines = filled_records(decoded.content)
    first = first_line(lines)
    title = title_of(first)
    as_of = stated_date(title, file, contract)
    if title.lower().startswith(_TITLE) and _LOT_DETAILS not in title.lower():
        broken = contract.violation(
            "opened_dates_present",
            file_name=file.file_name,
            row=first.line,
            observed=f"a title line of {unquoted_text(title)}",
        )
        return refused(
            contract,
            [*decoded.violations, *as_of.violations, broken],
            stated_as_of_date=as_of.value,
            as_of_source=as_of.source,
        )
    walk = _Walk(file, contract, as_of)
    walk.violations = [*decoded.violations, *walk.violations]
    walk.title(title, first)
    for record in lines[1:]:
        walk.row(record)
    walk.end(ends_whole=decoded.content.endswith(b"\n"))
    return walk.section_reading(covered=walk.period or (None, None))


class _Walk(SectionWalk):
    """The state machine over the lines: title; account line, header and lots of each account."""

    only_entity = "closed_lots"

    def __init__(self, file: ReceivedFile, contract: FeedContract, as_of: StatedDate) -> None:
        super().__init__(file, contract, as_of)
        self.period: tuple[date, date] | None = None
        self.is_single = False

    # Lines that open a section

    def title(self, title: str, record: Record) -> None:
        """The first line: which account, and the period."""
        if record.problem or not title.lower().startswith(_TITLE):
            self.broken(
                "section_understood",
                record.problem or f"a title line of {unquoted_text(title)}",
                record,
            )
            return
        self.period = covered_period(title, self.contract.date_formats)
        if self.period and self.as_of.value and self.period[1] > self.as_of.value:
            self.broken(
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
        last = self.last
        if last is not None and last.reader is None and not last.is_empty:
            self.broken("section_understood", f"no header for {last.account}", record)
        found = account_reference(words)
        # The title of a file of one account may show the account's nickname in place of a number.
        account = found[1] if found else (words.strip() if self.is_single else "")
        if not account:
            shape = f"an account line of {unquoted_text(words)}"
            self.broken("account_reference_present", shape, record)
        elif found is None:
            shape = f"a name of {unquoted_text(account)}"
            self.broken("account_numbered", shape, record, account=account)
        self.open_section(Section(account, record.line))

    # Rows

    def row(self, record: Record) -> None:
        """Any line after the first; none can be read under a header that lacks a column."""
        if self.has_bad_header:
            return
        if record.problem:
            self.ragged(record)
            return
        filled = [cell for cell in record.cells if cell.strip()]
        names = {normalised(cell) for cell in record.cells}
        section = self.last
        if says_nothing_found(record) and section is not None:
            section.is_empty = True
        elif {"symbol", "closed date"} <= names:
            self._header(record, names)
        elif len(filled) == 1 and record.cells[0].strip() and not self.is_single:
            self._open(record.cells[0].strip(), record)
        elif section is None or section.reader is None:
            self.broken("section_understood", f"{unquoted(record)}, before a header", record)
        else:
            label = normalised(section.reader.texts("closed_lots", record.cells)["ticker"])
            is_total = label in self.contract.mappings["special_rows"]
            (self._total if is_total else self._lot)(record, section, section.reader)

    def _header(self, record: Record, names: set[str]) -> None:
        opened = {normalised(name) for name in ("Opened Date", "acquisition_date")}
        if not names & opened:
            self.broken("opened_dates_present", "a header without Opened Date", record)
            self.has_bad_header = True
            return
        section = self.last
        if section is None:
            self.broken("account_reference_present", "a header before any account line", record)
            section = self.open_section(Section("", record.line))
        self.bind_section(record, ("closed_lots",), section)

    def _lot(self, record: Record, section: Section, reader: RowReader) -> None:
        if section.has_total:
            self.broken("section_understood", f"{unquoted(record)}, after the total", record)
            return
        cells = self.row_cells(record, section, reader, "closed_lots")
        if cells is None:
            return
        texts = reader.texts("closed_lots", cells)
        before_adjustments = reader.named(cells, _TRANSACTION_BASIS)
        if before_adjustments:
            texts["cost_basis_unadjusted"] = before_adjustments
        for column in _SUMMED:
            section.sum_of(column).add(texts[column])
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
        if "term" in texts:
            texts["term"] = self._term(texts["term"], texts, record, section)
        if "disposal_method" in texts:
            method = texts["disposal_method"]
            known = self.contract.mappings["disposal_methods"]
            texts["disposal_method"] = known.get(normalised(method), method)
        self.add(
            "closed_lots",
            {
                **texts,
                **identifiers,
                "account_number": section.account,
                "currency": self.currency,
            },
            record,
        )

    def _check_dates(self, texts: dict[str, str], record: Record, section: Section) -> None:
        formats = self.contract.date_formats
        opened = day_of(texts["acquisition_date"], formats)
        closed = day_of(texts["disposal_date"], formats)
        if closed is None:
            return
        if opened and opened > closed:
            self.broken(
                "opened_not_after_closed",
                f"opened {opened}, closed {closed}",
                record,
                account=section.account,
                security=texts["ticker"],
            )
        first, last = self.period or (date.min, self.as_of.value or date.max)
        if not first <= closed <= last:
            self.broken(
                "dates_in_period",
                f"a lot closed on {closed}",
                record,
                account=section.account,
                security=texts["ticker"],
            )

    def _term(self, word: str, texts: dict[str, str], record: Record, section: Section) -> str:
        found = self.contract.mappings["terms"].get(normalised(word))
        if found is None and word.strip() not in self.contract.null_words:
            self.broken(
                "term_known",
                f"term {word!r}",
                record,
                account=section.account,
                security=texts["ticker"],
            )
        return found or word

    def _total(self, record: Record, section: Section, reader: RowReader) -> None:
        section.has_total = True
        texts = reader.texts("closed_lots", record.cells)
        section.stated = parse_amount(texts["proceeds"])
        for column in _SUMMED:
            place = f"a total {column.replace('_', ' ')}"
            self.compare(section.sum_of(column), texts[column], place, record, noun="lot")

    # Ends

    def end(self, *, ends_whole: bool) -> None:
        """The last line was read."""
        if self.has_bad_header:
            return
        last = self.last
        if last is None or (last.reader is None and not last.is_empty):
            self.broken(
                "file_complete",
                "an end without a header",
                expected="a header and lots of the last account",
            )
        has_total = last is not None and last.has_total
        if self.is_single and has_total:
            return
        shape = f"{self.row_count} lots, a number the file does not confirm"
        self.broken("control_total_present", shape)
        if not ends_whole and not has_total:
            self.broken("last_line_ended", "a last row without line end")
