"""`evenkeel wait-or-trade` on a published night: the paths and the verdict of the mart."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.home import Home
from python_steps.planning.plan import ALTERNATIVES
from python_steps.planning.plan_tables import SCHEMAS

NIGHT = date(2026, 11, 19)
VERDICT = "Wait. Counting what is planned then, waiting is better by $183 than trading now."


def path(name: str, number: int) -> dict[str, Any]:
    row: dict[str, Any] = {
        field.name: number if pa.types.is_integer(field.type) else None
        for field in SCHEMAS["alternatives"]
    }
    for field in SCHEMAS["alternatives"]:
        if pa.types.is_decimal(field.type) or pa.types.is_floating(field.type):
            row[field.name] = number
    return row | {
        "as_of_date": NIGHT,
        "plan_id": "P-1",
        "household_id": "H1",
        "alternative": name,
        "same_as": "trade_now" if name == "defer_gains" else None,
        "end_date": date(2026, 12, 1),
        "largest_drift": 0.0019201810375,
        "tracking_error": 0.00041474,
        "breakeven_years": 2.04,
        "is_recommended": name == "wait",
        "verdict": VERDICT,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    published = Home(tmp_path).published
    published.parent.mkdir(parents=True)
    with duckdb.connect(str(published)) as connection:
        connection.execute("create schema marts; create schema ops")
        connection.execute(
            "create table ops.nights as select date '2026-11-19' as as_of_date, 'complete' as state"
        )
        connection.execute(
            "create table marts.dim_households as select date '2026-11-19' as as_of_date, * from "
            "(values ('H1', 'Thompson', 'released', ''), ('H2', 'Quiet', 'released', ''), "
            "('H3', 'Late', 'waiting_for_feed', 'a file of ALPINE is missing')) as t"
            "(household_id, household_name, household_state, state_reason)"
        )
        connection.execute(
            "create table marts.fct_rebalance_plans as select date '2026-11-19' as as_of_date, "
            "'H2' as household_id, 'Every asset class is inside its band.' as explanation"
        )
        # Not in the order in which they are read.
        rows = [path(name, number) for number, name in enumerate(reversed(ALTERNATIVES))]
        told = pa.Table.from_pylist(rows, SCHEMAS["alternatives"])
        connection.register("told", told)
        connection.execute("create table marts.fct_plan_alternatives as select * from told")
    return tmp_path


def answer(folder: Path, *words: str) -> str:
    found = CliRunner(env={"COLUMNS": "250"}).invoke(
        app, ["wait-or-trade", *words, "--data", str(folder)]
    )
    assert found.exit_code == 0, found.output
    return found.output


def test_the_paths_stand_side_by_side_with_the_verdict(folder: Path) -> None:
    told = json.loads(answer(folder, "thompson", "--json"))
    assert told["verdict"] == "wait"
    assert told["sentence"] == VERDICT
    assert [each["alternative"] for each in told["paths"]] == list(ALTERNATIVES)
    assert {f"after_tax_wealth_{years}y" for years in (1, 3, 5, 10)} <= set(told["paths"][0])
    shown = answer(folder, "thompson")
    assert VERDICT in " ".join(shown.split())
    assert shown.count("2026-12-01") == len(ALTERNATIVES)
    for words in (*ALTERNATIVES, "0.19 %", "0.04 %", " 2.0 "):
        assert words in shown


def test_a_household_with_nothing_to_cure_hears_its_plan(folder: Path) -> None:
    told = json.loads(answer(folder, "quiet", "--json"))
    assert told["verdict"] == "nothing_to_choose"
    assert told["sentence"] == "Every asset class is inside its band."
    assert told["paths"] == []
    assert "Every asset class is inside its band." in answer(folder, "quiet")


def test_paths_without_a_known_worth_recommend_nothing(folder: Path) -> None:
    with duckdb.connect(str(Home(folder).published)) as connection:
        connection.execute("update marts.fct_plan_alternatives set is_recommended = false")
    assert json.loads(answer(folder, "thompson", "--json"))["verdict"] == "cannot_tell"


def test_a_household_that_waits_for_a_file_says_so(folder: Path) -> None:
    found = CliRunner().invoke(app, ["wait-or-trade", "late", "--data", str(folder)])
    assert found.exit_code == 2
    assert "a file of ALPINE is missing" in " ".join(found.output.split())
