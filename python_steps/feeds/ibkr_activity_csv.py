"""Reader of Interactive Brokers statements as CSV: Activity Statement and Transaction History.

Belongs here: the lines of that file by section and kind, and the end of the file. Does not belong
here: what the rows of a section are (activity_transactions, activity_positions), casting, and Flex
files (another feed). Source of the rules: `ibkr_activity_csv.yaml`; its layout names the sections.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal

from data_contracts.contract import Entity, FeedContract, entity_columns
from python_steps.feeds.activity_positions import BALANCES, HoldingRows
from python_steps.feeds.activity_rows import StatementRows, Table, Texts
from python_steps.feeds.activity_transactions import TransactionRows
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.client_exports import unquoted
from python_steps.feeds.decoding import decode
from python_steps.feeds.delimited import Record, records
from python_steps.feeds.headers import Binding, bind, fingerprint, normalised
from python_steps.feeds.keys import duplicate_keys
from python_steps.feeds.received import FileReading, ReceivedFile, refused, status_of

_IN_BASE = re.compile(r"^(?:comm|mtm) in [a-z]{3}$")
_ACCOUNT_FIELDS = ("Name", "Account", "Base Currency")
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
    lines = list(records(text))
    walk = _Walk(file, contract, lines)
    walk.rows.violations = [*decoded.violations, *walk.rows.violations]
    for record in lines:
        walk.row(record)
    walk.end(ends_whole=text.endswith("\n"))
    return walk.reading()


class _Walk:
    """The lines in their order, with the header that holds."""

    def __init__(self, file: ReceivedFile, contract: FeedContract, lines: Sequence[Record]) -> None:
        self.rows = StatementRows(file, contract)
        self.rows.fields_of(lines)
        self.transactions = TransactionRows(self.rows, lines)
        self.holdings = HoldingRows(self.rows)
        self.table: Table | None = None
        self.headers: list[str] = []
        self.row_count = 0
        self.left_out: dict[str, list[Record]] = {}

    @property
    def data_rows(self) -> int:
        """Rows of data; the totals among them are none."""
        return self.row_count - self.transactions.total_rows

    # Lines

    def row(self, record: Record) -> None:
        """One line of any section."""
        if record.problem:
            self.rows.broken("ragged_row", record.problem, record, scope="feed")
            return
        cells = [cell.strip() for cell in record.cells]
        if not any(cells):
            return
        section, kind = cells[0], cells[1] if len(cells) > 1 else ""
        role = self.rows.kinds.get(section)
        if role is None or role in ("left out", "not read"):
            self.left_out.setdefault(section, []).append(record)
            self.table = None
        elif kind == "Header":
            self._header(section, role, record)
        elif kind in ("SubTotal", "Notes"):
            return
        elif kind not in ("Data", "Total"):
            self.rows.broken("row_kind_known", f"{unquoted(record)}, in {section}", record)
        elif self.table is None or self.table.section != section:
            self.rows.broken("row_kind_known", f"a line of {section} before its header", record)
        else:
            self._under_header(self.table, kind, record)

    def _header(self, section: str, role: str, record: Record) -> None:
        names = [normalised(cell) for cell in record.cells[2:]]
        while names and not names[-1]:
            names.pop()
        self.headers.append(f"{section}: {'|'.join(names)}")
        bindings = {}
        for name in _ENTITIES[role]:
            bindings[name] = self._bind(self.rows.contract.entity(name), record)
        self.table = Table(section, role, names, bindings)

    def _bind(self, entity: Entity, record: Record) -> Binding:
        """Bind a header; names that another entity or the contract knows are no unknown columns."""
        known = {normalised(name) for name in self.rows.contract.ignored_columns} | {
            normalised(spelling)
            for other in self.rows.contract.entities.values()
            for column in other.columns
            for spelling in (column.name, *column.aliases)
        }
        # Headers of currency trades have cells without a name, and name the base currency.
        known |= {"datadiscriminator", "asset category", ""}
        known |= {name for cell in record.cells if _IN_BASE.match(name := normalised(cell))}
        binding = bind(
            record.cells[2:],
            entity,
            self.rows.contract,
            file_name=self.rows.file.file_name,
            row=record.line,
            ignored=sorted(known),
        )
        told = {found.observed for found in self.rows.violations if found.rule == "unknown_column"}
        self.rows.violations += [
            found
            for found in binding.violations
            if found.rule != "unknown_column" or found.observed not in told
        ]
        return binding

    def _under_header(self, table: Table, kind: str, record: Record) -> None:
        cells = list(record.cells[2:])
        while len(cells) > len(table.names) and not cells[-1].strip():
            cells.pop()
        if len(cells) != len(table.names):
            self.row_count += kind == "Data"
            self.rows.broken(
                "ragged_row",
                f"{len(cells)} cells under {len(table.names)} names in {table.section}",
                record,
                account=self.rows.account,
            )
            return
        if any(not binding.is_usable for binding in table.bindings.values()):
            return
        if kind == "Total":
            self._group_total(table, cells, record)
            return
        if table.kind != "fields":
            self.row_count += 1
        handlers: dict[str, Callable[[Table, list[str], Record], None]] = {
            "history": self.transactions.history,
            "cash": self.transactions.cash,
            "trades": self.transactions.trade,
            "positions": self.holdings.position,
            "instruments": self.holdings.instrument,
            "balances": self.holdings.balance,
        }
        if table.kind in handlers:
            handlers[table.kind](table, cells, record)

    def _group_total(self, table: Table, cells: list[str], record: Record) -> None:
        """The total of an asset category and currency: of values, or of trades' proceeds."""
        key = (table.cell(cells, "asset category"), table.cell(cells, "currency"))
        column = {"positions": "value", "trades": "proceeds"}.get(table.kind, "")
        if key in table.sums:
            self.rows.compare(table, key, table.cell(cells, column), record)

    # The whole file

    def end(self, *, ends_whole: bool) -> None:
        """The last line was read."""
        self._account_row()
        for entity, texts, record in self.rows.pending:
            if entity == "positions":
                self.holdings.check_instrument(texts, record)
            self.rows.add(entity, {**self.holdings.identified(texts), **texts}, record)
        for (account, currency), (texts, record) in self.holdings.balances.items():
            row: Texts = {**texts, "account_number": account, "currency": currency}
            self.rows.add("cash_balances", row, record)
            if len(texts) != len(BALANCES):
                self.rows.broken(
                    "cash_report_whole", f"one line of {currency} only", record, account=account
                )
        for section, lines in self.left_out.items():
            rule = _SECTION_RULES[self.rows.kinds.get(section, "")]
            self.rows.broken(
                rule, f"{_section_name(section, lines[0])}, {len(lines)} lines", lines[0]
            )
        if self.transactions.conversions:
            self.rows.broken(
                "fx_conversions_left_out",
                f"{len(self.transactions.conversions)} currency conversions",
                self.transactions.conversions[0],
                account=self.rows.account,
            )
        self._change()
        self._told_of_file(ends_whole=ends_whole)

    def _account_row(self) -> None:
        if self.rows.account:
            self.rows.accounts.add(self.rows.account)
            record = self.rows.fields["Account Information", "Account"][1]
            alias = self.rows.field("Account Information", "Account Alias")
            row: Texts = {
                "account_number": self.rows.account,
                "account_title": alias or self.rows.field("Account Information", "Name"),
                "base_currency": self.rows.base_currency,
            }
            self.rows.add("accounts", row, record)
        stated = [name for section, name in self.rows.fields if section == "Account Information"]
        lacking = [name for name in _ACCOUNT_FIELDS if name not in stated]
        if stated and lacking:
            self.rows.tell("account_information_whole", f"no {' and no '.join(lacking)}")
        unnamed = [record for _, texts, record in self.rows.pending if not texts["account_number"]]
        if unnamed:
            self.rows.broken(
                "account_reference_present", f"{len(unnamed)} rows without", unnamed[0]
            )
        nameless = [
            record for (account, _), (_, record) in self.holdings.balances.items() if not account
        ]
        if nameless:
            self.rows.broken("account_reference_present", "a cash balance without", nameless[0])

    def _change(self) -> None:
        """The Summary's change against the history's net amounts."""
        stated = self.rows.fields.get(("Summary", "Change"))
        known = [amount for amount in self.transactions.net_amounts if amount is not None]
        change = parse_amount(stated[0]) if stated else None
        if stated is None or change is None or not known:
            return
        allowed = self.rows.contract.tolerance("control_total") * len(self.transactions.net_amounts)
        total = sum(known, Decimal(0))
        if abs(change - total) > allowed:
            self.rows.broken(
                "control_total",
                f"a change of {stated[0]} in the Summary",
                stated[1],
                expected=f"{total}, the sum of {len(known)} net amounts",
                account=self.rows.account,
            )

    def _told_of_file(self, *, ends_whole: bool) -> None:
        has_history = any(header.startswith("Transaction History:") for header in self.headers)
        if has_history and not self.rows.base_currency:
            self.rows.tell("base_currency_stated", "no base currency")
        has_positions = any(
            entity in ("positions", "tax_lots") for entity, _, _ in self.rows.pending
        )
        if has_positions and not self.holdings.instruments:
            self.rows.tell("instruments_present", "positions and no instruments")
        self.rows.tell(
            "control_total_present",
            f"{self.data_rows} rows and no count of them",
        )
        if not ends_whole:
            self.rows.tell("last_line_ended", "a last row without line end")

    def reading(self) -> FileReading:
        """The reading of the whole file."""
        contract = self.rows.contract
        tables = {
            name: collector.table(entity_columns(name))
            for name, collector in self.rows.collectors.items()
        }
        for name, table in tables.items():
            self.rows.violations += duplicate_keys(
                table,
                contract.entity(name),
                contract,
                file_name=self.rows.file.file_name,
            )
        status = status_of(self.rows.violations)
        period = self.rows.period
        has_transactions = any(
            self.rows.kinds[header.partition(":")[0]] in ("history", "trades", "cash")
            for header in self.headers
        )
        return FileReading(
            feed=contract.feed,
            stated_as_of_date=period[1] if period else None,
            as_of_source="HEADER" if period else None,
            session_date=None,
            header_fingerprint=fingerprint(self.headers),
            parser_version=contract.parser_version,
            delivery_mode=contract.delivery_mode,
            tables={name: table for name, table in tables.items() if table.num_rows}
            if status == "LOADED"
            else {},
            covered_accounts=tuple(sorted(self.rows.accounts)),
            row_count=self.data_rows,
            control_row_count=None,
            control_amount=None,
            violations=tuple(self.rows.violations),
            status=status,
            covered_from_date=period[0] if period and has_transactions else None,
            covered_to_date=period[1] if period and has_transactions else None,
        )


def _section_name(section: str, record: Record) -> str:
    """A section's name where the line has the form of one, else the shape of the line."""
    kind = record.cells[1].strip() if len(record.cells) > 1 else ""
    return f"section {section!r}" if kind in _ROW_KINDS else unquoted(record)
