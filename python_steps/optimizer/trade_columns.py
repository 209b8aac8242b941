"""Columns of trades: dollars sold from each lot, dollars bought of each security, and their costs.

Belongs here: upper bounds, spread, impact, location and the worth of basis of a single trade. Does
not belong here: what trades do together (the rows). Source: half-spreads and the square-root law of
`costs`; impact is convex, so chords lie above it and never hide a cost. What is next to nothing
even for the largest order is charged at the rate of a middling one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from decimal import Decimal

from python_steps.optimizer.core_problem import CoreProblem
from python_steps.optimizer.limit_rows import rooms_under_limits
from python_steps.optimizer.linear_model import DOLLARS_PER_UNIT
from python_steps.optimizer.model_assembly import Assembly, TradeColumn
from python_steps.planning.household import Security

# The list's first choice goes before the second by a twentieth of a basis point of the purchase.
PREFERENCE_PRICE = 0.000005
# Impact below this share of an order is charged at one rate, above it in three chords.
FLAT_IMPACT = 0.0002
CHORDS = (0.10, 0.40, 1.0)


def add_sales(assembly: Assembly) -> None:
    """A column for each lot: dollars sold; its spread, the worth of its basis, its location."""
    problem, prices = assembly.problem, assembly.prices
    needy = {need.account_id for need in problem.needs}
    for sale in problem.sales:
        column = assembly.builder.column(
            f"sell {sale.lot.lot_id} in {sale.account_id}", upper=sale.limit / DOLLARS_PER_UNIT
        )
        assembly.sale_columns.append(column)
        assembly.trades.append(TradeColumn(-1.0, sale.account_id, sale.security_id, column))
        if sale.account_id not in needy:
            assembly.stages[sale.stage].append(column)
        elif sale.stage > problem.allowed:
            assembly.last_resort.append(column)
        assembly.price("cost", column, assembly.half_spread(sale.security_id))
        assembly.price("turnover", column, float(prices.policy.turnover_price))
        location = assembly.location_cost(sale.account_id, sale.security_id)
        assembly.price("location", column, -location)
        if sale.gain_per_dollar != 0.0:
            unit = prices.tax_units.get(problem.account(sale.account_id).tax_unit_id)
            worth = 0.0 if unit is None else unit.basis_reset
            assembly.price("basis_reset", column, -worth * sale.gain_per_dollar)
            is_dear = sale.is_long_term and problem.security(sale.security_id).is_collectible
            if unit is not None and is_dear and sale.gain_per_dollar > 0:
                extra = unit.collectibles_extra * sale.gain_per_dollar
                assembly.price("tax", column, extra)


def add_purchases(assembly: Assembly) -> None:
    """A column for each security that may be bought in an account: dollars bought."""
    problem = assembly.problem
    money = _money_of_accounts(problem)
    room = rooms_under_limits(problem)
    for purchase in problem.purchases:
        security = problem.security(purchase.security_id)
        most = max(0.0, min(money[purchase.account_id], room.get(purchase.security_id, math.inf)))
        column = assembly.builder.column(
            f"buy {security.label} in {purchase.account_id}", upper=most / DOLLARS_PER_UNIT
        )
        assembly.purchase_columns.append(column)
        assembly.trades.append(TradeColumn(1.0, *purchase[:2], column))
        assembly.price("cost", column, assembly.half_spread(purchase.security_id))
        assembly.price("turnover", column, float(assembly.prices.policy.turnover_price))
        location = assembly.location_cost(purchase.account_id, purchase.security_id)
        assembly.price("location", column, location)
        assembly.price("other", column, PREFERENCE_PRICE * purchase.place)


def _money_of_accounts(problem: CoreProblem) -> dict[str, float]:
    """The most that each account could ever spend: its cash and everything it may sell."""
    money = {
        account.account_id: max(0.0, float(problem.start.spendable(account.account_id)))
        for account in problem.household.accounts
    }
    for sale in problem.sales:
        money[sale.account_id] += sale.limit
    return money


def add_impact(assembly: Assembly) -> None:
    """Market impact: one rate for small orders, three chords of the power law for large ones.

    An order is a security sold or bought in an account, so its lots share the chords.
    """
    problem = assembly.problem
    orders: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for sale, column in zip(problem.sales, assembly.sale_columns, strict=True):
        orders["sell", sale.account_id, sale.security_id].append(column)
    for purchase, column in zip(problem.purchases, assembly.purchase_columns, strict=True):
        orders["buy", purchase.account_id, purchase.security_id].append(column)
    for (action, account_id, security_id), columns in orders.items():
        size = math.fsum(assembly.builder.upper_of(column) for column in columns)
        security = problem.security(security_id)
        rates = [_impact_rate(assembly, security, share * size) for share in CHORDS]
        if rates[-1] <= FLAT_IMPACT:
            for column in columns:
                assembly.price("cost", column, rates[1])
            continue
        name = f"{action} {security_id} in {account_id}"
        chords, before, cost_before = [], 0.0, 0.0
        for share, rate in zip(CHORDS, rates, strict=True):
            cost = rate * share * size
            chord = assembly.builder.column(
                f"impact to {share:.0%} of {name}", upper=(share - before) * size
            )
            assembly.price("cost", chord, (cost - cost_before) / ((share - before) * size))
            chords.append(chord)
            before, cost_before = share, cost
        assembly.builder.row(
            f"impact of {name}",
            [*((column, 1.0) for column in columns), *((chord, -1.0) for chord in chords)],
            lower=0.0,
            upper=0.0,
        )


def _impact_rate(assembly: Assembly, security: Security, size: float) -> float:
    """Impact of an order of `size` thousand dollars, share of it.

    Asked for every size: that of a security of unknown volume does not fall with the order.
    """
    dollars = Decimal(round(size * DOLLARS_PER_UNIT))
    return float(assembly.costs.impact_rate(security, dollars))
