"""First two steps of the waterfall: raise the cash that must leave, invest the cash that is free.

Belongs here: selling in the very account that is short, and buying with cash above its target.
Does not belong here: swaps between classes (`swaps`). Order of lots in a cash need: cash
equivalents, losses, long-term gains, and short-term gains only when nothing else is left.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from python_steps.planning.household import (
    CASH,
    Account,
    AllocationGroup,
    Position,
)
from python_steps.planning.ledger import PlanLedger
from python_steps.planning.needs import (
    Need,
    allotted,
    breached_classes,
    class_needs,
    is_outside_now,
    least_inside_band,
)
from python_steps.planning.plan import INVEST_CASH, RAISE_CASH, Purpose
from python_steps.planning.sell_rules import (
    ANY_LOT,
    LONG_TERM_GAINS,
    LOSSES_ONLY,
    CategorySet,
)
from python_steps.planning.swaps import (
    Market,
    buy_class,
    has_purchase,
    is_large_enough_sale,
    may_buy_class,
    sold_classes,
)

NOTHING = Decimal(0)
RAISING_STAGES: tuple[CategorySet, ...] = (LOSSES_ONLY, LONG_TERM_GAINS, ANY_LOT)


def raise_cash(market: Market, ledger: PlanLedger, account: Account) -> Decimal:
    """Sell in an account until its reserves and its minimum cash are covered.

    Args:
        market: rules and lookups.
        ledger: the plan so far; extended.
        account: an account whose investable cash may be negative.

    Returns:
        The shortfall that stays, dollars (0 when the cash is raised).
    """
    if ledger.cash(account.account_id) >= 0 or account.block is not None:
        return max(NOTHING, -ledger.cash(account.account_id))
    for stage in RAISING_STAGES:
        for only_excess in (True, False):
            for position in raising_order(market, ledger, account):
                if ledger.spendable(account.account_id) >= 0:
                    return NOTHING
                _raise_from(market, ledger, position, stage, only_excess=only_excess)
    return max(NOTHING, -ledger.cash(account.account_id))


def invest_cash(
    market: Market,
    ledger: PlanLedger,
    group: AllocationGroup,
    stop: Decimal,
    breached: frozenset[str],
    *,
    is_stretched: bool = False,
) -> None:
    """Invest a group's cash above its target, each class where it is best located.

    A class that the plan has sold down into its band is not bought back with it, unless Cash itself
    still stands outside its band; and inside the bands small change is left in cash.

    Stretched, Cash inside its band gives more, down to half-way to its edge, for a class that is
    still outside its own.
    """
    accounts = [
        account
        for account in market.index.accounts_of_group.get(group.allocation_group_id, [])
        if account.block is None
    ]
    free = sum(
        (each.weighed(max(NOTHING, ledger.spendable(each.account_id))) for each in accounts),
        NOTHING,
    )
    needs = class_needs(
        ledger,
        group,
        stop,
        breached,
        cash_available=free,
        sweeps_cash=True,
        is_stretched=is_stretched,
    )
    excess = next((need.amount for need in needs.sources if need.asset_class == CASH), NOTHING)
    is_cash_outside = CASH in breached and is_outside_now(ledger, group, CASH)
    sold = sold_classes(market, ledger, accounts) - breached_classes(ledger, group)
    pairs = [
        (sink, account)
        for sink in needs.sinks
        for account in accounts
        if sink.asset_class != CASH
        and (is_cash_outside or sink.asset_class not in sold)
        and (sink.is_primary or not is_stretched)
        and may_buy_class(market, ledger, account.account_id, sink.asset_class)
    ]
    pairs.sort(key=lambda pair: _investing_order(market, *pair))
    sinks = {sink.asset_class: sink for sink, _ in pairs}
    bought = dict.fromkeys(sinks, NOTHING)
    least = least_inside_band(ledger, group, market.minimum_trade)
    secondary = needs.secondary_sink_limit
    shares = allotted(replace(needs, sinks=tuple(sinks.values())))
    # The size of the need says what each class gets, location where; then what is left is placed.
    for most in (shares, {name: sink.amount for name, sink in sinks.items()}):
        for sink, account in pairs:
            name = sink.asset_class
            spendable = account.weighed(ledger.spendable(account.account_id))
            amount = min(most[name] - bought[name], excess, spendable)
            if not sink.is_primary:
                amount = min(amount, secondary)
            is_worth_it = (
                amount >= least
                or has_purchase(market, ledger, account.account_id, name)
                or is_outside_now(ledger, group, name)
                or (CASH in breached and is_outside_now(ledger, group, CASH))
            )
            if amount <= 0 or not is_worth_it:
                continue
            purpose = Purpose(INVEST_CASH, group.allocation_group_id, CASH, name)
            dollars = account.dollars(amount)
            spent = account.weighed(
                buy_class(market, ledger, account.account_id, name, dollars, purpose)
            )
            bought[name] += spent
            excess -= spent
            secondary -= NOTHING if sink.is_primary else spent


def _investing_order(
    market: Market, sink: Need, account: Account
) -> tuple[bool, int, int, str, str]:
    rank = market.assumptions.rank_of(sink.asset_class, account.tax_treatment)
    return (not sink.is_primary, rank, sink.order, sink.asset_class, account.account_id)


def _raise_from(
    market: Market,
    ledger: PlanLedger,
    position: Position,
    stage: CategorySet,
    *,
    only_excess: bool,
) -> None:
    """Sell as much of a position as the account still needs, and never a trade too small."""
    account = market.index.accounts[position.account_id]
    security = market.index.securities[position.security_id]
    price = security.price or NOTHING
    lots = market.sells.eligible_lots(ledger, position, stage)
    if not lots or price <= 0:
        return
    need = -ledger.spendable(account.account_id)
    # The sale must bring the need after its costs and after the price has moved by the buffer.
    slack = 1 - market.execution_buffer - ledger.costs.half_spread(security)
    fee = ledger.costs.commission(market.index.terms_of(account.account_id, security))
    dollars = max((need + fee) / slack, market.minimum_trade)
    if only_excess and not security.is_cash_equivalent:
        dollars = min(dollars, _excess_of_class(market, ledger, account, security.primary_class))
    shares = min(dollars / price, ledger.saleable(position, lots))
    purpose = Purpose(RAISE_CASH, account.allocation_group_id, security.primary_class, None)
    if is_large_enough_sale(market, ledger, position, lots, shares, is_pressing=not only_excess):
        ledger.sell(position, lots, shares, purpose)


def raising_order(market: Market, ledger: PlanLedger, account: Account) -> list[Position]:
    """Cash equivalents, then the most overweight class and part of it, larger holdings first."""

    def key(position: Position) -> tuple[bool, Decimal, Decimal, Decimal, str]:
        security = market.index.securities[position.security_id]
        excess = _excess_of_class(market, ledger, account, security.primary_class)
        return (
            not security.is_cash_equivalent,
            -excess,
            -(ledger.part_excess(account.account_id, security) or NOTHING),
            -(position.market_value or NOTHING),
            position.security_id,
        )

    return sorted(market.index.positions_of_account.get(account.account_id, []), key=key)


def _excess_of_class(
    market: Market, ledger: PlanLedger, account: Account, asset_class: str
) -> Decimal:
    """Dollars of the account that bring a class down to its target, 0 where there is no IPS."""
    group_id = account.allocation_group_id
    group = None if group_id is None else market.index.groups.get(group_id)
    if group is None or group_id is None:
        return NOTHING
    row = group.target_of(asset_class)
    target = NOTHING if row is None else row.target_weight
    value = ledger.class_values[group_id].get(asset_class, NOTHING)
    return account.dollars(max(NOTHING, value - target * ledger.group_value(group_id)))
