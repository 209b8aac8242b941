"""The whole problem in one piece: known answers, and how close search and repair come to it."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from python_steps.optimizer import reference
from python_steps.optimizer.linear_model import LinearModel, ModelBuilder, Switch, side_of
from python_steps.optimizer.linear_programs import LinearPrograms
from python_steps.optimizer.reference import reference_objective
from python_steps.optimizer.search import search
from python_steps.optimizer.trade_groups import NEGLIGIBLE, TradeGroup, TradeSizes
from tests.python_steps.optimizer.plain_solver import assert_satisfies, every_setting
from tests.python_steps.optimizer.random_models import SMALL, random_household
from tests.python_steps.optimizer.test_repair import INFINITE, group, groups_of, planned, raising

GAP = 0.0001


def test_switches_alone() -> None:
    for seed in range(15):
        model = random_household(seed, SMALL).model
        solution = reference_objective(model, [], absolute_gap=GAP)
        assert solution.status == "optimal"
        assert solution.objective == pytest.approx(every_setting(model), abs=GAP + 1e-6)
        assert solution.bound <= solution.objective + 1e-6
        assert_satisfies(model, solution.values)


@pytest.mark.parametrize("seed", range(6))
def test_search_finds_the_same_optimum_on_typical_households(seed: int) -> None:
    model = random_household(seed).model
    programs = LinearPrograms()
    programs.load(model)
    found = search(model, programs, tolerance=0.001)
    solution = reference_objective(model, [], absolute_gap=GAP)
    assert -GAP - 1e-6 <= found.objective - solution.objective <= 0.001
    assert found.lower_bound <= solution.objective + 1e-6


@pytest.mark.parametrize(
    ("trade", "sold", "missing", "tickets"),
    [
        (group("sale", 0, ticket=0.5), 0.6, 0.0, 0.5),
        (group("sale", 0, ticket=1.3), 0.0, 0.6, 0.0),
        (group("sale", 0, minimum=1.0, ticket=0.5), 1.0, 0.0, 0.5),
        (group("sale", 0, minimum=1.0, unit=0.2), 1.2, 0.0, 0.0),
        (group("sale", 0, minimum=20.0), 0.0, 0.6, 0.0),
        (group("sale", 0, minimum=20.0, whole=10.0), 10.0, 0.0, 0.0),
    ],
)
def test_minimum_whole_position_and_ticket(
    trade: TradeGroup, sold: float, missing: float, tickets: float
) -> None:
    model = raising(0.6, 10.0)
    solution = reference_objective(model, [trade], absolute_gap=GAP)
    assert solution.status == "optimal"
    assert solution.values == pytest.approx([sold, missing], abs=1e-6)
    assert solution.tickets == tickets
    assert solution.objective == pytest.approx(0.01 * sold + 2 * missing + tickets, abs=1e-6)


def test_without_switches_and_trades_the_optimum_is_its_own_bound() -> None:
    solution = reference_objective(raising(0.6, 10.0), [], absolute_gap=GAP)
    assert (solution.status, solution.bound) == ("optimal", pytest.approx(0.006))
    assert solution.objective == pytest.approx(0.006)


def test_nothing_satisfies_it() -> None:
    build = ModelBuilder()
    build.column("x", upper=1.0)
    build.row("too much", [(0, 1.0)], lower=2.0)
    solution = reference_objective(build.model(), [group("x", 0)], absolute_gap=GAP)
    assert (solution.status, solution.objective, len(solution.values)) == (
        "infeasible",
        INFINITE,
        0,
    )


def test_a_wrong_answer_is_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    build = ModelBuilder()
    build.column("x", upper=1.0, cost=1.0)
    build.row("needed", [(0, 1.0)], lower=1.0)
    build.switch(Switch("x", 0, side_of([]), side_of([0]), 1e-5, 1.0))
    model = build.model()
    assert reference_objective(model, [], absolute_gap=GAP).objective == 1.0

    def wrong(*_: object) -> tuple[str, np.ndarray, float]:
        return "optimal", np.zeros(1), 0.0

    monkeypatch.setattr(reference, "_integer_optimum", wrong)
    assert reference_objective(model, [], absolute_gap=GAP).status == "failed"

    def too_good(whole: LinearModel, *_: object) -> tuple[str, np.ndarray, float]:
        return "optimal", np.ones(1), -5.0

    monkeypatch.setattr(reference, "_integer_optimum", too_good)
    assert reference_objective(model, [], absolute_gap=GAP).status == "gap"


@pytest.mark.parametrize(("ticket", "mean", "worst"), [(0.01, 0.005, 0.03), (0.03, 0.010, 0.07)])
def test_repair_comes_close_to_the_whole_problem(ticket: float, mean: float, worst: float) -> None:
    """Never below it, and at most these thousand dollars above it."""
    excesses = []
    for seed in range(16):
        household = random_household(seed)
        groups = groups_of(household, ticket, 1.0)
        _, plan = planned(household, groups)
        solution = reference_objective(household.model, groups, absolute_gap=0.001)
        assert solution.status == "optimal"
        sizes = TradeSizes(household.model, groups).sizes(solution.values)
        for trade, size in zip(groups, sizes, strict=True):
            assert size <= NEGLIGIBLE or size >= trade.least - 1e-6
        excesses.append(plan.objective + plan.tickets - solution.objective)
        assert plan.objective + plan.tickets >= solution.bound - 1e-6
    assert statistics.mean(excesses) <= mean
    assert max(excesses) <= worst


@pytest.mark.parametrize(("fee", "bought"), [(0.0, 10.0), (0.5, 9.5)])
def test_commissions_are_paid_from_the_cash_of_the_account(fee: float, bought: float) -> None:
    """Ten of cash buy less where the order itself costs some of it."""
    build = ModelBuilder()
    purchase = build.column("buy", upper=20.0, cost=-0.01)
    cash = build.row("cash", [(purchase, -1.0)], lower=-10.0)
    trade = TradeGroup(
        "buy", (purchase,), 0.0, float("inf"), 0.0, False, fee=fee, cash_rows=(cash,)
    )
    best = reference_objective(build.model(), [trade], absolute_gap=1e-6)
    assert best.status == "optimal"
    assert best.values[purchase] == pytest.approx(bought)
