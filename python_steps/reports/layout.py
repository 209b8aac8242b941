"""The shape of every sheet: which tables it has, which columns, of which kind and width.

Belongs here: the order, kinds and widths of columns. Does not belong here: texts (their ids follow
from the names here: `column.<key>`, `table.<table_id>.heading`), styles, values. Tables of one
sheet stand under each other and share its column grid; a column is as wide as its widest table.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Column(NamedTuple):
    """One column: the key of its value in a row, how the value is shown, width in characters."""

    key: str
    kind: str
    width: float


class TableLayout(NamedTuple):
    """One table of a sheet."""

    table_id: str
    columns: tuple[Column, ...]


class SheetLayout(NamedTuple):
    """One sheet. `frozen_columns` stay in sight when the reader scrolls to the right."""

    sheet_id: str
    tables: tuple[TableLayout, ...]
    frozen_columns: int = 0


ATTENTION: Final = TableLayout(
    "attention",
    (
        Column("attention_subject", "wrapped", 30),
        Column("attention_kind", "wrapped", 24),
        Column("attention_why", "wrapped", 46),
        Column("attention_who", "wrapped", 16),
    ),
)
ACCOUNTS: Final = TableLayout(
    "accounts",
    (
        Column("account", "wrapped", 30),
        Column("account_type", "text", 24),
        Column("trading", "wrapped", 46),
        Column("tax_treatment", "text", 16),
    ),
)
SUMMARY: Final = SheetLayout("summary", (ATTENTION, ACCOUNTS))

DRIFT: Final = TableLayout(
    "drift",
    (
        Column("group", "text", 16),
        Column("asset_class", "text", 24),
        Column("target_weight", "percent", 10),
        Column("actual_weight", "percent", 10),
        Column("projected_weight", "percent", 11),
        Column("absolute_drift", "drift", 11),
        Column("over_under_amount", "money", 15),
        Column("market_value", "money", 16),
        Column("lower_band_weight", "percent", 10),
        Column("upper_band_weight", "percent", 10),
        Column("band_flag", "text", 16),
        Column("band_flag_projected", "text", 26),
    ),
)
TARGET_DRIFT: Final = TableLayout(
    "target_drift",
    (
        Column("group", "text", 16),
        Column("target_key", "wrapped", 24),
        Column("target_weight", "percent", 10),
        Column("actual_weight", "percent", 10),
        Column("projected_weight", "percent", 11),
        Column("absolute_drift", "drift", 11),
        Column("over_under_amount", "money", 15),
        Column("market_value", "money", 16),
        Column("lower_band_weight", "percent", 10),
        Column("upper_band_weight", "percent", 10),
        Column("band_flag", "text", 16),
        Column("target_level", "text", 26),
    ),
)
DRIFT_SUMMARY: Final = TableLayout(
    "drift_summary",
    (
        Column("group", "text", 16),
        Column("trigger_reasons", "wrapped", 24),
        Column("breach_count", "whole", 10),
        Column("max_absolute_drift", "percent", 10),
        Column("is_rebalance_due", "text", 11),
        Column("next_review_date", "date", 11),
        Column("market_value", "money", 16),
    ),
)
DRIFT_SHEET: Final = SheetLayout("drift", (DRIFT, TARGET_DRIFT, DRIFT_SUMMARY), 2)

TRADES: Final = TableLayout(
    "trades",
    (
        Column("sequence", "whole", 5),
        Column("account", "wrapped", 25),
        Column("action", "text", 7),
        Column("ticker", "text", 8),
        Column("asset_class", "wrapped", 28),
        Column("quantity", "shares", 11),
        Column("price", "price", 11),
        Column("notional", "money", 14),
        Column("tax_cost", "money", 12),
        Column("reason", "wrapped", 14),
        Column("tax_character", "text", 15),
        Column("order_type", "text", 12),
        Column("limit_price", "price", 11),
        Column("rationale", "wrapped", 60),
        # What the advisor fills in, and what ties the row to its trade.
        Column("decision", "text", 12),
        Column("quantity_override", "shares_fraction", 12),
        Column("snooze_until", "date", 12),
        Column("note", "wrapped", 28),
        Column("trade_id", "code", 25),
    ),
)
TRADE_TAX: Final = TableLayout(
    "trade_tax",
    (
        Column("sequence", "whole", 5),
        Column("account", "wrapped", 25),
        Column("action", "text", 7),
        Column("ticker", "text", 8),
        Column("security", "wrapped", 28),
        Column("realized_short_term_gain", "money", 11),
        Column("realized_short_term_loss", "money", 11),
        Column("realized_long_term_gain", "money", 14),
        Column("realized_long_term_loss", "money", 12),
        Column("tax_cost", "money", 14),
        Column("commission", "money", 12),
        Column("spread_cost", "money", 12),
        Column("market_impact", "money", 11),
    ),
)
TRADE_LOTS: Final = TableLayout(
    "trade_lots",
    (
        Column("sequence", "whole", 5),
        Column("account", "wrapped", 25),
        Column("term", "text", 7),
        Column("ticker", "text", 8),
        Column("lot_id", "wrapped", 30),
        Column("quantity", "shares", 11),
        Column("acquisition_date", "date", 11),
        Column("proceeds", "money", 14),
        Column("cost_basis", "money", 12),
        Column("realized_gain", "money", 14),
        Column("tax_cost", "money", 15),
        Column("holding_period_start_date", "date", 12),
        Column("lots_named_by_date", "date", 11),
        Column("lot_instruction", "wrapped", 60),
    ),
)
TRADES_SHEET: Final = SheetLayout("trades", (TRADES, TRADE_TAX, TRADE_LOTS), 4)

TAX_IMPACT: Final = TableLayout(
    "tax_impact",
    (
        Column("tax_unit", "text", 24),
        Column("tax_year", "year", 8),
        Column("realized_short_term_gain", "money", 16),
        Column("realized_short_term_loss", "money", 16),
        Column("realized_long_term_gain", "money", 16),
        Column("realized_long_term_loss", "money", 16),
        Column("realized_collectibles_gain", "money", 16),
        Column("realized_collectibles_loss", "money", 16),
        Column("carryforward_used", "money", 16),
        Column("estimated_tax", "money", 16),
        Column("harvested_loss", "money", 16),
        Column("tax_saved_vs_waterfall", "money", 16),
        Column("wash_sale_exposure", "money", 16),
    ),
)
PLAN_VALUES: Final = TableLayout(
    "plan_values",
    (
        Column("value_term", "wrapped", 24),
        Column("amount", "money", 16),
        Column("waterfall_amount", "money", 16),
    ),
)
TAX_BUDGETS: Final = TableLayout(
    "tax_budgets",
    (
        Column("tax_budget", "money", 24),
        Column("estimated_tax", "money", 16),
        Column("drift_outside_bands", "money", 16),
        Column("tracking_error", "percent", 16),
        Column("transaction_cost", "money", 16),
    ),
)
GAINS_SCHEDULE: Final = TableLayout(
    "gains_schedule",
    (
        Column("schedule_line", "wrapped", 24),
        Column("tax_year", "year", 8),
        Column("short_term_amount", "money", 16),
        Column("long_term_amount", "money", 16),
        Column("total_amount", "money", 16),
        Column("tax_unit", "wrapped", 16),
    ),
)
TAX_IMPACT_SHEET: Final = SheetLayout(
    "tax_impact", (TAX_IMPACT, GAINS_SCHEDULE, PLAN_VALUES, TAX_BUDGETS), 1
)

COMPARISON: Final = TableLayout(
    "comparison",
    (
        Column("group", "text", 18),
        Column("asset_class", "text", 26),
        Column("target_weight", "percent", 13),
        Column("pre_trade_weight", "percent", 13),
        Column("post_trade_weight", "percent", 13),
        Column("pre_trade_drift", "drift", 14),
        Column("post_trade_drift", "drift", 14),
        Column("band_flag_after", "text", 20),
    ),
)
COMPARISON_SHEET: Final = SheetLayout("comparison", (COMPARISON,), 2)

LOCATION: Final = TableLayout(
    "location",
    (
        Column("account", "wrapped", 34),
        Column("tax_treatment", "text", 15),
        Column("asset_class", "text", 24),
        Column("market_value", "money", 16),
        Column("preferred_tax_treatment", "text", 15),
        Column("is_well_located", "text", 15),
        Column("annual_tax_drag", "money", 14),
        Column("recommendation", "wrapped", 60),
    ),
)
LOCATION_SHEET: Final = SheetLayout("location", (LOCATION,), 1)

LOTS: Final = TableLayout(
    "lots",
    (
        Column("account", "wrapped", 31),
        Column("ticker", "text", 8),
        Column("security", "wrapped", 34),
        Column("acquisition_date", "date", 11),
        Column("holding_period_start_date", "date", 11),
        Column("term", "text", 7),
        Column("quantity", "shares", 11),
        Column("custodian_cost_basis", "money", 13),
        Column("custodian_wash_sale_adjustment", "money", 12),
        Column("wash_sale_adjustment", "money", 12),
        Column("cost_basis", "money", 13),
        Column("market_value", "money", 13),
        Column("unrealized_gain", "money", 13),
        Column("covered_status", "text", 11),
        Column("lot_id", "wrapped", 30),
        Column("source_file", "code", 14),
        Column("source_row_number", "whole", 7),
    ),
)
LOTS_SHEET: Final = SheetLayout("lots", (LOTS,), 2)

WINDOWS: Final = TableLayout(
    "windows",
    (
        Column("identity_group", "wrapped", 25),
        Column("no_buy_until_date", "date", 14),
        Column("no_loss_sale_until_date", "date", 14),
        Column("coverage", "wrapped", 18),
        Column("caused_by", "wrapped", 52),
    ),
)
MATCHES: Final = TableLayout(
    "matches",
    (
        Column("loss_account", "wrapped", 25),
        Column("loss_security", "wrapped", 14),
        Column("loss_sale_date", "date", 14),
        Column("replacement_security", "wrapped", 18),
        Column("replacement_account", "wrapped", 52),
        Column("replacement_date", "date", 12),
        Column("matched_quantity", "shares", 12),
        Column("disallowed_loss", "money", 13),
        Column("basis_added", "money", 13),
        Column("is_permanent", "text", 10),
        Column("holding_period_start_date", "date", 12),
        Column("provisional_until_date", "date", 12),
        Column("rule", "wrapped", 24),
    ),
)
REALIZED_DIFFERENCES: Final = TableLayout(
    "realized_differences",
    (
        Column("account", "wrapped", 25),
        Column("ticker", "wrapped", 14),
        Column("disposal_date", "date", 14),
        Column("term", "text", 18),
        Column("difference_reason", "wrapped", 52),
        Column("quantity", "shares", 12),
        Column("proceeds", "money", 12),
        Column("custodian_gain", "money", 13),
        Column("recognized_gain", "money", 13),
        Column("custodian_term", "text", 10),
        Column("difference", "money", 12),
    ),
)
WASH_SALES_SHEET: Final = SheetLayout("wash_sales", (WINDOWS, MATCHES, REALIZED_DIFFERENCES), 1)

EXCEPTIONS: Final = TableLayout(
    "exceptions",
    (
        Column("subject", "wrapped", 28),
        Column("reason", "wrapped", 18),
        Column("rationale", "wrapped", 60),
        Column("account", "wrapped", 24),
        Column("security", "wrapped", 20),
        Column("asset_class", "wrapped", 18),
        Column("amount", "money", 14),
    ),
)
FINDINGS: Final = TableLayout(
    "findings",
    (
        Column("rule", "wrapped", 28),
        Column("severity", "text", 18),
        Column("message", "wrapped", 60),
        Column("observed", "wrapped", 24),
        Column("expected", "wrapped", 20),
        Column("who_must_act", "wrapped", 18),
        Column("scope", "text", 14),
        Column("file_name", "wrapped", 22),
        Column("source_row_number", "whole", 7),
    ),
)
EXCEPTIONS_SHEET: Final = SheetLayout("exceptions", (EXCEPTIONS, FINDINGS), 1)

PLAN_RECORD: Final = TableLayout(
    "plan_record", (Column("item", "text", 34), Column("value", "wrapped", 66))
)
CHECKS: Final = TableLayout(
    "checks",
    (
        Column("check_name", "wrapped", 34),
        Column("requirement", "wrapped", 66),
        Column("is_passed", "text", 14),
        Column("detail", "wrapped", 40),
    ),
)
FILES: Final = TableLayout(
    "files",
    (
        Column("file_name", "wrapped", 34),
        Column("file_hash", "code", 66),
        Column("custodian", "text", 14),
        Column("feed", "text", 40),
        Column("stated_as_of_date", "date", 12),
        Column("row_count", "whole", 10),
    ),
)
POLICY: Final = TableLayout(
    "policy",
    (
        Column("setting", "wrapped", 34),
        Column("meaning", "wrapped", 66),
        Column("value", "text", 22),
    ),
)
COMPLIANCE_SHEET: Final = SheetLayout("compliance", (PLAN_RECORD, CHECKS, FILES, POLICY))

NIGHT: Final = TableLayout(
    "night",
    (Column("item", "text", 40), Column("value", "text", 22), Column("note", "wrapped", 70)),
)
STATUSES: Final = TableLayout(
    "statuses", (Column("status", "text", 40), Column("household_count", "whole", 22))
)
BOOK_SUMMARY_SHEET: Final = SheetLayout("book_summary", (NIGHT, STATUSES))

HOUSEHOLDS: Final = TableLayout(
    "households",
    (
        Column("rank", "whole", 6),
        Column("household", "link", 24),
        Column("household_id", "text", 12),
        Column("advisor", "text", 18),
        Column("status", "wrapped", 25),
        Column("market_value", "money", 15),
        Column("breach_count", "whole", 9),
        Column("max_absolute_drift", "percent", 9),
        Column("trade_count", "whole", 8),
        Column("estimated_tax", "money", 13),
        Column("transaction_cost", "money", 11),
        Column("exception_count", "whole", 10),
        Column("blocking_count", "whole", 10),
        Column("status_reason", "wrapped", 62),
    ),
)
HOUSEHOLDS_SHEET: Final = SheetLayout("households", (HOUSEHOLDS,), 2)

BREACHES: Final = TableLayout(
    "breaches",
    (
        Column("household", "text", 30),
        Column("group", "text", 18),
        Column("asset_class", "text", 26),
        Column("target_weight", "percent", 10),
        Column("actual_weight", "percent", 10),
        Column("projected_weight", "percent", 11),
        Column("absolute_drift", "drift", 11),
        Column("over_under_amount", "money", 16),
        Column("band_flag", "text", 16),
        Column("band_flag_projected", "text", 26),
    ),
)
BREACHES_SHEET: Final = SheetLayout("breaches", (BREACHES,), 1)

# The asset classes of the map and the keys of their columns, in the order of the classes.
DRIFT_MAP_CLASSES: Final = {
    "US Large Cap Equity": "drift_us_large_cap",
    "US Small/Mid Cap": "drift_us_small_mid_cap",
    "International Developed": "drift_international",
    "Emerging Markets": "drift_emerging",
    "Investment Grade Bonds": "drift_investment_grade",
    "High Yield / Credit": "drift_high_yield",
    "TIPS / Inflation Protected": "drift_inflation",
    "Alternatives": "drift_alternatives",
    "Cash": "drift_cash",
}
DRIFT_MAP: Final = TableLayout(
    "drift_map",
    (
        Column("household", "link", 26),
        Column("group", "text", 14),
        *(Column(key, "drift", 12) for key in DRIFT_MAP_CLASSES.values()),
    ),
)
DRIFT_MAP_SHEET: Final = SheetLayout("drift_map", (DRIFT_MAP,), 2)

BLOCKS: Final = TableLayout(
    "blocks",
    (
        Column("ticker", "text", 10),
        Column("security", "text", 44),
        Column("household_count", "whole", 12),
        Column("trade_count", "whole", 10),
        Column("buy_quantity", "shares", 16),
        Column("buy_amount", "money", 18),
        Column("sell_quantity", "shares", 16),
        Column("sell_amount", "money", 18),
    ),
)
BLOCKS_SHEET: Final = SheetLayout("blocks", (BLOCKS,), 1)

TAXES: Final = TableLayout("taxes", (Column("household", "text", 30), *TAX_IMPACT.columns))
TAXES_SHEET: Final = SheetLayout("taxes", (TAXES,), 1)

RULE_COUNTS: Final = TableLayout(
    "rule_counts",
    (
        Column("rule", "wrapped", 28),
        Column("severity", "text", 11),
        Column("who_must_act", "wrapped", 18),
        Column("finding_count", "whole", 22),
    ),
)
BOOK_FINDINGS: Final = TableLayout(
    "book_findings",
    (
        Column("rule", "wrapped", 28),
        Column("severity", "text", 11),
        Column("who_must_act", "wrapped", 18),
        Column("household", "wrapped", 22),
        Column("scope", "text", 10),
        Column("message", "wrapped", 60),
        Column("observed", "wrapped", 20),
        Column("expected", "wrapped", 20),
        Column("file_name", "wrapped", 22),
        Column("source_row_number", "whole", 7),
    ),
)
UNANSWERED_RULES: Final = TableLayout(
    "unanswered_rules",
    (
        Column("rule", "wrapped", 38),
        Column("unanswered_reason", "wrapped", 60),
        Column("unanswered_custodians", "wrapped", 60),
    ),
)
QUALITY_SHEET: Final = SheetLayout("quality", (RULE_COUNTS, UNANSWERED_RULES, BOOK_FINDINGS), 1)

OPEN_EXCEPTIONS: Final = TableLayout(
    "open_exceptions",
    (
        Column("who_must_act", "wrapped", 18),
        Column("market_value_held_up", "money", 16),
        Column("age_sessions", "whole", 9),
        Column("opened_date", "date", 11),
        Column("severity", "text", 11),
        Column("finding_count", "whole", 9),
        Column("household", "wrapped", 22),
        Column("custodian", "text", 13),
        Column("account", "wrapped", 30),
        Column("ticker", "text", 10),
        Column("rule", "wrapped", 26),
        Column("message", "wrapped", 60),
        Column("scope", "text", 10),
        Column("lot_id", "wrapped", 28),
        Column("file_name", "wrapped", 22),
        Column("source_row_number", "whole", 7),
    ),
)
OPEN_EXCEPTIONS_SHEET: Final = SheetLayout("open_exceptions", (OPEN_EXCEPTIONS,), 2)

CLOSED_EXCEPTIONS: Final = TableLayout(
    "closed_exceptions",
    (
        Column("closed_date", "date", 11),
        Column("closed_by", "wrapped", 20),
        Column("override_id", "wrapped", 14),
        Column("opened_date", "date", 11),
        Column("age_sessions", "whole", 9),
        Column("who_must_act", "wrapped", 18),
        Column("finding_count", "whole", 9),
        Column("household", "wrapped", 22),
        Column("custodian", "text", 13),
        Column("account", "wrapped", 30),
        Column("ticker", "text", 10),
        Column("rule", "wrapped", 26),
        Column("message", "wrapped", 60),
        Column("scope", "text", 10),
        Column("file_name", "wrapped", 22),
        Column("source_row_number", "whole", 7),
    ),
)
CLOSED_EXCEPTIONS_SHEET: Final = SheetLayout("closed_exceptions", (CLOSED_EXCEPTIONS,), 2)

BOOK_FILES: Final = TableLayout(
    "book_files",
    (
        Column("custodian", "text", 14),
        Column("file_name", "wrapped", 40),
        Column("feed", "text", 18),
        Column("stated_as_of_date", "date", 12),
        Column("row_count", "whole", 10),
        Column("file_status", "text", 24),
        Column("file_hash", "code", 68),
    ),
)
FILES_SHEET: Final = SheetLayout("files", (BOOK_FILES,), 2)

WORKBOOKS: Final = TableLayout(
    "workbooks",
    (
        Column("household", "text", 30),
        Column("workbook_path", "link", 50),
        Column("workbook_status", "text", 14),
        Column("file_hash", "code", 68),
    ),
)
WORKBOOKS_SHEET: Final = SheetLayout("workbooks", (WORKBOOKS,), 1)

HOUSEHOLD_SHEETS: Final = (
    SUMMARY,
    DRIFT_SHEET,
    TRADES_SHEET,
    TAX_IMPACT_SHEET,
    COMPARISON_SHEET,
    LOCATION_SHEET,
    LOTS_SHEET,
    WASH_SALES_SHEET,
    EXCEPTIONS_SHEET,
    COMPLIANCE_SHEET,
)
BOOK_SHEETS: Final = (
    BOOK_SUMMARY_SHEET,
    HOUSEHOLDS_SHEET,
    DRIFT_MAP_SHEET,
    BREACHES_SHEET,
    BLOCKS_SHEET,
    TAXES_SHEET,
    OPEN_EXCEPTIONS_SHEET,
    CLOSED_EXCEPTIONS_SHEET,
    QUALITY_SHEET,
    FILES_SHEET,
    WORKBOOKS_SHEET,
)
