"""The first sheet of a household's workbook: status, the answers at a glance, what needs a person.

Belongs here: which mart value answers which question. Does not belong here: column lists (layout),
texts (catalogue), any number that is not in a mart except counts of rows and a column's total.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from python_steps.reports import layout
from python_steps.reports.allocation_sheets import drift_charts, drift_place, place_charts
from python_steps.reports.household_review import (
    SHELTERED,
    Review,
    Row,
    account_key,
    sorted_groups,
)
from python_steps.reports.sheet_builder import (
    Fact,
    Sheet,
    SheetBuilder,
    page_height,
)
from python_steps.reports.texts import Texts, in_words, name_or_none, words_or_none
from python_steps.reports.totals import (
    CALM_STATUSES,
    HELD_STATUSES,
    exact_sum,
)

MOST_ATTENTION_LINES: Final = 15
_COLUMNS: Final = 4
_CHART_WIDTH_CM: Final = 21.5
_CHART_HEIGHT_CM: Final = 9.0
_CHARTS_ON_A_PAGE: Final = 3
# Somewhat smaller print is better than a chart on a page of its own.
_MOST_PAGES_ON_ONE: Final = 1.2


def summary_sheet(review: Review) -> Sheet:
    """Who, what is proposed, what it costs, what needs a person; with the drift chart."""
    texts, builder = review.texts, SheetBuilder(layout.SUMMARY, review.texts, review.style_book)
    values: dict[str, object] = {
        "household_id": review.household_id,
        "advisor": review.household["advisor_name"] or review.household["advisor_id"],
        "as_of_date": review.as_of_date.isoformat(),
    }
    text_id = "summary.advisor"
    if review.planned_trade_date is not None:
        text_id = "summary.advisor_planned"
        values["planned_trade_date"] = review.planned_trade_date.isoformat()
    builder.title(
        review.household["household_name"] or review.household_id, texts.text(text_id, **values)
    )
    style = "banner_calm" if review.status in CALM_STATUSES else "banner_attention"
    builder.banner(style, texts.name("plan_status", review.status), _COLUMNS, height=28)
    builder.paragraph("sentence", review.reason, _COLUMNS)
    if review.language_notice is not None:
        builder.paragraph("sentence", review.language_notice, _COLUMNS)
    builder.skip(height=6)
    builder.heading(texts.text("summary.glance"), _COLUMNS)
    builder.facts(_glance(review))
    builder.skip()
    builder.table(layout.ATTENTION, _attention_rows(review), empty=review.empty(layout.ATTENTION))
    builder.skip()
    builder.table(layout.ACCOUNTS, _account_rows(review), empty=review.empty(layout.ACCOUNTS))
    starts = _add_charts(review, builder) if review.is_current else []
    sheet = builder.finished()
    sheet.is_portrait = True
    if sheet.charts and (
        sheet.height > _MOST_PAGES_ON_ONE * page_height(sheet)
        or len(sheet.charts) > _CHARTS_ON_A_PAGE
    ):
        sheet.page_starts = tuple(starts[::_CHARTS_ON_A_PAGE])
    return sheet


def _add_charts(review: Review, builder: SheetBuilder) -> list[int]:
    """The drift charts under the tables; beside them they would make the print too small to read.

    Returns:
        the empty row above each chart, where a page may begin: on the edge itself the line of the
        chart's frame would print on both pages.
    """
    builder.skip()
    plans = drift_charts(
        review,
        drift_place(review),
        builder.next_row,
        "A",
        width_cm=_CHART_WIDTH_CM,
        height_cm=_CHART_HEIGHT_CM,
    )
    place_charts(builder, plans)
    return [int(plan.anchor[1:]) - 1 for plan in plans]


def _glance(review: Review) -> list[Fact]:
    texts, plan = review.texts, review.plan
    facts = [
        _market_value_fact(review),
        _accounts_fact(review),
        *_breach_facts(review),
        _trades_fact(review),
    ]
    if plan is None:
        return facts
    if not review.is_current:
        # Nothing was priced: a zero beside "withheld" would read as a result.
        return [*facts, _plan_fact(texts, plan)]
    tax_note = "summary.tax.note" if plan["estimated_tax"] is not None else "summary.tax.missing"
    returns = review.frames.tax_impact
    short_term = exact_sum(returns, "realized_short_term_gain")
    short_term_note = "summary.short_term_gains.note"
    if not returns:
        short_term_note = "summary.short_term_gains.none"
    elif short_term is None:
        short_term_note = "summary.short_term_gains.missing"
    cost_note = "summary.cost.note"
    if plan["transaction_cost"] is None:
        cost_note = "summary.cost.missing"
    facts += [
        Fact(texts.text("summary.tax"), plan["estimated_tax"], "money", texts.text(tax_note)),
        Fact(
            texts.text("summary.short_term_gains"),
            short_term,
            "money",
            texts.text(short_term_note),
        ),
        Fact(
            texts.text("summary.cost"),
            plan["transaction_cost"],
            "money",
            texts.text(cost_note),
        ),
        _optional_fact(texts, "summary.breakeven", plan["breakeven_years"], "decimal", "breakeven"),
        _optional_fact(
            texts, "summary.tracking_before", plan["tracking_error_before"], "percent", "tracking"
        ),
        _optional_fact(
            texts, "summary.tracking_after", plan["tracking_error_after"], "percent", "tracking"
        ),
        *_date_facts(review),
        _plan_fact(texts, plan),
    ]
    return facts


def _date_facts(review: Review) -> list[Fact]:
    """The days of the trades; none where nothing may be traded."""
    texts, plan = review.texts, review.plan
    if plan is None or review.status in HELD_STATUSES:
        return []
    return [
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
    ]


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


def _market_value_fact(review: Review) -> Fact:
    texts, value = review.texts, review.household["market_value"]
    note = ""
    if value is None:
        note = texts.text("summary.market_value.missing")
    elif not review.is_current:
        note = texts.text("summary.market_value.not_current")
    return Fact(texts.text("summary.market_value"), value, "money", note)


def _accounts_fact(review: Review) -> Fact:
    accounts = list(review.accounts.values())
    tradable = sum(1 for row in accounts if row["is_tradable"] and not row["is_trading_blocked"])
    held = review.status in HELD_STATUSES
    return Fact(
        review.texts.text("summary.accounts"),
        len(accounts),
        "whole",
        review.texts.text(
            "summary.accounts.held" if held else "summary.accounts.note",
            tradable=tradable,
            others=len(accounts) - tradable,
        ),
    )


def _breach_facts(review: Review) -> list[Fact]:
    texts = review.texts
    summaries = sorted_groups(review.frames.drift_summary)
    label = texts.text("summary.breaches")
    if not review.is_current or not summaries:
        reason = (
            texts.text("summary.breaches.not_current")
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
        listed = texts.clauses(
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
            sheltered=sum(1 for treatment in treatments if treatment in SHELTERED),
            taxable=treatments.count("taxable"),
        ),
    )


def _who_settles(review: Review, exception: Row) -> str:
    """Who the book says must act for the household or the account; else its advisor."""
    who = None
    account = review.accounts.get(exception["account_id"])
    if exception["reason_code"] == review.household["household_state"]:
        who = review.household["who_must_act"]
    elif account is not None and exception["security_id"] is None:
        who = account["who_must_act"]
    return review.texts.text("attention.unassigned") if who is None else in_words(who)


def _attention_rows(review: Review) -> list[Row]:
    texts = review.texts
    rows: list[Row] = [
        {
            "attention_subject": row["subject"],
            "attention_kind": texts.name("reason_code", row["reason_code"]),
            "attention_why": row["rationale"],
            "attention_who": _who_settles(review, row),
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
                "trading": _trading_words(review, row),
                "tax_treatment": name_or_none(texts, "tax_treatment", row["tax_treatment"]),
            }
        )
    return rows


def _trading_words(review: Review, account: Row) -> str:
    texts = review.texts
    if account["is_trading_blocked"]:
        reason = account["trading_blocked_reason"]
        state = texts.name("account_state", account["account_state"])
        return texts.text("trading.blocked", reason=reason or state)
    if not account["is_tradable"]:
        return texts.text("trading.held_away")
    if account["account_state"] != "complete":
        return texts.name("account_state", account["account_state"])
    return texts.text("trading.held" if review.status in HELD_STATUSES else "trading.open")
