"""Which returns of a plan stand: the rule by which the records are read.

Belongs here: replacing and conflicting among returns that were taken. Does not belong here: whether
a plan is superseded (the night knows), whether a single return may be taken (judgement).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

RECORDED: Final = "recorded"
CONFLICTING: Final = "conflicting"
REFUSED: Final = "refused"
# What becomes of a return that was taken.
IN_FORCE: Final = "in_force"
REPLACED: Final = "replaced"

State = Literal["in_force", "conflicting", "replaced"]


class ReturnOutcome(NamedTuple):
    """One return of a plan and what became of it."""

    return_number: int
    outcome: str
    replaces_earlier: bool


def standing_states(returns: Sequence[ReturnOutcome]) -> dict[int, State]:
    """What has become of each return of one plan that was not refused.

    A return that replaces earlier ones ends all of them. Where two of those that are left decide
    otherwise, none of them is in force: nobody knows which the advisor meant.

    Args:
        returns: every return of the plan, oldest first.
    """
    taken = [one for one in returns if one.outcome != REFUSED]
    first = max((place for place, one in enumerate(taken) if one.replaces_earlier), default=0)
    disagree = any(one.outcome == CONFLICTING for one in taken[first:])
    left: State = CONFLICTING if disagree else IN_FORCE
    return {
        one.return_number: REPLACED if place < first else left for place, one in enumerate(taken)
    }
