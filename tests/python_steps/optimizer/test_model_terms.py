"""What the model charges and allows, held against plain arithmetic: signs, netting, borders.

Belongs here: terms whose wrong sign or missing row would make a wrong trade while every plan still
kept the rules. Does not belong here: single rows as they stand (`test_model_parts`), whole plans.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_steps.optimizer.core_model import build_core_model
from python_steps.optimizer.core_problem import Stage, core_problem
from python_steps.optimizer.household_trades import trade_groups
from python_steps.optimizer.linear_programs import LinearPrograms
from python_steps.optimizer.model_assembly import CoreModel, Room
from python_steps.optimizer.prices import ObjectivePrices, relinearised
from python_steps.optimizer.search import search
from python_steps.planning.batch import rate_tables_from
from python_steps.planning.book_tables import BookTables
from python_steps.planning.buy_rules import BuyRules
from python_steps.planning.costs import CostModel
from python_steps.planning.household import HouseholdIndex
from python_steps.planning.household_frames import HouseholdBuilder, market_assumptions
from python_steps.planning.ledger import PlanLedger
from python_steps.planning.sell_rules import SellRules
from python_steps.planning.tax_effect import Realized, TaxEffect
from python_steps.policy import FirmPolicy
from tests.python_steps.optimizer.drifted_book import RECENT, drifted
from tests.python_steps.optimizer.test_model_parts import model_of, problem_of, row
from tests.python_steps.planning.small_book import AS_OF, BONDS, CASH, LARGE, TRADE_DATE, SmallBook


def built(book: SmallBook, policy: FirmPolicy | None = None) -> tuple[CoreModel, ObjectivePrices]:
    problem, prices, costs = problem_of(book, policy)
    return build_core_model(problem, prices, costs), prices


# Netting


def four_kinds() -> SmallBook:
    """Lots with every kind of result, $20,000 of each: short and long, gain and loss."""
    book = drifted()
    book.lot("TAX", "VTI", 400, 50, RECENT)
    book.lot("TAX", "VTI", 400, 150, RECENT)
    book.lot("TAX", "ITOT", 400, 50)
    book.lot("TAX", "ITOT", 400, 150)
    return book


@pytest.mark.parametrize("year", [(0, 0, 0, 0), (9, -9, 0, 4), (-9, 9, 4, 0), (-6, -6, 3, 3)])
@pytest.mark.parametrize("thousands", list(itertools.product((0, 20), repeat=4)))
def test_the_models_tax_of_whole_lots_is_that_of_the_netted_year(
    thousands: tuple[int, ...], year: tuple[int, int, int, int]
) -> None:
    check_tax(list(thousands), *year)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.lists(st.integers(0, 20), min_size=4, max_size=4),
    st.integers(-9, 9),
    st.integers(-9, 9),
    st.integers(0, 9),
    st.integers(0, 9),
)
def test_the_models_tax_of_any_sales_is_that_of_the_netted_year(
    thousands: list[int], short: int, long: int, short_carried: int, long_carried: int
) -> None:
    check_tax(thousands, short, long, short_carried, long_carried)


def check_tax(
    thousands: list[int], short: int, long: int, short_carried: int, long_carried: int
) -> None:
    """Cheapest tax the rows allow, whatever is sold, against the netting written out plainly.

    Without a switch the program would tax long-term gain at its rate while short-term losses are
    left, or deduct losses while gains are taxed, and be too cheap.
    """
    book = four_kinds()
    book.rows("tax_unit_states")[0].update(
        year_to_date_short_term_gain=Decimal(1000 * short),
        year_to_date_long_term_gain=Decimal(1000 * long),
        short_term_carryforward=Decimal(1000 * short_carried),
        long_term_carryforward=Decimal(1000 * long_carried),
    )
    core, prices = built(book)
    lower, upper = core.model.lower.copy(), core.model.upper.copy()
    results = {True: 0.0, False: 0.0}
    pairs = zip(core.problem.sales, core.sale_columns, strict=True)
    for (sale, column), gain in zip(pairs, thousands, strict=True):
        lower[column] = upper[column] = gain / abs(sale.gain_per_dollar)
        results[sale.is_long_term] += 1000.0 * gain * (1 if sale.gain_per_dollar > 0 else -1)
    for column in core.purchase_columns:
        upper[column] = 0.0
    programs = LinearPrograms()
    programs.load(core.model)
    fixed = replace(core.model, lower=lower, upper=upper)
    found = search(fixed, programs, tolerance=1e-6)
    assert found.status == "optimal"
    (unit,) = prices.tax_units.values()
    before = unit.year(unit.short_before, unit.long_before)
    after = unit.year(unit.short_before + results[False], unit.long_before + results[True])
    told = core.components(found.values)
    expected = after[0] - before[0] - (after[1] - before[1])
    assert told["tax"] + told["carried_losses"] == pytest.approx(expected, abs=0.05)


# Signs


def test_a_sale_pays_its_spread_and_turnover_and_frees_its_place() -> None:
    """A dollar sold costs half the spread and the firm's price; its yearly tax ends."""
    book = drifted()
    book.security("AGGY", BONDS, half_spread_bps=Decimal(4))
    book.lot("TAX", "VTI", 900, 60)
    book.lot("IRA", "AGGY", 100, None)
    book.rows("dim_securities")[0]["average_daily_dollar_volume"] = Decimal(10) ** 15
    core, prices = built(book, FirmPolicy(impact_coefficient=Decimal(0)))
    problem = core.problem
    bonds = prices.location_cost(problem.account("IRA"), problem.security("AGGY"))
    assert bonds > 0
    (column,) = (
        column
        for sale, column in zip(problem.sales, core.sale_columns, strict=True)
        if sale.security_id == "AGGY"
    )
    assert core.terms["location"][column] == pytest.approx(-bonds)
    assert core.terms["cost"][column] == pytest.approx(0.0004)
    assert core.terms["turnover"][column] == pytest.approx(0.001)
    (bought,) = (
        column
        for each, column in zip(problem.purchases, core.purchase_columns, strict=True)
        if (each.account_id, each.security_id) == ("IRA", "BND")
    )
    assert core.terms["location"][bought] == pytest.approx(bonds)
    assert core.terms["cost"][bought] == pytest.approx(0.0001)
    assert core.terms["turnover"][bought] == pytest.approx(0.001)


def test_basis_gained_is_worth_something_and_basis_lost_costs_it() -> None:
    """35 % of 23.8 % of the result: a credit for a gain of 0.4, a charge for a loss of 0.2."""
    book = drifted()
    book.lot("TAX", "VTI", 100, 60)
    book.lot("TAX", "VTI", 800, 120)
    core, _ = built(book)
    worth = {
        sale.gain_per_dollar: core.terms["basis_reset"][column]
        for sale, column in zip(core.problem.sales, core.sale_columns, strict=True)
    }
    assert worth[0.4] == pytest.approx(-0.35 * 0.238 * 0.4)
    assert worth[-0.2] == pytest.approx(0.35 * 0.238 * 0.2)


def test_the_first_choice_of_a_list_goes_before_the_second() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 900, 60)
    core, _ = built(book)
    price = {
        each.security_id: core.terms["other"][column]
        for each, column in zip(core.problem.purchases, core.purchase_columns, strict=True)
        if each.account_id == "IRA"
    }
    assert price["BND"] == 0.0
    assert price["AGG"] > 0.0


# Wash sales


def test_every_loss_lot_and_every_lot_near_its_basis_bars_purchases() -> None:
    """A small fall before the sale would make the third lot a loss, too."""
    book = drifted()
    book.lot("TAX", "VTI", 300, 120)
    book.lot("TAX", "VTI", 300, 110)
    near = book.lot("TAX", "VTI", 300, "99.5")
    core = model_of(book)
    entries, _, upper = row(core, "losses of VTI in TAX, or purchases")
    assert upper == pytest.approx(90.0)
    assert len([name for name in entries if name.startswith("sell")]) == 3
    (switch,) = (each for each in core.model.switches if each.name == "IG-VTI may be bought")
    assert len(switch.when_zero.columns) == 3
    assert min(switch.when_zero.weights) > 0, "near its basis a lot saves nothing but still counts"
    assert any(near in name for name in entries)


# Drift


def test_cash_inside_a_fund_moves_with_it() -> None:
    """Buying a fund with a tenth in cash leaves a tenth of the dollars in cash."""
    book = drifted()
    book.security("MIX", {LARGE: "0.9", CASH: "0.1"})
    book.model("MIX", 1)
    book.lot("TAX", "VTI", 900, 60)
    entries, _, _ = row(model_of(book), f"{CASH} of G1")
    assert entries["buy MIX in TAX"] == pytest.approx(-1.0001 + 0.1)


def test_the_dear_segment_begins_inside_the_band() -> None:
    """Rounding to shares must not cross the edge: 5 basis points of $100,000 are kept clear."""
    book = drifted()
    book.lot("TAX", "VTI", 850, 60)
    core = model_of(book)
    (large,) = (each for each in core.deviations if each.asset_class == LARGE)
    inside = [column for column in large.above if column not in large.outside]
    assert sum(core.model.upper[column] for column in inside) == pytest.approx(5.0 - 0.05)


def test_a_target_inside_a_class_has_a_row_of_its_own() -> None:
    book = drifted()
    book.part("VTI", "0.2", level="security")
    book.lot("TAX", "VTI", 620, 60)
    book.lot("IRA", "BND", 500, None)
    core = model_of(book)
    assert core.problem.due_groups == {"G1"}, "the class is in its band, the part is not"
    (name,) = (each for each in core.model.row_names if each.endswith("of G1") and "VTI" in each)
    entries, lower, upper = row(core, name)
    assert lower == upper == pytest.approx(0.2 * 127 - 62)
    assert {entries[each] for each in entries if each.startswith("buy VTI")} == {1.0}
    assert {entries[each] for each in entries if each.startswith("sell")} == {-1.0}


def test_a_group_whose_trigger_has_not_come_is_no_problem() -> None:
    """A breach alone is no reason where the calendar says that nothing is due."""
    book = drifted()
    book.lot("TAX", "VTI", 900, 60)
    frames = book.frames()
    tables = BookTables(frames, AS_OF)
    policy = FirmPolicy()
    household = HouseholdBuilder(tables, policy, TRADE_DATE).build("H1", AS_OF)
    groups = tuple(replace(each, is_rebalance_due=False) for each in household.groups)
    index = HouseholdIndex(replace(household, groups=groups))
    tax = TaxEffect(index, rate_tables_from(frames, policy))
    costs = CostModel(policy, market_assumptions(tables))
    start = PlanLedger(index, costs, policy.execution_buffer)
    sells, buys = SellRules(index, policy, tax), BuyRules(index, policy)
    problem = core_problem(start, sells, buys, policy)
    assert problem.due_groups == frozenset()
    assert problem.purchases == ()


# Rates


def test_rates_of_a_plan_are_those_beyond_its_gains() -> None:
    """After 900,000 of gain the next dollar is taxed at a higher rate than the first.

    Of a net loss nothing is asked: its worth is that of the deduction.
    """
    book = drifted()
    book.lot("TAX", "VTI", 900, 60)
    frames = book.frames()
    problem, prices, _ = problem_of(book)
    tax = TaxEffect(problem.index, rate_tables_from(frames, FirmPolicy()))
    (name,) = prices.tax_units
    gain = Realized().plus(Decimal(900_000), is_long_term=True)
    there = relinearised(prices, tax, {name: gain}).tax_units[name]
    more = gain.plus(Decimal(10_000), is_long_term=True)
    beyond = tax.exact_change(name, more), tax.exact_change(name, gain)
    assert beyond[0] is not None
    assert beyond[1] is not None
    assert there.long_term == pytest.approx(float(beyond[0] - beyond[1]) / 10_000)
    assert there.long_term != prices.tax_units[name].long_term
    assert there.basis_reset == prices.tax_units[name].basis_reset
    loss = Realized().plus(Decimal(-5_000), is_long_term=True)
    assert relinearised(prices, tax, {name: loss}).tax_units == prices.tax_units


# Needed cash


def test_an_earlier_stages_limit_holds_later_lots_too() -> None:
    """20,000 needed: losses and gains together may bring it before their stages, not each."""
    book = drifted()
    book.rows("fct_account_cash")[0].update(
        flow_reserve=Decimal(30_000), investable=Decimal(-20_000)
    )
    book.lot("TAX", "VTI", 450, 120, date(2020, 1, 2))
    book.lot("TAX", "VTI", 450, 60, date(2020, 1, 2))
    entries, _, _ = row(model_of(book), "cash needed in TAX from LOSSES")
    assert len([name for name in entries if name.startswith("sell")]) == 2


def test_cash_that_is_missing_opens_the_stages_of_gains() -> None:
    book = drifted()
    book.rows("fct_account_cash")[0].update(
        flow_reserve=Decimal(30_000), investable=Decimal(-20_000)
    )
    book.lot("TAX", "VTI", 900, 60)
    core = model_of(book)
    assert set(core.missing_columns) <= set(core.wanting_columns)
    (missing,) = core.missing_columns
    assert core.model.upper[missing] == pytest.approx(20.0)


# Standing orders


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((60, date(2019, 1, 2)), (40, RECENT)),
        ((120, date(2019, 1, 2)), (60, date(2020, 1, 2))),
        (("99.5", date(2019, 1, 2)), (60, date(2020, 1, 2))),
        ((140, date(2019, 1, 2)), (120, RECENT)),
        ((140, date(2019, 1, 2)), ("99.5", date(2020, 1, 2))),
    ],
    ids=["gains by term", "loss and gain", "near its basis", "losses by term", "loss and near it"],
)
def test_lots_of_another_kind_never_come_in_turn_by_themselves(
    first: tuple[object, date], second: tuple[object, date]
) -> None:
    """Though gains rise along the order: what the one may be closed for does not close the other.

    The second lot is sold only once the switch says that the first is sold out.
    """
    book = drifted()
    book.account_row("TAX")["lot_method"] = "FIFO"
    book.lot("TAX", "VTI", 300, *first)
    book.lot("TAX", "VTI", 300, *second)
    core = model_of(book)
    (switch,) = (each for each in core.model.switches if each.name.endswith("is sold out"))
    entries, _, upper = row(core, f"{switch.name} before the next")
    assert upper == 0.0
    assert sorted(entries.values()) == [-30.0, 1.0]


def test_a_standing_order_ends_at_a_lot_that_may_be_sold_in_part() -> None:
    """Ten shares of the first lot are free: what stands behind the others waits with them."""
    book = drifted()
    book.account_row("TAX")["lot_method"] = "FIFO"
    first = book.lot("TAX", "VTI", 300, 60, date(2019, 1, 2))
    book.lot("TAX", "VTI", 600, 60, date(2020, 1, 2))
    book.constraint("TAX", "VTI", sellable_quantity=Decimal(10))
    problem, _, _ = problem_of(book)
    assert [(sale.lot.lot_id, sale.limit) for sale in problem.sales] == [(first, 1_000.0)]


def test_no_more_is_sold_of_a_holding_than_is_free() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 300, 60)
    book.lot("TAX", "VTI", 600, 70)
    book.constraint("TAX", "VTI", sellable_quantity=Decimal(400))
    problem, _, _ = problem_of(book)
    assert sum(sale.limit for sale in problem.sales) == 40_000.0


# Harvests


def harvest(unit_cost: object, method: str = "SPEC_ID") -> SmallBook:
    """Everything in its band; 100 shares far below their basis, 100 behind them at this cost."""
    book = drifted()
    book.rows("dim_households")[0]["harvests_losses"] = True
    book.account_row("TAX")["lot_method"] = method
    book.lot("TAX", "VTI", 100, unit_cost, date(2019, 1, 2))
    book.lot("TAX", "VTI", 100, 140, date(2020, 1, 2))
    book.lot("TAX", "VTI", 420, 60, date(2021, 1, 4))
    book.lot("IRA", "BND", 540, None)
    return book


@pytest.mark.parametrize(
    ("unit_cost", "method", "count"),
    [
        ("101.5", "SPEC_ID", 2),
        ("100.5", "SPEC_ID", 1),
        ("101.5", "FIFO", 2),
        ("100.5", "FIFO", 0),
    ],
)
def test_a_harvest_takes_lots_that_a_small_rise_leaves_at_a_loss(
    unit_cost: str, method: str, count: int
) -> None:
    """In a standing order a lot that is not worth it bars those behind it."""
    problem, _, _ = problem_of(harvest(unit_cost, method))
    assert problem.harvest_groups == {"G1"}
    assert len(problem.sales) == count
    assert {sale.account_id for sale in problem.sales} <= {"TAX"}


def test_an_account_that_needs_cash_harvests_nothing_and_buys_nothing() -> None:
    """Of the household's accounts it alone may sell at a gain; what that brings is due."""
    book = harvest("130")
    book.account("NEEDY", flow_reserve=2_000)
    book.model("VTI", 1)
    book.lot("NEEDY", "BND", 30, 110)
    problem, _, _ = problem_of(book)
    assert {need.account_id for need in problem.needs} == {"NEEDY"}
    assert not problem.may_harvest("NEEDY")
    assert problem.may_harvest("TAX")
    assert "NEEDY" not in {each.account_id for each in problem.purchases}


# Limits


def test_a_year_of_unknown_gains_leaves_no_budget() -> None:
    book = drifted()
    book.rows("dim_households")[0]["annual_gains_budget"] = Decimal(10_000)
    book.lot("TAX", "VTI", 900, 60)
    problem, prices, costs = problem_of(book)
    (unit,) = problem.index.tax_units.values()
    problem.index.tax_units[unit.tax_unit_id] = replace(unit, year_to_date_long_term_gain=None)
    assert row(build_core_model(problem, prices, costs), "gains budget")[2] == 0.0


def test_gains_beyond_the_budget_are_a_last_resort_of_needy_accounts() -> None:
    book = drifted()
    book.rows("dim_households")[0]["annual_gains_budget"] = Decimal(0)
    book.account("NEEDY", flow_reserve=2_000)
    book.lot("TAX", "VTI", 900, 95)
    book.lot("NEEDY", "BND", 100, 90)
    core = model_of(book)
    beyond = core.model.column_names.index("gains beyond the budget")
    assert beyond in core.last_resort
    assert core.upper_within(Room(Stage.SHORT_TERM_GAINS))[beyond] == 0.0
    entries, _, upper = row(core, "gains for needed cash")
    assert upper == 0.0
    assert not any("TAX" in name for name in entries)


def test_what_exceeds_a_limit_opens_the_stages_of_gains() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 900, 60)
    book.limit("VTI", "0.4")
    core = model_of(book)
    assert core.model.column_names.index("excess of VTI") in core.wanting_columns


@pytest.mark.parametrize(("reserve", "whole"), [(0, math.inf), (20_000, 0.25)])
def test_a_fraction_that_must_stay_ends_no_holding_but_may_raise_needed_cash(
    reserve: int, whole: float
) -> None:
    """Of 3.5 shares 2.5 may go, whole ones only: two end nothing, so the least trade counts."""
    book = drifted()
    book.rows("fct_account_cash")[0].update(
        flow_reserve=Decimal(reserve), investable=Decimal(10_000 - reserve)
    )
    book.lot("TAX", "ITOT", "3.5", 60)
    book.lot("TAX", "VTI", 900, 60)
    book.constraint("TAX", "ITOT", sellable_quantity=Decimal("2.5"))
    core = model_of(book)
    groups = {each.key: each for each in trade_groups(core.problem.household, FirmPolicy(), core)}
    assert groups["sell|TAX|ITOT"].whole == pytest.approx(whole)
    assert groups["sell|TAX|VTI"].whole == pytest.approx(90.0)


def test_lots_that_may_not_go_leave_a_holding_that_nothing_ends() -> None:
    """The loss lot stays for its window: selling the other below the least trade is no ending."""
    book = drifted()
    book.lot("TAX", "ITOT", 2, 60)
    book.lot("TAX", "ITOT", 2, 140)
    book.lot("TAX", "VTI", 900, 60)
    book.window("ITOT", no_loss_sale_until_date=TRADE_DATE)
    core = model_of(book)
    groups = {each.key: each for each in trade_groups(core.problem.household, FirmPolicy(), core)}
    assert groups["sell|TAX|ITOT"].whole == math.inf


def test_sales_for_needed_cash_must_grow_to_their_least_size() -> None:
    book = drifted()
    book.account("NEEDY", flow_reserve=100)
    book.lot("NEEDY", "VTI", 20, 60)
    book.lot("TAX", "VTI", 900, 60)
    core = model_of(book)
    groups = {each.key: each for each in trade_groups(core.problem.household, FirmPolicy(), core)}
    assert groups["sell|NEEDY|VTI"].must_grow
    assert not groups["sell|TAX|VTI"].must_grow


def test_a_trade_is_as_large_as_household_and_fund_ask() -> None:
    book = drifted()
    book.terms("BND", minimum_amount=Decimal(3_000))
    book.lot("TAX", "VTI", 900, 60)
    core = model_of(book)
    groups = {each.key: each for each in trade_groups(core.problem.household, FirmPolicy(), core)}
    assert groups["buy|IRA|BND"].minimum == 3.0
    assert (
        groups["buy|IRA|AGG"].minimum == float(core.problem.household.minimum_trade_amount) / 1000
    )
