"""The bound's proof: never above the truth, tight where the search is, and tampering is noticed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from python_steps.optimizer.certificate import CertificateError, Leaf, verified_lower_bound
from python_steps.optimizer.linear_model import Floats, LinearModel, ModelBuilder, Switch, side_of
from python_steps.optimizer.linear_programs import LinearPrograms
from python_steps.optimizer.search import SearchResult, search
from tests.python_steps.optimizer.plain_solver import every_setting
from tests.python_steps.optimizer.random_models import SMALL, random_household

TOLERANCE = 0.001


def searched(model: LinearModel) -> SearchResult:
    programs = LinearPrograms()
    programs.load(model)
    return search(model, programs, tolerance=TOLERANCE)


def two_switches() -> LinearModel:
    build = ModelBuilder()
    build.column("first", upper=1.0, cost=1.0)
    build.column("second", upper=1.0, cost=-2.0)
    build.row("at most both", [(0, 1.0), (1, 1.0)], upper=2.0)
    for column, name in enumerate(("first", "second")):
        build.switch(Switch(name, column, side_of([]), side_of([column]), 1e-5, 1.0))
    return build.model()


def leaf(fixed: Mapping[int, float], *prices: float, is_infeasible: bool = False) -> Leaf:
    return Leaf(fixed, np.array(prices), is_infeasible)


def exact_bound(model: LinearModel, fixed: Mapping[int, float], prices: Floats) -> Fraction:
    """Weak duality for one leaf in exact fractions, entry by entry."""
    reduced = [Fraction(float(cost)) for cost in model.cost]
    total = Fraction(model.offset)
    signed = []
    for price, low, high in zip(prices, model.row_lower, model.row_upper, strict=True):
        price = Fraction(float(price))
        side = low if price > 0 else high
        price = price if np.isfinite(side) else Fraction(0)
        signed.append(price)
        total += price * Fraction(float(side)) if price else 0
    for column in range(model.column_count):
        for entry in range(model.starts[column], model.starts[column + 1]):
            reduced[column] -= Fraction(float(model.values[entry])) * signed[model.rows[entry]]
        ends = (model.lower[column], model.upper[column])
        ends = (fixed[column],) if column in fixed else ends
        total += min(reduced[column] * Fraction(float(end)) for end in ends)
    return total


@pytest.mark.parametrize("seed", range(25))
def test_never_above_the_optimum_and_within_the_tolerance_of_the_result(seed: int) -> None:
    model = random_household(seed, SMALL).model
    result = searched(model)
    bound = verified_lower_bound(model, result.leaves)
    assert bound <= every_setting(model) + 1e-9
    assert result.status == "optimal"
    assert result.objective - bound <= TOLERANCE + 1e-6


@pytest.mark.parametrize("seed", range(20))
def test_a_typical_search_is_proven_to_its_tolerance(seed: int) -> None:
    model = random_household(seed).model
    result = searched(model)
    bound = verified_lower_bound(model, result.leaves)
    assert result.objective - bound <= TOLERANCE + 1e-6
    assert abs(bound - result.lower_bound) <= 1e-6


@pytest.mark.parametrize("seed", range(5))
def test_rounding_only_ever_lowers_the_exact_bound(seed: int) -> None:
    model = random_household(seed, SMALL).model
    random = np.random.default_rng(seed)
    for size in (0.0, 1e-9, 1.0, 1e6):
        prices = random.normal(0.0, 1.0, model.row_count) * size
        exact = exact_bound(model, {}, prices)
        bound = verified_lower_bound(model, [Leaf({}, prices, False)])
        assert Fraction(bound) < exact
        assert float(exact - Fraction(bound)) <= 1e-11 * (1.0 + size) * 1e5


def test_rounding_is_against_the_bound_where_plain_sums_would_be_for_it() -> None:
    """1e17 + 4 is 1e17 in doubles: plain sums would prove 1, which is 4 too much."""
    build = ModelBuilder()
    x = build.column("x", upper=1.0, cost=1e17)
    build.row("a", [(x, 1e17)], lower=1.0)
    build.row("b", [(x, 8.0)], lower=0.0)
    model = build.model()
    prices = np.array([1.0, 0.5])
    assert exact_bound(model, {}, prices) == -3
    assert verified_lower_bound(model, [Leaf({}, prices, False)]) < -3.0


@pytest.mark.parametrize("seed", range(10))
def test_tampered_prices_never_prove_more_than_the_truth(seed: int) -> None:
    model = random_household(seed, SMALL).model
    result = searched(model)
    truth = every_setting(model)
    honest = verified_lower_bound(model, result.leaves)
    random = np.random.default_rng(seed)
    open_leaves = [n for n, part in enumerate(result.leaves) if not part.is_infeasible]
    for number in open_leaves:
        tampered = list(result.leaves)
        moved = tampered[number].row_duals + random.normal(0.0, 0.5, model.row_count)
        tampered[number] = replace(tampered[number], row_duals=moved)
        bound = verified_lower_bound(model, tampered)
        assert bound <= truth + 1e-9
        # The proof no longer reaches the result, so a caller that compares them notices.
        assert bound < honest - TOLERANCE


def test_each_leaf_left_out_is_named() -> None:
    model = two_switches()
    parts = [leaf({0: 0.0}, 0.0), leaf({0: 1.0, 1: 0.0}, 0.0), leaf({0: 1.0, 1: 1.0}, 0.0)]
    assert verified_lower_bound(model, parts) == pytest.approx(-2.0)
    for left_out, name in (
        (0, "first = 0"),
        (1, "first = 1, second = 0"),
        (2, "first = 1, second = 1"),
    ):
        rest = [part for number, part in enumerate(parts) if number != left_out]
        with pytest.raises(CertificateError, match=f"no leaf covers {name}$"):
            verified_lower_bound(model, rest)


def test_a_leaf_left_out_of_a_real_search_is_noticed() -> None:
    seeds = [seed for seed in range(12) if len(searched(random_household(seed).model).leaves) > 2]
    assert seeds
    for seed in seeds:
        model = random_household(seed).model
        leaves = searched(model).leaves
        for number in range(len(leaves)):
            with pytest.raises(CertificateError, match="no leaf covers"):
                verified_lower_bound(model, leaves[:number] + leaves[number + 1 :])


def test_leaves_may_overlap_and_come_in_any_order() -> None:
    model = two_switches()
    parts = [leaf({1: 1.0}, 0.0), leaf({0: 0.0}, 0.0), leaf({1: 0.0, 0: 1.0}, 0.0)]
    assert verified_lower_bound(model, parts) == pytest.approx(-2.0)
    assert verified_lower_bound(model, [*parts, leaf({}, 0.0)]) == pytest.approx(-2.0)


def test_a_changed_side_leaves_the_other_side_uncovered() -> None:
    model = two_switches()
    with pytest.raises(CertificateError, match="first = 1"):
        verified_lower_bound(model, [leaf({0: 0.0}, 0.0), leaf({0: 0.0}, 0.0)])


def contradiction() -> LinearModel:
    """`first` must be at least 2 although it is at most 1."""
    build = ModelBuilder()
    build.column("first", upper=1.0)
    build.row("too much", [(0, 1.0)], lower=2.0)
    build.switch(Switch("first", 0, side_of([]), side_of([0]), 1e-5, 1.0))
    return build.model()


def test_an_empty_leaf_needs_a_ray_that_proves_it() -> None:
    model = contradiction()
    proven = [leaf({}, 1.0, is_infeasible=True)]
    assert verified_lower_bound(model, proven) == float("inf")
    for ray in (0.0, -1.0):
        with pytest.raises(CertificateError, match="the whole model empty"):
            verified_lower_bound(model, [leaf({}, ray, is_infeasible=True)])
    assert verified_lower_bound(model, searched(model).leaves) == float("inf")


def test_a_solvable_leaf_is_not_passed_off_as_empty() -> None:
    model = random_household(0, SMALL).model
    result = searched(model)
    passed_off = tuple(replace(part, is_infeasible=True) for part in result.leaves)
    with pytest.raises(CertificateError, match="empty"):
        verified_lower_bound(model, passed_off)


def test_a_setting_outside_the_columns_bounds_needs_no_ray() -> None:
    build = ModelBuilder()
    build.column("first", upper=0.0, cost=-1.0)
    build.switch(Switch("first", 0, side_of([]), side_of([0]), 1e-5, 1.0))
    build.row("any", [(0, 1.0)], upper=1.0)
    parts = [leaf({0: 0.0}, 0.0), leaf({0: 1.0}, 0.0, is_infeasible=True)]
    assert verified_lower_bound(build.model(), parts) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "no leaves"),
        ([leaf({})], "prices for other rows"),
        ([leaf({}, 0.0, 0.0)], "prices for other rows"),
        ([leaf({}, float("nan"))], "not finite"),
        ([leaf({}, float("inf"))], "not finite"),
        ([leaf({0: 0.5}, 0.0), leaf({0: 1.0}, 0.0)], "neither 0 nor 1"),
        ([leaf({2: 0.0}, 0.0), leaf({2: 1.0}, 0.0)], "not a switch"),
    ],
)
def test_unusable_leaves_are_refused(parts: list[Leaf], message: str) -> None:
    with pytest.raises(CertificateError, match=message):
        verified_lower_bound(two_switches(), parts)


def test_an_unbounded_column_is_refused() -> None:
    model = two_switches()
    endless = replace(model, upper=np.array([1.0, np.inf]))
    with pytest.raises(CertificateError, match="model has a number that is not finite"):
        verified_lower_bound(endless, [leaf({}, 0.0)])


def test_it_needs_no_solver() -> None:
    code = (
        "import sys, python_steps.optimizer.certificate;"
        "names = ('highspy', 'python_steps.optimizer.linear_programs');"
        "sys.exit(any(name in sys.modules for name in names))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
