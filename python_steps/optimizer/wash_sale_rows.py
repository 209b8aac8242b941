"""No loss sale of what the household buys.

Belongs here: the switch of each identity group between loss sales and purchases, over all accounts
of the household, and that of recent purchases that must all go before a loss beside them may be
taken. Does not belong here: windows of the past and of scheduled purchases (they close sales and
purchases beforehand, `core_problem`). Sources: IRC 1091; Rev. Rul. 2008-5: a replacement in a
retirement account loses the loss for good, so this is a bar, never a price; Rev. Rul. 56-602.
"""

from __future__ import annotations

import math
from collections import defaultdict

from python_steps.optimizer.core_problem import Sale
from python_steps.optimizer.linear_model import Side, Switch, side_of
from python_steps.optimizer.model_assembly import CENT_OF_UNIT, Assembly


def add_wash_sales(assembly: Assembly) -> None:
    """What is bought anywhere in the household is not sold at a loss anywhere in it (IRC 1091).

    Identity group by identity group: 1 allows purchases, 0 loss sales.
    """
    problem, builder = assembly.problem, assembly.builder
    losses: dict[str, list[tuple[Sale, int]]] = defaultdict(list)
    for sale, column in zip(problem.sales, assembly.sale_columns, strict=True):
        if sale.is_loss:
            losses[problem.security(sale.security_id).identity_group_id].append((sale, column))
    purchases: dict[str, list[int]] = defaultdict(list)
    for purchase, column in zip(problem.purchases, assembly.purchase_columns, strict=True):
        if builder.upper_of(column) > 0:
            group = problem.security(purchase.security_id).identity_group_id
            purchases[group].append(column)
    for group in sorted(losses.keys() & purchases.keys()):
        switch = builder.column(f"{group} may be bought", upper=1.0)
        positions: dict[tuple[str, str], list[int]] = defaultdict(list)
        for sale, column in losses[group]:
            positions[sale.position.key].append(column)
        for key, columns in sorted(positions.items()):
            most = math.fsum(builder.upper_of(column) for column in columns)
            builder.row(
                f"losses of {key[1]} in {key[0]}, or purchases",
                [*((column, 1.0) for column in columns), (switch, most)],
                upper=most,
            )
        for column in purchases[group]:
            builder.row(
                f"purchase {column} of {group}, or losses",
                [(column, 1.0), (switch, -builder.upper_of(column))],
                upper=0.0,
            )
        builder.switch(
            Switch(
                name=f"{group} may be bought",
                column=switch,
                when_zero=Side(
                    tuple(column for _, column in losses[group]),
                    tuple(_worth_of_loss(assembly, sale) for sale, _ in losses[group]),
                ),
                when_one=side_of(purchases[group], 0.02),
                threshold=0.001 * CENT_OF_UNIT,
                worth=1.0,
            )
        )


def add_exits(assembly: Assembly) -> None:
    """A loss beside recent purchases of the same is taken only where all of these are sold out.

    1 sells the recent lots in full and opens the losses, 0 closes them.
    """
    problem, builder = assembly.problem, assembly.builder
    column_of = {
        sale.lot.lot_id: column
        for sale, column in zip(problem.sales, assembly.sale_columns, strict=True)
    }
    waiting: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for sale, column in zip(problem.sales, assembly.sale_columns, strict=True):
        if sale.to_leave:
            waiting[sale.to_leave].append(column)
    for lots, losses in sorted(waiting.items()):
        name = f"sold out are {', '.join(lots)}"
        switch = builder.column(name, upper=1.0)
        recent = [column_of[lot_id] for lot_id in lots]
        for column in recent:
            whole = builder.upper_of(column)
            builder.row(f"{name}: {column}", [(column, 1.0), (switch, -whole)], lower=0.0)
        for column in losses:
            most = builder.upper_of(column)
            builder.row(
                f"{name}, before loss {column}", [(column, 1.0), (switch, -most)], upper=0.0
            )
        builder.switch(
            Switch(
                name=name,
                column=switch,
                when_zero=Side(
                    tuple(recent),
                    (-1.0,) * len(recent),
                    math.fsum(builder.upper_of(column) for column in recent),
                ),
                when_one=side_of(losses),
                threshold=CENT_OF_UNIT,
                worth=0.1,
            )
        )


def _worth_of_loss(assembly: Assembly, sale: Sale) -> float:
    """Tax that a dollar sold from a loss lot may save; a little for lots near their basis."""
    unit = assembly.prices.tax_units.get(assembly.problem.account(sale.account_id).tax_unit_id)
    rate = 0.0 if unit is None else unit.short_term
    return max(0.001, -rate * sale.gain_per_dollar)
