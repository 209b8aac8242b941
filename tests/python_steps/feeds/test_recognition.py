"""Which feed a file is of: the contract that names its custodian, and never one of several."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from data_contracts.contract import load_contracts
from python_steps.feeds.reading import read_file
from python_steps.feeds.received import ReceivedFile
from python_steps.feeds.recognition import fitting_feeds, recognise

STANDARD = load_contracts()["standard_feed"]
FILE = ReceivedFile("PEBBLE", "positions.csv", b"account_number,ticker,quantity,currency\n")


def _mapped(name, custodians, sign="(?!)"):
    return replace(STANDARD, feed=name, custodians=custodians, content_sign=sign)


def test_a_contract_that_names_the_custodian_goes_before_one_that_takes_any():
    contracts = {"standard_feed": STANDARD, "pebble": _mapped("pebble", ("PEBBLE",))}
    assert recognise(FILE, contracts) == "pebble"
    elsewhere = ReceivedFile("ALPINE", FILE.file_name, FILE.content)
    assert recognise(elsewhere, contracts) == "standard_feed"


def test_content_goes_before_the_name():
    contracts = {"standard_feed": STANDARD, "signed": _mapped("signed", ("*",), "^account_number,")}
    assert recognise(FILE, contracts) == "signed"


def test_a_file_that_fits_two_contracts_alike_is_refused_by_name():
    contracts = load_contracts() | {
        "pebble": _mapped("pebble", ("PEBBLE",)),
        "boulder": _mapped("boulder", ("PEBBLE",)),
    }
    assert fitting_feeds(FILE, contracts) == ["boulder", "pebble"]
    assert recognise(FILE, contracts) is None
    reading = read_file(FILE, date(2026, 11, 19), contracts)
    assert reading.status == "QUARANTINED"
    (violation,) = reading.violations
    assert violation.rule == "file_fits_one_feed"
    assert "a file that fits boulder and pebble" in violation.message


def test_a_file_in_the_wrong_folder_is_still_known():
    contracts = {"pebble": _mapped("pebble", ("PEBBLE",))}
    elsewhere = ReceivedFile("ALPINE", FILE.file_name, FILE.content)
    assert recognise(elsewhere, contracts) == "pebble"
