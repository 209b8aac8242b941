"""The asset graph: everything loads, is described, and leads from files to workbooks."""

from __future__ import annotations

import dagster as dg
import pytest

from data_contracts.contract import load_contracts
from orchestration.assets.models import build_command, night_settings
from orchestration.automation import arrival_sensor
from orchestration.calendar import NightDates
from orchestration.definitions import build_definitions
from orchestration.home import Home
from orchestration.names import NIGHTLY_JOB
from orchestration.resources import HomeResource
from python_steps.policy import FirmPolicy


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Home:
    return Home(tmp_path_factory.mktemp("definitions")).activate()


@pytest.fixture(scope="module")
def graph(home):
    return build_definitions(home).resolve_asset_graph()


def test_the_code_location_loads_with_one_nightly_job(home):
    definitions = build_definitions(home)
    dg.Definitions.validate_loadable(definitions)
    assert definitions.resolve_job_def(NIGHTLY_JOB).partitions_def is not None


def test_every_asset_of_ours_says_what_it_is_and_who_owns_it(graph):
    nameless = [
        node.key.to_user_string()
        for node in graph.asset_nodes
        if node.is_materializable and not (node.description and node.group_name and node.owners)
    ]
    assert nameless == []


def test_every_feed_has_an_asset_and_leads_to_the_workbooks(graph):
    workbooks = dg.AssetKey(["reports", "household_workbooks"])
    upstream = set()
    waiting = [workbooks]
    while waiting:
        key = waiting.pop()
        for parent in graph.get(key).parent_keys:
            if parent not in upstream:
                upstream.add(parent)
                waiting.append(parent)
    for feed in load_contracts():
        assert dg.AssetKey(["landing", feed]) in upstream
    for key in (["landing", "received_files"], ["raw", "positions"], ["marts", "fct_tax_lots"]):
        assert dg.AssetKey(key) in upstream


def test_all_that_a_night_makes_is_partitioned_by_session(graph):
    unpartitioned = [
        node.key.to_user_string()
        for node in graph.asset_nodes
        if node.is_materializable and node.partitions_def is None
    ]
    assert unpartitioned == []


def test_contracts_dbt_tests_and_the_verifier_show_as_checks(graph):
    names = {key.name for key in graph.asset_check_keys}
    assert {"contract_is_met", "session_has_positions", "shares_are_conserved"} <= names
    dbt_checks = [key for key in graph.asset_check_keys if key.asset_key.path[0] == "marts"]
    assert dbt_checks


def test_the_nightly_passes_leave_unit_tests_to_the_test_suite():
    assert build_command("book") == [
        "build",
        "--select",
        "tag:book",
        "--exclude-resource-type",
        "unit_test",
    ]


def test_dbt_is_given_dates_and_policy_by_name(home):
    from datetime import date

    policy = FirmPolicy()
    settings = night_settings(NightDates.of(date(2026, 11, 19), policy), policy)
    assert '"as_of_date": "2026-11-19"' in settings
    assert '"planned_trade_date": "2026-11-20"' in settings
    assert '"default_relative_band": "0.20"' in settings


def test_the_sensor_rests_while_nothing_has_landed(home):
    context = dg.build_sensor_context(
        resources={"home": HomeResource(data_folder=str(home.folder))}
    )
    outcome = arrival_sensor(context)
    assert isinstance(outcome, dg.SkipReason)
    assert outcome.skip_message == "no new files"


def test_the_sensor_asks_for_a_night_once_and_not_after_one_from_the_command_line(
    home, monkeypatch
):
    from datetime import date

    from orchestration import automation
    from orchestration.intake import landed_files

    session = date(2026, 11, 19)
    monkeypatch.setattr(automation, "sessions_to_watch", lambda today: [session])
    landed = home.landing / session.isoformat() / "alpine" / "accounts.csv"
    landed.parent.mkdir(parents=True)
    landed.write_text("account_number\n", encoding="utf-8")

    def look(instance, cursor=None):
        context = dg.build_sensor_context(
            instance=instance,
            cursor=cursor,
            resources={"home": HomeResource(data_folder=str(home.folder))},
        )
        return arrival_sensor(context)

    with dg.DagsterInstance.ephemeral() as instance:
        first = look(instance)
        assert [request.partition_key for request in first.run_requests] == ["2026-11-19"]
        assert isinstance(look(instance, first.cursor), dg.SkipReason)
        fingerprint = automation.landing_fingerprint(landed_files(home, session))
        tags = {automation.FILES_TAG: fingerprint}
        instance.create_run_for_job(build_definitions(home).resolve_job_def(NIGHTLY_JOB), tags=tags)
        assert isinstance(look(instance), dg.SkipReason)
