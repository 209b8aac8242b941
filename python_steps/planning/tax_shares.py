"""Each sale's share of the plan's true tax, so that trades and lots add up to it to the cent.

Belongs here: sharing out what a tax unit's year really costs or saves among the lots sold. Does not
belong here: the tax itself (`tax_effect`), a choice of lots. Rule: a unit's true change is shared
among its four kinds of results by their Shapley value (the mean of what a kind adds over every
order in which the kinds could be realised), inside a kind in proportion to the gain. Reason:
netting, the limit of IRC 1211(b) and carryforwards make the parts worth other than gross rates say.
The rule adds up without scaling; a loss never costs and a gain never saves (more gain never lowers
the year's tax); like lots bear like tax; and no denominator can vanish.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import combinations
from math import factorial

from python_steps.planning.tax_effect import CENT, NOTHING, Realized

SoldLot = tuple[Decimal, bool]
"""Gain of the shares sold from one lot, dollars, and whether it is long-term."""


def tax_shares(
    lots: Sequence[SoldLot], change: Callable[[Realized], Decimal], total: Decimal
) -> list[Decimal]:
    """What each lot sold in one tax unit costs (positive) or saves (negative), in cents.

    Args:
        lots: every lot that the plan sells in the unit, in the plan's order.
        change: the unit's true tax with some results less the tax without them, not rounded.
        total: the unit's true tax change with all of them, to the cent.

    Returns:
        One amount per lot; together exactly `total`.
    """
    whole = Realized()
    for gain, is_long_term in lots:
        whole = whole.plus(gain, is_long_term=is_long_term)
    rates = {
        kind: amount / getattr(whole, kind) for kind, amount in _by_kind(whole, change).items()
    }
    shares: list[Decimal] = []
    exact = told = NOTHING
    for gain, is_long_term in lots:
        exact += gain * rates.get(_kind(gain, is_long_term), NOTHING)
        # Rounding the running sum keeps every lot's sign and leaves no cent over.
        rounded = exact.quantize(CENT, rounding=ROUND_HALF_EVEN)
        shares.append(rounded - told)
        told = rounded
    return _with_remainder(shares, total - told)


def _by_kind(whole: Realized, change: Callable[[Realized], Decimal]) -> Mapping[str, Decimal]:
    """The Shapley value of each kind of result that occurs."""
    kinds = [kind for kind in Realized._fields if getattr(whole, kind) != 0]
    taxes = {
        chosen: change(Realized(**{kind: getattr(whole, kind) for kind in chosen}))
        for size in range(len(kinds) + 1)
        for chosen in combinations(kinds, size)
    }
    values = dict.fromkeys(kinds, NOTHING)
    for before, tax in taxes.items():
        for kind in kinds:
            if kind not in before:
                orders = factorial(len(before)) * factorial(len(kinds) - len(before) - 1)
                after = tuple(name for name in kinds if name in before or name == kind)
                values[kind] += orders * (taxes[after] - tax)
    return {kind: value / factorial(len(kinds)) for kind, value in values.items()}


def _kind(gain: Decimal, is_long_term: bool) -> str:
    return f"{'long' if is_long_term else 'short'}_{'gain' if gain >= 0 else 'loss'}"


def _with_remainder(shares: list[Decimal], remainder: Decimal) -> list[Decimal]:
    """The shares with what inexact division left over, at most a cent, on the largest one."""
    if remainder == 0 or not shares:
        return shares
    largest = max(range(len(shares)), key=lambda place: (abs(shares[place]), -place))
    return [share + remainder if place == largest else share for place, share in enumerate(shares)]
