"""A proof handed to the independent judge of its program, and withdrawn where that finds fault.

Belongs here: naming the parts of a household's model for `certificate_check`, and what becomes of a
proof whose program does not describe the household or the plan. Does not belong here: making the
proof (`optimality`), checking its arithmetic (`certificate`), judging (`certificate_check`).
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from python_steps.optimizer.attempt import Attempt
from python_steps.optimizer.model_assembly import CoreModel
from python_steps.optimizer.workshop import Workshop
from python_steps.planning.certificate_check import Certified, check_certified_model
from python_steps.planning.plan import HouseholdPlan, Optimality

# No plan inside the room of a proof may be better than its bound by more than cents.
BELOW_BOUND = Decimal(1)


def certified(core: CoreModel) -> Certified:
    """A household's model with the names of its parts."""
    problem = core.problem
    sales = zip(problem.sales, core.sale_columns, strict=True)
    purchases = zip(problem.purchases, core.purchase_columns, strict=True)
    return Certified(
        program=core.model,
        sales={sale.lot.lot_id: column for sale, column in sales},
        purchases={(each.account_id, each.security_id): column for each, column in purchases},
        terms=core.terms,
        term_offsets=core.term_offsets,
    )


def with_sound_proof(
    work: Workshop, attempt: Attempt, plan: HouseholdPlan, proved: Optimality
) -> Optimality:
    """The proof, or none where its program says something else of the plan than is true.

    Args:
        work: the household.
        attempt: the model that was certified.
        plan: the plan that the proof speaks of, valued.
        proved: the proof, with its bound in the model's own terms.
    """
    if proved.lower_bound is None:
        return proved
    program = replace(certified(attempt.core), room=attempt.model.upper)
    judged = check_certified_model(
        work.household, plan, work.policy, work.market.assumptions, program
    )
    is_below = judged.objective < float(proved.lower_bound - BELOW_BOUND)
    if not judged.broken and not (is_below and judged.is_inside):
        return proved
    return replace(
        proved,
        solver_status="heuristic",
        lower_bound=None,
        optimality_gap=None,
        search_gap=None,
        choice_gap=None,
        shares_gap=None,
    )
