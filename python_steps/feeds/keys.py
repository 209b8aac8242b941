"""Duplicate keys in a table that was read.

Belongs here: the search for rows of one file that share a key of the contract. Does not belong
here: duplicates over several files, and what they mean. Lots and transactions without a source id
have no key: identical ones are distinct.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.contract import Entity, FeedContract
from python_steps.feeds.received import ROW_NUMBER
from python_steps.findings import Violation

SECURITY_ID_COLUMNS = ("custodian_security_id", "cusip", "isin", "ticker")


def duplicate_keys(
    table: pa.Table, entity: Entity, contract: FeedContract, *, file_name: str
) -> list[Violation]:
    """One violation for each row whose key another row of the file has too, in row order."""
    key = [name for name in entity.key if name in table.column_names]
    if not key or table.num_rows < 2:
        return []
    narrow = [*key, ROW_NUMBER, *(c for c in _named_columns(table) if c not in key)]
    counted = table.select(narrow)
    for name in entity.key_counts_when:
        filled = pc.fill_null(pc.greater(pc.binary_length(counted[name]), 0), False)
        if not pc.all(filled).as_py():
            counted = counted.filter(filled)
    groups = counted.group_by(key).aggregate([([], "count_all")])
    if groups.num_rows == counted.num_rows:
        return []
    repeated = groups.filter(pc.greater(groups["count_all"], 1)).select(key)
    wanted = {tuple(row[name] for name in key) for row in repeated.to_pylist()}
    candidates = counted.filter(pc.is_in(counted[key[0]], value_set=pc.unique(repeated[key[0]])))
    found = [row for row in candidates.to_pylist() if tuple(row[name] for name in key) in wanted]
    found.sort(key=lambda row: int(row[ROW_NUMBER]))
    return [_violation(row, key, entity, contract, file_name) for row in found]


def _named_columns(table: pa.Table) -> list[str]:
    names = (*SECURITY_ID_COLUMNS, "account_number", "household_id", "source_lot_id")
    return [name for name in names if name in table.column_names]


def _violation(
    row: dict[str, Any], key: list[str], entity: Entity, contract: FeedContract, file_name: str
) -> Violation:
    shown = ", ".join(f"{name}={row[name]}" for name in key if row[name])
    return contract.violation(
        "unique_key",
        file_name=file_name,
        entity=entity.name,
        row=int(row[ROW_NUMBER]),
        observed=f"the key ({shown}) more than once",
        account_number=row.get("account_number") or None,
        security_key=security_key(row),
        lot_key=row.get("source_lot_id") or None,
        household_id=row.get("household_id") or None,
        severity=entity.severity,
        scope=entity.scope,
    )


def security_key(row: dict[str, Any]) -> str | None:
    """The first identifier that a row carries, in the order of precedence of identities."""
    for name in SECURITY_ID_COLUMNS:
        if row.get(name):
            return str(row[name])
    return None
