"""What a contract that is not installed yet makes of some files: the answer before the first night.

Belongs here: the reading of files by a new contract, and everything a person must see to trust it
(recognition, dates, totals, bindings, what is absent and what follows of it, first rows with their
types, violations). Does not belong here: finding files, rendering (the command line does both).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pyarrow as pa

from data_contracts.contract import (
    EVERY_CUSTODIAN,
    AsOfSource,
    Column,
    DeliveryMode,
    FeedContract,
    load_contracts,
    parse_canonical,
)
from data_contracts.layout import MAPPED_READER
from data_contracts.suites import check_table
from python_steps.feeds.mapped_feed import ControlTotal, Understanding, understand
from python_steps.feeds.mapped_tables import BoundColumn
from python_steps.feeds.reading import read_file, reader_of
from python_steps.feeds.received import ROW_NUMBER, ReadingStatus, ReceivedFile
from python_steps.feeds.recognition import recognise
from python_steps.findings import Violation
from python_steps.sessions import session_on_or_before

CellValue = str | Decimal | date | bool | int | None

# What follows where a mapping leaves out a column (or, for '', a whole entity).
CONSEQUENCES: Mapping[tuple[str, str], str] = {
    ("accounts", ""): "the firm's settings alone say what the accounts are",
    ("securities", ""): "securities are known by the identifiers of the holdings only",
    ("positions", ""): "nothing is held: lots without positions freeze their accounts",
    ("tax_lots", ""): "taxable positions have no lots and are not sold",
    ("closed_lots", ""): "losses of the last 30 days are not told for the wash-sale window",
    ("transactions", ""): "purchases around a loss are known from the open lots only",
    ("cash_balances", ""): "the cash of no account is stated: its accounts are not traded",
    ("prices", ""): "positions are valued by the prices of their own rows only",
    ("open_orders", ""): "orders that wait at the custodian are not seen",
    ("accounts", "account_status"): "a closed account is not told from an open one",
    ("accounts", "default_disposal_method"): "the custodian's way of choosing lots is unknown",
    ("positions", "price"): "values come from the market value or from the prices",
    (
        "positions",
        "market_value",
    ): "quantity times price is not compared with the custodian's value",
    ("positions", "price_date"): "the day of a price is not told",
    ("positions", "settled_quantity"): "shares that are not settled are not told apart",
    ("positions", "cost_basis"): "the basis of the lots is not compared with the position's",
    ("positions", "long_short"): "the sign of the quantity alone tells a short position",
    ("tax_lots", "cost_basis"): "no gain can be computed: lots of taxable accounts are not traded",
    ("tax_lots", "acquisition_date"): "short or long term is unknown: taxable lots are not traded",
    ("tax_lots", "source_lot_id"): "lots are told apart by what they say and by their order",
    ("tax_lots", "holding_period_start_date"): "the holding period starts on the acquisition date",
    ("tax_lots", "term"): "the dates are not compared with the custodian's own term",
    ("tax_lots", "wash_sale_adjustment"): "losses that the custodian added to a basis are not seen",
    ("tax_lots", "covered_status"): "covered and noncovered lots are not told apart",
    ("closed_lots", "disallowed_loss"): "the custodian's wash sales are not compared with ours",
    ("transactions", "transaction_id"): "transactions of several files are matched by content",
    ("transactions", "is_cancel"): "cancelled transactions count as real ones",
    ("transactions", "reversal_of"): "a cancel does not remove the transaction it cancels",
    ("transactions", "quantity"): "lots cannot be rolled forward by transactions",
    ("cash_balances", "settlement_date_balance"): "cash that is not settled is not told apart",
    ("securities", "maturity_date"): "debt and options do not tell their end",
    ("prices", "price_type"): "a closing price is not told from another kind",
}
_ALWAYS_EXPECTED = (
    "accounts",
    "securities",
    "positions",
    "tax_lots",
    "closed_lots",
    "transactions",
    "cash_balances",
    "prices",
    "open_orders",
)


@dataclass(frozen=True)
class AbsentColumn:
    """A canonical column (or '' for a whole entity) that stays empty, and what follows of it.

    The consequence is '' where it goes without saying: the column is null, nothing else changes.
    """

    entity: str
    column: str
    consequence: str


@dataclass(frozen=True)
class PreviewCell:
    """One cell of a first row: its text as mapped, its value, and why it has none."""

    column: str
    text: str
    value: CellValue
    problem: str = ""


@dataclass(frozen=True)
class PreviewRow:
    """One of the first rows of an entity, with the columns that say something."""

    entity: str
    row: int
    cells: tuple[PreviewCell, ...]


@dataclass(frozen=True)
class FileCheck:
    """What the contract made of one file."""

    file_name: str
    recognised_feed: str | None
    file_layout: str
    status: ReadingStatus
    stated_as_of_date: date | None
    as_of_source: AsOfSource | None
    session_date: date | None
    delivery_mode: DeliveryMode | None
    covered_from_date: date | None
    accounts: int
    lines: Mapping[str, int]
    rows: Mapping[str, int]
    control_totals: tuple[ControlTotal, ...]
    bound: tuple[BoundColumn, ...]
    unbound: tuple[str, ...]
    first_rows: tuple[PreviewRow, ...]
    violations: tuple[Violation, ...]

    @property
    def is_blocked(self) -> bool:
        """True when the file is refused or one of its rows is broken in a way that blocks."""
        return self.status != "LOADED" or any(one.severity == "block" for one in self.violations)


@dataclass(frozen=True)
class MappingCheck:
    """What a contract made of all the files together."""

    feed: str
    title: str
    files: tuple[FileCheck, ...]
    absent: tuple[AbsentColumn, ...] = ()

    @property
    def is_blocked(self) -> bool:
        """True when one of the files is."""
        return any(file.is_blocked for file in self.files)


def check_mapping(
    contract_text: str,
    contract_name: str,
    files: Sequence[tuple[str, bytes]],
    *,
    as_of_date: date | None = None,
    rows_shown: int = 3,
) -> MappingCheck:
    """Read files by a contract that need not be installed.

    Args:
        contract_text: YAML of the contract.
        contract_name: its file name, for errors.
        files: name and content.
        as_of_date: the session whose folder the files will lie in; the session of the date that
            each file states when not given.
        rows_shown: first rows of each entity to show.

    Raises:
        ContractError: the contract is malformed.
        ValueError: no file is given.
    """
    if not files:
        raise ValueError("a mapping is checked against files: none is given")
    contract = parse_canonical(contract_text, file_name=contract_name)
    reader_of(contract)
    contracts = {**load_contracts(), contract.feed: contract}
    checked = tuple(
        _checked(
            ReceivedFile(_custodian(contract), name, content),
            contract,
            contracts,
            as_of_date,
            rows_shown,
        )
        for name, content in files
    )
    bound = {(one.entity, one.column) for file in checked for one in file.bound}
    absent = _absent(contract, bound) if contract.reader == MAPPED_READER else ()
    return MappingCheck(contract.feed, contract.title, checked, absent)


def _custodian(contract: FeedContract) -> str:
    named = [one for one in contract.custodians if one[0] not in (EVERY_CUSTODIAN, "-")]
    return named[0] if named else "CUSTODIAN"


def _checked(
    file: ReceivedFile,
    contract: FeedContract,
    contracts: Mapping[str, FeedContract],
    as_of_date: date | None,
    rows_shown: int,
) -> FileCheck:
    feed = recognise(file, contracts)
    if feed != contract.feed:
        return _not_ours(file, feed, contract)
    understood = (
        understand(file, contract)
        if contract.reader == MAPPED_READER
        else Understanding(reader_of(contract)(file, contract))
    )
    tables = understood.tables or understood.reading.tables
    stated = understood.reading.stated_as_of_date
    session = as_of_date or (session_on_or_before(stated) if stated else None)
    reading = understood.reading
    if session is not None:
        reading = read_file(file, session, contracts)
    found = [*reading.violations]
    for entity, table in tables.items():
        found += check_table(contract, entity, table).violations
    return FileCheck(
        file_name=file.file_name,
        recognised_feed=feed,
        file_layout=understood.file_layout,
        status=reading.status,
        stated_as_of_date=stated,
        as_of_source=reading.as_of_source,
        session_date=reading.session_date,
        delivery_mode=reading.delivery_mode,
        covered_from_date=reading.covered_from_date,
        accounts=len(reading.covered_accounts),
        lines=understood.lines,
        rows={name: table.num_rows for name, table in tables.items()},
        control_totals=understood.control_totals,
        bound=understood.bound,
        unbound=understood.unbound,
        first_rows=_first_rows(contract, tables, rows_shown),
        violations=tuple(found),
    )


def _not_ours(file: ReceivedFile, feed: str | None, contract: FeedContract) -> FileCheck:
    observed = "no feed recognises it" if feed is None else f"feed {feed} claims it"
    broken = contract.violation(
        "file_recognised",
        file_name=file.file_name,
        observed=observed,
        expected=f"a file of feed {contract.feed}: one of its file_name_patterns or content_sign",
    )
    return FileCheck(
        file_name=file.file_name,
        recognised_feed=feed,
        file_layout="",
        status="QUARANTINED",
        stated_as_of_date=None,
        as_of_source=None,
        session_date=None,
        delivery_mode=None,
        covered_from_date=None,
        accounts=0,
        lines={},
        rows={},
        control_totals=(),
        bound=(),
        unbound=(),
        first_rows=(),
        violations=(broken,),
    )


def _absent(contract: FeedContract, bound: set[tuple[str, str]]) -> tuple[AbsentColumn, ...]:
    """Columns that nothing fills, those with a known consequence in words; then whole entities."""
    entities = {entity for entity, _ in bound}
    found = [
        AbsentColumn(name, column, CONSEQUENCES.get((name, column), ""))
        for name in contract.entities
        if name in entities
        for column in contract.entities[name].column_names
        if (name, column) not in bound
    ]
    found += [
        AbsentColumn(name, "", CONSEQUENCES[name, ""])
        for name in _ALWAYS_EXPECTED
        if name not in entities
    ]
    return tuple(found)


def _first_rows(
    contract: FeedContract, tables: Mapping[str, pa.Table], rows_shown: int
) -> tuple[PreviewRow, ...]:
    return tuple(
        PreviewRow(
            name,
            int(row[ROW_NUMBER]),
            tuple(
                _cell(column, row[column.name])
                for column in contract.entity(name).columns
                if row[column.name] is not None
            ),
        )
        for name, table in tables.items()
        for row in table.slice(0, rows_shown).to_pylist()
    )


def _cell(column: Column, text: str) -> PreviewCell:
    if not text:
        problem = "" if column.is_nullable else "is missing"
        return PreviewCell(column.name, text, None, problem)
    try:
        value = _cast(column, text)
    except (ValueError, KeyError, ArithmeticError):
        return PreviewCell(column.name, text, None, f"is no {column.type}")
    problem = ""
    if column.allowed and text not in column.allowed:
        problem = f"is not one of {', '.join(column.allowed)}"
    return PreviewCell(column.name, text, value, problem)


def _cast(column: Column, text: str) -> CellValue:
    if column.type == "decimal":
        return Decimal(text)
    if column.type == "integer":
        return int(text)
    if column.type == "date":
        return date.fromisoformat(text)
    if column.type == "boolean":
        return {"true": True, "false": False}[text]
    return text
