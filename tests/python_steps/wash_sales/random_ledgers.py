"""Random household ledgers and a matcher that works share by share, for tests only.

The brute-force matcher shares no code with the engine: it lays out every single share, decides who
leaves when, and looks for replacements one share at a time in exact fractions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random

from python_steps.wash_sales.events import Acquisition, Sale, SoldLot, WashAccount

FIRST_DAY = date(2025, 1, 2)
WINDOW = 30

ACCOUNTS = (
    WashAccount("JOINT", "taxable", "joint"),
    WashAccount("SELF", "taxable", "self"),
    WashAccount("SPOUSE", "taxable", "spouse"),
    WashAccount("IRA", "ira", "self"),
    WashAccount("PLAN", "employer_plan", "spouse"),
)


@dataclass(frozen=True)
class RandomLedger:
    acquisitions: tuple[Acquisition, ...]
    sales: tuple[Sale, ...]


def random_ledger(seed: int, events: int = 14, span: int = 150, fractional: bool = False):
    """A ledger of one security: purchases, other arrivals and sales in five accounts."""
    random = Random(seed)  # noqa: S311 - a reproducible ledger, no secret
    days = sorted(random.randrange(span) for _ in range(events))
    held: dict[str, Decimal] = {}
    lots: dict[str, Acquisition] = {}
    sales: list[Sale] = []
    unit = Decimal("0.001") if fractional else Decimal(1)
    for sequence, offset in enumerate(days):
        day = FIRST_DAY + timedelta(days=offset)
        account = random.choice(ACCOUNTS).account_id
        mine = [name for name in held if lots[name].account_id == account and held[name] > 0]
        if mine and random.random() < 0.5:
            chosen = random.sample(mine, min(len(mine), random.choice((1, 1, 2))))
            lines = []
            for name in sorted(chosen):
                most = int(held[name] / unit)
                quantity = unit * (most if random.random() < 0.5 else random.randint(1, most))
                held[name] -= quantity
                lines.append(SoldLot(name, quantity, _money(random, quantity)))
            sales.append(Sale(f"S{sequence}", account, day, tuple(lines), sequence=sequence))
        else:
            quantity = unit * random.randint(1, 8 if not fractional else 8000)
            name = f"L{sequence}"
            held[name] = quantity
            lots[name] = Acquisition(
                lot_id=name,
                account_id=account,
                security_id="X",
                acquired=day,
                quantity=quantity,
                basis=_money(random, quantity),
                origin="purchase" if random.random() < 0.85 else "other",
                purchase_id=name,
                holding_start=day,
                sequence=sequence,
            )
    return RandomLedger(tuple(lots.values()), tuple(sales))


def _money(random: Random, quantity: Decimal) -> Decimal:
    return (quantity * Decimal(random.randint(700, 1300)) / 100).quantize(Decimal("0.01"))


@dataclass
class Share:
    lot: Acquisition
    basis: Fraction
    start: date
    is_used: bool = False
    is_adjusted: bool = False
    sale: Sale | None = None
    proceeds: Fraction = Fraction(0)


@dataclass(frozen=True)
class BruteForce:
    matched: dict[tuple[str, str, str, bool], tuple[int, Fraction]]
    recognized: dict[tuple[str, str], Fraction]
    open_shares: dict[tuple[str, date, bool], tuple[int, Fraction]]


def brute_force(ledger: RandomLedger) -> BruteForce:
    """Literal rules on single shares: default policy, whole shares, execution order known."""
    kind = {account.account_id: account.kind for account in ACCOUNTS}
    shares = _laid_out(ledger)
    matched: dict[tuple[str, str, str, bool], tuple[int, Fraction]] = {}
    recognized: dict[tuple[str, str], Fraction] = {}
    for share in _in_order_of_sale(shares):
        sale = share.sale
        result = share.proceeds - share.basis
        if kind[sale.account_id] != "taxable":
            result = Fraction(0)
        elif result < 0:
            other = next((x for x in shares if _replaces(x, share)), None)
            if other is not None:
                is_permanent = kind[other.lot.account_id] != "taxable"
                key = (sale.sale_id, share.lot.lot_id, other.lot.lot_id, is_permanent)
                count, amount = matched.get(key, (0, Fraction(0)))
                matched[key] = (count + 1, amount - result)
                other.is_used = True
                if not is_permanent:
                    other.basis -= result
                    other.is_adjusted = True
                    tacked = other.start - (sale.sold - share.start)
                    other.start = min(other.start, max(tacked, share.start))
                result = Fraction(0)
        place = (sale.sale_id, share.lot.lot_id)
        recognized[place] = recognized.get(place, Fraction(0)) + result
    open_shares: dict[tuple[str, date, bool], tuple[int, Fraction]] = {}
    for share in shares:
        if share.sale is None:
            place = (share.lot.lot_id, share.start, share.is_adjusted)
            count, basis = open_shares.get(place, (0, Fraction(0)))
            open_shares[place] = (count + 1, basis + share.basis)
    return BruteForce(matched, recognized, open_shares)


def _laid_out(ledger: RandomLedger) -> list[Share]:
    shares = [
        Share(lot, Fraction(lot.basis) / int(lot.quantity), lot.holding_start)
        for lot in sorted(ledger.acquisitions, key=lambda lot: (lot.acquired, lot.sequence))
        for _ in range(int(lot.quantity))
    ]
    for sale in sorted(ledger.sales, key=lambda sale: sale.sequence):
        for line in sale.lots:
            left = int(line.quantity)
            for share in shares:
                if left and share.lot.lot_id == line.lot_id and share.sale is None:
                    share.sale = sale
                    share.proceeds = Fraction(line.proceeds) / int(line.quantity)
                    left -= 1
    return shares


def _in_order_of_sale(shares: list[Share]) -> list[Share]:
    sold = [share for share in shares if share.sale is not None]
    return sorted(
        sold, key=lambda share: (share.sale.sequence, share.lot.acquired, share.lot.sequence)
    )


def _replaces(other: Share, sold: Share) -> bool:
    sale = sold.sale
    if other.is_used or other.lot.origin != "purchase":
        return False
    if other.lot.lot_id == sold.lot.lot_id or abs((other.lot.acquired - sale.sold).days) > WINDOW:
        return False
    if other.lot.sequence < sale.sequence:
        return other.sale is None or other.sale.sold > sale.sold
    return True
