"""The same household problem in one piece, by HiGHS' own integer solver, as a yardstick.

Belongs here: switches, minimum trades and tickets as integer columns of one program. Does not
belong here: anything a plan is made with; it takes some fifty times as long, and is for tests and
`evenkeel bench --reference`. What the integer solver answers is solved again with its integers
fixed, and every row and bound is checked, since wrong answers are known (HiGHS issues 2328, 3307).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from python_steps.optimizer.linear_model import (
    UNBOUNDED,
    Floats,
    LinearModel,
    ModelBuilder,
    Switch,
    side_of,
)
from python_steps.optimizer.linear_programs import LinearPrograms
from python_steps.optimizer.search import fixed_bounds
from python_steps.optimizer.trade_groups import NEGLIGIBLE, TradeGroup, TradeSizes

ReferenceStatus = Literal["optimal", "gap", "infeasible", "failed"]

# Found by measurement on 60 households: HiGHS' defaults take four times as long. Not among them is
# mip_lifting_for_probing, with which HiGHS 1.15.1 calls two of three households infeasible.
_TUNING: tuple[tuple[str, bool | int | float | str], ...] = (
    ("output_flag", False),
    ("threads", 1),
    ("parallel", "off"),
    ("random_seed", 0),
    ("mip_rel_gap", 0.0),
    # Times a household's value, the default would let several dollars through a closed switch.
    ("mip_feasibility_tolerance", 1e-9),
    ("mip_allow_restart", False),
    ("mip_heuristic_run_feasibility_jump", False),
    ("mip_heuristic_run_rens", False),
    ("mip_heuristic_run_rins", False),
)
# Rows and bounds may be missed by a tenth of a cent.
_LEAK = 1e-6


@dataclass(frozen=True, slots=True)
class ReferenceSolution:
    """The optimum of the whole problem, thousand dollars.

    Attributes:
        status: `optimal` within the gap asked for; `gap` when the checked solution is further
            from the bound; `infeasible`; `failed` without a verdict or with a wrong answer.
        objective: of the solution, tickets included; infinite without one.
        tickets: what tickets cost in it.
        bound: what no solution is below, as the integer solver says.
        values: the model's own columns; empty without a solution.
    """

    status: ReferenceStatus
    objective: float
    tickets: float
    bound: float
    values: Floats


def reference_objective(
    model: LinearModel, trades: Sequence[TradeGroup], *, absolute_gap: float
) -> ReferenceSolution:
    """The best plan that keeps to switches and minimum trades, tickets included.

    Args:
        model: the household's model.
        trades: its trades; without any the switches alone are decided.
        absolute_gap: thousand dollars the result may lie above the bound.
    """
    whole = _with_trade_switches(model, trades)
    for presolve in ("off", "on"):
        # Without presolve it is twice as fast; that it then finds nothing may be its own mistake.
        answer, values, bound = _integer_optimum(whole, absolute_gap, presolve)
        if answer == "optimal":
            return _checked(model, whole, trades, values, bound, absolute_gap)
    return ReferenceSolution(answer, UNBOUNDED, 0.0, -UNBOUNDED, np.zeros(0))


def _checked(
    model: LinearModel,
    whole: LinearModel,
    trades: Sequence[TradeGroup],
    values: Floats,
    bound: float,
    absolute_gap: float,
) -> ReferenceSolution:
    """The answer solved again with its integers fixed, and held against every row and bound."""
    fixed = {switch.column: float(round(values[switch.column])) for switch in whole.switches}
    programs = LinearPrograms()
    programs.load(whole)
    solution = programs.solve(*fixed_bounds(whole, fixed))
    own = solution.values[: model.column_count]
    if solution.status != "optimal" or not _satisfies(whole, solution.values):
        return ReferenceSolution("failed", UNBOUNDED, 0.0, bound, np.zeros(0))
    tickets = TradeSizes(model, trades).ticket_costs(TradeSizes(model, trades).sizes(own))
    objective = float(model.cost @ own) + model.offset + tickets
    is_reached = objective - bound <= absolute_gap + _LEAK
    return ReferenceSolution("optimal" if is_reached else "gap", objective, tickets, bound, own)


def _satisfies(model: LinearModel, values: Floats) -> bool:
    activities = model.row_activities(values)
    return bool(
        np.all(values >= model.lower - _LEAK)
        and np.all(values <= model.upper + _LEAK)
        and np.all(activities >= model.row_lower - _LEAK)
        and np.all(activities <= model.row_upper + _LEAK)
    )


def _with_trade_switches(model: LinearModel, trades: Sequence[TradeGroup]) -> LinearModel:
    """The model with a column per trade that is 1 where it happens.

    It costs the ticket, takes the commission of the account's cash, and
    `least * happens <= size <= most * happens`.
    """
    sizes = TradeSizes(model, trades)
    can_happen = sizes.can_reach_least() | sizes.is_forced
    fees: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for number, trade in enumerate(trades):
        for row in trade.cash_rows:
            fees[row].append((model.column_count + number, -trade.fee))
    build = _copied(model, fees)
    for number, trade in enumerate(trades):
        most = float(sizes.most[number])
        least = min(trade.least, most)
        happens = build.column(
            f"happens:{trade.key}", upper=float(can_happen[number]), cost=trade.ticket
        )
        size = [(column, 1.0) for column in trade.columns]
        build.row(f"least:{trade.key}", [*size, (happens, -least)], lower=0.0)
        build.row(f"most:{trade.key}", [*size, (happens, -most)], upper=0.0)
        build.switch(
            Switch(
                f"happens:{trade.key}",
                happens,
                side_of([]),
                side_of(trade.columns),
                NEGLIGIBLE,
                1.0,
            )
        )
    return build.model()


def _copied(model: LinearModel, further: Mapping[int, Sequence[tuple[int, float]]]) -> ModelBuilder:
    """The model, with further entries of columns that are yet to come."""
    build = ModelBuilder(offset=model.offset)
    entries: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for column, name in enumerate(model.column_names):
        build.column(
            name,
            lower=float(model.lower[column]),
            upper=float(model.upper[column]),
            cost=float(model.cost[column]),
        )
        for entry in range(model.starts[column], model.starts[column + 1]):
            entries[int(model.rows[entry])].append((column, float(model.values[entry])))
    for row, name in enumerate(model.row_names):
        build.row(
            name,
            [*entries[row], *further.get(row, ())],
            lower=float(model.row_lower[row]),
            upper=float(model.row_upper[row]),
        )
    for switch in model.switches:
        build.switch(switch)
    return build


def _integer_optimum(
    model: LinearModel, absolute_gap: float, presolve: str
) -> tuple[ReferenceStatus, Floats, float]:
    """What the integer solver answers, with its values and bound."""
    from highspy import HighsModelStatus
    from highspy._core import _Highs

    solver: Any = _Highs()
    for option, value in (*_TUNING, ("presolve", presolve), ("mip_abs_gap", absolute_gap)):
        solver.setOptionValue(option, value)
    solver.passModel(_program(model))
    solver.run()
    status = solver.getModelStatus()
    if status == HighsModelStatus.kInfeasible:
        return "infeasible", np.zeros(0), UNBOUNDED
    if status != HighsModelStatus.kOptimal:
        return "failed", np.zeros(0), -UNBOUNDED
    # Without integers it is a linear program, whose optimum is its own bound.
    told = "mip_dual_bound" if model.switches else "objective_function_value"
    bound = float(solver.getInfoValue(told)[1])
    return "optimal", np.array(solver.getSolution().col_value), bound


def _program(model: LinearModel) -> Any:
    from highspy import HighsLp, HighsVarType, MatrixFormat

    kinds = [HighsVarType.kContinuous] * model.column_count
    for switch in model.switches:
        kinds[switch.column] = HighsVarType.kInteger
    program: Any = HighsLp()
    program.num_col_, program.num_row_ = model.column_count, model.row_count
    program.col_cost_, program.offset_ = model.cost, model.offset
    program.col_lower_, program.col_upper_ = model.lower, model.upper
    program.row_lower_, program.row_upper_ = model.row_lower, model.row_upper
    program.a_matrix_.format_ = MatrixFormat.kColwise
    program.a_matrix_.start_ = model.starts
    program.a_matrix_.index_ = model.rows
    program.a_matrix_.value_ = model.values
    program.integrality_ = kinds
    return program
