"""What an account's custodian would list as activity and cash, from the account's history.

Belongs here: the transactions of a span of sessions and the cash balance of a session, consistent
with one another and with the lots. Does not belong here: the choice of trades, file layouts.
Balances are stated on the demo session; on any other session they differ by exactly the net
amounts of the transactions between, so a roll-forward foots to the cent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from python_steps.demo_book.ledger import SHARE_UNITS, Position, amount_in_cents
from python_steps.demo_book.market import Market
from python_steps.demo_book.model import Account
from python_steps.demo_book.universe import universe

MICROS_PER_CENT = 10_000


class Transaction(NamedTuple):
    """One line of activity; amounts in cents, quantities in ten-thousandths of a share."""

    session_index: int
    transaction_type: str
    ticker: str  # '' for pure cash
    quantity: int  # signed, plus is in
    price: int
    net_amount: int  # signed, plus is cash in
    transaction_id: str
    description: str


def transactions_between(
    account: Account, market: Market, first: int, last: int
) -> list[Transaction]:
    """Every transaction of sessions `first` to `last`, both included, in a fixed order."""
    found = [
        Transaction(
            event.session_index,
            event.transaction_type,
            "",
            0,
            0,
            event.amount,
            event.transaction_id,
            event.description,
        )
        for event in account.cash_events
        if first <= event.session_index <= last
    ]
    for position in account.positions:
        found.extend(_position_transactions(account, position, market, first, last))
    found.sort(key=lambda one: (one.session_index, one.transaction_id))
    return found


def cash_on(account: Account, market: Market, session_index: int) -> int:
    """Trade-date cash in cents at the close of a session."""
    demo = market.demo_index
    if session_index == demo:
        return account.cash
    if session_index > demo:
        return account.cash + _net(account, market, demo + 1, session_index)
    return account.cash - _net(account, market, session_index + 1, demo)


def unsettled_amount(account: Account, market: Market, session_index: int) -> int:
    """Net cents of the session's own trades, which settle on the next session."""
    return sum(
        one.net_amount
        for one in transactions_between(account, market, session_index, session_index)
        if one.transaction_type in ("BUY", "SELL")
    )


def reinvest_distributions(position: Position, market: Market, first: int) -> None:
    """Record a REINVEST purchase for each distribution from session `first` to the market's end."""
    position.reinvests_from = first
    prices = market.prices[position.ticker]
    for distribution in market.distributions[position.ticker]:
        index = distribution.session_index
        if index < first:
            continue
        held = position.quantity(index - 1)
        bought = held * distribution.per_share_micros // (prices[index] * MICROS_PER_CENT)
        if bought > 0:
            position.buy(index, bought, prices[index], acquisition_type="REINVEST")


def _net(account: Account, market: Market, first: int, last: int) -> int:
    return sum(one.net_amount for one in transactions_between(account, market, first, last))


def _position_transactions(
    account: Account, position: Position, market: Market, first: int, last: int
) -> Iterator[Transaction]:
    ticker = position.ticker
    stem = f"{account.reference}-{position.number:03d}"
    for purchase in position.purchases:
        index = purchase.session_index
        if not first <= index <= last:
            continue
        cost = amount_in_cents(purchase.quantity, purchase.price)
        number = f"{purchase.number:03d}"
        shares = (purchase.quantity, purchase.price)
        if purchase.acquisition_type == "REINVEST":
            yield Transaction(
                index, "DIVIDEND", ticker, 0, 0, cost, f"{stem}-D{number}", "Dividend"
            )
            yield Transaction(
                index, "REINVEST", ticker, *shares, -cost, f"{stem}-R{number}", "Reinvest shares"
            )
            continue
        if purchase.is_funded:
            yield Transaction(
                index, "DEPOSIT", "", 0, 0, cost, f"{stem}-C{number}", "Systematic contribution"
            )
        yield Transaction(index, "BUY", ticker, *shares, -cost, f"{stem}-P{number}", "Buy")
    for sale in position.sales:
        if first <= sale.session_index <= last:
            proceeds = sum(amount_in_cents(part, sale.price) for _, part in sale.taken)
            yield Transaction(
                sale.session_index,
                "SELL",
                ticker,
                -sale.quantity,
                sale.price,
                proceeds,
                f"{stem}-S{sale.number:03d}",
                "Sell",
            )
    yield from _paid_distributions(position, market, first, last, stem)


def _paid_distributions(
    position: Position, market: Market, first: int, last: int, stem: str
) -> Iterator[Transaction]:
    kind = "INTEREST" if universe()[position.ticker].is_cash_equivalent else "DIVIDEND"
    reinvests_from = position.reinvests_from
    for distribution in market.distributions[position.ticker]:
        index = distribution.session_index
        if not first <= index <= last or (reinvests_from is not None and index >= reinvests_from):
            continue
        held = position.quantity(index - 1)
        amount = held * distribution.per_share_micros // (SHARE_UNITS * MICROS_PER_CENT)
        if amount > 0:
            yield Transaction(
                index, kind, position.ticker, 0, 0, amount, f"{stem}-I{index:05d}", kind.title()
            )
