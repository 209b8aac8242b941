"""The plan while it grows: orders, cash per account, class values, and what may still be sold.

Belongs here: exact bookkeeping of shares, lots, cents and class dollars, and the share rounding
that keeps them feasible (sales up, buys down). Does not belong here: which trade is wise, or
allowed (`sell_rules`, `buy_rules`). Cash is kept twice: at today's prices, and at prices moved
against us by the execution buffer; only the second may be spent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import ROUND_DOWN, ROUND_HALF_UP, ROUND_UP, Decimal

from python_steps.planning.costs import CENT, NOTHING, CostModel, OrderCost
from python_steps.planning.household import (
    CASH,
    AllocationGroup,
    HouseholdIndex,
    Lot,
    Position,
    Security,
)
from python_steps.planning.plan import BUY, SELL, Order, Purpose
from python_steps.planning.tax_effect import LotResult, Realized
from python_steps.taxes.special_basis import six_month_fund_loss

OrderKey = tuple[str, str, str]


class PlanLedger:
    """Orders of one household's plan and everything that follows from them."""

    def __init__(self, index: HouseholdIndex, costs: CostModel, execution_buffer: Decimal) -> None:
        self.index = index
        self.costs = costs
        self._buffer = execution_buffer
        self.orders: dict[OrderKey, Order] = {}
        self.sold_lots: dict[str, Decimal] = {}
        self.bought_identity_groups: set[str] = set()
        self.taxable_sold_identity_groups: set[str] = set()
        self._realized: dict[OrderKey, tuple[Order, Realized]] = {}
        self._cash: dict[str, Decimal] = {}
        self._spendable: dict[str, Decimal] = {}
        for account in index.household.accounts:
            cash = account.cash.investable if account.cash is not None else NOTHING
            self._cash[account.account_id] = cash
            self._spendable[account.account_id] = cash
        self.class_values = {
            group_id: starting_class_values(index, group)
            for group_id, group in index.groups.items()
        }
        self.part_values = {
            group_id: {part.key: part.market_value for part in group.parts}
            for group_id, group in index.groups.items()
        }

    def copy(self) -> PlanLedger:
        """An independent ledger with the same orders, for a trial."""
        twin = PlanLedger.__new__(PlanLedger)
        twin.index, twin.costs, twin._buffer = self.index, self.costs, self._buffer
        twin.orders = dict(self.orders)
        twin._realized = dict(self._realized)
        twin.sold_lots = dict(self.sold_lots)
        twin.bought_identity_groups = set(self.bought_identity_groups)
        twin.taxable_sold_identity_groups = set(self.taxable_sold_identity_groups)
        twin._cash, twin._spendable = dict(self._cash), dict(self._spendable)
        twin.class_values = {name: dict(values) for name, values in self.class_values.items()}
        twin.part_values = {name: dict(values) for name, values in self.part_values.items()}
        return twin

    def cash(self, account_id: str) -> Decimal:
        """Investable cash after the plan at today's prices; negative is a shortfall."""
        return self._cash[account_id]

    def spendable(self, account_id: str) -> Decimal:
        """Investable cash that stays after every price has moved against us by the buffer."""
        return self._spendable[account_id]

    def group_value(self, group_id: str) -> Decimal:
        """Value of an allocation group after flows due and the plan's costs."""
        return sum(self.class_values[group_id].values(), NOTHING)

    def part_excess(self, account_id: str, security: Security) -> Decimal | None:
        """Dollars above the narrowest target that a security counts toward, negative below it.

        None where neither the security nor its sub-class has a target of its own.
        """
        group = self.index.group_of(account_id)
        part = None if group is None else group.part_of(security)
        if group is None or part is None:
            return None
        value = self.part_values[group.allocation_group_id][part.key]
        return value - part.target_weight * self.group_value(group.allocation_group_id)

    def order_of(self, account_id: str, security_id: str, action: str) -> Order | None:
        """The order so far, None where there is none."""
        return self.orders.get((account_id, security_id, action))

    def sold_quantity(self, position: Position) -> Decimal:
        """Shares of a position already sold in the plan."""
        order = self.order_of(position.account_id, position.security_id, SELL)
        return NOTHING if order is None else order.quantity

    def sold_of(self, lot: Lot) -> Decimal:
        """Shares of a lot already sold in the plan."""
        return self.sold_lots.get(lot.lot_id, NOTHING)

    def left_of(self, lot: Lot) -> Decimal:
        """Shares of a lot that may still be sold."""
        return lot.sellable_quantity - self.sold_of(lot)

    def saleable(self, position: Position, lots: Collection[Lot]) -> Decimal:
        """Shares of the given lots that can be sold in tradable units.

        The order's total must be a multiple of the tradable unit; only the sale of the whole
        position may carry its fraction along.
        """
        security = self.index.securities[position.security_id]
        already = self.sold_quantity(position)
        available = sum((lot.sellable_quantity for lot in lots), NOTHING)
        if already:
            available -= sum((self.sold_of(lot) for lot in lots), NOTHING)
        available = min(available, position.sellable_quantity - already)
        if already + available == position.quantity:
            return max(NOTHING, available)
        step = self.index.terms_of(position.account_id, security).quantity_step
        return max(NOTHING, floor_to(already + available, step) - already)

    def sale_quantity(self, position: Position, lots: Collection[Lot], wanted: Decimal) -> Decimal:
        """Shares that a sale of `wanted` would really be: rounded up, cut to what can be sold."""
        security = self.index.securities[position.security_id]
        already = self.sold_quantity(position)
        step = self.index.terms_of(position.account_id, security).quantity_step
        return min(self.saleable(position, lots), ceil_to(already + wanted, step) - already)

    def sell(
        self, position: Position, lots: Iterable[Lot], wanted: Decimal, purpose: Purpose
    ) -> Decimal:
        """Sell shares from lots in the order given.

        Args:
            position: the holding.
            lots: the lots that may be used, first to be sold first.
            wanted: shares; rounded up to the tradable unit, cut to what can be sold.
            purpose: why.

        Returns:
            Dollars of notional added (0 when nothing can be sold).
        """
        usable = list(lots)
        security = self.index.securities[position.security_id]
        quantity = self.sale_quantity(position, usable, wanted)
        if quantity <= 0:
            return NOTHING
        taken: dict[str, Decimal] = {}
        left = quantity
        for lot in usable:
            if left <= 0:
                break
            part = min(left, self.left_of(lot))
            if part > 0:
                taken[lot.lot_id] = part
                self.sold_lots[lot.lot_id] = self.sold_lots.get(lot.lot_id, NOTHING) + part
                left -= part
        if self.index.accounts[position.account_id].is_taxable:
            self.taxable_sold_identity_groups.add(security.identity_group_id)
        return self._extend(position.account_id, security, SELL, quantity, taken, purpose)

    def buy(
        self, account_id: str, security: Security, amount: Decimal, purpose: Purpose
    ) -> Decimal:
        """Buy up to `amount` dollars, rounded down to the tradable unit and to spendable cash.

        Returns:
            Dollars of notional added (0 when not one unit can be paid).
        """
        quantity = self.affordable(account_id, security, amount)
        if quantity <= 0:
            return NOTHING
        self.bought_identity_groups.add(security.identity_group_id)
        return self._extend(account_id, security, BUY, quantity, {}, purpose)

    def affordable(self, account_id: str, security: Security, amount: Decimal) -> Decimal:
        """Shares that `amount` dollars and the account's spendable cash can buy."""
        if security.price is None:
            return NOTHING
        step = self.index.terms_of(account_id, security).quantity_step
        quantity = floor_to(min(amount, self._spendable[account_id]) / security.price, step)
        while quantity > 0:
            short = -self._spendable_after_buy(account_id, security, quantity)
            if short <= 0:
                return quantity
            # The shortage is the buffer and the costs: give back the shares that would pay it.
            quantity -= max(step, ceil_to(short / security.price / 2, step))
        return NOTHING

    def realized(self) -> dict[str, Realized]:
        """Realised results by tax unit."""
        results: dict[str, Realized] = {}
        for key in sorted(self.orders):
            order = self.orders[key]
            account = self.index.accounts[order.account_id]
            if order.action == SELL and account.is_taxable:
                so_far = results.get(account.tax_unit_id, Realized())
                results[account.tax_unit_id] = so_far.and_(self._realized_of(key, order))
        return results

    def _realized_of(self, key: OrderKey, order: Order) -> Realized:
        """Results of one order; kept as long as the order stays the same."""
        kept = self._realized.get(key)
        if kept is not None and kept[0] is order:
            return kept[1]
        realized = Realized()
        is_collectible = bool(self.index.securities[order.security_id].is_collectible)
        for sale in lot_sales(self.index, order):
            realized = realized.plus_result(sale.result, is_collectible=is_collectible)
        self._realized[key] = (order, realized)
        return realized

    def transaction_cost(self) -> Decimal:
        """Cost of all orders."""
        return sum((order.cost for order in self.orders.values()), NOTHING)

    def _spendable_after_buy(
        self, account_id: str, security: Security, quantity: Decimal
    ) -> Decimal:
        before = self.order_of(account_id, security.security_id, BUY)
        total = quantity + (NOTHING if before is None else before.quantity)
        notional, cost = self._priced(account_id, security, total)
        paid = notional + cost.total + notional * self._buffer
        return self._spendable[account_id] - paid - self._moved(before)

    def _priced(
        self, account_id: str, security: Security, quantity: Decimal
    ) -> tuple[Decimal, OrderCost]:
        """Notional and cost of an order."""
        if security.price is None:
            raise ValueError(f"security {security.security_id} has no price")
        notional = to_cents(quantity * security.price)
        terms = self.index.terms_of(account_id, security)
        return notional, self.costs.of_order(security, terms, notional)

    def _extend(
        self,
        account_id: str,
        security: Security,
        action: str,
        quantity: Decimal,
        lots: dict[str, Decimal],
        purpose: Purpose,
    ) -> Decimal:
        key = (account_id, security.security_id, action)
        before = self.orders.get(key)
        after = self._extended(account_id, security, action, quantity, lots, purpose)
        self.orders[key] = after
        self._spendable[account_id] += self._moved(after) - self._moved(before)
        cash_change = cash_effect(after) - cash_effect(before)
        self._cash[account_id] += cash_change
        added = after.notional - (NOTHING if before is None else before.notional)
        self._move_classes(account_id, security, added if action == BUY else -added, cash_change)
        return added

    def _extended(
        self,
        account_id: str,
        security: Security,
        action: str,
        quantity: Decimal,
        lots: dict[str, Decimal],
        purpose: Purpose,
    ) -> Order:
        before = self.order_of(account_id, security.security_id, action)
        total = quantity + (NOTHING if before is None else before.quantity)
        notional, cost = self._priced(account_id, security, total)
        merged = dict(() if before is None else before.lots)
        for lot_id, part in lots.items():
            merged[lot_id] = merged.get(lot_id, NOTHING) + part
        purposes = dict(() if before is None else before.purposes)
        added = notional - (NOTHING if before is None else before.notional)
        purposes[purpose] = purposes.get(purpose, NOTHING) + added
        return Order(
            account_id=account_id,
            security_id=security.security_id,
            action=action,
            quantity=total,
            notional=notional,
            commission=cost.commission,
            spread_cost=cost.spread_cost,
            market_impact=cost.market_impact,
            lots=tuple(merged.items()),
            purposes=tuple(purposes.items()),
        )

    def _moved(self, order: Order | None) -> Decimal:
        """Cash effect of an order when its price moves against us by the buffer."""
        if order is None:
            return NOTHING
        return cash_effect(order) - order.notional * self._buffer

    def _move_classes(
        self, account_id: str, security: Security, amount: Decimal, cash_change: Decimal
    ) -> None:
        group = self.index.group_of(account_id)
        if group is None:
            return
        account = self.index.accounts[account_id]
        amount, cash_change = account.weighed(amount), account.weighed(cash_change)
        values = self.class_values[group.allocation_group_id]
        for asset_class, weight in security.class_weights:
            values[asset_class] = values.get(asset_class, NOTHING) + amount * weight
        values[CASH] = values.get(CASH, NOTHING) + cash_change
        parts = self.part_values[group.allocation_group_id]
        for part in group.parts:
            parts[part.key] += amount * part.weight_of(security)


class LotSale:
    """Shares of one lot in an order, with the cents they bring and their gain."""

    __slots__ = ("cost_basis", "lot", "proceeds", "quantity")

    def __init__(
        self, lot: Lot, quantity: Decimal, proceeds: Decimal, cost_basis: Decimal | None
    ) -> None:
        self.lot = lot
        self.quantity = quantity
        self.proceeds = proceeds
        self.cost_basis = cost_basis

    @property
    def gain(self) -> Decimal:
        """Proceeds less basis; basis is known for every lot that a taxable account may sell."""
        if self.cost_basis is None:
            raise ValueError(f"lot {self.lot.lot_id} has no cost basis")
        return self.proceeds - self.cost_basis

    @property
    def result(self) -> LotResult:
        """The gain or loss by what it is for the year, the limits of IRC 852(b)(4) included."""
        gain, is_long_term = self.gain, bool(self.lot.is_long_term)
        paid = self.lot.distributions
        if gain >= 0 or paid is None:
            return LotResult(NOTHING, gain) if is_long_term else LotResult(gain, NOTHING)
        share = self.quantity / self.lot.quantity
        loss = six_month_fund_loss(
            loss=gain,
            is_held_six_months_or_less=True,
            is_long_term=is_long_term,
            long_term_distribution=to_cents(paid.long_term_gain * share),
            exempt_interest_dividend=to_cents(paid.exempt_interest * share),
        )
        if is_long_term:  # by days that a wash sale has added
            return LotResult(NOTHING, loss.short_loss + loss.long_loss, loss.disallowed_loss)
        return LotResult(loss.short_loss, loss.long_loss, loss.disallowed_loss)


def lot_sales(index: HouseholdIndex, order: Order) -> list[LotSale]:
    """An order's lots with proceeds that add up to its notional to the cent."""
    sales: list[LotSale] = []
    sold, booked = NOTHING, NOTHING
    for lot_id, quantity in order.lots:
        lot = index.lots[lot_id]
        sold += quantity
        proceeds = to_cents(order.notional * sold / order.quantity) - booked
        booked += proceeds
        sales.append(LotSale(lot, quantity, proceeds, basis_of(lot, quantity)))
    return sales


def basis_of(lot: Lot, quantity: Decimal) -> Decimal | None:
    """Basis of a lot or, to the cent, of a part of it: results are cents, not rounding dust."""
    if lot.cost_basis is None:
        return None
    if quantity == lot.quantity:
        return lot.cost_basis
    return to_cents(lot.cost_basis * quantity / lot.quantity)


def starting_class_values(index: HouseholdIndex, group: AllocationGroup) -> dict[str, Decimal]:
    """Class dollars of a group once fees and withdrawals due have left it, as its weights count.

    Every class but Cash stands as the book's drift states it. Cash is rebuilt from the accounts'
    balances after reserves, so that reserved cash is never taken for cash to invest; where a
    balance is not known, it stands as the book states it, too.
    """
    values = {row.asset_class: row.market_value for row in group.classes}
    cash = NOTHING
    for account in index.accounts_of_group.get(group.allocation_group_id, []):
        if account.cash is None:
            values.setdefault(CASH, NOTHING)
            return values
        cash += account.weighed(account.cash.after_flows)
        for position in index.positions_of_account.get(account.account_id, []):
            weights = dict(index.securities[position.security_id].class_weights)
            held = weights.get(CASH, NOTHING) * (position.market_value or NOTHING)
            cash += account.weighed(held)
    values[CASH] = cash
    return values


def cash_effect(order: Order | None) -> Decimal:
    """Cash that an order brings (sale) or takes (buy), costs included."""
    if order is None:
        return NOTHING
    return (order.notional if order.action == SELL else -order.notional) - order.cost


def to_cents(amount: Decimal) -> Decimal:
    """An amount to the cent, halves up."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def floor_to(quantity: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` not above `quantity` (which is not negative)."""
    return (quantity / step).to_integral_value(rounding=ROUND_DOWN) * step


def ceil_to(quantity: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of `step` not below `quantity` (which is not negative)."""
    return (quantity / step).to_integral_value(rounding=ROUND_UP) * step
