"""The working DuckDB file: opening it, replacing one night's rows, publishing a snapshot.

Belongs here: connections, table creation from declared schemas, delete-and-insert of a session,
the atomic publication. Does not belong here: any rule or arithmetic (dbt and python_steps).
DuckDB takes one writing process: every step that opens the file runs in the pool `warehouse`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from orchestration import ops_descriptions

# Rows of a row group of DuckDB's files.
_ROW_GROUP = 122_880
SCHEMAS = ("raw", "staging", "intermediate", "marts", "tax", "rebalance", "ops")
PUBLISHED_SCHEMAS = ("marts", "ops")
# What names full account numbers stays in the working file; ops.violations tells it masked. What a
# mart repeats stays there too.
WITHHELD_TABLES = (
    "contract_violations",
    "received_files",
    "identity_findings",
    "trade_decisions",
    "working_session",
)

RAW_META_COLUMNS: dict[str, str] = {
    "as_of_date": "date",
    "custodian": "varchar",
    "feed": "varchar",
    "source_file_id": "varchar",
    "source_row_number": "bigint",
    "row_as_received": "varchar",
}

OPS_TABLES: dict[str, dict[str, str]] = {
    "received_files": {
        "as_of_date": "date",
        "source_file_id": "varchar",
        "custodian": "varchar",
        "feed": "varchar",
        "file_name": "varchar",
        "is_copy": "boolean",
        "size_bytes": "bigint",
    },
    "source_files": {
        "as_of_date": "date",
        "source_file_id": "varchar",
        "custodian": "varchar",
        "feed": "varchar",
        "file_name": "varchar",
        "stated_as_of_date": "date",
        "as_of_source": "varchar",
        "header_fingerprint": "varchar",
        "parser_version": "varchar",
        "delivery_mode": "varchar",
        "feed_role": "varchar",
        "covered_from_date": "date",
        "covered_to_date": "date",
        "row_count": "bigint",
        "control_row_count": "bigint",
        "control_amount": "decimal(24,6)",
        "received_at": "timestamp",
        "status": "varchar",
        "replaced_by": "varchar",
    },
    "file_entities": {
        "as_of_date": "date",
        "source_file_id": "varchar",
        "custodian": "varchar",
        "feed": "varchar",
        "entity": "varchar",
        "row_count": "bigint",
    },
    "contract_violations": {
        "as_of_date": "date",
        "custodian": "varchar",
        "feed": "varchar",
        "entity": "varchar",
        "file_name": "varchar",
        "source_file_id": "varchar",
        "source_row_number": "bigint",
        "rule": "varchar",
        "severity": "varchar",
        "scope": "varchar",
        "account_number": "varchar",
        "security_key": "varchar",
        "lot_key": "varchar",
        "household_id": "varchar",
        "observed": "varchar",
        "expected": "varchar",
        "message": "varchar",
        "who_must_act": "varchar",
    },
    "contract_rules": {
        "rule": "varchar",
    },
    "nights": {
        "as_of_date": "date",
        "version": "integer",
        "run_id": "varchar",
        "known_at": "timestamp",
        "manifest_hash": "varchar",
        "state": "varchar",
        "note": "varchar",
        "is_stale": "boolean",
        "stale_reason": "varchar",
    },
    "workbooks": {
        "as_of_date": "date",
        "household_id": "varchar",
        "advisor_id": "varchar",
        "path": "varchar",
        "sha256": "varchar",
        "status": "varchar",
        "seconds": "double",
        "detail": "varchar",
        "report_language": "varchar",
        "untranslated_count": "integer",
    },
    "trade_decisions": {
        "as_of_date": "date",
        "return_number": "integer",
        "household_id": "varchar",
        "plan_id": "varchar",
        "plan_as_of_date": "date",
        "plan_version": "integer",
        "trade_id": "varchar",
        "account_id": "varchar",
        "action": "varchar",
        "security_id": "varchar",
        "proposed_quantity": "decimal(28,10)",
        "decision": "varchar",
        "decided_quantity": "decimal(28,10)",
        "return_state": "varchar",
        "snooze_until_date": "date",
        "decision_note": "varchar",
        "advisor_id": "varchar",
        "decided_at": "timestamp",
        "file_name": "varchar",
        "sha256": "varchar",
        "cell": "varchar",
    },
    "working_session": {
        "as_of_date": "date",
        "run_id": "varchar",
    },
    "stage_timings": {
        "as_of_date": "date",
        "run_id": "varchar",
        "stage": "varchar",
        "seconds": "double",
        "peak_memory_mb": "double",
        "children_peak_memory_mb": "double",
    },
}


class WorkingSessionError(RuntimeError):
    """The staging and intermediate tables belong to another session than the step's."""


class Warehouse:
    """One firm's working database."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def open(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that is closed, and its lock released, whatever happens."""
        connection = duckdb.connect(str(self.path), read_only=read_only)
        try:
            connection.execute("set preserve_insertion_order = true")
            yield connection
        finally:
            connection.close()

    def prepare(self, raw_entities: Mapping[str, Sequence[str]]) -> None:
        """Create every schema, the raw tables of `raw_entities` and the ops tables, if missing."""
        with self.open() as connection:
            for schema in SCHEMAS:
                connection.execute(f"create schema if not exists {schema}")
            for entity, columns in raw_entities.items():
                declared = RAW_META_COLUMNS | dict.fromkeys(columns, "varchar")
                ensure_table(connection, f"raw.{entity}", declared)
            for name, declared in OPS_TABLES.items():
                ensure_table(connection, f"ops.{name}", declared)
                _describe(connection, name, declared)
        self.path.chmod(0o600)

    def begin_working_session(self, as_of_date: date, run_id: str) -> None:
        """Say which session the staging and intermediate tables are about to be built for."""
        with self.open() as connection:
            connection.execute("delete from ops.working_session")
            connection.execute(
                "insert into ops.working_session values (?, ?)", [as_of_date, run_id]
            )

    def require_working_session(self, as_of_date: date) -> None:
        """Refuse to go on when the working tables are those of another session.

        Raises:
            WorkingSessionError: the book pass of `as_of_date` was not the last one that ran.
        """
        rows = self.read("select as_of_date from ops.working_session").to_pylist()
        current = rows[0]["as_of_date"] if rows else None
        if current != as_of_date:
            raise WorkingSessionError(
                f"the working tables hold the session of {current}, not of {as_of_date}: "
                f"run the whole night of {as_of_date}"
            )

    def read(self, query: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """The result of one query as an Arrow table."""
        with self.open(read_only=True) as connection:
            return fetch_arrow(connection, query, parameters)


@contextmanager
def limited_memory(connection: duckdb.DuckDBPyConnection, limit: str) -> Iterator[None]:
    """Hold the database's cache to a size while a step reads a large book piece by piece.

    What does not fit is read again from the file, or spilled beside it: results are the same.
    Afterwards DuckDB's own limit holds again, which nothing else here changes (put back as it was
    shown it would shrink by rounding).

    Args:
        connection: any connection to the database; the limit holds for all of them.
        limit: as DuckDB writes sizes, such as `512MB`.
    """
    connection.execute(f"set memory_limit = '{limit}'")
    try:
        yield
    finally:
        connection.execute("reset memory_limit")


def fetch_arrow(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[Any] = ()
) -> pa.Table:
    """One query's rows as Arrow, through the calls that DuckDB 1.5 and 2.0 share."""
    if not parameters:
        return connection.sql(query).to_arrow_table()
    return connection.sql(query, params=list(parameters)).to_arrow_table()


def fetch_night(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    as_of_date: date | None,
    *,
    by_household: bool = False,
) -> pa.Table:
    """The rows of a table in a fixed order: of one night, or all where `as_of_date` is None.

    Args:
        connection: open on the warehouse.
        table: schema and name.
        as_of_date: the night to keep.
        by_household: sort by household_id before everything else.
    """
    condition = "" if as_of_date is None else f"where as_of_date = date '{as_of_date}'"
    if not by_household:
        return fetch_arrow(connection, f"select * from {table} {condition} order by all")
    rows = fetch_arrow(
        connection,
        f"select household_id as first_sorted_by, * from {table} {condition} order by all",
    )
    return rows.drop_columns(["first_sorted_by"])


def ensure_table(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, str]
) -> None:
    """Create `table`, or add the declared columns that an older file lacks."""
    declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    connection.execute(f"create table if not exists {table} ({declared})")
    present = set(column_names(connection, table))
    for name, kind in columns.items():
        if name not in present:
            connection.execute(f'alter table {table} add column "{name}" {kind}')


def _describe(connection: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, str]) -> None:
    """Comments of one table of orchestration's own; dbt describes its tables itself."""
    connection.execute(f"comment on table ops.{name} is '{_quoted(ops_descriptions.TABLES[name])}'")
    for column in columns:
        text = _quoted(ops_descriptions.COLUMNS[column])
        connection.execute(f"comment on column ops.{name}.{column} is '{text}'")


def column_names(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """The columns of a table, in their order."""
    return [row[0] for row in connection.execute(f"describe {table}").fetchall()]


def replace_rows(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    rows: pa.Table,
    where: Mapping[str, Any],
) -> None:
    """Put `rows` in the place of the rows that match `where`, in one transaction.

    Columns in `where` that `rows` lacks are filled with the value from `where`. A table that does
    not exist yet is created with the columns of `rows`.
    """
    incoming = rows
    for name, value in where.items():
        if name not in incoming.column_names:
            kind = pa.date32() if name == "as_of_date" else pa.string()
            incoming = incoming.add_column(
                0, name, pa.array([value] * incoming.num_rows, type=kind)
            )
    try:
        connection.register("incoming_rows", incoming.slice(0, 0))
        described = connection.execute("describe incoming_rows").fetchall()
        ensure_table(connection, table, {row[0]: row[1] for row in described})
        connection.register("incoming_rows", _in_row_groups(incoming))
        condition = " and ".join(f'"{name}" = ?' for name in where)
        connection.execute("begin")
        connection.execute(f"delete from {table} where {condition}", list(where.values()))
        connection.execute(f"insert into {table} by name select * from incoming_rows")
        connection.execute("commit")
    except duckdb.Error:
        connection.execute("rollback")
        raise
    finally:
        connection.unregister("incoming_rows")


def _in_row_groups(rows: pa.Table) -> pa.RecordBatchReader:
    """The rows in batches of one row group each.

    DuckDB then writes row groups on all processors, in the order of the rows; of batches of other
    sizes it writes every row group twice.
    """
    parts = (rows.slice(first, _ROW_GROUP) for first in range(0, rows.num_rows, _ROW_GROUP))
    batches = (batch for part in parts for batch in part.combine_chunks().to_batches())
    return pa.RecordBatchReader.from_batches(rows.schema, batches)


def publish_snapshot(working: Path, published: Path) -> None:
    """Copy the schemas for analysts to a new file and put it in place in one step.

    Readers that have the old file open keep the old night; nobody ever sees half of one.
    """
    temporary = published.with_name(published.name + ".next")
    temporary.unlink(missing_ok=True)
    connection = duckdb.connect(str(temporary))
    try:
        connection.execute(f"attach '{_quoted(working)}' as working (read_only)")
        for schema in PUBLISHED_SCHEMAS:
            connection.execute(f"create schema if not exists {schema}")
        for schema, name in _tables(connection):
            connection.execute(f'create table {schema}."{name}" as from working.{schema}."{name}"')
        _create_views(connection)
        _copy_comments(connection)
        connection.execute("detach working")
        connection.execute("checkpoint")
    finally:
        connection.close()
    temporary.chmod(0o600)
    with temporary.open("rb") as written:
        os.fsync(written.fileno())
    temporary.replace(published)


def _tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    found = connection.execute(
        """
        select schema_name, table_name from duckdb_tables()
        where database_name = 'working' and schema_name in ('marts', 'ops') and not internal
        order by all
        """
    ).fetchall()
    return [(schema, name) for schema, name in found if name not in WITHHELD_TABLES]


def _create_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every view of the published schemas; a view may stand on another view."""
    waiting = [
        _without_catalog(row[0])
        for row in connection.execute(
            """
            select sql from duckdb_views()
            where database_name = 'working' and schema_name in ('marts', 'ops') and not internal
            order by schema_name, view_name
            """
        ).fetchall()
    ]
    while waiting:
        postponed = []
        for statement in waiting:
            try:
                connection.execute(statement)
            except duckdb.CatalogException:
                postponed.append(statement)
        if len(postponed) == len(waiting):
            # No progress: what a view stands on is missing. Let DuckDB say which.
            connection.execute(waiting[0])
        waiting = postponed


def _without_catalog(definition: str) -> str:
    return definition.replace('"warehouse".', "").replace("warehouse.", "")


def _copy_comments(connection: duckdb.DuckDBPyConnection) -> None:
    """Carry the documentation of tables, views and columns over, so that analysts see it too.

    The view `<mart>_current` shows the columns of its mart and is described by it.
    """
    described = _comments(connection)
    views = connection.execute(
        """
        select schema_name, view_name from duckdb_views()
        where database_name = current_database() and schema_name in ('marts', 'ops')
            and not internal
        order by all
        """
    ).fetchall()
    for kind, relations in (("table", _tables(connection)), ("view", views)):
        for schema, name in relations:
            source = name if (schema, name) in described else name.removesuffix("_current")
            for column, comment in described.get((schema, source), {}).items():
                told = (
                    f'column {schema}."{name}"."{column}"'
                    if column
                    else f'{kind} {schema}."{name}"'
                )
                connection.execute(f"comment on {told} is '{_quoted(comment)}'")


def _comments(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], dict[str, str]]:
    """Comments of the working file by schema and relation, then by column; its own under ''."""
    rows = connection.execute(
        """
        select schema_name, table_name as name, '' as column_name, comment from duckdb_tables()
        where database_name = 'working' and comment is not null
        union all
        select schema_name, view_name, '', comment from duckdb_views()
        where database_name = 'working' and comment is not null
        union all
        select schema_name, table_name, column_name, comment from duckdb_columns()
        where database_name = 'working' and comment is not null
        order by all
        """
    ).fetchall()
    found: dict[tuple[str, str], dict[str, str]] = {}
    for schema, name, column, comment in rows:
        found.setdefault((schema, name), {})[column] = comment
    return found


def _quoted(text: object) -> str:
    return str(text).replace("'", "''")
