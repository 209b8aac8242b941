"""What a budget for the year's tax buys: tax against the drift that stays.

Belongs here: solving the household's model again under budgets from nothing to no limit, with
drift pressed so hard that only the budget holds it back. Does not belong here: the plan itself.
The points are the model's, before small trades and shares are rounded; taxes are linear.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from python_steps.optimizer.core_problem import Stage
from python_steps.optimizer.linear_model import DOLLARS_PER_UNIT, Floats, LinearModel
from python_steps.optimizer.linear_programs import LinearPrograms
from python_steps.optimizer.model_assembly import CoreModel, Room
from python_steps.optimizer.search import search
from python_steps.planning.evaluation import deviation_variance
from python_steps.planning.household import MarketAssumptions
from python_steps.planning.plan import FrontierPoint

CENT = Decimal("0.01")
# Eight budgets and none: as many as show where the curve bends, in one small chart.
POINTS = 8
# Budgets that all lie within a dollar say nothing.
SMALLEST_RANGE = 1.0
# How much dearer drift is than in the plan: no tax is then too high to cure it. A dollar inside the
# bands then has a price of 25 cents on either side of a swap, half a dollar in all, and one outside
# of them six: the highest rates of the United States together take 54 cents of a gain, which is
# only a part of the dollar that is sold.
PRESSURE = 25.0
# Points are shown in whole dollars and dozens of basis points: five dollars do not show.
TOLERANCE = 5.0 / DOLLARS_PER_UNIT
# A point that is not proved within this many programs is still the best found. By measurement on 80
# typical and 6 large households, all are proved: in 8 programs at the median and 55 at the most.
MOST_PROGRAMS = 60


def tax_budget_frontier(
    core: CoreModel, programs: LinearPrograms, assumptions: MarketAssumptions
) -> tuple[FrontierPoint, ...]:
    """Points from the smallest budget to none at all.

    The smallest is nothing, or where harvested losses pay for every gain that would be taken, the
    tax with those losses and no gain: a budget below zero says how much of their saving is kept.

    Args:
        core: the household's model.
        programs: the solver; what is loaded in it is replaced.
        assumptions: class risk, for the tracking error.

    Returns:
        Eight points with rising budgets and one without; none where every target comes inside its
        band without any tax, or nothing taxed may be sold.
    """
    if core.tax_slack is None:
        return ()
    pressed = replace(core.model, cost=core.model.cost + (PRESSURE - 1) * core.terms["drift"])
    programs.load(pressed)
    allowed = core.problem.allowed
    free = _solved(core, pressed, programs, Room(allowed, is_last_resort=True))
    if free is None:
        return ()
    most, least = core.components(free)["tax"], 0.0
    if most <= SMALLEST_RANGE:
        without = _solved(core, pressed, programs, Room(Stage.LOSSES, is_last_resort=True))
        least = most if without is None else core.components(without)["tax"]
    if most - least <= SMALLEST_RANGE:
        return ()
    points = [
        _point(core, values, budget, assumptions)
        for budget in _budgets(least, most)
        if (values := _solved(core, pressed, programs, Room(allowed, budget, is_last_resort=True)))
        is not None
    ]
    points.append(_point(core, free, None, assumptions))
    # Where nothing is outside its band without any tax, no budget buys anything.
    return tuple(points) if points[0].drift_outside_bands > 1 else ()


def _budgets(least: float, most: float) -> Iterator[float]:
    """Whole dollars from the least to almost the most that is asked for."""
    for number in range(POINTS):
        yield float(math.floor(least + (most - least) * number / POINTS))


def _solved(
    core: CoreModel, pressed: LinearModel, programs: LinearPrograms, room: Room
) -> Floats | None:
    model = replace(pressed, upper=core.upper_within(room))
    found = search(model, programs, tolerance=TOLERANCE, most_programs=MOST_PROGRAMS)
    return found.values if found.status in ("optimal", "gap") else None


def _point(
    core: CoreModel, values: Floats, budget: float | None, assumptions: MarketAssumptions
) -> FrontierPoint:
    parts = core.components(values)
    outside = math.fsum(
        float(values[column]) for deviation in core.deviations for column in deviation.outside
    )
    return FrontierPoint(
        tax_budget=None if budget is None else _cents(budget),
        estimated_tax=_cents(parts["tax"]),
        drift_outside_bands=_cents(outside * DOLLARS_PER_UNIT),
        tracking_error=_tracking_error(core, values, assumptions),
        transaction_cost=_cents(parts["cost"]),
    )


def _tracking_error(
    core: CoreModel, values: Floats, assumptions: MarketAssumptions
) -> float | None:
    """Yearly tracking error of the groups that may trade, against their targets together."""
    total = math.fsum(
        float(sum(core.problem.start.class_values[group.allocation_group_id].values(), Decimal(0)))
        for group in core.problem.groups
    )
    if total <= 0:
        return None
    deviation: dict[str, float] = {}
    for each in core.deviations:
        if each.asset_class is not None:
            above = math.fsum(float(values[column]) for column in each.above)
            below = math.fsum(float(values[column]) for column in each.below)
            share = (above - below) * DOLLARS_PER_UNIT / total
            deviation[each.asset_class] = deviation.get(each.asset_class, 0.0) + share
    variance = deviation_variance(deviation, assumptions)
    return None if variance is None else math.sqrt(max(variance, 0.0))


def _cents(amount: float) -> Decimal:
    return Decimal(str(amount)).quantize(CENT)
