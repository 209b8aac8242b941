"""The sheets Open exceptions and Closed exceptions of the book's workbook, for operations.

Belongs here: the causes of fct_open_exceptions, one line each however many findings one has, and
their order: by who must act, then by the money that stands still, then by age. Does not belong
here: what an exception is, which share a cause, since when it is open or what closed it (the mart),
column lists (layout), texts (catalogue).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from python_steps.reports import layout
from python_steps.reports.household_review import SEVERITY_ORDER, Row
from python_steps.reports.report_frames import SecurityDirectory
from python_steps.reports.sheet_builder import Marked, Sheet, SheetBuilder
from python_steps.reports.texts import Texts, in_words, words_or_none

_OPEN: Final = "open"


@dataclass(frozen=True)
class ExceptionNames:
    """How households, accounts and securities are named in front of people."""

    households: Callable[[str | None], str]
    accounts: Mapping[str, Row]
    securities: SecurityDirectory

    def account(self, texts: Texts, account_id: str | None) -> str:
        """Name and masked number; '' where an exception is about no account."""
        if account_id is None:
            return ""
        account = self.accounts.get(account_id)
        if account is None:
            return account_id
        return texts.text(
            "account.label",
            name=account["account_name"] or account["custodian"],
            number=account["account_number_masked"],
        )


def open_exceptions_sheet(
    builder: SheetBuilder, rows: Sequence[Row], names: ExceptionNames, empty: str
) -> Sheet:
    """What is open: first those who hold up the most money, in their list the same."""
    texts = builder.texts
    standing = _causes([row for row in rows if row["exception_state"] == _OPEN])
    largest = _largest_of_each(standing)
    standing.sort(key=lambda cause: (*_group_order(cause, largest), *_open_order(cause)))
    builder.table(
        layout.OPEN_EXCEPTIONS,
        [_open_values(texts, cause, names) for cause in standing],
        empty=empty,
        with_heading=False,
    )
    return builder.finished()


def closed_exceptions_sheet(
    builder: SheetBuilder, rows: Sequence[Row], names: ExceptionNames, empty: str
) -> Sheet:
    """What was closed of late and by what, the last ones first."""
    texts = builder.texts
    closed = _causes([row for row in rows if row["exception_state"] != _OPEN])
    closed.sort(
        key=lambda cause: (
            -cause.first["closed_date"].toordinal(),
            cause.first["closed_by"],
            *_same_order(cause.first),
        )
    )
    builder.table(
        layout.CLOSED_EXCEPTIONS,
        [_closed_values(texts, cause, names) for cause in closed],
        empty=empty,
        with_heading=False,
    )
    return builder.finished()


@dataclass(frozen=True)
class _Cause:
    """Exceptions of one cause, in order; of most there is one."""

    rows: Sequence[Row]

    @property
    def first(self) -> Row:
        return self.rows[0]

    @property
    def amount(self) -> Decimal | None:
        """Money that stands still because of it; the mart counts none of it twice."""
        amount: Decimal | None = self.first["cause_market_value_held_up"]
        return amount

    def shared(self, key: str) -> Any:
        """The value that all rows have; None where they differ."""
        values = {row[key] for row in self.rows}
        return values.pop() if len(values) == 1 else None

    def number_of(self, key: str) -> int:
        return len({row[key] for row in self.rows if row[key] is not None})


def _causes(rows: Sequence[Row]) -> list[_Cause]:
    causes: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=_same_order):
        causes[row["cause_key"]].append(row)
    return [_Cause(members) for members in causes.values()]


def _largest_of_each(causes: Sequence[_Cause]) -> dict[str, Decimal]:
    """Per person the largest amount of one cause: a sum would count the same money twice.

    What nobody can value may be the largest of all, and is taken as that.
    """
    largest: dict[str, Decimal] = {}
    for cause in causes:
        who = cause.first["who_must_act"] or ""
        amount = Decimal("Infinity") if cause.amount is None else cause.amount
        largest[who] = max(largest.get(who, Decimal(0)), amount)
    return largest


def _group_order(cause: _Cause, largest: Mapping[str, Decimal]) -> tuple[Any, ...]:
    who = cause.first["who_must_act"] or ""
    return -largest[who], who


def _open_order(cause: _Cause) -> tuple[Any, ...]:
    amount = cause.amount
    oldest = max(row["age_sessions"] for row in cause.rows)
    return (amount is not None, -(amount or Decimal(0)), -oldest, *_same_order(cause.first))


def _same_order(row: Row) -> tuple[Any, ...]:
    return (
        SEVERITY_ORDER[row["severity"]],
        row["rule"],
        row["household_id"] or "",
        row["scope_id"],
        row["exception_key"],
        row["opened_date"],
    )


def _common_values(texts: Texts, cause: _Cause, names: ExceptionNames) -> dict[str, Any]:
    row = cause.first
    security = cause.shared("security_id")
    number = cause.shared("source_row_number")
    return {
        "who_must_act": words_or_none(row["who_must_act"]),
        "finding_count": len(cause.rows),
        "opened_date": row["opened_date"],
        "age_sessions": row["age_sessions"],
        "rule": in_words(row["rule"]),
        "scope": texts.name("scope", row["scope"]),
        "household": names.households(cause.shared("household_id")),
        # Files of many custodians have the same name.
        "custodian": row["custodian"] or "",
        "account": names.account(texts, cause.shared("account_id")),
        "ticker": "" if security is None else names.securities.ticker(security),
        "message": _message(texts, cause),
        "file_name": row["file_name"] or "",
        "source_row_number": "" if number is None else number,
    }


def _message(texts: Texts, cause: _Cause) -> str:
    first: str = cause.first["message"] or ""
    if len(cause.rows) == 1:
        return first
    return texts.text(
        "exceptions.of_one_cause",
        count=len(cause.rows),
        households=texts.counted("book.households_counted", cause.number_of("household_id")),
        accounts=texts.counted("exceptions.accounts_counted", cause.number_of("account_id")),
        first=first,
    )


def _open_values(texts: Texts, cause: _Cause, names: ExceptionNames) -> dict[str, Any]:
    row = cause.first
    severity = texts.name("severity", row["severity"])
    return _common_values(texts, cause, names) | {
        "severity": Marked(severity, "attention") if row["severity"] == "block" else severity,
        "market_value_held_up": cause.amount,
        "lot_id": cause.shared("lot_id") or "",
    }


def _closed_values(texts: Texts, cause: _Cause, names: ExceptionNames) -> dict[str, Any]:
    return _common_values(texts, cause, names) | {
        "closed_date": cause.first["closed_date"],
        "closed_by": texts.name("closed_by", cause.first["closed_by"]),
        "override_id": cause.shared("override_id") or "",
    }
