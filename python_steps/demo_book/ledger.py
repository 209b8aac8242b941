"""What happened to one position, and what a custodian would report of it on a given session.

Belongs here: purchases, sales and reinvestments of one security in one account, the lots left on a
session, the lots closed by it, in whole units (ten-thousandths of a share, cents). Does not belong
here: which securities an account holds (`households`) or any file layout. Money is whole cents,
rounded half to even once per event, so lots tie to positions exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

SHARE_UNITS = 10_000  # quantities are whole ten-thousandths of a share
WASH_SALE_WINDOW_DAYS = 30


class Purchase(NamedTuple):
    """One acquisition that makes one lot."""

    session_index: int
    quantity: int  # ten-thousandths of a share
    price: int  # cents per share
    acquisition_type: str  # PURCHASE, REINVEST, TRANSFER, INHERITED
    number: int  # 1-based within the position; part of the lot id
    is_funded: bool  # True when a deposit of the same day pays for it


class Sale(NamedTuple):
    """One disposal, with the lots it takes."""

    session_index: int
    price: int  # cents per share
    taken: tuple[tuple[int, int], ...]  # (purchase number, ten-thousandths of a share)
    number: int

    @property
    def quantity(self) -> int:
        """Ten-thousandths of a share sold."""
        return sum(quantity for _, quantity in self.taken)


class OpenLot(NamedTuple):
    """What is left of a purchase on a session."""

    purchase: Purchase
    quantity: int
    cost_basis: int  # cents
    disallowed_loss: int  # cents that the custodian has added to the basis


class ClosedLot(NamedTuple):
    """The part of a purchase that one sale took."""

    purchase: Purchase
    sale: Sale
    quantity: int
    proceeds: int  # cents
    cost_basis: int  # cents
    disallowed_loss: int  # cents, as the custodian reports it


def amount_in_cents(quantity: int, price: int) -> int:
    """Quantity times price in whole cents, half to even."""
    return _divided(quantity * price, SHARE_UNITS)


def _divided(numerator: int, denominator: int) -> int:
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and quotient % 2):
        quotient += 1
    return quotient


@dataclass(slots=True)
class Position:
    """One security in one account over the whole simulated history."""

    ticker: str
    number: int  # within the account; part of lot and transaction ids
    purchases: list[Purchase] = field(default_factory=list)
    sales: list[Sale] = field(default_factory=list)
    reinvests_from: int | None = None  # session index since when distributions are reinvested
    # A wash sale that the custodian itself adjusts: (purchase number, cents) on the replacement
    # lot, and (sale number, purchase number) -> cents on the closed lot.
    basis_additions: dict[int, int] = field(default_factory=dict)
    reported_disallowed: dict[tuple[int, int], int] = field(default_factory=dict)
    holding_starts: dict[int, date] = field(default_factory=dict)  # of replacement lots

    def buy(
        self,
        session_index: int,
        quantity: int,
        price: int,
        *,
        acquisition_type: str = "PURCHASE",
        is_funded: bool = False,
    ) -> Purchase:
        """Record a purchase; purchases may be recorded in any order of time."""
        purchase = Purchase(
            session_index, quantity, price, acquisition_type, len(self.purchases) + 1, is_funded
        )
        self.purchases.append(purchase)
        return purchase

    def sell(self, session_index: int, price: int, taken: Sequence[tuple[int, int]]) -> Sale:
        """Record a sale of stated parts of purchases."""
        sale = Sale(session_index, price, tuple(taken), len(self.sales) + 1)
        self.sales.append(sale)
        return sale

    def first_in_first_out(self, session_index: int, quantity: int) -> list[tuple[int, int]]:
        """The parts of the oldest lots that make up `quantity` on a session.

        Raises:
            ValueError: fewer shares than that are held on the session.
        """
        taken = []
        wanted = quantity
        for lot in sorted(self.open_lots(session_index), key=lambda lot: lot.purchase[:1]):
            part = min(wanted, lot.quantity)
            if part:
                taken.append((lot.purchase.number, part))
                wanted -= part
        if wanted:
            raise ValueError(f"{self.ticker}: {quantity} wanted, {quantity - wanted} held")
        return taken

    def quantity(self, session_index: int) -> int:
        """Ten-thousandths of a share held at the close of a session (trade date)."""
        bought = sum(p.quantity for p in self.purchases if p.session_index <= session_index)
        sold = sum(s.quantity for s in self.sales if s.session_index <= session_index)
        return bought - sold

    def open_lots(self, session_index: int) -> list[OpenLot]:
        """The lots left at the close of a session, in order of recording."""
        sold: dict[int, int] = {}
        for sale in self.sales:
            if sale.session_index <= session_index:
                for number, part in sale.taken:
                    sold[number] = sold.get(number, 0) + part
        lots = []
        for purchase in self.purchases:
            left = purchase.quantity - sold.get(purchase.number, 0)
            if purchase.session_index <= session_index and left:
                added = self.basis_additions.get(purchase.number, 0)
                basis = amount_in_cents(left, purchase.price) + added
                lots.append(OpenLot(purchase, left, basis, added))
        return lots

    def closed_lots(self, session_index: int) -> Iterator[ClosedLot]:
        """The lots closed up to and including a session, in order of the sales."""
        for sale in self.sales:
            if sale.session_index > session_index:
                continue
            for number, part in sale.taken:
                purchase = self.purchases[number - 1]
                yield ClosedLot(
                    purchase,
                    sale,
                    part,
                    amount_in_cents(part, sale.price),
                    amount_in_cents(part, purchase.price),
                    self.reported_disallowed.get((sale.number, number), 0),
                )

    def was_bought_near(
        self, day: date, sessions: Sequence[date], *, leaving_out: frozenset[int]
    ) -> bool:
        """True when a purchase stands within the wash-sale window around `day`.

        `leaving_out` names the purchases that are sold themselves: what one sells is no
        replacement of itself.
        """
        return any(
            abs((sessions[purchase.session_index] - day).days) <= WASH_SALE_WINDOW_DAYS
            for purchase in self.purchases
            if purchase.number not in leaving_out
        )
