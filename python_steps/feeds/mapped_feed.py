"""Reader of files that a firm's layout describes: any custodian's delivery, without code.

Belongs here: header and trailer with their gates, the binding of fields. Does not belong here: the
layout (`data_contracts.layout`), lines (`mapped_lines`), tables (`mapped_tables`). What a file
cannot say is null; what cannot be read is a violation with file, row, column and rule.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.contract import AsOfSource, DeliveryMode, FeedContract
from data_contracts.layout import (
    ALL_LINES,
    AmountRule,
    FieldLayout,
    FileLayout,
    RecordLayout,
    layout_of,
)
from python_steps.feeds.fixed_width import FieldError, iso_date
from python_steps.feeds.headers import fingerprint, normalised
from python_steps.feeds.mapped_columns import FieldReader, field_reader
from python_steps.feeds.mapped_lines import (
    Line,
    MappedLines,
    Row,
    cell_place,
    file_layout_of,
    lines_of,
    text_of,
)
from python_steps.feeds.mapped_tables import BoundColumn, MappedTables, TableMaker
from python_steps.feeds.received import FileReading, ReceivedFile, refused, status_of
from python_steps.findings import Violation


@dataclass(frozen=True)
class ControlTotal:
    """A total that the file states, and what its rows give; None where it could not be read."""

    what: str
    stated: Decimal | None
    found: Decimal | None
    tolerance: Decimal = Decimal(0)

    @property
    def agrees(self) -> bool:
        """True when both are known and as near as the layout demands."""
        if self.stated is None or self.found is None:
            return False
        return abs(self.stated - self.found) <= self.tolerance


@dataclass(frozen=True)
class Understanding:
    """What the layout made of a file, beside its reading."""

    reading: FileReading
    tables: Mapping[str, pa.Table] = field(default_factory=dict)  # of a refused file too
    file_layout: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)
    bound: tuple[BoundColumn, ...] = ()
    unbound: tuple[str, ...] = ()
    control_totals: tuple[ControlTotal, ...] = ()


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Read one file of a mapped feed.

    Args:
        file: as received.
        contract: with a layout.

    Returns:
        Canonical tables as plain text, and what is wrong with the file.
    """
    return understand(file, contract).reading


def understand(file: ReceivedFile, contract: FeedContract) -> Understanding:
    """Read one file and say how: the columns that were bound, the totals that were compared."""
    layout = layout_of(contract)
    file_layout = file_layout_of(file, layout)
    if file_layout is None:
        broken = contract.violation(
            "layout_has_file",
            file_name=file.file_name,
            observed="a name and a first line that no file of the layout has",
            expected=f"one of {', '.join(layout.files)}",
        )
        return Understanding(refused(contract, [broken]))
    text, violations = text_of(file, file_layout, contract)
    if text is None:
        return Understanding(refused(contract, violations), file_layout=file_layout.name)
    reader = _Reader(file, contract, file_layout)
    reader.violations += violations
    return reader.understanding(text)


def with_withheld_entities(
    reading: FileReading, file: ReceivedFile, contract: FeedContract
) -> FileReading:
    """A refused reading that names each entity the file would have filled.

    The name of a mapped file does not tell what was in it; what is missing must be known.
    """
    layout = file_layout_of(file, layout_of(contract))
    if reading.status == "LOADED" or layout is None:
        return reading
    entities = dict.fromkeys(
        rule.entity for record in layout.of_role("rows") for rule in record.entities
    )
    told = [
        contract.violation(
            "entity_delivered",
            file_name=file.file_name,
            entity=entity,
            observed=f"no {entity}: this file was refused",
        )
        for entity in entities
    ]
    return replace(reading, violations=(*reading.violations, *told))


class _Reader:
    """Reads one file of a known kind."""

    def __init__(self, file: ReceivedFile, contract: FeedContract, layout: FileLayout) -> None:
        self.file = file
        self.contract = contract
        self.layout = layout
        self.violations: list[Violation] = []
        self.null_words = frozenset(word.strip().lower() for word in contract.null_words) | {""}
        self.lines = MappedLines()
        self.totals: list[ControlTotal] = []
        self.stated_mode: DeliveryMode | None = None
        self.covered_from: date | None = None

    def understanding(self, text: str) -> Understanding:
        """Gates first, then rows; rows are not made of a file without its names or its date."""
        self.lines = lines_of(text, self.layout, self.file, self.contract)
        self.violations += self.lines.violations
        self._check_ends(text)
        readers = {
            record.name: self._field_readers(record) for record in self.layout.of_role("rows")
        }
        unbound = self._unbound()
        as_of, source = self._stated_date(readers)
        self._controls(readers)
        made = MappedTables()
        is_dated = as_of is not None or "LANDING_FOLDER" in self.contract.as_of_date_sources
        is_bound = not {one.rule for one in self.violations} & {
            "required_column",
            "duplicate_column",
        }
        if is_dated and is_bound:
            made = TableMaker(
                self.file, self.contract, self.layout, self.lines, self.null_words, as_of
            ).made(readers)
            self.violations += made.violations
        covered = sorted(
            {
                number
                for table in made.tables.values()
                if "account_number" in table.column_names
                for number in pc.unique(table["account_number"]).to_pylist()
                if number
            }
        )
        status = status_of(self.violations)
        counted = next((total for total in self.totals if total.what == "rows"), None)
        amount = next((total for total in self.totals if total.what != "rows"), None)
        return Understanding(
            reading=FileReading(
                feed=self.contract.feed,
                stated_as_of_date=as_of,
                as_of_source=source,
                session_date=None,
                header_fingerprint=self._fingerprint(),
                parser_version=self.contract.parser_version,
                delivery_mode=self._delivery_mode(),
                tables=made.tables if status == "LOADED" else {},
                covered_accounts=tuple(covered),
                row_count=sum(len(rows) for rows in self.lines.rows.values()),
                control_row_count=int(counted.stated) if counted and counted.stated else None,
                control_amount=amount.stated if amount else None,
                violations=tuple(self.violations),
                status=status,
                covered_from_date=self.covered_from,
            ),
            tables=made.tables,
            file_layout=self.layout.name,
            lines=dict(self.lines.counts),
            bound=tuple(made.bound),
            unbound=tuple(unbound),
            control_totals=tuple(self.totals),
        )

    # Binding

    def _field_readers(self, record: RecordLayout) -> dict[str, FieldReader]:
        """A reader of every field that the rows of a record carry."""
        readers = {}
        for name, (part, one) in self.layout.fields_of(record).items():
            cell = None if one.start is not None else self._bound_cell(one)
            readers[name] = field_reader(one, part, cell, self.layout, self.null_words)
        return readers

    def _bound_cell(self, one: FieldLayout) -> int | None:
        """The cell of a field; a name that is missing or doubled is told."""
        names = self.lines.names
        if one.cell is not None or not one.names:
            return None if one.cell is None else one.cell - 1
        wanted = {normalised(name) for name in one.names}
        received = [] if names is None else [normalised(name) for name in names.part]
        places = [place for place, name in enumerate(received) if name in wanted]
        row = 1 if names is None else names.number
        if len(places) > 1:
            self._broken("duplicate_column", f"{len(places)} columns for {one.name!r}", row)
        if not places and not one.is_optional:
            self._broken(
                "required_column",
                f"no column {one.names[0]!r} among {', '.join(received) or 'no names at all'}",
                row,
                expected=f"a column {' or '.join(repr(name) for name in one.names)}",
            )
        return places[0] if places else None

    def _unbound(self) -> list[str]:
        """Columns of the file that the layout does not speak of; told once, not loaded."""
        names = self.lines.names
        if names is None:
            return []
        spoken_of = {normalised(name) for name in self.contract.ignored_columns} | {
            normalised(name)
            for record in self.layout.records.values()
            for one in record.known_fields.values()
            for name in one.names
        }
        told_by = self.layout.record_type
        type_place = None if told_by is None or told_by.cell is None else told_by.cell - 1
        unbound = [
            name
            for place, name in enumerate(names.part)
            if place != type_place and normalised(name) not in spoken_of
        ]
        for name in unbound:
            observed = f"column {name!r}" if name.strip() else "a column without a name"
            self._broken("unknown_column", observed, names.number)
        known = {fingerprint(header.columns) for header in self.contract.known_headers}
        if known and self._fingerprint() not in known:
            observed = f"a header with fingerprint {self._fingerprint()}"
            self._broken("header_known", observed, names.number)
        return unbound

    def _fingerprint(self) -> str | None:
        return None if self.lines.names is None else fingerprint(list(self.lines.names.part))

    # Header and trailer

    def _check_ends(self, text: str) -> None:
        """A file without the ends that its layout promises is cut off."""
        last = text.count("\n") + (not text.endswith("\n"))
        if self.layout.of_role("header") and self.lines.header is None:
            self._broken("file_complete", "no header record", 1)
        if self.layout.of_role("trailer"):
            if self.lines.trailer is None:
                self._broken("file_complete", "no trailer record at the end", last)
            return
        if not text.endswith("\n"):
            observed = "a last line without a line break, so it may be cut"
            self._broken("file_complete", observed, last)
        self._broken("control_total_present", "no trailer: its layout has none", None)

    def _control_lines(self) -> list[tuple[RecordLayout, Line, dict[str, FieldReader]]]:
        found = []
        for record in (*self.layout.of_role("header"), *self.layout.of_role("trailer")):
            line = self.lines.header if record.role == "header" else self.lines.trailer
            if line is not None:
                readers = {
                    name: field_reader(
                        one, 0, cell_place((), one.cell, None), self.layout, self.null_words
                    )
                    for name, one in record.known_fields.items()
                }
                found.append((record, line, readers))
        return found

    def _control_text(
        self, name: str, line: Line, readers: dict[str, FieldReader], rule: str
    ) -> str:
        """A field of a header or trailer; '' with a violation where it says nothing readable."""
        try:
            text = readers[name].value([line.part])
        except FieldError as error:
            self._broken(rule, f"{name} {error.observed}", line.number, is_gate=True)
            return ""
        if not text:
            self._broken(rule, f"nothing in {name}", line.number, is_gate=True)
        return text

    def _stated_date(
        self, readers: Mapping[str, dict[str, FieldReader]]
    ) -> tuple[date | None, AsOfSource | None]:
        """The date by precedence of the contract; places that disagree are told."""
        stated: dict[AsOfSource, str] = {}
        for record, line, fields in self._control_lines():
            place: AsOfSource = "HEADER" if record.role == "header" else "TRAILER"
            if record.as_of_date:
                found = self._control_text(record.as_of_date, line, fields, "as_of_date_present")
                stated[place] = found
            if record.covered_from_date:
                text = self._control_text(
                    record.covered_from_date, line, fields, "as_of_date_present"
                )
                self.covered_from = date.fromisoformat(text) if text else None
        stated["FILE_NAME"] = self._date_of_name()
        stated["FIELD"] = self._date_of_rows(readers)
        found_places: list[tuple[str, AsOfSource]] = [
            (stated[source], source)
            for source in self.contract.as_of_date_sources
            if stated.get(source)
        ]
        if not found_places:
            already = any(one.rule == "as_of_date_present" for one in self.violations)
            if "LANDING_FOLDER" not in self.contract.as_of_date_sources and not already:
                self._broken("as_of_date_present", "no date in any of its places", None)
            return None, None
        chosen, source = found_places[0]
        for other, other_source in found_places[1:]:
            if other != chosen:
                # A file name may be given by hand; what stands inside the file may not differ.
                self._broken(
                    "as_of_dates_agree",
                    f"{other} by {other_source}",
                    None,
                    expected=f"{chosen} by {source}",
                    is_gate=other_source != "FILE_NAME",
                )
        return date.fromisoformat(chosen), source

    def _date_of_name(self) -> str:
        if not self.layout.file_date_format:
            return ""
        match = re.match(self.layout.file_names, self.file.file_name.lower())
        named = match["date"] if match else None
        if not named:
            return ""
        try:
            return iso_date(named, self.layout.file_date_format)
        except FieldError as error:
            self._broken("as_of_date_present", f"in the file name {error.observed}", None)
            return ""

    def _date_of_rows(self, readers: Mapping[str, dict[str, FieldReader]]) -> str:
        """The date that every row states; rows of several days are no file of one day."""
        found: Counter[str] = Counter()
        for record in self.layout.of_role("rows"):
            if not record.as_of_date:
                continue
            reader = readers[record.name][record.as_of_date]
            for row in self.lines.rows[record.name]:
                try:
                    text = reader.value(row.parts)
                except FieldError as error:
                    self._broken(
                        "as_of_date_present",
                        f"{record.as_of_date} {error.observed}",
                        row.line.number,
                    )
                    continue
                found[text] += 1
        days = sorted(found)
        if len(days) > 1:
            shown = ", ".join(f"{day or 'no date'} in {found[day]} rows" for day in days)
            self._broken("as_of_dates_agree", shown, None, expected="one date", is_gate=True)
            return ""
        return days[0] if days else ""

    def _controls(self, readers: Mapping[str, dict[str, FieldReader]]) -> None:
        for record, line, fields in self._control_lines():
            if record.delivery_mode:
                word = fields[record.delivery_mode].raw([line.part])
                modes = record.delivery_modes or {}
                if word in modes:
                    self.stated_mode = modes[word]
                else:
                    observed = f"{word!r} in {record.delivery_mode}"
                    expected = f"one of {', '.join(modes)}"
                    self._broken("delivery_mode_known", observed, line.number, expected=expected)
            if record.record_count is not None:
                self._control_count(record, line, fields)
            for amount in record.control_amounts:
                self._control_amount(amount, line, fields, readers[amount.record])

    def _delivery_mode(self) -> DeliveryMode:
        return self.stated_mode or self.layout.delivery_mode or self.contract.delivery_mode

    def _control_count(
        self, record: RecordLayout, line: Line, fields: dict[str, FieldReader]
    ) -> None:
        rule = record.record_count
        if rule is None:
            return
        text = self._control_text(rule.field, line, fields, "control_total_present")
        counts = self.lines.counts
        ends = {
            one.name for one in self.layout.records.values() if one.role in ("header", "trailer")
        }
        if rule.counts == ALL_LINES:
            found = counts.total()
        elif isinstance(rule.counts, str):
            found = sum(count for name, count in counts.items() if name not in ends)
        else:
            found = sum(counts[name] for name in rule.counts)
        total = ControlTotal("rows", Decimal(text) if text else None, Decimal(found))
        self.totals.append(total)
        if total.stated is not None and not total.agrees:
            self._broken(
                "control_count",
                f"{found} lines",
                line.number,
                expected=f"{total.stated} lines, as the {record.role} says",
            )

    def _control_amount(
        self,
        rule: AmountRule,
        line: Line,
        fields: dict[str, FieldReader],
        readers: dict[str, FieldReader],
    ) -> None:
        text = self._control_text(rule.field, line, fields, "control_total_present")
        found = _sum_of(readers[rule.amount], self.lines.rows[rule.record])
        what = f"{rule.amount} of {rule.record}"
        total = ControlTotal(what, Decimal(text) if text else None, found, rule.tolerance)
        self.totals.append(total)
        if total.stated is not None and not total.agrees:
            self._broken(
                "control_amount",
                f"{what}: {'a row that cannot be read' if found is None else found}",
                line.number,
                expected=f"{total.stated}, as the file states in {rule.field}",
            )

    def _broken(
        self,
        rule: str,
        observed: str,
        row: int | None,
        *,
        expected: str | None = None,
        is_gate: bool = False,
    ) -> None:
        """Add a violation of the file; a gate blocks whatever the common rule says."""
        self.violations.append(
            self.contract.violation(
                rule,
                file_name=self.file.file_name,
                row=row,
                observed=observed,
                expected=expected,
                severity="block" if is_gate else None,
                scope="feed" if is_gate else None,
            )
        )


def _sum_of(reader: FieldReader, rows: Sequence[Row]) -> Decimal | None:
    """The sum of a field; None where a row cannot be read, which its own column tells."""
    total = Decimal(0)
    for row in rows:
        try:
            total += Decimal(reader.value(row.parts) or 0)
        except FieldError:
            return None
    return total
