"""Losses on fund shares held six months or less that distributions change: told, not applied.

Belongs here: which of the book's losses IRC 852(b)(4) may change, and by how much at most. Does not
belong here: the rule's arithmetic (`taxes.special_basis`), the ledger. It is told only, because the
files say what an account received, not which shares it came to, nor whether a fund declares its
dividends daily.
Sources: IRC 852(b)(4)(A), (B), (E); 852(b)(4)(C) with 246(c)(3): own days only, none tacked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from python_steps.taxes.special_basis import held_six_months_or_less, six_month_fund_loss
from python_steps.wash_sales.book import NOBODY, Book, is_positive

NOTHING = Decimal(0)
LONG_TERM_DISTRIBUTION = "CAP_GAIN_LT"
DIVIDEND = "DIVIDEND"
# Between the record date of a distribution and its payment.
PAYMENT_LAG_DAYS = 10

Row = dict[str, Any]
Position = tuple[str, str]


class FundLossFinding(NamedTuple):
    """One loss that the rule may change: whose, what and the sentence."""

    household_id: str
    subject: str
    message: str


def find_fund_losses(book: Book, realized: pa.Table) -> Iterator[FundLossFinding]:
    """Losses on fund shares held six months or less whose account received distributions.

    Args:
        book: the night's input; transactions give the distributions.
        realized: REALIZED_LOTS; a loss that a wash sale disallows is none.

    Yields:
        One finding for each closed lot, in the order of `realized`.
    """
    losses = [row for row in _losses(realized) if _may_change(book, row)]
    if not losses:
        return
    received = _distributions(book, {(row["account_id"], row["security_id"]) for row in losses})
    for row in losses:
        finding = _finding(book, row, received.get((row["account_id"], row["security_id"]), []))
        if finding is not None:
            yield finding


def _losses(realized: pa.Table) -> list[Row]:
    result = realized.column("recognized_gain")
    rows: list[Row] = realized.filter(pc.less(result, pa.scalar(NOTHING, result.type))).to_pylist()
    return rows


def _may_change(book: Book, row: Row) -> bool:
    security = book.security_by_id.get(row["security_id"])
    acquired = row["acquisition_date"]
    return (
        security is not None
        and security.is_fund
        and acquired is not None
        and held_six_months_or_less(acquired, row["disposal_date"])
    )


def _distributions(book: Book, positions: set[Position]) -> dict[Position, list[Row]]:
    moves = book.transactions
    chosen = moves.where(
        moves.text_in("transaction_type", (LONG_TERM_DISTRIBUTION, DIVIDEND))
        & is_positive(moves.table.column("net_amount"))
        & (moves.account != NOBODY)
        & ~np.isnat(moves.dates("transaction_date"))
    )
    received: dict[Position, list[Row]] = defaultdict(list)
    for row in chosen.table.to_pylist():
        position = (row["account_id"], row["security_id"])
        if position in positions:
            received[position].append(row)
    return received


def _finding(book: Book, row: Row, received: list[Row]) -> FundLossFinding | None:
    security, account = (
        book.security_by_id[row["security_id"]],
        book.account_by_id[row["account_id"]],
    )
    is_exempt = security.is_exempt_interest_fund
    held = (row["acquisition_date"], row["disposal_date"])
    change = six_month_fund_loss(
        loss=row["recognized_gain"],
        is_held_six_months_or_less=True,
        is_long_term=False,
        long_term_distribution=_sum(received, LONG_TERM_DISTRIBUTION, held),
        exempt_interest_dividend=_sum(received, DIVIDEND, held) if is_exempt else NOTHING,
    )
    if not change.is_affected:
        return None
    parts = []
    if change.disallowed_loss:
        parts.append(
            f"up to ${-change.disallowed_loss:,.2f} of it is disallowed by exempt-interest "
            "dividends, unless the fund declares them daily"
        )
    if change.long_loss:
        parts.append(
            f"up to ${-change.long_loss:,.2f} of it is long-term by capital gain distributions"
        )
    return FundLossFinding(
        account.household_id,
        f"{security.label} in {account.label}",
        f"{security.label} bought on {held[0]} was sold on {held[1]} in {account.label} at a loss "
        f"of ${-row['recognized_gain']:,.2f} within six months: {' and '.join(parts)} (IRC "
        "852(b)(4)), as far as the account received them on these shares.",
    )


def _sum(received: list[Row], kind: str, held: tuple[date, date]) -> Decimal:
    amounts = (
        row["net_amount"]
        for row in received
        if row["transaction_type"] == kind
        and held[0] < row["transaction_date"]
        # What was declared while the shares were held is often paid after they are sold.
        and (row["transaction_date"] - held[1]).days <= PAYMENT_LAG_DAYS
    )
    return sum(amounts, NOTHING)
