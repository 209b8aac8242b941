"""`evenkeel mapping check`, and a firm's own folder of contracts beside those of the package."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration.cli import app

ROOT = Path(__file__).parents[2]

# A second invented custodian: semicolons, decimal commas, debit and credit words, day first.
CONTRACT = """
feed: pebble_bank
title: Pebble Bank (mapped)
owner: operations
custodians: [PEBBLE_BANK]
reader: mapped_feed
parser_version: "1"
delivery_mode: FULL
as_of_date_sources: [TRAILER]
null_words: ["", "k.A."]
layout:
  decimal_mark: ","
  thousands_mark: "."
  date_formats: ["%d.%m.%Y"]
  files:
    holdings:
      file_names: '^bestand.*[.]txt$'
      format: delimited
      separator: ";"
      encoding: windows-1252
      records:
        holding:
          fields:
            account: {names: [Depot]}
            isin: {names: [ISIN]}
            quantity: {names: ["St\u00fcck"], type: number}
            value: {names: [Wert], type: number}
          entities:
            positions:
              columns:
                account_number: account
                isin: isin
                quantity: quantity
                market_value: value
                currency: {constant: USD}
        end:
          role: trailer
          starts_with: "ENDE;"
          fields: {day: {cell: 2, type: date}, count: {cell: 3, type: number}}
          as_of_date: day
          record_count: {field: count}
"""
HOLDINGS = "Depot;ISIN;Stück;Wert\nD-1;US1009901000;1.250,5;398.184,21\nENDE;19.11.2026;1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    contracts = tmp_path / "contracts"
    contracts.mkdir()
    (contracts / "pebble_bank.yaml").write_text(CONTRACT, encoding="utf-8")
    (tmp_path / "Bestand_1.txt").write_bytes(HOLDINGS.encode("windows-1252"))
    return tmp_path


def checked(folder: Path, *options: str) -> tuple[int, str]:
    arguments = ["mapping", "check", "--contract", str(folder / "contracts/pebble_bank.yaml")]
    found = CliRunner().invoke(app, [*arguments, str(folder / "Bestand_1.txt"), *options])
    return found.exit_code, found.output


def test_a_good_mapping_is_shown_and_passes(folder: Path) -> None:
    code, shown = checked(folder)
    assert code == 0
    for words in ("pebble_bank", "2026-11-19, by TRAILER", "1250.5", "398184.21", "can be loaded"):
        assert words in shown
    assert "taxable positions have no lots and are not sold" in shown


def test_json(folder: Path) -> None:
    code, shown = checked(folder, "--json")
    answer = json.loads(shown)
    assert code == 0
    assert answer["is_blocked"] is False
    (file,) = answer["files"]
    assert file["rows"] == {"positions": 1}
    assert file["control_totals"][0]["agrees"] is True
    assert {
        "record": "holding",
        "entity": "positions",
        "column": "quantity",
        "source": "Stück",
    } in (file["bound"])


def test_a_blocked_mapping_says_why_and_ends_with_one(folder: Path) -> None:
    (folder / "Bestand_1.txt").write_bytes(
        HOLDINGS.replace("ENDE;19.11.2026;1", "ENDE;19.11.2026;2").encode("windows-1252")
    )
    code, shown = checked(folder)
    assert code == 1
    assert "control_count" in shown
    assert "blocked" in shown


def test_a_malformed_contract_ends_with_two_and_names_the_field(folder: Path) -> None:
    path = folder / "contracts/pebble_bank.yaml"
    path.write_text(CONTRACT.replace("format: delimited", "format: csv"), encoding="utf-8")
    code, shown = checked(folder)
    assert code == 2
    assert "pebble_bank.yaml: layout.files.holdings.format: 'csv' is not one of" in (
        " ".join(shown.split())
    )


def test_a_file_that_is_not_there(folder: Path) -> None:
    (folder / "Bestand_1.txt").unlink()
    assert checked(folder)[0] == 2


def test_the_firms_own_folder_of_contracts(folder: Path) -> None:
    """A layout that stands in the firm's folder only: recognised, read, known to Dagster."""
    code = """
from datetime import date
from pathlib import Path
from data_contracts.contract import load_contracts
from orchestration.definitions import defs
from python_steps.feeds.reading import read_file
from python_steps.feeds.received import ReceivedFile
content = Path("Bestand_1.txt").read_bytes()
reading = read_file(ReceivedFile("PEBBLE_BANK", "Bestand_1.txt", content), date(2026, 11, 19))
(row,) = reading.tables["positions"].to_pylist()
print(reading.feed, reading.status, row["account_number"], row["quantity"], row["market_value"])
print(any("pebble_bank" in key.to_user_string() for key in defs.resolve_all_asset_keys()))
"""
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={
            "PYTHONPATH": str(ROOT),
            "PATH": "",
            "EVENKEEL_CONTRACTS": str(folder / "contracts"),
            "EVENKEEL_DATA": str(folder / "data"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout.splitlines() == [
        "pebble_bank LOADED D-1 1250.5 398184.21",
        "True",
    ], found.stderr[-800:]
