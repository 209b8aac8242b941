"""A household carried forward: shares, cash, windows, returns and terms of the later day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from python_steps.planning.batch import rate_tables_from
from python_steps.planning.book_tables import BookTables
from python_steps.planning.household import (
    CASH,
    CashFlow,
    ClassIncome,
    Household,
    HouseholdIndex,
    MarketAssumptions,
)
from python_steps.planning.household_frames import HouseholdBuilder, market_assumptions
from python_steps.planning.ledger import starting_class_values
from python_steps.planning.next_household import after_trades, on_day
from python_steps.planning.plan import HouseholdPlan
from python_steps.planning.waterfall import plan_household
from python_steps.planning.wealth_paths import PathRates, wealth_path
from python_steps.policy import FirmPolicy
from tests.python_steps.optimizer.drifted_book import RECENT, drifted
from tests.python_steps.planning.small_book import AS_OF, BONDS, LARGE, TRADE_DATE, SmallBook

POLICY = FirmPolicy()
RATES = {"T-H1": PathRates(ordinary=0.4, long_term=0.2)}


def built(book: SmallBook) -> Household:
    return HouseholdBuilder(BookTables(book.frames(), AS_OF), POLICY, TRADE_DATE).build("H1", AS_OF)


def planned(book: SmallBook) -> tuple[Household, HouseholdPlan]:
    household, frames = built(book), book.frames()
    assumptions = market_assumptions(BookTables(frames, AS_OF))
    return household, plan_household(
        household, POLICY, rate_tables_from(frames, POLICY), assumptions
    )


def drifted_with_losses() -> SmallBook:
    book = drifted()
    book.lot("TAX", "VTI", 300, 130, RECENT)
    book.lot("TAX", "VTI", 400, 60)
    book.lot("IRA", "VTI", 300, None)
    return book


def test_trades_move_shares_cash_and_classes_as_the_ledger_does() -> None:
    household, plan = planned(drifted_with_losses())
    assert {trade.action for trade in plan.trades} == {"buy", "sell"}
    later = after_trades(household, plan.trades)
    before, after = HouseholdIndex(household), HouseholdIndex(later)
    for trade in plan.trades:
        key = (trade.account_id, trade.security_id)
        sign = 1 if trade.action == "buy" else -1
        held = before.positions[key].quantity if key in before.positions else Decimal(0)
        left = after.positions[key].quantity if key in after.positions else Decimal(0)
        assert left == held + sign * trade.quantity
        if key in after.positions:
            assert sum(lot.quantity for lot in after.positions[key].lots) == left
    for account in household.accounts:
        moved = sum(
            ((-1 if trade.action == "buy" else 1) * trade.notional - trade.cost
             for trade in plan.trades if trade.account_id == account.account_id),
            Decimal(0),
        )  # fmt: skip
        cash = after.accounts[account.account_id].cash
        assert cash is not None
        assert account.cash is not None
        assert cash.investable == account.cash.investable + moved
    total = sum(starting_class_values(after, later.groups[0]).values())
    cost = sum((trade.cost for trade in plan.trades), Decimal(0))
    assert total == sum(starting_class_values(before, household.groups[0]).values()) - cost
    weights = {row.asset_class: row.actual_weight for row in later.groups[0].classes}
    assert sum(weights.values()) == pytest.approx(1)
    assert weights[LARGE] < household.groups[0].classes[0].actual_weight or weights[BONDS] > 0
    assert not any(row.is_breach for row in later.groups[0].classes)


def test_what_is_sold_at_a_loss_may_not_be_bought_for_thirty_days_and_the_reverse() -> None:
    household, plan = planned(drifted_with_losses())
    later = HouseholdIndex(after_trades(household, plan.trades))
    until = household.planned_trade_date + timedelta(days=30)
    windows = {identity: window for (_, identity), window in later.windows.items()}
    assert windows["IG-VTI"].no_buy_until_date == until
    bought = next(trade.security_id for trade in plan.trades if trade.action == "buy")
    assert windows[f"IG-{bought}"].no_loss_sale_until_date == until


def test_the_year_so_far_holds_what_the_trades_realise() -> None:
    household, plan = planned(drifted_with_losses())
    (unit,) = after_trades(household, plan.trades).tax_units
    (known,) = household.tax_units
    assert known.year_to_date_short_term_gain is not None
    losses = sum((trade.realized_short_term_loss for trade in plan.trades), Decimal(0))
    assert losses < 0
    assert unit.year_to_date_short_term_gain == known.year_to_date_short_term_gain + losses


def test_a_sold_part_of_a_lot_takes_its_basis_along() -> None:
    household, plan = planned(drifted_with_losses())
    later = HouseholdIndex(after_trades(household, plan.trades))
    parts = [
        (lot, known)
        for lot in later.lots.values()
        if (known := HouseholdIndex(household).lots.get(lot.lot_id)) is not None
        and lot.quantity < known.quantity
    ]
    for lot, known in parts:
        if known.cost_basis is not None and lot.cost_basis is not None:
            share = lot.quantity / known.quantity
            assert abs(lot.cost_basis - known.cost_basis * share) <= Decimal("0.01")
        assert lot.custodian is None or lot.custodian.quantity == lot.quantity


def test_without_trades_nothing_changes() -> None:
    household = built(drifted_with_losses())
    assert after_trades(household, ()) is household


def test_money_that_arrives_is_cash_to_invest() -> None:
    book = drifted_with_losses()
    book.flow("TAX", "contribution", 50_000, TRADE_DATE + timedelta(days=11))
    household = built(book)
    (flow,) = household.cash_flows
    day = TRADE_DATE + timedelta(days=11)
    rates = rate_tables_from(book.frames(), POLICY)
    later = on_day(household, day, [flow], rates)
    known, cash = household.accounts[-1].cash, later.accounts[-1].cash
    assert later.accounts[-1].account_id == "TAX"
    assert known is not None
    assert cash is not None
    assert cash.investable == known.investable + 50_000
    assert later.cash_flows == ()
    assert later.planned_trade_date == day
    assert household.market_value is not None
    assert later.market_value == household.market_value + 50_000
    row = later.groups[0].target_of(CASH)
    assert row is not None
    assert row.is_breach
    assert row.is_breach_projected


def test_lots_grow_older() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 100, 60, TRADE_DATE - timedelta(days=360))
    household = built(book)
    rates = rate_tables_from(book.frames(), POLICY)
    for days, expected in ((5, False), (6, True)):
        later = on_day(household, TRADE_DATE + timedelta(days=days), [], rates)
        (lot,) = [lot for lot in HouseholdIndex(later).lots.values() if lot.security_id == "VTI"]
        assert lot.is_long_term is expected


def test_a_new_year_begins_with_what_the_old_one_leaves() -> None:
    book = drifted()
    book.rows("tax_unit_states")[0].update(
        year_to_date_short_term_gain=Decimal(-10_000), short_term_carryforward=Decimal(0),
        year_to_date_long_term_gain=Decimal(0), long_term_carryforward=Decimal(0),
    )  # fmt: skip
    household = built(book)
    frames = book.frames()
    provisional = rate_tables_from(frames, replace(POLICY, rates_when_missing="provisional"))
    later = on_day(household, date(TRADE_DATE.year + 1, 1, 5), [], provisional)
    (unit,) = HouseholdIndex(later).tax_units.values()
    assert unit.tax_year == TRADE_DATE.year + 1
    assert unit.year_to_date_short_term_gain == 0
    assert unit.short_term_carryforward == 7_000, "3,000 are deducted"
    blocked = rate_tables_from(frames, replace(POLICY, rates_when_missing="block"))
    unknown = on_day(household, date(TRADE_DATE.year + 1, 1, 5), [], blocked)
    assert HouseholdIndex(unknown).tax_units == {}, "what nobody knows is not assumed"


# Wealth


def market(**incomes: ClassIncome) -> MarketAssumptions:
    return MarketAssumptions({}, {}, {}, {"Cash": ClassIncome(0.03, 0.03, 0.0, 0.0), **incomes})


def holding(treatment: str, basis: object = 60) -> Household:
    book = SmallBook()
    book.household()
    book.group({LARGE: "1"})
    kinds = {"taxable": "taxable_individual", "deferred": "traditional_ira", "free": "roth_ira"}
    book.account("A1", kinds[treatment])
    book.security("VTI")
    book.tax_unit()
    book.lot("A1", "VTI", 100, basis if treatment == "taxable" else None)
    return built(book)


GROWTH = {LARGE: ClassIncome(0.08, 0.02, 0.25, 0.5)}


def wealth(household: Household, **taxes: int) -> dict[int, tuple[Decimal, Decimal]]:
    due = {name.replace("_", "-"): Decimal(tax) for name, tax in taxes.items()}
    path = wealth_path(household, market(**GROWTH), RATES, due)
    return {each.years: (each.pre_tax, each.after_tax) for each in path}


def test_wealth_grows_and_is_taxed_by_the_kind_of_account() -> None:
    free = wealth(holding("free"))
    assert set(free) == {1, 3, 5, 10}
    assert free[1] == (Decimal("10800.00"), Decimal("10800.00"))
    assert free[10][0] == pytest.approx(Decimal("21589.25"))
    deferred = wealth(holding("deferred"))
    assert deferred[1] == (Decimal("10800.00"), Decimal("6480.00"))
    # Yield 200 taxed at 30 % on average, 25 % of the growth of 600 at 20 %: 60 + 30.
    taxable = wealth(holding("taxable"))
    assert taxable[1][0] == Decimal("10710.00")
    # Basis 6,000 + 200 + 150 - 90 = 6,260; 20 % of the gain of 4,450.
    assert taxable[1][1] == Decimal("9820.00")


def test_a_tax_that_is_due_is_missing_with_its_interest() -> None:
    plain, taxed = wealth(holding("free")), wealth(holding("free"), T_H1=1_000)
    # A thousand dollars of cash would have earned 3 % less 40 % of it.
    assert plain[1][0] - taxed[1][0] == Decimal("1018.00")


def test_without_rates_or_returns_nothing_is_said() -> None:
    household = holding("taxable")
    assert wealth_path(household, market(**GROWTH), {}, {}) == ()
    assert wealth_path(household, MarketAssumptions({}, {}, {}, {}), RATES, {}) == ()


def test_what_has_no_known_return_or_basis_is_left_out() -> None:
    assert wealth_path(holding("free"), market(), RATES, {})[0].pre_tax == 0
    flow = CashFlow("A1", "contribution", Decimal(1), "requested", None)
    household = replace(holding("taxable"), cash_flows=(flow,))
    (position,) = household.positions
    lots = tuple(replace(lot, cost_basis=None) for lot in position.lots)
    unknown = replace(household, positions=(replace(position, lots=lots),))
    assert wealth_path(unknown, market(**GROWTH), RATES, {})[0].pre_tax == 0
