"""Transactions of an Interactive Brokers statement as CSV: history, cash sections, trades.

Belongs here: what a row of these sections is, its type in the house's words, and closed lots below
their trade. Does not belong here: other sections. Source of the rules: `ibkr_activity_csv.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from python_steps.feeds.activity_rows import OPTIONS, StatementRows, Table, Texts, codes_of
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.delimited import Record
from python_steps.feeds.headers import normalised

_NAMED_ISIN = re.compile(r"^(?P<symbol>[^()]+)\((?P<isin>[A-Z]{2}[0-9A-Z]{9}[0-9])\)")
_DATED = re.compile(r"^(?P<day>\d{4}-\d{2}-\d{2})(?:, (?P<time>\d{2}:\d{2}:\d{2}))?$")
_FOREX = "forex"


class TransactionRows:
    """Reads the rows of what happened in the account."""

    def __init__(self, rows: StatementRows, lines: Sequence[Record]) -> None:
        self.rows = rows
        self.conversions: list[Record] = []
        self.net_amounts: list[Decimal | None] = []
        self.last_trade: dict[str, str] = {}
        # Totals among the data rows of the cash sections, which are no data.
        self.total_rows = 0
        levels = {
            normalised(record.cells[2])
            for record in lines
            if len(record.cells) > 2 and record.cells[0] == "Trades" and record.cells[1] == "Data"
        }
        self.has_both_trade_levels = {"order", "trade"} <= levels

    def history(self, table: Table, cells: list[str], record: Record) -> None:
        """One row of the history of transactions."""
        texts = self.rows.texts(table, "transactions", cells)
        self.net_amounts.append(parse_amount(texts.get("net_amount") or ""))
        word = (texts.get("source_type") or "").strip()
        kind = self.rows.contract.mappings["history_types"].get(word)
        if kind == "currency conversion":
            self.conversions.append(record)
            return
        kind = kind or self.rows.unknown_type(f"transaction type {word!r}", record)
        base = {"currency": self.rows.base_currency} if "currency" not in texts else {}
        self._transaction({**texts, **base, "transaction_type": kind}, record)

    def cash(self, table: Table, cells: list[str], record: Record) -> None:
        """One row of a section of cash, or its total."""
        currency = table.cell(cells, "currency")
        first = cells[0].strip()
        if first.startswith("Total"):
            self._cash_total(table, first, cells, record)
            return
        texts = self.rows.texts(table, "transactions", cells)
        amount = parse_amount(texts.get("net_amount") or "")
        table.add(("", ""), texts.get("net_amount"))
        types = self.rows.contract.mappings["cash_types"]
        direction = "out" if amount is not None and amount < 0 else "in"
        kind = types.get(table.section) or types.get(f"{table.section} {direction}")
        self._transaction(
            {
                **texts,
                "currency": currency,
                "source_type": table.section,
                "transaction_type": kind
                or self.rows.unknown_type(f"section {table.section!r}", record),
            },
            record,
        )

    def _transaction(self, texts: Texts, record: Record) -> None:
        day = _DATED.match((texts.get("transaction_date") or "").strip())
        named = _NAMED_ISIN.match(texts.get("description") or "")
        symbol = (texts.get("ticker") or "").strip()
        if named and symbol in ("", named["symbol"].strip()):
            texts = {**texts, "isin": named["isin"], "ticker": named["symbol"].strip()}
        if day:
            self.rows.in_period(day["day"], record)
            texts = {**texts, "transaction_date": day["day"], "transaction_time": day["time"]}
        self.rows.pend("transactions", {"is_cancel": "false", **texts}, record)

    def trade(self, table: Table, cells: list[str], record: Record) -> None:
        """One row of Trades: an order, an execution, a closed lot, a conversion of currency."""
        level = self.rows.contract.mappings["trade_levels"].get(
            normalised(table.cell(cells, "datadiscriminator"))
        )
        if level is None:
            self.rows.unknown_level(table, cells, record)
        elif normalised(table.cell(cells, "asset category")).startswith(_FOREX):
            self.conversions.append(record)
        elif level == "closed lot":
            self._closed_lot(table, cells, record)
        else:
            self.last_trade = {
                "symbol": table.cell(cells, "symbol"),
                "day": table.cell(cells, "date/time").partition(",")[0],
            }
            if level == "order" or not self.has_both_trade_levels:
                key = (table.cell(cells, "asset category"), table.cell(cells, "currency"))
                table.add(key, table.cell(cells, "proceeds"))
            # Orders are the sums of their executions, which stand below them where selected.
            if not (level == "order" and self.has_both_trade_levels):
                self._execution(table, cells, record)

    def _execution(self, table: Table, cells: list[str], record: Record) -> None:
        texts = self.rows.texts(table, "transactions", cells)
        quantity = parse_amount(texts.get("quantity") or "")
        codes = codes_of(table.cell(cells, "code"))
        proceeds = parse_amount(texts.get("gross_amount") or "")
        commission = parse_amount(texts.get("commission") or "")
        net = None if proceeds is None or commission is None else format(proceeds + commission, "f")
        kind = "OTHER"
        if quantity:
            kind = self._trade_type(
                quantity, codes, normalised(table.cell(cells, "asset category"))
            )
        else:
            self.rows.unknown_type(f"a trade of quantity {texts.get('quantity')!r}", record)
        self._transaction(
            {
                **texts,
                "transaction_type": kind,
                "source_type": table.cell(cells, "datadiscriminator"),
                "net_amount": net,
                "is_cancel": "true" if "Ca" in codes else "false",
            },
            record,
        )

    def _trade_type(self, quantity: Decimal, codes: Sequence[str], category: str) -> str:
        mappings = self.rows.contract.mappings
        events = mappings["option_events"] if category in OPTIONS else {}
        found = [event for code, event in events.items() if code in codes]
        if quantity > 0:
            found += [kind for code, kind in mappings["purchase_notes"].items() if code in codes]
            return found[0] if found else ("BUY_COVER" if "C" in codes else "BUY")
        return found[0] if found else ("SELL_SHORT" if "O" in codes else "SELL")

    def _closed_lot(self, table: Table, cells: list[str], record: Record) -> None:
        texts = self.rows.texts(table, "closed_lots", cells)
        if self.last_trade.get("symbol") != table.cell(cells, "symbol"):
            self.rows.broken(
                "closed_lot_has_trade",
                f"a closed lot of {texts.get('ticker')}",
                record,
                account=self.rows.account,
            )
            return
        self.rows.pend(
            "closed_lots",
            {
                **texts,
                "disposal_date": self.last_trade["day"],
                "term": self.rows.term(texts.get("term")),
            },
            record,
        )

    def _cash_total(self, table: Table, word: str, cells: list[str], record: Record) -> None:
        """The total of one currency; "Total in USD" and the like repeat it in the base currency."""
        if word == "Total" and ("", "") in table.sums:
            self.rows.compare(table, ("", ""), table.cell(cells, "amount"), record)
        table.sums.pop(("", ""), None)
        self.total_rows += 1
