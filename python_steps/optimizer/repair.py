"""Making an optimum keep to minimum trades and worth its tickets, and pricing every trade.

Belongs here: the steps after the search, with every switch fixed: fewer trades where tickets cost
more than they bring, no trade below its minimum, each trade left out once to see what it is
worth. Does not belong here: rounding to shares, or which trades are allowed at all. Limits count
programs, never time. Thousand dollars throughout.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from python_steps.optimizer.linear_model import UNBOUNDED, Floats, LinearModel
from python_steps.optimizer.linear_programs import LinearPrograms
from python_steps.optimizer.search import fixed_bounds
from python_steps.optimizer.trade_groups import (
    NEGLIGIBLE,
    SIZE_TOLERANCE,
    SOLVER_NOISE,
    Mask,
    TradeGroup,
    TradeSizes,
)

RepairStatus = Literal["repaired", "limited", "infeasible", "failed"]
SLOPE_ROUNDS = 5
MINIMUM_ROUNDS = 10
MOST_PROGRAMS = 400


@dataclass(frozen=True, slots=True)
class Repaired:
    """The plan after repair, thousand dollars.

    Attributes:
        status: `repaired`; `limited` when the programs ran out before every trade was left out
            once (the plan holds, some `trade_values` are absent); `infeasible` when the fixed
            switches allow nothing; `failed` when the solver gave no verdict. In the last two
            cases `values` is empty.
        values: the solution.
        objective: its objective without tickets.
        tickets: what its tickets cost.
        trade_values: by key of each trade, by how much the plan without it would be worse, the
            ticket saved not counted: a trade is worth keeping when this is at least its ticket.
            Infinite where nothing satisfies the model without it. Values of two trades that need
            each other both hold the pair's worth and must not be added up.
        programs_solved: programs this took.
    """

    status: RepairStatus
    values: Floats
    objective: float
    tickets: float
    trade_values: Mapping[str, float]
    programs_solved: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A solution under repair: which trades are open to it, which are held at their least size."""

    values: Floats
    sizes: Floats
    objective: float
    tickets: float
    is_open: Mask
    is_floored: Mask

    @property
    def total(self) -> float:
        """Objective and tickets."""
        return self.objective + self.tickets


class Workbench:
    """A model with its switches fixed, its trades, and the solver that repairs them."""

    def __init__(
        self,
        model: LinearModel,
        programs: LinearPrograms,
        fixed: Mapping[int, float],
        groups: Sequence[TradeGroup],
    ) -> None:
        self.trades = TradeSizes(model, groups)
        self.was_failure = False
        self._model = model
        self._programs = programs
        self._lower, self._upper = fixed_bounds(model, fixed)

    def plan(self, is_open: Mask, is_floored: Mask, surcharge: Floats | None = None) -> Plan | None:
        """The best solution that trades only what is open and of what is floored enough.

        Args:
            is_open: trades that may happen.
            is_floored: trades that must have at least their least size.
            surcharge: cost per trade and thousand dollars that steers the solution; the plan's
                objective is without it.

        Returns:
            None where nothing satisfies this, or the solver gives no verdict.
        """
        trades, model = self.trades, self._model
        lower, upper, floors = self._bounds(is_open, is_floored)
        cost = None
        if surcharge is not None:
            cost = model.cost + trades.spread(surcharge, model.column_count)
        solution = self._programs.solve(lower, upper, cost, floors, with_prices=False)
        if solution.status != "optimal":
            self.was_failure |= solution.status == "failed"
            return None
        values = solution.values
        objective = solution.objective
        if cost is not None:
            objective = float(model.cost @ values) + model.offset
        sizes = trades.sizes(values)
        tickets = trades.ticket_costs(sizes)
        return Plan(values, sizes, objective, tickets, is_open, is_floored)

    def solved(self) -> int:
        """Programs solved on the loaded model so far."""
        return self._programs.programs_solved

    def _bounds(
        self, is_open: Mask, is_floored: Mask
    ) -> tuple[Floats, Floats, dict[tuple[int, ...], float]]:
        trades = self.trades
        lower, upper = self._lower, self._upper.copy()
        closed = trades.columns_of(~is_open)
        upper[closed] = lower[closed]
        floors: dict[tuple[int, ...], float] = {}
        for number in np.flatnonzero(is_floored).tolist():
            columns = trades.groups[number].columns
            floors[columns] = float(min(trades.least[number], trades.most[number]))
        return lower, upper, floors


def repaired(
    model: LinearModel,
    programs: LinearPrograms,
    fixed: Mapping[int, float],
    trades: Sequence[TradeGroup],
    *,
    with_leave_one_out: bool,
    most_programs: int = MOST_PROGRAMS,
) -> Repaired:
    """The best plan found that keeps to every minimum and is worth its tickets.

    Args:
        model: the model loaded into `programs`, or one that differs from it in bounds only.
        programs: the solver.
        fixed: every switch's column with its 0 or 1.
        trades: all trades of the model.
        with_leave_one_out: also leave every trade out once.
        most_programs: programs after which no further trade is left out.
    """
    before = programs.programs_solved
    bench = Workbench(model, programs, fixed, trades)
    plan = slope_scaled(bench)
    if plan is not None:
        plan = with_minimum_trades(bench, plan.is_open, plan.is_floored)
    if plan is None:
        status: RepairStatus = "failed" if bench.was_failure else "infeasible"
        return Repaired(status, np.zeros(0), UNBOUNDED, 0.0, {}, bench.solved() - before)
    worth: dict[int, float] = {}
    status = "repaired"
    if with_leave_one_out:
        plan, worth, is_complete = leave_one_out(bench, plan, before + most_programs)
        status = "repaired" if is_complete else "limited"
    return Repaired(
        status,
        plan.values,
        plan.objective,
        plan.tickets,
        {bench.trades.groups[number].key: worth[number] for number in sorted(worth)},
        bench.solved() - before,
    )


def slope_scaled(bench: Workbench) -> Plan | None:
    """Fewer trades: each pays its ticket in proportion to the size it had in the round before.

    Trades that cannot reach their least size are closed. The result is the round with the best
    objective including tickets, and only the trades of that round stay open.
    """
    trades = bench.trades
    nothing = no_trades(trades)
    is_open = trades.can_reach_least() | trades.is_forced
    best = plan = bench.plan(is_open, nothing)
    if best is None or plan is None:
        return None
    surcharge = np.zeros(len(trades.groups))
    for _ in range(SLOPE_ROUNDS if trades.tickets.any() else 0):
        happens = plan.sizes > NEGLIGIBLE
        surcharge[happens] = trades.tickets[happens] / plan.sizes[happens]
        following = bench.plan(is_open, nothing, surcharge)
        if following is None:
            break
        if following.total < best.total:
            best = following
        if np.array_equal(following.sizes > NEGLIGIBLE, happens):
            break
        plan = following
    return replace(best, is_open=(best.sizes > NEGLIGIBLE) | trades.is_forced)


def with_minimum_trades(bench: Workbench, is_open: Mask, is_floored: Mask) -> Plan | None:
    """The best plan among open trades in which each is at least its least size, or none.

    In every round the trades below their least size are decided for good: those at half of it or
    more are enlarged, the others closed. Where the enlarged ones do not fit together, those that
    need not grow are closed instead, and only where that does not help the others, too; then the
    other sales that may raise the cash of their accounts are open again.
    """
    enlarged = needed = tried = no_trades(bench.trades)
    for round_number in itertools.count():
        plan = bench.plan(is_open, is_floored)
        if plan is None:
            if not enlarged.any():
                return None
            optional = enlarged & ~needed
            closed = optional if optional.any() else enlarged
            tried = tried | closed
            others = no_trades(bench.trades) if optional.any() else bench.trades.beside(closed)
            is_open, is_floored = (is_open | others) & ~tried, is_floored & ~closed
            enlarged = enlarged & ~closed
            continue
        too_small = _too_small(bench.trades, plan)
        if not too_small.any():
            return plan
        needed = _to_enlarge(bench.trades, plan, too_small, may_grow=False)
        enlarged = _to_enlarge(bench.trades, plan, too_small, round_number < MINIMUM_ROUNDS)
        is_open, is_floored = is_open & ~(too_small & ~enlarged), is_floored | enlarged
    raise AssertionError("every round decides a trade for good, so the rounds end")


def _too_small(trades: TradeSizes, plan: Plan) -> Mask:
    """Trades that happen below their least size and are not decided yet."""
    happens = plan.sizes > SOLVER_NOISE
    too_small: Mask = happens & (plan.sizes < trades.least - SIZE_TOLERANCE)
    return too_small & plan.is_open & ~plan.is_floored


def _to_enlarge(trades: TradeSizes, plan: Plan, too_small: Mask, may_grow: bool) -> Mask:
    """Of the trades that are too small those that are enlarged; the others are closed."""
    sizes = plan.sizes
    can_grow = too_small & trades.can_reach_least()
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


def leave_one_out(
    bench: Workbench, plan: Plan, most_solved: int
) -> tuple[Plan, dict[int, float], bool]:
    """Drop trades that are not worth their tickets, and say what each of the others is worth.

    A trade's value is how much worse the best plan found without it is: first every other open
    trade may take any size, and if that costs less than the ticket, the plan without the trade is
    made to keep to the minimum sizes; only then the trade is dropped.

    Args:
        bench: the workbench.
        plan: the plan so far.
        most_solved: programs on the loaded model after which no further trade is left out.

    Returns:
        The plan, value per number of a trade, and whether every trade was left out once.
    """
    waiting = _by_size(plan)
    worth: dict[int, float] = {}
    while waiting and bench.solved() < most_solved:
        number = waiting.pop(0)
        if plan.sizes[number] <= NEGLIGIBLE:
            continue
        without, worsening = _left_out(bench, plan, number)
        if without is None:
            worth[number] = worsening + float(bench.trades.tickets[number])
        else:
            # What the others are worth was measured against a plan that is no longer the best.
            waiting += worth
            worth = {}
            plan = without
    is_complete = all(plan.sizes[number] <= NEGLIGIBLE for number in waiting)
    return plan, worth, is_complete


def _by_size(plan: Plan) -> list[int]:
    """Numbers of the trades, the smallest first: they are the likeliest to be dropped."""
    happening = np.flatnonzero(plan.sizes > NEGLIGIBLE).tolist()
    return sorted(happening, key=lambda number: (plan.sizes[number], number))


def _left_out(bench: Workbench, plan: Plan, number: int) -> tuple[Plan | None, float]:
    """A better plan without a trade, if there is one, and by how much it worsens otherwise."""
    trades = bench.trades
    others = plan.is_open.copy()
    others[number] = False
    if trades.is_forced[number]:
        return None, UNBOUNDED
    freely = bench.plan(others, no_trades(trades))
    if freely is None:
        return None, UNBOUNDED
    worsening = freely.total - plan.total
    if worsening >= 0.0:
        return None, worsening
    without: Plan | None = freely
    if _too_small(trades, freely).any():
        without = with_minimum_trades(bench, others, plan.is_floored & others)
    if without is None:
        return None, UNBOUNDED
    worsening = without.total - plan.total
    return (without, worsening) if worsening < 0.0 else (None, worsening)


def no_trades(trades: TradeSizes) -> Mask:
    """A mask that chooses none of the trades."""
    return np.zeros(len(trades.groups), dtype=bool)
