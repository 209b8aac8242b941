"""Holding period: when a lot becomes long-term.

Belongs here: the anniversary rule, for one lot and for whole columns, and the holding-period start
of a wash-sale replacement. Does not belong here: matching of wash sales, netting, rates.
Sources: IRC 1222, 1223(3); Rev. Rul. 66-7 and 66-97 (trade dates; the day of acquisition is
excluded, the day of sale included), Rev. Rul. 70-598 (purchase on the last day of a month).
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt

HoldingMethod = Literal["no_overlap", "tack", "holding_date"]
Term = Literal["short", "long"]

Dates = npt.NDArray[np.datetime64]


def long_term_from(start: date) -> date:
    """The first day on which a sale is long-term.

    Args:
        start: the holding-period start date (the acquisition day, which itself does not count).

    Returns:
        The anniversary of the day after `start`; where that is 29 February, 1 March.
    """
    return held_longer_than(start, months=12)


def held_longer_than(start: date, *, months: int) -> date:
    """The first day on which shares held since `start` were held longer than `months` months.

    The day of acquisition does not count: the period runs from the day after it. A month that
    lacks that day of the month ends with its last day (Rev. Rul. 70-598).
    """
    first_day = start + timedelta(days=1)
    year, month_index = divmod(first_day.year * 12 + first_day.month - 1 + months, 12)
    if first_day.day > monthrange(year, month_index + 1)[1]:
        year, month_index = divmod(year * 12 + month_index + 1, 12)
        return date(year, month_index + 1, 1)
    return date(year, month_index + 1, first_day.day)


def is_long_term(start: date, sold: date) -> bool:
    """True when shares held since `start` and sold on trade date `sold` are long-term."""
    return sold >= long_term_from(start)


def term_of(start: date, sold: date) -> Term:
    """Term, "long" or "short", of shares held since `start` and sold on trade date `sold`."""
    return "long" if is_long_term(start, sold) else "short"


def long_term_from_column(starts: Dates) -> Dates:
    """`long_term_from` of a whole column.

    Args:
        starts: datetime64[D]; NaT where the start is unknown.

    Returns:
        datetime64[D] of the same length; NaT stays NaT.
    """
    first_days = starts.astype("datetime64[D]") + np.timedelta64(1, "D")
    months = first_days.astype("datetime64[M]")
    # Adding 28 days to 1 February of a common year is 1 March: the leap-day rule by itself.
    days_into_month = first_days - months.astype("datetime64[D]")
    anniversary: Dates = (months + np.timedelta64(12, "M")).astype(
        "datetime64[D]"
    ) + days_into_month
    return anniversary


def replacement_holding_start(
    *, sold_start: date, sold: date, replacement_start: date, method: HoldingMethod
) -> date:
    """Holding-period start of replacement shares after a disallowed loss (IRC 1223(3)).

    Args:
        sold_start: holding-period start of the shares sold at the loss.
        sold: trade date of that sale.
        replacement_start: holding-period start of the replacement shares before the match.
        method: "tack" adds the sold shares' days literally; "holding_date" takes the earlier of
            the two starts; "no_overlap" adds the days but never reaches back beyond the sold
            shares' own start, so that days on which both were held count once.

    Returns:
        The date the period is treated as starting; the day after it is day one.
    """
    tacked = replacement_start - (sold - sold_start)
    if method == "tack":
        return tacked
    if method == "holding_date":
        return min(replacement_start, sold_start)
    return min(replacement_start, max(tacked, sold_start))
