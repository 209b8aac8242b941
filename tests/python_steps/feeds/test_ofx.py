"""OFX statements of both versions, and each way they can be bad."""

import re
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.contract import load_contracts
from data_contracts.suites import check_table
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.ofx_values import amount_text, stamp
from python_steps.feeds.recognition import recognise
from tests.python_steps.feeds.files import (
    facts,
    read,
    received,
    rows,
    rules,
    serious,
)
from tests.python_steps.feeds.ofx_files import BND, HEADER_2, NOTE, ONE, TWO, VTI, Writer

POSITION = (
    "account_number",
    "cusip",
    "ticker",
    "sub_account_type",
    "long_short",
    "quantity",
    "price",
    "price_date",
    "market_value",
    "currency",
)


def ofx(content: str | bytes, name: str = "statement.ofx", custodian: str = "FIDELITY"):
    return read(custodian, name, content)


@pytest.mark.parametrize("writer", [ONE, TWO])
def test_a_statement_lands(writer: Writer):
    reading = ofx(writer.document(), custodian="TDAMERITRADE")
    assert reading.violations == ()
    assert (reading.feed, reading.status, reading.as_of_source) == ("ofx", "LOADED", "FIELD")
    assert (reading.stated_as_of_date, reading.covered_from_date) == (
        date(2026, 11, 19),
        date(2026, 10, 1),
    )
    assert reading.covered_to_date == date(2026, 11, 19)
    assert rows(reading, "positions", *POSITION) == [
        (
            "X1234567",
            VTI,
            "VTI",
            "CASH",
            "LONG",
            "10",
            "250.00",
            "2026-11-19",
            "2500.00",
            "USD",
        )
    ]
    assert rows(reading, "accounts", "account_number", "base_currency", "registration_type") == [
        ("X1234567", "USD", None)
    ]
    assert rows(reading, "cash_balances", "trade_date_balance", "margin_debit") == [
        ("500.00", None)
    ]
    assert rows(reading, "securities", "security_name", "security_type", "ticker") == [
        ("TOTAL STOCK & MORE", "EQUITY", "VTI"),
        ("TOTAL BOND FUND", "MUTUAL_FUND", "BND"),
    ]
    assert rows(reading, "prices", "cusip", "price", "price_type") == [(VTI, "250.00", "MARK")]
    assert reading.covered_accounts == ("X1234567",)


def test_both_versions_say_the_same():
    assert facts(ofx(ONE.document())) == facts(ofx(TWO.document()))


def test_a_good_file_meets_its_contract_and_a_bad_one_does_not():
    contract = load_contracts()["ofx"]
    good = ofx(ONE.document())
    for entity, table in good.tables.items():
        assert check_table(contract, entity, table).violations == []
    bad = ofx(
        ONE.document(
            ONE.statement(
                positions=[ONE.position(units="ten", price="")],
                transactions=[ONE.trade(traded="20261341", number="")],
            )
        )
    )
    found = {
        violation.rule
        for entity, table in bad.tables.items()
        for violation in check_table(contract, entity, table).violations
    }
    assert found == {
        "quantity_is_decimal",
        "price_is_present",
        "transaction_date_is_date",
        "transaction_id_is_present",
    }


@pytest.mark.parametrize(
    ("content", "feed"),
    [
        (ONE.document(), "ofx"),
        (TWO.document(), "ofx"),
        (TWO.document().replace(HEADER_2, ""), "ofx"),
        ("OFXHEADER:100\r\nDATA:OFXSGML\r\n\r\n<OFX></OFX>", "ofx"),
        ("<FlexQueryResponse queryName='x'>", "ibkr_flex"),
        ("Account Number,Note\n1,speak of OFX here\n", None),
    ],
)
def test_recognition(content, feed):
    assert recognise(received("FIDELITY", "download.txt", content), load_contracts()) == feed


def test_transactions_by_element_never_by_memo():
    reading = ofx(
        ONE.document(
            ONE.statement(
                transactions=[
                    ONE.trade(memo="Sell mutual fund"),
                    ONE.trade("SELLSTOCK", "SELL", "-1", total="250.00", number="T4", memo="x"),
                    ONE.trade("SELLMF", "SELLSHORT", "-2", total="90", number="T5", code=BND),
                    ONE.income("DIV"),
                    ONE.income("CGLONG", number="T6"),
                    ONE.income("DIV", "-12.50", "T7", tag="REINVEST"),
                    ONE.bank("DEP", "0.24", "INTEREST EARNED"),
                    ONE.bank("CREDIT", "100", "WIRE", "T8"),
                    ONE.bank("XFER", "-40", "TO CHECKING", "T9"),
                    ONE.bank("DEBIT", "-8.49", "PORTFOLIO SRVCS. FEE", "T10"),
                ]
            )
        )
    )
    assert serious(reading) == []
    columns = ("transaction_id", "transaction_type", "source_type", "quantity", "net_amount")
    assert rows(reading, "transactions", *columns) == [
        ("T1", "BUY", "BUYSTOCK/BUY", "4", "-1000.00"),
        ("T4", "SELL", "SELLSTOCK/SELL", "-1", "250.00"),
        ("T5", "SELL_SHORT", "SELLMF/SELLSHORT", "-2", "90"),
        ("T2", "DIVIDEND", "INCOME/DIV", None, "12.50"),
        ("T6", "CAP_GAIN_LT", "INCOME/CGLONG", None, "12.50"),
        ("T7", "REINVEST", "REINVEST/DIV", "0.05", "0.00"),
        ("T3", "INTEREST", "INVBANKTRAN/DEP", None, "0.24"),
        ("T8", "DEPOSIT", "INVBANKTRAN/CREDIT", None, "100"),
        ("T9", "WITHDRAWAL", "INVBANKTRAN/XFER", None, "-40"),
        ("T10", "FEE", "INVBANKTRAN/DEBIT", None, "-8.49"),
    ]
    dates = ("transaction_date", "settlement_date", "entry_date", "description")
    assert rows(reading, "transactions", *dates)[0] == (
        "2026-11-18",
        "2026-11-19",
        None,
        "Sell mutual fund",
    )
    assert rows(reading, "transactions", *dates)[6] == (
        "2026-11-18",
        None,
        "2026-11-18",
        "INTEREST EARNED",
    )
    assert rows(reading, "transactions", "gross_amount")[5] == ("-12.50",)


def test_signs_that_contradict_are_told():
    reading = ofx(
        ONE.document(
            ONE.statement(
                transactions=[
                    ONE.trade("SELLSTOCK", "SELL", "+3", total="750.00"),
                    ONE.trade(units="5", total="1250.00", number="T2"),
                ]
            )
        )
    )
    assert serious(reading) == ["transaction_signs_agree"] * 2
    assert rows(reading, "transactions", "quantity", "net_amount") == [
        ("-3", "750.00"),
        ("5", "1250.00"),
    ]


def test_unknown_transactions_and_cancels():
    cancel = ONE.bank("CREDIT", "-100", "WIRE", "T2", ONE.value("CORRECTFITID", "T1"))
    deleted = cancel.replace("<CORRECTFITID>", "<CORRECTACTION>DELETE\n<CORRECTFITID>")
    reading = ofx(
        ONE.document(ONE.statement(transactions=[ONE.bank("HOLD", "5", "WHAT", "T1"), deleted]))
    )
    assert serious(reading) == ["transaction_type_known"] * 2
    assert rows(reading, "transactions", "transaction_type", "reversal_of", "is_cancel") == [
        ("OTHER", None, None),
        ("OTHER", "T1", "true"),
    ]


def test_splits_add_the_difference():
    split = ONE.aggregate(
        "SPLIT",
        ONE.aggregate("INVTRAN", ONE.values(FITID="S1", DTTRADE="20261118")),
        ONE.security_id(VTI),
        ONE.values(SUBACCTSEC="CASH", OLDUNITS="10", NEWUNITS="30", NUMERATOR="3", DENOMINATOR="1"),
    )
    reading = ofx(ONE.document(ONE.statement(transactions=[split])))
    assert rows(reading, "transactions", "transaction_type", "quantity") == [("SPLIT", "20")]


def test_zero_padded_signed_numbers_and_trailing_blanks_stay_exact():
    position = ONE.position(
        units="+0000000000100.00000", price="000000025.635000000", worth="+2563.5"
    )
    reading = ofx(ONE.document(ONE.statement(positions=[position])))
    assert reading.violations == ()
    ((units, price, worth),) = rows(reading, "positions", "quantity", "price", "market_value")
    assert parse_amount(units) == 100
    assert parse_amount(units) * parse_amount(price) == parse_amount(worth)


def test_a_decimal_comma_is_no_thousands_separator():
    reading = ofx(
        ONE.document(ONE.statement(positions=[ONE.position(units="1,234", worth="308,50")]))
    )
    assert rows(reading, "positions", "quantity", "market_value") == [("1.234", "308.50")]


def test_short_positions_are_negative_and_a_contradiction_freezes():
    short = ONE.position(units="10", side="SHORT", held="SHORT")
    reading = ofx(ONE.document(ONE.statement(positions=[short])))
    assert serious(reading) == []
    assert rows(reading, "positions", "quantity", "market_value", "sub_account_type") == [
        ("-10", "-2500.00", "SHORT")
    ]
    for wrong in (ONE.position(units="-10"), ONE.position(side="")):
        reading = ofx(ONE.document(ONE.statement(positions=[wrong])))
        assert serious(reading) == ["side_is_stated"]
        assert reading.violations[0].severity == "block"
        assert reading.violations[0].security_key == VTI


def test_debt_is_priced_per_hundred_and_options_for_a_hundred():
    reading = ofx(
        ONE.document(
            ONE.statement(
                positions=[
                    ONE.position("POSDEBT", NOTE, "1000", "100", "1000"),
                    ONE.position("POSOPT", "000342222", "1", "5", "500"),
                ]
            ),
            infos=[
                ONE.info("DEBTINFO", NOTE, "US TREASURY", NOTE, ONE.values(DEBTTYPE="ZERO")),
                ONE.info(
                    "OPTINFO",
                    "000342222",
                    "LUCKY PUT",
                    "LUAXX",
                    ONE.values(OPTTYPE="PUT", STRIKEPRICE="35.00", DTEXPIRE="20270115")
                    + "\n"
                    + ONE.value("SHPERCTRCT", "100")
                    + "\n"
                    + ONE.security_id(VTI),
                ),
                ONE.info("STOCKINFO", VTI, "LUCKY", "LUCK"),
            ],
        )
    )
    columns = ("security_type", "price_factor", "contract_multiplier", "ticker", "put_call")
    more = ("strike_price", "expiration_date", "underlying_ticker")
    assert rows(reading, "securities", *columns, *more) == [
        ("BOND_TREASURY", "0.01", None, "", None, None, None, None),
        ("OPTION", None, "100", "LUAXX", "PUT", "35.00", "2027-01-15", "LUCK"),
        ("EQUITY", None, None, "LUCK", None, None, None, None),
    ]


def test_a_plan_code_called_a_cusip_is_the_institutions_own():
    plan = ONE.position("POSMF", "OAEL", "3", "100", "300")
    reading = ofx(ONE.document(ONE.statement(positions=[plan], transactions=[]), infos=[]))
    assert serious(reading) == ["cusip_check_digit", "security_list_present"]
    assert rows(reading, "positions", "cusip", "custodian_security_id") == [("", "OAEL")]
    assert rows(reading, "securities", "custodian_security_id", "security_type") == [
        ("OAEL", "MUTUAL_FUND")
    ]


def test_positions_of_a_plan_are_summed_over_their_sources():
    parts = [
        ONE.position("POSMF", BND, "10.5", "10.00", "105.00", source="PRETAX"),
        ONE.position("POSMF", BND, "4.25", "10.00", "42.50", source="MATCH"),
    ]
    reading = ofx(ONE.document(ONE.statement(positions=parts)))
    assert (serious(reading), rules(reading)) == ([], ["positions_of_sources_summed"])
    assert rows(reading, "positions", "quantity", "market_value") == [("14.75", "147.50")]
    again = ofx(ONE.document(ONE.statement(positions=[*parts, parts[0]])))
    assert "unique_key" in serious(again)
    dear = ONE.position("POSMF", BND, "1", "11.00", "11.00", source="ROLLOVER")
    assert "sources_agree_on_price" in serious(
        ofx(ONE.document(ONE.statement(positions=[*parts, dear])))
    )


def test_a_position_that_comes_twice_without_a_source_is_a_duplicate():
    reading = ofx(ONE.document(ONE.statement(positions=[ONE.position(), ONE.position()])))
    assert serious(reading) == ["unique_key", "unique_key"]
    assert len(rows(reading, "positions", "quantity")) == 2


FUND = ONE.position("POSMF", "31617H102", "500", "1", "500.00")
FUND_INFO = [
    ONE.info("STOCKINFO", VTI, "TOTAL STOCK", "VTI"),
    ONE.info("MFINFO", "31617H102", "GOVERNMENT MONEY MARKET", "SPAXX"),
]


@pytest.mark.parametrize(
    ("balance", "cash", "rule"),
    [
        (ONE.cash("500.00", total="3000.00"), "0.00", "cash_is_money_fund"),
        (ONE.cash("500.00", total="3500.00"), "500.00", None),
        (ONE.cash("500.00"), "0.00", "cash_is_money_fund"),
        (ONE.cash("620.00", total="3120.00"), "120.00", "cash_is_money_fund"),
        (ONE.cash("20.00", total="3020.00"), "20.00", None),
        # Less than the fund cannot hold the fund, where nothing is borrowed.
        (ONE.cash("0"), "0", None),
        (ONE.cash("20.00"), "20.00", None),
        (ONE.cash("620.00"), None, "cash_or_money_fund"),
        (ONE.cash("-20.00"), None, "cash_or_money_fund"),
        (ONE.cash("20.00", total="9999.00"), None, "cash_or_money_fund"),
        (ONE.cash("620.00", total="9999.00"), None, "cash_or_money_fund"),
    ],
)
def test_a_money_fund_and_the_cash_balance_are_never_counted_twice(balance, cash, rule):
    statement = ONE.statement(positions=[ONE.position(), FUND], balance=balance)
    reading = ofx(ONE.document(statement, infos=FUND_INFO))
    assert rules(reading) == ([rule] if rule else [])
    landed = rows(reading, "cash_balances", "trade_date_balance") if cash else []
    assert landed == ([(cash,)] if cash else [])
    assert ("SPAXX", "MONEY_MARKET") in rows(reading, "securities", "ticker", "security_type")


def test_cash_below_a_money_fund_is_uncertain_where_money_is_borrowed():
    balance = ONE.cash("20.00", "-75.00")
    reading = ofx(
        ONE.document(
            ONE.statement(positions=[ONE.position(), FUND], balance=balance), infos=FUND_INFO
        )
    )
    assert "cash_or_money_fund" in rules(reading)


def test_a_total_that_differs_warns_and_margin_is_kept_apart():
    reading = ofx(ONE.document(ONE.statement(balance=ONE.cash("500.00", "-75.00", "4000.00"))))
    assert serious(reading) == ["control_total", "margin_balance_apart"]
    assert reading.violations[0].expected == "3000.00, the sum of the rows"
    assert rows(reading, "cash_balances", "trade_date_balance", "margin_debit") == [
        ("500.00", "75.00")
    ]
    assert reading.control_amount == Decimal("4000.00")


def test_a_borrowed_amount_that_cannot_be_read_is_not_nothing():
    for damaged in ("-7x.00", "n/a"):
        reading = ofx(ONE.document(ONE.statement(balance=ONE.cash("500.00", damaged))))
        assert [(f.rule, f.severity, f.scope) for f in reading.violations] == [
            ("borrowed_amount_readable", "block", "account")
        ]
        assert f"MARGINBALANCE '{damaged}'" in reading.violations[0].message
        assert rows(reading, "cash_balances", "margin_debit") == [(None,)]
    short = ONE.cash("500.00").replace("<SHORTBALANCE>0", "<SHORTBALANCE>1,2,3")
    assert serious(ofx(ONE.document(ONE.statement(balance=short)))) == ["borrowed_amount_readable"]


def test_a_total_that_cannot_be_read_is_told_and_compared_with_nothing():
    unreadable = ONE.cash("500.00", total="three thousand")
    reading = ofx(ONE.document(ONE.statement(balance=unreadable)))
    assert serious(reading) == ["control_balance_readable"]
    plan = ONE.aggregate("INV401KBAL", ONE.values(CASHBAL="ten", TOTAL="2510.00"))
    reading = ofx(ONE.document(ONE.statement(more=plan)))
    assert serious(reading) == ["control_balance_readable"], "and no difference of 10 dollars"
    plan = plan.replace("ten", "10.00")
    assert serious(ofx(ONE.document(ONE.statement(more=plan)))) == []


def test_a_statement_without_cash_says_so():
    reading = ofx(ONE.document(ONE.statement(balance="\n")))
    assert serious(reading) == ["cash_balance_stated"]
    assert "cash_balances" not in reading.tables


def test_several_statements_of_one_date_land_and_of_two_dates_do_not():
    both = ofx(ONE.document(ONE.statement(), ONE.statement(account="X7654321")))
    assert both.violations == ()
    assert both.covered_accounts == ("X1234567", "X7654321")
    assert len(rows(both, "positions", "account_number")) == 2
    apart = ofx(ONE.document(ONE.statement(), ONE.statement(account="X7654321", as_of="20261118")))
    assert (rules(apart), apart.status) == (["one_as_of_date"], "QUARANTINED")


def test_a_fitid_is_unique_in_its_account_only():
    both = ofx(ONE.document(ONE.statement(), ONE.statement(account="X7654321")))
    assert rows(both, "transactions", "account_number", "transaction_id") == [
        ("X1234567", "T1"),
        ("X7654321", "T1"),
    ]
    twice = ofx(
        ONE.document(ONE.statement(transactions=[ONE.trade(), ONE.income("DIV", number="T1")]))
    )
    assert serious(twice) == ["unique_key", "unique_key"]


DAMAGES = [
    # What is done to the text, the rule it breaks, the text on whose line the break is told.
    (lambda text: text[: text.index("</INVPOSLIST>")], "file_complete", r"\Z"),
    (lambda text: text[: len(text) - 4], "file_complete", r"</O\Z"),
    (lambda text: text.replace("</INVPOS>\n", ""), "ofx_well_formed", "<INVPOS>"),
    (lambda text: text.replace("</INVPOSLIST>", "</WRONG>"), "ofx_well_formed", "</WRONG>"),
    (lambda text: text + "<OFX></OFX>", "ofx_well_formed", "<OFX></OFX>"),
    (lambda text: text.replace("</SECID>", "</SECID>oops"), "ofx_well_formed", "</SECID>oops"),
    (lambda text: text.replace("<OFX>", "<!DOCTYPE x [<!ENTITY a 'b'>]><OFX>"), "ofx_safe", None),
    (lambda text: text.replace("<DTASOF>", "<!ENTITY a 'b'><DTASOF>"), "ofx_safe", "<!ENTITY"),
    (lambda text: text.replace("COMPRESSION:NONE", "COMPRESSION:ZIP"), "ofx_well_formed", None),
    (
        lambda text: text.replace("<ACCTID>X12", "<ACCTID>\n<X>"),
        "account_reference_present",
        "<INVSTMTRS>",
    ),
    (lambda text: text.replace("<CODE>0", "<CODE>15500"), "statement_succeeded", "<STATUS>"),
    (
        lambda text: text.replace("<DTASOF>2026", "<DTASOF>soon"),
        "as_of_date_present",
        "<INVSTMTRS>",
    ),
    (lambda text: text.replace("INVSTMTRS>", "CCSTMTRS>"), "investment_statement_present", None),
]


@pytest.mark.parametrize(("change", "rule", "mark"), DAMAGES)
def test_damaged_documents_are_refused_with_their_line(change, rule, mark):
    text = change(ONE.document())
    reading = ofx(text)
    assert reading.status == "QUARANTINED"
    assert rule in rules(reading)
    found = next(each for each in reading.violations if each.rule == rule)
    assert "statement.ofx" in found.message
    if mark is not None:
        place = re.search(mark, text).start()
        assert found.source_row_number == text.count("\n", 0, place) + 1


def test_version_two_must_close_its_values():
    reading = ofx(TWO.document().replace("</UNITS>", ""))
    assert rules(reading) == ["ofx_well_formed"]


def test_nesting_and_size_have_limits():
    deep = ONE.document().replace("<DTASOF>", "<A>" * 40 + "<DTASOF>")
    assert rules(ofx(deep)) == ["ofx_safe"]
    text = ONE.document() + " " * (64 * 1024 * 1024)
    assert rules(ofx(text)) == ["file_size"]


def test_an_entity_is_never_expanded():
    text = ONE.document().replace("TOTAL STOCK &amp; MORE", "A &lol9; &#65; &lt;B&gt; &#0;")
    assert rows(ofx(text), "securities", "security_name")[0] == ("A &lol9; A <B> &#0;",)


def test_a_value_that_stands_twice_is_not_believed():
    text = ONE.document().replace("<UNITS>10", "<UNITS>10\n<UNITS>11")
    reading = ofx(text)
    assert serious(reading) == ["value_stated_once"]
    assert reading.violations[0].observed == "UNITS 2 times in INVPOS"


def test_declared_windows_1252_is_no_surprise_and_undeclared_is():
    text = ONE.document().replace("TOTAL BOND FUND", "FONDS GÉNÉRAL")
    content = text.encode("cp1252")
    assert ofx(content).violations == ()
    assert rows(ofx(content), "securities", "security_name")[1] == ("FONDS GÉNÉRAL",)
    undeclared = content.replace(b"CHARSET:1252", b"CHARSET:NONE")
    assert rules(ofx(undeclared)) == ["encoding_utf8"]


def test_open_orders_are_left_out_and_unknown_sections_are_told():
    reading = ofx(ONE.document(ONE.statement(more="<INVOOLIST>\n</INVOOLIST>")))
    assert rules(reading) == ["section_left_out"]
    reading = ofx(ONE.document(ONE.statement(more="<LOTLIST>\n<LOT>1\n</LOTLIST>")))
    assert serious(reading) == ["section_understood"]
    assert reading.violations[0].account_number == "X1234567"


def test_unclosed_empty_values_stand_beside_what_follows():
    text = ONE.document().replace("<MEMO>YOU BOUGHT", "<MEMO>")
    reading = ofx(text)
    assert reading.violations == ()
    assert facts(reading)["positions"] == facts(ofx(ONE.document()))["positions"]


@pytest.mark.parametrize(
    ("text", "day", "time"),
    [
        ("20230101011111.111[-5:EST]", "2023-01-01", "01:11:11"),
        ("20110727", "2011-07-27", ""),
        ("20050827010000", "2005-08-27", "01:00:00"),
        ("20230101160000.000[-5:EST]160000.000[-5:EST]", "2023-01-01", ""),
        ("20230101[-5:EST]160000.000[-5:EST]", "2023-01-01", ""),
        ("20230231", None, ""),
        ("2023010", None, ""),
        ("20230101256000", None, ""),
        ("2023-01-01", None, ""),
    ],
)
def test_timestamps(text, day, time):
    found = stamp(text)
    assert (found.day.isoformat() if found.day else None, found.time) == (day, time)
    assert found.text == (day or text)


def test_a_doubled_timestamp_keeps_its_day_and_is_told():
    text = ONE.document().replace(
        "<DTASOF>20261119160000.000[-5:EST]", "<DTASOF>20261119[-5:EST]160000.000[-5:EST]"
    )
    assert rules(ofx(text)) == ["timestamp_form"]


@given(
    st.decimals(min_value=-(10**12), max_value=10**12, places=5, allow_nan=False),
    st.booleans(),
)
def test_amounts_keep_their_value_through_either_decimal_mark(amount, comma):
    text = format(amount, "f")
    written = text.replace(".", ",") if comma else text
    assert Decimal(amount_text(f" {written} ")) == amount


def test_only_the_treasurys_own_issuer_numbers_are_treasuries():
    mapping = load_contracts()["ofx"].mappings["security_types_by_cusip_prefix"]
    assert mapping["912810"] == "BOND_TREASURY"
    assert all(len(issuer) == 6 for issuer in mapping)
    # 912909 is a steel maker's: its bonds are no treasuries.
    assert "912909" not in mapping
