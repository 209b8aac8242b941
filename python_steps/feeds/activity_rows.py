"""Rows of an Interactive Brokers statement as CSV on their way into tables.

Belongs here: the statement's own fields and period, the table at hand, and what every section does
with a row, a total or a broken rule. Does not belong here: what a section's rows mean
(activity_transactions, activity_positions). Source of the rules: `ibkr_activity_csv.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from data_contracts.contract import FeedContract
from python_steps.feeds.client_exports import ControlSum
from python_steps.feeds.delimited import Record
from python_steps.feeds.headers import Binding
from python_steps.feeds.received import ReceivedFile
from python_steps.feeds.tables import RowCollector
from python_steps.findings import Violation

OPTIONS = ("equity and index options", "options on futures", "warrants")
_CURRENCY = re.compile(r"^[A-Z]{3}$")

Texts = dict[str, str | None]


@dataclass
class Table:
    """The header that holds for the lines below it, and what totals are compared with."""

    section: str
    kind: str
    names: list[str]
    bindings: dict[str, Binding]
    sums: dict[tuple[str, str], ControlSum] = field(default_factory=dict)

    def cell(self, cells: Sequence[str], *names: str) -> str:
        """The cell of a column by one of its names; '' where the header has none."""
        for name in names:
            if name in self.names:
                return cells[self.names.index(name)].strip()
        return ""

    def add(self, key: tuple[str, str], text: str | None) -> None:
        """Add an amount of a total row; one that cannot be read leaves nothing to compare."""
        self.sums.setdefault(key, ControlSum(self.section)).add(text)


class StatementRows:
    """Collects the rows of one statement, and what is wrong with it."""

    def __init__(self, file: ReceivedFile, contract: FeedContract) -> None:
        self.file = file
        self.contract = contract
        self.kinds: dict[str, str] = dict((contract.layout or {})["sections"])
        self.violations: list[Violation] = []
        self.collectors = {name: RowCollector(entity) for name, entity in contract.entities.items()}
        self.fields: dict[tuple[str, str], tuple[str, Record]] = {}
        self.period: tuple[date, date] | None = None
        self.accounts: set[str] = set()
        self.pending: list[tuple[str, Texts, Record]] = []

    def fields_of(self, lines: Sequence[Record]) -> None:
        """Names and values of Statement, Account Information and Summary; and the period."""
        for record in lines:
            cells = [cell.strip() for cell in record.cells]
            if len(cells) >= 4 and self.kinds.get(cells[0]) == "fields" and cells[1] == "Data":
                self.fields.setdefault((cells[0], cells[2]), (cells[3], record))
        stated = self.fields.get(("Statement", "Period"))
        self.period = period_of(stated[0]) if stated else None
        if self.period is None:
            self.broken(
                "statement_period",
                f"the period {stated[0]!r}" if stated else "no period",
                stated[1] if stated else lines[0],
            )

    def field(self, section: str, name: str) -> str:
        """The value of one of the statement's own fields, '' where it has none."""
        return self.fields.get((section, name), ("", None))[0]

    @property
    def account(self) -> str:
        """The account of the statement; '' where only rows name theirs."""
        return self.field("Account Information", "Account").partition(" ")[0]

    @property
    def base_currency(self) -> str:
        """The base currency, '' where the file does not state it."""
        stated = (self.field(name, "Base Currency") for name in ("Account Information", "Summary"))
        return next((text for text in stated if _CURRENCY.match(text)), "")

    def texts(self, table: Table, entity: str, cells: Sequence[str]) -> Texts:
        """The bound cells of an entity as received."""
        return {name: cells[place] for name, place in table.bindings[entity].places.items()}

    def in_period(self, day: str, record: Record) -> None:
        """Say that a day lies outside the statement's period."""
        if self.period and not self.period[0].isoformat() <= day <= self.period[1].isoformat():
            self.broken(
                "dates_in_period",
                f"a row of {day}",
                record,
                expected=f"a day from {self.period[0]} to {self.period[1]}",
                account=self.account,
            )

    def compare(self, table: Table, key: tuple[str, str], text: str, record: Record) -> None:
        """Hold a total that the file states against the sum of its rows."""
        control = table.sums[key]
        tolerance = self.contract.tolerance("control_total")
        if control.difference(text, tolerance) is None:
            return
        self.broken(
            "control_total",
            f"a total of {text} in {table.section}",
            record,
            expected=f"{control.total}, the sum of {control.rows} rows",
            account=self.account,
        )

    def pend(self, entity: str, texts: Texts, record: Record) -> None:
        """Keep a row until all instruments are known, which stand last in the file."""
        account = (texts.get("account_number") or "").strip() or self.account
        if account:
            self.accounts.add(account)
        self.pending.append((entity, {**texts, "account_number": account}, record))

    def add(self, entity: str, texts: Texts, record: Record) -> None:
        """Add one row to the table of an entity, without what the entity does not have."""
        columns = self.contract.entity(entity).column_names
        kept = {name: text for name, text in texts.items() if name in columns}
        self.collectors[entity].add(kept, line=record.line, text=record.text)

    def term(self, code: str | None) -> str | None:
        """SHORT or LONG where the codes say so, '' where they are silent, null without codes."""
        if code is None:
            return None
        terms = self.contract.mappings["terms"]
        return next((terms[part] for part in codes_of(code) if part in terms), "")

    def unknown_level(self, table: Table, cells: list[str], record: Record) -> None:
        """Say that a row's level of detail is none that the contract knows."""
        word = table.cell(cells, "datadiscriminator")
        self.broken(
            "level_of_detail_known",
            f"a row {word!r} in {table.section}",
            record,
            account=self.account,
        )

    def unknown_type(self, words: str, record: Record) -> str:
        """Say that a type is not known; the transaction is of type OTHER."""
        self.broken("transaction_type_known", words, record, account=self.account)
        return "OTHER"

    def tell(self, rule: str, observed: str) -> None:
        """Say that the file breaks a rule in no place of its own."""
        self.violations.append(
            self.contract.violation(rule, file_name=self.file.file_name, observed=observed)
        )

    def broken(
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
        """Say that a rule is broken."""
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


def period_of(text: str) -> tuple[date, date] | None:
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


def codes_of(text: str) -> list[str]:
    """The codes of a cell such as `C;LD`."""
    return [part.strip() for part in text.replace(",", ";").split(";") if part.strip()]
