"""Both paths of "rebalance now or wait for the contribution?", in numbers."""

from __future__ import annotations

from datetime import date

import pytest

from python_steps.planning.wait_or_trade import (
    ClassStand,
    Contribution,
    class_stands,
    wait_or_trade,
    weights_after,
)
from tests.python_steps.planning.small_book import BONDS, LARGE, D

DUE = date(2026, 12, 1)


def stands(large: object, large_after: object = "0.50") -> list[ClassStand]:
    return [
        ClassStand(LARGE, D("0.5"), D("0.45"), D("0.55"), D(large), D(large_after)),
        ClassStand(BONDS, D("0.5"), D("0.45"), D("0.55"), 1 - D(large), 1 - D(large_after)),
    ]


def test_a_contribution_that_cures_the_drift_says_wait() -> None:
    answer = wait_or_trade(
        stands("0.58"), D(100_000), [Contribution(D(10_000), DUE)],
        estimated_tax=D(900), transaction_cost=D(4),
    )  # fmt: skip
    assert answer.verdict == "wait"
    assert answer.today.breach_count == 2
    assert answer.wait.breach_count == 0
    assert answer.wait.largest_drift == pytest.approx(D(58_000) / D(110_000) - D("0.5"))
    assert answer.trade_now.estimated_tax == 900
    assert "2026-12-01" in answer.sentence
    assert "$900 of tax" in answer.sentence


def test_a_contribution_that_is_too_small_says_trade() -> None:
    answer = wait_or_trade(
        stands("0.70"), D(100_000), [Contribution(D(1_000), DUE)],
        estimated_tax=D(0), transaction_cost=D(4),
    )  # fmt: skip
    assert answer.verdict == "trade"
    assert answer.wait.breach_count == 2


def test_when_trading_leaves_fewer_dollars_outside_it_is_better_than_waiting() -> None:
    answer = wait_or_trade(
        stands("0.70", "0.56"), D(100_000), [Contribution(D(1_000), None)],
        estimated_tax=D(0), transaction_cost=D(4),
    )  # fmt: skip
    assert answer.verdict == "trade"
    assert "costs $4.00 and no tax" in answer.sentence


def test_a_plan_without_a_cure_is_not_called_a_trade() -> None:
    answer = wait_or_trade(
        stands("0.70", "0.70"), D(100_000), [], estimated_tax=D(0), transaction_cost=D(0)
    )
    assert answer.verdict == "wait"
    assert "no trade that cures the drift" in answer.sentence


def test_when_trading_leaves_as_much_outside_waiting_is_no_worse() -> None:
    answer = wait_or_trade(
        stands("0.70", "0.70"), D(100_000), [Contribution(D(1_000), None)],
        estimated_tax=None, transaction_cost=D(4),
    )  # fmt: skip
    assert answer.verdict == "wait"
    assert "not known" in answer.sentence


def test_without_a_contribution_waiting_cures_nothing() -> None:
    answer = wait_or_trade(
        stands("0.60"), D(100_000), [], estimated_tax=D(-120), transaction_cost=D(4)
    )
    assert answer.verdict == "trade"
    assert answer.today.amount_outside_bands == 10_000
    assert "saves $120" in answer.sentence


def test_inside_every_band_there_is_nothing_to_do() -> None:
    answer = wait_or_trade(
        stands("0.55"), D(100_000), [], estimated_tax=D(0), transaction_cost=D(0)
    )
    assert answer.verdict == "nothing_to_do"


def test_new_money_goes_to_the_classes_that_lack_most_and_then_by_targets() -> None:
    weights = weights_after(stands("0.60"), D(100_000), D(5_000))
    assert weights[BONDS] == D(45_000) / D(105_000)
    large = weights_after(stands("0.50"), D(100_000), D(50_000))
    assert large[LARGE] == large[BONDS] == D("0.5")
    assert sum(large.values()) == 1


def test_classes_come_from_the_marts_and_unmapped_holdings_are_no_class() -> None:
    drift = [
        {"asset_class": name, "target_weight": D("0.5"), "lower_band_weight": D("0.4"),
         "upper_band_weight": D("0.6"), "actual_weight": D("0.5")}
        for name in (LARGE, BONDS, "Unmapped")
    ]  # fmt: skip
    found = class_stands(drift, [{"asset_class": LARGE, "post_trade_weight": D("0.45")}])
    assert [each.asset_class for each in found] == [BONDS, LARGE]
    assert [each.post_trade_weight for each in found] == [D("0.5"), D("0.45")]


def test_a_base_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="base"):
        wait_or_trade([], D(0), [], estimated_tax=None, transaction_cost=D(0))
