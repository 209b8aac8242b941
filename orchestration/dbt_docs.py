"""The documentation of every table and column as one page, made by dbt.

Belongs here: the call of `dbt docs generate` with what it needs to find the warehouse. Does not
belong here: the documentation itself (the models' yml). Nothing is fetched from a network.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import date
from pathlib import Path

from orchestration.home import Home
from orchestration.names import NIGHT_VARIABLE


def write_docs(home: Home, as_of_date: date) -> Path:
    """Write the page beside the reports and say where it is.

    Args:
        home: the data folder, activated.
        as_of_date: the session whose dates stand in the SQL that the page shows.

    Raises:
        ValueError: dbt failed; its own words.
    """
    from dagster_dbt.errors import DagsterDbtCliRuntimeError

    from orchestration.assets.models import night_settings, project
    from orchestration.calendar import NightDates
    from orchestration.resources import dbt_resource

    policy = home.policy()
    os.environ[NIGHT_VARIABLE] = night_settings(NightDates.of(as_of_date, policy), policy)
    page = home.folder / "docs" / "index.html"
    page.parent.mkdir(exist_ok=True)
    parsed = Path(project().manifest_path).with_name("partial_parse.msgpack")
    with tempfile.TemporaryDirectory(prefix="docs-", dir=page.parent) as folder:
        if parsed.exists():
            shutil.copy(parsed, folder)
        try:
            dbt_resource().cli(
                ["docs", "generate", "--static", "--quiet"], target_path=Path(folder)
            ).wait()
        except DagsterDbtCliRuntimeError as error:
            raise ValueError(str(error)) from error
        (Path(folder) / "static_index.html").replace(page)
    return page
