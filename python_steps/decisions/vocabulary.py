"""The words of a decision and the headers of its columns, in every language of the workbooks.

Belongs here: looking both up without regard to case and white space. Does not belong here: the
words themselves (the catalogues of `reports.texts`).
"""

from __future__ import annotations

from functools import lru_cache

from python_steps.decisions.stamp import DECISIONS
from python_steps.reports import layout
from python_steps.reports.texts import Texts
from python_steps.reports.translation import LANGUAGES

TRADE_COLUMNS = tuple(column.key for column in layout.TRADES.columns)
LOT_COLUMNS = tuple(column.key for column in layout.TRADE_LOTS.columns)


def plain(text: object) -> str:
    """A text as it is compared: one space between words, no case."""
    return " ".join(str(text).split()).casefold()


@lru_cache(maxsize=1)
def languages() -> tuple[Texts, ...]:
    """The texts of every language, the one of the catalogue's ids first."""
    return tuple(Texts(language) for language in LANGUAGES)


@lru_cache(maxsize=1)
def decision_words() -> dict[str, str]:
    """Each word that decides, as people may write it, and the decision."""
    return {
        plain(texts.text(f"decision.{decision}")): decision
        for decision in DECISIONS
        for texts in languages()
    }


@lru_cache(maxsize=2)
def header_words(columns: tuple[str, ...]) -> dict[str, str]:
    """The header texts of a table's columns in every language, and the columns."""
    return {
        plain(texts.text(f"column.{column}")): column for column in columns for texts in languages()
    }


def missing_words() -> set[str]:
    """How a value that is not known is shown."""
    return {plain(texts.text("missing")) for texts in languages()}
