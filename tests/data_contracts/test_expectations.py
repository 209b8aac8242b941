"""The table of the 43 expectations: every number has a home, and every home exists and is tested.

Belongs here: that the table, the contracts, the rules of the book and the tests speak of the same
rules. What a rule finds is tested where it lives.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from data_contracts.contract import load_contracts
from data_contracts.suites import planned_expectations

ROOT = Path(__file__).parents[2]
DBT_MODELS = ROOT / "dbt_project" / "models"
NUMBERS = range(1, 44)
SEVERITIES = {"block", "warn", "info"}
SCOPES = {"feed", "account", "position", "lot", "household"}


@cache
def _expectations() -> dict[int, dict[str, Any]]:
    text = (ROOT / "data_contracts" / "expectations.yaml").read_text(encoding="utf-8")
    listed = yaml.safe_load(text)["expectations"]
    assert [entry["number"] for entry in listed] == list(NUMBERS)
    return {entry["number"]: entry for entry in listed}


@cache
def _catalogue() -> dict[str, dict[str, str]]:
    path = ROOT / "dbt_project" / "seeds" / "seed_data_quality_rules.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return {row["rule"]: row for row in csv.DictReader(file)}


@cache
def _reader_rules() -> frozenset[str]:
    return frozenset(rule for contract in load_contracts().values() for rule in contract.rules)


@cache
def _suite_rules() -> frozenset[tuple[str, str]]:
    return frozenset(
        (planned.rule, planned.severity)
        for contract in load_contracts().values()
        for entity in contract.entities.values()
        for planned in planned_expectations(
            contract, entity, [column.name for column in entity.columns]
        )
    )


@cache
def _sql_of_the_book() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in DBT_MODELS.rglob("*.sql"))


@cache
def _tests() -> str:
    tests = [path for path in (ROOT / "tests").rglob("*.py") if path.name != Path(__file__).name]
    unit_tests = [
        text
        for text in (path.read_text(encoding="utf-8") for path in DBT_MODELS.rglob("*.yml"))
        if "unit_tests:" in text
    ]
    return "\n".join([*(path.read_text(encoding="utf-8") for path in tests), *unit_tests])


def _homes() -> list[tuple[int, dict[str, str]]]:
    return [(number, home) for number, entry in _expectations().items() for home in entry["homes"]]


def _name(case: object) -> str:
    return case["rule"] if isinstance(case, dict) else str(case)


@pytest.mark.parametrize("number", NUMBERS)
def test_expectation_has_a_home_and_says_what_it_demands(number: int) -> None:
    entry = _expectations()[number]
    assert entry["homes"], number
    assert entry["text"].endswith(".")
    assert entry["severity"]
    assert set(entry["severity"]) <= SEVERITIES


@pytest.mark.parametrize(("number", "home"), _homes(), ids=_name)
def test_home_is_a_rule_that_exists(number: int, home: dict[str, str]) -> None:
    rule = home["rule"]
    match home["lives_in"]:
        case "reader":
            assert rule in _reader_rules()
        case "suite":
            found = {severity for name, severity in _suite_rules() if fnmatch(name, rule)}
            assert home["severity"] in found
        case "registry":
            source = (ROOT / "python_steps" / "identities.py").read_text(encoding="utf-8")
            assert f'"{rule}"' in source
        case "dbt":
            assert int(_catalogue()[rule]["expectation"]) == number
            assert f"'{rule}'" in _sql_of_the_book() or f'"{rule}"' in _sql_of_the_book()
        case other:
            pytest.fail(f"nobody knows what lives in {other!r}")


@pytest.mark.parametrize(("number", "home"), _homes(), ids=_name)
def test_home_states_severity_scope_and_tolerance_with_reason_and_date(
    number: int, home: dict[str, str]
) -> None:
    stated = _catalogue()[home["rule"]] if home["lives_in"] == "dbt" else home
    assert stated["severity"] in SEVERITIES
    assert stated["scope"] in SCOPES
    assert stated["tolerance"], home["rule"]
    assert len(stated["tolerance_reason"].split()) > 2, home["rule"]
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", str(stated["tolerance_date"]))
    if stated["severity"] not in _expectations()[number]["severity"]:
        assert home.get("why", "").endswith("."), "another severity than demanded says why"


def test_every_rule_lives_in_one_place_and_none_is_left_out() -> None:
    dbt_homes = Counter(home["rule"] for _, home in _homes() if home["lives_in"] == "dbt")
    numbered = {name for name, row in _catalogue().items() if row["expectation"]}
    assert set(dbt_homes) == numbered
    assert set(dbt_homes.values()) == {1}
    elsewhere = {home["rule"] for _, home in _homes() if home["lives_in"] != "dbt"}
    assert not elsewhere & set(_catalogue())


@pytest.mark.parametrize(("number", "home"), _homes(), ids=_name)
def test_rule_is_named_by_a_test(number: int, home: dict[str, str]) -> None:
    """A good and a bad case stand where the rule lives; that there is one at all is seen here."""
    pattern = re.escape(home["rule"]).replace(r"\*", r"\w+")
    assert re.search(rf"\b{pattern}\b", _tests()), f"no test of rule {home['rule']}"


def test_tolerances_of_rules_are_all_dated() -> None:
    for name, row in _catalogue().items():
        stated = [row["tolerance"], row["tolerance_reason"], row["tolerance_date"]]
        assert all(stated) or not any(stated), name
