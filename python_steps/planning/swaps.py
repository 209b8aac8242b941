"""Moving dollars from one class to another inside one account.

Belongs here: which account gives which class for which (sales first where a class is worst
located, purchases where it is best located), and carrying such swaps out in the ledger. Does not
belong here: how much a class should move (`needs`), or permissions (`sell_rules`, `buy_rules`).
Money never crosses from account to account. Source of the preferences: `seed_asset_location`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from python_steps.planning.buy_rules import BuyRules
from python_steps.planning.household import (
    CASH,
    Account,
    AllocationGroup,
    HouseholdIndex,
    Lot,
    MarketAssumptions,
    PartTarget,
    Position,
    Security,
)
from python_steps.planning.ledger import PlanLedger, cash_effect, floor_to
from python_steps.planning.needs import (
    Need,
    Needs,
    allotted,
    dollars_to_band,
    is_outside_now,
    least_inside_band,
)
from python_steps.planning.plan import BUY, HARVEST_REPLACEMENT, REBALANCE, SELL, Purpose
from python_steps.planning.sell_rules import CategorySet, LotCategory, SellRules
from python_steps.planning.tax_effect import TaxEffect
from python_steps.policy import FirmPolicy

NOTHING = Decimal(0)
# A side class of a fund of several classes is protected from this share of the fund on.
SIDE_WEIGHT = Decimal("0.05")
NO_LIMIT = Decimal("Infinity")


class Swap(NamedTuple):
    """Dollars to move from one class to another in an account."""

    account_id: str
    sold_class: str
    bought_class: str
    amount: Decimal


@dataclass(frozen=True)
class Market:
    """What swaps are made with: rules, lookups and the household's smallest trade."""

    index: HouseholdIndex
    sells: SellRules
    buys: BuyRules
    assumptions: MarketAssumptions
    minimum_trade: Decimal
    execution_buffer: Decimal


def market_of(
    index: HouseholdIndex, policy: FirmPolicy, tax: TaxEffect, assumptions: MarketAssumptions
) -> Market:
    """The market of a household, the same for every planner.

    Args:
        index: the household.
        policy: the firm's settings.
        tax: what realised results cost.
        assumptions: class risk, income and location ranks.
    """
    return Market(
        index=index,
        sells=SellRules(index, policy, tax),
        buys=BuyRules(index, policy),
        assumptions=assumptions,
        minimum_trade=index.household.minimum_trade_amount,
        execution_buffer=policy.execution_buffer,
    )


def plan_swaps(
    needs: Needs,
    accounts: list[Account],
    capacity: Mapping[tuple[str, str], Decimal],
    can_buy: Callable[[str, str], bool],
    rank_of: Callable[[str, str], int],
    shares: Mapping[str, Decimal],
) -> list[Swap]:
    """Assign class needs to accounts.

    Args:
        needs: sources and sinks, most urgent first.
        accounts: the accounts that take part.
        capacity: dollars of a class that an account can give, by (account, class).
        can_buy: whether an account may buy something of a class.
        rank_of: preference of a tax treatment for a class, 1 best.
        shares: what each sink gets at first of scarce money, see `allotted`.

    Returns:
        Swaps; a source is taken first from accounts where its class is worst located, and goes
        first to the breached class that is best located there. Where there is not enough for all,
        the size of the need decides who gets what (`allotted`), and location only where. Secondary
        needs meet primary ones only.
    """
    wanted = {need.asset_class: need.amount for need in needs.sinks}
    return _assigned(needs, (shares, wanted), accounts, capacity, can_buy, rank_of)


def _assigned(
    needs: Needs,
    rounds: Iterable[Mapping[str, Decimal]],
    accounts: list[Account],
    capacity: Mapping[tuple[str, str], Decimal],
    can_buy: Callable[[str, str], bool],
    rank_of: Callable[[str, str], int],
) -> list[Swap]:
    """Swaps in rounds; each fills its classes, all rounds together, up to the dollars it states."""
    moved: dict[Swap, Decimal] = {}
    given = {need.asset_class: NOTHING for need in needs.sources}
    taken = {need.asset_class: NOTHING for need in needs.sinks}
    used: dict[tuple[str, str], Decimal] = {}
    limits = [needs.secondary_source_limit, needs.secondary_sink_limit]
    for most in rounds:
        for source in needs.sources:
            for account in sorted(
                accounts,
                key=lambda each: (
                    -rank_of(source.asset_class, each.tax_treatment),
                    each.account_id,
                ),
            ):
                place = (account.account_id, source.asset_class)
                for sink in sorted(needs.sinks, key=_sink_order(account, rank_of)):
                    if not _may_pair(source, sink, account, can_buy):
                        continue
                    amount = min(
                        source.amount - given[source.asset_class],
                        account.weighed(capacity.get(place, NOTHING)) - used.get(place, NOTHING),
                        most.get(sink.asset_class, NOTHING) - taken[sink.asset_class],
                        NO_LIMIT if source.is_primary else limits[0],
                        NO_LIMIT if sink.is_primary else limits[1],
                    )
                    if amount <= 0:
                        continue
                    key = Swap(*place, sink.asset_class, NOTHING)
                    moved[key] = moved.get(key, NOTHING) + amount
                    given[source.asset_class] += amount
                    used[place] = used.get(place, NOTHING) + amount
                    taken[sink.asset_class] += amount
                    limits[0] -= NOTHING if source.is_primary else amount
                    limits[1] -= NOTHING if sink.is_primary else amount
    # Needs are in the dollars that weights count, swaps in those of the account.
    own = {account.account_id: account for account in accounts}
    return [
        key._replace(amount=own[key.account_id].dollars(amount)) for key, amount in moved.items()
    ]


def run_swaps(
    market: Market,
    ledger: PlanLedger,
    group: AllocationGroup,
    needs: Needs,
    accounts: list[Account],
    allowed: CategorySet,
    gains_ceiling: Decimal | None = None,
) -> None:
    """Plan and carry out swaps among securities of the given accounts.

    `gains_ceiling` is the net gain in dollars that the whole plan may realise, None without limit.
    """
    capacity = {
        (account.account_id, need.asset_class): class_capacity(
            market, ledger, account, need.asset_class, allowed, gains_ceiling
        )
        for account in accounts
        for need in needs.sources
    }
    swaps = plan_swaps(
        needs,
        accounts,
        capacity,
        lambda account_id, name: name == CASH or may_buy_class(market, ledger, account_id, name),
        market.assumptions.rank_of,
        allotted(_within_reach(market, ledger, group, needs, allowed)),
    )
    by_account: dict[str, list[Swap]] = {}
    for swap in swaps:
        by_account.setdefault(swap.account_id, []).append(swap)
    for account_id in sorted(by_account):
        _execute(market, ledger, group, by_account[account_id], allowed, gains_ceiling)


def _within_reach(
    market: Market, ledger: PlanLedger, group: AllocationGroup, needs: Needs, allowed: CategorySet
) -> Needs:
    """The needs with each source cut to what all accounts of the group can sell of it."""
    accounts = [
        account
        for account in market.index.accounts_of_group.get(group.allocation_group_id, [])
        if account.block is None
    ]
    sources = []
    for need in needs.sources:
        held = sum(
            (
                account.weighed(class_capacity(market, ledger, account, need.asset_class, allowed))
                for account in accounts
            ),
            NOTHING,
        )
        sources.append(replace(need, amount=min(need.amount, held)))
    return replace(needs, sources=tuple(sources))


def may_buy_class(market: Market, ledger: PlanLedger, account_id: str, asset_class: str) -> bool:
    """True when the account may buy the class and the plan has not sold it there to rebalance."""
    return REBALANCE not in _sale_reasons(
        market, ledger, account_id, asset_class
    ) and market.buys.can_buy(ledger, account_id, asset_class)


def sold_classes(market: Market, ledger: PlanLedger, accounts: list[Account]) -> frozenset[str]:
    """Classes that the plan sells in one of the accounts to rebalance."""
    names = {account.account_id for account in accounts}
    return frozenset(
        market.index.securities[order.security_id].primary_class
        for order in ledger.orders.values()
        if order.account_id in names
        and order.action == SELL
        and order.main_purpose.reason_code == REBALANCE
    )


def cash_equivalents(market: Market, accounts: list[Account]) -> Decimal:
    """Dollars of funds in the class Cash that may be sold in the accounts."""
    return sum(
        (
            position.market_value or NOTHING
            for account in accounts
            for position in _positions_of_class(market, account.account_id, CASH)
            if position.block is None
        ),
        NOTHING,
    )


def class_capacity(
    market: Market,
    ledger: PlanLedger,
    account: Account,
    asset_class: str,
    allowed: CategorySet,
    gains_ceiling: Decimal | None = None,
) -> Decimal:
    """Dollars of a class that an account can sell at this stage."""
    total = NOTHING
    for position in _sellable_positions(market, ledger, account.account_id, asset_class):
        lots = market.sells.eligible_lots(ledger, position, allowed)
        shares = min(
            ledger.saleable(position, lots),
            market.sells.shares_within_budget(ledger, lots, gains_room(ledger, gains_ceiling)),
        )
        security = market.index.securities[position.security_id]
        weight = dict(security.class_weights)[asset_class]
        total += shares * (security.price or NOTHING) * weight
    return total


def sell_class(
    market: Market,
    ledger: PlanLedger,
    account_id: str,
    asset_class: str,
    amount: Decimal,
    allowed: CategorySet,
    purpose: Purpose,
    gains_ceiling: Decimal | None = None,
    needed: Decimal = NOTHING,
) -> None:
    """Sell about `amount` dollars of a class in an account, in the order of `_selling_order`.

    A sale below the household's smallest trade happens only when it ends the holding. Once the
    class is inside its band and the `needed` dollars are there, a remainder that is not worth a
    trade opens no further sale.
    """
    group, wanted = market.index.group_of(account_id), amount
    for position, most in _selling_order(market, ledger, account_id, asset_class, allowed):
        if amount <= 0:
            return
        is_optional = (
            group is not None
            and wanted - amount >= needed
            and amount < least_inside_band(ledger, group, market.minimum_trade)
            and not is_outside_now(ledger, group, asset_class)
        )
        if is_optional and ledger.sold_quantity(position) <= 0:
            continue
        security = market.index.securities[position.security_id]
        weight = dict(security.class_weights)[asset_class]
        lots = market.sells.eligible_lots(ledger, position, allowed)
        dollars = min(amount / weight, most, _side_room(ledger, account_id, position, market))
        shares = dollars / (security.price or Decimal(1))
        if gains_ceiling is not None:
            # Whole units only: a sale rounded up could pass the budget.
            step = market.index.terms_of(account_id, security).quantity_step
            most = market.sells.shares_within_budget(
                ledger, lots, gains_room(ledger, gains_ceiling)
            )
            shares = min(shares, floor_to(most, step))
        if is_large_enough_sale(market, ledger, position, lots, shares):
            sold = ledger.sell(position, lots, shares, purpose)
            amount -= sold * weight


def buy_class(
    market: Market,
    ledger: PlanLedger,
    account_id: str,
    asset_class: str,
    amount: Decimal,
    purpose: Purpose,
) -> Decimal:
    """Buy about `amount` dollars of a class in an account; returns the dollars spent.

    Sub-classes and securities with targets of their own get what they lack first, the one that
    lacks most before the others; the rest goes to what has no such target.
    """
    left = amount
    for part, lack in market.buys.lacking_parts(ledger, account_id, asset_class):
        left -= _buy_of(
            market, ledger, account_id, asset_class, min(left, lack), purpose, within=part
        )
    left -= _buy_of(market, ledger, account_id, asset_class, left, purpose)
    return amount - left


def _buy_of(
    market: Market,
    ledger: PlanLedger,
    account_id: str,
    asset_class: str,
    amount: Decimal,
    purpose: Purpose,
    within: PartTarget | None = None,
) -> Decimal:
    security = market.buys.choose(ledger, account_id, asset_class, amount, within)
    if security is None or amount <= 0:
        return NOTHING
    # Of a fund of several classes the amount is bought, not the amount of the class in it: the
    # money that was raised for the class is all there is.
    return buy_security(market, ledger, account_id, security, amount, purpose)


def buy_security(
    market: Market,
    ledger: PlanLedger,
    account_id: str,
    security: Security,
    dollars: Decimal,
    purpose: Purpose,
) -> Decimal:
    """Buy up to `dollars` of a security where that makes no trade too small or concentration.

    Returns:
        The dollars spent.
    """
    room = market.buys.room(ledger, security)
    if room is not None:
        dollars = min(dollars, room)
    shares = ledger.affordable(account_id, security, dollars)
    order = ledger.order_of(account_id, security.security_id, BUY)
    notional = shares * (security.price or NOTHING)
    notional += NOTHING if order is None else order.notional
    least = max(market.minimum_trade, market.index.terms_of(account_id, security).minimum_amount)
    if shares <= 0 or notional < least:
        return NOTHING
    return ledger.buy(account_id, security, dollars, purpose)


def _selling_order(
    market: Market, ledger: PlanLedger, account_id: str, asset_class: str, allowed: CategorySet
) -> list[tuple[Position, Decimal]]:
    """Holdings of a class with the dollars that each may give at its turn.

    First what stands above a target of its own, the most overweight first and no further than
    that target; then every holding, cheapest tax per dollar first, those below a target of their
    own last. Of equals the largest goes first, so that one trade does the work of three.
    """
    excesses, others = [], []
    for position in _sellable_positions(market, ledger, account_id, asset_class):
        lots = market.sells.eligible_lots(ledger, position, allowed)
        if not lots:
            continue
        value = position.market_value or NOTHING
        cheapest = (market.sells.tax_per_dollar(lots[0]), -value, position.security_id)
        excess = ledger.part_excess(account_id, market.index.securities[position.security_id])
        if excess is not None and excess > 0:
            excesses.append(((-excess, *cheapest), position, excess))
        is_lacking = excess is not None and excess < 0
        others.append(((is_lacking, *cheapest), position, value))
    excesses.sort(key=lambda each: each[0])
    others.sort(key=lambda each: each[0])
    return [(position, most) for _, position, most in (*excesses, *others)]


def gains_room(ledger: PlanLedger, gains_ceiling: Decimal | None) -> Decimal | None:
    """Net gain that the plan may still realise, None without a limit."""
    if gains_ceiling is None:
        return None
    realized = ledger.realized().values()
    return gains_ceiling - sum((each.short_term + each.long_term for each in realized), NOTHING)


def is_large_enough_sale(
    market: Market,
    ledger: PlanLedger,
    position: Position,
    lots: list[Lot],
    shares: Decimal,
    *,
    is_pressing: bool = False,
) -> bool:
    """True when a sale of so many shares more is worth its fee and not too small.

    It must reach the smallest trade or end the holding, unless it is pressing; and what it brings
    must exceed what it costs, or it would take cash instead of raising it.
    """
    security = market.index.securities[position.security_id]
    price = security.price or NOTHING
    added = ledger.sale_quantity(position, lots, shares)
    already = ledger.sold_quantity(position)
    total = already + added
    terms = market.index.terms_of(position.account_id, security)
    fee = NOTHING if already > 0 else ledger.costs.commission(terms)
    slack = 1 - market.execution_buffer - ledger.costs.half_spread(security)
    brings = added * price * slack - fee
    is_sized = total * price >= market.minimum_trade or total >= position.sellable_quantity
    return added > 0 and brings > 0 and (is_pressing or is_sized)


def _execute(
    market: Market,
    ledger: PlanLedger,
    group: AllocationGroup,
    swaps: list[Swap],
    allowed: CategorySet,
    gains_ceiling: Decimal | None,
) -> None:
    kept = _large_enough(market, ledger, group, swaps)
    account_id = swaps[0].account_id
    before = _net_sales(ledger, account_id)
    for sold_class in _unique(swap.sold_class for swap in kept):
        parts = [swap for swap in kept if swap.sold_class == sold_class]
        largest = max(parts, key=lambda swap: swap.amount)
        purpose = Purpose(REBALANCE, group.allocation_group_id, sold_class, largest.bought_class)
        amount = sum((swap.amount for swap in parts), NOTHING)
        needed = sum(
            (
                dollars_to_band(ledger, group, name)
                for name in _unique(swap.bought_class for swap in parts)
            ),
            NOTHING,
        )
        sell_class(
            market, ledger, account_id, sold_class, amount, allowed, purpose, gains_ceiling, needed
        )
    raised = _net_sales(ledger, account_id) - before
    _spend(market, ledger, group, kept, raised)


def _spend(
    market: Market,
    ledger: PlanLedger,
    group: AllocationGroup,
    swaps: list[Swap],
    raised: Decimal,
) -> None:
    """Buy with what the sales of these swaps really brought, and not with other cash."""
    shares = _payable(market, ledger, group, swaps, raised)
    for bought_class, share in shares.items():
        parts = [swap for swap in swaps if swap.bought_class == bought_class]
        largest = max(parts, key=lambda swap: swap.amount)
        wanted = min(share, raised)
        if bought_class == CASH:
            raised -= wanted
            continue
        code = (
            HARVEST_REPLACEMENT
            if _sold_class_at_loss(market, ledger, largest.account_id, bought_class)
            else REBALANCE
        )
        purpose = Purpose(code, group.allocation_group_id, largest.sold_class, bought_class)
        raised -= buy_class(market, ledger, largest.account_id, bought_class, wanted, purpose)


def _payable(
    market: Market,
    ledger: PlanLedger,
    group: AllocationGroup,
    swaps: list[Swap],
    raised: Decimal,
) -> dict[str, Decimal]:
    """Dollars to buy by class, those outside their bands first.

    What sales bring less than planned, and what must stay for a move of prices, is missing where
    most is to spare beyond the edge of the band.
    """
    if not swaps:
        return {}
    totals = _totals(swaps, "bought_class")
    lacking = {name: dollars_to_band(ledger, group, name) for name in totals}
    names = sorted(totals, key=lambda name: lacking[name] <= 0)
    shares = {name: totals[name] for name in names}
    spendable = ledger.spendable(swaps[0].account_id) / (1 + market.execution_buffer)
    short = sum(shares.values(), NOTHING) - min(raised, max(NOTHING, spendable))
    for name in sorted(names, key=lambda name: (lacking[name] - totals[name], name)):
        cut = max(NOTHING, min(short, totals[name] - lacking[name]))
        shares[name] -= cut
        short -= cut
    return shares


def _sold_class_at_loss(
    market: Market, ledger: PlanLedger, account_id: str, asset_class: str
) -> bool:
    for (account, security_id, action), order in ledger.orders.items():
        if account != account_id or action != SELL:
            continue
        if market.index.securities[security_id].primary_class != asset_class:
            continue
        lots = [market.index.lots[lot_id] for lot_id, _ in order.lots]
        if all(market.sells.category(lot) is LotCategory.LOSS for lot in lots):
            return True
    return False


def _large_enough(
    market: Market, ledger: PlanLedger, group: AllocationGroup, swaps: list[Swap]
) -> list[Swap]:
    """The swaps without those whose purchase or sale would end too small to make sense.

    No purchase below the smallest trade; and where a class is inside its band, none that is not
    worth a trade there, unless it alone cures the class at the other end.
    """
    least = least_inside_band(ledger, group, market.minimum_trade)
    kept = swaps
    while True:
        bought, sold = _totals(kept, "bought_class"), _totals(kept, "sold_class")
        largest = {
            name: max((swap for swap in kept if swap.sold_class == name), key=lambda s: s.amount)
            for name in sold
        }

        def is_sensible(
            swap: Swap,
            bought: Mapping[str, Decimal] = bought,
            sold: Mapping[str, Decimal] = sold,
            largest: Mapping[str, Swap] = largest,
        ) -> bool:
            cures_source = is_outside_now(ledger, group, swap.sold_class)
            cures_sink = is_outside_now(ledger, group, swap.bought_class)
            is_alone = cures_source and largest[swap.sold_class] == swap
            buys = market.minimum_trade if cures_sink or is_alone else least
            sells = NOTHING if cures_source or cures_sink else least
            is_large_purchase = (
                swap.bought_class == CASH
                or bought[swap.bought_class] >= buys
                or has_purchase(market, ledger, swap.account_id, swap.bought_class)
            )
            is_large_sale = sold[swap.sold_class] >= sells or bool(
                _sale_reasons(market, ledger, swap.account_id, swap.sold_class)
            )
            return is_large_purchase and is_large_sale

        sensible = [swap for swap in kept if is_sensible(swap)]
        if len(sensible) == len(kept):
            return kept
        kept = sensible


def has_purchase(market: Market, ledger: PlanLedger, account_id: str, asset_class: str) -> bool:
    """True when the plan already buys something of the class in the account."""
    return any(
        ledger.order_of(account_id, option.security_id, BUY) is not None
        for option in market.index.options.get((account_id, asset_class), [])
    )


def _totals(swaps: list[Swap], field: str) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = {}
    for swap in swaps:
        name = getattr(swap, field)
        totals[name] = totals.get(name, NOTHING) + swap.amount
    return totals


def _net_sales(ledger: PlanLedger, account_id: str) -> Decimal:
    return sum(
        (
            cash_effect(order)
            for (account, _, action), order in ledger.orders.items()
            if account == account_id and action == SELL
        ),
        NOTHING,
    )


def _sale_reasons(
    market: Market, ledger: PlanLedger, account_id: str, asset_class: str
) -> set[str]:
    """Why the plan sells a class in an account, empty when it does not."""
    return {
        purpose.reason_code
        for (account, security_id, action), order in ledger.orders.items()
        if account == account_id
        and action == SELL
        and market.index.securities[security_id].primary_class == asset_class
        for purpose, _ in order.purposes
    }


def _sellable_positions(
    market: Market, ledger: PlanLedger, account_id: str, asset_class: str
) -> list[Position]:
    """Holdings of a class in an account; none where the plan buys the class in that account."""
    is_bought = any(
        account == account_id
        and action == BUY
        and market.index.securities[security_id].primary_class == asset_class
        for account, security_id, action in ledger.orders
    )
    return [] if is_bought else _positions_of_class(market, account_id, asset_class)


def _positions_of_class(market: Market, account_id: str, asset_class: str) -> list[Position]:
    return [
        position
        for position in market.index.positions_of_account.get(account_id, [])
        if market.index.securities[position.security_id].primary_class == asset_class
    ]


def _side_room(ledger: PlanLedger, account_id: str, position: Position, market: Market) -> Decimal:
    """Dollars of a fund of several classes that can go before another class falls out of its band.

    Without another class of weight there is no limit but the holding itself.
    """
    account = market.index.accounts[account_id]
    security = market.index.securities[position.security_id]
    room = position.market_value or NOTHING
    group_id = account.allocation_group_id
    if group_id is None or group_id not in market.index.groups:
        return room
    group = market.index.groups[group_id]
    total = ledger.group_value(group_id)
    for name, weight in security.class_weights:
        row = group.target_of(name)
        if name == security.primary_class or weight < SIDE_WEIGHT or row is None:
            continue
        above = ledger.class_values[group_id].get(name, NOTHING) - row.lower_band_weight * total
        room = min(room, account.dollars(max(NOTHING, above)) / weight)
    return room


def _sink_order(
    account: Account, rank_of: Callable[[str, str], int]
) -> Callable[[Need], tuple[bool, int, int, str]]:
    def key(need: Need) -> tuple[bool, int, int, str]:
        rank = rank_of(need.asset_class, account.tax_treatment)
        return (not need.is_primary, rank, need.order, need.asset_class)

    return key


def _may_pair(
    source: Need, sink: Need, account: Account, can_buy: Callable[[str, str], bool]
) -> bool:
    return (source.is_primary or sink.is_primary) and can_buy(account.account_id, sink.asset_class)


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
