"""A broken file withholds those it is about; the corrected one of the same session releases them.

Belongs here: whole nights over one session whose files are mended in between. Does not belong here:
how single exceptions age (tests/dbt_project/test_quarantine_exceptions.py).
"""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from openpyxl import load_workbook

from orchestration.home import Home
from orchestration.records import Records
from orchestration.run_night import run_night, write_landing
from python_steps.demo_book.book import DEMO_SEED, DEMO_SESSION, demo_files

pytestmark = pytest.mark.slow

BROKEN = f"{DEMO_SESSION}/alpine/positions.csv"
OVERRIDES = f"{DEMO_SESSION}/policy/overrides.csv"


def rows(home: Home, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home.published), read_only=True) as connection:
        return connection.execute(statement, list(parameters)).fetchall()


def without_one_row(content: bytes) -> bytes:
    """The file as a broken transfer leaves it: its trailer counts a row that is not there."""
    lines = content.splitlines(keepends=True)
    assert lines[-1].startswith(b"#rows=")
    return b"".join(lines[:1] + lines[2:])


def an_acceptable_exception(home: Home) -> tuple[str, str, str]:
    """Rule, household and ticker of an open exception of one position that a person may accept."""
    (found,) = rows(
        home,
        """
        select e.rule, e.household_id, s.ticker
        from marts.fct_open_exceptions_current as e
        inner join marts.dim_securities_current as s using (security_id)
        where e.exception_state = 'open' and e.rule = 'lot_basis_adds_up_to_position'
        order by all limit 1
        """,
    )
    return found


def overrides_file(rule: str, household_id: str, ticker: str) -> bytes:
    said = {
        "override_id": "OV-1",
        "override_type": "accept",
        "rule": rule,
        "household_id": household_id,
        "ticker": ticker,
        "reason": "the custodian confirmed the lots",
        "approved_by": "Robin Chief",
        "expires_date": "2026-12-31",
        "valid_from": "2026-11-01",
        "valid_to": "",
    }
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(said), lineterminator="\n")
    writer.writeheader()
    writer.writerow(said)
    return text.getvalue().encode() + b"#rows=1,as_of_date=2026-11-19\n"


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, dict[str, Any]]:
    """The home after both versions, and what the first one published."""
    home = Home(tmp_path_factory.mktemp("corrected")).activate()
    files = dict(demo_files(households=12, seed=DEMO_SEED, sessions=[DEMO_SESSION]))
    write_landing(home, (files | {BROKEN: without_one_row(files[BROKEN])}).items())
    first = run_night(home, DEMO_SESSION)
    accepted = an_acceptable_exception(home)
    before = {
        "version": first.version,
        "accepted": accepted,
        "states": dict(
            rows(home, "select household_id, household_state from marts.dim_households")
        ),
        "feeds": rows(
            home,
            "select rule from marts.fct_open_exceptions "
            "where custodian = 'ALPINE' and scope = 'feed' and exception_state = 'open' order by 1",
        ),
    }
    write_landing(home, {BROKEN: files[BROKEN], OVERRIDES: overrides_file(*accepted)}.items())
    before["second_version"] = run_night(home, DEMO_SESSION).version
    return home, before


def test_broken_file_withholds_and_the_corrected_one_releases(nights) -> None:
    home, before = nights
    assert before["states"]["HH-GARCIA"] == "waiting_for_feed"
    states = dict(rows(home, "select household_id, household_state from marts.dim_households"))
    assert states["HH-GARCIA"] == "released"
    released = {name for name, state in states.items() if state == "released"}
    assert len(released) > sum(state == "released" for state in before["states"].values())
    assert (before["version"], before["second_version"]) == (1, 2)


def test_what_the_broken_file_opened_is_closed_by_the_corrected_one(nights) -> None:
    home, before = nights
    assert ("required_file_arrived",) in before["feeds"]
    closed = rows(
        home,
        """
        select rule, opened_date, closed_date, closed_by from marts.fct_open_exceptions
        where custodian = 'ALPINE' and scope = 'feed' order by rule
        """,
    )
    assert [row[0] for row in closed] == [rule for (rule,) in before["feeds"]]
    assert {row[1:] for row in closed} == {(DEMO_SESSION, DEMO_SESSION, "corrected_file")}


def test_override_is_recorded_applied_and_closes_the_exception(nights) -> None:
    home, before = nights
    rule, household_id, _ = before["accepted"]
    closed = rows(
        home,
        "select distinct exception_state, closed_by, override_id from marts.fct_open_exceptions "
        "where rule = ? and household_id = ? and closed_by = 'override'",
        rule,
        household_id,
    )
    assert closed == [("closed", "override", "OV-1")]
    results = rows(
        home,
        "select distinct outcome, severity, override_approved_by "
        "from marts.fct_data_quality_results where rule = ? and override_id = 'OV-1'",
        rule,
    )
    assert results == [("accepted", "info", "Robin Chief")]
    ((override, first_seen, _),) = Records(home.records).overrides()
    assert (override.override_id, override.approved_by) == ("OV-1", "Robin Chief")
    assert first_seen == date(2026, 11, 19)


def test_operations_see_it_in_the_book(nights) -> None:
    home, _ = nights
    workbook = load_workbook(Path(home.reports(DEMO_SESSION)) / "book.xlsx")
    shown = {cell.value for line in workbook["Closed exceptions"].iter_rows() for cell in line}
    assert {"Corrected file", "Override", "OV-1"} <= shown
    count = rows(
        home,
        "select count(*) from marts.fct_open_exceptions where exception_state = 'open'",
    )[0][0]
    listed = [line for line in workbook["Open exceptions"].iter_rows(min_row=6) if line[3].value]
    assert len(listed) == count
