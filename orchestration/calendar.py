"""Partitions: one per NYSE session.

Belongs here: the partition definition and the dates that a session's night needs. Does not belong
here: the calendar itself (python_steps.sessions). The keys are a fixed list, not a time window: a
window would hide sessions that lie after this machine's clock, and a night is a function of its
input alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import dagster as dg

from python_steps.policy import FirmPolicy
from python_steps.sessions import (
    LAST_SUPPORTED_DATE,
    is_session,
    next_session,
    previous_session,
    session_on_or_before,
    sessions_between,
)

FIRST_PARTITION = date(2015, 1, 2)
# How far back a chain of files of changes may begin with its last full file.
LONGEST_CHAIN = timedelta(days=190)


@cache
def session_partitions() -> dg.StaticPartitionsDefinition:
    """Every NYSE session from 2015 on, as partition keys `YYYY-MM-DD`."""
    sessions = sessions_between(FIRST_PARTITION, LAST_SUPPORTED_DATE)
    return dg.StaticPartitionsDefinition([session.isoformat() for session in sessions])


@dataclass(frozen=True)
class NightDates:
    """The dates of one night: all derived from the session and the policy, none from a clock."""

    as_of_date: date
    previous_session_date: date
    planned_trade_date: date
    valid_until_date: date
    flow_horizon_date: date

    @classmethod
    def of(cls, as_of_date: date, policy: FirmPolicy) -> NightDates:
        """Dates of the night of `as_of_date`.

        Raises:
            ValueError: `as_of_date` is no session; says which session its files belong to.
        """
        if not is_session(as_of_date):
            raise ValueError(
                f"{as_of_date} is not a session of the New York Stock Exchange; files of that day "
                f"belong to the session of {session_on_or_before(as_of_date)}"
            )
        planned = next_session(as_of_date)
        return cls(
            as_of_date=as_of_date,
            previous_session_date=previous_session(as_of_date),
            planned_trade_date=planned,
            valid_until_date=next_session(planned, policy.plan_valid_sessions)
            if policy.plan_valid_sessions
            else planned,
            flow_horizon_date=next_session(as_of_date, policy.flow_horizon_sessions)
            if policy.flow_horizon_sessions
            else as_of_date,
        )

    def dbt_vars(self) -> dict[str, str]:
        """The dates as dbt variables."""
        recent = sessions_between(self.as_of_date - LONGEST_CHAIN, self.as_of_date)
        return {
            "as_of_date": self.as_of_date.isoformat(),
            "recent_sessions": ",".join(session.isoformat() for session in recent),
            "previous_session_date": self.previous_session_date.isoformat(),
            "planned_trade_date": self.planned_trade_date.isoformat(),
            "flow_horizon_date": self.flow_horizon_date.isoformat(),
        }
