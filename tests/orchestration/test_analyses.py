"""The analysts' questions: each can be put to the published snapshot, and some whole answers."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestration.analyses import analyses_of, analysis_named
from orchestration.cli import app
from orchestration.home import DBT_PROJECT_FOLDER
from orchestration.questions import QuestionError, Snapshot
from tests.orchestration.made_marts import make_snapshot, put

ANALYSES = analyses_of(DBT_PROJECT_FOLDER)


@pytest.fixture
def published(tmp_path) -> Path:
    return make_snapshot(tmp_path / "published" / "evenkeel.duckdb")


def _answer(path: Path, name: str) -> list[dict[str, object]]:
    return Snapshot(path).query(analysis_named(DBT_PROJECT_FOLDER, name).query)


def test_there_are_twenty_questions_and_each_is_one():
    assert len(ANALYSES) >= 20
    for analysis in ANALYSES:
        assert analysis.question[0].isupper(), analysis.name
        assert "?" in analysis.question, analysis.name
        assert "{" not in analysis.query, analysis.name


@pytest.mark.parametrize("name", [analysis.name for analysis in ANALYSES])
def test_every_question_can_be_put_to_the_marts(published, name):
    assert _answer(published, name) == []


def test_a_breach_lasts_from_the_night_it_is_seen_to_the_night_it_is_gone(published):
    put(
        published,
        "fct_household_drift",
        *(
            {
                "as_of_date": date(2026, 11, day),
                "household_id": "H1",
                "allocation_group_id": "G1",
                "asset_class": "Cash",
                "is_breach": is_breach,
                "absolute_drift": 0.01 * day,
            }
            for day, is_breach in (
                (9, False),
                (10, True),
                (11, None),  # not known: the breach is not known to have ended
                (12, True),
                (13, False),
                (16, True),
            )
        ),
    )

    answer = _answer(published, "time_to_resolution")

    assert [
        (row["left_band_date"].day, row["back_inside_date"], row["nights_outside"])
        for row in answer
    ] == [(10, date(2026, 11, 13), 2), (16, None, 1)]


@pytest.mark.parametrize(
    ("start", "long_term_from"),
    [
        (date(2025, 11, 19), date(2026, 11, 20)),
        # Rev. Rul. 66-7: bought on the last day of February, long from the first of March.
        (date(2026, 2, 28), None),
        (date(2025, 12, 31), date(2027, 1, 1)),
    ],
)
def test_gains_that_turn_long_term_soon(published, start, long_term_from):
    put(
        published,
        "dim_accounts",
        {
            "account_id": "A1",
            "account_name": "Joint",
            "tax_treatment": "taxable",
        },
    )
    put(
        published,
        "dim_securities",
        {"security_id": "S1", "ticker": "VTI"},
    )
    put(
        published,
        "fct_tax_lots",
        {
            "account_id": "A1",
            "lot_id": "L1",
            "household_id": "H1",
            "security_id": "S1",
            "holding_period_start_date": start,
            "term": "short",
            "quantity": 1,
            "unrealized_gain": 10,
        },
    )

    found = [row["long_term_from_date"] for row in _answer(published, "lots_turning_long_term")]

    assert found == ([] if long_term_from is None else [long_term_from])


def test_cost_that_is_not_known_in_one_trade_is_not_known_of_the_household(published):
    put(
        published,
        "dim_households",
        {"household_id": "H1", "market_value": 1000},
    )
    put(
        published,
        "fct_recommended_trades",
        *(
            {
                "trade_id": f"T{number}",
                "household_id": "H1",
                "notional": 100,
                "commission": 1,
                "spread_cost": spread,
                "market_impact": 0,
            }
            for number, spread in enumerate((2, None))
        ),
    )

    (row,) = _answer(published, "turnover_and_cost")

    assert row["cost"] is None
    assert row["cost_bps"] is None


def test_the_command_lists_answers_and_shows_the_query(published):
    run = CliRunner().invoke
    data = ["--data", str(published.parents[1])]

    listed = run(app, ["analysis", "--json", *data])
    query = run(app, ["analysis", "idle-cash", "--sql", *data])
    unknown = run(app, ["analysis", "nonsense", *data])

    assert '"name": "idle_cash"' in listed.output
    assert "marts.fct_account_cash" in query.output
    assert run(app, ["analysis", "idle_cash", *data]).exit_code == 0
    assert unknown.exit_code == 2


def test_an_unknown_question_names_those_that_exist():
    with pytest.raises(QuestionError, match="idle_cash"):
        analysis_named(DBT_PROJECT_FOLDER, "nonsense")
