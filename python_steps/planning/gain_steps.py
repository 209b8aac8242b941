"""Realising gains in taxable accounts, only when it pays.

Belongs here: trying the sale of gain lots class by class, judging its tax and cost against the
drift it removes, and recording what was put off and at what price. Does not belong here: losses and
tax-advantaged accounts, which need no such judgement. Source: breakeven years of the firm's policy;
`annual_gains_budget` of the household.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from python_steps.planning.evaluation import (
    breakeven_years,
    household_drift_cost,
)
from python_steps.planning.household import Account, AllocationGroup, Household
from python_steps.planning.ledger import PlanLedger
from python_steps.planning.needs import EDGE_MARGIN, Need, Needs, breached_classes, class_needs
from python_steps.planning.sell_rules import CategorySet
from python_steps.planning.swaps import Market, cash_equivalents, run_swaps
from python_steps.planning.tax_effect import TaxEffect
from python_steps.policy import FirmPolicy

NOTHING = Decimal(0)


class Deferral(NamedTuple):
    """A sale at a gain that was considered and put off."""

    allocation_group_id: str
    asset_class: str
    amount: Decimal
    tax: Decimal | None
    cost: Decimal
    years: float | None


class Judge(NamedTuple):
    """What the judgement of a trial needs to know."""

    household: Household
    policy: FirmPolicy
    tax: TaxEffect


class Verdict(NamedTuple):
    """Tax, cost and breakeven of a trial against the plan so far."""

    is_worth_it: bool
    tax: Decimal | None
    cost: Decimal
    years: float | None


def realise_gains(
    market: Market,
    ledger: PlanLedger,
    group: AllocationGroup,
    allowed: CategorySet,
    judge: Judge,
) -> tuple[PlanLedger, list[Deferral]]:
    """Sell gain lots of each class that should give dollars, where breakeven allows it.

    Every class is tried to the policy's stopping point, then only to the edge of its band, where
    the first dollars bring the most.

    Returns:
        The plan after the trials that passed, and what was put off.
    """
    deferrals: list[Deferral] = []
    accounts = [
        account
        for account in market.index.accounts_of_group.get(group.allocation_group_id, [])
        if account.is_taxable and account.block is None
    ]
    cash = cash_equivalents(market, accounts)
    for name in _source_names(_pressing_needs(ledger, group, judge, cash)):
        needs = _pressing_needs(ledger, group, judge, cash)
        whole = _only(needs, name, None)
        edge = _only(needs, name, _to_edge(ledger, group, name))
        ledger, deferral = _try_class(
            market, ledger, group, accounts, [whole, edge], allowed, judge
        )
        if deferral is not None:
            deferrals.append(deferral)
    return ledger, deferrals


def gains_ceiling(ledger: PlanLedger, judge: Judge) -> Decimal | None:
    """Net gain that the plan may realise under the household's yearly budget, None without one."""
    budget = judge.household.annual_gains_budget
    if budget is None:
        return None
    used = NOTHING
    for unit in ledger.index.tax_units.values():
        short, long = unit.year_to_date_short_term_gain, unit.year_to_date_long_term_gain
        if short is None or long is None:
            return NOTHING  # what has been realised is not known: nothing more may be
        used += short + long
    return budget - used


def _try_class(
    market: Market,
    ledger: PlanLedger,
    group: AllocationGroup,
    accounts: list[Account],
    attempts: list[Needs],
    allowed: CategorySet,
    judge: Judge,
) -> tuple[PlanLedger, Deferral | None]:
    put_off: Deferral | None = None
    for needs in attempts:
        if not needs.sources:
            continue
        trial = ledger.copy()
        run_swaps(market, trial, group, needs, accounts, allowed, gains_ceiling(ledger, judge))
        if trial.orders == ledger.orders:
            continue
        verdict = judged(market, ledger, trial, judge)
        if verdict.is_worth_it:
            return trial, None
        put_off = put_off or Deferral(
            group.allocation_group_id,
            needs.sources[0].asset_class,
            _moved(ledger, trial),
            verdict.tax,
            verdict.cost,
            verdict.years,
        )
    return ledger, put_off


def judged(market: Market, before: PlanLedger, after: PlanLedger, judge: Judge) -> Verdict:
    """Tax and cost of going from one plan to another, and how soon less drift has paid for it."""
    tax_before = judge.tax.total_change(before.realized())
    tax_after = judge.tax.total_change(after.realized())
    tax = None if tax_before is None or tax_after is None else tax_after - tax_before
    cost = after.transaction_cost() - before.transaction_cost()
    drift = [
        household_drift_cost(
            judge.household, each.class_values, market.assumptions, judge.policy.risk_aversion
        )
        for each in (before, after)
    ]
    years = breakeven_years(tax, cost, drift[0], drift[1], judge.policy)
    limit = float(judge.policy.breakeven_years_limit)
    return Verdict(years is not None and years <= limit, tax, cost, years)


def _moved(before: PlanLedger, after: PlanLedger) -> Decimal:
    """Dollars that the trial sells beyond the plan so far."""
    return _sold(after) - _sold(before)


def _sold(ledger: PlanLedger) -> Decimal:
    return sum(
        (order.notional for order in ledger.orders.values() if order.action == "sell"), NOTHING
    )


def _pressing_needs(
    ledger: PlanLedger, group: AllocationGroup, judge: Judge, cash_available: Decimal
) -> Needs:
    """What classes that still stand outside their band need: nothing else is worth a gain."""
    outside = breached_classes(ledger, group)
    return class_needs(
        ledger, group, judge.policy.stopping_share, outside, cash_available=cash_available
    )


def _source_names(needs: Needs) -> list[str]:
    return [need.asset_class for need in needs.sources]


def _only(needs: Needs, name: str, most: Decimal | None) -> Needs:
    """The needs with one source, cut to `most` dollars."""
    sources: list[Need] = [need for need in needs.sources if need.asset_class == name]
    if most is not None:
        sources = [replace(need, amount=min(need.amount, most)) for need in sources if most > 0]
    return replace(needs, sources=tuple(sources))


def _to_edge(ledger: PlanLedger, group: AllocationGroup, name: str) -> Decimal:
    """Dollars by which a class stands above the inside of its upper band edge."""
    row = group.target_of(name)
    if row is None:
        return NOTHING
    total = ledger.group_value(group.allocation_group_id)
    edge = max(row.target_weight, row.upper_band_weight - EDGE_MARGIN)
    return max(NOTHING, ledger.class_values[group.allocation_group_id][name] - edge * total)
