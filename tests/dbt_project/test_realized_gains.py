"""fct_realized_gains: Form 8949's columns, and each difference from the custodian with its reason.

Sources: Instructions for Form 8949 (codes B and W; boxes A, B, D, E); IRC 1091; Rev. Rul. 2008-5.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.dbt_project.plan_fixture import create_plan_warehouse, money
from tests.dbt_project.warehouse_fixture import AS_OF_DATE, insert_rows, query, run_dbt

SOLD = date(2026, 11, 5)


def _closed(key: str, **more: Any) -> dict[str, Any]:
    return {
        "account_id": "JOINT",
        "household_id": "H1",
        "security_id": "VTI",
        "closed_lot_key": key,
        "acquisition_date": date(2026, 2, 2),
        "disposal_date": SOLD,
        "quantity": money(100),
        "proceeds": money(9000),
        "cost_basis": money(10000),
        "realized_gain": money(-1000),
        "covered_status": "COVERED",
        "term": "SHORT",
        "source_file_id": "f" * 64,
        "source_row_number": 7,
    } | more


def _realized(key: str, **more: Any) -> dict[str, Any]:
    return {
        "as_of_date": AS_OF_DATE,
        "account_id": "JOINT",
        "household_id": "H1",
        "closed_lot_key": key,
        "part": 1,
        "security_id": "VTI",
        "quantity": money(100),
        "acquisition_date": date(2026, 2, 2),
        "holding_period_start_date": date(2026, 2, 2),
        "disposal_date": SOLD,
        "proceeds": money(9000),
        "cost_basis": money(10000),
        "disallowed_loss": money(0),
        "permanently_disallowed_loss": money(0),
        "recognized_gain": money(-1000),
        "term": "short",
        "custodian_disallowed_kept": money(0),
        "history_from_date": date(2025, 1, 1),
    } | more


def _match(loss: str, replacement_account: str, replacement: str, amount: int) -> dict[str, Any]:
    return {
        "as_of_date": AS_OF_DATE,
        "match_id": f"{loss}-{replacement}",
        "wash_sale_group_id": "W1",
        "household_id": "H1",
        "identity_group_id": "G1",
        "loss_account_id": "JOINT",
        "loss_lot_key": loss,
        "loss_security_id": "VTI",
        "replacement_account_id": replacement_account,
        "replacement_lot_key": replacement,
        "replacement_security_id": "VTI",
        "loss_sale_date": SOLD,
        "replacement_date": date(2026, 11, 10),
        "matched_quantity": money(40),
        "disallowed_loss": money(amount),
        "is_permanent": replacement_account == "ROTH",
        "basis_added": money(amount),
        "provisional_until_date": date(2026, 12, 5),
        "rule": "household",
    }


CLOSED = [
    _closed("AGREES"),
    # A third of the shares washed by the Roth: two parts of one lot.
    _closed("WASHED", quantity=money(90)),
    # The custodian disallowed the loss for a purchase that the household does not bear out.
    _closed("TOO MUCH", disallowed_loss=money(250)),
    # The lot carries a loss that another custodian's account realised.
    _closed("CARRIES", proceeds=money(12000), realized_gain=money(2000)),
    _closed("NONCOVERED", covered_status="NONCOVERED", cost_basis=money(9500)),
    _closed("NO COST", cost_basis=None, realized_gain=None, covered_status=None),
    # The purchase that the custodian means may lie before what is known; one feed signs the amount.
    _closed("KEPT", disallowed_loss=money(-250)),
    _closed("GOLD LONG", security_id="GLD", acquisition_date=date(2024, 2, 2), term="LONG"),
    _closed("GOLD SHORT", security_id="GLD"),
    _closed("NOT COUNTED", account_id="OUTSIDE", disallowed_loss=money(250)),
]
REALIZED = [
    _realized("AGREES"),
    _realized(
        "WASHED",
        quantity=money(30),
        proceeds=money(3000),
        cost_basis=money("3333.333333"),
        disallowed_loss=money("333.333333"),
        permanently_disallowed_loss=money("333.333333"),
        recognized_gain=money(0),
    ),
    _realized(
        "WASHED",
        part=2,
        quantity=money(60),
        proceeds=money(6000),
        cost_basis=money("6666.666667"),
        recognized_gain=money("-666.666667"),
    ),
    _realized("TOO MUCH"),
    _realized(
        "CARRIES",
        proceeds=money(12000),
        cost_basis=money(10400),
        recognized_gain=money(1600),
        holding_period_start_date=date(2024, 2, 2),
        term="long",
    ),
    _realized("NONCOVERED", cost_basis=money(9700), recognized_gain=money(-700)),
    _realized("NO COST", cost_basis=None, recognized_gain=None),
    _realized(
        "KEPT",
        disallowed_loss=money(250),
        custodian_disallowed_kept=money(250),
        recognized_gain=money(-750),
        history_from_date=date(2026, 10, 7),
    ),
    _realized(
        "GOLD LONG",
        security_id="GLD",
        cost_basis=money(10100),
        recognized_gain=money(-1100),
        term="long",
    ),
    _realized("GOLD SHORT", security_id="GLD"),
    _realized(
        "NOT COUNTED",
        account_id="OUTSIDE",
        disallowed_loss=money(250),
        custodian_disallowed_kept=money(250),
        recognized_gain=money(-750),
        history_from_date=date(2026, 10, 6),
    ),
]


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], dict[str, Any]]:
    path: Path = tmp_path_factory.mktemp("gains") / "warehouse.duckdb"
    create_plan_warehouse(path)
    import duckdb

    account = {"as_of_date": AS_OF_DATE, "household_id": "H1", "tax_unit_id": "U1"}
    with duckdb.connect(str(path)) as connection:
        insert_rows(
            connection,
            "marts.dim_accounts",
            [
                account
                | {"account_id": name, "account_name": title}
                | {"counts_for_wash_sales": name != "OUTSIDE"}
                for name, title in (
                    ("JOINT", "Joint brokerage"),
                    ("ROTH", "Roth IRA"),
                    ("OUTSIDE", "Brokerage elsewhere"),
                )
            ],
        )
        insert_rows(
            connection,
            "marts.dim_securities",
            [
                {
                    "as_of_date": AS_OF_DATE,
                    "security_id": "VTI",
                    "ticker": "VTI",
                    "security_name": "Total Market ETF",
                    "is_collectible": False,
                },
                {
                    "as_of_date": AS_OF_DATE,
                    "security_id": "GLD",
                    "ticker": "GLD",
                    "security_name": "Gold Trust",
                    "is_collectible": True,
                },
            ],
        )
        insert_rows(connection, "intermediate.int_closed_lots__merged", CLOSED)
        insert_rows(connection, "tax.realized_lots", REALIZED)
        insert_rows(
            connection,
            "tax.wash_sale_matches",
            [_match("WASHED", "ROTH", "R1", 333), _match("EARLIER", "JOINT", "CARRIES", 400)],
        )
    run_dbt(path, "build", "--select", "fct_wash_sale_matches", "fct_realized_gains")
    names = [
        row[0] for row in query(path, "select column_name from (describe marts.fct_realized_gains)")
    ]
    found = [
        dict(zip(names, row, strict=True)) for row in query(path, "from marts.fct_realized_gains")
    ]
    return {(row["closed_lot_key"], row["part"]): row for row in found}


def _form(line: dict[str, Any]) -> tuple[Any, ...]:
    names = ("form_8949_box", "proceeds", "reported_cost_basis", "adjustment_code")
    return (*(line[name] for name in (*names, "adjustment_amount", "recognized_gain")),)


def test_a_line_that_agrees_needs_no_adjustment(lines):
    line = lines["AGREES", 1]
    assert _form(line) == ("A", 9000, 10000, None, 0, -1000)
    assert (line["difference"], line["difference_reason"]) == (0, None)
    assert line["description"] == "100 Total Market ETF"
    assert (line["tax_year"], line["tax_unit_id"]) == (2026, "U1")
    assert (line["source_file_id"], line["source_row_number"]) == ("f" * 64, 7)


def test_a_long_term_result_of_a_metal_trust_is_code_c(lines):
    """Instructions for Form 8949: codes in alphabetical order; a short-term result is none."""
    assert _form(lines["GOLD LONG", 1]) == ("D", 9000, 10000, "BC", -100, -1100)
    assert lines["GOLD SHORT", 1]["adjustment_code"] is None
    assert lines["GOLD SHORT", 1]["is_collectible"]


def test_a_loss_that_the_household_washed_is_code_w_and_says_by_what(lines):
    line = lines["WASHED", 1]
    assert _form(line) == (
        "A", 3000, Decimal("3333.333333"), "W", Decimal("333.333333"), 0,
    )  # fmt: skip
    assert line["custodian_gain"] == Decimal("-333.333333")
    assert line["difference_reason"] == (
        "the purchase of 2026-11-10 in Roth IRA disallows $333.00 for good"
    )
    assert lines["WASHED", 2]["difference"] == 0
    # The custodian's numbers of the lot are shared out among its parts to the last digit.
    for name in ("proceeds", "cost_basis"):
        parts = [lines["WASHED", part][f"custodian_{name}"] for part in (1, 2)]
        assert sum(parts) == {"proceeds": 9000, "cost_basis": 10000}[name]


def test_a_custodians_adjustment_that_does_not_stand_is_taken_back(lines):
    line = lines["TOO MUCH", 1]
    assert _form(line) == ("A", 9000, 10000, None, 0, -1000)
    assert (line["custodian_gain"], line["difference"]) == (-750, -250)
    assert "the custodian disallowed $250.00, which" in line["difference_reason"]


def test_a_custodians_adjustment_that_cannot_be_judged_is_kept_and_says_why(lines):
    line = lines["KEPT", 1]
    assert _form(line) == ("A", 9000, 10000, "W", 250, -750)
    assert (line["custodian_disallowed_loss"], line["custodian_gain"]) == (250, -750)
    assert (line["difference"], line["custodian_disallowed_kept"]) == (0, 250)
    assert line["coverage"] == "unknown"
    assert line["difference_reason"] == (
        "the custodian disallowed $250.00 for a purchase that may lie before the transactions that "
        "are known (from 2026-10-07 on): its amount is kept"
    )
    outside = lines["NOT COUNTED", 1]
    assert outside["coverage"] == "known"
    assert "in an account that is left out of wash sales: its" in outside["difference_reason"]
    assert lines["AGREES", 1]["coverage"] == "known"


def test_a_basis_that_carries_a_loss_is_code_b_where_the_custodian_reports_its_own(lines):
    line = lines["CARRIES", 1]
    assert _form(line) == ("D", 12000, 10000, "B", -400, 1600)
    assert (
        "its basis carries the loss of 2026-11-05 in Joint brokerage" in line["difference_reason"]
    )
    assert "the custodian says short term, the dates say long" in line["difference_reason"]


def test_a_basis_that_is_not_reported_is_ours_from_the_start(lines):
    line = lines["NONCOVERED", 1]
    assert _form(line) == ("B", 9000, 9700, None, 0, -700)
    assert line["difference"] == -200
    assert line["difference_reason"]


def test_what_is_not_known_is_said_and_not_zero(lines):
    line = lines["NO COST", 1]
    assert (line["recognized_gain"], line["difference"], line["form_8949_box"]) == (None,) * 3
    assert "the custodian does not state its cost" in line["difference_reason"]
