"""Every number of a household's workbook beside the marts' numbers, table by table.

Belongs here: which table shows which mart, and the comparison of their columns as multisets. Does
not belong here: where the workbooks and the marts are, any test.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from openpyxl import Workbook

from python_steps.reports import layout
from python_steps.reports.layout import TableLayout
from python_steps.reports.styles import TEXT_KINDS
from python_steps.reports.texts import Texts
from python_steps.reports.totals import NOT_CURRENT_STATES
from tests.python_steps.reports.reading_back import as_shown, table_rows

# Sheet, table, mart, and whether the household's numbers must be current to be shown.
SHOWN: Final[tuple[tuple[str, TableLayout, str, bool], ...]] = (
    ("drift", layout.DRIFT, "fct_household_drift", True),
    ("drift", layout.TARGET_DRIFT, "fct_target_drift", True),
    ("drift", layout.DRIFT_SUMMARY, "fct_drift_summary", True),
    ("trades", layout.TRADES, "fct_recommended_trades", False),
    ("trades", layout.TRADE_TAX, "fct_recommended_trades", False),
    ("trades", layout.TRADE_LOTS, "fct_trade_lots", False),
    ("tax_impact", layout.TAX_IMPACT, "fct_tax_impact", False),
    ("tax_impact", layout.GAINS_SCHEDULE, "fct_capital_gains_schedule", False),
    ("tax_impact", layout.PLAN_VALUES, "fct_plan_values", False),
    ("tax_impact", layout.TAX_BUDGETS, "fct_tax_budget_frontier", False),
    ("comparison", layout.COMPARISON, "fct_allocation_comparison", True),
    ("location", layout.LOCATION, "fct_asset_location", False),
    ("lots", layout.LOTS, "fct_tax_lots", False),
    ("wash_sales", layout.MATCHES, "fct_wash_sale_matches", False),
)
# Shown as an empty cell where the mart has none: only a limit order has a limit price.
# and a deduction from income has no term.
_EMPTY_MEANS_NONE: Final = (
    "short_term_amount",
    "long_term_amount",
    "limit_price",
    "holding_period_start_date",
    "provisional_until_date",
)


def compared_cells(
    workbook: Workbook,
    texts: Texts,
    state: str,
    rows_by_mart: Mapping[str, Sequence[Mapping[str, Any]]],
) -> int:
    """Assert that every number of the tables is the marts'; how many were compared.

    Args:
        workbook: of one household, as openpyxl read it.
        texts: in whose language it is.
        state: of the household.
        rows_by_mart: the rows of the household in each mart that has any.
    """
    compared = 0
    for sheet_id, table, mart, only_current in SHOWN:
        if only_current and state in NOT_CURRENT_STATES:
            continue
        sheet = workbook[texts.text(f"sheet.{sheet_id}.name")]
        total = texts.text("total")
        shown = [row for row in table_rows(sheet, table, texts) if total not in row.values()]
        wanted = rows_by_mart.get(mart, ())
        assert len(shown) == len(wanted), (sheet.title, table.table_id)
        for column in table.columns:
            if column.kind in TEXT_KINDS or not wanted or column.key not in wanted[0]:
                continue
            expected = Counter(_expected(column, row[column.key], texts) for row in wanted)
            found = Counter(_found(column, row[column.key], texts) for row in shown)
            assert found == expected, (sheet.title, table.table_id, column.key)
            compared += len(shown)
    return compared


def _expected(column: layout.Column, value: Any, texts: Texts) -> Any:
    return texts.text("missing") if value is None else as_shown(column.kind, value)


def _found(column: layout.Column, value: Any, texts: Texts) -> Any:
    if value in (None, "") and column.key in _EMPTY_MEANS_NONE:
        return texts.text("missing")
    if column.kind == "date" and hasattr(value, "date"):
        return value.date()
    return value
