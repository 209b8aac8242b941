"""The sheets Trades and Tax impact.

Belongs here: the joining of trades, lots and names to rows, in the order of execution. Does not
belong here: column lists (layout), texts (catalogue), any number that is not in a mart except the
totals under a column.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from python_steps.decisions.stamp import (
    DECISION,
    DECISIONS,
    INPUT_COLUMNS,
    PLAN_LINE_RANGE,
    STAMP_SHEET,
    TRADE_ID,
    PlanStamp,
    range_name,
)
from python_steps.reports import layout
from python_steps.reports.household_review import (
    LAST_DAY,
    SHELTERED,
    Review,
    Row,
    term_words,
    total_line,
)
from python_steps.reports.layout import TableLayout
from python_steps.reports.sheet_builder import (
    CENT,
    Marked,
    RowPlan,
    Sheet,
    SheetBuilder,
    TablePlace,
)
from python_steps.reports.texts import Texts, name_or_none
from python_steps.reports.totals import exact_sum

_REALIZED: Final = (
    "realized_short_term_gain",
    "realized_short_term_loss",
    "realized_long_term_gain",
    "realized_long_term_loss",
)
_WATERFALL: Final = "waterfall"
VALUE_TERMS: Final = (
    "tax_change",
    "carried_losses",
    "basis_reset",
    "transaction_cost",
    "turnover",
    "drift_penalty",
    "location_cost",
    "concentration",
    "idle_cash",
    "shortfall_penalty",
)
_COMPARED: Final = "tax_saved_vs_waterfall"
_DEDUCTED: Final = "deducted_from_income"
SCHEDULE_LINES: Final = (
    "realized_so_far",
    "carried_in",
    "net_without_plan",
    "gains_of_plan",
    "losses_of_plan",
    "net_with_plan",
    "taxed",
    _DEDUCTED,
    "carried_out",
)
SPECIFIC_LOTS: Final = "specific_lots"
_INPUT: Final = "input"
_COSTS: Final = ("tax_cost", "commission", "spread_cost", "market_impact")


def trades_sheet(review: Review) -> Sheet:
    """The proposal in the order of execution, its tax and cost, and the lots to deliver."""
    texts, builder = review.texts, review.builder(layout.TRADES_SHEET)
    trades = review.trades
    stamp = _plan_stamp(review)
    if stamp is not None:
        builder.name_cells(PLAN_LINE_RANGE, f"A{builder.next_row}")
        builder.note(_plan_line(texts, stamp))
        builder.note(texts.text("trades.how_to_decide"))
    place = builder.table(
        layout.TRADES,
        [_trade_row(review, row) for row in trades],
        empty=review.empty(layout.TRADES),
    )
    if stamp is not None:
        _let_decide(builder, texts, place)
    builder.skip()
    builder.table(
        layout.TRADE_TAX,
        [_trade_tax_row(review, row) for row in trades],
        empty=review.empty(layout.TRADE_TAX),
        total=total_line(texts, layout.TRADE_TAX, trades, "account", (*_REALIZED, *_COSTS)),
    )
    difference = _tax_difference(review)
    if difference is not None:
        builder.note(difference)
    builder.skip()
    lots = _trade_lots(review)
    builder.table(
        layout.TRADE_LOTS,
        _trade_lot_rows(review, lots),
        empty=review.empty(layout.TRADE_LOTS),
        total=_lots_total(review, lots),
    )
    if len(_taxable(review, lots)) < len(lots):
        builder.note(texts.text("trade_lots.gain_of_taxable_accounts"))
    sheet = builder.finished()
    if stamp is not None:
        sheet.is_protected = True
        # The ids of the trades are for the way back; nobody reads them on paper.
        sheet.print_columns -= 1
    return sheet


def plan_stamp_sheet(review: Review) -> Sheet | None:
    """The hidden sheet that names the plan; None where no trade waits for a decision."""
    stamp = _plan_stamp(review)
    if stamp is None:
        return None
    style = review.style_book.numbers["text", "plain", False]
    rows = [
        RowPlan(number, None, [(style, key, True), (style, value, True)])
        for number, (key, value) in enumerate(stamp.lines(), 1)
    ]
    return Sheet(
        name=STAMP_SHEET,
        title=STAMP_SHEET,
        rows=rows,
        last_row=len(rows),
        widths=(20, 70),
        freeze_at="A2",
        repeat_rows="1:1",
        filter_cells=None,
        print_columns=2,
        is_protected=True,
        is_very_hidden=True,
    )


def _plan_stamp(review: Review) -> PlanStamp | None:
    plan = review.plan
    if plan is None or not review.trades:
        return None
    return PlanStamp(review.household_id, plan["plan_id"], str(plan["version"]), plan["input_hash"])


def _plan_line(texts: Texts, stamp: PlanStamp) -> str:
    """The plan's identity as people see it; a returned workbook must still show it."""
    labels = {
        "plan_id": "compliance.plan_id",
        "version": "compliance.version",
        "input_hash": "compliance.input_hash",
        "household_id": "column.household_id",
    }
    return " · ".join(
        f"{texts.text(label)} {getattr(stamp, field)}" for field, label in labels.items()
    )


def _let_decide(builder: SheetBuilder, texts: Texts, place: TablePlace) -> None:
    """Name the columns of the trades, offer the decisions, and let the rows be filtered."""
    for column, letter in place.letters.items():
        cells = f"{letter}{place.first_row}:{letter}{place.last_row}"
        builder.name_cells(range_name(column), cells)
        if column == DECISION:
            builder.choices(cells, [texts.text(f"decision.{decision}") for decision in DECISIONS])
    builder.filter_table(place)


def _lots_total(review: Review, lots: Sequence[tuple[Row, Row]]) -> Row:
    """Sums of all lots, but of gains only those that a tax return sees."""
    summed = ("proceeds", "cost_basis", "tax_cost")
    rows = [lot for _, lot in lots]
    taxable = _taxable(review, lots)
    gain = exact_sum(taxable, "realized_gain") if taxable else Decimal(0)
    line = total_line(review.texts, layout.TRADE_LOTS, rows, "account", summed)
    return {**line, "realized_gain": gain}


def _taxable(review: Review, lots: Sequence[tuple[Row, Row]]) -> list[Row]:
    """Lots of accounts that are not known to be tax-advantaged."""
    sheltered = {
        account_id
        for account_id, account in review.accounts.items()
        if account["tax_treatment"] in SHELTERED
    }
    return [lot for trade, lot in lots if trade["account_id"] not in sheltered]


def _tax_difference(review: Review) -> str | None:
    """Why the taxes of the trades are not the plan's tax; None where they are, or are unknown."""
    plan_tax = None if review.plan is None else review.plan["estimated_tax"]
    trade_tax = exact_sum(review.trades, "tax_cost")
    if plan_tax is None or trade_tax is None:
        return None
    shown = _dollars(trade_tax), _dollars(plan_tax)
    if shown[0] == shown[1]:
        return None
    return review.texts.text("trades.tax_differs", trades=shown[0], plan=shown[1])


def _dollars(amount: Decimal) -> str:
    """Dollars as a cell shows them."""
    cents = amount.quantize(CENT, rounding=ROUND_HALF_UP)
    return f"{'-' if cents < 0 else ''}${abs(cents):,.2f}"


def trade_cells(texts: Texts, row: Row, account: str, ticker: str) -> Row:
    """What a trade's row shows beside the cells that the advisor fills.

    A returned workbook is held against it: these cells are the plan.

    Args:
        texts: of the language.
        row: the trade's row of fct_recommended_trades.
        account: how its account is called.
        ticker: how its security is called.
    """
    limit = row["limit_price"]
    return {
        "sequence": row["trade_sequence"],
        "account": account,
        "action": texts.name("action", row["action"]),
        "ticker": ticker,
        "asset_class": name_or_none(texts, "asset_class", row["asset_class"]),
        "quantity": row["quantity"],
        "price": row["price"],
        "notional": row["notional"],
        "tax_cost": row["tax_cost"],
        "reason": texts.name("reason_code", row["reason_code"]),
        "tax_character": texts.name("tax_character", row["tax_character"]),
        "order_type": name_or_none(texts, "order_type", row["order_type"]),
        # No limit is a decision, not a gap: only a limit order has one.
        "limit_price": "" if limit is None and row["order_type"] != "limit" else limit,
        "rationale": row["rationale"],
        TRADE_ID: row["trade_id"],
    }


def _trade_row(review: Review, row: Row) -> Row:
    account = review.account_label(row["account_id"])
    ticker = review.securities.ticker(row["security_id"])
    shown = trade_cells(review.texts, row, account, ticker)
    return {**shown, **{column: Marked("", _INPUT) for column in INPUT_COLUMNS}}


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
    for lot in review.frames.trade_lots:
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
            pair[1]["acquisition_date"] or LAST_DAY,
            pair[1]["lot_id"],
        ),
    )


def _trade_lot_rows(review: Review, lots: Sequence[tuple[Row, Row]]) -> list[Row]:
    """The lots, and on the first of each trade what the custodian must be told."""
    rows: list[Row] = []
    told: set[str] = set()
    for trade, lot in lots:
        is_first = trade["trade_id"] not in told
        told.add(trade["trade_id"])
        rows.append(
            {**_trade_lot_row(review, trade, lot), **_instruction(review.texts, trade, is_first)}
        )
    return rows


def _instruction(texts: Texts, trade: Row, is_first: bool) -> Row:
    # Nothing to say is no gap: in a tax-advantaged account no lot matters.
    if not is_first or trade["lot_instruction"] is None:
        return {"lots_named_by_date": "", "lot_instruction": ""}
    method, words = trade["standing_lot_method"], trade["lot_instruction_text"]
    sentence = (
        texts.text("trade_lots.no_standing_method", instruction=words)
        if method is None
        else texts.text("trade_lots.standing_method", method=method, instruction=words)
    )
    is_named = trade["lot_instruction"] == SPECIFIC_LOTS
    return {
        "lots_named_by_date": trade["lots_named_by_date"] if is_named else "",
        "lot_instruction": sentence,
    }


def _trade_lot_row(review: Review, trade: Row, lot: Row) -> Row:
    account = review.account_label(trade["account_id"])
    ticker = review.securities.ticker(trade["security_id"])
    return trade_lot_cells(review.texts, trade, lot, account, ticker)


def trade_lot_cells(texts: Texts, trade: Row, lot: Row, account: str, ticker: str) -> Row:
    """What a lot's row shows beside the instruction to the custodian.

    A returned workbook is held against it, as against `trade_cells`.
    """
    return {
        "sequence": trade["trade_sequence"],
        "account": account,
        "term": term_words(texts, lot["term"]),
        "ticker": ticker,
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


def tax_impact_sheet(review: Review) -> Sheet:
    """What the plan does to each tax return, what it is worth, and what tax budgets would buy."""
    builder = review.builder(layout.TAX_IMPACT_SHEET)
    rows = sorted(
        review.frames.tax_impact,
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
    planners = set() if review.plan is None else {review.plan["planner"]}
    for sentence in missing_sentences(review.texts, rows, planners):
        builder.note(sentence)
    builder.table(
        layout.GAINS_SCHEDULE,
        [
            _schedule_row(review.texts, row)
            for row in sorted(
                review.frames.gains_schedule,
                key=lambda row: (
                    row["tax_unit_id"],
                    row["tax_year"],
                    SCHEDULE_LINES.index(row["line"]),
                ),
            )
        ],
        empty=review.empty(layout.GAINS_SCHEDULE),
    )
    builder.table(
        layout.PLAN_VALUES,
        [
            {"value_term": review.texts.name("value_term", row["term"]), **row}
            for row in sorted(review.frames.plan_values, key=_place_of_term)
        ],
        empty=review.texts.text("table.plan_values.empty"),
    )
    points = review.frames.tax_budget_frontier
    builder.table(
        layout.TAX_BUDGETS,
        sorted(points, key=lambda row: row["point"]),
        empty=review.texts.text("table.tax_budgets.empty"),
    )
    if points:
        builder.note(review.texts.text("tax_budgets.note"))
    return builder.finished()


def _schedule_row(texts: Texts, row: Row) -> Row:
    """One line of a return's netting; a deduction from income has no term: its cells are empty."""
    has_term = row["line"] != _DEDUCTED
    return {
        "schedule_line": texts.name("schedule_line", row["line"]),
        "tax_unit": row["tax_unit_id"],
        "short_term_amount": row["short_term_amount"] if has_term else "",
        "long_term_amount": row["long_term_amount"] if has_term else "",
        **{key: row[key] for key in ("tax_year", "total_amount")},
    }


def _place_of_term(row: Row) -> int:
    """Terms stand in the order of the objective; one that is not known there stands last."""
    term = row["term"]
    return VALUE_TERMS.index(term) if term in VALUE_TERMS else len(VALUE_TERMS)


def missing_sentences(texts: Texts, rows: Sequence[Row], planners: Set[str | None]) -> list[str]:
    """Why amounts of tax returns are n/a, a sentence per reason; none where all are known.

    Args:
        texts: of the language.
        rows: the tax returns shown.
        planners: which made the plans of these returns.
    """
    missing = [
        column.key
        for column in layout.TAX_IMPACT.columns
        if column.kind == "money" and any(row[column.key] is None for row in rows)
    ]
    only_waterfall = planners == {_WATERFALL}
    compared = "tax_impact.waterfall_only" if only_waterfall else "tax_impact.not_compared"
    reasons = (
        (compared, [key for key in missing if key == _COMPARED]),
        ("tax_impact.not_known", [key for key in missing if key != _COMPARED]),
    )
    return [
        texts.text(
            "tax_impact.missing",
            columns=", ".join(texts.text(f"column.{key}") for key in keys),
            reason=texts.text(reason),
        )
        for reason, keys in reasons
        if keys
    ]


def tax_impact_values(row: Row) -> dict[str, Any]:
    """The cells of one tax return."""
    keys = (column.key for column in layout.TAX_IMPACT.columns if column.key != "tax_unit")
    return {"tax_unit": row["tax_unit_id"], **{key: row[key] for key in keys}}


def tax_impact_total(texts: Texts, table: TableLayout, rows: Sequence[Row], label_key: str) -> Row:
    """The total line over tax returns."""
    summed = [column.key for column in layout.TAX_IMPACT.columns if column.kind == "money"]
    return total_line(texts, table, rows, label_key, summed)
