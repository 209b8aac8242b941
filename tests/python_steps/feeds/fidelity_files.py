"""Invented Fidelity downloads in the real layouts, for the tests of their readers.

Belongs here: builders of file text. Does not belong here: assertions. All accounts and amounts are
made up; securities are real only by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.python_steps.feeds.files import cells

DISCLAIMERS = (
    '"The data and information in this spreadsheet is provided to you solely for your use, and is'
    ' not for distribution."',
    '"informational purposes only, and is not intended to provide advice, nor to be an offer."',
    "",
    '"Brokerage services are provided by Fidelity Brokerage Services LLC, 900 Salem Street."',
    "",
)
DOWNLOADED = '"Date downloaded Nov-19-2026 at 7:04 p.m ET"'

POSITIONS = cells(
    "Account Number,Account Name,Symbol,Description,Quantity,Last Price,Last Price Change,"
    "Current Value,Today's Gain/Loss Dollar,Today's Gain/Loss Percent,Total Gain/Loss Dollar,"
    "Total Gain/Loss Percent,Percent Of Account,Cost Basis Total,Average Cost Basis,Type"
)
POSITIONS_2026 = [name.capitalize() for name in POSITIONS]

HISTORY_12 = cells(
    "Run Date,Action,Symbol,Security Description,Security Type,Quantity,Price ($),Commission ($),"
    "Fees ($),Accrued Interest ($),Amount ($),Settlement Date"
)
HISTORY_13 = cells(
    "Run Date,Action,Symbol,Description,Type,Quantity,Price ($),Commission ($),Fees ($),"
    "Accrued Interest ($),Amount ($),Cash Balance ($),Settlement Date"
)
HISTORY_14 = cells(
    "Run Date,Account,Account Number,Action,Symbol,Description,Type,Price ($),Quantity,"
    "Commission ($),Fees ($),Accrued Interest ($),Amount ($),Settlement Date"
)
HISTORY_18 = cells(
    "Run Date,Account,Account Number,Action,Symbol,Description,Type,Exchange Quantity,"
    "Exchange Currency,Currency,Price,Quantity,Exchange Rate,Commission,Fees,Accrued Interest,"
    "Amount,Settlement Date"
)
# The same cells under three names that Fidelity mixes up in some downloads.
HISTORY_18_MISNAMED = [
    {"Currency": "Quantity", "Price": "Currency", "Quantity": "Price"}.get(name, name)
    for name in HISTORY_18
]

GAINS = cells(
    "Symbol(CUSIP),Security Description,Quantity,Date Acquired,Date Sold,Proceeds,Cost Basis,"
    "Short Term Gain/Loss,Long Term Gain/Loss"
)

_POSITION_MEANING = {
    "account": "account number",
    "name": "account name",
    "symbol": "symbol",
    "words": "description",
    "quantity": "quantity",
    "price": "last price",
    "value": "current value",
    "gain": "total gain/loss dollar",
    "basis": "cost basis total",
    "type": "type",
}
_HISTORY_MEANING = {
    "date": ("run date",),
    "name": ("account",),
    "account": ("account number",),
    "action": ("action",),
    "symbol": ("symbol",),
    "words": ("description", "security description"),
    "type": ("type", "security type"),
    "quantity": ("quantity",),
    "price": ("price ($)", "price"),
    "amount": ("amount ($)", "amount"),
    "settled": ("settlement date",),
    "currency": ("currency",),
    "exchange": ("exchange currency",),
}


def quoted(cell: str) -> str:
    return f'"{cell}"' if "," in cell else cell


def position(
    header: Sequence[str] = POSITIONS, comma: str = ",", defaults: bool = True, **given: str
) -> str:
    """One row, with the comma at its end that the header has not."""
    whose = {"account": "Z12345678", "name": "Family", "type": "Cash"} if defaults else {}
    by_name = {_POSITION_MEANING[meaning]: text for meaning, text in {**whose, **given}.items()}
    return ",".join(quoted(by_name.get(name.lower(), "")) for name in header) + comma


def holding(symbol: str, quantity: str, price: str, value: str, **given: str) -> str:
    words = {"words": f"{symbol} NAME", "basis": "$100.00", **given}
    return position(symbol=symbol, quantity=quantity, price=price, value=value, **words)


def core(value: str, symbol: str = "SPAXX**", **given: str) -> str:
    return position(symbol=symbol, words="HELD IN MONEY MARKET", value=value, **given)


def pending(value: str, **given: str) -> str:
    return position(symbol="Pending activity", value=value, **{"type": "", **given})


def sheet(
    header: Sequence[str],
    rows: Sequence[str],
    *,
    leading: Sequence[str] = (),
    footer: Sequence[str] = (*DISCLAIMERS, DOWNLOADED),
    end: str = "\r\n",
    mark: str = "",
) -> str:
    """A download: lines before the header, header, rows, a blank line, footer."""
    return mark + end.join([*leading, ",".join(header), *rows, "", *footer]) + end


def positions(*rows: str, header: Sequence[str] = POSITIONS, **settings: object) -> str:
    return sheet(header, rows, mark="\ufeff", **settings)  # type: ignore[arg-type]


HOLDINGS = (
    holding("VTI", "10", "$250.00", "$2,500.00", words="VANGUARD TOTAL STK MKT ETF"),
    holding("FXAIX", "4.125", "$200.00", "$825.00", words="FIDELITY 500 INDEX FUND"),
    core("$1,000.00"),
)


def activity(header: Sequence[str], comma: str = "", **given: str) -> str:
    """One row of history; cells that the test does not speak of are empty."""
    defaults = {
        "date": "11/18/2026",
        "name": "Family",
        "account": "Z12345678",
        "type": "Cash",
        "currency": "USD",
        "words": "No Description",
    }
    by_name = {
        spelling: text
        for meaning, text in {**defaults, **given}.items()
        for spelling in _HISTORY_MEANING[meaning]
    }
    return ",".join(quoted(by_name.get(name.lower(), "")) for name in header) + comma


ACTIVITY: tuple[Mapping[str, str], ...] = (
    {
        "action": "YOU BOUGHT VANGUARD TOTAL STK MKT (VTI) (Cash)",
        "symbol": "VTI",
        "quantity": "10",
        "price": "250.00",
        "amount": "-2500.00",
        "settled": "11/19/2026",
    },
    {
        "action": "YOU SOLD FIDELITY 500 INDEX FUND (FXAIX) (Cash)",
        "symbol": "FXAIX",
        "quantity": "-4",
        "price": "200.00",
        "amount": "800.00",
        "settled": "11/18/2026",
    },
    {
        "action": "INTEREST EARNED as of Oct-30-2026 (Cash)",
        "symbol": " ",
        "quantity": "0.000",
        "amount": "0.04",
    },
)


def history(
    header: Sequence[str] = HISTORY_14,
    rows: Sequence[Mapping[str, str]] = ACTIVITY,
    comma: str = "",
    **settings: object,
) -> str:
    lines = [activity(header, comma, **row) for row in rows]
    leading = {"leading": ("", ""), **settings}
    return sheet(header, lines, **leading)  # type: ignore[arg-type]


def gain(**given: str) -> str:
    meaning = {
        "symbol": "Symbol(CUSIP)",
        "words": "Security Description",
        "quantity": "Quantity",
        "acquired": "Date Acquired",
        "sold": "Date Sold",
        "proceeds": "Proceeds",
        "basis": "Cost Basis",
        "short": "Short Term Gain/Loss",
        "long": "Long Term Gain/Loss",
    }
    defaults = {
        "symbol": "VEA(921943858)",
        "words": "VANGUARD FTSE DEV MKT ETF",
        "quantity": "3.0",
        "acquired": "08/31/2020",
        "sold": "01/29/2026",
        "proceeds": "$12.00 ",
        "basis": "$10.00 ",
        "short": "--",
        "long": "$2.00 ",
    }
    by_name = {meaning[word]: text for word, text in {**defaults, **given}.items()}
    return ",".join(quoted(by_name[name]) for name in GAINS)


def statement(
    accounts: Sequence[str] = (
        "Individual - TOD,X84810689,3900.00,100.00,4000.50,,,,,,,1.00,2.00",
        "ROTH IRA,259505679,90.00,10.00,100.00,,,,,,,1.00,2.00",
    ),
    holdings: Sequence[str] = (
        "",
        "X84810689 ",
        "Stocks ",
        "VTI,VANGUARD TOTAL STK MKT ETF ,10.00000,250.00000,2400.00,2500.00,2000.00",
        "MSFT,MICROSOFT CORP ,2.00000,500.00000,990.00,1000.00,not applicable",
        "Subtotal of Stocks,,,,,3500.00,2000.00,,, ",
        "",
        "X84810689 ",
        "Core Account ",
        "SPAXX,FIDELITY GOVERNMENT MONEY MARKET ,400.50000,1.00000,400.00,400.50,not applicable",
        "QPIFQ,FDIC INSURED DEPOSIT AT A BANK ,100.00000,1.00000,100.00,100.00,not applicable",
        "Subtotal of Core Account,,,,,500.50,,,,,",
        "",
        "259505679 ",
        "Mutual Funds ",
        "FXAIX,FIDELITY 500 INDEX FUND ,0.50000,200.00000,90.00,100.00,80.00",
        "Subtotal of Mutual Funds,,,,,100.00,80.00,,, ",
    ),
    end: str = "\n",
) -> str:
    """The table of accounts and the table of holdings, one under the other."""
    first = (
        "Account Type,Account,Beginning mkt Value,Change in Investment,Ending mkt Value,"
        "Short Balance,Ending Net Value,Dividends This Period,Dividends Year to Date,"
        "Interest This Period,Interest Year to Date,Total This Period,Total Year to Date"
    )
    second = "Symbol/CUSIP,Description,Quantity,Price,Beginning Value,Ending Value,Cost Basis"
    return end.join([first, *accounts, " ", "", second, ", ", *holdings]) + end
