"""Planning a batch of households: Arrow in, Arrow out.

Belongs here: the payload that a worker receives, planning each household of it, the independent
check of every plan, and keeping one household's failure to that household. Does not belong here:
rules of planning, databases, processes. Households are planned in the order of their ids, so a
batch's tables do not depend on the order in which rows arrive.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import pyarrow as pa

from python_steps.batches import settled_objects
from python_steps.planning.book_tables import BookTables
from python_steps.planning.household import (
    RELEASED,
    Household,
    HouseholdIndex,
    MarketAssumptions,
)
from python_steps.planning.household_frames import HouseholdBuilder, market_assumptions
from python_steps.planning.plan import (
    NO_TRADE_MODE,
    HouseholdPlan,
    TradeException,
)
from python_steps.planning.plan_check import BrokenInvariant, check_plan
from python_steps.planning.plan_tables import PlanKey, book_wide_hash, input_hash, plan_tables
from python_steps.planning.settings_in_force import (
    location_gap,
    with_settings_told,
    without_partial_rebalance,
)
from python_steps.planning.tax_effect import TaxEffect
from python_steps.planning.waterfall import plan_household
from python_steps.policy import FirmPolicy
from python_steps.taxes.rates import RateTables

NOTHING = Decimal(0)

Planner = Callable[[Household, FirmPolicy, RateTables, MarketAssumptions], HouseholdPlan]


@dataclass(frozen=True)
class PlanningPayload:
    """What a worker needs to plan a batch; picklable.

    `tables` holds, by name, the household tables of the batch (rows of other households do no
    harm), the book-wide tables and the seeds; see `book_tables` for names and columns, and
    `rate_tables_from` for the four seeds of rates.
    """

    household_ids: tuple[str, ...]
    tables: Mapping[str, pa.Table]
    policy: FirmPolicy
    as_of_date: date
    planned_trade_date: date
    valid_until_date: date


def plan_households(payload: PlanningPayload) -> dict[str, pa.Table]:
    """Plan every household of a batch.

    Args:
        payload: households, tables, policy and dates.

    Returns:
        The tables of `plan_tables.SCHEMAS`; one plan row per household, also for those that
        failed (`withheld`, with the error as explanation).

    Raises:
        MissingInputError: a table or column that every household needs is absent.
    """
    tables = BookTables(payload.tables, payload.as_of_date)
    rates = rate_tables_from(payload.tables, payload.policy)
    assumptions = market_assumptions(tables)
    builder = HouseholdBuilder(tables, payload.policy, payload.planned_trade_date)
    shared = book_wide_hash(
        [
            sorted(assumptions.volatility.items()),
            sorted(assumptions.correlation.items()),
            sorted(assumptions.location_rank.items()),
            sorted(assumptions.income.items()),
            _canonical_rates(rates),
        ]
    )
    planner = planner_of(payload.policy)
    with settled_objects():
        plans = [
            _plan_one(payload, builder, household_id, rates, assumptions, shared, planner)
            for household_id in sorted(set(payload.household_ids))
        ]
    return plan_tables(plans)


def planner_of(policy: FirmPolicy) -> Planner:
    """The planner that the firm's policy names; its solver is made once and used for all."""
    from python_steps.optimizer.planner import optimizing_planner, plan_step_by_step

    return plan_step_by_step if policy.planner == "waterfall" else optimizing_planner()


def rate_tables_from(tables: Mapping[str, pa.Table], policy: FirmPolicy) -> RateTables:
    """The rate tables of the seeds, with the firm's rule for years without figures."""
    return RateTables.from_frames(
        tables["seed_ordinary_tax_brackets"],
        tables["seed_capital_gains_brackets"],
        tables["seed_net_investment_income_tax"],
        tables["seed_capital_loss_limits"],
        when_missing="provisional" if policy.rates_when_missing == "provisional" else "block",
    )


def checked_plan(
    household: Household,
    policy: FirmPolicy,
    rates: RateTables,
    assumptions: MarketAssumptions,
    planner: Planner = plan_household,
) -> HouseholdPlan:
    """A planner's plan if it keeps every invariant, else none of its trades and the reason."""
    plan = planner(household, policy, rates, assumptions)
    broken = check_plan(household, plan, policy, rates)
    return plan if not broken else _withheld_plan(plan, broken)


def planned_as_set(
    household: Household,
    policy: FirmPolicy,
    rates: RateTables,
    assumptions: MarketAssumptions,
    planner: Planner = plan_household,
) -> HouseholdPlan:
    """A checked plan under a household's own settings, with what they kept it from.

    Args:
        household: the problem.
        policy: the household's policy (`HouseholdBuilder.policy_of`).
        rates: statutory rates.
        assumptions: class risk, income and location ranks.
        planner: who makes the plan.
    """
    told = []
    if household.household_state == RELEASED and policy.location_years > 0:
        index = HouseholdIndex(household)
        gap = location_gap(index, assumptions, TaxEffect(index, rates))
        told += [] if gap is None else [gap]
    plan = checked_plan(household, policy, rates, assumptions, planner)
    rest = without_partial_rebalance(household, policy, plan)
    if rest is not None:
        calmer, exception = rest
        told.append(exception)
        plan = checked_plan(calmer, policy, rates, assumptions, planner)
    return with_settings_told(plan, told)


def _plan_one(
    payload: PlanningPayload,
    builder: HouseholdBuilder,
    household_id: str,
    rates: RateTables,
    assumptions: MarketAssumptions,
    shared: str,
    planner: Planner,
) -> tuple[PlanKey, HouseholdPlan]:
    digest = ""
    try:
        household = builder.build(household_id, payload.as_of_date)
        policy = builder.policy_of(household_id)
        digest = input_hash(household, policy, shared, payload.valid_until_date)
        plan = planned_as_set(household, policy, rates, assumptions, planner)
        if household.household_state == RELEASED:
            plan = with_settings_told(plan, builder.left_alone(household_id))
    except Exception as error:  # one household's failure is that household's, the batch goes on
        plan = _failed_plan(household_id, error)
        digest = digest or book_wide_hash([household_id, plan.explanation, shared])
    key = PlanKey(
        household_id=household_id,
        as_of_date=payload.as_of_date,
        planned_trade_date=payload.planned_trade_date,
        valid_until_date=payload.valid_until_date,
        input_hash=digest,
    )
    return key, plan


def _failed_plan(household_id: str, error: Exception) -> HouseholdPlan:
    explanation = (
        f"No plan could be made: {type(error).__name__}: {str(error).rstrip('.')}. Operations must "
        "look at this household's data; the rest of the book is not affected."
    )
    return HouseholdPlan(
        household_id=household_id,
        run_mode=NO_TRADE_MODE,
        plan_status="withheld",
        explanation=explanation,
        trades=(),
        tax_impacts=(),
        exceptions=(TradeException("Household", "withheld", explanation),),
        value=None,
        estimated_tax=None,
        transaction_cost=NOTHING,
        tracking_error_before=None,
        tracking_error_after=None,
        breakeven_years=None,
        cash_shortfall=NOTHING,
    )


def _withheld_plan(plan: HouseholdPlan, broken: list[BrokenInvariant]) -> HouseholdPlan:
    rows = tuple(
        TradeException(
            subject=f"Plan check {number}: {each.invariant}",
            reason_code="withheld",
            rationale=f"The plan breaks the rule {each.invariant}: {each.detail}.",
        )
        for number, each in enumerate(broken, start=1)
    )
    names = ", ".join(dict.fromkeys(each.invariant for each in broken))
    return replace(
        plan,
        run_mode=NO_TRADE_MODE,
        plan_status="withheld",
        explanation=f"The plan is withheld because it breaks: {names}. See the exceptions.",
        trades=(),
        tax_impacts=(),
        exceptions=(*rows, *plan.exceptions),
        value=None,
        estimated_tax=None,
        transaction_cost=NOTHING,
        tracking_error_after=None,
        breakeven_years=None,
        optimality=None,
    )


def _canonical_rates(rates: RateTables) -> list[object]:
    return [
        sorted(rates.ordinary.items()),
        sorted(rates.gains.items()),
        sorted(rates.net_investment.items()),
        sorted(rates.loss_deduction.items()),
        rates.when_missing,
    ]
