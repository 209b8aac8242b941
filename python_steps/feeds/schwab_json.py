"""Schwab's JSON export of transactions as rows of text with their physical lines.

Belongs here: safe parsing of that document and the place of each row. Does not belong here: what
the rows mean. Layout: an object with FromDate, ToDate, TotalTransactionsAmount and the list
BrokerageTransactions, whose objects have the columns of the CSV as keys and texts as values.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_LIST = "BrokerageTransactions"
_LIST_START = re.compile(rf'"{_LIST}"\s*:\s*\[')
_BETWEEN = re.compile(r"[\s,]*")


class JsonExportError(Exception):
    """The document cannot be read; `line` is None where the whole of it is meant."""

    def __init__(self, observed: str, line: int | None = None) -> None:
        super().__init__(observed)
        self.observed = observed
        self.line = line


@dataclass(frozen=True)
class JsonRow:
    """One transaction: its cells in the order of the export's columns."""

    cells: list[str]
    missing: tuple[str, ...]
    line: int
    text: str


@dataclass(frozen=True)
class BrokerageTransactions:
    """The whole export; `line` is where its list begins."""

    columns: tuple[str, ...]
    rows: tuple[JsonRow, ...]
    from_date: str
    to_date: str
    total: str | None
    line: int


def parse_export(text: str) -> BrokerageTransactions:
    """Parse one export.

    Raises:
        JsonExportError: not JSON, a key twice, or not of this layout.
    """
    decoder = json.JSONDecoder(
        object_pairs_hook=_unique, parse_float=str, parse_int=str, parse_constant=_no_constant
    )
    try:
        document = decoder.decode(text.strip())
    except json.JSONDecodeError as error:
        raise JsonExportError(
            f"JSON that breaks off or is damaged ({error.msg})", error.lineno
        ) from error
    except RecursionError as error:
        raise JsonExportError("JSON nested beyond all measure") from error
    listed = document.get(_LIST) if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise JsonExportError(f"a document without the list {_LIST}")
    if not all(isinstance(row, dict) for row in listed):
        raise JsonExportError(f"a list {_LIST} with other things than transactions")
    columns = tuple(dict.fromkeys(name for row in listed for name in row))
    start = _LIST_START.search(text)
    if start is None:
        raise JsonExportError(f"the key {_LIST} in an odd spelling")
    return BrokerageTransactions(
        columns=columns,
        rows=tuple(_rows(text, start.end(), listed, columns, decoder)),
        from_date=_text(document.get("FromDate"), "FromDate"),
        to_date=_text(document.get("ToDate"), "ToDate"),
        total=_text(document["TotalTransactionsAmount"], "TotalTransactionsAmount")
        if document.get("TotalTransactionsAmount") is not None
        else None,
        line=text.count("\n", 0, start.start()) + 1,
    )


def _rows(
    text: str,
    start: int,
    listed: list[dict[str, Any]],
    columns: tuple[str, ...],
    decoder: json.JSONDecoder,
) -> list[JsonRow]:
    """The rows again, one by one, for the line at which each begins."""
    found: list[JsonRow] = []
    place, line, counted = start, text.count("\n", 0, start) + 1, start
    for row in listed:
        gap = _BETWEEN.match(text, place)
        place = gap.end() if gap else place
        line += text.count("\n", counted, place)
        counted = place
        _, end = decoder.raw_decode(text, place)
        found.append(
            JsonRow(
                cells=[_text(row.get(name), name) for name in columns],
                missing=tuple(name for name in columns if name not in row),
                line=line,
                text=" ".join(text[place:end].split()),
            )
        )
        place = end
    return found


def _text(value: object, name: str) -> str:
    """A value as text; null is an empty cell."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise JsonExportError(f"{name} with a value that is neither text nor number")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise JsonExportError(f"the key {twice!r} twice in one object")
    return found


def _no_constant(word: str) -> str:
    raise JsonExportError(f"{word}, which is no number")
