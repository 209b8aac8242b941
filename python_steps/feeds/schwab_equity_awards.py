"""Refusal of Schwab's Equity Award Center export, which is not of a brokerage account.

Belongs here: the sentence that says what the file is. Does not belong here: any reading of it: a
vest is a fact of the client's pay, and its shares enter the book by the positions and lots of the
account that receives them. Source of the rule: `schwab_equity_awards.yaml`.
"""

from __future__ import annotations

from data_contracts.contract import FeedContract
from python_steps.feeds.received import FileReading, ReceivedFile, refused


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Refuse the file, saying what it is and where its facts belong."""
    kind = "JSON" if file.content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{") else "CSV"
    broken = contract.violation(
        "file_belongs_to_the_book",
        file_name=file.file_name,
        observed=f"an Equity Award Center export ({kind})",
    )
    return refused(contract, [broken])
