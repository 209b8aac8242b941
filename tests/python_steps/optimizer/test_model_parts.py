"""The parts of a household's model, each looked at without a solver."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_steps.optimizer.core_model import build_core_model
from python_steps.optimizer.core_problem import CoreProblem, Stage, core_problem, most_allowed
from python_steps.optimizer.model_assembly import CoreModel, Room
from python_steps.optimizer.prices import ObjectivePrices, TaxPrices, objective_prices
from python_steps.planning.batch import rate_tables_from
from python_steps.planning.book_tables import BookTables
from python_steps.planning.buy_rules import BuyRules
from python_steps.planning.costs import CostModel
from python_steps.planning.household import HouseholdIndex
from python_steps.planning.household_frames import HouseholdBuilder, market_assumptions
from python_steps.planning.ledger import PlanLedger
from python_steps.planning.sell_rules import SellRules
from python_steps.planning.tax_effect import TaxEffect
from python_steps.policy import FirmPolicy
from tests.python_steps.optimizer.drifted_book import RECENT, drifted
from tests.python_steps.planning.small_book import (
    AS_OF,
    BONDS,
    CASH,
    LARGE,
    SMALL,
    TRADE_DATE,
    SmallBook,
)


def problem_of(
    book: SmallBook, policy: FirmPolicy | None = None
) -> tuple[CoreProblem, ObjectivePrices, CostModel]:
    policy = policy or FirmPolicy()
    frames = book.frames()
    tables = BookTables(frames, AS_OF)
    assumptions = market_assumptions(tables)
    household = HouseholdBuilder(tables, policy, TRADE_DATE).build("H1", AS_OF)
    index = HouseholdIndex(household)
    tax = TaxEffect(index, rate_tables_from(frames, policy))
    costs = CostModel(policy, assumptions)
    start = PlanLedger(index, costs, policy.execution_buffer)
    buys = BuyRules(index, policy)
    problem = core_problem(start, SellRules(index, policy, tax), buys, policy)
    return problem, objective_prices(index, policy, assumptions, tax), costs


def model_of(book: SmallBook, policy: FirmPolicy | None = None) -> CoreModel:
    return build_core_model(*problem_of(book, policy))


def row(core: CoreModel, name: str) -> tuple[dict[str, float], float, float]:
    """A row's entries by column name, and its bounds."""
    model = core.model
    number = model.row_names.index(name)
    entries = {}
    for column, column_name in enumerate(model.column_names):
        for place in range(model.starts[column], model.starts[column + 1]):
            if model.rows[place] == number:
                entries[column_name] = float(model.values[place])
    return entries, float(model.row_lower[number]), float(model.row_upper[number])


def names(core: CoreModel, word: str) -> list[str]:
    return [name for name in core.model.row_names if word in name]


# Permissions


def test_each_lot_is_a_sale_with_its_gain_term_and_stage() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 100, 60)
    book.lot("TAX", "VTI", 100, 80, RECENT)
    book.lot("TAX", "VTI", 100, 120, RECENT)
    book.lot("IRA", "VTI", 500, None)
    problem, _, _ = problem_of(book)
    found = {
        (sale.account_id, sale.gain_per_dollar): (sale.stage, sale.is_long_term, sale.is_loss)
        for sale in problem.sales
    }
    assert found == {
        ("TAX", 0.4): (Stage.LONG_TERM_GAINS, True, False),
        ("TAX", 0.2): (Stage.SHORT_TERM_GAINS, False, False),
        ("TAX", -0.2): (Stage.LOSSES, False, True),
        ("IRA", 0.0): (Stage.TAX_ADVANTAGED, problem.sales[0].is_long_term, False),
    }
    assert sorted(sale.limit for sale in problem.sales) == [10_000, 10_000, 10_000, 50_000]


def test_a_lot_within_the_buffer_of_its_basis_is_a_loss_for_the_wash_sale_rules() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 900, "99.5")
    (sale,) = problem_of(book)[0].sales
    assert sale.gain_per_dollar == pytest.approx(0.005)
    assert sale.is_loss


def test_what_is_inside_its_bands_is_no_problem() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 620, 60)
    book.lot("IRA", "BND", 500, None)
    problem, _, _ = problem_of(book)
    assert problem.sales == ()
    assert problem.purchases == ()
    assert problem.due_groups == frozenset()


def test_windows_close_purchases_and_loss_sales() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 400, 60)
    book.lot("TAX", "VTI", 400, 120)
    book.window("VTI", no_loss_sale_until_date=TRADE_DATE)
    book.window("BND", no_buy_until_date=TRADE_DATE)
    problem, _, _ = problem_of(book)
    assert [sale.gain_per_dollar for sale in problem.sales] == [pytest.approx(0.4)]
    assert {purchase.security_id for purchase in problem.purchases} == {"AGG", "VTI", "ITOT"}


def test_the_day_after_a_window_both_are_open_again() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 800, 120)
    book.window("VTI", no_loss_sale_until_date=TRADE_DATE - timedelta(days=1))
    book.window("BND", no_buy_until_date=TRADE_DATE - timedelta(days=1))
    problem, _, _ = problem_of(book)
    assert len(problem.sales) == 1
    assert "BND" in {purchase.security_id for purchase in problem.purchases}


def test_two_securities_of_one_identity_are_one_choice() -> None:
    book = drifted()
    book.security("VTSAX", identity_group_id="IG-VTI", security_type="MUTUAL_FUND")
    book.model("VTSAX", 2)
    book.lot("TAX", "VTI", 900, 60)
    problem, _, _ = problem_of(book)
    large = {each.security_id for each in problem.purchases} - {"BND", "AGG"}
    assert large == {"VTI", "ITOT"}


def test_a_standing_method_ends_at_a_lot_that_may_not_be_sold() -> None:
    book = drifted()
    book.account_row("TAX")["lot_method"] = "FIFO"
    book.lot("TAX", "VTI", 300, 60, date(2019, 1, 2))
    barred = book.lot("TAX", "VTI", 300, 70, date(2020, 1, 2), is_frozen=True)
    book.lot("TAX", "VTI", 300, 80, date(2021, 1, 4))
    problem, _, _ = problem_of(book)
    assert [sale.lot.acquisition_date for sale in problem.sales] == [date(2019, 1, 2)]
    assert barred not in {sale.lot.lot_id for sale in problem.sales}


def test_stages_follow_what_household_and_firm_allow() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 900, 60)
    household = problem_of(book)[0].household
    assert most_allowed(household, FirmPolicy()) is Stage.LONG_TERM_GAINS
    assert most_allowed(household, FirmPolicy(long_term_gains_allowed=False)) is Stage.LOSSES
    book.rows("dim_households")[0]["allows_short_term_gains"] = True
    free = problem_of(book)[0].household
    assert most_allowed(free, FirmPolicy()) is Stage.SHORT_TERM_GAINS


def test_a_stage_closes_what_only_later_ones_may_sell() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 100, 60)
    book.lot("TAX", "VTI", 100, 120, RECENT)
    book.lot("IRA", "VTI", 600, None)
    core = model_of(book)
    open_at = {
        stage: sorted(
            sale.stage
            for sale, column in zip(core.problem.sales, core.sale_columns, strict=True)
            if core.upper_within(Room(stage))[column] > 0
        )
        for stage in Stage
    }
    assert open_at[Stage.CASH_FLOWS] == []
    assert open_at[Stage.TAX_ADVANTAGED] == [Stage.TAX_ADVANTAGED]
    assert open_at[Stage.LOSSES] == [Stage.TAX_ADVANTAGED, Stage.LOSSES]
    assert open_at[Stage.LONG_TERM_GAINS][-1] is Stage.LONG_TERM_GAINS


# Rows


def test_cash_survives_the_spread_and_the_execution_buffer() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 900, 60)
    core = model_of(book)
    entries, lower, upper = row(core, "cash of TAX")
    assert lower == -10.0
    assert upper == np.inf
    paid = dict(zip(core.model.column_names, core.terms["cost"], strict=True))
    assert paid["buy BND in TAX"] > 0.0001, "the spread, and something for impact"
    assert entries["buy BND in TAX"] == pytest.approx(-(1 + paid["buy BND in TAX"] + 0.005))
    (name,) = (name for name in entries if name.startswith("sell"))
    assert entries[name] == pytest.approx(1 - paid[name] - 0.005)
    assert not any("IRA" in name for name in entries), "money never crosses accounts"


def test_cash_and_what_is_left_of_it_pay_for_the_impact_of_large_orders() -> None:
    """Where impact has chords, each takes its own slope of the cash."""
    book = drifted()
    book.lot("TAX", "VTI", 900_000, 60)
    core = model_of(book)
    chords = [
        (name, cost)
        for name, cost in zip(core.model.column_names, core.terms["cost"], strict=True)
        if name.startswith("impact to") and name.endswith("in TAX")
    ]
    assert len(chords) >= 3
    for of_cash in ("cash of TAX", "cash left idle in TAX"):
        entries, _, _ = row(core, of_cash)
        for name, cost in chords:
            assert entries[name] == pytest.approx(-cost)


def test_a_class_row_adds_up_every_trade_and_starts_at_the_gap() -> None:
    book = drifted()
    book.security("MIX", {LARGE: "0.6", BONDS: "0.4"})
    book.lot("TAX", "VTI", 600, 60)
    book.lot("IRA", "MIX", 200, None)
    core = model_of(book)
    entries, lower, upper = row(core, f"{LARGE} of G1")
    total = 10 + 5 + 60 + 20
    assert lower == upper == pytest.approx(0.5 * total - (60 + 12))
    assert entries["buy VTI in IRA"] == 1.0
    sold = {name.split(":")[1]: value for name, value in entries.items() if "sell" in name}
    assert sold == {"VTI": -1.0, "MIX": -0.6}
    cash, _, _ = row(core, f"{CASH} of G1")
    assert cash["buy BND in TAX"] == pytest.approx(-1.0001)


def test_netting_switches_stand_only_where_both_signs_can_be_reached() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 900, 60)
    assert names(model_of(book), "is a gain") == []
    book.lot("TAX", "VTI", 300, 130)
    found = names(model_of(book), "is a gain")
    assert found == ["long-term result of T-H1 is a gain", "result of T-H1 is a gain"]


def test_net_rows_start_from_the_year_and_what_was_carried_in() -> None:
    book = drifted()
    book.rows("tax_unit_states")[0].update(
        short_term_carryforward=Decimal(2_000),
        long_term_carryforward=Decimal(5_000),
        year_to_date_long_term_gain=Decimal(12_000),
    )
    book.lot("TAX", "VTI", 900, 60)
    core = model_of(book)
    assert row(core, "net long-term result of T-H1")[1] == pytest.approx(7.0)
    assert row(core, "net result of T-H1")[1] == pytest.approx(5.0)
    unit = TaxPrices(0.308, 0.238, 0.27, 0.0, 0.0, -2_000, 7_000, 3_000)
    assert core.term_offsets["tax"] == pytest.approx(-unit.year(-2_000, 7_000)[0] / 1000)


def test_a_group_with_losses_and_purchases_anywhere_has_one_switch() -> None:
    book = drifted()
    book.account("SPOUSE", "roth_ira", cash=1_000)
    book.model("VTI", 1)
    book.lot("TAX", "VTI", 300, 120)
    book.lot("TAX", "VTI", 700, 60)
    core = model_of(book)
    (switch,) = (each for each in core.model.switches if "may be bought" in each.name)
    assert switch.name == "IG-VTI may be bought"
    bought = {core.model.column_names[column] for column in switch.when_one.columns}
    assert bought == {f"buy VTI in {name}" for name in ("IRA", "SPOUSE", "TAX")}
    entries, _, upper = row(core, "losses of VTI in TAX, or purchases")
    assert upper == pytest.approx(30.0)
    assert entries["IG-VTI may be bought"] == pytest.approx(30.0)
    gains = [name for name in entries if name.endswith(":2 in TAX")]
    assert gains == [], "a sale at a gain bars no purchase"


def test_needed_cash_may_come_from_any_lot_but_no_more_of_it() -> None:
    book = drifted()
    book.rows("fct_account_cash")[0].update(
        flow_reserve=Decimal(30_000), investable=Decimal(-20_000)
    )
    book.lot("TAX", "VTI", 900, 60, RECENT)
    core = model_of(book)
    (need,) = core.problem.needs
    assert need.amount == 20_000
    name = "cash needed in TAX from SHORT_TERM_GAINS"
    entries, _, upper = row(core, name)
    assert 20.0 < upper < 21.0
    slack = core.model.column_names.index(f"more than the {name}")
    assert core.upper_within(Room(Stage.LONG_TERM_GAINS))[slack] == 0.0
    assert core.upper_within(Room(Stage.SHORT_TERM_GAINS))[slack] > 0.0
    assert sum(value for name, value in entries.items() if "sell" in name) == 1.0


def test_where_nothing_is_to_be_rebalanced_only_the_needed_cash_is_raised() -> None:
    book = drifted()
    book.account("ALONE", group_id=None, flow_reserve=2_000)
    book.lot("ALONE", "VTI", 900, 60)
    core = model_of(book)
    entries, _, upper = row(core, "only the cash needed in ALONE")
    assert sorted(entries.values()) == [-1.0, 1.0]
    (more,) = core.never_open
    assert core.upper_within(Room(Stage.SHORT_TERM_GAINS))[more] == 0.0
    assert upper == pytest.approx(1.02 * (2_000 / (1 - 0.0001 - 0.005) + 100) / 1000)
    assert not names(core, "cash needed in ALONE from")


def test_purchases_stay_under_a_limit_and_what_is_above_it_has_a_price() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 900, 60)
    book.limit("VTI", "0.4")
    book.limit("BND", "0.1")
    core = model_of(book)
    total = 105.0
    entries, _, upper = row(core, "limit of VTI")
    assert upper == pytest.approx(0.4 * total - 90)
    assert entries["excess of VTI"] == -1.0
    assert "buy VTI in IRA" not in core.model.column_names
    assert row(core, "limit of BND")[2] == pytest.approx(0.1 * total)


def test_the_gains_budget_counts_what_the_year_has_used() -> None:
    book = drifted()
    book.rows("dim_households")[0]["annual_gains_budget"] = Decimal(10_000)
    book.rows("tax_unit_states")[0]["year_to_date_long_term_gain"] = Decimal(4_000)
    book.lot("TAX", "VTI", 900, 60)
    entries, _, upper = row(model_of(book), "gains budget")
    assert upper == pytest.approx(6.0)
    assert list(entries.values()) == [pytest.approx(0.4)]


def test_a_fifo_account_has_a_switch_where_a_later_lot_tempts() -> None:
    book = drifted()
    book.account_row("TAX")["lot_method"] = "FIFO"
    book.lot("TAX", "VTI", 300, 60, date(2019, 1, 2))
    book.lot("TAX", "VTI", 300, 50, date(2020, 1, 2))
    book.lot("TAX", "VTI", 300, 90, date(2021, 1, 4))
    core = model_of(book)
    found = [each.name for each in core.model.switches if "sold out" in each.name]
    assert len(found) == 1, "0.4 then 0.5 comes by itself; 0.1 after 0.5 would jump the queue"
    entries, lower, _ = row(core, f"{found[0]}, or not")
    assert lower == 0.0
    assert sorted(entries.values()) == [-30.0, 1.0]


def test_what_follows_a_closed_lot_in_a_standing_order_waits_with_it() -> None:
    """0.4 is a gain of a later stage; -0.2 and -0.1 behind it are in order among themselves."""
    book = drifted()
    book.account_row("TAX")["lot_method"] = "FIFO"
    book.lot("TAX", "VTI", 300, 60, date(2019, 1, 2))
    book.lot("TAX", "VTI", 300, 120, date(2020, 1, 2))
    book.lot("TAX", "VTI", 300, 110, date(2021, 1, 4))
    core = model_of(book)
    (switch,) = (each for each in core.model.switches if "sold out" in each.name)
    (waiting,) = names(core, "after ")
    entries, _, upper = row(core, waiting)
    assert entries[switch.name] == -30.0
    assert upper == 0.0


# Prices


@given(
    st.integers(-50_000, 50_000),
    st.integers(-50_000, 50_000),
    st.sampled_from([1_500, 3_000]),
)
def test_linear_tax_nets_as_schedule_d_does(short: int, long: int, limit: int) -> None:
    """Line by line: net each term, net the terms, tax gain by its kind, deduct up to the limit."""
    prices = TaxPrices(0.37, 0.2, 0.35, 0.1, 0.0, 0.0, 0.0, float(limit))
    if short >= 0 and long >= 0:
        expected = 0.37 * short + 0.2 * long
    elif short + long >= 0:
        expected = 0.37 * (short + long) if short >= 0 else 0.2 * (short + long)
    else:
        deducted = min(limit, -(short + long))
        expected = -0.35 * deducted - 0.1 * (-(short + long) - deducted)
    tax, carried_worth = prices.year(short, long)
    assert tax - carried_worth == pytest.approx(expected)


@pytest.mark.parametrize(
    ("trade_to", "free"), [("target", 0.0), ("inner", 2_475.0), ("edge", 4_950.0)]
)
def test_drift_is_free_to_where_the_policy_stops_and_dearer_from_the_edge(
    trade_to: str, free: float
) -> None:
    book = drifted()
    book.lot("TAX", "VTI", 850, 60)
    problem, prices, _ = problem_of(book, FirmPolicy(trade_to=trade_to))
    (large,) = (each for each in problem.groups[0].classes if each.asset_class == LARGE)
    above, _ = prices.drift_segments(large, 100_000, 50)
    assert [segment.price for segment in above] == [0.0, 0.01, 0.12, 0.40]
    assert above[0].width == pytest.approx(free)
    assert sum(segment.width for segment in above[:2]) == pytest.approx(4_950)
    assert sum(segment.width for segment in above[:3]) == pytest.approx(7_500)


def test_location_costs_ordinary_yield_in_taxable_and_growth_in_deferred() -> None:
    """Of the seed: bonds yield 4 %, return 4.5 %, turn over 30 %; cash yields 3.9 %, returns 3.5 %.

    Rates are 27 % and 23.8 %; cash in the same account is what a trade is measured against.
    """
    book = drifted()
    book.account("ROTH", "roth_ira")
    book.lot("TAX", "VTI", 900, 60)
    problem, prices, _ = problem_of(book)
    bonds = problem.security("BND")
    cost = {name: prices.location_cost(problem.account(name), bonds) for name in
            ("TAX", "IRA", "ROTH")}  # fmt: skip
    assert cost["TAX"] == pytest.approx((0.04 - 0.039) * 0.27 + 0.30 * 0.005 * 0.238)
    assert cost["IRA"] == pytest.approx((0.045 - 0.035) * 0.27)
    assert cost["ROTH"] == 0.0


def test_long_term_gain_of_a_metal_trust_costs_more_tax() -> None:
    """The small book's rates: 32.8 % on collectibles, 23.8 % on other long-term gain."""
    book = drifted()
    book.security("GLD", "Alternatives", is_collectible=True)
    book.lot("TAX", "VTI", 900, 60)
    book.lot("TAX", "GLD", 100, 60)
    book.lot("TAX", "GLD", 100, 60, RECENT)
    book.lot("TAX", "GLD", 100, 120)
    core = model_of(book)
    extra = [
        core.terms["tax"][column]
        for sale, column in zip(core.problem.sales, core.sale_columns, strict=True)
        if sale.security_id == "GLD"
    ]
    assert sorted(extra) == [0.0, 0.0, pytest.approx(0.4 * (0.328 - 0.238))]


def test_terms_add_up_to_the_objective() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 900, 60)
    book.lot("IRA", "VTI", 100, None)
    book.lot("TAX", "VTI", 90, 120, RECENT)
    core = model_of(book)
    values = core.model.upper / 2
    total = core.model.offset + float(core.model.cost @ values)
    assert sum(core.components(values).values()) == pytest.approx(1000 * total)


def test_a_group_inside_its_bands_is_left_alone() -> None:
    book = drifted()
    book.group({SMALL: "1"}, "G2")
    book.security("VB", SMALL)
    book.account("OTHER", group_id="G2")
    book.lot("TAX", "VTI", 900, 60)
    book.lot("OTHER", "VB", 10, 60)
    problem, _, _ = problem_of(book)
    assert problem.due_groups == {"G1"}
    assert {sale.account_id for sale in problem.sales} == {"TAX"}
    assert [group.allocation_group_id for group in problem.groups] == ["G1"]


@pytest.mark.parametrize("volume", [None, Decimal(2_000_000)])
def test_impact_in_the_model_is_never_below_the_law(volume: Decimal | None) -> None:
    """Of a security whose volume nobody states every dollar pays the same; chords must, too."""
    book = drifted()
    book.security_row("VTI")["average_daily_dollar_volume"] = volume
    book.lot("TAX", "VTI", 900, 60)
    problem, prices, costs = problem_of(book)
    core = build_core_model(problem, prices, costs)
    chords = [
        (float(core.model.upper[column]), float(core.terms["cost"][column]))
        for column, name in enumerate(core.model.column_names)
        if name.startswith("impact to") and name.endswith("sell VTI in TAX")
    ]
    assert sum(width for width, _ in chords) == pytest.approx(90.0)
    for dollars in (3_000, 9_000, 20_000, 36_000, 70_000, 90_000):
        left, modelled = dollars / 1000, 0.0
        for width, rate in chords:
            modelled += rate * min(left, width)
            left -= min(left, width)
        law = costs.impact_rate(problem.security("VTI"), Decimal(dollars)) * dollars / 1000
        assert modelled >= float(law) * (1 - 1e-9)


@pytest.mark.parametrize("volume", [None, Decimal(2_000_000)])
@pytest.mark.parametrize("kind", ["ETF", "MUTUAL_FUND"])
def test_impact_as_floats_follows_the_exact_law(volume: Decimal | None, kind: str) -> None:
    problem, _, costs = problem_of(drifted())
    security = replace(
        problem.security("VTI"), security_type=kind, average_daily_dollar_volume=volume
    )
    for dollars in (0, 1, 900, 40_000, 3_000_000):
        exact = costs.impact_rate(security, Decimal(dollars))
        assert costs.impact_law(security).rate(dollars) == pytest.approx(float(exact), rel=1e-12)


def test_a_budget_for_tax_counts_what_collectibles_are_taxed_above_others() -> None:
    book = drifted()
    book.security("GLD", "Alternatives", is_collectible=True)
    book.lot("TAX", "VTI", 900, 60)
    book.lot("TAX", "GLD", 100, 60)
    core = model_of(book)
    entries, _, _ = row(core, "tax of the year")
    values = core.model.upper / 2
    in_row = sum(
        rate * float(values[core.model.column_names.index(name)])
        for name, rate in entries.items()
        if not name.startswith("tax above")
    )
    assert 1000 * (in_row + core.term_offsets["tax"]) == pytest.approx(
        core.components(values)["tax"]
    )
    assert any("GLD" in name for name in entries)


def test_a_class_may_stand_thousands_of_times_above_a_group_that_flows_empty() -> None:
    """All but $10 of the household is due: 90,000 in large caps stand against a target of 5."""
    book = drifted()
    book.rows("fct_account_cash")[0].update(
        flow_reserve=Decimal(104_990), investable=Decimal(-94_990)
    )
    book.lot("TAX", "VTI", 900, 60)
    core = model_of(book)
    (large,) = (each for each in core.deviations if each.asset_class == LARGE)
    assert sum(core.model.upper[column] for column in large.above) >= 90.0 - 0.005
    (cash,) = (each for each in core.deviations if each.asset_class == CASH)
    assert sum(core.model.upper[column] for column in cash.below) >= 90.0 - 0.01


# Losses beside recent purchases of the same


def recent_beside_old(policy: FirmPolicy, *, is_free: bool = True) -> CoreModel:
    book = drifted()
    bought = TRADE_DATE - timedelta(days=11)
    book.lot("TAX", "VTI", 100, 110, bought, is_frozen=not is_free)
    book.lot("TAX", "VTI", 600, 120, date(2019, 1, 2))
    book.window("VTI", no_loss_sale_until_date=bought + timedelta(days=30), is_exit_possible=True)
    return model_of(book, policy)


ALLOWS_EXITS = FirmPolicy(allow_full_exit_of_recent_lots=True)


def test_a_switch_sells_recent_lots_out_before_the_loss_beside_them() -> None:
    core = recent_beside_old(ALLOWS_EXITS)
    old, recent = core.problem.sales
    assert (recent.to_leave, old.to_leave) == ((), (recent.lot.lot_id,))
    switch = f"sold out are {recent.lot.lot_id}"
    second, first = core.sale_columns
    entries, lower, _ = row(core, f"{switch}: {first}")
    assert entries == {f"sell {recent.lot.lot_id} in TAX": 1.0, switch: -10.0}
    assert lower == 0.0
    entries, _, upper = row(core, f"{switch}, before loss {second}")
    assert entries == {f"sell {old.lot.lot_id} in TAX": 1.0, switch: -60.0}
    assert upper == 0.0
    (found,) = [each for each in core.model.switches if each.name == switch]
    assert (found.when_zero.columns, found.when_zero.constant) == ((first,), 10.0)
    assert found.when_one.columns == (second,)


def test_without_leave_of_the_firm_neither_lot_is_sold_at_a_loss() -> None:
    assert recent_beside_old(FirmPolicy()).problem.sales == ()


def test_what_cannot_be_sold_out_keeps_the_loss_beside_it() -> None:
    assert recent_beside_old(ALLOWS_EXITS, is_free=False).problem.sales == ()


def test_a_harvest_that_may_not_sell_a_recent_gain_keeps_the_loss_beside_it() -> None:
    """Inside its bands a household sells losses alone, so the recent lot stays, and so must the
    loss."""
    book = drifted()
    book.rows("dim_households")[0]["harvests_losses"] = True
    bought = TRADE_DATE - timedelta(days=11)
    book.lot("TAX", "VTI", 20, 60, bought)
    book.lot("TAX", "VTI", 200, 140, RECENT)
    book.lot("TAX", "VTI", 400, 60)
    book.lot("IRA", "BND", 540, None)
    book.window("VTI", no_loss_sale_until_date=bought + timedelta(days=30), is_exit_possible=True)
    problem, _, _ = problem_of(book, ALLOWS_EXITS)
    assert problem.due_groups == frozenset()
    assert problem.sales == ()
