"""The sheets Open exceptions and Closed exceptions of the book's workbook, for operations.

Belongs here: the rows of fct_open_exceptions and their order: by who must act, then by the money
that stands still, then by age. Does not belong here: what an exception is, since when it is open or
what closed it (the mart), column lists (layout), texts (catalogue).
"""

from __future__ import annotations

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
    standing = [row for row in rows if row["exception_state"] == _OPEN]
    largest = _largest_of_each(standing)
    standing.sort(key=lambda row: (*_group_order(row, largest), *_open_order(row)))
    builder.table(
        layout.OPEN_EXCEPTIONS,
        [_open_values(texts, row, names) for row in standing],
        empty=empty,
        with_heading=False,
    )
    return builder.finished()


def closed_exceptions_sheet(
    builder: SheetBuilder, rows: Sequence[Row], names: ExceptionNames, empty: str
) -> Sheet:
    """What was closed of late and by what, the last ones first."""
    texts = builder.texts
    closed = [row for row in rows if row["exception_state"] != _OPEN]
    closed.sort(
        key=lambda row: (-row["closed_date"].toordinal(), row["closed_by"], *_same_order(row))
    )
    builder.table(
        layout.CLOSED_EXCEPTIONS,
        [_closed_values(texts, row, names) for row in closed],
        empty=empty,
        with_heading=False,
    )
    return builder.finished()


def _largest_of_each(rows: Sequence[Row]) -> dict[str, Decimal]:
    """Per person the largest amount of one exception: a sum would count the same money twice.

    What nobody can value may be the largest of all, and is taken as that.
    """
    largest: dict[str, Decimal] = {}
    for row in rows:
        who, amount = row["who_must_act"] or "", row["market_value_held_up"]
        amount = Decimal("Infinity") if amount is None else amount
        largest[who] = max(largest.get(who, Decimal(0)), amount)
    return largest


def _group_order(row: Row, largest: Mapping[str, Decimal]) -> tuple[Any, ...]:
    who = row["who_must_act"] or ""
    return -largest[who], who


def _open_order(row: Row) -> tuple[Any, ...]:
    amount = row["market_value_held_up"]
    return (amount is not None, -(amount or Decimal(0)), -row["age_sessions"], *_same_order(row))


def _same_order(row: Row) -> tuple[Any, ...]:
    return (
        SEVERITY_ORDER[row["severity"]],
        row["rule"],
        row["household_id"] or "",
        row["scope_id"],
        row["exception_key"],
        row["opened_date"],
    )


def _common_values(texts: Texts, row: Row, names: ExceptionNames) -> dict[str, Any]:
    security = row["security_id"]
    number = row["source_row_number"]
    return {
        "who_must_act": words_or_none(row["who_must_act"]),
        "opened_date": row["opened_date"],
        "age_sessions": row["age_sessions"],
        "rule": in_words(row["rule"]),
        "scope": texts.name("scope", row["scope"]),
        "household": names.households(row["household_id"]),
        # Files of many custodians have the same name.
        "custodian": row["custodian"] or "",
        "account": names.account(texts, row["account_id"]),
        "ticker": "" if security is None else names.securities.ticker(security),
        "message": row["message"] or "",
        "file_name": row["file_name"] or "",
        "source_row_number": "" if number is None else number,
    }


def _open_values(texts: Texts, row: Row, names: ExceptionNames) -> dict[str, Any]:
    severity = texts.name("severity", row["severity"])
    return _common_values(texts, row, names) | {
        "severity": Marked(severity, "attention") if row["severity"] == "block" else severity,
        "market_value_held_up": row["market_value_held_up"],
        "lot_id": row["lot_id"] or "",
    }


def _closed_values(texts: Texts, row: Row, names: ExceptionNames) -> dict[str, Any]:
    return _common_values(texts, row, names) | {
        "closed_date": row["closed_date"],
        "closed_by": texts.name("closed_by", row["closed_by"]),
        "override_id": row["override_id"] or "",
    }
