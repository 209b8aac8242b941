"""The securities that sample households hold and may buy, with ten and more years of prices.

Belongs here: the demo market's funds and stocks as the planners' `Security` values, and 386 more
invented stocks for direct indexing that follow its large and small companies. Does not belong here:
who holds what. The demo market's story (a bond bear market, a correction of the last weeks) gives
large old gains and recent losses side by side; spreads and volumes are orders of magnitude.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache
from typing import NamedTuple

import numpy as np

from python_steps.demo_book.draws import Draws
from python_steps.demo_book.market import DEMO_SESSION, Market, demo_market
from python_steps.demo_book.universe import PRIVATE_FUND_UNMAPPED, DemoSecurity, universe
from python_steps.planning.household import CASH, UNMAPPED, Security

LARGE = "US Large Cap Equity"
SMALL = "US Small/Mid Cap"
DEVELOPED = "International Developed"
EMERGING = "Emerging Markets"
BONDS = "Investment Grade Bonds"
CREDIT = "High Yield / Credit"
INFLATION = "TIPS / Inflation Protected"
ALTERNATIVES = "Alternatives"
CLASSES = (LARGE, SMALL, DEVELOPED, EMERGING, BONDS, CREDIT, INFLATION, ALTERNATIVES, CASH)

_CLASS_OF_FACTOR = {
    "US_LARGE": LARGE,
    "US_SMALL": SMALL,
    "DEVELOPED": DEVELOPED,
    "EMERGING": EMERGING,
    "BONDS": BONDS,
    "CREDIT": CREDIT,
    "INFLATION": INFLATION,
    "REAL_ESTATE": ALTERNATIVES,
    "GOLD": ALTERNATIVES,
    "COMMODITY": ALTERNATIVES,
    "BILLS": CASH,
    "CASH": CASH,
}
# Funds of one portfolio or of one index; every other security is a group of its own.
_SAME_INDEX = (
    ("SP500", ("VOO", "VFIAX", "FXAIX")),
    ("US-TOTAL", ("VTI", "VTSAX")),
    ("WORLD-EX-US", ("VXUS", "VTIAX")),
    ("US-BONDS", ("BND", "VBTLX")),
    ("TIPS", ("SCHP", "TIP")),
    ("TIPS-SHORT", ("VTIP", "STIP")),
    ("GOLD", ("GLD", "IAU")),
)
_IDENTITY_GROUPS = {ticker: f"IG-{name}" for name, tickers in _SAME_INDEX for ticker in tickers}

LARGE_STOCKS, SMALL_STOCKS = 320, 66
_MARKET_SEED = 20261120
_BASIS_POINTS = Decimal(10_000)


class SampleSecurity(NamedTuple):
    """A security with its closing prices in cents, one for each session of the market."""

    security: Security
    prices: list[int]

    @property
    def price(self) -> Decimal:
        """Price on the book's date."""
        if self.security.price is None:
            raise ValueError(f"security {self.security.security_id} has no price")
        return self.security.price


class SampleMarket(NamedTuple):
    """Every sample security by id, and the lists that households draw from."""

    securities: dict[str, SampleSecurity]
    by_class: dict[str, tuple[str, ...]]
    retirement_plan_menu: dict[str, tuple[str, ...]]
    balanced: tuple[str, ...]
    direct_index: tuple[str, ...]
    sessions: Market

    def unit_cost(self, security_id: str, day: date) -> tuple[date, int]:
        """The last session on or before `day` and the closing price in cents."""
        index = self.sessions.index_on_or_before(day)
        return self.sessions.sessions[index], self.securities[security_id].prices[index]


@cache
def sample_market() -> SampleMarket:
    """The one market of the sample households (about a second to make, kept for the process)."""
    market = demo_market()
    found: dict[str, SampleSecurity] = {}
    for demo in universe().values():
        if _is_wanted(demo):
            prices = market.prices[demo.ticker]
            found[demo.ticker] = SampleSecurity(_listed(demo, prices[market.demo_index]), prices)
    direct = _direct_index_stocks(market)
    single = tuple(name for name, each in found.items() if each.security.security_type == "EQUITY")
    found |= direct
    return SampleMarket(
        securities=found,
        by_class={name: _funds_of(found, name, ("ETF", "MUTUAL_FUND")) for name in CLASSES},
        retirement_plan_menu={name: _funds_of(found, name, ("MUTUAL_FUND",)) for name in CLASSES},
        balanced=tuple(
            name for name, each in found.items() if len(each.security.class_weights) > 1
        ),
        direct_index=(*single, *direct),
        sessions=market,
    )


def _is_wanted(demo: DemoSecurity) -> bool:
    is_plain = demo.security_type in ("ETF", "MUTUAL_FUND", "MONEY_MARKET", "EQUITY")
    return (is_plain and demo.currency == "USD") or demo.ticker == PRIVATE_FUND_UNMAPPED


def _funds_of(
    found: dict[str, SampleSecurity], asset_class: str, kinds: tuple[str, ...]
) -> tuple[str, ...]:
    whole = ((asset_class, Decimal(1)),)
    return tuple(
        name
        for name, each in found.items()
        if each.security.class_weights == whole and each.security.security_type in kinds
    )


def _listed(demo: DemoSecurity, cents: int) -> Security:
    """A demo security as the planner sees it; the private fund is neither mapped nor liquid."""
    is_private = demo.security_type == "ALTERNATIVE"
    draws = Draws(_MARKET_SEED, demo.number)
    weights: dict[str, Decimal] = {}
    for factor, share in demo.exposure:
        name = UNMAPPED if is_private else _CLASS_OF_FACTOR[factor]
        # A fund of one factor belongs to its class wholly, however strongly it follows the factor.
        part = Decimal(1) if len(demo.exposure) == 1 else Decimal(str(share))
        weights[name] = weights.get(name, Decimal(0)) + part
    return Security(
        security_id=demo.ticker,
        ticker=demo.ticker,
        security_name=demo.name,
        security_type=demo.security_type,
        sub_class=None,
        identity_group_id=_IDENTITY_GROUPS.get(demo.ticker, f"IG-{demo.ticker}"),
        is_cash_equivalent=demo.is_cash_equivalent,
        is_illiquid=is_private,
        is_mapped=not is_private,
        currency=demo.currency,
        price=Decimal(cents) / 100,
        half_spread=_half_spread(draws, demo.security_type),
        average_daily_dollar_volume=_volume(draws, demo.security_type),
        class_weights=tuple(sorted(weights.items())),
        is_collectible=demo.ticker in ("GLD", "IAU"),
    )


def _half_spread(draws: Draws, kind: str) -> Decimal:
    """Half-spread as a share of the price; funds trade at net asset value."""
    if kind in ("MUTUAL_FUND", "MONEY_MARKET"):
        return Decimal(0)
    tenths = draws.integer(5, 40) if kind == "ETF" else draws.integer(5, 80)
    return Decimal(tenths) / 10 / _BASIS_POINTS


def _volume(draws: Draws, kind: str) -> Decimal | None:
    """Daily dollars traded; one exchange-traded security in twenty has no figure."""
    if kind in ("MUTUAL_FUND", "MONEY_MARKET", "ALTERNATIVE") or draws.chance(0.05):
        return None
    centre = 400_000_000 if kind == "ETF" else 150_000_000
    return Decimal(round(draws.around(centre, 1.2)))


def _direct_index_stocks(market: Market) -> dict[str, SampleSecurity]:
    """Stocks that follow the large or the small companies' fund and wander off on their own."""
    random = np.random.default_rng(_MARKET_SEED)
    found = {}
    for number in range(LARGE_STOCKS + SMALL_STOCKS):
        is_large = number < LARGE_STOCKS
        followed = np.log(np.asarray(market.prices["VOO" if is_large else "VB"], dtype=np.float64))
        draws = Draws(_MARKET_SEED, 10_000 + number)
        daily = draws.between(0.18, 0.42) / 252**0.5
        own = np.cumsum(random.standard_normal(len(followed)) * daily)
        years = np.arange(len(followed)) / 252
        path = draws.between(0.6, 1.5) * followed + own + draws.between(-0.10, 0.10) * years
        now = market.demo_index
        levels = draws.around(9_000, 0.8) * np.exp(path - path[now])
        prices: list[int] = np.maximum(np.rint(levels), 1).astype(np.int64).tolist()
        name = f"S{number:03d}"
        found[name] = SampleSecurity(
            _stock(name, LARGE if is_large else SMALL, prices[now], draws), prices
        )
    return found


def _stock(name: str, asset_class: str, cents: int, draws: Draws) -> Security:
    return Security(
        security_id=name,
        ticker=name,
        security_name=f"Sample Company {name[1:]}",
        security_type="EQUITY",
        sub_class=None,
        identity_group_id=f"IG-{name}",
        is_cash_equivalent=False,
        is_illiquid=False,
        is_mapped=True,
        currency="USD",
        price=Decimal(cents) / 100,
        half_spread=_half_spread(draws, "EQUITY"),
        average_daily_dollar_volume=_volume(draws, "EQUITY"),
        class_weights=((asset_class, Decimal(1)),),
    )


AS_OF_DATE = DEMO_SESSION
