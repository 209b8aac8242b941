"""Reader of E*TRADE's gains and losses: closed lots, indented as `Sell` rows below their symbol.

Belongs here: the blocks of that file and what each row is. Does not belong here: wash sales over
several accounts. Two columns are called Date: the one before the cost is the acquisition, the one
before the price of the sale is the disposal. Source of the rules: `etrade_gains.yaml`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date

from data_contracts.contract import FeedContract
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.client_exports import filled_records
from python_steps.feeds.decoding import decode
from python_steps.feeds.delimited import Record
from python_steps.feeds.etrade_exports import (
    NO_ACCOUNT,
    DownloadWalk,
    account_of,
    day_of,
    generated_day,
    is_generated_line,
    iso_day,
    outside,
    total_of,
)
from python_steps.feeds.headers import normalised
from python_steps.feeds.received import FileReading, ReceivedFile, refused

_DETAILS = re.compile(r"^(?:non-)?taxable g&l details$")
_SUMMARY = re.compile(r"^(?:non-)?taxable g&l summary$")
_COST_COLUMNS = ("cost/share $", "total cost $")
_SALE_COLUMNS = ("price/share $", "proceeds $")
_SUMMED = ("quantity", "cost_basis", "proceeds", "realized_gain_loss")


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Read one export of gains and losses.

    Args:
        file: as received.
        contract: of the feed etrade_gains.

    Returns:
        Closed lots as text, and what is wrong with the file.
    """
    decoded = decode(file, contract)
    if decoded.content is None:
        return refused(contract, decoded.violations)
    walk = _Walk(file, contract)
    for record in filled_records(decoded.content):
        walk.row(record)
    walk.end()
    walk.date_by(walk.generated, "FOOTER")
    return walk.reading(decoded.violations)


@dataclass
class _Symbol:
    """A symbol's row of sums and the lots below it."""

    record: Record
    texts: dict[str, str]
    identifiers: dict[str, str]
    lots: list[dict[str, str]] = field(default_factory=list)


class _Walk(DownloadWalk):
    """Reads the blocks of a file: account, criteria, sums, details, total, end."""

    def __init__(self, file: ReceivedFile, contract: FeedContract) -> None:
        super().__init__(file, contract)
        self.block = ""
        self.names: list[str] = []
        self.account = ""
        self.covered: str | None = None
        self.symbols: list[_Symbol] = []
        self.generated: date | None = None
        self.has_total = False
        self.is_unreadable = False
        self.seen: dict[str, int] = {}

    @property
    def current_account(self) -> str:
        """The account of the search criteria."""
        return self.account

    def row(self, record: Record) -> None:
        """Take one record to the block it belongs to."""
        if self.is_unreadable:
            return
        first = normalised(record.cells[0]) if record.cells else ""
        if is_generated_line(record.text):
            self.generated = generated_day(record.text)
            self.block = "ended"
        elif first in ("account summary", "search criteria"):
            self.block, self.names = first, []
        elif _SUMMARY.match(first) or _DETAILS.match(first):
            self.block, self.names = "details" if _DETAILS.match(first) else "sums", []
            self.reader = None
        elif self.block in ("account summary", "search criteria", "sums"):
            self._named_row(record)
        elif self.block == "details":
            self._detail(record, first)
        else:
            self.broken("section_understood", outside(record), record)

    def _named_row(self, record: Record) -> None:
        """A header and its one row, in the blocks above the details."""
        if not self.names:
            self.names = [normalised(cell) for cell in record.cells]
            return
        named = dict(zip(self.names, record.cells, strict=False))
        if self.block == "search criteria":
            self._criteria(named, record)

    def _criteria(self, named: dict[str, str], record: Record) -> None:
        cell = account_of(named.get("account", ""))
        if cell is None:
            self.broken("account_reference_present", NO_ACCOUNT, record)
        else:
            self.account = cell.reference
            self.accounts.add(cell.reference)
        word = normalised(named.get("covered", ""))
        self.covered = self.contract.mappings["covered"].get(word)
        if word not in self.contract.mappings["covered"] and word != "all":
            self.broken("filter_understood", f"the filter Covered {word!r}", record)
        partial = [
            f"a filter on {name}"
            for name in ("symbol", "term")
            if named.get(name, "all").strip().lower() not in ("all", "")
        ]
        if partial or self.covered is not None:
            found = " and ".join(partial) or f"a filter on covered: {self.covered}"
            self.broken("view_is_whole", found, record)

    # Details

    def _detail(self, record: Record, first: str) -> None:
        if self.reader is None:
            renamed = self._with_two_dates(record)
            self.is_unreadable = renamed is None or not self.open_table(renamed, ("closed_lots",))
        elif first == "total":
            self._total(record)
        elif first == "sell" and record.cells[0][:1].isspace():
            self._lot(record)
        elif record.cells and record.cells[0][:1].isspace():
            self.broken("row_kind_known", f"the row {record.cells[0].strip()!r}", record)
        else:
            self._symbol(record)

    def _with_two_dates(self, record: Record) -> Record | None:
        """The header with its Date columns told apart by what follows them."""
        names = [normalised(cell) for cell in record.cells]
        cells = list(record.cells)
        for place, name in enumerate(names):
            if name != "date":
                continue
            behind = names[place + 1] if place + 1 < len(names) else ""
            if behind in _COST_COLUMNS:
                cells[place] = "Date Acquired"
            elif behind in _SALE_COLUMNS:
                cells[place] = "Date Sold"
            else:
                self.broken(
                    "duplicate_column",
                    f"a column Date before {behind or 'nothing'!r}",
                    record,
                    expected="Date before the cost and Date before the price of the sale",
                )
                return None
        return replace(record, cells=cells)

    def _symbol(self, record: Record) -> None:
        texts = self.texts("closed_lots", record)
        if texts is not None and normalised(texts["ticker"]) == "symbol":
            self.broken("section_understood", "the header a second time", record)
        elif texts is not None:
            symbol = texts["ticker"]
            identifiers = self.security(
                symbol, None, record, entity="closed_lots", account=self.account
            )
            self.symbols.append(_Symbol(record, texts, identifiers))

    def _lot(self, record: Record) -> None:
        self.row_count += 1
        self.identical(self.seen, record, "closed_lots")
        texts = self.texts("closed_lots", record)
        if texts is None:
            return
        if not self.symbols:
            self.broken("section_understood", "a sale before any symbol", record)
            return
        symbol = self.symbols[-1]
        symbol.lots.append(texts)
        deferred = parse_amount(texts.get("disallowed_loss", ""))
        self.add(
            "closed_lots",
            {
                **texts,
                **symbol.identifiers,
                "account_number": self.account,
                "acquisition_date": iso_day(texts["acquisition_date"]),
                "disposal_date": iso_day(texts["disposal_date"]),
                "term": self._word("terms", texts.get("term", ""), record),
                "disposal_method": self._word(
                    "disposal_methods", texts.get("disposal_method", ""), record
                ),
                "disallowed_loss": texts.get("disallowed_loss")
                if deferred is None
                else format(abs(deferred), "f"),
                "wash_sale_flag": None if deferred is None else str(bool(deferred)).lower(),
                "covered_status": self.covered,
                "currency": self.currency,
            },
            record,
        )
        self._check_order(texts, record)

    def _word(self, table: str, text: str, record: Record) -> str | None:
        word = normalised(text)
        if text in self.contract.null_words:
            return None
        found = self.contract.mappings[table].get(word)
        if found is None:
            self.broken("word_known", f"{text!r} in {table.replace('_', ' ')}", record)
        return found

    def _check_order(self, texts: dict[str, str], record: Record) -> None:
        """A sale is not before its purchase; the opposite says that the columns are mixed up."""
        bought, sold = day_of(texts["acquisition_date"]), day_of(texts["disposal_date"])
        if bought is not None and sold is not None and bought > sold:
            self.broken("dates_in_order", f"acquired {bought}, sold {sold}", record)

    # Sums

    def _total(self, record: Record) -> None:
        self.has_total = True
        if self.reader is None:
            return
        cells = [*record.cells, *[""] * self.reader.width][: self.reader.width]
        stated = self.reader.texts("closed_lots", cells)
        everything = [lot for symbol in self.symbols for lot in symbol.lots]
        self._compare("the total row", stated, everything, record, None)
        self.control_amount = parse_amount(stated.get("proceeds", ""))

    def _compare(
        self,
        place: str,
        stated: dict[str, str],
        lots: list[dict[str, str]],
        record: Record,
        security: str | None,
    ) -> None:
        tolerance = self.contract.tolerance("control_total") * (len(lots) + 1)
        for name in _SUMMED:
            wanted = parse_amount(stated.get(name, ""))
            found = total_of(lot[name] for lot in lots)
            if wanted is not None and found is not None and abs(wanted - found) > tolerance:
                self.broken(
                    "control_total",
                    f"{name.replace('_', ' ')} {wanted} in {place}",
                    record,
                    expected=f"{found}, the sum of the lots",
                    account=self.account,
                    security=security,
                )

    def end(self) -> None:
        """The last line was read: sums, total and the closing line must be there."""
        if self.is_unreadable:
            return
        if not self.account and not self.violations:
            self.broken("account_reference_present", "no search criteria with an account", None)
        for symbol in self.symbols:
            name = symbol.texts["ticker"]
            self._compare(f"the row {name}", symbol.texts, symbol.lots, symbol.record, name)
        if self.reader is None or not self.has_total or self.generated is None:
            self.broken(
                "file_complete", "an end without the total row and the line 'Generated at'", None
            )
