"""Refusal of files that are recognised and not loaded, whatever the layout.

Belongs here: the sentence that says what the file is. Does not belong here: any reading of it; a
layout is never invented. Source of the rule and of the sentence: `layout` of the contracts that
name this reader (`pershing_other`, `schwab_equity_awards`, `year_end_tax_forms`).
"""

from __future__ import annotations

from data_contracts.contract import FeedContract
from python_steps.feeds.decoding import decode
from python_steps.feeds.received import FileReading, ReceivedFile, refused


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Refuse the file by the one rule that its contract has of its own.

    Args:
        file: as received.
        contract: of a feed that is left out. Its layout says the `rule`, and what is `observed`,
            in which {title} is what stands in the columns `title_columns` of the first line (first
            and last, from 1) and {bytes} the file's size. Nothing else of a file is quoted: the
            first line of a form may name a person.

    Returns:
        A reading without rows.
    """
    decoded = decode(file, contract)
    if decoded.content is None:
        return refused(contract, decoded.violations)
    layout = contract.layout or {}
    first, last = layout.get("title_columns", (1, 0))
    first_line = decoded.content.decode("utf-8").lstrip().partition("\n")[0]
    title = first_line[int(first) - 1 : int(last)].strip()
    broken = contract.violation(
        str(layout["rule"]),
        file_name=file.file_name,
        row=1,
        observed=str(layout["observed"]).format(title=title, bytes=len(decoded.content)),
    )
    return refused(contract, [*decoded.violations, broken])
