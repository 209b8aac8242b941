"""No violation of a client export quotes a line that it cannot place: it may name a person.

Every line of every invented export is followed once by a line that holds a name and a number, and
once replaced by it; whatever the reader says of the file, neither is in it.
"""

from __future__ import annotations

import pytest

from python_steps.feeds.reading import read_file
from tests.python_steps.feeds import etrade_files, fidelity_files, ibkr_files, schwab_files
from tests.python_steps.feeds.files import SESSION, lot_details, received, schwab_single

NAME, NUMBER = "Ann Q. Example-Smith", "987654321"
LINES = (f"{NUMBER} {NAME}", f"{NAME},{NUMBER},{NAME} {NUMBER}", f'"{NUMBER} paid to {NAME}","4"')
FILES = {
    "schwab_positions": ("SCHWAB", "x-Positions-2026-11-19-160500.csv", schwab_single()),
    "schwab_lot_details": (
        "SCHWAB",
        "VTI-Lot-Details.csv",
        lot_details([{"Open Date": "01/02/2024", "Quantity": "10", "Cost Basis": "$2,000.00"}]),
    ),
    "schwab_realized_gains": (
        "SCHWAB",
        schwab_files.GAINS_NAME,
        schwab_files.gains([schwab_files.WASHED, schwab_files.UNKNOWN]),
    ),
    "schwab_realized_gains of all accounts": (
        "SCHWAB",
        schwab_files.GAINS_NAME,
        schwab_files.gains_of_all({"Joint ...178": [schwab_files.WASHED]}),
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
        ibkr_files.whole(ibkr_files.POSITIONS, ibkr_files.TRADES, ibkr_files.CASH),
    ),
}


@pytest.mark.parametrize("feed", FILES)
def test_a_line_out_of_place_is_told_by_its_shape(feed):
    custodian, name, content = FILES[feed]
    kept = content.splitlines()
    assert read_file(received(custodian, name, content), SESSION).feed == feed.partition(" ")[0]
    told = 0
    for place in range(len(kept) + 1):
        for line in LINES:
            for damaged in (
                [*kept[:place], line, *kept[place:]],
                [*kept[:place], line, *kept[place + 1 :]],
            ):
                file = received(custodian, name, "\r\n".join(damaged) + "\r\n")
                for found in read_file(file, SESSION).violations:
                    said = f"{found.message} {found.observed} {found.expected}"
                    assert NAME not in said, (place, line, found)
                    assert NUMBER not in said, (place, line, found)
                    told += 1
    assert told, "lines out of place are told"
