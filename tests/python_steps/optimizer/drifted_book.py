"""A small household with too much in large caps, for the optimiser's tests."""

from __future__ import annotations

from datetime import timedelta

from tests.python_steps.planning.small_book import AS_OF, BONDS, CASH, LARGE, SmallBook

RECENT = AS_OF - timedelta(days=100)


def drifted() -> SmallBook:
    """Too much in large caps, in a taxable account and an IRA."""
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.5", BONDS: "0.4", CASH: "0.1"})
    book.account("TAX", cash=10_000)
    book.account("IRA", "traditional_ira", cash=5_000)
    book.security("VTI")
    book.security("ITOT")
    book.security("BND", BONDS)
    book.security("AGG", BONDS)
    for rank, ticker in enumerate(("VTI", "ITOT"), start=1):
        book.model(ticker, rank)
    for rank, ticker in enumerate(("BND", "AGG"), start=1):
        book.model(ticker, rank)
    book.tax_unit()
    return book
