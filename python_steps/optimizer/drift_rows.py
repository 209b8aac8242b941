"""Drift of classes, and of the targets inside them, in priced segments.

Belongs here: a row for each target, with what each trade adds to it. Does not belong here: targets
and bands (the book states them), the prices (`prices`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from python_steps.optimizer.linear_model import DOLLARS_PER_UNIT
from python_steps.optimizer.model_assembly import Assembly, Deviation
from python_steps.optimizer.prices import Segment
from python_steps.planning.evaluation import PART_SHARE
from python_steps.planning.household import (
    CASH,
    UNMAPPED,
    AllocationGroup,
    Banded,
    ClassTarget,
    PartTarget,
)

# Outer prices begin this share of the group inside its band: rounding must not cross the edge.
EDGE_MARGIN = 0.0005

# The last segment has room for this many values of a group, and for more where flows leave so
# little of it that what stands in a class, or may be traded, is more.
FARTHEST = 100.0

Exposure = list[tuple[int, float]]
"""By column the dollars that a dollar of the trade adds to a target."""


def add_drift(assembly: Assembly) -> None:
    """How far each class, and each target inside a class, stands from its target, and its price."""
    exposures = _exposures_of_classes(assembly)
    for group in assembly.problem.groups:
        group_id = group.allocation_group_id
        values = assembly.problem.start.class_values[group_id]
        total = float(sum(values.values(), Decimal(0)))
        if total <= 0:
            continue
        for row in group.classes:
            if row.asset_class != UNMAPPED:
                value = float(values.get(row.asset_class, 0))
                exposure = exposures.get((group_id, row.asset_class), [])
                _deviation(assembly, group, row, total, value, exposure)
        parts = assembly.problem.start.part_values[group_id]
        for part in group.parts:
            if part.asset_class is not None:
                exposure = _exposure_of_part(assembly, group_id, part)
                _deviation(assembly, group, part, total, float(parts[part.key]), exposure)


def _exposures_of_classes(assembly: Assembly) -> dict[tuple[str, str], Exposure]:
    """By group and class what a dollar of each trade adds; cash moves with every trade."""
    found: dict[tuple[str, str], Exposure] = defaultdict(list)
    for account_id, trades in assembly.trades_of_account.items():
        group_id = assembly.group_of_account[account_id]
        if group_id is None:
            continue
        factor = _basis_factor(assembly, account_id)
        for trade in trades:
            counted, in_cash = trade.sign * factor, trade.brings * factor
            for name, weight in assembly.class_weights(trade.security_id):
                if name == CASH:
                    in_cash += counted * weight
                else:
                    found[group_id, name].append((trade.column, counted * weight))
            found[group_id, CASH].append((trade.column, in_cash))
    return found


def _exposure_of_part(assembly: Assembly, group_id: str, part: PartTarget) -> Exposure:
    weights: dict[str, float] = {}
    entries = []
    for trade in assembly.trades:
        if assembly.group_of_account[trade.account_id] != group_id:
            continue
        security_id = trade.security_id
        if security_id not in weights:
            weights[security_id] = float(part.weight_of(assembly.problem.security(security_id)))
        if weights[security_id]:
            counted = trade.sign * _basis_factor(assembly, trade.account_id)
            entries.append((trade.column, counted * weights[security_id]))
    return entries


def _basis_factor(assembly: Assembly, account_id: str) -> float:
    """What a dollar in an account counts in the weights of its group."""
    return float(assembly.problem.index.accounts[account_id].basis_factor)


def _deviation(
    assembly: Assembly,
    group: AllocationGroup,
    row: Banded,
    total: float,
    value: float,
    exposure: Exposure,
) -> None:
    """Value after the plan = target + what is above - what is below, each in priced segments."""
    name = f"{row.name} of {group.allocation_group_id}"
    margin = EDGE_MARGIN * total
    share = 1.0 if isinstance(row, ClassTarget) else float(PART_SHARE)
    above, below = assembly.prices.drift_segments(row, total, margin, share)
    target = float(row.target_weight) * total
    gap = (target - value) / DOLLARS_PER_UNIT
    reach = abs(gap) + math.fsum(
        abs(part) * assembly.builder.upper_of(each) for each, part in exposure
    )
    farthest = max(FARTHEST * total / DOLLARS_PER_UNIT, reach)
    up = _segments(assembly, f"{name} above", above, farthest)
    down = _segments(assembly, f"{name} below", below, farthest)
    entries = [
        *exposure,
        *((column, -1.0) for column, _ in up),
        *((column, 1.0) for column, _ in down),
    ]
    assembly.deviations.append(
        Deviation(
            group_id=group.allocation_group_id,
            asset_class=row.asset_class if isinstance(row, ClassTarget) else None,
            above=tuple(column for column, _ in up),
            below=tuple(column for column, _ in down),
            outside=tuple(column for column, is_outside in (*up, *down) if is_outside),
        )
    )
    assembly.builder.row(name, entries, lower=gap, upper=gap)


def _segments(
    assembly: Assembly, name: str, segments: Iterable[Segment], farthest: float
) -> list[tuple[int, bool]]:
    """Columns of the segments, `farthest` thousand dollars wide at the most.

    Each with whether it is beyond the band.
    """
    columns = []
    for segment in segments:
        width = min(segment.width / DOLLARS_PER_UNIT, farthest)
        if width > 0:
            column = assembly.builder.column(f"{name} at {segment.price}", upper=width)
            assembly.price("drift", column, segment.price)
            columns.append((column, segment.is_outside))
            if segment.is_outside:
                assembly.wanting.append(column)
    return columns
