"""Gain of physical metal trusts in plans: 28 percent, their own basket, and nothing guessed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from python_steps.planning.batch import rate_tables_from
from python_steps.planning.book_tables import BookTables
from python_steps.planning.household import Household, HouseholdIndex
from python_steps.planning.household_frames import HouseholdBuilder, market_assumptions
from python_steps.planning.plan import HouseholdPlan
from python_steps.planning.plan_check import check_plan
from python_steps.planning.tax_effect import Realized, TaxEffect
from python_steps.planning.tax_shares import SoldLot, tax_shares
from python_steps.planning.waterfall import plan_household
from python_steps.policy import FirmPolicy
from tests.python_steps.planning.small_book import (
    ALTERNATIVES,
    AS_OF,
    BONDS,
    TRADE_DATE,
    D,
    SmallBook,
    seeds,
)

POLICY = FirmPolicy()
RATES = rate_tables_from(seeds(), POLICY)
# The 35 percent bracket of 2026, far above the threshold of the tax on net investment income.
HIGH_INCOME: dict[str, Any] = {
    "ordinary_taxable_income": D(540_000),
    "magi": D(580_000),
    "marginal_ordinary_rate": D("0.40"),
    "marginal_short_term_rate": D("0.438"),
    "marginal_long_term_rate": D("0.238"),
    "marginal_collectibles_rate": D("0.368"),
}


def gold_book(*, is_collectible: bool | None, gold_cost: object = 60, **unit: Any) -> SmallBook:
    """Cash is due, and the taxable account has nothing but gold to raise it from."""
    book = SmallBook()
    book.household()
    book.group({ALTERNATIVES: "0.5", BONDS: "0.5"})
    book.account("A1", flow_reserve=20_000)
    book.account("I1", "traditional_ira")
    book.tax_unit(**{**HIGH_INCOME, **unit})
    book.security("GLD", ALTERNATIVES, 100, is_collectible=is_collectible)
    book.security("BND", BONDS, 50)
    book.lot("A1", "GLD", 1_000, gold_cost)
    book.lot("I1", "BND", 2_000, 50)
    return book


def problem(book: SmallBook) -> tuple[Household, HouseholdPlan]:
    tables = BookTables(book.frames(), AS_OF)
    household = HouseholdBuilder(tables, POLICY, TRADE_DATE).build("H1", AS_OF)
    return household, plan_household(household, POLICY, RATES, market_assumptions(tables))


def test_long_term_gain_of_a_metal_trust_costs_28_percent_with_surtax_and_state() -> None:
    planned = gold_book(is_collectible=True).plan()
    (impact,) = planned.tables["tax_impact"].to_pylist()
    gain = impact["realized_long_term_gain"]
    assert gain > 0
    assert impact["realized_collectibles_gain"] == gain
    assert impact["realized_collectibles_loss"] == 0
    expected = gain * (D("0.28") + D("0.038") + D("0.05"))
    assert impact["estimated_tax"] == expected.quantize(D("0.01"))
    assert sum(row["tax_cost"] for row in planned.lots) == impact["estimated_tax"]


def test_the_same_gain_of_a_fund_costs_15_percent_and_is_no_collectible() -> None:
    (impact,) = gold_book(is_collectible=False).plan().tables["tax_impact"].to_pylist()
    gain = impact["realized_long_term_gain"]
    assert impact["realized_collectibles_gain"] == 0
    assert impact["estimated_tax"] == (gain * D("0.238")).quantize(D("0.01"))


def test_short_term_gain_of_a_metal_trust_is_ordinary() -> None:
    book = gold_book(is_collectible=True)
    for table in ("int_lots__identified", "lot_adjustments"):
        for row in book.rows(table):
            row["holding_period_start_date"] = date(2026, 6, 1)
            row["term"] = "short"
    (impact,) = book.plan().tables["tax_impact"].to_pylist()
    assert impact["realized_collectibles_gain"] == 0
    gain = impact["realized_short_term_gain"]
    assert impact["estimated_tax"] == (gain * D("0.438")).quantize(D("0.01"))


def test_a_trust_of_which_nobody_has_said_what_it_is_keeps_its_long_term_lots() -> None:
    planned = gold_book(is_collectible=None).plan()
    assert planned.of("sell", "GLD") == []
    (row,) = [each for each in planned.exceptions if each["reason_code"] == "cash_shortfall"]
    assert "nobody has said whether" in row["rationale"]


def test_carried_losses_reduce_the_collectibles_first() -> None:
    """28% Rate Gain Worksheet, line 5: what is left is 28-percent rate gain."""
    planned = gold_book(is_collectible=True, long_term_carryforward=D(5_000)).plan()
    (impact,) = planned.tables["tax_impact"].to_pylist()
    left = impact["realized_collectibles_gain"] - D(5_000)
    assert left > 0
    # Without the plan $3,000 of the carryforward would have been deducted from income.
    deducted = D(3_000) * (D("0.35") + D("0.05"))
    expected = left * (D("0.28") + D("0.038") + D("0.05")) + deducted
    assert impact["estimated_tax"] == expected.quantize(D("0.01"))


def test_of_equal_gains_the_one_taxed_less_is_sold_first() -> None:
    book = SmallBook()
    book.household()
    book.group({ALTERNATIVES: "0.6", BONDS: "0.4"})
    book.account("A1")
    book.tax_unit(**HIGH_INCOME)
    book.security("AAU", ALTERNATIVES, 100, is_collectible=True)
    book.security("ZRE", ALTERNATIVES, 100)
    book.security("BND", BONDS, 50)
    book.model("BND")
    for ticker in ("AAU", "ZRE"):
        book.lot("A1", ticker, 500, 98)
    book.lot("A1", "BND", 400, 50)
    planned = book.plan()
    assert planned.of("sell", "ZRE")
    assert planned.of("sell", "AAU") == []


def test_the_checker_does_its_own_sum_of_collectibles() -> None:
    household, plan = problem(gold_book(is_collectible=True))
    assert check_plan(household, plan, POLICY, RATES) == []
    ordinary = replace(
        household,
        securities=tuple(replace(each, is_collectible=False) for each in household.securities),
    )
    # A planner that took the trust for a fund: its tax is too low, and its impact row is silent.
    tables = BookTables(gold_book(is_collectible=True).frames(), AS_OF)
    wrong = plan_household(ordinary, POLICY, RATES, market_assumptions(tables))
    broken = {each.invariant for each in check_plan(household, wrong, POLICY, RATES)}
    assert broken == {"estimated_tax_is_true", "collectibles_follow_lots"}


def test_the_checker_refuses_a_long_term_sale_of_an_unknown_kind() -> None:
    household, plan = problem(gold_book(is_collectible=True))
    unknown = replace(
        household,
        securities=tuple(replace(each, is_collectible=None) for each in household.securities),
    )
    broken = {each.invariant for each in check_plan(unknown, plan, POLICY, RATES)}
    assert "collectibles_are_known" in broken


def test_the_year_so_far_counts() -> None:
    household, _ = problem(
        gold_book(
            is_collectible=True,
            year_to_date_long_term_gain=D(10_000),
            year_to_date_collectibles_gain=D(10_000),
        )
    )
    tax = TaxEffect(HouseholdIndex(household), RATES)
    # A loss of the plan meets the collectibles of the year at 28 percent, surtax and state on top.
    assert tax.change("T-H1", Realized(short_loss=D(-1_000))) == D("-368.00")


@pytest.mark.parametrize(
    ("lots", "shares"),
    [
        ([SoldLot(D(1_000), True, True), SoldLot(D(1_000), True)], ["368.00", "238.00"]),
        ([SoldLot(D(1_000), False, True)], ["438.00"]),
    ],
)
def test_lots_of_collectibles_bear_their_own_rate(lots: list[SoldLot], shares: list[str]) -> None:
    household, _ = problem(gold_book(is_collectible=True))
    tax = TaxEffect(HouseholdIndex(household), RATES)

    def change(realized: Realized) -> Decimal:
        found = tax.exact_change("T-H1", realized)
        assert found is not None
        return found

    whole = Realized()
    for lot in lots:
        whole = whole.plus(
            lot.gain, is_long_term=lot.is_long_term, is_collectible=lot.is_collectible
        )
    total = change(whole).quantize(D("0.01"))
    assert tax_shares(lots, change, total) == [D(share) for share in shares]
