"""Interactive Brokers statements as CSV, and each way they can be bad."""

from datetime import date
from decimal import Decimal

import pytest

from data_contracts.contract import load_contracts
from data_contracts.suites import check_table
from tests.python_steps.feeds.files import facts, read, rows, rules, serious
from tests.python_steps.feeds.ibkr_files import (
    ACCOUNT,
    HISTORY,
    INSTRUMENTS,
    POSITIONS,
    STATEMENT,
    history,
    whole,
)

KNOWN = {"control_total_present", "fx_conversions_left_out"}


def ibkr(content: str, session: date = date(2026, 11, 19)):
    return read("IBKR", "statement.csv", content, session)


def lines(*parts: list[str]) -> str:
    return "\n".join(line for part in parts for line in part) + "\n"


def test_a_whole_statement_lands():
    reading = ibkr(whole())
    assert set(rules(reading)) == KNOWN
    assert (reading.feed, reading.as_of_source) == ("ibkr_activity_csv", "HEADER")
    assert reading.stated_as_of_date == date(2026, 11, 19)
    assert reading.covered_accounts == ("U100",)
    assert load_contracts()["ibkr_activity_csv"].role == "cross_check"
    columns = ("ticker", "custodian_security_id", "isin", "quantity", "cost_basis", "market_value")
    assert rows(reading, "positions", *columns) == [
        ("VTI", "12340041", "US9229087690", "10", "2000", "2500"),
        ("BRK B", "72063691", None, "2", "800", "1000"),
        ("T 4 08/15/34", "45", None, "5000", "4900", "4950"),
    ]
    columns = ("quantity", "acquisition_date", "holding_period_start_date", "term", "cost_basis")
    assert rows(reading, "tax_lots", *columns) == [
        ("6", "2025-01-02, 09:30:00", None, "LONG", "1200"),
        ("4", "", "2024-12-01, 09:30:00", "SHORT", "800"),
    ]
    assert rows(reading, "tax_lots", "wash_sale_flag") == [("false",), ("true",)]
    columns = ("currency", "trade_date_balance", "settlement_date_balance")
    assert rows(reading, "cash_balances", *columns) == [("USD", "50.5", "40.25")]
    assert rows(reading, "accounts", "account_number", "account_title", "base_currency") == [
        ("U100", "Ann Example", "USD")
    ]


def test_instruments():
    reading = ibkr(whole())
    columns = ("ticker", "cusip", "isin", "security_type", "put_call", "strike_price")
    assert rows(reading, "securities", *columns) == [
        ("VTI", "", "US9229087690", "ETF", None, None),
        ("BRK B", "084670702", "", "EQUITY", None, None),
        ("T 4 08/15/34", "912828YW4", "", "BOND_TREASURY", None, None),
        ("ABC 20FEB26 200 C", "", "", "OPTION", "CALL", "200"),
    ]
    assert rows(reading, "securities", "price_factor")[1:3] == [(None,), ("0.01",)]
    assert rows(reading, "securities", "expiration_date", "contract_multiplier")[3] == (
        "2026-02-20",
        "100",
    )
    none = ibkr(lines(STATEMENT, ACCOUNT, POSITIONS))
    assert set(rules(none)) == {"instruments_present", "control_total_present"}
    odd = whole().replace("Information,Data,Stocks,VTI", "Information,Data,Hovercraft,VTI")
    assert serious(ibkr(odd)) == ["security_type_known"]


def test_trades_and_closed_lots():
    reading = ibkr(whole())
    columns = ("transaction_type", "ticker", "quantity", "net_amount", "transaction_date")
    trades = [row for row in rows(reading, "transactions", *columns) if row[2]]
    assert trades == [
        ("BUY", "VTI", "10", "-2501", "2026-11-19"),
        ("SELL", "BND", "-4", "299", "2026-11-19"),
    ]
    assert rows(reading, "transactions", "transaction_time")[0] == ("09:31:05",)
    columns = ("acquisition_date", "disposal_date", "quantity", "cost_basis", "term")
    assert rows(reading, "closed_lots", *columns) == [
        ("2024-01-05, 10:00:00", "2026-11-19", "4", "280", "LONG")
    ]
    orphan = whole().replace("ClosedLot,Stocks,USD,BND", "ClosedLot,Stocks,USD,GLD")
    assert serious(ibkr(orphan)) == ["closed_lot_has_trade"]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ((",10,250,251,-2500,-1,2501,0,10,O;P", ",10,250,251,-2500,-1,2501,0,10,O;R"), "REINVEST"),
        ((",10,250,251,-2500,-1,2501,0,10,O;P", ",10,250,251,-2500,-1,2501,0,10,C"), "BUY_COVER"),
        ((",10,250,251,-2500,-1,2501,0,10,O;P", ",-10,250,251,2500,-1,1,0,1,O"), "SELL_SHORT"),
        (("Order,Stocks,USD,VTI", "Order,Equity and Index Options,USD,VTI"), "BUY"),
        (("Order,Stocks,USD,VTI,\"2026-11-19, 09:31:05\",10,250,251,-2500,-1,2501,0,10,O;P",
          "Order,Equity and Index Options,USD,V,\"2026-11-19, 09:31:05\",1,0,0,0,0,0,0,0,C;Ep"),
         "EXPIRE"),
    ],
)  # fmt: skip
def test_kinds_of_trades(change, kind):
    content = whole().replace(*change)
    assert content != whole()
    assert rows(ibkr(content), "transactions", "transaction_type")[0] == (kind,)


def test_executions_count_once_where_their_orders_stand_too():
    execution = (
        'Trades,Data,Trade,Stocks,USD,VTI,"2026-11-19, 09:31:05",10,250,,-2500,-1,2501,0,10,O;P'
    )
    content = whole().replace("Trades,SubTotal", execution + "\nTrades,SubTotal", 1)
    trades = rows(ibkr(content), "transactions", "source_type", "quantity")
    assert [row for row in trades if row[1]] == [("Trade", "10")]
    unknown = whole().replace("Trades,Data,ClosedLot", "Trades,Data,Tranche")
    found = [f for f in ibkr(unknown).violations if f.rule == "level_of_detail_known"]
    assert [(f.severity, f.scope, f.account_number) for f in found] == [
        ("block", "account", "U100")
    ]


def test_dated_amounts_and_their_totals():
    reading = ibkr(whole())
    columns = ("transaction_type", "source_type", "isin", "net_amount", "currency")
    cash = [row for row in rows(reading, "transactions", *columns) if row[1] not in ("Order",)]
    assert cash == [
        ("DIVIDEND", "Dividends", "US9229087690", "12.72", "USD"),
        ("DIVIDEND", "Dividends", "US9229087690", "12.72", "USD"),
        ("WITHDRAWAL", "Deposits & Withdrawals", None, "-100", "USD"),
    ]
    wrong = ibkr(whole().replace("Total,,,25.44", "Total,,,12.72"))
    assert [(f.rule, f.severity, f.expected) for f in wrong.violations if f.severity == "warn"] == [
        ("control_total", "warn", "25.44, the sum of 2 rows")
    ]
    positions = ibkr(whole().replace(",,3500,700,", ",,3600,700,"))
    assert serious(positions) == ["control_total"]


def test_the_transaction_history():
    reading = ibkr(history())
    assert set(rules(reading)) == KNOWN
    assert reading.covered_from_date == date(2026, 1, 1)
    assert reading.covered_to_date == reading.stated_as_of_date
    assert reading.covered_accounts == ("U***00000",)
    columns = ("transaction_type", "ticker", "isin", "quantity", "net_amount", "currency")
    assert rows(reading, "transactions", *columns) == [
        ("DIVIDEND", "VT", "US9220427424", "-", "20.0", "GBP"),
        ("TAX_WITHHELD", "VT", "US9220427424", "-", "-3.0", "GBP"),
        ("OTHER", "-", None, "-", "-2.637591265E-4", "GBP"),
    ]
    odd = ibkr(history().replace(",Dividend,VT", ",Moon Dust,VT"))
    assert serious(odd) == ["transaction_type_known"]
    stale = ibkr(history().replace("Change,16.99", "Change,26.99"))
    assert serious(stale) == ["control_total"]
    baseless = ibkr(lines([line for line in HISTORY if not line.startswith("Summary")]))
    assert serious(baseless) == ["base_currency_stated"]


def test_values_meet_the_contract():
    contract = load_contracts()["ibkr_activity_csv"]
    for content in (whole(), history()):
        for entity, table in ibkr(content).tables.items():
            result = check_table(contract, entity, table)
            assert (entity, result.violations, result.broken) == (entity, [], [])
    bad = whole().replace(",10,1,200,2000,", ",ten,1,200,2000,")
    found = check_table(contract, "positions", ibkr(bad).tables["positions"])
    assert [broken.rule for broken in found.violations] == ["quantity_is_decimal"]


def test_sections_that_are_not_loaded_are_said():
    moon = ["Moon Rocks,Header,Weight", "Moon Rocks,Data,1"]
    known = ["Codes,Header,Code,Meaning", "Codes,Data,LD,Adjusted by loss disallowed"]
    unknown = ibkr(whole(moon))
    assert serious(unknown) == ["section_understood"]
    assert (unknown.status, unknown.tables) == ("QUARANTINED", {}), "nobody knows what it holds"
    moved = ["Transfers,Header,Asset Category,Qty", "Transfers,Data,Stocks,5"]
    told = ibkr(whole(moved))
    assert (serious(told), told.status) == (["section_not_read"], "LOADED")
    assert set(rules(ibkr(whole(known)))) == KNOWN | {"section_left_out"}


def test_columns_are_found_by_name():
    new = whole().replace("Unrealized P/L,Code", "Unrealized P/L,Moon Phase")
    assert serious(ibkr(new)) == ["unknown_column"]
    missing = whole().replace("Open,Quantity,Mult", "Open,Amount held,Mult")
    assert "required_column" in rules(ibkr(missing))
    assert ibkr(missing).status == "QUARANTINED"
    assert facts(ibkr(whole(end="\r\n"))) == facts(ibkr(whole()))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda text: text.replace('Period,"November 19, 2026"', 'Period,"Smarch 19, 2026"'),
         "statement_period"),
        (lambda text: text.replace('Statement,Data,Period,"November 19, 2026"\n', ""),
         "statement_period"),
        (lambda text: text.replace("Information,Data,Account,U100", "Information,Data,Account,"),
         "account_reference_present"),
        (lambda text: text.replace("Trades,Data,Order", "Trades,Datum,Order", 1), "row_kind_known"),
        (lambda text: text.replace("Dividends,Header", "Withholding Tax,Header"), "row_kind_known"),
        (lambda text: text.replace("USD,VTI,-,10,1,200", "USD,VTI,-,10,1"), "ragged_row"),
        (lambda text: text.replace('"2025-01-02', '2025-01-02', 1), "ragged_row"),
        (lambda text: text[:-1], "last_line_ended"),
        (lambda text: text.replace("Account Information,Data,Base Currency,USD\n", ""),
         "account_information_whole"),
        (lambda text: text.replace("Cash Report,Data,Ending Settled Cash,USD,40.25,40.25,0,\n", ""),
         "cash_report_whole"),
        (lambda text: text.replace(",,,,-2200,-2,", ",,,,-220,-2,"), "control_total"),
        (lambda text: text.replace(",Data,Bonds,T 4 08/15/34", ",Data,Bonds,X"),
         "instrument_known"),
        (lambda text: text.replace("USD,2026-11-19,VTI", "USD,2026-11-18,VTI", 1),
         "dates_in_period"),
        (lambda text: text.replace("Summary,Stocks,USD,BRK B", "Summary,Stocks,USD,VTI"),
         "unique_key"),
    ],
)  # fmt: skip
def test_bad_files_are_told(change, rule):
    assert change(whole()) != whole()
    reading = ibkr(change(whole()))
    found = [broken for broken in reading.violations if broken.rule == rule]
    assert found, rules(reading)
    assert "statement.csv" in found[0].message
    if rule in ("statement_period", "account_reference_present", "row_kind_known"):
        assert reading.status == "QUARANTINED"


def test_a_statement_of_another_day_is_refused():
    assert "as_of_date_is_session" in rules(ibkr(whole(), date(2026, 11, 18)))


def test_consolidated_statements_name_the_account_of_each_row():
    content = lines(
        STATEMENT,
        [line.replace("Currency,Symbol", "Currency,Account,Symbol") if "Header" in line
         else line.replace("USD,VTI", "USD,U1,VTI").replace("USD,BRK", "USD,U2,BRK")
         .replace("USD,T 4", "USD,U2,T 4").replace("USD,,", "USD,,,")
         for line in POSITIONS],
        INSTRUMENTS,
    )  # fmt: skip
    reading = ibkr(content)
    assert serious(reading) == []
    assert rows(reading, "positions", "account_number", "ticker") == [
        ("U1", "VTI"),
        ("U2", "BRK B"),
        ("U2", "T 4 08/15/34"),
    ]
    assert "accounts" not in reading.tables
    assert Decimal(rows(reading, "positions", "quantity")[2][0]) == 5000


def test_an_amount_that_cannot_be_read_is_not_nothing_in_a_total():
    """With 0 for the cut amount, the total would seem to differ by it."""
    good, cut = ",10,1,200,2000,250,2500,500,", ",10,1,200,2000,250,25x00,500,"
    assert good in whole()
    reading = ibkr(whole().replace(good, cut))
    assert "control_total" not in rules(reading)
    table = reading.tables["positions"]
    found = check_table(load_contracts()["ibkr_activity_csv"], "positions", table).violations
    assert [broken.rule for broken in found] == ["market_value_is_decimal"], "it is told as such"
