"""How far a plan is from the best one of its own model: for `evenkeel bench --reference`.

Belongs here: the model of one household built once more, the best of it by the integer solver with
minimum trades and tickets, and the very shares of a plan valued in it. Does not belong here: what a
plan is made with. Both figures come from the same solver and the same model, so that only the
shares differ; the plan's stage (which kinds of sale it needed) holds for both.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np

from python_steps.optimizer.core_model import build_core_model
from python_steps.optimizer.core_problem import Stage, core_problem
from python_steps.optimizer.household_trades import trade_groups
from python_steps.optimizer.linear_model import DOLLARS_PER_UNIT, UNBOUNDED, LinearModel
from python_steps.optimizer.model_assembly import CoreModel, Room
from python_steps.optimizer.prices import objective_prices
from python_steps.optimizer.reference import reference_objective
from python_steps.planning.buy_rules import BuyRules
from python_steps.planning.costs import CostModel
from python_steps.planning.household import Household, HouseholdIndex
from python_steps.planning.ledger import PlanLedger
from python_steps.planning.plan import BUY, HouseholdPlan
from python_steps.planning.sell_rules import SellRules
from python_steps.planning.tax_effect import TaxEffect
from python_steps.sample_households.rules import SampleRules

DOLLAR = 1 / DOLLARS_PER_UNIT
NOTHING = Decimal(0)


def excess_over_best(
    household: Household, plan: HouseholdPlan, rules: SampleRules
) -> tuple[float | None, str]:
    """Dollars by which a plan lies above the best plan of its stage, and how that was found.

    Returns:
        The excess, tickets and rounding to shares included, and "compared"; or None with the
        reason: "not optimised", "no best plan proved", "shares are outside the model".
    """
    said = plan.optimality
    if said is None or said.stage is None:
        return None, "not optimised"
    core = _core_model(household, rules)
    model = replace(
        core.model, upper=core.upper_within(Room(Stage[said.stage.upper()], is_last_resort=True))
    )
    trades = list(trade_groups(household, rules.policy, core))
    best = reference_objective(model, trades, absolute_gap=DOLLAR)
    if best.status != "optimal":
        return None, "no best plan proved"
    own = reference_objective(_at_shares(model, core, plan), (), absolute_gap=DOLLAR / 100)
    if own.status != "optimal":
        return None, "shares are outside the model"
    tickets = float(rules.policy.minimum_trade_benefit) * len(plan.trades)
    return (own.objective - best.objective) * DOLLARS_PER_UNIT + tickets, "compared"


def _core_model(household: Household, rules: SampleRules) -> CoreModel:
    index = HouseholdIndex(household)
    tax = TaxEffect(index, rules.rates)
    costs = CostModel(rules.policy, rules.assumptions)
    start = PlanLedger(index, costs, rules.policy.execution_buffer)
    sells, buys = SellRules(index, rules.policy, tax), BuyRules(index, rules.policy)
    problem = core_problem(start, sells, buys, rules.policy)
    prices = objective_prices(index, rules.policy, rules.assumptions, tax)
    return build_core_model(problem, prices, costs)


def _at_shares(model: LinearModel, core: CoreModel, plan: HouseholdPlan) -> LinearModel:
    """The model with every trade held at the dollars of the plan's shares."""
    sold, bought = _dollars_traded(plan)
    lower, upper = model.lower.copy(), model.upper.copy()
    for sale, column in zip(core.problem.sales, core.sale_columns, strict=True):
        key = (sale.account_id, sale.security_id)
        dollars = sold.get((*key, sale.lot.lot_id), sold.get((*key, ""), NOTHING))
        lower[column] = upper[column] = min(float(dollars) / DOLLARS_PER_UNIT, upper[column])
    for purchase, column in zip(core.problem.purchases, core.purchase_columns, strict=True):
        dollars = bought.get((purchase.account_id, purchase.security_id), NOTHING)
        lower[column] = upper[column] = min(float(dollars) / DOLLARS_PER_UNIT, upper[column])
    # A row of given amounts alone adds nothing to their worth, and rounding to shares may pass it.
    column_of_entry = np.repeat(np.arange(model.column_count), np.diff(model.starts))
    is_open = np.zeros(model.row_count, dtype=bool)
    is_open[model.rows[(upper > lower)[column_of_entry]]] = True
    return replace(
        model,
        lower=lower,
        upper=upper,
        row_lower=np.where(is_open, model.row_lower, -UNBOUNDED),
        row_upper=np.where(is_open, model.row_upper, UNBOUNDED),
    )


def _dollars_traded(
    plan: HouseholdPlan,
) -> tuple[dict[tuple[str, str, str], Decimal], dict[tuple[str, str], Decimal]]:
    """Dollars sold by account, security and lot ("" where no lot is named), and dollars bought."""
    sold: dict[tuple[str, str, str], Decimal] = {}
    bought: dict[tuple[str, str], Decimal] = {}
    for trade in plan.trades:
        if trade.action == BUY:
            bought[trade.account_id, trade.security_id] = trade.notional
        elif not trade.lots:
            sold[trade.account_id, trade.security_id, ""] = trade.notional
        for part in trade.lots:
            sold[trade.account_id, trade.security_id, part.lot_id] = part.quantity * trade.price
    return sold, bought
