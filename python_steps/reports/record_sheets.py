"""The sheets Exceptions and Compliance: what was left undone, and what the workbook rests on.

Belongs here: the rows of exceptions, findings, checks, files and policy. Does not belong here:
column lists (layout), texts (catalogue), any judgement of data, which the marts have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields as policy_fields
from decimal import Decimal
from typing import Any

from python_steps.reports import layout
from python_steps.reports.household_review import (
    Review,
    Row,
)
from python_steps.reports.report_frames import (
    POLICY_CUSTODIAN,
)
from python_steps.reports.sheet_builder import (
    Marked,
    Sheet,
)
from python_steps.reports.texts import Texts, in_words, words_or_none


def exceptions_sheet(review: Review) -> Sheet:
    """What was left undone and why; and the data that did not pass."""
    builder = review.builder(layout.EXCEPTIONS_SHEET)
    builder.table(
        layout.EXCEPTIONS,
        [_exception_row(review, row) for row in review.exceptions],
        empty=review.empty(layout.EXCEPTIONS),
    )
    builder.skip()
    builder.table(
        layout.FINDINGS,
        [finding_values(review.texts, row) for row in review.findings],
        empty=review.empty(layout.FINDINGS),
    )
    return builder.finished()


def _exception_row(review: Review, row: Row) -> Row:
    texts, security, asset_class = review.texts, row["security_id"], row["asset_class"]
    return {
        "subject": row["subject"],
        "reason": texts.name("reason_code", row["reason_code"]),
        "rationale": row["rationale"],
        # An exception may concern neither an account, a security, a class nor an amount.
        "account": review.account_label(row["account_id"]),
        "security": "" if security is None else review.securities.ticker(security),
        "asset_class": "" if asset_class is None else texts.asset_class(asset_class),
        "amount": "" if row["amount"] is None else row["amount"],
    }


def finding_values(texts: Texts, row: Row) -> dict[str, Any]:
    """The cells of one finding about data."""
    severity = texts.name("severity", row["severity"])
    number = row["source_row_number"]
    return {
        "rule": in_words(row["rule"]),
        "severity": Marked(severity, "attention") if row["severity"] == "block" else severity,
        "message": row["message"] or "",
        "observed": row["observed"] or "",
        "expected": row["expected"] or "",
        "who_must_act": words_or_none(row["who_must_act"]),
        "scope": texts.name("scope", row["scope"]),
        "file_name": row["file_name"] or "",
        "source_row_number": "" if number is None else number,
    }


def compliance_sheet(review: Review) -> Sheet:
    """The plan's identity, its independent checks, the files and the policy it was made from."""
    texts, builder = review.texts, review.builder(layout.COMPLIANCE_SHEET)
    width = len(layout.FILES.columns)
    if review.plan is not None:
        builder.table(layout.PLAN_RECORD, _plan_record(texts, review.plan), empty="")
        builder.skip()
    checks = sorted(
        review.frames.compliance_checks,
        key=lambda row: (row["is_passed"] is True, row["check_name"]),
    )
    builder.table(
        layout.CHECKS,
        [_check_row(texts, row) for row in checks],
        empty=review.empty(layout.CHECKS),
    )
    builder.skip()
    files = sorted(
        review.frames.source_files,
        key=lambda row: (
            row["custodian"] == POLICY_CUSTODIAN,
            row["custodian"],
            row["file_name"],
            row["source_file_id"],
        ),
    )
    builder.table(
        layout.FILES,
        [file_values(row) for row in files],
        empty=review.empty(layout.FILES),
    )
    builder.skip()
    builder.table(layout.POLICY, _policy_rows(review), empty="")
    builder.skip()
    builder.heading(texts.text("compliance.disclaimer.heading"), width)
    builder.paragraph("sentence", texts.text("compliance.disclaimer"), width)
    return builder.finished()


def _plan_record(texts: Texts, plan: Row) -> list[Row]:
    def line(key: str, show: Callable[[Any], str] = str) -> Row:
        value = plan[key]
        return {
            "item": texts.text(f"compliance.{key}"),
            "value": None if value is None else show(value),
        }

    return [
        line("plan_id"),
        line("version"),
        line("input_hash"),
        line("planner", in_words),
        line("run_mode", lambda value: texts.name("run_mode", value)),
        line("solver_status", in_words),
        line("objective_value", _money_words),
        line("waterfall_objective_value", _money_words),
        line("optimality_gap", _money_words),
    ]


def _money_words(value: Decimal) -> str:
    return f"{value:,.2f}"


def _check_row(texts: Texts, row: Row) -> Row:
    passed = row["is_passed"]
    flag: Any = None
    if passed is not None:
        flag = (
            texts.text("check.passed")
            if passed
            else Marked(texts.text("check.failed"), "attention")
        )
    return {
        "check_name": in_words(row["check_name"]),
        "requirement": row["requirement"],
        "detail": row["detail"] or "",
        "is_passed": flag,
    }


def file_values(row: Row) -> dict[str, Any]:
    """The cells of one received file."""
    return {
        "file_name": row["file_name"],
        "file_hash": row["source_file_id"],
        "custodian": row["custodian"],
        "feed": in_words(row["feed"]),
        "stated_as_of_date": row["stated_as_of_date"],
        "row_count": row["row_count"],
    }


def _policy_rows(review: Review) -> list[Row]:
    policy = review.frames.firm_policy
    return [
        {
            "setting": in_words(setting.name),
            "meaning": setting.metadata["description"],
            "value": str(getattr(policy, setting.name)),
        }
        for setting in policy_fields(policy)
        if setting.metadata and not setting.name.startswith("alert_")
    ]
