"""Reader of E*TRADE's PortfolioDownload: positions and, indented below each, its open tax lots.

Belongs here: the blocks of that file and what each row is. Does not belong here: casting and rules
between lots and positions of other files. Source of the rules: `etrade_portfolio.yaml`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

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

_INDENT = re.compile(r"^\s+\S")


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Read one portfolio download.

    Args:
        file: as received.
        contract: of the feed etrade_portfolio.

    Returns:
        Accounts, securities, positions, tax lots and cash as text, and what is wrong with the file.
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
class _Held:
    """A position of the file with the lots below it."""

    record: Record
    identifiers: dict[str, str]
    texts: dict[str, str]
    lots: list[dict[str, str]] = field(default_factory=list)


@dataclass
class _Account:
    """The account block at hand."""

    reference: str = ""
    net_value: Decimal | None = None
    summary: list[str] = field(default_factory=list)
    held: list[_Held] = field(default_factory=list)
    cash: str | None = None
    has_total: bool = False


class _Walk(DownloadWalk):
    """Reads the blocks of a file: account summary, view, holdings, end."""

    def __init__(self, file: ReceivedFile, contract: FeedContract) -> None:
        super().__init__(file, contract)
        self.account: _Account | None = None
        self.generated: date | None = None
        self.awaits = ""
        self.filter_names: list[str] = []
        self.has_ended = False
        self.is_unreadable = False

    @property
    def current_account(self) -> str:
        """The account of the block at hand."""
        return self.account.reference if self.account else ""

    def row(self, record: Record) -> None:
        """Take one record to the block it belongs to."""
        first = normalised(record.cells[0]) if record.cells else ""
        if self.is_unreadable:
            return
        if first == "account summary" and not self.awaits:
            self._begin(record)
        elif is_generated_line(record.text):
            self.generated = generated_day(record.text)
            self.has_ended = True
        elif self.account is None or self.has_ended:
            self.broken("section_understood", outside(record), record)
        elif self.awaits == "summary header":
            self.account.summary = [normalised(cell) for cell in record.cells]
            self.awaits = "summary"
        elif self.awaits == "summary":
            self._summary(record)
        elif self.reader is None:
            self._before_holdings(record, first)
        else:
            self._holding(record, first)

    # Before the holdings

    def _begin(self, record: Record) -> None:
        self._close()
        self.account = _Account()
        self.reader = None
        self.awaits = "summary header"

    def _summary(self, record: Record) -> None:
        """The row of account and net value below its header."""
        account = self.account
        self.awaits = ""
        if account is None:
            return
        named = dict(zip(account.summary, record.cells, strict=False))
        cell = account_of(named.get("account", ""))
        if cell is None:
            self.broken("account_reference_present", NO_ACCOUNT, record)
            return
        account.reference = cell.reference
        account.net_value = parse_amount(named.get("net account value", ""))
        if cell.reference in self.accounts:
            self.broken("account_reference_unique", f"{cell.reference} twice", record)
        self.accounts.add(cell.reference)
        self.add(
            "accounts",
            {
                "account_number": cell.reference,
                "account_title": cell.title,
                "base_currency": self.currency,
            },
            record,
        )

    def _before_holdings(self, record: Record, first: str) -> None:
        """View and filter lines; a filtered view is not the whole account."""
        if first == "symbol" and "qty #" in [normalised(cell) for cell in record.cells]:
            # Rows under a header that cannot be read are told of once, by the header.
            self.is_unreadable = not self.open_table(
                record, ("positions", "tax_lots", "cash_balances")
            )
            return
        names = [normalised(cell) for cell in record.cells]
        if any(name.startswith("security type") for name in names):
            self.filter_names = names
        elif first in ("filters applied:", "filters applied") or first.startswith("view summary"):
            return
        elif self.filter_names:
            filters = dict(zip(self.filter_names, record.cells, strict=False))
            self.filter_names = []
            chosen = [
                name
                for name, cell in filters.items()
                if name.startswith(("symbol", "security type"))
                and cell.strip().lower() not in ("", "all")
            ]
            if chosen:
                self.broken("view_is_whole", f"a filter on {', '.join(chosen)}", record)
        else:
            self.broken("section_understood", outside(record), record)

    # Holdings

    def _holding(self, record: Record, first: str) -> None:
        account = self.account
        if account is None:
            return
        lead = record.cells[0] if record.cells else ""
        is_date = day_of(lead) is not None or lead.strip() in self.contract.null_words
        if _INDENT.match(lead) and is_date:
            self._lot(record, account)
        elif first == "total":
            self._total(record, account)
        elif account.has_total:
            self.broken("section_understood", outside(record), record)
        elif first == "cash":
            self._cash(record, account)
        else:
            self._position(record, account)

    def _position(self, record: Record, account: _Account) -> None:
        self.row_count += 1
        texts = self.texts("positions", record)
        if texts is None:
            return
        symbol = texts["ticker"]
        if _INDENT.match(record.cells[0]):
            self.broken("lot_date_form", f"the indented row {symbol!r}", record, security=symbol)
            return
        identifiers = self.security(
            symbol, None, record, entity="positions", account=account.reference
        )
        account.held.append(_Held(record, identifiers, texts))
        self.add(
            "positions",
            {
                **texts,
                **identifiers,
                "account_number": account.reference,
                "currency": self.currency,
            },
            record,
        )

    def _lot(self, record: Record, account: _Account) -> None:
        self.row_count += 1
        texts = self.texts("tax_lots", record)
        if texts is None:
            return
        if not account.held:
            self.broken("section_understood", "a lot before any position", record)
            return
        held = account.held[-1]
        held.lots.append(texts)
        self.add(
            "tax_lots",
            {
                **texts,
                **held.identifiers,
                "account_number": account.reference,
                "acquisition_date": iso_day(texts["acquisition_date"]),
                "currency": self.currency,
            },
            record,
        )

    def _cash(self, record: Record, account: _Account) -> None:
        self.row_count += 1
        texts = self.texts("cash_balances", record)
        if texts is None:
            return
        account.cash = texts["trade_date_balance"]
        self.add(
            "cash_balances",
            {
                "account_number": account.reference,
                "currency": self.currency,
                "trade_date_balance": account.cash,
            },
            record,
        )

    def _total(self, record: Record, account: _Account) -> None:
        account.has_total = True
        if self.reader is None:
            return
        stated = parse_amount(self.reader.texts("positions", record.cells).get("market_value", ""))
        self._compare("the total row", stated, account, record)

    # Ends

    def _close(self) -> None:
        """The account block is over: compare its rows with what it states of itself."""
        account = self.account
        if account is None:
            return
        for held in account.held:
            self._check_lots(held, account)
        if not account.reference:
            return
        if account.cash is None and self.reader is not None:
            self.broken("cash_row_present", "no row CASH", None, account=account.reference)
        else:
            self._compare("the account summary", account.net_value, account, None)
        if not account.has_total and self.generated is None:
            self.broken(
                "control_total_present",
                "neither a total row nor a line 'Generated at'",
                None,
                account=account.reference,
            )

    def _check_lots(self, held: _Held, account: _Account) -> None:
        """The lots below a position are the position; none at all is a state of its own."""
        symbol = held.texts["ticker"]
        if not held.lots:
            self._check_absent_lots(held, account)
            return
        rules = {"quantity": "lots_make_the_position", "cost_basis": "lot_costs_make_the_cost"}
        for name, rule in rules.items():
            stated = parse_amount(held.texts[name])
            found = total_of(lot[name] for lot in held.lots)
            tolerance = self.contract.tolerance(rule) * len(held.lots)
            if stated is None or found is None or abs(stated - found) <= tolerance:
                continue
            self.broken(
                rule,
                f"{name.replace('_', ' ')} {found} in {len(held.lots)} lots of {symbol}",
                held.record,
                expected=f"{stated}, as the position says",
                account=account.reference,
                security=symbol,
            )

    def _check_absent_lots(self, held: _Held, account: _Account) -> None:
        """Money market funds have no lots; another position without them was not unfolded."""
        form = str(self.layout["security_types_by_ticker"]["MONEY_MARKET"])
        if re.match(form, held.texts["ticker"]) is None:
            self.broken(
                "lots_present",
                f"no lots below {held.texts['ticker']}",
                held.record,
                account=account.reference,
                security=held.texts["ticker"],
            )

    def _compare(
        self, place: str, stated: Decimal | None, account: _Account, record: Record | None
    ) -> None:
        worth = total_of(held.texts["market_value"] for held in account.held)
        cash = parse_amount(account.cash or "0")
        if stated is None or worth is None or cash is None:
            return
        if record is None:
            self.control_amount = (self.control_amount or Decimal(0)) + stated
        tolerance = self.contract.tolerance("control_total") * (len(account.held) + 1)
        if abs(stated - worth - cash) > tolerance:
            self.broken(
                "control_total",
                f"{stated} in {place}",
                record,
                expected=f"{worth + cash}, the sum of the rows",
                account=account.reference,
            )

    def end(self) -> None:
        """The last line was read."""
        self._close()
        if self.is_unreadable:
            return
        if self.account is None or self.reader is None or self.awaits:
            self.broken("file_complete", "an end before the table of positions", None)
