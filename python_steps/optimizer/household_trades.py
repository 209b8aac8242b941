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
from python_steps.optimizer.core_problem import Sale
from python_steps.optimizer.linear_model import DOLLARS_PER_UNIT
from python_steps.optimizer.model_assembly import CoreModel
from python_steps.optimizer.trade_groups import TradeGroup
from python_steps.planning.costs import commission_of
from python_steps.planning.household import Household, Security, TradeTerms
from python_steps.policy import FirmPolicy


def trade_groups(household: Household, policy: FirmPolicy, core: CoreModel) -> Iterator[TradeGroup]:
    """The possible trades with the sizes and the benefit that they must reach, thousand dollars.

    A trade is a security sold, or bought, in an account.
    """
    problem = core.problem
    ticket = float(policy.minimum_trade_benefit) / DOLLARS_PER_UNIT
    minimum = float(household.minimum_trade_amount) / DOLLARS_PER_UNIT
    cash_rows = _cash_rows(core)
    sold: dict[tuple[str, str], list[tuple[Sale, int]]] = defaultdict(list)
    for sale, column in zip(problem.sales, core.sale_columns, strict=True):
        sold[sale.account_id, sale.security_id].append((sale, column))
    for (account_id, security_id), lots in sold.items():
        security = problem.security(security_id)
        terms = problem.index.terms_of(account_id, security)
        is_needy = account_id in problem.needy
        yield TradeGroup(
            key=f"sell|{account_id}|{security_id}",
            columns=tuple(column for _, column in lots),
            minimum=minimum,
            whole=_whole([sale for sale, _ in lots], terms, is_needy=is_needy),
            ticket=ticket,
            must_grow=is_needy,
            account=account_id,
            unit=_unit(security, terms),
            fee=float(commission_of(policy, terms)) / DOLLARS_PER_UNIT,
            cash_rows=cash_rows.get(account_id, ()),
        )
    for (account_id, security_id, _), column in zip(
        problem.purchases, core.purchase_columns, strict=True
    ):
        security = problem.security(security_id)
        terms = problem.index.terms_of(account_id, security)
        yield TradeGroup(
            key=f"buy|{account_id}|{security_id}",
            columns=(column,),
            minimum=max(minimum, float(terms.minimum_amount) / DOLLARS_PER_UNIT),
            whole=math.inf,
            ticket=ticket,
            must_grow=False,
            account=account_id,
            unit=_unit(security, terms),
            fee=float(commission_of(policy, terms)) / DOLLARS_PER_UNIT,
            cash_rows=cash_rows.get(account_id, ()),
        )


def _cash_rows(core: CoreModel) -> dict[str, tuple[int, ...]]:
    """By account the rows that hold its cash."""
    number_of = {name: number for number, name in enumerate(core.model.row_names)}
    found = {}
    for account in core.problem.household.accounts:
        names = (cash_row(account.account_id), idle_cash_row(account.account_id))
        found[account.account_id] = tuple(number_of[name] for name in names if name in number_of)
    return found


def _whole(sales: Sequence[Sale], terms: TradeTerms, *, is_needy: bool) -> float:
    """What ends a position, which may be less than a trade's minimum; thousand dollars.

    Infinite where some of its lots, or a part of a share, may not be sold: then nothing ends it.
    For needed cash the whole shares of it may go all the same.
    """
    position = sales[0].position
    stays = position.sellable_quantity % terms.quantity_step != 0
    if stays and position.sellable_quantity < position.quantity and not is_needy:
        return math.inf
    free = sum((sale.lot.sellable_quantity for sale in sales), Decimal(0))
    if free < position.sellable_quantity:
        return math.inf
    return math.fsum(sale.limit for sale in sales) / DOLLARS_PER_UNIT


def _unit(security: Security, terms: TradeTerms) -> float:
    """Price of the smallest quantity that trades, thousand dollars."""
    return float((security.price or Decimal(0)) * terms.quantity_step) / DOLLARS_PER_UNIT
