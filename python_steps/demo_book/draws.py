"""Reproducible draws for one household.

Belongs here: the few kinds of draws that the book needs, made of one stream of uniform numbers.
Does not belong here: what is drawn. The stream is Python's Mersenne Twister seeded by text, whose
uniform numbers are the same in every version of Python, so a seed always gives the same book.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Draws:
    """Draws that depend on the seed and on the household's number only."""

    def __init__(self, seed: int, number: int) -> None:
        # Invented data, not secrets: a reproducible generator is what is wanted.
        self._uniform = random.Random(f"{seed}/{number}").random  # noqa: S311

    def between(self, low: float, high: float) -> float:
        """A number of the interval, every one as likely."""
        return low + (high - low) * self._uniform()

    def integer(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self._uniform() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self._uniform() < probability

    def one_of(self, choices: Sequence[T]) -> T:
        """One of the choices."""
        return choices[int(self._uniform() * len(choices))]

    def weighted(self, choices: Sequence[tuple[float, T]]) -> T:
        """One of the choices, each as likely as its weight says."""
        left = self._uniform() * sum(weight for weight, _ in choices)
        for weight, choice in choices:
            left -= weight
            if left < 0:
                return choice
        return choices[-1][1]

    def some_of(self, choices: Sequence[T], count: int) -> list[T]:
        """Distinct choices in drawn order; all of them where there are fewer than `count`."""
        pool = list(choices)
        drawn: list[T] = []
        while pool and len(drawn) < count:
            drawn.append(pool.pop(int(self._uniform() * len(pool))))
        return drawn

    def normal(self) -> float:
        """A standard normal number (Box and Muller)."""
        radius = math.sqrt(-2.0 * math.log(1.0 - self._uniform()))
        return radius * math.cos(2.0 * math.pi * self._uniform())

    def around(self, centre: float, spread: float) -> float:
        """A positive number whose logarithm is normal: `centre` times e to `spread` x normal."""
        return centre * math.exp(spread * self.normal())

    def count(self, mean: float) -> int:
        """A Poisson count."""
        limit, product, found = math.exp(-mean), self._uniform(), 0
        while product > limit:
            product *= self._uniform()
            found += 1
        return found
