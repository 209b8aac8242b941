"""One simulated market: daily closing prices of every demo security over eighteen years.

Belongs here: the sessions of the simulated history, the yearly story each market factor follows,
the price paths and the distributions. Does not belong here: holdings. The market is the same for
every seed and every session asked for: a session is a cut through one history, so several nights
agree with one another, and the named households show the same under every seed. Levels of the
demo session stand in `universe`; the yearly returns below are a plausible story (a long equity
rise, a bond bear market in 2022, a correction in autumn 2026), not data of real funds.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from python_steps.demo_book.universe import DemoSecurity, universe
from python_steps.sessions import sessions_between

DEMO_SESSION = date(2026, 11, 19)
MARKET_FIRST_SESSION = date(2009, 1, 2)
MARKET_LAST_SESSION = date(2027, 6, 30)

_MARKET_SEED = 20261119
_TRADING_DAYS_A_YEAR = 252

# Last day of each chapter of the story; 2026 is told in three.
_CHAPTER_ENDS = (
    *(date(year, 12, 31) for year in range(2009, 2026)),
    date(2026, 9, 25),
    date(2026, 11, 9),
    date(2026, 12, 31),
    MARKET_LAST_SESSION,
)
# Price return of each factor in each chapter, percent; yearly volatility, percent; share of the
# daily noise that is common to all factors.
_STORY: dict[str, tuple[tuple[float, ...], float, float]] = {
    "US_LARGE": (
        (24, 13, 0, 14, 28, 11, -1, 9, 19, -7, 28, 15, 25, -20, 23, 21, 13, 13, -9.5, 2, 4),
        16.0,
        0.9,
    ),
    "US_SMALL": (
        (24, 24, -4, 15, 34, 4, -6, 17, 13, -12, 23, 16, 15, -19, 15, 10, 7, 11, -12, 2, 4),
        20.0,
        0.85,
    ),
    "DEVELOPED": (
        (25, 5, -14, 14, 18, -7, -3, 0, 22, -16, 19, 6, 9, -17, 14, 2, 21, 10, -8, 1, 3),
        16.0,
        0.8,
    ),
    "EMERGING": (
        (66, 16, -20, 16, -5, -3, -17, 9, 33, -17, 15, 14, -3, -21, 6, 5, 23, 14, -11.5, 1, 3),
        19.0,
        0.7,
    ),
    "BONDS": (
        (1, 3, 4, 1, -5, 3, -3, -1, 0, -3, 5, 4.5, -4, -16, 2, -2.5, 2, 1, -1.4, 0.3, 0.5),
        5.0,
        -0.1,
    ),
    "CREDIT": (
        (38, 6, -1, 7, 0, -4, -10, 7, 0, -7, 8, -1, -1, -15, 6, 1, 2, 1.5, -4, 0.5, 0.5),
        7.0,
        0.6,
    ),
    "INFLATION": (
        (7, 4, 10, 5, -10, 2, -3, 2, 1, -3, 6, 8, 2, -17, 0, -1, 3, 1.2, -1.1, 0.1, 0.4),
        6.0,
        0.0,
    ),
    "REAL_ESTATE": (
        (24, 24, 4, 13, -2, 25, -2, 4, 0, -10, 24, -9, 36, -29, 7, 0, 0, 7, -6.5, 1, 2),
        18.0,
        0.7,
    ),
    "GOLD": (
        (23, 28, 9, 6, -28, -2, -11, 8, 12, -2, 18, 24, -4, -1, 13, 27, 55, 11, 2.5, 1, 2),
        15.0,
        0.0,
    ),
    "COMMODITY": (
        (14, 11, -3, 3, -8, -28, -27, 18, 4, -12, 11, -8, 40, 18, -8, 1, 4, 6, -3, 0.5, 1),
        16.0,
        0.3,
    ),
    "BILLS": ((0.0,) * 21, 0.15, 0.0),
    "CASH": ((0.0,) * 21, 0.0, 0.0),
}
# Rates to the dollar on the demo session, ten-thousandths; the book has none for CAD on purpose.
RATES_TO_DOLLAR = {"EUR": 11583, "GBP": 13127}


class Distribution(NamedTuple):
    """One payment of a fund or stock."""

    session_index: int
    per_share_micros: int  # millionths of a dollar per share


class Market:
    """Prices of every demo security on every session; indices count sessions from the first."""

    def __init__(
        self,
        sessions: list[date],
        prices: dict[str, list[int]],
        distributions: dict[str, list[Distribution]],
    ) -> None:
        self.sessions = sessions
        self.prices = prices
        self.distributions = distributions
        self.demo_index = sessions.index(DEMO_SESSION)

    def index_of(self, session: date) -> int:
        """The index of a session.

        Raises:
            ValueError: the date is no session, or outside the simulated market.
        """
        place = bisect_left(self.sessions, session)
        if place == len(self.sessions) or self.sessions[place] != session:
            raise ValueError(
                f"{session} is not a session of the demo market "
                f"({self.sessions[0]} to {self.sessions[-1]})"
            )
        return place

    def index_on_or_before(self, day: date) -> int:
        """The index of the last session not after `day`."""
        return bisect_right(self.sessions, day) - 1

    def price(self, ticker: str, session_index: int) -> int:
        """Closing price in cents."""
        return self.prices[ticker][session_index]


@cache
def demo_market() -> Market:
    """The one market of the demo book (about half a second to make, kept for the process)."""
    sessions = sessions_between(MARKET_FIRST_SESSION, MARKET_LAST_SESSION)
    rng = np.random.default_rng(_MARKET_SEED)
    bounds = _chapter_bounds(sessions)
    common = rng.standard_normal(len(sessions))
    factors = {factor: _factor_path(rng, common, bounds, story) for factor, story in _STORY.items()}
    demo_index = sessions.index(DEMO_SESSION)
    prices = {
        security.ticker: _price_path(rng, security, factors, bounds, demo_index)
        for security in universe().values()
    }
    distributions = {
        security.ticker: _distributions(security, sessions, prices[security.ticker])
        for security in universe().values()
    }
    return Market(sessions, prices, distributions)


def _chapter_bounds(sessions: list[date]) -> list[int]:
    """Where each chapter starts in the session list, and where the last one ends."""
    return [0, *(bisect_right(sessions, end) for end in _CHAPTER_ENDS)]


def _factor_path(
    rng: np.random.Generator,
    common: npt.NDArray[np.float64],
    bounds: list[int],
    story: tuple[tuple[float, ...], float, float],
) -> npt.NDArray[np.float64]:
    """Cumulative log return of a factor; the noise sums to nothing inside each chapter."""
    returns, volatility, loading = story
    own = rng.standard_normal(len(common))
    noise = loading * common + (1.0 - loading**2) ** 0.5 * own
    noise *= volatility / 100.0 / _TRADING_DAYS_A_YEAR**0.5
    daily = _bridged(noise, bounds)
    for (start, end), percent in zip(pairwise(bounds), returns, strict=True):
        daily[start:end] += np.log1p(percent / 100.0) / (end - start)
    path: npt.NDArray[np.float64] = np.cumsum(daily)
    return path


def _bridged(noise: npt.NDArray[np.float64], bounds: list[int]) -> npt.NDArray[np.float64]:
    bridged = noise.copy()
    for start, end in pairwise(bounds):
        bridged[start:end] -= bridged[start:end].mean()
    return bridged


def _price_path(
    rng: np.random.Generator,
    security: DemoSecurity,
    factors: dict[str, npt.NDArray[np.float64]],
    bounds: list[int],
    demo_index: int,
) -> list[int]:
    """Closing prices in cents, anchored on the demo session; never under one cent."""
    path = np.zeros(len(factors["CASH"]))
    for factor, weight in security.exposure:
        path += weight * factors[factor]
    daily_volatility = security.own_volatility_bps / 10_000 / _TRADING_DAYS_A_YEAR**0.5
    own = rng.standard_normal(len(path)) * daily_volatility
    path += np.arange(len(path)) * np.log1p(security.own_growth_bps / 10_000) / _TRADING_DAYS_A_YEAR
    # Funds stay with their index from chapter to chapter; single stocks may wander off.
    wanders = security.security_type in ("EQUITY", "OPTION")
    path += np.cumsum(own if wanders else _bridged(own, bounds))
    levels = security.price_cents * np.exp(path - path[demo_index])
    cents: list[int] = np.maximum(np.rint(levels), 1).astype(np.int64).tolist()
    return cents


def _distributions(
    security: DemoSecurity, sessions: list[date], prices: list[int]
) -> list[Distribution]:
    """Payments on the session on or after a fixed day of each paying month."""
    if not security.payments_per_year:
        return []
    step = 12 // security.payments_per_year
    day = 3 + security.number % 5 if step == 1 else 18 + security.number % 9
    found = []
    for year in range(sessions[0].year, sessions[-1].year + 1):
        for month in range(step, 13, step):
            index = bisect_left(sessions, date(year, month, day))
            if index < len(sessions):
                # cents x bps / payments -> millionths of a dollar (1 cent x 1 bp = 1 micro)
                per_share = prices[index] * security.distribution_bps // security.payments_per_year
                found.append(Distribution(index, per_share))
    return found
