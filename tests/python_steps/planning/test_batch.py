"""Batches: one household's failure stays its own; ids and schemas are what the tables promise."""

from __future__ import annotations

import pickle
from datetime import date

import pyarrow as pa
import pytest

from python_steps.batches import run_batches
from python_steps.planning.batch import plan_households
from python_steps.planning.book_tables import MissingInputError
from python_steps.planning.plan_tables import SCHEMAS
from python_steps.policy import FirmPolicy
from tests.python_steps.planning.small_book import BONDS, LARGE, D, Planned, SmallBook


def two_households() -> SmallBook:
    book = SmallBook()
    for name in ("H1", "H2"):
        book.household(name)
        book.group({LARGE: "0.5", BONDS: "0.5"}, f"G-{name}")
        book.account(f"I-{name}", "traditional_ira", household_id=name, group_id=f"G-{name}")
        book.tax_unit(name)
    book.security("VTI", LARGE, 100)
    book.security("BND", BONDS, 50)
    book.model("VTI")
    book.model("BND")
    for name in ("H1", "H2"):
        book.lot(f"I-{name}", "VTI", 700, 60)
        book.lot(f"I-{name}", "BND", 500, 50)
    return book


def test_every_household_gets_one_plan_row_in_the_declared_schemas() -> None:
    tables = plan_households(two_households().payload("H2", "H1"))
    assert tables["plans"]["household_id"].to_pylist() == ["H1", "H2"]
    assert {name: table.schema for name, table in tables.items()} == dict(SCHEMAS)
    assert tables["trades"].num_rows == 4


def test_one_household_that_fails_is_withheld_and_the_batch_goes_on() -> None:
    book = two_households()
    payload = book.payload("H1", "H2")
    broken = {**payload.tables}
    positions = broken["int_positions__valued"].to_pylist()
    positions[0]["security_id"] = "NOT-A-SECURITY"
    broken["int_positions__valued"] = pa.Table.from_pylist(
        positions, schema=broken["int_positions__valued"].schema
    )
    result = Planned(plan_households(type(payload)(**{**vars(payload), "tables": broken})))
    plans = {row["household_id"]: row for row in result.tables["plans"].to_pylist()}
    assert plans["H1"]["plan_status"] == "withheld"
    assert "NOT-A-SECURITY" in plans["H1"]["explanation"]
    assert plans["H2"]["plan_status"] == "proposed"
    failed = [row for row in result.exceptions if row["household_id"] == "H1"]
    assert [row["reason_code"] for row in failed] == ["withheld"]


def test_an_absent_table_or_column_is_named() -> None:
    payload = two_households().payload()
    tables = {name: table for name, table in payload.tables.items() if name != "dim_accounts"}
    with pytest.raises(MissingInputError, match="dim_accounts"):
        plan_households(type(payload)(**{**vars(payload), "tables": tables}))
    narrow = payload.tables["dim_accounts"].drop_columns(["tax_unit_id"])
    tables = {**payload.tables, "dim_accounts": narrow}
    with pytest.raises(MissingInputError, match=r"dim_accounts\.tax_unit_id"):
        plan_households(type(payload)(**{**vars(payload), "tables": tables}))


def test_rows_of_another_session_are_not_read() -> None:
    payload = two_households().payload("H1")
    table = payload.tables["dim_accounts"]
    older = table.set_column(
        table.column_names.index("as_of_date"),
        "as_of_date",
        pa.array([date(2026, 11, 18)] * table.num_rows, type=pa.date32()),
    )
    both = {**payload.tables, "dim_accounts": pa.concat_tables([older, table])}
    again = plan_households(type(payload)(**{**vars(payload), "tables": both}))
    assert again["trades"].equals(plan_households(payload)["trades"])


def test_the_same_inputs_give_the_same_ids_and_other_inputs_another_plan() -> None:
    first = two_households().plan("H1").plan
    assert two_households().plan("H1").plan == first
    changed = two_households()
    changed.security_row("VTI")["price"] = D("100.01")
    assert changed.plan("H1").plan["plan_id"] != first["plan_id"]
    policy = FirmPolicy(minimum_trade_amount=D(300))
    assert two_households().plan("H1", policy=policy).plan["plan_id"] != first["plan_id"]


def test_where_alerts_go_makes_no_new_plan() -> None:
    first = two_households().plan("H1").plan
    policy = FirmPolicy(alert_channel="webhook", alert_target="https://alerts.example")
    assert two_households().plan("H1", policy=policy).plan["plan_id"] == first["plan_id"]


def test_ids_follow_their_stated_form() -> None:
    planned = two_households().plan("H1")
    assert planned.plan["plan_id"].startswith("P-")
    assert len(planned.plan["plan_id"]) == 22
    assert all(len(row["trade_id"]) == 22 for row in planned.trades)
    assert len({row["trade_id"] for row in planned.trades}) == len(planned.trades)


def test_a_payload_can_be_sent_to_a_worker_and_gives_the_same_tables() -> None:
    payload = two_households().payload("H1", "H2")
    assert pickle.loads(pickle.dumps(payload)).household_ids == ("H1", "H2")  # noqa: S301 - own bytes
    (result,) = run_batches(plan_households, [payload])
    assert isinstance(result, dict)
    for name, table in plan_households(payload).items():
        assert table.equals(result[name])
