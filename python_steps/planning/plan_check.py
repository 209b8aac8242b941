"""The independent judge of a plan: does it keep the rules, whoever made it?

Belongs here: recomputing from a household's inputs and a finished plan, with code and arrays of its
own, whether every invariant holds. Does not belong here: anything shared with a planner's
bookkeeping, or mending a plan. Invariants 1 to 11, 13 and 14 of the design that apply to a plan
without a certificate; sources: the restrictions of the book, IRC 1091, the account's lot method.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from python_steps.planning.household import (
    CASH,
    FUND_TYPES,
    RELEASED,
    TAXABLE,
    UNMAPPED,
    Account,
    AllocationGroup,
    ClassTarget,
    Household,
    Lot,
    PartTarget,
    Position,
    Security,
    TradeTerms,
)
from python_steps.planning.plan import (
    CASH_ONLY_MODE,
    EXCEPTION_CODES,
    HARVEST_MODE,
    NO_TRADE_MODE,
    REASON_CODES,
    HouseholdPlan,
    Trade,
    TradeLot,
)
from python_steps.policy import FirmPolicy
from python_steps.taxes.holding_period import is_long_term
from python_steps.taxes.rates import RateTables, capital_gains_tax_change
from python_steps.taxes.special_basis import SixMonthLoss, six_month_fund_loss
from python_steps.taxes.tax_unit_states import profile_from_row

NOTHING = Decimal(0)
CENT = Decimal("0.01")
WINDOW_DAYS = 30  # IRC 1091(a)
CASH_TRADE_REASONS = frozenset({"RAISE_CASH", "INVEST_CASH"})
# What only a sale, or only a purchase, can be for.
REASONS_OF_SALES = frozenset({"RAISE_CASH", "HARVEST_LOSS", "RESTRICTION"})
REASONS_OF_PURCHASES = frozenset({"INVEST_CASH", "HARVEST_REPLACEMENT"})
SMALLEST_SHARE = Decimal("0.001")
HARVEST_REASONS = frozenset({"HARVEST_LOSS", "HARVEST_REPLACEMENT", "RAISE_CASH"})
FREE_METHODS = frozenset({"SPEC_ID", "MIN_TAX"})


class BrokenInvariant(NamedTuple):
    """One broken rule: its name, and what was found."""

    invariant: str
    detail: str


class _Facts:
    """The inputs as the checker reads them."""

    def __init__(self, household: Household) -> None:
        self.household = household
        self.accounts: dict[str, Account] = {each.account_id: each for each in household.accounts}
        self.securities: dict[str, Security] = {
            each.security_id: each for each in household.securities
        }
        self.positions: dict[tuple[str, str], Position] = {
            (each.account_id, each.security_id): each for each in household.positions
        }
        self.lots: dict[str, Lot] = {
            lot.lot_id: lot for each in household.positions for lot in each.lots
        }
        self.buyable = {(each.account_id, each.security_id) for each in household.buy_options}
        self.terms: dict[tuple[str, str], TradeTerms] = dict(household.trade_terms)
        self.windows = {
            (each.wash_sale_group_id, each.identity_group_id): each
            for each in household.wash_sale_windows
        }

    def is_taxable(self, account_id: str) -> bool:
        return self.accounts[account_id].tax_treatment == TAXABLE

    def is_whole_only(self, trade: Trade) -> bool:
        terms = self.terms.get((trade.account_id, trade.security_id))
        if terms is None:
            return self.securities[trade.security_id].security_type not in FUND_TYPES
        return not terms.is_fractional and terms.trades_in != "dollars"


def check_plan(
    household: Household, plan: HouseholdPlan, policy: FirmPolicy, rates: RateTables
) -> list[BrokenInvariant]:
    """Every invariant that a plan breaks; an empty list when it keeps them all.

    Args:
        household: the problem the plan claims to solve.
        plan: the finished plan of any planner.
        policy: tolerances, the loss buffer and the execution buffer.
        rates: statutory rates, for the recomputed tax.
    """
    facts = _Facts(household)
    unknown = [
        BrokenInvariant("trades_are_in_the_household", f"{trade.account_id}, {trade.security_id}")
        for trade in plan.trades
        if trade.account_id not in facts.accounts or trade.security_id not in facts.securities
    ]
    if unknown:
        return unknown
    checks = (
        _lots_exist(facts, plan),
        _restrictions_hold(facts, plan),
        _cash_suffices(facts, plan, policy),
        _no_wash_sale_in_plan(facts, plan, policy),
        _no_wash_sale_against_history(facts, plan, policy),
        _no_churn(plan),
        _no_gain_is_taken_to_buy_the_same(facts, plan),
        _trades_are_large_enough(facts, plan),
        _shares_are_whole(facts, plan),
        _taxes_are_true(facts, plan, rates),
        _collectibles_are_told(facts, plan),
        _gains_are_allowed(facts, plan, policy),
        _gains_budget_holds(facts, plan),
        _concentrations_hold(facts, plan),
        _left_overs_are_told(facts, plan),
        _lot_methods_hold(facts, plan),
        _run_mode_fits(facts, plan),
        _reasons_are_given(plan),
        _reasons_fit_actions(plan),
        _quantities_can_be_ordered(facts, plan),
        _results_add_up(facts, plan),
        _shortfalls_are_told(facts, plan),
    )
    return [broken for check in checks for broken in check]


def _sells(plan: HouseholdPlan) -> Iterator[Trade]:
    return (trade for trade in plan.trades if trade.action == "sell")


def _buys(plan: HouseholdPlan) -> Iterator[Trade]:
    return (trade for trade in plan.trades if trade.action == "buy")


def _lots_exist(facts: _Facts, plan: HouseholdPlan) -> Iterator[BrokenInvariant]:
    """Invariant 1: lots exist, are not oversold, belong to the trade, and add up to it."""
    name = "lots_exist_and_are_not_oversold"
    sold: dict[str, Decimal] = defaultdict(lambda: NOTHING)
    for trade in _sells(plan):
        position = facts.positions.get((trade.account_id, trade.security_id))
        if position is None or trade.quantity <= 0 or trade.quantity > position.quantity:
            yield BrokenInvariant(name, f"sale of {trade.quantity} of {trade.security_id}")
            continue
        if not trade.lots and facts.is_taxable(trade.account_id):
            yield BrokenInvariant(name, f"taxable sale of {trade.security_id} without lots")
        if trade.lots and sum(lot.quantity for lot in trade.lots) != trade.quantity:
            yield BrokenInvariant(name, f"lots of {trade.security_id} do not add up to the trade")
        for part in trade.lots:
            sold[part.lot_id] += part.quantity
            own = facts.lots.get(part.lot_id)
            is_own = own is not None and (own.account_id, own.security_id) == (
                trade.account_id,
                trade.security_id,
            )
            if not is_own or part.quantity <= 0:
                yield BrokenInvariant(name, f"lot {part.lot_id} is not in {trade.account_id}")
    for lot_id in sorted(sold):
        if lot_id in facts.lots and sold[lot_id] > facts.lots[lot_id].quantity:
            yield BrokenInvariant(name, f"lot {lot_id} is sold beyond its quantity")


def _restrictions_hold(facts: _Facts, plan: HouseholdPlan) -> Iterator[BrokenInvariant]:
    """Invariant 2: blocked accounts, holdings, lots and securities are left alone."""
    name = "restrictions_hold"
    for trade in plan.trades:
        account = facts.accounts[trade.account_id]
        if account.block is not None:
            yield BrokenInvariant(name, f"{account.account_name} may not trade")
    for trade in _sells(plan):
        position = facts.positions.get((trade.account_id, trade.security_id))
        if position is None or position.block is not None:
            yield BrokenInvariant(name, f"{trade.security_id} may not be sold")
        elif trade.quantity > position.sellable_quantity:
            yield BrokenInvariant(name, f"more of {trade.security_id} is sold than may be")
        for part in trade.lots:
            lot = facts.lots.get(part.lot_id)
            if lot is not None and (lot.block is not None or part.quantity > lot.sellable_quantity):
                yield BrokenInvariant(name, f"lot {part.lot_id} may not be sold")
    for trade in _buys(plan):
        if (trade.account_id, trade.security_id) not in facts.buyable:
            yield BrokenInvariant(name, f"{trade.security_id} may not be bought")


def _cash_suffices(
    facts: _Facts, plan: HouseholdPlan, policy: FirmPolicy
) -> Iterator[BrokenInvariant]:
    """Invariant 3: no account is overdrawn, at prices moved against us by the buffer either."""
    raised: dict[str, Decimal] = defaultdict(lambda: NOTHING)
    moved: dict[str, Decimal] = defaultdict(lambda: NOTHING)
    buying = {trade.account_id for trade in _buys(plan)}
    for trade in plan.trades:
        sign = 1 if trade.action == "sell" else -1
        raised[trade.account_id] += sign * trade.notional - trade.cost
        moved[trade.account_id] += policy.execution_buffer * trade.notional
    shortfall = NOTHING
    for account_id, account in sorted(facts.accounts.items()):
        before = account.cash.investable if account.cash is not None else NOTHING
        after = before + raised[account_id]
        if after < min(NOTHING, before) - CENT:
            yield BrokenInvariant("cash_is_not_overdrawn", f"{account.account_name}: {after}")
        if account_id in buying and after - moved[account_id] < -CENT:
            yield BrokenInvariant(
                "cash_survives_the_execution_buffer", f"{account.account_name}: {after}"
            )
        shortfall += max(NOTHING, -after)
    if abs(shortfall - plan.cash_shortfall) > CENT:
        yield BrokenInvariant("shortfall_is_stated", f"{shortfall}, not {plan.cash_shortfall}")


def _loss_groups(
    facts: _Facts, plan: HouseholdPlan, policy: FirmPolicy
) -> Iterator[tuple[str, str]]:
    """(wash-sale group, identity group) of taxable lots sold at a loss, or near one."""
    for trade in _sells(plan):
        if not facts.is_taxable(trade.account_id):
            continue
        for part in trade.lots:
            if _is_near_loss(facts, part.lot_id, policy):
                group = facts.securities[trade.security_id].identity_group_id
                yield facts.accounts[trade.account_id].wash_sale_group_id, group


def _is_near_loss(facts: _Facts, lot_id: str, policy: FirmPolicy) -> bool:
    """Whether a lot as a whole stands below its basis, or just above it; unknown counts as below.

    The lot is looked at, not what was sold of it: a thousandth of a share brings whole cents, and
    its gain may round to nothing.
    """
    lot = facts.lots.get(lot_id)
    price = None if lot is None else facts.securities[lot.security_id].price
    if lot is None or lot.cost_basis is None or price is None:
        return True
    return price * lot.quantity <= lot.cost_basis * (1 + policy.loss_price_buffer)


def _no_wash_sale_in_plan(
    facts: _Facts, plan: HouseholdPlan, policy: FirmPolicy
) -> Iterator[BrokenInvariant]:
    """Invariant 4: no identity group is sold at a loss and bought, anywhere in the household."""
    bought = {facts.securities[trade.security_id].identity_group_id for trade in _buys(plan)}
    for _, group in sorted(set(_loss_groups(facts, plan, policy))):
        if group in bought:
            yield BrokenInvariant("no_wash_sale_within_the_plan", group)


def _no_wash_sale_against_history(
    facts: _Facts, plan: HouseholdPlan, policy: FirmPolicy
) -> Iterator[BrokenInvariant]:
    """Invariant 5: windows of earlier purchases, losses and scheduled purchases are kept."""
    day = facts.household.planned_trade_date
    for key in sorted(set(_loss_groups(facts, plan, policy))):
        window = facts.windows.get(key)
        if window is not None and not window.is_coverage_known:
            yield BrokenInvariant("no_loss_without_known_history", key[1])
        if not policy.allow_trades_near_related_purchases:
            for other in facts.household.wash_sale_windows:
                is_of_others = other.identity_group_id == key[1] and (
                    other.wash_sale_group_id != key[0]
                )
                until = other.no_loss_sale_until_date
                if is_of_others and until is not None and day <= until:
                    yield BrokenInvariant("no_loss_near_a_related_purchase", key[1])
    yield from _no_loss_is_replaced(facts, plan, policy)
    for trade in _buys(plan):
        account, security = facts.accounts[trade.account_id], facts.securities[trade.security_id]
        counts_related = (
            policy.wash_sale_outside_accounts == "include"
            or not policy.allow_trades_near_related_purchases
        )
        barred = [
            each
            for each in facts.household.wash_sale_windows
            if each.identity_group_id == security.identity_group_id
            and (counts_related or each.wash_sale_group_id == account.wash_sale_group_id)
            and each.no_buy_until_date is not None
            and day <= each.no_buy_until_date
        ]
        if barred:
            yield BrokenInvariant("no_purchase_inside_a_window", security.label)


def _no_loss_is_replaced(
    facts: _Facts, plan: HouseholdPlan, policy: FirmPolicy
) -> Iterator[BrokenInvariant]:
    """A loss beside recent purchases, unless the firm allows it and the plan leaves none of them.

    Disallowed are as many shares as were bought in the 30 days around the sale and are still held,
    those of the lot that is sold not counted (IRC 1091(a); Rev. Rul. 56-602).
    """
    day = facts.household.planned_trade_date
    for trade in _sells(plan):
        account = facts.accounts[trade.account_id]
        group = facts.securities[trade.security_id].identity_group_id
        window = facts.windows.get((account.wash_sale_group_id, group))
        until = None if window is None else window.no_loss_sale_until_date
        if window is None or until is None or until < day or not account.is_taxable:
            continue
        losses = [part for part in trade.lots if _is_near_loss(facts, part.lot_id, policy)]
        # Purchases to come lie on the trade date or after it, and nothing can be done about them.
        is_past = until < day + timedelta(days=WINDOW_DAYS) and window.is_exit_possible
        for part in losses:
            if not policy.allow_full_exit_of_recent_lots or not is_past:
                yield BrokenInvariant("no_loss_inside_a_window", group)
                continue
            left = _replacing_shares(facts, plan, account, group, part.lot_id)
            if min(left, part.quantity) > 0:
                yield BrokenInvariant(
                    "no_loss_is_replaced", f"{left} recent shares beside {part.lot_id}"
                )


def _replacing_shares(
    facts: _Facts, plan: HouseholdPlan, seller: Account, group: str, sold_lot_id: str
) -> Decimal:
    """Shares of a group bought in the 30 days before the plan that it leaves with the household.

    Those of an IRA, or of another return, count even where they are sold: what the law makes of a
    purchase that is gone on the day of the loss is not settled, and there it could not be mended.
    """
    first = facts.household.planned_trade_date - timedelta(days=WINDOW_DAYS)
    sold: dict[str, Decimal] = defaultdict(lambda: NOTHING)
    for trade in _sells(plan):
        for part in trade.lots:
            sold[part.lot_id] += part.quantity
    left = NOTHING
    for lot in facts.lots.values():
        account = facts.accounts[lot.account_id]
        if (
            facts.securities[lot.security_id].identity_group_id != group
            or account.wash_sale_group_id != seller.wash_sale_group_id
            or _purchase(facts, lot.lot_id) == _purchase(facts, sold_lot_id)
            or lot.is_whole_position
            or (lot.acquisition_date is not None and lot.acquisition_date < first)
        ):
            continue
        is_one_return = account.is_taxable and account.tax_unit_id == seller.tax_unit_id
        left += lot.quantity - (sold[lot.lot_id] if is_one_return else NOTHING)
    return left


def _purchase(facts: _Facts, lot_id: str) -> str:
    """The custodian's lot that a lot is, or is a part of."""
    lot = facts.lots.get(lot_id)
    return lot_id if lot is None or lot.custodian is None else lot.custodian.lot_id


def _no_churn(plan: HouseholdPlan) -> Iterator[BrokenInvariant]:
    """Invariant 6: one trade per account and security."""
    count = Counter((trade.account_id, trade.security_id) for trade in plan.trades)
    for key, trades in sorted(count.items()):
        if trades > 1:
            yield BrokenInvariant("one_trade_per_account_and_security", f"{key[0]}, {key[1]}")


def _no_gain_is_taken_to_buy_the_same(
    facts: _Facts, plan: HouseholdPlan
) -> Iterator[BrokenInvariant]:
    """Invariant 6: no taxable gain in one account for what another account of the group buys.

    Unless cash is the reason of either, or the trades are a move to a better place.
    """
    bought: dict[tuple[str | None, str], list[Trade]] = defaultdict(list)
    for trade in _buys(plan):
        account = facts.accounts[trade.account_id]
        if account.is_taxable and trade.reason_code not in ("INVEST_CASH", "LOCATE"):
            bought[account.allocation_group_id, trade.security_id].append(trade)
    for trade in _sells(plan):
        account = facts.accounts[trade.account_id]
        has_gain = any((part.realized_gain or NOTHING) > CENT for part in trade.lots)
        if not account.is_taxable or not has_gain or trade.reason_code in ("RAISE_CASH", "LOCATE"):
            continue
        if bought.get((account.allocation_group_id, trade.security_id)):
            yield BrokenInvariant("no_gain_is_taken_to_buy_the_same", trade.security_id)


def _trades_are_large_enough(facts: _Facts, plan: HouseholdPlan) -> Iterator[BrokenInvariant]:
    """Invariant 7: small trades only end a holding, or raise cash that nothing larger can."""
    least = facts.household.minimum_trade_amount
    for trade in plan.trades:
        if trade.notional >= least or trade.reason_code == "RAISE_CASH":
            continue
        position = facts.positions.get((trade.account_id, trade.security_id))
        ends = position is not None and trade.quantity >= position.sellable_quantity
        if trade.action == "buy" or not ends:
            yield BrokenInvariant("trades_reach_the_minimum", f"{trade.action} of {trade.notional}")


def _shares_are_whole(facts: _Facts, plan: HouseholdPlan) -> Iterator[BrokenInvariant]:
    """Invariant 8: whole shares, unless a whole position goes; notional is quantity x price."""
    for trade in plan.trades:
        position = facts.positions.get((trade.account_id, trade.security_id))
        ends = (
            trade.action == "sell" and position is not None and trade.quantity == position.quantity
        )
        if trade.quantity % 1 != 0 and facts.is_whole_only(trade) and not ends:
            yield BrokenInvariant("shares_are_whole", f"{trade.quantity} of {trade.security_id}")
        if abs(trade.notional - trade.quantity * trade.price) > CENT:
            yield BrokenInvariant("notional_is_quantity_times_price", str(trade.notional))
        if trade.price != facts.securities[trade.security_id].price:
            yield BrokenInvariant("prices_are_the_books", trade.security_id)
        if facts.securities[trade.security_id].half_spread is None:
            yield BrokenInvariant("trading_costs_are_known", trade.security_id)


def _taxes_are_true(
    facts: _Facts, plan: HouseholdPlan, rates: RateTables
) -> Iterator[BrokenInvariant]:
    """Invariant 9: terms and gains recomputed from the lots, and the true tax of each unit."""
    net: dict[str, list[Decimal]] = defaultdict(lambda: [NOTHING, NOTHING, NOTHING])
    for trade in _sells(plan):
        if not facts.is_taxable(trade.account_id):
            continue
        for part in trade.lots:
            lot = facts.lots.get(part.lot_id)
            if lot is None or lot.cost_basis is None:
                yield BrokenInvariant("basis_is_known", part.lot_id)
                continue
            yield from _lot_is_true(facts, lot, part)
            result = _result_of(facts, lot, part)
            sums = net[facts.accounts[trade.account_id].tax_unit_id]
            sums[0] += result.short_loss
            sums[1] += result.long_loss
            if facts.securities[trade.security_id].is_collectible:
                sums[2] += result.long_loss
    stated = {impact.tax_unit_id: impact.estimated_tax for impact in plan.tax_impacts}
    for tax_unit_id, (short, long, collectibles) in sorted(net.items()):
        true_tax = _true_tax(facts, tax_unit_id, short, long, collectibles, rates)
        told = stated.get(tax_unit_id)
        if true_tax is None or told is None or abs(true_tax - told) > 2 * CENT:
            yield BrokenInvariant("estimated_tax_is_true", f"{tax_unit_id}: {told}, not {true_tax}")
        shared = _shared_tax(facts, plan, tax_unit_id)
        if told is not None and shared != told:
            yield BrokenInvariant("tax_costs_add_up", f"{tax_unit_id}: {shared}, not {told}")


def _lot_is_true(facts: _Facts, lot: Lot, part: TradeLot) -> Iterator[BrokenInvariant]:
    """What a sale says of one lot: its term, its gain, and what the law makes of its loss."""
    gain = _gain_of(lot, part)
    if (part.term == "long") != _is_long(facts, lot):
        yield BrokenInvariant("terms_follow_dates", part.lot_id)
    if part.realized_gain is None or abs(part.realized_gain - gain) > CENT:
        yield BrokenInvariant("gains_follow_lots", part.lot_id)
    result = _result_of(facts, lot, part)
    long_loss = NOTHING if _is_long(facts, lot) else result.long_loss
    told = (part.recharacterized_loss, -part.disallowed_loss)
    if any(
        abs(one - other) > 2 * CENT
        for one, other in zip(told, (long_loss, result.disallowed_loss), strict=True)
    ):
        yield BrokenInvariant("six_month_losses_are_limited", part.lot_id)


def _gain_of(lot: Lot, part: TradeLot) -> Decimal:
    return part.proceeds - (lot.cost_basis or NOTHING) * part.quantity / lot.quantity


def _result_of(facts: _Facts, lot: Lot, part: TradeLot) -> SixMonthLoss:
    """A lot's gain or loss by term: a gain stands in the fields of the losses, signed."""
    gain, is_long = _gain_of(lot, part), _is_long(facts, lot)
    if gain > 0 or lot.distributions is None:
        short, long = (NOTHING, gain) if is_long else (gain, NOTHING)
        return SixMonthLoss(short, long, NOTHING, is_affected=False)
    share = part.quantity / lot.quantity
    found = six_month_fund_loss(
        loss=gain,
        is_held_six_months_or_less=True,
        is_long_term=is_long,
        long_term_distribution=lot.distributions.long_term_gain * share,
        exempt_interest_dividend=lot.distributions.exempt_interest * share,
    )
    if not is_long:
        return found
    return found._replace(short_loss=NOTHING, long_loss=found.short_loss + found.long_loss)


def _shared_tax(facts: _Facts, plan: HouseholdPlan, tax_unit_id: str) -> Decimal:
    """What the trades of a tax unit say that they cost."""
    return sum(
        (
            trade.tax_cost
            for trade in plan.trades
            if facts.is_taxable(trade.account_id)
            and facts.accounts[trade.account_id].tax_unit_id == tax_unit_id
        ),
        NOTHING,
    )


def _collectibles_are_told(facts: _Facts, plan: HouseholdPlan) -> Iterator[BrokenInvariant]:
    """Long-term results of collectibles add up to the tax impact; an unknown kind is not sold."""
    found: dict[str, list[Decimal]] = defaultdict(lambda: [NOTHING, NOTHING])
    count = 0
    for trade in _sells(plan):
        kind = facts.securities[trade.security_id].is_collectible
        if not facts.is_taxable(trade.account_id) or kind is False:
            continue
        for part in trade.lots:
            lot = facts.lots.get(part.lot_id)
            if lot is None or lot.cost_basis is None:
                continue
            if kind is None:
                if _is_long(facts, lot):
                    yield BrokenInvariant("collectibles_are_known", part.lot_id)
                continue
            # A part of a young loss may count as long-term (IRC 852(b)(4)), of metal as well.
            result = _result_of(facts, lot, part).long_loss
            found[facts.accounts[trade.account_id].tax_unit_id][int(result < 0)] += result
            count += 1
    for impact in plan.tax_impacts:
        told = (impact.realized_collectibles_gain, impact.realized_collectibles_loss)
        own = found[impact.tax_unit_id]
        if any(abs(one - other) > CENT * count for one, other in zip(told, own, strict=True)):
            yield BrokenInvariant("collectibles_follow_lots", impact.tax_unit_id)


def _is_long(facts: _Facts, lot: Lot) -> bool:
    start = lot.holding_period_start_date
    by_date = start is not None and is_long_term(start, facts.household.planned_trade_date)
    return by_date or bool(lot.is_long_term)


def _true_tax(
    facts: _Facts,
    tax_unit_id: str,
    short: Decimal,
    long: Decimal,
    collectibles: Decimal,
    rates: RateTables,
) -> Decimal | None:
    year = facts.household.planned_trade_date.year
    for unit in facts.household.tax_units:
        if unit.tax_unit_id == tax_unit_id and unit.tax_year == year:
            profile = profile_from_row(asdict(unit))
            if profile is None or rates.find(profile.tax_year, profile.filing_status) is None:
                return None
            return capital_gains_tax_change(profile, rates, short, long, collectibles)
    return None


def _gains_are_allowed(
    facts: _Facts, plan: HouseholdPlan, policy: FirmPolicy
) -> Iterator[BrokenInvariant]:
    """Gains only where restrictions, household and firm allow them; a cash need may use any lot."""
    for trade in _sells(plan):
        position = facts.positions.get((trade.account_id, trade.security_id))
        cash = facts.accounts[trade.account_id].cash
        if not facts.is_taxable(trade.account_id) or position is None:
            continue
        needs_cash = cash is not None and cash.investable < 0
        for part in trade.lots:
            lot = facts.lots.get(part.lot_id)
            if lot is None or part.realized_gain is None or part.realized_gain <= CENT:
                continue
            if not (position.is_gain_allowed and lot.is_gain_allowed):
                yield BrokenInvariant("no_gain_where_restricted", part.lot_id)
            is_short = part.term != "long"
            if is_short and not facts.household.allows_short_term_gains and not needs_cash:
                yield BrokenInvariant("no_short_term_gain_where_not_allowed", part.lot_id)
            if not is_short and not policy.long_term_gains_allowed and not needs_cash:
                yield BrokenInvariant("no_long_term_gain_where_not_allowed", part.lot_id)


def _gains_budget_holds(facts: _Facts, plan: HouseholdPlan) -> Iterator[BrokenInvariant]:
    """The year's net gain stays in the household's budget, but for what raised needed cash."""
    budget = facts.household.annual_gains_budget
    taxable = [trade for trade in _sells(plan) if facts.is_taxable(trade.account_id)]
    if budget is None:
        return
    year = facts.household.planned_trade_date.year
    known = [
        (unit.year_to_date_short_term_gain, unit.year_to_date_long_term_gain)
        for unit in facts.household.tax_units
        if unit.tax_year == year
    ]
    used = [gain for pair in known for gain in pair]
    spent = sum((gain for gain in used if gain is not None), NOTHING)
    room = NOTHING if None in used else max(NOTHING, budget - spent)
    lots = [part for trade in taxable for part in trade.lots]
    net = sum((part.realized_gain or NOTHING for part in lots), NOTHING)
    forced = sum(
        (
            max(NOTHING, part.realized_gain or NOTHING)
            for trade in taxable
            if trade.reason_code == "RAISE_CASH"
            for part in trade.lots
        ),
        NOTHING,
    )
    if net > room + forced + CENT * len(lots):
        yield BrokenInvariant("gains_stay_inside_the_budget", f"{net}, with {room} left")


def _concentrations_hold(facts: _Facts, plan: HouseholdPlan) -> Iterator[BrokenInvariant]:
    """Invariant 10: no purchase takes a security over its limit."""
    total = facts.household.market_value
    for limit in facts.household.concentration_limits:
        bought = sum(
            (
                trade.notional if trade.action == "buy" else -trade.notional
                for trade in plan.trades
                if trade.security_id == limit.security_id
            ),
            NOTHING,
        )
        held = sum(
            (
                position.market_value or NOTHING
                for position in facts.household.positions
                if position.security_id == limit.security_id
            ),
            NOTHING,
        )
        if bought > 0 and (total is None or held + bought > limit.limit_weight * total + CENT):
            yield BrokenInvariant("concentration_limits_hold", limit.security_id)


def _left_overs_are_told(facts: _Facts, plan: HouseholdPlan) -> Iterator[BrokenInvariant]:
    """Invariant 10: what the plan leaves, or puts, outside its band has an exception."""
    if facts.household.household_state != RELEASED:
        return
    told = [row.subject for row in plan.exceptions]
    for group in facts.household.groups:
        accounts = {
            each.account_id: each
            for each in facts.household.accounts
            if each.allocation_group_id == group.allocation_group_id
            and each.counts_toward_allocation
        }
        trades = [trade for trade in plan.trades if trade.account_id in accounts]
        total = _value_after(facts, group, accounts, trades)
        rows: list[ClassTarget | PartTarget] = [*group.classes, *group.parts]
        for row in rows:
            if row.name in (CASH, UNMAPPED) or total <= 0:
                continue
            after = row.market_value + sum(
                (
                    (trade.notional if trade.action == "buy" else -trade.notional)
                    * accounts[trade.account_id].basis_factor
                    * _share(facts.securities[trade.security_id], row)
                    for trade in trades
                ),
                NOTHING,
            )
            beyond = max(
                after - row.upper_band_weight * total, row.lower_band_weight * total - after
            )
            is_judged = row.is_breach or row.is_breach_projected or bool(trades)
            if is_judged and beyond > CENT and not any(each.startswith(row.name) for each in told):
                yield BrokenInvariant("what_stays_outside_its_band_is_told", row.name)


def _share(security: Security, row: ClassTarget | PartTarget) -> Decimal:
    """The share of a security's value that a target counts."""
    by_class = dict(security.class_weights)
    if isinstance(row, ClassTarget):
        return by_class.get(row.asset_class, NOTHING)
    if row.target_level == "security":
        return Decimal(1) if row.security_id == security.security_id else NOTHING
    is_member = row.asset_class is not None and security.sub_class == row.target_key
    return by_class.get(row.asset_class, NOTHING) if is_member and row.asset_class else NOTHING


def _value_after(
    facts: _Facts, group: AllocationGroup, accounts: dict[str, Account], trades: list[Trade]
) -> Decimal:
    """A group's value, as its weights count it, once flows due have left and trades are paid."""
    booked = sum((row.market_value for row in group.classes if row.name != CASH), NOTHING)
    counted = {name: each.basis_factor for name, each in accounts.items()}
    known = {name: each.cash for name, each in accounts.items() if each.cash is not None}
    if len(known) == len(accounts):
        cash = sum(
            ((each.investable + each.minimum) * counted[name] for name, each in known.items()),
            NOTHING,
        )
        for (account_id, security_id), position in facts.positions.items():
            if account_id in accounts:
                weight = dict(facts.securities[security_id].class_weights).get(CASH, NOTHING)
                cash += weight * (position.market_value or NOTHING) * counted[account_id]
    else:
        cash = sum((row.market_value for row in group.classes if row.name == CASH), NOTHING)
    paid = sum((trade.cost * counted[trade.account_id] for trade in trades), NOTHING)
    return booked + cash - paid


def _lot_methods_hold(facts: _Facts, plan: HouseholdPlan) -> Iterator[BrokenInvariant]:
    """Invariant 11: a standing method is followed: the lots sold are the head of its order."""
    for trade in _sells(plan):
        account = facts.accounts[trade.account_id]
        position = facts.positions.get((trade.account_id, trade.security_id))
        if not account.is_taxable or account.lot_method in FREE_METHODS or position is None:
            continue
        rank = _RANKS.get(account.lot_method)
        if rank is None:
            yield BrokenInvariant("lot_method_is_followed", f"{account.lot_method} is not known")
            continue
        used = {part.lot_id: part.quantity for part in trade.lots}
        sold = [lot for lot in position.lots if used.get(lot.lot_id, NOTHING) > 0]
        kept = [lot for lot in position.lots if used.get(lot.lot_id, NOTHING) < lot.quantity]
        for lot in sold:
            if any(_is_before(rank(other), rank(lot)) for other in kept):
                yield BrokenInvariant("lot_method_is_followed", f"{lot.lot_id} is out of turn")


def _is_before(one: Decimal | None, other: Decimal | None) -> bool:
    """Which of two equal lots goes is open; a lot of unknown basis has no place by its cost."""
    return one is not None and other is not None and one < other


def _age(lot: Lot) -> Decimal:
    known = lot.acquisition_date or lot.holding_period_start_date
    return NOTHING if known is None else Decimal(known.toordinal())


def _unit_cost(lot: Lot) -> Decimal | None:
    return None if lot.cost_basis is None else lot.cost_basis / lot.quantity


def _negative_unit_cost(lot: Lot) -> Decimal | None:
    return None if lot.cost_basis is None else -lot.cost_basis / lot.quantity


# What each standing method sells first: the smallest.
_RANKS: Mapping[str, Callable[[Lot], Decimal | None]] = {
    "FIFO": _age,
    "AVERAGE": _age,
    "LIFO": lambda lot: -_age(lot),
    "LOFO": _unit_cost,
    "HIFO": _negative_unit_cost,
}


def _run_mode_fits(facts: _Facts, plan: HouseholdPlan) -> Iterator[BrokenInvariant]:
    """Invariant 13: a run mode holds only its own kinds of trades; only a free household trades."""
    if not plan.trades:
        return
    if plan.run_mode == NO_TRADE_MODE or facts.household.household_state != RELEASED:
        yield BrokenInvariant("trades_fit_the_run_mode", plan.run_mode)
    reasons = {trade.reason_code for trade in plan.trades}
    allowed = {CASH_ONLY_MODE: CASH_TRADE_REASONS, HARVEST_MODE: HARVEST_REASONS}
    others = reasons - allowed.get(plan.run_mode, frozenset(REASON_CODES))
    if others or (plan.run_mode == HARVEST_MODE and not facts.household.harvests_losses):
        yield BrokenInvariant("trades_fit_the_run_mode", ", ".join(sorted(others or reasons)))


def _reasons_are_given(plan: HouseholdPlan) -> Iterator[BrokenInvariant]:
    """Invariant 14: every trade and exception has a known reason and a sentence."""
    for trade in plan.trades:
        if trade.reason_code not in REASON_CODES or not trade.rationale.strip():
            yield BrokenInvariant("every_trade_has_a_reason", trade.security_id)
        by_lots = sum((part.tax_cost for part in trade.lots), NOTHING)
        if trade.lots and by_lots != trade.tax_cost:
            yield BrokenInvariant("tax_costs_add_up", trade.security_id)
    for row in plan.exceptions:
        if row.reason_code not in EXCEPTION_CODES or not row.rationale.strip():
            yield BrokenInvariant("every_exception_has_a_reason", row.subject)
    subjects = Counter(row.subject for row in plan.exceptions)
    for subject, times in sorted(subjects.items()):
        if times > 1:
            yield BrokenInvariant("exception_subjects_are_unique", subject)


def _reasons_fit_actions(plan: HouseholdPlan) -> Iterator[BrokenInvariant]:
    """Invariant 14: a sale is for what sales are for, a purchase for what purchases are for."""
    for trade in plan.trades:
        if trade.action not in ("buy", "sell"):
            yield BrokenInvariant("actions_are_known", f"{trade.action} of {trade.security_id}")
        wrong = REASONS_OF_PURCHASES if trade.action == "sell" else REASONS_OF_SALES
        if trade.reason_code in wrong:
            yield BrokenInvariant("reasons_fit_actions", f"{trade.action} {trade.reason_code}")


def _quantities_can_be_ordered(facts: _Facts, plan: HouseholdPlan) -> Iterator[BrokenInvariant]:
    """Invariants 7 and 8: purchases are more than nothing, reach the fund's minimum, and fit."""
    for trade in _buys(plan):
        if trade.quantity <= 0 or trade.notional <= 0:
            yield BrokenInvariant("purchases_are_positive", f"{trade.quantity}")
        if trade.quantity % SMALLEST_SHARE != 0:
            yield BrokenInvariant("shares_are_whole", f"{trade.quantity} of {trade.security_id}")
        terms = facts.terms.get((trade.account_id, trade.security_id))
        if terms is not None and not terms.is_available:
            yield BrokenInvariant("restrictions_hold", f"{trade.security_id} is not available")
        if terms is not None and trade.notional < terms.minimum_amount:
            yield BrokenInvariant("trades_reach_the_minimum", f"buy of {trade.notional}")


def _results_add_up(facts: _Facts, plan: HouseholdPlan) -> Iterator[BrokenInvariant]:
    """Invariant 9: results of the lots by term and sign, those of trades, those of tax units."""
    units: dict[str, list[Decimal]] = defaultdict(lambda: [NOTHING] * 4)
    for trade in plan.trades:
        by_lots = [NOTHING] * 4
        for part in trade.lots if facts.is_taxable(trade.account_id) else ():
            counted = (part.realized_gain or NOTHING) + part.disallowed_loss
            of_own_term = counted - part.recharacterized_loss
            own_place = 2 if part.term == "long" else 0
            for amount, place in ((of_own_term, own_place), (part.recharacterized_loss, 2)):
                by_lots[place + (1 if amount < 0 else 0)] += amount
        stated = [
            trade.realized_short_term_gain,
            trade.realized_short_term_loss,
            trade.realized_long_term_gain,
            trade.realized_long_term_loss,
        ]
        if stated != by_lots:
            yield BrokenInvariant("results_add_up", f"{trade.action} of {trade.security_id}")
        unit = units[facts.accounts[trade.account_id].tax_unit_id]
        for place, amount in enumerate(by_lots):
            unit[place] += amount
    told = {
        impact.tax_unit_id: [
            impact.realized_short_term_gain,
            impact.realized_short_term_loss,
            impact.realized_long_term_gain,
            impact.realized_long_term_loss,
        ]
        for impact in plan.tax_impacts
    }
    for name in sorted({*units, *told}):
        if told.get(name, [NOTHING] * 4) != units.get(name, [NOTHING] * 4):
            yield BrokenInvariant("results_add_up", name)


def _shortfalls_are_told(facts: _Facts, plan: HouseholdPlan) -> Iterator[BrokenInvariant]:
    """Invariant 3: what each account lacks has an exception of that account and that amount."""
    told: dict[str, Decimal] = defaultdict(lambda: NOTHING)
    for row in plan.exceptions:
        if row.reason_code == "cash_shortfall" and row.account_id is not None:
            told[row.account_id] += row.amount or NOTHING
    left = {
        name: NOTHING if account.cash is None else account.cash.investable
        for name, account in facts.accounts.items()
    }
    for trade in plan.trades:
        received = trade.notional if trade.action == "sell" else -trade.notional
        left[trade.account_id] += received - trade.cost
    for name in sorted({*left, *told}):
        missing = max(NOTHING, -left.get(name, NOTHING))
        if abs(missing - told[name]) > CENT:
            yield BrokenInvariant("shortfalls_are_told", f"{name}: {told[name]}, not {missing}")
