"""The optimising planner: one household, all accounts and lots together, in dollars.

Belongs here: the order of the work (model, stages, search, repair, rounding, proof) and what is
done when a step fails. Does not belong here: any of those steps. The waterfall's plan is always
made too: it is the baseline of every plan and what is published where the optimised plan is no
better or breaks a rule of the independent checker. Work is limited by programs solved, never by
time, so a slow machine makes the same plan.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

from python_steps.optimizer.certificate import CertificateError, verified_lower_bound
from python_steps.optimizer.core_model import build_core_model
from python_steps.optimizer.core_problem import CoreProblem, Stage, core_problem
from python_steps.optimizer.frontier import tax_budget_frontier
from python_steps.optimizer.linear_model import DOLLARS_PER_UNIT, Floats, LinearModel
from python_steps.optimizer.linear_programs import LinearPrograms
from python_steps.optimizer.model_assembly import CoreModel, Room
from python_steps.optimizer.prices import ObjectivePrices, objective_prices, relinearised
from python_steps.optimizer.repair import Repaired, repaired
from python_steps.optimizer.rounding import rounded_ledger
from python_steps.optimizer.search import SearchResult, fitted, search
from python_steps.optimizer.trade_groups import TradeGroup
from python_steps.optimizer.valuation import fully_valued
from python_steps.planning import waterfall
from python_steps.planning.buy_rules import BuyRules
from python_steps.planning.costs import CostModel
from python_steps.planning.gain_steps import Deferral, Judge, Verdict, judged
from python_steps.planning.household import (
    RELEASED,
    Household,
    HouseholdIndex,
    MarketAssumptions,
)
from python_steps.planning.ledger import PlanLedger
from python_steps.planning.plan import (
    CASH_ONLY_MODE,
    HARVEST_MODE,
    NO_TRADE_MODE,
    REBALANCE_MODE,
    SELL,
    HouseholdPlan,
    Optimality,
    Trade,
)
from python_steps.planning.plan_check import check_plan
from python_steps.planning.sell_rules import SellRules
from python_steps.planning.swaps import Market
from python_steps.planning.tax_effect import TaxEffect
from python_steps.planning.wording import value_words
from python_steps.policy import FirmPolicy
from python_steps.taxes.rates import RateTables

PLANNER = "optimizer"
CENT = Decimal("0.01")
# A larger household is searched to a tolerance that its size makes invisible.
MANY_SALES = 1000
SMALL_TOLERANCE = 1.0
LARGE_TOLERANCES = (5.0, 0.000002)
# A stage that asks for more is entered only for more than this (dollars, share of the value).
STAGE_WORTH = (25.0, 0.000025)
# Shares of a stage's tax that are tried, until one pays for itself in time.
GAIN_SHARES = (1.0, 0.6, 0.3)
# Where model and true tax differ by more, the rates are taken at the plan and it is made anew.
TAX_DIFFERENCE = Decimal(50)
MOST_PROGRAMS = 400
MOST_REPAIR_PROGRAMS = 300
# Of a large household only small trades are tried one by one: the others carry their weight.
SMALL_TRADES = 5.0


class StageTimer:
    """Told when a stage of the work ends; does nothing unless somebody measures."""

    def ended(self, stage: str) -> None:
        """A stage has just ended."""


NO_TIMER = StageTimer()


@dataclass(frozen=True)
class PlanningTools:
    """What every household of a batch is planned with.

    `programs` is the one solver that is reused; `with_trade_values` says whether each trade is
    tried by leaving it out, which also drops those that earn less than they cost;
    `with_frontier` whether budgets for the year's tax are tried, too.
    """

    programs: LinearPrograms
    with_trade_values: bool = True
    with_frontier: bool = True
    timer: StageTimer = NO_TIMER


class _Attempt(NamedTuple):
    """One way through the work: the model, what the search found, and the plan in shares."""

    core: CoreModel
    model: LinearModel
    room: Room
    found: SearchResult
    mended: Repaired
    ledger: PlanLedger


class _Workshop(NamedTuple):
    """A household with everything its planning needs."""

    household: Household
    policy: FirmPolicy
    market: Market
    start: PlanLedger
    costs: CostModel
    tax: TaxEffect
    judge: Judge
    tools: PlanningTools


def optimizing_planner(
    tools: PlanningTools | None = None,
) -> Callable[[Household, FirmPolicy, RateTables, MarketAssumptions], HouseholdPlan]:
    """A planner with a solver of its own, for a whole batch."""
    own = PlanningTools(LinearPrograms()) if tools is None else tools

    def plan(
        household: Household,
        policy: FirmPolicy,
        rate_tables: RateTables,
        assumptions: MarketAssumptions,
    ) -> HouseholdPlan:
        return plan_household(household, policy, rate_tables, assumptions, own)

    return plan


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
    work = _workshop(household, policy, rate_tables, assumptions, used)
    prices = objective_prices(work.market.index, policy, assumptions, work.tax)
    baseline = fully_valued(
        waterfall.plan_household(household, policy, rate_tables, assumptions), prices, work.tax
    )
    used.timer.ended("waterfall")
    if household.household_state != RELEASED:
        return _published(baseline, baseline, "not_run")
    problem = core_problem(work.start, work.market.sells, work.market.buys, policy)
    if not problem.sales and not problem.purchases:
        return _published(baseline, baseline, "not_run")
    plan = _optimised(work, problem, prices, baseline)
    used.timer.ended("explanation")
    is_sound = plan is not None and not check_plan(household, plan, policy, rate_tables)
    if plan is None or not is_sound or not _is_better(plan, baseline, policy):
        # Losses that are not worth harvesting leave nothing to be optimised.
        is_quiet = is_sound and not problem.due_groups and not problem.needs
        plan = _published(baseline, baseline, "not_run" if is_quiet else "heuristic")
    if plan.trades and not problem.needs:
        plan = _unless_idle_is_better(work, prices, plan)
    used.timer.ended("check")
    return _with_frontier(work, problem, prices, plan)


def _unless_idle_is_better(
    work: _Workshop, prices: ObjectivePrices, plan: HouseholdPlan
) -> HouseholdPlan:
    """The plan, or none of its trades where not trading is worth more.

    Where trades must be very large, what is left of a plan may cost more than it cures.
    """
    steps = waterfall.Steps(work.start.copy(), REBALANCE_MODE, {}, [])
    idle = fully_valued(
        waterfall.finished_plan(work.market, work.start, steps, work.judge), prices, work.tax
    )
    if not _is_better(idle, plan, work.policy):
        return plan
    known = plan.optimality or Optimality("optimizer", "heuristic")
    total = None if idle.value is None else idle.value.total
    gap = None
    if known.lower_bound is not None and total is not None:
        gap = max(Decimal(0), total - known.lower_bound)
    return replace(
        idle,
        run_mode=NO_TRADE_MODE,
        optimality=replace(known, planner=PLANNER, optimality_gap=gap, stage=None, trade_values={}),
    )


def _workshop(
    household: Household,
    policy: FirmPolicy,
    rate_tables: RateTables,
    assumptions: MarketAssumptions,
    tools: PlanningTools,
) -> _Workshop:
    index = HouseholdIndex(household)
    tax = TaxEffect(index, rate_tables)
    costs = CostModel(policy, assumptions)
    market = Market(
        index=index,
        sells=SellRules(index, policy, tax),
        buys=BuyRules(index, policy),
        assumptions=assumptions,
        minimum_trade=household.minimum_trade_amount,
        execution_buffer=policy.execution_buffer,
    )
    start = PlanLedger(index, costs, policy.execution_buffer)
    judge = Judge(household, policy, tax)
    return _Workshop(household, policy, market, start, costs, tax, judge, tools)


def _published(plan: HouseholdPlan, baseline: HouseholdPlan, status: str) -> HouseholdPlan:
    return replace(
        plan,
        optimality=Optimality(
            "waterfall",
            status,
            baseline=baseline.value,
            baseline_taxes=_taxes(baseline),
            baseline_trades=len(baseline.trades),
        ),
    )


def _taxes(plan: HouseholdPlan) -> dict[str, Decimal | None]:
    return {impact.tax_unit_id: impact.estimated_tax for impact in plan.tax_impacts}


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
    work: _Workshop, problem: CoreProblem, prices: ObjectivePrices, baseline: HouseholdPlan
) -> HouseholdPlan | None:
    attempt, deferrals = _attempt(work, problem, prices)
    if attempt is None:
        return None
    plan = _as_plan(work, attempt, deferrals, prices, baseline)
    modelled = _components(attempt)["tax"]
    if plan.estimated_tax is not None and (
        abs(plan.estimated_tax - Decimal(str(modelled))) > TAX_DIFFERENCE
    ):
        there = relinearised(prices, work.tax, attempt.ledger.realized())
        second, put_off = _attempt(work, problem, there)
        if second is not None:
            again = _as_plan(work, second, put_off, prices, baseline)
            if _is_better(again, plan, work.policy):
                return again
    return plan


def _attempt(
    work: _Workshop, problem: CoreProblem, prices: ObjectivePrices
) -> tuple[_Attempt | None, list[Deferral]]:
    """The plan of the first stage that suffices, and what a later stage would have cost."""
    core = build_core_model(problem, prices, work.costs)
    programs, timer = work.tools.programs, work.tools.timer
    programs.load(core.model)
    timer.ended("build")
    chosen = _of_stages(work, core)
    timer.ended("search")
    if chosen is None:
        return None, []
    attempt = _finished_attempt(work, core, *chosen)
    deferrals: list[Deferral] = []
    for stage in (Stage.LONG_TERM_GAINS, Stage.SHORT_TERM_GAINS):
        if attempt is None or stage > problem.allowed:
            break
        if core.stage_columns.get(stage) and _is_wanting(core, attempt.found.values):
            attempt, put_off = _with_gains(work, attempt, stage)
            deferrals += put_off
    return attempt, deferrals


def _with_gains(
    work: _Workshop, attempt: _Attempt, stage: Stage
) -> tuple[_Attempt, list[Deferral]]:
    """The plan with the gains of a stage, as many of them as pay for themselves in time.

    The whole stage is tried, then smaller budgets for its tax: the first gains cure the most.
    """
    core, room = attempt.core, attempt.room._replace(stage=stage)
    put_off: list[Deferral] = []
    found = _solved(work, core, room)
    if not _is_found(found) or found.objective > attempt.found.objective - _worth(work):
        return attempt, []
    taxes = [core.components(each.values)["tax"] for each in (attempt.found, found)]
    for share in GAIN_SHARES:
        tried = found
        if share < 1:
            room = room._replace(tax_budget=taxes[0] + share * (taxes[1] - taxes[0]))
            tried = _solved(work, core, room)
        trial = _finished_attempt(work, core, room, tried) if _is_found(tried) else None
        if trial is None:
            continue
        verdict = judged(work.market, attempt.ledger, trial.ledger, work.judge)
        if verdict.is_worth_it:
            return trial, []
        put_off = put_off or _deferrals(work, attempt.ledger, trial.ledger, verdict)
    return attempt, put_off


def _of_stages(work: _Workshop, core: CoreModel) -> tuple[Room, SearchResult] | None:
    """The earliest stage up to the sale of losses that is as good as all of them together.

    Gains that are not allowed are asked for only where cash is missing without them.
    """
    room = Room(Stage.LOSSES)
    found = _solved(work, core, room)
    if core.last_resort and _is_found(found) and _is_short(core, found.values):
        room = room._replace(is_last_resort=True)
        found = _solved(work, core, room)
    if not _is_found(found):
        return None
    best = found.objective
    for earlier in (Stage.TAX_ADVANTAGED, Stage.CASH_FLOWS):
        smaller = room._replace(stage=earlier)
        trial = _solved(work, core, smaller)
        if not _is_found(trial) or trial.objective > best + _worth(work):
            break
        room, found = smaller, trial
    return room, found


def _is_found(found: SearchResult) -> bool:
    return found.status in ("optimal", "gap")


def _worth(work: _Workshop) -> float:
    """What a stage must be better by, thousand dollars."""
    value = float(work.household.market_value or 0)
    return max(STAGE_WORTH[0], STAGE_WORTH[1] * value) / DOLLARS_PER_UNIT


def _tolerance(work: _Workshop, core: CoreModel) -> float:
    if len(core.sale_columns) < MANY_SALES:
        return SMALL_TOLERANCE / DOLLARS_PER_UNIT
    value = float(work.household.market_value or 0)
    return max(LARGE_TOLERANCES[0], LARGE_TOLERANCES[1] * value) / DOLLARS_PER_UNIT


def _solved(work: _Workshop, core: CoreModel, room: Room) -> SearchResult:
    return search(
        _within(core, room),
        work.tools.programs,
        tolerance=_tolerance(work, core),
        most_programs=MOST_PROGRAMS,
    )


def _within(core: CoreModel, room: Room) -> LinearModel:
    return replace(core.model, upper=core.upper_within(room))


def _is_short(core: CoreModel, values: Floats) -> bool:
    """Whether cash that is needed is missing."""
    return any(float(values[column]) * DOLLARS_PER_UNIT > 1.0 for column in core.missing_columns)


def _is_wanting(core: CoreModel, values: Floats) -> bool:
    """Whether a target stands outside its band, a limit is exceeded or cash is missing."""
    return any(float(values[column]) * DOLLARS_PER_UNIT > 1.0 for column in core.wanting_columns)


def _finished_attempt(
    work: _Workshop, core: CoreModel, room: Room, found: SearchResult
) -> _Attempt | None:
    model = _within(core, room)
    mended = repaired(
        model,
        work.tools.programs,
        found.fixed,
        list(trade_groups(work.household, work.policy, core)),
        with_leave_one_out=work.tools.with_trade_values,
        most_programs=MOST_REPAIR_PROGRAMS,
    )
    work.tools.timer.ended("repair")
    if mended.status not in ("repaired", "limited"):
        return None
    ledger = rounded_ledger(core, mended.values)
    work.tools.timer.ended("rounding")
    return _Attempt(core, model, room, found, mended, ledger)


def trade_groups(household: Household, policy: FirmPolicy, core: CoreModel) -> Iterator[TradeGroup]:
    """The possible trades with the sizes and the benefit that they must reach, thousand dollars.

    A trade is a security sold, or bought, in an account.
    """
    problem = core.problem
    needy = {need.account_id for need in problem.needs}
    ticket = float(policy.minimum_trade_benefit) / DOLLARS_PER_UNIT
    sold: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, sale in enumerate(problem.sales):
        sold[sale.position.key].append(number)
    for (account_id, security_id), numbers in sold.items():
        yield TradeGroup(
            key=f"sell|{account_id}|{security_id}",
            columns=tuple(core.sale_columns[number] for number in numbers),
            minimum=float(household.minimum_trade_amount) / DOLLARS_PER_UNIT,
            whole=_whole(problem, numbers),
            ticket=ticket,
            must_grow=account_id in needy,
            account=account_id,
            unit=_unit(problem, account_id, security_id),
        )
    for purchase, column in zip(problem.purchases, core.purchase_columns, strict=True):
        terms = problem.index.terms_of(purchase.account_id, problem.security(purchase.security_id))
        least = max(household.minimum_trade_amount, terms.minimum_amount)
        yield TradeGroup(
            key=f"buy|{purchase.account_id}|{purchase.security_id}",
            columns=(column,),
            minimum=float(least) / DOLLARS_PER_UNIT,
            whole=float("inf"),
            ticket=ticket,
            must_grow=False,
            account=purchase.account_id,
            unit=_unit(problem, purchase.account_id, purchase.security_id),
        )


def _whole(problem: CoreProblem, numbers: Sequence[int]) -> float:
    """What ends a position, which may be less than a trade's minimum; thousand dollars.

    Infinite where some of its lots may not be sold: then nothing ends it.
    """
    lots = [problem.sales[number] for number in numbers]
    free = sum((sale.lot.sellable_quantity for sale in lots), Decimal(0))
    if free < lots[0].position.sellable_quantity:
        return math.inf
    return sum(sale.limit for sale in lots) / DOLLARS_PER_UNIT


def _unit(problem: CoreProblem, account_id: str, security_id: str) -> float:
    """Price of the smallest quantity that trades, thousand dollars."""
    security = problem.security(security_id)
    step = problem.index.terms_of(account_id, security).quantity_step
    return float((security.price or Decimal(0)) * step) / DOLLARS_PER_UNIT


def _deferrals(
    work: _Workshop, before: PlanLedger, after: PlanLedger, verdict: Verdict
) -> list[Deferral]:
    """What a stage that does not pay would have moved out of each class, with its share of it."""
    moved: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for (account_id, security_id, action), order in sorted(after.orders.items()):
        group = work.market.index.group_of(account_id)
        account = work.market.index.accounts[account_id]
        if action != SELL or group is None or not account.is_taxable:
            continue
        known = before.order_of(account_id, security_id, SELL)
        more = order.notional - (Decimal(0) if known is None else known.notional)
        if more > 0:
            name = work.market.index.securities[security_id].primary_class
            moved[group.allocation_group_id, name] += more
    total = sum(moved.values(), Decimal(0))
    return [
        Deferral(
            group_id,
            name,
            amount,
            None if verdict.tax is None else (verdict.tax * amount / total).quantize(CENT),
            (verdict.cost * amount / total).quantize(CENT),
            verdict.years,
        )
        for (group_id, name), amount in moved.items()
    ]


def _components(attempt: _Attempt) -> dict[str, float]:
    return attempt.core.components(attempt.mended.values)


def _as_plan(
    work: _Workshop,
    attempt: _Attempt,
    deferrals: list[Deferral],
    prices: ObjectivePrices,
    baseline: HouseholdPlan,
) -> HouseholdPlan:
    shortfalls = {
        account.account_id: max(Decimal(0), -attempt.ledger.cash(account.account_id))
        for account in work.household.accounts
    }
    run_mode = _run_mode(attempt.core.problem, attempt.ledger, any(shortfalls.values()))
    steps = waterfall.Steps(attempt.ledger, run_mode, shortfalls, deferrals)
    plan = waterfall.finished_plan(work.market, work.start, steps, work.judge)
    plan = fully_valued(plan, prices, work.tax)
    proved = _optimality(work, attempt, baseline)
    return replace(plan, trades=_with_values(plan.trades, proved), optimality=proved)


def _with_frontier(
    work: _Workshop, problem: CoreProblem, prices: ObjectivePrices, plan: HouseholdPlan
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
    """The trades, each saying what the plan would lose without it."""
    told = []
    for trade in trades:
        key = (trade.account_id, trade.security_id)
        if key in proved.trade_values:
            words = value_words(proved.trade_values[key])
            told.append(replace(trade, rationale=f"{trade.rationale} {words}"))
        else:
            told.append(trade)
    return tuple(told)


def _optimality(work: _Workshop, attempt: _Attempt, baseline: HouseholdPlan) -> Optimality:
    bound = _verified_bound(attempt)
    worth = _model_value_in_shares(work, attempt)
    gap = None
    if bound is not None and worth is not None:
        gap = max(Decimal(0), _dollars(worth - bound).quantize(CENT, rounding=ROUND_CEILING))
    return Optimality(
        planner=PLANNER,
        solver_status="optimal" if attempt.found.status == "optimal" else "feasible_gap",
        lower_bound=None if bound is None else _dollars(bound).quantize(CENT),
        optimality_gap=gap,
        baseline=baseline.value,
        baseline_taxes=_taxes(baseline),
        baseline_trades=len(baseline.trades),
        stage=attempt.room.stage.name.lower(),
        programs_solved=work.tools.programs.programs_solved,
        trade_values={
            _place(key): None if math.isinf(value) else _dollars(value).quantize(CENT)
            for key, value in sorted(attempt.mended.trade_values.items())
        },
    )


def _place(key: str) -> tuple[str, str]:
    _, account_id, security_id = key.split("|", 2)
    return account_id, security_id


def _dollars(units: float) -> Decimal:
    return Decimal(str(units * DOLLARS_PER_UNIT))


def _verified_bound(attempt: _Attempt) -> float | None:
    """The bound that the leaves prove without a solver, None where they prove none."""
    try:
        return verified_lower_bound(attempt.model, attempt.found.leaves)
    except CertificateError:
        return None


def _model_value_in_shares(work: _Workshop, attempt: _Attempt) -> float | None:
    """The model's objective of the very shares traded, thousand dollars."""
    core, ledger = attempt.core, attempt.ledger
    # Whole shares may raise a little more cash than is needed: what a stage closes stays open.
    lower, upper = core.model.lower.copy(), core.model.upper.copy()
    traded: dict[int, float] = {}
    for sale, column in zip(core.problem.sales, core.sale_columns, strict=True):
        price = core.problem.security(sale.security_id).price or Decimal(0)
        quantity = ledger.sold_lots.get(sale.lot.lot_id, Decimal(0))
        traded[column] = min(float(quantity * price) / DOLLARS_PER_UNIT, float(upper[column]))
    for purchase, column in zip(core.problem.purchases, core.purchase_columns, strict=True):
        order = ledger.order_of(purchase.account_id, purchase.security_id, "buy")
        notional = Decimal(0) if order is None else order.notional
        traded[column] = min(float(notional) / DOLLARS_PER_UNIT, float(upper[column]))
    for column, amount in traded.items():
        lower[column] = upper[column] = amount
    programs = work.tools.programs
    freely = programs.solve(lower, upper)
    if freely.status != "optimal":
        return None
    # The trades settle the standing orders; the other switches take the side that they use.
    for column, value in fitted(core.model, freely.values).items():
        if column not in core.order_switches:
            lower[column] = upper[column] = value
    solution = programs.solve(lower, upper)
    return solution.objective if solution.status == "optimal" else None
