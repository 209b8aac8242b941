"""One household's rebalancing problem, as frozen values in canonical order.

Belongs here: the types that every planner, evaluation and checker share, and the lookups that
follow directly from them. Does not belong here: reading frames (`household_frames`), any decision,
any tax. Bands and breaches are the book's (`fct_household_drift`): they are carried, not computed.
Source of the words: the marts' column documentation; money in US dollars, weights 0 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple, Protocol

from python_steps.lot_selection.instructions import CustodianLot

CASH = "Cash"
UNMAPPED = "Unmapped"
RELEASED = "released"

TAXABLE = "taxable"
TAX_DEFERRED = "tax_deferred"
TAX_FREE = "tax_free"
TAX_TREATMENTS = (TAX_DEFERRED, TAX_FREE, TAXABLE)

FUND_TYPES = frozenset({"MUTUAL_FUND", "MONEY_MARKET"})
TRADED_TYPES = frozenset({"EQUITY", "ETF", "MUTUAL_FUND", "MONEY_MARKET"})
_WHOLE_SHARE, _THOUSANDTH = Decimal(1), Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Block:
    """Why something may not be traded: a reason code of the exceptions and a clause in words."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class AccountCash:
    """Cash of one account in dollars, as `fct_account_cash` states it."""

    trade_date: Decimal
    pending: Decimal
    margin_debit: Decimal
    fee_reserve: Decimal
    flow_reserve: Decimal
    minimum: Decimal
    investable: Decimal

    @property
    def after_flows(self) -> Decimal:
        """Cash that stays in the account once fees and withdrawals due have left it."""
        return self.investable + self.minimum


@dataclass(frozen=True, slots=True)
class Account:
    """One account; `block` says why no trade at all may be proposed in it.

    `lot_method` is the firm's, `custodian_lot_method` the one by which the custodian relieves lots
    unless it is told otherwise, None where it does not say. `basis_factor` is what a dollar in it
    counts in the weights of its group: 1, or what the tax expected in retirement leaves.
    """

    account_id: str
    account_name: str
    account_type: str
    tax_treatment: str
    custodian: str
    allocation_group_id: str | None
    tax_unit_id: str
    wash_sale_group_id: str
    counts_toward_allocation: bool
    counts_for_wash_sales: bool
    lot_method: str
    cash: AccountCash | None
    block: Block | None
    custodian_lot_method: str | None = None
    basis_factor: Decimal = Decimal(1)

    def weighed(self, amount: Decimal) -> Decimal:
        """Dollars in the account as the weights of its group count them."""
        return amount if self.basis_factor == 1 else amount * self.basis_factor

    def dollars(self, weighed: Decimal) -> Decimal:
        """Dollars in the account that the weights count as `weighed`."""
        return weighed if self.basis_factor == 1 else weighed / self.basis_factor

    @property
    def is_taxable(self) -> bool:
        """True when sales in the account realise gains and losses."""
        return self.tax_treatment == TAXABLE


@dataclass(frozen=True, slots=True)
class Security:
    """One security: what it is, what it costs to trade, and the classes it is made of.

    `is_collectible` says whether its long-term gain is gain from collectibles (None: nobody has
    said), `is_half_spread_assumed` whether `half_spread` is the firm's figure for its type.
    """

    security_id: str
    ticker: str | None
    security_name: str
    security_type: str
    sub_class: str | None
    identity_group_id: str
    is_cash_equivalent: bool
    is_illiquid: bool
    is_mapped: bool
    currency: str
    price: Decimal | None
    half_spread: Decimal | None
    average_daily_dollar_volume: Decimal | None
    class_weights: tuple[tuple[str, Decimal], ...]
    is_collectible: bool | None = False
    is_half_spread_assumed: bool = False

    @property
    def label(self) -> str:
        """The name an advisor would use: the ticker, else the name."""
        return self.ticker or self.security_name or self.security_id

    @property
    def primary_class(self) -> str:
        """The class with the largest weight (ties: first in the canonical order)."""
        return max(self.class_weights, key=lambda pair: pair[1])[0]


class LotDistributions(NamedTuple):
    """What a lot held six months or less was paid, dollars: it limits the lot's loss."""

    long_term_gain: Decimal
    exempt_interest: Decimal


@dataclass(frozen=True, slots=True)
class Lot:
    """One open lot (or wash-sale sub-lot) with our adjusted basis and term on the trade date.

    `is_whole_position` marks the one stand-in lot of a tax-advantaged holding whose custodian
    sends no lots: nothing depends on them there, and no lot is named in its sale. `custodian` is
    the whole lot as the custodian knows it, of which this one may be a part. `distributions` are
    those of IRC 852(b)(4) on a taxable lot held six months or less, None where there are none.
    """

    lot_id: str
    account_id: str
    security_id: str
    quantity: Decimal
    sellable_quantity: Decimal
    acquisition_date: date | None
    holding_period_start_date: date | None
    is_long_term: bool | None
    cost_basis: Decimal | None
    is_gain_allowed: bool
    block: Block | None
    is_whole_position: bool = False
    custodian: CustodianLot | None = None
    distributions: LotDistributions | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """One holding with its constraints and lots; `block` says why it may not be sold."""

    account_id: str
    security_id: str
    quantity: Decimal
    market_value: Decimal | None
    sellable_quantity: Decimal
    is_gain_allowed: bool
    block: Block | None
    lots: tuple[Lot, ...]

    @property
    def key(self) -> tuple[str, str]:
        """Account and security."""
        return (self.account_id, self.security_id)


@dataclass(frozen=True, slots=True)
class TradeTerms:
    """How a security trades at an account's custodian."""

    is_available: bool
    is_fractional: bool
    trades_in: str
    minimum_amount: Decimal
    transaction_fee: Decimal | None

    @property
    def quantity_step(self) -> Decimal:
        """Smallest tradable quantity: a whole share, or a thousandth."""
        is_whole = not self.is_fractional and self.trades_in != "dollars"
        return _WHOLE_SHARE if is_whole else _THOUSANDTH


# What trades where the firm has recorded no terms: funds in dollars, all else in whole shares.
_FUND_TERMS = TradeTerms(
    is_available=True,
    is_fractional=True,
    trades_in="dollars",
    minimum_amount=Decimal(0),
    transaction_fee=None,
)
_SHARE_TERMS = replace(_FUND_TERMS, is_fractional=False, trades_in="shares")


@dataclass(frozen=True, slots=True)
class BuyOption:
    """A security that may be bought in an account to fill an asset class; lower ranks first."""

    account_id: str
    asset_class: str
    rank: int
    security_id: str


class Banded(Protocol):
    """A target with its band, of a class or of a part of one."""

    @property
    def name(self) -> str:
        """What the target is for, in words."""
        ...

    @property
    def asset_class(self) -> str | None:
        """The class, or the class that the part belongs to; None where the book knows none."""
        ...

    @property
    def target_weight(self) -> Decimal:
        """Target share of the group's base."""
        ...

    @property
    def actual_weight(self) -> Decimal:
        """Share of the base today."""
        ...

    @property
    def projected_weight(self) -> Decimal:
        """Share of the base after the flows due and the orders in flight."""
        ...

    @property
    def lower_band_weight(self) -> Decimal:
        """Lower edge of the band, itself inside."""
        ...

    @property
    def upper_band_weight(self) -> Decimal:
        """Upper edge of the band, itself inside."""
        ...

    @property
    def is_breach(self) -> bool:
        """Whether today's weight is outside the band."""
        ...

    @property
    def is_breach_projected(self) -> bool:
        """Whether the projected weight is outside the band."""
        ...


@dataclass(frozen=True, slots=True)
class ClassTarget:
    """One class of one allocation group: target, band and breach as the book states them.

    `market_value` is in the basis of the group's weights: market dollars, or after tax. Of a class
    that is not checked tonight the band reaches to where the class stands: it triggers nothing, and
    no plan takes it further out.
    """

    asset_class: str
    asset_class_rank: int
    target_weight: Decimal
    actual_weight: Decimal
    projected_weight: Decimal
    lower_band_weight: Decimal
    upper_band_weight: Decimal
    is_breach: bool
    is_breach_projected: bool
    breach_severity_rank: int | None
    market_value: Decimal

    @property
    def name(self) -> str:
        """The class."""
        return self.asset_class


@dataclass(frozen=True, slots=True)
class PartTarget:
    """A sub-class or one security that has a target of its own inside its class.

    `asset_class` is None where the book knows no class for the key: such a target is told as an
    exception and never traded.
    """

    target_level: str
    target_key: str
    asset_class: str | None
    security_id: str | None
    target_weight: Decimal
    actual_weight: Decimal
    projected_weight: Decimal
    lower_band_weight: Decimal
    upper_band_weight: Decimal
    is_breach: bool
    is_breach_projected: bool
    breach_severity_rank: int | None
    market_value: Decimal

    @property
    def name(self) -> str:
        """The sub-class, or the security as the policy names it."""
        return self.target_key

    @property
    def key(self) -> tuple[str, str]:
        """Level and key."""
        return (self.target_level, self.target_key)

    def weight_of(self, security: Security) -> Decimal:
        """The share of a holding of the security that counts toward the target, 0 for others."""
        if self.target_level == "security":
            return Decimal(security.security_id == self.security_id)
        if security.sub_class != self.target_key:
            return Decimal(0)
        return dict(security.class_weights).get(self.asset_class or "", Decimal(0))


@dataclass(frozen=True, slots=True)
class AllocationGroup:
    """The accounts managed to one IPS: its classes, their parts, and whether it is looked at."""

    allocation_group_id: str
    is_rebalance_due: bool
    classes: tuple[ClassTarget, ...]
    parts: tuple[PartTarget, ...] = ()

    def target_of(self, asset_class: str) -> ClassTarget | None:
        """The group's target row of a class, None where the IPS and the holdings lack it."""
        return next((row for row in self.classes if row.asset_class == asset_class), None)

    def part_of(self, security: Security) -> PartTarget | None:
        """The narrowest target that a security counts toward, a security's before a sub-class's."""
        found = [part for part in self.parts if part.weight_of(security) > 0]
        return min(found, key=lambda part: part.target_level != "security", default=None)


@dataclass(frozen=True, slots=True)
class WashSaleWindow:
    """Dates up to and including which buys, or loss sales, of an identity group are barred.

    `is_exit_possible`: every purchase that bars loss sales is an open lot of the household's
    taxable accounts, so that a sale of all of them leaves nothing that replaces a loss.
    """

    wash_sale_group_id: str
    identity_group_id: str
    no_buy_until_date: date | None
    no_loss_sale_until_date: date | None
    caused_by: str
    is_coverage_known: bool
    is_exit_possible: bool = False


@dataclass(frozen=True, slots=True)
class TaxUnit:
    """One tax return: year-to-date state, marginal rates and what is known of the rate tables.

    What the firm's profile leaves open is None; `rates_status` "missing" then says whether rates
    can be told at all. The collectibles' gain so far is the part of the long-term gain that comes
    from them.
    """

    tax_unit_id: str
    tax_year: int | None
    filing_status: str | None
    marginal_ordinary_rate: Decimal | None
    marginal_short_term_rate: Decimal | None
    marginal_long_term_rate: Decimal | None
    short_term_carryforward: Decimal | None
    long_term_carryforward: Decimal | None
    year_to_date_short_term_gain: Decimal | None
    year_to_date_long_term_gain: Decimal | None
    ordinary_taxable_income: Decimal | None
    magi: Decimal | None
    state_rate: Decimal | None
    state_gains_rate: Decimal | None
    rates_status: str
    profile_status: str | None
    marginal_collectibles_rate: Decimal | None
    year_to_date_collectibles_gain: Decimal | None


@dataclass(frozen=True, slots=True)
class CashFlow:
    """A contribution, withdrawal, distribution or fee due within the horizon (amount positive)."""

    account_id: str
    flow_type: str
    amount: Decimal
    state: str
    required_by_date: date | None


@dataclass(frozen=True, slots=True)
class ConcentrationLimit:
    """Largest share of the household's value that one security may have."""

    security_id: str
    limit_weight: Decimal
    source: str


@dataclass(frozen=True, slots=True)
class Household:
    """Everything a planner may know of one household; every tuple is in canonical order."""

    household_id: str
    household_state: str
    state_reason: str
    allows_short_term_gains: bool
    harvests_losses: bool
    minimum_trade_amount: Decimal
    annual_gains_budget: Decimal | None
    market_value: Decimal | None
    as_of_date: date
    planned_trade_date: date
    accounts: tuple[Account, ...]
    securities: tuple[Security, ...]
    positions: tuple[Position, ...]
    groups: tuple[AllocationGroup, ...]
    buy_options: tuple[BuyOption, ...]
    trade_terms: tuple[tuple[tuple[str, str], TradeTerms], ...]
    wash_sale_windows: tuple[WashSaleWindow, ...]
    tax_units: tuple[TaxUnit, ...]
    cash_flows: tuple[CashFlow, ...]
    concentration_limits: tuple[ConcentrationLimit, ...]


class ClassIncome(NamedTuple):
    """What a class is assumed to bring a year, shares of its value.

    `turnover` is the share of the growth that is realised each year; `qualified_share` the share
    of the yield that is taxed as a long-term gain.
    """

    expected_return: float
    annual_yield: float
    turnover: float
    qualified_share: float


@dataclass(frozen=True)
class MarketAssumptions:
    """What the firm assumes of asset classes: risk, income, which account suits each class best."""

    volatility: Mapping[str, float]
    correlation: Mapping[tuple[str, str], float]
    location_rank: Mapping[tuple[str, str], int]
    income: Mapping[str, ClassIncome] = field(default_factory=dict)

    def rank_of(self, asset_class: str, tax_treatment: str) -> int:
        """Preference of a tax treatment for a class, 1 best; classes without a rank are neutral."""
        return self.location_rank.get((asset_class, tax_treatment), 2)


class HouseholdIndex:
    """Lookups over a household's values; built once, never changed."""

    def __init__(self, household: Household) -> None:
        self.household = household
        self.accounts = {account.account_id: account for account in household.accounts}
        self.securities = {security.security_id: security for security in household.securities}
        self.positions = {position.key: position for position in household.positions}
        self.lots = {lot.lot_id: lot for position in household.positions for lot in position.lots}
        self.groups = {group.allocation_group_id: group for group in household.groups}
        year = household.planned_trade_date.year
        self.tax_units = {
            unit.tax_unit_id: unit for unit in household.tax_units if unit.tax_year == year
        }
        self.terms = dict(household.trade_terms)
        self.limits = {limit.security_id: limit for limit in household.concentration_limits}
        self.windows = {
            (window.wash_sale_group_id, window.identity_group_id): window
            for window in household.wash_sale_windows
        }
        self._windows_of_identity: dict[str, list[WashSaleWindow]] = {}
        for _, window in sorted(self.windows.items()):
            self._windows_of_identity.setdefault(window.identity_group_id, []).append(window)
        self.options: dict[tuple[str, str], list[BuyOption]] = {}
        for option in household.buy_options:
            self.options.setdefault((option.account_id, option.asset_class), []).append(option)
        self.positions_of_account: dict[str, list[Position]] = {}
        self._held: dict[str, Decimal] = {}
        for position in household.positions:
            value = position.market_value or Decimal(0)
            self._held[position.security_id] = (
                self._held.get(position.security_id, Decimal(0)) + value
            )
            self.positions_of_account.setdefault(position.account_id, []).append(position)
        self.accounts_of_group: dict[str, list[Account]] = {}
        for account in household.accounts:
            if account.allocation_group_id is not None and account.counts_toward_allocation:
                self.accounts_of_group.setdefault(account.allocation_group_id, []).append(account)

    def windows_of_others(self, account: Account, security: Security) -> list[WashSaleWindow]:
        """Windows of the household's other wash-sale groups for what is the same as a security."""
        return [
            window
            for window in self._windows_of_identity.get(security.identity_group_id, [])
            if window.wash_sale_group_id != account.wash_sale_group_id
        ]

    def room_under_limit(self, security_id: str) -> Decimal | None:
        """Dollars from what the household holds of a security to its concentration limit.

        Negative above the limit; None where there is no limit, or no value that it is a share of.
        """
        limit, total = self.limits.get(security_id), self.household.market_value
        if limit is None or total is None:
            return None
        return limit.limit_weight * total - self._held.get(security_id, Decimal(0))

    def group_of(self, account_id: str) -> AllocationGroup | None:
        """The allocation group that an account counts toward, None where it counts to none."""
        account = self.accounts[account_id]
        if account.allocation_group_id is None or not account.counts_toward_allocation:
            return None
        return self.groups.get(account.allocation_group_id)

    def terms_of(self, account_id: str, security: Security) -> TradeTerms:
        """Trade terms of a security in an account.

        A holding for which the firm has recorded no terms trades as its kind does everywhere:
        funds in dollars, everything else in whole shares, without a minimum.
        """
        known = self.terms.get((account_id, security.security_id))
        if known is not None:
            return known
        return _FUND_TERMS if security.security_type in FUND_TYPES else _SHARE_TERMS
