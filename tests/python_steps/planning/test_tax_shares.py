"""Trades and lots carry their share of the plan's true tax: sums, signs and words."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_steps.planning.batch import rate_tables_from
from python_steps.planning.tax_effect import Realized
from python_steps.planning.tax_shares import SoldLot, tax_shares
from python_steps.policy import FirmPolicy
from python_steps.taxes.rates import RateTables, TaxUnitProfile, capital_gains_tax_change
from tests.python_steps.planning.small_book import BONDS, LARGE, D, Planned, SmallBook, seeds

CENTS = st.integers(-5_000_000, 5_000_000).map(lambda cents: Decimal(cents) / 100)
LOSSES = st.integers(0, 3_000_000).map(lambda cents: Decimal(cents) / 100)


def tables() -> RateTables:
    return rate_tables_from(seeds(), FirmPolicy())


def profile(**changes: object) -> TaxUnitProfile:
    facts: dict[str, object] = {
        "tax_unit_id": "T", "tax_year": 2026, "filing_status": "MFJ",
        "ordinary_taxable_income": D(280_000), "magi": D(320_000), "state_rate": D("0.05"),
        "state_gains_rate": D("0.05"), **changes,
    }  # fmt: skip
    return TaxUnitProfile(**facts)  # type: ignore[arg-type]


def shared(lots: list[SoldLot], unit: TaxUnitProfile) -> tuple[list[Decimal], Decimal]:
    rates = tables()

    def change(part: Realized) -> Decimal:
        return capital_gains_tax_change(
            unit, rates, part.short_term, part.long_term, part.collectibles
        )

    whole = Realized()
    for lot in lots:
        whole = whole.plus(
            lot.gain, is_long_term=lot.is_long_term, is_collectible=lot.is_collectible
        )
    total = change(whole).quantize(D("0.01"))
    return tax_shares(lots, change, total), total


@settings(deadline=None, max_examples=60)
@given(
    lots=st.lists(st.builds(SoldLot, CENTS, st.booleans(), st.booleans()), max_size=6),
    income=st.integers(-20_000, 900_000),
    carried=st.tuples(LOSSES, LOSSES),
    so_far=st.tuples(CENTS, CENTS),
)
def test_shares_add_up_to_the_true_tax_and_keep_their_sign(
    lots: list[SoldLot],
    income: int,
    carried: tuple[Decimal, Decimal],
    so_far: tuple[Decimal, Decimal],
) -> None:
    unit = profile(
        ordinary_taxable_income=D(income), magi=D(max(0, income)),
        short_term_carryforward=carried[0], long_term_carryforward=carried[1],
        year_to_date_short_term_gain=so_far[0], year_to_date_long_term_gain=so_far[1],
    )  # fmt: skip
    shares, total = shared(lots, unit)
    assert sum(shares, D(0)) == total
    for lot, share in zip(lots, shares, strict=True):
        assert share >= 0 if lot.gain > 0 else share <= 0


def test_beyond_the_yearly_limit_losses_save_what_the_limit_saves() -> None:
    shares, total = shared([SoldLot(D(-4_000), True), SoldLot(D(-2_000), True)], profile())
    assert total == -D(3_000) * D("0.29")  # 24 percent federal and 5 percent state
    assert shares == [D("-580.00"), D("-290.00")]


def test_gains_and_losses_that_cancel_share_a_tax_of_nothing() -> None:
    shares, total = shared([SoldLot(D(5_000), True), SoldLot(D(-5_000), True)], profile())
    assert total == 0
    assert shares[0] == -shares[1] > 0


def test_like_lots_bear_like_tax() -> None:
    shares, _ = shared(
        [SoldLot(D(1_000), True), SoldLot(D(700), False), SoldLot(D(1_000), True)], profile()
    )
    assert abs(shares[0] - shares[2]) <= D("0.01")


def loss_book(**unit: object) -> SmallBook:
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.5", BONDS: "0.5"})
    book.account("A1")
    book.tax_unit(**unit)
    book.security("VTI", LARGE, 100)
    book.security("BND", BONDS, 50)
    book.model("VTI")
    book.model("BND")
    book.lot("A1", "VTI", 100, 170)
    book.lot("A1", "VTI", 600, 130)
    book.lot("A1", "BND", 600, 50)
    return book


def assert_adds_up(planned: Planned) -> None:
    lots: dict[str, Decimal] = {}
    for row in planned.tables["trade_lots"].to_pylist():
        lots[row["trade_id"]] = lots.get(row["trade_id"], D(0)) + row["tax_cost"]
    assert lots
    for trade in planned.trades:
        assert trade["tax_cost"] == lots.get(trade["trade_id"], D(0))
    total = sum((trade["tax_cost"] for trade in planned.trades), D(0))
    assert total == planned.plan["estimated_tax"]


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        ({"year_to_date_long_term_gain": D(50_000)}, "a loss that offsets gains."),
        ({}, "a loss that is deducted from income (up to $3,000 a year)."),
        (
            {"filing_status": "MFS", "ordinary_taxable_income": D(90_000), "magi": D(90_000)},
            "a loss that is deducted from income (up to $1,500 a year).",
        ),
        ({"long_term_carryforward": D(9_000)}, "a loss that is carried forward to later years."),
        (
            {"long_term_carryforward": D(9_000), "year_to_date_long_term_gain": D(5_000)},
            "a loss that is carried forward to later years.",
        ),
    ],
)
def test_a_loss_says_what_becomes_of_it(unit: dict[str, object], words: str) -> None:
    planned = loss_book(**unit).plan()
    sale = planned.of("sell", "VTI")[0]
    assert words in sale["rationale"]
    assert "marginal" not in sale["rationale"]
    is_carried = "carried forward" in words
    assert (sale["tax_cost"] == 0) if is_carried else (sale["tax_cost"] < 0)
    assert ("no tax this year" in sale["rationale"]) is is_carried
    assert_adds_up(planned)


def test_two_accounts_of_one_tax_return_share_its_tax() -> None:
    book = loss_book()
    book.account("A2")
    book.lot("A2", "VTI", 500, 120)
    book.constraint("A2", "BND")
    book.constraint("A1", "VTI", sellable_quantity=D(200))
    planned = book.plan()
    assert len(planned.of("sell", "VTI")) == 2
    assert planned.plan["estimated_tax"] == -D(3_000) * D("0.29")
    assert_adds_up(planned)
