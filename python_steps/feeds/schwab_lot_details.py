"""Reader of Schwab's lot details export: the open lots of one symbol in one account.

Belongs here: the lines of that file and what each is. Does not belong here: casting, rules on
values, and closed lots (another export). Source of the rules: `schwab_lot_details.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from data_contracts.contract import FeedContract, entity_columns
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.client_exports import (
    ControlSum,
    RowReader,
    account_reference,
    bind_header,
    unquoted,
    unquoted_text,
)
from python_steps.feeds.decoding import decode
from python_steps.feeds.delimited import Record, records
from python_steps.feeds.headers import normalised
from python_steps.feeds.received import FileReading, ReceivedFile, refused, status_of
from python_steps.feeds.schwab_exports import security_columns, stated_date, title_of
from python_steps.feeds.tables import RowCollector
from python_steps.findings import Violation

_TITLE = re.compile(
    r"^(?P<symbol>.+?) Lot Details for (?P<account>.+?)(?: as of .*)?$", re.IGNORECASE
)
_HEADER_NAMES = {"open date", "quantity"}


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
    lines = list(records(decoded.content.decode("utf-8")))
    title = title_of(lines[0])
    as_of = stated_date(title, file, contract)
    match = _TITLE.match(title)
    account = account_reference(match["account"]) if match else None
    violations = [*decoded.violations, *as_of.violations]
    if match is None or account is None or lines[0].problem:
        violations.append(
            contract.violation(
                "account_reference_present",
                file_name=file.file_name,
                row=lines[0].line,
                observed=f"a title line of {unquoted_text(title)}",
            )
        )
        return refused(
            contract, violations, stated_as_of_date=as_of.value, as_of_source=as_of.source
        )
    walk = _Walk(file, contract, match["symbol"].strip(), account[1])
    walk.violations += violations
    walk.identify(lines[0])
    for record in lines[1:]:
        walk.row(record)
    walk.end()
    status = status_of(walk.violations)
    tables = {"tax_lots": walk.lots.table(entity_columns("tax_lots"))}
    return FileReading(
        feed=contract.feed,
        stated_as_of_date=as_of.value,
        as_of_source=as_of.source,
        session_date=None,
        header_fingerprint=walk.fingerprint,
        parser_version=contract.parser_version,
        delivery_mode=contract.delivery_mode,
        tables=tables if status == "LOADED" else {},
        covered_accounts=(account[1],),
        row_count=walk.row_count,
        control_row_count=None,
        control_amount=walk.stated_basis,
        violations=tuple(walk.violations),
        status=status,
    )


class _Walk:
    """The lines after the title: header, lots, total."""

    def __init__(
        self, file: ReceivedFile, contract: FeedContract, symbol: str, account: str
    ) -> None:
        self.file = file
        self.contract = contract
        self.symbol = symbol
        self.account = account
        self.identifiers: dict[str, str] = {}
        self.violations: list[Violation] = []
        self.lots = RowCollector(contract.entity("tax_lots"))
        self.reader: RowReader | None = None
        self.fingerprint: str | None = None
        self.has_bad_header = False
        self.total: Record | None = None
        self.row_count = 0
        self.quantity = ControlSum("quantity")
        self.cost_basis = ControlSum("cost_basis")
        self.stated_basis: Decimal | None = None

    def identify(self, record: Record) -> None:
        """The identifiers of the title's symbol, which hold for every lot."""
        self.identifiers, doubts = security_columns(
            self.symbol,
            self.contract,
            file_name=self.file.file_name,
            entity="tax_lots",
            row=record.line,
            account=self.account,
        )
        self.violations += doubts

    def row(self, record: Record) -> None:
        """Any line after the title; none can be read under a header that lacks a column."""
        if self.has_bad_header:
            return
        if record.problem:
            self._broken("ragged_row", record.problem, record, is_whole_file=True)
            return
        if not any(cell.strip() for cell in record.cells):
            return
        if self.reader is None:
            self._header(record)
        elif {normalised(cell) for cell in record.cells} >= _HEADER_NAMES:
            self._broken("section_understood", "a second header", record)
        elif self.total is not None:
            self._broken("section_understood", f"{unquoted(record)}, after the Total row", record)
        elif self._label(record, self.reader) in self.contract.mappings["special_rows"]:
            self._total(record, self.reader)
        else:
            self._lot(record, self.reader)

    def _label(self, record: Record, reader: RowReader) -> str:
        """What stands under Open Date: a date, or the word Total."""
        return normalised(reader.texts("tax_lots", record.cells)["holding_period_start_date"])

    def _header(self, record: Record) -> None:
        entity = self.contract.entity("tax_lots")
        self.reader, self.fingerprint, found = bind_header(
            record, [entity], self.contract, self.file
        )
        self.violations += found
        self.has_bad_header = any(broken.severity == "block" for broken in found)

    def _lot(self, record: Record, reader: RowReader) -> None:
        self.row_count += 1
        cells = list(record.cells)
        while len(cells) > reader.width and not cells[-1].strip():
            cells.pop()
        if len(cells) != reader.width:
            self._broken("ragged_row", unquoted(record), record)
            return
        texts = reader.texts("tax_lots", cells)
        self.quantity.add(texts["quantity"])
        self.cost_basis.add(texts["cost_basis"])
        term = texts.get("term", "")
        self.lots.add(
            {
                **texts,
                **self.identifiers,
                **_dates(texts, self.contract.null_words),
                "account_number": self.account,
                "term": self.contract.mappings["terms"].get(normalised(term), term),
                "currency": self.contract.mappings["constants"]["currency"],
            },
            line=record.line,
            text=record.text,
        )

    def _total(self, record: Record, reader: RowReader) -> None:
        self.total = record
        texts = reader.texts("tax_lots", record.cells)
        self.stated_basis = parse_amount(texts["cost_basis"])
        tolerance = self.contract.tolerance("control_total")
        for control in (self.quantity, self.cost_basis):
            difference = control.difference(texts[control.column], tolerance)
            if difference is not None:
                self._broken(
                    "control_total",
                    f"{control.column} {texts[control.column]} in the Total row",
                    record,
                    expected=f"{control.total}, the sum of {control.rows} lots",
                )

    def end(self) -> None:
        """The last line was read: the Total row must have come."""
        if self.has_bad_header or self.total is not None:
            return
        self.violations.append(
            self.contract.violation(
                "file_complete",
                file_name=self.file.file_name,
                entity="tax_lots",
                observed="an end without the Total row",
                expected="a Total row at the end",
            )
        )

    def _broken(
        self,
        rule: str,
        observed: str,
        record: Record,
        *,
        expected: str | None = None,
        is_whole_file: bool = False,
    ) -> None:
        self.violations.append(
            self.contract.violation(
                rule,
                file_name=self.file.file_name,
                entity="tax_lots",
                row=record.line,
                observed=observed,
                expected=expected,
                account_number=self.account,
                security_key=self.symbol,
                scope="feed" if is_whole_file else None,
            )
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
