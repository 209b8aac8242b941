"""Invented E*TRADE and Vanguard downloads, for the tests of the readers.

Belongs here: builders of file text. Does not belong here: assertions. All amounts are made up.
"""

from __future__ import annotations

from collections.abc import Sequence

SUMMARY = (
    "Account,Net Account Value,Total Gain $,Total Gain %,Day's Gain Unrealized $,"
    "Day's Gain Unrealized %,Available For Withdrawal,Cash Purchasing Power"
)
SIMPLE = "Symbol,Qty #,Value $,Total Cost"
WIDE = (
    "Symbol,% of Portfolio,Last Price $,Cost/Share,Qty #,Total Cost,Total Gain $,Value $,"
    "Total Gain %,Day's Gain $,Day's Gain %,Dividend Yield %,Dividend Pay Date,Dividend,"
    "Date Acquired"
)
ROWS = [
    "VTI,100.0000,25000.00,18000.00",
    "     01/05/2022,40.0000,10000.00,8000.00",
    "     --,60.0000,15000.00,10000.00",
    "BND,10.0000,720.00,--",
    "     06/01/2020,10.0000,720.00,--",
    "VMFXX,500.0000,500.00,500.00",
    "XYZ Jan 15 '27 $35 Put,1.0000,500.00,450.00",
    "     03/10/2026,1.0000,500.00,450.00",
    "CASH,,280.00,",
    "TOTAL,,27000.00,",
]
GENERATED = "Generated at Nov 19 2026 06:25 PM ET"


def portfolio(
    rows: Sequence[str] = ROWS,
    header: str = SIMPLE,
    account: str = "Individual Brokerage -2641",
    net: str = "27000.00",
    filters: str = ",All,Symbol,Asc,",
    end: str = GENERATED,
    line_end: str = "\r\n",
) -> str:
    lines = [
        "Account Summary",
        SUMMARY,
        f'"{account}",{net},500.00,2.00,1.00,.10,280.00,280.00',
        "",
        "View Summary - PositionsSimple",
        "Filters applied:",
        "Symbol,Security type(s),Sort by,Sort order,",
        filters,
        "",
        header,
        *rows,
        *([end] if end else []),
    ]
    return line_end.join(lines) + line_end


GAINS_HEADER = (
    "Symbol,Quantity,Date,Cost/Share $,Total Cost $,Date,Price/Share $,Proceeds $,Gain $,"
    "Deferred Loss $,Term,Lot Selection"
)
GAINS = [
    "VXUS,567.099,--,--,49981.27,--,--,48485.84,-1495.43,--,Short,--",
    "    Sell,567,08/17/2026,88.13,49972.54,09/15/2026,85.50,48477.38,-1495.16,-20.50,Short,FIFO,",
    "    Sell,0.099,08/17/2026,88.13,8.73,09/15/2026,85.50,8.46,-.27,.00,Short,FIFO,",
    "VOO,10,--,--,4000.00,--,--,5000.00,1000.00,--,Long,--",
    "    Sell,10,--,400.00,4000.00,09/16/2026,500.00,5000.00,1000.00,--,Long,--,",
]
GAINS_TOTAL = "Total,,,,53981.27,,,53485.84,-495.43,.00,"


def gains(
    rows: Sequence[str] = GAINS,
    header: str = GAINS_HEADER,
    criteria: str = (
        '"Individual Brokerage -2641",01/01/2026,11/19/2026,All,Stocks  Options,All,All,'
    ),
    total: str = GAINS_TOTAL,
    end: str = GENERATED,
    title: str = "TAXABLE",
) -> str:
    lines = [
        "Account Summary",
        SUMMARY,
        '"Individual Brokerage -2641",146777.72,-1870.80,-1.26,-611.88,-.42,.00,8.28',
        "",
        "SEARCH CRITERIA",
        "Account,Start Date,End  Date,Symbol,Security Type,Covered,Term",
        criteria,
        "",
        f"{title} G&L SUMMARY",
        "Total Gain Realized,Short-Term Gain Realized,Long-Term Gain Realized,Deferred Loss,"
        "Total Commissions & Fees",
        "-495.43,-1495.43,1000.00,.00,1.12,",
        f"{title} G&L DETAILS",
        header,
        *rows,
        *([total] if total else []),
        *([end] if end else []),
    ]
    return "\r\n".join(lines) + "\r\n"


HISTORY_HEADER = (
    "Activity/Trade Date,Transaction Date,Settlement Date,Activity Type,Description,Symbol,Cusip,"
    "Quantity #,Price $,Amount $,Commission,Category,Note"
)
HISTORY = [
    (
        "11/18/26,11/18/26,,Bought,NEOS BOOSTED INCM UNSOLICITED TRADE,XBCI,--,3.0,"
        "35.517,-106.55,0.0,--,--"
    ),
    "11/17/26,11/17/26,11/17/26,Dividend,INCOMESTKD 1X,ISBG,--,,,1.39,0.0,--,--",
    (
        "11/16/26,11/16/26,11/16/26,Dividend,TAPPALPHA DIVIDEND REINVESTMENT,TSPY,"
        "--,0.046,25.329,-1.16,0.0,--,--"
    ),
    (
        "11/13/26,11/13/26,11/13/26,Sold,YIELDMAX ULTRA UNSOLICITED TRADE,ULTY,"
        "922908769,-4.242,31.991,135.70,0.0,--,--"
    ),
    "11/13/26,11/13/26,11/13/26,Transfer,TRNSFR CASH TO MARGIN,--,--,,,33.37,0.0,--,--",
    "11/12/26,11/12/26,11/12/26,Online Transfer,TO CHECKING,--,--,,,-40.00,0.0,--,--",
]


def history(
    rows: Sequence[str] = HISTORY,
    header: str = HISTORY_HEADER,
    activity: str = "Account Activity for Trading -7113 from 10/20/2026 to 11/19/2026",
) -> str:
    lines = [
        "All Transactions Activity Types",
        "",
        activity,
        "",
        "Total:,1833.93",
        "",
        header,
        *rows,
    ]
    return "\r\n".join(lines) + "\r\n"


HOLDINGS_HEADER = "Account Number,Investment Name,Symbol,Shares,Share Price,Total Value,"
HOLDINGS = [
    "12345678,VANGUARD TOTAL STOCK MARKET ETF,VTI,10,250.00,2500.00,",
    "12345678,VANGUARD FEDERAL MONEY MARKET,VMFXX,500.25,1,500.25,",
    "12345678,VANGUARD FEDERAL MONEY MARKET,VMFXX,100,1,100,",
    "87654321,U S TREASURY NOTE 1.875 01/15/36,null,5000,1.01,5050.00,",
]
ACTIVITY_HEADER = (
    "Account Number,Trade Date,Settlement Date,Transaction Type,Transaction Description,"
    "Investment Name,Symbol,Shares,Share Price,Principal Amount,Commissions and Fees,Net Amount,"
    "Accrued Interest,Account Type,"
)
ACTIVITY = [
    (
        "12345678,2026-11-18,2026-11-19,Buy,Buy,VANGUARD TOTAL STOCK MARKET ETF,"
        "VTI,2,250.00,-500.00,0.0,-500.00,0.0,CASH,"
    ),
    (
        "12345678,11/17/2026,11/17/2026,Sweep in,Sweep into settlement fund,"
        "VANGUARD FEDERAL MONEY MARKET,VMFXX,0.0,1.0,-20.00,0.0,-20.00,0.0,CASH,"
    ),
    (
        "12345678,2026-11-16,2026-11-16,Reinvestment (LT gain),Reinvest,"
        "VANGUARD TOTAL STOCK MARKET ETF,VTI,0.1,250.00,-25.00,0.0,-25.00,0.0,CASH,"
    ),
    (
        "87654321,2026-11-13,2026-11-13,Stock split,Stock split,"
        "VANGUARD TOTAL STOCK MARKET ETF,VTI,5,0.0,0.0,0.0,0.0,0.0,CASH,"
    ),
]


def vanguard(
    holdings: Sequence[str] = HOLDINGS,
    activity: Sequence[str] = ACTIVITY,
    activity_header: str = ACTIVITY_HEADER,
) -> str:
    lines = [HOLDINGS_HEADER, *holdings, "", "", "", activity_header, *activity]
    return "\n".join(lines) + "\n"


PLAN = (
    "Fund Account Number,Fund Name,Price,Shares,Total Value\n"
    "974455687-02,2034/2035 Enrollment Portfolio,$19.64,1634.4842,$32101.27\n"
    "\n"
    "Account Number,Trade Date,Process Date,Transaction Type,Transaction Description,"
    "Investment Name,Share Price,Shares,Gross Amount,Net Amount\n"
    "974455687-02,10/01/2026,10/02/2026,Recurring Contribution,Recurring Contribution,"
    "2034/2035 Enrollment Portfolio,$19.42,9.0113,$175,$175\n"
)
