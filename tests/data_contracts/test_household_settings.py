"""A household's settings in the policy files: types and ranges, good and bad, one catalogue.

The firm's file, the contract and the SQL name the same settings with the same units and ranges.
"""

from __future__ import annotations

import re
from dataclasses import Field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from data_contracts.contract import ContractError, load_contracts, parse_contract
from data_contracts.suites import SuiteResult, check_table
from python_steps.policy import firm_settings, household_settings

CONTRACT = load_contracts()["policy_files"]
MACRO = Path(__file__).parents[2] / "dbt_project" / "macros" / "settings.sql"
SETTINGS = household_settings()
NUMBERS = [each for each in SETTINGS if each.metadata["low"] is not None]
WORDS = [each for each in SETTINGS if each.metadata["choices"]]
FLAGS = [each for each in SETTINGS if isinstance(each.default, bool)]


def _entity_of(setting: str) -> str:
    names = CONTRACT.entity("household_settings").column_names
    return "household_settings" if setting in names else "households"


def judged(setting: str, value: str) -> SuiteResult:
    """Two households' rows, of which the second has a setting of its own."""
    entity = CONTRACT.entity(_entity_of(setting))
    rows = [
        {"household_id": "HH-0001", "valid_from": "2026-01-01"},
        {"household_id": "HH-0002", "valid_from": "2026-01-01", setting: value},
    ]
    if entity.name == "households":
        rows = [{**row, "household_name": "N", "advisor_id": "A"} for row in rows]
    columns = {name: [row.get(name, "") for row in rows] for name in entity.column_names}
    table = pa.table(
        {
            **{name: pa.array(values, pa.string()) for name, values in columns.items()},
            "file_name": pa.array([f"{entity.name}.csv"] * 2),
            "source_row_number": pa.array([2, 3], pa.int64()),
        }
    )
    return check_table(CONTRACT, entity.name, table)


def refusal(setting: str, value: str) -> str:
    """The one violation of a bad value: it names file, row, household, field and value."""
    result = judged(setting, value)
    assert result.broken == []
    (found,) = result.violations
    assert (found.severity, found.scope) == ("block", "household")
    assert (found.household_id, found.source_row_number) == ("HH-0002", 3)
    assert f"{_entity_of(setting)}.csv, row 3, household HH-0002: " in found.message
    assert f"{setting} = {value!r}" in found.message
    return found.message


@pytest.mark.parametrize("setting", NUMBERS, ids=lambda each: each.name)
def test_a_number_is_taken_to_the_ends_of_its_range_and_refused_beyond(setting: Field[Any]) -> None:
    low, high = Decimal(setting.metadata["low"]), Decimal(setting.metadata["high"])
    for value in (low, high, (low + high) / 2):
        assert judged(setting.name, str(value)).violations == []
    for value in (low - Decimal("0.01"), high + Decimal("0.01")):
        assert f"expected {low} to {high} ({setting.metadata['unit']}" in refusal(
            setting.name, str(value)
        )
    assert f"expected a number, {low} to {high} (" in refusal(setting.name, "plenty")


@pytest.mark.parametrize("setting", WORDS, ids=lambda each: each.name)
def test_a_word_is_one_of_the_list(setting: Field[Any]) -> None:
    for value in setting.metadata["choices"]:
        assert judged(setting.name, value).violations == []
    assert f"one of {', '.join(setting.metadata['choices'])}" in refusal(setting.name, "sideways")


@pytest.mark.parametrize("setting", FLAGS, ids=lambda each: each.name)
def test_a_flag_is_true_or_false(setting: Field[Any]) -> None:
    assert judged(setting.name, "true").violations == []
    assert "true or false" in refusal(setting.name, "maybe")


def test_an_empty_setting_is_no_violation() -> None:
    for setting in SETTINGS:
        assert judged(setting.name, "").violations == []


def test_contract_and_firm_allow_the_same() -> None:
    for setting in SETTINGS:
        column = CONTRACT.entity(_entity_of(setting.name)).column(setting.name)
        assert column.allowed == setting.metadata["choices"]
        if setting in NUMBERS:
            assert column.lowest == Decimal(setting.metadata["low"])
            assert column.highest == Decimal(setting.metadata["high"])
            assert column.unit == setting.metadata["unit"]
    stated = set(CONTRACT.entity("household_settings").column_names)
    assert stated - {"household_id", "valid_from", "valid_to"} < {each.name for each in SETTINGS}


def test_the_book_resolves_the_same_settings_in_the_same_units() -> None:
    found = re.findall(
        r'"name": "(\w+)", "kind": "(\w+)", "unit": "([^"]+)", "file": "(\w+)"', MACRO.read_text()
    )
    kinds = {each.name: "number" for each in NUMBERS}
    kinds |= {each.name: "word" for each in WORDS} | {each.name: "flag" for each in FLAGS}
    assert sorted(found) == sorted(
        (each.name, kinds[each.name], each.metadata["unit"], _entity_of(each.name))
        for each in SETTINGS
    )


def test_only_settings_of_one_household_have_a_unit() -> None:
    assert {each.name for each in firm_settings()} > {each.name for each in SETTINGS}


RANGED = """
feed: small
title: Small
owner: operations
custodians: ["*"]
reader: standard_feed
parser_version: "1"
delivery_mode: FULL
file_name_patterns: ['^x$']
content_sign: '(?!)'
as_of_date_sources: [TRAILER]
null_words: [""]
date_formats: ["%Y"]
type_patterns: {decimal: '^[0-9]+$'}
control_totals: {rows: none}
entities:
  things:
    grain: one row per thing
    columns:
      - COLUMN
"""


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("{name: a, lowest: '0', highest: '1'}", "a range needs a number, not text"),
        ("{name: a, type: decimal, lowest: '2', highest: '1'}", "the lowest first"),
        ("{name: a, type: decimal, highest: '1'}", "a range has two ends"),
    ],
)
def test_a_range_that_cannot_be_judged_is_refused(column: str, words: str) -> None:
    with pytest.raises(ContractError, match=words):
        parse_contract(RANGED.replace("COLUMN", column), file_name="s.yaml", common_rules="{}")


@pytest.mark.parametrize(
    ("entity", "column", "value", "meanwhile"),
    [
        (
            "tax_profiles",
            "expected_retirement_rate",
            "1.7",
            "only what depends on it is not traded.",
        ),
        ("restrictions", "limit_weight", "-3", "only what depends on it is not traded."),
        ("household_settings", "trade_to", "sideways", "the household is not traded."),
    ],
)
def test_a_refusal_says_what_stops_and_no_more(
    entity: str, column: str, value: str, meanwhile: str
) -> None:
    names = CONTRACT.entity(entity).column_names
    table = pa.table(
        {
            **{name: pa.array([value if name == column else ""], pa.string()) for name in names},
            "file_name": pa.array([f"{entity}.csv"]),
            "source_row_number": pa.array([2], pa.int64()),
        }
    )
    (found,) = (
        each
        for each in check_table(CONTRACT, entity, table).violations
        if each.observed == f"{column} = {value!r}"
    )
    assert found.message.endswith(f"until then {meanwhile}")
