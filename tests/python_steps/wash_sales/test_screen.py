from datetime import date
from decimal import Decimal

import pytest

from python_steps.wash_sales.events import WashAccount
from python_steps.wash_sales.policy import DEFAULT_POLICY, WashSalePolicy, contested_readings
from python_steps.wash_sales.screen import (
    Holding,
    PastPurchase,
    PastSale,
    Proposal,
    ScheduledPurchase,
    ScreenState,
    screen_proposals,
)

TODAY = date(2026, 11, 20)
ACCOUNTS = [
    WashAccount("T", "taxable", "self"),
    WashAccount("IRA", "ira", "self"),
    WashAccount("K", "employer_plan", "self"),
    WashAccount("C", "taxable", "child", is_outside_group=True),
]


def _held(
    lot="L1", quantity=100, acquired=date(2024, 5, 1), cost=60, price=50, account="T", **more
):
    cost = None if cost is None else Decimal(cost)
    return Holding(account, "X", lot, Decimal(quantity), acquired, cost, Decimal(price), **more)


def _bought(day, quantity=10, lot="R", account="IRA", **more):
    return PastPurchase(day, account, "X", Decimal(quantity), lot, **more)


def _sold(day, quantity=100, gain=-5, account="T", **more):
    return PastSale(day, account, "X", Decimal(quantity), Decimal(gain), **more)


def _sell(quantity=100, lots=("L1",), account="T", day=TODAY):
    return Proposal(day, "sell", account, "X", Decimal(quantity), tuple(lots))


def _buy(quantity=10, account="IRA", day=TODAY, security="X", **more):
    return Proposal(day, "buy", account, security, Decimal(quantity), **more)


def _screen(*proposals, policy=DEFAULT_POLICY, **state):
    return screen_proposals(ScreenState(ACCOUNTS, **state), proposals, policy)


def test_loss_sale_without_any_purchase_is_allowed():
    (verdict,) = _screen(_sell(), holdings=[_held()])
    assert verdict.verdict == "allow"
    assert verdict.clear_on_date is None


def test_sale_in_a_retirement_account_has_no_loss_to_wash():
    (verdict,) = _screen(
        _sell(account="IRA"), holdings=[_held(account="IRA")], purchases=[_bought(TODAY)]
    )
    assert verdict.verdict == "allow"


def test_whole_loss_that_would_be_washed_is_blocked_until_the_thirty_first_day():
    (verdict,) = _screen(
        _sell(),
        holdings=[_held(), _held("R", 100, date(2026, 11, 1), account="IRA")],
        purchases=[_bought(date(2026, 11, 1), 100)],
    )
    assert verdict.verdict == "block"
    assert verdict.consequence == "permanent"
    assert verdict.clear_on_date == date(2026, 12, 2)
    assert "lost for good" in verdict.why


def test_recent_lot_in_holdings_counts_though_no_event_names_it():
    (verdict,) = _screen(_sell(), holdings=[_held(), _held("R", 30, date(2026, 11, 1))])
    assert (verdict.verdict, verdict.washed_quantity, verdict.max_clean_quantity) == (
        "resize",
        30,
        70,
    )


def test_rest_of_the_same_purchase_does_not_stand_in_the_way():
    held = [
        _held("A", 50, date(2026, 11, 1), order_id="O"),
        _held("B", 50, date(2026, 11, 1), order_id="O"),
    ]
    (verdict,) = _screen(_sell(50, ["A"]), holdings=held)
    assert verdict.verdict == "warn"
    assert "another fill of the same order" in verdict.why
    (verdict,) = _screen(_sell(20, ["A"]), holdings=held[:1])
    assert verdict.verdict == "allow"


def test_purchase_sold_again_before_the_loss_is_a_warning():
    (verdict,) = _screen(
        _sell(),
        holdings=[_held()],
        purchases=[_bought(date(2026, 11, 3), 40)],
        sales=[_sold(date(2026, 11, 9), 40, 1, account="IRA")],
    )
    assert (verdict.verdict, verdict.consequence) == ("warn", "permanent")
    assert verdict.clear_on_date == date(2026, 12, 4)


def test_scheduled_purchase_is_a_warning():
    (verdict,) = _screen(
        _sell(),
        holdings=[_held()],
        scheduled=[ScheduledPurchase(date(2026, 12, 15), "K", "X")],
    )
    assert (verdict.verdict, verdict.consequence) == ("warn", "permanent")
    assert "scheduled" in verdict.why


def test_scheduled_purchase_after_the_window_is_none():
    (verdict,) = _screen(
        _sell(),
        holdings=[_held()],
        scheduled=[ScheduledPurchase(date(2026, 12, 21), "K", "X")],
    )
    assert verdict.verdict == "allow"


def test_purchase_of_a_child_is_a_warning():
    (verdict,) = _screen(
        _sell(), holdings=[_held(), _held("R", 10, date(2026, 11, 1), account="C")]
    )
    assert verdict.verdict == "warn"
    assert "minor or a trust" in verdict.why


def test_plan_purchase_follows_the_policy_and_stays_a_warning():
    state = {"holdings": [_held(), _held("R", 10, date(2026, 11, 1), account="K")]}
    (verdict,) = _screen(_sell(), **state)
    assert verdict.verdict == "resize"
    (verdict,) = _screen(_sell(), policy=WashSalePolicy(employer_plan="ignore"), **state)
    assert verdict.verdict == "warn"


def test_batch_that_sells_at_a_loss_and_buys_the_group_elsewhere_is_blocked_both_ways():
    sale, buy = _screen(
        _sell(),
        _buy(150, security="Y"),
        holdings=[_held()],
        identity_groups={"X": "G", "Y": "G"},
    )
    assert (sale.verdict, buy.verdict) == ("block", "block")
    assert (sale.consequence, buy.consequence) == ("permanent", "permanent")
    assert sale.clear_on_date is buy.clear_on_date is None


def test_batch_of_different_groups_does_not_conflict():
    sale, buy = _screen(_sell(), _buy(security="Y"), holdings=[_held()])
    assert (sale.verdict, buy.verdict) == ("allow", "allow")


def test_batch_purchase_beyond_the_window_does_not_conflict():
    sale, buy = _screen(_sell(), _buy(day=date(2026, 12, 21)), holdings=[_held()])
    assert (sale.verdict, buy.verdict) == ("allow", "allow")


def test_gain_sale_and_purchase_in_one_batch_are_allowed():
    sale, buy = _screen(_sell(), _buy(), holdings=[_held(cost=40)])
    assert (sale.verdict, buy.verdict) == ("allow", "allow")


def test_buy_after_a_loss_that_other_shares_replaced_wholly_is_allowed():
    (verdict,) = _screen(
        _buy(),
        sales=[_sold(date(2026, 11, 10), 40)],
        purchases=[_bought(date(2026, 11, 12), 40, account="T")],
        holdings=[_held("R", 40, date(2026, 11, 12))],
    )
    assert verdict.verdict == "allow"


def test_buy_after_a_loss_that_only_a_plan_replaced_is_a_warning():
    (verdict,) = _screen(
        _buy(),
        sales=[_sold(date(2026, 11, 10), 40)],
        purchases=[_bought(date(2026, 11, 12), 40, account="K")],
        holdings=[_held("R", 40, date(2026, 11, 12), account="K")],
    )
    assert verdict.verdict == "warn"


def test_buy_is_clear_thirty_one_days_after_the_last_loss():
    (verdict,) = _screen(
        _buy(), sales=[_sold(date(2026, 11, 10), 40), _sold(date(2026, 11, 2), 40)]
    )
    assert (verdict.verdict, verdict.clear_on_date) == ("block", date(2026, 12, 11))


def test_unknown_basis_or_history_is_a_warning():
    (verdict,) = _screen(_sell(), holdings=[_held(cost=None)])
    assert verdict.verdict == "warn"
    (verdict,) = _screen(_sell(), holdings=[_held()], is_history_known=False)
    assert verdict.verdict == "warn"


def test_sale_of_more_than_is_held_is_blocked():
    (verdict,) = _screen(_sell(120), holdings=[_held()])
    assert (verdict.verdict, verdict.why) == ("block", "20 of the shares to be sold are not held.")


def test_sale_without_lots_sells_the_oldest_first():
    (verdict,) = _screen(
        _sell(100, ()),
        holdings=[_held("NEW", 100, date(2025, 5, 1)), _held("OLD", 100, cost=40)],
        purchases=[_bought(date(2026, 11, 12), 40)],
    )
    assert verdict.verdict == "allow"


def test_possible_purchase_by_contract_is_a_warning():
    (verdict,) = _screen(_buy(is_certain=False), sales=[_sold(date(2026, 11, 10))])
    assert verdict.verdict == "warn"


@pytest.mark.parametrize("seed", range(3))
def test_verdicts_do_not_depend_on_the_order_of_the_batch(seed):
    proposals = [_sell(), _buy(150), _buy(5, account="K")]
    rotated = proposals[seed:] + proposals[:seed]
    straight = dict(zip(proposals, _screen(*proposals, holdings=[_held()]), strict=True))
    assert dict(zip(rotated, _screen(*rotated, holdings=[_held()]), strict=True)) == straight


def test_readings_differ_from_the_policy_and_from_each_other():
    readings = [reading for _, reading in contested_readings(DEFAULT_POLICY)]
    assert DEFAULT_POLICY not in readings
    assert len(set(readings)) == len(readings)
