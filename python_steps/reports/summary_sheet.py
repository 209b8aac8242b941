"""The first sheet of a household's workbook: status, the answers at a glance, what needs a person.

Belongs here: which mart value answers which question. Does not belong here: column lists (layout),
texts (catalogue), any number that is not in a mart except counts of rows and a column's total.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from python_steps.reports import layout
from python_steps.reports.allocation_sheets import ROW_HEIGHT_CM, drift_charts, drift_place
from python_steps.reports.household_review import (
    Review,
    Row,
    account_key,
    sorted_groups,
)
from python_steps.reports.sheet_builder import (
    Fact,
    Sheet,
    SheetBuilder,
)
from python_steps.reports.texts import Texts, in_words, name_or_none, words_or_none
from python_steps.reports.totals import (
    CALM_STATUSES,
    exact_sum,
)

MOST_ATTENTION_LINES: Final = 15
_COLUMNS: Final = 4
_CHART_COLUMN: Final = "F"
_SHELTERED: Final = ("tax_deferred", "tax_free")


def summary_sheet(review: Review) -> Sheet:
    """Who, what is proposed, what it costs, what needs a person; with the drift chart."""
    texts, builder = review.texts, SheetBuilder(layout.SUMMARY, review.texts, review.style_book)
    values: dict[str, object] = {
        "advisor": review.household["advisor_name"] or review.household["advisor_id"],
        "as_of_date": review.as_of_date.isoformat(),
    }
    text_id = "summary.advisor"
    if review.plan is not None and review.plan["planned_trade_date"] is not None:
        text_id = "summary.advisor_planned"
        values["planned_trade_date"] = review.plan["planned_trade_date"].isoformat()
    builder.title(
        review.household["household_name"] or review.household_id, texts.text(text_id, **values)
    )
    style = "banner_calm" if review.status in CALM_STATUSES else "banner_attention"
    builder.banner(style, texts.name("plan_status", review.status), _COLUMNS, height=28)
    builder.paragraph("sentence", review.reason, _COLUMNS)
    if review.language_notice is not None:
        builder.paragraph("sentence", review.language_notice, _COLUMNS)
    builder.skip(height=6)
    chart_row = builder.next_row
    builder.heading(texts.text("summary.glance"), _COLUMNS)
    builder.facts(_glance(review))
    builder.skip()
    builder.table(layout.ATTENTION, _attention_rows(review), empty=review.empty(layout.ATTENTION))
    builder.skip()
    builder.table(layout.ACCOUNTS, _account_rows(review), empty=review.empty(layout.ACCOUNTS))
    sheet = builder.finished()
    if review.is_current:
        _summary_charts(review, sheet, chart_row)
    return sheet


def _summary_charts(review: Review, sheet: Sheet, first_row: int) -> None:
    """The drift charts at the right; the printed area grows by their width."""
    place = drift_place(review)
    plans = drift_charts(review, place, first_row, _CHART_COLUMN, width_cm=17.5, height_cm=10.5)
    if not plans:
        return
    sheet.charts.extend(plans)
    sheet.widths = (*sheet.widths, 2.0, *([13.0] * 7))
    sheet.print_columns = len(sheet.widths)
    rows_of_charts = int(len(plans) * 11.0 / ROW_HEIGHT_CM) + 1
    sheet.last_row = max(sheet.last_row, first_row + rows_of_charts)


def _glance(review: Review) -> list[Fact]:
    texts, plan = review.texts, review.plan
    facts = [
        Fact(texts.text("summary.market_value"), review.household["market_value"], "money"),
        _accounts_fact(review),
        *_breach_facts(review),
        _trades_fact(review),
    ]
    if plan is None:
        return facts
    tax_note = "summary.tax.note" if plan["estimated_tax"] is not None else "summary.tax.missing"
    short_term = exact_sum(review.frames.tax_impact.to_pylist(), "realized_short_term_gain")
    facts += [
        Fact(texts.text("summary.tax"), plan["estimated_tax"], "money", texts.text(tax_note)),
        Fact(
            texts.text("summary.short_term_gains"),
            short_term,
            "money",
            texts.text("summary.short_term_gains.note"),
        ),
        Fact(
            texts.text("summary.cost"),
            plan["transaction_cost"],
            "money",
            texts.text("summary.cost.note"),
        ),
        _optional_fact(texts, "summary.breakeven", plan["breakeven_years"], "decimal", "breakeven"),
        _optional_fact(
            texts, "summary.tracking_before", plan["tracking_error_before"], "percent", "tracking"
        ),
        _optional_fact(
            texts, "summary.tracking_after", plan["tracking_error_after"], "percent", "tracking"
        ),
        Fact(
            texts.text("summary.planned_trade_date"),
            plan["planned_trade_date"],
            "date",
            texts.text("summary.planned_trade_date.note"),
        ),
        Fact(
            texts.text("summary.valid_until"),
            plan["valid_until_date"],
            "date",
            texts.text("summary.valid_until.note"),
        ),
        _plan_fact(texts, plan),
    ]
    return facts


def _plan_fact(texts: Texts, plan: Row) -> Fact:
    label = texts.text("summary.plan")
    if plan["plan_id"] is None:
        return Fact(label, None, "text", texts.text("summary.plan.missing"))
    note = texts.text(
        "summary.plan.note",
        version=plan["version"],
        run_mode=texts.name("run_mode", plan["run_mode"]),
        planner=in_words(plan["planner"] or texts.text("missing")),
    )
    return Fact(label, plan["plan_id"], "text", note)


def _optional_fact(texts: Texts, label: str, value: Any, kind: str, topic: str) -> Fact:
    note = f"summary.{topic}.missing" if value is None else f"summary.{topic}.note"
    return Fact(texts.text(label), value, kind, texts.text(note))


def _accounts_fact(review: Review) -> Fact:
    accounts = list(review.accounts.values())
    tradable = sum(1 for row in accounts if row["is_tradable"] and not row["is_trading_blocked"])
    return Fact(
        review.texts.text("summary.accounts"),
        len(accounts),
        "whole",
        review.texts.text(
            "summary.accounts.note", tradable=tradable, others=len(accounts) - tradable
        ),
    )


def _breach_facts(review: Review) -> list[Fact]:
    texts = review.texts
    summaries = sorted_groups(review.frames.drift_summary.to_pylist())
    label = texts.text("summary.breaches")
    if not review.is_current or not summaries:
        reason = (
            texts.text("note.not_current", reason=review.reason)
            if not review.is_current
            else texts.text("table.drift_summary.empty")
        )
        return [Fact(label, None, "whole", reason)]
    facts = []
    for summary in summaries:
        group = summary["allocation_group_id"]
        if len(summaries) > 1:
            label = texts.text("summary.breaches.of_group", group=group)
        breached = [
            row
            for row in review.drift
            if row["allocation_group_id"] == group and row["is_breach"] is True
        ]
        breached.sort(key=lambda row: (row["breach_severity_rank"] or 0, row["asset_class"]))
        listed = "; ".join(
            texts.text(
                "summary.breaches.item",
                asset_class=texts.asset_class(row["asset_class"]),
                drift=_points(row["absolute_drift"]),
            )
            for row in breached
        )
        note = listed or texts.text("summary.breaches.none")
        facts.append(Fact(label, summary["breach_count"], "whole", note))
    return facts


def _points(weight: Decimal) -> str:
    return format(weight * 100, "+.2f")


def _trades_fact(review: Review) -> Fact:
    texts, trades = review.texts, review.trades
    label = texts.text("summary.trades")
    if not trades:
        status = texts.name("plan_status", review.status)
        return Fact(label, 0, "whole", texts.text("summary.trades.none", status=status))
    treatments = [
        review.accounts[row["account_id"]]["tax_treatment"]
        for row in trades
        if row["account_id"] in review.accounts
    ]
    return Fact(
        label,
        len(trades),
        "whole",
        texts.text(
            "summary.trades.note",
            sells=sum(1 for row in trades if row["action"] == "sell"),
            buys=sum(1 for row in trades if row["action"] == "buy"),
            sheltered=sum(1 for treatment in treatments if treatment in _SHELTERED),
            taxable=treatments.count("taxable"),
        ),
    )


def _attention_rows(review: Review) -> list[Row]:
    texts = review.texts
    rows: list[Row] = [
        {
            "attention_subject": row["subject"],
            "attention_kind": texts.name("reason_code", row["reason_code"]),
            "attention_why": row["rationale"],
            "attention_who": texts.text("attention.unassigned"),
        }
        for row in review.exceptions
    ]
    rows += [
        {
            "attention_subject": in_words(row["rule"]),
            "attention_kind": texts.name("severity", row["severity"]),
            "attention_why": row["message"],
            "attention_who": words_or_none(row["who_must_act"]),
        }
        for row in review.findings
        if row["severity"] != "info"
    ]
    more = len(rows) - MOST_ATTENTION_LINES
    if more > 0:
        rows = rows[:MOST_ATTENTION_LINES]
        rows.append(
            {
                "attention_subject": texts.counted("attention.more", more),
                "attention_kind": "",
                "attention_why": texts.text("attention.more.where"),
                "attention_who": "",
            }
        )
    return rows


def _account_rows(review: Review) -> list[Row]:
    texts = review.texts
    rows: list[Row] = []
    for account_id, row in sorted(review.accounts.items(), key=lambda item: account_key(item[1])):
        rows.append(
            {
                "account": review.account_label(account_id),
                "account_type": name_or_none(texts, "account_type", row["account_type"]),
                "trading": _trading_words(texts, row),
                "tax_treatment": name_or_none(texts, "tax_treatment", row["tax_treatment"]),
            }
        )
    return rows


def _trading_words(texts: Texts, account: Row) -> str:
    if account["is_trading_blocked"]:
        reason = account["trading_blocked_reason"]
        state = texts.name("account_state", account["account_state"])
        return texts.text("trading.blocked", reason=reason or state)
    if not account["is_tradable"]:
        return texts.text("trading.held_away")
    if account["account_state"] != "complete":
        return texts.name("account_state", account["account_state"])
    return texts.text("trading.open")
