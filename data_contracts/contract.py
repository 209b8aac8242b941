"""What each feed must hold, as typed values, and the loader of the YAML that says it.

Belongs here: the shape of a contract, its loading, its refusal when malformed, and the one way in
which a broken rule becomes a Violation. Does not belong here: reading of custodian files (that is
`python_steps.feeds`) and the Great Expectations suites (`suites.py`). The contracts themselves are
`feeds/*.yaml`; rules that hold for every feed are `common_rules.yaml`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal, cast, get_args

from data_contracts.layout import MAPPED_READER, layout_of, with_mapped_defaults
from data_contracts.yaml_node import ContractError, Node
from python_steps.findings import Scope, Severity, Violation

ColumnType = Literal["text", "decimal", "date", "boolean", "integer", "time"]
DeliveryMode = Literal["FULL", "DELTA"]
# `cross_check`: a second opinion (a statement, a download of the client) on accounts that another
# feed may deliver; its rows are compared, and are facts only of accounts that no source delivers.
FeedRole = Literal["source", "cross_check"]
AsOfSource = Literal["TRAILER", "TITLE", "HEADER", "FOOTER", "FIELD", "FILE_NAME", "LANDING_FOLDER"]

EVERY_CUSTODIAN = "*"
# A folder of further contracts: the firm's own mappings, beside those of this package.
FIRM_CONTRACTS_VARIABLE = "EVENKEEL_CONTRACTS"


@dataclass(frozen=True)
class Column:
    """One canonical column of an entity and what its text must look like in this feed.

    A number may have a range, its ends included; `unit` says in words what it counts.
    """

    name: str
    type: ColumnType = "text"
    aliases: tuple[str, ...] = ()
    is_required: bool = False
    is_nullable: bool = True
    allowed: tuple[str, ...] = ()
    pattern: str = ""
    lowest: Decimal | None = None
    highest: Decimal | None = None
    unit: str = ""
    severity: Severity | None = None
    scope: Scope | None = None
    description: str = ""


@dataclass(frozen=True)
class CommonDate:
    """The column whose most common value states the date of a file that states none elsewhere."""

    column: str
    least_rows: int
    least_share: Decimal


@dataclass(frozen=True)
class Entity:
    """One canonical table that a feed fills."""

    name: str
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    key_counts_when: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    severity: Severity = "block"
    scope: Scope = "feed"
    common_date: CommonDate | None = None
    newest_date_column: str = ""

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in canonical order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column called `name`.

        Raises:
            KeyError: the entity has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"entity {self.name} has no column {name}")


@dataclass(frozen=True)
class Rule:
    """One rule, its severity and scope, and what a person does when it is broken."""

    name: str
    severity: Severity
    scope: Scope
    expected: str
    action: str
    who_must_act: str
    tolerance: Decimal | None = None
    tolerance_reason: str = ""
    tolerance_date: date | None = None


@dataclass(frozen=True)
class KnownHeader:
    """A header that has been seen and understood: its era and its columns as received."""

    era: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class AccountStatement:
    """Of a feed whose file states all there is of each account it names: when it was made.

    The patterns have the groups `date`, in a format of the contract, and `time`; the texts they are
    searched in are the first and last lines of a file, and its name.
    """

    made_at_in_text: tuple[str, ...] = ()
    made_at_in_name: tuple[str, ...] = ()


@dataclass(frozen=True)
class FeedContract:
    """All that is demanded of one feed.

    `reader` is the module of `python_steps.feeds` that reads its files (the feed's own name where
    the contract does not say); `layout` is what that reader needs to know of the files, as YAML.
    """

    feed: str
    title: str
    owner: str
    custodians: tuple[str, ...]
    parser_version: str
    delivery_mode: DeliveryMode
    file_name_patterns: tuple[str, ...]
    content_sign: str
    as_of_date_sources: tuple[AsOfSource, ...]
    null_words: tuple[str, ...]
    date_formats: tuple[str, ...]
    type_patterns: Mapping[str, str]
    control_totals: Mapping[str, str]
    entities: Mapping[str, Entity]
    rules: Mapping[str, Rule]
    reader: str
    role: FeedRole
    layout: Mapping[str, Any] | None = None
    known_headers: tuple[KnownHeader, ...] = ()
    ignored_columns: tuple[str, ...] = ()
    mappings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    account_statement: AccountStatement | None = None

    def entity(self, name: str) -> Entity:
        """The entity called `name`.

        Raises:
            KeyError: this feed does not fill it.
        """
        if name not in self.entities:
            raise KeyError(f"feed {self.feed} has no entity {name}")
        return self.entities[name]

    def accepts_custodian(self, custodian: str) -> bool:
        """True when files of this feed may come from the folder of `custodian`."""
        if EVERY_CUSTODIAN in self.custodians:
            return f"-{custodian}" not in self.custodians
        return custodian in self.custodians

    def tolerance(self, rule_name: str) -> Decimal:
        """The tolerance of a rule that has one.

        Raises:
            KeyError: no such rule, or it has no tolerance.
        """
        tolerance = self.rules[rule_name].tolerance
        if tolerance is None:
            raise KeyError(f"rule {rule_name} of feed {self.feed} has no tolerance")
        return tolerance

    def violation(
        self,
        rule_name: str,
        *,
        file_name: str,
        observed: str,
        expected: str | None = None,
        entity: str | None = None,
        row: int | None = None,
        account_number: str | None = None,
        security_key: str | None = None,
        lot_key: str | None = None,
        household_id: str | None = None,
        severity: Severity | None = None,
        scope: Scope | None = None,
    ) -> Violation:
        """Say that a rule of this contract is broken.

        Args:
            rule_name: a rule of `rules`.
            file_name: the file as received, for the message.
            observed: what was found, as text.
            expected: what was demanded; the rule's own wording when not given.
            entity: the canonical entity, where one is concerned.
            row: 1-based physical line.
            account_number: as received.
            security_key: the first identifier of the security that the row carries.
            lot_key: the source's lot id.
            household_id: only in policy files.
            severity: instead of the rule's own.
            scope: instead of the rule's own.

        Raises:
            KeyError: the contract has no such rule.
        """
        rule = self.rules[rule_name]
        wanted = rule.expected if expected is None else expected
        place = file_name if row is None else f"{file_name}, row {row}"
        return Violation(
            rule=rule_name,
            severity=severity or rule.severity,
            scope=scope or rule.scope,
            message=(
                f"{place}: rule {rule_name}: found {observed}; expected {wanted}. {rule.action}"
            ),
            observed=observed,
            expected=wanted,
            entity=entity,
            source_row_number=row,
            account_number=account_number,
            security_key=security_key,
            lot_key=lot_key,
            household_id=household_id,
            who_must_act=rule.who_must_act,
        )


@cache
def load_contracts() -> dict[str, FeedContract]:
    """Every feed's contract by feed name, read once.

    They are the package's own YAML and, where EVENKEEL_CONTRACTS names a folder, the YAML in it.

    Raises:
        ContractError: a contract is malformed, is defined twice, or asks for a column that the
            canonical schema (the standard feed and the policy files) does not have; or the folder
            of EVENKEEL_CONTRACTS does not exist.
    """
    common = common_rules_text()
    sources = [*_contract_texts(files("data_contracts") / "feeds"), *_firm_contract_texts()]
    contracts: dict[str, FeedContract] = {}
    for file_name, text in sources:
        contract = parse_contract(text, file_name=file_name, common_rules=common)
        if contract.feed in contracts:
            raise ContractError(f"{file_name}: feed: {contract.feed!r} is defined twice")
        contracts[contract.feed] = contract
    _check_canonical(contracts)
    return contracts


def common_rules_text() -> str:
    """The YAML of the rules that every feed has."""
    return (files("data_contracts") / "common_rules.yaml").read_text(encoding="utf-8")


def _firm_contract_texts() -> list[tuple[str, str]]:
    given = os.environ.get(FIRM_CONTRACTS_VARIABLE, "")
    if not given:
        return []
    folder = Path(given)
    if not folder.is_dir():
        raise ContractError(f"{FIRM_CONTRACTS_VARIABLE}: {given!r} is not a folder")
    return _contract_texts(folder)


def _contract_texts(folder: Traversable) -> list[tuple[str, str]]:
    return [
        (entry.name, entry.read_text(encoding="utf-8"))
        for entry in sorted(folder.iterdir(), key=lambda found: found.name)
        if entry.name.endswith(".yaml")
    ]


@cache
def entity_columns(entity: str) -> list[str]:
    """The raw columns of a canonical entity, in canonical order.

    Raises:
        KeyError: no feed fills such an entity.
    """
    for contract in _canonical_feeds(load_contracts()):
        if entity in contract.entities:
            return list(contract.entities[entity].column_names)
    raise KeyError(f"no canonical entity {entity}")


def canonical_entities() -> list[str]:
    """Names of all canonical entities: the custodians' first, then the policy files'."""
    return [name for contract in _canonical_feeds(load_contracts()) for name in contract.entities]


def _canonical_feeds(contracts: Mapping[str, FeedContract]) -> list[FeedContract]:
    return [contracts["standard_feed"], contracts["policy_files"]]


def _check_canonical(contracts: Mapping[str, FeedContract]) -> None:
    known = {
        name: entity.column_names
        for contract in _canonical_feeds(contracts)
        for name, entity in contract.entities.items()
    }
    for contract in contracts.values():
        for entity in contract.entities.values():
            if entity.name not in known:
                raise ContractError(
                    f"{contract.feed}: entities.{entity.name}: not a canonical entity"
                )
            surplus = [name for name in entity.column_names if name not in known[entity.name]]
            if surplus:
                raise ContractError(
                    f"{contract.feed}: entities.{entity.name}.columns: {surplus[0]!r} is not a "
                    "canonical column"
                )


def parse_canonical(text: str, *, file_name: str) -> FeedContract:
    """Build one contract that is not installed, and check it against the canonical schema.

    Args:
        text: YAML of the contract.
        file_name: for error messages.

    Raises:
        ContractError: naming the file, the field and what is allowed.
    """
    contract = parse_contract(text, file_name=file_name, common_rules=common_rules_text())
    _check_canonical({**load_contracts(), contract.feed: contract})
    return contract


def parse_contract(text: str, *, file_name: str, common_rules: str) -> FeedContract:
    """Build one contract from YAML text.

    Args:
        text: the contract.
        file_name: for error messages.
        common_rules: YAML of the rules that every feed has; the contract may restate one.

    Raises:
        ContractError: naming the file, the field and what is allowed.
    """
    node = Node(with_mapped_defaults(_yaml(text, file_name)), file_name, "")
    owner = node.text("owner")
    shared = Node(_yaml(common_rules, "common_rules.yaml"), "common_rules.yaml", "")
    rules = {name: _rule(name, shared.child(name), who=owner) for name in shared.value}
    own_rules = node.children("rules", optional=True)
    rules.update({name: _rule(name, child, who=owner) for name, child in own_rules})
    contract = FeedContract(
        feed=node.text("feed"),
        title=node.text("title"),
        owner=owner,
        custodians=node.texts("custodians"),
        parser_version=node.text("parser_version"),
        delivery_mode=cast("DeliveryMode", node.choice("delivery_mode", get_args(DeliveryMode))),
        file_name_patterns=node.regexes("file_name_patterns"),
        content_sign=node.regex("content_sign"),
        as_of_date_sources=cast(
            "tuple[AsOfSource, ...]", node.choices("as_of_date_sources", get_args(AsOfSource))
        ),
        null_words=node.texts("null_words"),
        date_formats=node.texts("date_formats"),
        type_patterns={key: child.as_regex() for key, child in node.children("type_patterns")},
        control_totals={key: child.as_text() for key, child in node.children("control_totals")},
        entities={name: _entity(name, child) for name, child in node.children("entities")},
        rules=rules,
        reader=node.text("reader", default=node.text("feed")),
        role=cast("FeedRole", node.choice("role", get_args(FeedRole), default="source")),
        layout=node.mapping("layout"),
        known_headers=tuple(
            KnownHeader(era=child.text("era"), columns=child.texts("columns"))
            for child in node.items("known_headers", optional=True)
        ),
        ignored_columns=node.texts("ignored_columns", optional=True),
        mappings={
            key: {word: target.as_text() for word, target in child.own_children()}
            for key, child in node.children("mappings", optional=True)
        },
        account_statement=_account_statement(node),
    )
    node.refuse_unread()
    if contract.reader == MAPPED_READER:
        layout_of(contract, file_name=file_name)
    if not contract.entities:
        raise node.error("entities", "at least one entity is needed")
    return contract


def _yaml(text: str, file_name: str) -> Any:
    import yaml

    try:
        loaded = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ContractError(f"{file_name}: not readable as YAML: {error}") from error
    if not isinstance(loaded, dict):
        raise ContractError(f"{file_name}: must be a mapping of fields")
    return loaded


def _rule(name: str, node: Node, *, who: str) -> Rule:
    tolerance = node.decimal("tolerance", optional=True)
    rule = Rule(
        name=name,
        severity=cast("Severity", node.choice("severity", get_args(Severity))),
        scope=cast("Scope", node.choice("scope", get_args(Scope))),
        expected=node.text("expected"),
        action=node.text("action"),
        who_must_act=node.text("who_must_act", default=who),
        tolerance=tolerance,
        tolerance_reason=node.text("tolerance_reason", default="" if tolerance is None else None),
        tolerance_date=node.date("tolerance_date", optional=tolerance is None),
    )
    node.refuse_unread()
    return rule


def _account_statement(node: Node) -> AccountStatement | None:
    if not node.has("account_statement"):
        return None
    child = node.child("account_statement")
    found = {
        name: child.regexes(name) if child.has(name) else ()
        for name in ("made_at_in_text", "made_at_in_name")
    }
    child.refuse_unread()
    for name, patterns in found.items():
        for pattern in patterns:
            if not {"date", "time"} <= set(re.compile(pattern).groupindex):
                raise child.error(name, f"{pattern!r} lacks the group date or the group time")
    return AccountStatement(**found)


def _entity(name: str, node: Node) -> Entity:
    columns = tuple(_column(child) for child in node.items("columns"))
    names = [column.name for column in columns]
    if len(set(names)) != len(names):
        raise node.error("columns", "a column is named twice")
    entity = Entity(
        name=name,
        grain=node.text("grain"),
        columns=columns,
        key=node.texts("key", optional=True),
        key_counts_when=node.texts("key_counts_when", optional=True),
        any_of=node.texts("any_of", optional=True),
        severity=cast("Severity", node.choice("severity", get_args(Severity), default="block")),
        scope=cast("Scope", node.choice("scope", get_args(Scope), default="feed")),
        common_date=_common_date(node),
        newest_date_column=node.text("newest_date_column", default=""),
    )
    node.refuse_unread()
    dated = (entity.newest_date_column,) if entity.newest_date_column else ()
    common = (entity.common_date.column,) if entity.common_date else ()
    for used in (*entity.key, *entity.key_counts_when, *entity.any_of, *dated, *common):
        if used not in names:
            raise node.error("", f"{used!r} is used as key or date but is not a column")
    return entity


def _common_date(node: Node) -> CommonDate | None:
    if not node.has("common_date"):
        return None
    child = node.child("common_date")
    share = child.decimal("least_share")
    if share is None:
        raise child.error("least_share", "must be a number")
    rule = CommonDate(child.text("column"), child.integer("least_rows"), share)
    child.refuse_unread()
    return rule


def _column(node: Node) -> Column:
    severity = node.choice("severity", get_args(Severity), default="")
    scope = node.choice("scope", get_args(Scope), default="")
    column = Column(
        name=node.text("name"),
        type=cast("ColumnType", node.choice("type", get_args(ColumnType), default="text")),
        aliases=node.texts("aliases", optional=True),
        is_required=node.flag("required", default=False),
        is_nullable=node.flag("nullable", default=True),
        allowed=node.texts("allowed", optional=True),
        pattern=node.regex("pattern", default=""),
        lowest=node.decimal("lowest", optional=True),
        highest=node.decimal("highest", optional=True),
        unit=node.text("unit", default=""),
        severity=cast("Severity | None", severity or None),
        scope=cast("Scope | None", scope or None),
        description=node.text("description", default=""),
    )
    node.refuse_unread()
    _refuse_unusable_range(column, node)
    return column


def _refuse_unusable_range(column: Column, node: Node) -> None:
    lowest, highest = column.lowest, column.highest
    if lowest is None and highest is None:
        return
    if column.type not in ("decimal", "integer"):
        raise node.error("lowest", f"a range needs a number, not {column.type}")
    if lowest is None or highest is None or lowest > highest:
        raise node.error("highest", "a range has two ends, the lowest first")
