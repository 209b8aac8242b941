"""The book's tables as aligned columns of codes, dates and masks.

Belongs here: the vectorised reading of the input tables, which rows belong to which wash-sale and
identity group, which rows are purchases, losses or of unknown result. Does not belong here: the
matching (`engine`), what the rows of one group mean together (`group_events`).
Sources: Reg. 1.1091-1(f) (what is an acquisition); Rev. Proc. 2014-45 (money market funds).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from python_steps.wash_sales.events import JOINT, AccountKind, WashAccount
from python_steps.wash_sales.tables import required_frames

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Dates = npt.NDArray[np.datetime64]

NOBODY = -1
PURCHASE_TRANSACTIONS = ("BUY", "REINVEST")
RESTATING_TRANSACTIONS = ("SPLIT", "MERGER", "SPINOFF", "NAME_CHANGE")
# Lots that arrived without a purchase; everything else, and the unknown, counts as bought.
FUNDS = frozenset({"ETF", "MUTUAL_FUND"})
MUNICIPAL = "Municipal"
NOT_PURCHASED = frozenset({"TRANSFER", "GIFT", "INHERITED", "CORP_ACTION"})
NEVER_AT_A_LOSS = frozenset({"MONEY_MARKET", "CASH"})
EMPLOYER_PLANS = frozenset({"401k", "roth_401k", "403b", "roth_403b"})


@dataclass(frozen=True)
class AccountFacts:
    """One account as the ledger sees it."""

    account_id: str
    household_id: str
    label: str
    kind: AccountKind
    owner: str
    tax_unit: str
    wash_group_id: str
    counts: bool

    def as_wash_account(self, *, is_outside_group: bool) -> WashAccount:
        """The engine's view of the account."""
        return WashAccount(self.account_id, self.kind, self.owner, is_outside_group, self.tax_unit)


@dataclass(frozen=True)
class SecurityFacts:
    """One security as the ledger sees it. `price` None where there is none.

    `is_never_at_a_loss`: money market shares, which IRC 1091 does not reach (Rev. Proc. 2014-45).
    """

    security_id: str
    label: str
    identity_group_id: str
    matching_group_id: str
    price: Decimal | None
    is_never_at_a_loss: bool
    is_fund: bool
    is_exempt_interest_fund: bool


@dataclass(frozen=True)
class Rows:
    """A table with its rows' places: all arrays have the table's length, NOBODY where none.

    `window_key` numbers (wash-sale group, identity group); `match_key` the same, with every option
    series by itself: an option and its stock arm each other's windows but have no share ratio.
    """

    table: pa.Table
    account: Codes
    wash_group: Codes
    window_key: Codes
    match_key: Codes

    def where(self, mask: Mask) -> Rows:
        """The rows under a mask."""
        return Rows(
            self.table.filter(pa.array(mask)),
            self.account[mask],
            self.wash_group[mask],
            self.window_key[mask],
            self.match_key[mask],
        )

    def dates(self, column: str) -> Dates:
        """A date column as datetime64[D]; NaT where null."""
        return dates_of(self.table, column)

    def text_in(self, column: str, values: tuple[str, ...] | frozenset[str]) -> Mask:
        """Where an upper-case text column holds one of the values; False where null."""
        upper = pc.utf8_upper(self.table.column(column).cast(pa.string()))
        return mask_of(pc.is_in(upper, value_set=pa.array(sorted(values))))


class Book:
    """The night's input of the ledger, read once.

    Args:
        frames: the tables of `tables.INPUT_COLUMNS`, by name.
        planned_trade_date: the date on which windows are judged.
    """

    def __init__(self, frames: dict[str, pa.Table], planned_trade_date: date) -> None:
        tables = required_frames(frames)
        self.planned_trade_date = planned_trade_date
        self.accounts = [account_facts(row) for row in tables["dim_accounts"].to_pylist()]
        self.accounts.sort(key=lambda account: account.account_id)
        self.securities = sorted(
            (_security(row) for row in tables["dim_securities"].to_pylist()),
            key=lambda security: security.security_id,
        )
        self.wash_groups = sorted({row.wash_group_id for row in self.accounts})
        self.identity_groups = sorted({row.identity_group_id for row in self.securities})
        self.identity_number = {group: code for code, group in enumerate(self.identity_groups)}
        self.matching_groups = sorted({row.matching_group_id for row in self.securities})
        self.account_by_id = {row.account_id: row for row in self.accounts}
        self.security_by_id = {row.security_id: row for row in self.securities}
        self._account_ids = pa.array([row.account_id for row in self.accounts], pa.string())
        self._security_ids = pa.array([row.security_id for row in self.securities], pa.string())
        self._place_accounts()
        self._place_securities()
        self.lots = self._placed(tables["int_lots__identified"])
        self.closed_lots = self._placed(_closed_lots(frames, tables))
        self.transactions = self._placed(_upper(tables["int_transactions__merged"]))
        self.history_from = {
            row["account_id"]: row["history_from_date"]
            for row in tables["int_transactions__coverage"].to_pylist()
        }
        self._history_of_group = self._group_histories()
        self.held_away = frozenset(
            row["account_id"]
            for row in tables["int_transactions__coverage"].to_pylist()
            if row["is_held_away"]
        )

    def _group_histories(self) -> dict[str, date | None]:
        """By wash-sale group, since when the transactions of all its accounts are known."""
        found: dict[str, date | None] = {}
        for account in self.accounts:
            own = self.history_from.get(account.account_id)
            group = account.wash_group_id
            if not account.counts:
                continue
            known = found.get(group, own)
            found[group] = None if known is None or own is None else max(known, own)
        return found

    def history_of_group(self, account_id: str) -> date | None:
        """Since when the transactions that may wash a loss of the account are all known.

        None where those of an account of its wash-sale group are not known at all. An account that
        does not count for wash sales stands alone.
        """
        account = self.account_by_id[account_id]
        if not account.counts:
            return self.history_from.get(account_id)
        return self._history_of_group[account.wash_group_id]

    def _place_accounts(self) -> None:
        number = {group: code for code, group in enumerate(self.wash_groups)}
        self.group_of_account = np.array(
            [number[row.wash_group_id] if row.counts else NOBODY for row in self.accounts],
            dtype=np.int64,
        )
        self.is_taxable = np.array([row.kind == "taxable" for row in self.accounts], dtype=bool)

    def _place_securities(self) -> None:
        matching = {group: code for code, group in enumerate(self.matching_groups)}
        self.window_of_security = np.array(
            [
                NOBODY if row.is_never_at_a_loss else self.identity_number[row.identity_group_id]
                for row in self.securities
            ],
            dtype=np.int64,
        )
        self.matching_of_security = np.array(
            [matching[row.matching_group_id] for row in self.securities], dtype=np.int64
        )

    def _placed(self, table: pa.Table) -> Rows:
        account = _index(table.column("account_id"), self._account_ids)
        security = _index(table.column("security_id"), self._security_ids)
        group = _taken(self.group_of_account, account)
        window = _taken(self.window_of_security, security)
        matching = _taken(self.matching_of_security, security)
        is_placed = (group != NOBODY) & (window != NOBODY)
        window_key = np.where(is_placed, group * len(self.identity_groups) + window, NOBODY)
        match_key = np.where(is_placed, group * len(self.matching_groups) + matching, NOBODY)
        return Rows(table, account, group, window_key, match_key)

    def group_ids_of_window(self, key: int) -> tuple[str, str]:
        """Wash-sale group id and identity group id of a window key."""
        group, identity = divmod(key, len(self.identity_groups))
        return self.wash_groups[group], self.identity_groups[identity]

    def window_key_of(self, wash_group: int, security_id: str) -> int:
        """Window key of a security in a wash-sale group."""
        identity = self.security_by_id[security_id].identity_group_id
        return wash_group * len(self.identity_groups) + self.identity_number[identity]

    def positions_of(self, rows: Rows) -> Codes:
        """Place of the row's account times the count of securities plus the place of its security.

        NOBODY where the account or the security is not of the book.
        """
        security = _index(rows.table.column("security_id"), self._security_ids)
        is_placed = (rows.account != NOBODY) & (security != NOBODY)
        positions: Codes = np.where(
            is_placed, rows.account * len(self.securities) + security, NOBODY
        )
        return positions

    def in_taxable_account(self, rows: Rows) -> Mask:
        """Where the row's account is taxable and counts for wash sales."""
        found: Mask = (rows.wash_group != NOBODY) & _taken_mask(self.is_taxable, rows.account)
        return found

    def recent(self, rows: Rows, column: str, window_days: int) -> Mask:
        """Where a date still holds a window open on the planned trade date."""
        first = np.datetime64(self.planned_trade_date - timedelta(days=window_days), "D")
        found: Mask = np.asarray(rows.dates(column) >= first, dtype=bool)
        return found


def dates_of(table: pa.Table, column: str) -> Dates:
    """A date column as datetime64[D]; NaT where null."""
    values = table.column(column).cast(pa.date32()).to_numpy()
    days: Dates = np.asarray(values, dtype="datetime64[D]")
    return days


def mask_of(condition: Any) -> Mask:
    """An Arrow condition as numpy booleans; null is False."""
    filled = pc.fill_null(condition, False)
    chunked = filled if isinstance(filled, pa.ChunkedArray) else pa.chunked_array([filled])
    values: Mask = np.asarray(chunked.to_numpy(), dtype=bool)
    return values


def is_negative(column: pa.ChunkedArray) -> Mask:
    """Where a decimal column is below zero; False where null."""
    return mask_of(pc.less(column, _zero(column)))


def is_positive(column: pa.ChunkedArray) -> Mask:
    """Where a decimal column is above zero; False where null."""
    return mask_of(pc.greater(column, _zero(column)))


def _zero(column: pa.ChunkedArray) -> pa.Scalar:
    return pa.scalar(Decimal(0) if pa.types.is_decimal(column.type) else 0, column.type)


def is_purchase_lot(rows: Rows) -> Mask:
    """Open lots that were bought (or of which nobody says how they came)."""
    return ~rows.text_in("acquisition_type", NOT_PURCHASED) & is_positive(
        rows.table.column("quantity")
    )


def _index(values: pa.ChunkedArray, known: pa.Array) -> Codes:
    found = pc.fill_null(pc.index_in(values.cast(pa.string()), value_set=known), NOBODY)
    codes: Codes = np.asarray(found.to_numpy(), dtype=np.int64)
    return codes


def _taken(values: Codes, codes: Codes) -> Codes:
    if not len(values):
        return np.full(len(codes), NOBODY, dtype=np.int64)
    taken: Codes = np.where(codes == NOBODY, NOBODY, values[codes])
    return taken


def _taken_mask(values: Mask, codes: Codes) -> Mask:
    if not len(values):
        return np.zeros(len(codes), dtype=bool)
    taken: Mask = np.where(codes == NOBODY, False, values[codes])
    return taken


def account_facts(row: Mapping[str, Any]) -> AccountFacts:
    """One row of dim_accounts as the ledger sees it; without a group it is a group of its own."""
    account_type, treatment = row["account_type"], row["tax_treatment"]
    if treatment == "taxable":
        kind: AccountKind = "taxable"
    elif account_type in EMPLOYER_PLANS:
        kind = "employer_plan"
    elif account_type == "hsa":
        kind = "health_savings"
    else:
        kind = "ira"
    return AccountFacts(
        account_id=row["account_id"],
        household_id=row["household_id"],
        label=row["account_name"] or row["account_id"],
        kind=kind,
        owner=_owner(row),
        tax_unit=row["tax_unit_id"] or "",
        wash_group_id=row["wash_sale_group_id"] or row["account_id"],
        counts=bool(row["counts_for_wash_sales"]),
    )


def _owner(row: Mapping[str, Any]) -> str:
    """The person, JOINT of several, '' where neither the custodian nor the type says."""
    # A published night of before has no owners yet; the ledger itself demands the columns.
    if row.get("is_jointly_owned") or row["account_type"] == "taxable_joint":
        return JOINT
    return row.get("owner_person_id") or ""


def _security(row: dict[str, Any]) -> SecurityFacts:
    identity = row["identity_group_id"] or row["security_id"]
    is_option = row["security_type"] == "OPTION"
    return SecurityFacts(
        security_id=row["security_id"],
        label=row["ticker"] or row["security_name"] or row["security_id"],
        identity_group_id=identity,
        matching_group_id=f"option:{row['security_id']}" if is_option else identity,
        price=row["price"],
        is_never_at_a_loss=row["security_type"] in NEVER_AT_A_LOSS,
        is_fund=row["security_type"] in FUNDS,
        is_exempt_interest_fund=row["security_type"] in FUNDS and row["sub_class"] == MUNICIPAL,
    )


def _upper(transactions: pa.Table) -> pa.Table:
    position = transactions.column_names.index("transaction_type")
    upper = pc.utf8_upper(transactions.column("transaction_type").cast(pa.string()))
    return transactions.set_column(position, "transaction_type", upper)


def _closed_lots(frames: dict[str, pa.Table], tables: dict[str, pa.Table]) -> pa.Table:
    """Closed lots; amounts in another currency than dollars are not known in dollars."""
    closed = tables["int_closed_lots__merged"]
    whole = frames["int_closed_lots__merged"]
    if "currency" not in whole.column_names:
        return closed
    is_dollar = pc.fill_null(pc.equal(whole.column("currency").combine_chunks(), "USD"), True)
    for name in ("proceeds", "cost_basis", "realized_gain", "disallowed_loss"):
        column = closed.column(name)
        known = pc.if_else(is_dollar, column, pa.scalar(None, column.type))
        closed = closed.set_column(closed.column_names.index(name), name, known)
    return closed
