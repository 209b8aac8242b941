"""Proof that no solution of a model is better than a bound, checked without any solver.

Belongs here: weak duality over the leaves of a search, with every rounding error counted. Does
not belong here: finding leaves (`search`), or judging that the model describes the household.
Any prices give a valid bound (good prices a tight one), so a solver's mistakes can cost tightness,
never truth. Source: weak duality with safe bounds after Neumaier and Shcherbina (2004).

Rounding: exact fractions would take some 25 ms per household. Instead, each reduced cost carries
an a-priori error bound (a sum of k products in any order errs by less than (k + 2) units in the
last place of the sum of magnitudes), the worst corner of that interval and of the column's bounds
is taken, each product is pushed down by one unit in the last place, and the total is added
exactly by `math.fsum`. The result is below the true bound for every input.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from python_steps.optimizer.linear_model import UNBOUNDED, Floats, LinearModel

# Twice the unit roundoff: the factor of two covers second-order terms and the rounding of the
# error bound itself.
_ROUNDING = 2.0**-52
# More than all underflow in a sum can amount to.
_UNDERFLOW = 1e-290


class CertificateError(ValueError):
    """The evidence does not prove a bound; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part of the switches' 0/1 space and the row prices that bound everything in it.

    `fixed` holds the switch columns set on the way to it. Where `is_infeasible`, the prices are
    a ray that proves it empty.
    """

    fixed: Mapping[int, float]
    row_duals: Floats
    is_infeasible: bool


def verified_lower_bound(model: LinearModel, leaves: Sequence[Leaf]) -> float:
    """The least objective that any solution with switches at 0 or 1 can have, proven.

    Args:
        model: the model, ideally built afresh from the household.
        leaves: parts that together cover every 0/1 setting of the switches.

    Returns:
        Thousand dollars including the model's offset; infinite where no solution exists.

    Raises:
        CertificateError: the leaves leave a setting uncovered, prices do not belong to the model,
            or an allegedly empty leaf is not proven empty.
    """
    _refuse_unusable(model, leaves)
    missing = _uncovered([dict(leaf.fixed) for leaf in leaves], {})
    if missing is not None:
        raise CertificateError(f"no leaf covers {_told(model, missing)}")
    arithmetic = _Arithmetic(model)
    return min(_leaf_bound(model, arithmetic, leaf) for leaf in leaves)


def _leaf_bound(model: LinearModel, arithmetic: _Arithmetic, leaf: Leaf) -> float:
    lower, upper = model.lower.copy(), model.upper.copy()
    for column, value in leaf.fixed.items():
        if not lower[column] <= value <= upper[column]:
            return UNBOUNDED
        lower[column] = upper[column] = value
    if not leaf.is_infeasible:
        return arithmetic.bound(leaf.row_duals, model.cost, model.offset, lower, upper)
    nothing = np.zeros(model.column_count)
    if arithmetic.bound(leaf.row_duals, nothing, 0.0, lower, upper) <= 0.0:
        raise CertificateError(f"the ray does not prove {_told(model, leaf.fixed)} empty")
    return UNBOUNDED


class _Arithmetic:
    """Weak duality for one model, rounded towards a lower bound."""

    def __init__(self, model: LinearModel) -> None:
        entries = np.diff(model.starts)
        self._model = model
        self._column_of_entry = np.repeat(np.arange(model.column_count), entries)
        self._magnitudes = np.abs(model.values)
        self._relative_error = (entries + 4.0) * _ROUNDING
        self._no_lower = np.isneginf(model.row_lower)
        self._no_upper = np.isposinf(model.row_upper)

    def bound(
        self, prices: Floats, cost: Floats, offset: float, lower: Floats, upper: Floats
    ) -> float:
        """A number that `offset + cost·x` does not undercut within rows and bounds."""
        prices = np.where(self._no_lower, np.minimum(prices, 0.0), prices)
        prices = np.where(self._no_upper, np.maximum(prices, 0.0), prices)
        low, high = self._reduced_costs(prices, cost)
        corners = np.minimum(
            np.minimum(low * lower, low * upper), np.minimum(high * lower, high * upper)
        )
        terms = [offset, *_down(corners).tolist(), *_down(self._sides(prices)).tolist()]
        return math.nextafter(math.fsum(terms), -math.inf)

    def _reduced_costs(self, prices: Floats, cost: Floats) -> tuple[Floats, Floats]:
        """Between what the exact `cost - A'prices` lies."""
        model = self._model
        count = model.column_count
        priced = prices[model.rows]
        sums = np.bincount(self._column_of_entry, model.values * priced, count)
        sizes = np.bincount(self._column_of_entry, self._magnitudes * np.abs(priced), count)
        error = self._relative_error * (sizes + np.abs(cost)) + _UNDERFLOW
        middle = cost - sums
        return _down(middle - error), -_down(-(middle + error))

    def _sides(self, prices: Floats) -> Floats:
        """Prices times the row side that each stands for."""
        model = self._model
        sides = np.where(prices > 0.0, model.row_lower, model.row_upper)
        return prices * np.where(prices == 0.0, 0.0, sides)


def _down(numbers: Floats) -> Floats:
    """The next number below each: what a rounded result cannot have been below."""
    below: Floats = np.nextafter(numbers, -UNBOUNDED)
    return below


def _refuse_unusable(model: LinearModel, leaves: Sequence[Leaf]) -> None:
    if not leaves:
        raise CertificateError("there are no leaves")
    numbers = (model.cost, model.lower, model.upper, model.values, np.asarray([model.offset]))
    if not all(bool(np.isfinite(array).all()) for array in numbers):
        raise CertificateError("the model has a number that is not finite")
    if bool(np.isnan(model.row_lower).any() or np.isnan(model.row_upper).any()):
        raise CertificateError("the model has a row side that is not a number")
    switches = {switch.column for switch in model.switches}
    for leaf in leaves:
        if len(leaf.row_duals) != model.row_count:
            raise CertificateError(f"{_told(model, leaf.fixed)} has prices for other rows")
        if not bool(np.isfinite(leaf.row_duals).all()):
            raise CertificateError(f"{_told(model, leaf.fixed)} has a price that is not finite")
        if not set(leaf.fixed) <= switches:
            raise CertificateError("a leaf fixes a column that is not a switch")
        if not set(leaf.fixed.values()) <= {0.0, 1.0}:
            raise CertificateError(f"{_told(model, leaf.fixed)} is neither 0 nor 1")


def _uncovered(
    leaves: Sequence[Mapping[int, float]], path: Mapping[int, float]
) -> Mapping[int, float] | None:
    """A part of the 0/1 space that lies in no leaf, or None; leaves may overlap harmlessly."""
    if not leaves:
        return path
    if not all(leaves):
        return None
    # The column a search branched on first is in all leaves: splitting there keeps this short.
    counts = Counter(column for leaf in leaves for column in leaf)
    column = min(counts, key=lambda column: (-counts[column], column))
    for value in (0.0, 1.0):
        within = [
            {other: fixed for other, fixed in leaf.items() if other != column}
            for leaf in leaves
            if leaf.get(column, value) == value
        ]
        missing = _uncovered(within, {**path, column: value})
        if missing is not None:
            return missing
    return None


def _told(model: LinearModel, fixed: Mapping[int, float]) -> str:
    if not fixed:
        return "the whole model"
    return ", ".join(f"{model.column_names[column]} = {value:g}" for column, value in fixed.items())
