"""A Flex document in text format, with header and trailer records, as statements and elements.

Belongs here: the records BOF, BOA, BOS, EOS, EOA and EOF, their counts and sums, and the XML name
of each section and column, so that one reader serves both formats. Does not belong here: what rows
mean. Source of the rules: IBKR's Flex Query reference (delivery configuration, header and trailer
records). A text export without these records has no dates, ends and counts: it is refused.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.flex_document import (
    STATEMENT,
    Element,
    FlexDocument,
    FlexDocumentError,
    FlexDoubt,
    Statement,
)
from python_steps.feeds.headers import normalised

_MARKS = ("BOF", "BOA", "BOS", "EOS", "EOA", "EOF", "HEADER", "DATA")
_FIRST_RECORD = re.compile(r'^\s*"?BOF"?(?P<delimiter>[,|\t;])')
# The column whose sum a section's trailer states; of other sections it states 0.
_SUMMED = {"OpenPositions": "positionValue", "Trades": "netTradeMoney"}
_ROUNDING = Decimal("0.01")
_COUNT_DIGITS = 3
_ROW_TAGS = {
    "AccountInformation": "AccountInformation",
    "OpenPositions": "OpenPosition",
    "CashReport": "CashReportCurrency",
    "SecuritiesInfo": "SecurityInfo",
}


@dataclass(frozen=True)
class CsvNames:
    """How sections and columns of the text format are called in XML.

    Attributes:
        sections: title of a section in lower case, as far as its first semicolon, to its XML name.
        columns: column in lower case letters and digits to the attribute.
    """

    sections: Mapping[str, str]
    columns: Mapping[str, str]

    def section(self, code: str, title: str) -> str:
        """The XML name of a section, or its title where it is not known."""
        name = self.sections.get(normalised(title))
        return name or self.sections.get(normalised(code)) or title.strip() or code

    def attribute(self, section: str, column: str) -> str:
        """The XML attribute of a column, or the column itself where it is not known.

        A name that means another attribute in one section stands as `Section/column`.
        """
        own = self.columns.get(f"{section}/{letters(column)}")
        return own or self.columns.get(letters(column), column.strip())


def letters(name: str) -> str:
    """A column's name without case, blanks and strokes: `Buy/Sell` and `buySell` are one."""
    return "".join(character for character in name.lower() if character.isalnum())


@dataclass(frozen=True)
class _Record:
    mark: str
    cells: list[str]
    line: int


@dataclass
class _Section:
    code: str
    name: str
    line: int
    columns: list[str] | None = None
    rows: list[Element] = field(default_factory=list)


def parse_csv_document(text: str, names: CsvNames, *, maximum_bytes: int) -> FlexDocument:
    """Parse a Flex document in text format.

    Args:
        text: the file, decoded.
        names: of sections and columns.
        maximum_bytes: larger files are refused before parsing.

    Raises:
        FlexDocumentError: too large, without header records, cut off, or with a count or sum that
            does not agree with its rows.
    """
    if len(text) > maximum_bytes:
        raise FlexDocumentError("file_size", f"{len(text)} characters, limit {maximum_bytes}")
    first = _FIRST_RECORD.match(text)
    if first is None:
        raise FlexDocumentError("records_nested", "a text export without the record BOF", 1)
    walk = _Walk(names)
    for record in _records(text, first["delimiter"]):
        walk.record(record)
    return walk.document()


def _records(text: str, delimiter: str) -> Iterator[_Record]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise FlexDocumentError("ragged_row", f"broken quotes ({error})", line) from error
        if not any(cell.strip() for cell in cells):
            continue
        yield _marked([cell.strip() for cell in cells], line)


def _marked(cells: list[str], line: int) -> _Record:
    """The descriptor stands first, or behind the section code; rows may have none."""
    if cells[0] in _MARKS:
        return _Record(cells[0], cells[1:], line)
    if len(cells) > 1 and cells[1] in ("BOS", "EOS", "HEADER", "DATA"):
        return _Record(cells[1], [cells[0], *cells[2:]], line)
    return _Record("", cells, line)


class _Walk:
    """The nesting of records: file, account, section, rows."""

    def __init__(self, names: CsvNames) -> None:
        self.names = names
        self.statements: list[Statement] = []
        self.period: dict[str, str] | None = None
        self.stated_sections: int | None = None
        self.account: str | None = None
        self.section: _Section | None = None
        self.section_count = 0
        self.has_ended = True
        self.doubts: list[FlexDoubt] = []

    def record(self, record: _Record) -> None:
        """One record, in its place."""
        handlers = {
            "BOF": self._begin_file,
            "BOA": self._begin_account,
            "BOS": self._begin_section,
            "EOS": self._end_section,
            "EOA": self._end_account,
            "EOF": self._end_file,
        }
        if record.mark in handlers:
            handlers[record.mark](record)
        else:
            self._row(record)

    def _begin_file(self, record: _Record) -> None:
        self._expect(self.has_ended, "BOF before the EOF of what went before", record)
        cells = record.cells
        # A query name stands between the account and the number of sections in newer files.
        counted = 1 if len(cells) > 1 and _is_count(cells[1]) else 2
        self._expect(len(cells) >= counted + 3, "a record BOF without its dates", record)
        self.stated_sections = int(cells[counted]) if _is_count(cells[counted]) else None
        self.account = cells[0]
        self.period = {
            "accountId": cells[0],
            "fromDate": cells[counted + 1],
            "toDate": cells[counted + 2],
            "whenGenerated": cells[counted + 3] if len(cells) > counted + 3 else "",
        }
        self.has_ended = False
        self.section_count = 0

    def _begin_account(self, record: _Record) -> None:
        self._expect(bool(record.cells), "a record BOA without an account", record)
        self._expect(self.section is None, "BOA inside a section", record)
        self._open_statement(record.cells[0], record)

    def _open_statement(self, account: str, record: _Record) -> None:
        if self.period is None or self.has_ended:
            raise FlexDocumentError("records_nested", "a section outside BOF and EOF", record.line)
        self.account = account
        attributes = {**self.period, "accountId": account}
        self.statements.append(Statement(Element(STATEMENT, attributes, record.line)))

    def _begin_section(self, record: _Record) -> None:
        self._expect(self.section is None, "BOS inside a section", record)
        self._expect(bool(record.cells), "a record BOS without a section", record)
        self._expect(not self.has_ended, "a section outside BOF and EOF", record)
        last = self.statements[-1].element.attributes["accountId"] if self.statements else None
        if last != self.account:
            self._open_statement(self.account or "", record)
        code = record.cells[0]
        title = record.cells[1] if len(record.cells) > 1 else ""
        name = self.names.section(code, title)
        self.section = _Section(code, name, record.line)
        self.section_count += 1

    def _row(self, record: _Record) -> None:
        section = self.section
        if section is None:
            raise FlexDocumentError("records_nested", "a row outside any section", record.line)
        cells = record.cells[1:] if record.mark else record.cells
        if section.columns is None or record.mark == "HEADER":
            section.columns = self._columns(cells, record)
            return
        if len(cells) != len(section.columns):
            raise FlexDocumentError(
                "ragged_row",
                f"{len(cells)} cells under {len(section.columns)} columns of {section.name}",
                record.line,
            )
        attributes = dict(zip(section.columns, cells, strict=True))
        section.rows.append(Element(_row_tag(section.name, attributes), attributes, record.line))

    def _columns(self, cells: Sequence[str], record: _Record) -> list[str]:
        name = self.section.name if self.section else ""
        columns = [self.names.attribute(name, cell) for cell in cells]
        twice = [name for name in columns if columns.count(name) > 1]
        if twice:
            raise FlexDocumentError("duplicate_column", f"column {twice[0]!r} twice", record.line)
        return columns

    def _end_section(self, record: _Record) -> None:
        section = self.section
        if section is None or not record.cells or record.cells[0] != section.code:
            raise FlexDocumentError(
                "records_nested", f"EOS of {record.cells[:1]} out of place", record.line
            )
        stated = record.cells[1] if len(record.cells) > 1 else ""
        if not _is_number(stated) or int(stated) != len(section.rows):
            raise FlexDocumentError(
                "control_count",
                f"{len(section.rows)} rows in section {section.name}, stated are {stated!r}",
                record.line,
            )
        self._check_sum(section, record)
        self.statements[-1].sections.setdefault(section.name, []).extend(section.rows)
        self.section = None

    def _check_sum(self, section: _Section, record: _Record) -> None:
        """The amount of the trailer against the rows, of one level of detail or of all."""
        stated = parse_amount(record.cells[2]) if len(record.cells) > 2 else None
        if stated is None or section.name not in _SUMMED:
            return
        column = _SUMMED[section.name]
        if section.columns is None or column not in section.columns:
            if stated:
                self.doubts.append(
                    FlexDoubt(
                        "control_amount_unchecked",
                        f"an amount of {stated} in the trailer of section {section.name}, which "
                        f"has no column {column}",
                        record.line,
                    )
                )
            return
        sums = [_sum(rows, column) for rows in _by_level(section.rows)]
        tolerance = _ROUNDING * max(len(section.rows), 1)
        if not any(abs(total - stated) <= tolerance for total in sums):
            raise FlexDocumentError(
                "control_amount",
                f"{sums[0]}, the sum of {column} in section {section.name}; its trailer states "
                f"{stated}",
                record.line,
            )

    def _end_account(self, record: _Record) -> None:
        self._expect(self.section is None, "EOA inside a section", record)
        self._expect(record.cells[:1] == [self.account], "EOA of another account", record)

    def _end_file(self, record: _Record) -> None:
        self._expect(self.section is None, "EOF inside a section", record)
        self._expect(not self.has_ended, "EOF without BOF", record)
        stated, found = self.stated_sections, self.section_count
        # In files of several accounts the number is not of one account's sections.
        if stated is not None and len(self.statements) == 1 and stated != found:
            self.doubts.append(
                FlexDoubt("sections_counted", f"{found} sections, BOF states {stated}", record.line)
            )
        self.has_ended = True

    def _expect(self, holds: bool, otherwise: str, record: _Record) -> None:
        if not holds:
            raise FlexDocumentError("records_nested", otherwise, record.line)

    def document(self) -> FlexDocument:
        """All statements, once the file has its end."""
        if self.section is not None or not self.has_ended:
            raise FlexDocumentError("file_complete", "an end without the record EOF")
        return FlexDocument(tuple(self.statements), None, tuple(self.doubts))


def _by_level(rows: Sequence[Element]) -> list[list[Element]]:
    """All rows, and the rows of each level of detail."""
    levels = sorted({row.attributes.get("levelOfDetail", "") for row in rows})
    single = [
        [row for row in rows if row.attributes.get("levelOfDetail", "") == level]
        for level in levels
    ]
    return [list(rows), *single]


def _sum(rows: Sequence[Element], column: str) -> Decimal:
    amounts = (parse_amount(row.attributes[column]) for row in rows)
    return sum((amount for amount in amounts if amount is not None), Decimal(0))


def _row_tag(section: str, attributes: Mapping[str, str]) -> str:
    """The XML element that such a row is."""
    if section == "Trades":
        level = attributes.get("levelOfDetail", "").upper()
        return {"CLOSED_LOT": "Lot", "WASH_SALE": "WashSale"}.get(level, "Trade")
    return _ROW_TAGS.get(section) or section.removesuffix("s")


def _is_count(text: str) -> bool:
    """A number of sections, which no date can be taken for."""
    return _is_number(text) and len(text) <= _COUNT_DIGITS


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()
