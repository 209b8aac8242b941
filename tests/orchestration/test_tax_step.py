"""The tax step: batches of whole wash-sale groups say the same as one pass over the whole book."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from orchestration import tax_step
from orchestration.calendar import NightDates
from orchestration.process_memory import PeakMemory, resident_bytes_of_tree
from orchestration.tax_step import LEDGER_TABLES, reconcile_ledger
from orchestration.warehouse import Warehouse
from orchestration.wash_sales_bench import AS_OF_DATE, LedgerBook, write_ledger_book
from python_steps.policy import FirmPolicy

BOOK = LedgerBook(households=60, lots=9_000, transactions=4_000)


def ledger_of(path, rows_per_batch, monkeypatch):
    monkeypatch.setattr(tax_step, "ROWS_PER_BATCH", rows_per_batch)
    policy = FirmPolicy()
    batches = []
    with Warehouse(path).open() as connection:
        outcome = reconcile_ledger(
            connection, policy, NightDates.of(AS_OF_DATE, policy), log=batches.append
        )
        tables = {
            name: connection.execute(f"select * from tax.{name} order by all").fetchall()
            for name in LEDGER_TABLES
        }
    return outcome, tables, len(batches)


def test_the_ledger_does_not_depend_on_how_the_book_is_cut(tmp_path, monkeypatch):
    path = tmp_path / "warehouse.duckdb"
    write_ledger_book(path, BOOK)
    whole, tables_of_whole, one = ledger_of(path, 10**9, monkeypatch)
    # The tables of the first run stand there: the second takes their place.
    cut, tables_of_cut, several = ledger_of(path, 2_500, monkeypatch)
    assert (one, several) == (1, 6)
    assert tables_of_cut == tables_of_whole
    assert cut == whole
    assert cut.lots_not_conserved == []
    assert cut.row_counts["wash_sale_matches"] > 0
    assert cut.row_counts["lot_adjustments"] >= BOOK.lots


def test_households_and_groups_that_hang_together_are_one_batch(monkeypatch):
    monkeypatch.setattr(tax_step, "ROWS_PER_BATCH", 1)
    accounts = [
        {"account_id": "A1", "household_id": "H1", "wash_sale_group_id": "W1"},
        {"account_id": "A2", "household_id": "H1", "wash_sale_group_id": "W2"},
        {"account_id": "A3", "household_id": "H2", "wash_sale_group_id": "W2"},
        {"account_id": "A4", "household_id": "H3", "wash_sale_group_id": None},
        {"account_id": "A5", "household_id": None, "wash_sale_group_id": None},
    ]
    rows = {"A1": 2, "A3": 5, "A4": 1, "A5": 3, "not in the book": 4}
    batches = tax_step.numbered_batches(accounts, rows)
    assert batches == {"A1": 0, "A2": 0, "A3": 0, "A4": 1, "A5": 2, "not in the book": 3}


def test_a_batch_that_fails_stops_the_tax_step_by_name(tmp_path, monkeypatch):
    path = tmp_path / "warehouse.duckdb"
    write_ledger_book(path, LedgerBook(households=1, lots=10, transactions=4))
    with Warehouse(path).open() as connection:
        connection.execute("update marts.dim_accounts set wash_sale_group_id = null")
        connection.execute("alter table marts.dim_securities drop column identity_group_id")
    with pytest.raises(RuntimeError, match=r"batch 1 of \d+ failed: .*lacks identity_group_id"):
        ledger_of(path, 10**9, monkeypatch)


def test_a_later_batch_that_fails_leaves_nothing_of_the_night(tmp_path, monkeypatch):
    path = tmp_path / "warehouse.duckdb"
    write_ledger_book(path, BOOK)
    ledger_of(path, 10**9, monkeypatch)
    with Warehouse(path).open() as connection:
        connection.execute(
            "insert into tax.lot_adjustments by name "
            "select * replace (as_of_date - 1 as as_of_date) from tax.lot_adjustments limit 3"
        )
    reconciled = tax_step.reconcile_batch
    batches = []

    def second_fails(payload):
        batches.append(payload)
        if len(batches) == 2:
            raise ValueError("a group that cannot be reconciled")
        return reconciled(payload)

    monkeypatch.setattr(tax_step, "reconcile_batch", second_fails)
    monkeypatch.setattr(tax_step, "POOL_FROM_BATCHES", 100)
    with pytest.raises(RuntimeError, match=r"batch 2 of 6 failed: .*cannot be reconciled"):
        ledger_of(path, 2_500, monkeypatch)
    with Warehouse(path).open(read_only=True) as connection:
        left = {
            name: connection.execute(
                f"select as_of_date, count(*) from tax.{name} group by all"
            ).fetchall()
            for name in LEDGER_TABLES
        }
    # The other night's rows stay.
    assert left.pop("lot_adjustments") == [(AS_OF_DATE - timedelta(days=1), 3)]
    assert all(rows == [] for rows in left.values())


def test_the_ledger_does_not_depend_on_the_order_of_stored_rows(tmp_path, monkeypatch):
    path = tmp_path / "warehouse.duckdb"
    write_ledger_book(path, LedgerBook(households=5, lots=500, transactions=200))
    payloads = []
    reconciled = tax_step.reconcile_batch

    def noted(payload):
        payloads.append(payload)
        return reconciled(payload)

    monkeypatch.setattr(tax_step, "reconcile_batch", noted)
    ledger_of(path, 10**9, monkeypatch)
    with Warehouse(path).open() as connection:
        for name, key in (
            ("int_lots__identified", "lot_id"),
            ("int_transactions__merged", "transaction_key"),
            ("int_closed_lots__merged", "closed_lot_key"),
            ("int_transactions__coverage", "account_id"),
        ):
            connection.execute(
                f"create or replace table intermediate.{name} as "
                f"select * from intermediate.{name} order by md5({key})"
            )
    ledger_of(path, 10**9, monkeypatch)
    first, second = (payload.frames for payload in payloads)
    assert first["int_lots__identified"].num_rows == 500
    assert {name: frame.equals(second[name]) for name, frame in first.items()} == dict.fromkeys(
        first, True
    )


def test_memory_is_that_of_the_process_and_its_workers():
    import os

    if resident_bytes_of_tree(os.getpid()) is None:
        pytest.skip("this system has no /proc")
    with PeakMemory() as peak:
        held = bytearray(300 * 2**20)
        held[::4096] = b"x" * len(held[::4096])
        peak._is_over.wait(0.4)
    assert peak.megabytes is not None
    assert 300 < peak.megabytes < 5_000


def test_collectibles_of_the_year_are_summed_by_return_and_an_unknown_result_is_not_zero(tmp_path):
    sold = [
        # account, security, disposal, term, recognised result
        ("A1", "GLD", "2026-03-02", "long", "700.00"),
        ("A1", "GLD", "2026-04-01", "long", "-100.00"),
        ("A1", "GLD", "2026-05-04", "short", "5000.00"),
        ("A1", "VTI", "2026-05-04", "long", "9000.00"),
        ("A1", "GLD", "2025-12-30", "long", "40.00"),
        ("A2", "GLD", "2026-03-02", "long", None),
        ("A3", "NEWGOLD", "2026-03-02", "long", "10.00"),
        ("A4", "GLD", "2026-03-02", None, "10.00"),
        ("A5", "VTI", "2026-03-02", "long", "10.00"),
    ]
    path = tmp_path / "warehouse.duckdb"
    with Warehouse(path).open() as connection:
        connection.execute(
            """
            create schema if not exists tax;
            create schema if not exists marts;
            create table tax.realized_lots (as_of_date date, account_id varchar,
                security_id varchar, disposal_date date, term varchar,
                recognized_gain decimal(24, 6));
            create table marts.dim_accounts (as_of_date date, account_id varchar,
                tax_unit_id varchar);
            create table marts.dim_securities (as_of_date date, security_id varchar,
                is_collectible boolean);
            """
        )
        connection.executemany(
            "insert into tax.realized_lots values (?, ?, ?, ?, ?, ?)",
            [(AS_OF_DATE, *row) for row in sold],
        )
        # Another night's rows are another night's.
        connection.execute(
            "insert into tax.realized_lots select * replace (as_of_date - 1 as as_of_date) "
            "from tax.realized_lots"
        )
        connection.executemany(
            "insert into marts.dim_accounts values (?, ?, ?)",
            [(AS_OF_DATE, f"A{number}", f"U{number}") for number in range(1, 6)],
        )
        connection.executemany(
            "insert into marts.dim_securities values (?, ?, ?)",
            [(AS_OF_DATE, "GLD", True), (AS_OF_DATE, "VTI", False), (AS_OF_DATE, "NEWGOLD", None)],
        )
        found = tax_step.collectibles_so_far(connection, NightDates.of(AS_OF_DATE, FirmPolicy()))
    assert found == {"U1": Decimal(600), "U2": None, "U3": None, "U4": None}
