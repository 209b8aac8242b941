"""The tax step of a night: frames of the book in, tax tables out.

Belongs here: which frames the tax steps read and which tables they write. Does not belong here:
any tax rule (python_steps.taxes, python_steps.wash_sales).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import duckdb
import pyarrow as pa

from orchestration.calendar import NightDates
from orchestration.process_memory import give_large_blocks_back
from orchestration.warehouse import (
    Warehouse,
    fetch_arrow,
    fetch_night,
    limited_memory,
    replace_rows,
)
from python_steps.batches import BatchFailure, Engine, run_batches
from python_steps.policy import FirmPolicy
from python_steps.taxes.rates import RateTables
from python_steps.taxes.tax_unit_states import tax_unit_states
from python_steps.wash_sales.ledger import reconcile_book
from python_steps.wash_sales.policy import WashSalePolicy
from python_steps.wash_sales.tables import INPUT_COLUMNS

TAX_TABLES = {
    "wash_sale_matches": (
        "Losses disallowed by replacements anywhere in the household. "
        "One row per loss lot and replacement lot."
    ),
    "wash_sale_windows": (
        "Until when a group of identical securities may not be bought, or sold at a loss. "
        "One row per wash-sale group and identity group."
    ),
    "lot_adjustments": (
        "Every open lot restated for tax: adjusted basis, holding period, term. "
        "One row per lot, or per sub-lot where a wash sale split it."
    ),
    "realized_lots": (
        "Every lot sold in a taxable account in this tax year and the last, after wash sales. "
        "One row per closed lot, or per part of one."
    ),
    "tax_unit_states": (
        "Where each tax return stands: marginal rates, carryforwards, gains so far. "
        "One row per tax unit and tax year."
    ),
    "findings": "What the ledger could not settle by itself. One row per finding.",
}

# Rows by account: a batch reads those of its own accounts, ordered by account and the row's key.
_ACCOUNT_FRAMES = {
    "int_lots__identified": "intermediate.int_lots__identified",
    "int_transactions__merged": "intermediate.int_transactions__merged",
    "int_closed_lots__merged": "intermediate.int_closed_lots__merged",
    "int_transactions__coverage": "intermediate.int_transactions__coverage",
}
_ROW_KEYS = {
    "int_lots__identified": "lot_id",
    "int_transactions__merged": "transaction_key",
    "int_closed_lots__merged": "closed_lot_key",
    "int_transactions__coverage": "history_from_date",
}
LEDGER_TABLES = (
    "wash_sale_matches",
    "wash_sale_windows",
    "lot_adjustments",
    "realized_lots",
    "findings",
)
# Households are put together until they hold so many rows: memory depends on this, not on the size
# of the book.
ROWS_PER_BATCH = 150_000
WORKERS = 2
# Each batch reads its own accounts once, so that a larger cache of the database brings nothing:
# without a limit it grew with the book and was no faster.
CACHE_MEMORY = "200MB"
# Below this many batches a pool of processes costs more than it saves.
POOL_FROM_BATCHES = 3
RATE_SEEDS = (
    "seed_ordinary_tax_brackets",
    "seed_capital_gains_brackets",
    "seed_net_investment_income_tax",
    "seed_capital_loss_limits",
)


@dataclass
class TaxOutcome:
    """What the tax step wrote, and which lots lost or gained shares on the way (none may)."""

    row_counts: dict[str, int]
    lots_not_conserved: list[str]


class LedgerPayload(NamedTuple):
    """The wash-sale groups of one batch: their frames, the policy and the two dates."""

    frames: dict[str, pa.Table]
    policy: WashSalePolicy
    as_of_date: date
    planned_trade_date: date


class LedgerResult(NamedTuple):
    """The ledger of one batch, and the lots whose shares it lost or won (none may)."""

    tables: dict[str, pa.Table]
    lots_not_conserved: list[str]


def reconcile_taxes(
    warehouse: Warehouse,
    policy: FirmPolicy,
    dates: NightDates,
    *,
    log: Callable[[str], None] = lambda _: None,
) -> TaxOutcome:
    """Run the wash-sale ledger and the tax units of the book; write tax.*.

    Raises:
        RuntimeError: a batch of wash-sale groups failed: without the ledger nothing may trade.
    """
    with warehouse.open() as connection:
        outcome = reconcile_ledger(connection, policy, dates, log)
        profiles = fetch_arrow(
            connection, "select * from intermediate.int_tax_profiles__current order by all"
        )
        seeds = {
            name: fetch_arrow(connection, f"select * from staging.{name} order by all")
            for name in RATE_SEEDS
        }
        rates = RateTables.from_frames(
            *(seeds[name] for name in RATE_SEEDS),
            when_missing="provisional" if policy.rates_when_missing == "provisional" else "block",
        )
        states = tax_unit_states(profiles, rates, policy, collectibles_so_far(connection, dates))
        replace_rows(connection, "tax.tax_unit_states", states, {"as_of_date": dates.as_of_date})
    outcome.row_counts["tax_unit_states"] = states.num_rows
    return outcome


def collectibles_so_far(
    connection: duckdb.DuckDBPyConnection, dates: NightDates
) -> dict[str, Decimal | None]:
    """The year's long-term result of collectibles by tax unit, as the ledger of the night has it.

    None where a sale of one of them, or of what may be one, has no known result or term. Units
    without such a sale are not named.
    """
    rows = fetch_arrow(
        connection,
        """
        select
            accounts.tax_unit_id,
            case
                when bool_and(coalesce(realized.term = 'long' and securities.is_collectible, false))
                    and count(realized.recognized_gain) = count(*)
                    then sum(realized.recognized_gain)
            end as gain
        from tax.realized_lots as realized
        inner join marts.dim_accounts as accounts
            on realized.account_id = accounts.account_id
            and realized.as_of_date = accounts.as_of_date
        inner join marts.dim_securities as securities
            on realized.security_id = securities.security_id
            and realized.as_of_date = securities.as_of_date
        where
            realized.as_of_date = $1
            and year(realized.disposal_date) = $2
            and coalesce(realized.term, '') <> 'short'
            and coalesce(securities.is_collectible, true)
        group by accounts.tax_unit_id
        order by accounts.tax_unit_id
        """,
        [dates.as_of_date, dates.planned_trade_date.year],
    )
    return dict(zip(rows["tax_unit_id"].to_pylist(), rows["gain"].to_pylist(), strict=True))


def reconcile_batch(payload: LedgerPayload) -> LedgerResult:
    """The ledger of the wash-sale groups of one batch."""
    tables = reconcile_book(
        payload.frames, payload.policy, payload.as_of_date, payload.planned_trade_date
    )
    unequal = lots_not_conserved(payload.frames["int_lots__identified"], tables["lot_adjustments"])
    return LedgerResult(tables, unequal)


def reconcile_ledger(
    connection: duckdb.DuckDBPyConnection,
    policy: FirmPolicy,
    dates: NightDates,
    log: Callable[[str], None],
) -> TaxOutcome:
    """Run the wash-sale ledger batch by batch and write each as it comes: memory stays flat.

    Raises:
        RuntimeError: a batch failed; the tables then hold nothing of the night.
    """
    give_large_blocks_back()
    batch_count = _cut_into_batches(connection, dates)
    try:
        with limited_memory(connection, CACHE_MEMORY):
            return _reconcile_batches(connection, batch_count, policy, dates, log)
    except BaseException:
        # A part of the book's ledger must not be taken for the whole of it. One transaction over
        # all batches would hold every row; what an earlier run wrote is gone with batch 1.
        _delete_night(connection, dates)
        raise


def _reconcile_batches(
    connection: duckdb.DuckDBPyConnection,
    batch_count: int,
    policy: FirmPolicy,
    dates: NightDates,
    log: Callable[[str], None],
) -> TaxOutcome:
    """Reconcile and write one batch after the other.

    Raises:
        RuntimeError: a batch failed; those before it are written.
    """
    engine: Engine = "processes" if batch_count >= POOL_FROM_BATCHES else "this_process"
    outcome = TaxOutcome(dict.fromkeys(LEDGER_TABLES, 0), [])
    results = run_batches(
        reconcile_batch,
        _payloads(connection, batch_count, policy, dates),
        engine,
        workers=WORKERS,
        on_batch_done=lambda number: log(f"wash sales: batch {number + 1} of {batch_count}"),
    )
    for number, result in enumerate(results):
        if isinstance(result, BatchFailure):
            raise RuntimeError(
                f"wash sales: batch {number + 1} of {batch_count} failed: {result.error}"
            )
        for name, rows in result.tables.items():
            # The first batch takes the place of an earlier run of this night.
            write = append_rows if number else replace_rows
            write(connection, f"tax.{name}", rows, {"as_of_date": dates.as_of_date})
            outcome.row_counts[name] += rows.num_rows
        outcome.lots_not_conserved += result.lots_not_conserved
    outcome.lots_not_conserved.sort()
    return outcome


def _delete_night(connection: duckdb.DuckDBPyConnection, dates: NightDates) -> None:
    """Delete what the ledger has written for the night, as far as its tables exist."""
    written = connection.execute(
        "select table_name from information_schema.tables where table_schema = 'tax' order by all"
    ).fetchall()
    for (name,) in written:
        if name in LEDGER_TABLES:
            connection.execute(f"delete from tax.{name} where as_of_date = $1", [dates.as_of_date])


def _cut_into_batches(connection: duckdb.DuckDBPyConnection, dates: NightDates) -> int:
    """Number every account of the night with its batch.

    A wash-sale group is never cut, nor a household: its other groups (minors, trusts) are looked at
    too.

    Returns:
        The number of batches, at least one: a book without accounts has empty tables.
    """
    accounts = fetch_arrow(
        connection,
        "select account_id, household_id, wash_sale_group_id from marts.dim_accounts "
        "where as_of_date = $1 order by account_id",
        [dates.as_of_date],
    ).to_pylist()
    rows = " union all ".join(f"select account_id from {name}" for name in _ACCOUNT_FRAMES.values())
    sizes = dict(
        connection.execute(f"select account_id, count(*) from ({rows}) group by all").fetchall()
    )
    batches = numbered_batches(accounts, sizes)
    assigned = pa.table(
        {
            "account_id": pa.array(list(batches), pa.string()),
            "batch": pa.array(list(batches.values()), pa.int32()),
        }
    )
    connection.register("assigned_batches", assigned)
    connection.execute(
        "create or replace temporary table ledger_batches as select * from assigned_batches"
    )
    connection.unregister("assigned_batches")
    return max(batches.values(), default=0) + 1


def numbered_batches(
    accounts: Sequence[Mapping[str, str | None]], row_counts: Mapping[str, int]
) -> dict[str, int]:
    """The batch of every account, from 0, without gaps.

    Args:
        accounts: account_id, household_id and wash_sale_group_id of every account.
        row_counts: rows by account; also of accounts that `accounts` does not have.
    """
    families = _Families()
    for account in accounts:
        families.join(
            f"account {account['account_id']}",
            f"household {account['household_id'] or account['account_id']}",
            f"group {account['wash_sale_group_id'] or account['account_id']}",
        )
    members: dict[str, list[str]] = defaultdict(list)
    for account_id in sorted({*row_counts, *(str(account["account_id"]) for account in accounts)}):
        members[families.of(f"account {account_id}")].append(account_id)
    batches: dict[str, int] = {}
    batch, rows = 0, 0
    for _, family in sorted(members.items()):
        if rows >= ROWS_PER_BATCH:
            batch, rows = batch + 1, 0
        rows += sum(row_counts.get(account_id, 0) for account_id in family)
        batches.update(dict.fromkeys(family, batch))
    return batches


class _Families:
    """Names that belong together, directly or through others."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def of(self, name: str) -> str:
        """One name that stands for all that belong together with `name`: their first."""
        while (parent := self._parent.setdefault(name, name)) != name:
            self._parent[name] = self._parent[parent]
            name = parent
        return name

    def join(self, *names: str) -> None:
        """Say that these names belong together."""
        found = sorted({self.of(name) for name in names})
        for name in found[1:]:
            self._parent[name] = found[0]


def _payloads(
    connection: duckdb.DuckDBPyConnection,
    batch_count: int,
    policy: FirmPolicy,
    dates: NightDates,
) -> Iterator[LedgerPayload]:
    """The batches, each read only when it is asked for."""
    settings = WashSalePolicy(**policy.wash_sale_settings())
    securities = fetch_night(connection, "marts.dim_securities", dates.as_of_date)
    for batch in range(batch_count):
        own = f"account_id in (select account_id from ledger_batches where batch = {batch})"
        frames = {
            name: fetch_arrow(
                connection,
                f"select {', '.join(_columns(name))} from {table} where {own} "
                f"order by account_id, {_ROW_KEYS[name]}",
            )
            for name, table in _ACCOUNT_FRAMES.items()
        }
        frames["dim_accounts"] = fetch_arrow(
            connection,
            f"select * from marts.dim_accounts where as_of_date = $1 and {own} order by all",
            [dates.as_of_date],
        )
        frames["dim_securities"] = securities
        yield LedgerPayload(frames, settings, dates.as_of_date, dates.planned_trade_date)


def _columns(frame: str) -> list[str]:
    """What the ledger reads; of closed lots also their currency."""
    more = ["currency"] if frame == "int_closed_lots__merged" else []
    return [*INPUT_COLUMNS[frame], *more]


def append_rows(
    connection: duckdb.DuckDBPyConnection, table: str, rows: pa.Table, fixed: Mapping[str, date]
) -> None:
    """Add rows to a table that exists; `fixed` are dates that every row gets."""
    incoming = rows
    for name, value in fixed.items():
        column = pa.array([value] * rows.num_rows, pa.date32())
        incoming = incoming.append_column(name, column)
    connection.register("further_rows", incoming)
    connection.execute(f"insert into {table} by name select * from further_rows")
    connection.unregister("further_rows")


def lots_not_conserved(lots: pa.Table, restated: pa.Table) -> list[str]:
    """Lots whose restated parts do not add up to the custodian's quantity, sorted."""
    difference: defaultdict[str, Decimal] = defaultdict(Decimal)
    for lot_id, quantity in zip(
        lots["lot_id"].to_pylist(), lots["quantity"].to_pylist(), strict=True
    ):
        difference[lot_id] += quantity
    for lot_id, parent, quantity in zip(
        restated["lot_id"].to_pylist(),
        restated["parent_lot_id"].to_pylist(),
        restated["quantity"].to_pylist(),
        strict=True,
    ):
        difference[parent or lot_id] -= quantity
    return sorted(lot_id for lot_id, rest in difference.items() if rest != 0)
