"""A batch of household workbooks, for a worker process.

Belongs here: the picklable payload, the outcomes as values, the loop. Does not belong here: reading
marts, writing files, process pools. One household's failure is a value beside the others' work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from python_steps.policy import FirmPolicy
from python_steps.reports.household_workbook import render_household_workbook
from python_steps.reports.report_frames import (
    HOUSEHOLD_MARTS,
    HouseholdReportFrames,
    ReportRecords,
    ReportTables,
)


@dataclass(frozen=True)
class ReportPayload:
    """What a worker needs: the households to render and the tables that hold their rows.

    `tables` are the marts of `report_frames.HOUSEHOLD_MARTS`, each sorted by household_id, with
    `dim_securities` and `source_files`; they may hold further households.
    """

    household_ids: tuple[str, ...]
    tables: Mapping[str, pa.Table]
    firm_policy: FirmPolicy


@dataclass(frozen=True)
class RenderedWorkbook:
    """One household's workbook, ready to be written."""

    household_id: str
    advisor_id: str | None
    content: bytes
    sha256: str


@dataclass(frozen=True)
class FailedWorkbook:
    """One household whose workbook could not be made, and why."""

    household_id: str
    error: str


def render_households(payload: ReportPayload) -> list[RenderedWorkbook | FailedWorkbook]:
    """Render a batch in the order of its household ids.

    Raises:
        ValueError: the batch's tables themselves are not usable (a mart or column is missing, not
            sorted, of several nights): then no household of it could be rendered truthfully.
    """
    rows = ReportRecords.of(ReportTables.checked(payload.tables))
    return [
        _rendered(household_id, rows, payload.firm_policy) for household_id in payload.household_ids
    ]


def _rendered(
    household_id: str, rows: ReportRecords, firm_policy: FirmPolicy
) -> RenderedWorkbook | FailedWorkbook:
    try:
        frames = HouseholdReportFrames.from_tables(household_id, rows, firm_policy=firm_policy)
        content = render_household_workbook(frames)
    except Exception as error:
        # Whatever is wrong with one household must not cost the others their workbooks.
        return FailedWorkbook(household_id, f"{type(error).__name__}: {error}")
    advisor_id = frames.household["advisor_id"]
    return RenderedWorkbook(household_id, advisor_id, content, hashlib.sha256(content).hexdigest())


def _copied(rows: pa.Table) -> pa.Table:
    """Rows with buffers of their own: a slice would be pickled with its whole book behind it."""
    return rows.take(pa.array(range(rows.num_rows), type=pa.int64()))


def report_payloads(
    household_ids: Sequence[str],
    tables: Mapping[str, pa.Table],
    firm_policy: FirmPolicy,
    *,
    batch_size: int,
) -> list[ReportPayload]:
    """Cut a book into payloads that carry their own households' rows only.

    Args:
        household_ids: the households to render, in any order.
        tables: the book's tables, as `ReportPayload` wants them.
        firm_policy: the policy in force.
        batch_size: households per payload, at least 1.

    Raises:
        ValueError: the tables do not pass `ReportTables.checked`, or the size is below 1.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
    checked = ReportTables.checked(tables)
    ordered = sorted(household_ids)
    payloads = []
    for start in range(0, len(ordered), batch_size):
        chosen = tuple(ordered[start : start + batch_size])
        cut = {
            mart: _copied(checked.between(mart, chosen[0], chosen[-1])) for mart in HOUSEHOLD_MARTS
        }
        payloads.append(ReportPayload(chosen, {**cut, **checked.of_book}, firm_policy))
    return payloads
