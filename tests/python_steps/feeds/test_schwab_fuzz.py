"""Schwab's files after whatever may happen to them: the same facts, or somebody is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from python_steps.feeds.reading import read_file
from python_steps.feeds.received import ReceivedFile
from python_steps.sessions import session_on_or_before
from tests.python_steps.feeds.files import (
    LOTS_WIDE,
    SCHWAB_2020,
    SCHWAB_2025,
    SESSION,
    facts,
    lot_details,
    schwab_section,
    schwab_single,
)
from tests.python_steps.feeds.mutations import (
    GoodFile,
    assert_same_or_told,
    cuts,
    encodings,
    line_mutations,
    reordered,
    separators,
)
from tests.python_steps.feeds.schwab_files import (
    BOUGHT,
    GAINS_NAME,
    NAME,
    OLDER,
    PAID,
    SOLD,
    TITLE,
    UNKNOWN,
    WASHED,
    gains,
    gains_of_all,
    transaction,
    transactions,
    transactions_json,
)

SAMPLES = Path(__file__).parents[4] / "shared" / "samples" / "schwab"
HELD = [
    ("VTI", "10", "$250.00", "$2,500.00", "$2,000.00", "ETFs & Closed End Funds"),
    ("HD", "2", "$400.00", "$800.00", "$700.00", "Equity"),
]
TOTALS = {"value_total": "$3,400.00", "basis_total": "$2,700.00"}
LOTS = [
    {"Open Date": "08/01/2025 09:31:00", "Transaction Open": "09/24/2025 13:42:07",
     "Quantity": "6", "Cost/Share": "$200.00", "Cost Basis": "$1,200.00",
     "Transaction CB": "$1,100.00", "Holding Period": "Long Term", "Disallowed Loss": "$100.00"},
    {"Open Date": "03/02/2026 00:00:00", "Transaction Open": "03/02/2026", "Quantity": "4",
     "Cost/Share": "$200.00", "Cost Basis": "$800.00", "Transaction CB": "$800.00",
     "Holding Period": "Short Term", "Disallowed Loss": "--"},
]  # fmt: skip
ROWS = [
    BOUGHT,
    SOLD,
    PAID,
    transaction("Bank Interest", date="11/18/2026 as of 11/16/2026", amount="$0.05"),
]
ALL = "\r\n".join(
    [
        '"Positions for All-Accounts as of 04:05 PM ET, 11/19/2026"',
        "",
        '"Brokerage XXXX-1234"',
        *schwab_section(SCHWAB_2025, HELD, **TOTALS),
        "",
        "",
        '"Roth IRA XXXX-9876"',
        *schwab_section(SCHWAB_2025, HELD[:1], value_total="$2,600.00", basis_total="$2,000.00"),
    ]
)


def file(name: str, content: str) -> GoodFile:
    return GoodFile("SCHWAB", name, content.encode())


FILES = {
    "positions": file(
        "Individual-Positions-2026-11-19.csv", schwab_single(holdings=HELD, **TOTALS)
    ),
    "positions 2020": file(
        "Individual-Positions-2026-11-19.csv",
        schwab_single(
            SCHWAB_2020,
            "Positions for account Intelligent XXXX-4321 as of 04:05 PM ET, 11/19/2026",
            HELD,
            comma=",",
            **TOTALS,
        ),
    ),
    "all positions": file("All-Accounts-Positions-2026-11-19.csv", ALL + "\r\n"),
    "lots": file("VTI.csv", lot_details(LOTS, LOTS_WIDE)),
    "gains": file(GAINS_NAME, gains([WASHED, UNKNOWN])),
    "gains with total": file(
        GAINS_NAME, gains([WASHED, UNKNOWN, {"Symbol": "Total", "Proceeds": "$930.00"}])
    ),
    "all gains": file(
        GAINS_NAME, gains_of_all({"Trust ...999": [WASHED, UNKNOWN], "Roth ...178": [WASHED]})
    ),
    "transactions": file(NAME, transactions(ROWS)),
    "titled transactions": file(
        NAME, transactions(ROWS, OLDER, title=TITLE, total="-$2187.62", comma=",")
    ),
    "transactions as JSON": file(
        NAME.replace(".csv", ".json"),
        transactions_json(ROWS, TotalTransactionsAmount="-$2,187.62"),
    ),
}
# Line of the header, and number of its columns, of the files of one account.
TABLES = {
    "positions": (3, 17),
    "positions 2020": (3, 26),
    "lots": (3, 16),
    "gains": (2, 20),
    "gains with total": (2, 20),
    "transactions": (1, 8),
    "titled transactions": (2, 9),
}


@pytest.mark.parametrize("name", FILES)
def test_cut_at_any_byte(name):
    good = FILES[name]
    for what, changed in cuts(good.content):
        assert_same_or_told(good, changed, what)


@pytest.mark.parametrize("name", FILES)
def test_lines_missing_doubled_moved_or_halved(name):
    good = FILES[name]
    for what, changed in line_mutations(good.content, moved=name != "all gains"):
        assert_same_or_told(good, changed, what)


@pytest.mark.parametrize("name", FILES)
def test_other_encodings_land_the_same_facts(name):
    good = FILES[name]
    for what, changed in encodings(good.content):
        assert facts(good.read(changed)) == facts(good.read()), what


@pytest.mark.parametrize("name", FILES)
def test_accents_in_windows_1252(name):
    accented = FILES[name].content.replace(b"VTI NAME", "Zoë".encode())
    accented = accented.replace(b"VANGUARD", "VÄNGUARD".encode())
    good = GoodFile("SCHWAB", FILES[name].name, accented)
    assert_same_or_told(good, accented.decode().encode("cp1252"), "Windows-1252")
    assert facts(good.read(accented.decode().encode("cp1252"))) == facts(good.read())


@pytest.mark.parametrize("name", FILES)
def test_other_separators(name):
    good = FILES[name]
    for what, changed in separators(good.content):
        assert_same_or_told(good, changed, what)


@pytest.mark.parametrize("name", TABLES)
@settings(max_examples=25, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.too_slow])  # fmt: skip
@given(st.data())
def test_columns_in_any_order_land_the_same_facts(name, data):
    first, width = TABLES[name]
    order = data.draw(st.permutations(range(width)))
    good = FILES[name]
    changed = good.read(reordered(good.content, first, list(order)))
    assert_same_or_told(good, reordered(good.content, first, list(order)), f"order {order}")
    told = {found.rule for found in changed.violations if found.severity == "block"}
    if not told:
        assert facts(changed) == facts(good.read())


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


def samples() -> list[Path]:
    return sorted(path for path in SAMPLES.rglob("*") if path.is_file()) if SAMPLES.is_dir() else []


@pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="the custodian's samples are not beside the project"
)
@pytest.mark.parametrize("path", samples(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_samples_after_mutations(path):
    content = path.read_bytes()
    stated = read_file(ReceivedFile("SCHWAB", path.name, content), SESSION).stated_as_of_date
    session = session_on_or_before(stated) if stated else SESSION
    good = GoodFile("SCHWAB", path.name, content, session)
    step = max(1, len(content) // 40)
    changes = [
        *cuts(content, step),
        *list(line_mutations(content))[:120],
        *encodings(content),
        *separators(content),
    ]
    lands = bool(facts(good.read()))
    for what, changed in changes:
        if lands:
            assert_same_or_told(good, changed, what)
        else:
            assert good.read(changed).tables.keys() <= good.read().tables.keys(), what
