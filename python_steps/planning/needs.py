"""What an allocation group wants moved: dollars out of classes and into classes.

Belongs here: reading the book's breaches and the policy's stopping point into amounts. Does not
belong here: in which account or from which lot they move, and any judgement of a band of its own.
A breached class is brought to the stopping point; a class inside its band moves only as far as it
must to give or take the other side's dollars, never past its target.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from python_steps.planning.evaluation import is_outside_band
from python_steps.planning.household import CASH, UNMAPPED, AllocationGroup, ClassTarget
from python_steps.planning.ledger import PlanLedger

NOTHING = Decimal(0)
HALF = Decimal("0.5")
# The stop at a band's edge stays this share of the group's value inside it, so that rounding to
# shares cannot push the class over the edge again.
EDGE_MARGIN = Decimal("0.0005")


@dataclass(frozen=True, slots=True)
class Need:
    """Dollars that a class should give (source) or take (sink); primary when it is breached."""

    asset_class: str
    amount: Decimal
    is_primary: bool
    order: int


@dataclass(frozen=True, slots=True)
class Needs:
    """Both sides, most urgent first."""

    sources: tuple[Need, ...]
    sinks: tuple[Need, ...]


def breached_classes(ledger: PlanLedger, group: AllocationGroup) -> frozenset[str]:
    """Classes that the book sees outside their band and that the plan has not brought back.

    The projected breach counts: one that a flow in sight cures is a reason to wait. A breach of
    Cash that raising the cash has cured is none any more.
    """
    total = ledger.group_value(group.allocation_group_id)
    values = ledger.class_values[group.allocation_group_id]
    return frozenset(
        row.asset_class
        for row in group.classes
        if row.is_breach_projected
        and is_outside_band(row, values.get(row.asset_class, NOTHING), total)
    )


def stopping_weights(row: ClassTarget, trade_to: str) -> tuple[Decimal, Decimal]:
    """Weights (low, high) to which an under- and an overweight breached class is brought."""
    if trade_to == "target":
        return row.target_weight, row.target_weight
    if trade_to == "inner":
        return (
            row.target_weight - HALF * (row.target_weight - row.lower_band_weight),
            row.target_weight + HALF * (row.upper_band_weight - row.target_weight),
        )
    return (
        min(row.target_weight, row.lower_band_weight + EDGE_MARGIN),
        max(row.target_weight, row.upper_band_weight - EDGE_MARGIN),
    )


def class_needs(
    ledger: PlanLedger,
    group: AllocationGroup,
    trade_to: str,
    breached: frozenset[str],
    *,
    sweeps_cash: bool = True,
) -> Needs:
    """The group's needs from where the plan stands now.

    Args:
        ledger: the plan so far.
        group: the allocation group.
        trade_to: the policy's stopping point (target, inner, edge).
        breached: the classes whose needs are primary, see `breached_classes`.
        sweeps_cash: whether cash above its target counts as primary, so that it is invested first.

    Returns:
        Sources and sinks; the secondary ones are cut to what the other side's primary ones lack.
    """
    total = ledger.group_value(group.allocation_group_id)
    values = ledger.class_values[group.allocation_group_id]
    sources: list[Need] = []
    sinks: list[Need] = []
    for row in group.classes:
        if row.asset_class == UNMAPPED:
            continue
        value = values.get(row.asset_class, NOTHING)
        is_primary = row.asset_class in breached
        low, high = stopping_weights(row, trade_to if is_primary else "target")
        is_swept = sweeps_cash and row.asset_class == CASH
        order = _order(row)
        if value > high * total:
            need = Need(row.asset_class, value - high * total, is_primary or is_swept, order)
            sources.append(need)
        elif value < low * total:
            sinks.append(Need(row.asset_class, low * total - value, is_primary, order))
    if group.target_of(CASH) is None and values.get(CASH, NOTHING) > 0:
        sources.append(Need(CASH, values[CASH], sweeps_cash, _LAST))
    return _balanced(sources, sinks)


_LAST = 10_000


def _order(row: ClassTarget) -> int:
    """Severity rank of a breach, then the canonical order of classes."""
    if row.breach_severity_rank is not None and row.is_breach_projected:
        return row.breach_severity_rank
    return 1000 + min(row.asset_class_rank, 8000)


def _balanced(sources: list[Need], sinks: list[Need]) -> Needs:
    out, into = _primary_sum(sources), _primary_sum(sinks)
    return Needs(
        sources=_cut(sources, max(NOTHING, into - out)),
        sinks=_cut(sinks, max(NOTHING, out - into)),
    )


def _primary_sum(needs: list[Need]) -> Decimal:
    return sum((need.amount for need in needs if need.is_primary), NOTHING)


def _cut(needs: list[Need], secondary: Decimal) -> tuple[Need, ...]:
    """Primary needs whole; secondary ones, largest first, until `secondary` dollars are found."""
    kept = [need for need in needs if need.is_primary]
    others = [need for need in needs if not need.is_primary]
    for need in sorted(others, key=lambda each: (-each.amount, each.order, each.asset_class)):
        amount = min(need.amount, secondary)
        if amount > 0:
            kept.append(replace(need, amount=amount))
            secondary -= amount
    return tuple(sorted(kept, key=lambda each: (not each.is_primary, each.order, each.asset_class)))
