"""Finding the best 0s and 1s of a model's switches: branch and bound on what solutions misuse.

Belongs here: which programs to solve, in which order, when to stop, and what is kept as evidence.
Does not belong here: solving one program (`linear_programs`), what a switch means (`core_model`),
small trades and tickets (`repair`), checking the evidence (`certificate`). A program without
conflict is as good as one with 0s and 1s, so most switches are never branched on. Limits count
programs, never time, and ties fall to the lower number: the same model gives the same result.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from python_steps.optimizer.certificate import Leaf
from python_steps.optimizer.linear_model import (
    UNBOUNDED,
    Floats,
    LinearModel,
    Side,
    Switch,
)
from python_steps.optimizer.linear_programs import LinearPrograms

SearchStatus = Literal["optimal", "gap", "no_incumbent", "infeasible", "failed"]
MOST_PROGRAMS = 400
_NOTHING: Floats = np.zeros(0)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The best solution found, and what proves how good it is; thousand dollars.

    `values` and `objective` are those of the model with every switch fixed as in `fixed`, not of
    a relaxation. `lower_bound` is as the solver sees it; `certificate` derives it again from
    `leaves`. `optimal`: the objective is at most the tolerance above the bound. `gap`: it is
    not, since the programs ran out or one failed. `no_incumbent`: nothing found before either.
    `failed`: not even the first program could be solved. Without a solution `values` and `fixed`
    are empty and `objective` is infinite.
    """

    status: SearchStatus
    values: Floats
    objective: float
    lower_bound: float
    fixed: Mapping[int, float]
    leaves: tuple[Leaf, ...]
    programs_solved: int


def search(
    model: LinearModel,
    programs: LinearPrograms,
    *,
    tolerance: float,
    most_programs: int = MOST_PROGRAMS,
    cutoff: float = UNBOUNDED,
) -> SearchResult:
    """Best 0s and 1s for a model's switches, to within a tolerance.

    Args:
        model: the model loaded into `programs`, or one that differs from it in bounds only.
        programs: the solver.
        tolerance: thousand dollars the result may lie above the optimum.
        most_programs: programs after which no further branch is opened.
        cutoff: thousand dollars above which no solution is of use; where none can be below it,
            the result may be `no_incumbent`.
    """
    return _Search(model, programs, tolerance, most_programs, cutoff).result()


def fitted(model: LinearModel, values: Floats) -> dict[int, float]:
    """Every switch's column with the 0 or 1 of the side that a solution uses more."""
    return SwitchSides(model.switches).fitted(values)


def fixed_bounds(model: LinearModel, fixed: Mapping[int, float]) -> tuple[Floats, Floats]:
    """The model's bounds with columns fixed at values."""
    lower, upper = model.lower.copy(), model.upper.copy()
    for column, value in fixed.items():
        lower[column] = upper[column] = value
    return lower, upper


class SwitchSides:
    """All sides of all switches as flat arrays: their amounts are taken at every node."""

    def __init__(self, switches: Sequence[Switch]) -> None:
        self._columns = np.asarray([switch.column for switch in switches], dtype=np.intp)
        self.position = {switch.column: number for number, switch in enumerate(switches)}
        self._thresholds = np.asarray([switch.threshold for switch in switches])
        self._worths = np.asarray([switch.worth for switch in switches])
        sides = [switch.when_zero for switch in switches] + [switch.when_one for switch in switches]
        self._constants = np.asarray([side.constant for side in sides])
        self._of_entry, self._entry_columns, self._weights = _flat(sides)

    def amounts(self, values: Floats) -> tuple[Floats, Floats]:
        """Amount on the side of 0 and on the side of 1, per switch."""
        count = len(self._columns)
        weighted = self._weights * values[self._entry_columns]
        sums: Floats = np.bincount(self._of_entry, weighted, 2 * count) + self._constants
        return sums[:count], sums[count:]

    def conflicts(self, zeros: Floats, ones: Floats) -> Floats:
        """Thousand dollars at stake where both sides are used, per switch."""
        smaller = np.minimum(zeros, ones)
        return np.where(smaller > self._thresholds, smaller * self._worths, 0.0)

    def leftovers(self, zeros: Floats, ones: Floats) -> Floats:
        """As `conflicts`, for uses of both sides that are too small to count as one."""
        leftovers: Floats = np.maximum(np.minimum(zeros, ones), 0.0) * self._worths
        return leftovers

    def fitted(self, values: Floats) -> dict[int, float]:
        """Switch columns with the side used more; 0 where neither is."""
        zeros, ones = self.amounts(values)
        chosen = (ones > zeros).astype(np.float64)
        return dict(zip(self._columns.tolist(), chosen.tolist(), strict=True))

    def with_fitted(self, values: Floats) -> Floats:
        """A solution whose switches stand on the side that it uses more."""
        zeros, ones = self.amounts(values)
        fitted = values.copy()
        fitted[self._columns] = ones > zeros
        return fitted

    def most_disputed(
        self, values: Floats, lower: Floats, upper: Floats, in_use: float
    ) -> int | None:
        """Column of the switch, not fixed by its bounds, with most at stake on both sides."""
        smaller = np.minimum(*self.amounts(values))
        is_free = lower[self._columns] < upper[self._columns]
        disputed = np.where(is_free & (smaller > in_use), smaller * self._worths, 0.0)
        return self.column(int(np.argmax(disputed))) if disputed.any() else None

    def column(self, number: int) -> int:
        """Column of a switch."""
        return int(self._columns[number])


def _flat(
    sides: Iterable[Side],
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Floats]:
    numbers: list[int] = []
    columns: list[int] = []
    weights: list[float] = []
    for number, side in enumerate(sides):
        numbers += [number] * len(side.columns)
        columns += side.columns
        weights += side.weights
    return (
        np.asarray(numbers, dtype=np.intp),
        np.asarray(columns, dtype=np.intp),
        np.asarray(weights, dtype=np.float64),
    )


@dataclass(slots=True)
class _Node:
    """A part of the 0/1 space: its program's solution, or none (then `values` is empty)."""

    number: int
    fixed: dict[int, float]
    bound: float
    row_duals: Floats
    values: Floats
    is_solved: bool = False
    is_infeasible: bool = False

    def leaf(self) -> Leaf:
        return Leaf(self.fixed, self.row_duals, self.is_infeasible)


@dataclass(slots=True)
class _Incumbent:
    """The best solution with every switch at 0 or 1."""

    objective: float = UNBOUNDED
    values: Floats = field(default_factory=lambda: _NOTHING)
    fixed: dict[int, float] = field(default_factory=dict)


class _Search:
    """One search: nodes that wait, leaves, and the best solution so far."""

    def __init__(
        self,
        model: LinearModel,
        programs: LinearPrograms,
        tolerance: float,
        most_programs: int,
        cutoff: float,
    ) -> None:
        self._model = model
        self._programs = programs
        self._tolerance = tolerance
        self._most_programs = most_programs
        self._cutoff = cutoff
        self._solved_before = programs.programs_solved
        self._sides = SwitchSides(model.switches)
        self._waiting: list[tuple[float, int, _Node]] = []
        self._closed: list[_Node] = []
        self._best = _Incumbent()
        self._nodes_made = 0

    def result(self) -> SearchResult:
        """Search to the end and sum up."""
        root = self._node({}, None)
        if not root.is_solved and not root.is_infeasible:
            return _failed(self._solved())
        self._plunge(root)
        while self._waiting and self._may_branch():
            _, _, node = heapq.heappop(self._waiting)
            self._plunge(node)
        if not self._has_found() and self._bound() < self._cutoff:
            self._dive()
        return self._summed_up()

    def _plunge(self, node: _Node) -> None:
        """Branch on a node, then on its better child, until that one is settled."""
        following: _Node | None = node
        while following is not None:
            switch = self._branches_on(following)
            if switch is None:
                self._closed.append(following)
                return
            if not self._may_branch():
                self._wait(following)
                return
            following = self._better_child(following, self._sides.column(switch))

    def _better_child(self, node: _Node, column: int) -> _Node | None:
        """Solve both children, put the worse one by, and return the one to go on with."""
        children = [self._node({**node.fixed, column: value}, node) for value in (0.0, 1.0)]
        going_on = [child for child in children if child.is_solved]
        going_on.sort(key=lambda child: (child.bound, child.number))
        self._closed += [child for child in children if not child.is_solved]
        for child in going_on[1:]:
            self._wait(child)
        return going_on[0] if going_on else None

    def _branches_on(self, node: _Node) -> int | None:
        """Number of the switch that decides most at a node; None where nothing is left open."""
        if not node.is_solved or self._is_settled(node.bound):
            return None
        zeros, ones = self._sides.amounts(node.values)
        is_free = np.ones(len(zeros), dtype=bool)
        is_free[[self._sides.position[column] for column in node.fixed]] = False
        conflicts = np.where(is_free, self._sides.conflicts(zeros, ones), 0.0)
        if conflicts.any():
            return int(np.argmax(conflicts))
        self._try_fitted(node)
        if self._is_settled(node.bound) or not is_free.any():
            return None
        # Without conflict, the 0s and 1s that fit should cost nothing. Where they do, something
        # that was too small to count as a conflict needs both sides.
        leftovers = np.where(is_free, self._sides.leftovers(zeros, ones), 0.0)
        return int(np.argmax(leftovers if leftovers.any() else is_free))

    def _try_fitted(self, node: _Node) -> None:
        """The solution nearest to a node's that has every switch at 0 or 1."""
        if len(node.fixed) == len(self._model.switches):
            self._offer(node.fixed, node.bound, node.values)
        else:
            self._try({**self._sides.fitted(node.values), **node.fixed})

    def _try(self, fixed: dict[int, float]) -> None:
        lower, upper = fixed_bounds(self._model, fixed)
        solution = self._programs.solve(lower, upper, with_prices=False)
        if solution.status == "optimal":
            self._offer(fixed, solution.objective, solution.values)

    def _offer(self, fixed: dict[int, float], objective: float, values: Floats) -> None:
        if objective < self._best.objective:
            self._best = _Incumbent(objective, values, fixed)

    def _dive(self) -> None:
        """Without a solution when the programs run out, three simple guesses are worth trying.

        Each switch in conflict gets the side used more; or all of them 1; or all of them 0.
        """
        solved = [node for node in self._nodes() if node.is_solved]
        if not solved:
            return
        node = min(solved, key=lambda node: (node.bound, node.number))
        fitting = self._sides.fitted(node.values)
        conflicts = self._sides.conflicts(*self._sides.amounts(node.values))
        disputed = [self._sides.column(int(number)) for number in np.flatnonzero(conflicts)]
        for guess in ({}, dict.fromkeys(disputed, 1.0), dict.fromkeys(disputed, 0.0)):
            self._try({**fitting, **guess, **node.fixed})
            if self._has_found():
                return

    def _node(self, fixed: dict[int, float], parent: _Node | None) -> _Node:
        """Solve a part of the 0/1 space; where that fails, what bounds its parent bounds it."""
        solution = self._programs.solve(*fixed_bounds(self._model, fixed))
        number = self._nodes_made
        self._nodes_made += 1
        if solution.status == "infeasible":
            return _Node(number, fixed, UNBOUNDED, solution.row_duals, _NOTHING, is_infeasible=True)
        if solution.status == "optimal":
            return _Node(
                number,
                fixed,
                solution.objective,
                solution.row_duals,
                solution.values,
                is_solved=True,
            )
        if parent is None:
            return _Node(number, fixed, -UNBOUNDED, _NOTHING, _NOTHING)
        return _Node(number, fixed, parent.bound, parent.row_duals, _NOTHING)

    def _wait(self, node: _Node) -> None:
        heapq.heappush(self._waiting, (node.bound, node.number, node))

    def _is_settled(self, bound: float) -> bool:
        return bound >= min(self._best.objective - self._tolerance, self._cutoff)

    def _has_found(self) -> bool:
        return self._best.objective < UNBOUNDED

    def _solved(self) -> int:
        return self._programs.programs_solved - self._solved_before

    def _may_branch(self) -> bool:
        return self._solved() + 2 <= self._most_programs

    def _nodes(self) -> list[_Node]:
        """All leaves, those that wait included, in the order in which they were made."""
        nodes = [*self._closed, *(node for _, _, node in self._waiting)]
        return sorted(nodes, key=lambda node: node.number)

    def _bound(self) -> float:
        """What no solution is below, as the solver sees it."""
        return min(node.bound for node in self._nodes())

    def _summed_up(self) -> SearchResult:
        nodes, bound = self._nodes(), self._bound()
        return SearchResult(
            self._status(bound),
            self._best.values,
            self._best.objective,
            min(bound, self._best.objective),
            self._best.fixed,
            tuple(node.leaf() for node in nodes),
            self._solved(),
        )

    def _status(self, bound: float) -> SearchStatus:
        if self._has_found():
            is_settled = bound >= self._best.objective - self._tolerance
            return "optimal" if is_settled else "gap"
        return "infeasible" if bound == UNBOUNDED else "no_incumbent"


def _failed(programs_solved: int) -> SearchResult:
    return SearchResult("failed", _NOTHING, UNBOUNDED, -UNBOUNDED, {}, (), programs_solved)
