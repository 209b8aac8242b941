"""From the landing folder to the raw tables.

Belongs here: walking the folder, archiving bytes, handing them to the readers and the contracts,
writing what comes back. Does not belong here: how a file is read (python_steps.feeds) or what is
demanded of it (data_contracts).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from data_contracts.contract import (
    FeedContract,
    canonical_entities,
    entity_columns,
    load_contracts,
)
from orchestration.home import Home
from orchestration.masking import SHORT_NUMBER, with_masked_numbers, with_masked_runs
from orchestration.names import POLICY_CUSTODIAN, POLICY_FOLDER
from orchestration.warehouse import OPS_TABLES, RAW_META_COLUMNS, Warehouse, replace_rows
from python_steps.feeds.deliveries import (
    READERS_BY_ENTITY,
    DeliveredFile,
    Fate,
    copy_of,
    copy_of_an_earlier_session,
    fates_of,
    made_at,
)
from python_steps.feeds.keys import keys_of_several_files
from python_steps.feeds.reading import read_file
from python_steps.feeds.received import FileReading, ReceivedFile
from python_steps.feeds.recognition import recognise
from python_steps.findings import Violation
from python_steps.identities import IDENTITY_RULE

UNRECOGNISED = "unrecognised"
POLICY_FEED = "policy_files"


@dataclass
class FeedLoad:
    """What loading one feed of one night did, for the people who watch it."""

    feed: str
    files: int = 0
    quarantined_files: int = 0
    duplicate_files: int = 0
    rows_by_entity: Counter[str] = field(default_factory=Counter)
    violations_by_severity: Counter[str] = field(default_factory=Counter)
    expectations_evaluated: int = 0
    expectations_failed: int = 0
    broken_checks: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Origin:
    """Which file a row is of, as it may be published; the file's bytes are not kept."""

    custodian: str
    file_name: str
    source_file_id: str
    received_name: str


def _origin_of(file: ReceivedFile, reading: FileReading) -> _Origin:
    """The file without the account number that some custodians put into its name.

    Short numbers stay: they would be found in dates, and tell nobody anything.
    """
    numbers = [number for number in reading.covered_accounts if len(number) > SHORT_NUMBER]
    # A file that was refused names no accounts.
    name = with_masked_runs(with_masked_numbers(file.file_name, numbers))
    return _Origin(file.custodian, name, file.source_file_id, file.file_name)


def raw_entities() -> dict[str, list[str]]:
    """Every canonical entity of every contract, with its columns in the canonical order."""
    return {name: entity_columns(name) for name in sorted(canonical_entities())}


def contract_rules() -> list[str]:
    """Names of all rules of files and identities, sorted; the rules of the book are dbt's."""
    from data_contracts.suites import planned_expectations

    contracts = load_contracts().values()
    found = {rule for contract in contracts for rule in contract.rules}
    found |= {
        planned.rule
        for contract in contracts
        for entity in contract.entities.values()
        for planned in planned_expectations(contract, entity, entity.column_names)
    }
    return sorted(found | {IDENTITY_RULE})


def _in_fixed_order(files: Iterable[Path]) -> list[Path]:
    """Files in a fixed order, so that a night does not depend on the order of a directory."""
    return sorted(files, key=lambda path: (path.parent.name, path.name))


def is_own_file(path: Path) -> bool:
    """Whether a file stands in its custodian's folder itself.

    A delivery comes from outside: a link in it may name any file that this machine can read. The
    folder is the firm's own and may be a link to where the custodian delivers.
    """
    return path.is_file() and path.resolve().is_relative_to(path.parent.resolve())


def landed_files(home: Home, as_of_date: date) -> list[Path]:
    """Every file in the session's landing folder.

    Hidden and partial files are left out, and links to files of another place.
    """
    folder = home.landing / as_of_date.isoformat()
    if not folder.is_dir():
        return []
    found = [
        path
        for path in folder.glob("*/*")
        if is_own_file(path) and not path.name.startswith(".") and path.suffix != ".part"
    ]
    return _in_fixed_order(found)


def custodian_of(path: Path) -> str:
    """The custodian's code: the folder's name in upper case."""
    name = path.parent.name
    return POLICY_CUSTODIAN if name == POLICY_FOLDER else name.upper()


def receive_files(home: Home, warehouse: Warehouse, as_of_date: date) -> dict[str, int]:
    """Archive and recognise every landed file; returns the number of files per feed."""
    rows, unrecognised = _received(home, as_of_date)
    with warehouse.open() as connection:
        replace_ops_rows(connection, "received_files", rows, {"as_of_date": as_of_date})
        _write_contract_rules(connection)
        replace_ops_rows(
            connection,
            "contract_violations",
            [
                _violation_row(violation, origin, UNRECOGNISED, as_of_date)
                for origin, violation in unrecognised
            ],
            {"as_of_date": as_of_date, "feed": UNRECOGNISED},
        )
    return dict(Counter(row["feed"] for row in rows))


def _received(
    home: Home, as_of_date: date
) -> tuple[list[dict[str, Any]], list[tuple[_Origin, Violation]]]:
    """The landed files, archived, each with its feed; and why others are of none."""
    contracts = load_contracts()
    rows: list[dict[str, Any]] = []
    unknown: list[tuple[dict[str, Any], list[tuple[_Origin, Violation]]]] = []
    feeds: dict[tuple[str, str], str] = {}
    for path in landed_files(home, as_of_date):
        content = path.read_bytes()
        file = ReceivedFile(custodian=custodian_of(path), file_name=path.name, content=content)
        archive_bytes(home, file.source_file_id, content)
        feed = recognise(file, contracts)
        row: dict[str, Any] = {
            "as_of_date": as_of_date,
            "source_file_id": file.source_file_id,
            "custodian": file.custodian,
            "feed": feed or UNRECOGNISED,
            "file_name": path.name,
            "is_copy": False,
            "size_bytes": len(content),
        }
        rows.append(row)
        if feed is None:
            refusal = read_file(file, as_of_date, contracts)
            origin = _origin_of(file, refusal)
            unknown.append((row, [(origin, violation) for violation in refusal.violations]))
        else:
            feeds[file.custodian, file.source_file_id] = feed
    unrecognised: list[tuple[_Origin, Violation]] = []
    for row, violations in unknown:
        feed = feeds.get((row["custodian"], row["source_file_id"]))
        if feed is None:
            unrecognised += violations
        else:
            # A copy under a name that says nothing, `positions (1).csv`, is of its original's feed.
            row |= {"feed": feed, "is_copy": True}
    return rows, unrecognised


def _write_contract_rules(connection: duckdb.DuckDBPyConnection) -> None:
    rules = pa.table({"rule": pa.array(contract_rules(), pa.string())})
    connection.register("contract_rules", rules)
    connection.execute("delete from ops.contract_rules")
    connection.execute("insert into ops.contract_rules from contract_rules")
    connection.unregister("contract_rules")


def load_feed(home: Home, warehouse: Warehouse, feed: str, as_of_date: date) -> FeedLoad:
    """Read every file of one feed of the session into the raw tables.

    Loading the same files again changes nothing: the feed's rows of the session are replaced.
    """
    contract = load_contracts()[feed]
    gathered = _gather(home, warehouse, contract, as_of_date)
    summary = gathered.summary
    with warehouse.open() as connection:
        for entity in contract.entities:
            # Taken out: an entity's rows are let go before the next one's are written.
            tables = gathered.parts.pop(entity)
            rows = pa.concat_tables(tables) if tables else _empty_raw(entity)
            summary.rows_by_entity[entity] = rows.num_rows
            if rows.num_rows:
                _check_rows(gathered, contract, entity, tables, rows, as_of_date)
            replace_rows(
                connection, f"raw.{entity}", rows, {"as_of_date": as_of_date, "feed": feed}
            )
        night_feed = {"as_of_date": as_of_date, "feed": feed}
        replace_ops_rows(connection, "source_files", gathered.file_rows, night_feed)
        replace_ops_rows(connection, "file_entities", gathered.entity_rows, night_feed)
        replace_ops_rows(connection, "contract_violations", gathered.violation_rows, night_feed)
    found = gathered.violation_rows
    summary.violations_by_severity = Counter(row["severity"] for row in found)
    blocking = [row for row in found if row["severity"] == "block"][:20]
    numbers = gathered.account_numbers | {row["account_number"] or "" for row in blocking}
    # People read these in logs and in the run's events, where no full account number may stand.
    summary.messages = [with_masked_numbers(row["message"], numbers) for row in blocking]
    return summary


@dataclass
class _Gathered:
    """What the files of one feed say, on its way into the raw tables."""

    summary: FeedLoad
    parts: dict[str, list[pa.Table]]
    as_of_date: date
    file_rows: list[dict[str, Any]] = field(default_factory=list)
    entity_rows: list[dict[str, Any]] = field(default_factory=list)
    violation_rows: list[dict[str, Any]] = field(default_factory=list)
    origins: dict[str, _Origin] = field(default_factory=dict)
    account_numbers: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _Received:
    """One content of a custodian, read: what it says, and whose it is."""

    delivered: DeliveredFile
    origin: _Origin
    received_at: datetime


def _gather(
    home: Home, warehouse: Warehouse, contract: FeedContract, as_of_date: date
) -> _Gathered:
    """Read the feed's files one after the other; their bytes are let go, their tables kept."""
    found = _Gathered(
        FeedLoad(contract.feed), {entity: [] for entity in contract.entities}, as_of_date
    )
    read: dict[tuple[str, str], _Received] = {}
    for file, received_at in _files_of(home, warehouse, contract.feed, as_of_date):
        found.summary.files += 1
        original = read.get((file.custodian, file.source_file_id))
        if original is not None:
            _add_copy(found, file, original, contract)
            continue
        reading = read_file(file, as_of_date)
        origin = _origin_of(file, reading)
        delivered = DeliveredFile(
            file.custodian, origin.file_name, reading, made_at(file, contract)
        )
        read[file.custodian, file.source_file_id] = _Received(delivered, origin, received_at)
    originals = list(read.values())
    earlier = _loaded_earlier(warehouse, contract.feed, as_of_date)
    fates = fates_of([original.delivered for original in originals], contract)
    for original, fate in zip(originals, fates, strict=True):
        _add_file(found, original, fate, contract, earlier)
    return found


def _add_copy(
    found: _Gathered, file: ReceivedFile, original: _Received, contract: FeedContract
) -> None:
    """A second file with the same bytes: told, and not loaded again."""
    found.summary.duplicate_files += 1
    reading = original.delivered.reading
    origin = _origin_of(file, reading)
    found.file_rows.append(
        {
            **_file_row(origin, reading, found.as_of_date, original.received_at),
            "row_count": 0,
            "status": "DUPLICATE",
            "replaced_by": original.origin.file_name,
        }
    )
    told = copy_of(origin.file_name, original.origin.file_name, contract)
    found.violation_rows.append(_violation_row(told, origin, contract.feed, found.as_of_date))


def _add_file(
    found: _Gathered,
    file: _Received,
    fate: Fate,
    contract: FeedContract,
    earlier: Mapping[tuple[str, str], tuple[str, date]],
) -> None:
    """What a file says, as far as it holds beside the others, and what is wrong with it."""
    feed, origin, reading = contract.feed, file.origin, file.delivered.reading
    found.origins[origin.source_file_id] = origin
    found.account_numbers.update(reading.covered_accounts)
    is_loaded = fate.status == "LOADED"
    found.file_rows.append(
        _file_row(origin, reading, found.as_of_date, file.received_at)
        | {"status": fate.status, "replaced_by": fate.replaced_by}
        | ({} if is_loaded else {"row_count": 0})
    )
    violations = list(fate.violations)
    before = earlier.get((origin.custodian, origin.source_file_id)) if is_loaded else None
    if before is not None:
        name, session = before
        again = copy_of_an_earlier_session(file.delivered, name, session.isoformat(), contract)
        violations += [again] if again else []
    found.violation_rows += [
        _violation_row(violation, origin, feed, found.as_of_date) for violation in violations
    ]
    file_entity = {
        "as_of_date": found.as_of_date,
        "source_file_id": origin.source_file_id,
        "custodian": origin.custodian,
        "feed": feed,
    }
    if is_loaded:
        for entity, table in reading.tables.items():
            rows = _with_origin(table, origin, feed, entity, found.as_of_date)
            found.parts[entity].append(rows)
            found.entity_rows.append({**file_entity, "entity": entity, "row_count": table.num_rows})
    elif fate.status == "QUARANTINED":
        found.summary.quarantined_files += 1
        # What it would have delivered, so that a feed that is owed is not taken for delivered.
        # Of feeds with a file for each entity the name or the violations tell.
        if contract.reader not in READERS_BY_ENTITY:
            found.entity_rows += [
                {**file_entity, "entity": entity, "row_count": None} for entity in contract.entities
            ]


def _loaded_earlier(
    warehouse: Warehouse, feed: str, as_of_date: date
) -> dict[tuple[str, str], tuple[str, date]]:
    """Tonight's contents that an earlier session loaded: the name and session it last had.

    Policy files hold until they change: the same content every night is what is expected of them.
    """
    if feed == POLICY_FEED:
        return {}
    rows = warehouse.read(
        """
        select files.custodian, files.source_file_id, files.file_name, files.as_of_date
        from ops.source_files as files
        inner join ops.received_files as tonight using (custodian, feed, source_file_id)
        where
            files.feed = $1 and files.as_of_date < $2 and files.status = 'LOADED'
            and tonight.as_of_date = $2
        order by files.as_of_date, files.file_name desc
        """,
        [feed, as_of_date],
    ).to_pylist()
    return {
        (row["custodian"], row["source_file_id"]): (row["file_name"], row["as_of_date"])
        for row in rows
    }


def _check_rows(
    gathered: _Gathered,
    contract: FeedContract,
    entity: str,
    tables: Sequence[pa.Table],
    rows: pa.Table,
    as_of_date: date,
) -> None:
    """Judge an entity's rows of all files together; what is found is added to `gathered`."""
    from data_contracts.suites import check_table

    feed, summary = contract.feed, gathered.summary
    names = {file_id: origin.file_name for file_id, origin in gathered.origins.items()}
    if feed != POLICY_FEED:
        # Of a policy file the newest holds; custodians' rows would add up.
        gathered.violation_rows += [
            _violation_row(violation, gathered.origins[file_id], feed, as_of_date)
            for file_id, violation in keys_of_several_files(
                _of_several_files(tables), contract.entity(entity), contract, names
            )
        ]
    suite = check_table(contract, entity, _with_file_names(rows, names))
    summary.expectations_evaluated += suite.expectations_evaluated
    summary.expectations_failed += suite.expectations_failed
    summary.broken_checks += list(suite.broken)
    gathered.violation_rows += [
        _violation_row(
            violation, gathered.origins.get(file_id) if file_id else None, feed, as_of_date
        )
        for violation, file_id in zip(suite.violations, suite.source_file_ids, strict=True)
    ]


def _of_several_files(tables: Sequence[pa.Table]) -> pa.Table:
    """The rows of custodians that sent more than one file of an entity; a table is one file's."""
    whose = [table["custodian"][0].as_py() if table.num_rows else None for table in tables]
    counts = Counter(whose)
    several = [table for table, one in zip(tables, whose, strict=True) if counts[one] > 1]
    return pa.concat_tables(several) if several else tables[0].slice(0, 0)


def archive_bytes(home: Home, digest: str, content: bytes) -> None:
    """Keep the bytes of a file that was received, by their sha256, for good."""
    target = home.archive / digest[:2] / digest
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{digest}.{os.getpid()}.part")
    temporary.write_bytes(content)
    temporary.chmod(0o400)
    temporary.replace(target)


def _files_of(
    home: Home, warehouse: Warehouse, feed: str, as_of_date: date
) -> Iterator[tuple[ReceivedFile, datetime]]:
    """Each file's bytes as archived and when they came, one at a time."""
    listed = warehouse.read(
        """
        select source_file_id, custodian, file_name from ops.received_files
        where as_of_date = $1 and feed = $2 order by custodian, is_copy, file_name
        """,
        [as_of_date, feed],
    ).to_pylist()
    for row in listed:
        archived = home.archive / row["source_file_id"][:2] / row["source_file_id"]
        received_at = datetime.fromtimestamp(archived.stat().st_mtime, tz=UTC)
        yield (
            ReceivedFile(
                custodian=row["custodian"],
                file_name=row["file_name"],
                content=archived.read_bytes(),
            ),
            received_at.replace(tzinfo=None),
        )


def _with_origin(
    table: pa.Table, file: _Origin, feed: str, entity: str, as_of_date: date
) -> pa.Table:
    count = table.num_rows
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        "as_of_date": pa.repeat(pa.scalar(as_of_date, pa.date32()), count),
        "custodian": pa.repeat(pa.scalar(file.custodian, pa.string()), count),
        "feed": pa.repeat(pa.scalar(feed, pa.string()), count),
        "source_file_id": pa.repeat(pa.scalar(file.source_file_id, pa.string()), count),
        "source_row_number": table["source_row_number"].cast(pa.int64()),
        "row_as_received": table["row_as_received"].cast(pa.string()),
    }
    for name in entity_columns(entity):
        # A policy row names the custodian it speaks of: its own column, not the folder's name.
        columns[name] = (
            table[name].cast(pa.string())
            if name in table.column_names
            else pa.nulls(count, pa.string())
        )
    return pa.table(columns)


def _empty_raw(entity: str) -> pa.Table:
    kinds = {"date": pa.date32(), "bigint": pa.int64()}
    schema = [(name, kinds.get(kind, pa.string())) for name, kind in RAW_META_COLUMNS.items()]
    schema += [
        (name, pa.string()) for name in entity_columns(entity) if name not in RAW_META_COLUMNS
    ]
    return pa.schema(schema).empty_table()


def _file_row(
    file: _Origin, reading: FileReading, as_of_date: date, received_at: datetime
) -> dict[str, Any]:
    return {
        "as_of_date": as_of_date,
        "source_file_id": file.source_file_id,
        "custodian": file.custodian,
        "feed": reading.feed,
        "file_name": file.file_name,
        "stated_as_of_date": reading.stated_as_of_date,
        "as_of_source": reading.as_of_source,
        "header_fingerprint": reading.header_fingerprint,
        "parser_version": reading.parser_version,
        "delivery_mode": reading.delivery_mode,
        "feed_role": load_contracts()[reading.feed].role if reading.feed else None,
        "covered_from_date": reading.covered_from_date,
        "covered_to_date": reading.covered_to_date,
        "row_count": sum(table.num_rows for table in reading.tables.values()),
        "control_row_count": reading.control_row_count,
        "control_amount": reading.control_amount,
        "received_at": received_at,
    }


def _violation_row(
    violation: Violation, file: _Origin | None, feed: str, as_of_date: date
) -> dict[str, Any]:
    told = violation._asdict()
    if file is not None:
        told["message"] = violation.message.replace(file.received_name, file.file_name)
    return {
        "as_of_date": as_of_date,
        "custodian": file.custodian if file else None,
        "feed": feed,
        "source_file_id": file.source_file_id if file else None,
        **told,
        "file_name": file.file_name if file else None,
    }


def _with_file_names(rows: pa.Table, names: Mapping[str, str]) -> pa.Table:
    """The rows with the name of their file beside its id, for messages that people read."""
    ids = rows["source_file_id"].combine_chunks().dictionary_encode()
    looked_up = pa.array([names[file_id] for file_id in ids.dictionary.to_pylist()], pa.string())
    return rows.append_column("file_name", looked_up.take(ids.indices))


def replace_ops_rows(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    rows: Sequence[dict[str, Any]],
    where: dict[str, Any],
) -> None:
    """Put `rows` in the place of the rows of an ops table that match `where`.

    Columns that a row lacks are null.
    """
    declared = OPS_TABLES[table]
    kinds: dict[str, pa.DataType] = {
        "date": pa.date32(),
        "bigint": pa.int64(),
        "integer": pa.int32(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
        "timestamp": pa.timestamp("us"),
        "decimal(24,6)": pa.decimal128(24, 6),
        "decimal(28,10)": pa.decimal128(28, 10),
    }
    schema = pa.schema([(name, kinds.get(kind, pa.string())) for name, kind in declared.items()])
    complete = [{name: row.get(name) for name in declared} for row in rows]
    replace_rows(connection, f"ops.{table}", pa.Table.from_pylist(complete, schema=schema), where)
