"""Invented Schwab exports of transactions and realized gains, for the tests of their readers.

Belongs here: builders of file text in Schwab's layouts. Does not belong here: assertions.
"""

from __future__ import annotations

import json

NAME = "Individual_XXX178_Transactions_20261119-115444.csv"
TITLE = "Transactions  for account Individual ...178 as of 11/19/2026 18:00:21 ET"
OLD_TITLE = "Transactions  for account Individual XXXX-4178 as of 11/15/2022 18:00:21 ET"
OLDER = ["Date", "Action", "Symbol", "Description", "Quantity", "Price", "Fees & Comm", "Amount"]
NEWER = ["Date", "Action", "Symbol", "Description", "Price", "Quantity", "Fees & Comm", "Amount"]

Transaction = dict[str, str]


def transaction(action: str, **given: str) -> Transaction:
    """One transaction; what the test does not speak of is empty."""
    named = {
        "date": "Date",
        "symbol": "Symbol",
        "name": "Description",
        "quantity": "Quantity",
        "price": "Price",
        "fees": "Fees & Comm",
        "amount": "Amount",
    }
    row = {"Date": "11/18/2026", "Action": action}
    return row | {named[key]: value for key, value in given.items()}


BOUGHT = transaction("Buy", symbol="VTI", quantity="10", price="$250.00", amount="-$2,500.00")
SOLD = transaction("Sell", symbol="BND", quantity="4", price="$75", fees="$0.01", amount="$299.99")
PAID = transaction("Qualified Dividend", symbol="VTI", amount="$12.34")


def transactions(
    rows: list[Transaction],
    header: list[str] = NEWER,
    *,
    title: str | None = None,
    total: str | None = None,
    comma: str = "",
    end: str = "\r\n",
) -> str:
    """A transactions export: untitled by default, as since 2024."""

    def line(cells: list[str]) -> str:
        return ",".join(f'"{cell}"' for cell in cells) + comma

    lines = [] if title is None else [f'"{title}"']
    lines.append(line(header))
    lines += [line([row.get(name, "") for name in header]) for row in rows]
    if total is not None:
        lines.append(f'Transactions Total,"","","","","","",{total}{comma}')
    return end.join(lines) + end


def transactions_json(rows: list[Transaction], **changes: object) -> str:
    """The same as JSON; a change of None takes a key away."""
    document: dict[str, object] = {
        "FromDate": "11/01/2026",
        "ToDate": "11/19/2026",
        "TotalTransactionsAmount": "",
        "BrokerageTransactions": [{name: row.get(name, "") for name in OLDER} for row in rows],
    }
    document |= changes
    return json.dumps({k: v for k, v in document.items() if v is not None}, indent=2)


GAINS_NAME = "Individual_GainLoss_Realized_Details_20261119-115444.csv"
GAINS_TITLE = (
    "Realized Gain/Loss - Lot Details for Individual ...178 as of Thu Nov 19  19:13:09 EST 2026 "
    "from 01/01/2026 to 11/19/2026"
)
GAINS_ALL = GAINS_TITLE.replace("Individual ...178", "All_Accounts")
GAINS = [
    "Symbol", "Name", "Closed Date", "Opened Date", "Quantity", "Proceeds Per Share",
    "Cost Per Share", "Proceeds", "Cost Basis (CB)", "Gain/Loss ($)", "Gain/Loss (%)",
    "Long Term Gain/Loss", "Short Term Gain/Loss", "Term", "Unadjusted Cost Basis", "Wash Sale?",
    "Disallowed Loss", "Transaction Closed Date", "Transaction Cost Basis",
    "Total Transaction Gain/Loss ($)",
]  # fmt: skip

WASHED = {
    "Symbol": "VTI",
    "Name": "VANGUARD TOTAL STOCK",
    "Closed Date": "03/02/2026",
    "Opened Date": "01/15/2026",
    "Quantity": "2",
    "Proceeds": "$480.00",
    "Cost Basis (CB)": "$500.00",
    "Gain/Loss ($)": "-$20.00",
    "Term": "Short Term",
    "Unadjusted Cost Basis": "$500.00",
    "Wash Sale?": "Yes",
    "Disallowed Loss": "$20.00",
}
UNKNOWN = {
    "Symbol": "BRK/B",
    "Name": "BERKSHIRE HATHAWAY",
    "Closed Date": "06/01/2026",
    "Opened Date": "--",
    "Quantity": "1",
    "Proceeds": "$450.00",
    "Cost Basis (CB)": "--",
    "Gain/Loss ($)": "--",
    "Term": "Unknown",
    "Unadjusted Cost Basis": "--",
    "Wash Sale?": "No",
    "Disallowed Loss": "--",
}


def gains_section(lots: list[dict[str, str]], header: list[str] = GAINS) -> list[str]:
    """Header and lots of one account."""
    return [
        ",".join(f'"{name}"' for name in header),
        *(",".join(f'"{lot.get(name, "")}"' for name in header) for lot in lots),
    ]


def gains(lots: list[dict[str, str]], header: list[str] = GAINS, title: str = GAINS_TITLE) -> str:
    """A file of one account."""
    return "\r\n".join([title, *gains_section(lots, header)]) + "\r\n"


def gains_of_all(sections: dict[str, list[dict[str, str]]]) -> str:
    """A file of several accounts by their title lines."""
    lines = [GAINS_ALL]
    for account, lots in sections.items():
        lines += ["", account, *gains_section(lots)]
    return "\r\n".join(lines) + "\r\n"
