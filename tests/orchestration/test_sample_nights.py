"""Whole nights on real custodian files: they land to the last digit and tie out, or are refused.

The samples lie outside the project (`../shared/samples`); without them these tests are skipped.
What is expected of each file is written in the SOURCES.md beside them.
"""

from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration.home import PROJECT_ROOT, Home
from orchestration.run_night import run_night
from tests.orchestration.policy_files import write_policy

SAMPLES = PROJECT_ROOT.parent / "shared" / "samples"
SCHWAB = SAMPLES / "schwab" / "beancount-import"
IBKR = SAMPLES / "ibkr"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"no custodian samples at {SAMPLES}"),
]

BALANCED = {"US Small/Mid Cap": "0.60", "Cash": "0.40"}


def night_on(folder: Path, session: date, files: list[tuple[str, Path]], **policy) -> Home:
    home = Home(folder).activate()
    landing = home.landing / session.isoformat()
    for custodian, source in files:
        target = landing / custodian / source.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    write_policy(landing / "policy", session, tax_year=session.year, **policy)
    run_night(home, session)
    return home


def rows(home: Home, query: str, *parameters: object) -> list[tuple]:
    with duckdb.connect(str(home.published), read_only=True) as connection:
        return connection.execute(query, list(parameters)).fetchall()


@pytest.fixture(scope="module")
def schwab_lots(tmp_path_factory):
    lots = SCHWAB / "test_lots" / "positions"
    return night_on(
        tmp_path_factory.mktemp("schwab-lots"),
        date(2020, 8, 25),
        [
            ("schwab", lots / "Intelligent-Positions-2020-08-25.CSV"),
            ("schwab", lots / "lots" / "2020-08-25" / "FNDA.csv"),
            ("schwab", lots / "lots" / "2020-08-25" / "SCHA.csv"),
        ],
        accounts=[
            {
                "custodian": "SCHWAB",
                "account_number": "XXXX-4321",
                "account_type": "taxable_individual",
            }
        ],
        targets=BALANCED,
        model_securities=[
            {
                "allocation_group_id": "*",
                "asset_class": "US Small/Mid Cap",
                "sub_class": "",
                "rank": "1",
                "ticker": "SCHA",
                "account_types": "*",
            }
        ],
    )


def test_schwab_lots_land_to_the_last_digit_and_tie_to_positions(schwab_lots):
    assert rows(
        schwab_lots,
        """
        select s.ticker, l.quantity, l.cost_basis, l.market_value, l.acquisition_date, l.term
        from marts.fct_tax_lots as l inner join marts.dim_securities as s
            using (as_of_date, security_id)
        order by s.ticker
        """,
    ) == [
        ("FNDA", Decimal(1), Decimal("34.89"), Decimal("33.89"), date(2020, 8, 24), "short"),
        ("SCHA", Decimal(10), Decimal("713.50"), Decimal("713.90"), date(2020, 8, 24), "short"),
    ]
    assert rows(
        schwab_lots,
        """
        select s.ticker, p.quantity, p.cost_basis, p.market_value
        from marts.fct_positions as p inner join marts.dim_securities as s
            using (as_of_date, security_id)
        order by s.ticker
        """,
    ) == [
        ("FNDA", Decimal(1), Decimal("34.89"), Decimal("33.89")),
        ("SCHA", Decimal(10), Decimal("713.50"), Decimal("713.90")),
    ]


def test_schwab_cash_row_is_cash_and_the_base_ties(schwab_lots):
    assert rows(schwab_lots, "select trade_date from marts.fct_account_cash") == [(Decimal(10),)]
    drift = dict(
        rows(
            schwab_lots,
            "select asset_class, market_value from marts.fct_household_drift "
            "where market_value <> 0",
        )
    )
    assert drift == {
        "US Small/Mid Cap": Decimal("747.79"),
        "Cash": Decimal("10"),
    }


def test_the_stale_total_of_the_file_is_a_warning_and_stops_nothing(schwab_lots):
    found = rows(
        schwab_lots,
        "select severity, message from ops.violations where message like '%717.39%'",
    )
    assert [severity for severity, _ in found] == ["warn"]
    assert rows(schwab_lots, "select household_state from marts.dim_households") == [("released",)]


def test_a_year_without_rates_blocks_taxable_trades_and_says_so(schwab_lots):
    assert rows(schwab_lots, "select count(*) from marts.fct_recommended_trades") == [(0,)]
    reasons = {
        reason
        for (reason,) in rows(schwab_lots, "select reason_code from marts.fct_trade_exceptions")
    }
    assert "rates_missing" in reasons


def test_the_household_of_the_sample_gets_its_workbook(schwab_lots):
    books = sorted(path.name for path in schwab_lots.reports(date(2020, 8, 25)).rglob("*.xlsx"))
    assert books == ["HH-SAMPLE-1.xlsx", "book.xlsx"]


@pytest.fixture(scope="module")
def schwab_all_accounts(tmp_path_factory):
    # The file is of Sunday 2020-11-15: it belongs to Friday's session.
    positions = SCHWAB / "test_basic" / "positions"
    return night_on(
        tmp_path_factory.mktemp("schwab-all"),
        date(2020, 11, 13),
        [("schwab", positions / "All-Accounts-Positions-2020-11-15.CSV")],
        accounts=[
            {
                "custodian": "SCHWAB",
                "account_number": number,
                "account_type": "traditional_ira",
            }
            for number in ("XXXX-1234", "XXXX-4321")
        ],
        targets=BALANCED,
    )


def test_several_accounts_of_one_file_land_in_their_households(schwab_all_accounts):
    values = rows(
        schwab_all_accounts,
        """
        select a.account_number_masked, s.ticker, p.quantity, p.market_value
        from marts.fct_positions as p
        inner join marts.dim_accounts as a using (as_of_date, account_id)
        inner join marts.dim_securities as s using (as_of_date, security_id)
        where s.ticker in ('FNDA', 'SCHA')
        order by s.ticker
        """,
    )
    assert [row[1:] for row in values] == [
        ("FNDA", Decimal(100), Decimal(3830)),
        ("SCHA", Decimal(100), Decimal(7897)),
    ]


def test_a_position_without_lots_in_an_ira_is_listed_with_the_custodians_basis(
    schwab_all_accounts,
):
    states = rows(
        schwab_all_accounts,
        "select distinct cost_basis_status from marts.fct_positions where market_value > 0",
    )
    assert states
    assert all(status != "complete" for (status,) in states)


@pytest.fixture(scope="module")
def interactive_brokers(tmp_path_factory):
    # 2026-01-01 is a holiday: that statement belongs to the last session of 2025 like the others.
    return night_on(
        tmp_path_factory.mktemp("ibkr"),
        date(2025, 12, 31),
        [
            ("ibkr", IBKR / name)
            for name in (
                "osa_corporate_action_2025.xml",
                "osa_minimal_short_options_repro_2025.xml",
                "osa_options_future_2025.xml",
                "osa_vtandchill_2025.xml",
            )
        ],
        accounts=[
            {
                "custodian": "IBKR",
                "account_number": number,
                "account_type": "taxable_individual",
            }
            for number in ("U1234567", "U9999999", "U0000000", "U12349876")
        ],
        targets={"US Large Cap Equity": "0.50", "International Developed": "0.50"},
    )


def account_of(home: Home, ending: str) -> tuple[str, str | None]:
    found = rows(
        home,
        "select account_state, trading_blocked_reason from marts.dim_accounts "
        "where account_number_masked like ?",
        f"%{ending}",
    )
    assert len(found) == 1
    return found[0]


def test_a_currency_without_a_rate_withholds_the_account_and_names_it(interactive_brokers):
    state, reason = account_of(interactive_brokers, "4567")
    assert state == "withheld"
    assert "EUR" in (reason or "")


def test_position_of_a_dollar_fund_lands_to_the_last_digit(interactive_brokers):
    assert rows(
        interactive_brokers,
        """
        select p.quantity, p.price, p.market_value
        from marts.fct_positions as p
        inner join marts.dim_securities as s using (as_of_date, security_id)
        inner join marts.dim_accounts as a using (as_of_date, account_id)
        where s.ticker = 'VT' and a.account_number_masked like '%9876'
        """,
    ) == [(Decimal(200), Decimal("141.06"), Decimal(28212))]


def test_cash_in_francs_is_dollars_at_the_statements_own_rate(interactive_brokers):
    # 17,000.05854876 CHF and -0.87 USD; the statement says 1 USD = 0.79285 CHF. A negative
    # balance is a debit beside the cash, not less of it.
    ((cash, debit),) = rows(
        interactive_brokers,
        """
        select c.trade_date, c.margin_debit from marts.fct_account_cash as c
        inner join marts.dim_accounts as a using (as_of_date, account_id)
        where a.account_number_masked like '%9876'
        """,
    )
    assert abs(cash - Decimal("17000.05854876") / Decimal("0.79285")) < Decimal("0.01")
    assert debit == Decimal("0.87")


def test_every_household_has_a_workbook_or_a_stated_reason(interactive_brokers):
    books = {path.stem for path in interactive_brokers.reports(date(2025, 12, 31)).glob("*/*.xlsx")}
    assert books == {f"HH-SAMPLE-{number}" for number in range(1, 5)}
    stated = rows(
        interactive_brokers,
        "select household_id, household_state, state_reason from marts.dim_households",
    )
    for _, state, reason in stated:
        assert state == "released" or reason


def test_a_lot_without_a_summary_row_gives_the_position(tmp_path):
    home = night_on(
        tmp_path,
        date(2025, 1, 31),
        [("ibkr", IBKR / "ibflex2_activity_basic.xml")],
        accounts=[
            {
                "custodian": "IBKR",
                "account_number": "U123456",
                "account_type": "taxable_individual",
            }
        ],
        targets={"US Large Cap Equity": "1.00"},
    )
    assert rows(
        home,
        "select quantity, custodian_cost_basis, acquisition_date, market_value "
        "from marts.fct_tax_lots",
    ) == [(Decimal(100), Decimal(15001), date(2025, 1, 15), Decimal(15500))]
    assert rows(home, "select quantity, market_value from marts.fct_positions") == [
        (Decimal(100), Decimal(15500))
    ]
