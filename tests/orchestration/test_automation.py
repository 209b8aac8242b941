"""When a night starts: on arrival, at the cut-off, again when a file changes."""

from __future__ import annotations

import multiprocessing
import os
import threading
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from orchestration.automation import (
    already_requested,
    landing_fingerprint,
    missing_custodians,
    night_request,
    sessions_to_watch,
)
from orchestration.calendar import NightDates, session_partitions
from orchestration.home import Home
from orchestration.intake import landed_files
from orchestration.night_lock import NightRunsAlreadyError, hold_night, only_night
from python_steps.policy import FirmPolicy

DAY = date(2026, 11, 19)


def land(home: Home, relative: str, text: str) -> Path:
    target = home.landing / DAY.isoformat() / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return target


def test_the_night_waits_for_the_custodians_that_the_firm_expects(tmp_path):
    home = Home(tmp_path)
    land(home, "alpine/accounts.csv", "x")
    land(home, "policy/households.csv", "x")
    files = landed_files(home, DAY)
    assert missing_custodians({"ALPINE", "IBKR"}, files) == {"IBKR"}
    assert missing_custodians({"ALPINE"}, files) == set()


def test_a_restated_file_changes_the_fingerprint(tmp_path):
    home = Home(tmp_path)
    land(home, "alpine/accounts.csv", "x")
    first = landing_fingerprint(landed_files(home, DAY))
    assert landing_fingerprint(landed_files(home, DAY)) == first
    land(home, "alpine/accounts.csv", "xy")
    assert landing_fingerprint(landed_files(home, DAY)) != first


def test_late_files_are_looked_for_in_the_last_sessions():
    # Sunday 22 November: the sessions of the week before.
    assert sessions_to_watch(date(2026, 11, 22)) == [
        date(2026, 11, day) for day in (16, 17, 18, 19, 20)
    ]
    assert sessions_to_watch(DAY)[-1] == DAY


def test_partitions_are_sessions_whatever_the_clock_says():
    keys = session_partitions().get_partition_keys()
    assert "2020-08-25" in keys
    assert "2027-12-31" in keys
    assert "2026-11-26" not in keys


def test_dates_of_a_night_follow_the_exchange():
    dates = NightDates.of(date(2026, 11, 25), FirmPolicy())
    assert dates.planned_trade_date == date(2026, 11, 27)
    assert dates.valid_until_date == date(2026, 11, 30)
    assert dates.flow_horizon_date == date(2026, 12, 10)


def test_the_last_session_of_a_year_trades_in_the_next():
    assert NightDates.of(date(2026, 12, 31), FirmPolicy()).planned_trade_date == date(2027, 1, 4)


def test_a_night_is_asked_for_once_on_the_same_files():
    fingerprint = "a" * 64
    request = night_request(DAY, fingerprint, started_by="arrival")
    assert request.partition_key == "2026-11-19"
    with dg.DagsterInstance.ephemeral() as instance:
        assert not already_requested(instance, fingerprint)
        instance.create_run_for_job(_empty_job, tags=request.tags)
        assert already_requested(instance, fingerprint)
        assert not already_requested(instance, "b" * 64)


@dg.job(name="empty")
def _empty_job() -> None:
    """A job to hang a run on."""


def test_a_second_night_in_the_same_folder_is_refused_by_name(tmp_path):
    home = Home(tmp_path)
    refusal = pytest.raises(NightRunsAlreadyError, match=f"process {os.getpid()}")
    with only_night(home), refusal, only_night(home):
        pytest.fail("two nights at once")
    with only_night(home):
        assert home.night_lock.exists()


def _hold_until_told(folder, started, end):
    hold_night(Home(folder), log=lambda words: None)
    started.set()
    end.wait(30)


def test_a_launched_night_waits_for_the_one_that_runs(tmp_path):
    context = multiprocessing.get_context("spawn")
    started, end = context.Event(), context.Event()
    other = context.Process(target=_hold_until_told, args=(tmp_path, started, end))
    other.start()
    assert started.wait(30)
    said: list[str] = []
    with (
        pytest.raises(NightRunsAlreadyError, match=f"process {other.pid}"),
        only_night(Home(tmp_path)),
    ):
        pytest.fail("two nights at once")
    waiting = threading.Thread(
        target=hold_night, args=(Home(tmp_path),), kwargs={"log": said.append}
    )
    waiting.start()
    end.set()
    other.join(30)
    waiting.join(30)
    assert not waiting.is_alive()
    with pytest.raises(NightRunsAlreadyError), only_night(Home(tmp_path)):
        pytest.fail("two nights at once")
