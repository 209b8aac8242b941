"""What is left is told so that no number contradicts another: shares of a tax, weights at an edge.

Synthetic; the sentences are those of `leftovers`.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from python_steps.planning.gain_steps import Deferral
from python_steps.planning.leftovers import LeftOver, _deferral_row, _out_of_tolerance
from tests.python_steps.optimizer.test_rationale import workshop_of_book
from tests.python_steps.planning.small_book import BONDS, LARGE, SmallBook


def book() -> SmallBook:
    small = SmallBook()
    small.household()
    small.group({LARGE: "0.5", BONDS: "0.5"})
    small.account("TAX")
    for name, asset_class in (("VTI", LARGE), ("BND", BONDS)):
        small.security(name, asset_class)
        small.model(name)
    small.tax_unit()
    small.lot("TAX", "VTI", 700, 50)
    small.lot("TAX", "BND", 300, 100)
    return small


@pytest.mark.parametrize(
    ("tax", "cost", "words"),
    [
        ("171", "3.89", "would cost $171 of tax and $3.89 to trade, which less drift would pay"),
        ("79.20", "-8.34", "would cost $79.20 of tax, which less drift would pay"),
        ("-4.40", "1.84", "goes with sales at a gain, which less drift would pay"),
    ],
)
def test_what_is_put_off_never_costs_less_than_nothing(tax: str, cost: str, words: str) -> None:
    work = workshop_of_book(book())
    deferral = Deferral("G1", LARGE, Decimal(3_000), Decimal(tax), Decimal(cost), 4.7)
    row = _deferral_row(work.market, deferral)
    assert words in row.rationale
    assert row.rationale.endswith("back in 4.7 years: put off.")


@pytest.mark.parametrize(
    ("value", "stands"), [("55040", "stays at 55.04%,"), ("60000", "stays at 60.0%,")]
)
def test_what_is_outside_does_not_read_as_if_it_stood_on_the_edge(value: str, stands: str) -> None:
    work = workshop_of_book(book())
    (group,) = work.household.groups
    (row,) = (row for row in group.classes if row.asset_class == LARGE)
    assert row.upper_band_weight == Decimal("0.55")
    left = LeftOver(group, row, Decimal(value), Decimal(100_000))
    told = _out_of_tolerance(work.market, left).rationale
    assert stands in told
    assert "above its band of 45.0% to 55.0%" in told
