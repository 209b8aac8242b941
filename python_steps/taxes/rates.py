"""Federal and state tax on ordinary income and capital gains, from rate tables given as data.

Belongs here: rate tables by year and filing status, the tax they give, marginal rates, and the
true tax of a plan (tax of the year with it minus tax of the year without it). Does not belong
here: the tables' numbers (seeds), which lots are sold.
Sources: IRC 1(a)-(d), 1(h) (gains stacked on ordinary income), 1(h)(4)-(6) and 408(m)
(collectibles; bullion trusts: CCA 200835027), 1411 (net investment income tax), 1211(b); the
Schedule D Tax Worksheet; yearly figures by Revenue Procedure, stated in the seeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import pyarrow as pa

from python_steps.taxes.holding_period import Term
from python_steps.taxes.netting import NettedGains, net_capital_gains

NOTHING = Decimal(0)
COLLECTIBLES_MAXIMUM_RATE = Decimal("0.28")

RatesStatus = Literal["statutory", "provisional", "missing"]
WhenMissing = Literal["block", "provisional"]


class MissingRatesError(LookupError):
    """A tax was asked for in a year or filing status for which there are no rates."""


class Bracket(NamedTuple):
    """Income from `lower_bound` dollars up to the next bracket is taxed at `rate`."""

    lower_bound: Decimal
    rate: Decimal


class GainsStack(NamedTuple):
    """Long-term gain by the rate it meets, and the tax on it. Dollars."""

    amount_by_rate: tuple[tuple[Decimal, Decimal], ...]
    tax: Decimal

    def amount_at(self, rate: Decimal) -> Decimal:
        """Dollars taxed at exactly `rate`."""
        return sum((amount for at, amount in self.amount_by_rate if at == rate), NOTHING)


class MarginalRates(NamedTuple):
    """Rates that the next dollar meets: federal + net investment income tax + state.

    `collectibles` is that of a long-term gain from collectibles.
    """

    ordinary: Decimal
    short_term: Decimal
    long_term: Decimal
    status: RatesStatus
    collectibles: Decimal


@dataclass(frozen=True)
class YearRates:
    """The rates of one tax year and filing status.

    `status` is "provisional" where the figures are those of another year.
    """

    tax_year: int
    filing_status: str
    ordinary_brackets: tuple[Bracket, ...]
    gains_brackets: tuple[Bracket, ...]
    net_investment_threshold: Decimal
    net_investment_rate: Decimal
    annual_loss_deduction: Decimal
    status: RatesStatus

    def ordinary_tax(self, taxable_income: Decimal) -> Decimal:
        """Federal tax on ordinary taxable income, exact bracket arithmetic (no tax tables)."""
        return _tax_between(self.ordinary_brackets, NOTHING, max(NOTHING, taxable_income)).tax

    def long_term_gains_tax(self, ordinary_taxable_income: Decimal, gains: Decimal) -> GainsStack:
        """Federal tax on net long-term gain and qualified dividends stacked on ordinary income.

        Args:
            ordinary_taxable_income: may be negative: deductions left over absorb gain first.
            gains: net long-term gain plus qualified dividends, not negative.
        """
        taxable = max(NOTHING, gains + min(NOTHING, ordinary_taxable_income))
        floor = max(NOTHING, ordinary_taxable_income)
        return _tax_between(self.gains_brackets, floor, floor + taxable)

    def collectibles_tax(self, ordinary_taxable_income: Decimal, gain: Decimal) -> Decimal:
        """Federal tax on 28-percent rate gain, which lies right above ordinary income.

        The ordinary brackets hold where they are lower (IRC 1(h)(1)(A)(ii) and (F); no bracket
        since 2018 lies between 24 and 28 percent).

        Args:
            ordinary_taxable_income: may be negative: deductions left over absorb gain first.
            gain: net gain from collectibles that is taxed, not negative.
        """
        low = max(NOTHING, ordinary_taxable_income)
        stack = _tax_between(
            self.ordinary_brackets, low, max(NOTHING, ordinary_taxable_income + gain)
        )
        return sum(
            (collectibles_rate(rate, "long") * amount for rate, amount in stack.amount_by_rate),
            NOTHING,
        )

    def income_tax(
        self, ordinary_taxable_income: Decimal, gains: Decimal, collectibles: Decimal = NOTHING
    ) -> Decimal:
        """Federal income tax of a year: ordinary income, then collectibles, then other gains.

        Never more than the ordinary brackets alone would ask (last line of the worksheet).

        Args:
            ordinary_taxable_income: with net short-term gain; may be negative.
            gains: net long-term gain and qualified dividends, collectibles included.
            collectibles: the part of `gains` that is 28-percent rate gain.
        """
        below = ordinary_taxable_income + collectibles
        by_kind = (
            self.ordinary_tax(ordinary_taxable_income)
            + self.collectibles_tax(ordinary_taxable_income, collectibles)
            + self.long_term_gains_tax(below, gains - collectibles).tax
        )
        return min(by_kind, self.ordinary_tax(ordinary_taxable_income + gains))

    def net_investment_income_tax(self, net_investment_income: Decimal, magi: Decimal) -> Decimal:
        """Tax of IRC 1411 on the lesser of investment income and MAGI above the threshold."""
        excess = max(NOTHING, magi - self.net_investment_threshold)
        return self.net_investment_rate * min(max(NOTHING, net_investment_income), excess)

    def ordinary_rate(self, taxable_income: Decimal) -> Decimal:
        """Rate on the next dollar of ordinary income; none while deductions are left over."""
        return NOTHING if taxable_income < 0 else _rate_at(self.ordinary_brackets, taxable_income)

    def long_term_rate(self, taxable_income: Decimal) -> Decimal:
        """Rate on the next dollar of long-term gain at this total taxable income."""
        return _rate_at(self.gains_brackets, taxable_income)


@dataclass(frozen=True)
class RateTables:
    """Rates by tax year and filing status.

    `when_missing` says what a year without figures means: "block" (no rates), or "provisional"
    (the nearest earlier year, else the nearest later one, labelled provisional).
    """

    ordinary: Mapping[tuple[int, str], tuple[Bracket, ...]]
    gains: Mapping[tuple[int, str], tuple[Bracket, ...]]
    net_investment: Mapping[str, tuple[Decimal, Decimal]]
    loss_deduction: Mapping[str, Decimal]
    when_missing: WhenMissing = field(default="block")

    @classmethod
    def from_frames(
        cls,
        ordinary_brackets: pa.Table,
        capital_gains_brackets: pa.Table,
        net_investment_income_tax: pa.Table,
        capital_loss_limits: pa.Table,
        *,
        when_missing: WhenMissing = "block",
    ) -> RateTables:
        """Build the tables from the seed frames.

        Args:
            ordinary_brackets: tax_year, filing_status, lower_bound, rate.
            capital_gains_brackets: the same columns; the 0, 15 and 20 percent brackets.
            net_investment_income_tax: filing_status, threshold, rate.
            capital_loss_limits: filing_status, annual_deduction.
            when_missing: see the class.

        Raises:
            ValueError: a bracket table does not begin at 0 or repeats a lower bound.
        """
        return cls(
            ordinary=_brackets(ordinary_brackets.to_pylist(), "ordinary"),
            gains=_brackets(capital_gains_brackets.to_pylist(), "capital gains"),
            net_investment={
                row["filing_status"]: (_decimal(row["threshold"]), _decimal(row["rate"]))
                for row in net_investment_income_tax.to_pylist()
            },
            loss_deduction={
                row["filing_status"]: _decimal(row["annual_deduction"])
                for row in capital_loss_limits.to_pylist()
            },
            when_missing=when_missing,
        )

    def find(self, tax_year: int, filing_status: str) -> YearRates | None:
        """The rates of a year and status; None where the policy finds none."""
        source_year = self._source_year(tax_year, filing_status)
        if (
            source_year is None
            or filing_status not in self.net_investment
            or filing_status not in self.loss_deduction
        ):
            return None
        threshold, rate = self.net_investment[filing_status]
        return YearRates(
            tax_year=tax_year,
            filing_status=filing_status,
            ordinary_brackets=self.ordinary[source_year, filing_status],
            gains_brackets=self.gains[source_year, filing_status],
            net_investment_threshold=threshold,
            net_investment_rate=rate,
            annual_loss_deduction=self.loss_deduction[filing_status],
            status="statutory" if source_year == tax_year else "provisional",
        )

    def status(self, tax_year: int, filing_status: str) -> RatesStatus:
        """Whether a year's rates are statutory, provisional by policy, or missing."""
        found = self.find(tax_year, filing_status)
        return "missing" if found is None else found.status

    def require(self, tax_year: int, filing_status: str) -> YearRates:
        """The rates of a year and status.

        Raises:
            MissingRatesError: naming the year and the status.
        """
        found = self.find(tax_year, filing_status)
        if found is None:
            raise MissingRatesError(f"no tax rates for {tax_year}, filing status {filing_status!r}")
        return found

    def _source_year(self, tax_year: int, filing_status: str) -> int | None:
        key = (tax_year, filing_status)
        if key in self.ordinary and key in self.gains:
            return tax_year
        if self.when_missing == "block":
            return None
        years = sorted(
            year
            for year, status in self.ordinary
            if status == filing_status and (year, status) in self.gains
        )
        earlier = [year for year in years if year < tax_year]
        if earlier:
            return earlier[-1]
        return years[0] if years else None


@dataclass(frozen=True)
class TaxUnitProfile:
    """One tax return's year, dollars and shares of a dollar.

    `ordinary_taxable_income` and `magi` are the year's estimates *without* its capital gains and
    losses: the functions here add what has been realised so far and what a plan realises.
    Carryforwards are losses carried in, positive. The year-to-date figures are signed; that of
    collectibles is the part of the long-term figure that comes from them.
    `other_net_investment_income` (interest, dividends) matters only for the tax that a net capital
    loss saves under IRC 1411; without it that saving is not credited.
    """

    tax_unit_id: str
    tax_year: int
    filing_status: str
    ordinary_taxable_income: Decimal
    magi: Decimal
    state_rate: Decimal
    state_gains_rate: Decimal
    short_term_carryforward: Decimal = NOTHING
    long_term_carryforward: Decimal = NOTHING
    year_to_date_short_term_gain: Decimal = NOTHING
    year_to_date_long_term_gain: Decimal = NOTHING
    other_net_investment_income: Decimal = NOTHING
    year_to_date_collectibles_gain: Decimal = NOTHING


def netted_year(
    profile: TaxUnitProfile,
    tables: RateTables,
    short_term: Decimal = NOTHING,
    long_term: Decimal = NOTHING,
    collectibles: Decimal = NOTHING,
) -> NettedGains:
    """The year after netting, with a plan's recognised results on top of the year to date.

    Args:
        profile: the tax unit's year.
        tables: rate tables (for the annual loss deduction).
        short_term: recognised short-term result of the plan, signed dollars.
        long_term: recognised long-term result of the plan, signed dollars.
        collectibles: the part of `long_term` that comes from collectibles, signed dollars.

    Raises:
        MissingRatesError: the filing status or year has no rates.
    """
    rates = tables.require(profile.tax_year, profile.filing_status)
    return net_capital_gains(
        short_term=profile.year_to_date_short_term_gain + short_term,
        long_term=profile.year_to_date_long_term_gain + long_term,
        short_term_carryforward=profile.short_term_carryforward,
        long_term_carryforward=profile.long_term_carryforward,
        annual_deduction=rates.annual_loss_deduction,
        taxable_income_before_deduction=profile.ordinary_taxable_income,
        collectibles=profile.year_to_date_collectibles_gain + collectibles,
    )


def year_tax(
    profile: TaxUnitProfile,
    tables: RateTables,
    short_term: Decimal = NOTHING,
    long_term: Decimal = NOTHING,
    collectibles: Decimal = NOTHING,
) -> Decimal:
    """Federal and state income tax of the year with a plan's results. Dollars, exact.

    State tax is one flat rate on ordinary income and one on net long-term gain; it is not deducted
    from federal income. See `netted_year` for arguments and errors.
    """
    rates = tables.require(profile.tax_year, profile.filing_status)
    netted = netted_year(profile, tables, short_term, long_term, collectibles)
    ordinary = profile.ordinary_taxable_income + netted.taxed_short_gain - netted.ordinary_deduction
    change_of_income = netted.taxed_short_gain + netted.taxed_long_gain - netted.ordinary_deduction
    federal = rates.income_tax(
        ordinary, netted.taxed_long_gain, netted.taxed_collectibles_gain
    ) + rates.net_investment_income_tax(
        profile.other_net_investment_income + change_of_income, profile.magi + change_of_income
    )
    state = profile.state_rate * max(NOTHING, ordinary)
    state += profile.state_gains_rate * max(
        NOTHING, netted.taxed_long_gain + min(NOTHING, ordinary)
    )
    return federal + state


def capital_gains_tax_change(
    profile: TaxUnitProfile,
    tables: RateTables,
    short_term: Decimal,
    long_term: Decimal,
    collectibles: Decimal = NOTHING,
) -> Decimal:
    """True tax of a plan: the year's tax with it minus the year's tax without it.

    Args:
        profile: the tax unit's year.
        tables: rate tables.
        short_term: the plan's recognised short-term result, signed dollars.
        long_term: the plan's recognised long-term result, signed dollars.
        collectibles: the part of `long_term` that comes from collectibles, signed dollars.

    Returns:
        Dollars; positive is tax due, negative a saving this year. A loss carried to later years
        has no value here.

    Raises:
        MissingRatesError: check `tables.status(year, filing_status)` first.
    """
    with_plan = year_tax(profile, tables, short_term, long_term, collectibles)
    return with_plan - year_tax(profile, tables)


def marginal_rates(profile: TaxUnitProfile, tables: RateTables) -> MarginalRates:
    """Statutory rates that the next dollar of ordinary income and of each kind of gain meets.

    They stand at the year's income after netting the year to date and the carryforwards, and do
    not look at what the next dollar could still be netted against: that is what
    `capital_gains_tax_change` is for.

    Raises:
        MissingRatesError: check `tables.status(year, filing_status)` first.
    """
    rates = tables.require(profile.tax_year, profile.filing_status)
    netted = netted_year(profile, tables)
    ordinary = profile.ordinary_taxable_income + netted.taxed_short_gain - netted.ordinary_deduction
    magi = (
        profile.magi + netted.taxed_short_gain + netted.taxed_long_gain - netted.ordinary_deduction
    )
    surtax = rates.net_investment_rate if magi >= rates.net_investment_threshold else NOTHING
    federal_ordinary = rates.ordinary_rate(ordinary)
    federal_collectibles = collectibles_rate(
        rates.ordinary_rate(ordinary + netted.taxed_collectibles_gain), "long"
    )
    federal_long = rates.long_term_rate(max(NOTHING, ordinary) + netted.taxed_long_gain)
    # Deductions that income has not used up shelter the next dollar from the state, too.
    state = profile.state_rate if ordinary >= 0 else NOTHING
    is_gain_taxed = netted.taxed_long_gain + min(NOTHING, ordinary) >= 0
    state_gains = profile.state_gains_rate if is_gain_taxed else NOTHING
    return MarginalRates(
        ordinary=federal_ordinary + state,
        short_term=federal_ordinary + surtax + state,
        long_term=federal_long + surtax + state_gains,
        status=rates.status,
        collectibles=federal_collectibles + surtax + state_gains,
    )


def collectibles_rate(ordinary_rate: Decimal, term: Term) -> Decimal:
    """Federal rate on gain of collectibles (physical metal trusts), IRC 1(h)(4)-(5) and 408(m).

    Args:
        ordinary_rate: the owner's marginal ordinary rate.
        term: "short" gain is ordinary; "long" gain meets at most 28 percent.
    """
    return ordinary_rate if term == "short" else min(ordinary_rate, COLLECTIBLES_MAXIMUM_RATE)


def _tax_between(brackets: tuple[Bracket, ...], low: Decimal, high: Decimal) -> GainsStack:
    amounts: list[tuple[Decimal, Decimal]] = []
    for position, bracket in enumerate(brackets):
        top = brackets[position + 1].lower_bound if position + 1 < len(brackets) else high
        amount = max(NOTHING, min(high, max(top, low)) - max(low, bracket.lower_bound))
        amounts.append((bracket.rate, amount))
    return GainsStack(
        amount_by_rate=tuple(amounts),
        tax=sum((rate * amount for rate, amount in amounts), NOTHING),
    )


def _rate_at(brackets: tuple[Bracket, ...], income: Decimal) -> Decimal:
    rate = brackets[0].rate
    for bracket in brackets:
        if income >= bracket.lower_bound:
            rate = bracket.rate
    return rate


def _brackets(
    rows: Iterable[Mapping[str, Any]], name: str
) -> dict[tuple[int, str], tuple[Bracket, ...]]:
    found: dict[tuple[int, str], list[Bracket]] = {}
    for row in rows:
        key = (int(row["tax_year"]), str(row["filing_status"]))
        bracket = Bracket(_decimal(row["lower_bound"]), _decimal(row["rate"]))
        found.setdefault(key, []).append(bracket)
    for key, brackets in found.items():
        brackets.sort()
        bounds = [bracket.lower_bound for bracket in brackets]
        if bounds[0] != 0 or len(set(bounds)) != len(bounds):
            raise ValueError(
                f"{name} brackets of {key} must begin at 0 and hold each bound once: {bounds}"
            )
    return {key: tuple(brackets) for key, brackets in found.items()}


def _decimal(value: Any) -> Decimal:
    # Seeds may arrive as text, integers, doubles or decimals; str() keeps what the file says.
    return value if isinstance(value, Decimal) else Decimal(str(value))
