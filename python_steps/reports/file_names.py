"""Where a workbook stands below the night's report folder.

Belongs here: the relative path of a household's workbook and its form as a link. Does not belong
here: the report folder itself, any writing. Ids are of the firm's making, so every character that a
file system or a link could misread is percent-encoded; different ids never share a path.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote

BOOK_FILE_NAME: Final = "book.xlsx"
# Brackets are encoded in ids, so no advisor can have this folder.
NO_ADVISOR_FOLDER: Final = "(no advisor)"


def household_workbook_path(advisor_id: str | None, household_id: str) -> PurePosixPath:
    """`<advisor>/<household_id>.xlsx`, relative to the night's report folder.

    Args:
        advisor_id: of the household; None or empty leads to a folder of its own.
        household_id: of the household.

    Raises:
        ValueError: the household_id is empty.
    """
    if not household_id:
        raise ValueError("household_id is empty: the workbook has no place")
    folder = _part(advisor_id) if advisor_id else NO_ADVISOR_FOLDER
    return PurePosixPath(folder, _part(household_id) + ".xlsx")


def link_target(path: PurePosixPath) -> str:
    """A relative path as the target of a link in a workbook beside it."""
    return quote(path.as_posix(), safe="/")


def _part(value: str) -> str:
    part = quote(value, safe=" +,=@&'")
    # "." and ".." mean folders, and Windows drops dots and spaces at the end of a name.
    return part.replace(".", "%2E") if part.strip(" .") != part else part
