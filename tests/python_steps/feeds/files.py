"""Invented custodian files in the real layouts, for the tests of the readers.

Belongs here: builders of file text. Does not belong here: assertions. All names, numbers and
securities' amounts are made up.
"""

from __future__ import annotations

from collections import Counter
from datetime import date

from python_steps.feeds.reading import read_file
from python_steps.feeds.received import ROW_NUMBER, ROW_TEXT, FileReading, ReceivedFile

SESSION = date(2026, 11, 19)


def cells(line: str) -> list[str]:
    return line.split(",")


SCHWAB_2020 = cells(
    "Symbol,Description,Quantity,Price,Price Change $,Price Change %,Market Value,Day Change $,"
    "Day Change %,Cost Basis,Gain/Loss $,Gain/Loss %,Reinvest Dividends?,Capital Gains?,"
    "% Of Account,Dividend Yield,Last Dividend,Ex-Dividend Date,P/E Ratio,52 Week Low,"
    "52 Week High,Volume,Intrinsic Value,In The Money,Security Type"
)
SCHWAB_2023 = cells(
    "Symbol,Description,Quantity,Price,Price Change %,Price Change $,Market Value,Day Change %,"
    "Day Change $,Cost Basis,Gain/Loss %,Gain/Loss $,Ratings,Reinvest Dividends?,Capital Gains?,"
    "% Of Account,Security Type"
)
SCHWAB_2025 = cells(
    "Symbol,Description,Qty (Quantity),Price,Price Chng $ (Price Change $),"
    "Price Chng % (Price Change %),Mkt Val (Market Value),Day Chng $ (Day Change $),"
    "Day Chng % (Day Change %),Cost Basis,Gain $ (Gain/Loss $),Gain % (Gain/Loss %),Ratings,"
    "Reinvest?,Reinvest Capital Gains?,% of Acct (% of Account),Security Type"
)
SCHWAB_2026 = cells(
    "Symbol,Description,Price,Qty (Quantity),Price Chng $ (Price Change $),"
    "Price Chng % (Price Change %),Mkt Val (Market Value),Day Chng $ (Day Change $),"
    "Day Chng % (Day Change %),Cost Basis,Gain $ (Gain/Loss $),Gain % (Gain/Loss %),"
    "Reinvest?,Reinvest Capital Gains?,% of Acct (% of Account),Asset Type"
)

# Column of the header in each era, by what it means.
_MEANING = {
    "symbol": ("Symbol",),
    "name": ("Description",),
    "quantity": ("Quantity", "Qty (Quantity)"),
    "price": ("Price",),
    "value": ("Market Value", "Mkt Val (Market Value)"),
    "basis": ("Cost Basis",),
    "type": ("Security Type", "Asset Type"),
}


def received(custodian: str, name: str, content: str | bytes) -> ReceivedFile:
    return ReceivedFile(
        custodian, name, content if isinstance(content, bytes) else content.encode()
    )


def read(custodian: str, name: str, content: str | bytes, session: date = SESSION) -> FileReading:
    return read_file(received(custodian, name, content), session)


def rules(reading: FileReading) -> list[str]:
    return [found.rule for found in reading.violations]


def serious(reading: FileReading) -> list[str]:
    return [found.rule for found in reading.violations if found.severity != "info"]


def facts(reading: FileReading) -> dict[str, Counter[tuple[str | None, ...]]]:
    """The content of the tables without line numbers and order: what a file says."""
    return {
        name: Counter(
            tuple(sorted((k, v) for k, v in row.items() if k not in (ROW_NUMBER, ROW_TEXT)))
            for row in table.to_pylist()
        )
        for name, table in reading.tables.items()
        if table.num_rows
    }


def rows(reading: FileReading, entity: str, *columns: str) -> list[tuple[str | None, ...]]:
    return [tuple(row[name] for name in columns) for row in reading.tables[entity].to_pylist()]


def standard(lines: list[str], *, trailer: str | None = "", end: str = "\n") -> str:
    """Lines of a standard feed; the trailer is the right one where '' is given, none for None."""
    body = end.join(lines)
    if trailer == "":
        trailer = f"#rows={len(lines) - 1}"
    return body + end + (trailer + end if trailer else "")


def schwab_row(header: list[str], comma: str = "", **given: str) -> str:
    """One quoted line; cells that the test does not speak of are '--'."""
    by_header = {
        spelling: given[meaning]
        for meaning, spellings in _MEANING.items()
        if meaning in given
        for spelling in spellings
    }
    return ",".join(f'"{by_header.get(name, "--")}"' for name in header) + comma


def schwab_section(
    header: list[str],
    holdings: list[tuple[str, str, str, str, str, str]],
    *,
    cash: str = "$100.00",
    value_total: str,
    basis_total: str,
    total_word: str = "Account Total",
    comma: str = "",
) -> list[str]:
    """Header, holdings (symbol, quantity, price, value, basis, type), cash and total."""
    lines = [",".join(f'"{name}"' for name in header) + comma]
    for symbol, quantity, price, value, basis, kind in holdings:
        lines.append(
            schwab_row(
                header,
                comma,
                symbol=symbol,
                name=f"{symbol} NAME",
                quantity=quantity,
                price=price,
                value=value,
                basis=basis,
                type=kind,
            )
        )
    lines.append(
        schwab_row(
            header,
            comma,
            symbol="Cash & Cash Investments",
            value=cash,
            type="Cash and Money Market",
        )
    )
    lines.append(schwab_row(header, comma, symbol=total_word, value=value_total, basis=basis_total))
    return lines


HOLDINGS = [
    ("VTI", "10", "$250.00", "$2,500.00", "$2,000.00", "ETFs & Closed End Funds"),
    ("HD", "2", "$400.00", "$800.00", "Incomplete", "Equity"),
]


def schwab_single(
    header: list[str] = SCHWAB_2025,
    title: str = "Positions for account Individual ...234 as of 04:05 PM ET, 2026/11/19",
    holdings: list[tuple[str, str, str, str, str, str]] | None = None,
    value_total: str = "$3,400.00",
    basis_total: str = "--",
    **settings: str,
) -> str:
    section = schwab_section(
        header,
        HOLDINGS if holdings is None else holdings,
        value_total=value_total,
        basis_total=basis_total,
        **settings,
    )
    return "\r\n".join([f'"{title}"', "", *section]) + "\r\n"


LOTS_NARROW = cells(
    "Open Date,Quantity,Price,Cost/Share,Market Value,Cost Basis,Gain/Loss $,Gain/Loss %,"
    "Holding Period"
)
LOTS_WIDE = cells(
    "Open Date,Transaction Open,Quantity,Price,Cost/Share,Transaction CPS,Market Value,"
    "Cost Basis,Transaction CB,Gain/Loss $,Transaction G/L $,Gain/Loss %,Transaction G/L %,"
    "Holding Period,Disallowed Loss"
)


def lot_details(
    lots: list[dict[str, str]],
    header: list[str] = LOTS_NARROW,
    title: str = "VTI Lot Details for XXXX-4321 as of 04:05 PM ET, 11/19/2026",
    quantity_total: str = "10",
    basis_total: str = "$2,000.00",
    comma: str = ",",
) -> str:
    def line(given: dict[str, str]) -> str:
        return ",".join(f'"{given.get(name, "--")}"' for name in header) + comma

    total = {"Open Date": "Total", "Quantity": quantity_total, "Cost Basis": basis_total}
    head = ",".join(f'"{name}"' for name in header)
    return "\r\n".join([f'"{title}"', "", head, *map(line, lots), line(total)]) + "\r\n"


def flex(
    *statements: str, count: int | None = None, declaration: str = "<?xml version='1.0'?>"
) -> str:
    stated = len(statements) if count is None else count
    body = "\n".join(statements)
    return (
        f'{declaration}\n<FlexQueryResponse queryName="q" type="AF">\n'
        f'<FlexStatements count="{stated}">\n{body}\n</FlexStatements>\n</FlexQueryResponse>\n'
    )


def statement(
    sections: str,
    account: str = "U100",
    currency: str = "USD",
    start: str = "2026-11-19",
    end: str = "2026-11-19",
) -> str:
    information = (
        f'<AccountInformation accountId="{account}" acctAlias="" name="Ann Example" '
        f'currency="{currency}" accountType="Individual" accountCapabilities="Cash" '
        f'dateOpened="{start}" street="1 Private Road" />'
        if currency
        else ""
    )
    return (
        f'<FlexStatement accountId="{account}" fromDate="{start}" toDate="{end}" period="">\n'
        f"{information}\n{sections}\n</FlexStatement>"
    )


def element(tag: str, **attributes: str) -> str:
    shown = " ".join(f'{name}="{value}"' for name, value in attributes.items())
    return f"<{tag} {shown} />"


def open_position(level: str | None = "SUMMARY", **changes: str) -> str:
    attributes = {
        "accountId": "U100",
        "currency": "USD",
        "fxRateToBase": "1",
        "assetCategory": "STK",
        "subCategory": "ETF",
        "symbol": "VTI",
        "description": "VANGUARD TOTAL STOCK",
        "conid": "12340041",
        "cusip": "922908769",
        "isin": "US9229087690",
        "multiplier": "1",
        "reportDate": "2026-11-19",
        "position": "10",
        "markPrice": "250",
        "positionValue": "2500",
        "costBasisPrice": "200",
        "costBasisMoney": "2000",
        "side": "Long",
        "openDateTime": "",
        "holdingPeriodDateTime": "",
        "code": "",
        "originatingTransactionID": "",
        **changes,
    }
    if level is not None:
        attributes["levelOfDetail"] = level
    return element("OpenPosition", **attributes)


CASH_REPORT = (
    "<CashReport>\n"
    + element("CashReportCurrency", accountId="U100", currency="BASE_SUMMARY", endingCash="50.5")
    + "\n"
    + element(
        "CashReportCurrency",
        accountId="U100",
        currency="USD",
        endingCash="50.5",
        endingSettledCash="40.25",
    )
    + "\n</CashReport>"
)


def section(name: str, *rows_of_it: str) -> str:
    return f"<{name}>\n" + "\n".join(rows_of_it) + f"\n</{name}>"
