"""What Fidelity's exports have in common: header among blank lines, footer, dates, file names.

Belongs here: where the table of a download begins and ends, and its date. Does not belong here: the
rows of one export, and what a symbol names (`fidelity_securities`). Source of the rules: the
contracts `fidelity_*.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal

from data_contracts.contract import Entity, FeedContract
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.client_exports import (
    ExportWalk,
    RowReader,
    StatedDate,
    filled_records,
    unquoted,
    unquoted_text,
)
from python_steps.feeds.delimited import Record
from python_steps.feeds.headers import Binding, normalised
from python_steps.feeds.identifiers import is_account_reference
from python_steps.feeds.received import ROW_TEXT, FileReading, ReceivedFile
from python_steps.findings import Violation

_HEADER_WITHIN_LINES = 40
_FEWEST_NAMES_OF_A_HEADER = 3
_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_FOOTER_OPENINGS = (
    "the data and information in this spreadsheet",
    "brokerage services are provided by",
    "date downloaded",
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DOWNLOADED = re.compile(
    r"^date downloaded\s+(?:(?P<name>[a-z]{3})-(?P<named_day>\d{1,2})-(?P<named_year>\d{4})"
    r"|(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4}))(?![\d/-])"
    r"(?:,?\s+(?:at\s+)?(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::\d{2})?\s*(?P<half>[ap])\.?\s*m\b)?",
    re.IGNORECASE,
)
_NAMED_DATE = re.compile(
    r"(?<![a-z])(?P<name>[a-z]{3})-(?P<day>\d{1,2})-(?P<year>\d{4})(?!\d)", re.IGNORECASE
)
_NAME_ACCOUNT = re.compile(
    r"account[_ -](?P<account>[0-9a-z-]+?)(?:[ _]*\(\d+\))?\.[a-z]+$",
    re.IGNORECASE,
)
_CELL_DATE = re.compile(r"\s*\d{1,2}/\d{1,2}/(?:\d{2}|\d{4})\s*")


# The sheet


@dataclass(frozen=True)
class Sheet:
    """A download in its parts.

    Attributes:
        header: the line that names the columns.
        rows: the lines under it, up to the footer; blank and comma-padded ones are left out.
        footer: the disclaimers and the date, which end the data.
    """

    header: Record
    rows: list[Record]
    footer: list[Record]


def sheet_of(
    content: bytes, entity: Entity, contract: FeedContract, file: ReceivedFile
) -> tuple[Sheet | None, list[Violation]]:
    """Find the header by the names of required columns, and the footer by its first words.

    Args:
        content: UTF-8 with plain line ends.
        entity: whose required columns a header must name.
        contract: for its rules.
        file: as received, for messages.

    Returns:
        The sheet, None where there is no header; and what is wrong before, behind and between.
    """
    lines = filled_records(content)
    place = _header_place(lines, entity)
    if place is None:
        return None, [_no_header(lines, entity, contract, file)]
    violations = [_before_header(record, contract, file) for record in lines[:place]]
    rows: list[Record] = []
    footer: list[Record] = []
    for record in lines[place + 1 :]:
        if record.problem:
            violations.append(broken_quotes(record, contract, file))
        elif footer or is_footer(record):
            footer.append(record)
        else:
            rows.append(record)
    return Sheet(lines[place], rows, footer), violations


def words_of(record: Record) -> str:
    """The words of a line of prose; an unquoted one was split at its commas."""
    return ", ".join(cell.strip() for cell in record.cells if cell.strip())


def is_footer(record: Record) -> bool:
    """True for a line that opens Fidelity's disclaimers or states the date of the download."""
    return normalised(words_of(record)).startswith(_FOOTER_OPENINGS)


def broken_quotes(record: Record, contract: FeedContract, file: ReceivedFile) -> Violation:
    """A line that cannot be split into cells; what follows it is uncertain too."""
    return contract.violation(
        "ragged_row",
        file_name=file.file_name,
        row=record.line,
        observed=record.problem,
        scope="feed",
    )


def _header_place(lines: Sequence[Record], entity: Entity) -> int | None:
    """The line that names most required columns; every one of them where such a line exists."""
    counts = [
        _named_columns(record.cells, entity) if record.line <= _HEADER_WITHIN_LINES else 0
        for record in lines
    ]
    if not counts or max(counts) < _FEWEST_NAMES_OF_A_HEADER:
        return None
    return counts.index(max(counts))


def _named_columns(cells: Iterable[str], entity: Entity) -> int:
    names = {normalised(cell) for cell in cells}
    return sum(
        1
        for column in entity.columns
        if column.is_required
        and not names.isdisjoint(normalised(word) for word in (column.name, *column.aliases))
    )


def other_separator(record: Record, names: Collection[str]) -> str:
    """The sign that parts a line into at least three of these names; '' where none does."""
    for separator, words in _OTHER_SEPARATORS.items():
        cells = {normalised(cell.strip(" \"'")) for cell in record.text.split(separator)}
        if len(cells.intersection(names)) >= _FEWEST_NAMES_OF_A_HEADER:
            return words
    return ""


def _no_header(
    lines: Sequence[Record], entity: Entity, contract: FeedContract, file: ReceivedFile
) -> Violation:
    wanted = {
        normalised(word)
        for column in entity.columns
        if column.is_required
        for word in (column.name, *column.aliases)
    }
    for record in lines:
        separator = other_separator(record, wanted)
        if separator and record.line <= _HEADER_WITHIN_LINES:
            return contract.violation(
                "separator_is_comma",
                file_name=file.file_name,
                row=record.line,
                observed=f"column names parted by {separator}",
            )
    return contract.violation(
        "header_present",
        file_name=file.file_name,
        row=lines[0].line if lines else None,
        observed=f"a first line of {unquoted_text(lines[0].text)}"
        if lines
        else "no line with text",
    )


def _before_header(record: Record, contract: FeedContract, file: ReceivedFile) -> Violation:
    if record.problem:
        return broken_quotes(record, contract, file)
    is_title = sum(1 for cell in record.cells if cell.strip()) == 1
    return contract.violation(
        "section_understood",
        file_name=file.file_name,
        row=record.line,
        observed=f"{unquoted(record)}, before the header",
        severity="warn" if is_title else None,
    )


class SheetReader(ExportWalk):
    """What a reader of one export gathers while it walks over the rows of its sheet."""

    def __init__(
        self,
        file: ReceivedFile,
        contract: FeedContract,
        sheet: Sheet,
        violations: Sequence[Violation],
        entities: Sequence[str],
    ) -> None:
        super().__init__(file, contract)
        self.violations += violations
        self.sheet = sheet
        self.entities = entities
        self.reader = self.bind(sheet.header, entities) or _nothing_read(entities)
        self.is_readable = not self.has_bad_header
        for record in sheet.footer:
            is_row = is_account_reference(self.account_cell(record.cells))
            if is_row_behind_footer(record) or (is_row and len(record.cells) > 1):
                shape = f"{unquoted(record)}, behind the footer"
                self.broken("section_understood", shape, record)

    def fitting_rows(self) -> list[tuple[Record, list[str]]]:
        """The rows that have a cell for each column; the others become violations."""
        fitting: list[tuple[Record, list[str]]] = []
        ragged: list[Record] = []
        for record in self.sheet.rows:
            if not self._is_alone(record):
                self.row_count += 1
                cells = self.reader.fitted(record)
                if cells is None:
                    ragged.append(record)
                else:
                    fitting.append((record, cells))
        accounts = {self.account_cell(cells) for _, cells in fitting} - {""}
        for record in ragged:
            account = self.account_cell(record.cells)
            known = account if account in accounts else ""
            self.ragged(record, self.reader.width, account=known)
        return fitting

    def account_cell(self, cells: Sequence[str]) -> str:
        """The account that a row names itself, '' where the header has no such column."""
        return self.reader.texts(self.entities[0], cells).get("account_number", "").strip()

    def _is_alone(self, record: Record) -> bool:
        """A line with a single cell filled is no row; it is named, as nobody knows what it says."""
        if sum(1 for cell in record.cells if cell.strip()) > 1:
            return False
        self.broken("section_understood", f"{unquoted(record)}, among the rows", record)
        return True

    def reading(
        self, as_of: StatedDate, accounts: Iterable[str], *, later: Sequence[Violation] = ()
    ) -> FileReading:
        """The reading of the whole file."""
        self.as_of = as_of
        self.violations += [*as_of.violations, *later]
        return self.file_reading(accounts)


def _nothing_read(entities: Sequence[str]) -> RowReader:
    """In place of a header that cannot be read: no row has a cell under it."""
    nothing = Binding({}, 0, "", ())
    return RowReader(dict.fromkeys(entities, nothing), 0, ())


def is_row_behind_footer(record: Record) -> bool:
    """True for a line behind the disclaimers that holds a date or an amount: it is no prose."""
    return sum(1 for cell in record.cells if cell.strip()) > 1 and any(
        _CELL_DATE.fullmatch(cell) or parse_amount(cell) is not None for cell in record.cells
    )


def missing_footer(reader: SheetReader, rule: str) -> list[Violation]:
    """A file without the lines that end every download, by the rule that this breaks."""
    if reader.sheet.footer:
        return []
    last = reader.sheet.rows[-1] if reader.sheet.rows else reader.sheet.header
    return [
        reader.contract.violation(
            rule,
            file_name=reader.file.file_name,
            row=last.line,
            observed=f"an end on line {last.line}, with {unquoted(last)}",
        )
    ]


def identical_rows(reader: SheetReader, entity: str) -> list[Violation]:
    """Rows that are alike to the letter: kept apart, and named for those who know better."""
    seen: dict[str, list[int]] = {}
    for row in reader.collectors[entity].rows:
        seen.setdefault(str(row[ROW_TEXT]).strip(), []).append(int(row["source_row_number"]))
    return [
        reader.contract.violation(
            "identical_rows_kept",
            file_name=reader.file.file_name,
            entity=entity,
            row=lines[-1],
            observed=f"{len(lines)} rows alike, on lines {', '.join(map(str, lines))}",
        )
        for lines in seen.values()
        if len(lines) > 1
    ]


# Dates


@dataclass(frozen=True)
class Download:
    """When a file was downloaded, by its footer: Eastern time where an hour is given."""

    day: date
    hour: time | None
    record: Record


def download_of(footer: Sequence[Record]) -> Download | None:
    """The first date of download that the footer states and the calendar has."""
    for record in footer:
        match = _DOWNLOADED.match(words_of(record).strip("\"' "))
        if match is None:
            continue
        if match["name"]:
            day = _named_day(match["name"], match["named_day"], match["named_year"])
        else:
            day = calendar_day(match["year"], match["month"], match["day"])
        if day is not None:
            return Download(day, _hour(match), record)
    return None


def stated_date(
    download: Download | None,
    file: ReceivedFile,
    contract: FeedContract,
    footer: Sequence[Record] = (),
) -> StatedDate:
    """The date of the footer, else of the file name; the footer wins where they differ."""
    in_name = date_in_name(file.file_name) if "FILE_NAME" in contract.as_of_date_sources else None
    if download is not None:
        if in_name is None or in_name == download.day:
            return StatedDate(download.day.isoformat(), download.day, "FOOTER", ())
        contradiction = contract.violation(
            "as_of_dates_agree",
            file_name=file.file_name,
            row=download.record.line,
            observed=f"{in_name} in the file name",
            expected=f"{download.day}, as the footer says",
        )
        return StatedDate(download.day.isoformat(), download.day, "FOOTER", (contradiction,))
    if in_name is not None:
        return StatedDate(in_name.isoformat(), in_name, "FILE_NAME", ())
    if "LANDING_FOLDER" in contract.as_of_date_sources:
        return StatedDate(None, None, None, ())
    absent = contract.violation(
        "as_of_date_present",
        file_name=file.file_name,
        row=footer[-1].line if footer else None,
        observed="no date of download at the end and none in the file name",
    )
    return StatedDate(None, None, None, (absent,))


def date_in_name(file_name: str) -> date | None:
    """The date in a name such as `Portfolio_Positions_Feb-18-2026.csv`."""
    match = _NAMED_DATE.search(file_name)
    return _named_day(match["name"], match["day"], match["year"]) if match else None


def _named_day(name: str, day: str, year: str) -> date | None:
    if name.lower() not in _MONTHS:
        return None
    return calendar_day(year, str(_MONTHS.index(name.lower()) + 1), day)


def calendar_day(year: str, month: str, day: str) -> date | None:
    """The day of these digits, None where the calendar has none."""
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _hour(match: re.Match[str]) -> time | None:
    if not match["hour"] or not 1 <= int(match["hour"]) <= 12 or int(match["minute"]) > 59:
        return None
    afternoon = 12 if match["half"].lower() == "p" else 0
    return time(int(match["hour"]) % 12 + afternoon, int(match["minute"]))


def day_in_words(text: str) -> date | None:
    """`Dec-30-2025`, `03-20-26`, `01/30/26` or `01/30/2026`: spellings inside free text."""
    named = _NAMED_DATE.fullmatch(text.strip())
    if named:
        return _named_day(named["name"], named["day"], named["year"])
    parts = re.fullmatch(r"(\d{1,2})[-/](\d{1,2})[-/](\d{4}|\d{2})", text.strip())
    if parts is None:
        return None
    year = parts[3] if len(parts[3]) > 2 else f"20{parts[3]}"
    return calendar_day(year, parts[1], parts[2])


# Accounts and amounts


def account_in_name(file_name: str) -> str:
    """The account in `History_for_Account_X12345678.csv`, '' where there is none."""
    match = _NAME_ACCOUNT.search(file_name)
    return match["account"] if match and is_account_reference(match["account"]) else ""


def sum_of(texts: Sequence[str]) -> str:
    """The exact sum of cells; a single cell as received, or the first that is no amount."""
    if len(texts) == 1:
        return texts[0].strip()
    total = Decimal(0)
    for text in texts:
        amount = parse_amount(text)
        if amount is None:
            return text.strip()
        total += amount
    return format(total, "f")
