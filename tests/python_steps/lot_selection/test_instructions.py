"""Which lots must be named to the custodian, and until when (Reg. 1.1012-1(c)(8))."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from python_steps.lot_selection.instructions import CustodianLot, lot_instruction

TRADE_DATE = date(2026, 11, 25)  # the Wednesday before Thanksgiving
SETTLEMENT = date(2026, 11, 27)
PRICE = Decimal(100)

OLD_LOW = CustodianLot("a", "7781", date(2020, 1, 2), Decimal(10), Decimal(500), True)
MIDDLE = CustodianLot("b", None, date(2023, 5, 4), Decimal(10), Decimal(1500), True)
NEW_HIGH = CustodianLot("c", None, date(2026, 8, 3), Decimal(10), Decimal(2000), False)
LOTS = (OLD_LOW, MIDDLE, NEW_HIGH)


def told(method, delivered, lots=LOTS, **more):
    sold = {lot_id: Decimal(quantity) for lot_id, quantity in delivered.items()}
    return lot_instruction(method, lots, sold, PRICE, TRADE_DATE, **more)


@pytest.mark.parametrize(
    ("method", "delivered"),
    [
        ("FIFO", {"a": 10, "b": 5}),
        ("FIFO", {"a": 4}),
        ("LIFO", {"c": 10, "b": 1}),
        ("HIFO", {"c": 3}),
        ("LOFO", {"a": 10, "b": 2}),
    ],
)
def test_nothing_need_be_said_where_the_standing_method_delivers_these_lots(method, delivered):
    answer = told(method, delivered)
    assert (answer.kind, answer.named_by, answer.standing_method) == (
        "standing_method",
        None,
        method,
    )


@pytest.mark.parametrize(
    ("method", "delivered"),
    [
        ("FIFO", {"c": 10}),
        ("FIFO", {"a": 9, "b": 1}),  # a share of the first lot would stay
        ("LIFO", {"b": 1}),
        ("HIFO", {"a": 1}),
        ("LOFO", {"c": 1}),
        ("MIN_TAX", {"a": 1}),
    ],
)
def test_other_lots_than_the_standing_methods_are_named_by_the_settlement_date(method, delivered):
    answer = told(method, delivered)
    assert answer.kind == "specific_lots"
    assert answer.named_by == SETTLEMENT  # the exchange is closed on Thanksgiving


def test_the_words_name_each_lot_by_shares_date_cost_and_the_custodians_id():
    answer = told("FIFO", {"c": 10, "a": "2.5"})
    assert answer.words.startswith(
        "Name these lots: 2.5 bought 2020-01-02 at $50.00 (lot 7781); "
        "10 bought 2026-08-03 at $200.00."
    )


def test_a_method_that_is_not_stated_is_not_taken_for_fifo():
    answer = told(None, {"a": 10})
    assert (answer.kind, answer.standing_method) == ("specific_lots", None)
    assert "does not state" in answer.words


@pytest.mark.parametrize("method", ["SPEC_ID", "AVERAGE", "TAX_SMART"])
def test_no_method_that_chooses_by_more_than_an_order_is_left_alone(method):
    assert told(method, {"a": 10}).kind == "specific_lots"


@pytest.mark.parametrize("method", [None, "SPEC_ID", "FIFO"])
def test_a_whole_position_leaves_nothing_to_choose(method):
    answer = told(method, {"a": 10, "b": 10, "c": 10})
    assert (answer.kind, answer.named_by) == ("standing_method", None)


def test_shares_sold_at_the_elected_average_are_the_oldest():
    assert told("AVERAGE", {"a": 3}, is_average_elected=True).kind == "standing_method"
    assert told("AVERAGE", {"b": 3}, is_average_elected=True).kind == "specific_lots"


def test_equals_are_named_because_the_custodian_may_take_either():
    twin = OLD_LOW._replace(lot_id="a2")
    assert told("FIFO", {"a": 10}, (OLD_LOW, twin, MIDDLE)).kind == "specific_lots"
    # Taken whole, both are delivered whichever comes first.
    assert told("FIFO", {"a": 10, "a2": 10}, (OLD_LOW, twin, MIDDLE)).kind == "standing_method"
    # What is left of the lot that is sold is no other lot.
    assert told("FIFO", {"a": 5}, (OLD_LOW, MIDDLE)).kind == "standing_method"


def test_the_custodian_chooses_by_its_own_basis_and_an_unknown_one_shows_nothing():
    unknown = MIDDLE._replace(cost_basis=None)
    assert told("HIFO", {"c": 1}, (OLD_LOW, unknown, NEW_HIGH)).kind == "specific_lots"
    assert told("FIFO", {"a": 1}, (OLD_LOW, unknown, NEW_HIGH)).kind == "standing_method"
    undated = MIDDLE._replace(acquisition_date=None)
    assert told("FIFO", {"a": 1}, (OLD_LOW, undated, NEW_HIGH)).kind == "specific_lots"


def test_a_method_that_follows_the_price_is_left_alone_only_where_no_price_changes_its_choice():
    # At 100 the short-term lot is the largest short-term loss and first; above 200 it is the only
    # short-term gain and last.
    assert told("MIN_TAX", {"c": 5}).kind == "specific_lots"
    # Of two long-term lots the dearer goes first at every price.
    assert told("MIN_TAX", {"b": 5}, (OLD_LOW, MIDDLE)).kind == "standing_method"


def test_shares_that_no_lot_holds_cannot_be_delivered():
    with pytest.raises(ValueError, match="holds fewer"):
        told("FIFO", {"a": 11})
