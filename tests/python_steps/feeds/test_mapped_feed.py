"""Each thing that a layout can say, with a file that it fits and one that breaks it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from data_contracts.contract import load_contracts
from python_steps.feeds.reading import read_file
from python_steps.feeds.received import ROW_TEXT, ReceivedFile
from python_steps.feeds.recognition import recognise
from tests.python_steps.feeds.files import rows
from tests.python_steps.feeds.mapped_files import (
    CUSTODIAN,
    NAMES,
    lot_record,
    lots_file,
    lots_text,
    mapped,
    read,
    told,
    understood,
)

LOT = "A1,VTI,10,03/13/2018,1234.50"
FACT = ("A1", "VTI", "10", "2018-03-13", "1234.50")
COLUMNS = ("account_number", "ticker", "quantity", "acquisition_date", "cost_basis")
CODED = f"{NAMES},Code"


def lots(**columns: Any) -> dict[str, Any]:
    return {"lots": lots_file(records={"lot": lot_record(**columns)})}


# Delimited files


def test_lots_by_name() -> None:
    reading = read(lots_text(LOT), mapped({"lots": lots_file()}))
    assert rows(reading, "tax_lots", *COLUMNS) == [FACT]
    assert (reading.status, reading.row_count, told(reading)) == ("LOADED", 1, [])
    assert reading.covered_accounts == ("A1",)


@pytest.mark.parametrize(
    ("separator", "quote"),
    [(",", '"'), (";", '"'), ("|", ""), ("\t", ""), ("~", "'"), ("\x1f", "")],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_any_separator_quoted_or_not(separator: str, quote: str, end: str) -> None:
    contract = mapped({"lots": lots_file(separator=separator, quote=quote)})
    lines = [line.split(",") for line in (NAMES, LOT)]
    text = end.join(separator.join(f"{quote}{cell}{quote}" for cell in line) for line in lines)
    reading = read(text + end, contract)
    assert told(reading) == []
    assert rows(reading, "tax_lots", *COLUMNS) == [FACT]


def test_columns_may_stand_in_another_order_and_under_another_name() -> None:
    reading = read(
        lots_text("1234.50,03/13/2018,A1,10,VTI", names=" cost ,OPEN  DATE,Acct,Qty,Symbol"),
        mapped({"lots": lots_file()}),
    )
    assert told(reading) == []
    assert rows(reading, "tax_lots", *COLUMNS) == [FACT]


def test_a_missing_column_is_named_and_nothing_is_loaded() -> None:
    reading = read("Account,Symbol,Qty,Cost\nA1,VTI,10,1\n", mapped({"lots": lots_file()}))
    assert reading.status == "QUARANTINED"
    assert told(reading) == [
        ("required_column", 1, "no column 'Open Date' among account, symbol, qty, cost")
    ]


def test_a_column_that_stands_twice_is_refused() -> None:
    reading = read(lots_text(f"{LOT},A2", names=f"{NAMES},Acct"), mapped({"lots": lots_file()}))
    assert told(reading) == [("duplicate_column", 1, "2 columns for 'account'")]
    assert reading.tables == {}


def test_an_unknown_column_is_told_and_not_kept() -> None:
    contract = mapped({"lots": lots_file()}, ignored_columns=["Desk"])
    reading = read(lots_text(f"{LOT},7,555", names=f"{NAMES},Desk,SSN"), contract)
    assert told(reading) == [("unknown_column", 1, "column 'SSN'")]
    assert rows(reading, "tax_lots", *COLUMNS) == [FACT]


def test_an_optional_column_that_is_not_there_stays_null() -> None:
    contract = mapped(lots(term={"field": "code", "map": {"S": "SHORT"}}))
    assert rows(read(lots_text(LOT), contract), "tax_lots", "term") == [(None,)]
    with_it = lots_text(f"{LOT},S", names=CODED)
    assert rows(read(with_it, contract), "tax_lots", "term") == [("SHORT",)]


def test_what_a_layout_does_not_map_is_null_never_zero() -> None:
    (row,) = read(lots_text(LOT), mapped({"lots": lots_file()})).tables["tax_lots"].to_pylist()
    unmapped = set(row) - {*COLUMNS, "source_row_number", "row_as_received"}
    assert {row[name] for name in unmapped} == {None}


def test_null_words_are_empty() -> None:
    reading = read(lots_text("A1,VTI,10,N/A,--"), mapped({"lots": lots_file()}))
    assert rows(reading, "tax_lots", "acquisition_date", "cost_basis") == [("", "")]
    assert told(reading) == []


def test_a_number_may_be_a_null_word() -> None:
    contract = mapped({"lots": lots_file()}, null_words=["", "0", "99999.99"])
    text = lots_text("A1,VTI,10,03/13/2018,99999.99", "A1,BND,10,03/13/2018,0", "A1,GLD,0,0,1.0")
    found = rows(read(text, contract), "tax_lots", "quantity", "acquisition_date", "cost_basis")
    assert found == [("10", "2018-03-13", ""), ("10", "2018-03-13", ""), ("", "", "1.0")]


def test_lines_before_the_names_are_skipped_as_stated() -> None:
    contract = mapped({"lots": lots_file(skip_lines=2)})
    reading = read("Quarry Bank\n\n" + lots_text(LOT), contract)
    assert rows(reading, "tax_lots", "source_row_number", *COLUMNS) == [(4, *FACT)]


def test_cells_by_number_where_there_are_no_names() -> None:
    record = lot_record()
    record["cells"] = 5
    record["fields"] = {
        "account": {"cell": 1},
        "symbol": {"cell": 2},
        "quantity": {"cell": 3, "type": "number"},
        "acquired": {"cell": 4, "type": "date"},
        "cost": {"cell": 5, "type": "number"},
    }
    contract = mapped({"lots": lots_file(line_of_names=False, records={"lot": record})})
    assert rows(read(f"{LOT}\n", contract), "tax_lots", *COLUMNS) == [FACT]
    assert told(read(f"{LOT},x\n", contract)) == [("ragged_row", 1, "6 cells")]


@pytest.mark.parametrize(
    ("row", "observed"),
    [
        ("A1,VTI,10,03/13/2018", "4 cells"),
        ("A1,VTI,10,03/13/2018,1,234.50", "6 cells"),
        ('A1,"VTI"x,10,03/13/2018,1', "broken quotes (',' expected after '\"')"),
    ],
)
def test_a_row_that_cannot_be_split_refuses_the_file(row: str, observed: str) -> None:
    reading = read(lots_text(LOT, row), mapped({"lots": lots_file()}))
    assert told(reading) == [("ragged_row", 3, observed)]
    assert reading.tables == {}


def test_empty_cells_at_the_end_of_a_row_are_no_cells() -> None:
    reading = read(lots_text(f"{LOT},,"), mapped({"lots": lots_file()}))
    assert rows(reading, "tax_lots", *COLUMNS) == [FACT]


def test_a_file_that_the_layout_does_not_describe() -> None:
    contract = mapped({"lots": lots_file()})
    reading = read(lots_text(LOT), contract, name="trades.csv")
    assert told(reading)[0][0] == "layout_has_file"


def test_a_kind_of_file_is_told_by_its_first_line() -> None:
    contract = mapped({"lots": lots_file(first_line="^Account,")})
    assert read(lots_text(LOT), contract).status == "LOADED"
    assert told(read("Owner,x\n", contract))[0][0] == "layout_has_file"


def test_a_last_line_without_an_end_may_be_cut() -> None:
    reading = read(lots_text(LOT)[:-1], mapped({"lots": lots_file()}))
    assert told(reading) == [
        ("file_complete", 2, "a last line without a line break, so it may be cut")
    ]


# Encodings


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "windows-1252", "utf-16", "cp037", "iso-8859-15"]
)
def test_encodings_that_a_layout_states(encoding: str) -> None:
    stated = "utf-8" if encoding == "utf-8-sig" else encoding
    contract = mapped({"lots": lots_file(encoding=stated)})
    reading = read(lots_text("É1,VTI,10,03/13/2018,1.00").encode(encoding), contract)
    assert told(reading) == []
    assert rows(reading, "tax_lots", "account_number") == [("É1",)]


@pytest.mark.parametrize(
    ("stated", "sent", "observed"),
    [
        ("utf-8", "windows-1252", "invalid continuation byte at byte 35"),
        ("windows-1252", "utf-8", "characters of several bytes, as UTF-8 writes them"),
        ("utf-8", "utf-16-be", "a NUL character"),
    ],
)
def test_another_encoding_than_stated_is_refused(stated: str, sent: str, observed: str) -> None:
    contract = mapped({"lots": lots_file(encoding=stated)})
    text = lots_text("É1,VTI,10,03/13/2018,1.00" if sent != "utf-16-be" else LOT)
    reading = read(text.encode(sent), contract)
    assert [(rule, what) for rule, _, what in told(reading)] == [("encoding_as_declared", observed)]
    assert reading.status == "QUARANTINED"


def test_without_a_stated_encoding_files_are_decoded_as_everywhere() -> None:
    contract = mapped({"lots": lots_file()})
    reading = read(lots_text("É1,VTI,10,03/13/2018,1.00").encode("cp1252"), contract)
    assert [rule for rule, _, _ in told(reading)] == ["encoding_utf8"]
    assert rows(reading, "tax_lots", "account_number") == [("É1",)]


# Numbers and dates


@pytest.mark.parametrize(
    ("marks", "text", "expected"),
    [
        ({}, "$1234.50", "1234.50"),
        ({}, "($12.50)", "-12.50"),
        ({}, "-$12.50", "-12.50"),
        ({}, "$-12.50", "-12.50"),
        ({}, "12.50-", "-12.50"),
        ({}, "+.5", "0.5"),
        ({}, "0012", "12"),
        ({}, "-0.00", "0.00"),
        ({"thousands_mark": ","}, '"1,234,567.8"', "1234567.8"),
        ({"decimal_mark": ",", "thousands_mark": "."}, '"1.234,50"', "1234.50"),
        ({"decimal_mark": ",", "thousands_mark": " "}, '"1 234,50"', "1234.50"),
        ({"thousands_mark": "'"}, "1'234.50", "1234.50"),
    ],
)
def test_numbers_as_the_layout_says_they_are_written(
    marks: dict[str, str], text: str, expected: str
) -> None:
    contract = mapped({"lots": lots_file(**marks)})
    reading = read(lots_text(f"A1,VTI,10,03/13/2018,{text}"), contract)
    assert told(reading) == []
    assert rows(reading, "tax_lots", "cost_basis") == [(expected,)]


@pytest.mark.parametrize(
    ("marks", "text"),
    [
        ({}, '"1,234.50"'),
        ({}, "1.234.50"),
        ({}, '"12,5"'),
        ({}, "(12.50"),
        ({}, "-12.50-"),
        ({}, "1e5"),
        ({}, "."),
        ({}, "١٢"),
        ({"thousands_mark": ","}, '"12,34"'),
        ({"decimal_mark": ",", "thousands_mark": "."}, "1234.5"),
    ],
)
def test_a_number_written_otherwise_is_missing_and_told(marks: dict[str, str], text: str) -> None:
    contract = mapped({"lots": lots_file(**marks)})
    reading = read(lots_text(f"A1,VTI,10,03/13/2018,{text}"), contract)
    ((rule, row, observed),) = told(reading)
    assert (rule, row) == ("field_readable", 2)
    assert observed is not None
    assert observed.startswith(f"column cost_basis: {text.strip(chr(34))!r}, ")
    assert rows(reading, "tax_lots", "cost_basis") == [("",)]


def test_a_cell_that_cannot_be_read_names_file_row_column_rule_and_whom_it_concerns() -> None:
    reading = read(lots_text(LOT, "A2,BND,x,03/13/2018,1"), mapped({"lots": lots_file()}))
    (found,) = [one for one in reading.violations if one.severity == "block"]
    assert found.message.startswith(
        "lots.csv, row 3: rule field_readable: found column quantity: 'x', which is no number"
    )
    assert (found.account_number, found.security_key, found.scope) == ("A2", "BND", "lot")
    assert reading.status == "LOADED"


def test_a_column_broken_in_most_rows_is_one_finding_that_refuses_the_file() -> None:
    bad = [f"A1,T{number},10,2018-03-13,1" for number in range(30)]
    reading = read(lots_text(*bad), mapped({"lots": lots_file()}))
    ((rule, row, observed),) = told(reading)
    assert (rule, row) == ("systematic_break", 2)
    assert observed is not None
    assert observed.startswith("rule field_readable broken in 30 of 30 rows")
    assert reading.status == "QUARANTINED"


def test_implied_decimals_in_a_delimited_file() -> None:
    record = lot_record()
    record["fields"]["cost"]["decimals"] = 2
    contract = mapped({"lots": lots_file(records={"lot": record})})
    reading = read(lots_text("A1,VTI,10,03/13/2018,-123450"), contract)
    assert rows(reading, "tax_lots", "cost_basis") == [("-1234.50",)]
    assert told(read(lots_text("A1,VTI,10,03/13/2018,1234.50"), contract))[0][0] == (
        "field_readable"
    )


def test_dates_of_several_forms_and_the_ambiguous_one() -> None:
    contract = mapped({"lots": lots_file(date_formats=["%m/%d/%Y", "%d/%m/%Y", "%d-%b-%y"])})
    reading = read(
        lots_text(
            "A,B,1,13/03/2018,1", "A,C,1,13-MAR-18,1", "A,D,1,00000000,1", "A,E,1,03/04/2018,1"
        ),
        contract,
    )
    assert rows(reading, "tax_lots", "acquisition_date") == [
        ("2018-03-13",), ("2018-03-13",), ("",), ("",),
    ]  # fmt: skip
    assert told(reading) == [
        (
            "field_readable",
            5,
            "column acquisition_date: '03/04/2018', which could be 2018-03-04 or 2018-04-03",
        )
    ]


# Expressions


def test_constants_joins_and_maps() -> None:
    contract = mapped(
        lots(
            account_number={"join": ["account", "code"], "separator": "-"},
            currency={"constant": "USD"},
            term={"field": "code", "map": "terms"},
        ),
        mappings={"terms": {"S": "SHORT", "L": "LONG", "U": ""}},
    )
    given = [f"{LOT},{code}" for code in ("S", "L", "U", "", "Q")]
    reading = read(lots_text(*given, names=CODED), contract)
    assert rows(reading, "tax_lots", "account_number", "currency", "term") == [
        ("A1-S", "USD", "SHORT"),
        ("A1-L", "USD", "LONG"),
        ("A1-U", "USD", ""),
        ("", "USD", ""),  # a part is missing: there is no whole
        ("A1-Q", "USD", ""),
    ]
    assert told(reading) == [("value_mapped", 6, "column term: 'Q', which the map does not have")]


def test_a_map_may_say_what_all_other_words_are() -> None:
    rule = {"field": "code", "map": {"S": "SHORT"}, "otherwise": "UNKNOWN"}
    reading = read(lots_text(f"{LOT},?", names=CODED), mapped(lots(term=rule)))
    assert rows(reading, "tax_lots", "term") == [("UNKNOWN",)]
    assert told(reading) == []


def test_the_sign_of_an_amount_that_comes_without_one() -> None:
    rule = {"field": "quantity", "sign": {"field": "code", "minus": ["S", "DR"], "plus": ["B"]}}
    given = [f"A1,T{code},{number},03/13/2018,1,{code}" for code, number in
             (("S", "5"), ("DR", "0.0"), ("B", "5"), ("X", "5"), ("S", "-5"))]  # fmt: skip
    reading = read(lots_text(*given, names=CODED), mapped(lots(quantity=rule)))
    assert rows(reading, "tax_lots", "quantity") == [("-5",), ("0.0",), ("5",), ("",), ("",)]
    assert told(reading) == [
        ("sign_known", 5, "column quantity: the indicator 'X'"),
        ("sign_known", 6, "column quantity: -5 beside 'S': it has a sign already"),
    ]


def test_negate_when() -> None:
    rule = {"field": "quantity", "negate_when": {"field": "code", "in": ["S"]}}
    given = [f"A1,T{code}{number},{number},03/13/2018,1,{code}" for code, number in
             (("S", "5"), ("S", "-5"), ("B", "5"), ("S", "0.00"))]  # fmt: skip
    reading = read(lots_text(*given, names=CODED), mapped(lots(quantity=rule)))
    assert rows(reading, "tax_lots", "quantity") == [("-5",), ("5",), ("5",), ("0.00",)]


def test_the_files_date_as_a_column() -> None:
    contract = mapped(
        {
            "lots": lots_file(
                file_names=r"^lots_(?P<date>\d{8})\.csv$",
                file_date_format="%Y%m%d",
                records={"lot": lot_record(holding_period_start_date={"as_of_date": True})},
            )
        },
        as_of_date_sources=["FILE_NAME"],
    )
    reading = read(lots_text(LOT), contract, name="LOTS_20261119.csv")
    assert (reading.stated_as_of_date, reading.as_of_source) == (date(2026, 11, 19), "FILE_NAME")
    assert rows(reading, "tax_lots", "holding_period_start_date") == [("2026-11-19",)]
    wrong = read(lots_text(LOT), contract, name="lots_20261399.csv")
    assert [rule for rule, _, _ in told(wrong)] == ["as_of_date_present"]


# Records


def test_rows_go_to_entities_by_condition_and_a_row_that_fits_none_is_told() -> None:
    record = lot_record()
    lot = record["entities"]["tax_lots"]
    lot["when"] = [{"field": "code", "in": ["LOT"]}]
    record["entities"]["positions"] = {
        "when": [{"field": "code", "not_in": ["LOT", "TOT", "???"]}],
        "columns": {
            "account_number": "account",
            "ticker": "symbol",
            "quantity": "quantity",
            "currency": {"constant": "USD"},
        },
    }
    record["ignored_when"] = [{"field": "code", "in": ["TOT"]}]
    contract = mapped({"lots": lots_file(records={"lot": record})})
    good = lots_text(f"{LOT},LOT", f"{LOT},POS", f"{LOT},TOT", names=CODED)
    reading = read(good, contract)
    assert told(reading) == []
    assert {name: table.num_rows for name, table in reading.tables.items()} == {
        "tax_lots": 1,
        "positions": 1,
    }
    broken = read(lots_text(f"{LOT},LOT", f"{LOT},???", f"{LOT},???", names=CODED), contract)
    assert told(broken) == [
        (
            "record_type_known",
            3,
            "a line of lot that fits no entity's conditions, and 1 more of them",
        )
    ]
    assert broken.status == "QUARANTINED"


def test_a_fact_that_every_row_repeats_is_kept_once() -> None:
    record = lot_record()
    record["entities"]["securities"] = {
        "distinct": True,
        "columns": {
            "ticker": "symbol",
            "security_name": "symbol",
            "security_type": {"constant": "ETF"},
            "currency": {"constant": "USD"},
        },
    }
    contract = mapped({"lots": lots_file(records={"lot": record})})
    reading = read(lots_text(LOT, LOT, "A2,BND,1,03/13/2018,1"), contract)
    assert rows(reading, "securities", "ticker", "source_row_number") == [("VTI", 2), ("BND", 4)]
    assert reading.tables["tax_lots"].num_rows == 3


DAILY: dict[str, Any] = {
    "file_names": r"^daily\.dat$",
    "format": "fixed_width",
    "record_type": {"start": 1, "end": 1},
    "date_formats": ["%Y%m%d"],
    "records": {
        "header": {
            "role": "header",
            "type": "H",
            "fields": {
                "day": {"start": 2, "end": 9, "type": "date"},
                "mode": {"start": 10, "end": 10},
                "since": {"start": 11, "end": 18, "type": "date"},
            },
            "as_of_date": "day",
            "covered_from_date": "since",
            "delivery_mode": {"field": "mode", "values": {"R": "FULL", "U": "DELTA"}},
        },
        "position": {
            "type": "A",
            "personal_data": True,
            "fields": {
                "branch": {"start": 2, "end": 4},
                "base": {"start": 5, "end": 7},
                "sequence": {"start": 8, "end": 9},
                "tax_id": {"start": 10, "end": 18},
                "symbol": {"start": 19, "end": 22},
                "quantity": {
                    "start": 23, "end": 30, "type": "number", "decimals": 2, "sign_at": 31,
                },
            },
            "entities": {
                "positions": {
                    "columns": {
                        "account_number": {"join": ["branch", "base"]},
                        "ticker": "symbol",
                        "quantity": "quantity",
                        "market_value": "value",
                        "currency": {"constant": "USD"},
                    }
                }
            },
        },
        "values": {
            "role": "continuation",
            "type": "B",
            "continues": "position",
            "required": True,
            "match": {"sequence_again": "sequence"},
            "fields": {
                "sequence_again": {"start": 2, "end": 3},
                "value": {"start": 4, "end": 11, "type": "number", "decimals": 2},
                "note": {"start": 12, "end": 20},
            },
        },
        "address": {"role": "ignored", "type": "X", "reason": "Personal data that is not needed"},
        "trailer": {
            "role": "trailer",
            "type": "T",
            "fields": {
                "day": {"start": 2, "end": 9, "type": "date"},
                "lines": {"start": 10, "end": 13, "type": "number"},
                "total": {"start": 14, "end": 23, "type": "number", "decimals": 2},
            },
            "as_of_date": "day",
            "record_count": {"field": "lines"},
            "control_amounts": [{"field": "total", "record": "position", "sum_of": "value"}],
        },
    },
}  # fmt: skip
DAILY_LINES = [
    "H20261119R20251119",
    "A00112301900001111VTI 00001000+",
    "B0100250000PRIVATE  ",
    "X1 Secret Road",
    "A00112402900002222BND 00000550-",
    "B0200001234",
    "T2026111900050000251234",
]


def daily(**changes: Any) -> Any:
    return mapped(
        {"daily": {**DAILY, **changes}}, as_of_date_sources=["HEADER", "TRAILER", "FILE_NAME"]
    )


def daily_text(**replaced: str) -> str:
    """The lines of a day; `line_3="..."` replaces the third, '' takes it out."""
    lines = list(DAILY_LINES)
    for name, line in replaced.items():
        lines[int(name.removeprefix("line_")) - 1] = line
    return "".join(f"{line}\n" for line in lines if line)


def test_records_of_several_types_with_header_trailer_and_continuations() -> None:
    found = understood(daily_text(), daily(), "daily.dat")
    reading = found.reading
    assert told(reading) == []
    wanted = ("source_row_number", "account_number", "ticker", "quantity", "market_value")
    assert rows(reading, "positions", *wanted) == [
        (2, "001123", "VTI", "10.00", "2500.00"),
        (5, "001124", "BND", "-5.50", "12.34"),
    ]
    assert (reading.stated_as_of_date, reading.as_of_source) == (date(2026, 11, 19), "HEADER")
    assert reading.covered_from_date == date(2025, 11, 19)
    assert (reading.delivery_mode, reading.row_count) == ("FULL", 2)
    assert (reading.control_row_count, reading.control_amount) == (5, Decimal("2512.34"))
    assert all(total.agrees for total in found.control_totals)
    assert found.lines == {
        "header": 1, "position": 2, "values": 2, "address": 1, "trailer": 1,
    }  # fmt: skip


def test_of_personal_data_only_what_is_mapped_is_kept() -> None:
    reading = read(daily_text(), daily(), "daily.dat")
    texts = [row[ROW_TEXT] for row in reading.tables["positions"].to_pylist()]
    # Record type, account, symbol, quantity; not the tax id, the note or the matching sequence.
    assert texts == [
        "A001123           VTI 00001000+\n   00250000",
        "A001124           BND 00000550-\n   00001234",
    ]
    everything = str(reading.tables["positions"].to_pylist())
    assert "900001111" not in everything
    assert "PRIVATE" not in everything


def test_personal_data_of_a_delimited_record() -> None:
    record = {**lot_record(), "personal_data": True}
    contract = mapped({"lots": lots_file(records={"lot": record})}, ignored_columns=["SSN"])
    text = lots_text(f"900-00-1234,{LOT}", names=f"SSN,{NAMES}")
    (row,) = read(text, contract).tables["tax_lots"].to_pylist()
    assert row[ROW_TEXT] == f",{LOT}"


def test_a_row_without_personal_data_is_kept_as_received() -> None:
    (row,) = read(lots_text(LOT), mapped({"lots": lots_file()})).tables["tax_lots"].to_pylist()
    assert row[ROW_TEXT] == LOT


def test_delta_files() -> None:
    reading = read(daily_text(line_1="H20261119U20251119"), daily(), "daily.dat")
    assert reading.delivery_mode == "DELTA"
    unknown = read(daily_text(line_1="H20261119Z20251119"), daily(), "daily.dat")
    assert told(unknown) == [("delivery_mode_known", 1, "'Z' in mode")]
    contract = mapped({"lots": lots_file(delivery_mode="DELTA")})
    assert read(lots_text(LOT), contract).delivery_mode == "DELTA"


@pytest.mark.parametrize(
    ("replaced", "rule", "row", "observed"),
    [
        ({"line_1": ""}, "file_complete", 1, "no header record"),
        ({"line_7": ""}, "file_complete", 6, "no trailer record at the end"),
        (
            {"line_2": "H20261119R20251119"},
            "file_complete",
            2,
            "a header that is not the first line",
        ),
        ({"line_4": "QJunk"}, "record_type_known", 4, "a line of type 'Q'"),
        ({"line_3": ""}, "continuation_joined", 2, "a line of position without its line of values"),
        (
            {"line_2": ""},
            "continuation_joined",
            2,
            "a line of values without a line of position before it",
        ),
        (
            {"line_3": "B0900250000"},
            "continuation_joined",
            3,
            "sequence_again of another record than line 2",
        ),
        ({"line_6": ""}, "control_count", 6, "4 lines"),
        ({"line_4": ""}, "control_count", 6, "4 lines"),
        ({"line_6": "B0200001235"}, "control_amount", 7, "value of position: 2512.35"),
        (
            {"line_6": "B020000X235"},
            "control_amount",
            7,
            "value of position: a row that cannot be read",
        ),
        ({"line_7": "T202611190005          "}, "control_total_present", 7, "nothing in total"),
        (
            {"line_7": "T20261119000X0000251234"},
            "control_total_present",
            7,
            "lines '000X', which is no number",
        ),
        ({"line_7": "T2026111800050000251234"}, "as_of_dates_agree", None, "2026-11-18 by TRAILER"),
        (
            {"line_1": "H20261339R20251119"},
            "as_of_date_present",
            1,
            "day '20261339', which is no date of the form %Y%m%d",
        ),
        ({"line_1": "H20261119R        "}, "as_of_date_present", 1, "nothing in since"),
        (
            {"line_7": f"{DAILY_LINES[6]}\nX after"},
            "file_complete",
            8,
            "a line behind the trailer of line 7",
        ),
    ],
)
def test_gates_that_refuse_a_file(
    replaced: dict[str, str], rule: str, row: int | None, observed: str
) -> None:
    reading = read(daily_text(**replaced), daily(), "daily.dat")
    assert (rule, row, observed) in told(reading)
    assert reading.status == "QUARANTINED"
    assert reading.tables == {}


def test_a_continuation_may_be_left_out_where_the_layout_allows_it() -> None:
    records = {**DAILY["records"], "values": {**DAILY["records"]["values"], "required": False}}
    trailer = "T2026111900040000001234"
    text = daily_text(line_3="", line_7=trailer)
    reading = read(text, daily(records=records), "daily.dat")
    assert told(reading) == []
    assert rows(reading, "positions", "market_value") == [("",), ("12.34",)]


def test_a_second_continuation_is_told() -> None:
    text = daily_text(line_3="B0100250000\nB0100250000")
    found = told(read(text, daily(), "daily.dat"))
    assert ("continuation_joined", 4, "a second line of values for line 2") in found


def test_a_length_that_is_stated_is_demanded() -> None:
    padded = "".join(f"{line:<40}\n" for line in DAILY_LINES)
    contract = daily(record_length=40)
    assert told(read(padded, contract, "daily.dat")) == []
    cut = padded.replace("VTI 00001000+         \n", "VTI 00001000+        \n")
    assert ("ragged_row", 2, "39 characters") in told(read(cut, contract, "daily.dat"))


def test_a_line_that_ends_inside_a_number_is_told() -> None:
    reading = read(daily_text(line_2=DAILY_LINES[1][:28]), daily(), "daily.dat")
    observed = "column quantity: '000010', cut off inside columns 23-30"
    assert ("field_readable", 2, observed) in told(reading)


def test_what_a_count_covers() -> None:
    def counted(counts: Any, stated: str) -> list[tuple[str, int | None, str | None]]:
        records = {**DAILY["records"]}
        rule = {"field": "lines", "counts": counts}
        records["trailer"] = {**records["trailer"], "record_count": rule}
        text = daily_text(line_7=f"T20261119{stated}0000251234")
        return told(read(text, daily(records=records), "daily.dat"))

    assert counted("all_lines", "0007") == []
    assert counted("detail_lines", "0005") == []
    assert counted(["position"], "0002") == []
    assert counted(["position"], "0005") == [("control_count", 7, "2 lines")]


def test_control_amounts_within_a_tolerance() -> None:
    records = {**DAILY["records"]}
    amount = {**DAILY["records"]["trailer"]["control_amounts"][0], "tolerance": "0.01"}
    records["trailer"] = {**records["trailer"], "control_amounts": [amount]}
    near = daily_text(line_7="T2026111900050000251235")
    assert told(read(near, daily(records=records), "daily.dat")) == []
    far = daily_text(line_7="T2026111900050000251236")
    assert told(read(far, daily(records=records), "daily.dat"))[0][0] == "control_amount"


def test_rows_that_state_the_date() -> None:
    record = {**lot_record(), "as_of_date": "acquired"}
    contract = mapped({"lots": lots_file(records={"lot": record})}, as_of_date_sources=["FIELD"])
    reading = read(lots_text(LOT, LOT), contract)
    assert (reading.stated_as_of_date, reading.as_of_source) == (date(2018, 3, 13), "FIELD")
    mixed = read(lots_text(LOT, "A1,VTI,1,03/14/2018,1"), contract)
    assert (
        "as_of_dates_agree",
        None,
        "2018-03-13 in 1 rows, 2018-03-14 in 1 rows",
    ) in told(mixed)
    assert mixed.status == "QUARANTINED"


def test_the_name_of_a_file_may_differ_from_its_inside_with_a_warning() -> None:
    contract = daily(file_names=r"^daily_(?P<date>\d{8})\.dat$", file_date_format="%Y%m%d")
    reading = read(daily_text(), contract, "daily_20261118.dat")
    assert told(reading) == [("as_of_dates_agree", None, "2026-11-18 by FILE_NAME")]
    assert (reading.status, reading.stated_as_of_date) == ("LOADED", date(2026, 11, 19))


def test_rows_with_the_same_key_are_told() -> None:
    twice = daily_text(
        line_5=DAILY_LINES[1],
        line_6=DAILY_LINES[2],
        line_7="T2026111900050000500000",
    )
    found = told(read(twice, daily(), "daily.dat"))
    assert [(rule, row) for rule, row, _ in found] == [("unique_key", 2), ("unique_key", 5)]


def test_a_refused_file_names_every_entity_that_is_missing_by_it() -> None:
    contract = daily()
    contracts = {**load_contracts(), contract.feed: contract}
    file = ReceivedFile(CUSTODIAN, "daily.dat", daily_text(line_6="").encode())
    reading = read_file(file, date(2026, 11, 19), contracts)
    withheld = [one for one in reading.violations if one.rule == "entity_delivered"]
    assert [(one.entity, one.severity, one.scope) for one in withheld] == [
        ("positions", "block", "feed")
    ]
    other_day = ReceivedFile(CUSTODIAN, "daily.dat", daily_text().encode())
    moved = read_file(other_day, date(2026, 11, 18), contracts)
    assert [one.rule for one in moved.violations] == ["as_of_date_is_session", "entity_delivered"]


# Recognition of the worked example


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ht_daily_20261119.dat", b"HDRHARBOR TRUST CO     20261119F\n"),
        ("renamed.txt", b"HDRHARBOR TRUST CO     20261119F\n"),
        ("ht_lots_20261119.psv", b"#HARBOR TRUST|LOTS|20261119|F\n"),
    ],
)
def test_harbor_trust_recognises_its_files(name: str, content: bytes) -> None:
    file = ReceivedFile("HARBOR_TRUST", name, content)
    assert recognise(file, load_contracts()) == "harbor_trust"


@pytest.mark.parametrize(
    ("custodian", "name", "content"),
    [
        ("ALPINE", "positions.csv", b"account_number,ticker\n"),
        ("SCHWAB", "a.csv", b'"Positions for account X ...234 as of 11/19/2026"\n'),
        ("PERSHING", "GCUS.dat", b"BOF      PERSHING CUSTOMER POSITION\n"),
        ("IBKR", "a.xml", b"<FlexQueryResponse></FlexQueryResponse>"),
        ("HARBOR_TRUST", "notes.txt", b"HDRHARBOUR BANK\n"),
    ],
)
def test_harbor_trust_claims_no_other_file(custodian: str, name: str, content: bytes) -> None:
    assert recognise(ReceivedFile(custodian, name, content), load_contracts()) != "harbor_trust"


def test_no_other_feed_claims_a_file_of_harbor_trust() -> None:
    others = {name: one for name, one in load_contracts().items() if name != "harbor_trust"}
    for name, content in (
        ("ht_daily_20261119.dat", b"HDRHARBOR TRUST CO     20261119F\n"),
        ("ht_lots_20261119.psv", b"#HARBOR TRUST|LOTS|20261119|F\nBranch|Account|CUSIP\n"),
    ):
        assert recognise(ReceivedFile("HARBOR_TRUST", name, content), others) is None


def test_the_heading_over_the_kind_of_record_is_no_unknown_column() -> None:
    typed = lots_file(record_type={"cell": 1}, records={"lot": {**lot_record(), "type": "LOT"}})
    reading = read(lots_text(f"LOT,{LOT}", names=f"Kind,{NAMES}"), mapped({"lots": typed}))
    assert told(reading) == []
    assert rows(reading, "tax_lots", *COLUMNS) == [FACT]
