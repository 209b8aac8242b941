"""Bytes to text, and nothing else: byte order marks, encodings, line ends.

Belongs here: how received bytes become UTF-8 bytes with plain line ends. Does not belong here:
anything that knows columns. Source of the rules: custodians' files come in UTF-8 with and without
byte order mark, Windows-1252, and mixed line ends within one delivery.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from data_contracts.contract import FeedContract
from python_steps.feeds.received import ReceivedFile
from python_steps.findings import Violation

_UTF8_MARK = b"\xef\xbb\xbf"
# Control-Z, which old transfer programs put behind the last line.
_END_OF_FILE = b"\x1a"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# Searched, not stripped: stripping copies a file of any size.
_SOMETHING = re.compile(rb"[^\r\n\t \x00]")
_VISIBLE = re.compile(rb"\S")


@dataclass(frozen=True)
class Decoded:
    """UTF-8 bytes of a file, its lines ended by a line feed; None when it cannot be decoded."""

    content: bytes | None
    violations: tuple[Violation, ...]


def decode(file: ReceivedFile, contract: FeedContract) -> Decoded:
    """Turn a received file into UTF-8 with plain line ends.

    Args:
        file: as received.
        contract: for the rules file_not_empty, file_decodable, encoding_utf8.

    Returns:
        The content without byte order mark, or None with the violation that says why.
    """
    if not _SOMETHING.search(file.content):
        return _empty(file, contract)
    decoded = _decoded(file, contract)
    if decoded.content is not None and not _VISIBLE.search(decoded.content):
        return _empty(file, contract)
    return decoded


def _empty(file: ReceivedFile, contract: FeedContract) -> Decoded:
    found = f"an empty file ({len(file.content)} bytes)"
    broken = contract.violation("file_not_empty", file_name=file.file_name, observed=found)
    return Decoded(None, (broken,))


def _decoded(file: ReceivedFile, contract: FeedContract) -> Decoded:
    content = file.content
    if content.startswith(_UTF16_MARKS):
        return _from_utf16(file, contract)
    if content.startswith(_UTF8_MARK):
        content = content[len(_UTF8_MARK) :]
    if content.endswith(_END_OF_FILE):
        content = content.rstrip(_END_OF_FILE)
    if b"\x00" in content:
        return _undecodable(file, contract, content.index(b"\x00"), "a NUL byte")
    if content.isascii():
        return Decoded(_plain_line_ends(content), ())
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        return _from_windows_1252(file, contract, content, error)
    return Decoded(_plain_line_ends(content), ())


def _from_utf16(file: ReceivedFile, contract: FeedContract) -> Decoded:
    try:
        text = file.content.decode("utf-16")
    except UnicodeDecodeError as error:
        return _undecodable(file, contract, error.start, "half a UTF-16 character")
    if "\x00" in text:
        return _undecodable(file, contract, 0, "a NUL character")
    return Decoded(_plain_line_ends(text.encode("utf-8")), ())


def _from_windows_1252(
    file: ReceivedFile, contract: FeedContract, content: bytes, error: UnicodeDecodeError
) -> Decoded:
    line = content.count(b"\n", 0, error.start) + 1
    byte = content[error.start]
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError as second:
        return _undecodable(file, contract, second.start, f"byte 0x{content[second.start]:02X}")
    warning = contract.violation(
        "encoding_utf8",
        file_name=file.file_name,
        row=line,
        observed=f"byte 0x{byte:02X}, which is not UTF-8",
    )
    return Decoded(_plain_line_ends(text.encode("utf-8")), (warning,))


def _undecodable(file: ReceivedFile, contract: FeedContract, at: int, what: str) -> Decoded:
    line = file.content.count(b"\n", 0, at) + 1
    broken = contract.violation(
        "file_decodable", file_name=file.file_name, row=line, observed=f"{what} at byte {at + 1}"
    )
    return Decoded(None, (broken,))


def _plain_line_ends(content: bytes) -> bytes:
    """Line feeds only. A carriage return alone ends a line too (old spreadsheet exports)."""
    if b"\r" not in content:
        return content
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
