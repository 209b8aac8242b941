"""What a household may sell and buy at all, as numbers, before anything is optimised.

Belongs here: reading permissions (restrictions, menus, wash-sale windows, rates, group by group
whether there is anything to cure) into lists of possible sales and purchases in canonical order.
Does not belong here: prices of the objective (`core_model`), solving. The rules are those of
`sell_rules` and `buy_rules` at the start of a plan; what depends on the plan itself becomes rows of
the model. Amounts are dollars; this is the border at which exact decimals become floats.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from functools import cached_property
from typing import NamedTuple

from python_steps.planning.buy_rules import BuyRules
from python_steps.planning.costs import CostModel
from python_steps.planning.household import (
    CASH,
    Account,
    AllocationGroup,
    Household,
    HouseholdIndex,
    Lot,
    Position,
    Security,
)
from python_steps.planning.ledger import PlanLedger
from python_steps.planning.needs import breached_classes
from python_steps.planning.part_swaps import breached_parts
from python_steps.planning.sell_rules import (
    ANY_LOT,
    SPECIFIC_METHODS,
    LotCategory,
    SellRules,
)
from python_steps.policy import FirmPolicy

# Two choices for harvesting, and one more for an account that bars one of them.
CHOICES_PER_CLASS = 3


class Stage(IntEnum):
    """What a plan may sell, from the least to the most: each stage includes those before it."""

    CASH_FLOWS = 0
    TAX_ADVANTAGED = 1
    LOSSES = 2
    LONG_TERM_GAINS = 3
    SHORT_TERM_GAINS = 4


_STAGE_OF_CATEGORY = {
    LotCategory.UNTAXED: Stage.TAX_ADVANTAGED,
    LotCategory.LOSS: Stage.LOSSES,
    LotCategory.LONG_GAIN: Stage.LONG_TERM_GAINS,
    LotCategory.SHORT_GAIN: Stage.SHORT_TERM_GAINS,
}


class Sale(NamedTuple):
    """A lot that may be sold: `quantity` shares of it at most, which are `limit` dollars.

    `gain_per_dollar` is the taxed gain in a dollar of proceeds (0 where no tax falls due);
    `is_loss` says whether the wash-sale rules take it for a loss. `to_leave` are the recently
    bought lots that must be sold in full where any of it is sold.
    """

    account_id: str
    security_id: str
    position: Position
    lot: Lot
    quantity: Decimal
    limit: float
    gain_per_dollar: float
    is_long_term: bool
    is_loss: bool
    stage: Stage
    to_leave: tuple[str, ...] = ()


class Purchase(NamedTuple):
    """A security that may be bought in an account; `place` is its rank among a class's choices."""

    account_id: str
    security_id: str
    place: int


class CashNeed(NamedTuple):
    """Dollars that an account must raise, after the price has moved by the execution buffer."""

    account_id: str
    amount: float


@dataclass(frozen=True)
class CoreProblem:
    """A household's possible trades; `groups` are those whose drift the plan may change.

    `due_groups` are the ones to rebalance tonight; in the others only needed cash is raised.
    `harvest_groups` are all, where nothing is due and the household harvests losses: there, losses
    alone are sold and what they bring is bought again. `allowed` is the last stage that household
    and firm allow; only cash that nothing else can raise goes beyond it.
    `queues` are, for accounts with a standing lot method, each position's sales in its order.
    """

    index: HouseholdIndex
    start: PlanLedger
    sales: tuple[Sale, ...]
    purchases: tuple[Purchase, ...]
    needs: tuple[CashNeed, ...]
    groups: tuple[AllocationGroup, ...]
    due_groups: frozenset[str]
    harvest_groups: frozenset[str]
    allowed: Stage
    queues: tuple[tuple[int, ...], ...]

    @property
    def household(self) -> Household:
        """The household."""
        return self.index.household

    def security(self, security_id: str) -> Security:
        """A security by id."""
        return self.index.securities[security_id]

    def account(self, account_id: str) -> Account:
        """An account by id."""
        return self.index.accounts[account_id]

    @cached_property
    def needy(self) -> frozenset[str]:
        """Accounts that must raise cash."""
        return frozenset(need.account_id for need in self.needs)

    @cached_property
    def harvesting(self) -> frozenset[str]:
        """Accounts that may only exchange what stands at a loss."""
        return frozenset(
            account.account_id
            for account in self.household.accounts
            if account.account_id not in self.needy
            and _harvests(self.index, account, self.harvest_groups)
        )

    @cached_property
    def sales_of_position(self) -> dict[tuple[str, str], tuple[Sale, ...]]:
        """The sales of each position, by account and security, in its order."""
        by_position = itertools.groupby(self.sales, key=lambda sale: sale.position.key)
        return {key: tuple(sales) for key, sales in by_position}

    @cached_property
    def to_leave(self) -> frozenset[str]:
        """Lots that must be sold in full where certain others are sold."""
        return frozenset(lot_id for sale in self.sales for lot_id in sale.to_leave)

    def is_due(self, account_id: str) -> bool:
        """Whether an account may trade for the sake of its group's targets."""
        return _is_due(self.index, self.account(account_id), self.due_groups)

    def may_harvest(self, account_id: str) -> bool:
        """Whether an account may only exchange what stands at a loss."""
        return account_id in self.harvesting

    def half_spread(self, security_id: str) -> float:
        """Half-spread, share of price.

        Raises:
            ValueError: it is not known; such a security may not be traded.
        """
        return float(CostModel.half_spread(self.security(security_id)))


def core_problem(
    start: PlanLedger, sells: SellRules, buys: BuyRules, policy: FirmPolicy
) -> CoreProblem:
    """Everything that a plan may do, read from the rules at the start of a plan.

    Args:
        start: the ledger before any trade.
        sells: permissions of sales.
        buys: permissions of purchases.
        policy: whether the firm allows long-term gains.
    """
    index = start.index
    due = frozenset(
        group.allocation_group_id
        for group in index.household.groups
        if group.is_rebalance_due
        and (breached_classes(start, group) or breached_parts(start, group))
    )
    harvest = frozenset(
        group.allocation_group_id
        for group in index.household.groups
        if index.household.harvests_losses and not due
    )
    needs = tuple(
        CashNeed(account.account_id, -float(start.spendable(account.account_id)))
        for account in index.household.accounts
        if account.block is None and start.cash(account.account_id) < 0
    )
    needy = {need.account_id for need in needs}
    accounts = index.household.accounts
    free = needy | {each.account_id for each in accounts if _is_due(index, each, due)}
    taxed = {each.account_id for each in accounts if _harvests(index, each, harvest)}
    least = float(policy.loss_price_buffer)

    def is_worth_harvesting(sale: Sale) -> bool:
        """Whether a lot stands so far below its basis that a small rise leaves it a loss."""
        return sale.gain_per_dollar < -least

    def sales_without(kept: set[str]) -> tuple[list[Sale], list[tuple[int, ...]]]:
        """Possible sales and the queues of standing orders, without the lots that must stay."""
        sales: list[Sale] = []
        queues: list[tuple[int, ...]] = []
        for position in index.household.positions:
            account_id = position.account_id
            if account_id not in free and account_id not in taxed:
                continue
            follows_order = _follows_order(index.accounts[account_id])
            first = len(sales)
            found = _sales_of(start, sells, position, kept)
            if account_id in free:
                sales += found
            else:
                # In a standing order a lot that is not worth it bars what stands behind it.
                keep = itertools.takewhile if follows_order else filter
                sales += keep(is_worth_harvesting, found)
            if follows_order:
                queues.append(tuple(range(first, len(sales))))
        return sales, queues

    kept: set[str] = set()
    sales, queues = sales_without(kept)
    while more := _washed(sales):
        kept |= more
        sales, queues = sales_without(kept)
    harvesting = {sale.account_id for sale in sales} - needy if harvest else set()
    return CoreProblem(
        index=index,
        start=start,
        sales=tuple(sales),
        purchases=tuple(_purchases(start, buys, due, harvesting)),
        needs=needs,
        groups=tuple(
            group
            for group in index.household.groups
            if group.allocation_group_id in due | harvest
            or any(index.group_of(account_id) is group for account_id in needy)
        ),
        due_groups=due,
        harvest_groups=harvest,
        allowed=most_allowed(index.household, policy),
        queues=tuple(queue for queue in queues if len(queue) > 1),
    )


def _washed(sales: Iterable[Sale]) -> set[str]:
    """Lots whose loss recent purchases would wash, since not all of these may be sold in full."""
    listed = list(sales)
    whole = {sale.lot.lot_id for sale in listed if sale.quantity == sale.lot.quantity}
    return {sale.lot.lot_id for sale in listed if not whole.issuperset(sale.to_leave)}


def _is_due(index: HouseholdIndex, account: Account, due: frozenset[str]) -> bool:
    group = index.group_of(account.account_id)
    return account.block is None and group is not None and group.allocation_group_id in due


def _harvests(index: HouseholdIndex, account: Account, harvest: frozenset[str]) -> bool:
    return account.is_taxable and _is_due(index, account, harvest)


def _follows_order(account: Account) -> bool:
    return account.is_taxable and account.lot_method not in SPECIFIC_METHODS


def _sales_of(
    start: PlanLedger, sells: SellRules, position: Position, kept: set[str]
) -> Iterator[Sale]:
    """A position's lots that may ever be sold, in the order in which the account sells them."""
    account = start.index.accounts[position.account_id]
    price = start.index.securities[position.security_id].price
    follows_order = _follows_order(account)
    if position.block is not None or account.block is not None or price is None or price <= 0:
        return
    left = position.sellable_quantity
    for lot in sells.in_order(position):
        facts = sells.facts_of(position, lot)
        is_barred = lot.lot_id in kept or (
            not facts.replaced_by and sells.lot_block(start, position, lot, ANY_LOT) is not None
        )
        quantity = min(left, lot.sellable_quantity)
        if not is_barred and quantity > 0:
            left -= quantity
            yield Sale(
                account_id=position.account_id,
                security_id=position.security_id,
                position=position,
                lot=lot,
                quantity=quantity,
                limit=float(quantity * price),
                gain_per_dollar=float(facts.gain / (price * lot.quantity)),
                is_long_term=bool(lot.is_long_term),
                is_loss=facts.is_loss,
                stage=_STAGE_OF_CATEGORY[facts.category],
                to_leave=tuple(each.lot_id for each in facts.replaced_by),
            )
        if follows_order and (is_barred or quantity < lot.quantity):
            return  # what is left of the lot may not be sold: the queue stops here


def _purchases(
    start: PlanLedger,
    buys: BuyRules,
    due: frozenset[str],
    harvesting: set[str],
) -> Iterator[Purchase]:
    """For each account and class the first choices that may be bought, of different identity.

    A second identity is what makes it possible to sell one at a loss and hold the other.
    """
    index = start.index
    seen: set[tuple[str, str]] = set()
    for account_id, asset_class in sorted(index.options):
        account = index.accounts[account_id]
        may_buy = account_id in harvesting or _is_due(index, account, due)
        if asset_class == CASH or not may_buy:
            continue
        identities: set[str] = set()
        for option in sorted(
            index.options[account_id, asset_class], key=lambda each: (each.rank, each.security_id)
        ):
            security = index.securities[option.security_id]
            is_taken = security.identity_group_id in identities
            if is_taken or buys.block(start, option) is not None:
                continue
            identities.add(security.identity_group_id)
            if (account_id, option.security_id) not in seen:
                seen.add((account_id, option.security_id))
                yield Purchase(account_id, option.security_id, len(identities) - 1)
            if len(identities) == CHOICES_PER_CLASS:
                break


def most_allowed(household: Household, policy: FirmPolicy) -> Stage:
    """The last stage that the household and the firm allow."""
    if household.allows_short_term_gains and policy.long_term_gains_allowed:
        return Stage.SHORT_TERM_GAINS
    return Stage.LONG_TERM_GAINS if policy.long_term_gains_allowed else Stage.LOSSES
