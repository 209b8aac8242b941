"""The business calendar: New York Stock Exchange sessions.

Belongs here: which dates are sessions, the session before and after a date, the settlement date.
Does not belong here: any other date arithmetic (holding periods stand in `taxes`, windows in
`wash_sales`). Source: exchange_calendars, calendar XNYS; settlement T+1, 17 CFR 240.15c6-1.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

import pandas as pd

if TYPE_CHECKING:
    from exchange_calendars import ExchangeCalendar

NEW_YORK = ZoneInfo("America/New_York")
FIRST_SUPPORTED_DATE = date(2000, 1, 1)
LAST_SUPPORTED_DATE = date(2027, 12, 31)


@cache
def _calendar() -> ExchangeCalendar:
    from exchange_calendars import get_calendar

    return get_calendar(
        "XNYS", start=FIRST_SUPPORTED_DATE.isoformat(), end=LAST_SUPPORTED_DATE.isoformat()
    )


def _supported(day: date) -> pd.Timestamp:
    if not FIRST_SUPPORTED_DATE <= day <= LAST_SUPPORTED_DATE:
        raise ValueError(
            f"{day} is outside the calendar ({FIRST_SUPPORTED_DATE} to {LAST_SUPPORTED_DATE})"
        )
    return pd.Timestamp(day)


def is_session(day: date) -> bool:
    """True when the exchange is open on `day`."""
    return bool(_calendar().is_session(_supported(day)))


def session_on_or_before(day: date) -> date:
    """The session that a file dated `day` belongs to: weekends and holidays fall back."""
    return cast("date", _calendar().date_to_session(_supported(day), direction="previous").date())


def session_on_or_after(day: date) -> date:
    """The first session not before `day`."""
    return cast("date", _calendar().date_to_session(_supported(day), direction="next").date())


def next_session(day: date, count: int = 1) -> date:
    """The session `count` sessions after `day` (`day` itself need not be a session)."""
    current = session_on_or_before(day)
    for _ in range(count):
        current = cast("date", _calendar().next_session(pd.Timestamp(current)).date())
    return current


def previous_session(day: date) -> date:
    """The session strictly before `day`."""
    first = session_on_or_after(day)
    return cast("date", _calendar().previous_session(pd.Timestamp(first)).date())


def sessions_between(first: date, last: date) -> list[date]:
    """Every session from `first` to `last`, both ends included."""
    found = _calendar().sessions_in_range(_supported(first), _supported(last))
    return [stamp.date() for stamp in found]


def session_open_for_orders(moment: datetime) -> date:
    """The session in which an order that is given at a moment can first be traded.

    That is the day's own session until it closes (early closes included), else the next one.

    Raises:
        ValueError: the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    day = moment.astimezone(NEW_YORK).date()
    session = session_on_or_after(day)
    return session if moment < close_of(session) else next_session(session)


def close_of(session: date) -> datetime:
    """The moment at which a session closes.

    Raises:
        ValueError: the day is no session.
    """
    if not is_session(session):
        raise ValueError(f"{session} is not a session")
    stamp = _calendar().session_close(pd.Timestamp(session))
    return cast("datetime", stamp.to_pydatetime())


def settlement_date(trade_date: date) -> date:
    """The regular-way settlement date of a trade: one session later (since 2024-05-28)."""
    return next_session(trade_date)
