"""Households of the demo book with settings of their own: what they show, that the file holds."""

from __future__ import annotations

import csv
import io
from datetime import date

import pyarrow as pa

from data_contracts.contract import load_contracts
from data_contracts.suites import check_table
from python_steps.demo_book.book import DEMO_SEED, DEMO_SESSION, demo_files, demo_household

SHOWN = {
    "HH-0052": {"trade_to": "inner", "inner_share": "0.33"},
    "HH-0074": {"check_frequency": "quarterly"},
    "HH-0078": {"allocation_basis": "after_tax"},
    "HH-0082": {"default_band_rule": "looser"},
}


def _rows() -> list[dict[str, str]]:
    files = dict(demo_files(households=82, seed=DEMO_SEED, sessions=[DEMO_SESSION]))
    (text,) = (
        content.decode()
        for name, content in files.items()
        if name.endswith("household_settings.csv")
    )
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return list(csv.DictReader(io.StringIO("\n".join(lines))))


def test_four_households_show_a_setting_each_and_keep_the_contract() -> None:
    rows = _rows()
    found = {
        row["household_id"]: {
            name: value
            for name, value in row.items()
            if value and name not in ("household_id", "valid_from", "valid_to")
        }
        for row in rows
    }
    assert found == SHOWN
    contract = load_contracts()["policy_files"]
    names = contract.entity("household_settings").column_names
    table = pa.table(
        {
            **{name: pa.array([row.get(name, "") for row in rows], pa.string()) for name in names},
            "source_row_number": pa.array(range(2, 2 + len(rows)), pa.int64()),
        }
    )
    assert check_table(contract, "household_settings", table).violations == []


def test_what_the_settings_need_is_in_the_other_files() -> None:
    after_tax = demo_household(78, DEMO_SEED)
    assert {each.expected_retirement_rate for each in after_tax.tax_profiles} == {"0.22"}
    looser = demo_household(82, DEMO_SEED)
    assert {target.band_rule for group in looser.groups for target in group.targets} == {""}
    quarterly = demo_household(74, DEMO_SEED)
    assert {group.last_review_date for group in quarterly.groups} == {date(2026, 9, 30)}


def test_the_named_households_have_the_firms_settings() -> None:
    assert all(demo_household(number, DEMO_SEED).settings == {} for number in (1, 2))
