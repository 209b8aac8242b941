"""Schwab's transactions, CSV in every era and JSON, and each way they can be bad."""

import re
from datetime import date

import pytest

from data_contracts.contract import load_contracts
from data_contracts.suites import check_table
from tests.python_steps.feeds.files import facts, read, rows, rules, serious
from tests.python_steps.feeds.schwab_files import (
    BOUGHT,
    NAME,
    NEWER,
    OLD_TITLE,
    OLDER,
    PAID,
    SOLD,
    TITLE,
    transaction,
    transactions,
    transactions_json,
)

ROWS = [BOUGHT, SOLD, PAID]
JSON_NAME = NAME.replace(".csv", ".json")


def schwab(content: str, name: str = NAME, session: date = date(2026, 11, 19)):
    return read("SCHWAB", name, content, session)


def old(content: str, name: str = "Individual_Transactions_20221115-180021.CSV"):
    return read("SCHWAB", name, content, date(2022, 11, 15))


def kinds(*of: dict[str, str]):
    reading = schwab(transactions(list(of)))
    columns = ("transaction_type", "quantity", "net_amount", "source_type")
    return rows(reading, "transactions", *columns)


def test_an_untitled_file_of_today():
    reading = schwab(transactions(ROWS))
    assert serious(reading) == []
    assert rules(reading) == ["control_total_present"]
    assert (reading.feed, reading.as_of_source) == ("schwab_transactions", "FILE_NAME")
    assert reading.stated_as_of_date == date(2026, 11, 19)
    assert reading.covered_accounts == ("XXX178",)
    assert reading.covered_from_date is None
    columns = ("account_number", "transaction_type", "source_type", "ticker", "quantity", "price")
    assert rows(reading, "transactions", *columns) == [
        ("XXX178", "BUY", "Buy", "VTI", "10", "$250.00"),
        ("XXX178", "SELL", "Sell", "BND", "-4", "$75"),
        ("XXX178", "DIVIDEND", "Qualified Dividend", "VTI", "", ""),
    ]
    assert rows(reading, "transactions", "fees", "net_amount", "source_row_number") == [
        ("", "-$2,500.00", 2),
        ("$0.01", "$299.99", 3),
        ("", "$12.34", 4),
    ]


def test_each_era_lands_the_same_facts():
    early = [{**row, "Date": "11/14/2022"} for row in ROWS]
    first = old(transactions(early, OLDER, title=OLD_TITLE, comma=",", total="-$2187.67"))
    assert rules(first) == ["control_total_present"], "the number of accounts is not stated"
    assert (first.as_of_source, str(first.control_amount)) == ("TITLE", "-2187.67")
    second = old(transactions(early, OLDER, title=OLD_TITLE, total='"-$2,187.67"'))
    third = old(transactions(early, NEWER), "Individual_XXXX-4178_Transactions_20221115-180021.csv")
    assert serious(second) == []
    assert facts(first) == facts(second) == facts(third)
    assert third.covered_accounts == ("XXXX-4178",)


def test_values_meet_the_contract():
    reading = schwab(transactions([*ROWS, transaction("Journal", amount="($1.00)")]))
    table = reading.tables["transactions"]
    result = check_table(load_contracts()["schwab_transactions"], "transactions", table)
    assert (result.violations, result.broken) == ([], [])
    bad = schwab(transactions([{**BOUGHT, "Amount": "a lot", "Date": "18 Nov 26"}]))
    found = check_table(
        load_contracts()["schwab_transactions"], "transactions", bad.tables["transactions"]
    )
    assert {broken.rule for broken in found.violations} == {
        "net_amount_is_decimal",
        "transaction_date_is_date",
        "entry_date_is_date",
    }


def test_posting_and_effective_date():
    late = transaction("Bank Interest", date="11/18/2026 as of 11/16/2026", amount="$0.05")
    reading = schwab(transactions([late, PAID]))
    assert serious(reading) == []
    assert rows(reading, "transactions", "transaction_date", "entry_date") == [
        ("11/16/2026", "11/18/2026"),
        ("11/18/2026", "11/18/2026"),
    ]
    odd = {**late, "Date": "11/16/2026 as of 11/18/2026"}
    assert serious(schwab(transactions([odd]))) == ["effective_date_not_after_posting"]
    slashed = {**late, "Date": "2026/11/18 as of 2026/11/16"}
    dates = rows(schwab(transactions([slashed])), "transactions", "transaction_date")
    assert dates == [("2026/11/16",)]


def test_identical_rows_are_distinct():
    reading = schwab(transactions([BOUGHT, BOUGHT, PAID]))
    assert serious(reading) == []
    assert reading.tables["transactions"].num_rows == 3


def test_reinvestments_mergers_and_splits_come_as_they_are_written():
    assert kinds(
        transaction("Reinvest Dividend", symbol="BND", amount="$1.84"),
        transaction("Reinvest Shares", symbol="BND", quantity="0.0249", amount="-$1.84"),
        transaction("Cash Merger", symbol="FOO", amount="$1000"),
        transaction("Cash Merger Adj", symbol="FOO", quantity="-100"),
        transaction("Stock Split", symbol="VTI", quantity="18"),
        transaction("Reverse Split", symbol="IAU", quantity="5"),
        transaction("Reverse Split", symbol="464285105", quantity="-10"),
    ) == [
        ("DIVIDEND", "", "$1.84", "Reinvest Dividend"),
        ("REINVEST", "0.0249", "-$1.84", "Reinvest Shares"),
        ("MERGER", "", "$1000", "Cash Merger"),
        ("MERGER", "-100", "", "Cash Merger Adj"),
        ("SPLIT", "18", "", "Stock Split"),
        ("SPLIT", "5", "", "Reverse Split"),
        ("SPLIT", "-10", "", "Reverse Split"),
    ]
    reading = schwab(transactions([transaction("Reverse Split", symbol="464285105")]))
    assert rows(reading, "transactions", "cusip", "ticker") == [("464285105", "")]


@pytest.mark.parametrize(
    ("action", "quantity", "amount", "kind", "signed"),
    [
        ("Sell Short", "5", "$100.00", "SELL_SHORT", "-5"),
        ("Sell to Open", "1", "$847.33", "SELL_SHORT", "-1"),
        ("Buy to Close", "1", "-$6.65", "BUY_COVER", "1"),
        ("Sell to Close", "1,000", "$6.65", "SELL", "-1,000"),
        ("Expired", "-1", "", "EXPIRE", "-1"),
        ("Security Transfer", "-10", "", "TRANSFER_OUT", "-10"),
        ("Security Transfer", "", "$101000.00", "TRANSFER_IN", ""),
        ("MoneyLink Transfer", "", "-$4000.00", "WITHDRAWAL", ""),
        ("MoneyLink Transfer", "", "$4000.00", "DEPOSIT", ""),
        ("Foreign Tax Paid", "", "-$1.05", "TAX_WITHHELD", ""),
        ("ADR Mgmt Fee", "", "-$0.47", "FEE", ""),
        ("Advisor Fee", "", "-$100.47", "ADVISORY_FEE", ""),
        ("Long Term Cap Gain Reinvest", "", "$2.11", "CAP_GAIN_LT", ""),
        ("Cash In Lieu", "", "$18.02", "CASH_IN_LIEU", ""),
        ("journaled  shares", "-12.3456", "", "JOURNAL", "-12.3456"),
    ],
)
def test_actions(action, quantity, amount, kind, signed):
    reading = schwab(transactions([transaction(action, quantity=quantity, amount=amount)]))
    assert serious(reading) == []
    columns = ("transaction_type", "quantity", "source_type")
    assert rows(reading, "transactions", *columns) == [(kind, signed, action)]


def test_a_cancelled_buy_is_marked_and_takes_its_shares_away():
    reading = schwab(transactions([BOUGHT, {**BOUGHT, "Action": "Cancel Buy", "Amount": "$2500"}]))
    columns = ("transaction_type", "is_cancel", "quantity", "net_amount")
    assert rows(reading, "transactions", *columns) == [
        ("BUY", "false", "10", "-$2,500.00"),
        ("BUY", "true", "-10", "$2500"),
    ]


def test_an_unknown_action_is_named_and_loaded_as_other():
    reading = schwab(transactions([transaction("Moon Dust", amount="$1"), PAID]))
    assert serious(reading) == ["transaction_type_known"]
    found = next(broken for broken in reading.violations if broken.severity == "warn")
    assert "Moon Dust" in found.message
    assert (found.source_row_number, found.account_number) == (2, "XXX178")
    assert rows(reading, "transactions", "transaction_type", "source_type")[0] == (
        "OTHER",
        "Moon Dust",
    )
    still = transaction("Security Transfer", symbol="GOOG")
    assert serious(schwab(transactions([still]))) == ["transaction_type_known"], "no direction"


def test_a_quantity_against_its_action_is_told():
    reading = schwab(transactions([{**BOUGHT, "Quantity": "-10"}]))
    assert serious(reading) == ["quantity_sign"]
    assert rows(reading, "transactions", "quantity") == [("-10",)]
    assert serious(schwab(transactions([{**SOLD, "Quantity": "-4"}]))) == []


def test_several_accounts_in_one_file():
    other = TITLE.replace("...178", "Roth ...999")
    content = (
        transactions(ROWS, OLDER, title=TITLE) + "\r\n" + transactions([PAID], OLDER, title=other)
    )
    reading = schwab(content, "Transactions.csv")
    assert serious(reading) == []
    assert reading.covered_accounts == ("...178", "...999")
    assert [found for (found,) in rows(reading, "transactions", "account_number")] == [
        *["...178"] * 3,
        "...999",
    ]
    twice = transactions(ROWS, OLDER, title=TITLE) + transactions([PAID], OLDER, title=TITLE)
    assert "account_reference_unique" in rules(schwab(twice, "Transactions.csv"))
    mixed = content.replace("11/19/2026 18:00", "11/18/2026 18:00", 1)
    assert "one_as_of_date" in rules(schwab(mixed, "Transactions.csv"))


def test_the_period_of_the_title():
    title = TITLE + " From 11/16/2026 to 11/18/2026"
    reading = schwab(transactions(ROWS, OLDER, title=title))
    assert (reading.covered_from_date, reading.stated_as_of_date) == (
        date(2026, 11, 16),
        date(2026, 11, 19),
    )
    assert reading.covered_to_date == date(2026, 11, 18)


def test_a_period_after_the_export():
    title = TITLE + " From 11/16/2026 to 11/30/2026"
    reading = schwab(transactions(ROWS, OLDER, title=title))
    assert "period_ends_by_file_date" in rules(reading)
    assert reading.status == "LOADED"


def test_several_accounts_are_covered_from_the_latest_of_their_periods():
    other = TITLE.replace("...178", "...999")
    first = transactions(ROWS, OLDER, title=TITLE + " From 11/16/2026 to 11/18/2026")
    later = transactions([PAID], OLDER, title=other + " From 11/17/2026 to 11/19/2026")
    reading = schwab(first + later, "Transactions.csv")
    assert reading.covered_from_date == date(2026, 11, 17)
    assert reading.covered_to_date == date(2026, 11, 18)
    silent = transactions([PAID], OLDER, title=other)
    assert schwab(first + silent, "Transactions.csv").covered_from_date is None


def test_an_empty_period():
    content = transactions([], OLDER, title=OLD_TITLE) + '""\r\n'
    reading = old(content)
    assert rules(reading) == ["control_total_present"]
    assert (reading.status, reading.row_count) == ("LOADED", 0)


def test_an_account_without_transactions():
    nothing = '"There are no transactions available for your search criteria."\r\n'
    reading = schwab(transactions([]) + nothing)
    assert (rules(reading), reading.row_count) == (["control_total_present"], 0)
    numbered = schwab(transactions(ROWS), NAME.replace(".csv", " (1).csv"))
    assert serious(numbered) == []


def test_a_titled_file_of_old_without_its_total_is_cut():
    content = transactions([{**PAID, "Date": "11/14/2022"}], OLDER, title=OLD_TITLE)
    assert "file_complete" in rules(old(content))
    assert old(content).status == "QUARANTINED"


def test_a_total_that_does_not_foot_warns():
    early = [{**row, "Date": "11/14/2022"} for row in ROWS]
    reading = old(transactions(early, OLDER, title=OLD_TITLE, total="$0.00"))
    assert serious(reading) == ["control_total"]
    found = reading.violations[0]
    assert (found.severity, found.expected) == ("warn", "-2187.67, the sum of 3 amounts")
    by_a_cent = old(transactions(early, OLDER, title=OLD_TITLE, total="-$2187.66"))
    assert serious(by_a_cent) == ["control_total"]
    orphan = schwab(transactions(ROWS) + 'Transactions Total,"","","","","","",$1\r\n')
    assert "section_understood" in rules(orphan), "files of today have no total"


def test_the_account_and_the_date_may_stand_in_the_name_only():
    nameless = schwab(transactions(ROWS), "transactions.csv")
    assert [f.rule for f in nameless.violations if f.severity == "block"] == [
        "as_of_date_present",
        "account_reference_present",
    ]
    assert (nameless.feed, nameless.status) == ("schwab_transactions", "QUARANTINED")
    masked = schwab(transactions(ROWS, OLDER, title=TITLE.replace("178", "XXX")))
    assert masked.covered_accounts == ("XXX178",)
    undigited = schwab(
        transactions(ROWS, OLDER, title=TITLE.replace("178", "XXX")),
        "Individual_Transactions_20261119-115444.csv",
    )
    assert "account_reference_present" in rules(undigited)


def test_a_name_that_contradicts_the_title():
    other = NAME.replace("178", "999")
    assert "account_references_agree" in rules(
        schwab(transactions(ROWS, OLDER, title=TITLE), other)
    )
    late = NAME.replace("20261119", "20261120")
    reading = schwab(transactions(ROWS, OLDER, title=TITLE), late)
    assert serious(reading) == ["as_of_dates_agree"]


def test_transactions_after_the_export():
    late = {**PAID, "Date": "11/20/2026"}
    reading = schwab(transactions([*ROWS, late]))
    assert serious(reading) == ["dates_not_after_file"]
    assert reading.status == "LOADED"
    wrong = schwab(transactions([late, late, PAID]))
    assert [f.rule for f in wrong.violations if f.severity == "block"] == ["dates_not_after_file"]
    assert wrong.status == "QUARANTINED"


def test_ragged_rows_block_their_account():
    lines = transactions(ROWS).split("\r\n")
    lines[2] = ",".join(lines[2].split(",")[:5])
    reading = schwab("\r\n".join(lines))
    found = [broken for broken in reading.violations if broken.rule == "ragged_row"]
    assert [(f.severity, f.scope, f.account_number, f.source_row_number) for f in found] == [
        ("block", "account", "XXX178", 3)
    ]
    longer = transactions(ROWS).replace('"VTI"', '"VTI","EXTRA"', 1)
    assert "ragged_row" in rules(schwab(longer))
    broken = schwab(transactions(ROWS)[:-6])
    assert (rules(broken)[0], broken.status) == ("ragged_row", "QUARANTINED")


def test_an_untitled_file_that_ends_within_a_line():
    content = transactions(ROWS).replace('"', "").replace("$2,500", "$2500")
    assert serious(schwab(content)) == []
    assert serious(schwab(content[:-3])) == ["last_line_ended"]


def test_headers():
    missing = schwab(transactions(ROWS, [name for name in OLDER if name != "Amount"]))
    assert "required_column" in rules(missing)
    unseen = schwab(transactions(ROWS, [*NEWER, "Settled"]))
    assert serious(unseen) == ["unknown_column", "header_known"]
    moved = schwab(transactions(ROWS, NEWER[::-1]))
    assert serious(moved) == ["header_known"]
    assert facts(moved) == facts(schwab(transactions(ROWS)))


def test_lines_that_belong_nowhere():
    before = '"11/18/2026","Buy"\r\n' + transactions(ROWS)
    assert "section_understood" in rules(schwab(before))
    twice = transactions(ROWS) + transactions(ROWS)
    assert "section_understood" in rules(schwab(twice))
    after = (
        transactions(ROWS, OLDER, title=TITLE, total="$1") + '"11/18/2026","Buy","","","","","",""'
    )
    assert "section_understood" in rules(schwab(after))


def test_json_lands_the_same_facts():
    reading = schwab(transactions_json(ROWS), JSON_NAME)
    assert serious(reading) == []
    assert facts(reading) == facts(schwab(transactions(ROWS)))
    assert reading.covered_from_date == date(2026, 11, 1)
    content = transactions_json(ROWS)
    for line, text in rows(reading, "transactions", "source_row_number", "row_as_received"):
        assert content.splitlines()[line - 1].strip() == "{"
        assert str(text).startswith('{ "Date": "11/18/2026", "Action": ')


def test_json_totals_nulls_and_unknown_keys():
    footed = transactions_json(ROWS, TotalTransactionsAmount="-$2,187.67")
    assert schwab(footed, JSON_NAME).violations == ()
    stale = transactions_json(ROWS, TotalTransactionsAmount="$1")
    assert serious(schwab(stale, JSON_NAME)) == ["control_total"]
    nulls = transactions_json(ROWS).replace('""', "null")
    assert facts(schwab(nulls, JSON_NAME)) == facts(schwab(transactions(ROWS)))
    more = transactions_json(ROWS, TotalFeesAndCommAmount="$0.01")
    more = re.sub(r'("Amount": "[^"]*")', r'\1, "AcctgRuleCd": "1"', more)
    assert facts(schwab(more, JSON_NAME)) == facts(schwab(transactions(ROWS)))
    assert serious(schwab(more, JSON_NAME)) == []
    keyed = transactions_json(ROWS).replace('"Action"', '"Colour": "red", "Action"')
    assert serious(schwab(keyed, JSON_NAME)) == ["unknown_column", "header_known"]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda text: text[: len(text) // 2], "json_well_formed"),
        (lambda text: text + "}", "json_well_formed"),
        (lambda text: text.replace('"Action"', '"Date": "x", "Action"', 1), "json_well_formed"),
        (lambda text: text.replace('"$12.34"', "NaN"), "json_well_formed"),
        (lambda text: text.replace('"$12.34"', '["$12.34"]'), "json_well_formed"),
        (lambda text: text.replace('"BrokerageTransactions": [', '"BrokerageTransactions": [1, '),
         "json_well_formed"),
        (lambda text: text.replace('"Amount": "$12.34"', '"Colour": ""'), "ragged_row"),
        (lambda text: "<Transactions/>", "file_kind_read"),
    ],
)  # fmt: skip
def test_bad_json(change, rule):
    content = transactions_json(ROWS)
    assert change(content) != content
    reading = schwab(change(content), JSON_NAME)
    assert rule in rules(reading)
    named = next(found for found in reading.violations if found.rule == rule)
    assert JSON_NAME in named.message


def test_deep_json_does_not_crash():
    deep = '{"BrokerageTransactions":' + "[" * 200_000
    reading = schwab(deep, JSON_NAME)
    assert rules(reading)[-1] == "json_well_formed"


def test_a_file_over_the_limit_is_refused():
    from dataclasses import replace

    from python_steps.feeds.schwab_transactions import read as read_transactions
    from tests.python_steps.feeds.files import received

    contract = load_contracts()["schwab_transactions"]
    small = replace(contract, mappings={**contract.mappings, "limits": {"maximum_bytes": "10"}})
    reading = read_transactions(received("SCHWAB", NAME, transactions(ROWS)), small)
    assert rules(reading) == ["file_size"]


def test_a_json_list_without_transactions_is_an_empty_period():
    reading = schwab(
        transactions_json([], TotalTransactionsAmount="$0.00", FromDate="10/01/2026"), JSON_NAME
    )
    assert (reading.status, reading.violations, reading.row_count) == ("LOADED", (), 0)
    assert (reading.covered_accounts, reading.covered_from_date) == (
        ("XXX178",),
        date(2026, 10, 1),
    )


def test_json_keys_that_are_not_loaded_may_be_missing_from_some_rows():
    coded = transactions_json(ROWS).replace('"Date"', '"ItemIssueId": "7", "Date"', 1)
    assert "ItemIssueId" in coded
    assert serious(schwab(coded, JSON_NAME)) == ["header_known"]
    assert facts(schwab(coded, JSON_NAME)) == facts(schwab(transactions(ROWS)))


@pytest.mark.parametrize(
    ("action", "amount", "kind"),
    [
        ("Wire Funds Adj", "-$10.00", "WITHDRAWAL"),
        ("Funds Paid", "-$10.00", "WITHDRAWAL"),
        ("Visa Purchase", "-$10.00", "WITHDRAWAL"),
        ("Schwab ATM Rebate", "$3.00", "DEPOSIT"),
        ("Tax Withholding", "-$10.00", "TAX_WITHHELD"),
        ("Mandatory Reorg Exc", "", "MERGER"),
        ("Cash/Stock Merger", "$10.00", "MERGER"),
        ("Delivered - Other", "", "TRANSFER_OUT"),
        ("Adjustment", "$0.01", "OTHER"),
    ],
)
def test_rarer_actions_are_known(action, amount, kind):
    reading = schwab(transactions([transaction(action, symbol="ABC", amount=amount)]))
    assert "transaction_type_known" not in rules(reading)
    assert rows(reading, "transactions", "transaction_type") == [(kind,)]
