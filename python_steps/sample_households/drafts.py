"""A household while it is being made up: what is held, due, allowed and known, not yet worked out.

Belongs here: the loose facts that generators draw and twists change. Does not belong here: what
follows from them (values, weights, bands, windows, rates: `assembly`), and any drawing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from python_steps.planning.household import (
    Block,
    CashFlow,
    ConcentrationLimit,
    LotDistributions,
    Security,
)

NOTHING = Decimal(0)
# The wash-sale group of everybody who is one taxpayer there.
FAMILY = "W1"


@dataclass
class LotDraft:
    """Shares bought on one day; `unit_cost` None where nobody knows it.

    `distributions` are what it was paid since, as far as IRC 852(b)(4) asks for it.
    """

    acquired: date
    quantity: Decimal
    unit_cost: Decimal | None
    is_locked: bool = False
    distributions: LotDistributions | None = None


@dataclass
class HoldingDraft:
    """One security in one account."""

    security_id: str
    lots: list[LotDraft]
    is_restricted: bool = False
    is_gain_allowed: bool = True

    @property
    def quantity(self) -> Decimal:
        """Shares held."""
        return sum((lot.quantity for lot in self.lots), NOTHING)


@dataclass
class AccountDraft:
    """One account; `menu` holds (class, rank, security) in the order of preference."""

    account_id: str
    account_type: str
    tax_treatment: str
    tax_unit_id: str
    allocation_group_id: str | None
    lot_method: str = "SPEC_ID"
    wash_sale_group_id: str = FAMILY
    is_fractional: bool = False
    sends_lots: bool = True
    is_cash_known: bool = True
    cash: Decimal = NOTHING
    minimum: Decimal = NOTHING
    fee_reserve: Decimal = NOTHING
    flow_reserve: Decimal = NOTHING
    margin_debit: Decimal = NOTHING
    block: Block | None = None
    holdings: list[HoldingDraft] = field(default_factory=list)
    menu: list[tuple[str, int, str]] = field(default_factory=list)
    flows: list[CashFlow] = field(default_factory=list)


@dataclass
class TaxDraft:
    """One tax return; `is_known` False where the firm has no profile of it.

    `collectibles_gain` is the part of `long_gain` that comes from collectibles.
    """

    tax_unit_id: str
    filing_status: str
    income: Decimal
    state_rate: Decimal
    short_carryforward: Decimal = NOTHING
    long_carryforward: Decimal = NOTHING
    short_gain: Decimal = NOTHING
    long_gain: Decimal = NOTHING
    collectibles_gain: Decimal = NOTHING
    is_known: bool = True
    has_rates: bool = True


@dataclass
class HouseholdDraft:
    """One household; securities stand here where a twist has changed them."""

    household_id: str
    accounts: list[AccountDraft]
    targets: dict[str, dict[str, Decimal]]
    tax_units: list[TaxDraft]
    state: str = "released"
    allows_short_term_gains: bool = False
    harvests_losses: bool = True
    annual_gains_budget: Decimal | None = None
    minimum_trade_amount: Decimal | None = None
    is_due_by_calendar: bool = False
    recent_losses: dict[str, date] = field(default_factory=dict)
    scheduled_purchases: dict[str, date] = field(default_factory=dict)
    unknown_coverage: set[str] = field(default_factory=set)
    limits: list[ConcentrationLimit] = field(default_factory=list)
    part_targets: dict[str, Decimal] = field(default_factory=dict)
    securities: dict[str, Security] = field(default_factory=dict)

    @property
    def held(self) -> list[HoldingDraft]:
        """Every holding of every account."""
        return [holding for account in self.accounts for holding in account.holdings]
