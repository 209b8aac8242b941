"""The step that keeps people's overrides: what the firm's file says goes into the records for good.

Belongs here: which rows of the raw table are recorded. Does not belong here: what an override does
(dbt, int_overrides__resolved) or how records are kept (orchestration.records). A file can be
changed afterwards; who decided what, why and until when must not be lost with it.
"""

from __future__ import annotations

from datetime import date

from orchestration.records import Override, Records
from orchestration.warehouse import Warehouse


def record_overrides(warehouse: Warehouse, records: Records, as_of_date: date) -> int:
    """Record what the session's overrides file says; returns how many rows are new or changed."""
    columns = ", ".join(f"coalesce(trim({name}), '') as {name}" for name in Override._fields)
    rows = warehouse.read(
        f"""
        select {columns}, source_file_id from raw.overrides where as_of_date = $1
        order by source_file_id, source_row_number
        """,
        [as_of_date],
    ).to_pylist()
    seen = [
        (Override(*(row[name] for name in Override._fields)), row["source_file_id"]) for row in rows
    ]
    return records.append_overrides(seen, as_of_date) if seen else 0
