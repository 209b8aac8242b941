"""What an allocation group wants moved: dollars out of classes and into classes.

Belongs here: reading the book's breaches and the policy's stopping point into amounts. Does not
belong here: in which account or from which lot they move, and any judgement of a band of its own.
A breached class is brought to the stopping point; a class inside its band moves only as far as it
must to give or take the other side's dollars, never past its target.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from python_steps.planning.evaluation import is_outside_band
from python_steps.planning.household import (
    CASH,
    UNMAPPED,
    AllocationGroup,
    Banded,
    ClassTarget,
)
from python_steps.planning.ledger import PlanLedger

NOTHING = Decimal(0)
# Where a rebalance may stop, shares of the band's half-width.
AT_TARGET, HALF_WAY, AT_EDGE = Decimal(0), Decimal("0.5"), Decimal(1)
# The stop at a band's edge stays this share of the group's value inside it, so that rounding to
# shares cannot push the class over the edge again.
EDGE_MARGIN = Decimal("0.0005")
# Below this share of the wanted dollars the sources count as scarce; costs and rounding stay above.
SCARCE_SHARE = Decimal("0.9")
# Inside the bands nothing presses: a move below this share of the group's value is not worth a
# trade, however small the household's smallest trade is.
WORTHWHILE_SHARE = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Need:
    """Dollars that a class should give (source) or take (sink); primary when it is breached.

    `to_band` is the part of a sink's dollars that brings it inside its band, 0 when it is.
    """

    asset_class: str
    amount: Decimal
    is_primary: bool
    order: int
    to_band: Decimal = NOTHING


@dataclass(frozen=True, slots=True)
class Needs:
    """Both sides, most urgent first.

    The limits are the dollars that classes inside their bands may give and take all together:
    what the other side's breached classes cannot settle among themselves.
    """

    sources: tuple[Need, ...]
    sinks: tuple[Need, ...]
    secondary_source_limit: Decimal
    secondary_sink_limit: Decimal


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


def stopping_weights(row: Banded, stop: Decimal) -> tuple[Decimal, Decimal]:
    """Weights (low, high) to which an under- and an overweight breached target is brought.

    Args:
        row: target and band.
        stop: where the way ends, share of the half-width: 0 at the target, 1 at the edge.
    """
    if stop == AT_TARGET:
        return row.target_weight, row.target_weight
    if stop < AT_EDGE:
        return (
            row.target_weight - stop * (row.target_weight - row.lower_band_weight),
            row.target_weight + stop * (row.upper_band_weight - row.target_weight),
        )
    return (
        min(row.target_weight, row.lower_band_weight + EDGE_MARGIN),
        max(row.target_weight, row.upper_band_weight - EDGE_MARGIN),
    )


def class_needs(
    ledger: PlanLedger,
    group: AllocationGroup,
    stop: Decimal,
    breached: frozenset[str],
    *,
    cash_available: Decimal,
    sweeps_cash: bool = False,
    is_stretched: bool = False,
) -> Needs:
    """The group's needs from where the plan stands now.

    Args:
        ledger: the plan so far.
        group: the allocation group.
        stop: where breached classes stop, share of the half-width (`FirmPolicy.stopping_share`).
        breached: the classes whose needs are primary, see `breached_classes`.
        cash_available: dollars of Cash that can really be moved: free balances when cash is
            invested, cash equivalents that may be sold otherwise. Cash gives no more than that.
        sweeps_cash: whether Cash above its target is a primary source even inside its band.
        is_stretched: whether classes inside their band may go half-way to its edge, for a breach
            that is not cured while they stop at their targets.

    Returns:
        Sources and sinks, and how much the secondary ones may move all together.
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
        low, high = stopping_weights(row, stop if is_primary else AT_TARGET)
        if is_stretched and not is_primary:
            high, low = stopping_weights(row, HALF_WAY)
        is_cash, order = row.asset_class == CASH, _order(row)
        # Stretched, a class inside its band gives down to, and takes up to, the inner edges.
        out = min(value - high * total, cash_available) if is_cash else value - high * total
        is_swept = is_cash and sweeps_cash
        # Liquid funds inside the band of Cash are left alone unless nothing else helps.
        may_give = not is_cash or is_primary or is_swept or is_stretched
        if out > 0 and may_give:
            sources.append(Need(row.asset_class, out, is_primary or is_swept, order))
        if value < low * total:
            lack = low * total - value
            to_band = min(lack, dollars_to_band(ledger, group, row.asset_class))
            sinks.append(Need(row.asset_class, lack, is_primary, order, to_band))
    untargeted = min(values.get(CASH, NOTHING), cash_available)
    if group.target_of(CASH) is None and untargeted > 0:
        sources.append(Need(CASH, untargeted, sweeps_cash, _LAST))
    return _balanced(sources, sinks)


def dollars_to_band(ledger: PlanLedger, group: AllocationGroup, asset_class: str) -> Decimal:
    """Dollars that bring an underweight class just inside its band, 0 where it is inside."""
    row = group.target_of(asset_class)
    total = ledger.group_value(group.allocation_group_id)
    value = ledger.class_values[group.allocation_group_id].get(asset_class, NOTHING)
    if row is None or value >= row.lower_band_weight * total:
        return NOTHING
    return stopping_weights(row, AT_EDGE)[0] * total - value


def is_outside_now(ledger: PlanLedger, group: AllocationGroup, asset_class: str) -> bool:
    """Whether a class stands outside its band where the plan stands now."""
    row = group.target_of(asset_class)
    value = ledger.class_values[group.allocation_group_id].get(asset_class, NOTHING)
    return row is not None and is_outside_band(
        row, value, ledger.group_value(group.allocation_group_id)
    )


def least_inside_band(
    ledger: PlanLedger, group: AllocationGroup, minimum_trade: Decimal
) -> Decimal:
    """The smallest trade worth making for classes that are inside their bands, dollars."""
    total = ledger.group_value(group.allocation_group_id)
    return max(minimum_trade, WORTHWHILE_SHARE * total)


def allotted(needs: Needs) -> dict[str, Decimal]:
    """What each sink gets of all that the sources give: into the bands, then where most lacks.

    Returns:
        Dollars by class; where there is enough for all, what each could take.
    """
    money = _primary_sum(needs.sources) + min(
        sum((need.amount for need in needs.sources if not need.is_primary), NOTHING),
        needs.secondary_source_limit,
    )
    secondary_limit = needs.secondary_sink_limit
    wanting = needs.sinks
    shares = {need.asset_class: NOTHING for need in wanting}

    def give(need: Need, most: Decimal) -> Decimal:
        part = max(NOTHING, min(money, most - shares[need.asset_class]))
        shares[need.asset_class] += part
        return part

    for need in sorted(wanting, key=lambda each: (-each.to_band, each.order, each.asset_class)):
        if need.is_primary:
            money -= give(need, need.to_band)
    for need in sorted(wanting, key=lambda each: (-each.amount, each.order, each.asset_class)):
        if need.is_primary:
            money -= give(need, need.amount)
    for need in sorted(wanting, key=lambda each: (-each.amount, each.order, each.asset_class)):
        if not need.is_primary:
            part = give(need, min(need.amount, secondary_limit))
            money, secondary_limit = money - part, secondary_limit - part
    return shares


def is_short_of_sources(needs: Needs) -> bool:
    """True when all that stands above its target could not fill the breached classes by far.

    Holdings that no target has, such as unmapped ones, have that effect. The dollars are then
    shared out so that every class first comes inside its band.
    """
    given = sum((need.amount for need in needs.sources), NOTHING)
    wanted = sum((need.amount for need in needs.sinks if need.is_primary), NOTHING)
    return given < SCARCE_SHARE * wanted


_LAST = 10_000


def _order(row: ClassTarget) -> int:
    """Severity rank of a breach, then the canonical order of classes."""
    if row.breach_severity_rank is not None and row.is_breach_projected:
        return row.breach_severity_rank
    return 1000 + min(row.asset_class_rank, 8000)


def _balanced(sources: list[Need], sinks: list[Need]) -> Needs:
    out, into = _primary_sum(sources), _primary_sum(sinks)
    return Needs(
        sources=_ordered(sources),
        sinks=_ordered(sinks),
        secondary_source_limit=max(NOTHING, into - out),
        secondary_sink_limit=max(NOTHING, out - into),
    )


def _primary_sum(needs: Iterable[Need]) -> Decimal:
    return sum((need.amount for need in needs if need.is_primary), NOTHING)


def _ordered(needs: list[Need]) -> tuple[Need, ...]:
    """Primary needs by severity, then the others, largest first."""
    return tuple(
        sorted(
            needs,
            key=lambda each: (
                not each.is_primary,
                each.order if each.is_primary else -each.amount,
                each.order,
                each.asset_class,
            ),
        )
    )
