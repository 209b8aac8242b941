"""The waterfall never makes a wash sale: within the plan, against history, against unknowns."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from python_steps.policy import FirmPolicy
from tests.python_steps.planning.small_book import (
    BONDS,
    LARGE,
    SMALL,
    TRADE_DATE,
    D,
    Planned,
    SmallBook,
)


def loss_book() -> SmallBook:
    """Large caps far over target at a loss in the taxable account."""
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.4", SMALL: "0.2", BONDS: "0.4"})
    book.account("A1")
    book.account("R1", "roth_ira")
    book.tax_unit()
    book.security("VTI", LARGE, 100)
    book.security("VB", SMALL, 100)
    book.security("IJR", SMALL, 100)
    book.security("BND", BONDS, 50)
    for ticker, rank in (("VTI", 1), ("VB", 1), ("IJR", 2), ("BND", 1)):
        book.model(ticker, rank)
    book.lot("A1", "VTI", 600, 130)
    book.lot("A1", "BND", 600, 50)
    return book


def test_a_group_sold_at_a_loss_within_the_window_is_not_bought_anywhere() -> None:
    book = loss_book()
    book.window("VB", no_buy_until_date=date(2026, 11, 20))
    planned = book.plan()
    assert planned.of("buy", "VB") == []
    assert planned.of("buy", "IJR")


@pytest.mark.parametrize(("until", "is_bought"), [(20, False), (19, True)])
def test_a_purchase_is_barred_through_the_last_day_of_the_window(
    until: int, is_bought: bool
) -> None:
    book = loss_book()
    book.window("VB", no_buy_until_date=date(2026, 11, until))
    assert bool(book.plan().of("buy", "VB")) == is_bought


@pytest.mark.parametrize(("until", "is_sold"), [(20, False), (19, True)])
def test_a_loss_is_not_taken_within_30_days_of_a_purchase(until: int, is_sold: bool) -> None:
    book = loss_book()
    book.window("VTI", no_loss_sale_until_date=date(2026, 11, until))
    planned = book.plan()
    assert bool(planned.of("sell", "VTI")) == is_sold
    if not is_sold:
        assert "wash_sale_window" in planned.reasons()


def test_without_known_coverage_no_loss_is_taken() -> None:
    book = loss_book()
    book.window("VTI", coverage="unknown")
    planned = book.plan()
    assert planned.of("sell") == []
    assert "unknown_coverage" in planned.reasons()


def test_a_lot_just_above_its_basis_counts_as_a_loss_lot() -> None:
    book = loss_book()
    book.tables["int_lots__identified"][0]["custodian_cost_basis"] = (
        book.tables["int_lots__identified"][0]["quantity"] * 100 - 300
    )
    book.window("VTI", no_loss_sale_until_date=date(2026, 12, 1))
    assert book.plan().of("sell", "VTI") == []


def test_what_the_plan_sells_at_a_loss_is_bought_in_no_account_of_the_household() -> None:
    # The taxable account raises cash from its loss lot; the Roth may not buy that fund then.
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.4", SMALL: "0.2", BONDS: "0.4"})
    book.account("A1", flow_reserve=3_000)
    book.account("R1", "roth_ira", cash=15_000)
    book.tax_unit()
    book.security("VTI", LARGE, 100)
    book.security("VB", SMALL, 100)
    book.security("BND", BONDS, 50)
    for ticker in ("VTI", "VB", "BND"):
        book.model(ticker)
    book.lot("A1", "VB", 40, 130)
    book.lot("A1", "VTI", 400, 60)
    book.lot("A1", "BND", 800, 20)
    planned = book.plan()
    sold_at_loss = {row["security_id"] for row in planned.of("sell")
                    if row["realized_long_term_loss"] < 0}  # fmt: skip
    bought = {row["security_id"] for row in planned.of("buy")}
    assert "VB" in sold_at_loss
    assert "VB" not in bought


def test_substantially_identical_funds_are_one_group_across_accounts() -> None:
    book = loss_book()
    book.security("SPY", LARGE, 100, identity_group_id="IG-VTI")
    book.model("SPY", 2)
    book.account("S1", "traditional_ira", flow_reserve=0, cash=0)
    planned = book.plan()
    assert planned.of("sell", "VTI")
    assert planned.of("buy", "SPY") == []


def test_no_security_is_both_bought_and_sold_in_one_account() -> None:
    planned = loss_book().plan()
    keys = [(row["account_id"], row["security_id"]) for row in planned.trades]
    assert len(keys) == len(set(keys))


def test_a_loss_in_an_ira_is_no_loss_and_arms_nothing() -> None:
    book = loss_book()
    book.account("I1", "traditional_ira")
    for ticker in ("VTI", "VB", "BND"):
        book.constraint("I1", ticker)
    book.lot("I1", "VTI", 600, 130)
    book.window("VTI", no_loss_sale_until_date=date(2026, 12, 1), coverage="unknown")
    planned = book.plan()
    assert {row["account_id"] for row in planned.of("sell")} == {"I1"}
    assert all(row["tax_character"] == "none" for row in planned.trades)


def test_what_the_plan_buys_anywhere_is_not_sold_at_a_loss_later_in_the_plan() -> None:
    # The Roth moves from bonds into the fund of two classes; the taxable account holds the same
    # fund at a loss in an overweight class and must keep it.
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.2", SMALL: "0.3", BONDS: "0.5"})
    book.account("A1")
    book.account("R1", "roth_ira")
    book.tax_unit()
    book.security("VTI", LARGE, 100)
    book.security("ITOT", LARGE, 100, identity_group_id="IG-VB")
    book.security("VB", SMALL, 100)
    book.security("BND", BONDS, 50)
    for ticker in ("VTI", "VB", "BND"):
        book.model(ticker)
    loss = book.lot("A1", "ITOT", 300, 130)
    book.lot("A1", "BND", 200, 20)
    book.lot("R1", "BND", 1200, 50)
    planned = book.plan()
    assert [row["account_id"] for row in planned.of("buy", "VB")] == ["R1"]
    assert loss not in planned.sold_lots()
    assert "wash_sale_window" in planned.reasons()


def passed_over(planned: Planned) -> list[dict[str, object]]:
    return [row for row in planned.exceptions if row["subject"].startswith("Loss in ")]


def two_funds(until: date | None) -> SmallBook:
    book = loss_book()
    book.security("ITOT", LARGE, 100)
    book.lot("A1", "ITOT", 300, 120)
    if until is not None:
        book.window("ITOT", no_loss_sale_until_date=until, caused_by="ITOT is reinvested monthly.")
    return book


def test_a_loss_that_a_window_bars_is_told_once_where_other_lots_are_sold() -> None:
    book = two_funds(TRADE_DATE + timedelta(days=9))
    book.lot("A1", "ITOT", 50, 110)
    planned = book.plan()
    assert planned.of("sell", "VTI")
    (row,) = passed_over(planned)
    assert row["reason_code"] == "wash_sale_window"
    assert row["security_id"] == "ITOT"
    assert row["amount"] == 35_000
    assert (
        "$35,000 of ITOT with a loss of $6,500 is passed over and other holdings are sold"
        in str(row["rationale"])
    )
    assert "(ITOT is reinvested monthly)" in str(row["rationale"])


def test_nothing_is_passed_over_without_a_window_or_a_sale() -> None:
    assert not passed_over(two_funds(None).plan())
    book = two_funds(TRADE_DATE + timedelta(days=9))
    book.constraint("A1", "VTI", sellable_quantity=D(0))
    planned = book.plan()
    assert not planned.of("sell")
    assert not passed_over(planned)


def test_a_loss_passed_over_for_a_cash_need_is_told() -> None:
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.5", BONDS: "0.5"})
    book.account("A1", minimum=2_000)
    book.tax_unit()
    book.security("VTI", LARGE, 100)
    book.security("BND", BONDS, 50)
    book.lot("A1", "VTI", 530, 120)
    book.lot("A1", "BND", 940, 60)
    book.window("VTI", no_loss_sale_until_date=TRADE_DATE + timedelta(days=9))
    planned = book.plan()
    assert planned.of("sell", "BND")
    (row,) = passed_over(planned)
    assert row["security_id"] == "VTI"


# The exact rule: as many shares of a loss are disallowed as were bought in the 30 days around the
# sale and are still held, those of the lot that is sold not counted.

ALLOWS_EXITS = FirmPolicy(allow_full_exit_of_recent_lots=True)
THIRTY_DAYS = timedelta(days=30)


def exit_book(
    recent: object = 20, *, bought: date = TRADE_DATE - timedelta(days=11), **window: object
) -> tuple[SmallBook, str, str]:
    """An old loss lot, and one bought days ago; small caps are to be sold to the last share."""
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.5", SMALL: "0", BONDS: "0.5"})
    book.account("A1")
    book.account("A2")
    book.account("R1", "roth_ira")
    book.tax_unit()
    book.security("VTI", LARGE, 100)
    book.security("VB", SMALL, 100)
    book.security("BND", BONDS, 50)
    for ticker in ("VTI", "BND"):
        book.model(ticker)
    old = book.lot("A1", "VB", 300, 130)
    new = book.lot("A1", "VB", recent, 120, bought)
    book.lot("A1", "VTI", 300, 60)
    book.lot("A1", "BND", 500, 50)
    book.window(
        "VB",
        **{
            "no_loss_sale_until_date": bought + THIRTY_DAYS,
            "is_exit_possible": True,
            **window,
        },
    )
    return book, old, new


def sold_lots(planned: Planned) -> dict[str, Decimal]:
    return {row["lot_id"]: row["quantity"] for row in planned.lots}


@pytest.mark.parametrize("planner", ["waterfall", "optimizer"])
def test_a_whole_recent_position_may_be_sold_at_a_loss_where_the_firm_allows_it(
    planner: str,
) -> None:
    book, old, new = exit_book()
    book.planner = planner
    assert sold_lots(book.plan()) == {}, "by default the window stays shut"
    planned = book.plan(policy=ALLOWS_EXITS)
    assert sold_lots(planned) == {old: 300, new: 20}
    assert planned.of("buy", "VB") == []


@pytest.mark.parametrize("planner", ["waterfall", "optimizer"])
@pytest.mark.parametrize("case", ["locked", "other account", "IRA", "to come", "not all known"])
def test_a_loss_beside_recent_shares_that_stay_is_refused(case: str, planner: str) -> None:
    window: dict[str, object] = {}
    if case == "to come":
        window["no_loss_sale_until_date"] = TRADE_DATE + THIRTY_DAYS
    if case == "not all known":
        window["is_exit_possible"] = False
    book, old, _ = exit_book(**window)
    book.planner = planner
    if case == "locked":
        book.rows("int_lots__identified")[1]["is_frozen"] = True
    if case == "other account":
        book.lot("A2", "VB", 5, 90, TRADE_DATE - timedelta(days=11), is_frozen=True)
    if case == "IRA":
        book.lot("R1", "VB", 5, 90, TRADE_DATE - timedelta(days=11))
        for row in book.rows("lot_adjustments"):
            row["acquisition_date"] = None
    assert old not in sold_lots(book.plan(policy=ALLOWS_EXITS))


@pytest.mark.parametrize("planner", ["waterfall", "optimizer"])
def test_the_recent_lot_alone_may_be_sold_in_part(planner: str) -> None:
    """Rev. Rul. 56-602: the rest of the very lot that is sold replaces nothing."""
    book, old, new = exit_book(recent=400)
    book.planner = planner
    book.targets["G1"] = {LARGE: D("0.4"), SMALL: D("0.4"), BONDS: D("0.2")}
    book.constraint("A1", "VB", sellable_quantity=D(700))
    sold = sold_lots(book.plan(policy=ALLOWS_EXITS))
    assert 0 < sold[new] < 400
    assert old not in sold


@pytest.mark.parametrize(("days", "is_sold"), [(30, False), (31, True)])
@pytest.mark.parametrize("planner", ["waterfall", "optimizer"])
def test_the_window_counts_30_days(planner: str, days: int, is_sold: bool) -> None:
    """A loss on day 30 after a purchase is refused, on day 31 it is taken, without any exit."""
    book, old, _ = exit_book(bought=TRADE_DATE - timedelta(days=days))
    book.planner = planner
    assert (old in sold_lots(book.plan())) == is_sold


@pytest.mark.parametrize(("days", "is_bought"), [(30, False), (31, True)])
@pytest.mark.parametrize("planner", ["waterfall", "optimizer"])
def test_a_rebuy_on_day_30_is_refused_and_on_day_31_allowed(
    planner: str, days: int, is_bought: bool
) -> None:
    book, _, _ = exit_book()
    book.planner = planner
    book.window("BND", no_buy_until_date=TRADE_DATE - timedelta(days=days) + THIRTY_DAYS)
    assert bool(book.plan(policy=ALLOWS_EXITS).of("buy", "BND")) == is_bought
