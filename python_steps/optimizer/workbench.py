"""One household's model under repair: solutions with trades closed or held at their least size.

Belongs here: the bounds that a repair moves, and the switches that must follow. Does not belong
here: deciding which trades to close or hold (`minimum_trades`, `repair`). Wash-sale switches stay
as the search left them. Two kinds follow the trades, or a plan without one of them could not be
told: those of the tax return (without its loss a plan may have a net gain), and those of a standing
lot method (a smaller sale ends at an earlier lot). Thousand dollars.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from python_steps.optimizer.linear_model import Floats, LinearModel, Switch
from python_steps.optimizer.linear_programs import Floors, LinearPrograms, LinearSolution
from python_steps.optimizer.search import SwitchSides, fixed_bounds
from python_steps.optimizer.trade_groups import Mask, TradeGroup, TradeSizes

# Both sides of a switch are in use above this, which is what the solver lets through anyway.
_IN_USE = 1e-7


@dataclass(frozen=True, slots=True)
class Plan:
    """A solution under repair: which trades are open to it, which are held at their least size."""

    values: Floats
    sizes: Floats
    objective: float
    tickets: float
    is_open: Mask
    is_floored: Mask

    @property
    def total(self) -> float:
        """Objective and tickets."""
        return self.objective + self.tickets


class Workbench:
    """A model with its trades, and the solver that repairs them.

    Attributes:
        trades: sizes and rules of the trades.
        was_failure: whether the solver ever gave no verdict.
    """

    def __init__(
        self,
        model: LinearModel,
        programs: LinearPrograms,
        fixed: Mapping[int, float],
        groups: Sequence[TradeGroup],
    ) -> None:
        self.trades = TradeSizes(model, groups)
        self.was_failure = False
        self._model = model
        self._programs = programs
        self._orders = _lot_orders(model.switches, groups)
        ordered = {column for columns in self._orders.values() for column in columns}
        traded = {column for group in groups for column in group.columns}
        following = [
            switch
            for switch in model.switches
            if switch.column in ordered or not traded & _touched(switch)
        ]
        self._following = SwitchSides(following)
        self._lower, self._upper = fixed_bounds(model, fixed)
        for switch in following:
            self._lower[switch.column] = model.lower[switch.column]
            if switch.column not in ordered:
                self._upper[switch.column] = model.upper[switch.column]

    def plan(self, is_open: Mask, is_floored: Mask, surcharge: Floats | None = None) -> Plan | None:
        """The best solution that trades only what is open and of what is floored enough.

        Args:
            is_open: trades that may happen.
            is_floored: trades that must have at least their least size.
            surcharge: cost per trade and thousand dollars that steers the solution; the plan's
                objective is without it.

        Returns:
            None where nothing satisfies this, or the solver gives no verdict.
        """
        trades, model = self.trades, self._model
        cost = model.cost
        if surcharge is not None:
            cost = cost + trades.spread(surcharge, model.column_count)
        lower, upper, floors = self._bounds(is_open, is_floored)
        solution = self._settled(lower, upper, cost, floors)
        if solution is None:
            return None
        values = self._following.with_fitted(solution.values)
        objective = float(model.cost @ values) + model.offset
        sizes = trades.sizes(values)
        return Plan(values, sizes, objective, trades.ticket_costs(sizes), is_open, is_floored)

    def solved(self) -> int:
        """Programs solved on the loaded model so far."""
        return self._programs.programs_solved

    def _bounds(self, is_open: Mask, is_floored: Mask) -> tuple[Floats, Floats, Floors]:
        """Bounds of the columns, and least sums of those trades that have several."""
        trades = self.trades
        lower, upper = self._lower.copy(), self._upper.copy()
        closed = trades.columns_of(~is_open)
        upper[closed] = lower[closed]
        floors: dict[tuple[int, ...], float] = {}
        for number in np.flatnonzero(is_floored).tolist():
            least = float(min(trades.least[number], trades.most[number]))
            columns = trades.groups[number].columns
            if len(columns) == 1:
                lower[columns[0]] = least
            else:
                floors[columns] = least
            # A sale that must grow may need later lots than it has so far.
            following = list(self._orders.get(number, ()))
            upper[following] = self._model.upper[following]
        return lower, upper, floors

    def _settled(
        self, lower: Floats, upper: Floats, cost: Floats, floors: Floors
    ) -> LinearSolution | None:
        """The solution once no switch that follows is used on both sides.

        The one with most at stake is tried on either side and stays on the better one.
        """
        solution = self._solved(lower, upper, cost, floors)
        while solution is not None:
            column = self._following.most_disputed(solution.values, lower, upper, _IN_USE)
            if column is None:
                return solution
            tried = []
            for side in (0.0, 1.0):
                if side <= upper[column]:
                    below, above = lower.copy(), upper.copy()
                    below[column] = above[column] = side
                    found = self._solved(below, above, cost, floors)
                    tried += [(found.objective, below, above, found)] if found else []
            if not tried:
                return None
            _, lower, upper, solution = min(tried, key=lambda one: one[0])
        return None

    def _solved(
        self, lower: Floats, upper: Floats, cost: Floats, floors: Floors
    ) -> LinearSolution | None:
        solution = self._programs.solve(lower, upper, cost, floors, with_prices=False)
        self.was_failure |= solution.status == "failed"
        return solution if solution.status == "optimal" else None


def _touched(switch: Switch) -> set[int]:
    return {*switch.when_zero.columns, *switch.when_one.columns}


def _lot_orders(
    switches: Sequence[Switch], groups: Sequence[TradeGroup]
) -> dict[int, tuple[int, ...]]:
    """Switch columns by number of the trade whose own lots they put in order."""
    group_of = {column: number for number, group in enumerate(groups) for column in group.columns}
    orders: dict[int, tuple[int, ...]] = {}
    for switch in switches:
        owners = {group_of.get(column) for column in _touched(switch)}
        if len(owners) == 1 and (owner := owners.pop()) is not None:
            orders[owner] = (*orders.get(owner, ()), switch.column)
    return orders
