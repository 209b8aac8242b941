"""A household's model while its parts are added: columns by trade, prices by term, stages.

Belongs here: what every part of the model shares. Does not belong here: any constraint or price
(they are in the modules named after them), solving. Columns and rows are thousands of dollars.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from python_steps.optimizer.core_problem import CoreProblem, Stage
from python_steps.optimizer.linear_model import (
    DOLLARS_PER_UNIT,
    Floats,
    LinearModel,
    ModelBuilder,
)
from python_steps.optimizer.prices import ObjectivePrices
from python_steps.planning.costs import CostModel, ImpactLaw

CENT_OF_UNIT = 0.01 / DOLLARS_PER_UNIT
TERMS = (
    "tax",
    "carried_losses",
    "basis_reset",
    "cost",
    "drift",
    "location",
    "turnover",
    "idle_cash",
    "concentration",
    "shortfall",
    "other",
)


class Deviation(NamedTuple):
    """The columns by which a target's value stands above and below it, innermost first.

    `asset_class` is None for a target inside a class; `outside` are those beyond its band.
    """

    group_id: str
    asset_class: str | None
    above: tuple[int, ...]
    below: tuple[int, ...]
    outside: tuple[int, ...]


class Room(NamedTuple):
    """What a solution may use: stages up to one, a budget for tax, and the last resort.

    `tax_budget` is the most that the plan may add to the year's tax, dollars; `is_last_resort`
    whether gains that are not allowed may raise needed cash.
    """

    stage: Stage
    tax_budget: float | None = None
    is_last_resort: bool = False


@dataclass(frozen=True)
class CoreModel:
    """The program, and where a household's trades and terms are in it.

    `sale_columns` and `purchase_columns` follow the problem's sales and purchases. `terms` holds
    the objective coefficients of every term by itself; `stage_columns` the columns that are open
    only from a stage on; `wanting_columns` measure what a plan leaves amiss: targets outside
    their bands, limits exceeded, cash missing. `tax_slack` is the column that opens room for the
    year's tax and the tax, thousand dollars beyond not trading, with no room at all; None where
    nothing taxed may be sold. `never_open` are columns that no stage may use, only whole shares.
    `last_resort` are gains that household or firm do not allow, or beyond the yearly budget, in
    accounts that need cash: they are open only where nothing else can raise it. `missing_columns`
    measure cash that is missing; `order_switches` belong to standing lot methods.
    """

    problem: CoreProblem
    model: LinearModel
    sale_columns: tuple[int, ...]
    purchase_columns: tuple[int, ...]
    terms: Mapping[str, Floats]
    term_offsets: Mapping[str, float]
    stage_columns: Mapping[Stage, tuple[int, ...]]
    wanting_columns: tuple[int, ...]
    tax_slack: tuple[int, float] | None
    never_open: tuple[int, ...]
    deviations: tuple[Deviation, ...]
    last_resort: tuple[int, ...]
    missing_columns: tuple[int, ...]
    order_switches: frozenset[int]

    def upper_within(self, room: Room) -> Floats:
        """Upper bounds with everything closed that the room does not hold."""
        upper = self.model.upper.copy()
        if room.tax_budget is not None and self.tax_slack is not None:
            column, least = self.tax_slack
            upper[column] = min(upper[column], max(0.0, room.tax_budget / DOLLARS_PER_UNIT - least))
        upper[list(self.never_open)] = 0.0
        if not room.is_last_resort:
            upper[list(self.last_resort)] = 0.0
        for other, columns in self.stage_columns.items():
            if other > room.stage:
                upper[list(columns)] = 0.0
        return upper

    def components(self, values: Floats) -> dict[str, float]:
        """Each term of the objective at a solution, dollars."""
        return {
            name: DOLLARS_PER_UNIT
            * (float(self.terms[name] @ values) + self.term_offsets.get(name, 0.0))
            for name in TERMS
        }


class TradeColumn(NamedTuple):
    """A trade's column: `sign` is 1 where the account buys, -1 where it sells.

    `brings` is the cash that a dollar of the trade brings, half of the spread paid.
    """

    sign: float
    account_id: str
    security_id: str
    column: int
    brings: float


class Assembly:
    """The model while its parts are added."""

    def __init__(self, problem: CoreProblem, prices: ObjectivePrices, costs: CostModel) -> None:
        self.problem = problem
        self.prices = prices
        self.costs = costs
        self.builder = ModelBuilder()
        self.buffer = float(prices.policy.execution_buffer)
        self.sale_columns: list[int] = []
        self.purchase_columns: list[int] = []
        self.trades: list[TradeColumn] = []
        self.trades_of_account: dict[str, list[TradeColumn]] = defaultdict(list)
        # What market impact takes of the cash: by trade where it has one rate, else by chord.
        self.impact_rates: dict[int, float] = {}
        self.chords_of_account: dict[str, list[tuple[int, float]]] = defaultdict(list)
        due = {group.allocation_group_id for group in problem.groups}
        self.group_of_account: dict[str, str | None] = {}
        for account in problem.household.accounts:
            group = problem.index.group_of(account.account_id)
            known = None if group is None else group.allocation_group_id
            self.group_of_account[account.account_id] = known if known in due else None
        self._half_spreads: dict[str, float] = {}
        self._impact_laws: dict[str, ImpactLaw] = {}
        self._class_weights: dict[str, tuple[tuple[str, float], ...]] = {}
        self._location_costs: dict[tuple[str, str], float] = {}
        self.term_costs: dict[str, tuple[list[int], list[float]]] = {
            name: ([], []) for name in TERMS
        }
        self.term_offsets: dict[str, float] = {}
        self.stages: dict[Stage, list[int]] = defaultdict(list)
        self.wanting: list[int] = []
        self.tax_slack: tuple[int, float] | None = None
        self.never_open: list[int] = []
        self.last_resort: list[int] = []
        self.missing: list[int] = []
        self.order_switches: list[int] = []
        self.deviations: list[Deviation] = []

    def trade(self, name: str, sign: float, account_id: str, security_id: str, upper: float) -> int:
        """Add a trade's column, dollars sold or bought, and return its number."""
        column = self.builder.column(name, upper=upper)
        brings = -sign * (1.0 + sign * self.half_spread(security_id))
        trade = TradeColumn(sign, account_id, security_id, column, brings)
        self.trades.append(trade)
        self.trades_of_account[account_id].append(trade)
        return column

    def price(self, term: str, column: int, cost: float) -> None:
        """Put a term's cost on a column."""
        if cost != 0.0:
            self.price_all(term, (column,), (cost,))

    def price_all(self, term: str, columns: Iterable[int], costs: Iterable[float]) -> None:
        """Put a term's costs on columns, one each."""
        known_columns, known_costs = self.term_costs[term]
        known_columns += columns
        known_costs += costs

    def half_spread(self, security_id: str) -> float:
        """Half-spread of a security, share of its price."""
        known = self._half_spreads.get(security_id)
        if known is None:
            known = self._half_spreads[security_id] = self.problem.half_spread(security_id)
        return known

    def impact_law(self, security_id: str) -> ImpactLaw:
        """Market impact of an order in a security."""
        known = self._impact_laws.get(security_id)
        if known is None:
            known = self.costs.impact_law(self.problem.security(security_id))
            self._impact_laws[security_id] = known
        return known

    def class_weights(self, security_id: str) -> tuple[tuple[str, float], ...]:
        """The classes that a security is made of."""
        known = self._class_weights.get(security_id)
        if known is None:
            weights = self.problem.security(security_id).class_weights
            known = tuple((name, float(weight)) for name, weight in weights)
            self._class_weights[security_id] = known
        return known

    def location_cost(self, account_id: str, security_id: str) -> float:
        """Present cost of holding a dollar of a security in an account."""
        key = (account_id, security_id)
        known = self._location_costs.get(key)
        if known is None:
            account, security = self.problem.account(account_id), self.problem.security(security_id)
            known = self._location_costs[key] = self.prices.location_cost(account, security)
        return known

    def constant(self, term: str, amount: float) -> None:
        """Put a constant into the objective."""
        self.builder.offset += amount
        self.term_offsets[term] = self.term_offsets.get(term, 0.0) + amount

    def finished(self) -> CoreModel:
        """The model."""
        by_term = self._costs_by_term()
        model = self.builder.model(by_term.sum(axis=0))
        return CoreModel(
            problem=self.problem,
            model=model,
            sale_columns=tuple(self.sale_columns),
            purchase_columns=tuple(self.purchase_columns),
            terms=dict(zip(TERMS, by_term, strict=True)),
            term_offsets=self.term_offsets,
            stage_columns={stage: tuple(columns) for stage, columns in self.stages.items()},
            wanting_columns=tuple(self.wanting),
            tax_slack=self.tax_slack,
            never_open=tuple(self.never_open),
            deviations=tuple(self.deviations),
            last_resort=tuple(self.last_resort),
            missing_columns=tuple(self.missing),
            order_switches=frozenset(self.order_switches),
        )

    def _costs_by_term(self) -> Floats:
        """A row of costs by column for each term, in the order of `TERMS`."""
        count = self.builder.column_count
        costs: Floats = np.zeros((len(TERMS), count))
        for row, name in zip(costs, TERMS, strict=True):
            columns, of_columns = self.term_costs[name]
            if columns:
                row += np.bincount(columns, weights=of_columns, minlength=count)
        return costs
