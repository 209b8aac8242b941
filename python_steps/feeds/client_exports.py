"""What the downloads of custodians' client sites have in common, whichever custodian it is.

Belongs here: a file's date with where it was stated, an account reference at the end of a title,
the cells of a row under a header that several entities share, and the comparison with total rows.
Does not belong here: anything of one custodian (schwab_exports, fidelity_exports, etrade_exports).
Source of the rules: the contracts of those feeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from data_contracts.contract import AsOfSource, Entity, FeedContract
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.delimited import Record
from python_steps.feeds.headers import Binding, bind, fingerprint, normalised
from python_steps.feeds.identifiers import is_account_reference
from python_steps.feeds.received import ReceivedFile
from python_steps.findings import Violation


@dataclass(frozen=True)
class StatedDate:
    """The date of a file, as text and value, where it stands, and what contradicts it."""

    text: str | None
    value: date | None
    source: AsOfSource | None
    violations: tuple[Violation, ...]


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
class RowReader:
    """Reads cells under one header: the binding of each entity whose columns it carries."""

    bindings: Mapping[str, Binding]
    width: int

    def texts(self, entity: str, cells: Sequence[str]) -> dict[str, str]:
        """The bound columns of an entity as received; a cell that a short row lacks is ''."""
        return {
            name: cells[place] if place < len(cells) else ""
            for name, place in self.bindings[entity].places.items()
        }


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
    return RowReader(bindings, first.width), first.fingerprint, distinct


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
