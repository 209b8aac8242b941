"""The command line: help that teaches, one sentence for an error, exit codes."""

from __future__ import annotations

import csv
import io
import json
import signal
import socket
import subprocess
import sys
import time
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from orchestration import cli, questions
from orchestration.cli import app
from orchestration.run_night import files_out_of_place

runner = CliRunner()


def said(result) -> str:
    """What a person reads, without the terminal's line breaks."""
    return " ".join((result.output + (result.stderr or "")).split())


def test_help_names_every_command():
    help_text = said(runner.invoke(app, ["--help"]))
    for command in (
        "nightly",
        "household",
        "drift",
        "tax-impact",
        "wait-or-trade",
        "screen",
        "overrides",
        "sql",
        "trace",
        "docs",
        "ui",
        "demo-book",
        "bench",
    ):
        assert command in help_text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nightly"], "give either --demo, or --date"),
        (["nightly", "--date", "2026-11-22"], "use --date 2026-11-20"),
        (["nightly", "--date", "2026-11-19", "--landing", "nowhere"], "holds no files"),
        (["household", "garcia"], "nothing is published yet"),
        (["drift"], "nothing is published yet"),
        (["tax-impact", "--household", "garcia"], "nothing is published yet"),
        (["wait-or-trade", "garcia"], "nothing is published yet"),
        (["sql", "select 1"], "nothing is published yet"),
        (["nightly", "--date", "2026-11-19", "--through", "2026-11-17"], "is before --date"),
        (["drift", "--band", "abc"], "is not a number of points from 0 to 100"),
        (["drift", "--band", "-3"], "is not a number of points from 0 to 100"),
        (["drift", "--band", "NaN"], "is not a number of points from 0 to 100"),
        (["ui", "--port", "0"], "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_exit_code_2(tmp_path, arguments, words):
    result = runner.invoke(app, [*arguments, "--data", str(tmp_path / "data")])
    assert result.exit_code == 2
    assert words in said(result)
    assert "Traceback" not in said(result)


def test_a_bad_policy_value_is_refused_by_name(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "firm_policy.yaml").write_text("minimum_trade_amount: -5\n", encoding="utf-8")
    result = runner.invoke(app, ["nightly", "--demo", "--data", str(data)])
    assert result.exit_code == 2
    assert "minimum_trade_amount = -5: must be between 0 and 1000000" in said(result)


def test_demo_book_is_written_where_it_is_wanted(tmp_path):
    out = tmp_path / "book"
    result = runner.invoke(app, ["demo-book", "--households", "2", "--out", str(out)])
    assert result.exit_code == 0
    assert (out / "2026-11-19" / "policy" / "households.csv").exists()


def test_demo_book_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    result = runner.invoke(app, ["demo-book", "--households", "2", "--out", str(tmp_path / "file")])
    assert result.exit_code == 2
    assert "error:" in said(result)


_SCREEN = ["screen", "--account", "Roth IRA", "--security", "VTI"]


@pytest.fixture
def published(tmp_path):
    """A data folder with a snapshot of one night, whose names are made to break a terminal."""
    (tmp_path / "published").mkdir()
    with duckdb.connect(str(tmp_path / "published" / "evenkeel.duckdb")) as snapshot:
        snapshot.execute("create schema marts")
        snapshot.execute("create schema ops")
        snapshot.execute(
            "create table ops.nights as "
            "select date '2026-11-19' as as_of_date, 1 as version, 'complete' as state"
        )
        snapshot.execute(
            "create table marts.dim_households as "
            "select date '2026-11-19' as as_of_date, 'HH-' || n as household_id, "
            "'[/bold] :200: ' || n as household_name from range(12) as r(n)"
        )
        snapshot.execute(
            "create table marts.dim_accounts as "
            "select date '2026-11-19' as as_of_date, 'A-1' as account_id, 'HH-1' as household_id, "
            "'Roth IRA' as account_name, 'roth_ira' as account_type, 'tax_free' as tax_treatment"
        )
    return tmp_path


_OVERRIDES = """
    create table marts.fct_overrides as
    select
        date '2026-11-19' as as_of_date, n as source_row_number, 'O-' || n as override_id,
        kind as override_type, if(kind = 'accept', 'unique_key', null) as rule,
        null::varchar as household_id, if(n = 4, 'ALPINE', null) as custodian,
        if(n = 4, null, 'A-1') as account_id, if(n = 1, 'S-1', null) as security_id,
        null::varchar as lot_id, if(kind = 'accept', null, 'cost_basis') as column_name,
        if(kind = 'accept', null, '250.00') as value, 'told by [/b] telephone' as reason,
        'Robin Chief' as approved_by, date '2026-11-19' + days as expires_date,
        days as days_to_expiry, state as override_state, why as state_reason,
        if(state = 'used', 1, 0) as used_count, date '2026-11-01' as first_seen_date
    from (values
        (1, 'accept', 30, 'used', null),
        (2, 'set_value', -1, 'not_in_force', 'it held until 2026-11-18'),
        (3, 'accept', 60, 'not_in_force', 'it holds only from 2026-11-20'),
        (4, 'accept', 5, 'unknown_thing', 'no rule is called unique_kye'),
        (5, 'accept', 9, 'not_needed', 'the rule is not broken where it says')
    ) as given(n, kind, days, state, why)
"""


@pytest.fixture
def decided(published):
    """The same folder with a decision in every state."""
    with duckdb.connect(str(published / "published" / "evenkeel.duckdb")) as snapshot:
        snapshot.execute(_OVERRIDES)
        snapshot.execute(
            "create table marts.dim_securities as select date '2026-11-19' as as_of_date, "
            "'S-1' as security_id, 'VTI' as ticker, 'Total Stock' as security_name"
        )
    return published


def test_overrides_tell_what_is_in_force_and_what_is_not_and_why(decided):
    result = runner.invoke(app, ["overrides", "--json", "--data", str(decided)])
    assert result.exit_code == 0
    told = json.loads(result.output)
    assert told["as_of_date"] == "2026-11-19"
    assert {row["override_id"]: row["standing"] for row in told["overrides"]} == {
        "O-1": "in_force",
        "O-2": "expired",
        "O-3": "not_yet_in_force",
        "O-4": "not_applicable",
        "O-5": "in_force",
    }
    by_id = {row["override_id"]: row for row in told["overrides"]}
    assert by_id["O-1"]["about"] == "[/bold] :200: 1, Roth IRA, VTI"
    assert by_id["O-4"]["about"] == "ALPINE"
    assert (by_id["O-1"]["decision"], by_id["O-2"]["decision"]) == (
        "unique_key",
        "cost_basis = 250.00",
    )
    for row in told["overrides"]:
        assert (row["reason"], row["approved_by"]) == ("told by [/b] telephone", "Robin Chief")
        assert row["expires_date"]


def test_overrides_stand_in_a_table_for_each_standing(decided, monkeypatch):
    monkeypatch.setenv("COLUMNS", "220")
    result = runner.invoke(app, ["overrides", "--data", str(decided)])
    assert result.exit_code == 0
    words = said(result)
    titles = ["in force", "not yet in force", "that have expired", "that cannot be applied"]
    places = [words.index(f"Overrides {title} on 2026-11-19") for title in titles]
    assert places == sorted(places)
    assert words.index("O-5") < places[1] < words.index("O-3") < places[2] < words.index("O-2")
    for shown in ("Robin Chief", "told by [/b] telephone", "no rule is called unique_kye"):
        assert shown in words
    empty = runner.invoke(app, ["overrides", "--data", str(decided), "--date", "2026-11-20"])
    assert empty.exit_code == 2


def test_a_night_names_who_is_held_up_and_where_all_of_them_are_found(published):
    path = published / "published" / "evenkeel.duckdb"
    with duckdb.connect(str(path)) as snapshot:
        snapshot.execute(
            "create or replace table marts.dim_households as "
            "select date '2026-11-19' as as_of_date, printf('HH-%02d', n) as household_id, "
            "printf('[/b] %02d', n) as household_name, "
            "case when n = 12 then 'withheld' when n = 13 then 'released' "
            "else 'waiting_for_feed' end as household_state, "
            "'No file of ALPINE.' as state_reason from range(14) as r(n)"
        )
    held = questions.held_up_households(questions.Snapshot(path), date(2026, 11, 19))
    assert len(held) == 13
    with cli.console.capture() as captured:
        cli._tell_held_up(held)
    lines = captured.get().splitlines()
    assert lines[0] == "withheld: [/b] 12 (HH-12): No file of ALPINE."
    assert lines[1] == "waiting for feed: [/b] 00 (HH-00): No file of ALPINE."
    assert len(lines) == 11
    assert lines[-1].startswith("and 3 more: evenkeel sql ")
    query = lines[-1].split('"')[1].replace("dim_households_current", "dim_households")
    assert len(questions.Snapshot(path).query(query)) == 13
    with cli.console.capture() as captured:
        cli._tell_held_up([])
    assert captured.get() == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["household", "HH-1", "--date", "2026-11-18"], "the nearest is 2026-11-19"),
        (["household", ""], "say which household"),
        (["household", "bold"], "and 2 more"),
        (["household", "[/bold]"], "'[/bold]' fits several households: [/bold] :200: 0 (HH-0)"),
        (["tax-impact", "--household", "HH-1", "--account", "taxable"], "it has Roth IRA"),
        ([*_SCREEN, "--action", "hold"], "--action is buy or sell, not 'hold'"),
        ([*_SCREEN, "--action", "buy", "--quantity", "few"], "a number of shares, not 'few'"),
        ([*_SCREEN, "--action", "buy", "--date", "2026-11-19"], "the next session is 2026-11-20"),
        ([*_SCREEN, "--action", "buy", "--household", "HH-2"], "no account of 2026-11-19"),
        (["sql", ""], "the query is empty"),
        (["sql", "selec 1"], "syntax error"),
        (["sql", "drop table ops.nights"], "read-only"),
        (["sql", "select cast('x' as integer)"], "Could not convert"),
    ],
)
def test_what_the_snapshot_cannot_answer_is_told(published, arguments, words):
    result = runner.invoke(app, [*arguments, "--data", str(published)])
    assert result.exit_code == 2
    assert words in said(result)
    assert "Traceback" not in said(result)


def test_a_snapshot_that_is_no_database_is_told(published):
    (published / "published" / "evenkeel.duckdb").write_text("not a database", encoding="utf-8")
    result = runner.invoke(app, ["drift", "--data", str(published)])
    assert result.exit_code == 2
    assert "not a valid DuckDB database" in said(result)


def test_sql_shows_data_as_it_is_and_every_column(published):
    query = "select '[/a] :200:' as \"[/b]\", 1 as a, 2 as a"
    result = runner.invoke(app, ["sql", query, "--data", str(published)])
    assert result.exit_code == 0
    for words in ("[/b]", "[/a] :200:", "a 1", "2"):
        assert words in said(result)


def test_json_of_any_type_is_json(published):
    query = (
        "select 'nan'::double as n, interval 1 day as i, time '10:00' as t, '\\xAB'::blob as b, "
        "[1.5::decimal(9,2)] as l, {'k': date '2026-01-02'} as s, 1.10::decimal(9,2) as d"
    )
    result = runner.invoke(app, ["sql", "--json", query, "--data", str(published)])
    assert result.exit_code == 0
    assert json.loads(result.output) == [
        {
            "n": None,
            "i": "1 day, 0:00:00",
            "t": "10:00:00",
            "b": "ab",
            "l": ["1.50"],
            "s": {"k": date(2026, 1, 2).isoformat()},
            "d": "1.10",
        }
    ]


DANGEROUS = ('=HYPERLINK("http://example.invalid","x")', "+1+1", "-2+3", "@x", "\tx", " =1", "\rx")


@pytest.mark.parametrize("text", DANGEROUS)
def test_csv_holds_nothing_that_a_spreadsheet_would_run(published, text):
    quoted = text.replace("'", "''")
    query = f"select '{quoted}' as \"=name\", -1.50::decimal(9,2) as amount, ['@y'] as l, null as n"
    result = runner.invoke(app, ["sql", "--csv", query, "--data", str(published)])
    assert result.exit_code == 0
    header, row = csv.reader(io.StringIO(result.stdout, newline=""))
    assert header == ["'=name", "amount", "l", "n"]
    assert row == [f"'{text}", "-1.50", '["@y"]', ""]


def test_csv_and_json_at_once_are_refused(published):
    result = runner.invoke(app, ["sql", "--csv", "--json", "select 1", "--data", str(published)])
    assert result.exit_code == 2
    assert "either --json or --csv" in said(result)


def _children(parent: int) -> set[int]:
    """Every process below `parent`, as the kernel lists them."""
    below: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2]
        except OSError:  # the process has just ended
            continue
        below.setdefault(int(after_name.split()[1]), []).append(int(stat.parent.name))
    found: set[int] = set()
    waiting = [parent]
    while waiting:
        for child in below.get(waiting.pop(), []):
            found.add(child)
            waiting.append(child)
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs the Linux process table")
def test_ui_leaves_no_process_behind_when_it_is_told_to_stop(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "orchestration.cli", "ui", "--port", str(port)]
    # A shell ignores the interrupt for what it starts in the background, and children inherit it.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        ui = subprocess.Popen(
            [*command, "--data", str(tmp_path / "data")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        deadline = time.monotonic() + 120
        answered = False
        while not answered and time.monotonic() < deadline:
            with socket.socket() as client:
                answered = client.connect_ex(("127.0.0.1", port)) == 0
            time.sleep(0.5)
        assert answered
        started = _children(ui.pid)
        assert len(started) > 1
    finally:
        ui.send_signal(signal.SIGTERM)
        ui.wait(timeout=60)
    deadline = time.monotonic() + 30
    left = started
    while left and time.monotonic() < deadline:
        left = {pid for pid in started if Path(f"/proc/{pid}").exists()}
        time.sleep(0.5)
    assert not left
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def test_files_outside_the_custodian_folders_are_named(tmp_path):
    day = date(2026, 11, 19)
    for name in ("alpine/positions.csv", "strayed.csv", "alpine/sub/prices.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("content", encoding="utf-8")
    other_session = tmp_path / "2026-11-18" / "alpine"
    other_session.mkdir(parents=True)
    (other_session / "positions.csv").write_text("content", encoding="utf-8")
    link = tmp_path / "alpine" / "accounts.csv"
    link.symlink_to("/etc/hostname")
    strays = [link, tmp_path / "alpine" / "sub" / "prices.csv", tmp_path / "strayed.csv"]
    assert files_out_of_place(day, tmp_path) == strays


@pytest.mark.parametrize(
    ("column", "value", "shown"),
    [
        ("share_of_daily_volume", Decimal("0.01234567"), "1.23 %"),
        ("median_gap_bps", 7.858328647963917e-05, "0.00"),
        ("median_gap_bps", 1.2803238898982316, "1.28"),
        ("median_gap", Decimal("186.744"), "186.74"),
    ],
)
def test_shares_and_basis_points_are_shown_as_such(column, value, shown):
    assert cli._cell(column, value) == shown
