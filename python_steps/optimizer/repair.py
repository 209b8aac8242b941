"""Making an optimum keep to minimum trades and worth its tickets, and pricing every trade.

Belongs here: the steps after the search: fewer trades where tickets cost more than they bring, no
trade below its minimum (`minimum_trades`), the best of them together (`trade_choice`), each trade
left out once to see what it is worth. Does not belong here: rounding to shares, or which trades are
allowed at all. Limits count programs, never time. Thousand dollars throughout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from python_steps.optimizer.linear_model import UNBOUNDED, Floats, LinearModel
from python_steps.optimizer.linear_programs import LinearPrograms
from python_steps.optimizer.minimum_trades import (
    enlarged_or_closed,
    no_trades,
    too_small,
    tradable,
    with_minimum_trades,
)
from python_steps.optimizer.trade_choice import better_choice
from python_steps.optimizer.trade_groups import NEGLIGIBLE, Mask, TradeGroup, TradeSizes
from python_steps.optimizer.workbench import Plan, Workbench

RepairStatus = Literal["repaired", "limited", "infeasible", "failed"]
# By measurement on 72 typical households: two thirds use all rounds, and the last is the best of
# one in ten.
SLOPE_ROUNDS = 5
# A first surcharge twice as high, and half, leads to other trades: more to choose from. By the
# same measurement, plans are $2 better on the mean than without these starts; four times as high,
# and a quarter, do as well.
OTHER_STARTS = (2.0, 0.5)
OTHER_ROUNDS = 2
# What a dollar that a trade lacks to its least size is expected to cost. By trial: between one and
# two cents leave large households closest to the best plan, and typical ones do not mind.
MISFIT = 0.015
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
        most_programs: programs of leaving trades out after which no further one is.
    """
    before = programs.programs_solved
    bench = Workbench(model, programs, fixed, trades)
    rounds = slope_scaled(bench)
    if rounds and with_leave_one_out:
        rounds += other_starts(bench, rounds[0])
    plan = with_minimum_trades(bench, _support(bench.trades, rounds)) if rounds else None
    if plan is not None and with_leave_one_out:
        plan = better_choice(bench, plan, rounds)
    if plan is None:
        status: RepairStatus = "failed" if bench.was_failure else "infeasible"
        return Repaired(status, np.zeros(0), UNBOUNDED, 0.0, {}, bench.solved() - before)
    worth: dict[int, float] = {}
    status = "repaired"
    if with_leave_one_out:
        plan, worth, is_complete = leave_one_out(bench, plan, most_programs)
        status = "repaired" if is_complete else "limited"
    return Repaired(
        status,
        plan.values,
        plan.objective,
        plan.tickets,
        {bench.trades.groups[number].key: worth[number] for number in sorted(worth)},
        bench.solved() - before,
    )


def slope_scaled(bench: Workbench) -> list[Plan]:
    """Fewer trades: each pays its ticket in proportion to the size it had in the round before.

    A trade below its least size pays more, since enlarging or closing it will cost something. One
    that does not happen pays as if it had the usual size: without that, every round would bring
    new ones. Trades that cannot reach their least size are closed.

    Returns:
        The solution of every round, the first of them without any surcharge; none where the fixed
        switches allow nothing.
    """
    trades = bench.trades
    nothing, is_open = no_trades(trades), tradable(trades)
    plan = bench.plan(is_open, nothing)
    if plan is None:
        return []
    rounds = [plan]
    surcharge = _usual_surcharge(trades, plan.sizes)
    for _ in range(SLOPE_ROUNDS if surcharge.any() else 0):
        happens = plan.sizes > NEGLIGIBLE
        surcharge = np.where(happens, _surcharge(trades, plan.sizes), surcharge)
        plan = bench.plan(is_open, nothing, surcharge)
        if plan is None:
            break
        rounds.append(plan)
        if np.array_equal(plan.sizes > NEGLIGIBLE, happens):
            break
    return rounds


def other_starts(bench: Workbench, unhindered: Plan) -> list[Plan]:
    """Solutions of slope scaling that begins with other surcharges, the same for every size.

    Args:
        bench: the workbench.
        unhindered: the solution without surcharges.
    """
    trades = bench.trades
    nothing, is_open = no_trades(trades), tradable(trades)
    usual = _usual_surcharge(trades, unhindered.sizes)
    rounds = []
    for factor in OTHER_STARTS if usual.any() else ():
        surcharge = factor * usual
        for _ in range(OTHER_ROUNDS):
            plan = bench.plan(is_open, nothing, surcharge)
            if plan is None:
                break
            rounds.append(plan)
            happens = plan.sizes > NEGLIGIBLE
            surcharge = np.where(happens, _surcharge(trades, plan.sizes), surcharge)
    return rounds


def _support(trades: TradeSizes, rounds: Sequence[Plan]) -> Mask:
    """The trades of the round with the best prospect; only they stay open."""
    best = min(rounds, key=lambda plan: _prospect(trades, plan))
    support: Mask = (best.sizes > NEGLIGIBLE) | trades.is_forced
    return support


def _surcharge(trades: TradeSizes, sizes: Floats) -> Floats:
    """Per thousand dollars what trades of these sizes pay, their least size at the least.

    A sale that must grow is never put off by its least size.
    """
    over = np.maximum(sizes, trades.least)
    is_possible = (over > 0.0) & np.isfinite(over)
    will_cost = (sizes < trades.least) & ~trades.must_grow
    paid = np.where(will_cost, trades.tickets + MISFIT * trades.least, trades.tickets)
    surcharge: Floats = np.divide(paid, over, out=np.zeros(len(over)), where=is_possible)
    return surcharge


def _usual_surcharge(trades: TradeSizes, sizes: Floats) -> Floats:
    """The surcharge of every trade as if it had the median size of those that happen."""
    happening = sizes[sizes > NEGLIGIBLE]
    usual = float(np.median(happening)) if len(happening) else 0.0
    return _surcharge(trades, np.full(len(sizes), usual))


def _prospect(trades: TradeSizes, plan: Plan) -> float:
    """What a plan will come to once its trades have their least sizes, roughly."""
    lacking = np.maximum(trades.least - plan.sizes, 0.0)[plan.sizes > NEGLIGIBLE]
    return plan.total + MISFIT * float(lacking.sum())


def leave_one_out(
    bench: Workbench, plan: Plan, most_programs: int
) -> tuple[Plan, dict[int, float], bool]:
    """Drop trades that are not worth their tickets, and say what each of the others is worth.

    A trade's value is how much worse the best plan found without it is: first every other open
    trade may take any size, and if that costs less than the ticket, the plan without the trade is
    made to keep to the minimum sizes; only then the trade is dropped.

    Args:
        bench: the workbench.
        plan: the plan so far.
        most_programs: programs after which no further trade is left out.

    Returns:
        The plan, value per number of a trade, and whether every trade was left out once.
    """
    end = bench.solved() + most_programs
    waiting = _by_size(plan)
    worth: dict[int, float] = {}
    while waiting and bench.solved() < end:
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
    if too_small(trades, freely).any():
        without = enlarged_or_closed(bench, others, plan.is_floored & others)
    if without is None:
        return None, UNBOUNDED
    worsening = without.total - plan.total
    return (without, worsening) if worsening < 0.0 else (None, worsening)
