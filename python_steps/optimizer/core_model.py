"""The household's linear program: every variable, constraint and price, one small function each.

Belongs here: the list of the model's parts in canonical order. Does not belong here: the parts
(see the imports), permissions (`core_problem`), solving, share rounding, tickets and minimum trades
(they are repaired afterwards, see `repair`).

    minimise  tax of the year - worth of basis reset + spread and impact + drift + location
              + excess over concentration limits + cash that is missing
    subject to  cash of each account (money never crosses from one to another), class weights,
                netting of gains and losses (IRC 1222, 1211), no loss sale of what is bought
                (IRC 1091), standing lot methods (Reg. 1.1012-1(c)), the gains budget.
"""

from __future__ import annotations

from python_steps.optimizer.cash_rows import (
    add_cash,
    add_harvest_proceeds,
    add_idle_cash,
    add_needed_cash,
)
from python_steps.optimizer.core_problem import CoreProblem
from python_steps.optimizer.drift_rows import add_drift
from python_steps.optimizer.limit_rows import add_concentrations, add_gains_budget
from python_steps.optimizer.lot_order_rows import add_lot_orders
from python_steps.optimizer.model_assembly import Assembly, CoreModel
from python_steps.optimizer.prices import ObjectivePrices
from python_steps.optimizer.tax_rows import add_taxes
from python_steps.optimizer.trade_columns import add_impact, add_purchases, add_sales
from python_steps.optimizer.wash_sale_rows import add_exits, add_wash_sales
from python_steps.planning.costs import CostModel


def build_core_model(problem: CoreProblem, prices: ObjectivePrices, costs: CostModel) -> CoreModel:
    """The program of a household.

    Args:
        problem: what may be sold and bought.
        prices: prices of the objective.
        costs: commissions, spreads and impact.
    """
    assembly = Assembly(problem, prices, costs)
    add_sales(assembly)
    add_purchases(assembly)
    add_impact(assembly)
    add_cash(assembly)
    add_needed_cash(assembly)
    add_idle_cash(assembly)
    add_harvest_proceeds(assembly)
    add_drift(assembly)
    add_taxes(assembly)
    add_wash_sales(assembly)
    add_exits(assembly)
    add_concentrations(assembly)
    add_gains_budget(assembly)
    add_lot_orders(assembly)
    return assembly.finished()
