"""Reader of Fidelity's activity downloads, of all accounts or of one.

Belongs here: what an action does, when it took effect, and which account and security it is of.
Does not belong here: casting, and the joining of overlapping files. Source of the rules:
`fidelity_history.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from data_contracts.contract import FeedContract
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.decoding import decode
from python_steps.feeds.delimited import Record
from python_steps.feeds.fidelity_exports import (
    SheetReader,
    account_in_name,
    day_in_words,
    download_of,
    identical_rows,
    missing_footer,
    sheet_of,
    stated_date,
)
from python_steps.feeds.fidelity_securities import cusip_in_words, security_id
from python_steps.feeds.headers import normalised
from python_steps.feeds.identifiers import is_account_reference
from python_steps.feeds.received import FileReading, ReceivedFile, refused

_AS_OF = re.compile(
    r"\bas of\s+([a-z]{3}-\d{1,2}-\d{4}|\d{1,2}[-/]\d{1,2}[-/](?:\d{4}|\d{2}))(?![\d/-])",
    re.IGNORECASE,
)
_SHARES_IN = frozenset({"BUY", "BUY_COVER", "REINVEST"})
_SHARES_OUT = frozenset({"SELL", "SELL_SHORT"})


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Read one download of activity.

    Args:
        file: as received.
        contract: of the feed fidelity_history.

    Returns:
        Transactions as text, and what is wrong with the file.
    """
    decoded = decode(file, contract)
    if decoded.content is None:
        return refused(contract, decoded.violations)
    sheet, found = sheet_of(decoded.content, contract.entity("transactions"), contract, file)
    violations = [*decoded.violations, *found]
    if sheet is None:
        return refused(contract, violations)
    reader = SheetReader(file, contract, sheet, violations, ("transactions",))
    as_of = stated_date(download_of(sheet.footer), file, contract)
    walk = _Walk(reader, contract, account_in_name(file.file_name))
    if reader.is_readable:
        walk.rows()
    return reader.reading(as_of, walk.accounts, later=missing_footer(reader, "footer_present"))


@dataclass(frozen=True)
class _Row:
    """One row: its line, its cells by canonical column, and the account it belongs to."""

    record: Record
    texts: dict[str, str]
    account: str


class _Walk:
    """The rows of the sheet, each on its way into a transaction."""

    def __init__(self, reader: SheetReader, contract: FeedContract, account_of_file: str) -> None:
        self.reader = reader
        self.contract = contract
        self.account_of_file = account_of_file
        self.accounts = {account_of_file}
        self.actions = _actions(contract)
        self.misnamed: list[Record] = []

    def rows(self) -> None:
        """Every row of the sheet."""
        for record, cells in self.reader.fitting_rows():
            account = self._account(cells)
            if not account:
                self.reader.broken(
                    "account_reference_present",
                    f"no account in the row and none in the name {self.reader.file.file_name!r}",
                    record,
                )
                continue
            self.accounts.add(account)
            row = _Row(record, self.reader.reader.texts("transactions", cells), account)
            self._currency_columns(row)
            self._foreign(row, cells)
            self._add(row)
        if self.misnamed:
            self.reader.broken(
                "header_misnames_columns",
                f"a currency under Quantity in {len(self.misnamed)} rows",
                self.misnamed[0],
            )
        self.reader.violations += identical_rows(self.reader, "transactions")

    def _account(self, cells: Sequence[str]) -> str:
        """Of the column, else of the file name; an old layout has name and number in one column."""
        stated = self.reader.account_cell(cells)
        if is_account_reference(stated):
            return stated
        words = self.reader.reader.named(cells, "account").split()
        number = self.contract.mappings["forms"]["account_in_words"]
        if self.account_of_file or not words or not re.fullmatch(number, words[-1]):
            return self.account_of_file
        return words[-1]

    def _currency_columns(self, row: _Row) -> None:
        """Set right the three columns whose names Fidelity mixes up; a missing currency is USD."""
        texts = row.texts
        code = self.contract.mappings["forms"]["currency"]
        if "currency" in texts and re.fullmatch(code, texts["quantity"].strip()):
            self.misnamed.append(row.record)
            texts["currency"], texts["price"], texts["quantity"] = (
                texts["quantity"],
                texts["currency"],
                texts["price"],
            )
        if texts.get("currency", "").strip() in self.contract.null_words:
            texts["currency"] = self.contract.mappings["constants"]["currency"]
        texts["currency"] = texts["currency"].strip()

    def _foreign(self, row: _Row, cells: Sequence[str]) -> None:
        home = self.contract.mappings["constants"]["currency"]
        named = {row.texts["currency"], self.reader.reader.named(cells, "exchange currency")}
        foreign = sorted(named - {home, ""} - set(self.contract.null_words))
        if foreign:
            self._broken("foreign_currency_row", row, f"currency {' and '.join(foreign)}")

    def _add(self, row: _Row) -> None:
        texts = row.texts
        action = " ".join(texts["source_type"].split())
        kind = self._type(row, action)
        is_cancel = bool(
            re.fullmatch(self.contract.mappings["forms"]["cancel"], action, re.IGNORECASE)
        )
        if is_cancel:
            self._broken("cancel_names_no_transaction", row, f"action {_verb(action)!r}")
        else:
            self._check_direction(row, kind, action)
        found = security_id(texts["ticker"], row.account, self.contract)
        for rule, observed in found.doubts:
            self._broken(rule, row, observed, security=found.key)
        identifiers = found.columns
        if not found.key:
            identifiers["cusip"] = cusip_in_words(action)
        self.reader.collectors["transactions"].add(
            {
                **texts,
                **identifiers,
                "account_number": row.account,
                "transaction_type": kind,
                "transaction_date": self._effective_date(row, action),
                "is_cancel": "true" if is_cancel else None,
                "sub_account_type": self._sub_account(row),
            },
            line=row.record.line,
            text=row.record.text,
        )

    def _type(self, row: _Row, action: str) -> str:
        quantity = parse_amount(row.texts["quantity"]) or Decimal(0)
        amount = parse_amount(row.texts["net_amount"]) or Decimal(0)
        words = action.upper()
        for opening, rule in self.actions.items():
            if words.startswith(opening) and not words[len(opening) : len(opening) + 1].isalnum():
                kind = rule.type_of(quantity, amount)
                if kind:
                    return kind
        self._broken("action_known", row, f"action {_verb(action)!r}")
        return "OTHER"

    def _check_direction(self, row: _Row, kind: str, action: str) -> None:
        quantity = parse_amount(row.texts["quantity"]) or Decimal(0)
        amount = parse_amount(row.texts["net_amount"]) or Decimal(0)
        is_wrong = (kind in _SHARES_IN and (quantity < 0 or amount > 0)) or (
            kind in _SHARES_OUT and (quantity > 0 or amount < 0)
        )
        if is_wrong:
            shown = f"{_verb(action)!r} with quantity {row.texts['quantity'].strip()}"
            self._broken(
                "direction_agrees", row, f"{shown} and amount {row.texts['net_amount'].strip()}"
            )

    def _effective_date(self, row: _Row, action: str) -> str:
        """The day of effect in ISO; a Run Date that is no date stays as it is."""
        entered = self._day(row.texts["entry_date"])
        shown = entered.isoformat() if entered else row.texts["entry_date"]
        stated = _AS_OF.search(action)
        if stated is None:
            return shown
        effective = day_in_words(stated[1])
        if effective is None:
            self._broken("effective_date_understood", row, f"the words {stated[0]!r}")
            return shown
        if entered and effective > entered:
            self._broken(
                "effective_date_understood",
                row,
                f"{effective}, after the day of entry {entered}",
            )
        return effective.isoformat()

    def _day(self, text: str) -> date | None:
        for form in self.contract.date_formats:
            try:
                return datetime.strptime(text.strip(), form).date()  # noqa: DTZ007 - a calendar date
            except ValueError:
                continue
        return None

    def _sub_account(self, row: _Row) -> str:
        word = row.texts.get("sub_account_type", "")
        if word.strip() in self.contract.null_words:
            return ""
        kind = self.contract.mappings["sub_account_types"].get(normalised(word))
        if kind is None:
            self._broken("sub_account_type_known", row, f"type {word!r}")
        return kind or "OTHER"

    def _broken(self, rule: str, row: _Row, observed: str, *, security: str = "") -> None:
        self.reader.broken(
            rule,
            observed,
            row.record,
            account=row.account,
            security=security,
            entity="transactions",
        )


def _verb(action: str) -> str:
    """What opens an action: the words behind it may name a person or another account."""
    return " ".join(word for word in action.split()[:2] if word.isalpha())


@dataclass(frozen=True)
class _Action:
    """The types of one action: as a rule, when shares or money go out, and for shares alone."""

    kind: str = ""
    if_negative: str = ""
    with_shares_alone: str = ""

    def type_of(self, quantity: Decimal, amount: Decimal) -> str:
        """The type; '' where the action says nothing of such a row."""
        if self.with_shares_alone:
            return self.with_shares_alone if quantity and not amount else self.kind
        if self.if_negative and (quantity < 0 or (not quantity and amount < 0)):
            return self.if_negative
        return self.kind


def _actions(contract: FeedContract) -> Mapping[str, _Action]:
    """The contract's tables by opening words, the longest first."""
    tables = [
        contract.mappings[name]
        for name in ("actions", "actions_if_negative", "actions_with_shares_alone")
    ]
    openings = sorted({word for table in tables for word in table}, key=lambda w: (-len(w), w))
    return {word.upper(): _Action(*(table.get(word, "") for table in tables)) for word in openings}
