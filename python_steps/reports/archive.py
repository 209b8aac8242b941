"""A zip archive whose bytes depend on its content only.

Belongs here: the records of the zip format (PKWARE APPNOTE 6.3, sections 4.3.7, 4.3.12, 4.3.16),
with one fixed time, and parts that are compressed once and stored in many archives. Does not belong
here: what the parts hold. Python's zipfile can not store a part that is compressed already.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import Final, NamedTuple

COMPRESSION_LEVEL: Final = 4

_LOCAL: Final = struct.Struct("<4s5H3I2H")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_END: Final = struct.Struct("<4s4H2IH")
_VERSION: Final = 20  # 2.0: deflate
_DEFLATED: Final = 8
_FIRST_TIME: Final = 0
_FIRST_DAY: Final = 0x21  # 1980-01-01, the first day that zip knows
_LARGEST: Final = 0xFFFFFFFF
_MOST_PARTS: Final = 0xFFFF
# zlib's header and checksum stand around what zip stores.
_ZLIB_HEADER: Final = 2
_ZLIB_CHECKSUM: Final = 4


class Part(NamedTuple):
    """One file of the archive, compressed."""

    name: bytes
    checksum: int
    size: int
    deflated: bytes


def part(name: str, content: bytes) -> Part:
    """Compress one file.

    Args:
        name: its path in the archive; ASCII, as the parts of a workbook are.
        content: its bytes.
    """
    compressed = zlib.compress(content, COMPRESSION_LEVEL)
    return Part(
        name.encode("ascii"),
        zlib.crc32(content),
        len(content),
        compressed[_ZLIB_HEADER:-_ZLIB_CHECKSUM],
    )


def archive_bytes(parts: Iterable[Part]) -> bytes:
    """The archive of parts, in their order.

    Raises:
        ValueError: there are more parts, or more bytes, than a plain zip archive can hold.
    """
    pieces: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for name, checksum, size, deflated in parts:
        described = (
            *(_VERSION, 0, _DEFLATED, _FIRST_TIME, _FIRST_DAY),
            *(checksum, len(deflated), size, len(name), 0),
        )
        directory.append(
            _CENTRAL.pack(b"PK\x01\x02", _VERSION, *described, 0, 0, 0, 0, offset) + name
        )
        local = _LOCAL.pack(b"PK\x03\x04", *described)
        pieces += (local, name, deflated)
        offset += len(local) + len(name) + len(deflated)
        if size > _LARGEST or offset > _LARGEST or len(directory) > _MOST_PARTS:
            raise ValueError("the workbook is larger than a zip archive can hold")
    listed = b"".join(directory)
    count = len(directory)
    end = _END.pack(b"PK\x05\x06", 0, 0, count, count, len(listed), offset, 0)
    return b"".join((*pieces, listed, end))
