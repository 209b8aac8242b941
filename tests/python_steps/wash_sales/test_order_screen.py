"""One order against a night's rows: IRC 1091, Rev. Rul. 2008-5; what is not known bars a loss."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from python_steps.wash_sales.order_screen import (
    NightFacts,
    Order,
    OrderError,
    check_day,
    first_day_that_matters,
    identity_of,
    judge_order,
)
from python_steps.wash_sales.policy import DEFAULT_POLICY

NIGHT = date(2026, 11, 19)
NEXT = date(2026, 11, 20)


def _account(account_id, treatment="taxable", kind="taxable_joint", **more):
    return {
        "account_id": account_id,
        "account_name": account_id.title(),
        "household_id": "H1",
        "account_type": kind,
        "tax_treatment": treatment,
        "tax_unit_id": "U1",
        "wash_sale_group_id": "W1",
        "counts_for_wash_sales": True,
        "custodian": "ALPINE",
        "account_state": "complete",
    } | more


def _lot(lot_id, quantity, cost, day=date(2026, 2, 2), account="JOINT", kind="PURCHASE"):
    return {
        "account_id": account,
        "lot_id": lot_id,
        "security_id": "VTI",
        "quantity": Decimal(quantity),
        "acquisition_date": day,
        "cost_basis": None if cost is None else Decimal(cost),
        "acquisition_type": kind,
    }


JOINT = _account("JOINT")
ROTH = _account("ROTH", "tax_free", "roth_ira")
FACTS = NightFacts(
    as_of_date=NIGHT,
    account=JOINT,
    security={"security_id": "VTI", "ticker": "VTI", "identity_group_id": "TOTAL"},
    accounts=[JOINT, ROTH],
    securities={"VTI": Decimal(100)},
    lots=[_lot("GAIN", 10, 500), _lot("LOSS", 10, 1500)],
    sales=[],
    planned=[],
    window=None,
    unseen=[],
)
WINDOW = {
    "no_buy_until_date": date(2026, 12, 1),
    "no_loss_sale_until_date": date(2026, 12, 5),
    "caused_by": "something that no lot shows.",
    "coverage": "known",
}


def judged(order, **changes):
    return judge_order(order, replace(FACTS, **changes), DEFAULT_POLICY)


def sell(*lot_ids, quantity=None, day=NEXT):
    return Order("sell", day, quantity, lot_ids)


BUY = Order("buy", NEXT)


def test_a_sale_takes_all_shares_and_a_purchase_is_any():
    verdict, quantity = judged(sell("LOSS"))
    assert (verdict.verdict, quantity) == ("allow", 10)
    assert judged(sell())[1] == 20
    assert judged(BUY)[1] is None
    assert judged(Order("buy", NEXT, Decimal(3)))[1] == 3


def test_a_lot_bought_in_the_window_washes_the_loss_for_good_in_a_retirement_account():
    recent = _lot("NEW", 4, 400, date(2026, 11, 2), "ROTH")
    verdict, _ = judged(sell("LOSS"), lots=[*FACTS.lots, recent])
    assert (verdict.verdict, verdict.consequence) == ("resize", "permanent")
    assert (verdict.washed_quantity, verdict.max_clean_quantity) == (4, 6)
    # What was inherited is no purchase: it replaces nothing.
    left = _lot("NEW", 4, 400, date(2026, 11, 2), "ROTH", "INHERITED")
    assert judged(sell("LOSS"), lots=[*FACTS.lots, left])[0].verdict == "allow"


def test_a_sale_at_a_loss_bars_a_purchase_in_every_account():
    sale = {
        "disposal_date": date(2026, 11, 5),
        "account_id": "JOINT",
        "security_id": "VTI",
        "quantity": Decimal(10),
        "proceeds": Decimal(900),
        "cost_basis": Decimal(1000),
        "closed_lot_key": "C1",
        "part": 1,
    }
    verdict, _ = judged(BUY, sales=[sale], account=ROTH)
    assert (verdict.verdict, verdict.consequence) == ("block", "permanent")
    assert verdict.clear_on_date == date(2026, 12, 6)


@pytest.mark.parametrize(
    ("order", "verdict", "clear"),
    [
        (BUY, "block", date(2026, 12, 2)),
        (replace(BUY, day=date(2026, 12, 2)), "allow", None),
        (sell("LOSS"), "block", date(2026, 12, 6)),
        (sell("LOSS", day=date(2026, 12, 7)), "allow", None),
        (sell("GAIN"), "allow", None),
        (sell(), "block", date(2026, 12, 6)),
    ],
)
def test_the_nights_window_bars_what_no_lot_shows(order, verdict, clear):
    found, _ = judged(order, window=WINDOW)
    assert (found.verdict, found.clear_on_date) == (verdict, clear)
    assert ("something that no lot shows" in found.why) == (verdict == "block")


def test_a_loss_is_barred_where_purchases_are_not_all_known():
    window = WINDOW | {
        "no_buy_until_date": None, "no_loss_sale_until_date": None, "coverage": "unknown"
    }  # fmt: skip
    assert judged(sell("LOSS"), window=window)[0].verdict == "block"
    assert judged(sell("GAIN"), window=window)[0].verdict == "allow"
    assert judged(BUY, window=window)[0].verdict == "allow"


def test_an_account_that_is_not_seen_bars_a_loss_and_warns_of_a_purchase():
    unseen = ["Late trust at MESA"]
    for order, verdict in ((sell("LOSS"), "block"), (BUY, "warn"), (sell("GAIN"), "allow")):
        found, _ = judged(order, unseen=unseen)
        assert found.verdict == verdict
        assert ("Late trust at MESA" in found.why) == (verdict != "allow")


def test_a_loss_in_a_retirement_account_is_none():
    found, _ = judged(
        sell("IRA"),
        account=ROTH,
        lots=[_lot("IRA", 10, 1500, account="ROTH")],
        window=WINDOW | {"coverage": "unknown"},
    )
    assert found.verdict == "allow"


@pytest.mark.parametrize(
    ("order", "changes", "words"),
    [
        (sell("NO SUCH"), {}, "has no lot NO SUCH of VTI"),
        (sell("LOSS", quantity=Decimal(11)), {}, "holds 10 VTI in these lots, not 11"),
        (sell(quantity=Decimal(0)), {}, "must be more than 0"),
        (Order("buy", NEXT, None, ("LOSS",)), {}, "lots are named for a sale only"),
        (sell(), {"lots": []}, "knows of no VTI in Joint"),
        (
            sell(),
            {"lots": [], "account": JOINT | {"account_state": "waiting_for_feed"}},
            "whose files of ALPINE did not come",
        ),
        (sell(), {"securities": {"VTI": None}}, "has no price on 2026-11-19"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_reason(order, changes, words):
    with pytest.raises(OrderError, match=words):
        judged(order, **changes)


def test_a_night_judges_later_sessions_only():
    check_day(NEXT, NIGHT)
    for day, words in ((NIGHT, "cannot be judged"), (date(2026, 11, 26), "exchange is closed")):
        with pytest.raises(OrderError, match=words):
            check_day(day, NIGHT)


def test_purchases_and_sales_since_31_days_matter():
    assert first_day_that_matters(NIGHT, DEFAULT_POLICY) == date(2026, 10, 19)
    assert identity_of({"security_id": "NEW", "identity_group_id": None}) == "NEW"


def _planned(action, loss=0, account="JOINT", day=NEXT):
    return {
        "trade_id": "T1",
        "account_id": account,
        "account_name": account.title(),
        "action": action,
        "security_id": "VTI",
        "ticker": "VTI",
        "quantity": Decimal("7.50"),
        "realized_short_term_loss": Decimal(loss),
        "realized_long_term_loss": Decimal(0),
        "planned_trade_date": day,
    }


LOSS_TONIGHT = _planned("sell", -300)


@pytest.mark.parametrize(("account", "fate"), [(JOINT, "deferred"), (ROTH, "permanent")])
def test_what_tonights_plan_sells_at_a_loss_is_not_bought(account, fate):
    verdict, _ = judged(BUY, account=account, planned=[LOSS_TONIGHT])
    assert (verdict.verdict, verdict.consequence) == ("block", fate)
    assert verdict.clear_on_date == date(2026, 12, 21)
    assert "sells 7.5 VTI at a loss in Joint on 2026-11-20 (trade T1)" in verdict.why
    assert "Clear on 2026-12-21 if that sale is executed." in verdict.why


@pytest.mark.parametrize(
    ("order", "planned"),
    [
        (BUY, _planned("sell")),  # no loss
        (BUY, _planned("buy")),
        (Order("buy", date(2026, 12, 21)), LOSS_TONIGHT),  # the 31st day after the sale
        (sell("LOSS"), LOSS_TONIGHT),
        (sell("GAIN"), _planned("buy")),
        (sell("LOSS", day=date(2026, 12, 21)), _planned("buy")),
    ],
)
def test_a_proposed_trade_that_washes_nothing_with_the_order_is_no_obstacle(order, planned):
    assert judged(order, planned=[planned])[0].verdict == "allow"


@pytest.mark.parametrize(("account", "fate"), [("JOINT", "deferred"), ("ROTH", "permanent")])
def test_a_loss_is_not_sold_beside_a_purchase_of_tonights_plan(account, fate):
    verdict, _ = judged(sell("LOSS"), planned=[_planned("buy", account=account)])
    assert (verdict.verdict, verdict.consequence) == ("block", fate)
    assert verdict.clear_on_date == date(2026, 12, 21)
    assert f"buys 7.5 VTI in {account.title()} on 2026-11-20 (trade T1)" in verdict.why


def test_the_last_obstacle_says_when_the_order_is_clear():
    verdict, _ = judged(BUY, window=WINDOW, planned=[LOSS_TONIGHT])
    assert (verdict.verdict, verdict.clear_on_date) == ("block", date(2026, 12, 21))
    assert "something that no lot shows" in verdict.why
    assert "trade T1" in verdict.why
    endless = WINDOW | {"no_loss_sale_until_date": None, "coverage": "unknown"}
    verdict, _ = judged(sell("LOSS"), window=endless, planned=[_planned("buy")])
    assert (verdict.verdict, verdict.clear_on_date) == ("block", None)


def test_a_loss_of_tonight_in_another_group_of_the_household_is_a_warning():
    child = _account("CHILD", kind="utma", wash_sale_group_id="W9", tax_unit_id="U9")
    accounts = [JOINT, ROTH, child]
    verdict, _ = judged(BUY, account=child, accounts=accounts, planned=[LOSS_TONIGHT])
    assert (verdict.verdict, "contested" in verdict.why) == ("warn", True)
    severe = replace(DEFAULT_POLICY, outside_accounts="include")
    facts = replace(FACTS, account=child, accounts=accounts, planned=[LOSS_TONIGHT])
    assert judge_order(BUY, facts, severe)[0].verdict == "block"
