"""Which trades are worth their tickets together: branch and bound over trades that happen or not.

Belongs here: the search among trades that slope scaling has used in any of its rounds; that is
where the best plan nearly always is, while leaving out one trade at a time misses what only several
trades together would save. Does not belong here: slope scaling, the worth of a single trade
(`repair`), least sizes (`minimum_trades`). Limits count programs, never time. Thousand dollars.

A trade that is not decided pays its ticket by size: all of it at the largest size that any round
gave it, which is its bound here. So a program costs at most what the best plan of its part does, as
long as no trade is larger there than it was in every round.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from python_steps.optimizer.linear_model import Floats
from python_steps.optimizer.minimum_trades import enlarged_or_closed, no_trades
from python_steps.optimizer.trade_groups import NEGLIGIBLE, Mask
from python_steps.optimizer.workbench import Plan, Workbench

# By measurement on 72 typical households with tickets of $25, whose plans were $16.70 above the
# best before: 20 programs leave $9.00 of that on the mean, 40 leave $7.50, 60 $5.90, 100 $5.00.
MOST_PROGRAMS = 40
# What promises less than two dollars is not followed. By the same measurement, nothing and five
# dollars leave as much to within sixty cents; this ends the searches of easy households earlier.
_TOLERANCE = 0.002


class _Node(NamedTuple):
    """A part of the choices: what it costs at least, and which trades may happen or are paid for.

    `number` makes the order of equally good parts that in which they were made.
    """

    bound: float
    number: int
    plan: Plan
    is_open: Mask
    is_paid: Mask


def better_choice(
    bench: Workbench, best: Plan, seen: Sequence[Plan], most_programs: int = MOST_PROGRAMS
) -> Plan:
    """The best plan found among the trades of several plans, the one to beat included.

    Args:
        bench: the workbench.
        best: the plan to beat, which keeps to every least size.
        seen: solutions whose trades are chosen from, with or without least sizes.
        most_programs: programs after which no further part is opened.
    """
    return _Choice(bench, best, seen, most_programs).best()


class _Choice:
    """One search: parts that wait, and the best plan so far."""

    def __init__(
        self, bench: Workbench, best: Plan, seen: Sequence[Plan], most_programs: int
    ) -> None:
        trades = bench.trades
        sizes = np.max([plan.sizes for plan in (best, *seen)], axis=0)
        largest = np.maximum(sizes, trades.least)
        is_known = (sizes > NEGLIGIBLE) & np.isfinite(largest)
        self._bench = bench
        self._best = best
        self._may_happen: Mask = (sizes > NEGLIGIBLE) | trades.is_forced
        self._largest = largest
        self._rates: Floats = np.divide(
            trades.tickets, largest, out=np.zeros(len(largest)), where=is_known
        )
        self._end = bench.solved() + most_programs
        self._waiting: list[_Node] = []
        self._numbers = itertools.count()

    def best(self) -> Plan:
        """Search to the end."""
        self._plunge(self._node(self._may_happen, self._bench.trades.is_forced))
        while self._waiting and self._may_go_on():
            self._plunge(heapq.heappop(self._waiting))
        return self._best

    def _plunge(self, node: _Node | None) -> None:
        """Branch on a part, then on its better half, as long as it promises something."""
        while node is not None and self._promises(node) and self._may_go_on():
            self._offer(node.plan)
            number = self._least_certain(node)
            node = None if number is None else self._better_half(node, number)

    def _better_half(self, node: _Node, number: int) -> _Node | None:
        """Without the trade, or with its ticket paid; the worse half waits."""
        is_open, is_paid = node.is_open.copy(), node.is_paid.copy()
        is_open[number], is_paid[number] = False, True
        halves = [self._node(is_open, node.is_paid), self._node(node.is_open, is_paid)]
        solved = sorted((half for half in halves if half is not None), key=lambda half: half[:2])
        for half in solved[1:]:
            heapq.heappush(self._waiting, half)
        return solved[0] if solved else None

    def _node(self, is_open: Mask, is_paid: Mask) -> _Node | None:
        rates = np.where(is_paid, 0.0, self._rates)
        plan = self._bench.plan(is_open, no_trades(self._bench.trades), rates)
        if plan is None:
            return None
        tickets = float(self._bench.trades.tickets[is_open & is_paid].sum())
        so_far = float((rates * np.minimum(plan.sizes, self._largest)).sum())
        bound = plan.objective + tickets + so_far
        return _Node(bound, next(self._numbers), plan, is_open, is_paid)

    def _least_certain(self, node: _Node) -> int | None:
        """The trade that pays the least of its ticket; None where all pay next to all of it."""
        happens = node.plan.sizes > NEGLIGIBLE
        unpaid = self._bench.trades.tickets - self._rates * node.plan.sizes
        unpaid = np.where(happens & ~node.is_paid, unpaid, 0.0)
        number = int(np.argmax(unpaid))
        return number if unpaid[number] > 0.0 else None

    def _offer(self, plan: Plan) -> None:
        """The plan of a part's trades, each at its least size, if that may be the best so far."""
        if not self._is_better(plan):
            return
        trades = self._bench.trades
        support = (plan.sizes > NEGLIGIBLE) | trades.is_forced
        found = enlarged_or_closed(self._bench, support, no_trades(trades))
        if found is not None and self._is_better(found):
            self._best = found

    def _is_better(self, plan: Plan) -> bool:
        return plan.total < self._best.total - _TOLERANCE

    def _promises(self, node: _Node) -> bool:
        return node.bound < self._best.total - _TOLERANCE

    def _may_go_on(self) -> bool:
        return self._bench.solved() + 2 <= self._end
