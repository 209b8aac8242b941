"""Fund shares held six months or less, sold at a loss after distributions (IRC 852(b)(4))."""

from __future__ import annotations

import pytest

from python_steps.wash_sales.ledger import reconcile_book
from python_steps.wash_sales.policy import DEFAULT_POLICY
from tests.python_steps.wash_sales.book_frames import AS_OF, SECURITIES, TRADE_DATE, frames

MUNICIPAL = {
    "security_id": "VTEB",
    "ticker": "VTEB",
    "identity_group_id": "MUNI",
    "sub_class": "Municipal",
}
STOCK = {
    "security_id": "KO",
    "ticker": "KO",
    "identity_group_id": "KO",
    "security_type": "EQUITY",
}


def messages(*moves, security="VTI", acquired="2026-06-01", sold="2026-11-05", basis=10000, **more):
    closed = {
        "closed_lot_key": "C1",
        "security_id": security,
        "acquisition_date": acquired,
        "disposal_date": sold,
        "proceeds": 9000,
        "cost_basis": basis,
    }
    result = reconcile_book(
        frames(closed=[closed | more], moves=moves, securities=[*SECURITIES, MUNICIPAL, STOCK]),
        DEFAULT_POLICY,
        AS_OF,
        TRADE_DATE,
    )
    return [
        row["message"]
        for row in result["findings"].to_pylist()
        if row["rule"] == "fund_held_six_months"
    ]


def paid(amount, kind="CAP_GAIN_LT", day="2026-08-03", security="VTI", **more):
    row = {"transaction_key": f"{kind} {day}", "transaction_type": kind, "quantity": None}
    row |= {"transaction_date": day, "net_amount": amount, "security_id": security}
    return row | more


def test_a_short_loss_is_long_term_as_far_as_long_term_gain_was_distributed():
    (message,) = messages(paid(300), paid(20, day="2026-09-01"))
    assert "at a loss of $1,000.00 within six months: up to $320.00 of it is long-term" in message


def test_exempt_interest_disallows_first_and_no_more_than_the_loss():
    (message,) = messages(
        paid(900, "DIVIDEND", security="VTEB"), paid(300, security="VTEB"), security="VTEB"
    )
    assert "up to $900.00 of it is disallowed by exempt-interest dividends" in message
    assert "up to $100.00 of it is long-term" in message


@pytest.mark.parametrize(
    ("moves", "sale"),
    [
        ([], {}),
        ([paid(300)], {"basis": 8000}),  # a gain
        ([paid(300)], {"acquired": "2026-05-04"}),  # six months and a day: Rev. Rul. 66-7
        ([paid(300)], {"acquired": None}),
        ([paid(300, day="2026-06-01")], {}),  # not yet held
        ([paid(300, day="2026-11-17")], {}),  # declared after the sale
        ([paid(-300)], {}),  # reversed
        ([paid(300, "DIVIDEND")], {}),  # a taxable dividend changes nothing
        ([paid(300, account_id="OTHER")], {}),
        ([paid(300, security="KO")], {"security": "KO"}),  # no fund
        ([paid(300)], {"account_id": "ROTH"}),
    ],
)
def test_other_sales_are_not_told(moves, sale):
    assert messages(*moves, **sale) == []


def test_six_months_to_the_day_are_not_more_than_six_months():
    assert messages(paid(300), acquired="2026-05-05")


def test_a_loss_that_is_washed_in_full_has_nothing_left_to_change():
    result = reconcile_book(
        frames(
            closed=[
                {
                    "closed_lot_key": "C1",
                    "acquisition_date": "2026-06-01",
                    "disposal_date": "2026-11-05",
                    "proceeds": 9000,
                    "cost_basis": 10000,
                }
            ],
            lots=[{"lot_id": "L1", "acquisition_date": "2026-11-10", "account_id": "ROTH"}],
            moves=[paid(300)],
        ),
        DEFAULT_POLICY,
        AS_OF,
        TRADE_DATE,
    )
    assert "fund_held_six_months" not in result["findings"]["rule"].to_pylist()
