"""What each trade adds to the worth of its plan: the objective's terms shared among trades.

Belongs here: sharing out. Does not belong here: the terms (`evaluation`, `valuation`), prices at
the margin (`rationale`). Rule: a term of one amount, such as the drift of a class, is shared by the
mean of its margin on the way from no trade to the plan (Aumann and Shapley 1974): the term's change
times the trade's part of the amount; the tax by `tax_shares`. So the shares of all trades add up to
what the plan is worth. Dollars, positive where the trade makes the plan better.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from python_steps.optimizer.prices import ObjectivePrices
from python_steps.planning.evaluation import PART_SHARE, target_penalty
from python_steps.planning.finishing import lot_costs
from python_steps.planning.household import (
    CASH,
    UNMAPPED,
    AllocationGroup,
    ClassTarget,
    PartTarget,
)
from python_steps.planning.ledger import OrderKey, PlanLedger, lot_sales
from python_steps.planning.plan import BUY, SELL, Order
from python_steps.planning.tax_effect import Realized, TaxEffect

Key = tuple[str, str | None]
"""A component and what it is about: a class or a target inside one, where it is drift."""
Parts = dict[Key, float]
Shares = dict[OrderKey, Parts]
NOTHING = Decimal(0)
# Trades that leave a target where it stood share its margin, taken over this many dollars.
_STEP = Decimal(1)
_CENT = Decimal("0.01")


def plan_shares(
    prices: ObjectivePrices, tax: TaxEffect, start: PlanLedger, ledger: PlanLedger
) -> Shares:
    """By order of a plan what it adds to the plan's worth, by component; needed cash has no price.

    Args:
        prices: prices of the objective.
        tax: the true tax.
        start: the ledger before any trade.
        ledger: the ledger with the plan's orders.
    """
    shares: Shares = {}
    for key, order in sorted(ledger.orders.items()):
        parts: Parts = defaultdict(float)
        parts["trading_cost", None] = -float(order.cost)
        parts["turnover", None] = -float(prices.policy.turnover_price * order.notional)
        account = prices.index.accounts[order.account_id]
        rate = prices.location_cost(account, prices.index.securities[order.security_id])
        parts["location", None] = -_sign(order) * rate * float(order.notional)
        shares[key] = parts
    _share_taxes(shares, prices, tax, ledger)
    for group in prices.index.household.groups:
        _share_drift(shares, prices, group, start, ledger)
    _share_concentration(shares, prices, ledger)
    _share_idle_cash(shares, prices, ledger)
    return shares


def _sign(order: Order) -> int:
    return 1 if order.action == BUY else -1


def _share_taxes(
    shares: Shares, prices: ObjectivePrices, tax: TaxEffect, ledger: PlanLedger
) -> None:
    """The year's tax, a reset basis and losses left to later years, lot by lot."""
    orders = [ledger.orders[key] for key in sorted(ledger.orders)]
    costs = lot_costs(prices.index, orders, tax)
    results: dict[str, list[tuple[OrderKey, float]]] = defaultdict(list)
    for key, order in sorted(ledger.orders.items()):
        account = prices.index.accounts[order.account_id]
        unit = prices.tax_units.get(account.tax_unit_id)
        if order.action != SELL or not account.is_taxable or unit is None:
            continue
        sales = lot_sales(prices.index, order)
        own = [costs.get((order.account_id, sale.lot.lot_id), NOTHING) for sale in sales]
        shares[key]["tax", None] = -float(sum(own, NOTHING))
        gain = float(sum((sale.gain for sale in sales), NOTHING))
        shares[key]["basis_reset", None] = unit.basis_reset * gain
        results[account.tax_unit_id] += [(key, float(sale.gain)) for sale in sales]
    realized = ledger.realized()
    for name, gains in sorted(results.items()):
        before = tax.carried_forward(name, Realized())
        after = tax.carried_forward(name, realized[name])
        if before is None or after is None or before == after:
            continue
        more = float(after - before)
        # Losses bring what is left to later years; gains use up what was.
        causes = [(key, gain) for key, gain in gains if (gain < 0) == (more > 0)]
        total = math.fsum(gain for _, gain in causes)
        for key, gain in causes:
            worth = prices.tax_units[name].carried_loss * more * gain / total
            shares[key]["tax", None] += worth


def _share_drift(
    shares: Shares,
    prices: ObjectivePrices,
    group: AllocationGroup,
    start: PlanLedger,
    ledger: PlanLedger,
) -> None:
    group_id = group.allocation_group_id
    own = {
        key: order
        for key, order in sorted(ledger.orders.items())
        if prices.index.group_of(order.account_id) == group
    }
    rows: list[tuple[ClassTarget | PartTarget, Decimal, Decimal]] = [
        (
            row,
            start.class_values[group_id].get(row.asset_class, NOTHING),
            ledger.class_values[group_id].get(row.asset_class, NOTHING),
        )
        for row in group.classes
        if row.asset_class != UNMAPPED
    ]
    for part in group.parts:
        if part.asset_class is not None:
            values = (start.part_values[group_id][part.key], ledger.part_values[group_id][part.key])
            rows.append((part, *values))
    totals = (start.group_value(group_id), ledger.group_value(group_id))
    for row, before, after in rows:
        moved = {key: moves for key, order in own.items() if (moves := _moved(prices, row, order))}
        slope = _mean_price(prices, row, (before, after), totals, sum(moved.values(), NOTHING))
        for key, amount in moved.items():
            shares[key]["drift", row.name] -= slope * float(amount)


def _moved(prices: ObjectivePrices, row: ClassTarget | PartTarget, order: Order) -> Decimal:
    """What an order adds to a target, as weights count it; what trading costs leaves Cash."""
    security = prices.index.securities[order.security_id]
    account, dollars = prices.index.accounts[order.account_id], _sign(order) * order.notional
    if isinstance(row, PartTarget):
        return account.weighed(dollars * row.weight_of(security))
    weight = dict(security.class_weights).get(row.asset_class, NOTHING)
    if row.asset_class == CASH:
        return account.weighed(dollars * (weight - 1) - order.cost)
    return account.weighed(dollars * weight)


def _mean_price(
    prices: ObjectivePrices,
    row: ClassTarget | PartTarget,
    values: tuple[Decimal, Decimal],
    totals: tuple[Decimal, Decimal],
    moved: Decimal,
) -> float:
    """What a dollar more in a target has cost on the way to the plan."""
    share = Decimal(1) if isinstance(row, ClassTarget) else PART_SHARE

    def cost(value: Decimal, total: Decimal) -> Decimal:
        return share * target_penalty(row, value, total, prices.policy)

    if abs(moved) >= _CENT:
        return float((cost(values[1], totals[1]) - cost(values[0], totals[0])) / moved)
    around = cost(values[1] + _STEP, totals[1]) - cost(values[1] - _STEP, totals[1])
    return float(around / (2 * _STEP))


def _share_concentration(shares: Shares, prices: ObjectivePrices, ledger: PlanLedger) -> None:
    """What a security stands less above its limit, among the sales of it."""
    household = prices.index.household
    price = prices.policy.concentration_price
    for limit in household.concentration_limits:
        if household.market_value is None:
            continue
        own = {
            key: order
            for key, order in sorted(ledger.orders.items())
            if order.security_id == limit.security_id
        }
        moved = {key: _sign(order) * order.notional for key, order in own.items()}
        total = sum(moved.values(), NOTHING)
        if total == 0:
            continue
        held = sum(
            (
                position.market_value or NOTHING
                for position in household.positions
                if position.security_id == limit.security_id
            ),
            NOTHING,
        )
        room = limit.limit_weight * household.market_value
        saved = max(NOTHING, held - room) - max(NOTHING, held + total - room)
        for key, amount in moved.items():
            shares[key]["concentration", None] += float(price * saved * amount / total)


def _share_idle_cash(shares: Shares, prices: ObjectivePrices, ledger: PlanLedger) -> None:
    """The price of money left uninvested in an account, among what brings it and what uses it."""
    by_account: dict[str, dict[OrderKey, Decimal]] = defaultdict(dict)
    for key, order in sorted(ledger.orders.items()):
        by_account[order.account_id][key] = -_sign(order) * order.notional - order.cost
    for account_id, brought in by_account.items():
        cash = prices.index.accounts[account_id].cash
        needed = NOTHING if cash is None else max(NOTHING, -cash.investable)
        total = sum(brought.values(), NOTHING)
        idle = max(NOTHING, total - needed)
        if idle == 0:
            continue
        for key, amount in brought.items():
            share = float(prices.policy.idle_cash_price * idle * amount / total)
            shares[key]["account_cash", None] -= share


def total_of(parts: Sequence[Mapping[Key, float]]) -> float:
    """Dollars of all parts together."""
    return math.fsum(amount for each in parts for amount in each.values())
