"""Reader of Interactive Brokers Flex Query files, XML and text with header and trailer records.

Belongs here: the document, its date format, and which sections of a statement are read. Does not
belong here: what the rows of a section are (flex_positions, flex_transactions, flex_accounts).
Source of the rules: `ibkr_flex.yaml`; the sections and levels are those of IBKR's Flex Query
reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from data_contracts.contract import AsOfSource, FeedContract, entity_columns
from python_steps.feeds.decoding import decode
from python_steps.feeds.flex_accounts import AccountFacts
from python_steps.feeds.flex_csv import CsvNames, letters, parse_csv_document
from python_steps.feeds.flex_dates import DateFormat, date_format_of
from python_steps.feeds.flex_document import (
    Element,
    FlexDocument,
    FlexDocumentError,
    Statement,
    parse_document,
)
from python_steps.feeds.flex_landing import Landing
from python_steps.feeds.flex_positions import OpenPositions
from python_steps.feeds.flex_transactions import Transactions
from python_steps.feeds.headers import fingerprint
from python_steps.feeds.keys import duplicate_keys
from python_steps.feeds.received import (
    FileReading,
    ReceivedFile,
    refused,
    status_of,
)
from python_steps.feeds.recognition import beginning
from python_steps.findings import Violation

_CONSOLIDATED = "-"


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Read one Flex document, of one or of many accounts.

    Args:
        file: as received.
        contract: of the feed ibkr_flex.

    Returns:
        Accounts, securities, positions, lots, transactions, cash, rates and corporate actions as
        text, and what is wrong with the file.
    """
    violations: list[Violation] = []
    try:
        document = _document(file, contract, violations)
    except FlexDocumentError as error:
        broken = contract.violation(
            error.rule, file_name=file.file_name, row=error.line, observed=error.observed
        )
        return refused(contract, [*violations, broken])
    if document is None:
        return refused(contract, violations)
    violations += [
        contract.violation(
            doubt.rule, file_name=file.file_name, row=doubt.line, observed=doubt.observed
        )
        for doubt in document.doubts
    ]
    violations += _count_violations(document, file, contract)
    form = _date_format(document, contract)
    if isinstance(form, str):
        broken = contract.violation(
            "date_format_unambiguous", file_name=file.file_name, observed=form
        )
        return refused(contract, [*violations, broken])
    walk = _Walk(file, contract, form)
    walk.landing.violations += violations
    for statement in document.statements:
        walk.statement(statement)
    return walk.reading(document)


def _document(
    file: ReceivedFile, contract: FeedContract, violations: list[Violation]
) -> FlexDocument | None:
    """The document of either format; None where its text cannot be decoded."""
    maximum = int(contract.mappings["limits"]["maximum_bytes"])
    if beginning(file).lstrip().startswith("<"):
        return parse_document(file.content, maximum_bytes=maximum)
    decoded = decode(file, contract)
    violations += decoded.violations
    if decoded.content is None:
        return None
    names = CsvNames(
        sections=contract.mappings["csv_sections"],
        columns={
            **{letters(name): name for name in sorted(_known_attributes(contract))},
            **contract.mappings["csv_columns"],
        },
    )
    return parse_csv_document(decoded.content.decode("utf-8"), names, maximum_bytes=maximum)


def _known_attributes(contract: FeedContract) -> set[str]:
    """Attributes that are loaded, and those that the contract leaves out on purpose."""
    loaded = {
        alias.partition("@")[2]
        for entity in contract.entities.values()
        for column in entity.columns
        for alias in column.aliases
    }
    return loaded | set(contract.ignored_columns)


def _count_violations(
    document: FlexDocument, file: ReceivedFile, contract: FeedContract
) -> list[Violation]:
    found = len(document.statements)
    if found and document.stated_count in (None, found):
        return []
    stated = "at least one" if document.stated_count is None else str(document.stated_count)
    return [
        contract.violation(
            "control_count",
            file_name=file.file_name,
            observed=f"{found} statements",
            expected=f"{stated} statements, as FlexStatements@count says",
        )
    ]


def _date_format(document: FlexDocument, contract: FeedContract) -> DateFormat | str:
    """The one format of all dates; the moment of generation is heard where they leave two."""
    texts = list(_date_texts(document, contract))
    form = date_format_of(texts, contract.date_formats)
    if isinstance(form, DateFormat):
        return form
    generated = [
        statement.element.attributes.get("whenGenerated", "") for statement in document.statements
    ]
    settled = date_format_of([*texts, *generated], contract.date_formats)
    return settled if isinstance(settled, DateFormat) else form


def _date_texts(document: FlexDocument, contract: FeedContract) -> Iterable[str]:
    """Every text that stands in an attribute where the contract expects a date."""
    wanted = {"fromDate", "toDate"} | {
        alias.partition("@")[2]
        for entity in contract.entities.values()
        for column in entity.columns
        if column.type == "date"
        for alias in column.aliases
    }
    for statement in document.statements:
        rows = [row for section in statement.sections.values() for row in section]
        for element in (statement.element, *rows):
            for name in wanted & element.attributes.keys():
                yield element.attributes[name]


class _Walk:
    """Hands the sections of every statement to those who read them."""

    def __init__(self, file: ReceivedFile, contract: FeedContract, form: DateFormat) -> None:
        self.landing = Landing(file, contract, form)
        self.positions = OpenPositions(self.landing)
        self.transactions = Transactions(self.landing)
        self.facts = AccountFacts(self.landing)
        self.accounts: list[str] = []
        self.row_count = 0
        self.known_attributes = _known_attributes(contract)
        self.unknown_attributes: dict[str, set[str]] = {}

    # One statement

    def statement(self, statement: Statement) -> None:
        """All sections of one account's statement."""
        account = statement.element.attributes.get("accountId", "").strip()
        if not account or account == _CONSOLIDATED:
            self.landing.broken(
                "account_reference_present",
                f"a statement of account {account!r}",
                statement.element,
            )
            return
        self.accounts.append(account)
        self._sections(statement, account)
        positions = self._rows(statement, "OpenPositions", account)
        base_currency = self.facts.account(statement, account, positions)
        self.positions.read(positions, account)
        self.transactions.trades(self._rows(statement, "Trades", account), account)
        cash = self._rows(statement, "CashTransactions", account)
        self.transactions.cash_transactions(cash, account)
        self.transactions.transfers(self._rows(statement, "Transfers", account), account)
        balances = self._rows(statement, "CashReport", account)
        self.facts.cash_report(balances, statement, account, base_currency)
        self.facts.rates(statement, positions, base_currency)
        actions = self._rows(statement, "CorporateActions", account)
        self.facts.corporate_actions(actions, account)
        self.facts.securities(statement)

    def _sections(self, statement: Statement, account: str) -> None:
        """Say which sections with rows are not loaded."""
        known = self.landing.contract.mappings["sections"]
        for name, rows in statement.sections.items():
            if not rows or known.get(name) == "loaded":
                continue
            rule = "section_left_out" if name in known else "section_understood"
            self.landing.broken(
                rule, f"section {name} with {len(rows)} rows", rows[0], account=account
            )
        for name, rows in statement.sections.items():
            if known.get(name) == "loaded":
                self._attributes(name, rows)

    def _attributes(self, section: str, rows: Sequence[Element]) -> None:
        """Say once for each section and file which attributes the contract does not know."""
        seen = self.unknown_attributes.setdefault(section, set())
        fresh: dict[str, Element] = {}
        for row in rows:
            for name in row.attributes:
                if name not in self.known_attributes and name not in seen:
                    fresh.setdefault(name, row)
        if fresh:
            seen |= fresh.keys()
            self.landing.broken(
                "unknown_column",
                f"in section {section} the attributes {', '.join(sorted(fresh))}",
                next(iter(fresh.values())),
            )

    def _rows(self, statement: Statement, section: str, account: str) -> list[Element]:
        """The rows of a section that are the account's own, not the consolidated ones."""
        rows = statement.sections.get(section, [])
        own = [row for row in rows if row.attributes.get("accountId", "") != _CONSOLIDATED]
        self.row_count += len(own)
        if len(own) < len(rows):
            rule = "consolidated_rows" if own else "consolidated_rows_only"
            self.landing.broken(
                rule,
                f"{len(rows) - len(own)} consolidated rows in section {section}",
                rows[0],
                account=account,
            )
        return own

    # The whole file

    def _stated(self, document: FlexDocument) -> tuple[date | None, AsOfSource | None]:
        """The report date of the positions, else the last day of the statements."""
        if len(self.positions.report_dates) > 1:
            shown = ", ".join(str(day) for day in sorted(self.positions.report_dates))
            self.landing.violations.append(
                self.landing.contract.violation(
                    "one_report_date",
                    file_name=self.landing.file.file_name,
                    row=max(self.positions.report_dates.values()),
                    observed=f"open positions of {shown}",
                )
            )
        if self.positions.report_dates:
            return max(self.positions.report_dates), "FIELD"
        ends = [
            day
            for statement in document.statements
            if (day := self.landing.form.value(statement.element.attributes.get("toDate", "")))
        ]
        if ends:
            return max(ends), "HEADER"
        self.landing.violations.append(
            self.landing.contract.violation(
                "as_of_date_present",
                file_name=self.landing.file.file_name,
                observed="no reportDate of open positions and no toDate of a statement",
            )
        )
        return None, None

    def reading(self, document: FlexDocument) -> FileReading:
        """The reading of the whole file."""
        contract = self.landing.contract
        stated, source = self._stated(document)
        tables = {
            name: collector.table(entity_columns(name))
            for name, collector in self.landing.collectors.items()
        }
        for name, table in tables.items():
            self.landing.violations += duplicate_keys(
                table, contract.entity(name), contract, file_name=self.landing.file.file_name
            )
        status = status_of(self.landing.violations)
        covered_from, covered_to = self._covered(document)
        return FileReading(
            feed=contract.feed,
            stated_as_of_date=stated,
            as_of_source=source,
            session_date=None,
            header_fingerprint=_fingerprint(document),
            parser_version=contract.parser_version,
            delivery_mode=contract.delivery_mode,
            tables={name: table for name, table in tables.items() if table.num_rows}
            if status == "LOADED"
            else {},
            covered_accounts=tuple(sorted(set(self.accounts))),
            row_count=self.row_count,
            control_row_count=document.stated_count,
            control_amount=None,
            violations=tuple(self.landing.violations),
            status=status,
            covered_from_date=covered_from,
            covered_to_date=covered_to,
        )

    def _covered(self, document: FlexDocument) -> tuple[date | None, date | None]:
        """The days that every statement covers, where the file has sections of transactions."""
        if not any(
            section in statement.sections
            for statement in document.statements
            for section in ("Trades", "CashTransactions", "Transfers")
        ):
            return None, None
        starts, ends = (
            [
                self.landing.form.value(statement.element.attributes.get(name, ""))
                for statement in document.statements
            ]
            for name in ("fromDate", "toDate")
        )
        known = [day for day in starts if day is not None]
        return (
            max(known) if known and len(known) == len(starts) else None,
            min((day for day in ends if day is not None), default=None),
        )


def _fingerprint(document: FlexDocument) -> str:
    """Names which attributes the client's Flex query delivers, whatever their order."""
    names = {
        f"{row.tag}@{name}"
        for statement in document.statements
        for rows in statement.sections.values()
        for row in rows
        for name in row.attributes
    }
    return fingerprint(sorted(names))
