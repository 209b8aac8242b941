"""Interactive Brokers' files after whatever may happen: the same facts, or somebody is told.

Flex XML states no number of rows: a row that was taken out whole leaves a good document, which
only the tie of lots to positions and the roll-forward can tell; so its lines are not taken out.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_steps.feeds.reading import read_file
from python_steps.feeds.received import ReceivedFile
from python_steps.sessions import session_on_or_before
from tests.python_steps.feeds.files import (
    CASH_REPORT,
    SESSION,
    element,
    facts,
    flex,
    open_position,
    section,
    statement,
)
from tests.python_steps.feeds.ibkr_files import history, whole
from tests.python_steps.feeds.mutations import (
    GoodFile,
    assert_same_or_told,
    cuts,
    encodings,
    line_mutations,
    separators,
)
from tests.python_steps.feeds.test_ibkr_flex_text import text
from tests.python_steps.feeds.test_ibkr_flex_text import whole as text_sections

SAMPLES = Path(__file__).parents[4] / "shared" / "samples" / "ibkr"
LOT = open_position(
    "LOT", openDateTime="2025-01-02;093000", code="LT", originatingTransactionID="901"
)
TRANSACTIONS = section(
    "CashTransactions",
    element("CashTransaction", accountId="U100", currency="USD", type="Dividends", amount="1.5",
            dateTime="2026-11-19;202000", levelOfDetail="DETAIL", transactionID="8001"),
    element("CashTransaction", accountId="-", currency="USD", type="Dividends", amount="1.5",
            dateTime="2026-11-19;202000", levelOfDetail="SUMMARY", transactionID=""),
)  # fmt: skip
XML = flex(statement(section("OpenPositions", open_position(), LOT) + CASH_REPORT + TRANSACTIONS))


def file(name: str, content: str) -> GoodFile:
    return GoodFile("IBKR", name, content.encode())


FILES = {
    "xml": file("flex.xml", XML),
    "text": file("flex.csv", text(text_sections())),
    "marked text": file("flex.csv", text(text_sections(marked=True), "|")),
    "statement": file("statement.csv", whole()),
    "history": file("history.csv", history()),
}
STEPS = {"xml": 5, "text": 3, "marked text": 3, "statement": 3}
TEXTS = [name for name in FILES if name != "xml"]


@pytest.mark.parametrize("name", FILES)
def test_cut_at_any_byte(name):
    good = FILES[name]
    for what, changed in cuts(good.content, STEPS.get(name, 1)):
        assert_same_or_told(good, changed, what)


@pytest.mark.parametrize("name", TEXTS)
def test_lines_missing_doubled_moved_or_halved(name):
    good = FILES[name]
    for what, changed in line_mutations(good.content):
        assert_same_or_told(good, changed, what)


def test_lines_of_xml_doubled_moved_or_halved():
    good = FILES["xml"]
    for what, changed in line_mutations(good.content):
        if not what.endswith("missing"):
            assert_same_or_told(good, changed, what)


@pytest.mark.parametrize("name", FILES)
def test_other_encodings_land_the_same_facts(name):
    good = FILES[name]
    for what, changed in encodings(good.content):
        assert facts(good.read(changed)) == facts(good.read()), what


@pytest.mark.parametrize("name", TEXTS)
def test_accents_in_windows_1252(name):
    accented = FILES[name].content.replace(b"VANGUARD", "VÄNGUARD".encode())
    good = GoodFile("IBKR", FILES[name].name, accented)
    assert facts(good.read(accented.decode().encode("cp1252"))) == facts(good.read())


@pytest.mark.parametrize("name", TEXTS)
def test_other_separators(name):
    good = FILES[name]
    for what, changed in separators(good.content):
        assert_same_or_told(good, changed, what)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.data())
def test_damage_never_raises(data):
    good = FILES[data.draw(st.sampled_from(sorted(FILES)))]
    content = bytearray(good.content)
    place = data.draw(st.integers(0, len(content) - 1))
    content[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    reading = good.read(bytes(content))
    assert reading.status in ("LOADED", "QUARANTINED")
    assert reading.status == "LOADED" or reading.tables == {}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.permutations(range(25)))
def test_attributes_in_any_order_land_the_same_facts(order):
    good = FILES["xml"]
    lines = good.content.decode().splitlines()
    shuffled = []
    for line in lines:
        if line.startswith("<OpenPosition "):
            found = re.findall(r'\w+="[^"]*"', line)
            moved = [found[place] for place in order if place < len(found)]
            assert sorted(moved) == sorted(found)
            shuffled.append(f"<OpenPosition {' '.join(moved)} />")
        else:
            shuffled.append(line)
    changed = "\n".join(shuffled).encode()
    assert facts(good.read(changed)) == facts(good.read())


def samples() -> list[Path]:
    return sorted(SAMPLES.glob("*")) if SAMPLES.is_dir() else []


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples are not beside the project")
@pytest.mark.parametrize("path", samples(), ids=lambda path: path.name)
def test_samples_after_mutations(path):
    content = path.read_bytes()
    stated = read_file(ReceivedFile("IBKR", path.name, content), SESSION).stated_as_of_date
    assert stated is not None
    good = GoodFile("IBKR", path.name, content, session_on_or_before(stated))
    is_xml = path.suffix == ".xml"
    lines = [
        (what, changed)
        for what, changed in line_mutations(content)
        if not (is_xml and what.endswith(("missing", "twice")))
    ]
    changes = [
        *cuts(content, max(1, len(content) // 40)),
        *lines[:60],
        *encodings(content),
        *([] if is_xml else separators(content)),
    ]
    for what, changed in changes:
        assert_same_or_told(good, changed, what)


@pytest.mark.parametrize("day", [date(2026, 11, 18), date(2026, 11, 20)])
@pytest.mark.parametrize("name", FILES)
def test_another_day_is_refused(name, day):
    good = FILES[name]
    reading = GoodFile("IBKR", good.name, good.content, day).read()
    assert "as_of_date_is_session" in [found.rule for found in reading.violations]
    assert reading.tables == {}
