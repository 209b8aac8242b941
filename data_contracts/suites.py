"""Great Expectations suites made from the contracts, and their results as violations.

Belongs here: one suite per feed and entity, built from the columns of the contract and run on the
text as received, book-wide. Does not belong here: rules that compare tables (they are SQL), and
file-level rules (the readers check those while they read). Great Expectations is imported inside
the functions: importing it takes seconds.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.contract import Column, Entity, FeedContract
from python_steps.findings import Scope, Severity, Violation

if TYPE_CHECKING:
    import pandas as pd

ExpectationKind = Literal["is_present", "is_allowed", "has_form", "is_within"]

# A rule broken in most rows of a file of some size is a changed column, not many single mistakes.
_SYSTEMATIC_LEAST_ROWS = 20
_SYSTEMATIC_SHARE = 0.5
_MOST_ROWS_NAMED = 10_000
# From so many rows on, values that repeat are judged once each.
_BIG_TABLE_ROWS = 100_000
_FEW_VALUES = 50_000

_TYPE_WORDS: Mapping[str, str] = {
    "text": "text",
    "decimal": "a number",
    "date": "a date written as {dates}",
    "boolean": "true or false",
    "integer": "a whole number",
    "time": "a time of day, HH:MM or HH:MM:SS",
}

# Of these the book knows what a broken row restricts or taxes, and stops just that.
_STOPS_WHAT_IT_IS_ABOUT = ("restrictions", "tax_profiles")

_ROW_NUMBER = "source_row_number"
_FILE_ID = "source_file_id"
_IDENTIFIERS = ("custodian_security_id", "cusip", "isin", "ticker")


@dataclass(frozen=True)
class PlannedExpectation:
    """One expectation on one column, with what it means when it fails."""

    rule: str
    column: str
    kind: ExpectationKind
    expected: str
    severity: Severity
    scope: Scope
    allowed: tuple[str, ...] = ()
    pattern: str = ""
    lowest: Decimal | None = None
    highest: Decimal | None = None

    @property
    def frame_column(self) -> str:
        """The column of the judged frame: numbers stand beside the text that they are read from."""
        return f"{self.column} as a number" if self.kind == "is_within" else self.column


@dataclass(frozen=True)
class SuiteResult:
    """What a suite found.

    Attributes:
        violations: one per broken row and rule, in the order of rules and rows.
        source_file_ids: for each violation the file of its row, None where the table names none.
        expectations_evaluated: expectations that ran to an answer.
        expectations_failed: of these, the ones that the data does not meet.
        broken: rules whose check itself failed to run, with the reason.
        summary: per expectation its rule, column, success and count of unexpected rows.
    """

    violations: list[Violation]
    source_file_ids: list[str | None]
    expectations_evaluated: int
    expectations_failed: int
    broken: list[str]
    summary: list[dict[str, Any]]


def planned_expectations(
    contract: FeedContract, entity: Entity, columns: Sequence[str]
) -> list[PlannedExpectation]:
    """The expectations of an entity on the columns that a table has.

    Args:
        contract: for its patterns of types.
        entity: whose columns are judged.
        columns: names of the columns to judge: those that carry values, and those that must.
    """
    planned: list[PlannedExpectation] = []
    for column in entity.columns:
        if column.name in columns:
            planned += _column_expectations(contract, entity, column)
    if entity.any_of:
        planned.append(
            PlannedExpectation(
                rule="security_id_is_present",
                column=_any_of_name(entity),
                kind="is_present",
                expected=f"one of {', '.join(entity.any_of)}",
                severity=entity.severity,
                scope=entity.scope,
            )
        )
    return planned


def _column_expectations(
    contract: FeedContract, entity: Entity, column: Column
) -> list[PlannedExpectation]:
    severity = column.severity or entity.severity
    scope = column.scope or entity.scope
    planned: list[PlannedExpectation] = []

    def add(kind: ExpectationKind, expected: str, **limits: Any) -> None:
        rule = f"{column.name}_{kind}"
        if kind == "has_form" and "pattern" in limits and limits["pattern"] != column.pattern:
            rule = f"{column.name}_is_{column.type}"
        planned.append(
            PlannedExpectation(rule, column.name, kind, expected, severity, scope, **limits)
        )

    if not column.is_nullable:
        add("is_present", "a value")
    if column.allowed:
        add("is_allowed", f"one of {', '.join(column.allowed)}", allowed=column.allowed)
    if column.type in contract.type_patterns:
        described = _TYPE_WORDS[column.type].format(dates=" or ".join(contract.date_formats))
        # What is no number at all is told the range, too: one correction is enough.
        described += f", {_range_words(column)}" if _has_range(column) else ""
        add("has_form", described, pattern=contract.type_patterns[column.type])
    if column.pattern:
        add("has_form", f"text of the form {column.pattern}", pattern=column.pattern)
    if _has_range(column):
        add(
            "is_within",
            _range_words(column),
            lowest=column.lowest,
            highest=column.highest,
        )
    return planned


def _has_range(column: Column) -> bool:
    return column.lowest is not None and column.highest is not None


def _range_words(column: Column) -> str:
    unit = f" ({column.unit})" if column.unit else ""
    return f"{column.lowest} to {column.highest}{unit}"


def check_table(contract: FeedContract, entity: str, table: pa.Table) -> SuiteResult:
    """Run the suite of one entity on text as received.

    Args:
        contract: of the feed whose rows these are.
        entity: canonical entity.
        table: the entity's text columns and source_row_number; of many files together where it
            also has source_file_id. `custodian` and `file_name`, where present, go into messages.

    Returns:
        Violations with row numbers and a compact summary. A check that could not run is named in
        `broken` and as a violation `expectation_check_ran`; it says nothing of the data.

    Raises:
        KeyError: the feed has no such entity.
    """
    wanted = contract.entity(entity)
    present = [
        column.name
        for column in wanted.columns
        if column.name in table.column_names
        and (not column.is_nullable or table[column.name].null_count < table.num_rows)
    ]
    planned = planned_expectations(contract, wanted, present)
    if not planned or table.num_rows == 0:
        return SuiteResult([], [], 0, 0, [], [])
    outcomes = _judged(contract, wanted, table, planned)
    failed = [item for item, outcome in zip(planned, outcomes, strict=True) if outcome.is_failure]
    rows_of: dict[str, _Outcome] = {}
    if failed:
        frame = _frame(contract, wanted, table, failed)
        detailed = _validate(frame, failed, detailed=True)
        rows_of = {item.rule: found for item, found in zip(failed, detailed, strict=True)}
    collected = _Collected(contract, wanted, table)
    summary: list[dict[str, Any]] = []
    broken: list[str] = []
    for item, quick in zip(planned, outcomes, strict=True):
        outcome = rows_of.get(item.rule, quick)
        if outcome.problem:
            broken.append(f"{item.rule}: {outcome.problem}")
            collected.add_broken_check(item, outcome.problem)
        elif outcome.is_failure:
            collected.add_rows(item, outcome.rows)
        summary.append(
            {
                "rule": item.rule,
                "column": item.column,
                "severity": item.severity,
                "success": not outcome.is_failure and not outcome.problem,
                "unexpected_count": len(outcome.rows),
            }
        )
    return SuiteResult(
        violations=collected.violations,
        source_file_ids=collected.source_file_ids,
        expectations_evaluated=len(planned) - len(broken),
        expectations_failed=sum(1 for found in summary if not found["success"]) - len(broken),
        broken=broken,
        summary=summary,
    )


def _judged(
    contract: FeedContract,
    entity: Entity,
    table: pa.Table,
    planned: Sequence[PlannedExpectation],
) -> list[_Outcome]:
    """Whether each expectation is met.

    Every expectation judges single values, so of a big table each value of a column is judged
    once, however many rows carry it; columns of many values are judged row by row.
    """
    values = _few_values(entity, table, planned) if table.num_rows >= _BIG_TABLE_ROWS else {}
    any_of = _any_of_name(entity)
    if any(
        not _filled(contract, values[name]).null_count for name in entity.any_of if name in values
    ):
        # One identifier that every row carries answers for all of them.
        values[any_of] = pa.chunked_array([], pa.string())
    by_value = [item for item in planned if item.column in values]
    by_row = [item for item in planned if item.column not in values]
    values.pop(any_of, None)
    found: dict[str, _Outcome] = {}
    for items, rows in ((by_value, _side_by_side(values)), (by_row, table)):
        if items:
            frame = _frame(contract, entity, rows, items)
            outcomes = _validate(frame, items, detailed=False)
            found |= {item.rule: each for item, each in zip(items, outcomes, strict=True)}
    return [found[item.rule] for item in planned]


def _few_values(
    entity: Entity, table: pa.Table, planned: Sequence[PlannedExpectation]
) -> dict[str, pa.ChunkedArray]:
    """The values of each column, null among them, where they are much fewer than the rows."""
    names = {item.column for item in planned} | set(entity.any_of)
    found: dict[str, pa.ChunkedArray] = {}
    for name in sorted(names & set(table.column_names)):
        beginning = table[name].slice(0, _BIG_TABLE_ROWS)
        if len(pc.unique(beginning)) * 2 <= len(beginning):
            values = pc.unique(table[name])
            if len(values) <= _FEW_VALUES:
                found[name] = pa.chunked_array([values])
    return found


def _side_by_side(values: Mapping[str, pa.ChunkedArray]) -> pa.Table:
    """Columns of different lengths as one table; shorter ones repeat their first value."""
    longest = max((len(column) for column in values.values()), default=0)
    return pa.table(
        {
            name: pa.chunked_array(
                [*column.chunks, pa.repeat(column[0], longest - len(column))], column.type
            )
            for name, column in values.items()
        }
    )


def _any_of_name(entity: Entity) -> str:
    return " or ".join(entity.any_of)


def _frame(
    contract: FeedContract,
    entity: Entity,
    table: pa.Table,
    planned: Sequence[PlannedExpectation],
) -> pd.DataFrame:
    """The judged columns, with the feed's words for 'nothing' as nulls."""
    limited = {item.column for item in planned if item.kind == "is_allowed"}
    columns: dict[str, pa.ChunkedArray] = {}

    for item in planned:
        if item.frame_column in columns:
            continue
        if item.kind == "is_within":
            columns[item.frame_column] = _numbers(contract, entity, table, item.column)
        elif item.column == _any_of_name(entity):
            names = [name for name in entity.any_of if name in table.column_names]
            columns[item.column] = pc.coalesce(*[_filled(contract, table[name]) for name in names])
        else:
            text = _filled(contract, table[item.column])
            columns[item.column] = pc.utf8_lower(text) if item.column in limited else text
    import pandas as pd

    as_text = pd.StringDtype("pyarrow", na_value=float("nan"))
    frame: pd.DataFrame = pa.table(columns).to_pandas(types_mapper={pa.string(): as_text}.get)
    return frame


def _numbers(
    contract: FeedContract, entity: Entity, table: pa.Table, column: str
) -> pa.ChunkedArray:
    """A column's text as numbers, null where it is none: its form is judged by itself."""
    text = _filled(contract, table[column])
    form = contract.type_patterns[entity.column(column).type]
    return pc.cast(
        pc.if_else(pc.match_substring_regex(text, form), text, pa.scalar(None, pa.string())),
        pa.float64(),
    )


def _filled(contract: FeedContract, text: pa.ChunkedArray) -> pa.ChunkedArray:
    """The text, null where it is one of the feed's words for nothing."""
    if contract.null_words == ("",):
        is_nothing = pc.equal(pc.binary_length(text), 0)
    else:
        nothing = pa.array([word.casefold() for word in contract.null_words], pa.string())
        is_nothing = pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(text)), value_set=nothing)
    return pc.if_else(is_nothing, pa.scalar(None, pa.string()), text)


@dataclass(frozen=True)
class _Outcome:
    is_failure: bool
    rows: Sequence[int]
    problem: str = ""


def _validate(
    frame: pd.DataFrame, planned: Sequence[PlannedExpectation], *, detailed: bool
) -> list[_Outcome]:
    """Run expectations; one outcome for each of `planned`, in that order."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    from great_expectations import ExpectationSuite

    suite = ExpectationSuite(
        name="contract",
        expectations=[_expectation(item, number) for number, item in enumerate(planned)],
    )
    batch = _batch_definition().get_batch(batch_parameters={"dataframe": frame})
    form = {"result_format": "COMPLETE" if detailed else "BOOLEAN_ONLY"}
    answered: dict[int, _Outcome] = {}
    for result in batch.validate(suite, result_format=form).results:
        answered[int(result.expectation_config.meta["number"])] = _outcome(result)
    return [
        answered.get(number, _Outcome(True, (), "Great Expectations dropped the expectation"))
        for number in range(len(planned))
    ]


def _outcome(result: Any) -> _Outcome:
    raised = _raised(result.exception_info)
    if raised:
        return _Outcome(True, (), raised)
    return _Outcome(not result.success, tuple(result.result.get("unexpected_index_list") or ()))


def _raised(exception_info: Any) -> str:
    """The message of an expectation that raised; its `success` says nothing of the data."""
    if not exception_info:
        return ""
    entries = (
        [exception_info] if "raised_exception" in exception_info else list(exception_info.values())
    )
    for entry in entries:
        if entry.get("raised_exception"):
            return str(entry.get("exception_message") or "raised without a message")
    return ""


@cache
def _batch_definition() -> Any:
    """One in-memory context for the process: no files, no telemetry, no progress bars."""
    import great_expectations

    context = great_expectations.get_context(mode="ephemeral")
    quiet: Any = {"globally": False, "metric_calculations": False}
    context.variables.progress_bars = quiet
    asset = context.data_sources.add_pandas("received").add_dataframe_asset("table")
    return asset.add_batch_definition_whole_dataframe("whole table")


def _expectation(item: PlannedExpectation, number: int) -> Any:
    """The typed expectation: one built from JSON is dropped silently when its name is unknown."""
    import great_expectations.expectations

    typed: Any = great_expectations.expectations  # its names are not marked as exported

    meta = {"number": number, "rule": item.rule}
    if item.kind == "is_present":
        return typed.ExpectColumnValuesToNotBeNull(column=item.column, meta=meta)
    if item.kind == "is_allowed":
        allowed = [value.lower() for value in item.allowed]
        return typed.ExpectColumnValuesToBeInSet(column=item.column, value_set=allowed, meta=meta)
    if item.lowest is not None and item.highest is not None:
        return typed.ExpectColumnValuesToBeBetween(
            column=item.frame_column,
            min_value=float(item.lowest),
            max_value=float(item.highest),
            meta=meta,
        )
    return typed.ExpectColumnValuesToMatchRegex(column=item.column, regex=item.pattern, meta=meta)


class _Collected:
    """Turns unexpected rows into violations that name file, row, value and what to do."""

    def __init__(self, contract: FeedContract, entity: Entity, table: pa.Table) -> None:
        self._contract = contract
        self._entity = entity
        self._table = table
        self._has_files = _FILE_ID in table.column_names
        self._rows_of_file: Counter[str | None] = Counter()
        if self._has_files:
            for pair in pc.value_counts(table[_FILE_ID]).to_pylist():
                self._rows_of_file[pair["values"]] = pair["counts"]
        else:
            self._rows_of_file[None] = table.num_rows
        self.violations: list[Violation] = []
        self.source_file_ids: list[str | None] = []

    def add_broken_check(self, item: PlannedExpectation, problem: str) -> None:
        self.violations.append(
            self._contract.violation(
                "expectation_check_ran",
                file_name=f"all {self._entity.name} of feed {self._contract.feed}",
                entity=self._entity.name,
                observed=f"the check {item.rule} stopped: {problem}",
            )
        )
        self.source_file_ids.append(None)

    def add_rows(self, item: PlannedExpectation, places: Sequence[int]) -> None:
        rows = self._table.take(pa.array(places, pa.int64())).to_pylist()
        per_file: dict[str | None, list[dict[str, Any]]] = {}
        for row in rows:
            per_file.setdefault(row.get(_FILE_ID), []).append(row)
        for file_id, broken_rows in per_file.items():
            whole = self._rows_of_file[file_id]
            if len(broken_rows) > _MOST_ROWS_NAMED or (
                whole >= _SYSTEMATIC_LEAST_ROWS and len(broken_rows) > _SYSTEMATIC_SHARE * whole
            ):
                self._add(self._systematic(item, broken_rows, whole), file_id)
                continue
            for row in broken_rows:
                self._add(self._single(item, row), file_id)

    def _add(self, violation: Violation, file_id: str | None) -> None:
        self.violations.append(violation)
        self.source_file_ids.append(file_id)

    def _systematic(
        self, item: PlannedExpectation, rows: list[dict[str, Any]], whole: int
    ) -> Violation:
        return self._contract.violation(
            "systematic_break",
            file_name=_place(rows[0], self._entity),
            entity=self._entity.name,
            row=int(rows[0][_ROW_NUMBER]),
            observed=(
                f"rule {item.rule} broken in {len(rows)} of {whole} rows, first "
                f"{self._value(item, rows[0])}"
            ),
            expected=item.expected,
            severity=item.severity,
        )

    def _single(self, item: PlannedExpectation, row: dict[str, Any]) -> Violation:
        observed = self._value(item, row)
        place = _place(row, self._entity)
        number = int(row[_ROW_NUMBER])
        key = next((row[name] for name in _IDENTIFIERS if row.get(name)), None)
        return Violation(
            rule=item.rule,
            severity=item.severity,
            scope=item.scope,
            message=(
                f"{place}, row {number}{_whose(row)}: rule {item.rule}: found {observed}; expected "
                f"{item.expected}. Ask the sender for a corrected row; until then "
                f"{_meanwhile(item, self._entity)}."
            ),
            observed=observed,
            expected=item.expected,
            entity=self._entity.name,
            source_row_number=number,
            account_number=row.get("account_number") or None,
            security_key=key,
            lot_key=row.get("source_lot_id") or None,
            household_id=row.get("household_id") or None,
            who_must_act=self._contract.owner,
        )

    def _value(self, item: PlannedExpectation, row: dict[str, Any]) -> str:
        if item.column in row:
            return f"{item.column} = {row[item.column]!r}"
        return f"{item.column} all empty"


def _meanwhile(item: PlannedExpectation, entity: Entity) -> str:
    """What a broken row does until it is corrected, as a clause."""
    if item.severity != "block":
        return f"the {item.scope} is flagged"
    if entity.name in _STOPS_WHAT_IT_IS_ABOUT:
        return "only what depends on it is not traded"
    if item.scope == "feed":
        return "this value is not loaded, the rest of the file is"
    return f"the {item.scope} is not traded"


def _whose(row: dict[str, Any]) -> str:
    """The household that a policy file's row is about, as it stands in a sentence."""
    return f", household {row['household_id']}" if row.get("household_id") else ""


def _place(row: dict[str, Any], entity: Entity) -> str:
    if row.get("file_name"):
        return str(row["file_name"])
    custodian = f"{row['custodian']} " if row.get("custodian") else ""
    identity = f" (file {str(row[_FILE_ID])[:12]})" if row.get(_FILE_ID) else ""
    return f"{custodian}{entity.name}{identity}"
