"""Vanguard's stacked download, of brokerage and 529 accounts, and year-end tax forms."""

from datetime import date
from pathlib import Path

import pytest

from data_contracts.contract import load_contracts
from data_contracts.suites import check_table
from python_steps.feeds.recognition import recognise
from tests.python_steps.feeds.etrade_files import ACTIVITY, HOLDINGS, PLAN, vanguard
from tests.python_steps.feeds.files import read, received, rows, rules, serious

NAME = "OfxDownload-2026-11-19.csv"
FORMS = Path(__file__).parents[4] / "shared" / "samples" / "tax_forms_8949"
QUIET = ["control_total_present"]


def download(content: str, name: str = NAME):
    return read("VANGUARD", name, content)


@pytest.mark.parametrize(
    ("content", "feed"),
    [
        (vanguard(), "vanguard_download"),
        (PLAN, "vanguard_download"),
        ('"Trade Date","Transaction Type","Investment Name","Symbol"\n', "vanguard_download"),
        ("Title,Worksheet for Form 8949,2011,\n", "year_end_tax_forms"),
        ("Security,Trans type,Qty,Open date,Adj cost,Close date\n", "year_end_tax_forms"),
        ("V042\nAcsv2txf\n", "year_end_tax_forms"),
    ],
)
def test_recognition(content, feed):
    assert recognise(received("VANGUARD", "export.csv", content), load_contracts()) == feed


def test_holdings_and_transactions_land():
    reading = download(vanguard())
    assert serious(reading) == QUIET
    assert (reading.stated_as_of_date, reading.as_of_source) == (date(2026, 11, 19), "FILE_NAME")
    columns = ("account_number", "ticker", "custodian_security_id", "quantity", "market_value")
    assert rows(reading, "positions", *columns) == [
        ("12345678", "VTI", "", "10", "2500.00"),
        ("12345678", "VMFXX", "", "600.25", "600.25"),
        ("87654321", "", "U S TREASURY NOTE 1.875 01/15/36", "5000", "5050.00"),
    ]
    assert rules(reading) == ["rows_of_a_security_summed", "control_total_present"]
    done = ("transaction_date", "transaction_type", "source_type", "quantity", "net_amount")
    assert rows(reading, "transactions", *done) == [
        ("2026-11-18", "BUY", "Buy", "2", "-500.00"),
        ("2026-11-17", "SWEEP", "Sweep in", "0.0", "-20.00"),
        ("2026-11-16", "REINVEST", "Reinvestment (LT gain)", "0.1", "-25.00"),
        ("2026-11-13", "SPLIT", "Stock split", "5", "0.0"),
    ]
    assert rows(reading, "securities", "ticker", "security_type", "security_name")[1] == (
        "VMFXX",
        "MONEY_MARKET",
        "VANGUARD FEDERAL MONEY MARKET",
    )
    assert reading.covered_accounts == ("12345678", "87654321")


@pytest.mark.parametrize(
    ("symbol", "terms"),
    [
        ("SPY   270115C00500500", ("OPTION", "SPY", "CALL", "500.5", "2027-01-15")),
        ("XYZ---270115P00035000", ("OPTION", "XYZ", "PUT", "35", "2027-01-15")),
        ("XYZ   271345P00035000", ("OPTION", "XYZ", "PUT", "35", "")),
    ],
)
def test_options_in_the_clearing_corporation_s_spelling(symbol, terms):
    reading = download(vanguard([f"12345678,SOME OPTION,{symbol},1,2.0,200.0,"]))
    columns = ("security_type", "underlying_ticker", "put_call", "strike_price", "expiration_date")
    assert rows(reading, "securities", *columns)[0] == terms
    assert rows(reading, "positions", "ticker", "quantity") == [(symbol.replace("-", " "), "1")]
    told = [found.rule for found in reading.violations if found.severity == "block"]
    assert told == ([] if terms[-1] else ["option_expiry_possible"])


def test_an_account_type_that_is_not_known_is_told():
    reading = download(vanguard(activity=[ACTIVITY[0].replace(",CASH,", ",ESCROW,"), ACTIVITY[1]]))
    assert serious(reading) == ["sub_account_type_known", *QUIET]
    assert rows(reading, "transactions", "sub_account_type") == [("OTHER",), ("CASH",)]
    found = next(f for f in reading.violations if f.rule == "sub_account_type_known")
    assert (found.account_number, found.observed) == ("12345678", "account type 'ESCROW'")
    silent = download(vanguard(activity=[ACTIVITY[0].replace(",CASH,", ",--,")]))
    assert rows(silent, "transactions", "sub_account_type") == [(None,)], "a null word is no word"
    assert serious(silent) == QUIET


def test_rows_with_a_decimal_comma_are_not_summed():
    fund = [HOLDINGS[1], HOLDINGS[2].replace(",100,1,100,", ',"1,5",1,"1,5",')]
    reading = download(vanguard(fund, activity=[]))
    assert rows(reading, "positions", "quantity") == [("500.25",), ("1,5",)]
    assert "unique_key" in serious(reading)


def test_plans_have_other_headers_and_names_for_ids():
    reading = download(PLAN)
    assert serious(reading) == QUIET
    assert rows(reading, "positions", "account_number", "custodian_security_id", "price") == [
        ("974455687-02", "2034/2035 Enrollment Portfolio", "$19.64")
    ]
    assert rows(reading, "transactions", "transaction_date", "entry_date", "gross_amount") == [
        ("2026-10-01", "2026-10-02", "$175")
    ]


def test_good_files_meet_their_contract():
    for content in (vanguard(), PLAN):
        for entity, table in download(content).tables.items():
            result = check_table(load_contracts()["vanguard_download"], entity, table)
            assert (result.violations, result.broken) == ([], [])


def test_a_file_without_a_date_in_its_name_is_refused():
    reading = download(vanguard(), "OfxDownload.csv")
    assert (reading.status, "as_of_date_present" in rules(reading)) == ("QUARANTINED", True)


def test_two_rows_that_are_one_row_twice_are_not_summed():
    reading = download(vanguard([*HOLDINGS, HOLDINGS[0]]))
    assert serious(reading).count("unique_key") == 2
    assert [quantity for (quantity,) in rows(reading, "positions", "quantity")].count("10") == 2
    apart = HOLDINGS[2].replace(",1,100", ",2,200")
    assert "unique_key" in serious(download(vanguard([*HOLDINGS[:2], apart])))


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (vanguard([HOLDINGS[0].replace("12345678", "")]), "account_reference_present"),
        (vanguard(["12345678,VANGUARD, INC,VTI,10,250,2500,"]), "ragged_row"),
        ("some words\n" + vanguard(), "section_understood"),
        (
            vanguard(activity=[ACTIVITY[0].replace("Buy,Buy", "Levitate,x")]),
            "transaction_type_known",
        ),
        (vanguard(activity=[ACTIVITY[0].replace("Buy,Buy", "Sell,x")]), "transaction_signs_agree"),
        (vanguard(activity=[ACTIVITY[0], ACTIVITY[0]]), "identical_rows"),
        (vanguard(activity=[ACTIVITY[0].replace("11-18", "12-18")]), "dates_not_after_session"),
        (vanguard().replace("Total Value,", "Total Value,Beta,", 1), "unknown_column"),
    ],
)
def test_what_is_wrong_is_told(content, rule):
    assert rule in serious(download(content))


def test_a_form_of_the_year_is_refused_with_its_reason():
    reading = download("Title,Worksheet for Form 8949,2011,\n", "form.csv")
    assert (reading.status, rules(reading)) == ("QUARANTINED", ["year_end_form_left_out"])
    assert "reconciliation at year end" in reading.violations[0].message


@pytest.mark.skipif(
    not FORMS.is_dir(), reason="the custodians' sample files are not beside the project"
)
@pytest.mark.parametrize(
    ("name", "custodian", "feed", "wanted"),
    [
        (
            "csv2txf_ibkr_form8949_worksheet.csv",
            "IBKR",
            "year_end_tax_forms",
            "year_end_form_left_out",
        ),
        (
            "csv2txf_tdameritrade_gainloss.csv",
            "SCHWAB",
            "year_end_tax_forms",
            "year_end_form_left_out",
        ),
        ("csv2txf_vanguard_transactions.csv", "VANGUARD", "vanguard_download", "required_column"),
    ],
)
def test_the_samples_of_year_end_forms_are_refused_for_their_reason(name, custodian, feed, wanted):
    reading = read(custodian, name, (FORMS / name).read_bytes())
    assert (reading.feed, reading.status) == (feed, "QUARANTINED")
    assert wanted in rules(reading)
