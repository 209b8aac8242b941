"""Drift of classes, and of the targets inside them, in priced segments.

Belongs here: a row for each target, with what each trade adds to it. Does not belong here: targets
and bands (the book states them), the prices (`prices`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from python_steps.optimizer.core_problem import CoreProblem
from python_steps.optimizer.linear_model import DOLLARS_PER_UNIT
from python_steps.optimizer.model_assembly import Assembly
from python_steps.optimizer.prices import Segment
from python_steps.planning.household import CASH, UNMAPPED, AllocationGroup, Banded, Security

# Outer prices begin this share of the group inside its band: rounding must not cross the edge.
EDGE_MARGIN = 0.0005


def add_drift(assembly: Assembly) -> None:
    """How far each class, and each target inside a class, stands from its target, and its price."""
    for group in assembly.problem.groups:
        values = assembly.problem.start.class_values[group.allocation_group_id]
        total = float(sum(values.values()))
        if total <= 0:
            continue
        for row in group.classes:
            if row.asset_class == UNMAPPED:
                continue
            weights = _class_shares(assembly, group, row.asset_class)
            value = float(values.get(row.asset_class, 0))
            _deviation(assembly, group, row, total, value, weights)
        parts = assembly.problem.start.part_values[group.allocation_group_id]
        for part in group.parts:
            if part.asset_class is not None:
                shares = _shares(assembly, group, part.weight_of)
                _deviation(assembly, group, part, total, float(parts[part.key]), shares)


def _class_shares(
    assembly: Assembly, group: AllocationGroup, asset_class: str
) -> list[tuple[int, float]]:
    """By column the class dollars that a dollar of the trade adds; cash moves with every trade."""
    problem = assembly.problem

    def weight(security: Security) -> Decimal:
        return dict(security.class_weights).get(asset_class, Decimal(0))

    entries = _shares(assembly, group, weight)
    if asset_class != CASH:
        return entries
    for sale, column in zip(problem.sales, assembly.sale_columns, strict=True):
        if _is_in(problem, sale.account_id, group):
            entries.append((column, 1.0 - problem.half_spread(sale.security_id)))
    for purchase, column in zip(problem.purchases, assembly.purchase_columns, strict=True):
        if _is_in(problem, purchase.account_id, group):
            entries.append((column, -1.0 - problem.half_spread(purchase.security_id)))
    return _added_up(entries)


def _shares(
    assembly: Assembly, group: AllocationGroup, weight: Callable[[Security], Decimal]
) -> list[tuple[int, float]]:
    """By column what a dollar of the trade adds to something that securities have a share of."""
    problem = assembly.problem
    trades = [
        *((-1.0, sale.account_id, sale.security_id) for sale in problem.sales),
        *((1.0, each.account_id, each.security_id) for each in problem.purchases),
    ]
    known: dict[str, float] = {}
    entries = []
    columns = (*assembly.sale_columns, *assembly.purchase_columns)
    for (sign, account_id, security_id), column in zip(trades, columns, strict=True):
        if security_id not in known:
            known[security_id] = float(weight(problem.security(security_id)))
        if known[security_id] and _is_in(problem, account_id, group):
            entries.append((column, sign * known[security_id]))
    return entries


def _is_in(problem: CoreProblem, account_id: str, group: AllocationGroup) -> bool:
    own = problem.index.group_of(account_id)
    return own is not None and own.allocation_group_id == group.allocation_group_id


def _added_up(entries: Iterable[tuple[int, float]]) -> list[tuple[int, float]]:
    total: dict[int, float] = {}
    for column, value in entries:
        total[column] = total.get(column, 0.0) + value
    return list(total.items())


def _deviation(
    assembly: Assembly,
    group: AllocationGroup,
    row: Banded,
    total: float,
    value: float,
    shares: Sequence[tuple[int, float]],
) -> None:
    """Value after the plan = target + what is above - what is below, each in priced segments."""
    name = f"{row.name} of {group.allocation_group_id}"
    margin = EDGE_MARGIN * total
    above, below = assembly.prices.drift_segments(row, total, margin)
    entries = list(shares)
    for side, segments, sign in (("above", above, -1.0), ("below", below, 1.0)):
        for column in _segments(assembly, f"{name} {side}", segments, total):
            entries.append((column, sign))
    target = float(row.target_weight) * total
    gap = (target - value) / DOLLARS_PER_UNIT
    assembly.builder.row(name, entries, lower=gap, upper=gap)


def _segments(
    assembly: Assembly, name: str, segments: Iterable[Segment], total: float
) -> list[int]:
    columns = []
    for segment in segments:
        width = min(segment.width, 2 * total) / DOLLARS_PER_UNIT
        if width > 0:
            column = assembly.builder.column(f"{name} at {segment.price}", upper=width)
            assembly.price("drift", column, segment.price)
            columns.append(column)
            if segment.is_outside:
                assembly.wanting.append(column)
    return columns
