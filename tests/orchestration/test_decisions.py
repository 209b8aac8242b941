"""Returned workbooks against records and snapshot: recorded once, whole, never in conflict."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.decision_records import Consent, DecisionRecords
from orchestration.decision_step import load_decisions, session_decisions
from orchestration.decision_tables import headline
from orchestration.decisions import (
    ReturnedFile,
    decide_file,
    read_prices,
    record_consent,
)
from orchestration.home import Home
from orchestration.inbox import (
    ReturnedWorkbookConfig,
    answer_file,
    decide_returned_workbook,
    inbox_sensor,
    waiting_files,
)
from orchestration.order_records import OrderRecords, ReleasedTrade
from orchestration.questions import QuestionError
from orchestration.records import IssuedPlan, Records
from orchestration.resources import AlertsResource, HomeResource
from orchestration.warehouse import Warehouse
from python_steps.sessions import NEW_YORK
from tests.python_steps.decisions import small_plan
from tests.python_steps.decisions.small_plan import (
    ADVISOR,
    HOUSEHOLD,
    LOTS,
    MORNING,
    NIGHT,
    PLANNED,
    STAMP,
    TRADES,
    written,
)

NOON = MORNING + timedelta(hours=3)


def issued_plan(stamp=STAMP):
    trades = [
        {key: str(row[key]) for key in ("trade_id", "account_id", "action", "security_id")}
        | {"quantity": str(row["quantity"]), "price": str(row["price"])}
        for row in TRADES.values()
    ]
    return IssuedPlan(
        stamp.plan_id,
        stamp.household_id,
        NIGHT,
        int(stamp.version),
        stamp.input_hash,
        datetime(2026, 11, 20, 1),
        "proposed",
        json.dumps(trades),
    )


def plan_row(stamp=STAMP, **changes):
    return {
        "household_id": HOUSEHOLD,
        "plan_id": stamp.plan_id,
        "version": int(stamp.version),
        "input_hash": stamp.input_hash,
        "plan_status": "proposed",
        "planned_trade_date": PLANNED,
        "valid_until_date": date(2026, 11, 23),
    } | changes


def snapshot_rows() -> dict[str, list[dict[str, Any]]]:
    facts = small_plan.facts()
    tickers = {row["security_id"]: row for row in TRADES.values()}
    accounts = list(facts.accounts.values())
    return {
        "fct_rebalance_plans": [plan_row()],
        "dim_households": [
            {
                "household_id": HOUSEHOLD,
                "advisor_id": ADVISOR,
                "annual_gains_budget": None,
                "market_value": Decimal(100_000),
            }
        ],
        "fct_recommended_trades": [
            {**row, "ticker": row["security_id"][2:], "account_name": row["account_id"]}
            for row in TRADES.values()
        ],
        "fct_trade_lots": [lot for lots in LOTS.values() for lot in lots],
        "dim_accounts": accounts,
        "dim_securities": [
            {
                "security_id": security_id,
                "cusip": None,
                "identity_group_id": f"G-{security_id}",
                "price": row["price"],
                **facts.securities[security_id],
            }
            for security_id, row in tickers.items()
        ],
        "dim_security_custodians": [
            {
                "security_id": "S-NONE",
                "custodian": "*",
                "is_fractional": True,
                "trades_in": "shares",
                "minimum_amount": Decimal(0),
            }
        ],
        "fct_positions": [
            {
                "household_id": HOUSEHOLD,
                "account_id": account_id,
                "security_id": security_id,
                "quantity": quantity,
                "market_value": quantity * tickers[security_id]["price"],
            }
            for (account_id, security_id), quantity in facts.held.items()
        ],
        "fct_account_cash": [
            {"household_id": HOUSEHOLD, "account_id": account_id, **cash}
            for account_id, cash in facts.cash.items()
        ],
        "fct_position_constraints": [
            {
                "household_id": HOUSEHOLD,
                "account_id": account_id,
                "security_id": security_id,
                "lot_id": None,
                **constraint,
            }
            for (account_id, security_id), constraint in facts.constraints.items()
        ],
        "fct_concentration_limits": [
            {"household_id": HOUSEHOLD, "security_id": "S-NONE", "limit_weight": Decimal("0.1")}
        ],
        "fct_tax_lots": [
            {
                "account_id": TRADES[trade_id]["account_id"],
                "security_id": TRADES[trade_id]["security_id"],
                "lot_id": lot["lot_id"],
                "quantity": lot["quantity"],
                "acquisition_date": lot["acquisition_date"],
                "cost_basis": lot["cost_basis"],
                "acquisition_type": "PURCHASE",
            }
            for trade_id, lots in LOTS.items()
            for lot in lots
        ],
        "fct_realized_gains": [
            {
                "account_id": "A-NONE",
                "closed_lot_key": "K",
                "part": 1,
                "security_id": "S-NONE",
                "quantity": Decimal(1),
                "disposal_date": NIGHT,
                "proceeds": Decimal(1),
                "cost_basis": Decimal(1),
            }
        ],
        "fct_wash_sale_windows": [
            {
                "wash_sale_group_id": "W-NONE",
                "identity_group_id": "G-NONE",
                "no_buy_until_date": NIGHT,
                "no_loss_sale_until_date": NIGHT,
                "caused_by": "",
                "coverage": "known",
            }
        ],
    }


def publish(home: Home, rows: dict[str, list[dict[str, Any]]]) -> None:
    home.published.parent.mkdir(parents=True, exist_ok=True)
    home.published.unlink(missing_ok=True)
    connection = duckdb.connect(str(home.published))
    connection.execute("create schema marts")
    for mart, given in rows.items():
        dated = [{"as_of_date": NIGHT, **row} for row in given]
        connection.register("given", pa.Table.from_pylist(dated))
        connection.execute(f"create table marts.{mart} as from given")
    connection.close()


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path)
    Records(home.records).append_plans([issued_plan()])
    publish(home, snapshot_rows())
    return home


def returned(content, *, name="plan.xlsx", advisor_id=ADVISOR, at=MORNING, replaces=False):
    return ReturnedFile(name, content, advisor_id, at, replaces)


def some(table):
    table.decide("T-1", "Approve")
    table.decide("T-2", "Override", quantity_override=60)
    table.decide("T-4", "Reject", snooze_until=datetime(2026, 12, 15), note="not now")


def others(table):
    some(table)
    table.decide("T-4", "Approve", snooze_until=None)


def recorded(home):
    return [
        (one.outcome, {each.trade_id: each.decision for each in decisions})
        for one, decisions in DecisionRecords(home.records).returns_of(STAMP.plan_id)
    ]


def test_decisions_are_recorded_with_who_and_when(home):
    content = written(some)
    decided = decide_file(home, returned(content))
    assert decided.outcome == "recorded", [one.sentence() for one in decided.refusals]
    assert decided.is_new
    ((one, decisions),) = DecisionRecords(home.records).returns_of(STAMP.plan_id)
    assert (one.advisor_id, one.decided_at) == (ADVISOR, MORNING.astimezone(UTC))
    assert (one.household_id, one.replaces_earlier) == (HOUSEHOLD, False)
    assert {each.trade_id: (each.decision, each.quantity) for each in decisions} == {
        "T-1": ("approve", Decimal(100)),
        "T-2": ("override", Decimal(60)),
        "T-4": ("reject", Decimal(0)),
    }
    rejected = decisions[-1]
    assert (rejected.snooze_until_date, rejected.note) == (date(2026, 12, 15), "not now")
    # The bytes are kept for good.
    archived = home.archive / one.file_sha256[:2] / one.file_sha256
    assert archived.read_bytes() == content


def test_the_same_file_is_recorded_once(home):
    content = written(some)
    decide_file(home, returned(content))
    again = decide_file(home, returned(content, at=NOON))
    assert again.outcome == "recorded"
    assert not again.is_new
    assert {one.trade_id for one in again.decisions} == {"T-1", "T-2", "T-4"}
    assert len(recorded(home)) == 1


def test_two_returns_that_disagree_release_nothing_until_one_replaces_the_other(home):
    decide_file(home, returned(written(some)))
    second = decide_file(home, returned(written(others), name="second.xlsx", at=NOON))
    assert second.outcome == "conflicting"
    assert [one.check for one in second.refusals] == ["returns_agree"]
    assert second.decisions == ()
    states = {row["return_state"] for row in session_decisions(records(home), PLANNED)}
    assert states == {"conflicting"}
    third = decide_file(home, returned(written(others), name="third.xlsx", at=NOON, replaces=True))
    assert third.outcome == "recorded"
    states = [row["return_state"] for row in session_decisions(records(home), PLANNED)]
    assert states == ["replaced"] * 6 + ["in_force"] * 3


def test_a_file_that_holds_no_longer_is_not_said_to_stand(home):
    content = written(some)
    decide_file(home, returned(content))
    assert decide_file(home, returned(content, at=NOON)).notices == ()
    decide_file(home, returned(written(others), name="second.xlsx", at=NOON))
    (notice,) = decide_file(home, returned(content, at=NOON)).notices
    assert "another return of the plan decides otherwise" in notice
    decide_file(home, returned(written(others), name="third.xlsx", at=NOON, replaces=True))
    again = decide_file(home, returned(content, at=NOON))
    assert not again.is_new
    (notice,) = again.notices
    assert "a later return has replaced it" in notice
    assert any(notice in line for line in headline(again))


def records(home):
    return DecisionRecords(home.records)


def test_a_file_is_replaced_by_itself_when_the_advisor_says_so(home):
    content = written(some)
    decide_file(home, returned(content))
    decide_file(home, returned(written(others), name="second.xlsx"))
    again = decide_file(home, returned(content, replaces=True))
    assert again.outcome == "recorded"
    rows = [
        row
        for row in session_decisions(records(home), PLANNED)
        if row["return_state"] == "in_force"
    ]
    assert {row["trade_id"]: row["decision"] for row in rows} == {
        "T-1": "approve",
        "T-2": "override",
        "T-4": "reject",
    }


def test_a_refused_file_is_on_record_with_its_reasons_and_decides_nothing(home):
    def tamper(table):
        some(table)
        table.cell("T-1", "quantity").value = 1000

    content = written(tamper)
    decided = decide_file(home, returned(content))
    assert decided.outcome == "refused"
    ((one, decisions),) = DecisionRecords(home.records).returns_of(STAMP.plan_id)
    assert decisions == ()
    assert one.refusals == decided.refusals
    assert one.refusals[0].value == "1000"
    decide_file(home, returned(content))
    assert len(recorded(home)) == 1


def test_a_file_that_is_no_workbook_is_refused_and_recorded(home):
    decided = decide_file(home, returned(b"PK\x03\x04 broken"))
    assert decided.outcome == "refused"
    assert decided.plan_id == ""
    assert recorded(home) == []
    digest = DecisionRecords(home.records).last_return_of_file(
        hashlib.sha256(b"PK\x03\x04 broken").hexdigest(), ADVISOR
    )
    assert digest is not None


def test_approvals_survive_a_night_run_again_and_are_refused_once_it_has_another_plan(home):
    content = written(some)
    decide_file(home, returned(content))
    # The same inputs: the same plan is issued, and nothing is added to the records.
    assert Records(home.records).append_plans([issued_plan()]) == 0
    assert decide_file(home, returned(content)).outcome == "recorded"
    newer = STAMP._replace(plan_id="P-ffffffffffffffffffff", version="4", input_hash="cd" * 32)
    Records(home.records).append_plans([issued_plan(newer)])
    publish(home, snapshot_rows() | {"fct_rebalance_plans": [plan_row(newer)]})
    stale = decide_file(home, returned(written(others), name="late.xlsx"))
    assert [one.check for one in stale.refusals] == ["plan_is_current"]
    assert len(recorded(home)) == 2


def test_another_advisor_or_a_foreign_plan_is_refused(home):
    decided = decide_file(home, returned(written(some), advisor_id="A-99"))
    assert [one.check for one in decided.refusals] == ["advisor_is_entitled"]
    elsewhere = Home(home.folder / "elsewhere")
    elsewhere.folder.mkdir()
    publish(elsewhere, snapshot_rows())
    decided = decide_file(elsewhere, returned(written(some)))
    assert [one.check for one in decided.refusals] == ["plan_was_issued"]


def test_a_consent_opens_an_account_that_is_not_discretionary(home):
    rows = snapshot_rows()
    rows["dim_accounts"] = [
        {**row, "is_discretionary": row["account_id"] != "A-ROTH"} for row in rows["dim_accounts"]
    ]
    publish(home, rows)
    content = written(lambda table: table.decide("T-5", "Approve"))
    decided = decide_file(home, returned(content))
    assert [one.check for one in decided.refusals] == ["client_has_consented"]
    consent = Consent(
        STAMP.plan_id, "A-ROTH", "Marco Garcia", PLANNED, "telephone", ADVISOR, MORNING
    )
    assert record_consent(home, consent)
    assert not record_consent(home, consent)
    assert decide_file(home, returned(content, at=NOON)).outcome == "recorded"
    for wrong in (
        {"plan_id": "P-other"},
        {"account_id": "A-401K"},
        {"recorded_by": "A-99"},
        {"given_date": date(2026, 11, 18)},
        {"given_date": date(2026, 11, 21)},
    ):
        with pytest.raises(QuestionError):
            record_consent(home, consent._replace(**wrong))


def test_what_has_left_as_an_order_is_not_taken_back_in_a_workbook(home):
    decide_file(home, returned(written(some)))
    left = ReleasedTrade(
        "T-1",
        "B-1",
        1,
        STAMP.plan_id,
        HOUSEHOLD,
        "A-IRA",
        "SCHWAB",
        "S-VEA",
        "sell",
        Decimal(100),
        Decimal(50),
        None,
        (),
    )
    OrderRecords(home.records).append_release(1, NOON, NIGHT, {}, [left])

    def take_back(table):
        table.decide("T-1", "Reject")

    content = written(take_back)
    decided = decide_file(home, returned(content, at=NOON, replaces=True))
    assert [one.check for one in decided.refusals] == ["order_has_not_left"]
    assert recorded(home)[0][0] == "recorded"


def test_prices_of_a_file_stop_a_stale_approval(home, tmp_path):
    prices = tmp_path / "noon.csv"
    prices.write_text("ticker,price\nVEA,48.00\n", encoding="utf-8")
    decided = decide_file(home, returned(written(some)), read_prices(prices))
    assert [one.check for one in decided.refusals] == ["price_is_near_the_plans"]
    for wrong in ("ticker\nVEA\n", "ticker,price\nVEA,none\n", "ticker,price\nA,1\nA,2\n"):
        prices.write_text(wrong, encoding="utf-8")
        with pytest.raises(ValueError, match=r"noon\.csv"):
            read_prices(prices)


def test_decisions_belong_to_the_session_on_which_their_trades_can_be_given(home, tmp_path):
    decide_file(home, returned(written(some)))
    after_close = datetime(2026, 11, 20, 16, 0, tzinfo=NEW_YORK)

    def more(table):
        some(table)
        table.decide("T-5", "Reject")

    decide_file(home, returned(written(more), name="more.xlsx", at=after_close))
    assert [row["trade_id"] for row in session_decisions(records(home), PLANNED)] == [
        "T-1",
        "T-2",
        "T-4",
    ]
    monday = session_decisions(records(home), date(2026, 11, 23))
    assert [row["trade_id"] for row in monday] == ["T-5"]
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    warehouse.prepare({})
    assert load_decisions(warehouse, records(home), PLANNED) == 3
    assert load_decisions(warehouse, records(home), PLANNED) == 3
    rows = warehouse.read("select * from ops.trade_decisions order by trade_id").to_pylist()
    assert [
        (row["trade_id"], row["proposed_quantity"], row["decided_quantity"]) for row in rows
    ] == [
        ("T-1", Decimal(100), Decimal(100)),
        ("T-2", Decimal(68), Decimal(60)),
        ("T-4", Decimal(20), Decimal(0)),
    ]
    assert {row["return_state"] for row in rows} == {"in_force"}
    assert rows[2]["decision_note"] == "not now"


def lay(home: Home, name: str, content: bytes, advisor_id: str = ADVISOR) -> Path:
    folder = home.inbox / advisor_id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def test_the_inbox_answers_beside_each_file_once(home):
    good = lay(home, "good.xlsx", written(some))
    bad = lay(home, "bad.xlsx", written(some), advisor_id="A-99")
    lay(home, "~$good.xlsx", b"lock")
    (home.inbox / ADVISOR / "link.xlsx").symlink_to(home.records)
    waiting = waiting_files(home)
    assert [(one.advisor_id, one.name) for one in waiting] == [
        (ADVISOR, "good.xlsx"),
        ("A-99", "bad.xlsx"),
    ]
    for one in waiting:
        answer_file(home, one, MORNING)
    answers = [path.with_name(path.name + ".answer.txt").read_text() for path in (good, bad)]
    assert "3 decisions recorded" in answers[0]
    assert "A-99 does not advise household" in answers[1]
    assert waiting_files(home) == []
    good.write_bytes(written(others))
    (changed,) = waiting_files(home)
    with pytest.raises(ValueError, match="was changed"):
        answer_file(home, changed._replace(sha256="0" * 64), MORNING)


def test_the_sensor_asks_for_one_run_per_file_and_the_run_decides_it(home):
    resources = {
        "home": HomeResource(data_folder=str(home.folder)),
        "alerts": AlertsResource(data_folder=str(home.folder)),
    }
    asked = inbox_sensor(dg.build_sensor_context(), home=resources["home"])
    assert isinstance(asked, dg.SkipReason)
    lay(home, "good.xlsx", written(some))
    asked = inbox_sensor(dg.build_sensor_context(), home=resources["home"])
    (request,) = asked.run_requests
    config = request.run_config["ops"]["decide_returned_workbook"]["config"]
    lost = ReturnedWorkbookConfig(**(config | {"sha256": "0" * 64}))
    with pytest.raises(dg.Failure, match="was changed"):
        decide_returned_workbook(dg.build_op_context(), lost, **resources)
    at_nine = {**config, "found_at": MORNING.isoformat()}
    decide_returned_workbook(dg.build_op_context(), ReturnedWorkbookConfig(**at_nine), **resources)
    assert recorded(home) == [("recorded", {"T-1": "approve", "T-2": "override", "T-4": "reject"})]
    assert not (home.logs / "alerts.jsonl").exists()
    lay(home, "bad.xlsx", b"no workbook")
    (request,) = inbox_sensor(dg.build_sensor_context(), home=resources["home"]).run_requests
    config = request.run_config["ops"]["decide_returned_workbook"]["config"]
    decide_returned_workbook(dg.build_op_context(), ReturnedWorkbookConfig(**config), **resources)
    assert "bad.xlsx" in (home.logs / "alerts.jsonl").read_text()


def test_the_command_tells_what_it_took_and_why_it_refuses(home, tmp_path):
    file = tmp_path / "plan.xlsx"
    file.write_bytes(written(some))
    command = ["decide", str(file), "--as", ADVISOR, "--at", "2026-11-20T09:15"]
    where = ["--data", str(home.folder)]
    result = CliRunner().invoke(app, [*command, *where])
    assert result.exit_code == 0, result.output
    assert "3 decisions recorded" in result.output
    result = CliRunner().invoke(app, [*command, "--json", *where])
    assert json.loads(result.stdout)["is_new"] is False
    file.write_bytes(written(others))
    result = CliRunner().invoke(app, [*command, *where])
    assert result.exit_code == 1
    assert "--replace" in result.output
    result = CliRunner().invoke(app, [*command, "--replace", *where])
    assert result.exit_code == 0
    result = CliRunner().invoke(app, ["decide", str(tmp_path / "none.xlsx"), "--as", "X", *where])
    assert result.exit_code == 2


def test_moments_without_a_time_zone_are_refused(home):
    with pytest.raises(ValueError, match="time zone"):
        decide_file(home, replace(returned(written(some)), decided_at=datetime(2026, 11, 20, 9)))
