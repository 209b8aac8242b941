"""The two dbt passes of a night as assets: "book" (facts) and "plan" (results and verification).

Belongs here: how dbt models become assets, and the command lines. Does not belong here: any SQL.
The manifest is made by `dbt parse`, never by `compile`: compile opens the warehouse.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets

from orchestration.calendar import NightDates, session_partitions
from orchestration.column_lineage import kept_lineage
from orchestration.home import DBT_PROJECT_FOLDER
from orchestration.names import (
    NIGHT_VARIABLE,
    OWNER_OPERATIONS,
    OWNER_PORTFOLIO,
    OWNER_TAX,
    WAREHOUSE_POOL,
)
from orchestration.resources import HomeResource, dbt_resource
from orchestration.stages import timed_stage
from orchestration.warehouse import Warehouse
from python_steps.policy import FirmPolicy

BOOK, PLAN = "book", "plan"


class EvenkeelTranslator(DagsterDbtTranslator):
    """Keys are schema and model name, groups are layers, owners follow the subject."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """(schema, name), for models, seeds and sources alike.

        The views over published nights read the nights of before, which this night's own record
        follows: without a key of its own the source would close a circle.
        """
        if (dbt_resource_props["schema"], dbt_resource_props["name"]) == ("ops", "nights"):
            return dg.AssetKey(["ops", "published_nights"])
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The layer, which is the schema."""
        return str(dbt_resource_props["schema"])

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        """Tax models belong to tax, marts to portfolio management, the rest to operations."""
        name = dbt_resource_props["name"]
        if "wash_sale" in name or "tax_lot" in name or "tax_impact" in name:
            return [OWNER_TAX]
        if dbt_resource_props["schema"] == "marts":
            return [OWNER_PORTFOLIO]
        return [OWNER_OPERATIONS]


@cache
def project() -> DbtProject:
    """The dbt project with a manifest that is newer than every file of it.

    The manifest is made in a folder of this process and put in place in one step: two processes
    that start together never read half of one.
    """
    dbt_project = DbtProject(
        project_dir=DBT_PROJECT_FOLDER,
        profiles_dir=DBT_PROJECT_FOLDER,
        target_path=Path("target") / "prepared",
    )
    prepared = DBT_PROJECT_FOLDER / "target" / "prepared"
    if _manifest_is_stale(dbt_project.manifest_path):
        prepared.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=prepared.parent, prefix="parse-") as folder:
            dbt_resource().cli(["parse", "--quiet"], target_path=Path(folder)).wait()
            for name in ("partial_parse.msgpack", dbt_project.manifest_path.name):
                (Path(folder) / name).replace(prepared / name)
    return dbt_project


def _manifest_is_stale(manifest: Path) -> bool:
    if not manifest.exists():
        return True
    made = manifest.stat().st_mtime
    watched = (".sql", ".yml", ".csv")
    return any(
        path.stat().st_mtime > made
        for path in DBT_PROJECT_FOLDER.rglob("*")
        if path.suffix in watched and "target" not in path.parts
    )


def build_command(tag: str) -> list[str]:
    """The dbt command line of one pass.

    Unit tests judge the code, not the night: they run with the project's tests.
    """
    return ["build", "--select", f"tag:{tag}", "--exclude-resource-type", "unit_test"]


def night_settings(dates: NightDates, policy: FirmPolicy) -> str:
    """The night's dates and the firm's numbers as dbt reads them (variable EVENKEEL_NIGHT)."""
    return json.dumps(dates.dbt_vars() | policy.dbt_vars(), sort_keys=True)


def _pass_asset(tag: str) -> dg.AssetsDefinition:
    @dbt_assets(
        manifest=project().manifest_path,
        project=project(),
        select=f"tag:{tag}",
        name=f"dbt_{tag}",
        partitions_def=session_partitions(),
        dagster_dbt_translator=EvenkeelTranslator(),
        pool=WAREHOUSE_POOL,
    )
    def dbt_pass(
        context: dg.AssetExecutionContext, dbt: DbtCliResource, home: HomeResource
    ) -> Iterator[Any]:
        policy = home.policy()
        dates = NightDates.of(date.fromisoformat(context.partition_key), policy)
        target = home.home().folder / "dbt_target" / f"{context.run_id}-{tag}"
        home.enter_night(context.log.info)
        if tag == BOOK:
            home.warehouse().begin_working_session(dates.as_of_date, context.run_id)
        else:
            home.warehouse().require_working_session(dates.as_of_date)
        os.environ[NIGHT_VARIABLE] = night_settings(dates, policy)
        with timed_stage(home.warehouse(), dates.as_of_date, context.run_id, f"dbt_{tag}"):
            invocation = dbt.cli(build_command(tag), context=context, target_path=target)
            # dbt holds the warehouse until it has ended: rows can be counted only then.
            events = list(invocation.stream())
            counts = night_row_counts(home.warehouse(), dates.as_of_date)
            lineage, not_followed = _column_lineage(home.warehouse(), target, tag)
        shutil.rmtree(target, ignore_errors=True)
        for sentence in not_followed:
            context.log.warning(f"no column lineage of {sentence}")
        for event in events:
            yield _with_metadata(event, invocation.manifest, counts, lineage)

    return dbt_pass


def night_row_counts(warehouse: Warehouse, as_of_date: date) -> dict[tuple[str, str], int]:
    """Rows of every table that dbt builds, by schema and name; of dated tables this night's."""
    tables = warehouse.read(
        """
        select t.schema_name, t.table_name, bool_or(c.column_name = 'as_of_date') as is_dated
        from duckdb_tables() as t
        inner join duckdb_columns() as c
            on t.database_name = c.database_name and t.table_oid = c.table_oid
        where t.schema_name in ('staging', 'intermediate', 'marts') or t.table_name = 'violations'
        group by all
        order by all
        """
    ).to_pylist()
    if not tables:
        return {}
    counting = " union all ".join(
        f"select '{row['schema_name']}' as schema_name, '{row['table_name']}' as table_name, "
        f'count(*) as row_count from {row["schema_name"]}."{row["table_name"]}"'
        + (f" where as_of_date = date '{as_of_date}'" if row["is_dated"] else "")
        for row in tables
    )
    return {
        (row["schema_name"], row["table_name"]): row["row_count"]
        for row in warehouse.read(counting).to_pylist()
    }


def _column_lineage(
    warehouse: Warehouse, target: Path, tag: str
) -> tuple[dict[str, dg.TableColumnLineage], list[str]]:
    """By model what each of its columns is made of, and a sentence for each model that hides it."""
    compiled = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    columns: dict[tuple[str, str], list[str]] = {}
    for row in warehouse.read(
        """
        select schema_name, table_name, column_name from duckdb_columns()
        where not internal order by schema_name, table_name, column_index
        """
    ).to_pylist():
        columns.setdefault((row["schema_name"], row["table_name"]), []).append(row["column_name"])
    kept = DBT_PROJECT_FOLDER / "target" / "prepared" / f"column_lineage_{tag}.json"
    lineage, not_followed = kept_lineage(compiled, columns, kept)
    return {
        unique_id: dg.TableColumnLineage(
            {
                column: [
                    dg.TableColumnDep(_table_key(schema, table), name)
                    for schema, table, name in sources
                ]
                for column, sources in of_columns.items()
            }
        )
        for unique_id, of_columns in lineage.items()
    }, not_followed


def _table_key(schema: str, table: str) -> dg.AssetKey:
    return EvenkeelTranslator().get_asset_key({"schema": schema, "name": table})


def _with_metadata(
    event: Any,
    manifest: Mapping[str, Any],
    counts: Mapping[tuple[str, str], int],
    lineage: Mapping[str, dg.TableColumnLineage],
) -> Any:
    if not isinstance(event, dg.Output | dg.AssetMaterialization):
        return event
    unique_id = str(event.metadata["unique_id"].value)
    node = manifest["nodes"].get(unique_id, {})
    count = counts.get((node.get("schema", ""), node.get("name", "")))
    told: dict[str, Any] = dict(event.metadata)
    if count is not None:
        told["dagster/row_count"] = count
    if unique_id in lineage:
        told["dagster/column_lineage"] = dg.MetadataValue.column_lineage(lineage[unique_id])
    return event.with_metadata(told)


def model_assets() -> list[dg.AssetsDefinition]:
    """The book pass and the plan pass."""
    return [_pass_asset(BOOK), _pass_asset(PLAN)]
