"""A place in a contract's YAML that reads typed fields and names itself in every error.

Belongs here: the typed reading of one YAML value, whatever it means, and the error it raises. Does
not belong here: the shape of contracts (`contract.py`) and of layouts (`layout.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any


class ContractError(ValueError):
    """A contract is malformed; the message names the file, the field and what is allowed."""


class Node:
    """One YAML value with its path; remembers which of its fields were read."""

    def __init__(self, value: Any, file_name: str, path: str) -> None:
        self.value = value
        self.file_name = file_name
        self.path = path
        self.read: set[str] = set()

    def error(self, name: str, problem: str) -> ContractError:
        """The error to raise about a field of this place; '' speaks of the place itself."""
        place = ".".join(part for part in (self.path, name) if part)
        return ContractError(f"{self.file_name}: {place}: {problem}")

    def has(self, name: str) -> bool:
        """True when the field is given."""
        return isinstance(self.value, dict) and name in self.value

    def _get(self, name: str) -> Any:
        if not isinstance(self.value, dict):
            raise self.error("", "must be a mapping of fields")
        self.read.add(name)
        if name not in self.value:
            raise self.error(name, "is missing")
        return self.value[name]

    def _at(self, name: str) -> str:
        return ".".join(part for part in (self.path, name) if part)

    def child(self, name: str) -> Node:
        """The place of a field that must be given."""
        return Node(self._get(name), self.file_name, self._at(name))

    def children(self, name: str, *, optional: bool = False) -> list[tuple[str, Node]]:
        """Names and places inside a field that is a mapping."""
        if optional and not self.has(name):
            return []
        return list(self.child(name).own_children())

    def own_children(self) -> Iterator[tuple[str, Node]]:
        """Names and places of this mapping."""
        if not isinstance(self.value, dict):
            raise self.error("", "must be a mapping")
        for key in self.value:
            if not isinstance(key, str):  # 01 would become 1, and NO false
                raise self.error("", f"the name {key!r} must be text: put it in quotes")
            yield key, Node(self.value[key], self.file_name, self._at(key))

    def items(self, name: str, *, optional: bool = False) -> list[Node]:
        """The places of a field that is a list."""
        if optional and not self.has(name):
            return []
        given = self._get(name)
        if not isinstance(given, list):
            raise self.error(name, "must be a list")
        return [
            Node(value, self.file_name, f"{self._at(name)}[{position}]")
            for position, value in enumerate(given)
        ]

    def text(self, name: str, *, default: str | None = None) -> str:
        """A field of text."""
        if default is not None and not self.has(name):
            return default
        return self.child(name).as_text()

    def as_text(self) -> str:
        """This value, which must be text."""
        if not isinstance(self.value, str):
            raise self.error("", f"must be text, not {self.value!r}")
        return self.value

    def texts(self, name: str, *, optional: bool = False) -> tuple[str, ...]:
        """A field that is a list of texts."""
        return tuple(child.as_text() for child in self.items(name, optional=optional))

    def regex(self, name: str, *, default: str | None = None) -> str:
        """A field that is a regular expression."""
        if default is not None and not self.has(name):
            return default
        return self.child(name).as_regex()

    def as_regex(self) -> str:
        """This value, which must be a regular expression."""
        pattern = self.as_text()
        try:
            re.compile(pattern)
        except re.error as error:
            raise self.error("", f"is not a regular expression: {error}") from error
        return pattern

    def regexes(self, name: str) -> tuple[str, ...]:
        """A field that is a list of regular expressions."""
        return tuple(child.as_regex() for child in self.items(name))

    def choice(self, name: str, allowed: tuple[str, ...], *, default: str | None = None) -> str:
        """A field that is one of the allowed words; the default may be another."""
        given = self.text(name, default=default)
        if given not in allowed and given != default:
            raise self.error(name, f"{given!r} is not one of {', '.join(allowed)}")
        return given

    def choices(self, name: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
        """A field that is a list of allowed words."""
        given = self.texts(name)
        for value in given:
            if value not in allowed:
                raise self.error(name, f"{value!r} is not one of {', '.join(allowed)}")
        return given

    def mapping(self, name: str) -> Mapping[str, Any] | None:
        """A field that is a mapping, as it is; None where it is not given."""
        if not self.has(name):
            return None
        given = self._get(name)
        if not isinstance(given, dict):
            raise self.error(name, "must be a mapping")
        return given

    def flag(self, name: str, *, default: bool) -> bool:
        """A field that is true or false."""
        if not self.has(name):
            return default
        given = self._get(name)
        if not isinstance(given, bool):
            raise self.error(name, f"must be true or false, not {given!r}")
        return given

    def integer(self, name: str) -> int:
        """A field that is a whole number."""
        given = self._get(name)
        if not isinstance(given, int) or isinstance(given, bool):
            raise self.error(name, f"must be a whole number, not {given!r}")
        return given

    def decimal(self, name: str, *, optional: bool = False) -> Decimal | None:
        """A field that is an exact number, written in quotes."""
        if optional and not self.has(name):
            return None
        given = self.text(name)
        try:
            return Decimal(given)
        except InvalidOperation as error:
            raise self.error(name, f"must be a number in quotes, not {given!r}") from error

    def date(self, name: str, *, optional: bool = False) -> date | None:
        """A field that is a date."""
        if optional and not self.has(name):
            return None
        given = self._get(name)
        if not isinstance(given, date):
            raise self.error(name, f"must be a date (YYYY-MM-DD), not {given!r}")
        return given

    def refuse_unread(self) -> None:
        """Refuse a field that nothing has read: a misspelt one would silently do nothing."""
        unknown = sorted(str(key) for key in self.value if key not in self.read)
        if unknown:
            raise self.error(unknown[0], "is not a field of a contract")
