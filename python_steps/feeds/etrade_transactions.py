"""Reader of E*TRADE's DownloadTxnHistory: the transactions of one account.

Belongs here: the lines above the table and what each row is. Does not belong here: the other
export, tradesdownload.csv, whose signs are the opposite and which names no account: it is refused.
Source of the rules: `etrade_transactions.yaml`.
"""

from __future__ import annotations

import re
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
    iso_day,
    outside,
)
from python_steps.feeds.headers import normalised
from python_steps.feeds.received import FileReading, ReceivedFile, refused

_ACTIVITY = re.compile(
    r"^account activity for (?P<account>.+?)(?: from (?P<period>.*))?$", re.IGNORECASE
)
_PERIOD = re.compile(
    r"^(?P<start>\d{1,2}/\d{1,2}/\d{2,4})\s*(?:to|-)\s*(?P<end>[\d/]+)\s*$", re.IGNORECASE
)
_REINVESTED = "dividend reinvestment"


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Read one transaction history.

    Args:
        file: as received.
        contract: of the feed etrade_transactions.

    Returns:
        Transactions as text, and what is wrong with the file.
    """
    decoded = decode(file, contract)
    if decoded.content is None:
        return refused(contract, decoded.violations)
    walk = _Walk(file, contract)
    for record in filled_records(decoded.content):
        walk.row(record)
    walk.end()
    walk.date_by(walk.covered_to, "TITLE")
    return walk.reading(decoded.violations)


class _Walk(DownloadWalk):
    """Reads the lines above the table, then the table."""

    def __init__(self, file: ReceivedFile, contract: FeedContract) -> None:
        super().__init__(file, contract)
        self.account = ""
        self.is_unreadable = False
        self.seen: dict[str, int] = {}

    @property
    def current_account(self) -> str:
        """The account that the lines above the table name."""
        return self.account

    def row(self, record: Record) -> None:
        """Take one record: a line above the table, the header, or a transaction."""
        if self.is_unreadable:
            return
        if self.reader is not None:
            self._transaction(record)
            return
        names = [normalised(cell) for cell in record.cells]
        title = ", ".join(cell.strip() for cell in record.cells if cell.strip())
        activity = _ACTIVITY.match(title)
        if names[:1] == ["for account:"]:
            self._account(", ".join(record.cells[1:2]), record)
        elif activity:
            self._account(activity["account"], record)
            self._period((activity["period"] or "").strip())
        elif "activity/trade date" in names or "transactiondate" in names:
            self.is_unreadable = not self.open_table(record, ("transactions",))
        elif "order type" in names and "trade date" in names:
            self.is_unreadable = True
            self.broken("export_supported", "the export of trades (tradesdownload)", record)
        elif names[:1] == ["total:"] or names[0].startswith("all transactions"):
            return
        else:
            self.broken("section_understood", outside(record), record)

    def _account(self, text: str, record: Record) -> None:
        cell = account_of(text)
        reference = cell.reference if cell else ""
        if not reference and re.fullmatch(r"[Xx*#-]*\d{4,}", text.strip()):
            reference = text.strip()
        if not reference:
            self.broken("account_reference_present", NO_ACCOUNT, record)
            return
        self.account = reference
        self.accounts.add(reference)

    def _period(self, text: str) -> None:
        match = _PERIOD.match(text)
        if match:
            self.covered_from, self.covered_to = day_of(match["start"]), day_of(match["end"])

    def _transaction(self, record: Record) -> None:
        self.row_count += 1
        self.identical(self.seen, record, "transactions")
        texts = self.texts("transactions", record)
        if texts is None:
            return
        kind = self._type(texts, record)
        nothing = self.contract.null_words
        symbol = "" if texts["ticker"] in nothing else texts["ticker"]
        cusip = texts.pop("cusip", "")
        identifiers: dict[str, str] = {}
        texts.pop("ticker")
        if symbol or cusip not in nothing:
            named = symbol or cusip
            identifiers = self.security(
                named, None, record, entity="transactions", account=self.account
            )
            if cusip not in nothing and symbol:
                identifiers["cusip"] = cusip
        dates = {
            name: iso_day(texts[name])
            for name in ("transaction_date", "entry_date", "settlement_date")
            if texts.get(name) is not None and texts[name] not in nothing
        }
        self.add(
            "transactions",
            {
                **texts,
                **identifiers,
                **dates,
                "account_number": self.account,
                "transaction_type": kind,
                "currency": self.currency,
            },
            record,
        )
        self._check_signs(texts, kind, record)

    def _type(self, texts: dict[str, str], record: Record) -> str:
        """The type by E*TRADE's word; a dividend that bought shares is a reinvestment."""
        word = normalised(texts["source_type"])
        amount = parse_amount(texts["net_amount"]) or Decimal(0)
        types = self.contract.mappings["transaction_types"]
        found = types.get(word) or types.get(f"{word} {'in' if amount > 0 else 'out'}")
        quantity = parse_amount(texts["quantity"])
        is_reinvested = _REINVESTED in normalised(texts.get("description", ""))
        if found == "DIVIDEND" and quantity:
            return "REINVEST"
        if found == "BUY" and is_reinvested:
            return "REINVEST"
        if found is None:
            self.broken(
                "transaction_type_known",
                f"activity type {texts['source_type']!r}",
                record,
                entity="transactions",
                account=self.account,
            )
        return found or "OTHER"

    def _check_signs(self, texts: dict[str, str], kind: str, record: Record) -> None:
        quantity, amount = parse_amount(texts["quantity"]), parse_amount(texts["net_amount"])
        wrong_sale = kind in ("SELL", "SELL_SHORT") and quantity is not None and quantity > 0
        wrong_buy = kind in ("BUY", "BUY_COVER") and amount is not None and amount > 0
        if wrong_sale or wrong_buy:
            self.broken(
                "transaction_signs_agree",
                f"{kind} of {texts['quantity']} for {texts['net_amount']}",
                record,
                entity="transactions",
                account=self.account,
            )

    def end(self) -> None:
        """The last line was read."""
        if self.is_unreadable:
            return
        if self.reader is None:
            self.broken("file_complete", "an end before the table of transactions", None)
        if not self.account and not any(
            each.rule == "account_reference_present" for each in self.violations
        ):
            self.broken("account_reference_present", "no line that names the account", None)
        self.broken("control_total_present", f"{self.row_count} transactions", None)
