"""A second way to the optimum for tests: default solver settings, a new solver every time.

Belongs here: one program by HiGHS as it comes, and all 0/1 settings one by one. Does not belong
here: anything the project itself solves with.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import highspy
import numpy as np

from python_steps.optimizer.linear_model import UNBOUNDED, Floats, LinearModel

LEAK = 1e-6


def plain_objective(model: LinearModel, fixed: Mapping[int, float]) -> float:
    """The optimum with columns fixed; infinite where nothing satisfies the model."""
    lower, upper = model.lower.copy(), model.upper.copy()
    for column, value in fixed.items():
        lower[column] = upper[column] = value
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = model.column_count, model.row_count
    program.col_cost_, program.col_lower_, program.col_upper_ = model.cost, lower, upper
    program.row_lower_, program.row_upper_ = model.row_lower, model.row_upper
    program.offset_ = model.offset
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    program.a_matrix_.start_ = model.starts
    program.a_matrix_.index_ = model.rows
    program.a_matrix_.value_ = model.values
    solver = highspy.Highs()
    solver.silent()
    solver.passModel(program)
    solver.run()
    status = solver.getModelStatus()
    if status == highspy.HighsModelStatus.kInfeasible:
        return UNBOUNDED
    assert status == highspy.HighsModelStatus.kOptimal
    return float(solver.getInfo().objective_function_value)


def every_setting(model: LinearModel) -> float:
    """The best of all 0/1 settings of the switches."""
    columns = [switch.column for switch in model.switches]
    return min(
        plain_objective(model, dict(zip(columns, values, strict=True)))
        for values in itertools.product((0.0, 1.0), repeat=len(columns))
    )


def assert_satisfies(model: LinearModel, values: Floats) -> None:
    """Every row and every bound of the model holds."""
    activities = model.row_activities(values)
    assert np.all(values >= model.lower - LEAK)
    assert np.all(values <= model.upper + LEAK)
    assert np.all(activities >= model.row_lower - LEAK)
    assert np.all(activities <= model.row_upper + LEAK)
