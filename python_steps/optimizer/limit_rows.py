"""Limits of the household as a whole: concentration in one security, gains of the year.

Belongs here: those rows. Does not belong here: the limits themselves (`fct_concentration_limits`,
the household's policy), limits of a single account.
"""

from __future__ import annotations

import math
from collections import defaultdict

from python_steps.optimizer.core_problem import CoreProblem
from python_steps.optimizer.linear_model import DOLLARS_PER_UNIT
from python_steps.optimizer.model_assembly import Assembly
from python_steps.optimizer.tax_rows import net_result_range


def add_concentrations(assembly: Assembly) -> None:
    """Purchases stay under a security's limit; what stands above it is priced.

    Selling down a low basis may cost more than the price: then it stays, and is told.
    """
    builder = assembly.builder
    bought: dict[str, list[tuple[int, float]]] = defaultdict(list)
    sales: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for trade in assembly.trades:
        of_security = (bought if trade.sign > 0 else sales)[trade.security_id]
        of_security.append((trade.column, trade.sign))
    for security_id, room in sorted(rooms_under_limits(assembly.problem).items()):
        entries, sold = bought[security_id], sales[security_id]
        if room >= 0:
            if entries:
                # Without the sales: they may shrink in the repair, the limit may not.
                builder.row(f"limit of {security_id}", entries, upper=room / DOLLARS_PER_UNIT)
        elif sold:
            excess = -room / DOLLARS_PER_UNIT
            over = builder.column(f"excess of {security_id}", upper=excess)
            price = float(assembly.prices.policy.concentration_price)
            assembly.price("concentration", over, price)
            assembly.wanting.append(over)
            builder.row(f"limit of {security_id}", [*sold, (over, -1.0)], upper=-excess)


def rooms_under_limits(problem: CoreProblem) -> dict[str, float]:
    """Dollars that may still be bought under each concentration limit."""
    return {
        security_id: float(room)
        for security_id in problem.index.limits
        if (room := problem.index.room_under_limit(security_id)) is not None
    }


def add_gains_budget(assembly: Assembly) -> None:
    """The year's net gain stays within the household's budget.

    Needed cash that nothing else can raise goes before it: gains of the accounts that lack it, and
    no others, may then exceed the budget.
    """
    problem, builder = assembly.problem, assembly.builder
    budget = problem.household.annual_gains_budget
    entries = [
        (column, sale.gain_per_dollar)
        for sale, column in zip(problem.sales, assembly.sale_columns, strict=True)
        if sale.gain_per_dollar != 0.0
    ]
    if budget is None or not entries:
        return
    used = 0.0
    for unit in problem.index.tax_units.values():
        short, long = unit.year_to_date_short_term_gain, unit.year_to_date_long_term_gain
        # What has been realised is not known: nothing more may be.
        used = math.inf if short is None or long is None else used + float(short + long)
    room = max(0.0, float(budget) - used) / DOLLARS_PER_UNIT
    needy = {need.account_id for need in problem.needs}
    of_needy = [
        (column, sale.gain_per_dollar)
        for sale, column in zip(problem.sales, assembly.sale_columns, strict=True)
        if sale.account_id in needy and sale.gain_per_dollar > 0.0
    ]
    if of_needy:
        most, _ = net_result_range(builder, of_needy, 0.0)
        beyond = builder.column("gains beyond the budget", upper=most)
        assembly.last_resort.append(beyond)
        assembly.price("other", beyond, 1.0)
        entries.append((beyond, -1.0))
        less = [(column, -gain) for column, gain in of_needy]
        builder.row("gains for needed cash", [(beyond, 1.0), *less], upper=0.0)
    builder.row("gains budget", entries, upper=room)
