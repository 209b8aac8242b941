"""Orders as files: blocks written in a layout that a custodian's own specification maps.

Belongs here: reading a layout (YAML), the values it may ask for, and the text of the three files
(orders, allocations, lots). Does not belong here: any custodian's layout (data_contracts/orders has
a generic one, none is invented for a named custodian), writing to disk.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from python_steps.orders.approved import ApprovedTrade, LotToDeliver, OrderError
from python_steps.orders.blocks import Block

Line = tuple[Block, ApprovedTrade | None, LotToDeliver | None]


class OrderColumn(NamedTuple):
    """A column of a file: its header, and the value that stands in it."""

    header: str
    value: str


class OrderLayout(NamedTuple):
    """How one custodian, or any, takes orders.

    Attributes:
        name: of the layout.
        date_format: as `strftime` takes it.
        words: what the custodian calls the actions and order types.
        files: by kind (orders, allocations, lots) the columns in their order.
        delimiter: between values.
    """

    name: str
    date_format: str
    words: Mapping[str, str]
    files: Mapping[str, tuple[OrderColumn, ...]]
    delimiter: str


def _trade(line: Line) -> ApprovedTrade:
    if line[1] is None:
        raise OrderError("a file of blocks has no single account: ask for it among the allocations")
    return line[1]


def _lot(line: Line) -> LotToDeliver:
    if line[2] is None:
        raise OrderError("only the file of lots has lots")
    return line[2]


def _order_type(block: Block) -> str:
    if block.security.is_fund:
        return "net_asset_value"
    return "market" if block.limit_price is None else "limit"


_VALUES: Mapping[str, Callable[[Line], Any]] = {
    "block_id": lambda line: line[0].block_id,
    "wave": lambda line: line[0].wave,
    "custodian": lambda line: line[0].custodian,
    "ticker": lambda line: line[0].security.ticker,
    "cusip": lambda line: line[0].security.cusip,
    "security_name": lambda line: line[0].security.name,
    "action": lambda line: line[0].action,
    "order_type": lambda line: _order_type(line[0]),
    "limit_price": lambda line: line[0].limit_price,
    "block_shares": lambda line: None if line[0].is_in_dollars else line[0].quantity,
    "block_dollars": lambda line: line[0].notional if line[0].is_in_dollars else None,
    "estimated_amount": lambda line: line[0].notional,
    "account_count": lambda line: len({trade.account_id for trade in line[0].trades}),
    "advice": lambda line: " ".join(line[0].advice),
    "trade_id": lambda line: _trade(line).trade_id,
    "account_number": lambda line: _trade(line).account_number,
    "shares": lambda line: None if line[0].is_in_dollars else _trade(line).quantity,
    "dollars": lambda line: _trade(line).notional if line[0].is_in_dollars else None,
    "lot_instruction": lambda line: _trade(line).lot_instruction,
    "lot_id": lambda line: _lot(line).source_lot_id or _lot(line).lot_id,
    "lot_acquisition_date": lambda line: _lot(line).acquisition_date,
    "lot_shares": lambda line: _lot(line).quantity,
}
_TRANSLATED = ("action", "order_type")
_WORDS = ("buy", "sell", "market", "limit", "net_asset_value")


def _blocks(blocks: Sequence[Block]) -> Iterator[Line]:
    for block in blocks:
        yield block, None, None


def _allocations(blocks: Sequence[Block]) -> Iterator[Line]:
    for block in blocks:
        for trade in block.trades:
            yield block, trade, None


def _lots(blocks: Sequence[Block]) -> Iterator[Line]:
    for block in blocks:
        for trade in block.trades:
            for lot in trade.lots:
                yield block, trade, lot


_LINES: Mapping[str, Callable[[Sequence[Block]], Iterable[Line]]] = {
    "orders": _blocks,
    "allocations": _allocations,
    "lots": _lots,
}


def order_layout(description: Mapping[str, Any], source: str) -> OrderLayout:
    """A layout from its YAML.

    Args:
        description: the parsed file.
        source: its name, for messages.

    Raises:
        OrderError: something is missing or not known; the message names the file and the key.
    """

    def part(key: str, kind: type) -> Any:
        value = description.get(key)
        if not isinstance(value, kind):
            raise OrderError(f"{source}: {key} must be given as a {kind.__name__}, not {value!r}")
        return value

    words = {str(name): str(word) for name, word in part("words", dict).items()}
    missing = [name for name in _WORDS if name not in words]
    if missing:
        raise OrderError(f"{source}: words lacks {', '.join(missing)}")
    files: dict[str, tuple[OrderColumn, ...]] = {}
    for kind, columns in part("files", dict).items():
        if kind not in _LINES:
            raise OrderError(f"{source}: {kind} is no file; there are {', '.join(_LINES)}")
        files[kind] = tuple(_column(source, kind, column) for column in columns)
    absent = [kind for kind in _LINES if not files.get(kind)]
    if absent:
        raise OrderError(f"{source}: files lacks the columns of {', '.join(absent)}")
    delimiter = str(description.get("delimiter", ","))
    return OrderLayout(part("name", str), part("date_format", str), words, files, delimiter)


def _column(source: str, kind: str, column: object) -> OrderColumn:
    if not isinstance(column, dict) or column.keys() != {"header", "value"}:
        raise OrderError(f"{source}: a column of {kind} needs header and value, not {column!r}")
    if column["value"] not in _VALUES:
        known = ", ".join(_VALUES)
        raise OrderError(f"{source}: {kind} asks for {column['value']!r}; there are {known}")
    return OrderColumn(str(column["header"]), str(column["value"]))


def order_files(blocks: Sequence[Block], layout: OrderLayout) -> dict[str, str]:
    """The text of the three files, by kind, in the order of the blocks.

    Raises:
        OrderError: the layout asks a file for something that its lines do not have.
    """
    written = {}
    for kind, columns in layout.files.items():
        text = io.StringIO()
        writer = csv.writer(text, delimiter=layout.delimiter, lineterminator="\r\n")
        writer.writerow([column.header for column in columns])
        for line in _LINES[kind](blocks):
            writer.writerow([_cell(column.value, line, layout) for column in columns])
        written[kind] = text.getvalue()
    return written


def _cell(name: str, line: Line, layout: OrderLayout) -> str:
    value = _VALUES[name](line)
    if value is None:
        return ""
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, date):
        return value.strftime(layout.date_format)
    return layout.words[value] if name in _TRANSLATED else str(value)
