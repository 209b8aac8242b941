"""What a household's own settings do to its plan, under both planners, and what refuses them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from python_steps.optimizer.prices import UnknownLocationCostError, objective_prices
from python_steps.planning.batch import plan_households, rate_tables_from
from python_steps.planning.book_tables import BookTables
from python_steps.planning.household import HouseholdIndex, MarketAssumptions
from python_steps.planning.household_frames import HouseholdBuilder, market_assumptions
from python_steps.planning.needs import stopping_weights
from python_steps.planning.objective_check import check_objective
from python_steps.planning.settings_in_force import location_gap
from python_steps.planning.tax_effect import TaxEffect
from python_steps.policy import FirmPolicy, PolicyError, household_policy, household_settings
from tests.python_steps.planning.small_book import (
    AS_OF,
    BONDS,
    EMERGING,
    LARGE,
    TRADE_DATE,
    D,
    Planned,
    SmallBook,
)

NEXT_CHECK = date(2026, 12, 31)
PLANNERS = ("waterfall", "optimizer")


def ira_book(large: int = 700, bonds: int = 600, **targets: object) -> SmallBook:
    """Large caps at 100 and bonds at 50 in one IRA, half and half, where nothing is taxed."""
    book = SmallBook()
    book.household()
    book.group(targets or {LARGE: "0.5", BONDS: "0.5"})
    book.account("I1", "traditional_ira")
    book.tax_unit()
    for ticker, asset_class, price in (("VTI", LARGE, 100), ("BND", BONDS, 50)):
        book.security(ticker, asset_class, price)
        book.model(ticker)
    book.lot("I1", "VTI", large, None)
    book.lot("I1", "BND", bonds, None)
    return book


def run(book: SmallBook, planner: str, **policy: Any) -> Planned:
    book.planner = planner
    return book.plan(policy=FirmPolicy(**policy))


def weight_left(found: Planned, book: SmallBook, ticker: str = "VTI") -> float:
    """Share of the IRA that stays in a security."""
    held = {row["security_id"]: row["market_value"] for row in book.rows("int_positions__valued")}
    for trade in found.trades:
        signed = trade["notional"] if trade["action"] == "buy" else -trade["notional"]
        held[trade["security_id"]] = held.get(trade["security_id"], D(0)) + signed
    total = sum((row["market_value"] for row in book.rows("fct_drift_summary")), D(0))
    return float(held[ticker] / total)


@pytest.mark.parametrize("planner", PLANNERS)
@pytest.mark.parametrize(
    ("settings", "stops"),
    [
        ({"trade_to": "target"}, 0.50),
        ({"trade_to": "inner"}, 0.525),
        ({"trade_to": "inner", "inner_share": "0.2"}, 0.51),
        ({"trade_to": "edge"}, 0.5495),
    ],
)
def test_a_household_stops_where_it_wants_whatever_the_firm_does(
    planner: str, settings: dict[str, str], stops: float
) -> None:
    book = ira_book()
    book.settings = {("H1", name): value for name, value in settings.items()}
    book.settings["H1", "location_years"] = "0"
    found = run(book, planner, trade_to="edge" if stops < 0.54 else "target")
    # What the sale brings, less the execution buffer, must bring the bonds to their stop.
    assert weight_left(found, book) == pytest.approx(stops, abs=0.0035)


def test_the_stop_is_a_share_of_the_half_width() -> None:
    book = ira_book()
    household = _household(book)
    (row,) = (each for each in household.groups[0].classes if each.asset_class == LARGE)
    assert stopping_weights(row, D(0)) == (D("0.5"), D("0.5"))
    assert stopping_weights(row, D("0.2")) == (D("0.49"), D("0.51"))
    assert stopping_weights(row, D(1)) == (D("0.4505"), D("0.5495"))


def _household(book: SmallBook) -> Any:
    tables = BookTables(book.frames(), AS_OF)
    return HouseholdBuilder(tables, FirmPolicy(), TRADE_DATE).build("H1", AS_OF)


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("location_years", "21", "location_years = '21': must be between 0 and 20"),
        ("trade_to", "sideways", "must be one of target, inner, edge"),
        ("turnover_price", "a little", "must be a number"),
        ("turnover_price", "NaN", "must be a number"),
        ("harvests_losses", "perhaps", "must be true or false"),
    ],
)
def test_a_bad_setting_holds_back_its_household_alone(setting: str, value: str, words: str) -> None:
    """Should a bad value ever pass the contract, the plan is refused, not made with a default."""
    book = ira_book()
    book.household("H2")
    book.targets["G2"], book.bands["G2"], book.triggers["G2"] = (
        book.targets["G1"],
        D("0.05"),
        "band",
    )
    book.account("I2", "traditional_ira", household_id="H2", group_id="G2")
    book.tax_unit("H2")
    for ticker in ("VTI", "BND"):
        book.constraint("I2", ticker)
    book.lot("I2", "VTI", 700, None)
    book.lot("I2", "BND", 600, None)
    book.settings["H1", setting] = value
    tables = plan_households(book.payload("H1", "H2"))
    plans = {row["household_id"]: row for row in tables["plans"].to_pylist()}
    assert plans["H1"]["plan_status"] == "withheld"
    assert "household H1" in plans["H1"]["explanation"]
    assert words in plans["H1"]["explanation"]
    assert plans["H2"]["plan_status"] == "proposed"
    assert {row["household_id"] for row in tables["trades"].to_pylist()} == {"H2"}


def test_a_withheld_household_says_why_and_not_that_its_settings_are_bad() -> None:
    book = ira_book()
    book.rows("dim_households")[0].update(household_state="withheld", state_reason="row 3 is bad")
    book.settings["H1", "location_years"] = "21"
    assert "row 3 is bad" in book.plan().plan["explanation"]


def test_a_missing_setting_is_no_default() -> None:
    stated = {each.name: str(each.default).lower() for each in household_settings()}
    assert household_policy(FirmPolicy(), stated, household_id="H1") == FirmPolicy()
    with pytest.raises(PolicyError, match="household H1: trade_to is not known"):
        household_policy(FirmPolicy(), {**stated, "trade_to": None}, household_id="H1")


@pytest.mark.parametrize("planner", PLANNERS)
def test_a_class_that_is_not_checked_tonight_triggers_nothing(planner: str) -> None:
    book = ira_book()
    book.resting = {LARGE: ("quarterly", NEXT_CHECK), BONDS: ("quarterly", NEXT_CHECK)}
    found = run(book, planner)
    assert found.trades == []
    told = {row["subject"]: row for row in found.exceptions}
    assert told[f"{LARGE}, not due"]["reason_code"] == "deferred"
    words = told[f"{LARGE}, not due"]["rationale"]
    assert "70.0%, outside its band of 45.0% to 55.0%" in words
    assert "checked quarterly, next on 2026-12-31" in words
    assert "inside its band" not in found.plan["explanation"]


def test_a_household_that_waits_for_data_is_told_of_that_alone() -> None:
    book = ira_book()
    book.resting = {LARGE: ("quarterly", NEXT_CHECK)}
    book.rows("dim_households")[0].update(household_state="withheld", state_reason="row 3 is bad")
    assert not any(row["subject"].endswith("not due") for row in book.plan().exceptions)


@pytest.mark.parametrize("planner", PLANNERS)
def test_a_class_that_rests_is_not_taken_further_out_by_one_that_is_due(planner: str) -> None:
    """Bonds are due and lack 10 points; large caps rest far below their band and give nothing."""
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.4", BONDS: "0.3", EMERGING: "0.3"})
    book.account("I1", "traditional_ira")
    book.tax_unit()
    for ticker, name in (("VTI", LARGE), ("BND", BONDS), ("VWO", EMERGING)):
        book.security(ticker, name, 100)
        book.model(ticker)
    for ticker, shares in (("VTI", 300), ("BND", 200), ("VWO", 500)):
        book.lot("I1", ticker, shares, None)
    book.resting = {LARGE: ("monthly", NEXT_CHECK)}
    found = run(book, planner)
    assert found.of("buy", "BND")
    assert {row["security_id"] for row in found.of("sell")} == {"VWO"}


@pytest.mark.parametrize("planner", PLANNERS)
def test_a_household_of_whole_rebalances_waits_where_only_a_part_is_possible(planner: str) -> None:
    """Two thirds of the large caps are locked: bonds come nearer, but no class comes inside."""
    book = ira_book(large=800, bonds=400)
    book.constraint("I1", "VTI", sellable_quantity=D(100))
    assert run(book, planner).trades
    book.settings["H1", "partial_rebalance"] = "always_whole"
    found = run(book, planner)
    assert found.trades == []
    (told,) = (row for row in found.exceptions if row["subject"] == "Whole rebalance")
    assert f"{BONDS} and {LARGE} outside their bands" in told["rationale"]
    assert "Nothing more is due tonight" in found.plan["explanation"]


@pytest.mark.parametrize("planner", PLANNERS)
def test_a_whole_rebalance_is_made_by_a_household_of_whole_rebalances(planner: str) -> None:
    book = ira_book()
    book.settings["H1", "partial_rebalance"] = "always_whole"
    assert run(book, planner).of("sell", "VTI")


def after_tax_book() -> SmallBook:
    """At market value a quarter is in bonds; of an IRA that is taxed by 40 % only 60 % count.

    Large caps 60,000 in a Roth and 15,000 of bonds there, bonds 25,000 in the IRA: 40 % bonds at
    market value, but (15,000 + 15,000) of 90,000 after tax.
    """
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.6", BONDS: "0.4"})
    book.account("R1", "roth_ira")
    book.account("I1", "traditional_ira", basis_factor=D("0.6"))
    book.tax_unit()
    for ticker, asset_class in (("VTI", LARGE), ("BND", BONDS)):
        book.security(ticker, asset_class, 100)
        book.model(ticker)
    book.lot("R1", "VTI", 600, None)
    book.lot("R1", "BND", 150, None)
    book.lot("I1", "BND", 250, None)
    return book


@pytest.mark.parametrize("planner", PLANNERS)
def test_after_tax_weights_are_brought_to_their_targets(planner: str) -> None:
    """Bonds are a third after tax: 6,000 of 90,000 move, all in the Roth."""
    book = after_tax_book()
    (row,) = (
        each
        for each in book.frames()["fct_household_drift"].to_pylist()
        if each["asset_class"] == BONDS
    )
    assert float(row["actual_weight"]) == pytest.approx(30 / 90)
    found = run(book, planner, location_years=D(0))
    (sale,), (purchase,) = found.of("sell"), found.of("buy")
    assert (sale["account_id"], sale["security_id"]) == ("R1", "VTI")
    assert float(sale["notional"]) == pytest.approx(6_000, abs=100)
    assert float(purchase["notional"]) == pytest.approx(6_000, abs=200)
    assert found.plan["plan_status"] == "proposed"


@pytest.mark.parametrize("planner", PLANNERS)
def test_a_dollar_in_the_ira_counts_what_tax_leaves_of_it(planner: str) -> None:
    """The Roth cannot trade: 10,000 of the IRA's dollars are the 6,000 that the weights lack."""
    book = after_tax_book()
    book.rows("dim_accounts")[0].update(is_trading_blocked=True, trading_blocked_reason="a hold")
    book.lot("I1", "VTI", 250, None)
    # Large caps 60,000 + 15,000, bonds 15,000 + 15,000, of 105,000: 63,000 are wanted.
    found = run(book, planner, location_years=D(0))
    (sale,) = found.of("sell")
    assert (sale["account_id"], sale["security_id"]) == ("I1", "VTI")
    assert float(sale["notional"]) == pytest.approx(12_000 / 0.6, abs=200)
    assert found.plan["plan_status"] == "proposed"


@pytest.mark.parametrize("planner", PLANNERS)
def test_before_tax_the_same_household_has_nothing_to_do(planner: str) -> None:
    book = after_tax_book()
    book.rows("dim_accounts")[1]["basis_factor"] = D(1)
    assert run(book, planner).trades == []


def test_the_value_of_an_after_tax_plan_is_what_the_checker_finds() -> None:
    book = after_tax_book()
    book.rows("dim_accounts")[0].update(is_trading_blocked=True, trading_blocked_reason="a hold")
    book.lot("I1", "VTI", 250, None)
    book.planner = "optimizer"
    tables = BookTables(book.frames(), AS_OF)
    policy = FirmPolicy()
    household = HouseholdBuilder(tables, policy, TRADE_DATE).build("H1", AS_OF)
    rates = rate_tables_from(book.frames(), policy)
    from python_steps.optimizer.planner import plan_household

    plan = plan_household(household, policy, rates, market_assumptions(tables))
    assert plan.trades
    assert plan.optimality is not None
    assert plan.optimality.planner == "optimizer"
    assert check_objective(household, plan, policy, rates, market_assumptions(tables)) == []


def _gap_inputs(book: SmallBook) -> tuple[HouseholdIndex, MarketAssumptions, TaxEffect]:
    frames = book.frames()
    tables = BookTables(frames, AS_OF)
    household = HouseholdBuilder(tables, FirmPolicy(), TRADE_DATE).build("H1", AS_OF)
    index = HouseholdIndex(household)
    effect = TaxEffect(index, rate_tables_from(frames, FirmPolicy()))
    return index, market_assumptions(tables), effect


def test_a_class_without_an_income_is_no_free_place() -> None:
    index, known, tax = _gap_inputs(ira_book())
    assert location_gap(index, known, tax) is None
    less = MarketAssumptions(
        known.volatility,
        known.correlation,
        known.location_rank,
        {name: value for name, value in known.income.items() if name != BONDS},
    )
    gap = location_gap(index, less, tax)
    assert gap is not None
    assert f"nobody has stated what {BONDS} brings a year" in gap.rationale
    prices = objective_prices(index, FirmPolicy(), less, tax)
    account, security = index.accounts["I1"], index.securities["BND"]
    assert prices.location_years == 0
    assert prices.location_cost(account, security) == 0
    with pytest.raises(UnknownLocationCostError, match=BONDS):
        prices._yearly_cost(account, BONDS, is_exempt=False)


def test_unknown_rates_switch_location_off_and_are_told() -> None:
    book = ira_book()
    book.rows("tax_unit_states")[0].update(
        rates_status="missing", marginal_ordinary_rate=None, marginal_short_term_rate=None,
        marginal_long_term_rate=None,
    )  # fmt: skip
    found = run(book, "optimizer")
    assert found.trades
    (told,) = (row for row in found.exceptions if row["subject"] == "Asset location")
    assert told["reason_code"] == "rates_missing"
    assert "T-H1" in told["rationale"]
    book.settings["H1", "location_years"] = "0"
    assert "Asset location" not in {row["subject"] for row in run(book, "optimizer").exceptions}


@pytest.mark.parametrize("planner", ["optimizer", "waterfall"])
def test_unknown_rates_are_not_called_a_wish_of_the_household(planner: str) -> None:
    """On target with nothing to do: what is not priced is told, and keeps the plan from nothing."""
    book = ira_book(large=500, bonds=1_000)
    book.rows("tax_unit_states")[0].update(
        rates_status="missing", marginal_ordinary_rate=None, marginal_short_term_rate=None,
        marginal_long_term_rate=None,
    )  # fmt: skip
    found = run(book, planner)
    assert found.trades == []
    assert "Asset location" in {row["subject"] for row in found.exceptions}
    assert "own settings" not in found.plan["explanation"]
    assert "nothing to do" in found.plan["explanation"]


@pytest.mark.parametrize(("method", "sold"), [("SPEC_ID", "NEW"), ("FIFO", "OLD")])
@pytest.mark.parametrize("planner", PLANNERS)
def test_a_mandated_lot_method_binds_the_plan(planner: str, method: str, sold: str) -> None:
    """The newer lot is at a loss, the older at a gain: by the mandate the older goes first."""
    book = ira_book()
    book.account("T1", lot_method=method, group_id="G1")
    book.tables["int_positions__valued"].clear()
    book.tables["int_lots__identified"].clear()
    for ticker in ("VTI", "BND"):
        book.constraint("T1", ticker)
    old = book.lot("T1", "VTI", 350, 99, date(2020, 1, 2))
    new = book.lot("T1", "VTI", 350, 130, date(2021, 1, 4))
    book.lot("T1", "BND", 600, 50)
    first = {"OLD": old, "NEW": new}[sold]
    lots = run(book, planner, breakeven_years_limit=D(50)).sold_lots()
    assert lots
    assert lots[0] == first


def taxable_losses(loss: int) -> SmallBook:
    """Inside its bands, with a loss on large caps that a second fund could replace."""
    book = SmallBook()
    book.household()
    book.group({LARGE: "1"})
    book.account("T1")
    book.tax_unit()
    for ticker in ("VTI", "ITOT"):
        book.security(ticker, LARGE, 100)
        book.model(ticker, 1 if ticker == "VTI" else 2)
    book.lot("T1", "VTI", 500, 100 + Decimal(loss) / 500)
    return book


def test_a_households_own_threshold_decides_what_is_harvested() -> None:
    book = taxable_losses(3_000)
    assert run(book, "optimizer").of("sell", "VTI")
    book.settings["H1", "harvest_threshold"] = "100000"
    assert run(book, "optimizer").trades == []


@pytest.mark.parametrize(
    ("setting", "value"),
    [("turnover_price", "0.05"), ("minimum_trade_benefit", "10000")],
)
def test_dearer_trading_leaves_small_gains_alone(setting: str, value: str) -> None:
    """Two points of drift beyond the band are worth some hundred dollars, not thousands."""
    book = ira_book(large=570, bonds=860)
    assert run(book, "optimizer").trades
    book.settings["H1", setting] = value
    book.settings["H1", "partial_rebalance"] = "may_be_part"
    cheap = run(book, "optimizer")
    assert sum(row["notional"] for row in cheap.trades) < sum(
        row["notional"] for row in run(ira_book(large=570, bonds=860), "optimizer").trades
    )


def test_another_setting_is_another_plan() -> None:
    one = ira_book().plan().plan["plan_id"]
    book = ira_book()
    book.settings["H1", "location_years"] = "3"
    assert book.plan().plan["plan_id"] != one
    assert ira_book().plan().plan["plan_id"] == one
