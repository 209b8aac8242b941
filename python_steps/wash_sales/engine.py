"""Wash-sale matching of one household wash group and one identity group, share by share.

Belongs here: the algorithm, from acquisitions and sales to results, matches, restated lots and
findings. Does not belong here: custodians' files (`ledger`), forward-looking windows (`windows`),
which securities are substantially identical, rates.
Law: IRC 1091(a) (30 days before and after), 1091(d) with Reg. 1.1091-2 (basis), 1223(3) (holding
period); Reg. 1.1091-1(b) (order of losses), (c)-(d) (order of replacements), (e) (an acquired share
disallows one loss), (f) (purchase or taxable exchange); Rev. Rul. 56-602 (shares of the same
purchase are no replacement), Rev. Rul. 70-231 (blocks apart), Rev. Rul. 2008-5 (IRA: lost for
good); IRS Pub. 550 (spouse). What the law leaves open is `policy.WashSalePolicy`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

from python_steps.taxes.holding_period import Term, replacement_holding_start, term_of
from python_steps.wash_sales.events import (
    EXACT,
    JOINT,
    NOTHING,
    QUANTITY_QUANTUM,
    Acquisition,
    LedgerFinding,
    Match,
    OpenLot,
    Sale,
    SaleResult,
    SoldLot,
    WashAccount,
    WashSaleLedger,
    allocate,
    are_two_persons,
)
from python_steps.wash_sales.policy import DEFAULT_POLICY, WashSalePolicy


def reconcile_group(
    accounts: Iterable[WashAccount],
    acquisitions: Iterable[Acquisition],
    sales: Iterable[Sale],
    policy: WashSalePolicy = DEFAULT_POLICY,
) -> WashSaleLedger:
    """Apply the wash-sale rules to the whole history of one identity group of one household.

    Args:
        accounts: every account that appears; outside ones are kept apart unless policy says else.
        acquisitions: every lot ever held in the history, in any order.
        sales: every sale, in any order; the lots they name must be among the acquisitions.
        policy: the firm's reading of the contested points.

    Returns:
        Results that do not depend on the order of the arguments. For every taxable account,
        to the last digit: proceeds - basis = recognized - permanent - adjustment of open lots.

    Raises:
        ValueError: an account or lot is named that is not given, or a lot id is given twice.
    """
    by_id = {account.account_id: account for account in accounts}
    lots = sorted(acquisitions, key=lambda lot: lot.lot_id)
    orders = sorted(sales, key=lambda sale: sale.sale_id)
    _check_names(by_id, lots, orders)
    inside = {
        account_id
        for account_id, account in by_id.items()
        if not account.is_outside_group or policy.outside_accounts == "include"
    }
    groups = [inside, *({account_id} for account_id in sorted(set(by_id) - inside))]
    outcomes = [
        _Matcher(
            by_id,
            [lot for lot in lots if lot.account_id in members],
            [sale for sale in orders if sale.account_id in members],
            [lot for lot in lots if lot.account_id not in members] if members is inside else [],
            policy,
        ).run()
        for members in groups
    ]
    return WashSaleLedger(
        sales=tuple(row for outcome in outcomes for row in outcome.sales),
        matches=tuple(row for outcome in outcomes for row in outcome.matches),
        open_lots=tuple(row for outcome in outcomes for row in outcome.open_lots),
        findings=tuple(row for outcome in outcomes for row in outcome.findings),
    )


def _check_names(
    accounts: dict[str, WashAccount], lots: Sequence[Acquisition], sales: Sequence[Sale]
) -> None:
    lot_ids = [lot.lot_id for lot in lots]
    if len(set(lot_ids)) != len(lot_ids):
        twice = sorted({lot_id for lot_id in lot_ids if lot_ids.count(lot_id) > 1})
        raise ValueError(f"lot ids given twice: {twice}")
    unknown_lots = {line.lot_id for sale in sales for line in sale.lots} - set(lot_ids)
    if unknown_lots:
        raise ValueError(f"sales name lots that are not given: {sorted(unknown_lots)}")
    used = {lot.account_id for lot in lots} | {sale.account_id for sale in sales}
    if used - set(accounts):
        raise ValueError(f"accounts that are not given: {sorted(used - set(accounts))}")


@dataclass
class _Piece:
    """Shares of one lot that are alike: same basis per share, same start, used or not."""

    quantity: Decimal
    basis: Decimal | None
    holding_start: date | None
    adjustment: Decimal = NOTHING
    is_adjusted: bool = False
    is_used: bool = False

    def split(self, quantity: Decimal) -> _Piece:
        """Cut `quantity` shares off the front; their amounts and the rest's sum to the whole."""
        front = _Piece(
            quantity=quantity,
            basis=None if self.basis is None else allocate(self.basis, quantity, self.quantity),
            holding_start=self.holding_start,
            adjustment=allocate(self.adjustment, quantity, self.quantity),
            is_adjusted=self.is_adjusted,
            is_used=self.is_used,
        )
        self.quantity -= quantity
        self.basis = None if self.basis is None or front.basis is None else self.basis - front.basis
        self.adjustment -= front.adjustment
        return front


@dataclass
class _Lot:
    facts: Acquisition
    pieces: list[_Piece]
    free: Decimal
    reserved_today: Decimal = NOTHING
    sold_records: list[_Record] = field(default_factory=list)


@dataclass
class _Record:
    """Sold shares that are alike, and what became of their loss so far."""

    sale: Sale
    lot: _Lot
    piece: _Piece
    proceeds: Decimal | None
    is_taxable: bool
    deferred: Decimal = NOTHING
    permanent: Decimal = NOTHING
    matched_quantity: Decimal = NOTHING

    @property
    def realized(self) -> Decimal | None:
        if self.proceeds is None or self.piece.basis is None:
            return None
        return self.proceeds - self.piece.basis

    @property
    def loss_left(self) -> Decimal:
        realized = self.realized
        if realized is None:
            return NOTHING
        return max(NOTHING, -realized - self.deferred - self.permanent)

    @property
    def quantity_left(self) -> Decimal:
        return self.piece.quantity - self.matched_quantity

    def split(self, quantity: Decimal) -> _Record:
        """Cut a record of `quantity` unmatched shares off; only for shares without any match."""
        proceeds = (
            None
            if self.proceeds is None
            else allocate(self.proceeds, quantity, self.piece.quantity)
        )
        part = _Record(self.sale, self.lot, self.piece.split(quantity), proceeds, self.is_taxable)
        if self.proceeds is not None and proceeds is not None:
            self.proceeds -= proceeds
        return part


class _Matcher:
    """One run over one taxpayer group. State is share-level: each lot is a list of pieces.

    The front of a lot's list is sold first and consumed first, so that partial sales of partly
    adjusted lots are settled by one rule.
    """

    def __init__(
        self,
        accounts: dict[str, WashAccount],
        lots: Sequence[Acquisition],
        sales: Sequence[Sale],
        outside: Sequence[Acquisition],
        policy: WashSalePolicy,
    ) -> None:
        self.accounts, self.policy, self.sales = accounts, policy, sales
        self.window = timedelta(days=policy.window_days)
        self.lots = {lot.lot_id: self._opened(lot) for lot in lots}
        self.purchases = self._in_replacement_order(
            [lot for lot in self.lots.values() if self._is_replacement(lot.facts)]
        )
        self.purchase_dates = [_known(lot.facts.acquired) for lot in self.purchases]
        self.rank = {lot.facts.lot_id: rank for rank, lot in enumerate(self.purchases)}
        self.next_free = list(range(len(self.purchases) + 1))
        self.outside = sorted(
            (lot for lot in outside if lot.origin == "purchase" and lot.acquired is not None),
            key=lambda lot: (_known(lot.acquired), lot.lot_id),
        )
        self.records: list[_Record] = []
        self.matches: list[Match] = []
        self.findings: list[LedgerFinding] = []

    def run(self) -> WashSaleLedger:
        in_order = sorted(self.sales, key=lambda sale: sale.sold)
        for _, day in groupby(in_order, key=lambda sale: sale.sold):
            self._settle_day(list(day))
        return WashSaleLedger(
            sales=tuple(_result(record) for record in self.records),
            matches=tuple(self.matches),
            open_lots=tuple(
                row for lot_id in sorted(self.lots) for row in _still_open(self.lots[lot_id])
            ),
            findings=tuple(self.findings),
        )

    # -- what replaces, and in which order ---------------------------------------------------

    def _opened(self, lot: Acquisition) -> _Lot:
        piece = _Piece(lot.quantity, lot.basis, lot.holding_start, is_used=lot.is_used)
        return _Lot(lot, [piece], NOTHING if lot.is_used else lot.quantity)

    def _is_replacement(self, lot: Acquisition) -> bool:
        if lot.acquired is None or lot.quantity <= 0 or lot.is_used:
            return False
        kind, policy = self.accounts[lot.account_id].kind, self.policy
        if kind == "employer_plan" and policy.employer_plan == "ignore":
            return False
        if kind == "health_savings" and policy.health_savings == "ignore":
            return False
        if lot.origin == "in_kind_distribution":
            return policy.in_kind_distribution == "acquisition"
        return lot.origin == "purchase"

    def _in_replacement_order(self, lots: list[_Lot]) -> list[_Lot]:
        """Earliest acquisition first (Reg. 1.1091-1(c)-(d)); inside one date by execution."""
        ordered: list[_Lot] = []
        by_date = sorted(lots, key=lambda lot: (_known(lot.facts.acquired), lot.facts.lot_id))
        for _, same_date in groupby(by_date, key=lambda lot: lot.facts.acquired):
            day = list(same_date)
            if all(lot.facts.sequence is not None for lot in day):
                day.sort(key=lambda lot: lot.facts.sequence or 0)
            elif all(lot.facts.time for lot in day):
                day.sort(key=lambda lot: (lot.facts.time, self._tie(lot)))
            else:
                day.sort(key=self._tie)
            ordered.extend(day)
        return ordered

    def _tie(self, lot: _Lot) -> int:
        is_taxable = self.accounts[lot.facts.account_id].kind == "taxable"
        return int(is_taxable == (self.policy.tie == "retirement_first"))

    def _acquired_before(self, lot: Acquisition, sale: Sale) -> bool:
        """Whether a purchase of the sale's own day or earlier came before the sale.

        Inside one day an order that nobody recorded is read against the taxpayer: the purchase
        came after, where it counts even if it was resold, unless the sale itself sold that lot.
        """
        acquired = _known(lot.acquired)
        if acquired != sale.sold:
            return acquired < sale.sold
        if lot.sequence is not None and sale.sequence is not None:
            return lot.sequence < sale.sequence
        if lot.time and sale.time:
            return lot.time < sale.time
        return any(line.lot_id == lot.lot_id for line in sale.lots)

    # -- one day of sales --------------------------------------------------------------------

    def _settle_day(self, day: list[Sale]) -> None:
        lines = self._in_loss_order(day)
        for _, line in lines:
            self.lots[line.lot_id].reserved_today += line.quantity
        for sale, line in lines:
            for record in self._sell(sale, line):
                self._disallow(record)

    def _in_loss_order(self, day: list[Sale]) -> list[tuple[Sale, SoldLot]]:
        """Order of disposition; where nobody recorded it, order of acquisition (Reg. (b))."""
        lines = [(sale, line) for sale in day for line in sale.lots]
        known_by_sequence = all(sale.sequence is not None for sale in day)
        known_by_time = all(sale.time for sale in day)

        def key(pair: tuple[Sale, SoldLot]) -> tuple[int, str, date, int, str, str, str]:
            sale, line = pair
            lot = self.lots[line.lot_id].facts
            return (
                (sale.sequence or 0) if known_by_sequence else 0,
                sale.time if known_by_time and not known_by_sequence else "",
                lot.acquired or date.min,
                lot.sequence or 0,
                lot.time,
                line.lot_id,
                sale.sale_id,
            )

        return sorted(lines, key=key)

    def _sell(self, sale: Sale, line: SoldLot) -> list[_Record]:
        lot = self.lots[line.lot_id]
        lot.reserved_today -= line.quantity
        left, proceeds_left = line.quantity, line.proceeds
        is_taxable = self.accounts[sale.account_id].kind == "taxable"
        records = []
        while left > 0 and lot.pieces:
            piece = lot.pieces[0]
            piece = piece.split(left) if piece.quantity > left else lot.pieces.pop(0)
            proceeds = (
                None if proceeds_left is None else allocate(proceeds_left, piece.quantity, left)
            )
            left -= piece.quantity
            proceeds_left = (
                None if proceeds_left is None or proceeds is None else (proceeds_left - proceeds)
            )
            if not piece.is_used:
                self._reduce_free(lot, piece.quantity)
            records.append(_Record(sale, lot, piece, proceeds, is_taxable))
        if left > 0:
            self.findings.append(
                LedgerFinding(
                    "sold_more_than_held",
                    line.lot_id,
                    f"The sale of {sale.sold} in {{account}} takes {left:f} more shares from a lot "
                    "than the ledger holds of it; their result is unknown.",
                    sale.account_id,
                )
            )
        if is_taxable and any(record.realized is None for record in records):
            self.findings.append(
                LedgerFinding(
                    "result_unknown",
                    line.lot_id,
                    f"The sale of {sale.sold} in {{account}} has no proceeds or no basis: whether "
                    "it was a loss is unknown.",
                    sale.account_id,
                )
            )
        lot.sold_records.extend(records)
        self.records.extend(records)
        return records

    def _reduce_free(self, lot: _Lot, quantity: Decimal) -> None:
        lot.free -= quantity
        rank = self.rank.get(lot.facts.lot_id)
        if lot.free <= 0 and rank is not None and self.policy.disposed_before_loss == "exclude":
            self.next_free[rank] = rank + 1

    def _candidates(self, sold: date) -> Iterator[_Lot]:
        """Purchases inside the window that still have free shares, in replacement order."""
        rank = self._find_free(bisect_left(self.purchase_dates, sold - self.window))
        while rank < len(self.purchases) and self.purchase_dates[rank] <= sold + self.window:
            yield self.purchases[rank]
            rank = self._find_free(rank + 1)

    def _find_free(self, rank: int) -> int:
        root = rank
        while self.next_free[root] != root:
            root = self.next_free[root]
        while self.next_free[rank] != root:
            self.next_free[rank], rank = root, self.next_free[rank]
        return root

    # -- one loss ----------------------------------------------------------------------------

    def _disallow(self, record: _Record) -> None:
        pending = [record]
        while pending:
            loss = pending.pop()
            if not loss.is_taxable or loss.loss_left <= 0:
                continue
            for candidate in self._candidates(loss.sale.sold):
                if loss.quantity_left <= 0:
                    break
                pending.extend(self._replace_from(loss, candidate))
            self._flag_outside_purchases(loss)

    def _replace_from(self, loss: _Record, lot: _Lot) -> list[_Record]:
        """Match as many shares of `lot` as may replace the loss; returns reopened records."""
        sold_facts = loss.lot.facts
        if self._is_same_purchase(sold_facts, lot.facts):
            return []
        if self.policy.older_than_sold == "exclude" and self._is_older(lot.facts, sold_facts):
            return []
        reopened: list[_Record] = []
        is_before = self._acquired_before(lot.facts, loss.sale)
        if is_before and self.policy.disposed_before_loss == "include_retro":
            reopened = self._replace_from_sold(loss, lot)
        skip = lot.reserved_today if is_before and self._leaves_as_one() else NOTHING
        position = 0
        while position < len(lot.pieces) and loss.quantity_left > 0:
            piece = lot.pieces[position]
            if skip > 0:
                if piece.quantity > skip:
                    lot.pieces.insert(position, piece.split(skip))
                skip -= lot.pieces[position].quantity
            elif not piece.is_used:
                loss_quantity, replacement_quantity = self._paired(loss, lot, piece.quantity)
                if piece.quantity > replacement_quantity:
                    lot.pieces.insert(position, piece.split(replacement_quantity))
                self._settle_match(loss, lot, lot.pieces[position], loss_quantity)
                self._reduce_free(lot, replacement_quantity)
            position += 1
        return reopened

    def _leaves_as_one(self) -> bool:
        return self.policy.same_day_liquidation == "as_one"

    def _replace_from_sold(self, loss: _Record, lot: _Lot) -> list[_Record]:
        """Shares sold before the loss as its replacement: the earlier sale is reopened."""
        reopened = []
        for sold in list(lot.sold_records):
            if loss.quantity_left <= 0:
                break
            is_same_day = sold.sale.sold == loss.sale.sold
            if sold.piece.is_used or sold.matched_quantity or sold is loss:
                continue
            if sold.sale.sold > loss.sale.sold or (is_same_day and self._leaves_as_one()):
                continue
            loss_quantity, quantity = self._paired(loss, lot, sold.piece.quantity)
            if sold.piece.quantity > quantity:
                part = sold.split(quantity)
                lot.sold_records.append(part)
                self.records.append(part)
            else:
                part = sold
            self._settle_match(loss, lot, part.piece, loss_quantity)
            reopened.append(part)
        return reopened

    def _is_same_purchase(self, sold: Acquisition, candidate: Acquisition) -> bool:
        if self.policy.same_purchase == "lot":
            return sold.lot_id == candidate.lot_id
        return sold.purchase_id == candidate.purchase_id

    def _is_older(self, candidate: Acquisition, sold: Acquisition) -> bool:
        if sold.acquired is None:
            return False
        if sold.lot_id in self.rank:
            return self.rank[candidate.lot_id] < self.rank[sold.lot_id]
        return _known(candidate.acquired) < sold.acquired

    def _paired(self, loss: _Record, lot: _Lot, available: Decimal) -> tuple[Decimal, Decimal]:
        """Shares of the loss and of the replacement that stand for each other."""
        sold_ratio, ratio = loss.lot.facts.exposure_per_share, lot.facts.exposure_per_share
        if sold_ratio == ratio or self.policy.share_classes == "share_for_share":
            quantity = min(loss.quantity_left, available)
            return quantity, quantity
        wanted = EXACT.divide(EXACT.multiply(loss.quantity_left, sold_ratio), ratio).quantize(
            QUANTITY_QUANTUM, context=EXACT
        )
        if wanted <= available:
            return loss.quantity_left, max(wanted, QUANTITY_QUANTUM)
        covered = EXACT.divide(EXACT.multiply(available, ratio), sold_ratio).quantize(
            QUANTITY_QUANTUM, context=EXACT
        )
        return min(loss.quantity_left, max(covered, QUANTITY_QUANTUM)), available

    def _settle_match(self, loss: _Record, lot: _Lot, piece: _Piece, quantity: Decimal) -> None:
        disallowed = allocate(loss.loss_left, quantity, loss.quantity_left)
        is_permanent, rule = self._treatment(loss.sale.account_id, lot.facts.account_id)
        loss.matched_quantity += quantity
        piece.is_used = True
        if is_permanent:
            loss.permanent += disallowed
        else:
            loss.deferred += disallowed
            piece.adjustment += disallowed
            piece.basis = None if piece.basis is None else piece.basis + disallowed
            piece.is_adjusted = True
            if loss.piece.holding_start is not None and piece.holding_start is not None:
                piece.holding_start = replacement_holding_start(
                    sold_start=loss.piece.holding_start,
                    sold=loss.sale.sold,
                    replacement_start=piece.holding_start,
                    method=self.policy.holding_method,
                )
        self.matches.append(
            Match(
                sale_id=loss.sale.sale_id,
                sold_lot_id=loss.lot.facts.lot_id,
                sold_account_id=loss.sale.account_id,
                sold=loss.sale.sold,
                replacement_lot_id=lot.facts.lot_id,
                replacement_account_id=lot.facts.account_id,
                replacement_acquired=_known(lot.facts.acquired),
                quantity=quantity,
                replacement_quantity=piece.quantity,
                disallowed=disallowed,
                is_permanent=is_permanent,
                basis_added=NOTHING if is_permanent else disallowed,
                holding_start=None if is_permanent else piece.holding_start,
                provisional_until=loss.sale.sold + self.window,
                rule=rule,
            )
        )
        self._flag_related_party(loss, lot)
        self._flag_unknown_owner(loss, lot, is_permanent=is_permanent)

    def _treatment(self, sold_account: str, replacement_account: str) -> tuple[bool, str]:
        replacement, seller = self.accounts[replacement_account], self.accounts[sold_account]
        if replacement.kind == "ira":
            return True, "replacement_in_retirement_account"
        if replacement.kind == "employer_plan":
            return True, "replacement_in_employer_plan"
        if replacement.kind == "health_savings":
            return True, "replacement_in_health_savings_account"
        if not are_two_persons(seller, replacement):
            return False, "replacement_in_taxable_account"
        return self.policy.spouse_replacement == "permanent", "replacement_in_spouse_account"

    # -- findings ----------------------------------------------------------------------------

    def _flag_related_party(self, loss: _Record, lot: _Lot) -> None:
        if lot.facts.acquired != loss.sale.sold or lot.facts.account_id == loss.sale.account_id:
            return
        self.findings.append(
            LedgerFinding(
                "same_day_sale_and_purchase",
                loss.lot.facts.lot_id,
                f"The loss of {loss.sale.sold} in {{account}} met a purchase of the same day in "
                "{other_account}: it may be an indirect sale between related parties (IRC "
                "267(a)(1), McWilliams v. Commissioner), lost without a basis step. Ask tax "
                "counsel.",
                loss.sale.account_id,
                lot.facts.account_id,
            )
        )

    def _flag_unknown_owner(self, loss: _Record, lot: _Lot, *, is_permanent: bool) -> None:
        """Where a spouse's purchase loses the loss for good, whose it was must be known."""
        accounts = [self.accounts[name] for name in (loss.sale.account_id, lot.facts.account_id)]
        if (
            self.policy.spouse_replacement != "permanent"
            or is_permanent
            or accounts[0] == accounts[1]
            or all(account.owner for account in accounts)
            or any(account.owner == JOINT for account in accounts)
            or are_two_persons(*accounts)
        ):
            return
        self.findings.append(
            LedgerFinding(
                "replacement_owner_unknown",
                loss.lot.facts.lot_id,
                f"The loss of {loss.sale.sold} in {{account}} met a purchase in {{other_account}}, "
                "and whose these accounts are is not known: it is deferred as the seller's own "
                "purchase would; were it the spouse's, the firm's policy loses it for good.",
                loss.sale.account_id,
                lot.facts.account_id,
            )
        )

    def _flag_outside_purchases(self, loss: _Record) -> None:
        if loss.quantity_left <= 0 or not self.outside:
            return
        first = bisect_left(
            self.outside, loss.sale.sold - self.window, key=lambda lot: _known(lot.acquired)
        )
        for lot in self.outside[first:]:
            if _known(lot.acquired) > loss.sale.sold + self.window:
                break
            self.findings.append(
                LedgerFinding(
                    "purchase_outside_wash_group",
                    loss.lot.facts.lot_id,
                    f"{{other_account}}, outside the wash-sale group, bought on {lot.acquired}, "
                    f"inside the window of the loss of {loss.sale.sold} in {{account}}: were it an "
                    "indirect purchase, it would disallow the loss.",
                    loss.sale.account_id,
                    lot.account_id,
                )
            )


def _known(day: date | None) -> date:
    if day is None:
        raise ValueError("a purchase without a date cannot be ordered")
    return day


def _result(record: _Record) -> SaleResult:
    realized = record.realized
    start = record.piece.holding_start
    term: Term | None = None
    if record.is_taxable and record.lot.facts.is_always_long:
        term = "long"
    elif record.is_taxable and start is not None:
        term = term_of(start, record.sale.sold)
    return SaleResult(
        sale_id=record.sale.sale_id,
        lot_id=record.lot.facts.lot_id,
        account_id=record.sale.account_id,
        sold=record.sale.sold,
        quantity=record.piece.quantity,
        proceeds=record.proceeds,
        adjusted_basis=record.piece.basis,
        realized=realized,
        disallowed_deferred=record.deferred,
        disallowed_permanent=record.permanent,
        recognized=_recognized(record, realized),
        term=term,
        is_taxable=record.is_taxable,
        holding_start=start,
    )


def _recognized(record: _Record, realized: Decimal | None) -> Decimal | None:
    if realized is None:
        return None
    if not record.is_taxable:
        return NOTHING
    return realized + record.deferred + record.permanent


def _still_open(lot: _Lot) -> list[OpenLot]:
    facts, merged = lot.facts, list[_Piece]()
    used = list[Decimal]()
    for piece in lot.pieces:
        used_quantity = piece.quantity if piece.is_used else NOTHING
        last = merged[-1] if merged else None
        if last is not None and not last.is_adjusted and not piece.is_adjusted:
            last.quantity += piece.quantity
            if last.basis is not None and piece.basis is not None:
                last.basis += piece.basis
            used[-1] += used_quantity
        else:
            merged.append(piece)
            used.append(used_quantity)
    return [
        OpenLot(
            lot_id=facts.lot_id,
            account_id=facts.account_id,
            security_id=facts.security_id,
            quantity=piece.quantity,
            basis=piece.basis,
            adjustment=piece.adjustment,
            acquired=facts.acquired,
            holding_start=piece.holding_start,
            is_adjusted=piece.is_adjusted,
            used_quantity=used_quantity,
            is_always_long=facts.is_always_long,
        )
        for piece, used_quantity in zip(merged, used, strict=True)
    ]
