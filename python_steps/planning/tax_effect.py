"""A plan's tax, unit by unit: the seam between the planner and the tax rules.

Belongs here: handing a household's tax units to `taxes` and asking for the true tax change of
realised results. Does not belong here: brackets, netting, which lots are sold. A unit without a
profile or without rates has no tax figure (None), which is not zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from python_steps.planning.household import HouseholdIndex, TaxUnit
from python_steps.taxes.rates import RateTables, TaxUnitProfile, capital_gains_tax_change

NOTHING = Decimal(0)
CENT = Decimal("0.01")


class Realized(NamedTuple):
    """Realised results of one tax unit: gains >= 0, losses <= 0, dollars."""

    short_gain: Decimal = NOTHING
    short_loss: Decimal = NOTHING
    long_gain: Decimal = NOTHING
    long_loss: Decimal = NOTHING

    @property
    def short_term(self) -> Decimal:
        """Net short-term result."""
        return self.short_gain + self.short_loss

    @property
    def long_term(self) -> Decimal:
        """Net long-term result."""
        return self.long_gain + self.long_loss

    def plus(self, gain: Decimal, *, is_long_term: bool) -> Realized:
        """These results with one more lot's gain or loss."""
        if is_long_term:
            if gain >= 0:
                return self._replace(long_gain=self.long_gain + gain)
            return self._replace(long_loss=self.long_loss + gain)
        if gain >= 0:
            return self._replace(short_gain=self.short_gain + gain)
        return self._replace(short_loss=self.short_loss + gain)


class TaxRates(NamedTuple):
    """Marginal rates of a tax unit, share of a dollar of gain."""

    short_term: Decimal
    long_term: Decimal


class TaxEffect:
    """Answers what realised results cost the household's tax units."""

    def __init__(self, index: HouseholdIndex, tables: RateTables) -> None:
        self._units = index.tax_units
        self._tables = tables

    def has_rates(self, tax_unit_id: str) -> bool:
        """True when the unit's profile and the year's rates are known."""
        unit = self._units.get(tax_unit_id)
        return (
            unit is not None
            and unit.rates_status != "missing"
            and self._tables.find(unit.tax_year, unit.filing_status) is not None
        )

    def marginal_rates(self, tax_unit_id: str) -> TaxRates | None:
        """The unit's marginal rates as the tax state gives them, None where they are unknown."""
        unit = self._units.get(tax_unit_id)
        if (
            unit is None
            or unit.marginal_short_term_rate is None
            or unit.marginal_long_term_rate is None
        ):
            return None
        return TaxRates(unit.marginal_short_term_rate, unit.marginal_long_term_rate)

    def change(self, tax_unit_id: str, realized: Realized) -> Decimal | None:
        """True tax of the year with these results less the tax without them, to the cent."""
        if realized == Realized():
            return NOTHING
        if not self.has_rates(tax_unit_id):
            return None
        profile = tax_profile(self._units[tax_unit_id])
        change = capital_gains_tax_change(
            profile, self._tables, realized.short_term, realized.long_term
        )
        return change.quantize(CENT)

    def total_change(self, realized: Mapping[str, Realized]) -> Decimal | None:
        """Sum of `change` over tax units; None as soon as one of them is unknown."""
        total = NOTHING
        for tax_unit_id in sorted(realized):
            change = self.change(tax_unit_id, realized[tax_unit_id])
            if change is None:
                return None
            total += change
        return total


def tax_profile(unit: TaxUnit) -> TaxUnitProfile:
    """A household's tax unit as the tax rules want it."""
    return TaxUnitProfile(
        tax_unit_id=unit.tax_unit_id,
        tax_year=unit.tax_year,
        filing_status=unit.filing_status,
        ordinary_taxable_income=unit.ordinary_taxable_income,
        magi=unit.magi,
        state_rate=unit.state_rate,
        state_gains_rate=unit.state_gains_rate,
        short_term_carryforward=unit.short_term_carryforward,
        long_term_carryforward=unit.long_term_carryforward,
        year_to_date_short_term_gain=unit.year_to_date_short_term_gain,
        year_to_date_long_term_gain=unit.year_to_date_long_term_gain,
    )


def carryforward_used(unit: TaxUnit, realized: Realized) -> Decimal:
    """Carried-in losses that the plan's net gain consumes beyond the year to date, dollars."""
    carried = unit.short_term_carryforward + unit.long_term_carryforward
    before = unit.year_to_date_short_term_gain + unit.year_to_date_long_term_gain
    after = before + realized.short_term + realized.long_term
    used_before = min(carried, max(NOTHING, before))
    return max(NOTHING, min(carried, max(NOTHING, after)) - used_before)
