"""Invented Interactive Brokers statements as CSV, for the tests of their reader.

Belongs here: builders of file text. Does not belong here: assertions.
"""

from __future__ import annotations

STATEMENT = [
    "Statement,Header,Field Name,Field Value",
    "Statement,Data,BrokerName,Interactive Brokers LLC",
    "Statement,Data,Title,Activity Statement",
    'Statement,Data,Period,"November 19, 2026"',
    'Statement,Data,WhenGenerated,"2026-11-20, 04:05:06 EST"',
]
ACCOUNT = [
    "Account Information,Header,Field Name,Field Value",
    "Account Information,Data,Name,Ann Example",
    "Account Information,Data,Account,U100",
    "Account Information,Data,Base Currency,USD",
]
POSITIONS = [
    "Open Positions,Header,DataDiscriminator,Asset Category,Currency,Symbol,Open,Quantity,Mult,"
    "Cost Price,Cost Basis,Close Price,Value,Unrealized P/L,Code",
    "Open Positions,Data,Summary,Stocks,USD,VTI,-,10,1,200,2000,250,2500,500,",
    'Open Positions,Data,Lot,Stocks,USD,VTI,"2025-01-02, 09:30:00",6,,200,1200,250,1500,300,LT',
    'Open Positions,Data,Lot,Stocks,USD,VTI,"2024-12-01, 09:30:00",4,,200,800,250,1000,200,ST;LD',
    "Open Positions,Data,Summary,Stocks,USD,BRK B,-,2,1,400,800,500,1000,200,",
    "Open Positions,Total,,Stocks,USD,,,,,,2800,,3500,700,",
    "Open Positions,Data,Summary,Bonds,USD,T 4 08/15/34,-,5000,1,98,4900,99,4950,50,",
    "Open Positions,Total,,Bonds,USD,,,,,,4900,,4950,50,",
]
TRADES = [
    "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,"
    "C. Price,Proceeds,Comm/Fee,Basis,Realized P/L,MTM P/L,Code",
    'Trades,Data,Order,Stocks,USD,VTI,"2026-11-19, 09:31:05",10,250,251,-2500,-1,2501,0,10,O;P',
    'Trades,Data,Order,Stocks,USD,BND,"2026-11-19, 10:00:00",-4,75,74,300,-1,-280,19,4,C',
    'Trades,Data,ClosedLot,Stocks,USD,BND,"2024-01-05, 10:00:00",4,70,,,,280,19,,LT',
    "Trades,SubTotal,,Stocks,USD,VTI,,10,,,-2500,-1,2501,0,10,",
    "Trades,Total,,Stocks,USD,,,,,,-2200,-2,2221,19,14,",
    "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,,"
    "Proceeds,Comm in USD,,,MTM in USD,Code",
    'Trades,Data,Order,Forex,USD,EUR.USD,"2026-11-19, 11:00:00",100,1.1,,-110,-2,,,0.1,',
]
CASH = [
    "Dividends,Header,Currency,Date,Description,Amount",
    "Dividends,Data,USD,2026-11-19,VTI(US9229087690) Cash Dividend USD 0.5 per Share,12.72",
    "Dividends,Data,USD,2026-11-19,VTI(US9229087690) Cash Dividend USD 0.5 per Share,12.72",
    "Dividends,Data,Total,,,25.44",
    "Deposits & Withdrawals,Header,Currency,Settle Date,Description,Amount",
    "Deposits & Withdrawals,Data,USD,2026-11-19,Electronic Fund Transfer,-100",
    "Deposits & Withdrawals,Data,Total,,,-100",
]
BALANCES = [
    "Cash Report,Header,Currency Summary,Currency,Total,Securities,Futures,",
    "Cash Report,Data,Starting Cash,Base Currency Summary,1,1,0,",
    "Cash Report,Data,Ending Cash,Base Currency Summary,50.5,50.5,0,",
    "Cash Report,Data,Ending Cash,USD,50.5,50.5,0,",
    "Cash Report,Data,Ending Settled Cash,USD,40.25,40.25,0,",
]
INSTRUMENTS = [
    "Financial Instrument Information,Header,Asset Category,Symbol,Description,Conid,Security ID,"
    "Underlying,Listing Exch,Multiplier,Type,Code",
    "Financial Instrument Information,Data,Stocks,VTI,VANGUARD TOTAL STOCK,12340041,US9229087690,"
    "VTI,ARCA,1,ETF,",
    'Financial Instrument Information,Data,Stocks,"BRK B, BRK.B",BERKSHIRE HATHAWAY,72063691,'
    "084670702,BRK B,NYSE,1,COMMON,",
    "Financial Instrument Information,Data,Bonds,T 4 08/15/34,US TREASURY,45,912828YW4,,,1,Govt,",
    "Financial Instrument Information,Header,Asset Category,Symbol,Description,Conid,Underlying,"
    "Listing Exch,Multiplier,Expiry,Delivery Month,Type,Strike,Code",
    "Financial Instrument Information,Data,Equity and Index Options,ABC 20FEB26 200 C,"
    "ABC 20FEB26 200 C,9,ABC,CBOE,100,2026-02-20,2026-02,C,200,",
]
HISTORY = [
    "Statement,Header,Field Name,Field Value",
    "Statement,Data,Title,Transaction History",
    'Statement,Data,Period,"January 1, 2026 - November 19, 2026"',
    "Summary,Header,Field Name,Field Value",
    "Summary,Data,Base Currency,GBP",
    "Summary,Data,Change,16.9997362408735",
    "Transaction History,Header,Date,Account,Description,Transaction Type,Symbol,Quantity,Price,"
    "Gross Amount ,Commission,Net Amount",
    "Transaction History,Data,2026-11-03,U***00000,VT(US9220427424) Cash Dividend,Dividend,VT,-,-,"
    "20.0,-,20.0",
    "Transaction History,Data,2026-11-03,U***00000,VT(US9220427424) Cash Dividend - US Tax,"
    "Foreign Tax Withholding,VT,-,-,-3.0,-,-3.0",
    "Transaction History,Data,2026-10-01,U***00000,Net Amount in Base from Forex Trade,"
    "Forex Trade Component,GBP.USD,0.8,1.32,-2.637591265E-4,-,-2.637591265E-4",
    "Transaction History,Data,2026-10-01,U***00000,FX Translations P&L,Adjustment,-,-,-,"
    "-2.637591265E-4,-,-2.637591265E-4",
]


def whole(*others: list[str], end: str = "\n") -> str:
    """An Activity Statement of every section that is loaded, and others."""
    parts = [STATEMENT, ACCOUNT, POSITIONS, TRADES, CASH, BALANCES, INSTRUMENTS, *others]
    return end.join(line for part in parts for line in part) + end


def history(end: str = "\n") -> str:
    """A Transaction History."""
    return end.join(HISTORY) + end
