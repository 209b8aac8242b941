"""The sheets Drift and Before and after, with their charts.

Belongs here: the rows of both, the words for bands, where charts stand. Does not belong here: bands
and weights themselves, which the marts have; column lists (layout); texts (catalogue).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

from python_steps.reports import layout, styles
from python_steps.reports.household_review import (
    Review,
    Row,
    not_current,
    sorted_groups,
)
from python_steps.reports.sheet_builder import (
    ChartPlan,
    Marked,
    Series,
    Sheet,
    SheetBuilder,
    TablePlace,
    column_letter,
)
from python_steps.reports.texts import Texts, in_words

ROW_HEIGHT_CM: Final = 0.529


def drift_sheet(review: Review) -> Sheet:
    """Every class against its target and band, targets below class, and each portfolio's state."""
    texts, builder = review.texts, review.builder(layout.DRIFT_SHEET)
    if not review.is_current:
        return not_current(review, builder)
    rows = [
        drift_values(texts, row) | {"asset_class": texts.asset_class(row["asset_class"])}
        for row in review.drift
    ]
    place = builder.table(layout.DRIFT, rows, empty=review.empty(layout.DRIFT))
    if rows and place != drift_place(review):
        raise ValueError("the drift table does not stand where the charts of the Summary point")
    builder.skip()
    targets = sorted(
        review.frames.target_drift,
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
        [_drift_summary_row(texts, row) for row in sorted_groups(review.frames.drift_summary)],
        empty=review.empty(layout.DRIFT_SUMMARY),
    )
    builder.skip()
    place_charts(
        builder,
        drift_charts(review, place, builder.next_row, "A", width_cm=27.0, height_cm=10.0),
    )
    return builder.finished()


def drift_place(review: Review) -> TablePlace:
    """Where the drift table stands on its sheet: the charts of the Summary point there."""
    first = 7  # title, subtitle, note, gap, heading, header
    letters = {column.key: column_letter(i) for i, column in enumerate(layout.DRIFT.columns)}
    return TablePlace(first, first + len(review.drift) - 1, letters)


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


def drift_charts(
    review: Review,
    place: TablePlace,
    row: int,
    letter: str,
    *,
    width_cm: float,
    height_cm: float,
) -> list[ChartPlan]:
    """A chart of target and current shares per portfolio, whose cells are on the sheet Drift."""
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


def comparison_sheet(review: Review) -> Sheet:
    """Each class before and after the trades, with the chart."""
    texts, builder = review.texts, review.builder(layout.COMPARISON_SHEET)
    if not review.is_current:
        return not_current(review, builder)
    ranks = {
        (row["allocation_group_id"], row["asset_class"]): index
        for index, row in enumerate(review.drift)
    }
    rows = sorted(
        review.frames.allocation_comparison,
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
                "asset_class": texts.asset_class(row["asset_class"]),
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
    place_charts(
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
    step = chart_rows(size_cm[1])
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
                categories=tuple(texts.asset_class(row["asset_class"]) for row in members),
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


def chart_rows(height_cm: float) -> int:
    """The rows of usual height that a chart and the gap under it take."""
    return int((height_cm + 0.5) / ROW_HEIGHT_CM) + 1


def place_charts(builder: SheetBuilder, plans: Sequence[ChartPlan]) -> None:
    """Add charts that stand under each other, and leave their rows empty."""
    for plan in plans:
        builder.chart(plan)
        builder.skip(chart_rows(plan.height_cm))
