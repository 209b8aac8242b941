"""The optimising planner: one household, all accounts and lots together, in dollars.

Belongs here: which plan is published: the optimised one, the waterfall's, or none. Does not belong
here: how a plan is made (`attempt`) and proved (`optimality`). The waterfall's plan is always made
too: it is the baseline of every plan and what is published where the optimised plan is no better,
breaks a rule of the independent checkers or is worth something else than it says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal

from python_steps.optimizer.alternatives import Question, alternatives_of, with_alternatives
from python_steps.optimizer.attempt import Attempt, attempted
from python_steps.optimizer.core_model import build_core_model
from python_steps.optimizer.core_problem import CoreProblem, core_problem
from python_steps.optimizer.evidence import with_sound_proof
from python_steps.optimizer.frontier import tax_budget_frontier
from python_steps.optimizer.linear_programs import LinearPrograms
from python_steps.optimizer.optimality import PLANNER, optimality_of, taxes_of
from python_steps.optimizer.plan_shares import plan_shares
from python_steps.optimizer.prices import ObjectivePrices, objective_prices, relinearised
from python_steps.optimizer.rationale import Rationales, priced, rationales, with_reasons
from python_steps.optimizer.untraded import untraded_of, with_prices_told
from python_steps.optimizer.valuation import fully_valued
from python_steps.optimizer.workshop import PlanningTools, Workshop, workshop_of
from python_steps.planning import waterfall
from python_steps.planning.gain_steps import Deferral
from python_steps.planning.household import RELEASED, Household, MarketAssumptions
from python_steps.planning.ledger import PlanLedger
from python_steps.planning.objective_check import check_objective
from python_steps.planning.plan import (
    CASH_ONLY_MODE,
    HARVEST_MODE,
    NO_TRADE_MODE,
    REBALANCE_MODE,
    HouseholdPlan,
    Optimality,
    Trade,
)
from python_steps.planning.plan_check import check_plan
from python_steps.planning.wording import components_words, value_words
from python_steps.policy import FirmPolicy
from python_steps.taxes.rates import RateTables

CENT = Decimal("0.01")
UNPRICED = "There are no prices that say what each reason of a trade is worth."
STEPWISE = f"The step-by-step planner made these trades. {UNPRICED}"
# Where model and true tax differ by more, the rates are taken at the plan and it is made anew.
TAX_DIFFERENCE = Decimal(50)


def optimizing_planner(
    tools: PlanningTools | None = None,
) -> Callable[[Household, FirmPolicy, RateTables, MarketAssumptions], HouseholdPlan]:
    """A planner with a solver of its own, for a whole batch."""
    own = PlanningTools(LinearPrograms(), with_alternatives=True) if tools is None else tools

    def plan(
        household: Household,
        policy: FirmPolicy,
        rate_tables: RateTables,
        assumptions: MarketAssumptions,
    ) -> HouseholdPlan:
        return plan_household(household, policy, rate_tables, assumptions, own)

    return plan


def plan_step_by_step(
    household: Household,
    policy: FirmPolicy,
    rate_tables: RateTables,
    assumptions: MarketAssumptions,
) -> HouseholdPlan:
    """The waterfall's plan for a firm that wants no other, or no trade where that is worth more."""
    work = workshop_of(household, policy, rate_tables, assumptions, PlanningTools(LinearPrograms()))
    plan = waterfall.plan_from(work.market, work.start, work.judge)
    needs = core_problem(work.start, work.market.sells, work.market.buys, policy).needs
    if not plan.trades or needs:
        return plan
    prices = objective_prices(work.market.index, policy, assumptions, work.tax)
    idle = _better_idle_plan(work, prices, fully_valued(plan, prices, work.tax))
    return plan if idle is None else replace(idle, value=None)


def plan_household(
    household: Household,
    policy: FirmPolicy,
    rate_tables: RateTables,
    assumptions: MarketAssumptions,
    tools: PlanningTools | None = None,
) -> HouseholdPlan:
    """Plan one household.

    Args:
        household: the problem; a household that is not released gets no trades.
        policy: the firm's settings.
        rate_tables: statutory rates; a year without them blocks taxable sales.
        assumptions: class risk, income and location ranks.
        tools: the reused solver; its own where none is given.

    Returns:
        The better of the optimised plan and the waterfall's, with how it was found.
    """
    used = PlanningTools(LinearPrograms()) if tools is None else tools
    work = workshop_of(household, policy, rate_tables, assumptions, used)
    prices = objective_prices(work.market.index, policy, assumptions, work.tax)
    baseline = fully_valued(
        waterfall.plan_from(work.market, work.start, work.judge), prices, work.tax
    )
    used.timer.ended("waterfall")
    if household.household_state != RELEASED:
        return _published(baseline, baseline, "not_run")
    problem = core_problem(work.start, work.market.sells, work.market.buys, policy)
    if not problem.sales and not problem.purchases:
        return _published(baseline, baseline, "not_run")
    optimised = _optimised(work, problem, prices, baseline)
    used.timer.ended("explanation")
    plan = _better_of(work, problem, None if optimised is None else optimised[0], baseline)
    if optimised is not None and plan is optimised[0]:
        used.record.published(optimised[1])
    if plan.trades and not problem.needs:
        plan = _unless_idle_is_better(
            work, prices, plan, None if optimised is None else optimised[1], baseline
        )
    used.timer.ended("check")
    plan = _with_frontier(work, problem, prices, plan)
    if not used.with_alternatives or not problem.due_groups:
        return plan
    lean = replace(used, with_frontier=False, with_alternatives=False, with_reasons=False)

    def later_plan(later: Household, settings: FirmPolicy) -> HouseholdPlan:
        return plan_household(later, settings, rate_tables, assumptions, lean)

    question = Question(household, policy, rate_tables, assumptions, prices, later_plan)
    found = alternatives_of(question, plan)
    used.timer.ended("alternatives")
    return with_alternatives(plan, found)


def _better_of(
    work: Workshop, problem: CoreProblem, plan: HouseholdPlan | None, baseline: HouseholdPlan
) -> HouseholdPlan:
    """The optimised plan where it keeps every rule, tells the truth and is no worse."""
    is_lawful = plan is not None and not check_plan(
        work.household, plan, work.policy, work.rate_tables
    )
    if plan is not None and is_lawful and _is_better(plan, baseline, work.policy):
        if not _misstated(work, plan):
            return plan
        is_lawful = False
    # Losses that are not worth harvesting leave nothing to be optimised.
    is_quiet = is_lawful and not problem.due_groups and not problem.needs
    return _published(baseline, baseline, "not_run" if is_quiet else "heuristic")


def _misstated(work: Workshop, plan: HouseholdPlan) -> bool:
    """Whether a plan is worth something else than it says, by the checker's own arithmetic."""
    return bool(
        check_objective(
            work.household, plan, work.policy, work.rate_tables, work.market.assumptions
        )
    )


def _unless_idle_is_better(
    work: Workshop,
    prices: ObjectivePrices,
    plan: HouseholdPlan,
    attempt: Attempt | None,
    baseline: HouseholdPlan,
) -> HouseholdPlan:
    """The plan, or none of its trades where not trading is worth more."""
    idle = _better_idle_plan(work, prices, plan)
    if idle is None:
        return plan
    known = plan.optimality or Optimality(PLANNER, "heuristic")
    if attempt is not None and known.planner == PLANNER:
        # The bound is the model's, so that what it is held against must be, too.
        work.tools.programs.load(attempt.core.model)
        untouched = attempt._replace(ledger=work.start)
        proved = with_sound_proof(work, untouched, idle, optimality_of(work, untouched, baseline))
        known = replace(
            known,
            solver_status=proved.solver_status,
            optimality_gap=proved.optimality_gap,
            search_gap=proved.search_gap,
            choice_gap=proved.choice_gap,
            shares_gap=proved.shares_gap,
        )
        known = _bounded(known, idle)
    return replace(
        idle, optimality=replace(known, planner=PLANNER, stage=None, trade_values={}, rationales={})
    )


def _better_idle_plan(
    work: Workshop, prices: ObjectivePrices, plan: HouseholdPlan
) -> HouseholdPlan | None:
    """The plan without any trade, where that is worth more; None where it is not.

    Where trades must be very large, what is left of a plan may cost more than it cures.
    """
    shortfalls = {
        account.account_id: max(Decimal(0), -work.start.cash(account.account_id))
        for account in work.household.accounts
    }
    steps = waterfall.Steps(work.start.copy(), REBALANCE_MODE, shortfalls, [])
    idle = fully_valued(
        waterfall.finished_plan(work.market, work.start, steps, work.judge), prices, work.tax
    )
    idle = replace(idle, run_mode=NO_TRADE_MODE)
    is_better = _is_better(idle, plan, work.policy)
    if not is_better or check_plan(work.household, idle, work.policy, work.rate_tables):
        return None
    return idle


def _published(plan: HouseholdPlan, baseline: HouseholdPlan, status: str) -> HouseholdPlan:
    """The waterfall's plan, which has no program whose prices could split a trade's worth."""
    return replace(
        plan,
        explanation=f"{plan.explanation} {STEPWISE}" if plan.trades else plan.explanation,
        optimality=Optimality(
            "waterfall",
            status,
            baseline=baseline.value,
            baseline_taxes=taxes_of(baseline),
            baseline_trades=len(baseline.trades),
        ),
    )


def _is_better(plan: HouseholdPlan, baseline: HouseholdPlan, policy: FirmPolicy) -> bool:
    """Whether the plan is no worse, in dollars; unknown taxes are no argument.

    Each trade counts with the benefit that the policy asks of it: fewer trades are better.
    """
    mine = None if plan.value is None else plan.value.total
    its = None if baseline.value is None else baseline.value.total
    if mine is None or its is None:
        return its is None
    more_trades = len(plan.trades) - len(baseline.trades)
    least = policy.harvest_threshold if plan.run_mode == HARVEST_MODE else -CENT
    return mine + policy.minimum_trade_benefit * more_trades <= its - least


def _optimised(
    work: Workshop, problem: CoreProblem, prices: ObjectivePrices, baseline: HouseholdPlan
) -> tuple[HouseholdPlan, Attempt] | None:
    """The optimised plan and how it was made, None where none was found."""
    attempt, deferrals = attempted(work, problem, prices)
    if attempt is None:
        return None
    plan = _as_plan(work, attempt, deferrals, prices, baseline)
    work.tools.timer.ended("explanation")
    modelled = _components(attempt)["tax"]
    if plan.estimated_tax is not None and (
        abs(plan.estimated_tax - Decimal(str(modelled))) > TAX_DIFFERENCE
    ):
        there = relinearised(prices, work.tax, attempt.ledger.realized())
        second, put_off = attempted(work, problem, there)
        if second is not None:
            again = _as_plan(work, second, put_off, prices, baseline)
            if _is_better(again, plan, work.policy):
                return again, second
    return plan, attempt


def _components(attempt: Attempt) -> dict[str, float]:
    return attempt.core.components(attempt.mended.values)


def _as_plan(
    work: Workshop,
    attempt: Attempt,
    deferrals: list[Deferral],
    prices: ObjectivePrices,
    baseline: HouseholdPlan,
) -> HouseholdPlan:
    asks_why = work.tools.with_reasons and work.tools.with_trade_values
    found, is_priced = _reasons(work, attempt, prices) if asks_why else ({}, True)
    attempt = attempt._replace(ledger=with_reasons(attempt.core.problem, attempt.ledger, found))
    shortfalls = {
        account.account_id: max(Decimal(0), -attempt.ledger.cash(account.account_id))
        for account in work.household.accounts
    }
    run_mode = _run_mode(attempt.core.problem, attempt.ledger, any(shortfalls.values()))
    steps = waterfall.Steps(attempt.ledger, run_mode, shortfalls, deferrals)
    plan = waterfall.finished_plan(work.market, work.start, steps, work.judge)
    plan = fully_valued(plan, prices, work.tax)
    proved = with_sound_proof(work, attempt, plan, optimality_of(work, attempt, baseline))
    proved = _bounded(_with_sound_values(proved, plan), plan)
    proved = replace(proved, rationales=found)
    if asks_why:
        rows = untraded_of(work, attempt, attempt.ledger)
        plan = replace(plan, untraded=rows, exceptions=with_prices_told(plan.exceptions, rows))
    if plan.trades and not is_priced:
        plan = replace(plan, explanation=f"{plan.explanation} {UNPRICED}")
    return replace(plan, trades=_with_values(plan.trades, proved), optimality=proved)


def _reasons(work: Workshop, attempt: Attempt, prices: ObjectivePrices) -> tuple[Rationales, bool]:
    """What speaks for and against each trade, and whether the program gave its prices."""
    priced_plan = priced(attempt, work.household, work.policy, work.tools.programs)
    if priced_plan is None:
        return {}, False
    shares = plan_shares(prices, work.tax, work.start, attempt.ledger)
    return rationales(priced_plan, attempt.ledger, shares), True


def _bounded(proved: Optimality, plan: HouseholdPlan) -> Optimality:
    """The proof with its bound in the plan's own terms: its value less the gap.

    The gap is the model's, whose taxes are linear and which leaves out what no trade changes.
    """
    total = None if plan.value is None else plan.value.total
    if proved.optimality_gap is None or total is None:
        return replace(proved, lower_bound=None)
    return replace(proved, lower_bound=total - proved.optimality_gap)


def _with_sound_values(proved: Optimality, plan: HouseholdPlan) -> Optimality:
    """The proof without worths beyond the trade: without it, cash that is due is missing."""
    size = {(trade.account_id, trade.security_id): trade.notional for trade in plan.trades}
    return replace(
        proved,
        trade_values={
            key: None if value is None or value > size.get(key, value) else value
            for key, value in proved.trade_values.items()
        },
    )


def _with_frontier(
    work: Workshop, problem: CoreProblem, prices: ObjectivePrices, plan: HouseholdPlan
) -> HouseholdPlan:
    """The plan with what budgets for the year's tax would buy instead."""
    if plan.optimality is None or not problem.due_groups or not work.tools.with_frontier:
        return plan
    core = build_core_model(problem, prices, work.costs)
    points = tax_budget_frontier(core, work.tools.programs, work.market.assumptions)
    work.tools.timer.ended("frontier")
    return replace(plan, optimality=replace(plan.optimality, frontier=points))


def _run_mode(problem: CoreProblem, ledger: PlanLedger, is_short: bool) -> str:
    """What kind of night it is: a rebalance, a harvest of losses, cash alone, or nothing."""
    if problem.due_groups:
        return REBALANCE_MODE
    if not ledger.orders and not is_short:
        return NO_TRADE_MODE
    is_harvest = any(problem.may_harvest(order.account_id) for order in ledger.orders.values())
    return HARVEST_MODE if is_harvest else CASH_ONLY_MODE


def _with_values(trades: Iterable[Trade], proved: Optimality) -> tuple[Trade, ...]:
    """The trades, each saying what speaks for it and what the plan would lose without it."""
    told = []
    for trade in trades:
        key = (trade.account_id, trade.security_id)
        parts = [trade.rationale, components_words(proved.rationales.get(key, ()))]
        if key in proved.trade_values:
            parts.append(value_words(proved.trade_values[key]))
        told.append(replace(trade, rationale=" ".join(part for part in parts if part)))
    return tuple(told)
