"""English sentences with values in them, recognised by the messages of a catalogue.

Belongs here: how a message with `{places}` becomes a pattern, what each kind of place may hold, and
the index that finds the few patterns worth trying. Does not belong here: any message, any language
(catalogues), when a text is translated (translation). A place is called by its kind, with a number
behind it where there are several (`{money2}`), or by a name of `PLACES`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

# A name of the firm's or the custodian's making: no sentence, no half of a bracket.
_NAME: Final = (
    r"(?:(?!: |; |\. [A-Z]| (?:is|are|was|were|has|have|which|that) |\$\d)"
    r"(?:[^()]|\((?:[^()]|\([^()]*\))*\)))+?"
)

# A file's name, or words that each begin as names do.
_LABEL_WORD: Final = r"(?:[^\sa-z:][^\s:]*|of|and|the|de|la|van|der|von)"
_ONE_SENTENCE: Final = r"(?:(?!\. [A-Z]).)+?"

# What a place of a kind holds. Kinds are read from the left, as little as the rest allows.
KINDS: Final[Mapping[str, str]] = {
    "money": r"-?\$[\d,]+(?:\.\d+)?",
    "percent": r"[+-]?[\d,]+(?:\.\d+)? ?%",
    "number": r"[+-]?[\d,]+(?:\.\d+)?",
    "date": r"\d{4}-\d\d-\d\d",
    # Shown as they are.
    "name": _NAME,
    "names": _NAME,
    "label": rf"(?:[^\s:]+|{_LABEL_WORD}(?: {_LABEL_WORD})*)",
    "code": r"[\w.:/'=|+-]+",
    "ticker": r"[A-Z0-9][\w.$/-]*(?: [A-Z0-9][\w.$/-]*)*",
    "raw": _ONE_SENTENCE,
    # Translated where the catalogue knows it, else a name: an asset class or a security.
    "term": _NAME,
    "terms": _NAME,
    # Words of the firm's or of a layout's contract: translated where they are known.
    "open": _ONE_SENTENCE,
    # Must be known to the catalogue, else the whole sentence is not.
    "clause": r".+?",
    "clauses": r".+?",
    "parts": _ONE_SENTENCE,
}

# Places of the workbooks' own texts, by what they hold.
PLACES: Final[Mapping[str, str]] = {
    "account": "name",
    "advisor": "name",
    "accounts": "clause",
    "action": "clause",
    "as_of_date": "date",
    "asset_class": "term",
    "cause": "clause",
    "causes": "clauses",
    "columns": "terms",
    "count": "number",
    "custodian": "name",
    "custodians": "names",
    "drift": "number",
    "file": "label",
    "files": "terms",
    "first": "clause",
    "group": "name",
    "household": "name",
    "household_id": "code",
    "households": "clause",
    "instruction": "clause",
    "language": "code",
    "lot": "name",
    "method": "name",
    "others": "number",
    "override": "name",
    "plan": "money",
    "planned_trade_date": "date",
    "planner": "term",
    "reason": "clause",
    "run_mode": "term",
    "security": "name",
    "sells": "number",
    "buys": "number",
    "sheltered": "number",
    "status": "clause",
    "taxable": "number",
    "tradable": "number",
    "trades": "money",
    "unit": "name",
    "version": "number",
}

# So many small words in a row are no name but a part of a sentence.
_NO_NAME: Final = re.compile(r"(?:\b[a-z']+ ){3}[a-z']+\b")
_PLACE: Final = re.compile(r"\{([a-z_]+?)(\d*)\}")


def may_be_name(text: str) -> bool:
    """Whether a text that is shown as it is could be a name."""
    return _NO_NAME.search(text) is None


class UnknownPlaceError(ValueError):
    """A message has a place of no known kind."""


class SentencePattern(NamedTuple):
    """One message: how its English is recognised, and what is said in its place."""

    expression: re.Pattern[str]
    kinds: Mapping[str, str]
    message: str
    translation: str
    needle: str
    weight: int


def places_of(message: str) -> dict[str, str]:
    """The places of a message with the kind of each.

    Raises:
        UnknownPlaceError: a place's name is neither a kind nor one of `PLACES`.
    """
    kinds = {}
    for found in _PLACE.finditer(message):
        word = found.group(1)
        kind = PLACES.get(word, word)
        if kind not in KINDS:
            raise UnknownPlaceError(f"{message!r} has the place {found.group(0)}")
        kinds[word + found.group(2)] = kind
    return kinds


def compiled(message: str, translation: str) -> SentencePattern:
    """The pattern of a message with places."""
    kinds = places_of(message)
    pieces = _PLACE.split(message)
    expression, literals = "", []
    seen: set[str] = set()
    for index in range(0, len(pieces), 3):
        expression += re.escape(pieces[index])
        literals.append(pieces[index])
        if index + 1 < len(pieces):
            name = pieces[index + 1] + pieces[index + 2]
            expression += f"(?P={name})" if name in seen else f"(?P<{name}>{KINDS[kinds[name]]})"
            seen.add(name)
    return SentencePattern(
        re.compile(expression, re.DOTALL),
        kinds,
        message,
        translation,
        max(literals, key=len),
        sum(len(literal) for literal in literals),
    )


class PatternIndex:
    """Patterns by the word they begin with; those that begin with a value by a part of theirs."""

    def __init__(self, patterns: Sequence[SentencePattern]) -> None:
        self._by_word: dict[str, list[SentencePattern]] = {}
        self._others: list[SentencePattern] = []
        # The pattern with the most words of its own is the most exact reading of a sentence.
        for pattern in sorted(patterns, key=lambda each: (-each.weight, each.message)):
            start = pattern.message.partition("{")[0]
            word, space, _ = start.partition(" ")
            if space and word:
                self._by_word.setdefault(word, []).append(pattern)
            else:
                self._others.append(pattern)

    def matches(self, text: str) -> Iterator[tuple[SentencePattern, re.Match[str]]]:
        """Readings of a text, the most exact first."""
        candidates = [
            pattern
            for patterns in (self._by_word.get(text.partition(" ")[0], ()), self._others)
            for pattern in patterns
            if pattern.needle in text
        ]
        for pattern in sorted(candidates, key=lambda each: -each.weight):
            found = pattern.expression.fullmatch(text)
            if found is not None:
                yield pattern, found
