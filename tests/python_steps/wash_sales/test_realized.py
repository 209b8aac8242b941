"""Realized lots: what the household's sales brought after wash sales anywhere in it (IRC 1091)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from python_steps.wash_sales.ledger import reconcile_book
from python_steps.wash_sales.policy import DEFAULT_POLICY
from tests.python_steps.wash_sales.book_frames import AS_OF, TRADE_DATE, frames


def realized(**tables):
    result = reconcile_book(frames(**tables), DEFAULT_POLICY, AS_OF, TRADE_DATE)
    return {
        (row["closed_lot_key"], row["part"]): row for row in result["realized_lots"].to_pylist()
    }


def closed(key, sold, proceeds, basis, **more):
    row = {"closed_lot_key": key, "disposal_date": sold, "proceeds": proceeds, "cost_basis": basis}
    return row | more


def lot(lot_id, day, basis=9500, **more):
    return {"lot_id": lot_id, "acquisition_date": day, "custodian_cost_basis": basis} | more


def test_a_sale_that_no_wash_sale_touches_keeps_the_custodians_numbers():
    (row,) = realized(closed=[closed("C1", "2026-11-05", 12000, 10000)]).values()
    assert (row["proceeds"], row["cost_basis"], row["recognized_gain"]) == (12000, 10000, 2000)
    assert (row["disallowed_loss"], row["permanently_disallowed_loss"]) == (0, 0)
    # Bought 2024-02-01: long from 2025-02-02 (Rev. Rul. 66-7).
    assert row["term"] == "long"


def test_a_loss_that_another_account_washes_is_not_recognized():
    rows = realized(
        closed=[closed("C1", "2026-11-05", 9000, 10000)],
        lots=[lot("L1", "2026-11-10", account_id="OTHER", quantity=40)],
    )
    # 40 of 100 shares replaced: Reg. 1.1091-1(c).
    assert sum(row["disallowed_loss"] for row in rows.values()) == 400
    assert sum(row["recognized_gain"] for row in rows.values()) == -600
    assert sum(row["quantity"] for row in rows.values()) == 100


def test_a_loss_that_an_ira_washes_is_gone_for_good():
    rows = realized(
        closed=[closed("C1", "2026-11-05", 9000, 10000)],
        lots=[lot("L1", "2026-11-10", account_id="ROTH", quantity=100)],
    )
    # Rev. Rul. 2008-5.
    assert sum(row["permanently_disallowed_loss"] for row in rows.values()) == 1000
    assert sum(row["recognized_gain"] for row in rows.values()) == 0


def test_shares_that_carried_a_loss_are_sold_with_it_in_their_basis():
    rows = realized(
        closed=[
            closed("C1", "2026-06-01", 9000, 10000),
            closed("C2", "2026-11-05", 12000, 9500, account_id="OTHER")
            | {"acquisition_date": "2026-06-10"},
        ],
    )
    (later,) = [row for (key, _), row in rows.items() if key == "C2"]
    assert later["cost_basis"] == 10500
    assert later["recognized_gain"] == 1500
    assert later["acquisition_date"] == date(2026, 6, 10)
    # The days of the loss shares are tacked on: IRC 1223(3). 2024-02-01 to 2026-06-01 is 851 days.
    assert later["holding_period_start_date"] < date(2025, 1, 1)
    assert later["term"] == "long"


def test_what_is_unknown_stays_unknown_and_a_result_alone_is_enough():
    rows = realized(
        closed=[
            closed("C1", "2026-11-05", 9000, None),
            closed("C2", "2026-11-06", 9000, None, realized_gain=500),
            closed("C3", "2026-11-06", 100, 50, quantity=None),
        ]
    )
    assert rows["C1", 1]["recognized_gain"] is None
    assert (rows["C2", 1]["cost_basis"], rows["C2", 1]["recognized_gain"]) == (8500, 500)
    assert rows["C3", 1]["quantity"] is None


def test_without_an_acquisition_date_the_custodians_term_stands():
    rows = realized(
        closed=[
            closed("C1", "2026-11-05", 9000, 1000, acquisition_date=None, term="LONG"),
            closed("C2", "2026-11-05", 9000, 1000, acquisition_date=None, term="UNKNOWN"),
        ]
    )
    assert [rows[key, 1]["term"] for key in ("C1", "C2")] == ["long", None]


@pytest.mark.parametrize("basis", [8000, 10000], ids=["gain", "loss"])
@pytest.mark.parametrize(
    ("acquired", "stated", "term"),
    [
        ("2026-08-03", "LONG", "long"),  # inherited: IRC 1223(9); or tacked: 1223(2)-(3)
        ("2026-08-03", "SHORT", "short"),
        ("2026-08-03", "UNKNOWN", "short"),
        ("2025-11-05", "LONG", "short"),  # the anniversary is miscounted often: Rev. Rul. 66-7
        ("2025-11-06", "LONG", "long"),
        ("2024-08-05", "SHORT", "long"),
        (None, "LONG", "long"),
        (None, "SHORT", "short"),
        (None, "UNKNOWN", None),
    ],
)
def test_the_term_of_a_sale_by_its_dates_and_by_what_only_the_custodian_knows(
    basis, acquired, stated, term
):
    row = closed("C1", "2026-11-05", 9000, basis, acquisition_date=acquired, term=stated)
    (found,) = realized(closed=[row]).values()
    assert found["term"] == term


def test_retirement_accounts_and_years_already_filed_have_no_rows():
    assert (
        realized(
            closed=[
                closed("C1", "2026-11-05", 9000, 1000, account_id="ROTH"),
                closed("C2", "2024-12-31", 9000, 1000),
            ]
        )
        == {}
    )
    assert len(realized(closed=[closed("C3", "2025-01-02", 9000, 1000)])) == 1


def test_every_share_of_a_matched_sale_is_told_once():
    rows = realized(
        closed=[
            closed("C1", "2026-11-05", 9000, 10000),
            closed("C2", "2026-11-05", 7000, 10000),
        ],
        lots=[lot("L1", "2026-11-10", quantity=Decimal("12.5"))],
    )
    for key in ("C1", "C2"):
        parts = [row for (name, _), row in rows.items() if name == key]
        assert sum(row["quantity"] for row in parts) == 100
        assert sum(row["recognized_gain"] - row["disallowed_loss"] for row in parts) == (
            -1000 if key == "C1" else -3000
        )


def coverage(account_id="JOINT", first="2026-10-07"):
    """Every account known since 2025, this one since `first`."""
    names = ("JOINT", "OTHER", "ROTH", "CHILD")
    others = [{"account_id": name} for name in names if name != account_id]
    return [*others, {"account_id": account_id, "history_from_date": first}]


@pytest.mark.parametrize(
    ("first", "kept"),
    [
        ("2026-10-06", 0),  # all 30 days before the sale are seen: no purchase, no wash sale
        ("2026-10-07", 250),
        (None, 250),
    ],
)
def test_a_custodians_disallowed_loss_stands_where_its_purchase_may_lie_before_our_history(
    first, kept
):
    rows = realized(
        closed=[closed("C1", "2026-11-05", 9000, 10000, disallowed_loss=250)],
        coverage=coverage(first=first),
    )
    (row,) = rows.values()
    assert (row["disallowed_loss"], row["custodian_disallowed_kept"]) == (kept, kept)
    assert row["recognized_gain"] == -1000 + kept
    assert row["permanently_disallowed_loss"] == 0
    assert row["history_from_date"] == (first and date.fromisoformat(first))


def test_a_loss_is_not_disallowed_twice_for_one_purchase():
    def total(stated):
        rows = realized(
            closed=[closed("C1", "2026-11-05", 9000, 10000, disallowed_loss=stated)],
            lots=[lot("L1", "2026-11-10", account_id="OTHER", quantity=40)],
            coverage=coverage(),
        ).values()
        kept = sum(row["custodian_disallowed_kept"] for row in rows)
        disallowed = sum(row["disallowed_loss"] for row in rows)
        assert sum(row["recognized_gain"] for row in rows) == disallowed - 1000
        return disallowed, kept

    # Our own match of 40 shares is 400; what the custodian meant may be the same shares.
    assert total(250) == (400, 0)
    assert total(600) == (600, 200)
    assert total(5000) == (1000, 600)  # never more than the loss


def test_a_purchase_that_is_among_ours_leaves_the_custodian_nothing_to_be_kept():
    rows = realized(
        closed=[closed("C1", "2026-11-05", 9000, 10000, disallowed_loss=400)],
        lots=[lot("L1", "2026-11-10", quantity=40, custodian_wash_sale_adjustment=400)],
        coverage=coverage(),
    ).values()
    assert sum(row["disallowed_loss"] for row in rows) == 400
    assert {row["custodian_disallowed_kept"] for row in rows} == {0}


def test_history_is_that_of_every_account_that_may_wash_the_loss():
    rows = realized(
        closed=[closed("C1", "2026-11-05", 9000, 10000)],
        coverage=coverage("ROTH", "2026-10-20"),
    )
    assert rows["C1", 1]["history_from_date"] == date(2026, 10, 20)
    rows = realized(
        closed=[closed("C1", "2026-11-05", 9000, 10000)], coverage=coverage("ROTH", None)
    )
    assert rows["C1", 1]["history_from_date"] is None


def test_an_account_outside_the_ledger_keeps_what_its_custodian_disallowed():
    accounts = [
        {"account_id": "JOINT", "account_name": "Joint", "counts_for_wash_sales": False},
    ]
    rows = realized(
        closed=[
            closed("C1", "2026-11-05", 9000, 10000, disallowed_loss=-250),
            closed("C2", "2026-11-06", 9000, 9100, disallowed_loss=250),
            closed("C3", "2026-11-06", 9000, 8000),
        ],
        accounts=accounts,
        coverage=coverage(first="2025-01-01"),
    )
    found = {
        key: (row["disallowed_loss"], row["recognized_gain"]) for (key, _), row in rows.items()
    }
    assert found == {"C1": (250, -750), "C2": (100, 0), "C3": (0, 1000)}
