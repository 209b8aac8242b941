"""Should the household rebalance now, or wait for the next contribution?

Belongs here: the numbers of both paths from facts that stand in the marts, and the verdict in a
sentence. Does not belong here: planning trades, reading the marts. Waiting assumes that the
contribution is invested in the classes that lack most, without a sale, and that prices stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from python_steps.planning.household import UNMAPPED
from python_steps.planning.wording import dollars, percent

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class ClassStand:
    """One class of an allocation group: band, weight today and after the proposed trades."""

    asset_class: str
    target_weight: Decimal
    lower_band_weight: Decimal
    upper_band_weight: Decimal
    actual_weight: Decimal
    post_trade_weight: Decimal


@dataclass(frozen=True, slots=True)
class Contribution:
    """New money that is on its way."""

    amount: Decimal
    expected_date: date | None


@dataclass(frozen=True, slots=True)
class Path:
    """What one path leaves and costs."""

    breach_count: int
    largest_drift: Decimal
    amount_outside_bands: Decimal
    estimated_tax: Decimal | None
    transaction_cost: Decimal

    @property
    def outside(self) -> tuple[int, Decimal]:
        """How far from its bands the path leaves the group: classes outside, then dollars."""
        return (self.breach_count, self.amount_outside_bands)


@dataclass(frozen=True, slots=True)
class WaitOrTrade:
    """Both paths and the verdict: trade, wait or nothing_to_do."""

    today: Path
    trade_now: Path
    wait: Path
    contribution: Decimal
    expected_date: date | None
    verdict: str
    sentence: str


def wait_or_trade(
    classes: Sequence[ClassStand],
    base_value: Decimal,
    contributions: Iterable[Contribution],
    *,
    estimated_tax: Decimal | None,
    transaction_cost: Decimal,
) -> WaitOrTrade:
    """Compare trading now with waiting for the contributions that are due.

    Args:
        classes: the group's classes, from `class_stands`.
        base_value: the group's allocation base, dollars.
        contributions: contributions planned or requested, none when there are none.
        estimated_tax: the plan's true tax, None where it is unknown.
        transaction_cost: the plan's cost, dollars.

    Raises:
        ValueError: the base is not positive.
    """
    if base_value <= 0:
        raise ValueError("the allocation base must be positive")
    expected = list(contributions)
    amount = sum((each.amount for each in expected), NOTHING)
    dates = [each.expected_date for each in expected if each.expected_date is not None]
    today = _path(classes, {each.asset_class: each.actual_weight for each in classes}, base_value)
    traded = _path(
        classes,
        {each.asset_class: each.post_trade_weight for each in classes},
        base_value,
        estimated_tax,
        transaction_cost,
    )
    waited = _path(classes, weights_after(classes, base_value, amount), base_value + amount)
    verdict, sentence = _verdict(today, traded, waited, amount, max(dates, default=None))
    return WaitOrTrade(
        today=today,
        trade_now=traded,
        wait=waited,
        contribution=amount,
        expected_date=max(dates, default=None),
        verdict=verdict,
        sentence=sentence,
    )


def class_stands(
    drift_rows: Iterable[Mapping[str, Any]], comparison_rows: Iterable[Mapping[str, Any]]
) -> list[ClassStand]:
    """Classes of one group from rows of `fct_household_drift` and `fct_allocation_comparison`.

    Without a comparison row (no plan, no trades) a class stays where it is.
    """
    after = {row["asset_class"]: row["post_trade_weight"] for row in comparison_rows}
    return [
        ClassStand(
            asset_class=row["asset_class"],
            target_weight=row["target_weight"],
            lower_band_weight=row["lower_band_weight"],
            upper_band_weight=row["upper_band_weight"],
            actual_weight=row["actual_weight"],
            post_trade_weight=after.get(row["asset_class"], row["actual_weight"]),
        )
        for row in sorted(drift_rows, key=lambda each: str(each["asset_class"]))
        if row["asset_class"] != UNMAPPED
    ]


def weights_after(
    classes: Sequence[ClassStand], base_value: Decimal, contribution: Decimal
) -> dict[str, Decimal]:
    """Weights once the contribution has gone to the classes that lack most, in dollars."""
    total = base_value + contribution
    values = {each.asset_class: each.actual_weight * base_value for each in classes}
    lacks = sorted(
        ((each.target_weight * total - values[each.asset_class], each) for each in classes),
        key=lambda pair: (-pair[0], pair[1].asset_class),
    )
    left = contribution
    for lack, each in lacks:
        part = min(left, lack)
        if part > 0:
            values[each.asset_class] += part
            left -= part
    if left > 0:
        for each in classes:  # more money than the classes lack: the rest follows the targets
            values[each.asset_class] += left * each.target_weight
    return {name: value / total for name, value in values.items()}


def _path(
    classes: Sequence[ClassStand],
    weights: Mapping[str, Decimal],
    total: Decimal,
    estimated_tax: Decimal | None = NOTHING,
    transaction_cost: Decimal = NOTHING,
) -> Path:
    outside = [
        max(
            weights[each.asset_class] - each.upper_band_weight,
            each.lower_band_weight - weights[each.asset_class],
            NOTHING,
        )
        for each in classes
    ]
    drift = [abs(weights[each.asset_class] - each.target_weight) for each in classes]
    return Path(
        breach_count=sum(1 for amount in outside if amount > 0),
        largest_drift=max(drift, default=NOTHING),
        amount_outside_bands=(sum(outside, NOTHING) * total).quantize(Decimal("0.01")),
        estimated_tax=estimated_tax,
        transaction_cost=transaction_cost,
    )


def _verdict(
    today: Path, traded: Path, waited: Path, amount: Decimal, expected: date | None
) -> tuple[str, str]:
    if today.breach_count == 0:
        return "nothing_to_do", (
            "Every asset class is inside its band: there is nothing to rebalance, and new money "
            "can simply be invested in the classes that lack most."
        )
    when = f" on {expected.isoformat()}" if expected else ""
    price = _price_words(traded)
    if amount <= 0 and traded.outside >= today.outside:
        return "wait", (
            f"No contribution is on its way, and the plan has no trade that cures the drift: "
            f"{_drift_words(today)}. Its exceptions say why."
        )
    if amount <= 0:
        return "trade", (
            f"No contribution is on its way, so waiting cures nothing: {_drift_words(today)}. "
            f"Trading now {price} and leaves {_drift_words(traded)}."
        )
    contribution = f"The contribution of {dollars(amount)}{when}"
    if waited.breach_count == 0:
        return "wait", (
            f"Wait. {contribution} brings every class inside its band without a sale; trading "
            f"now {price}. Until then {_drift_words(today)}."
        )
    if traded.outside < waited.outside:
        return "trade", (
            f"Trade now. {contribution} leaves {_drift_words(waited)}; trading now {price} and "
            f"leaves {_drift_words(traded)}."
        )
    return "wait", (
        f"Wait. {contribution} leaves {_drift_words(waited)}, no more than trading now, which "
        f"{price} and leaves {_drift_words(traded)}."
    )


def _price_words(path: Path) -> str:
    if path.estimated_tax is None:
        return f"costs {dollars(path.transaction_cost)} and a tax that is not known"
    if path.estimated_tax < 0:
        return (
            f"costs {dollars(path.transaction_cost)} and saves {dollars(-path.estimated_tax)} of "
            "tax"
        )
    tax = f"{dollars(path.estimated_tax)} of tax" if path.estimated_tax else "no tax"
    return f"costs {dollars(path.transaction_cost)} and {tax}"


def _drift_words(path: Path) -> str:
    if path.breach_count == 0:
        return f"no class outside its band (largest drift {percent(path.largest_drift)})"
    classes = "class" if path.breach_count == 1 else "classes"
    return (
        f"{path.breach_count} {classes} outside the band by {dollars(path.amount_outside_bands)} "
        f"(largest drift {percent(path.largest_drift)})"
    )
