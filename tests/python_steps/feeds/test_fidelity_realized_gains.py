"""Fidelity's realized gains download: fused identifiers, terms by column, values with blanks."""

from __future__ import annotations

from datetime import date

import pytest

from data_contracts.contract import load_contracts
from data_contracts.suites import check_table
from python_steps.feeds.recognition import recognise
from tests.python_steps.feeds.fidelity_files import GAINS, gain, sheet
from tests.python_steps.feeds.files import read, received, rows, rules, serious

NAME = "Realized_Gain_Loss_Account_X12345678.csv"
CONTRACT = load_contracts()["fidelity_realized_gains"]


def fidelity(*lots: str, name: str = NAME, **settings: object):
    content = sheet(GAINS, lots, **settings)  # type: ignore[arg-type]
    return read("FIDELITY", name, content, date(2026, 11, 19))


def test_a_closed_lot_lands_as_received():
    reading = fidelity(gain())
    assert serious(reading) == []
    assert (reading.feed, reading.as_of_source) == ("fidelity_realized_gains", "FOOTER")
    assert reading.covered_accounts == ("X12345678",)
    columns = ("account_number", "ticker", "cusip", "quantity", "acquisition_date")
    assert rows(reading, "closed_lots", *columns) == [
        ("X12345678", "VEA", "921943858", "3.0", "08/31/2020")
    ]
    columns = ("disposal_date", "proceeds", "cost_basis", "realized_gain_loss", "term", "currency")
    assert rows(reading, "closed_lots", *columns) == [
        ("01/29/2026", "$12.00 ", "$10.00 ", "$2.00", "LONG", "USD")
    ]
    assert check_table(CONTRACT, "closed_lots", reading.tables["closed_lots"]).violations == []


@pytest.mark.parametrize(
    ("short", "long", "basis", "gain_of_it", "term"),
    [
        ("-$1.00 ", "", "$13.00 ", "-$1.00", "SHORT"),
        ("--", "$2.00", "$10.00", "$2.00", "LONG"),
        ("$0.00", "$2.00", "$10.00", "$2.00", "LONG"),
        ("$0.00", "", "$12.00", "$0.00", "SHORT"),
        ("$0.00", "$0.00", "$12.00", "0.00", "UNKNOWN"),
        ("$1.50 ", "$0.50 ", "$10.00", "2.00", "UNKNOWN"),
        ("--", "", "--", "", "UNKNOWN"),
    ],
)
def test_the_term_is_that_of_the_column_with_the_gain(short, long, basis, gain_of_it, term):
    reading = fidelity(gain(short=short, long=long, basis=basis))
    assert rows(reading, "closed_lots", "realized_gain_loss", "term") == [(gain_of_it, term)]
    assert serious(reading) == []


def test_a_gain_that_is_not_proceeds_less_basis_is_told():
    found = fidelity(gain(long="$5.00")).violations
    assert [(f.rule, f.severity, f.expected, f.source_row_number) for f in found] == [
        ("gain_agrees", "warn", "2.00, proceeds less cost basis", 2)
    ]


@pytest.mark.parametrize(
    ("cell", "wanted", "told"),
    [
        ("VEA(921943858)", ("VEA", "921943858"), []),
        ("VEA (921943858)", ("VEA", "921943858"), []),
        ("VEA(100000000)", ("VEA", ""), ["cusip_check_digit"]),
        ("(912828YW4)", ("", "912828YW4"), []),
        ("912828YW4", ("", "912828YW4"), []),
        ("VEA", ("VEA", ""), []),
        ("-MSFT210226C250()", ("MSFT  210226C00250000", ""), []),
        ("BRKB220414C357.5(5835689CU)", ("BRKB  220414C00357500", ""), []),
        ("undefined(912828YW4)", ("", "912828YW4"), []),
    ],
)
def test_symbol_and_cusip_are_one_cell(cell, wanted, told):
    reading = fidelity(gain(symbol=cell))
    assert rows(reading, "closed_lots", "ticker", "cusip") == [wanted]
    assert serious(reading) == told


def test_bad_cells_are_told_and_missing_dates_are_not_invented():
    reading = fidelity(gain(acquired="Various"), gain(acquired="13/13/2020", quantity=""))
    found = check_table(CONTRACT, "closed_lots", reading.tables["closed_lots"]).violations
    assert sorted((f.rule, f.source_row_number) for f in found) == [
        ("acquisition_date_is_date", 3),
        ("quantity_is_present", 3),
    ]
    assert rows(reading, "closed_lots", "acquisition_date") == [("Various",), ("13/13/2020",)]


def test_dates_first_in_iso_and_a_comma_at_the_end_of_rows():
    order = [0, 1, 3, 4, 2, 6, 5, 7, 8]
    lot = gain(acquired="2022-11-02", sold="2026-05-22", short=" --", long="$2.00").split(",")
    header = [GAINS[place] for place in order]
    content = sheet(header, [",".join(lot[place] for place in order) + ","])
    reading = read("FIDELITY", NAME, content, date(2026, 11, 19))
    assert serious(reading) == []
    columns = ("acquisition_date", "disposal_date", "quantity", "realized_gain_loss", "term")
    assert rows(reading, "closed_lots", *columns) == [
        ("2022-11-02", "2026-05-22", "3.0", "$2.00", "LONG")
    ]
    assert check_table(CONTRACT, "closed_lots", reading.tables["closed_lots"]).violations == []


def test_identical_lots_are_distinct():
    reading = fidelity(gain(), gain())
    assert len(rows(reading, "closed_lots", "ticker")) == 2
    assert rules(reading) == ["identical_rows_kept"]


def test_without_account_footer_or_a_gain_column():
    nameless = fidelity(gain(), name="Realized_Gain_Loss.csv")
    assert (rules(nameless)[0], nameless.status) == ("account_reference_present", "QUARANTINED")
    cut = fidelity(gain(), footer=())
    assert (serious(cut), cut.as_of_source) == (["footer_present"], "LANDING_FOLDER")
    content = sheet(GAINS, [gain()]).replace("Short Term Gain/Loss", "Gain", 1)
    reading = read("FIDELITY", NAME, content, date(2026, 11, 19))
    assert "required_column" in rules(reading)
    assert reading.status == "QUARANTINED"


@pytest.mark.parametrize("separator", [";", "\t"])
def test_another_separator_is_refused_with_its_line(separator):
    content = sheet(GAINS, [gain()]).replace(",", separator)
    found = read("FIDELITY", NAME, content, date(2026, 11, 19)).violations
    assert [(f.rule, f.source_row_number) for f in found] == [("separator_is_comma", 1)]


def test_a_ragged_lot_blocks_the_file_as_no_row_names_the_account():
    found = fidelity(gain(), gain() + ",1").violations
    assert [(f.rule, f.scope, f.source_row_number) for f in found] == [("ragged_row", "feed", 3)]


def test_only_this_feed_claims_these_files():
    file = received("FIDELITY", "download.csv", sheet(GAINS, [gain()]))
    assert recognise(file, load_contracts()) == "fidelity_realized_gains"


def test_a_number_that_is_no_cusip_names_a_lot_without_a_symbol():
    alone = fidelity(gain().replace("VEA(921943858)", "(921943859)"))
    assert "cusip_check_digit" in rules(alone)
    columns = ("ticker", "cusip", "custodian_security_id")
    assert rows(alone, "closed_lots", *columns) == [("", "", "921943859")]
    beside = fidelity(gain().replace("VEA(921943858)", "VEA(100000000)"))
    assert rows(beside, "closed_lots", *columns) == [("VEA", "", "")]


@pytest.mark.parametrize("written", ["-2.6E-4", "+1.50 ", "($1,234.56)", "$-20.00", ".5"])
def test_unusual_spellings_of_a_number_are_numbers(written):
    reading = fidelity(gain(quantity=written))
    table = reading.tables["closed_lots"]
    assert check_table(CONTRACT, "closed_lots", table).violations == []
