"""Expectations that live in the suites: a good and a bad row for each, and what is told of it.

Belongs here: the kinds of expectation on the text of a column, on the standard feed. How suites are
built and run stands in test_suites.py.
"""

from __future__ import annotations

import pyarrow as pa
import pytest

from data_contracts.contract import load_contracts
from data_contracts.suites import check_table
from python_steps.findings import Violation

GOOD = {
    "positions": {
        "account_number": "1000001",
        "cusip": "922908769",
        "ticker": "VTI",
        "quantity": "10.5",
        "price": "100",
        "price_date": "2026-11-19",
        "market_value": "1050.00",
        "currency": "USD",
        "is_held_away": "false",
    },
    "prior_year_end_balances": {
        "account_number": "1000001",
        "balance_year": "2025",
        "balance": "1000.00",
    },
}
CASES = [
    # entity, column, bad text, rule, severity
    ("positions", "quantity", "ten", "quantity_is_decimal", "block"),
    ("positions", "quantity", "1,050", "quantity_is_decimal", "block"),
    ("positions", "price_date", "19.11.2026", "price_date_is_date", "warn"),
    ("positions", "is_held_away", "maybe", "is_held_away_is_boolean", "warn"),
    ("positions", "cusip", "92290876", "cusip_has_form", "warn"),
    ("positions", "currency", "", "currency_is_present", "block"),
    ("positions", "currency", "dollars", "currency_has_form", "block"),
    ("prior_year_end_balances", "balance_year", "last", "balance_year_is_integer", "warn"),
]


def _violations(entity: str, *rows: dict[str, str]) -> list[Violation]:
    table = pa.table(
        {name: pa.array([row[name] for row in rows], pa.string()) for name in rows[0]}
        | {
            "source_row_number": pa.array(range(2, 2 + len(rows)), pa.int64()),
            "source_file_id": pa.array(["f" * 64] * len(rows), pa.string()),
            "file_name": pa.array([f"{entity}.csv"] * len(rows), pa.string()),
        }
    )
    result = check_table(load_contracts()["standard_feed"], entity, table)
    assert result.broken == []
    assert result.expectations_evaluated > 0
    assert result.source_file_ids == ["f" * 64] * len(result.violations)
    return result.violations


@pytest.mark.parametrize("entity", sorted(GOOD))
def test_good_row_breaks_nothing(entity: str) -> None:
    assert _violations(entity, GOOD[entity]) == []


@pytest.mark.parametrize(("entity", "column", "text", "rule", "severity"), CASES)
def test_bad_row_is_found_and_says_account_file_row_observed_and_expected(
    entity: str, column: str, text: str, rule: str, severity: str
) -> None:
    (found,) = _violations(entity, GOOD[entity], GOOD[entity] | {column: text})
    assert (found.rule, found.severity, found.entity) == (rule, severity, entity)
    assert found.account_number == "1000001"
    assert found.source_row_number == 3
    assert column in found.observed
    assert text in found.observed
    assert found.expected
    assert found.message.startswith(f"{entity}.csv, row 3: ")
    assert found.message.endswith(".")
    assert found.who_must_act == "operations"
