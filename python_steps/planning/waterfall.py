"""The waterfall: the steps an advisor would take, in the order an advisor would take them.

Belongs here: the order of the steps and what each may use. Does not belong here: the steps
themselves. (1) Raise the cash that must leave, in the very account; (2) invest free cash; (3)
rebalance inside tax-advantaged accounts; (4) in taxable accounts sell losses, then long-term gains
where breakeven allows, then short-term gains only where the household allows them; (5) swap inside
classes whose sub-class or security targets are still breached. Nothing is traded while every target
is in its band. It stays as the baseline and the fallback of any optimiser.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from python_steps.planning import cautions, leftovers
from python_steps.planning.cash_steps import invest_cash, raise_cash
from python_steps.planning.concentration import reduce_concentrations
from python_steps.planning.costs import CostModel
from python_steps.planning.evaluation import (
    breakeven_years,
    household_drift_cost,
    plan_value,
    tracking_error,
)
from python_steps.planning.finishing import finished_trades, tax_impacts
from python_steps.planning.gain_steps import Deferral, Judge, realise_gains
from python_steps.planning.household import (
    RELEASED,
    Account,
    AllocationGroup,
    Household,
    HouseholdIndex,
    MarketAssumptions,
    PartTarget,
)
from python_steps.planning.ledger import PlanLedger
from python_steps.planning.needs import (
    AT_EDGE,
    breached_classes,
    class_needs,
    is_short_of_sources,
)
from python_steps.planning.part_swaps import breached_parts, swap_inside_classes
from python_steps.planning.plan import (
    CASH_ONLY_MODE,
    HARVEST_MODE,
    NO_TRADE_MODE,
    REBALANCE_MODE,
    HouseholdPlan,
    Trade,
    TradeException,
)
from python_steps.planning.sell_rules import (
    ANY_LOT,
    LONG_TERM_GAINS,
    LOSSES_ONLY,
    CategorySet,
)
from python_steps.planning.swaps import Market, cash_equivalents, market_of, run_swaps
from python_steps.planning.tax_effect import TaxEffect
from python_steps.planning.wording import count_of, dollars, tax_clause
from python_steps.policy import FirmPolicy
from python_steps.taxes.rates import RateTables

NOTHING = Decimal(0)
# A second pass lets an account use what a first pass in another account left to do.
TAX_ADVANTAGED_PASSES = 2


class Steps(NamedTuple):
    """What the steps did: the grown ledger, cash that is missing, and sales that were put off."""

    ledger: PlanLedger
    run_mode: str
    shortfalls: dict[str, Decimal]
    deferrals: list[Deferral]


def plan_household(
    household: Household,
    policy: FirmPolicy,
    rate_tables: RateTables,
    assumptions: MarketAssumptions,
) -> HouseholdPlan:
    """Plan one household by the waterfall.

    Args:
        household: the problem; a household that is not released gets no trades.
        policy: the firm's settings.
        rate_tables: statutory rates; a year without them blocks taxable sales.
        assumptions: class risk and location ranks.

    Returns:
        The plan with trades, taxes, exceptions and its value in dollars.
    """
    index = HouseholdIndex(household)
    tax = TaxEffect(index, rate_tables)
    start = PlanLedger(index, CostModel(policy, assumptions), policy.execution_buffer)
    market = market_of(index, policy, tax, assumptions)
    return plan_from(market, start, Judge(household, policy, tax))


def plan_from(market: Market, start: PlanLedger, judge: Judge) -> HouseholdPlan:
    """The waterfall's plan of a household whose market another planner uses, too.

    Args:
        market: rules and lookups.
        start: the ledger before any trade; it stays as it is.
        judge: what the judgement of a trial needs.
    """
    if judge.household.household_state == RELEASED:
        steps = _take_steps(market, start.copy(), judge)
    else:
        steps = Steps(start, NO_TRADE_MODE, _needs_of_cash(market, start), [])
    return finished_plan(market, start, steps, judge)


def allowed_gains(household: Household, policy: FirmPolicy) -> CategorySet:
    """The lots that a rebalance may sell in taxable accounts at most."""
    if household.allows_short_term_gains and policy.long_term_gains_allowed:
        return ANY_LOT
    return LONG_TERM_GAINS if policy.long_term_gains_allowed else LOSSES_ONLY


def _take_steps(market: Market, ledger: PlanLedger, judge: Judge) -> Steps:
    shortfalls = {
        account.account_id: raise_cash(market, ledger, account)
        for account in market.index.household.accounts
    }
    run_mode = CASH_ONLY_MODE if ledger.orders or any(shortfalls.values()) else NO_TRADE_MODE
    deferrals: list[Deferral] = []
    for group in market.index.household.groups:
        if not group.is_rebalance_due:
            continue
        breached = breached_classes(ledger, group)
        if breached:
            ledger, put_off = _rebalance(market, ledger, group, breached, judge)
            deferrals += put_off
        if breached or breached_parts(ledger, group):
            ledger = swap_inside_classes(market, ledger, group, judge.policy.stopping_share)
            run_mode = REBALANCE_MODE
    return Steps(ledger, run_mode, shortfalls, deferrals)


def _rebalance(
    market: Market,
    ledger: PlanLedger,
    group: AllocationGroup,
    breached: frozenset[str],
    judge: Judge,
) -> tuple[PlanLedger, list[Deferral]]:
    group_id, stop = group.allocation_group_id, judge.policy.stopping_share
    accounts = [
        account
        for account in market.index.accounts_of_group.get(group_id, [])
        if account.block is None
    ]
    advantaged = [account for account in accounts if not account.is_taxable]
    taxable = [account for account in accounts if account.is_taxable]
    reduce_concentrations(market, ledger, group_id)
    invest_cash(market, ledger, group, stop, breached)
    cash = cash_equivalents(market, advantaged)
    needs = class_needs(ledger, group, stop, breached, cash_available=cash)
    if is_short_of_sources(needs):
        needs = class_needs(ledger, group, AT_EDGE, breached, cash_available=cash)
        run_swaps(market, ledger, group, needs, advantaged, LOSSES_ONLY)
    for _ in range(TAX_ADVANTAGED_PASSES):
        needs = class_needs(ledger, group, stop, breached, cash_available=cash)
        run_swaps(market, ledger, group, needs, advantaged, LOSSES_ONLY)
    _stretch(market, ledger, group, advantaged)
    # A household that harvests losses takes them to the stopping point, another only for the band.
    pressing = breached if judge.household.harvests_losses else breached_classes(ledger, group)
    cash = cash_equivalents(market, taxable)
    needs = class_needs(ledger, group, stop, pressing, cash_available=cash)
    run_swaps(market, ledger, group, needs, taxable, LOSSES_ONLY)
    _stretch(market, ledger, group, taxable)
    deferrals: list[Deferral] = []
    most = allowed_gains(judge.household, judge.policy)
    for allowed in (LONG_TERM_GAINS, ANY_LOT):
        if allowed <= most:
            ledger, deferrals = realise_gains(market, ledger, group, allowed, judge)
    invest_cash(market, ledger, group, stop, breached)
    outside = breached_classes(ledger, group)
    if outside:
        invest_cash(market, ledger, group, AT_EDGE, outside, is_stretched=True)
    return ledger, deferrals


def _stretch(
    market: Market, ledger: PlanLedger, group: AllocationGroup, accounts: list[Account]
) -> None:
    """Bring what is still outside its band inside, at the cost of classes inside theirs."""
    outside = breached_classes(ledger, group)
    if outside:
        cash = cash_equivalents(market, accounts)
        needs = class_needs(ledger, group, AT_EDGE, outside, cash_available=cash, is_stretched=True)
        run_swaps(market, ledger, group, needs, accounts, LOSSES_ONLY)


def _needs_of_cash(market: Market, ledger: PlanLedger) -> dict[str, Decimal]:
    """Cash that is due in a household that may not be traded: said, not raised."""
    return {
        account.account_id: max(NOTHING, -ledger.cash(account.account_id))
        for account in market.index.household.accounts
    }


def finished_plan(market: Market, start: PlanLedger, steps: Steps, judge: Judge) -> HouseholdPlan:
    """The steps' outcome as a plan: trades, taxes, exceptions, sentences and its value.

    Args:
        market: rules and lookups.
        start: the ledger before any trade.
        steps: the finished ledger, with what was put off and what is missing.
        judge: household, policy and tax.
    """
    household, ledger = judge.household, steps.ledger
    trades = finished_trades(market.index, start, ledger, judge.policy, judge.tax)
    left = leftovers.left_over_targets(market.index, ledger)
    exceptions = _exceptions(market, start, steps, left, judge)
    shortfall = sum(steps.shortfalls.values(), NOTHING)
    waits = bool(leftovers.waiting_exceptions(market, ledger))
    is_deferred = bool(steps.deferrals) or waits
    status = _status(household, trades, is_deferred, bool(left), shortfall)
    estimated_tax = judge.tax.total_change(ledger.realized())
    cost = ledger.transaction_cost()
    drift = [
        household_drift_cost(
            household, each.class_values, market.assumptions, judge.policy.risk_aversion
        )
        for each in (start, ledger)
    ]
    return HouseholdPlan(
        household_id=household.household_id,
        run_mode=steps.run_mode,
        plan_status=status,
        explanation=" ".join(
            [
                _explanation(
                    household,
                    status,
                    steps.run_mode,
                    trades,
                    estimated_tax,
                    shortfall,
                    left,
                    waits=waits,
                ),
                *_remarks(market, ledger, status),
            ]
        ),
        trades=trades,
        tax_impacts=tax_impacts(market.index, ledger, judge.tax),
        exceptions=exceptions,
        value=plan_value(
            household,
            ledger.class_values,
            judge.policy,
            tax_change=estimated_tax,
            transaction_cost=cost,
            shortfall=shortfall,
            part_values=ledger.part_values,
        ),
        estimated_tax=estimated_tax,
        transaction_cost=cost,
        tracking_error_before=tracking_error(household, start.class_values, market.assumptions),
        tracking_error_after=tracking_error(household, ledger.class_values, market.assumptions),
        breakeven_years=breakeven_years(estimated_tax, cost, drift[0], drift[1], judge.policy)
        if trades
        else None,
        cash_shortfall=shortfall,
    )


def _exceptions(
    market: Market,
    start: PlanLedger,
    steps: Steps,
    left: list[leftovers.LeftOver],
    judge: Judge,
) -> tuple[TradeException, ...]:
    allowed = allowed_gains(judge.household, judge.policy)
    is_planned = judge.household.household_state == RELEASED
    rows = leftovers.account_exceptions(market.index)
    rows += leftovers.position_exceptions(market.index)
    rows += leftovers.shortfall_exceptions(market, steps.ledger, steps.shortfalls, ANY_LOT)
    rows += cautions.cost_cautions(market.index, steps.ledger)
    rows += cautions.related_purchase_cautions(market.index, steps.ledger)
    rows += cautions.limited_loss_cautions(market.index, steps.ledger)
    if is_planned:
        rows += leftovers.tolerance_exceptions(market, steps.ledger, left, allowed, steps.deferrals)
        rows += leftovers.waiting_exceptions(market, steps.ledger)
        rows += leftovers.concentration_exceptions(market, steps.ledger)
        rows += leftovers.passed_over_exceptions(market, start, steps.ledger)
    return leftovers.unique_subjects(rows)


def _status(
    household: Household,
    trades: tuple[Trade, ...],
    is_deferred: bool,
    is_out_of_tolerance: bool,
    shortfall: Decimal,
) -> str:
    if household.household_state != RELEASED:
        return household.household_state
    if shortfall > 0:
        return "infeasible_cash"
    if trades:
        return "partial" if is_out_of_tolerance else "proposed"
    if is_deferred:
        return "deferred"
    return "partial" if is_out_of_tolerance else "no_trade"


def _remarks(market: Market, ledger: PlanLedger, status: str) -> list[str]:
    """Sentences that the explanation ends with: money due in, losses not taken."""
    if status not in ("no_trade", "proposed", "partial", "deferred"):
        return []
    remarks = [leftovers.contribution_words(market)]
    if status == "no_trade" and market.index.household.groups:
        remarks.append(leftovers.losses_left_words(market, ledger))
    return [remark for remark in remarks if remark]


def _explanation(
    household: Household,
    status: str,
    run_mode: str,
    trades: tuple[Trade, ...],
    estimated_tax: Decimal | None,
    shortfall: Decimal,
    left: list[leftovers.LeftOver],
    *,
    waits: bool,
) -> str:
    is_one = len(trades) == 1
    done = count_of(len(trades), "trade")
    tax = tax_clause(estimated_tax, is_one=is_one)
    if status == "no_trade":
        if not household.groups:
            return (
                "No account of the household is managed to an Investment Policy Statement with "
                "known values: there is no target to trade to."
            )
        return "Every asset class is inside its band and no cash is needed: nothing to do."
    if status == "proposed":
        verb, what = {
            CASH_ONLY_MODE: ("raise", "the cash that is due"),
            HARVEST_MODE: ("harvest", "losses while nothing else is due"),
        }.get(run_mode, ("bring", _all_inside(household)))
        return f"{done} {verb}{'s' if is_one else ''} {what} and {tax}."
    if status == "partial" and trades:
        leave = "leaves" if is_one else "leave"
        return f"{done} {tax} and {leave} {_left_words(left)}: see the exceptions."
    if status == "partial":
        return (
            f"No trade can be proposed that cures the drift; it leaves {_left_words(left)}: "
            "see the exceptions."
        )
    if status == "deferred":
        why = (
            "The cash flows that are due bring the drift back"
            if waits
            else "Trading now would cost more than the drift is worth"
        )
        return f"{why}: wait, see the exceptions."
    if status == "infeasible_cash":
        also = f" {done} {tax} and {'raises' if is_one else 'raise'} the rest." if trades else ""
        return f"{dollars(shortfall)} of cash that is due cannot be raised.{also}"
    reason = household.state_reason or status.replace("_", " ")
    return f"No trades are proposed: {reason}."


def _all_inside(household: Household) -> str:
    has_parts = any(group.parts for group in household.groups)
    return f"every {'target' if has_parts else 'asset class'} inside its band"


def _left_words(left: list[leftovers.LeftOver]) -> str:
    """What stays outside, such as: 1 asset class and 2 targets within classes outside the band."""
    parts = sum(1 for each in left if isinstance(each.row, PartTarget))
    counts = [(len(left) - parts, "asset class"), (parts, "sub-class or security target")]
    names = " and ".join(count_of(number, noun) for number, noun in counts if number)
    return f"{names} outside {'its band' if len(left) == 1 else 'their bands'}"
