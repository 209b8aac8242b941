"""Refusal of Pershing's files whose layout is not at hand, by the title of their header.

Belongs here: the sentence that says what the file is and what to do. Does not belong here: any
reading of it; a layout is never invented. Source of the rule: `pershing_other.yaml`.
"""

from __future__ import annotations

from data_contracts.contract import FeedContract
from python_steps.feeds.decoding import decode
from python_steps.feeds.received import FileReading, ReceivedFile, refused

_TITLE = slice(18, 36)


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Refuse the file.

    Args:
        file: as received.
        contract: of the feed pershing_other.

    Returns:
        A reading without rows, with the rule layout_is_mapped.
    """
    decoded = decode(file, contract)
    if decoded.content is None:
        return refused(contract, decoded.violations)
    header = decoded.content.decode("utf-8").lstrip().partition("\n")[0]
    broken = contract.violation(
        "layout_is_mapped",
        file_name=file.file_name,
        row=1,
        observed=f"a Pershing file titled {header[_TITLE].strip()!r}, whose layout is not known",
    )
    return refused(contract, [*decoded.violations, broken])
