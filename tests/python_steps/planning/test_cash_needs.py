"""Raising cash that must leave, in the very account that is short."""

from __future__ import annotations

from datetime import date

import pytest

from python_steps.planning.batch import plan_households
from tests.python_steps.planning.small_book import BONDS, LARGE, D, Planned, SmallBook

RECENT = date(2026, 6, 1)


def book_with_need(need: object, **household: object) -> SmallBook:
    """Everything in its band; account A1 must raise `need` dollars."""
    book = SmallBook()
    book.household(**household)
    book.group({LARGE: "0.5", BONDS: "0.5"})
    book.account("A1", flow_reserve=need)
    book.account("I1", "traditional_ira")
    book.tax_unit()
    book.security("VTI", LARGE, 100)
    book.security("BND", BONDS, 50)
    book.model("VTI")
    book.model("BND")
    book.lot("I1", "VTI", 900, 60)
    book.lot("I1", "BND", 2000, 50)
    book.flow("A1", "withdrawal", need, date(2026, 12, 1))
    return book


def test_cash_is_raised_in_the_account_that_needs_it_and_nowhere_else() -> None:
    book = book_with_need(5_000)
    book.lot("A1", "VTI", 200, 60)
    planned = book.plan()
    assert {row["account_id"] for row in planned.trades} == {"A1"}
    assert {row["reason_code"] for row in planned.trades} == {"RAISE_CASH"}
    assert planned.plan["run_mode"] == "cash_only"
    raised = sum(row["notional"] - row["spread_cost"] - row["market_impact"]
                 for row in planned.trades)  # fmt: skip
    assert 5_000 <= raised < 5_200
    assert "withdrawal of $5,000 due 2026-12-01" in planned.trades[0]["rationale"]


def test_losses_go_first_then_long_term_gains_and_short_term_gains_last() -> None:
    book = book_with_need(16_000)
    short = book.lot("A1", "VTI", 100, 99, RECENT)
    long = book.lot("A1", "VTI", 100, 60)
    loss = book.lot("A1", "VTI", 30, 130)
    planned = book.plan()
    sold = {row["lot_id"]: row["quantity"] for row in planned.lots}
    assert sold[loss] == 30
    assert sold[long] == 100
    assert 0 < sold[short] < 40
    assert planned.plan["plan_status"] == "proposed"


def test_a_short_term_gain_is_not_used_while_long_term_lots_suffice() -> None:
    book = book_with_need(5_000)
    short = book.lot("A1", "VTI", 100, 99, RECENT)
    book.lot("A1", "VTI", 100, 10)
    assert short not in book.plan().sold_lots()


def test_money_market_funds_are_sold_before_anything_else() -> None:
    book = book_with_need(5_000)
    book.security("SWVXX", "Cash", 1, security_type="MONEY_MARKET", is_cash_equivalent=True,
                  half_spread_bps=D(0))  # fmt: skip
    book.constraint("A1", "SWVXX")
    book.lot("A1", "SWVXX", 8_000, 1)
    book.lot("A1", "VTI", 20, 130)
    planned = book.plan()
    assert [row["security_id"] for row in planned.of("sell")] == ["SWVXX"]


def test_a_need_below_the_minimum_trade_is_rounded_up_to_it_and_never_dropped() -> None:
    book = book_with_need(40, minimum_trade_amount=D(1_000))
    book.lot("A1", "VTI", 200, 60)
    sale = book.plan().of("sell")
    assert sale[0]["notional"] >= 1_000


def test_minimum_cash_is_restored() -> None:
    book = book_with_need(0)
    book.tables["int_cash_flows__due"] = []
    book.tables["fct_account_cash"][0].update(minimum=D(3_000), investable=D(-3_000))
    book.lot("A1", "VTI", 200, 60)
    planned = book.plan()
    assert sum(row["notional"] for row in planned.of("sell")) >= 3_000
    assert "minimum cash of $3,000" in planned.trades[0]["rationale"]


def test_cash_that_cannot_be_raised_is_stated_with_amount_and_cause() -> None:
    book = book_with_need(50_000)
    book.lot("A1", "VTI", 100, 60)
    book.lot("A1", "BND", 400, 50)
    book.constraint("A1", "BND", sellable_quantity=D(0), reason="lockup")
    planned = book.plan()
    assert planned.plan["plan_status"] == "infeasible_cash"
    row = next(row for row in planned.exceptions if row["reason_code"] == "cash_shortfall")
    assert 39_900 < row["amount"] < 40_100
    assert "lockup" in row["rationale"]
    assert row["account_id"] == "A1"
    sold = [row["quantity"] for row in planned.of("sell", "VTI") if row["account_id"] == "A1"]
    assert sold == [100]


def test_a_wash_sale_window_keeps_a_loss_lot_even_in_a_cash_need() -> None:
    book = book_with_need(2_000)
    loss = book.lot("A1", "VTI", 100, 130)
    book.lot("A1", "BND", 100, 20)
    book.window("VTI", no_loss_sale_until_date=date(2026, 12, 5))
    planned = book.plan()
    assert loss not in planned.sold_lots()
    assert planned.of("sell", "BND")


def test_an_account_without_an_ips_still_raises_its_cash() -> None:
    book = book_with_need(0)
    book.tables["int_cash_flows__due"] = []
    book.account("N1", "traditional_ira", flow_reserve=4_000, group_id=None)
    book.lot("N1", "VTI", 100, 60)
    planned = book.plan()
    assert {row["account_id"] for row in planned.trades} == {"N1"}


def test_reserved_cash_is_not_invested() -> None:
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.5", BONDS: "0.5"})
    book.account("I1", "traditional_ira", cash=30_000, flow_reserve=30_000)
    book.tax_unit()
    book.security("VTI", LARGE, 100)
    book.security("BND", BONDS, 50)
    book.model("VTI")
    book.model("BND")
    book.lot("I1", "VTI", 500, 60)
    book.lot("I1", "BND", 1000, 50)
    planned = book.plan()
    assert planned.trades == []


def test_without_single_flows_the_reserve_is_named() -> None:
    book = book_with_need(5_000)
    book.lot("A1", "VTI", 200, 60)
    payload = book.payload()
    tables = {name: table for name, table in payload.tables.items()
              if name != "int_cash_flows__due"}  # fmt: skip
    planned = Planned(plan_households(type(payload)(**{**vars(payload), "tables": tables})))
    assert "payments due of $5,000" in planned.trades[0]["rationale"]


def test_a_class_that_was_sold_down_is_not_bought_back_with_free_cash() -> None:
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.50", BONDS: "0.48", "Cash": "0.02"})
    book.account("A1", cash=2_900)
    book.account("I1", "traditional_ira")
    book.tax_unit()
    book.security("VTI", LARGE, 3_000)  # one share more than needed is sold
    book.security("ITOT", LARGE, 100)
    book.security("BND", BONDS, 250)
    book.model("ITOT")
    book.model("BND")
    book.constraint("A1", "BND", is_buyable=False)
    book.lot("I1", "VTI", 20, 60)
    book.lot("I1", "BND", 145, 200)
    planned = book.plan()
    assert planned.of("sell", "VTI")
    assert planned.of("buy", "ITOT") == []


def test_nothing_is_sold_that_brings_less_than_its_fee() -> None:
    book = book_with_need(5_000)
    book.terms("VTI", transaction_fee=D(20))
    book.security_row("VTI")["price"] = D("0.10")
    book.lot("A1", "VTI", 150, "0.05")
    planned = book.plan()
    assert planned.of("sell", "VTI") == []
    assert planned.plan["plan_status"] == "infeasible_cash"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("taxable_individual", "margin debit of $1,250"),
        ("roth_ira", "overdraft of $1,250"),
        ("traditional_ira", "overdraft of $1,250"),
    ],
)
def test_a_retirement_account_is_overdrawn_and_has_no_margin_debit(kind: str, words: str) -> None:
    book = book_with_need(0)
    book.rows("fct_cash_flows").clear()
    book.account("X1", kind)
    book.rows("fct_account_cash")[-1].update(margin_debit=D(1_250), investable=D(-1_250))
    book.lot("X1", "VTI", 100, 100)
    (sale,) = (row for row in book.plan().of("sell") if row["account_id"] == "X1")
    assert f"raises the cash this account needs for its {words}." in sale["rationale"]
