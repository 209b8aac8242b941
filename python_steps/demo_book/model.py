"""What a demo household is made of, before any file layout.

Belongs here: the records of people, accounts, groups, policies, flows, restrictions and orders.
Does not belong here: how they are chosen (`households`, `named_households`, `unusual_data`) or
written (`standard_feed`, `policy_files`, `ibkr_flex`, `schwab_exports`). The values are the
closed lists of the canonical feeds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import NamedTuple

from python_steps.demo_book.ledger import Position

ASSET_CLASSES = (
    "US Large Cap Equity",
    "US Small/Mid Cap",
    "International Developed",
    "Emerging Markets",
    "Investment Grade Bonds",
    "High Yield / Credit",
    "TIPS / Inflation Protected",
    "Alternatives",
    "Cash",
)

# account type -> (registration type, tax status) of the standard feed
REGISTRATIONS = {
    "taxable_individual": ("INDIVIDUAL", "TAXABLE"),
    "taxable_joint": ("JTWROS", "TAXABLE"),
    "trust": ("TRUST", "TAXABLE"),
    "utma": ("UTMA", "TAXABLE"),
    "traditional_ira": ("IRA_TRAD", "TAX_DEFERRED"),
    "sep_ira": ("IRA_SEP", "TAX_DEFERRED"),
    "inherited_ira": ("IRA_INHERITED", "TAX_DEFERRED"),
    "401k": ("401K", "TAX_DEFERRED"),
    "roth_ira": ("IRA_ROTH", "TAX_FREE"),
    "hsa": ("HSA", "TAX_FREE"),
}


class Person(NamedTuple):
    """A client or a relative; every name is invented."""

    person_id: str
    display_name: str
    birth_date: date
    death_date: date | None = None


class CashEvent(NamedTuple):
    """A movement of cash that is no trade and no distribution."""

    session_index: int
    transaction_type: str  # DEPOSIT, WITHDRAWAL, ADVISORY_FEE, FEE
    amount: int  # cents, signed: plus is into the account
    transaction_id: str
    description: str


class OpenOrder(NamedTuple):
    """An order that the custodian works on the session."""

    order_id: str
    ticker: str
    side: str  # BUY, SELL
    quantity: int  # ten-thousandths of a share
    filled_quantity: int
    order_type: str  # MARKET, LIMIT
    limit_price: int | None  # cents
    entered_date: date


class RowEdit(NamedTuple):
    """How a row of a custodian file differs from the truth: the unusual data of the book."""

    entity: str
    ticker: str  # '' for rows without a security
    row: int  # 0-based among the rows of this account, entity and ticker
    changes: tuple[tuple[str, str], ...] = ()  # (column, text written instead)
    copies: int = 1  # 0 leaves the row out, 2 writes it twice


class CashFlow(NamedTuple):
    """One row of the firm's cash flow book."""

    cash_flow_id: str
    account: Account
    flow_type: str
    amount: int  # cents, positive
    state: str
    required_by_date: date
    recurrence: str = "once"
    matched_transaction_id: str = ""


class Restriction(NamedTuple):
    """One row of the firm's restriction book."""

    restriction_id: str
    scope: str
    scope_id: str
    ticker: str
    restriction_type: str
    reason: str
    source: str
    limit_weight: str = ""
    until_date: str = ""


class Target(NamedTuple):
    """One target of an Investment Policy Statement with its band."""

    level: str  # class, sub_class, security
    key: str
    weight: Decimal
    absolute_band: Decimal = Decimal("0.05")
    relative_band: Decimal = Decimal("0.20")
    band_rule: str = "tighter"
    band_floor: str = ""
    valid_from: date = date(2024, 1, 2)
    valid_to: date | None = None


class TaxProfile(NamedTuple):
    """What the firm knows of one tax return; amounts in whole dollars."""

    tax_unit_id: str
    filing_status: str
    ordinary_taxable_income: int
    magi: int
    state_rate: Decimal
    state_gains_rate: Decimal
    short_term_carryforward: int
    long_term_carryforward: int
    profile_status: str
    expected_retirement_rate: str = ""


@dataclass(slots=True)
class AllocationGroup:
    """The accounts managed to one Investment Policy Statement."""

    group_id: str
    name: str
    targets: list[Target]
    review_frequency: str = "quarterly"
    last_review_date: date = date(2026, 9, 30)
    ips_changed_date: date | None = None


@dataclass(slots=True, eq=False)
class Account:
    """One account with all that ever happened in it."""

    folder: str  # landing folder of its custodian
    number: str
    name: str
    account_type: str
    tax_unit_id: str
    wash_sale_group_id: str
    allocation_group_id: str
    owners: list[tuple[str, str]] = field(default_factory=list)  # (person id, role)
    positions: list[Position] = field(default_factory=list)
    cash: int = 0  # cents, trade date, on the demo session
    margin_debit: int = 0
    is_margin: bool = False
    base_currency: str = "USD"
    opened_date: date = date(2009, 1, 2)
    account_status: str = "open"
    minimum_cash: int = 0  # cents
    permitted_list: str = ""
    lot_method: str = "FIFO"
    is_tradable: bool = True
    is_held_away: bool = False
    counts_toward_allocation: bool = True
    is_discretionary: bool = True
    cash_events: list[CashEvent] = field(default_factory=list)
    open_orders: list[OpenOrder] = field(default_factory=list)
    year_end_balances: dict[int, int] = field(default_factory=dict)  # cents
    row_edits: list[RowEdit] = field(default_factory=list)
    unpriced_tickers: frozenset[str] = frozenset()

    @property
    def custodian(self) -> str:
        """The custodian's code: its folder in capitals."""
        return self.folder.upper()

    @property
    def reference(self) -> str:
        """What stands for the account in lot and transaction ids: ten digits, not its number.

        Ids go where account numbers must not: trade lists, marts, workbooks.
        """
        digest = sha256(f"{self.custodian}:{self.number}".encode()).digest()
        return f"{int.from_bytes(digest[:5], 'big') % 10**10:010d}"

    @property
    def is_taxable(self) -> bool:
        """True where gains and losses meet a tax return."""
        return REGISTRATIONS[self.account_type][1] == "TAXABLE"

    def position(self, ticker: str) -> Position:
        """The position in a security; a new, empty one where there is none."""
        for position in self.positions:
            if position.ticker == ticker:
                return position
        number = max((position.number for position in self.positions), default=0) + 1
        position = Position(ticker, number)
        self.positions.append(position)
        return position

    def holds(self, ticker: str) -> bool:
        """True where the account has a position in a security, open or closed."""
        return any(position.ticker == ticker for position in self.positions)

    def forget(self, ticker: str) -> None:
        """Remove a position and its whole history, to lay it out anew."""
        self.positions = [position for position in self.positions if position.ticker != ticker]


@dataclass(slots=True, eq=False)
class Household:
    """One household of the demo book."""

    household_id: str
    name: str
    number: int
    advisor_id: str
    advisor_name: str
    persons: list[Person] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    groups: list[AllocationGroup] = field(default_factory=list)
    tax_profiles: list[TaxProfile] = field(default_factory=list)
    cash_flows: list[CashFlow] = field(default_factory=list)
    restrictions: list[Restriction] = field(default_factory=list)
    report_language: str = "en"
    allows_short_term_gains: bool = False
    harvests_losses: bool = True
    minimum_trade_amount: str = ""
    annual_gains_budget: str = ""
    # Settings of its own instead of the firm's, by name, as the policy file writes them.
    settings: dict[str, str] = field(default_factory=dict)
