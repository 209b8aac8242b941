"""Branch and bound on switches: the optimum of every 0/1 setting, the same one every time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from python_steps.optimizer.linear_model import LinearModel, ModelBuilder, Switch, side_of
from python_steps.optimizer.linear_programs import LinearPrograms, LinearSolution
from python_steps.optimizer.search import SearchResult, fitted, fixed_bounds, search
from tests.python_steps.optimizer.plain_solver import (
    assert_satisfies,
    every_setting,
    plain_objective,
)
from tests.python_steps.optimizer.random_models import SMALL, TYPICAL, Shape, random_household

TOLERANCE = 0.001


def either_or(gain_of_zero: float, gain_of_one: float, *, threshold: float = 1e-5) -> LinearModel:
    """Two amounts up to 10 that may not both be used; each unit brings a gain."""
    build = ModelBuilder()
    when_zero = build.column("when_zero", upper=10.0, cost=-gain_of_zero)
    when_one = build.column("when_one", upper=10.0, cost=-gain_of_one)
    switch = build.column("switch", upper=1.0)
    build.row("zero", [(when_zero, 1.0), (switch, 10.0)], upper=10.0)
    build.row("one", [(when_one, 1.0), (switch, -10.0)], upper=0.0)
    build.switch(
        Switch("switch", switch, side_of([when_zero]), side_of([when_one]), threshold, 1.0)
    )
    return build.model()


def searched(
    model: LinearModel, programs: LinearPrograms | None = None, **limits: float
) -> SearchResult:
    programs = programs or LinearPrograms()
    programs.load(model)
    return search(model, programs, tolerance=TOLERANCE, **limits)


@pytest.mark.parametrize(("zero", "one", "side"), [(1.0, 2.0, 1.0), (3.0, 2.0, 0.0)])
def test_the_better_side_wins(zero: float, one: float, side: float) -> None:
    result = searched(either_or(zero, one))
    assert result.status == "optimal"
    assert result.fixed == {2: side}
    assert result.objective == -10.0 * max(zero, one)
    assert result.lower_bound == pytest.approx(result.objective, abs=TOLERANCE)


def both_needed() -> LinearModel:
    """No 0 and no 1 allows what the row asks for."""
    build = ModelBuilder()
    when_zero = build.column("when_zero", upper=10.0, cost=1.0)
    when_one = build.column("when_one", upper=10.0, cost=1.0)
    switch = build.column("switch", upper=1.0)
    build.row("zero", [(when_zero, 1.0), (switch, 10.0)], upper=10.0)
    build.row("one", [(when_one, 1.0), (switch, -10.0)], upper=0.0)
    build.row("some of zero", [(when_zero, 1.0)], lower=2.0)
    build.row("some of one", [(when_one, 1.0)], lower=2.0)
    build.switch(Switch("switch", switch, side_of([when_zero]), side_of([when_one]), 1e-5, 1.0))
    return build.model()


def test_no_setting_at_all_is_infeasible_with_a_ray_for_every_leaf() -> None:
    result = searched(both_needed())
    assert result.status == "infeasible"
    assert result.lower_bound == float("inf")
    assert [dict(leaf.fixed) for leaf in result.leaves] == [{2: 0.0}, {2: 1.0}]
    assert all(leaf.is_infeasible for leaf in result.leaves)


def test_uses_too_small_for_a_conflict_are_still_settled_exactly() -> None:
    """Both sides may be used below the threshold in a relaxation, never in the result."""
    result = searched(either_or(1.0, 2.0, threshold=100.0))
    assert result.status == "optimal"
    assert result.fixed == {2: 1.0}
    assert result.values[0] == 0.0
    impossible = both_needed()
    blind = Switch("switch", 2, side_of([0]), side_of([1]), 100.0, 1.0)
    hidden = replace(impossible, switches=(blind,))
    assert searched(hidden).status == "infeasible"


def test_a_model_without_switches_is_one_program() -> None:
    build = ModelBuilder(offset=1.0)
    build.column("x", lower=2.0, upper=3.0, cost=1.0)
    build.row("any", [(0, 1.0)], lower=0.0)
    result = searched(build.model())
    assert (result.status, result.objective, result.lower_bound) == ("optimal", 3.0, 3.0)
    assert result.fixed == {}
    assert [dict(leaf.fixed) for leaf in result.leaves] == [{}]


@pytest.mark.parametrize("seed", range(25))
def test_optimum_of_every_setting(seed: int) -> None:
    model = random_household(seed, SMALL).model
    assert len(model.switches) <= 8
    result = searched(model)
    best = every_setting(model)
    assert result.status == "optimal"
    assert best - 1e-6 <= result.objective <= best + TOLERANCE
    assert result.lower_bound <= best + 1e-6
    assert result.objective - result.lower_bound <= TOLERANCE
    assert_satisfies(model, result.values)
    assert plain_objective(model, result.fixed) == pytest.approx(result.objective, abs=1e-5)
    assert set(result.fixed) == {switch.column for switch in model.switches}
    for column, value in result.fixed.items():
        assert result.values[column] == value
        assert value in (0.0, 1.0)


@pytest.mark.parametrize("seed", range(10))
def test_a_typical_household_is_proven_with_few_programs(seed: int) -> None:
    model = random_household(seed, TYPICAL).model
    result = searched(model)
    assert result.status == "optimal"
    assert result.programs_solved < 400
    assert_satisfies(model, result.values)
    assert plain_objective(model, result.fixed) == pytest.approx(result.objective, abs=1e-5)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_below_a_cutoff_is_found_and_nothing_above_it_is_sought(seed: int) -> None:
    model = random_household(seed, SMALL).model
    best = every_setting(model)
    below = searched(model, cutoff=best + 5 * TOLERANCE)
    assert below.status == "optimal"
    assert below.objective == pytest.approx(best, abs=TOLERANCE)

    above = searched(model, cutoff=best - 1.0)
    assert above.lower_bound >= best - 1.0
    assert above.objective >= best - 1e-6
    assert above.programs_solved <= searched(model).programs_solved


def test_a_cutoff_saves_the_programs_of_a_hard_household() -> None:
    model = hard_household()
    proven = searched(model)
    trial = searched(model, cutoff=proven.objective - 1.0)
    assert trial.programs_solved < proven.programs_solved / 2
    assert trial.status in ("no_incumbent", "gap")


def hard_household() -> LinearModel:
    """One that needs more than a few programs."""
    for seed in range(200):
        model = random_household(seed, TYPICAL).model
        if searched(model).programs_solved > 25:
            return model
    raise AssertionError("no random household is hard")


def test_a_limit_leaves_a_gap_that_is_told() -> None:
    model = hard_household()
    proven = searched(model)
    statuses = set()
    for limit in (1, 3, 5, 9, 15):
        result = searched(model, most_programs=limit)
        # The last branch may still try what fits, and without a result three guesses are made.
        assert result.programs_solved <= limit + 4
        assert result.lower_bound <= proven.objective + 1e-6
        statuses.add(result.status)
        if result.status in ("gap", "optimal"):
            assert result.objective >= proven.lower_bound - 1e-6
            assert result.objective >= result.lower_bound
    assert "gap" in statuses


def test_bit_identical_twice_fresh_and_reused() -> None:
    models = [random_household(seed).model for seed in range(12)]
    reused = LinearPrograms()
    first = [searched(model, reused) for model in models]
    second = [searched(model, reused) for model in reversed(models)][::-1]
    fresh = [searched(model) for model in models]
    for one, two, three in zip(first, second, fresh, strict=True):
        for other in (two, three):
            assert one.values.tobytes() == other.values.tobytes()
            assert (one.objective, one.lower_bound) == (other.objective, other.lower_bound)
            assert one.fixed == other.fixed
            assert one.programs_solved == other.programs_solved
            for left, right in zip(one.leaves, other.leaves, strict=True):
                assert left.fixed == right.fixed
                assert left.row_duals.tobytes() == right.row_duals.tobytes()


def test_fitted_takes_the_side_used_more() -> None:
    model = either_or(1.0, 1.0)
    assert fitted(model, np.array([3.0, 4.0, 0.5])) == {2: 1.0}
    assert fitted(model, np.array([4.0, 3.0, 0.5])) == {2: 0.0}
    assert fitted(model, np.array([0.0, 0.0, 0.5])) == {2: 0.0}
    lower, upper = fixed_bounds(model, {2: 1.0})
    assert (lower[2], upper[2]) == (1.0, 1.0)
    assert (model.lower[2], model.upper[2]) == (0.0, 1.0)


class _Failing(LinearPrograms):
    """Gives no verdict on the programs of some numbers."""

    def __init__(self, numbers: set[int]) -> None:
        super().__init__()
        self._numbers = numbers

    def solve(self, *arguments: object, **options: object) -> LinearSolution:
        solution = super().solve(*arguments, **options)
        if self.programs_solved not in self._numbers:
            return solution
        return LinearSolution("failed", float("inf"), np.zeros(0), np.zeros(0))


def test_a_first_program_without_verdict_fails_the_search() -> None:
    result = searched(either_or(1.0, 2.0), _Failing({1}))
    assert (result.status, result.leaves, len(result.values)) == ("failed", (), 0)
    assert result.lower_bound == float("-inf")


def test_a_later_program_without_verdict_is_bounded_by_its_parent() -> None:
    model = random_household(3, Shape(accounts=3, securities=12, positions=14)).model
    whole = searched(model)
    assert whole.programs_solved > 3
    for number in range(2, whole.programs_solved + 1):
        result = searched(model, _Failing({number}))
        assert result.status in ("optimal", "gap", "no_incumbent")
        assert result.lower_bound <= whole.objective + 1e-6
        if result.status == "optimal":
            assert result.objective <= whole.objective + TOLERANCE
