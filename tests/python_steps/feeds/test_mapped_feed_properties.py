"""Any table, written in any layout, is read back equal; a damaged file is the same or refused.

The writer below knows the layouts by itself and shares no code with the reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_contracts.contract import load_contracts
from python_steps.demo_book.book import DEMO_SEED, HARBOR_TRUST_HOUSEHOLDS, demo_household
from python_steps.demo_book.harbor_trust import HarborTrust
from python_steps.demo_book.market import DEMO_SESSION, demo_market
from python_steps.feeds.reading import read_file
from python_steps.feeds.received import FileReading, ReceivedFile
from tests.python_steps.feeds.files import facts
from tests.python_steps.feeds.mapped_files import mapped, read, told

COMMON = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@dataclass(frozen=True)
class Lot:
    branch: str
    base: str
    ticker: str
    lot_id: str
    quantity: Decimal
    acquired: date | None
    cost: Decimal | None
    is_long: bool | None


words = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=6)
lot = st.builds(
    Lot,
    branch=st.text("0123456789", min_size=3, max_size=3),
    base=st.text("0123456789", min_size=6, max_size=6),
    ticker=words,
    lot_id=st.text("0123456789", min_size=1, max_size=8),
    quantity=st.integers(-(10**9), 10**9).map(lambda number: Decimal(number).scaleb(-4)),
    acquired=st.none() | st.dates(date(1970, 1, 2), date(2026, 11, 19)),
    cost=st.none() | st.integers(0, 10**10).map(lambda number: Decimal(number).scaleb(-2)),
    is_long=st.none() | st.booleans(),
)
table = st.lists(lot, max_size=12, unique_by=lambda one: (one.branch, one.base, one.lot_id))
date_formats = st.sampled_from(["%Y%m%d", "%m/%d/%Y", "%d.%m.%Y", "%d-%b-%Y", "%y%m%d"])

COLUMNS = {
    "account_number": {"join": ["branch", "base"], "separator": "-"},
    "ticker": "ticker",
    "source_lot_id": "lot_id",
    "quantity": {"field": "quantity", "sign": {"field": "side", "minus": ["S"], "plus": ["L"]}},
    "acquisition_date": "acquired",
    "cost_basis": "cost",
    "term": {"field": "term", "map": {"1": "LONG", "0": "SHORT"}},
    "currency": {"constant": "USD"},
}
FIELDS = ["branch", "base", "ticker", "lot_id", "quantity", "side", "acquired", "cost", "term"]
TYPES = {"quantity": "number", "cost": "number", "acquired": "date"}


def wanted(lots: list[Lot]) -> list[tuple[Any, ...]]:
    return [
        (
            f"{one.branch}-{one.base}",
            one.ticker,
            one.lot_id,
            one.quantity,
            one.acquired,
            one.cost,
            {None: None, True: "LONG", False: "SHORT"}[one.is_long],
            "USD",
        )
        for one in lots
    ]


def landed(reading: FileReading) -> list[tuple[Any, ...]]:
    def typed(name: str, text: str) -> Any:
        if not text:
            return None
        if name in ("quantity", "cost_basis"):
            return Decimal(text)
        return date.fromisoformat(text) if name == "acquisition_date" else text

    rows = reading.tables["tax_lots"].to_pylist()
    return [tuple(typed(name, row[name]) for name in COLUMNS) for row in rows]


def texts(one: Lot, form: str, null: str) -> dict[str, str]:
    """The fields of a lot as text, numbers aside."""
    return {
        "branch": one.branch,
        "base": one.base,
        "ticker": one.ticker,
        "lot_id": one.lot_id,
        "side": "S" if one.quantity < 0 else "L",
        "acquired": one.acquired.strftime(form) if one.acquired else null,
        "term": {None: null, True: "1", False: "0"}[one.is_long],
    }


def grouped(number: Decimal, decimal_mark: str, thousands_mark: str) -> str:
    whole, point, fraction = f"{number:,f}".partition(".")
    whole = whole.replace(",", thousands_mark)
    return whole + (decimal_mark if point else "") + fraction


@COMMON
@given(table, st.data())
def test_a_table_through_a_delimited_layout(lots: list[Lot], data: st.DataObject) -> None:
    separator = data.draw(st.sampled_from([",", ";", "|", "\t"]))
    quote = data.draw(st.sampled_from(['"', "'", ""]))
    marks = [(".", ""), (",", ""), (".", ","), (",", "."), (",", " ")]
    if not quote:  # a mark that parts cells cannot stand in numbers
        marks = [one for one in marks if separator not in one]
    marks = [one for one in marks if quote not in one or not quote]
    decimal_mark, thousands_mark = data.draw(st.sampled_from(marks))
    form = data.draw(date_formats)
    null = data.draw(st.sampled_from(["", "n/a", "--"]))
    order = data.draw(st.permutations(FIELDS))
    has_names = data.draw(st.booleans())
    has_trailer = data.draw(st.booleans())
    encoding = data.draw(st.sampled_from(["utf-8", "utf-16", "windows-1252", "cp037"]))
    end = data.draw(st.sampled_from(["\n", "\r\n"]))

    def line(cells: list[str]) -> str:
        return separator.join(f"{quote}{cell}{quote}" for cell in cells)

    lines = [line([f"Name of {name}" for name in order])] if has_names else []
    for one in lots:
        values = texts(one, form, null)
        values["quantity"] = grouped(abs(one.quantity), decimal_mark, thousands_mark)
        values["cost"] = (
            null if one.cost is None else grouped(one.cost, decimal_mark, thousands_mark)
        )
        lines.append(line([values[name] for name in order]))
    total = sum((abs(one.quantity) for one in lots), Decimal(0))
    if has_trailer:
        stated = grouped(total, decimal_mark, thousands_mark)
        lines.append(line(["TRAILER", str(len(lots)), stated]))

    def field(name: str, place: int) -> dict[str, Any]:
        where = {"names": [f"name OF {name}"]} if has_names else {"cell": place + 1}
        return {**where, "type": TYPES.get(name, "text")}

    records: dict[str, Any] = {
        "lot": {
            "fields": {name: field(name, place) for place, name in enumerate(order)},
            "entities": {"tax_lots": {"columns": COLUMNS}},
            **({} if has_names else {"cells": len(order)}),
        }
    }
    if has_trailer:
        records["trailer"] = {
            "role": "trailer",
            "starts_with": "TRAILER",
            "fields": {
                "count": {"cell": 2, "type": "number"},
                "total": {"cell": 3, "type": "number"},
            },
            "record_count": {"field": "count"},
            "control_amounts": [{"field": "total", "record": "lot", "sum_of": "quantity"}],
        }
    contract = mapped(
        {
            "lots": {
                "file_names": r"^lots",
                "format": "delimited",
                "separator": separator,
                "quote": quote,
                "encoding": encoding,
                "date_formats": [form],
                "decimal_mark": decimal_mark,
                "thousands_mark": thousands_mark,
                "line_of_names": has_names,
                "records": records,
            }
        }
    )
    content = "".join(f"{one}{end}" for one in lines)
    if not content:
        return
    reading = read(content.encode(encoding), contract)
    assert told(reading) == []
    assert landed(reading) == wanted(lots)


@COMMON
@given(table, st.data())
def test_a_table_through_a_fixed_width_layout(lots: list[Lot], data: st.DataObject) -> None:
    form = data.draw(date_formats)
    gaps = data.draw(st.lists(st.integers(0, 3), min_size=len(FIELDS), max_size=len(FIELDS)))
    order = data.draw(st.permutations(FIELDS))
    decimals = {"quantity": data.draw(st.integers(4, 6)), "cost": data.draw(st.integers(2, 5))}
    fill = data.draw(st.sampled_from(["0", " "]))
    has_sign = data.draw(st.booleans())
    is_trimmed = data.draw(st.booleans())
    widths = {
        "branch": 3, "base": 6, "ticker": 6, "lot_id": 8, "side": 1, "term": 3,
        "acquired": len(date(2026, 11, 19).strftime(form)), "quantity": 18, "cost": 18,
    }  # fmt: skip
    fields: dict[str, Any] = {}
    at = 1
    for name, gap in zip(order, gaps, strict=True):
        at += gap
        fields[name] = {"start": at, "end": at + widths[name] - 1, "type": TYPES.get(name, "text")}
        at += widths[name]
        if name in decimals:
            fields[name]["decimals"] = decimals[name]
        if name == "quantity" and has_sign:
            fields[name]["sign_at"] = at
            at += 1
    length = at + 1

    def put(line: str, start: int, text: str) -> str:
        return line[: start - 1] + text + line[start - 1 + len(text) :]

    lines = []
    for one in lots:
        values = texts(one, form, "")
        line = " " * length
        for name in order:
            number = {"quantity": one.quantity, "cost": one.cost}.get(name)
            text = values.get(name, "")
            if name in decimals and number is not None:
                digits = str(int(abs(number).scaleb(decimals[name])))
                text = digits.rjust(widths[name], fill)
            line = put(line, fields[name]["start"], text)
        if has_sign:
            line = put(line, fields["quantity"]["sign_at"], "-" if one.quantity < 0 else " ")
        lines.append(line.rstrip() if is_trimmed else line)
    columns = {**COLUMNS, **({"quantity": "quantity"} if has_sign else {})}
    contract = mapped(
        {
            "lots": {
                "file_names": r"^lots",
                "format": "fixed_width",
                "date_formats": [form],
                **({} if is_trimmed else {"record_length": length}),
                "records": {
                    "lot": {"fields": fields, "entities": {"tax_lots": {"columns": columns}}}
                },
            }
        }
    )
    if not lines:
        return
    reading = read("".join(f"{line}\n" for line in lines), contract)
    assert told(reading) == []
    assert landed(reading) == wanted(lots)


# Damage on the way


def harbor_files() -> dict[str, bytes]:
    market = demo_market()
    writer = HarborTrust(market, market.demo_index)
    writer.add(demo_household(HARBOR_TRUST_HOUSEHOLDS[0], DEMO_SEED))
    return dict(writer.contents())


FILES = harbor_files()
CONTRACTS = load_contracts()


def landing(name: str, content: bytes) -> FileReading:
    return read_file(ReceivedFile("HARBOR_TRUST", name, content), DEMO_SESSION, CONTRACTS)


ORIGINALS = {name: landing(name, content) for name, content in FILES.items()}


def assert_same_or_told(name: str, content: bytes, what: str) -> None:
    original, changed = ORIGINALS[name], landing(name, content)
    assert original.status == "LOADED"
    if facts(changed) != facts(original) or changed.delivery_mode != original.delivery_mode:
        serious = [one for one in changed.violations if one.severity == "block"]
        assert serious, f"a silent difference after {what}"
        for one in serious:
            assert one.rule in one.message
            assert one.message.startswith(name)


@pytest.mark.parametrize("name", sorted(FILES))
@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_file_cut_anywhere(name: str, data: st.DataObject) -> None:
    content = FILES[name]
    # The end is where a cut is hardest to see.
    near_end = st.integers(max(len(content) - 400, 0), len(content))
    place = data.draw(near_end | st.integers(0, len(content)))
    assert_same_or_told(name, content[:place], f"a cut at {place} of {len(content)}")


@pytest.mark.parametrize("name", sorted(FILES))
@pytest.mark.parametrize("kind", ["double", "drop", "swap", "no trailer", "no header", "blank"])
@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data())
def test_lines_doubled_dropped_and_swapped(name: str, kind: str, data: st.DataObject) -> None:
    lines = FILES[name].splitlines(keepends=True)
    one = data.draw(st.integers(0, len(lines) - 1))
    other = data.draw(st.integers(0, len(lines) - 1))
    if kind == "double":
        lines.insert(other, lines[one])
    elif kind == "drop":
        del lines[one]
    elif kind == "swap":
        lines[one], lines[other] = lines[other], lines[one]
    elif kind == "no trailer":
        del lines[-1]
    elif kind == "no header":
        del lines[0]
    else:
        lines.insert(other, b"\r\n")
    assert_same_or_told(name, b"".join(lines), f"{kind} of lines {one} and {other}")


@pytest.mark.parametrize("name", sorted(name for name in FILES if name.endswith(".psv")))
@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data())
def test_columns_in_another_order_are_the_same_facts(name: str, data: st.DataObject) -> None:
    header, *rows, trailer = FILES[name].decode().splitlines()
    order = data.draw(st.permutations(range(len(rows[0].split("|")))))
    moved = ["|".join(row.split("|")[place] for place in order) for row in rows]
    content = "\r\n".join([header, *moved, trailer, ""]).encode()
    assert facts(landing(name, content)) == facts(ORIGINALS[name])


@pytest.mark.parametrize("name", sorted(FILES))
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "windows-1252", "cp037"])
def test_other_encodings(name: str, encoding: str) -> None:
    content = FILES[name].decode().encode(encoding)
    assert_same_or_told(name, content, encoding)
    if encoding != "cp037":
        assert facts(landing(name, content)) == facts(ORIGINALS[name])


@pytest.mark.parametrize("name", sorted(name for name in FILES if name.endswith(".psv")))
@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_another_separator_than_stated_is_refused(name: str, separator: str) -> None:
    content = FILES[name].replace(b"|", separator.encode())
    assert facts(landing(name, content)) == {}
    assert_same_or_told(name, content, f"separator {separator!r}")


@settings(max_examples=150, deadline=None, derandomize=True)
@given(name=st.sampled_from(sorted(FILES)), data=st.data())
def test_damaged_bytes_never_raise(name: str, data: st.DataObject) -> None:
    content = bytearray(FILES[name])
    place = data.draw(st.integers(0, len(content) - 1))
    content[place : place + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    reading = landing(name, bytes(content))
    assert reading.status in ("LOADED", "QUARANTINED")
    if reading.status == "QUARANTINED":
        assert reading.tables == {}
        assert reading.violations
