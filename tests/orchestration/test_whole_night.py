"""Whole nights on the demo book: from files to workbooks, twice, and over three sessions."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.home import Home
from orchestration.run_night import NightReport, run_night, write_landing
from python_steps.demo_book.book import DEMO_SEED, DEMO_SESSION, DIRTY_CASES, demo_files
from python_steps.sessions import previous_session

pytestmark = pytest.mark.slow

# Enough households for every named and every dirty case.
HOUSEHOLDS = 48


def demo_home(folder: Path, sessions: list[date], households: int = HOUSEHOLDS) -> Home:
    home = Home(folder).activate()
    write_landing(home, demo_files(households=households, seed=DEMO_SEED, sessions=sessions))
    return home


def rows(home: Home, query: str, *parameters: object) -> list[tuple]:
    with duckdb.connect(str(home.published), read_only=True) as connection:
        return connection.execute(query, list(parameters)).fetchall()


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.xlsx"))
    }


def marts(home: Home) -> dict[str, str]:
    """A digest of the content of every mart."""
    with duckdb.connect(str(home.published), read_only=True) as connection:
        names = [
            row[0]
            for row in connection.execute(
                "select table_name from duckdb_tables() where schema_name = 'marts' order by 1"
            ).fetchall()
        ]
        return {
            name: hashlib.sha256(
                repr(
                    connection.execute(f"select * from marts.{name} order by all").fetchall()
                ).encode()
            ).hexdigest()
            for name in names
        }


@pytest.fixture(scope="module")
def night(tmp_path_factory) -> tuple[Home, NightReport]:
    home = demo_home(tmp_path_factory.mktemp("night"), [DEMO_SESSION])
    return home, run_night(home, DEMO_SESSION)


def test_every_household_gets_its_workbook_and_the_book_one(night):
    home, report = night
    files = digests(home.reports(DEMO_SESSION))
    assert len(files) == HOUSEHOLDS + 1
    assert "book.xlsx" in files
    assert report.workbooks == HOUSEHOLDS
    assert report.state == "degraded"


def test_garcia_gives_the_promised_picture(night):
    home, _ = night
    assert rows(
        home,
        "select count(*) from marts.fct_household_drift "
        "where household_id = 'HH-GARCIA' and is_breach",
    ) == [(4,)]
    trades = rows(
        home,
        """
        select t.trade_sequence, a.tax_treatment, t.realized_short_term_gain
        from marts.fct_recommended_trades as t
        inner join marts.dim_accounts as a using (as_of_date, account_id)
        where t.household_id = 'HH-GARCIA' order by t.trade_sequence
        """,
    )
    assert len(trades) == 12
    treatments = [treatment for _, treatment, _ in trades]
    first_taxable = treatments.index("taxable")
    assert set(treatments[first_taxable:]) == {"taxable"}
    assert first_taxable > 0
    assert {gain for _, _, gain in trades} == {Decimal(0)}
    assert rows(
        home,
        "select bool_and(is_within_band_after) from marts.fct_allocation_comparison "
        "where household_id = 'HH-GARCIA'",
    ) == [(True,)]


def test_workbook_of_garcia_shows_the_marts_numbers(night):
    home, _ = night
    workbook = load_workbook(home.reports(DEMO_SESSION) / "ADV-01" / "HH-GARCIA.xlsx")
    shown = {
        cell.value
        for sheet in workbook
        for line in sheet.iter_rows()
        for cell in line
        if isinstance(cell.value, (int, float)) and not isinstance(cell.value, bool)
    }
    for (notional,) in rows(
        home,
        "select notional from marts.fct_recommended_trades where household_id = 'HH-GARCIA'",
    ):
        assert float(round(notional, 2)) in shown


@pytest.mark.parametrize("household_id", sorted(DIRTY_CASES))
def test_dirty_data_is_named_at_its_scope_and_stops_nobody_else(night, household_id):
    home, _ = night
    what, scope = DIRTY_CASES[household_id]
    found = rows(
        home,
        "select scope, message from marts.fct_data_quality_results "
        "where household_id = ? and not is_passed",
        household_id,
    )
    scopes = {found_scope for found_scope, _ in found}
    state = rows(
        home,
        "select household_state, state_reason from marts.dim_households where household_id = ?",
        household_id,
    )
    if scope == "feed":
        assert state[0][0] == "waiting_for_feed", what
        assert state[0][1], what
    else:
        assert scope in scopes, (what, found)
    assert (home.reports(DEMO_SESSION)).joinpath("book.xlsx").exists()


def test_households_without_dirty_data_are_released(night):
    home, _ = night
    states = rows(home, "select household_id, household_state from marts.dim_households")
    held = {
        household_id
        for household_id, state in states
        if state in ("withheld", "waiting_for_feed") and household_id not in DIRTY_CASES
    }
    assert held == set()


def test_no_account_number_leaves_the_raw_tables(night):
    home, _ = night
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        numbers = {
            row[0]
            for row in connection.execute(
                "select distinct account_number from raw.account_registry "
                "where length(account_number) > 6 and account_number not like 'XXXX%' "
                "and account_number not like '...%'"
            ).fetchall()
        }
    assert numbers
    with duckdb.connect(str(home.published), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() order by all"
        ).fetchall()
        for schema, table in tables:
            text = repr(connection.execute(f'select * from {schema}."{table}"').fetchall())
            leaked = numbers & set(re.findall(r"[0-9A-Za-z-]+", text))
            assert leaked == set(), f"{schema}.{table}"


def test_the_same_night_twice_is_the_same_night(night, tmp_path):
    home, report = night
    files, tables = digests(home.reports(DEMO_SESSION)), marts(home)
    again = run_night(home, DEMO_SESSION)
    assert again.version == report.version
    assert digests(home.reports(DEMO_SESSION)) == files
    assert marts(home) == tables
    statuses = rows(home, "select distinct status from ops.workbooks")
    assert statuses == [("unchanged",)]


def test_a_night_on_another_machine_gives_the_same_tables_and_workbooks(night, tmp_path):
    home, _ = night
    other = demo_home(tmp_path / "elsewhere", [DEMO_SESSION])
    run_night(other, DEMO_SESSION)
    assert marts(other) == marts(home)
    assert digests(other.reports(DEMO_SESSION)) == digests(home.reports(DEMO_SESSION))


def test_three_sessions_give_a_history_that_a_reader_never_sees_half_of(tmp_path):
    sessions = [previous_session(previous_session(DEMO_SESSION)), previous_session(DEMO_SESSION)]
    sessions.append(DEMO_SESSION)
    home = demo_home(tmp_path / "history", sessions, households=6)
    run_night(home, sessions[0])
    disturbed: list[str] = []
    seen: set[int] = set()
    finished = threading.Event()

    def read_on() -> None:
        # As an analyst does, query after query, without taking the processor from the night.
        while not finished.wait(0.05):
            try:
                ((count,),) = rows(
                    home, "select count(distinct as_of_date) from marts.fct_positions"
                )
                seen.add(count)
            except duckdb.Error as error:
                disturbed.append(str(error))

    reader = threading.Thread(target=read_on)
    reader.start()
    try:
        for session in sessions[1:]:
            run_night(home, session)
    finally:
        finished.set()
        reader.join()
    assert disturbed == []
    assert seen <= {1, 2, 3}
    history = rows(
        home,
        "select as_of_date, actual_weight from marts.fct_household_drift "
        "where household_id = 'HH-GARCIA' and asset_class = 'US Large Cap Equity' "
        "order by as_of_date",
    )
    assert [day for day, _ in history] == sessions
    assert len({weight for _, weight in history}) == 3
    current = rows(home, "select distinct as_of_date from marts.fct_household_drift_current")
    assert current == [(DEMO_SESSION,)]
    _restated_file_makes_a_new_version(home, sessions[1])


def _restated_file_makes_a_new_version(home: Home, session: date) -> None:
    """A changed file for a loaded session: a new version that says so; later nights are stale."""
    landed = home.landing / session.isoformat() / "alpine" / "prices.csv"
    lines = landed.read_text(encoding="utf-8").splitlines()
    landed.write_text("\n".join([lines[0], *lines[1:]]).replace("CLOSE", "NAV", 1) + "\n")
    report = run_night(home, session)
    assert report.version == 2
    assert "changed file" in report.note
    assert "alpine" in report.note.lower()
    assert "prices.csv" in report.note
    stale = rows(home, "select as_of_date, is_stale, stale_reason from ops.nights order by all")
    later = [(flag, reason) for day, flag, reason in stale if day > session]
    assert later
    assert all(flag for flag, _ in later)
    assert str(session) in later[0][1]


def test_a_night_without_any_file_fails_with_a_sentence_and_publishes_nothing(tmp_path):
    from orchestration.run_night import NightFailedError

    home = Home(tmp_path / "empty").activate()
    with pytest.raises(NightFailedError, match="no custodian's positions"):
        run_night(home, DEMO_SESSION)
    assert not home.published.exists()
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        assert connection.execute("select state from ops.nights").fetchall() == [("failed",)]


def test_alerts_name_the_households_outside_their_bands(night):
    home, _ = night
    lines = (home.logs / "alerts.jsonl").read_text(encoding="utf-8").splitlines()
    alert = json.loads(lines[0])
    assert "outside their bands" in alert["subject"]
    assert any(line.startswith("Garcia: 4 classes") for line in alert["lines"])


def test_removing_a_households_policy_removes_its_workbook(night, tmp_path):
    home, _ = night
    copy = tmp_path / "copy"
    shutil.copytree(home.folder / "landing", copy / "landing")
    smaller = Home(copy).activate()
    write_landing(smaller, demo_files(households=4, seed=DEMO_SEED, sessions=[DEMO_SESSION]))
    for path in sorted((smaller.landing / DEMO_SESSION.isoformat()).iterdir()):
        if path.name not in ("alpine", "summit", "policy"):
            shutil.rmtree(path)
    run_night(smaller, DEMO_SESSION)
    assert len(digests(smaller.reports(DEMO_SESSION))) == 5


def test_the_questions_of_an_advisor_are_answered(night):
    home, _ = night
    runner = CliRunner(env={"COLUMNS": "200"})

    def answer(*arguments: str) -> str:
        result = runner.invoke(app, [*arguments, "--data", str(home.folder)])
        assert result.exit_code == 0, result.output
        return result.output

    garcia = json.loads(answer("household", "garcia", "--json"))
    assert len(garcia["trades"]) == 12
    assert sum(row["is_breach"] for row in garcia["drift"]) == 4
    assert len(garcia["before_and_after"]) == len(garcia["drift"])
    table = answer("household", "garcia")
    for trade in garcia["trades"]:
        assert f"{Decimal(trade['notional']):,.2f}" in table
    outside = json.loads(answer("drift", "--band", "3", "--json"))["outside"]
    assert all(abs(Decimal(row["absolute_drift"])) > Decimal("0.03") for row in outside)
    assert {row["household_id"] for row in outside} >= {"HH-GARCIA", "HH-THOMPSON"}
    own_bands = json.loads(answer("drift", "--json"))["outside"]
    assert all(row["is_breach"] for row in own_bands)
    taxable = json.loads(
        answer("tax-impact", "--household", "garcia", "--account", "taxable", "--json")
    )
    assert {row["tax_treatment"] for row in taxable["trades"]} == {"taxable"}
    waiting = json.loads(answer("wait-or-trade", "thompson", "--json"))["groups"]
    assert [group["verdict"] for group in waiting.values()] == ["wait"]
    assert "5 rows" in answer(
        "sql", "select household_id from marts.dim_households_current limit 5"
    )
