"""What a plan leaves out of tolerance or did not trade, and why, as rows for people.

Belongs here: looking at the finished plan once more and naming each target that stays outside its
band with the causes that hold it there, and every holding and account that was left out. Does not
belong here: decisions. Reason codes are the closed list in `plan`; a subject appears once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from python_steps.planning.cash_steps import raising_order
from python_steps.planning.concentration import excess_over_limit
from python_steps.planning.evaluation import is_outside_band
from python_steps.planning.gain_steps import Deferral
from python_steps.planning.household import (
    CASH,
    RELEASED,
    Account,
    AllocationGroup,
    Banded,
    Block,
    BuyOption,
    ClassTarget,
    HouseholdIndex,
    PartTarget,
    Position,
    Security,
)
from python_steps.planning.ledger import PlanLedger
from python_steps.planning.part_swaps import is_of_class
from python_steps.planning.plan import BUY, RAISE_CASH, SELL, TradeException
from python_steps.planning.sell_rules import LOSSES_ONLY, CategorySet
from python_steps.planning.swaps import Market
from python_steps.planning.wording import dollars, listed, percent, security_words

NOTHING = Decimal(0)
CENT = Decimal("0.01")
TOLD_REASONS = 3


class LeftOver(NamedTuple):
    """A class, or a part of one, that is outside its band after the plan."""

    group: AllocationGroup
    row: ClassTarget | PartTarget
    value: Decimal
    total: Decimal

    @property
    def is_over(self) -> bool:
        """True when it is overweight."""
        return self.value > self.row.target_weight * self.total

    @property
    def outside(self) -> Decimal:
        """Dollars beyond the band's edge."""
        if self.is_over:
            return self.value - self.row.upper_band_weight * self.total
        return self.row.lower_band_weight * self.total - self.value


def left_over_targets(index: HouseholdIndex, ledger: PlanLedger) -> list[LeftOver]:
    """Every class and every part of one outside its band once the plan is done.

    Where the plan trades nothing in a group, the book's own breaches stand.
    """
    traded = {index.accounts[account_id].allocation_group_id for account_id, _, _ in ledger.orders}
    found = []
    for group in index.household.groups:
        total = ledger.group_value(group.allocation_group_id)
        for row, value in _standing(ledger, group):
            is_told = row.is_breach or row.is_breach_projected
            is_judged = is_told or group.allocation_group_id in traded
            if is_judged and is_outside_band(row, value, total):
                found.append(LeftOver(group, row, value, total))
    return found


def tolerance_exceptions(
    market: Market,
    ledger: PlanLedger,
    left: Iterable[LeftOver],
    allowed: CategorySet,
    deferrals: Iterable[Deferral],
) -> list[TradeException]:
    """One row per target that stays outside its band, and one per kind of cause."""
    rows: list[TradeException] = []
    put_off = {(each.allocation_group_id, each.asset_class): each for each in deferrals}
    for each in left:
        rows.append(_out_of_tolerance(market, each))
        if isinstance(each.row, PartTarget):
            rows += _causes_of_part(market, ledger, each, each.row)
        else:
            rows += _causes_of_class(market, ledger, each, each.row, allowed)
    rows += [_deferral_row(market, deferral) for _, deferral in sorted(put_off.items())]
    return rows


def waiting_exceptions(market: Market, ledger: PlanLedger) -> list[TradeException]:
    """Targets left outside their band that flows due or orders in flight bring back."""
    rows = []
    for group in market.index.household.groups:
        total = ledger.group_value(group.allocation_group_id)
        for row, value in _standing(ledger, group):
            if row.is_breach_projected or not row.is_breach:
                continue
            if not is_outside_band(row, value, total):
                continue
            left = LeftOver(group, row, value, total)
            rows.append(
                TradeException(
                    subject=_target_subject(market, group, row),
                    reason_code="deferred",
                    rationale=f"The weight of {row.name} is {percent(row.actual_weight)} today, "
                    f"outside its band of {_band_words(row)}, but the cash flows that are due "
                    f"bring it to {percent(row.projected_weight)}: wait.",
                    asset_class=row.asset_class,
                    security_id=_security_of(row),
                    amount=left.outside.quantize(CENT),
                )
            )
    return rows


def passed_over_exceptions(
    market: Market, start: PlanLedger, ledger: PlanLedger
) -> list[TradeException]:
    """Losses that a wash-sale window kept from being taken while other lots were sold instead.

    One row per security: its loss lots in taxable accounts where the plan sells other lots of the
    same class, or raises the account's cash from holdings whose turn came later.
    """
    passed: dict[str, dict[str, Decimal]] = {}
    values: dict[str, tuple[Decimal, Decimal]] = {}
    for position in market.index.household.positions:
        account = market.index.accounts.get(position.account_id)
        if account is None or not account.is_taxable:
            continue
        if not _is_sold_instead(market, start, ledger, account, position):
            continue
        for lot in position.lots:
            block = market.sells.lot_block(ledger, position, lot, LOSSES_ONLY)
            left = ledger.left_of(lot)
            if block is None or block.code != "wash_sale_window" or left <= 0:
                continue
            loss = -market.sells.gain_of(lot, left)
            if loss <= 0:
                continue
            price = market.index.securities[position.security_id].price or NOTHING
            value, total = values.get(position.security_id, (NOTHING, NOTHING))
            values[position.security_id] = (value + left * price, total + loss)
            reasons = passed.setdefault(position.security_id, {})
            reasons[block.reason] = reasons.get(block.reason, NOTHING) + left * price
    rows = []
    for security_id, (value, loss) in sorted(values.items()):
        if value < market.minimum_trade:
            continue
        security = market.index.securities[security_id]
        rows.append(
            TradeException(
                subject=f"Loss in {security.label}",
                reason_code="wash_sale_window",
                rationale=f"{dollars(value)} of {security.label} with a loss of {dollars(loss)} is "
                "passed over and other holdings are sold: "
                f"{_largest_reasons(passed[security_id])}.",
                security_id=security_id,
                asset_class=security.primary_class,
                amount=value.quantize(CENT),
            )
        )
    return rows


def contribution_words(market: Market) -> str:
    """A sentence on money that is due in and takes Cash out of its band, empty without any."""
    household = market.index.household
    sentences = []
    for group in household.groups:
        row = group.target_of(CASH)
        if row is None or row.is_breach or not row.is_breach_projected:
            continue
        if row.projected_weight <= row.upper_band_weight:
            continue
        flows = [
            flow
            for flow in household.cash_flows
            if flow.flow_type == "contribution"
            and market.index.accounts[flow.account_id].allocation_group_id
            == group.allocation_group_id
        ]
        weight = percent(row.projected_weight)
        if not flows:
            sentences.append(
                f"Payments and orders under way take Cash to {weight}, outside its band; what is "
                "above its target is invested once they have posted."
            )
            continue
        named = listed(
            [
                f"{dollars(flow.amount)}"
                + (f" due {flow.required_by_date.isoformat()}" if flow.required_by_date else "")
                for flow in flows
            ]
        )
        is_one = len(flows) == 1
        sentences.append(
            f"The {'contribution' if is_one else 'contributions'} of {named} "
            f"{'takes' if is_one else 'take'} Cash to {weight}, outside its band, and "
            f"{'is' if is_one else 'are'} invested when {'it posts' if is_one else 'they post'}."
        )
    return " ".join(sentences)


def losses_left_words(market: Market, ledger: PlanLedger) -> str:
    """A sentence on losses that could be taken where nothing is rebalanced, empty without any."""
    if not market.index.household.harvests_losses:
        return ""
    total = NOTHING
    for position in market.index.household.positions:
        account = market.index.accounts.get(position.account_id)
        if account is None or not account.is_taxable:
            continue
        for lot in market.sells.eligible_lots(ledger, position, LOSSES_ONLY):
            total -= min(NOTHING, market.sells.gain_of(lot, ledger.left_of(lot)))
    if total < market.minimum_trade or total <= 0:
        return ""
    lost = dollars(total)
    return f"Losses of {lost} stand unrealised; nothing is sold for their sake alone tonight."


def account_exceptions(index: HouseholdIndex) -> list[TradeException]:
    """Accounts that are not traded, and accounts without an IPS."""
    rows = []
    for account in index.household.accounts:
        value = _account_value(index, account)
        if account.block is not None:
            rows.append(
                TradeException(
                    subject=account.account_name,
                    reason_code=account.block.code,
                    rationale=f"No trades are proposed in {account.account_name}: "
                    f"{account.block.reason}.",
                    account_id=account.account_id,
                    amount=value,
                )
            )
        elif account.allocation_group_id is None:
            rows.append(
                TradeException(
                    subject=account.account_name,
                    reason_code="no_ips",
                    rationale=f"{account.account_name} belongs to no allocation group, so there "
                    "is no target to trade to. Assign it to an Investment Policy Statement.",
                    account_id=account.account_id,
                    amount=value,
                )
            )
    return rows


def position_exceptions(index: HouseholdIndex) -> list[TradeException]:
    """Holdings that are never sold by the plan, with the reason."""
    rows = []
    for position in index.household.positions:
        account = index.accounts.get(position.account_id)
        if account is None or account.block is not None or position.block is None:
            continue
        security = index.securities[position.security_id]
        rows.append(
            TradeException(
                subject=security_words(security, account),
                reason_code=position.block.code,
                rationale=f"{security_words(security, account)} is not sold: "
                f"{position.block.reason}.",
                account_id=account.account_id,
                security_id=position.security_id,
                asset_class=security.primary_class,
                amount=position.market_value,
            )
        )
    return rows


def concentration_exceptions(market: Market, ledger: PlanLedger) -> list[TradeException]:
    """Securities that stay above their concentration limit, and what keeps them there."""
    rows = []
    for limit in market.index.household.concentration_limits:
        excess = excess_over_limit(market, ledger, limit)
        if excess <= 0:
            continue
        label = market.index.securities[limit.security_id].label
        kept: dict[str, Decimal] = {}
        for position in market.index.household.positions:
            account = market.index.accounts[position.account_id]
            if position.security_id != limit.security_id:
                continue
            for block, value in _blocked_value(market, ledger, account, position, LOSSES_ONLY):
                kept[block.reason] = kept.get(block.reason, NOTHING) + value
        why = (
            f"that is less than the smallest trade of {dollars(market.minimum_trade)}"
            if excess < market.minimum_trade
            else f"it is not sold because {_largest_reasons(kept)}"
            if kept
            else "every target is inside its band, so nothing is traded for it tonight"
        )
        rows.append(
            TradeException(
                subject=f"{label} concentration",
                reason_code="restricted",
                rationale=f"{label} stays {dollars(excess)} above its limit of "
                f"{percent(limit.limit_weight)} of the household: {why}. Selling more is the "
                "advisor's decision.",
                security_id=limit.security_id,
                amount=excess.quantize(CENT),
            )
        )
    return rows


def shortfall_exceptions(
    market: Market, ledger: PlanLedger, shortfalls: dict[str, Decimal], allowed: CategorySet
) -> list[TradeException]:
    """Accounts whose cash could not be raised, and what stands in the way."""
    rows = []
    for account_id, amount in sorted(shortfalls.items()):
        if amount <= 0:
            continue
        account, household = market.index.accounts[account_id], market.index.household
        if household.household_state != RELEASED:
            state = household.state_reason or household.household_state.replace("_", " ")
            why = f"nothing is sold for it now: {state}"
        else:
            causes = (
                [account.block]
                if account.block is not None
                else _account_blocks(market, ledger, account, allowed)
            )
            reasons = "; ".join(dict.fromkeys(block.reason for block in causes))
            why = f"it cannot be raised: {reasons or 'nothing is left to sell'}"
        rows.append(
            TradeException(
                subject=f"Cash in {account.account_name}",
                reason_code="cash_shortfall",
                rationale=f"{account.account_name} lacks {dollars(amount)} for its reserves and "
                f"minimum cash, and {why}.",
                account_id=account_id,
                asset_class=CASH,
                amount=amount,
            )
        )
    return rows


def unique_subjects(rows: Iterable[TradeException]) -> tuple[TradeException, ...]:
    """Rows sorted, with a subject that occurs more than once told apart by its reason."""
    ordered = sorted(
        rows, key=lambda row: (row.subject, row.reason_code, row.account_id or "", row.rationale)
    )
    seen: dict[str, int] = {}
    result = []
    for row in ordered:
        subject = row.subject
        if subject in seen:
            subject = f"{row.subject}, {row.reason_code.replace('_', ' ')}"
        count = seen.get(subject, 0)
        seen[subject] = count + 1
        result.append(replace(row, subject=f"{subject} ({count + 1})" if count else subject))
    return tuple(result)


def _is_sold_instead(
    market: Market, start: PlanLedger, ledger: PlanLedger, account: Account, position: Position
) -> bool:
    """Whether the plan sells other taxable lots where those of a holding could have served.

    Cash is raised from holdings in a fixed order: one is passed over when it stands before all of
    those that are sold for it in its account.
    """
    own_class = market.index.securities[position.security_id].primary_class
    turn = {
        each.security_id: place for place, each in enumerate(raising_order(market, start, account))
    }
    sold_turns = []
    for order in ledger.orders.values():
        seller = market.index.accounts[order.account_id]
        if order.action != SELL or not seller.is_taxable:
            continue
        security = market.index.securities[order.security_id]
        raises_cash = any(each.reason_code == RAISE_CASH for each, _ in order.purposes)
        is_near = (
            order.account_id == account.account_id
            if raises_cash
            else seller.allocation_group_id == account.allocation_group_id
        )
        if is_near and security.primary_class == own_class:
            return True
        if is_near and raises_cash and not security.is_cash_equivalent:
            sold_turns.append(turn[order.security_id])
    return bool(sold_turns) and turn[position.security_id] < min(sold_turns)


def _out_of_tolerance(market: Market, left: LeftOver) -> TradeException:
    weight = left.value / left.total
    side = "above" if left.is_over else "below"
    edge = left.row.upper_band_weight if left.is_over else left.row.lower_band_weight
    # What is outside must not read as if it stood on the edge.
    is_near = percent(weight) == percent(edge)
    stands = f"{weight * 100:.2f}%" if is_near else percent(weight)
    return TradeException(
        subject=_target_subject(market, left.group, left.row),
        reason_code="out_of_tolerance",
        rationale=f"The weight of {left.row.name} stays at {stands}, "
        f"{dollars(left.outside)} {side} its band of {_band_words(left.row)}.",
        asset_class=left.row.asset_class,
        security_id=_security_of(left.row),
        amount=left.outside.quantize(CENT),
    )


def _causes_of_class(
    market: Market, ledger: PlanLedger, left: LeftOver, row: ClassTarget, allowed: CategorySet
) -> list[TradeException]:
    name = row.asset_class
    if left.is_over:
        rows = _selling_causes(
            market, ledger, left, allowed, name, lambda security: security.primary_class == name
        )
        return [*rows, _kept_cash(market, ledger, left)] if name == CASH else rows
    buying = [] if name == CASH else _buying_causes(market, ledger, left, _options(market, left))
    givers = _classes_above_target(ledger, left.group)
    what = next(iter(givers)) if len(givers) == 1 else "the classes above their targets"
    return buying or _selling_causes(
        market, ledger, left, allowed, what, lambda security: security.primary_class in givers
    )


def _causes_of_part(
    market: Market, ledger: PlanLedger, left: LeftOver, part: PartTarget
) -> list[TradeException]:
    """Why swaps inside the class do not bring a part of it back."""
    group, name, asset_class = left.group, part.name, part.asset_class
    if asset_class is None:
        why = f"{name} belongs to no asset class that the book knows, so nothing is traded for it"
        return [_cause(market, left, "unmapped", f"{why}.", left.outside)]
    if left.is_over:
        rows = _selling_causes(
            market, ledger, left, LOSSES_ONLY, name, lambda each: group.part_of(each) == part
        )
    else:
        options = [
            option
            for option in _options(market, left)
            if group.part_of(market.index.securities[option.security_id]) == part
        ]
        rows = _buying_causes(market, ledger, left, options) or _selling_causes(
            market,
            ledger,
            left,
            LOSSES_ONLY,
            f"other holdings of {asset_class}",
            lambda each: is_of_class(each, asset_class) and group.part_of(each) != part,
        )
    if rows:
        return rows
    least = dollars(market.minimum_trade)
    why = f"No account can exchange more of {name} inside {asset_class} in trades of at least"
    return [_cause(market, left, "below_minimum", f"{why} {least}.", left.outside)]


def _selling_causes(
    market: Market,
    ledger: PlanLedger,
    left: LeftOver,
    allowed: CategorySet,
    what: str,
    is_source: Callable[[Security], bool],
) -> list[TradeException]:
    """Dollars of the holdings that could give and are not sold, by the kind of reason."""
    amounts: dict[str, Decimal] = {}
    reasons: dict[str, dict[str, Decimal]] = {}
    for account in market.index.accounts_of_group.get(left.group.allocation_group_id, []):
        for position in market.index.positions_of_account.get(account.account_id, []):
            if not is_source(market.index.securities[position.security_id]):
                continue
            for block, value in _blocked_value(market, ledger, account, position, allowed):
                amounts[block.code] = amounts.get(block.code, NOTHING) + value
                by_reason = reasons.setdefault(block.code, {})
                by_reason[block.reason] = by_reason.get(block.reason, NOTHING) + value
    return [
        _cause(
            market,
            left,
            code,
            f"{dollars(value)} of {what} is not sold: {_largest_reasons(reasons[code])}.",
            value,
        )
        for code, value in sorted(amounts.items())
        if value > 0
    ]


def _kept_cash(market: Market, ledger: PlanLedger, left: LeftOver) -> TradeException:
    """Cash above its band that must stay: minimum cash, or too little in each account."""
    accounts = market.index.accounts_of_group.get(left.group.allocation_group_id, [])
    minimum = sum(
        (account.cash.minimum for account in accounts if account.cash is not None), NOTHING
    )
    free = sum((max(NOTHING, ledger.spendable(each.account_id)) for each in accounts), NOTHING)
    why = (
        f"{dollars(minimum)} is minimum cash of the accounts; the {dollars(free)} that is free "
        f"lies in accounts that cannot use it for a trade of at least "
        f"{dollars(market.minimum_trade)}."
    )
    return _cause(market, left, "below_minimum", why, free)


def _cause(
    market: Market, left: LeftOver, code: str, rationale: str, amount: Decimal
) -> TradeException:
    """One reason why a target stays outside its band."""
    subject = _target_subject(market, left.group, left.row)
    return TradeException(
        subject=f"{subject}: {code.replace('_', ' ')}",
        reason_code=code,
        rationale=rationale,
        asset_class=left.row.asset_class,
        security_id=_security_of(left.row),
        amount=amount.quantize(CENT),
    )


def _options(market: Market, left: LeftOver) -> list[BuyOption]:
    """What the group's accounts may buy for the class of a target."""
    return [
        option
        for account in market.index.accounts_of_group.get(left.group.allocation_group_id, [])
        for option in market.index.options.get((account.account_id, left.row.asset_class or ""), [])
    ]


def _standing(
    ledger: PlanLedger, group: AllocationGroup
) -> Iterator[tuple[ClassTarget | PartTarget, Decimal]]:
    """Every target of a group with the dollars that the plan leaves in it."""
    values = ledger.class_values[group.allocation_group_id]
    for row in group.classes:
        yield row, values.get(row.asset_class, NOTHING)
    for part in group.parts:
        yield part, ledger.part_values[group.allocation_group_id][part.key]


def _classes_above_target(ledger: PlanLedger, group: AllocationGroup) -> set[str]:
    """Classes that could give dollars to one that lacks them."""
    total = ledger.group_value(group.allocation_group_id)
    values = ledger.class_values[group.allocation_group_id]
    return {
        row.asset_class
        for row in group.classes
        if row.asset_class != CASH
        and values.get(row.asset_class, NOTHING) > row.target_weight * total
    }


def _largest_reasons(reasons: dict[str, Decimal]) -> str:
    """The reasons that hold the most dollars, and how many more there are."""
    ordered = sorted(reasons, key=lambda reason: (-reasons[reason], reason))
    told = "; ".join(ordered[:TOLD_REASONS])
    more = len(ordered) - TOLD_REASONS
    return f"{told}; and {more} more of the kind" if more > 0 else told


def _blocked_value(
    market: Market,
    ledger: PlanLedger,
    account: Account,
    position: Position,
    allowed: CategorySet,
) -> list[tuple[Block, Decimal]]:
    price = market.index.securities[position.security_id].price
    whole = account.block or position.block
    if whole is not None or not price:
        block = whole or Block("frozen", "it has no price today")
        return [(block, position.market_value or NOTHING)]
    found = []
    for lot in position.lots:
        blocked = market.sells.lot_block(ledger, position, lot, allowed)
        if blocked is not None:
            kept = lot.quantity - ledger.sold_lots.get(lot.lot_id, NOTHING)
            found.append((blocked, kept * price))
    return found


def _buying_causes(
    market: Market, ledger: PlanLedger, left: LeftOver, options: list[BuyOption]
) -> list[TradeException]:
    """Why none of the securities that could fill a target is bought, empty when one could be."""
    name = left.row.name
    if not options:
        why = (
            f"No account of the group can buy a security of {name}: "
            "none of its buy list is allowed, offered and priced there tonight."
        )
        return [_cause(market, left, "restricted", why, left.outside)]
    blocks = [market.buys.block(ledger, option) for option in options]
    barred = [block for block in blocks if block is not None]
    if len(barred) == len(blocks):
        reasons = "; ".join(dict.fromkeys(block.reason for block in barred))
        why = f"No security of {name} may be bought now: {reasons}."
        return [_cause(market, left, barred[0].code, why, left.outside)]
    is_bought = any(
        ledger.order_of(option.account_id, option.security_id, BUY) is not None
        for option in options
    )
    if left.outside < market.minimum_trade and not is_bought:
        why = (
            f"What {name} lacks, {dollars(left.outside)}, is less than the smallest trade of "
            f"{dollars(market.minimum_trade)}."
        )
        return [_cause(market, left, "below_minimum", why, left.outside)]
    return []


def _deferral_row(market: Market, deferral: Deferral) -> TradeException:
    group = market.index.groups[deferral.allocation_group_id]
    tax = "an unknown tax" if deferral.tax is None else f"{dollars(deferral.tax)} of tax"
    years = (
        "which less drift would not pay back"
        if deferral.years is None
        else f"which less drift would pay back in {deferral.years:.1f} years"
    )
    # A class's share of what is put off together may be a saving, which costs nothing.
    if deferral.tax is not None and deferral.tax <= 0:
        does = f"goes with sales at a gain, {years}"
    elif deferral.cost < 0:
        does = f"would cost {tax}, {years}"
    else:
        does = f"would cost {tax} and {dollars(deferral.cost)} to trade, {years}"
    return TradeException(
        subject=f"{_named(market, group, deferral.asset_class)}: sale at a gain",
        reason_code="deferred",
        rationale=f"Selling {dollars(deferral.amount)} of {deferral.asset_class} in taxable "
        f"accounts {does}: put off.",
        asset_class=deferral.asset_class,
        amount=deferral.amount.quantize(CENT),
    )


def _account_value(index: HouseholdIndex, account: Account) -> Decimal | None:
    """Holdings and cash of an account, None where they are not known for sure.

    In a household that is not released a feed may be missing: what is there is not all there is.
    """
    if index.household.household_state != RELEASED:
        return None
    values = [each.market_value for each in index.positions_of_account.get(account.account_id, [])]
    values.append(None if account.cash is None else account.cash.trade_date)
    known = [value for value in values if value is not None]
    return sum(known, NOTHING) if len(known) == len(values) else None


def _account_blocks(
    market: Market, ledger: PlanLedger, account: Account, allowed: CategorySet
) -> list[Block]:
    return [
        block
        for position in market.index.positions_of_account.get(account.account_id, [])
        for block, _ in _blocked_value(market, ledger, account, position, allowed)
    ]


def _target_subject(market: Market, group: AllocationGroup, row: Banded) -> str:
    return _named(market, group, row.name)


def _named(market: Market, group: AllocationGroup, name: str) -> str:
    """A target's name, with its group where the household has several."""
    if len(market.index.household.groups) == 1:
        return name
    return f"{name} ({group.allocation_group_id})"


def _security_of(row: ClassTarget | PartTarget) -> str | None:
    return row.security_id if isinstance(row, PartTarget) else None


def _band_words(row: Banded) -> str:
    return f"{percent(row.lower_band_weight)} to {percent(row.upper_band_weight)}"
