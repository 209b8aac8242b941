"""Choosing trades together: what several of them save, within a limit of programs."""

from __future__ import annotations

from statistics import fmean

import numpy as np
import pytest

from python_steps.optimizer.linear_model import Floats, LinearModel, ModelBuilder
from python_steps.optimizer.linear_programs import LinearPrograms
from python_steps.optimizer.reference import reference_objective
from python_steps.optimizer.trade_choice import better_choice
from python_steps.optimizer.trade_groups import TradeGroup
from python_steps.optimizer.workbench import Plan, Workbench
from tests.python_steps.optimizer.random_models import TYPICAL, random_household
from tests.python_steps.optimizer.test_repair import group, groups_of, planned

TICKET = 0.025


def two_for_one() -> tuple[LinearModel, list[TradeGroup]]:
    """Two needs of 5: each has a cheap source of its own, a third one is dearer and serves both."""
    build = ModelBuilder()
    own = [build.column(f"own {n}", upper=10.0, cost=0.001) for n in range(2)]
    shared = [build.column(f"shared {n}", upper=10.0, cost=0.002) for n in range(2)]
    for number in range(2):
        build.row(f"need {number}", [(own[number], 1.0), (shared[number], 1.0)], lower=5.0)
    groups = [group("own 0", own[0], ticket=TICKET), group("own 1", own[1], ticket=TICKET)]
    return build.model(), [*groups, group("shared", *shared, ticket=TICKET)]


def workbench(model: LinearModel, groups: list[TradeGroup]) -> Workbench:
    programs = LinearPrograms()
    programs.load(model)
    return Workbench(model, programs, {}, groups)


def of_trades(bench: Workbench, *happens: bool) -> Plan:
    plan = bench.plan(np.asarray(happens), np.zeros(len(happens), dtype=bool))
    assert plan is not None
    return plan


def sizes(plan: Plan) -> Floats:
    return np.round(plan.sizes, 6)


def test_one_trade_takes_the_place_of_two() -> None:
    """No single trade can be left out of the plan: the shared source is not in it."""
    bench = workbench(*two_for_one())
    own, shared = of_trades(bench, True, True, False), of_trades(bench, False, False, True)
    best = better_choice(bench, own, [shared])
    assert sizes(own).tolist() == [5.0, 5.0, 0.0]
    assert sizes(best).tolist() == [0.0, 0.0, 10.0]
    assert best.total == pytest.approx(0.02 + TICKET)


def test_only_trades_that_were_seen_are_chosen_from() -> None:
    bench = workbench(*two_for_one())
    own = of_trades(bench, True, True, False)
    assert better_choice(bench, own, [own]) is own


def test_the_limit_of_programs_holds_and_the_plan_to_beat_stays() -> None:
    bench = workbench(*two_for_one())
    own, shared = of_trades(bench, True, True, False), of_trades(bench, False, False, True)
    before = bench.solved()
    assert better_choice(bench, own, [shared], most_programs=1) is own
    assert bench.solved() - before <= 1


def test_a_choice_keeps_to_least_sizes() -> None:
    """The shared source would have to grow from 10 to 18, which costs more than a ticket."""
    model, groups = two_for_one()
    groups[2] = group("shared", *groups[2].columns, minimum=18.0, ticket=TICKET)
    bench = workbench(model, groups)
    own, shared = of_trades(bench, True, True, False), of_trades(bench, False, False, True)
    assert better_choice(bench, own, [shared]) is own


def test_plans_of_typical_households_are_close_to_the_best_ones() -> None:
    """The mean was $11.65 when trades were left out one at a time only."""
    above = []
    for seed in range(20):
        household = random_household(seed, TYPICAL)
        groups = groups_of(household, TICKET, 0.5)
        _, found = planned(household, groups)
        best = reference_objective(household.model, groups, absolute_gap=0.001)
        assert best.status == "optimal"
        above.append(1000 * (found.objective + found.tickets - best.objective))
    assert min(above) >= -1.1
    assert fmean(above) <= 6.0
    assert max(above) <= 50.0
