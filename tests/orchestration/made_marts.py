"""A published snapshot made by hand: every mart with the columns of its contract, and no row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import yaml

from orchestration.home import DBT_PROJECT_FOLDER

NIGHT = date(2026, 11, 19)


def _contracts() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    for folder in ("models/marts", "models/plan/marts"):
        for path in sorted((DBT_PROJECT_FOLDER / folder).glob("*.yml")):
            for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]:
                columns = [(column["name"], column["data_type"]) for column in model["columns"]]
                yield model["name"], columns


def make_snapshot(path: Path) -> Path:
    """The snapshot of one night, with a view of the current night on every mart."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts")
        connection.execute("create schema ops")
        connection.execute(
            "create table ops.nights as select $1::date as as_of_date, 'complete' as state", [NIGHT]
        )
        connection.execute(
            "create table marts.published_night_current as select $1::date as as_of_date", [NIGHT]
        )
        for name, columns in _contracts():
            declared = ", ".join(f"{column} {kind}" for column, kind in columns)
            connection.execute(f"create table marts.{name} ({declared})")
            connection.execute(
                f"create view marts.{name}_current as select * from marts.{name} "
                "where as_of_date = (select as_of_date from marts.published_night_current)"
            )
    return path


def put(path: Path, mart: str, *rows: dict[str, object]) -> None:
    """Add rows to a mart; `as_of_date` is the night's where a row has none."""
    with duckdb.connect(str(path)) as connection:
        for given in rows:
            row = {"as_of_date": NIGHT} | given
            names, places = ", ".join(row), ", ".join(f"${name}" for name in row)
            connection.execute(f"insert into marts.{mart} ({names}) values ({places})", row)
