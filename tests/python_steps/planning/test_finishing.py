"""What a finished plan calls a harvest, and which of its losses a later purchase could still wash.

IRC 1091(a): a purchase within 30 days after the sale disallows the loss, known today or not; not of
money market funds (Rev. Proc. 2014-45).
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from python_steps.planning.batch import rate_tables_from
from python_steps.planning.book_tables import BookTables
from python_steps.planning.costs import CostModel
from python_steps.planning.finishing import finished_trades, tax_impacts
from python_steps.planning.household import HouseholdIndex
from python_steps.planning.household_frames import HouseholdBuilder, market_assumptions
from python_steps.planning.ledger import PlanLedger
from python_steps.planning.plan import (
    HARVEST_LOSS,
    HARVEST_REPLACEMENT,
    INVEST_CASH,
    LOCATE,
    RAISE_CASH,
    REBALANCE,
    Purpose,
    TaxImpact,
    Trade,
)
from python_steps.planning.tax_effect import TaxEffect
from python_steps.policy import FirmPolicy
from tests.python_steps.planning.small_book import (
    AS_OF,
    BONDS,
    CASH,
    LARGE,
    TRADE_DATE,
    SmallBook,
    seeds,
)

POLICY = FirmPolicy()


def book_at_a_loss(*, harvests: bool) -> SmallBook:
    """Each fund stands at a loss of 10 dollars a share, the money market fund of one cent."""
    book = SmallBook()
    book.household(harvests_losses=harvests)
    book.group({LARGE: "0.5", BONDS: "0.5"})
    book.account("A1", cash=1_000)
    book.account("I1", "traditional_ira")
    book.tax_unit()
    book.security("VTI", LARGE, 100)
    book.security("ITOT", LARGE, 100)
    book.security("BND", BONDS, 50)
    book.security("FLOAT", BONDS, 1, security_type="MONEY_MARKET")
    book.model("ITOT")
    book.lot("A1", "VTI", 100, 110)
    book.lot("A1", "BND", 100, 60)
    book.lot("A1", "FLOAT", 1_000, "1.01")
    book.lot("I1", "VTI", 100, 110)
    return book


def finished(*, harvests: bool) -> tuple[tuple[Trade, ...], TaxImpact]:
    """A harvest of 20 shares with its replacement; cash raised from 30 shares and the fund."""
    tables = BookTables(book_at_a_loss(harvests=harvests).frames(), AS_OF)
    household = HouseholdBuilder(tables, POLICY, TRADE_DATE).build("H1", AS_OF)
    index = HouseholdIndex(household)
    costs = CostModel(POLICY, market_assumptions(tables))
    start = PlanLedger(index, costs, POLICY.execution_buffer)
    ledger = PlanLedger(index, costs, POLICY.execution_buffer)
    group = index.group_of("A1")
    assert group is not None
    group_id = group.allocation_group_id
    swap = Purpose(REBALANCE, group_id, LARGE, LARGE)
    need = Purpose(RAISE_CASH, None, BONDS, CASH)
    for account_id, security_id, quantity, purpose in (
        ("A1", "VTI", 20, swap),
        ("A1", "BND", 30, need),
        ("A1", "FLOAT", 500, need),
        ("I1", "VTI", 40, swap),
    ):
        position = index.positions[account_id, security_id]
        assert ledger.sell(position, position.lots, Decimal(quantity), purpose) > 0
    replacement = Purpose(HARVEST_REPLACEMENT, group_id, LARGE, LARGE)
    assert ledger.buy("A1", index.securities["ITOT"], Decimal(1_900), replacement) > 0
    tax = TaxEffect(index, rate_tables_from(seeds(), POLICY))
    (impact,) = tax_impacts(index, ledger, tax)
    return finished_trades(index, start, ledger, POLICY, tax), impact


@pytest.mark.parametrize(("harvests", "harvested"), [(True, 200), (False, 0)])
def test_only_the_losses_of_harvests_are_harvested(harvests: bool, harvested: int) -> None:
    trades, impact = finished(harvests=harvests)
    assert impact.realized_short_term_loss + impact.realized_long_term_loss == -505
    assert impact.harvested_loss == harvested
    by_reason = sum(
        -(trade.realized_short_term_loss + trade.realized_long_term_loss)
        for trade in trades
        if trade.reason_code == HARVEST_LOSS
    )
    assert by_reason == harvested


@pytest.mark.parametrize("harvests", [True, False])
def test_every_loss_but_of_money_market_funds_can_still_be_washed(harvests: bool) -> None:
    _, impact = finished(harvests=harvests)
    assert impact.wash_sale_exposure == 200 + 300


@pytest.mark.parametrize(
    ("harvests", "reason", "is_told"),
    [(True, HARVEST_REPLACEMENT, True), (False, REBALANCE, False)],
)
def test_a_purchase_replaces_a_harvest_only_where_losses_are_harvested(
    harvests: bool, reason: str, is_told: bool
) -> None:
    trades, _ = finished(harvests=harvests)
    (purchase,) = (trade for trade in trades if trade.action == "buy")
    assert purchase.reason_code == reason
    assert ("takes the place of the shares sold at a loss" in purchase.rationale) == is_told


def sentences(
    sold: Purpose, bought: dict[tuple[str, str], Purpose], *, cash: Decimal = Decimal(0)
) -> dict[str, str]:
    """The sentences of 40 shares of VTI sold in the IRA, and of 900 dollars of each purchase."""
    book = book_at_a_loss(harvests=False)
    book.tables["fct_account_cash"][1].update(trade_date=cash, investable=cash)
    tables = BookTables(book.frames(), AS_OF)
    index = HouseholdIndex(HouseholdBuilder(tables, POLICY, TRADE_DATE).build("H1", AS_OF))
    costs = CostModel(POLICY, market_assumptions(tables))
    start = PlanLedger(index, costs, POLICY.execution_buffer)
    ledger = PlanLedger(index, costs, POLICY.execution_buffer)
    position = index.positions["I1", "VTI"]
    assert ledger.sell(position, position.lots, Decimal(40), sold) > 0
    for (account_id, security_id), purpose in bought.items():
        assert ledger.buy(account_id, index.securities[security_id], Decimal(900), purpose) > 0
    tax = TaxEffect(index, rate_tables_from(seeds(), POLICY))
    trades = finished_trades(index, start, ledger, POLICY, tax)
    return {f"{trade.account_id} {trade.security_id}": trade.rationale for trade in trades}


def test_a_class_is_said_to_move_only_where_the_plan_buys_it_in_another_account() -> None:
    """A sale for the sake of location names what the plan does: move, exchange or make room."""
    away = Purpose(LOCATE, None, LARGE, BONDS)
    room = sentences(away, {("I1", "BND"): away})["I1 VTI"]
    assert "is moved" not in room
    assert f"makes room for {BONDS}, so that holdings stand where they cost less tax; sold" in room
    exchange = sentences(Purpose(LOCATE, None, LARGE, LARGE), {("I1", "ITOT"): away})["I1 VTI"]
    assert f"{LARGE} stays in this account in holdings that cost less tax; sold" in exchange
    moved = sentences(away, {("A1", "ITOT"): Purpose(INVEST_CASH, None, None, LARGE)})["I1 VTI"]
    assert f"{LARGE} is moved to accounts where it costs less tax; sold" in moved
    alone = sentences(Purpose(LOCATE, None, LARGE, None), {})["I1 VTI"]
    assert f"moves money out of {LARGE}, so that holdings stand" in alone


def test_cash_that_was_raised_is_not_called_free_cash() -> None:
    """Whole shares raise more than is needed: what is over buys, though no cash was free before."""
    need, spare = Purpose(RAISE_CASH, None, LARGE, None), Purpose(REBALANCE, None, LARGE, BONDS)
    bought = {("I1", "BND"): spare}
    raised = sentences(need, bought)["I1 BND"]
    assert "paid from cash that is free once what is needed has been raised." in raised
    free = sentences(need, bought, cash=Decimal(5_000))["I1 BND"]
    assert "paid from free cash." in free
