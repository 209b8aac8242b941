"""What holdings are worth in later years, before and after tax, by the assumed class returns.

Belongs here: growing a household's holdings year by year with the taxes that fall due on the way,
and the tax of selling everything at the end. Does not belong here: the returns (a seed), trades.
Source: as the price of location: a taxable account pays yearly on its yield (ordinary or qualified)
and on the gains that turnover realises, a tax-deferred one at ordinary rates at the end, a tax-free
one never. Nothing is rebalanced on the way. Holdings whose class, value or basis is not known, or
that no rule lets anybody trade, are the same on every path and left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from python_steps.planning.household import (
    CASH,
    TAX_DEFERRED,
    TAXABLE,
    ClassIncome,
    Household,
    HouseholdIndex,
    MarketAssumptions,
)
from python_steps.planning.plan import Wealth

YEARS = (1, 3, 5, 10)
CENT = Decimal("0.01")
TAX_EXEMPT_SUB_CLASS = "Municipal"


class PathRates(NamedTuple):
    """One tax unit's rates, share of a dollar."""

    ordinary: float
    long_term: float


class _Holding(NamedTuple):
    """Dollars of one class in one kind of account; the basis matters in taxable ones."""

    treatment: str
    value: float
    basis: float
    income: ClassIncome
    is_exempt: bool
    rates: PathRates


def wealth_path(
    household: Household,
    assumptions: MarketAssumptions,
    rates: Mapping[str, PathRates],
    taxes_due: Mapping[str, Decimal],
    years: Sequence[int] = YEARS,
) -> tuple[Wealth, ...]:
    """Wealth after some numbers of years.

    Args:
        household: the household with its holdings.
        assumptions: yearly return, yield and turnover by class.
        rates: by tax unit; where a unit has none nothing can be said.
        taxes_due: tax of this year by tax unit that the way here has caused (negative: saved),
            paid from money that would have earned the return of Cash in a taxable account.
        years: whole numbers of years, rising.

    Returns:
        None of it where an account with holdings has no rates or Cash has no assumed return.
    """
    cash = assumptions.income.get(CASH)
    index = HouseholdIndex(household)
    units = {account.tax_unit_id for account in household.accounts} | set(taxes_due)
    if cash is None or not units <= set(rates):
        return ()
    holdings = [
        *_holdings(index, assumptions, rates),
        *(
            _Holding(TAXABLE, -float(tax), -float(tax), cash, False, rates[unit])
            for unit, tax in sorted(taxes_due.items())
            if tax
        ),
    ]
    path = []
    for year in range(1, max(years) + 1):
        holdings = [_after_a_year(each) for each in holdings]
        if year in years:
            path.append(
                Wealth(
                    year,
                    _cents(math.fsum(each.value for each in holdings)),
                    _cents(math.fsum(_after_tax(each) for each in holdings)),
                )
            )
    return tuple(path)


def _holdings(
    index: HouseholdIndex, assumptions: MarketAssumptions, rates: Mapping[str, PathRates]
) -> Iterator[_Holding]:
    for account in index.household.accounts:
        own = rates[account.tax_unit_id]
        treatment = account.tax_treatment
        if account.cash is not None:
            held = float(account.cash.trade_date)
            yield _Holding(treatment, held, held, assumptions.income[CASH], False, own)
        for position in index.positions_of_account.get(account.account_id, []):
            security = index.securities[position.security_id]
            known = [assumptions.income.get(name) for name, _ in security.class_weights]
            bases = [lot.cost_basis for lot in position.lots]
            if position.market_value is None or None in known:
                continue
            if account.is_taxable and (None in bases or not bases):
                continue
            basis = sum((each for each in bases if each is not None), Decimal(0))
            exempt = security.sub_class == TAX_EXEMPT_SUB_CLASS
            for (_, weight), income in zip(security.class_weights, known, strict=True):
                if income is not None:
                    yield _Holding(
                        treatment,
                        float(position.market_value * weight),
                        float(basis * weight),
                        income,
                        exempt,
                        own,
                    )


def _after_a_year(held: _Holding) -> _Holding:
    """A holding a year on; what it yields is bought again less the tax on it."""
    income = held.income
    grown = held.value * (1 + income.expected_return)
    if held.treatment != TAXABLE:
        return held._replace(value=grown)
    paid = held.value * income.annual_yield
    realised = held.value * income.turnover * max(0.0, income.expected_return - income.annual_yield)
    on_yield = income.qualified_share * held.rates.long_term
    on_yield += (1 - income.qualified_share) * held.rates.ordinary
    tax = (0.0 if held.is_exempt else paid * on_yield) + realised * held.rates.long_term
    return held._replace(value=grown - tax, basis=held.basis + paid + realised - tax)


def _after_tax(held: _Holding) -> float:
    if held.treatment == TAX_DEFERRED:
        return held.value * (1 - held.rates.ordinary)
    if held.treatment == TAXABLE:
        return held.value - held.rates.long_term * (held.value - held.basis)
    return held.value


def _cents(amount: float) -> Decimal:
    return Decimal(amount).quantize(CENT)
