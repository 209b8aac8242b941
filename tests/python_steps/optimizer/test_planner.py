"""The optimising planner as a whole: what it must do, never does, and says of itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from python_steps.optimizer import attempt as attempt_module
from python_steps.optimizer import optimality as optimality_module
from python_steps.optimizer import planner as planner_module
from python_steps.optimizer.attempt import Attempt, attempted
from python_steps.optimizer.certificate import CertificateError, verified_lower_bound
from python_steps.optimizer.core_problem import Stage, core_problem
from python_steps.optimizer.linear_programs import LinearPrograms
from python_steps.optimizer.model_assembly import Room
from python_steps.optimizer.optimality import amounts_in_shares, optimality_of
from python_steps.optimizer.planner import plan_household
from python_steps.optimizer.prices import objective_prices
from python_steps.optimizer.rounding import rounded_ledger
from python_steps.optimizer.valuation import fully_valued
from python_steps.optimizer.workshop import PlanningTools, Workshop, workshop_of
from python_steps.planning.batch import plan_households, rate_tables_from
from python_steps.planning.book_tables import BookTables
from python_steps.planning.household_frames import HouseholdBuilder, market_assumptions
from python_steps.planning.ledger import PlanLedger
from python_steps.planning.plan import HouseholdPlan
from python_steps.policy import FirmPolicy
from python_steps.sample_households.generate import typical_household
from python_steps.sample_households.rules import sample_rules
from tests.python_steps.optimizer.drifted_book import RECENT, drifted
from tests.python_steps.planning.small_book import (
    AS_OF,
    BONDS,
    LARGE,
    TRADE_DATE,
    Planned,
    SmallBook,
    seeds,
)


def planned(book: SmallBook, **policy: Any) -> Planned:
    book.planner = "optimizer"
    return book.plan(policy=FirmPolicy(**policy))


def plan_of(book: SmallBook, policy: FirmPolicy | None = None) -> HouseholdPlan:
    chosen = policy or FirmPolicy()
    frames = book.frames()
    tables = BookTables(frames, AS_OF)
    household = HouseholdBuilder(tables, chosen, TRADE_DATE).build("H1", AS_OF)
    rates = rate_tables_from(frames, chosen)
    return plan_household(household, chosen, rates, market_assumptions(tables))


def head(found: Planned) -> dict[str, Any]:
    (row,) = found.tables["plans"].to_pylist()
    return dict(row)


# Rules


def test_what_is_harvested_in_one_account_is_bought_in_no_other() -> None:
    """The IRA needs large caps that the taxable account sells at a loss: it buys the other fund."""
    book = drifted()
    book.lot("TAX", "VTI", 300, 130, RECENT)
    book.lot("TAX", "BND", 200, 100)
    book.lot("IRA", "BND", 900, None)
    found = planned(book)
    assert head(found)["planner"] == "optimizer"
    sold = {row["security_id"] for row in found.of("sell") if row["account_id"] == "TAX"}
    bought = {row["security_id"] for row in found.of("buy")}
    assert "VTI" in sold, "30 % of its value is a loss to take"
    assert "ITOT" in bought
    assert "VTI" not in bought


@pytest.mark.parametrize(("days", "expected"), [(0, "ITOT"), (-1, "VTI")])
def test_a_fund_sold_at_a_loss_is_bought_again_the_day_after_its_window(
    days: int, expected: str
) -> None:
    book = drifted()
    book.lot("IRA", "BND", 900, None)
    book.window("VTI", no_buy_until_date=TRADE_DATE + timedelta(days=days))
    bought = {row["security_id"] for row in planned(book).of("buy")}
    assert expected in bought
    assert not {"VTI", "ITOT"} <= bought


def test_no_loss_is_sold_while_purchases_may_be_unknown() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 900, 130)
    book.window("VTI", coverage="unknown")
    found = planned(book)
    assert found.of("sell") == []


def test_money_stays_in_its_account() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 200, 60)
    book.lot("IRA", "VTI", 700, None)
    plan = plan_of(book)
    for account_id, cash in (("TAX", 10_000), ("IRA", 5_000)):
        moved = sum(
            ((1 if trade.action == "sell" else -1) * trade.notional - trade.cost
             for trade in plan.trades if trade.account_id == account_id),
            Decimal(0),
        )  # fmt: skip
        assert cash + moved >= 0


def raising(*, long_lots: int) -> SmallBook:
    """An account that needs 20,000 and holds long lots with much gain, short ones with little."""
    book = SmallBook()
    book.household()
    book.group({LARGE: "1"})
    book.account("A1", flow_reserve=20_000)
    book.security("VTI")
    book.model("VTI")
    book.tax_unit()
    book.lot("A1", "VTI", long_lots, 40)
    book.lot("A1", "VTI", 400, 95, RECENT)
    return book


def test_needed_cash_takes_no_short_term_gain_while_long_term_lots_suffice() -> None:
    found = planned(raising(long_lots=400))
    assert {row["term"] for row in found.tables["trade_lots"].to_pylist()} == {"long"}
    assert head(found)["plan_status"] != "infeasible_cash"


def test_needed_cash_takes_short_term_gains_where_nothing_else_is_left() -> None:
    found = planned(raising(long_lots=50))
    terms = {row["term"] for row in found.tables["trade_lots"].to_pylist()}
    assert "short" in terms
    assert head(found)["plan_status"] != "infeasible_cash"


def test_gains_that_do_not_pay_are_put_off_and_told() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 900, 5)
    found = planned(book, breakeven_years_limit=Decimal("0.01"))
    assert not [row for row in found.of("sell") if row["realized_long_term_gain"] > 0]
    told = {row["reason_code"] for row in found.tables["exceptions"].to_pylist()}
    assert "deferred" in told


@pytest.mark.parametrize(
    ("years", "sold"),
    [("0.5", 0), ("1", 8_400), ("1.2", 18_500), ("1.3", 21_800), ("1.5", 26_900)],
)
def test_gains_that_pay_only_in_part_are_taken_in_part(years: str, sold: int) -> None:
    """The first gains cure the most drift: the largest part of the stage's tax that pays is sought.

    What is left of the stage is put off and told.
    """
    book = drifted()
    book.lot("TAX", "VTI", 900, 60)
    book.lot("IRA", "BND", 100, None)
    found = planned(book, breakeven_years_limit=Decimal(years))
    assert sum(row["notional"] for row in found.of("sell")) == pytest.approx(sold, rel=0.03)
    assert head(found)["planner"] == "optimizer"
    told = [row["reason_code"] for row in found.tables["exceptions"].to_pylist()]
    assert ("deferred" in told) == (sold < 26_900)


def test_a_budget_of_long_term_gains_does_not_bind_short_term_gains(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of the long-term gains only a part pays; the next stage is tried without that budget."""
    book = drifted()
    book.rows("dim_households")[0]["allows_short_term_gains"] = True
    book.lot("TAX", "VTI", 500, 60)
    book.lot("TAX", "VTI", 400, 95, RECENT)
    book.lot("IRA", "BND", 100, None)
    rooms: list[Room] = []
    solved = attempt_module._solved

    def watched(work: Any, core: Any, room: Room, **options: Any) -> Any:
        rooms.append(room)
        return solved(work, core, room, **options)

    monkeypatch.setattr(attempt_module, "_solved", watched)
    plan_of(book, FirmPolicy(breakeven_years_limit=Decimal("1")))
    budgets = {stage: [room.tax_budget for room in rooms if room.stage is stage] for stage in Stage}
    assert budgets[Stage.LONG_TERM_GAINS][-1] is not None
    assert budgets[Stage.SHORT_TERM_GAINS][0] is None


def test_where_cash_alone_suffices_nothing_is_sold() -> None:
    """The ladder's first step is as good as all of them: $80,000 of cash are invested."""
    book = drifted()
    book.rows("fct_account_cash")[0].update(
        trade_date=Decimal(80_000), settled=Decimal(80_000), investable=Decimal(80_000)
    )
    book.lot("TAX", "VTI", 790, 60)
    found = planned(book)
    assert found.of("sell") == []
    assert "BND" in {row["security_id"] for row in found.of("buy")}
    assert head(found)["ladder_stage"] == "cash_flows"


def test_a_firm_without_gains_has_an_optimised_plan_without_gains() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 900, 60)
    book.lot("IRA", "BND", 100, None)
    found = planned(book, long_term_gains_allowed=False)
    assert found.of("sell") == []
    assert found.of("buy")
    assert head(found)["planner"] == "optimizer"


def test_no_gain_is_taken_for_a_better_place_alone() -> None:
    """With ten years of credit for location the taxable bonds' gain would pay, but nothing asks."""
    book = drifted()
    book.lot("TAX", "BND", 300, 90)
    book.lot("IRA", "VTI", 560, None)
    book.lot("TAX", "VTI", 100, 60)
    found = planned(book, location_years=Decimal(10), breakeven_years_limit=Decimal(50))
    assert {row["account_id"] for row in found.of("sell")} == {"IRA"}
    assert head(found)["planner"] == "optimizer"


def with_gains_budget(budget: int) -> SmallBook:
    book = drifted()
    book.rows("dim_households")[0]["annual_gains_budget"] = Decimal(budget)
    return book


def test_whole_shares_stay_inside_a_budget_for_gains() -> None:
    """Of $40 of gain a share 83 fit into $3,333, not 83.3: the 84th is not sold for rounding."""
    book = with_gains_budget(3_333)
    book.lot("TAX", "VTI", 900, 60)
    found = planned(book, breakeven_years_limit=Decimal(50))
    (sale,) = found.of("sell")
    assert sale["realized_long_term_gain"] == Decimal(3_320)
    assert head(found)["planner"] == "optimizer"


def test_cash_that_is_needed_lets_no_other_account_exceed_a_budget_for_gains() -> None:
    """Little gain in much drift would be worth any price per dollar of gain."""
    book = with_gains_budget(0)
    book.account("NEEDY", flow_reserve=2_000)
    book.lot("TAX", "VTI", 900, 95)
    book.lot("NEEDY", "BND", 100, 90)
    found = planned(book, breakeven_years_limit=Decimal(50))
    (sale,) = found.of("sell")
    assert (sale["account_id"], sale["reason_code"]) == ("NEEDY", "RAISE_CASH")
    assert head(found)["planner"] == "optimizer"


def test_a_household_inside_its_bands_is_left_alone() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 620, 60)
    book.lot("IRA", "BND", 500, None)
    row = head(planned(book))
    assert (row["planner"], row["solver_status"], row["plan_status"]) == (
        "waterfall", "not_run", "no_trade",
    )  # fmt: skip


def test_a_gain_from_a_metal_trust_is_dearer_and_sold_later() -> None:
    book = SmallBook()
    book.household()
    book.group({"Alternatives": "0.2", BONDS: "0.8"})
    book.account("A1", cash=1_000)
    book.security("GLD", "Alternatives", is_collectible=True)
    book.security("DBC", "Alternatives")
    book.security("BND", BONDS)
    book.model("BND")
    book.tax_unit()
    book.lot("A1", "GLD", 300, 90)
    book.lot("A1", "DBC", 300, 90)
    book.lot("A1", "BND", 400, 100)
    sold = {row["security_id"]: row["notional"] for row in planned(book).of("sell")}
    assert sold.get("DBC", 0) > sold.get("GLD", 0)


def inside_its_bands(harvests: bool, unit_cost: int) -> SmallBook:
    """Everything in its band; 200 shares of a large-cap fund stand at 100 against this cost."""
    book = drifted()
    book.rows("dim_households")[0]["harvests_losses"] = harvests
    book.lot("TAX", "VTI", 200, unit_cost, RECENT)
    book.lot("TAX", "VTI", 420, 60)
    book.lot("IRA", "BND", 540, None)
    return book


def test_losses_are_harvested_when_nothing_else_is_due() -> None:
    """Of $8,000 of loss $3,000 are deducted at 24 % and 5 % of the state, the rest is carried."""
    found = planned(inside_its_bands(harvests=True, unit_cost=140))
    row = head(found)
    assert (row["run_mode"], row["plan_status"]) == ("tlh_only", "proposed")
    (sale,), (purchase,) = found.of("sell"), found.of("buy")
    assert (sale["security_id"], sale["reason_code"]) == ("VTI", "HARVEST_LOSS")
    assert (purchase["security_id"], purchase["reason_code"]) == ("ITOT", "HARVEST_REPLACEMENT")
    assert sale["quantity"] == 200, "the lot at a gain stays"
    assert purchase["notional"] <= sale["notional"], "idle cash is not invested by the way"
    assert row["estimated_tax"] == Decimal("-870.00")
    assert "2 trades harvest losses while nothing else is due" in row["explanation"]
    again = (TRADE_DATE + timedelta(days=31)).isoformat()
    assert f"may be bought again from {again}" in sale["rationale"]


@pytest.mark.parametrize(("harvests", "unit_cost"), [(False, 140), (True, 104)])
def test_no_harvest_where_it_is_not_wanted_or_not_worth_it(harvests: bool, unit_cost: int) -> None:
    row = head(planned(inside_its_bands(harvests, unit_cost)))
    assert (row["run_mode"], row["solver_status"]) == ("no_trade", "not_run")


@pytest.mark.parametrize(
    ("cash", "held", "reason"), [(12_000, 300, "REBALANCE"), (60_000, 20, "INVEST_CASH")]
)
def test_a_purchase_says_whether_a_sale_or_cash_pays_for_it(
    cash: int, held: int, reason: str
) -> None:
    """The first account has cash at its target, and more of it than half of what it buys."""
    book = drifted()
    book.rows("fct_account_cash")[0].update(trade_date=Decimal(0), investable=Decimal(0))
    amount = Decimal(cash)
    book.rows("fct_account_cash")[1].update(trade_date=amount, investable=amount)
    book.lot("IRA", "VTI", held, None)
    book.lot("IRA", "BND", 300, None)
    book.lot("TAX", "VTI", 450, 60)
    bought = [row for row in planned(book).of("buy") if row["account_id"] == "IRA"]
    assert bought
    largest = max(bought, key=lambda row: row["notional"])
    assert largest["reason_code"] == reason


def test_a_harvest_keeps_every_class_where_it_is() -> None:
    """What the sale of a stock fund brings buys a stock fund, that of a bond fund a bond fund."""
    book = inside_its_bands(harvests=True, unit_cost=140)
    book.lot("TAX", "BND", 25, 160, RECENT)
    found = planned(book)
    assert head(found)["run_mode"] == "tlh_only"
    sold = {row["asset_class"]: row["notional"] for row in found.of("sell")}
    bought = {row["asset_class"]: row["notional"] for row in found.of("buy")}
    assert set(bought) == set(sold)
    for name, amount in sold.items():
        assert 0 <= amount - bought[name] <= amount * Decimal("0.02") + 100


def test_a_class_of_which_nothing_may_be_bought_is_not_harvested() -> None:
    book = inside_its_bands(harvests=True, unit_cost=140)
    book.window("ITOT", no_buy_until_date=TRADE_DATE)
    assert head(planned(book))["run_mode"] == "no_trade"


# What a plan says of itself


def test_a_plan_states_its_proof_and_the_baseline_beside_it() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 300, 130, RECENT)
    book.lot("TAX", "VTI", 500, 60)
    book.lot("IRA", "VTI", 200, None)
    found = planned(book)
    row = head(found)
    assert row["solver_status"] == "optimal"
    assert row["optimality_gap"] >= 0
    assert row["objective_value"] <= row["waterfall_objective_value"]
    assert row["ladder_stage"] in ("losses", "long_term_gains")
    values = found.tables["plan_values"].to_pylist()
    assert sum(each["amount"] for each in values) == row["objective_value"]
    assert sum(each["waterfall_amount"] for each in values) == row["waterfall_objective_value"]
    (impact,) = found.tables["tax_impact"].to_pylist()
    assert impact["tax_saved_vs_waterfall"] == row["waterfall_estimated_tax"] - row["estimated_tax"]


def test_the_gap_is_the_sum_of_its_parts() -> None:
    """Least sizes cost the model more than the search may have missed."""
    book = drifted()
    book.rows("dim_households")[0]["minimum_trade_amount"] = Decimal(35_000)
    book.lot("TAX", "VTI", 300, 130, RECENT)
    book.lot("IRA", "VTI", 700, None)
    said = plan_of(book).optimality
    assert said is not None
    assert said.optimality_gap is not None
    assert said.search_gap is not None
    assert said.choice_gap is not None
    assert said.shares_gap is not None
    assert said.search_gap + said.choice_gap + said.shares_gap == said.optimality_gap
    assert 0 <= said.search_gap <= 1
    assert said.choice_gap > 1
    (row,) = planned(book).tables["plans"].to_pylist()
    assert row["search_gap"] == said.search_gap


def test_every_trade_is_worth_its_place() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 300, 130, RECENT)
    book.lot("IRA", "VTI", 500, None)
    trades = planned(book, minimum_trade_benefit=Decimal(25)).tables["trades"].to_pylist()
    assert trades
    for trade in trades:
        assert trade["value_of_trade"] is None or trade["value_of_trade"] >= 25
        assert "Without it" in trade["rationale"] or "could do without it" in trade["rationale"]


def test_a_larger_budget_for_tax_leaves_no_more_drift() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 900, 30)
    plan = plan_of(book)
    assert plan.optimality is not None
    points = plan.optimality.frontier
    assert len(points) == 9
    assert points[0].tax_budget == 0
    assert points[-1].tax_budget is None
    drift = [point.drift_outside_bands for point in points]
    assert drift == sorted(drift, reverse=True)
    assert drift[-1] < drift[0]
    errors = [point.tracking_error or 0.0 for point in points]
    assert errors[-1] < errors[0]
    for point in points[:-1]:
        assert point.tax_budget is not None
        assert point.estimated_tax <= point.tax_budget + 1


def test_where_losses_pay_for_gains_budgets_say_how_much_of_their_saving_is_kept() -> None:
    rules = sample_rules(seeds())
    household = typical_household(8, rules)
    plan = plan_household(household, rules.policy, rules.rates, rules.assumptions)
    assert plan.optimality is not None
    points = plan.optimality.frontier
    assert len(points) == 9
    budgets = [point.tax_budget for point in points[:-1] if point.tax_budget is not None]
    assert budgets == sorted(budgets)
    assert len(set(budgets)) == 8
    assert max(budgets) < 0
    assert all(point.estimated_tax <= (point.tax_budget or 0) + 1 for point in points)
    assert points[0].drift_outside_bands > points[-1].drift_outside_bands


def test_the_same_household_gets_the_same_plan() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 300, 130, RECENT)
    book.lot("TAX", "VTI", 500, 60)
    book.lot("IRA", "VTI", 200, None)
    first, second = plan_of(book), plan_of(book)
    assert first == second


def test_a_household_after_another_gets_the_plan_it_gets_alone() -> None:
    """The solver is reused: nothing of one household may reach the next."""
    book = drifted()
    book.planner = "optimizer"
    book.lot("TAX", "VTI", 900, 60)
    book.household("H2")
    book.group({LARGE: "0.3", BONDS: "0.7"}, "G2")
    book.account("OTHER", household_id="H2", group_id="G2", cash=500)
    book.model("BND")
    book.tax_unit("H2")
    book.lot("OTHER", "VTI", 400, 120, RECENT)
    both = plan_households(book.payload("H1", "H2"))["trades"].to_pylist()
    alone = plan_households(book.payload("H2"))["trades"].to_pylist()
    assert alone
    assert [row for row in both if row["household_id"] == "H2"] == alone


# When something goes wrong


def test_a_plan_that_breaks_a_rule_is_discarded_for_the_baseline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book = drifted()
    book.lot("TAX", "VTI", 300, 130, RECENT)
    book.lot("IRA", "VTI", 700, None)
    sound = plan_of(book)
    assert sound.optimality is not None
    assert sound.optimality.planner == "optimizer"
    real = rounded_ledger

    def overdrawn(core: Any, values: Any) -> PlanLedger:
        ledger = real(core, values)
        for key, order in list(ledger.orders.items()):
            if order.action == "buy":
                ledger.orders[key] = replace(order, quantity=2 * order.quantity)
        return ledger

    monkeypatch.setattr(attempt_module, "rounded_ledger", overdrawn)
    plan = plan_of(book)
    assert plan.optimality is not None
    assert (plan.optimality.planner, plan.optimality.solver_status) == ("waterfall", "heuristic")
    assert plan.trades


def test_a_plan_that_misstates_its_worth_is_discarded_for_the_baseline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book = drifted()
    book.lot("TAX", "VTI", 300, 130, RECENT)
    book.lot("IRA", "VTI", 700, None)

    def flattered(*args: Any) -> HouseholdPlan:
        plan = fully_valued(*args)
        assert plan.value is not None
        assert plan.value.basis_reset is not None
        better = plan.value.basis_reset - len(plan.trades)
        return replace(plan, value=replace(plan.value, basis_reset=better))

    sound = plan_of(book).optimality
    assert sound is not None
    assert sound.planner == "optimizer"
    monkeypatch.setattr(planner_module, "fully_valued", flattered)
    plan = plan_of(book)
    assert plan.optimality is not None
    assert (plan.optimality.planner, plan.optimality.solver_status) == ("waterfall", "heuristic")


@pytest.mark.parametrize(
    ("proved", "status"), [(None, "heuristic"), (0.0005, "optimal"), (0.02, "feasible_gap")]
)
def test_only_what_is_proved_is_called_optimal(
    monkeypatch: pytest.MonkeyPatch, proved: float | None, status: str
) -> None:
    """By how many thousand dollars the evidence proves less than the search believes."""
    book = drifted()
    book.lot("TAX", "VTI", 300, 130, RECENT)
    book.lot("IRA", "VTI", 700, None)

    def checked(*args: Any) -> float:
        if proved is None:
            raise CertificateError("no leaf covers the whole model")
        return verified_lower_bound(*args) - proved

    monkeypatch.setattr(optimality_module, "verified_lower_bound", checked)
    said = plan_of(book).optimality
    assert said is not None
    assert (said.planner, said.solver_status) == ("optimizer", status)
    assert (said.lower_bound is None) == (proved is None)
    assert (said.optimality_gap is None) == (proved is None)


def attempt_of(book: SmallBook) -> tuple[Workshop, Attempt]:
    frames, policy = book.frames(), FirmPolicy()
    tables = BookTables(frames, AS_OF)
    household = HouseholdBuilder(tables, policy, TRADE_DATE).build("H1", AS_OF)
    rates = rate_tables_from(frames, policy)
    tools = PlanningTools(LinearPrograms())
    work = workshop_of(household, policy, rates, market_assumptions(tables), tools)
    problem = core_problem(work.start, work.market.sells, work.market.buys, policy)
    prices = objective_prices(work.market.index, policy, market_assumptions(tables), work.tax)
    attempt, _ = attempted(work, problem, prices)
    assert attempt is not None
    return work, attempt


@pytest.mark.parametrize(("short_of", "is_told"), [(0.004, True), (0.05, False)])
def test_a_fraction_of_a_cent_leaves_no_plan_without_its_gap(
    short_of: float, is_told: bool
) -> None:
    """Costs of orders are whole cents, the model's are not: a row of cash may be missed by one."""
    book = drifted()
    book.lot("TAX", "VTI", 300, 130, RECENT)
    book.lot("IRA", "VTI", 700, None)
    work, attempt = attempt_of(book)
    model = attempt.core.model
    values = np.zeros(model.column_count)
    for column, amount in amounts_in_shares(attempt).items():
        values[column] = amount
    row_lower = model.row_lower.copy()
    cash = model.row_names.index("cash of IRA")
    row_lower[cash] = model.row_activities(values)[cash] + short_of / 1000
    missed = replace(attempt.core, model=replace(model, row_lower=row_lower))
    work.tools.programs.load(missed.model)
    said = optimality_of(work, attempt._replace(core=missed), plan_of(book))
    assert (said.optimality_gap is not None) == is_told


def test_the_gap_of_not_trading_is_the_models_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each trade is made so dear that doing nothing is best; its proof is still the plan's."""
    book = drifted()
    book.lot("TAX", "VTI", 900, 60)
    book.lot("IRA", "VTI", 100, None)

    def dear(*args: Any) -> HouseholdPlan:
        plan = fully_valued(*args)
        assert plan.value is not None
        price = Decimal(100_000 if len(plan.trades) > 0 else 0)
        return replace(plan, value=replace(plan.value, turnover=price))

    monkeypatch.setattr(planner_module, "fully_valued", dear)
    monkeypatch.setattr(planner_module, "check_objective", lambda *_: [])
    plan = plan_of(book)
    said = plan.optimality
    assert said is not None
    assert plan.trades == ()
    assert (plan.run_mode, said.planner) == ("no_trade", "optimizer")
    attempt = attempt_of(book)[1]
    core = attempt.core
    upper = core.model.upper.copy()
    upper[[*core.sale_columns, *core.purchase_columns]] = 0.0
    programs = LinearPrograms()
    programs.load(core.model)
    nothing = programs.solve(core.model.lower, upper).objective * 1000
    bound = verified_lower_bound(attempt.model, attempt.found.leaves) * 1000
    assert float(said.optimality_gap or 0) == pytest.approx(nothing - bound, abs=0.02)
    assert plan.value is not None
    assert plan.value.total is not None
    assert said.lower_bound == plan.value.total - (said.optimality_gap or 0)


def test_the_firm_may_have_the_waterfall_alone() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 900, 60)
    row = head(book.plan(policy=FirmPolicy()))
    assert (row["planner"], row["solver_status"]) == ("waterfall", "not_run")
    assert row["optimality_gap"] is None


def test_not_trading_says_what_an_account_that_may_not_trade_lacks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The empty plan must keep the rules, too: a blocked account's missing cash is stated in it."""
    judged: list[list[str]] = []
    real = planner_module.check_plan

    def watched(*given: Any) -> Any:
        broken = real(*given)
        judged.append([each.invariant for each in broken])
        return broken

    monkeypatch.setattr(planner_module, "check_plan", watched)
    monkeypatch.setattr(planner_module, "_is_better", lambda *_: True)
    book = drifted()
    book.account("SHUT", is_trading_blocked=True, trading_blocked_reason="disputed")
    book.rows("fct_account_cash")[-1]["investable"] = Decimal(-5_000)
    book.lot("TAX", "VTI", 900, 60)
    plan = plan_of(book)
    assert judged, "the empty plan was compared"
    assert judged[-1] == []
    assert plan.trades == ()
    assert plan.cash_shortfall == 5_000
