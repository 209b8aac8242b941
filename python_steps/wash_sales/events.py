"""What the wash-sale engine takes and gives: accounts, lots and sales in, results and matches out.

Belongs here: the values, how amounts are shared out between parts of them, and when two accounts
are of different persons. Does not belong here: the matching (`engine`), files (`group_events`),
tables (`tables`). Amounts are dollars and exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Literal, NamedTuple

from python_steps.taxes.holding_period import Term
from python_steps.wash_sales.tables import FindingRule

NOTHING = Decimal(0)
MONEY_QUANTUM = Decimal("0.000001")
QUANTITY_QUANTUM = Decimal("1E-10")
# decimal(28,10) times decimal(24,6) has up to 52 digits: products must not be rounded on the way.
EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)

JOINT = "joint"

AccountKind = Literal["taxable", "ira", "employer_plan", "health_savings"]
Origin = Literal["purchase", "in_kind_distribution", "other"]


class WashAccount(NamedTuple):
    """One account of the household.

    Attributes:
        account_id: the account.
        kind: how a replacement in it is treated.
        owner: the person whose it is; 'joint' is never somebody else's than the seller's; '' where
            the person is not known.
        is_outside_group: not the taxpayer's nor the spouse's (a minor's, a non-grantor trust).
        tax_unit: the return it is on, '' where not known; tells spouses who file apart where the
            persons are not known.
    """

    account_id: str
    kind: AccountKind
    owner: str = ""
    is_outside_group: bool = False
    tax_unit: str = ""


class Acquisition(NamedTuple):
    """A lot and how it arrived.

    Attributes:
        lot_id: unique in the ledger.
        account_id: where it is held.
        security_id: what it is.
        acquired: trade date of the actual purchase, never a tacked date; None where unknown.
        quantity: shares acquired.
        basis: dollars before any adjustment of this ledger; None where unknown.
        origin: only a "purchase" (and by policy an "in_kind_distribution") replaces sold shares;
            gifts, inheritances, transfers, splits and opening positions are "other".
        purchase_id: equal for all lots of one order.
        holding_start: holding-period start before any adjustment of this ledger.
        time: execution time as sortable text, '' where unknown.
        sequence: execution order over the whole ledger, None where unknown.
        exposure_per_share: conversion ratio inside the identity group.
        is_used: the shares already disallowed a loss outside this ledger.
        is_always_long: inherited (IRC 1223(9)).
    """

    lot_id: str
    account_id: str
    security_id: str
    acquired: date | None
    quantity: Decimal
    basis: Decimal | None
    origin: Origin
    purchase_id: str
    holding_start: date | None
    time: str = ""
    sequence: int | None = None
    exposure_per_share: Decimal = Decimal(1)
    is_used: bool = False
    is_always_long: bool = False


class SoldLot(NamedTuple):
    """Shares of one lot in a sale. `proceeds` is dollars net of costs, None where unknown."""

    lot_id: str
    quantity: Decimal
    proceeds: Decimal | None


class Sale(NamedTuple):
    """One sale order. `time` and `sequence` as in `Acquisition`."""

    sale_id: str
    account_id: str
    sold: date
    lots: tuple[SoldLot, ...]
    time: str = ""
    sequence: int | None = None


class SaleResult(NamedTuple):
    """What shares of one lot, alike in basis and holding period, brought in one sale. Dollars.

    recognized = realized + disallowed_deferred + disallowed_permanent; all three are None where
    proceeds or basis are unknown. `term`, counted from `holding_start`, is None in a tax-advantaged
    account or without dates.
    """

    sale_id: str
    lot_id: str
    account_id: str
    sold: date
    quantity: Decimal
    proceeds: Decimal | None
    adjusted_basis: Decimal | None
    realized: Decimal | None
    disallowed_deferred: Decimal
    disallowed_permanent: Decimal
    recognized: Decimal | None
    term: Term | None
    is_taxable: bool
    holding_start: date | None = None


class Match(NamedTuple):
    """A disallowed loss and the shares that disallowed it. Amounts are positive dollars."""

    sale_id: str
    sold_lot_id: str
    sold_account_id: str
    sold: date
    replacement_lot_id: str
    replacement_account_id: str
    replacement_acquired: date
    quantity: Decimal
    replacement_quantity: Decimal
    disallowed: Decimal
    is_permanent: bool
    basis_added: Decimal
    holding_start: date | None
    provisional_until: date
    rule: str


class OpenLot(NamedTuple):
    """Shares still held, alike in adjustment and holding period. Dollars.

    `basis` includes `adjustment` (what this ledger added); it is None where unknown.
    `used_quantity` shares have disallowed a loss and cannot disallow another.
    """

    lot_id: str
    account_id: str
    security_id: str
    quantity: Decimal
    basis: Decimal | None
    adjustment: Decimal
    acquired: date | None
    holding_start: date | None
    is_adjusted: bool
    used_quantity: Decimal
    is_always_long: bool


class LedgerFinding(NamedTuple):
    """Something a person must know about the ledger; never an exception.

    `template` is a sentence with places for {account} and {other_account}, so that the caller may
    name accounts as people do. `subject` is the lot concerned.
    """

    rule: FindingRule
    subject: str
    template: str
    account_id: str
    other_account_id: str = ""

    @property
    def message(self) -> str:
        """The sentence with account ids."""
        return self.template.format(account=self.account_id, other_account=self.other_account_id)


@dataclass(frozen=True)
class WashSaleLedger:
    """The whole outcome, each list in a canonical order."""

    sales: tuple[SaleResult, ...]
    matches: tuple[Match, ...]
    open_lots: tuple[OpenLot, ...]
    findings: tuple[LedgerFinding, ...]


def allocate(total: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """The share `part` / `whole` of an amount, to six places; the whole of it where equal."""
    if part == whole:
        return total
    return EXACT.divide(EXACT.multiply(total, part), whole).quantize(
        MONEY_QUANTUM, rounding=ROUND_HALF_EVEN, context=EXACT
    )


def are_two_persons(one: WashAccount, other: WashAccount) -> bool:
    """Whether two accounts are known to be of different persons, by name or by tax return."""
    if JOINT in (one.owner, other.owner):
        return False
    if one.owner and other.owner:
        return one.owner != other.owner
    return bool(one.tax_unit and other.tax_unit) and one.tax_unit != other.tax_unit
