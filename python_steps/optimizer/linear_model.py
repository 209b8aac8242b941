"""A linear program with switches, as plain arrays: a household's problem as a solver sees it.

Belongs here: collecting columns and rows into sparse arrays, and the description of a switch (a
column that must be 0 or 1 although the program treats it as anything between). Does not belong
here: what a column stands for in a household (`core_model`), solving (`linear_programs`, `search`).
Amounts are thousands of dollars and the objective is, too: one absolute tolerance then suits every
household, which a share of the household's value would not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int32]

UNBOUNDED = float("inf")
DOLLARS_PER_UNIT = 1000.0
# What is this small the solver would not take (and drop): a lot that stands a billionth from its
# basis. Of $100 million it is ten cents.
SMALLEST_ENTRY = 1e-9


@dataclass(frozen=True, slots=True)
class Side:
    """A sum over columns that tells how far a solution uses one side of a switch.

    `columns` with `weights` give the amount in thousand dollars (plus `constant`).
    """

    columns: tuple[int, ...]
    weights: tuple[float, ...]
    constant: float = 0.0


@dataclass(frozen=True, slots=True)
class Switch:
    """A column that is 0 or 1, and what a solution may only do on one side of it.

    A solution uses both sides when `when_zero` and `when_one` are both above `threshold`: it
    does what no 0 and no 1 allows. While one of them is not, some 0 or 1 fits the solution.
    `worth` turns the smaller amount into thousand dollars of objective at stake (for branching).
    """

    name: str
    column: int
    when_zero: Side
    when_one: Side
    threshold: float
    worth: float


@dataclass(frozen=True, slots=True)
class LinearModel:
    """Minimise `offset + cost·x` with `row_lower <= A x <= row_upper` and `lower <= x <= upper`.

    A is stored by columns: the entries of column j are `values[starts[j]:starts[j + 1]]` in the
    rows `rows[...]`. Every column has finite bounds, so that a bound by weak duality needs no
    solver. Names are for people and tests.
    """

    cost: Floats
    lower: Floats
    upper: Floats
    row_lower: Floats
    row_upper: Floats
    starts: Integers
    rows: Integers
    values: Floats
    switches: tuple[Switch, ...]
    offset: float
    column_names: tuple[str, ...]
    row_names: tuple[str, ...]

    @property
    def column_count(self) -> int:
        """Number of columns."""
        return len(self.cost)

    @property
    def row_count(self) -> int:
        """Number of rows."""
        return len(self.row_lower)

    def row_activities(self, solution: Floats) -> Floats:
        """A x of a solution."""
        column_of_entry = np.repeat(np.arange(self.column_count), np.diff(self.starts))
        activities = np.zeros(self.row_count)
        np.add.at(activities, self.rows, self.values * solution[column_of_entry])
        return activities


@dataclass
class ModelBuilder:
    """Collects columns and rows one after the other; their order is the canonical order."""

    offset: float = 0.0
    _costs: list[float] = field(default_factory=list)
    _lower: list[float] = field(default_factory=list)
    _upper: list[float] = field(default_factory=list)
    _column_names: list[str] = field(default_factory=list)
    _row_lower: list[float] = field(default_factory=list)
    _row_upper: list[float] = field(default_factory=list)
    _row_names: list[str] = field(default_factory=list)
    _entries: list[tuple[int, float]] = field(default_factory=list)
    _row_ends: list[int] = field(default_factory=list)
    _switches: list[Switch] = field(default_factory=list)

    def column(self, name: str, *, upper: float, cost: float = 0.0, lower: float = 0.0) -> int:
        """Add a column and return its number.

        Raises:
            ValueError: a bound is not finite or the bounds cross.
        """
        if not (lower <= upper < UNBOUNDED and lower > -UNBOUNDED):
            raise ValueError(f"column {name}: bounds {lower} to {upper} are not finite in order")
        self._costs.append(cost)
        self._lower.append(lower)
        self._upper.append(upper)
        self._column_names.append(name)
        return len(self._costs) - 1

    def row(
        self,
        name: str,
        entries: Iterable[tuple[int, float]],
        *,
        lower: float = -UNBOUNDED,
        upper: float = UNBOUNDED,
    ) -> int:
        """Add a row and return its number; entries of nothing, or next to it, are left out."""
        self._entries += entries
        self._row_ends.append(len(self._entries))
        self._row_lower.append(lower)
        self._row_upper.append(upper)
        self._row_names.append(name)
        return len(self._row_lower) - 1

    def switch(self, switch: Switch) -> None:
        """Add a switch; its column must have the bounds 0 and 1."""
        self._switches.append(switch)

    def upper_of(self, column: int) -> float:
        """Upper bound of a column."""
        return self._upper[column]

    @property
    def column_count(self) -> int:
        """Number of columns so far."""
        return len(self._costs)

    def model(self, more_cost: Floats | None = None) -> LinearModel:
        """The finished arrays.

        Args:
            more_cost: by column, cost beyond what the columns were added with.
        """
        flat = np.fromiter(chain.from_iterable(self._entries), np.float64, 2 * len(self._entries))
        values = flat[1::2]
        kept = np.flatnonzero(np.abs(values) > SMALLEST_ENTRY)
        columns = flat[::2][kept].astype(np.int32)
        # Stable, so that the rows of a column stay in the order in which they were added.
        order = np.argsort(columns, kind="stable")
        rows = np.searchsorted(self._row_ends, kept[order], side="right")
        counts = np.bincount(columns, minlength=len(self._costs))
        starts = np.zeros(len(self._costs) + 1, dtype=np.int32)
        np.cumsum(counts, out=starts[1:])
        return LinearModel(
            cost=np.asarray(self._costs) + (0.0 if more_cost is None else more_cost),
            lower=np.asarray(self._lower),
            upper=np.asarray(self._upper),
            row_lower=np.asarray(self._row_lower),
            row_upper=np.asarray(self._row_upper),
            starts=starts,
            rows=rows.astype(np.int32),
            values=values[kept[order]],
            switches=tuple(self._switches),
            offset=self.offset,
            column_names=tuple(self._column_names),
            row_names=tuple(self._row_names),
        )


def side_of(columns: Sequence[int], weight: float = 1.0) -> Side:
    """A side that adds up columns, each with the same weight."""
    return Side(tuple(columns), (weight,) * len(columns))
