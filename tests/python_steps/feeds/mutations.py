"""What may happen to a file on its way, and what must then be true of its reading.

Belongs here: mutations of bytes and the one assertion on them. Does not belong here: files and
layouts. A mutated file lands the same facts, or is refused or flagged beyond what the good file's
reading says; where the layout states no count of rows (the reading says so by the rule
control_total_present), whole rows may be missing or doubled, but none may read differently.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from data_contracts.contract import FeedContract, load_contracts
from python_steps.feeds.reading import read_file
from python_steps.feeds.received import FileReading, ReceivedFile
from tests.python_steps.feeds.files import SESSION, facts


@dataclass(frozen=True)
class GoodFile:
    """A file that lands."""

    custodian: str
    name: str
    content: bytes
    session: date = SESSION

    def read(self, content: bytes | None = None) -> FileReading:
        chosen = self.content if content is None else content
        return read_file(ReceivedFile(self.custodian, self.name, chosen), self.session)


def cuts(content: bytes, step: int = 1) -> Iterator[tuple[str, bytes]]:
    """The file cut at every byte, or at every so many."""
    for place in range(0, len(content), step):
        yield f"cut at byte {place}", content[:place]


def line_mutations(content: bytes, *, moved: bool = True) -> Iterator[tuple[str, bytes]]:
    """Each line missing, doubled, moved to the end, or alone cut short.

    A whole row that was moved to another account's section cannot be told by any reader of a
    layout without totals: such files are not to be tried with `moved`.
    """
    lines = content.splitlines(keepends=True)
    for place, line in enumerate(lines):
        rest = [*lines[:place], *lines[place + 1 :]]
        yield f"line {place + 1} missing", b"".join(rest)
        yield f"line {place + 1} twice", b"".join([*lines[: place + 1], line, *rest[place:]])
        if moved:
            yield f"line {place + 1} last", b"".join([*rest, line])
        half = line.rstrip(b"\r\n")[: len(line) // 2] + b"\n"
        yield f"line {place + 1} halved", b"".join([*lines[:place], half, *lines[place + 1 :]])


def encodings(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The same text in other bytes: it must land the same facts."""
    text = content.decode("utf-8-sig")
    plain = text.replace("\r\n", "\n")
    yield "utf-8 with mark", b"\xef\xbb\xbf" + text.encode()
    yield "utf-16", text.encode("utf-16")
    yield "utf-16 big end", b"\xfe\xff" + text.encode("utf-16-be")
    yield "line feeds", plain.encode()
    yield "carriage returns and line feeds", plain.replace("\n", "\r\n").encode()
    yield "mixed line ends", plain.replace("\n", "\r\n", plain.count("\n") // 2).encode()


def separators(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Another separator, and commas for decimal points, as spreadsheets of other countries save."""
    for name, separator in (("semicolons", b";"), ("tabs", b"\t"), ("strokes", b"|")):
        yield name, content.replace(b",", separator)
    yield "decimal commas", content.replace(b".", b"#").replace(b",", b".").replace(b"#", b",")
    yield "no quotes", content.replace(b'"', b"")


def reordered(content: bytes, first: int, order: list[int]) -> bytes:
    """Columns of all rows from line `first` on (1-based) in another order."""
    lines = content.decode().splitlines()
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for line in lines[: first - 1]:
        out.write(line + "\n")
    for cells in csv.reader(lines[first - 1 :]):
        padded = [*cells, *[""] * (len(order) - len(cells))]
        writer.writerow([padded[place] for place in order] if cells else [])
    return out.getvalue().encode()


def said(reading: FileReading) -> Counter[tuple[str, str, str | None]]:
    """All that a reading says is wrong; a total that does not foot is another one by its sum."""
    return Counter((found.rule, found.observed, found.expected) for found in reading.violations)


def fits_contract(contract: FeedContract, entity: str, row: dict[str, str | None]) -> bool:
    """True where the suite of the contract would find nothing wrong with a row."""
    for column in contract.entity(entity).columns:
        text = (row.get(column.name) or "").strip()
        if text in contract.null_words:
            if not column.is_nullable:
                return False
            continue
        forms = [contract.type_patterns.get(column.type, ""), column.pattern]
        if any(form and not re.search(form, text) for form in forms):
            return False
        if column.allowed and text not in column.allowed:
            return False
    return True


def assert_same_or_told(good: GoodFile, changed: bytes, what: str) -> None:
    """The one rule of all mutations."""
    original, reading = good.read(), good.read(changed)
    assert facts(original), "the good file must land"
    for found in reading.violations:
        assert found.rule in found.message, what
        assert good.name in found.message, what
        assert "expected" in found.message, what
    assert (reading.tables == {}) or reading.status == "LOADED", what
    before, after = facts(original), facts(reading)
    if before == after:
        return
    told = said(reading) - said(original)
    if any(rule != "control_total_present" for rule, _, _ in told):
        return
    contract = load_contracts()[str(reading.feed)]
    strange = {
        entity: [
            dict(row)
            for row in set(after[entity]) - set(before.get(entity, {}))
            if fits_contract(contract, entity, dict(row))
        ]
        for entity in after
    }
    if not any(strange.values()) and any(set(after[e]) - set(before.get(e, {})) for e in after):
        return  # the suite of the contract tells
    has_no_count = any(found.rule == "control_total_present" for found in reading.violations)
    assert has_no_count, f"a silent difference after {what}"
    for entity, rows in strange.items():
        assert not rows, f"a row of {entity} that reads differently after {what}: {rows[0]}"
