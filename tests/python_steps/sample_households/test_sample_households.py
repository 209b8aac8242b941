"""Sample households are what they say they are, and the waterfall keeps every rule on them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from statistics import median

import pytest

from python_steps.planning.household import Household, HouseholdIndex
from python_steps.planning.plan_check import check_plan
from python_steps.planning.waterfall import plan_household
from python_steps.sample_households.generate import (
    large_household,
    stress_household,
    typical_household,
)
from python_steps.sample_households.market import CLASSES, sample_market
from python_steps.sample_households.rules import sample_rules
from python_steps.sample_households.stress import TWISTS
from python_steps.sample_households.typical import RETIREMENT_PLAN
from tests.python_steps.planning.small_book import seeds

RULES = sample_rules(seeds())
TYPICAL = [typical_household(seed, RULES) for seed in range(120)]


def taxable_lots(household: Household) -> int:
    accounts = HouseholdIndex(household).accounts
    return sum(
        len(position.lots)
        for position in household.positions
        if accounts[position.account_id].is_taxable
    )


def share(flags: Iterable[bool]) -> float:
    found = list(flags)
    return sum(found) / len(found)


def test_typical_households_have_the_stated_sizes() -> None:
    assert median(len(each.accounts) for each in TYPICAL) == 4
    assert {len(each.accounts) for each in TYPICAL} == {2, 3, 4, 5, 6}
    assert 1_200_000 < median(each.market_value or Decimal(0) for each in TYPICAL) < 1_800_000
    assert 36 <= median(len(each.positions) for each in TYPICAL) <= 52
    assert 27 <= median(len({row.security_id for row in each.positions}) for each in TYPICAL) <= 41
    assert 130 <= median(taxable_lots(each) for each in TYPICAL) <= 200
    assert 60 <= median(len(each.buy_options) for each in TYPICAL) <= 86


def test_typical_households_meet_the_stated_circumstances() -> None:
    outside = share(
        any(row.is_breach for group in each.groups for row in group.classes) for each in TYPICAL
    )
    assert 0.68 <= outside <= 0.92
    cash = [[account.cash for account in each.accounts] for each in TYPICAL]
    below = share(any(row is not None and row.investable < 0 for row in rows) for rows in cash)
    assert 0.28 <= below <= 0.58
    assert any(each.wash_sale_windows for each in TYPICAL)
    windows = [window for each in TYPICAL for window in each.wash_sale_windows]
    assert any(window.no_buy_until_date for window in windows)
    assert any(window.no_loss_sale_until_date for window in windows)
    lots = [lot for each in TYPICAL for position in each.positions for lot in position.lots]
    assert any(lot.block is not None for lot in lots)
    assert any(unit.long_term_carryforward for each in TYPICAL for unit in each.tax_units)


def test_gains_and_losses_stand_side_by_side() -> None:
    for household in TYPICAL[:40]:
        index = HouseholdIndex(household)
        gains = [
            (index.securities[lot.security_id].price or Decimal(0)) * lot.quantity - lot.cost_basis
            for lot in index.lots.values()
            if lot.cost_basis is not None and index.accounts[lot.account_id].is_taxable
        ]
        assert any(gain > 0 for gain in gains)
        assert any(gain < 0 for gain in gains)


def test_a_lot_cost_what_its_security_cost_on_its_day() -> None:
    market = sample_market()
    for lot in HouseholdIndex(TYPICAL[0]).lots.values():
        if lot.cost_basis is None or lot.acquisition_date is None:
            continue
        place = market.sessions.index_of(lot.acquisition_date)
        close = Decimal(market.securities[lot.security_id].prices[place]) / 100
        assert abs(lot.cost_basis / lot.quantity / close - 1) < Decimal("0.02")


def test_every_account_but_a_retirement_plan_has_two_identity_groups_in_nearly_every_class() -> (
    None
):
    pairs = [
        {
            HouseholdIndex(household).securities[option.security_id].identity_group_id
            for option in household.buy_options
            if (option.account_id, option.asset_class) == (account.account_id, name)
        }
        for household in TYPICAL[:30]
        for account in household.accounts
        if account.account_type != RETIREMENT_PLAN
        for name in CLASSES
    ]
    assert share(len(groups) >= 2 for groups in pairs) > 0.93


def test_classes_add_up_to_holdings_and_cash() -> None:
    for household in TYPICAL[:30]:
        held = sum((row.market_value or Decimal(0) for row in household.positions), Decimal(0))
        cash = sum((row.cash.trade_date for row in household.accounts if row.cash), Decimal(0))
        assert held + cash == household.market_value
        for group in household.groups:
            assert sum(row.target_weight for row in group.classes) == 1


def test_a_large_household_indexes_directly() -> None:
    household = large_household(3, RULES)
    assert len(household.accounts) == 12
    assert sum(account.is_taxable for account in household.accounts) == 5
    assert 400 <= len(household.positions) <= 560
    assert 2_400 <= taxable_lots(household) <= 4_200
    assert 580 <= len(household.buy_options) <= 740


def test_a_seed_always_gives_the_same_household() -> None:
    assert typical_household(5, RULES) == TYPICAL[5]
    assert stress_household(5, RULES) == stress_household(5, RULES)
    assert TYPICAL[5] != TYPICAL[6]


@pytest.mark.parametrize("seed", range(0, 120, 6))
def test_the_waterfall_keeps_every_rule_on_typical_households(seed: int) -> None:
    plan = plan_household(TYPICAL[seed], RULES.policy, RULES.rates, RULES.assumptions)
    assert check_plan(TYPICAL[seed], plan, RULES.policy, RULES.rates) == []


@pytest.mark.parametrize("seed", range(len(TWISTS)))
def test_the_waterfall_keeps_every_rule_on_each_twist(seed: int) -> None:
    household, twists = stress_household(seed, RULES)
    assert sorted(TWISTS)[seed] in twists
    plan = plan_household(household, RULES.policy, RULES.rates, RULES.assumptions)
    assert check_plan(household, plan, RULES.policy, RULES.rates) == []
