"""Damage that files meet on their way: cuts, doubled and lost lines, other encodings and marks.

Belongs here: the changes, and the one claim that every reader must meet under them. Does not belong
here: layouts. A changed file either says the same facts or is refused or flagged by file and rule;
it never breaks the reader and never silently says something else.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from data_contracts.contract import load_contracts
from data_contracts.suites import check_table
from python_steps.feeds.reading import read_file
from python_steps.feeds.received import FileReading, ReceivedFile
from tests.python_steps.feeds.files import facts

# Encodings that a file may have been saved in on its way; each lands the same facts.
ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "byte order mark": lambda content: b"\xef\xbb\xbf" + content,
    "UTF-16": lambda content: content.decode("cp1252").encode("utf-16"),
    "line feeds only": lambda content: content.replace(b"\r\n", b"\n"),
    "carriage returns and line feeds": lambda content: content.replace(b"\r\n", b"\n").replace(
        b"\n", b"\r\n"
    ),
    "blank lines behind": lambda content: content + b"\n\n",
}


def flagged(reading: FileReading) -> list[str]:
    """Rules broken, in the file or by the values of its rows, that make somebody look."""
    found = [each.rule for each in reading.violations if each.severity in ("block", "warn")]
    if reading.feed is not None:
        contract = load_contracts()[reading.feed]
        for entity, table in reading.tables.items():
            found += [each.rule for each in check_table(contract, entity, table).violations]
    return found


def assert_same_or_flagged(
    file: ReceivedFile, session: date, truth: FileReading, *, quick: bool = False
) -> None:
    """The claim. `quick` spares the suite where the reader alone must have flagged it."""
    reading = read_file(file, session)
    for found in reading.violations:
        assert found.message, found
        assert file.file_name in found.message, found
    if facts(reading) == facts(truth):
        return
    known = {found.rule for found in truth.violations if found.severity != "info"}
    rules = (
        [found.rule for found in reading.violations if found.severity != "info"]
        if quick
        else flagged(reading)
    )
    assert reading.status == "QUARANTINED" or set(rules) - known or len(rules) > len(known), (
        f"{file.file_name} says something else and nobody is told"
    )


def without_line(content: bytes, position: int) -> bytes:
    """The content without one of its lines."""
    lines = content.splitlines(keepends=True)
    del lines[position % len(lines)]
    return b"".join(lines)


def with_line_twice(content: bytes, position: int) -> bytes:
    """The content with one of its lines twice."""
    lines = content.splitlines(keepends=True)
    place = position % len(lines)
    return b"".join([*lines[: place + 1], *lines[place:]])


def cut(content: bytes, position: int) -> bytes:
    """The first bytes of the content."""
    return content[: position % len(content)]
