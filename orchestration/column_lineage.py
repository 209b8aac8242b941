"""Which columns each column of a mart is made of, read from the SQL that dbt has run.

Belongs here: the derivation from compiled SQL, and keeping it for as long as the code is the same.
Does not belong here: how Dagster shows it (orchestration.assets.models). Deriving takes seconds,
the same in every night of one version of the models: it is done once per version.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# Of a column: the schema, table and name of each column it is made of.
Sources = list[tuple[str, str, str]]
# By dbt's id of the model, then by column.
Lineage = dict[str, dict[str, Sources]]
# By schema and table: the columns in their order.
TableColumns = Mapping[tuple[str, str], list[str]]

_DATABASE = "warehouse"
_LAYERS = ("marts", "ops")


def kept_lineage(
    manifest: Mapping[str, Any], columns: TableColumns, file: Path
) -> tuple[Lineage, list[str]]:
    """The lineage of the marts of a manifest: from `file` where the code has not changed since.

    Args:
        manifest: of a run of dbt, with the compiled SQL of the models that ran.
        columns: of every table that a model may read.
        file: where it is kept, beside the prepared manifest.

    Returns:
        The lineage, and for each model whose SQL cannot be followed one sentence.
    """
    version = _code_version(manifest)
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if known.get("version") != version:
        known = {"version": version, "models": {}, "not_followed": {}}
    wanted = {
        unique_id: node
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "model"
        and node["schema"] in _LAYERS
        and node.get("compiled_code")
    }
    missing = {
        unique_id: node
        for unique_id, node in wanted.items()
        if unique_id not in known["models"] and unique_id not in known["not_followed"]
    }
    if missing:
        found, problems = derived_lineage(missing, columns)
        known["models"] |= found
        known["not_followed"] |= problems
        temporary = file.with_name(f"{file.name}.{os.getpid()}")
        temporary.write_text(json.dumps(known, sort_keys=True), encoding="utf-8")
        temporary.replace(file)
    lineage = {
        unique_id: {
            column: [(schema, table, name) for schema, table, name in sources]
            for column, sources in known["models"][unique_id].items()
        }
        for unique_id in wanted
        if unique_id in known["models"]
    }
    return lineage, [known["not_followed"][one] for one in wanted if one in known["not_followed"]]


def derived_lineage(
    nodes: Mapping[str, Mapping[str, Any]], columns: TableColumns
) -> tuple[Lineage, dict[str, str]]:
    """Follow every column of every model to the tables its SQL reads.

    Returns:
        The lineage, and by model why its SQL could not be followed.
    """
    from sqlglot.errors import SqlglotError

    # It warns of each clause that it does not follow; what it leaves out has no sources.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    schema: dict[str, dict[str, dict[str, dict[str, str]]]] = {_DATABASE: {}}
    for (schema_name, table), names in columns.items():
        tables = schema[_DATABASE].setdefault(schema_name, {})
        tables[table] = dict.fromkeys(names, "varchar")
    found: Lineage = {}
    problems: dict[str, str] = {}
    for unique_id, node in nodes.items():
        try:
            found[unique_id] = _of_model(
                node["compiled_code"], columns[node["schema"], node["name"]], schema
            )
        except (SqlglotError, ValueError, KeyError) as error:
            problems[unique_id] = f"{node['name']}: {type(error).__name__}: {str(error)[:200]}"
    return found, problems


def _of_model(sql: str, columns: list[str], schema: dict[str, Any]) -> dict[str, Sources]:
    from sqlglot import exp, parse_one
    from sqlglot.lineage import lineage
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.optimizer.scope import build_scope

    query: Any = qualify(
        parse_one(sql, dialect="duckdb"),
        schema=schema,
        dialect="duckdb",
        catalog=_DATABASE,
        validate_qualify_columns=False,
        identify=False,
    )
    _unite_by_place(query)
    scope = build_scope(query)
    found: dict[str, Sources] = {}
    for column in columns:
        top = lineage(
            column,
            query,
            schema=schema,
            dialect="duckdb",
            scope=scope,
            trim_selects=False,
            copy=False,
        )
        sources = {
            (node.expression.db, node.expression.name, exp.to_column(node.name).name)
            for node in top.walk()
            if isinstance(node.expression, exp.Table) and not node.downstream
        }
        # A row number or a struct of a whole row names no column.
        found[column] = sorted(source for source in sources if source[2] != "*")
    return found


def _unite_by_place(query: Any) -> None:
    """Turn `union by name` into a union by place: the parser follows columns by their place."""
    from sqlglot import exp

    for union in _unions_from_within(query):
        if not union.args.get("by_name"):
            continue
        sides = (union.left, union.right)
        if not all(isinstance(side, exp.Select) for side in _selects(union)):
            raise ValueError("a union by name of something else than selects")
        names = list(dict.fromkeys(name for side in sides for name in side.named_selects))
        for select in _selects(union):
            stated = {one.alias_or_name: one for one in select.expressions}
            missing = {name: exp.alias_(exp.null(), name) for name in names if name not in stated}
            select.set("expressions", [(stated | missing)[name] for name in names])
        union.set("by_name", False)


def _unions_from_within(query: Any) -> list[Any]:
    from sqlglot import exp

    return list(reversed(list(query.find_all(exp.Union, bfs=True))))


def _selects(union: Any) -> Iterator[Any]:
    from sqlglot import exp

    for side in (union.left, union.right):
        inner = side.unnest()
        if isinstance(inner, exp.Union):
            yield from _selects(inner)
        else:
            yield inner


def _code_version(manifest: Mapping[str, Any]) -> str:
    """One digest of all models and macros."""
    parts = sorted(
        [
            *(f"{one['unique_id']} {one.get('raw_code')}" for one in manifest["nodes"].values()),
            *(f"{one['unique_id']} {one['macro_sql']}" for one in manifest["macros"].values()),
        ]
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
