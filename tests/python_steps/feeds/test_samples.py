"""Custodians' own files, where they are at hand: they land to the last digit or are refused.

The files are not part of the project (some are under other licences); the tests skip, saying so,
where the folder beside the project is absent. Expected values: the samples' own SOURCES.md.
"""

from datetime import date
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

BASIC = "schwab/beancount-import/test_basic/positions"
LOTS = "schwab/beancount-import/test_lots/positions"
BASIC_TRANSACTIONS = "schwab/beancount-import/test_basic/transactions"
LOT_TRANSACTIONS = "schwab/beancount-import/test_lots/transactions"

# The stated date and the number of rows of the entities that matter.
LOADED = {
    "ibkr/cgtcalc_transaction_history.csv": "2025-12-31 transactions=11",
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
    f"{BASIC_TRANSACTIONS}/Brokerage_Transactions_20201130-180000.CSV": (
        "2020-11-30 transactions=0"
    ),
    f"{BASIC_TRANSACTIONS}/Intelligent_Transactions_20201115-180120.CSV": (
        "2020-11-15 transactions=25"
    ),
    f"{LOT_TRANSACTIONS}/Intelligent_Transactions_20201115-180120.CSV": (
        "2020-11-15 transactions=11"
    ),
    "schwab/finporter_Transactions_two_accounts_2021.csv": "2021-09-27 transactions=5",
    "schwab/reds_brokerage_XX876_Transactions_20220731.csv": "2023-05-03 transactions=11",
}

# Files that are known and not loaded: their feed and the blocking rules that they break.
REFUSED = {
    f"{BASIC_TRANSACTIONS}/Brokerage_Transactions_20201115-180021.CSV": (
        "schwab_transactions dates_not_after_file"
    ),
    "schwab/cgtcalc_2023_transactions.csv": (
        "schwab_transactions as_of_date_present account_reference_present"
    ),
    "schwab/cgtcalc_bond_interest_transactions.csv": (
        "schwab_transactions as_of_date_present account_reference_present"
    ),
    "schwab/cgtcalc_cash_merger_transactions.csv": (
        "schwab_transactions as_of_date_present account_reference_present"
    ),
    "schwab/cgtcalc_rsu_awards_two_row_pairs.csv": "schwab_equity_awards file_belongs_to_the_book",
    "schwab/cgtcalc_schwab_equity_award_v2.json": "schwab_equity_awards file_belongs_to_the_book",
    "schwab/finporter_Realized_GainLoss_summary_2021.csv": (
        "schwab_realized_gains opened_dates_present"
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


@pytest.mark.parametrize("path", sorted(REFUSED))
def test_samples_that_cannot_be_loaded_are_refused_with_the_reason(path):
    feed, *wanted = REFUSED[path].split()
    reading = sample(path)
    assert (str(reading.feed), reading.status, reading.tables) == (feed, "QUARANTINED", {})
    blocking = [found for found in reading.violations if found.severity == "block"]
    assert [found.rule for found in blocking] == wanted
    assert all(Path(path).name in found.message for found in blocking)


def test_every_sample_of_these_custodians_is_accounted_for():
    assert sorted([*LOADED, *REFUSED]) == sorted(every_sample())


def under_name(path: str, name: str, session: date) -> FileReading:
    """The bytes of a sample under the name that Schwab would have given them."""
    return read_file(ReceivedFile("SCHWAB", name, (SAMPLES / path).read_bytes()), session)


def test_untitled_transactions_land_under_the_name_that_schwab_gives():
    columns = ("transaction_date", "transaction_type", "ticker", "quantity", "net_amount")
    bought_and_sold = under_name(
        "schwab/cgtcalc_2023_transactions.csv",
        "Individual_XXX178_Transactions_20240301-115444.csv",
        date(2024, 3, 1),
    )
    assert serious(bought_and_sold) == []
    assert rows(bought_and_sold, "transactions", *columns) == [
        ("03/01/2022", "DEPOSIT", "", "", "$1000000.00"),
        ("10/09/2023", "BUY", "BAR", "300", "-$40503.61"),
        ("10/24/2023", "SELL", "BAR", "-300", "$42103.66"),
        ("12/01/2023", "BUY", "FOO", "500", "-$45061.70"),
        ("01/08/2024", "SELL", "FOO", "-500", "$49998.85"),
        ("02/06/2024", "BUY", "QUX", "1300", "-$208166.93"),
        ("02/26/2024", "SELL", "QUX", "-1300", "$221456.59"),
    ]
    merged = under_name(
        "schwab/cgtcalc_cash_merger_transactions.csv",
        "Individual_XXX178_Transactions_20240301.csv",
        date(2024, 3, 1),
    )
    assert serious(merged) == []
    assert rows(merged, "transactions", *columns)[:4] == [
        ("03/02/2021", "MERGER", "FOO", "", "$1000"),
        ("03/02/2021", "MERGER", "FOO", "-100", ""),
        ("03/02/2021", "BUY", "FOO", "100", "-$2506"),
        ("07/01/2016", "DEPOSIT", "", "", "$10.00"),
    ]
    interest = under_name(
        "schwab/cgtcalc_bond_interest_transactions.csv",
        "Individual_XXX178_Transactions_20240301.csv",
        date(2024, 3, 1),
    )
    # The sample's CUSIP has a wrong check digit: it stays a ticker, and is told.
    assert serious(interest) == ["cusip_check_digit", "cusip_check_digit"]
    assert rows(interest, "transactions", *columns)[:2] == [
        ("03/15/2023", "INTEREST", "912828YW8", "", "$500.00"),
        ("06/15/2023", "INTEREST", "", "", "$25.50"),
    ]


def test_a_sample_edited_past_its_own_date_lands_when_its_date_fits():
    path = f"{BASIC_TRANSACTIONS}/Brokerage_Transactions_20201115-180021.CSV"
    content = (SAMPLES / path).read_bytes().replace(b"11/15/2020 18", b"04/29/2022 18")
    file = ReceivedFile("SCHWAB", "Brokerage_Transactions_20220429-180021.CSV", content)
    reading = read_file(file, date(2022, 4, 29))
    assert serious(reading) == ["control_total"]
    columns = ("transaction_date", "transaction_type", "ticker", "cusip", "quantity", "net_amount")
    landed = rows(reading, "transactions", *columns)
    assert len(landed) == 21
    assert landed[3] == ("11/05/2020", "SELL", "FB", "", "-100", "$26143.94")
    assert landed[4] == ("11/01/2020", "TRANSFER_IN", "FB", "", "300", "")
    assert landed[6][:3] == ("03/31/2020", "EXPIRE", "SPY   200331P00284000")
    assert landed[15] == ("02/15/2021", "INTEREST", "", "912810SP4", "", "$6.87")
    assert landed[16:18] == [
        ("03/25/2021", "MERGER", "QQZ", "", "100", ""),
        ("03/25/2021", "MERGER", "SPAC1", "", "-100", ""),
    ]


def test_schwab_transactions_keep_signs_pairs_and_both_dates():
    reading = sample(f"{LOT_TRANSACTIONS}/Intelligent_Transactions_20201115-180120.CSV")
    columns = ("transaction_date", "entry_date", "transaction_type", "ticker", "cusip", "quantity")
    assert rows(reading, "transactions", *columns) == [
        ("10/22/2020", "10/22/2020", "SPLIT", "IAU", "", "5"),
        ("10/22/2020", "10/22/2020", "SPLIT", "", "464285105", "-10"),
        ("10/19/2020", "10/19/2020", "SELL", "SCHA", "", "-19.5"),
        ("10/19/2020", "10/19/2020", "SELL", "FNDA", "", "-1"),
        ("10/13/2020", "10/14/2020", "SPLIT", "HYLB", "", "20"),
        ("09/24/2020", "09/24/2020", "BUY", "SCHA", "", "20"),
        ("09/24/2020", "09/24/2020", "BUY", "IAU", "", "10"),
        ("08/31/2020", "08/31/2020", "BUY", "HYLB", "", "12"),
        ("08/30/2020", "08/30/2020", "BUY", "HYLB", "", "8"),
        ("08/24/2020", "08/24/2020", "BUY", "SCHA", "", "10"),
        ("08/24/2020", "08/24/2020", "BUY", "FNDA", "", "1"),
    ]
    assert reading.control_amount == Decimal("-897.10")
    total = [found for found in reading.violations if found.rule == "control_total"]
    assert [(found.severity, found.expected) for found in total] == [
        ("warn", "-1097.10, the sum of 8 amounts")
    ]


def test_schwab_transactions_of_two_accounts_and_of_a_masked_one():
    two = sample("schwab/finporter_Transactions_two_accounts_2021.csv")
    assert two.covered_accounts == ("...234", "...678")
    columns = ("account_number", "transaction_type", "ticker", "quantity", "net_amount")
    assert rows(two, "transactions", *columns) == [
        ("...234", "OTHER", "", "", "$100.00"),
        ("...234", "BUY", "SCHB", "961", "-$100975.73"),
        ("...234", "TRANSFER_IN", "NO NUMBER", "", "$101000.00"),
        ("...678", "SELL", "VOO", "-10", "$1370.12"),
        ("...678", "INTEREST", "", "", "$0.55"),
    ]
    masked = sample("schwab/reds_brokerage_XX876_Transactions_20220731.csv")
    assert serious(masked) == ["as_of_dates_agree"]
    assert masked.covered_accounts == ("XX876",), "the title masks the account whole"
    assert masked.control_amount == Decimal("-1574.04")
    pair = [row for row in rows(masked, "transactions", *columns[1:]) if row[1] == "BND"][2:]
    assert pair == [
        ("REINVEST", "BND", "0.0249", "-$1.84"),
        ("DIVIDEND", "BND", "", "$1.84"),
    ]
    empty = sample(f"{BASIC_TRANSACTIONS}/Brokerage_Transactions_20201130-180000.CSV")
    assert (empty.covered_from_date, empty.row_count) == (date(2020, 11, 16), 0)


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


@pytest.mark.parametrize(
    "path", [path for path in sorted(LOADED) if path.startswith("ibkr") and path.endswith(".xml")]
)
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


def test_ibkr_transaction_history_keeps_nulls_and_small_numbers():
    reading = sample("ibkr/cgtcalc_transaction_history.csv")
    assert reading.covered_accounts == ("U***00000",)
    assert reading.covered_from_date == date(2024, 1, 1)
    assert rules(reading) == [
        "fx_conversions_left_out",
        "control_total",
        "control_total_present",
    ]
    # The sanitised file states a change of 200.00; the conversion's -2.637591265E-4 is in the sum.
    assert reading.violations[1].expected == "3027.3997362408735, the sum of 12 net amounts"
    columns = ("transaction_date", "transaction_type", "ticker", "isin", "quantity", "net_amount")
    landed = rows(reading, "transactions", *columns)
    assert landed[0] == ("2025-11-03", "DIVIDEND", "VT", "US9220427424", "-", "20.0")
    assert landed[5:7] == [
        ("2025-08-15", "SELL", "CNX1", None, "-2.0", "1999.0"),
        ("2025-03-15", "BUY", "CNX1", None, "4.0", "-4003.0"),
    ]
    assert landed[10] == ("2025-01-01", "DEPOSIT", "-", None, "-", "5000.0")
    assert set(rows(reading, "transactions", "currency")) == {("GBP",)}


def test_ibkr_samples_say_what_of_them_is_not_loaded():
    told = {
        path: sorted({found.rule for found in sample(path).violations})
        for path in sorted(LOADED)
        if path.startswith("ibkr") and path.endswith(".xml")
    }
    assert told == {
        "ibkr/ibflex2_activity_basic.xml": ["cash_report_present", "positions_from_lots"],
        "ibkr/osa_corporate_action_2025.xml": [
            "base_currency_stated",
            "cash_report_present",
            "consolidated_rows",
        ],
        "ibkr/osa_minimal_short_options_repro_2025.xml": [
            "cash_transactions_summary_only",
            "lots_present",
        ],
        "ibkr/osa_options_future_2025.xml": [
            "base_currency_stated",
            "cash_report_present",
            "lots_present",
            "section_left_out",
        ],
        "ibkr/osa_vtandchill_2025.xml": [
            "fx_conversions_left_out",
            "lots_present",
            "section_left_out",
        ],
    }
