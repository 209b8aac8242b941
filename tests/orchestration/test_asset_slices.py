"""Slices of the asset graph, run on a few files."""

from __future__ import annotations

from datetime import date

import dagster as dg
import pytest

from orchestration.assets.landing import feed_key, landing_assets
from orchestration.home import Home
from orchestration.resources import HomeResource

DAY = date(2026, 11, 19)
ACCOUNTS = "account_number,account_title,base_currency\n1,One,USD\n"


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "data").activate()


def land(home: Home, relative: str, text: str) -> None:
    target = home.landing / DAY.isoformat() / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def materialize(home: Home, *keys: dg.AssetKey, raise_on_error: bool = True):
    chosen = dg.AssetSelection.assets(*keys) if keys else dg.AssetSelection.all()
    wanted = chosen | chosen.upstream()
    return dg.materialize(
        landing_assets(),
        selection=wanted,
        partition_key=DAY.isoformat(),
        resources={"home": HomeResource(data_folder=str(home.folder))},
        raise_on_error=raise_on_error,
    )


def evaluations(result) -> dict[str, tuple[bool, str]]:
    return {
        each.check_name: (each.passed, each.severity.value)
        for each in result.get_asset_check_evaluations()
    }


def test_a_feed_reports_its_rows_and_that_its_contract_is_met(home):
    land(home, "alpine/accounts.csv", ACCOUNTS + f"#rows=1,as_of_date={DAY}\n")
    result = materialize(home, feed_key("standard_feed"))
    metadata = result.asset_materializations_for_node("landing__standard_feed")[0].metadata
    assert metadata["rows/accounts"].value == 1
    assert metadata["quarantined_files"].value == 0
    assert evaluations(result) == {
        "contract_is_met": (True, "WARN"),
        "every_check_could_run": (True, "ERROR"),
    }


def test_a_refused_file_shows_as_a_warning_and_does_not_stop_the_feed(home):
    land(home, "alpine/accounts.csv", ACCOUNTS + f"#rows=1,as_of_date={DAY}\n")
    land(home, "summit/accounts.csv", ACCOUNTS + f"#rows=7,as_of_date={DAY}\n")
    result = materialize(home, feed_key("standard_feed"))
    assert result.success
    assert evaluations(result)["contract_is_met"] == (False, "WARN")
    metadata = result.asset_materializations_for_node("landing__standard_feed")[0].metadata
    assert metadata["rows/accounts"].value == 1
    assert metadata["quarantined_files"].value == 1


def test_a_session_without_positions_blocks_the_night(home):
    land(home, "alpine/accounts.csv", ACCOUNTS + f"#rows=1,as_of_date={DAY}\n")
    result = materialize(home, raise_on_error=False)
    assert evaluations(result)["session_has_positions"] == (False, "ERROR")
