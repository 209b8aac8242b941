"""What dbt's own data tests do in a night: they are told as checks; next to nothing stops a book.

Belongs here: severity and place of the data tests, and the keys of the seeds, which change with the
code and not with the night. Does not belong here: what a single test finds.
"""

from __future__ import annotations

import csv
import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.dbt_project.warehouse_fixture import AS_OF_DATE, DBT_PROJECT, invoke_dbt, query

STOPPING = {"assert_book_has_prices", "plan_assert_no_trade_escapes_the_verification"}

SEED_KEYS = {
    "seed_account_types": ("account_type",),
    "seed_asset_classes": ("asset_class",),
    "seed_asset_location": ("asset_class",),
    "seed_capital_gains_brackets": ("tax_year", "filing_status", "lower_bound"),
    "seed_capital_loss_limits": ("filing_status",),
    "seed_capital_market_assumptions": ("asset_class",),
    "seed_class_correlations": ("asset_class", "other_asset_class"),
    "seed_collectible_securities": ("ticker",),
    "seed_currencies": ("currency",),
    "seed_data_quality_rules": ("rule",),
    "seed_distribution_periods": ("age",),
    "seed_identity_groups": ("ticker",),
    "seed_net_investment_income_tax": ("filing_status",),
    "seed_ordinary_tax_brackets": ("tax_year", "filing_status", "lower_bound"),
    "seed_security_asset_classes": ("ticker", "cusip", "asset_class"),
    "seed_security_costs": ("ticker", "security_type"),
    "seed_substitutes": ("ticker", "sub_class", "substitute_ticker"),
}


def _seed(name: str) -> list[dict[str, str]]:
    with (DBT_PROJECT / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", sorted(path.stem for path in DBT_PROJECT.glob("seeds/*.csv")))
def test_seed_has_one_row_per_key(name: str) -> None:
    keys = [tuple(row[column] for column in SEED_KEYS[name]) for row in _seed(name)]
    assert keys
    assert len(set(keys)) == len(keys)


def test_only_staging_reads_what_was_received() -> None:
    reading = [
        path.stem
        for path in sorted(DBT_PROJECT.glob("models/**/*.sql"))
        if path.parent.name != "staging" and 'source("raw"' in path.read_text(encoding="utf-8")
    ]
    assert reading == []


def test_every_rule_says_in_a_clause_what_is_wrong() -> None:
    for row in _seed("seed_data_quality_rules"):
        assert len(row["reason"].split()) > 2, row["rule"]
        assert row["reason"][0].islower()
        assert not row["reason"].endswith(".")
        assert "_" not in row["reason"]


def _data_tests(book: Path) -> list[dict[str, Any]]:
    manifest = json.loads((book.parent / "dbt_target" / "manifest.json").read_text())
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]


def test_only_what_makes_the_whole_book_wrong_stops_a_night(book: Path) -> None:
    stopping = {
        test["name"] for test in _data_tests(book) if test["config"]["severity"].lower() == "error"
    }
    assert stopping == STOPPING


def test_every_test_of_several_models_names_the_asset_it_checks(book: Path) -> None:
    manifest = json.loads((book.parent / "dbt_target" / "manifest.json").read_text())
    models = {node["name"] for node in manifest["nodes"].values()}
    singular = [test for test in _data_tests(book) if "test_metadata" not in test]
    assert len(singular) >= 12
    for test in singular:
        assert test["config"]["meta"]["dagster"]["ref"]["name"] in models, test["name"]


def test_failing_data_test_is_told_and_skips_nothing(book: Path, tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    shutil.copy(book, path)
    with duckdb.connect(str(path)) as connection:
        connection.execute("delete from raw.account_registry where account_number = '1000999'")
    selected = ("--select", "tag:book", "--exclude-resource-type", "unit_test", "seed")
    result = invoke_dbt(path, "build", *selected)
    assert result.success
    statuses = {run.node.name: run.status for run in result.result}
    assert statuses["assert_received_accounts_are_registered"] == "warn"
    assert set(statuses.values()) == {"success", "pass", "warn"}
    assert query(path, "select distinct as_of_date from marts.dim_accounts") == [(AS_OF_DATE,)]


def test_what_a_search_missed_is_part_of_the_whole_gap(book: Path, tmp_path: Path) -> None:
    """Four plans are told: a part above the whole, one below nothing, and either without the other.

    A dollar is left to roundings; a plan without a proof has neither, and other days are past.
    """
    path = tmp_path / "warehouse.duckdb"
    shutil.copy(book, path)
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "create or replace table marts.fct_rebalance_plans (as_of_date date, "
            "household_id varchar, plan_id varchar, search_gap decimal(24,6), "
            "optimality_gap decimal(24,6))"
        )
        connection.executemany(
            "insert into marts.fct_rebalance_plans values (?, ?, ?, ?, ?)",
            [
                (AS_OF_DATE, "H1", "P1", "0.01", "90"),
                (AS_OF_DATE, "H2", "P2", "1.5", "0.6"),
                (AS_OF_DATE, "H3", "P3", None, None),
                (AS_OF_DATE, "H4", "P4", "92", "90"),
                (AS_OF_DATE, "H5", "P5", "-0.01", "90"),
                (AS_OF_DATE, "H6", "P6", None, "90"),
                (AS_OF_DATE, "H7", "P7", "1", None),
                (AS_OF_DATE - timedelta(days=1), "H8", "P8", None, "90"),
            ],
        )
    result = invoke_dbt(path, "test", "--select", "plan_assert_search_gap_is_part_of_the_gap")
    assert [run.failures for run in result.result] == [4]


def test_book_without_any_price_stops(book: Path, tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    shutil.copy(book, path)
    with duckdb.connect(str(path)) as connection:
        connection.execute("update intermediate.int_securities__priced set price = null")
    result = invoke_dbt(path, "test", "--select", "assert_book_has_prices")
    assert [run.status for run in result.result] == ["fail"]
