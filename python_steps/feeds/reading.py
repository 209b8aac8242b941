"""From a received file to its reading: the one entry for the orchestration.

Belongs here: recognition, dispatch to the reader of the feed, and the check of the stated date
against the session of the landing folder. Does not belong here: layouts (one module per feed) and
rules on values (suites). Nothing raises on bad content: it becomes violations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from importlib import import_module

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.contract import Entity, FeedContract, load_contracts
from data_contracts.layout import MAPPED_READER
from data_contracts.yaml_node import ContractError
from python_steps.feeds.keys import security_key
from python_steps.feeds.mapped_feed import with_withheld_entities
from python_steps.feeds.received import (
    ROW_NUMBER,
    FileReading,
    ReceivedFile,
    refused,
    status_of,
)
from python_steps.feeds.recognition import beginning, fitting_feeds, recognise
from python_steps.findings import Violation
from python_steps.sessions import next_session, session_on_or_before

Reader = Callable[[ReceivedFile, FeedContract], FileReading]


def read_file(
    file: ReceivedFile,
    as_of_date: date,
    contracts: Mapping[str, FeedContract] | None = None,
) -> FileReading:
    """Read one received file for a session.

    Args:
        file: as received.
        as_of_date: the session whose landing folder the file lies in.
        contracts: by feed name; those of the package when not given.

    Returns:
        The reading: tables of text when the file is loaded, and everything that is wrong with it.
    """
    known = load_contracts() if contracts is None else contracts
    feed = recognise(file, known)
    if feed is None:
        return _not_recognised(file, known)
    contract = known[feed]
    if not contract.accepts_custodian(file.custodian):
        wrong_folder = contract.violation(
            "custodian_expected",
            file_name=file.file_name,
            observed=f"a file of feed {feed} in the folder of {file.custodian}",
            expected=f"the folder of {', '.join(contract.custodians)}",
        )
        return refused(contract, [wrong_folder])
    reading = _dated(reader_of(contract)(file, contract), file, contract, as_of_date)
    if contract.reader == MAPPED_READER:
        return with_withheld_entities(reading, file, contract)
    return reading


def reader_of(contract: FeedContract) -> Reader:
    """The function `read` of the module that the contract names.

    Raises:
        ContractError: there is no such reader.
    """
    try:
        reader: Reader = import_module(f"python_steps.feeds.{contract.reader}").read
    except (ImportError, AttributeError) as error:
        raise ContractError(
            f"feed {contract.feed}: reader: {contract.reader!r} is not a reader of files"
        ) from error
    return reader


def _not_recognised(file: ReceivedFile, contracts: Mapping[str, FeedContract]) -> FileReading:
    """Any contract has the rule; a policy file's owner is another than a custodian file's."""
    contract = contracts["policy_files" if file.custodian == "POLICY" else "standard_feed"]
    if not file.content.strip():
        rule, observed = "file_not_empty", f"an empty file ({len(file.content)} bytes)"
    elif fitting := fitting_feeds(file, contracts):
        rule, observed = "file_fits_one_feed", f"a file that fits {' and '.join(fitting)}"
    else:
        # Not quoted: the title of a download may be a person's name and account number.
        first_line = next(iter(beginning(file).strip().splitlines()), "")
        cells = max((first_line.count(mark) + 1, mark) for mark in ",;|\t")
        rule = "file_recognised"
        observed = (
            f"a file of {file.custodian} with a first line of {len(first_line)} characters"
            + (f" in {cells[0]} cells between {cells[1]!r}" if cells[0] > 1 else "")
        )
    return refused(None, [contract.violation(rule, file_name=file.file_name, observed=observed)])


def _dated(
    reading: FileReading, file: ReceivedFile, contract: FeedContract, as_of_date: date
) -> FileReading:
    """The reading with its session, and quarantined where that is not `as_of_date`."""
    stated, violations = reading.stated_as_of_date, list(reading.violations)
    source, session = reading.as_of_source, None
    may_follow_folder = "LANDING_FOLDER" in contract.as_of_date_sources
    if stated is None and may_follow_folder:
        source, session = "LANDING_FOLDER", as_of_date
    elif stated is not None:
        session = _session_of(stated)
    if stated is not None and session != as_of_date:
        violations.append(
            contract.violation(
                "as_of_date_is_session",
                file_name=file.file_name,
                observed=f"{stated} (by {source})",
                expected=f"{as_of_date}, the session of the landing folder",
            )
        )
    for entity_name, table in reading.tables.items():
        entity = contract.entity(entity_name)
        violations += _future_rows(table, entity, contract, file, as_of_date)
    status = status_of(violations)
    return replace(
        reading,
        as_of_source=source,
        session_date=session,
        tables=reading.tables if status == "LOADED" else {},
        violations=tuple(violations),
        status=status,
    )


def _session_of(stated: date) -> date | None:
    try:
        return session_on_or_before(stated)
    except ValueError:  # outside the years of the exchange calendar: no session
        return None


def _future_rows(
    table: pa.Table,
    entity: Entity,
    contract: FeedContract,
    file: ReceivedFile,
    as_of_date: date,
) -> list[Violation]:
    """Rows dated after the session, where the contract names a column that must not be.

    Most rows in the future mean a file of another day; single ones are mistakes of their row.
    """
    if not entity.newest_date_column or not table.num_rows:
        return []
    last_day = (next_session(as_of_date) - timedelta(days=1)).isoformat()
    values = pc.unique(table[entity.newest_date_column]).to_pylist()
    later = sorted(value for value in values if value and _is_iso(value) and value > last_day)
    if not later:
        return []
    rows = table.filter(pc.is_in(table[entity.newest_date_column], value_set=pa.array(later)))
    named = f"{entity.newest_date_column} up to {later[-1]}"
    if rows.num_rows * 2 > table.num_rows:
        return [
            contract.violation(
                "dates_not_after_session",
                file_name=file.file_name,
                entity=entity.name,
                observed=f"{rows.num_rows} of {table.num_rows} rows with {named}",
                expected=f"nothing after {last_day}",
            )
        ]
    return [
        contract.violation(
            "dates_not_after_session",
            file_name=file.file_name,
            entity=entity.name,
            row=int(row[ROW_NUMBER]),
            observed=f"{entity.newest_date_column} {row[entity.newest_date_column]}",
            expected=f"nothing after {last_day}",
            account_number=row.get("account_number") or None,
            security_key=security_key(row),
            lot_key=row.get("source_lot_id") or None,
            severity="warn" if entity.severity == "warn" else None,
            scope=entity.scope,
        )
        for row in rows.to_pylist()
    ]


def _is_iso(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return len(value) == len("2000-01-01")
