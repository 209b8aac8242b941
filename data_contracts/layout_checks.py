"""What the parts of a layout must be to one another, checked when contracts load.

Belongs here: every reason to refuse a layout whose fields are well typed: names that nothing has,
columns that cannot be filled so, places that the format does not have. Does not belong here: the
reading of the YAML (`layout.py`). A mistake is told at once, with file, field and what is allowed,
not by the first night that meets it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING

from data_contracts.layout import (
    ALL_LINES,
    ColumnRule,
    EntityRule,
    FieldLayout,
    FileLayout,
    Layout,
    RecordLayout,
    RecordRole,
)
from data_contracts.yaml_node import ContractError

if TYPE_CHECKING:
    from data_contracts.contract import Column, Entity, FeedContract

_SAMPLE_DAY = date(2026, 11, 19)
_NUMBER = re.compile(r"^-?\d+(?:\.\d+)?$")


def check_layout(layout: Layout, contract: FeedContract, *, file_name: str) -> None:
    """Refuse a layout that cannot be read by.

    Raises:
        ContractError: naming the contract's file, the field and what is allowed.
    """
    for file in layout.files.values():
        place = _Place(file_name, f"layout.files.{file.name}")
        _check_file(file, place)
        _check_dates_stated(file, contract, place)
        for record in file.records.values():
            _check_record(file, record, contract, place.inside(f"records.{record.name}"))


class _Place:
    """Where in the contract's file an error is."""

    def __init__(self, file_name: str, path: str) -> None:
        self.file_name = file_name
        self.path = path

    def inside(self, name: str) -> _Place:
        return _Place(self.file_name, f"{self.path}.{name}")

    def error(self, name: str, problem: str) -> ContractError:
        path = f"{self.path}.{name}" if name else self.path
        return ContractError(f"{self.file_name}: {path}: {problem}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _check_file(file: FileLayout, place: _Place) -> None:
    if not file.file_names and not file.first_line:
        raise place.error("file_names", "give file_names, first_line, or both, to tell the file by")
    if not file.of_role("rows"):
        raise place.error("records", "at least one record of role rows is needed")
    if file.format == "delimited":
        _check_marks(file, place)
    if (file.decimal_mark, file.thousands_mark) not in (
        (".", ""),
        (",", ""),
        (".", ","),
        (",", "."),
        (".", " "),
        (",", " "),
        (".", "'"),
    ):
        raise place.error(
            "decimal_mark",
            f"{file.decimal_mark!r} with thousands_mark {file.thousands_mark!r} is not one of "
            ". alone, , alone, . with , or ' or a space, , with . or a space",
        )
    _check_file_date(file, place)
    _check_telling(file, place)


def _check_marks(file: FileLayout, place: _Place) -> None:
    if len(file.separator) != 1 or file.separator in '\r\n"' or file.separator.isalnum():
        raise place.error("separator", f"{file.separator!r} is not one character such as , ; | \\t")
    if len(file.quote) > 1 or file.quote == file.separator or file.quote.isalnum():
        raise place.error("quote", f"{file.quote!r} is not one character, nor '' for none")


def _check_file_date(file: FileLayout, place: _Place) -> None:
    has_group = bool(file.file_names) and "date" in re.compile(file.file_names).groupindex
    if has_group != bool(file.file_date_format):
        raise place.error(
            "file_date_format",
            "is given where file_names has a group (?P<date>...), and only there",
        )
    if file.file_date_format:
        _check_date_formats((file.file_date_format,), place, "file_date_format")


def _check_telling(file: FileLayout, place: _Place) -> None:
    """Each line must be told by one record only."""
    where = place.inside("records")
    typed = {
        record.name: record.type for record in file.records.values() if record.type is not None
    }
    started = {one.name: one.starts_with for one in file.records.values() if one.starts_with}
    _check_record_type(file, typed, place)
    for field, words in (("type", typed), ("starts_with", started)):
        first: dict[str, str] = {}
        for name, word in words.items():
            if word in first:
                raise where.error(f"{name}.{field}", f"{word!r} tells {first[word]} already")
            first[word] = name
    for name in typed:
        if name in started:
            raise where.error(name, "is told by type or by starts_with, not by both")
    open_ended = [record.name for record in file.records.values() if record.is_catch_all]
    if len(open_ended) > 1:
        raise where.error(open_ended[1], f"has no type or starts_with, as {open_ended[0]} has none")
    roles: tuple[RecordRole, ...] = ("header", "trailer")
    for role in roles:
        of_role = file.of_role(role)
        if len(of_role) > 1:
            raise where.error(of_role[1].name, f"is a second {role}, after {of_role[0].name}")


def _check_record_type(file: FileLayout, typed: Mapping[str, str], place: _Place) -> None:
    if file.record_type is None:
        if typed:
            named = next(iter(typed))
            raise place.error("record_type", f"is missing; record {named} is told by its type")
        return
    if not typed:
        raise place.error("record_type", "is given, but no record has a type")
    _check_field_place(file, None, file.record_type, place.inside("record_type"))


def _check_dates_stated(file: FileLayout, contract: FeedContract, place: _Place) -> None:
    """A file whose date can stand in no place that the contract allows is never loaded."""
    stated = {
        "HEADER": any(record.as_of_date for record in file.of_role("header")),
        "TRAILER": any(record.as_of_date for record in file.of_role("trailer")),
        "FIELD": any(record.as_of_date for record in file.of_role("rows")),
        "FILE_NAME": bool(file.file_date_format),
        "LANDING_FOLDER": True,
    }
    allowed = contract.as_of_date_sources
    if not any(stated.get(source) for source in allowed):
        raise place.error(
            "records",
            f"no as-of date: the contract's as_of_date_sources are {_listed(allowed)}, and the "
            "layout says of none of them where the date stands",
        )


def _check_record(
    file: FileLayout, record: RecordLayout, contract: FeedContract, place: _Place
) -> None:
    if record.cells is not None and file.format != "delimited":
        raise place.error("cells", "only delimited records have cells")
    needs_cells = file.format == "delimited" and not file.has_header
    if needs_cells and record.role in ("rows", "continuation") and record.cells is None:
        raise place.error("cells", "is missing: how many cells such a line has")
    for field in record.known_fields.values():
        inside = place.inside(f"fields.{field.name}")
        _check_field_place(file, record, field, inside)
        if field.type == "date":
            _check_date_formats(field.date_formats, inside, "formats")
    if record.role == "rows":
        _check_rows(file, record, contract, place)
    elif record.role == "continuation":
        _check_continuation(file, record, place)
    elif record.role != "ignored":
        _check_control(file, record, place)


def _check_field_place(
    file: FileLayout, record: RecordLayout | None, field: FieldLayout, place: _Place
) -> None:
    if file.format == "fixed_width":
        _check_columns(file, field, place)
        return
    if field.start is not None or field.end is not None or field.sign_at is not None:
        raise place.error("start", "start, end and sign_at are of fixed-width files")
    # Header, trailer and records of several types have no line of names of their own.
    by_name = file.has_header and record is not None and record.role in ("rows", "continuation")
    if by_name and (not field.names or field.cell is not None):
        raise place.error("names", "is missing: under which names the column may stand")
    if not by_name and (field.names or not field.cell):
        raise place.error("cell", "is missing: the number of the cell, from 1")
    width = record.cells if record is not None else None
    if field.cell and width is not None and field.cell > width:
        raise place.error("cell", f"{field.cell} is beyond the {width} cells of the line")


def _check_columns(file: FileLayout, field: FieldLayout, place: _Place) -> None:
    if field.names or field.cell is not None:
        raise place.error("names", "names and cell are of delimited files; give start and end")
    if field.start is None or field.end is None:
        raise place.error("start", "start and end are missing: first and last column, from 1")
    if not 1 <= field.start <= field.end:
        raise place.error("end", f"columns {field.start} to {field.end} are no range from 1")
    last = max(field.end, field.sign_at or 0)
    if file.record_length is not None and last > file.record_length:
        raise place.error("end", f"{last} is beyond the record_length {file.record_length}")
    if field.sign_at is not None and (
        field.sign_at < 1 or field.start <= field.sign_at <= field.end
    ):
        raise place.error("sign_at", f"{field.sign_at} is inside the number, or no column")


def _check_date_formats(formats: tuple[str, ...], place: _Place, name: str) -> None:
    if not formats:
        raise place.error(name, 'is missing: a date needs its formats, e.g. ["%Y%m%d"]')
    for form in formats:
        try:
            read = datetime.strptime(_SAMPLE_DAY.strftime(form), form)  # noqa: DTZ007 - a day
        except ValueError as error:
            raise place.error(name, f"{form!r} is no date format: {error}") from error
        if read.date() != _SAMPLE_DAY:
            raise place.error(name, f"{form!r} does not say year, month and day")


def _check_rows(
    file: FileLayout, record: RecordLayout, contract: FeedContract, place: _Place
) -> None:
    fields = _joined_fields(file, record, place)
    if not record.entities:
        raise place.error("entities", "is empty; a record that fills nothing is of role ignored")
    for condition in record.ignored_when:
        _known(condition.field, fields, place, "ignored_when", "text")
    if record.as_of_date:
        _known(record.as_of_date, fields, place, "as_of_date", "date")
    for rule in record.entities:
        inside = place.inside(f"entities.{rule.entity}")
        if rule.entity not in contract.entities:
            known = _listed(contract.entities)
            raise inside.error("", f"is not an entity of the contract (it has {known})")
        _check_entity(rule, contract.entities[rule.entity], fields, inside)


def _joined_fields(
    file: FileLayout, record: RecordLayout, place: _Place
) -> dict[str, tuple[int, FieldLayout]]:
    parts = (record, *file.continuations(record))
    names = [name for part in parts for name in part.known_fields]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise place.error(f"fields.{twice[0]}", "is a field of a continuation too: rename one")
    return file.fields_of(record)


def _known(
    name: str,
    fields: dict[str, tuple[int, FieldLayout]],
    place: _Place,
    where: str,
    kind: str = "",
) -> FieldLayout:
    if name not in fields:
        raise place.error(where, f"{name!r} is not a field of the record: {_listed(fields)}")
    field = fields[name][1]
    if kind and field.type != kind:
        raise place.error(where, f"field {name!r} is of type {field.type}, needed is {kind}")
    return field


def _check_entity(
    rule: EntityRule,
    entity: Entity,
    fields: dict[str, tuple[int, FieldLayout]],
    place: _Place,
) -> None:
    for condition in rule.when:
        _known(condition.field, fields, place, "when", "text")
    for column in rule.columns:
        inside = place.inside(f"columns.{column.column}")
        if column.column not in entity.column_names:
            allowed = _listed(entity.column_names)
            raise inside.error("", f"is not a column of {entity.name}; allowed: {allowed}")
        _check_column(column, entity.column(column.column), fields, inside)
    mapped = {column.column for column in rule.columns}
    for needed in entity.columns:
        if needed.is_required and not needed.is_nullable and needed.name not in mapped:
            raise place.error("columns", f"{needed.name} is missing; no row is a fact without it")
    if entity.any_of and not mapped & set(entity.any_of):
        raise place.error("columns", f"at least one of {_listed(entity.any_of)} is needed")


def _check_column(
    rule: ColumnRule,
    column: Column,
    fields: dict[str, tuple[int, FieldLayout]],
    place: _Place,
) -> None:
    sources = [_known(name, fields, place, "field") for name in rule.fields]
    needed = {"decimal": "number", "integer": "number", "date": "date"}.get(column.type, "text")
    is_made_of_words = rule.values is not None or len(rule.fields) != 1
    for source in sources:
        wanted = "text" if is_made_of_words else needed
        if source.type != wanted:
            raise place.error(
                "field",
                f"field {source.name!r} is of type {source.type}; this column of type "
                f"{column.type} needs {wanted}",
            )
    _check_modifiers(rule, column, fields, place)
    for name, word in _written_words(rule):
        _check_word(word, column, place, name)


def _check_modifiers(
    rule: ColumnRule,
    column: Column,
    fields: dict[str, tuple[int, FieldLayout]],
    place: _Place,
) -> None:
    if (rule.sign or rule.negate_when) and (column.type != "decimal" or len(rule.fields) != 1):
        raise place.error("sign", "sign and negate_when are for a number made of one field")
    if rule.sign and rule.negate_when:
        raise place.error("sign", "is given beside negate_when; one of them says the sign")
    if rule.sign:
        _known(rule.sign.field, fields, place, "sign", "text")
    if rule.negate_when:
        _known(rule.negate_when.field, fields, place, "negate_when", "text")
    if rule.values is not None and not rule.fields:
        raise place.error("map", "maps a field or a join; a constant has nothing to map")
    if rule.otherwise is not None and rule.values is None:
        raise place.error("otherwise", "is for what a map does not have; no map is given")
    if rule.is_as_of_date and column.type != "date":
        raise place.error("as_of_date", f"is a date; this column is of type {column.type}")


def _written_words(rule: ColumnRule) -> Iterator[tuple[str, str]]:
    """The words that the layout itself writes into the column."""
    if rule.constant is not None:
        yield "constant", rule.constant
    for word in (rule.values or {}).values():
        yield "map", word
    if rule.otherwise is not None:
        yield "otherwise", rule.otherwise


def _check_word(word: str, column: Column, place: _Place, name: str) -> None:
    if not word:  # a map may say that a word of the custodian means nothing
        return
    if column.allowed and word not in column.allowed:
        raise place.error(name, f"{word!r} is not one of {_listed(column.allowed)}")
    if column.pattern and not re.match(column.pattern, word):
        raise place.error(name, f"{word!r} is not of the form {column.pattern}")
    if column.type in ("decimal", "integer") and not _NUMBER.match(word):
        raise place.error(name, f"{word!r} is no number such as -12.5")
    if column.type == "boolean" and word not in ("true", "false"):
        raise place.error(name, f"{word!r} is not one of true, false")


def _check_continuation(file: FileLayout, record: RecordLayout, place: _Place) -> None:
    base = file.records.get(record.continues)
    if base is None or base.role != "rows":
        rows = _listed(one.name for one in file.of_role("rows"))
        raise place.error("continues", f"{record.continues!r} is no record of rows: {rows}")
    match = record.match or {}
    if not match:
        raise place.error("match", "is empty: which of its fields repeat fields of the record")
    for own, other in match.items():
        if own not in record.known_fields:
            known = _listed(record.known_fields)
            raise place.error("match", f"{own!r} is not a field of the continuation: {known}")
        if other not in base.known_fields:
            known = _listed(base.known_fields)
            raise place.error("match", f"{other!r} is not a field of {base.name}: {known}")


def _check_control(file: FileLayout, record: RecordLayout, place: _Place) -> None:
    fields = {name: (0, field) for name, field in record.known_fields.items()}
    if record.as_of_date:
        _known(record.as_of_date, fields, place, "as_of_date", "date")
    if record.covered_from_date:
        _known(record.covered_from_date, fields, place, "covered_from_date", "date")
    if record.delivery_mode:
        _known(record.delivery_mode, fields, place, "delivery_mode", "text")
    count = record.record_count
    if count is not None:
        _known(count.field, fields, place, "record_count", "number")
        listed = () if isinstance(count.counts, str) else count.counts
        for name in listed:
            if name not in file.records:
                known = f"{_listed(file.records)}, or {ALL_LINES}"
                raise place.error("record_count.counts", f"{name!r} is not a record: {known}")
    for amount in record.control_amounts:
        _known(amount.field, fields, place, "control_amounts", "number")
        summed = file.records.get(amount.record)
        if summed is None or summed.role != "rows":
            rows = _listed(one.name for one in file.of_role("rows"))
            raise place.error("control_amounts", f"{amount.record!r} is no record of rows: {rows}")
        _known(amount.amount, file.fields_of(summed), place, "control_amounts.sum_of", "number")
