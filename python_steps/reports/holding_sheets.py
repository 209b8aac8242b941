"""The sheets Asset location, Lots and Wash sales.

Belongs here: the joining of names to their rows, the order of rows, the words for flags. Does not
belong here: column lists (layout), texts (catalogue), any number that is not in a mart except the
totals under a column.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from python_steps.reports import layout
from python_steps.reports.household_review import (
    LAST_DAY,
    Review,
    Row,
    account_order,
    term_words,
    total_line,
)
from python_steps.reports.sheet_builder import (
    Marked,
    Sheet,
)
from python_steps.reports.texts import Texts, name_or_none, words_or_none

_HASH_CHARACTERS: Final = 12
_GROUP_MEMBERS: Final = 8
_HALF_A_CENT: Final = Decimal("0.005")


def location_sheet(review: Review) -> Sheet:
    """Which class stands in which account, and what a better place would save."""
    texts, builder = review.texts, review.builder(layout.LOCATION_SHEET)
    rows = sorted(
        review.frames.asset_location,
        key=lambda row: (
            account_order(review, row["account_id"]),
            row["asset_class"],
        ),
    )
    builder.table(
        layout.LOCATION,
        [_location_row(review, row) for row in rows],
        empty=review.empty(layout.LOCATION),
        total=total_line(
            texts, layout.LOCATION, rows, "account", ("market_value", "annual_tax_drag")
        ),
        with_heading=False,
    )
    return builder.finished()


def _location_row(review: Review, row: Row) -> Row:
    texts = review.texts
    account = review.accounts.get(row["account_id"])
    well = row["is_well_located"]
    return {
        "account": review.account_label(row["account_id"]),
        "tax_treatment": None
        if account is None
        else name_or_none(texts, "tax_treatment", account["tax_treatment"]),
        "asset_class": texts.asset_class(row["asset_class"]),
        "market_value": row["market_value"],
        "preferred_tax_treatment": name_or_none(
            texts, "tax_treatment", row["preferred_tax_treatment"]
        ),
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
    orders = {account_id: account_order(review, account_id) for account_id in review.accounts}
    tickers = review.securities.ticker
    lots = sorted(
        review.frames.lots,
        key=lambda row: (
            orders.get(row["account_id"]) or account_order(review, row["account_id"]),
            tickers(row["security_id"]),
            row["acquisition_date"] or LAST_DAY,
            row["lot_id"],
        ),
    )
    builder.table(
        layout.LOTS,
        (_lot_row(review, row, labels) for row in lots),
        empty=review.empty(layout.LOTS),
        total=total_line(
            texts, layout.LOTS, lots, "account", ("cost_basis", "market_value", "unrealized_gain")
        ),
        with_heading=False,
    )
    return builder.finished()


def _lot_row(review: Review, row: Row, labels: Mapping[str, str]) -> Row:
    texts, parent, covered = review.texts, row["parent_lot_id"], row["covered_status"]
    cells = dict(row)
    cells["account"] = labels.get(row["account_id"]) or review.account_label(row["account_id"])
    cells["ticker"] = review.securities.ticker(row["security_id"])
    cells["security"] = review.securities.name(row["security_id"])
    cells["term"] = term_words(texts, row["term"])
    cells["covered_status"] = (
        None if covered is None else texts.name("covered_status", covered.lower())
    )
    if parent is not None and parent != row["lot_id"]:
        cells["lot_id"] += f" ({texts.text('lots.parent', lot=parent)})"
    if row["override_id"] is not None:
        stated = texts.text("lots.stated", override=row["override_id"])
        cells["lot_id"] = Marked(f"{cells['lot_id']} ({stated})", "attention")
    source = row["source_file_id"]
    cells["source_file"] = None if source is None else source[:_HASH_CHARACTERS]
    return cells


def wash_sales_sheet(review: Review) -> Sheet:
    """Open windows, the ledger of disallowed losses, and sales the custodian reports otherwise."""
    texts, builder = review.texts, review.builder(layout.WASH_SALES_SHEET)
    windows = sorted(review.frames.wash_sale_windows, key=lambda row: row["identity_group_id"])
    builder.table(
        layout.WINDOWS,
        [_window_row(review, row) for row in windows],
        empty=review.empty(layout.WINDOWS),
    )
    builder.skip()
    matches = sorted(
        review.frames.wash_sale_matches,
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
        total=total_line(
            texts, layout.MATCHES, matches, "loss_account", ("disallowed_loss", "basis_added")
        ),
    )
    builder.skip()
    differing = sorted(
        (row for row in review.frames.realized_gains if _is_reported_otherwise(row)),
        key=lambda row: (
            row["disposal_date"],
            row["account_id"],
            row["security_id"] or "",
            row["difference_reason"] or "",
            row["quantity"] or 0,
            row["proceeds"] or 0,
        ),
    )
    builder.table(
        layout.REALIZED_DIFFERENCES,
        [_difference_row(review, row) for row in differing],
        empty=review.empty(layout.REALIZED_DIFFERENCES),
        total=total_line(
            texts,
            layout.REALIZED_DIFFERENCES,
            differing,
            "account",
            ("custodian_gain", "recognized_gain", "difference"),
        ),
    )
    return builder.finished()


def _is_reported_otherwise(row: Row) -> bool:
    """Another result to the cent, a result that one side does not know, or another term."""
    difference, stated = row["difference"], row["custodian_term"]
    is_other_term = stated in ("short", "long") and stated != row["term"]
    return difference is None or abs(difference) >= _HALF_A_CENT or is_other_term


def _difference_row(review: Review, row: Row) -> Row:
    texts = review.texts
    return {
        "account": review.account_label(row["account_id"]),
        "ticker": review.securities.ticker(row["security_id"]),
        "term": term_words(texts, row["term"]),
        "custodian_term": term_words(texts, row["custodian_term"]),
        **{
            key: row[key]
            for key in (
                "disposal_date",
                "difference_reason",
                "quantity",
                "proceeds",
                "custodian_gain",
                "recognized_gain",
                "difference",
            )
        },
    }


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
        "rule": words_or_none(row["rule"]),
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
