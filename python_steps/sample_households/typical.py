"""Drawing typical and large households: what ordinary clients hold, owe and may not touch.

Belongs here: the draws and their frequencies. Does not belong here: what follows from them
(`assembly`), absurd circumstances (`stress`). A typical household has 2 to 6 accounts around a
median value of $1.5M, about 44 holdings and 165 taxable lots; a large one 12 accounts and direct
indexing. The same seed gives the same household on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from python_steps.demo_book.draws import Draws
from python_steps.planning.household import (
    CASH,
    FUND_TYPES,
    TAX_DEFERRED,
    TAX_FREE,
    TAXABLE,
    CashFlow,
    ConcentrationLimit,
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
    ALTERNATIVES,
    AS_OF_DATE,
    BONDS,
    CREDIT,
    DEVELOPED,
    EMERGING,
    INFLATION,
    LARGE,
    SMALL,
    sample_market,
)

NOTHING = Decimal(0)
CENT = Decimal("0.01")
WHOLE, THOUSANDTH = Decimal(1), Decimal("0.001")
GROUP, TAX_UNIT = "G1", "T1"
RETIREMENT_PLAN = "401k"

TREATMENTS = {
    "taxable_joint": TAXABLE,
    "taxable_individual": TAXABLE,
    "trust": TAXABLE,
    "traditional_ira": TAX_DEFERRED,
    RETIREMENT_PLAN: TAX_DEFERRED,
    "roth_ira": TAX_FREE,
}
_ACCOUNT_COUNTS = ((0.13, 2), (0.24, 3), (0.33, 4), (0.19, 5), (0.11, 6))
_FURTHER_TYPES = (
    (0.38, "traditional_ira"),
    (0.30, "roth_ira"),
    (0.18, RETIREMENT_PLAN),
    (0.13, "taxable_individual"),
)
_LARGE_TYPES = (
    *("taxable_joint", "taxable_individual", "trust", "taxable_individual", "trust"),
    *("traditional_ira", "traditional_ira", "traditional_ira", "roth_ira", "roth_ira"),
    *("roth_ira", RETIREMENT_PLAN),
)
# Share of a class in its part of the portfolio: (class, least, most).
_EQUITY = ((LARGE, 0.45, 0.6), (SMALL, 0.1, 0.2), (DEVELOPED, 0.15, 0.3), (EMERGING, 0.05, 0.12))
_FIXED = ((BONDS, 0.55, 0.75), (CREDIT, 0.08, 0.18), (INFLATION, 0.1, 0.25))
HALF_POINT = Decimal("0.005")
_LONGEST_AGE_DAYS = 3_600


class Wealth(NamedTuple):
    """Size of a household: its value and the spread of both, and lots of one taxable holding."""

    value: float
    spread: float
    lots: float


TYPICAL = Wealth(1_600_000, 0.70, 11.6)
LARGE_WEALTH = Wealth(15_500_000, 0.35, 8.2)


def typical_draft(seed: int) -> HouseholdDraft:
    """An ordinary household, still to be assembled."""
    draws = Draws(seed, 1)
    types = ["taxable_joint" if draws.chance(0.6) else "taxable_individual"]
    for _ in range(1, draws.weighted(_ACCOUNT_COUNTS)):
        types.append(draws.weighted(_FURTHER_TYPES) if len(types) > 1 else "traditional_ira")
    return _household(draws, f"T{seed:06d}", types, TYPICAL)


def large_draft(seed: int) -> HouseholdDraft:
    """A household of twelve accounts, two of them direct indexing, still to be assembled."""
    draws = Draws(seed, 2)
    draft = _household(draws, f"L{seed:06d}", list(_LARGE_TYPES), LARGE_WEALTH)
    for account in draft.accounts[:2]:
        _hold_the_index(draws, draft, account)
    return draft


def _household(
    draws: Draws, household_id: str, types: Sequence[str], wealth: Wealth
) -> HouseholdDraft:
    targets = _targets(draws)
    model = _model(draws)
    value = draws.around(wealth.value, wealth.spread)
    shares = _shares(draws, len(types), evenness=1.2)
    mix = _drifted(draws, targets)
    accounts = [
        AccountDraft(
            account_id=f"A{number:02d}",
            account_type=kind,
            tax_treatment=TREATMENTS[kind],
            tax_unit_id=TAX_UNIT,
            allocation_group_id=GROUP,
            is_fractional=draws.chance(0.3),
            sends_lots=TREATMENTS[kind] == TAXABLE or draws.chance(0.5),
        )
        for number, kind in enumerate(types, start=1)
    ]
    draft = HouseholdDraft(
        household_id=household_id,
        accounts=accounts,
        targets={GROUP: targets},
        tax_units=[_tax(draws)],
        allows_short_term_gains=draws.chance(0.2),
        harvests_losses=draws.chance(0.85),
        annual_gains_budget=Decimal(draws.integer(0, 60) * 1_000) if draws.chance(0.1) else None,
        is_due_by_calendar=draws.chance(0.1),
    )
    for account, share in zip(accounts, shares, strict=True):
        _fill(draws, account, value * share, mix, model, wealth.lots)
    if draws.chance(0.22):
        draft.targets[GROUP] = _targets_as_held(draft)
    _flows(draws, draft)
    _restrict(draws, draft)
    _recent_history(draws, draft)
    return draft


def _targets(draws: Draws) -> dict[str, Decimal]:
    """An Investment Policy Statement in half points that adds up to one."""
    equity = draws.between(0.3, 0.85)
    alternatives = draws.between(0.0, 0.08)
    found: dict[str, Decimal] = {}
    for part, classes in ((equity, _EQUITY), (0.97 - equity - alternatives, _FIXED)):
        sizes = [draws.between(low, high) for _, low, high in classes]
        for (name, _, _), size in zip(classes, sizes, strict=True):
            found[name] = _half_points(part * size / sum(sizes))
    found[ALTERNATIVES] = _half_points(alternatives)
    found[CASH] = Decimal("0.02")
    found[BONDS] += 1 - sum(found.values(), NOTHING)
    return found


def _targets_as_held(draft: HouseholdDraft) -> dict[str, Decimal]:
    """Targets, in half points, of a household whose every class is where it should be."""
    values: dict[str, Decimal] = {CASH: NOTHING, BONDS: NOTHING}
    for account in draft.accounts:
        values[CASH] += account.cash
        for holding in account.holdings:
            security = sample_market().securities[holding.security_id]
            for name, weight in security.security.class_weights:
                value = weight * holding.quantity * security.price
                values[name] = values.get(name, NOTHING) + value
    total = sum(values.values(), NOTHING)
    found = {name: _half_points(float(value / total)) for name, value in values.items()}
    found[BONDS] += 1 - sum(found.values(), NOTHING)
    return found


def _half_points(share: float) -> Decimal:
    return max(NOTHING, round(share / 0.005) * HALF_POINT)


def _drifted(draws: Draws, targets: dict[str, Decimal]) -> dict[str, float]:
    """What the household really holds of each class: its target, moved by some years of markets."""
    spread = draws.weighted(((0.3, 0.05), (0.7, 0.2)))
    held = {
        name: float(weight) * math.exp(spread * draws.normal())
        for name, weight in targets.items()
        if name != CASH
    }
    return {name: weight / sum(held.values()) for name, weight in held.items()}


def _model(draws: Draws) -> dict[str, tuple[str, str]]:
    """Two securities of different identity groups for each class: a first choice, a substitute."""
    market = sample_market()
    found = {}
    for name, listed in market.by_class.items():
        funds = [each for each in listed if market.securities[each].security.half_spread]
        first = draws.one_of(funds)
        own = market.securities[first].security.identity_group_id
        others = [
            each for each in funds if market.securities[each].security.identity_group_id != own
        ]
        found[name] = (first, draws.one_of(others))
    return found


def _shares(draws: Draws, count: int, evenness: float) -> list[float]:
    """Positive shares that add up to one; the larger `evenness`, the more alike they are."""
    sizes = [draws.around(1.0, 1 / evenness) for _ in range(count)]
    return [size / sum(sizes) for size in sizes]


def _fill(
    draws: Draws,
    account: AccountDraft,
    value: float,
    mix: dict[str, float],
    model: dict[str, tuple[str, str]],
    lots: float,
) -> None:
    """Give an account its menu, its holdings and its cash."""
    market = sample_market()
    is_plan = account.account_type == RETIREMENT_PLAN
    account.menu = _plan_menu() if is_plan else _menu(model)
    taken: set[str] = set()
    own_mix = {name: weight * math.exp(0.3 * draws.normal()) for name, weight in mix.items()}
    for name, weight in own_mix.items():
        offered = market.retirement_plan_menu[name] if is_plan else market.by_class[name]
        if not offered or weight == 0 or draws.chance(0.1):
            continue
        chosen = [draws.one_of(model[name])] if not is_plan and draws.chance(0.55) else []
        more = draws.weighted(((0.35, 0), (0.43, 1), (0.22, 2)))
        chosen += draws.some_of(offered, more if chosen else max(1, more))
        part = value * weight / sum(own_mix.values())
        _hold(draws, account, list(dict.fromkeys(chosen)), part, lots)
        taken.update(chosen)
    extras = [*market.balanced] if draws.chance(0.5 if is_plan else 0.2) else []
    if account.tax_treatment == TAXABLE and draws.chance(0.6):
        extras += draws.some_of(market.direct_index[:14], draws.integer(1, 4))
    for name in extras[:4]:
        _hold(draws, account, [name], value * draws.between(0.01, 0.05), lots)
    if not is_plan:
        _offer_some_holdings(draws, account, taken)
    account.cash = _money(value * draws.weighted(((0.55, 0.006), (0.3, 0.015), (0.15, 0.05)))
                          * draws.between(0.4, 1.6))  # fmt: skip
    account.minimum = _money(value * draws.weighted(((0.4, 0.0), (0.36, 0.002), (0.24, 0.005))))


def _menu(model: dict[str, tuple[str, str]]) -> list[tuple[str, int, str]]:
    return [
        (name, rank, security)
        for name, pair in model.items()
        for rank, security in enumerate(pair, start=1)
    ]


def _plan_menu() -> list[tuple[str, int, str]]:
    market = sample_market()
    return [
        (name, rank, security)
        for name, listed in market.retirement_plan_menu.items()
        for rank, security in enumerate(listed, start=1)
    ]


def _offer_some_holdings(draws: Draws, account: AccountDraft, held: set[str]) -> None:
    """Some of what an account holds may be bought again there, after the model's own choices."""
    listed = {security for _, _, security in account.menu}
    for number, name in enumerate(sorted(held - listed)):
        if draws.chance(0.5):
            asset_class = sample_market().securities[name].security.primary_class
            account.menu.append((asset_class, 10 + number, name))


def _hold(
    draws: Draws, account: AccountDraft, names: Sequence[str], value: float, lots: float
) -> None:
    """Split dollars among securities that the account does not hold yet."""
    held = {holding.security_id for holding in account.holdings}
    new = [name for name in names if name not in held]
    for name, share in zip(new, _shares(draws, len(new), evenness=2.0), strict=True):
        holding = _holding(draws, account, name, value * share, lots)
        if holding.lots:
            account.holdings.append(holding)


def _holding(
    draws: Draws, account: AccountDraft, name: str, value: float, lots: float
) -> HoldingDraft:
    """Dollars of a security in lots of the last ten years, at the prices of their days."""
    security = sample_market().securities[name].security
    is_divisible = account.is_fractional or security.security_type in FUND_TYPES
    step = THOUSANDTH if is_divisible else WHOLE
    centre = lots if account.tax_treatment == TAXABLE else 2.5
    count = max(1, min(30, round(draws.around(centre, 0.4))))
    found = [
        lot
        for share in _shares(draws, count, evenness=1.5)
        if (lot := _lot(draws, name, value * share, step)) is not None
    ]
    if not is_divisible and draws.chance(0.15):
        # Reinvested dividends leave thousandths of a share where only whole ones can be ordered.
        rest = _lot(draws, name, value * 0.01, THOUSANDTH)
        found += [] if rest is None else [rest]
    return HoldingDraft(name, sorted(found, key=lambda lot: (lot.acquired, lot.quantity)))


def _lot(draws: Draws, name: str, value: float, step: Decimal) -> LotDraft | None:
    age = 31 + int(draws.between(0, 1) ** 1.1 * _LONGEST_AGE_DAYS)
    return lot_of(draws, name, value, step, AS_OF_DATE - timedelta(days=age))


def lot_of(draws: Draws, name: str, value: float, step: Decimal, day: date) -> LotDraft | None:
    """Shares worth `value` dollars today, bought about `day` near its close; None for no share."""
    market = sample_market()
    wanted = Decimal(repr(value)) / market.securities[name].price
    quantity = (wanted / step).to_integral_value(rounding=ROUND_DOWN) * step
    if quantity <= 0:
        return None
    acquired, cents = market.unit_cost(name, day)
    within_the_day = Decimal(draws.integer(9_970, 10_030)) / 10_000
    if market.securities[name].security.is_cash_equivalent:
        within_the_day = Decimal(1)
    return LotDraft(acquired, quantity, Decimal(cents) / 100 * within_the_day)


def _hold_the_index(draws: Draws, draft: HouseholdDraft, account: AccountDraft) -> None:
    """Turn an account into 190 single stocks that may all be bought up to a limit."""
    market = sample_market()
    value = float(sum(
        (market.securities[each.security_id].price * each.quantity for each in account.holdings),
        NOTHING,
    ))  # fmt: skip
    account.is_fractional = False
    account.holdings = []
    account.menu = [entry for entry in account.menu if entry[0] != LARGE]
    names = draws.some_of(market.direct_index, 190)
    for name, share in zip(names, _shares(draws, len(names), evenness=1.6), strict=True):
        _hold(draws, account, [name], value * share, LARGE_WEALTH.lots)
    limited = {each.security_id for each in draft.limits}
    for rank, name in enumerate(sorted({*names, *draws.some_of(market.direct_index, 70)})):
        account.menu.append((market.securities[name].security.primary_class, 20 + rank, name))
        if name not in limited:
            draft.limits.append(ConcentrationLimit(name, Decimal("0.015"), "direct indexing"))


def _money(amount: float) -> Decimal:
    return Decimal(round(amount * 100)) / 100


def _tax(draws: Draws) -> TaxDraft:
    status = draws.weighted(((0.64, "MFJ"), (0.28, "single"), (0.08, "HoH")))
    income = Decimal(round(draws.around(240_000, 0.6)))
    year = TaxDraft(
        tax_unit_id=TAX_UNIT,
        filing_status=status,
        income=income,
        state_rate=Decimal(draws.one_of((0, 0, 3, 5, 6, 9))) / 100,
    )
    if draws.chance(0.6):
        year.short_gain = Decimal(round(3_000 * draws.normal()))
        year.long_gain = Decimal(round(12_000 * draws.normal() + 4_000))
        if draws.chance(0.1):
            year.collectibles_gain = Decimal(draws.integer(-2_000, 4_000))
            year.long_gain += year.collectibles_gain
    if draws.chance(0.3):
        year.long_carryforward = Decimal(round(draws.around(12_000, 1.0)))
    if draws.chance(0.2):
        year.short_carryforward = Decimal(round(draws.around(5_000, 1.0)))
    return year


def _flows(draws: Draws, draft: HouseholdDraft) -> None:
    """Money that leaves, has come or will come, in seven households of ten."""
    kind = draws.weighted(((0.28, ""), (0.4, "withdrawal"), (0.2, "arrived"), (0.12, "pending")))
    if not kind:
        return
    chosen = draws.some_of(draft.accounts, draws.weighted(((0.75, 1), (0.25, 2))))
    for account in chosen:
        worth = sum(
            (
                sample_market().securities[each.security_id].price * each.quantity
                for each in account.holdings
            ),
            NOTHING,
        )
        amount = _money(float(worth) * draws.between(0.01, 0.08))
        due = PLANNED_TRADE_DATE + timedelta(days=draws.integer(3, 13))
        if kind == "arrived":
            account.cash += amount
        elif kind == "pending":
            account.flows.append(
                CashFlow(account.account_id, "contribution", amount, "scheduled", due)
            )
        else:
            account.flow_reserve += amount
            account.flows.append(
                CashFlow(account.account_id, "withdrawal", amount, "requested", due)
            )


def _restrict(draws: Draws, draft: HouseholdDraft) -> None:
    """Lockups, holdings that must stay, securities that may not be bought, limits."""
    for holding in draft.held:
        if draws.chance(0.025):
            holding.is_restricted = True
        elif draws.chance(0.02):
            holding.is_gain_allowed = False
        elif draws.chance(0.015):
            holding.lots[-1].is_locked = True
    for account in draft.accounts:
        account.menu = [entry for entry in account.menu if not draws.chance(0.02)]
    for holding in draws.some_of(draft.held, 1 if draws.chance(0.15) else 0):
        limit = Decimal(draws.integer(2, 20)) / 100
        draft.limits.append(ConcentrationLimit(holding.security_id, limit, "household rule"))


def _recent_history(draws: Draws, draft: HouseholdDraft) -> None:
    """Purchases and losses of the last 30 days, and purchases that are due in the next."""
    market = sample_market()
    if draws.chance(0.4):
        for holding in draws.some_of(draft.held, draws.integer(1, 3)):
            day = PLANNED_TRADE_DATE - timedelta(days=draws.integer(1, 30))
            worth = float(holding.quantity * market.securities[holding.security_id].price)
            recent = lot_of(
                draws, holding.security_id, worth * draws.between(0.01, 0.1), THOUSANDTH, day
            )
            holding.lots += [] if recent is None else [recent]
    for name, window in ((0.25, draft.recent_losses), (0.15, draft.scheduled_purchases)):
        if draws.chance(name):
            for holding in draws.some_of(draft.held, draws.integer(1, 2)):
                group = market.securities[holding.security_id].security.identity_group_id
                days = draws.integer(1, 29) * (-1 if window is draft.recent_losses else 1)
                window[group] = PLANNED_TRADE_DATE + timedelta(days=days)
    if draws.chance(0.03) and draft.held:
        holding = draws.one_of(draft.held)
        draft.unknown_coverage.add(
            market.securities[holding.security_id].security.identity_group_id
        )
