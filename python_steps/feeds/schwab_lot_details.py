"""Reader of Schwab's lot details export: the open lots of one symbol in one account.

Belongs here: the lines of that file and what each is. Does not belong here: casting, rules on
values, and closed lots (another export). Source of the rules: `schwab_lot_details.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

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
from python_steps.feeds.schwab_exports import first_line, security_columns, stated_date, title_of

_TITLE = re.compile(
    r"^(?P<symbol>.+?) Lot Details for (?P<account>.+?)(?: as of .*)?$", re.IGNORECASE
)
_HEADER_NAMES = {"open date", "quantity"}
_SUMMED = ("quantity", "cost_basis")


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Read one lot details export.

    Args:
        file: as received.
        contract: of the feed schwab_lot_details.

    Returns:
        Tax lots as text, and what is wrong with the file.
    """
    decoded = decode(file, contract)
    if decoded.content is None:
        return refused(contract, decoded.violations)
    lines = filled_records(decoded.content)
    first = first_line(lines)
    title = title_of(first)
    as_of = stated_date(title, file, contract)
    match = _TITLE.match(title)
    account = account_reference(match["account"]) if match else None
    violations = [*decoded.violations, *as_of.violations]
    if match is None or account is None or first.problem:
        violations.append(
            contract.violation(
                "account_reference_present",
                file_name=file.file_name,
                row=first.line,
                observed=f"a title line of {unquoted_text(title)}",
            )
        )
        return refused(
            contract, violations, stated_as_of_date=as_of.value, as_of_source=as_of.source
        )
    section = Section(account[1], first.line, account[0])
    walk = _Walk(file, contract, as_of, match["symbol"].strip(), section)
    walk.violations = [*decoded.violations, *walk.violations]
    walk.identify(first)
    for record in lines[1:]:
        walk.row(record)
    walk.end()
    return walk.section_reading()


class _Walk(SectionWalk):
    """The lines after the title: header, lots, total."""

    only_entity = "tax_lots"

    def __init__(
        self,
        file: ReceivedFile,
        contract: FeedContract,
        as_of: StatedDate,
        symbol: str,
        section: Section,
    ) -> None:
        super().__init__(file, contract, as_of)
        self.symbol = symbol
        self.section = self.open_section(section)
        self.identifiers: dict[str, str] = {}

    @property
    def current_security(self) -> str:
        """The symbol of the title."""
        return self.symbol

    def identify(self, record: Record) -> None:
        """The identifiers of the title's symbol, which hold for every lot."""
        self.identifiers, doubts = security_columns(
            self.symbol,
            self.contract,
            file_name=self.file.file_name,
            entity="tax_lots",
            row=record.line,
            account=self.section.account,
        )
        self.violations += doubts

    def row(self, record: Record) -> None:
        """Any line after the title; none can be read under a header that lacks a column."""
        reader = self.section.reader
        if self.has_bad_header:
            return
        if record.problem:
            self.ragged(record)
        elif reader is None:
            self.bind_section(record, ("tax_lots",), self.section)
        elif {normalised(cell) for cell in record.cells} >= _HEADER_NAMES:
            self.broken("section_understood", "a second header", record)
        elif self.section.has_total:
            self.broken("section_understood", f"{unquoted(record)}, after the Total row", record)
        elif self._label(record, reader) in self.contract.mappings["special_rows"]:
            self._total(record, reader)
        else:
            self._lot(record, reader)

    def _label(self, record: Record, reader: RowReader) -> str:
        """What stands under Open Date: a date, or the word Total."""
        return normalised(reader.texts("tax_lots", record.cells)["holding_period_start_date"])

    def _lot(self, record: Record, reader: RowReader) -> None:
        cells = self.row_cells(record, self.section, reader, "tax_lots")
        if cells is None:
            return
        texts = reader.texts("tax_lots", cells)
        for column in _SUMMED:
            self.section.sum_of(column).add(texts[column])
        term = texts.get("term", "")
        self.add(
            "tax_lots",
            {
                **texts,
                **self.identifiers,
                **_dates(texts, self.contract.null_words),
                "account_number": self.section.account,
                "term": self.contract.mappings["terms"].get(normalised(term), term),
                "currency": self.currency,
            },
            record,
        )

    def _total(self, record: Record, reader: RowReader) -> None:
        self.section.has_total = True
        texts = reader.texts("tax_lots", record.cells)
        self.section.stated = parse_amount(texts["cost_basis"])
        for column in _SUMMED:
            place = f"a total {column.replace('_', ' ')}"
            self.compare(
                self.section.sum_of(column),
                texts[column],
                place,
                record,
                noun="lot",
            )

    def end(self) -> None:
        """The last line was read: the Total row must have come."""
        if not self.has_bad_header and not self.section.has_total:
            self.broken(
                "file_complete",
                "an end without the Total row",
                expected="a Total row at the end",
            )


def _dates(texts: dict[str, str], null_words: Sequence[str]) -> dict[str, str | None]:
    """Day of purchase and start of the holding period.

    Wide files carry both: the columns called Transaction hold what was before wash sales, Open
    Date what counts for tax. Narrow files have one date, which is then the day of purchase.
    """
    opened = texts["holding_period_start_date"]
    if texts.get("acquisition_date", "").strip() not in null_words:
        return {
            "acquisition_date": texts["acquisition_date"],
            "holding_period_start_date": opened,
        }
    is_wide = "acquisition_date" in texts
    return {
        "acquisition_date": opened,
        "holding_period_start_date": opened if is_wide else None,
    }
