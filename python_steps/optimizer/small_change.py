"""What the change that whole shares leave over still buys: a share more where the model gains most.

Belongs here: the worth of one more share of a purchase, by the model's prices of drift and of money
left idle, and buying as long as it is worth something. Does not belong here: the shares of the
solution itself (`rounding`), what an account may pay (`ledger`). Each purchase of the solution is
rounded down, so that an account may be left with more than a share of the cheapest; and a class
that needed the part of a share that was lost is worth more than one that is where it should be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from python_steps.optimizer.cash_rows import idle_cash_row
from python_steps.optimizer.core_problem import CoreProblem
from python_steps.optimizer.linear_model import DOLLARS_PER_UNIT
from python_steps.optimizer.model_assembly import CoreModel
from python_steps.planning.ledger import PlanLedger
from python_steps.planning.plan import BUY, Purpose

NOTHING = Decimal(0)
# A share more is bought for more than this, thousand dollars: less may be rounding.
LEAST_WORTH = 0.01 / DOLLARS_PER_UNIT
# A share more per purchase is what rounding lost; the rest is for the smallest of them. By
# measurement on 60 typical households, shares cost $4.80 of the objective on the mean with it,
# $5.60 where no purchase may exceed the solution's by a share, and $6.70 where only half a lost
# share is bought again.
ROUNDS_PER_PURCHASE = 2

Place = tuple[str, str]
"""Account and security."""


class _Share(NamedTuple):
    """One more share (or the part of one that is left) of a purchase that the plan makes."""

    account_id: str
    security_id: str
    dollars: Decimal


def spend_small_change(
    ledger: PlanLedger, core: CoreModel, purposes: Mapping[Place, Purpose]
) -> None:
    """Buy more of what the plan buys, a share at a time, while the model gains by it.

    An account may pay a little more than it does in the solution, which counts on the impact of
    large orders.

    Args:
        ledger: the plan so far; it is added to.
        core: the household's model.
        purposes: what each purchase of the plan is for.
    """
    places = [
        place
        for place in purposes
        if ledger.order_of(*place, BUY) is not None
        # What the losses of a harvest brought is spent; other cash is not for it.
        and not core.problem.may_harvest(place[0])
    ]
    if not places:
        return
    worth = _Worth(core, ledger)
    shares = list(_affordable(ledger, core.problem, places))
    for _ in range(ROUNDS_PER_PURCHASE * len(places)):
        gains = [worth.of(share, ledger) for share in shares]
        if max(gains, default=0.0) <= LEAST_WORTH:
            return
        share = shares[gains.index(max(gains))]
        security = core.problem.security(share.security_id)
        purpose = purposes[share.account_id, share.security_id]
        price = security.price or NOTHING
        bought = float(ledger.buy(share.account_id, security, price, purpose))
        worth.add(share, bought)
        # What other accounts can pay is as before; only a limit may have become too narrow.
        there = [place for place in places if place[0] == share.account_id]
        shares = [
            *(each for each in shares if each.account_id != share.account_id),
            *_affordable(ledger, core.problem, there),
        ]
        shares = [each for each in shares if _has_room(ledger, core.problem, each)]


def _affordable(
    ledger: PlanLedger, problem: CoreProblem, places: Iterable[Place]
) -> Iterable[_Share]:
    """A share more of every purchase that its account can pay and a limit allows."""
    for account_id, security_id in places:
        security = problem.security(security_id)
        if security.price is None:
            continue
        quantity = ledger.affordable(account_id, security, security.price)
        share = _Share(account_id, security_id, quantity * security.price)
        if quantity > 0 and _has_room(ledger, problem, share):
            yield share


def _has_room(ledger: PlanLedger, problem: CoreProblem, share: _Share) -> bool:
    """Whether a concentration limit leaves room for a purchase beyond the solution's."""
    room = problem.index.room_under_limit(share.security_id)
    if room is None:
        return True
    for order in ledger.orders.values():
        if order.security_id == share.security_id and order.action == BUY:
            room -= order.notional
    return share.dollars <= room


class _Worth:
    """What dollars more of a purchase are worth beside the plan so far, thousand dollars."""

    def __init__(self, core: CoreModel, ledger: PlanLedger) -> None:
        model, problem = core.model, core.problem
        self._core = core
        names = dict(zip(model.column_names, model.cost.tolist(), strict=True))
        self._idle_prices = {
            account.account_id: names.get(idle_cash_row(account.account_id), 0.0)
            for account in problem.household.accounts
        }
        self._column = {
            purchase[:2]: column
            for purchase, column in zip(problem.purchases, core.purchase_columns, strict=True)
        }
        self._priced = {
            int(model.rows[model.starts[column]]): each
            for each in core.deviations
            for column in (*each.above, *each.below)[:1]
        }
        values = np.zeros(model.column_count)
        for column, amount in amounts_by_column(core, ledger).items():
            values[column] = amount
        self._traded = model.row_activities(values)
        self._before = {
            account.account_id: max(NOTHING, problem.start.cash(account.account_id))
            for account in problem.household.accounts
        }

    def of(self, share: _Share, ledger: PlanLedger) -> float:
        """What the objective falls by with a share more."""
        column, amount = self._place(share, float(share.dollars))
        worth = -float(self._core.model.cost[column]) * amount
        for row, weight in self._entries(column):
            was = float(self._traded[row])
            worth += self._drift(row, was) - self._drift(row, was + weight * amount)
        idle = float(ledger.cash(share.account_id) - self._before[share.account_id])
        saved = min(max(idle, 0.0) / DOLLARS_PER_UNIT, amount)
        return float(worth + self._idle_prices[share.account_id] * saved)

    def add(self, share: _Share, dollars: float) -> None:
        """So much of it has been bought."""
        column, amount = self._place(share, dollars)
        for row, weight in self._entries(column):
            self._traded[row] += weight * amount

    def _place(self, share: _Share, dollars: float) -> tuple[int, float]:
        return self._column[share.account_id, share.security_id], dollars / DOLLARS_PER_UNIT

    def _entries(self, column: int) -> Iterable[tuple[int, float]]:
        """Rows of drift that a column is in, with its weight."""
        model = self._core.model
        for entry in range(model.starts[column], model.starts[column + 1]):
            row = int(model.rows[entry])
            if row in self._priced:
                yield row, float(model.values[entry])

    def _drift(self, row: int, traded: float) -> float:
        """Price of a target's distance, whose row is met by what stands above and below it."""
        deviation, model = self._priced[row], self._core.model
        distance = traded - float(model.row_lower[row])
        columns: Sequence[int] = deviation.above if distance > 0 else deviation.below
        left, price = abs(distance), 0.0
        for column in columns:
            part = min(left, float(model.upper[column]))
            price += part * float(model.cost[column])
            left -= part
        return price


def amounts_by_column(core: CoreModel, ledger: PlanLedger) -> dict[int, float]:
    """By column of each possible trade what the shares traded come to, thousand dollars."""
    problem = core.problem
    amounts: dict[int, float] = {}
    for sale, column in zip(problem.sales, core.sale_columns, strict=True):
        quantity = ledger.sold_lots.get(sale.lot.lot_id)
        if quantity is None:
            amounts[column] = 0.0
            continue
        price = problem.security(sale.security_id).price or NOTHING
        amounts[column] = float(quantity * price) / DOLLARS_PER_UNIT
    for purchase, column in zip(problem.purchases, core.purchase_columns, strict=True):
        order = ledger.order_of(purchase.account_id, purchase.security_id, BUY)
        notional = NOTHING if order is None else order.notional
        amounts[column] = float(notional) / DOLLARS_PER_UNIT
    return amounts
