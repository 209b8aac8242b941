"""Reader of CSV files in the canonical columns: the standard feed and the policy files.

Belongs here: trailer, header, rows, dates of such a file. Does not belong here: casting (the
staging models cast), rules on values (the suites of `data_contracts`), other layouts. Source of
the rules: `standard_feed.yaml` and `policy_files.yaml`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.contract import AsOfSource, Entity, FeedContract
from python_steps.feeds.decoding import decode
from python_steps.feeds.delimited import DelimitedRows, Record, read_rows, records
from python_steps.feeds.headers import Binding, bind
from python_steps.feeds.keys import duplicate_keys
from python_steps.feeds.received import (
    ROW_NUMBER,
    ROW_TEXT,
    FileReading,
    ReceivedFile,
    refused,
    status_of,
)
from python_steps.findings import Violation

_TRAILER = re.compile(r"^#rows=(?P<rows>\d+)(?:,as_of_date=(?P<date>\d{4}-\d{2}-\d{2}))?$")


@dataclass(frozen=True)
class _Trailer:
    row_count: int | None
    stated_date: date | None
    rows_end: int
    violations: tuple[Violation, ...]


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Read one file of the standard feed or of the policy files.

    Args:
        file: whose name is one of the contract's file name patterns.
        contract: of the feed.

    Returns:
        The reading; what is wrong with the file is in its violations.
    """
    entity = entity_of(file.file_name, contract)
    decoded = decode(file, contract)
    if decoded.content is None:
        return refused(contract, decoded.violations)
    content = decoded.content
    trailer = _trailer_of(content, file, contract, entity)
    header, rows_start = _header_of(content, trailer.rows_end)
    binding = bind(header.cells, entity, contract, file_name=file.file_name, row=header.line)
    violations = [*decoded.violations, *trailer.violations, *binding.violations]
    if not binding.is_usable:
        return refused(contract, violations, header_fingerprint=binding.fingerprint)
    rows = read_rows(
        content,
        binding.width,
        start=rows_start,
        stop=trailer.rows_end,
        first_line=header.line + 1,
    )
    table = _table(rows, binding, entity)
    violations += _control(rows, trailer, file, contract, entity)
    violations += [_ragged(record, table, header, file, contract, entity) for record in rows.ragged]
    violations += duplicate_keys(table, entity, contract, file_name=file.file_name)
    stated, source, disagreement = _stated_date(file, contract, entity, table, trailer)
    violations += disagreement
    status = status_of(violations)
    return FileReading(
        feed=contract.feed,
        stated_as_of_date=stated,
        as_of_source=source,
        session_date=None,
        header_fingerprint=binding.fingerprint,
        parser_version=contract.parser_version,
        delivery_mode=contract.delivery_mode,
        tables={entity.name: table} if status == "LOADED" else {},
        covered_accounts=covered_accounts(table),
        row_count=rows.record_count,
        control_row_count=trailer.row_count,
        control_amount=None,
        violations=tuple(violations),
        status=status,
    )


def entity_of(file_name: str, contract: FeedContract) -> Entity:
    """The entity that a file's name says it holds.

    Raises:
        ValueError: the name fits no pattern of the contract.
    """
    return contract.entity(_name_parts(file_name, contract)["entity"])


def covered_accounts(table: pa.Table) -> tuple[str, ...]:
    """The account numbers of a table, sorted; none where it has no such column."""
    if "account_number" not in table.column_names:
        return ()
    found = pc.unique(table["account_number"]).to_pylist()
    return tuple(sorted(number for number in found if number))


def _name_parts(file_name: str, contract: FeedContract) -> dict[str, str]:
    for pattern in contract.file_name_patterns:
        match = re.match(pattern, file_name.lower())
        if match:
            return {name: text for name, text in match.groupdict().items() if text}
    raise ValueError(f"{file_name!r} is not a file name of feed {contract.feed}")


def _trailer_of(
    content: bytes, file: ReceivedFile, contract: FeedContract, entity: Entity
) -> _Trailer:
    """Find the control line at the end, and judge whether the end is there."""
    end = len(content)
    while content[end - 1 : end] == b"\n":
        end -= 1
    start = content.rfind(b"\n", 0, end) + 1
    last = content[start:end].decode("utf-8").rstrip(", ").strip('"')

    def incomplete(observed: str, rows_end: int) -> _Trailer:
        broken = contract.violation(
            "file_complete",
            file_name=file.file_name,
            entity=entity.name,
            row=content.count(b"\n", 0, end) + 1,
            observed=observed,
        )
        return _Trailer(None, None, rows_end, (broken,))

    if last.startswith("#"):
        match = _TRAILER.match(last)
        stated = _iso(match["date"]) if match and match["date"] else None
        if match is None or (match["date"] and stated is None):
            return incomplete(f"the control line {last!r}, which is cut or wrong", start)
        return _Trailer(int(match["rows"]), stated, start, ())
    if not content.endswith(b"\n"):
        return incomplete(
            "a last line without a line break and no control line after it, so it may be cut",
            len(content),
        )
    absent = contract.violation(
        "control_total_present",
        file_name=file.file_name,
        entity=entity.name,
        observed="no line '#rows=<number of rows>' at the end",
    )
    return _Trailer(None, None, len(content), (absent,))


def _header_of(content: bytes, stop: int) -> tuple[Record, int]:
    """The first line that is not blank, and the byte at which what follows it begins."""
    start = 0
    while content[start : start + 1] == b"\n":
        start += 1
    end = content.find(b"\n", start, stop)
    end = stop if end < 0 else end
    text = content[start:end].decode("utf-8")
    header = next(records(text, first_line=start + 1), Record([], start + 1, text))
    return header, min(end + 1, stop)


def _table(rows: DelimitedRows, binding: Binding, entity: Entity) -> pa.Table:
    """The canonical columns in their order; a column that the file does not have is null."""
    count = len(rows.line_numbers)
    arrays = {
        name: rows.columns[binding.places[name]]
        if name in binding.places
        else pa.nulls(count, pa.string())
        for name in entity.column_names
    }
    return pa.table({**arrays, ROW_NUMBER: rows.line_numbers, ROW_TEXT: rows.texts})


def _control(
    rows: DelimitedRows,
    trailer: _Trailer,
    file: ReceivedFile,
    contract: FeedContract,
    entity: Entity,
) -> list[Violation]:
    if trailer.row_count is None or trailer.row_count == rows.record_count:
        return []
    return [
        contract.violation(
            "control_count",
            file_name=file.file_name,
            entity=entity.name,
            observed=f"{rows.record_count} rows",
            expected=f"{trailer.row_count} rows, as the control line says",
        )
    ]


def _ragged(
    record: Record,
    table: pa.Table,
    header: Record,
    file: ReceivedFile,
    contract: FeedContract,
    entity: Entity,
) -> Violation:
    """A row that cannot be read blocks as little as its file allows to say safely.

    Its account, where the account number is the first column and other rows know that number;
    otherwise the whole file. A row of a list of securities or prices is left out with a warning:
    what it would have said is then missing, which is a state of its own further on.
    """
    account = record.cells[0] if record.cells and entity.columns[0].name == "account_number" else ""
    known = account in covered_accounts(table) and header.cells[0].strip().lower() == (
        "account_number"
    )
    # The row itself is not quoted: any of its cells may be a name or a number of a person.
    observed = record.problem or f"{len(record.cells)} cells"
    spared = not record.problem and entity.severity == "warn" and entity.scope == "position"
    return contract.violation(
        "ragged_row",
        file_name=file.file_name,
        entity=entity.name,
        row=record.line,
        observed=observed,
        expected=f"{len(header.cells)} cells",
        account_number=account if known else None,
        severity="warn" if spared else "block",
        scope="account" if known and not spared else "feed",
    )


def _stated_date(
    file: ReceivedFile,
    contract: FeedContract,
    entity: Entity,
    table: pa.Table,
    trailer: _Trailer,
) -> tuple[date | None, AsOfSource | None, list[Violation]]:
    """The date the file states, by precedence of the contract, and any disagreement."""
    named = _name_parts(file.file_name, contract).get("date")
    candidates: dict[AsOfSource, date | None] = {
        "TRAILER": trailer.stated_date,
        "FILE_NAME": _iso(named) if named else None,
        "FIELD": _common_date(table, entity),
    }
    if named and candidates["FILE_NAME"] is None:
        wrong = contract.violation(
            "as_of_date_present",
            file_name=file.file_name,
            entity=entity.name,
            observed=f"{named!r} in the file name, which is no date",
        )
        return None, None, [wrong]
    stated = [
        (found, source)
        for source in contract.as_of_date_sources
        if (found := candidates.get(source)) is not None
    ]
    if not stated:
        return None, None, []
    chosen, source = stated[0]
    return (
        chosen,
        source,
        [
            contract.violation(
                "as_of_dates_agree",
                file_name=file.file_name,
                entity=entity.name,
                observed=f"{other} by {other_source}",
                expected=f"{chosen} by {source}",
            )
            for other, other_source in stated[1:]
            if other != chosen and other_source != "FIELD"
        ],
    )


def _common_date(table: pa.Table, entity: Entity) -> date | None:
    """The date that most rows carry, where the contract lets rows speak for the file."""
    rule = entity.common_date
    if rule is None:
        return None
    counts = Counter(
        {
            pair["values"]: pair["counts"]
            for pair in pc.value_counts(table[rule.column]).to_pylist()
            if pair["values"]
        }
    )
    total = counts.total()
    if total < rule.least_rows:
        return None
    # On a tie the later date speaks: prices of the day beside stale ones.
    common, count = max(counts.items(), key=lambda pair: (pair[1], pair[0]))
    if count <= rule.least_share * total:
        return None
    return _iso(common)


def _iso(text: str) -> date | None:
    digits = text.replace("-", "")
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None
