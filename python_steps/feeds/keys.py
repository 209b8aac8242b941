"""Duplicate keys in the tables that were read.

Belongs here: the search for rows that share a key of the contract, in one file or over the files of
one custodian and session. Does not belong here: what follows from them. Lots and transactions
without a source id have no key: identical ones are distinct.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.contract import Entity, FeedContract
from python_steps.feeds.received import ROW_NUMBER
from python_steps.findings import Violation

SECURITY_ID_COLUMNS = ("custodian_security_id", "cusip", "isin", "ticker")
_ROWS_SHOWN = 5


def duplicate_keys(
    table: pa.Table, entity: Entity, contract: FeedContract, *, file_name: str
) -> list[Violation]:
    """One violation for each row whose key another row of the file has too, in row order."""
    key = [name for name in entity.key if name in table.column_names]
    if not key or table.num_rows < 2:
        return []
    narrow = [*key, ROW_NUMBER, *(c for c in _named_columns(table) if c not in key)]
    counted = table.select(narrow)
    counted = _with_key(counted, entity)
    # One thread: with more, Arrow merges as many tables of all keys, which takes longer.
    groups = counted.group_by(key, use_threads=False).aggregate([([], "count_all")])
    if groups.num_rows == counted.num_rows:
        return []
    repeated = groups.filter(pc.greater(groups["count_all"], 1)).select(key)
    wanted = {tuple(row[name] for name in key) for row in repeated.to_pylist()}
    candidates = counted.filter(pc.is_in(counted[key[0]], value_set=pc.unique(repeated[key[0]])))
    found = [row for row in candidates.to_pylist() if tuple(row[name] for name in key) in wanted]
    found.sort(key=lambda row: int(row[ROW_NUMBER]))
    return [_violation(row, key, entity, contract, file_name) for row in found]


def keys_of_several_files(
    rows: pa.Table, entity: Entity, contract: FeedContract, file_names: Mapping[str, str]
) -> list[tuple[str, Violation]]:
    """Rows whose key stands in another file of the same custodian too, for entities that block.

    A delivery that was corrected and sent again under another name would otherwise count twice:
    cash, for one, has no second source that would tell. Which file is right is asked of an account
    as a whole, not of each of its rows.

    Args:
        rows: of one entity and session, with `custodian` and `source_file_id`.
        entity: of the contract.
        contract: of the feed.
        file_names: by source_file_id.

    Returns:
        The file's id and the violation of each account in it, by file name and account.
    """
    if not entity.key or entity.severity != "block":
        return []
    key = ["custodian", *entity.key]
    counted = _with_key(rows, entity)
    distinct = [("source_file_id", "count_distinct")]
    groups = counted.group_by(key, use_threads=False).aggregate(distinct)
    several = groups.filter(pc.greater(groups["source_file_id_count_distinct"], 1)).select(key)
    if not several.num_rows:
        return []
    wanted = {tuple(row[name] for name in key) for row in several.to_pylist()}
    columns = list(dict.fromkeys([*key, "source_file_id", ROW_NUMBER, *_named_columns(counted)]))
    files: dict[tuple[Any, ...], set[str]] = {}
    found: dict[tuple[str, str, str, str], list[dict[str, Any]]] = {}
    for row in counted.select(columns).to_pylist():
        whose = tuple(row[name] for name in key)
        if whose in wanted:
            files.setdefault(whose, set()).add(row["source_file_id"])
            name = file_names[row["source_file_id"]]
            of_account = row.get("account_number") or ""
            group = (name, of_account, row["custodian"], row["source_file_id"])
            found.setdefault(group, []).append(row)
    return [
        (group[-1], _in_several_files(found[group], files, key, entity, contract, file_names))
        for group in sorted(found)
    ]


def _in_several_files(
    rows: Sequence[dict[str, Any]],
    files: Mapping[tuple[Any, ...], set[str]],
    key: Sequence[str],
    entity: Entity,
    contract: FeedContract,
    file_names: Mapping[str, str],
) -> Violation:
    """The rows of one account of one file that other files have too, as one violation."""
    rows = sorted(rows, key=lambda row: int(row[ROW_NUMBER]))
    own = rows[0]["source_file_id"]
    others = {each for row in rows for each in files[tuple(row[name] for name in key)]} - {own}
    account = rows[0].get("account_number") or None
    numbers = [str(row[ROW_NUMBER]) for row in rows]
    shown = ", ".join(numbers[:_ROWS_SHOWN])
    rest = f" and {len(numbers) - _ROWS_SHOWN} more" if len(numbers) > _ROWS_SHOWN else ""
    whose = f" of account {account}" if account else ""
    return contract.violation(
        "account_in_one_file",
        file_name=file_names[own],
        entity=entity.name,
        observed=(
            f"{entity.name.replace('_', ' ')}{whose} (row {shown}{rest}) also in "
            f"{' and '.join(sorted(file_names[each] for each in others))}"
        ),
        account_number=account,
        household_id=rows[0].get("household_id") or None,
        severity=entity.severity,
        scope="account" if account else entity.scope,
    )


def _with_key(rows: pa.Table, entity: Entity) -> pa.Table:
    """The rows whose key counts: those with every column that it depends on."""
    for name in entity.key_counts_when:
        filled = pc.fill_null(pc.greater(pc.binary_length(rows[name]), 0), False)
        if not pc.all(filled).as_py():
            rows = rows.filter(filled)
    return rows


def _named_columns(table: pa.Table) -> list[str]:
    names = (*SECURITY_ID_COLUMNS, "account_number", "household_id", "source_lot_id")
    return [name for name in names if name in table.column_names]


def _violation(
    row: dict[str, Any],
    key: list[str],
    entity: Entity,
    contract: FeedContract,
    file_name: str,
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
