"""Fidelity's positions download: every kind of row, every place of the date, each way to be bad."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts.contract import load_contracts
from data_contracts.suites import check_table
from python_steps.feeds.fidelity_exports import sum_of
from python_steps.feeds.fidelity_securities import security_id, unit_factor_of
from tests.python_steps.feeds.fidelity_files import (
    DISCLAIMERS,
    DOWNLOADED,
    HOLDINGS,
    POSITIONS,
    POSITIONS_2026,
    core,
    holding,
    pending,
    position,
    positions,
)
from tests.python_steps.feeds.files import facts, read, received, rows, rules, serious

NAME = "Portfolio_Positions_Nov-19-2026.csv"
CONTRACT = load_contracts()["fidelity_positions"]


def fidelity(content: str | bytes, name: str = NAME, session: date = date(2026, 11, 19)):
    return read("FIDELITY", name, content, session)


def named(reading, rule: str):
    return [found for found in reading.violations if found.rule == rule]


@pytest.mark.parametrize("header", [POSITIONS, POSITIONS_2026])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_title_case_and_sentence_case_land_the_same_facts(header, end):
    reading = fidelity(positions(*HOLDINGS, header=header, end=end))
    assert serious(reading) == []
    assert reading.feed == "fidelity_positions"
    assert (reading.stated_as_of_date, reading.as_of_source) == (date(2026, 11, 19), "FOOTER")
    assert reading.covered_accounts == ("Z12345678",)
    assert reading.row_count == 3
    columns = ("ticker", "sub_account_type", "quantity", "price", "market_value", "cost_basis")
    assert rows(reading, "positions", *columns) == [
        ("VTI", "CASH", "10", "$250.00", "$2,500.00", "$100.00"),
        ("FXAIX", "CASH", "4.125", "$200.00", "$825.00", "$100.00"),
    ]
    assert rows(reading, "positions", "price_date", "currency", "quantity_basis") == (
        [("2026-11-19", "USD", "TRADE_DATE")] * 2
    )
    assert rows(reading, "accounts", "account_number", "account_title", "base_currency") == [
        ("Z12345678", "Family", "USD")
    ]
    assert rows(reading, "positions", "source_row_number") == [(2,), (3,)]


def test_a_good_file_meets_every_expectation_of_its_contract():
    reading = fidelity(positions(*HOLDINGS, pending("-$50.00")))
    for entity, table in reading.tables.items():
        assert check_table(CONTRACT, entity, table).violations == [], entity


def test_bad_cells_are_told_with_row_and_rule():
    bad = (
        holding("VTI", "--", "$250.00", "$2,500.00"),
        holding("GLD", "ten", "$250.00", "n/a", basis="n/a"),
        core("--"),
    )
    reading = fidelity(positions(*bad))
    found = check_table(CONTRACT, "positions", reading.tables["positions"]).violations
    assert [(f.rule, f.severity, f.scope, f.source_row_number) for f in found] == [
        ("quantity_is_present", "block", "position", 2),
        ("quantity_is_decimal", "block", "position", 3),
    ]
    cash = check_table(CONTRACT, "cash_balances", reading.tables["cash_balances"]).violations
    assert ("trade_date_balance_is_present", "block", "account") in [
        (f.rule, f.severity, f.scope) for f in cash
    ]


@pytest.mark.parametrize(
    ("line", "stated"),
    [
        ('"Date downloaded Feb-18-2026 at 7:04 p.m ET"', date(2026, 2, 18)),
        ('"Date downloaded 02/18/2026 7:26 PM ET"', date(2026, 2, 18)),
        ("Date downloaded 2/18/2026 7:51 pm", date(2026, 2, 18)),
        ('"Date downloaded Feb-18-2026 7:57 p.m ET"', date(2026, 2, 18)),
        ('"Date downloaded Feb-18-2026"', date(2026, 2, 18)),
        ("Date downloaded Feb-18-2026 at 7:04 p.m ET,,,,,,,,,,,,,,,", date(2026, 2, 18)),
    ],
)
def test_every_seen_spelling_of_the_footers_date(line, stated):
    content = positions(*HOLDINGS, footer=(*DISCLAIMERS, line))
    reading = fidelity(content, "Portfolio_Positions.csv", stated)
    assert (reading.stated_as_of_date, reading.as_of_source) == (stated, "FOOTER")
    assert serious(reading) == []


def test_the_file_name_states_the_date_where_the_footer_does_not():
    reading = fidelity(
        positions(*HOLDINGS, footer=DISCLAIMERS), "Portfolio_Positions_Nov-19-2026 (1).csv"
    )
    assert (reading.stated_as_of_date, reading.as_of_source) == (date(2026, 11, 19), "FILE_NAME")
    assert serious(reading) == []


@pytest.mark.parametrize("line", ["", "Date downloaded Feb-30-2026", "Date downloaded soon"])
def test_a_file_without_any_date_is_refused(line):
    reading = fidelity(positions(*HOLDINGS, footer=(*DISCLAIMERS, line)), "Portfolio_Positions.csv")
    assert rules(reading)[-1] == "as_of_date_present"
    assert reading.status == "QUARANTINED"


def test_a_footer_that_contradicts_the_file_name_is_told_and_wins():
    reading = fidelity(positions(*HOLDINGS), "Portfolio_Positions_Nov-18-2026.csv")
    assert serious(reading) == ["as_of_dates_agree"]
    assert reading.stated_as_of_date == date(2026, 11, 19)
    assert "2026-11-18 in the file name" in named(reading, "as_of_dates_agree")[0].message


def test_a_file_of_another_day_is_refused():
    assert "as_of_date_is_session" in rules(
        fidelity(positions(*HOLDINGS), session=date(2026, 11, 18))
    )


@pytest.mark.parametrize(
    ("hour", "is_told"),
    [("9:12 a.m", True), ("3:59 p.m", True), ("4:00 p.m", False), ("12:10 a.m", True)],
)
def test_prices_before_the_close_are_told(hour, is_told):
    line = f'"Date downloaded Nov-19-2026 at {hour} ET"'
    reading = fidelity(positions(*HOLDINGS, footer=(*DISCLAIMERS, line)))
    assert ("downloaded_after_close" in rules(reading)) is is_told
    assert reading.status == "LOADED"


def test_a_file_without_its_footer_is_cut():
    reading = fidelity(positions(*HOLDINGS, footer=()))
    found = named(reading, "file_complete")
    assert [(f.scope, f.severity, f.source_row_number) for f in found] == [("feed", "block", 4)]


# Cash


@pytest.mark.parametrize(
    "symbol", ["SPAXX**", "FZFXX**", "FDRXX**", "CORE**", "FCASH", "FCASH**", "USD***"]
)
def test_the_core_position_is_cash_and_no_holding(symbol):
    reading = fidelity(positions(core("$1,234.56", symbol)))
    assert serious(reading) == []
    assert rows(reading, "positions", "ticker") == []
    columns = ("account_number", "currency", "trade_date_balance", "settlement_date_balance")
    assert rows(reading, "cash_balances", *columns) == [
        ("Z12345678", "USD", "$1,234.56", "$1,234.56")
    ]


def test_a_core_position_with_a_quantity_is_the_same_cash():
    row = core("$6,400.00", quantity="6400", price="$1.00", basis="$6,400.00")
    reading = fidelity(positions(row))
    assert rows(reading, "positions", "ticker") == []
    assert rows(reading, "cash_balances", "trade_date_balance") == [("$6,400.00",)]


def test_a_money_fund_without_the_mark_is_a_holding():
    reading = fidelity(positions(holding("FZDXX", "163.93", "$1.00", "$163.93"), core("$5.00")))
    assert rows(reading, "positions", "ticker", "quantity") == [("FZDXX", "163.93")]
    assert rows(reading, "securities", "ticker", "security_type") == [("FZDXX", "MONEY_MARKET")]
    assert rows(reading, "cash_balances", "trade_date_balance") == [("$5.00",)]


def test_a_money_fund_of_which_only_the_value_is_stated_is_cash():
    reading = fidelity(positions(core("$5,432.10", "SPAXX", price="$0.00")))
    assert serious(reading) == []
    assert rows(reading, "positions", "ticker") == []
    assert rows(reading, "cash_balances", "trade_date_balance") == [("$5,432.10",)]


def test_the_old_layout_with_name_and_number_in_one_column():
    header = ["Account Name/Number", *POSITIONS[2:13], "Cost Basis", "Cost Basis Per Share", "Type"]
    line = 'Individual - TOD XXXX1234,XLE,ENERGY SPDR,500,$55.92,+$0.41,"$27,960.00",' + "," * 5
    content = positions(line + '"$25,500.00",$51.00,Cash', header=header)
    reading = fidelity(content)
    assert serious(reading) == []
    assert rows(reading, "positions", "account_number", "ticker", "cost_basis") == [
        ("XXXX1234", "XLE", "$25,500.00")
    ]
    assert rows(reading, "accounts", "account_title") == [("Individual - TOD",)]


def test_cash_of_several_core_rows_is_their_exact_sum():
    reading = fidelity(
        positions(core("$1,000.10"), core("$0.20", "USD***"), core("-$5.00", "CORE**"))
    )
    assert rows(reading, "cash_balances", "trade_date_balance", "source_row_number") == [
        ("995.30", 2)
    ]
    text = rows(reading, "cash_balances", "row_as_received")[0][0]
    assert text.count("\n") == 2, "the row tells all lines that it is made of"


def test_a_comma_that_parts_no_thousands_is_never_summed():
    reading = fidelity(positions(core("$1,23"), pending("$1.00")))
    assert rows(reading, "cash_balances", "trade_date_balance") == [("$1,23",)]


def test_pending_activity_parts_trade_date_from_settled_cash():
    reading = fidelity(positions(core("$1,000.00"), pending("-$1,250.00")))
    assert serious(reading) == []
    columns = ("trade_date_balance", "settlement_date_balance")
    assert rows(reading, "cash_balances", *columns) == [("-250.00", "$1,000.00")]


def test_pending_activity_alone_leaves_cash_unknown():
    found = named(
        fidelity(positions(holding("VTI", "1", "$9", "$9"), pending("$7.00"))), "cash_row_present"
    )
    assert [(f.scope, f.severity, f.account_number) for f in found] == [
        ("account", "block", "Z12345678")
    ]


@pytest.mark.parametrize("value", ["", "--", "n/a"])
def test_pending_activity_without_an_amount_is_not_zero(value):
    reading = fidelity(positions(core("$1,000.00"), pending(value)))
    assert "pending_activity_readable" in serious(reading)
    assert rows(reading, "cash_balances", "trade_date_balance") == [(value,)]


def test_cash_in_another_currency_is_not_counted_as_dollars():
    reading = fidelity(positions(core("$10.00"), core("$90.00", "EUR***")))
    assert serious(reading) == ["cash_in_dollars"]
    assert rows(reading, "cash_balances", "trade_date_balance") == [("$10.00",)]


@pytest.mark.parametrize("row", [core("$1,000.00"), pending("$1.00")])
def test_cash_rows_twice_block_the_account(row):
    reading = fidelity(positions(core("$1.00", "USD***"), row, row))
    found = named(reading, "cash_row_unique")
    assert [(f.scope, f.account_number, f.source_row_number) for f in found] == [
        ("account", "Z12345678", 4)
    ]


# Holdings


def test_options_become_symbols_of_21_characters():
    call = holding(
        " -SNDK270917C1500", "-2", "$5.25", "-$1,050.00", words="SNDK SEP 17 2027 $1500 CALL"
    )
    put = holding(" -SPY260424P580.5", "1", "$7.00", "$700.00", words="SPY APR 24 2026 $580.5 PUT")
    reading = fidelity(positions(call, put, core("$1.00")))
    assert serious(reading) == []
    assert rows(reading, "positions", "ticker", "quantity") == [
        ("SNDK  270917C01500000", "-2"),
        ("SPY   260424P00580500", "1"),
    ]
    columns = (
        "security_type",
        "contract_multiplier",
        "underlying_ticker",
        "put_call",
        "strike_price",
        "expiration_date",
    )
    assert rows(reading, "securities", *columns) == [
        ("OPTION", "100", "SNDK", "CALL", "1500", "2027-09-17"),
        ("OPTION", "100", "SPY", "PUT", "580.5", "2026-04-24"),
    ]


def test_an_adjusted_or_impossible_option_is_told():
    adjusted = holding("-XYZ1270917C15", "1", "$5.00", "$500.00")
    impossible = holding("-XYZ270931C15", "1", "$5.00", "$500.00")
    reading = fidelity(positions(adjusted, impossible, core("$1.00")))
    assert serious(reading) == ["option_is_standard", "option_expiry_possible"]
    assert rows(reading, "positions", "ticker") == [
        ("XYZ1  270917C00015000",),
        ("-XYZ270931C15",),
    ]


def test_debt_is_priced_per_hundred_where_its_value_proves_it():
    note = holding(
        "912828YW4",
        "5,000",
        "$98.50",
        "$4,925.00",
        words="UNITED STATES TREAS NTS NOTE 1.62500% 12/15/2026",
    )
    deposit = holding(
        "02587DN38", "1000", "100.10", "$1,001.00", words="A BANK CD 4.50000% 10/15/2027"
    )
    reading = fidelity(positions(note, deposit, core("$1.00")))
    columns = ("cusip", "custodian_security_id", "security_type", "price_factor", "coupon_rate")
    assert rows(reading, "securities", *columns) == [
        ("912828YW4", "", "BOND_TREASURY", "0.01", "1.62500"),
        ("02587DN38", "", "CD", "0.01", "4.50000"),
    ]
    assert rows(reading, "securities", "maturity_date") == [("2026-12-15",), ("2027-10-15",)]


def test_debt_whose_value_fits_no_unit_is_told():
    reading = fidelity(positions(holding("912828YW4", "5000", "98.50", "$77.00"), core("$1.00")))
    assert serious(reading) == ["price_unit_proved"]
    assert rows(reading, "securities", "price_factor") == [(None,)]


def test_codes_of_a_plans_funds_are_no_cusips():
    plan = {"account": "12366", "name": "ACME 401(K)", "type": ""}
    row = holding("59515R401", "10", "$1.50", "$15.00", words="LARGE CAP POOL", **plan)
    reading = fidelity(positions(row))
    assert serious(reading) == []
    assert rows(reading, "positions", "custodian_security_id", "cusip", "ticker") == [
        ("59515R401", "", "")
    ]
    assert rows(reading, "securities", "security_type") == [("OTHER",)]


def test_a_plan_without_a_core_position_has_no_cash_and_a_brokerage_account_is_not_known():
    fund = holding("FXAIX", "1", "$9.00", "$9.00", account="12366", type="")
    reading = fidelity(positions(fund, holding("VTI", "1", "$9.00", "$9.00")))
    assert [(f.severity, f.account_number) for f in named(reading, "plan_holds_no_cash")] == [
        ("info", "12366")
    ]
    columns = ("account_number", "trade_date_balance", "settlement_date_balance")
    assert rows(reading, "cash_balances", *columns) == [("12366", "0", "0")]


def test_nine_characters_that_are_no_cusip_are_told():
    reading = fidelity(positions(holding("912828YW0", "1", "$9.00", "$9.00"), core("$1.00")))
    assert serious(reading) == ["cusip_check_digit"]
    assert rows(reading, "positions", "cusip", "custodian_security_id") == [("", "912828YW0")]


def test_debt_under_a_code_that_is_no_cusip_is_debt_where_its_value_proves_it():
    words = "BARCLAYS BK CD 4.50000% 03/01/2027"
    row = holding("912828YW0", "10,000", "$100.10", "$10,010.00", words=words)
    reading = fidelity(positions(row, core("$1.00")))
    columns = ("security_type", "price_factor", "coupon_rate", "maturity_date")
    assert rows(reading, "securities", *columns) == [("CD", "0.01", "4.50000", "2027-03-01")]


def test_an_option_on_class_shares_names_them_as_their_own_rows_do():
    option = holding(" -BRKB270115C500", "1", "$3.10", "$310.00")
    share = holding("BRKB", "1", "$500.00", "$500.00")
    reading = fidelity(positions(option, share, core("$1.00")))
    assert rows(reading, "securities", "ticker", "underlying_ticker") == [
        ("BRKB  270115C00500000", "BRK.B"),
        ("BRK.B", None),
    ]


def test_crypto_and_class_shares():
    reading = fidelity(
        positions(
            holding("BTC/USD", "0.12345678", "$90,000.00", "$11,111.11"),
            holding("BRKB", "1", "$500.00", "$500.00"),
            core("$1.00"),
        )
    )
    assert rows(reading, "securities", "ticker", "security_type") == [
        ("BTC/USD", "CRYPTO"),
        ("BRK.B", "EQUITY"),
    ]
    assert rows(reading, "positions", "quantity") == [("0.12345678",), ("1",)]


def test_the_same_symbol_in_cash_and_margin_is_two_rows():
    lines = [
        holding("IBIT", n, "$44.82", "$9.99", type=kind)
        for n, kind in (("236.14", "Margin"), ("35.757", "Cash"))
    ]
    reading = fidelity(positions(*lines, core("$1.00")))
    assert serious(reading) == []
    assert rows(reading, "positions", "sub_account_type", "quantity") == [
        ("MARGIN", "236.14"),
        ("CASH", "35.757"),
    ]
    twice = fidelity(positions(lines[0], lines[0], core("$1.00")))
    assert [(f.scope, f.security_key) for f in named(twice, "unique_key")] == (
        [("position", "IBIT")] * 2
    )


def test_an_unknown_sub_account_is_told():
    reading = fidelity(positions(holding("VTI", "1", "$9", "$9", type="Vault"), core("$1")))
    assert serious(reading) == ["sub_account_type_known"]
    assert rows(reading, "positions", "sub_account_type") == [("OTHER",)]


@pytest.mark.parametrize("word", ["--", "n/a", "N/A", "not applicable", ""])
def test_a_missing_basis_stays_missing(word):
    reading = fidelity(positions(holding("VTI", "1", "$9", "$9", basis=word), core("$1")))
    assert rows(reading, "positions", "cost_basis") == [(word,)]
    assert check_table(CONTRACT, "positions", reading.tables["positions"]).violations == []


# Wrappers

PLAN = {"account": "12366", "name": "ACME 401(K)", "type": ""}
CHILD = {"account": "653239878", "name": "BrokerageLink"}


def window(value: str, symbol: str = "", **given: str) -> str:
    whose = {**PLAN, **given}
    return position(
        symbol=symbol, words="BROKERAGELINK", quantity=value, price="$1.00", value=value, **whose
    )


@pytest.mark.parametrize("symbol", ["", "BROKERAGELINK"])
def test_the_brokerage_window_is_not_counted_twice(symbol):
    reading = fidelity(
        positions(
            window("$2,544.87", symbol),
            holding("VTI", "2", "$250.00", "$500.00", **CHILD),
            core("$2,044.87", **CHILD),
        )
    )
    assert serious(reading) == []
    assert rows(reading, "positions", "account_number", "ticker") == [("653239878", "VTI")]
    assert rows(reading, "accounts", "account_number", "parent_account_number") == [
        ("12366", None),
        ("653239878", "12366"),
    ]


def test_a_window_that_disagrees_with_its_account_warns():
    reading = fidelity(positions(window("$9,999.00"), core("$2,044.87", **CHILD)))
    found = named(reading, "wrapper_agrees")
    assert [(f.severity, f.account_number, f.expected) for f in found] == [
        ("warn", "12366", "2044.87, the sum of account 653239878")
    ]
    assert reading.status == "LOADED"


def test_a_window_without_its_account_blocks_the_plan():
    reading = fidelity(positions(window("$9,999.00"), core("$1.00")))
    found = named(reading, "wrapper_has_child")
    assert [(f.severity, f.scope, f.account_number) for f in found] == [
        ("block", "account", "12366")
    ]


def test_a_renamed_brokerage_account_is_found_by_its_value():
    renamed = {"account": "653239878", "name": "My trading"}
    reading = fidelity(positions(window("$30.00"), core("$20.00"), core("$30.00", **renamed)))
    assert serious(reading) == []
    parents = dict(rows(reading, "accounts", "account_number", "parent_account_number"))
    assert parents == {"12366": None, "Z12345678": None, "653239878": "12366"}
    twins = fidelity(positions(window("$30.00"), core("$30.00"), core("$30.00", **renamed)))
    assert serious(twins) == ["wrapper_has_child"]


def test_an_empty_window_needs_no_account():
    assert serious(fidelity(positions(window("$0.00"), core("$0.00")))) == []


def test_windows_of_two_plans_find_their_accounts_by_value():
    second = {"account": "653239999", "name": "BrokerageLink Roth"}
    reading = fidelity(
        positions(
            window("$30.00"),
            window("$20.00", account="99887"),
            core("$20.00", **second),
            core("$30.00", **CHILD),
        )
    )
    assert serious(reading) == []
    parents = dict(rows(reading, "accounts", "account_number", "parent_account_number"))
    assert parents == {"12366": None, "99887": None, "653239999": "99887", "653239878": "12366"}


# Bad files


def test_several_accounts_are_kept_apart():
    other = {"account": "X98765432", "name": "Roth"}
    reading = fidelity(
        positions(
            *HOLDINGS, holding("VTI", "1", "$250.00", "$250.00", **other), core("$7", **other)
        )
    )
    assert serious(reading) == []
    assert reading.covered_accounts == ("X98765432", "Z12345678")
    assert rows(reading, "cash_balances", "account_number", "trade_date_balance") == [
        ("Z12345678", "$1,000.00"),
        ("X98765432", "$7"),
    ]


def test_ragged_rows_block_their_account_or_the_file():
    surplus = fidelity(positions(*HOLDINGS, holding("GLD", "1", "$9", "$9") + "extra"))
    assert [(f.scope, f.account_number) for f in named(surplus, "ragged_row")] == [
        ("account", "Z12345678")
    ]
    stranger = fidelity(positions(*HOLDINGS, "Q11112222,Else,GLD,GOLD,1"))
    assert [(f.scope, f.account_number) for f in named(stranger, "ragged_row")] == [("feed", None)]
    broken = fidelity(positions(*HOLDINGS, 'Z12345678,Family,"GLD" x,GOLD'))
    assert [f.scope for f in named(broken, "ragged_row")] == ["feed"]


def test_a_row_without_an_account_refuses_the_file():
    reading = fidelity(positions(*HOLDINGS, holding("GLD", "1", "$9", "$9", account="")))
    assert "account_reference_present" in rules(reading)
    assert reading.status == "QUARANTINED"


@pytest.mark.parametrize(
    ("content", "rule", "row"),
    [
        (positions(*HOLDINGS, "only words"), "section_understood", 5),
        (
            positions(*HOLDINGS, footer=(*DISCLAIMERS, DOWNLOADED, HOLDINGS[0])),
            "section_understood",
            12,
        ),
        (positions(*HOLDINGS, leading=(HOLDINGS[0],)), "section_understood", 1),
        (positions(*HOLDINGS).replace("Current Value", "Worth", 1), "required_column", 1),
        (positions(*HOLDINGS).replace("Last Price Change", "Quantity", 1), "duplicate_column", 1),
        (positions(*HOLDINGS).replace(",", ";"), "separator_is_comma", 1),
        (positions(*HOLDINGS).replace(",", "\t"), "separator_is_comma", 1),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(content, rule, row):
    reading = fidelity(content)
    assert (rule, row) in [(f.rule, f.source_row_number) for f in reading.violations]
    assert (reading.status, reading.tables) == ("QUARANTINED", {})


def test_a_title_before_the_header_and_an_unseen_column_are_told():
    reading = fidelity(positions(*HOLDINGS, leading=("Brokerage", ",,,")))
    assert serious(reading) == ["section_understood"]
    renamed = fidelity(positions(*HOLDINGS).replace("Percent Of Account", "Share", 1))
    assert serious(renamed) == ["unknown_column", "header_known"]
    assert facts(renamed) == facts(fidelity(positions(*HOLDINGS)))


def test_files_of_this_layout_are_this_feeds_and_no_others():
    from python_steps.feeds.recognition import recognise

    contracts = load_contracts()
    for content in (positions(*HOLDINGS), positions(*HOLDINGS, header=POSITIONS_2026)):
        file = received("FIDELITY", "download.csv", content)
        assert recognise(file, contracts) == "fidelity_positions"
    other = read("SCHWAB", NAME, positions(*HOLDINGS))
    assert rules(other) == ["custodian_expected"]


# Properties

decimals = st.decimals(-(10**12), 10**12, places=2)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(decimals, min_size=2, max_size=6))
def test_sums_are_exact(amounts):
    texts = [f"-${-amount:,}" if amount < 0 else f"${amount:,}" for amount in amounts]
    assert Decimal(sum_of(texts)) == sum(amounts)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=6),
    st.dates(date(2020, 1, 1), date(2035, 12, 31)),
    st.sampled_from("CP"),
    st.decimals(Decimal("0.5"), Decimal(99999), places=3),
)
def test_every_option_symbol_can_be_read_back(root, day, side, strike):
    found = security_id(f" -{root}{day:%y%m%d}{side}{strike.normalize():f}", "Z12345678", CONTRACT)
    assert len(found.ticker) == 21
    assert found.ticker[:6].strip() == found.underlying_ticker == root
    assert found.option is not None
    assert found.option.expires == day
    assert Decimal(found.ticker[13:]) / 1000 == Decimal(found.option.strike_price) == strike


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(1, 10**6), st.integers(50, 20000))
def test_the_unit_of_a_price_follows_from_the_value(quantity, cents):
    price = Decimal(cents) / 100
    for factor in ("1", "0.01"):
        value = (quantity * price * Decimal(factor)).quantize(Decimal("0.01"))
        if abs(value) > 1:
            found = unit_factor_of(str(quantity), f"${price}", f"${value:,}", CONTRACT)
            assert found == factor
