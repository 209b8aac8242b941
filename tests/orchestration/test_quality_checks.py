"""Results of the rules as asset checks: each rule is seen, broken, held or not evaluated.

Belongs here: how results become checks. What the rules find is tested with the SQL.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.assets.quality import CONTRACT_RULES, RULES, catalogue, data_quality_rules
from orchestration.definitions import build_definitions
from orchestration.home import Home
from orchestration.resources import HomeResource

SESSION = date(2026, 11, 19)
RESULTS = [
    # rule, severity, is_passed, household, custodian, message, override
    ("lots_add_up_to_position", "block", False, "HH-1", "X", "Lots do not tie.", None),
    ("lots_add_up_to_position", "block", False, "HH-2", "X", "Lots do not tie either.", None),
    ("lots_add_up_to_position", "block", None, None, "Y", "Y: No lots.", None),
    ("price_is_above_zero", "warn", False, "HH-1", "X", "A price of zero.", None),
    ("lot_has_basis", "block", True, None, None, "The rule holds everywhere in the book.", None),
    ("cash_rolls_forward", "warn", None, None, "X", "X: There is no earlier night.", None),
    ("cash_rolls_forward", "warn", None, None, "Y", "Y: There is no earlier night.", None),
    ("quantity_rolls_forward", "warn", True, None, None, "The rule holds for: X.", None),
    ("quantity_rolls_forward", "warn", None, None, "Z", "Z: No transactions.", None),
    ("quantity_rolls_forward", "warn", None, None, "Y", "Y: No transactions.", None),
    ("quantity_is_decimal", "block", False, "HH-1", "X", "Row 7 holds no number.", None),
    ("holding_can_be_sold_within_days", "info", False, "HH-1", "X", "A fund of ten days.", None),
    ("matured_holding_is_gone", "info", False, "HH-1", "X", "Still held.", "OV-1"),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("quality")).activate()
    warehouse = HomeResource(data_folder=str(home.folder)).warehouse()
    with warehouse.open() as connection:
        _fill(connection)
    return home


def _fill(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("create schema if not exists marts")
    connection.execute(
        "create table marts.fct_data_quality_results (as_of_date date, rule varchar, "
        "severity varchar, is_passed boolean, household_id varchar, custodian varchar, "
        "message varchar, override_id varchar)"
    )
    for row in RESULTS:
        connection.execute(
            "insert into marts.fct_data_quality_results values (?, ?, ?, ?, ?, ?, ?, ?)",
            [SESSION, *row],
        )
    # Another night's results are not this night's.
    connection.execute(
        "insert into marts.fct_data_quality_results values (?, ?, ?, ?, ?, ?, ?, ?)",
        [date(2026, 11, 18), "lot_has_basis", "block", False, "HH-9", "X", "No cost.", None],
    )


@pytest.fixture(scope="module")
def evaluations(home: Home) -> dict[str, dg.AssetCheckEvaluation]:
    result = dg.materialize(
        [data_quality_rules],
        partition_key=SESSION.isoformat(),
        resources={"home": HomeResource(data_folder=str(home.folder))},
    )
    assert result.success
    return {found.check_name: found for found in result.get_asset_check_evaluations()}


def test_every_rule_of_the_catalogue_is_a_check_of_the_code_location(tmp_path: Path) -> None:
    graph = build_definitions(Home(tmp_path).activate()).resolve_asset_graph()
    names = {key.name for key in graph.asset_check_keys if key.asset_key == RULES}
    assert names == set(catalogue()) | {CONTRACT_RULES}
    assert len(names) > 100


def test_broken_rule_fails_with_its_count_severity_and_messages(
    evaluations: dict[str, dg.AssetCheckEvaluation],
) -> None:
    broken = evaluations["lots_add_up_to_position"]
    assert not broken.passed
    assert broken.severity == dg.AssetCheckSeverity.ERROR
    assert broken.metadata["violations"].value == 2
    assert broken.metadata["households"].value == 2
    assert broken.metadata["severity"].value == "block"
    assert "- Lots do not tie." in broken.metadata["messages"].value
    warned = evaluations["price_is_above_zero"]
    assert (warned.passed, warned.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_what_stops_nothing_is_told_and_does_not_fail(
    evaluations: dict[str, dg.AssetCheckEvaluation],
) -> None:
    told = evaluations["holding_can_be_sold_within_days"]
    assert (told.passed, told.metadata["violations"].value) == (True, 1)


def test_rule_that_holds_passes_and_one_that_was_not_evaluated_says_nothing(
    evaluations: dict[str, dg.AssetCheckEvaluation],
) -> None:
    assert evaluations["lot_has_basis"].passed
    assert "cash_rolls_forward" not in evaluations


def test_check_tells_the_custodians_that_could_not_be_asked(
    evaluations: dict[str, dg.AssetCheckEvaluation],
) -> None:
    held = evaluations["quantity_rolls_forward"]
    assert held.passed
    assert held.metadata["custodians_not_asked"].value == 2
    assert held.metadata["not_asked"].value == "- Y: No transactions.\n- Z: No transactions."
    assert evaluations["lot_has_basis"].metadata["custodians_not_asked"].value == 0
    # What is broken at one custodian is a check all the same.
    broken = evaluations["lots_add_up_to_position"]
    assert not broken.passed
    assert broken.metadata["not_asked"].value == "- Y: No lots."
    assert "No lots." not in broken.metadata["messages"].value


def test_what_people_have_accepted_is_counted_and_does_not_fail(
    evaluations: dict[str, dg.AssetCheckEvaluation],
) -> None:
    accepted = evaluations["matured_holding_is_gone"]
    assert accepted.passed
    assert (accepted.metadata["violations"].value, accepted.metadata["accepted"].value) == (1, 1)


def test_rules_of_contracts_share_a_check_that_counts_each(
    evaluations: dict[str, dg.AssetCheckEvaluation],
) -> None:
    contracts = evaluations[CONTRACT_RULES]
    assert not contracts.passed
    assert contracts.metadata["violations/quantity_is_decimal"].value == 1
