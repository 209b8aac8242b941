"""Whole nights on the demo book: from files to workbooks, twice, and over three sessions."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import threading
from datetime import date
from decimal import Decimal
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from orchestration.analyses import analyses_of
from orchestration.cli import app
from orchestration.home import DBT_PROJECT_FOLDER, Home
from orchestration.questions import Snapshot
from orchestration.run_night import NightReport, run_night, write_landing
from python_steps.demo_book.book import DEMO_SEED, DEMO_SESSION, DIRTY_CASES, demo_files
from python_steps.reports.texts import texts_for
from python_steps.sessions import previous_session
from tests.python_steps.reports.numbers_back import SHOWN, compared_cells

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


def records_of(home: Home, query: str, *parameters: object) -> list[dict]:
    with duckdb.connect(str(home.published), read_only=True) as connection:
        found = connection.execute(query, list(parameters))
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


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


def test_every_number_of_every_workbook_is_the_marts(night):
    home, _ = night
    compared = 0
    shown: dict[tuple[str, str], list[dict]] = {}
    for mart in {mart for _, _, mart, _ in SHOWN}:
        for row in records_of(home, f"select * from marts.{mart}"):
            shown.setdefault((mart, row["household_id"]), []).append(row)
    households = records_of(
        home,
        "select household_id, household_state, workbooks.report_language, path "
        "from marts.dim_households inner join ops.workbooks using (as_of_date, household_id)",
    )
    assert len(households) == HOUSEHOLDS
    for household in households:
        workbook = load_workbook(home.reports(DEMO_SESSION) / household["path"])
        texts = texts_for(household["report_language"])
        rows_by_mart = {
            mart: found for (mart, of), found in shown.items() if of == household["household_id"]
        }
        compared += compared_cells(workbook, texts, household["household_state"], rows_by_mart)
    assert compared > 1_000 * HOUSEHOLDS


@pytest.mark.skipif(
    shutil.which("soffice") is None, reason="LibreOffice (soffice) is not installed here"
)
def test_libreoffice_opens_and_prints_every_workbook(night, tmp_path):
    home, _ = night
    workbooks = sorted(home.reports(DEMO_SESSION).rglob("*.xlsx"))
    finished = subprocess.run(
        [
            *("soffice", "--headless", f"-env:UserInstallation=file://{tmp_path}/profile"),
            *("--convert-to", "pdf", "--outdir", str(tmp_path / "pdf")),
            *map(str, workbooks),
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=900,
    )
    printed = {path.stem: path.read_bytes()[:4] for path in (tmp_path / "pdf").glob("*.pdf")}
    assert printed == {path.stem: b"%PDF" for path in workbooks}, finished.stderr


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
    waiting = json.loads(answer("wait-or-trade", "thompson", "--json"))
    now, wait = waiting["paths"][:2]
    # Both end with every class inside its band and the same tax: nothing is gained by waiting.
    assert (now["alternative"], wait["alternative"]) == ("trade_now", "wait")
    assert now["end_date"] == wait["end_date"] == "2026-12-01"
    assert now["breach_count"] == wait["breach_count"] == 0
    assert now["estimated_tax"] == wait["estimated_tax"]
    worse = Decimal(now["objective_value"]) - Decimal(wait["objective_value"])
    assert (waiting["verdict"] == "wait") == (worse > max(25, Decimal(now["optimality_gap"])))
    assert waiting["sentence"] in " ".join(answer("wait-or-trade", "thompson").split())
    assert "5 rows" in answer(
        "sql", "select household_id from marts.dim_households_current limit 5"
    )


def test_the_questions_of_an_analyst_are_answered(night):
    home, _ = night
    snapshot = Snapshot(home.published)

    unanswered = {
        each.name for each in analyses_of(DBT_PROJECT_FOLDER) if not snapshot.query(each.query)
    }

    assert unanswered == set()


def ways_back(home: Home, *words: str) -> dict:
    """What `evenkeel trace` answers, as JSON."""
    result = CliRunner().invoke(app, ["trace", *words, "--json", "--data", str(home.folder)])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def sources(step: dict) -> list[dict]:
    """Every source row on the way back."""
    found = [step["facts"]] if "row_as_received" in step["facts"] else []
    return found + [each for behind in step["back"] for each in sources(behind)]


def steps(step: dict, beginning: str) -> list[dict]:
    """Every step whose words begin so."""
    found = [step] if step["what"].startswith(beginning) else []
    return found + [each for behind in step["back"] for each in steps(behind, beginning)]


def row_of_the_file(home: Home, source: dict) -> str:
    """The line of the landed file that a source row points at."""
    paths = [
        path
        for path in (home.landing / DEMO_SESSION.isoformat()).rglob("*")
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == source["sha256"]
    ]
    text = paths[0].read_bytes().decode("utf-8-sig")
    return text.splitlines()[source["row_number"] - 1]


def test_a_sale_is_traced_to_plan_lots_prices_and_targets_by_file_and_row(night):
    home, _ = night
    ((trade_id, number, ticker),) = rows(
        home,
        "select trade_id, trade_sequence, ticker from marts.fct_recommended_trades "
        "where household_id = 'HH-GARCIA' and action = 'sell' order by trade_sequence limit 1",
    )
    traced = ways_back(home, trade_id)
    assert traced == ways_back(home, "garcia", str(number))
    assert steps(traced, "Plan ")[0]["facts"]["plan_status"] == "proposed"
    lots = steps(traced, "Lot ")
    sold = rows(home, "select count(*) from marts.fct_trade_lots where trade_id = ?", trade_id)
    assert len(lots) == sold[0][0] > 0
    for lot in lots:
        (source,) = [each for each in sources(lot) if each["feed"] != "policy_files"][:1]
        raw = row_of_the_file(home, source)
        assert ticker in source["row_as_received"]
        # The row as received, but for the account number, which ends the same.
        account, _, rest = source["row_as_received"].partition(",")
        assert raw.endswith(f"{account.removeprefix('XXXX')},{rest}")
        assert account.startswith("XXXX")
        assert raw != source["row_as_received"]
    (price,) = steps(traced, "Price of the night")
    assert f",{ticker}," in price["facts"]["row_as_received"]
    (target,) = steps(traced, "Target of the IPS")
    assert target["facts"]["file_name"] == "ips_targets.csv"
    assert target["facts"]["row_as_received"] == row_of_the_file(home, target["facts"])
    assert traced["facts"]["asset_class"] in target["facts"]["row_as_received"]


def test_a_wash_sale_is_traced_to_the_loss_and_what_replaced_it(night):
    home, _ = night
    matches = rows(
        home,
        "select match_id, replacement_lot_key, disallowed_loss from marts.fct_wash_sale_matches "
        "where replacement_lot_key in (select lot_id from marts.fct_tax_lots) order by 1",
    )
    assert matches
    for match_id, lot_id, disallowed in matches:
        traced = ways_back(home, match_id)
        assert Decimal(traced["facts"]["disallowed_loss"]) == disallowed
        words = {step["what"].split(":")[0] for step in traced["back"]}
        assert words == {"The lot sold at a loss", "What replaced it"}
        assert steps(ways_back(home, lot_id), f"Wash sale {match_id}")


def test_every_number_of_a_households_workbook_can_be_traced(night):
    home, _ = night
    workbook = load_workbook(next(home.reports(DEMO_SESSION).rglob("HH-GARCIA.xlsx")))

    def column(sheet: str, name: str) -> list[str]:
        """The cells below the first header cell of that name."""
        cells = list(workbook[sheet].iter_rows(values_only=True))
        for number, row in enumerate(cells):
            if name in row:
                place = row.index(name)
                found = []
                for below in cells[number + 1 :]:
                    # A note below a table fills its first cell only.
                    if below[0] is None or below[1] is None:
                        break
                    found.append(str(below[place]))
                assert found
                return found
        raise AssertionError(f"{sheet} has no column {name}")

    words = [
        ["Garcia"],
        *(["Garcia", name] for name in column("Summary", "Account")),
        *(["Garcia", name] for name in column("Drift", "Asset class")),
        *(["Garcia", number] for number in column("Trades", "No.")),
        *(["Garcia", name] for name in column("Tax impact", "Tax return")),
        *(["Garcia", name] for name in column("Before and after", "Asset class")),
        *(
            ["Garcia", *pair]
            for pair in zip(
                column("Asset location", "Account"),
                column("Asset location", "Asset class"),
                strict=True,
            )
        ),
        *([lot] for lot in column("Lots", "Lot")),
        ["Garcia", "cash"],
    ]
    assert len(words) > 90
    for each in [*words[:20], *words[20::5]]:
        traced = ways_back(home, *each)
        assert sources(traced), each
        assert not any("not shown" in found["row_as_received"] for found in sources(traced)), each


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["garcia", "NOSUCH"], "Garcia has no 'NOSUCH'"),
        (["nobody-of-that-name"], "nobody-of-that-name"),
        ([""], "say what"),
    ],
)
def test_words_that_fit_nothing_are_told_so(night, words, told):
    home, _ = night
    result = CliRunner().invoke(app, ["trace", *words, "--data", str(home.folder)])
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())


def test_no_account_number_and_no_name_stands_in_logs_events_and_published_tables(night):
    home, _ = night
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        numbers = {
            number
            for table in ("accounts", "positions", "tax_lots", "account_settings", "transactions")
            for (number,) in connection.execute(
                f"select distinct account_number from raw.{table} where account_number is not null"
            ).fetchall()
            # Masked ones are no secret, and of short ones nothing can be told from other numbers.
            if len(number) > 6 and not number.startswith(("XX", ".."))
        }
        names = {
            name
            for (name,) in connection.execute(
                "select distinct display_name from raw.persons where display_name is not null"
            ).fetchall()
        }
    assert len(numbers) > 100
    assert len(names) > 50
    secret = re.compile("|".join(map(re.escape, sorted(numbers | names))))
    found = []
    with duckdb.connect(str(home.published), read_only=True) as connection:
        columns = connection.execute(
            "select schema_name, table_name, column_name from duckdb_columns() "
            "where data_type = 'VARCHAR' and schema_name in ('marts', 'ops') order by all"
        ).fetchall()
        for schema, table, column in columns:
            values = connection.execute(
                f'select distinct "{column}" from {schema}."{table}" where "{column}" is not null'
            ).fetchall()
            found += [(table, column, value) for (value,) in values if secret.search(value)]
    assert found == []
    for folder in (home.logs, home.dagster, home.folder / "manifests"):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                text = path.read_bytes().decode("utf-8", errors="replace")
                assert not secret.search(text), (path, secret.search(text))


def test_nothing_of_a_night_is_for_other_users(night):
    home, _ = night
    for path in [home.folder, *home.folder.rglob("*")]:
        if home.landing not in (path, *path.parents):
            assert path.stat().st_mode & 0o077 == 0, path


def test_marts_tell_their_column_lineage_and_raw_tables_their_files(night):
    home, _ = night
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:

        def metadata(*key: str) -> dict:
            event = instance.get_latest_materialization_event(dg.AssetKey(list(key)))
            return event.asset_materialization.metadata

        lineage = metadata("marts", "fct_tax_lots")["dagster/column_lineage"].value
        basis = {
            (dep.asset_key.path[-1], dep.column_name) for dep in lineage.deps_by_column["lot_id"]
        }
        assert ("int_lots__identified", "lot_id") in basis
        untold = [
            name
            for (name,) in rows(
                home, "select table_name from duckdb_tables() where schema_name = 'marts'"
            )
            if "dagster/column_lineage" not in metadata("marts", name)
        ]
        assert untold == []
        files = metadata("raw", "tax_lots")["file_lineage"].records
        known = set(
            rows(home, "select source_file_id from ops.file_entities where entity = 'tax_lots'")
        )
        assert {(record.data["sha256"],) for record in files} == known


def test_every_published_column_is_described(night):
    home, _ = night
    assert (
        rows(
            home,
            "select table_name, column_name from duckdb_columns() "
            "where schema_name in ('marts', 'ops') and comment is null",
        )
        == []
    )
    assert (
        rows(
            home,
            "select table_name from duckdb_tables() "
            "where schema_name in ('marts', 'ops') and comment is null "
            "union all select view_name from duckdb_views() "
            "where schema_name = 'marts' and comment is null",
        )
        == []
    )


def test_the_documentation_is_one_page_that_needs_no_network(night, monkeypatch):
    home, _ = night
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # whoever asks a network is refused
    result = CliRunner().invoke(app, ["docs", "--data", str(home.folder)])
    assert result.exit_code == 0, result.output
    page = (home.folder / "docs" / "index.html").read_text(encoding="utf-8")
    assert "fct_fact_sources" in page
    assert "The way back from prices" in page
