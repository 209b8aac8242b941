"""What is wrong with received data, as values.

Belongs here: the one record in which readers, contracts and rules report a violation. Does not
belong here: any rule itself, any raising of exceptions, any rendering for people.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Severity = Literal["block", "warn", "info"]
Scope = Literal["feed", "account", "position", "lot", "household"]


class Violation(NamedTuple):
    """One broken rule, with everything a person needs to mend it.

    `message` is a full sentence that names the file, the row, the rule and the value, and ends
    with what to do about it. `source_row_number` is the 1-based physical line, None for rules of a
    whole file.
    """

    rule: str
    severity: Severity
    scope: Scope
    message: str
    observed: str | None = None
    expected: str | None = None
    entity: str | None = None
    source_row_number: int | None = None
    account_number: str | None = None
    security_key: str | None = None
    lot_key: str | None = None
    household_id: str | None = None
    who_must_act: str = "operations"
