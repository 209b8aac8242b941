"""Institutions' own OFX files, where they are at hand: exact facts, and what the files get wrong.

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
from tests.python_steps.feeds.files import SESSION, rows, rules, serious

SAMPLES = Path(__file__).parents[4] / "shared" / "samples"
pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="the custodians' sample files are not beside the project"
)

FIDELITY = "fidelity/bi_fidelity.ofx"
SCRAMBLED = "generic_ofx/bi_investment_buy_sell_income.ofx"
FUZZED_PLAN = "generic_ofx/ofxgo_401k_v203.ofx"
SPECIFICATION = "generic_ofx/ofxtools_invstmtrs.ofx"
TDAMERITRADE = "tdameritrade/bi_td_ameritrade.ofx"
VANGUARD = "vanguard/bi_vanguard.ofx"
VANGUARD_PLAN = "vanguard/bi_vanguard401k.ofx"
VANGUARD_IRA = "vanguard/bi_vanguard_roth_ira.ofx"
PLAN_QFX = "vanguard/reds_OfxDownload-401k.qfx"
EDITED_QFX = "vanguard/reds_OfxDownload.qfx"

# Stated date, account, rows, sum of market values, cash, and the rules that warn.
LANDED = {
    FIDELITY: ("2012-09-08", "01234567890", 6, 17, "14919.80", "18073.98", []),
    SCRAMBLED: (
        "2018-08-04",
        "123456789",
        15,
        20,
        "936.91",
        "-83.5",
        ["control_total", "cusip_check_digit", "margin_balance_apart"],
    ),
    FUZZED_PLAN: (
        "2017-04-06",
        "79451753939",
        1,
        7,
        "-1285.6893734826635",
        "3118",
        [
            "control_total",
            "cusip_check_digit",
            "margin_balance_apart",
            "transaction_signs_agree",
        ],
    ),
    SPECIFICATION: (
        "2005-08-27",
        "999988",
        2,
        2,
        "10400.00",
        "200.00",
        ["cusip_check_digit", "margin_balance_apart"],
    ),
    TDAMERITRADE: ("2017-12-03", "121212121", 2, 0, "2000", "0", []),
    VANGUARD: (
        "2011-07-27",
        "01234567890",
        2,
        1,
        "24479.72",
        None,
        ["cash_balance_stated", "cusip_check_digit"],
    ),
    VANGUARD_PLAN: (
        "2014-10-17",
        "0123456",
        1,
        6,
        "5171.44",
        None,
        ["cash_balance_stated", "control_total"],
    ),
    VANGUARD_IRA: ("2018-07-03", "123456789", 1, 1, "72.85", "7.97", ["margin_balance_apart"]),
    PLAN_QFX: (
        "2023-05-26",
        "444555",
        1,
        5,
        "13385.75",
        None,
        ["cash_balance_stated", "control_total", "cusip_check_digit"],
    ),
    EDITED_QFX: (
        "2019-03-31",
        "1234567",
        1,
        2,
        "10200.0",
        "6543.21",
        [
            "cusip_check_digit",
            "security_list_present",
            "statement_period_valid",
            "unique_key",
        ],
    ),
}
# Files whose publisher changed the numbers: units x price is not the market value.
BROKEN_ARITHMETIC = (SCRAMBLED, FUZZED_PLAN, VANGUARD_IRA, EDITED_QFX)


def sample(path: str) -> FileReading:
    """The reading of a sample for the session that it states."""
    found = SAMPLES / path
    file = ReceivedFile(path.split("/")[0].upper(), found.name, found.read_bytes())
    stated = read_file(file, SESSION).stated_as_of_date
    return read_file(file, session_on_or_before(stated) if stated else SESSION)


def differences(reading: FileReading) -> list[Decimal]:
    """Market value less units x price x factor x multiplier of each position."""
    names = ("cusip", "custodian_security_id")
    described = {
        row[:2]: (Decimal(row[2] or 1), Decimal(row[3] or 1))
        for row in rows(reading, "securities", *names, "price_factor", "contract_multiplier")
    }
    found = []
    for row in rows(reading, "positions", *names, "quantity", "price", "market_value"):
        factor, multiplier = described[row[:2]]
        units, price, worth = (parse_amount(text) for text in row[2:])
        found.append(worth - units * price * factor * multiplier)
    return found


def test_every_ofx_sample_is_known_here():
    found = {
        str(path.relative_to(SAMPLES))
        for kind in ("*.ofx", "*.qfx")
        for path in SAMPLES.rglob(kind)
    }
    assert found == set(LANDED)


@pytest.mark.parametrize("path", sorted(LANDED))
def test_samples_land_with_exact_facts(path):
    stated, account, positions, transactions, worth, cash, warned = LANDED[path]
    reading = sample(path)
    assert (reading.feed, reading.status, str(reading.stated_as_of_date)) == (
        "ofx",
        "LOADED",
        stated,
    )
    assert reading.covered_accounts == (account,)
    assert reading.tables["positions"].num_rows == positions
    done = reading.tables.get("transactions")
    assert (done.num_rows if done else 0) == transactions
    values = [parse_amount(text) for (text,) in rows(reading, "positions", "market_value")]
    assert sum(values) == Decimal(worth)
    landed = rows(reading, "cash_balances", "trade_date_balance") if cash else []
    assert landed == ([(cash,)] if cash else [])
    assert sorted(set(serious(reading))) == warned
    assert not [found for found in reading.violations if found.severity == "block"]


@pytest.mark.parametrize("path", sorted(LANDED))
def test_samples_meet_the_expectations_of_their_contract(path):
    reading = sample(path)
    for entity, table in reading.tables.items():
        result = check_table(load_contracts()["ofx"], entity, table)
        assert (result.violations, result.broken) == ([], [])


@pytest.mark.parametrize("path", sorted(LANDED))
def test_value_is_units_times_price_where_the_publisher_left_it_so(path):
    found = differences(sample(path))
    broken = [each for each in found if abs(each) > Decimal("0.02")]
    assert bool(broken) == (path in BROKEN_ARITHMETIC)
    if path == SCRAMBLED:
        assert len(broken) == len(found) == 15


def test_fidelity_cash_is_the_money_fund_outside_the_positions():
    reading = sample(FIDELITY)
    assert reading.control_amount == Decimal("32993.79")
    assert rules(reading) == []


def test_the_price_of_debt_is_per_hundred_and_of_options_for_a_hundred():
    debt = rows(sample(TDAMERITRADE), "securities", "cusip", "ticker", "price_factor")
    assert debt == [("023135106", "AMZN", None), ("912810RW0", "", "0.01")]
    options = rows(sample(SPECIFICATION), "securities", "security_type", "contract_multiplier")
    assert options == [("EQUITY", None), ("EQUITY", None), ("OPTION", "100")]


def test_the_edited_download_shows_what_was_edited():
    reading = sample(EDITED_QFX)
    assert reading.covered_from_date is None
    assert rows(reading, "transactions", "transaction_type", "description") == [
        ("BUY", "Sell mutual fund"),
        ("SELL", "Sell mutual fund"),
    ]
    repeated = [each for each in reading.violations if each.rule == "unique_key"]
    assert [(each.source_row_number, each.severity) for each in repeated] == [
        (45, "warn"),
        (65, "warn"),
    ]
