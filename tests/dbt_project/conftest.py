"""Warehouses that several test files read: built once for a run, never changed by a test."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.dbt_project.book_fixture import CONTRACT_VIOLATIONS, small_book
from tests.dbt_project.warehouse_fixture import create_warehouse, insert_rows, run_dbt


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small book, built by the book pass with its data tests (unit tests run by themselves)."""
    path = tmp_path_factory.mktemp("book") / "warehouse.duckdb"
    create_warehouse(path)
    small_book().delivery.write(path)
    with duckdb.connect(str(path)) as connection:
        insert_rows(connection, "ops.contract_violations", CONTRACT_VIOLATIONS)
    run_dbt(path, "build", "--select", "tag:book", "--exclude-resource-type", "unit_test")
    return path
