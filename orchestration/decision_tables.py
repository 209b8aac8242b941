"""What became of a returned workbook, for people at a terminal or reading an answer file.

Belongs here: words and layout. Does not belong here: any verdict (python_steps.decisions).
"""

from __future__ import annotations

from decimal import Decimal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestration.decisions import DecidedFile
from python_steps.decisions.plan_facts import TradeDecision


def show_decided(console: Console, decided: DecidedFile) -> None:
    """Print what a file decides, or why it is not taken."""
    for line in headline(decided):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if decided.refusals:
        for number, refusal in enumerate(decided.refusals, 1):
            console.print(
                f"{number}. {refusal.sentence()}", highlight=False, markup=False, soft_wrap=True
            )
        return
    if decided.decisions:
        table = Table()
        for column in ("cell", "trade", "decision", "shares", "snooze until", "note"):
            table.add_column(column)
        for decision in decided.decisions:
            table.add_row(*(Text(text) for text in _cells(decision)))
        console.print(table)


def answer_text(decided: DecidedFile) -> str:
    """The same as plain text, for the file that is laid beside a returned workbook."""
    lines = list(headline(decided))
    lines += [f"{i}. {refusal.sentence()}" for i, refusal in enumerate(decided.refusals, 1)]
    if not decided.refusals:
        lines += ["; ".join(text for text in _cells(one) if text) for one in decided.decisions]
    return "\n".join(lines) + "\n"


def headline(decided: DecidedFile) -> list[str]:
    """What became of the file, in sentences."""
    if decided.refusals:
        count = len(decided.refusals)
        reasons = "1 reason" if count == 1 else f"{count} reasons"
        words = f"{decided.file_name} is refused, nothing of it is taken; {reasons}:"
        return [words]
    plan = f"plan {decided.plan_id} of {decided.household_id}"
    notices = [f"note: {notice}" for notice in decided.notices]
    if not decided.is_new:
        said = f"{decided.file_name} was recorded before for {plan}; nothing is added"
        return [said, *notices]
    count = len(decided.decisions)
    decisions = "1 decision" if count == 1 else f"{count} decisions"
    return [f"{decided.file_name}: {decisions} recorded for {plan}", *notices]


def _cells(decision: TradeDecision) -> tuple[str, ...]:
    until = decision.snooze_until_date
    return (
        decision.cell,
        decision.trade_id,
        decision.decision,
        _shares(decision.quantity),
        "" if until is None else until.isoformat(),
        decision.note,
    )


def _shares(quantity: Decimal) -> str:
    return f"{quantity.normalize():,f}" if quantity else "0"
