"""Drift prices, risk and breakeven against numbers worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal

import pytest

from python_steps.planning.evaluation import (
    breakeven_years,
    deviation_variance,
    drift_penalty,
    is_outside_band,
    net_tax_cost,
    tracking_error,
    yearly_drift_cost,
)
from python_steps.planning.household import AllocationGroup, ClassTarget, MarketAssumptions
from python_steps.policy import FirmPolicy
from tests.python_steps.planning.small_book import BONDS, LARGE, D

POLICY = FirmPolicy()
ASSUMED = MarketAssumptions(
    {LARGE: 0.2, BONDS: 0.05}, {(LARGE, BONDS): 0.0, (BONDS, LARGE): 0.0}, {}
)


def target(name: str, weight: object, half: object) -> ClassTarget:
    return ClassTarget(
        asset_class=name, asset_class_rank=1, target_weight=D(weight), actual_weight=D(weight),
        projected_weight=D(weight), lower_band_weight=D(weight) - D(half),
        upper_band_weight=D(weight) + D(half), is_breach=False, is_breach_projected=False,
        breach_severity_rank=None, market_value=D(0),
    )  # fmt: skip


GROUP = AllocationGroup("G1", False, (target(LARGE, "0.5", "0.04"), target(BONDS, "0.5", "0.04")))


@pytest.mark.parametrize(
    ("trade_to", "large", "penalty"),
    [
        ("inner", 50_000, "0"),
        ("inner", 52_000, "0"),  # the inner half of the band is free
        ("inner", 54_000, "40.00"),  # 2,000 between inner and outer at 1 cent, both classes
        ("inner", 55_000, "280.00"),  # and 1,000 beyond the band at 12 cents, both classes
        ("inner", 57_000, "1320.00"),  # 2,000 at 1, 2,000 at 12 and 1,000 at 40 cents, both
        ("target", 50_000, "0"),
        ("target", 54_000, "80.00"),  # all 4,000 inside the band at 1 cent, both classes
        ("target", 57_000, "1360.00"),
        ("edge", 54_000, "0"),  # all of the band is free
        ("edge", 57_000, "1280.00"),
    ],
)
def test_drift_is_priced_by_distance_from_where_a_rebalance_stops(
    trade_to: str, large: int, penalty: str
) -> None:
    values = {LARGE: D(large), BONDS: D(100_000 - large)}
    policy = FirmPolicy(trade_to=trade_to)
    assert drift_penalty(GROUP, values, policy) == D(penalty)


def test_a_group_that_owes_more_than_it_has_is_not_priced_by_drift() -> None:
    values = {LARGE: D(40_000), BONDS: D(20_000), "Cash": D(-90_000)}
    assert drift_penalty(GROUP, values, POLICY) == 0


def test_the_edge_of_a_band_is_inside() -> None:
    row = GROUP.classes[0]
    assert not is_outside_band(row, D(54_000), D(100_000))
    assert is_outside_band(row, D("54000.01"), D(100_000))
    assert is_outside_band(row, D("45999.99"), D(100_000))


def test_drift_costs_half_risk_aversion_times_variance_a_year() -> None:
    values = {LARGE: D(55_000), BONDS: D(45_000)}
    variance = 0.05**2 * 0.2**2 + 0.05**2 * 0.05**2
    cost = yearly_drift_cost(GROUP, values, ASSUMED, D(6))
    assert cost == pytest.approx(3 * variance * 100_000)


def test_a_class_without_an_assumption_has_no_risk_figure() -> None:
    blind = MarketAssumptions({LARGE: 0.2}, {}, {})
    assert yearly_drift_cost(GROUP, {LARGE: D(60), BONDS: D(40)}, blind, D(6)) is None


def test_tracking_error_is_the_deviation_of_all_groups_together() -> None:
    class Both:
        groups = (GROUP, GROUP)

    class First:
        groups = (GROUP,)

    values = {"G1": {LARGE: D(60_000), BONDS: D(40_000)}}
    expected = math.sqrt(0.1**2 * 0.2**2 + 0.1**2 * 0.05**2)
    assert tracking_error(First(), values, ASSUMED) == pytest.approx(expected)  # type: ignore[arg-type]
    assert tracking_error(Both(), values, ASSUMED) == pytest.approx(expected)  # type: ignore[arg-type]


def test_paying_a_tax_now_costs_its_discount_only() -> None:
    expected = 1_000 * (1 - 1.05**-10)
    assert float(net_tax_cost(D(1_000), POLICY)) == pytest.approx(expected)


def test_breakeven_is_cost_over_yearly_benefit() -> None:
    years = breakeven_years(D(1_000), D(20), 500.0, 100.0, POLICY)
    assert years == pytest.approx((1_000 * (1 - 1.05**-10) + 20) / 400)
    assert breakeven_years(D(1_000), D(20), 100.0, 100.0, POLICY) is None
    assert breakeven_years(None, D(20), 500.0, 100.0, POLICY) is None
    assert breakeven_years(D(-500), D(20), 500.0, 100.0, POLICY) == 0.0
    assert isinstance(net_tax_cost(D(1), POLICY), Decimal)


def test_risk_does_not_depend_on_the_order_of_classes_to_the_last_bit() -> None:
    """Terms of both signs nearly cancel: added one after the other, their order would show."""
    shares = [0.1, -0.2, 0.07, 0.03, 1e-9, -0.003, 0.3, -0.25]
    risks = [0.17, 0.05, 0.21, 0.33, 0.4, 0.02, 0.11, 0.09]

    def variance(names: str) -> float | None:
        deviation: Mapping[str, float] = dict(zip(names, shares, strict=True))
        correlation = {
            (one, other): 0.31 * (-1) ** (names.index(one) * names.index(other))
            for one in names
            for other in names
            if one != other
        }
        volatility = dict(zip(names, risks, strict=True))
        return deviation_variance(deviation, MarketAssumptions(volatility, correlation, {}))

    first = variance("abcdefgh")
    assert first is not None
    assert {variance("hgfedcba"), variance("badcfehg"), variance("cdefghab")} == {first}
