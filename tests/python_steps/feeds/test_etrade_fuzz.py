"""E*TRADE's downloads under damage: the same facts, or refused or flagged, never silence."""

import pytest

from tests.python_steps.feeds import damage
from tests.python_steps.feeds.etrade_files import gains, history, portfolio
from tests.python_steps.feeds.files import SESSION, facts, read, received

FILES = {
    "PortfolioDownload.csv": portfolio(),
    "GainsAndLosses.csv": gains(),
    "DownloadTxnHistory.csv": history(),
}
CONTENTS = {name: text.encode() for name, text in FILES.items()}
TRUTHS = {name: read("ETRADE", name, content) for name, content in CONTENTS.items()}
# The history states neither count nor sum, so a row that is missing cannot be told; what is there
# must be true, and the file itself says that it could be short.
UNCOUNTED = ("DownloadTxnHistory.csv",)
every = pytest.mark.parametrize("name", sorted(FILES))


def claim(name: str, changed: bytes) -> None:
    reading = read("ETRADE", name, changed)
    assert all(name in found.message for found in reading.violations)
    if name in UNCOUNTED and reading.status == "LOADED" and not new_flags(name, reading):
        assert "control_total_present" in damage.flagged(reading)
        for entity, counted in facts(reading).items():
            assert counted <= facts(TRUTHS[name])[entity]
        return
    damage.assert_same_or_flagged(received("ETRADE", name, changed), SESSION, TRUTHS[name])


def new_flags(name, reading):
    """Rules broken beside those of the undamaged file, in its rows or in their values."""
    return set(damage.flagged(reading)) - set(damage.flagged(TRUTHS[name]))


@every
def test_the_undamaged_file_is_clean(name):
    wanted = ["control_total_present"] if name in UNCOUNTED else []
    assert damage.flagged(TRUTHS[name]) == wanted


@every
def test_cut_at_any_line(name):
    lines = CONTENTS[name].splitlines(keepends=True)
    for count in range(len(lines)):
        claim(name, b"".join(lines[:count]))


@every
def test_cut_at_bytes(name):
    content = CONTENTS[name]
    for length in range(1, len(content) - 2, 41):
        claim(name, content[:length])


@every
def test_a_line_lost_or_doubled(name):
    content = CONTENTS[name]
    for position in range(content.count(b"\n")):
        claim(name, damage.without_line(content, position))
        claim(name, damage.with_line_twice(content, position))


@every
@pytest.mark.parametrize("encoding", sorted(damage.ENCODINGS))
def test_other_encodings(name, encoding):
    changed = damage.ENCODINGS[encoding](CONTENTS[name])
    assert facts(read("ETRADE", name, changed)) == facts(TRUTHS[name])


@every
@pytest.mark.parametrize("separator", [b";", b"\t", b"|"])
def test_other_separators_are_refused(name, separator):
    reading = read("ETRADE", name, CONTENTS[name].replace(b",", separator))
    assert reading.status == "QUARANTINED"


def test_columns_in_another_order():
    name = "PortfolioDownload.csv"
    head, _, table = FILES[name].partition("Symbol,Qty #")
    body = ("Symbol,Qty #" + table).splitlines()
    order = [0, 3, 1, 2]
    moved = [
        ",".join(line.split(",")[place] for place in order) if line.count(",") == 3 else line
        for line in body
    ]
    changed = (head + "\r\n".join(moved) + "\r\n").encode()
    reading = read("ETRADE", name, changed)
    assert facts(reading) == facts(TRUTHS[name])
    assert damage.flagged(reading) == ["header_known"]
