"""The two households that every demo book contains: Garcia and Thompson.

Belongs here: their accounts, holdings, lots and policies, as tables that may be tuned. Does not
belong here: any result; what the product shows of them is computed from these tables like that of
any other household. Garcia is a household of four accounts with four classes outside their bands
that can be cured without short-term gains; Thompson has drift that a contribution cures in part.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from python_steps.demo_book.building import (
    add_group,
    add_tax_profile,
    buy_in_lots,
    model_targets,
    new_household,
    open_account,
)
from python_steps.demo_book.market import DEMO_SESSION, Market
from python_steps.demo_book.model import Account, CashFlow, Household, Person

GARCIA_ID = "HH-GARCIA"
THOMPSON_ID = "HH-THOMPSON"

Lots = tuple[tuple[date, int], ...]


class Holding(NamedTuple):
    """A position by its value on the demo session and its lots (date, percent of the shares)."""

    account: str
    ticker: str
    dollars: int
    lots: Lots


# Purchase dates that are told apart by what the market did since.
_OLD: Lots = ((date(2014, 5, 6), 60), (date(2017, 3, 14), 40))
_STEADY: Lots = (
    (date(2019, 2, 12), 30),
    (date(2020, 6, 9), 25),
    (date(2022, 10, 11), 25),
    (date(2023, 11, 7), 20),
)
_STEADY_AND_RECENT: Lots = (
    (date(2019, 2, 12), 27),
    (date(2020, 6, 9), 22),
    (date(2022, 10, 11), 29),
    (date(2026, 8, 25), 22),
)
_ROLLOVER: Lots = ((date(2021, 4, 20), 100),)

# Garcia: what may be tuned. Targets in percent, in the order of the asset classes.
GARCIA_TARGETS = tuple(Decimal(weight) for weight in (35, 8, 12, 5, 25, 4, 5, 4, 2))
GARCIA_SMALLEST_TRADE = "1000.00"
GARCIA_CASH = {"joint": 26_000, "ira": 9_400, "roth": 1_800, "401k": 0}
GARCIA_HOLDINGS = (
    Holding("joint", "VOO", 460_200, _STEADY_AND_RECENT),
    Holding("joint", "AAPL", 120_000, _OLD),
    Holding("joint", "VTV", 180_000, _STEADY),
    Holding("joint", "SCHD", 110_000, _STEADY),
    Holding("joint", "VEA", 103_600, _STEADY),
    Holding("joint", "IEMG", 46_400, ((date(2020, 4, 14), 70), (date(2025, 3, 11), 30))),
    Holding("joint", "IJR", 110_000, _STEADY),
    Holding("joint", "VTEB", 30_800, ((date(2023, 1, 10), 55), (date(2024, 9, 10), 45))),
    Holding("joint", "SWVXX", 30_000, ((date(2025, 12, 9), 100),)),
    Holding("ira", "VTI", 50_000, _ROLLOVER),
    Holding("ira", "BND", 150_000, _ROLLOVER),
    Holding("ira", "VCIT", 40_000, _ROLLOVER),
    Holding("ira", "HYG", 108_000, _ROLLOVER),
    Holding("ira", "SCHP", 108_000, _ROLLOVER),
    Holding("ira", "VNQ", 92_800, _ROLLOVER),
    Holding("roth", "VUG", 50_000, _ROLLOVER),
    Holding("roth", "VB", 100_400, _ROLLOVER),
    Holding("roth", "VEA", 70_000, _ROLLOVER),
    Holding("roth", "VWO", 40_000, _ROLLOVER),
    Holding("roth", "IAU", 22_600, _ROLLOVER),
    Holding("401k", "VFIAX", 60_000, _ROLLOVER),
    Holding("401k", "VTIAX", 40_000, _ROLLOVER),
    Holding("401k", "VBTLX", 240_000, _ROLLOVER),
)

# Thompson: what may be tuned.
THOMPSON_CONTRIBUTION_CENTS = 90_000_00
THOMPSON_CASH = {"trust": 9_800, "ira": 5_000, "roth": 2_000}
THOMPSON_HOLDINGS = (
    Holding("trust", "VTI", 262_000, _STEADY),
    Holding("trust", "SCHD", 61_000, _STEADY),
    Holding("trust", "IJR", 52_000, _STEADY),
    Holding("trust", "VXUS", 76_000, ((date(2020, 5, 12), 55), (date(2023, 8, 8), 45))),
    Holding("trust", "VWO", 38_200, ((date(2020, 7, 14), 60), (date(2025, 2, 11), 40))),
    Holding("trust", "VTEB", 60_000, ((date(2023, 4, 11), 100),)),
    Holding("ira", "BND", 222_200, _ROLLOVER),
    Holding("ira", "VTI", 64_000, _ROLLOVER),
    Holding("ira", "HYG", 45_900, _ROLLOVER),
    Holding("ira", "SCHP", 43_700, _ROLLOVER),
    Holding("roth", "VUG", 45_300, _ROLLOVER),
    Holding("roth", "VB", 47_700, _ROLLOVER),
    Holding("roth", "VEA", 27_000, _ROLLOVER),
    Holding("roth", "SPEM", 20_000, _ROLLOVER),
    Holding("roth", "VNQ", 38_100, _ROLLOVER),
)


def garcia_household(market: Market) -> Household:
    """Garcia: joint taxable, traditional IRA, Roth IRA and 401(k), about $2.4 million."""
    household = new_household(1, GARCIA_ID, "Garcia")
    household.minimum_trade_amount = GARCIA_SMALLEST_TRADE
    household.persons = [
        Person("P-0001-1", "Elena Garcia", date(1971, 4, 18)),
        Person("P-0001-2", "Mateo Garcia", date(1969, 9, 2)),
    ]
    add_group(household, "Garcia household", model_targets(GARCIA_TARGETS))
    add_tax_profile(household, "MFJ", 268_000)
    elena, mateo = (("P-0001-1", "owner"),), (("P-0001-2", "owner"),)
    accounts = {
        "joint": open_account(
            household,
            "alpine",
            "taxable_joint",
            "Joint taxable",
            (("P-0001-1", "joint"), ("P-0001-2", "joint")),
        ),
        "ira": open_account(household, "alpine", "traditional_ira", "Traditional IRA", mateo),
        "roth": open_account(household, "alpine", "roth_ira", "Roth IRA", elena),
        "401k": open_account(household, "summit", "401k", "401(k)", elena),
    }
    accounts["joint"].lot_method = "MIN_TAX"  # lots are named with each sale
    accounts["401k"].permitted_list = "MENU-CORE"
    _fill(accounts, market, GARCIA_HOLDINGS, GARCIA_CASH)
    return household


def thompson_household(market: Market) -> Household:
    """Thompson: revocable trust, traditional IRA and Roth IRA; a contribution is on its way."""
    household = new_household(2, THOMPSON_ID, "Thompson")
    household.persons = [Person("P-0002-1", "Ruth Thompson", date(1963, 1, 27))]
    add_group(household, "Thompson household", model_targets("Balanced"))
    add_tax_profile(household, "single", 148_000)
    ruth = (("P-0002-1", "owner"),)
    accounts = {
        "trust": open_account(
            household, "summit", "trust", "Revocable trust", (("P-0002-1", "trustee"),)
        ),
        "ira": open_account(household, "summit", "traditional_ira", "Traditional IRA", ruth),
        "roth": open_account(household, "alpine", "roth_ira", "Roth IRA", ruth),
    }
    _fill(accounts, market, THOMPSON_HOLDINGS, THOMPSON_CASH)
    household.cash_flows.append(
        CashFlow(
            "CF-0002-01",
            accounts["trust"],
            "contribution",
            THOMPSON_CONTRIBUTION_CENTS,
            "requested",
            market.sessions[market.index_on_or_before(DEMO_SESSION) + 7],
        )
    )
    return household


def _fill(
    accounts: dict[str, Account],
    market: Market,
    holdings: tuple[Holding, ...],
    cash: dict[str, int],
) -> None:
    for holding in holdings:
        buy_in_lots(
            accounts[holding.account], market, holding.ticker, holding.dollars, holding.lots
        )
    for key, dollars in cash.items():
        accounts[key].cash = dollars * 100
