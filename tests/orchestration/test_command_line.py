"""The command line: help that teaches, one sentence for an error, exit codes."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from orchestration.cli import app

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
        "sql",
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
