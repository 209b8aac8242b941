"""Invented mapped contracts and files for the tests of mapped feeds."""

from __future__ import annotations

from typing import Any

import yaml

from data_contracts.contract import FeedContract, parse_canonical
from python_steps.feeds.mapped_feed import Understanding, understand
from python_steps.feeds.received import FileReading, ReceivedFile

CUSTODIAN = "QUARRY_BANK"


def contract_text(files: dict[str, Any], **changes: Any) -> str:
    """YAML of a mapped contract with these kinds of files."""
    layout = {"files": files, **changes.pop("layout", {})}
    return yaml.safe_dump(
        {
            "feed": "quarry_bank",
            "title": "Quarry Bank",
            "owner": "operations",
            "custodians": [CUSTODIAN],
            "reader": "mapped_feed",
            "parser_version": "1",
            "delivery_mode": "FULL",
            "as_of_date_sources": ["LANDING_FOLDER"],
            "null_words": ["", "n/a", "--"],
            "layout": layout,
            **changes,
        },
        sort_keys=False,
    )


def mapped(files: dict[str, Any], **changes: Any) -> FeedContract:
    """A mapped contract with these kinds of files, checked."""
    return parse_canonical(contract_text(files, **changes), file_name="quarry.yaml")


def lots_file(**changes: Any) -> dict[str, Any]:
    """A kind of file: comma-separated lots with a line of names and no control lines."""
    return {
        "file_names": r"^lots.*\.csv$",
        "format": "delimited",
        "date_formats": ["%m/%d/%Y"],
        "records": {"lot": lot_record()},
        **changes,
    }


def lot_record(**columns: Any) -> dict[str, Any]:
    """A record of lots whose canonical columns can be changed or added to."""
    return {
        "fields": {
            "account": {"names": ["Account", "Acct"]},
            "symbol": {"names": ["Symbol"]},
            "quantity": {"names": ["Qty"], "type": "number"},
            "acquired": {"names": ["Open Date"], "type": "date"},
            "cost": {"names": ["Cost"], "type": "number"},
            "code": {"names": ["Code"], "optional": True},
        },
        "entities": {
            "tax_lots": {
                "columns": {
                    "account_number": "account",
                    "ticker": "symbol",
                    "quantity": "quantity",
                    "acquisition_date": "acquired",
                    "cost_basis": "cost",
                    **columns,
                }
            }
        },
    }


NAMES = "Account,Symbol,Qty,Open Date,Cost"


def lots_text(*rows: str, names: str = NAMES) -> str:
    return "\n".join([names, *rows]) + "\n"


def understood(
    content: str | bytes, contract: FeedContract, name: str = "lots.csv"
) -> Understanding:
    raw = content if isinstance(content, bytes) else content.encode()
    return understand(ReceivedFile(CUSTODIAN, name, raw), contract)


def read(content: str | bytes, contract: FeedContract, name: str = "lots.csv") -> FileReading:
    return understood(content, contract, name).reading


def told(reading: FileReading) -> list[tuple[str, int | None, str | None]]:
    """Rule, row and observed value of everything that is wrong, without what is only noted."""
    return [
        (one.rule, one.source_row_number, one.observed)
        for one in reading.violations
        if one.severity != "info"
    ]
