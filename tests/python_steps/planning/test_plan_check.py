"""The checker finds every broken rule in a plan that somebody tampered with."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path

import pytest

from python_steps.planning import plan_check as check_module
from python_steps.planning.batch import checked_plan, rate_tables_from
from python_steps.planning.book_tables import BookTables
from python_steps.planning.household import ConcentrationLimit, Household, HouseholdIndex
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
from tests.python_steps.planning.test_wash_sale_rules import exit_book

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
        (with_trade(plan, a_buy, action="exchange"), "actions_are_known"),
        (with_trade(plan, a_buy, reason_code="RAISE_CASH"), "reasons_fit_actions"),
        (with_trade(plan, taxable_sale, reason_code="INVEST_CASH"), "reasons_fit_actions"),
        (
            with_trade(plan, a_buy, quantity=-buy.quantity, notional=-buy.notional),
            "purchases_are_positive",
        ),
        (
            with_trade(plan, a_buy, quantity=buy.quantity + Decimal("0.0001")),
            "shares_are_whole",
        ),
        (with_trade(plan, taxable_sale, realized_long_term_loss=D(0)), "results_add_up"),
        (with_trade(plan, a_buy, realized_short_term_gain=D(1)), "results_add_up"),
        (
            replace(
                plan,
                tax_impacts=(replace(plan.tax_impacts[0], realized_long_term_gain=D(5)),),
            ),
            "results_add_up",
        ),
        (replace(plan, tax_impacts=()), "results_add_up"),
        (
            replace(
                plan,
                exceptions=(
                    TradeException("Cash", "cash_shortfall", "Words.", "A1", amount=D(40)),
                ),
            ),
            "shortfalls_are_told",
        ),
        (
            replace(
                plan,
                exceptions=(
                    TradeException("Twice", "excluded", "Words."),
                    TradeException("Twice", "excluded", "Words."),
                ),
            ),
            "exception_subjects_are_unique",
        ),
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


@pytest.mark.parametrize(
    ("method", "first"),
    [("FIFO", "old"), ("AVERAGE", "old"), ("LIFO", "new"), ("HIFO", "dear"), ("LOFO", "cheap")],
)
def test_each_standing_method_has_its_own_turn(method: str, first: str) -> None:
    book = sound_book()
    lots = {
        "old": book.lot("A1", "BND", 10, 60, date(2015, 1, 5)),
        "dear": book.lot("A1", "BND", 10, 90, date(2018, 1, 5)),
        "cheap": book.lot("A1", "BND", 10, 30, date(2019, 1, 4)),
        "unknown": book.lot("A1", "BND", 10, None, date(2017, 1, 4)),
        "new": book.lot("A1", "BND", 10, 55, date(2026, 11, 2)),
    }
    household = problem(book)
    accounts = tuple(replace(each, lot_method=method) for each in household.accounts)
    household = replace(household, accounts=accounts)
    sale = next(trade for trade in sound_plan()[1].trades if taxable_sale(trade))
    for name, lot_id in lots.items():
        part = replace(sale.lots[0], lot_id=lot_id, quantity=D(10))
        sold = replace(sale, security_id="BND", quantity=D(10), lots=(part,))
        plan = replace(sound_plan()[1], trades=(sold,))
        is_in_turn = name == first or (name == "unknown" and method in ("HIFO", "LOFO"))
        found = "lot_method_is_followed" in broken_by(household, plan)
        assert found is not is_in_turn, name
    unheard = tuple(replace(each, lot_method="DARTS") for each in accounts)
    assert "lot_method_is_followed" in broken_by(replace(household, accounts=unheard), plan)


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


def test_needed_cash_excuses_its_own_gains_beyond_the_budget_and_no_others() -> None:
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.5", BONDS: "0.5"})
    book.account("A1")
    book.account("A2", flow_reserve=1_000)
    book.tax_unit()
    book.security("VTI", LARGE, 100)
    book.security("BND", BONDS, 50)
    book.security("AGG", BONDS, 50)
    book.model("BND")
    book.lot("A1", "VTI", 800, 95)
    book.lot("A2", "AGG", 400, 40)
    assumptions = market_assumptions(BookTables(book.frames(), AS_OF))
    household = problem(book)
    plan = plan_household(household, POLICY, RATES, assumptions)
    gains = {
        reason: sum(
            (each.realized_long_term_gain for each in plan.trades if each.reason_code == reason),
            D(0),
        )
        for reason in ("RAISE_CASH", "REBALANCE")
    }
    assert gains["RAISE_CASH"] > 0
    assert gains["REBALANCE"] > 0
    rule = "gains_stay_inside_the_budget"
    within = replace(household, annual_gains_budget=gains["REBALANCE"])
    assert rule not in broken_by(within, plan)
    assert rule in broken_by(replace(household, annual_gains_budget=D(0)), plan)


def test_a_purchase_below_the_funds_minimum_or_not_offered_is_found() -> None:
    household, plan = sound_plan()
    buy = next(trade for trade in plan.trades if a_buy(trade))
    key = (buy.account_id, buy.security_id)
    for changes, rule in (
        ({"minimum_amount": buy.notional + 1}, "trades_reach_the_minimum"),
        ({"is_available": False}, "restrictions_hold"),
    ):
        known = HouseholdIndex(household).terms_of(
            key[0], HouseholdIndex(household).securities[key[1]]
        )
        terms = replace(known, **changes)  # type: ignore[arg-type]
        others = tuple(each for each in household.trade_terms if each[0] != key)
        assert rule in broken_by(replace(household, trade_terms=(*others, (key, terms))), plan)
        same = replace(household, trade_terms=(*others, (key, known)))
        assert broken_by(same, plan) == set()


def test_a_purchase_that_a_small_rise_would_overdraw_is_found() -> None:
    """A1 is left with less than half a per cent of what it trades."""
    household, plan = sound_plan()
    buy = next(trade for trade in plan.trades if a_buy(trade) and trade.account_id == "A1")
    cash = next(each for each in household.accounts if each.account_id == "A1").cash
    assert cash is not None
    left = cash.investable
    for trade in plan.trades:
        if trade.account_id == "A1":
            left += (trade.notional if trade.action == "sell" else -trade.notional) - trade.cost
    more = (left / buy.price).to_integral_value(ROUND_FLOOR)
    assert more > 0
    quantity = buy.quantity + more
    tampered = with_trade(
        plan,
        lambda trade: trade is buy,
        quantity=quantity,
        notional=quantity * buy.price,
    )
    rule = "cash_survives_the_execution_buffer"
    assert rule not in broken_by(household, plan)
    assert broken_by(household, tampered) & {rule, "cash_is_not_overdrawn"} == {rule}


def test_what_an_account_lacks_is_told_for_that_account() -> None:
    book = SmallBook()
    book.household()
    book.group({LARGE: "1"})
    for account in ("A1", "A2"):
        book.account(account, cash=100, flow_reserve=5_000)
    book.tax_unit()
    book.security("VTI", LARGE, 100)
    book.lot("A1", "VTI", 10, 100)
    household = problem(book)
    assumptions = market_assumptions(BookTables(book.frames(), AS_OF))
    plan = plan_household(household, POLICY, RATES, assumptions)
    assert broken_by(household, plan) == set()
    rows = [row for row in plan.exceptions if row.reason_code == "cash_shortfall"]
    assert {row.account_id for row in rows} == {"A1", "A2"}
    swapped = [replace(row, account_id="A1" if row.account_id == "A2" else "A2") for row in rows]
    others = [row for row in plan.exceptions if row not in rows]
    told_of_others = replace(plan, exceptions=(*others, *swapped))
    assert broken_by(household, told_of_others) == {"shortfalls_are_told"}


def test_a_thousandth_of_a_share_is_no_loss_because_cents_round() -> None:
    """Lot 2 stands at a gain of 11 per cent; nine cents of it cost nine cents."""
    _, plan = sound_plan()
    book = sound_book()
    book.window("VTI", no_loss_sale_until_date=TRADE_DATE)
    household = problem(book)
    rule = "no_loss_inside_a_window"
    sale = next(trade for trade in plan.trades if taxable_sale(trade))
    own = next(row for row in household.positions if row.account_id == "A1")
    older, newer = sorted(own.lots, key=lambda lot: lot.acquisition_date or date.min)
    crumb = replace(
        sale.lots[0],
        quantity=Decimal("0.001"),
        proceeds=D("0.09"),
        cost_basis=D("0.09"),
        realized_gain=D(0),
    )
    of_the_gain = with_trade(plan, taxable_sale, lots=(replace(crumb, lot_id=newer.lot_id),))
    assert rule not in broken_by(household, of_the_gain)
    # What the plan says of a lot does not count: the older one is under water.
    flattered = replace(crumb, lot_id=older.lot_id, cost_basis=D(0), realized_gain=D("0.09"))
    assert rule in broken_by(household, with_trade(plan, taxable_sale, lots=(flattered,)))


def test_gains_where_none_are_allowed_are_found() -> None:
    household, plan = sound_plan()
    sale = next(trade for trade in plan.trades if taxable_sale(trade))
    gain = replace(sale.lots[0], term="long", realized_gain=D(500))
    tampered = with_trade(plan, taxable_sale, lots=(gain,))
    assert isinstance(tampered, HouseholdPlan)
    rules = {"no_gain_where_restricted", "no_long_term_gain_where_not_allowed"}
    assert not rules & broken_by(household, tampered)
    strict = replace(POLICY, long_term_gains_allowed=False)
    found = {each.invariant for each in check_plan(household, tampered, strict, RATES)}
    assert "no_long_term_gain_where_not_allowed" in found
    positions = tuple(replace(row, is_gain_allowed=False) for row in household.positions)
    restricted = replace(household, positions=positions)
    assert "no_gain_where_restricted" in broken_by(restricted, tampered)


def test_a_purchase_over_a_concentration_limit_is_found() -> None:
    household, plan = sound_plan()
    held = sum(
        (row.market_value or D(0) for row in household.positions if row.security_id == "BND"), D(0)
    )
    bought = sum((each.notional for each in plan.trades if a_buy(each)), D(0))
    total = household.market_value
    assert total is not None
    for spare, is_broken in ((D(1), False), (D(-1), True)):
        limit = ConcentrationLimit("BND", (held + bought + spare) / total, "a rule")
        limited = replace(household, concentration_limits=(limit,))
        assert ("concentration_limits_hold" in broken_by(limited, plan)) is is_broken


def test_a_taxable_lot_without_a_basis_may_not_be_sold() -> None:
    household, plan = sound_plan()
    sale = next(trade for trade in plan.trades if taxable_sale(trade))
    positions = tuple(
        replace(
            row,
            lots=tuple(
                replace(lot, cost_basis=None) if lot.lot_id == sale.lots[0].lot_id else lot
                for lot in row.lots
            ),
        )
        for row in household.positions
    )
    assert "basis_is_known" in broken_by(replace(household, positions=positions), plan)


# Losses beside recent purchases (invariant 5, share by share)

EXITS = replace(POLICY, allow_full_exit_of_recent_lots=True)


def plan_that_leaves_a_group() -> tuple[SmallBook, HouseholdPlan]:
    """300 old shares and 20 of last week, all sold at a loss."""
    book, _, _ = exit_book()
    tables = BookTables(book.frames(), AS_OF)
    household = HouseholdBuilder(tables, EXITS, TRADE_DATE).build("H1", AS_OF)
    plan = plan_household(household, EXITS, RATES, market_assumptions(tables))
    (sale,) = [trade for trade in plan.trades if trade.action == "sell"]
    assert sum(part.quantity for part in sale.lots) == 320
    return book, plan


def broken_with_exits(book: SmallBook, plan: HouseholdPlan) -> set[str]:
    return {each.invariant for each in check_plan(problem(book), plan, EXITS, RATES)}


def test_a_full_exit_is_found_only_where_the_firm_does_not_allow_it() -> None:
    book, plan = plan_that_leaves_a_group()
    assert broken_with_exits(book, plan) == set()
    assert broken_by(problem(book), plan) == {"no_loss_inside_a_window"}


def test_one_recent_share_that_stays_replaces_one_of_the_loss() -> None:
    book, plan = plan_that_leaves_a_group()
    book.lot("A1", "VB", 1, 90, TRADE_DATE - timedelta(days=30))
    assert broken_with_exits(book, plan) == {"no_loss_is_replaced"}


def test_shares_of_31_days_ago_replace_nothing() -> None:
    book, plan = plan_that_leaves_a_group()
    book.lot("A1", "VB", 1, 90, TRADE_DATE - timedelta(days=31))
    assert broken_with_exits(book, plan) == set()


def test_shares_of_another_wash_sale_group_replace_nothing() -> None:
    book, plan = plan_that_leaves_a_group()
    book.account("C1", "utma", wash_sale_group_id="W-CHILD", tax_unit_id="T-CHILD")
    book.lot("C1", "VB", 1, 90, TRADE_DATE - timedelta(days=3))
    assert broken_with_exits(book, plan) == set()


def test_shares_of_unknown_date_may_be_recent() -> None:
    book, plan = plan_that_leaves_a_group()
    book.lot("A1", "VB", 1, 90, None, holding_period_start_date=date(2019, 1, 4))
    assert broken_with_exits(book, plan) == {"no_loss_is_replaced"}


@pytest.mark.parametrize("change", [{"is_exit_possible": False}, {"no_loss_sale_until_date": None}])
def test_a_purchase_that_no_sale_can_undo_keeps_the_window_shut(change: dict[str, object]) -> None:
    book, plan = plan_that_leaves_a_group()
    if "no_loss_sale_until_date" in change:
        change = {"no_loss_sale_until_date": TRADE_DATE + timedelta(days=30)}
    book.rows("wash_sale_windows")[0].update(change)
    assert broken_with_exits(book, plan) == {"no_loss_inside_a_window"}


def test_recent_shares_in_an_ira_replace_a_loss_even_where_they_are_sold() -> None:
    household, plan = problem(plan_that_leaves_a_group()[0]), plan_that_leaves_a_group()[1]
    accounts = tuple(
        replace(each, tax_treatment="tax_free") if each.account_id == "A2" else each
        for each in household.accounts
    )
    recent = next(
        lot
        for position in household.positions
        for lot in position.lots
        if lot.security_id == "VB" and lot.quantity == 20
    )
    moved = tuple(
        replace(
            position,
            lots=tuple(
                replace(lot, account_id="A2") if lot == recent else lot for lot in position.lots
            ),
        )
        for position in household.positions
    )
    household = replace(household, accounts=accounts, positions=moved)
    found = {each.invariant for each in check_plan(household, plan, EXITS, RATES)}
    assert "no_loss_is_replaced" in found


def test_of_the_very_lot_that_is_sold_the_rest_replaces_nothing() -> None:
    """Rev. Rul. 56-602, also where an earlier wash sale has split the lot."""
    book, plan = plan_that_leaves_a_group()
    household = problem(book)
    (sale,) = [trade for trade in plan.trades if trade.action == "sell"]
    recent = next(part for part in sale.lots if part.quantity == 20)
    of_recent = replace(
        sale,
        quantity=D(10),
        lots=(replace(recent, quantity=D(10), proceeds=D(1_000), cost_basis=D(1_200)),),
    )
    part = replace(plan, trades=(of_recent,))
    found = {each.invariant for each in check_plan(household, part, EXITS, RATES)}
    assert not {"no_loss_is_replaced", "no_loss_inside_a_window"} & found


def two_taxable_accounts() -> tuple[Household, HouseholdPlan]:
    """One account sells a fund at a gain; the other buys bonds."""
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.5", BONDS: "0.5"})
    book.account("A1")
    book.account("A2", cash=20_000)
    book.tax_unit()
    book.security("VTI", LARGE, 100)
    book.security("BND", BONDS, 50)
    for ticker in ("VTI", "BND"):
        book.model(ticker)
    book.lot("A1", "VTI", 800, 60)
    household = problem(book)
    assumptions = market_assumptions(BookTables(book.frames(), AS_OF))
    return household, plan_household(household, POLICY, RATES, assumptions)


@pytest.mark.parametrize(
    ("of_sale", "of_purchase", "is_found"),
    [
        ("REBALANCE", "REBALANCE", True),
        ("RAISE_CASH", "REBALANCE", False),
        ("REBALANCE", "INVEST_CASH", False),
        ("LOCATE", "LOCATE", False),
    ],
)
def test_a_gain_taken_to_buy_the_same_elsewhere_is_found(
    of_sale: str, of_purchase: str, is_found: bool
) -> None:
    household, plan = two_taxable_accounts()
    sale = next(trade for trade in plan.trades if trade.action == "sell")
    buy = next(trade for trade in plan.trades if trade.action == "buy" and trade.account_id == "A2")
    assert any((part.realized_gain or 0) > 0 for part in sale.lots)
    again = replace(
        buy,
        security_id="VTI",
        price=D(100),
        quantity=buy.notional / 100,
        reason_code=of_purchase,
    )
    tampered = replace(plan, trades=(replace(sale, reason_code=of_sale), again))
    found = broken_by(household, tampered)
    assert ("no_gain_is_taken_to_buy_the_same" in found) == is_found


def test_every_rule_of_the_checkers_is_tried_by_a_test() -> None:
    """Names of rules, read from the checkers, against the words of these tests."""
    folder = Path(check_module.__file__).parent
    tests = "".join(
        path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.py"))
    )
    names: set[str] = set()
    for module in ("plan_check", "objective_check", "certificate_check"):
        source = (folder / f"{module}.py").read_text(encoding="utf-8")
        names |= set(re.findall(r'BrokenInvariant\(\s*"([a-z_]+)"', source))
        names |= set(re.findall(r'^    name = "([a-z_]+)"', source, re.MULTILINE))
    assert len(names) > 60
    assert {name for name in names if f'"{name}"' not in tests} == set()
