"""Arrow types shared by every table that leaves a Python step.

Belongs here: the exact column types of money, quantities and weights, and the one function that
turns plain records into a table of a declared schema. Does not belong here: any table's content.
Source of the precisions: decimal(24,6) money, decimal(28,10) quantities and prices,
decimal(18,10) weights, as in the marts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pyarrow as pa

MONEY = pa.decimal128(24, 6)
QUANTITY = pa.decimal128(28, 10)
WEIGHT = pa.decimal128(18, 10)

_QUANTUM = {MONEY: Decimal("0.000001"), QUANTITY: Decimal("1E-10"), WEIGHT: Decimal("1E-10")}


def table_from_records(records: Iterable[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Build a table of exactly `schema` from records.

    Args:
        records: one mapping per row; a missing key is an error, None is null.
        schema: the declared columns. Decimals are quantised half-even to the column's scale.

    Raises:
        KeyError: a record lacks a declared column.
        ValueError: a record carries a column that is not declared.
    """
    rows = list(records)
    names = set(schema.names)
    for row in rows:
        surplus = set(row) - names
        if surplus:
            raise ValueError(f"columns not declared in the schema: {sorted(surplus)}")
    columns = [
        pa.array([_quantised(row[column.name], column.type) for row in rows], type=column.type)
        for column in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _quantised(value: Any, kind: pa.DataType) -> Any:
    quantum = _QUANTUM.get(kind)
    if quantum is None or value is None:
        return value
    return Decimal(value).quantize(quantum, rounding=ROUND_HALF_EVEN)
