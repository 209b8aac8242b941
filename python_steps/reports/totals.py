"""Sums of a column as shown in total lines, and the status that a report shows.

Belongs here: exact sums of mart rows and the reading of one household's state. Does not belong
here: any fact that is not in a mart. A sum with an unknown part is unknown, never a smaller number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

NOT_PLANNED: Final = "not_planned"
RELEASED: Final = "released"

# What a person must act on first stands first.
URGENCY: Final = (
    "withheld",
    "infeasible_cash",
    "waiting_for_feed",
    NOT_PLANNED,
    "awaiting_execution",
    "partial",
    "deferred",
    "proposed",
    "no_trade",
)
CALM_STATUSES: Final = frozenset({"proposed", "no_trade"})
STATUSES_WITHOUT_TRADES: Final = frozenset(
    {"withheld", "waiting_for_feed", NOT_PLANNED, "awaiting_execution", "no_trade"}
)
# Statuses under which nothing of the household is traded, whatever its accounts would allow.
HELD_STATUSES: Final = frozenset({"withheld", "waiting_for_feed", "awaiting_execution"})
# States in which the household's own numbers are not current.
NOT_CURRENT_STATES: Final = frozenset({"withheld", "waiting_for_feed"})


def exact_sum(rows: Iterable[Mapping[str, Any]], key: str) -> Decimal | None:
    """The sum of a column, or None if any part of it, or every row, is missing."""
    total = Decimal(0)
    found = False
    for row in rows:
        value = row[key]
        if value is None:
            return None
        total += value
        found = True
    return total if found else None


def known_sum(rows: Iterable[Mapping[str, Any]], key: str) -> tuple[Decimal | None, int]:
    """The sum of what is known of a column, and how many rows are not; None if nothing is known.

    For totals of the whole book, which say beside the sum how many are left out of it.
    """
    total = Decimal(0)
    known = unknown = 0
    for row in rows:
        value = row[key]
        if value is None:
            unknown += 1
        else:
            total += value
            known += 1
    return (total if known else None), unknown


def report_status(household: Mapping[str, Any], plan: Mapping[str, Any] | None) -> str:
    """The status a report shows: the household's state unless released, else its plan's status."""
    state = str(household["household_state"])
    if state != RELEASED:
        return state
    return NOT_PLANNED if plan is None else str(plan["plan_status"])


def status_reason(household: Mapping[str, Any], plan: Mapping[str, Any] | None) -> str | None:
    """The sentence that goes with the status, as the marts have it; None if they have none."""
    if household["household_state"] != RELEASED and household["state_reason"]:
        return str(household["state_reason"])
    if plan is not None and plan["explanation"]:
        return str(plan["explanation"])
    return str(household["state_reason"]) if household["state_reason"] else None
