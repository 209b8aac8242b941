"""IRC 852(b)(4) in plans: losses on young fund shares are limited by what was paid on them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from python_steps.planning.batch import rate_tables_from
from python_steps.planning.book_tables import BookTables
from python_steps.planning.fund_distributions import Distribution, distributions_of_lots
from python_steps.planning.household import Lot, LotDistributions
from python_steps.planning.household_frames import HouseholdBuilder, market_assumptions
from python_steps.planning.plan_check import check_plan
from python_steps.planning.waterfall import plan_household
from python_steps.policy import FirmPolicy
from tests.python_steps.planning.small_book import (
    AS_OF,
    BONDS,
    LARGE,
    TRADE_DATE,
    D,
    SmallBook,
    seeds,
)

BOUGHT = date(2026, 8, 3)


def muni_book(bought: date = BOUGHT, **account: Any) -> SmallBook:
    """A taxable account overweight in a municipal bond fund whose young lot stands at a loss."""
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.5", BONDS: "0.5"})
    book.account("A1", **account)
    book.tax_unit(year_to_date_short_term_gain=D(50_000))
    book.security("MUB", BONDS, 100)
    book.security("VTI", LARGE, 100)
    book.model("VTI")
    book.lot("A1", "MUB", 800, 110, bought)
    book.lot("A1", "VTI", 200, 90)
    return book


def paid(book: SmallBook, kind: str, amount: object, day: date = date(2026, 10, 5)) -> None:
    book.rows("int_distributions__recent").append(
        {
            "household_id": "H1", "account_id": "A1", "security_id": "MUB", "paid_date": day,
            "distribution_kind": kind, "amount": D(amount),
        }
    )  # fmt: skip


def test_exempt_interest_takes_its_part_of_a_young_loss_away() -> None:
    book = muni_book()
    paid(book, "exempt_interest", 800)
    planned = book.plan()
    (sale,) = planned.of("sell", "MUB")
    (lot,) = planned.lots
    # A dollar a share was paid: a tenth of the loss of ten dollars a share.
    assert lot["disallowed_loss"] == sale["quantity"]
    assert lot["recharacterized_loss"] == 0
    assert lot["realized_gain"] == -10 * sale["quantity"]
    assert sale["realized_short_term_loss"] == -9 * sale["quantity"]
    # Short-term gains of the year so far meet 24 percent, surtax and state.
    saved = 9 * sale["quantity"] * (D("0.24") + D("0.038") + D("0.05"))
    assert planned.plan["estimated_tax"] == -saved.quantize(D("0.01"))
    (row,) = [each for each in planned.exceptions if each["reason_code"] == "limited_loss"]
    assert row["amount"] == lot["disallowed_loss"]
    assert "not deductible" in row["rationale"]
    assert "852(b)(4)" in row["rationale"]


def test_capital_gain_distributions_make_their_part_of_it_long_term() -> None:
    book = muni_book()
    paid(book, "long_term_gain", 1_600)
    planned = book.plan()
    (sale,) = planned.of("sell", "MUB")
    (lot,) = planned.lots
    assert lot["term"] == "short"
    assert lot["recharacterized_loss"] == -2 * sale["quantity"]
    assert sale["realized_long_term_loss"] == -2 * sale["quantity"]
    assert sale["realized_short_term_loss"] == -8 * sale["quantity"]
    assert sale["tax_character"] == "mixed"
    (impact,) = planned.tables["tax_impact"].to_pylist()
    assert impact["harvested_loss"] == 10 * sale["quantity"]
    assert lot["tax_cost"] == sale["tax_cost"] == planned.plan["estimated_tax"]
    (row,) = [each for each in planned.exceptions if each["reason_code"] == "limited_loss"]
    assert "counts as long-term" in row["rationale"]


@pytest.mark.parametrize(
    ("bought", "day"),
    [
        (date(2026, 5, 19), date(2026, 10, 5)),  # the first day beyond six months is 20 November
        (BOUGHT, BOUGHT),  # paid on the day of the purchase: to the shares held before
    ],
)
def test_older_shares_and_earlier_payments_limit_nothing(bought: date, day: date) -> None:
    book = muni_book(bought)
    paid(book, "exempt_interest", 800, day)
    planned = book.plan()
    (sale,) = planned.of("sell", "MUB")
    assert sale["realized_short_term_loss"] == -10 * sale["quantity"]
    assert "limited_loss" not in planned.reasons()


def test_the_last_day_of_six_months_still_limits() -> None:
    book = muni_book(date(2026, 5, 20))
    paid(book, "exempt_interest", 800)
    assert "limited_loss" in book.plan().reasons()


def test_a_gain_and_an_ira_are_not_limited() -> None:
    book = muni_book(account_type="traditional_ira")
    paid(book, "exempt_interest", 800)
    assert "limited_loss" not in book.plan().reasons()
    book = muni_book()
    book.security_row("MUB")["price"] = D(111)
    paid(book, "exempt_interest", 800)
    assert "limited_loss" not in book.plan().reasons()


def test_the_checker_limits_losses_itself() -> None:
    book = muni_book()
    paid(book, "exempt_interest", 800)
    tables = BookTables(book.frames(), AS_OF)
    household = HouseholdBuilder(tables, FirmPolicy(), TRADE_DATE).build("H1", AS_OF)
    rates = rate_tables_from(seeds(), FirmPolicy())
    assumptions = market_assumptions(tables)
    plan = plan_household(household, FirmPolicy(), rates, assumptions)
    assert check_plan(household, plan, FirmPolicy(), rates) == []
    blind = replace(
        household,
        positions=tuple(
            replace(each, lots=tuple(replace(lot, distributions=None) for lot in each.lots))
            for each in household.positions
        ),
    )
    wrong = plan_household(blind, FirmPolicy(), rates, assumptions)
    broken = {each.invariant for each in check_plan(household, wrong, FirmPolicy(), rates)}
    assert broken == {"six_month_losses_are_limited", "estimated_tax_is_true"}


def lot_of(lot_id: str, quantity: object, bought: date | None) -> Lot:
    return Lot(
        lot_id=lot_id, account_id="A1", security_id="MUB", quantity=D(quantity),
        sellable_quantity=D(quantity), acquisition_date=bought, holding_period_start_date=bought,
        is_long_term=False, cost_basis=D(1), is_gain_allowed=True, block=None,
    )  # fmt: skip


def test_a_lot_is_charged_with_the_largest_part_that_it_can_have_had() -> None:
    old, young, late = (
        lot_of("OLD", 300, date(2024, 1, 5)),
        lot_of("YOUNG", 100, BOUGHT),
        # Bought within ten days of the payment: it may have come too late for it, or not.
        lot_of("LATE", 100, date(2026, 10, 1)),
    )
    payments = [Distribution(date(2026, 10, 5), "long_term_gain", D(40))]
    found = distributions_of_lots([old, young, late, lot_of("?", 5, None)], payments, TRADE_DATE)
    share = LotDistributions(Decimal(10), Decimal(0))
    assert found == {"YOUNG": share, "LATE": share}
    alone = distributions_of_lots([late], payments, TRADE_DATE)
    assert alone == {"LATE": LotDistributions(Decimal(40), Decimal(0))}
    before = [payments[0]._replace(paid_date=late.acquisition_date or AS_OF - timedelta(days=1))]
    assert distributions_of_lots([late], before, TRADE_DATE) == {}


@pytest.mark.parametrize(("cost", "is_sold"), [(110, False), (90, True)])
def test_the_loss_of_a_gift_is_not_taken_where_its_value_that_day_is_not_known(
    cost: int, is_sold: bool
) -> None:
    """IRC 1015(a): a gain counts from the donor's basis, a loss from the lesser value that day."""
    book = muni_book(date(2020, 1, 6))
    for row in book.rows("int_lots__identified"):
        row["acquisition_type"] = "GIFT"
        row["custodian_cost_basis"] = row["quantity"] * cost
    planned = book.plan()
    assert bool(planned.of("sell", "MUB")) is is_sold
    if not is_sold:
        assert any("it was a gift" in row["rationale"] for row in planned.exceptions)


def test_of_metal_a_part_of_a_young_loss_that_counts_as_long_term_is_of_metal() -> None:
    """The checkers count what the plan's tax counts, and find an impact row that is silent."""
    book = muni_book()
    for row in book.rows("dim_securities"):
        row["is_collectible"] = row["security_id"] == "MUB"
    paid(book, "long_term_gain", 1_600)
    tables = BookTables(book.frames(), AS_OF)
    household = HouseholdBuilder(tables, FirmPolicy(), TRADE_DATE).build("H1", AS_OF)
    rates = rate_tables_from(seeds(), FirmPolicy())
    plan = plan_household(household, FirmPolicy(), rates, market_assumptions(tables))
    (impact,) = plan.tax_impacts
    assert impact.realized_collectibles_loss < 0
    assert check_plan(household, plan, FirmPolicy(), rates) == []
    silent = replace(impact, realized_collectibles_loss=D(0))
    broken = check_plan(household, replace(plan, tax_impacts=(silent,)), FirmPolicy(), rates)
    assert {each.invariant for each in broken} == {"collectibles_follow_lots"}
