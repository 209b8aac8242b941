"""What `evenkeel mapping check` shows: a check of a mapping as tables in the terminal or as JSON.

Belongs here: rendering only. Does not belong here: the check (`python_steps.feeds.mapping_check`)
and the command (`cli`). Texts come from files: nothing in them is markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from python_steps.feeds.mapping_check import FileCheck, MappingCheck, PreviewRow

_KINDS = {"str": "text", "Decimal": "number", "int": "number", "bool": "true/false"}
_COLOURS = {"block": "bold red", "warn": "yellow", "info": "dim"}


def mapping_as_json(check: MappingCheck) -> dict[str, Any]:
    """The whole check as plain values."""
    found = asdict(check)
    found["is_blocked"] = check.is_blocked
    for shown, file in zip(found["files"], check.files, strict=True):
        shown["is_blocked"] = file.is_blocked
        shown["violations"] = [violation._asdict() for violation in file.violations]
        for total, control in zip(shown["control_totals"], file.control_totals, strict=True):
            total["agrees"] = control.agrees
    return found


def show_mapping(console: Console, check: MappingCheck) -> None:
    """Print what the contract understood of each file, then what no file fills."""
    console.print(f"\n[bold]{escape(check.feed)}[/]  {escape(check.title)}")
    for file in check.files:
        _show_file(console, file)
    _show_absent(console, check)
    verdict = "[bold red]blocked[/]" if check.is_blocked else "[bold green]can be loaded[/]"
    console.print(f"\n{escape(check.feed)}: {verdict}")


def _show_absent(console: Console, check: MappingCheck) -> None:
    """What has consequences as a table, the rest by name only."""
    telling = [
        (one.entity, one.column or "(the whole entity)", one.consequence)
        for one in check.absent
        if one.consequence
    ]
    _show(console, "What these files leave empty", ("entity", "column", "what follows"), telling)
    for entity in dict.fromkeys(one.entity for one in check.absent if not one.consequence):
        names = [one.column for one in check.absent if one.entity == entity and not one.consequence]
        console.print(f"[dim]{escape(entity)}, empty too: {escape(', '.join(names))}[/]")


def _show_file(console: Console, file: FileCheck) -> None:
    console.print(f"\n[bold]{escape(file.file_name)}[/]")
    _show(console, "", ("what", "found"), _facts(file))
    totals = [
        (total.what, total.stated, total.found, "yes" if total.agrees else "NO")
        for total in file.control_totals
    ]
    _show(console, "Control totals", ("of", "stated", "found", "agree"), totals)
    bound = [(one.record, one.entity, one.column, one.source) for one in file.bound]
    _show(console, "Columns", ("record", "entity", "column", "from"), bound)
    for name in sorted({row.entity for row in file.first_rows}):
        _show_first_rows(console, name, [row for row in file.first_rows if row.entity == name])
    table = Table("severity", "row", "message", title="Violations", title_justify="left")
    for one in file.violations:
        row = "" if one.source_row_number is None else str(one.source_row_number)
        colour = _COLOURS[one.severity]
        table.add_row(f"[{colour}]{one.severity}[/]", row, escape(one.message))
    if file.violations:
        console.print(table)


def _facts(file: FileCheck) -> list[tuple[object, ...]]:
    stated = file.stated_as_of_date or "none"
    facts: list[tuple[object, ...]] = [
        ("recognised as", file.recognised_feed or "no feed"),
        ("kind of file", file.file_layout or "none"),
        ("as-of date", f"{stated}, by {file.as_of_source}" if file.as_of_source else stated),
        ("session", file.session_date or "none"),
        ("delivery", file.delivery_mode or "unknown"),
        ("accounts", file.accounts),
        ("lines by record", _counts(file.lines.items())),
        ("rows by entity", _counts(file.rows.items())),
        ("columns not mapped", ", ".join(file.unbound) or "none"),
        ("outcome", "refused" if file.status != "LOADED" else "loaded"),
    ]
    if file.covered_from_date:
        facts.insert(5, ("transactions from", file.covered_from_date))
    return facts


def _counts(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts) or "none"


def _show_first_rows(console: Console, entity: str, rows: Sequence[PreviewRow]) -> None:
    """Rows stand side by side: a row has more columns than a terminal has room for."""
    table = Table(title=f"First rows of {entity}", title_justify="left")
    table.add_column("column", overflow="fold")
    for row in rows:
        table.add_column(f"row {row.row}", overflow="fold")
    table.add_column("type")
    table.add_column("problem", style="red")
    for place, cell in enumerate(rows[0].cells):
        cells = [row.cells[place] for row in rows]
        found = {type(one.value).__name__ for one in cells if one.value is not None}
        kinds = sorted(_KINDS.get(kind, kind) for kind in found)
        problems = dict.fromkeys(one.problem for one in cells if one.problem)
        table.add_row(
            cell.column,
            *(escape(one.text) for one in cells),
            ", ".join(kinds),
            escape("; ".join(problems)),
        )
    console.print(table)


def _show(
    console: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    if not rows:
        return
    table = Table(*columns, title=title or None, title_justify="left", show_header=bool(title))
    for row in rows:
        table.add_row(*("" if value is None else escape(str(value)) for value in row))
    console.print(table)
