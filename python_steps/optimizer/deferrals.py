"""What gains that do not pay for themselves would have cost: class by class, by each lot's own tax.

Belongs here: the difference between a plan and the one with more gains, shared among the classes
that would give more. Does not belong here: whether it pays (`gain_steps`), which stage is tried
(`attempt`). Source: `tax_shares`, over the shares that only the larger plan sells: a class of high
basis must not bear the tax of one of low basis.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from functools import partial

from python_steps.optimizer.workshop import Workshop
from python_steps.planning.gain_steps import Deferral, Verdict
from python_steps.planning.household import HouseholdIndex
from python_steps.planning.ledger import PlanLedger, lot_sales
from python_steps.planning.plan import SELL
from python_steps.planning.tax_effect import LotResult, Realized, TaxEffect
from python_steps.planning.tax_shares import SoldLot, tax_shares

NOTHING = Decimal(0)
CENT = Decimal("0.01")

Place = tuple[str, str]
"""Allocation group and class."""


def deferrals_of(
    work: Workshop, before: PlanLedger, after: PlanLedger, verdict: Verdict
) -> list[Deferral]:
    """What a stage that does not pay would have moved out of each class, at what tax and cost.

    Args:
        work: the household.
        before: the plan without the stage.
        after: the plan with it.
        verdict: its tax and cost in all, which the classes' shares add up to.
    """
    moved = _moved(work.market.index, before, after)
    if not moved:
        return []
    taxes = None if verdict.tax is None else _taxes(work, before, after)
    by_dollars = dict(moved)
    own = None
    if taxes is not None and verdict.tax is not None:
        own = {place: taxes.get(place, NOTHING) for place in moved}
        # What other classes sell less in its favour belongs to what is sold in their stead.
        rest = _shared(verdict.tax - sum(own.values(), NOTHING), by_dollars)
        own = {place: own[place] + rest[place] for place in moved}
    costs = _shared(verdict.cost, by_dollars)
    return [
        Deferral(*place, amount, None if own is None else own[place], costs[place], verdict.years)
        for place, amount in moved.items()
    ]


def _moved(index: HouseholdIndex, before: PlanLedger, after: PlanLedger) -> dict[Place, Decimal]:
    """Dollars that the larger plan sells beyond the other one in taxable accounts, by class."""
    moved: dict[Place, Decimal] = defaultdict(Decimal)
    for (account_id, security_id, action), order in sorted(after.orders.items()):
        place = _place(index, account_id, security_id)
        if action != SELL or place is None or not index.accounts[account_id].is_taxable:
            continue
        known = before.order_of(account_id, security_id, SELL)
        more = order.notional - (NOTHING if known is None else known.notional)
        if more > 0:
            moved[place] += more
    return moved


def _place(index: HouseholdIndex, account_id: str, security_id: str) -> Place | None:
    group = index.group_of(account_id)
    if group is None:
        return None
    return group.allocation_group_id, index.securities[security_id].primary_class


def _taxes(
    work: Workshop, before: PlanLedger, after: PlanLedger
) -> dict[Place | None, Decimal] | None:
    """By class the tax of the shares that only one of the plans sells; None where it is unknown."""
    index = work.market.index
    more = _results(index, after)
    for lot_id, result in _results(index, before).items():
        known = more.get(lot_id, LotResult(NOTHING, NOTHING))
        more[lot_id] = LotResult(known.short - result.short, known.long - result.long)
    by_unit: dict[str, list[tuple[Place | None, SoldLot]]] = defaultdict(list)
    for lot_id, result in sorted(more.items()):
        lot = index.lots[lot_id]
        place = _place(index, lot.account_id, lot.security_id)
        is_collectible = bool(index.securities[lot.security_id].is_collectible)
        both = (SoldLot(result.short, False), SoldLot(result.long, True, is_collectible))
        unit = index.accounts[lot.account_id].tax_unit_id
        by_unit[unit] += [(place, part) for part in both if part.gain != 0]
    taxes: dict[Place | None, Decimal] = defaultdict(Decimal)
    for unit, parts in sorted(by_unit.items()):
        start = before.realized().get(unit, Realized())
        first = work.tax.change(unit, start)
        last = work.tax.change(unit, after.realized().get(unit, Realized()))
        if first is None or last is None:
            return None
        more_tax = partial(_more_tax, work.tax, unit, start)
        shares = tax_shares([part for _, part in parts], more_tax, last - first)
        for (place, _), share in zip(parts, shares, strict=True):
            taxes[place] += share
    return taxes


def _more_tax(tax: TaxEffect, unit: str, start: Realized, part: Realized) -> Decimal:
    """Tax of results on top of others.

    Raises:
        ValueError: it is not known.
    """
    here, there = tax.exact_change(unit, start), tax.exact_change(unit, start.and_(part))
    if here is None or there is None:
        raise ValueError(f"the tax of {unit} is not known")
    return there - here


def _results(index: HouseholdIndex, ledger: PlanLedger) -> dict[str, LotResult]:
    """By lot what its sale in a taxable account is for the year."""
    found: dict[str, LotResult] = {}
    for (account_id, _, action), order in sorted(ledger.orders.items()):
        if action == SELL and index.accounts[account_id].is_taxable:
            found.update({sale.lot.lot_id: sale.result for sale in lot_sales(index, order)})
    return found


def _shared(amount: Decimal, weights: dict[Place, Decimal]) -> dict[Place, Decimal]:
    """An amount in proportion to weights, in cents that add up to it."""
    total, told, exact = sum(weights.values(), NOTHING), NOTHING, NOTHING
    shares: dict[Place, Decimal] = {}
    for place, weight in weights.items():
        exact += weight
        rounded = (amount * exact / total).quantize(CENT)
        shares[place] = rounded - told
        told = rounded
    return shares
