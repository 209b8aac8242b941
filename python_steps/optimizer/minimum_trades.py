"""No trade below its least size: enlarge, close, and search where that is dear.

Belongs here: keeping a plan's trades to their least sizes with every wash-sale switch fixed. Does
not belong here: which size is the least (`trade_groups`), tickets and values of trades (`repair`).
Limits count programs, never time. Thousand dollars.
"""

from __future__ import annotations

import heapq
import itertools
import math

import numpy as np

from python_steps.optimizer.trade_groups import SIZE_TOLERANCE, SOLVER_NOISE, Mask, TradeSizes
from python_steps.optimizer.workbench import Plan, Workbench

# Rounds in which trades are decided a few at a time; after them, all at once. A third at a time
# leaves one in fifty after ten rounds, so that only a household of thousands needs the last ones.
ROUNDS = 20
AT_ONCE, AT_ONCE_SHARE = 3, 1 / 3
# Where few trades are too small and minimums cost more than this, other choices than the simple
# ones are searched for: among the open trades first, then among all. Fifty dollars are half of what
# a plan may lie above the best one. By measurement on 55 typical households, half and twice as many
# programs find the same plans.
DEAR = 0.05
FEW = 20
SEARCH_PROGRAMS = 100
WIDE_SEARCH_PROGRAMS = 200
# What a search's result may lie above the best one it could find.
_TOLERANCE = 0.001


def no_trades(trades: TradeSizes) -> Mask:
    """A mask that chooses none of the trades."""
    return np.zeros(len(trades.groups), dtype=bool)


def tradable(trades: TradeSizes) -> Mask:
    """Trades that can reach their least size, or that the model itself demands."""
    return trades.can_reach_least() | trades.is_forced


def with_minimum_trades(bench: Workbench, is_open: Mask) -> Plan | None:
    """The best plan found among open trades in which each is at least its least size, or none."""
    nothing = no_trades(bench.trades)
    start = bench.plan(is_open, nothing)
    if start is None:
        return None
    count = int(too_small(bench.trades, start).sum())
    if not count:
        return start
    plan = enlarged_or_closed(bench, is_open, nothing)
    if count > FEW and plan is not None:
        return plan
    if _is_dear(plan, start):
        plan = _Search(bench, plan, SEARCH_PROGRAMS).best_of(is_open)
    if _is_dear(plan, start):
        plan = _Search(bench, plan, WIDE_SEARCH_PROGRAMS).best_of(tradable(bench.trades))
    return plan


def _is_dear(plan: Plan | None, start: Plan) -> bool:
    return plan is None or plan.total - start.total > DEAR


def too_small(trades: TradeSizes, plan: Plan) -> Mask:
    """Trades that happen below their least size and are not decided yet."""
    happens = plan.sizes > SOLVER_NOISE
    is_small: Mask = happens & (plan.sizes < trades.least - SIZE_TOLERANCE)
    return is_small & plan.is_open & ~plan.is_floored


def enlarged_or_closed(bench: Workbench, is_open: Mask, is_floored: Mask) -> Plan | None:
    """A plan among open trades in which each is at least its least size, or none.

    In every round the smallest third of the trades below their least size is decided for good, so
    that the others can take over what they did: those at half of the least size or more are
    enlarged, the others closed. Where the enlarged ones do not fit together, those that
    need not grow are closed instead, and only where that does not help the others, too; then the
    other sales that may raise the cash of their accounts are open again. Where even that does not
    fit, everything enlarged in earlier rounds is closed.
    """
    trades = bench.trades
    enlarged = needed = tried = no_trades(trades)
    for round_number in itertools.count():
        plan = bench.plan(is_open, is_floored)
        if plan is None and enlarged.any():
            optional = enlarged & ~needed
            closed = optional if optional.any() else enlarged
            tried = tried | closed
            others = no_trades(trades) if optional.any() else trades.beside(closed)
            is_open, is_floored = (is_open | others) & ~tried, is_floored & ~closed
            enlarged = enlarged & ~closed
        elif plan is None and is_floored.any():
            tried = tried | is_floored
            is_open, is_floored = is_open & ~tried, no_trades(trades)
        elif plan is None:
            return None
        else:
            small = too_small(trades, plan)
            if not small.any():
                return plan
            decided = _smallest(trades, plan, small) if round_number < ROUNDS else small
            needed = decided & _to_enlarge(trades, plan, small, may_grow=False)
            enlarged = decided & _to_enlarge(trades, plan, small, may_grow=True)
            is_open, is_floored = is_open & ~(decided & ~enlarged), is_floored | enlarged
    raise AssertionError("every round decides a trade for good, so the rounds end")


def _smallest(trades: TradeSizes, plan: Plan, small: Mask) -> Mask:
    """A third of the trades that are too small, and at least three: the smallest of them."""
    count = max(AT_ONCE, math.ceil(AT_ONCE_SHARE * int(small.sum())))
    share = np.divide(plan.sizes, trades.least, out=np.full(len(trades.least), np.inf), where=small)
    smallest = no_trades(trades)
    smallest[np.argsort(share, kind="stable")[:count]] = True
    return smallest & small


def _to_enlarge(trades: TradeSizes, plan: Plan, small: Mask, *, may_grow: bool) -> Mask:
    """Of the trades that are too small those that are enlarged; the others are closed."""
    sizes = plan.sizes
    can_grow = small & trades.can_reach_least()
    enlarged = can_grow & trades.is_forced
    if may_grow:
        enlarged |= can_grow & (sizes >= trades.least / 2)
    largest: dict[str, int] = {}
    for number in np.flatnonzero(can_grow & trades.must_grow).tolist():
        account = trades.accounts[number]
        if account not in largest or sizes[number] > sizes[largest[account]]:
            largest[account] = number
    enlarged[list(largest.values())] = True
    return enlarged


class _Search:
    """Branch and bound: every trade that is too small is either closed or enlarged."""

    def __init__(self, bench: Workbench, best: Plan | None, most_programs: int) -> None:
        self._bench = bench
        self._best = best
        self._end = bench.solved() + most_programs
        self._waiting: list[tuple[float, int, Plan]] = []
        self._numbers = itertools.count()

    def best_of(self, is_open: Mask) -> Plan | None:
        """The best plan found among open trades, the one to beat included."""
        self._plunge(self._node(is_open, no_trades(self._bench.trades)))
        while self._waiting and self._bench.solved() < self._end:
            self._plunge(heapq.heappop(self._waiting))
        return self._best

    def _plunge(self, node: tuple[float, int, Plan] | None) -> None:
        """Branch on a node, then on its better child, as long as they promise something."""
        while node is not None and self._bench.solved() < self._end:
            bound, _, plan = node
            if self._best is not None and bound >= self._best.total - _TOLERANCE:
                return
            small = too_small(self._bench.trades, plan)
            if not small.any():
                self._offer(plan)
                return
            node = self._better_child(plan, small)

    def _offer(self, plan: Plan) -> None:
        if self._best is None or plan.total < self._best.total:
            self._best = plan

    def _better_child(self, plan: Plan, small: Mask) -> tuple[float, int, Plan] | None:
        """Close or enlarge the trade that is furthest from both; the worse child waits."""
        trades = self._bench.trades
        distance = np.minimum(plan.sizes, trades.least - plan.sizes)
        chosen = no_trades(trades)
        chosen[int(np.argmax(np.where(small, distance, -1.0)))] = True
        children = []
        if not (chosen & trades.is_forced).any():
            children.append(self._node(plan.is_open & ~chosen, plan.is_floored))
        if (chosen & trades.can_reach_least()).any():
            children.append(self._node(plan.is_open, plan.is_floored | chosen))
        solved = sorted(child for child in children if child is not None)
        for child in solved[1:]:
            heapq.heappush(self._waiting, child)
        return solved[0] if solved else None

    def _node(self, is_open: Mask, is_floored: Mask) -> tuple[float, int, Plan] | None:
        plan = self._bench.plan(is_open, is_floored)
        if plan is None:
            return None
        bound = plan.objective + float(self._bench.trades.tickets[is_floored].sum())
        return bound, next(self._numbers), plan
