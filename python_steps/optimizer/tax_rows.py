"""Netting of a tax unit's year in the model.

Belongs here: the rows that turn dollars sold into taxed gain, deducted and carried loss. Does not
belong here: rates (`prices`), the true tax of a finished plan (`taxes`). Sources: IRC 1222 (netting
by term), 1(h) (long-term rates), 1211(b) (the yearly deduction), 1212 (carryforwards).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from python_steps.optimizer.core_problem import Sale
from python_steps.optimizer.linear_model import (
    DOLLARS_PER_UNIT,
    ModelBuilder,
    Switch,
    side_of,
)
from python_steps.optimizer.model_assembly import CENT_OF_UNIT, Assembly
from python_steps.optimizer.prices import TaxPrices


def add_taxes(assembly: Assembly) -> None:
    """Netting of each tax unit's year, with switches where the tax is not convex.

    Long-term gains may not be taxed at their rate while short-term losses are left, nor losses
    deducted while gains are taxed; a plain program would invent both (IRC 1222, 1211(b)).
    """
    problem = assembly.problem
    for name, prices in assembly.prices.tax_units.items():
        sold = [
            (sale, column)
            for sale, column in zip(problem.sales, assembly.sale_columns, strict=True)
            if sale.gain_per_dollar != 0.0 and problem.account(sale.account_id).tax_unit_id == name
        ]
        if sold:
            _add_tax_of_unit(assembly, name, prices, sold)
    _add_tax_budget(assembly)


def _add_tax_budget(assembly: Assembly) -> None:
    """A row over everything that is priced as tax, whose slack, wide open, allows any tax.

    Closing the slack is how a budget for the tax is set without changing the rows.
    """
    parts = list(zip(*assembly.term_costs["tax"], strict=True))
    if not parts:
        return
    builder = assembly.builder
    least = math.fsum(rate * builder.upper_of(column) for column, rate in parts if rate < 0)
    most = math.fsum(rate * builder.upper_of(column) for column, rate in parts if rate > 0)
    slack = builder.column("tax above the least possible", upper=most - least)
    builder.row("tax of the year", [*parts, (slack, -1.0)], upper=least)
    assembly.tax_slack = (slack, least + assembly.term_offsets.get("tax", 0.0))


def _add_tax_of_unit(
    assembly: Assembly, name: str, prices: TaxPrices, sold: Sequence[tuple[Sale, int]]
) -> None:
    """Rows of a unit's netting, and the price of what they leave to be taxed."""
    builder = assembly.builder
    long_before = prices.long_before / DOLLARS_PER_UNIT
    before = long_before + prices.short_before / DOLLARS_PER_UNIT
    gains = [(sale, column, sale.gain_per_dollar) for sale, column in sold]
    of_long = [(column, gain) for sale, column, gain in gains if sale.is_long_term]
    of_all = [(column, gain) for _, column, gain in gains]
    long_most, long_least = net_result_range(builder, of_long, long_before)
    most, least = net_result_range(builder, of_all, before)
    long_up = builder.column(f"net long-term gain of {name}", upper=max(0.0, long_most))
    long_down = builder.column(f"net long-term loss of {name}", upper=max(0.0, -long_least))
    short_taxed = builder.column(f"gain of {name} taxed as short-term", upper=max(0.0, most))
    long_taxed = builder.column(f"gain of {name} taxed as long-term", upper=max(0.0, most))
    limit = min(prices.loss_limit / DOLLARS_PER_UNIT, max(0.0, -least))
    deducted = builder.column(f"loss of {name} deducted", upper=limit)
    carried = builder.column(f"loss of {name} carried forward", upper=max(0.0, -least))
    assembly.price("tax", short_taxed, prices.short_term)
    assembly.price("tax", long_taxed, prices.long_term)
    assembly.price("tax", deducted, -prices.ordinary)
    assembly.price("carried_losses", carried, -prices.carried_loss)
    tax, carried_worth = prices.year(prices.short_before, prices.long_before)
    assembly.constant("tax", -tax / DOLLARS_PER_UNIT)
    assembly.constant("carried_losses", carried_worth / DOLLARS_PER_UNIT)
    builder.row(
        f"net long-term result of {name}",
        [(long_up, 1.0), (long_down, -1.0), *((column, -gain) for column, gain in of_long)],
        lower=long_before,
        upper=long_before,
    )
    builder.row(
        f"net result of {name}",
        [
            (short_taxed, 1.0),
            (long_taxed, 1.0),
            (deducted, -1.0),
            (carried, -1.0),
            *((column, -gain) for column, gain in of_all),
        ],
        lower=before,
        upper=before,
    )
    builder.row(
        f"only net long-term gain of {name} is taxed as such",
        [(long_taxed, 1.0), (long_up, -1.0)],
        upper=0.0,
    )
    spread = max(prices.short_term - prices.long_term, 0.01)
    _sign_switch(assembly, f"long-term result of {name}", [long_up], [long_down], spread)
    _sign_switch(
        assembly,
        f"result of {name}",
        [short_taxed, long_taxed],
        [deducted, carried],
        max(prices.ordinary - prices.long_term, 0.01),
    )


def net_result_range(
    builder: ModelBuilder, gains: Iterable[tuple[int, float]], before: float
) -> tuple[float, float]:
    """Highest and lowest net result that the sales can bring about."""
    most = least = before
    for column, gain in gains:
        if gain > 0:
            most += gain * builder.upper_of(column)
        else:
            least += gain * builder.upper_of(column)
    return most, least


def _sign_switch(
    assembly: Assembly, name: str, up: Sequence[int], down: Sequence[int], worth: float
) -> None:
    """Either the columns above zero or those below it: 1 opens `up`, 0 opens `down`."""
    builder = assembly.builder
    most_up = max(builder.upper_of(column) for column in up)
    most_down = max(builder.upper_of(column) for column in down)
    if most_up == 0.0 or most_down == 0.0:
        return
    switch = builder.column(f"sign of {name}", upper=1.0)
    builder.row(
        f"{name} is a gain", [*((column, 1.0) for column in up), (switch, -most_up)], upper=0.0
    )
    builder.row(
        f"{name} is a loss",
        [*((column, 1.0) for column in down), (switch, most_down)],
        upper=most_down,
    )
    builder.switch(
        Switch(
            name=f"sign of {name}",
            column=switch,
            when_zero=side_of(down),
            when_one=side_of(up),
            threshold=10 * CENT_OF_UNIT,
            worth=worth,
        )
    )
