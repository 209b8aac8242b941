"""Rows on their way into a table of canonical text columns.

Belongs here: the collecting of rows by readers that meet them one at a time. Does not belong here:
the fast path of delimited files, which builds whole columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from data_contracts.contract import Entity
from python_steps.feeds.received import ROW_NUMBER, ROW_TEXT


@dataclass
class RowCollector:
    """Rows of one entity on their way into a table."""

    entity: Entity
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, values: Mapping[str, str | None], *, line: int, text: str) -> None:
        """Add the columns of one row; columns not given are null (the file has none)."""
        self.rows.append({**values, ROW_NUMBER: line, ROW_TEXT: text})

    def table(self, canonical_columns: Sequence[str]) -> pa.Table:
        """All canonical columns in their order, then row number and row text."""
        schema = pa.schema(
            [
                *((name, pa.string()) for name in canonical_columns),
                (ROW_NUMBER, pa.int64()),
                (ROW_TEXT, pa.string()),
            ]
        )
        return pa.Table.from_pylist(
            [{name: row.get(name) for name in schema.names} for row in self.rows], schema=schema
        )
