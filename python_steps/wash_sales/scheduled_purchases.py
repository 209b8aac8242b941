"""Purchases that the coming weeks bring without anybody's decision, read off the accounts' history.

Belongs here: the cadence of reinvested dividends and of standing purchases (payroll, automatic
investment), and when the next one is due. Does not belong here: purchases that have happened and
the dates a window closes (`windows`), orders that are only proposed (`screen`).
Sources: IRC 1091(a): a purchase up to 30 days after a loss sale washes it, one that happens by
itself (a dividend reinvestment plan, a payroll deduction) too; Rev. Rul. 56-602 spares the rest of
one past purchase, never a purchase to come. No custodian delivers the plans themselves: they are
read off the history, and where that does not tell, a purchase is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from python_steps.wash_sales.book import (
    NOBODY,
    PURCHASE_TRANSACTIONS,
    Book,
    Codes,
    Mask,
    Rows,
    is_positive,
)

Grid = npt.NDArray[np.int64]  # one row per series, one column per gap or per cadence

REINVEST = "REINVEST"
DISTRIBUTIONS = ("DIVIDEND", "CAP_GAIN_ST", "CAP_GAIN_LT", "RETURN_OF_CAPITAL")
# Rows so close are one payment: fills of several days, a lot dated by its settlement.
DAYS_OF_ONE_PAYMENT = 3
# Gaps between purchases that are looked at, newest first: a year of a quarterly payer.
GAPS_READ = 4
# A standing purchase shows itself in three purchases, which have two gaps.
LEAST_STEADY_GAPS = 2


class Cadence(NamedTuple):
    """How often a purchase returns. `months` 0: counted in days; `tolerance` in days."""

    words: str
    days: int
    months: int
    tolerance: int


# The tolerance is how far one payment may stand from the rhythm. Weekends and holidays move a pay
# date by up to four days and months differ by three; a fund's board moves its quarterly and rarer
# dates by a week or two, most of all the last one of a year, which is brought forward.
CADENCES = (
    Cadence("weekly", 7, 0, 2),
    Cadence("every two weeks", 14, 0, 3),
    Cadence("monthly", 30, 1, 5),
    Cadence("quarterly", 91, 3, 10),
    Cadence("twice a year", 182, 6, 14),
    Cadence("yearly", 365, 12, 21),
)
MONTHLY, RAREST = CADENCES[2], CADENCES[-1]
# After so many intervals without a purchase the plan has been ended.
INTERVALS_UNTIL_STOPPED = 2

_DAYS = np.array([cadence.days for cadence in CADENCES], dtype=np.int64)
_MAY_SKIP = np.array([cadence.days <= MONTHLY.days for cadence in CADENCES], dtype=bool)
_TOLERANCES = np.array([cadence.tolerance for cadence in CADENCES], dtype=np.int64)


class ExpectedPurchase(NamedTuple):
    """A purchase to come that a loss sale on the planned trade date would meet.

    Attributes:
        window_key: its window, see `book.Rows`.
        day: the day it is reckoned with, on or after the planned trade date.
        account_id: where it will be made.
        security_id: what will be bought.
        sentence: what is expected, when, and what that rests on.
    """

    window_key: int
    day: date
    account_id: str
    security_id: str
    sentence: str


def expected_purchases(book: Book, window_days: int) -> list[ExpectedPurchase]:
    """Purchases to come that would wash a loss realised on the planned trade date.

    Only of investments that a taxable account of the wash-sale group holds: nothing else can be
    sold at a loss. A position that is held no more does not reinvest; of an account without lots
    nobody can tell, and its plans are taken to go on.

    * Reinvested dividends: each usual interval among the last gaps is a cadence; the shortest that
      has not been missed twice tells the next date. Without a usual interval (one reinvestment
      only) a purchase inside the window is assumed.
    * A purchase within three days of the security's dividend in the account is a reinvestment too
      (some custodians deliver it as a trade), where the newest dividend was followed by one.
    * Other purchases: expected where at least three were made at one cadence; up to a monthly one
      may be broken by a minority of the last gaps.
    * A date that has passed is expected any day until a second one is missed too.
    * Held-away accounts are aggregated and may be stale: there nothing is taken to have ended, and
      where less than a year is known, a purchase of every investment held is assumed.

    Args:
        book: the night's input.
        window_days: days after a loss sale in which a purchase washes it.

    Returns:
        The expected purchases by window, day, account and security. An estimated date is inside the
        window when the earliest day that its tolerance allows is.
    """
    at_risk = np.unique(
        book.lots.window_key[
            book.in_taxable_account(book.lots)
            & (book.lots.window_key != NOBODY)
            & is_positive(book.lots.table.column("quantity"))
        ]
    )
    if not len(at_risk):
        return []
    series = _Series.of_book(book, at_risk)
    forecast = _Forecast(book, series, window_days)
    return sorted([*forecast.expected(), *forecast.assumed_held_away(at_risk)])


@dataclass(frozen=True)
class _Series:
    """Repeated purchases of one kind of one security in one account, one series per place.

    `last` and `gaps` are in days; a gap of 0 means that there is none so far back.
    """

    position: Codes
    is_reinvestment: Mask
    last: Codes
    gaps: Grid

    @classmethod
    def of_book(cls, book: Book, at_risk: Codes) -> _Series:
        """The series of all positions still held whose window is among `at_risk`."""
        moves, lots = book.transactions, book.lots
        bought = moves.text_in("transaction_type", PURCHASE_TRANSACTIONS) & is_positive(
            moves.table.column("quantity")
        )
        is_reinvested = moves.text_in("transaction_type", (REINVEST,))
        is_reinvested |= _follows_dividend(book, bought & ~is_reinvested, at_risk)
        is_open = is_positive(lots.table.column("quantity"))
        # Lots reach back to where no file of transactions does.
        kept = is_open & lots.text_in("acquisition_type", (REINVEST,))
        parts = [
            _dated(book, moves, "transaction_date", bought & ~is_reinvested, at_risk, False),
            _dated(book, moves, "transaction_date", bought & is_reinvested, at_risk, True),
            _dated(book, lots, "acquisition_date", kept, at_risk, True),
        ]
        numbers = np.concatenate([number for number, _ in parts])
        days = np.concatenate([day for _, day in parts])
        is_held = _is_held(book, numbers // 2, is_open)
        return cls._grouped(numbers[is_held], days[is_held])

    @classmethod
    def _grouped(cls, numbers: Codes, days: Codes) -> _Series:
        order = np.lexsort((days, numbers))
        numbers, days = numbers[order], days[order]
        is_repeated = np.zeros(len(numbers), dtype=bool)
        is_repeated[1:] = (numbers[1:] == numbers[:-1]) & (np.diff(days) <= DAYS_OF_ONE_PAYMENT)
        numbers, days = numbers[~is_repeated], days[~is_repeated]
        names, first, count = np.unique(numbers, return_index=True, return_counts=True)
        last = first + count - 1
        gaps = np.zeros((len(names), GAPS_READ), dtype=np.int64)
        for back in range(GAPS_READ):
            has_gap = count > back + 1
            newer = last[has_gap] - back
            gaps[has_gap, back] = days[newer] - days[newer - 1]
        return cls(names // 2, names % 2 == 1, days[last], gaps)


class _Forecast:
    """When each series goes on, as seen on the planned trade date."""

    def __init__(self, book: Book, series: _Series, window_days: int) -> None:
        self.book, self.series, self.window_days = book, series, window_days
        self.today = int(np.datetime64(book.planned_trade_date, "D").astype(np.int64))
        is_held_away = np.array(
            [account.account_id in book.held_away for account in book.accounts], dtype=bool
        )
        self.is_endless: Mask = is_held_away[series.position // len(book.securities)]
        self.is_seen = self._seen()

    def expected(self) -> list[ExpectedPurchase]:
        """Purchases of a known cadence, and reinvestments of an unknown one."""
        series = self.series
        due = np.column_stack([_later(series.last, cadence, 1) for cadence in CADENCES])
        is_open = self.is_seen & ~self._stopped()
        shortest = np.argmax(is_open, axis=1)
        each = np.arange(len(shortest))
        day, tolerance = due[each, shortest], _TOLERANCES[shortest]
        is_known = is_open.any(axis=1) & (day - tolerance <= self.today + self.window_days)
        found = [
            self._known(place, int(day[place]), CADENCES[shortest[place]])
            for place in np.flatnonzero(is_known).tolist()
        ]
        found.extend(self._unknown(place) for place in np.flatnonzero(self._irregular()).tolist())
        return found

    def assumed_held_away(self, at_risk: Codes) -> list[ExpectedPurchase]:
        """One purchase of each holding of a held-away account that is known for under a year."""
        book = self.book
        needed = book.planned_trade_date - timedelta(days=RAREST.days + RAREST.tolerance)
        young = [
            place
            for place, account in enumerate(book.accounts)
            if account.account_id in book.held_away
            and (book.history_from.get(account.account_id) or date.min) > needed
        ]
        lots = book.lots
        is_wanted = (
            np.isin(lots.account, np.array(young, dtype=np.int64))
            & np.isin(lots.window_key, at_risk)
            & is_positive(lots.table.column("quantity"))
        )
        told = self.series.position[self.series.is_reinvestment | self.is_seen.any(axis=1)]
        positions = np.setdiff1d(book.positions_of(lots)[is_wanted], told)
        return [
            self._purchase(
                position,
                self._end,
                "All purchases of {security} in {account} of the last year are not known: one by "
                "{due} is assumed.",
            )
            for position in positions.tolist()
        ]

    @property
    def _end(self) -> int:
        return self.today + self.window_days

    def _seen(self) -> npt.NDArray[np.bool_]:
        """Per series and cadence: whether its gaps speak for the cadence."""
        gaps = self.series.gaps
        is_of = np.abs(gaps[:, :, None] - _DAYS) <= _TOLERANCES
        count = is_of.sum(axis=1)
        gap_count = (gaps > 0).sum(axis=1)[:, None]
        # A payroll that is skipped, or met by a single purchase, goes on. Of the rarer ones too few
        # gaps are seen to pass over one: chance would make cadences of an advisor's own trades.
        is_steady = (count >= LEAST_STEADY_GAPS) & np.where(
            _MAY_SKIP, 2 * count > gap_count, count == gap_count
        )
        seen: npt.NDArray[np.bool_] = np.where(
            self.series.is_reinvestment[:, None], count > 0, is_steady
        )
        return seen

    def _stopped(self) -> npt.NDArray[np.bool_]:
        missed = np.column_stack(
            [_later(self.series.last, cadence, INTERVALS_UNTIL_STOPPED) for cadence in CADENCES]
        )
        stopped: npt.NDArray[np.bool_] = (self.today > missed + _TOLERANCES) & (
            ~self.is_endless[:, None]
        )
        return stopped

    def _irregular(self) -> Mask:
        """Reinvestments without a usual interval that may still go on."""
        longest = self.series.gaps.max(axis=1, initial=0)
        longest = np.where(longest == 0, RAREST.days, longest)
        end = self.series.last + INTERVALS_UNTIL_STOPPED * longest + RAREST.tolerance
        irregular: Mask = (
            self.series.is_reinvestment
            & ~self.is_seen.any(axis=1)
            & ((self.today <= end) | self.is_endless)
        )
        return irregular

    def _known(self, place: int, due: int, cadence: Cadence) -> ExpectedPurchase:
        what = (
            "Dividends of {security} are reinvested {cadence} in {account}"
            if self.series.is_reinvestment[place]
            else "{security} is bought {cadence} in {account}"
        )
        when = (
            "the one expected about {due} has not come yet"
            if due < self.today
            else "next about {due}"
        )
        # The window before the next purchase but one begins inside that of the next.
        always = (
            " No loss sale is clean while this goes on."
            if cadence.days <= 2 * self.window_days
            else ""
        )
        return self._purchase(
            int(self.series.position[place]),
            max(due, self.today),
            f"{what}, last on {{last}}; {when}, as estimated from its history.{always}",
            due=due,
            last=int(self.series.last[place]),
            cadence=cadence.words,
        )

    def _unknown(self, place: int) -> ExpectedPurchase:
        return self._purchase(
            int(self.series.position[place]),
            self._end,
            "Dividends of {security} were reinvested in {account}, last on {last}; its history "
            "does not show how often: a purchase by {due} is assumed.",
            last=int(self.series.last[place]),
        )

    def _purchase(
        self,
        position: int,
        day: int,
        template: str,
        *,
        due: int | None = None,
        last: int | None = None,
        cadence: str = "",
    ) -> ExpectedPurchase:
        book = self.book
        account_place, security_place = divmod(position, len(book.securities))
        account, security = book.accounts[account_place], book.securities[security_place]
        group = int(book.group_of_account[account_place])
        return ExpectedPurchase(
            window_key=book.window_key_of(group, security.security_id),
            day=_date(day),
            account_id=account.account_id,
            security_id=security.security_id,
            sentence=template.format(
                security=security.label,
                account=account.label,
                due=_date(day if due is None else due),
                last="" if last is None else _date(last),
                cadence=cadence,
            ),
        )


def _dated(
    book: Book, rows: Rows, column: str, mask: Mask, at_risk: Codes, is_reinvestment: bool
) -> tuple[Codes, Codes]:
    """Series number and day of the rows under a mask that may wash a loss of tonight's book."""
    days = rows.dates(column)
    chosen = (
        mask
        & np.isin(rows.window_key, at_risk)
        & ~np.isnat(days)
        & (days < np.datetime64(book.planned_trade_date, "D"))
    )
    number = book.positions_of(rows)[chosen] * 2 + int(is_reinvestment)
    return number, days[chosen].astype(np.int64)


def _follows_dividend(book: Book, bought: Mask, at_risk: Codes) -> Mask:
    """Purchases just after a dividend, of positions whose newest dividend was followed by one."""
    moves, days = book.transactions, book.transactions.dates("transaction_date")
    is_dated = np.isin(moves.window_key, at_risk) & ~np.isnat(days)
    # Position and day in one number that sorts: a day has room up to the year 4840.
    number = (book.positions_of(moves) << 20) + days.astype(np.int64)
    is_paid = is_dated & moves.text_in("transaction_type", DISTRIBUTIONS)
    dividends = np.unique(number[is_paid])
    follows = np.zeros(len(days), dtype=bool)
    if not len(dividends):
        return follows
    asked = np.flatnonzero(bought & is_dated)
    place = np.searchsorted(dividends, number[asked], side="right") - 1
    # The dividend of another position is farther away than any gap of days.
    is_near = (place >= 0) & (number[asked] - dividends[place] <= DAYS_OF_ONE_PAYMENT)
    asked, place = asked[is_near], place[is_near]
    # Of a dividend of the last days nobody knows yet whether it will be reinvested.
    today = int(np.datetime64(book.planned_trade_date, "D").astype(np.int64))
    is_settled = dividends % (1 << 20) < today - DAYS_OF_ONE_PAYMENT
    settled = np.flatnonzero(is_settled)
    owner = dividends >> 20
    _, first_from_end = np.unique(owner[settled][::-1], return_index=True)
    newest = settled[::-1][first_from_end]
    is_reinvesting = np.isin(place, newest) | ~is_settled[place]
    reinvesting = np.unique(owner[place[is_reinvesting]])
    follows[asked] = np.isin(owner[place], reinvesting)
    return follows


def _is_held(book: Book, positions: Codes, is_open: Mask) -> Mask:
    lots = book.lots
    held = np.unique(book.positions_of(lots)[is_open])
    has_lots = np.zeros(len(book.accounts), dtype=bool)
    has_lots[lots.account[lots.account != NOBODY]] = True
    is_held: Mask = np.isin(positions, held) | ~has_lots[positions // len(book.securities)]
    return is_held


def _later(days: Codes, cadence: Cadence, times: int) -> Codes:
    """So many intervals later; months keep the day of the month as far as the month has it."""
    if not cadence.months:
        return days + times * cadence.days
    start = days.astype("datetime64[D]")
    month = start.astype("datetime64[M]")
    target = month + np.timedelta64(times * cadence.months, "M")
    first = target.astype("datetime64[D]")
    length = (target + np.timedelta64(1, "M")).astype("datetime64[D]") - first
    offset = np.minimum(start - month.astype("datetime64[D]"), length - np.timedelta64(1, "D"))
    later: Codes = (first + offset).astype(np.int64)
    return later


def _date(day: int) -> date:
    return date(1970, 1, 1) + timedelta(days=day)
