"""Which security may be bought in which account for a class, and why not another.

Belongs here: walking the buy list in rank order past wash-sale windows, securities sold in the same
plan and concentration limits to the first security that may be bought. Does not belong here: how
much is bought, in which account. Source: `no_buy_until_date` of the household's windows (the last
day on which a buy is not allowed), IRC 1091 and, for the spouse's and retirement accounts,
Rev. Rul. 2008-5.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from python_steps.planning.household import (
    Block,
    BuyOption,
    HouseholdIndex,
    PartTarget,
    Security,
)
from python_steps.planning.ledger import PlanLedger
from python_steps.planning.plan import BUY, SELL
from python_steps.policy import FirmPolicy

NOTHING = Decimal(0)
COUNT_RELATED = "include"


class BuyRules:
    """Permissions of purchases."""

    def __init__(self, index: HouseholdIndex, policy: FirmPolicy | None = None) -> None:
        """The rules of one household; without a policy those of the firm's defaults.

        Whether a purchase near a related taxpayer's loss is an indirect one of theirs is not
        settled: it is barred unless the firm lets such trades be proposed.
        """
        self._index = index
        chosen = FirmPolicy() if policy is None else policy
        self._counts_related = (
            chosen.wash_sale_outside_accounts == COUNT_RELATED
            or not chosen.allow_trades_near_related_purchases
        )
        self._barred_for_all: dict[str, date] = {}
        for window in index.household.wash_sale_windows:
            if window.no_buy_until_date is not None:
                latest = self._barred_for_all.get(window.identity_group_id, date.min)
                self._barred_for_all[window.identity_group_id] = max(
                    latest, window.no_buy_until_date
                )

    def choose(
        self,
        ledger: PlanLedger,
        account_id: str,
        asset_class: str,
        amount: Decimal,
        within: PartTarget | None = None,
    ) -> Security | None:
        """The security to buy for a class, or for a part of it, in an account.

        Args:
            ledger: the plan so far.
            account_id: the account.
            asset_class: the class.
            amount: dollars.
            within: the sub-class or security whose own target is to be filled.

        Returns:
            What has no target of its own before what has, the most underweight first; a security
            that the plan already buys there is kept, so that one class does not end in two small
            holdings. None where nothing may be bought.
        """
        group = self._index.group_of(account_id)

        def part_of(option: BuyOption) -> PartTarget | None:
            security = self._index.securities[option.security_id]
            return None if group is None else group.part_of(security)

        def place(option: BuyOption) -> tuple[bool, Decimal, bool, int, str]:
            security = self._index.securities[option.security_id]
            excess = ledger.part_excess(account_id, security)
            return (
                excess is not None,
                excess or NOTHING,
                ledger.order_of(account_id, option.security_id, BUY) is None,
                option.rank,
                option.security_id,
            )

        permitted = [
            option
            for option in self._index.options.get((account_id, asset_class), [])
            if self.block(ledger, option) is None and within in (None, part_of(option))
        ]
        for option in sorted(permitted, key=place):
            security = self._index.securities[option.security_id]
            minimum = self._index.terms_of(account_id, security).minimum_amount
            order = ledger.order_of(account_id, option.security_id, BUY)
            already = NOTHING if order is None else order.notional
            if amount + already >= minimum:
                return security
        return None

    def lacking_parts(
        self, ledger: PlanLedger, account_id: str, asset_class: str
    ) -> list[tuple[PartTarget, Decimal]]:
        """Targets inside a class that stand below their weight and by how many dollars.

        The one that lacks most comes first.
        """
        group = self._index.group_of(account_id)
        if group is None or not group.parts:
            return []
        total = ledger.group_value(group.allocation_group_id)
        values = ledger.part_values[group.allocation_group_id]
        lacks = [
            (part, part.target_weight * total - values[part.key])
            for part in group.parts
            if part.asset_class == asset_class
        ]
        return sorted(
            (each for each in lacks if each[1] > 0), key=lambda each: (-each[1], each[0].key)
        )

    def can_buy(self, ledger: PlanLedger, account_id: str, asset_class: str) -> bool:
        """True when at least one security may be bought for the class in the account."""
        return any(
            self.block(ledger, option) is None
            for option in self._index.options.get((account_id, asset_class), [])
        )

    def block(self, ledger: PlanLedger, option: BuyOption) -> Block | None:
        """Why a security may not be bought in an account now, None when it may."""
        security = self._index.securities[option.security_id]
        if ledger.order_of(option.account_id, option.security_id, SELL) is not None:
            return Block("wash_sale_window", f"{security.label} is sold in the same account")
        if security.identity_group_id in ledger.taxable_sold_identity_groups:
            return Block("wash_sale_window", f"{security.label} is sold in this plan")
        account = self._index.accounts[option.account_id]
        until = self._no_buy_until(account.wash_sale_group_id, security.identity_group_id)
        if until is not None and until >= self._index.household.planned_trade_date:
            return Block(
                "wash_sale_window",
                f"{security.label} was sold at a loss; no purchase before "
                f"{until.isoformat()} has passed",
            )
        room = self.room(ledger, security)
        if room is not None and room <= 0:
            return Block("restricted", f"{security.label} is at its concentration limit")
        return None

    def _no_buy_until(self, wash_sale_group_id: str, identity_group_id: str) -> date | None:
        """The last day on which a purchase would wash a loss that counts for the buyer."""
        if self._counts_related:
            return self._barred_for_all.get(identity_group_id)
        window = self._index.windows.get((wash_sale_group_id, identity_group_id))
        return None if window is None else window.no_buy_until_date

    def room(self, ledger: PlanLedger, security: Security) -> Decimal | None:
        """Dollars that may still be bought under the concentration limit, None without one."""
        room = self._index.room_under_limit(security.security_id)
        if room is None:
            return None
        for order in ledger.orders.values():
            if order.security_id == security.security_id:
                room -= order.notional if order.action == BUY else -order.notional
        return room
