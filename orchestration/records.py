"""Records that cannot be rebuilt: the identity registry, the issued plans, people's overrides.

Belongs here: the append-only file `records.duckdb` and what is read from and appended to it. Does
not belong here: how identities are resolved (python_steps.identities) or plans made. A rebuild of
the warehouse never touches this file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa

from python_steps.identities import RegisteredAccount, RegisteredIdentifier

_TABLES = (
    """
    create table if not exists accounts (
        account_id varchar primary key, custodian varchar not null, account_number varchar not null,
        first_seen_date date not null, unique (custodian, account_number)
    )
    """,
    """
    create table if not exists security_identifiers (
        security_id varchar not null, id_type varchar not null, id_value varchar not null,
        custodian varchar not null, first_seen_date date not null,
        primary key (id_type, id_value, custodian)
    )
    """,
    """
    create table if not exists issued_plans (
        plan_id varchar primary key, household_id varchar not null, as_of_date date not null,
        version integer not null, input_hash varchar not null, issued_at timestamp not null,
        plan_status varchar not null, trades json not null,
        unique (household_id, as_of_date, version)
    )
    """,
    """
    create table if not exists overrides (
        record_number integer primary key, content_sha256 varchar not null,
        override_id varchar not null, override_type varchar not null, rule varchar not null,
        household_id varchar not null, custodian varchar not null, account_number varchar not null,
        ticker varchar not null, cusip varchar not null, lot_id varchar not null,
        column_name varchar not null, value varchar not null, reason varchar not null,
        approved_by varchar not null, expires_date varchar not null, valid_from varchar not null,
        valid_to varchar not null, first_seen_date date not null, source_file_id varchar not null
    )
    """,
)


class IssuedPlan(NamedTuple):
    """One plan as it was issued; `trades` is its trades and lots as JSON text."""

    plan_id: str
    household_id: str
    as_of_date: date
    version: int
    input_hash: str
    issued_at: datetime
    plan_status: str
    trades: str


class Override(NamedTuple):
    """One row of the firm's overrides file as text, '' where it holds nothing."""

    override_id: str
    override_type: str
    rule: str
    household_id: str
    custodian: str
    account_number: str
    ticker: str
    cusip: str
    lot_id: str
    column_name: str
    value: str
    reason: str
    approved_by: str
    expires_date: str
    valid_from: str
    valid_to: str

    @property
    def content_sha256(self) -> str:
        """The digest of what the row says: other words, another decision."""
        content = json.dumps(self._asdict(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()


class Records:
    """The firm's append-only records."""

    def __init__(self, path: Path, further_tables: Sequence[str] = ()) -> None:
        self.path = path
        self._tables = (*_TABLES, *further_tables)

    @contextmanager
    def open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to the records, whose tables are there; closed whatever happens."""
        connection = duckdb.connect(str(self.path))
        try:
            for statement in self._tables:
                connection.execute(statement)
            yield connection
        finally:
            connection.close()
        self.path.chmod(0o600)

    def accounts(self) -> list[RegisteredAccount]:
        """Every account ever registered, in the order of its surrogate."""
        with self.open() as connection:
            rows = connection.execute(
                "select account_id, custodian, account_number from accounts order by account_id"
            ).fetchall()
        return [RegisteredAccount(*row) for row in rows]

    def security_identifiers(self) -> list[RegisteredIdentifier]:
        """Every identifier ever registered, sorted."""
        with self.open() as connection:
            rows = connection.execute(
                """
                select security_id, id_type, id_value, custodian from security_identifiers
                order by all
                """
            ).fetchall()
        return [RegisteredIdentifier(*row) for row in rows]

    def append_identities(
        self,
        accounts: Iterable[RegisteredAccount],
        identifiers: Iterable[RegisteredIdentifier],
        first_seen: date,
    ) -> None:
        """Add newly registered accounts and identifiers; nothing is ever changed."""
        account_rows = [(*account, first_seen) for account in accounts]
        identifier_rows = [(*identifier, first_seen) for identifier in identifiers]
        with self.open() as connection:
            connection.execute("begin")
            _append(connection, "accounts", account_rows)
            _append(connection, "security_identifiers", identifier_rows)
            connection.execute("commit")

    def plan_versions(self, as_of_date: date) -> dict[str, list[tuple[int, str]]]:
        """Per household: (version, input hash) of every plan issued for the session."""
        with self.open() as connection:
            rows = connection.execute(
                """
                select household_id, version, input_hash from issued_plans
                where as_of_date = ? order by all
                """,
                [as_of_date],
            ).fetchall()
        versions: dict[str, list[tuple[int, str]]] = {}
        for household_id, version, input_hash in rows:
            versions.setdefault(household_id, []).append((version, input_hash))
        return versions

    def append_plans(self, plans: Iterable[IssuedPlan]) -> int:
        """Add the plans that were not issued before; returns how many were new."""
        offered = list(plans)
        with self.open() as connection:
            present = {
                row[0] for row in connection.execute("select plan_id from issued_plans").fetchall()
            }
            fresh = [plan for plan in offered if plan.plan_id not in present]
            if fresh:
                connection.execute("begin")
                _append(connection, "issued_plans", [tuple(plan) for plan in fresh])
                connection.execute("commit")
        return len(fresh)

    def overrides(self) -> list[tuple[Override, date, str]]:
        """Every override ever seen with the first session and file that held it, oldest first."""
        columns = ", ".join(Override._fields)
        with self.open() as connection:
            rows = connection.execute(
                f"""
                select {columns}, first_seen_date, source_file_id from overrides
                order by record_number
                """
            ).fetchall()
        return [(Override(*row[:-2]), row[-2], row[-1]) for row in rows]

    def append_overrides(self, seen: Iterable[tuple[Override, str]], first_seen_date: date) -> int:
        """Add the overrides that are new or say something else than before; returns how many.

        One whose words are those last recorded under its id and start is not recorded twice, and
        the same file never adds the same row again, so that a night can be run anew.

        Args:
            seen: overrides of a session with the sha256 of their file, in the order of the files.
            first_seen_date: the session.
        """
        recorded = self.overrides()
        last = {_key(override): override for override, _, _ in recorded}
        known = {(override, file_id) for override, _, file_id in recorded}
        rows: list[tuple[object, ...]] = []
        for override, file_id in seen:
            if last.get(_key(override)) == override or (override, file_id) in known:
                continue
            last[_key(override)] = override
            known.add((override, file_id))
            number = len(recorded) + len(rows) + 1
            rows.append((number, override.content_sha256, *override, first_seen_date, file_id))
        with self.open() as connection:
            connection.execute("begin")
            _append(connection, "overrides", rows)
            connection.execute("commit")
        return len(rows)


def _key(override: Override) -> tuple[str, str]:
    return override.override_id, override.valid_from


def _append(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[object, ...]]
) -> None:
    """Append rows by way of one Arrow table: row-wise inserts take a millisecond each."""
    if not rows:
        return
    columns = [f"column_{number}" for number in range(len(rows[0]))]
    incoming = pa.table(dict(zip(columns, zip(*rows, strict=True), strict=True)))
    connection.register("appended_rows", incoming)
    connection.execute(f"insert into {table} select * from appended_rows")
    connection.unregister("appended_rows")
