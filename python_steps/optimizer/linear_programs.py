"""Solving a household's linear program again and again: the only place that runs HiGHS' simplex.

Belongs here: one reused solver, its settings, hot starts, the tie-break, statuses that can be
relied on, and counts of work. Does not belong here: which programs to solve (`search`, `repair`),
what a column means (`core_model`). Nothing is limited by time: a slow machine finds the same plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from python_steps.optimizer.linear_model import UNBOUNDED, Floats, LinearModel

Status = Literal["optimal", "infeasible", "failed"]

# Of several equally good plans the one that uses earlier columns is taken: each column costs a
# little more than the one before it. The steps are as large as the solver's dual tolerance lets it
# see and add up to so little that the choice costs less than a dime per million dollars traded.
TIE_BREAK_STEP = 1e-9
TIE_BREAK_IN_ALL = 1e-7
DUAL_TOLERANCE = 1e-10

# A ray counts as proof of a contradiction when it shows more than rounding could. Independent
# and rigorous is `certificate`; this only keeps a mistaken "infeasible" from steering a search.
PROVEN = 1e-9

Floors = Mapping[tuple[int, ...], float]
NO_FLOORS: Floors = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class LinearSolution:
    """What one program came to; `values` and `row_duals` are empty where nothing holds.

    `objective` is in thousand dollars, with the model's offset and without the tie-break.
    `row_duals` belong to the rows of the loaded model: prices of the rows where the status is
    `optimal` (positive at a row's lower side), a ray that proves the contradiction where it is
    `infeasible` (all 0 where the bounds themselves cross).
    """

    status: Status
    objective: float
    values: Floats
    row_duals: Floats


class SolverError(RuntimeError):
    """The solver does not take a model or a change that it must be able to take."""


_NOTHING: Floats = np.zeros(0)
_FAILED = LinearSolution("failed", UNBOUNDED, _NOTHING, _NOTHING)
_BY_COLUMN, _MINIMISE = 1, 1


class LinearPrograms:
    """One reused solver: load a model, then solve it under any bounds and costs.

    Each solve starts from where the last one ended and is told only what changed. Loading
    forgets everything: what a household gets does not depend on the households before it.

    Attributes:
        programs_solved: programs solved since the last load.
        simplex_iterations: simplex iterations since the last load.
    """

    def __init__(self) -> None:
        # The bare solver: the package's convenience class around it only adds call-backs.
        from highspy import HighsModelStatus, HighsStatus
        from highspy._core import _Highs

        self._optimal = HighsModelStatus.kOptimal
        self._infeasible = HighsModelStatus.kInfeasible
        self._ok = HighsStatus.kOk
        # Its published types leave out the basis and the rays.
        self._solver: Any = _Highs()
        self._set("output_flag", False)
        self._set("solver", "simplex")
        self._set("presolve", "off")
        self._set("parallel", "off")
        self._set("threads", 1)
        self._set("random_seed", 0)
        # All amounts are in one unit already: unscaled, tolerances hold in that unit, and it is
        # a tenth faster.
        self._set("simplex_scale_strategy", 0)
        self._set("dual_feasibility_tolerance", DUAL_TOLERANCE)
        self.programs_solved = 0
        self.simplex_iterations = 0

    def load(self, model: LinearModel) -> None:
        """Take a model over, forgetting the one before and the counts of its work."""
        count = model.column_count
        step = min(TIE_BREAK_STEP, TIE_BREAK_IN_ALL / max(count, 1))
        self._tie_break = step * np.arange(count, dtype=np.float64)
        self._model = model
        self._no_prices: Floats = np.zeros(model.row_count)
        self._lower = model.lower.copy()
        self._upper = model.upper.copy()
        self._cost = model.cost.copy()
        self._floor_rows: dict[tuple[int, ...], int] = {}
        self._floor_amounts: dict[tuple[int, ...], float] = {}
        self.programs_solved = 0
        self.simplex_iterations = 0
        self._accept(
            self._solver.passModel(
                count,
                model.row_count,
                len(model.values),
                _BY_COLUMN,
                _MINIMISE,
                0.0,
                model.cost + self._tie_break,
                model.lower,
                model.upper,
                model.row_lower,
                model.row_upper,
                model.starts[:-1],
                model.rows,
                model.values,
                np.zeros(count, dtype=np.int32),
            )
        )

    def solve(
        self,
        lower: Floats,
        upper: Floats,
        cost: Floats | None = None,
        floors: Floors = NO_FLOORS,
        *,
        with_prices: bool = True,
    ) -> LinearSolution:
        """Solve the loaded model under bounds and costs.

        Only an optimum the solver vouches for is `optimal`, only a contradiction its ray proves
        is `infeasible`; anything else is tried again from the start, then `failed`.

        Args:
            lower: lower bound per column.
            upper: upper bound per column.
            cost: cost per column; the model's own where None.
            floors: for sets of columns the least they must add up to. Under floors `row_duals`
                prove nothing about the model without them.
            with_prices: False saves a little time; `row_duals` of an optimum are then empty.
        """
        if not self._model.column_count and not self._model.row_count:
            return LinearSolution("optimal", self._model.offset, _NOTHING, _NOTHING)
        if bool((lower > upper).any()):
            return LinearSolution("infeasible", UNBOUNDED, _NOTHING, self._no_prices)
        self._send_bounds(lower, upper)
        self._send_cost(self._model.cost if cost is None else cost)
        self._send_floors(floors)
        solution = self._run(with_prices)
        if solution.status != "failed":
            return solution
        for presolve in ("off", "on"):
            self._accept(self._solver.clearSolver())
            self._set("presolve", presolve)
            solution = self._run(with_prices)
            self._set("presolve", "off")
            if solution.status != "failed":
                break
        return solution

    def _send_bounds(self, lower: Floats, upper: Floats) -> None:
        changed = np.flatnonzero((lower != self._lower) | (upper != self._upper))
        if not len(changed):
            return
        self._accept(
            self._solver.changeColsBounds(
                len(changed), changed.astype(np.int32), lower[changed], upper[changed]
            )
        )
        self._lower, self._upper = lower.copy(), upper.copy()

    def _send_cost(self, cost: Floats) -> None:
        changed = np.flatnonzero(cost != self._cost)
        if not len(changed):
            return
        sent = cost[changed] + self._tie_break[changed]
        self._accept(self._solver.changeColsCost(len(changed), changed.astype(np.int32), sent))
        self._cost = cost.copy()

    def _send_floors(self, floors: Floors) -> None:
        for columns, amount in self._floor_amounts.items():
            if columns not in floors and amount > -UNBOUNDED:
                self._change_floor(columns, -UNBOUNDED)
        for columns, amount in floors.items():
            if columns not in self._floor_rows:
                self._add_floor(columns, amount)
            elif self._floor_amounts[columns] != amount:
                self._change_floor(columns, amount)

    def _add_floor(self, columns: tuple[int, ...], amount: float) -> None:
        indices = np.asarray(columns, dtype=np.int32)
        ones = np.ones(len(columns))
        self._accept(self._solver.addRow(amount, UNBOUNDED, len(columns), indices, ones))
        self._floor_rows[columns] = self._model.row_count + len(self._floor_rows)
        self._floor_amounts[columns] = amount

    def _change_floor(self, columns: tuple[int, ...], amount: float) -> None:
        row = self._floor_rows[columns]
        self._accept(self._solver.changeRowBounds(row, amount, UNBOUNDED))
        self._floor_amounts[columns] = amount

    def _run(self, with_prices: bool) -> LinearSolution:
        ended = self._solver.run()
        self.programs_solved += 1
        iterations = self._solver.getInfoValue("simplex_iteration_count")[1]
        self.simplex_iterations += max(int(iterations), 0)
        status = self._solver.getModelStatus()
        if status == self._infeasible:
            return self._contradiction()
        if status != self._optimal or ended != self._ok:
            return _FAILED
        values = self._values()
        objective = float(self._cost @ values) + self._model.offset
        duals = self._row_duals() if with_prices else _NOTHING
        return LinearSolution("optimal", objective, values, duals)

    def _values(self) -> Floats:
        # The solver hands over a list; this is the fastest way from there.
        listed = self._solver.getSolution().col_value
        return np.fromiter(listed, np.float64, self._model.column_count)

    def _row_duals(self) -> Floats:
        """Row prices of the optimal basis under the costs without the tie-break.

        With the tie-break in them, prices would cost a bound by weak duality several dollars.
        """
        solver = self._solver
        basic = np.asarray(solver.getBasicVariables()[1])
        costs = np.where(basic >= 0, self._cost[np.maximum(basic, 0)], 0.0)
        duals = np.asarray(solver.getBasisTransposeSolve(costs)[1])
        return duals[: self._model.row_count].copy()

    def _contradiction(self) -> LinearSolution:
        """The contradiction found, if the solver can show it."""
        _, exists, ray = self._solver.getDualRay()
        if not exists:
            return _FAILED
        ray = np.asarray(ray)
        if not np.isfinite(ray).all():
            return _FAILED
        size = float(np.abs(ray).max(initial=0.0))
        for prices in (ray / size, -ray / size) if size > 0.0 else ():
            if self._shown_by(prices) > PROVEN:
                duals = prices[: self._model.row_count].copy()
                return LinearSolution("infeasible", UNBOUNDED, _NOTHING, duals)
        return _FAILED

    def _shown_by(self, prices: Floats) -> float:
        """By how much prices of the rows (and floors) contradict the bounds; plain arithmetic."""
        model = self._model
        row_lower = np.append(model.row_lower, list(self._floor_amounts.values()))
        row_upper = np.append(model.row_upper, [UNBOUNDED] * len(self._floor_amounts))
        prices = np.where(row_lower == -UNBOUNDED, np.minimum(prices, 0.0), prices)
        prices = np.where(row_upper == UNBOUNDED, np.maximum(prices, 0.0), prices)
        sides = np.where(prices > 0.0, row_lower, row_upper)
        worth = float(
            np.where(prices == 0.0, 0.0, prices * np.where(prices == 0.0, 0.0, sides)).sum()
        )
        column_of_entry = np.repeat(np.arange(model.column_count), np.diff(model.starts))
        per_column = -np.bincount(
            column_of_entry, model.values * prices[model.rows], model.column_count
        )
        for columns, row in self._floor_rows.items():
            per_column[list(columns)] -= prices[row]
        least = np.where(per_column > 0.0, per_column * self._lower, per_column * self._upper)
        return worth + float(least.sum())

    def _set(self, option: str, value: bool | int | float | str) -> None:
        self._accept(self._solver.setOptionValue(option, value))

    def _accept(self, answer: object) -> None:
        if answer != self._ok:
            raise SolverError(f"the solver refuses its input: {answer}")
