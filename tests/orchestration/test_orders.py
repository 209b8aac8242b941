"""Approved trades leave once, only while their plan stands, and never half."""

from __future__ import annotations

import csv
import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.decision_records import DecisionRecords, DecisionReturn
from orchestration.home import Home
from orchestration.order_records import OrderRecords
from orchestration.orders import Release, release_orders
from orchestration.records import IssuedPlan, Records
from python_steps.decisions.plan_facts import TradeDecision
from python_steps.identities import RegisteredAccount
from python_steps.sessions import NEW_YORK
from tests.orchestration.made_marts import NIGHT, make_snapshot, put

MORNING = datetime(2026, 11, 20, 9, 45, tzinfo=NEW_YORK)


def at(day: int, hour: int = 10) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=NEW_YORK)


@pytest.fixture
def home(tmp_path) -> Home:
    """Two households with a sale and a purchase each; nothing is decided yet."""
    home = Home(tmp_path)
    home.outbox.mkdir()
    make_snapshot(home.published)
    records = Records(home.records)
    records.append_identities(
        [RegisteredAccount(f"A{n}", "ALPINE", f"000-{n}") for n in (1, 2)], [], NIGHT
    )
    put(
        home.published,
        "dim_securities",
        *(
            {
                "security_id": ticker,
                "ticker": ticker,
                "security_name": name,
                "security_type": "ETF",
                "average_daily_dollar_volume": 10**9,
            }
            for ticker, name in (("VTI", " =Total market"), ("BND", "Bonds"))
        ),
    )
    put(
        home.published,
        "dim_security_custodians",
        {"security_id": "VTI", "custodian": "*", "trades_in": "shares"},
    )
    for number in (1, 2):
        _household(home, number)
    return home


def _household(home: Home, number: int) -> None:
    household, account, plan = f"H{number}", f"A{number}", f"P{number}"
    put(
        home.published, "dim_households", {"household_id": household, "household_state": "released"}
    )
    put(
        home.published,
        "dim_accounts",
        {"account_id": account, "household_id": household, "custodian": "ALPINE"},
    )
    put(
        home.published,
        "fct_account_cash",
        {"account_id": account, "household_id": household, "investable": 0},
    )
    put(
        home.published,
        "fct_rebalance_plans",
        {
            "household_id": household,
            "plan_id": plan,
            "version": 1,
            "input_hash": f"hash{number}",
            "plan_status": "proposed",
            "planned_trade_date": date(2026, 11, 20),
            "valid_until_date": date(2026, 11, 23),
        },
    )
    trades = []
    for action, ticker, price in (("sell", "VTI", 300), ("buy", "BND", 75)):
        trade = {
            "trade_id": f"T{number}-{action}",
            "plan_id": plan,
            "household_id": household,
            "account_id": account,
            "action": action,
            "security_id": ticker,
            "ticker": ticker,
            "quantity": 100,
            "price": price,
            "notional": 100 * price,
            "commission": 0,
            "spread_cost": 2,
            "market_impact": 1,
            "tax_cost": 40 if action == "sell" else 0,
            "trade_sequence": 1,
            "lot_instruction": "specific_lots" if action == "sell" else None,
            "lot_instruction_text": "Deliver the lots named." if action == "sell" else None,
        }
        put(home.published, "fct_recommended_trades", trade)
        trades.append({name: str(value) for name, value in trade.items()})
    put(
        home.published,
        "fct_trade_lots",
        *(
            {
                "trade_id": f"T{number}-sell",
                "plan_id": plan,
                "lot_id": lot,
                "quantity": 50,
                "realized_gain": gain,
                "acquisition_date": date(2020, 1, 2),
            }
            for lot, gain in (("dear", -10), ("cheap", 900))
        ),
    )
    Records(home.records).append_plans(
        [
            IssuedPlan(
                plan,
                household,
                NIGHT,
                1,
                f"hash{number}",
                datetime(2026, 11, 19, 23, 0),
                "proposed",
                json.dumps(trades),
            )
        ]
    )


def decide(home: Home, number: int = 1, when: datetime = MORNING, **decisions) -> None:
    """Record a return; `decisions` by action: a word, or a smaller quantity."""
    written = []
    for action, decided in decisions.items():
        word = decided if isinstance(decided, str) else "override"
        quantity = Decimal(decided if not isinstance(decided, str) else 100 * (word != "reject"))
        written.append(TradeDecision(f"T{number}-{action}", word, quantity, None, "", "M7"))
    returned = DecisionReturn(
        f"{when}", "back.xlsx", "ADV-01", when, f"H{number}", f"P{number}", "recorded", False
    )
    DecisionRecords(home.records).append_return(returned, written)


def rows(release: Release, name: str) -> list[dict[str, str]]:
    assert release.folder is not None
    with (release.folder / name).open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def reasons(release: Release) -> dict[str, str]:
    return {one.household_id: one.reason for one in release.not_released}


def test_approved_trades_leave_as_blocks_with_their_accounts_and_lots(home):
    decide(home, 1, sell="approve", buy="approve")
    decide(home, 2, sell="approve", buy="reject")

    release = release_orders(home, MORNING)

    assert [
        (row["Side"], row["Symbol"], row["Shares"]) for row in rows(release, "ALPINE-orders.csv")
    ] == [
        ("SELL", "VTI", "200"),
        ("BUY", "BND", "100"),
    ]
    assert [block.wave for block in release.blocks] == [1, 2]  # the sale pays for the purchase
    allocations = rows(release, "ALPINE-allocations.csv")
    assert [(row["Trade"], row["Account"]) for row in allocations] == [
        ("T1-sell", "000-1"),
        ("T2-sell", "000-2"),
        ("T1-buy", "000-1"),
    ]
    assert {row["Lot"] for row in rows(release, "ALPINE-lots.csv")} == {"dear", "cheap"}
    first = rows(release, "blotter.csv")[0]
    assert (first["estimated_cost"], first["estimated_tax"], first["households"]) == (
        "6.00",
        "80.00",
        "2",
    )
    assert first["security"] == "' =Total market"
    assert all(path.stat().st_mode & 0o077 == 0 for path in release.folder.iterdir())


def test_a_trade_leaves_once(home):
    decide(home, sell="approve")
    release_orders(home, MORNING)
    decide(home, when=at(20, 11), buy="approve")

    again = release_orders(home, at(20, 12))

    assert [trade.trade_id for block in again.blocks for trade in block.trades] == ["T1-buy"]
    assert release_orders(home, at(20, 13)).blocks == ()
    assert OrderRecords(home.records).released() == {"T1-sell", "T1-buy"}


def test_a_smaller_quantity_delivers_the_lots_of_least_gain_and_claims_no_tax(home):
    decide(home, sell=60)

    release = release_orders(home, MORNING)

    lots = [(row["Lot"], row["Shares"]) for row in rows(release, "ALPINE-lots.csv")]
    assert lots == [("dear", "50"), ("cheap", "10")]
    (line,) = rows(release, "blotter.csv")
    assert (line["shares"], line["estimated_tax"], line["estimated_cost"]) == ("60", "", "1.80")


@pytest.mark.parametrize(
    ("change", "moment", "told"),
    [
        (
            "update marts.fct_rebalance_plans set plan_id = 'P9'",
            MORNING,
            "has taken the plan's place",
        ),
        (
            "update marts.dim_households set household_state = 'awaiting_execution'",
            MORNING,
            "the household is awaiting_execution",
        ),
        ("select 1", at(24), "valid until 2026-11-23"),
        # After the close of the last day an order could only be traded on the next one.
        ("select 1", at(23, 16), "valid until 2026-11-23"),
        ("select 1", at(19, 23), "the plan is for 2026-11-20"),
        (
            "delete from marts.fct_recommended_trades",
            MORNING,
            "does not have the approved trade T1-sell",
        ),
    ],
)
def test_an_approval_of_a_plan_that_does_not_stand_releases_nothing(home, change, moment, told):
    decide(home, when=at(19, 22), sell="approve")
    with duckdb.connect(str(home.published)) as connection:
        connection.execute(change)

    release = release_orders(home, moment)

    assert release.blocks == ()
    assert told in release.not_released[0].reason


def test_what_was_checked_for_one_session_does_not_trade_in_a_later_one(home):
    decide(home, when=at(20, 15), sell="approve")

    late = release_orders(home, at(20, 17))  # after the close: it would trade on Monday

    assert late.blocks == ()
    assert "checked for trading on 2026-11-20, not on 2026-11-23" in reasons(late)["H1"]
    assert len(release_orders(home, at(20, 15)).blocks) == 1


def test_returns_that_contradict_each_other_release_nothing(home):
    decide(home, sell="approve")
    conflicting = DecisionReturn(
        "other", "other.xlsx", "ADV-01", MORNING, "H1", "P1", "conflicting", False
    )
    DecisionRecords(home.records).append_return(
        conflicting, [TradeDecision("T1-sell", "reject", Decimal(0), None, "", "M7")]
    )

    assert "contradict" in reasons(release_orders(home, MORNING))["H1"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("update marts.fct_trade_lots set quantity = 49 where plan_id = 'P1'", "deliver 98 shares"),
        ("update marts.fct_account_cash set investable = null where account_id = 'A1'", "cash"),
    ],
)
def test_a_household_whose_order_is_not_whole_stays_and_the_others_leave(home, change, told):
    for number in (1, 2):
        decide(home, number, sell="approve", buy="approve")
    with duckdb.connect(str(home.published)) as connection:
        connection.execute(change)

    release = release_orders(home, MORNING)

    assert told in reasons(release)["H1"]
    assert {trade.household_id for block in release.blocks for trade in block.trades} == {"H2"}


def test_a_trial_writes_and_records_nothing(home):
    decide(home, sell="approve")

    release = release_orders(home, MORNING, is_trial=True)

    assert len(release.blocks) == 1
    assert release.folder is None
    assert list(home.outbox.iterdir()) == []
    assert release_orders(home, MORNING).folder is not None


def test_a_release_that_was_stopped_after_its_record_is_finished(home, monkeypatch):
    decide(home, sell="approve")
    monkeypatch.setattr(Path, "replace", _stopped)
    with pytest.raises(KeyboardInterrupt):
        release_orders(home, MORNING)
    monkeypatch.undo()

    again = release_orders(home, MORNING)

    assert again.blocks == ()
    (folder,) = home.outbox.iterdir()
    assert (folder / "ALPINE-orders.csv").exists()


def _stopped(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_release_that_was_stopped_before_its_record_leaves_nothing(home, monkeypatch):
    decide(home, sell="approve")
    monkeypatch.setattr(OrderRecords, "append_release", _stopped)
    with pytest.raises(KeyboardInterrupt):
        release_orders(home, MORNING)
    monkeypatch.undo()

    release = release_orders(home, MORNING)

    assert [folder.name for folder in home.outbox.iterdir()] == ["2026-11-19-release-0001"]
    assert len(release.blocks) == 1


def test_the_command_tells_what_left_and_what_did_not(home):
    decide(home, 1, sell="approve")
    decide(home, 2, when=at(20, 9), sell="approve")
    with duckdb.connect(str(home.published)) as connection:
        connection.execute(
            "update marts.fct_rebalance_plans set plan_id = 'X' where plan_id = 'P2'"
        )

    told = CliRunner().invoke(
        app, ["orders", "--at", "2026-11-20T10:00", "--data", str(home.folder)]
    )

    assert told.exit_code == 0, told.output
    assert "release 1: 1 trades in 1 orders" in told.output
    assert "not released, household H2 (plan P2)" in told.output
