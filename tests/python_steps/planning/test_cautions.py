"""What a plan tells of its own trades: assumed costs, and purchases of related taxpayers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from python_steps.planning.batch import rate_tables_from
from python_steps.planning.book_tables import BookTables
from python_steps.planning.costs import CostModel
from python_steps.planning.household_frames import HouseholdBuilder, market_assumptions
from python_steps.planning.plan_check import check_plan
from python_steps.planning.waterfall import plan_household
from python_steps.policy import FirmPolicy
from tests.python_steps.planning.small_book import (
    AS_OF,
    BONDS,
    LARGE,
    TRADE_DATE,
    D,
    Planned,
    SmallBook,
    seeds,
)

COUNTS_RELATED = FirmPolicy(wash_sale_outside_accounts="include")
# A firm that has asked its tax counsel, and wants such trades proposed with a warning.
TELLS_RELATED = FirmPolicy(allow_trades_near_related_purchases=True)


def rows_of(planned: Planned, code: str) -> list[dict[str, Any]]:
    return [row for row in planned.exceptions if row["reason_code"] == code]


def child_book() -> SmallBook:
    """A child's account with cash to invest, beside the parent's; they are two wash-sale groups."""
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.9", BONDS: "0.1"})
    book.account("P1")
    book.account("C1", "utma", cash=20_000, wash_sale_group_id="W-CHILD", tax_unit_id="T-CHILD")
    book.tax_unit()
    book.security("VTI", LARGE, 100)
    book.security("BND", BONDS, 50)
    book.model("VTI")
    book.lot("P1", "BND", 300, 50)
    return book


def test_a_childs_purchase_near_a_parents_loss_is_told() -> None:
    book = child_book()
    book.window("VTI", no_buy_until_date=TRADE_DATE)
    planned = book.plan(policy=TELLS_RELATED)
    (purchase,) = planned.of("buy", "VTI")
    assert purchase["account_id"] == "C1"
    (row,) = rows_of(planned, "related_purchase")
    assert row["amount"] == purchase["notional"]
    assert (row["account_id"], row["security_id"]) == ("C1", "VTI")
    assert "another taxpayer than Account P1" in row["rationale"]
    assert TRADE_DATE.isoformat() in row["rationale"]


@pytest.mark.parametrize(
    "window",
    [
        {"no_buy_until_date": TRADE_DATE - timedelta(days=1)},
        {"no_loss_sale_until_date": TRADE_DATE},
    ],
)
def test_a_window_that_does_not_concern_the_purchase_is_not_told(window: dict[str, Any]) -> None:
    book = child_book()
    book.window("VTI", **window)
    planned = book.plan()
    assert planned.of("buy", "VTI")
    assert rows_of(planned, "related_purchase") == []


@pytest.mark.parametrize(
    "policy",
    [
        FirmPolicy(),
        COUNTS_RELATED,
        replace(COUNTS_RELATED, allow_trades_near_related_purchases=True),
    ],
    ids=["nobody has asked counsel", "children count", "children count, whatever is allowed"],
)
def test_no_childs_purchase_near_a_parents_loss_is_proposed(policy: FirmPolicy) -> None:
    book = child_book()
    book.window("VTI", no_buy_until_date=TRADE_DATE)
    planned = book.plan(policy=policy)
    assert planned.of("buy", "VTI") == []
    assert rows_of(planned, "related_purchase") == []
    book.rows("wash_sale_windows")[0]["no_buy_until_date"] = TRADE_DATE - timedelta(days=1)
    assert book.plan(policy=policy).of("buy", "VTI")


def test_the_checker_bars_it_by_the_same_policy() -> None:
    book = child_book()
    book.window("VTI", no_buy_until_date=TRADE_DATE)
    tables = BookTables(book.frames(), AS_OF)
    household = HouseholdBuilder(tables, FirmPolicy(), TRADE_DATE).build("H1", AS_OF)
    rates = rate_tables_from(seeds(), FirmPolicy())
    plan = plan_household(household, TELLS_RELATED, rates, market_assumptions(tables))
    assert check_plan(household, plan, TELLS_RELATED, rates) == []
    for policy in (COUNTS_RELATED, FirmPolicy()):
        broken = {each.invariant for each in check_plan(household, plan, policy, rates)}
        assert broken == {"no_purchase_inside_a_window"}


def loss_book(**security: Any) -> SmallBook:
    """A parent's account overweight in a fund that stands at a loss."""
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.5", BONDS: "0.5"})
    book.account("P1")
    book.account("C1", "utma", wash_sale_group_id="W-CHILD", tax_unit_id="T-CHILD")
    book.tax_unit()
    book.security("VTI", LARGE, 100, **security)
    book.security("BND", BONDS, 50)
    book.model("BND")
    book.lot("P1", "VTI", 800, 110)
    book.lot("P1", "BND", 400, 50)
    return book


def test_a_parents_loss_near_a_childs_purchase_is_told() -> None:
    book = loss_book()
    book.window("VTI", wash_sale_group_id="W-CHILD", no_loss_sale_until_date=TRADE_DATE)
    planned = book.plan(policy=TELLS_RELATED)
    (sale,) = planned.of("sell", "VTI")
    (row,) = rows_of(planned, "related_purchase")
    assert row["amount"] == -sale["realized_long_term_loss"] > 0
    assert "after a purchase for Account C1, another taxpayer" in row["rationale"]


@pytest.mark.parametrize(("days", "is_sold"), [(0, False), (-1, True)])
def test_no_parents_loss_near_a_childs_purchase_is_proposed(days: int, is_sold: bool) -> None:
    """What one reading of the law would wash is not for a plan to try."""
    book = loss_book()
    until = TRADE_DATE + timedelta(days=days)
    book.window("VTI", wash_sale_group_id="W-CHILD", no_loss_sale_until_date=until)
    planned = book.plan()
    assert bool(planned.of("sell", "VTI")) == is_sold
    assert rows_of(planned, "related_purchase") == []
    if not is_sold:
        told = [row["rationale"] for row in rows_of(planned, "wash_sale_window")]
        assert any("a purchase of a related taxpayer" in each for each in told)


def test_the_checker_finds_a_parents_loss_near_a_childs_purchase() -> None:
    book = loss_book()
    book.window("VTI", wash_sale_group_id="W-CHILD", no_loss_sale_until_date=TRADE_DATE)
    tables = BookTables(book.frames(), AS_OF)
    household = HouseholdBuilder(tables, FirmPolicy(), TRADE_DATE).build("H1", AS_OF)
    rates = rate_tables_from(seeds(), FirmPolicy())
    plan = plan_household(household, TELLS_RELATED, rates, market_assumptions(tables))
    assert check_plan(household, plan, TELLS_RELATED, rates) == []
    broken = {each.invariant for each in check_plan(household, plan, FirmPolicy(), rates)}
    assert broken == {"no_loss_near_a_related_purchase"}


def test_a_gain_near_a_childs_purchase_is_nobodys_doubt() -> None:
    book = loss_book()
    for row in book.rows("int_lots__identified"):
        row["custodian_cost_basis"] = row["quantity"] * 49
    book.window("VTI", wash_sale_group_id="W-CHILD", no_loss_sale_until_date=TRADE_DATE)
    planned = book.plan()
    assert planned.of("sell", "VTI")
    assert rows_of(planned, "related_purchase") == []


def test_a_half_spread_of_the_type_is_told_as_an_assumption() -> None:
    planned = loss_book(half_spread_source="security_type", half_spread_bps=D(2)).plan()
    (sale,) = planned.of("sell", "VTI")
    (row,) = rows_of(planned, "cost_assumed")
    assert row["amount"] == sale["spread_cost"] > 0
    assert "VTI (etf: 2 basis points)" in row["rationale"]
    assert "BND" not in row["rationale"]
    assert rows_of(loss_book().plan(), "cost_assumed") == []


def test_a_fund_at_net_asset_value_assumes_nothing() -> None:
    planned = loss_book(
        half_spread_source="security_type", half_spread_bps=D(0), security_type="MUTUAL_FUND"
    ).plan()
    assert planned.of("sell", "VTI")
    assert rows_of(planned, "cost_assumed") == []


def test_an_unknown_cost_is_not_zero_not_even_for_cash_that_is_due() -> None:
    book = loss_book(half_spread_bps=None, half_spread_source=None)
    book.rows("int_lots__identified").pop()  # the bonds
    book.rows("int_positions__valued").pop()
    cash = book.rows("fct_account_cash")[0]
    cash["flow_reserve"], cash["investable"] = D(5_000), D(-5_000)
    planned = book.plan()
    assert planned.of("sell") == []
    (row,) = rows_of(planned, "cash_shortfall")
    assert "its trading cost is not known" in row["rationale"]


def test_no_cost_is_told_of_a_security_without_a_half_spread() -> None:
    book = loss_book()
    tables = BookTables(book.frames(), AS_OF)
    household = HouseholdBuilder(tables, FirmPolicy(), TRADE_DATE).build("H1", AS_OF)
    unknown = [replace(each, half_spread=None) for each in household.securities]
    with pytest.raises(ValueError, match="trading cost is not known"):
        CostModel.half_spread(unknown[0])
    rates = rate_tables_from(seeds(), FirmPolicy())
    plan = plan_household(household, FirmPolicy(), rates, market_assumptions(tables))
    assert plan.trades
    blind = replace(household, securities=tuple(unknown))
    broken = {each.invariant for each in check_plan(blind, plan, FirmPolicy(), rates)}
    assert "trading_costs_are_known" in broken
