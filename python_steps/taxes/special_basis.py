"""Basis and character where the purchase price alone does not decide them.

Belongs here: gifts, inheritances, average cost, and fund shares held six months or less. Does not
belong here: wash-sale adjustments (`wash_sales`), rates (`rates`). What a gift was worth that day
stands in no custodian's file: the planner takes no loss on one.
Sources: IRC 1014, 1015(a), 1223(2) and (9), 852(b)(4); Reg. 1.1015-1(a), 1.1012-1(e).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple

from python_steps.taxes.holding_period import Term, held_longer_than

NOTHING = Decimal(0)

GiftHolding = Literal["tacks donor period", "starts at gift date", "not applicable"]


class GiftResult(NamedTuple):
    """Result of selling a gift: signed dollars, and whose period counts."""

    gain: Decimal
    holding: GiftHolding


def gift_sale(
    *, donor_basis: Decimal, fair_value_at_gift: Decimal, proceeds: Decimal
) -> GiftResult:
    """Gain or loss on property received by gift (IRC 1015(a)).

    Gain is measured from the donor's basis, loss from the lesser of that and the fair value at the
    gift; between the two there is neither. The donor's period tacks (IRC 1223(2)) except where the
    fair value is the basis used.

    Args:
        donor_basis: the donor's adjusted basis, dollars.
        fair_value_at_gift: fair market value on the day of the gift, dollars.
        proceeds: what the sale brought, dollars.
    """
    if proceeds >= donor_basis or fair_value_at_gift >= donor_basis:
        return GiftResult(proceeds - donor_basis, "tacks donor period")
    if proceeds >= fair_value_at_gift:
        return GiftResult(NOTHING, "not applicable")
    return GiftResult(proceeds - fair_value_at_gift, "starts at gift date")


class InheritedResult(NamedTuple):
    """Result of selling inherited property: signed dollars, always long-term."""

    gain: Decimal
    term: Term


def inherited_sale(*, fair_value_at_death: Decimal, proceeds: Decimal) -> InheritedResult:
    """Gain or loss on inherited property: basis is the value at death, the term is long.

    Args:
        fair_value_at_death: value on the date of death or the elected alternate date, dollars.
        proceeds: what the sale brought, dollars.
    """
    return InheritedResult(proceeds - fair_value_at_death, "long")


class SixMonthLoss(NamedTuple):
    """A loss on fund shares by what becomes of it. Losses are zero or negative dollars."""

    short_loss: Decimal
    long_loss: Decimal
    disallowed_loss: Decimal
    is_affected: bool


def held_six_months_or_less(acquired: date, sold: date) -> bool:
    """True when shares acquired and sold on these trade dates were held six months or less."""
    return sold < held_longer_than(acquired, months=6)


def six_month_fund_loss(
    *,
    loss: Decimal,
    is_held_six_months_or_less: bool,
    is_long_term: bool,
    long_term_distribution: Decimal = NOTHING,
    exempt_interest_dividend: Decimal = NOTHING,
) -> SixMonthLoss:
    """Loss on shares of a regulated investment company held six months or less (IRC 852(b)(4)).

    The loss is disallowed to the extent of exempt-interest dividends received on the shares; what
    is left is long-term to the extent of long-term capital gain distributions received.

    Args:
        loss: proceeds minus basis, dollars, not positive.
        is_held_six_months_or_less: see `held_six_months_or_less`.
        is_long_term: the term by holding period, for shares held longer than six months.
        long_term_distribution: long-term capital gain distributions on these shares, dollars.
        exempt_interest_dividend: exempt-interest dividends on these shares, dollars; zero for a
            fund that declares them daily and pays at least monthly (IRC 852(b)(4)(E)).

    Raises:
        ValueError: `loss` is a gain.
    """
    if loss > 0:
        raise ValueError("the six-month rule concerns losses only")
    if not is_held_six_months_or_less:
        short, long = (NOTHING, loss) if is_long_term else (loss, NOTHING)
        return SixMonthLoss(short, long, NOTHING, is_affected=False)
    disallowed = min(-loss, exempt_interest_dividend)
    allowed = -loss - disallowed
    recharacterised = min(allowed, long_term_distribution)
    return SixMonthLoss(
        short_loss=-(allowed - recharacterised),
        long_loss=-recharacterised,
        disallowed_loss=-disallowed,
        is_affected=bool(disallowed or recharacterised),
    )


class PooledLot(NamedTuple):
    """One lot of an average-cost position. `basis` is dollars, None where unknown."""

    quantity: Decimal
    basis: Decimal | None
    is_covered: bool


def average_unit_costs(lots: Iterable[PooledLot]) -> dict[bool, Decimal | None]:
    """Average basis per share of the covered and of the noncovered pool (Reg. 1.1012-1(e)).

    Args:
        lots: all lots of one account and security under the average-cost election.

    Returns:
        By `is_covered`: dollars per share, unrounded; None where a lot of the pool has no known
        basis, for then the pool has no average.
    """
    quantities: dict[bool, Decimal] = {}
    bases: dict[bool, Decimal | None] = {}
    for lot in lots:
        quantities[lot.is_covered] = quantities.get(lot.is_covered, NOTHING) + lot.quantity
        so_far = bases.get(lot.is_covered, NOTHING)
        bases[lot.is_covered] = None if so_far is None or lot.basis is None else so_far + lot.basis
    return {
        is_covered: None
        if basis is None or not quantities[is_covered]
        else basis / quantities[is_covered]
        for is_covered, basis in bases.items()
    }
