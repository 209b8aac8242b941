"""The demo book: landing files of a made-up firm, the same for the same seed.

Belongs here: which files a demo landing folder has, for how many households and which sessions.
Does not belong here: writing them to disk (the caller does), what households look like. A
household depends on the seed and its own number only, never on how many others there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from python_steps.demo_book.households import ordinary_household
from python_steps.demo_book.market import DEMO_SESSION, demo_market
from python_steps.demo_book.model import Household
from python_steps.demo_book.named_households import garcia_household, thompson_household
from python_steps.demo_book.policy_files import PolicyFiles
from python_steps.demo_book.standard_feed import StandardFeed

__all__ = ["DEMO_HOUSEHOLDS", "DEMO_SEED", "DEMO_SESSION", "demo_files", "demo_household"]

DEMO_HOUSEHOLDS = 100
DEMO_SEED = 7


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
        session = market.sessions[session_index]
        policy = PolicyFiles(market, session_index)
        feeds: dict[str, StandardFeed] = {}
        for number in range(1, households + 1):
            household = demo_household(number, seed)
            policy.add(household)
            for folder in dict.fromkeys(account.folder for account in household.accounts):
                if folder not in feeds:
                    feeds[folder] = StandardFeed(folder, market, session_index)
                feeds[folder].add(household)
        for entity, file in policy.contents():
            yield f"{session}/policy/{entity}.csv", file.content(session)
        for folder, feed in sorted(feeds.items()):
            for entity, file in feed.contents():
                yield f"{session}/{folder}/{entity}.csv", file.content(session)


def demo_household(number: int, seed: int) -> Household:
    """Household `number` (1 is Garcia, 2 is Thompson) of the book drawn from `seed`."""
    market = demo_market()
    if number == 1:
        return garcia_household(market)
    if number == 2:
        return thompson_household(market)
    return ordinary_household(number, seed, market)
