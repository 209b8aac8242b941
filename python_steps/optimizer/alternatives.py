"""What else could be done tonight: wait, trade a part, put gains off, each valued like the plan.

Belongs here: the paths from tonight until what is planned when money in sight has come, planned
step by step by the same planner and added up in the same objective, and which of them is best. Does
not belong here: planning one night (`planner`), how a household stands later (`next_household`),
words (`alternative_words`). A path's objective is the tax, cost, location, later tax and turnover
of all its steps, the drift that its last step leaves, and the yearly certainty-equivalent cost of
the drift borne in the meantime. Prices stay as they are: nobody knows better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from python_steps.optimizer.attempt import STAGE_WORTH
from python_steps.optimizer.prices import ObjectivePrices
from python_steps.planning.alternative_words import verdict_words
from python_steps.planning.evaluation import (
    breakeven_years,
    household_drift_cost,
    is_outside_band,
    tracking_error,
)
from python_steps.planning.household import (
    UNMAPPED,
    Account,
    Banded,
    Block,
    CashFlow,
    Household,
    HouseholdIndex,
    MarketAssumptions,
)
from python_steps.planning.ledger import starting_class_values
from python_steps.planning.next_household import after_trades, on_day
from python_steps.planning.plan import (
    DEFER_GAINS,
    PARTIAL,
    TRADE_NOW,
    WAIT,
    Alternative,
    HouseholdPlan,
    PlanValue,
    Wealth,
)
from python_steps.planning.wealth_paths import PathRates, wealth_path
from python_steps.policy import FirmPolicy
from python_steps.taxes.holding_period import long_term_from
from python_steps.taxes.rates import RateTables

NOTHING = Decimal(0)
CENT = Decimal("0.01")
DAYS_A_YEAR = Decimal(365)
# The whole trades are worth of every step; of the last step alone, what is left standing.
_ADDED = (
    "tax_change",
    "transaction_cost",
    "location_cost",
    "basis_reset",
    "carried_losses",
    "turnover",
)
_LEFT = ("drift_penalty", "shortfall_penalty", "concentration", "idle_cash")
_PUT_OFF = Block("deferred", "taxable accounts are left alone on this path")

Planner = Callable[[Household, FirmPolicy], HouseholdPlan]


class Question(NamedTuple):
    """A household with everything that its paths are planned and valued with."""

    household: Household
    policy: FirmPolicy
    rates: RateTables
    assumptions: MarketAssumptions
    prices: ObjectivePrices
    planner: Planner


class _Path(NamedTuple):
    """A path's plans in order, with the household after the last one and what waiting costs."""

    plans: tuple[HouseholdPlan, ...]
    end: Household
    waiting_cost: Decimal | None


def alternatives_of(question: Question, plan: HouseholdPlan) -> tuple[Alternative, ...]:
    """The plan and the other paths, side by side; the best one is recommended.

    Args:
        question: the household.
        plan: tonight's plan.
    """
    arrivals = _arrivals(question.household)
    firsts: dict[str, tuple[HouseholdPlan, Mapping[date, list[CashFlow]]]] = {
        TRADE_NOW: (plan, arrivals),
        WAIT: (question.planner(_without_rebalance(question.household), question.policy), arrivals),
        PARTIAL: (_partial(question, plan), arrivals),
        DEFER_GAINS: _gains_put_off(question, plan, arrivals),
    }
    found: dict[str, Alternative] = {}
    for name, (first, days) in firsts.items():
        same = next(
            (
                known
                for known, (other, its_days) in firsts.items()
                if known in found and its_days == days and _trades(other) == _trades(first)
            ),
            None,
        )
        found[name] = (
            replace(found[same], name=name, same_as=found[same].same_as or same)
            if same is not None
            else _alternative(question, name, _path(question, first, days))
        )
    return _judged(question, tuple(found.values()))


def _arrivals(household: Household) -> dict[date, list[CashFlow]]:
    """Contributions in sight by the day on which they arrive, in order."""
    found: dict[date, list[CashFlow]] = {}
    for flow in household.cash_flows:
        due = flow.required_by_date
        if flow.flow_type == "contribution" and due is not None:
            found.setdefault(max(due, household.planned_trade_date), []).append(flow)
    return dict(sorted(found.items()))


def _without_rebalance(household: Household) -> Household:
    """The household on a night on which only needed cash is raised."""
    groups = tuple(replace(group, is_rebalance_due=False) for group in household.groups)
    return replace(household, groups=groups, harvests_losses=False)


def _partial(question: Question, plan: HouseholdPlan) -> HouseholdPlan:
    """The plan before any gain; where there is none anyway, in tax-advantaged accounts alone."""
    takes_gains = any(
        trade.realized_short_term_gain + trade.realized_long_term_gain > 0 for trade in plan.trades
    )
    if takes_gains:
        return question.planner(
            replace(question.household, allows_short_term_gains=False),
            replace(question.policy, long_term_gains_allowed=False),
        )
    household = question.household
    resting = {each.account_id for each in household.accounts if _may_rest(each)}
    return question.planner(
        replace(
            household,
            positions=tuple(
                replace(each, block=each.block or _PUT_OFF) if each.account_id in resting else each
                for each in household.positions
            ),
            buy_options=tuple(
                each for each in household.buy_options if each.account_id not in resting
            ),
        ),
        question.policy,
    )


def _may_rest(account: Account) -> bool:
    return account.is_taxable and (account.cash is None or account.cash.investable >= 0)


def _gains_put_off(
    question: Question, plan: HouseholdPlan, arrivals: Mapping[date, list[CashFlow]]
) -> tuple[HouseholdPlan, Mapping[date, list[CashFlow]]]:
    """The plan without short-term gains, and the days on which it goes on: when they are long."""
    tonight = question.household.planned_trade_date
    turning = [
        long_term_from(lot.holding_period_start_date)
        for trade in plan.trades
        if trade.realized_short_term_gain > 0
        for lot in trade.lots
        if lot.term == "short"
        and lot.holding_period_start_date is not None
        and (lot.realized_gain or NOTHING) > 0
    ]
    later = [day for day in turning if day > tonight]
    if not later:
        return plan, arrivals
    first = question.planner(
        replace(question.household, allows_short_term_gains=False), question.policy
    )
    return first, dict(sorted({max(later): [], **arrivals}.items()))


def _trades(plan: HouseholdPlan) -> frozenset[tuple[object, ...]]:
    return frozenset(
        (
            trade.account_id,
            trade.action,
            trade.security_id,
            trade.quantity,
            tuple((lot.lot_id, lot.quantity) for lot in trade.lots),
        )
        for trade in plan.trades
    )


def _path(
    question: Question, first: HouseholdPlan, days: Mapping[date, Sequence[CashFlow]]
) -> _Path:
    """Tonight's trades, then a plan on each of the days."""
    plans = [first]
    here = after_trades(question.household, first.trades)
    waiting: Decimal | None = NOTHING
    for day, flows in days.items():
        apart = Decimal((day - here.planned_trade_date).days)
        yearly = _yearly_drift_cost(question, here)
        if waiting is not None and (yearly is not None or not apart):
            waiting += (yearly or NOTHING) * apart / DAYS_A_YEAR
        else:
            waiting = None
        there = on_day(here, day, flows, question.rates)
        plans.append(question.planner(there, question.policy))
        here = after_trades(there, plans[-1].trades)
    return _Path(tuple(plans), here, waiting)


def _class_values(household: Household) -> dict[str, dict[str, Decimal]]:
    index = HouseholdIndex(household)
    return {name: starting_class_values(index, group) for name, group in index.groups.items()}


def _yearly_drift_cost(question: Question, household: Household) -> Decimal | None:
    cost = household_drift_cost(
        household, _class_values(household), question.assumptions, question.policy.risk_aversion
    )
    return None if cost is None else Decimal(str(cost))


def _alternative(question: Question, name: str, path: _Path) -> Alternative:
    """A path in numbers."""
    values = _class_values(path.end)
    outside, drifts = [], [NOTHING]
    for group in path.end.groups:
        own = values[group.allocation_group_id]
        total = sum(own.values(), NOTHING)
        targets: list[tuple[Banded, Decimal]] = [
            *((row, own.get(row.asset_class, NOTHING)) for row in group.classes),
            *((part, part.market_value) for part in group.parts),
        ]
        for row, value in targets:
            if row.asset_class == UNMAPPED or total <= 0:
                continue
            drifts.append(abs(value / total - row.target_weight))
            if is_outside_band(row, value, total):
                over = value - row.upper_band_weight * total
                outside.append(max(over, row.lower_band_weight * total - value))
    tax = _known_sum(plan.estimated_tax for plan in path.plans)
    cost = sum((plan.transaction_cost for plan in path.plans), NOTHING)
    before, after = (_yearly_drift_cost(question, each) for each in (question.household, path.end))
    has_trades = any(plan.trades for plan in path.plans)
    years = breakeven_years(
        tax,
        cost,
        None if before is None else float(before),
        None if after is None else float(after),
        question.policy,
    )
    waiting = None if path.waiting_cost is None else path.waiting_cost.quantize(CENT)
    return Alternative(
        name=name,
        same_as=None,
        end_date=path.end.planned_trade_date,
        trade_count=len(path.plans[0].trades),
        breach_count=len(outside),
        drift_outside_bands=sum(outside, NOTHING).quantize(CENT),
        largest_drift=max(drifts),
        tracking_error=tracking_error(path.end, values, question.assumptions),
        estimated_tax=tax,
        transaction_cost=cost,
        waiting_cost=waiting,
        objective_value=_objective([plan.value for plan in path.plans], waiting),
        breakeven_years=years if has_trades else None,
        optimality_gap=_known_sum(
            None if plan.optimality is None else plan.optimality.optimality_gap
            for plan in path.plans
        ),
        wealth=_wealth(question, path),
    )


def _known_sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """The sum, None as soon as a part of it is not known."""
    total = NOTHING
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total


def _wealth(question: Question, path: _Path) -> tuple[Wealth, ...]:
    """The wealth at the end of a path in later years; none where a tax on the way is not known."""
    due: dict[str, Decimal] = {}
    for plan in path.plans:
        for impact in plan.tax_impacts:
            if impact.estimated_tax is None:
                return ()
            due[impact.tax_unit_id] = due.get(impact.tax_unit_id, NOTHING) + impact.estimated_tax
    return wealth_path(path.end, question.assumptions, _path_rates(question.prices), due)


def _objective(values: Sequence[PlanValue | None], waiting: Decimal | None) -> Decimal | None:
    """The path's objective, None as soon as a part of it is not known."""
    known = [value for value in values if value is not None and value.total is not None]
    if waiting is None or len(known) < len(values):
        return None
    total = waiting
    for value in known:
        total += sum((getattr(value, name) or NOTHING for name in _ADDED), NOTHING)
    return total + sum((getattr(known[-1], name) or NOTHING for name in _LEFT), NOTHING)


def _path_rates(prices: ObjectivePrices) -> dict[str, PathRates]:
    return {
        name: PathRates(unit.ordinary, unit.long_term) for name, unit in prices.tax_units.items()
    }


def _judged(question: Question, alternatives: Sequence[Alternative]) -> tuple[Alternative, ...]:
    """The alternatives with the best one marked and the verdict in words; none where unknown.

    Another path must be better than the plan by what a further stage of sales must be, too, and by
    more than the plan's own path may be away from the best one, where that is proved: less is no
    difference.
    """
    now = alternatives[0]
    value = question.household.market_value or NOTHING
    least = max(Decimal(str(STAGE_WORTH[0])), Decimal(str(STAGE_WORTH[1])) * value)
    if now.optimality_gap is not None:
        least = max(least, now.optimality_gap)
    best = now
    for each in alternatives[1:]:
        if each.objective_value is None or best.objective_value is None:
            continue
        margin = least if best is now else NOTHING
        if each.same_as is None and each.objective_value < best.objective_value - margin:
            best = each
    if best is now and not now.trade_count:
        best = next(each for each in alternatives if each.name == WAIT)
    is_known = now.objective_value is not None
    words = verdict_words(question.household, alternatives, best if is_known else None)
    return tuple(
        replace(each, is_recommended=is_known and each is best, verdict=words)
        for each in alternatives
    )


def with_alternatives(plan: HouseholdPlan, found: Sequence[Alternative]) -> HouseholdPlan:
    """The plan with its alternatives; where another is better, its explanation says so."""
    best = next((each for each in found if each.is_recommended), None)
    if best is None or best.name == TRADE_NOW or not plan.trades:
        return replace(plan, alternatives=tuple(found))
    return replace(
        plan, alternatives=tuple(found), explanation=f"{plan.explanation} {best.verdict}"
    )
