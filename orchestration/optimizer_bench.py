"""What planning a household costs, and what it saves: `evenkeel bench --stage optimizer`.

Belongs here: planning sample households by seed in processes of their own, with the time of each
step, the plan's worth beside the waterfall's, and both independent checkers' verdicts. Does not
belong here: planning, checking, the making of households, or any number a household would see.
Times are this machine's, with whatever else it was doing; dollars and verdicts are the same
everywhere.
"""

from __future__ import annotations

import multiprocessing
import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from statistics import fmean, median
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestration.home import DBT_PROJECT_FOLDER
from orchestration.optimizer_reference import Comparison, compared_with_best
from python_steps.batches import settled_objects
from python_steps.optimizer.attempt import Attempt
from python_steps.optimizer.linear_programs import LinearPrograms
from python_steps.optimizer.planner import optimizing_planner, plan_step_by_step
from python_steps.optimizer.workshop import AttemptRecord, PlanningTools, StageTimer
from python_steps.planning.batch import Planner
from python_steps.planning.household import Household
from python_steps.planning.objective_check import check_objective
from python_steps.planning.plan import HouseholdPlan
from python_steps.planning.plan_check import check_plan
from python_steps.sample_households.generate import (
    large_household,
    stress_household,
    typical_household,
)
from python_steps.sample_households.market import sample_market
from python_steps.sample_households.rules import RULE_SEEDS, SampleRules, sample_rules

if TYPE_CHECKING:
    from rich.console import Console

# The steps from a household to a plan in shares; the waterfall, the words and the checks are apart.
PIPELINE = ("build", "search", "repair", "rounding")
LARGE_PER_TYPICAL = 25
MUCH_SAVED = 100.0
EXAMPLES = 10
DOLLAR = 1.0
# The first households are planned twice: what is loaded on first use is no household's cost.
WARM_UP = 3
# Absurd households are planned in parts, each by a process that ends with it: thousands of them
# take no more memory than one part.
PART = 250

Progress = Callable[[int, int], object]
"""Called with the households planned so far and all of them."""


def _in_silence(_: int, __: int) -> None:
    """Nobody waits for the end."""


@dataclass(frozen=True)
class Sample:
    """Households to plan in one process, and how.

    `kind` is "typical", "large" or "stress"; `planner` "waterfall", "optimizer" or "optimizer with
    trade values" (each trade is also tried by leaving it out). The plans of the first `reference`
    households are also held against the best plan of their model.
    """

    kind: str
    first_seed: int
    households: int
    planner: str
    reference: int = 0

    def half(self, second: bool) -> Sample:
        """The first or second half of the households."""
        first = self.households // 2
        if second:
            return replace(
                self, first_seed=self.first_seed + first, households=self.households - first
            )
        return replace(self, households=first)

    def parts(self, size: int) -> list[Sample]:
        """The households in parts of at most `size`, in order."""
        last = self.first_seed + self.households
        return [
            replace(self, first_seed=seed, households=min(size, last - seed))
            for seed in range(self.first_seed, last, size)
        ]


class Gaps(NamedTuple):
    """What is proved of a plan: its distance to the bound and the parts of it, dollars."""

    in_all: float
    of_search: float
    of_choice: float
    of_shares: float


class Planned(NamedTuple):
    """One household's plan as it was measured; milliseconds, dollars."""

    seed: int
    milliseconds: float
    stages: dict[str, float]
    status: str
    found: str
    trades: int
    saved: float | None
    shortfall: float
    is_shortfall_told: bool
    gaps: Gaps | None
    programs: int
    comparison: Comparison | None
    broken: tuple[str, ...]
    failure: str | None


class Batch(NamedTuple):
    """What one process did; the seconds are those of planning alone, on the system's clock."""

    planned: list[Planned]
    started: float
    finished: float


class Stopwatch(StageTimer):
    """Adds up the milliseconds of each stage since the last one ended."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}
        self._since = time.perf_counter()

    def start(self) -> None:
        """Begin a household."""
        self.milliseconds = {}
        self._since = time.perf_counter()

    def ended(self, stage: str) -> None:
        """A stage has just ended."""
        now = time.perf_counter()
        spent = (now - self._since) * 1_000
        self.milliseconds[stage] = self.milliseconds.get(stage, 0.0) + spent
        self._since = now


class LastAttempt(AttemptRecord):
    """Keeps how the last published plan was made."""

    def __init__(self) -> None:
        self.attempt: Attempt | None = None

    def published(self, attempt: Attempt) -> None:
        """A plan made in this way is about to be published."""
        self.attempt = attempt


def measure_optimizer(
    households: int,
    *,
    seed: int,
    reference: int = 0,
    stress: int = 0,
    progress: Progress = _in_silence,
) -> dict[str, Any]:
    """Plan sample households by each planner and report times, dollars and broken rules.

    Args:
        households: typical households; a twenty-fifth as many large ones.
        seed: seed of the first; the others follow it.
        reference: so many plans are held against the best one by the integer solver.
        stress: absurd households; none are planned for 0.
        progress: told after each part of the absurd households.

    Returns:
        For each sample: milliseconds a household (whole, and by stage), households a second, how
        many dollars were saved against the waterfall, how plans were found, what the checkers say.
    """
    typical = Sample("typical", seed, households, "optimizer")
    samples = [
        replace(typical, planner="waterfall"),
        typical,
        replace(typical, planner="optimizer with trade values", reference=reference),
        replace(typical, kind="large", households=max(2, households // LARGE_PER_TYPICAL)),
    ]
    reports = []
    one_process = None
    for sample in samples:
        batches = _in_processes([sample])
        reports.append(_report(sample, batches))
        if sample == typical:
            one_process = _households_per_second(batches)
    if stress:
        absurd = replace(typical, kind="stress", households=stress)
        batches = _in_parts(absurd, progress)
        reports.append(_report(absurd, batches, are_simultaneous=False))
    two = _in_processes([typical.half(second=False), typical.half(second=True)])
    both = _households_per_second(two)
    return {
        "stage": "optimizer",
        "seed": seed,
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "samples": reports,
        "two_processes": {
            "households_per_second": round(both, 1),
            "faster_than_one": round(both / one_process, 2) if one_process else None,
        },
    }


def seed_tables() -> dict[str, Any]:
    """The project's seeds that planning rules are read from, as text."""
    import pyarrow as pa
    import pyarrow.csv as csv

    tables = {}
    for name in RULE_SEEDS:
        path = DBT_PROJECT_FOLDER / "seeds" / f"{name}.csv"
        names = path.read_text(encoding="utf-8").splitlines()[0].split(",")
        as_text = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
        tables[name] = csv.read_csv(path, convert_options=as_text)
    return tables


def plan_sample(sample: Sample, ready: Callable[[], object] = lambda: None) -> Batch:
    """Plan a sample in this process; `ready` is called when the households are made."""
    rules = sample_rules(seed_tables())
    stopwatch, record = Stopwatch(), LastAttempt()
    planner = _planner(sample.planner, stopwatch, record)
    seeds = range(sample.first_seed, sample.first_seed + sample.households)
    households = [_household(sample.kind, seed, rules) for seed in seeds]
    for household in households[:WARM_UP]:
        _timed(household, planner, rules, stopwatch, record)
    ready()
    started = time.perf_counter()
    with settled_objects():
        timed = [_timed(household, planner, rules, stopwatch, record) for household in households]
    finished = time.perf_counter()
    planned = [
        _judged(seed, household, one, rules, with_reference=place < sample.reference)
        for place, (seed, household, one) in enumerate(zip(seeds, households, timed, strict=True))
    ]
    return Batch(planned, started, finished)


def _planner(name: str, stopwatch: Stopwatch, record: LastAttempt) -> Planner:
    if name == "waterfall":
        return plan_step_by_step
    with_values = name == "optimizer with trade values"
    return optimizing_planner(
        PlanningTools(
            LinearPrograms(), with_trade_values=with_values, timer=stopwatch, record=record
        )
    )


def _household(kind: str, seed: int, rules: SampleRules) -> Household:
    if kind == "stress":
        return stress_household(seed, rules)[0]
    return (large_household if kind == "large" else typical_household)(seed, rules)


class _Timed(NamedTuple):
    plan: HouseholdPlan | None
    failure: str | None
    milliseconds: float
    stages: dict[str, float]
    attempt: Attempt | None


def _timed(
    household: Household,
    planner: Planner,
    rules: SampleRules,
    stopwatch: Stopwatch,
    record: LastAttempt,
) -> _Timed:
    stopwatch.start()
    record.attempt = None
    started = time.perf_counter()
    plan, failure = None, None
    try:
        plan = planner(household, rules.policy, rules.rates, rules.assumptions)
    except Exception as error:  # a household that cannot be planned is a finding, not the end
        failure = f"{type(error).__name__}: {error}"
    spent = (time.perf_counter() - started) * 1_000
    return _Timed(plan, failure, spent, stopwatch.milliseconds, record.attempt)


def _judged(
    seed: int, household: Household, timed: _Timed, rules: SampleRules, *, with_reference: bool
) -> Planned:
    """A plan with the checkers' verdicts; a household that could not be planned has none."""
    plan = timed.plan
    if plan is None:
        return Planned(
            seed=seed,
            milliseconds=timed.milliseconds,
            stages=timed.stages,
            status="failed",
            found="failed",
            trades=0,
            saved=None,
            shortfall=0.0,
            is_shortfall_told=True,
            gaps=None,
            programs=0,
            comparison=Comparison("not planned") if with_reference else None,
            broken=(),
            failure=timed.failure,
        )
    broken = [
        *check_plan(household, plan, rules.policy, rules.rates),
        *check_objective(household, plan, rules.policy, rules.rates, rules.assumptions),
    ]
    said = plan.optimality
    comparison = None
    if with_reference:
        comparison = compared_with_best(household, plan, timed.attempt, rules)
    return Planned(
        seed=seed,
        milliseconds=timed.milliseconds,
        stages=timed.stages,
        status=plan.plan_status,
        found="waterfall" if said is None else said.solver_status,
        trades=len(plan.trades),
        saved=_saved(plan),
        shortfall=float(plan.cash_shortfall),
        is_shortfall_told=_is_shortfall_told(plan),
        gaps=_gaps(plan),
        programs=0 if said is None else said.programs_solved,
        comparison=comparison,
        broken=tuple(f"{each.invariant}: {each.detail}" for each in broken),
        failure=None,
    )


def _gaps(plan: HouseholdPlan) -> Gaps | None:
    said = plan.optimality
    if said is None or said.optimality_gap is None:
        return None
    parts = (said.optimality_gap, said.search_gap, said.choice_gap, said.shares_gap)
    return Gaps(*(float(part or 0) for part in parts))


def _saved(plan: HouseholdPlan) -> float | None:
    """Dollars by which the plan is better than the waterfall's; None where either is not valued."""
    baseline = None if plan.optimality is None else plan.optimality.baseline
    if baseline is None or plan.value is None:
        return None
    its, mine = baseline.total, plan.value.total
    return None if its is None or mine is None else float(its - mine)


def _is_shortfall_told(plan: HouseholdPlan) -> bool:
    """Whether the exceptions account for the cash that is not raised, with a reason each."""
    told = sum(
        (
            row.amount or Decimal(0)
            for row in plan.exceptions
            if row.reason_code == "cash_shortfall" and row.rationale.strip()
        ),
        Decimal(0),
    )
    return told == plan.cash_shortfall


def _in_processes(samples: Sequence[Sample]) -> list[Batch]:
    """Plan each sample in a process of its own; all begin to plan at the same time."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(len(samples))
    with ProcessPoolExecutor(
        max_workers=len(samples),
        mp_context=context,
        initializer=_share_barrier,
        initargs=(barrier,),
    ) as pool:
        return [job.result() for job in [pool.submit(_plan_together, each) for each in samples]]


def _in_parts(sample: Sample, progress: Progress) -> list[Batch]:
    """Plan a sample part by part, each in a process of its own, as many at a time as there are."""
    parts = sample.parts(PART)
    with ProcessPoolExecutor(
        max_workers=min(len(parts), os.cpu_count() or 1),
        mp_context=multiprocessing.get_context("spawn"),
        max_tasks_per_child=1,
    ) as pool:
        batches: list[Batch] = []
        for part, job in [(part, pool.submit(plan_sample, part)) for part in parts]:
            batches.append(job.result())
            progress(part.first_seed + part.households - sample.first_seed, sample.households)
        return batches


_SHARED: dict[str, Any] = {}


def _share_barrier(barrier: Any) -> None:
    _SHARED["barrier"] = barrier
    sample_market()  # made before any sample, so that no process waits for another's market


def _plan_together(sample: Sample) -> Batch:
    return plan_sample(sample, _SHARED["barrier"].wait)


def _households_per_second(batches: Sequence[Batch], *, are_simultaneous: bool = True) -> float:
    """Of all processes together, or of one where each planned when it came to its turn."""
    if are_simultaneous:
        seconds = max(each.finished for each in batches) - min(each.started for each in batches)
    else:
        seconds = sum(each.finished - each.started for each in batches)
    return sum(len(each.planned) for each in batches) / seconds


def _report(
    sample: Sample, batches: Sequence[Batch], *, are_simultaneous: bool = True
) -> dict[str, Any]:
    rows = [row for batch in batches for row in batch.planned]
    saved = [row.saved for row in rows if row.saved is not None]
    gaps = [row.gaps for row in rows if row.gaps is not None]
    broken = [(row.seed, rule) for row in rows for rule in row.broken]
    failed = [(row.seed, row.failure) for row in rows if row.failure is not None]
    report: dict[str, Any] = {
        "households": f"{sample.households} {sample.kind}",
        "planner": sample.planner,
        "households_per_second": round(
            _households_per_second(batches, are_simultaneous=are_simultaneous), 1
        ),
        "milliseconds": _spread(row.milliseconds for row in rows),
        "trades": _spread(float(row.trades) for row in rows),
        "plan_statuses": dict(sorted(Counter(row.status for row in rows).items())),
        "rules_broken": len(broken),
        "households_not_planned": len(failed),
        "shortfalls": sum(row.shortfall > 0 for row in rows),
        "shortfalls_without_a_reason": sum(not row.is_shortfall_told for row in rows),
    }
    if sample.planner != "waterfall":
        pipeline = [sum(row.stages.get(stage, 0.0) for stage in PIPELINE) for row in rows]
        report |= {
            "found": dict(sorted(Counter(row.found for row in rows).items())),
            "milliseconds_of_the_pipeline": _spread(pipeline),
            "households_per_second_of_the_pipeline": round(1_000 * len(rows) / sum(pipeline), 1)
            if sum(pipeline)
            else None,
            "milliseconds_by_stage": {
                stage: _spread(row.stages.get(stage, 0.0) for row in rows)
                for stage in dict.fromkeys(name for row in rows for name in row.stages)
            },
            "dollars_saved": _saved_report(saved),
            "programs_solved": _spread(float(row.programs) for row in rows if row.programs),
            "dollars_of_proved_gap": _spread(each.in_all for each in gaps),
            "dollars_of_it_left_by_the_search": _spread(each.of_search for each in gaps),
            "dollars_of_it_for_fewer_and_larger_trades": _spread(each.of_choice for each in gaps),
            "dollars_of_it_for_whole_shares": _spread(each.of_shares for each in gaps),
            "share_proved_within_a_dollar_before_repair": _share_within_a_dollar(rows),
        }
    report |= _comparison_report([row.comparison for row in rows if row.comparison is not None])
    if broken:
        report["broken_examples"] = [f"seed {seed}: {rule}" for seed, rule in broken[:EXAMPLES]]
    if failed:
        report["failure_examples"] = [f"seed {seed}: {why}" for seed, why in failed[:EXAMPLES]]
    return report


def _share_within_a_dollar(rows: Sequence[Planned]) -> float | None:
    """Of the optimised households, those whose search is proved to have missed a dollar at most.

    By the bound that is checked without the solver; one without any proof counts against it.
    """
    optimised = [row for row in rows if row.programs]
    within = [row for row in optimised if row.gaps is not None and row.gaps.of_search <= DOLLAR]
    return round(len(within) / len(optimised), 4) if optimised else None


def _comparison_report(compared: Sequence[Comparison]) -> dict[str, Any]:
    """What plans lie above the best ones, with the parts of it; nothing where none was asked."""
    if not compared:
        return {}
    held = [each for each in compared if each.above_best is not None]
    return {
        "dollars_above_the_best": {
            **_spread(each.above_best or 0.0 for each in held),
            "households": dict(sorted(Counter(each.how for each in compared).items())),
        },
        "dollars_of_it_for_the_choice_of_trades": _spread(each.of_choice or 0.0 for each in held),
        "dollars_of_it_for_their_shares": _spread(each.of_shares or 0.0 for each in held),
        "dollars_put_off_by_the_breakeven_rule": _spread(
            each.put_off for each in held if each.put_off is not None
        ),
    }


def _saved_report(saved: Sequence[float]) -> dict[str, Any]:
    if not saved:
        return {"compared": 0}
    return {
        "compared": len(saved),
        **_spread(saved),
        "share_above_100_dollars": round(sum(each > MUCH_SAVED for each in saved) / len(saved), 3),
        "worse_than_the_waterfall": sum(each < -0.01 for each in saved),
    }


def _spread(values: Iterable[float]) -> dict[str, float]:
    """Mean, median, 90th and 99th percentile and maximum; empty for no values."""
    ordered = sorted(values)
    if not ordered:
        return {}
    last = len(ordered) - 1
    return {
        "mean": round(fmean(ordered), 2),
        "median": round(median(ordered), 2),
        "p90": round(ordered[round(0.90 * last)], 2),
        "p99": round(ordered[round(0.99 * last)], 2),
        "max": round(ordered[-1], 2),
    }


_SPREAD = ("mean", "median", "p90", "p99", "max")


def show_optimizer(console: Console, figures: Mapping[str, Any]) -> None:
    """Print the figures of `measure_optimizer`: a table for each sample."""
    from rich.table import Table

    for report in figures["samples"]:
        title = f"{report['households']}, {report['planner']}"
        table = Table("", *_SPREAD, title=title, title_justify="left")
        for name, spread in _spreads_of(report):
            cells = (f"{spread[each]:,.2f}" if each in spread else "-" for each in _SPREAD)
            table.add_row(name, *cells)
        console.print(table)
        for name, value in _facts_of(report):
            console.print(f"{name}: {value}", highlight=False, markup=False, soft_wrap=True)
        console.print()
    two = figures["two_processes"]
    console.print(
        f"two processes: {two['households_per_second']} households a second, "
        f"{two['faster_than_one']} times one",
        highlight=False,
    )


def _spreads_of(report: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, float]]]:
    """The measures of a sample that have a spread, with a name to print."""
    for name, value in report.items():
        if name == "milliseconds_by_stage":
            for stage, spread in value.items():
                yield f"ms: {stage}", spread
        elif isinstance(value, dict) and "median" in value:
            yield name.replace("milliseconds", "ms").replace("_", " "), value


def _facts_of(report: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The figures of a sample that are single ones."""
    for name, value in report.items():
        words = name.replace("_", " ")
        if isinstance(value, list):
            yield words, "; ".join(str(each) for each in value)
        elif not isinstance(value, dict):
            yield words, value
        elif name != "milliseconds_by_stage":
            rest = {key: each for key, each in value.items() if key not in _SPREAD}
            if rest:
                told = (f"{str(key).replace('_', ' ')} {each}" for key, each in rest.items())
                yield words, ", ".join(told)
