"""Reader of Fidelity's positions download, one or several accounts in one file.

Belongs here: what each row is: holding, core cash, pending activity, or a plan's row that stands
for another account. Does not belong here: casting and rules on values. Source of the rules:
`fidelity_positions.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import time
from decimal import Decimal

from data_contracts.contract import FeedContract
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.client_exports import StatedDate, account_reference, unquoted_text
from python_steps.feeds.decoding import decode
from python_steps.feeds.delimited import Record
from python_steps.feeds.fidelity_exports import (
    Download,
    SheetReader,
    download_of,
    missing_footer,
    sheet_of,
    stated_date,
    sum_of,
)
from python_steps.feeds.fidelity_securities import Holdings
from python_steps.feeds.headers import normalised
from python_steps.feeds.identifiers import is_account_reference
from python_steps.feeds.received import FileReading, ReceivedFile, refused
from python_steps.findings import Violation

_CLOSE = time(16)


@dataclass(frozen=True)
class _Money:
    """A row of cash, of pending activity, or a plan's row for another account."""

    record: Record
    symbol: str
    kind: str
    value: str


@dataclass
class _Account:
    """One account: its first row and what of it is not a holding."""

    number: str
    title: str
    record: Record
    core: list[_Money] = field(default_factory=list)
    pending: list[_Money] = field(default_factory=list)
    wrappers: list[_Money] = field(default_factory=list)
    values: list[str] = field(default_factory=list)
    parent: str | None = None

    @property
    def total(self) -> Decimal | None:
        """The sum of all values; None where one of them is no amount."""
        amounts = [parse_amount(text) for text in self.values]
        known = [amount for amount in amounts if amount is not None]
        return sum(known, Decimal(0)) if len(known) == len(amounts) else None


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Read one download of positions.

    Args:
        file: as received.
        contract: of the feed fidelity_positions.

    Returns:
        Accounts, securities, positions and cash balances as text, and what is wrong with the file.
    """
    decoded = decode(file, contract)
    if decoded.content is None:
        return refused(contract, decoded.violations)
    sheet, found = sheet_of(decoded.content, contract.entity("positions"), contract, file)
    violations = [*decoded.violations, *found]
    download = download_of(sheet.footer if sheet else ())
    as_of = stated_date(download, file, contract, sheet.footer if sheet else ())
    if sheet is None:
        return refused(
            contract,
            [*violations, *as_of.violations],
            stated_as_of_date=as_of.value,
            as_of_source=as_of.source,
        )
    reader = SheetReader(file, contract, sheet, violations, ("positions", "securities", "accounts"))
    walk = _Walk(reader, contract, as_of)
    if reader.is_readable:
        walk.rows()
    return reader.reading(as_of, walk.accounts, later=_end_of_file(reader, download))


class _Walk:
    """The rows, each given to its account; cash and wrappers are settled at the end."""

    def __init__(self, reader: SheetReader, contract: FeedContract, as_of: StatedDate) -> None:
        self.reader = reader
        self.contract = contract
        self.accounts: dict[str, _Account] = {}
        self.holdings = Holdings(
            contract, reader.collectors, as_of.text, "TRADE_DATE", reader.broken
        )
        self.forms = contract.mappings["forms"]

    def rows(self) -> None:
        """Every row of the sheet, then what needs all of them."""
        for record, cells in self.reader.fitting_rows():
            texts = self.reader.reader.texts("positions", cells)
            titles = self.reader.reader.texts("accounts", cells)
            named = _account_of(texts["account_number"].strip(), titles.get("account_title", ""))
            if named is None:
                self.reader.broken(
                    "account_reference_present",
                    f"an account number of {unquoted_text(texts['account_number'])}",
                    record,
                )
                continue
            number, title = named
            account = self.accounts.setdefault(number, _Account(number, title, record))
            self._row(record, account, texts, self.reader.reader.texts("securities", cells))
        self._match_wrappers()
        for account in self.accounts.values():
            self._account(account)
            self._cash(account)
        count = len(self.holdings.securities)
        if count:
            self.reader.broken("security_type_inferred", f"{count} securities without a type")

    def _row(
        self,
        record: Record,
        account: _Account,
        texts: dict[str, str],
        security: dict[str, str],
    ) -> None:
        symbol = texts["ticker"].strip()
        words = normalised(symbol) or normalised(security["security_name"])
        kind = self._sub_account(record, account, texts.get("sub_account_type", ""), symbol)
        money = _Money(record, symbol, kind, texts["market_value"])
        if re.fullmatch(self.forms["pending_activity"], words):
            self._pending(account, money)
        elif re.fullmatch(self.forms["wrapper"], words):
            account.wrappers.append(money)
        elif self._is_core(symbol, texts["quantity"]):
            self._core(account, money)
        else:
            account.values.append(texts["market_value"])
            self.holdings.add(
                record,
                account.number,
                {**texts, "sub_account_type": kind},
                security["security_name"],
            )

    def _sub_account(self, record: Record, account: _Account, word: str, symbol: str) -> str:
        if word.strip() in self.contract.null_words:
            return ""
        kind = self.contract.mappings["sub_account_types"].get(normalised(word))
        if kind is None:
            self.reader.broken(
                "sub_account_type_known",
                f"type {word!r} of {symbol}",
                record,
                account=account.number,
                security=symbol,
                entity="positions",
            )
        return kind or "OTHER"

    # Cash

    def _is_core(self, symbol: str, quantity: str) -> bool:
        """By its mark or name, or a money fund of which the file states nothing but a value."""
        forms = self.forms
        if re.fullmatch(forms["core_mark"], symbol) or re.fullmatch(forms["core_symbol"], symbol):
            return True
        is_money_fund = re.fullmatch(forms["money_fund"], symbol) is not None
        return is_money_fund and quantity.strip() in self.contract.null_words

    def _core(self, account: _Account, money: _Money) -> None:
        currency = re.fullmatch(self.forms["currency_mark"], money.symbol)
        if currency and currency["currency"] != self.contract.mappings["constants"]["currency"]:
            self.reader.broken(
                "cash_in_dollars",
                f"{money.symbol} with a value of {money.value!r}",
                money.record,
                account=account.number,
                entity="cash_balances",
            )
            return
        self._once(account, money, account.core)
        account.core.append(money)
        account.values.append(money.value)

    def _pending(self, account: _Account, money: _Money) -> None:
        if parse_amount(money.value) is None:
            self.reader.broken(
                "pending_activity_readable",
                f"pending activity of {money.value!r}",
                money.record,
                account=account.number,
                entity="cash_balances",
            )
        self._once(account, money, account.pending)
        account.pending.append(money)
        account.values.append(money.value)

    def _once(self, account: _Account, money: _Money, seen: Sequence[_Money]) -> None:
        if any((other.symbol, other.kind) == (money.symbol, money.kind) for other in seen):
            self.reader.broken(
                "cash_row_unique",
                f"{money.symbol} of {money.value} a second time",
                money.record,
                account=account.number,
                entity="cash_balances",
            )

    def _cash(self, account: _Account) -> None:
        rows = [*account.core, *account.pending]
        if not rows:
            self._no_cash(account)
            return
        if not account.core:
            self.reader.broken(
                "cash_row_present",
                f"pending activity of {account.pending[0].value} without a core position",
                account.pending[0].record,
                account=account.number,
                entity="cash_balances",
            )
            return
        self.reader.collectors["cash_balances"].add(
            {
                "account_number": account.number,
                "currency": self.contract.mappings["constants"]["currency"],
                "trade_date_balance": sum_of([money.value for money in rows]),
                "settlement_date_balance": sum_of([money.value for money in account.core]),
            },
            line=rows[0].record.line,
            text="\n".join(money.record.text for money in rows),
        )

    def _no_cash(self, account: _Account) -> None:
        """A plan of an employer holds funds and no cash, and is said to; others stay unknown."""
        if not re.fullmatch(self.forms["plan_account"], account.number):
            return
        self.reader.broken(
            "plan_holds_no_cash",
            f"no core position in plan account {account.number}",
            account.record,
            account=account.number,
            entity="cash_balances",
        )
        self.reader.collectors["cash_balances"].add(
            {
                "account_number": account.number,
                "currency": self.contract.mappings["constants"]["currency"],
                "trade_date_balance": "0",
                "settlement_date_balance": "0",
            },
            line=account.record.line,
            text=account.record.text,
        )

    # Accounts

    def _match_wrappers(self) -> None:
        """Give each plan the brokerage account in the file that its row stands for."""
        plans = [account for account in self.accounts.values() if account.wrappers]
        others = [account for account in self.accounts.values() if not account.wrappers]
        named = [
            account
            for account in others
            if re.fullmatch(self.forms["wrapper"], normalised(account.title))
        ]
        for plan in plans:
            stated = sum_of([money.value for money in plan.wrappers])
            held = named if len(plans) == 1 else self._equal_in_value(named, stated)
            held = held or self._equal_in_value(others, stated)
            for child in held:
                child.parent = plan.number
            if held:
                self._compare(plan, held, stated)
            elif parse_amount(stated) != 0:
                self._wrapper("wrapper_has_child", plan, stated, "a brokerage account like it")

    def _equal_in_value(self, accounts: Sequence[_Account], stated: str) -> list[_Account]:
        """The account of just this value: with several plans, or where the client renamed it."""
        value = parse_amount(stated)
        near = [
            account
            for account in accounts
            if value and account.total is not None and account.parent is None
            if abs(account.total - value) <= self._allowed(len(account.values))
        ]
        return near if len(near) == 1 else []

    def _compare(self, plan: _Account, held: Sequence[_Account], stated: str) -> None:
        totals = [child.total for child in held]
        known = [total for total in totals if total is not None]
        value = parse_amount(stated)
        total = sum(known, Decimal(0))
        rows = sum(len(child.values) for child in held)
        if value is None or len(known) < len(totals) or abs(total - value) > self._allowed(rows):
            shown = total if len(known) == len(totals) else "a sum with an unreadable value"
            numbers = " and ".join(child.number for child in held)
            self._wrapper("wrapper_agrees", plan, stated, f"{shown}, the sum of account {numbers}")

    def _allowed(self, rows: int) -> Decimal:
        return self.contract.tolerance("wrapper_agrees") * max(rows, 1)

    def _wrapper(self, rule: str, plan: _Account, stated: str, expected: str) -> None:
        self.reader.broken(
            rule,
            f"a brokerage window worth {stated} in account {plan.number}",
            plan.wrappers[0].record,
            account=plan.number,
            entity="positions",
            expected=expected,
        )

    def _account(self, account: _Account) -> None:
        self.reader.collectors["accounts"].add(
            {
                "account_number": account.number,
                "account_title": account.title,
                "base_currency": self.contract.mappings["constants"]["currency"],
                "parent_account_number": account.parent,
            },
            line=account.record.line,
            text=account.record.text,
        )


def _account_of(reference: str, title: str) -> tuple[str, str] | None:
    """Number and title; an old layout has both in one cell, `Individual - TOD X12345678`."""
    if is_account_reference(reference):
        return reference, title
    split = account_reference(reference)
    return (split[1], split[0]) if split else None


def _end_of_file(reader: SheetReader, download: Download | None) -> list[Violation]:
    """A file ends with its footer; the hour of the download says whose prices it shows."""
    contract, file = reader.contract, reader.file
    if not reader.sheet.footer:
        return missing_footer(reader, "file_complete")
    if download is not None and download.hour is not None and download.hour < _CLOSE:
        return [
            contract.violation(
                "downloaded_after_close",
                file_name=file.file_name,
                row=download.record.line,
                observed=f"a download at {download.hour:%H:%M} Eastern",
            )
        ]
    return []
