"""Dagster resources: the firm's folder, and where alerts go.

Belongs here: typed resources with where their defaults come from. Does not belong here: steps or
assets. Nothing is opened or read at import.
"""

from __future__ import annotations

import json
import smtplib
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import dagster as dg
from dagster_dbt import DbtCliResource

from orchestration.home import DBT_PROJECT_FOLDER, Home, dbt_executable
from orchestration.night_lock import hold_night
from orchestration.records import Records
from orchestration.warehouse import Warehouse
from python_steps.policy import FirmPolicy


class HomeResource(dg.ConfigurableResource[None]):
    """The data folder. Default: EVENKEEL_DATA, else `.evenkeel` in the working directory."""

    data_folder: str = ""

    def home(self) -> Home:
        """The folder, created if need be."""
        return Home.from_environment(Path(self.data_folder) if self.data_folder else None)

    def enter_night(self, log: Callable[[str], None]) -> Home:
        """The folder, held for this process: another night waits until it has ended."""
        home = self.home()
        hold_night(home, log=log)
        return home

    def warehouse(self) -> Warehouse:
        """The working database of the folder."""
        return Warehouse(self.home().warehouse)

    def records(self) -> Records:
        """The append-only records of the folder."""
        return Records(self.home().records)

    def policy(self) -> FirmPolicy:
        """The firm's policy as its file says now."""
        return self.home().policy()


class AlertsResource(dg.ConfigurableResource[None]):
    """Sends alerts where the firm's policy says; always writes them to logs/alerts.jsonl too.

    `alert_channel` in firm_policy.yaml: log (default), webhook (`alert_target` is its address) or
    email (`alert_target` is the recipient, `alert_smtp_host` the mail server).
    """

    data_folder: str = ""

    def send(self, subject: str, lines: Sequence[str]) -> None:
        """Send one alert.

        A channel that fails is itself written to the log: an alert is never lost silently, and a
        night never fails because a mail server is down.
        """
        home = Home.from_environment(Path(self.data_folder) if self.data_folder else None)
        policy = home.policy()
        self._write(home, {"subject": subject, "lines": list(lines)})
        try:
            if policy.alert_channel == "webhook":
                _post(policy.alert_target, subject, lines)
            elif policy.alert_channel == "email":
                _mail(policy, subject, lines)
        except OSError as error:
            failure = {"subject": f"alert not delivered: {subject}", "lines": [str(error)]}
            self._write(home, failure)

    def _write(self, home: Home, alert: Mapping[str, object]) -> None:
        home.logs.mkdir(parents=True, exist_ok=True)
        stamped = {"sent_at": datetime.now(UTC).isoformat(timespec="seconds"), **alert}
        with (home.logs / "alerts.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(stamped, ensure_ascii=False) + "\n")


def _post(address: str, subject: str, lines: Sequence[str]) -> None:
    if not address.startswith("https://"):
        raise OSError(f"alert_target must be an https address, not {address!r}")
    body = json.dumps({"text": "\n".join([subject, *lines])}).encode()
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
        address, data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
        response.read()


def _mail(policy: FirmPolicy, subject: str, lines: Sequence[str]) -> None:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = "evenkeel@localhost"
    message["To"] = policy.alert_target
    message.set_content("\n".join(lines) + "\n")
    with smtplib.SMTP(policy.alert_smtp_host, timeout=20) as server:
        server.send_message(message)


def dbt_resource() -> DbtCliResource:
    """Dbt of this environment on the project's own folder and profile."""
    return DbtCliResource(
        project_dir=str(DBT_PROJECT_FOLDER),
        profiles_dir=str(DBT_PROJECT_FOLDER),
        dbt_executable=str(dbt_executable()),
    )
