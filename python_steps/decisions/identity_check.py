"""Is this the plan that is in force, is it in time, and may this advisor decide it?

Belongs here: the checks of the stamp against records, published night, calendar and entitlement.
Does not belong here: any check of a single decision. Architecture: issued plans are immutable,
changed inputs make a new version that supersedes the old one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from python_steps.decisions.plan_facts import PlanIdentity
from python_steps.decisions.refusals import Refusal, shown_value
from python_steps.decisions.returned_workbook import ReturnedWorkbook
from python_steps.decisions.stamp import STAMP_SHEET, PlanStamp
from python_steps.sessions import session_open_for_orders

# Plans whose trades may be approved.
DECIDABLE_STATUSES: Final = ("proposed", "partial", "infeasible_cash")
_CURRENT: Final = "Decide in the workbook of the latest night."


def identity_refusals(
    returned: ReturnedWorkbook, identity: PlanIdentity, advisor_id: str, decided_at: datetime
) -> list[Refusal]:
    """Why the plan of the workbook cannot be decided by this advisor at this moment.

    Args:
        returned: the workbook.
        identity: what is known of the plan that it names.
        advisor_id: who decides, known from outside the workbook.
        decided_at: when, with its time zone.
    """
    unknown = list(_unknown_plan(returned, identity))
    if unknown:
        return unknown
    return [
        *_not_entitled(identity, advisor_id),
        *_altered_line(returned),
        *_superseded(returned, identity),
        *_too_late(returned, identity, decided_at),
    ]


def _refusal(returned: ReturnedWorkbook, field: str, check: str, reason: str, what: str) -> Refusal:
    value = getattr(returned.stamp, field)
    place = returned.stamp_places[field]
    return Refusal(check, STAMP_SHEET, place, shown_value(value), reason, what)


def _unknown_plan(returned: ReturnedWorkbook, identity: PlanIdentity) -> Iterator[Refusal]:
    what = "Return the workbook as Evenkeel wrote it, of this firm."
    if identity.issued is None:
        yield _refusal(
            returned, "plan_id", "plan_was_issued", "no such plan was ever issued here", what
        )
        return
    for field in PlanStamp._fields:
        if getattr(returned.stamp, field) != getattr(identity.issued, field):
            words = field.replace("_", " ")
            reason = f"this is not the {words} of the plan that was issued"
            yield _refusal(returned, field, "stamp_is_unchanged", reason, what)


def _altered_line(returned: ReturnedWorkbook) -> Iterator[Refusal]:
    """The visible line must name the same plan: people trust what they see."""
    line = returned.plan_line
    if line is None:
        return
    said, stamp = str(line.value), returned.stamp
    if line.is_formula or any(word not in said for word in stamp):
        yield Refusal(
            "stamp_is_unchanged",
            returned.sheet,
            line.place,
            shown_value(line.value),
            "the line that names the plan is not that of the hidden sheet",
            "Return the workbook as Evenkeel wrote it.",
        )


def _not_entitled(identity: PlanIdentity, advisor_id: str) -> Iterator[Refusal]:
    if identity.issued is not None and identity.advisor_id != advisor_id:
        yield Refusal(
            "advisor_is_entitled",
            "",
            "",
            advisor_id,
            f"{advisor_id} does not advise household {identity.issued.household_id}",
            "Only the household's advisor decides; return the file under that advisor's name.",
        )


def _superseded(returned: ReturnedWorkbook, identity: PlanIdentity) -> Iterator[Refusal]:
    night = identity.as_of_date
    if identity.current != identity.issued:
        now = "no plan" if identity.current is None else f"version {identity.current.version}"
        reason = f"the night of {night} was run again and now has {now} for the household"
        yield _refusal(returned, "version", "plan_is_current", reason, _CURRENT)
    elif identity.plan_status not in DECIDABLE_STATUSES:
        reason = f"the plan of {night} is {identity.plan_status}"
        yield _refusal(returned, "plan_id", "plan_is_current", reason, _CURRENT)
    elif identity.latest_night is not None and night is not None and identity.latest_night > night:
        reason = f"the night of {identity.latest_night} knows the household better than {night}"
        yield _refusal(returned, "plan_id", "plan_is_current", reason, _CURRENT)


def _too_late(
    returned: ReturnedWorkbook, identity: PlanIdentity, decided_at: datetime
) -> Iterator[Refusal]:
    last, night = identity.valid_until_date, identity.as_of_date
    session = session_open_for_orders(decided_at)
    if last is None or session > last:
        reason = (
            f"decided at {decided_at:%Y-%m-%d %H:%M}, the trades could be given on {session}; "
            f"the plan is valid until {last}"
        )
        yield _refusal(returned, "plan_id", "plan_is_in_time", reason, _CURRENT)
    elif night is not None and session <= night:
        reason = f"a plan of {night} cannot have been decided at {decided_at:%Y-%m-%d %H:%M}"
        what = "Give the moment of the decision."
        yield _refusal(returned, "plan_id", "plan_is_in_time", reason, what)
