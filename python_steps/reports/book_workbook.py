"""The workbook of the whole book: the night, who needs attention first, trades and taxes in total.

Belongs here: its frames, its sheets, its renderer. Does not belong here: anything of one
household's workbook, any number that is not in a mart except counts and sums of mart rows.
What varies from run to run (run id, seconds, times of arrival) is left out, so that the same
night gives the same bytes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from python_steps.reports import layout
from python_steps.reports.allocation_sheets import drift_values
from python_steps.reports.exception_sheets import (
    ExceptionNames,
    closed_exceptions_sheet,
    open_exceptions_sheet,
)
from python_steps.reports.file_names import household_workbook_path, link_target
from python_steps.reports.household_review import SEVERITY_ORDER, Row
from python_steps.reports.record_sheets import file_values, finding_values
from python_steps.reports.report_frames import SecurityDirectory, with_columns
from python_steps.reports.sheet_builder import Fact, Link, Marked, Sheet, SheetBuilder
from python_steps.reports.styles import style_book
from python_steps.reports.texts import Texts, in_words, texts_for
from python_steps.reports.totals import (
    CALM_STATUSES,
    NOT_CURRENT_STATES,
    URGENCY,
    known_sum,
    report_status,
    status_reason,
)
from python_steps.reports.trade_sheets import (
    missing_sentences,
    tax_impact_total,
    tax_impact_values,
)
from python_steps.reports.workbook_writer import workbook_bytes
from python_steps.reports.worksheet_set_up import DocumentFacts

# Tables of the whole book and the columns that its workbook reads.
BOOK_MARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "dim_households": (
        "household_id",
        "household_name",
        "advisor_id",
        "advisor_name",
        "household_state",
        "state_reason",
        "market_value",
    ),
    "dim_accounts": ("account_id", "account_name", "custodian", "account_number_masked"),
    "dim_securities": ("security_id", "ticker", "security_name", "identity_group_id"),
    "fct_household_drift": (
        "household_id",
        "allocation_group_id",
        "asset_class",
        "target_weight",
        "actual_weight",
        "projected_weight",
        "absolute_drift",
        "over_under_amount",
        "lower_band_weight",
        "upper_band_weight",
        "is_breach",
        "is_breach_projected",
        "market_value",
    ),
    "fct_drift_summary": ("household_id", "breach_count", "max_absolute_drift"),
    "fct_rebalance_plans": (
        "household_id",
        "plan_status",
        "explanation",
        "estimated_tax",
        "transaction_cost",
        "planner",
    ),
    "fct_recommended_trades": (
        "household_id",
        "action",
        "security_id",
        "quantity",
        "notional",
    ),
    "fct_tax_impact": (
        "household_id",
        "tax_unit_id",
        "tax_year",
        "realized_short_term_gain",
        "realized_short_term_loss",
        "realized_long_term_gain",
        "realized_long_term_loss",
        "realized_collectibles_gain",
        "realized_collectibles_loss",
        "carryforward_used",
        "estimated_tax",
        "harvested_loss",
        "tax_saved_vs_waterfall",
        "wash_sale_exposure",
    ),
    "fct_trade_exceptions": ("household_id",),
    "fct_data_quality_results": (
        "household_id",
        "scope",
        "scope_id",
        "rule",
        "severity",
        "is_passed",
        "outcome",
        "custodian",
        "observed",
        "expected",
        "message",
        "who_must_act",
        "file_name",
        "source_row_number",
    ),
    "fct_open_exceptions": (
        "exception_key",
        "exception_state",
        "opened_date",
        "age_sessions",
        "closed_date",
        "closed_by",
        "rule",
        "severity",
        "scope",
        "scope_id",
        "who_must_act",
        "household_id",
        "account_id",
        "security_id",
        "lot_id",
        "custodian",
        "file_name",
        "source_row_number",
        "message",
        "market_value_held_up",
        "override_id",
        "cause_key",
        "cause_market_value_held_up",
    ),
    "source_files": (
        "source_file_id",
        "custodian",
        "feed",
        "file_name",
        "stated_as_of_date",
        "row_count",
        "status",
    ),
    "workbooks": ("household_id", "sha256", "status"),
    "nights": ("version", "manifest_hash", "state", "note"),
}

_FAILED: Final = "failed"
_NOT_EVALUATED: Final = "not_evaluated"
_QUARANTINED: Final = "QUARANTINED"


@dataclass(frozen=True)
class BookReportFrames:
    """The marts' rows of the whole book for one night, as Arrow tables."""

    as_of_date: date
    night: pa.Table
    households: pa.Table
    drift: pa.Table
    drift_summary: pa.Table
    plans: pa.Table
    trades: pa.Table
    tax_impact: pa.Table
    exceptions: pa.Table
    data_quality_results: pa.Table
    unanswered_rules: pa.Table
    open_exceptions: pa.Table
    accounts: pa.Table
    source_files: pa.Table
    workbooks: pa.Table
    securities: SecurityDirectory

    @classmethod
    def from_tables(cls, as_of_date: date, tables: Mapping[str, pa.Table]) -> BookReportFrames:
        """Take the book's tables of one night; their order does not matter.

        Args:
            as_of_date: the session.
            tables: every table of BOOK_MARTS by name; `source_files`, `workbooks` and `nights` are
                the rows of this session in ops, `nights` only the version that is reported.

        Raises:
            ValueError: naming the table that is missing, lacks a column, or holds several nights.
        """
        checked: dict[str, pa.Table] = {}
        for name, columns in BOOK_MARTS.items():
            if name not in tables:
                raise ValueError(f"the book workbook needs the table {name}")
            checked[name] = with_columns(name, tables[name], columns)
        findings = checked["fct_data_quality_results"]
        return cls(
            as_of_date=as_of_date,
            night=checked["nights"],
            households=checked["dim_households"],
            drift=checked["fct_household_drift"],
            drift_summary=checked["fct_drift_summary"],
            plans=checked["fct_rebalance_plans"],
            trades=checked["fct_recommended_trades"],
            tax_impact=checked["fct_tax_impact"],
            exceptions=checked["fct_trade_exceptions"],
            data_quality_results=findings.filter(pc.equal(findings.column("is_passed"), False)),
            unanswered_rules=findings.filter(pc.equal(findings.column("outcome"), _NOT_EVALUATED)),
            open_exceptions=checked["fct_open_exceptions"],
            accounts=checked["dim_accounts"],
            source_files=checked["source_files"],
            workbooks=checked["workbooks"],
            securities=SecurityDirectory(tables["dim_securities"]),
        )


@dataclass(frozen=True)
class _Book:
    """The frames as records, households in order of urgency."""

    frames: BookReportFrames
    texts: Texts
    night: Row
    households: Sequence[Row]
    names: Mapping[str, str]
    trades: Sequence[Row]
    findings: Sequence[Row]
    workbooks: Mapping[str, Row]

    def household_name(self, household_id: str | None) -> str:
        if household_id is None:
            return ""
        return self.names.get(household_id, household_id)

    def builder(self, sheet: layout.SheetLayout) -> SheetBuilder:
        builder = SheetBuilder(sheet, self.texts, style_book(self.texts.language))
        note = (
            ""
            if sheet is layout.BOOK_SUMMARY_SHEET
            else self.texts.text(f"sheet.{sheet.sheet_id}.note")
        )
        builder.title(
            self.texts.text(f"sheet.{sheet.sheet_id}.title"),
            self.texts.text("subtitle.book", as_of_date=self.frames.as_of_date.isoformat()),
            note,
        )
        return builder

    def empty(self, table: layout.TableLayout) -> str:
        return self.texts.text(f"table.{table.table_id}.empty")


def render_book_workbook(frames: BookReportFrames, language: str = "en") -> bytes:
    """Render the book's workbook. The same frames give the same bytes.

    Args:
        frames: the book's rows of one night.
        language: of the texts; it must have a catalogue.

    Raises:
        ValueError: the night has not exactly one row.
        MissingTextError: a status or class has no display name, or there is no such catalogue.
    """
    return workbook_bytes(*book_sheets(frames, language))


def book_sheets(
    frames: BookReportFrames, language: str
) -> tuple[list[Sheet], DocumentFacts, Texts]:
    """The sheets of the book as plain values, for a writer.

    Raises:
        ValueError: the night has not exactly one row.
        MissingTextError: a status or class has no display name, or there is no such catalogue.
    """
    texts = texts_for(language)
    book = _book_of(frames, texts)
    title = texts.text("document.book_title")
    sheets = [
        _summary_sheet(book),
        _households_sheet(book),
        _drift_map_sheet(book),
        _breaches_sheet(book),
        _blocks_sheet(book),
        _taxes_sheet(book),
        *_exception_sheets(book),
        _quality_sheet(book),
        _files_sheet(book),
        _workbooks_sheet(book),
    ]
    return sheets, DocumentFacts(title, title, frames.as_of_date), texts


def _book_of(frames: BookReportFrames, texts: Texts) -> _Book:
    nights = frames.night.to_pylist()
    if len(nights) != 1:
        raise ValueError(f"the book workbook needs one row of the night, not {len(nights)}")
    trades = frames.trades.to_pylist()
    findings = frames.data_quality_results.to_pylist()
    workbooks = {row["household_id"]: row for row in frames.workbooks.to_pylist()}
    households = _households_by_urgency(frames, trades, findings)
    names = {
        row["household_id"]: row["household_name"] or row["household_id"] for row in households
    }
    return _Book(frames, texts, nights[0], households, names, trades, findings, workbooks)


def _households_by_urgency(
    frames: BookReportFrames, trades: Sequence[Row], findings: Sequence[Row]
) -> list[Row]:
    plans = {row["household_id"]: row for row in frames.plans.to_pylist()}
    trade_counts = Counter(row["household_id"] for row in trades)
    exception_counts = Counter(frames.exceptions.column("household_id").to_pylist())
    blocking_counts = Counter(row["household_id"] for row in findings if row["severity"] == "block")
    breaches: dict[str, list[Row]] = defaultdict(list)
    for row in frames.drift_summary.to_pylist():
        breaches[row["household_id"]].append(row)
    rows = []
    for household in frames.households.to_pylist():
        key = household["household_id"]
        plan = plans.get(key)
        # The workbook of such a household shows no drift and no tax; neither may the book.
        is_current = household["household_state"] not in NOT_CURRENT_STATES
        groups = breaches.get(key, []) if is_current else []
        estimated = plan if is_current else None
        rows.append(
            household
            | {
                "status": report_status(household, plan),
                "status_reason": status_reason(household, plan),
                "breach_count": _whole_sum(groups, "breach_count"),
                "max_absolute_drift": _largest(groups, "max_absolute_drift"),
                "trade_count": trade_counts[key],
                "estimated_tax": estimated["estimated_tax"] if estimated else None,
                "transaction_cost": estimated["transaction_cost"] if estimated else None,
                "exception_count": exception_counts[key],
                "blocking_count": blocking_counts[key],
            }
        )
    return sorted(rows, key=_urgency)


def _urgency(row: Row) -> tuple[int, int, int, Decimal, str]:
    status = row["status"]
    return (
        URGENCY.index(status) if status in URGENCY else -1,
        -row["blocking_count"],
        -(row["breach_count"] or 0),
        -(row["max_absolute_drift"] or Decimal(0)),
        row["household_id"],
    )


def _whole_sum(rows: Sequence[Row], key: str) -> int | None:
    values = [row[key] for row in rows]
    return None if not values or None in values else sum(values)


def _largest(rows: Sequence[Row], key: str) -> Decimal | None:
    values = [row[key] for row in rows if row[key] is not None]
    return max(values) if values else None


# ---------------------------------------------------------------- sheets


def _summary_sheet(book: _Book) -> Sheet:
    texts, builder = book.texts, book.builder(layout.BOOK_SUMMARY_SHEET)
    builder.heading(texts.text("table.night.heading"), len(layout.NIGHT.columns))
    builder.facts(_night_facts(book))
    builder.skip()
    builder.heading(texts.text("table.book_totals.heading"), len(layout.NIGHT.columns))
    builder.facts(_total_facts(book))
    builder.skip()
    counts = Counter(row["status"] for row in book.households)
    builder.table(
        layout.STATUSES,
        [
            {"status": _status_words(texts, status), "household_count": counts[status]}
            for status in URGENCY
            if counts[status]
        ],
        empty=book.empty(layout.STATUSES),
        total={"status": texts.text("total"), "household_count": len(book.households)},
    )
    return builder.finished()


def _night_facts(book: _Book) -> list[Fact]:
    texts, night = book.texts, book.night
    state = texts.name("night_state", night["state"])
    return [
        Fact(texts.text("book.night_state"), state, "text", night["note"] or ""),
        Fact(texts.text("book.night_version"), night["version"], "whole"),
        Fact(
            texts.text("book.manifest_hash"),
            None if night["manifest_hash"] is None else night["manifest_hash"][:16],
            "code",
            night["manifest_hash"] or "",
        ),
    ]


def _total_facts(book: _Book) -> list[Fact]:
    texts, households = book.texts, book.households
    plans = book.frames.plans.to_pylist()
    quarantined = book.frames.source_files.column("status").to_pylist().count(_QUARANTINED)
    blocking = sum(1 for row in book.findings if row["severity"] == "block")
    buys = [row for row in book.trades if row["action"] == "buy"]
    sells = [row for row in book.trades if row["action"] == "sell"]

    def count(label: str, value: int) -> Fact:
        return Fact(texts.text(label), value, "whole")

    def amount(label: str, rows: Iterable[Row], key: str) -> Fact:
        total, unknown = known_sum(rows, key)
        note = (
            texts.text(
                "book.left_out", households=texts.counted("book.households_counted", unknown)
            )
            if unknown
            else ""
        )
        return Fact(texts.text(label), total, "money", note)

    return [
        count("book.households", len(households)),
        amount("book.market_value", households, "market_value"),
        count("book.breached_households", sum(1 for row in households if row["breach_count"])),
        count("book.trades", len(book.trades)),
        amount("book.buy_amount", buys, "notional"),
        amount("book.sell_amount", sells, "notional"),
        amount("book.estimated_tax", plans, "estimated_tax"),
        amount("book.transaction_cost", plans, "transaction_cost"),
        count("book.blocking_findings", blocking),
        count("book.quarantined_files", quarantined),
    ]


def _status_words(texts: Texts, status: str) -> Any:
    words = texts.name("plan_status", status)
    return words if status in CALM_STATUSES else Marked(words, "attention")


def _workbook_link(book: _Book, household: Row) -> Any:
    name = book.household_name(household["household_id"])
    workbook = book.workbooks.get(household["household_id"])
    if workbook is None or workbook["status"] == _FAILED:
        return Marked(name, "label")
    return Link(name, link_target(_path_of(household)))


def _path_of(household: Row) -> PurePosixPath:
    return household_workbook_path(household["advisor_id"], household["household_id"])


def _households_sheet(book: _Book) -> Sheet:
    texts, builder = book.texts, book.builder(layout.HOUSEHOLDS_SHEET)
    same = (
        "market_value",
        "breach_count",
        "max_absolute_drift",
        "trade_count",
        "estimated_tax",
        "transaction_cost",
        "exception_count",
        "blocking_count",
    )
    builder.table(
        layout.HOUSEHOLDS,
        [
            {
                "rank": rank,
                "household": _workbook_link(book, row),
                # Two households of one advisor may bear the same name.
                "household_id": row["household_id"],
                "advisor": row["advisor_name"] or row["advisor_id"],
                "status": _status_words(texts, row["status"]),
                "status_reason": row["status_reason"] or "",
                **{key: row[key] for key in same},
            }
            for rank, row in enumerate(book.households, 1)
        ],
        empty=book.empty(layout.HOUSEHOLDS),
        with_heading=False,
    )
    return builder.finished()


def _current_households(book: _Book) -> dict[str, Row]:
    """The households whose own numbers may be shown as those of this night, most urgent first."""
    return {
        row["household_id"]: row
        for row in book.households
        if row["household_state"] not in NOT_CURRENT_STATES
    }


def _drift_map_sheet(book: _Book) -> Sheet:
    """One line per portfolio, one column per class: where the book has drifted, at a glance."""
    builder = book.builder(layout.DRIFT_MAP_SHEET)
    current = _current_households(book)
    portfolios: dict[str, dict[str, dict[str, Row]]] = defaultdict(lambda: defaultdict(dict))
    for row in book.frames.drift.to_pylist():
        portfolios[row["household_id"]][row["allocation_group_id"]][row["asset_class"]] = row
    builder.table(
        layout.DRIFT_MAP,
        [
            {
                "household": _workbook_link(book, household),
                "group": group,
                **{
                    key: _mapped_drift(classes.get(asset_class))
                    for asset_class, key in layout.DRIFT_MAP_CLASSES.items()
                },
            }
            for household_id, household in current.items()
            for group, classes in sorted(portfolios[household_id].items())
        ],
        empty=book.empty(layout.DRIFT_MAP),
        with_heading=False,
    )
    return builder.finished()


def _mapped_drift(row: Row | None) -> Any:
    """The drift of a class; a class that is neither held nor wanted leaves its cell empty."""
    if row is None:
        return ""
    is_marked = row["is_breach"] and row["absolute_drift"] is not None
    return Marked(row["absolute_drift"], "attention") if is_marked else row["absolute_drift"]


def _breaches_sheet(book: _Book) -> Sheet:
    texts, builder = book.texts, book.builder(layout.BREACHES_SHEET)
    drift = book.frames.drift
    current = _current_households(book)
    breached = [
        row
        for row in drift.filter(pc.equal(drift.column("is_breach"), True)).to_pylist()
        if row["household_id"] in current
    ]
    breached.sort(
        key=lambda row: (
            -abs(row["absolute_drift"]),
            row["household_id"],
            row["allocation_group_id"],
            row["asset_class"],
        )
    )
    builder.table(
        layout.BREACHES,
        [
            drift_values(texts, row)
            | {
                "household": book.household_name(row["household_id"]),
                "asset_class": texts.asset_class(row["asset_class"]),
            }
            for row in breached
        ],
        empty=book.empty(layout.BREACHES),
        with_heading=False,
    )
    return builder.finished()


def _blocks_sheet(book: _Book) -> Sheet:
    texts, builder = book.texts, book.builder(layout.BLOCKS_SHEET)
    blocks: dict[str, list[Row]] = defaultdict(list)
    for row in book.trades:
        blocks[row["security_id"]].append(row)
    rows = [_block_row(book, security_id, trades) for security_id, trades in blocks.items()]
    rows.sort(key=lambda row: (-(row["buy_amount"] + row["sell_amount"]), row["security_id"]))
    builder.table(
        layout.BLOCKS,
        rows,
        empty=book.empty(layout.BLOCKS),
        total={
            "ticker": texts.text("total"),
            "security": "",
            "household_count": len({row["household_id"] for row in book.trades}),
            "trade_count": len(book.trades),
            "buy_quantity": "",
            "buy_amount": sum((row["buy_amount"] for row in rows), Decimal(0)),
            "sell_quantity": "",
            "sell_amount": sum((row["sell_amount"] for row in rows), Decimal(0)),
        },
        with_heading=False,
    )
    return builder.finished()


def _block_row(book: _Book, security_id: str, trades: Sequence[Row]) -> dict[str, Any]:
    def total(action: str, key: str) -> Decimal:
        return sum((row[key] for row in trades if row["action"] == action), Decimal(0))

    return {
        "security_id": security_id,
        "ticker": book.frames.securities.ticker(security_id),
        "security": book.frames.securities.name(security_id),
        "household_count": len({row["household_id"] for row in trades}),
        "trade_count": len(trades),
        "buy_quantity": total("buy", "quantity"),
        "buy_amount": total("buy", "notional"),
        "sell_quantity": total("sell", "quantity"),
        "sell_amount": total("sell", "notional"),
    }


def _taxes_sheet(book: _Book) -> Sheet:
    texts, builder = book.texts, book.builder(layout.TAXES_SHEET)
    rows = sorted(
        book.frames.tax_impact.to_pylist(),
        key=lambda row: (
            book.household_name(row["household_id"]),
            row["household_id"],
            row["tax_unit_id"],
            row["tax_year"],
        ),
    )
    builder.table(
        layout.TAXES,
        [
            tax_impact_values(row) | {"household": book.household_name(row["household_id"])}
            for row in rows
        ],
        empty=book.empty(layout.TAXES),
        total=tax_impact_total(texts, layout.TAXES, rows, "household"),
        with_heading=False,
    )
    planned = {row["household_id"] for row in rows}
    planners = {
        row["planner"] for row in book.frames.plans.to_pylist() if row["household_id"] in planned
    }
    for sentence in missing_sentences(texts, rows, planners):
        builder.note(sentence)
    return builder.finished()


def _exception_sheets(book: _Book) -> list[Sheet]:
    rows = book.frames.open_exceptions.to_pylist()
    accounts = {row["account_id"]: row for row in book.frames.accounts.to_pylist()}
    names = ExceptionNames(book.household_name, accounts, book.frames.securities)
    return [
        open_exceptions_sheet(
            book.builder(layout.OPEN_EXCEPTIONS_SHEET),
            rows,
            names,
            book.empty(layout.OPEN_EXCEPTIONS),
        ),
        closed_exceptions_sheet(
            book.builder(layout.CLOSED_EXCEPTIONS_SHEET),
            rows,
            names,
            book.empty(layout.CLOSED_EXCEPTIONS),
        ),
    ]


def _quality_sheet(book: _Book) -> Sheet:
    texts, builder = book.texts, book.builder(layout.QUALITY_SHEET)
    counts = Counter(
        (row["severity"], row["rule"], row["who_must_act"] or "") for row in book.findings
    )
    ordered = sorted(
        counts.items(), key=lambda item: (SEVERITY_ORDER[item[0][0]], -item[1], item[0])
    )
    builder.table(
        layout.RULE_COUNTS,
        [
            {
                "rule": in_words(rule),
                "severity": _severity_words(texts, severity),
                "who_must_act": in_words(who) if who else None,
                "finding_count": count,
            }
            for (severity, rule, who), count in ordered
        ],
        empty=book.empty(layout.RULE_COUNTS),
    )
    builder.skip()
    builder.table(
        layout.UNANSWERED_RULES,
        _unanswered_rows(book),
        empty=book.empty(layout.UNANSWERED_RULES),
    )
    builder.skip()
    shown = sorted((row for row in book.findings if row["severity"] != "info"), key=_finding_order)
    builder.table(
        layout.BOOK_FINDINGS,
        [
            finding_values(texts, row) | {"household": book.household_name(row["household_id"])}
            for row in shown
        ],
        empty=book.empty(layout.BOOK_FINDINGS),
    )
    return builder.finished()


def _unanswered_rows(book: _Book) -> list[Row]:
    """Per rule and reason the custodians of which the rule could not be asked."""
    custodians: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in book.frames.unanswered_rules.to_pylist():
        custodian = row["custodian"]
        reason = row["message"].removeprefix(f"{custodian}: ")
        custodians[row["rule"], reason].append(custodian)
    return [
        {
            "rule": in_words(rule),
            "unanswered_reason": reason,
            "unanswered_custodians": ", ".join(sorted(names)),
        }
        for (rule, reason), names in sorted(custodians.items())
    ]


def _finding_order(row: Row) -> tuple[Any, ...]:
    return (
        SEVERITY_ORDER[row["severity"]],
        row["rule"],
        row["household_id"] or "",
        row["scope"],
        row["scope_id"] or "",
        row["file_name"] or "",
        row["source_row_number"] or 0,
        row["message"] or "",
    )


def _severity_words(texts: Texts, severity: str) -> Any:
    words = texts.name("severity", severity)
    return Marked(words, "attention") if severity == "block" else words


def _files_sheet(book: _Book) -> Sheet:
    texts, builder = book.texts, book.builder(layout.FILES_SHEET)
    rows = sorted(
        book.frames.source_files.to_pylist(),
        key=lambda row: (
            row["status"] != _QUARANTINED,
            row["custodian"],
            row["file_name"],
            row["source_file_id"],
        ),
    )

    def status(row: Row) -> Any:
        words = texts.name("file_status", row["status"])
        return Marked(words, "attention") if row["status"] == _QUARANTINED else words

    builder.table(
        layout.BOOK_FILES,
        [file_values(row) | {"file_status": status(row)} for row in rows],
        empty=book.empty(layout.BOOK_FILES),
        with_heading=False,
    )
    return builder.finished()


def _workbooks_sheet(book: _Book) -> Sheet:
    builder = book.builder(layout.WORKBOOKS_SHEET)
    households = {row["household_id"]: row for row in book.households}
    rows = []
    for household_id, workbook in sorted(book.workbooks.items()):
        household = households.get(household_id)
        path: Any = None
        if household is not None and workbook["status"] != _FAILED:
            place = _path_of(household)
            path = Link(place.as_posix(), link_target(place))
        rows.append(
            {
                "household": book.household_name(household_id),
                "workbook_path": path,
                "workbook_status": in_words(workbook["status"]),
                "file_hash": workbook["sha256"],
            }
        )
    builder.table(layout.WORKBOOKS, rows, empty=book.empty(layout.WORKBOOKS), with_heading=False)
    return builder.finished()
