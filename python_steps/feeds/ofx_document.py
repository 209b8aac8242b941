"""An OFX document, SGML (version 1) or XML (version 2), as a tree of elements, read safely.

Belongs here: the header block, the character set, tags closed and unclosed, limits, and the line of
everything. Does not belong here: what elements mean. Rules: no document type, no entities but the
five of XML and numbered characters, limits of size and depth; a damaged document is refused with
its line, never mended by guessing.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

# Deeper nesting than this is no statement: the deepest element of the standard is at level 12.
_MOST_LEVELS = 32
_LONGEST_NAME = 64
_MARK = re.compile(r"<(?=[A-Za-z/!?])")
_TAG = re.compile(r"<(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9_.:-]*)(?P<rest>[^<>]*)>")
_ENTITY = re.compile(
    r"&(?:#(?P<decimal>[0-9]{1,7})|#[xX](?P<hex>[0-9a-fA-F]{1,6})|(?P<name>[a-z]+));"
)
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "nbsp": " "}
_HEADER_PAIR = re.compile(r"(?P<name>[A-Z]+):[ \t]*(?P<value>[^\s:<]*)")
_ATTRIBUTE = re.compile(
    r"(?P<name>[A-Za-z]+)\s*=\s*(?P<quote>[\"'])(?P<value>.*?)(?P=quote)", re.DOTALL
)


class OfxDocumentError(Exception):
    """The document cannot be read.

    Attributes:
        rule: which rule of the contract it breaks.
        observed: what was found.
        line: physical line, None when it concerns the whole file.
    """

    def __init__(self, rule: str, observed: str, line: int | None = None) -> None:
        super().__init__(observed)
        self.rule = rule
        self.observed = observed
        self.line = line


@dataclass
class Element:
    """One element: its text where it is a value, its children where it is an aggregate.

    `line` is the physical line at which it begins; in a document with several rows on one line, the
    element's number in the document: each row has a number of its own, by which it is found again.
    """

    tag: str
    line: int
    start: int
    end: int = 0
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, tag: str) -> list[Element]:
        """The children called `tag`, in order."""
        return [child for child in self.children if child.tag == tag]

    def first(self, *path: str) -> Element | None:
        """The first element at the end of a path of tags; None where there is none."""
        found = self
        for tag in path:
            inner = next((child for child in found.children if child.tag == tag), None)
            if inner is None:
                return None
            found = inner
        return found

    def value(self, *path: str) -> str | None:
        """The text of the element at the end of a path; None where there is no such element."""
        found = self.first(*path)
        return None if found is None else found.text

    def descendants(self, tag: str) -> Iterator[Element]:
        """Every element called `tag` below this one, in the order of the document."""
        for child in self.children:
            if child.tag == tag:
                yield child
            yield from child.descendants(tag)


@dataclass(frozen=True)
class OfxDocument:
    """A whole document: the pairs of its header, its root and its text."""

    header: Mapping[str, str]
    root: Element
    text: str

    def source(self, element: Element) -> str:
        """The element as received."""
        return self.text[element.start : element.end]


def declared_encoding(head: str) -> str:
    """The character set that a document's beginning declares; '' where it declares none."""
    header = _header(head)
    if "CHARSET" in header or "ENCODING" in header:
        charset, encoding = header.get("CHARSET", ""), header.get("ENCODING", "")
        return charset if charset.upper() not in ("", "NONE") else encoding
    found = re.search(r"<\?xml\b[^>]*\bencoding\s*=\s*[\"']([^\"']+)", head)
    return found.group(1) if found else ""


def parse_document(text: str, *, maximum_bytes: int, aggregates: Collection[str]) -> OfxDocument:
    """Parse a document.

    Args:
        text: decoded, its lines ended by line feeds.
        maximum_bytes: larger documents are refused before parsing.
        aggregates: tags that have children by the standard; one that is not closed is damage,
            whereas a value needs no end tag in version 1.

    Raises:
        OfxDocumentError: too large, unsafe, cut off or not well-formed.
    """
    if len(text) > maximum_bytes:
        raise OfxDocumentError("file_size", f"{len(text)} characters, limit {maximum_bytes}")
    begin = re.search(r"<OFX\s*>", text)
    if begin is None:
        rule = "file_complete" if "<OFX" not in text else "ofx_well_formed"
        raise OfxDocumentError(rule, "a document without the element OFX")
    head = text[: begin.start()]
    header = _header(head)
    _check_header(head, header)
    must_close = "<?OFX" in head
    root = _Builder(text, aggregates, must_close=must_close).build(begin.start())
    if _rows_share_a_line(root):
        numbering = _Builder(text, aggregates, must_close=must_close, numbers_elements=True)
        root = numbering.build(begin.start())
    return OfxDocument(header, root, text)


def _header(head: str) -> dict[str, str]:
    """The pairs of the header block (version 1) or of the OFX instruction (version 2)."""
    instruction = re.search(r"<\?OFX\b(?P<pairs>[^>]*)\?>", head)
    if instruction:
        found = _ATTRIBUTE.finditer(instruction["pairs"])
    else:
        found = _HEADER_PAIR.finditer(re.split(r"<OFX\b", head)[0])
    return {pair["name"].upper(): pair["value"] for pair in found}


def _check_header(head: str, header: Mapping[str, str]) -> None:
    if re.search(r"<!\s*(?:DOCTYPE|ENTITY)", head, re.IGNORECASE):
        raise OfxDocumentError("ofx_safe", "a document type or entity declaration", 1)
    for name, allowed in {
        "DATA": ("OFXSGML",),
        "COMPRESSION": ("NONE", ""),
        "SECURITY": ("NONE", ""),
    }.items():
        if header.get(name, allowed[0]).upper() not in allowed:
            raise OfxDocumentError("ofx_well_formed", f"the header {name}:{header[name]}", 1)


class _Builder:
    """Builds the tree from the tags of a document, left to right."""

    def __init__(
        self,
        text: str,
        aggregates: Collection[str],
        *,
        must_close: bool,
        numbers_elements: bool = False,
    ) -> None:
        self.text = text
        self.numbers_elements = numbers_elements
        self.element_count = 0
        self.aggregates = aggregates
        self.must_close = must_close
        self.line_starts = [0, *(found.end() for found in re.finditer("\n", text))]
        self.open: list[Element] = []

    def build(self, position: int) -> Element:
        """The root element; everything from `position` to the end must belong to it."""
        root: Element | None = None
        while root is None:
            mark = _MARK.search(self.text, position)
            self._characters(position, len(self.text) if mark is None else mark.start())
            if mark is None:
                raise OfxDocumentError(
                    "file_complete",
                    f"a document that ends inside the element {self.open[-1].tag}",
                    self._line(len(self.text)),
                )
            position, root = self._markup(mark.start())
        rest = self.text[position:].lstrip()
        if rest:
            shown = f"{len(rest.rstrip())} characters after the end of the document"
            raise self._malformed(shown, len(self.text) - len(rest))
        return root

    def _markup(self, position: int) -> tuple[int, Element | None]:
        """Take the tag, comment or character data at a position; the position behind it."""
        text = self.text
        if text.startswith("<!--", position):
            return self._behind("-->", position), None
        if text.startswith("<![CDATA[", position):
            end = self._behind("]]>", position)
            self._characters(position + len("<![CDATA["), end - len("]]>"), is_literal=True)
            return end, None
        if text.startswith("<!", position):
            raise OfxDocumentError(
                "ofx_safe",
                f"the declaration {text[position : position + 20]!r}",
                self._line(position),
            )
        if text.startswith("<?", position):
            return self._behind("?>", position), None
        tag = _TAG.match(text, position)
        if tag is None:
            if ">" not in text[position:]:
                raise OfxDocumentError(
                    "file_complete", "a document that ends inside a tag", self._line(position)
                )
            raise self._malformed(f"the tag {text[position : position + 30]!r}", position)
        if len(tag["name"]) > _LONGEST_NAME:
            raise self._malformed(f"a tag of {len(tag['name'])} characters", position)
        name = tag["name"].upper()
        if tag["end"]:
            return tag.end(), self._close(name, position, tag.end())
        self.element_count += 1
        line = self.element_count if self.numbers_elements else self._line(position)
        self._open(Element(name, line, position, tag.end()))
        if tag["rest"].endswith("/"):
            return tag.end(), self._close(name, position, tag.end())
        return tag.end(), None

    def _behind(self, mark: str, position: int) -> int:
        end = self.text.find(mark, position)
        if end < 0:
            raise OfxDocumentError(
                "file_complete", f"a document without the {mark!r} it needs", self._line(position)
            )
        return end + len(mark)

    def _characters(self, start: int, end: int, *, is_literal: bool = False) -> None:
        """Text between tags: the value of the element that has just been opened."""
        text = self.text[start:end]
        if not text.strip() and not is_literal:
            return
        if not self.open or self.open[-1].children or self.open[-1].tag in self.aggregates:
            where = self.open[-1].tag if self.open else "the document"
            # The text is not quoted: it may be a name or a number of a person.
            shown = f"{len(text.strip())} characters of text directly in {where}"
            raise self._malformed(shown, start)
        value = self.open[-1]
        if not value.text:
            value.text = (text if is_literal else _decoded(text)).strip()
        else:
            value.text += text if is_literal else _decoded(text).rstrip()
        value.end = end

    def _open(self, element: Element) -> None:
        """A new tag ends the value before it, which in version 1 needs no end tag of its own."""
        if self.open and self.open[-1].text:
            self._end_value(self.open.pop())
        if len(self.open) >= _MOST_LEVELS:
            raise OfxDocumentError(
                "ofx_safe", f"{_MOST_LEVELS} elements in each other", self._line(element.start)
            )
        if not self.open and element.tag != "OFX":
            raise self._malformed(f"the element {element.tag} outside OFX", element.start)
        if self.open:
            self.open[-1].children.append(element)
        self.open.append(element)

    def _end_value(self, value: Element) -> None:
        if self.must_close:
            raise self._malformed(f"the element {value.tag} without its end tag", value.start)

    def _close(self, name: str, position: int, end: int) -> Element | None:
        """An end tag; elements inside it that are still open are values without a text."""
        if name not in (element.tag for element in self.open):
            raise self._malformed(f"the end tag {name} of an element that is not open", position)
        while self.open[-1].tag != name:
            self._unclosed(self.open.pop())
        element = self.open.pop()
        element.end = end
        return element if not self.open else None

    def _unclosed(self, element: Element) -> None:
        """What seemed to lie inside an empty value without end tag stands beside it."""
        if self.must_close or element.tag in self.aggregates or not self.open:
            raise self._malformed(f"the element {element.tag} without its end tag", element.start)
        self.open[-1].children += element.children
        element.children = []

    def _line(self, position: int) -> int:
        return bisect_right(self.line_starts, position)

    def _malformed(self, observed: str, position: int) -> OfxDocumentError:
        return OfxDocumentError("ofx_well_formed", observed, self._line(position))


def _rows_share_a_line(element: Element) -> bool:
    """Whether two aggregates of a list, or two of one kind beside each other, begin on one line."""
    rows = [child for child in element.children if child.children]
    is_list = element.tag.endswith("LIST")
    places = [(child.line, "" if is_list else child.tag) for child in rows]
    return len(set(places)) < len(places) or any(map(_rows_share_a_line, rows))


def _decoded(text: str) -> str:
    """Text with the five entities of XML and numbered characters put in; others stay."""
    if "&" not in text:
        return text

    def one(found: re.Match[str]) -> str:
        if found["name"]:
            return _NAMED.get(found["name"], found[0])
        code = int(found["decimal"]) if found["decimal"] else int(found["hex"], 16)
        is_plain = code in (9, 10) or 32 <= code <= 0xD7FF or 0xE000 <= code <= 0x10FFFF
        return chr(code) if is_plain else found[0]

    return _ENTITY.sub(one, text)
