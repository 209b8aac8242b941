"""One demo book of three sessions, read back from its own files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from python_steps.demo_book.book import DEMO_SEED, DEMO_SESSION, demo_files

HOUSEHOLDS = 60
SESSIONS = (date(2026, 11, 17), date(2026, 11, 18), DEMO_SESSION)
STANDARD_FOLDERS = ("alpine", "summit", "harbor", "ridge", "mesa")

Row = dict[str, str]


class Book:
    """The files of a book by path, and their rows as text."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def rows(self, session: date, folder: str, entity: str) -> list[Row]:
        """The data rows of one CSV, without its last line; none where there is no file."""
        content = self.files.get(f"{session}/{folder}/{entity}.csv")
        if content is None:
            return []
        lines = content.decode().splitlines()
        assert lines[-1].startswith("#rows=")
        return list(csv.DictReader(io.StringIO("\n".join(lines[:-1]))))

    def standard_rows(self, session: date, entity: str) -> Iterator[Row]:
        """The rows of an entity of every custodian with a standard feed."""
        for folder in STANDARD_FOLDERS:
            yield from self.rows(session, folder, entity)

    def accounts_of(self, *household_ids: str) -> set[str]:
        """Account numbers of households, as the policy files name them."""
        settings = self.rows(DEMO_SESSION, "policy", "account_settings")
        return {one["account_number"] for one in settings if one["household_id"] in household_ids}


@pytest.fixture(scope="session")
def book() -> Book:
    return Book(dict(demo_files(households=HOUSEHOLDS, seed=DEMO_SEED, sessions=SESSIONS)))


def number(text: str) -> Decimal:
    """A number of a file; an empty cell is an error, never zero."""
    return Decimal(text)
