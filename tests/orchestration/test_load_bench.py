"""The measurement of the raw load: every row by both ways, the same delivery every time."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from orchestration import load_bench
from orchestration.cli import app


def test_both_ways_load_every_row_of_the_same_delivery(monkeypatch):
    monkeypatch.setattr(load_bench, "REPEATS", 1)
    answer = CliRunner().invoke(app, ["bench", "--stage", "load", "--lots", "3000"])
    assert answer.exit_code == 0, answer.output
    figures = json.loads(answer.stdout)
    assert figures["rows"] == {
        "securities": 1000,
        "accounts": 20,
        "positions": 200,
        "tax_lots": 3000,
    }
    for way in ("read_csv", "load"):
        assert float(figures[way]["seconds"]) > 0
        assert figures[way]["peak_memory_mb"] > 0
        assert figures[way]["processor_seconds"] > 0
    assert figures["ratio"] == figures["ratios"][0]


def test_the_delivery_is_the_same_every_time(tmp_path):
    for name in ("first", "second"):
        load_bench.write_delivery(tmp_path / name, 500)
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()


def test_a_load_that_loses_rows_is_not_a_measurement(monkeypatch):
    monkeypatch.setattr(load_bench, "REPEATS", 1)
    short = {"securities": 1000, "accounts": 1, "positions": 1, "tax_lots": 14}
    lost = {
        "rows": short,
        "seconds": 1.0,
        "peak_memory_mb": 1.0,
        "processor_seconds": 1.0,
        "parts": {"load": 1.0},
    }
    monkeypatch.setattr(load_bench, "_in_a_process", lambda way, folder: lost)
    with pytest.raises(ValueError, match="loaded"):
        load_bench.measure_load(15)


def test_lots_without_the_load_stage_are_refused():
    answer = CliRunner().invoke(app, ["bench", "--lots", "10"])
    assert answer.exit_code == 2
    assert "--stage load" in answer.stderr
