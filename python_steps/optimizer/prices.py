"""What each term of the objective costs per dollar, in one household and under one firm's policy.

Belongs here: marginal tax rates, the worth of a reset basis and of a carried loss, the yearly cost
of holding a class in a kind of account, the price of drift by segment. Does not belong here: which
columns they are put on (`core_model`). Sources: IRC 1(h), 1211, 1411 through the tax unit's
marginal rates; present values by the firm's policy; yields and turnover of the seeds. Shares of a
dollar throughout.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from python_steps.planning.household import (
    CASH,
    TAX_DEFERRED,
    TAX_FREE,
    Account,
    Banded,
    HouseholdIndex,
    MarketAssumptions,
    Security,
    TaxUnit,
)
from python_steps.planning.settings_in_force import location_gap
from python_steps.planning.tax_effect import Realized, TaxEffect
from python_steps.policy import FirmPolicy

TAX_EXEMPT_SUB_CLASS = "Municipal"
# Gain over which a marginal rate is taken, dollars.
_PROBE = Decimal(10000)
# However little a band leaves, its outer price does not begin before this share of it.
LEAST_INSIDE_SHARE = 0.5
FAR_SHARE = 1.5


class UnknownLocationCostError(ValueError):
    """What a place costs is not known: it is not free, and location has to be left unpriced."""


class TaxPrices(NamedTuple):
    """One tax unit's year in linear terms: rates, and what stands there before the plan.

    `short_before` and `long_before` are the year's results so far less carried-in losses, dollars.
    `loss_limit` is the loss that may be deducted from income (IRC 1211(b)), dollars;
    `collectibles_extra` what long-term gain from collectibles is taxed above other such gain
    (IRC 1(h)(4)), share of the gain.
    """

    short_term: float
    long_term: float
    ordinary: float
    carried_loss: float
    basis_reset: float
    short_before: float
    long_before: float
    loss_limit: float
    collectibles_extra: float = 0.0

    def year(self, short: float, long: float) -> tuple[float, float]:
        """Linear tax of a year's net results, and the worth of what it carries forward.

        Args:
            short: net short-term result, carried-in losses included.
            long: the same for long-term.
        """
        net = short + long
        if net >= 0:
            long_part = min(max(long, 0.0), net)
            return self.short_term * (net - long_part) + self.long_term * long_part, 0.0
        deducted = min(-net, self.loss_limit)
        return -self.ordinary * deducted, self.carried_loss * (-net - deducted)


class Segment(NamedTuple):
    """Dollars of deviation that cost `price` each; the last segment has no end."""

    width: float
    price: float
    is_outside: bool


@dataclass(frozen=True)
class ObjectivePrices:
    """Prices of one household's objective.

    `location_years` is the policy's, 0 where what a place costs is not known for all that may be
    traded (`location_gap`). What a place costs a year is taxed as an ordinary year is, by
    `yearly_units`, whatever the plan's own gains do to the rates of this one.
    """

    index: HouseholdIndex
    policy: FirmPolicy
    assumptions: MarketAssumptions
    tax_units: dict[str, TaxPrices]
    location_years: float
    yearly_units: dict[str, TaxPrices]

    def location_cost(self, account: Account, security: Security) -> float:
        """Present cost of holding a dollar of a security in an account instead of cash there.

        Cash is the other side of every trade, so a move between accounts costs the difference of
        the two places and nothing else.
        """
        if self.location_years == 0:
            return 0.0
        exempt = security.sub_class == TAX_EXEMPT_SUB_CLASS
        held = math.fsum(
            float(weight) * self._yearly_cost(account, name, is_exempt=exempt)
            for name, weight in security.class_weights
        )
        in_cash = self._yearly_cost(account, CASH, is_exempt=False)
        return self.location_years * (held - in_cash)

    def _yearly_cost(self, account: Account, asset_class: str, *, is_exempt: bool) -> float:
        """Yearly tax on a dollar of a class in an account.

        A taxable account pays each year on the yield (ordinary or qualified) and on the gains
        that turnover realises; a tax-deferred one pays later, at ordinary rates, on all growth; a
        tax-free one pays nothing.

        Raises:
            UnknownLocationCostError: the class's income or the account's rates are not known.
        """
        if account.tax_treatment == TAX_FREE:
            return 0.0
        known = self.assumptions.income.get(asset_class)
        rates = self.yearly_units.get(account.tax_unit_id)
        if known is None or rates is None:
            missing = (
                f"what {asset_class} brings a year" if known is None else "the account's tax rates"
            )
            raise UnknownLocationCostError(f"{account.account_name}: {missing} is not known")
        if account.tax_treatment == TAX_DEFERRED:
            return rates.ordinary * known.expected_return
        qualified = known.qualified_share
        on_yield = qualified * rates.long_term + (1 - qualified) * rates.ordinary
        growth = max(0.0, known.expected_return - known.annual_yield)
        realised = known.turnover * growth * rates.long_term
        return realised if is_exempt else known.annual_yield * on_yield + realised

    def drift_segments(
        self, row: Banded, total: float, margin: float, share: float = 1.0
    ) -> tuple[list[Segment], ...]:
        """Prices of standing above and below a target, from the target outwards.

        Args:
            row: target and band.
            total: value of the group, dollars.
            margin: how far inside the band the outer price begins, so that rounding to shares
                cannot push a class over its edge, dollars.
            share: what the target counts beside a class.
        """
        target = float(row.target_weight)
        above = (float(row.upper_band_weight) - target) * total
        below = (target - float(row.lower_band_weight)) * total
        return self._segments(above, margin, share), self._segments(below, margin, share)

    def _segments(self, width: float, margin: float, share: float) -> list[Segment]:
        policy = self.policy
        inside, outside, far = (
            share * float(policy.drift_price_inside_band),
            share * float(policy.drift_price_outside_band),
            share * float(policy.drift_price_far_outside),
        )
        edge = max(width - margin, width * LEAST_INSIDE_SHARE)
        free = edge * float(policy.stopping_share)
        return [
            Segment(free, 0.0, is_outside=False),
            Segment(edge - free, inside, is_outside=False),
            Segment(FAR_SHARE * width - edge, outside, is_outside=True),
            Segment(float("inf"), far, is_outside=True),
        ]


def objective_prices(
    index: HouseholdIndex, policy: FirmPolicy, assumptions: MarketAssumptions, tax: TaxEffect
) -> ObjectivePrices:
    """Prices of a household; tax units without known rates have none (their lots are not sold)."""
    units = {
        name: prices
        for name, unit in sorted(index.tax_units.items())
        if (prices := _tax_prices(unit, policy, tax)) is not None
    }
    gap = location_gap(index, assumptions, tax)
    years = float(policy.location_years) if gap is None else 0.0
    return ObjectivePrices(index, policy, assumptions, units, years, units)


def relinearised(
    prices: ObjectivePrices, tax: TaxEffect, realized: dict[str, Realized]
) -> ObjectivePrices:
    """The prices with each unit's rates taken at the results of a plan instead of before it.

    The rate of a kind of gain is the true tax of the next ten thousand dollars of it beyond the
    plan's: what one more sale would cost.

    Args:
        prices: the prices before the plan.
        tax: the true tax.
        realized: the plan's results by tax unit, dollars.
    """
    units = dict(prices.tax_units)
    for name, results in sorted(realized.items()):
        known = units.get(name)
        if known is None:
            continue
        short = _marginal(tax, name, results, is_long_term=False)
        long = _marginal(tax, name, results, is_long_term=True)
        if short is not None and long is not None:
            units[name] = known._replace(short_term=short, long_term=long)
    return replace(prices, tax_units=units)


def _marginal(
    tax: TaxEffect, tax_unit_id: str, realized: Realized, *, is_long_term: bool
) -> float | None:
    """True rate of more gain of a kind at these results, None where they are a net loss."""
    if realized.short_term + realized.long_term <= 0:
        return None
    here = tax.exact_change(tax_unit_id, realized)
    there = tax.exact_change(tax_unit_id, realized.plus(_PROBE, is_long_term=is_long_term))
    return None if here is None or there is None else float((there - here) / _PROBE)


def _tax_prices(unit: TaxUnit, policy: FirmPolicy, tax: TaxEffect) -> TaxPrices | None:
    rates = tax.marginal_rates(unit.tax_unit_id)
    limit = tax.loss_limit(unit.tax_unit_id)
    dear = tax.marginal_rates(unit.tax_unit_id, is_collectible=True)
    if rates is None or limit is None or unit.marginal_ordinary_rate is None:
        return None
    before = (
        unit.year_to_date_short_term_gain,
        unit.year_to_date_long_term_gain,
        unit.short_term_carryforward,
        unit.long_term_carryforward,
    )
    if any(amount is None for amount in before):
        return None
    short_gain, long_gain, short_carried, long_carried = (float(amount or 0) for amount in before)
    long_rate = float(rates.long_term)
    return TaxPrices(
        short_term=float(rates.short_term),
        long_term=long_rate,
        ordinary=float(unit.marginal_ordinary_rate),
        carried_loss=float(policy.carried_loss_worth) * long_rate,
        basis_reset=float(policy.basis_reset_worth) * long_rate,
        short_before=short_gain - short_carried,
        long_before=long_gain - long_carried,
        loss_limit=float(limit),
        collectibles_extra=0.0 if dear is None else max(0.0, float(dear.long_term) - long_rate),
    )
