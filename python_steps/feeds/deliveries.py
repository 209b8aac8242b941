"""What the files of one feed and session mean to each other: copies, later downloads, corrections.

Belongs here: which file holds in the place of which other one, and the sentence that says so. Does
not belong here: reading a file, finding it, rows of several files (keys). Source of the rules: a
contract's `account_statement`; without one nothing is said of which of two files holds. When a file
arrived decides nothing: what a file says of itself is the same in every run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import pyarrow as pa

from data_contracts.contract import FeedContract
from python_steps.feeds.received import FileReading, ReceivedFile
from python_steps.feeds.recognition import searched_text
from python_steps.findings import Violation

FileStatus = Literal["LOADED", "QUARANTINED", "DUPLICATE", "SUPERSEDED"]

# Feeds with a file for each entity: only one of the same entity can hold in a refused file's place.
READERS_BY_ENTITY = frozenset({"standard_feed", "mapped_feed"})
# Of these a file states all that an account holds; of the others what happened in some days.
STATED_WHOLE = frozenset({"accounts", "positions", "tax_lots", "cash_balances"})
# Two sessions' files of these cannot be alike where anything moved.
_MOVES_DAILY = frozenset({"positions", "tax_lots", "cash_balances", "prices"})

_SEARCHED_BYTES = 8192
_DATE_FORMATS = ("%Y-%m-%d", "%b-%d-%Y", "%m/%d/%Y")
_TIME_FORMATS = {
    "%I:%M %p": False,
    "%I:%M:%S %p": True,
    "%H:%M:%S": True,
    "%H%M%S": True,
}
_ONE_MINUTE = 60
_KEYS_NAMED = 5


@dataclass(frozen=True)
class Moment:
    """A time on the file's own clock, as exact as the file gives it."""

    at: datetime
    to_the_second: bool


@dataclass(frozen=True)
class MadeAt:
    """When a file says it was made: in its text and in its name."""

    in_text: Moment | None = None
    in_name: Moment | None = None


@dataclass(frozen=True)
class DeliveredFile:
    """One file of a feed that was read for a session; `file_name` is as it may be told."""

    custodian: str
    file_name: str
    reading: FileReading
    made_at: MadeAt


@dataclass(frozen=True)
class Fate:
    """What becomes of a file beside the others.

    Attributes:
        status: what is recorded of it; rows of a file that is not LOADED are not loaded.
        violations: all that is wrong with it, after what the other files settle.
        replaced_by: name of the file that holds in its place.
    """

    status: FileStatus
    violations: tuple[Violation, ...]
    replaced_by: str | None = None


def made_at(file: ReceivedFile, contract: FeedContract) -> MadeAt:
    """When a file says that it was made, by the contract's `account_statement`."""
    statement = contract.account_statement
    if statement is None:
        return MadeAt()
    texts = [file.content[:_SEARCHED_BYTES], file.content[-_SEARCHED_BYTES:]]
    return MadeAt(
        in_text=_moment(map(searched_text, texts), statement.made_at_in_text, contract),
        in_name=_moment([file.file_name], statement.made_at_in_name, contract),
    )


def fates_of(files: Sequence[DeliveredFile], contract: FeedContract) -> list[Fate]:
    """What becomes of each file of one feed and session.

    Args:
        files: that were read, each content once, in a fixed order.
        contract: of the feed.

    Returns:
        The fate of each file, in the order of `files`.
    """
    loaded = [file for file in files if file.reading.status == "LOADED"]
    return [
        _fate_of_loaded(file, loaded, contract)
        if file.reading.status == "LOADED"
        else _fate_of_refused(file, loaded, contract)
        for file in files
    ]


def copy_of(file_name: str, original: str, contract: FeedContract) -> Violation:
    """A second file of the session with the bytes of the first."""
    return contract.violation(
        "file_is_not_a_duplicate",
        file_name=file_name,
        observed=f"byte for byte the file {original}",
    )


def copy_of_an_earlier_session(
    file: DeliveredFile, original: str, session: str, contract: FeedContract
) -> Violation | None:
    """A file with the bytes of one that was loaded for an earlier session.

    None for a file without rows, which says the same on every quiet day.
    """
    moving = {name for name, table in file.reading.tables.items() if table.num_rows}
    if not moving:
        return None
    return contract.violation(
        "file_is_not_of_an_earlier_session",
        file_name=file.file_name,
        observed=f"byte for byte the file {original} of {session}",
        severity=None if moving & _MOVES_DAILY else "info",
    )


def _fate_of_loaded(
    file: DeliveredFile, loaded: Sequence[DeliveredFile], contract: FeedContract
) -> Fate:
    """A later file of the same accounts holds in the place of this one."""
    later = [
        other
        for other in loaded
        if _states_whole_accounts(file, contract)
        and _covers(other, file)
        and is_later(other.made_at, file.made_at)
    ]
    if not later:
        return Fate("LOADED", file.reading.violations)
    # The latest of them: the one that none of the others is later than.
    holding = next(
        each
        for each in later
        if not any(is_later(other.made_at, each.made_at) for other in later if other is not each)
    )
    lost = _keys_left_out(file.reading, holding.reading, contract)
    told = contract.violation(
        "file_is_the_latest_of_its_accounts",
        file_name=file.file_name,
        observed=f"{holding.file_name}, which was made later and names the same accounts"
        + (f" but leaves out {lost}" if lost else ""),
        severity="warn" if lost else None,
    )
    settled = [_settled(found, holding.file_name) for found in file.reading.violations]
    return Fate("SUPERSEDED", (*settled, told), holding.file_name)


def _fate_of_refused(
    file: DeliveredFile, loaded: Sequence[DeliveredFile], contract: FeedContract
) -> Fate:
    """A file that was loaded may be the corrected one of a file that was refused."""
    candidates = [other for other in loaded if _is_of_the_same(other, file, contract)]
    replacing = next((other for other in candidates if _covers(other, file)), None)
    violations = file.reading.violations
    if replacing is not None:
        settled = tuple(_settled(found, replacing.file_name) for found in violations)
        return Fate("QUARANTINED", settled, replacing.file_name)
    if candidates and not file.reading.covered_accounts:
        names = " and ".join(other.file_name for other in candidates)
        doubt = (
            f" {names} of the same feed is loaded, but this file names no account that could be "
            "read, so that nobody can say whether all of it is there: where it is, take this file "
            "out of the landing folder and run the night again."
        )
        violations = tuple(found._replace(message=found.message + doubt) for found in violations)
    return Fate("QUARANTINED", violations)


def _is_of_the_same(other: DeliveredFile, refused: DeliveredFile, contract: FeedContract) -> bool:
    """Whether a loaded file states the same of the same custodian and day as a refused one."""
    return (
        other.custodian == refused.custodian
        and _states_whole_accounts(other, contract)
        and other.reading.delivery_mode == "FULL"
        and refused.reading.session_date in (None, other.reading.session_date)
        and (
            contract.reader not in READERS_BY_ENTITY
            or _entities_of(refused.reading) == set(other.reading.tables)
        )
    )


def _entities_of(refused: FileReading) -> set[str]:
    """What a refused file would have stated, as far as what is wrong with it tells."""
    return {found.entity for found in refused.violations if found.entity}


def _states_whole_accounts(file: DeliveredFile, contract: FeedContract) -> bool:
    if contract.account_statement is None or file.reading.delivery_mode != "FULL":
        return False
    return contract.reader not in READERS_BY_ENTITY or set(file.reading.tables) <= STATED_WHOLE


def _covers(other: DeliveredFile, file: DeliveredFile) -> bool:
    """Whether `other` speaks of every account of `file`, of which there has to be one."""
    accounts = set(file.reading.covered_accounts)
    return (
        other is not file
        and other.custodian == file.custodian
        and bool(accounts)
        and accounts <= set(other.reading.covered_accounts)
    )


def is_later(newer: MadeAt, older: MadeAt) -> bool:
    """Whether one file was certainly made after another.

    Two places that contradict each other say nothing; nor does the same minute twice.
    """
    by_text = _seconds_between(newer.in_text, older.in_text)
    by_name = _seconds_between(newer.in_name, older.in_name)
    if by_text is None:
        return by_name is not None and by_name > 0
    if by_text == 0:
        # Names may be of clocks in other time zones: of one clock only within the text's minute.
        return by_name is not None and 0 < by_name < _ONE_MINUTE
    return by_text > 0 and (by_name is None or by_name > 0)


def _seconds_between(newer: Moment | None, older: Moment | None) -> float | None:
    if newer is None or older is None:
        return None
    if newer.to_the_second and older.to_the_second:
        return (newer.at - older.at).total_seconds()
    return (newer.at.replace(second=0) - older.at.replace(second=0)).total_seconds()


def _moment(texts: Iterable[str], patterns: Sequence[str], contract: FeedContract) -> Moment | None:
    for text in texts:
        for pattern in patterns:
            for match in re.finditer(pattern, text):
                found = _moment_of(match["date"], match["time"], contract)
                if found is not None:
                    return found
    return None


def _moment_of(day: str, time: str, contract: FeedContract) -> Moment | None:
    # "4:05 p.m." is "4:05 PM".
    clock = time.upper().replace(".", "")
    for day_format in (*contract.date_formats, *_DATE_FORMATS):
        for time_format, to_the_second in _TIME_FORMATS.items():
            try:
                at = datetime.strptime(f"{day} {clock}", f"{day_format} {time_format}")  # noqa: DTZ007 - the file's own clock
            except ValueError:
                continue
            return Moment(at, to_the_second)
    return None


def _settled(found: Violation, by: str) -> Violation:
    """What is wrong with a file in whose place another one holds: told, and nothing more."""
    message = f"{found.message} Settled: {by} is loaded in its place."
    return found._replace(severity="info", message=message)


def _keys_left_out(older: FileReading, newer: FileReading, contract: FeedContract) -> str:
    """Which holdings and balances of the older file the newer one does not have, in words."""
    lost = []
    for name, table in older.tables.items():
        entity = contract.entity(name)
        if entity.severity != "block" or not entity.key or name not in newer.tables:
            continue
        kept = set(_keys(newer.tables[name], entity.key))
        gone = sorted(set(_keys(table, entity.key)) - kept)
        if gone:
            shown = "; ".join(", ".join(cell for cell in key if cell) for key in gone[:_KEYS_NAMED])
            rest = f" and {len(gone) - _KEYS_NAMED} more" if len(gone) > _KEYS_NAMED else ""
            lost.append(f"{len(gone)} of its {name.replace('_', ' ')} ({shown}{rest})")
    return " and ".join(lost)


def _keys(table: pa.Table, key: Sequence[str]) -> list[tuple[str, ...]]:
    columns = [table[name].to_pylist() for name in key if name in table.column_names]
    return [tuple((cell or "").strip() for cell in row) for row in zip(*columns, strict=True)]
