"""The pre-trade screen on a published night: the law's verdict and the night's windows together.

Sources: IRC 1091 (30 days before and after); Rev. Rul. 2008-5 (a purchase in an IRA).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.questions import QuestionError, Snapshot
from orchestration.screening import OrderQuestion, screen_order
from python_steps.wash_sales.policy import DEFAULT_POLICY

NIGHT = date(2026, 11, 19)
NEXT = date(2026, 11, 20)
TABLES = {
    "dim_accounts": "as_of_date date, account_id varchar, account_name varchar,"
    " household_id varchar, account_type varchar, tax_treatment varchar, tax_unit_id varchar,"
    " wash_sale_group_id varchar, counts_for_wash_sales boolean, custodian varchar,"
    " account_state varchar",
    "dim_securities": "as_of_date date, security_id varchar, ticker varchar, cusip varchar,"
    " identity_group_id varchar, price decimal(28, 10)",
    "fct_tax_lots": "as_of_date date, account_id varchar, lot_id varchar, security_id varchar,"
    " quantity decimal(28, 10), acquisition_date date, cost_basis decimal(24, 6),"
    " acquisition_type varchar",
    "fct_realized_gains": "as_of_date date, account_id varchar, closed_lot_key varchar,"
    " part integer, security_id varchar, quantity decimal(28, 10), disposal_date date,"
    " proceeds decimal(24, 6), cost_basis decimal(24, 6)",
    "fct_rebalance_plans": "as_of_date date, household_id varchar, plan_id varchar,"
    " planned_trade_date date",
    "fct_recommended_trades": "as_of_date date, household_id varchar, plan_id varchar,"
    " trade_id varchar, account_id varchar, account_name varchar, action varchar,"
    " security_id varchar, ticker varchar, quantity decimal(28, 10),"
    " realized_short_term_loss decimal(24, 6), realized_long_term_loss decimal(24, 6)",
    "fct_wash_sale_windows": "as_of_date date, wash_sale_group_id varchar,"
    " identity_group_id varchar, no_buy_until_date date, no_loss_sale_until_date date,"
    " caused_by varchar, coverage varchar",
}
ROWS: dict[str, list[tuple[Any, ...]]] = {
    "dim_accounts": [
        (
            "A1",
            "Joint brokerage",
            "H1",
            "taxable_joint",
            "taxable",
            "U1",
            "W1",
            True,
            "ALPINE",
            "complete",
        ),
        ("A2", "Roth IRA", "H1", "roth_ira", "tax_free", "U1", "W1", True, "ALPINE", "complete"),
        ("A7", "Child's UTMA", "H1", "utma", "taxable", "U9", "W9", True, "ALPINE", "complete"),
        (
            "A3",
            "Joint brokerage",
            "H2",
            "taxable_joint",
            "taxable",
            "U2",
            "W2",
            True,
            "ALPINE",
            "complete",
        ),
        (
            "A4",
            "Late trust",
            "H3",
            "trust",
            "taxable",
            "U3",
            "W3",
            True,
            "MESA",
            "waiting_for_feed",
        ),
        (
            "A5",
            "Sure IRA",
            "H3",
            "traditional_ira",
            "tax_deferred",
            "U3",
            "W3",
            True,
            "ALPINE",
            "complete",
        ),
        (
            "A6",
            "Sure brokerage",
            "H3",
            "taxable_joint",
            "taxable",
            "U3",
            "W3",
            True,
            "ALPINE",
            "complete",
        ),
    ],
    "dim_securities": [
        ("S-VTI", "VTI", "922908769", "total-market", 100),
        ("S-ITOT", "ITOT", "464287150", "total-market", 50),
        ("S-BND", "BND", "921937835", "us-aggregate", 70),
        ("S-VXUS", "VXUS", "921909768", "ex-us", 60),
        ("S-NEW", "NEW", "000000000", None, None),
        ("S-VOO", "VOO", "922908363", "s-and-p", 100),
        ("S-IVV", "IVV", "464287200", "s-and-p", 100),
    ],
    "fct_tax_lots": [
        ("A1", "GAIN", "S-VTI", 10, "2020-01-02", 500, "PURCHASE"),
        ("A1", "LOSS", "S-VTI", 10, "2026-02-02", 1500, "PURCHASE"),
        ("A2", "DRIP", "S-ITOT", 4, "2026-11-02", 210, "REINVEST"),
        ("A1", "BONDS", "S-BND", 10, "2026-02-02", 900, "PURCHASE"),
        ("A1", "ABROAD", "S-VXUS", 10, "2026-02-02", 900, "PURCHASE"),
        ("A6", "DOWN", "S-VTI", 10, "2026-02-02", 1500, "PURCHASE"),
        ("A6", "UP", "S-VTI", 10, "2026-02-02", 500, "PURCHASE"),
        ("A1", "UNPRICED", "S-NEW", 1, "2026-02-02", 10, "PURCHASE"),
    ],
    "fct_realized_gains": [
        ("A1", "C1", 1, "S-BND", 10, "2026-11-05", 650, 900),
    ],
    "fct_rebalance_plans": [("H1", "P1", "2026-11-20")],
    "fct_recommended_trades": [
        ("H1", "P1", "T1", "A1", "Joint brokerage", "sell", "S-VOO", "VOO", 169, -8600, 0),
        ("H1", "P0", "T0", "A1", "Joint brokerage", "sell", "S-NEW", "NEW", 1, -5, 0),
    ],
    "fct_wash_sale_windows": [
        ("W1", "ex-us", None, "2026-12-03", "a plan at a held-away account buys monthly", "known"),
        ("W2", "total-market", None, None, "history is known for 12 days only", "unknown"),
    ],
}


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    path: Path = tmp_path_factory.mktemp("screen") / "evenkeel.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts")
        for name, columns in TABLES.items():
            connection.execute(f"create table marts.{name} ({columns})")
            for row in ROWS[name]:
                places = ", ".join("?" * len(row))
                connection.execute(
                    f"insert into marts.{name} values (date '{NIGHT}', {places})", list(row)
                )
    return Snapshot(path)


def ask(snapshot, account, action, security, day=NEXT, **more):
    question = OrderQuestion(account, action, security, day, **more)
    return screen_order(snapshot, NIGHT, question, DEFAULT_POLICY)


def test_a_gain_may_be_sold(snapshot):
    answer = ask(snapshot, "A1", "sell", "VTI", lot_ids=("GAIN",))
    assert (answer["verdict"], answer["quantity"]) == ("allow", 10)
    assert answer["account_name"] == "Joint brokerage"


def test_a_loss_that_the_roth_bought_back_is_lost_for_good_in_part(snapshot):
    answer = ask(snapshot, "A1", "sell", "vti", lot_ids=("LOSS",))
    # 4 of ITOT at 50 stand for shares of another fund on the same index: Reg. 1.1091-1(c).
    assert answer["verdict"] in ("resize", "block")
    assert answer["consequence"] == "permanent"
    # The 30 days after the purchase of 2 November end on 2 December.
    assert answer["clear_on_date"] == date(2026, 12, 3)


def test_a_purchase_after_a_loss_waits_for_the_31st_day(snapshot):
    answer = ask(snapshot, "Roth", "buy", "BND")
    assert (answer["verdict"], answer["consequence"]) == ("block", "permanent")
    assert answer["clear_on_date"] == date(2026, 12, 6)
    assert ask(snapshot, "Roth", "buy", "BND", day=date(2026, 12, 7))["verdict"] == "allow"


def test_a_window_of_the_night_bars_what_no_lot_shows(snapshot):
    answer = ask(snapshot, "A1", "sell", "VXUS")
    assert answer["verdict"] == "block"
    assert "held-away" in answer["why"]
    assert answer["clear_on_date"] == date(2026, 12, 4)


def test_a_loss_that_the_plan_of_tonight_takes_is_bought_back_nowhere(snapshot):
    """Rev. Rul. 2008-5: bought in the Roth IRA, the loss of the proposed sale would be gone."""
    answer = ask(snapshot, "Roth", "buy", "IVV")
    assert (answer["verdict"], answer["consequence"]) == ("block", "permanent")
    assert answer["clear_on_date"] == date(2026, 12, 21)
    assert "sells 169 VOO at a loss in Joint brokerage on 2026-11-20 (trade T1)" in answer["why"]
    assert ask(snapshot, "Roth", "buy", "IVV", day=date(2026, 12, 21))["verdict"] == "allow"


def test_a_loss_without_known_history_is_not_sold(snapshot):
    with pytest.raises(QuestionError, match=r"knows of no VTI in Joint brokerage$"):
        ask(snapshot, "A3", "sell", "VTI")


def test_an_account_whose_files_did_not_come_clears_no_order(snapshot):
    bought = ask(snapshot, "A5", "buy", "VTI")
    assert bought["verdict"] == "warn"
    assert "Late trust at MESA" in bought["why"]
    sold = ask(snapshot, "A6", "sell", "VTI", lot_ids=("DOWN",))
    assert (sold["verdict"], "Late trust at MESA" in sold["why"]) == ("block", True)
    assert ask(snapshot, "A6", "sell", "VTI", lot_ids=("UP",))["verdict"] == "allow"
    with pytest.raises(QuestionError, match="Late trust, whose files of MESA did not come"):
        ask(snapshot, "A4", "sell", "VTI")


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (("Joint brokerage", "sell", "VTI"), "fits several accounts: A1"),
        (("Elsewhere", "sell", "VTI"), "no account of 2026-11-19"),
        (("A1", "sell", "XYZ"), "no security is called 'XYZ'"),
        (("A1", "sell", "NEW"), "has no price"),
        (("A1", "sell", "VTI", NIGHT), "ask for a later day"),
        (("A1", "sell", "VTI", date(2026, 11, 26)), "closed on 2026-11-26"),
    ],
)
def test_an_order_that_cannot_be_meant_is_refused_with_the_reason(snapshot, order, why):
    with pytest.raises(QuestionError, match=why):
        ask(snapshot, *order)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"quantity": Decimal(21)}, "holds 20 VTI"),
        ({"quantity": Decimal(0)}, "more than 0"),
        ({"lot_ids": ("BONDS",)}, "no lot BONDS of VTI"),
    ],
)
def test_a_sale_is_of_shares_that_are_there(snapshot, more, why):
    with pytest.raises(QuestionError, match=why):
        ask(snapshot, "A1", "sell", "VTI", **more)


def test_a_child_of_the_household_is_outside_the_group_and_a_warning(snapshot):
    """IRC 1091(a) says the taxpayer; an indirect purchase through a minor is contested."""
    answer = ask(snapshot, "A7", "buy", "BND")
    assert (answer["verdict"], answer["consequence"]) == ("warn", "deferred")
    assert answer["clear_on_date"] == date(2026, 12, 6)
    assert "a purchase of a minor or a trust counts" in answer["why"]
