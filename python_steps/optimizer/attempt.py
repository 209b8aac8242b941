"""One way from a household's model to a plan in shares, stage by stage.

Belongs here: which stage of sales suffices, which gains pay for themselves in time, and the order
of search, repair and rounding. Does not belong here: any of those steps, the proof (`optimality`),
which plan is published (`planner`). Work is limited by programs solved, never by time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from python_steps.optimizer.core_model import build_core_model
from python_steps.optimizer.core_problem import CoreProblem, Stage
from python_steps.optimizer.deferrals import deferrals_of
from python_steps.optimizer.household_trades import trade_groups
from python_steps.optimizer.linear_model import DOLLARS_PER_UNIT, UNBOUNDED, Floats, LinearModel
from python_steps.optimizer.model_assembly import CoreModel, Room
from python_steps.optimizer.prices import ObjectivePrices
from python_steps.optimizer.repair import Repaired, repaired
from python_steps.optimizer.rounding import rounded_ledger
from python_steps.optimizer.search import SearchResult, search
from python_steps.optimizer.workshop import Workshop
from python_steps.planning.gain_steps import Deferral, judged
from python_steps.planning.ledger import PlanLedger

# With the dime that a proof may lose by rounding against itself, a dollar.
SMALL_TOLERANCE = 0.9
# A household with more lots than a typical one ever has (some 300) is searched to $5, or a
# fiftieth of a basis point. By measurement on 13 large ones, 90 cents take 7 % more programs for
# $5 on the mean; but the hardest search could take all the programs there are.
MANY_SALES = 1000
LARGE_TOLERANCES = (5.0, 0.000002)
# A stage that asks for more is entered only for more than this (dollars, share of the value): what
# a single trade must be worth by the firm's default, and a quarter of a basis point. By measurement
# on 100 typical households, plans of two of them then need an earlier stage, for $2 at most; four
# times as much would be four households and up to $74.
STAGE_WORTH = (25.0, 0.000025)
# Budgets for a stage's tax that are tried where the whole stage does not pay for itself in time;
# each halves the range in which the largest one that does must be. By measurement on 230 typical
# households, three of which get such a budget: against budgets of 60 % and 30 % of the tax, four
# halvings are worth $170, $1,230 and $1,540 to them.
BUDGETS_TRIED = 4
# Limits of work. By measurement, a search takes 4 programs at the median and 47 at the most on 80
# typical households, 73 on 6 large ones; whole plans of 300 typical ones take 80 at the median and
# 590 at the most. Leaving out every trade of a large one takes some 200.
MOST_PROGRAMS = 400
MOST_REPAIR_PROGRAMS = 300


class Attempt(NamedTuple):
    """One way through the work: the model, what the search found, and the plan in shares."""

    core: CoreModel
    model: LinearModel
    room: Room
    found: SearchResult
    mended: Repaired
    ledger: PlanLedger


def attempted(
    work: Workshop, problem: CoreProblem, prices: ObjectivePrices
) -> tuple[Attempt | None, list[Deferral]]:
    """The plan of the first stage that suffices, and what a later stage would have cost."""
    core = build_core_model(problem, prices, work.costs)
    programs, timer = work.tools.programs, work.tools.timer
    programs.load(core.model)
    timer.ended("build")
    chosen = _of_stages(work, core)
    timer.ended("search")
    if chosen is None:
        return None, []
    attempt = _finished_attempt(work, core, *chosen)
    deferrals: list[Deferral] = []
    for stage in (Stage.LONG_TERM_GAINS, Stage.SHORT_TERM_GAINS):
        if attempt is None or stage > problem.allowed:
            break
        if core.stage_columns.get(stage) and _is_wanting(core, attempt.found.values):
            attempt, put_off = _with_gains(work, attempt, stage)
            deferrals += put_off
    return attempt, deferrals


def _of_stages(work: Workshop, core: CoreModel) -> tuple[Room, SearchResult] | None:
    """The earliest stage up to the sale of losses that is as good as all of them together.

    Gains that are not allowed are asked for only where cash is missing without them.
    """
    room = Room(Stage.LOSSES)
    found = _solved(work, core, room)
    if core.last_resort and _is_found(found) and _is_short(core, found.values):
        room = room._replace(is_last_resort=True)
        found = _solved(work, core, room)
    if not _is_found(found):
        return None
    best = found.objective
    for earlier in (Stage.TAX_ADVANTAGED, Stage.CASH_FLOWS):
        smaller = room._replace(stage=earlier)
        most = best + _worth(work)
        trial = _solved(work, core, smaller, cutoff=most)
        if not _is_found(trial) or trial.objective > most:
            break
        room, found = smaller, trial
    return room, found


def _with_gains(work: Workshop, attempt: Attempt, stage: Stage) -> tuple[Attempt, list[Deferral]]:
    """The plan with the gains of a stage, as many of them as pay for themselves in time.

    The whole stage is tried, then budgets for its tax: the first gains cure the most, so that a
    smaller budget pays for itself sooner. A budget of the stage before does not bind this one.
    Trials are not tried trade by trade: only the largest one that pays is finished, or the next.
    """
    core, room = attempt.core, attempt.room._replace(stage=stage, tax_budget=None)
    most = attempt.found.objective - _worth(work)
    found = _solved(work, core, room, cutoff=most)
    if not _is_found(found) or found.objective > most:
        return attempt, []
    whole = _finished_attempt(work, core, room, found, is_trial=True)
    paying = [] if whole is None else [whole]
    if whole is None or not _pays(work, attempt, whole):
        paying = _budgets_that_pay(work, attempt, room, found)
    for trial in paying:
        best = _finished_attempt(work, core, trial.room, trial.found)
        if best is not None and _pays(work, attempt, best):
            break
    else:
        best = attempt
    if whole is None or best.room == room:
        return best, []
    verdict = judged(work.market, best.ledger, whole.ledger, work.judge)
    return best, deferrals_of(work, best.ledger, whole.ledger, verdict)


def _budgets_that_pay(
    work: Workshop, attempt: Attempt, room: Room, whole: SearchResult
) -> list[Attempt]:
    """Plans under budgets for a stage's tax that pay for themselves in time, the largest first."""
    core = attempt.core
    least, most = (core.components(each.values)["tax"] for each in (attempt.found, whole))
    paying: list[Attempt] = []
    low, high = 0.0, 1.0
    for _ in range(BUDGETS_TRIED):
        share = (low + high) / 2
        within = room._replace(tax_budget=least + share * (most - least))
        found = _solved(work, core, within)
        trial = None
        if _is_found(found):
            trial = _finished_attempt(work, core, within, found, is_trial=True)
        if trial is not None and _pays(work, attempt, trial):
            paying.insert(0, trial)
            low = share
        else:
            high = share
    return paying


def _pays(work: Workshop, before: Attempt, after: Attempt) -> bool:
    """Whether going from one plan to another pays for itself in time."""
    return judged(work.market, before.ledger, after.ledger, work.judge).is_worth_it


def _is_found(found: SearchResult) -> bool:
    return found.status in ("optimal", "gap")


def _worth(work: Workshop) -> float:
    """What a stage must be better by, thousand dollars."""
    value = float(work.household.market_value or 0)
    return max(STAGE_WORTH[0], STAGE_WORTH[1] * value) / DOLLARS_PER_UNIT


def tolerance_of(work: Workshop, core: CoreModel) -> float:
    """What a search's result may lie above the best one, thousand dollars."""
    if len(core.sale_columns) < MANY_SALES:
        return SMALL_TOLERANCE / DOLLARS_PER_UNIT
    value = float(work.household.market_value or 0)
    return max(LARGE_TOLERANCES[0], LARGE_TOLERANCES[1] * value) / DOLLARS_PER_UNIT


def _solved(
    work: Workshop, core: CoreModel, room: Room, *, cutoff: float = UNBOUNDED
) -> SearchResult:
    """The best solution within a room; one that cannot be below the cutoff need not be found."""
    return search(
        _within(core, room),
        work.tools.programs,
        tolerance=tolerance_of(work, core),
        most_programs=MOST_PROGRAMS,
        cutoff=cutoff,
    )


def _within(core: CoreModel, room: Room) -> LinearModel:
    return replace(core.model, upper=core.upper_within(room))


def _is_short(core: CoreModel, values: Floats) -> bool:
    """Whether cash that is needed is missing."""
    return any(float(values[column]) * DOLLARS_PER_UNIT > 1.0 for column in core.missing_columns)


def _is_wanting(core: CoreModel, values: Floats) -> bool:
    """Whether a target stands outside its band, a limit is exceeded or cash is missing."""
    return any(float(values[column]) * DOLLARS_PER_UNIT > 1.0 for column in core.wanting_columns)


def _finished_attempt(
    work: Workshop, core: CoreModel, room: Room, found: SearchResult, *, is_trial: bool = False
) -> Attempt | None:
    model = _within(core, room)
    mended = repaired(
        model,
        work.tools.programs,
        found.fixed,
        list(trade_groups(work.household, work.policy, core)),
        with_leave_one_out=work.tools.with_trade_values and not is_trial,
        most_programs=MOST_REPAIR_PROGRAMS,
    )
    work.tools.timer.ended("repair")
    if mended.status not in ("repaired", "limited"):
        return None
    ledger = rounded_ledger(core, mended.values)
    work.tools.timer.ended("rounding")
    return Attempt(core, model, room, found, mended, ledger)
