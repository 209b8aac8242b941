"""A household with everything that its planning needs, put together once.

Belongs here: the rules, costs, ledger and solver that the steps of the work share, and the timer
and record that a bench sets. Does not belong here: any step (`attempt`, `optimality`, `planner`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from python_steps.optimizer.linear_programs import LinearPrograms
from python_steps.planning.costs import CostModel
from python_steps.planning.gain_steps import Judge
from python_steps.planning.household import Household, HouseholdIndex, MarketAssumptions
from python_steps.planning.ledger import PlanLedger
from python_steps.planning.swaps import Market, market_of
from python_steps.planning.tax_effect import TaxEffect
from python_steps.policy import FirmPolicy
from python_steps.taxes.rates import RateTables

if TYPE_CHECKING:
    from python_steps.optimizer.attempt import Attempt


class StageTimer:
    """Told when a stage of the work ends; does nothing unless somebody measures."""

    def ended(self, stage: str) -> None:
        """A stage has just ended."""


NO_TIMER = StageTimer()


class AttemptRecord:
    """Told how a plan that is published was made; does nothing unless somebody compares."""

    def published(self, attempt: Attempt) -> None:
        """A plan made in this way is about to be published."""


NO_RECORD = AttemptRecord()


@dataclass(frozen=True)
class PlanningTools:
    """What every household of a batch is planned with.

    `programs` is the one solver that is reused; `with_trade_values` says whether each trade is
    tried by leaving it out, which also drops those that earn less than they cost;
    `with_frontier` whether budgets for the year's tax are tried, too; `with_alternatives` whether
    the plan is compared with waiting, a part of it and putting gains off; `with_reasons` whether
    what is traded, and what stays, is priced reason by reason. Without trade values it is not.
    """

    programs: LinearPrograms
    with_trade_values: bool = True
    with_frontier: bool = True
    with_alternatives: bool = False
    with_reasons: bool = True
    timer: StageTimer = NO_TIMER
    record: AttemptRecord = NO_RECORD


class Workshop(NamedTuple):
    """A household with everything its planning needs."""

    household: Household
    policy: FirmPolicy
    rate_tables: RateTables
    market: Market
    start: PlanLedger
    costs: CostModel
    tax: TaxEffect
    judge: Judge
    tools: PlanningTools


def workshop_of(
    household: Household,
    policy: FirmPolicy,
    rate_tables: RateTables,
    assumptions: MarketAssumptions,
    tools: PlanningTools,
) -> Workshop:
    """The workshop of one household.

    Args:
        household: the problem.
        policy: the firm's settings.
        rate_tables: statutory rates.
        assumptions: class risk, income and location ranks.
        tools: the reused solver and what is to be made with it.
    """
    index = HouseholdIndex(household)
    tax = TaxEffect(index, rate_tables)
    costs = CostModel(policy, assumptions)
    market = market_of(index, policy, tax, assumptions)
    start = PlanLedger(index, costs, policy.execution_buffer)
    judge = Judge(household, policy, tax)
    return Workshop(household, policy, rate_tables, market, start, costs, tax, judge, tools)
