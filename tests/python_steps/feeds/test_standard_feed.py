"""The standard feed and the policy files: good files, and each way in which one can be bad."""

from datetime import date
from decimal import Decimal

import pytest

from python_steps.feeds.delimited import read_rows
from tests.python_steps.feeds.files import SESSION, facts, read, rows, rules, serious, standard

HEADER = "account_number,ticker,quantity,price,price_date,currency"
ROWS = ["A1,VTI,10,250.00,2026-11-19,USD", "A1,BND,5.5,72.10,2026-11-19,USD"]


def positions(lines=None, name="positions.csv", custodian="ALPINE", **settings):
    return read(custodian, name, standard(lines or [HEADER, *ROWS], **settings))


def test_a_good_file_lands_as_text_with_lines():
    reading = positions()
    assert reading.status == "LOADED"
    assert reading.violations == ()
    assert (reading.feed, reading.control_row_count, reading.row_count) == ("standard_feed", 2, 2)
    assert (reading.as_of_source, reading.session_date) == ("LANDING_FOLDER", SESSION)
    assert rows(reading, "positions", "ticker", "quantity", "source_row_number") == [
        ("VTI", "10", 2),
        ("BND", "5.5", 3),
    ]
    first = reading.tables["positions"].to_pylist()[0]
    assert first["row_as_received"] == ROWS[0]
    assert first["cost_basis"] is None, "a column that the file does not have is null"
    assert reading.covered_accounts == ("A1",)


def test_an_empty_cell_is_empty_not_null():
    reading = positions([HEADER, "A1,VTI,,,,USD"])
    assert rows(reading, "positions", "quantity", "price") == [("", "")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_mark_do_not_matter(end, mark):
    content = mark + standard([HEADER, *ROWS], end=end).encode()
    reading = read("ALPINE", "positions.csv", content)
    assert reading.violations == ()
    assert facts(reading) == facts(positions())


def test_utf16_is_decoded_and_windows_1252_is_said():
    lines = ["person_id,display_name", "P1,Zoë Example"]
    utf16 = read("ALPINE", "persons.csv", standard(lines).encode("utf-16"))
    assert utf16.violations == ()
    windows = read("ALPINE", "persons.csv", standard(lines).encode("cp1252"))
    assert serious(windows) == ["encoding_utf8"]
    assert windows.violations[0].source_row_number == 2
    assert facts(windows) == facts(utf16)


@pytest.mark.parametrize(
    "content", [b"account_number,quantity\nA1,\x00\n", b"account_number\n\x81\x8d\n"]
)
def test_bytes_that_are_no_text_are_refused(content):
    reading = read("ALPINE", "positions.csv", content)
    assert rules(reading) == ["file_decodable"]
    assert reading.violations[0].source_row_number == 2
    assert reading.tables == {}


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b"  \r\n"])
def test_an_empty_file_is_refused(content):
    assert rules(read("ALPINE", "positions.csv", content)) == ["file_not_empty"]
    assert rules(read("POLICY", "restrictions.csv", content)) == ["file_not_empty"]


def test_columns_in_any_order_and_case():
    reading = positions(["Currency, QUANTITY ,ticker,Account_Number", "USD,10,VTI,A1"])
    assert serious(reading) == []
    assert rows(reading, "positions", "account_number", "quantity") == [("A1", "10")]


def test_a_missing_required_column_refuses_the_file_by_name():
    reading = positions(["account_number,ticker,currency", "A1,VTI,USD"])
    assert rules(reading) == ["required_column"]
    assert "'quantity'" in reading.violations[0].message
    assert reading.status == "QUARANTINED"


def test_an_unknown_column_is_said_and_a_double_one_refused():
    reading = positions([HEADER + ",colour", ROWS[0] + ",red"])
    assert serious(reading) == ["unknown_column"]
    assert reading.status == "LOADED"
    doubled = positions([HEADER + ",ticker", ROWS[0] + ",VOO"])
    assert "duplicate_column" in rules(doubled)
    assert doubled.status == "QUARANTINED"


def test_a_ragged_row_blocks_its_account_only_where_that_is_certain():
    reading = positions([HEADER, *ROWS, "A1,GLD,1,USD", "B2,VTI,3,250,2026-11-19,USD"])
    (found,) = [broken for broken in reading.violations if broken.rule == "ragged_row"]
    assert (found.scope, found.account_number, found.source_row_number) == ("account", "A1", 4)
    assert "row 4" in found.message
    assert "4 cells" in found.message
    assert reading.status == "LOADED"
    assert reading.row_count == 4
    assert len(rows(reading, "positions", "ticker")) == 3


def test_a_ragged_row_of_an_unknown_account_refuses_the_file():
    reading = positions([HEADER, *ROWS, "Smith, John,GLD,1,2,2026-11-19,USD"])
    assert rules(reading) == ["ragged_row"]
    assert reading.status == "QUARANTINED"


def test_a_ragged_price_row_is_left_out_with_a_warning():
    lines = ["ticker,price_date,price,currency", "VTI,2026-11-19,250,USD", "BND,2026-11-19,72"]
    reading = read("ALPINE", "prices.csv", standard(lines))
    assert [(found.rule, found.severity) for found in reading.violations] == [
        ("ragged_row", "warn")
    ]
    assert rows(reading, "prices", "ticker") == [("VTI",)]


def test_surplus_empty_cells_at_the_end_are_dropped():
    reading = positions([HEADER + ",", *(row + ",," for row in ROWS)])
    assert reading.violations == ()
    assert facts(reading) == facts(positions())


def test_quotes_with_commas_and_line_breaks_keep_exact_lines():
    lines = [
        "account_number,account_title,base_currency",
        'A1,"Ann, and\nBob ""Trust""",USD',
        "",
        "A2,Plain,USD",
    ]
    reading = read("ALPINE", "accounts.csv", standard(lines, trailer="#rows=2"))
    assert reading.violations == ()
    assert rows(reading, "accounts", "account_title", "source_row_number") == [
        ('Ann, and\nBob "Trust"', 2),
        ("Plain", 5),
    ]
    assert reading.tables["accounts"].to_pylist()[0]["row_as_received"] == lines[1]


@pytest.mark.parametrize("bad", ['A1,"Ann,USD', 'A1,"Ann" Example,USD'])
def test_broken_quotes_refuse_the_file(bad):
    lines = ["account_number,account_title,base_currency", "A0,Zed,USD", bad, "A2,Plain,USD"]
    reading = read("ALPINE", "accounts.csv", standard(lines, trailer=None))
    assert "ragged_row" in rules(reading)
    assert reading.status == "QUARANTINED"


def test_blank_lines_do_not_move_line_numbers():
    reading = positions([HEADER, "", ROWS[0], "", ROWS[1]], trailer="#rows=2")
    assert rows(reading, "positions", "source_row_number") == [(3,), (5,)]
    assert reading.violations == ()


def test_header_only_is_an_empty_table():
    reading = positions([HEADER])
    assert reading.status == "LOADED"
    assert reading.tables["positions"].num_rows == 0


def test_control_count():
    assert rules(positions(trailer="#rows=3")) == ["control_count"]
    assert positions(trailer="#rows=3").status == "QUARANTINED"
    assert rules(positions(trailer=None)) == ["control_total_present"]
    assert positions(trailer=None).status == "LOADED"


@pytest.mark.parametrize(
    "trailer", ["#rows", "#rows=", "#rows=2,as_of_date=2026-13-01", "#total=2"]
)
def test_a_control_line_that_is_cut_or_wrong_refuses_the_file(trailer):
    reading = positions(trailer=trailer)
    assert rules(reading) == ["file_complete"]
    assert reading.tables == {}


def test_a_last_line_that_is_cut_refuses_the_file():
    whole = standard([HEADER, *ROWS], trailer=None)
    reading = read("ALPINE", "positions.csv", whole[:-2])
    assert "file_complete" in rules(reading)
    assert reading.status == "QUARANTINED"


@pytest.mark.parametrize(
    ("name", "trailer", "source"),
    [
        ("positions_2026-11-19.csv", "#rows=2", "FILE_NAME"),
        ("positions-20261119.csv", "#rows=2", "FILE_NAME"),
        ("positions.csv", "#rows=2,as_of_date=2026-11-19", "TRAILER"),
    ],
)
def test_the_date_is_read_where_it_stands(name, trailer, source):
    reading = positions(name=name, trailer=trailer)
    assert (reading.stated_as_of_date, reading.as_of_source) == (SESSION, source)
    assert reading.violations == ()


@pytest.mark.parametrize(
    ("name", "trailer"),
    [
        ("positions_2026-11-18.csv", "#rows=2"),
        ("positions.csv", "#rows=2,as_of_date=2026-11-20"),
    ],
)
def test_a_file_of_another_day_is_refused(name, trailer):
    reading = positions(name=name, trailer=trailer)
    assert rules(reading) == ["as_of_date_is_session"]
    assert reading.tables == {}
    assert "2026-11-19, the session of the landing folder" in reading.violations[0].message


def test_a_weekend_file_belongs_to_the_friday():
    reading = read(
        "ALPINE", "positions_2026-11-21.csv", standard([HEADER, *ROWS]), date(2026, 11, 20)
    )
    assert reading.status == "LOADED"
    assert reading.session_date == date(2026, 11, 20)


def test_dates_that_disagree_are_said():
    reading = positions(name="positions_2026-11-18.csv", trailer="#rows=2,as_of_date=2026-11-19")
    assert rules(reading) == ["as_of_dates_agree"]
    assert reading.status == "LOADED"


def test_an_impossible_date_in_the_file_name_is_refused():
    reading = positions(name="positions_2026-13-45.csv")
    assert rules(reading) == ["as_of_date_present"]
    assert reading.status == "QUARANTINED"


def test_most_rows_of_an_earlier_day_date_the_file():
    old = [f"A1,T{i},1,1,2026-11-18,USD" for i in range(11)]
    reading = positions([HEADER, *old])
    assert (reading.stated_as_of_date, reading.as_of_source) == (date(2026, 11, 18), "FIELD")
    assert rules(reading) == ["as_of_date_is_session"]
    mixed = positions([HEADER, *old, *(f"A1,U{i},1,1,2026-11-19,USD" for i in range(11))])
    assert mixed.status == "LOADED", "half of the rows do not speak for the file"


def test_rows_dated_after_the_session():
    one = positions([HEADER, *ROWS, "A1,GLD,1,1,2062-11-19,USD"])
    assert [(f.rule, f.scope, f.source_row_number) for f in one.violations] == [
        ("dates_not_after_session", "position", 4)
    ]
    assert one.status == "LOADED"
    most = positions([HEADER, *(row.replace("-19,", "-20,") for row in ROWS)])
    assert [(f.rule, f.scope) for f in most.violations] == [("dates_not_after_session", "feed")]
    assert most.status == "QUARANTINED"


def test_duplicate_keys_freeze_what_they_speak_of():
    reading = positions([HEADER, *ROWS, ROWS[0]])
    assert [(f.rule, f.scope, f.severity, f.source_row_number) for f in reading.violations] == [
        ("unique_key", "position", "block", 2),
        ("unique_key", "position", "block", 4),
    ]
    assert {f.security_key for f in reading.violations} == {"VTI"}
    assert reading.status == "LOADED"


def test_lots_without_an_id_may_be_identical_and_with_one_may_not():
    header = "account_number,ticker,source_lot_id,quantity,acquisition_date,cost_basis"
    twins = ["A1,VTI,,10,2020-01-02,1000"] * 2
    reading = read("ALPINE", "tax_lots.csv", standard([header, *twins]))
    assert reading.violations == ()
    assert reading.tables["tax_lots"].num_rows == 2
    same = ["A1,VTI,L1,10,2020-01-02,1000", "A1,VTI,L1,5,2021-01-02,700", *twins]
    reading = read("ALPINE", "tax_lots.csv", standard([header, *same]))
    assert [(f.lot_key, f.scope) for f in reading.violations] == [("L1", "lot"), ("L1", "lot")]


def test_policy_files_land_and_their_duplicates_name_the_household():
    header = "household_id,household_name,advisor_id,valid_from,valid_to"
    lines = [header, "H1,Example,ADV1,2026-01-01,", "H2,Sample,ADV1,2026-01-01,"]
    reading = read("POLICY", "households.csv", standard(lines))
    assert (reading.feed, reading.violations) == ("policy_files", ())
    twice = read("POLICY", "households.csv", standard([*lines, lines[1]]))
    assert {(f.rule, f.scope, f.household_id) for f in twice.violations} == {
        ("unique_key", "household", "H1")
    }
    assert {f.who_must_act for f in twice.violations} == {"portfolio operations"}


def test_a_custodian_file_in_the_policy_folder_and_the_reverse():
    assert rules(positions(custodian="POLICY")) == ["custodian_expected"]
    header = "household_id,household_name,advisor_id,valid_from,valid_to"
    reading = read("ALPINE", "households.csv", standard([header]))
    assert rules(reading) == ["custodian_expected"]
    assert "POLICY" in reading.violations[0].message


def test_an_unknown_file_is_refused_by_its_shape_and_quotes_nobody():
    reading = read("ALPINE", "notes.txt", "Holdings of Ann Example, 41000020\nVTI,10")
    assert rules(reading) == ["file_recognised"]
    (found,) = reading.violations
    assert found.observed == (
        "a file of ALPINE with a first line of 33 characters in 2 cells between ','"
    )
    assert "Example" not in found.message
    assert "41000020" not in found.message
    assert (reading.feed, reading.status) == (None, "QUARANTINED")


def test_the_fast_and_the_exact_way_of_splitting_agree():
    body = "\n".join(f"A{i},T{i % 7},{i},,," for i in range(500)) + "\n"
    fast = read_rows(body.encode(), 6, first_line=2)
    exact = read_rows((body + 'Z,"quoted ""x""",1,,,\n').encode(), 6, first_line=2)
    assert fast.ragged == exact.ragged == []
    for one, other in zip(fast.columns, exact.columns, strict=True):
        assert one.to_pylist() == other.to_pylist()[:-1]
    assert fast.line_numbers.to_pylist() == exact.line_numbers.to_pylist()[:-1]
    assert fast.texts.to_pylist() == exact.texts.to_pylist()[:-1]


def test_amounts_are_exact():
    from python_steps.feeds.amounts import parse_amount

    written = {
        "$1,234.56": "1234.56", "-$1.23": "-1.23", "$-1.23": "-1.23", "+$1": "1",
        "($1.00)": "-1.00", "$12.00 ": "12.00", "-2.6E-4": "-0.00026", ".5": "0.5",
    }  # fmt: skip
    for text, amount in written.items():
        assert parse_amount(text) == Decimal(amount), text
    for text in ("--", "", "N/A", "$", "1.2.3", "($1.00", "--5", "-$-5", "12 USD"):
        assert parse_amount(text) is None, text
