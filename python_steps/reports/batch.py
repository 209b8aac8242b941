"""A batch of household workbooks, for a worker process.

Belongs here: the picklable payload, the outcomes as values, the loop. Does not belong here: reading
marts, writing files, process pools. One household's failure is a value beside the others' work.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa

from python_steps.policy import FirmPolicy
from python_steps.reports.household_workbook import household_sheets
from python_steps.reports.report_frames import (
    HOUSEHOLD_MARTS,
    HouseholdReportFrames,
    ReportRecords,
    ReportTables,
)
from python_steps.reports.sheet_builder import Sheet
from python_steps.reports.texts import Texts
from python_steps.reports.workbook_writer import workbook_bytes
from python_steps.reports.worksheet_set_up import DocumentFacts

Writer = Callable[[Sequence[Sheet], DocumentFacts, Texts], bytes]


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
    """One household's workbook, ready to be written.

    Attributes:
        household_id: of the household.
        advisor_id: of its advisor.
        content: the bytes of the file.
        sha256: of the content.
        language: of its texts.
        untranslated: sentences that stand in it in English because no catalogue knows them.
    """

    household_id: str
    advisor_id: str | None
    content: bytes
    sha256: str
    language: str
    untranslated: tuple[str, ...]


@dataclass(frozen=True)
class FailedWorkbook:
    """One household whose workbook could not be made, and why."""

    household_id: str
    error: str


def render_households(
    payload: ReportPayload, write: Writer = workbook_bytes
) -> list[RenderedWorkbook | FailedWorkbook]:
    """Render a batch in the order of its household ids.

    Args:
        payload: the households and their rows.
        write: makes the file of finished sheets.

    Raises:
        ValueError: the batch's tables themselves are not usable (a mart or column is missing, not
            sorted, of several nights): then no household of it could be rendered truthfully.
    """
    with _without_collection():
        rows = ReportRecords.of(ReportTables.checked(payload.tables))
        return [
            _rendered(household_id, rows, payload.firm_policy, write)
            for household_id in payload.household_ids
        ]


@contextmanager
def _without_collection() -> Iterator[None]:
    """Do not look for cycles of objects: rows and cells make none, and the search costs a tenth."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _rendered(
    household_id: str, rows: ReportRecords, firm_policy: FirmPolicy, write: Writer
) -> RenderedWorkbook | FailedWorkbook:
    try:
        frames = HouseholdReportFrames.from_tables(household_id, rows, firm_policy=firm_policy)
        sheets, facts, texts = household_sheets(frames)
        content = write(sheets, facts, texts)
    except Exception as error:
        # Whatever is wrong with one household must not cost the others their workbooks.
        return FailedWorkbook(household_id, f"{type(error).__name__}: {error}")
    advisor_id = frames.household["advisor_id"]
    return RenderedWorkbook(
        household_id,
        advisor_id,
        content,
        hashlib.sha256(content).hexdigest(),
        texts.language,
        tuple(sorted(texts.translator.unknown)),
    )


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
