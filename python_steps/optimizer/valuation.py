"""What a finished plan is worth beyond this year's tax, cost and drift.

Belongs here: location, basis that was reset, losses that are carried forward and turnover, as they
follow from the trades of any planner's plan. Does not belong here: finding trades, the other terms
(`evaluation`). All are differences to not trading, in dollars; smaller is better.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from python_steps.optimizer.prices import ObjectivePrices
from python_steps.planning.plan import BUY, HouseholdPlan, Trade
from python_steps.planning.tax_effect import Realized, TaxEffect

NOTHING = Decimal(0)
CENT = Decimal("0.01")


def fully_valued(plan: HouseholdPlan, prices: ObjectivePrices, tax: TaxEffect) -> HouseholdPlan:
    """The plan with its value completed; a plan without a value stays as it is."""
    if plan.value is None:
        return plan
    value = replace(
        plan.value,
        location_cost=_location_cost(plan.trades, prices),
        basis_reset=_basis_reset(plan.trades, prices),
        carried_losses=_carried_losses(plan.trades, prices, tax),
        turnover=_turnover(plan.trades, prices),
        concentration=_concentration(plan.trades, prices),
        idle_cash=_idle_cash(plan.trades, prices),
    )
    return replace(plan, value=value)


def _turnover(trades: Iterable[Trade], prices: ObjectivePrices) -> Decimal:
    notional = sum((trade.notional for trade in trades), NOTHING)
    return (prices.policy.turnover_price * notional).quantize(CENT)


def _idle_cash(trades: Iterable[Trade], prices: ObjectivePrices) -> Decimal:
    """Price of the money that trades leave in accounts beyond what was needed there."""
    left: dict[str, Decimal] = {}
    for trade in trades:
        brought = -trade.notional if trade.action == BUY else trade.notional
        left[trade.account_id] = left.get(trade.account_id, NOTHING) + brought - trade.cost
    idle = NOTHING
    for account_id, amount in left.items():
        cash = prices.index.accounts[account_id].cash
        needed = NOTHING if cash is None else max(NOTHING, -cash.investable)
        idle += max(NOTHING, amount - needed)
    return (prices.policy.idle_cash_price * idle).quantize(CENT)


def _concentration(trades: Sequence[Trade], prices: ObjectivePrices) -> Decimal:
    """Price of what stands above concentration limits after the trades."""
    excess = NOTHING
    for security_id in prices.index.limits:
        room = prices.index.room_under_limit(security_id)
        if room is None:
            continue
        for trade in trades:
            if trade.security_id == security_id:
                room -= trade.notional if trade.action == BUY else -trade.notional
        excess += max(NOTHING, -room)
    return (prices.policy.concentration_price * excess).quantize(CENT)


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
            gains = math.fsum(float(lot.realized_gain or 0) for lot in trade.lots)
            total -= unit.basis_reset * gains
    return Decimal(str(total)).quantize(CENT)


def _carried_losses(trades: Iterable[Trade], prices: ObjectivePrices, tax: TaxEffect) -> Decimal:
    """Worth of what the plan adds to the losses carried into later years, as a negative cost."""
    realized: dict[str, Realized] = {}
    for trade in trades:
        account = prices.index.accounts[trade.account_id]
        if account.is_taxable:
            so_far = realized.get(account.tax_unit_id, Realized())
            for lot in trade.lots:
                gain = (lot.realized_gain or NOTHING) + lot.disallowed_loss
                so_far = so_far.plus(gain, is_long_term=lot.term == "long")
            realized[account.tax_unit_id] = so_far
    worth = 0.0
    for tax_unit_id, results in sorted(realized.items()):
        unit = prices.tax_units.get(tax_unit_id)
        before = tax.carried_forward(tax_unit_id, Realized())
        after = tax.carried_forward(tax_unit_id, results)
        if unit is not None and before is not None and after is not None:
            worth -= unit.carried_loss * float(after - before)
    return Decimal(str(worth)).quantize(CENT)
