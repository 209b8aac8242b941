"""A batch renders each household by itself; one failure is a value, the others' bytes stand."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys

import pyarrow as pa
import pytest

from python_steps.policy import FirmPolicy
from python_steps.reports.batch import (
    FailedWorkbook,
    RenderedWorkbook,
    ReportPayload,
    render_households,
    report_payloads,
)
from tests.python_steps.reports import made_frames
from tests.python_steps.reports.made_frames import bare_household, busy_household


def book() -> dict[str, pa.Table]:
    broken = busy_household("H-2")
    broken["fct_rebalance_plans"] = broken["fct_rebalance_plans"] * 2
    broken["dim_securities"] = broken["source_files"] = []
    return made_frames.tables(
        made_frames.together(busy_household("H-1"), broken, bare_household("H-3"))
    )


def payload(*household_ids: str) -> ReportPayload:
    return ReportPayload(household_ids, book(), FirmPolicy())


def test_one_failure_is_a_value_and_the_others_are_rendered():
    first, second, third = render_households(payload("H-1", "H-2", "H-3"))
    assert isinstance(first, RenderedWorkbook)
    assert isinstance(third, RenderedWorkbook)
    assert second == FailedWorkbook("H-2", "ValueError: household H-2 has 2 plans; one is needed")
    assert first.advisor_id == "A-01"
    assert first.sha256 == hashlib.sha256(first.content).hexdigest()


def test_a_household_does_not_depend_on_its_batch():
    alone = render_households(payload("H-1"))
    among_others = render_households(payload("H-3", "H-1"))
    assert alone[0] == among_others[1]


def test_payloads_carry_their_own_rows_survive_pickling_and_render_the_same():
    tables = book()
    payloads = report_payloads(["H-3", "H-1", "H-2"], tables, FirmPolicy(), batch_size=2)
    assert [one.household_ids for one in payloads] == [("H-1", "H-2"), ("H-3",)]
    assert payloads[1].tables["fct_tax_lots"].num_rows == 0
    assert payloads[0].tables["fct_tax_lots"].num_rows == 80
    small, whole = (len(pickle.dumps(one)) for one in (payloads[1].tables, tables))
    assert small < whole / 2
    copied = pickle.loads(pickle.dumps(payloads[0]))  # noqa: S301 - what was just pickled
    assert render_households(copied) == render_households(payload("H-1", "H-2"))


def test_a_batch_size_below_one_is_refused():
    with pytest.raises(ValueError, match="batch_size is 0"):
        report_payloads(["H-1"], book(), FirmPolicy(), batch_size=0)


def test_rows_without_a_household_are_left_out():
    tables = book()
    findings = tables["fct_data_quality_results"]
    of_no_one = made_frames.table(
        "fct_data_quality_results",
        [{"scope": "feed", "rule": "row_count", "severity": "block", "is_passed": False}],
    )
    tables["fct_data_quality_results"] = pa.concat_tables([findings, of_no_one])
    (rendered,) = render_households(ReportPayload(("H-1",), tables, FirmPolicy()))
    assert rendered == render_households(payload("H-1"))[0]


def test_an_unusable_table_fails_the_batch_by_name():
    tables = book()
    del tables["fct_tax_lots"]
    with pytest.raises(ValueError, match="fct_tax_lots"):
        render_households(ReportPayload(("H-1",), tables, FirmPolicy()))


def test_importing_the_batch_does_not_import_openpyxl():
    program = "import sys, python_steps.reports.batch; sys.exit('openpyxl' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
