"""A night as a whole: what changed between versions, what is kept, which version a plan gets."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from orchestration.home import Home
from orchestration.night import (
    apply_retention,
    changes_between,
    code_version,
    manifest_hash,
    record_failed_night,
)
from orchestration.planning_step import with_versions
from orchestration.tax_step import lots_not_conserved
from orchestration.warehouse import Warehouse
from python_steps.frames import QUANTITY
from python_steps.sessions import sessions_between


def manifest(**changed):
    base = {
        "as_of_date": "2026-11-19",
        "files": [
            {
                "as_of_date": "2026-11-19",
                "custodian": "ALPINE",
                "feed": "standard_feed",
                "file_name": "positions.csv",
                "source_file_id": "a",
                "status": "LOADED",
            }
        ],
        "firm_policy": "p",
        "code": "c",
    }
    return base | changed


def file(**changed):
    return manifest()["files"][0] | changed


def test_the_same_manifest_has_the_same_hash_in_any_key_order():
    assert manifest_hash(manifest()) == manifest_hash(dict(reversed(manifest().items())))


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (
            manifest(files=[file(source_file_id="b")]),
            ["changed file 2026-11-19/ALPINE/positions.csv"],
        ),
        (manifest(files=[]), ["withdrawn file 2026-11-19/ALPINE/positions.csv"]),
        (
            manifest(files=[file(), file(file_name="prices.csv")]),
            ["new file 2026-11-19/ALPINE/prices.csv"],
        ),
        (manifest(firm_policy="q", code="d"), ["changed firm policy", "changed code"]),
        (manifest(files=[file(status="QUARANTINED")]), ["a file's acceptance changed"]),
    ],
)
def test_a_new_version_says_what_changed(after, words):
    assert changes_between(manifest(), after) == words


def test_code_version_is_stable():
    assert code_version() == code_version()


def test_a_failed_attempt_holds_the_place_of_the_next_version(tmp_path):
    warehouse = Warehouse(Home(tmp_path).activate().warehouse)
    warehouse.prepare({})
    record_failed_night(warehouse, date(2026, 11, 19), "run-1", "no files")
    record_failed_night(warehouse, date(2026, 11, 19), "run-2", "still no files")
    rows = warehouse.read("select version, state, note from ops.nights order by version")
    assert [tuple(row.values()) for row in rows.to_pylist()] == [
        (1, "failed", "still no files"),
    ]


def test_retention_keeps_the_last_sessions_and_before_them_the_month_ends(tmp_path):
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    warehouse.prepare({})
    sessions = sessions_between(date(2026, 9, 1), date(2026, 11, 19))
    with warehouse.open() as connection:
        for table in ("fct_tax_lots", "fct_positions", "fct_position_sources"):
            connection.execute(f"create table marts.{table} (as_of_date date)")
            connection.executemany(
                f"insert into marts.{table} values (?)", [[session] for session in sessions]
            )
        apply_retention(connection, daily_sessions=3)
        kept = connection.execute(
            "select as_of_date from marts.fct_tax_lots order by as_of_date"
        ).fetchall()
    assert [row[0] for row in kept] == [
        date(2026, 9, 30),
        date(2026, 10, 30),
        date(2026, 11, 17),
        date(2026, 11, 18),
        date(2026, 11, 19),
    ]


def plans(**hashes):
    return pa.table(
        {
            "household_id": list(hashes),
            "version": pa.array([1] * len(hashes), pa.int32()),
            "input_hash": list(hashes.values()),
        }
    )


def test_a_plan_with_unchanged_inputs_keeps_its_version_and_a_changed_one_gets_the_next():
    issued = {"SAME": [(1, "a"), (2, "b")], "CHANGED": [(1, "a"), (2, "b")]}
    numbered = with_versions(plans(SAME="a", CHANGED="c", NEW="x"), issued)
    assert numbered["version"].to_pylist() == [1, 3, 1]


def lots(**quantities):
    return pa.table(
        {
            "lot_id": list(quantities),
            "parent_lot_id": pa.nulls(len(quantities), pa.string()),
            "quantity": pa.array(list(quantities.values()), QUANTITY),
        }
    )


def test_lots_that_lose_shares_in_the_ledger_are_named():
    whole = lots(A=10, B=5)
    split = pa.table(
        {
            "lot_id": ["A/1", "A/2", "B"],
            "parent_lot_id": ["A", "A", None],
            "quantity": pa.array([4, 6, 5], QUANTITY),
        }
    )
    assert lots_not_conserved(whole, split) == []
    assert lots_not_conserved(whole, split.slice(1)) == ["A"]
    assert lots_not_conserved(whole, pa.concat_tables([split, split.slice(2)])) == ["B"]
