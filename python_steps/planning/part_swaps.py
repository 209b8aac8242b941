"""Bringing a sub-class or a security back inside its band, by swaps inside its class.

Belongs here: the exchange of one holding for another of the same class in the same account, for
targets that the IPS sets beneath a class. Does not belong here: moving dollars between classes
(`swaps`), permissions, and sales at a gain: less drift inside a class pays no tax back, and the
firm's policy admits gains only for a class outside its band; so they go to the exceptions.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from python_steps.planning.evaluation import is_outside_band
from python_steps.planning.household import (
    CASH,
    Account,
    AllocationGroup,
    BuyOption,
    PartTarget,
    Position,
    Security,
)
from python_steps.planning.ledger import PlanLedger
from python_steps.planning.needs import AT_EDGE, AT_TARGET, HALF_WAY, stopping_weights
from python_steps.planning.plan import REBALANCE, Purpose
from python_steps.planning.sell_rules import LOSSES_ONLY
from python_steps.planning.swaps import SIDE_WEIGHT, Market, buy_security, is_large_enough_sale

NOTHING = Decimal(0)
# Share rounding and the execution buffer of both trades may leave this share of a sale in cash.
UNSPENT_SHARE = Decimal("0.05")


class _Task(NamedTuple):
    """A part to be mended in one account: positive dollars are to be bought, negative sold."""

    group: AllocationGroup
    part: PartTarget
    asset_class: str
    account: Account
    dollars: Decimal
    is_stretched: bool

    @property
    def purpose(self) -> Purpose:
        name, group_id = self.asset_class, self.group.allocation_group_id
        return Purpose(REBALANCE, group_id, name, name, part_name=self.part.name)


def breached_parts(ledger: PlanLedger, group: AllocationGroup) -> list[PartTarget]:
    """Parts that the book sees outside their band and the plan has not brought back.

    The one furthest from its target comes first; as with classes, a breach that a flow in sight
    cures waits.
    """
    total = ledger.group_value(group.allocation_group_id)
    values = ledger.part_values[group.allocation_group_id]
    outside = [
        part
        for part in group.parts
        if part.is_breach_projected and is_outside_band(part, values[part.key], total)
    ]
    return sorted(
        outside,
        key=lambda part: (-abs(values[part.key] - part.target_weight * total), part.key),
    )


def swap_inside_classes(
    market: Market, ledger: PlanLedger, group: AllocationGroup, stop: Decimal
) -> PlanLedger:
    """Swap holdings inside their class until each breached part is where the policy stops.

    Tax-advantaged accounts come first; taxable ones sell losses only. Where other parts at their
    targets have nothing to give, they give down to half-way to their edge.

    Returns:
        The plan with the swaps that could be carried out whole.
    """
    accounts = [
        account
        for account in market.index.accounts_of_group.get(group.allocation_group_id, [])
        if account.block is None
    ]
    accounts.sort(key=lambda account: (account.is_taxable, account.account_id))
    for part in breached_parts(ledger, group):
        for is_stretched in (False, True):
            for account in accounts:
                if is_stretched and part not in breached_parts(ledger, group):
                    break
                lack = _lack(ledger, group, part, AT_EDGE if is_stretched else stop)
                dollars = account.dollars(lack)
                if part.asset_class is not None and dollars != 0:
                    task = _Task(group, part, part.asset_class, account, dollars, is_stretched)
                    ledger = _swapped(market, ledger, task)
    return ledger


def is_of_class(security: Security, asset_class: str) -> bool:
    """True for a holding (nearly) wholly of a class: exchanging it moves no other class."""
    return dict(security.class_weights).get(asset_class, NOTHING) > 1 - SIDE_WEIGHT


def _lack(ledger: PlanLedger, group: AllocationGroup, part: PartTarget, stop: Decimal) -> Decimal:
    """Dollars that a part should take (positive) or give (negative) to reach the stop."""
    total = ledger.group_value(group.allocation_group_id)
    value = ledger.part_values[group.allocation_group_id][part.key]
    low, high = stopping_weights(part, stop)
    return max(NOTHING, low * total - value) - max(NOTHING, value - high * total)


def _swapped(market: Market, ledger: PlanLedger, task: _Task) -> PlanLedger:
    """The plan with one account's swap, or unchanged where the swap would stay half done."""
    sinks = _sinks(market, ledger, task)
    amount = min(abs(task.dollars), sum((room for _, room in sinks), NOTHING))
    trial = ledger.copy()
    raised = _raised(market, trial, task, amount)
    bought = NOTHING
    for option, room in sinks:
        # Asked again: what was just sold may be substantially identical to what was to be bought.
        if market.buys.block(trial, option) is not None:
            continue
        security = market.index.securities[option.security_id]
        dollars = min(room, raised - bought)
        bought += buy_security(
            market, trial, task.account.account_id, security, dollars, task.purpose
        )
    unspent = max(market.minimum_trade, UNSPENT_SHARE * raised)
    is_whole = bought > 0 and raised - bought <= unspent
    is_harmless = _classes_outside(trial, task.group) <= _classes_outside(ledger, task.group)
    return trial if is_whole and is_harmless else ledger


def _raised(market: Market, trial: PlanLedger, task: _Task, amount: Decimal) -> Decimal:
    """Sell until about `amount` dollars are there to spend; for parts of Cash, free cash is."""
    account_id = task.account.account_id
    free = NOTHING
    if task.asset_class == CASH and task.dollars > 0:
        free = min(amount, max(NOTHING, trial.spendable(account_id)))
    before, left = trial.cash(account_id), amount - free
    for position, most in _sources(market, trial, task):
        price = market.index.securities[position.security_id].price or NOTHING
        lots = market.sells.eligible_lots(trial, position, LOSSES_ONLY)
        if left > 0 and price > 0 and lots:
            shares = min(left, most) / price
            if is_large_enough_sale(market, trial, position, lots, shares):
                left -= trial.sell(position, lots, shares, task.purpose)
    return free + trial.cash(account_id) - before


def _sinks(market: Market, ledger: PlanLedger, task: _Task) -> list[tuple[BuyOption, Decimal]]:
    """Securities to buy and dollars for each: the part itself, or what lacks most beside it."""
    wanted = abs(task.dollars)
    found: dict[PartTarget | None, tuple[Decimal, BuyOption, Decimal]] = {}
    for option in market.index.options.get((task.account.account_id, task.asset_class), []):
        security = market.index.securities[option.security_id]
        part = task.group.part_of(security)
        excess = ledger.part_excess(task.account.account_id, security)
        is_bought = part == task.part if task.dollars > 0 else part != task.part
        room = wanted if part in (None, task.part) else -task.account.dollars(excess or NOTHING)
        terms = market.index.terms_of(task.account.account_id, security)
        is_free = (
            is_of_class(security, task.asset_class)
            and terms.minimum_amount <= min(room, wanted)
            and market.buys.block(ledger, option) is None
        )
        if is_bought and is_free and room > 0 and part not in found:
            found[part] = (excess or NOTHING, option, room)
    ordered = sorted(found.values(), key=lambda each: (each[0], each[1].security_id))
    return [(option, room) for _, option, room in ordered]


def _sources(market: Market, ledger: PlanLedger, task: _Task) -> list[tuple[Position, Decimal]]:
    """Holdings to sell and dollars of each: the part itself, or what stands above its target."""
    found = []
    for position in market.index.positions_of_account.get(task.account.account_id, []):
        security = market.index.securities[position.security_id]
        part = task.group.part_of(security)
        is_sold = part != task.part if task.dollars > 0 else part == task.part
        if not is_sold or not is_of_class(security, task.asset_class):
            continue
        excess = ledger.part_excess(task.account.account_id, security)
        most = position.market_value or NOTHING
        if part is not None and part != task.part:
            stop = HALF_WAY if task.is_stretched else AT_TARGET
            most = min(most, task.account.dollars(_above(ledger, task.group, part, stop)))
        if most > 0:
            found.append((position, most, excess or NOTHING))
    found.sort(key=lambda each: (-each[2], -each[1], each[0].security_id))
    return [(position, most) for position, most, _ in found]


def _above(ledger: PlanLedger, group: AllocationGroup, part: PartTarget, stop: Decimal) -> Decimal:
    """Dollars that a part may give before it falls to its target, or to its inner edge."""
    total = ledger.group_value(group.allocation_group_id)
    low, _ = stopping_weights(part, stop)
    return ledger.part_values[group.allocation_group_id][part.key] - low * total


def _classes_outside(ledger: PlanLedger, group: AllocationGroup) -> set[str]:
    total = ledger.group_value(group.allocation_group_id)
    values = ledger.class_values[group.allocation_group_id]
    return {
        row.asset_class
        for row in group.classes
        if is_outside_band(row, values.get(row.asset_class, NOTHING), total)
    }
