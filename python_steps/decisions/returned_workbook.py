"""A returned workbook's bytes become the plan it speaks of and one row of cells per trade.

Belongs here: opening a file that anybody may have saved or edited, finding columns by the names of
their cells and else by their headers in any language, rows in any order. Does not belong here: what
the cells mean (decision_cells), whether they are allowed (judgement). Formulas are never taken for
values: what a spreadsheet last worked out may not be what the reader saw.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from python_steps.decisions.refusals import Refusal, RefusedFileError, shown_value
from python_steps.decisions.stamp import (
    INPUT_COLUMNS,
    PLAN_LINE_RANGE,
    STAMP_FORMAT,
    STAMP_SHEET,
    TRADE_ID,
    PlanStamp,
    range_name,
)
from python_steps.decisions.vocabulary import (
    LOT_COLUMNS,
    TRADE_COLUMNS,
    header_words,
    plain,
)

# A household's workbook with 5,000 lots takes less than 2 MB, and unpacks to less than 40 MB.
LARGEST_FILE: Final = 25_000_000
LARGEST_UNPACKED: Final = 400_000_000
# A header row names at least so many columns: no row of trades does.
_HEADERS_IN_A_ROW: Final = 5
_MOST_ROWS: Final = 100_000
_ZIP_START: Final = b"PK\x03\x04"
_CELLS: Final = re.compile(r"^'?(?P<sheet>.+?)'?!\$?(?P<column>[A-Z]{1,3})\$?(?P<row>\d+)")
LOT_ID: Final = "lot_id"
# Columns without which nothing can be checked; the others may be missing.
NEEDED_COLUMNS: Final = (
    *INPUT_COLUMNS,
    TRADE_ID,
    "account",
    "action",
    "ticker",
    "quantity",
    "price",
)

_SEND_AGAIN: Final = (
    "Decide in the workbook that Evenkeel wrote, save it as .xlsx and return that file."
)


class ReturnedCell(NamedTuple):
    """One cell as it came back. `is_formula`: the cell computes, or shows an error."""

    place: str
    value: Any
    is_formula: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing stands in it, or white space only."""
        return not self.is_formula and (self.value is None or not str(self.value).strip())


@dataclass(frozen=True)
class ReturnedWorkbook:
    """What a returned workbook says; `rows` are the trades' cells by column, `lots` their lots'."""

    stamp: PlanStamp
    stamp_places: Mapping[str, str]
    plan_line: ReturnedCell | None
    sheet: str
    rows: tuple[Mapping[str, ReturnedCell], ...]
    lots: tuple[Mapping[str, ReturnedCell], ...] = ()


def read_returned_workbook(content: bytes) -> ReturnedWorkbook:
    """Read the bytes of a file.

    Raises:
        RefusedFileError: the file is no workbook of ours, or its trades cannot be found in it.
    """
    workbook = _opened(content)
    try:
        stamp, places = _stamp(workbook)
        named = _named_columns(workbook)
        worksheet, columns, header_row = _trades(workbook, named)
        return ReturnedWorkbook(
            stamp=stamp,
            stamp_places=places,
            plan_line=_plan_line(workbook),
            sheet=worksheet.title,
            rows=_rows(worksheet, columns, header_row),
            lots=_lots(worksheet),
        )
    finally:
        workbook.close()


def _refused(
    check: str,
    reason: str,
    *,
    sheet: str = "",
    cell: str = "",
    value: object = None,
    what_to_do: str = _SEND_AGAIN,
) -> RefusedFileError:
    return RefusedFileError(Refusal(check, sheet, cell, shown_value(value), reason, what_to_do))


def _opened(content: bytes) -> Any:
    from openpyxl import load_workbook

    if len(content) > LARGEST_FILE:
        raise _refused(
            "file_is_a_workbook",
            f"the file has {len(content):,} bytes, no workbook of a household is as large",
        )
    if not content.startswith(_ZIP_START):
        raise _refused("file_is_a_workbook", "the file is no .xlsx workbook, or it is encrypted")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
        if unpacked > LARGEST_UNPACKED:
            raise _refused("file_is_a_workbook", f"the file unpacks to {unpacked:,} bytes")
        return load_workbook(io.BytesIO(content))
    except RefusedFileError:
        raise
    except Exception as error:
        # openpyxl raises whatever the damaged part of a file makes it meet.
        said = f"{type(error).__name__}: {error}"
        raise _refused("file_is_a_workbook", f"the file cannot be opened ({said})") from error


def _stamp(workbook: Any) -> tuple[PlanStamp, dict[str, str]]:
    if STAMP_SHEET not in workbook.sheetnames:
        raise _refused(
            "workbook_names_its_plan",
            f"the hidden sheet {STAMP_SHEET} that names the plan is not there",
        )
    sheet = workbook[STAMP_SHEET]
    found: dict[str, ReturnedCell] = {}
    for key, value in sheet.iter_rows(min_col=1, max_col=2, max_row=20):
        if key.value is not None:
            found[str(key.value)] = _cell(value)
    if "format" not in found or str(found["format"].value) != STAMP_FORMAT:
        cell = found.get("format")
        raise _refused(
            "workbook_names_its_plan",
            f"the workbook is not of the format {STAMP_FORMAT}",
            sheet=STAMP_SHEET,
            cell=cell.place if cell else "A1",
            value=cell.value if cell else None,
        )
    values = []
    for field in PlanStamp._fields:
        cell = found.get(field)
        if cell is None or cell.is_empty or cell.is_formula:
            raise _refused(
                "workbook_names_its_plan",
                f"the {field.replace('_', ' ')} of the plan is not there",
                sheet=STAMP_SHEET,
                cell=cell.place if cell else "A1",
                value=cell.value if cell else None,
            )
        values.append(_identity(cell.value))
    return PlanStamp(*values), {field: found[field].place for field in PlanStamp._fields}


def _identity(value: object) -> str:
    """An id as text: a spreadsheet may have made a number of a version."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _cell(cell: Any) -> ReturnedCell:
    return ReturnedCell(cell.coordinate, cell.value, cell.data_type in ("f", "e"))


def _named_columns(workbook: Any) -> dict[str, tuple[str, int, int]]:
    """Sheet, column and first row of the columns whose cells have a name that still holds."""
    from openpyxl.utils import column_index_from_string

    found = {}
    for column in TRADE_COLUMNS:
        name = workbook.defined_names.get(range_name(column))
        match = _CELLS.match(name.attr_text or "") if name is not None else None
        if match is not None:
            found[column] = (
                match["sheet"].replace("''", "'"),
                column_index_from_string(match["column"]),
                int(match["row"]),
            )
    return found


def _trades(
    workbook: Any, named: Mapping[str, tuple[str, int, int]]
) -> tuple[Any, dict[str, int], int]:
    """The sheet of the trades, the column of each key, and the row above the first trade."""
    sheet_names = {sheet for sheet, _, _ in named.values() if sheet in workbook.sheetnames}
    if len(sheet_names) > 1:
        raise _refused(
            "trades_can_be_found",
            f"columns of the trades stand on {', '.join(sorted(sheet_names))}",
        )
    candidates = [workbook[name] for name in sheet_names] or [
        sheet for sheet in workbook.worksheets if sheet.title != STAMP_SHEET
    ]
    for worksheet in candidates:
        header_row, headers = _header_row(worksheet, TRADE_COLUMNS, TRADE_ID)
        columns = headers | {
            key: column for key, (sheet, column, _) in named.items() if sheet == worksheet.title
        }
        rows = [row for sheet, _, row in named.values() if sheet == worksheet.title]
        if TRADE_ID in columns and (header_row or rows):
            _require_columns(worksheet.title, columns)
            return worksheet, columns, header_row or min(rows) - 1
    sheet = candidates[0].title if len(candidates) == 1 else ""
    raise _refused("trades_can_be_found", "the table of the trades is not there", sheet=sheet)


def _require_columns(sheet: str, columns: Mapping[str, int]) -> None:
    from python_steps.decisions.vocabulary import languages

    missing = [key for key in NEEDED_COLUMNS if key not in columns]
    if missing:
        texts = languages()[0]
        named = ", ".join(texts.text(f"column.{key}") for key in missing)
        raise _refused(
            "trades_can_be_found", f"columns of the trades are missing: {named}", sheet=sheet
        )


def _header_row(
    worksheet: Any, columns: tuple[str, ...], needed: str
) -> tuple[int | None, dict[str, int]]:
    """The first row that names a table's columns, the needed one among them."""
    words = header_words(columns)
    for row in worksheet.iter_rows():
        found: dict[str, int] = {}
        for cell in row:
            key = words.get(plain(cell.value)) if isinstance(cell.value, str) else None
            if key is not None and key not in found:
                found[key] = cell.column
        if len(found) >= _HEADERS_IN_A_ROW and needed in found:
            return row[0].row, found
    return None, {}


def _plan_line(workbook: Any) -> ReturnedCell | None:
    name = workbook.defined_names.get(PLAN_LINE_RANGE)
    match = _CELLS.match(name.attr_text or "") if name is not None else None
    if match is None or match["sheet"].replace("''", "'") not in workbook.sheetnames:
        return None
    sheet = workbook[match["sheet"].replace("''", "'")]
    return _cell(sheet[f"{match['column']}{match['row']}"])


def _rows(
    worksheet: Any, columns: Mapping[str, int], header_row: int
) -> tuple[Mapping[str, ReturnedCell], ...]:
    """Rows below the header that name a trade, or in which somebody decided something."""
    if worksheet.max_row > _MOST_ROWS:
        raise _refused(
            "trades_can_be_found",
            f"the sheet has {worksheet.max_row:,} rows",
            sheet=worksheet.title,
        )
    rows = []
    for number in range(header_row + 1, worksheet.max_row + 1):
        cells = {key: _cell(worksheet.cell(number, column)) for key, column in columns.items()}
        asked = [cells[key] for key in (TRADE_ID, *INPUT_COLUMNS)]
        if any(not cell.is_empty for cell in asked):
            rows.append(cells)
    return tuple(rows)


def _lots(worksheet: Any) -> tuple[Mapping[str, ReturnedCell], ...]:
    """Rows that name a lot, below the header of the lots; none where somebody has deleted them."""
    header_row, columns = _header_row(worksheet, LOT_COLUMNS, LOT_ID)
    if header_row is None:
        return ()
    rows = []
    for number in range(header_row + 1, worksheet.max_row + 1):
        cells = {key: _cell(worksheet.cell(number, column)) for key, column in columns.items()}
        if not cells[LOT_ID].is_empty:
            rows.append(cells)
    return tuple(rows)
