"""States of accounts and households: why, since when, who must act; and what a late split freezes.

Belongs here: one household per state over two nights, sixteen days apart. Does not belong here: the
rules that lead to a state. A sound household holds 60 VTI at 100, 76 BND at 50 and $200: 10,000.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.dbt_project.book_fixture import Book
from tests.dbt_project.warehouse_fixture import create_warehouse, query, run_dbt

FIRST, SECOND = date(2026, 11, 2), date(2026, 11, 18)
NUMBERS = {
    "COMPLETE": "6000010",
    "PENDING": "6000020",
    "HELD": "6000030",
    "NOIPS": "6000040",
    "TARGETS": "6000050",
    "WAITING": "6000060",
    "LATESPLIT": "6000070",
    "SPLIT": "6000080",
}


def _sound(book: Book, name: str, **settings: str) -> None:
    book.account(NUMBERS[name], name, **settings)
    book.position(NUMBERS[name], "VTI", "60", custodian=settings.get("custodian", "ALPINE"))
    book.position(NUMBERS[name], "BND", "76", custodian=settings.get("custodian", "ALPINE"))


def _session(session: date) -> Book:
    book = Book(session)
    settings = {"HELD": {"account_status": "legal_hold"}, "NOIPS": {"allocation_group_id": ""}}
    for name in NUMBERS:
        book.household(name, **({"bonds": "0.30"} if name == "TARGETS" else {}))
        if name == "WAITING":
            book.account(NUMBERS[name], name, custodian="BETA", cash="10")
        else:
            _sound(book, name, **settings.get(name, {}))
    book.position(NUMBERS["PENDING"], "SCHB", "10", lots=())
    # Two for one on the second night: one holder's lots follow, the other's are those of before.
    is_split = session == SECOND
    for name in ("LATESPLIT", "SPLIT"):
        book.position(NUMBERS[name], "SCHB", "20" if is_split else "10", lots=())
        quantity = "20" if is_split and name == "SPLIT" else "10"
        book.lot(NUMBERS[name], "SCHB", quantity, "S-1", cost_basis="800.00")
    book.delivery.add("corporate_actions")
    if is_split:
        book.delivery.add(
            "corporate_actions",
            {"ticker": "SCHB", "action_type": "SPLIT", "ex_date": SECOND.isoformat()}
            | {"ratio_new": "2", "ratio_old": "1"},
        )
    return book


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("states") / "warehouse.duckdb"
    create_warehouse(path)
    for session in (FIRST, SECOND):
        _session(session).delivery.write(path)
        run_dbt(
            path,
            *("build", "--select", "tag:book", "--exclude-resource-type", "unit_test"),
            as_of_date=session,
        )
    return path


def _account(path: Path, name: str, session: date) -> tuple[Any, ...]:
    (row,) = query(
        path,
        """
        select account_state, who_must_act, account_state_since_date, account_state_reason
        from marts.dim_accounts where household_id = ? and as_of_date = ?
        """,
        name,
        session,
    )
    return row


def _household(path: Path, name: str, session: date) -> tuple[Any, ...]:
    (row,) = query(
        path,
        """
        select household_state, data_state, who_must_act, data_state_since_date, data_state_reason
        from marts.dim_households where household_id = ? and as_of_date = ?
        """,
        name,
        session,
    )
    return row


@pytest.mark.parametrize(
    ("name", "state", "who", "words"),
    [
        ("COMPLETE", "complete", None, None),
        ("HELD", "frozen", "advisor", "its status is legal hold"),
        ("NOIPS", "frozen", "advisor", "it has no Investment Policy Statement"),
        ("WAITING", "waiting_for_feed", "operations", "it waits for the files positions, tax lots"),
    ],
)
def test_account_says_its_state_why_since_when_and_who_must_act(
    nights: Path, name: str, state: str, who: str | None, words: str | None
) -> None:
    assert _account(nights, name, SECOND) == (state, who, FIRST, words)


@pytest.mark.parametrize(
    ("name", "state", "data_state", "who"),
    [
        ("COMPLETE", "released", "complete", None),
        ("HELD", "released", "frozen", "advisor"),
        ("NOIPS", "released", "frozen", "advisor"),
        ("TARGETS", "withheld", "withheld", "portfolio operations"),
        ("WAITING", "waiting_for_feed", "waiting_for_feed", "operations"),
    ],
)
def test_household_says_how_far_its_data_can_be_used(
    nights: Path, name: str, state: str, data_state: str, who: str | None
) -> None:
    found = _household(nights, name, SECOND)
    assert found[:4] == (state, data_state, who, FIRST)
    assert (found[4] is None) == (data_state == "complete")


def test_lots_that_have_not_followed_are_no_error_at_first(nights: Path) -> None:
    state, who, since, reason = _account(nights, "PENDING", FIRST)
    assert (state, who, since) == ("lots_pending", None, FIRST)
    assert reason == "the tax lots of 1 holding have not arrived since 2026-11-02"
    assert _household(nights, "PENDING", FIRST)[:3] == ("released", "lots_pending", None)
    rows = query(
        nights,
        "select rule from marts.fct_open_exceptions where as_of_date = ? and household_id = ?",
        FIRST,
        "PENDING",
    )
    assert rows == []


def test_lots_that_stay_away_for_too_long_ask_somebody(nights: Path) -> None:
    assert _account(nights, "PENDING", SECOND)[:3] == ("lots_pending", "operations", FIRST)
    assert _household(nights, "PENDING", SECOND)[:3] == ("released", "lots_pending", "operations")
    rows = query(
        nights,
        """
        select rule, severity, who_must_act, observed, market_value_held_up
        from marts.fct_open_exceptions where as_of_date = ? and household_id = ?
        """,
        SECOND,
        "PENDING",
    )
    assert rows == [
        (
            "lots_arrive_in_time",
            "warn",
            "operations",
            "16 days without lots, since 2026-11-02",
            Decimal("200"),
        )
    ]


def _positions(path: Path, name: str) -> dict[str, str]:
    return dict(
        query(
            path,
            """
            select s.ticker, p.position_state
            from intermediate.int_positions__valued as p
            inner join intermediate.int_securities__described as s using (security_id)
            where p.household_id = ?
            """,
            name,
        )
    )


def test_late_split_freezes_the_one_holding_whose_lots_are_late(nights: Path) -> None:
    assert _positions(nights, "LATESPLIT") == {
        "VTI": "complete",
        "BND": "complete",
        "SCHB": "frozen",
    }
    assert set(_positions(nights, "SPLIT").values()) == {"complete"}
    for name in ("LATESPLIT", "SPLIT"):
        assert _account(nights, name, SECOND)[0] == "complete"
        assert _household(nights, name, SECOND)[0] == "released"


def test_what_a_missing_file_would_hold_is_unknown_and_never_nothing(nights: Path) -> None:
    # Its $10 of cash came; the file of its holdings did not.
    assert query(
        nights,
        """
        select accounts.market_value, households.market_value, households.uncertain_weight
        from marts.dim_accounts as accounts
        inner join marts.dim_households as households using (as_of_date, household_id)
        where household_id = 'WAITING' and as_of_date = ?
        """,
        SECOND,
    ) == [(None, None, None)]
