"""Data that is wrong, missing or hard to place: one household for each kind.

Belongs here: which household has what, how its files differ from the truth, and at which scope
the product is expected to speak of it. Does not belong here: anything about households whose data
is sound. The households are numbered, so the same one is unusual under every seed and session;
Garcia and Thompson never are.

| Household | What | Expected scope |
|---|---|---|
| HH-0005 | lots of one position do not add up to its quantity (a lot row is left out) | position |
| HH-0007 | lots of one position do not add up to its cost basis | position |
| HH-0009 | private fund that nobody has mapped to a class | position |
| HH-0011 | account without an Investment Policy Statement | account |
| HH-0013 | account in Canadian dollars, a currency without a rate | account |
| HH-0015 | custodian HARBOR: tax_lots.csv is missing | feed |
| HH-0017 | custodian RIDGE: positions.csv is cut off, its last line states more rows | feed |
| HH-0019 | custodian MESA: files of the session before | feed |
| HH-0021 | basis missing on a noncovered lot | lot |
| HH-0023 | basis missing on a covered lot of a taxable account | lot |
| HH-0025 | acquisition date 1900-01-01, the custodian's word for unknown | lot |
| HH-0027 | acquisition date in the future | lot |
| HH-0029 | a position row twice | position |
| HH-0031 | a security without a price | position |
| HH-0033 | illiquid private fund that the firm has mapped to Alternatives | position |
| HH-0035 | an option position | position |
| HH-0037 | position in euro, with a rate, at Interactive Brokers | position |
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from python_steps.demo_book.building import buy_in_lots, move_account, open_account
from python_steps.demo_book.households import SINGLE, HouseholdKind
from python_steps.demo_book.ledger import SHARE_UNITS, Position
from python_steps.demo_book.market import Market
from python_steps.demo_book.model import Account, Household, RowEdit
from python_steps.demo_book.showcases import account_of_type, taxable_account
from python_steps.demo_book.universe import (
    CALL_OPTION,
    CANADIAN_STOCK,
    EURO_STOCK,
    PRIVATE_FUND_MAPPED,
    PRIVATE_FUND_UNMAPPED,
    universe,
)

FOLDER_WITHOUT_LOTS = "harbor"
FOLDER_CUT_OFF = "ridge"
FOLDER_OF_DAY_BEFORE = "mesa"


class UnusualCase(NamedTuple):
    """One kind of unusual data and the household that has it."""

    what: str
    scope: str  # feed, account, position, lot: where the product is expected to speak of it
    arrange: Callable[[Household, Market], None]
    kind: HouseholdKind | None = None


# Lots of the position that a case needs: old enough that no wash-sale window is touched.
_LOTS = ((date(2018, 3, 13), 40), (date(2020, 10, 6), 35), (date(2023, 6, 13), 25))


def _own_position(account: Account, market: Market, ticker: str = "IWB") -> Position:
    """A position of known lots, laid out for the case."""
    account.forget(ticker)
    return buy_in_lots(account, market, ticker, 42_000, _LOTS)


def _edit(
    account: Account,
    entity: str,
    ticker: str,
    *changes: tuple[str, str],
    row: int = 0,
    copies: int = 1,
) -> None:
    account.row_edits.append(RowEdit(entity, ticker, row, changes, copies))


def _lots_short(household: Household, market: Market) -> None:
    account = taxable_account(household)
    position = _own_position(account, market)
    _edit(account, "tax_lots", position.ticker, row=1, copies=0)


def _basis_differs(household: Household, market: Market) -> None:
    account = taxable_account(household)
    position = _own_position(account, market)
    true_basis = sum(lot.cost_basis for lot in position.open_lots(market.demo_index))
    stated = f"{true_basis // 100 + 1_250}.00"
    _edit(account, "positions", position.ticker, ("cost_basis", stated))


def _unmapped_fund(household: Household, market: Market) -> None:
    account = taxable_account(household)
    lots = ((date(2022, 9, 30), 100),)
    buy_in_lots(account, market, PRIVATE_FUND_UNMAPPED, 75_000, lots)


def _no_policy_statement(household: Household, market: Market) -> None:
    person = household.persons[0].person_id
    account = open_account(
        household,
        taxable_account(household).folder,
        "taxable_individual",
        "Old brokerage account",
        [(person, "owner")],
        group=0,
    )
    buy_in_lots(account, market, "VTI", 64_000, _LOTS)
    account.cash = 3_100_00


def _currency_without_rate(household: Household, market: Market) -> None:
    person = household.persons[0].person_id
    account = open_account(
        household,
        taxable_account(household).folder,
        "taxable_individual",
        "Canadian brokerage account",
        [(person, "owner")],
    )
    account.base_currency = "CAD"
    buy_in_lots(account, market, CANADIAN_STOCK, 38_000, _LOTS)
    account.cash = 2_750_00


def _at(folder: str) -> Callable[[Household, Market], None]:
    def arrange(household: Household, market: Market) -> None:
        move_account(household, taxable_account(household), folder)

    return arrange


def _basis_missing(first_lot: date) -> Callable[[Household, Market], None]:
    def arrange(household: Household, market: Market) -> None:
        account = taxable_account(household)
        account.forget("XOM")
        position = buy_in_lots(
            account, market, "XOM", 36_000, ((first_lot, 60), (date(2021, 9, 14), 40))
        )
        empty = tuple(
            (column, "") for column in ("cost_basis", "cost_basis_unadjusted", "unit_cost")
        )
        _edit(account, "tax_lots", position.ticker, *empty)
        _edit(account, "positions", position.ticker, ("cost_basis", ""))

    return arrange


def _acquired_on(day: str) -> Callable[[Household, Market], None]:
    def arrange(household: Household, market: Market) -> None:
        account = taxable_account(household)
        position = _own_position(account, market)
        changes = (("acquisition_date", day), ("holding_period_start_date", day))
        _edit(account, "tax_lots", position.ticker, *changes)

    return arrange


def _row_twice(household: Household, market: Market) -> None:
    account = taxable_account(household)
    position = _own_position(account, market)
    _edit(account, "positions", position.ticker, copies=2)


def _no_price(household: Household, market: Market) -> None:
    account = taxable_account(household)
    position = _own_position(account, market, "DBC")
    account.unpriced_tickers = frozenset({position.ticker})


def _mapped_private_fund(household: Household, market: Market) -> None:
    account = taxable_account(household)
    buy_in_lots(account, market, PRIVATE_FUND_MAPPED, 90_000, ((date(2021, 12, 31), 100),))


def _option(household: Household, market: Market) -> None:
    account = taxable_account(household)
    index = market.index_on_or_before(date(2026, 9, 10))
    multiplier = universe()[CALL_OPTION].contract_multiplier
    price = market.price(CALL_OPTION, index) * multiplier
    account.position(CALL_OPTION).buy(index, 3 * SHARE_UNITS, price)


def _euro_position(household: Household, market: Market) -> None:
    account = taxable_account(household)
    move_account(household, account, "ibkr")
    move_account(household, account_of_type(household, "traditional_ira"), "ibkr")
    buy_in_lots(account, market, EURO_STOCK, 31_000, _LOTS)


UNUSUAL_CASES: dict[int, UnusualCase] = {
    5: UnusualCase("lots do not add up to the quantity", "position", _lots_short),
    7: UnusualCase("lots do not add up to the cost basis", "position", _basis_differs),
    9: UnusualCase("unmapped private fund", "position", _unmapped_fund),
    11: UnusualCase("account without an IPS", "account", _no_policy_statement),
    13: UnusualCase("currency without a rate", "account", _currency_without_rate),
    15: UnusualCase("missing file", "feed", _at(FOLDER_WITHOUT_LOTS)),
    17: UnusualCase("truncated file", "feed", _at(FOLDER_CUT_OFF)),
    19: UnusualCase("file of the wrong date", "feed", _at(FOLDER_OF_DAY_BEFORE)),
    21: UnusualCase("missing basis, noncovered", "lot", _basis_missing(date(2009, 11, 17))),
    23: UnusualCase("missing basis, covered", "lot", _basis_missing(date(2019, 8, 20))),
    25: UnusualCase("sentinel acquisition date", "lot", _acquired_on("1900-01-01")),
    27: UnusualCase("future acquisition date", "lot", _acquired_on("2027-12-15")),
    29: UnusualCase("duplicate row", "position", _row_twice),
    31: UnusualCase("missing price", "position", _no_price),
    33: UnusualCase("mapped illiquid private fund", "position", _mapped_private_fund),
    35: UnusualCase("option", "position", _option),
    37: UnusualCase("foreign currency", "position", _euro_position, SINGLE),
}

# household_id -> (what is unusual, expected scope)
DIRTY_CASES: dict[str, tuple[str, str]] = {
    f"HH-{number:04d}": (case.what, case.scope) for number, case in UNUSUAL_CASES.items()
}
