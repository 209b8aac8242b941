"""The one folder that holds all state of a firm, and where each thing in it stands.

Belongs here: the paths, creating the folder, the environment that dbt and Dagster need to find it.
Does not belong here: opening any database. The folder comes from `--data` or EVENKEEL_DATA,
default `.evenkeel` in the working directory.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

from orchestration.names import DATA_FOLDER_VARIABLE, DEFAULT_DATA_FOLDER, WAREHOUSE_VARIABLE
from python_steps.policy import FirmPolicy, documented_settings, firm_policy_from_mapping

PROJECT_ROOT = Path(__file__).resolve().parent.parent
DBT_PROJECT_FOLDER = PROJECT_ROOT / "dbt_project"

# Clients' numbers stand in every file: nothing for the group, nothing for others.
_OWNER_ONLY = 0o077

# One step at a time opens the warehouse (DuckDB takes one writing process); no telemetry,
# no newsletter form over the first page.
_DAGSTER_INSTANCE_SETTINGS = """\
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs:
    # Two nights at once would mix the working tables of two sessions.
    max_concurrent_runs: 1
  pools:
    default_limit: 1
    granularity: op
"""


@dataclass(frozen=True)
class Home:
    """The data folder of one firm."""

    folder: Path

    @classmethod
    def from_environment(cls, given: Path | None = None) -> Home:
        """The folder from the command line, else from EVENKEEL_DATA, else `.evenkeel`."""
        chosen = given or Path(os.environ.get(DATA_FOLDER_VARIABLE, DEFAULT_DATA_FOLDER))
        return cls(chosen.expanduser().resolve())

    @property
    def landing(self) -> Path:
        """Files as received: landing/<as_of_date>/<custodian>/*."""
        return self.folder / "landing"

    @property
    def archive(self) -> Path:
        """Bytes of every file ever received, by sha256, never changed."""
        return self.folder / "archive"

    @property
    def warehouse(self) -> Path:
        """The working database; one process writes, analysts never open it."""
        return self.folder / "warehouse.duckdb"

    @property
    def records(self) -> Path:
        """What cannot be rebuilt: registry, issued plans, decisions; append-only."""
        return self.folder / "records.duckdb"

    @property
    def published(self) -> Path:
        """The read-only snapshot for analysts: schemas marts and ops."""
        return self.folder / "published" / "evenkeel.duckdb"

    @property
    def inbox(self) -> Path:
        """Workbooks that advisors return: inbox/<advisor_id>/*.xlsx."""
        return self.folder / "inbox"

    @property
    def outbox(self) -> Path:
        """Released orders: outbox/<as_of_date>-release-<number>/*.csv."""
        return self.folder / "outbox"

    @property
    def order_layouts(self) -> Path:
        """The firm's own layouts of order files: order_layouts/<CUSTODIAN>.yaml."""
        return self.folder / "order_layouts"

    @property
    def dagster(self) -> Path:
        """Dagster's home: runs, events, schedules."""
        return self.folder / "dagster"

    @property
    def logs(self) -> Path:
        """Logs and alerts."""
        return self.folder / "logs"

    @property
    def night_lock(self) -> Path:
        """Held while a night runs from the command line."""
        return self.folder / "night.lock"

    @property
    def policy_file(self) -> Path:
        """The firm-wide policy."""
        return self.folder / "firm_policy.yaml"

    def reports(self, as_of_date: date) -> Path:
        """Workbooks of one session: reports/<as_of_date>/<advisor>/<household>.xlsx."""
        return self.folder / "reports" / as_of_date.isoformat()

    def activate(self) -> Home:
        """Create the folder and point Dagster and dbt of this process and its children at it.

        All that this process and its children write from now on is for their own user only.
        """
        os.umask(_OWNER_ONLY)
        folders = (self.landing, self.archive, self.inbox, self.published.parent, self.dagster)
        for folder in (*folders, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        self._close_to_others()
        instance_settings = self.dagster / "dagster.yaml"
        if not instance_settings.exists():
            instance_settings.write_text(_DAGSTER_INSTANCE_SETTINGS, encoding="utf-8")
        if not self.policy_file.exists():
            self.policy_file.write_text(documented_settings(), encoding="utf-8")
        os.environ[DATA_FOLDER_VARIABLE] = str(self.folder)
        os.environ[WAREHOUSE_VARIABLE] = str(self.warehouse)
        os.environ["DAGSTER_HOME"] = str(self.dagster)
        os.environ["DBT_LOG_PATH"] = str(self.logs / "dbt")
        os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
        return self

    def _close_to_others(self) -> None:
        """Take from other users what an older version or another program has left open to them.

        What lies in a folder that is closed was made closed, so that a folder is walked once only.
        What custodians deliver belongs to who delivers it: nobody else comes past the folder above.
        """
        self.folder.chmod(0o700)
        for path in sorted(self.folder.iterdir()):
            if path.is_symlink() or path == self.landing:
                continue
            if path.is_dir() and _is_open_to_others(path):
                for inside in path.rglob("*"):
                    if not inside.is_symlink() and _is_open_to_others(inside):
                        inside.chmod(inside.stat().st_mode & 0o700)
            if _is_open_to_others(path):
                path.chmod(path.stat().st_mode & 0o700)

    def policy(self) -> FirmPolicy:
        """The firm's policy: its file over the documented defaults.

        Raises:
            python_steps.policy.PolicyError: naming file, field, value and allowed range.
        """
        if not self.policy_file.exists():
            return FirmPolicy()
        given = yaml.safe_load(self.policy_file.read_text(encoding="utf-8")) or {}
        return firm_policy_from_mapping(given, source=str(self.policy_file.name))


def _is_open_to_others(path: Path) -> bool:
    return bool(path.stat().st_mode & _OWNER_ONLY)


def dbt_executable() -> Path:
    """The dbt of the running interpreter's environment, so no activated environment is needed."""
    return Path(sys.executable).parent / "dbt"
