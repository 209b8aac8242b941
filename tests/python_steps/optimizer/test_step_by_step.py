"""The waterfall as a firm's own planner: its plan, unless not trading is worth more."""

from __future__ import annotations

import pytest

from python_steps.optimizer.planner import plan_step_by_step
from python_steps.planning import waterfall
from python_steps.planning.household import Household
from python_steps.planning.plan import NO_TRADE_MODE, HouseholdPlan
from python_steps.sample_households.generate import stress_household, typical_household
from python_steps.sample_households.rules import sample_rules
from tests.python_steps.planning.small_book import seeds

RULES = sample_rules(seeds())


def both(household: Household) -> tuple[HouseholdPlan, HouseholdPlan]:
    given = (household, RULES.policy, RULES.rates, RULES.assumptions)
    return plan_step_by_step(*given), waterfall.plan_household(*given)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_waterfalls_plan(seed: int) -> None:
    published, made = both(typical_household(seed, RULES))
    assert published == made
    assert published.trades


def test_sales_that_leave_more_drift_than_they_cure_are_not_made() -> None:
    """A tiny household sells a few dollars that no purchase it may make can take."""
    published, made = both(stress_household(40, RULES)[0])
    assert made.trades
    assert published.trades == ()
    assert published.run_mode == NO_TRADE_MODE
