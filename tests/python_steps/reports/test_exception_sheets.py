"""The book's sheets of exceptions: who must act, what is held up, what was closed and by what."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from python_steps.reports import layout
from python_steps.reports.book_workbook import BookReportFrames, render_book_workbook
from python_steps.reports.texts import MissingTextError
from tests.python_steps.reports import made_frames
from tests.python_steps.reports.made_frames import AS_OF, Rows, busy_household
from tests.python_steps.reports.reading_back import all_texts, opened, sheet, table_rows

_NUMBERS = iter(range(1, 1000))


def exception(**values: Any) -> dict[str, Any]:
    """An exception that is a cause of its own unless told otherwise."""
    number = next(_NUMBERS)
    made = {
        "household_id": "H-1",
        "exception_key": f"key-{number:03d}",
        "exception_state": "open",
        "opened_date": date(2026, 11, 16),
        "age_sessions": 4,
        "rule": "lots_add_up_to_position",
        "severity": "block",
        "scope": "position",
        "scope_id": f"thing-{number:03d}",
        "who_must_act": "operations",
        "message": f"Message {number}.",
        "market_value_held_up": Decimal("100"),
    } | values
    alone = {
        "cause_key": made["exception_key"],
        "cause_market_value_held_up": made["market_value_held_up"],
    }
    return alone | made


def book(*exceptions: dict[str, Any]) -> Rows:
    rows = busy_household("H-1")
    rows["nights"] = [{"version": 1, "manifest_hash": None, "state": "complete", "note": "-"}]
    rows["fct_open_exceptions"] = list(exceptions)
    return rows


def rendered(*exceptions: dict[str, Any]) -> Any:
    frames = BookReportFrames.from_tables(AS_OF, made_frames.tables(book(*exceptions)))
    return opened(render_book_workbook(frames))


def open_rows(workbook: Any) -> list[dict[str, Any]]:
    return table_rows(sheet(workbook, "open_exceptions"), layout.OPEN_EXCEPTIONS)


def test_who_holds_up_the_most_stands_first_then_money_then_age() -> None:
    workbook = rendered(
        exception(who_must_act="operations", market_value_held_up=Decimal("50"), message="c"),
        exception(who_must_act="advisor", market_value_held_up=Decimal("900.129"), message="a"),
        exception(who_must_act="advisor", market_value_held_up=Decimal("1"), message="b"),
        exception(
            who_must_act="operations",
            market_value_held_up=Decimal("50"),
            age_sessions=9,
            message="older",
        ),
    )
    rows = open_rows(workbook)
    assert [(row["who_must_act"], row["message"]) for row in rows] == [
        ("Advisor", "a"),
        ("Advisor", "b"),
        ("Operations", "older"),
        ("Operations", "c"),
    ]
    assert rows[0]["market_value_held_up"] == 900.13


def test_value_that_no_night_knows_is_said_and_does_not_sink() -> None:
    rows = open_rows(
        rendered(
            exception(who_must_act="advisor", market_value_held_up=Decimal("9"), message="less"),
            exception(market_value_held_up=Decimal("5"), message="known"),
            exception(market_value_held_up=None, message="unknown"),
            exception(market_value_held_up=Decimal("0"), severity="warn", message="nothing"),
        )
    )
    assert [(row["message"], row["market_value_held_up"]) for row in rows] == [
        ("unknown", "n/a"),
        ("known", 5),
        ("nothing", 0),
        ("less", 9),
    ]


def test_open_sheet_can_be_filtered_and_keeps_its_head_in_sight() -> None:
    worksheet = sheet(rendered(exception(), exception()), "open_exceptions")
    assert worksheet.auto_filter.ref is not None
    assert worksheet.auto_filter.ref.startswith("A5:P")
    assert worksheet.freeze_panes == "C6"


def test_what_one_file_has_caused_is_one_line_with_its_count() -> None:
    cause = {
        "cause_key": "cut",
        "cause_market_value_held_up": Decimal("700"),
        "file_name": "lots.csv",
        "custodian": "ALPINE",
    }
    workbook = rendered(
        exception(**cause, scope_id="b", message="Lot b.", account_id="A-2", source_row_number=9),
        exception(**cause, scope_id="a", message="Lot a.", account_id="A-1", source_row_number=7),
        exception(**cause, scope_id="c", message="Lot c.", account_id="A-2", lot_id="L-3"),
        exception(message="another", market_value_held_up=Decimal("500")),
    )
    first, second = open_rows(workbook)
    assert (first["finding_count"], first["market_value_held_up"]) == (3, 700)
    assert first["message"] == (
        "3 findings of one file and rule, in 1 household and 2 accounts; the first: Lot a."
    )
    assert (first["household"], first["account"], first["lot_id"]) == ("Garcia Family", None, None)
    assert (first["file_name"], first["custodian"]) == ("lots.csv", "ALPINE")
    assert first["source_row_number"] is None
    assert (second["finding_count"], second["message"]) == (1, "another")


def test_names_are_for_people_and_account_numbers_masked() -> None:
    (account, *_) = made_frames.tables(book())["dim_accounts"].to_pylist()
    (security, *_) = made_frames.tables(book())["dim_securities"].to_pylist()
    (row,) = open_rows(
        rendered(exception(account_id=account["account_id"], security_id=security["security_id"]))
    )
    assert row["household"] == "Garcia Family"
    assert row["account"].endswith(f"({account['account_number_masked']})")
    assert row["ticker"] == security["ticker"]
    assert row["rule"] == "Lots add up to position"
    assert row["severity"] == "Blocking"


def test_closed_ones_stand_on_their_own_sheet_with_what_closed_them() -> None:
    closed = {"exception_state": "closed", "market_value_held_up": Decimal("0")}
    workbook = rendered(
        exception(message="still open"),
        exception(
            **closed,
            closed_date=date(2026, 11, 18),
            closed_by="rule_no_longer_broken",
            message="first",
        ),
        exception(
            **closed,
            closed_date=date(2026, 11, 19),
            closed_by="override",
            override_id="O-1",
            message="last",
        ),
        exception(
            **closed, closed_date=date(2026, 11, 19), closed_by="corrected_file", message="file"
        ),
    )
    assert [row["message"] for row in open_rows(workbook)] == ["still open"]
    rows = table_rows(sheet(workbook, "closed_exceptions"), layout.CLOSED_EXCEPTIONS)
    assert [(row["message"], row["closed_by"], row["override_id"]) for row in rows] == [
        ("file", "Corrected file", None),
        ("last", "Override", "O-1"),
        ("first", "Rule no longer broken", None),
    ]


def test_nothing_open_is_said() -> None:
    workbook = rendered()
    assert "Nothing is open." in all_texts(sheet(workbook, "open_exceptions"))
    assert "Nothing was closed within the last 30 sessions." in all_texts(
        sheet(workbook, "closed_exceptions")
    )


def test_closing_that_nobody_named_is_refused() -> None:
    with pytest.raises(MissingTextError, match="closed_by"):
        rendered(exception(exception_state="closed", closed_date=AS_OF, closed_by="forgotten"))


def test_files_of_the_same_name_are_told_apart_by_their_custodian() -> None:
    told = {"rule": "required_file_arrived", "file_name": "positions.csv", "household_id": None}
    rows = open_rows(
        rendered(exception(custodian="MESA", **told), exception(custodian="RIDGE", **told))
    )
    assert [row["custodian"] for row in rows] == ["MESA", "RIDGE"]
