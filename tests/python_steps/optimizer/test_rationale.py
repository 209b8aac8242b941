"""Why each trade is there: parts that add up, true marginal rates, cash that cancels."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from python_steps.optimizer import planner as planner_module
from python_steps.optimizer import rationale as rationale_module
from python_steps.optimizer.attempt import Attempt, attempted
from python_steps.optimizer.core_problem import core_problem
from python_steps.optimizer.linear_programs import LinearPrograms
from python_steps.optimizer.plan_shares import plan_shares, total_of
from python_steps.optimizer.planner import plan_household
from python_steps.optimizer.prices import ObjectivePrices, objective_prices
from python_steps.optimizer.rationale import PricedPlan, in_cents, priced, rationales
from python_steps.optimizer.valuation import fully_valued
from python_steps.optimizer.workshop import PlanningTools, Workshop, workshop_of
from python_steps.planning import waterfall
from python_steps.planning.batch import rate_tables_from
from python_steps.planning.book_tables import BookTables
from python_steps.planning.household import Household
from python_steps.planning.household_frames import HouseholdBuilder, market_assumptions
from python_steps.planning.plan import (
    RATIONALE_COMPONENTS,
    REBALANCE_MODE,
    HouseholdPlan,
    RationaleComponent,
)
from python_steps.planning.wording import components_words, dollars
from python_steps.policy import FirmPolicy
from python_steps.sample_households.generate import stress_household, typical_household
from python_steps.sample_households.rules import sample_rules
from tests.python_steps.optimizer.drifted_book import RECENT, drifted
from tests.python_steps.planning.small_book import (
    AS_OF,
    BONDS,
    CASH,
    LARGE,
    TRADE_DATE,
    SmallBook,
    seeds,
)

RULES = sample_rules(seeds())
TYPICAL = [typical_household(seed, RULES) for seed in range(12)]
STRESS = [stress_household(seed, RULES)[0] for seed in range(12)]


def workshop(household: Household) -> Workshop:
    tools = PlanningTools(LinearPrograms(), with_frontier=False)
    return workshop_of(household, RULES.policy, RULES.rates, RULES.assumptions, tools)


def workshop_of_book(book: SmallBook, policy: FirmPolicy | None = None) -> Workshop:
    chosen, frames = policy or FirmPolicy(), book.frames()
    tables = BookTables(frames, AS_OF)
    household = HouseholdBuilder(tables, chosen, TRADE_DATE).build("H1", AS_OF)
    rates = rate_tables_from(frames, chosen)
    tools = PlanningTools(LinearPrograms())
    return workshop_of(household, chosen, rates, market_assumptions(tables), tools)


def prices_of(work: Workshop) -> ObjectivePrices:
    return objective_prices(work.market.index, work.policy, work.market.assumptions, work.tax)


def made(work: Workshop) -> tuple[Attempt, PricedPlan] | None:
    problem = core_problem(work.start, work.market.sells, work.market.buys, work.policy)
    if not problem.sales and not problem.purchases:
        return None
    attempt, _ = attempted(work, problem, prices_of(work))
    if attempt is None or not attempt.ledger.orders:
        return None
    plan = priced(attempt, work.household, work.policy, work.tools.programs)
    assert plan is not None
    return attempt, plan


def plan_of(work: Workshop) -> HouseholdPlan:
    return plan_household(
        work.household, work.policy, work.rate_tables, work.market.assumptions, work.tools
    )


def margins(plan: HouseholdPlan, account_id: str, security_id: str) -> dict[str, Decimal]:
    assert plan.optimality is not None
    found: dict[str, Decimal] = {}
    for each in plan.optimality.rationales[account_id, security_id]:
        found[each.component] = found.get(each.component, Decimal(0)) + each.margin
    return found


# Parts add up


@pytest.mark.parametrize("household", [*TYPICAL, *STRESS])
def test_the_parts_of_every_margin_add_up_to_the_reduced_cost(household: Household) -> None:
    """Own terms, priced rows and least sizes are all there is, but for rows that repeat bounds."""
    found = made(workshop(household))
    if found is None:
        return
    attempt, plan = found
    model = attempt.core.model
    for column in (*attempt.core.sale_columns, *attempt.core.purchase_columns):
        repeated = 0.0
        for place in range(int(model.starts[column]), int(model.starts[column + 1])):
            row = int(model.rows[place])
            price = float(plan.row_duals[row] * model.values[place])
            if plan.rows[row][0] in ("wash_sale", "lot_order") and price <= 0:
                repeated += price
        told = math.fsum(plan.parts_of(column).values()) + repeated
        told -= plan.least_prices.get(column, 0.0)
        assert told == pytest.approx(float(plan.margins[column]), abs=1e-9)


@pytest.mark.parametrize("household", [*TYPICAL, *STRESS])
def test_no_trade_of_the_solution_costs_more_than_it_brings(household: Household) -> None:
    """Strong duality: what is traded is worth its price to the last dollar, or all of it more."""
    found = made(workshop(household))
    if found is None:
        return
    attempt, plan = found
    values, model = attempt.mended.values, attempt.core.model
    held = {
        column
        for switch in model.switches
        for column in (*switch.when_zero.columns, *switch.when_one.columns)
    }
    for column in (*attempt.core.sale_columns, *attempt.core.purchase_columns):
        worth = math.fsum(plan.parts_of(column).values())
        if values[column] > 1e-5:
            assert worth > -1e-7, model.column_names[column]
            inside = values[column] < float(attempt.model.upper[column]) - 1e-5
            if inside and column not in held:
                assert worth == pytest.approx(0.0, abs=1e-7), model.column_names[column]


@pytest.mark.parametrize("household", [*TYPICAL, *STRESS])
def test_the_shares_of_all_trades_are_what_the_plan_is_worth(household: Household) -> None:
    work = workshop(household)
    found = made(work)
    if found is None:
        return
    attempt, _ = found
    prices = prices_of(work)

    def worth(ledger: Any) -> Decimal | None:
        steps = waterfall.Steps(ledger, REBALANCE_MODE, {}, [])
        plan = waterfall.finished_plan(work.market, work.start, steps, work.judge)
        value = fully_valued(plan, prices, work.tax).value
        return None if value is None else value.total

    idle, traded = worth(work.start), worth(attempt.ledger)
    shares = plan_shares(prices, work.tax, work.start, attempt.ledger)
    if idle is None or traded is None:
        return
    if any(row.reason_code == "cash_shortfall" for row in plan_of(work).exceptions):
        return  # more due than there is: a group without value has no drift that could be shared
    # What trading costs makes the group smaller and moves the targets of classes without a trade.
    tolerance = 0.05 + 0.01 * len(shares) + 0.3 * float(attempt.ledger.transaction_cost())
    assert total_of(list(shares.values())) == pytest.approx(float(idle - traded), abs=tolerance)


@pytest.mark.parametrize("household", [*TYPICAL, *STRESS])
def test_components_are_whole_cents_of_known_words_for_every_trade(household: Household) -> None:
    plan = plan_of(workshop(household))
    if plan.optimality is None or plan.optimality.planner != "optimizer":
        return
    told = plan.optimality.rationales
    assert set(told) == {(trade.account_id, trade.security_id) for trade in plan.trades}
    for parts in told.values():
        assert parts
        for each in parts:
            assert each.component in RATIONALE_COMPONENTS
            assert each.dollars == each.dollars.quantize(Decimal("0.01"))
            assert each.margin == each.margin.quantize(Decimal("0.01"))
            assert (each.subject is not None) == (each.component == "drift")


def test_cents_add_up_to_the_rounded_sum() -> None:
    parts = {("tax", None): 1.004, ("location", None): 1.004, ("drift", "Bonds"): -5.004}
    cents = in_cents(parts)
    assert sum(cents.values()) == Decimal("-3.00")
    assert cents["drift", "Bonds"] == Decimal("-5.00")
    parts = {("tax", None): 1.004, ("location", None): 1.004, ("drift", "Bonds"): 5.004}
    cents = in_cents(parts)
    assert sum(cents.values()) == Decimal("7.01")
    assert cents["drift", "Bonds"] == Decimal("5.01")


# What the parts say


def test_a_loss_counts_at_the_rate_of_the_gain_that_it_offsets() -> None:
    """Short-term gains stand in the year: a long-term loss saves tax at their rate."""
    found = {}
    for name, gain in (("short", 200_000), ("none", 0)):
        book = drifted()
        book.rows("tax_unit_states")[0]["year_to_date_short_term_gain"] = Decimal(gain)
        book.lot("TAX", "VTI", 900, 130)
        work = workshop_of_book(book)
        assert made(work) is not None
        unit = work.market.index.tax_units["T-H1"]
        rate = unit.marginal_short_term_rate if gain else None
        plan = plan_of(work)
        found[name] = margins(plan, "TAX", "VTI")["tax"]
        trade = next(trade for trade in plan.trades if trade.security_id == "VTI")
        loss = -(trade.realized_short_term_loss + trade.realized_long_term_loss)
        if rate is not None:
            assert found[name] == pytest.approx(rate * loss, rel=1e-3)
    assert found["none"] < found["short"]


def test_the_price_of_cash_cancels_between_a_sale_and_what_it_pays_for() -> None:
    book = drifted()
    book.rows("fct_account_cash")[1].update(
        trade_date=Decimal(0), settled=Decimal(0), investable=Decimal(0)
    )
    book.lot("TAX", "BND", 300, 100)
    book.lot("IRA", "VTI", 700, None)
    work = workshop_of_book(book)
    found = made(work)
    assert found is not None
    attempt, priced_plan = found
    shares = plan_shares(prices_of(work), work.tax, work.start, attempt.ledger)
    alone = {
        key: rationale_module._traded(priced_plan, order, shares[key])
        for key, order in attempt.ledger.orders.items()
    }
    sale = next(each for key, each in alone.items() if key[0] == "IRA" and key[2] == "sell")
    assert sale.margin["account_cash", None] != 0, "cash has a price there"
    told = rationales(priced_plan, attempt.ledger, shares)
    cash = [each for each in told["IRA", "VTI"] if each.component == "account_cash"]
    paid = sum(abs(each.margin) for each in cash)
    assert paid < abs(sale.margin["account_cash", None]) / 20
    subjects = {each.subject for each in told["IRA", "VTI"] if each.component == "drift"}
    assert {LARGE, BONDS} <= subjects, "it gives from one class to the other"


def needing(amount: int) -> SmallBook:
    book = SmallBook()
    book.household()
    book.group({LARGE: "1"})
    book.account("A1", flow_reserve=amount)
    book.security("VTI")
    book.model("VTI")
    book.tax_unit()
    book.lot("A1", "VTI", 800, 40)
    return book


def test_needed_cash_is_what_a_sale_for_it_is_worth() -> None:
    plan = plan_of(workshop_of_book(needing(20_000)))
    assert [trade.reason_code for trade in plan.trades] == ["RAISE_CASH"]
    parts = margins(plan, "A1", "VTI")
    assert parts["cash_need"] > 0
    assert parts["tax"] < 0
    assert sum(parts.values()) == pytest.approx(0, abs=1), "the last share just raises the cash"
    assert f"{dollars(-parts['tax'])} of tax speaks against it" in plan.trades[0].rationale


def test_a_standing_order_has_its_price_where_it_sells_first_what_costs_most() -> None:
    book = drifted()
    for row in book.rows("dim_accounts"):
        row["lot_method"] = "FIFO"
    book.lot("TAX", "VTI", 200, 40)
    book.lot("TAX", "VTI", 500, 140, RECENT)
    book.lot("IRA", "BND", 300, None)
    work = workshop_of_book(book)
    found = made(work)
    assert found is not None
    attempt, plan = found
    (column,) = [
        column
        for sale, column in zip(attempt.core.problem.sales, attempt.core.sale_columns, strict=True)
        if sale.gain_per_dollar > 0
    ]
    assert attempt.mended.values[column] > 1, "the old lot goes first"
    assert plan.parts_of(column)["lot_order", None] > 0
    assert plan.parts_of(column)["tax", None] < 0


def test_a_trade_held_at_its_least_size_says_so() -> None:
    book = needing(3_000)
    book.rows("dim_households")[0]["minimum_trade_amount"] = Decimal(10_000)
    found = made(workshop_of_book(book))
    assert found is not None
    attempt, plan = found
    (column,) = attempt.core.sale_columns
    assert attempt.mended.values[column] == pytest.approx(10.1), "a share above the minimum"
    assert plan.least_prices[column] > 0, "the last dollars of it cost more than they bring"
    assert plan.parts_of(column)["minimum_trade", None] == plan.least_prices[column]


# The reason and the sentence


def test_a_sale_for_a_target_inside_its_class_names_that_target() -> None:
    """Large caps are on target; VTI, a target inside them, is missing: others make room for it."""
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.6", BONDS: "0.4"})
    book.account("IRA", "traditional_ira")
    book.account("ROTH", "roth_ira")
    for name, asset_class in (("VTI", LARGE), ("ITOT", LARGE), ("BND", BONDS)):
        book.security(name, asset_class)
    book.part("VTI", "0.30", level="security")
    for rank, name in enumerate(("VTI", "ITOT"), start=1):
        book.model(name, rank)
    book.model("BND")
    book.tax_unit()
    book.lot("IRA", "ITOT", 500, None)
    book.lot("IRA", "BND", 300, None)
    book.lot("ROTH", "ITOT", 100, None)
    book.lot("ROTH", "BND", 100, None)
    plan = plan_of(workshop_of_book(book))
    sold = [trade for trade in plan.trades if trade.action == "sell"]
    assert sold
    for trade in sold:
        assert trade.reason_code == "REBALANCE"
        assert "VTI, whose weight is 0.0%" in trade.rationale
        assert "less drift of VTI" in trade.rationale


def test_the_reason_is_what_speaks_most_for_a_trade() -> None:
    def reason(known: str, **amounts: str) -> str:
        parts = [RationaleComponent(name, None, Decimal(it), Decimal(0))
                 for name, it in amounts.items()]  # fmt: skip
        return rationale_module._reason(parts, known)

    assert reason("REBALANCE", drift="10", location="90") == "LOCATE"
    assert reason("LOCATE", drift="100", location="90") == "REBALANCE"
    assert reason("REBALANCE", drift="10", concentration="90") == "RESTRICTION"
    assert reason("LOCATE", drift="10", location="10") == "LOCATE", "a tie changes nothing"
    assert reason("LOCATE", drift="-5", location="-9", trading_cost="3") == "LOCATE"
    assert reason("REBALANCE", drift="10", location="20", tax="90") == "REBALANCE"
    # What the whole trade undoes others make good: then its last dollars say why.
    parts = [
        RationaleComponent("drift", BONDS, Decimal(-500), Decimal(4)),
        RationaleComponent("location", None, Decimal(30), Decimal(30)),
    ]
    assert rationale_module._reason(parts, "REBALANCE") == "LOCATE"


def test_the_sentence_names_the_three_biggest_dollars_on_their_sides() -> None:
    parts = [
        RationaleComponent("drift", BONDS, Decimal(630), Decimal(0)),
        RationaleComponent("tax", None, Decimal(-120), Decimal(0)),
        RationaleComponent("location", None, Decimal("40"), Decimal(0)),
        RationaleComponent("turnover", None, Decimal("-30"), Decimal(0)),
    ]
    assert components_words(parts) == (
        f"In this plan $630 of less drift of {BONDS} and $40.00 of tax spared by its place speak "
        "for it; $120 of tax speaks against it."
    )
    assert components_words([RationaleComponent("tax", None, Decimal("0.4"), Decimal(0))]) == ""
    assert components_words([]) == ""


def test_every_component_has_its_words() -> None:
    for name in RATIONALE_COMPONENTS:
        for amount in (Decimal(5), Decimal(-5)):
            # More speaks for it than against it, so that the whole trade's dollars are told.
            other = RationaleComponent("drift", CASH, Decimal(100), Decimal(0))
            words = components_words([RationaleComponent(name, CASH, amount, Decimal(0)), other])
            assert words.count("$") == 2


def test_a_harvest_stays_one_whatever_its_place_is_worth() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 300, 130, RECENT)
    book.lot("TAX", "BND", 200, 100)
    book.lot("IRA", "BND", 900, None)
    work = workshop_of_book(book)
    found = made(work)
    assert found is not None
    attempt, _ = found
    (order,) = [each for each in attempt.ledger.orders.values()
                if each.action == "sell" and each.account_id == "TAX"
                and each.security_id == "VTI"]  # fmt: skip
    place = RationaleComponent("location", None, Decimal(10_000), Decimal(10_000))
    told = rationale_module.with_reasons(
        attempt.core.problem, attempt.ledger, {("TAX", "VTI"): (place,)}
    )
    key = (order.account_id, order.security_id, order.action)
    assert told.orders[key].main_purpose.reason_code == order.main_purpose.reason_code


# When nothing prices a trade


def test_a_row_that_belongs_to_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="phases of the moon"):
        rationale_module._component_of_row("phases of the moon")


def test_the_fallback_has_no_parts_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    book = drifted()
    book.lot("IRA", "VTI", 700, None)
    monkeypatch.setattr(planner_module, "attempted", lambda *_: (None, []))
    plan = plan_of(workshop_of_book(book))
    assert plan.optimality is not None
    assert plan.trades
    assert plan.optimality.planner == "waterfall"
    assert plan.optimality.rationales == {}
    assert "no prices that say what each reason of a trade is worth" in plan.explanation


def test_a_program_without_a_verdict_leaves_the_plan_without_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book = drifted()
    book.lot("IRA", "VTI", 700, None)
    monkeypatch.setattr(planner_module, "priced", lambda *_: None)
    plan = plan_of(workshop_of_book(book))
    assert plan.optimality is not None
    assert plan.optimality.planner == "optimizer"
    assert plan.trades
    assert plan.optimality.rationales == {}
    assert "no prices that say what each reason of a trade is worth" in plan.explanation


def test_the_table_holds_a_row_per_component_that_adds_up() -> None:
    book = drifted()
    book.planner = "optimizer"
    book.lot("TAX", "VTI", 300, 130, RECENT)
    book.lot("IRA", "VTI", 500, None)
    found = book.plan()
    rows = found.tables["trade_rationale"].to_pylist()
    for trade in found.tables["trades"].to_pylist():
        own = [row for row in rows if row["trade_id"] == trade["trade_id"]]
        assert own
        assert sum(row["dollars"] for row in own) == trade["worth_in_plan"]
        assert sum(row["marginal_dollars"] for row in own) == trade["marginal_worth"]
        assert {(row["account_id"], row["security_id"]) for row in own} == {
            (trade["account_id"], trade["security_id"])
        }


def test_the_last_program_is_solved_as_the_repair_left_it() -> None:
    """Its solution is the repaired one: its prices are the plan's and nobody else's."""
    for household in TYPICAL[:6]:
        work = workshop(household)
        found = made(work)
        if found is None:
            continue
        attempt, _ = found
        groups = list(rationale_module.trade_groups(work.household, work.policy, attempt.core))
        lower, upper, floors, _ = rationale_module._last_bounds(attempt, groups)
        solution = work.tools.programs.solve(lower, upper, floors=floors)
        assert solution.objective == pytest.approx(attempt.mended.objective, abs=1e-6)
        assert np.all(lower <= attempt.mended.values + 1e-6)


def test_a_priced_plan_is_the_same_every_time() -> None:
    first, second = plan_of(workshop(TYPICAL[0])), plan_of(workshop(TYPICAL[0]))
    assert replace(first) == second


def test_plans_on_the_way_are_not_asked_for_reasons() -> None:
    for tools in (
        PlanningTools(LinearPrograms(), with_reasons=False),
        PlanningTools(LinearPrograms(), with_trade_values=False),
    ):
        work = workshop(TYPICAL[0])._replace(tools=tools)
        plan, told = plan_of(work), plan_of(workshop(TYPICAL[0]))
        assert plan.optimality is not None
        assert plan.optimality.rationales == {}
        assert plan.untraded == ()
        assert "no prices" not in plan.explanation
        if tools.with_trade_values:
            assert [(each.security_id, each.quantity) for each in plan.trades] == [
                (each.security_id, each.quantity) for each in told.trades
            ]
