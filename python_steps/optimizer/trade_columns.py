"""Columns of trades: dollars sold from each lot, dollars bought of each security, and their costs.

Belongs here: upper bounds, spread, impact, location and the worth of basis of a single trade. Does
not belong here: what trades do together (the rows). Source: half-spreads and the square-root law of
`costs`; impact is convex, so chords lie above it and never hide a cost. What is next to nothing
even for the largest order is charged at the rate of a middling one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from python_steps.optimizer.core_problem import CoreProblem, Sale
from python_steps.optimizer.limit_rows import rooms_under_limits
from python_steps.optimizer.linear_model import DOLLARS_PER_UNIT
from python_steps.optimizer.model_assembly import Assembly, TradeColumn

# The list's first choice goes before the second by a twentieth of a basis point of the purchase.
PREFERENCE_PRICE = 0.000005
# Impact below this share of an order is charged at one rate, above it in three chords.
FLAT_IMPACT = 0.0002
CHORDS = (0.10, 0.40, 1.0)


def add_sales(assembly: Assembly) -> None:
    """A column for each lot: dollars sold; its spread, the worth of its basis, its location."""
    problem = assembly.problem
    for sale in problem.sales:
        column = assembly.trade(
            f"sell {sale.lot.lot_id} in {sale.account_id}",
            -1.0,
            sale.account_id,
            sale.security_id,
            sale.limit / DOLLARS_PER_UNIT,
        )
        assembly.sale_columns.append(column)
        if sale.account_id not in problem.needy:
            assembly.stages[sale.stage].append(column)
        elif sale.stage > problem.allowed:
            assembly.last_resort.append(column)
        if sale.gain_per_dollar != 0.0:
            _price_gain(assembly, sale, column)
    _price_trades(assembly, assembly.trades)


def _price_gain(assembly: Assembly, sale: Sale, column: int) -> None:
    """The worth of a new basis, and what collectibles are taxed above others."""
    problem = assembly.problem
    unit = assembly.prices.tax_units.get(problem.account(sale.account_id).tax_unit_id)
    if unit is None:
        return
    assembly.price("basis_reset", column, -unit.basis_reset * sale.gain_per_dollar)
    is_dear = sale.is_long_term and problem.security(sale.security_id).is_collectible
    if is_dear and sale.gain_per_dollar > 0:
        assembly.price("tax", column, unit.collectibles_extra * sale.gain_per_dollar)


def _price_trades(assembly: Assembly, trades: Sequence[TradeColumn]) -> None:
    """Spread, turnover and location of trades."""
    columns = [trade.column for trade in trades]
    turnover = float(assembly.prices.policy.turnover_price)
    spreads = [assembly.half_spread(trade.security_id) for trade in trades]
    located = [
        trade.sign * assembly.location_cost(trade.account_id, trade.security_id) for trade in trades
    ]
    assembly.price_all("cost", columns, spreads)
    assembly.price_all("turnover", columns, [turnover] * len(columns))
    assembly.price_all("location", columns, located)


def add_purchases(assembly: Assembly) -> None:
    """A column for each security that may be bought in an account: dollars bought."""
    problem = assembly.problem
    money = _money_of_accounts(problem)
    room = rooms_under_limits(problem)
    sales = len(assembly.trades)
    for account_id, security_id, place in problem.purchases:
        most = max(0.0, min(money[account_id], room.get(security_id, math.inf)))
        column = assembly.trade(
            f"buy {problem.security(security_id).label} in {account_id}",
            1.0,
            account_id,
            security_id,
            most / DOLLARS_PER_UNIT,
        )
        assembly.purchase_columns.append(column)
        assembly.price("other", column, PREFERENCE_PRICE * place)
    _price_trades(assembly, assembly.trades[sales:])


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
    orders: dict[tuple[float, str, str], list[int]] = defaultdict(list)
    for sign, account_id, security_id, column, _ in assembly.trades:
        orders[sign, account_id, security_id].append(column)
    for (sign, account_id, security_id), columns in orders.items():
        size = math.fsum(assembly.builder.upper_of(column) for column in columns)
        law = assembly.impact_law(security_id)
        rates = [law.rate(round(share * size * DOLLARS_PER_UNIT)) for share in CHORDS]
        if rates[-1] <= FLAT_IMPACT:
            assembly.price_all("cost", columns, [rates[1]] * len(columns))
            assembly.impact_rates.update(dict.fromkeys(columns, rates[1]))
            continue
        name = f"{'buy' if sign > 0 else 'sell'} {security_id} in {account_id}"
        chords, before, cost_before = [], 0.0, 0.0
        for share, rate in zip(CHORDS, rates, strict=True):
            cost = rate * share * size
            chord = assembly.builder.column(
                f"impact to {share:.0%} of {name}", upper=(share - before) * size
            )
            slope = (cost - cost_before) / ((share - before) * size)
            assembly.price("cost", chord, slope)
            assembly.chords_of_account[account_id].append((chord, slope))
            chords.append(chord)
            before, cost_before = share, cost
        assembly.builder.row(
            f"impact of {name}",
            [*((column, 1.0) for column in columns), *((chord, -1.0) for chord in chords)],
            lower=0.0,
            upper=0.0,
        )
