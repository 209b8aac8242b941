"""From dollars of a solution to shares, lots and cents: the one border where floats end.

Belongs here: which shares of which lots a sale takes, sales rounded up and purchases down, what
small change then still buys, and what each trade is for. Does not belong here: finding the
solution, bookkeeping (`ledger`, whose rounding keeps every account's cash). Rounding up takes the
extra share from the partly sold lot, then from the next in turn, never from a loss lot of what the
plan buys. Where gains of the year have a budget, sales at a gain are rounded down.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from python_steps.optimizer.core_problem import CoreProblem, Sale
from python_steps.optimizer.linear_model import DOLLARS_PER_UNIT, Floats
from python_steps.optimizer.model_assembly import CoreModel
from python_steps.optimizer.small_change import spend_small_change
from python_steps.planning.household import CASH, Lot, Position
from python_steps.planning.ledger import PlanLedger, floor_to, to_cents
from python_steps.planning.plan import (
    HARVEST_REPLACEMENT,
    INVEST_CASH,
    LOCATE,
    RAISE_CASH,
    REBALANCE,
    RESTRICTION,
    SELL,
    Purpose,
)

NOTHING = Decimal(0)
CENT = 0.01
MICRO_SHARE = Decimal("0.000001")
# A lot sold but for this share of it is sold whole.
WHOLE_SHARE = 0.9999
# Shares sold for a fee pay spread and buffer, too: what these leave of it is sold for again.
FEE_ROUNDS = 3
# Above its target by less than this share of the group a class is not called overweight.
AT_TARGET = Decimal("0.0005")


class _Sold(NamedTuple):
    """Dollars of a position that the solution sells, lot by lot."""

    position: Position
    lots: tuple[tuple[Sale, float], ...]

    @property
    def amount(self) -> float:
        return math.fsum(dollars for _, dollars in self.lots)


class _Buying(NamedTuple):
    """Identity groups that the solution buys anywhere, and the accounts in which it buys."""

    identities: set[str]
    accounts: set[str]


def rounded_ledger(core: CoreModel, values: Floats) -> PlanLedger:
    """The plan in shares.

    Args:
        core: the household's model.
        values: a solution, thousand dollars by column.

    Returns:
        A ledger with the orders; no account is short of cash that the solution leaves enough, and
        no loss stands beside recent shares of the same that rounding has left.
    """
    ledger = _rounded(core, values)
    washed = [
        column
        for sale, column in zip(core.problem.sales, core.sale_columns, strict=True)
        if sale.to_leave
        and ledger.sold_of(sale.lot) > 0
        and _is_left_behind(core.problem, ledger, sale)
    ]
    if not washed:
        return ledger
    without = values.copy()
    without[washed] = 0.0
    return _rounded(core, without)


def _is_left_behind(problem: CoreProblem, ledger: PlanLedger, sale: Sale) -> bool:
    """Whether shares stay that were bought so recently that they replace those of the sale."""
    recent = (problem.index.lots[lot_id] for lot_id in sale.to_leave)
    return any(ledger.sold_of(lot) < lot.quantity for lot in recent)


def _rounded(core: CoreModel, values: Floats) -> PlanLedger:
    problem = core.problem
    ledger = problem.start.copy()
    sold = _sold_positions(core, values)
    bought = _bought(core, values)
    buying = _Buying(
        identities={problem.security(security_id).identity_group_id for _, security_id in bought},
        accounts={account_id for account_id, _ in bought},
    )
    purposes = _Purposes(problem, sold, bought)
    for each in sold:
        _sell(ledger, problem, each, buying, purposes)
    for each in sorted(sold, key=lambda each: (-each.amount, each.position.key)):
        _sell_for_fees(ledger, problem, each, buying, purposes)
    # The largest first: what commissions take of the cash then ends in the smallest, or drops it.
    for key, dollars in sorted(bought.items(), key=lambda item: (-item[1], item[0])):
        _buy(ledger, problem, key, dollars, purposes)
    spend_small_change(ledger, core, {key: purposes.of_purchase(*key) for key in sorted(bought)})
    return ledger


def _sold_positions(core: CoreModel, values: Floats) -> list[_Sold]:
    """What is sold, netted against what the same account buys of the same security."""
    found: dict[tuple[str, str], list[tuple[Sale, float]]] = defaultdict(list)
    for sale, column in zip(core.problem.sales, core.sale_columns, strict=True):
        dollars = float(values[column]) * DOLLARS_PER_UNIT
        if dollars > CENT:
            found[sale.position.key].append((sale, dollars))
    bought = _purchases(core, values)
    positions = []
    for key, sales in found.items():
        back = bought.get(key, 0.0)
        lots = sales if _follows_order(core.problem, sales[0][0].position) else _in_fewest(sales)
        kept = _less(lots, back) if back > 0 else lots
        if kept:
            positions.append(_Sold(kept[0][0].position, tuple(kept)))
    return positions


def _in_fewest(sales: Sequence[tuple[Sale, float]]) -> list[tuple[Sale, float]]:
    """The sales with lots that are as good as each other sold one after the other.

    A solution may take a part of each, at the same tax: of those, the largest goes first.
    """
    alike: dict[tuple[float, bool, bool, int], list[tuple[Sale, float]]] = defaultdict(list)
    for sale, dollars in sales:
        if dollars < sale.limit - CENT:
            kind = (sale.gain_per_dollar, sale.is_long_term, sale.is_loss, sale.stage)
            alike[kind].append((sale, dollars))
    amounts = {sale.lot.lot_id: dollars for sale, dollars in sales}
    for parts in alike.values():
        left = math.fsum(dollars for _, dollars in parts)
        for sale, _ in sorted(parts, key=lambda each: (-each[0].limit, each[0].lot.lot_id)):
            amounts[sale.lot.lot_id] = min(left, sale.limit)
            left -= amounts[sale.lot.lot_id]
    kept = [(sale, amounts[sale.lot.lot_id]) for sale, _ in sales]
    return [(sale, dollars) for sale, dollars in kept if dollars > CENT]


def _less(lots: Sequence[tuple[Sale, float]], dollars: float) -> list[tuple[Sale, float]]:
    """The sales without their last dollars."""
    kept = []
    left = max(0.0, math.fsum(amount for _, amount in lots) - dollars)
    for sale, amount in lots:
        part = min(amount, left)
        left -= part
        if part > CENT:
            kept.append((sale, part))
    return kept


def _purchases(core: CoreModel, values: Floats) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for purchase, column in zip(core.problem.purchases, core.purchase_columns, strict=True):
        dollars = float(values[column]) * DOLLARS_PER_UNIT
        if dollars > CENT:
            found[purchase.account_id, purchase.security_id] = dollars
    return found


def _bought(core: CoreModel, values: Floats) -> dict[tuple[str, str], float]:
    """What is bought, netted against what the same account sells of the same security."""
    sold: dict[tuple[str, str], float] = defaultdict(float)
    for sale, column in zip(core.problem.sales, core.sale_columns, strict=True):
        dollars = float(values[column]) * DOLLARS_PER_UNIT
        if dollars > CENT:
            sold[sale.position.key] += dollars
    return {
        key: dollars - sold.get(key, 0.0)
        for key, dollars in _purchases(core, values).items()
        if dollars - sold.get(key, 0.0) > CENT
    }


def _sell(
    ledger: PlanLedger,
    problem: CoreProblem,
    sold: _Sold,
    buying: _Buying,
    purposes: _Purposes,
) -> None:
    wanted, lots = _shares_to_sell(problem, sold, buying)
    if not _brings_something(ledger, sold.position, lots, wanted):
        return
    purpose = purposes.of_sale(sold.position)
    if purpose.reason_code != RAISE_CASH and _is_too_small(ledger, sold.position, lots, wanted):
        needed = purposes.of_needed_cash(sold)
        if needed is None:
            return
        purpose = needed
    ledger.sell(sold.position, lots, wanted, purpose)


def _is_too_small(
    ledger: PlanLedger, position: Position, lots: Sequence[Lot], wanted: Decimal
) -> bool:
    """Whether a sale is below the household's minimum although it ends no holding.

    An account that needs cash may sell so little, but for the need and for nothing else.
    """
    security = ledger.index.securities[position.security_id]
    quantity = ledger.sale_quantity(position, lots, wanted)
    notional = to_cents(quantity * (security.price or NOTHING))
    is_small = notional < ledger.index.household.minimum_trade_amount
    return is_small and quantity < position.sellable_quantity


def _sell_for_fees(
    ledger: PlanLedger,
    problem: CoreProblem,
    sold: _Sold,
    buying: _Buying,
    purposes: _Purposes,
) -> None:
    """Sell a little more where an order's fixed fee, which no program knows, eats needed cash."""
    position = sold.position
    order = ledger.order_of(position.account_id, position.security_id, SELL)
    is_needy = any(need.account_id == position.account_id for need in problem.needs)
    if order is None or not is_needy:
        return
    price = _price_of(problem, position)
    _, lots = _shares_to_sell(problem, sold, buying)
    for _ in range(FEE_ROUNDS):
        # A shortage that the solution leaves, too, is no fee's doing.
        short = min(-ledger.spendable(position.account_id), order.commission)
        if short > 0:
            ledger.sell(position, lots, short / price, purposes.of_sale(position))


def _price_of(problem: CoreProblem, position: Position) -> Decimal:
    price = problem.security(position.security_id).price
    if price is None:
        raise ValueError(f"security {position.security_id} has no price")
    return price


def _brings_something(
    ledger: PlanLedger, position: Position, lots: Sequence[Lot], wanted: Decimal
) -> bool:
    """Whether a sale brings more than it costs: what is tiny does not pay its own fee."""
    security = ledger.index.securities[position.security_id]
    notional = ledger.sale_quantity(position, lots, wanted) * (security.price or NOTHING)
    terms = ledger.index.terms_of(position.account_id, security)
    return ledger.costs.of_order(security, terms, notional).total < notional


def _shares_to_sell(
    problem: CoreProblem, sold: _Sold, buying: _Buying
) -> tuple[Decimal, list[Lot]]:
    """Shares of a position that the solution sells, and the lots they may be of, in order."""
    position = sold.position
    security = problem.security(position.security_id)
    price = _price_of(problem, position)
    is_limited = _is_gain_limited(problem, sold, buying)
    whole, parts, wanted = [], [], NOTHING
    for sale, dollars in sold.lots:
        if dollars >= (sale.limit - CENT if is_limited else WHOLE_SHARE * sale.limit):
            whole.append(sale)
            wanted += sale.quantity
        else:
            parts.append((sale, dollars / sale.limit))
            shares = Decimal(str(round(dollars, 4))) / price
            wanted += shares.quantize(MICRO_SHARE)
    if is_limited and wanted < position.quantity:
        step = problem.index.terms_of(position.account_id, security).quantity_step
        wanted = floor_to(wanted, step)
    parts.sort(key=lambda each: (-each[1], each[0].gain_per_dollar, each[0].lot.lot_id))
    is_bought = security.identity_group_id in buying.identities
    last = max(sale.stage for sale, _ in sold.lots)
    own = problem.sales_of_position[position.key]
    used = {sale.lot.lot_id for sale, _ in sold.lots}

    def is_spare(sale: Sale) -> bool:
        """Whether rounding up may take a share of it."""
        is_washed = sale.is_loss and is_bought
        return sale.stage <= last and not is_washed and not sale.to_leave

    queue: Iterator[Sale]
    if _follows_order(problem, position):
        queue = itertools.takewhile(lambda sale: sale.lot.lot_id in used or is_spare(sale), own)
    else:
        spare = [sale for sale in own if sale.lot.lot_id not in used and is_spare(sale)]
        spare.sort(key=lambda sale: (sale.gain_per_dollar, sale.lot.lot_id))
        # What rounding down leaves of a whole sale must be none of a lot that has to be gone.
        whole.sort(key=lambda sale: sale.lot.lot_id not in problem.to_leave)
        queue = itertools.chain(whole, (sale for sale, _ in parts), spare)
    return wanted, [sale.lot for sale in queue]


def _is_gain_limited(problem: CoreProblem, sold: _Sold, buying: _Buying) -> bool:
    """Whether a share more might exceed the household's budget for gains of the year.

    Cash that is needed goes before the budget; where its account buys, too, a share less is bought.
    """
    needy = {need.account_id for need in problem.needs} - buying.accounts
    return (
        problem.household.annual_gains_budget is not None
        and sold.position.account_id not in needy
        and any(sale.gain_per_dollar > 0 for sale, _ in sold.lots)
    )


def _buy(
    ledger: PlanLedger,
    problem: CoreProblem,
    key: tuple[str, str],
    dollars: float,
    purposes: _Purposes,
) -> None:
    """Buy, rounded down, unless the account's cash no longer reaches for the smallest trade."""
    account_id, security_id = key
    security = problem.security(security_id)
    amount = Decimal(str(round(dollars, 2)))
    least = max(
        problem.household.minimum_trade_amount,
        problem.index.terms_of(account_id, security).minimum_amount,
    )
    quantity = ledger.affordable(account_id, security, amount)
    if security.price is not None and quantity * security.price >= least:
        ledger.buy(account_id, security, amount, purposes.of_purchase(account_id, security_id))


def _follows_order(problem: CoreProblem, position: Position) -> bool:
    return any(problem.sales[queue[0]].position is position for queue in problem.queues)


class _Purposes:
    """What each trade of an account is for: needed cash first, the rest by the classes it moves."""

    def __init__(
        self,
        problem: CoreProblem,
        sold: Sequence[_Sold],
        bought: dict[tuple[str, str], float],
    ) -> None:
        self._problem = problem
        self._sold: dict[str, dict[str, float]] = defaultdict(dict)
        self._losses: dict[tuple[str, str], float] = defaultdict(float)
        self._bought: dict[str, dict[str, float]] = defaultdict(dict)
        for each in sold:
            account_id, security_id = each.position.key
            name = problem.security(security_id).primary_class
            own = self._sold[account_id]
            own[name] = own.get(name, 0.0) + each.amount
            if all(sale.is_loss for sale, _ in each.lots):
                self._losses[account_id, name] += each.amount
        for (account_id, security_id), dollars in bought.items():
            name = problem.security(security_id).primary_class
            mine = self._bought[account_id]
            mine[name] = mine.get(name, 0.0) + dollars
        self._needs = {need.account_id: need.amount for need in problem.needs}

    def of_sale(self, position: Position) -> Purpose:
        """Why a position is sold."""
        account_id, problem = position.account_id, self._problem
        security = problem.security(position.security_id)
        name = security.primary_class
        group_id = self._group_id(account_id)
        need, total = self._needs.get(account_id, 0.0), math.fsum(self._sold[account_id].values())
        if problem.may_harvest(account_id):
            return Purpose(REBALANCE, group_id, name, name)
        if need >= total / 2 or not problem.is_due(account_id):
            return Purpose(RAISE_CASH, problem.account(account_id).allocation_group_id, name, None)
        if self._is_above_limit(position.security_id):
            return Purpose(RESTRICTION, group_id, name, None)
        other = self._largest(self._bought[account_id], besides=name)
        again = self._bought[account_id].get(name, 0.0)
        is_swap = again >= self._losses[account_id, name] / 2 > 0
        if is_swap and not self._is_off_target(group_id, name, is_above=True):
            return Purpose(REBALANCE, group_id, name, name)
        other = None if other == name else other
        if security.is_cash_equivalent or self._moves_home(group_id, name, other):
            return Purpose(REBALANCE, group_id, name, other)
        return Purpose(LOCATE, group_id, name, other)

    def of_needed_cash(self, sold: _Sold) -> Purpose | None:
        """The purpose of a sale without which needed cash is missing; None where others cover it.

        The need is what prices that moved against the account would leave missing.
        """
        account_id = sold.position.account_id
        need = self._needs.get(account_id, 0.0)
        others = math.fsum(self._sold[account_id].values()) - sold.amount
        if others >= need:
            return None
        name = self._problem.security(sold.position.security_id).primary_class
        group_id = self._problem.account(account_id).allocation_group_id
        return Purpose(RAISE_CASH, group_id, name, None)

    def of_purchase(self, account_id: str, security_id: str) -> Purpose:
        """Why a security is bought."""
        problem = self._problem
        name = problem.security(security_id).primary_class
        group_id = self._group_id(account_id)
        need = self._needs.get(account_id, 0.0)
        from_sales = max(0.0, math.fsum(self._sold[account_id].values()) - need)
        total = math.fsum(self._bought[account_id].values())
        other = self._largest(self._sold[account_id], besides=name)
        if problem.may_harvest(account_id):
            return Purpose(HARVEST_REPLACEMENT, group_id, name, name)
        if from_sales < total / 2:
            return Purpose(INVEST_CASH, group_id, CASH, name)
        if self._losses[account_id, name] >= self._bought[account_id][name] / 2:
            return Purpose(HARVEST_REPLACEMENT, group_id, name, name)
        if self._moves_home(group_id, other, name):
            return Purpose(REBALANCE, group_id, other, name)
        return Purpose(LOCATE, group_id, other, name)

    def _group_id(self, account_id: str) -> str | None:
        group = self._problem.index.group_of(account_id)
        return None if group is None else group.allocation_group_id

    def _moves_home(self, group_id: str | None, source: str | None, sink: str | None) -> bool:
        """Whether the household has too much of the one class or too little of the other."""
        is_above = source is not None and self._is_off_target(group_id, source, is_above=True)
        return is_above or (
            sink is not None and self._is_off_target(group_id, sink, is_above=False)
        )

    def _is_off_target(self, group_id: str | None, name: str, *, is_above: bool) -> bool:
        group = self._problem.index.groups.get(group_id or "")
        if group is None or group_id is None:
            return True
        row = group.target_of(name)
        total = self._problem.start.group_value(group_id)
        target = NOTHING if row is None else row.target_weight * total
        value = self._problem.start.class_values[group_id].get(name, NOTHING)
        distance = value - target if is_above else target - value
        return distance > AT_TARGET * total

    def _is_above_limit(self, security_id: str) -> bool:
        room = self._problem.index.room_under_limit(security_id)
        return room is not None and room < 0

    @staticmethod
    def _largest(amounts: dict[str, float], *, besides: str) -> str | None:
        """The class that moves the most dollars, another than `besides` where there is one."""
        others = {name: amount for name, amount in amounts.items() if name != besides}
        found = others or amounts
        return max(sorted(found), key=lambda name: found[name], default=None)
