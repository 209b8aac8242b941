"""Reading a rendered workbook back through openpyxl, table by table.

Belongs here: finding a table by its header and giving its rows by column key. Does not belong here:
any expectation.
"""

from __future__ import annotations

import io
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from python_steps.reports.layout import TableLayout
from python_steps.reports.texts import Texts, texts_for

TEXTS = texts_for("en")


def opened(content: bytes) -> Workbook:
    return load_workbook(io.BytesIO(content))


def sheet(workbook: Workbook, sheet_id: str) -> Worksheet:
    return workbook[TEXTS.text(f"sheet.{sheet_id}.name")]


def table_rows(
    worksheet: Worksheet, table: TableLayout, texts: Texts = TEXTS
) -> list[dict[str, Any]]:
    """The rows under the table's header until the first row that is not full-width."""
    headings = [texts.text(f"column.{column.key}") for column in table.columns]
    cells = [[cell.value for cell in row] for row in worksheet.iter_rows()]
    width = len(headings)
    header = next((i for i, row in enumerate(cells) if _is_header(row, headings)), None)
    assert header is not None, f"{worksheet.title} has no table {table.table_id}"
    rows = []
    for row in cells[header + 1 :]:
        if not any(value not in (None, "") for value in row[1:width]):
            break
        rows.append({c.key: value for c, value in zip(table.columns, row, strict=False)})
    return rows


def _is_header(row: list[Any], headings: list[str]) -> bool:
    width = len(headings)
    return [value or "" for value in row[:width]] == headings and not any(row[width : width + 1])


def facts(worksheet: Worksheet) -> dict[str, Any]:
    """The values of lists of facts, by label (first column)."""
    return {
        row[0].value: row[1].value
        for row in worksheet.iter_rows()
        if isinstance(row[0].value, str) and len(row) > 1
    }


def all_texts(worksheet: Worksheet) -> list[str]:
    return [
        cell.value for row in worksheet.iter_rows() for cell in row if isinstance(cell.value, str)
    ]


def as_shown(kind: str, value: Any) -> Any:
    """What a cell must hold for a mart value: dollars to the cent, the rest to the last digit."""
    if value is None:
        return "n/a"
    if kind == "money":
        return float(Decimal(value).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))
    if kind in ("percent", "drift", "shares", "price", "decimal"):
        return float(value)
    return value
