"""The demo book: landing files of a made-up firm, the same for the same seed.

Belongs here: which files a demo landing folder has, for how many households and which sessions.
Does not belong here: writing them to disk (the caller does), what households look like. A
household depends on the seed and its own number only, never on how many others there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Protocol

from python_steps.demo_book.building import move_account
from python_steps.demo_book.harbor_trust import FOLDER as HARBOR_TRUST_FOLDER
from python_steps.demo_book.harbor_trust import HarborTrust
from python_steps.demo_book.households import ordinary_household
from python_steps.demo_book.ibkr_flex import FlexFile
from python_steps.demo_book.market import DEMO_SESSION, Market, demo_market
from python_steps.demo_book.model import Household, Restriction
from python_steps.demo_book.named_households import garcia_household, thompson_household
from python_steps.demo_book.policy_files import PolicyFiles
from python_steps.demo_book.schwab_exports import SchwabExports
from python_steps.demo_book.showcases import SHOWCASES
from python_steps.demo_book.standard_feed import StandardFeed
from python_steps.demo_book.unusual_data import (
    DIRTY_CASES,
    FOLDER_CUT_OFF,
    FOLDER_OF_DAY_BEFORE,
    FOLDER_WITHOUT_LOTS,
    UNUSUAL_CASES,
)

__all__ = [
    "DEMO_HOUSEHOLDS",
    "DEMO_SEED",
    "DEMO_SESSION",
    "DIRTY_CASES",
    "HARBOR_TRUST_HOUSEHOLDS",
    "demo_files",
    "demo_household",
]

DEMO_HOUSEHOLDS = 100
DEMO_SEED = 7

# Ordinary households whose custodian is mapped by a layout alone, with all that they hold.
HARBOR_TRUST_HOUSEHOLDS = (41, 48, 54)

_FIRM_RESTRICTION = Restriction(
    "R-FIRM-01", "firm", "", "DBC", "do_not_buy", "Partnership tax form", "investment committee"
)


class CustodianFiles(Protocol):
    """Writes one custodian's files of one session."""

    def add(self, household: Household) -> None:
        """Add the household's accounts at this custodian."""

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """File names below the custodian's folder, with content."""


def demo_files(
    *, households: int, seed: int, sessions: Sequence[date]
) -> Iterator[tuple[str, bytes]]:
    """Every file of a demo landing folder.

    Args:
        households: how many; at least 2, since Garcia and Thompson are always among them.
        seed: what the other households are drawn from.
        sessions: trading sessions between 2024-01-02 and 2027-06-29.

    Yields:
        Path below the landing folder, for example `2026-11-19/alpine/positions.csv`, and content.

    Raises:
        ValueError: fewer than 2 households, or a date that is no session of the demo market.
    """
    if households < 2:
        raise ValueError(f"a demo book has at least 2 households, not {households}")
    market = demo_market()
    indices = [market.index_of(session) for session in sessions]
    for session_index in indices:
        folder = market.sessions[session_index].isoformat()
        for path, content in _session_files(households, seed, market, session_index):
            yield f"{folder}/{path}", content


def demo_household(number: int, seed: int) -> Household:
    """Household `number` (1 is Garcia, 2 is Thompson) of the book drawn from `seed`."""
    market = demo_market()
    if number == 1:
        return garcia_household(market)
    if number == 2:
        return thompson_household(market)
    special = SHOWCASES.get(number) or UNUSUAL_CASES.get(number)
    household = ordinary_household(number, seed, market, special.kind if special else None)
    if special:
        special.arrange(household, market)
    if number in HARBOR_TRUST_HOUSEHOLDS:
        for account in household.accounts:
            move_account(household, account, HARBOR_TRUST_FOLDER)
    return household


def _session_files(
    households: int, seed: int, market: Market, session_index: int
) -> Iterator[tuple[str, bytes]]:
    policy = PolicyFiles(market, session_index)
    policy.add_restriction(_FIRM_RESTRICTION)
    feeds: dict[str, CustodianFiles] = {}
    for number in range(1, households + 1):
        household = demo_household(number, seed)
        policy.add(household)
        for folder in dict.fromkeys(account.folder for account in household.accounts):
            if folder not in feeds:
                feeds[folder] = _feed(folder, market, session_index)
            feeds[folder].add(household)
    for name, content in policy.contents():
        yield f"policy/{name}", content
    for folder, feed in sorted(feeds.items()):
        for name, content in feed.contents():
            if (folder, name) != (FOLDER_WITHOUT_LOTS, "tax_lots.csv"):
                yield f"{folder}/{name}", content


def _feed(folder: str, market: Market, session_index: int) -> CustodianFiles:
    """What writes a custodian's files; three custodians send something wrong."""
    if folder == "ibkr":
        return FlexFile(market, session_index)
    if folder == "schwab":
        return SchwabExports(market, session_index)
    if folder == HARBOR_TRUST_FOLDER:
        return HarborTrust(market, session_index)
    if folder == FOLDER_OF_DAY_BEFORE:
        return StandardFeed(folder, market, session_index - 1)
    cut_off = frozenset({"positions"}) if folder == FOLDER_CUT_OFF else frozenset()
    return StandardFeed(folder, market, session_index, cut_off=cut_off)
