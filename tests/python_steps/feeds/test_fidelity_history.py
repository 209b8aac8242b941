"""Fidelity's activity downloads: every header era, what actions do, when they took effect."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts.contract import load_contracts
from data_contracts.suites import check_table
from python_steps.feeds.recognition import recognise
from tests.python_steps.feeds.fidelity_files import (
    ACTIVITY,
    DISCLAIMERS,
    HISTORY_12,
    HISTORY_13,
    HISTORY_14,
    HISTORY_18,
    HISTORY_18_MISNAMED,
    activity,
    history,
    sheet,
)
from tests.python_steps.feeds.files import facts, read, received, rows, rules, serious

ONE = "History_for_Account_Z12345678.csv"
ALL = "Accounts_History.csv"
CONTRACT = load_contracts()["fidelity_history"]


def fidelity(content: str | bytes, name: str = ALL, session: date = date(2026, 11, 19)):
    return read("FIDELITY", name, content, session)


def named(reading, rule: str):
    return [found for found in reading.violations if found.rule == rule]


def one(**given: str):
    """The single transaction of a file with one row, and the reading."""
    row = {"action": "YOU BOUGHT X (VTI) (Cash)", "symbol": "VTI", "amount": "-1.00", **given}
    reading = fidelity(history(rows=[row]))
    return reading.tables["transactions"].to_pylist()[0], reading


EXPECTED = [
    ("VTI", "2026-11-18", "11/18/2026", "BUY", "10", "250.00", "-2500.00"),
    ("FXAIX", "2026-11-18", "11/18/2026", "SELL", "-4", "200.00", "800.00"),
    ("", "2026-10-30", "11/18/2026", "INTEREST", "0.000", "", "0.04"),
]
COLUMNS = (
    "ticker",
    "transaction_date",
    "entry_date",
    "transaction_type",
    "quantity",
    "price",
    "net_amount",
)


@pytest.mark.parametrize("header", [HISTORY_12, HISTORY_13, HISTORY_14, HISTORY_18])
@pytest.mark.parametrize("leading", [(), ("", "", ""), (",,,,,", ",,,,,")])
@pytest.mark.parametrize("comma", ["", ","])
def test_every_header_era_lands_the_same_facts(header, leading, comma):
    reading = fidelity(history(header, leading=leading, comma=comma), ONE)
    assert serious(reading) == []
    assert reading.feed == "fidelity_history"
    assert (reading.stated_as_of_date, reading.as_of_source) == (date(2026, 11, 19), "FOOTER")
    assert reading.covered_accounts == ("Z12345678",)
    assert reading.covered_from_date is None
    assert rows(reading, "transactions", *COLUMNS) == EXPECTED
    assert rows(reading, "transactions", "account_number", "currency", "sub_account_type") == (
        [("Z12345678", "USD", "CASH")] * 3
    )


def test_columns_that_fidelity_misnames_are_read_as_their_cells_say():
    right = history(HISTORY_18)
    wrong = right.replace(",".join(HISTORY_18), ",".join(HISTORY_18_MISNAMED))
    assert wrong != right
    reading = fidelity(wrong)
    assert [(f.rule, f.severity, f.observed) for f in reading.violations] == [
        ("header_misnames_columns", "warn", "a currency under Quantity in 3 rows")
    ]
    assert facts(reading) == facts(fidelity(right))


def test_a_good_file_meets_every_expectation_and_bad_cells_are_told():
    good = fidelity(history())
    assert check_table(CONTRACT, "transactions", good.tables["transactions"]).violations == []
    row = {**ACTIVITY[0], "quantity": "ten", "amount": "--", "date": "13/45/2026"}
    bad = fidelity(history(rows=[row]))
    found = check_table(CONTRACT, "transactions", bad.tables["transactions"]).violations
    assert sorted((f.rule, f.severity, f.source_row_number) for f in found) == [
        ("entry_date_is_date", "warn", 4),
        ("net_amount_is_present", "warn", 4),
        ("quantity_is_decimal", "warn", 4),
        ("transaction_date_is_date", "warn", 4),
    ]


@pytest.mark.parametrize(
    ("action", "kind", "quantity", "amount"),
    [
        ("YOU BOUGHT PROSPECTUS UNDER SEPARATE COVER X (X) (Cash)", "BUY", "1", "-2"),
        ("YOU BOUGHT CLOSING TRANSACTION CALL (X) Y", "BUY_COVER", "1", "-2"),
        ("YOU BOUGHT ASSIGNED PUTS AS OF 03-20-26 X (X) (Cash)", "BUY", "100", "-2"),
        ("YOU SOLD             EXCHANGE X", "SELL", "-1", "2"),
        ("YOU SOLD OPENING TRANSACTION PUT (X) Y", "SELL_SHORT", "-1", "2"),
        ("you sold short sale X", "SELL_SHORT", "-1", "2"),
        (" REINVESTMENT X (X) (Cash)", "REINVEST", "1", "-2"),
        ("DIVIDEND RECEIVED X (X) (Cash)", "DIVIDEND", "0.00", "2"),
        ("LONG-TERM CAP GAIN X", "CAP_GAIN_LT", "0", "2"),
        ("SHORT-TERM CAP GAIN X", "CAP_GAIN_ST", "0", "2"),
        ("MUNI EXEMPT INT X", "INTEREST", "0", "2"),
        ("FOREIGN TAX PAID X", "TAX_WITHHELD", "0", "-2"),
        ("FED TAX W/H FEDERAL TAX WITHHELD (Cash)", "TAX_WITHHELD", "0", "-2"),
        ("REDEMPTION PAYOUT #REOR X", "SELL", "-1000", "1000"),
        ("REDEMPTION FROM CORE ACCOUNT X", "SWEEP", "-5", "5"),
        ("PURCHASE INTO CORE ACCOUNT X", "SWEEP", "5", "-5"),
        ("Electronic Funds Transfer Received (Cash)", "DEPOSIT", "0", "2"),
        ("DIRECT DEBIT CARDMEMBER SERWEB PYMT (Cash)", "WITHDRAWAL", "0", "-2"),
        ("PARTIC CONTR CURRENT VS XXX-XXXXXX-X (Cash)", "DEPOSIT", "0", "2"),
        ("TRANSFERRED FROM VS XXX-XXXXXX-X (Cash)", "TRANSFER_IN", "0", "2"),
        ("TRANSFERRED TO VS XXX-XXXXXX-X (Cash)", "TRANSFER_OUT", "0", "-2"),
        ("TRANSFER OF ASSETS X", "TRANSFER_IN", "5", ""),
        ("TRANSFER OF ASSETS X", "TRANSFER_OUT", "-5", ""),
        ("TRANSFER OF ASSETS X", "TRANSFER_OUT", "0", "-5"),
        ("MERGER MER FROM 54211N101#REOR M0051 X (X) (Cash)", "MERGER", "5", "0"),
        ("MERGER MER PAYOUT #REOR M0051 X", "MERGER", "-5", "100"),
        ("REVERSE SPLIT R/S FROM 517103404#REOR M0051 X (517103602) (Cash)", "SPLIT", "130", ""),
        ("REVERSE SPLIT R/S TO 517103602#REOR M0051 X", "SPLIT", "-1300", ""),
        ("DISTRIBUTION SPINOFF FROM:(SPGI ) X (MBGL) (Cash)", "SPINOFF", "5", "0.00"),
        ("DISTRIBUTION X (NVDA) (Cash)", "SPLIT", "90", "0.00"),
        ("NAME CHANGED N/C FROM 123 X", "NAME_CHANGE", "5", ""),
        ("IN LIEU OF FRX SHARE SPINOFF FROM:(SPGI ) X", "CASH_IN_LIEU", "0", "0.88"),
        ("EXPIRED CALL (PBI) X as of Dec-17-2021 CALL (PBI)", "EXPIRE", "5", "0.00"),
        ("ASSIGNED as of Feb-01-2025 PUT (MU) X", "ASSIGN", "1", "0.00"),
    ],
)
def test_the_table_of_actions(action, kind, quantity, amount):
    row, reading = one(action=action, quantity=quantity, amount=amount)
    assert row["transaction_type"] == kind
    assert row["source_type"] == action
    assert serious(reading) == []


@pytest.mark.parametrize(
    ("action", "quantity", "amount", "kind"),
    [
        ("FULL CALL PAYOUT #REOR R600000001 X CITY REV", "-5000", "5000", "SELL"),
        ("Exchange In", "2", "-20", "BUY"),
        ("Exchange Out", "-2", "20", "SELL"),
        ("ROYALTY TR PYMT X", "0", "5", "DIVIDEND"),
        ("ADJUST WIRE TRANSFER", "0", "-5", "WITHDRAWAL"),
        ("YOU LOANED X", "-10", "", "JOURNAL"),
        ("ROTH CONVERSION", "0", "-100", "TRANSFER_OUT"),
        ("Change in Market Value", "0", "12.00", "OTHER"),
    ],
)
def test_rarer_actions_are_known(action, quantity, amount, kind):
    row, reading = one(action=action, quantity=quantity, amount=amount)
    assert row["transaction_type"] == kind
    assert named(reading, "action_known") == named(reading, "direction_agrees") == []


@pytest.mark.parametrize(
    ("action", "quantity", "amount"),
    [
        ("HOVERCRAFT RENTED X", "1", "-2"),
        ("YOU BOUGHTX", "1", "-2"),
        ("DISTRIBUTION X (Cash)", "0", "20.00"),
        ("", "1", "-2"),
    ],
)
def test_an_unknown_action_is_other_and_named(action, quantity, amount):
    row, reading = one(action=action, quantity=quantity, amount=amount)
    assert row["transaction_type"] == "OTHER"
    found = named(reading, "action_known")
    assert [(f.severity, f.account_number, f.source_row_number) for f in found] == [
        ("warn", "Z12345678", 4)
    ]
    # What opens the action is enough to name it; what follows may name a person or an account.
    verb = " ".join(word for word in action.split()[:2] if word.isalpha())
    assert f"action {verb!r}" in found[0].message


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("as of Dec-30-2025", "2025-12-30"),
        ("AS OF 03-20-26 PUTS", "2026-03-20"),
        ("AS OF 01/30/26", "2026-01-30"),
        ("as of 01/30/2026 (Cash)", "2026-01-30"),
    ],
)
def test_the_day_of_effect_stands_in_the_action(words, day):
    row, reading = one(action=f"INTEREST EARNED {words}", amount="0.04")
    assert (row["transaction_date"], row["entry_date"]) == (day, "11/18/2026")
    assert serious(reading) == []


def test_a_day_of_effect_that_cannot_be_is_told():
    row, reading = one(action="INTEREST EARNED as of Feb-30-2026", amount="0.04")
    assert row["transaction_date"] == "2026-11-18"
    assert serious(reading) == ["effective_date_understood"]
    row, reading = one(action="INTEREST EARNED as of Nov-19-2026", amount="0.04")
    assert row["transaction_date"] == "2026-11-19"
    assert "after the day of entry" in named(reading, "effective_date_understood")[0].message


def test_cancels_are_marked_and_told():
    row, reading = one(action="BUY CANCEL X (VTI) (Cash)", quantity="-10", amount="2500")
    assert (row["transaction_type"], row["is_cancel"]) == ("BUY", "true")
    assert serious(reading) == ["cancel_names_no_transaction"]
    row, _ = one(action="YOU SOLD CXL DESCRIPTION CANCELLED TRADE X", quantity="4", amount="-8")
    assert (row["transaction_type"], row["is_cancel"]) == ("SELL", "true")


@pytest.mark.parametrize(
    ("action", "quantity", "amount"),
    [("YOU BOUGHT X", "-1", "-2"), ("YOU BOUGHT X", "1", "2"), ("YOU SOLD X", "1", "2")],
)
def test_shares_and_money_that_run_the_wrong_way_are_told(action, quantity, amount):
    assert serious(one(action=action, quantity=quantity, amount=amount)[1]) == ["direction_agrees"]


@pytest.mark.parametrize(
    ("symbol", "action", "wanted"),
    [
        ("54211N101", "YOU SOLD X", ("54211N101", "", "")),
        (" ", "DIRECT DEPOSIT X", ("", "", "")),
        ("", "MERGER MER FROM 000#REOR X (54211N101) (Cash)", ("54211N101", "", "")),
        ("", "MERGER MER FROM 000#REOR X (54211N100) (Cash)", ("", "", "")),
        (" -MSFT210226C250", "YOU SOLD X", ("", "MSFT  210226C00250000", "")),
        ("54211N100", "YOU SOLD X", ("", "", "54211N100")),
    ],
)
def test_symbols_are_tickers_cusips_options_or_blank(symbol, action, wanted):
    row, _ = one(symbol=symbol, action=action, amount="1")
    assert (row["cusip"], row["ticker"], row["custodian_security_id"]) == wanted


def test_codes_of_a_plans_funds():
    row, reading = one(symbol="59515R401", account="12366", type="Shares", quantity="1")
    assert (row["custodian_security_id"], row["sub_account_type"]) == ("59515R401", "OTHER")
    assert serious(reading) == []


def test_another_currency_is_told_and_its_rate_is_not_loaded():
    rows_ = [
        {"action": "YOU SOLD X", "amount": "5", "currency": "CAD"},
        {"action": "YOU SOLD X", "amount": "6", "exchange": "EUR"},
    ]
    reading = fidelity(history(HISTORY_18, rows_))
    assert [f.observed for f in named(reading, "foreign_currency_row")] == [
        "currency CAD",
        "currency EUR",
    ]
    assert rows(reading, "transactions", "currency", "fx_rate_to_base") == [
        ("CAD", None),
        ("USD", None),
    ]


def test_identical_rows_are_distinct_transactions():
    reading = fidelity(history(rows=[ACTIVITY[0], ACTIVITY[0], ACTIVITY[1]]))
    assert len(rows(reading, "transactions", "ticker")) == 3
    assert serious(reading) == []
    assert [f.observed for f in named(reading, "identical_rows_kept")] == [
        "2 rows alike, on lines 4, 5"
    ]


@pytest.mark.parametrize(
    ("header", "name", "account"),
    [
        (HISTORY_12, ONE, "Z12345678"),
        (HISTORY_12, "History_for_Account_2TB000009 (2).csv", "2TB000009"),
        (HISTORY_14, "History_for_Account_X00000000.csv", "Z12345678"),
    ],
)
def test_the_account_of_column_or_file_name(header, name, account):
    reading = fidelity(history(header), name)
    assert set(rows(reading, "transactions", "account_number")) == {(account,)}


def test_an_old_layout_has_name_and_number_in_one_column():
    header = [name for name in HISTORY_14 if name != "Account Number"]
    content = sheet(header, [activity(header, name="FAMILY X12345678", **ACTIVITY[0])])
    reading = fidelity(content)
    assert rows(reading, "transactions", "account_number") == [("X12345678",)]
    assert serious(reading) == ["header_known"]


def test_a_number_in_the_name_of_an_account_is_no_account():
    header = [name for name in HISTORY_14 if name != "Account Number"]
    content = sheet(header, [activity(header, name="College 529", **ACTIVITY[0])])
    assert "account_reference_present" in rules(fidelity(content))
    assert rows(fidelity(content, ONE), "transactions", "account_number") == [("Z12345678",)]


@pytest.mark.parametrize("header", [HISTORY_12, HISTORY_13])
def test_rows_of_no_account_are_refused(header):
    reading = fidelity(history(header), ALL)
    assert rules(reading) == ["account_reference_present"] * 3
    assert reading.status == "QUARANTINED"


def test_a_file_without_its_footer_is_loaded_for_the_folders_session_and_told():
    reading = fidelity(history(footer=()))
    assert (reading.as_of_source, reading.session_date) == ("LANDING_FOLDER", date(2026, 11, 19))
    assert [(f.rule, f.severity) for f in reading.violations] == [("footer_present", "warn")]
    undated = fidelity(history(footer=DISCLAIMERS))
    assert (undated.as_of_source, serious(undated)) == ("LANDING_FOLDER", [])


def test_rows_after_the_session_are_told_and_most_of_them_refuse_the_file():
    late = {**ACTIVITY[0], "date": "11/25/2026"}
    reading = fidelity(history(rows=[late, *ACTIVITY]))
    assert [(f.rule, f.severity, f.source_row_number) for f in reading.violations] == [
        ("dates_not_after_session", "warn", 4)
    ]
    assert fidelity(history(rows=[late, late, ACTIVITY[0]])).status == "QUARANTINED"


def test_a_surplus_cell_is_dropped_when_empty_and_blocks_its_account_otherwise():
    plan = activity(HISTORY_14, **ACTIVITY[0])
    assert serious(fidelity(sheet(HISTORY_14, [plan + ","]))) == []
    reading = fidelity(sheet(HISTORY_14, [plan, plan + ",X"]))
    found = named(reading, "ragged_row")
    assert [(f.scope, f.account_number, f.source_row_number) for f in found] == [
        ("account", "Z12345678", 3)
    ]
    assert len(rows(reading, "transactions", "ticker")) == 1


def test_disclaimers_padded_with_commas_or_split_at_theirs():
    lines = [line.strip('"') + ",,,,,,,,,,," for line in DISCLAIMERS]
    footer = (*lines, "Date downloaded 11/19/2026 10:28 am,,,,,,,,,,,")
    reading = fidelity(history(HISTORY_12, footer=footer), ONE)
    assert serious(reading) == []
    assert reading.stated_as_of_date == date(2026, 11, 19)


@pytest.mark.parametrize(
    ("content", "rule", "row"),
    [
        (history().replace("Run Date", "Day", 1), "required_column", 3),
        (history().replace(",", ";"), "separator_is_comma", 3),
        (history().replace(",", "\t"), "separator_is_comma", 3),
        (history(leading=("", activity(HISTORY_14, **ACTIVITY[0]))), "section_understood", 2),
        (history() + activity(HISTORY_14, **ACTIVITY[0]) + "\r\n", "section_understood", 14),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(content, rule, row):
    reading = fidelity(content)
    assert (rule, row) in [(f.rule, f.source_row_number) for f in reading.violations]
    assert (reading.status, reading.tables) == ("QUARANTINED", {})


def test_only_this_feed_claims_these_files():
    contracts = load_contracts()
    for header in (HISTORY_12, HISTORY_13, HISTORY_14, HISTORY_18):
        file = received("FIDELITY", "download.csv", history(header))
        assert recognise(file, contracts) == "fidelity_history"
    empty = received("FIDELITY", ONE, "nothing\n")
    assert recognise(empty, contracts) == "fidelity_history", "the name tells where text does not"


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.permutations(range(len(HISTORY_14))), st.lists(st.sampled_from(range(3)), max_size=6))
def test_any_order_of_columns_and_rows_lands_the_same_rows(order, picked):
    chosen = [ACTIVITY[place] for place in picked]
    header = [HISTORY_14[place] for place in order]
    straight, turned = fidelity(history(rows=chosen)), fidelity(history(header, chosen))
    assert facts(turned) == facts(straight)
    assert set(rules(turned)) - {"header_known", "identical_rows_kept"} == set()
