"""The reporting step writes what changed, keeps a manifest, and takes a book page by page."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestration import reporting_step
from orchestration.home import Home
from orchestration.reporting_step import ReportingOutcome, write_workbooks
from orchestration.warehouse import Warehouse
from tests.orchestration.made_warehouse import made_home, write_marts
from tests.python_steps.reports import made_frames
from tests.python_steps.reports.made_frames import AS_OF, Rows, bare_household, busy_household

HOUSEHOLDS = 7


def book(households: int = HOUSEHOLDS) -> Rows:
    others = [bare_household(f"H-{number}") for number in range(1, households)]
    return made_frames.together(busy_household("H-0"), *others)


def written(home: Home, warehouse: Warehouse, **options: Any) -> ReportingOutcome:
    return write_workbooks(home, warehouse, AS_OF, log=lambda _: None, **options)


def digests(home: Home) -> dict[str, str]:
    folder = home.reports(AS_OF)
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def manifest(warehouse: Warehouse) -> list[dict[str, Any]]:
    return warehouse.read("select * from ops.workbooks order by household_id").to_pylist()


@pytest.fixture
def made(tmp_path: Path) -> tuple[Home, Warehouse]:
    return made_home(tmp_path / "data", book())


def test_the_manifest_names_every_household_with_path_hash_and_seconds(made):
    home, warehouse = made
    assert written(home, warehouse) == ReportingOutcome(written=HOUSEHOLDS)
    rows = manifest(warehouse)
    assert [row["household_id"] for row in rows] == [f"H-{i}" for i in range(HOUSEHOLDS)]
    assert {row["path"]: row["sha256"] for row in rows} == digests(home)
    assert {row["status"] for row in rows} == {"written"}
    assert all(row["seconds"] > 0 for row in rows)


def test_the_manifest_names_each_workbooks_language_and_what_stayed_english(tmp_path):
    rows = book(3)
    rows["dim_households"][1]["report_language"] = "zh-Hans"
    rows["dim_households"][2]["report_language"] = "zh-Hans"
    second, third = (row["household_id"] for row in rows["dim_households"][1:])
    rows["dim_households"][2]["state_reason"] = "The moon is made of cheese."
    rows["dim_households"][2]["household_state"] = "withheld"
    home, warehouse = made_home(tmp_path / "data", rows)
    outcome = written(home, warehouse)
    assert (outcome.written, outcome.failures) == (3, [])
    told = {row["household_id"]: row for row in manifest(warehouse)}
    languages = {household: row["report_language"] for household, row in told.items()}
    assert languages == {"H-0": "en", second: "zh-Hans", third: "zh-Hans"}
    counts = {household: row["untranslated_count"] for household, row in told.items()}
    assert counts == {"H-0": 0, second: 0, third: 1}
    words = (
        "zh-Hans lacks 1 of the sentences, which stayed English; the first: The moon is made of "
        "cheese"
    )
    assert told[third]["detail"] == words
    assert outcome.untranslated == [f"{third}: {words}"]


def test_a_second_run_writes_only_what_changed(made):
    home, warehouse = made
    written(home, warehouse)
    before = digests(home)
    times = {path: path.stat().st_mtime_ns for path in home.reports(AS_OF).rglob("*.xlsx")}
    rows = book()
    rows["dim_households"][2]["market_value"] = Decimal("12.34")
    changed = rows["dim_households"][2]["household_id"]
    write_marts(warehouse, rows)
    assert written(home, warehouse) == ReportingOutcome(written=1, unchanged=HOUSEHOLDS - 1)
    after = digests(home)
    assert [path for path in before if before[path] != after[path]] == [
        row["path"] for row in manifest(warehouse) if row["household_id"] == changed
    ]
    untouched = [path for path in times if path.stem != changed]
    assert all(path.stat().st_mtime_ns == times[path] for path in untouched)


def test_pages_batches_and_processes_do_not_change_a_byte(made, monkeypatch):
    home, warehouse = made
    written(home, warehouse)
    before = digests(home)
    monkeypatch.setattr(reporting_step, "HOUSEHOLDS_PER_PAGE", 3)
    monkeypatch.setattr(reporting_step, "HOUSEHOLDS_PER_BATCH", 2)
    outcome = written(home, warehouse, engine="processes")
    assert outcome == ReportingOutcome(unchanged=HOUSEHOLDS)
    assert digests(home) == before


def test_a_page_asks_for_its_own_households_only(made, monkeypatch):
    home, warehouse = made
    monkeypatch.setattr(reporting_step, "HOUSEHOLDS_PER_PAGE", 2)
    pages = []

    def render(payload):
        pages.append({name: table.num_rows for name, table in payload.tables.items()})
        return reporting_step.render_households(payload)

    written(home, warehouse, render=render)
    assert [page["dim_households"] for page in pages] == [2, 2, 2, 1]
    assert [page["fct_tax_lots"] for page in pages] == [40, 0, 0, 0]


def test_a_failed_household_and_a_failed_batch_are_named_and_the_others_written(made, monkeypatch):
    home, warehouse = made
    rows = book()
    rows["fct_rebalance_plans"] += rows["fct_rebalance_plans"][:1]
    write_marts(warehouse, rows)
    monkeypatch.setattr(reporting_step, "HOUSEHOLDS_PER_BATCH", 3)

    def render(payload):
        if "H-5" in payload.household_ids:
            raise RuntimeError("the batch is lost")
        return reporting_step.render_households(payload)

    outcome = written(home, warehouse, render=render)
    assert outcome.written == 3
    assert [failure.partition(":")[0] for failure in outcome.failures] == [
        "H-0",
        "H-3",
        "H-4",
        "H-5",
    ]
    told = {row["household_id"]: row["detail"] for row in manifest(warehouse)}
    assert "has 2 plans" in told["H-0"]
    assert "the batch is lost" in told["H-4"]
    assert told["H-6"] is None


def test_a_file_that_cannot_be_written_is_named_and_the_others_are(made):
    home, warehouse = made
    rows = book(3)
    rows["dim_households"].append(
        rows["dim_households"][1] | {"household_id": "H-" + "9" * 300, "household_name": "Long"}
    )
    write_marts(warehouse, rows)
    outcome = written(home, warehouse)
    assert outcome.written == 3
    assert len(outcome.failures) == 1
    assert "not written" in outcome.failures[0]
    assert len(digests(home)) == 3


def test_an_id_with_a_quotation_mark_is_an_id(made):
    home, warehouse = made
    write_marts(warehouse, bare_household("O'Neil; drop table x --"))
    assert written(home, warehouse) == ReportingOutcome(written=1)
    assert len(digests(home)) == 1


def test_no_half_written_file_is_left(made, monkeypatch):
    home, warehouse = made

    def full(self: Path, target: Path) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        outcome = written(home, warehouse)
    assert len(outcome.failures) == HOUSEHOLDS
    assert not digests(home)
    assert written(home, warehouse).written == HOUSEHOLDS


def test_a_household_that_has_gone_loses_its_file(made):
    home, warehouse = made
    written(home, warehouse)
    write_marts(warehouse, book(3))
    assert written(home, warehouse) == ReportingOutcome(unchanged=3)
    assert len(digests(home)) == 3
    assert len(manifest(warehouse)) == 3
    assert all(path.endswith(".xlsx") for path in digests(home))


def test_a_book_without_households_writes_nothing(tmp_path):
    home, warehouse = made_home(tmp_path / "data", {name: [] for name in made_frames.SCHEMAS})
    assert written(home, warehouse) == ReportingOutcome()
    assert not manifest(warehouse)
