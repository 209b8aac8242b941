"""Trade tonight or take another path: one objective, the better one, and words that agree."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from python_steps.optimizer.alternatives import Question, alternatives_of, with_alternatives
from python_steps.optimizer.linear_programs import LinearPrograms
from python_steps.optimizer.planner import optimizing_planner, plan_household
from python_steps.optimizer.workshop import PlanningTools, Workshop
from python_steps.planning.alternative_words import verdict_words
from python_steps.planning.household import Household
from python_steps.planning.plan import (
    ALTERNATIVES,
    DEFER_GAINS,
    PARTIAL,
    TRADE_NOW,
    WAIT,
    Alternative,
    HouseholdPlan,
)
from python_steps.policy import FirmPolicy
from python_steps.sample_households.generate import typical_household
from tests.python_steps.optimizer.drifted_book import RECENT, drifted
from tests.python_steps.optimizer.test_rationale import RULES, prices_of, workshop_of_book
from tests.python_steps.planning.small_book import BONDS, LARGE, TRADE_DATE, SmallBook

SOON = TRADE_DATE + timedelta(days=11)
# Gains are taken whatever they cost: whether to wait with them is what is asked here.
EAGER = FirmPolicy(breakeven_years_limit=Decimal(50))


def compared(work: Workshop) -> HouseholdPlan:
    planner = optimizing_planner()
    return planner(work.household, work.policy, work.rate_tables, work.market.assumptions)


def paths(plan: HouseholdPlan) -> dict[str, Alternative]:
    assert [each.name for each in plan.alternatives] == list(ALTERNATIVES)
    return {each.name: each for each in plan.alternatives}


def recommended(plan: HouseholdPlan) -> str:
    (best,) = [each for each in plan.alternatives if each.is_recommended]
    return best.name


def overweight(
    *, basis: object, contribution: object = 0, bought: date = date(2020, 3, 2)
) -> SmallBook:
    """60,000 of 100,000 in large caps against 50 %, all in one taxable account."""
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.5", BONDS: "0.5"})
    book.account("TAX")
    for name, asset_class in (("VTI", LARGE), ("BND", BONDS)):
        book.security(name, asset_class)
        book.model(name)
    book.tax_unit()
    book.lot("TAX", "VTI", 600, basis, bought)
    book.lot("TAX", "BND", 400, 100)
    if contribution:
        book.flow("TAX", "contribution", contribution, SOON)
    return book


def test_a_contribution_that_cures_the_drift_without_tax_says_wait_and_the_plan_says_so() -> None:
    plan = compared(workshop_of_book(overweight(basis=5, contribution=20_000), EAGER))
    found = paths(plan)
    assert plan.trades, "tonight's plan would sell at a gain"
    assert recommended(plan) == WAIT
    now, wait = found[TRADE_NOW], found[WAIT]
    assert now.objective_value is not None
    assert wait.objective_value is not None
    assert wait.objective_value < now.objective_value
    assert now.estimated_tax is not None
    assert now.estimated_tax > 0 == wait.estimated_tax
    assert wait.breach_count == now.breach_count == 0
    assert wait.end_date == now.end_date == SOON
    assert wait.trade_count == 0
    assert wait.waiting_cost is not None
    assert now.waiting_cost is not None
    assert wait.waiting_cost > now.waiting_cost, "the drift is borne for eleven days"
    assert plan.explanation.endswith(wait.verdict)
    assert wait.verdict.startswith(
        f"Wait. Counting what is planned when the contribution of $20,000 on {SOON}"
    )


def test_without_a_contribution_the_plan_stands_and_waiting_cures_nothing() -> None:
    work = workshop_of_book(overweight(basis=100))
    plan = compared(work)
    found = paths(plan)
    assert recommended(plan) == TRADE_NOW
    assert plan.value is not None
    assert found[TRADE_NOW].objective_value == plan.value.total
    assert found[WAIT].breach_count == 2
    assert found[WAIT].end_date == TRADE_DATE
    assert found[TRADE_NOW].verdict.startswith("Trade now. No contribution is in sight; ")
    assert "outside the band by" in found[TRADE_NOW].verdict
    assert "Wait" not in plan.explanation


def test_the_paths_of_tonight_are_those_of_the_same_planner() -> None:
    """What waiting is worth is what a plan of that later night would be worth."""
    work = workshop_of_book(overweight(basis=100, contribution=20_000))
    plan = compared(work)
    found = paths(plan)
    assert found[TRADE_NOW].trade_count == len(plan.trades)
    assert found[TRADE_NOW].largest_drift < Decimal("0.05")
    assert plan.estimated_tax is not None
    assert found[TRADE_NOW].estimated_tax is not None
    assert found[TRADE_NOW].transaction_cost > plan.transaction_cost, "the money is put to work"


def test_a_part_is_the_plan_before_any_gain() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 700, 60)
    book.lot("IRA", "VTI", 200, None)
    plan = compared(workshop_of_book(book, EAGER))
    assert any(trade.realized_long_term_gain > 0 for trade in plan.trades)
    part = paths(plan)[PARTIAL]
    assert part.same_as is None
    assert part.estimated_tax is not None
    assert plan.estimated_tax is not None
    assert part.estimated_tax <= 0 < plan.estimated_tax
    assert part.breach_count > paths(plan)[TRADE_NOW].breach_count


def test_without_gains_a_part_is_the_tax_advantaged_accounts_alone() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 300, 130, RECENT)
    book.lot("IRA", "VTI", 400, None)
    work = workshop_of_book(book)
    plan = compared(work)
    assert any(trade.account_id == "TAX" for trade in plan.trades)
    part = paths(plan)[PARTIAL]
    assert part.estimated_tax == 0, "nothing taxed is sold"
    assert 0 < part.trade_count < len(plan.trades)


def short_gains() -> SmallBook:
    book = overweight(basis=70, bought=TRADE_DATE - timedelta(days=340))
    book.rows("dim_households")[0]["allows_short_term_gains"] = True
    return book


def test_gains_that_turn_long_term_soon_are_put_off_until_then() -> None:
    plan = compared(workshop_of_book(short_gains(), EAGER))
    assert any(trade.realized_short_term_gain > 0 for trade in plan.trades)
    later = paths(plan)[DEFER_GAINS]
    assert later.same_as is None
    assert later.end_date == TRADE_DATE - timedelta(days=340) + timedelta(days=366)
    assert later.breach_count == 0
    assert later.estimated_tax is not None
    assert plan.estimated_tax is not None
    assert later.estimated_tax < plan.estimated_tax, "the same gains at the long-term rate"
    assert recommended(plan) == DEFER_GAINS
    assert later.verdict in plan.explanation
    assert later.verdict.startswith("Put the short-term gains off.")


def test_paths_of_the_same_trades_are_told_as_the_same() -> None:
    plan = compared(workshop_of_book(overweight(basis=100)))
    later = paths(plan)[DEFER_GAINS]
    assert later.same_as == TRADE_NOW
    assert later.objective_value == paths(plan)[TRADE_NOW].objective_value
    assert not later.is_recommended


def question(work: Workshop, planner: Any = None) -> Question:
    lean = PlanningTools(LinearPrograms(), with_frontier=False)

    def later(household: Household, policy: FirmPolicy) -> HouseholdPlan:
        return plan_household(household, policy, work.rate_tables, work.market.assumptions, lean)

    return Question(
        work.household,
        work.policy,
        work.rate_tables,
        work.market.assumptions,
        prices_of(work),
        planner or later,
    )


def test_a_difference_that_the_plans_may_be_away_from_the_best_is_none() -> None:
    work = workshop_of_book(overweight(basis=5, contribution=20_000), EAGER)
    asked = question(work)
    plan = asked.planner(work.household, work.policy)
    assert plan.optimality is not None
    sure = alternatives_of(asked, plan)
    assert [each.name for each in sure if each.is_recommended] == [WAIT]
    unsure = replace(plan, optimality=replace(plan.optimality, optimality_gap=Decimal(10**6)))
    found = alternatives_of(asked, unsure)
    assert [each.name for each in found if each.is_recommended] == [TRADE_NOW]
    assert "come to the same" in found[0].verdict


def test_a_distance_that_is_not_proved_is_not_told_as_none() -> None:
    work = workshop_of_book(overweight(basis=5, contribution=20_000), EAGER)
    asked = question(work)
    plan = asked.planner(work.household, work.policy)
    assert plan.optimality is not None
    assert alternatives_of(asked, plan)[0].optimality_gap is not None
    unproved = replace(plan, optimality=replace(plan.optimality, optimality_gap=None))
    assert alternatives_of(asked, unproved)[0].optimality_gap is None


def test_wealth_after_an_unknown_tax_is_not_known() -> None:
    work = workshop_of_book(overweight(basis=100, contribution=20_000))
    asked = question(work)
    plan = asked.planner(work.household, work.policy)
    assert plan.tax_impacts
    untaxed = tuple(replace(each, estimated_tax=None) for each in plan.tax_impacts)
    assert alternatives_of(asked, plan)[0].wealth
    assert alternatives_of(asked, replace(plan, tax_impacts=untaxed))[0].wealth == ()


def test_an_unknown_tax_recommends_nothing() -> None:
    work = workshop_of_book(overweight(basis=100, contribution=20_000))
    asked = question(work)
    plan = asked.planner(work.household, work.policy)
    assert plan.value is not None
    unknown = replace(plan, value=replace(plan.value, tax_change=None), estimated_tax=None)
    found = alternatives_of(asked, unknown)
    assert found[0].objective_value is None
    assert not any(each.is_recommended for each in found)
    assert found[0].verdict.startswith("The paths cannot be compared")
    assert "an unknown tax" in found[0].verdict
    told = with_alternatives(unknown, found)
    assert told.explanation == unknown.explanation
    assert told.alternatives == found


def test_a_plan_without_trades_waits() -> None:
    plan = compared(workshop_of_book(overweight(basis=5, contribution=20_000)))
    assert plan.trades == ()
    assert recommended(plan) == WAIT
    assert paths(plan)[WAIT].same_as == TRADE_NOW
    assert plan.alternatives[0].verdict.startswith("Wait. Tonight's plan has no trade: waiting")
    assert plan.alternatives[0].verdict not in plan.explanation


def test_no_paths_where_nothing_is_to_be_cured() -> None:
    book = overweight(basis=100)
    book.rows("int_lots__identified").clear()
    book.lot("TAX", "VTI", 500, 100)
    book.lot("TAX", "BND", 500, 100)
    assert compared(workshop_of_book(book)).alternatives == ()


def test_only_a_planner_that_is_asked_to_compares() -> None:
    work = workshop_of_book(overweight(basis=100))
    plan = plan_household(work.household, work.policy, work.rate_tables, work.market.assumptions)
    assert plan.trades
    assert plan.alternatives == ()


@pytest.mark.parametrize("seed", range(4))
def test_generated_households_get_consistent_paths(seed: int) -> None:
    household = typical_household(seed, RULES)
    plan = optimizing_planner()(household, RULES.policy, RULES.rates, RULES.assumptions)
    if not plan.alternatives:
        return
    found = paths(plan)
    best = [each for each in plan.alternatives if each.is_recommended]
    assert len(best) == 1
    known = [each.objective_value for each in plan.alternatives]
    now = found[TRADE_NOW].objective_value
    assert now is not None
    assert best[0].objective_value is not None
    assert best[0].objective_value <= now
    if best[0].name != TRADE_NOW:
        assert best[0].objective_value == min(each for each in known if each is not None)
        assert plan.explanation.endswith(best[0].verdict) or not plan.trades
    for each in plan.alternatives:
        assert len(each.wealth) == 4
        assert each.wealth[-1].pre_tax > each.wealth[0].pre_tax > each.wealth[0].after_tax
    again = optimizing_planner()(household, RULES.policy, RULES.rates, RULES.assumptions)
    assert again == plan


def test_the_table_holds_four_paths_with_their_wealth_in_columns() -> None:
    book = overweight(basis=5, contribution=20_000)
    book.planner = "optimizer"
    rows = book.plan(policy=EAGER).tables["alternatives"].to_pylist()
    assert [row["alternative"] for row in rows] == list(ALTERNATIVES)
    assert [row["is_recommended"] for row in rows] == [False, True, False, False]
    assert all(row["after_tax_wealth_10y"] < row["pre_tax_wealth_10y"] for row in rows)
    assert rows[0]["pre_tax_wealth_1y"] < rows[0]["pre_tax_wealth_3y"]


def test_the_words_fit_one_class_and_several() -> None:
    work = workshop_of_book(overweight(basis=100))
    (now, wait, *others) = compared(work).alternatives
    one = replace(wait, breach_count=1, waiting_cost=Decimal("12.4"), estimated_tax=Decimal(-5))
    words = verdict_words(work.household, (now, one, *others), now)
    assert "1 target outside the band" in words
    assert "bears $12.40 of risk until then" in words
    assert "saves $5.00 of tax" in words


def test_a_target_inside_a_class_counts_as_outside_its_band() -> None:
    """VTI, 30 % of the book, is missing while every class stands on its target."""
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.6", BONDS: "0.4"})
    book.account("IRA", "traditional_ira")
    for name, asset_class in (("VTI", LARGE), ("ITOT", LARGE), ("BND", BONDS)):
        book.security(name, asset_class)
        book.model(name)
    book.part("VTI", "0.30", level="security")
    book.tax_unit()
    book.lot("IRA", "ITOT", 600, None)
    book.lot("IRA", "BND", 400, None)
    found = paths(compared(workshop_of_book(book)))
    assert found[TRADE_NOW].breach_count == 0
    wait = found[WAIT]
    assert (wait.breach_count, wait.largest_drift) == (1, Decimal("0.3"))
    assert 20_000 < wait.drift_outside_bands < 30_000
    assert "leaves 1 target outside the band by $2" in wait.verdict
