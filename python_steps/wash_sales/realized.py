"""What the household's sales of this tax year and the last brought, lot by lot.

Belongs here: the closed lots of taxable accounts as the ledger judges them: those of groups that it
matched, and all others as the custodian states them. Does not belong here: matching (`engine`), the
form they are reported on and the comparison with the custodian (fct_realized_gains).
Sources: IRC 1001, 1091, 1222, 1223; a year is told until its return is filed, hence two of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from python_steps.frames import table_from_records
from python_steps.taxes.holding_period import long_term_from_column
from python_steps.wash_sales.book import NOBODY, Book, Mask, Rows, dates_of, mask_of
from python_steps.wash_sales.group_events import STATED_TERMS
from python_steps.wash_sales.tables import REALIZED_LOTS

_ONE_DAY = np.timedelta64(1, "D")


def realized_lots(book: Book, matched: Sequence[dict[str, Any]]) -> pa.Table:
    """Every disposal of a taxable account in the tax year of the planned trade date or the last.

    Args:
        book: the night's input.
        matched: rows of REALIZED_LOTS of the groups that the ledger matched.

    Returns:
        REALIZED_LOTS by account, closed lot and part. `cost_basis` is after earlier wash sales;
        `recognized_gain` is proceeds less basis plus the disallowed loss, null where either is
        unknown. Losses disallowed are positive.
    """
    first_day = date(book.planned_trade_date.year - 1, 1, 1)
    own = [row for row in matched if row["disposal_date"] >= first_day]
    told = pa.array(
        sorted({f"{row['account_id']}|{row['closed_lot_key']}" for row in matched}), pa.string()
    )
    closed = book.closed_lots
    names = pc.binary_join_element_wise(
        closed.table.column("account_id").cast(pa.string()),
        closed.table.column("closed_lot_key").cast(pa.string()),
        "|",
    )
    days = closed.dates("disposal_date")
    is_recent = ~np.isnat(days) & (days >= np.datetime64(first_day, "D"))
    in_book = closed.account != NOBODY
    is_taxable = np.zeros(len(days), dtype=bool)
    is_taxable[in_book] = book.is_taxable[closed.account[in_book]]
    others = closed.where(is_recent & is_taxable & ~mask_of(pc.is_in(names, value_set=told)))
    whole = pa.concat_tables([_as_stated(book, others), table_from_records(own, REALIZED_LOTS)])
    order = [(name, "ascending") for name in ("account_id", "closed_lot_key", "part")]
    return whole.sort_by(order).combine_chunks()


def _as_stated(book: Book, closed: Rows) -> pa.Table:
    """Closed lots that no wash sale of the household touches: the custodian's own numbers.

    A loss that the custodian disallowed is among them only in accounts outside the ledger.
    """
    table, count = closed.table, len(closed.table)
    money = REALIZED_LOTS.field("proceeds").type
    proceeds, basis = (table.column(name).cast(money) for name in ("proceeds", "cost_basis"))
    gain = table.column("realized_gain").cast(money)
    basis = pc.coalesce(basis, pc.subtract(proceeds, gain).cast(money))
    proceeds = pc.coalesce(proceeds, pc.add(basis, gain).cast(money))
    households = [account.household_id for account in book.accounts]
    nothing = pa.repeat(pa.scalar(Decimal(0), money), count)
    result = pc.coalesce(pc.subtract(proceeds, basis).cast(money), gain)
    kept = _kept(table, result, closed.match_key == NOBODY)
    return pa.table(
        {
            "account_id": table.column("account_id").cast(pa.string()),
            "household_id": pa.array(
                [households[place] for place in closed.account.tolist()], pa.string()
            ),
            "closed_lot_key": table.column("closed_lot_key").cast(pa.string()),
            "part": pa.repeat(pa.scalar(1, pa.int32()), count),
            "security_id": table.column("security_id").cast(pa.string()),
            "quantity": pc.abs(table.column("quantity")).cast(REALIZED_LOTS.field("quantity").type),
            "acquisition_date": table.column("acquisition_date").cast(pa.date32()),
            "holding_period_start_date": table.column("acquisition_date").cast(pa.date32()),
            "disposal_date": table.column("disposal_date").cast(pa.date32()),
            "proceeds": proceeds,
            "cost_basis": basis,
            "disallowed_loss": kept,
            "permanently_disallowed_loss": nothing,
            "recognized_gain": pc.add(result, kept).cast(money),
            "term": _terms(table),
            "custodian_disallowed_kept": kept,
            "history_from_date": pa.array(
                [
                    book.history_of_group(book.accounts[place].account_id)
                    for place in closed.account.tolist()
                ],
                pa.date32(),
            ),
        },
        schema=REALIZED_LOTS,
    )


def _kept(closed: pa.Table, result: Any, is_outside_ledger: Mask) -> pa.ChunkedArray:
    """What the custodian disallowed in accounts that the ledger leaves out: nobody else judges it.

    Never more than the loss.
    """
    money = REALIZED_LOTS.field("disallowed_loss").type
    none = pa.scalar(Decimal(0), money)
    stated = pc.abs(pc.fill_null(closed.column("disallowed_loss"), none)).cast(money)
    loss = pc.negate(pc.min_element_wise(pc.fill_null(result, none), none)).cast(money)
    kept = pc.min_element_wise(stated, loss).cast(money)
    return pc.if_else(pa.array(is_outside_ledger), kept, none)


def _terms(closed: pa.Table) -> pa.ChunkedArray | pa.Array:
    """By the dates; the custodian's word where they cannot tell.

    That is where no acquisition date is known, and where a lot dated within the year is called
    long: it was inherited (IRC 1223(9)) or holds somebody else's days (1223(2)-(3)). On the eve of
    the first long day that word may be a miscount: the dates decide.
    """
    bought, sold = dates_of(closed, "acquisition_date"), dates_of(closed, "disposal_date")
    is_known = ~np.isnat(bought)
    is_long = np.zeros(len(bought), dtype=bool)
    long_from = long_term_from_column(bought[is_known])
    is_long[is_known] = long_from <= sold[is_known]
    stated = pc.utf8_lower(closed.column("term").cast(pa.string()))
    is_word = pc.is_in(stated, value_set=pa.array(STATED_TERMS))
    stated = pc.if_else(is_word, stated, pa.scalar(None, pa.string()))
    is_called_long = mask_of(pc.fill_null(pc.equal(stated, "long"), False))
    is_long[is_known] |= is_called_long[is_known] & (sold[is_known] < long_from - _ONE_DAY)
    return pc.if_else(pa.array(is_known), pc.if_else(pa.array(is_long), "long", "short"), stated)
