"""What the readers of single layouts share: rules that exist, files that are theirs."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from data_contracts.contract import load_contracts
from python_steps.feeds.received import ReceivedFile
from python_steps.feeds.recognition import recognise
from tests.python_steps.feeds.damage import flagged
from tests.python_steps.feeds.etrade_files import gains, history, portfolio, vanguard
from tests.python_steps.feeds.files import read
from tests.python_steps.feeds.pershing_files import acct, gcus_a, gmon, isca, whole

SAMPLES = Path(__file__).parents[4] / "shared" / "samples"
FRAME = ["pershing_frame", "decoding", "keys"]
EXPORT = ["etrade_exports", "decoding", "keys", "headers", "client_exports"]
SCHWAB = ["schwab_exports", "decoding", "keys", "headers", "client_exports"]
FIDELITY = ["fidelity_exports", "fidelity_securities", "decoding", "headers", "client_exports"]
MODULES = {
    "ofx": [
        "ofx",
        "ofx_document",
        "ofx_findings",
        "ofx_securities",
        "ofx_transactions",
        "decoding",
        "keys",
    ],
    "pershing_gcus": ["pershing_gcus", *FRAME],
    "pershing_isca": ["pershing_isca", *FRAME],
    "pershing_gmon": ["pershing_gmon", *FRAME],
    "pershing_acct": ["pershing_acct", *FRAME],
    "pershing_other": ["left_out_file", "decoding"],
    "etrade_portfolio": ["etrade_portfolio", *EXPORT],
    "etrade_gains": ["etrade_gains", *EXPORT],
    "etrade_transactions": ["etrade_transactions", *EXPORT],
    "vanguard_download": ["vanguard_download", *EXPORT],
    "year_end_tax_forms": ["left_out_file", "decoding"],
}
ALL_MODULES = {
    **MODULES,
    **{
        feed: [feed, *SCHWAB]
        for feed in (
            "schwab_positions",
            "schwab_lot_details",
            "schwab_realized_gains",
            "schwab_transactions",
        )
    },
    **{
        feed: [feed, *FIDELITY]
        for feed in (
            "fidelity_positions",
            "fidelity_history",
            "fidelity_realized_gains",
            "fidelity_statement",
        )
    },
}
_NAMED = re.compile(
    r"(?:violation|_broken|\bbroken|findings\.add|self\.add|\._add|OfxDocumentError)\(\s*\"(\w+)\""
)
_NO_SECTIONS = {"identical_rows", "account_reference_unique"}
# In modules that several contracts share: rules of the paths that a feed does not take.
NOT_TAKEN = {
    "etrade_portfolio": {"identical_rows", "cusip_check_digit"},
    "etrade_gains": {"cusip_check_digit", "account_reference_unique"},
    "etrade_transactions": {"cusip_check_digit", "account_reference_unique", "control_total"},
    "vanguard_download": {"cusip_check_digit", "account_reference_unique", "control_total"},
    "schwab_positions": {"identical_rows"},
    "schwab_lot_details": {"identical_rows", "account_reference_unique"},
    "schwab_realized_gains": {"identical_rows"},
    "schwab_transactions": {"identical_rows"},
    "fidelity_positions": _NO_SECTIONS | {"control_total", "identical_rows_kept"},
    "fidelity_history": _NO_SECTIONS | {"control_total", "price_unit_proved"},
    "fidelity_realized_gains": _NO_SECTIONS | {"control_total", "price_unit_proved"},
    "fidelity_statement": _NO_SECTIONS | {"identical_rows_kept"},
}


@pytest.mark.parametrize("feed", sorted(ALL_MODULES))
def test_every_rule_that_a_reader_names_is_in_its_contract(feed):
    """A rule that a reader names and a contract lacks would raise while a bad file is read."""
    contract = load_contracts()[feed]
    folder = files("python_steps.feeds")
    named = {
        rule
        for module in ALL_MODULES[feed]
        for rule in _NAMED.findall((folder / f"{module}.py").read_text(encoding="utf-8"))
    }
    entities = set(contract.entities)
    assert named - entities - NOT_TAKEN.get(feed, set()) <= set(contract.rules)
    assert len(named) > 1 or feed in ("pershing_other", "year_end_tax_forms")


BAD = [
    # A file whose rows can be read and whose values break the contract, and the rule that says so.
    ("PERSHING", "a.gcus", whole([gcus_a(account="abc 3456 ")]), "account_number_has_form"),
    ("PERSHING", "a.isca", whole(isca(day="0000000"), title="S"), "price_date_is_present"),
    (
        "PERSHING",
        "a.gmon",
        whole([gmon()[0].replace(f"{150025:018d}", " " * 18), gmon()[1]], title="M"),
        "trade_date_balance_is_present",
    ),
    (
        "PERSHING",
        "a.acct",
        whole(acct("12-456789"), title="CUSTOMER ACCT INFO"),
        "account_number_has_form",
    ),
    (
        "ETRADE",
        "PortfolioDownload.csv",
        portfolio().replace("VTI,100.0000", "VTI,a hundred"),
        "quantity_is_decimal",
    ),
    ("ETRADE", "Gains.csv", gains().replace("09/16/2026", "2026-16-09"), "disposal_date_is_date"),
    (
        "ETRADE",
        "DownloadTxnHistory.csv",
        history().replace("11/18/26,11/18/26", "18/11/26,11/18/26"),
        "transaction_date_is_date",
    ),
    (
        "VANGUARD",
        "OfxDownload-2026-11-19.csv",
        vanguard().replace("VTI,10,250.00,2500.00", "VTI,ten,250.00,2500.00"),
        "quantity_is_decimal",
    ),
]


@pytest.mark.parametrize(("custodian", "name", "content", "rule"), BAD)
def test_values_that_break_a_contract_are_told(custodian, name, content, rule):
    reading = read(custodian, name, content)
    assert reading.status == "LOADED"
    assert rule in flagged(reading)


@pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="the custodians' sample files are not beside the project"
)
def test_no_sample_of_another_layout_is_claimed():
    mine = set(MODULES)
    claimed = {}
    for path in sorted(SAMPLES.rglob("*")):
        if not path.is_file() or path.suffix == ".md":
            continue
        folder = path.relative_to(SAMPLES).parts[0]
        feed = recognise(
            ReceivedFile(folder.upper(), path.name, path.read_bytes()), load_contracts()
        )
        if feed in mine:
            claimed[str(path.relative_to(SAMPLES))] = feed
    ofx = {path for path, feed in claimed.items() if feed == "ofx"}
    assert ofx == {path for path in claimed if path.lower().endswith((".ofx", ".qfx"))}
    assert len(ofx) == 10
    assert {path: feed for path, feed in claimed.items() if feed != "ofx"} == {
        "tax_forms_8949/csv2txf_ibkr_form8949_worksheet.csv": "year_end_tax_forms",
        "tax_forms_8949/csv2txf_tdameritrade_gainloss.csv": "year_end_tax_forms",
        "tax_forms_8949/csv2txf_vanguard_transactions.csv": "vanguard_download",
    }
