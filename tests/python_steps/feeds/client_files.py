"""One good file of each export that clients download themselves, by feed.

Belongs here: which builder makes which feed's file, under which name. Does not belong here: the
builders (files.py, schwab_files.py and so on) and assertions.
"""

from __future__ import annotations

from tests.python_steps.feeds import etrade_files, fidelity_files, ibkr_files, schwab_files
from tests.python_steps.feeds.files import lot_details, schwab_single

LOTS = [
    {
        "Open Date": "01/02/2024",
        "Quantity": "10",
        "Cost Basis": "$2,000.00",
        "Holding Period": "Long Term",
    }
]

# Custodian, file name and content of each.
CLIENT_FILES: dict[str, tuple[str, str, str]] = {
    "schwab_positions": ("SCHWAB", "x-Positions-2026-11-19-160500.csv", schwab_single()),
    "schwab_lot_details": ("SCHWAB", "VTI-Lot-Details.csv", lot_details(LOTS)),
    "schwab_realized_gains": (
        "SCHWAB",
        schwab_files.GAINS_NAME,
        schwab_files.gains([schwab_files.WASHED, schwab_files.UNKNOWN]),
    ),
    "schwab_transactions": (
        "SCHWAB",
        schwab_files.NAME,
        schwab_files.transactions(
            [schwab_files.BOUGHT, schwab_files.SOLD],
            title=schwab_files.TITLE,
            total='"-$2,200.01"',
        ),
    ),
    "fidelity_positions": (
        "FIDELITY",
        "Portfolio_Positions_Nov-19-2026.csv",
        fidelity_files.positions(*fidelity_files.HOLDINGS),
    ),
    "fidelity_history": ("FIDELITY", "Accounts_History.csv", fidelity_files.history()),
    "fidelity_realized_gains": (
        "FIDELITY",
        "Realized_Gain_Loss_Account_X12345678.csv",
        fidelity_files.sheet(fidelity_files.GAINS, [fidelity_files.gain()]),
    ),
    "fidelity_statement": ("FIDELITY", "Statement11192026.csv", fidelity_files.statement()),
    "etrade_portfolio": ("ETRADE", "PortfolioDownload.csv", etrade_files.portfolio()),
    "etrade_gains": ("ETRADE", "GainsAndLosses.csv", etrade_files.gains()),
    "etrade_transactions": ("ETRADE", "DownloadTxnHistory.csv", etrade_files.history()),
    "vanguard_download": ("VANGUARD", "OfxDownload-2026-11-19.csv", etrade_files.vanguard()),
    "ibkr_activity_csv": (
        "IBKR",
        "U100.csv",
        ibkr_files.whole(),
    ),
}
