"""A small warehouse for tests of the SQL: tables of the interface, rows, registry, dbt runs.

Belongs here: building a DuckDB file as orchestration would leave it before dbt, from rows written
in a test or from a landing folder in the standard feed, and running dbt on it in this process. Does
not belong here: any expected result. The column lists are this suite's own statement of the
interface.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.intake import contract_rules, raw_entities
from orchestration.warehouse import OPS_TABLES, RAW_META_COLUMNS
from python_steps.identities import SecurityReference, register_accounts, resolve_securities
from python_steps.policy import FirmPolicy
from python_steps.sessions import next_session, previous_session, sessions_between

DBT_PROJECT = Path(__file__).parents[2] / "dbt_project"
SCHEMAS = ("raw", "staging", "intermediate", "marts", "tax", "rebalance", "ops")
AS_OF_DATE = date(2026, 11, 19)

RAW_COLUMNS: dict[str, str] = {
    entity: " ".join(columns) for entity, columns in raw_entities().items()
}

POLICY_ENTITIES = frozenset(
    entity for entity, columns in RAW_COLUMNS.items() if columns.endswith("valid_from valid_to")
)

_MONEY, _QUANTITY, _WEIGHT = "decimal(24,6)", "decimal(28,10)", "decimal(18,10)"

TAX_TABLES: dict[str, dict[str, str]] = {
    "wash_sale_matches": {
        "as_of_date": "date",
        "match_id": "varchar",
        "wash_sale_group_id": "varchar",
        "household_id": "varchar",
        "identity_group_id": "varchar",
        "loss_account_id": "varchar",
        "loss_lot_key": "varchar",
        "loss_security_id": "varchar",
        "replacement_account_id": "varchar",
        "replacement_lot_key": "varchar",
        "replacement_security_id": "varchar",
        "loss_sale_date": "date",
        "replacement_date": "date",
        "matched_quantity": _QUANTITY,
        "disallowed_loss": _MONEY,
        "is_permanent": "boolean",
        "basis_added": _MONEY,
        "holding_period_start_date": "date",
        "provisional_until_date": "date",
        "rule": "varchar",
    },
    "wash_sale_windows": {
        "as_of_date": "date",
        "wash_sale_group_id": "varchar",
        "identity_group_id": "varchar",
        "household_id": "varchar",
        "no_buy_until_date": "date",
        "no_loss_sale_until_date": "date",
        "caused_by": "varchar",
        "coverage": "varchar",
        "is_exit_possible": "boolean",
    },
    "lot_adjustments": {
        "as_of_date": "date",
        "lot_id": "varchar",
        "parent_lot_id": "varchar",
        "account_id": "varchar",
        "household_id": "varchar",
        "security_id": "varchar",
        "quantity": _QUANTITY,
        "wash_sale_adjustment": _MONEY,
        "holding_period_start_date": "date",
        "term": "varchar",
    },
    "realized_lots": {
        "as_of_date": "date",
        "account_id": "varchar",
        "household_id": "varchar",
        "closed_lot_key": "varchar",
        "part": "integer",
        "security_id": "varchar",
        "quantity": _QUANTITY,
        "acquisition_date": "date",
        "holding_period_start_date": "date",
        "disposal_date": "date",
        "proceeds": _MONEY,
        "cost_basis": _MONEY,
        "disallowed_loss": _MONEY,
        "permanently_disallowed_loss": _MONEY,
        "recognized_gain": _MONEY,
        "term": "varchar",
        "custodian_disallowed_kept": _MONEY,
        "history_from_date": "date",
    },
    "tax_unit_states": {
        "as_of_date": "date",
        "tax_unit_id": "varchar",
        "household_id": "varchar",
        "tax_year": "integer",
        "filing_status": "varchar",
        "marginal_ordinary_rate": _WEIGHT,
        "marginal_short_term_rate": _WEIGHT,
        "marginal_long_term_rate": _WEIGHT,
        "short_term_carryforward": _MONEY,
        "long_term_carryforward": _MONEY,
        "year_to_date_short_term_gain": _MONEY,
        "year_to_date_long_term_gain": _MONEY,
        "ordinary_taxable_income": _MONEY,
        "magi": _MONEY,
        "state_rate": _WEIGHT,
        "state_gains_rate": _WEIGHT,
        "rates_status": "varchar",
        "profile_status": "varchar",
    },
    "findings": {
        "as_of_date": "date",
        "household_id": "varchar",
        "subject": "varchar",
        "rule": "varchar",
        "message": "varchar",
    },
}

_PLAN_KEYS = {"as_of_date": "date", "plan_id": "varchar", "household_id": "varchar"}
_REALIZED = {
    "realized_short_term_gain": _MONEY,
    "realized_short_term_loss": _MONEY,
    "realized_long_term_gain": _MONEY,
    "realized_long_term_loss": _MONEY,
}

REBALANCE_TABLES: dict[str, dict[str, str]] = {
    "plans": _PLAN_KEYS
    | {
        "version": "integer",
        "input_hash": "varchar",
        "planned_trade_date": "date",
        "valid_until_date": "date",
        "run_mode": "varchar",
        "plan_status": "varchar",
        "solver_status": "varchar",
        "planner": "varchar",
        "objective_value": _MONEY,
        "waterfall_objective_value": _MONEY,
        "optimality_gap": _MONEY,
        "search_gap": _MONEY,
        "objective_lower_bound": _MONEY,
        "ladder_stage": "varchar",
        "waterfall_estimated_tax": _MONEY,
        "estimated_tax": _MONEY,
        "transaction_cost": _MONEY,
        "tracking_error_before": "double",
        "tracking_error_after": "double",
        "breakeven_years": "double",
        "explanation": "varchar",
    },
    "trades": _PLAN_KEYS
    | {
        "trade_id": "varchar",
        "account_id": "varchar",
        "action": "varchar",
        "security_id": "varchar",
        "quantity": _QUANTITY,
        "price": _QUANTITY,
        "notional": _MONEY,
        "reason_code": "varchar",
        "rationale": "varchar",
        "tax_character": "varchar",
    }
    | _REALIZED
    | {
        "tax_cost": _MONEY,
        "commission": _MONEY,
        "spread_cost": _MONEY,
        "market_impact": _MONEY,
        "order_type": "varchar",
        "limit_price": _QUANTITY,
        "value_of_trade": _MONEY,
        "worth_in_plan": _MONEY,
        "marginal_worth": _MONEY,
        "trade_sequence": "integer",
        "asset_class": "varchar",
        "standing_lot_method": "varchar",
        "lot_instruction": "varchar",
        "lot_instruction_text": "varchar",
        "lots_named_by_date": "date",
    },
    "trade_lots": _PLAN_KEYS
    | {
        "trade_id": "varchar",
        "lot_id": "varchar",
        "account_id": "varchar",
        "security_id": "varchar",
        "quantity": _QUANTITY,
        "acquisition_date": "date",
        "holding_period_start_date": "date",
        "term": "varchar",
        "proceeds": _MONEY,
        "cost_basis": _MONEY,
        "realized_gain": _MONEY,
        "tax_cost": _MONEY,
        "recharacterized_loss": _MONEY,
        "disallowed_loss": _MONEY,
    },
    "trade_rationale": _PLAN_KEYS
    | {
        "trade_id": "varchar",
        "account_id": "varchar",
        "security_id": "varchar",
        "component": "varchar",
        "subject": "varchar",
        "dollars": _MONEY,
        "marginal_dollars": _MONEY,
    },
    "tax_impact": _PLAN_KEYS
    | {"tax_unit_id": "varchar", "tax_year": "integer"}
    | _REALIZED
    | {
        "carryforward_used": _MONEY,
        "estimated_tax": _MONEY,
        "harvested_loss": _MONEY,
        "tax_saved_vs_waterfall": _MONEY,
        "wash_sale_exposure": _MONEY,
        "realized_collectibles_gain": _MONEY,
        "realized_collectibles_loss": _MONEY,
    },
    "plan_values": _PLAN_KEYS | {"term": "varchar", "amount": _MONEY, "waterfall_amount": _MONEY},
    "tax_budget_frontier": _PLAN_KEYS
    | {
        "point": "integer",
        "tax_budget": _MONEY,
        "estimated_tax": _MONEY,
        "drift_outside_bands": _MONEY,
        "tracking_error": "double",
        "transaction_cost": _MONEY,
    },
    "alternatives": _PLAN_KEYS
    | {
        "alternative": "varchar",
        "same_as": "varchar",
        "end_date": "date",
        "trade_count": "integer",
        "breach_count": "integer",
        "drift_outside_bands": _MONEY,
        "largest_drift": "double",
        "tracking_error": "double",
        "estimated_tax": _MONEY,
        "transaction_cost": _MONEY,
        "waiting_cost": _MONEY,
        "objective_value": _MONEY,
        "optimality_gap": _MONEY,
        "breakeven_years": "double",
    }
    | {
        f"{kind}_wealth_{years}y": _MONEY
        for years in (1, 3, 5, 10)
        for kind in ("pre_tax", "after_tax")
    }
    | {"is_recommended": "boolean", "verdict": "varchar"},
    "untraded": _PLAN_KEYS
    | {
        "account_id": "varchar",
        "security_id": "varchar",
        "asset_class": "varchar",
        "action": "varchar",
        "reason_code": "varchar",
        "amount": _MONEY,
        "reduced_cost_cents": "double",
        "trade_price": _QUANTITY,
        "long_term_date": "date",
        "waiting_saves": _MONEY,
        "rationale": "varchar",
    },
    "exceptions": _PLAN_KEYS
    | {
        "subject": "varchar",
        "reason_code": "varchar",
        "rationale": "varchar",
        "account_id": "varchar",
        "security_id": "varchar",
        "asset_class": "varchar",
        "amount": _MONEY,
    },
}

_IDENTITY_FINDINGS = {
    "as_of_date": "date",
    "rule": "varchar",
    "security_key": "varchar",
    "observed": "varchar",
    "expected": "varchar",
    "message": "varchar",
}


def create_warehouse(path: Path) -> None:
    """Create an empty working file with every table that dbt reads."""
    with duckdb.connect(str(path)) as connection:
        for schema in SCHEMAS:
            connection.execute(f"create schema if not exists {schema}")
        for entity, names in RAW_COLUMNS.items():
            declared = RAW_META_COLUMNS | dict.fromkeys(names.split(), "varchar")
            _create(connection, f"raw.{entity}", declared)
        text = dict.fromkeys
        _create(
            connection,
            "raw.account_registry",
            text(["account_id", "custodian", "account_number"], "varchar"),
        )
        _create(
            connection,
            "raw.security_registry",
            text(["security_id", "id_type", "id_value", "custodian"], "varchar"),
        )
        for schema, tables in (
            ("ops", OPS_TABLES | {"identity_findings": _IDENTITY_FINDINGS}),
            ("tax", TAX_TABLES),
            ("rebalance", REBALANCE_TABLES),
        ):
            for name, declared in tables.items():
                _create(connection, f"{schema}.{name}", declared)
        rules = [{"rule": rule} for rule in contract_rules()]
        insert_rows(connection, "ops.contract_rules", rules)


def _create(connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, str]) -> None:
    declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
    connection.execute(f"create or replace table {table} ({declared})")


def insert_rows(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Mapping[str, Any]]
) -> None:
    """Insert rows by column name; columns that a row does not name are null."""
    for row in rows:
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" for _ in row)
        connection.execute(f"insert into {table} ({names}) values ({marks})", list(row.values()))


@dataclass
class Delivery:
    """Rows of one session as files would deliver them, written in a test.

    `add` takes the entity, the custodian (POLICY for policy files) and rows of text; a column that
    no row of the file names is null (absent), a column that some other row names is empty text.
    """

    as_of_date: date = AS_OF_DATE
    files: dict[tuple[str, str], list[dict[str, str]]] = field(default_factory=dict)

    def add(self, entity: str, *rows: Mapping[str, str], custodian: str = "ALPINE") -> None:
        """Append rows to the file of one entity and custodian; no row makes an empty file."""
        owner = "POLICY" if entity in POLICY_ENTITIES else custodian
        self.files.setdefault((owner, entity), []).extend(dict(row) for row in rows)

    def write(self, path: Path) -> None:
        """Put the rows, the records of the files and the registry into the warehouse at `path`."""
        with duckdb.connect(str(path)) as connection:
            for (custodian, entity), rows in self.files.items():
                feed = "policy_files" if custodian == "POLICY" else "standard_feed"
                _write_file(connection, self.as_of_date, custodian, feed, entity, rows)
            register(connection, self.as_of_date)


def _write_file(
    connection: duckdb.DuckDBPyConnection,
    as_of_date: date,
    custodian: str,
    feed: str,
    entity: str,
    rows: Sequence[Mapping[str, str]],
) -> None:
    content = repr((as_of_date, custodian, entity, [sorted(row.items()) for row in rows]))
    source_file_id = hashlib.sha256(content.encode()).hexdigest()
    named = {name for row in rows for name in row}
    policy_start = {"valid_from": "2000-01-01", "valid_to": ""} if custodian == "POLICY" else {}
    meta = {
        "as_of_date": as_of_date,
        "custodian": custodian,
        "feed": feed,
        "source_file_id": source_file_id,
    }
    insert_rows(
        connection,
        f"raw.{entity}",
        (
            meta
            | {"source_row_number": number, "row_as_received": ",".join(row.values())}
            | dict.fromkeys(named, "")
            | policy_start
            | dict(row)
            for number, row in enumerate(rows, start=2)
        ),
    )
    record_file(connection, meta, f"{entity}.csv", {entity: len(rows)})


def record_file(
    connection: duckdb.DuckDBPyConnection,
    meta: Mapping[str, Any],
    file_name: str,
    entities: Mapping[str, int],
    status: str = "LOADED",
) -> None:
    """Record a received file and the entities it delivered."""
    received = {
        "file_name": file_name,
        "stated_as_of_date": meta["as_of_date"],
        "as_of_source": "LANDING_FOLDER",
        "parser_version": "1",
        "delivery_mode": "FULL",
        "feed_role": "source",
        "row_count": sum(entities.values()),
        "received_at": f"{meta['as_of_date']} 22:00:00",
        "status": status,
    }
    insert_rows(connection, "ops.source_files", [dict(meta) | received])
    insert_rows(
        connection,
        "ops.file_entities",
        [dict(meta) | {"entity": name, "row_count": count} for name, count in entities.items()],
    )


def register(connection: duckdb.DuckDBPyConnection, as_of_date: date) -> None:
    """Give every account and security of the raw tables its surrogate, from nothing."""
    accounts: set[tuple[str, str]] = set()
    references: set[SecurityReference] = set()
    parts = ("custodian_security_id", "cusip", "isin", "ticker")
    for entity, names in RAW_COLUMNS.items():
        columns = names.split()
        if "account_number" in columns:
            accounts.update(
                connection.execute(
                    "select distinct upper(trim(custodian)), trim(account_number)"
                    f" from raw.{entity} where as_of_date <= ? and trim(account_number) <> ''",
                    [as_of_date],
                ).fetchall()
            )
        if "ticker" in columns:
            selected = ", ".join(
                f"coalesce(trim({part}), '')" if part in columns else "''" for part in parts
            )
            references.update(
                SecurityReference(*row)
                for row in connection.execute(
                    f"select distinct coalesce(custodian, ''), {selected} from raw.{entity}"
                    " where as_of_date <= ?",
                    [as_of_date],
                ).fetchall()
            )
    connection.execute("delete from raw.account_registry")
    connection.execute("delete from raw.security_registry")
    for account in register_accounts([], accounts):
        connection.execute("insert into raw.account_registry values (?, ?, ?)", list(account))
    for entry in resolve_securities([], references).new_identifiers:
        connection.execute("insert into raw.security_registry values (?, ?, ?, ?)", list(entry))


def load_landing(path: Path, landing: Path, as_of_date: date) -> None:
    """Load a landing folder of plain CSV files (standard feed and policy) and register identities.

    `landing` holds one folder per custodian for the session. Lines that begin with '#' are trailer
    or comment lines. Only the standard feed and policy files are read; folders of other layouts
    need their readers.
    """
    with duckdb.connect(str(path)) as connection:
        for folder in sorted(entry for entry in landing.iterdir() if entry.is_dir()):
            custodian = folder.name.upper()
            feed = "policy_files" if custodian == "POLICY" else "standard_feed"
            for file in sorted(folder.glob("*.csv")):
                if file.stem in RAW_COLUMNS:
                    _load_csv(connection, file, as_of_date, custodian, feed)
        register(connection, as_of_date)


def _load_csv(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    as_of_date: date,
    custodian: str,
    feed: str,
) -> None:
    content = file.read_bytes()
    numbered = [
        (number, line)
        for number, line in enumerate(content.decode("utf-8-sig").splitlines(), start=1)
        if line and not line.startswith("#")
    ]
    if not numbered:
        return
    columns, *rows = csv.reader(line for _, line in numbered)
    meta = {
        "as_of_date": as_of_date,
        "custodian": custodian,
        "feed": feed,
        "source_file_id": hashlib.sha256(content).hexdigest(),
    }
    text = pa.string()
    received = {
        name: pa.array([row[place] for row in rows], text) for place, name in enumerate(columns)
    }
    if "custodian" in received:
        owners = received.pop("custodian")
    else:
        owners = pa.array([custodian] * len(rows), text)
    table = pa.table(
        received
        | {
            "custodian": owners,
            "as_of_date": pa.array([as_of_date] * len(rows), pa.date32()),
            "feed": pa.array([feed] * len(rows), text),
            "source_file_id": pa.array([meta["source_file_id"]] * len(rows), text),
            "source_row_number": pa.array([number for number, _ in numbered[1:]], pa.int64()),
            "row_as_received": pa.array([line for _, line in numbered[1:]], text),
        }
    )
    connection.register("received_rows", table)
    connection.execute(f"insert into raw.{file.stem} by name select * from received_rows")
    connection.unregister("received_rows")
    record_file(connection, meta, file.name, {file.stem: len(rows)})


def dbt_variables(as_of_date: date, **changes: Any) -> dict[str, Any]:
    """The variables that orchestration passes to dbt for a session."""
    policy = FirmPolicy()
    return (
        policy.dbt_vars()
        | {
            "as_of_date": as_of_date.isoformat(),
            "recent_sessions": ",".join(
                session.isoformat()
                for session in sessions_between(as_of_date - timedelta(days=190), as_of_date)
            ),
            "previous_session_date": previous_session(as_of_date).isoformat(),
            "planned_trade_date": next_session(as_of_date).isoformat(),
            "flow_horizon_date": next_session(as_of_date, policy.flow_horizon_sessions).isoformat(),
        }
        | changes
    )


def run_dbt(path: Path, *arguments: str, as_of_date: date = AS_OF_DATE, **changes: Any) -> Any:
    """Run dbt in this process on the warehouse at `path`; fail with dbt's own messages.

    `arguments` is the command (`"build", "--select", "tag:book"`); `changes` are variables that
    differ from the defaults. A data test that finds something only warns in a night; here it fails.
    The file's lock is released before this returns.
    """
    result = invoke_dbt(path, *arguments, as_of_date=as_of_date, **changes)
    if not result.success or any(run.status == "warn" for run in result.result):
        raise AssertionError(_failures(result))
    return result.result


def invoke_dbt(path: Path, *arguments: str, as_of_date: date = AS_OF_DATE, **changes: Any) -> Any:
    """Run dbt as `run_dbt` does and return its result, whatever it is."""
    import json

    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    os.environ["EVENKEEL_WAREHOUSE"] = str(path)
    target = path.parent / "dbt_target"
    try:
        result = dbtRunner().invoke(
            [
                *arguments,
                "--project-dir",
                str(DBT_PROJECT),
                "--profiles-dir",
                str(DBT_PROJECT),
                "--target-path",
                str(target),
                "--log-path",
                str(target),
                "--vars",
                json.dumps(dbt_variables(as_of_date, **changes)),
                "--quiet",
            ]
        )
    finally:
        DuckDBConnectionManager.close_all_connections()
    return result


def _failures(result: Any) -> str:
    if result.exception is not None:
        return f"dbt failed: {result.exception}"
    failed = [
        f"{run.node.unique_id}: {run.status}: {run.message}"
        for run in result.result
        if run.status in ("error", "fail", "warn")
    ]
    return "dbt failed:\n" + "\n".join(failed)


def query(path: Path, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Rows of a query on the warehouse at `path`."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(statement, list(parameters)).fetchall()
