"""The book pass on the demo book: the promised picture must be computed, not told.

Belongs here: what the product promises of the Garcia household, and that a realistic book ends with
sound released sets. Loaded without readers and contracts: files that they would refuse (truncated,
of another day) are in, so that only households without such files are looked at.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.intake import raw_entities
from python_steps.demo_book.book import DEMO_SEED, DEMO_SESSION, demo_files
from tests.dbt_project.warehouse_fixture import (
    RAW_COLUMNS,
    create_warehouse,
    load_landing,
    query,
    run_dbt,
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    for name, content in demo_files(households=40, seed=DEMO_SEED, sessions=[DEMO_SESSION]):
        target = folder / "landing" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    path = folder / "warehouse.duckdb"
    create_warehouse(path)
    load_landing(path, folder / "landing" / DEMO_SESSION.isoformat(), DEMO_SESSION)
    run_dbt(
        path,
        "build",
        "--select",
        "tag:book",
        "--exclude-resource-type",
        "unit_test",
        as_of_date=DEMO_SESSION,
    )
    return path


def test_garcia_has_four_classes_outside_their_bands(demo: Path) -> None:
    rows = query(
        demo,
        """
        select asset_class, breach_severity_rank
        from marts.fct_household_drift
        where household_id = 'HH-GARCIA' and is_breach order by breach_severity_rank
        """,
    )
    assert [rank for _, rank in rows] == [1, 2, 3, 4]
    ((breaches, reasons),) = query(
        demo,
        "select breach_count, trigger_reasons from marts.fct_drift_summary "
        "where household_id = 'HH-GARCIA'",
    )
    assert breaches == 4
    assert "band" in reasons


def test_household_drifts_over_all_its_accounts_that_count(demo: Path) -> None:
    ((accounts, summed, stated),) = query(
        demo,
        """
        select count(*), sum(a.market_value), min(d.market_value)
        from marts.dim_accounts as a
        inner join marts.fct_drift_summary as d on a.allocation_group_id = d.allocation_group_id
        where a.household_id = 'HH-GARCIA' and a.counts_toward_allocation
        """,
    )
    assert accounts > 2
    assert abs(summed - stated) < 1


def test_lots_and_positions_land_to_the_last_digit(demo: Path) -> None:
    ((different,),) = query(
        demo,
        """
        select count(*)
        from intermediate.int_lots__identified as l
        inner join raw.tax_lots as r
            on l.source_file_id = r.source_file_id and l.source_row_number = r.source_row_number
        where
            l.quantity <> r.quantity::decimal(28, 10)
            or l.custodian_cost_basis <> nullif(r.cost_basis, '')::decimal(24, 6)
        """,
    )
    ((compared,),) = query(demo, "select count(*) from intermediate.int_lots__identified")
    assert compared > 1000
    assert different == 0


def test_columns_of_this_suite_are_those_of_the_contracts() -> None:
    ours = {entity: columns.split() for entity, columns in RAW_COLUMNS.items()}
    theirs = {entity: list(columns) for entity, columns in raw_entities().items()}
    assert {name: set(columns) for name, columns in theirs.items()} == {
        name: set(columns) for name, columns in ours.items()
    }
