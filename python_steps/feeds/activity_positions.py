"""Positions, lots, instruments and balances of an Interactive Brokers statement as CSV.

Belongs here: levels of detail, wash sale codes of lots, instruments by their symbols, and cash by
currency. Does not belong here: transactions. Source of the rules: `ibkr_activity_csv.yaml`.
"""

from __future__ import annotations

import re

from python_steps.feeds.activity_rows import OPTIONS, StatementRows, Table, Texts, codes_of
from python_steps.feeds.delimited import Record
from python_steps.feeds.headers import normalised
from python_steps.feeds.identifiers import is_cusip

_ISIN = re.compile(r"^[A-Z]{2}[0-9A-Z]{9}[0-9]$")
_PUT_CALL = {"P": "PUT", "C": "CALL", "PUT": "PUT", "CALL": "CALL"}
_BASE_SUMMARY = "base currency summary"
BALANCES = {
    "Ending Cash": "trade_date_balance",
    "Ending Settled Cash": "settlement_date_balance",
}


class HoldingRows:
    """Reads the rows of what the account holds."""

    def __init__(self, rows: StatementRows) -> None:
        self.rows = rows
        self.instruments: dict[str, list[Texts]] = {}
        self.balances: dict[tuple[str, str], tuple[Texts, Record]] = {}

    def position(self, table: Table, cells: list[str], record: Record) -> None:
        """One row of Open Positions: a position or a lot."""
        level = self.rows.contract.mappings["position_levels"].get(
            normalised(table.cell(cells, "datadiscriminator"))
        )
        if level is None:
            self.rows.unknown_level(table, cells, record)
        elif level == "lot":
            self._lot(table, cells, record)
        else:
            texts = self.rows.texts(table, "positions", cells)
            key = (table.cell(cells, "asset category"), table.cell(cells, "currency"))
            table.add(key, texts.get("market_value"))
            stated = self.rows.period[1].isoformat() if self.rows.period else None
            self.rows.pend("positions", {**texts, "price_date": stated}, record)

    def _lot(self, table: Table, cells: list[str], record: Record) -> None:
        texts = self.rows.texts(table, "tax_lots", cells)
        code = texts.get("term")
        is_washed = code is not None and "LD" in codes_of(code)
        opened = texts.get("acquisition_date")
        self.rows.pend(
            "tax_lots",
            {
                **texts,
                "acquisition_date": "" if is_washed else opened,
                "holding_period_start_date": opened if is_washed else None,
                "term": self.rows.term(code),
                "wash_sale_flag": None if code is None else ("true" if is_washed else "false"),
            },
            record,
        )

    def instrument(self, table: Table, cells: list[str], record: Record) -> None:
        """One row of the instruments, under every spelling of its symbol."""
        texts = self.rows.texts(table, "securities", cells)
        category = normalised(table.cell(cells, "asset category"))
        identifier = (texts.get("isin") or "").strip()
        ticker = (texts.get("ticker") or "").partition(",")[0].strip()
        type_word = normalised(table.cell(cells, "type"))
        is_option = category in OPTIONS
        row: Texts = {
            **texts,
            "ticker": ticker,
            "isin": identifier if _ISIN.match(identifier) else "",
            "cusip": identifier if is_cusip(identifier) else "",
            "security_type": self._security_type(category, type_word, record),
            "price_factor": self.rows.contract.mappings["price_factors"].get(category),
            "put_call": _PUT_CALL.get(type_word.upper()) if is_option else None,
        }
        # The symbol cell may hold several spellings of one symbol.
        for spelling in (texts.get("ticker") or "").split(","):
            self.instruments.setdefault(spelling.strip(), []).append(row)
        self.rows.add("securities", row, record)

    def _security_type(self, category: str, type_word: str, record: Record) -> str:
        types = self.rows.contract.mappings["security_types"]
        found = types.get(f"{category}/{type_word}") or types.get(category)
        if found is None:
            self.rows.broken("security_type_known", f"asset category {category!r}", record)
        return found or "OTHER"

    def balance(self, table: Table, cells: list[str], record: Record) -> None:
        """One line of the cash report: a balance of one currency."""
        word, currency = cells[0].strip(), table.cell(cells, "currency")
        if normalised(currency) == _BASE_SUMMARY or word not in BALANCES:
            return
        account = table.cell(cells, "account") or self.rows.account
        column = BALANCES[word]
        texts, first = self.balances.setdefault((account, currency), ({}, record))
        texts[column] = table.cell(cells, "total")
        self.balances[account, currency] = (texts, first)

    def identified(self, texts: Texts) -> Texts:
        """The ids of the instrument that a symbol names, where it names one only."""
        found = self.instruments.get((texts.get("ticker") or "").strip(), [])
        if len(found) != 1:
            return {}
        return {
            name: found[0].get(name)
            for name in ("custodian_security_id", "isin")
            if found[0].get(name)
        }

    def check_instrument(self, texts: Texts, record: Record) -> None:
        """A position whose instrument the file leaves out though it names others."""
        symbol = (texts.get("ticker") or "").strip()
        if self.instruments and symbol not in self.instruments:
            self.rows.broken(
                "instrument_known",
                f"no line of {symbol}",
                record,
                account=texts["account_number"] or "",
                security=symbol,
            )
