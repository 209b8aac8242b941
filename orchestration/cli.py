"""The command line: `evenkeel`.

Belongs here: commands, their help, rendering of answers in the terminal, exit codes. Does not
belong here: queries (orchestration.questions) or steps. Exit codes: 0 done, 1 a night failed or a
mapping is blocked, 2 the command cannot be carried out as it was given.
"""

from __future__ import annotations

import csv
import json
import math
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from orchestration import questions
from orchestration.home import PROJECT_ROOT, Home
from orchestration.questions import QuestionError, Snapshot
from python_steps.reports.styles import harmless_text

if TYPE_CHECKING:
    from orchestration.trace import Step

app = typer.Typer(
    name="evenkeel",
    help=(
        "Every night: custodian files in, drift against each Investment Policy Statement, "
        "tax-aware trades over all accounts of a household, one workbook per household out.\n\n"
        "Start with: evenkeel nightly --demo"
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
mapping = typer.Typer(
    help="Map a custodian's files by a layout in YAML, without code.", no_args_is_help=True
)
app.add_typer(mapping, name="mapping")
# Names and messages come from files: nothing in them is markup or a picture.
console = Console(emoji=False)
errors = Console(stderr=True, emoji=False)

DataOption = Annotated[
    Path | None,
    typer.Option("--data", help="Folder of all state. Default: EVENKEEL_DATA, else .evenkeel"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
DateOption = Annotated[
    datetime | None,
    typer.Option("--date", formats=["%Y-%m-%d"], help="Session. Default: the latest published."),
]
HouseholdArgument = Annotated[
    str, typer.Argument(help="Household id, name, or a part of it that fits one household only.")
]


def _points(text: str) -> Decimal:
    """A band in points; typer says which option is wrong."""
    try:
        points = Decimal(text)
    except InvalidOperation:
        points = Decimal("NaN")
    if not points.is_finite() or not 0 <= points <= 100:
        raise typer.BadParameter(f"{text!r} is not a number of points from 0 to 100, e.g. 3")
    return points


_WIDE = 10_000
# Of households that are held up, so many are named where a night ends.
_HELD_UP_NAMED = 10
_ALL_HELD_UP = (
    'evenkeel sql "select household_name, household_state, state_reason '
    "from marts.dim_households_current "
    "where household_state in ('withheld', 'waiting_for_feed')\""
)
EXIT_NIGHT_FAILED = 1
EXIT_UNUSABLE = 2


def main() -> None:
    """Entry point of the console script."""
    app()


@contextmanager
def _told_errors() -> Iterator[None]:
    """Turn an error that a person can mend into one sentence and an exit code."""
    import duckdb
    import yaml

    try:
        yield
    except (ValueError, OSError, duckdb.Error) as error:
        _tell_error("error:", error)
        raise typer.Exit(EXIT_UNUSABLE) from error
    except yaml.YAMLError as error:
        _tell_error("error:", f"firm_policy.yaml is not valid YAML: {error}")
        raise typer.Exit(EXIT_UNUSABLE) from error


def _tell_error(word: str, error: object) -> None:
    errors.print(f"[bold red]{word}[/] {escape(str(error))}", highlight=False)


@app.command()
def nightly(
    demo: Annotated[
        bool, typer.Option("--demo", help="Make the demo book and run its night.")
    ] = False,
    session: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="NYSE session whose files are loaded."),
    ] = None,
    through: Annotated[
        datetime | None,
        typer.Option(
            "--through", formats=["%Y-%m-%d"], help="Run every session from --date to this one."
        ),
    ] = None,
    landing: Annotated[
        Path | None,
        typer.Option(
            "--landing",
            help="Folder with <custodian>/<file>, or <session>/<custodian>/<file>. "
            "Default: what already stands in the data folder's landing/.",
        ),
    ] = None,
    households: Annotated[
        int, typer.Option("--households", min=2, help="Size of the demo book.")
    ] = 100,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the demo book.")] = 7,
    data: DataOption = None,
) -> None:
    """Run a whole night: load, check, drift, plan, verify, workbooks, publish.

    Example: `evenkeel nightly --date 2026-11-19 --landing deliveries/`
    """
    from orchestration.run_night import NightFailedError, bring_files, files_out_of_place

    with _told_errors():
        home = Home.from_environment(data).activate()
        home.policy()
        if demo == (session is not None):
            raise ValueError("give either --demo, or --date with the session of your files")
        if demo:
            sessions = [_land_demo_book(home, households, seed)]
        else:
            sessions = _sessions(session, through)
            if landing is not None:
                for day in sessions:
                    console.print(f"{bring_files(home, day, landing)} files landed for {day}")
                    for stray in files_out_of_place(day, landing):
                        _tell_error("not landed:", f"{stray} is in no custodian folder, or a link")
        try:
            for day in sessions:
                _run_and_tell(home, day)
        except NightFailedError as error:
            _tell_error("failed:", error)
            errors.print("Nothing was published; the last good snapshot stays.")
            raise typer.Exit(EXIT_NIGHT_FAILED) from error


def _sessions(first: datetime | None, last: datetime | None) -> list[date]:
    from python_steps.sessions import is_session, session_on_or_before, sessions_between

    if first is None:
        raise ValueError("--date is missing")
    start = first.date()
    if not is_session(start):
        raise ValueError(
            f"{start} is not a session of the New York Stock Exchange; files of that day belong "
            f"to the session before: use --date {session_on_or_before(start)}"
        )
    if last is None:
        return [start]
    if last.date() < start:
        raise ValueError(f"--through {last.date()} is before --date {start}")
    return sessions_between(start, last.date())


def _land_demo_book(home: Home, households: int, seed: int) -> date:
    from orchestration.run_night import write_landing
    from python_steps.demo_book.book import DEMO_SESSION, demo_files

    with console.status(f"making the demo book of {households} households (seed {seed})"):
        count = write_landing(
            home, demo_files(households=households, seed=seed, sessions=[DEMO_SESSION])
        )
    console.print(f"demo book: {households} households, {count} files in {home.landing}")
    return DEMO_SESSION


def _run_and_tell(home: Home, day: date) -> None:
    from orchestration.run_night import run_night

    console.print(f"\n[bold]night of {day}[/] in {home.folder}")

    # Bound to the terminal: while a night runs, what its steps print goes to a log file.
    terminal = Console(file=sys.stdout)

    def on_stage(stage: str, seconds: float) -> None:
        terminal.print(f"  {stage:<28}{seconds:>8.1f} s", highlight=False)

    report = run_night(home, day, on_stage=on_stage)
    table = Table(title=f"Night of {day}, version {report.version}: {report.state}")
    table.add_column("what")
    table.add_column("count", justify="right")
    for state, count in report.household_state_counts.items():
        table.add_row(f"households {state.replace('_', ' ')}", f"{count:,}")
    for status, count in report.plan_status_counts.items():
        table.add_row(f"plans: {status.replace('_', ' ')}", f"{count:,}")
    table.add_row("recommended trades", f"{report.trades:,}")
    table.add_row("household workbooks", f"{report.workbooks:,}")
    table.add_row("checks that found something", f"{len(report.failed_checks):,}")
    console.print(table)
    if report.note != "-":
        console.print(f"note: {report.note}", highlight=False)
    _tell_held_up(questions.held_up_households(Snapshot(home.published), day))
    console.print(f"workbooks: {report.reports_folder}", soft_wrap=True, highlight=False)
    console.print(f"snapshot for SQL: {home.published}", soft_wrap=True, highlight=False)
    console.print("next: evenkeel household NAME | evenkeel drift --band 3 | evenkeel ui")


def _tell_held_up(households: Sequence[Mapping[str, Any]]) -> None:
    """Name who is withheld or waits for a file: the first of them, and where all are found."""
    for held in households[:_HELD_UP_NAMED]:
        state = held["household_state"].replace("_", " ")
        console.print(
            f"{state}: {held['household_name']} ({held['household_id']}): {held['state_reason']}",
            soft_wrap=True,
            highlight=False,
            markup=False,
        )
    if len(households) > _HELD_UP_NAMED:
        console.print(
            f"and {len(households) - _HELD_UP_NAMED} more: {_ALL_HELD_UP}",
            soft_wrap=True,
            highlight=False,
            markup=False,
        )


@app.command("demo-book")
def demo_book(
    out: Annotated[Path, typer.Option("--out", help="Folder to write <session>/<custodian>/ to.")],
    households: Annotated[int, typer.Option("--households", min=2)] = 100,
    seed: Annotated[int, typer.Option("--seed")] = 7,
    sessions: Annotated[
        int, typer.Option("--sessions", min=1, help="Consecutive sessions, ending at the demo's.")
    ] = 1,
) -> None:
    """Write the custodians' and policy files of a demo book, deterministic by seed."""
    from python_steps.demo_book.book import DEMO_SESSION, demo_files
    from python_steps.sessions import previous_session

    days = [DEMO_SESSION]
    while len(days) < sessions:
        days.insert(0, previous_session(days[0]))
    count = 0
    with _told_errors():
        for relative, content in demo_files(households=households, seed=seed, sessions=days):
            target = out / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            count += 1
    console.print(f"{count} files of {households} households in {out}")


@app.command()
def household(
    name: HouseholdArgument,
    session: DateOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Drift, trades, tax impact and before/after of one household."""
    with _told_errors():
        snapshot, day = _snapshot(data, session)
        found = snapshot.household(name, day)
        identifier = found["household_id"]
        answer: dict[str, Any] = {
            "as_of_date": day,
            "household": found,
            "plan": questions.plan_of(snapshot, day, identifier),
            "drift": questions.drift_of(snapshot, day, identifier),
            "trades": questions.trades_of(snapshot, day, identifier),
            "tax_impact": questions.tax_impact_of(snapshot, day, identifier),
            "before_and_after": questions.comparison_of(snapshot, day, identifier),
            "exceptions": questions.exceptions_of(snapshot, day, identifier),
        }
    if as_json:
        _print_json(answer)
        return
    console.print(f"[bold]{escape(found['household_name'])}[/] ({escape(identifier)}) on {day}")
    console.print(
        f"advisor {found['advisor_name']}; value {_money(found['market_value'])}; "
        f"{found['household_state'].replace('_', ' ')}"
        + (f": {found['state_reason']}" if found["state_reason"] else ""),
        highlight=False,
        markup=False,
    )
    plan = answer["plan"]
    if plan is not None:
        status = plan["plan_status"].replace("_", " ")
        console.print(f"{status}: {plan['explanation']}", highlight=False, markup=False)
    _show("Drift", answer["drift"], _DRIFT_COLUMNS)
    _show("Recommended trades", answer["trades"], _TRADE_COLUMNS)
    for trade in answer["trades"]:
        line = f"  {trade['trade_sequence']}. {trade['rationale']}"
        console.print(line, highlight=False, markup=False)
    _show("Tax impact", answer["tax_impact"], _TAX_COLUMNS)
    _show("Before and after", answer["before_and_after"], _COMPARISON_COLUMNS)
    _show("Not traded, and why", answer["exceptions"], ("subject", "reason_code", "rationale"))


@app.command()
def drift(
    band: Annotated[
        Decimal | None,
        typer.Option(
            "--band",
            parser=_points,
            metavar="POINTS",
            help="Half-width in points, e.g. 3 for 3 %. Default: each IPS's own bands.",
        ),
    ] = None,
    session: DateOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Households, classes and positions outside a band, over the whole book."""
    with _told_errors():
        snapshot, day = _snapshot(data, session)
        rows = questions.outside_band(snapshot, day, band)
    if as_json:
        _print_json({"as_of_date": day, "band": band, "outside": rows})
        return
    words = "their IPS bands" if band is None else f"a {band} % band"
    _show(
        f"{len(rows)} targets outside {words} on {day}",
        rows,
        (
            "household_name",
            "allocation_group_id",
            "target_key",
            "target_weight",
            "actual_weight",
            "absolute_drift",
            "over_under_amount",
            "household_state",
        ),
    )


@app.command()
def overrides(
    session: DateOption = None, as_json: JsonOption = False, data: DataOption = None
) -> None:
    """What people have decided about broken rules: what is in force, and what is not, and why."""
    with _told_errors():
        snapshot, day = _snapshot(data, session)
        rows = questions.overrides_of(snapshot, day)
    if as_json:
        _print_json({"as_of_date": day, "overrides": rows})
        return
    for standing, words in _STANDINGS.items():
        chosen = [row for row in rows if row["standing"] == standing]
        columns = _OVERRIDE_COLUMNS if any(row["why"] for row in chosen) else _OVERRIDE_COLUMNS[:-1]
        _show(f"Overrides {words} on {day}", chosen, columns)


@app.command("tax-impact")
def tax_impact(
    name: Annotated[str, typer.Option("--household", help="Household id or name.")],
    account: Annotated[
        str | None,
        typer.Option("--account", help="Account id, name, type or `taxable`. Default: all."),
    ] = None,
    session: DateOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """The estimated tax impact of the proposed trades, of all or of one account."""
    with _told_errors():
        snapshot, day = _snapshot(data, session)
        found = snapshot.household(name, day)
        if account is not None:
            questions.require_account(snapshot, day, found["household_id"], account)
        trades = questions.trades_of(snapshot, day, found["household_id"], account)
        totals = questions.tax_impact_of(snapshot, day, found["household_id"])
    if as_json:
        _print_json({"as_of_date": day, "trades": trades, "tax_units": totals})
        return
    scope = f", account {account}" if account else ""
    _show(
        f"Realised gains and tax of the proposed trades of {found['household_name']}{scope}",
        [trade for trade in trades if trade["action"] == "sell"],
        (
            "account_name",
            "ticker",
            "quantity",
            "tax_character",
            "realized_short_term_gain",
            "realized_short_term_loss",
            "realized_long_term_gain",
            "realized_long_term_loss",
            "tax_cost",
        ),
    )
    _show("The whole plan, by tax return", totals, _TAX_COLUMNS)


@app.command()
def screen(
    account: Annotated[
        str, typer.Option("--account", help="Account id, name or a part of the name.")
    ],
    action: Annotated[str, typer.Option("--action", help="buy or sell.")],
    security: Annotated[str, typer.Option("--security", help="Ticker, CUSIP or security id.")],
    order_day: Annotated[
        datetime | None,
        typer.Option(
            "--date",
            formats=["%Y-%m-%d"],
            help="Day of the order. Default: the session after the latest night.",
        ),
    ] = None,
    quantity: Annotated[
        str | None, typer.Option("--quantity", help="Shares. Default: all that a sale can sell.")
    ] = None,
    lot: Annotated[
        list[str] | None, typer.Option("--lot", help="Sell this lot; may be given several times.")
    ] = None,
    household_name: Annotated[
        str | None, typer.Option("--household", help="Whose account, where its name fits several.")
    ] = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """May this order be given, or would it wash a loss of the household? Why, and until when?

    Example: `evenkeel screen --household garcia --account "Roth IRA" --action buy --security VTI`
    """
    from orchestration.screening import OrderQuestion, screen_order
    from python_steps.sessions import next_session
    from python_steps.wash_sales.policy import WashSalePolicy

    with _told_errors():
        snapshot, day = _snapshot(data, None)
        wanted = snapshot.household(household_name, day) if household_name else None
        policy = WashSalePolicy(**Home.from_environment(data).policy().wash_sale_settings())
        question = OrderQuestion(
            account=account,
            action=_action(action),
            security=security,
            day=order_day.date() if order_day else next_session(day),
            quantity=_shares(quantity),
            lot_ids=tuple(lot or ()),
            household_id=wanted["household_id"] if wanted else None,
        )
        answer = screen_order(snapshot, day, question, policy)
    if as_json:
        _print_json({"as_of_date": day, **answer})
        return
    shares = "any" if answer["quantity"] is None else _cell("quantity", answer["quantity"])
    console.print(
        f"{answer['verdict']}: {answer['action']} {shares} {answer['ticker']} in "
        f"{answer['account_name']} on {answer['day']}",
        style="bold",
        highlight=False,
    )
    console.print(answer["why"], soft_wrap=True, highlight=False)
    for name in ("clear_on_date", "consequence", "washed_quantity", "max_clean_quantity"):
        if answer[name] is not None:
            console.print(f"{name.replace('_', ' ')}: {_cell(name, answer[name])}", highlight=False)


def _action(words: str) -> Literal["buy", "sell"]:
    given = words.strip().lower()
    if given == "buy":
        return "buy"
    if given == "sell":
        return "sell"
    raise ValueError(f"--action is buy or sell, not {words!r}")


def _shares(words: str | None) -> Decimal | None:
    if words is None:
        return None
    try:
        shares = Decimal(words)
    except InvalidOperation:
        raise ValueError(f"--quantity is a number of shares, not {words!r}") from None
    if not shares.is_finite():
        raise ValueError(f"--quantity is a number of shares, not {words!r}")
    return shares


@app.command("wait-or-trade")
def wait_or_trade_command(
    name: HouseholdArgument,
    session: DateOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Rebalance now, wait for the next contribution, trade a part, or put gains off?"""
    with _told_errors():
        snapshot, day = _snapshot(data, session)
        found = snapshot.household(name, day)
        identifier = found["household_id"]
        if found["household_state"] != "released":
            raise QuestionError(f"{found['household_name']}: {found['state_reason']}")
        plan = questions.plan_of(snapshot, day, identifier)
        paths = questions.alternatives_of(snapshot, day, identifier)
    best = next((row["alternative"] for row in paths if row["is_recommended"]), None)
    no_plan = "There is no plan." if plan is None else plan["explanation"]
    sentence = paths[0]["verdict"] if paths else no_plan
    answer = {
        "as_of_date": day,
        "household_id": identifier,
        "verdict": best or ("cannot_tell" if paths else "nothing_to_choose"),
        "sentence": sentence,
        "paths": paths,
    }
    if as_json:
        _print_json(answer)
        return
    if paths:
        _show(f"{found['household_name']} on {day}", paths, _PATH_COLUMNS)
        _show("Wealth by the assumed class returns", paths, _WEALTH_COLUMNS)
    console.print(sentence, highlight=False, markup=False)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="A query on schemas marts and ops.")],
    as_json: JsonOption = False,
    as_csv: Annotated[
        bool,
        typer.Option(
            "--csv",
            help="Print CSV for a spreadsheet: text that it would run as a formula begins with '.",
        ),
    ] = False,
    data: DataOption = None,
) -> None:
    """Run a query on the published snapshot.

    Example: `evenkeel sql "select * from marts.fct_household_drift_current where is_breach"`

    What tables and columns mean is in the snapshot too (`select * from duckdb_columns()`).
    """
    with _told_errors():
        if as_json and as_csv:
            raise ValueError("give either --json or --csv")
        rows = Snapshot(Home.from_environment(data).published).query(query)
    if as_csv:
        _print_csv(rows)
        return
    if as_json:
        _print_json(rows)
        return
    _show(f"{len(rows)} rows", rows, tuple(rows[0]) if rows else ())


@app.command()
def analysis(
    name: Annotated[
        str | None, typer.Argument(help="One of the questions. Default: list them.")
    ] = None,
    show_sql: Annotated[
        bool, typer.Option("--sql", help="Print the query instead of its answer.")
    ] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """The questions that analysts ask, answered from the published snapshot.

    Example: `evenkeel analysis breaches_by_class`

    Each is a query of `dbt_project/analyses` that can be taken further with `evenkeel sql`.
    """
    from orchestration.analyses import analyses_of, analysis_named
    from orchestration.home import DBT_PROJECT_FOLDER

    with _told_errors():
        if name is None:
            listed = [
                {"name": each.name, "question": each.question}
                for each in analyses_of(DBT_PROJECT_FOLDER)
            ]
            if as_json:
                _print_json(listed)
            else:
                _show("Questions", listed, ("name", "question"))
            return
        asked = analysis_named(DBT_PROJECT_FOLDER, name)
        if show_sql:
            typer.echo(asked.query)
            return
        rows = Snapshot(Home.from_environment(data).published).query(asked.query)
    if as_json:
        _print_json(rows)
    else:
        _show(asked.question, rows, tuple(rows[0]) if rows else ())


@app.command()
def trace(
    words: Annotated[
        list[str],
        typer.Argument(help="An id, or a household or account id and what of it."),
    ],
    session: DateOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """From a number of a workbook back to the files and rows it came from.

    **Words, by sheet of a household's workbook:**

    - Summary: `HOUSEHOLD`, or `HOUSEHOLD ACCOUNT` (column Account)
    - Drift, Before and after: `HOUSEHOLD CLASS` (column Asset class or Target)
    - Trades: `HOUSEHOLD NUMBER` (column No.), or the trade's id; its lots: the column Lot
    - Tax impact: `HOUSEHOLD RETURN` (column Tax return)
    - Asset location: `HOUSEHOLD ACCOUNT CLASS`
    - Lots: the column Lot; a position: `HOUSEHOLD TICKER` or `HOUSEHOLD ACCOUNT TICKER`
    - Wash sales: `HOUSEHOLD TICKER`
    - Exceptions: their findings name file and row; `HOUSEHOLD TICKER` goes on from the security
    - Compliance: `HOUSEHOLD`; the plan's id; cash: `HOUSEHOLD cash`

    Example: `evenkeel trace garcia 3` or `evenkeel trace garcia "Roth IRA" VTI`
    """
    from orchestration.trace import trace as follow_back

    with _told_errors():
        snapshot, day = _snapshot(data, session)
        found = follow_back(snapshot, Home.from_environment(data).archive, day, words)
    if as_json:
        _print_json({"as_of_date": day, **found.as_mapping()})
        return
    tree = _tree(found, Tree(Text(found.what, style="bold")), frozenset())
    _reading_console().print(tree)


@contextmanager
def _progress_of(what: str) -> Iterator[Callable[[int, int], object]]:
    """How far a long measurement is, beside its answer; what is in a terminal vanishes at the end.

    Args:
        what: the things that are counted.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=None, visible=False)

        def told(done: int, of: int) -> None:
            shown.update(task, completed=done, total=of, visible=True)

        yield told


def _reading_console() -> Console:
    """What is read by people breaks at the terminal's edge; what goes into a file does not."""
    return Console(emoji=False, width=None if console.is_terminal else _WIDE)


def _tree(step: Step, tree: Tree, told: frozenset[tuple[str, str]]) -> Tree:
    """What is known of a step, without what was told above it, then the steps behind it."""
    facts = [(name.replace("_", " "), _cell(name, value)) for name, value in step.facts.items()]
    for name, value in facts:
        if (name, value) not in told:
            tree.add(Text(f"{name}: {value}", style="dim"))
    for behind in step.back:
        _tree(behind, tree.add(Text(behind.what)), told | set(facts))
    return tree


@app.command()
def decide(
    file: Annotated[Path, typer.Argument(help="Workbook that the advisor has returned.")],
    advisor: Annotated[str, typer.Option("--as", help="Id of the advisor who decides.")],
    at: Annotated[
        datetime | None,
        typer.Option(
            "--at",
            formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
            help="When it was decided, New York time. Default: now.",
        ),
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option("--prices", help="CSV of ticker and price: have prices moved too far?"),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="It holds instead of what was returned before.")
    ] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Take an advisor's decisions from a returned workbook: all of them, or none with the reasons.

    Exit code 1 when the workbook is refused. Example: `evenkeel decide HH-GARCIA.xlsx --as ADV-01`
    """
    from orchestration.decision_tables import show_decided
    from orchestration.decisions import ReturnedFile, decide_file, in_new_york, read_prices

    with _told_errors():
        home = Home.from_environment(data).activate()
        moment = in_new_york(at)
        returned = ReturnedFile(file.name, file.read_bytes(), advisor, moment, replace)
        outcome = decide_file(home, returned, read_prices(prices) if prices else None)
    if as_json:
        _print_json(outcome.as_mapping())
    else:
        show_decided(_reading_console(), outcome)
    if outcome.outcome != "recorded":
        raise typer.Exit(EXIT_NIGHT_FAILED)


@app.command()
def orders(
    at: Annotated[
        datetime | None,
        typer.Option(
            "--at",
            formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
            help="When they are released, New York time. Default: now.",
        ),
    ] = None,
    is_trial: Annotated[
        bool, typer.Option("--trial", help="Show what would leave; write and record nothing.")
    ] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Release the approved trades that have not left yet, as order files in `outbox/`.

    Every trade leaves once. Example: `evenkeel orders --trial`
    """
    from orchestration.decisions import in_new_york
    from orchestration.order_tables import release_as_mapping, show_release
    from orchestration.orders import release_orders

    with _told_errors():
        home = Home.from_environment(data).activate()
        release = release_orders(home, in_new_york(at), is_trial=is_trial)
    if as_json:
        _print_json(release_as_mapping(release))
    else:
        show_release(_reading_console(), release)


@app.command()
def consent(
    plan: Annotated[str, typer.Argument(help="Id of the plan, as its workbook shows it.")],
    account: Annotated[str, typer.Option("--account", help="Account id.")],
    given_by: Annotated[str, typer.Option("--given-by", help="Who consents: name of the client.")],
    channel: Annotated[str, typer.Option("--how", help="How: letter, telephone, portal ...")],
    advisor: Annotated[str, typer.Option("--as", help="Id of the advisor who records it.")],
    given: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="When it was given. Default: today."),
    ] = None,
    data: DataOption = None,
) -> None:
    """Record a client's consent to a plan's trades in an account that is not discretionary."""
    from orchestration.decision_records import Consent
    from orchestration.decisions import in_new_york, record_consent

    with _told_errors():
        home = Home.from_environment(data).activate()
        moment = in_new_york(None)
        day = given.date() if given else moment.date()
        agreed = Consent(plan, account, given_by, day, channel, advisor, moment)
        is_new = record_consent(home, agreed)
    console.print("consent recorded" if is_new else "this consent is on record already")


@app.command()
def docs(session: DateOption = None, data: DataOption = None) -> None:
    """Write one page that describes every table and column and what it is made of.

    It reads the working database, so not while a night runs.
    """
    from orchestration.dbt_docs import write_docs

    with _told_errors():
        home = Home.from_environment(data).activate()
        _, day = _snapshot(data, session)
        page = write_docs(home, day)
    console.print(f"documentation: {page}", soft_wrap=True, highlight=False)


@app.command()
def ui(
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="Port on this machine.")
    ] = 3000,
    data: DataOption = None,
) -> None:
    """Open Dagster on this machine: lineage, checks, runs, sensors. Stop it with Ctrl-C."""
    with _told_errors():
        home = Home.from_environment(data).activate()
        _require_free_port(port)
    console.print(f"Dagster on http://127.0.0.1:{port} with the data in {home.folder}")
    command = [
        str(Path(sys.executable).parent / "dagster"),
        "dev",
        "--workspace",
        str(PROJECT_ROOT / "workspace.yaml"),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    started: list[subprocess.Popen[bytes]] = []

    def stop(number: int, frame: object) -> None:
        for process in started:
            process.send_signal(signal.SIGINT)

    # Before the start: a signal that a shell has set to be ignored, as it does for what it runs in
    # the background, would be ignored by Dagster too.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    # Its own group: a signal reaches it once, through us, whether it came from Ctrl-C (which the
    # terminal sends to a whole group) or from a service manager (which may send it to us alone).
    started.append(
        subprocess.Popen(  # noqa: S603
            command, env=environment, cwd=PROJECT_ROOT, start_new_session=True
        )
    )
    started[0].wait()


def _require_free_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ValueError(
                f"port {port} cannot be used ({error.strerror}); choose another with --port"
            ) from error


@app.command()
def bench(
    households: Annotated[int, typer.Option("--households", min=2)] = 1000,
    stage: Annotated[
        str | None, typer.Option("--stage", help="Report only stages that start with this name.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed")] = 7,
    lots: Annotated[
        int | None,
        typer.Option("--lots", min=1, help="With --stage load: tax lots. Default: 3000000."),
    ] = None,
    reference: Annotated[
        int | None,
        typer.Option(
            "--reference",
            min=1,
            help="With --stage optimizer: plans held against the best by the integer solver.",
        ),
    ] = None,
    stress: Annotated[
        int | None,
        typer.Option(
            "--stress", min=1, help="With --stage optimizer: absurd households, too, so many."
        ),
    ] = None,
    night: Annotated[
        Path | None,
        typer.Option(
            "--night",
            help="With --stage workbooks: data folder of a finished night to take households from.",
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="With --stage optimizer or workbooks: JSON, not tables."),
    ] = False,
) -> None:
    """Run a night on a fresh demo book and print what each stage cost, as JSON.

    `--stage load` measures the raw load alone, on one big delivery of the standard feed, in turns
    with DuckDB's own read_csv of the same files: `evenkeel bench --stage load --lots 3000000`

    `--stage wash-sales` measures the wash-sale ledger alone, on an invented book of `--households`
    with 300 lots each, and on one of a tenth of that: `evenkeel bench --stage wash-sales
    --households 10000`

    `--stage optimizer` plans `--households` sample households, and a twenty-fifth as many large
    ones, with the waterfall and with the optimizer, and prints tables: `evenkeel bench --stage
    optimizer --households 500 --reference 100 --stress 500`

    `--stage workbooks` writes the workbooks of `--households` households that trade, taken from the
    demo night, with two processes, and those of a hundred also with plain openpyxl, and prints
    speed and memory: `evenkeel bench --stage workbooks --households 10000`
    """
    from orchestration.bench import measure_night
    from orchestration.load_bench import measure_load
    from orchestration.optimizer_bench import measure_optimizer, show_optimizer
    from orchestration.wash_sales_bench import LedgerBook, measure_wash_sales
    from orchestration.workbooks_bench import measure_workbooks, show_workbooks

    with _told_errors():
        if lots is not None and stage != "load":
            raise ValueError("--lots is the size of the delivery that --stage load measures")
        if stage != "optimizer" and (reference is not None or stress is not None):
            raise ValueError("--reference and --stress are samples that --stage optimizer plans")
        if night is not None and stage != "workbooks":
            raise ValueError("--night is where --stage workbooks takes its households from")
        if stage == "load":
            figures = measure_load(lots or 3_000_000)
        elif stage == "wash-sales":
            figures = measure_wash_sales(LedgerBook().of_households(households))
        elif stage == "optimizer":
            with _progress_of("absurd households") as progress:
                figures = measure_optimizer(
                    households,
                    seed=seed,
                    reference=reference or 0,
                    stress=stress or 0,
                    progress=progress,
                )
        elif stage == "workbooks":
            figures = measure_workbooks(households, seed=seed, night=night)
        else:
            figures = measure_night(households=households, seed=seed, stage=stage)
    if stage == "optimizer" and not as_json:
        show_optimizer(_reading_console(), figures)
    elif stage == "workbooks" and not as_json:
        show_workbooks(_reading_console(), figures)
    else:
        _print_json(figures)


@mapping.command("check")
def mapping_check(
    files: Annotated[list[Path], typer.Argument(help="Files of the custodian.")],
    contract: Annotated[
        Path, typer.Option("--contract", help="The contract's YAML; it need not be installed.")
    ],
    session: Annotated[
        datetime | None,
        typer.Option(
            "--date", formats=["%Y-%m-%d"], help="Session. Default: of the date each file states."
        ),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Read files by a new contract and show what it understood; exit code 1 when it is blocked.

    Example: `evenkeel mapping check --contract harbor_trust.yaml ht_daily_20261119.dat`
    """
    from orchestration.mapping_tables import mapping_as_json, show_mapping
    from python_steps.feeds.mapping_check import check_mapping

    with _told_errors():
        check = check_mapping(
            contract.read_text(encoding="utf-8"),
            contract.name,
            [(file.name, file.read_bytes()) for file in files],
            as_of_date=session.date() if session else None,
        )
    if json_output:
        _print_json(mapping_as_json(check))
    else:
        show_mapping(_reading_console(), check)
    if check.is_blocked:
        raise typer.Exit(EXIT_NIGHT_FAILED)


_DRIFT_COLUMNS = (
    "asset_class",
    "target_weight",
    "actual_weight",
    "projected_weight",
    "absolute_drift",
    "over_under_amount",
    "lower_band_weight",
    "upper_band_weight",
    "is_breach",
)
_TRADE_COLUMNS = (
    "trade_sequence",
    "account_name",
    "action",
    "ticker",
    "quantity",
    "notional",
    "reason_code",
    "tax_character",
    "tax_cost",
)
_STANDINGS = {
    "in_force": "in force",
    "not_yet_in_force": "not yet in force",
    "expired": "that have expired",
    "not_applicable": "that cannot be applied",
}
_OVERRIDE_COLUMNS = (
    "override_id",
    "decision",
    "about",
    "reason",
    "approved_by",
    "expires_date",
    "days_to_expiry",
    "used_count",
    "why",
)
_TAX_COLUMNS = (
    "tax_unit_id",
    "tax_year",
    "realized_short_term_gain",
    "realized_short_term_loss",
    "realized_long_term_gain",
    "realized_long_term_loss",
    "realized_collectibles_gain",
    "realized_collectibles_loss",
    "estimated_tax",
)
_PATH_COLUMNS = (
    "alternative",
    "same_as",
    "end_date",
    "trade_count",
    "breach_count",
    "drift_outside_bands",
    "largest_drift",
    "tracking_error",
    "estimated_tax",
    "transaction_cost",
    "waiting_cost",
    "objective_value",
    "breakeven_years",
)
_WEALTH_COLUMNS = (
    "alternative",
    *(f"{kind}_wealth_{years}y" for years in (1, 3, 5, 10) for kind in ("pre_tax", "after_tax")),
)
_COMPARISON_COLUMNS = (
    "asset_class",
    "target_weight",
    "pre_trade_weight",
    "post_trade_weight",
    "pre_trade_drift",
    "post_trade_drift",
    "is_within_band_after",
)


def _snapshot(data: Path | None, session: datetime | None) -> tuple[Snapshot, date]:
    snapshot = Snapshot(Home.from_environment(data).published)
    if session is None:
        return snapshot, snapshot.latest_session()
    snapshot.require_night(session.date())
    return snapshot, session.date()


def _show(title: str, rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """Print rows as a table. A number is never cut: a narrow terminal breaks the line instead."""
    if not rows:
        console.print(f"{title}: none", highlight=False, markup=False, style="italic")
        return
    table = Table(title=Text(title), title_justify="left")
    cells = [[_cell(column, row[column]) for column in columns] for row in rows]
    needed = 1
    for place, column in enumerate(columns):
        numeric = _is_numeric(rows, column)
        shown = [column.replace("_", " "), *(line[place] for line in cells)]
        words = [word for text in shown for word in text.split()]
        longest = max((len(text) for text in shown[1:]), default=0) if numeric else 0
        least = max(longest, max(len(word) for word in words if word) if words else 1)
        table.add_column(
            Text(shown[0]), justify="right" if numeric else "left", min_width=min(least, 24)
        )
        needed += min(least, 24) + 3
    for line in cells:
        table.add_row(*(Text(text) for text in line))
    shown_on = _reading_console()
    shown_on.print(table, width=max(shown_on.width, needed), crop=False)


def _is_numeric(rows: Sequence[dict[str, Any]], column: str) -> bool:
    return any(
        isinstance(row[column], (int, float, Decimal)) and not isinstance(row[column], bool)
        for row in rows
    )


def _cell(column: str, value: Any) -> str:
    if value is None:
        return "n/a"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        if column.endswith(("_weight", "_drift")) or column.startswith("share_of_"):
            return f"{_without_minus_zero(value * 100):,.2f} %"
        if column == "quantity":
            return f"{value.normalize():,f}"
        return _money(value)
    if isinstance(value, float) and column.endswith(("_drift", "tracking_error")):
        return f"{value * 100:,.2f} %"
    if isinstance(value, float) and column.endswith("_years"):
        return f"{value:,.1f}"
    if isinstance(value, float) and column.endswith("_bps"):
        return f"{value:,.2f}"
    return str(value)


def _money(value: Decimal | None) -> str:
    return "n/a" if value is None else f"{_without_minus_zero(value):,.2f}"


def _without_minus_zero(value: Decimal) -> Decimal:
    """The value at two decimals; what rounds to nothing is shown without a sign."""
    return round(value, 2) + 0 if value.is_finite() else value


def _print_csv(rows: Sequence[Mapping[str, Any]]) -> None:
    lines = csv.writer(sys.stdout)
    if rows:
        lines.writerow([_harmless(name) for name in rows[0]])
    lines.writerows([[_harmless(value) for value in row.values()] for row in rows])


def _harmless(value: Any) -> Any:
    """The value as a CSV cell that no spreadsheet takes for a formula; numbers stay numbers."""
    told = _json_value(value)
    if isinstance(told, (dict, list)):
        told = json.dumps(told, ensure_ascii=False)
    is_text = isinstance(told, str) and not isinstance(value, Decimal)
    return harmless_text(told) if is_text else told


def _print_json(answer: Any) -> None:
    text = json.dumps(_json_value(answer), ensure_ascii=False, allow_nan=False, indent=1)
    sys.stdout.write(text + "\n")


def _json_value(value: Any) -> Any:
    """The JSON form of what a query can return; numbers keep every digit, as text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _json_value(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_value(each) for each in value]
    return value.hex() if isinstance(value, bytes) else str(value)


if __name__ == "__main__":
    main()
