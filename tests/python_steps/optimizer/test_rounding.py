"""From dollars to shares: solutions chosen by hand, and the orders that must come of them.

Belongs here: the border at which a good solution could become a wrong trade: a share more from a
lot that may not go, a purchase below a fund's least amount. Does not belong here: bookkeeping.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from python_steps.optimizer.model_assembly import CoreModel
from python_steps.optimizer.rounding import rounded_ledger
from python_steps.planning.ledger import PlanLedger
from python_steps.policy import FirmPolicy
from tests.python_steps.optimizer.drifted_book import RECENT, drifted
from tests.python_steps.optimizer.test_model_parts import model_of
from tests.python_steps.planning.small_book import TRADE_DATE, SmallBook

OLD = date(2019, 1, 2)
LATER = date(2020, 1, 2)


def rounded(
    core: CoreModel, sold: dict[str, float], bought: dict[tuple[str, str], float]
) -> PlanLedger:
    """The orders of a solution: dollars by lot sold, dollars by account and security bought."""
    values = np.zeros(core.model.column_count)
    for sale, column in zip(core.problem.sales, core.sale_columns, strict=True):
        values[column] = sold.pop(sale.lot.lot_id, 0.0) / 1000
    for each, column in zip(core.problem.purchases, core.purchase_columns, strict=True):
        values[column] = bought.pop((each.account_id, each.security_id), 0.0) / 1000
    assert not sold, "every lot is one that may be sold"
    assert not bought, "every purchase is one that may be made"
    return rounded_ledger(core, values)


def orders_of(ledger: PlanLedger) -> dict[tuple[str, str, str], Decimal]:
    return {key: order.quantity for key, order in ledger.orders.items()}


def gain_and_loss(method: str = "SPEC_ID") -> tuple[SmallBook, str, str]:
    """10.4 shares at a long-term gain, bought first, and 900 at a loss."""
    book = drifted()
    book.account_row("TAX")["lot_method"] = method
    gain = book.lot("TAX", "VTI", "10.4", 60, OLD)
    loss = book.lot("TAX", "VTI", 900, 120, LATER)
    return book, gain, loss


@pytest.mark.parametrize("method", ["SPEC_ID", "FIFO"])
def test_no_share_of_a_loss_lot_rounds_up_a_sale_of_what_is_bought(method: str) -> None:
    """The 11th share would be sold at a loss while the IRA buys the fund: a wash sale."""
    book, gain, _ = gain_and_loss(method)
    ledger = rounded(model_of(book), {gain: 1_040.0}, {("IRA", "VTI"): 3_000.0})
    assert ledger.sold_lots == {gain: Decimal(10)}
    assert ledger.order_of("IRA", "VTI", "buy") is not None


@pytest.mark.parametrize("method", ["SPEC_ID", "FIFO"])
def test_a_sale_is_rounded_up_with_the_next_lot_where_nothing_bars_it(method: str) -> None:
    book, gain, loss = gain_and_loss(method)
    ledger = rounded(model_of(book), {gain: 1_040.0}, {})
    assert ledger.sold_lots == {gain: Decimal("10.4"), loss: Decimal("0.6")}


def test_no_share_of_a_later_stage_rounds_up_a_sale_of_losses() -> None:
    """The plan sells losses only: its last share is no short-term gain."""
    book = drifted()
    loss = book.lot("TAX", "VTI", "10.4", 120, OLD)
    book.lot("TAX", "VTI", 900, 60, RECENT)
    ledger = rounded(model_of(book), {loss: 1_040.0}, {})
    assert ledger.sold_lots == {loss: Decimal(10)}


def test_a_standing_order_is_kept_whatever_the_solution_sells() -> None:
    """A solution that is indifferent between like lots may name the later one."""
    book = drifted()
    book.account_row("TAX")["lot_method"] = "FIFO"
    first = book.lot("TAX", "VTI", 300, 60, OLD)
    second = book.lot("TAX", "VTI", 600, 60, LATER)
    ledger = rounded(model_of(book), {second: 10_000.0}, {})
    assert ledger.sold_lots == {first: Decimal(100)}


def test_sale_and_purchase_of_one_security_in_one_account_are_one_trade() -> None:
    book = drifted()
    lot = book.lot("IRA", "VTI", 900, None)
    core = model_of(book)
    ledger = rounded(core, {_whole(core, lot): 10_000.0}, {("IRA", "VTI"): 4_000.0})
    assert orders_of(ledger) == {("IRA", "VTI", "sell"): Decimal(60)}
    ledger = rounded(core, {_whole(core, lot): 1_000.0}, {("IRA", "VTI"): 4_000.0})
    assert orders_of(ledger) == {("IRA", "VTI", "buy"): Decimal(30)}


def _whole(core: CoreModel, lot_id: str) -> str:
    """An IRA's holding is one lot of its own name."""
    names = {sale.lot.lot_id for sale in core.problem.sales}
    return lot_id if lot_id in names else next(name for name in sorted(names) if "IRA" in name)


def test_a_lot_of_which_little_is_free_is_sold_for_that_little() -> None:
    """Of 400 shares that may go 300 are of the first lot: 100 of the second are all of it."""
    book = drifted()
    first = book.lot("TAX", "VTI", 300, 120, OLD)
    second = book.lot("TAX", "VTI", 600, 60, LATER)
    book.constraint("TAX", "VTI", sellable_quantity=Decimal(400))
    core = model_of(book)
    assert [(sale.lot.lot_id, sale.quantity) for sale in core.problem.sales] == [
        (first, Decimal(300)), (second, Decimal(100)),
    ]  # fmt: skip
    ledger = rounded(core, {second: 10_000.0}, {})
    assert ledger.sold_lots == {second: Decimal(100)}


@pytest.mark.parametrize(("dollars", "is_bought"), [(3_050.0, True), (2_999.0, False)])
def test_a_purchase_below_a_funds_least_amount_is_none(dollars: float, is_bought: bool) -> None:
    book = drifted()
    book.terms("BND", minimum_amount=Decimal(3_000))
    book.lot("TAX", "VTI", 900, 60)
    ledger = rounded(model_of(book), {}, {("IRA", "BND"): dollars})
    assert (orders_of(ledger).get(("IRA", "BND", "buy"), 0) >= 30) == is_bought
    assert bool(orders_of(ledger)) == is_bought


def test_money_that_a_sale_did_not_bring_is_not_spent() -> None:
    """The solution buys for $25,000, but the sale it counts on is none: $5,000 are there."""
    book = drifted()
    book.lot("TAX", "VTI", 900, 60)
    ledger = rounded(model_of(book), {}, {("IRA", "BND"): 25_000.0})
    assert orders_of(ledger) == {("IRA", "BND", "buy"): Decimal(49)}
    assert ledger.spendable("IRA") >= 0


def test_what_whole_shares_leave_over_buys_one_more_where_most_is_lost() -> None:
    """80 % and 51 % of a share are lost; the cash that is left pays for the first."""
    book = drifted()
    book.rows("dim_households")[0]["minimum_trade_amount"] = Decimal(50)
    book.lot("TAX", "VTI", 900, 60)
    core = model_of(book)
    wanted = {("IRA", "BND"): 4_280.0, ("IRA", "AGG"): 651.0}
    ledger = rounded(core, {}, wanted)
    assert orders_of(ledger) == {
        ("IRA", "BND", "buy"): Decimal(43), ("IRA", "AGG", "buy"): Decimal(6),
    }  # fmt: skip


def test_the_share_more_stays_under_a_concentration_limit() -> None:
    book = drifted()
    book.lot("TAX", "VTI", 900, 60)
    book.limit("BND", "0.0409")
    ledger = rounded(model_of(book), {}, {("IRA", "BND"): 4_280.0})
    assert orders_of(ledger) == {("IRA", "BND", "buy"): Decimal(42)}


@pytest.mark.parametrize(("fee", "shares"), [(0, 21), (50, 21), (250, 23)])
def test_needed_cash_is_raised_beyond_the_orders_fee(fee: int, shares: int) -> None:
    """2,000 are due and 5 are there: 21 shares bring 2,100 less half a percent, then the fee."""
    book = drifted()
    book.account("NEEDY", cash=5, flow_reserve=2_000)
    book.terms("VTI", transaction_fee=Decimal(fee))
    lot = book.lot("NEEDY", "VTI", 900, 60)
    ledger = rounded(model_of(book), {lot: 2_006.0}, {})
    assert ledger.sold_lots == {lot: Decimal(shares)}
    assert ledger.spendable("NEEDY") >= 0


def test_a_sale_that_does_not_pay_its_own_fee_is_none() -> None:
    book = drifted()
    book.account("NEEDY", flow_reserve=20)
    book.terms("VTI", transaction_fee=Decimal(50), is_fractional=True)
    lot = book.lot("NEEDY", "VTI", "0.3", 60)
    book.lot("TAX", "VTI", 900, 60)
    ledger = rounded(model_of(book), {lot: 30.0}, {})
    assert orders_of(ledger) == {}


def test_a_harvest_spends_no_idle_cash_on_the_share_more() -> None:
    book = drifted()
    book.rows("dim_households")[0]["harvests_losses"] = True
    loss = book.lot("TAX", "VTI", 200, 140, RECENT)
    book.lot("TAX", "VTI", 420, 60)
    book.lot("IRA", "BND", 540, None)
    core = model_of(book)
    ledger = rounded(core, {loss: 20_000.0}, {("TAX", "ITOT"): 19_880.0})
    assert orders_of(ledger)["TAX", "ITOT", "buy"] == 198


def small_rest_of_a_locked_holding(need: int) -> SmallBook:
    """An IRA that lacks a little cash: of a locked holding three shares may go, below $544."""
    book = drifted()
    book.rows("dim_households")[0]["minimum_trade_amount"] = Decimal(544)
    book.account("NEEDY", "traditional_ira", cash=0, flow_reserve=need)
    book.terms("ITOT")
    book.lot("NEEDY", "ITOT", "3.2", 60)
    book.lot("NEEDY", "ITOT", 300, 60, is_frozen=True)
    book.constraint("NEEDY", "ITOT", sellable_quantity=Decimal("3.2"))
    book.lot("NEEDY", "VTI", 900, 60)
    return book


def test_a_sale_below_the_minimum_is_only_for_needed_cash() -> None:
    """The other sale covers the need: what is small and ends nothing is not sold besides."""
    book = small_rest_of_a_locked_holding(12)
    core = model_of(book)
    wanted = {_of_needy(core, "ITOT"): 320.0, _of_needy(core, "VTI"): 20_000.0}
    ledger = rounded(core, wanted, {})
    assert [key[1] for key in ledger.orders] == ["VTI"]


def test_a_sale_below_the_minimum_that_cash_needs_is_said_to_be_for_it() -> None:
    book = small_rest_of_a_locked_holding(120)
    core = model_of(book)
    ledger = rounded(core, {_of_needy(core, "ITOT"): 320.0}, {})
    (order,) = ledger.orders.values()
    assert order.quantity == 3
    assert order.main_purpose.reason_code == "RAISE_CASH"


def _of_needy(core: CoreModel, security_id: str) -> str:
    """The lot of a security that the account in need may sell."""
    (found,) = [
        sale.lot.lot_id
        for sale in core.problem.sales
        if (sale.account_id, sale.security_id) == ("NEEDY", security_id)
    ]
    return found


def beside_a_recent_lot(recent: str, spare: int = 0) -> tuple[CoreModel, str, str]:
    """A loss lot that may only be sold where the lot of last week goes to its last share."""
    book = drifted()
    bought = TRADE_DATE - timedelta(days=11)
    new = book.lot("TAX", "VTI", recent, 110, bought)
    old = book.lot("TAX", "VTI", 600, 120, OLD)
    if spare:
        book.lot("TAX", "VTI", spare, 60, OLD)
    book.window("VTI", no_loss_sale_until_date=bought + timedelta(days=30), is_exit_possible=True)
    policy = FirmPolicy(allow_full_exit_of_recent_lots=True)
    return model_of(book, policy), old, new


def test_a_loss_goes_where_the_recent_lot_beside_it_goes_whole() -> None:
    core, old, new = beside_a_recent_lot("10.4")
    ledger = rounded(core, {new: 1_040.0, old: 20_000.0}, {})
    assert ledger.sold_lots == {new: Decimal("10.4"), old: Decimal("200.6")}


def test_a_loss_stays_where_rounding_leaves_a_part_of_the_recent_lot() -> None:
    """The solution sells half of it: what stays would replace as many shares of the loss."""
    core, old, new = beside_a_recent_lot("10.4")
    ledger = rounded(core, {new: 520.0, old: 50_000.0}, {})
    assert old not in ledger.sold_lots
    assert ledger.sold_lots == {new: Decimal(6)}


def test_no_share_of_a_loss_beside_recent_shares_rounds_up_a_sale() -> None:
    core, old, new = beside_a_recent_lot("10.4")
    assert old
    ledger = rounded(core, {new: 1_040.0}, {})
    assert ledger.sold_lots == {new: Decimal(10)}


@pytest.mark.parametrize(("bought", "shares"), [(600.0, 26), (0.0, 27)])
def test_a_budget_for_gains_holds_where_an_account_that_needs_cash_buys_too(
    bought: float, shares: int
) -> None:
    """2,000 are due: a share less is bought before a share more is sold at a gain."""
    book = drifted()
    book.rows("dim_households")[0].update(
        annual_gains_budget=Decimal(1_000), minimum_trade_amount=Decimal(100)
    )
    book.account("NEEDY", cash=0, flow_reserve=2_000)
    book.constraint("NEEDY", "BND")
    lot = book.lot("NEEDY", "VTI", 900, 60)
    purchases = {("NEEDY", "BND"): bought} if bought else {}
    ledger = rounded(model_of(book), {lot: 2_640.0}, purchases)
    assert ledger.sold_lots == {lot: Decimal(shares)}
    assert ledger.spendable("NEEDY") >= 0


def test_lots_that_are_as_good_as_each_other_are_sold_one_after_the_other() -> None:
    """The solution takes a part of each of three; the largest holds all of it."""
    book = drifted()
    small, large, last = (book.lot("TAX", "VTI", shares, 60, OLD) for shares in (100, 400, 200))
    wanted = {small: 9_000.0, large: 1_000.0, last: 5_000.0}
    ledger = rounded(model_of(book), wanted, {})
    assert ledger.sold_lots == {large: Decimal(150)}


def change_left_over() -> tuple[SmallBook, str]:
    """A Roth without cash, whose purchases are of shares of $30, and a class far below its band."""
    book = drifted()
    book.rows("dim_households")[0]["minimum_trade_amount"] = Decimal(50)
    book.account("ROTH", "roth_ira", cash=0)
    for ticker in ("AGG", "ITOT"):
        book.constraint("ROTH", ticker)
        book.security_row(ticker)["price"] = Decimal(30)
    book.lot("TAX", "VTI", 900, 60)
    return book, book.lot("ROTH", "VTI", 100, None)


def test_money_that_rounding_a_sale_up_brings_is_spent_too() -> None:
    """11 shares bring 1,100 where 1,001 were wanted: three shares of 30 more can be paid."""
    book, lot = change_left_over()
    ledger = rounded(model_of(book), {lot: 1_001.0}, {("ROTH", "AGG"): 1_000.0})
    assert orders_of(ledger)["ROTH", "AGG", "buy"] == 33 + 2, "two for a purchase at most"


def test_change_goes_where_the_model_gains_most() -> None:
    """More of a share is lost of the stock fund, of which there is too much already."""
    book, lot = change_left_over()
    wanted = {("ROTH", "AGG"): 550.0, ("ROTH", "ITOT"): 527.0}
    orders = orders_of(rounded(model_of(book), {lot: 1_090.0}, wanted))
    assert orders["ROTH", "AGG", "buy"] == 18 + 1
    assert orders["ROTH", "ITOT", "buy"] == 17
