"""A release of orders for people at a terminal, and as plain values for a program.

Belongs here: words and layout. Does not belong here: which orders there are (`orders`).
"""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestration.orders import Release
from python_steps.orders.blocks import Block

_COLUMNS = ("wave", "custodian", "side", "ticker", "shares", "dollars", "limit", "accounts", "how")
_NUMBERS = ("wave", "shares", "dollars", "limit", "accounts")


def show_release(console: Console, release: Release) -> None:
    """Print the orders, where their files are, and what was kept back."""
    if release.blocks:
        table = Table()
        for column in _COLUMNS:
            table.add_column(column, justify="right" if column in _NUMBERS else "left")
        for block in release.blocks:
            table.add_row(*(Text(text) for text in _cells(block)))
        console.print(table)
    for line in _sentences(release):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def release_as_mapping(release: Release) -> dict[str, Any]:
    """The release as plain values."""
    return {
        "release": release.number if release.folder else None,
        "folder": str(release.folder) if release.folder else None,
        "orders": [
            {
                "block_id": block.block_id,
                **dict(zip(_COLUMNS, _cells(block), strict=True)),
                "trades": [trade.trade_id for trade in block.trades],
            }
            for block in release.blocks
        ],
        "not_released": [one.__dict__ for one in release.not_released],
    }


def _sentences(release: Release) -> list[str]:
    orders, trades = len(release.blocks), sum(len(block.trades) for block in release.blocks)
    if release.folder:
        told = [f"release {release.number}: {trades} trades in {orders} orders: {release.folder}"]
    elif release.blocks:
        told = [f"{trades} trades in {orders} orders would leave; nothing was written"]
    else:
        told = ["no approved trade waits to be released"]
    return told + [
        f"not released, household {one.household_id} (plan {one.plan_id}): {one.reason}"
        for one in release.not_released
    ]


def _cells(block: Block) -> tuple[str, ...]:
    limit = block.limit_price
    return (
        str(block.wave),
        block.custodian,
        block.action,
        block.security.ticker,
        f"{block.quantity.normalize():,f}",
        f"{block.notional:,.2f}",
        "" if limit is None else f"{limit.normalize():,f}",
        str(len({trade.account_id for trade in block.trades})),
        " ".join(block.advice),
    )
