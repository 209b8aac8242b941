"""Repair: minimums and tickets kept to, nothing violated, each trade worth what it says."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from python_steps.optimizer.certificate import verified_lower_bound
from python_steps.optimizer.linear_model import LinearModel, ModelBuilder, Side, Switch, side_of
from python_steps.optimizer.linear_programs import LinearPrograms, LinearSolution
from python_steps.optimizer.repair import Repaired, repaired
from python_steps.optimizer.search import SearchResult, search
from python_steps.optimizer.trade_groups import NEGLIGIBLE, TradeGroup, TradeSizes
from tests.python_steps.optimizer.plain_solver import assert_satisfies, plain_objective
from tests.python_steps.optimizer.random_models import (
    SMALL,
    TYPICAL,
    RandomHousehold,
    Shape,
    random_household,
)

INFINITE = float("inf")
TICKET = 0.01


def group(
    key: str,
    *columns: int,
    minimum: float = 0.0,
    whole: float = INFINITE,
    ticket: float = 0.0,
    must_grow: bool = False,
    account: str = "",
    unit: float = 0.0,
) -> TradeGroup:
    return TradeGroup(key, columns, minimum, whole, ticket, must_grow, account, unit)


def repair(model: LinearModel, *groups: TradeGroup, leave_out: bool = True) -> Repaired:
    programs = LinearPrograms()
    programs.load(model)
    return repaired(model, programs, {}, groups, with_leave_one_out=leave_out, most_programs=400)


def gains(*gain_and_upper: tuple[float, float]) -> ModelBuilder:
    """Columns that bring a gain per unit, each up to a bound."""
    build = ModelBuilder()
    for number, (gain, upper) in enumerate(gain_and_upper):
        build.column(f"trade {number}", upper=upper, cost=-gain)
    return build


def raising(need: float, *upper: float, cost: float = 0.01, missed: float = 2.0) -> LinearModel:
    """Sales that must raise cash; what is missing has a price per unit."""
    build = ModelBuilder()
    sales = [build.column(f"sale {n}", upper=u, cost=cost * (n + 1)) for n, u in enumerate(upper)]
    missing = build.column("missing", upper=100.0, cost=missed)
    build.row("cash", [*[(sale, 1.0) for sale in sales], (missing, 1.0)], lower=need)
    return build.model()


def any_row(build: ModelBuilder) -> LinearModel:
    build.row("any", [(0, 1.0)], lower=0.0)
    return build.model()


@pytest.mark.parametrize(("ticket", "size"), [(0.04, 5.0), (0.06, 0.0)])
def test_a_trade_is_kept_only_if_it_is_worth_its_ticket(ticket: float, size: float) -> None:
    model = any_row(gains((0.01, 5.0)))
    result = repair(model, group("trade", 0, ticket=ticket))
    assert result.status == "repaired"
    assert result.values.tolist() == [size]
    assert result.objective == pytest.approx(-0.01 * size)
    assert result.tickets == (ticket if size else 0.0)
    assert dict(result.trade_values) == ({"trade": pytest.approx(0.05)} if size else {})


def test_without_leaving_out_there_are_no_values() -> None:
    result = repair(any_row(gains((0.01, 5.0))), group("trade", 0), leave_out=False)
    assert (result.status, dict(result.trade_values)) == ("repaired", {})


@pytest.mark.parametrize(
    ("upper", "whole", "expected"),
    [
        (0.4, INFINITE, 0.0),  # cannot reach the minimum at all
        (0.4, 0.4, 0.4),  # the whole position may be sold
        (0.4, 0.7, 0.0),  # part of a position smaller than the minimum may not
        (5.0, 5.0, 5.0),
    ],
)
def test_minimum_and_whole_position(upper: float, whole: float, expected: float) -> None:
    model = any_row(gains((0.01, upper)))
    result = repair(model, group("trade", 0, minimum=1.0, whole=whole))
    assert result.values.tolist() == [expected]


@pytest.mark.parametrize(
    ("need", "must_grow", "sold"),
    [
        (0.6, False, 1.0),  # half the minimum or more is enlarged
        (0.4, False, 0.0),  # less is dropped
        (0.4, True, 1.0),  # unless the account needs the cash
        (1.5, False, 1.5),
    ],
)
def test_a_small_sale_is_enlarged_or_dropped(need: float, must_grow: bool, sold: float) -> None:
    model = raising(need, 10.0, cost=0.01, missed=0.02)
    result = repair(model, group("sale", 0, minimum=1.0, must_grow=must_grow), leave_out=False)
    assert result.values.tolist() == [sold, pytest.approx(max(need - sold, 0.0))]


def test_where_dropping_is_dear_other_choices_are_searched_for() -> None:
    """0.4 is less than half the minimum, but missing it would cost 80 times as much."""
    result = repair(raising(0.4, 10.0), group("sale", 0, minimum=1.0), leave_out=False)
    assert result.values.tolist() == [1.0, 0.0]


def test_a_closed_trade_is_opened_again_where_minimums_are_dear() -> None:
    """The cheap sale would have to grow from 0.9 to 3; the dearer one may sell 0.9."""
    model = raising(0.9, 10.0, 10.0, cost=0.05)
    result = repair(
        model,
        group("cheap", 0, minimum=3.0, ticket=TICKET),
        group("dearer", 1, minimum=0.5, ticket=TICKET),
    )
    assert result.values.tolist() == [0.0, pytest.approx(0.9), 0.0]


def test_the_price_of_a_share_is_added_to_the_minimum() -> None:
    result = repair(raising(1.1, 10.0), group("sale", 0, minimum=1.0, unit=0.3))
    assert result.values[0] == pytest.approx(1.3)


def test_a_sale_of_several_lots_grows_as_a_whole_by_its_cheapest_lots() -> None:
    result = repair(raising(0.6, 0.2, 0.3, 5.0), group("sale", 0, 1, 2, minimum=1.0))
    assert result.values[:3] == pytest.approx([0.2, 0.3, 0.5])


@pytest.mark.parametrize(
    ("accounts", "sold"),
    [
        # The larger grows, which leaves the smaller nothing to do.
        (("same", "same"), [1.0, 0.0]),
        # Each account needs its own cash; `two` of 1 asks for 4/3 of `one`.
        (("first", "second"), [4 / 3, 1.0]),
        (("", ""), [4 / 3, 1.0]),
    ],
)
def test_of_an_accounts_needed_sales_the_largest_must_grow(
    accounts: tuple[str, str], sold: list[float]
) -> None:
    build = ModelBuilder()
    one = build.column("one", upper=10.0, cost=0.02)
    two = build.column("two", upper=10.0, cost=0.01)
    missing = build.column("missing", upper=100.0, cost=2.0)
    build.row("cash", [(one, 1.0), (two, 1.0), (missing, 1.0)], lower=0.7)
    build.row("three of two for four of one", [(two, 1.0), (one, -0.75)], upper=0.0)
    groups = [
        group(key, column, minimum=1.0, must_grow=True, account=account)
        for column, (key, account) in enumerate(zip(("one", "two"), accounts, strict=True))
    ]
    result = repair(build.model(), *groups, leave_out=False)
    assert result.values[:2] == pytest.approx(sold, abs=1e-7)


def test_the_smallest_are_closed_first_so_that_others_can_take_over() -> None:
    """Four purchases of 0.4, all below half their minimum: closed at once, nothing would remain."""
    build = ModelBuilder()
    firsts = [build.column(f"first of {n}", upper=0.4, cost=-0.02) for n in range(4)]
    seconds = [build.column(f"more of {n}", upper=1.0, cost=-0.01) for n in range(4)]
    build.row("money", [(column, 1.0) for column in (*firsts, *seconds)], upper=1.6)
    groups = [
        group(f"purchase {n}", *columns, minimum=0.9)
        for n, columns in enumerate(zip(firsts, seconds, strict=True))
    ]
    result = repair(build.model(), *groups, leave_out=False)
    sizes = TradeSizes(build.model(), groups).sizes(result.values)
    assert sorted(sizes.tolist()) == pytest.approx([0.0, 0.0, 0.0, 1.4])
    assert result.objective == pytest.approx(-0.4 * 0.02 - 1.0 * 0.01)


def test_enlarged_trades_that_do_not_fit_together_are_closed() -> None:
    build = gains((0.01, 0.8), (0.01, 0.8))
    build.row("together", [(0, 1.0), (1, 1.0)], upper=1.2)
    model = build.model()
    result = repair(model, group("a", 0, minimum=0.7, whole=INFINITE), group("b", 1, minimum=0.7))
    sizes = result.values
    assert sorted(sizes.tolist()) == pytest.approx([0.0, 0.8])


def test_a_sale_the_model_itself_demands_stays() -> None:
    build = ModelBuilder()
    build.column("forced", lower=0.3, upper=5.0, cost=0.5)
    result = repair(any_row(build), group("forced", 0, minimum=1.0, ticket=1.0))
    assert result.values.tolist() == [1.0]
    assert dict(result.trade_values) == {"forced": INFINITE}


def test_a_pair_is_worth_the_same_to_both_and_dropped_together() -> None:
    """A purchase that only a sale can pay for."""

    def pair(gain: float) -> LinearModel:
        build = ModelBuilder()
        sale = build.column("sale", upper=4.0, cost=0.001)
        purchase = build.column("purchase", upper=10.0, cost=-gain)
        build.row("cash", [(purchase, 1.0), (sale, -1.0)], upper=0.0)
        return build.model()

    trades = (group("sale", 0, ticket=TICKET), group("purchase", 1, ticket=TICKET))
    kept = repair(pair(0.011), *trades)
    assert kept.values.tolist() == [4.0, 4.0]
    # 4 * (0.011 - 0.001) = 0.04; without one the other goes and saves its ticket, too.
    assert dict(kept.trade_values) == {
        "sale": pytest.approx(0.04 - TICKET),
        "purchase": pytest.approx(0.04 - TICKET),
    }
    dropped = repair(pair(0.0055), *trades)
    assert dropped.values.tolist() == [0.0, 0.0]
    assert dropped.tickets == 0.0


def test_tickets_lead_to_fewer_trades() -> None:
    """Three equal ways to raise cash, the cheapest too small: one trade beats three."""
    model = raising(3.0, 1.0, 1.0, 10.0, cost=0.001)
    trades = [group(f"sale {n}", n, ticket=0.05) for n in range(3)]
    result = repair(model, *trades)
    assert result.values[:3] == pytest.approx([0.0, 0.0, 3.0], abs=1e-9)
    assert result.tickets == 0.05
    free = repair(model, *[group(f"sale {n}", n) for n in range(3)])
    assert free.values[:3] == pytest.approx([1.0, 1.0, 1.0])


def test_without_its_loss_a_plan_has_a_net_gain() -> None:
    """The tax return's sign follows: leaving a loss out is possible, and costs what it saved."""
    build = ModelBuilder()
    loss = build.column("loss", upper=8.0)
    gain = build.column("taxed", upper=10.0, cost=0.2)
    deducted = build.column("deducted", upper=10.0, cost=-0.05)
    sign = build.column("sign", upper=1.0)
    build.row("net", [(gain, 1.0), (deducted, -1.0), (loss, 1.0)], lower=5.0, upper=5.0)
    build.row("gain", [(gain, 1.0), (sign, -10.0)], upper=0.0)
    build.row("loss", [(deducted, 1.0), (sign, 10.0)], upper=10.0)
    build.switch(Switch("sign", sign, side_of([deducted]), side_of([gain]), 1e-5, 1.0))
    model, programs = build.model(), LinearPrograms()
    programs.load(model)
    found = search(model, programs, tolerance=1e-6)
    assert found.fixed == {sign: 0.0}
    result = repaired(
        model, programs, found.fixed, [group("harvest", loss)], with_leave_one_out=True
    )
    assert result.values.tolist() == [8.0, 0.0, 3.0, 0.0]
    assert dict(result.trade_values) == {"harvest": pytest.approx(3 * 0.05 + 5 * 0.2)}


def in_lot_order(gain: float, need: float) -> tuple[LinearModel, tuple[TradeGroup, TradeGroup]]:
    """A dear lot of 0.5 that must be gone before a cheap one of 4 is sold, and a purchase."""
    build = ModelBuilder()
    first = build.column("first", upper=0.5, cost=0.05)
    second = build.column("second", upper=4.0, cost=0.001)
    purchase = build.column("purchase", upper=4.0, cost=-gain)
    missing = build.column("missing", upper=10.0, cost=2.0)
    order = build.column("first is sold out", upper=1.0)
    build.row(
        "cash",
        [(first, 1.0), (second, 1.0), (missing, 1.0), (purchase, -1.0)],
        lower=need,
    )
    build.row("sold out", [(first, 1.0), (order, -0.5)], lower=0.0)
    build.row("before the next", [(second, 1.0), (order, -4.0)], upper=0.0)
    build.switch(Switch("order", order, Side((first,), (-1.0,), 0.5), side_of([second]), 1e-5, 0.1))
    return build.model(), (
        group("sale", first, second, minimum=1.0, must_grow=True),
        group("purchase", purchase),
    )


def repaired_after_search(model: LinearModel, groups: tuple[TradeGroup, ...]) -> Repaired:
    programs = LinearPrograms()
    programs.load(model)
    found = search(model, programs, tolerance=1e-6)
    assert found.status == "optimal"
    return repaired(model, programs, found.fixed, groups, with_leave_one_out=True)


def test_a_sale_without_its_purchase_ends_at_an_earlier_lot() -> None:
    model, groups = in_lot_order(gain=0.02, need=0.0)
    result = repaired_after_search(model, groups)
    assert result.values == pytest.approx([0.5, 3.5, 4.0, 0.0, 1.0])
    worth = pytest.approx(4.0 * 0.02 - 0.5 * 0.05 - 3.5 * 0.001)
    assert dict(result.trade_values) == {"sale": worth, "purchase": worth}


def test_a_sale_that_must_grow_goes_on_to_the_next_lot() -> None:
    model, groups = in_lot_order(gain=0.0, need=0.4)
    result = repaired_after_search(model, groups)
    assert result.values == pytest.approx([0.5, 0.5, 0.0, 0.0, 1.0])


def test_switches_that_allow_nothing_are_told() -> None:
    build = ModelBuilder()
    build.column("x", upper=1.0)
    build.row("too much", [(0, 1.0)], lower=2.0)
    result = repair(build.model(), group("x", 0))
    assert (result.status, len(result.values), result.objective) == ("infeasible", 0, INFINITE)


class _Failing(LinearPrograms):
    def solve(self, *_: object, **__: object) -> LinearSolution:
        return LinearSolution("failed", INFINITE, np.zeros(0), np.zeros(0))


def test_a_solver_without_verdict_is_told() -> None:
    model, programs = any_row(gains((1.0, 1.0))), _Failing()
    programs.load(model)
    result = repaired(model, programs, {}, [group("x", 0)], with_leave_one_out=True)
    assert result.status == "failed"


def groups_of(household: RandomHousehold, ticket: float, minimum: float) -> list[TradeGroup]:
    return [
        TradeGroup(
            trade.key,
            trade.columns,
            minimum,
            trade.whole,
            ticket,
            trade.is_sale and trade.account in household.must_raise,
            f"account {trade.account}",
        )
        for trade in household.trades
    ]


def planned(
    household: RandomHousehold, groups: list[TradeGroup], **limits: int
) -> tuple[SearchResult, Repaired]:
    programs = LinearPrograms()
    programs.load(household.model)
    found = search(household.model, programs, tolerance=0.001)
    arguments = {"most_programs": 400, **limits}
    return found, repaired(
        household.model, programs, found.fixed, groups, with_leave_one_out=True, **arguments
    )


CASES = [
    *[(seed, TYPICAL, 0.01, 1.0) for seed in range(12)],
    *[(seed, SMALL, 0.05, 4.0) for seed in range(25)],
    *[(seed, Shape(accounts=3, securities=15, positions=20), 0.003, 15.0) for seed in range(15)],
]


@pytest.mark.parametrize(("seed", "shape", "ticket", "minimum"), CASES)
def test_repair_violates_nothing_and_every_trade_is_worth_its_ticket(
    seed: int, shape: Shape, ticket: float, minimum: float
) -> None:
    household = random_household(seed, shape)
    model, groups = household.model, groups_of(household, ticket, minimum)
    found, result = planned(household, groups)
    assert result.status == "repaired"
    assert_satisfies(model, result.values)
    for switch in model.switches:
        assert result.values[switch.column] in (0.0, 1.0)
        if "sign" not in switch.name:
            assert result.values[switch.column] == found.fixed[switch.column]
    sizes = TradeSizes(model, groups).sizes(result.values)
    for trade, size in zip(groups, sizes, strict=True):
        assert size <= 1e-9 or size >= trade.least - 1e-6
    happening = {g.key for g, size in zip(groups, sizes, strict=True) if size > NEGLIGIBLE}
    assert set(result.trade_values) == happening
    assert all(value >= ticket for value in result.trade_values.values())
    assert result.tickets == pytest.approx(ticket * len(happening))
    assert result.objective == pytest.approx(
        float(model.cost @ result.values) + model.offset, abs=1e-9
    )
    assert result.objective >= verified_lower_bound(model, found.leaves)


@pytest.mark.parametrize("seed", range(4))
def test_values_are_what_the_plan_loses_without_the_trade(seed: int) -> None:
    """Recomputed by a plain solver among the trades of the plan, for every sign of the taxes."""
    household = random_household(seed, SMALL)
    model, groups = household.model, groups_of(household, TICKET, 0.0)
    found, result = planned(household, groups)
    sizes = TradeSizes(model, groups).sizes(result.values)
    closed = {
        column: 0.0
        for trade, size in zip(groups, sizes, strict=True)
        if size <= NEGLIGIBLE
        for column in trade.columns
    }
    signs = [switch.column for switch in model.switches if "sign" in switch.name]
    assert len(signs) == 2
    assert result.trade_values
    for trade in groups:
        if trade.key in result.trade_values:
            without = {**found.fixed, **closed, **dict.fromkeys(trade.columns, 0.0)}
            objective = min(
                plain_objective(model, {**without, **dict(zip(signs, sides, strict=True))})
                for sides in itertools.product((0.0, 1.0), repeat=2)
            )
            loss = objective - result.objective
            # Others may go with it and save their tickets.
            saved = loss - result.trade_values[trade.key]
            assert saved >= -1e-6
            assert saved / TICKET == pytest.approx(round(saved / TICKET), abs=1e-3)


def test_a_limit_of_programs_keeps_the_plan_but_not_every_value() -> None:
    household = random_household(2)
    groups = groups_of(household, TICKET, 1.0)
    _, whole = planned(household, groups)
    _, limited = planned(household, groups, most_programs=20)
    assert limited.status == "limited"
    assert limited.programs_solved < whole.programs_solved
    assert 0 < len(limited.trade_values) < len(whole.trade_values)
    assert_satisfies(household.model, limited.values)


def test_bit_identical_fresh_and_reused() -> None:
    reused = LinearPrograms()

    def once(seed: int, programs: LinearPrograms) -> Repaired:
        household = random_household(seed)
        programs.load(household.model)
        found = search(household.model, programs, tolerance=0.001)
        return repaired(
            household.model,
            programs,
            found.fixed,
            groups_of(household, TICKET, 1.0),
            with_leave_one_out=True,
        )

    for seed in range(5):
        first, second, fresh = once(seed, reused), once(seed, reused), once(seed, LinearPrograms())
        for other in (second, fresh):
            assert first.values.tobytes() == other.values.tobytes()
            assert dict(first.trade_values) == dict(other.trade_values)
            assert (first.objective, first.tickets) == (other.objective, other.tickets)
