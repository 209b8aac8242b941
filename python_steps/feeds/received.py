"""What arrives and what a reader makes of it, as values.

Belongs here: the received file (bytes, no path) and the reading of it. Does not belong here: any
reading or checking. Text stays as received: '' is a cell that the file leaves empty, null is a
column that the file does not have.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

import pyarrow as pa

from data_contracts.contract import AsOfSource, DeliveryMode, FeedContract
from python_steps.findings import Violation

ReadingStatus = Literal["LOADED", "QUARANTINED"]

ROW_NUMBER = "source_row_number"
ROW_TEXT = "row_as_received"


@dataclass(frozen=True)
class ReceivedFile:
    """One file as it landed.

    Attributes:
        custodian: upper-case name of the landing folder (`IBKR`, `SCHWAB`, `POLICY`, ...).
        file_name: name without folders.
        content: the bytes, never changed.
        source_file_id: sha256 of the content, hexadecimal.
    """

    custodian: str
    file_name: str
    content: bytes = field(repr=False)
    source_file_id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "source_file_id", hashlib.sha256(self.content).hexdigest())


@dataclass(frozen=True)
class FileReading:
    """What one file says.

    Attributes:
        feed: name of the feed, None for a file that no feed recognises.
        stated_as_of_date: the date the file states, None when it states none.
        as_of_source: where the date stands; LANDING_FOLDER when the file itself states none.
        session_date: the session that date belongs to.
        header_fingerprint: of the normalised header (first header of a file of several sections).
        parser_version: of the feed's reader.
        delivery_mode: FULL or DELTA.
        tables: canonical entity to table: its canonical text columns, source_row_number (int64,
            1-based physical line; of documents with several rows on a line, the number of the
            row's element) and row_as_received. Empty when the file is quarantined.
        covered_accounts: account numbers the file speaks of, as received, sorted; also known of a
            quarantined file as far as it could be read.
        row_count: data rows found in the file, whether they could be read or not.
        control_row_count: rows that the file itself says it has.
        control_amount: total market value or quantity that the file itself states.
        violations: all that is wrong with the file, in the order of the rows.
        status: QUARANTINED when a rule of feed scope that blocks is broken.
        covered_from_date: first day of the period whose transactions the file says it holds, None
            where it does not say.
        covered_to_date: last day of that period, None where the file does not say.
    """

    feed: str | None
    stated_as_of_date: date | None
    as_of_source: AsOfSource | None
    session_date: date | None
    header_fingerprint: str | None
    parser_version: str | None
    delivery_mode: DeliveryMode | None
    tables: Mapping[str, pa.Table]
    covered_accounts: tuple[str, ...]
    row_count: int
    control_row_count: int | None
    control_amount: Decimal | None
    violations: tuple[Violation, ...]
    status: ReadingStatus
    covered_from_date: date | None = None
    covered_to_date: date | None = None


def status_of(violations: Iterable[Violation]) -> ReadingStatus:
    """QUARANTINED when a violation blocks the whole feed, LOADED otherwise."""
    blocked = any(found.severity == "block" and found.scope == "feed" for found in violations)
    return "QUARANTINED" if blocked else "LOADED"


def refused(
    contract: FeedContract | None,
    violations: Iterable[Violation],
    *,
    stated_as_of_date: date | None = None,
    as_of_source: AsOfSource | None = None,
    header_fingerprint: str | None = None,
) -> FileReading:
    """The reading of a file of which nothing is loaded."""
    return FileReading(
        feed=contract.feed if contract else None,
        stated_as_of_date=stated_as_of_date,
        as_of_source=as_of_source,
        session_date=None,
        header_fingerprint=header_fingerprint,
        parser_version=contract.parser_version if contract else None,
        delivery_mode=contract.delivery_mode if contract else None,
        tables={},
        covered_accounts=(),
        row_count=0,
        control_row_count=None,
        control_amount=None,
        violations=tuple(violations),
        status="QUARANTINED",
    )
