"""OFX statements under damage: the same facts, or refused or flagged; never a silent difference."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.python_steps.feeds import damage
from tests.python_steps.feeds.files import SESSION, facts, read, received, rules
from tests.python_steps.feeds.ofx_files import BND, ONE, TWO, Writer


def content(writer: Writer) -> bytes:
    statement = writer.statement(
        positions=[
            writer.position(),
            writer.position("POSMF", BND, "10.5", "10.00", "105.00", source="PRETAX"),
            writer.position("POSMF", BND, "4.25", "10.00", "42.50", source="MATCH"),
        ],
        transactions=[writer.trade(), writer.income("DIV"), writer.bank("DEP", "1", "INTEREST")],
        balance=writer.cash("500.00", total="3147.50"),
    )
    return writer.document(statement).encode("cp1252")


TRUTHS = {
    writer: (content(writer), read("FIDELITY", "s.qfx", content(writer))) for writer in (ONE, TWO)
}
# One row of a sub-thousand-line file is read in a millisecond; the suite costs more.
quickly = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def claim(changed: bytes, writer: Writer, *, quick: bool = False) -> None:
    file = received("FIDELITY", "s.qfx", changed)
    damage.assert_same_or_flagged(file, SESSION, TRUTHS[writer][1], quick=quick)


@pytest.mark.parametrize("writer", [ONE, TWO])
def test_the_undamaged_file_is_clean(writer):
    assert rules(TRUTHS[writer][1]) == ["positions_of_sources_summed"]


@pytest.mark.parametrize("writer", [ONE, TWO])
def test_cut_at_any_byte(writer):
    good, truth = TRUTHS[writer]
    end = len(good.rstrip())
    for length in range(0, end, 7):
        reading = read("FIDELITY", "s.qfx", good[:length])
        assert reading.status == "QUARANTINED", length
        assert reading.tables == {}
    assert facts(read("FIDELITY", "s.qfx", good[:end])) == facts(truth)


@pytest.mark.parametrize("writer", [ONE, TWO])
@given(position=st.integers(min_value=0, max_value=500))
@quickly
def test_a_line_lost_or_doubled(writer, position):
    claim(damage.with_line_twice(TRUTHS[writer][0], position), writer, quick=True)
    lost = damage.without_line(TRUTHS[writer][0], position)
    reading = read("FIDELITY", "s.qfx", lost)
    for entity in ("positions", "cash_balances"):
        if reading.status == "LOADED" and not damage.flagged(reading):
            assert known(reading, entity) <= known(TRUTHS[writer][1], entity)


def known(reading, entity):
    """Cells of an entity that hold something."""
    return {cell for row in facts(reading).get(entity, {}) for cell in row if cell[1]}


@pytest.mark.parametrize("name", sorted(damage.ENCODINGS))
@pytest.mark.parametrize("writer", [ONE, TWO])
def test_other_encodings(writer, name):
    changed = damage.ENCODINGS[name](TRUTHS[writer][0])
    assert facts(read("FIDELITY", "s.qfx", changed)) == facts(TRUTHS[writer][1])


@pytest.mark.parametrize("writer", [ONE, TWO])
@given(position=st.integers(min_value=0, max_value=10_000), byte=st.binary(min_size=1, max_size=3))
@quickly
def test_bytes_overwritten_never_break_the_reader(writer, position, byte):
    good = TRUTHS[writer][0]
    place = position % len(good)
    reading = read("FIDELITY", "s.qfx", good[:place] + byte + good[place + len(byte) :])
    assert all("s.qfx" in found.message for found in reading.violations)


def test_the_order_of_values_does_not_matter():
    good, truth = TRUTHS[ONE]
    text = good.decode().replace("<UNITS>10\n<UNITPRICE>250.00\n", "<UNITPRICE>250.00\n<UNITS>10\n")
    assert text.encode() != good
    assert facts(read("FIDELITY", "s.qfx", text)) == facts(truth)


def test_all_in_one_line_says_the_same():
    head, _, body = TRUTHS[ONE][0].decode().partition("<OFX>")
    joined = head + "<OFX>" + body.replace("\n", "")
    assert facts(read("FIDELITY", "s.qfx", joined)) == facts(TRUTHS[ONE][1])
