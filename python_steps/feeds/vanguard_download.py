"""Reader of Vanguard's OfxDownload.csv: holdings and transactions stacked in one file.

Belongs here: the tables of that file, of brokerage and of 529 accounts, and what each row is. Does
not belong here: tax lots, which Vanguard does not write. Source of the rules:
`vanguard_download.yaml`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from data_contracts.contract import FeedContract
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.client_exports import filled_records
from python_steps.feeds.decoding import decode
from python_steps.feeds.delimited import Record
from python_steps.feeds.etrade_exports import DownloadWalk, iso_day, outside, total_of
from python_steps.feeds.headers import normalised
from python_steps.feeds.received import FileReading, ReceivedFile, refused

_HOLDINGS, _TRANSACTIONS = "positions", "transactions"


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Read one download.

    Args:
        file: as received; the date stands in its name only.
        contract: of the feed vanguard_download.

    Returns:
        Securities, positions and transactions as text, and what is wrong with the file.
    """
    decoded = decode(file, contract)
    if decoded.content is None:
        return refused(contract, decoded.violations)
    walk = _Walk(file, contract)
    for record in filled_records(decoded.content):
        walk.row(record)
    walk.end()
    if not decoded.content.endswith(b"\n"):
        # Without totals, half a number at the end is told by nothing else.
        walk.broken("last_line_ended", "a last line without its line end", None)
    walk.date_by(None, "FILE_NAME")
    return walk.reading(decoded.violations)


@dataclass(frozen=True)
class _Held:
    """One row of the holdings."""

    record: Record
    values: dict[str, str]


class _Walk(DownloadWalk):
    """Reads the tables of a file, each under its own header."""

    def __init__(self, file: ReceivedFile, contract: FeedContract) -> None:
        super().__init__(file, contract)
        self.table = ""
        self.row_account = ""
        self.held: dict[tuple[str, ...], list[_Held]] = {}
        self.seen: dict[str, int] = {}

    @property
    def current_account(self) -> str:
        """The account that the row at hand names, where another row names it too."""
        return self.row_account

    def row(self, record: Record) -> None:
        """Take one record: a header opens its table, any other row belongs to the open one."""
        names = {normalised(cell) for cell in record.cells}
        self.row_account = self._known_account(record)
        if {"trade date", "transaction type"} <= names:
            self._open(record, _TRANSACTIONS)
        elif {"shares", "total value"} <= names:
            self._open(record, _HOLDINGS)
        elif not self.table:
            self.broken("section_understood", outside(record), record)
        elif self.reader is not None and self.table == _HOLDINGS:
            self._holding(record)
        elif self.reader is not None:
            self._transaction(record)

    def _open(self, record: Record, table: str) -> None:
        self.table = table
        self.open_table(record, (table,))

    def _known_account(self, record: Record) -> str:
        if self.reader is None:
            return ""
        named = self.reader.texts(self.table, record.cells).get("account_number", "").strip()
        return named if named in self.accounts else ""

    def _account(self, texts: dict[str, str], record: Record) -> str:
        account = texts["account_number"]
        if not account:
            self.broken("account_reference_present", "a row without an account number", record)
        else:
            self.accounts.add(account)
        return account

    # Holdings

    def _holding(self, record: Record) -> None:
        self.row_count += 1
        texts = self.texts(_HOLDINGS, record)
        if texts is None:
            return
        account = self._account(texts, record)
        name = texts.pop("custodian_security_id", "")
        identifiers = self.security(
            texts.pop("ticker", ""), name, record, entity=_HOLDINGS, account=account
        )
        values = {**texts, **identifiers, "account_number": account}
        key = (account, *identifiers.values())
        self.held.setdefault(key, []).append(_Held(record, values))

    def _land(self) -> None:
        """One position for each security of an account; two rows that differ are summed."""
        for rows in self.held.values():
            summed = self._summed(rows) if len(rows) > 1 else rows[0].values
            for row in [rows[0]] if summed is not None else rows:
                self.collectors[_HOLDINGS].add(
                    {
                        **(row.values if summed is None else summed),
                        "currency": self.currency,
                    },
                    line=row.record.line,
                    text=row.record.text
                    if summed is None
                    else " ".join(each.record.text for each in rows),
                )

    def _summed(self, rows: list[_Held]) -> dict[str, str] | None:
        """The sum of rows that hold one security; None for rows that may be one row twice."""
        first = rows[0]
        texts = {row.record.text for row in rows}
        prices = {parse_amount(row.values["price"]) for row in rows}
        quantity = total_of(row.values["quantity"] for row in rows)
        worth = total_of(row.values["market_value"] for row in rows)
        if len(texts) < len(rows) or len(prices) != 1 or quantity is None or worth is None:
            return None
        shown = first.values["ticker"] or first.values["custodian_security_id"]
        self.broken(
            "rows_of_a_security_summed",
            f"{len(rows)} rows of {shown}",
            first.record,
            entity=_HOLDINGS,
            account=first.values["account_number"],
        )
        return {
            **first.values,
            "quantity": format(quantity, "f"),
            "market_value": format(worth, "f"),
        }

    # Transactions

    def _transaction(self, record: Record) -> None:
        self.row_count += 1
        self.identical(self.seen, record, _TRANSACTIONS)
        texts = self.texts(_TRANSACTIONS, record)
        if texts is None:
            return
        account = self._account(texts, record)
        name = texts.pop("custodian_security_id", "")
        symbol = texts.pop("ticker", "")
        identifiers: dict[str, str] = {}
        if symbol or name:
            identifiers = self.security(symbol, name, record, entity=_TRANSACTIONS, account=account)
        kind = self._type(texts, record)
        words = [texts.get("description", ""), name]
        self.add(
            _TRANSACTIONS,
            {
                **texts,
                **identifiers,
                "account_number": account,
                "transaction_type": kind,
                "description": " ".join(word for word in words if word) or None,
                "transaction_date": iso_day(texts["transaction_date"]),
                "settlement_date": iso_day(texts.get("settlement_date", "")) or None,
                "entry_date": iso_day(texts.get("entry_date", "")) or None,
                "sub_account_type": self._sub_account(texts, record),
                "currency": self.currency,
            },
            record,
        )

    def _sub_account(self, texts: dict[str, str], record: Record) -> str | None:
        word = texts.get("sub_account_type", "")
        if word in self.contract.null_words:
            return None
        kind = self.contract.mappings["sub_accounts"].get(word.upper())
        if kind is None:
            self.broken(
                "sub_account_type_known",
                f"account type {word!r}",
                record,
                entity=_TRANSACTIONS,
                account=texts["account_number"],
            )
        return kind or "OTHER"

    def _type(self, texts: dict[str, str], record: Record) -> str:
        """The type by Vanguard's word, whose case is not always the same."""
        word = normalised(texts["source_type"])
        found = self.contract.mappings["transaction_types"].get(word)
        if found is None:
            self.broken(
                "transaction_type_known",
                f"transaction type {texts['source_type']!r}",
                record,
                entity=_TRANSACTIONS,
                account=texts["account_number"],
            )
        quantity = parse_amount(texts.get("quantity", "")) or Decimal(0)
        if (found == "SELL" and quantity > 0) or (found == "BUY" and quantity < 0):
            self.broken(
                "transaction_signs_agree",
                f"{texts['source_type']} of {texts['quantity']} shares",
                record,
                entity=_TRANSACTIONS,
                account=texts["account_number"],
            )
        return found or "OTHER"

    def end(self) -> None:
        """The last line was read."""
        self._land()
        if not self.table:
            self.broken("file_complete", "no table of holdings or transactions", None)
        self.broken("control_total_present", f"{self.row_count} rows", None)
