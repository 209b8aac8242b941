"""Vanguard's download under damage: the same facts, or refused or flagged, never silence.

The file states neither count nor sum, so a row that is missing cannot be told; what is there must
be true, and the file itself says that it could be short.
"""

import pytest

from tests.python_steps.feeds import damage
from tests.python_steps.feeds.etrade_files import PLAN, vanguard
from tests.python_steps.feeds.files import facts, read

NAME = "OfxDownload-2026-11-19.csv"
FILES = {"brokerage": vanguard(), "plan": PLAN}
CONTENTS = {name: text.encode() for name, text in FILES.items()}
TRUTHS = {name: read("VANGUARD", NAME, content) for name, content in CONTENTS.items()}
every = pytest.mark.parametrize("name", sorted(FILES))


def claim(name: str, changed: bytes) -> None:
    reading = read("VANGUARD", NAME, changed)
    assert all(NAME in found.message for found in reading.violations)
    if reading.status == "QUARANTINED" or facts(reading) == facts(TRUTHS[name]):
        return
    flags = damage.flagged(reading)
    assert "control_total_present" in flags
    if set(flags) - {"control_total_present"}:
        return
    for entity, counted in facts(reading).items():
        surplus = counted - facts(TRUTHS[name])[entity]
        # A position of two rows, of which one is lost, is the other row and not their sum.
        assert all(dict(row).get("ticker") == "VMFXX" for row in surplus), entity


@every
def test_the_undamaged_file_lands(name):
    assert damage.flagged(TRUTHS[name]) == ["control_total_present"]


@every
def test_cut_at_any_line_and_any_byte(name):
    content = CONTENTS[name]
    lines = content.splitlines(keepends=True)
    for count in range(len(lines)):
        claim(name, b"".join(lines[:count]))
    for length in range(1, len(content) - 1, 13):
        claim(name, content[:length])


@every
def test_a_line_lost_or_doubled(name):
    for position in range(CONTENTS[name].count(b"\n")):
        claim(name, damage.without_line(CONTENTS[name], position))
        claim(name, damage.with_line_twice(CONTENTS[name], position))


@every
@pytest.mark.parametrize("encoding", sorted(damage.ENCODINGS))
def test_other_encodings(name, encoding):
    changed = damage.ENCODINGS[encoding](CONTENTS[name])
    assert facts(read("VANGUARD", NAME, changed)) == facts(TRUTHS[name])


@every
@pytest.mark.parametrize("separator", [b";", b"\t", b"|"])
def test_other_separators_are_refused(name, separator):
    reading = read("VANGUARD", NAME, CONTENTS[name].replace(b",", separator))
    assert reading.status == "QUARANTINED"


def test_columns_in_another_order():
    lines = FILES["brokerage"].splitlines()
    order = [5, 0, 3, 2, 1, 4]
    moved = [
        ",".join(line.split(",")[place] for place in order) if line.count(",") == 6 else line
        for line in lines
    ]
    reading = read("VANGUARD", NAME, "\n".join(moved) + "\n")
    assert facts(reading) == facts(TRUTHS["brokerage"])
    assert sorted(damage.flagged(reading)) == ["control_total_present", "header_known"]
