"""Open wash-sale windows of every household on the planned trade date.

Belongs here: until when a group may not be bought (a loss sale), until when it may not be sold at a
loss (a purchase, made or expected), what caused it in a sentence, and whether the history is known.
Does not belong here: past matches (`engine`), single orders (`screen`), which purchases are to be
expected (`scheduled_purchases`).
Law: IRC 1091(a): 30 days before and after, trade dates, both ends included. The windows are wider
than the matches: a loss already washed and shares already used keep theirs, so that no contested
reading is met. A window may also say that what holds it open can be sold: only where every purchase
in it is an open lot of one household's taxable accounts do no replacing shares stay behind
(an IRA's would lose the loss for good even if they left on the same day, Rev. Rul. 2008-5).
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from python_steps.wash_sales.book import (
    NOBODY,
    PURCHASE_TRANSACTIONS,
    Book,
    Mask,
    Rows,
    is_positive,
    is_purchase_lot,
)
from python_steps.wash_sales.scheduled_purchases import ExpectedPurchase, expected_purchases

Purchase = tuple[int, str, str, date | None]
"""Window key, account, security and day."""


class Cause(NamedTuple):
    """An event that holds a window open. The newest of a window is the one that is told."""

    day: date
    kind: str
    account_id: str
    security_id: str


_SENTENCES = {
    "loss": "{security} was sold at a loss on {day} in {account}.",
    "unknown": "{security} was sold on {day} in {account}, at a result that is not known.",
    "purchase": "{security} was bought on {day} in {account}.",
    "reinvest": "Dividends of {security} were reinvested on {day} in {account}.",
}


class Windows:
    """Collects causes by window key (see `book.Rows`) and renders the table's records."""

    def __init__(self, book: Book, window_days: int) -> None:
        self.book, self.window_days = book, window_days
        self.loss_sales: dict[int, Cause] = {}
        self.purchases: dict[int, Cause] = {}
        self.expected: dict[int, list[ExpectedPurchase]] = defaultdict(list)
        self.gaps: dict[int, str] = {}
        self.holders: dict[int, set[str]] = defaultdict(set)
        self.not_sellable: set[int] = set()

    def add_sale(self, key: int, cause: Cause) -> None:
        """A sale at a loss, or of unknown result, in a taxable account."""
        _keep_newest(self.loss_sales, key, cause)

    def add_gap(self, key: int, sentence: str) -> None:
        """A reason why the wash-sale state of one identity group is not known."""
        self.gaps[key] = min(sentence, self.gaps.get(key, sentence))

    def add_purchases_of_book(self) -> None:
        """Purchases of all accounts: lots still held, lots sold since, and transactions."""
        book = self.book
        self._add_purchases(book.lots, "acquisition_date", is_purchase_lot(book.lots))
        closed = book.closed_lots
        self._add_purchases(closed, "acquisition_date", np.ones(len(closed.account), dtype=bool))
        moves = book.transactions
        is_purchase = moves.text_in("transaction_type", PURCHASE_TRANSACTIONS)
        is_purchase &= is_positive(moves.table.column("quantity"))
        self._add_purchases(moves, "transaction_date", is_purchase)
        self._note_what_can_be_sold(is_purchase)

    def add_expected_purchases(self) -> None:
        """Purchases to come inside the window of a loss sale on the planned trade date."""
        for purchase in expected_purchases(self.book, self.window_days):
            self.expected[purchase.window_key].append(purchase)

    def _add_purchases(self, rows: Rows, column: str, mask: Mask) -> None:
        chosen = rows.where(
            mask & (rows.window_key != NOBODY) & self.book.recent(rows, column, self.window_days)
        )
        is_reinvested = (
            chosen.text_in("transaction_type", ("REINVEST",))
            if "transaction_type" in chosen.table.column_names
            else np.zeros(len(chosen.account), dtype=bool)
        )
        for key, day, account, security, reinvested in zip(
            chosen.window_key.tolist(),
            chosen.dates(column).tolist(),
            chosen.table.column("account_id").to_pylist(),
            chosen.table.column("security_id").to_pylist(),
            is_reinvested.tolist(),
            strict=True,
        ):
            kind = "reinvest" if reinvested else "purchase"
            _keep_newest(self.purchases, key, Cause(day, kind, account, security))

    def _note_what_can_be_sold(self, is_purchase: Mask) -> None:
        """Which households hold the recent lots, and where a purchase is no open taxable lot.

        That is: the shares were sold since, are in an account where a replacement is for good, or
        nobody sends the lot. A lot of unknown date may be a recent one.
        """
        book = self.book
        lots, moves = book.lots, book.transactions
        is_undated = np.isnat(lots.dates("acquisition_date"))
        mask = is_purchase_lot(lots) & (lots.window_key != NOBODY)
        mask &= is_undated | book.recent(lots, "acquisition_date", self.window_days)
        recent = lots.where(mask)
        self.not_sellable.update(
            recent.window_key[~book.in_taxable_account(recent) | is_undated[mask]].tolist()
        )
        for key, household_id in zip(
            recent.window_key.tolist(), recent.table.column("household_id").to_pylist(), strict=True
        ):
            self.holders[key].add(household_id or "")
        closed = book.closed_lots
        was_sold = closed.window_key != NOBODY
        was_sold &= book.recent(closed, "acquisition_date", self.window_days)
        self.not_sellable.update(closed.window_key[was_sold].tolist())
        bought = moves.where(
            is_purchase
            & (moves.window_key != NOBODY)
            & book.recent(moves, "transaction_date", self.window_days)
        )
        held = _shares_by_purchase(recent, "acquisition_date")
        told = _shares_by_purchase(bought, "transaction_date")
        for purchase, shares in told.items():
            if shares > held.get(purchase, Decimal(0)):
                self.not_sellable.add(purchase[0])

    def _is_exit_possible(self, key: int, household_id: str) -> bool:
        """Whether a household can sell every share that holds a window open."""
        return (
            key in self.purchases
            and not self.expected.get(key)
            and key not in self.not_sellable
            and self.holders.get(key) == {household_id}
        )

    def records(self) -> list[dict[str, Any]]:
        """Rows of tax.wash_sale_windows, sorted.

        Every open window, and every identity group held where the history is not known, once for
        each household that has an account in the wash-sale group.
        """
        book, unknown = self.book, self._groups_of_unknown_history()
        keys = set(self.loss_sales) | set(self.purchases) | set(self.expected) | set(self.gaps)
        if unknown:
            held = np.unique(
                book.lots.window_key[
                    (book.lots.window_key != NOBODY)
                    & np.isin(book.lots.wash_group, np.array(sorted(unknown), dtype=np.int64))
                ]
            )
            keys |= set(held.tolist())
        households = self._households()
        records: list[dict[str, Any]] = []
        for key in sorted(keys):
            group, identity = book.group_ids_of_window(key)
            loss, purchase = self.loss_sales.get(key), self.purchases.get(key)
            gap = self.gaps.get(key) or unknown.get(key // len(book.identity_groups))
            no_buy, no_loss_sale = self._until(loss), self._until(purchase)
            expected = self.expected.get(key, [])
            if no_buy is None and no_loss_sale is None and not expected and gap is None:
                continue
            sentences = [
                self._sentence(cause)
                for cause, until in ((loss, no_buy), (purchase, no_loss_sale))
                if cause is not None and until is not None
            ]
            if expected:
                # On or after the planned trade date, so later than any purchase that was made.
                no_loss_sale = max(each.day for each in expected) + timedelta(days=self.window_days)
                sentences.extend(self._expected_sentences(expected))
            records.extend(
                {
                    "wash_sale_group_id": group,
                    "identity_group_id": identity,
                    "household_id": household_id,
                    "no_buy_until_date": no_buy,
                    "no_loss_sale_until_date": no_loss_sale,
                    "caused_by": " ".join([*sentences, *([gap] if gap else [])]),
                    "coverage": "known" if gap is None else "unknown",
                    "is_exit_possible": gap is None and self._is_exit_possible(key, household_id),
                }
                for household_id in households[group]
            )
        # Households stand in order already, and the sort keeps it.
        return sorted(
            records, key=lambda row: (row["wash_sale_group_id"], row["identity_group_id"])
        )

    def _until(self, cause: Cause | None) -> date | None:
        if cause is None:
            return None
        until = cause.day + timedelta(days=self.window_days)
        return until if until >= self.book.planned_trade_date else None

    def _sentence(self, cause: Cause) -> str:
        return _SENTENCES[cause.kind].format(
            security=self.book.security_by_id[cause.security_id].label,
            account=self.book.account_by_id[cause.account_id].label,
            day=cause.day.isoformat(),
        )

    def _expected_sentences(self, expected: list[ExpectedPurchase]) -> list[str]:
        """The purchase that decides the date in full, then the other accounts that will buy."""
        latest = min(expected, key=lambda each: (-each.day.toordinal(), each))
        others = sorted(
            {
                self.book.account_by_id[each.account_id].label
                for each in expected
                if each.account_id != latest.account_id
            }
        )
        if not others:
            return [latest.sentence]
        return [latest.sentence, f"Purchases are expected in {', '.join(others)} too."]

    def _households(self) -> dict[str, list[str]]:
        """The households of each wash-sale group: a window binds spouses who are planned apart."""
        found: dict[str, set[str]] = defaultdict(set)
        for account in self.book.accounts:
            found[account.wash_group_id].add(account.household_id)
        # An account without settings is of no household, and alone in its group.
        return {
            group: sorted(households, key=lambda household_id: household_id or "")
            for group, households in found.items()
        }

    def _groups_of_unknown_history(self) -> dict[int, str]:
        """Wash-sale groups with an account whose last 31 days are not known, and why."""
        book = self.book
        needed = book.planned_trade_date - timedelta(days=self.window_days + 1)
        gaps: dict[int, str] = {}
        for account, group in zip(book.accounts, book.group_of_account.tolist(), strict=True):
            if group == NOBODY or group in gaps:
                continue
            known_from = book.history_from.get(account.account_id)
            if known_from is None:
                gaps[group] = f"The transactions of {account.label} are not known."
            elif known_from > needed:
                gaps[group] = (
                    f"The transactions of {account.label} are known from {known_from} on only."
                )
        return gaps


def _keep_newest(causes: dict[int, Cause], key: int, cause: Cause) -> None:
    known = causes.get(key)
    if known is None or (cause.day, known) > (known.day, cause):
        # Of one day the smallest record is kept: the choice must not depend on row order.
        causes[key] = cause


def _shares_by_purchase(rows: Rows, column: str) -> dict[Purchase, Decimal]:
    """Shares by window key, account, security and day."""
    found: dict[Purchase, Decimal] = defaultdict(Decimal)
    for key, account, security, day, quantity in zip(
        rows.window_key.tolist(),
        rows.table.column("account_id").to_pylist(),
        rows.table.column("security_id").to_pylist(),
        rows.dates(column).tolist(),
        rows.table.column("quantity").to_pylist(),
        strict=True,
    ):
        found[key, account, security, day] += quantity or Decimal(0)
    return found
