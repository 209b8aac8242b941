"""Custodians' own files, where they are at hand: they land to the last digit or are refused.

The files are not part of the project (some are under other licences); the tests skip, saying so,
where the folder beside the project is absent. Expected values: the samples' own SOURCES.md.
"""

from decimal import Decimal
from pathlib import Path

import pytest

from data_contracts.contract import load_contracts
from data_contracts.suites import check_table
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.reading import read_file
from python_steps.feeds.received import FileReading, ReceivedFile
from python_steps.sessions import session_on_or_before
from tests.python_steps.feeds.files import SESSION, rows, rules

SAMPLES = Path(__file__).parents[4] / "shared" / "samples"
pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="the custodians' sample files are not beside the project"
)

BASIC = "schwab/beancount-import/test_basic/positions"
LOTS = "schwab/beancount-import/test_lots/positions"

# The stated date and the number of rows of the entities that matter.
LOADED = {
    "ibkr/ibflex2_activity_basic.xml": "2025-01-31 positions=1 tax_lots=1 transactions=2",
    "ibkr/osa_corporate_action_2025.xml": (
        "2025-12-31 positions=1 tax_lots=1 transactions=5 corporate_actions=1"
    ),
    "ibkr/osa_minimal_short_options_repro_2025.xml": (
        "2025-12-31 positions=3 transactions=7 cash_balances=1"
    ),
    "ibkr/osa_options_future_2025.xml": "2025-12-31 positions=11 transactions=91",
    "ibkr/osa_vtandchill_2025.xml": "2026-01-01 positions=1 transactions=15 cash_balances=2",
    f"{BASIC}/All-Accounts-Positions-2020-11-15.CSV": (
        "2020-11-15 accounts=2 positions=3 cash_balances=2"
    ),
    f"{BASIC}/Intelligent-Positions-2020-11-30.CSV": "2020-12-21 positions=1 cash_balances=1",
    f"{LOTS}/Intelligent-Positions-2020-08-25.CSV": "2020-08-25 positions=2 cash_balances=1",
    f"{LOTS}/lots/2020-08-25/FNDA.csv": "2020-08-25 tax_lots=1",
    f"{LOTS}/lots/2020-08-25/SCHA.csv": "2020-08-25 tax_lots=1",
    "schwab/finporter_Individual-Positions-2023-04-23.csv": (
        "2023-04-23 positions=1 cash_balances=1"
    ),
}


def sample(path: str) -> FileReading:
    """The reading of a sample for the session that it states."""
    found = SAMPLES / path
    file = ReceivedFile(path.split("/")[0].upper(), found.name, found.read_bytes())
    stated = read_file(file, SESSION).stated_as_of_date
    return read_file(file, session_on_or_before(stated) if stated else SESSION)


def amounts(reading: FileReading, entity: str, column: str) -> list[Decimal | None]:
    return [parse_amount(text or "") for (text,) in rows(reading, entity, column)]


def every_sample() -> list[str]:
    return [
        str(path.relative_to(SAMPLES))
        for folder in ("ibkr", "schwab")
        for path in sorted((SAMPLES / folder).rglob("*"))
        if path.is_file()
    ]


@pytest.mark.parametrize("path", sorted(LOADED))
def test_samples_of_these_feeds_land(path):
    stated, *wanted = LOADED[path].split()
    counts = {name: int(count) for name, count in (part.split("=") for part in wanted)}
    reading = sample(path)
    assert reading.status == "LOADED"
    assert str(reading.stated_as_of_date) == stated
    assert {name: table.num_rows for name, table in reading.tables.items() if name in counts} == (
        counts
    )
    assert not [found for found in reading.violations if found.severity == "block"]


@pytest.mark.parametrize("path", sorted(LOADED))
def test_samples_meet_the_expectations_of_their_contract(path):
    reading = sample(path)
    contract = load_contracts()[str(reading.feed)]
    for entity, table in reading.tables.items():
        result = check_table(contract, entity, table)
        assert result.violations == []
        assert result.broken == []


def test_all_other_samples_are_refused_with_a_clear_violation():
    others = [path for path in every_sample() if path not in LOADED]
    assert len(others) == 13
    for path in others:
        reading = sample(path)
        assert (reading.feed, reading.status) == (None, "QUARANTINED"), path
        assert rules(reading) == ["file_recognised"], path
        assert Path(path).name in reading.violations[0].message


def test_schwab_lots_equal_positions_to_the_cent():
    positions = sample(f"{LOTS}/Intelligent-Positions-2020-08-25.CSV")
    held = dict(
        zip(
            [ticker for (ticker,) in rows(positions, "positions", "ticker")],
            zip(
                amounts(positions, "positions", "quantity"),
                amounts(positions, "positions", "cost_basis"),
                strict=True,
            ),
            strict=True,
        )
    )
    assert held == {
        "FNDA": (Decimal(1), Decimal("34.89")),
        "SCHA": (Decimal(10), Decimal("713.50")),
    }
    for ticker, (quantity, basis) in held.items():
        lots = sample(f"{LOTS}/lots/2020-08-25/{ticker}.csv")
        assert amounts(lots, "tax_lots", "quantity") == [quantity]
        assert amounts(lots, "tax_lots", "cost_basis") == [basis]
        assert lots.covered_accounts == positions.covered_accounts == ("XXXX-4321",)
    stale = [found for found in positions.violations if found.rule == "control_total"]
    assert [(found.severity, found.expected) for found in stale] == [
        ("warn", "748.39, the sum of 2 rows")
    ]
    assert "$717.39" in stale[0].message


@pytest.mark.parametrize("path", [path for path in sorted(LOADED) if path.startswith("ibkr")])
def test_ibkr_value_is_quantity_times_price_times_multiplier(path):
    reading = sample(path)
    multipliers = dict(rows(reading, "securities", "custodian_security_id", "contract_multiplier"))
    columns = ("custodian_security_id", "quantity", "price", "market_value")
    for conid, quantity, price, value in rows(reading, "positions", *columns):
        exact = Decimal(quantity) * Decimal(price) * Decimal(multipliers[conid])
        assert abs(exact - Decimal(value)) <= Decimal("0.01"), conid


def test_ibkr_lots_sum_to_the_position_exactly():
    reading = sample("ibkr/osa_corporate_action_2025.xml")
    assert (
        rows(reading, "positions", "quantity", "cost_basis")
        == rows(reading, "tax_lots", "quantity", "cost_basis")
        == [("24", "799.8")]
    )
    assert rows(reading, "tax_lots", "source_lot_id") == [("34300637871",)]
    assert ("34300637871",) in rows(reading, "transactions", "transaction_id")
    assert rows(reading, "corporate_actions", "action_type", "new_cusip") == [
        ("NAME_CHANGE", "64361Q101")
    ]


def test_ibkr_fractions_and_negative_cash_are_kept():
    reading = sample("ibkr/osa_vtandchill_2025.xml")
    assert rows(reading, "positions", "quantity", "cost_basis", "market_value") == [
        ("200", "28377.0925", "28212")
    ]
    assert rows(reading, "cash_balances", "currency", "trade_date_balance") == [
        ("CHF", "17000.05854876"),
        ("USD", "-0.87"),
    ]
    assert str(reading.session_date) == "2025-12-31", "a holiday belongs to the session before it"


def test_ibkr_sparse_fields_land_without_basis():
    reading = sample("ibkr/osa_options_future_2025.xml")
    assert set(rows(reading, "positions", "cost_basis")) == {(None,)}
    assert rows(reading, "accounts", "account_number", "base_currency") == [("U0000000", "CHF")]
