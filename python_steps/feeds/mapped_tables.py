"""Canonical tables out of the rows of a mapped file.

Belongs here: rows by entity and condition, cells that cannot be made, what is kept of personal
data, which source filled which column. Does not belong here: the gates of the file (`mapped_feed`),
the making of one cell (`mapped_columns`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa

from data_contracts.contract import Entity, FeedContract
from data_contracts.layout import ColumnRule, EntityRule, FieldLayout, FileLayout, RecordLayout
from python_steps.feeds.fixed_width import FieldError
from python_steps.feeds.keys import duplicate_keys, security_key
from python_steps.feeds.mapped_columns import (
    CellError,
    FieldReader,
    column_getter,
    condition_of,
)
from python_steps.feeds.mapped_lines import MappedLines, Row, cell_place, mapped_text
from python_steps.feeds.received import ROW_NUMBER, ROW_TEXT, ReceivedFile
from python_steps.findings import Violation

# A cell rule broken in most rows of a file of some size is a changed layout, not single mistakes.
_SYSTEMATIC_LEAST_ROWS = 20


@dataclass(frozen=True)
class BoundColumn:
    """Which source fills a canonical column, for people."""

    record: str
    entity: str
    column: str
    source: str


@dataclass
class MappedTables:
    """Tables by entity, the sources of their columns, and what is wrong with rows and cells."""

    tables: dict[str, pa.Table] = field(default_factory=dict)
    bound: list[BoundColumn] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)


@dataclass
class _Problem:
    """A cell that could not be made."""

    place: int
    column: str
    rule: str
    observed: str


class TableMaker:
    """Makes the tables of one file."""

    def __init__(
        self,
        file: ReceivedFile,
        contract: FeedContract,
        layout: FileLayout,
        lines: MappedLines,
        null_words: frozenset[str],
        as_of: date | None,
    ) -> None:
        self.file = file
        self.contract = contract
        self.layout = layout
        self.lines = lines
        self.null_words = null_words
        self.day = "" if as_of is None else as_of.isoformat()
        self.found = MappedTables()

    def made(self, readers: Mapping[str, dict[str, FieldReader]]) -> MappedTables:
        """Every entity's table, of all records that fill it, in the order of the lines."""
        parts: dict[str, list[pa.Table]] = {}
        for record in self.layout.of_role("rows"):
            fields, rows = readers[record.name], self.lines.rows[record.name]
            self._tell_unmapped_rows(record, fields, rows)
            texts = self._row_texts(record, rows)
            for rule in record.entities:
                entity = self.contract.entity(rule.entity)
                self._tell_bound(record, rule, fields)
                table = self._entity_table(record, rule, entity, fields, rows, texts)
                parts.setdefault(rule.entity, []).append(table)
        for name, tables in parts.items():
            whole = pa.concat_tables(tables).sort_by(ROW_NUMBER)
            self.found.tables[name] = whole
            self.found.violations += duplicate_keys(
                whole, self.contract.entity(name), self.contract, file_name=self.file.file_name
            )
        return self.found

    def _tell_bound(
        self, record: RecordLayout, rule: EntityRule, fields: dict[str, FieldReader]
    ) -> None:
        for column in rule.columns:
            source = self._source_words(column, fields)
            self.found.bound.append(BoundColumn(record.name, rule.entity, column.column, source))

    def _source_words(self, column: ColumnRule, fields: dict[str, FieldReader]) -> str:
        if column.constant is not None:
            return f"constant {column.constant!r}"
        if column.is_as_of_date:
            return "the file's as-of date"
        named = " + ".join(self._place_words(fields[name].layout) for name in column.fields)
        if column.values is not None:
            named += ", mapped"
        if column.sign is not None:
            named += f", sign by {column.sign.field}"
        if column.negate_when is not None:
            named += f", negated by {column.negate_when.field}"
        return named

    def _place_words(self, one: FieldLayout) -> str:
        if one.start is not None:
            return f"{one.name} ({one.start}-{one.end})"
        if one.cell is not None:
            return f"{one.name} (cell {one.cell})"
        place = cell_place(one.names, None, self.lines.names)
        if place is None or self.lines.names is None:
            return f"{one.name} (not in this file)"
        return str(self.lines.names.part[place])

    def _tell_unmapped_rows(
        self, record: RecordLayout, fields: dict[str, FieldReader], rows: Sequence[Row]
    ) -> None:
        """A row that fills no entity and is not ignored by the layout's word is told."""
        if any(not rule.when for rule in record.entities):
            return
        ignored = [condition_of(one, fields) for one in record.ignored_when]
        fitting = [[condition_of(one, fields) for one in rule.when] for rule in record.entities]
        missed = [
            row.line.number
            for row in rows
            if not any(one(row.parts) for one in ignored)
            and not any(all(one(row.parts) for one in conditions) for conditions in fitting)
        ]
        if missed:
            times = "" if len(missed) == 1 else f", and {len(missed) - 1} more of them"
            observed = f"a line of {record.name} that fits no entity's conditions{times}"
            self._broken("record_type_known", observed, missed[0])

    def _row_texts(self, record: RecordLayout, rows: Sequence[Row]) -> list[str]:
        """Rows as received; of records with personal data only what is mapped."""
        if not record.is_personal:
            return ["\n".join(row.texts) for row in rows]
        used = {
            name for rule in record.entities for one in rule.columns for name in one.used_fields
        }
        used |= {one.field for rule in record.entities for one in rule.when}
        used |= {one.field for one in record.ignored_when}
        cells: dict[int, set[int]] = {}
        spans: dict[int, list[tuple[int, int]]] = {}
        if self.layout.record_type is not None:
            self._keep(0, self.layout.record_type, cells, spans)
        for name, (part, one) in self.layout.fields_of(record).items():
            if name in used:
                self._keep(part, one, cells, spans)
        return [mapped_text(row, self.layout, cells, spans) for row in rows]

    def _keep(
        self,
        part: int,
        one: FieldLayout,
        cells: dict[int, set[int]],
        spans: dict[int, list[tuple[int, int]]],
    ) -> None:
        if one.start is not None and one.end is not None:
            spans.setdefault(part, []).append((one.start, one.end))
            if one.sign_at is not None:
                spans[part].append((one.sign_at, one.sign_at))
            return
        place = cell_place(one.names, one.cell, self.lines.names)
        if place is not None:
            cells.setdefault(part, set()).add(place)

    def _entity_table(
        self,
        record: RecordLayout,
        rule: EntityRule,
        entity: Entity,
        fields: dict[str, FieldReader],
        rows: Sequence[Row],
        texts: Sequence[str],
    ) -> pa.Table:
        conditions = [(condition_of(one, fields), True) for one in rule.when] + [
            (condition_of(one, fields), False) for one in record.ignored_when
        ]
        chosen = [
            (row, text)
            for row, text in zip(rows, texts, strict=True)
            if all(one(row.parts) == wanted for one, wanted in conditions)
        ]
        problems: list[_Problem] = []
        values = {
            column.column: self._cells(column, fields, [row for row, _ in chosen], problems)
            for column in rule.columns
            if self._is_in_file(column, fields)
        }
        numbers = [row.line.number for row, _ in chosen]
        self._tell_problems(problems, entity, rule, values, numbers)
        kept = _first_of_each(values, numbers) if rule.is_distinct else range(len(numbers))
        arrays = {
            name: pa.array([values[name][place] for place in kept], pa.string())
            if name in values
            else pa.nulls(len(kept), pa.string())
            for name in entity.column_names
        }
        return pa.table(
            {
                **arrays,
                ROW_NUMBER: pa.array([numbers[place] for place in kept], pa.int64()),
                ROW_TEXT: pa.array([chosen[place][1] for place in kept], pa.string()),
            }
        )

    def _cells(
        self,
        column: ColumnRule,
        fields: dict[str, FieldReader],
        rows: Sequence[Row],
        problems: list[_Problem],
    ) -> list[str]:
        """One column of the chosen rows; a cell that cannot be made is '' and a problem."""
        getter = column_getter(column, fields, self.day, self.null_words)
        made: list[str] = []
        for place, row in enumerate(rows):
            try:
                made.append(getter(row.parts))
            except FieldError as error:
                rule = error.rule if isinstance(error, CellError) else "field_readable"
                problems.append(_Problem(place, column.column, rule, error.observed))
                made.append("")
        return made

    def _is_in_file(self, column: ColumnRule, fields: dict[str, FieldReader]) -> bool:
        """False for a column of an optional field that this file does not have: it stays null."""
        for name in column.used_fields:
            one = fields[name].layout
            if one.start is None and cell_place(one.names, one.cell, self.lines.names) is None:
                return False
        return True

    def _tell_problems(
        self,
        problems: Sequence[_Problem],
        entity: Entity,
        rule: EntityRule,
        values: Mapping[str, Sequence[str]],
        numbers: Sequence[int],
    ) -> None:
        """One violation a cell; one for the file where most rows break the same rule."""
        counts = Counter((one.column, one.rule) for one in problems)
        many = {
            key
            for key, count in counts.items()
            if len(numbers) >= _SYSTEMATIC_LEAST_ROWS and count * 2 > len(numbers)
        }
        told: set[tuple[str, str]] = set()
        for one in problems:
            key = (one.column, one.rule)
            number = numbers[one.place]
            observed = f"column {one.column}: {one.observed}"
            if key in many:
                if key not in told:
                    told.add(key)
                    times = f"rule {one.rule} broken in {counts[key]} of {len(numbers)} rows"
                    self._broken("systematic_break", f"{times}, first {observed}", number)
                continue
            row = {name: made[one.place] for name, made in values.items()}
            column = entity.column(one.column)
            self.found.violations.append(
                self.contract.violation(
                    one.rule,
                    file_name=self.file.file_name,
                    entity=entity.name,
                    row=number,
                    observed=observed,
                    account_number=row.get("account_number") or None,
                    security_key=security_key(row),
                    lot_key=row.get("source_lot_id") or None,
                    severity=column.severity or entity.severity,
                    scope=column.scope or entity.scope,
                )
            )

    def _broken(self, rule: str, observed: str, row: int) -> None:
        self.found.violations.append(
            self.contract.violation(rule, file_name=self.file.file_name, row=row, observed=observed)
        )


def _first_of_each(values: Mapping[str, Sequence[str]], numbers: Sequence[int]) -> list[int]:
    """The first row of each content: a record that repeats a fact in every row states it once."""
    seen: set[tuple[str, ...]] = set()
    kept = []
    for place in range(len(numbers)):
        content = tuple(column[place] for column in values.values())
        if content not in seen:
            seen.add(content)
            kept.append(place)
    return kept
