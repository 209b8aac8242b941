"""The working database: replacing a night's rows, and a snapshot that readers never see half of."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest

from orchestration.warehouse import (
    Warehouse,
    WorkingSessionError,
    column_names,
    limited_memory,
    publish_snapshot,
    replace_rows,
)

MONDAY, TUESDAY = date(2026, 11, 16), date(2026, 11, 17)


@pytest.fixture
def warehouse(tmp_path):
    made = Warehouse(tmp_path / "warehouse.duckdb")
    made.prepare({"positions": ["account_number", "quantity"]})
    return made


def rows(**columns):
    return pa.table(columns)


def test_raw_tables_carry_their_origin_and_only_text_beside_it(warehouse):
    with warehouse.open() as connection:
        kinds = {row[0]: row[1] for row in connection.execute("describe raw.positions").fetchall()}
    assert kinds["as_of_date"] == "DATE"
    assert kinds["source_row_number"] == "BIGINT"
    assert kinds["quantity"] == "VARCHAR"


def test_replacing_one_night_leaves_the_others(warehouse):
    with warehouse.open() as connection:
        for day, value in ((MONDAY, "1"), (TUESDAY, "2"), (MONDAY, "3")):
            replace_rows(connection, "tax.findings", rows(rule=[value]), {"as_of_date": day})
        found = connection.execute("select as_of_date, rule from tax.findings order by all")
        assert found.fetchall() == [(MONDAY, "3"), (TUESDAY, "2")]


def test_replacing_with_nothing_removes_the_night(warehouse):
    with warehouse.open() as connection:
        replace_rows(connection, "tax.findings", rows(rule=["x"]), {"as_of_date": MONDAY})
        empty = pa.table({"rule": pa.array([], pa.string())})
        replace_rows(connection, "tax.findings", empty, {"as_of_date": MONDAY})
        assert connection.execute("select count(*) from tax.findings").fetchone() == (0,)


def test_decimals_arrive_exactly(warehouse):
    amount = Decimal("12345678901234567.123456")
    table = pa.table({"amount": pa.array([amount], pa.decimal128(24, 6))})
    with warehouse.open() as connection:
        replace_rows(connection, "tax.amounts", table, {"as_of_date": MONDAY})
        assert connection.execute("select amount from tax.amounts").fetchone() == (amount,)


def test_an_older_file_gets_the_columns_it_lacks(warehouse):
    with warehouse.open() as connection:
        replace_rows(connection, "tax.findings", rows(rule=["x"]), {"as_of_date": MONDAY})
        newer = rows(rule=["y"], message=["why"])
        replace_rows(connection, "tax.findings", newer, {"as_of_date": TUESDAY})
        assert column_names(connection, "tax.findings") == ["as_of_date", "rule", "message"]


def test_a_failed_replacement_keeps_the_old_rows(warehouse):
    with warehouse.open() as connection:
        connection.execute("create table tax.numbers (as_of_date date, amount integer)")
        connection.execute("insert into tax.numbers values (?, 1)", [MONDAY])
        with pytest.raises(duckdb.Error):
            replace_rows(
                connection, "tax.numbers", rows(amount=["no number"]), {"as_of_date": MONDAY}
            )
        assert connection.execute("select amount from tax.numbers").fetchall() == [(1,)]


def test_snapshot_holds_marts_and_ops_only_with_views_and_comments(warehouse, tmp_path):
    with warehouse.open() as connection:
        connection.execute("create table marts.facts as select date '2026-11-16' as as_of_date")
        connection.execute("comment on table marts.facts is 'The owner''s facts'")
        connection.execute("comment on column marts.facts.as_of_date is 'Session''s date'")
        connection.execute("create view marts.facts_current as select * from warehouse.marts.facts")
        connection.execute(
            "create view marts.newest as select max(as_of_date) as d from marts.facts"
        )
        connection.execute("comment on view marts.newest is 'The newest'")
    published = tmp_path / "published" / "evenkeel.duckdb"
    published.parent.mkdir()
    publish_snapshot(warehouse.path, published)
    with duckdb.connect(str(published), read_only=True) as connection:
        schemas = connection.execute(
            "select distinct schema_name from duckdb_tables() order by 1"
        ).fetchall()
        assert schemas == [("marts",), ("ops",)]
        assert connection.execute("select * from marts.facts_current").fetchall() == [(MONDAY,)]
        comments = connection.execute(
            """
            select table_name, '', comment from duckdb_tables() where schema_name = 'marts'
            union all
            select view_name, '', comment from duckdb_views() where schema_name = 'marts'
            union all
            select table_name, column_name, comment from duckdb_columns()
            where schema_name = 'marts'
            order by all
            """
        ).fetchall()
        assert comments == [
            ("facts", "", "The owner's facts"),
            ("facts", "as_of_date", "Session's date"),
            ("facts_current", "", "The owner's facts"),
            ("facts_current", "as_of_date", "Session's date"),
            ("newest", "", "The newest"),
            ("newest", "d", None),
        ]
        undescribed = connection.execute(
            """
            select table_name, column_name from duckdb_columns()
            where schema_name = 'ops' and comment is null
            """
        ).fetchall()
        assert undescribed == []
    assert published.stat().st_mode & 0o077 == 0


def test_a_reader_keeps_its_night_while_the_next_is_published(warehouse, tmp_path):
    published = tmp_path / "evenkeel.duckdb"
    with warehouse.open() as connection:
        connection.execute("create table marts.facts as select 1 as version")
    publish_snapshot(warehouse.path, published)
    with duckdb.connect(str(published), read_only=True) as reader:
        with warehouse.open() as connection:
            connection.execute("update marts.facts set version = 2")
        publish_snapshot(warehouse.path, published)
        assert reader.execute("select version from marts.facts").fetchone() == (1,)
    with duckdb.connect(str(published), read_only=True) as reader:
        assert reader.execute("select version from marts.facts").fetchone() == (2,)


def test_a_step_refuses_the_working_tables_of_another_session(warehouse):
    warehouse.begin_working_session(MONDAY, "run-1")
    warehouse.require_working_session(MONDAY)
    with pytest.raises(WorkingSessionError, match="run the whole night of 2026-11-17"):
        warehouse.require_working_session(TUESDAY)


def test_a_step_that_limits_memory_frees_it_even_when_it_fails(warehouse):
    def limit(connection):
        return connection.execute("select current_setting('memory_limit')").fetchone()[0]

    def failing_step(connection):
        with limited_memory(connection, "200MB"):
            assert limit(connection) == "190.7 MiB"
            raise RuntimeError("batch failed")

    with warehouse.open() as connection:
        before = limit(connection)
        with pytest.raises(RuntimeError, match="batch failed"):
            failing_step(connection)
        assert limit(connection) == before
