"""The step that brings the decisions of a session from the records into the warehouse.

Belongs here: which decisions are a session's, and their rows in ops.trade_decisions. Does not
belong here: reading workbooks (orchestration.decisions), which return stands (python_steps). A
decision belongs to the session on which its trades can be given: all that is decided until the
close is there before the night's files land, so a night run again finds the same.
"""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

from orchestration.decision_records import DecisionRecords, outcome_of
from orchestration.intake import replace_ops_rows
from orchestration.warehouse import Warehouse
from python_steps.decisions.standing import standing_states
from python_steps.sessions import close_of, previous_session


def load_decisions(warehouse: Warehouse, records: DecisionRecords, as_of_date: date) -> int:
    """Write the session's decisions to ops.trade_decisions; returns how many."""
    rows = session_decisions(records, as_of_date)
    with warehouse.open() as connection:
        replace_ops_rows(connection, "trade_decisions", rows, {"as_of_date": as_of_date})
    return len(rows)


def session_decisions(records: DecisionRecords, as_of_date: date) -> list[dict[str, Any]]:
    """Decisions made after the close before and until the close of a session, oldest first."""
    last = close_of(as_of_date)
    decided = records.decisions_between(close_of(previous_session(as_of_date)), last)
    states: dict[str, dict[int, str]] = {}
    for plan_id in sorted({row["plan_id"] for row in decided}):
        known = [one for one, _ in records.returns_of(plan_id) if one.decided_at < last]
        states[plan_id] = dict(standing_states([outcome_of(one) for one in known]))
    return [_row(row, as_of_date, states[row["plan_id"]][row["return_number"]]) for row in decided]


def _row(row: dict[str, Any], as_of_date: date, state: str) -> dict[str, Any]:
    trade = next(one for one in json.loads(row["trades"]) if one["trade_id"] == row["trade_id"])
    return {
        "as_of_date": as_of_date,
        "return_number": row["return_number"],
        "household_id": row["household_id"],
        "plan_id": row["plan_id"],
        "plan_as_of_date": row["plan_as_of_date"],
        "plan_version": row["plan_version"],
        "trade_id": row["trade_id"],
        "account_id": trade["account_id"],
        "action": trade["action"],
        "security_id": trade["security_id"],
        "proposed_quantity": Decimal(trade["quantity"]),
        "decision": row["decision"],
        "decided_quantity": row["quantity"],
        "return_state": state,
        "snooze_until_date": row["snooze_until_date"],
        "decision_note": row["note"] or None,
        "advisor_id": row["advisor_id"],
        "decided_at": row["decided_at"],
        "file_name": row["file_name"],
        "sha256": row["file_sha256"],
        "cell": row["cell"],
    }
