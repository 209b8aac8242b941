"""The layout of a mapped feed as typed values: what a firm's YAML says of a custodian's files.

Belongs here: files, records, fields, column expressions and control records of a layout, and their
reading from YAML with errors that name file, field and what is allowed. Does not belong here: what
the parts must be to one another (`layout_checks.py`) and the reading of custodian files
(`python_steps.feeds.mapped_feed`). The guide for people is `MAPPING.md`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from data_contracts.yaml_node import ContractError, Node

if TYPE_CHECKING:
    from data_contracts.contract import DeliveryMode, FeedContract

FileFormat = Literal["delimited", "fixed_width"]
RecordRole = Literal["rows", "header", "trailer", "continuation", "ignored"]
FieldType = Literal["text", "number", "date"]

MAPPED_READER = "mapped_feed"
# What a trailer's count may cover, beside a list of record names.
DETAIL_LINES = "detail_lines"
ALL_LINES = "all_lines"

_ENCODINGS = (
    "utf-8", "utf-16", "windows-1252", "iso-8859-1", "iso-8859-15", "cp437", "cp850", "cp037",
    "cp500", "shift_jis",
)  # fmt: skip
# What a mapped contract may leave out is as in the standard feed: the reader writes its spellings.
_STANDARD_PARTS = ("type_patterns", "date_formats")


@dataclass(frozen=True)
class FieldLayout:
    """One field of a record as the custodian writes it.

    A fixed-width field stands at `start` to `end`; a delimited one under one of `names`, or in
    the cell number `cell` of a file without a line of names.
    """

    name: str
    type: FieldType = "text"
    names: tuple[str, ...] = ()
    cell: int | None = None
    start: int | None = None
    end: int | None = None
    decimals: int = 0
    sign_at: int | None = None
    minus_signs: str = "-"
    plus_signs: str = "+"
    date_formats: tuple[str, ...] = ()
    is_optional: bool = False


@dataclass(frozen=True)
class Condition:
    """True for rows whose field is one of the values (or none of them)."""

    field: str
    values: tuple[str, ...]
    is_in: bool = True


@dataclass(frozen=True)
class SignRule:
    """The sign of an amount that comes without one: another field's value tells it."""

    field: str
    minus: tuple[str, ...]
    plus: tuple[str, ...]


@dataclass(frozen=True)
class ColumnRule:
    """How one canonical column is made of a record's fields; exactly one source is given."""

    column: str
    fields: tuple[str, ...] = ()
    separator: str = ""
    constant: str | None = None
    is_as_of_date: bool = False
    values: Mapping[str, str] | None = None
    otherwise: str | None = None
    negate_when: Condition | None = None
    sign: SignRule | None = None

    @property
    def used_fields(self) -> tuple[str, ...]:
        """Fields that the expression reads, each once."""
        of_rules = [rule.field for rule in (self.negate_when, self.sign) if rule]
        return tuple(dict.fromkeys([*self.fields, *of_rules]))


@dataclass(frozen=True)
class EntityRule:
    """The canonical entity that rows of a record fill."""

    entity: str
    columns: tuple[ColumnRule, ...]
    when: tuple[Condition, ...] = ()
    is_distinct: bool = False


@dataclass(frozen=True)
class CountRule:
    """The number of lines that a header or trailer states, and which lines it counts."""

    field: str
    counts: str | tuple[str, ...] = DETAIL_LINES


@dataclass(frozen=True)
class AmountRule:
    """A total that a header or trailer states: the sum of a field over the rows of a record."""

    field: str
    record: str
    amount: str
    tolerance: Decimal = Decimal(0)


@dataclass(frozen=True)
class RecordLayout:
    """One kind of line: how it is told, what its fields are and what they fill."""

    name: str
    role: RecordRole
    type: str | None = None
    starts_with: str = ""
    cells: int | None = None
    fields: Mapping[str, FieldLayout] | None = None
    entities: tuple[EntityRule, ...] = ()
    ignored_when: tuple[Condition, ...] = ()
    continues: str = ""
    match: Mapping[str, str] | None = None
    is_required: bool = False
    is_personal: bool = False
    as_of_date: str = ""
    covered_from_date: str = ""
    delivery_mode: str = ""
    delivery_modes: Mapping[str, DeliveryMode] | None = None
    record_count: CountRule | None = None
    control_amounts: tuple[AmountRule, ...] = ()

    @property
    def known_fields(self) -> Mapping[str, FieldLayout]:
        """The fields by name; none of a record that is ignored."""
        return self.fields or {}

    @property
    def is_catch_all(self) -> bool:
        """True for the record that every line is which no other record claims."""
        return self.type is None and not self.starts_with


@dataclass(frozen=True)
class FileLayout:
    """One kind of file of the delivery."""

    name: str
    file_names: str
    first_line: str
    format: FileFormat
    records: Mapping[str, RecordLayout]
    separator: str = ","
    quote: str = '"'
    encoding: str = ""
    skip_lines: int = 0
    has_header: bool = True
    record_length: int | None = None
    record_type: FieldLayout | None = None
    delivery_mode: DeliveryMode | None = None
    file_date_format: str = ""
    decimal_mark: str = "."
    thousands_mark: str = ""

    def of_role(self, role: RecordRole) -> tuple[RecordLayout, ...]:
        """The records of one role, in the order of the layout."""
        return tuple(record for record in self.records.values() if record.role == role)

    def continuations(self, record: RecordLayout) -> tuple[RecordLayout, ...]:
        """The records that continue `record`, in the order of the layout."""
        return tuple(one for one in self.of_role("continuation") if one.continues == record.name)

    def fields_of(self, record: RecordLayout) -> dict[str, tuple[int, FieldLayout]]:
        """Every field that rows of `record` carry, with the part it stands in.

        Part 0 is the line itself, part n its n-th continuation.
        """
        parts = (record, *self.continuations(record))
        return {
            name: (place, field)
            for place, part in enumerate(parts)
            for name, field in part.known_fields.items()
        }


@dataclass(frozen=True)
class Layout:
    """All kinds of files of a mapped feed."""

    files: Mapping[str, FileLayout]


def with_mapped_defaults(raw: Any) -> Any:
    """The YAML of a contract; of a mapped one with what it may leave out filled in.

    A mapped contract inherits the canonical entities that its layout fills, the spellings that the
    reader writes, and the rules of mapped files, unless it states them itself.
    """
    if not isinstance(raw, dict) or raw.get("reader") != MAPPED_READER:
        return raw
    standard = _package_yaml("feeds/standard_feed.yaml")
    filled = {name: standard["entities"].get(name) for name in _filled_entities(raw)}
    inherited = {name: entity for name, entity in filled.items() if entity is not None}
    own_entities, own_rules = raw.get("entities", {}), raw.get("rules", {})
    given = {
        **{part: standard[part] for part in _STANDARD_PARTS},
        "control_totals": {},
        "content_sign": "(?!)",
        "file_name_patterns": _file_names(raw),
        **raw,
    }
    if isinstance(own_entities, dict):
        given["entities"] = {**inherited, **own_entities}
    if isinstance(own_rules, dict):
        given["rules"] = {**_package_yaml("mapped_feed_rules.yaml"), **own_rules}
    return given


def layout_of(contract: FeedContract, *, file_name: str | None = None) -> Layout:
    """The typed layout of a mapped feed, checked.

    Args:
        contract: whose reader is the mapped feed.
        file_name: of the contract, for errors; the feed's name when not given.

    Raises:
        ContractError: naming the file, the field and what is allowed.
    """
    from data_contracts.layout_checks import check_layout

    place = file_name or contract.feed
    if contract.layout is None:
        raise ContractError(f"{place}: layout: is missing; reader {MAPPED_READER} needs it")
    node = Node(contract.layout, place, "layout")
    defaults = _Defaults(
        node.texts("date_formats", optional=True),
        node.text("decimal_mark", default="."),
        node.text("thousands_mark", default=""),
        contract.mappings,
    )
    found = {name: _file(name, child, defaults) for name, child in node.children("files")}
    node.refuse_unread()
    if not found:
        raise node.error("files", "at least one kind of file is needed")
    layout = Layout(found)
    check_layout(layout, contract, file_name=place)
    return layout


@dataclass(frozen=True)
class _Defaults:
    date_formats: tuple[str, ...]
    decimal_mark: str
    thousands_mark: str
    mappings: Mapping[str, Mapping[str, str]]


@cache
def _package_yaml(name: str) -> dict[str, Any]:
    import yaml

    loaded = yaml.safe_load((files("data_contracts") / name).read_text(encoding="utf-8"))
    return cast("dict[str, Any]", loaded)


def _filled_entities(raw: Mapping[str, Any]) -> list[str]:
    """Names of the entities that a layout fills, from YAML that is not checked yet."""
    return list(
        dict.fromkeys(
            str(entity)
            for file in _inner(_inner(raw, "layout"), "files").values()
            for record in _inner(file, "records").values()
            for entity in _inner(record, "entities")
        )
    )


def _file_names(raw: Mapping[str, Any]) -> list[str]:
    """The names of the layout's files; one that is no expression is told where it stands."""
    found = [_file_name(file) for file in _inner(_inner(raw, "layout"), "files").values()]
    return [name for name in found if name is not None]


def _file_name(file: Any) -> str | None:
    name = file.get("file_names") if isinstance(file, dict) else None
    try:
        return name if isinstance(name, str) and re.compile(name) else None
    except re.error:
        return None


def _inner(value: Any, name: str) -> dict[str, Any]:
    inner = value.get(name) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def _file(name: str, node: Node, defaults: _Defaults) -> FileLayout:
    form = cast("FileFormat", node.choice("format", get_args(FileFormat)))
    is_delimited = form == "delimited"
    inside = _Defaults(
        node.texts("date_formats", optional=True) or defaults.date_formats,
        node.text("decimal_mark", default=defaults.decimal_mark),
        node.text("thousands_mark", default=defaults.thousands_mark),
        defaults.mappings,
    )
    layout = FileLayout(
        name=name,
        file_names=node.regex("file_names", default=""),
        first_line=node.regex("first_line", default=""),
        format=form,
        separator=node.text("separator", default=",") if is_delimited else "",
        quote=node.text("quote", default='"') if is_delimited else "",
        encoding=node.choice("encoding", _ENCODINGS, default=""),
        skip_lines=node.integer("skip_lines") if node.has("skip_lines") else 0,
        has_header=node.flag("line_of_names", default=True) if is_delimited else False,
        record_length=_optional_integer(node, "record_length") if not is_delimited else None,
        record_type=_record_type(node, form),
        delivery_mode=_delivery_mode(node),
        file_date_format=node.text("file_date_format", default=""),
        decimal_mark=inside.decimal_mark,
        thousands_mark=inside.thousands_mark,
        records={
            record: _record(record, child, inside) for record, child in node.children("records")
        },
    )
    node.refuse_unread()
    return layout


def _delivery_mode(node: Node) -> DeliveryMode | None:
    given = node.choice("delivery_mode", ("FULL", "DELTA"), default="")
    return cast("DeliveryMode | None", given or None)


def _record_type(node: Node, form: FileFormat) -> FieldLayout | None:
    if not node.has("record_type"):
        return None
    field = _field("record_type", node.child("record_type"), ())
    if form == "delimited" and field.cell is None:
        raise node.error("record_type", "needs the number of its cell, e.g. {cell: 1}")
    if field.type != "text":
        raise node.error("record_type", "is text")
    return field


def _record(name: str, node: Node, defaults: _Defaults) -> RecordLayout:
    role = cast("RecordRole", node.choice("role", get_args(RecordRole), default="rows"))
    if role == "ignored" and not node.text("reason").strip():
        raise node.error("reason", "must say why the record is ignored")
    record = RecordLayout(
        name=name,
        role=role,
        type=node.text("type") if node.has("type") else None,
        starts_with=node.text("starts_with", default=""),
        cells=_optional_integer(node, "cells"),
        fields={
            field: _field(field, child, defaults.date_formats)
            for field, child in node.children("fields", optional=True)
        },
        **_role_parts(node, role, defaults),
    )
    node.refuse_unread()
    return record


def _role_parts(node: Node, role: RecordRole, defaults: _Defaults) -> dict[str, Any]:
    """What only records of one role have; a field of another role is refused as unread."""
    if role == "rows":
        return {
            "entities": tuple(
                _entity(entity, child, defaults) for entity, child in node.children("entities")
            ),
            "ignored_when": _conditions(node, "ignored_when"),
            "is_personal": node.flag("personal_data", default=False),
            "as_of_date": node.text("as_of_date", default=""),
        }
    if role == "continuation":
        return {
            "continues": node.text("continues"),
            "match": {own: child.as_text() for own, child in node.children("match")},
            "is_required": node.flag("required", default=False),
        }
    if role == "ignored":
        return {}
    return {
        "as_of_date": node.text("as_of_date", default=""),
        "covered_from_date": node.text("covered_from_date", default=""),
        **_stated_mode(node),
        "record_count": _count(node),
        "control_amounts": tuple(
            _amount(child) for child in node.items("control_amounts", optional=True)
        ),
    }


def _stated_mode(node: Node) -> dict[str, Any]:
    if not node.has("delivery_mode"):
        return {}
    child = node.child("delivery_mode")
    modes: dict[str, str] = {}
    for word, mode in child.children("values"):
        if mode.as_text() not in ("FULL", "DELTA"):
            raise mode.error("", f"{mode.value!r} is not one of FULL, DELTA")
        modes[word] = mode.as_text()
    found = {"delivery_mode": child.text("field"), "delivery_modes": modes}
    child.refuse_unread()
    return found


def _count(node: Node) -> CountRule | None:
    if not node.has("record_count"):
        return None
    child = node.child("record_count")
    counts: str | tuple[str, ...] = DETAIL_LINES
    if child.has("counts"):
        is_list = isinstance(child.value["counts"], list)
        allowed = (DETAIL_LINES, ALL_LINES)
        counts = child.texts("counts") if is_list else child.choice("counts", allowed)
    rule = CountRule(child.text("field"), counts)
    child.refuse_unread()
    return rule


def _amount(node: Node) -> AmountRule:
    tolerance = node.decimal("tolerance", optional=True)
    rule = AmountRule(
        node.text("field"), node.text("record"), node.text("sum_of"), tolerance or Decimal(0)
    )
    node.refuse_unread()
    return rule


def _field(name: str, node: Node, date_formats: tuple[str, ...]) -> FieldLayout:
    kind = cast("FieldType", node.choice("type", get_args(FieldType), default="text"))
    is_number, is_date = kind == "number", kind == "date"
    field = FieldLayout(
        name=name,
        type=kind,
        names=node.texts("names", optional=True),
        cell=_optional_integer(node, "cell"),
        start=_optional_integer(node, "start"),
        end=_optional_integer(node, "end"),
        decimals=(_optional_integer(node, "decimals") or 0) if is_number else 0,
        sign_at=_optional_integer(node, "sign_at") if is_number else None,
        minus_signs=node.text("minus_signs", default="-") if is_number else "-",
        plus_signs=node.text("plus_signs", default="+") if is_number else "+",
        date_formats=(node.texts("formats", optional=True) or date_formats) if is_date else (),
        is_optional=node.flag("optional", default=False),
    )
    node.refuse_unread()
    return field


def _entity(name: str, node: Node, defaults: _Defaults) -> EntityRule:
    rule = EntityRule(
        entity=name,
        columns=tuple(
            _column(column, child, defaults) for column, child in node.children("columns")
        ),
        when=_conditions(node, "when"),
        is_distinct=node.flag("distinct", default=False),
    )
    node.refuse_unread()
    return rule


def _column(name: str, node: Node, defaults: _Defaults) -> ColumnRule:
    if isinstance(node.value, str):  # the short form: the name of the field
        return ColumnRule(name, fields=(node.value,))
    sources = [one for one in ("field", "join", "constant", "as_of_date") if node.has(one)]
    if len(sources) != 1:
        raise node.error("", "needs exactly one of field, join, constant, as_of_date")
    if node.has("as_of_date") and not node.flag("as_of_date", default=False):
        raise node.error("as_of_date", "can only be true")
    rule = ColumnRule(
        column=name,
        fields=(node.text("field"),) if node.has("field") else node.texts("join", optional=True),
        separator=node.text("separator", default="") if node.has("join") else "",
        constant=node.text("constant") if node.has("constant") else None,
        is_as_of_date=node.has("as_of_date"),
        values=_value_map(node, defaults),
        otherwise=node.text("otherwise") if node.has("otherwise") else None,
        negate_when=_condition(node.child("negate_when")) if node.has("negate_when") else None,
        sign=_sign(node),
    )
    node.refuse_unread()
    return rule


def _value_map(node: Node, defaults: _Defaults) -> Mapping[str, str] | None:
    if not node.has("map"):
        return None
    child = node.child("map")
    if not isinstance(child.value, str):
        return {word: target.as_text() for word, target in child.own_children()}
    if child.value not in defaults.mappings:
        known = ", ".join(sorted(defaults.mappings)) or "none is given"
        raise child.error("", f"{child.value!r} is not one of the contract's mappings: {known}")
    return defaults.mappings[child.value]


def _sign(node: Node) -> SignRule | None:
    if not node.has("sign"):
        return None
    child = node.child("sign")
    rule = SignRule(child.text("field"), child.texts("minus"), child.texts("plus"))
    child.refuse_unread()
    both = sorted(set(rule.minus) & set(rule.plus))
    if both:
        raise child.error("plus", f"{both[0]!r} is among minus too")
    return rule


def _conditions(node: Node, name: str) -> tuple[Condition, ...]:
    return tuple(_condition(child) for child in node.items(name, optional=True))


def _condition(node: Node) -> Condition:
    given = [word for word in ("in", "not_in") if node.has(word)]
    if len(given) != 1:
        raise node.error("", "needs field and exactly one of in, not_in")
    condition = Condition(node.text("field"), node.texts(given[0]), given[0] == "in")
    node.refuse_unread()
    return condition


def _optional_integer(node: Node, name: str) -> int | None:
    if not node.has(name):
        return None
    number = node.integer(name)
    if number < 0:
        raise node.error(name, f"must not be negative, but is {number}")
    return number
