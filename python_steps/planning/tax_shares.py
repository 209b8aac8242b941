"""Each sale's share of the plan's true tax, so that trades and lots add up to it to the cent.

Belongs here: sharing out what a tax unit's year really costs or saves among the lots sold. Does not
belong here: the tax itself (`tax_effect`), a choice of lots. Rule: a unit's true change is shared
among its six kinds of results by their Shapley value (the mean of what a kind adds over every
order in which the kinds could be realised), inside a kind in proportion to the gain. The kinds are
gains and losses, short-term, long-term from collectibles and other long-term. Reason: netting, the
limit of IRC 1211(b) and carryforwards make the parts worth other than gross rates say.
The rule adds up without scaling; a loss never costs and a gain never saves (more gain never lowers
the year's tax); like lots bear like tax; and no denominator can vanish.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import combinations
from math import factorial
from typing import NamedTuple

from python_steps.planning.tax_effect import CENT, NOTHING, Realized


class SoldLot(NamedTuple):
    """Gain of the shares sold from one lot, dollars, its term, and whether of a collectible."""

    gain: Decimal
    is_long_term: bool
    is_collectible: bool = False

    @property
    def kind(self) -> str:
        """One of the six kinds of results."""
        term = "collectibles" if self.is_collectible and self.is_long_term else "other_long"
        return f"{term if self.is_long_term else 'short'}_{'gain' if self.gain >= 0 else 'loss'}"


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
    amounts: dict[str, Decimal] = {}
    for lot in lots:
        amounts[lot.kind] = amounts.get(lot.kind, NOTHING) + lot.gain
    amounts = {kind: amount for kind, amount in sorted(amounts.items()) if amount != 0}
    rates = {kind: tax / amounts[kind] for kind, tax in _by_kind(amounts, change).items()}
    shares: list[Decimal] = []
    exact = told = NOTHING
    for lot in lots:
        exact += lot.gain * rates.get(lot.kind, NOTHING)
        # Rounding the running sum keeps every lot's sign and leaves no cent over.
        rounded = exact.quantize(CENT, rounding=ROUND_HALF_EVEN)
        shares.append(rounded - told)
        told = rounded
    return _with_remainder(shares, total - told)


def _by_kind(
    amounts: Mapping[str, Decimal], change: Callable[[Realized], Decimal]
) -> Mapping[str, Decimal]:
    """The Shapley value of each kind of result that occurs."""
    kinds = list(amounts)
    taxes = {
        chosen: change(_realized({kind: amounts[kind] for kind in chosen}))
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


def _realized(amounts: Mapping[str, Decimal]) -> Realized:
    collectibles_gain = amounts.get("collectibles_gain", NOTHING)
    collectibles_loss = amounts.get("collectibles_loss", NOTHING)
    return Realized(
        short_gain=amounts.get("short_gain", NOTHING),
        short_loss=amounts.get("short_loss", NOTHING),
        long_gain=amounts.get("other_long_gain", NOTHING) + collectibles_gain,
        long_loss=amounts.get("other_long_loss", NOTHING) + collectibles_loss,
        collectibles_gain=collectibles_gain,
        collectibles_loss=collectibles_loss,
    )


def _with_remainder(shares: list[Decimal], remainder: Decimal) -> list[Decimal]:
    """The shares with what inexact division left over, at most a cent, on the largest one."""
    if remainder == 0 or not shares:
        return shares
    largest = max(range(len(shares)), key=lambda place: (abs(shares[place]), -place))
    return [share + remainder if place == largest else share for place, share in enumerate(shares)]
