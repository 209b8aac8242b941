"""The judge of certified programs: true ones pass with any lawful plan, each wrong one is found.

Belongs here: plans of three planners and of none, at random too, put into the programs of generated
households; programs falsified in one number each; bounds in exact fractions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pytest

from orchestration.optimizer_bench import seed_tables
from python_steps.optimizer import evidence
from python_steps.optimizer.certificate import Leaf, verified_lower_bound
from python_steps.optimizer.core_model import build_core_model
from python_steps.optimizer.core_problem import core_problem
from python_steps.optimizer.evidence import certified, with_sound_proof
from python_steps.optimizer.linear_model import LinearModel
from python_steps.optimizer.linear_programs import LinearPrograms
from python_steps.optimizer.model_assembly import CoreModel
from python_steps.optimizer.planner import plan_household
from python_steps.optimizer.prices import objective_prices, relinearised
from python_steps.optimizer.rounding import rounded_ledger
from python_steps.optimizer.search import fitted, search
from python_steps.optimizer.valuation import fully_valued
from python_steps.optimizer.workshop import PlanningTools, Workshop, workshop_of
from python_steps.planning import waterfall
from python_steps.planning.certificate_check import (
    Certified,
    Judged,
    check_certified_model,
    exact_lower_bound,
)
from python_steps.planning.household import Household
from python_steps.planning.ledger import PlanLedger
from python_steps.planning.objective_check import check_objective
from python_steps.planning.plan import HouseholdPlan, Optimality
from python_steps.planning.tax_effect import Realized
from python_steps.sample_households.generate import stress_household, typical_household
from python_steps.sample_households.rules import sample_rules

RULES = sample_rules(seed_tables())
TYPICAL = range(1, 26)
STRESS = range(1, 51)


class Modelled(NamedTuple):
    """A household with its program."""

    work: Workshop
    core: CoreModel
    value: Callable[[HouseholdPlan], HouseholdPlan]

    def judged(self, plan: HouseholdPlan, program: Certified | None = None) -> Judged:
        return check_certified_model(
            self.work.household,
            plan,
            RULES.policy,
            RULES.assumptions,
            certified(self.core) if program is None else program,
        )

    def plan_of(self, ledger: PlanLedger) -> HouseholdPlan:
        shortfalls = {
            account.account_id: max(Decimal(0), -ledger.cash(account.account_id))
            for account in self.work.household.accounts
        }
        steps = waterfall.Steps(ledger, "rebalance", shortfalls, [])
        made = waterfall.finished_plan(self.work.market, self.work.start, steps, self.work.judge)
        return self.value(made)


def modelled(household: Household) -> Modelled | None:
    """The program of a household, None where it may not trade at all."""
    work = workshop_of(
        household, RULES.policy, RULES.rates, RULES.assumptions, PlanningTools(LinearPrograms())
    )
    prices = objective_prices(work.market.index, RULES.policy, RULES.assumptions, work.tax)
    problem = core_problem(work.start, work.market.sells, work.market.buys, RULES.policy)
    if household.household_state != "released" or not (problem.sales or problem.purchases):
        return None
    core = build_core_model(problem, prices, work.costs)
    return Modelled(work, core, lambda plan: fully_valued(plan, prices, work.tax))


def random_plan(given: Modelled, random: Random) -> HouseholdPlan | None:
    """A lawful plan that nobody would want: the best one for prices drawn at random."""
    model = given.core.model
    drawn = np.array([random.uniform(-1, 1) for _ in range(model.column_count)])
    programs = LinearPrograms()
    programs.load(replace(model, cost=drawn))
    free = programs.solve(model.lower, model.upper)
    if free.status != "optimal":
        return None
    lower, upper = model.lower.copy(), model.upper.copy()
    for column, value in fitted(model, free.values).items():
        lower[column] = upper[column] = value
    fixed = programs.solve(lower, upper)
    if fixed.status != "optimal":
        return None
    return given.plan_of(rounded_ledger(given.core, fixed.values))


def true_plans(seed: int, given: Modelled) -> Iterator[tuple[str, HouseholdPlan]]:
    household = given.work.household
    rules = (RULES.policy, RULES.rates, RULES.assumptions)
    yield "optimised", plan_household(household, *rules)
    yield "waterfall", given.value(waterfall.plan_household(household, *rules))
    yield "none", given.plan_of(given.work.start.copy())
    drawn = random_plan(given, Random(seed))  # noqa: S311 - no secret
    if drawn is not None:
        yield "at random", drawn


def sampled(kind: str, seed: int) -> Household:
    return typical_household(seed, RULES) if kind == "typical" else stress_household(seed, RULES)[0]


@pytest.mark.parametrize(
    ("kind", "seed"),
    [*(("typical", seed) for seed in TYPICAL), *(("stress", seed) for seed in STRESS)],
)
def test_the_program_says_of_every_plan_what_is_true_of_it(kind: str, seed: int) -> None:
    given = modelled(sampled(kind, seed))
    if given is None:
        return
    for name, plan in true_plans(seed, given):
        rules = (RULES.policy, RULES.rates, RULES.assumptions)
        misstated = {each.invariant for each in check_objective(given.work.household, plan, *rules)}
        assert misstated <= {"plan_is_no_worse_than_not_trading"}, name
        broken = given.judged(plan).broken
        # The waterfall may buy what stands lower in a list than the program looks.
        is_elsewhere = [each.invariant for each in broken] == ["plan_is_in_the_model"]
        assert broken == [] or (name == "waterfall" and is_elsewhere), (name, broken)


@pytest.mark.parametrize("seed", [*TYPICAL][:6])
def test_no_plan_is_better_than_the_bound_which_fractions_confirm(seed: int) -> None:
    given = modelled(typical_household(seed, RULES))
    assert given is not None
    programs = LinearPrograms()
    programs.load(given.core.model)
    found = search(given.core.model, programs, tolerance=0.001)
    exact = exact_lower_bound(given.core.model, found.leaves)
    rounded = verified_lower_bound(given.core.model, found.leaves)
    assert rounded <= exact
    assert float(exact) - rounded < 1e-8
    for name, plan in true_plans(seed, given):
        judged = given.judged(plan)
        assert judged.broken or judged.objective >= 1000 * float(exact) - 0.5, name


def test_rates_taken_at_a_plan_do_not_change_what_a_place_costs(
    sound: tuple[Modelled, HouseholdPlan],
) -> None:
    """A plan's own gains make this year dearer, not the years in which a place costs."""
    given, _ = sound
    prices = objective_prices(
        given.work.market.index, RULES.policy, RULES.assumptions, given.work.tax
    )
    results = {name: Realized(long_gain=Decimal(900_000)) for name in prices.tax_units}
    there = relinearised(prices, given.work.tax, results)
    assert there.tax_units != prices.tax_units
    index = given.work.market.index
    for account in index.accounts.values():
        for security in index.securities.values():
            assert there.location_cost(account, security) == prices.location_cost(account, security)


# Programs that are wrong in one number


def traded() -> tuple[Modelled, HouseholdPlan]:
    """A household whose plan sells taxable lots and buys."""
    for seed in TYPICAL:
        given = modelled(typical_household(seed, RULES))
        assert given is not None
        plan = plan_household(given.work.household, RULES.policy, RULES.rates, RULES.assumptions)
        taxed = [trade for trade in plan.trades if trade.action == "sell" and trade.tax_cost != 0]
        if taxed and any(trade.action == "buy" for trade in plan.trades):
            return given, plan
    raise AssertionError("no sample household sells and buys")


@pytest.fixture(scope="module")
def sound() -> tuple[Modelled, HouseholdPlan]:
    return traded()


def sold_column(given: Modelled, plan: HouseholdPlan) -> int:
    """The column of a lot that is sold in a taxable account."""
    lot_id = next(
        part.lot_id
        for trade in plan.trades
        for part in trade.lots
        if trade.action == "sell" and trade.tax_cost != 0 and part.realized_gain
    )
    return certified(given.core).sales[lot_id]


def with_program(given: Modelled, **changes: Any) -> Certified:
    return replace(certified(given.core), program=replace(given.core.model, **changes))


def with_entry(given: Modelled, column: int, row_word: str, factor: float) -> Certified:
    """The program with one entry of a column in a row of that name multiplied."""
    model = given.core.model
    values = model.values.copy()
    places = range(int(model.starts[column]), int(model.starts[column + 1]))
    place = next(each for each in places if row_word in model.row_names[model.rows[each]])
    values[place] *= factor
    return with_program(given, values=values)


def with_price(given: Modelled, column: int, term: str, more: float) -> Certified:
    """The program with a term's price of a column changed, in the objective as well."""
    core = given.core
    cost, prices = core.model.cost.copy(), core.terms[term].copy()
    cost[column] += more
    prices[column] += more
    return replace(with_program(given, cost=cost), terms={**core.terms, term: prices})


def found_in(given: Modelled, plan: HouseholdPlan, program: Certified) -> set[str]:
    return {each.invariant for each in given.judged(plan, program).broken}


def test_the_sound_program_is_found_sound(sound: tuple[Modelled, HouseholdPlan]) -> None:
    given, plan = sound
    assert given.judged(plan).broken == []


@pytest.mark.parametrize(
    ("term", "more"),
    # What chords may charge above the law of impact leaves a cost the widest margin.
    [("cost", 0.02), ("location", 0.0005), ("turnover", 0.0005), ("basis_reset", 0.0005)],
)
def test_a_wrong_price_of_a_term_is_found(
    sound: tuple[Modelled, HouseholdPlan], term: str, more: float
) -> None:
    given, plan = sound
    wrong = with_price(given, sold_column(given, plan), term, more)
    assert found_in(given, plan, wrong) == {"model_values_the_plan"}


def test_prices_that_no_term_tells_of_are_found(sound: tuple[Modelled, HouseholdPlan]) -> None:
    given, plan = sound
    cost = given.core.model.cost.copy()
    cost[sold_column(given, plan)] += 0.001
    assert found_in(given, plan, with_program(given, cost=cost)) == {
        "model_terms_are_the_objective"
    }
    wrong = with_program(given, offset=given.core.model.offset + 1)
    assert found_in(given, plan, wrong) == {"model_terms_are_the_objective"}


def test_free_drift_is_found(sound: tuple[Modelled, HouseholdPlan]) -> None:
    """Half its price: the proof would be of a household that cares half as much."""
    given, plan = sound
    core = given.core
    half = core.terms["drift"] / 2
    wrong = replace(
        with_program(given, cost=core.model.cost - half), terms={**core.terms, "drift": half}
    )
    idle = given.plan_of(given.work.start.copy())
    assert "model_values_the_plan" in found_in(given, idle, wrong)
    assert plan.trades


def test_a_wrong_gain_of_a_lot_is_found(sound: tuple[Modelled, HouseholdPlan]) -> None:
    given, plan = sound
    wrong = with_entry(given, sold_column(given, plan), "net result of", 1.2)
    assert found_in(given, plan, wrong) == {"plan_keeps_the_models_rows"}


def test_a_sale_that_brings_the_wrong_cash_is_found(
    sound: tuple[Modelled, HouseholdPlan],
) -> None:
    given, plan = sound
    wrong = with_entry(given, sold_column(given, plan), "cash of", 1.02)
    assert "model_moves_each_accounts_cash" in found_in(given, plan, wrong)


def test_cash_that_is_not_there_is_found(sound: tuple[Modelled, HouseholdPlan]) -> None:
    given, plan = sound
    model = given.core.model
    row = next(place for place, name in enumerate(model.row_names) if name.startswith("cash of "))
    lower = model.row_lower.copy()
    lower[row] -= 5.0
    wrong = with_program(given, row_lower=lower)
    assert found_in(given, plan, wrong) == {"model_knows_each_accounts_cash"}


def test_shares_that_are_not_held_are_found(sound: tuple[Modelled, HouseholdPlan]) -> None:
    given, plan = sound
    upper = given.core.model.upper.copy()
    upper[sold_column(given, plan)] *= 1.5
    found = found_in(given, plan, with_program(given, upper=upper))
    assert "model_sells_what_is_held" in found


def test_room_that_is_taken_away_is_found(sound: tuple[Modelled, HouseholdPlan]) -> None:
    """A bound or a row that the plan itself breaks would prove too much."""
    given, plan = sound
    upper = given.core.model.upper.copy()
    upper[sold_column(given, plan)] = 0.0
    found = found_in(given, plan, with_program(given, upper=upper))
    assert "plan_keeps_the_models_bounds" in found
    program = certified(given.core)
    fewer = {
        lot_id: column for lot_id, column in program.sales.items() if lot_id not in _sold(plan)
    }
    assert found_in(given, plan, replace(program, sales=fewer)) == {"plan_is_in_the_model"}


def _sold(plan: HouseholdPlan) -> set[str]:
    return {part.lot_id for trade in plan.trades for part in trade.lots}


def test_a_column_of_no_known_meaning_is_found(sound: tuple[Modelled, HouseholdPlan]) -> None:
    given, plan = sound
    names = tuple(
        name.replace("cash left idle", "pleasure") for name in given.core.model.column_names
    )
    assert found_in(given, plan, with_program(given, column_names=names)) == {
        "plan_is_in_the_model"
    }


def test_a_rate_that_no_return_knows_is_found(sound: tuple[Modelled, HouseholdPlan]) -> None:
    given, plan = sound
    column = next(
        place
        for place, name in enumerate(given.core.model.column_names)
        if "taxed as long-term" in name
    )
    wrong = with_price(given, column, "tax", 0.9)
    assert "model_taxes_at_a_rate" in found_in(given, plan, wrong)


# Bounds


def two_leaves() -> tuple[LinearModel, list[Leaf]]:
    given = modelled(typical_household(1, RULES))
    assert given is not None
    model = given.core.model
    switch = model.switches[0].column
    prices = np.zeros(model.row_count)
    return model, [Leaf({switch: 0.0}, prices, False), Leaf({switch: 1.0}, prices, False)]


def test_leaves_must_be_a_partition() -> None:
    model, leaves = two_leaves()
    assert exact_lower_bound(model, leaves) <= 0
    with pytest.raises(ValueError, match="1/2 of the space"):
        exact_lower_bound(model, leaves[:1])
    with pytest.raises(ValueError, match="overlap"):
        exact_lower_bound(model, [leaves[0], leaves[0]])
    column = next(
        each for each in range(model.column_count) if each not in {s.column for s in model.switches}
    )
    with pytest.raises(ValueError, match="no switch"):
        exact_lower_bound(model, [Leaf({column: 0.0}, leaves[0].row_duals, False)])


def test_a_leaf_is_empty_only_where_it_is_shown_to_be() -> None:
    model, leaves = two_leaves()
    with pytest.raises(ValueError, match="not shown to be empty"):
        exact_lower_bound(model, [replace(leaves[0], is_infeasible=True), leaves[1]])


def test_any_prices_bound_from_below() -> None:
    model, leaves = two_leaves()
    random = Random(7)  # noqa: S311 - no secret
    drawn = [
        replace(leaf, row_duals=np.array([random.uniform(-1, 1) for _ in leaf.row_duals]))
        for leaf in leaves
    ]
    programs = LinearPrograms()
    programs.load(model)
    best = search(model, programs, tolerance=0.001)
    assert exact_lower_bound(model, drawn) <= Fraction(best.objective)


# What becomes of a proof


def test_a_proof_of_another_household_is_withdrawn(
    sound: tuple[Modelled, HouseholdPlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    given, plan = sound
    assert plan.optimality is not None
    told = plan.optimality
    assert told.solver_status == "optimal"
    assert told.optimality_gap is not None
    real = evidence.certified
    column = sold_column(given, plan)

    def falsified(core: CoreModel) -> Certified:
        cost = core.model.cost.copy()
        cost[column] += 0.01
        return replace(real(core), program=replace(core.model, cost=cost))

    monkeypatch.setattr(evidence, "certified", falsified)
    rules = (RULES.policy, RULES.rates, RULES.assumptions)
    again = plan_household(given.work.household, *rules).optimality
    assert again is not None
    assert (again.solver_status, again.optimality_gap, again.lower_bound) == (
        "heuristic", None, None,
    )  # fmt: skip


class Attempted(NamedTuple):
    """What the judge looks at of an attempt."""

    core: CoreModel
    model: LinearModel


@pytest.mark.parametrize(
    ("bound_above", "closed", "status"),
    [(-1, False, "optimal"), (2, False, "heuristic"), (2, True, "optimal")],
    ids=["below the plan", "above the plan", "above a plan beyond the room of the proof"],
)
def test_a_bound_above_a_plan_inside_its_room_is_withdrawn(
    sound: tuple[Modelled, HouseholdPlan], bound_above: int, closed: bool, status: str
) -> None:
    given, plan = sound
    upper = given.core.model.upper.copy()
    if closed:
        upper[sold_column(given, plan)] = 0.0
    attempt = Attempted(given.core, replace(given.core.model, upper=upper))
    told = Decimal(str(round(given.judged(plan).objective + bound_above, 2)))
    proved = Optimality("optimizer", "optimal", lower_bound=told, optimality_gap=Decimal(0))
    held = with_sound_proof(given.work, attempt, plan, proved)  # type: ignore[arg-type]
    assert held.solver_status == status
    assert (held.optimality_gap is None) == (status == "heuristic")
