"""What the downloads of custodians' client sites have in common, whichever custodian it is.

Belongs here: the walk over an export's lines with its headers, sections, rows and findings; a
file's date with where it was stated; the account at the end of a title; total rows. Does not belong
here: anything of one custodian (schwab_exports, fidelity_exports, etrade_exports). Source of the
rules: the contracts of those feeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import pyarrow as pa

from data_contracts.contract import AsOfSource, Entity, FeedContract, entity_columns
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.delimited import Record, records
from python_steps.feeds.headers import Binding, bind, fingerprint, normalised
from python_steps.feeds.identifiers import is_account_reference
from python_steps.feeds.keys import duplicate_keys
from python_steps.feeds.received import FileReading, ReceivedFile, status_of
from python_steps.feeds.tables import RowCollector
from python_steps.findings import Scope, Severity, Violation

# Lines


def filled_records(content: bytes) -> list[Record]:
    """Every line with text in it; blank and comma-padded ones say nothing.

    Args:
        content: UTF-8 with plain line ends.
    """
    return [record for record in records(content.decode("utf-8")) if is_filled(record)]


def is_filled(record: Record) -> bool:
    """False for a line that holds nothing but commas and white space."""
    return bool(record.problem) or any(cell.strip() for cell in record.cells)


def unquoted(record: Record) -> str:
    """How a violation names a row it cannot place: by its shape, never by its words.

    A title, a memo or a row out of place may hold a person's name or a number of an account; the
    violation names file and line, where whoever may read them finds the words.
    """
    return f"a row of {counted(len(record.cells), 'cell')}, {unquoted_text(record.text)}"


def unquoted_text(text: str) -> str:
    """The shape of a text that is not quoted, since it may name a person or an account."""
    return counted(len(text.strip()), "character")


def counted(number: int, noun: str) -> str:
    """`1 cell`, `2 cells`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def account_reference(words: str) -> tuple[str, str] | None:
    """Title and reference of an account line such as `Brokerage XXXX-1234`; None without one."""
    title, _, last = words.strip().rpartition(" ")
    if is_account_reference(last):
        return title.strip(), last
    return None


@dataclass(frozen=True)
class StatedDate:
    """The date of a file, as text and value, where it stands, and what contradicts it."""

    text: str | None = None
    value: date | None = None
    source: AsOfSource | None = None
    violations: tuple[Violation, ...] = ()


# Headers


@dataclass(frozen=True)
class RowReader:
    """Reads cells under one header: the binding of each entity whose columns it carries.

    Attributes:
        bindings: by entity.
        width: number of columns.
        names: of all columns, normalised, also of those that no entity loads.
    """

    bindings: Mapping[str, Binding]
    width: int
    names: tuple[str, ...]

    def fitted(self, record: Record) -> list[str] | None:
        """The cells of a row, one for each column; None where there are more or fewer.

        Surplus empty cells at its end are dropped: some exports end their rows with a comma.
        """
        cells = list(record.cells)
        while len(cells) > self.width and not cells[-1].strip():
            cells.pop()
        return cells if len(cells) == self.width and not record.problem else None

    def texts(self, entity: str, cells: Sequence[str]) -> dict[str, str]:
        """The bound columns of an entity as received; a cell that a short row lacks is ''."""
        return {
            name: cells[place] if place < len(cells) else ""
            for name, place in self.bindings[entity].places.items()
        }

    def named(self, cells: Sequence[str], name: str) -> str:
        """The cell under a column that no entity loads, '' where there is no such column."""
        if name not in self.names or self.names.index(name) >= len(cells):
            return ""
        return cells[self.names.index(name)].strip()


def bind_header(
    record: Record, entities: Sequence[Entity], contract: FeedContract, file: ReceivedFile
) -> tuple[RowReader, str, list[Violation]]:
    """Bind one header for several entities, which share its cells.

    Returns:
        The reader of rows, the header's fingerprint, and its violations (unknown columns once).
    """
    ignored = {normalised(name) for name in contract.ignored_columns}
    for entity in entities:
        for column in entity.columns:
            ignored |= {normalised(spelling) for spelling in column.aliases}
    bindings: dict[str, Binding] = {}
    violations: list[Violation] = []
    for entity in entities:
        binding = bind(
            record.cells,
            entity,
            contract,
            file_name=file.file_name,
            row=record.line,
            ignored=sorted(ignored),
        )
        bindings[entity.name] = binding
        violations += [found for found in binding.violations if found not in violations]
    unknown_seen: set[str | None] = set()
    distinct = []
    for found in violations:
        if found.rule == "unknown_column":
            if found.observed in unknown_seen:
                continue
            unknown_seen.add(found.observed)
        distinct.append(found)
    first = bindings[entities[0].name]
    known = {fingerprint(header.columns) for header in contract.known_headers}
    if first.fingerprint not in known:
        distinct.append(
            contract.violation(
                "header_known",
                file_name=file.file_name,
                row=record.line,
                observed=f"a header with fingerprint {first.fingerprint}",
                expected="one of the eras "
                + ", ".join(header.era for header in contract.known_headers),
            )
        )
    names = tuple(normalised(cell) for cell in record.cells[: first.width])
    return RowReader(bindings, first.width, names), first.fingerprint, distinct


# Totals


@dataclass
class ControlSum:
    """The sum of a column's rows, to be held against the total row of the file."""

    column: str
    total: Decimal = Decimal(0)
    rows: int = 0
    is_complete: bool = True

    def add(self, text: str | None) -> None:
        """Add a cell; one without an amount makes the sum incomparable."""
        amount = parse_amount(text or "")
        if amount is None:
            self.is_complete = False
            return
        self.total += amount
        self.rows += 1

    def difference(self, text: str | None, tolerance_per_row: Decimal) -> Decimal | None:
        """Stated total minus sum where it is beyond tolerance; None where it is not."""
        stated = parse_amount(text or "")
        if stated is None or not self.is_complete:
            return None
        difference = stated - self.total
        return difference if abs(difference) > tolerance_per_row * max(self.rows, 1) else None


# The walk


class ExportWalk:
    """Collects the rows of one export, and what is wrong with it.

    The reader of an export says what each line is; this holds what all of them do with a header, a
    row, a total and a broken rule.
    """

    # Whether a table without rows is a fact of its own: that the file delivers it, and has none.
    lands_empty_tables = True
    # The entity of which an export without others speaks.
    only_entity: str | None = None

    def __init__(
        self, file: ReceivedFile, contract: FeedContract, as_of: StatedDate | None = None
    ) -> None:
        self.file = file
        self.contract = contract
        self.as_of = as_of or StatedDate()
        self.violations: list[Violation] = list(self.as_of.violations)
        self.collectors = {name: RowCollector(entity) for name, entity in contract.entities.items()}
        self.fingerprint: str | None = None
        self.has_bad_header = False
        self.row_count = 0

    @property
    def current_account(self) -> str:
        """The account whose rows come now; '' where none is certain."""
        return ""

    @property
    def current_security(self) -> str:
        """The security of which the whole export speaks; '' where it speaks of several."""
        return ""

    @property
    def currency(self) -> str:
        """The one currency of the export."""
        return self.contract.mappings["constants"]["currency"]

    def bind(self, header: Record, entities: Sequence[str]) -> RowReader | None:
        """Bind a header for some entities; None where rows must not be read with it."""
        reader, name, found = bind_header(
            header, [self.contract.entity(each) for each in entities], self.contract, self.file
        )
        self.fingerprint = self.fingerprint or name
        told = {(each.rule, each.observed) for each in self.violations}
        self.violations += [each for each in found if (each.rule, each.observed) not in told]
        is_usable = all(each.severity != "block" for each in found)
        self.has_bad_header |= not is_usable
        return reader if is_usable else None

    def add(self, entity: str, values: Mapping[str, str | None], record: Record) -> None:
        """Add one row to the table of an entity."""
        self.collectors[entity].add(values, line=record.line, text=record.text)

    # What is broken

    def broken(
        self,
        rule: str,
        observed: str,
        at: Record | int | None = None,
        *,
        expected: str | None = None,
        entity: str | None = None,
        account: str | None = None,
        security: str | None = None,
        scope: Scope | None = None,
        severity: Severity | None = None,
    ) -> None:
        """Say that a rule is broken.

        What concerns an account is held against the account at hand where no other is named: a
        rule that stops an account and names none would stop nobody.
        """
        where = scope or self.contract.rules[rule].scope
        whose = account or (self.current_account if where != "feed" else "")
        self.violations.append(
            self.contract.violation(
                rule,
                file_name=self.file.file_name,
                row=at.line if isinstance(at, Record) else at,
                observed=observed,
                expected=expected,
                entity=entity or self.only_entity,
                account_number=whose or None,
                security_key=security or self.current_security or None,
                scope=scope,
                severity=severity,
            )
        )

    def ragged(
        self,
        record: Record,
        width: int | None = None,
        *,
        entity: str | None = None,
        account: str | None = None,
        observed: str = "",
    ) -> None:
        """A row that cannot be read, at the scope of its account where that is certain.

        One without a single digit is no cut row but the header or the title of another table.
        """
        if not record.problem and record.cells and not holds_digits(record):
            self.broken("section_understood", f"{unquoted(record)}, no row of this table", record)
            return
        whose = self.current_account if account is None else account
        is_certain = bool(whose) and not record.problem
        own_scope = self.contract.rules["ragged_row"].scope
        self.broken(
            "ragged_row",
            observed or record.problem or unquoted(record),
            record,
            expected=None if width is None else f"{counted(width, 'cell')}, as the header has",
            entity=entity,
            account=whose,
            scope=("account" if own_scope == "feed" else own_scope) if is_certain else "feed",
        )

    def compare(
        self,
        control: ControlSum,
        stated: str,
        place: str,
        at: Record | int,
        *,
        noun: str = "row",
        entity: str | None = None,
    ) -> None:
        """Hold a total that the file states against the sum of its rows."""
        tolerance = self.contract.tolerance("control_total")
        if control.difference(stated, tolerance) is None:
            return
        self.broken(
            "control_total",
            f"{place} of {stated.strip()}",
            at,
            expected=f"{control.total}, the sum of {counted(control.rows, noun)}",
            entity=entity,
        )

    def identical(self, seen: dict[str, int], record: Record, entity: str) -> None:
        """Tell of a row that repeats another to the letter; such rows are kept, both."""
        if record.text in seen:
            self.broken(
                "identical_rows", f"the same row as row {seen[record.text]}", record, entity=entity
            )
        seen.setdefault(record.text, record.line)

    # The reading

    def tables(self) -> dict[str, pa.Table]:
        """The canonical tables of what was read so far."""
        return {
            name: collector.table(entity_columns(name))
            for name, collector in self.collectors.items()
        }

    def file_reading(
        self,
        accounts: Iterable[str],
        *,
        control_amount: Decimal | None = None,
        covered: tuple[date | None, date | None] = (None, None),
    ) -> FileReading:
        """The reading of the whole file, with the keys that stand in it more than once."""
        tables = self.tables()
        for name, table in tables.items():
            self.violations += duplicate_keys(
                table, self.contract.entity(name), self.contract, file_name=self.file.file_name
            )
        status = status_of(self.violations)
        landed = {
            name: table
            for name, table in tables.items()
            if status == "LOADED" and (table.num_rows or self.lands_empty_tables)
        }
        return FileReading(
            feed=self.contract.feed,
            stated_as_of_date=self.as_of.value,
            as_of_source=self.as_of.source,
            session_date=None,
            header_fingerprint=self.fingerprint,
            parser_version=self.contract.parser_version,
            delivery_mode=self.contract.delivery_mode,
            tables=landed,
            covered_accounts=tuple(sorted({account for account in accounts if account})),
            row_count=self.row_count,
            control_row_count=None,
            control_amount=control_amount,
            violations=tuple(self.violations),
            status=status,
            covered_from_date=covered[0],
            covered_to_date=covered[1],
        )


def holds_digits(record: Record) -> bool:
    """False for a line of words alone: the header of a table, a title."""
    return any(character.isdigit() for character in record.text)


# Sections by account


@dataclass
class Section:
    """The lines of one account: its title, its header, its rows so far, its total."""

    account: str
    line: int
    title: str = ""
    is_titled: bool = True
    reader: RowReader | None = None
    sums: dict[str, ControlSum] = field(default_factory=dict)
    row_count: int = 0
    has_total: bool = False
    is_empty: bool = False
    stated: Decimal | None = None

    def sum_of(self, column: str) -> ControlSum:
        """The running sum of a column."""
        return self.sums.setdefault(column, ControlSum(column))


class SectionWalk(ExportWalk):
    """An export of one account or of several, one section behind the other."""

    def __init__(
        self, file: ReceivedFile, contract: FeedContract, as_of: StatedDate | None = None
    ) -> None:
        super().__init__(file, contract, as_of)
        self.sections: list[Section] = []

    @property
    def last(self) -> Section | None:
        """The section at hand."""
        return self.sections[-1] if self.sections else None

    @property
    def current_account(self) -> str:
        """The account of the section at hand."""
        return self.sections[-1].account if self.sections else ""

    def open_section(self, section: Section) -> Section:
        """Begin the lines of an account; a reference that comes twice may fit two accounts."""
        if section.account and any(each.account == section.account for each in self.sections):
            self.broken(
                "account_reference_unique",
                f"a second section for {section.account}",
                section.line,
                account=section.account,
            )
        self.sections.append(section)
        return section

    def bind_section(self, header: Record, entities: Sequence[str], section: Section) -> None:
        """Bind the header of a section, which has one."""
        if section.reader is not None:
            self.broken("section_understood", "a second header in one section", header)
        section.reader = self.bind(header, entities)

    def row_cells(
        self, record: Record, section: Section, reader: RowReader, entity: str
    ) -> list[str] | None:
        """The cells of one more row of a section; None for one that does not fit, which is told."""
        section.row_count += 1
        self.row_count += 1
        cells = reader.fitted(record)
        if cells is None:
            self.ragged(record, reader.width, entity=entity)
        return cells

    def section_reading(
        self, *, covered: tuple[date | None, date | None] = (None, None)
    ) -> FileReading:
        """The reading of all sections; the total is stated where each of them states one."""
        stated = [section.stated for section in self.sections if section.stated is not None]
        return self.file_reading(
            (section.account for section in self.sections),
            control_amount=sum(stated, Decimal(0))
            if stated and len(stated) == len(self.sections)
            else None,
            covered=covered,
        )
