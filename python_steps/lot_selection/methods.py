"""Lot methods: in which order the lots of one position are sold.

Belongs here: one function per standing method behind `METHODS`. Does not belong here: how many
shares are sold, restrictions, wash-sale state (the caller gives its effect on a loss as a factor).
Sources: Reg. 1.1012-1(c) (FIFO, specific identification), 1.1012-1(e) (average cost); Vanguard
MinTax and Schwab Tax Lot Optimizer (the same six buckets).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple, Protocol


class SelectableLot(NamedTuple):
    """One lot as a candidate for a sale.

    Attributes:
        lot_id: the lot or sub-lot.
        acquisition_date: trade date of the actual purchase.
        quantity: shares held.
        unit_cost: wash-adjusted basis per share, dollars; None where the basis is unknown.
        price: the price it would be sold at, dollars per share.
        is_long_term: whether a sale on the planned trade date is long-term.
        acquisition_time: execution time as text, '' where unknown.
        loss_value_factor: share of a loss's tax value that is really obtained: 1 for a clean
            loss, 0 for one that is washed for good, the discount of a deferral in between.
    """

    lot_id: str
    acquisition_date: date
    quantity: Decimal
    unit_cost: Decimal | None
    price: Decimal
    is_long_term: bool
    acquisition_time: str = ""
    loss_value_factor: Decimal = Decimal(1)


class TermRates(Protocol):
    """The two marginal rates a sale meets (shares of a dollar of gain)."""

    @property
    def short_term(self) -> Decimal:
        """Rate on a dollar of short-term gain."""
        ...

    @property
    def long_term(self) -> Decimal:
        """Rate on a dollar of long-term gain."""
        ...


class _Pair(NamedTuple):
    short_term: Decimal
    long_term: Decimal


LotMethod = Callable[[Sequence[SelectableLot], TermRates], list[SelectableLot]]


def _age(lot: SelectableLot) -> tuple[date, str, str]:
    return (lot.acquisition_date, lot.acquisition_time, lot.lot_id)


def first_in_first_out(lots: Sequence[SelectableLot], _: TermRates) -> list[SelectableLot]:
    """Oldest acquisition first."""
    return sorted(lots, key=_age)


def last_in_first_out(lots: Sequence[SelectableLot], _: TermRates) -> list[SelectableLot]:
    """Newest acquisition first; of one date and time, by lot id."""
    by_id = sorted(lots, key=lambda lot: lot.lot_id)
    return sorted(by_id, key=lambda lot: (lot.acquisition_date, lot.acquisition_time), reverse=True)


def highest_cost_first(lots: Sequence[SelectableLot], _: TermRates) -> list[SelectableLot]:
    """Highest basis per share first; lots without a known basis last."""
    return sorted(lots, key=lambda lot: (*_unknown_last(lot, descending=True), *_age(lot)))


def lowest_cost_first(lots: Sequence[SelectableLot], _: TermRates) -> list[SelectableLot]:
    """Lowest basis per share first; lots without a known basis last."""
    return sorted(lots, key=lambda lot: (*_unknown_last(lot, descending=False), *_age(lot)))


def minimum_tax_buckets(lots: Sequence[SelectableLot], _: TermRates) -> list[SelectableLot]:
    """The six buckets of MinTax, each exhausted before the next, ranked per share.

    Short-term losses, long-term losses (largest first), short-term zero, long-term zero, long-term
    gains, short-term gains (smallest first). Lots without a known basis come last.
    """

    def key(lot: SelectableLot) -> tuple[int, Decimal, tuple[date, str, str]]:
        if lot.unit_cost is None:
            return (6, Decimal(0), _age(lot))
        gain = lot.price - lot.unit_cost
        if gain < 0:
            bucket = 1 if lot.is_long_term else 0
        elif gain == 0:
            bucket = 3 if lot.is_long_term else 2
        else:
            bucket = 4 if lot.is_long_term else 5
        return (bucket, gain, _age(lot))

    return sorted(lots, key=key)


def specific_by_marginal_tax(
    lots: Sequence[SelectableLot], rates: TermRates
) -> list[SelectableLot]:
    """Specific identification: least tax per share first.

    A gain costs gain x rate of its term; a loss saves loss x rate x `loss_value_factor`. Lots
    without a known basis come last.
    """

    def key(lot: SelectableLot) -> tuple[int, Decimal, tuple[date, str, str]]:
        if lot.unit_cost is None:
            return (1, Decimal(0), _age(lot))
        gain = lot.price - lot.unit_cost
        rate = rates.long_term if lot.is_long_term else rates.short_term
        weight = lot.loss_value_factor if gain < 0 else Decimal(1)
        return (0, gain * rate * weight, _age(lot))

    return sorted(lots, key=key)


def average_cost(lots: Sequence[SelectableLot], _: TermRates) -> list[SelectableLot]:
    """Average cost: the oldest shares are deemed sold first (Reg. 1.1012-1(e)(7)(iii)).

    The order is that of FIFO; the caller gives every lot the pool's average as `unit_cost`.
    """
    return sorted(lots, key=_age)


METHODS: dict[str, LotMethod] = {
    "FIFO": first_in_first_out,
    "LIFO": last_in_first_out,
    "HIFO": highest_cost_first,
    "LOFO": lowest_cost_first,
    "MIN_TAX": minimum_tax_buckets,
    "SPEC_ID": specific_by_marginal_tax,
    "AVERAGE": average_cost,
}


# What a method ranks by, apart from the way it settles ties.
_RANKED_BY: dict[str, Callable[[SelectableLot], tuple[object, ...]]] = {
    "FIFO": lambda lot: (lot.acquisition_date,),
    "LIFO": lambda lot: (lot.acquisition_date,),
    "HIFO": lambda lot: (lot.unit_cost,),
    "LOFO": lambda lot: (lot.unit_cost,),
    "MIN_TAX": lambda lot: (lot.unit_cost, lot.is_long_term),
    "SPEC_ID": lambda lot: (lot.unit_cost, lot.is_long_term, lot.loss_value_factor),
    "AVERAGE": lambda lot: (lot.acquisition_date,),
}


def is_tie(method: str, one: SelectableLot, other: SelectableLot) -> bool:
    """True where `method` itself does not say which of two lots of one position is sold first.

    Which one a custodian then takes is its own affair.
    """
    return _RANKED_BY[method](one) == _RANKED_BY[method](other)


def order_lots(
    method: str, lots: Iterable[SelectableLot], marginal_rates: TermRates | None = None
) -> list[SelectableLot]:
    """The lots of one position in the order in which `method` sells them.

    Args:
        method: one of `METHODS`.
        lots: the position's lots, in any order.
        marginal_rates: rates of the account's tax unit; only SPEC_ID needs them.

    Returns:
        All the lots, first to be sold first. Equal ranks: earlier acquisition, then lot id.

    Raises:
        ValueError: the method is unknown, or SPEC_ID is asked for without rates.
    """
    if method not in METHODS:
        raise ValueError(f"unknown lot method {method!r}; known: {', '.join(METHODS)}")
    if marginal_rates is None:
        if method == "SPEC_ID":
            raise ValueError("SPEC_ID ranks lots by tax: give the tax unit's marginal rates")
        marginal_rates = _Pair(Decimal(0), Decimal(0))
    return METHODS[method](list(lots), marginal_rates)


def _unknown_last(lot: SelectableLot, *, descending: bool) -> tuple[int, Decimal]:
    if lot.unit_cost is None:
        return (1, Decimal(0))
    return (0, -lot.unit_cost if descending else lot.unit_cost)
