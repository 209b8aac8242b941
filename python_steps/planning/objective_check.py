"""The independent judge of what a plan says it is worth, term by term, in dollars.

Belongs here: drift, costs, tax, missing cash, location and reset basis recomputed from a
household's holdings and a plan's trades with arithmetic of this module's own, and whether the plan
is worth having at all. Does not belong here: which trades are allowed (`plan_check`), any planner's
numbers. Invariants 12 and 14 of the design; sources: Schedule D, lines 7, 15, 16 and 21, and its
worksheets for the tax (IRC 1(h), 1211, 1411), the square-root law of impact, the firm's prices.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

from python_steps.planning.household import (
    CASH,
    FUND_TYPES,
    TAX_DEFERRED,
    TAX_FREE,
    TAXABLE,
    UNMAPPED,
    Account,
    AllocationGroup,
    ClassTarget,
    Household,
    MarketAssumptions,
    PartTarget,
    Security,
    TaxUnit,
)
from python_steps.planning.plan import HouseholdPlan, PlanValue, Trade
from python_steps.planning.plan_check import BrokenInvariant
from python_steps.policy import FirmPolicy
from python_steps.taxes.rates import Bracket, RateTables, YearRates

ZERO = Decimal(0)
ONE_CENT = Decimal("0.01")
# What rounding to cents may add up to in a term of many trades.
TERM_TOLERANCE = Decimal("0.02")
SHORT_OF_CASH = Decimal(20)  # price of a dollar that is due and not raised
NOT_WORSE_BY = Decimal(1)
# Tracking error is a floating number, and a large one where flows leave next to nothing of a group;
# a share of a class this small is none.
RISK_TOLERANCE = 1e-9
NO_DEVIATION = 1e-12
COLLECTIBLES_CEILING = Decimal("0.28")
SESSIONS_A_YEAR = Decimal(252)
UNKNOWN_VOLUME_SHARE = Decimal("0.01")
TAX_EXEMPT = "Municipal"


class _Inputs:
    """The household, the firm's rules and the plan's trades, as this checker looks them up."""

    def __init__(
        self,
        household: Household,
        plan: HouseholdPlan,
        policy: FirmPolicy,
        assumptions: MarketAssumptions,
    ) -> None:
        self.household = household
        self.plan = plan
        self.policy = policy
        self.assumptions = assumptions
        self.account = {each.account_id: each for each in household.accounts}
        self.security = {each.security_id: each for each in household.securities}
        self.fee = {key: terms.transaction_fee for key, terms in household.trade_terms}
        year = household.planned_trade_date.year
        self.unit = {
            each.tax_unit_id: each for each in household.tax_units if each.tax_year == year
        }

    def members(self, group: AllocationGroup) -> set[str]:
        """Accounts whose holdings and cash count toward a group's targets."""
        return {
            each.account_id
            for each in self.household.accounts
            if each.allocation_group_id == group.allocation_group_id
            and each.counts_toward_allocation
        }


def check_objective(
    household: Household,
    plan: HouseholdPlan,
    policy: FirmPolicy,
    rates: RateTables,
    assumptions: MarketAssumptions,
) -> list[BrokenInvariant]:
    """What is wrong with a plan's stated value; an empty list when every term is true.

    Args:
        household: the problem.
        plan: any planner's plan; a plan without a value (a withheld one) states nothing.
        policy: prices of drift, worth of basis and of location, commission and impact.
        rates: statutory rates.
        assumptions: risk and income of classes.
    """
    inputs = _Inputs(household, plan, policy, assumptions)
    if plan.value is None:
        return [BrokenInvariant("trades_are_valued", "trades without a value")] * bool(plan.trades)
    unknown = sorted(
        {each.account_id for each in plan.trades} - set(inputs.account)
        | {each.security_id for each in plan.trades} - set(inputs.security)
    )
    if unknown:
        return [BrokenInvariant("trades_are_in_the_household", ", ".join(unknown))]
    checks = (
        _costs_follow_the_law(inputs),
        _proceeds_add_up(inputs),
        _terms_are_true(inputs, plan.value, rates),
        _is_worth_having(inputs, plan.value),
        _proof_is_coherent(inputs, plan.value),
        _risk_is_true(inputs),
    )
    return [broken for check in checks for broken in check]


def value_of_not_trading(
    household: Household, policy: FirmPolicy, assumptions: MarketAssumptions
) -> Decimal:
    """The objective of doing nothing: drift as it will be after the flows due, cash missing."""
    idle = HouseholdPlan(
        household_id=household.household_id,
        run_mode="no_trade",
        plan_status="no_trade",
        explanation="",
        trades=(),
        tax_impacts=(),
        exceptions=(),
        value=None,
        estimated_tax=ZERO,
        transaction_cost=ZERO,
        tracking_error_before=None,
        tracking_error_after=None,
        breakeven_years=None,
        cash_shortfall=ZERO,
    )
    inputs = _Inputs(household, idle, policy, assumptions)
    return _drift(inputs) + SHORT_OF_CASH * _missing_cash(inputs)


def _costs_follow_the_law(inputs: _Inputs) -> Iterator[BrokenInvariant]:
    """Commission, half-spread and impact of each trade."""
    for trade in inputs.plan.trades:
        for name, told, true in (
            ("commission", trade.commission, _commission(inputs, trade)),
            ("spread", trade.spread_cost, _spread(inputs, trade)),
            ("impact", trade.market_impact, _impact(inputs, trade)),
        ):
            if true is None or abs(told - true) > ONE_CENT:
                yield BrokenInvariant(
                    "trade_costs_are_true", f"{name} of {trade.security_id}: {told}, not {true}"
                )


def _commission(inputs: _Inputs, trade: Trade) -> Decimal:
    fee = inputs.fee.get((trade.account_id, trade.security_id))
    return inputs.policy.commission_per_trade if fee is None else fee


def _spread(inputs: _Inputs, trade: Trade) -> Decimal | None:
    half = inputs.security[trade.security_id].half_spread
    return None if half is None else half * trade.notional


def _impact(inputs: _Inputs, trade: Trade) -> Decimal:
    security = inputs.security[trade.security_id]
    return market_impact(security, trade.notional, inputs.policy, inputs.assumptions)


def market_impact(
    security: Security, notional: Decimal, policy: FirmPolicy, assumptions: MarketAssumptions
) -> Decimal:
    """Y x daily volatility x (order / daily volume) ^ 1/2 x order; funds trade at asset value."""
    if security.security_type in FUND_TYPES or notional <= 0:
        return ZERO
    volume = security.average_daily_dollar_volume
    share = notional / volume if volume else UNKNOWN_VOLUME_SHARE
    yearly = assumptions.volatility
    worst = max(yearly.values(), default=0.0)
    mixed = sum(
        (
            share_of * Decimal(str(yearly.get(name, worst)))
            for name, share_of in security.class_weights
        ),
        ZERO,
    )
    daily_variance = mixed * mixed / SESSIONS_A_YEAR
    cost = policy.impact_coefficient * notional * (daily_variance * share).sqrt()
    return cost.quantize(ONE_CENT, rounding=ROUND_CEILING)


def _proceeds_add_up(inputs: _Inputs) -> Iterator[BrokenInvariant]:
    """The lots of a sale bring what the sale brings."""
    for trade in inputs.plan.trades:
        brought = sum((part.proceeds for part in trade.lots), ZERO)
        if trade.lots and brought != trade.notional:
            yield BrokenInvariant("proceeds_add_up", f"{trade.security_id}: {brought}")


def _terms_are_true(
    inputs: _Inputs, value: PlanValue, rates: RateTables
) -> Iterator[BrokenInvariant]:
    """Each term of the objective against its recomputed figure; an unknown tax stays unknown."""
    tax = _tax_change(inputs, rates)
    cost = sum((trade.cost for trade in inputs.plan.trades), ZERO)
    terms: list[tuple[str, Decimal | None, Decimal | None]] = [
        ("tax change", value.tax_change, tax),
        ("estimated tax", inputs.plan.estimated_tax, tax),
        ("transaction cost", value.transaction_cost, cost),
        ("transaction cost of the plan", inputs.plan.transaction_cost, cost),
        ("drift penalty", value.drift_penalty, _drift(inputs)),
        ("shortfall penalty", value.shortfall_penalty, SHORT_OF_CASH * _missing_cash(inputs)),
    ]
    if value.location_cost is not None:
        terms.append(("location cost", value.location_cost, _location_cost(inputs, rates)))
    if value.basis_reset is not None:
        terms.append(("basis reset", value.basis_reset, _basis_reset(inputs)))
    if value.carried_losses is not None:
        terms.append(("carried losses", value.carried_losses, _carried_losses(inputs, rates)))
    if value.turnover is not None:
        traded = sum((trade.notional for trade in inputs.plan.trades), ZERO)
        terms.append(("turnover", value.turnover, inputs.policy.turnover_price * traded))
    if value.concentration is not None:
        beyond = _above_limits(inputs, inputs.plan.trades)
        terms.append(("concentration", value.concentration, beyond))
    if value.idle_cash is not None:
        terms.append(("idle cash", value.idle_cash, _left_idle(inputs)))
    for name, told, true in terms:
        if (told is None) != (true is None) or (
            told is not None and true is not None and abs(told - true) > TERM_TOLERANCE
        ):
            yield BrokenInvariant("objective_terms_are_true", f"{name}: {told}, not {true}")


def _is_worth_having(inputs: _Inputs, value: PlanValue) -> Iterator[BrokenInvariant]:
    """A plan is no worse than not trading, unless cash that is due had to be raised."""
    cash = [each.cash for each in inputs.household.accounts]
    is_forced = any(each is not None and each.investable < 0 for each in cash)
    if is_forced or value.total is None or not inputs.plan.trades:
        return
    idle = value_of_not_trading(inputs.household, inputs.policy, inputs.assumptions)
    if value.concentration is not None:
        idle += _above_limits(inputs, ())
    if value.total > idle + NOT_WORSE_BY:
        yield BrokenInvariant(
            "plan_is_no_worse_than_not_trading",
            f"{value.total}, not trading {idle.quantize(ONE_CENT)}",
        )


def _proof_is_coherent(inputs: _Inputs, value: PlanValue) -> Iterator[BrokenInvariant]:
    """What is said of the proof: a gap is not negative, the baseline not better than the plan."""
    said = inputs.plan.optimality
    if said is None:
        return
    if said.lower_bound is None and said.optimality_gap is not None:
        yield BrokenInvariant("gap_belongs_to_a_bound", f"{said.optimality_gap}")
    if said.optimality_gap is not None and said.optimality_gap < 0:
        yield BrokenInvariant("gap_is_not_negative", f"{said.optimality_gap}")
    baseline = None if said.baseline is None else said.baseline.total
    spared = inputs.policy.minimum_trade_benefit * max(
        0, (said.baseline_trades or 0) - len(inputs.plan.trades)
    )
    if (
        baseline is not None
        and value.total is not None
        and value.total > baseline + TERM_TOLERANCE + spared
    ):
        yield BrokenInvariant("plan_is_no_worse_than_its_baseline", f"{value.total}, {baseline}")
    for trade in inputs.plan.trades:
        worth = said.trade_values.get((trade.account_id, trade.security_id))
        if worth is None or trade.reason_code == "RAISE_CASH":
            continue
        if worth < inputs.policy.minimum_trade_benefit - ONE_CENT:
            yield BrokenInvariant("trades_earn_their_place", f"{trade.security_id}: {worth}")


def _left_idle(inputs: _Inputs) -> Decimal:
    """Price of an account's cash after the trades beyond what it had, or needed, before."""
    idle = ZERO
    for account in inputs.household.accounts:
        before = ZERO if account.cash is None else account.cash.investable
        after = before
        for trade in inputs.plan.trades:
            if trade.account_id == account.account_id:
                after += trade.notional if trade.action == "sell" else -trade.notional
                after -= trade.cost
        idle += max(ZERO, after - max(ZERO, before))
    return inputs.policy.idle_cash_price * idle


def _above_limits(inputs: _Inputs, trades: Sequence[Trade]) -> Decimal:
    """Price of the dollars that securities stand above their limits after the trades."""
    everything = inputs.household.market_value
    beyond = ZERO
    for limit in inputs.household.concentration_limits:
        if everything is None:
            continue
        stands = [
            each.market_value or ZERO
            for each in inputs.household.positions
            if each.security_id == limit.security_id
        ] + [
            trade.notional if trade.action == "buy" else -trade.notional
            for trade in trades
            if trade.security_id == limit.security_id
        ]
        beyond += max(ZERO, sum(stands, ZERO) - limit.limit_weight * everything)
    return inputs.policy.concentration_price * beyond


def _risk_is_true(inputs: _Inputs) -> Iterator[BrokenInvariant]:
    """Tracking error against the targets, before the trades and after them."""
    plan = inputs.plan
    for name, told, trades in (
        ("before", plan.tracking_error_before, ()),
        ("after", plan.tracking_error_after, plan.trades),
    ):
        true = _tracking_error(inputs, trades)
        if (told is None) != (true is None) or (
            told is not None
            and true is not None
            and abs(told - true) > RISK_TOLERANCE * max(1.0, abs(true))
        ):
            yield BrokenInvariant("tracking_error_is_true", f"{name}: {told}, not {true}")


def _tracking_error(inputs: _Inputs, trades: Sequence[Trade]) -> float | None:
    """Square root of d'Sd, d the dollars of each class off target, as a share of all dollars."""
    off: dict[str, Decimal] = defaultdict(lambda: ZERO)
    everything = ZERO
    for group in inputs.household.groups:
        members = inputs.members(group)
        own = [each for each in trades if each.account_id in members]
        dollars = _class_dollars(inputs, group, members, own)
        worth = sum(dollars.values(), ZERO)
        everything += worth
        wanted = {row.asset_class: row.target_weight for row in group.classes}
        for name in {*dollars, *wanted} - {UNMAPPED} if worth > 0 else ():
            off[name] += dollars.get(name, ZERO) - wanted.get(name, ZERO) * worth
    if everything <= 0:
        return None
    shares = {name: float(off[name] / everything) for name in sorted(off)}
    names = [name for name, share in shares.items() if abs(share) > NO_DEVIATION]
    volatility, correlation = inputs.assumptions.volatility, inputs.assumptions.correlation
    if any(name not in volatility for name in names):
        return None
    variance = 0.0
    for one in names:
        for other in names:
            together = 1.0 if one == other else correlation.get((one, other))
            if together is None:
                return None
            risk = volatility[one] * volatility[other] * together
            variance += shares[one] * shares[other] * risk
    return math.sqrt(max(0.0, variance))


# Drift and cash.


def _drift(inputs: _Inputs) -> Decimal:
    """Policy price of every target's distance after the plan, dollars."""
    return sum((stand.price_within(ZERO) for stand in _stands(inputs)), ZERO)


class TargetStand(NamedTuple):
    """Where a target stands after a plan: dollars held of it, and what it is a share of."""

    policy: FirmPolicy
    group: AllocationGroup
    row: ClassTarget | PartTarget
    held: Decimal
    worth: Decimal

    def price_within(self, more: Decimal) -> Decimal:
        """Policy price of the distance and `more` dollars of it; a part counts half of a class."""
        price = _distance_price(self.policy, self.row, self.held, self.worth, more)
        return price if isinstance(self.row, ClassTarget) else price / 2


def target_stands(
    household: Household, plan: HouseholdPlan, policy: FirmPolicy, assumptions: MarketAssumptions
) -> list[TargetStand]:
    """Where every target of a household stands after a plan."""
    return list(_stands(_Inputs(household, plan, policy, assumptions)))


def _stands(inputs: _Inputs) -> Iterator[TargetStand]:
    for group in inputs.household.groups:
        members = inputs.members(group)
        trades = [each for each in inputs.plan.trades if each.account_id in members]
        dollars = _class_dollars(inputs, group, members, trades)
        worth = sum(dollars.values(), ZERO)
        if worth <= 0:
            continue  # more is due than there is: no proportion can be held, cash is missing
        for row in group.classes:
            if row.asset_class != UNMAPPED:
                held = dollars.get(row.asset_class, ZERO)
                yield TargetStand(inputs.policy, group, row, held, worth)
        for part in group.parts:
            if part.asset_class is not None:
                held = part.market_value + _moved_in_part(inputs, part, trades)
                yield TargetStand(inputs.policy, group, part, held, worth)


def _class_dollars(
    inputs: _Inputs, group: AllocationGroup, members: set[str], trades: Iterable[Trade]
) -> dict[str, Decimal]:
    """Dollars of each class, as weights count them, after flows, trades and their costs."""
    dollars = {row.asset_class: row.market_value for row in group.classes}
    dollars[CASH] = _cash_dollars(inputs, members, dollars.get(CASH, ZERO))
    for trade in trades:
        counted = inputs.account[trade.account_id].basis_factor
        signed = trade.notional if trade.action == "buy" else -trade.notional
        for name, share in inputs.security[trade.security_id].class_weights:
            dollars[name] = dollars.get(name, ZERO) + share * signed * counted
        dollars[CASH] -= (signed + trade.cost) * counted
    return dollars


def _cash_dollars(inputs: _Inputs, members: set[str], stated: Decimal) -> Decimal:
    """Cash and its equivalents after what is due, or as the book states it if a balance lacks."""
    cash = ZERO
    for name in sorted(members):
        balance = inputs.account[name].cash
        if balance is None:
            return stated
        cash += (balance.investable + balance.minimum) * inputs.account[name].basis_factor
    for position in inputs.household.positions:
        if position.account_id in members and position.market_value is not None:
            shares = dict(inputs.security[position.security_id].class_weights)
            counted = inputs.account[position.account_id].basis_factor
            cash += shares.get(CASH, ZERO) * position.market_value * counted
    return cash


def _moved_in_part(inputs: _Inputs, part: PartTarget, trades: Iterable[Trade]) -> Decimal:
    """Dollars that the trades add to a sub-class or a security with a target of its own."""
    moved = ZERO
    for trade in trades:
        security = inputs.security[trade.security_id]
        signed = trade.notional if trade.action == "buy" else -trade.notional
        signed *= inputs.account[trade.account_id].basis_factor
        if part.target_level == "security":
            moved += signed if part.security_id == security.security_id else ZERO
        elif security.sub_class == part.target_key:
            moved += signed * dict(security.class_weights).get(part.asset_class or "", ZERO)
    return moved


def _distance_price(
    policy: FirmPolicy,
    row: ClassTarget | PartTarget,
    held: Decimal,
    worth: Decimal,
    more: Decimal,
) -> Decimal:
    """Dollars of distance, and `more` of them, by segment times the segment's price.

    Free to where a rebalance stops; then the inner price to the edge of the band, the outer one to
    one and a half bands, the far one beyond.
    """
    wanted = row.target_weight * worth
    edge = row.upper_band_weight if held >= wanted else row.lower_band_weight
    away, band = abs(held - wanted) + more, abs(edge - row.target_weight) * worth
    start = {"target": ZERO, "inner": band * policy.inner_share, "edge": band}[policy.trade_to]
    marks = [
        (start, policy.drift_price_inside_band),
        (band, policy.drift_price_outside_band),
        (band * 3 / 2, policy.drift_price_far_outside),
    ]
    price, before = ZERO, ZERO
    # Each price replaces the one before it from its mark on.
    for mark, each in marks:
        price += (each - before) * max(ZERO, away - mark)
        before = each
    return price


def _missing_cash(inputs: _Inputs) -> Decimal:
    """Dollars that accounts lack after the plan, each by itself: money does not cross over."""
    missing = ZERO
    for account_id in sorted(inputs.account):
        cash = inputs.account[account_id].cash
        left = ZERO if cash is None else cash.investable
        for trade in inputs.plan.trades:
            if trade.account_id == account_id:
                left += trade.notional if trade.action == "sell" else -trade.notional
                left -= trade.cost
        missing += max(ZERO, -left)
    return missing


# Tax.


class YearResults(NamedTuple):
    """Results of a year, signed dollars; `collectibles` is a part of `long`."""

    short: Decimal = ZERO
    long: Decimal = ZERO
    collectibles: Decimal = ZERO


def _tax_change(inputs: _Inputs, rates: RateTables) -> Decimal | None:
    """True tax of every unit with the plan less without it; None where one cannot be told."""
    total = ZERO
    for name, results in sorted(_realized(inputs).items()):
        unit = inputs.unit.get(name)
        year = None if unit is None else _rates_of(unit, rates)
        if unit is None or year is None:
            return None
        change = tax_by_the_forms(unit, year, results) - tax_by_the_forms(unit, year, YearResults())
        total += change.quantize(ONE_CENT)
    return total


def _realized(inputs: _Inputs) -> dict[str, YearResults]:
    """Results of the plan by tax unit, from the lots that its sales name."""
    found: dict[str, list[Decimal]] = defaultdict(lambda: [ZERO, ZERO, ZERO])
    for trade in inputs.plan.trades:
        account = inputs.account[trade.account_id]
        if trade.action != "sell" or account.tax_treatment != TAXABLE:
            continue
        is_collectible = bool(inputs.security[trade.security_id].is_collectible)
        for part in trade.lots:
            # What IRC 852(b)(4) makes of a loss is judged by `plan_check`; here it is counted.
            gain = part.proceeds - (part.cost_basis or ZERO) + part.disallowed_loss
            sums = found[account.tax_unit_id]
            sums[1 if part.term == "long" else 0] += gain - part.recharacterized_loss
            sums[1] += part.recharacterized_loss
            of_long = gain if part.term == "long" else part.recharacterized_loss
            sums[2] += of_long if is_collectible else ZERO
    return {name: YearResults(*sums) for name, sums in found.items()}


def _rates_of(unit: TaxUnit, rates: RateTables) -> YearRates | None:
    needed = (
        *(unit.ordinary_taxable_income, unit.magi, unit.state_rate),
        *(unit.short_term_carryforward, unit.long_term_carryforward),
        *(unit.year_to_date_short_term_gain, unit.year_to_date_long_term_gain),
    )
    if None in needed or unit.tax_year is None or unit.filing_status is None:
        return None
    return rates.find(unit.tax_year, unit.filing_status)


def tax_by_the_forms(unit: TaxUnit, year: YearRates, plan: YearResults) -> Decimal:
    """Federal and state tax of a unit's year with a plan's results, by the forms' lines.

    Args:
        unit: the year without the plan; every figure known.
        year: the rates.
        plan: what the plan realises.
    """
    carried_short = unit.short_term_carryforward or ZERO
    carried_long = unit.long_term_carryforward or ZERO
    line_7 = (unit.year_to_date_short_term_gain or ZERO) + plan.short - carried_short
    line_15 = (unit.year_to_date_long_term_gain or ZERO) + plan.long - carried_long
    line_16 = line_7 + line_15
    income = unit.ordinary_taxable_income or ZERO
    if line_16 <= 0:
        into_income, preferred = -min(year.annual_loss_deduction, -line_16), ZERO
    elif line_15 <= 0:
        into_income, preferred = line_16, ZERO
    else:
        preferred = min(line_15, line_16)
        into_income = line_16 - preferred
    line_18 = (unit.year_to_date_collectibles_gain or ZERO) + plan.collectibles
    line_18 = min(preferred, max(ZERO, line_18 - carried_long + min(ZERO, line_7)))
    ordinary = income + into_income
    federal = _federal_tax(year, ordinary, line_18, preferred)
    gained = into_income + preferred
    over = max(ZERO, (unit.magi or ZERO) + gained - year.net_investment_threshold)
    federal += year.net_investment_rate * min(max(ZERO, gained), over)
    state, gains_rate = unit.state_rate or ZERO, unit.state_gains_rate
    on_gains = state if gains_rate is None else gains_rate
    taxed_gain = max(ZERO, preferred + min(ZERO, ordinary))
    return federal + state * max(ZERO, ordinary) + on_gains * taxed_gain


def _federal_tax(
    year: YearRates, ordinary: Decimal, collectibles: Decimal, preferred: Decimal
) -> Decimal:
    """Ordinary income, collectibles above it, other long-term gain on top; at most all ordinary."""
    first = max(ZERO, ordinary)
    second = max(ZERO, ordinary + collectibles)
    third = max(ZERO, ordinary + preferred)
    layered = (
        _layer(year.ordinary_brackets, ZERO, first)
        + _layer(year.ordinary_brackets, first, second, COLLECTIBLES_CEILING)
        + _layer(year.gains_brackets, second, third)
    )
    return min(layered, _layer(year.ordinary_brackets, ZERO, third))


def _layer(
    brackets: Sequence[Bracket], low: Decimal, high: Decimal, ceiling: Decimal = Decimal(1)
) -> Decimal:
    """Tax on the income between two heights; no rate above the ceiling."""
    tax, top = ZERO, high
    for bracket in reversed(brackets):
        bottom = max(low, bracket.lower_bound)
        if top > bottom:
            tax += min(bracket.rate, ceiling) * (top - bottom)
            top = bottom
    return tax


def _carried_loss(unit: TaxUnit, year: YearRates, plan: YearResults) -> Decimal:
    """Loss left to later years: what the year's deduction does not use up (IRC 1212(b))."""
    losses = (unit.short_term_carryforward or ZERO) + (unit.long_term_carryforward or ZERO)
    losses -= (unit.year_to_date_short_term_gain or ZERO) + plan.short
    losses -= (unit.year_to_date_long_term_gain or ZERO) + plan.long
    income = max(ZERO, unit.ordinary_taxable_income or ZERO)
    return max(ZERO, losses - min(year.annual_loss_deduction, income))


# What later years bring.


def _location_cost(inputs: _Inputs, rates: RateTables) -> Decimal:
    """What the moved dollars cost more each year where they now are, for the policy's years.

    A purchase takes the place of cash in the account, a sale leaves cash there. Where a yield or a
    rate is missing that any trade of the household could need, no place is worth anything.
    """
    if not _is_location_known(inputs, rates):
        return ZERO
    total = ZERO
    for trade in inputs.plan.trades:
        account, security = inputs.account[trade.account_id], inputs.security[trade.security_id]
        is_exempt = security.sub_class == TAX_EXEMPT
        drag = -_yearly_drag(inputs, account, CASH, is_exempt=False)
        for name, share in security.class_weights:
            drag += share * _yearly_drag(inputs, account, name, is_exempt=is_exempt)
        signed = trade.notional if trade.action == "buy" else -trade.notional
        total += inputs.policy.location_years * drag * signed
    return total


def _is_location_known(inputs: _Inputs, rates: RateTables) -> bool:
    """Whether each class that may be traded has an income, and each return that matters rates."""
    held = [each.security_id for each in inputs.household.positions if each.block is None]
    offered = [each.security_id for each in inputs.household.buy_options]
    for security_id in {*held, *offered}:
        for name, _ in inputs.security[security_id].class_weights:
            if name != UNMAPPED and name not in inputs.assumptions.income:
                return False
    if (held or offered) and CASH not in inputs.assumptions.income:
        return False
    for account in inputs.household.accounts:
        unit = inputs.unit.get(account.tax_unit_id)
        if account.block is not None or account.tax_treatment == TAX_FREE:
            continue
        if unit is None or unit.rates_status == "missing" or _rates_of(unit, rates) is None:
            return False
        marginal = (unit.marginal_ordinary_rate, unit.marginal_short_term_rate)
        if None in (*marginal, unit.marginal_long_term_rate):
            return False
    return True


def _yearly_drag(
    inputs: _Inputs, account: Account, asset_class: str, *, is_exempt: bool
) -> Decimal:
    """Tax a year on a dollar of a class in an account, share of the dollar."""
    unit, income = inputs.unit.get(account.tax_unit_id), inputs.assumptions.income.get(asset_class)
    if account.tax_treatment == TAX_FREE or unit is None or income is None:
        return ZERO
    ordinary, long = unit.marginal_ordinary_rate, unit.marginal_long_term_rate
    if ordinary is None or long is None or unit.marginal_short_term_rate is None:
        return ZERO
    total, paid, turned, qualified = (Decimal(str(each)) for each in income)
    if account.tax_treatment == TAX_DEFERRED:
        return ordinary * total
    of_yield = ZERO if is_exempt else qualified * long + (1 - qualified) * ordinary
    return paid * of_yield + turned * max(ZERO, total - paid) * long


def _basis_reset(inputs: _Inputs) -> Decimal:
    """Worth of the basis that sales leave behind: gains raise it, losses lower it.

    Also a loss that the law does not count lowers the basis of what is bought with the proceeds.
    """
    total = ZERO
    for trade in inputs.plan.trades:
        account = inputs.account[trade.account_id]
        unit = inputs.unit.get(account.tax_unit_id)
        rate = None if unit is None else unit.marginal_long_term_rate
        if rate is None or account.tax_treatment != TAXABLE:
            continue
        gain = sum((part.proceeds - (part.cost_basis or ZERO) for part in trade.lots), ZERO)
        total -= inputs.policy.basis_reset_worth * rate * gain
    return total


def _carried_losses(inputs: _Inputs, rates: RateTables) -> Decimal:
    """What losses that the plan leaves to later years are worth there, as a negative cost."""
    total = ZERO
    for name, results in sorted(_realized(inputs).items()):
        unit = inputs.unit.get(name)
        year = None if unit is None else _rates_of(unit, rates)
        if unit is None or year is None or unit.marginal_long_term_rate is None:
            continue
        added = _carried_loss(unit, year, results) - _carried_loss(unit, year, YearResults())
        total -= inputs.policy.carried_loss_worth * unit.marginal_long_term_rate * added
    return total
