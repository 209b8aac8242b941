"""The one border at which a workbook's English becomes the language of its reader.

Belongs here: catalogues (gettext, read with Babel), what of a text is translated and what is a
name, and the account of what no catalogue knows. Does not belong here: the English itself, which
stays what marts, planner and `texts` say; the look of a cell. A text that is not known stays
English and is counted: a workbook that an advisor can read is better than none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Final, NamedTuple

from python_steps.reports.sentence_patterns import (
    PatternIndex,
    SentencePattern,
    compiled,
    may_be_name,
)

SOURCE_LANGUAGE: Final = "en"
SIMPLIFIED_CHINESE: Final = "zh-Hans"
LANGUAGES: Final = (SOURCE_LANGUAGE, SIMPLIFIED_CHINESE)

# Columns of names and ids, which are the same in every language.
NAME_COLUMNS: Final = frozenset(
    {
        "account",
        "advisor",
        "custodian",
        "file_hash",
        "file_name",
        "group",
        "household",
        "household_id",
        "identity_group",
        "loss_account",
        "loss_security",
        "lot_id",
        "override_id",
        "replacement_account",
        "replacement_security",
        "security",
        "source_file",
        "tax_unit",
        "ticker",
        "trade_id",
        "unanswered_custodians",
        "workbook_path",
    }
)
# Columns of words and of names: what the catalogue does not know there is a name, a code or what
# a file holds.
MIXED_COLUMNS: Final = frozenset(
    {
        "asset_class",
        "attention_subject",
        "detail",
        "expected",
        "observed",
        "rule",
        "subject",
        "target_key",
        "value",
    }
)

_DOMAIN: Final = "evenkeel.po"
_WORD: Final = re.compile(r"[a-z]{2}")
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+(?=[\"“'(]?[A-Z0-9$▲▼])")
_LIST_JOINT: Final = re.compile(r"(, | and )")
_JOINTS: Final = ("; and ", "; ")
_CLAUSE_MARK: Final = re.compile(r"(; and |; |[()])")
_PLACE: Final = re.compile(r"\{(\w+)\}")
# Ideographs and the punctuation that goes with them.
_WIDE: Final = re.compile("[\u2e80-\u9fff\uff00-\uffef]")
_IDEOGRAPH: Final = re.compile("[\u4e00-\u9fff]")
_MOST_REMEMBERED: Final = 50_000
# Letters of its own that a message needs to stand around something that is not known.
_LEAST_FRAME: Final = 8


class Marks(NamedTuple):
    """What a language puts behind a sentence, between its clauses and between words in a row."""

    full_stop: str
    between_clauses: str
    between_words: str


MARKS: Final = {
    SOURCE_LANGUAGE: Marks(".", "; ", ", "),
    SIMPLIFIED_CHINESE: Marks("。", "；", "、"),
}


class Catalogue:
    """The messages of one language beside English."""

    def __init__(
        self, language: str, messages: Iterable[tuple[str | Sequence[str], str]], marks: Marks
    ) -> None:
        """Read messages.

        Args:
            language: its code, as `report_language` states it.
            messages: the English (singular and plural where there are both) and its translation.
            marks: of the language.
        """
        self.language = language
        self._marks = marks
        self._fixed: dict[str, str] = {}
        self._remembered: dict[str, str | None] = {}
        patterns: list[SentencePattern] = []
        for english, translation in messages:
            for form in (english,) if isinstance(english, str) else english:
                if "{" in form:
                    patterns.append(compiled(form, translation))
                else:
                    self._fixed[form] = translation
        self._patterns = PatternIndex(patterns)

    def translated(self, text: str) -> str | None:
        """The text in the catalogue's language; None where any of it is not known.

        A text without words (a ticker, an id, a number) is its own translation.
        """
        if text in self._remembered:
            return self._remembered[text]
        known = self._translated(text)
        if len(self._remembered) < _MOST_REMEMBERED:
            self._remembered[text] = known
        return known

    def as_far_as_known(self, text: str) -> tuple[str, list[str]]:
        """The text with its known parts translated, and the parts that are not known."""
        known = self.translated(text)
        if known is not None:
            return known, []
        sentences = _SENTENCE_END.split(text)
        if len(sentences) > 1:
            parts = [self.as_far_as_known(sentence) for sentence in sentences]
            said = [f"{words} " if unknown else words for words, unknown in parts]
            return "".join(said).strip(), [each for _, unknown in parts for each in unknown]
        for pattern, found in self._patterns.matches(text):
            if pattern.weight >= _LEAST_FRAME:
                return self._framed(pattern, found)
        return text, [text]

    def _framed(self, pattern: SentencePattern, found: re.Match[str]) -> tuple[str, list[str]]:
        values, unknown = {}, []
        for name, kind in pattern.kinds.items():
            said = self._value(kind, found.group(name))
            if said is None:
                said, missing = self.as_far_as_known(found.group(name))
                unknown += missing
            values[name] = said
        return _filled(pattern.translation, values), unknown

    def _translated(self, text: str) -> str | None:
        known = self._fixed.get(text)
        if known is None and not _WORD.search(text):
            known = text
        for reading in (self._of_pattern, self._of_sentences, self._of_list, self._of_other_end):
            if known is None:
                known = reading(text)
        if known is None and text[:1].isupper() and not text[1:2].isupper():
            known = self.translated(text[:1].lower() + text[1:])
        elif known is None:
            known = self._fixed.get(text[:1].upper() + text[1:])
        return known

    def _of_pattern(self, text: str) -> str | None:
        for pattern, found in self._patterns.matches(text):
            values: dict[str, str] = {}
            for name, kind in pattern.kinds.items():
                value = self._value(kind, found.group(name))
                if value is None:
                    break
                values[name] = value
            else:
                return _filled(pattern.translation, values)
        return None

    def _of_sentences(self, text: str) -> str | None:
        """The text cut behind its first sentence that is known, from the left."""
        for end in _SENTENCE_END.finditer(text):
            first = self.translated(text[: end.start()])
            rest = None if first is None else self.translated(text[end.end() :])
            if first is not None and rest is not None:
                return first + rest
        return None

    def _of_list(self, text: str) -> str | None:
        """Clauses in a row, or words in a row."""
        clauses = _clauses(text)
        if len(clauses) > 1:
            return self._all(clauses)
        words = [self._fixed.get(word) for word in text.split(", ")]
        known = [word for word in words if word is not None]
        return self._marks.between_words.join(known) if len(known) == len(words) > 1 else None

    def _of_other_end(self, text: str) -> str | None:
        """A sentence that is known without its full stop, or with one."""
        if text.endswith("."):
            stem = None if text.endswith("..") else self.translated(text[:-1])
            return None if stem is None else stem + self._marks.full_stop
        whole = self._fixed.get(f"{text}.") or self._of_pattern(f"{text}.")
        return None if whole is None else whole.removesuffix(self._marks.full_stop)

    def _value(self, kind: str, value: str) -> str | None:
        if kind == "name":
            return value if may_be_name(value) else None
        if kind == "date":
            return _date_words(date.fromisoformat(value), self.language)
        if kind == "clause":
            return self.translated(value)
        if kind == "term":
            return self.translated(value) or (value if may_be_name(value) else None)
        if kind == "open":
            return self.translated(value) or value
        if kind == "clauses":
            return self._all(_clauses(value))
        if kind in ("names", "terms", "parts"):
            return self._list(kind, value)
        return value

    def _list(self, kind: str, value: str) -> str | None:
        if kind == "names":
            parts = _LIST_JOINT.split(value)[::2]
            return _list_words(parts, self.language) if all(map(may_be_name, parts)) else None
        # A word of the list may itself hold an "and": the whole is looked up first.
        if value in self._fixed:
            return self._fixed[value]
        pieces = _LIST_JOINT.split(value)
        known = self._parts(pieces)
        if known is None and kind == "terms":
            known = [self.translated(piece) or piece for piece in pieces[::2]]
            if not all(map(may_be_name, pieces[::2])):
                return None
        return None if known is None else _list_words(known, self.language)

    def _parts(self, pieces: Sequence[str]) -> list[str] | None:
        """Known parts of a list and the joints between; a part may hold an "and" of its own."""
        if not pieces:
            return []
        for end in range(1, len(pieces) + 1, 2):
            first = self.translated("".join(pieces[:end]))
            rest = None if first is None else self._parts(pieces[end + 1 :])
            if first is not None and rest is not None:
                return [first, *rest]
        return None

    def _all(self, parts: Sequence[str]) -> str | None:
        words: list[str] = []
        for part in parts:
            known = self.translated(part)
            if known is None:
                return None
            words.append(known)
        return self._marks.between_clauses.join(words)


class Translator:
    """Translates the texts of one workbook and keeps what it did not know."""

    def __init__(self, language: str) -> None:
        """Take the catalogue of a language of `LANGUAGES`.

        Raises:
            ValueError: there is no catalogue of the language.
        """
        self.language = language
        self.unknown: dict[str, int] = {}
        self._said: set[str] = set()
        self._catalogue = None if language == SOURCE_LANGUAGE else catalogue(language)

    def translated(self, text: str) -> str:
        """The text in the language; sentences of it that are not known stay English.

        What the translator said itself is not translated again, though names in it be English.
        """
        if self._catalogue is None or text in self._said:
            return text
        said, unknown = self._catalogue.as_far_as_known(text)
        for each in unknown:
            stem = each.removesuffix(".")
            self.unknown[stem] = self.unknown.get(stem, 0) + 1
        self._said.add(said)
        return said

    def cell(self, column: str, text: str) -> str:
        """The text of a cell of a column: names stay, words are translated."""
        if self._catalogue is None or column in NAME_COLUMNS:
            return text
        if column in MIXED_COLUMNS and text not in self._said:
            return self._catalogue.translated(text) or text
        return self.translated(text)


@lru_cache(maxsize=len(LANGUAGES))
def catalogue(language: str) -> Catalogue:
    """The catalogue of a language beside English, read once per process.

    Raises:
        ValueError: the project has no catalogue of the language, or a message of it is not usable.
    """
    from babel.messages.pofile import read_po

    if language not in LANGUAGES or language == SOURCE_LANGUAGE:
        raise ValueError(f"there is no catalogue of the language {language!r}")
    place = files("python_steps.reports") / "locales" / language.replace("-", "_")
    with (place / "LC_MESSAGES" / _DOMAIN).open("rb") as stream:
        read = read_po(stream, locale=language.replace("-", "_"), abort_invalid=True)
    messages = []
    for message in read:
        if not message.id:
            continue
        said = message.string
        if not isinstance(said, str):
            said = said[0] if said else ""
        if not said or message.fuzzy:
            raise ValueError(f"the {language} catalogue does not translate {message.id!r}")
        messages.append((message.id, said))
    return Catalogue(language, messages, MARKS[language])


@lru_cache(maxsize=4096)
def _date_words(day: date, language: str) -> str:
    from babel.dates import format_date

    return format_date(day, format="long", locale=language.replace("-", "_"))


def _list_words(parts: Sequence[str], language: str) -> str:
    """Parts as a list of the language, such as "甲、乙和丙"."""
    from babel import Locale

    joints = Locale.parse(language.replace("-", "_")).list_patterns["standard"]
    text = parts[0]
    for place, part in enumerate(parts[1:], 2):
        joint = "2" if len(parts) == 2 else "end" if place == len(parts) else "middle"
        # "甲和乙", but "VTI 和 BND": the spaces go where wide letters meet.
        text = _filled(joints[joint].replace("和", " 和 "), {"0": text, "1": part})
    return text


def _clauses(text: str) -> list[str]:
    """The text cut at its semicolons; those inside brackets belong to a clause."""
    clauses, depth = [""], 0
    for piece in _CLAUSE_MARK.split(text):
        if piece in _JOINTS and depth == 0:
            clauses.append("")
            continue
        depth += (piece == "(") - (piece == ")")
        clauses[-1] += piece
    return clauses


def _filled(template: str, values: dict[str, str]) -> str:
    """The template with its places filled, wide and narrow letters kept apart by one space."""
    pieces = _PLACE.split(template)
    text = pieces[0]
    for index in range(1, len(pieces), 2):
        value = values[pieces[index]]
        text = _beside(_beside(text, value), pieces[index + 1])
    return text


def _beside(left: str, right: str) -> str:
    """Two pieces of text, a space between them where a wide letter meets a narrow one."""
    if not left or not right:
        return left + right
    ends, begins = left.rstrip(" "), right.lstrip(" ")
    if ends and begins and _WIDE.match(ends[-1]) and _WIDE.match(begins[0]):
        return ends + begins
    if _IDEOGRAPH.match(left[-1]) and _is_narrow(right[0]):
        return f"{left} {right}"
    if _IDEOGRAPH.match(right[0]) and (_is_narrow(left[-1]) or left[-1] == ")"):
        return f"{left} {right}"
    return left + right


def _is_narrow(letter: str) -> bool:
    return letter.isascii() and letter.isalpha()
