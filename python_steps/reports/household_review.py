"""One household's rows, read once for all sheets of its workbook.

Belongs here: the records in the order of the sheets, the household's status and reason, the names
of its accounts, and what several sheets share. Does not belong here: the content of any one sheet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from python_steps.reports import layout
from python_steps.reports.layout import TableLayout
from python_steps.reports.report_frames import (
    HouseholdReportFrames,
    SecurityDirectory,
)
from python_steps.reports.sheet_builder import (
    Sheet,
    SheetBuilder,
)
from python_steps.reports.styles import StyleBook
from python_steps.reports.texts import Texts
from python_steps.reports.totals import (
    HELD_STATUSES,
    NOT_CURRENT_STATES,
    STATUSES_WITHOUT_TRADES,
    exact_sum,
    report_status,
    status_reason,
)

Row = Mapping[str, Any]

SEVERITY_ORDER: Final = {"block": 0, "warn": 1, "info": 2}
LAST_DAY: Final = date.max
SHELTERED: Final = ("tax_deferred", "tax_free")
_TREATMENT_ORDER: Final = (*SHELTERED, "taxable")


@dataclass(frozen=True)
class Review:
    """One household's rows as records, in the order of the sheets, with the words for its state."""

    household_id: str
    as_of_date: date
    texts: Texts
    style_book: StyleBook
    securities: SecurityDirectory
    frames: HouseholdReportFrames
    language_notice: str | None
    household: Row
    plan: Row | None
    accounts: Mapping[str, Row]
    drift: Sequence[Row]
    trades: Sequence[Row]
    exceptions: Sequence[Row]
    findings: Sequence[Row]
    status: str
    reason: str

    @property
    def is_current(self) -> bool:
        """Whether the household's own numbers may be shown as those of this night."""
        return self.household["household_state"] not in NOT_CURRENT_STATES

    @property
    def planned_trade_date(self) -> date | None:
        """The day the trades are meant for; None where nothing may be traded."""
        if self.plan is None or self.status in HELD_STATUSES:
            return None
        planned: date | None = self.plan["planned_trade_date"]
        return planned

    def account_label(self, account_id: str | None) -> str:
        """Name and masked number; an account of another household is not named."""
        if account_id is None:
            return ""
        account = self.accounts.get(account_id)
        if account is None:
            return self.texts.text("account.other_household")
        return account_words(self.texts, account)

    def builder(self, sheet: layout.SheetLayout) -> SheetBuilder:
        """A builder with the head of the sheet written."""
        builder = SheetBuilder(sheet, self.texts, self.style_book)
        values: dict[str, object] = {
            "household": self.household["household_name"] or self.household_id,
            "as_of_date": self.as_of_date.isoformat(),
        }
        text_id = "subtitle.household"
        if not self.is_current:
            text_id = "subtitle.household_not_current"
        elif self.planned_trade_date is not None:
            text_id = "subtitle.household_planned"
            values["planned_trade_date"] = self.planned_trade_date.isoformat()
        builder.title(
            self.texts.text(f"sheet.{sheet.sheet_id}.title"),
            self.texts.text(text_id, **values),
            self.texts.text(f"sheet.{sheet.sheet_id}.note"),
        )
        return builder

    def empty(self, table: TableLayout) -> str:
        """The sentence of a table without rows."""
        return self.texts.text(f"table.{table.table_id}.empty", reason=self.reason)


def account_words(texts: Texts, account: Row) -> str:
    """Name and masked number of an account."""
    return texts.text(
        "account.label",
        name=account["account_name"] or account["custodian"],
        number=account["account_number_masked"],
    )


def review_of(
    frames: HouseholdReportFrames, texts: Texts, style_book: StyleBook, notice: str | None
) -> Review:
    """Read one household's frames.

    Raises:
        ValueError: there is more than one plan, or there are trades although the status forbids
            them. Such a workbook would contradict itself, so none is made.
    """
    household = frames.household
    plans = frames.plan
    if len(plans) > 1:
        raise ValueError(f"household {frames.household_id} has {len(plans)} plans; one is needed")
    plan = plans[0] if plans else None
    status = report_status(household, plan)
    trades = sorted(frames.trades, key=lambda row: (row["trade_sequence"], row["trade_id"]))
    if trades and status in STATUSES_WITHOUT_TRADES:
        raise ValueError(
            f"household {frames.household_id} is {status}, yet {len(trades)} trades were handed in"
        )
    reason = status_reason(household, plan) or texts.name("plan_status", status)
    return Review(
        household_id=frames.household_id,
        as_of_date=frames.as_of_date,
        texts=texts,
        style_book=style_book,
        securities=frames.securities,
        frames=frames,
        language_notice=notice,
        household=household,
        plan=plan,
        accounts={row["account_id"]: row for row in frames.accounts},
        drift=sorted(
            frames.drift,
            key=lambda row: (
                row["allocation_group_id"],
                row["asset_class_rank"] if row["asset_class_rank"] is not None else 10_000,
                row["asset_class"],
            ),
        ),
        trades=trades,
        exceptions=sorted(
            frames.exceptions,
            key=lambda row: (row["reason_code"], row["subject"], row["rationale"] or ""),
        ),
        findings=_failed_findings(frames.data_quality_results),
        status=status,
        reason=reason,
    )


def _failed_findings(rows: Iterable[Row]) -> list[Row]:
    return sorted(
        (row for row in rows if row["is_passed"] is False),
        key=lambda row: (
            SEVERITY_ORDER[row["severity"]],
            row["rule"],
            row["scope"],
            row["scope_id"] or "",
            row["file_name"] or "",
            row["source_row_number"] or 0,
            row["message"] or "",
        ),
    )


def account_key(row: Row) -> tuple[int, str, str]:
    """The order of accounts: tax-advantaged first, then by name."""
    known = row["tax_treatment"] in _TREATMENT_ORDER
    treatment = _TREATMENT_ORDER.index(row["tax_treatment"]) if known else len(_TREATMENT_ORDER)
    return (treatment, row["account_name"] or "", row["account_id"])


def account_order(review: Review, account_id: str) -> tuple[int, str, str]:
    """The place of an account in that order; what is not of this household stands first."""
    account = review.accounts.get(account_id)
    return (-1, "", account_id) if account is None else account_key(account)


def sorted_groups(rows: Iterable[Row]) -> list[Row]:
    """Rows in the order of their allocation groups."""
    return sorted(rows, key=lambda row: row["allocation_group_id"])


def term_words(texts: Texts, value: str | None) -> str | None:
    """The holding term in words; None stays None."""
    return None if value is None else texts.name("term", value.lower())


def total_line(
    texts: Texts,
    table: TableLayout,
    rows: Sequence[Row],
    label_key: str,
    summed: Iterable[str],
) -> Row:
    """A total line: the word Total, sums of the columns named, and empty cells elsewhere."""
    sums = {key: exact_sum(rows, key) for key in summed}
    line: dict[str, Any] = {column.key: sums.get(column.key, "") for column in table.columns}
    line[label_key] = texts.text("total")
    return line


def not_current(review: Review, builder: SheetBuilder) -> Sheet:
    """The sheet of a household whose numbers are not current: the sentence that says why."""
    columns = len(builder.layout.tables[0].columns)
    builder.paragraph(
        "banner_attention", review.texts.text("note.not_current", reason=review.reason), columns
    )
    return builder.finished()
