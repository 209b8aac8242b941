"""A warehouse with the marts of hand-made households, as a night leaves them.

Belongs here: writing the tables that the workbooks read. Does not belong here: any test, any row.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from orchestration.home import Home
from orchestration.warehouse import Warehouse
from python_steps.reports.report_frames import HOUSEHOLD_MARTS
from tests.python_steps.reports import made_frames
from tests.python_steps.reports.made_frames import AS_OF, Rows


def made_home(folder: Path, rows: Rows) -> tuple[Home, Warehouse]:
    """A data folder whose warehouse holds the rows as marts of one session."""
    home = Home(folder)
    folder.mkdir(parents=True, exist_ok=True)
    warehouse = Warehouse(home.warehouse)
    warehouse.prepare({})
    write_marts(warehouse, rows)
    return home, warehouse


def write_marts(warehouse: Warehouse, rows: Rows) -> None:
    """Put the rows in the place of the marts' and of the source files'."""
    tables = made_frames.tables(rows)
    with warehouse.open() as connection:
        for name in (*HOUSEHOLD_MARTS, "dim_securities"):
            connection.register("made", _dated(tables[name]))
            connection.execute(f"create or replace table marts.{name} as from made")
        connection.register("made", _dated(tables["source_files"]))
        connection.execute("delete from ops.source_files")
        connection.execute("insert into ops.source_files by name from made")


def _dated(table: pa.Table) -> pa.Table:
    if "as_of_date" in table.column_names:
        return table
    return table.append_column("as_of_date", pa.array([AS_OF] * table.num_rows, type=pa.date32()))
