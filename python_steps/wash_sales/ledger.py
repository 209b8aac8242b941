"""The wash-sale ledger of the whole book, from the custodians' tables to `tax.*`.

Belongs here: which groups need matching, running it group by group, the restated list of open
lots, the windows and the findings. Groups without a loss sale pass through as columns. Does not
belong here: the matching (`engine`), the meaning of a group's rows (`group_events`), windows.
Sources: IRC 1091; Reg. 1.1091-1 and -2; the ledger of a date is computed from all events retained,
never from the ledger of an earlier date.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from python_steps.frames import table_from_records
from python_steps.taxes.holding_period import long_term_from_column, term_of
from python_steps.wash_sales.book import (
    NOBODY,
    PURCHASE_TRANSACTIONS,
    RESTATING_TRANSACTIONS,
    Book,
    Mask,
    Rows,
    dates_of,
    is_negative,
    is_positive,
    mask_of,
)
from python_steps.wash_sales.engine import reconcile_group
from python_steps.wash_sales.events import (
    Acquisition,
    LedgerFinding,
    Match,
    OpenLot,
    SaleResult,
    WashSaleLedger,
    allocate,
)
from python_steps.wash_sales.fund_losses import find_fund_losses
from python_steps.wash_sales.group_events import (
    GroupEvents,
    LotKey,
    Row,
    build_group_events,
    unexplained_sales,
)
from python_steps.wash_sales.policy import WashSalePolicy
from python_steps.wash_sales.realized import realized_lots
from python_steps.wash_sales.tables import (
    FINDINGS,
    LOT_ADJUSTMENTS,
    WASH_SALE_MATCHES,
    WASH_SALE_WINDOWS,
    FindingRule,
)
from python_steps.wash_sales.windows import Cause, Windows

NOTHING = Decimal(0)
# A custodian's own adjustment is in cents; a whole lot that differs by less is not restated.
ROUNDING_TOLERANCE = Decimal("0.01")


def reconcile_book(
    frames: dict[str, pa.Table],
    policy: WashSalePolicy,
    as_of_date: date,
    planned_trade_date: date,
) -> dict[str, pa.Table]:
    """Apply the wash-sale rules to every household of the book.

    Args:
        frames: int_lots__identified, int_transactions__merged, int_closed_lots__merged,
            int_transactions__coverage, dim_accounts and dim_securities of one night.
        policy: the firm's reading of the contested points.
        as_of_date: the night; events after it are not in the input.
        planned_trade_date: the date on which terms and windows are judged.

    Returns:
        wash_sale_matches, wash_sale_windows, lot_adjustments, realized_lots and findings, in the
        schemas of `tables`, rows in canonical order. `wash_sale_adjustment` of a lot is what is
        added to the custodian's cost basis: it is negative where the custodian's own adjustment
        does not stand against the household's whole history.

    Raises:
        KeyError: a table or a column is missing.
        ValueError: `planned_trade_date` is not after `as_of_date`.
    """
    if planned_trade_date <= as_of_date:
        raise ValueError(f"trades are planned after {as_of_date}, not on {planned_trade_date}")
    book = Book(frames, planned_trade_date)
    outcome = _Outcome()
    windows = Windows(book, policy.window_days)
    windows.add_purchases_of_book()
    windows.add_expected_purchases()
    losses = _loss_mask(book)
    _arm_loss_sales(book, windows, losses, policy, outcome)
    _match_groups(book, windows, losses, policy, outcome)
    _find_short_lots(book, windows, outcome)
    realized = realized_lots(book, outcome.realized)
    for loss in find_fund_losses(book, realized):
        outcome.find(loss.household_id, loss.subject, "fund_held_six_months", loss.message)
    return {
        "wash_sale_matches": table_from_records(
            sorted(outcome.matches, key=lambda row: row["match_id"]), WASH_SALE_MATCHES
        ),
        "wash_sale_windows": table_from_records(windows.records(), WASH_SALE_WINDOWS),
        "lot_adjustments": _restated_lots(book, outcome),
        "realized_lots": realized,
        "findings": _findings_table(outcome),
    }


@dataclass
class _Outcome:
    matches: list[dict[str, Any]] = field(default_factory=list)
    restated: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    realized: list[dict[str, Any]] = field(default_factory=list)
    findings: set[tuple[str, str, str, str]] = field(default_factory=set)

    def find(self, household_id: str, subject: str, rule: FindingRule, message: str) -> None:
        self.findings.add((household_id, subject, rule, message))


# -- which groups need matching --------------------------------------------------------------------


def _loss_mask(book: Book) -> Mask:
    """Closed lots of taxable accounts that were sold at a loss, or of which part is disallowed."""
    closed = book.closed_lots
    table = closed.table
    result = pc.coalesce(
        pc.subtract(table.column("proceeds"), table.column("cost_basis")).cast(pa.float64()),
        table.column("realized_gain").cast(pa.float64()),
    )
    # The sign of a decimal survives the cast to a double; amounts are never taken from it.
    is_loss = mask_of(pc.less(result, 0.0))
    disallowed = table.column("disallowed_loss")
    is_loss |= is_negative(disallowed) | is_positive(disallowed)
    is_dated = ~np.isnat(closed.dates("disposal_date"))
    chosen: Mask = (
        is_loss & is_dated & book.in_taxable_account(closed) & (closed.match_key != NOBODY)
    )
    return chosen


def _unknown_result(book: Book) -> Mask:
    closed = book.closed_lots
    known = mask_of(pc.is_valid(closed.table.column("realized_gain"))) | (
        mask_of(pc.is_valid(closed.table.column("proceeds")))
        & mask_of(pc.is_valid(closed.table.column("cost_basis")))
    )
    unknown: Mask = ~known & book.in_taxable_account(closed) & (closed.window_key != NOBODY)
    return unknown


def _arm_loss_sales(
    book: Book, windows: Windows, losses: Mask, policy: WashSalePolicy, outcome: _Outcome
) -> None:
    """Windows of loss sales, of sales of unknown result, and of sales nobody has closed."""
    closed = book.closed_lots
    recent = book.recent(closed, "disposal_date", policy.window_days)
    for kind, mask in (("loss", losses), ("unknown", _unknown_result(book))):
        chosen = closed.where(mask & recent)
        for key, row in _keyed(chosen):
            cause = Cause(row["disposal_date"], kind, row["account_id"], row["security_id"])
            windows.add_sale(key, cause)
            if kind == "unknown":
                _find_unknown_result(book, outcome, cause, "its proceeds or its basis are missing")
    _arm_unexplained_sales(book, windows, policy, outcome)


def _arm_unexplained_sales(
    book: Book, windows: Windows, policy: WashSalePolicy, outcome: _Outcome
) -> None:
    moves, closed = book.transactions, book.closed_lots
    sold = moves.where(
        moves.text_in("transaction_type", ("SELL",))
        & book.in_taxable_account(moves)
        & (moves.window_key != NOBODY)
        & book.recent(moves, "transaction_date", policy.window_days)
    )
    closed_recently = closed.where(
        (closed.window_key != NOBODY) & book.recent(closed, "disposal_date", policy.window_days)
    )
    keys = {(row["account_id"], row["security_id"]): key for key, row in _keyed(sold)}
    left = unexplained_sales(closed_recently.table.to_pylist(), sold.table.to_pylist())
    for account_id, security_id, day in sorted(left):
        cause = Cause(day, "unknown", account_id, security_id)
        windows.add_sale(keys[account_id, security_id], cause)
        _find_unknown_result(book, outcome, cause, "the custodian has delivered no closed lot")


def _find_unknown_result(book: Book, outcome: _Outcome, cause: Cause, why: str) -> None:
    account = book.account_by_id[cause.account_id]
    security = book.security_by_id[cause.security_id]
    outcome.find(
        account.household_id,
        f"{security.label} in {account.label}",
        "sale_result_unknown",
        f"{security.label} was sold on {cause.day} in {account.label} and {why}: it is treated as "
        "a loss, and the investment is not bought back before its window ends.",
    )


# -- matching --------------------------------------------------------------------------------------


def _match_groups(
    book: Book, windows: Windows, losses: Mask, policy: WashSalePolicy, outcome: _Outcome
) -> None:
    keys = np.unique(book.closed_lots.match_key[losses])
    if not len(keys):
        return
    sources = _Sources(book, keys, losses, policy)
    exposure = _Exposure(book, policy)
    for key in keys.tolist():
        events = build_group_events(
            sources.lots.get(key, []),
            sources.closed.get(key, []),
            sources.transactions.get(key, []),
            taxable_accounts=sources.taxable_accounts(key),
            exposure=exposure.of_group(sources.securities(key)),
            window_days=policy.window_days,
            history_from=book.history_from,
        )
        outside = sources.outside(key)
        accounts = [
            book.account_by_id[account_id].as_wash_account(is_outside_group=is_outside)
            for account_id, is_outside in sources.accounts(key, outside)
        ]
        ledger = reconcile_group(accounts, [*events.acquisitions, *outside], events.sales, policy)
        _Group(book, key, events, outcome, windows).take_over(ledger)


class _Sources:
    """The rows of the groups that need matching, by match key."""

    def __init__(self, book: Book, keys: Any, losses: Mask, policy: WashSalePolicy) -> None:
        self.book = book
        closed = book.closed_lots
        chosen = closed.where(
            np.isin(closed.match_key, keys)
            & mask_of(pc.is_valid(closed.table.column("quantity")))
            & ~np.isnat(closed.dates("disposal_date"))
        )
        self.closed = _by_key(chosen)
        at_loss = closed.where(losses)
        self.first, self.last = _loss_range(at_loss, policy.window_days)
        self.lots = _by_key(self._near_a_loss(book.lots, keys))
        moves = book.transactions
        moves = moves.where(
            np.isin(moves.match_key, keys) & ~np.isnat(moves.dates("transaction_date"))
        )
        is_purchase = moves.text_in("transaction_type", PURCHASE_TRANSACTIONS)
        is_other = moves.text_in("transaction_type", (*RESTATING_TRANSACTIONS, "SELL"))
        # Purchases in the same range as the lots: else a lot left out would look sold.
        is_near = self._is_near(moves, keys, "transaction_date")
        self.transactions = _by_key(moves.where(is_other | (is_purchase & is_near)))
        self._collect_outside(keys)

    def _near_a_loss(self, rows: Rows, keys: Any) -> Rows:
        """Open lots bought inside the window of any loss of their group."""
        chosen = rows.where(
            np.isin(rows.match_key, keys) & is_positive(rows.table.column("quantity"))
        )
        return chosen.where(self._is_near(chosen, keys, "acquisition_date"))

    def _is_near(self, rows: Rows, keys: Any, column: str) -> Mask:
        days, place = rows.dates(column), np.searchsorted(keys, rows.match_key)
        near: Mask = (days >= self.first[place]) & (days <= self.last[place])
        return near

    def _collect_outside(self, keys: Any) -> None:
        """Purchases near a loss in the household's other wash-sale groups (minors, trusts)."""
        book, width = self.book, len(self.book.matching_groups)
        groups_of_household: dict[str, set[int]] = defaultdict(set)
        households_of_group: dict[int, set[str]] = defaultdict(set)
        for account, group in zip(book.accounts, book.group_of_account.tolist(), strict=True):
            if group != NOBODY:
                groups_of_household[account.household_id].add(group)
                households_of_group[group].add(account.household_id)
        self.related: dict[int, list[int]] = {}
        for key in keys.tolist():
            group, identity = divmod(key, width)
            others = {
                other
                for household_id in households_of_group[group]
                for other in groups_of_household[household_id]
                if other != group
            }
            if others:
                self.related[key] = [other * width + identity for other in sorted(others)]
        wanted = sorted({other for others in self.related.values() for other in others})
        lots = book.lots
        self.outside_lots = _by_key(
            lots.where(
                np.isin(lots.match_key, np.array(wanted, dtype=np.int64))
                & is_positive(lots.table.column("quantity"))
            )
        )
        self.position = {key: place for place, key in enumerate(keys.tolist())}

    def outside(self, key: int) -> list[Acquisition]:
        """Purchases of related groups inside the range of this group's losses."""
        place = self.position[key]
        first, last = self.first[place].astype(object), self.last[place].astype(object)
        rows = [
            row
            for other in self.related.get(key, ())
            for row in self.outside_lots.get(other, ())
            if row["acquisition_date"] is not None and first <= row["acquisition_date"] <= last
        ]
        if not rows:
            return []
        events = build_group_events(
            rows, [], [], taxable_accounts=frozenset(), exposure={}, window_days=0, history_from={}
        )
        return [lot for lot in events.acquisitions if lot.origin == "purchase"]

    def accounts(self, key: int, outside: list[Acquisition]) -> list[tuple[str, bool]]:
        """Accounts of the group's rows, then the outside ones."""
        inside = {
            row["account_id"]
            for rows in (self.lots, self.closed, self.transactions)
            for row in rows.get(key, ())
        }
        return [
            *((account_id, False) for account_id in sorted(inside)),
            *((account_id, True) for account_id in sorted({lot.account_id for lot in outside})),
        ]

    def taxable_accounts(self, key: int) -> frozenset[str]:
        """Accounts of the group in which losses count."""
        return frozenset(
            account_id
            for account_id, _ in self.accounts(key, [])
            if self.book.account_by_id[account_id].kind == "taxable"
        )

    def securities(self, key: int) -> set[str]:
        """Securities of the group's rows."""
        return {
            row["security_id"]
            for rows in (self.lots, self.closed, self.transactions)
            for row in rows.get(key, ())
        }


class _Exposure:
    """Conversion ratios inside identity groups, from tonight's prices.

    No source gives the ratio of two funds on one index; that of their prices, to three digits,
    stands for it. A group with a security without a price is matched share for share.
    """

    def __init__(self, book: Book, policy: WashSalePolicy) -> None:
        self.book, self.is_by_share = book, policy.share_classes == "share_for_share"

    def of_group(self, security_ids: set[str]) -> dict[str, Decimal]:
        """Exposure per share, relative to the first security of the group."""
        if len(security_ids) < 2 or self.is_by_share:
            return {}
        prices = {name: self.book.security_by_id[name].price for name in sorted(security_ids)}
        base = next(iter(prices.values()))
        ratios: dict[str, Decimal] = {}
        for name, price in prices.items():
            if base is None or price is None or base <= 0 or price <= 0:
                return {}
            ratios[name] = Decimal(f"{price / base:.3g}")
        return ratios


@dataclass
class _Group:
    """Carries one group's outcome into the tables of the book."""

    book: Book
    key: int
    events: GroupEvents
    outcome: _Outcome
    windows: Windows

    def take_over(self, ledger: WashSaleLedger) -> None:
        matches: dict[tuple[str, str], list[Match]] = defaultdict(list)
        for match in ledger.matches:
            matches[match.sold_lot_id, match.replacement_lot_id].append(match)
        self.outcome.matches.extend(self._match(pair) for pair in matches.values())
        self._restate(ledger.open_lots)
        self._realize(ledger.sales)
        self._arm_adjusted_losses(ledger)
        findings = [*ledger.findings, *self.events.findings]
        for finding in findings:
            self._find(finding)

    def _match(self, pair: list[Match]) -> dict[str, Any]:
        first = pair[0]
        sold = self.events.lot_keys[first.sold_lot_id]
        replacement = self.events.lot_keys[first.replacement_lot_id]
        identity = self.book.security_by_id[sold.security_id].identity_group_id
        group_id = self.book.wash_groups[self.key // len(self.book.matching_groups)]
        starts = [match.holding_start for match in pair if match.holding_start is not None]
        name = "|".join((group_id, identity, *map(str, sold), *map(str, replacement)))
        return {
            "match_id": f"W-{sha256(name.encode()).hexdigest()[:20]}",
            "wash_sale_group_id": group_id,
            "household_id": self.book.account_by_id[sold.account_id].household_id,
            "identity_group_id": identity,
            "loss_account_id": sold.account_id,
            "loss_lot_key": sold.key,
            "loss_security_id": sold.security_id,
            "replacement_account_id": replacement.account_id,
            "replacement_lot_key": replacement.key,
            "replacement_security_id": replacement.security_id,
            "loss_sale_date": first.sold,
            "replacement_date": first.replacement_acquired,
            "matched_quantity": sum((match.quantity for match in pair), NOTHING),
            "disallowed_loss": sum((match.disallowed for match in pair), NOTHING),
            "is_permanent": first.is_permanent,
            "basis_added": sum((match.basis_added for match in pair), NOTHING),
            "holding_period_start_date": min(starts) if starts else None,
            "provisional_until_date": first.provisional_until,
            "rule": first.rule,
        }

    def _realize(self, sales: tuple[SaleResult, ...]) -> None:
        parts: dict[str, int] = defaultdict(int)
        to_keep = self._to_keep(sales)
        for sale in sales:
            if not sale.is_taxable or sale.lot_id not in self.events.closed_lots:
                continue
            parts[sale.lot_id] += 1
            key = self.events.lot_keys[sale.lot_id]
            kept = min(to_keep.get(sale.lot_id, NOTHING), max(NOTHING, -(sale.recognized or 0)))
            if kept:
                to_keep[sale.lot_id] -= kept
            self.outcome.realized.append(
                {
                    "account_id": key.account_id,
                    "household_id": self.book.account_by_id[key.account_id].household_id,
                    "closed_lot_key": key.key,
                    "part": parts[sale.lot_id],
                    "security_id": key.security_id,
                    "quantity": sale.quantity,
                    "acquisition_date": self.events.closed_lots[sale.lot_id],
                    "holding_period_start_date": sale.holding_start,
                    "disposal_date": sale.sold,
                    "proceeds": sale.proceeds,
                    "cost_basis": sale.adjusted_basis,
                    "disallowed_loss": (
                        sale.disallowed_deferred + sale.disallowed_permanent + kept
                    ),
                    "permanently_disallowed_loss": sale.disallowed_permanent,
                    "recognized_gain": None if sale.recognized is None else sale.recognized + kept,
                    # Without dates the custodian's word is all there is.
                    "term": sale.term or self.events.stated_terms.get(sale.lot_id),
                    "custodian_disallowed_kept": kept,
                    "history_from_date": self.book.history_of_group(key.account_id),
                }
            )

    def _to_keep(self, sales: tuple[SaleResult, ...]) -> dict[str, Decimal]:
        """By closed lot, what its custodian disallowed beyond what this ledger found.

        Shares that the ledger washed may be those that the custodian meant: they are not counted
        twice.
        """
        left = dict(self.events.kept_losses)
        for sale in sales:
            if sale.lot_id in left:
                left[sale.lot_id] -= sale.disallowed_deferred + sale.disallowed_permanent
        return {lot_id: amount for lot_id, amount in left.items() if amount > 0}

    def _restate(self, open_lots: tuple[OpenLot, ...]) -> None:
        by_lot: dict[str, list[OpenLot]] = defaultdict(list)
        for piece in open_lots:
            if piece.lot_id in self.events.lot_keys and (
                self.events.lot_keys[piece.lot_id].is_open
            ):
                by_lot[piece.lot_id].append(piece)
        for lot_id, pieces in sorted(by_lot.items()):
            key = self.events.lot_keys[lot_id]
            explained = self.events.explained[key.key]
            if explained or any(piece.is_adjusted for piece in pieces):
                self.outcome.restated[key.key] = self._parts(key, pieces, explained)

    def _parts(
        self, key: LotKey, pieces: list[OpenLot], explained: Decimal
    ) -> list[dict[str, Any]]:
        account = self.book.account_by_id[key.account_id]
        whole = sum((piece.quantity for piece in pieces), NOTHING)
        parts: list[dict[str, Any]] = []
        left, explained_left, is_lowered = whole, explained, False
        for number, piece in enumerate(pieces, start=1):
            stated = allocate(explained_left, piece.quantity, left)
            left, explained_left = left - piece.quantity, explained_left - stated
            ours = piece.adjustment - stated
            if len(pieces) == 1 and explained and abs(ours) < ROUNDING_TOLERANCE:
                ours = NOTHING
            is_lowered = is_lowered or ours < 0
            is_part = len(pieces) > 1
            parts.append(
                {
                    "lot_id": f"{key.key}/{number}" if is_part else key.key,
                    "parent_lot_id": key.key if is_part else None,
                    "account_id": key.account_id,
                    "household_id": account.household_id,
                    "security_id": key.security_id,
                    "quantity": piece.quantity,
                    "wash_sale_adjustment": ours,
                    "holding_period_start_date": piece.holding_start,
                    "term": self._term(piece),
                }
            )
        if is_lowered:
            self.outcome.find(
                account.household_id,
                f"{self._security_of(key.key)} in {account.label}",
                "custodian_adjustment_replaced",
                f"The custodian's wash-sale adjustment of a lot of {pieces[0].acquired} in "
                f"{account.label} does not stand against the purchases of the whole household; "
                "its cost basis is corrected by ours.",
            )
        return parts

    def _term(self, piece: OpenLot) -> str | None:
        if piece.is_always_long:
            return "long"
        if piece.holding_start is None:
            return None
        return term_of(piece.holding_start, self.book.planned_trade_date)

    def _arm_adjusted_losses(self, ledger: WashSaleLedger) -> None:
        """Sales that are losses only because of an earlier adjustment arm their window too."""
        first = self.book.planned_trade_date - timedelta(days=self.windows.window_days)
        group = self.key // len(self.book.matching_groups)
        for row in ledger.sales:
            if row.sold < first or not row.is_taxable or row.realized is None or row.realized >= 0:
                continue
            security_id = self.events.lot_keys[row.lot_id].security_id
            window = self.book.window_key_of(group, security_id)
            self.windows.add_sale(window, Cause(row.sold, "loss", row.account_id, security_id))

    def _security_of(self, lot: str) -> str:
        by_engine_id = self.events.lot_keys.get(lot)
        key = by_engine_id or next(key for key in self.events.lot_keys.values() if key.key == lot)
        return self.book.security_by_id[key.security_id].label

    def _find(self, finding: LedgerFinding) -> None:
        if finding.rule == "result_unknown":
            # Told where the sale's window is armed.
            return
        accounts = self.book.account_by_id
        account = accounts[finding.account_id]
        other = accounts.get(finding.other_account_id, account)
        self.outcome.find(
            account.household_id,
            f"{self._security_of(finding.subject)} in {account.label}",
            finding.rule,
            finding.template.format(account=account.label, other_account=other.label),
        )


def _keyed(rows: Rows) -> list[tuple[int, Row]]:
    return list(zip(rows.window_key.tolist(), rows.table.to_pylist(), strict=True))


def _by_key(rows: Rows) -> dict[int, list[Row]]:
    grouped: dict[int, list[Row]] = defaultdict(list)
    for key, row in zip(rows.match_key.tolist(), rows.table.to_pylist(), strict=True):
        grouped[key].append(row)
    return dict(grouped)


def _loss_range(at_loss: Rows, window_days: int) -> tuple[Any, Any]:
    """First and last purchase date that can matter, per distinct key in ascending order."""
    keys, place = np.unique(at_loss.match_key, return_inverse=True)
    days = at_loss.dates("disposal_date").astype(np.int64)
    is_known = ~np.isnat(at_loss.dates("disposal_date"))
    first = np.full(len(keys), np.iinfo(np.int64).max)
    last = np.full(len(keys), np.iinfo(np.int64).min)
    np.minimum.at(first, place[is_known], days[is_known])
    np.maximum.at(last, place[is_known], days[is_known])
    span = np.timedelta64(window_days, "D")
    return (
        first.astype("datetime64[D]") - span,
        last.astype("datetime64[D]") + span,
    )


# -- tables ----------------------------------------------------------------------------------------


def _restated_lots(book: Book, outcome: _Outcome) -> pa.Table:
    """All open lots: those that the ledger restated, and all others as columns."""
    lots = book.lots.table
    restated = pa.array(sorted(outcome.restated), pa.string())
    lot_ids = lots.column("lot_id").cast(pa.string())
    untouched = lots.filter(pc.invert(pc.is_in(lot_ids, value_set=restated)))
    starts = pc.coalesce(
        untouched.column("holding_period_start_date").cast(pa.date32()),
        untouched.column("acquisition_date").cast(pa.date32()),
    )
    passed = pa.table(
        {
            "lot_id": untouched.column("lot_id").cast(pa.string()),
            "parent_lot_id": pa.nulls(len(untouched), pa.string()),
            "account_id": untouched.column("account_id").cast(pa.string()),
            "household_id": untouched.column("household_id").cast(pa.string()),
            "security_id": untouched.column("security_id").cast(pa.string()),
            "quantity": untouched.column("quantity").cast(LOT_ADJUSTMENTS.field("quantity").type),
            "wash_sale_adjustment": pa.repeat(
                pa.scalar(NOTHING, LOT_ADJUSTMENTS.field("wash_sale_adjustment").type),
                len(untouched),
            ),
            "holding_period_start_date": starts,
            "term": _terms(untouched, starts, book.planned_trade_date),
        },
        schema=LOT_ADJUSTMENTS,
    )
    parts = [part for lot_id in sorted(outcome.restated) for part in outcome.restated[lot_id]]
    whole = pa.concat_tables([passed, table_from_records(parts, LOT_ADJUSTMENTS)])
    return whole.sort_by([("account_id", "ascending"), ("lot_id", "ascending")]).combine_chunks()


def _terms(lots: pa.Table, starts: Any, planned_trade_date: date) -> pa.Array:
    """Term on the planned trade date; the custodian's word where no date is known."""
    days = dates_of(pa.table({"start": starts}), "start")
    is_known = ~np.isnat(days)
    is_long = np.zeros(len(days), dtype=bool)
    is_long[is_known] = long_term_from_column(days[is_known]) <= np.datetime64(
        planned_trade_date, "D"
    )
    inherited = pc.utf8_upper(lots.column("acquisition_type").cast(pa.string()))
    is_long |= mask_of(pc.equal(inherited, "INHERITED"))
    is_known |= mask_of(pc.equal(inherited, "INHERITED"))
    stated = pc.utf8_lower(lots.column("custodian_term").cast(pa.string()))
    stated = pc.if_else(
        pc.is_in(stated, value_set=pa.array(["short", "long"])),
        stated,
        pa.scalar(None, pa.string()),
    )
    ours = pc.if_else(pa.array(is_long), "long", "short")
    terms = pc.if_else(pa.array(is_known), ours, stated)
    return terms.combine_chunks() if isinstance(terms, pa.ChunkedArray) else terms


def _find_short_lots(book: Book, windows: Windows, outcome: _Outcome) -> None:
    lots = book.lots
    short = lots.where(is_negative(lots.table.column("quantity")) & (lots.window_key != NOBODY))
    for key, row in _keyed(short):
        account = book.account_by_id[row["account_id"]]
        security = book.security_by_id[row["security_id"]]
        windows.add_gap(key, f"{account.label} is short {security.label}.")
        outcome.find(
            account.household_id,
            f"{security.label} in {account.label}",
            "short_position",
            f"{account.label} is short {security.label}: wash sales of short sales (IRC 1091(e)) "
            "and constructive sales (IRC 1259) are not computed; do not trade this investment "
            "without tax counsel.",
        )


def _findings_table(outcome: _Outcome) -> pa.Table:
    names = FINDINGS.names
    return table_from_records(
        [
            dict(zip(names, (household_id, subject, rule, message), strict=True))
            for household_id, subject, rule, message in sorted(outcome.findings)
        ],
        FINDINGS,
    )
