"""How far a plan is from the best one of its own model: for `evenkeel bench --reference`.

Belongs here: the best of the very program that a plan was made from, by the integer solver with
minimum trades and tickets, and the plan's shares valued in it. Does not belong here: what a plan is
made with. Plan and best plan stand under the same permissions, stage of sales, budget for tax, last
resort, prices, cash buffer, commissions, least sizes and tickets, and the same solver values both:
only the choice and the shares differ. What the breakeven rule puts off is no fault of either and
has a figure of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from python_steps.optimizer.attempt import Attempt
from python_steps.optimizer.cash_rows import cash_row, missing_cash_column
from python_steps.optimizer.household_trades import trade_groups
from python_steps.optimizer.linear_model import DOLLARS_PER_UNIT, UNBOUNDED, LinearModel
from python_steps.optimizer.model_assembly import CENT_OF_UNIT, CoreModel
from python_steps.optimizer.optimality import amounts_in_shares
from python_steps.optimizer.reference import reference_objective
from python_steps.optimizer.trade_groups import NEGLIGIBLE, TradeGroup, TradeSizes
from python_steps.planning.household import Household
from python_steps.planning.plan import HouseholdPlan
from python_steps.sample_households.rules import SampleRules

DOLLAR = 1 / DOLLARS_PER_UNIT


class Comparison(NamedTuple):
    """A plan beside the best one, dollars; None where there is nothing to compare.

    `how` says whether it was compared, else why not. `above_best` is the excess of the plan's
    shares, tickets included; `of_choice` the part that the choice of trades has in it (the best
    plan of the same trades beside the best plan), `of_shares` that of whole shares. `put_off` is
    what the best plan without the budget for tax would be better by, where the breakeven rule set
    one.
    """

    how: str
    above_best: float | None = None
    of_choice: float | None = None
    of_shares: float | None = None
    put_off: float | None = None


def compared_with_best(
    household: Household, plan: HouseholdPlan, attempt: Attempt | None, rules: SampleRules
) -> Comparison:
    """A plan's distance to the best plan of its program.

    Args:
        household: the household.
        plan: its published plan.
        attempt: how the plan was made; None where the optimiser did not make it.
        rules: the policy, for tickets and least sizes.
    """
    if attempt is None or plan.optimality is None or plan.optimality.stage is None:
        return Comparison("not optimised")
    trades = list(trade_groups(household, rules.policy, attempt.core))
    best = reference_objective(attempt.model, trades, absolute_gap=DOLLAR)
    if best.status != "optimal":
        return Comparison("no best plan proved")
    own = reference_objective(_at_shares(attempt, trades), (), absolute_gap=DOLLAR / 100)
    if own.status != "optimal":
        return Comparison("shares are outside the model")
    tickets = float(rules.policy.minimum_trade_benefit) * len(plan.trades)
    worth = own.objective * DOLLARS_PER_UNIT + tickets
    same = reference_objective(_of_same_trades(attempt, trades), trades, absolute_gap=DOLLAR)
    reached = best.objective * DOLLARS_PER_UNIT
    chosen = worth if same.status != "optimal" else same.objective * DOLLARS_PER_UNIT
    put_off = None
    if attempt.room.tax_budget is not None:
        freely = attempt.core.upper_within(attempt.room._replace(tax_budget=None))
        unbound = reference_objective(
            replace(attempt.model, upper=freely), trades, absolute_gap=DOLLAR
        )
        put_off = reached - unbound.objective * DOLLARS_PER_UNIT
    return Comparison("compared", worth - reached, chosen - reached, worth - chosen, put_off)


def _of_same_trades(attempt: Attempt, trades: Sequence[TradeGroup]) -> LinearModel:
    """The program with all but the plan's trades closed."""
    sizes = TradeSizes(attempt.model, trades)
    closed = sizes.columns_of(sizes.sizes(attempt.mended.values) <= NEGLIGIBLE)
    upper = attempt.model.upper.copy()
    upper[closed] = attempt.model.lower[closed]
    return replace(attempt.model, upper=upper)


def _at_shares(attempt: Attempt, trades: Sequence[TradeGroup]) -> LinearModel:
    """The program with every trade held at the dollars of the plan's shares, commissions paid.

    Whole shares may raise a little more than is needed: what a stage closes stays open beside them.
    What is missing of needed cash is what the orders themselves leave missing.
    """
    model = attempt.core.model
    lower, upper = model.lower.copy(), model.upper.copy()
    for column, amount in amounts_in_shares(attempt).items():
        lower[column] = upper[column] = min(amount, float(upper[column]))
    # Costs of orders are whole cents: a row that is no equation may be missed by as much.
    cent = np.where(model.row_lower < model.row_upper, CENT_OF_UNIT, 0.0)
    row_lower, row_upper = model.row_lower - cent, model.row_upper + cent
    for trade in trades:
        if upper[list(trade.columns)].any():
            row_lower[list(trade.cash_rows)] += trade.fee
            row_upper[list(trade.cash_rows)] += trade.fee
    for account_id, row, missing in _overdrafts(attempt.core):
        row_lower[row] = -UNBOUNDED
        if missing is not None:
            short = max(0.0, -float(attempt.ledger.spendable(account_id))) / DOLLARS_PER_UNIT
            lower[missing] = upper[missing] = min(short, float(upper[missing]))
    # A row of given amounts alone adds nothing to their worth, and rounding to shares may pass it.
    column_of_entry = np.repeat(np.arange(model.column_count), np.diff(model.starts))
    is_open = np.zeros(model.row_count, dtype=bool)
    is_open[model.rows[(upper > lower)[column_of_entry]]] = True
    return replace(
        model,
        lower=lower,
        upper=upper,
        row_lower=np.where(is_open, row_lower, -UNBOUNDED),
        row_upper=np.where(is_open, row_upper, UNBOUNDED),
    )


def _overdrafts(core: CoreModel) -> Iterator[tuple[str, int, int | None]]:
    """Accounts with the row that keeps them from being overdrawn and the column of missing cash."""
    rows = {name: number for number, name in enumerate(core.model.row_names)}
    columns = {core.model.column_names[column]: column for column in core.missing_columns}
    for account in core.problem.household.accounts:
        row = rows.get(cash_row(account.account_id))
        if row is not None:
            name = missing_cash_column(account.account_id)
            yield account.account_id, row, columns.get(name)
