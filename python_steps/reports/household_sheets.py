"""The sheets of one household's workbook: which mart value stands in which cell.

Belongs here: the joining of names to rows, the order of rows, the words for flags. Does not belong
here: column lists (layout), texts (catalogue), styles, any number that is not in a mart except the
totals under a column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import fields as policy_fields
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

from python_steps.reports import layout, styles
from python_steps.reports.layout import TableLayout
from python_steps.reports.report_frames import (
    POLICY_CUSTODIAN,
    HouseholdReportFrames,
    SecurityDirectory,
)
from python_steps.reports.sheet_builder import (
    ChartPlan,
    Fact,
    Marked,
    Series,
    Sheet,
    SheetBuilder,
    TablePlace,
)
from python_steps.reports.styles import StyleBook
from python_steps.reports.texts import Texts, in_words
from python_steps.reports.totals import (
    CALM_STATUSES,
    NOT_CURRENT_STATES,
    STATUSES_WITHOUT_TRADES,
    exact_sum,
    report_status,
    status_reason,
)

Row = Mapping[str, Any]

MOST_ATTENTION_LINES: Final = 15
_HASH_CHARACTERS: Final = 12
_GROUP_MEMBERS: Final = 8
_SEVERITY_ORDER: Final = {"block": 0, "warn": 1, "info": 2}
_ROW_HEIGHT_CM: Final = 0.529
_SUMMARY_COLUMNS: Final = 4
_LAST_DAY: Final = date.max
_REALIZED: Final = (
    "realized_short_term_gain",
    "realized_short_term_loss",
    "realized_long_term_gain",
    "realized_long_term_loss",
)
_COSTS: Final = ("tax_cost", "commission", "spread_cost", "market_impact")


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

    def account_label(self, account_id: str | None) -> str:
        """Name and masked number; an account of another household is not named."""
        if account_id is None:
            return ""
        account = self.accounts.get(account_id)
        if account is None:
            return self.texts.text("account.other_household")
        return self.texts.text(
            "account.label",
            name=account["account_name"] or account["account_type"],
            number=account["account_number_masked"],
        )

    def builder(self, sheet: layout.SheetLayout) -> SheetBuilder:
        """A builder with the head of the sheet written."""
        builder = SheetBuilder(sheet, self.texts, self.style_book)
        values: dict[str, object] = {
            "household": self.household["household_name"] or self.household_id,
            "as_of_date": self.as_of_date.isoformat(),
        }
        text_id = "subtitle.household"
        if self.plan is not None and self.plan["planned_trade_date"] is not None:
            text_id = "subtitle.household_planned"
            values["planned_trade_date"] = self.plan["planned_trade_date"].isoformat()
        builder.title(
            self.texts.text(f"sheet.{sheet.sheet_id}.title"),
            self.texts.text(text_id, **values),
            self.texts.text(f"sheet.{sheet.sheet_id}.note"),
        )
        return builder

    def empty(self, table: TableLayout) -> str:
        """The sentence of a table without rows."""
        return self.texts.text(f"table.{table.table_id}.empty", reason=self.reason)


def review_of(
    frames: HouseholdReportFrames, texts: Texts, style_book: StyleBook, notice: str | None
) -> Review:
    """Read one household's frames.

    Raises:
        ValueError: there is more than one plan, or there are trades although the status forbids
            them. Such a workbook would contradict itself, so none is made.
    """
    household = frames.household.to_pylist()[0]
    plans = frames.plan.to_pylist()
    if len(plans) > 1:
        raise ValueError(f"household {frames.household_id} has {len(plans)} plans; one is needed")
    plan = plans[0] if plans else None
    status = report_status(household, plan)
    trades = sorted(
        frames.trades.to_pylist(), key=lambda row: (row["trade_sequence"], row["trade_id"])
    )
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
        accounts={row["account_id"]: row for row in frames.accounts.to_pylist()},
        drift=sorted(
            frames.drift.to_pylist(),
            key=lambda row: (
                row["allocation_group_id"],
                row["asset_class_rank"] if row["asset_class_rank"] is not None else 10_000,
                row["asset_class"],
            ),
        ),
        trades=trades,
        exceptions=sorted(
            frames.exceptions.to_pylist(),
            key=lambda row: (row["reason_code"], row["subject"], row["rationale"] or ""),
        ),
        findings=_failed_findings(frames.data_quality_results.to_pylist()),
        status=status,
        reason=reason,
    )


def _failed_findings(rows: Iterable[Row]) -> list[Row]:
    return sorted(
        (row for row in rows if row["is_passed"] is False),
        key=lambda row: (
            _SEVERITY_ORDER[row["severity"]],
            row["rule"],
            row["scope"],
            row["scope_id"] or "",
            row["file_name"] or "",
            row["source_row_number"] or 0,
            row["message"] or "",
        ),
    )


# ---------------------------------------------------------------- summary


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
    builder.banner(style, texts.name("plan_status", review.status), _SUMMARY_COLUMNS, height=28)
    builder.paragraph("sentence", review.reason, _SUMMARY_COLUMNS)
    if review.language_notice is not None:
        builder.paragraph("sentence", review.language_notice, _SUMMARY_COLUMNS)
    builder.skip(height=6)
    chart_row = builder.next_row
    builder.heading(texts.text("summary.glance"), _SUMMARY_COLUMNS)
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
    plans = _drift_charts(review, place, first_row, "F", width_cm=17.5, height_cm=10.5)
    if not plans:
        return
    sheet.charts.extend(plans)
    sheet.widths = (*sheet.widths, 2.0, *([13.0] * 7))
    sheet.print_columns = len(sheet.widths)
    rows_of_charts = int(len(plans) * 11.0 / _ROW_HEIGHT_CM) + 1
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
        Fact(
            texts.text("summary.plan"),
            plan["plan_id"],
            "text",
            texts.text(
                "summary.plan.note",
                version=plan["version"],
                run_mode=texts.name("run_mode", plan["run_mode"]),
                planner=in_words(plan["planner"]),
            ),
        ),
    ]
    return facts


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
    summaries = _sorted_groups(review.frames.drift_summary.to_pylist())
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
                asset_class=texts.name("asset_class", row["asset_class"]),
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
        return Fact(label, 0, "whole", texts.text("summary.trades.none"))
    treatments = [
        review.accounts[row["account_id"]]["tax_treatment"]
        for row in trades
        if row["account_id"] in review.accounts
    ]
    taxable = treatments.count("taxable")
    return Fact(
        label,
        len(trades),
        "whole",
        texts.text(
            "summary.trades.note",
            sells=sum(1 for row in trades if row["action"] == "sell"),
            buys=sum(1 for row in trades if row["action"] == "buy"),
            sheltered=len(treatments) - taxable,
            taxable=taxable,
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
            "attention_who": in_words(row["who_must_act"]),
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
    for account_id, row in sorted(review.accounts.items(), key=lambda item: _account_key(item[1])):
        rows.append(
            {
                "account": review.account_label(account_id),
                "account_type": texts.name("account_type", row["account_type"]),
                "trading": _trading_words(texts, row),
                "tax_treatment": texts.name("tax_treatment", row["tax_treatment"]),
            }
        )
    return rows


def _account_key(row: Row) -> tuple[str, str, str]:
    return (row["tax_treatment"], row["account_name"] or "", row["account_id"])


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


# ---------------------------------------------------------------- drift


def _sorted_groups(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row["allocation_group_id"])


def band_flag(texts: Texts, row: Row) -> Any:
    """Today's band in words: over, under or inside; the two first also stand out."""
    if row["is_breach"] is None:
        return None
    if not row["is_breach"]:
        return texts.text("band.inside")
    side = "over" if row["absolute_drift"] > 0 else "under"
    return Marked(texts.text(f"band.{side}"), "attention")


def band_flag_projected(texts: Texts, row: Row) -> Any:
    """The band after flows due, in words; says when a flow cures today's breach."""
    if row["is_breach_projected"] is None or row["projected_weight"] is None:
        return None
    if not row["is_breach_projected"]:
        if row["is_breach"]:
            side = "over" if row["absolute_drift"] > 0 else "under"
            return texts.text(f"band.{side}_cured")
        return texts.text("band.inside")
    side = "over" if row["projected_weight"] > row["target_weight"] else "under"
    return Marked(texts.text(f"band.{side}"), "attention")


def drift_values(texts: Texts, row: Row) -> dict[str, Any]:
    """The cells of one drift row; drift and dollars stand out where the band is left."""

    def stressed(value: Any) -> Any:
        return Marked(value, "attention") if row["is_breach"] and value is not None else value

    return {
        "group": row["allocation_group_id"],
        "target_weight": row["target_weight"],
        "actual_weight": row["actual_weight"],
        "projected_weight": row["projected_weight"],
        "absolute_drift": stressed(row["absolute_drift"]),
        "over_under_amount": stressed(row["over_under_amount"]),
        "market_value": row["market_value"],
        "lower_band_weight": row["lower_band_weight"],
        "upper_band_weight": row["upper_band_weight"],
        "band_flag": band_flag(texts, row),
        "band_flag_projected": band_flag_projected(texts, row),
    }


def drift_place(review: Review) -> TablePlace:
    """Where the drift table stands on its sheet: the charts of the Summary point there."""
    first = 7  # title, subtitle, note, gap, heading, header
    letters = {column.key: chr(ord("A") + i) for i, column in enumerate(layout.DRIFT.columns)}
    return TablePlace(first, first + len(review.drift) - 1, letters)


def drift_sheet(review: Review) -> Sheet:
    """Every class against its target and band, targets below class, and each portfolio's state."""
    texts, builder = review.texts, review.builder(layout.DRIFT_SHEET)
    if not review.is_current:
        return _not_current(review, builder)
    rows = [
        drift_values(texts, row) | {"asset_class": texts.name("asset_class", row["asset_class"])}
        for row in review.drift
    ]
    place = builder.table(layout.DRIFT, rows, empty=review.empty(layout.DRIFT))
    if rows and place != drift_place(review):
        raise ValueError("the drift table does not stand where the charts of the Summary point")
    builder.skip()
    targets = sorted(
        review.frames.target_drift.to_pylist(),
        key=lambda row: (row["allocation_group_id"], row["target_level"], row["target_key"]),
    )
    builder.table(
        layout.TARGET_DRIFT,
        [
            drift_values(texts, row)
            | {
                "target_key": row["target_key"],
                "target_level": texts.name("target_level", row["target_level"]),
            }
            for row in targets
        ],
        empty=review.empty(layout.TARGET_DRIFT),
    )
    builder.skip()
    builder.table(
        layout.DRIFT_SUMMARY,
        [
            _drift_summary_row(texts, row)
            for row in _sorted_groups(review.frames.drift_summary.to_pylist())
        ],
        empty=review.empty(layout.DRIFT_SUMMARY),
    )
    builder.skip()
    _place_charts(
        builder,
        _drift_charts(review, place, builder.next_row, "A", width_cm=27.0, height_cm=10.0),
    )
    return builder.finished()


def _drift_summary_row(texts: Texts, row: Row) -> Row:
    due = texts.text("band.review_due" if row["is_rebalance_due"] else "band.not_due")
    return {
        "group": row["allocation_group_id"],
        "trigger_reasons": _reasons(row["trigger_reasons"]),
        "breach_count": row["breach_count"],
        "max_absolute_drift": row["max_absolute_drift"],
        "is_rebalance_due": None if row["is_rebalance_due"] is None else due,
        "next_review_date": row["next_review_date"],
        "market_value": row["market_value"],
    }


def _reasons(value: Any) -> str:
    """Trigger reasons as words; the mart has a list, or text with commas."""
    if value is None:
        return ""
    names = value if isinstance(value, list) else str(value).split(",")
    return ", ".join(in_words(name).lower() for name in names if name.strip())


def _not_current(review: Review, builder: SheetBuilder) -> Sheet:
    columns = len(builder.layout.tables[0].columns)
    builder.paragraph(
        "banner_attention", review.texts.text("note.not_current", reason=review.reason), columns
    )
    return builder.finished()


def _drift_charts(
    review: Review,
    place: TablePlace,
    row: int,
    letter: str,
    *,
    width_cm: float,
    height_cm: float,
) -> list[ChartPlan]:
    texts = review.texts
    return _group_charts(
        texts,
        review.drift,
        place,
        sheet=texts.text("sheet.drift.name"),
        title="chart.drift",
        series=(
            ("target_weight", styles.CHART_TARGET),
            ("actual_weight", styles.CHART_BEFORE),
        ),
        corner=(letter, row),
        size_cm=(width_cm, height_cm),
    )


def _group_charts(
    texts: Texts,
    rows: Sequence[Row],
    place: TablePlace,
    *,
    sheet: str,
    title: str,
    series: Sequence[tuple[str, str]],
    corner: tuple[str, int],
    size_cm: tuple[float, float],
) -> list[ChartPlan]:
    """One chart per portfolio, under each other; `rows` stand in the table in the same order."""
    plans: list[ChartPlan] = []
    groups = [
        (group, list(members))
        for group, members in groupby(rows, key=lambda row: row["allocation_group_id"])
    ]
    first = place.first_row
    letter, anchor_row = corner
    step = int((size_cm[1] + 0.5) / _ROW_HEIGHT_CM) + 1
    for group, members in groups:
        last = first + len(members) - 1

        def cells(key: str, first: int = first, last: int = last) -> str:
            column = place.letters[key]
            return f"'{sheet}'!${column}${first}:${column}${last}"

        plans.append(
            ChartPlan(
                title=texts.text(f"{title}_of_group", group=group)
                if len(groups) > 1
                else texts.text(title),
                category_cells=cells("asset_class"),
                categories=tuple(texts.name("asset_class", row["asset_class"]) for row in members),
                series=tuple(
                    Series(
                        texts.text(f"column.{key}"),
                        cells(key),
                        tuple(row[key] for row in members),
                        colour,
                    )
                    for key, colour in series
                ),
                anchor=f"{letter}{anchor_row}",
                width_cm=size_cm[0],
                height_cm=size_cm[1],
            )
        )
        first, anchor_row = last + 1, anchor_row + step
    return plans


def _place_charts(builder: SheetBuilder, plans: Sequence[ChartPlan]) -> None:
    for plan in plans:
        builder.chart(plan)
        builder.skip(int((plan.height_cm + 0.5) / _ROW_HEIGHT_CM) + 1)


# ---------------------------------------------------------------- trades and taxes


def trades_sheet(review: Review) -> Sheet:
    """The proposal in the order of execution, its tax and cost, and the lots to deliver."""
    texts, builder = review.texts, review.builder(layout.TRADES_SHEET)
    trades = review.trades
    builder.table(
        layout.TRADES,
        [_trade_row(review, row) for row in trades],
        empty=review.empty(layout.TRADES),
    )
    builder.skip()
    builder.table(
        layout.TRADE_TAX,
        [_trade_tax_row(review, row) for row in trades],
        empty=review.empty(layout.TRADE_TAX),
        total=_total(texts, layout.TRADE_TAX, trades, "account", (*_REALIZED, *_COSTS)),
    )
    builder.skip()
    lots = _trade_lots(review)
    builder.table(
        layout.TRADE_LOTS,
        [_trade_lot_row(review, trade, lot) for trade, lot in lots],
        empty=review.empty(layout.TRADE_LOTS),
        total=_total(
            texts,
            layout.TRADE_LOTS,
            [lot for _, lot in lots],
            "account",
            ("proceeds", "cost_basis", "realized_gain", "tax_cost"),
        ),
    )
    return builder.finished()


def _total(
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


def _trade_row(review: Review, row: Row) -> Row:
    texts = review.texts
    limit = row["limit_price"]
    return {
        "sequence": row["trade_sequence"],
        "account": review.account_label(row["account_id"]),
        "action": texts.name("action", row["action"]),
        "ticker": review.securities.ticker(row["security_id"]),
        "asset_class": texts.name("asset_class", row["asset_class"]),
        "quantity": row["quantity"],
        "price": row["price"],
        "notional": row["notional"],
        "tax_cost": row["tax_cost"],
        "reason": texts.name("reason_code", row["reason_code"]),
        "tax_character": texts.name("tax_character", row["tax_character"]),
        "order_type": texts.name("order_type", row["order_type"]),
        # No limit is a decision, not a gap: only a limit order has one.
        "limit_price": "" if limit is None and row["order_type"] != "limit" else limit,
        "rationale": row["rationale"],
    }


def _trade_tax_row(review: Review, row: Row) -> Row:
    return {
        "sequence": row["trade_sequence"],
        "account": review.account_label(row["account_id"]),
        "action": review.texts.name("action", row["action"]),
        "ticker": review.securities.ticker(row["security_id"]),
        "security": review.securities.name(row["security_id"]),
        **{key: row[key] for key in (*_REALIZED, *_COSTS)},
    }


def _trade_lots(review: Review) -> list[tuple[Row, Row]]:
    trades = {row["trade_id"]: row for row in review.trades}
    pairs = []
    for lot in review.frames.trade_lots.to_pylist():
        trade = trades.get(lot["trade_id"])
        if trade is None:
            raise ValueError(
                f"household {review.household_id}: lot {lot['lot_id']} belongs to trade "
                f"{lot['trade_id']}, which is not among its trades"
            )
        pairs.append((trade, lot))
    return sorted(
        pairs,
        key=lambda pair: (
            pair[0]["trade_sequence"],
            pair[1]["acquisition_date"] or _LAST_DAY,
            pair[1]["lot_id"],
        ),
    )


def _trade_lot_row(review: Review, trade: Row, lot: Row) -> Row:
    return {
        "sequence": trade["trade_sequence"],
        "account": review.account_label(trade["account_id"]),
        "term": _term(review.texts, lot["term"]),
        "ticker": review.securities.ticker(trade["security_id"]),
        "lot_id": lot["lot_id"],
        **{
            key: lot[key]
            for key in (
                "quantity",
                "acquisition_date",
                "proceeds",
                "cost_basis",
                "realized_gain",
                "tax_cost",
                "holding_period_start_date",
            )
        },
    }


def _term(texts: Texts, value: str | None) -> str | None:
    return None if value is None else texts.name("term", value.lower())


def tax_impact_sheet(review: Review) -> Sheet:
    """What the plan does to each tax return."""
    builder = review.builder(layout.TAX_IMPACT_SHEET)
    rows = sorted(
        review.frames.tax_impact.to_pylist(),
        key=lambda row: (row["tax_unit_id"], row["tax_year"]),
    )
    builder.table(
        layout.TAX_IMPACT,
        [tax_impact_values(row) for row in rows],
        empty=review.empty(layout.TAX_IMPACT),
        total=tax_impact_total(review.texts, layout.TAX_IMPACT, rows, "tax_unit")
        if len(rows) > 1
        else None,
        with_heading=False,
    )
    return builder.finished()


def tax_impact_values(row: Row) -> dict[str, Any]:
    """The cells of one tax return."""
    keys = (column.key for column in layout.TAX_IMPACT.columns if column.key != "tax_unit")
    return {"tax_unit": row["tax_unit_id"], **{key: row[key] for key in keys}}


def tax_impact_total(texts: Texts, table: TableLayout, rows: Sequence[Row], label_key: str) -> Row:
    """The total line over tax returns."""
    summed = [column.key for column in layout.TAX_IMPACT.columns if column.kind == "money"]
    return _total(texts, table, rows, label_key, summed)


def comparison_sheet(review: Review) -> Sheet:
    """Each class before and after the trades, with the chart."""
    texts, builder = review.texts, review.builder(layout.COMPARISON_SHEET)
    if not review.is_current:
        return _not_current(review, builder)
    ranks = {
        (row["allocation_group_id"], row["asset_class"]): index
        for index, row in enumerate(review.drift)
    }
    rows = sorted(
        review.frames.allocation_comparison.to_pylist(),
        key=lambda row: (
            row["allocation_group_id"],
            ranks.get((row["allocation_group_id"], row["asset_class"]), len(ranks)),
            row["asset_class"],
        ),
    )
    place = builder.table(
        layout.COMPARISON,
        [
            {
                "group": row["allocation_group_id"],
                "asset_class": texts.name("asset_class", row["asset_class"]),
                **{
                    key: row[key]
                    for key in (
                        "target_weight",
                        "pre_trade_weight",
                        "post_trade_weight",
                        "pre_trade_drift",
                        "post_trade_drift",
                    )
                },
                "band_flag_after": _after_flag(texts, row["is_within_band_after"]),
            }
            for row in rows
        ],
        empty=review.empty(layout.COMPARISON),
        with_heading=False,
    )
    builder.skip()
    _place_charts(
        builder,
        _group_charts(
            texts,
            rows,
            place,
            sheet=builder.name,
            title="chart.comparison",
            series=(
                ("target_weight", styles.CHART_TARGET),
                ("pre_trade_weight", styles.CHART_BEFORE),
                ("post_trade_weight", styles.CHART_AFTER),
            ),
            corner=("A", builder.next_row),
            size_cm=(25.0, 11.0),
        ),
    )
    return builder.finished()


def _after_flag(texts: Texts, is_within: bool | None) -> Any:
    if is_within is None:
        return None
    if is_within:
        return texts.text("band.after.inside")
    return Marked(texts.text("band.after.outside"), "attention")


# ---------------------------------------------------------------- holdings


def location_sheet(review: Review) -> Sheet:
    """Which class stands in which account, and what a better place would save."""
    texts, builder = review.texts, review.builder(layout.LOCATION_SHEET)
    rows = sorted(
        review.frames.asset_location.to_pylist(),
        key=lambda row: (
            _account_order(review, row["account_id"]),
            row["asset_class"],
        ),
    )
    builder.table(
        layout.LOCATION,
        [_location_row(review, row) for row in rows],
        empty=review.empty(layout.LOCATION),
        total=_total(texts, layout.LOCATION, rows, "account", ("market_value", "annual_tax_drag")),
        with_heading=False,
    )
    return builder.finished()


def _account_order(review: Review, account_id: str) -> tuple[str, str, str]:
    account = review.accounts.get(account_id)
    return ("", "", account_id) if account is None else _account_key(account)


def _location_row(review: Review, row: Row) -> Row:
    texts = review.texts
    account = review.accounts.get(row["account_id"])
    well = row["is_well_located"]
    preferred = row["preferred_tax_treatment"]
    return {
        "account": review.account_label(row["account_id"]),
        "tax_treatment": None
        if account is None
        else texts.name("tax_treatment", account["tax_treatment"]),
        "asset_class": texts.name("asset_class", row["asset_class"]),
        "market_value": row["market_value"],
        "preferred_tax_treatment": None
        if preferred is None
        else texts.name("tax_treatment", preferred),
        "is_well_located": None if well is None else _location_flag(texts, well),
        "annual_tax_drag": row["annual_tax_drag"],
        "recommendation": row["recommendation"] or "",
    }


def _location_flag(texts: Texts, is_well_located: bool) -> Any:
    if is_well_located:
        return texts.text("location.well")
    return Marked(texts.text("location.misplaced"), "attention")


def lots_sheet(review: Review) -> Sheet:
    """Every open lot with its basis, term and origin."""
    texts, builder = review.texts, review.builder(layout.LOTS_SHEET)
    labels = {account_id: review.account_label(account_id) for account_id in review.accounts}
    orders = {account_id: _account_order(review, account_id) for account_id in review.accounts}
    tickers = review.securities.ticker
    lots = sorted(
        review.frames.lots.to_pylist(),
        key=lambda row: (
            orders.get(row["account_id"], ("", "", row["account_id"])),
            tickers(row["security_id"]),
            row["acquisition_date"] or _LAST_DAY,
            row["lot_id"],
        ),
    )
    builder.table(
        layout.LOTS,
        (_lot_row(review, row, labels) for row in lots),
        empty=review.empty(layout.LOTS),
        total=_total(
            texts, layout.LOTS, lots, "account", ("cost_basis", "market_value", "unrealized_gain")
        ),
        with_heading=False,
    )
    return builder.finished()


_LOT_VALUES: Final = (
    "acquisition_date",
    "holding_period_start_date",
    "quantity",
    "custodian_cost_basis",
    "custodian_wash_sale_adjustment",
    "wash_sale_adjustment",
    "cost_basis",
    "market_value",
    "unrealized_gain",
    "source_row_number",
)


def _lot_row(review: Review, row: Row, labels: Mapping[str, str]) -> Row:
    texts, parent, covered = review.texts, row["parent_lot_id"], row["covered_status"]
    cells: dict[str, Any] = {key: row[key] for key in _LOT_VALUES}
    cells["account"] = labels.get(row["account_id"]) or review.account_label(row["account_id"])
    cells["ticker"] = review.securities.ticker(row["security_id"])
    cells["security"] = review.securities.name(row["security_id"])
    cells["term"] = _term(texts, row["term"])
    cells["covered_status"] = (
        None if covered is None else texts.name("covered_status", covered.lower())
    )
    cells["lot_id"] = row["lot_id"]
    if parent is not None and parent != row["lot_id"]:
        cells["lot_id"] += f" ({texts.text('lots.parent', lot=parent)})"
    source = row["source_file_id"]
    cells["source_file"] = None if source is None else source[:_HASH_CHARACTERS]
    return cells


def wash_sales_sheet(review: Review) -> Sheet:
    """Open windows and the ledger of disallowed losses."""
    texts, builder = review.texts, review.builder(layout.WASH_SALES_SHEET)
    windows = sorted(
        review.frames.wash_sale_windows.to_pylist(), key=lambda row: row["identity_group_id"]
    )
    builder.table(
        layout.WINDOWS,
        [_window_row(review, row) for row in windows],
        empty=review.empty(layout.WINDOWS),
    )
    builder.skip()
    matches = sorted(
        review.frames.wash_sale_matches.to_pylist(),
        key=lambda row: (
            row["loss_sale_date"],
            row["loss_account_id"],
            row["loss_security_id"],
            row["replacement_date"],
            row["replacement_account_id"],
            row["replacement_security_id"],
            row["matched_quantity"],
            row["disallowed_loss"],
        ),
    )
    builder.table(
        layout.MATCHES,
        [_match_row(review, row) for row in matches],
        empty=review.empty(layout.MATCHES),
        total=_total(
            texts, layout.MATCHES, matches, "loss_account", ("disallowed_loss", "basis_added")
        ),
    )
    return builder.finished()


def _window_row(review: Review, row: Row) -> Row:
    texts, coverage = review.texts, row["coverage"]
    members = review.securities.group_members(row["identity_group_id"])
    shown = ", ".join(members[:_GROUP_MEMBERS]) + (" …" if len(members) > _GROUP_MEMBERS else "")

    def last_day(key: str) -> Any:
        # With the history known, no date means that nothing is forbidden.
        return "" if row[key] is None and coverage == "known" else row[key]

    known = texts.name("coverage", coverage)
    return {
        "identity_group": shown or row["identity_group_id"],
        "no_buy_until_date": last_day("no_buy_until_date"),
        "no_loss_sale_until_date": last_day("no_loss_sale_until_date"),
        "coverage": known if coverage == "known" else Marked(known, "attention"),
        "caused_by": row["caused_by"] or "",
    }


def _match_row(review: Review, row: Row) -> Row:
    texts = review.texts
    permanent = texts.text("yes" if row["is_permanent"] else "no")
    return {
        "loss_account": review.account_label(row["loss_account_id"]),
        "loss_security": review.securities.ticker(row["loss_security_id"]),
        "replacement_security": review.securities.ticker(row["replacement_security_id"]),
        "replacement_account": review.account_label(row["replacement_account_id"]),
        "is_permanent": Marked(permanent, "attention") if row["is_permanent"] else permanent,
        "holding_period_start_date": row["holding_period_start_date"] or "",
        "provisional_until_date": row["provisional_until_date"] or "",
        "rule": in_words(row["rule"]),
        **{
            key: row[key]
            for key in (
                "loss_sale_date",
                "replacement_date",
                "matched_quantity",
                "disallowed_loss",
                "basis_added",
            )
        },
    }


# ---------------------------------------------------------------- exceptions and compliance


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
        "asset_class": "" if asset_class is None else texts.name("asset_class", asset_class),
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
        "who_must_act": None if row["who_must_act"] is None else in_words(row["who_must_act"]),
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
        review.frames.compliance_checks.to_pylist(),
        key=lambda row: (row["is_passed"] is True, row["check_name"]),
    )
    builder.table(
        layout.CHECKS,
        [_check_row(texts, row) for row in checks],
        empty=review.empty(layout.CHECKS),
    )
    builder.skip()
    files = sorted(
        review.frames.source_files.to_pylist(),
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
        if not setting.name.startswith("alert_")
    ]
