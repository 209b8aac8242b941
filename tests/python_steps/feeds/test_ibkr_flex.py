"""Interactive Brokers Flex XML: levels, accounts, dates, safety, and each way it can be bad."""

import re
from datetime import date

import pytest

from tests.python_steps.feeds.files import (
    CASH_REPORT,
    element,
    facts,
    flex,
    open_position,
    read,
    rows,
    rules,
    section,
    serious,
    statement,
)

LOTS = [
    open_position(
        "LOT",
        position="6",
        positionValue="1500",
        costBasisMoney="1200.12345",
        openDateTime="2025-01-02;093000",
        holdingPeriodDateTime="2024-12-01;093000",
        code="LT;LD",
        originatingTransactionID="901",
    ),
    open_position(
        "LOT",
        position="4",
        positionValue="1000",
        costBasisMoney="799.87655",
        openDateTime="2026-03-02;100000",
        holdingPeriodDateTime="2026-03-02;100000",
        code="ST",
        originatingTransactionID="902",
    ),
]


def trade(level: str | None = "EXECUTION", tag: str = "Trade", **changes: str) -> str:
    attributes = {
        "accountId": "U100",
        "currency": "USD",
        "fxRateToBase": "1",
        "assetCategory": "STK",
        "subCategory": "ETF",
        "symbol": "VTI",
        "description": "VANGUARD TOTAL STOCK",
        "conid": "12340041",
        "tradeDate": "2026-11-19",
        "dateTime": "2026-11-19;093105",
        "reportDate": "2026-11-19",
        "settleDateTarget": "2026-11-20",
        "transactionType": "ExchTrade",
        "quantity": "10",
        "tradePrice": "250",
        "proceeds": "-2500",
        "taxes": "0",
        "ibCommission": "-1",
        "netCash": "-2501",
        "buySell": "BUY",
        "openCloseIndicator": "O",
        "notes": "",
        "transactionID": "7001",
        **changes,
    }
    if level is not None:
        attributes["levelOfDetail"] = level
    return element(tag, **attributes)


def cash_transaction(level: str | None = "DETAIL", **changes: str) -> str:
    attributes = {
        "accountId": "U100",
        "currency": "USD",
        "symbol": "",
        "description": "CASH DIVIDEND",
        "conid": "",
        "dateTime": "2026-11-19;202000",
        "settleDate": "2026-11-19",
        "reportDate": "2026-11-19",
        "amount": "12.72",
        "type": "Dividends",
        "transactionID": "8001",
        **changes,
    }
    if level is not None:
        attributes["levelOfDetail"] = level
    return element("CashTransaction", **attributes)


def ibkr(*sections: str, session: date = date(2026, 11, 19), **settings: str):
    return read("IBKR", "flex.xml", flex(statement("\n".join(sections), **settings)), session)


def whole(*extra: str, **settings: str):
    return ibkr(section("OpenPositions", open_position(), *LOTS), CASH_REPORT, *extra, **settings)


def test_a_whole_statement_lands():
    reading = whole()
    assert reading.violations == ()
    assert (reading.feed, reading.as_of_source, reading.control_row_count) == (
        "ibkr_flex",
        "FIELD",
        1,
    )
    columns = ("account_number", "custodian_security_id", "quantity", "cost_basis", "long_short")
    assert rows(reading, "positions", *columns) == [("U100", "12340041", "10", "2000", "LONG")]
    columns = ("source_lot_id", "quantity", "cost_basis", "term", "wash_sale_flag")
    assert rows(reading, "tax_lots", *columns) == [
        ("901", "6", "1200.12345", "LONG", "true"),
        ("902", "4", "799.87655", "SHORT", "false"),
    ]
    assert rows(reading, "tax_lots", "acquisition_date", "holding_period_start_date")[0] == (
        "2025-01-02;093000",
        "2024-12-01;093000",
    )
    columns = ("currency", "trade_date_balance", "settlement_date_balance")
    assert rows(reading, "cash_balances", *columns) == [("USD", "50.5", "40.25")]
    assert rows(reading, "accounts", "account_title", "base_currency", "is_margin") == [
        ("Ann Example", "USD", "false")
    ]
    columns = ("ticker", "cusip", "isin", "security_type", "contract_multiplier")
    assert rows(reading, "securities", *columns) == [
        ("VTI", "922908769", "US9229087690", "ETF", "1")
    ]
    assert "fx_rates" not in reading.tables, "a currency against itself is no rate"


def test_lines_are_those_of_the_elements():
    content = flex(statement(section("OpenPositions", open_position()) + CASH_REPORT))
    reading = read("IBKR", "flex.xml", content)
    line = rows(reading, "positions", "source_row_number")[0][0]
    assert content.splitlines()[line - 1].startswith("<OpenPosition ")
    received = rows(reading, "positions", "row_as_received")[0][0]
    assert received.startswith('<OpenPosition accountId="U100" currency="USD"')


def test_addresses_never_leave_the_reader():
    reading = whole()
    for table in reading.tables.values():
        assert "Private Road" not in str(table.to_pylist())


def test_positions_are_exact_sums_where_there_are_only_lots():
    reading = ibkr(section("OpenPositions", *LOTS), CASH_REPORT)
    assert rules(reading) == ["positions_from_lots"]
    columns = ("quantity", "market_value", "cost_basis", "price", "source_row_number")
    (position,) = rows(reading, "positions", *columns)
    assert position[:4] == ("10", "2500", "2000.00000", "250")


def test_a_lot_without_basis_leaves_the_sum_empty():
    broken = LOTS[1].replace('costBasisMoney="799.87655"', 'costBasisMoney=""')
    reading = ibkr(section("OpenPositions", LOTS[0], broken), CASH_REPORT)
    assert rows(reading, "positions", "quantity", "cost_basis") == [("10", "")]


def test_rows_without_level_are_positions_and_sparse_attributes_are_null():
    sparse = element(
        "OpenPosition",
        currency="USD",
        symbol="VTI",
        conid="12340041",
        description="VTI",
        assetCategory="STK",
        position="10",
        markPrice="250",
        reportDate="20261119",
        fxRateToBase="1",
    )
    reading = ibkr(section("OpenPositions", sparse), CASH_REPORT, start="20261119", end="20261119")
    assert rules(reading) == ["lots_present"]
    columns = ("account_number", "quantity", "cost_basis", "market_value", "price_date")
    assert rows(reading, "positions", *columns) == [("U100", "10", None, None, "20261119")]


def test_short_positions_keep_their_signs():
    short = open_position(position="-5", positionValue="-100", costBasisMoney="-90", side="Short")
    reading = ibkr(section("OpenPositions", short), CASH_REPORT)
    columns = ("quantity", "market_value", "cost_basis", "long_short")
    assert rows(reading, "positions", *columns) == [("-5", "-100", "-90", "SHORT")]


def test_consolidated_rows_are_not_counted_twice():
    repeated = cash_transaction("SUMMARY", accountId="-", transactionID="")
    reading = whole(section("CashTransactions", repeated, cash_transaction()))
    assert rules(reading) == ["consolidated_rows"]
    assert rows(reading, "transactions", "transaction_id") == [("8001",)]
    only = whole(section("CashTransactions", repeated))
    assert [(f.rule, f.severity, f.account_number) for f in only.violations] == [
        ("consolidated_rows_only", "block", "U100")
    ]


def test_summaries_of_cash_transactions_serve_only_where_there_is_nothing_else():
    summary = cash_transaction("SUMMARY", transactionID="", amount="5")
    both = whole(section("CashTransactions", summary, cash_transaction()))
    assert rows(both, "transactions", "net_amount") == [("12.72",)]
    alone = whole(section("CashTransactions", summary))
    assert rules(alone) == ["cash_transactions_summary_only"]
    assert rows(alone, "transactions", "net_amount", "transaction_id") == [("5", "")]


def test_trades_of_executions_only():
    reading = whole(
        section(
            "Trades",
            trade("ASSET_SUMMARY", "AssetSummary", transactionID=""),
            trade("SYMBOL_SUMMARY", "SymbolSummary", transactionID=""),
            trade("ORDER", "Order", transactionID=""),
            trade(),
            trade(
                "CLOSED_LOT",
                "Lot",
                quantity="3",
                cost="600",
                fifoPnlRealized="150",
                openDateTime="2024-01-05;100000",
                notes="LT",
                transactionID="5",
            ),
            trade("WASH_SALE", "WashSale", transactionID=""),
            trade(assetCategory="CASH", symbol="EUR.USD", transactionID="7002"),
        )
    )
    assert rules(reading) == ["fx_conversions_left_out", "wash_sale_rows_left_out"]
    columns = ("transaction_id", "transaction_type", "transaction_date", "transaction_time")
    assert rows(reading, "transactions", *columns) == [("7001", "BUY", "2026-11-19", "093105")]
    columns = ("quantity", "cost_basis", "realized_gain_loss", "term", "acquisition_date")
    assert rows(reading, "closed_lots", *columns) == [
        ("3", "600", "150", "LONG", "2024-01-05;100000")
    ]


@pytest.mark.parametrize(
    ("changes", "kind", "is_cancel"),
    [
        ({"buySell": "SELL", "openCloseIndicator": "C"}, "SELL", "false"),
        ({"buySell": "SELL", "openCloseIndicator": "O"}, "SELL_SHORT", "false"),
        ({"buySell": "BUY", "openCloseIndicator": "C"}, "BUY_COVER", "false"),
        ({"buySell": "BUY (Ca.)"}, "BUY", "true"),
        ({"buySell": "BUY", "assetCategory": "OPT", "notes": "Ep"}, "EXPIRE", "false"),
        ({"buySell": "BUY", "assetCategory": "STK", "notes": "A"}, "BUY", "false"),
        ({"buySell": "BUY", "notes": "R"}, "REINVEST", "false"),
        ({"buySell": "BUY", "notes": "P;R"}, "REINVEST", "false"),
        ({"buySell": "SELL", "openCloseIndicator": "C", "notes": "R"}, "SELL", "false"),
        ({"buySell": "BUY", "notes": "RP"}, "BUY", "false"),
    ],
)
def test_kinds_of_trades(changes, kind, is_cancel):
    reading = whole(section("Trades", trade(**changes)))
    assert rows(reading, "transactions", "transaction_type", "is_cancel") == [(kind, is_cancel)]


@pytest.mark.parametrize(
    ("word", "amount", "kind"),
    [
        ("Dividends", "1", "DIVIDEND"),
        ("Withholding Tax", "-1", "TAX_WITHHELD"),
        ("Broker Interest Paid", "-1", "INTEREST"),
        ("Deposits/Withdrawals", "-1", "WITHDRAWAL"),
        ("Deposits &amp; Withdrawals", "1", "DEPOSIT"),
        ("Advisor Fees", "-1", "ADVISORY_FEE"),
    ],
)
def test_kinds_of_cash_transactions(word, amount, kind):
    reading = whole(section("CashTransactions", cash_transaction(type=word, amount=amount)))
    assert rows(reading, "transactions", "transaction_type") == [(kind,)]
    assert reading.violations == ()


def test_unknown_words_are_said_and_loaded_as_other():
    reading = whole(
        section("CashTransactions", cash_transaction(type="Moon Dust")),
        section("Trades", trade(buySell="GIFT")),
    )
    assert serious(reading) == ["transaction_type_known", "transaction_type_known"]
    assert {kind for (kind,) in rows(reading, "transactions", "transaction_type")} == {"OTHER"}


def test_an_unknown_level_blocks_the_account():
    reading = ibkr(section("OpenPositions", open_position(), open_position("TRANCHE")), CASH_REPORT)
    found = [f for f in reading.violations if f.rule == "level_of_detail_known"]
    assert [(f.severity, f.scope, f.account_number) for f in found] == [
        ("block", "account", "U100")
    ]


def transfer(**changes: str) -> str:
    attributes = {
        "accountId": "U100",
        "currency": "USD",
        "symbol": "VTI",
        "conid": "12340041",
        "date": "2026-11-19",
        "direction": "IN",
        "type": "ACATS",
        "quantity": "10",
        "transactionID": "6001",
        **changes,
    }
    return element("Transfer", **attributes)


def test_transfers():
    reading = whole(section("Transfers", transfer()))
    columns = ("transaction_type", "source_type", "quantity", "transaction_id")
    assert rows(reading, "transactions", *columns) == [("TRANSFER_IN", "ACATS", "10", "6001")]
    out = whole(section("Transfers", transfer(direction="OUT", quantity="-10")))
    assert out.violations == ()
    assert rows(out, "transactions", *columns) == [("TRANSFER_OUT", "ACATS", "-10", "6001")]
    odd = whole(section("Transfers", transfer(direction="OUT", quantity="10")))
    assert serious(odd) == ["quantity_sign"]
    assert rows(odd, "transactions", "quantity") == [("10",)]


@pytest.mark.parametrize(("quantity", "kind"), [("3", "BUY"), ("-3", "SELL"), ("0", "OTHER")])
def test_trades_of_a_query_without_the_side_go_by_the_sign(quantity, kind):
    without = re.sub(r' (?:buySell|openCloseIndicator)="[^"]*"', "", trade(quantity=quantity))
    reading = whole(section("Trades", without))
    assert rows(reading, "transactions", "transaction_type") == [(kind,)]
    assert ("transaction_type_known" in rules(reading)) == (kind == "OTHER")


def test_conversions_by_their_note_are_no_trades():
    reading = whole(section("Trades", trade(), trade(notes="AFx", transactionID="7003")))
    assert rules(reading) == ["fx_conversions_left_out"]
    assert rows(reading, "transactions", "transaction_id") == [("7001",)]


def test_a_washed_lot_keeps_both_dates_and_no_invented_amount():
    reading = whole()
    lot = reading.tables["tax_lots"].to_pylist()[0]
    assert (lot["acquisition_date"], lot["holding_period_start_date"]) == (
        "2025-01-02;093000",
        "2024-12-01;093000",
    )
    assert lot["wash_sale_flag"] == "true"
    assert (lot["wash_sale_adjustment"], lot["cost_basis_unadjusted"]) == (None, None)
    bare = LOTS[0].replace('holdingPeriodDateTime="2024-12-01;093000"', "")
    untold = ibkr(section("OpenPositions", open_position(), bare, LOTS[1]), CASH_REPORT)
    found = [broken for broken in untold.violations if broken.severity != "info"]
    assert [(f.rule, f.scope, f.security_key) for f in found] == [
        ("holding_period_stated", "lot", "12340041")
    ]
    assert rows(untold, "tax_lots", "holding_period_start_date")[0] == (None,)


def test_unknown_attributes_are_named_once_for_each_section():
    new = {"moonPhase": "full"}
    reading = ibkr(
        section("OpenPositions", open_position(**new), open_position("LOT", **new)),
        CASH_REPORT,
        section("Trades", trade(**new, starSign="Leo")),
    )
    found = [broken for broken in reading.violations if broken.rule == "unknown_column"]
    assert [(f.severity, f.observed) for f in found] == [
        ("warn", "in section OpenPositions the attributes moonPhase"),
        ("warn", "in section Trades the attributes moonPhase, starSign"),
    ]
    assert reading.status == "LOADED"


def test_options_carry_their_terms():
    call = open_position(
        assetCategory="OPT",
        subCategory="C",
        symbol="ABC   260220C00200000",
        conid="9",
        isin="",
        cusip="",
        multiplier="100",
        putCall="C",
        strike="200",
        expiry="2026-02-20",
        underlyingSymbol="ABC",
    )
    reading = ibkr(section("OpenPositions", call), CASH_REPORT)
    columns = ("put_call", "strike_price", "expiration_date", "underlying_ticker", "security_type")
    assert rows(reading, "securities", *columns) == [("CALL", "200", "2026-02-20", "ABC", "OPTION")]


def test_the_period_whose_transactions_the_file_holds():
    reading = whole(section("Trades", trade()), start="2026-11-01")
    assert reading.covered_from_date == date(2026, 11, 1)
    assert reading.covered_to_date == date(2026, 11, 19)
    assert whole(start="2026-11-01").covered_from_date is None


def test_rates_to_the_base_currency():
    positions = section("OpenPositions", open_position(fxRateToBase="0.79"))
    rate = element(
        "ConversionRate", reportDate="2026-11-19", fromCurrency="EUR", toCurrency="CHF", rate="0.93"
    )
    reading = ibkr(positions, CASH_REPORT, section("ConversionRates", rate), currency="CHF")
    assert rows(reading, "fx_rates", "from_currency", "to_currency", "rate") == [
        ("EUR", "CHF", "0.93"),
        ("USD", "CHF", "0.79"),
    ]


def test_a_base_currency_that_is_not_stated():
    foreign = open_position(currency="EUR", fxRateToBase="0.93")
    unknown = ibkr(section("OpenPositions", foreign), CASH_REPORT, currency="")
    assert serious(unknown) == ["base_currency_stated"]
    assert rows(unknown, "accounts", "base_currency") == [(None,)]
    assert "fx_rates" not in unknown.tables
    at_one = open_position(currency="CHF", fxRateToBase="1", conid="2", symbol="XCHF", isin="")
    certain = ibkr(section("OpenPositions", foreign, at_one), CASH_REPORT, currency="")
    assert rows(certain, "accounts", "base_currency") == [("CHF",)]
    assert rows(certain, "fx_rates", "from_currency", "to_currency") == [("EUR", "CHF")]


def test_a_statement_without_cash_report_says_so():
    reading = ibkr(section("OpenPositions", open_position(), *LOTS))
    assert serious(reading) == ["cash_report_present"]
    assert "cash_balances" not in reading.tables


def test_bonds_and_unknown_categories():
    bond = open_position(assetCategory="BOND", subCategory="Govt", conid="2", isin="", symbol="T 4")
    odd = open_position(assetCategory="ZZZ", subCategory="", conid="3", isin="", symbol="ODD")
    reading = ibkr(section("OpenPositions", bond, odd), CASH_REPORT)
    assert rows(reading, "securities", "security_type", "price_factor") == [
        ("BOND_TREASURY", "0.01"),
        ("OTHER", None),
    ]
    assert serious(reading) == ["security_type_known"]


def test_an_identifier_that_only_security_id_carries():
    row = open_position(cusip="", isin="", securityID="922908769", securityIDType="CUSIP")
    reading = ibkr(section("OpenPositions", row), CASH_REPORT)
    assert rows(reading, "positions", "cusip", "isin") == [("922908769", "")]


def action(kind: str, **changes: str) -> str:
    attributes = {
        "accountId": "U100",
        "currency": "USD",
        "symbol": "ABC",
        "conid": "1",
        "isin": "US0000000017",
        "cusip": "",
        "type": kind,
        "dateTime": "2026-11-18;202500",
        "reportDate": "2026-11-19",
        "quantity": "0",
        "actionID": "55",
        "levelOfDetail": "DETAIL",
        **changes,
    }
    return element("CorporateAction", **attributes)


@pytest.mark.parametrize(
    "tail", ["AND USD 25.00 PER SHARE (ABC, A, X)", "AND USD 25.00 (ABC, A, X)"]
)
def test_a_merger_for_shares_and_cash_states_both(tail):
    words = f"ABC(US0000000017) CASH and STOCK MERGER (Acquisition) ACQ 1 FOR 2 {tail}"
    out = action("TC", quantity="-10", description=words)
    into = action("TC", quantity="5", symbol="ACQ", conid="2", description=words)
    reading = ibkr(section("CorporateActions", out, into), CASH_REPORT)
    columns = ("action_type", "ticker", "new_ticker", "ratio_new", "ratio_old", "cash_per_share")
    assert rows(reading, "corporate_actions", *columns) == [
        ("MERGER", "ABC", "ACQ", "5", "10", "25.00")
    ]


def test_corporate_actions_that_can_be_stated():
    reading = whole(
        section(
            "CorporateActions",
            action("FS", quantity="30", description="ABC(US0000000017) SPLIT 4 FOR 1 (ABC, A, X)"),
            action("IC", quantity="-24", description="CHANGE", actionID="56"),
            action(
                "IC",
                quantity="24",
                description="CHANGE",
                actionID="56",
                symbol="ABC.NEW",
                isin="US64361Q1013",
            ),
            action(
                "TC", quantity="-10", actionID="57", description="MERGED FOR USD 5.25 PER SHARE"
            ),
            action(
                "SO", quantity="5", symbol="KID", description="ABC(US0000000017) SPINOFF  1 FOR 2"
            ),
            action("XX", description="SOMETHING ELSE"),
        )
    )
    columns = ("action_type", "ticker", "new_ticker", "new_cusip", "ratio_new", "ratio_old")
    assert rows(reading, "corporate_actions", *columns) == [
        ("SPLIT", "ABC", None, None, "4", "1"),
        ("NAME_CHANGE", "ABC", "", "64361Q101", "24", "24"),
        ("MERGER", "ABC", None, None, None, None),
        ("SPINOFF", "ABC", "KID", "000000001", "1", "2"),
    ]
    assert rows(reading, "corporate_actions", "cash_per_share")[2] == ("5.25",)
    assert rules(reading) == ["corporate_action_stated"]
    assert "SOMETHING ELSE" in reading.violations[0].message


@pytest.mark.parametrize(
    ("written", "opened", "expected"),
    [
        ("20261119", "20250102;093000", "20250102;093000"),
        ("2026-11-19", "2025-01-02 09:30:00", "2025-01-02 09:30:00"),
        ("19/11/2026", "02/01/2025;093000", "2025-01-02;093000"),
        ("11/19/2026", "01/02/2025;093000", "2025-01-02;093000"),
        ("19-NOV-26", "02-JAN-25;093000", "2025-01-02;093000"),
        ("20261119", "20250102093000", "20250102;093000"),
        ("2026-11-19", "2025-12-01;15:09:47", "2025-12-01;15:09:47"),
        ("20261119", "20250807;104523", "20250807;104523"),
        ("20261119", "20260419 144528", "20260419 144528"),
        ("2026-11-19", "2025-12-01,150947", "2025-12-01,150947"),
        ("2026-11-19", "2025-12-01, 15:09:47", "2025-12-01, 15:09:47"),
        ("2026-11-19", "2025-12-01T15:09:47", "2025-12-01T15:09:47"),
        ("19/11/2026", "13/01/2025, 15:09:47", "2025-01-13;15:09:47"),
        ("19/11/26", "02/01/25;15:09:47", "2025-01-02;15:09:47"),
        ("11/19/26", "01/02/25 150947", "2025-01-02;150947"),
        # No separator, which a client may choose too.
        ("2026-11-19", "2025-12-01150947", "2025-12-01;150947"),
        ("2026-11-19", "2025-12-0115:09:47", "2025-12-01;15:09:47"),
        ("20261119", "2025120115:09:47", "20251201;15:09:47"),
        ("19/11/2026", "02/01/2025150947", "2025-01-02;150947"),
        ("11/19/26", "01/02/25150947", "2025-01-02;150947"),
        ("11/19/26", "01/02/2515:09:47", "2025-01-02;15:09:47"),
        ("19-NOV-26", "02-JAN-25150947", "2025-01-02;150947"),
        # A time zone, which the staging models would not take for a time.
        ("20261119", "20260419 144528 EDT", "20260419;144528"),
        ("20261119", "20260419144528 EDT", "20260419;144528"),
        ("2026-11-19", "2025-12-01;15:09:47 EST", "2025-12-01;15:09:47"),
        ("2026-11-19", "2025-12-01T15:09:47-0500", "2025-12-01;15:09:47"),
    ],
)
def test_date_formats(written, opened, expected):
    lot = open_position(
        "LOT", reportDate=written, openDateTime=opened, holdingPeriodDateTime=opened
    )
    content = section("OpenPositions", open_position(reportDate=written), lot)
    reading = ibkr(content, CASH_REPORT, start=written, end=written)
    assert reading.stated_as_of_date == date(2026, 11, 19)
    assert reading.violations == ()
    assert rows(reading, "tax_lots", "acquisition_date") == [(expected,)]


@pytest.mark.parametrize(
    ("generated", "session"),
    [("13/05/2026;041233", date(2026, 5, 12)), ("05/13/2026;041233", date(2026, 12, 4))],
)
def test_the_moment_of_generation_settles_which_of_two_formats_it_is(generated, session):
    day = "12/05/2026" if session.month == 5 else "12/04/2026"
    content = flex(
        statement(section("OpenPositions", open_position(reportDate=day)), start=day, end=day)
    )
    content = re.sub(r' whenGenerated="[^"]*"', "", content)
    content = content.replace("<FlexStatement ", f'<FlexStatement whenGenerated="{generated}" ', 1)
    reading = read("IBKR", "flex.xml", content, session)
    assert (reading.stated_as_of_date, reading.status) == (session, "LOADED")


def test_dates_that_can_be_read_two_ways_refuse_the_file():
    position = open_position(reportDate="05/06/2026")
    reading = ibkr(
        section("OpenPositions", position),
        CASH_REPORT,
        start="05/06/2026",
        end="05/06/2026",
        session=date(2026, 5, 6),
    )
    assert rules(reading) == ["date_format_unambiguous"]
    assert "2026-05-06 or 2026-06-05" in reading.violations[0].message


def test_a_statement_of_a_period_is_dated_by_its_positions_else_its_end():
    reading = whole(start="2026-01-01", end="2026-11-19")
    assert (reading.stated_as_of_date, reading.as_of_source) == (date(2026, 11, 19), "FIELD")
    empty = ibkr(CASH_REPORT, start="2026-01-01", end="2026-11-19")
    assert (empty.stated_as_of_date, empty.as_of_source) == (date(2026, 11, 19), "HEADER")
    assert empty.status == "LOADED"


def test_a_file_of_another_day_or_of_two_days_is_refused():
    late = whole(session=date(2026, 11, 20))
    assert rules(late) == ["as_of_date_is_session"]
    two = ibkr(
        section(
            "OpenPositions", open_position(), open_position(reportDate="2026-11-18", conid="2")
        ),
        CASH_REPORT,
    )
    assert "one_report_date" in rules(two)
    assert two.status == "QUARANTINED"


def test_a_duplicate_position_is_frozen():
    reading = ibkr(section("OpenPositions", open_position(), open_position()), CASH_REPORT)
    assert [(f.rule, f.scope) for f in reading.violations if f.severity == "block"] == [
        ("unique_key", "position"),
        ("unique_key", "position"),
    ]


def test_many_statements_and_their_count():
    one = statement(section("OpenPositions", open_position()) + CASH_REPORT)
    other = one.replace("U100", "U200")
    reading = read("IBKR", "flex.xml", flex(one, other))
    assert reading.covered_accounts == ("U100", "U200")
    assert len(rows(reading, "positions", "account_number")) == 2
    short = read("IBKR", "flex.xml", flex(one, count=2))
    assert "control_count" in rules(short)
    assert short.status == "QUARANTINED"


def test_unknown_sections_are_said():
    reading = whole(section("MoonRocks", element("MoonRock", weight="1")))
    assert serious(reading) == ["section_understood"]
    assert "MoonRocks with 1 rows" in reading.violations[0].message
    assert (reading.status, reading.tables) == ("QUARANTINED", {}), "nobody knows what it holds"
    known = whole(section("OptionEAE", element("OptionEAE", accountId="U100")))
    assert rules(known) == ["section_left_out"]


ENTITY = "<!DOCTYPE x [<!ENTITY a 'aaaa'>]>"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda text: text.replace("?>", f"?>{ENTITY}", 1), "xml_safe"),
        (lambda text: text.replace("?>", "?><!DOCTYPE x SYSTEM 'x.dtd'>", 1), "xml_safe"),
        (lambda text: text[: len(text) // 2], "file_complete"),
        (lambda text: text.replace("</FlexStatement>", "", 1), "xml_well_formed"),
        (lambda text: text.replace('conid="', "conid=", 1), "xml_well_formed"),
        (lambda text: text + "<more/>", "xml_well_formed"),
        (lambda text: text.replace("1.0'", "1.0' encoding='moon-8'", 1), "xml_well_formed"),
        (lambda text: text.replace(' accountId="U100" fromDate', " fromDate", 1),
         "account_reference_present"),
    ],
)  # fmt: skip
def test_bad_documents_are_refused(change, rule):
    content = flex(statement(section("OpenPositions", open_position()) + CASH_REPORT))
    assert change(content) != content
    reading = read("IBKR", "flex.xml", change(content))
    assert rule in rules(reading)
    assert reading.status == "QUARANTINED"
    assert reading.tables == {}


def test_what_is_forbidden_in_a_document_is_told_in_words():
    text = flex(statement(section("OpenPositions", open_position()) + CASH_REPORT))
    (found,) = read("IBKR", "flex.xml", text.replace("?>", f"?>{ENTITY}", 1)).violations
    assert found.observed == "a declaration of a document type or of entities"


def test_a_file_over_the_size_limit_is_refused():
    from python_steps.feeds.flex_document import FlexDocumentError, parse_document

    with pytest.raises(FlexDocumentError) as refusal:
        parse_document(b"<a/>", maximum_bytes=3)
    assert refusal.value.rule == "file_size"


def test_encodings_of_xml():
    content = flex(
        statement(section("OpenPositions", open_position(description="Zoë")) + CASH_REPORT)
    )
    plain = read("IBKR", "flex.xml", content.encode())
    utf16 = read("IBKR", "flex.xml", content.encode("utf-16"))
    declared = content.replace("1.0'", "1.0' encoding='windows-1252'").encode("cp1252")
    assert facts(plain) == facts(utf16) == facts(read("IBKR", "flex.xml", declared))
    assert rules(read("IBKR", "flex.xml", content.encode("cp1252"))) == ["xml_well_formed"]
