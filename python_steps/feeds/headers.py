"""Binding of received header cells to canonical columns by name, never by place.

Belongs here: normalising of header cells, aliases, fingerprints, and the violations of a header.
Does not belong here: rows. Source of the rule: custodians rename and reorder columns several times
a year, so a column is found by its name or one of the aliases of the contract.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from data_contracts.contract import Entity, FeedContract
from python_steps.findings import Violation


def normalised(cell: str) -> str:
    """A header cell in lower case, without surrounding and repeated white space."""
    return " ".join(cell.split()).lower()


def fingerprint(cells: Sequence[str]) -> str:
    """Sixteen hexadecimal digits that name a header: its normalised cells in their order."""
    joined = "|".join(normalised(cell) for cell in cells)
    return hashlib.sha256(joined.encode("utf-8")).hexdigest()[:16]


_FEWEST_NAMES = 2


@dataclass(frozen=True)
class Binding:
    """Where each canonical column stands in a row.

    Attributes:
        places: canonical column to its place in the row, 0-based.
        width: number of header cells, without empty ones at the end.
        fingerprint: of the header.
        violations: of this header; a blocking one means that rows must not be read with it.
    """

    places: dict[str, int]
    width: int
    fingerprint: str
    violations: tuple[Violation, ...]

    @property
    def is_usable(self) -> bool:
        """True when no violation of the header blocks."""
        return all(found.severity != "block" for found in self.violations)


def bind(
    cells: Sequence[str],
    entity: Entity,
    contract: FeedContract,
    *,
    file_name: str,
    row: int,
    ignored: Sequence[str] = (),
) -> Binding:
    """Find each column of an entity in a header.

    Args:
        cells: the header as received; empty cells at its end are dropped.
        entity: whose columns are wanted.
        contract: for its rules.
        file_name: for messages.
        row: physical line of the header.
        ignored: normalised names of columns that are known and not loaded.
    """
    names = [normalised(cell) for cell in cells]
    while names and not names[-1]:
        names.pop()
    violations: list[Violation] = []
    wanted = {
        normalised(spelling): column.name
        for column in entity.columns
        for spelling in (column.name, *column.aliases)
    }
    places: dict[str, int] = {}
    unknown: list[str] = []
    for place, name in enumerate(names):
        canonical = wanted.get(name)
        if canonical is None:
            if name not in ignored:
                unknown.append(cells[place])
        elif canonical in places:
            violations.append(
                contract.violation(
                    "duplicate_column",
                    file_name=file_name,
                    entity=entity.name,
                    row=row,
                    observed=f"column {cells[place]!r} a second time",
                )
            )
        else:
            places[canonical] = place
    # A line that names next to nothing is no header but a line of another kind in its place, which
    # may hold a person's name: it is not quoted.
    is_header = len(places) + sum(name in ignored for name in names if name) >= _FEWEST_NAMES
    violations += [
        contract.violation(
            "unknown_column",
            file_name=file_name,
            entity=entity.name,
            row=row,
            observed=_named(cell, is_header=is_header),
        )
        for cell in unknown
    ]
    shown = ", ".join(names) or "no names at all"
    if not is_header and names:
        shown = f"{len(names)} cells that are no names of columns"
    missing = [
        column.name for column in entity.columns if column.is_required and column.name not in places
    ]
    violations += [
        contract.violation(
            "required_column",
            file_name=file_name,
            entity=entity.name,
            row=row,
            observed=f"no column {name!r} among {shown}",
            expected=f"a column {name!r}",
        )
        for name in missing
    ]
    return Binding(places, len(names), fingerprint(names), tuple(violations))


def _named(cell: str, *, is_header: bool) -> str:
    if not cell.strip():
        return "a column without a name"
    return f"column {cell!r}" if is_header else f"a column of {len(cell.strip())} characters"
