"""Which lots may be sold now, in which order, and why the others may not.

Belongs here: the permission of a lot at a stage of the plan (restrictions, wash-sale windows of the
whole household, gains policy) and the account's lot method. Does not belong here: how much is sold.
Sources: IRC 1091 and Rev. Rul. 2008-5 (windows arrive matched in `tax.wash_sale_windows`);
Rev. Rul. 56-602 (the rest of the lot that is sold replaces nothing); Reg. 1.1012-1(c): a standing
method is followed lot by lot, so a barred lot stops the queue behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from typing import NamedTuple

from python_steps.lot_selection.methods import SelectableLot, order_lots
from python_steps.planning.costs import NOTHING
from python_steps.planning.household import (
    Account,
    Block,
    HouseholdIndex,
    Lot,
    Position,
    Security,
)
from python_steps.planning.ledger import PlanLedger, basis_of
from python_steps.planning.plan import BUY
from python_steps.planning.tax_effect import TaxEffect, TaxRates
from python_steps.policy import FirmPolicy
from python_steps.taxes.holding_period import long_term_from

SPECIFIC_METHODS = frozenset({"SPEC_ID", "MIN_TAX"})


class LotCategory(Enum):
    """What a sale of the lot would be for the tax return."""

    UNTAXED = "untaxed"
    LOSS = "loss"
    LONG_GAIN = "long-term gain"
    SHORT_GAIN = "short-term gain"


CategorySet = frozenset[LotCategory]
LOSSES_ONLY: CategorySet = frozenset({LotCategory.UNTAXED, LotCategory.LOSS})
LONG_TERM_GAINS: CategorySet = LOSSES_ONLY | {LotCategory.LONG_GAIN}
ANY_LOT: CategorySet = LONG_TERM_GAINS | {LotCategory.SHORT_GAIN}
GAINS = frozenset({LotCategory.LONG_GAIN, LotCategory.SHORT_GAIN})

_BOUGHT_HERE = Block("wash_sale_window", "the same security is bought in this account")
_BOUGHT_IN_PLAN = Block("wash_sale_window", "the same investment is bought in this plan")
_NO_RATES = Block("rates_missing", "the tax rates or the tax profile of the year are missing")
_NO_GAINS = Block("restricted", "no gains may be realised in it")


class LotFacts(NamedTuple):
    """What is true of a lot all through the plan: why it stays, else what its sale would be.

    `gain` is that of the whole lot, 0 where no tax falls due; `is_loss` says whether the wash-sale
    rules take it for a loss. `window` bars the lot only as long as one of the lots `replaced_by`
    is held.
    """

    block: Block | None
    category: LotCategory
    identity_group_id: str
    gain: Decimal = NOTHING
    is_loss: bool = False
    window: Block | None = None
    replaced_by: tuple[Lot, ...] = ()


class SellRules:
    """Permissions and order of lots under one household's circumstances and the firm's policy."""

    def __init__(self, index: HouseholdIndex, policy: FirmPolicy, tax: TaxEffect) -> None:
        self._index = index
        self._policy = policy
        self._tax = tax
        self._ordered: dict[tuple[str, str], tuple[Lot, ...]] = {}
        self._facts: dict[str, LotFacts] = {}
        self._loss_limit = 1 + policy.loss_price_buffer
        self._recent: dict[tuple[str, str], tuple[Lot, ...]] = {}

    def eligible_lots(
        self, ledger: PlanLedger, position: Position, allowed: CategorySet
    ) -> list[Lot]:
        """The lots that may be sold now, first to be sold first.

        Args:
            ledger: the plan so far.
            position: the holding.
            allowed: categories that this stage may realise.
        """
        account = self._index.accounts[position.account_id]
        follows_order = account.is_taxable and account.lot_method not in SPECIFIC_METHODS
        eligible: list[Lot] = []
        for lot in self.in_order(position):
            is_barred = self.lot_block(ledger, position, lot, allowed) is not None
            if not is_barred and ledger.left_of(lot) > 0:
                eligible.append(lot)
            if follows_order and (is_barred or lot.sellable_quantity < lot.quantity):
                break  # what is left of the lot may not be sold: the queue stops here
        return eligible

    def in_order(self, position: Position) -> tuple[Lot, ...]:
        """A position's lots in the order in which its account sells them, barred ones included."""
        if position.key not in self._ordered:
            self._ordered[position.key] = self._sorted(position)
        return self._ordered[position.key]

    def shares_within_budget(
        self, ledger: PlanLedger, lots: Iterable[Lot], budget: Decimal | None
    ) -> Decimal:
        """Shares of the lots, in their order, whose net gain stays within `budget` dollars."""
        shares = NOTHING
        for lot in lots:
            left = ledger.left_of(lot)
            gain = self.gain_of(lot, left) if self._is_taxed(lot) else NOTHING
            if budget is not None and gain > max(NOTHING, budget):
                return shares + left * max(NOTHING, budget) / gain
            shares += left
            budget = None if budget is None else budget - gain
        return shares

    def lot_block(
        self, ledger: PlanLedger, position: Position, lot: Lot, allowed: CategorySet
    ) -> Block | None:
        """Why a lot may not be sold at this stage, None when it may."""
        facts = self.facts_of(position, lot)
        if facts.block is not None:
            return facts.block
        if (position.account_id, position.security_id, BUY) in ledger.orders:
            return _BOUGHT_HERE
        if facts.category is LotCategory.UNTAXED:
            return None
        if facts.identity_group_id in ledger.bought_identity_groups:
            return _BOUGHT_IN_PLAN
        if any(each.quantity > ledger.sold_of(each) for each in facts.replaced_by):
            return facts.window
        return None if facts.category in allowed else _deferral(lot, facts.category)

    def facts_of(self, position: Position, lot: Lot) -> LotFacts:
        """What is true of a lot all through the plan; worked out once.

        The exact rule of `replaced_by`: as many shares of a loss are disallowed as were bought in
        the 30 days around it and are still held, those of the sold lot itself not counted.
        """
        known = self._facts.get(lot.lot_id)
        if known is None:
            known = self._facts[lot.lot_id] = self._new_facts(position, lot)
        return known

    def category(self, lot: Lot) -> LotCategory:
        """What a sale of the lot at today's price would be."""
        if not self._is_taxed(lot):
            return LotCategory.UNTAXED
        return _category(lot, self.gain_of(lot, lot.quantity))

    def is_loss_for_wash_sales(self, lot: Lot) -> bool:
        """True for losses and for lots so close above basis that a small fall makes them one."""
        security = self._index.securities[lot.security_id]
        if security.price is None or lot.cost_basis is None:
            return True
        return security.price * lot.quantity <= lot.cost_basis * self._loss_limit

    def gain_of(self, lot: Lot, quantity: Decimal) -> Decimal:
        """Gain of part of a lot at today's price, dollars; negative is a loss."""
        price = self._index.securities[lot.security_id].price
        basis = basis_of(lot, quantity)
        if price is None or basis is None:
            raise ValueError(f"lot {lot.lot_id} has no price or no basis")
        return price * quantity - basis

    def tax_per_dollar(self, lot: Lot) -> Decimal:
        """Marginal tax per dollar sold from a lot (negative saves tax, 0 in untaxed accounts)."""
        account = self._index.accounts[lot.account_id]
        security = self._index.securities[lot.security_id]
        rates = self._rates(account, security)
        price = security.price
        if not account.is_taxable or rates is None or not price:
            return NOTHING
        rate = rates.long_term if lot.is_long_term else rates.short_term
        return rate * self.gain_of(lot, lot.quantity) / (price * lot.quantity)

    def _new_facts(self, position: Position, lot: Lot) -> LotFacts:
        account = self._index.accounts[position.account_id]
        security = self._index.securities[position.security_id]
        block = account.block or position.block or lot.block
        if block is None and account.is_taxable and not self._tax.has_rates(account.tax_unit_id):
            block = _NO_RATES
        identity = security.identity_group_id
        if block is not None or not account.is_taxable:
            return LotFacts(block, LotCategory.UNTAXED, identity)
        gain, is_loss = self.gain_of(lot, lot.quantity), self.is_loss_for_wash_sales(lot)
        category = _category(lot, gain)
        window: Block | None = None
        replaced_by: tuple[Lot, ...] = ()
        if is_loss:
            block = self._window_of_others_block(account, security)
            window = self._window_block(account, security)
            if block is None and window is not None:
                if self._can_be_left(lot, account, security):
                    replaced_by = self._replacing(lot, account, security)
                else:
                    block = window
        if block is None and category in GAINS:
            is_allowed = position.is_gain_allowed and lot.is_gain_allowed
            block = None if is_allowed else _NO_GAINS
        return LotFacts(block, category, identity, gain, is_loss, window, replaced_by)

    def _window_block(self, account: Account, security: Security) -> Block | None:
        window = self._index.windows.get((account.wash_sale_group_id, security.identity_group_id))
        if window is None:
            return None
        if not window.is_coverage_known:
            return Block(
                "unknown_coverage",
                "recent purchases of the household are not all known"
                + _cause_words(window.caused_by),
            )
        until = window.no_loss_sale_until_date
        if until is not None and until >= self._index.household.planned_trade_date:
            return Block(
                "wash_sale_window",
                f"a loss would be a wash sale until {until.isoformat()}"
                f"{_cause_words(window.caused_by)}",
            )
        return None

    def _window_of_others_block(self, account: Account, security: Security) -> Block | None:
        """A purchase of a minor child, a trust or a parent in the household, near the loss.

        They are other taxpayers; whether theirs is an indirect purchase of the seller's is not
        settled, so nobody's plan rests on it.
        """
        if self._policy.allow_trades_near_related_purchases:
            return None
        day = self._index.household.planned_trade_date
        for window in self._index.windows_of_others(account, security):
            until = window.no_loss_sale_until_date
            if until is not None and until >= day:
                return Block(
                    "wash_sale_window",
                    f"until {until.isoformat()} a purchase of a related taxpayer may be taken for "
                    f"one of the seller's{_cause_words(window.caused_by)}",
                )
        return None

    def _can_be_left(self, lot: Lot, account: Account, security: Security) -> bool:
        """Whether every share that would replace a loss in a lot can be sold in this plan.

        In an account of another return, or of none, a share sold on the same day may still count.
        """
        window = self._index.windows.get((account.wash_sale_group_id, security.identity_group_id))
        day = self._index.household.planned_trade_date
        until = None if window is None else window.no_loss_sale_until_date
        if (
            window is None
            or until is None
            or not self._policy.allow_full_exit_of_recent_lots
            or self._policy.wash_sale_same_day_liquidation != "as_one"
            or not (window.is_exit_possible and window.is_coverage_known)
            or until >= day + timedelta(days=self._policy.wash_sale_window_days)
        ):
            return False
        recent = self._recent_of(account, security)
        bought = [each.acquisition_date for each in recent if each.acquisition_date is not None]
        # The purchase that decides the window must be one of the lots that are seen here.
        is_seen = max(bought, default=date.min) == until - timedelta(
            days=self._policy.wash_sale_window_days
        )
        return is_seen and all(
            self._can_be_sold_out(each, account) for each in self._replacing(lot, account, security)
        )

    def _can_be_sold_out(self, lot: Lot, seller: Account) -> bool:
        account = self._index.accounts[lot.account_id]
        position = self._index.positions[lot.account_id, lot.security_id]
        return (
            account.is_taxable
            and account.tax_unit_id == seller.tax_unit_id
            and account.block is None
            and position.block is None
            and lot.block is None
            and lot.sellable_quantity == lot.quantity
        )

    def _replacing(self, lot: Lot, account: Account, security: Security) -> tuple[Lot, ...]:
        """Lots bought in the 30 days before the trade date, but for the purchase that is sold."""
        recent = self._recent_of(account, security)
        return tuple(each for each in recent if _purchase_of(each) != _purchase_of(lot))

    def _recent_of(self, account: Account, security: Security) -> tuple[Lot, ...]:
        key = (account.wash_sale_group_id, security.identity_group_id)
        known = self._recent.get(key)
        if known is None:
            known = self._recent[key] = tuple(self._recent_lots(*key))
        return known

    def _recent_lots(self, wash_sale_group_id: str, identity_group_id: str) -> Iterator[Lot]:
        """Lots of a wash-sale group that were bought inside the window, or nobody knows when.

        The purchases of accounts whose custodian sends no lots are in the window's own verdict.
        """
        first = self._index.household.planned_trade_date - timedelta(
            days=self._policy.wash_sale_window_days
        )
        for position in self._index.household.positions:
            account = self._index.accounts[position.account_id]
            security = self._index.securities[position.security_id]
            if (account.wash_sale_group_id, security.identity_group_id) != (
                wash_sale_group_id,
                identity_group_id,
            ):
                continue
            for lot in position.lots:
                is_old = lot.acquisition_date is not None and lot.acquisition_date < first
                if not is_old and not lot.is_whole_position:
                    yield lot

    def _rates(self, account: Account, security: Security) -> TaxRates | None:
        """What a gain in a security meets in an account's return."""
        return self._tax.marginal_rates(
            account.tax_unit_id, is_collectible=bool(security.is_collectible)
        )

    def _is_taxed(self, lot: Lot) -> bool:
        return self._index.accounts[lot.account_id].is_taxable

    def _sorted(self, position: Position) -> tuple[Lot, ...]:
        if len(position.lots) < 2:
            return position.lots
        account = self._index.accounts[position.account_id]
        security = self._index.securities[position.security_id]
        rates = self._rates(account, security)
        price = security.price
        if not account.is_taxable or price is None or rates is None:
            return tuple(sorted(position.lots, key=_by_age))
        method = "SPEC_ID" if account.lot_method in SPECIFIC_METHODS else account.lot_method
        chosen = order_lots(method, [_selectable(lot, price) for lot in position.lots], rates)
        by_id = {lot.lot_id: lot for lot in position.lots}
        return tuple(by_id[each.lot_id] for each in chosen)


def _category(lot: Lot, gain: Decimal) -> LotCategory:
    if gain <= 0:
        return LotCategory.LOSS
    return LotCategory.LONG_GAIN if lot.is_long_term else LotCategory.SHORT_GAIN


def _deferral(lot: Lot, category: LotCategory) -> Block:
    if category is LotCategory.SHORT_GAIN:
        return Block("deferred", f"its gain is short-term{long_term_words(lot)}")
    return Block("deferred", f"it would realise a {category.value}")


def _purchase_of(lot: Lot) -> str:
    """The custodian's lot: parts into which a wash sale has split it are one purchase."""
    return lot.lot_id if lot.custodian is None else lot.custodian.lot_id


def _cause_words(caused_by: str) -> str:
    """The window's own sentence as a remark in brackets."""
    return f" ({caused_by.strip().rstrip('.')})" if caused_by.strip() else ""


def long_term_words(lot: Lot) -> str:
    """A remark with the day the lot turns long-term, where its holding period is known."""
    start = lot.holding_period_start_date
    return "" if start is None else f" (it turns long-term on {long_term_from(start).isoformat()})"


def _by_age(lot: Lot) -> tuple[date, str]:
    return (lot.acquisition_date or date.min, lot.lot_id)


def _selectable(lot: Lot, price: Decimal) -> SelectableLot:
    return SelectableLot(
        lot_id=lot.lot_id,
        acquisition_date=lot.acquisition_date or lot.holding_period_start_date or date.min,
        quantity=lot.quantity,
        unit_cost=None if lot.cost_basis is None else lot.cost_basis / lot.quantity,
        price=price,
        is_long_term=bool(lot.is_long_term),
    )
