"""Schwab's realized gains, the awards that are no book of an account, and who claims which file."""

import json
from datetime import date
from decimal import Decimal

import pytest

from data_contracts.contract import load_contracts
from data_contracts.suites import check_table
from python_steps.feeds.recognition import recognise
from tests.python_steps.feeds.files import (
    LOTS_WIDE,
    facts,
    lot_details,
    read,
    received,
    rows,
    rules,
    schwab_single,
    serious,
)
from tests.python_steps.feeds.schwab_files import (
    BOUGHT,
    GAINS,
    GAINS_ALL,
    GAINS_NAME,
    GAINS_TITLE,
    OLDER,
    TITLE,
    UNKNOWN,
    WASHED,
    gains,
    gains_of_all,
    transactions,
    transactions_json,
)

SUMMARY = [
    "Symbol", "Name", "Closed Date", "Quantity", "Proceeds", "CostBasis", "Total Gain/Loss ($)",
    "Wash Sale?", "Disallowed Loss",
]  # fmt: skip


def schwab(content: str, name: str = GAINS_NAME):
    return read("SCHWAB", name, content)


def test_closed_lots_of_one_account():
    reading = schwab(gains([WASHED, UNKNOWN]))
    assert serious(reading) == []
    assert (reading.feed, reading.as_of_source) == ("schwab_realized_gains", "TITLE")
    assert reading.stated_as_of_date == date(2026, 11, 19)
    assert reading.covered_from_date == date(2026, 1, 1)
    assert reading.covered_to_date == date(2026, 11, 19)
    assert reading.covered_accounts == ("...178",)
    columns = ("account_number", "ticker", "acquisition_date", "disposal_date", "quantity", "term")
    assert rows(reading, "closed_lots", *columns) == [
        ("...178", "VTI", "01/15/2026", "03/02/2026", "2", "SHORT"),
        ("...178", "BRK/B", "--", "06/01/2026", "1", "UNKNOWN"),
    ]
    columns = ("proceeds", "cost_basis", "cost_basis_unadjusted", "realized_gain_loss")
    assert rows(reading, "closed_lots", *columns) == [
        ("$480.00", "$500.00", "$500.00", "-$20.00"),
        ("$450.00", "--", "--", "--"),
    ]
    columns = ("wash_sale_flag", "disallowed_loss", "currency")
    assert rows(reading, "closed_lots", *columns) == [
        ("Yes", "$20.00", "USD"),
        ("No", "--", "USD"),
    ]


def test_both_spellings_of_a_loss_and_missing_basis_meet_the_contract():
    other = {**WASHED, "Gain/Loss ($)": "$-20.00"}
    reading = schwab(gains([WASHED, other, UNKNOWN]))
    contract = load_contracts()["schwab_realized_gains"]
    good = check_table(contract, "closed_lots", reading.tables["closed_lots"])
    assert (good.violations, good.broken) == ([], [])
    wrong = schwab(gains([{**WASHED, "Proceeds": "much", "Wash Sale?": "perhaps"}]))
    bad = check_table(contract, "closed_lots", wrong.tables["closed_lots"])
    assert {found.rule for found in bad.violations} == {
        "proceeds_is_decimal",
        "wash_sale_flag_is_boolean",
    }


def test_all_accounts_each_under_its_own_title():
    reading = schwab(
        gains_of_all({"Synthetic Account ...999": [WASHED], "Roth IRA ...178": [UNKNOWN, UNKNOWN]}),
        GAINS_NAME.replace("Individual", "All_Accounts"),
    )
    assert serious(reading) == []
    assert rows(reading, "closed_lots", "account_number") == [("...999",), ("...178",), ("...178",)]
    assert reading.covered_accounts == ("...178", "...999")
    twice = gains_of_all({"One ...999": [WASHED], "Other ...999": [UNKNOWN]})
    found = [f for f in schwab(twice).violations if f.rule == "account_reference_unique"]
    assert [(f.severity, f.scope, f.account_number) for f in found] == [
        ("block", "account", "...999")
    ]
    nameless = gains_of_all({"Synthetic Account": [WASHED]})
    assert "account_reference_present" in rules(schwab(nameless))
    orphans = "\r\n".join([GAINS_ALL, *gains([WASHED]).split("\r\n")[1:]])
    assert "account_reference_present" in rules(schwab(orphans))


def test_identical_closed_lots_are_distinct():
    reading = schwab(gains([WASHED, WASHED]))
    assert serious(reading) == []
    assert reading.tables["closed_lots"].num_rows == 2


def test_the_summary_view_is_refused_with_the_reason():
    title = GAINS_TITLE.replace(" - Lot Details", "")
    reading = schwab(gains([WASHED], SUMMARY, title))
    assert (reading.feed, rules(reading)) == ("schwab_realized_gains", ["opened_dates_present"])
    assert "choose Lot Details" in reading.violations[0].message
    untitled = schwab(gains([WASHED], SUMMARY))
    assert serious(untitled) == ["opened_dates_present"], "the header tells as well"


def test_a_file_that_names_its_account_by_nickname_only():
    title = GAINS_TITLE.replace("Individual ...178", "Joint_Tenant")
    padded = f'"{title}"' + ',""' * 19
    reading = schwab(gains([WASHED], title=padded), "Joint_Tenant_" + GAINS_NAME)
    found = [broken for broken in reading.violations if broken.severity != "info"]
    assert [(f.rule, f.severity, f.account_number) for f in found] == [
        ("account_numbered", "warn", "Joint_Tenant")
    ]
    assert rows(reading, "closed_lots", "account_number") == [("Joint_Tenant",)]
    nameless = GAINS_TITLE.replace("Individual ...178 ", "")
    assert "account_reference_present" in rules(schwab(gains([WASHED], title=nameless)))


def test_accounts_without_closed_lots():
    nothing = '"There are no transactions available for your search criteria."'
    lines = gains_of_all({"Trust ...999": [WASHED]}).split("\r\n")
    for place in (len(lines) - 1, 1):
        content = "\r\n".join([*lines[:place], "", "HSA ...217", nothing, *lines[place:]])
        reading = schwab(content)
        assert serious(reading) == []
        assert reading.covered_accounts == ("...217", "...999")
        assert rows(reading, "closed_lots", "account_number") == [("...999",)]
    silent = "\r\n".join([lines[0], "", "HSA ...217", "", *lines[1:]])
    assert "section_understood" in rules(schwab(silent)), "neither a header nor that sentence"
    alone = "\r\n".join([GAINS_TITLE, nothing, ""])
    assert (schwab(alone).status, schwab(alone).row_count) == ("LOADED", 0)


def test_the_basis_before_wash_sales_is_the_trades_own():
    filled = {**WASHED, "Transaction Cost Basis": "$482.00"}
    reading = schwab(gains([filled, WASHED]))
    assert serious(reading) == []
    assert rows(reading, "closed_lots", "cost_basis", "cost_basis_unadjusted") == [
        ("$500.00", "$482.00"),
        ("$500.00", "$500.00"),
    ]


def test_names_with_a_number_behind():
    for behind in ("_61697", " (1)", "(2)"):
        name = GAINS_NAME.replace(".csv", f"{behind}.csv")
        assert serious(schwab(gains([WASHED]), name)) == []
        other = name.replace("20261119", "20261118")
        assert serious(schwab(gains([WASHED]), other)) == ["as_of_dates_agree"]


def test_a_total_row_is_compared_and_not_loaded():
    total = {"Symbol": "Total", "Proceeds": "$930.00", "Cost Basis (CB)": "--"}
    reading = schwab(gains([WASHED, UNKNOWN, total]))
    assert reading.violations == ()
    assert reading.control_amount == Decimal("930.00")
    assert reading.tables["closed_lots"].num_rows == 2
    stale = schwab(gains([WASHED, UNKNOWN, {**total, "Proceeds": "$1.00"}]))
    assert [(f.rule, f.severity) for f in stale.violations] == [("control_total", "warn")]
    after = schwab(gains([WASHED, total, UNKNOWN]))
    assert "section_understood" in rules(after)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"Opened Date": "04/01/2026"}, "opened_not_after_closed"),
        ({"Closed Date": "12/30/2025", "Opened Date": "01/01/2025"}, "dates_in_period"),
        ({"Term": "Eternal"}, "term_known"),
        ({"Symbol": "922908768"}, "cusip_check_digit"),
    ],
)
def test_rows_that_contradict_themselves_are_told_and_loaded(change, rule):
    reading = schwab(gains([{**WASHED, **change}, UNKNOWN]))
    assert serious(reading) == [rule]
    found = next(broken for broken in reading.violations if broken.rule == rule)
    assert (found.source_row_number, found.account_number) == (3, "...178")
    assert reading.tables["closed_lots"].num_rows == 2


def test_a_period_after_the_export():
    title = GAINS_TITLE.replace("to 11/19/2026", "to 11/30/2026")
    assert serious(schwab(gains([WASHED], title=title))) == ["period_ends_by_file_date"]


def test_ragged_rows_cut_ends_and_lines_out_of_place():
    lines = gains([WASHED, UNKNOWN]).split("\r\n")
    short = [*lines[:3], ",".join(lines[3].split(",")[:7]), ""]
    found = [f for f in schwab("\r\n".join(short)).violations if f.rule == "ragged_row"]
    assert [(f.scope, f.account_number, f.source_row_number) for f in found] == [
        ("account", "...178", 4)
    ]
    assert rules(schwab("\r\n".join(lines[:1]))) == [
        "file_complete",
        "control_total_present",
        "last_line_ended",
    ]
    assert "section_understood" in rules(schwab("\r\n".join([lines[0], lines[2], *lines[1:]])))
    assert "section_understood" in rules(schwab("\r\n".join([*lines[:3], lines[1], lines[3], ""])))


def test_columns_are_found_by_name():
    moved = schwab(gains([WASHED, UNKNOWN], GAINS[::-1]))
    assert serious(moved) == ["header_known"]
    assert facts(moved) == facts(schwab(gains([WASHED, UNKNOWN])))
    missing = schwab(gains([WASHED], [name for name in GAINS if name != "Proceeds"]))
    assert "required_column" in rules(missing)


AWARDS_CSV = (
    '"Date","Action","Symbol","Description","Quantity","FeesAndCommissions",'
    '"DisbursementElection","Amount","AwardDate","AwardId","FairMarketValuePrice"\n'
    '"08/15/2025","Lapse","ABC","Restricted Stock Lapse","400","","","","","",""\n'
)
AWARDS_JSON = json.dumps(
    {
        "FromDate": "01/01/2025",
        "ToDate": "12/23/2025",
        "Transactions": [{"Date": "09/27/2025", "Action": "Deposit", "TransactionDetails": []}],
    }
)


@pytest.mark.parametrize("content", [AWARDS_CSV, AWARDS_JSON])
def test_equity_awards_are_known_and_refused(content):
    reading = schwab(content, "awards.csv")
    assert (reading.feed, rules(reading)) == ("schwab_equity_awards", ["file_belongs_to_the_book"])
    assert reading.status == "QUARANTINED"
    assert "stock plan" in reading.violations[0].message


def test_every_export_is_claimed_by_its_own_feed_only():
    files = {
        "schwab_positions": schwab_single(),
        "schwab_lot_details": lot_details([], LOTS_WIDE),
        "schwab_realized_gains": gains([WASHED]),
        "schwab_transactions": transactions([BOUGHT]),
        "schwab_equity_awards": AWARDS_CSV,
    }
    contracts = load_contracts()
    for feed, content in files.items():
        assert recognise(received("SCHWAB", "export.csv", content), contracts) == feed
    titled = transactions([BOUGHT], OLDER, title=TITLE)
    for content in (titled, transactions_json([BOUGHT])):
        file = received("SCHWAB", "export", content)
        assert recognise(file, contracts) == "schwab_transactions"
    standard = "account_number,transaction_date,transaction_type\nA1,2026-11-19,BUY\n"
    assert recognise(received("ALPINE", "transactions.csv", standard), contracts) == "standard_feed"


def test_a_title_that_names_no_account_stands_over_several():
    bare = gains_of_all({"Individual ...178": [WASHED], "Roth IRA ...222": [UNKNOWN]})
    bare = bare.replace(GAINS_ALL, "Realized Gain/Loss - Lot Details")
    reading = schwab(bare, "All_GainLoss_Realized_Details_20261119-115444.csv")
    assert serious(reading) == []
    assert (reading.stated_as_of_date, reading.as_of_source) == (date(2026, 11, 19), "FILE_NAME")
    assert reading.covered_accounts == ("...178", "...222")
    alone = bare.replace("Individual ...178", "").replace("Roth IRA ...222", "")
    assert "account_reference_present" in rules(schwab(alone))


@pytest.mark.parametrize(
    ("written", "method"),
    [("FIFO", "FIFO"), ("High Cost", "HIFO"), ("Specified Lots", "SPEC_ID"), ("Else", "Else")],
)
def test_the_method_lands_where_it_is_stated(written, method):
    header = [*GAINS, "Cost Basis Method"]
    reading = schwab(gains([{**WASHED, "Cost Basis Method": written}], header))
    assert serious(reading) == ["header_known"]
    assert rows(reading, "closed_lots", "disposal_method") == [(method,)]
