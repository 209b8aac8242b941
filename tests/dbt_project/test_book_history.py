"""The book pass over several sessions and runs: one night replaces itself only, history stays.

Belongs here: what holds between nights. What holds within one stands in test_book.py.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest

from tests.dbt_project.book_fixture import Book, small_book
from tests.dbt_project.warehouse_fixture import (
    POLICY_ENTITIES,
    create_warehouse,
    query,
    run_dbt,
)

FIRST, SECOND = date(2026, 11, 18), date(2026, 11, 19)
BOOK_PASS = ("build", "--select", "tag:book", "--exclude-resource-type", "unit_test")


def _marts(path: Path) -> dict[str, list[tuple[object, ...]]]:
    tables = query(
        path,
        """
        select schema_name || '.' || table_name from duckdb_tables()
        where schema_name = 'marts' or (schema_name = 'ops' and table_name = 'violations')
        order by 1
        """,
    )
    return {name: query(path, f"select * from {name} order by all") for (name,) in tables}


@pytest.fixture(scope="module")
def two_nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sessions; the second brings no policy files and mends the lots that did not tie."""
    path = tmp_path_factory.mktemp("nights") / "warehouse.duckdb"
    create_warehouse(path)
    first = small_book(FIRST)
    first.delivery.add(
        "transactions",
        *(2 * [_purchase("2026-11-17")]),
        _purchase("2026-11-18") | {"transaction_id": "T-1", "quantity": "3"},
    )
    first.delivery.add(
        "overrides",
        {"override_id": "O-1", "override_type": "accept", "rule": "price_is_recent"}
        | {"household_id": "CLEAN", "reason": "valued by hand", "approved_by": "Robin Chief"}
        | {"expires_date": "2026-12-31"},
    )
    first.delivery.write(path)
    run_dbt(path, *BOOK_PASS, as_of_date=FIRST)
    second = small_book(SECOND)
    second.delivery.files = {
        key: rows for key, rows in second.delivery.files.items() if key[1] not in POLICY_ENTITIES
    }
    for row in second.delivery.files["ALPINE", "tax_lots"]:
        if row["account_number"] == "1000011" and row["ticker"] == "SCHB":
            row["quantity"] = "10"
        if row["source_lot_id"] == "S-2":
            row["cost_basis"] = "320.00"
    second.delivery.add(
        "transactions",
        _purchase("2026-11-17"),
        _purchase("2026-11-18") | {"transaction_id": "T-1", "quantity": "4"},
    )
    second.delivery.write(path)
    run_dbt(path, *BOOK_PASS, as_of_date=SECOND)
    return path


def _purchase(day: str) -> dict[str, str]:
    return {
        "account_number": "1000001",
        "ticker": "VTI",
        "transaction_date": day,
        "transaction_type": "BUY",
        "quantity": "1",
        "price": "100",
    }


def test_history_of_both_sessions_stands_in_every_mart(two_nights: Path) -> None:
    for name, rows in _marts(two_nights).items():
        assert {row[0] for row in rows} == {FIRST, SECOND}, name


def test_policy_of_the_newest_file_holds_until_a_newer_one_comes(two_nights: Path) -> None:
    rows = query(
        two_nights, "select as_of_date, count(*) from marts.dim_households group by 1 order by 1"
    )
    assert rows == [(FIRST, 19), (SECOND, 19)]


def test_mended_lots_release_the_position_the_next_night(two_nights: Path) -> None:
    rows = query(
        two_nights,
        """
        select as_of_date from ops.violations
        where rule = 'lots_add_up_to_position' and household_id = 'LOTS'
        """,
    )
    assert rows == [(FIRST,)]


def test_result_that_stands_keeps_the_date_since_when_it_stands(two_nights: Path) -> None:
    rows = query(
        two_nights,
        """
        select rule, as_of_date, is_passed, status_date from marts.fct_data_quality_results
        where rule in ('targets_sum_to_one', 'covered_lot_has_basis', 'position_has_a_price')
            -- BETA's lots did not come: of it nothing can be asked.
            and scope <> 'custodian'
        order by all
        """,
    )
    assert rows == [
        ("covered_lot_has_basis", FIRST, False, FIRST),
        ("covered_lot_has_basis", SECOND, True, SECOND),
        ("position_has_a_price", FIRST, True, FIRST),
        ("position_has_a_price", SECOND, True, FIRST),
        ("targets_sum_to_one", FIRST, False, FIRST),
        ("targets_sum_to_one", SECOND, False, FIRST),
    ]


def test_overlapping_transaction_files_are_merged_not_added(two_nights: Path) -> None:
    rows = query(
        two_nights,
        """
        select transaction_date, quantity from intermediate.int_transactions__merged
        where transaction_type = 'BUY' order by all
        """,
    )
    assert rows == [(date(2026, 11, 17), 1), (date(2026, 11, 17), 1), (date(2026, 11, 18), 4)]


def _shuffle(path: Path) -> None:
    """Bring the rows of every table that a night reads into another order."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("select setseed(0.5)")
        tables = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() "
            "where schema_name in ('raw', 'ops', 'marts') order by 1"
        ).fetchall()
        for (table,) in tables:
            connection.execute(f"create temp table rows_of as select * from {table}")
            connection.execute(f"delete from {table}")
            connection.execute(f"insert into {table} select * from rows_of order by random()")
            connection.execute("drop table rows_of")


def test_running_a_night_again_changes_nothing_in_whatever_order_rows_stand(
    two_nights: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "warehouse.duckdb"
    copy.write_bytes(two_nights.read_bytes())
    before = _marts(copy)
    _shuffle(copy)
    run_dbt(copy, *BOOK_PASS, as_of_date=SECOND)
    assert _marts(copy) == before


def test_yesterdays_positions_are_not_carried_forward(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    create_warehouse(path)
    small_book(FIRST).delivery.write(path)
    empty = Book(SECOND)
    del empty.delivery.files["ALPINE", "positions"]
    empty.delivery.files = {
        key: rows for key, rows in empty.delivery.files.items() if key[1] not in POLICY_ENTITIES
    }
    empty.delivery.write(path)
    run_dbt(path, *BOOK_PASS, as_of_date=SECOND)
    states = query(path, "select distinct household_state from marts.dim_households")
    assert states == [("waiting_for_feed",)]
    assert query(path, "select count(*) from marts.fct_household_drift") == [(0,)]


def test_row_that_a_contract_blocks_freezes_its_lot_and_is_not_reported_twice(
    tmp_path: Path,
) -> None:
    path = tmp_path / "warehouse.duckdb"
    create_warehouse(path)
    small_book().delivery.write(path)
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            """
            insert into ops.contract_violations
            select
                as_of_date, custodian, feed, 'tax_lots', 'tax_lots.csv', source_file_id,
                source_row_number, 'unique_key', 'block', 'lot', account_number, ticker,
                source_lot_id, null, 'twice', 'once', 'The lot stands twice; ask which is true.',
                'operations'
            from raw.tax_lots
            where
                (account_number = '1000001' and source_lot_id = 'VTI-2')
                or (account_number = '1000141' and quantity = 'ten')
            """
        )
    run_dbt(path, *BOOK_PASS)
    rows = query(
        path,
        """
        select l.source_lot_id, l.frozen_reason
        from intermediate.int_lots__identified as l
        inner join raw.account_registry as a on l.account_id = a.account_id
        where a.account_number = '1000001' order by 1
        """,
    )
    broken = 'what the custodian sent breaks the rule "unique key"'
    assert rows == [("BND-1", None), ("VTI-1", None), ("VTI-2", broken)]
    rules = query(path, "select rule from ops.violations where household_id = 'TEXT'")
    assert ("lot_values_can_be_read",) not in rules
