"""Reader of Interactive Brokers statements as CSV: Activity Statement and Transaction History.

Belongs here: the lines of that file by section and kind, and which of them are rows of which
entity. Does not belong here: casting, rules on values, and Flex files (another feed). Source of the
rules: `ibkr_activity_csv.yaml`, whose layout names the sections.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from data_contracts.contract import Entity, FeedContract, entity_columns
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.client_exports import unquoted
from python_steps.feeds.decoding import decode
from python_steps.feeds.delimited import Record, records
from python_steps.feeds.headers import Binding, bind, fingerprint, normalised
from python_steps.feeds.identifiers import is_cusip
from python_steps.feeds.keys import duplicate_keys
from python_steps.feeds.received import FileReading, ReceivedFile, refused, status_of
from python_steps.feeds.tables import RowCollector
from python_steps.findings import Violation

_CURRENCY = re.compile(r"^[A-Z]{3}$")
_ISIN = re.compile(r"^[A-Z]{2}[0-9A-Z]{9}[0-9]$")
_NAMED_ISIN = re.compile(r"^(?P<symbol>[^()]+)\((?P<isin>[A-Z]{2}[0-9A-Z]{9}[0-9])\)")
_DATED = re.compile(r"^(?P<day>\d{4}-\d{2}-\d{2})(?:, (?P<time>\d{2}:\d{2}:\d{2}))?$")
_IN_BASE = re.compile(r"^(?:comm|mtm) in [a-z]{3}$")
_PUT_CALL = {"P": "PUT", "C": "CALL", "PUT": "PUT", "CALL": "CALL"}
_OPTIONS = ("equity and index options", "options on futures", "warrants")
_FOREX = "forex"
_BALANCES = {
    "Ending Cash": "trade_date_balance",
    "Ending Settled Cash": "settlement_date_balance",
}
_ACCOUNT_FIELDS = ("Name", "Account", "Base Currency")
_BASE_SUMMARY = "base currency summary"
_ENTITIES: dict[str, tuple[str, ...]] = {
    "history": ("transactions",),
    "cash": ("transactions",),
    "trades": ("transactions", "closed_lots"),
    "positions": ("positions", "tax_lots"),
    "instruments": ("securities",),
    "balances": (),
    "fields": (),
}

_ROW_KINDS = ("Header", "Data", "Total", "SubTotal", "Notes")
_SECTION_RULES = {
    "": "section_understood",
    "left out": "section_left_out",
    "not read": "section_not_read",
}

Texts = dict[str, str | None]


@dataclass
class _Table:
    """The header that holds for the lines below it, and what totals are compared with."""

    section: str
    kind: str
    names: list[str]
    bindings: dict[str, Binding]
    sums: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def cell(self, cells: Sequence[str], *names: str) -> str:
        """The cell of a column by one of its names; '' where the header has none."""
        for name in names:
            if name in self.names:
                return cells[self.names.index(name)].strip()
        return ""

    def add(self, key: tuple[str, str], text: str | None) -> None:
        """Add an amount that a total row will state."""
        self.sums[key] = self.sums.get(key, Decimal(0)) + (parse_amount(text or "") or Decimal(0))
        self.counts[key] = self.counts.get(key, 0) + 1


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Read one statement.

    Args:
        file: as received.
        contract: of the feed ibkr_activity_csv.

    Returns:
        Account, instruments, positions, lots, transactions and cash as text, and what is wrong.
    """
    decoded = decode(file, contract)
    if decoded.content is None:
        return refused(contract, decoded.violations)
    text = decoded.content.decode("utf-8")
    walk = _Walk(file, contract)
    walk.violations += decoded.violations
    lines = list(records(text))
    walk.fields_of(lines)
    for record in lines:
        walk.row(record)
    walk.end(ends_whole=text.endswith("\n"))
    return walk.reading()


class _Walk:
    """The lines in their order, with the header that holds."""

    def __init__(self, file: ReceivedFile, contract: FeedContract) -> None:
        self.file = file
        self.contract = contract
        self.kinds: dict[str, str] = dict((contract.layout or {})["sections"])
        self.violations: list[Violation] = []
        self.collectors = {name: RowCollector(entity) for name, entity in contract.entities.items()}
        self.fields: dict[tuple[str, str], tuple[str, Record]] = {}
        self.period: tuple[date, date] | None = None
        self.table: _Table | None = None
        self.headers: list[str] = []
        self.row_count = 0
        self.left_out: dict[str, list[Record]] = {}
        self.accounts: set[str] = set()
        self.instruments: dict[str, list[Texts]] = {}
        self.pending: list[tuple[str, Texts, Record]] = []
        self.balances: dict[tuple[str, str], tuple[Texts, Record]] = {}
        self.conversions: list[Record] = []
        self.net_amounts: list[Decimal | None] = []
        self.has_both_trade_levels = False
        self.last_trade: dict[str, str] = {}

    # The statement's own fields, which stand first but hold for all

    def fields_of(self, lines: Sequence[Record]) -> None:
        """Names and values of Statement, Account Information and Summary; and the period."""
        for record in lines:
            cells = [cell.strip() for cell in record.cells]
            if len(cells) >= 4 and self.kinds.get(cells[0]) == "fields" and cells[1] == "Data":
                self.fields.setdefault((cells[0], cells[2]), (cells[3], record))
        stated = self.fields.get(("Statement", "Period"))
        self.period = _period(stated[0]) if stated else None
        if self.period is None:
            self._broken(
                "statement_period",
                f"the period {stated[0]!r}" if stated else "no period",
                stated[1] if stated else lines[0],
            )
        levels = {
            normalised(record.cells[2])
            for record in lines
            if len(record.cells) > 2 and record.cells[0] == "Trades" and record.cells[1] == "Data"
        }
        self.has_both_trade_levels = {"order", "trade"} <= levels

    def _field(self, section: str, name: str) -> str:
        return self.fields.get((section, name), ("", None))[0]

    @property
    def account(self) -> str:
        """The account of the statement; '' where only rows name theirs."""
        return self._field("Account Information", "Account").partition(" ")[0]

    @property
    def base_currency(self) -> str:
        """The base currency, '' where the file does not state it."""
        stated = (self._field(name, "Base Currency") for name in ("Account Information", "Summary"))
        return next((text for text in stated if _CURRENCY.match(text)), "")

    # Lines

    def row(self, record: Record) -> None:
        """One line of any section."""
        if record.problem:
            self._broken("ragged_row", record.problem, record, scope="feed")
            return
        cells = [cell.strip() for cell in record.cells]
        if not any(cells):
            return
        section, kind = cells[0], cells[1] if len(cells) > 1 else ""
        role = self.kinds.get(section)
        if role is None or role in ("left out", "not read"):
            self.left_out.setdefault(section, []).append(record)
            self.table = None
        elif kind == "Header":
            self._header(section, role, record)
        elif kind in ("SubTotal", "Notes"):
            return
        elif kind not in ("Data", "Total"):
            self._broken("row_kind_known", f"{unquoted(record)}, in {section}", record)
        elif self.table is None or self.table.section != section:
            self._broken("row_kind_known", f"a line of {section} before its header", record)
        else:
            self._under_header(self.table, kind, record)

    def _header(self, section: str, role: str, record: Record) -> None:
        names = [normalised(cell) for cell in record.cells[2:]]
        while names and not names[-1]:
            names.pop()
        self.headers.append(f"{section}: {'|'.join(names)}")
        bindings = {}
        for name in _ENTITIES[role]:
            bindings[name] = self._bind(self.contract.entity(name), record)
        self.table = _Table(section, role, names, bindings)

    def _bind(self, entity: Entity, record: Record) -> Binding:
        """Bind a header; names that another entity or the contract knows are no unknown columns."""
        known = {normalised(name) for name in self.contract.ignored_columns} | {
            normalised(spelling)
            for other in self.contract.entities.values()
            for column in other.columns
            for spelling in (column.name, *column.aliases)
        }
        # Headers of currency trades have cells without a name, and name the base currency.
        known |= {"datadiscriminator", "asset category", ""}
        known |= {name for cell in record.cells if _IN_BASE.match(name := normalised(cell))}
        binding = bind(
            record.cells[2:],
            entity,
            self.contract,
            file_name=self.file.file_name,
            row=record.line,
            ignored=sorted(known),
        )
        told = {found.observed for found in self.violations if found.rule == "unknown_column"}
        self.violations += [
            found
            for found in binding.violations
            if found.rule != "unknown_column" or found.observed not in told
        ]
        return binding

    def _under_header(self, table: _Table, kind: str, record: Record) -> None:
        cells = list(record.cells[2:])
        while len(cells) > len(table.names) and not cells[-1].strip():
            cells.pop()
        if len(cells) != len(table.names):
            self.row_count += kind == "Data"
            self._broken(
                "ragged_row",
                f"{len(cells)} cells under {len(table.names)} names in {table.section}",
                record,
                account=self.account,
            )
            return
        if any(not binding.is_usable for binding in table.bindings.values()):
            return
        if kind == "Total":
            self._group_total(table, cells, record)
            return
        if table.kind != "fields":
            self.row_count += 1
        handlers: dict[str, Callable[[_Table, list[str], Record], None]] = {
            "history": self._history,
            "cash": self._cash,
            "trades": self._trade,
            "positions": self._position,
            "instruments": self._instrument,
            "balances": self._balance,
        }
        if table.kind in handlers:
            handlers[table.kind](table, cells, record)

    def _texts(self, table: _Table, entity: str, cells: Sequence[str]) -> Texts:
        return {name: cells[place] for name, place in table.bindings[entity].places.items()}

    # Transactions

    def _history(self, table: _Table, cells: list[str], record: Record) -> None:
        texts = self._texts(table, "transactions", cells)
        self.net_amounts.append(parse_amount(texts.get("net_amount") or ""))
        word = (texts.get("source_type") or "").strip()
        kind = self.contract.mappings["history_types"].get(word)
        if kind == "currency conversion":
            self.conversions.append(record)
            return
        kind = kind or self._unknown_type(f"transaction type {word!r}", record)
        base = {"currency": self.base_currency} if "currency" not in texts else {}
        self._transaction({**texts, **base, "transaction_type": kind}, record)

    def _cash(self, table: _Table, cells: list[str], record: Record) -> None:
        currency = table.cell(cells, "currency")
        first = cells[0].strip()
        if first.startswith("Total"):
            self._cash_total(table, first, cells, record)
            return
        texts = self._texts(table, "transactions", cells)
        amount = parse_amount(texts.get("net_amount") or "")
        table.add(("", ""), texts.get("net_amount"))
        types = self.contract.mappings["cash_types"]
        direction = "out" if amount is not None and amount < 0 else "in"
        kind = types.get(table.section) or types.get(f"{table.section} {direction}")
        self._transaction(
            {
                **texts,
                "currency": currency,
                "source_type": table.section,
                "transaction_type": kind
                or self._unknown_type(f"section {table.section!r}", record),
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
            self._in_period(day["day"], record)
            texts = {**texts, "transaction_date": day["day"], "transaction_time": day["time"]}
        self._pend("transactions", {"is_cancel": "false", **texts}, record)

    def _in_period(self, day: str, record: Record) -> None:
        if self.period and not self.period[0].isoformat() <= day <= self.period[1].isoformat():
            self._broken(
                "dates_in_period",
                f"a row of {day}",
                record,
                expected=f"a day from {self.period[0]} to {self.period[1]}",
                account=self.account,
            )

    def _trade(self, table: _Table, cells: list[str], record: Record) -> None:
        level = self.contract.mappings["trade_levels"].get(
            normalised(table.cell(cells, "datadiscriminator"))
        )
        if level is None:
            self._unknown_level(table, cells, record)
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

    def _execution(self, table: _Table, cells: list[str], record: Record) -> None:
        texts = self._texts(table, "transactions", cells)
        quantity = parse_amount(texts.get("quantity") or "")
        codes = _codes(table.cell(cells, "code"))
        proceeds = parse_amount(texts.get("gross_amount") or "")
        commission = parse_amount(texts.get("commission") or "")
        net = None if proceeds is None or commission is None else format(proceeds + commission, "f")
        kind = "OTHER"
        if quantity:
            kind = self._trade_type(
                quantity, codes, normalised(table.cell(cells, "asset category"))
            )
        else:
            self._unknown_type(f"a trade of quantity {texts.get('quantity')!r}", record)
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
        mappings = self.contract.mappings
        events = mappings["option_events"] if category in _OPTIONS else {}
        found = [event for code, event in events.items() if code in codes]
        if quantity > 0:
            found += [kind for code, kind in mappings["purchase_notes"].items() if code in codes]
            return found[0] if found else ("BUY_COVER" if "C" in codes else "BUY")
        return found[0] if found else ("SELL_SHORT" if "O" in codes else "SELL")

    def _closed_lot(self, table: _Table, cells: list[str], record: Record) -> None:
        texts = self._texts(table, "closed_lots", cells)
        if self.last_trade.get("symbol") != table.cell(cells, "symbol"):
            self._broken(
                "closed_lot_has_trade",
                f"a closed lot of {texts.get('ticker')}",
                record,
                account=self.account,
            )
            return
        self._pend(
            "closed_lots",
            {
                **texts,
                "disposal_date": self.last_trade["day"],
                "term": self._term(texts.get("term")),
            },
            record,
        )

    # Positions, instruments, cash

    def _position(self, table: _Table, cells: list[str], record: Record) -> None:
        level = self.contract.mappings["position_levels"].get(
            normalised(table.cell(cells, "datadiscriminator"))
        )
        if level is None:
            self._unknown_level(table, cells, record)
        elif level == "lot":
            self._lot(table, cells, record)
        else:
            texts = self._texts(table, "positions", cells)
            key = (table.cell(cells, "asset category"), table.cell(cells, "currency"))
            table.add(key, texts.get("market_value"))
            stated = self.period[1].isoformat() if self.period else None
            self._pend("positions", {**texts, "price_date": stated}, record)

    def _lot(self, table: _Table, cells: list[str], record: Record) -> None:
        texts = self._texts(table, "tax_lots", cells)
        code = texts.get("term")
        is_washed = code is not None and "LD" in _codes(code)
        opened = texts.get("acquisition_date")
        self._pend(
            "tax_lots",
            {
                **texts,
                "acquisition_date": "" if is_washed else opened,
                "holding_period_start_date": opened if is_washed else None,
                "term": self._term(code),
                "wash_sale_flag": None if code is None else ("true" if is_washed else "false"),
            },
            record,
        )

    def _group_total(self, table: _Table, cells: list[str], record: Record) -> None:
        """The total of an asset category and currency: of values, or of trades' proceeds."""
        key = (table.cell(cells, "asset category"), table.cell(cells, "currency"))
        column = {"positions": "value", "trades": "proceeds"}.get(table.kind, "")
        if key in table.sums:
            self._compare(table, key, table.cell(cells, column), record)

    def _cash_total(self, table: _Table, word: str, cells: list[str], record: Record) -> None:
        """The total of one currency; "Total in USD" and the like repeat it in the base currency."""
        if word == "Total" and ("", "") in table.sums:
            self._compare(table, ("", ""), table.cell(cells, "amount"), record)
        table.sums.pop(("", ""), None)
        table.counts.pop(("", ""), None)
        self.row_count -= 1

    def _compare(self, table: _Table, key: tuple[str, str], text: str, record: Record) -> None:
        stated = parse_amount(text)
        allowed = self.contract.tolerance("control_total") * max(table.counts[key], 1)
        if stated is None or abs(stated - table.sums[key]) <= allowed:
            return
        self._broken(
            "control_total",
            f"a total of {text} in {table.section}",
            record,
            expected=f"{table.sums[key]}, the sum of {table.counts[key]} rows",
            account=self.account,
        )

    def _instrument(self, table: _Table, cells: list[str], record: Record) -> None:
        texts = self._texts(table, "securities", cells)
        category = normalised(table.cell(cells, "asset category"))
        identifier = (texts.get("isin") or "").strip()
        ticker = (texts.get("ticker") or "").partition(",")[0].strip()
        type_word = normalised(table.cell(cells, "type"))
        is_option = category in _OPTIONS
        row: Texts = {
            **texts,
            "ticker": ticker,
            "isin": identifier if _ISIN.match(identifier) else "",
            "cusip": identifier if is_cusip(identifier) else "",
            "security_type": self._security_type(category, type_word, record),
            "price_factor": self.contract.mappings["price_factors"].get(category),
            "put_call": _PUT_CALL.get(type_word.upper()) if is_option else None,
        }
        # The symbol cell may hold several spellings of one symbol.
        for spelling in (texts.get("ticker") or "").split(","):
            self.instruments.setdefault(spelling.strip(), []).append(row)
        self._add("securities", row, record)

    def _security_type(self, category: str, type_word: str, record: Record) -> str:
        types = self.contract.mappings["security_types"]
        found = types.get(f"{category}/{type_word}") or types.get(category)
        if found is None:
            self._broken("security_type_known", f"asset category {category!r}", record)
        return found or "OTHER"

    def _balance(self, table: _Table, cells: list[str], record: Record) -> None:
        word, currency = cells[0].strip(), table.cell(cells, "currency")
        if normalised(currency) == _BASE_SUMMARY or word not in _BALANCES:
            return
        account = table.cell(cells, "account") or self.account
        column = _BALANCES[word]
        texts, first = self.balances.setdefault((account, currency), ({}, record))
        texts[column] = table.cell(cells, "total")
        self.balances[account, currency] = (texts, first)

    # Common parts

    def _pend(self, entity: str, texts: Texts, record: Record) -> None:
        """Keep a row until all instruments are known, which stand last in the file."""
        account = (texts.get("account_number") or "").strip() or self.account
        if account:
            self.accounts.add(account)
        self.pending.append((entity, {**texts, "account_number": account}, record))

    def _add(self, entity: str, texts: Texts, record: Record) -> None:
        columns = self.contract.entity(entity).column_names
        kept = {name: text for name, text in texts.items() if name in columns}
        self.collectors[entity].add(kept, line=record.line, text=record.text)

    def _term(self, code: str | None) -> str | None:
        if code is None:
            return None
        terms = self.contract.mappings["terms"]
        return next((terms[part] for part in _codes(code) if part in terms), "")

    def _unknown_level(self, table: _Table, cells: list[str], record: Record) -> None:
        word = table.cell(cells, "datadiscriminator")
        self._broken(
            "level_of_detail_known",
            f"a row {word!r} in {table.section}",
            record,
            account=self.account,
        )

    def _unknown_type(self, words: str, record: Record) -> str:
        self._broken("transaction_type_known", words, record, account=self.account)
        return "OTHER"

    # The whole file

    def end(self, *, ends_whole: bool) -> None:
        """The last line was read."""
        self._account_row()
        for entity, texts, record in self.pending:
            if entity == "positions":
                self._instrument_of(texts, record)
            self._add(entity, {**self._identified(texts), **texts}, record)
        for (account, currency), (texts, record) in self.balances.items():
            row: Texts = {**texts, "account_number": account, "currency": currency}
            self._add("cash_balances", row, record)
            if len(texts) != len(_BALANCES):
                self._broken(
                    "cash_report_whole", f"one line of {currency} only", record, account=account
                )
        for section, lines in self.left_out.items():
            rule = _SECTION_RULES[self.kinds.get(section, "")]
            self._broken(rule, f"{_section_name(section, lines[0])}, {len(lines)} lines", lines[0])
        if self.conversions:
            self._broken(
                "fx_conversions_left_out",
                f"{len(self.conversions)} currency conversions",
                self.conversions[0],
                account=self.account,
            )
        self._change()
        self._told_of_file(ends_whole=ends_whole)

    def _account_row(self) -> None:
        if self.account:
            self.accounts.add(self.account)
            record = self.fields["Account Information", "Account"][1]
            alias = self._field("Account Information", "Account Alias")
            row: Texts = {
                "account_number": self.account,
                "account_title": alias or self._field("Account Information", "Name"),
                "base_currency": self.base_currency,
            }
            self._add("accounts", row, record)
        stated = [name for section, name in self.fields if section == "Account Information"]
        lacking = [name for name in _ACCOUNT_FIELDS if name not in stated]
        if stated and lacking:
            self._tell("account_information_whole", f"no {' and no '.join(lacking)}")
        unnamed = [record for _, texts, record in self.pending if not texts["account_number"]]
        if unnamed:
            self._broken("account_reference_present", f"{len(unnamed)} rows without", unnamed[0])
        nameless = [record for (account, _), (_, record) in self.balances.items() if not account]
        if nameless:
            self._broken("account_reference_present", "a cash balance without", nameless[0])

    def _identified(self, texts: Texts) -> Texts:
        """The ids of the instrument that a symbol names, where it names one only."""
        found = self.instruments.get((texts.get("ticker") or "").strip(), [])
        if len(found) != 1:
            return {}
        return {
            name: found[0].get(name)
            for name in ("custodian_security_id", "isin")
            if found[0].get(name)
        }

    def _instrument_of(self, texts: Texts, record: Record) -> None:
        """A position whose instrument the file leaves out though it names others."""
        symbol = (texts.get("ticker") or "").strip()
        if self.instruments and symbol not in self.instruments:
            self._broken(
                "instrument_known",
                f"no line of {symbol}",
                record,
                account=texts["account_number"] or "",
                security=symbol,
            )

    def _change(self) -> None:
        """The Summary's change against the history's net amounts."""
        stated = self.fields.get(("Summary", "Change"))
        known = [amount for amount in self.net_amounts if amount is not None]
        change = parse_amount(stated[0]) if stated else None
        if stated is None or change is None or not known:
            return
        allowed = self.contract.tolerance("control_total") * len(self.net_amounts)
        total = sum(known, Decimal(0))
        if abs(change - total) > allowed:
            self._broken(
                "control_total",
                f"a change of {stated[0]} in the Summary",
                stated[1],
                expected=f"{total}, the sum of {len(known)} net amounts",
                account=self.account,
            )

    def _told_of_file(self, *, ends_whole: bool) -> None:
        has_history = any(header.startswith("Transaction History:") for header in self.headers)
        if has_history and not self.base_currency:
            self._tell("base_currency_stated", "no base currency")
        has_positions = any(entity in ("positions", "tax_lots") for entity, _, _ in self.pending)
        if has_positions and not self.instruments:
            self._tell("instruments_present", "positions and no instruments")
        self._tell("control_total_present", f"{self.row_count} rows and no count of them")
        if not ends_whole:
            self._tell("last_line_ended", "a last row without line end")

    def _tell(self, rule: str, observed: str) -> None:
        self.violations.append(
            self.contract.violation(rule, file_name=self.file.file_name, observed=observed)
        )

    def reading(self) -> FileReading:
        """The reading of the whole file."""
        tables = {
            name: collector.table(entity_columns(name))
            for name, collector in self.collectors.items()
        }
        for name, table in tables.items():
            self.violations += duplicate_keys(
                table, self.contract.entity(name), self.contract, file_name=self.file.file_name
            )
        status = status_of(self.violations)
        has_transactions = any(
            self.kinds[header.partition(":")[0]] in ("history", "trades", "cash")
            for header in self.headers
        )
        return FileReading(
            feed=self.contract.feed,
            stated_as_of_date=self.period[1] if self.period else None,
            as_of_source="HEADER" if self.period else None,
            session_date=None,
            header_fingerprint=fingerprint(self.headers),
            parser_version=self.contract.parser_version,
            delivery_mode=self.contract.delivery_mode,
            tables={name: table for name, table in tables.items() if table.num_rows}
            if status == "LOADED"
            else {},
            covered_accounts=tuple(sorted(self.accounts)),
            row_count=self.row_count,
            control_row_count=None,
            control_amount=None,
            violations=tuple(self.violations),
            status=status,
            covered_from_date=self.period[0] if self.period and has_transactions else None,
            covered_to_date=self.period[1] if self.period and has_transactions else None,
        )

    def _broken(
        self,
        rule: str,
        observed: str,
        record: Record,
        *,
        expected: str | None = None,
        account: str = "",
        security: str = "",
        scope: str = "",
    ) -> None:
        self.violations.append(
            self.contract.violation(
                rule,
                file_name=self.file.file_name,
                row=record.line,
                observed=observed,
                expected=expected,
                account_number=account or None,
                security_key=security or None,
                scope="feed" if scope == "feed" else None,
            )
        )


def _section_name(section: str, record: Record) -> str:
    """A section's name where the line has the form of one, else the shape of the line."""
    kind = record.cells[1].strip() if len(record.cells) > 1 else ""
    return f"section {section!r}" if kind in _ROW_KINDS else unquoted(record)


def _period(text: str) -> tuple[date, date] | None:
    """First and last day of `January 1, 2024 - December 31, 2025`, or the one day of both."""
    days = [_worded(part) for part in text.split(" - ")]
    found = [day for day in days if day is not None]
    if len(found) != len(days) or len(days) > 2 or found[0] > found[-1]:
        return None
    return found[0], found[-1]


def _worded(text: str) -> date | None:
    try:
        return datetime.strptime(text.strip(), "%B %d, %Y").date()  # noqa: DTZ007 - a calendar date
    except ValueError:
        return None


def _codes(text: str) -> list[str]:
    """The codes of a cell such as `C;LD`."""
    return [part.strip() for part in text.replace(",", ";").split(";") if part.strip()]
