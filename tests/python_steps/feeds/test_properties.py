"""Whatever happens to a file on its way, it lands the same facts or somebody is told.

Mutations: cut at any byte, rows moved, doubled, taken out, columns reordered, bytes damaged.
"""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_contracts.contract import load_contracts
from python_steps.feeds.reading import read_file
from tests.python_steps.feeds.files import (
    CASH_REPORT,
    LOTS_NARROW,
    SCHWAB_2025,
    SESSION,
    facts,
    flex,
    lot_details,
    open_position,
    read,
    received,
    schwab_section,
    section,
    serious,
    standard,
    statement,
)

COMMON = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)

COLUMNS = ["account_number", "ticker", "quantity", "price", "currency"]
TICKERS = ["VTI", "BND", "GLD", "VXUS", "TIP", "HYG", "IAU", "SCHB"]

cents = st.integers(100, 10**7).map(lambda number: Decimal(number).scaleb(-2))
holding = st.tuples(cents, cents)
book = st.lists(holding, min_size=2, max_size=len(TICKERS))
mutation = st.sampled_from(["cut", "swap", "double", "drop", "reorder"])


def mutate(draw, lines: list[str], first: int, last: int, end: str) -> tuple[str, str]:
    """One mutation of rows `first` to `last` (exclusive); reordering is left to the caller."""
    kind = draw(mutation)
    lines = list(lines)
    one = draw(st.integers(first, last - 1))
    other = draw(st.integers(first, last - 1))
    if kind == "swap":
        lines[one], lines[other] = lines[other], lines[one]
    elif kind == "double":
        lines.insert(other, lines[one])
    elif kind == "drop":
        del lines[one]
    text = end.join(lines) + end
    if kind == "cut":
        text = text[: draw(st.integers(0, len(text)))]
    return kind, text


def permuted(draw, lines: list[str], end: str) -> str:
    order = draw(st.permutations(range(len(lines[0].split(",")))))
    return end.join(",".join(line.split(",")[place] for place in order) for line in lines) + end


def assert_same_or_told(original, changed, what: str) -> None:
    assert facts(original), "the original must land"
    if facts(changed) != facts(original):
        assert serious(changed), f"silent difference after {what}"
        for found in changed.violations:
            assert found.message.count(":") >= 2
            assert found.rule in found.message


@COMMON
@given(book, st.data())
def test_standard_feed(holdings, data):
    rows = [
        f"A{place % 2},{TICKERS[place]},{quantity},{price},USD"
        for place, (quantity, price) in enumerate(holdings)
    ]
    lines = [",".join(COLUMNS), *rows]
    original = read("ALPINE", "positions.csv", standard(lines))
    assert original.violations == ()
    kind, text = mutate(data.draw, standard(lines).splitlines(), 1, len(lines), "\n")
    if kind == "reorder":
        text = permuted(data.draw, lines, "\n") + f"#rows={len(rows)}\n"
    assert_same_or_told(original, read("ALPINE", "positions.csv", text), kind)


@COMMON
@given(book, st.data())
def test_schwab_positions(holdings, data):
    rows = [
        (TICKERS[place], str(quantity), "$1.00", f"${value:,}", f"${value:,}", "Equity")
        for place, (quantity, value) in enumerate(holdings)
    ]
    total = sum((value for _, value in holdings), Decimal(0))
    body = schwab_section(
        SCHWAB_2025, rows, value_total=f"${total + 100:,}", basis_total=f"${total:,}"
    )
    title = '"Positions for account Individual ...234 as of 04:05 PM ET, 2026/11/19"'
    lines = [title, "", *body]
    name = "Individual-Positions-2026-11-19.csv"
    original = read("SCHWAB", name, "\r\n".join(lines) + "\r\n")
    assert original.violations == ()
    kind, text = mutate(data.draw, lines, 3, 3 + len(rows), "\r\n")
    if kind == "reorder":
        text = "\r\n".join([title, "", *_reordered(data.draw, lines[2:])]) + "\r\n"
    assert_same_or_told(original, read("SCHWAB", name, text), kind)


def _reordered(draw, lines: list[str]) -> list[str]:
    """Columns of quoted lines in another order; commas stand inside the quotes too."""
    split = [line.strip('"').split('","') for line in lines]
    order = draw(st.permutations(range(1, len(split[0]))))
    return [",".join(f'"{cells[place]}"' for place in (0, *order)) for cells in split]


@COMMON
@given(book, st.data())
def test_schwab_lots(holdings, data):
    lots = [
        {
            "Open Date": f"01/0{1 + place}/2026 00:00:00",
            "Quantity": str(quantity),
            "Cost Basis": f"${basis:,}",
            "Holding Period": "Short Term",
        }
        for place, (quantity, basis) in enumerate(holdings)
    ]
    quantity_total = sum((quantity for quantity, _ in holdings), Decimal(0))
    basis_total = sum((basis for _, basis in holdings), Decimal(0))
    content = lot_details(
        lots,
        LOTS_NARROW,
        quantity_total=str(quantity_total),
        basis_total=f"${basis_total:,}",
        comma="",
    )
    original = read("SCHWAB", "VTI.csv", content)
    assert original.violations == ()
    lines = content.splitlines()
    kind, text = mutate(data.draw, lines, 3, 3 + len(lots), "\r\n")
    if kind == "reorder":
        text = "\r\n".join([*lines[:2], *_reordered(data.draw, lines[2:])]) + "\r\n"
    assert_same_or_told(original, read("SCHWAB", "VTI.csv", text), kind)


FLEX = flex(
    statement(section("OpenPositions", open_position(), open_position("LOT")) + CASH_REPORT)
)


@COMMON
@given(st.integers(0, len(FLEX)))
def test_a_flex_document_cut_anywhere(place):
    original = read("IBKR", "flex.xml", FLEX)
    assert_same_or_told(original, read("IBKR", "flex.xml", FLEX[:place]), f"a cut at {place}")


BEGINNINGS = {
    "standard": ("ALPINE", "positions.csv", b"account_number,ticker,quantity,currency\nA1,"),
    "quoted": ("ALPINE", "accounts.csv", b'account_number,base_currency\n"A1","'),
    "policy": ("POLICY", "restrictions.csv", b""),
    "positions": ("SCHWAB", "a.csv", b'"Positions for account X ...234 as of 11/19/2026"\n"Symb'),
    "lots": ("SCHWAB", "a.csv", b'"VTI Lot Details for ...234 as of 11/19/2026"\n'),
    "flex": ("IBKR", "a.xml", b"<FlexQueryResponse><FlexStatements>"),
}  # fmt: skip


@pytest.mark.parametrize("beginning", sorted(BEGINNINGS))
@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    noise=st.one_of(
        st.binary(max_size=200),
        st.text(alphabet='",\n\r;#=ab1 -$\x00é', max_size=120).map(str.encode),
    )
)
def test_no_content_raises(beginning, noise):
    custodian, name, start = BEGINNINGS[beginning]
    reading = read_file(received(custodian, name, start + noise), SESSION)
    assert reading.status in ("LOADED", "QUARANTINED")
    if reading.status == "QUARANTINED":
        assert serious(reading)
        assert reading.tables == {}


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.data())
def test_damaged_good_files_never_raise(data):
    """Good files of every feed with a slice of their bytes replaced."""
    files = {
        "ALPINE": ("positions.csv", standard([",".join(COLUMNS), "A1,VTI,1,2,USD"])),
        "SCHWAB": ("VTI.csv", lot_details([])),
        "IBKR": ("flex.xml", FLEX),
    }
    custodian = data.draw(st.sampled_from(sorted(files)))
    name, text = files[custodian]
    content = bytearray(text.encode())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    reading = read_file(received(custodian, name, bytes(content)), SESSION)
    assert reading.status in ("LOADED", "QUARANTINED")
    assert reading.feed in (*load_contracts(), None)
