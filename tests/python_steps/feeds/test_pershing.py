"""Pershing's standard files: the frame, each file that is read, and each way they can be bad."""

from datetime import date

import pytest

from data_contracts.contract import load_contracts
from data_contracts.suites import check_table
from python_steps.feeds.pershing_frame import fields_of
from python_steps.feeds.received import ROW_TEXT
from python_steps.feeds.recognition import recognise
from tests.python_steps.feeds.files import facts, read, received, rows, rules, serious
from tests.python_steps.feeds.pershing_files import (
    acct,
    dollars,
    gcus_a,
    gcus_b,
    gmon,
    header,
    isca,
    placed,
    trailer,
    whole,
)

ISCA = {"title": "SECURITY MASTER"}
GMON = {"title": "MONEY BALANCES"}
ACCT = {"title": "CUSTOMER ACCT INFO"}


def pershing(content: str, name: str = "111926.GCUS"):
    return read("PERSHING", name, content)


# Recognition


@pytest.mark.parametrize(
    ("content", "feed"),
    [
        (whole([gcus_a()]), "pershing_gcus"),
        (whole([gcus_a()], title="POSITIONS"), "pershing_gcus"),
        (whole([]), "pershing_gcus"),
        (whole(isca(), **ISCA), "pershing_isca"),
        (whole(gmon(), **GMON), "pershing_gmon"),
        (whole(acct(), **ACCT), "pershing_acct"),
        (whole([placed(750, "X", {1: "TC1"})], title="PES DISPOSED LOTS"), "pershing_other"),
        (whole([placed(400, "X", {1: "TOA"})], title="PES OPEN LOTS"), "pershing_other"),
    ],
)
def test_recognition(content, feed):
    assert recognise(received("PERSHING", "051710.TXT", content), load_contracts()) == feed


def test_files_without_a_layout_are_refused_with_what_to_do():
    content = whole([placed(400, "X", {1: "TOA"})], title="PES OPEN LOTS")
    reading = pershing(content, "111926.POTL")
    assert (reading.feed, reading.status) == ("pershing_other", "QUARANTINED")
    assert rules(reading) == ["layout_is_mapped"]
    message = reading.violations[0].message
    assert "PES OPEN LOTS" in message
    assert "Map it from your own specification as a mapped feed" in message


@pytest.mark.parametrize(
    "feed", ["pershing_gcus", "pershing_isca", "pershing_gmon", "pershing_acct"]
)
def test_layouts_say_where_each_field_is_known_from_and_do_not_overlap(feed):
    layout = load_contracts()[feed].layout
    for record, described in layout["records"].items():
        taken = set()
        for name, given in described.items():
            assert given["evidence"] in ("documented", "loader"), (record, name)
            field = fields_of(layout, record)[name]
            columns = set(range(field.start, field.end + 1)) | {field.sign_at} - {None}
            assert not columns & taken, (record, name)
            assert max(columns) < layout["record_length"]
            taken |= columns


# The frame


GOOD = whole([gcus_a(), dollars("500.25")])


def test_the_frame_states_date_mode_and_count():
    reading = pershing(GOOD)
    assert reading.violations == ()
    assert (reading.stated_as_of_date, reading.as_of_source) == (date(2026, 11, 19), "HEADER")
    assert (reading.delivery_mode, reading.row_count, reading.control_row_count) == ("FULL", 2, 2)
    changes = pershing(whole([gcus_a(), gcus_a(kind="2")], mode="UPDATED"))
    assert changes.delivery_mode == "DELTA"
    assert serious(changes) == ["implied_decimals_unconfirmed"]


RECORDS = [header(), gcus_a(), dollars("500.25"), trailer(2)]


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ([*RECORDS[:3], trailer(3)], "control_count"),
        ([*RECORDS[:2], RECORDS[3]], "control_count"),
        ([*RECORDS[:2], gcus_a(), *RECORDS[2:]], "control_count"),
        (RECORDS[:3], "file_complete"),
        (RECORDS[1:], "frame_closed"),
        ([*RECORDS, gcus_a()], "frame_closed"),
        ([*RECORDS[:3], trailer(2, day="11/18/2026")], "frame_agrees"),
        ([*RECORDS[:3], trailer(2, title="OTHER")], "frame_agrees"),
        ([*RECORDS[:3], trailer(2, mode="UPDATED")], "delivery_mode_stated"),
        ([header(mode=""), *RECORDS[1:3], trailer(2, mode="")], "delivery_mode_stated"),
        (
            [header(day="13/19/2026"), *RECORDS[1:3], trailer(2, day="13/19/2026")],
            "as_of_date_present",
        ),
        ([*RECORDS[:1], gcus_a()[:-1] + "?", *RECORDS[2:]], "record_length"),
        ([*RECORDS[:1], gcus_a()[1:], *RECORDS[2:]], "control_count"),
        ([*RECORDS[:1], "GCC" + gcus_a()[3:], *RECORDS[2:]], "record_understood"),
        ([*RECORDS[:1], gcus_a(indicator="Q"), *RECORDS[2:]], "record_understood"),
    ],
)
def test_a_broken_frame_is_refused(lines, rule):
    reading = pershing("\n".join(lines) + "\n")
    assert reading.status == "QUARANTINED"
    assert rule in rules(reading)
    assert reading.tables == {}


def test_records_broken_over_lines_are_put_together_by_their_length():
    broken = "\n".join([RECORDS[0][:703], RECORDS[0][703:], *RECORDS[1:]])
    reading = pershing(broken)
    assert serious(reading) == ["record_put_together"]
    assert facts(reading) == facts(pershing(GOOD))
    joined = pershing("".join(RECORDS))
    assert serious(joined) == ["record_put_together"]
    assert facts(joined) == facts(pershing(GOOD))


def test_a_control_z_behind_the_last_line_is_no_record():
    content = whole([dollars("100"), gcus_a(number=2)])
    reading = pershing(content + "\x1a")
    assert reading.violations == pershing(content).violations
    assert facts(reading) == facts(pershing(content))


def test_a_stray_short_line_between_records_is_told_and_left_out():
    reading = pershing("\n".join([RECORDS[0], "x" * 47, *RECORDS[1:]]))
    assert serious(reading) == ["stray_line"]
    assert reading.violations[0].source_row_number == 2
    assert facts(reading) == facts(pershing(GOOD))
    padded = pershing("\n".join([*RECORDS[:1], RECORDS[1] + " ", *RECORDS[2:]]))
    assert sorted(serious(padded)) == ["record_put_together", "stray_line"]
    assert facts(padded) == facts(pershing(GOOD))


# GCUS


POSITION = (
    "account_number",
    "sub_account_type",
    "cusip",
    "isin",
    "ticker",
    "long_short",
    "quantity",
    "settled_quantity",
    "quantity_basis",
    "market_value",
    "currency",
)


def test_positions_and_cash_land():
    reading = pershing(
        whole(
            [
                gcus_a(quantity="10.5", settled="8", value="2625.125"),
                gcus_b(accrued="3.5"),
                gcus_a(kind="3", quantity="-4", value="-1000", number=2),
                dollars("500.25"),
            ]
        )
    )
    assert serious(reading) == []
    assert rows(reading, "positions", *POSITION) == [
        (
            "ABC123456",
            "CASH",
            "922908769",
            "US9229087690",
            "VTI",
            "LONG",
            "10.50000",
            "8.00000",
            "TRADE_DATE",
            "2625.125",
            "USD",
        ),
        (
            "ABC123456",
            "SHORT",
            "922908769",
            "US9229087690",
            "VTI",
            "SHORT",
            "-4.00000",
            "-4.00000",
            "TRADE_DATE",
            "-1000.000",
            "USD",
        ),
    ]
    assert rows(reading, "positions", "accrued_interest", "price") == [
        ("3.500", None),
        (None, None),
    ]
    assert rows(reading, "securities", "security_name", "security_type", "pool_factor") == [
        ("VANGUARD TOTAL STOCK INDEX FUND", None, None)
    ]
    assert reading.covered_accounts == ("ABC123456",)


def test_good_files_meet_their_contracts():
    files = [
        ("a.gcus", whole([gcus_a(), dollars("500.25")])),
        ("a.isca", whole(isca(), **ISCA)),
        ("a.gmon", whole(gmon(), **GMON)),
        ("a.accf", whole(acct(), **ACCT)),
    ]
    for name, content in files:
        reading = pershing(content, name)
        assert reading.status == "LOADED"
        for entity, table in reading.tables.items():
            result = check_table(load_contracts()[reading.feed], entity, table)
            assert (result.violations, result.broken) == ([], [])


def test_a_pending_split_is_added_to_quantity_and_value():
    reading = pershing(whole([gcus_a(pending="10"), gcus_b(pending_value="2500"), dollars("1")]))
    assert rules(reading) == ["pending_split_added"]
    columns = ("quantity", "settled_quantity", "pending_quantity", "market_value")
    assert rows(reading, "positions", *columns) == [
        ("20.00000", "20.00000", "10.00000", "5000.000")
    ]
    without = pershing(whole([gcus_a(pending="10"), dollars("1")]))
    assert serious(without) == ["pending_split_value_known"]
    assert rows(without, "positions", "quantity", "market_value") == [("20.00000", None)]


def test_balances_are_summed_over_account_types_and_margin_is_a_debit():
    reading = pershing(
        whole(
            [dollars("700"), dollars("-200.5", kind="2", settled="-100"), dollars("5", "XYZ999991")]
        )
    )
    assert serious(reading) == []
    columns = (
        "account_number",
        "currency",
        "trade_date_balance",
        "settlement_date_balance",
        "margin_debit",
    )
    assert rows(reading, "cash_balances", *columns) == [
        ("ABC123456", "USD", "499.50000", "600.00000", "200.50000"),
        ("XYZ999991", "USD", "5.00000", "5.00000", None),
    ]
    assert "positions" not in reading.tables


def test_wrong_implied_decimals_are_found_by_the_dollar_balance():
    wrong = dollars("500.25", value="50.025")
    reading = pershing(whole([gcus_a(), wrong]))
    assert (rules(reading), reading.status) == (["implied_decimals_agree"], "QUARANTINED")
    assert serious(pershing(whole([gcus_a()]))) == ["implied_decimals_unconfirmed"]


def test_a_file_of_changes_cannot_state_cash():
    reading = pershing(whole([gcus_a(), dollars("700")], mode="UPDATED"))
    assert serious(reading) == ["cash_of_changes"]
    assert reading.violations[0].account_number == "ABC123456"
    assert set(reading.tables) == {"positions", "securities"}


def test_values_in_other_currencies_are_not_guessed():
    abroad = gcus_a(currency="EUR", cusip="G7945E105", symbol="SDRL")
    reading = pershing(whole([abroad, dollars("1")]))
    assert serious(reading) == ["value_currency_known"]
    assert rows(reading, "positions", "currency", "market_value") == [("EUR", None)]
    euros = gcus_a(cusip="EUR999997", indicator="C", quantity="70", value="80", currency="EUR")
    reading = pershing(whole([euros, dollars("1")]))
    assert serious(reading) == []
    assert ("EUR", "70.00000") in rows(reading, "cash_balances", "currency", "trade_date_balance")
    torn = gcus_a(cusip="EUR999997", indicator="C", currency="EUR", position_currency="USD")
    reading = pershing(whole([torn, dollars("1")]))
    assert "currency_is_stated" in serious(reading)
    assert sorted(rows(reading, "cash_balances", "currency")) == [("",), ("USD",)]


def test_options_and_numbers_that_are_no_cusip():
    option = gcus_a(
        cusip="9HABCDEF1", symbol="XYZ", isin="", expiry="20270115", strike="35", size="100"
    )
    reading = pershing(whole([option, gcus_b(cusip="9HABCDEF1", put_call="P"), dollars("1")]))
    assert serious(reading) == []
    columns = (
        "custodian_security_id",
        "cusip",
        "security_type",
        "put_call",
        "strike_price",
        "expiration_date",
        "contract_multiplier",
        "maturity_date",
    )
    assert rows(reading, "securities", *columns) == [
        ("9HABCDEF1", "", "OPTION", "PUT", "35.000000000", "2027-01-15", "100.00000", None)
    ]
    bond = pershing(whole([gcus_a(cusip="912810RW0", expiry="20470515", pool="0.5"), dollars("1")]))
    assert rows(bond, "securities", "maturity_date", "pool_factor", "contract_multiplier") == [
        ("2047-05-15", "0.50000000", None)
    ]


def test_unknown_account_types_and_misplaced_records_are_told():
    assert serious(pershing(whole([gcus_a(kind="7"), dollars("1")]))) == ["account_type_known"]
    apart = pershing(whole([gcus_a(), gcus_b(cusip="000000000"), dollars("1")]))
    assert rules(apart) == ["records_belong_together"]
    assert apart.status == "QUARANTINED"


def test_unreadable_digits_freeze_their_account():
    record = gcus_a()
    record = record[:73] + "00000000000ABC0000" + record[91:]
    reading = pershing(whole([record, dollars("1")]))
    assert serious(reading) == ["field_readable"]
    found = reading.violations[0]
    assert (found.scope, found.account_number, found.source_row_number) == (
        "account",
        "ABC123456",
        2,
    )
    assert "trade quantity '00000000000ABC0000'" in found.observed


def test_the_same_position_twice_is_a_duplicate():
    reading = pershing(whole([gcus_a(), gcus_a(), dollars("1")]))
    assert serious(reading) == ["unique_key", "unique_key"]


def test_names_do_not_leave_the_file():
    for name, content in [("a.gcus", GOOD), ("a.accf", whole(acct(), **ACCT))]:
        reading = pershing(content, name)
        text = " ".join(
            row[ROW_TEXT] for table in reading.tables.values() for row in table.to_pylist()
        )
        for private in ("EXAMPLE", "PRIVATE", "19610704", "123-45-6789", "ANN"):
            assert private not in text
            assert private not in str(facts(reading))


# ISCA


def test_securities_and_prices_land():
    reading = pershing(
        whole(isca() + isca("912810RW0", "", "99.5", year="0000", maturity="2047135"), **ISCA)
    )
    assert serious(reading) == []
    columns = ("cusip", "ticker", "security_name", "covered_from_year", "maturity_date", "currency")
    assert rows(reading, "securities", *columns) == [
        ("922908769", "VTI", "VANGUARD INDEX FUNDS", "2011", "", "USD"),
        ("912810RW0", "", "VANGUARD INDEX FUNDS", None, "2047-05-15", "USD"),
    ]
    assert rows(reading, "prices", "cusip", "price", "price_date", "price_type", "currency") == [
        ("922908769", "250.123400000", "2026-11-19", "MARK", "USD"),
        ("912810RW0", "99.500000000", "2026-11-19", "MARK", "USD"),
    ]


def test_prices_of_two_records_must_agree():
    others = isca("912810RW0") + isca("458140100")
    one = pershing(whole(isca(expanded="25.01234") + others, **ISCA))
    assert serious(one) == ["implied_decimals_agree"]
    assert [cusip for (cusip,) in rows(one, "prices", "cusip")] == ["912810RW0", "458140100"]
    most = pershing(whole(isca(expanded="25.01234"), **ISCA))
    assert (most.status, rules(most)[-1]) == ("QUARANTINED", "systematic_decimals")
    alone = pershing(whole(isca(kinds="ABE"), **ISCA))
    assert serious(alone) == ["implied_decimals_unconfirmed"]
    assert rows(alone, "prices", "price") == [("250.1234",)]


def test_a_price_too_large_for_the_short_field_is_taken_from_the_long_one():
    large = isca(price="99999.9999", expanded="731250.5")
    reading = pershing(whole(large + isca("912810RW0"), **ISCA))
    assert serious(reading) == []
    assert rows(reading, "prices", "price")[0] == ("731250.500000000",)


def test_missing_prices_and_currencies_are_never_made_up():
    reading = pershing(whole(isca(price="0"), **ISCA))
    assert ("prices" in reading.tables, serious(reading)) == (False, [])
    reading = pershing(whole(isca(kinds="ABF") + isca("912810RW0"), **ISCA))
    assert serious(reading) == ["price_currency_known"]
    assert rows(reading, "prices", "cusip") == [("912810RW0",)]


def test_records_of_two_securities_are_not_mixed():
    mixed = isca(kinds="A") + isca("912810RW0", kinds="B")
    reading = pershing(whole(mixed, **ISCA))
    assert (rules(reading), reading.status) == (["records_belong_together"], "QUARANTINED")
    assert serious(pershing(whole(isca(kinds="ABCEF"), **ISCA))) == []


# GMON


def test_balances_land_as_a_second_opinion():
    reading = pershing(whole(gmon() + gmon("XYZ999991", "-20.5", "-20.5"), **GMON))
    assert serious(reading) == []
    assert load_contracts()["pershing_gmon"].role == "cross_check"
    columns = (
        "account_number",
        "currency",
        "trade_date_balance",
        "settlement_date_balance",
        "sweep_value",
    )
    assert rows(reading, "cash_balances", *columns) == [
        ("ABC123456", "USD", "1500.25", "1400.25", "20.00"),
        ("XYZ999991", "USD", "-20.50", "-20.50", "20.00"),
    ]


def test_balances_in_other_currencies_are_told_and_strangers_refused():
    reading = pershing(whole(gmon(all_in="1700"), **GMON))
    assert serious(reading) == ["other_currencies_present"]
    strangers = pershing(whole([gmon()[0], gmon("XYZ999991")[1]], **GMON))
    assert rules(strangers) == ["records_belong_together"]
    assert strangers.status == "QUARANTINED"
    assert serious(pershing(whole(gmon() + gmon(), **GMON))) == ["unique_key", "unique_key"]


# ACCT


def test_accounts_land_with_allowed_columns_only():
    reading = pershing(whole(acct() + acct("XYZ999991", "20261030"), **ACCT), "a.acct")
    assert rules(reading) == ["registration_type_unmapped"]
    columns = (
        "account_number",
        "account_title",
        "account_status",
        "opened_date",
        "closed_date",
        "advisor_code",
        "registration_type",
    )
    assert rows(reading, "accounts", *columns) == [
        ("ABC123456", None, None, "2015-03-02", "", "IP7", None),
        ("XYZ999991", None, "CLOSED", "2015-03-02", "2026-10-30", "IP7", None),
    ]


def test_records_of_another_file_are_refused():
    reading = pershing(whole([*acct(), gcus_a()], **ACCT), "a.acct")
    assert (rules(reading)[0], reading.status) == ("record_understood", "QUARANTINED")
