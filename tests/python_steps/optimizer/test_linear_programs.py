"""The reused solver: right answers, statuses that hold, no trace of the model before."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from python_steps.optimizer.linear_model import LinearModel, ModelBuilder
from python_steps.optimizer.linear_programs import LinearPrograms, LinearSolution
from tests.python_steps.optimizer.plain_solver import assert_satisfies, plain_objective
from tests.python_steps.optimizer.random_models import SMALL, random_household


def diet() -> LinearModel:
    """Minimise 10 + 2x + 3y with x + y >= 4 and x <= 3, y <= 5: x = 3, y = 1, 19."""
    build = ModelBuilder(offset=10.0)
    x = build.column("x", upper=3.0, cost=2.0)
    y = build.column("y", upper=5.0, cost=3.0)
    build.row("enough", [(x, 1.0), (y, 1.0)], lower=4.0)
    return build.model()


def solved(programs: LinearPrograms, model: LinearModel) -> LinearSolution:
    programs.load(model)
    return programs.solve(model.lower, model.upper)


def test_optimum_prices_and_offset_of_a_small_program() -> None:
    programs = LinearPrograms()
    solution = solved(programs, diet())
    assert solution.status == "optimal"
    assert solution.objective == 19.0
    assert solution.values.tolist() == [3.0, 1.0]
    # One more unit would be bought at y's cost; exactly, without the tie-break.
    assert solution.row_duals.tolist() == [3.0]
    assert programs.programs_solved == 1


def test_entries_next_to_nothing_are_left_out_and_the_solver_takes_the_rest() -> None:
    build = ModelBuilder()
    x = build.column("x", upper=3.0, cost=2.0)
    y = build.column("y", upper=5.0, cost=3.0)
    build.row("enough", [(x, 4.5e-11), (y, 1.0)], lower=4.0)
    build.row("few", [(x, -1e-9), (y, 2e-9)], upper=1.0)
    model = build.model()
    assert model.values.tolist() == [1.0, 2e-9]
    assert solved(LinearPrograms(), model).values.tolist() == [0.0, 4.0]


def test_changed_bounds_and_costs_are_used_and_taken_back() -> None:
    model, programs = diet(), LinearPrograms()
    assert solved(programs, model).objective == 19.0
    narrower = np.array([1.0, 5.0])
    assert programs.solve(model.lower, narrower).objective == 10.0 + 2.0 + 9.0
    dearer = np.array([4.0, 3.0])
    assert programs.solve(model.lower, model.upper, dearer).objective == 10.0 + 12.0
    assert programs.solve(model.lower, model.upper).objective == 19.0
    assert programs.programs_solved == 4


def test_floors_hold_for_one_solve_only() -> None:
    model, programs = diet(), LinearPrograms()
    programs.load(model)
    with_floor = programs.solve(model.lower, model.upper, floors={(0, 1): 6.0})
    assert with_floor.objective == 10.0 + 6.0 + 9.0
    assert programs.solve(model.lower, model.upper).objective == 19.0
    assert programs.solve(model.lower, model.upper, floors={(0, 1): 5.0}).objective == 22.0
    assert programs.solve(model.lower, model.upper, floors={(1,): 2.0}).objective == 20.0
    too_much = programs.solve(model.lower, model.upper, floors={(0, 1): 9.0})
    assert too_much.status == "infeasible"
    assert programs.solve(model.lower, model.upper).objective == 19.0


def test_a_contradiction_comes_with_a_ray() -> None:
    model, programs = diet(), LinearPrograms()
    programs.load(model)
    solution = programs.solve(model.lower, np.array([1.0, 2.0]))
    assert solution.status == "infeasible"
    assert solution.objective == float("inf")
    assert len(solution.values) == 0
    # x + y >= 4 but at most 3: the row's price times the lack is positive.
    assert solution.row_duals[0] > 0.0


def test_crossed_bounds_are_a_contradiction_without_a_program() -> None:
    model, programs = diet(), LinearPrograms()
    programs.load(model)
    solution = programs.solve(np.array([2.0, 0.0]), np.array([1.0, 5.0]))
    assert solution.status == "infeasible"
    assert programs.programs_solved == 0


def test_of_equally_good_plans_the_earlier_column_is_used_however_it_is_reached() -> None:
    build = ModelBuilder()
    columns = [build.column(f"same {number}", upper=10.0, cost=1.0) for number in range(20)]
    build.row("enough", [(column, 1.0) for column in columns], lower=15.0)
    build.row("these", [(column, 1.0) for column in columns[::2]], lower=5.0, upper=15.0)
    model = build.model()
    programs = LinearPrograms()
    directly = solved(programs, model)
    assert directly.values.tolist() == [10.0, 5.0] + [0.0] * 18
    assert directly.objective == 15.0
    without_first = model.upper.copy()
    without_first[:3] = 0.0
    assert programs.solve(model.lower, without_first).values[:3].tolist() == [0.0] * 3
    assert programs.solve(model.lower, model.upper).values.tolist() == directly.values.tolist()


@pytest.mark.parametrize("seed", range(8))
def test_same_optimum_as_a_plain_solver(seed: int) -> None:
    model = random_household(seed).model
    programs = LinearPrograms()
    programs.load(model)
    random = np.random.default_rng(seed)
    for _ in range(6):
        fixed = {
            switch.column: float(random.integers(0, 2))
            for switch in model.switches
            if random.random() < 0.4
        }
        lower, upper = model.lower.copy(), model.upper.copy()
        for column, value in fixed.items():
            lower[column] = upper[column] = value
        solution = programs.solve(lower, upper)
        expected = plain_objective(model, fixed)
        assert solution.status == ("infeasible" if expected == float("inf") else "optimal")
        if solution.status == "optimal":
            assert solution.objective == pytest.approx(expected, abs=2e-4)
            assert_satisfies(model, solution.values)


def test_a_household_does_not_depend_on_those_before_it() -> None:
    models = [random_household(seed).model for seed in range(6)]
    reused = LinearPrograms()
    forwards = [solved(reused, model) for model in models]
    backwards = [solved(reused, model) for model in reversed(models)][::-1]
    fresh = [solved(LinearPrograms(), model) for model in models]
    for first, second, third in zip(forwards, backwards, fresh, strict=True):
        assert first.values.tobytes() == second.values.tobytes() == third.values.tobytes()
        assert first.row_duals.tobytes() == second.row_duals.tobytes() == third.row_duals.tobytes()
        assert first.objective == second.objective == third.objective


def test_loading_forgets_floors_and_counts() -> None:
    programs = LinearPrograms()
    model = random_household(1, SMALL).model
    programs.load(model)
    programs.solve(model.lower, model.upper, floors={(0, 1): 0.5})
    assert programs.simplex_iterations > 0
    assert solved(programs, diet()).objective == 19.0
    assert programs.programs_solved == 1
    assert programs.simplex_iterations <= 2


class _Unsure:
    """A solver that gives no verdict on its first runs."""

    def __init__(self, solver: object, runs: int) -> None:
        self._solver = solver
        self._runs = runs
        self.presolve: list[str] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._solver, name)

    def setOptionValue(self, option: str, value: str) -> object:  # noqa: N802
        if option == "presolve":
            self.presolve.append(value)
        return self._solver.setOptionValue(option, value)

    def getModelStatus(self) -> object:  # noqa: N802
        from highspy import HighsModelStatus

        self._runs -= 1
        if self._runs >= 0:
            return HighsModelStatus.kUnknown
        return self._solver.getModelStatus()


@pytest.mark.parametrize(("unsure", "status"), [(1, "optimal"), (2, "optimal"), (3, "failed")])
def test_without_a_verdict_it_starts_again_and_then_says_failed(unsure: int, status: str) -> None:
    model, programs = diet(), LinearPrograms()
    programs.load(model)
    solver = _Unsure(programs._solver, unsure)
    programs._solver = solver
    solution = programs.solve(model.lower, model.upper)
    assert solution.status == status
    assert len(solution.values) == (2 if status == "optimal" else 0)
    assert programs.programs_solved == min(unsure, 2) + 1
    # Whatever was tried, the next program runs as all others do.
    assert solver.presolve[-1] == "off"
    assert ("on" in solver.presolve) == (unsure >= 2)


def test_the_solver_is_imported_only_when_one_is_made() -> None:
    import subprocess

    code = (
        "import sys, python_steps.optimizer.search, python_steps.optimizer.linear_programs;"
        "sys.exit('highspy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
