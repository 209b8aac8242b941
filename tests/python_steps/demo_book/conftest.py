"""One demo book of three sessions, read back from its own files and by their layout."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from python_steps.demo_book.book import DEMO_SEED, DEMO_SESSION, demo_files
from python_steps.feeds.reading import read_file
from python_steps.feeds.received import ROW_NUMBER, ROW_TEXT, ReceivedFile

HOUSEHOLDS = 60
SESSIONS = (date(2026, 11, 17), date(2026, 11, 18), DEMO_SESSION)
STANDARD_FOLDERS = ("alpine", "summit", "harbor", "ridge", "mesa", "harbor_trust")

Row = dict[str, str]


class Book:
    """The files of a book by path, and their rows as text."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self._mapped: dict[date, dict[str, list[Row]]] = {}

    def rows(self, session: date, folder: str, entity: str) -> list[Row]:
        """The data rows of one CSV, without its last line; none where there is no file."""
        if folder == "harbor_trust":
            if session not in self._mapped:
                self._mapped[session] = self._mapped_rows(session)
            return self._mapped[session].get(entity, [])
        content = self.files.get(f"{session}/{folder}/{entity}.csv")
        if content is None:
            return []
        lines = content.decode().splitlines()
        assert lines[-1].startswith("#rows=")
        return list(csv.DictReader(io.StringIO("\n".join(lines[:-1]))))

    def _mapped_rows(self, session: date) -> dict[str, list[Row]]:
        """What the layout makes of Harbor Trust's files, without cancelled transactions."""
        found: dict[str, list[Row]] = {}
        for path, content in self.files.items():
            day, folder, name = path.split("/")
            if (day, folder) == (session.isoformat(), "harbor_trust"):
                reading = read_file(ReceivedFile("HARBOR_TRUST", name, content), session)
                assert (reading.status, reading.violations) == ("LOADED", ()), path
                for entity, table in reading.tables.items():
                    found[entity] = table.drop_columns([ROW_NUMBER, ROW_TEXT]).to_pylist()
        transactions = found.get("transactions", [])
        gone = {row["reversal_of"] for row in transactions if row["is_cancel"] == "true"}
        found["transactions"] = [
            row
            for row in transactions
            if row["is_cancel"] == "false" and row["transaction_id"] not in gone
        ]
        return found

    def standard_rows(self, session: date, entity: str) -> Iterator[Row]:
        """The rows of an entity of every custodian with a standard feed, or mapped to it."""
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
