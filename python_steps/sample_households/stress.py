"""Households that no planner should meet, so that each of its promises is tried where it hurts.

Belongs here: twists of a typical household's draft, alone and together. Does not belong here: what
a planner should do about them. Every twist is something a book can really hold: demands beyond all
means, nothing that may be sold, nothing known, rules that leave no room.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from python_steps.demo_book.draws import Draws
from python_steps.demo_book.universe import PRIVATE_FUND_UNMAPPED
from python_steps.planning.household import (
    TAXABLE,
    Block,
    CashFlow,
    ConcentrationLimit,
    LotDistributions,
)
from python_steps.sample_households.assembly import PLANNED_TRADE_DATE
from python_steps.sample_households.drafts import (
    AccountDraft,
    HoldingDraft,
    HouseholdDraft,
    LotDraft,
    TaxDraft,
)
from python_steps.sample_households.market import (
    AS_OF_DATE,
    CLASSES,
    INFLATION,
    SMALL,
    SampleSecurity,
    sample_market,
)
from python_steps.sample_households.typical import GROUP, THOUSANDTH, typical_draft

NOTHING = Decimal(0)
CENT = Decimal("0.01")
MANDATED_METHODS = ("FIFO", "LIFO", "HIFO", "LOFO", "MIN_TAX")

Twist = Callable[[Draws, HouseholdDraft], None]


def stress_draft(seed: int) -> tuple[HouseholdDraft, tuple[str, ...]]:
    """A twisted household, still to be assembled, and the names of its twists."""
    draws = Draws(seed, 3)
    draft = typical_draft(10_000_000 + seed)
    draft.household_id = f"X{seed:06d}"
    names = sorted(TWISTS)
    # The first twist goes round, so that any run of seeds tries them all.
    chosen = [names[seed % len(names)]]
    chosen += draws.some_of([name for name in names if name != chosen[0]], draws.integer(0, 3))
    for name in sorted(chosen):
        TWISTS[name](draws, draft)
    return draft, tuple(sorted(chosen))


def _price(name: str) -> Decimal:
    return _listed(name).price


def _listed(name: str) -> SampleSecurity:
    return sample_market().securities[name]


def _worth(account: AccountDraft) -> Decimal:
    return sum((each.quantity * _price(each.security_id) for each in account.holdings), NOTHING)


def _withdraw(account: AccountDraft, amount: Decimal) -> None:
    account.flow_reserve += amount
    due = PLANNED_TRADE_DATE + timedelta(days=3)
    account.flows.append(CashFlow(account.account_id, "withdrawal", amount, "requested", due))


def _absurd_withdrawals(draws: Draws, draft: HouseholdDraft) -> None:
    for account in draft.accounts:
        if draws.chance(0.7):
            share = Decimal(draws.integer(20, 250)) / 100
            _withdraw(account, (_worth(account) * share).quantize(CENT))


def _everything_goes(draws: Draws, draft: HouseholdDraft) -> None:
    """Exactly what an account is worth before costs, so that the last dollar cannot be raised."""
    account = draws.one_of(draft.accounts)
    _withdraw(account, (_worth(account) + account.cash).quantize(CENT))


def _all_restricted(_: Draws, draft: HouseholdDraft) -> None:
    for holding in draft.held:
        holding.is_restricted = True


def _all_locked(_: Draws, draft: HouseholdDraft) -> None:
    for holding in draft.held:
        for lot in holding.lots[1:]:
            lot.is_locked = True


def _no_gains_anywhere(_: Draws, draft: HouseholdDraft) -> None:
    for holding in draft.held:
        holding.is_gain_allowed = False


def _no_cash(_: Draws, draft: HouseholdDraft) -> None:
    for account in draft.accounts:
        account.cash = NOTHING


def _only_cash(draws: Draws, draft: HouseholdDraft) -> None:
    for account in draft.accounts:
        account.cash += _worth(account).quantize(CENT)
        account.holdings = account.holdings[: draws.integer(0, 1)]


def _negative_cash(draws: Draws, draft: HouseholdDraft) -> None:
    for account in draws.some_of(draft.accounts, 2):
        account.margin_debit = (_worth(account) * Decimal(draws.integer(1, 60)) / 100).quantize(
            CENT
        )


def _high_minimum(draws: Draws, draft: HouseholdDraft) -> None:
    for account in draft.accounts:
        account.minimum = (_worth(account) * Decimal(draws.integer(5, 120)) / 100).quantize(CENT)


def _huge_carryforwards(draws: Draws, draft: HouseholdDraft) -> None:
    for unit in draft.tax_units:
        unit.short_carryforward = Decimal(draws.integer(0, 3_000_000))
        unit.long_carryforward = Decimal(draws.integer(0, 5_000_000))


def _huge_year(draws: Draws, draft: HouseholdDraft) -> None:
    for unit in draft.tax_units:
        unit.short_gain = Decimal(draws.integer(-2_000_000, 2_000_000))
        unit.long_gain = Decimal(draws.integer(-2_000_000, 2_000_000))
        unit.collectibles_gain = NOTHING


def _no_income(_: Draws, draft: HouseholdDraft) -> None:
    for unit in draft.tax_units:
        unit.income = NOTHING


def _one_account(draws: Draws, draft: HouseholdDraft) -> None:
    draft.accounts = [draws.one_of(draft.accounts)]


def _repriced(draft: HouseholdDraft, percent: int) -> None:
    for holding in draft.held:
        for lot in holding.lots:
            lot.unit_cost = _price(holding.security_id) * percent / 100


def _all_losses(draws: Draws, draft: HouseholdDraft) -> None:
    _repriced(draft, draws.integer(102, 300))


def _all_gains(draws: Draws, draft: HouseholdDraft) -> None:
    _repriced(draft, draws.integer(0, 90))


def _all_at_cost(_: Draws, draft: HouseholdDraft) -> None:
    _repriced(draft, 100)


def _all_short_term(draws: Draws, draft: HouseholdDraft) -> None:
    for holding in draft.held:
        for lot in holding.lots:
            lot.acquired = AS_OF_DATE - timedelta(days=draws.integer(0, 364))


def _limited_losses(draws: Draws, draft: HouseholdDraft) -> None:
    """Young lots of funds under water that were paid a long-term gain or exempt interest since."""
    for holding in draft.held:
        security = _listed(holding.security_id).security
        if security.security_type not in ("ETF", "MUTUAL_FUND") or security.is_collectible:
            continue  # companies and bullion trusts pay neither
        for lot in holding.lots:
            if draws.chance(0.5):
                continue
            price = _price(holding.security_id)
            lot.acquired = AS_OF_DATE - timedelta(days=draws.integer(1, 200))
            lot.unit_cost = price * draws.integer(100, 140) / 100
            paid = (price * lot.quantity * draws.integer(0, 20) / 100).quantize(CENT)
            exempt = (paid * draws.integer(0, 100) / 100).quantize(CENT)
            lot.distributions = LotDistributions(paid - exempt, exempt)


def _all_collectibles(_: Draws, draft: HouseholdDraft) -> None:
    _changed_securities(draft, is_collectible=True)


def _unknown_collectibles(_: Draws, draft: HouseholdDraft) -> None:
    _changed_securities(draft, is_collectible=None)


def _unknown_basis(draws: Draws, draft: HouseholdDraft) -> None:
    for holding in draft.held:
        for lot in holding.lots:
            if draws.chance(0.3):
                lot.unit_cost = None


def _no_buy_options(_: Draws, draft: HouseholdDraft) -> None:
    for account in draft.accounts:
        account.menu = []


def _one_choice_per_class(_: Draws, draft: HouseholdDraft) -> None:
    """No substitute: what is sold at a loss leaves nothing to buy for its class."""
    for account in draft.accounts:
        account.menu = [entry for entry in account.menu if entry[1] == 1]


def _classes_without_a_fund(draws: Draws, draft: HouseholdDraft) -> None:
    missing = draws.some_of(CLASSES, 5)
    for account in draft.accounts:
        account.menu = [entry for entry in account.menu if entry[0] not in missing]


def _changed_securities(draft: HouseholdDraft, **changes: object) -> None:
    names = {each.security_id for each in draft.held}
    names |= {entry[2] for account in draft.accounts for entry in account.menu}
    for name in sorted(names):
        before = draft.securities.get(name) or _listed(name).security
        draft.securities[name] = replace(before, **changes)  # type: ignore[arg-type]


def _free_trading(_: Draws, draft: HouseholdDraft) -> None:
    _changed_securities(draft, half_spread=NOTHING)


def _dear_trading(_: Draws, draft: HouseholdDraft) -> None:
    volume = Decimal(50_000)
    _changed_securities(draft, half_spread=Decimal("0.02"), average_daily_dollar_volume=volume)


def _unknown_costs(draws: Draws, draft: HouseholdDraft) -> None:
    for holding in draws.some_of(draft.held, 8):
        before = draft.securities.get(holding.security_id) or _listed(holding.security_id).security
        draft.securities[holding.security_id] = replace(before, half_spread=None)


def _unknown_prices(draws: Draws, draft: HouseholdDraft) -> None:
    for holding in draws.some_of(draft.held, 4):
        before = draft.securities.get(holding.security_id) or _listed(holding.security_id).security
        draft.securities[holding.security_id] = replace(before, price=None)


def _one_identity_group(_: Draws, draft: HouseholdDraft) -> None:
    """Everything is identical to everything else: no loss may be sold next to any purchase."""
    _changed_securities(draft, identity_group_id="IG-ALL")


def _tiny(draws: Draws, draft: HouseholdDraft) -> None:
    share = Decimal(draws.integer(2, 30)) / 10_000
    for account in draft.accounts:
        account.cash = (account.cash * share).quantize(CENT)
        account.minimum = (account.minimum * share).quantize(CENT)
        account.flow_reserve = (account.flow_reserve * share).quantize(CENT)
        account.flows = [
            replace(flow, amount=(flow.amount * share).quantize(CENT)) for flow in account.flows
        ]
        for holding in account.holdings:
            for lot in holding.lots:
                lot.quantity = max(THOUSANDTH, (lot.quantity * share).quantize(THOUSANDTH))


def _unknown_coverage(_: Draws, draft: HouseholdDraft) -> None:
    for holding in draft.held:
        group = _listed(holding.security_id).security.identity_group_id
        draft.unknown_coverage.add(group)


def _windows_everywhere(draws: Draws, draft: HouseholdDraft) -> None:
    for holding in draft.held:
        group = _listed(holding.security_id).security.identity_group_id
        if draws.chance(0.5):
            draft.recent_losses[group] = PLANNED_TRADE_DATE - timedelta(days=draws.integer(0, 31))
        if draws.chance(0.5):
            draft.scheduled_purchases[group] = PLANNED_TRADE_DATE - timedelta(
                days=draws.integer(-30, 31)
            )


def _recent_purchases(draws: Draws, draft: HouseholdDraft) -> None:
    """Young lots at a loss beside old ones: a loss may be taken only where all young ones go."""
    for holding in draft.held:
        price = _price(holding.security_id)
        for place, lot in enumerate(holding.lots):
            is_young = place == 0 or draws.chance(0.2)
            days = draws.integer(1, 32) if is_young else draws.integer(40, 900)
            lot.acquired = PLANNED_TRADE_DATE - timedelta(days=days)
            lot.unit_cost = price * draws.integer(95, 150) / 100


def _childs_account(draws: Draws, draft: HouseholdDraft) -> None:
    """One taxable account is a child's: another return, another taxpayer, and bought in lately."""
    taxable = [each for each in draft.accounts if each.tax_treatment == TAXABLE]
    if not taxable:
        return
    account = draws.one_of(taxable)
    account.wash_sale_group_id, account.tax_unit_id = "W-CHILD", "T-CHILD"
    draft.tax_units.append(
        TaxDraft("T-CHILD", "single", Decimal(1_200), draft.tax_units[0].state_rate)
    )
    for holding in account.holdings:
        if draws.chance(0.6):
            holding.lots[-1].acquired = PLANNED_TRADE_DATE - timedelta(days=draws.integer(1, 35))


def _missing_rates(_: Draws, draft: HouseholdDraft) -> None:
    for unit in draft.tax_units:
        unit.has_rates = False


def _missing_profile(_: Draws, draft: HouseholdDraft) -> None:
    for unit in draft.tax_units:
        unit.is_known = False


def _blocked_account(draws: Draws, draft: HouseholdDraft) -> None:
    draws.one_of(draft.accounts).block = Block("frozen", "its positions do not tie")


def _unknown_cash(draws: Draws, draft: HouseholdDraft) -> None:
    draws.one_of(draft.accounts).is_cash_known = False


def _not_released(_: Draws, draft: HouseholdDraft) -> None:
    draft.state = "withheld"


def _several_groups(_: Draws, draft: HouseholdDraft) -> None:
    """Each account has a statement of its own; the last, where there are three, has none."""
    targets = draft.targets[GROUP]
    draft.targets = {}
    for number, account in enumerate(draft.accounts, start=1):
        if number > 2 and number == len(draft.accounts):
            account.allocation_group_id = None
            continue
        account.allocation_group_id = f"G{number}"
        draft.targets[f"G{number}"] = dict(targets)


def _filed_separately(_: Draws, draft: HouseholdDraft) -> None:
    first = draft.tax_units[0]
    first.filing_status = "MFS"
    draft.tax_units.append(
        TaxDraft("T2", "MFS", first.income / 2, first.state_rate, Decimal(8_000), NOTHING)
    )
    for account in draft.accounts[1::2]:
        account.tax_unit_id = "T2"


def _mandated_methods(draws: Draws, draft: HouseholdDraft) -> None:
    for account in draft.accounts:
        account.lot_method = draws.one_of(MANDATED_METHODS)


def _no_budget(_: Draws, draft: HouseholdDraft) -> None:
    draft.annual_gains_budget = NOTHING


def _any_size(_: Draws, draft: HouseholdDraft) -> None:
    draft.minimum_trade_amount = NOTHING


def _large_trades_only(draws: Draws, draft: HouseholdDraft) -> None:
    draft.minimum_trade_amount = Decimal(draws.integer(20_000, 500_000))


def _concentrated(draws: Draws, draft: HouseholdDraft) -> None:
    for holding in draws.some_of(draft.held, 6):
        limit = Decimal(draws.integer(0, 5)) / 100
        draft.limits = [
            each for each in draft.limits if each.security_id != holding.security_id
        ] + [ConcentrationLimit(holding.security_id, limit, "household rule")]


def _targets_inside_classes(draws: Draws, draft: HouseholdDraft) -> None:
    for holding in draws.some_of(draft.held, 3):
        draft.part_targets[holding.security_id] = Decimal(draws.integer(0, 25)) / 100


def _targets_upside_down(_: Draws, draft: HouseholdDraft) -> None:
    """All of it in two classes, so that nearly everything held is in excess."""
    for name in draft.targets:
        draft.targets[name] = {SMALL: Decimal("0.5"), INFLATION: Decimal("0.5")}


def _unmapped_holding(_: Draws, draft: HouseholdDraft) -> None:
    account = next(
        (each for each in draft.accounts if each.tax_treatment == TAXABLE), draft.accounts[0]
    )
    share = (_worth(account) / 4 / _price(PRIVATE_FUND_UNMAPPED)).quantize(THOUSANDTH)
    lot = LotDraft(AS_OF_DATE - timedelta(days=900), share + THOUSANDTH, Decimal(1_000))
    account.holdings.append(HoldingDraft(PRIVATE_FUND_UNMAPPED, [lot]))


TWISTS: dict[str, Twist] = {
    "absurd_withdrawals": _absurd_withdrawals,
    "all_at_cost": _all_at_cost,
    "all_collectibles": _all_collectibles,
    "all_gains": _all_gains,
    "all_locked": _all_locked,
    "all_losses": _all_losses,
    "all_restricted": _all_restricted,
    "all_short_term": _all_short_term,
    "any_size": _any_size,
    "blocked_account": _blocked_account,
    "childs_account": _childs_account,
    "classes_without_a_fund": _classes_without_a_fund,
    "concentrated": _concentrated,
    "dear_trading": _dear_trading,
    "everything_goes": _everything_goes,
    "filed_separately": _filed_separately,
    "free_trading": _free_trading,
    "high_minimum": _high_minimum,
    "huge_carryforwards": _huge_carryforwards,
    "huge_year": _huge_year,
    "large_trades_only": _large_trades_only,
    "limited_losses": _limited_losses,
    "mandated_methods": _mandated_methods,
    "missing_profile": _missing_profile,
    "missing_rates": _missing_rates,
    "negative_cash": _negative_cash,
    "no_budget": _no_budget,
    "no_buy_options": _no_buy_options,
    "no_cash": _no_cash,
    "no_gains_anywhere": _no_gains_anywhere,
    "no_income": _no_income,
    "not_released": _not_released,
    "one_account": _one_account,
    "one_choice_per_class": _one_choice_per_class,
    "one_identity_group": _one_identity_group,
    "only_cash": _only_cash,
    "recent_purchases": _recent_purchases,
    "several_groups": _several_groups,
    "targets_inside_classes": _targets_inside_classes,
    "targets_upside_down": _targets_upside_down,
    "tiny": _tiny,
    "unknown_basis": _unknown_basis,
    "unknown_cash": _unknown_cash,
    "unknown_collectibles": _unknown_collectibles,
    "unknown_costs": _unknown_costs,
    "unknown_coverage": _unknown_coverage,
    "unknown_prices": _unknown_prices,
    "unmapped_holding": _unmapped_holding,
    "windows_everywhere": _windows_everywhere,
}
