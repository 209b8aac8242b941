"""What a finished plan is worth beyond tax, cost and drift: location, and basis that was reset.

Belongs here: the two terms of the objective that follow from trades alone, for any planner's plan.
Does not belong here: finding trades, the other terms (`evaluation`). Both are differences to not
trading, in dollars; smaller is better.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from python_steps.optimizer.prices import ObjectivePrices
from python_steps.planning.plan import BUY, HouseholdPlan, Trade

CENT = Decimal("0.01")


def fully_valued(plan: HouseholdPlan, prices: ObjectivePrices) -> HouseholdPlan:
    """The plan with its value completed by location and reset basis; unvalued plans unchanged."""
    if plan.value is None:
        return plan
    value = replace(
        plan.value,
        location_cost=_location_cost(plan.trades, prices),
        basis_reset=_basis_reset(plan.trades, prices),
    )
    return replace(plan, value=value)


def _location_cost(trades: Iterable[Trade], prices: ObjectivePrices) -> Decimal:
    total = 0.0
    for trade in trades:
        account = prices.index.accounts[trade.account_id]
        rate = prices.location_cost(account, prices.index.securities[trade.security_id])
        total += rate * float(trade.notional) * (1 if trade.action == BUY else -1)
    return Decimal(str(total)).quantize(CENT)


def _basis_reset(trades: Iterable[Trade], prices: ObjectivePrices) -> Decimal:
    total = 0.0
    for trade in trades:
        account = prices.index.accounts[trade.account_id]
        unit = prices.tax_units.get(account.tax_unit_id)
        if account.is_taxable and unit is not None:
            gains = sum(float(lot.realized_gain or 0) for lot in trade.lots)
            total -= unit.basis_reset * gains
    return Decimal(str(total)).quantize(CENT)
