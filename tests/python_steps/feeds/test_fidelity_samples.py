"""Fidelity's own files, where they are at hand: they land to the last digit or are refused.

The files are not part of the project (some are under other licences); the tests skip, saying so,
where the folder beside the project is absent. Expected values were taken from the files by hand.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from data_contracts.contract import load_contracts
from data_contracts.suites import check_table
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.reading import read_file
from python_steps.feeds.received import FileReading, ReceivedFile
from python_steps.feeds.recognition import recognise
from python_steps.sessions import session_on_or_before
from tests.python_steps.feeds.fidelity_files import DISCLAIMERS, DOWNLOADED
from tests.python_steps.feeds.files import rows, serious

SAMPLES = Path(__file__).parents[4] / "shared" / "samples" / "fidelity"
pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="the custodians' sample files are not beside the project"
)

# The session of the folder in which a file without a date of its own lands.
FOLDER = date(2026, 1, 30)
ENTITIES = {"fidelity_history": "transactions", "fidelity_realized_gains": "closed_lots"}
NO_END = "footer_present"

# Name: account, rows, sum of the amounts, date stated, what is told.
LANDED = {
    "ofxstatement_History_for_Account_2TB000009.csv": (
        "2TB000009",
        8,
        "0.00",
        date(2025, 7, 11),
        [],
    ),
    "ofxstatement_History_for_Account_TEST2139.csv": (
        "TEST2139",
        15,
        "-45208.99",
        None,
        [NO_END],
    ),
    "ofxstatement_History_for_Account_TEST2944.csv": ("TEST2944", 9, "-7964.61", None, [NO_END]),
    "ofxstatement_History_for_Account_TEST2986.csv": (
        "TEST2986",
        12,
        "-17254.41",
        None,
        [NO_END],
    ),
    "ofxstatement_History_for_Account_TEST9891.csv": ("TEST9891", 7, "-95.44", None, [NO_END]),
    "osa_Accounts_History.csv": ("U12349876", 16, "-28374.13", date(2026, 4, 11), []),
    # One row is dated three days after the download.
    "reds_History_for_Account_X8YYYYYYY.csv": (
        "X8YYYYYYY",
        11,
        "-7671.75",
        date(2023, 1, 24),
        ["dates_not_after_session"],
    ),
    # Its CUSIP is invented and has no valid check digit.
    "finporter_Realized_Gain_Loss_Account_X12345678.csv": (
        "X12345678",
        1,
        "12.00",
        None,
        ["cusip_check_digit", NO_END],
    ),
}

# One row of each, to the digit.
TRANSACTION = (
    "transaction_date",
    "entry_date",
    "settlement_date",
    "transaction_type",
    "ticker",
    "quantity",
    "price",
    "net_amount",
    "source_row_number",
)
SPOT = {
    "ofxstatement_History_for_Account_2TB000009.csv": (
        "2025-07-07",
        "07/07/2025",
        "07/07/2025",
        "BUY",
        "FXNAX",
        "8301.158",
        "10.36",
        "-86000",
        4,
    ),
    "ofxstatement_History_for_Account_TEST2139.csv": (
        "2026-01-28",
        "01/28/2026",
        "01/29/2026",
        "BUY",
        "FXAIX",
        "169.59",
        "55.274",
        "-9373.92",
        4,
    ),
    "ofxstatement_History_for_Account_TEST2944.csv": (
        "2025-12-01",
        "12/01/2025",
        "",
        "TAX_WITHHELD",
        "",
        "0.00",
        "",
        "-853.88",
        8,
    ),
    "ofxstatement_History_for_Account_TEST2986.csv": (
        "2025-12-31",
        "12/31/2025",
        "",
        "REINVEST",
        "SPAXX",
        "185.53",
        "79.623",
        "-14772.46",
        12,
    ),
    "ofxstatement_History_for_Account_TEST9891.csv": (
        "2025-12-31",
        "12/31/2025",
        "",
        "INTEREST",
        "QPCTQ",
        "0.00",
        "",
        "546.19",
        10,
    ),
    "osa_Accounts_History.csv": (
        "2025-12-30",
        "12/31/2025",
        "",
        "INTEREST",
        "",
        "0.000",
        "",
        "0.04",
        2,
    ),
    "reds_History_for_Account_X8YYYYYYY.csv": (
        "2023-01-23",
        "01/23/2023",
        "",
        "TRANSFER_IN",
        "",
        "",
        "",
        "3085.92",
        10,
    ),
}


def read_sample(name: str, content: bytes | None = None) -> FileReading:
    """The reading of a sample for the session that it states."""
    file = ReceivedFile("FIDELITY", name, content or (SAMPLES / name).read_bytes())
    stated = read_file(file, FOLDER).stated_as_of_date
    return read_file(file, session_on_or_before(stated) if stated else FOLDER)


def the_csv_files() -> list[str]:
    return sorted(path.name for path in SAMPLES.glob("*.csv")) if SAMPLES.is_dir() else []


def test_every_sample_is_accounted_for():
    assert the_csv_files() == sorted([*LANDED, "finporter_Portfolio_Positions_bom_crlf.csv"])


def test_samples_of_other_custodians_are_not_claimed():
    contracts = load_contracts()
    others = [
        path
        for path in sorted(SAMPLES.parent.rglob("*"))
        if path.is_file() and not path.is_relative_to(SAMPLES)
    ]
    assert len(others) > 20
    for path in others:
        file = ReceivedFile("FIDELITY", path.name, path.read_bytes())
        assert not str(recognise(file, contracts)).startswith("fidelity"), path.name


@pytest.mark.parametrize("name", sorted(LANDED))
def test_samples_land_with_all_rows_and_amounts(name):
    account, count, total, stated, told = LANDED[name]
    reading = read_sample(name)
    assert reading.status == "LOADED"
    assert reading.stated_as_of_date == stated
    assert reading.as_of_source == ("FOOTER" if stated else "LANDING_FOLDER")
    assert reading.covered_accounts == (account,)
    assert serious(reading) == told
    entity = ENTITIES[str(reading.feed)]
    column = "net_amount" if entity == "transactions" else "proceeds"
    amounts = [parse_amount(text or "") for (text,) in rows(reading, entity, column)]
    assert (len(amounts), reading.row_count) == (count, count)
    assert sum(amount for amount in amounts if amount is not None) == Decimal(total)
    assert None not in amounts
    contract = load_contracts()[str(reading.feed)]
    for name_of_table, table in reading.tables.items():
        assert check_table(contract, name_of_table, table).violations == []


@pytest.mark.parametrize("name", sorted(SPOT))
def test_a_row_of_each_sample_to_the_digit(name):
    assert SPOT[name] in rows(read_sample(name), "transactions", *TRANSACTION)


def test_no_action_of_the_samples_is_unknown():
    kinds = {
        kind
        for name in SPOT
        for (kind,) in rows(read_sample(name), "transactions", "transaction_type")
    }
    assert "OTHER" not in kinds


def test_identical_purchases_of_a_sample_are_two():
    reading = read_sample("osa_Accounts_History.csv")
    bought = rows(reading, "transactions", "ticker", "quantity", "net_amount")
    assert bought.count(("VT", "10", "-1420.35")) == 2
    assert rows(reading, "transactions", "transaction_date").count(("2025-12-22",)) == 1
    assert str(reading.session_date) == "2026-04-10", "a Saturday belongs to the session before it"


def test_the_closed_lot_of_a_sample_to_the_digit():
    reading = read_sample("finporter_Realized_Gain_Loss_Account_X12345678.csv")
    columns = (
        "ticker",
        "cusip",
        "quantity",
        "acquisition_date",
        "disposal_date",
        "proceeds",
        "cost_basis",
        "realized_gain_loss",
        "term",
    )
    assert rows(reading, "closed_lots", *columns) == [
        (
            "VEA",
            "",
            "3.0",
            "08/31/2020",
            "01/29/2021",
            "$12.00 ",
            "$10.00 ",
            "2.00",
            "UNKNOWN",
        )
    ]


def test_positions_without_a_date_and_with_a_junk_footer_are_refused():
    reading = read_sample("finporter_Portfolio_Positions_bom_crlf.csv")
    assert (reading.feed, reading.status, reading.tables) == (
        "fidelity_positions",
        "QUARANTINED",
        {},
    )
    assert [(f.rule, f.source_row_number) for f in reading.violations if f.severity == "block"] == [
        ("section_understood", 5),
        ("as_of_date_present", None),
        ("file_complete", 5),
    ]
    assert reading.covered_accounts == ("Z00000000", "Z00000001")


def test_the_same_positions_with_fidelitys_own_footer_land():
    content = (SAMPLES / "finporter_Portfolio_Positions_bom_crlf.csv").read_bytes()
    footer = "\r\n".join([*DISCLAIMERS, DOWNLOADED]).encode()
    assert content.count(b"XXX") == 1
    reading = read_sample("Portfolio_Positions.csv", content.replace(b"XXX", footer))
    assert serious(reading) == []
    columns = (
        "account_number",
        "ticker",
        "sub_account_type",
        "quantity",
        "price",
        "market_value",
        "cost_basis",
        "unrealized_gain_loss",
    )
    assert rows(reading, "positions", *columns) == [
        (
            "Z00000000",
            "VWO",
            "CASH",
            "900",
            "$50.922",
            "$45,900.35",
            "$38,362.05",
            "+$11,945.20",
        ),
        (
            "Z00000001",
            "VOO",
            "CASH",
            "800",
            "$40.922",
            "$45,900.35",
            "$38,362.05",
            "+$11,945.20",
        ),
    ]
    assert rows(reading, "accounts", "account_number", "account_title") == [
        ("Z00000000", "AAAA"),
        ("Z00000001", "BBBB"),
    ]
