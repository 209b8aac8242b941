"""E*TRADE's downloads: portfolio with lots, gains and losses, transaction history."""

from datetime import date
from decimal import Decimal

import pytest

from data_contracts.contract import load_contracts
from data_contracts.suites import check_table
from python_steps.feeds.recognition import recognise
from tests.python_steps.feeds.etrade_files import (
    GAINS,
    GAINS_HEADER,
    GAINS_TOTAL,
    GENERATED,
    HISTORY,
    ROWS,
    WIDE,
    gains,
    history,
    portfolio,
)
from tests.python_steps.feeds.files import facts, read, received, rows, rules, serious


def etrade(content: str, name: str = "PortfolioDownload.csv"):
    return read("ETRADE", name, content)


@pytest.mark.parametrize(
    ("content", "feed"),
    [
        (portfolio(), "etrade_portfolio"),
        (portfolio(header=WIDE, rows=[]), "etrade_portfolio"),
        (gains(), "etrade_gains"),
        (gains(title="NON-TAXABLE"), "etrade_gains"),
        (history(), "etrade_transactions"),
        ("Trade Date,Order Type,Security,Cusip,Transaction Description\n", "etrade_transactions"),
    ],
)
def test_recognition(content, feed):
    assert recognise(received("ETRADE", "download.csv", content), load_contracts()) == feed


@pytest.mark.parametrize(
    "content", [portfolio(), gains(), history()], ids=["portfolio", "gains", "history"]
)
def test_good_files_meet_their_contracts(content):
    reading = etrade(content)
    assert reading.status == "LOADED"
    for entity, table in reading.tables.items():
        result = check_table(load_contracts()[reading.feed], entity, table)
        assert (result.violations, result.broken) == ([], [])


# Portfolio


def test_an_option_of_an_impossible_day_keeps_its_other_terms_and_is_told():
    impossible = [row.replace("Jan 15 '27", "Feb 30 '27") for row in ROWS]
    reading = etrade(portfolio(impossible))
    terms = ("underlying_ticker", "put_call", "strike_price", "expiration_date", "security_type")
    assert ("XYZ", "PUT", "35", "", "OPTION") in rows(reading, "securities", *terms)
    told = [f for f in reading.violations if f.rule == "option_expiry_possible"]
    assert [(f.severity, f.scope, f.security_key) for f in told] == [
        ("block", "position", "XYZ Feb 30 '27 $35 Put")
    ]
    adjusted = [row.replace("XYZ Jan", "XYZ1 Jan") for row in ROWS]
    reading = etrade(portfolio(adjusted))
    assert "option_is_standard" in serious(reading)
    assert ("XYZ", "PUT", "35", "2027-01-15", "OPTION") in rows(reading, "securities", *terms)


def test_positions_and_the_lots_below_them_land():
    reading = etrade(portfolio())
    assert reading.violations == ()
    assert (reading.stated_as_of_date, reading.as_of_source) == (date(2026, 11, 19), "FOOTER")
    assert rows(reading, "accounts", "account_number", "account_title") == [
        ("-2641", "Individual Brokerage")
    ]
    columns = ("account_number", "ticker", "quantity", "market_value", "cost_basis")
    assert rows(reading, "positions", *columns) == [
        ("-2641", "VTI", "100.0000", "25000.00", "18000.00"),
        ("-2641", "BND", "10.0000", "720.00", "--"),
        ("-2641", "VMFXX", "500.0000", "500.00", "500.00"),
        ("-2641", "XYZ   270115P00035000", "1.0000", "500.00", "450.00"),
    ]
    lots = ("account_number", "ticker", "acquisition_date", "quantity", "cost_basis")
    assert rows(reading, "tax_lots", *lots) == [
        ("-2641", "VTI", "2022-01-05", "40.0000", "8000.00"),
        ("-2641", "VTI", "--", "60.0000", "10000.00"),
        ("-2641", "BND", "2020-06-01", "10.0000", "--"),
        ("-2641", "XYZ   270115P00035000", "2026-03-10", "1.0000", "450.00"),
    ]
    assert rows(reading, "cash_balances", "account_number", "trade_date_balance") == [
        ("-2641", "280.00")
    ]
    assert reading.control_amount == Decimal("27000.00")


def test_symbols_tell_what_they_can():
    columns = ("ticker", "security_type", "contract_multiplier", "put_call", "strike_price")
    more = ("expiration_date", "underlying_ticker")
    assert rows(etrade(portfolio()), "securities", *columns, *more) == [
        ("VTI", None, None, None, None, None, None),
        ("BND", None, None, None, None, None, None),
        ("VMFXX", "MONEY_MARKET", None, None, None, None, None),
        ("XYZ   270115P00035000", "OPTION", "100", "PUT", "35", "2027-01-15", "XYZ"),
    ]


def test_the_wide_view_has_prices_and_a_row_with_a_comma_more():
    wide = [
        "VTI,92.60,250.00,180.00,100.0,18000.00,7000.00,25000.00,38.9,1.0,.01,1.2,--,--,--",
        "     01/05/2022,,,180.00,100.0,18000.00,7000.00,25000.00,38.9,1.0,.01,,,,01/05/2022",
        "CASH,7.40,,,,,,2000.00,,,,,,,,",
        "TOTAL,,,,,18000.00,7000.00,27000.00,,,,,,,",
    ]
    reading = etrade(portfolio(wide, WIDE))
    assert reading.violations == ()
    assert rows(reading, "positions", "price", "unrealized_gain_loss") == [("250.00", "7000.00")]
    assert rows(reading, "tax_lots", "acquisition_date", "unit_cost") == [("2022-01-05", "180.00")]


def test_the_date_comes_from_the_footer_or_the_name_or_the_file_is_refused():
    bare = portfolio(end="")
    named = etrade(bare, "PortfolioDownload-2026-11-19.csv")
    assert (named.status, named.as_of_source) == ("LOADED", "FILE_NAME")
    assert facts(named) == facts(etrade(portfolio()))
    refused = etrade(bare)
    assert (refused.status, serious(refused)) == ("QUARANTINED", ["as_of_date_present"])
    other = etrade(portfolio(), "PortfolioDownload-20261118.csv")
    assert serious(other) == ["as_of_dates_agree"]


@pytest.mark.parametrize(
    ("cell", "title", "reference"),
    [
        ("Individual Brokerage -2641", "Individual Brokerage", "-2641"),
        ("Roth IRA XXXX-2641", "Roth IRA", "XXXX-2641"),
        ("Joint ...641", "Joint", "...641"),
        ("Trust 6012-34567", "Trust", "6012-34567"),
    ],
)
def test_masks_of_accounts(cell, title, reference):
    reading = etrade(portfolio(account=cell))
    assert rows(reading, "accounts", "account_title", "account_number") == [(title, reference)]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (portfolio(account="All Accounts"), "account_reference_present"),
        (portfolio(filters=",Stocks,Symbol,Asc,"), "view_is_whole"),
        (portfolio([*ROWS[:1], ROWS[1], *ROWS[3:]]), "lots_make_the_position"),
        (
            portfolio([ROWS[0], ROWS[1].replace("8000", "8500"), *ROWS[2:]]),
            "lot_costs_make_the_cost",
        ),
        (portfolio(net="28000.00"), "control_total"),
        (portfolio([*ROWS[:3], *ROWS[5:]]), "control_total"),
        (portfolio([*ROWS[:4], *ROWS[5:]]), "lots_present"),
        (portfolio([*ROWS[:3], ROWS[3], ROWS[3], *ROWS[4:]]), "unique_key"),
        (portfolio([*ROWS[:8], ROWS[9]]), "cash_row_present"),
        (portfolio(["     1/5,1,1,1", *ROWS]), "lot_date_form"),
        (portfolio([ROWS[1], *ROWS]), "section_understood"),
        (portfolio([*ROWS, "VXUS,1,1,1"]), "section_understood"),
        (portfolio([*ROWS[:3], "BND,10.0000,720.00", *ROWS[4:]]), "ragged_row"),
        (portfolio(header="Symbol,Qty #,Value $"), "required_column"),
        (portfolio(header="Symbol,Qty #,Value $,Total Cost,Beta"), "unknown_column"),
        (portfolio() + portfolio(), "section_understood"),
        (portfolio().partition("Symbol,Qty")[0], "file_complete"),
    ],
)
def test_what_is_wrong_with_a_portfolio_is_told(content, rule):
    reading = etrade(content)
    assert rule in serious(reading), rules(reading)
    assert "PortfolioDownload.csv" in reading.violations[0].message


def test_two_accounts_in_one_file():
    second = portfolio(account="IRA -9999", line_end="\r\n")
    first = portfolio(end="")
    reading = etrade(first + second)
    assert serious(reading) == []
    assert reading.covered_accounts == ("-2641", "-9999")
    assert len(rows(reading, "tax_lots", "ticker")) == 8


# Gains and losses


def test_closed_lots_land_with_both_dates():
    reading = etrade(gains(), "GainsAndLossesDowload.csv")
    assert reading.violations == ()
    assert (reading.feed, reading.as_of_source) == ("etrade_gains", "FOOTER")
    columns = (
        "account_number",
        "ticker",
        "quantity",
        "acquisition_date",
        "disposal_date",
        "cost_basis",
        "proceeds",
        "realized_gain_loss",
    )
    assert rows(reading, "closed_lots", *columns) == [
        ("-2641", "VXUS", "567", "2026-08-17", "2026-09-15", "49972.54", "48477.38", "-1495.16"),
        ("-2641", "VXUS", "0.099", "2026-08-17", "2026-09-15", "8.73", "8.46", "-.27"),
        ("-2641", "VOO", "10", "--", "2026-09-16", "4000.00", "5000.00", "1000.00"),
    ]
    more = ("term", "disposal_method", "disallowed_loss", "wash_sale_flag", "covered_status")
    assert rows(reading, "closed_lots", *more) == [
        ("SHORT", "FIFO", "20.50", "true", None),
        ("SHORT", "FIFO", "0.00", "false", None),
        ("LONG", None, "--", None, None),
    ]


def test_the_covered_filter_is_a_fact_and_a_gap():
    criteria = '"Individual Brokerage -2641",01/01/2026,11/19/2026,All,Stocks,Covered,All,'
    reading = etrade(gains(criteria=criteria))
    assert serious(reading) == ["view_is_whole"]
    assert set(rows(reading, "closed_lots", "covered_status")) == {("COVERED",)}


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (gains([*GAINS[:2], *GAINS[3:]]), "control_total"),
        (gains([*GAINS[:3], GAINS[2], *GAINS[3:]]), "identical_rows"),
        (gains(total=""), "file_complete"),
        (gains(end=""), "as_of_date_present"),
        (gains(header=GAINS_HEADER.replace("Date,Cost", "Date,Term,Cost")), "duplicate_column"),
        (
            gains([GAINS[0], GAINS[1].replace("08/17/2026", "10/17/2026"), *GAINS[2:]]),
            "dates_in_order",
        ),
        (gains([GAINS[0], GAINS[1].replace("Sell", "Expired"), *GAINS[2:]]), "row_kind_known"),
        (gains([GAINS[1], *GAINS]), "section_understood"),
        (gains([GAINS[0], GAINS[1].replace("FIFO", "Magic"), *GAINS[2:]]), "word_known"),
        (gains([GAINS[0], GAINS[1].replace("49972.54,09/15/2026,", ""), *GAINS[2:]]), "ragged_row"),
        (
            gains(criteria="All Accounts,01/01/2026,11/19/2026,All,All,All,All,"),
            "account_reference_present",
        ),
        (gains(total=GAINS_TOTAL.replace("53981", "53982")), "control_total"),
    ],
)
def test_what_is_wrong_with_gains_is_told(content, rule):
    assert rule in serious(etrade(content, "GainsAndLosses.csv"))


def test_columns_may_change_their_order_with_their_group():
    """Each Date stands before its own group, wherever the group stands."""
    order = [0, 1, 5, 6, 7, 2, 3, 4, 8, 9, 10, 11]
    moved = [",".join(line.split(",")[place] for place in order) for line in [GAINS_HEADER, *GAINS]]
    total = ",".join([*GAINS_TOTAL.split(","), "", ""][place] for place in order)
    reading = etrade(gains(moved[1:], moved[0], total=total))
    assert serious(reading) == ["header_known"]
    assert facts(reading) == facts(etrade(gains()))


# Transactions


def test_transactions_land():
    reading = etrade(history(), "DownloadTxnHistory.csv")
    assert serious(reading) == ["control_total_present"]
    assert (reading.as_of_source, reading.covered_from_date) == ("TITLE", date(2026, 10, 20))
    assert reading.covered_to_date == reading.stated_as_of_date
    columns = ("account_number", "transaction_date", "transaction_type", "ticker", "quantity")
    assert rows(reading, "transactions", *columns, "net_amount") == [
        ("-7113", "2026-11-18", "BUY", "XBCI", "3.0", "-106.55"),
        ("-7113", "2026-11-17", "DIVIDEND", "ISBG", "", "1.39"),
        ("-7113", "2026-11-16", "REINVEST", "TSPY", "0.046", "-1.16"),
        ("-7113", "2026-11-13", "SELL", "ULTY", "-4.242", "135.70"),
        ("-7113", "2026-11-13", "JOURNAL", None, "", "33.37"),
        ("-7113", "2026-11-12", "WITHDRAWAL", None, "", "-40.00"),
    ]
    assert rows(reading, "transactions", "cusip", "source_type")[3] == ("922908769", "Sold")


def test_the_older_layout_and_a_period_without_days():
    older = (
        "For Account:,#####1234\n\n"
        "TransactionDate,TransactionType,SecurityType,Symbol,Quantity,Amount,Price,Commission,"
        "Description\n"
        "11/18/26,Bought,EQ,VTI,1,-250.00,250.00,0,VANGUARD\n"
    )
    reading = etrade(older, "DownloadTxnHistory-20261119.csv")
    assert reading.as_of_source == "FILE_NAME"
    assert rows(reading, "transactions", "account_number", "quantity", "price") == [
        ("#####1234", "1", "250.00")
    ]
    last = history(activity="Account Activity for Trading -7113 from LAST 30 Days")
    assert "as_of_date_present" in serious(etrade(last, "DownloadTxnHistory.csv"))


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (
            "Trade Date,Order Type,Security,Cusip,Transaction Description,Quantity\n"
            "11/18/26,Sell,VTI,1,x,3\n",
            "export_supported",
        ),
        (history([HISTORY[0].replace("Bought", "Levitated")]), "transaction_type_known"),
        (history([HISTORY[3].replace("-4.242", "4.242")]), "transaction_signs_agree"),
        (history([HISTORY[0], HISTORY[0]]), "identical_rows"),
        (history([HISTORY[0].replace("11/18/26", "12/18/26")]), "dates_not_after_session"),
        (history(activity="Everything"), "account_reference_present"),
        (history([HISTORY[0].replace(",--,--", "")]), "ragged_row"),
        (history().partition("Activity/Trade")[0], None),
    ],
)
def test_what_is_wrong_with_transactions_is_told(content, rule):
    reading = etrade(content, "DownloadTxnHistory-20261119.csv")
    assert (rule or "file_complete") in serious(reading)


def test_the_line_generated_at_is_read_exactly():
    for bad in ("Generated at Nov 31 2026", "Generated at noon", "Generated"):
        reading = etrade(portfolio(end=bad))
        assert reading.status == "QUARANTINED"
    assert GENERATED in portfolio()
