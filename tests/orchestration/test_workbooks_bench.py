"""The measurement of workbooks: a book of any size of households that trade, by both writers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from orchestration import workbooks_bench
from orchestration.cli import app
from orchestration.warehouse import Warehouse
from orchestration.workbooks_bench import measure_workbooks, show_workbooks, write_book
from tests.orchestration.made_warehouse import made_home
from tests.python_steps.reports import made_frames
from tests.python_steps.reports.made_frames import bare_household, busy_household


@pytest.fixture
def night(tmp_path: Path) -> Path:
    made_home(
        tmp_path / "night",
        made_frames.together(
            busy_household("H-1"),
            bare_household("H-2"),
            bare_household("H-3", household_state="withheld", state_reason="Lots do not tie."),
        ),
    )
    return tmp_path / "night"


def test_a_book_repeats_the_households_that_trade_with_all_their_rows(night, tmp_path):
    assert write_book(night, tmp_path / "book", 5) == 1
    warehouse = Warehouse(tmp_path / "book" / "warehouse.duckdb")
    ids = warehouse.read("select household_id from marts.dim_households order by 1")
    assert ids["household_id"].to_pylist() == [f"H-1-00000{number}" for number in range(5)]
    lots = warehouse.read("select household_id, count(*) n from marts.fct_tax_lots group by all")
    assert lots["n"].to_pylist() == [40] * 5


def test_a_night_on_which_nobody_trades_has_no_typical_workbook(tmp_path):
    made_home(tmp_path / "night", bare_household("H-2"))
    with pytest.raises(ValueError, match="no household of the night trades"):
        write_book(tmp_path / "night", tmp_path / "book", 5)


def test_both_writers_write_every_workbook_and_the_figures_are_told(night, monkeypatch):
    monkeypatch.setattr(workbooks_bench, "REPEATS", 1)
    monkeypatch.setattr(workbooks_bench, "FEW", 3)
    answer = CliRunner().invoke(
        app,
        [
            *("bench", "--stage", "workbooks", "--households", "4", "--night", str(night)),
            "--json",
        ],
    )
    assert answer.exit_code == 0, answer.output
    figures = json.loads(answer.stdout)
    assert figures["typical_households"] == 1
    assert set(figures["writers"]) == {"skeletons", "openpyxl"}
    assert {one["households"] for one in figures["writers"].values()} == {3}
    assert list(figures["memory"]) == ["3", "4"]
    for one in (*figures["writers"].values(), *figures["memory"].values()):
        assert all(value > 0 for value in one.values()), one
    assert figures["times_as_quick"] > 0
    with Console(record=True, width=120) as console:
        show_workbooks(console, figures)
    assert "times as quick as openpyxl" in console.export_text()


def test_a_workbook_that_fails_is_no_measurement(night, monkeypatch):
    monkeypatch.setattr(workbooks_bench, "REPEATS", 1)
    monkeypatch.setattr(
        workbooks_bench,
        "_in_a_process",
        lambda writer, folder, households: workbooks_bench.measure_run("no such writer", folder),
    )
    with pytest.raises(KeyError):
        measure_workbooks(2, seed=7, night=night)
