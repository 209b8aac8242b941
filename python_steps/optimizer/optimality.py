"""What a plan may say of itself: its proven bound, its distance to it, the worth of each trade.

Belongs here: checking the search's evidence and valuing the very shares traded by the model. Does
not belong here: the evidence (`search`), its check (`certificate`), which plan is published.
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

from python_steps.optimizer.attempt import Attempt, tolerance_of
from python_steps.optimizer.certificate import CertificateError, verified_lower_bound
from python_steps.optimizer.linear_model import DOLLARS_PER_UNIT
from python_steps.optimizer.model_assembly import CENT_OF_UNIT
from python_steps.optimizer.search import fitted
from python_steps.optimizer.small_change import amounts_by_column
from python_steps.optimizer.workshop import Workshop
from python_steps.planning.plan import HouseholdPlan, Optimality

PLANNER = "optimizer"
CENT = Decimal("0.01")
# What rounding against itself may cost a proof beside the search's tolerance: a dime.
PROOF_SLACK = 10 * CENT_OF_UNIT


def optimality_of(work: Workshop, attempt: Attempt, baseline: HouseholdPlan) -> Optimality:
    """How good a plan is proved to be, in dollars.

    Args:
        work: the household; the model of the attempt must be loaded into its solver.
        attempt: how the plan was made.
        baseline: the waterfall's plan.
    """
    bound = _verified_bound(attempt)
    worth = _model_value_in_shares(work, attempt)
    gaps = _Gaps() if bound is None or worth is None else _gaps(attempt, bound, worth)
    return Optimality(
        planner=PLANNER,
        solver_status=_status(work, attempt, bound),
        lower_bound=None if bound is None else _dollars(bound).quantize(CENT),
        optimality_gap=gaps.in_all,
        baseline=baseline.value,
        baseline_taxes=taxes_of(baseline),
        baseline_trades=len(baseline.trades),
        stage=attempt.room.stage.name.lower(),
        programs_solved=work.tools.programs.programs_solved,
        trade_values={
            _place(key): None if math.isinf(value) else _dollars(value).quantize(CENT)
            for key, value in sorted(attempt.mended.trade_values.items())
        },
        search_gap=gaps.of_search,
        choice_gap=gaps.of_choice,
        shares_gap=gaps.of_shares,
    )


class _Gaps(NamedTuple):
    """A plan's distance to its bound in dollars, and the parts that it is the sum of."""

    in_all: Decimal | None = None
    of_search: Decimal | None = None
    of_choice: Decimal | None = None
    of_shares: Decimal | None = None


def _gaps(attempt: Attempt, bound: float, worth: float) -> _Gaps:
    """The distance from the bound to the search's solution, to the trades chosen, to the shares.

    Where a plan ends up below the search's solution, what the search left is no more than the
    whole.
    """
    in_all = _up_to_cents(worth - bound)
    of_search = min(in_all, _up_to_cents(attempt.found.objective - bound))
    chosen = _dollars(attempt.mended.objective - attempt.found.objective).quantize(CENT)
    return _Gaps(in_all, of_search, chosen, in_all - of_search - chosen)


def _up_to_cents(units: float) -> Decimal:
    return max(Decimal(0), _dollars(units).quantize(CENT, rounding=ROUND_CEILING))


def taxes_of(plan: HouseholdPlan) -> dict[str, Decimal | None]:
    """Estimated tax by tax unit, dollars; None where it is not known."""
    return {impact.tax_unit_id: impact.estimated_tax for impact in plan.tax_impacts}


def _status(work: Workshop, attempt: Attempt, bound: float | None) -> str:
    """Only what the evidence proves is called optimal, whatever the search believes."""
    if bound is None:
        return "heuristic"
    most = tolerance_of(work, attempt.core) + PROOF_SLACK
    return "optimal" if attempt.found.objective - bound <= most else "feasible_gap"


def _place(key: str) -> tuple[str, str]:
    _, account_id, security_id = key.split("|", 2)
    return account_id, security_id


def _verified_bound(attempt: Attempt) -> float | None:
    """The bound that the leaves prove without a solver, None where they prove none."""
    try:
        return verified_lower_bound(attempt.model, attempt.found.leaves)
    except CertificateError:
        return None


def _model_value_in_shares(work: Workshop, attempt: Attempt) -> float | None:
    """The model's objective of the very shares traded, thousand dollars."""
    core = attempt.core
    # Whole shares may raise a little more cash than is needed: what a stage closes stays open.
    lower, upper = core.model.lower.copy(), core.model.upper.copy()
    traded = amounts_in_shares(attempt)
    for column, amount in traded.items():
        lower[column] = upper[column] = min(amount, float(upper[column]))
    programs = work.tools.programs
    freely = programs.solve(lower, upper)
    if freely.status != "optimal":
        # Costs of orders are whole cents: a row of cash may be missed by as much.
        for column in traded:
            lower[column] = max(float(core.model.lower[column]), lower[column] - CENT_OF_UNIT)
            upper[column] = min(float(core.model.upper[column]), upper[column] + CENT_OF_UNIT)
        freely = programs.solve(lower, upper)
    if freely.status != "optimal":
        return None
    # The trades settle the standing orders; the other switches take the side that they use.
    for column, value in fitted(core.model, freely.values).items():
        if column not in core.order_switches:
            lower[column] = upper[column] = value
    solution = programs.solve(lower, upper)
    return solution.objective if solution.status == "optimal" else None


def amounts_in_shares(attempt: Attempt) -> dict[int, float]:
    """By column of each possible trade what the plan's shares come to, thousand dollars."""
    return amounts_by_column(attempt.core, attempt.ledger)


def _dollars(units: float) -> Decimal:
    return Decimal(str(units * DOLLARS_PER_UNIT))
