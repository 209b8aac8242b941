"""Block orders: approved trades of many households put together, and how they are traded.

Belongs here: which trades make one order, which orders must wait for others, what to tell the
trader. Does not belong here: file layouts (`order_files`), whether a trade is approved. The firm
crosses nothing: purchases and sales of one security stay two orders, since a cross between clients
needs consent (Advisers Act section 206(3)) and is a prohibited transaction for retirement accounts
(ERISA 406(b); IRC 4975(c)).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from python_steps.orders.approved import (
    BUY,
    SELL,
    ApprovedTrade,
    OrderError,
    Tradable,
    require_whole,
)

FIRST_WAVE = 1
SECOND_WAVE = 2
# Shares of an average day's volume. The impact law of the planner (square root) puts a whole day's
# volume at a day's volatility: a hundredth costs a tenth of it and is hidden among the others; from
# a twentieth on a desk can do better than an order.
_WORKED_FROM = Decimal("0.01")
_DESK_FROM = Decimal("0.05")


class _Shared(NamedTuple):
    """What trades of one block have in common, in the order of sending."""

    wave: int
    custodian: str
    is_purchase: bool
    ticker: str
    security_id: str
    is_in_dollars: bool
    # Without a limit: none, which stands before every limit.
    limit: tuple[Decimal, ...]


class Block(NamedTuple):
    """One order at one custodian and the trades that share it.

    Attributes:
        block_id: the same for the same trades, whenever and wherever it is made.
        wave: 1 may be sent at once; 2 only when the accounts' sales of wave 1 are done.
        custodian: where.
        security: what.
        action: buy or sell.
        is_in_dollars: whether it is an amount instead of a number of shares.
        limit_price: the worst price, or None.
        trades: what each account gets or gives, by account and trade.
        advice: sentences for the trader.
    """

    block_id: str
    wave: int
    custodian: str
    security: Tradable
    action: str
    is_in_dollars: bool
    limit_price: Decimal | None
    trades: tuple[ApprovedTrade, ...]
    advice: tuple[str, ...]

    @property
    def quantity(self) -> Decimal:
        """Shares of all accounts."""
        return sum((trade.quantity for trade in self.trades), Decimal(0))

    @property
    def notional(self) -> Decimal:
        """Dollars of all accounts at the plans' prices."""
        return sum((trade.notional for trade in self.trades), Decimal(0))


def blocks_of(
    trades: Iterable[ApprovedTrade],
    spendable_cash: Mapping[str, Decimal],
    *,
    execution_buffer: Decimal,
) -> list[Block]:
    """Put approved trades together to orders.

    Args:
        trades: approved trades, each once.
        spendable_cash: by account, dollars that purchases may use before anything is sold.
        execution_buffer: price move that purchases must survive, share of the price.

    Returns:
        The blocks in the order of sending: wave, custodian, sales first, ticker. Every trade is in
        exactly one of them.

    Raises:
        OrderError: a trade is not whole, comes twice, or its account's cash is not known.
    """
    approved = sorted(trades, key=lambda trade: (trade.account_id, trade.trade_id))
    seen: set[str] = set()
    for trade in approved:
        require_whole(trade)
        if trade.trade_id in seen:
            raise OrderError(f"trade {trade.trade_id} was approved twice")
        seen.add(trade.trade_id)
    waiting = _accounts_that_wait(approved, spendable_cash, execution_buffer)
    shared: dict[_Shared, list[ApprovedTrade]] = defaultdict(list)
    for trade in approved:
        is_purchase = trade.action == BUY
        key = _Shared(
            wave=SECOND_WAVE if is_purchase and trade.account_id in waiting else FIRST_WAVE,
            custodian=trade.custodian,
            is_purchase=is_purchase,
            ticker=trade.security.ticker,
            security_id=trade.security.security_id,
            is_in_dollars=trade.is_in_dollars,
            limit=() if trade.limit_price is None else (trade.limit_price,),
        )
        shared[key].append(trade)
    sides = {(trade.custodian, trade.security.security_id, trade.action) for trade in approved}
    return [_block(key.wave, members, sides) for key, members in sorted(shared.items())]


def _accounts_that_wait(
    trades: Sequence[ApprovedTrade],
    spendable_cash: Mapping[str, Decimal],
    execution_buffer: Decimal,
) -> set[str]:
    """Accounts whose purchases need the money of their own sales first, or may need it."""
    needed: dict[str, Decimal] = defaultdict(Decimal)
    waiting: set[str] = set()
    for trade in trades:
        if trade.action != BUY:
            continue
        if trade.account_id not in spendable_cash:
            raise OrderError(
                f"trade {trade.trade_id}: the cash of account {trade.account_id} is not known: "
                "nothing may be bought there"
            )
        if trade.estimated_cost is None:
            waiting.add(trade.account_id)
        else:
            needed[trade.account_id] += trade.notional * (1 + execution_buffer)
            needed[trade.account_id] += trade.estimated_cost
    short = {name for name, dollars in needed.items() if dollars > spendable_cash[name]}
    return waiting | short


def _block(wave: int, trades: Sequence[ApprovedTrade], sides: set[tuple[str, str, str]]) -> Block:
    first = trades[0]
    content = "|".join(f"{trade.trade_id}={trade.quantity}" for trade in trades)
    digest = hashlib.sha256(f"{wave}|{first.custodian}|{content}".encode()).hexdigest()
    block = Block(
        block_id=f"B-{digest[:16]}",
        wave=wave,
        custodian=first.custodian,
        security=first.security,
        action=first.action,
        is_in_dollars=first.is_in_dollars,
        limit_price=first.limit_price,
        trades=tuple(trades),
        advice=(),
    )
    other_side = SELL if first.action == BUY else BUY
    is_on_both_sides = (first.custodian, first.security.security_id, other_side) in sides
    return block._replace(advice=tuple(_advice(block, is_on_both_sides=is_on_both_sides)))


def _advice(block: Block, *, is_on_both_sides: bool) -> Iterable[str]:
    """What the trader should know, in the order of importance."""
    if block.wave == SECOND_WAVE:
        yield "Send when the sales of these accounts are done: they pay for it."
    if block.security.is_fund:
        cut_off = block.security.cut_off_time
        yield (
            "The custodian's cut-off is not known: ask before sending."
            if cut_off is None
            else f"Before the cut-off at {cut_off} New York; trades at net asset value."
        )
        return
    if block.limit_price is not None:
        yield f"Wide spread: limit {block.limit_price.normalize():f}, not at the market."
    volume = block.security.average_daily_dollar_volume
    if volume is None or volume <= 0:
        yield "Its volume is not known: ask the desk for a quote."
    elif block.notional >= _WORKED_FROM * volume:
        how = "ask the desk" if block.notional >= _DESK_FROM * volume else "work it over the day"
        yield f"{_percent(block.notional / volume)} of an average day's volume: {how}."
    else:
        yield "In one order, not in the first or last half hour of the session."
    if is_on_both_sides:
        other = "sold" if block.action == BUY else "bought"
        yield f"Also {other} for other accounts tonight: not to be crossed."


def _percent(share: Decimal) -> str:
    return f"{100 * share:.1f} %"
