"""What the wash-sale ledger costs on a large book: `evenkeel bench --stage wash-sales`.

Belongs here: an invented book of lots, closed lots and transactions, made inside DuckDB by
arithmetic on row numbers (the same book each time), and the measurement of the tax step on it in a
process of its own. Does not belong here: the ledger, or any number a household would see.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from orchestration.calendar import NightDates
from orchestration.process_memory import PeakMemory
from orchestration.tax_step import LEDGER_TABLES, reconcile_ledger
from orchestration.warehouse import Warehouse
from python_steps.policy import FirmPolicy

AS_OF_DATE = date(2026, 11, 19)
ACCOUNTS_PER_HOUSEHOLD = 5
SECURITIES = 400
SECURITIES_PER_ACCOUNT = 40
# Bought and sold in the last 400 days; one transaction in four is a sale.
HISTORY_DAYS = 400
SALES_PER_TRANSACTION = 0.25


@dataclass(frozen=True)
class LedgerBook:
    """Size of an invented book."""

    households: int = 10_000
    lots: int = 3_000_000
    transactions: int = 1_000_000

    def of_households(self, households: int) -> LedgerBook:
        """The same book per household with another number of households."""
        share = households / self.households
        return LedgerBook(households, round(self.lots * share), round(self.transactions * share))


def measure_wash_sales(book: LedgerBook) -> dict[str, Any]:
    """Reconcile the book and one of a tenth of its households, each in a process of its own.

    Returns:
        For each: sizes, seconds of the ledger (the making of the book is not in it), matches found,
        and the peak memory of the writing process and of the largest worker; and the ratio of
        seconds per household, which is 1 where cost is linear.
    """
    small = _in_own_process(book.of_households(max(book.households // 10, 1)))
    large = _in_own_process(book)
    per_household = [each["seconds"] / each["households"] for each in (small, large)]
    return {
        "stage": "wash-sales",
        "runs": [small, large],
        "seconds_per_household_large_to_small": round(per_household[1] / per_household[0], 2),
    }


def _in_own_process(book: LedgerBook) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        return pool.submit(_measure, book).result()


def _measure(book: LedgerBook) -> dict[str, Any]:
    dates = NightDates.of(AS_OF_DATE, FirmPolicy())
    with tempfile.TemporaryDirectory(prefix="evenkeel-bench-") as folder:
        path = Path(folder) / "warehouse.duckdb"
        write_ledger_book(path, book)
        started = time.perf_counter()
        with PeakMemory() as peak, Warehouse(path).open() as connection:
            outcome = reconcile_ledger(connection, FirmPolicy(), dates, log=lambda _: None)
        seconds = time.perf_counter() - started
    return {
        **asdict(book),
        "seconds": round(seconds, 1),
        "households_per_second": round(book.households / seconds),
        **{name: outcome.row_counts[name] for name in LEDGER_TABLES},
        "lots_not_conserved": len(outcome.lots_not_conserved),
        "peak_memory_of_all_processes_mb": peak.megabytes,
    }


def write_ledger_book(path: Path, book: LedgerBook) -> None:
    """Make the tables that the tax step reads, for `book.households` invented households.

    Every number comes from a hash of its row number and a name, so that the book is the same on
    every machine and in every order of writing.
    """
    connection = duckdb.connect(str(path))
    try:
        connection.execute("set enable_progress_bar = false")
        for schema in ("intermediate", "marts", "tax"):
            connection.execute(f"create schema {schema}")
        connection.execute(_MACROS)
        values = {
            "households": book.households,
            "accounts": book.households * ACCOUNTS_PER_HOUSEHOLD,
            "lots": book.lots,
            "purchases": round(book.transactions * (1 - SALES_PER_TRANSACTION)),
            "sales": round(book.transactions * SALES_PER_TRANSACTION),
            "securities": SECURITIES,
            "held": SECURITIES_PER_ACCOUNT,
            "accounts_each": ACCOUNTS_PER_HOUSEHOLD,
            "history_days": HISTORY_DAYS,
            "as_of_date": f"date '{AS_OF_DATE}'",
        }
        for statement in _TABLES:
            connection.execute(statement.format(**values))
    finally:
        connection.close()


_MACROS = """
create macro drawn(n, name, below) as cast(hash(n, name) % below as bigint);
create macro account_of(n, how_many, accounts) as n * accounts // how_many;
create macro security_of(n, name, account, held, securities) as
    (account * 37 + drawn(n, name, held)) % securities;
"""

_TABLES = (
    """
    create table marts.dim_accounts as
    select
        {as_of_date} as as_of_date,
        'A' || n as account_id,
        'H' || (n // {accounts_each}) as household_id,
        'Account ' || n as account_name,
        ['taxable_joint', 'trust', 'traditional_ira', 'roth_ira', '401k'][n % 5 + 1]
            as account_type,
        ['taxable', 'taxable', 'tax_deferred', 'tax_free', 'tax_deferred'][n % 5 + 1]
            as tax_treatment,
        'U' || (n // {accounts_each}) as tax_unit_id,
        'W' || lpad(cast(n // {accounts_each} as varchar), 8, '0') as wash_sale_group_id,
        true as counts_for_wash_sales,
        'P' || n as owner_person_id,
        false as is_jointly_owned
    from range({accounts}) as numbers (n)
    """,
    """
    create table marts.dim_securities as
    select
        {as_of_date} as as_of_date,
        'S' || n as security_id,
        'S' || n as ticker,
        'Security ' || n as security_name,
        'ETF' as security_type,
        'US large blend' as sub_class,
        'G' || (n // 2) as identity_group_id,
        cast(50 + drawn(n, 'price', 10000) / 100 as decimal(28, 10)) as price
    from range({securities}) as numbers (n)
    """,
    """
    create table intermediate.int_transactions__coverage as
    select account_id, date '2024-01-01' as history_from_date, false as is_held_away
    from marts.dim_accounts
    """,
    """
    create table intermediate.int_lots__identified as
    with placed as (
        select n, account_of(n, {lots}, {accounts}) as account
        from range({lots}) as numbers (n)
    ),
    drawn_lots as (
        select
            n,
            account,
            security_of(n, 'lot', account, {held}, {securities}) as security,
            -- Ages of a real book fall off slowly: the square of an even draw.
            cast(
                {as_of_date} - cast(1 + power(drawn(n, 'age', 1000) / 1000.0, 2) * 3000 as integer)
                as date
            ) as acquisition_date,
            1 + drawn(n, 'quantity', 200) as quantity,
            5000 + drawn(n, 'cost', 10000) as cents_each
        from placed
    )
    select
        'L' || n as lot_id,
        'A' || account as account_id,
        'H' || (account // {accounts_each}) as household_id,
        'S' || security as security_id,
        cast(quantity as decimal(28, 10)) as quantity,
        acquisition_date,
        cast(null as varchar) as acquisition_time,
        acquisition_date as holding_period_start_date,
        cast(null as varchar) as custodian_term,
        cast(cents_each / 100 as decimal(28, 10)) as unit_cost,
        cast(quantity * cents_each / 100 as decimal(24, 6)) as custodian_cost_basis,
        cast(null as decimal(24, 6)) as custodian_cost_basis_unadjusted,
        cast(0 as decimal(24, 6)) as custodian_wash_sale_adjustment,
        case when drawn(n, 'type', 10) < 3 then 'REINVEST' else 'PURCHASE' end as acquisition_type,
        'X' || n as source_lot_id
    from drawn_lots
    """,
    """
    create table intermediate.int_closed_lots__merged as
    with placed as (
        select n, account_of(n, {sales}, {accounts}) as account
        from range({sales}) as numbers (n)
    ),
    drawn_lots as (
        select
            n,
            account,
            security_of(n, 'closed', account, {held}, {securities}) as security,
            cast({as_of_date} - cast(drawn(n, 'sold', {history_days}) as integer) as date)
                as disposal_date,
            cast(1 + drawn(n, 'held', 900) as integer) as days_held,
            1 + drawn(n, 'closed quantity', 200) as quantity,
            5000 + drawn(n, 'closed cost', 10000) as cents_each,
            80 + drawn(n, 'result', 60) as percent
        from placed
    )
    select
        'A' || account as account_id,
        'S' || security as security_id,
        'C' || n as closed_lot_key,
        cast(null as varchar) as source_lot_id,
        cast(disposal_date - days_held as date) as acquisition_date,
        disposal_date,
        cast(quantity as decimal(28, 10)) as quantity,
        cast(quantity * (cents_each * percent // 100) / 100 as decimal(24, 6)) as proceeds,
        cast(quantity * cents_each / 100 as decimal(24, 6)) as cost_basis,
        cast(
            quantity * (cents_each * percent // 100) / 100 as decimal(24, 6)
        ) - cast(quantity * cents_each / 100 as decimal(24, 6)) as realized_gain,
        cast(null as decimal(24, 6)) as disallowed_loss,
        cast(null as varchar) as term,
        'USD' as currency
    from drawn_lots
    """,
    """
    create table intermediate.int_transactions__merged as
    with recent as (
        select *, row_number() over (order by lot_id) as place
        from intermediate.int_lots__identified
        where acquisition_date >= {as_of_date} - {history_days}
    )
    select
        account_id,
        security_id,
        'T' || lot_id as transaction_key,
        acquisition_date as transaction_date,
        'BUY' as transaction_type,
        quantity,
        -custodian_cost_basis as net_amount
    from recent where place <= {purchases}
    union all
    select
        account_id, security_id, 'T' || closed_lot_key, disposal_date, 'SELL', quantity,
        proceeds
    from intermediate.int_closed_lots__merged
    order by account_id, transaction_date, transaction_key
    """,
)
