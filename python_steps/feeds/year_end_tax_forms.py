"""Refusal of year-end tax forms that custodians offer beside their nightly files.

Belongs here: the sentence that says why such a file is not loaded. Does not belong here: any
reading of it. Source of the rule: `year_end_tax_forms.yaml`.
"""

from __future__ import annotations

from data_contracts.contract import FeedContract
from python_steps.feeds.decoding import decode
from python_steps.feeds.received import FileReading, ReceivedFile, refused


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Refuse the file.

    Args:
        file: as received.
        contract: of the feed year_end_tax_forms.

    Returns:
        A reading without rows, with the rule year_end_form_left_out.
    """
    decoded = decode(file, contract)
    if decoded.content is None:
        return refused(contract, decoded.violations)
    broken = contract.violation(
        "year_end_form_left_out",
        file_name=file.file_name,
        row=1,
        # Not quoted: the first line of a form may name a person.
        observed=f"a form of {len(decoded.content)} bytes",
    )
    return refused(contract, [*decoded.violations, broken])
