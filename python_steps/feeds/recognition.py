"""Which feed a received file belongs to.

Belongs here: the match of file names and of content against the contracts. Does not belong here:
any reading beyond the first lines. A file is recognised by its content sign where its feed has
one, else by its name; the folder it lies in is judged afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from data_contracts.contract import FeedContract
from python_steps.feeds.received import ReceivedFile

_HEAD_BYTES = 8192


def recognise(file: ReceivedFile, contracts: Mapping[str, FeedContract]) -> str | None:
    """The name of the feed; None where no contract fits, or several do.

    Args:
        file: as received.
        contracts: by feed name.
    """
    fitting = fitting_feeds(file, contracts)
    return fitting[0] if len(fitting) == 1 else None


def fitting_feeds(file: ReceivedFile, contracts: Mapping[str, FeedContract]) -> list[str]:
    """Every feed that the file may be of, sorted.

    Content speaks before the name, a contract that accepts the file's custodian before one that
    does not, and one that names the custodian before one that takes any.
    """
    head = beginning(file)
    by_content = [
        name for name, contract in contracts.items() if re.search(contract.content_sign, head)
    ]
    by_name = [
        name
        for name, contract in contracts.items()
        if any(re.match(pattern, file.file_name.lower()) for pattern in contract.file_name_patterns)
    ]
    candidates = by_content or by_name
    accepting = [name for name in candidates if contracts[name].accepts_custodian(file.custodian)]
    naming = [name for name in accepting if file.custodian in contracts[name].custodians]
    return sorted(naming or accepting or candidates[:1])


def beginning(file: ReceivedFile) -> str:
    """The first lines as text, for recognition and messages only."""
    return searched_text(file.content[:_HEAD_BYTES])


def searched_text(part: bytes) -> str:
    """A part of a file as text, to search in; what cannot be decoded is no reason to stop."""
    if part.startswith((b"\xff\xfe", b"\xfe\xff")):
        return part[: len(part) // 2 * 2].decode("utf-16", errors="replace")
    return part.decode("utf-8-sig", errors="replace")
