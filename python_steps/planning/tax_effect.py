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
from python_steps.taxes.rates import (
    RateTables,
    TaxUnitProfile,
    capital_gains_tax_change,
    netted_year,
)
from python_steps.taxes.tax_unit_states import profile_from_row

NOTHING = Decimal(0)
CENT = Decimal("0.01")


class LotResult(NamedTuple):
    """What the sale of a lot's shares is for the year: signed dollars by term.

    `disallowed` is the part of a loss that counts for neither, not positive.
    """

    short: Decimal
    long: Decimal
    disallowed: Decimal = NOTHING


class Realized(NamedTuple):
    """Realised results of one tax unit: gains >= 0, losses <= 0, dollars.

    The long-term results hold those of collectibles, which stand beside them once more.
    """

    short_gain: Decimal = NOTHING
    short_loss: Decimal = NOTHING
    long_gain: Decimal = NOTHING
    long_loss: Decimal = NOTHING
    collectibles_gain: Decimal = NOTHING
    collectibles_loss: Decimal = NOTHING

    @property
    def short_term(self) -> Decimal:
        """Net short-term result."""
        return self.short_gain + self.short_loss

    @property
    def long_term(self) -> Decimal:
        """Net long-term result."""
        return self.long_gain + self.long_loss

    @property
    def collectibles(self) -> Decimal:
        """Net long-term result of collectibles, a part of the long-term result."""
        return self.collectibles_gain + self.collectibles_loss

    def plus(self, gain: Decimal, *, is_long_term: bool, is_collectible: bool = False) -> Realized:
        """These results with one more lot's gain or loss.

        Args:
            gain: dollars, negative for a loss.
            is_long_term: its term.
            is_collectible: whether it comes from a collectible; a short-term gain is ordinary
                all the same.
        """
        of_collectibles = gain if is_collectible else NOTHING
        if is_long_term and gain >= 0:
            return self._replace(
                long_gain=self.long_gain + gain,
                collectibles_gain=self.collectibles_gain + of_collectibles,
            )
        if is_long_term:
            return self._replace(
                long_loss=self.long_loss + gain,
                collectibles_loss=self.collectibles_loss + of_collectibles,
            )
        if gain >= 0:
            return self._replace(short_gain=self.short_gain + gain)
        return self._replace(short_loss=self.short_loss + gain)

    def plus_result(self, result: LotResult, *, is_collectible: bool = False) -> Realized:
        """These results with what one more sale is for the year."""
        with_short = self.plus(result.short, is_long_term=False)
        return with_short.plus(result.long, is_long_term=True, is_collectible=is_collectible)

    def and_(self, other: Realized) -> Realized:
        """These results and others together."""
        return Realized(*(mine + its for mine, its in zip(self, other, strict=True)))


class LossUse(NamedTuple):
    """What becomes of a loss: it "offsets" gains, "deducts" from income or "carries" forward."""

    kind: str
    yearly_limit: Decimal


class TaxRates(NamedTuple):
    """Marginal rates of a tax unit, share of a dollar of gain."""

    short_term: Decimal
    long_term: Decimal


class TaxEffect:
    """Answers what realised results cost the household's tax units."""

    def __init__(self, index: HouseholdIndex, tables: RateTables) -> None:
        self._units = index.tax_units
        self._tables = tables
        self._profiles = {
            name: profile
            for name, unit in index.tax_units.items()
            if unit.rates_status != "missing"
            and (profile := tax_profile(unit)) is not None
            and tables.find(profile.tax_year, profile.filing_status) is not None
        }

    def has_rates(self, tax_unit_id: str) -> bool:
        """True when the unit's profile and the year's rates are known."""
        return tax_unit_id in self._profiles

    def marginal_rates(self, tax_unit_id: str, *, is_collectible: bool = False) -> TaxRates | None:
        """The unit's marginal rates as the tax state gives them, None where they are unknown.

        Args:
            tax_unit_id: the return.
            is_collectible: whether the long-term rate is to be that of collectibles.
        """
        unit = self._units.get(tax_unit_id)
        if unit is None:
            return None
        long_term = (
            unit.marginal_collectibles_rate if is_collectible else unit.marginal_long_term_rate
        )
        if unit.marginal_short_term_rate is None or long_term is None:
            return None
        return TaxRates(unit.marginal_short_term_rate, long_term)

    def change(self, tax_unit_id: str, realized: Realized) -> Decimal | None:
        """True tax of the year with these results less the tax without them, to the cent."""
        change = self.exact_change(tax_unit_id, realized)
        return None if change is None else change.quantize(CENT)

    def exact_change(self, tax_unit_id: str, realized: Realized) -> Decimal | None:
        """The same as `change`, not rounded."""
        if realized == Realized():
            return NOTHING
        profile = self._profiles.get(tax_unit_id)
        if profile is None:
            return None
        return capital_gains_tax_change(
            profile, self._tables, realized.short_term, realized.long_term, realized.collectibles
        )

    def loss_limit(self, tax_unit_id: str) -> Decimal | None:
        """Loss that may be deducted from income in a year (IRC 1211(b)), None without rates."""
        profile = self._profiles.get(tax_unit_id)
        if profile is None:
            return None
        return self._tables.require(profile.tax_year, profile.filing_status).annual_loss_deduction

    def carried_forward(self, tax_unit_id: str, realized: Realized) -> Decimal | None:
        """Losses that the year leaves to later ones with these results; None without rates."""
        profile = self._profiles.get(tax_unit_id)
        if profile is None:
            return None
        year = netted_year(profile, self._tables, realized.short_term, realized.long_term)
        return year.carry_short + year.carry_long

    def use_of_losses(self, tax_unit_id: str, realized: Realized) -> LossUse | None:
        """What the plan's losses do first in the unit's year, None where it is not known.

        Gains of the year to date and of the plan are there to offset as far as carried-in losses
        have not used them up; what no gain meets is deducted up to the limit of IRC 1211(b).
        """
        profile = self._profiles.get(tax_unit_id)
        if profile is None:
            return None
        without = netted_year(profile, self._tables, realized.short_gain, realized.long_gain)
        if without.taxed_short_gain + without.taxed_long_gain > 0:
            return LossUse("offsets", NOTHING)
        limit = self._tables.require(profile.tax_year, profile.filing_status).annual_loss_deduction
        return LossUse("deducts" if without.ordinary_deduction < limit else "carries", limit)

    def carryforward_used(self, tax_unit_id: str, realized: Realized) -> Decimal:
        """Carried-in losses that the results consume; nothing where no profile is known."""
        profile = self._profiles.get(tax_unit_id)
        return NOTHING if profile is None else carryforward_used(profile, realized)

    def total_change(self, realized: Mapping[str, Realized]) -> Decimal | None:
        """Sum of `change` over tax units; None as soon as one of them is unknown."""
        total = NOTHING
        for tax_unit_id in sorted(realized):
            change = self.change(tax_unit_id, realized[tax_unit_id])
            if change is None:
                return None
            total += change
        return total


def tax_profile(unit: TaxUnit) -> TaxUnitProfile | None:
    """A household's tax unit as the tax rules want it; None where a needed figure is missing."""
    return profile_from_row({name: getattr(unit, name) for name in TaxUnit.__dataclass_fields__})


def carryforward_used(profile: TaxUnitProfile, realized: Realized) -> Decimal:
    """Carried-in losses that the plan's net gain consumes beyond the year to date, dollars."""
    carried = profile.short_term_carryforward + profile.long_term_carryforward
    before = profile.year_to_date_short_term_gain + profile.year_to_date_long_term_gain
    after = before + realized.short_term + realized.long_term
    used_before = min(carried, max(NOTHING, before))
    return max(NOTHING, min(carried, max(NOTHING, after)) - used_before)
