"""The frame of Pershing's standard files: header, detail records, trailer, and their gates.

Belongs here: what every such file has in common, whatever its records mean. Does not belong here:
fields of records (the contracts' `layout` names them). Source of the rules: `BOF`/`EOF` records of
standardfiles.pershing.com. Lines are not trusted: records are known by their length and their last
character, and the trailer's count is a hard gate.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from data_contracts.contract import DeliveryMode, FeedContract, entity_columns
from python_steps.feeds.decoding import decode
from python_steps.feeds.fixed_width import Field, FieldError, field_text, physical_lines
from python_steps.feeds.headers import fingerprint
from python_steps.feeds.identifiers import is_cusip
from python_steps.feeds.keys import duplicate_keys
from python_steps.feeds.received import FileReading, ReceivedFile, status_of
from python_steps.feeds.tables import RowCollector
from python_steps.findings import Violation

HEADER_SIGN = "BOF      PERSHING "
TRAILER_SIGN = "EOF      PERSHING "
_HEADER_END, _DETAIL_END, _TRAILER_END = "A", "X", "Z"

_TITLE = Field("title", 19, 36)
_DATA_DATE = Field("data date", 47, 56, kind="date", date_format="%m/%d/%Y")
_REMOTE = Field("remote id", 68, 71)
_COUNT = Field("number of detail records", 106, 115, kind="number")
_MODE = Field("refreshed or updated", 119, 127)
_MODES: Mapping[str, DeliveryMode] = {"REFRESHED": "FULL", "UPDATED": "DELTA"}


@dataclass(frozen=True)
class PershingRecord:
    """One detail record and the line at which it begins."""

    text: str
    line: int


@dataclass
class Frame:
    """A file's records, and what its header and trailer say.

    `problems` holds every broken gate; where one of them blocks, the records must not be read.
    """

    title: str = ""
    data_date: date | None = None
    mode: DeliveryMode | None = None
    stated_count: int | None = None
    records: list[PershingRecord] = field(default_factory=list)
    problems: list[Violation] = field(default_factory=list)

    @property
    def is_usable(self) -> bool:
        """True when no gate of the whole file is broken."""
        return all(found.severity != "block" for found in self.problems)


def read_frame(file: ReceivedFile, contract: FeedContract) -> Frame:
    """Take a file apart into records and check its gates.

    Args:
        file: as received.
        contract: whose `layout.record_length` says how long every record is.
    """
    frame = Frame()
    decoded = decode(file, contract)
    frame.problems += decoded.violations
    if decoded.content is None:
        return frame
    reader = _FrameReader(file.file_name, contract, frame)
    reader.read(decoded.content.decode("utf-8"))
    return frame


def fields_of(layout: Mapping[str, Any], record: str) -> dict[str, Field]:
    """The fields of one kind of record, as a contract's `layout.records` describes them."""
    described: Mapping[str, Mapping[str, Any]] = layout["records"][record]
    return {name: _field(name, given) for name, given in described.items()}


def _field(name: str, given: Mapping[str, Any]) -> Field:
    first, _, last = str(given["columns"]).partition("-")
    return Field(
        name=name,
        start=int(first),
        end=int(last or first),
        kind=given.get("kind", "text"),
        decimals=int(given.get("decimals", 0)),
        sign_at=int(given["sign"]) if "sign" in given else None,
        date_format=str(given.get("format", "")),
    )


def shown(record: PershingRecord, fields: Mapping[str, Field]) -> str:
    """The record with everything blanked that is not read: names and tax ids stay in the file."""
    kept = [" "] * len(record.text)
    for each in fields.values():
        kept[each.start - 1 : each.end] = record.text[each.start - 1 : each.end]
        if each.sign_at is not None:
            kept[each.sign_at - 1] = record.text[each.sign_at - 1]
    return "".join(kept).rstrip()


def security_identifiers(number: str) -> dict[str, str]:
    """A CUSIP where the check digit proves it, else Pershing's own number."""
    proven = is_cusip(number)
    return {"cusip": number if proven else "", "custodian_security_id": "" if proven else number}


class RecordReader:
    """Reads the fields of one record; a field that cannot be read is told and left empty."""

    def __init__(self, file_name: str, contract: FeedContract, problems: list[Violation]) -> None:
        self.file_name = file_name
        self.contract = contract
        self.problems = problems

    def values(
        self, record: PershingRecord, fields: Mapping[str, Field], *, account: str | None = None
    ) -> dict[str, str]:
        """Each field as plain text: decimals with their point, dates as ISO, '' where blank."""
        found: dict[str, str] = {}
        for name, each in fields.items():
            try:
                found[name] = field_text(record.text, each)
            except FieldError as error:
                found[name] = ""
                self.problems.append(
                    self.contract.violation(
                        "field_readable",
                        file_name=self.file_name,
                        row=record.line,
                        observed=f"{name.replace('_', ' ')} {error.observed}",
                        account_number=account,
                    )
                )
        return found


def reading_of(
    frame: Frame,
    file: ReceivedFile,
    contract: FeedContract,
    collectors: Mapping[str, RowCollector] | None = None,
    accounts: Iterable[str] = (),
) -> FileReading:
    """The reading of a file: its tables where every gate held, and all that was found.

    Args:
        frame: with the violations of the frame and of the records.
        file: as received.
        contract: of the feed.
        collectors: rows by entity; None for a file whose records were not read.
        accounts: that the file speaks of.
    """
    violations = list(frame.problems)
    tables = {
        name: collector.table(entity_columns(name))
        for name, collector in (collectors or {}).items()
    }
    for name, table in tables.items():
        violations += duplicate_keys(
            table, contract.entity(name), contract, file_name=file.file_name
        )
    status = status_of(violations)
    return FileReading(
        feed=contract.feed,
        stated_as_of_date=frame.data_date,
        as_of_source="HEADER" if frame.data_date else None,
        session_date=None,
        header_fingerprint=fingerprint([frame.title]) if frame.title else None,
        parser_version=contract.parser_version,
        delivery_mode=frame.mode or contract.delivery_mode,
        tables={name: table for name, table in tables.items() if table.num_rows}
        if status == "LOADED"
        else {},
        covered_accounts=tuple(sorted(set(accounts))),
        row_count=len(frame.records),
        control_row_count=frame.stated_count,
        control_amount=None,
        violations=tuple(violations),
        status=status,
    )


class _FrameReader:
    """Reads one file's frame."""

    def __init__(self, file_name: str, contract: FeedContract, frame: Frame) -> None:
        self.file_name = file_name
        self.contract = contract
        self.frame = frame
        self.length = int((contract.layout or {})["record_length"])
        self.put_together: list[int] = []

    def read(self, text: str) -> None:
        whole = list(self._whole_records(text))
        if self.put_together:
            found = f"{len(self.put_together)} records that are not one line each"
            self._add("record_put_together", found, self.put_together[0])
        if not whole or not whole[0].text.startswith(HEADER_SIGN):
            self._add("frame_closed", "no header record", whole[0].line if whole else None)
            return
        header, *rest = whole
        self._header(header)
        ends = [place for place, each in enumerate(rest) if each.text.startswith(TRAILER_SIGN)]
        if not ends:
            self._add("file_complete", "no trailer record", whole[-1].line)
            return
        if ends[0] != len(rest) - 1:
            self._add("frame_closed", "records behind the trailer", rest[ends[0] + 1].line)
        self.frame.records = rest[: ends[0]]
        self._trailer(header, rest[ends[0]])
        for record in self.frame.records:
            if record.text[-1] != _DETAIL_END:
                self._add(
                    "record_length",
                    f"a detail record that ends with {record.text[-1]!r}",
                    record.line,
                )

    def _whole_records(self, text: str) -> Iterator[PershingRecord]:
        """Records of the right length, put together from pieces where lines were broken."""
        waiting, first_line = "", 0
        for line, content in physical_lines(text):
            if not waiting and not content.strip():
                continue
            if waiting and self._is_record(content) and len(waiting) < self.length:
                self._stray(waiting, first_line)
                waiting = ""
            if not waiting:
                first_line = line
            waiting += content
            while len(waiting) >= self.length:
                record = PershingRecord(waiting[: self.length], first_line)
                if not self._is_record(record.text):
                    found = f"{len(waiting)} characters that are no record"
                    self._add("record_length", found, first_line)
                    return
                if len(content) != self.length:
                    self.put_together.append(first_line)
                yield record
                waiting = waiting[self.length :]
        if waiting.strip():
            self._add("record_length", f"a line of {len(waiting)} characters", first_line)

    def _is_record(self, text: str) -> bool:
        """The right length, and the last character that belongs to its kind."""
        if len(text) != self.length:
            return False
        if text.startswith(HEADER_SIGN):
            return text[-1] == _HEADER_END
        if text.startswith(TRAILER_SIGN):
            return text[-1] == _TRAILER_END
        return text[-1] == _DETAIL_END

    def _stray(self, text: str, line: int) -> None:
        self._add("stray_line", f"a line of {len(text)} characters", line)

    def _header(self, header: PershingRecord) -> None:
        self.frame.title = field_text(header.text, _TITLE)
        self.frame.data_date = self._date(header)

    def _date(self, record: PershingRecord) -> date | None:
        try:
            text = field_text(record.text, _DATA_DATE)
        except FieldError as error:
            text = ""
            observed = f"the data date {error.observed}"
        else:
            observed = "a blank data date"
        if text:
            return date.fromisoformat(text)
        self._add("as_of_date_present", observed, record.line)
        return None

    def _trailer(self, header: PershingRecord, trailer: PershingRecord) -> None:
        for each in (_TITLE, _DATA_DATE, _REMOTE):
            at = slice(each.start - 1, each.end)
            if header.text[at] != trailer.text[at]:
                self._add(
                    "frame_agrees",
                    f"{each.name} {trailer.text[at].strip()!r} in the trailer",
                    trailer.line,
                    expected=f"{header.text[at].strip()!r}, as in the header",
                )
        self._count(trailer)
        stated = [field_text(each.text, _MODE) for each in (header, trailer)]
        modes = {text for text in stated if text}
        if len(modes) != 1 or not modes <= _MODES.keys():
            found = " and ".join(sorted(modes)) or "neither word"
            self._add("delivery_mode_stated", found, header.line)
            return
        self.frame.mode = _MODES[modes.pop()]

    def _count(self, trailer: PershingRecord) -> None:
        found = len(self.frame.records)
        try:
            stated = field_text(trailer.text, _COUNT)
        except FieldError as error:
            stated = error.observed
        self.frame.stated_count = int(stated) if re.fullmatch(r"\d+", stated) else None
        if self.frame.stated_count != found:
            self._add(
                "control_count",
                f"{found} detail records",
                trailer.line,
                expected=f"{stated or 'a count'}, as the trailer says",
            )

    def _add(
        self, rule: str, observed: str, line: int | None, *, expected: str | None = None
    ) -> None:
        self.frame.problems.append(
            self.contract.violation(
                rule,
                file_name=self.file_name,
                row=line,
                observed=observed,
                expected=expected,
            )
        )
