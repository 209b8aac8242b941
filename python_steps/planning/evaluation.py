"""What a plan is worth: dollars by component, tracking error, breakeven years.

Belongs here: the objective that every planner is judged by, computed from a plan's class values,
tax and costs. Does not belong here: finding a plan, or a band of its own. Sources: drift prices and
risk aversion of the firm's policy; certainty-equivalent cost of drift (gamma/2) d'Sd a year;
breakeven = (net present cost of tax + trading cost) / yearly benefit (Leland; Masters 2003).
Floats are used for risk only, money is exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal

from python_steps.planning.household import (
    UNMAPPED,
    AllocationGroup,
    Banded,
    Household,
    MarketAssumptions,
)
from python_steps.planning.plan import PlanValue
from python_steps.policy import FirmPolicy

NOTHING = Decimal(0)
HALF = Decimal("0.5")
# Dollars per dollar of cash that a plan fails to raise: more than any sale could cost, so that
# cash that can be raised is raised.
SHORTFALL_PRICE = Decimal(20)
CENT = Decimal("0.01")
# A target inside a class counts half of a class: no class leaves its band for its sake.
PART_SHARE = Decimal("0.5")

ClassValues = Mapping[str, Decimal]
PartValues = Mapping[tuple[str, str], Decimal]


def plan_value(
    household: Household,
    class_values: Mapping[str, ClassValues],
    policy: FirmPolicy,
    *,
    tax_change: Decimal | None,
    transaction_cost: Decimal,
    shortfall: Decimal,
    part_values: Mapping[str, PartValues] | None = None,
) -> PlanValue:
    """The dollar objective of a plan, but for what location and a reset basis are worth.

    Args:
        household: the problem.
        class_values: dollars by allocation group and class after the plan.
        part_values: the same for the targets inside classes, where there are any.
        policy: prices of drift.
        tax_change: true tax of the year with the plan less without it; None where unknown.
        transaction_cost: commission, spread and impact.
        shortfall: cash that could not be raised.
    """
    penalty = NOTHING
    for group in household.groups:
        values = class_values[group.allocation_group_id]
        penalty += drift_penalty(group, values, policy)
        parts = (part_values or {}).get(group.allocation_group_id, {})
        total = sum(values.values(), NOTHING)
        for part in group.parts:
            if part.asset_class is not None and part.key in parts:
                penalty += PART_SHARE * target_penalty(part, parts[part.key], total, policy)
    return PlanValue(
        tax_change=tax_change,
        transaction_cost=transaction_cost,
        drift_penalty=penalty.quantize(CENT),
        shortfall_penalty=SHORTFALL_PRICE * shortfall,
    )


def drift_penalty(group: AllocationGroup, values: ClassValues, policy: FirmPolicy) -> Decimal:
    """Policy price of a group's drift: nothing near the target, dearer beyond the band."""
    total = sum(values.values(), NOTHING)
    return sum(
        (
            target_penalty(row, values.get(row.asset_class, NOTHING), total, policy)
            for row in group.classes
            if row.asset_class != UNMAPPED
        ),
        NOTHING,
    )


def is_outside_band(row: Banded, value: Decimal, total: Decimal) -> bool:
    """True when dollars lie outside the band that the book states (the edge is inside)."""
    if row.asset_class == UNMAPPED or total <= 0:
        return False
    return not row.lower_band_weight * total <= value <= row.upper_band_weight * total


def yearly_drift_cost(
    group: AllocationGroup,
    values: ClassValues,
    assumptions: MarketAssumptions,
    risk_aversion: Decimal,
) -> float | None:
    """Certainty-equivalent cost of a group's drift, dollars a year; None without assumptions."""
    variance = deviation_variance(group_deviations(group, values), assumptions)
    total = float(sum(values.values(), NOTHING))
    return None if variance is None else float(risk_aversion) / 2 * variance * total


def household_drift_cost(
    household: Household,
    class_values: Mapping[str, ClassValues],
    assumptions: MarketAssumptions,
    risk_aversion: Decimal,
) -> float | None:
    """Sum of `yearly_drift_cost` over groups; None as soon as one is unknown."""
    total = 0.0
    for group in household.groups:
        cost = yearly_drift_cost(
            group, class_values[group.allocation_group_id], assumptions, risk_aversion
        )
        if cost is None:
            return None
        total += cost
    return total


def tracking_error(
    household: Household,
    class_values: Mapping[str, ClassValues],
    assumptions: MarketAssumptions,
) -> float | None:
    """Yearly tracking error of all groups together against their targets; None if unknown.

    Unmapped holdings have no risk assumption and are left out of the measure, as every exception
    row on them says.
    """
    deviation: dict[str, float] = {}
    total = 0.0
    for group in household.groups:
        values = class_values[group.allocation_group_id]
        worth = float(sum(values.values(), NOTHING))
        total += worth
        for name, share in group_deviations(group, values).items():
            deviation[name] = deviation.get(name, 0.0) + share * worth
    if total <= 0:
        return None
    scaled = {name: amount / total for name, amount in deviation.items()}
    variance = deviation_variance(scaled, assumptions)
    return None if variance is None else math.sqrt(max(variance, 0.0))


def group_deviations(group: AllocationGroup, values: ClassValues) -> dict[str, float]:
    """Weight less target of every mapped class of a group."""
    total = sum(values.values(), NOTHING)
    if total <= 0:
        return {}
    targets = {row.asset_class: row.target_weight for row in group.classes}
    names = sorted({*targets, *values} - {UNMAPPED})
    return {
        name: float(values.get(name, NOTHING) / total - targets.get(name, NOTHING))
        for name in names
    }


def deviation_variance(
    deviation: Mapping[str, float], assumptions: MarketAssumptions
) -> float | None:
    """D'Sd of class deviations; None where a class that deviates has no assumption."""
    names = [name for name in sorted(deviation) if abs(deviation[name]) > 1e-12]
    terms: list[float] = []
    for name in names:
        for other in names:
            correlation = 1.0 if name == other else assumptions.correlation.get((name, other))
            own, its = assumptions.volatility.get(name), assumptions.volatility.get(other)
            if correlation is None or own is None or its is None:
                return None
            terms.append(deviation[name] * deviation[other] * own * its * correlation)
    # Rounded once: terms of both signs nearly cancel, and no order of theirs may show.
    return math.fsum(terms)


def net_tax_cost(tax_change: Decimal, policy: FirmPolicy) -> Decimal:
    """Present cost of paying a tax now instead of after the deferral the policy assumes.

    The tax itself would fall due later anyway, less its discount: tax x (1 - (1 + r)^-H). The
    saving of a harvested loss is judged in the same way.
    """
    discount = (1 + policy.discount_rate) ** -policy.gain_deferral_years
    return tax_change * (1 - discount)


def breakeven_years(
    tax_change: Decimal | None,
    transaction_cost: Decimal,
    cost_before: float | None,
    cost_after: float | None,
    policy: FirmPolicy,
) -> float | None:
    """Years until less drift has paid for tax and trading; None when it never does or is unknown.

    Args:
        tax_change: true tax change, dollars.
        transaction_cost: dollars.
        cost_before: certainty-equivalent cost of drift without the trades, dollars a year.
        cost_after: the same with them.
        policy: discount rate and deferral.
    """
    if tax_change is None or cost_before is None or cost_after is None:
        return None
    price = float(net_tax_cost(tax_change, policy) + transaction_cost)
    benefit = cost_before - cost_after
    if benefit <= 0:
        return None
    return max(0.0, price / benefit)


def target_penalty(row: Banded, value: Decimal, total: Decimal, policy: FirmPolicy) -> Decimal:
    """Price of standing off a target: free to where the policy stops, then dearer by segment.

    More due than there is leaves nothing to hold in proportion: only what is missing counts then.

    Args:
        row: target and band.
        value: dollars that stand in it.
        total: dollars of the group.
        policy: the prices.
    """
    if total <= 0:
        return NOTHING
    target = row.target_weight * total
    if value >= target:
        distance, width = value - target, (row.upper_band_weight - row.target_weight) * total
    else:
        distance, width = target - value, (row.target_weight - row.lower_band_weight) * total
    free = width * policy.stopping_share
    far = width + width * HALF
    return (
        policy.drift_price_inside_band * _between(distance, free, width)
        + policy.drift_price_outside_band * _between(distance, width, far)
        + policy.drift_price_far_outside * max(NOTHING, distance - far)
    )


def _between(distance: Decimal, low: Decimal, high: Decimal) -> Decimal:
    return max(NOTHING, min(distance, high) - low)
