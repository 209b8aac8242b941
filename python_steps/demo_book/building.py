"""The steps that every demo household is built with.

Belongs here: account numbers, opening an account, buying a position in stated lots. Does not
belong here: what a household looks like (`named_households`, `households`) or what is wrong with
its data (`unusual_data`). Account numbers are invented; each custodian has its own form.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from python_steps.demo_book.ledger import SHARE_UNITS, Position
from python_steps.demo_book.market import Market
from python_steps.demo_book.model import (
    ASSET_CLASSES,
    Account,
    AllocationGroup,
    Household,
    Target,
    TaxProfile,
)
from python_steps.demo_book.universe import universe

ADVISORS = (
    ("ADV-01", "Maren Oakes"),
    ("ADV-02", "Tobias Lindqvist"),
    ("ADV-03", "Priya Ramanathan"),
    ("ADV-04", "Callum Birdwell"),
    ("ADV-05", "Wen Jiayi"),
    ("ADV-06", "Odette Marchand"),
    ("ADV-07", "Samuel Okafor"),
    ("ADV-08", "Ilse Vandermeer"),
)

# Weights of the firm's models in percent, in the order of ASSET_CLASSES.
MODELS: dict[str, tuple[int, ...]] = {
    "Conservative": (18, 4, 6, 2, 45, 5, 10, 4, 6),
    "Moderately Conservative": (25, 6, 9, 3, 37, 5, 7, 4, 4),
    "Balanced": (33, 8, 12, 5, 28, 4, 4, 4, 2),
    "Growth": (42, 10, 16, 7, 16, 3, 0, 4, 2),
    "Aggressive": (48, 13, 20, 9, 5, 0, 0, 4, 1),
}

_ACCOUNTS_A_HOUSEHOLD = 20
_NUMBER_FORMS = {
    "alpine": "41{:06d}",
    "summit": "00{:07d}",
    "ibkr": "U7{:06d}",
    "schwab": "XXXX-{:04d}",
    "harbor": "HB{:06d}",
    "ridge": "9{:07d}",
    "mesa": "M-{:06d}",
    "harbor_trust": "417-{:06d}",
}


def new_household(number: int, household_id: str, name: str) -> Household:
    """An empty household with its advisor; households are dealt to the advisors in turn."""
    advisor_id, advisor_name = ADVISORS[(number - 1) % len(ADVISORS)]
    return Household(household_id, name, number, advisor_id, advisor_name)


def model_targets(model: str | Sequence[Decimal], **band: object) -> list[Target]:
    """Class targets of a named model or of nine weights in percent.

    Args:
        model: a name of `MODELS`, or nine weights in percent in the order of ASSET_CLASSES.
        band: fields of `Target` that differ from its defaults, the same for every class.
    """
    weights = MODELS[model] if isinstance(model, str) else model
    return [
        Target("class", asset_class, Decimal(weight) / 100, **band)  # type: ignore[arg-type]
        for asset_class, weight in zip(ASSET_CLASSES, weights, strict=True)
    ]


def add_group(household: Household, name: str, targets: list[Target]) -> AllocationGroup:
    """Add an allocation group; the first group of a household ends in -1."""
    suffix = len(household.groups) + 1
    group = AllocationGroup(f"AG-{household.number:04d}-{suffix}", name, targets)
    household.groups.append(group)
    return group


def add_tax_profile(
    household: Household,
    filing_status: str,
    ordinary_taxable_income: int,
    *,
    state_rate: str = "0.05",
    short_term_carryforward: int = 0,
    long_term_carryforward: int = 0,
    profile_status: str = "estimated",
) -> TaxProfile:
    """Add a tax return; the first of a household ends in -1. Amounts in whole dollars."""
    suffix = len(household.tax_profiles) + 1
    profile = TaxProfile(
        f"TU-{household.number:04d}-{suffix}",
        filing_status,
        ordinary_taxable_income,
        ordinary_taxable_income + 32_200,
        Decimal(state_rate),
        Decimal(state_rate),
        short_term_carryforward,
        long_term_carryforward,
        profile_status,
    )
    household.tax_profiles.append(profile)
    return profile


def open_account(
    household: Household,
    folder: str,
    account_type: str,
    name: str,
    owners: Sequence[tuple[str, str]],
    *,
    group: int = 1,
    tax_unit: int = 1,
    wash_sale_group: int = 1,
) -> Account:
    """Open an account; `group` 0 is an account without an Investment Policy Statement."""
    serial = household.number * _ACCOUNTS_A_HOUSEHOLD + len(household.accounts)
    account = Account(
        folder,
        _NUMBER_FORMS[folder].format(serial),
        name,
        account_type,
        f"TU-{household.number:04d}-{tax_unit}",
        f"WG-{household.number:04d}-{wash_sale_group}",
        f"AG-{household.number:04d}-{group}" if group else "",
        list(owners),
    )
    household.accounts.append(account)
    return account


def move_account(
    household: Household, account: Account, folder: str, number: str | None = None
) -> None:
    """Let another custodian hold an account.

    Its number becomes one of that custodian's form, or the given one; restrictions on the account
    follow it.
    """
    former = f"{account.custodian}:{account.number}"
    serial = household.number * _ACCOUNTS_A_HOUSEHOLD + household.accounts.index(account)
    account.folder = folder
    account.number = number or _NUMBER_FORMS[folder].format(serial)
    present = f"{account.custodian}:{account.number}"
    household.restrictions = [
        one._replace(scope_id=present) if one.scope_id == former else one
        for one in household.restrictions
    ]


def whole_units(ticker: str, quantity: float) -> int:
    """A quantity in ten-thousandths: whole shares, or three decimals for dollar-traded funds."""
    if universe()[ticker].trades_fractionally:
        return round(quantity * 1000) * (SHARE_UNITS // 1000)
    return round(quantity) * SHARE_UNITS


def buy_in_lots(
    account: Account,
    market: Market,
    ticker: str,
    dollars: int,
    lots: Sequence[tuple[date, int]],
) -> Position:
    """Buy what is worth `dollars` on the demo session in lots of stated dates and percent.

    The last lot takes what the rounding to whole shares leaves.

    Raises:
        ValueError: the percentages do not add up to 100.
    """
    if sum(percent for _, percent in lots) != 100:
        raise ValueError(f"{ticker}: the lots of a position add up to 100 percent, not {lots}")
    total = whole_units(ticker, dollars * 100 / market.price(ticker, market.demo_index))
    position = account.position(ticker)
    left = total
    for place, (day, percent) in enumerate(lots, start=1):
        last = place == len(lots)
        part = left if last else min(left, whole_units(ticker, total / SHARE_UNITS * percent / 100))
        if part:
            index = market.index_on_or_before(day)
            position.buy(index, part, market.price(ticker, index))
            left -= part
    return position
