"""The lines of a mapped file, told apart by their records and joined with their continuations.

Belongs here: decoding as the layout says, splitting of lines, which record a line is, A/B records.
Does not belong here: what the fields mean (`mapped_columns`), totals and dates (`mapped_feed`).
A line that no record claims is a violation, never dropped.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from data_contracts.contract import FeedContract
from data_contracts.layout import FileLayout, Layout, RecordLayout
from python_steps.feeds.decoding import decode
from python_steps.feeds.fixed_width import physical_lines
from python_steps.feeds.headers import normalised
from python_steps.feeds.received import ReceivedFile
from python_steps.feeds.recognition import beginning
from python_steps.findings import Violation

# What fields are read from: a fixed-width line, or the cells of a delimited one.
Part: TypeAlias = str | Sequence[str]
# A row's line and its continuations, None where one is not there.
Parts: TypeAlias = Sequence[Part | None]

_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_EBCDIC = ("cp037", "cp500")
_SEVERAL_BYTES = ("utf-8", "utf-16", "shift_jis")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its physical number, its text, and what its fields are read from."""

    number: int
    text: str
    part: Part
    problem: str = ""


@dataclass(slots=True)
class Row:
    """A line of a record of rows with its continuations, None where one is not there."""

    line: Line
    parts: list[Part | None]
    texts: list[str]


@dataclass
class MappedLines:
    """All lines of a file by what they are."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    names: Line | None = None
    header: Line | None = None
    trailer: Line | None = None
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)


def file_layout_of(file: ReceivedFile, layout: Layout) -> FileLayout | None:
    """The kind of file, by name and first line; None where the layout describes no such file."""
    lines = beginning(file).lstrip("\ufeff").splitlines()
    first_line = next((line for line in lines if line.strip()), "")
    for one in layout.files.values():
        by_name = not one.file_names or re.match(one.file_names, file.file_name.lower())
        by_line = not one.first_line or re.search(one.first_line, first_line)
        if by_name and by_line:
            return one
    return None


def text_of(
    file: ReceivedFile, layout: FileLayout, contract: FeedContract
) -> tuple[str | None, list[Violation]]:
    """The file as text with plain line ends, by its mark, the layout's encoding, or as usual.

    A byte order mark is the file's own word and goes before the layout's.
    """
    is_marked = file.content.startswith(_BYTE_ORDER_MARKS)
    if is_marked or not layout.encoding or not file.content.strip(b"\r\n\t \x00"):
        decoded = decode(file, contract)
        text = None if decoded.content is None else decoded.content.decode("utf-8")
        return text, list(decoded.violations)
    return _declared(file, layout, contract)


def _declared(
    file: ReceivedFile, layout: FileLayout, contract: FeedContract
) -> tuple[str | None, list[Violation]]:
    """The text in the encoding that the layout states, or why it cannot be that."""
    wrong, line, whole = "", 1, ""
    try:
        whole = file.content.decode(layout.encoding)
    except UnicodeDecodeError as error:
        wrong = f"{error.reason} at byte {error.start + 1}"
        line = file.content.count(b"\n", 0, error.start) + 1
    else:
        if "\x00" in whole:
            wrong, line = "a NUL character", whole.count("\n", 0, whole.index("\x00")) + 1
        elif layout.encoding not in (*_SEVERAL_BYTES, *_EBCDIC) and _is_utf8(file.content):
            wrong = "characters of several bytes, as UTF-8 writes them"
    if wrong:
        broken = contract.violation(
            "encoding_as_declared",
            file_name=file.file_name,
            row=line,
            observed=wrong,
            expected=layout.encoding,
        )
        return None, [broken]
    if layout.encoding in _EBCDIC:
        whole = whole.replace("\x85", "\n")
    return whole.replace("\r\n", "\n").replace("\r", "\n"), []


def _is_utf8(content: bytes) -> bool:
    """True for text that only UTF-8 explains: beyond ASCII, and whole as UTF-8."""
    if content.isascii():
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def lines_of(
    text: str, layout: FileLayout, file: ReceivedFile, contract: FeedContract
) -> MappedLines:
    """Every line of a file, told by its record.

    Returns:
        Rows by record, header and trailer, and what is wrong with the order of lines, with lines
        that no record claims, and with lines that cannot be split.
    """
    return _Walk(layout, file, contract).walked(text)


class _Walk:
    """The state machine over the lines of one file."""

    def __init__(self, layout: FileLayout, file: ReceivedFile, contract: FeedContract) -> None:
        self.layout = layout
        self.file = file
        self.contract = contract
        self.found = MappedLines(rows={record.name: [] for record in layout.of_role("rows")})
        self.unknown: dict[str, tuple[int, int]] = {}
        self.width: int | None = None
        self.base: tuple[RecordLayout, Row] | None = None
        self.by_type = {one.type: one for one in layout.records.values() if one.type is not None}
        self.by_start = [one for one in layout.records.values() if one.starts_with]
        self.catch_all = next((one for one in layout.records.values() if one.is_catch_all), None)
        self.continuations = {
            base.name: layout.continuations(base) for base in layout.of_role("rows")
        }
        self.places = {
            record.name: place + 1
            for of_base in self.continuations.values()
            for place, record in enumerate(of_base)
        }

    def walked(self, text: str) -> MappedLines:
        """All lines, in their order."""
        for line in self._split(text):
            self._take(line)
        self._end_of_row()
        for word, (number, count) in self.unknown.items():
            times = "" if count == 1 else f", and {count - 1} more of them"
            self._broken("record_type_known", f"a line of type {word!r}{times}", number)
        return self.found

    def _split(self, text: str) -> Iterator[Line]:
        skipped = self.layout.skip_lines
        if self.layout.format == "fixed_width":
            for number, line in physical_lines(text):
                if number > skipped and line.strip():
                    yield Line(number, line, line)
            return
        kept = text.split("\n", skipped)[-1] if text.count("\n") >= skipped else ""
        yield from _delimited(kept, skipped + 1, self.layout.separator, self.layout.quote)

    def _take(self, line: Line) -> None:
        if self.found.trailer is not None:
            observed = f"a line behind the trailer of line {self.found.trailer.number}"
            self._broken("file_complete", observed, line.number)
            return
        record = self._record_of(line)
        if self.layout.has_header and self.found.names is None and _may_be_names(record):
            self._take_names(line)
            return
        if record is None:
            number, count = self.unknown.get(self._word(line), (line.number, 0))
            self.unknown[self._word(line)] = (number, count + 1)
            return
        self.found.counts[record.name] += 1
        if record.role == "continuation":
            self._continue(record, line)
            return
        self._end_of_row()
        if record.role in ("header", "trailer"):
            self._control(record, line)
        elif record.role == "rows" and self._is_whole(record, line):
            row = Row(line, [line.part], [line.text])
            row.parts += [None] * len(self.continuations[record.name])
            self.found.rows[record.name].append(row)
            self.base = (record, row)

    def _take_names(self, line: Line) -> None:
        """The line of names; a header record may stand before it."""
        if line.problem:
            self._broken("ragged_row", line.problem, line.number)
        names = [cell.strip() for cell in line.part]
        while names and not names[-1]:
            names.pop()
        self.width = len(names)
        self.found.names = Line(line.number, line.text, names)

    def _record_of(self, line: Line) -> RecordLayout | None:
        bare = line.text.lstrip(self.layout.quote) if self.layout.quote else line.text
        for record in self.by_start:
            if line.text.startswith(record.starts_with) or bare.startswith(record.starts_with):
                return record
        if self.layout.record_type is not None:
            return self.by_type.get(self._word(line), self.catch_all)
        return self.catch_all

    def _word(self, line: Line) -> str:
        """What tells the record: its type, or the first characters where lines have none."""
        told_by = self.layout.record_type
        if told_by is None:
            return line.text[:3]
        if isinstance(line.part, str):
            return line.part[(told_by.start or 1) - 1 : told_by.end].strip()
        place = (told_by.cell or 1) - 1
        return line.part[place].strip() if place < len(line.part) else ""

    def _is_whole(self, record: RecordLayout, line: Line) -> bool:
        """False, with a violation, for a line whose fields cannot be told apart safely."""
        observed, expected = line.problem, "quotes that are closed"
        if isinstance(line.part, str):
            length = self.layout.record_length
            if length is not None and len(line.part) != length:
                observed, expected = f"{len(line.part)} characters", f"{length} characters"
        else:
            wanted = record.cells if record.cells is not None else self.width
            cells = line.part
            surplus = len(cells) - (wanted or 0)
            if surplus > 0 and not any(cell.strip() for cell in cells[wanted:]):
                surplus = 0
            if not observed and wanted is not None and surplus:
                observed, expected = f"{len(cells)} cells", f"{wanted} cells"
        if observed:
            self._broken("ragged_row", observed, line.number, expected=expected)
        return not observed

    def _control(self, record: RecordLayout, line: Line) -> None:
        if record.role == "trailer":
            self.found.trailer = line
            return
        behind = sum(self.found.counts.values()) > 1 or bool(self.unknown)
        if self.found.header is not None or behind or self.found.names is not None:
            self._broken("file_complete", "a header that is not the first line", line.number)
        self.found.header = line

    def _continue(self, record: RecordLayout, line: Line) -> None:
        if not self._is_whole(record, line):
            return
        if self.base is None or self.base[0].name != record.continues:
            observed = f"a line of {record.name} without a line of {record.continues} before it"
            self._broken("continuation_joined", observed, line.number)
            return
        base, row = self.base
        place = self.places[record.name]
        if row.parts[place] is not None:
            observed = f"a second line of {record.name} for line {row.line.number}"
            self._broken("continuation_joined", observed, line.number)
            return
        for own, other in (record.match or {}).items():
            stated = self._text(record, own, line.part)
            wanted = self._text(base, other, row.line.part)
            if stated != wanted:
                self._broken(
                    "continuation_joined",
                    f"{own} of another record than line {row.line.number}",
                    line.number,
                    expected=f"the same {other} as line {row.line.number}",
                )
                return
        row.parts[place] = line.part
        row.texts.append(line.text)

    def _text(self, record: RecordLayout, name: str, part: Part) -> str:
        one = record.known_fields[name]
        if isinstance(part, str):
            return part[(one.start or 1) - 1 : one.end].strip()
        place = cell_place(one.names, one.cell, self.found.names)
        return part[place].strip() if place is not None and place < len(part) else ""

    def _end_of_row(self) -> None:
        if self.base is None:
            return
        base, row = self.base
        self.base = None
        for record in self.continuations[base.name]:
            if record.is_required and row.parts[self.places[record.name]] is None:
                observed = f"a line of {base.name} without its line of {record.name}"
                self._broken("continuation_joined", observed, row.line.number)

    def _broken(self, rule: str, observed: str, row: int, *, expected: str | None = None) -> None:
        self.found.violations.append(
            self.contract.violation(
                rule,
                file_name=self.file.file_name,
                row=row,
                observed=observed,
                expected=expected,
            )
        )


def _may_be_names(record: RecordLayout | None) -> bool:
    """True for the first line that is no header, trailer or line known to be ignored."""
    return record is None or record.is_catch_all or record.role in ("rows", "continuation")


def cell_place(names: Sequence[str], cell: int | None, line: Line | None) -> int | None:
    """The 0-based cell of a delimited field: by number, or by name in the line of names."""
    if cell is not None:
        return cell - 1
    if line is None:
        return None
    wanted = {normalised(name) for name in names}
    for place, name in enumerate(line.part):
        if normalised(name) in wanted:
            return place
    return None


def _delimited(text: str, first_line: int, separator: str, quote: str) -> Iterator[Line]:
    """Each record of delimited text; blank lines are skipped, broken quotes are told."""
    lines = list(io.StringIO(text, newline="\n"))
    source = iter(lines)
    reader = (
        csv.reader(source, strict=True, delimiter=separator, quotechar=quote)
        if quote
        else csv.reader(source, strict=True, delimiter=separator, quoting=csv.QUOTE_NONE)
    )
    while True:
        start = reader.line_num
        problem, cells = "", []
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problem = f"broken quotes ({error})"
        taken = "".join(lines[start : reader.line_num]).rstrip("\n")
        if problem or any(cell.strip() for cell in cells):
            yield Line(first_line + start, taken, cells, problem)


def mapped_text(
    row: Row,
    layout: FileLayout,
    kept: Mapping[int, set[int]],
    spans: Mapping[int, list[tuple[int, int]]],
) -> str:
    """The row's text with the mapped fields only: personal data beside them is not kept.

    Args:
        row: of a record with personal data.
        layout: of its file.
        kept: of a delimited file, the cells that are mapped, by part.
        spans: of a fixed-width file, first and last column of what is mapped, by part.
    """
    shown = []
    for place, part in enumerate(row.parts):
        if part is None:
            continue
        if isinstance(part, str):
            blank = [" "] * len(part)
            for start, end in spans.get(place, []):
                blank[start - 1 : end] = part[start - 1 : end]
            shown.append("".join(blank).rstrip())
        else:
            cells = [
                cell if number in kept.get(place, set()) else "" for number, cell in enumerate(part)
            ]
            shown.append(layout.separator.join(cells))
    return "\n".join(shown)
