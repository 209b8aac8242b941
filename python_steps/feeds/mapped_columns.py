"""Canonical columns out of a mapped record's fields: plain decimals, ISO dates, mapped words.

Belongs here: the reading of one field and the four column expressions a layout may use, as
functions from a row to text. Does not belong here: lines (`mapped_lines`), files (`mapped_feed`).
A value that cannot be read is an error of its cell, never a guess; a null word is ''.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from data_contracts.layout import ColumnRule, Condition, FieldLayout, FileLayout
from python_steps.feeds.fixed_width import Field, FieldError, field_text, iso_date
from python_steps.feeds.mapped_lines import Parts

Getter = Callable[[Parts], str]


class CellError(FieldError):
    """A cell that breaks a rule; the caller knows row and column."""

    def __init__(self, rule: str, observed: str) -> None:
        super().__init__(observed)
        self.rule = rule


@dataclass(frozen=True)
class FieldReader:
    """One field of a record: its text as written, and its value in plain spelling."""

    layout: FieldLayout
    raw: Getter
    value: Getter


def field_reader(
    field: FieldLayout,
    part: int,
    cell: int | None,
    file: FileLayout,
    null_words: frozenset[str],
) -> FieldReader:
    """The reader of a field.

    Args:
        field: of the layout.
        part: 0 for the line itself, n for its n-th continuation.
        cell: 0-based cell of a delimited field; None where the file does not have it.
        file: for its marks of numbers.
        null_words: lower-case words that say nothing.
    """
    raw = _raw_getter(field, part, cell)
    if field.type == "number":
        value = _number_getter(field, part, raw, file, null_words)
    elif field.type == "date":
        value = _date_getter(field, part, raw, null_words)
    else:
        value = _text_getter(raw, null_words)
    return FieldReader(field, raw, value)


def column_getter(
    rule: ColumnRule, fields: Mapping[str, FieldReader], as_of_date: str, null_words: frozenset[str]
) -> Getter:
    """The function that makes one canonical column of a row.

    Raises of the function: CellError, FieldError (a field that cannot be read).
    """
    if rule.constant is not None:
        constant = rule.constant
        return lambda parts: constant
    if rule.is_as_of_date:
        return lambda parts: as_of_date
    if len(rule.fields) > 1:
        source = _joined([fields[name] for name in rule.fields], rule.separator)
    else:
        reader = fields[rule.fields[0]]
        source = reader.raw if rule.values is not None else reader.value
    if rule.values is not None:
        return _mapped(source, rule.values, rule.otherwise, null_words)
    if rule.sign is not None:
        return _signed(source, fields[rule.sign.field].raw, rule.sign.minus, rule.sign.plus)
    if rule.negate_when is not None:
        return _negated(source, condition_of(rule.negate_when, fields))
    return source


def condition_of(
    condition: Condition, fields: Mapping[str, FieldReader]
) -> Callable[[Parts], bool]:
    """The condition as a function of a row; words are compared without blanks around."""
    words, raw, is_in = frozenset(condition.values), fields[condition.field].raw, condition.is_in
    return lambda parts: (raw(parts) in words) == is_in


def plain_number(text: str, field: FieldLayout, file: FileLayout) -> str:
    """A delimited number in plain spelling.

    Raises:
        FieldError: no number, thousands marks that the layout does not state, or two signs.
    """
    if field.decimals:
        whole = Field(
            field.name,
            1,
            len(text),
            "number",
            field.decimals,
            minus_signs=field.minus_signs,
            plus_signs=field.plus_signs,
        )
        return field_text(text, whole)
    pattern = _number_pattern(
        file.decimal_mark, file.thousands_mark, field.minus_signs, field.plus_signs
    )
    match = pattern.match(text)
    digits = (match["whole"], match["fraction"] or "") if match else ("", "")
    signs = [match[name] for name in ("first", "second", "last") if match[name]] if match else []
    is_open = bool(match and match["open"])
    if match is None or not "".join(digits) or len(signs) + is_open > 1:
        raise FieldError(f"{text!r}, which is no number as the layout says they are written")
    if is_open != bool(match["close"]):
        raise FieldError(f"{text!r}, an open parenthesis")
    whole_digits = digits[0].replace(file.thousands_mark, "") if file.thousands_mark else digits[0]
    number = (whole_digits.lstrip("0") or "0") + (f".{digits[1]}" if digits[1] else "")
    is_negative = is_open or (bool(signs) and signs[0] in field.minus_signs)
    return negative(number) if is_negative else number


def negative(number: str) -> str:
    """A plain number with the other sign; zero and '' stay."""
    if not number.strip("-0."):
        return number
    return number[1:] if number.startswith("-") else f"-{number}"


def _plain_text(
    field: FieldLayout, file: FileLayout, null_words: frozenset[str]
) -> Callable[[str], object]:
    """Tells the numbers that stand in plain spelling already, which most do."""
    is_usual = file.decimal_mark == "." and not field.decimals and field.minus_signs == "-"
    # A custodian may write 0 or 99999 where it knows nothing.
    is_usual &= not any(character.isdigit() for word in null_words for character in word)
    # Minus zero and leading zeros are no plain spelling.
    pattern = r"-?[1-9][0-9]*(?:\.[0-9]+)?|0(?:\.[0-9]+)?" if is_usual else r"(?!)"
    return re.compile(pattern).fullmatch


@cache
def _number_pattern(
    decimal_mark: str, thousands_mark: str, minus_signs: str, plus_signs: str
) -> re.Pattern[str]:
    sign = f"[{re.escape(minus_signs + plus_signs)}]" if minus_signs + plus_signs else "(?!)"
    grouped = rf"[0-9]{{1,3}}(?:{re.escape(thousands_mark)}[0-9]{{3}})+|" if thousands_mark else ""
    return re.compile(
        rf"^(?P<open>\()?(?P<first>{sign})?\$?(?P<second>{sign})?"
        rf"(?P<whole>{grouped}[0-9]*)(?:{re.escape(decimal_mark)}(?P<fraction>[0-9]*))?"
        rf"(?P<last>{sign})?(?P<close>\))?$"
    )


def _raw_getter(field: FieldLayout, part: int, cell: int | None) -> Getter:
    if field.start is not None:
        first, last = field.start - 1, field.end

        def of_line(parts: Parts) -> str:
            line = parts[part]
            return line[first:last].strip() if isinstance(line, str) else ""

        return of_line
    if cell is None:
        return lambda parts: ""

    def of_cells(parts: Parts) -> str:
        cells = parts[part]
        return cells[cell].strip() if cells is not None and cell < len(cells) else ""

    return of_cells


def _text_getter(raw: Getter, null_words: frozenset[str]) -> Getter:
    def read(parts: Parts) -> str:
        text = raw(parts)
        return "" if text.lower() in null_words else text

    return read


def _number_getter(
    field: FieldLayout, part: int, raw: Getter, file: FileLayout, null_words: frozenset[str]
) -> Getter:
    if field.start is None:
        is_plain = _plain_text(field, file, null_words)

        def of_cell(parts: Parts) -> str:
            text = raw(parts)
            if is_plain(text):
                return text
            return "" if text.lower() in null_words else plain_number(text, field, file)

        return of_cell
    placed = Field(
        field.name,
        field.start,
        field.end or field.start,
        "number",
        field.decimals,
        field.sign_at,
        minus_signs=field.minus_signs,
        plus_signs=field.plus_signs,
    )

    def of_line(parts: Parts) -> str:
        line = parts[part]
        if not isinstance(line, str) or raw(parts).lower() in null_words:
            return ""
        return field_text(line, placed)

    return of_line


def _date_getter(field: FieldLayout, part: int, raw: Getter, null_words: frozenset[str]) -> Getter:
    width = (field.end or 0) - (field.start or 0) + 1
    known: dict[str, str] = {}

    def read(parts: Parts) -> str:
        text = raw(parts)
        found = known.get(text)
        if found is None:
            found = "" if text.lower() in null_words else _date_text(text, field.date_formats)
            known[text] = found
        return found

    def of_line(parts: Parts) -> str:
        line, text = parts[part], raw(parts)
        if text and isinstance(line, str) and len(line) - (field.start or 1) + 1 < width:
            raise FieldError(f"{text!r}, cut off inside columns {field.start}-{field.end}")
        return read(parts)

    return read if field.start is None else of_line


def _date_text(text: str, formats: Sequence[str]) -> str:
    """ISO text; '' for blanks and zeros. Two formats that tell different days are ambiguous."""
    if not text.strip("0"):
        return ""
    found: dict[str, str] = {}
    for form in formats:
        try:
            found.setdefault(iso_date(text, form), form)
        except FieldError:
            continue
    if not found:
        raise FieldError(f"{text!r}, which is no date of the form {' or '.join(formats)}")
    if len(found) > 1:
        raise FieldError(f"{text!r}, which could be {' or '.join(sorted(found))}")
    return next(iter(found))


def _joined(readers: Sequence[FieldReader], separator: str) -> Getter:
    """The parts in their order; with one of them blank there is no whole."""

    def read(parts: Parts) -> str:
        texts = [reader.value(parts) for reader in readers]
        return separator.join(texts) if all(texts) else ""

    return read


def _mapped(
    source: Getter, values: Mapping[str, str], otherwise: str | None, null_words: frozenset[str]
) -> Getter:
    def read(parts: Parts) -> str:
        word = source(parts)
        found = values.get(word)
        if found is not None:
            return found
        if word.lower() in null_words:
            return ""
        if otherwise is None:
            raise CellError("value_mapped", f"{word!r}, which the map does not have")
        return otherwise

    return read


def _signed(source: Getter, indicator: Getter, minus: Sequence[str], plus: Sequence[str]) -> Getter:
    minus_words, plus_words = frozenset(minus), frozenset(plus)

    def read(parts: Parts) -> str:
        number, word = source(parts), indicator(parts)
        if not number:
            return number
        if number.startswith("-"):
            raise CellError("sign_known", f"{number} beside {word!r}: it has a sign already")
        if word in minus_words:
            return negative(number)
        if word not in plus_words:
            raise CellError("sign_known", f"the indicator {word!r}")
        return number

    return read


def _negated(source: Getter, is_negated: Callable[[Parts], bool]) -> Getter:
    def read(parts: Parts) -> str:
        number = source(parts)
        return negative(number) if is_negated(parts) else number

    return read
