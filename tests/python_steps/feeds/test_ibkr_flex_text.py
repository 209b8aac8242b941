"""Interactive Brokers Flex text with header and trailer records, and each way it can be bad."""

from datetime import date

import pytest

from python_steps.feeds.recognition import recognise
from tests.python_steps.feeds.files import (
    CASH_REPORT,
    facts,
    flex,
    open_position,
    read,
    received,
    rows,
    rules,
    section,
    serious,
    statement,
)

POSITION = {
    "ClientAccountID": "U100",
    "CurrencyPrimary": "USD",
    "FXRateToBase": "1",
    "AssetClass": "STK",
    "SubCategory": "ETF",
    "Symbol": "VTI",
    "Description": "VANGUARD TOTAL STOCK",
    "Conid": "12340041",
    "CUSIP": "922908769",
    "ISIN": "US9229087690",
    "Multiplier": "1",
    "ReportDate": "2026-11-19",
    "Quantity": "10",
    "MarkPrice": "250",
    "PositionValue": "2500",
    "CostBasisPrice": "200",
    "CostBasisMoney": "2000",
    "Side": "Long",
    "LevelOfDetail": "SUMMARY",
    "OpenDateTime": "",
    "HoldingPeriodDateTime": "",
    "Code": "",
    "OriginatingTransactionID": "",
}
LOT = {**POSITION, "LevelOfDetail": "LOT", "OpenDateTime": "2025-01-02;093000", "Code": "LT"}
CASH = [
    {"ClientAccountID": "U100", "CurrencyPrimary": "BASE_SUMMARY", "EndingCash": "50.5",
     "EndingSettledCash": ""},
    {"ClientAccountID": "U100", "CurrencyPrimary": "USD", "EndingCash": "50.5",
     "EndingSettledCash": "40.25"},
]  # fmt: skip
ACCOUNT = {
    "ClientAccountID": "U100",
    "AccountAlias": "",
    "Name": "Ann Example",
    "CurrencyPrimary": "USD",
    "AccountType": "Individual",
    "AccountCapabilities": "Cash",
    "DateOpened": "2026-11-19",
    "Street": "1 Private Road",
}
TRADE = {
    "ClientAccountID": "U100",
    "CurrencyPrimary": "USD",
    "AssetClass": "STK",
    "Symbol": "VTI",
    "Description": "VANGUARD TOTAL STOCK",
    "Conid": "12340041",
    "TradeDate": "2026-11-19",
    "Date/Time": "2026-11-19;093105",
    "Quantity": "10",
    "TradePrice": "250",
    "Proceeds": "-2500",
    "IBCommission": "-1",
    "NetCash": "-2501",
    "Buy/Sell": "BUY",
    "Open/CloseIndicator": "O",
    "Notes/Codes": "R",
    "TransactionID": "7001",
    "LevelOfDetail": "EXECUTION",
}
Rows = list[dict[str, str]]


def text_section(
    code: str, title: str, of: Rows, amount: str = "0", *, marked: bool = False
) -> list[list[str]]:
    """A section with its records; marked rows carry HEADER and DATA."""
    head = ["HEADER", code] if marked else []
    data = ["DATA", code] if marked else []
    return [
        ["BOS", code, title],
        [*head, *of[0]],
        *([*data, *row.values()] for row in of),
        ["EOS", code, str(len(of)), amount],
    ]


def whole(positions: Rows | None = None, *, marked: bool = False, amount: str = "5000"):
    found = [POSITION, LOT] if positions is None else positions
    return [
        text_section("ACCT", "Account Information", [ACCOUNT], marked=marked),
        text_section("POST", "Position; trade date basis", found, amount, marked=marked),
        text_section("CRTT", "Cash Report; trade date basis", CASH, marked=marked),
    ]


def text(
    sections: list[list[list[str]]],
    delimiter: str = ",",
    *,
    end: str = "\n",
    stated: int | None = None,
) -> str:
    count = len(sections) if stated is None else stated
    dates = ["2026-11-19", "2026-11-19", "2026-11-20;031500", "100", "100"]
    records = [
        ["BOF", "U100", "nightly", str(count), *dates],
        ["BOA", "U100"],
        *(record for one in sections for record in one),
        ["EOA", "U100"],
        ["EOF", "U100"],
    ]
    return end.join(delimiter.join(f'"{cell}"' for cell in record) for record in records) + end


def ibkr(content: str, name: str = "nightly.csv"):
    return read("IBKR", name, content, date(2026, 11, 19))


@pytest.mark.parametrize("delimiter", [",", "|", "\t"])
@pytest.mark.parametrize("marked", [False, True])
def test_text_lands_what_xml_lands(delimiter, marked):
    reading = ibkr(text(whole(marked=marked), delimiter))
    assert reading.violations == ()
    xml = flex(
        statement(
            section(
                "OpenPositions",
                open_position(),
                open_position("LOT", openDateTime="2025-01-02;093000", code="LT"),
            )
            + CASH_REPORT
        )
    )
    wanted = facts(read("IBKR", "flex.xml", xml))
    assert reading.feed == "ibkr_flex"
    assert facts(reading) == wanted
    assert reading.covered_accounts == ("U100",)
    lines = text(whole(marked=marked), delimiter).splitlines()
    (line,) = rows(reading, "tax_lots", "source_row_number")[0]
    assert "LOT" in lines[line - 1]
    assert "Private Road" not in str(reading.tables["accounts"].to_pylist())


def test_trades_cash_transactions_and_names_of_columns():
    sections = [*whole(), text_section("TRNT", "Trades; trade date basis", [TRADE])]
    reading = ibkr(text(sections))
    assert reading.violations == ()
    columns = ("transaction_type", "quantity", "net_amount", "transaction_time", "commission")
    assert rows(reading, "transactions", *columns) == [("REINVEST", "10", "-2501", "093105", "-1")]
    closed = {**TRADE, "LevelOfDetail": "CLOSED_LOT", "Cost Basis": "600", "Notes/Codes": "LT"}
    lots = ibkr(text([*whole(), text_section("TRNT", "Trades; trade date basis", [closed])]))
    assert rows(lots, "closed_lots", "quantity", "cost_basis", "term") == [("10", "600", "LONG")]


def test_the_older_record_with_the_section_code_first():
    content = text(whole()).replace('"nightly",', "")
    lines = [
        line.replace('"BOS","POST"', '"POST","BOS"').replace('"EOS","POST"', '"POST","EOS"')
        for line in content.splitlines()
    ]
    reading = ibkr("\n".join(lines))
    assert reading.violations == ()
    assert facts(reading) == facts(ibkr(text(whole())))


def test_an_end_of_file_that_names_no_account():
    content = text(whole()).replace('"EOF","U100"', '"EOF"')
    assert ibkr(content).violations == ()
    assert facts(ibkr(content)) == facts(ibkr(text(whole())))


def test_an_amount_may_be_of_one_level_only():
    assert ibkr(text(whole(amount="2500"))).violations == ()
    wrong = ibkr(text(whole(amount="2600")))
    assert rules(wrong) == ["control_amount"]
    assert "5000" in wrong.violations[0].message
    bare = [
        {name: value for name, value in row.items() if name != "PositionValue"}
        for row in (POSITION, LOT)
    ]
    assert rules(ibkr(text(whole(bare)))) == ["control_amount_unchecked"]


def test_sections_that_are_not_loaded_and_columns_that_are_not_known():
    odd = text_section("MOON", "Moon Rocks", [{"Weight": "1"}])
    assert serious(ibkr(text([*whole(), odd]))) == ["section_understood"]
    settled = text_section("POSS", "Position; settle date basis", [POSITION])
    assert serious(ibkr(text([*whole(), settled]))) == ["section_understood"]
    new = [{**POSITION, "MoonPhase": "full"}, {**LOT, "MoonPhase": "full"}]
    reading = ibkr(text(whole(new)))
    assert [found.observed for found in reading.violations] == [
        "in section OpenPositions the attributes MoonPhase"
    ]
    assert serious(ibkr(text(whole(), stated=4))) == ["sections_counted"]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda text: text[: text.index('"EOS"')], "file_complete"),
        (lambda text: text[: text.index('"EOF"')], "file_complete"),
        (lambda text: text.replace('"EOS","POST","2"', '"EOS","POST","3"'), "control_count"),
        (lambda text: text.replace('"EOS","POST","2"', '"EOS","POST",""'), "control_count"),
        (lambda text: text.replace('"EOS","POST"', '"EOS","TRNT"'), "records_nested"),
        (lambda text: text.replace('"EOA","U100"', '"EOA","U200"'), "records_nested"),
        (lambda text: text.replace('"BOF"', '"BOFF"'), "records_nested"),
        (lambda text: text.replace('"BOS","CRTT"', '"BOX","CRTT"'), "records_nested"),
        (lambda text: text.replace('"VTI",', "", 1), "ragged_row"),
        (lambda text: text.replace('"Conid"', '"Symbol"'), "duplicate_column"),
        (lambda text: text.replace('"EOF","U100"', '"EOF","U100'), "ragged_row"),
        (lambda text: text + '"EOF","U100"\n', "records_nested"),
    ],
)
def test_bad_files_are_refused(change, rule):
    content = text(whole())
    assert change(content) != content
    reading = read("IBKR", "flex.csv", change(content), date(2026, 11, 19))
    if reading.feed is None:  # without its first record the file is not this feed's
        assert rules(reading) == ["file_recognised"]
        return
    assert rules(reading) == [rule]
    assert reading.status == "QUARANTINED"
    assert "flex.csv" in reading.violations[0].message


def test_two_accounts_in_one_file():
    one = text(whole())
    other = one.replace("U100", "U200")
    reading = ibkr(one + other)
    assert reading.violations == ()
    assert reading.covered_accounts == ("U100", "U200")
    sections = [record for part in whole() for record in part]
    second = [["BOA", "U200"], *[[c.replace("U100", "U200") for c in r] for r in sections]]
    lines = one.splitlines()
    joined = [*lines[:-1], *(",".join(f'"{c}"' for c in r) for r in second), '"EOA","U200"']
    under_one = ibkr("\n".join([*joined, lines[-1]]) + "\n")
    assert facts(under_one) == facts(reading)


def test_a_file_over_the_limit_is_refused():
    from python_steps.feeds.flex_csv import CsvNames, parse_csv_document
    from python_steps.feeds.flex_document import FlexDocumentError

    with pytest.raises(FlexDocumentError) as refusal:
        parse_csv_document("BOF,U1", CsvNames({}, {}), maximum_bytes=3)
    assert refusal.value.rule == "file_size"


def test_text_without_its_records_is_known_and_refused():
    bare = "\n".join(",".join(row) for row in ([*POSITION], [*POSITION.values()])) + "\n"
    reading = ibkr(bare)
    assert (reading.feed, rules(reading)) == ("ibkr_flex", ["records_nested"])
    assert "Include header and trailer records" in reading.violations[0].message


def test_recognition():
    from data_contracts.contract import load_contracts

    file = received("IBKR", "anything.csv", text(whole()))
    assert recognise(file, load_contracts()) == "ibkr_flex"
