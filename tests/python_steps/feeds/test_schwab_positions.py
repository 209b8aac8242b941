"""Schwab's positions export in every era, one account or all, and each way it can be bad."""

from datetime import date
from decimal import Decimal

import pytest

from python_steps.feeds.identifiers import is_account_reference, is_cusip
from python_steps.feeds.options import option_terms
from python_steps.feeds.schwab_securities import bond_terms, proven_bond_type
from tests.python_steps.feeds.files import (
    HOLDINGS,
    SCHWAB_2020,
    SCHWAB_2023,
    SCHWAB_2025,
    SCHWAB_2026,
    facts,
    read,
    rows,
    rules,
    schwab_row,
    schwab_section,
    schwab_single,
    serious,
)

TITLES = {
    "2020": "Positions for account Intelligent XXXX-4321 as of 04:05 PM ET, 11/19/2026",
    "2023": "Positions for account Individual ...234 as of 04:05 PM ET, 2026/11/19",
}


def schwab(content: str, name: str = "Individual-Positions-2026-11-19-160500.csv"):
    return read("SCHWAB", name, content)


def all_accounts(*titles_and_sections: tuple[str, list[str]], end: str = "\r\n") -> str:
    lines = ['"Positions for All-Accounts as of 04:05 PM ET, 11/19/2026"', ""]
    for title, section in titles_and_sections:
        lines += [f'"{title}"', *section, "", ""]
    return end.join(lines)


def first_section(**changes: str) -> list[str]:
    settings = {"value_total": "$3,400.00", "basis_total": "--", **changes}
    return schwab_section(SCHWAB_2025, HOLDINGS, **settings)


@pytest.mark.parametrize(
    ("header", "title", "settings"),
    [
        (SCHWAB_2020, TITLES["2020"], {"comma": ","}),
        (SCHWAB_2023, TITLES["2023"], {}),
        (SCHWAB_2025, TITLES["2023"], {}),
        (SCHWAB_2026, TITLES["2023"], {"total_word": "Positions Total"}),
    ],
)
def test_each_era_lands_the_same_facts(header, title, settings):
    reading = schwab(schwab_single(header, title, **settings))
    assert reading.violations == ()
    account = title.split()[4]
    assert reading.covered_accounts == (account,)
    assert reading.stated_as_of_date == date(2026, 11, 19)
    assert reading.as_of_source == "TITLE"
    assert reading.control_amount == Decimal("3400.00")
    columns = ("account_number", "ticker", "quantity", "price", "market_value", "cost_basis")
    assert rows(reading, "positions", *columns) == [
        (account, "VTI", "10", "$250.00", "$2,500.00", "$2,000.00"),
        (account, "HD", "2", "$400.00", "$800.00", "Incomplete"),
    ]
    assert rows(reading, "cash_balances", "account_number", "trade_date_balance") == [
        (account, "$100.00")
    ]
    assert rows(reading, "accounts", "account_title", "base_currency") == [
        (title.split()[3], "USD")
    ]
    assert rows(reading, "securities", "ticker", "security_name", "security_type") == [
        ("VTI", "VTI NAME", "ETF"),
        ("HD", "HD NAME", "EQUITY"),
    ]
    assert rows(reading, "positions", "source_row_number") == [(4,), (5,)]


def test_a_title_padded_with_empty_cells():
    plain = schwab_single()
    padded = plain.replace('2026/11/19"', '2026/11/19","","",""').replace(
        "\r\n\r\n", '\r\n"","",""\r\n', 1
    )
    assert padded != plain
    reading = schwab(padded)
    assert reading.violations == ()
    assert facts(reading) == facts(schwab(plain))


def test_all_accounts_keep_their_rows_apart():
    content = all_accounts(
        ("Brokerage XXXX-1234", first_section()),
        (
            "Roth IRA XXXX-9876",
            schwab_section(SCHWAB_2025, [], value_total="$100.00", basis_total="N/A"),
        ),
    )
    reading = schwab(content, "All-Accounts-Positions-2026-11-19.csv")
    assert rules(reading) == ["control_total_present"]
    assert reading.covered_accounts == ("XXXX-1234", "XXXX-9876")
    assert rows(reading, "accounts", "account_number", "account_title") == [
        ("XXXX-1234", "Brokerage"),
        ("XXXX-9876", "Roth IRA"),
    ]
    assert len(rows(reading, "positions", "ticker")) == 2
    assert [found[0] for found in rows(reading, "cash_balances", "account_number")] == [
        "XXXX-1234",
        "XXXX-9876",
    ]


def test_two_sections_of_one_masked_reference_block_that_account():
    content = all_accounts(("Brokerage ...234", first_section()), ("Trust ...234", first_section()))
    reading = schwab(content, "x-Positions-2026-11-19.csv")
    found = [broken for broken in reading.violations if broken.rule == "account_reference_unique"]
    assert [(broken.scope, broken.severity, broken.account_number) for broken in found] == [
        ("account", "block", "...234")
    ]


def test_an_account_line_without_a_reference_refuses_the_file():
    content = schwab_single(title="Positions for account Individual as of 04:05 PM ET, 2026/11/19")
    reading = schwab(content)
    assert "account_reference_present" in rules(reading)
    assert reading.status == "QUARANTINED"


def test_an_option_of_an_impossible_day_keeps_its_other_terms_and_is_told():
    holdings = [("XYZ 02/30/2027 32.00 P", "1", "$12.53", "$1,253.00", "$1,100.00", "Option")]
    reading = schwab(schwab_single(holdings=holdings, value_total="--"))
    assert [(f.rule, f.scope) for f in reading.violations if f.severity == "block"] == [
        ("option_expiry_possible", "position")
    ]
    terms = ("ticker", "underlying_ticker", "put_call", "strike_price", "expiration_date")
    assert rows(reading, "securities", *terms) == [
        ("XYZ 02/30/2027 32.00 P", "XYZ", "PUT", "32.00", "")
    ]


def test_options_cusips_and_unknown_words():
    holdings = [
        ("XYZ 01/15/2027 32.00 P", "1", "$12.53", "$1,253.00", "$1,100.00", "Option"),
        ("912828YW4", "5,000", "100.00", "$5,000.00", "$4,990.00", "Fixed Income"),
        ("912828YW0", "1", "1.00", "$1.00", "$1.00", "Fixed Income"),
        ("BRK/B", "1", "$500.00", "$500.00", "$400.00", "Hovercraft"),
    ]
    content = schwab_single(holdings=holdings, value_total="$6,854.00", basis_total="$6,491.00")
    reading = schwab(content)
    assert rows(reading, "positions", "cusip", "ticker") == [
        ("", "XYZ   270115P00032000"),
        ("912828YW4", ""),
        ("", "912828YW0"),
        ("", "BRK/B"),
    ]
    columns = ("security_type", "price_factor", "contract_multiplier", "underlying_ticker")
    assert rows(reading, "securities", *columns) == [
        ("OPTION", None, "100", "XYZ"),
        ("BOND_TREASURY", "0.01", None, None),
        ("OTHER", "0.01", None, None),
        ("OTHER", None, None, None),
    ]
    assert serious(reading) == ["cusip_check_digit", "bond_type_proven", "security_type_known"]
    assert "Hovercraft" in reading.violations[2].message
    columns = ("put_call", "strike_price", "expiration_date")
    assert rows(reading, "securities", *columns)[0] == ("PUT", "32.00", "2027-01-15")
    assert rows(reading, "securities", *columns)[3] == (None, None, None)


BONDS = [
    ("912810SP4", "US TREASURY 1.375%08/50UST BOND DUE 08/15/50"),
    ("06418CPW0", "A BANK LITTLE R 4.7%28CD FDIC INS DUE 08/09/28US"),
    ("912909AN8", "A STEEL CORP 6.875%29NOTES DUE 03/01/29"),
    ("91282CAB7", "T NOTE 0.25%"),
]


def bonds(*of: tuple[str, str]) -> str:
    header = SCHWAB_2025
    lines = schwab_single(header, holdings=[], value_total="$--", basis_total="--").split("\r\n")
    held = [
        schwab_row(header, symbol=symbol, name=name, quantity="1,000", price="99.5",
                   value="$995.00", basis="$990.00", type="Fixed Income")
        for symbol, name in of
    ]  # fmt: skip
    return "\r\n".join([*lines[:3], *held, *lines[3:]])


def test_fixed_income_is_typed_where_the_file_proves_it():
    reading = schwab(bonds(*BONDS))
    columns = ("cusip", "security_type", "price_factor", "coupon_rate", "maturity_date")
    assert rows(reading, "securities", *columns) == [
        ("912810SP4", "BOND_TREASURY", "0.01", "1.375", "2050-08-15"),
        ("06418CPW0", "CD", "0.01", "4.7", "2028-08-09"),
        ("912909AN8", "OTHER", "0.01", "6.875", "2029-03-01"),
        ("91282CAB7", "BOND_TREASURY", "0.01", "0.25", None),
    ]
    found = [broken for broken in reading.violations if broken.rule == "bond_type_proven"]
    assert [(f.severity, f.scope, f.security_key) for f in found] == [
        ("warn", "position", "912909AN8")
    ]


def test_terms_in_text_are_read_only_where_they_are_certain():
    day = date(2026, 11, 19)
    assert bond_terms("X DUE 11/18/26", day) == {"maturity_date": "2026-11-18"}, "just matured"
    assert bond_terms("X DUE 11/19/24", day) == {"maturity_date": "2124-11-19"}
    assert bond_terms("X DUE 08/15/50", day) == {"maturity_date": "2050-08-15"}
    assert bond_terms("X DUE 11/19/2020", None) == {"maturity_date": "2020-11-19"}
    assert bond_terms("X DUE 11/19/30", None) == {}
    assert bond_terms("X DUE 13/45/30", day) == {}
    assert bond_terms("STEP 1%THEN 2% DUE", day) == {}
    words = {"us treasury": "BOND_TREASURY", "cd fdic ins": "CD"}
    both = proven_bond_type("", "US TREASURY CD FDIC INS", by_cusip_prefix={}, by_words=words)
    assert both is None, "words that contradict each other prove nothing"


@pytest.mark.parametrize("header", [SCHWAB_2020, SCHWAB_2023, SCHWAB_2026])
def test_columns_in_any_order(header):
    settings = {"comma": ","} if header is SCHWAB_2020 else {}
    plain = schwab(schwab_single(header, TITLES["2023"], **settings))
    moved = schwab(schwab_single(header[::-1], TITLES["2023"], **settings))
    assert serious(moved) == ["header_known"]
    assert facts(moved) == facts(plain)


def test_gains_are_kept_as_the_custodian_states_them():
    content = schwab_single().replace('"$2,000.00","--"', '"$2,000.00","$500.00"')
    reading = schwab(content)
    assert rows(reading, "positions", "unrealized_gain_loss") == [("$500.00",), ("--",)]


def test_negative_cash_and_money_funds():
    holdings = [("SWVXX", "250", "$1.00", "$250.00", "$250.00", "Cash and Money Market")]
    content = schwab_single(
        holdings=holdings, cash="-$1,050.25", value_total="-$800.25", basis_total="$250.00"
    )
    reading = schwab(content)
    assert reading.violations == ()
    assert rows(reading, "cash_balances", "trade_date_balance") == [("-$1,050.25",)]
    assert rows(reading, "securities", "ticker", "security_type") == [("SWVXX", "MONEY_MARKET")]


@pytest.mark.parametrize("label", ["Cash and Cash Investments", "Cash & Money Market"])
def test_cash_rows_by_their_other_names_are_cash(label):
    content = schwab_single().replace("Cash & Cash Investments", label)
    reading = schwab(content)
    assert reading.violations == ()
    assert facts(reading) == facts(schwab(schwab_single()))


def test_a_file_of_a_group_of_accounts_is_one_of_all_accounts():
    content = all_accounts(("Brokerage XXXX-1234", first_section()))
    group = content.replace("All-Accounts", "CustAccs")
    assert group != content
    reading = schwab(group, "renamed.csv")
    assert (reading.feed, reading.covered_accounts) == ("schwab_positions", ("XXXX-1234",))


def test_a_total_that_does_not_foot_warns_and_loads():
    reading = schwab(schwab_single(value_total="$3,399.00"))
    assert [(f.rule, f.severity, f.scope, f.account_number) for f in reading.violations] == [
        ("control_total", "warn", "account", "...234")
    ]
    assert "3400.00" in reading.violations[0].message
    assert reading.status == "LOADED"
    within = schwab(schwab_single(value_total="$3,400.03"))
    assert within.violations == (), "a cent for each of three rows"


def test_a_basis_total_is_compared_only_where_every_row_has_a_basis():
    assert schwab(schwab_single(basis_total="$1.00")).violations == ()
    whole = [HOLDINGS[0]]
    reading = schwab(schwab_single(holdings=whole, value_total="$2,600.00", basis_total="$1.00"))
    assert rules(reading) == ["control_total"]


def test_an_option_row_without_the_trailing_comma_of_the_others():
    content = schwab_single(SCHWAB_2020, TITLES["2020"], comma=",")
    lines = content.split("\r\n")
    lines[4] = lines[4].removesuffix(",")
    reading = schwab("\r\n".join(lines))
    assert reading.violations == ()
    assert len(rows(reading, "positions", "ticker")) == 2


def test_the_title_date_wins_over_the_file_name():
    reading = schwab(schwab_single(), "Individual-Positions-2026-11-13.csv")
    assert rules(reading) == ["as_of_dates_agree"]
    assert reading.status == "LOADED"


def test_without_a_title_date_the_file_name_dates_the_file():
    content = schwab_single(title="Positions for account Individual ...234")
    dated = schwab(content.replace(" ...234", " ...234 as of now"))
    assert (dated.as_of_source, dated.status) == ("FILE_NAME", "LOADED")
    undated = schwab(content.replace(" ...234", " ...234 as of now"), "positions.txt")
    assert "as_of_date_present" in rules(undated)
    assert undated.status == "QUARANTINED"


def test_a_file_of_another_day_is_refused():
    content = schwab_single(title=TITLES["2023"].replace("11/19", "11/18"))
    reading = schwab(content, "Individual-Positions-2026-11-18.csv")
    assert rules(reading) == ["as_of_date_is_session"]
    assert reading.tables == {}
    assert reading.covered_accounts == ("...234",)


def test_a_file_without_its_total_row_is_cut():
    lines = schwab_single().split("\r\n")
    reading = schwab("\r\n".join(lines[:-2]) + "\r\n")
    assert rules(reading) == ["file_complete"]
    assert reading.status == "QUARANTINED"


def test_a_middle_section_without_its_total_blocks_its_account():
    content = all_accounts(
        ("Brokerage XXXX-1234", first_section()[:-1]), ("Roth XXXX-9876", first_section())
    )
    reading = schwab(content, "x-Positions-2026-11-19.csv")
    assert [(f.rule, f.account_number) for f in reading.violations if f.severity == "block"] == [
        ("section_total_present", "XXXX-1234")
    ]
    assert reading.status == "LOADED"


def test_a_ragged_row_blocks_its_account():
    lines = schwab_single().split("\r\n")
    lines[4] = ",".join(lines[4].split(",")[:6])
    reading = schwab("\r\n".join(lines))
    found = [broken for broken in reading.violations if broken.rule == "ragged_row"]
    assert [(f.scope, f.account_number, f.source_row_number) for f in found] == [
        ("account", "...234", 5)
    ]


def test_a_symbol_twice_freezes_the_position():
    lines = schwab_single().split("\r\n")
    reading = schwab("\r\n".join([*lines[:4], lines[3], *lines[4:]]))
    keys = [f for f in reading.violations if f.rule == "unique_key"]
    assert [(f.scope, f.security_key, f.source_row_number) for f in keys] == [
        ("position", "VTI", 4),
        ("position", "VTI", 5),
    ]


def test_a_missing_column_refuses_the_file():
    reading = schwab(schwab_single().replace('"Price",', '"Cost of a share",'))
    assert "required_column" in rules(reading)
    assert "header_known" in rules(reading)
    assert reading.status == "QUARANTINED"


def test_an_unseen_header_is_reported_and_loaded():
    reading = schwab(schwab_single().replace('"Ratings"', '"Star rating"'))
    assert serious(reading) == ["unknown_column", "header_known"]
    assert reading.status == "LOADED"
    assert reading.header_fingerprint != schwab(schwab_single()).header_fingerprint


def test_rows_after_the_total_or_before_the_header_are_not_understood():
    content = schwab_single()
    after = content + schwab_row(SCHWAB_2025, symbol="GLD", value="$1.00") + "\r\n"
    assert "section_understood" in rules(schwab(after))
    lines = content.split("\r\n")
    before = "\r\n".join([lines[0], lines[3], *lines[1:]])
    assert "section_understood" in rules(schwab(before))
    second = "\r\n".join([*lines[:4], lines[2], *lines[4:]])
    assert "section_understood" in rules(schwab(second))


def test_futures_rows_block_only_with_a_balance():
    content = schwab_single(total_word="Positions Total")
    empty = content + schwab_row(SCHWAB_2025, symbol="Futures Cash", value="$0.00") + "\r\n"
    assert schwab(empty).violations == ()
    filled = content + schwab_row(SCHWAB_2025, symbol="Futures Cash", value="$9.00") + "\r\n"
    assert [(f.rule, f.severity, f.scope) for f in schwab(filled).violations] == [
        ("futures_balances", "block", "account")
    ]


def test_a_schwab_file_in_another_folder_is_refused():
    reading = read("IBKR", "x-Positions-2026-11-19.csv", schwab_single())
    assert rules(reading) == ["custodian_expected"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("922908769", True), ("912828YW4", True), ("922908768", False), ("VTI", False), ("", False)],
)
def test_cusip_check_digit(text, expected):
    assert is_cusip(text) is expected


def test_forms_of_references_and_options():
    for text in ("XXXX-1234", "...234", "12345678", "XX876", "****5678", "8123-4567"):
        assert is_account_reference(text), text
    for text in ("Individual", "...XXX", "", "Roth IRA 1"):
        assert not is_account_reference(text), text
    class_share = option_terms("BRK/B 01/15/2027 500.00 C", "schwab")
    assert class_share is not None
    assert class_share.underlying == "BRK/B"
    assert class_share.symbol == "BRKB  270115C00500000"
    assert option_terms("VTI", "schwab") is None
