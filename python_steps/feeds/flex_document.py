"""A Flex XML document as statements and elements, parsed safely.

Belongs here: the safe parser, element lines, and the shape FlexStatement / section / row. Does not
belong here: what rows mean. Rules: no document type, no entities, a size limit; the parser is
defusedxml's, which refuses all three attacks that XML allows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from xml.sax import SAXException, SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.saxutils import quoteattr

STATEMENT = "FlexStatement"
STATEMENTS = "FlexStatements"


@dataclass(frozen=True)
class Element:
    """One element with its attributes and the physical line at which it begins.

    In a document with several rows on one line, `line` is the element's number in the document:
    each row has a number of its own, by which it is found again.
    """

    tag: str
    attributes: Mapping[str, str]
    line: int

    def text(self, only: Sequence[str] | None = None) -> str:
        """The element as received; of its attributes only those given, where some are given."""
        shown = (
            f" {name}={quoteattr(value)}"
            for name, value in self.attributes.items()
            if only is None or name in only
        )
        return f"<{self.tag}{''.join(shown)}/>"


@dataclass
class Statement:
    """One account's statement: its own attributes and the rows of each section."""

    element: Element
    sections: dict[str, list[Element]] = field(default_factory=dict)


@dataclass(frozen=True)
class FlexDoubt:
    """What is odd about a document that can be read: the rule, what was found, and the line."""

    rule: str
    observed: str
    line: int


@dataclass(frozen=True)
class FlexDocument:
    """All statements of a file, the number of them that it states, and what is odd about it."""

    statements: tuple[Statement, ...]
    stated_count: int | None
    doubts: tuple[FlexDoubt, ...] = ()


class FlexDocumentError(Exception):
    """The document cannot be read.

    Attributes:
        rule: which rule of the contract it breaks.
        line: physical line, None when it concerns the whole file.
    """

    def __init__(self, rule: str, observed: str, line: int | None = None) -> None:
        super().__init__(observed)
        self.rule = rule
        self.observed = observed
        self.line = line


def parse_document(content: bytes, *, maximum_bytes: int) -> FlexDocument:
    """Parse a Flex document.

    Args:
        content: the file as received.
        maximum_bytes: larger files are refused before parsing.

    Raises:
        FlexDocumentError: too large, unsafe, cut off or not well-formed.
    """
    from defusedxml.common import DefusedXmlException

    if len(content) > maximum_bytes:
        raise FlexDocumentError("file_size", f"{len(content)} bytes, limit {maximum_bytes}")
    try:
        handler = _handled(content, numbers_elements=False)
        if handler.rows_share_a_line():
            handler = _handled(content, numbers_elements=True)
    except DefusedXmlException as error:
        observed = "a declaration of a document type or of entities"
        raise FlexDocumentError("xml_safe", observed) from error
    except SAXParseException as error:
        raise _from_parse_error(error) from error
    except (SAXException, ValueError, LookupError) as error:
        # An unknown or lying encoding declaration comes as ValueError or LookupError.
        raise FlexDocumentError("xml_well_formed", f"XML that cannot be read ({error})") from error
    return FlexDocument(tuple(handler.statements), handler.stated_count)


def _handled(content: bytes, *, numbers_elements: bool) -> _Handler:
    from defusedxml.expatreader import DefusedExpatParser

    handler = _Handler(numbers_elements=numbers_elements)
    parser: Any = DefusedExpatParser(forbid_dtd=True)
    parser.setContentHandler(handler)
    parser.parse(BytesIO(content))
    return handler


_CUT = ("no element found", "unclosed token", "unclosed CDATA section", "partial character")


def _from_parse_error(error: SAXParseException) -> FlexDocumentError:
    message = error.getMessage()
    is_cut = any(message.startswith(words) for words in _CUT)
    rule = "file_complete" if is_cut else "xml_well_formed"
    found = "a document that ends before its end tag" if is_cut else f"XML with '{message}'"
    return FlexDocumentError(rule, found, error.getLineNumber())


class _Handler(ContentHandler):
    """Collects rows by depth: FlexStatement, then a section, then its rows."""

    def __init__(self, *, numbers_elements: bool) -> None:
        super().__init__()
        self.statements: list[Statement] = []
        self.stated_count: int | None = None
        self._numbers_elements = numbers_elements
        self._element_count = 0
        self._path: list[str] = []
        self._locator: Any = None

    def setDocumentLocator(self, locator: Any) -> None:  # noqa: N802 - the interface's name
        self._locator = locator

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802 - the interface's name
        self._element_count += 1
        line = self._element_count if self._numbers_elements else self._locator.getLineNumber()
        element = Element(name, dict(attrs.items()), int(line))
        if name == STATEMENTS:
            count = element.attributes.get("count", "")
            self.stated_count = int(count) if count.isdecimal() else None
        elif name == STATEMENT:
            self.statements.append(Statement(element))
        elif STATEMENT in self._path:
            self._add(element, self._path[self._path.index(STATEMENT) + 1 :])
        self._path.append(name)

    def _add(self, element: Element, above: list[str]) -> None:
        """A direct child of the statement is a section, itself a row where it has attributes."""
        sections = self.statements[-1].sections
        if not above:
            rows = sections.setdefault(element.tag, [])
            if element.attributes:
                rows.append(element)
        else:
            sections.setdefault(above[0], []).append(element)

    def rows_share_a_line(self) -> bool:
        """Whether two rows of the document begin on one line."""
        lines = [
            row.line
            for statement in self.statements
            for rows in statement.sections.values()
            for row in rows
        ]
        return len(set(lines)) < len(lines)

    def endElement(self, name: str) -> None:  # noqa: N802 - the interface's name
        self._path.pop()
