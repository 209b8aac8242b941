"""A household of four accounts, four classes outside their bands: what an advisor expects of it."""

from __future__ import annotations

from datetime import date

import pytest

from tests.python_steps.planning.small_book import (
    ALTERNATIVES,
    BONDS,
    CASH,
    DEVELOPED,
    EMERGING,
    HIGH_YIELD,
    LARGE,
    SMALL,
    TIPS,
    D,
    Planned,
    SmallBook,
)

TARGETS = {
    LARGE: "0.35", SMALL: "0.08", DEVELOPED: "0.12", EMERGING: "0.05", BONDS: "0.25",
    HIGH_YIELD: "0.04", TIPS: "0.05", ALTERNATIVES: "0.04", CASH: "0.02",
}  # fmt: skip
FUNDS = {
    "VOO": (LARGE, 600), "VTI": (LARGE, 320), "IJR": (SMALL, 120), "VEA": (DEVELOPED, 59),
    "VWO": (EMERGING, 52), "BND": (BONDS, 73), "HYG": (HIGH_YIELD, 80), "SCHP": (TIPS, 26),
    "VNQ": (ALTERNATIVES, 90),
}  # fmt: skip
TAXABLE, IRA, ROTH, PLAN = "A-JOINT", "B-IRA", "C-ROTH", "D-401K"


def family() -> SmallBook:
    """About 2.4 million: stocks far over, bonds and foreign stocks under, gains mostly old."""
    book = SmallBook()
    book.household(minimum_trade_amount=D(1_000))
    book.group(TARGETS)
    book.account(TAXABLE, "taxable_joint", cash=56_000, lot_method="MIN_TAX")
    book.account(IRA, "traditional_ira", cash=9_400)
    book.account(ROTH, "roth_ira", cash=1_800)
    book.account(PLAN, "401k")
    book.tax_unit()
    for ticker, (asset_class, price) in FUNDS.items():
        book.security(ticker, asset_class, price)
    for ticker in FUNDS:
        if ticker != "VOO":
            book.model(ticker, types="taxable_joint|traditional_ira|roth_ira")
    for ticker in ("VOO", "VEA", "BND"):
        book.model(ticker, 2, types="401k")
    old, recent = date(2016, 3, 1), date(2026, 8, 25)
    for account, ticker, shares, cost, acquired in (
        (TAXABLE, "VOO", 1350, 210, old),
        (TAXABLE, "VOO", 51, 650, recent),
        (TAXABLE, "VOO", 20, 560, recent),
        (TAXABLE, "IJR", 900, 60, old),
        (TAXABLE, "VEA", 1750, 38, old),
        (TAXABLE, "VWO", 900, 40, old),
        (IRA, "VTI", 156, 200, old),
        (IRA, "BND", 2700, 80, old),
        (IRA, "HYG", 1200, 78, old),
        (IRA, "SCHP", 4600, 27, old),
        (IRA, "VNQ", 1150, 70, old),
        (ROTH, "VTI", 156, 150, old),
        (ROTH, "IJR", 800, 70, old),
        (ROTH, "VEA", 1200, 40, old),
        (ROTH, "VWO", 750, 45, old),
        (PLAN, "VOO", 100, 300, old),
        (PLAN, "VEA", 650, 40, old),
        (PLAN, "BND", 3300, 75, old),
    ):
        book.lot(account, ticker, shares, cost, acquired)
    return book


@pytest.fixture(scope="module")
def planned() -> Planned:
    return family().plan()


def test_four_classes_stand_outside_their_bands_before_and_none_after(planned: Planned) -> None:
    book = family()
    book.frames()
    breached = {row["asset_class"] for row in book.rows("fct_household_drift") if row["is_breach"]}
    assert breached == {LARGE, DEVELOPED, EMERGING, BONDS}
    assert planned.plan["plan_status"] == "proposed"
    assert planned.plan["tracking_error_after"] < planned.plan["tracking_error_before"] / 2


def test_tax_advantaged_accounts_come_first_in_the_list_and_carry_most_of_it(
    planned: Planned,
) -> None:
    accounts = [row["account_id"] for row in planned.trades]
    first_taxable = accounts.index(TAXABLE)
    assert set(accounts[:first_taxable]) == {IRA, ROTH, PLAN}
    assert set(accounts[first_taxable:]) == {TAXABLE}
    assert [row["trade_sequence"] for row in planned.trades] == list(range(1, len(accounts) + 1))
    advantaged = sum(row["notional"] for row in planned.of("sell") if row["account_id"] != TAXABLE)
    assert advantaged > sum(
        row["notional"] for row in planned.of("sell") if row["account_id"] == TAXABLE
    )


def test_no_short_term_gain_and_the_recent_loss_is_taken(planned: Planned) -> None:
    assert sum(row["realized_short_term_gain"] for row in planned.trades) == 0
    sale = next(row for row in planned.of("sell", "VOO") if row["account_id"] == TAXABLE)
    assert sale["realized_short_term_loss"] < 0
    assert sale["reason_code"] == "HARVEST_LOSS"
    assert planned.plan["estimated_tax"] < 0


def test_what_is_sold_at_a_loss_is_bought_nowhere(planned: Planned) -> None:
    assert planned.of("buy", "VOO") == []


def test_sales_stand_before_the_purchases_they_pay_in_each_account(planned: Planned) -> None:
    for account in (TAXABLE, IRA, ROTH, PLAN):
        actions = [row["action"] for row in planned.trades if row["account_id"] == account]
        assert actions == sorted(actions, reverse=True)


def test_bonds_go_to_deferred_accounts_before_anywhere_else(planned: Planned) -> None:
    bought = [row["account_id"] for row in planned.of("buy") if row["asset_class"] == BONDS]
    assert {IRA, PLAN} <= set(bought)


def test_the_plans_numbers_hang_together(planned: Planned) -> None:
    plan = planned.plan
    costs = sum(row["commission"] + row["spread_cost"] + row["market_impact"]
                for row in planned.trades)  # fmt: skip
    assert plan["transaction_cost"] == costs
    impact = planned.tables["tax_impact"].to_pylist()
    assert sum(row["estimated_tax"] for row in impact) == plan["estimated_tax"]
    losses = {
        row["trade_id"]: -(row["realized_short_term_loss"] + row["realized_long_term_loss"])
        for row in planned.trades
    }
    harvests = {row["trade_id"] for row in planned.trades if row["reason_code"] == "HARVEST_LOSS"}
    assert impact[0]["harvested_loss"] == sum(losses[trade_id] for trade_id in harvests) > 0
    assert impact[0]["wash_sale_exposure"] == sum(losses.values())
    assert plan["objective_value"] == plan["waterfall_objective_value"]
    assert plan["optimality_gap"] is None
    assert (plan["planner"], plan["solver_status"]) == ("waterfall", "not_run")
