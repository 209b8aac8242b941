"""The measurement of planning: every household is planned, judged by both checkers and reported."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from orchestration import optimizer_bench
from orchestration.cli import app
from orchestration.optimizer_bench import Batch, Gaps, Planned, Sample, plan_sample
from orchestration.optimizer_reference import Comparison

ONE = Planned(
    seed=1,
    milliseconds=4.0,
    stages={"waterfall": 1.0, "build": 0.5, "search": 1.0, "repair": 0.75, "rounding": 0.25},
    status="proposed",
    found="optimal",
    trades=3,
    saved=250.0,
    shortfall=0.0,
    is_shortfall_told=True,
    gaps=Gaps(2.0, 0.5, 1.0, 0.5),
    programs=9,
    comparison=None,
    broken=(),
    failure=None,
)


def test_sample_households_are_planned_and_judged():
    sample = Sample("typical", 0, 6, "optimizer with trade values", reference=2)
    batch = plan_sample(sample)
    assert [row.seed for row in batch.planned] == list(range(6))
    assert [row.failure for row in batch.planned] == [None] * 6
    assert [row.broken for row in batch.planned] == [()] * 6
    assert all(row.milliseconds > 0 for row in batch.planned)
    assert any(row.stages.get("search", 0) > 0 for row in batch.planned)
    assert all(row.saved is None or row.saved >= -0.01 for row in batch.planned)
    assert [row.comparison for row in batch.planned[2:]] == [None] * 4
    compared = [row.comparison for row in batch.planned[:2]]
    assert [each.how for each in compared] == ["compared"] * 2
    # The integer solver proves its best to a dollar: no plan lies more than that below it.
    assert all(-1 < each.above_best < 100 for each in compared)
    for each in compared:
        assert each.above_best == pytest.approx(each.of_choice + each.of_shares)
    for row in batch.planned:
        if row.gaps is not None:
            assert row.gaps.in_all == pytest.approx(sum(row.gaps[1:]))
            assert 0 <= row.gaps.of_search <= 1


def test_a_plan_under_a_budget_for_tax_is_held_against_the_best_under_that_budget():
    """What the breakeven rule puts off is told by itself: the choice of trades is not at fault."""
    batch = plan_sample(Sample("typical", 121, 1, "optimizer with trade values", reference=1))
    (row,) = batch.planned
    assert row.comparison.how == "compared"
    assert row.comparison.above_best < 100
    assert row.comparison.put_off > 100
    assert batch.finished > batch.started


def test_absurd_households_are_planned_and_their_shortfalls_told():
    batch = plan_sample(Sample("stress", 0, 12, "waterfall"))
    assert [row.failure for row in batch.planned] == [None] * 12
    assert any(row.shortfall > 0 for row in batch.planned)
    assert all(row.is_shortfall_told for row in batch.planned)


def test_a_household_that_cannot_be_planned_is_reported_and_the_others_go_on(monkeypatch):
    def planner_of(name, stopwatch, record):
        def plan(household, *_):
            raise ValueError(f"no plan for {household.household_id}")

        return plan

    monkeypatch.setattr(optimizer_bench, "_planner", planner_of)
    sample = Sample("typical", 0, 2, "optimizer")
    report = optimizer_bench._report(sample, [plan_sample(sample)])
    assert report["households_not_planned"] == 2
    assert report["failure_examples"][0] == "seed 0: ValueError: no plan for T000000"


def test_a_broken_rule_is_counted_and_named(monkeypatch):
    sample = Sample("typical", 1, 1, "optimizer")
    broken = ONE._replace(broken=("cash_is_not_overdrawn: A01: -5",))
    report = optimizer_bench._report(sample, [Batch([broken], 0.0, 0.5)])
    assert report["rules_broken"] == 1
    assert report["broken_examples"] == ["seed 1: cash_is_not_overdrawn: A01: -5"]


def test_figures_are_spreads_over_the_households():
    rows = [
        ONE._replace(seed=seed, milliseconds=float(seed), saved=saved, trades=seed)
        for seed, saved in ((1, 0.0), (2, 50.0), (3, 150.0), (4, None), (5, -3.0))
    ]
    report = optimizer_bench._report(Sample("typical", 1, 5, "optimizer"), [Batch(rows, 10, 12)])
    assert report["households_per_second"] == 2.5
    assert report["milliseconds"] == {"mean": 3, "median": 3, "p90": 5, "p99": 5, "max": 5}
    assert report["milliseconds_of_the_pipeline"]["median"] == 2.5
    assert report["households_per_second_of_the_pipeline"] == 400
    assert report["dollars_saved"]["compared"] == 4
    assert report["dollars_saved"]["median"] == 25
    assert report["dollars_saved"]["share_above_100_dollars"] == 0.25
    assert report["dollars_saved"]["worse_than_the_waterfall"] == 1


def test_what_is_proved_and_what_is_above_the_best_is_told_part_by_part():
    """A household without a proof counts against the proved ones; one without a search does not."""
    asked = Comparison("compared", 12.0, 7.0, 5.0)
    rows = [
        ONE._replace(comparison=asked),
        ONE._replace(gaps=Gaps(9.0, 4.0, 3.0, 2.0), comparison=Comparison("not optimised")),
        ONE._replace(gaps=None),
        ONE._replace(gaps=None, programs=0),
    ]
    report = optimizer_bench._report(Sample("typical", 1, 4, "optimizer"), [Batch(rows, 10, 12)])
    assert report["share_proved_within_a_dollar_before_repair"] == pytest.approx(1 / 3, abs=1e-4)
    assert report["dollars_of_proved_gap"]["max"] == 9
    assert report["dollars_of_it_left_by_the_search"]["max"] == 4
    assert report["dollars_of_it_for_fewer_and_larger_trades"]["max"] == 3
    assert report["dollars_of_it_for_whole_shares"]["max"] == 2
    assert report["dollars_above_the_best"]["mean"] == 12
    assert report["dollars_above_the_best"]["households"] == {"compared": 1, "not optimised": 1}
    assert report["dollars_of_it_for_the_choice_of_trades"]["mean"] == 7
    assert report["dollars_of_it_for_their_shares"]["mean"] == 5
    assert report["dollars_put_off_by_the_breakeven_rule"] == {}


def test_the_command_prints_tables_or_json(monkeypatch):
    def in_processes(samples):
        return [Batch([ONE], 0.0, 0.25) for _ in samples]

    def in_parts(sample, progress):
        progress(sample.households, sample.households)
        return [Batch([ONE], 0.0, 0.25)]

    monkeypatch.setattr(optimizer_bench, "_in_processes", in_processes)
    monkeypatch.setattr(optimizer_bench, "_in_parts", in_parts)
    command = ["bench", "--stage", "optimizer", "--households", "50", "--stress", "5"]
    shown = CliRunner().invoke(app, command)
    assert shown.exit_code == 0, shown.output
    assert "50 typical, optimizer with trade values" in shown.stdout
    assert "ms: search" in shown.stdout
    answer = CliRunner().invoke(app, [*command, "--json"])
    figures = json.loads(answer.stdout)
    assert [each["households"] for each in figures["samples"]] == [
        "50 typical",
        "50 typical",
        "50 typical",
        "2 large",
        "5 stress",
    ]
    assert figures["two_processes"] == {"households_per_second": 8.0, "faster_than_one": 2.0}


def test_many_absurd_households_are_planned_in_parts_that_tell_how_far_they_are(monkeypatch):
    """Every household once, in order, whatever the size of the parts."""
    monkeypatch.setattr(optimizer_bench, "PART", 3)
    told = []
    sample = Sample("stress", 40, 7, "waterfall")
    assert [(each.first_seed, each.households) for each in sample.parts(3)] == [
        (40, 3), (43, 3), (46, 1),
    ]  # fmt: skip
    batches = optimizer_bench._in_parts(sample, lambda done, of: told.append((done, of)))
    assert [row.seed for batch in batches for row in batch.planned] == list(range(40, 47))
    assert told == [(3, 7), (6, 7), (7, 7)]
    report = optimizer_bench._report(sample, batches, are_simultaneous=False)
    assert (report["rules_broken"], report["households_not_planned"]) == (0, 0)


@pytest.mark.parametrize("option", ["--reference", "--stress"])
def test_samples_without_the_optimizer_stage_are_refused(option):
    answer = CliRunner().invoke(app, ["bench", option, "10"])
    assert answer.exit_code == 2
    assert "--stage optimizer" in answer.stderr
