"""The data folder: nothing in it is for other users, whoever started or wrote it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from datetime import date

import pytest

from orchestration.home import Home
from orchestration.intake import load_feed, raw_entities, receive_files
from orchestration.records import Records
from orchestration.warehouse import Warehouse, publish_snapshot

DAY = date(2026, 11, 19)


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("EVENKEEL_DATA", "EVENKEEL_WAREHOUSE", "DAGSTER_HOME", "DBT_LOG_PATH"):
        monkeypatch.setenv(name, "set by the fixture, put back afterwards")


@pytest.fixture
def open_umask():
    """A process that was started with a mask that hides nothing."""
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(home: Home) -> dict[str, str]:
    """Everything beneath the folder that group or others may touch, but for what was delivered."""
    found = {}
    for path in [home.folder, *sorted(home.folder.rglob("*"))]:
        if home.landing in (path, *path.parents):
            continue
        mode = stat.S_IMODE(path.lstat().st_mode)
        if mode & 0o077:
            found[path.relative_to(home.folder).as_posix()] = oct(mode)
    return found


def write_something_of_everything(home: Home) -> None:
    landed = home.landing / DAY.isoformat() / "alpine" / "accounts.csv"
    landed.parent.mkdir(parents=True, exist_ok=True)
    landed.write_text("account_number,base_currency\n1,USD\n", encoding="utf-8")
    warehouse = Warehouse(home.warehouse)
    warehouse.prepare(raw_entities())
    receive_files(home, warehouse, DAY)
    load_feed(home, warehouse, "standard_feed", DAY)
    Records(home.records).accounts()
    publish_snapshot(home.warehouse, home.published)
    for path in (home.logs / "alerts.jsonl", home.reports(DAY) / "A" / "H.xlsx"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text", encoding="utf-8")


def test_all_that_is_written_is_for_the_owner_only(tmp_path, open_umask):
    home = Home(tmp_path / "data").activate()
    write_something_of_everything(home)
    assert open_to_others(home) == {}
    assert stat.S_IMODE(home.published.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.archive.stat().st_mode) == 0o700


def test_what_was_left_open_is_closed_when_the_folder_is_used_again(tmp_path, open_umask):
    home = Home(tmp_path / "data").activate()
    write_something_of_everything(home)
    archived = next(path for path in home.archive.rglob("*") if path.is_file())
    for path in home.folder.rglob("*"):
        path.chmod(0o777 if path.is_dir() else 0o666)
    archived.chmod(0o444)
    home.folder.chmod(0o755)
    assert open_to_others(home)
    home.activate()
    assert open_to_others(home) == {}
    # An archived file stays as it was received: nobody may write it, its owner neither.
    assert stat.S_IMODE(archived.stat().st_mode) == 0o400
    write_something_of_everything(home)
    assert open_to_others(home) == {}


def test_delivered_files_stay_as_their_sender_made_them(tmp_path, open_umask):
    home = Home(tmp_path / "data").activate()
    landed = home.landing / DAY.isoformat() / "alpine" / "accounts.csv"
    landed.parent.mkdir(parents=True)
    landed.write_text("account_number\n", encoding="utf-8")
    landed.chmod(0o664)
    home.activate()
    assert stat.S_IMODE(landed.stat().st_mode) == 0o664


def test_a_process_that_the_folder_starts_writes_for_the_owner_only(tmp_path, open_umask):
    home = Home(tmp_path / "data").activate()
    target = home.logs / "child.log"
    subprocess.run(
        [sys.executable, "-c", "import sys; open(sys.argv[1], 'w').close()", str(target)],
        check=True,
    )
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
