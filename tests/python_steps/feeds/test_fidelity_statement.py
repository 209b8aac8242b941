"""Fidelity's monthly statement as CSV: two tables, sections, subtotals; a second opinion only."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from data_contracts.contract import load_contracts
from data_contracts.suites import check_table
from python_steps.feeds.recognition import recognise
from tests.python_steps.feeds.fidelity_files import DISCLAIMERS, statement
from tests.python_steps.feeds.files import facts, read, received, rows, rules, serious

NAME = "Statement10302026.csv"
SESSION = date(2026, 10, 30)
CONTRACT = load_contracts()["fidelity_statement"]


def fidelity(content: str, name: str = NAME, session: date = SESSION):
    return read("FIDELITY", name, content, session)


def without(line: str) -> str:
    content = statement()
    assert content.count(line + "\n") >= 1
    return content.replace(line + "\n", "", 1)


def test_accounts_holdings_and_cash():
    reading = fidelity(statement())
    assert serious(reading) == []
    assert CONTRACT.role == "cross_check"
    assert (reading.stated_as_of_date, reading.as_of_source) == (SESSION, "FILE_NAME")
    assert reading.covered_accounts == ("259505679", "X84810689")
    assert (reading.row_count, reading.control_amount) == (5, Decimal("4100.50"))
    assert rows(reading, "accounts", "account_number", "account_title") == [
        ("X84810689", "Individual - TOD"),
        ("259505679", "ROTH IRA"),
    ]
    columns = ("account_number", "ticker", "quantity", "price", "market_value", "cost_basis")
    assert rows(reading, "positions", *columns) == [
        ("X84810689", "VTI", "10.00000", "250.00000", "2500.00", "2000.00"),
        ("X84810689", "MSFT", "2.00000", "500.00000", "1000.00", "not applicable"),
        ("259505679", "FXAIX", "0.50000", "200.00000", "100.00", "80.00"),
    ]
    assert rows(reading, "cash_balances", "account_number", "trade_date_balance") == [
        ("X84810689", "500.50")
    ]
    assert rows(reading, "securities", "ticker", "security_type") == [
        ("VTI", "ETF"),
        ("MSFT", "EQUITY"),
        ("FXAIX", "MUTUAL_FUND"),
    ]
    for entity, table in reading.tables.items():
        assert check_table(CONTRACT, entity, table).violations == [], entity


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("Statement3312026.csv", date(2026, 3, 31)),
        ("Statement03312026.csv", date(2026, 3, 31)),
        ("Statement10302026 (1).csv", date(2026, 10, 30)),
    ],
)
def test_the_date_stands_in_the_file_name(name, day):
    reading = fidelity(statement(), name, day)
    assert (reading.stated_as_of_date, reading.status) == (day, "LOADED")


@pytest.mark.parametrize("name", ["Statement.csv", "Statement02302026.csv", "statement.txt"])
def test_a_name_without_a_date_is_refused(name):
    reading = fidelity(statement(), name)
    assert (rules(reading), reading.status) == (["as_of_date_present"], "QUARANTINED")


def test_a_subtotal_that_is_not_the_sum_warns():
    found = fidelity(statement().replace(",,,,,3500.00,", ",,,,,3600.00,")).violations
    assert [(f.rule, f.severity, f.account_number, f.expected) for f in found] == [
        ("control_total", "warn", "X84810689", "3500.00, the sum of 2 rows")
    ]


def test_a_holding_that_is_lost_is_told_twice():
    line = "MSFT,MICROSOFT CORP ,2.00000,500.00000,990.00,1000.00,not applicable"
    found = fidelity(without(line)).violations
    assert [(f.rule, f.scope, f.severity) for f in found] == [
        ("control_total", "account", "warn"),
        ("account_total", "account", "block"),
    ]


def test_a_lost_account_line_gives_its_holdings_to_nobody_in_silence():
    found = fidelity(without("259505679 ")).violations
    assert [(f.rule, f.account_number, f.severity) for f in found] == [
        ("account_total", "X84810689", "block"),
        ("account_has_rows", "259505679", "block"),
    ]


def test_values_that_are_unavailable_are_missing():
    content = statement().replace(",990.00,1000.00,", ",990.00,unavailable,")
    reading = fidelity(content)
    assert rows(reading, "positions", "market_value")[1] == ("unavailable",)
    table = reading.tables["positions"]
    assert check_table(CONTRACT, "positions", table).violations == []


def test_an_unknown_section_is_loaded_as_holdings_and_told():
    content = statement().replace("Mutual Funds", "Hovercraft")
    reading = fidelity(content)
    assert [(f.rule, f.severity, f.account_number) for f in reading.violations] == [
        ("section_known", "warn", "259505679")
    ]
    assert facts(reading)["positions"] == facts(fidelity(statement()))["positions"]


def test_bonds_and_options():
    holdings = (
        "X84810689 ",
        "Bonds ",
        "912828YW4,UNITED STATES TREAS NTS 1.62500% 12/15/2026,5000.0,98.5,4900.0,4925.00,5000.00",
        "Subtotal of Bonds,,,,,4925.00,5000.00",
        "X84810689 ",
        "Options ",
        "SNDK270917C1500,CALL,-1.0,5.25,-500.0,-525.00,-600.00",
        "Subtotal of Options,,,,,-525.00,-600.00",
    )
    reading = fidelity(statement(("Joint,X84810689,1,2,4400.00,,,,,,,,",), holdings))
    assert serious(reading) == []
    columns = ("cusip", "ticker", "security_type", "price_factor", "contract_multiplier")
    assert rows(reading, "securities", *columns) == [
        ("912828YW4", "", "BOND_TREASURY", "0.01", None),
        ("", "SNDK  270917C01500000", "OPTION", None, "100"),
    ]


@pytest.mark.parametrize(
    ("content", "rule", "row"),
    [
        (statement().split("Subtotal of Mutual Funds")[0], "file_complete", 22),
        (statement().split("Symbol/CUSIP")[0], "file_complete", None),
        (without("Stocks "), "section_understood", 10),
        (without("X84810689 "), "section_understood", 9),
        (without("Subtotal of Stocks,,,,,3500.00,2000.00,,, "), "section_understood", 14),
        (statement().replace("Subtotal of Stocks", "Subtotal of Bonds"), "section_understood", 13),
        (statement() + "Account Type,Account,Ending mkt Value\n", "section_understood", 25),
        (statement().replace("259505679 \n", "Z99999999\n"), "section_understood", 21),
        (statement().replace(",", ";"), "separator_is_comma", 1),
        (statement().replace(",", "\t"), "separator_is_comma", 1),
        ("Beginning mkt Value and more\n" + statement(), "header_present", 1),
        (statement().replace(",Quantity,", ",Number,"), "required_column", 6),
        (statement().replace("Ending Value", "Value"), "required_column", 6),
        (statement().replace("Ending mkt Value", "Value"), "required_column", 1),
        (
            statement().replace("ROTH IRA,259505679", "ROTH IRA,none"),
            "account_reference_present",
            3,
        ),
        (statement() + "\n" + "\n".join([*DISCLAIMERS, "A,B,C,1.00"]), "section_understood", 31),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(content, rule, row):
    reading = fidelity(content)
    assert (rule, row) in [(f.rule, f.source_row_number) for f in reading.violations]
    assert (reading.status, reading.tables) == ("QUARANTINED", {})


def test_a_ragged_row_blocks_its_account():
    content = statement().replace("VTI,VANGUARD TOTAL", "VTI,VANGUARD, TOTAL")
    reading = fidelity(content)
    found = [f for f in reading.violations if f.rule == "ragged_row"]
    assert [(f.scope, f.account_number, f.source_row_number) for f in found] == [
        ("account", "X84810689", 11)
    ]


def test_disclaimers_end_the_file():
    content = statement() + "\n" + "\n".join([*DISCLAIMERS, "Date downloaded 11/02/2026 9:00 am"])
    reading = fidelity(content)
    assert serious(reading) == []
    assert facts(reading) == facts(fidelity(statement()))


def test_only_this_feed_claims_these_files():
    assert recognise(received("FIDELITY", "x.csv", statement()), load_contracts()) == (
        "fidelity_statement"
    )
