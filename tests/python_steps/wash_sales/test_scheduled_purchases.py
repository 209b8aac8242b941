"""Purchases to come, read off the history: IRC 1091(a), which reaches 30 days past a loss sale."""

from datetime import date, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from python_steps.wash_sales.ledger import reconcile_book
from python_steps.wash_sales.policy import DEFAULT_POLICY
from python_steps.wash_sales.scheduled_purchases import CADENCES
from tests.python_steps.wash_sales.book_frames import (
    ACCOUNTS,
    AS_OF,
    SECURITIES,
    TRADE_DATE,
    frames,
)

WINDOW = timedelta(days=30)
QUARTERLY = ("2025-12-18", "2026-03-18", "2026-06-18", "2026-09-18")
TWICE_A_YEAR = ("2025-12-18", "2026-06-18")
OLD = {"acquisition_date": "2024-01-10", "custodian_cost_basis": 40000}
TAXABLE_LOT = {"lot_id": "L1", "account_id": "JOINT", **OLD}
ROTH_LOT = {"lot_id": "R1", "account_id": "ROTH", **OLD}
PLAN = {
    "account_id": "PLAN",
    "account_name": "401(k)",
    "account_type": "401k",
    "tax_treatment": "tax_deferred",
}
PLAN_LOT = {"lot_id": "P1", "account_id": "PLAN", "security_id": "VTSAX", **OLD}


def _moves(days, account="ROTH", kind="REINVEST", **more):
    return [
        {
            "account_id": account,
            "transaction_key": f"{account}-{kind}-{number}",
            "transaction_date": str(day),
            "transaction_type": kind,
            "quantity": 0 if kind == "DIVIDEND" else 3,
            **more,
        }
        for number, day in enumerate(days)
    ]


def _windows(moves, lots=(TAXABLE_LOT, ROTH_LOT), accounts=(*ACCOUNTS, PLAN), **tables):
    night = frames(moves=moves, lots=lots, accounts=list(accounts), **tables)
    result = reconcile_book(night, DEFAULT_POLICY, AS_OF, TRADE_DATE)
    return result["wash_sale_windows"].to_pylist()


def _window(*arguments, **tables):
    (window,) = _windows(*arguments, **tables)
    return window


# -- reinvested dividends --------------------------------------------------------------------------


def test_next_quarterly_reinvestment_in_the_roth_bars_a_loss_sale_in_the_joint_account():
    # IRC 1091(a): "ending 30 days after"; Rev. Rul. 2008-5: the owner's Roth IRA counts.
    window = _window(_moves(QUARTERLY))
    assert window["identity_group_id"] == "TOTAL"
    assert window["no_loss_sale_until_date"] == date(2026, 12, 18) + WINDOW
    assert window["no_buy_until_date"] is None
    assert window["coverage"] == "known"
    assert window["caused_by"] == (
        "Dividends of VTI are reinvested quarterly in Roth IRA, last on 2026-09-18; "
        "next about 2026-12-18, as estimated from its history."
    )


def test_two_reinvestments_tell_a_cadence_and_every_account_that_will_buy_is_named():
    moves = [*_moves(TWICE_A_YEAR), *_moves(TWICE_A_YEAR, "JOINT")]
    window = _window(moves)
    assert window["no_loss_sale_until_date"] == date(2026, 12, 18) + WINDOW
    assert "twice a year in Joint brokerage" in window["caused_by"]
    assert window["caused_by"].endswith("Purchases are expected in Roth IRA too.")


def test_latest_of_several_expected_purchases_decides_the_window():
    later = ("2026-03-24", "2026-06-24", "2026-09-24")
    window = _window([*_moves(QUARTERLY), *_moves(later, "JOINT")])
    assert window["no_loss_sale_until_date"] == date(2026, 12, 24) + WINDOW
    assert "2026-12-24" in window["caused_by"]


def test_purchase_already_made_is_told_before_the_one_to_come():
    window = _window(_moves(("2026-09-03", "2026-10-02", "2026-11-03")))
    assert window["no_loss_sale_until_date"] == date(2026, 12, 3) + WINDOW
    assert window["caused_by"].startswith("Dividends of VTI were reinvested on 2026-11-03")
    assert window["is_exit_possible"] is False, "what will be bought cannot be sold"
    # 30 days after one and 30 days before the next overlap while the gap is 60 days or less.
    assert window["caused_by"].endswith("No loss sale is clean while this goes on.")


@pytest.mark.parametrize(
    ("last", "is_inside"),
    [
        # 30 December less ten days is the thirtieth day after the sale; one day later is not.
        (("2026-03-30", "2026-06-30", "2026-09-30"), True),
        (("2026-03-31", "2026-07-01", "2026-10-01"), False),
    ],
)
def test_estimated_date_is_inside_as_far_as_its_uncertainty_reaches(last, is_inside):
    assert bool(_windows(_moves(last))) == is_inside


def test_next_month_without_that_day_of_the_month_has_its_last_day():
    moves = _moves(("2026-05-31", "2026-08-31"))
    assert _window(moves)["no_loss_sale_until_date"] == date(2026, 11, 30) + WINDOW


def test_one_reinvestment_has_no_cadence_and_a_purchase_is_assumed():
    window = _window(_moves(("2026-06-18",)))
    assert window["no_loss_sale_until_date"] == TRADE_DATE + 2 * WINDOW
    assert window["caused_by"] == (
        "Dividends of VTI were reinvested in Roth IRA, last on 2026-06-18; its history does not "
        "show how often: a purchase by 2026-12-20 is assumed."
    )


def test_unusual_intervals_are_no_cadence_either():
    window = _window(_moves(("2026-06-01", "2026-07-16", "2026-09-24")))
    assert "does not show how often" in window["caused_by"]


def test_one_reinvestment_of_long_ago_has_ended():
    # Two of the rarest usual intervals, and its three weeks, have gone by.
    first_kept = TRADE_DATE - timedelta(days=2 * 365 + 21)
    assert _windows(_moves((first_kept,)))
    assert not _windows(_moves((first_kept - timedelta(days=1),)))


def test_overdue_reinvestment_may_come_any_day():
    window = _window(_moves(("2026-03-01", "2026-06-01")))
    assert window["no_loss_sale_until_date"] == TRADE_DATE + WINDOW
    assert "the one expected about 2026-09-01 has not come yet" in window["caused_by"]


@pytest.mark.parametrize(("last", "is_expected"), [("2026-05-10", True), ("2026-05-09", False)])
def test_series_has_ended_when_two_dates_were_missed(last, is_expected):
    assert bool(_windows(_moves(("2026-02-09", last)))) == is_expected


def test_second_distribution_of_december_does_not_hide_the_quarterly_ones():
    moves = _moves(("2026-03-20", "2026-06-19", "2026-06-29", "2026-09-18"))
    assert _window(moves)["no_loss_sale_until_date"] == date(2026, 12, 18) + WINDOW


def test_shortest_interval_that_is_not_missed_twice_decides():
    # A monthly gap once, then quarterly ones: the month has long been missed twice.
    moves = _moves(("2026-02-10", "2026-03-12", "2026-06-12", "2026-09-12"))
    assert _window(moves)["no_loss_sale_until_date"] == date(2026, 12, 12) + WINDOW


def test_fills_of_neighbouring_days_are_one_payment():
    moves = _moves(("2026-03-18", "2026-03-19", "2026-06-18", "2026-06-20", "2026-09-18"))
    assert "quarterly" in _window(moves)["caused_by"]


def test_reinvested_lots_tell_what_no_file_of_transactions_does():
    lots = [
        {
            "lot_id": f"D{number}",
            "account_id": "ROTH",
            "acquisition_date": day,
            "custodian_cost_basis": 900,
            "acquisition_type": "REINVEST",
        }
        for number, day in enumerate(QUARTERLY)
    ]
    window = _window([], lots=[TAXABLE_LOT, *lots])
    assert window["no_loss_sale_until_date"] == date(2026, 12, 18) + WINDOW


# -- reinvestments delivered as trades -------------------------------------------------------------


def test_purchase_on_the_day_of_the_dividend_is_a_reinvestment():
    moves = [*_moves(TWICE_A_YEAR, kind="DIVIDEND"), *_moves(TWICE_A_YEAR, kind="BUY")]
    window = _window(moves)
    assert window["caused_by"].startswith("Dividends of VTI are reinvested twice a year")
    assert window["no_loss_sale_until_date"] == date(2026, 12, 18) + WINDOW


def test_purchase_some_days_after_the_dividend_is_a_reinvestment():
    bought = ("2026-03-20", "2026-06-21")
    moves = [*_moves(("2026-03-18", "2026-06-18"), kind="DIVIDEND"), *_moves(bought, kind="BUY")]
    assert "reinvested quarterly" in _window(moves)["caused_by"]


def test_purchase_beside_an_older_dividend_is_none_when_the_newest_was_paid_out():
    moves = [*_moves(QUARTERLY, kind="DIVIDEND"), *_moves(QUARTERLY[:1], kind="BUY")]
    assert _windows(moves) == []


def test_dividend_of_yesterday_does_not_say_yet_that_the_plan_has_ended():
    paid = (*QUARTERLY, "2026-11-18")
    moves = [*_moves(paid, kind="DIVIDEND"), *_moves(QUARTERLY, kind="BUY")]
    assert "reinvested" in _window(moves)["caused_by"]


def test_dividend_of_another_account_makes_no_reinvestment():
    moves = [*_moves(TWICE_A_YEAR, "JOINT", "DIVIDEND"), *_moves(TWICE_A_YEAR, kind="BUY")]
    assert _windows(moves) == []


# -- standing purchases ----------------------------------------------------------------------------


def _payroll(*days):
    return _windows(_moves(days, "PLAN", "BUY", security_id="VTSAX"), lots=[TAXABLE_LOT, PLAN_LOT])


def test_payroll_purchase_of_an_identical_fund_bars_loss_sales():
    (window,) = _payroll("2026-09-15", "2026-10-15", "2026-11-16")
    assert window["no_loss_sale_until_date"] == date(2026, 12, 16) + WINDOW
    assert "VTSAX is bought monthly in 401(k), last on 2026-11-16" in window["caused_by"]


def test_two_purchases_are_no_standing_order():
    # The window is that of the purchase of 16 November alone.
    (window,) = _payroll("2026-10-15", "2026-11-16")
    assert window["no_loss_sale_until_date"] == date(2026, 11, 16) + WINDOW


def test_purchases_without_a_rhythm_are_not_expected_again():
    assert _payroll("2026-02-19", "2026-05-12", "2026-08-14", "2026-09-11") == []


def test_one_skipped_payroll_does_not_end_the_rhythm():
    (window,) = _payroll("2026-09-04", "2026-09-18", "2026-10-16", "2026-10-30", "2026-11-13")
    assert "every two weeks" in window["caused_by"]
    assert window["no_loss_sale_until_date"] == date(2026, 11, 27) + WINDOW


# -- whose purchases count -------------------------------------------------------------------------


def test_position_that_is_sold_reinvests_no_more():
    other_roth_lot = ROTH_LOT | {"security_id": "BND"}
    assert _windows(_moves(QUARTERLY), lots=[TAXABLE_LOT, other_roth_lot]) == []


def test_account_whose_lots_nobody_delivers_is_taken_to_hold_on():
    assert _windows(_moves(QUARTERLY), lots=[TAXABLE_LOT])


def test_nothing_is_told_of_what_no_taxable_account_holds():
    assert _windows(_moves(QUARTERLY), lots=[ROTH_LOT]) == []


def test_money_market_dividends_bar_nothing():
    # Rev. Proc. 2014-45: IRC 1091 does not reach them.
    moves = _moves(QUARTERLY, security_id="SPAXX")
    lots = [row | {"security_id": "SPAXX"} for row in (TAXABLE_LOT, ROTH_LOT)]
    assert _windows(moves, lots=lots) == []


def test_other_wash_sale_groups_and_accounts_that_do_not_count_bar_nothing():
    child = ROTH_LOT | {"account_id": "CHILD"}
    window = _window(_moves(QUARTERLY, "CHILD"), lots=[TAXABLE_LOT, child])
    assert window["wash_sale_group_id"] == "W2"
    accounts = [
        row | {"counts_for_wash_sales": False} if row["account_id"] == "ROTH" else row
        for row in ACCOUNTS
    ]
    assert _windows(_moves(QUARTERLY), accounts=accounts) == []


def _held_away(history_from):
    return [
        {
            "account_id": account["account_id"],
            "is_held_away": account["account_id"] == "ROTH",
            "history_from_date": history_from if account["account_id"] == "ROTH" else "2024-01-01",
        }
        for account in (*ACCOUNTS, PLAN)
    ]


@pytest.mark.parametrize(
    ("history_from", "is_assumed"), [("2025-10-30", False), ("2025-10-31", True)]
)
def test_held_away_account_known_for_less_than_a_year_is_assumed_to_buy(history_from, is_assumed):
    # A yearly distribution, three weeks late, would not have been seen.
    windows = _windows([], coverage=_held_away(history_from))
    assert bool(windows) == is_assumed
    if is_assumed:
        assert windows[0]["no_loss_sale_until_date"] == TRADE_DATE + 2 * WINDOW
        assert windows[0]["caused_by"] == (
            "All purchases of VTI in Roth IRA of the last year are not known: one by 2026-12-20 "
            "is assumed."
        )


def test_held_away_cadence_that_is_known_is_not_assumed_besides():
    window = _window(_moves(QUARTERLY), coverage=_held_away("2025-12-01"))
    assert window["no_loss_sale_until_date"] == date(2026, 12, 18) + WINDOW


def test_held_away_plan_is_never_taken_to_have_ended():
    moves = _moves(("2025-02-09", "2025-05-09"))
    assert _windows(moves, coverage=_held_away("2024-01-01"))
    assert _windows(moves) == []


def test_expected_purchase_is_told_beside_a_history_that_is_not_known():
    coverage = [
        row if row["account_id"] != "OTHER" else row | {"history_from_date": None}
        for row in _held_away("2024-01-01")
    ]
    window = _window(_moves(QUARTERLY), coverage=coverage)
    assert window["coverage"] == "unknown"
    assert window["no_loss_sale_until_date"] == date(2026, 12, 18) + WINDOW


# -- properties ------------------------------------------------------------------------------------

_DAYS = st.dates(date(2025, 1, 1), AS_OF)
_ROWS = st.lists(
    st.tuples(
        _DAYS,
        st.sampled_from(["JOINT", "OTHER", "ROTH", "PLAN"]),
        st.sampled_from(["VTI", "VTSAX", "BND"]),
        st.sampled_from(["REINVEST", "BUY", "DIVIDEND", "SELL"]),
    ),
    max_size=25,
)
_ALL_LOTS = [
    {"lot_id": f"{account}-{security['security_id']}", "account_id": account, **OLD}
    | {"security_id": security["security_id"]}
    for account in ("JOINT", "ROTH", "PLAN")
    for security in SECURITIES
]


@settings(max_examples=60, deadline=None)
@given(rows=_ROWS, data=st.data())
def test_result_does_not_depend_on_the_order_of_rows(rows, data):
    moves = [
        move | {"transaction_key": f"T{number}"}
        for number, (day, account, security, kind) in enumerate(rows)
        for move in _moves((day,), account, kind, security_id=security)
    ]
    shuffled = data.draw(st.permutations(moves))
    lots = data.draw(st.permutations(_ALL_LOTS))
    assert _windows(moves, lots=_ALL_LOTS) == _windows(shuffled, lots=lots)


@settings(max_examples=150, deadline=None)
@given(
    cadence=st.sampled_from(CADENCES),
    next_in=st.integers(0, 30),
    jitter=st.lists(st.integers(-1, 1), min_size=5, max_size=5),
    kind=st.sampled_from(["REINVEST", "BUY"]),
)
@example(cadence=CADENCES[3], next_in=30, jitter=[1, -1, 1, -1, 1], kind="REINVEST")
def test_no_purchase_of_a_steady_plan_comes_unexpected(cadence, next_in, jitter, kind):
    """Whatever the rhythm, the purchase that then comes inside the window has a window."""
    coming = TRADE_DATE + timedelta(days=next_in)
    days = [
        coming - timedelta(days=cadence.days * (number + 1) + shift)
        for number, shift in enumerate(jitter)
    ]
    past = [day for day in days if day <= AS_OF]
    if len(past) < 3:
        past = past + [min(past) - timedelta(days=cadence.days * step) for step in (1, 2)]
    window = _window(_moves(past, kind=kind))
    assert window["no_loss_sale_until_date"] >= coming
    assert window["caused_by"]
