"""Which distributions stand against the loss of a lot held six months or less.

Belongs here: sharing what an account was paid on a fund or REIT among its open lots. Does not
belong here: what the law makes of a loss (`taxes.special_basis`), reading frames. Sources: IRC
852(b)(4) and 857(b)(8); own days only, none tacked (852(b)(4)(C), 246(c)(3)). The files say what an
account was paid, not on which shares: a lot is charged with the largest part that it can have had,
so that no plan counts a loss that the return may not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from python_steps.planning.household import Lot, LotDistributions
from python_steps.taxes.special_basis import held_six_months_or_less

NOTHING = Decimal(0)
LONG_TERM_GAIN = "long_term_gain"
# Between the record date of a distribution and its payment.
PAYMENT_LAG = timedelta(days=10)


class Distribution(NamedTuple):
    """One payment to an account on one security, dollars."""

    paid_date: date
    kind: str
    amount: Decimal


def distributions_of_lots(
    lots: Sequence[Lot], paid: Iterable[Distribution], planned_trade_date: date
) -> dict[str, LotDistributions]:
    """By lot id, what was paid on it since it was bought; lots held longer are not named.

    Args:
        lots: the open lots of one position.
        paid: what its account received on the security.
        planned_trade_date: the day of the sale.
    """
    totals: dict[str, list[Decimal]] = {}
    for each in paid:
        entitled = sum(
            (
                lot.quantity
                for lot in lots
                if lot.acquisition_date is not None
                and lot.acquisition_date < each.paid_date - PAYMENT_LAG
            ),
            NOTHING,
        )
        for lot in lots:
            bought = lot.acquisition_date
            if bought is None or bought >= each.paid_date:
                continue
            if not held_six_months_or_less(bought, planned_trade_date):
                continue
            share = min(Decimal(1), lot.quantity / entitled) if entitled > 0 else Decimal(1)
            sums = totals.setdefault(lot.lot_id, [NOTHING, NOTHING])
            sums[0 if each.kind == LONG_TERM_GAIN else 1] += each.amount * share
    return {lot_id: LotDistributions(*sums) for lot_id, sums in totals.items()}
