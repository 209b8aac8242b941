"""The checker finds every broken rule in a plan that somebody tampered with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from python_steps.planning.batch import checked_plan, rate_tables_from
from python_steps.planning.book_tables import BookTables
from python_steps.planning.household import Household
from python_steps.planning.household_frames import HouseholdBuilder, market_assumptions
from python_steps.planning.plan import HouseholdPlan, Trade, TradeException
from python_steps.planning.plan_check import check_plan
from python_steps.planning.waterfall import plan_household
from python_steps.policy import FirmPolicy
from tests.python_steps.planning.small_book import (
    AS_OF,
    BONDS,
    CASH,
    LARGE,
    TRADE_DATE,
    D,
    SmallBook,
    seeds,
)

POLICY = FirmPolicy()
RATES = rate_tables_from(seeds(), POLICY)


def sound_book() -> SmallBook:
    """A taxable account at a loss and an IRA, both overweight in stocks."""
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.5", BONDS: "0.5"})
    book.account("A1", cash=100, lot_method="FIFO")
    book.account("I1", "traditional_ira", cash=100)
    book.tax_unit()
    book.security("VTI", LARGE, 100)
    book.security("ITOT", LARGE, 100)
    book.security("BND", BONDS, 50)
    for ticker in ("VTI", "BND"):
        book.model(ticker)
    book.lot("A1", "VTI", 300, 130, date(2019, 1, 4))
    book.lot("A1", "VTI", 200, 90, date(2026, 5, 4))
    book.lot("I1", "VTI", 200, 90)
    book.lot("I1", "ITOT", "0.5", 90)
    book.constraint("I1", "ITOT", is_buyable=False, reason="do_not_buy")
    book.lot("I1", "BND", 200, 50)
    return book


def problem(book: SmallBook) -> Household:
    builder = HouseholdBuilder(BookTables(book.frames(), AS_OF), POLICY, TRADE_DATE)
    return builder.build("H1", AS_OF)


def sound_plan() -> tuple[Household, HouseholdPlan]:
    book = sound_book()
    household = problem(book)
    assumptions = market_assumptions(BookTables(book.frames(), AS_OF))
    return household, plan_household(household, POLICY, RATES, assumptions)


def with_trade(plan: HouseholdPlan, chosen: Callable[[Trade], bool], **changes: object) -> object:
    """The plan with the first chosen trade changed."""
    place = next(place for place, trade in enumerate(plan.trades) if chosen(trade))
    trades = list(plan.trades)
    trades[place] = replace(trades[place], **changes)  # type: ignore[arg-type]
    return replace(plan, trades=tuple(trades))


def taxable_sale(trade: Trade) -> bool:
    return trade.action == "sell" and trade.account_id == "A1"


def a_buy(trade: Trade) -> bool:
    return trade.action == "buy"


def broken_by(household: Household, plan: object) -> set[str]:
    assert isinstance(plan, HouseholdPlan)
    return {each.invariant for each in check_plan(household, plan, POLICY, RATES)}


def test_a_plan_of_the_waterfall_keeps_every_invariant() -> None:
    household, plan = sound_plan()
    assert plan.trades
    assert check_plan(household, plan, POLICY, RATES) == []


def test_each_tampered_trade_is_found_by_its_rule() -> None:
    household, plan = sound_plan()
    sale = next(trade for trade in plan.trades if taxable_sale(trade))
    buy = next(trade for trade in plan.trades if a_buy(trade))
    lot = sale.lots[0]
    cases = [
        (with_trade(plan, taxable_sale, quantity=D(9_000)), "lots_exist_and_are_not_oversold"),
        (with_trade(plan, taxable_sale, lots=()), "lots_exist_and_are_not_oversold"),
        (
            with_trade(plan, taxable_sale, lots=(replace(lot, lot_id="nowhere"), *sale.lots[1:])),
            "lots_exist_and_are_not_oversold",
        ),
        (with_trade(plan, a_buy, security_id="ITOT"), "restrictions_hold"),
        (
            with_trade(plan, a_buy, notional=D(90_000), quantity=D(90_000) / buy.price),
            "cash_is_not_overdrawn",
        ),
        (with_trade(plan, a_buy, security_id="VTI", price=D(100)), "no_wash_sale_within_the_plan"),
        (with_trade(plan, a_buy, quantity=buy.quantity + Decimal("0.5")), "shares_are_whole"),
        (with_trade(plan, a_buy, price=buy.price + 1), "prices_are_the_books"),
        (with_trade(plan, a_buy, notional=D(10)), "trades_reach_the_minimum"),
        (with_trade(plan, a_buy, notional=D(10)), "notional_is_quantity_times_price"),
        (with_trade(plan, a_buy, reason_code="BECAUSE"), "every_trade_has_a_reason"),
        (with_trade(plan, a_buy, rationale=" "), "every_trade_has_a_reason"),
        (with_trade(plan, taxable_sale, tax_cost=D(1)), "tax_costs_add_up"),
        (
            with_trade(
                plan, taxable_sale, lots=(replace(lot, term="short"), *sale.lots[1:])
            ),
            "terms_follow_dates",
        ),
        (
            with_trade(
                plan, taxable_sale, lots=(replace(lot, realized_gain=D(1)), *sale.lots[1:])
            ),
            "gains_follow_lots",
        ),
        (
            replace(
                plan, tax_impacts=(replace(plan.tax_impacts[0], estimated_tax=D(0)),)
            ),
            "estimated_tax_is_true",
        ),
        (replace(plan, run_mode="no_trade"), "trades_fit_the_run_mode"),
        (replace(plan, run_mode="cash_only"), "trades_fit_the_run_mode"),
        (replace(plan, cash_shortfall=D(10)), "shortfall_is_stated"),
        (replace(plan, trades=(*plan.trades, buy)), "one_trade_per_account_and_security"),
        (
            replace(plan, exceptions=(TradeException("x", "unheard_of", "words"),)),
            "every_exception_has_a_reason",
        ),
        (with_trade(plan, a_buy, account_id="Z9"), "trades_are_in_the_household"),
    ]  # fmt: skip
    for tampered, rule in cases:
        assert rule in broken_by(household, tampered), rule


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"no_loss_sale_until_date": TRADE_DATE}, "no_loss_inside_a_window"),
        ({"coverage": "unknown"}, "no_loss_without_known_history"),
    ],
)
def test_a_loss_inside_a_window_is_found(changes: dict[str, object], rule: str) -> None:
    _, plan = sound_plan()
    book = sound_book()
    book.window("VTI", **changes)
    assert rule in broken_by(problem(book), plan)


def test_a_purchase_inside_a_window_is_found() -> None:
    _, plan = sound_plan()
    book = sound_book()
    book.window("BND", no_buy_until_date=TRADE_DATE)
    assert "no_purchase_inside_a_window" in broken_by(problem(book), plan)


def test_a_lot_out_of_the_methods_turn_is_found() -> None:
    household, plan = sound_plan()
    second = next(lot for lot in problem(sound_book()).positions if lot.account_id == "A1")
    newer = max(second.lots, key=lambda lot: lot.acquisition_date or date.min)
    sale = next(trade for trade in plan.trades if taxable_sale(trade))
    swapped = with_trade(plan, taxable_sale, lots=(replace(sale.lots[0], lot_id=newer.lot_id),))
    assert "lot_method_is_followed" in broken_by(household, swapped)
    assert "no_short_term_gain_where_not_allowed" not in broken_by(household, plan)


def test_a_short_term_gain_that_the_household_forbids_is_found() -> None:
    household, plan = sound_plan()
    sale = next(trade for trade in plan.trades if taxable_sale(trade))
    lot = replace(sale.lots[0], term="short", realized_gain=D(500))
    tampered = with_trade(plan, taxable_sale, lots=(lot,))
    assert "no_short_term_gain_where_not_allowed" in broken_by(household, tampered)


def test_a_plan_that_breaks_a_rule_is_withheld_with_the_rules_name() -> None:
    household, plan = sound_plan()
    assumptions = market_assumptions(BookTables(sound_book().frames(), AS_OF))

    def careless(*_: object) -> HouseholdPlan:
        return with_trade(plan, a_buy, security_id="ITOT")  # type: ignore[return-value]

    withheld = checked_plan(household, POLICY, RATES, assumptions, careless)
    assert withheld.trades == ()
    assert withheld.plan_status == "withheld"
    assert "restrictions_hold" in withheld.explanation
    assert any("restrictions_hold" in row.rationale for row in withheld.exceptions)


def test_a_breach_that_no_exception_tells_is_found() -> None:
    household, plan = sound_plan()
    group = household.groups[0]
    rows = tuple(
        replace(
            row, is_breach=True, upper_band_weight=row.target_weight / 2, lower_band_weight=D(0)
        )
        if row.asset_class != CASH
        else row
        for row in group.classes
    )
    tighter = replace(household, groups=(replace(group, classes=rows),))
    assert "what_stays_outside_its_band_is_told" in broken_by(tighter, plan)


def test_gains_beyond_the_budget_are_found() -> None:
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.5", BONDS: "0.5"})
    book.account("A1")
    book.tax_unit(year_to_date_long_term_gain=D(2_000))
    book.security("VTI", LARGE, 100)
    book.security("BND", BONDS, 50)
    book.model("BND")
    book.lot("A1", "VTI", 800, 95)
    book.lot("A1", "BND", 400, 50)
    household = problem(book)
    assumptions = market_assumptions(BookTables(book.frames(), AS_OF))
    plan = plan_household(household, POLICY, RATES, assumptions)
    gain = sum(trade.realized_long_term_gain for trade in plan.trades)
    assert gain > 1_000
    rule = "gains_stay_inside_the_budget"
    enough = replace(household, annual_gains_budget=D(2_000) + gain)
    assert rule not in broken_by(enough, plan)
    assert rule in broken_by(replace(household, annual_gains_budget=D(2_500)), plan)
    unknown = replace(household.tax_units[0], year_to_date_long_term_gain=None)
    assert rule in broken_by(replace(enough, tax_units=(unknown,)), plan)
