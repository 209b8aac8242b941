"""The possible trades of a household's model, with the sizes and the benefit they must reach.

Belongs here: minimum trades, fund minimums, whole positions and least benefits of the household and
its firm as rules of columns. Does not belong here: making solutions keep to them (`repair`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal

from python_steps.optimizer.cash_rows import cash_row, idle_cash_row
from python_steps.optimizer.core_problem import CoreProblem
from python_steps.optimizer.linear_model import DOLLARS_PER_UNIT
from python_steps.optimizer.model_assembly import CoreModel
from python_steps.optimizer.trade_groups import TradeGroup
from python_steps.planning.costs import commission_of
from python_steps.planning.household import Household
from python_steps.policy import FirmPolicy


def trade_groups(household: Household, policy: FirmPolicy, core: CoreModel) -> Iterator[TradeGroup]:
    """The possible trades with the sizes and the benefit that they must reach, thousand dollars.

    A trade is a security sold, or bought, in an account.
    """
    problem = core.problem
    needy = {need.account_id for need in problem.needs}
    ticket = float(policy.minimum_trade_benefit) / DOLLARS_PER_UNIT
    cash_rows = _cash_rows(core)
    sold: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, sale in enumerate(problem.sales):
        sold[sale.position.key].append(number)
    for (account_id, security_id), numbers in sold.items():
        yield TradeGroup(
            key=f"sell|{account_id}|{security_id}",
            columns=tuple(core.sale_columns[number] for number in numbers),
            minimum=float(household.minimum_trade_amount) / DOLLARS_PER_UNIT,
            whole=_whole(problem, numbers, is_needy=account_id in needy),
            ticket=ticket,
            must_grow=account_id in needy,
            account=account_id,
            unit=_unit(problem, account_id, security_id),
            fee=_fee(problem, policy, account_id, security_id),
            cash_rows=cash_rows.get(account_id, ()),
        )
    for purchase, column in zip(problem.purchases, core.purchase_columns, strict=True):
        terms = problem.index.terms_of(purchase.account_id, problem.security(purchase.security_id))
        least = max(household.minimum_trade_amount, terms.minimum_amount)
        yield TradeGroup(
            key=f"buy|{purchase.account_id}|{purchase.security_id}",
            columns=(column,),
            minimum=float(least) / DOLLARS_PER_UNIT,
            whole=float("inf"),
            ticket=ticket,
            must_grow=False,
            account=purchase.account_id,
            unit=_unit(problem, purchase.account_id, purchase.security_id),
            fee=_fee(problem, policy, purchase.account_id, purchase.security_id),
            cash_rows=cash_rows.get(purchase.account_id, ()),
        )


def _cash_rows(core: CoreModel) -> dict[str, tuple[int, ...]]:
    """By account the rows that hold its cash."""
    number_of = {name: number for number, name in enumerate(core.model.row_names)}
    found = {}
    for account in core.problem.household.accounts:
        names = (cash_row(account.account_id), idle_cash_row(account.account_id))
        found[account.account_id] = tuple(number_of[name] for name in names if name in number_of)
    return found


def _fee(problem: CoreProblem, policy: FirmPolicy, account_id: str, security_id: str) -> float:
    terms = problem.index.terms_of(account_id, problem.security(security_id))
    return float(commission_of(policy, terms)) / DOLLARS_PER_UNIT


def _whole(problem: CoreProblem, numbers: Sequence[int], *, is_needy: bool) -> float:
    """What ends a position, which may be less than a trade's minimum; thousand dollars.

    Infinite where some of its lots, or a part of a share, may not be sold: then nothing ends it.
    For needed cash the whole shares of it may go all the same.
    """
    lots = [problem.sales[number] for number in numbers]
    position = lots[0].position
    terms = problem.index.terms_of(position.account_id, problem.security(position.security_id))
    stays = position.sellable_quantity % terms.quantity_step != 0
    if stays and position.sellable_quantity < position.quantity and not is_needy:
        return math.inf
    free = sum((sale.lot.sellable_quantity for sale in lots), Decimal(0))
    if free < position.sellable_quantity:
        return math.inf
    return math.fsum(sale.limit for sale in lots) / DOLLARS_PER_UNIT


def _unit(problem: CoreProblem, account_id: str, security_id: str) -> float:
    """Price of the smallest quantity that trades, thousand dollars."""
    security = problem.security(security_id)
    step = problem.index.terms_of(account_id, security).quantity_step
    return float((security.price or Decimal(0)) * step) / DOLLARS_PER_UNIT
