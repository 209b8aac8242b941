"""Pershing's files under damage: the same facts, or refused or flagged, never silence."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.python_steps.feeds import damage
from tests.python_steps.feeds.files import SESSION, facts, read, received
from tests.python_steps.feeds.pershing_files import acct, dollars, gcus_a, gcus_b, gmon, isca, whole

FILES = {
    "a.gcus": whole(
        [
            gcus_a(),
            gcus_b(accrued="2"),
            gcus_a("XYZ999991", quantity="3", value="750", number=2),
            dollars("500.25"),
            dollars("-20", "XYZ999991", "2"),
        ]
    ),
    "a.isca": whole(isca() + isca("912810RW0", "", "99.5"), title="SECURITY MASTER"),
    "a.gmon": whole(gmon() + gmon("XYZ999991", "-20.5", "-20.5"), title="MONEY BALANCES"),
    "a.accf": whole(acct() + acct("XYZ999991"), title="CUSTOMER ACCT INFO"),
}
CONTENTS = {name: text.encode() for name, text in FILES.items()}
TRUTHS = {name: read("PERSHING", name, content) for name, content in CONTENTS.items()}
quickly = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
every = pytest.mark.parametrize("name", sorted(FILES))


@every
def test_the_undamaged_file_lands(name):
    assert TRUTHS[name].status == "LOADED"
    assert damage.flagged(TRUTHS[name]) == []


@every
def test_cut_at_any_byte_is_refused(name):
    content = CONTENTS[name]
    end = len(content.rstrip())
    for length in range(0, end, 61):
        reading = read("PERSHING", name, content[:length])
        assert (reading.status, dict(reading.tables)) == ("QUARANTINED", {}), length
    assert facts(read("PERSHING", name, content[:end])) == facts(TRUTHS[name])


@every
def test_a_line_lost_or_doubled_is_refused(name):
    content = CONTENTS[name]
    for position in range(content.count(b"\n")):
        for change in (damage.without_line, damage.with_line_twice):
            reading = read("PERSHING", name, change(content, position))
            assert reading.status == "QUARANTINED", (change.__name__, position)


@every
@pytest.mark.parametrize("encoding", sorted(damage.ENCODINGS))
def test_other_encodings(name, encoding):
    changed = damage.ENCODINGS[encoding](CONTENTS[name])
    assert facts(read("PERSHING", name, changed)) == facts(TRUTHS[name])


@every
@given(
    position=st.integers(min_value=0, max_value=6000), count=st.integers(1, 4), more=st.booleans()
)
@quickly
def test_characters_lost_or_added_shift_no_column(name, position, count, more):
    """A shifted record would read every number from the wrong place."""
    content = CONTENTS[name]
    place = position % len(content.rstrip())
    middle = b"0" * count if more else b""
    changed = content[:place] + middle + content[place if more else place + count :]
    if changed.split() == content.split():
        return
    damage.assert_same_or_flagged(
        received("PERSHING", name, changed), SESSION, TRUTHS[name], quick=True
    )


@every
@given(position=st.integers(min_value=0, max_value=6000), byte=st.binary(min_size=1, max_size=3))
@quickly
def test_bytes_overwritten_never_break_the_reader(name, position, byte):
    content = CONTENTS[name]
    place = position % len(content)
    reading = read("PERSHING", name, content[:place] + byte + content[place + len(byte) :])
    assert all(name in found.message for found in reading.violations)
