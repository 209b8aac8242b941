"""Schwab's lot details, narrow and wide, and each way they can be bad."""

import pytest

from tests.python_steps.feeds.files import (
    LOTS_NARROW,
    LOTS_WIDE,
    facts,
    lot_details,
    read,
    rows,
    rules,
    serious,
)

FIRST = {
    "Open Date": "09/24/2025 13:42:07",
    "Quantity": "6",
    "Cost/Share": "$200.00",
    "Cost Basis": "$1,200.00",
    "Holding Period": "Long Term",
}
SECOND = {
    "Open Date": "03/02/2026 00:00:00",
    "Quantity": "4",
    "Cost/Share": "$200.00",
    "Cost Basis": "$800.00",
    "Holding Period": "Short Term",
}


def lots(content: str, name: str = "VTI.csv"):
    return read("SCHWAB", name, content)


def test_narrow_lots_land():
    reading = lots(lot_details([FIRST, SECOND]))
    assert reading.violations == ()
    assert (reading.feed, reading.as_of_source) == ("schwab_lot_details", "TITLE")
    columns = ("account_number", "ticker", "quantity", "acquisition_date", "cost_basis", "term")
    assert rows(reading, "tax_lots", *columns) == [
        ("XXXX-4321", "VTI", "6", "09/24/2025 13:42:07", "$1,200.00", "LONG"),
        ("XXXX-4321", "VTI", "4", "03/02/2026 00:00:00", "$800.00", "SHORT"),
    ]
    others = ("holding_period_start_date", "cost_basis_unadjusted", "wash_sale_adjustment")
    assert rows(reading, "tax_lots", *others) == [(None, None, None)] * 2
    assert reading.covered_accounts == ("XXXX-4321",)


def test_wide_lots_carry_both_dates_and_both_bases():
    wide = {
        **FIRST,
        "Open Date": "08/01/2025 09:31:00",
        "Transaction Open": "09/24/2025 13:42:07",
        "Transaction CB": "$1,100.00",
        "Disallowed Loss": "$100.00",
    }
    content = lot_details([wide, {**SECOND, "Transaction Open": "--"}], LOTS_WIDE)
    reading = lots(content)
    assert reading.violations == ()
    columns = (
        "acquisition_date",
        "holding_period_start_date",
        "cost_basis",
        "cost_basis_unadjusted",
        "wash_sale_adjustment",
    )
    assert rows(reading, "tax_lots", *columns) == [
        ("09/24/2025 13:42:07", "08/01/2025 09:31:00", "$1,200.00", "$1,100.00", "$100.00"),
        ("03/02/2026 00:00:00", "03/02/2026 00:00:00", "$800.00", "--", "--"),
    ]


def test_columns_in_any_order():
    plain = lots(lot_details([FIRST, SECOND]))
    moved = lots(lot_details([FIRST, SECOND], LOTS_NARROW[::-1]))
    assert serious(moved) == ["header_known"]
    assert facts(moved) == facts(plain)


def test_gains_before_wash_sales_are_left_out():
    wide = {**FIRST, "Gain/Loss $": "$300.00", "Transaction G/L $": "$400.00"}
    reading = lots(lot_details([wide, SECOND], LOTS_WIDE))
    assert rows(reading, "tax_lots", "unrealized_gain_loss") == [("$300.00",), ("--",)]


def test_data_rows_with_a_comma_more_than_the_header():
    assert lots(lot_details([FIRST, SECOND], LOTS_WIDE, comma=",,")).violations == ()


def test_identical_lots_are_distinct():
    half = {**SECOND, "Quantity": "5", "Cost Basis": "$1,000.00"}
    reading = lots(lot_details([half, half]))
    assert reading.violations == ()
    assert reading.tables["tax_lots"].num_rows == 2


def test_a_total_that_does_not_foot_warns():
    reading = lots(lot_details([FIRST, SECOND], quantity_total="11"))
    assert [(f.rule, f.severity, f.security_key) for f in reading.violations] == [
        ("control_total", "warn", "VTI")
    ]
    missing = {**FIRST, "Cost Basis": "Missing"}
    assert lots(lot_details([missing, SECOND], basis_total="$1.00")).violations == ()


def test_a_file_without_its_total_is_cut():
    content = lot_details([FIRST, SECOND])
    lines = content.split("\r\n")
    assert rules(lots("\r\n".join(lines[:-2]))) == ["file_complete"]
    assert lots("\r\n".join(lines[:-2])).status == "QUARANTINED"


def test_a_ragged_lot_freezes_the_position():
    lines = lot_details([FIRST, SECOND]).split("\r\n")
    lines[3] = ",".join(lines[3].split(",")[:4])
    found = [f for f in lots("\r\n".join(lines)).violations if f.rule == "ragged_row"]
    assert [(f.scope, f.account_number, f.security_key, f.source_row_number) for f in found] == [
        ("position", "XXXX-4321", "VTI", 4)
    ]


@pytest.mark.parametrize(
    "title",
    [
        "VTI Lot Details for Individual as of 04:05 PM ET, 11/19/2026",
        "VTI Lot Details for  as of 04:05 PM ET, 11/19/2026",
    ],
)
def test_a_title_without_a_reference_refuses_the_file(title):
    assert "account_reference_present" in rules(lots(lot_details([FIRST], title=title)))


def test_a_cusip_in_the_title_is_a_cusip():
    title = "912828YW4 Lot Details for Bonds ...234 as of 04:05 PM ET, 2026/11/19"
    reading = lots(lot_details([FIRST, SECOND], title=title))
    assert rows(reading, "tax_lots", "cusip", "ticker", "account_number")[0] == (
        "912828YW4",
        "",
        "...234",
    )


def test_the_account_may_be_named_in_the_title():
    title = "XYZ 01/15/2027 32.00 P Lot Details for Individual ...234 as of 04:05 PM ET, 11/19/2026"
    reading = lots(lot_details([FIRST, SECOND], title=title))
    assert rows(reading, "tax_lots", "ticker", "account_number")[0] == (
        "XYZ   270115P00032000",
        "...234",
    )


def test_a_missing_column_refuses_the_file():
    content = lot_details([FIRST, SECOND], [n for n in LOTS_NARROW if n != "Cost Basis"])
    assert "required_column" in rules(lots(content))


def test_an_unseen_header_is_reported():
    content = lot_details([FIRST, SECOND], [*LOTS_NARROW, "Covered"])
    assert serious(lots(content)) == ["unknown_column", "header_known"]


def test_a_second_header_is_no_lot():
    lines = lot_details([FIRST, SECOND]).split("\r\n")
    reading = lots("\r\n".join([*lines[:4], lines[2], *lines[4:]]))
    assert rules(reading) == ["section_understood"]


def test_lines_after_the_total_are_not_understood():
    content = lot_details([FIRST, SECOND]) + '"GLD","1"\r\n'
    assert rules(lots(content)) == ["section_understood"]


def test_realized_lot_details_are_another_export():
    title = "Realized Gain/Loss - Lot Details for ...234 as of Thu Nov 19 2026"
    assert lots(lot_details([FIRST], title=title), "Gains.csv").feed == "schwab_realized_gains"


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf\n", b"\xff\xfe\n\x00 \x00", b"\xef\xbb\xbf"])
def test_a_file_with_nothing_but_its_mark_is_an_empty_file(content):
    reading = read("SCHWAB", "VTI-Lot-Details-Joint_Tenant_200-2026-11-19.csv", content)
    assert reading.status == "QUARANTINED"
    assert rules(reading) == ["file_not_empty"]


def test_a_quantity_beyond_all_sense_is_no_amount():
    reading = lots(lot_details([{**FIRST, "Quantity": "1e9999999"}, SECOND]))
    assert "control_amount" not in rules(reading)
    assert rows(reading, "tax_lots", "quantity")[0] == ("1e9999999",)
