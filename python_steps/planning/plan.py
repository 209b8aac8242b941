"""A household's plan as frozen values, the same for every planner.

Belongs here: orders while a plan grows, and the finished plan with its trades, lots, tax impact and
exceptions. Does not belong here: how a plan is found, checked or rendered. Reason codes are closed
lists; amounts are dollars, gains >= 0 and losses <= 0 stand apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from python_steps.lot_selection.instructions import LotInstruction

BUY = "buy"
SELL = "sell"

RAISE_CASH = "RAISE_CASH"
INVEST_CASH = "INVEST_CASH"
REBALANCE = "REBALANCE"
HARVEST_LOSS = "HARVEST_LOSS"
HARVEST_REPLACEMENT = "HARVEST_REPLACEMENT"
RESTRICTION = "RESTRICTION"
LOCATE = "LOCATE"
# The closed list of a trade's reasons, with what each means.
REASON_CODES: Mapping[str, str] = {
    RAISE_CASH: "A sale for cash that must leave the account, or for its minimum cash.",
    INVEST_CASH: "A purchase from cash above its target.",
    REBALANCE: "A sale or purchase that brings a class, sub-class or security toward its target.",
    HARVEST_LOSS: "A sale of nothing but losses, in a household that harvests them.",
    HARVEST_REPLACEMENT: "A purchase that takes the place of shares sold at a loss.",
    RESTRICTION: "A sale toward a concentration limit.",
    LOCATE: "A move of a class to accounts where it costs less tax; its weight stays.",
}

# The closed list of an exception's reasons. `amount` is dollars of what the reason concerns.
EXCEPTION_CODES: Mapping[str, str] = {
    "out_of_tolerance": "A target stays outside its band; amount: dollars beyond the edge.",
    "excluded": "Held away, not of a kind or currency that is traded; amount: its value.",
    "deferred": "Put off for its tax or term, or a flow in sight cures it; amount: dollars of it.",
    "restricted": "A restriction or limit bars it; amount: its value, or the excess over a limit.",
    "unmapped": "Not mapped to an asset class; amount: its value.",
    "illiquid": "No daily market; amount: its value.",
    "frozen": "Its data is in doubt, or its account may not trade; amount: its value, if known.",
    "wash_sale_window": "A wash-sale window or this plan bars it; amount: dollars of it.",
    "unknown_coverage": "Recent purchases are not all known; amount: dollars not sold.",
    "related_purchase": "A related taxpayer buys near a loss; amount: the purchase or the loss.",
    "limited_loss": "IRC 852(b)(4) limits a loss; amount: what is not a short-term loss of it.",
    "cost_assumed": "A trading cost is the firm's figure for the type; amount: that cost.",
    "rates_missing": "The year's tax rates or profile are missing; amount: dollars not sold.",
    "cash_shortfall": "Cash that is due is not raised; amount: what is missing.",
    "below_minimum": "Too small for a trade; amount: dollars of it.",
    "no_ips": "The account belongs to no Investment Policy Statement; amount: its value.",
    "withheld": "A rule was broken or planning failed; no amount.",
}

# The closed list of what speaks for or against a trade at the prices of the program.
RATIONALE_COMPONENTS: Mapping[str, str] = {
    "drift": "What less (or more) drift of a class or of a target inside one is worth.",
    "tax": "Tax of the year at the marginal rate after netting, or worth of losses carried on.",
    "basis_reset": "Worth of the higher basis (cost of the lower one) in later years.",
    "location": "Tax that the place costs less (or more), for the policy's years.",
    "trading_cost": "Spread and market impact.",
    "turnover": "The firm's price of trading at all.",
    "preference": "A later choice of the buy list instead of its first.",
    "concentration": "What less of a security above its limit is worth, or room under a limit.",
    "cash_need": "What the cash that the account needs is worth.",
    "account_cash": "What cash of the account is worth that no trade here brings or uses.",
    "gains_budget": "Room used up in the budget for the year's gains.",
    "tax_budget": "Room used up in the tax that the stage of sales may cost.",
    "lot_order": "Lots that the standing order sells first, for those behind them.",
    "wash_sale": "What the bar between loss sales and purchases asks of it.",
    "minimum_trade": "What is traded only because smaller trades are not allowed.",
}

REBALANCE_MODE = "rebalance"
CASH_ONLY_MODE = "cash_only"
HARVEST_MODE = "tlh_only"
NO_TRADE_MODE = "no_trade"


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why dollars are moved: out of a class (or to raise cash) and into a class.

    `part_name` names the sub-class or security inside a class that the move is for.
    """

    reason_code: str
    allocation_group_id: str | None
    sold_class: str | None = None
    bought_class: str | None = None
    part_name: str | None = None

    @property
    def is_part_swap(self) -> bool:
        """Whether holdings of one class are exchanged for the sake of a part of it."""
        return self.part_name is not None and self.sold_class == self.bought_class


@dataclass(frozen=True, slots=True)
class Order:
    """One security bought or sold in one account, as far as the plan has grown."""

    account_id: str
    security_id: str
    action: str
    quantity: Decimal
    notional: Decimal
    commission: Decimal
    spread_cost: Decimal
    market_impact: Decimal
    lots: tuple[tuple[str, Decimal], ...]
    purposes: tuple[tuple[Purpose, Decimal], ...]

    @property
    def cost(self) -> Decimal:
        """Commission, spread and impact, dollars."""
        return self.commission + self.spread_cost + self.market_impact

    @property
    def main_purpose(self) -> Purpose:
        """The purpose that moves the most dollars; the earliest of equals."""
        return max(self.purposes, key=lambda pair: pair[1])[0]


@dataclass(frozen=True, slots=True)
class TradeLot:
    """Shares of one lot inside a sale, with what they bring and cost in tax.

    Of a loss on shares held six months or less, `recharacterized_loss` (not positive) counts as
    long-term and `disallowed_loss` (not negative) not at all: IRC 852(b)(4).
    """

    lot_id: str
    quantity: Decimal
    acquisition_date: date | None
    holding_period_start_date: date | None
    term: str
    proceeds: Decimal
    cost_basis: Decimal | None
    realized_gain: Decimal | None
    tax_cost: Decimal
    recharacterized_loss: Decimal = Decimal(0)
    disallowed_loss: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Trade:
    """One recommended trade; `tax_cost` is its share of the plan's true tax, see `tax_shares`.

    `lot_instruction` is None for purchases and in accounts where no lot matters for tax.
    """

    account_id: str
    action: str
    security_id: str
    quantity: Decimal
    price: Decimal
    notional: Decimal
    reason_code: str
    rationale: str
    tax_character: str
    realized_short_term_gain: Decimal
    realized_short_term_loss: Decimal
    realized_long_term_gain: Decimal
    realized_long_term_loss: Decimal
    tax_cost: Decimal
    commission: Decimal
    spread_cost: Decimal
    market_impact: Decimal
    order_type: str
    limit_price: Decimal | None
    trade_sequence: int
    asset_class: str
    lots: tuple[TradeLot, ...]
    lot_instruction: LotInstruction | None = None

    @property
    def cost(self) -> Decimal:
        """Commission, spread and impact, dollars."""
        return self.commission + self.spread_cost + self.market_impact


@dataclass(frozen=True, slots=True)
class TaxImpact:
    """What the plan does to one tax unit's year.

    The results of collectibles are the part of the long-term results that comes from them.
    `harvested_loss` is the losses of sales whose reason is HARVEST_LOSS; `wash_sale_exposure` all
    losses that a purchase in the 30 days after the sales could disallow. Neither is negative.
    """

    tax_unit_id: str
    tax_year: int
    realized_short_term_gain: Decimal
    realized_short_term_loss: Decimal
    realized_long_term_gain: Decimal
    realized_long_term_loss: Decimal
    carryforward_used: Decimal
    estimated_tax: Decimal | None
    harvested_loss: Decimal
    wash_sale_exposure: Decimal
    realized_collectibles_gain: Decimal
    realized_collectibles_loss: Decimal


class Wealth(NamedTuple):
    """Dollars after a number of years: as they stand, and once everything is sold and taxed."""

    years: int
    pre_tax: Decimal
    after_tax: Decimal


class RationaleComponent(NamedTuple):
    """What one cause is worth in a trade: dollars for it (positive) or against it.

    `component` is one of the words of RATIONALE_COMPONENTS; `subject` names the class, or the
    target inside one, of a drift. `dollars` is what all of the trade adds to the plan,
    `margin` what it would be if each of its dollars were worth what the last one is.
    """

    component: str
    subject: str | None
    dollars: Decimal
    margin: Decimal


def telling_dollars(components: Sequence[RationaleComponent]) -> tuple[Decimal, ...]:
    """Of each component the dollars that say why a trade is there.

    They are what all of it adds to the plan. Where that is less than nothing, since other trades
    make good in their accounts what this one undoes, its last dollars say why.
    """
    is_worth_it = sum((each.dollars for each in components), Decimal(0)) > 0
    return tuple(each.dollars if is_worth_it else each.margin for each in components)


class Untraded(NamedTuple):
    """A holding that stays although its class has too much, or a purchase that is not made.

    `amount` is dollars of the holding that `reason_code` (one of EXCEPTION_CODES) keeps; the cents
    that a dollar of the trade would cost more than it brings stand where prices alone stop it, with
    the share price below which it would be sold. Part of it may turn long-term by a day; waiting
    until then saves tax.
    """

    account_id: str
    security_id: str
    asset_class: str
    action: str
    reason_code: str
    amount: Decimal | None
    reduced_cost_cents: float | None
    trade_price: Decimal | None
    long_term_date: date | None
    waiting_saves: Decimal | None
    rationale: str


@dataclass(frozen=True, slots=True)
class TradeException:
    """Something left out of tolerance, or considered and not traded, and why."""

    subject: str
    reason_code: str
    rationale: str
    account_id: str | None = None
    security_id: str | None = None
    asset_class: str | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PlanValue:
    """The dollar objective of a plan, term by term; `total` is None where the tax is unknown.

    `location_cost` is what the moved dollars cost more in their new places, for the years of the
    policy; `basis_reset` what lower basis costs, and higher basis saves, in later years;
    `carried_losses` what losses left to later years are worth there (negative: worth something);
    `turnover` the firm's price of trading at all; `concentration` the price of what stands above
    limits, `idle_cash` that of money that trades leave uninvested. They are None where they were
    not asked for, and then are no part of the total.
    """

    tax_change: Decimal | None
    transaction_cost: Decimal
    drift_penalty: Decimal
    shortfall_penalty: Decimal
    location_cost: Decimal | None = None
    basis_reset: Decimal | None = None
    carried_losses: Decimal | None = None
    turnover: Decimal | None = None
    concentration: Decimal | None = None
    idle_cash: Decimal | None = None

    @property
    def total(self) -> Decimal | None:
        """Sum of the terms, dollars; smaller is better."""
        if self.tax_change is None:
            return None
        return (
            self.tax_change
            + self.transaction_cost
            + self.drift_penalty
            + self.shortfall_penalty
            + (self.location_cost or Decimal(0))
            + (self.basis_reset or Decimal(0))
            + (self.carried_losses or Decimal(0))
            + (self.turnover or Decimal(0))
            + (self.concentration or Decimal(0))
            + (self.idle_cash or Decimal(0))
        )


@dataclass(frozen=True, slots=True)
class FrontierPoint:
    """What a budget for the year's tax buys: the drift and the tracking error that stay.

    `tax_budget` is None for the point without one. Dollars; `drift_outside_bands` adds up what
    classes and their parts stand outside their bands.
    """

    tax_budget: Decimal | None
    estimated_tax: Decimal
    drift_outside_bands: Decimal
    tracking_error: float | None
    transaction_cost: Decimal


@dataclass(frozen=True, slots=True)
class Optimality:
    """How a plan was found and what is proved about it.

    `solver_status` is one of the words of SOLVER_STATUSES. `lower_bound` is a verified bound on
    the objective of any plan, `optimality_gap` the distance of this one to it; both in dollars,
    None where nothing is proved. The gap is the sum of what the search left (`search_gap`), of what
    fewer trades of their least sizes cost (`choice_gap`) and of whole shares (`shares_gap`, which
    may be negative). `baseline` is the waterfall's plan, valued in the same way.
    `trade_values` says, by account and security, what the plan loses without the trade, dollars;
    None where no plan could do without it. `baseline_taxes` are the baseline's by tax unit,
    `baseline_trades` the number of its trades. `rationales` holds, by account and security, what
    speaks for and against a trade; absent where no program prices it.
    `stage` is the last kind of sale that was needed.
    """

    planner: str
    solver_status: str
    lower_bound: Decimal | None = None
    optimality_gap: Decimal | None = None
    baseline: PlanValue | None = None
    stage: str | None = None
    programs_solved: int = 0
    trade_values: Mapping[tuple[str, str], Decimal | None] = field(default_factory=dict)
    baseline_taxes: Mapping[str, Decimal | None] = field(default_factory=dict)
    frontier: tuple[FrontierPoint, ...] = ()
    baseline_trades: int | None = None
    rationales: Mapping[tuple[str, str], tuple[RationaleComponent, ...]] = field(
        default_factory=dict
    )
    search_gap: Decimal | None = None
    choice_gap: Decimal | None = None
    shares_gap: Decimal | None = None


# The closed list of how a plan was found.
SOLVER_STATUSES: Mapping[str, str] = {
    "not_run": "Nothing was to be optimised, or the household may not be traded.",
    "optimal": "Proved within the search's tolerance before repair and rounding.",
    "feasible_gap": "The work limit was reached; the gap says how far it may be from the best.",
    "heuristic": "Nothing is proved: the waterfall's plan is published, the optimised one being no "
    "better, or breaking a rule of the checkers, or not found; or its evidence did not hold.",
}


# The paths that a plan is compared with, and itself.
TRADE_NOW = "trade_now"
WAIT = "wait"
PARTIAL = "partial"
DEFER_GAINS = "defer_gains"
ALTERNATIVES: Mapping[str, str] = {
    TRADE_NOW: "Tonight's plan.",
    WAIT: "Nothing tonight but the cash that is needed.",
    PARTIAL: "Tonight's plan before any gain; without gains, in tax-advantaged accounts only.",
    DEFER_GAINS: "Tonight's plan without short-term gains, which are taken once they are long.",
}


@dataclass(frozen=True, slots=True)
class Alternative:
    """One path from tonight to what is planned when contributions in sight have arrived.

    `same_as` names the path whose trades it shares. `trade_count` are tonight's trades; all other
    numbers are of the whole path, on `end_date`: what is left outside bands, tax and cost together,
    `waiting_cost` of the drift borne until then, and `objective_value`, smaller is better (None
    where a tax is unknown), which may be `optimality_gap` above that of the best plans (None where
    the distance of one of its plans is not proved). `verdict` compares all paths in words.
    """

    name: str
    same_as: str | None
    end_date: date
    trade_count: int
    breach_count: int
    drift_outside_bands: Decimal
    largest_drift: Decimal
    tracking_error: float | None
    estimated_tax: Decimal | None
    transaction_cost: Decimal
    waiting_cost: Decimal | None
    objective_value: Decimal | None
    breakeven_years: float | None
    optimality_gap: Decimal | None
    wealth: tuple[Wealth, ...]
    is_recommended: bool = False
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class HouseholdPlan:
    """A finished plan of one household."""

    household_id: str
    run_mode: str
    plan_status: str
    explanation: str
    trades: tuple[Trade, ...]
    tax_impacts: tuple[TaxImpact, ...]
    exceptions: tuple[TradeException, ...]
    value: PlanValue | None
    estimated_tax: Decimal | None
    transaction_cost: Decimal
    tracking_error_before: float | None
    tracking_error_after: float | None
    breakeven_years: float | None
    cash_shortfall: Decimal
    optimality: Optimality | None = None
    alternatives: tuple[Alternative, ...] = ()
    untraded: tuple[Untraded, ...] = ()
