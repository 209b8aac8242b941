"""Pre-trade screen: may this order be given on this day without washing a loss?

Belongs here: verdicts on proposed orders, judged together as one night's batch under the firm's
reading and, as warnings, under every contested one. Does not belong here: the matching itself
(`engine`), standing windows of the whole book (`windows`), restrictions of other kinds.
Law: IRC 1091; Reg. 1.1091-1(e); Rev. Rul. 2008-5; Rev. Rul. 85-87 (a deep in-the-money put
written is a contract to acquire); IRC 267(a)(1) (a loss sale and a purchase by the household on
the same day must not be planned together).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple

from python_steps.wash_sales.engine import reconcile_group
from python_steps.wash_sales.events import (
    Acquisition,
    Match,
    Origin,
    Sale,
    SoldLot,
    WashAccount,
    WashSaleLedger,
)
from python_steps.wash_sales.policy import DEFAULT_POLICY, WashSalePolicy, contested_readings

NOTHING = Decimal(0)

Judgement = Literal["allow", "warn", "resize", "block"]
Consequence = Literal["deferred", "permanent"]


class PastPurchase(NamedTuple):
    """Shares that arrived before the proposal.

    `origin` "purchase" is a buy, a reinvested dividend or a vest; `is_certain` is False for a
    contract that may or may not lead to a purchase (a put written near the money).
    """

    day: date
    account_id: str
    security_id: str
    quantity: Decimal
    lot_id: str
    origin: Origin = "purchase"
    order_id: str = ""
    is_certain: bool = True


class PastSale(NamedTuple):
    """Shares sold before the proposal. `realized_gain_per_share` is signed dollars."""

    day: date
    account_id: str
    security_id: str
    quantity: Decimal
    realized_gain_per_share: Decimal
    lot_id: str = ""


class Holding(NamedTuple):
    """One open lot on the proposal date. `unit_cost` None where the basis is unknown."""

    account_id: str
    security_id: str
    lot_id: str
    quantity: Decimal
    acquired: date | None
    unit_cost: Decimal | None
    price: Decimal
    origin: Origin = "purchase"
    order_id: str = ""


class ScheduledPurchase(NamedTuple):
    """A purchase that happens without a further decision. `quantity` None where unknown."""

    day: date
    account_id: str
    security_id: str
    quantity: Decimal | None = None


class Proposal(NamedTuple):
    """One order to be judged. A sale without `lot_ids` sells the oldest shares first."""

    day: date
    action: Literal["buy", "sell"]
    account_id: str
    security_id: str
    quantity: Decimal
    lot_ids: tuple[str, ...] = ()
    is_certain: bool = True


class Verdict(NamedTuple):
    """The judgement of one proposal.

    Attributes:
        verdict: allow; warn (clean under the firm's reading, contested or not certain); resize
            (part of the loss stands); block.
        why: a sentence.
        clear_on_date: first date on which the same order would be allowed if only time passes;
            None where time alone does not clear it, or nothing is in the way.
        consequence: what would become of the loss; None where nothing would be washed.
        washed_quantity: shares whose loss would be disallowed.
        max_clean_quantity: shares of this order whose loss would stand. It is the clean part of
            the order as proposed; a smaller sale would still meet the same replacement shares.
    """

    verdict: Judgement
    why: str
    clear_on_date: date | None = None
    consequence: Consequence | None = None
    washed_quantity: Decimal | None = None
    max_clean_quantity: Decimal | None = None


@dataclass(frozen=True)
class ScreenState:
    """What is known before the proposals.

    Attributes:
        accounts: every account of the wash-sale group, and outside ones marked so.
        purchases: arrivals of the last 31 days and more.
        sales: sales of the last 31 days and more.
        holdings: open lots; a lot id that stands in `purchases` is the same lot.
        scheduled: purchases that will happen by themselves.
        identity_groups: security to identity group; a security not named is its own group.
        is_history_known: False where purchases or sales of the window may be missing.
    """

    accounts: Sequence[WashAccount]
    purchases: Sequence[PastPurchase] = ()
    sales: Sequence[PastSale] = ()
    holdings: Sequence[Holding] = ()
    scheduled: Sequence[ScheduledPurchase] = ()
    identity_groups: Mapping[str, str] = field(default_factory=dict)
    is_history_known: bool = True

    def group_of(self, security_id: str) -> str:
        """The identity group of a security."""
        return self.identity_groups.get(security_id, security_id)


def screen_proposals(
    state: ScreenState,
    proposals: Sequence[Proposal],
    policy: WashSalePolicy = DEFAULT_POLICY,
) -> list[Verdict]:
    """Judge a batch of proposed orders together.

    Args:
        state: accounts, history and holdings.
        proposals: the batch; its order does not matter.
        policy: the firm's reading of the contested points.

    Returns:
        One verdict per proposal, in the order of `proposals`.
    """
    groups = [state.group_of(proposal.security_id) for proposal in proposals]
    verdicts: dict[int, Verdict] = {}
    for group in sorted(set(groups)):
        numbers = [number for number, of in enumerate(groups) if of == group]
        batch = _Batch(state, group, [proposals[number] for number in numbers], policy)
        verdicts.update(zip(numbers, batch.judge(), strict=True))
    return [verdicts[number] for number in range(len(proposals))]


def purchase_counts(account: WashAccount, policy: WashSalePolicy) -> bool:
    """Whether the firm's reading lets a purchase in an account replace shares of the group."""
    if account.is_outside_group:
        return policy.outside_accounts == "include"
    if account.kind == "employer_plan":
        return policy.employer_plan == "permanent"
    if account.kind == "health_savings":
        return policy.health_savings == "permanent"
    return True


class _Reading(NamedTuple):
    words: str
    policy: WashSalePolicy
    has_uncertain: bool


class _Batch:
    """The proposals of one identity group, over that group's history."""

    def __init__(
        self,
        state: ScreenState,
        group: str,
        proposals: Sequence[Proposal],
        policy: WashSalePolicy,
    ) -> None:
        self.state, self.group, self.proposals, self.policy = state, group, proposals, policy
        self.accounts = {account.account_id: account for account in state.accounts}
        self.holdings = [row for row in state.holdings if self._is_of_group(row.security_id)]
        self.fills = [self._lots_of(proposal) for proposal in proposals]
        self.ledgers: dict[tuple[_Reading, int], WashSaleLedger] = {}
        own = _Reading("", policy, has_uncertain=False)
        self.readings = [
            own,
            *(_Reading(words, reading, False) for words, reading in contested_readings(policy)),
            _Reading("a purchase that is scheduled or possible takes place", policy, True),
        ]

    def judge(self) -> list[Verdict]:
        return [self._judge_one(number) for number in range(len(self.proposals))]

    # -- one proposal ------------------------------------------------------------------------

    def _judge_one(self, number: int) -> Verdict:
        proposal, fills = self.proposals[number], self.fills[number]
        if proposal.action == "sell":
            short_of = proposal.quantity - sum((q for _, q in fills), NOTHING)
            if short_of > 0:
                return Verdict("block", f"{short_of} of the shares to be sold are not held.")
        verdict = self._assess(number, delay=0)
        if verdict.verdict == "allow" or self._conflicts_in_batch(number):
            return verdict
        return verdict._replace(clear_on_date=self._clear_on(number))

    def _assess(self, number: int, delay: int) -> Verdict:
        proposal = self.proposals[number]
        is_loss_sale = self._loss_quantity(number) > 0
        if self._conflicts_in_batch(number):
            return self._batch_conflict(number)
        for reading in self.readings:
            matches = self._matches(number, reading, delay)
            if matches:
                return self._washed(proposal, matches, reading)
        if is_loss_sale and not self.state.is_history_known:
            return Verdict(
                "warn", "The household's purchases of the last 30 days are not fully known."
            )
        if proposal.action == "sell" and self._has_unknown_basis(number):
            return Verdict("warn", "The basis is unknown: whether this is a loss cannot be shown.")
        return Verdict("allow", "No loss would be washed.")

    def _washed(self, proposal: Proposal, matches: Sequence[Match], reading: _Reading) -> Verdict:
        is_permanent = any(match.is_permanent for match in matches)
        consequence: Consequence = "permanent" if is_permanent else "deferred"
        if proposal.action == "buy":
            sold = sorted({match.sold for match in matches})
            cause = f"it would replace shares sold at a loss on {_listed(sold)}"
            washed = sum((match.replacement_quantity for match in matches), NOTHING)
            clean = None
        else:
            bought = sorted({match.replacement_acquired for match in matches})
            washed = sum((match.quantity for match in matches), NOTHING)
            clean = proposal.quantity - washed
            cause = (
                f"the loss of {washed:f} of {proposal.quantity:f} shares would meet the purchase "
                f"of {_listed(bought)}"
            )
        fate = "lost for good" if is_permanent else "deferred into the replacement shares"
        if reading.words:
            why = f"If {reading.words}, {cause}; it would be {fate}."
            return Verdict("warn", why, consequence=consequence)
        why = f"{cause[0].upper()}{cause[1:]}; it would be {fate}."
        verdict: Judgement = "resize" if clean is not None and clean > 0 else "block"
        return Verdict(
            verdict,
            why,
            consequence=consequence,
            washed_quantity=washed,
            max_clean_quantity=clean,
        )

    def _clear_on(self, number: int) -> date | None:
        """First later day on which the batch, moved as a whole, leaves this order allowed."""
        day, window = self.proposals[number].day, timedelta(days=self.policy.window_days + 1)
        causes = {row.day for row in self.state.purchases} | {row.day for row in self.state.sales}
        causes |= {row.day for row in self.state.scheduled}
        causes |= {row.acquired for row in self.holdings if row.acquired is not None}
        for candidate in sorted({cause + window for cause in causes if cause + window > day}):
            if self._assess(number, delay=(candidate - day).days).verdict == "allow":
                return candidate
        return None

    # -- orders of one batch against each other ------------------------------------------------

    def _conflicts_in_batch(self, number: int) -> bool:
        return bool(self._batch_counterparts(number))

    def _batch_counterparts(self, number: int) -> list[Proposal]:
        """Loss sales against a buy, buys against a loss sale, inside the window of each other."""
        proposal = self.proposals[number]
        if proposal.action == "sell" and self._loss_quantity(number) <= 0:
            return []
        if not proposal.is_certain or not self._counts(proposal):
            return []
        return [
            other
            for position, other in enumerate(self.proposals)
            if other.action != proposal.action
            and other.is_certain
            and self._counts(other)
            and abs((other.day - proposal.day).days) <= self.policy.window_days
            and (other.action == "buy" or self._loss_quantity(position) > 0)
        ]

    def _counts(self, proposal: Proposal) -> bool:
        account = self.accounts[proposal.account_id]
        if proposal.action == "sell":
            return account.kind == "taxable"
        return purchase_counts(account, self.policy)

    def _batch_conflict(self, number: int) -> Verdict:
        proposal = self.proposals[number]
        pair = [proposal, *self._batch_counterparts(number)]
        is_permanent = any(
            row.action == "buy" and self.accounts[row.account_id].kind != "taxable" for row in pair
        )
        other = "a sale at a loss" if proposal.action == "buy" else "a purchase"
        return Verdict(
            "block",
            f"The same batch holds {other} of the same identity group: the loss would be "
            f"{'lost for good' if is_permanent else 'deferred'}; drop one of the two.",
            consequence="permanent" if is_permanent else "deferred",
        )

    def _loss_quantity(self, number: int) -> Decimal:
        if self.accounts[self.proposals[number].account_id].kind != "taxable":
            return NOTHING
        return sum(
            (
                quantity
                for holding, quantity in self.fills[number]
                if holding.unit_cost is not None and holding.unit_cost > holding.price
            ),
            NOTHING,
        )

    def _has_unknown_basis(self, number: int) -> bool:
        is_taxable = self.accounts[self.proposals[number].account_id].kind == "taxable"
        return is_taxable and any(row.unit_cost is None for row, _ in self.fills[number])

    # -- the ledger with the proposals in it ---------------------------------------------------

    def _matches(self, number: int, reading: _Reading, delay: int) -> list[Match]:
        ledger = self._ledger(reading, delay)
        order_id = _order_id(number)
        if self.proposals[number].action == "sell":
            return [match for match in ledger.matches if match.sale_id == order_id]
        return [match for match in ledger.matches if match.replacement_lot_id == order_id]

    def _ledger(self, reading: _Reading, delay: int) -> WashSaleLedger:
        known = self.ledgers.get((reading, delay))
        if known is None:
            known = self.ledgers[reading, delay] = self._reconciled(reading, delay)
        return known

    def _reconciled(self, reading: _Reading, delay: int) -> WashSaleLedger:
        arrivals = self._arrivals(reading.has_uncertain)
        sales = self._past_sales(arrivals)
        later = timedelta(days=delay)
        for number, proposal in enumerate(self.proposals):
            day, order_id = proposal.day + later, _order_id(number)
            if proposal.action == "sell":
                lots = tuple(
                    SoldLot(holding.lot_id, quantity, holding.price * quantity)
                    for holding, quantity in self.fills[number]
                )
                sales.append(Sale(order_id, proposal.account_id, day, lots))
            elif proposal.is_certain or reading.has_uncertain:
                arrivals.append(
                    _purchase(order_id, proposal.account_id, self.group, day, proposal.quantity)
                )
        return reconcile_group(self.state.accounts, arrivals, sales, reading.policy)

    def _arrivals(self, has_uncertain: bool) -> list[Acquisition]:
        held = {row.lot_id: row for row in self.holdings}
        arrivals = []
        for row in self.state.purchases:
            if not self._is_of_group(row.security_id) or not (row.is_certain or has_uncertain):
                continue
            holding = held.pop(row.lot_id, None)
            quantity = row.quantity if holding is None else max(row.quantity, holding.quantity)
            arrivals.append(
                _purchase(row.lot_id, row.account_id, self.group, row.day, quantity)._replace(
                    basis=_basis(holding, quantity),
                    origin=row.origin,
                    purchase_id=row.order_id or row.lot_id,
                )
            )
        for holding in held.values():
            arrivals.append(
                Acquisition(
                    lot_id=holding.lot_id,
                    account_id=holding.account_id,
                    security_id=self.group,
                    acquired=holding.acquired,
                    quantity=holding.quantity,
                    basis=_basis(holding, holding.quantity),
                    origin=holding.origin,
                    purchase_id=holding.order_id or holding.lot_id,
                    holding_start=holding.acquired,
                )
            )
        if has_uncertain:
            arrivals.extend(self._scheduled())
        return arrivals

    def _scheduled(self) -> Iterable[Acquisition]:
        everything = sum((row.quantity for row in self.holdings), Decimal(1))
        for number, row in enumerate(self.state.scheduled):
            if self._is_of_group(row.security_id):
                quantity = everything if row.quantity is None else row.quantity
                yield _purchase(
                    f"scheduled:{number}", row.account_id, self.group, row.day, quantity
                )

    def _past_sales(self, arrivals: list[Acquisition]) -> list[Sale]:
        """Past sales out of the lots that are no longer held, else out of older lots.

        Each sale keeps its stated gain per share, whatever lot it is laid on.
        """
        left = {row.lot_id: row.quantity for row in self.holdings}
        gone = {
            lot.lot_id: lot.quantity - left.get(lot.lot_id, NOTHING)
            for lot in arrivals
            if not lot.lot_id.startswith("scheduled:")
        }
        by_id = {lot.lot_id: lot for lot in arrivals}
        sales = []
        for number, row in enumerate(sorted(self.state.sales)):
            if not self._is_of_group(row.security_id):
                continue
            lines, wanted = [], row.quantity
            for lot_id in self._sellable(row, by_id):
                quantity = min(wanted, gone[lot_id])
                if quantity <= 0:
                    continue
                gone[lot_id] -= quantity
                wanted -= quantity
                unit_cost = _unit_cost(by_id[lot_id])
                proceeds = (unit_cost + row.realized_gain_per_share) * quantity
                lines.append(SoldLot(lot_id, quantity, proceeds))
            if wanted > 0:
                older = f"sold before:{number}"
                arrivals.append(
                    _purchase(older, row.account_id, self.group, row.day, wanted)._replace(
                        acquired=None, holding_start=None, origin="other", basis=NOTHING
                    )
                )
                lines.append(SoldLot(older, wanted, row.realized_gain_per_share * wanted))
            sales.append(Sale(f"past:{number}", row.account_id, row.day, tuple(lines)))
        return sales

    def _sellable(self, row: PastSale, by_id: Mapping[str, Acquisition]) -> list[str]:
        if row.lot_id in by_id:
            return [row.lot_id]
        mine = [
            lot
            for lot in by_id.values()
            if lot.account_id == row.account_id
            and lot.acquired is not None
            and lot.acquired <= row.day
        ]
        return [lot.lot_id for lot in sorted(mine, key=lambda lot: (lot.acquired, lot.lot_id))]

    def _lots_of(self, proposal: Proposal) -> list[tuple[Holding, Decimal]]:
        if proposal.action != "sell":
            return []
        mine = [
            row
            for row in self.holdings
            if row.account_id == proposal.account_id and row.security_id == proposal.security_id
        ]
        if proposal.lot_ids:
            by_id = {row.lot_id: row for row in mine}
            chosen = [by_id[lot_id] for lot_id in proposal.lot_ids if lot_id in by_id]
        else:
            chosen = sorted(mine, key=lambda row: (row.acquired or date.min, row.lot_id))
        fills, wanted = [], proposal.quantity
        for row in chosen:
            quantity = min(wanted, row.quantity)
            if quantity > 0:
                fills.append((row, quantity))
                wanted -= quantity
        return fills

    def _is_of_group(self, security_id: str) -> bool:
        return self.state.group_of(security_id) == self.group


def _order_id(number: int) -> str:
    return f"proposal:{number}"


def _purchase(
    lot_id: str, account_id: str, group: str, day: date, quantity: Decimal
) -> Acquisition:
    return Acquisition(
        lot_id=lot_id,
        account_id=account_id,
        security_id=group,
        acquired=day,
        quantity=quantity,
        basis=None,
        origin="purchase",
        purchase_id=lot_id,
        holding_start=day,
    )


def _basis(holding: Holding | None, quantity: Decimal) -> Decimal | None:
    if holding is None:
        # A lot that is gone: its past sale states its own gain, so the level is immaterial.
        return NOTHING
    return None if holding.unit_cost is None else holding.unit_cost * quantity


def _unit_cost(lot: Acquisition) -> Decimal:
    return NOTHING if lot.basis is None else lot.basis / lot.quantity


def _listed(days: Sequence[date]) -> str:
    return ", ".join(day.isoformat() for day in days)
