"""Assets from the landing folder to the raw tables: one per feed, one per canonical entity.

Belongs here: asset definitions and their metadata. Does not belong here: reading or loading
(orchestration.intake), contracts (data_contracts).
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg

from data_contracts.contract import FeedContract, load_contracts
from orchestration.calendar import session_partitions
from orchestration.identity_registry import register_identities
from orchestration.intake import FeedLoad, load_feed, raw_entities, receive_files
from orchestration.names import (
    GROUP_LANDING,
    GROUP_OPS,
    GROUP_RAW,
    KINDS_FEED,
    OWNER_OPERATIONS,
    WAREHOUSE_POOL,
)
from orchestration.override_records import record_overrides
from orchestration.resources import HomeResource
from orchestration.stages import timed_stage
from orchestration.warehouse import Warehouse

RECEIVED_FILES = dg.AssetKey(["landing", "received_files"])
REGISTRIES = {
    "account_registry": "Surrogates of accounts. One row per custodian and account number.",
    "security_registry": "Surrogates of securities. One row per identifier.",
}
INTAKE_RECORDS = {
    "source_files": "Every file of the session with its as-of date and fate. One row per file.",
    "file_entities": "What each accepted file delivered. One row per file and entity.",
    "contract_violations": "Every broken rule of a contract. One row per violation.",
    "contract_rules": "Names of the rules that contracts and registry check. One row per rule.",
    "identity_findings": "Identifiers that contradict the registry. One row per contradiction.",
}

# A night's run record is read in a browser; all files stand in ops.source_files.
_MOST_FILES_SHOWN = 200


def feed_key(feed: str) -> dg.AssetKey:
    """The asset of one feed."""
    return dg.AssetKey(["landing", feed])


def raw_key(entity: str) -> dg.AssetKey:
    """The asset of one raw table; the same key as the dbt source."""
    return dg.AssetKey(["raw", entity])


@dg.asset(
    key=RECEIVED_FILES,
    partitions_def=session_partitions(),
    group_name=GROUP_LANDING,
    owners=[OWNER_OPERATIONS],
    kinds=KINDS_FEED,
    pool=WAREHOUSE_POOL,
    tags={"pii": "true"},
    description=(
        "Every file of the session's landing folder, archived by sha256 and recognised by the "
        "contract of its feed. One row per file."
    ),
)
def received_files(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
    """Archive and recognise what has landed."""
    as_of_date = date.fromisoformat(context.partition_key)
    home.enter_night(context.log.info)
    warehouse = home.warehouse()
    warehouse.prepare(raw_entities())
    with timed_stage(warehouse, as_of_date, context.run_id, "receive"):
        files_by_feed = receive_files(home.home(), warehouse, as_of_date)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": sum(files_by_feed.values()),
            **{f"files/{feed}": count for feed, count in sorted(files_by_feed.items())},
        }
    )


def _feed_asset(contract: FeedContract) -> dg.AssetsDefinition:
    key = feed_key(contract.feed)
    entities = ", ".join(sorted(contract.entities))

    @dg.asset(
        key=key,
        deps=[RECEIVED_FILES],
        partitions_def=session_partitions(),
        group_name=GROUP_LANDING,
        owners=[OWNER_OPERATIONS],
        kinds=KINDS_FEED,
        pool=WAREHOUSE_POOL,
        tags={"pii": "true"},
        description=(
            f"{contract.title}: delivers {entities}. One row per row of the custodians' files."
        ),
        check_specs=[
            dg.AssetCheckSpec(
                "contract_is_met",
                asset=key,
                description="No file or row of the feed breaks a rule of its contract.",
            ),
            dg.AssetCheckSpec(
                "every_check_could_run",
                asset=key,
                description="No expectation of the feed's suites was itself broken.",
            ),
        ],
    )
    def feed_asset(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
        as_of_date = date.fromisoformat(context.partition_key)
        home.enter_night(context.log.info)
        warehouse = home.warehouse()
        with timed_stage(warehouse, as_of_date, context.run_id, f"load/{contract.feed}"):
            load = load_feed(home.home(), warehouse, contract.feed, as_of_date)
        for message in load.messages:
            context.log.warning(message)
        return dg.MaterializeResult(metadata=_metadata(load), check_results=_check_results(load))

    return feed_asset


def _metadata(load: FeedLoad) -> dict[str, int]:
    return {
        "dagster/row_count": sum(load.rows_by_entity.values()),
        "files": load.files,
        "quarantined_files": load.quarantined_files,
        "duplicate_files": load.duplicate_files,
        **{f"rows/{entity}": count for entity, count in sorted(load.rows_by_entity.items())},
    }


def _check_results(load: FeedLoad) -> list[dg.AssetCheckResult]:
    violations = load.violations_by_severity
    return [
        dg.AssetCheckResult(
            check_name="contract_is_met",
            passed=not (violations["block"] or violations["warn"]),
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "expectations_evaluated": load.expectations_evaluated,
                "expectations_failed": load.expectations_failed,
                **{f"violations/{severity}": count for severity, count in violations.items()},
                "messages": dg.MetadataValue.md("\n".join(f"- {m}" for m in load.messages) or "-"),
            },
        ),
        dg.AssetCheckResult(
            check_name="every_check_could_run",
            passed=not load.broken_checks,
            severity=dg.AssetCheckSeverity.ERROR,
            metadata={"broken": dg.MetadataValue.json(load.broken_checks)},
        ),
    ]


def _raw_tables_asset(contracts: dict[str, FeedContract]) -> dg.AssetsDefinition:
    delivered_by = {
        entity: [
            feed_key(contract.feed)
            for contract in contracts.values()
            if entity in contract.entities
        ]
        for entity in raw_entities()
    }
    every_feed = [feed_key(feed) for feed in contracts]
    specs = [
        dg.AssetSpec(
            raw_key(entity),
            deps=feeds,
            group_name=GROUP_RAW,
            owners=[OWNER_OPERATIONS],
            kinds=KINDS_FEED,
            tags={"pii": "true"},
            partitions_def=session_partitions(),
            description=(
                f"`{entity}` as received: canonically named text of every feed that delivers it, "
                "with file, row and the row as received. One row per row of a file."
            ),
        )
        for entity, feeds in sorted(delivered_by.items())
    ]
    described = {raw_key(name): text for name, text in REGISTRIES.items()} | {
        dg.AssetKey(["ops", name]): text for name, text in INTAKE_RECORDS.items()
    }
    specs += [
        dg.AssetSpec(
            key,
            deps=every_feed,
            group_name=GROUP_RAW if key.path[0] == "raw" else GROUP_OPS,
            owners=[OWNER_OPERATIONS],
            kinds=KINDS_FEED,
            tags={"pii": "true"},
            partitions_def=session_partitions(),
            description=description,
        )
        for key, description in described.items()
    ]

    @dg.multi_asset(
        name="raw_tables",
        specs=specs,
        pool=WAREHOUSE_POOL,
        check_specs=[
            dg.AssetCheckSpec(
                "session_has_positions",
                asset=raw_key("positions"),
                blocking=True,
                description="At least one custodian's positions of the session were accepted.",
            ),
            dg.AssetCheckSpec(
                "policy_is_known",
                asset=raw_key("account_settings"),
                blocking=True,
                description="The firm's policy files are known on the session.",
            ),
        ],
    )
    def raw_tables(
        context: dg.AssetExecutionContext, home: HomeResource
    ) -> Iterator[dg.MaterializeResult]:
        as_of_date = date.fromisoformat(context.partition_key)
        home.enter_night(context.log.info)
        warehouse = home.warehouse()
        with timed_stage(warehouse, as_of_date, context.run_id, "identities"):
            counts = register_identities(warehouse, home.records(), as_of_date)
            recorded = record_overrides(warehouse, home.records(), as_of_date)
        row_counts = _row_counts(warehouse, as_of_date)
        files = _files_by_entity(warehouse, as_of_date)
        positions = row_counts["positions"]
        policy_rows = _policy_rows(warehouse, as_of_date)
        checks = {
            "positions": dg.AssetCheckResult(
                check_name="session_has_positions",
                asset_key=raw_key("positions"),
                passed=positions > 0,
                description=(
                    f"no custodian's positions of {as_of_date} were accepted: put the files into "
                    f"landing/{as_of_date}/<custodian>/, or look at the refused files"
                ),
                metadata={"rows": positions},
            ),
            "account_settings": dg.AssetCheckResult(
                check_name="policy_is_known",
                asset_key=raw_key("account_settings"),
                passed=policy_rows > 0,
                description=(
                    f"no account_settings file is known on {as_of_date}: put the firm's policy "
                    f"files into landing/{as_of_date}/policy/"
                ),
                metadata={"account_settings_rows": policy_rows},
            ),
        }
        for spec in specs:
            schema, entity = spec.key.path
            metadata: dict[str, Any] = {}
            if entity in REGISTRIES:
                metadata = counts
            elif schema == "raw":
                metadata = {
                    "dagster/row_count": row_counts[entity],
                    "files": len(files.get(entity, [])),
                    "file_lineage": _file_table(files.get(entity, [])),
                }
            if entity == "overrides":
                metadata["newly_recorded"] = recorded
            yield dg.MaterializeResult(
                asset_key=spec.key,
                metadata=metadata,
                check_results=[checks[entity]] if entity in checks else [],
            )

    return raw_tables


def _row_counts(warehouse: Warehouse, as_of_date: date) -> dict[str, int]:
    query = " union all ".join(
        f"select '{entity}' as entity, count(*) as row_count from raw.{entity} "
        "where as_of_date = $1"
        for entity in raw_entities()
    )
    rows = warehouse.read(query, [as_of_date]).to_pylist()
    return {row["entity"]: row["row_count"] for row in rows}


def _files_by_entity(warehouse: Warehouse, as_of_date: date) -> dict[str, list[dict[str, Any]]]:
    """The files that each raw table's rows of the session came from."""
    rows = warehouse.read(
        """
        select
            entities.entity, files.custodian, files.feed, files.file_name, files.source_file_id,
            files.received_at, entities.row_count
        from ops.file_entities as entities
        inner join ops.source_files as files using (as_of_date, source_file_id, custodian, feed)
        where entities.as_of_date = $1 and files.status = 'LOADED'
        order by all
        """,
        [as_of_date],
    ).to_pylist()
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["entity"], []).append(row)
    return found


def _file_table(files: list[dict[str, Any]]) -> dg.MetadataValue:
    return dg.MetadataValue.table(
        records=[
            dg.TableRecord(
                {
                    "custodian": row["custodian"],
                    "feed": row["feed"],
                    "file": row["file_name"],
                    "sha256": row["source_file_id"],
                    "received (UTC)": row["received_at"].isoformat(sep=" ", timespec="seconds"),
                    "rows": row["row_count"],
                }
            )
            for row in files[:_MOST_FILES_SHOWN]
        ],
        schema=dg.TableSchema(
            [
                *(
                    dg.TableColumn(name, "string")
                    for name in ("custodian", "feed", "file", "sha256", "received (UTC)")
                ),
                dg.TableColumn("rows", "int"),
            ]
        ),
    )


def _policy_rows(warehouse: Warehouse, as_of_date: date) -> int:
    rows = warehouse.read(
        "select count(*) as row_count from raw.account_settings where as_of_date <= $1",
        [as_of_date],
    ).to_pylist()
    return int(rows[0]["row_count"])


def landing_assets() -> list[dg.AssetsDefinition]:
    """Every asset of this module."""
    contracts = load_contracts()
    feeds = [_feed_asset(contract) for _, contract in sorted(contracts.items())]
    return [received_files, *feeds, _raw_tables_asset(contracts)]
