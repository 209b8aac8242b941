"""A night as a whole: what it was made of, how it ended, and the snapshot it leaves.

Belongs here: the input manifest, the version and state of a night, marking later nights stale,
retention, issuing plans to the records. Does not belong here: the steps of a night.

A night is a function of its manifest: the accepted files, the firm's policy, what advisors decided
for the session, the code. The same manifest is the same version; anything else makes a new version
and says what changed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

import duckdb

from orchestration.home import PROJECT_ROOT, Home
from orchestration.records import IssuedPlan, Records
from orchestration.warehouse import Warehouse, publish_snapshot

NightState = Literal["complete", "degraded", "failed"]

_CODE_FOLDERS = ("data_contracts", "dbt_project", "orchestration", "python_steps")
_CODE_SUFFIXES = (".py", ".sql", ".yml", ".yaml", ".csv")


@dataclass(frozen=True)
class Night:
    """One version of one night."""

    as_of_date: date
    version: int
    run_id: str
    manifest_hash: str
    state: NightState
    note: str


def code_version() -> str:
    """A digest of every file of the code that decides a number."""
    digest = hashlib.sha256()
    for folder in _CODE_FOLDERS:
        for path in sorted((PROJECT_ROOT / folder).rglob("*")):
            if path.suffix in _CODE_SUFFIXES and "target" not in path.parts:
                digest.update(path.relative_to(PROJECT_ROOT).as_posix().encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def manifest_of(home: Home, warehouse: Warehouse, as_of_date: date) -> dict[str, Any]:
    """Everything that the night is a function of, in a fixed order."""
    files = warehouse.read(
        """
        select as_of_date::varchar as as_of_date, custodian, feed, file_name, source_file_id, status
        from ops.source_files
        where as_of_date <= $1 and (as_of_date = $1 or status = 'LOADED')
        order by all
        """,
        [as_of_date],
    ).to_pylist()
    policy = home.policy_file.read_bytes() if home.policy_file.exists() else b""
    return {
        "as_of_date": as_of_date.isoformat(),
        "files": files,
        "firm_policy": hashlib.sha256(policy).hexdigest(),
        "decisions": _decisions_digest(warehouse, as_of_date),
        "code": code_version(),
    }


def _decisions_digest(warehouse: Warehouse, as_of_date: date) -> str:
    """A digest of what advisors had decided for the session."""
    rows = warehouse.read(
        "select * from ops.trade_decisions where as_of_date = $1 order by all", [as_of_date]
    ).to_pylist()
    return hashlib.sha256(json.dumps(rows, default=str, sort_keys=True).encode()).hexdigest()


def manifest_hash(manifest: dict[str, Any]) -> str:
    """The manifest's digest."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def record_night(home: Home, warehouse: Warehouse, as_of_date: date, run_id: str) -> Night:
    """Write how the night ended and what it was made of.

    Returns:
        The night's version: the last one's where nothing that it is made of has changed.
    """
    manifest = manifest_of(home, warehouse, as_of_date)
    digest = manifest_hash(manifest)
    with warehouse.open() as connection:
        state, reasons = _state_of(connection, as_of_date)
        last = _last_version(connection, as_of_date)
        version, changes = _version_after(last, digest, manifest, home, as_of_date)
        note = "; ".join([*changes, *reasons]) or "-"
        night = Night(as_of_date, version, run_id, digest, state, note)
        _write_night(connection, night, _now())
        if changes:
            _mark_later_nights_stale(connection, night)
    _keep_manifest(home, as_of_date, version, manifest)
    return night


def publish_night(home: Home, warehouse: Warehouse, records: Records, as_of_date: date) -> int:
    """Issue plans, apply retention, publish the snapshot; returns how many plans are new."""
    with warehouse.open() as connection:
        plans = _plans_to_issue(connection, as_of_date, _now())
        apply_retention(connection, home.policy().history_daily_sessions)
        connection.execute("checkpoint")
    issued = records.append_plans(plans)
    publish_snapshot(home.warehouse, home.published)
    return issued


def _now() -> datetime:
    """When something became known, UTC: written to ops and records, never to a mart."""
    return datetime.now(UTC).replace(tzinfo=None)


def record_failed_night(warehouse: Warehouse, as_of_date: date, run_id: str, reason: str) -> None:
    """Write that the night failed; it publishes nothing, the last good snapshot stays.

    A failed attempt holds the place of the next version until an attempt succeeds.
    """
    with warehouse.open() as connection:
        last = _last_version(connection, as_of_date)
        night = Night(as_of_date, (last[0] if last else 0) + 1, run_id, "", "failed", reason[:2000])
        _write_night(connection, night, _now())


def _write_night(connection: duckdb.DuckDBPyConnection, night: Night, known_at: datetime) -> None:
    connection.execute(
        "delete from ops.nights where as_of_date = ? and version = ?",
        [night.as_of_date, night.version],
    )
    connection.execute(
        """
        insert into ops.nights
            (as_of_date, version, run_id, known_at, manifest_hash, state, note, is_stale)
        values (?, ?, ?, ?, ?, ?, ?, false)
        """,
        [
            night.as_of_date,
            night.version,
            night.run_id,
            known_at,
            night.manifest_hash,
            night.state,
            night.note,
        ],
    )


def _last_version(
    connection: duckdb.DuckDBPyConnection, as_of_date: date
) -> tuple[int, str] | None:
    row = connection.execute(
        """
        select version, manifest_hash from ops.nights
        where as_of_date = ? and state <> 'failed' order by version desc limit 1
        """,
        [as_of_date],
    ).fetchone()
    return (int(row[0]), str(row[1])) if row else None


def _version_after(
    last: tuple[int, str] | None,
    digest: str,
    manifest: dict[str, Any],
    home: Home,
    as_of_date: date,
) -> tuple[int, list[str]]:
    if last is None:
        return 1, []
    if last[1] == digest:
        return last[0], []
    return last[0] + 1, changes_between(_kept_manifest(home, as_of_date, last[0]), manifest)


def changes_between(before: dict[str, Any] | None, after: dict[str, Any]) -> list[str]:
    """What differs between two manifests, in words."""
    if before is None:
        return ["the inputs of the last version are not known"]

    def named(manifest: dict[str, Any]) -> dict[tuple[str, str, str], str]:
        return {
            (file["as_of_date"], file["custodian"], file["file_name"]): file["source_file_id"]
            for file in manifest["files"]
        }

    old, new = named(before), named(after)
    found = []
    for word, keys in (
        ("new file", sorted(new.keys() - old.keys())),
        ("withdrawn file", sorted(old.keys() - new.keys())),
        ("changed file", sorted(key for key in old.keys() & new.keys() if old[key] != new[key])),
    ):
        found += [f"{word} {'/'.join(key)}" for key in keys]
    found += [
        f"changed {part.replace('_', ' ')}"
        for part in ("firm_policy", "decisions", "code")
        # A version from before the manifest held a part says nothing of it.
        if part in before and before[part] != after[part]
    ]
    return found or ["a file's acceptance changed"]


def _manifest_path(home: Home, as_of_date: date, version: int) -> Path:
    return home.folder / "manifests" / f"{as_of_date.isoformat()}-v{version}.json"


def _keep_manifest(home: Home, as_of_date: date, version: int, manifest: dict[str, Any]) -> None:
    path = _manifest_path(home, as_of_date, version)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(manifest, sort_keys=True, indent=1), encoding="utf-8")


def _kept_manifest(home: Home, as_of_date: date, version: int) -> dict[str, Any] | None:
    path = _manifest_path(home, as_of_date, version)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _state_of(
    connection: duckdb.DuckDBPyConnection, as_of_date: date
) -> tuple[NightState, list[str]]:
    """Complete when every household is released and every file accepted, else degraded."""
    reasons = []
    for query, words in (
        (
            """
            select count(*) from marts.dim_households
            where as_of_date = ? and household_state in ('withheld', 'waiting_for_feed')
            """,
            "households withheld or waiting for a feed",
        ),
        (
            """
            select count(*) from marts.fct_rebalance_plans
            where as_of_date = ? and plan_status = 'withheld'
            """,
            "plans withheld",
        ),
        (
            """
            select count(*) from ops.source_files
            where as_of_date = ? and status = 'QUARANTINED' and replaced_by is null
            """,
            "files refused",
        ),
    ):
        row = connection.execute(query, [as_of_date]).fetchone()
        count = int(row[0]) if row else 0
        if count:
            reasons.append(f"{count} {words}")
    return ("degraded" if reasons else "complete"), reasons


def _mark_later_nights_stale(connection: duckdb.DuckDBPyConnection, night: Night) -> None:
    connection.execute(
        """
        update ops.nights set is_stale = true, stale_reason = ?
        where as_of_date > ? and not coalesce(is_stale, false)
        """,
        [f"{night.as_of_date} has a new version {night.version}: {night.note}", night.as_of_date],
    )


def _plans_to_issue(
    connection: duckdb.DuckDBPyConnection, as_of_date: date, issued_at: datetime
) -> list[IssuedPlan]:
    """The verified plans of the night with trades, as they were issued."""
    rows = connection.execute(
        """
        select
            p.plan_id, p.household_id, p.version, p.input_hash, p.plan_status,
            to_json(list({
                'trade_id': t.trade_id, 'account_id': t.account_id, 'action': t.action,
                'security_id': t.security_id, 'quantity': t.quantity::varchar,
                'price': t.price::varchar
            } order by t.trade_id))::varchar
        from marts.fct_rebalance_plans as p
        inner join marts.fct_recommended_trades as t
            on p.as_of_date = t.as_of_date and p.plan_id = t.plan_id
        where p.as_of_date = ? and p.plan_status in ('proposed', 'partial', 'infeasible_cash')
        group by all
        order by p.household_id
        """,
        [as_of_date],
    ).fetchall()
    return [
        IssuedPlan(plan_id, household, as_of_date, version, digest, issued_at, status, trades)
        for plan_id, household, version, digest, status, trades in rows
    ]


def apply_retention(connection: duckdb.DuckDBPyConnection, daily_sessions: int) -> None:
    """Keep lots and positions of the last sessions daily, before that the month ends only."""
    for table in ("fct_tax_lots", "fct_positions", "fct_position_sources"):
        connection.execute(
            f"""
            delete from marts.{table} where as_of_date in (
                select as_of_date from (
                    select
                        as_of_date,
                        row_number() over (order by as_of_date desc) as age,
                        max(as_of_date) over (partition by date_trunc('month', as_of_date)) as last
                    from (select distinct as_of_date from marts.{table})
                )
                where age > ? and as_of_date <> last
            )
            """,
            [daily_sessions],
        )
