"""Whatever happens to a Fidelity file on its way, it lands the same facts or somebody is told.

Mutations: cut at any byte, columns in another order, other encodings, a line twice, no footer,
other separators. The files are invented ones and, where they are at hand, custodians' own.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_contracts.contract import load_contracts
from data_contracts.suites import check_table
from python_steps.feeds.reading import read_file
from python_steps.feeds.received import FileReading, ReceivedFile
from python_steps.sessions import session_on_or_before
from tests.python_steps.feeds.fidelity_files import (
    ACTIVITY,
    DISCLAIMERS,
    DOWNLOADED,
    GAINS,
    HISTORY_12,
    HISTORY_14,
    HISTORY_18,
    HOLDINGS,
    core,
    gain,
    history,
    holding,
    pending,
    positions,
    sheet,
    statement,
)
from tests.python_steps.feeds.files import SESSION, facts
from tests.python_steps.feeds.test_fidelity_samples import FOLDER, SAMPLES, the_csv_files

COMMON = settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@dataclass(frozen=True)
class Subject:
    """A file that lands, and the session it lands for."""

    name: str
    content: bytes
    session: date = SESSION

    def read(self, content: bytes | None = None) -> FileReading:
        given_bytes = self.content if content is None else content
        return read_file(ReceivedFile("FIDELITY", self.name, given_bytes), self.session)


CHILD = {"account": "653239878", "name": "Café Zoë"}
INVENTED = {
    "positions": Subject(
        "Portfolio_Positions_Nov-19-2026.csv",
        positions(
            *HOLDINGS,
            holding(" -SNDK270917C1500", "-2", "$5.25", "-$1,050.00"),
            pending("-$50.00"),
            holding("912828YW4", "5,000", "$98.50", "$4,925.00", **CHILD),
            core("$2,044.87", **CHILD),
        ).encode(),
    ),
    "history": Subject(
        "Accounts_History.csv",
        history(HISTORY_14, [*ACTIVITY, {**ACTIVITY[0], "words": "Société"}]).encode(),
    ),
    "history of one account": Subject(
        "History_for_Account_Z12345678.csv", history(HISTORY_12).encode()
    ),
    "history with currencies": Subject("Accounts_History.csv", history(HISTORY_18).encode()),
    "gains": Subject(
        "Realized_Gain_Loss_Account_X12345678.csv",
        sheet(GAINS, [gain(), gain(short="-$1.00 ", long="", basis="$13.00 ")]).encode(),
    ),
    "statement": Subject("Statement10302026.csv", statement().encode(), date(2026, 10, 30)),
}


@cache
def samples() -> dict[str, Subject]:
    """Custodians' files; the positions with the footer that their maker took away."""
    found = {}
    for name in the_csv_files():
        content = (SAMPLES / name).read_bytes()
        if "Portfolio_Positions" in name:
            footer = "\r\n".join([*DISCLAIMERS, DOWNLOADED]).encode()
            content = content.replace(b"XXX", footer)
        stated = Subject(name, content, FOLDER).read().stated_as_of_date
        session = session_on_or_before(stated) if stated else FOLDER
        assert session is not None
        found[name] = Subject(name, content, session)
    return found


def subjects() -> dict[str, Subject]:
    return {**INVENTED, **samples()}


def every_subject() -> Callable[[Callable[..., None]], Callable[..., None]]:
    names = [*INVENTED, *the_csv_files()]
    return pytest.mark.parametrize("name", names)


# The judgement


def told(reading: FileReading) -> set[tuple[str, str]]:
    return {(found.rule, found.observed) for found in reading.violations}


def assert_same_or_told(subject: Subject, content: bytes, what: str) -> FileReading:
    """Same facts, or a violation that the original has not, with file, line and rule."""
    original, changed = subject.read(), subject.read(content)
    for found in changed.violations:
        assert subject.name in found.message
        assert found.rule in found.message
        assert found.expected
    if facts(changed) == facts(original) and changed.status == original.status:
        return changed
    new = told(changed) - told(original)
    if not new:
        new = {
            (found.rule, found.observed)
            for entity, table in changed.tables.items()
            for found in check_table(load_contracts()[str(changed.feed)], entity, table).violations
        }
    assert new, f"silent difference in {subject.name} after {what}"
    return changed


def assert_same(subject: Subject, content: bytes) -> None:
    original, changed = subject.read(), subject.read(content)
    assert facts(original), "the original must land"
    assert facts(changed) == facts(original)
    assert changed.stated_as_of_date == original.stated_as_of_date


def text_of(subject: Subject) -> str:
    return subject.content.decode("utf-8-sig")


# Columns in another order


def is_header(cells: Sequence[str]) -> bool:
    names = {cell.strip().lower() for cell in cells}
    return any(
        names >= wanted
        for wanted in (
            {"symbol", "quantity"},
            {"symbol(cusip)"},
            {"symbol/cusip"},
            {"account type"},
        )
    )


def permuted(text: str, order_of: Callable[[int], Sequence[int]]) -> str:
    """Each table's columns in another order; lines of prose and titles stay as they are."""
    order: Sequence[int] = ()
    written = io.StringIO(newline="")
    for line in re.split(r"\r\n|\n", text):
        cells = next(csv.reader([line]), [])
        if is_header(cells):
            order = order_of(len(cells))
        if sum(1 for cell in cells if cell.strip()) > 1 and len(cells) >= len(order) > 0:
            turned = [cells[place] for place in order] + cells[len(order) :]
            csv.writer(written, lineterminator="\r\n").writerow(turned)
        else:
            written.write(line + "\r\n")
    return written.getvalue()


@every_subject()
def test_reversed_columns_land_the_same_facts(name):
    subject = subjects()[name]
    turned = permuted(text_of(subject), lambda width: range(width - 1, -1, -1))
    assert turned.splitlines() != text_of(subject).splitlines()
    assert_same(subject, turned.encode())


@COMMON
@given(st.data())
def test_columns_in_any_order_land_the_same_facts(data):
    subject = subjects()[data.draw(st.sampled_from(sorted(subjects())))]
    orders: dict[int, Sequence[int]] = {}

    def order_of(width: int) -> Sequence[int]:
        if width not in orders:
            orders[width] = data.draw(st.permutations(range(width)))
        return orders[width]

    assert_same(subject, permuted(text_of(subject), order_of).encode())


# Cuts


@pytest.mark.parametrize("name", list(INVENTED))
def test_a_cut_at_every_byte(name):
    subject = INVENTED[name]
    assert facts(subject.read()), "the original must land"
    for length in range(len(subject.content)):
        changed = assert_same_or_told(subject, subject.content[:length], f"a cut at {length}")
        if facts(changed) != facts(subject.read()) and changed.status == "LOADED":
            assert any(found.severity != "info" for found in changed.violations)


@COMMON
@given(st.data())
def test_a_cut_of_any_file_at_any_byte_or_line(data):
    subject = subjects()[data.draw(st.sampled_from(sorted(subjects())))]
    if data.draw(st.booleans()):
        lines = subject.content.splitlines(keepends=True)
        content = b"".join(lines[: data.draw(st.integers(0, len(lines)))])
    else:
        content = subject.content[: data.draw(st.integers(0, len(subject.content)))]
    assert_same_or_told(subject, content, f"a cut at {len(content)}")


# Encodings


def encodings(text: str) -> Iterator[tuple[str, bytes]]:
    yield "utf-8", text.encode()
    yield "utf-8 with a mark", text.encode("utf-8-sig")
    yield "utf-16", text.encode("utf-16")
    yield "utf-16, big end first", b"\xfe\xff" + text.encode("utf-16-be")
    yield "Windows-1252", text.encode("cp1252")
    yield "line feeds", text.replace("\r\n", "\n").encode()
    yield "carriage returns", text.replace("\r\n", "\n").replace("\n", "\r").encode()


@every_subject()
def test_encodings_and_line_ends_land_the_same_facts(name):
    subject = subjects()[name]
    for _, content in encodings(text_of(subject)):
        assert_same(subject, content)


@every_subject()
def test_utf_16_without_its_mark_is_refused(name):
    subject = subjects()[name]
    reading = assert_same_or_told(subject, text_of(subject).encode("utf-16-le"), "no mark")
    assert reading.status == "QUARANTINED"


def test_a_file_in_windows_1252_is_told():
    subject = INVENTED["history"]
    reading = subject.read(text_of(subject).encode("cp1252"))
    assert [found.rule for found in reading.violations if found.severity == "warn"] == [
        "encoding_utf8"
    ]


# Lines


@every_subject()
def test_any_line_twice_is_told_or_changes_nothing(name):
    subject = subjects()[name]
    lines = subject.content.splitlines(keepends=True)
    for place, line in enumerate(lines):
        ended = line if line.endswith(b"\n") else line + b"\n"
        content = b"".join([*lines[:place], ended, ended, *lines[place + 1 :]])
        assert_same_or_told(subject, content, f"line {place + 1} twice")


@every_subject()
def test_lines_in_another_order_are_told_or_change_nothing(name):
    subject = subjects()[name]
    lines = [line.rstrip(b"\r\n") for line in subject.content.splitlines()]
    for place in range(len(lines) - 1):
        turned = [*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]]
        assert_same_or_told(subject, b"\r\n".join(turned) + b"\r\n", f"line {place + 1} moved")


# A statement has no footer: its subtotals end it.
@pytest.mark.parametrize("name", [name for name in INVENTED if name != "statement"])
def test_a_file_without_its_footer_is_told(name):
    subject = INVENTED[name]
    content, footer, _ = subject.content.partition(b'"The data and information')
    assert footer
    reading = assert_same_or_told(subject, content, "no footer")
    rule = "file_complete" if name == "positions" else "footer_present"
    assert [found.rule for found in reading.violations].count(rule) == 1


# Separators


@every_subject()
@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_are_refused_with_the_line(name, separator):
    subject = subjects()[name]
    text = text_of(subject)
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=separator).writerows(csv.reader(io.StringIO(text, newline="")))
    for content in (text.replace(",", separator), written.getvalue()):
        reading = subject.read(content.encode())
        assert (reading.status, reading.tables) == ("QUARANTINED", {})
        found = [found for found in reading.violations if found.rule == "separator_is_comma"]
        assert len(found) == 1
        assert found[0].source_row_number is not None


# Anything


@COMMON
@given(st.data())
def test_damaged_bytes_never_raise(data):
    subject = subjects()[data.draw(st.sampled_from(sorted(subjects())))]
    content = bytearray(subject.content)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    reading = subject.read(bytes(content))
    assert reading.status in {"LOADED", "QUARANTINED"}
    for found in reading.violations:
        assert found.rule in found.message
