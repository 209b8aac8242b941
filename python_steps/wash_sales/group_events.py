"""What the custodians' rows of one wash group and identity group mean as events.

Belongs here: lots, closed lots and transactions of one group turned into the engine's acquisitions
and sales, each purchase once however many files show it; the custodians' own wash-sale adjustments
traced back to their loss and taken out, so that they are not applied twice. Does not belong here:
matching (`engine`), reading of whole tables (`book`).
Sources: Reg. 1.6045-1(d)(6)(iii) (a custodian adjusts for the same account and security only);
Reg. 1.1091-1(f); Rev. Rul. 56-602 (one purchase); IRC 1223(2), (3), (9) (term without own days).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from python_steps.taxes.holding_period import long_term_from
from python_steps.wash_sales.book import NOT_PURCHASED, PURCHASE_TRANSACTIONS
from python_steps.wash_sales.events import Acquisition, LedgerFinding, Sale, SoldLot, allocate

NOTHING = Decimal(0)
# Custodians print cents and shares to four places: smaller differences say nothing.
MONEY_TOLERANCE = Decimal("0.05")
QUANTITY_TOLERANCE = Decimal("0.0001")
STATED_TERMS = ("short", "long")
ONE_DAY = timedelta(days=1)

Row = dict[str, Any]
Holder = tuple[str, str]


class LotKey(NamedTuple):
    """Where an engine lot comes from: the book's key, account and security."""

    key: str
    account_id: str
    security_id: str
    is_open: bool


@dataclass(frozen=True)
class GroupEvents:
    """The engine's input for one group and how to read its output.

    `closed_lots` are the engine ids that are closed lots of the book, with the day of purchase;
    `stated_terms` are the custodian's words on them ("short", "long").
    `explained` is, by open lot id, the part of the custodian's adjustment whose loss is in this
    ledger: the engine's basis excludes it.
    `kept_losses` is, by closed lot, the loss that its custodian disallowed for a purchase that this
    ledger cannot have seen: at least so much is not recognised.
    """

    acquisitions: tuple[Acquisition, ...]
    sales: tuple[Sale, ...]
    lot_keys: dict[str, LotKey]
    closed_lots: dict[str, date | None]
    stated_terms: dict[str, str]
    explained: dict[str, Decimal]
    kept_losses: dict[str, Decimal]
    findings: tuple[LedgerFinding, ...]


@dataclass
class _Part:
    """One row of lots or closed lots: shares of one purchase with one fate."""

    engine_id: str
    key: LotKey
    acquired: date | None
    time: str
    quantity: Decimal
    basis: Decimal | None
    proceeds: Decimal | None
    disposed: date | None
    holding_start: date | None
    source_lot_id: str
    acquisition_type: str
    stated_disallowed: Decimal
    stated_adjustment: Decimal
    hidden_adjustment: Decimal
    unit_cost: Decimal | None
    stated_term: str = ""
    is_always_long: bool = False
    room: Decimal = NOTHING
    explained: Decimal = NOTHING
    traced_loss: Decimal = NOTHING

    @property
    def holder(self) -> Holder:
        return self.key.account_id, self.key.security_id

    @property
    def loss(self) -> Decimal:
        if self.basis is None or self.proceeds is None:
            return NOTHING
        return max(NOTHING, self.basis - self.proceeds)


@dataclass
class _Gone:
    """A purchase that transactions show and no lot does."""

    holder: Holder
    acquired: date
    quantity: Decimal
    key: str
    disposals: list[tuple[date, Decimal]] = field(default_factory=list)


def build_group_events(
    lots: Sequence[Row],
    closed_lots: Sequence[Row],
    transactions: Sequence[Row],
    *,
    taxable_accounts: frozenset[str],
    exposure: dict[str, Decimal],
    window_days: int,
    history_from: Mapping[str, date | None],
) -> GroupEvents:
    """Turn the rows of one group into events.

    Args:
        lots: rows of int_lots__identified; shorts and empty lots are left out by the caller.
        closed_lots: rows of int_closed_lots__merged.
        transactions: purchase, sale and restating rows of int_transactions__merged.
        taxable_accounts: accounts whose losses can be washed.
        exposure: conversion ratio per security.
        window_days: days before and after a loss sale.
        history_from: first day of the known transactions per account; None or absent: not known.

    Returns:
        Events whose ids are unique in the group; nothing depends on the order of the rows.
    """
    parts = sorted(
        [*map(_open_part, lots), *map(_closed_part, closed_lots)], key=lambda part: part.engine_id
    )
    purchases = [row for row in transactions if row["transaction_type"] in PURCHASE_TRANSACTIONS]
    gone, transferred = _purchases_without_lots(parts, purchases, transactions)
    _lay_unexplained_sales(gone, parts, transactions)
    purchase_ids = _purchase_ids(parts, purchases)
    tracer = _CustodianTracer(
        parts, purchase_ids, taxable_accounts, timedelta(days=window_days), history_from
    )
    tracer.trace()
    acquisitions = [
        _acquisition(part, purchase_ids[part.engine_id], exposure, part.engine_id in transferred)
        for part in parts
    ]
    acquisitions.extend(_gone_acquisition(row, exposure) for row in gone)
    lot_keys = {part.engine_id: part.key for part in parts}
    lot_keys.update({_gone_id(row): LotKey(row.key, *row.holder, False) for row in gone})
    return GroupEvents(
        acquisitions=tuple(acquisitions),
        sales=tuple(_sales(parts, gone)),
        lot_keys=lot_keys,
        closed_lots={part.engine_id: part.acquired for part in parts if not part.key.is_open},
        stated_terms={
            part.engine_id: part.stated_term for part in parts if part.stated_term in STATED_TERMS
        },
        explained={part.key.key: part.explained for part in parts if part.key.is_open},
        kept_losses=tracer.kept,
        findings=tuple(tracer.findings),
    )


def unexplained_sales(
    closed_lots: Iterable[Row], transactions: Iterable[Row]
) -> dict[tuple[str, str, date], Decimal]:
    """Shares sold by account, security and date for which there is no closed lot.

    Args:
        closed_lots: rows with account_id, security_id, disposal_date, quantity.
        transactions: rows with account_id, security_id, transaction_date, transaction_type,
            quantity.
    """
    left: dict[tuple[str, str, date], Decimal] = defaultdict(Decimal)
    for row in transactions:
        if row["transaction_type"] == "SELL" and row["quantity"] is not None:
            key = (row["account_id"], row["security_id"], row["transaction_date"])
            left[key] += abs(row["quantity"])
    for row in closed_lots:
        key = (row["account_id"], row["security_id"], row["disposal_date"])
        if key in left and row["quantity"] is not None:
            left[key] -= abs(row["quantity"])
    return {key: quantity for key, quantity in left.items() if quantity > QUANTITY_TOLERANCE}


# -- rows ------------------------------------------------------------------------------------------


def _open_part(row: Row) -> _Part:
    quantity, basis = row["quantity"], row["custodian_cost_basis"]
    unadjusted = row["custodian_cost_basis_unadjusted"]
    adjustment = row["custodian_wash_sale_adjustment"] or NOTHING
    hidden = NOTHING
    if not adjustment and basis is not None and unadjusted is not None:
        hidden = max(NOTHING, basis - unadjusted)
    original = unadjusted if unadjusted is not None else basis
    if unadjusted is None and basis is not None:
        original = basis - adjustment
    return _Part(
        engine_id=f"open|{row['lot_id']}",
        key=LotKey(row["lot_id"], row["account_id"], row["security_id"], True),
        acquired=row["acquisition_date"],
        time=row["acquisition_time"] or "",
        quantity=quantity,
        basis=basis,
        proceeds=None,
        disposed=None,
        holding_start=row["holding_period_start_date"] or row["acquisition_date"],
        source_lot_id=row["source_lot_id"] or "",
        acquisition_type=(row["acquisition_type"] or "").upper(),
        stated_disallowed=NOTHING,
        stated_adjustment=adjustment,
        hidden_adjustment=hidden,
        unit_cost=_per_share(original, quantity),
        is_always_long=(row["acquisition_type"] or "").upper() == "INHERITED",
        room=quantity,
    )


def _closed_part(row: Row) -> _Part:
    quantity = abs(row["quantity"])
    proceeds, basis, gain = row["proceeds"], row["cost_basis"], row["realized_gain"]
    if basis is None and proceeds is not None and gain is not None:
        basis = proceeds - gain
    if proceeds is None and basis is not None and gain is not None:
        proceeds = basis + gain
    if proceeds is None and basis is None and gain is not None:
        # Only the result is known; it is all that a loss needs.
        proceeds, basis = gain, NOTHING
    key = LotKey(row["closed_lot_key"], row["account_id"], row["security_id"], False)
    return _Part(
        engine_id=f"closed|{row['account_id']}|{row['closed_lot_key']}",
        key=key,
        acquired=row["acquisition_date"],
        time="",
        quantity=quantity,
        basis=basis,
        proceeds=proceeds,
        disposed=row["disposal_date"],
        holding_start=row["acquisition_date"],
        source_lot_id=row["source_lot_id"] or "",
        acquisition_type="",
        stated_disallowed=abs(row["disallowed_loss"] or NOTHING),
        stated_adjustment=NOTHING,
        hidden_adjustment=NOTHING,
        unit_cost=_per_share(basis, quantity),
        stated_term=(row["term"] or "").lower(),
        is_always_long=_is_long_by_more_than_dates(row),
        room=quantity,
    )


def _is_long_by_more_than_dates(row: Row) -> bool:
    """A closed lot says nothing of its origin; its term tells what its date cannot.

    A lot that the custodian dates within the year and still calls long was inherited (IRC 1223(9))
    or holds somebody else's days (1223(2)-(3)). On the eve of the first long day the word may be a
    miscount, so the dates decide.
    """
    if (row["term"] or "").upper() != "LONG":
        return False
    acquired = row["acquisition_date"]
    return acquired is None or bool(row["disposal_date"] < long_term_from(acquired) - ONE_DAY)


def _per_share(amount: Decimal | None, quantity: Decimal) -> Decimal | None:
    if amount is None or not quantity:
        return None
    return (amount / quantity).quantize(Decimal("0.0001"))


# -- purchases -------------------------------------------------------------------------------------


def _purchases_without_lots(
    parts: Sequence[_Part], purchases: Sequence[Row], transactions: Sequence[Row]
) -> tuple[list[_Gone], frozenset[str]]:
    """Bought shares that no lot shows, and the transferred lots that are such purchases.

    A lot and the transaction that made it are one purchase: only what the transactions of a day
    exceed the lots of that day is added. A transferred lot of the same security and day is
    followed to the account that bought it.
    """
    bought: dict[tuple[Holder, date], Decimal] = defaultdict(Decimal)
    keys: dict[tuple[Holder, date], list[str]] = defaultdict(list)
    for row in purchases:
        if row["quantity"] is not None and row["quantity"] > 0:
            place = ((row["account_id"], row["security_id"]), row["transaction_date"])
            bought[place] += row["quantity"]
            keys[place].append(row["transaction_key"])
    held: dict[tuple[Holder, date], Decimal] = defaultdict(Decimal)
    for part in parts:
        if part.acquired is not None and part.acquisition_type != "TRANSFER":
            held[part.holder, part.acquired] += part.quantity
    restated = _last_restatements(transactions)
    transferred: set[str] = set()
    gone = []
    for place in sorted(bought):
        holder, acquired = place
        surplus = bought[place] - held.get(place, NOTHING)
        if held.get(place) and restated.get(holder, date.min) >= acquired:
            # A split since then makes shares bought and shares held incomparable.
            continue
        for part in parts:
            if (
                surplus > QUANTITY_TOLERANCE
                and part.acquisition_type == "TRANSFER"
                and part.acquired == acquired
                and part.key.security_id == holder[1]
                and part.engine_id not in transferred
            ):
                transferred.add(part.engine_id)
                surplus -= part.quantity
        if surplus > QUANTITY_TOLERANCE:
            gone.append(_Gone(holder, acquired, surplus, min(keys[place])))
    return gone, frozenset(transferred)


def _last_restatements(transactions: Sequence[Row]) -> dict[Holder, date]:
    last: dict[Holder, date] = {}
    for row in transactions:
        if row["transaction_type"] not in (*PURCHASE_TRANSACTIONS, "SELL"):
            holder = (row["account_id"], row["security_id"])
            last[holder] = max(last.get(holder, date.min), row["transaction_date"])
    return last


def _lay_unexplained_sales(
    gone: Sequence[_Gone], parts: Sequence[_Part], transactions: Sequence[Row]
) -> None:
    """Sales without closed lots dispose of purchases without lots, oldest first."""
    closed = [
        {
            "account_id": part.key.account_id,
            "security_id": part.key.security_id,
            "disposal_date": part.disposed,
            "quantity": part.quantity,
        }
        for part in parts
        if part.disposed is not None
    ]
    left = unexplained_sales(closed, transactions)
    sold_on: dict[Holder, list[date]] = defaultdict(list)
    for account_id, security_id, day in sorted(left):
        sold_on[account_id, security_id].append(day)
    for row in sorted(gone, key=lambda row: (row.holder, row.acquired)):
        remaining = row.quantity
        for day in sold_on.get(row.holder, ()):
            quantity = min(remaining, left[(*row.holder, day)])
            if day >= row.acquired and quantity > 0:
                row.disposals.append((day, quantity))
                left[(*row.holder, day)] -= quantity
                remaining -= quantity


def _purchase_ids(parts: Sequence[_Part], purchases: Sequence[Row]) -> dict[str, str]:
    """One id per purchase: the fills of one order, and the parts a purchase fell into since.

    Parts of one account, security and day are one purchase where the day has a single purchase
    transaction, or where they share the custodian's lot id, the execution time or the unadjusted
    cost per share.
    """
    counts: dict[tuple[Holder, date], int] = defaultdict(int)
    for row in purchases:
        counts[(row["account_id"], row["security_id"]), row["transaction_date"]] += 1
    ids: dict[str, str] = {}
    names: dict[tuple[Any, ...], str] = {}
    for part in parts:
        if part.acquired is None:
            ids[part.engine_id] = part.engine_id
            continue
        marks: list[tuple[Any, ...]] = [
            (kind, part.holder, part.acquired, value)
            for kind, value in (
                ("lot", part.source_lot_id),
                ("time", part.time),
                ("cost", part.unit_cost),
            )
            if value
        ]
        if counts.get((part.holder, part.acquired)) == 1:
            marks.append(("only purchase", part.holder, part.acquired))
        known = sorted({names[mark] for mark in marks if mark in names})
        name = known[0] if known else part.engine_id
        for other in known[1:]:
            names = {mark: name if of == other else of for mark, of in names.items()}
            ids = {engine_id: name if of == other else of for engine_id, of in ids.items()}
        names.update(dict.fromkeys(marks, name))
        ids[part.engine_id] = name
    return ids


def _acquisition(
    part: _Part, purchase_id: str, exposure: dict[str, Decimal], is_followed: bool
) -> Acquisition:
    is_bought = part.acquisition_type not in NOT_PURCHASED or is_followed
    unexplained = part.stated_adjustment - part.explained
    holding_start = part.holding_start
    if part.explained and is_bought:
        # The custodian's start already carries the loss's days; the engine carries them anew.
        holding_start = part.acquired
    return Acquisition(
        lot_id=part.engine_id,
        account_id=part.key.account_id,
        security_id=part.key.security_id,
        acquired=part.acquired,
        quantity=part.quantity,
        basis=None if part.basis is None else part.basis - part.explained,
        origin="purchase" if is_bought else "other",
        purchase_id=purchase_id,
        holding_start=holding_start,
        time=part.time,
        exposure_per_share=exposure.get(part.key.security_id, Decimal(1)),
        is_used=unexplained > MONEY_TOLERANCE and not part.explained,
        is_always_long=part.is_always_long,
    )


def _gone_id(row: _Gone) -> str:
    return f"gone|{row.holder[0]}|{row.holder[1]}|{row.acquired}"


def _gone_acquisition(row: _Gone, exposure: dict[str, Decimal]) -> Acquisition:
    return Acquisition(
        lot_id=_gone_id(row),
        account_id=row.holder[0],
        security_id=row.holder[1],
        acquired=row.acquired,
        quantity=row.quantity,
        basis=None,
        origin="purchase",
        purchase_id=_gone_id(row),
        holding_start=row.acquired,
        exposure_per_share=exposure.get(row.holder[1], Decimal(1)),
    )


def _sales(parts: Sequence[_Part], gone: Sequence[_Gone]) -> list[Sale]:
    """One sale per account, security and day: the files do not tell orders of a day apart."""
    lines: dict[tuple[Holder, date], list[SoldLot]] = defaultdict(list)
    for part in parts:
        if part.disposed is not None:
            lines[part.holder, part.disposed].append(
                SoldLot(part.engine_id, part.quantity, part.proceeds)
            )
    for row in gone:
        for day, quantity in row.disposals:
            lines[row.holder, day].append(SoldLot(_gone_id(row), quantity, None))
    return [
        Sale(f"{holder[0]}|{holder[1]}|{day}", holder[0], day, tuple(sold))
        for (holder, day), sold in sorted(lines.items())
    ]


# -- the custodians' own adjustments ---------------------------------------------------------------


class _CustodianTracer:
    """Finds, for each loss a custodian disallowed, the lots it put the loss into.

    Sets `explained` on those lots. For open lots the custodian states its adjustment; for shares
    sold since, it is inside their cost basis, and the custodian's own rule (same account, same
    security, earliest acquisition first) says where.
    """

    def __init__(
        self,
        parts: Sequence[_Part],
        purchase_ids: dict[str, str],
        taxable_accounts: frozenset[str],
        window: timedelta,
        history_from: Mapping[str, date | None],
    ) -> None:
        self.purchase_ids, self.window, self.history_from = purchase_ids, window, history_from
        self.findings: list[LedgerFinding] = []
        self.kept: dict[str, Decimal] = {}
        self.by_holder: dict[Holder, list[_Part]] = defaultdict(list)
        for part in parts:
            if part.key.account_id in taxable_accounts:
                self.by_holder[part.holder].append(part)

    def trace(self) -> None:
        for _, parts in sorted(self.by_holder.items()):
            losses = sorted(
                (part for part in parts if part.loss > 0 or part.stated_disallowed > 0),
                key=lambda part: (
                    part.disposed or date.max,
                    part.acquired or date.min,
                    part.engine_id,
                ),
            )
            for loss in losses:
                self._trace_stated(loss, parts)
            for loss in losses:
                self._trace_unstated(loss, parts)
            self._report_without_loss(parts)

    def _targets(self, loss: _Part, parts: Sequence[_Part]) -> list[_Part]:
        sold = loss.disposed
        if sold is None:
            return []
        found = [
            part
            for part in parts
            if part.acquired is not None
            and abs(part.acquired - sold) <= self.window
            and self.purchase_ids[part.engine_id] != self.purchase_ids[loss.engine_id]
            and (part.disposed is None or part.disposed >= sold)
        ]
        return sorted(found, key=lambda part: (part.acquired, part.time, part.engine_id))

    def _trace_stated(self, loss: _Part, parts: Sequence[_Part]) -> None:
        need = loss.stated_disallowed - loss.traced_loss
        if need <= 0:
            return
        targets = self._targets(loss, parts)
        for part in targets:
            need -= self._take(loss, part, min(need, part.stated_adjustment - part.explained))
        for part in targets:
            if need > 0 and part.disposed is not None and loss.loss > 0:
                limit = allocate(loss.loss, min(part.room, loss.quantity), loss.quantity)
                taken = self._take(loss, part, min(need, limit))
                part.room -= taken * loss.quantity / loss.loss
                need -= taken
        for part in targets:
            need -= self._take(loss, part, min(need, part.hidden_adjustment - part.explained))
        if need > MONEY_TOLERANCE:
            self._report_untraced(loss, need)

    def _report_untraced(self, loss: _Part, need: Decimal) -> None:
        """A replacement that a whole history would show does not exist; else the word stands."""
        fate = "check the basis of the replacement shares."
        if not self._is_history_known(loss):
            self.kept[loss.engine_id] = loss.stated_disallowed
            fate = (
                "its purchase may lie before the transactions that are known, so that the "
                "custodian's amount is kept; check the basis of the replacement shares."
            )
        self.findings.append(
            LedgerFinding(
                "custodian_adjustment_untraced",
                loss.key.key,
                f"The custodian disallowed {loss.stated_disallowed:f} of the loss of "
                f"{loss.disposed} in {{account}}, and {need:f} of it is in no lot that it "
                f"delivered: {fate}",
                loss.key.account_id,
            )
        )

    def _is_history_known(self, loss: _Part) -> bool:
        """Whether every purchase that the custodian may have looked at is among ours."""
        known_from = self.history_from.get(loss.key.account_id)
        return (
            known_from is not None
            and loss.disposed is not None
            and known_from <= loss.disposed - self.window
        )

    def _trace_unstated(self, loss: _Part, parts: Sequence[_Part]) -> None:
        """An adjusted lot beside a loss of which the custodian states no disallowed part."""
        if loss.stated_disallowed > 0:
            return
        left = loss.loss
        for part in self._targets(loss, parts):
            if part.disposed is None:
                left -= self._take(loss, part, min(left, part.stated_adjustment - part.explained))

    def _take(self, loss: _Part, part: _Part, amount: Decimal) -> Decimal:
        if amount <= 0:
            return NOTHING
        part.explained += amount
        loss.traced_loss += amount
        return amount

    def _report_without_loss(self, parts: Sequence[_Part]) -> None:
        for part in parts:
            left = part.stated_adjustment - part.explained
            if part.disposed is None and left > MONEY_TOLERANCE:
                self.findings.append(
                    LedgerFinding(
                        "custodian_adjustment_without_loss",
                        part.key.key,
                        f"The custodian carries a wash-sale adjustment of {left:f} on a lot of "
                        f"{part.acquired} in {{account}}; its loss sale is not in the history "
                        "received. The adjustment is kept as stated.",
                        part.key.account_id,
                    )
                )
