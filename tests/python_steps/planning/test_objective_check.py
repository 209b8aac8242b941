"""Each term of a plan's value is recomputed, and a wrong figure is found under its own name."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest

from python_steps.planning import objective_check as objective_check_module
from python_steps.planning.book_tables import BookTables
from python_steps.planning.household import ClassIncome, Household, MarketAssumptions, TaxUnit
from python_steps.planning.household_frames import market_assumptions
from python_steps.planning.objective_check import (
    YearResults,
    check_objective,
    tax_by_the_forms,
    value_of_not_trading,
)
from python_steps.planning.plan import HouseholdPlan, Optimality, PlanValue, Trade
from python_steps.planning.waterfall import plan_household
from python_steps.policy import FirmPolicy
from python_steps.sample_households.generate import stress_household, typical_household
from python_steps.sample_households.rules import sample_rules
from python_steps.sample_households.stress import TWISTS
from python_steps.taxes.rates import Bracket, YearRates, year_tax
from python_steps.taxes.tax_unit_states import profile_from_row
from tests.python_steps.planning.small_book import AS_OF, BONDS, CASH, LARGE, D, SmallBook, seeds
from tests.python_steps.planning.test_plan_check import (
    POLICY,
    RATES,
    a_buy,
    problem,
    sound_book,
    taxable_sale,
    with_trade,
)

RULES = sample_rules(seeds())
INCOME = {
    LARGE: ClassIncome(0.06, 0.02, 0.1, 0.5),
    BONDS: ClassIncome(0.04, 0.04, 0.3, 0.0),
    CASH: ClassIncome(0.03, 0.03, 0.0, 0.0),
}


def sound() -> tuple[Household, HouseholdPlan, MarketAssumptions]:
    """A plan of the waterfall in a year that already has a long-term loss of $2,000."""
    book = sound_book()
    book.rows("tax_unit_states")[0]["year_to_date_long_term_gain"] = D(-2_000)
    household = problem(book)
    assumptions = replace(market_assumptions(BookTables(book.frames(), AS_OF)), income=INCOME)
    return household, plan_household(household, POLICY, RATES, assumptions), assumptions


HOUSEHOLD, PLAN, ASSUMPTIONS = sound()
assert PLAN.value is not None
VALUE: PlanValue = PLAN.value


def found(
    plan: object,
    household: Household = HOUSEHOLD,
    policy: FirmPolicy = POLICY,
) -> list[str]:
    assert isinstance(plan, HouseholdPlan)
    broken = check_objective(household, plan, policy, RATES, ASSUMPTIONS)
    return [f"{each.invariant}: {each.detail}" for each in broken]


def names(broken: list[str]) -> set[str]:
    return {each.split(":")[0] for each in broken}


def test_a_true_value_is_found_true() -> None:
    assert PLAN.trades
    assert found(PLAN) == []


@pytest.mark.parametrize(
    ("term", "told_as"),
    [
        ("tax_change", "tax change"),
        ("transaction_cost", "transaction cost"),
        ("drift_penalty", "drift penalty"),
        ("shortfall_penalty", "shortfall penalty"),
    ],
)
def test_a_term_that_is_a_dollar_off_is_found(term: str, told_as: str) -> None:
    wrong = replace(PLAN, value=replace(VALUE, **{term: getattr(VALUE, term) + 1}))
    assert [each for each in found(wrong) if each.startswith("objective_terms_are_true")] == [
        each for each in found(wrong) if f": {told_as}: " in each
    ]
    assert names(found(wrong)) == {"objective_terms_are_true"}


def test_the_plans_own_tax_and_cost_agree_with_its_value() -> None:
    assert found(replace(PLAN, estimated_tax=None)) == [
        f"objective_terms_are_true: estimated tax: None, not {VALUE.tax_change}"
    ]
    assert names(found(replace(PLAN, transaction_cost=D(0)))) == {"objective_terms_are_true"}


def test_an_unknown_tax_is_not_stated() -> None:
    missing = replace(HOUSEHOLD.tax_units[0], magi=None)
    broken = found(PLAN, replace(HOUSEHOLD, tax_units=(missing,)))
    assert any("tax change" in each and "not None" in each for each in broken)


@pytest.mark.parametrize("part", ["commission", "spread_cost", "market_impact"])
def test_each_part_of_a_trades_cost_is_recomputed(part: str) -> None:
    trade = next(each for each in PLAN.trades if a_buy(each))
    wrong = with_trade(PLAN, a_buy, **{part: getattr(trade, part) + D("0.02")})
    assert "trade_costs_are_true" in names(found(wrong))


def test_impact_is_the_square_root_law() -> None:
    """Y x 16% / sqrt(252) x sqrt(100,000 / 10,000,000) x 100,000 = 100.79."""
    security = replace(HOUSEHOLD.securities[-1], average_daily_dollar_volume=D(10_000_000))
    assert security.primary_class == LARGE
    others = tuple(each for each in HOUSEHOLD.securities if each is not HOUSEHOLD.securities[-1])
    household = replace(HOUSEHOLD, securities=(*others, security))
    trade = replace(
        next(each for each in PLAN.trades if each.action == "sell"),
        security_id=security.security_id,
        notional=D(100_000),
        lots=(),
    )
    for impact, is_right in (("100.80", True), ("100.76", False), ("100.84", False)):
        plan = replace(PLAN, trades=(replace(trade, market_impact=D(impact)),))
        told = [each for each in found(plan, household) if "impact of" in each]
        assert (told == []) is is_right


def test_lots_bring_what_the_sale_brings() -> None:
    sale = next(each for each in PLAN.trades if taxable_sale(each))
    lot = replace(sale.lots[0], proceeds=sale.lots[0].proceeds + 1)
    assert "proceeds_add_up" in names(found(with_trade(PLAN, taxable_sale, lots=(lot,))))


def test_location_is_the_tax_on_a_years_income_of_what_moved() -> None:
    """Cents a dollar, less 0.81 (3% at 27%) of the cash it changes with in every account here.

    Taxable stocks 0.6032 (half of 2% at 23.8%, half at 27%, and 23.8% of a tenth of 4% growth),
    taxable bonds 1.08 (4% at 27%), deferred stocks 1.62 (6% at 27%), deferred bonds 1.08.
    """
    rate = {
        ("A1", "VTI"): D("0.006032") - D("0.0081"),
        ("A1", "BND"): D("0.0108") - D("0.0081"),
        ("I1", "VTI"): D("0.0162") - D("0.0081"),
        ("I1", "ITOT"): D("0.0162") - D("0.0081"),
        ("I1", "BND"): D("0.0108") - D("0.0081"),
    }
    cost = sum(
        rate[trade.account_id, trade.security_id]
        * trade.notional
        * (1 if trade.action == "buy" else -1)
        for trade in PLAN.trades
    ).quantize(D("0.01"))
    for years, told in ((1, cost), (3, 3 * cost), (0, D(0))):
        policy = replace(POLICY, location_years=D(years))
        right = replace(PLAN, value=replace(VALUE, location_cost=told))
        wrong = replace(PLAN, value=replace(VALUE, location_cost=told + 1))
        assert found(right, policy=policy) == []
        assert "location cost" in found(wrong, policy=policy)[0]


def test_later_years_bear_the_lower_basis_and_use_the_carried_loss() -> None:
    """A loss of L: basis -0.35 x 23.8% x L; beyond $3,000 with the $2,000 before, carried on."""
    loss = -sum((each.realized_long_term_loss for each in PLAN.trades), D(0))
    assert loss > 1_000
    reset = (D("0.35") * D("0.238") * loss).quantize(D("0.01"))
    carried = (D("0.6") * D("0.238") * -(loss + 2_000 - 3_000)).quantize(D("0.01"))
    right = replace(VALUE, basis_reset=reset, carried_losses=carried)
    assert found(replace(PLAN, value=right)) == []
    wrong = replace(PLAN, value=replace(right, basis_reset=-reset, carried_losses=D(0)))
    assert ["basis reset" in each or "carried losses" in each for each in found(wrong)] == [
        True
    ] * 2


def test_turnover_is_priced_by_the_traded_dollar() -> None:
    cents = (sum((each.notional for each in PLAN.trades), D(0)) / 1_000).quantize(D("0.01"))
    policy = replace(POLICY, turnover_price=D("0.001"))
    assert found(replace(PLAN, value=replace(VALUE, turnover=cents)), policy=policy) == []
    wrong = replace(PLAN, value=replace(VALUE, turnover=cents + 1))
    assert "turnover" in found(wrong, policy=policy)[0]


def test_a_plan_worse_than_doing_nothing_is_found_unless_cash_is_due() -> None:
    rule = "plan_is_no_worse_than_not_trading"
    idle = value_of_not_trading(HOUSEHOLD, POLICY, ASSUMPTIONS)
    others = VALUE.tax_change + VALUE.transaction_cost  # type: ignore[operator]
    just = replace(PLAN, value=replace(VALUE, drift_penalty=idle - others + 1))
    worse = replace(PLAN, value=replace(VALUE, drift_penalty=idle - others + D("1.01")))
    assert rule not in names(found(just))
    assert rule in names(found(worse))
    first = HOUSEHOLD.accounts[0]
    assert first.cash is not None
    short = replace(first, cash=replace(first.cash, investable=D(-5)))
    owing = replace(HOUSEHOLD, accounts=(short, *HOUSEHOLD.accounts[1:]))
    assert rule not in names(found(worse, owing))


def test_doing_nothing_is_worth_what_a_plan_without_trades_is() -> None:
    seen = 0
    for seed in range(40):
        household = typical_household(seed, RULES)
        plan = plan_household(household, RULES.policy, RULES.rates, RULES.assumptions)
        if not plan.trades and plan.value is not None:
            idle = value_of_not_trading(household, RULES.policy, RULES.assumptions)
            assert abs(idle - (plan.value.total or D(0))) < D("0.01")
            seen += 1
    assert seen >= 2


def test_the_proof_must_be_coherent() -> None:
    told = Optimality("optimizer", "optimal", D(100), D("0.50"), VALUE)
    assert found(replace(PLAN, optimality=told)) == []
    cases = [
        (replace(told, optimality_gap=D("-0.01")), "gap_is_not_negative"),
        (replace(told, lower_bound=None), "gap_belongs_to_a_bound"),
        (
            replace(told, baseline=replace(VALUE, drift_penalty=VALUE.drift_penalty - 1)),
            "plan_is_no_worse_than_its_baseline",
        ),
    ]
    for wrong, rule in cases:
        assert names(found(replace(PLAN, optimality=wrong))) == {rule}


def test_a_baseline_may_be_better_by_what_its_additional_trades_must_earn() -> None:
    """The baseline makes five trades, the plan none: it may be five times the least worth less."""
    idle = value_of_not_trading(HOUSEHOLD, POLICY, ASSUMPTIONS).quantize(D("0.01"))
    value = PlanValue(D(0), D(0), idle, D(0))
    for more, is_broken in ((D(0), False), (D(1), True)):
        better = replace(value, drift_penalty=idle - 5 * POLICY.minimum_trade_benefit - more)
        plan = replace(
            PLAN,
            trades=(),
            value=value,
            estimated_tax=D(0),
            transaction_cost=D(0),
            tracking_error_after=PLAN.tracking_error_before,
            optimality=Optimality("optimizer", "optimal", baseline=better, baseline_trades=5),
        )
        assert names(found(plan)) == (
            {"plan_is_no_worse_than_its_baseline"} if is_broken else set()
        )


def test_a_trade_that_earns_less_than_the_firm_asks_is_found_unless_it_raises_cash() -> None:
    trade = PLAN.trades[0]

    def valued(worth: Decimal | None, first: Trade = trade) -> HouseholdPlan:
        values = {(trade.account_id, trade.security_id): worth}
        told = Optimality("optimizer", "optimal", trade_values=values)
        return replace(PLAN, trades=(first, *PLAN.trades[1:]), optimality=told)

    assert found(valued(POLICY.minimum_trade_benefit)) == []
    assert found(valued(None)) == []
    assert names(found(valued(POLICY.minimum_trade_benefit - 1))) == {"trades_earn_their_place"}
    raising = replace(trade, reason_code="RAISE_CASH")
    assert found(valued(D(0), raising)) == []


def test_trades_without_a_value_are_found_and_a_withheld_plan_states_none() -> None:
    assert names(found(replace(PLAN, value=None))) == {"trades_are_valued"}
    assert found(replace(PLAN, value=None, trades=())) == []


def test_a_trade_of_somebody_else_is_named() -> None:
    stray = with_trade(PLAN, a_buy, security_id="NOBODY")
    assert found(stray) == ["trades_are_in_the_household: NOBODY"]


SIMPLE = YearRates(
    tax_year=2026,
    filing_status="single",
    ordinary_brackets=(Bracket(D(0), D("0.1")), Bracket(D(50_000), D("0.2")),
                       Bracket(D(100_000), D("0.37"))),
    gains_brackets=(Bracket(D(0), D(0)), Bracket(D(60_000), D("0.15"))),
    net_investment_threshold=D(90_000),
    net_investment_rate=D("0.038"),
    annual_loss_deduction=D(3_000),
    status="statutory",
)  # fmt: skip
UNIT: TaxUnit = replace(
    HOUSEHOLD.tax_units[0],
    ordinary_taxable_income=D(40_000),
    magi=D(50_000),
    state_rate=D("0.05"),
    state_gains_rate=None,
    short_term_carryforward=D(0),
    long_term_carryforward=D(0),
    year_to_date_short_term_gain=D(0),
    year_to_date_long_term_gain=D(0),
)
BEFORE = 4_000 + 2_000  # federal 10% and state 5% of the income


@pytest.mark.parametrize(
    ("results", "tax"),
    [
        ((0, 0, 0), 0),
        # 10,000 at 10% and 10,000 at 20%, and the state's 5%
        ((20_000, 0, 0), 1_000 + 2_000 + 1_000),
        # gains up to 60,000 at 0%, then 15%; the state's 5%
        ((0, 30_000, 0), 1_500 + 1_500),
        # only 3,000 of a loss is deducted: 10% and 5%
        ((0, -9_000, 0), -450),
        # a long-term loss meets the short-term gain first
        ((5_000, -4_000, 0), 150),
        # a short-term loss meets the long-term gain
        ((-6_000, 26_000, 0), 1_000),
        # collectibles on income: 10,000 at 10%, 20,000 at 20%, never 28% below that; state
        ((0, 30_000, 30_000), 1_000 + 4_000 + 1_500),
        # at most 28% above 100,000 (ordinary 37%): 10,000 at 10%, 50,000 at 20%, 20,000 at 28%;
        # income tax of investments on what lies above 90,000 of 130,000; state
        ((0, 80_000, 80_000), 1_000 + 10_000 + 5_600 + 1_520 + 4_000),
    ],
)
def test_a_years_tax_by_hand(results: tuple[int, int, int], tax: int) -> None:
    plan = YearResults(*(D(each) for each in results))
    assert tax_by_the_forms(UNIT, SIMPLE, plan) == BEFORE + tax


def test_two_programs_agree_on_a_thousand_years() -> None:
    """The forms here and the rates module share no arithmetic: they must agree all the same."""
    random = Random(20261120)  # noqa: S311 - a fixed series of cases

    def amount(most: int) -> Decimal:
        return D(random.choice((0, random.randint(-most, most), random.randint(-3_500, 3_500))))

    for _ in range(1_000):
        collectibles = amount(60_000)
        unit = replace(
            UNIT,
            filing_status=random.choice(("single", "MFJ", "MFS", "HoH")),
            ordinary_taxable_income=abs(amount(900_000)),
            magi=abs(amount(900_000)),
            state_rate=D(random.randint(0, 9)) / 100,
            state_gains_rate=random.choice((None, D("0.07"))),
            short_term_carryforward=abs(amount(80_000)),
            long_term_carryforward=abs(amount(80_000)),
            year_to_date_short_term_gain=amount(90_000),
            year_to_date_long_term_gain=amount(90_000),
            year_to_date_collectibles_gain=collectibles,
        )
        plan = YearResults(amount(400_000), amount(900_000), amount(50_000))
        profile = profile_from_row({name: getattr(unit, name) for name in TaxUnit.__slots__})
        assert profile is not None
        year = RATES.require(2026, str(unit.filing_status))
        assert tax_by_the_forms(unit, year, plan) == year_tax(
            profile, RATES, plan.short, plan.long, plan.collectibles
        )


@pytest.mark.parametrize("seed", range(len(TWISTS)))
def test_the_waterfall_values_its_plans_truly_on_each_twist(seed: int) -> None:
    household, _ = stress_household(seed, RULES)
    plan = plan_household(household, RULES.policy, RULES.rates, RULES.assumptions)
    broken = check_objective(household, plan, RULES.policy, RULES.rates, RULES.assumptions)
    # The waterfall follows its steps and is not asked to be better than doing nothing.
    assert {each.invariant for each in broken} <= {"plan_is_no_worse_than_not_trading"}


def test_tracking_error_is_recomputed() -> None:
    """Without cash: 10% too much in stocks of 16% and too little in bonds of 5.5%, 0.15 apart."""
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.5", BONDS: "0.5"})
    book.account("A1")
    book.tax_unit()
    book.security("VTI", LARGE, 100)
    book.security("BND", BONDS, 50)
    book.lot("A1", "VTI", 600, 100)
    book.lot("A1", "BND", 800, 50)
    household = problem(book)
    plan = plan_household(household, POLICY, RATES, ASSUMPTIONS)
    by_hand = (0.016**2 + 0.0055**2 - 2 * 0.15 * 0.016 * 0.0055) ** 0.5
    assert plan.trades == ()
    right = replace(plan, tracking_error_before=by_hand, tracking_error_after=by_hand)
    assert found(right, household) == []
    for wrong in (
        replace(right, tracking_error_before=by_hand + 1e-6),
        replace(right, tracking_error_after=None),
    ):
        assert names(found(wrong, household)) == {"tracking_error_is_true"}


def test_a_tracking_error_of_next_to_nothing_left_is_compared_by_its_size() -> None:
    """Flows that use a group up leave a huge share off target: no two sums agree to its end."""
    household, plan, assumptions = sound()
    huge = 328_245_571.52408993
    told = replace(plan, tracking_error_before=huge, tracking_error_after=huge)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            objective_check_module, "_tracking_error", lambda *_: math.nextafter(huge, 0.0)
        )
        rules = (POLICY, RATES, assumptions)
        assert check_objective(household, told, *rules) == []
        patch.setattr(objective_check_module, "_tracking_error", lambda *_: huge + 10)
        broken = {each.invariant for each in check_objective(household, told, *rules)}
        assert broken == {"tracking_error_is_true"}
