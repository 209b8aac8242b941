"""Delimited lines to a table of text with exact line numbers.

Belongs here: splitting of comma-separated lines into cells, fast where the file allows it, exact
everywhere: each row keeps its physical line and its text as received. Does not belong here: what
the columns mean. Rows that cannot be split safely are handed back, never dropped.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

Positions = NDArray[np.int64]

_LINE_FEED, _QUOTE, _COMMA = b'\n",'
# Work on whole files is done in windows of this size, so that it costs little memory beside them.
_WINDOW_BYTES = 1 << 26


@dataclass(frozen=True)
class Record:
    """One record: its cells, its first physical line (1-based) and its text.

    `problem` says why the record cannot be split; its cells are then empty.
    """

    cells: list[str]
    line: int
    text: str
    problem: str = ""


@dataclass(frozen=True)
class DelimitedRows:
    """Rows of the wanted width and the records that do not have it.

    Attributes:
        columns: one array of text for each place of the row.
        line_numbers: physical lines, int64.
        texts: the rows as received, without line end.
        ragged: records that have another number of cells or broken quotes.
    """

    columns: list[pa.ChunkedArray]
    line_numbers: pa.Array
    texts: pa.ChunkedArray
    ragged: list[Record]

    @property
    def record_count(self) -> int:
        """Records found, readable or not."""
        return len(self.line_numbers) + len(self.ragged)


def records(text: str, *, first_line: int = 1) -> Iterator[Record]:
    """Each record of comma-separated text; blank lines are skipped.

    A record whose quotes are broken is yielded with its problem and without cells.
    """
    lines = list(io.StringIO(text, newline="\n"))
    reader = csv.reader(iter(lines), strict=True)
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
        if cells or problem:
            yield Record(cells, first_line + start, taken, problem)


def read_rows(
    content: bytes, width: int, *, start: int = 0, stop: int | None = None, first_line: int = 1
) -> DelimitedRows:
    """Split the lines after a header.

    Args:
        content: UTF-8 with plain line ends.
        width: number of cells of the header.
        start: byte at which the rows begin.
        stop: byte at which they end; the end of `content` when not given.
        first_line: physical line at which the rows begin.

    Returns:
        All rows; surplus empty cells at the end of a row are dropped, any other difference from
        `width` makes the record ragged.
    """
    end = len(content) if stop is None else stop
    fast = _read_fast(content, width, start, end, first_line)
    return fast if fast is not None else _read_exact(content[start:end], width, first_line)


def _read_fast(
    content: bytes, width: int, start: int, stop: int, first_line: int
) -> DelimitedRows | None:
    """The whole text at once; None where a line is not exactly one row of `width` cells."""
    starts, ends = _line_bounds(content, start, stop)
    filled = np.flatnonzero(ends > starts)
    if not len(filled) or _has_misplaced_quote(content, start, stop):
        return None
    names = [f"c{place}" for place in range(width)]
    try:
        table = pacsv.read_csv(
            pa.BufferReader(pa.py_buffer(content).slice(start, stop - start)),
            read_options=pacsv.ReadOptions(column_names=names, block_size=1 << 24),
            parse_options=pacsv.ParseOptions(newlines_in_values=False, ignore_empty_lines=True),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != len(filled):
        return None
    return DelimitedRows(
        columns=[table[name] for name in names],
        line_numbers=pa.array(filled + first_line, type=pa.int64()),
        texts=_texts(content, starts[filled], ends[filled]),
        ragged=[],
    )


def _has_misplaced_quote(content: bytes, start: int, stop: int) -> bool:
    """A quote that neither begins nor ends a cell; only the strict reader may judge such lines.

    Doubled quotes inside a cell count as misplaced too: they are rare and the strict reader is
    right about them.
    """
    if content.find(b'"', start, stop) < 0:
        return False
    window = np.frombuffer(content, dtype=np.uint8, count=stop - start, offset=start)
    quotes = np.flatnonzero(window == _QUOTE)
    fenced = np.full(len(window) + 2, _LINE_FEED, dtype=np.uint8)
    fenced[1:-1] = window
    before, after = fenced[quotes], fenced[quotes + 2]
    begins = (before == _COMMA) | (before == _LINE_FEED)
    ends = (after == _COMMA) | (after == _LINE_FEED)
    return not bool(np.all(begins | ends))


def _line_bounds(content: bytes, start: int, stop: int) -> tuple[Positions, Positions]:
    """Byte positions at which lines start and end (line feed not included)."""
    whole = np.frombuffer(content, dtype=np.uint8, count=stop - start, offset=start)
    found = [
        np.flatnonzero(whole[first : first + _WINDOW_BYTES] == _LINE_FEED) + (start + first)
        for first in range(0, len(whole), _WINDOW_BYTES)
    ]
    feeds = np.concatenate([np.empty(0, dtype=np.int64), *found])
    starts = np.concatenate([np.array([start], dtype=np.int64), feeds + 1])
    ends = np.concatenate([feeds, np.array([stop], dtype=np.int64)])
    return starts, ends


def _texts(content: bytes, starts: Positions, ends: Positions) -> pa.ChunkedArray:
    """The lines as text, in chunks; what lies between two lines is line feeds only."""
    chunks: list[pa.Array] = []
    first = 0
    while first < len(starts):
        base = int(starts[first])
        last = int(np.searchsorted(ends, base + _WINDOW_BYTES, side="right"))
        last = min(max(last, first + 1), len(starts))
        offsets = np.zeros(last - first + 1, dtype=np.int32)
        np.cumsum(ends[first:last] - starts[first:last], out=offsets[1:])
        lines = content[base : int(ends[last - 1])].replace(b"\n", b"")
        chunks.append(
            pa.Array.from_buffers(
                pa.string(), last - first, [None, pa.py_buffer(offsets), pa.py_buffer(lines)]
            )
        )
        first = last
    return pa.chunked_array(chunks, type=pa.string())


def _read_exact(content: bytes, width: int, first_line: int) -> DelimitedRows:
    good: list[Record] = []
    ragged: list[Record] = []
    for record in records(content.decode("utf-8"), first_line=first_line):
        while len(record.cells) > width and not record.cells[-1].strip():
            record.cells.pop()
        fits = len(record.cells) == width and not record.problem
        (good if fits else ragged).append(record)
    return DelimitedRows(
        columns=[
            pa.chunked_array([pa.array([record.cells[place] for record in good], pa.string())])
            for place in range(width)
        ],
        line_numbers=pa.array([record.line for record in good], type=pa.int64()),
        texts=pa.chunked_array([pa.array([record.text for record in good], pa.string())]),
        ragged=ragged,
    )
