"""The step between raw rows and the book: every account and security gets its surrogate.

Belongs here: collecting the references of the raw tables, keeping the registry in the records and
handing its state to the warehouse. Does not belong here: the rules (python_steps.identities).
"""

from __future__ import annotations

from datetime import date

import pyarrow as pa

from orchestration.intake import raw_entities
from orchestration.records import Records
from orchestration.warehouse import Warehouse, ensure_table, replace_rows
from python_steps.findings import Violation
from python_steps.identities import (
    RegisteredAccount,
    SecurityReference,
    register_accounts,
    resolve_securities,
)

_SECURITY_PARTS = ("custodian_security_id", "cusip", "isin", "ticker")


def register_identities(warehouse: Warehouse, records: Records, as_of_date: date) -> dict[str, int]:
    """Register what the session's files name for the first time; write the registry as known.

    Returns:
        Counts: accounts and security identifiers registered in all, and newly.
    """
    entities = raw_entities()
    observed_accounts = _observed_accounts(warehouse, entities, as_of_date)
    references = _observed_references(warehouse, entities, as_of_date)
    known_accounts = records.accounts()
    known_identifiers = records.security_identifiers()
    new_accounts = register_accounts(known_accounts, observed_accounts)
    resolution = resolve_securities(known_identifiers, references)
    records.append_identities(new_accounts, resolution.new_identifiers, as_of_date)
    _write_registries(warehouse, records, as_of_date, resolution.violations)
    return {
        "accounts": len(known_accounts) + len(new_accounts),
        "new_accounts": len(new_accounts),
        "security_identifiers": len(known_identifiers) + len(resolution.new_identifiers),
        "new_security_identifiers": len(resolution.new_identifiers),
        "contradictions": len(resolution.violations),
    }


def _observed_accounts(
    warehouse: Warehouse, entities: dict[str, list[str]], as_of_date: date
) -> list[tuple[str, str]]:
    selects = []
    for entity, columns in entities.items():
        if "account_number" not in columns:
            continue
        # In a policy file the custodian is a column of the row, in the firm's own spelling.
        selects.append(
            "select distinct upper(trim(custodian)) as custodian, "
            "trim(account_number) as account_number "
            f"from raw.{entity} where as_of_date <= $1 and trim(account_number) <> '' "
            # An override may leave the custodian out; it speaks of an account, it opens none.
            "and trim(custodian) <> ''"
        )
    rows = warehouse.read(" union ".join(selects) + " order by all", [as_of_date]).to_pylist()
    return [(row["custodian"], row["account_number"]) for row in rows]


def _observed_references(
    warehouse: Warehouse, entities: dict[str, list[str]], as_of_date: date
) -> list[SecurityReference]:
    selects = []
    for entity, columns in entities.items():
        present = [part for part in _SECURITY_PARTS if part in columns]
        if not {"ticker", "cusip"} & set(present):
            continue
        parts = ", ".join(
            f"coalesce(trim({part}), '') as {part}" if part in present else f"'' as {part}"
            for part in _SECURITY_PARTS
        )
        selects.append(
            f"select distinct coalesce(custodian, '') as custodian, {parts} "
            f"from raw.{entity} where as_of_date <= $1"
        )
    rows = warehouse.read(" union ".join(selects) + " order by all", [as_of_date]).to_pylist()
    return [SecurityReference(**row) for row in rows]


def _write_registries(
    warehouse: Warehouse, records: Records, as_of_date: date, violations: list[Violation]
) -> None:
    accounts: list[RegisteredAccount] = records.accounts()
    identifiers = records.security_identifiers()
    text = pa.string()
    account_table = pa.table(
        {
            name: pa.array([getattr(account, name) for account in accounts], text)
            for name in RegisteredAccount._fields
        }
    )
    identifier_table = pa.table(
        {
            name: pa.array([getattr(entry, name) for entry in identifiers], text)
            for name in ("security_id", "id_type", "id_value", "custodian")
        }
    )
    findings = pa.table(
        {
            "rule": pa.array([violation.rule for violation in violations], text),
            "security_key": pa.array([violation.security_key for violation in violations], text),
            "observed": pa.array([violation.observed for violation in violations], text),
            "expected": pa.array([violation.expected for violation in violations], text),
            "message": pa.array([violation.message for violation in violations], text),
        }
    )
    with warehouse.open() as connection:
        for name, rows in (
            ("raw.account_registry", account_table),
            ("raw.security_registry", identifier_table),
        ):
            ensure_table(connection, name, dict.fromkeys(rows.column_names, "varchar"))
            connection.register("registry_rows", rows)
            connection.execute(f"delete from {name}")
            connection.execute(f"insert into {name} by name select * from registry_rows")
            connection.unregister("registry_rows")
        replace_rows(
            connection,
            "ops.identity_findings",
            findings,
            {"as_of_date": as_of_date},
        )
