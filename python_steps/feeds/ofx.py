"""Reader of OFX and QFX investment statements: positions, cash, securities, prices.

Belongs here: the statements of a file and what each of their elements is. Does not belong here:
tags (`ofx_document.py`), dates and amounts (`ofx_values.py`), transactions (`ofx_transactions.py`),
the security list (`ofx_securities.py`). Source of the rules: `ofx.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from data_contracts.contract import FeedContract, entity_columns
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.decoding import Decoded, decode
from python_steps.feeds.headers import fingerprint
from python_steps.feeds.keys import duplicate_keys
from python_steps.feeds.ofx_document import (
    Element,
    OfxDocument,
    OfxDocumentError,
    declared_encoding,
    parse_document,
)
from python_steps.feeds.ofx_findings import Findings, Values
from python_steps.feeds.ofx_securities import SecurityList
from python_steps.feeds.ofx_transactions import TransactionReader
from python_steps.feeds.ofx_values import amount_text, negated, stamp
from python_steps.feeds.received import FileReading, ReceivedFile, refused, status_of
from python_steps.feeds.tables import RowCollector
from python_steps.findings import Violation

_WINDOWS_1252 = ("1252", "CP1252", "WINDOWS-1252", "ISO-8859-1", "8859-1", "LATIN1")
_HEAD = 2048


def read(file: ReceivedFile, contract: FeedContract) -> FileReading:
    """Read one OFX or QFX file.

    Args:
        file: as received.
        contract: of the feed ofx.

    Returns:
        Accounts, securities, positions, transactions, cash balances and prices as text, and what
        is wrong with the file.
    """
    decoded = _decoded(file, contract)
    if decoded.content is None:
        return refused(contract, decoded.violations)
    layout = contract.layout or {}
    try:
        document = parse_document(
            decoded.content.decode("utf-8"),
            maximum_bytes=int(layout["maximum_bytes"]),
            aggregates=frozenset(layout["aggregates"]),
        )
    except OfxDocumentError as error:
        broken = contract.violation(
            error.rule, file_name=file.file_name, row=error.line, observed=error.observed
        )
        return refused(contract, [*decoded.violations, broken])
    walk = _Walk(file, contract, document)
    walk.findings.violations += decoded.violations
    walk.document_parts()
    return walk.reading()


def _decoded(file: ReceivedFile, contract: FeedContract) -> Decoded:
    """UTF-8; Windows-1252 is no surprise where the header declares it."""
    decoded = decode(file, contract)
    declared = declared_encoding(file.content[:_HEAD].decode("cp1252", errors="replace"))
    if declared.upper() not in _WINDOWS_1252:
        return decoded
    expected = tuple(found for found in decoded.violations if found.rule != "encoding_utf8")
    return Decoded(decoded.content, expected)


@dataclass(frozen=True)
class Held:
    """A position that was landed, and whether it is a money fund."""

    values: Values
    is_money_fund: bool

    @property
    def worth(self) -> Decimal | None:
        """Its market value; None where the text is no number."""
        return parse_amount(self.values["market_value"] or "")


class _Walk:
    """Collects the rows of all statements of a document."""

    def __init__(self, file: ReceivedFile, contract: FeedContract, document: OfxDocument) -> None:
        self.file = file
        self.contract = contract
        self.document = document
        self.layout: Mapping[str, Any] = contract.layout or {}
        self.findings = Findings(file.file_name, contract)
        self.collectors = {name: RowCollector(entity) for name, entity in contract.entities.items()}
        self.securities = SecurityList(document, self.findings, self.collectors["securities"])
        self.dates: dict[date, int] = {}
        self.covered_from: list[date | None] = []
        self.covered_to: list[date] = []
        self.totals: list[Decimal | None] = []
        self.accounts: list[str] = []
        self.row_count = 0
        self.prices_seen: set[tuple[str | None, ...]] = set()

    def document_parts(self) -> None:
        """Read every statement of the document."""
        if not self.document.header:
            self.findings.add("ofx_header_present", "a document that begins with its first element")
        self._statuses()
        statements = list(self.document.root.descendants("INVSTMTRS"))
        if not statements:
            parts = ", ".join(child.tag for child in self.document.root.children) or "nothing"
            self.findings.add("investment_statement_present", f"a document that holds {parts}")
        self.securities.read_list()
        for statement in statements:
            self._statement(statement)

    def _statuses(self) -> None:
        for status in self.document.root.descendants("STATUS"):
            code = (status.value("CODE") or "").strip()
            if code.strip("0") or (status.value("SEVERITY") or "").upper() == "ERROR":
                self.findings.add(
                    "statement_succeeded", f"status code {code or 'without a number'}", status
                )

    # One statement

    def _statement(self, statement: Element) -> None:
        account = (statement.value("INVACCTFROM", "ACCTID") or "").strip()
        if not account:
            self.findings.add("account_reference_present", "a statement without ACCTID", statement)
            return
        self.accounts.append(account)
        self.findings.account = account
        self._as_of(statement)
        self._check_parts(statement, account)
        currency = (statement.value("CURDEF") or "").strip()
        self._add("accounts", statement, self._account(statement, account, currency), text="")
        positions = self._positions(statement, account, currency)
        self._transactions(statement, account, currency)
        self._cash(statement, account, currency, positions)
        self._check_plan(statement, positions)
        self.findings.account = None

    def _as_of(self, statement: Element) -> None:
        found = statement.first("DTASOF")
        given = stamp(found.text) if found else None
        if found is None or given is None or given.day is None:
            self.findings.add(
                "as_of_date_present", f"DTASOF {found.text!r}" if found else "no DTASOF", statement
            )
            return
        if given.is_doubled:
            self.findings.add("timestamp_form", f"DTASOF {found.text}", found)
        self.dates.setdefault(given.day, found.line)

    def _check_parts(self, statement: Element, account: str) -> None:
        self.findings.check_once(statement)
        for part in statement.children:
            if part.tag in self.layout["left_out"]:
                self.findings.add("section_left_out", f"section {part.tag}", part)
            elif part.tag not in self.layout["statement_parts"]:
                self.findings.add("section_understood", f"element {part.tag} of {account}", part)

    def _account(self, statement: Element, account: str, currency: str) -> Values:
        has_plan = statement.first("INV401K") or statement.first("INV401KBAL")
        return {
            "account_number": account,
            "base_currency": currency,
            "registration_type": "401K" if has_plan else None,
        }

    # Positions

    def _positions(self, statement: Element, account: str, currency: str) -> list[Held]:
        """Every position; those that a plan splits by source are summed into one."""
        received: dict[tuple[Any, ...], list[tuple[Element, Values]]] = {}
        lists = statement.all("INVPOSLIST")
        for element in (child for each in lists for child in each.children):
            read_position = self._position(element, account, currency)
            if read_position is None:
                continue
            source, values = read_position
            key: tuple[Any, ...] = tuple(
                values[name] for name in self.contract.entity("positions").key
            )
            # Only a position that names its source may have brothers; others are duplicates.
            group = key if source else (*key, len(received))
            received.setdefault(group, []).append((element, {**values, "source": source}))
        landed: list[Held] = []
        for parts in received.values():
            values = self._summed(parts)
            text = " ".join(self.document.source(element) for element, _ in parts)
            self._add("positions", parts[0][0], values, text=text)
            self._price(parts[0][0], values)
            landed.append(Held(values, self._is_money_fund(parts[0][0], values)))
        return landed

    def _is_money_fund(self, element: Element, values: Values) -> bool:
        """A fund with a money fund's ticker or a price of exactly one."""
        if element.tag != "POSMF":
            return False
        pattern = str(self.layout["money_market_ticker"])
        is_named = re.match(pattern, values["ticker"] or "") is not None
        return is_named or parse_amount(values["price"] or "") == Decimal(1)

    def _position(self, element: Element, account: str, currency: str) -> tuple[str, Values] | None:
        self.row_count += 1
        position = element.first("INVPOS")
        kinds = self.contract.mappings["position_types"]
        if element.tag not in kinds or position is None:
            self.findings.add("section_understood", f"{element.tag} in INVPOSLIST", element)
            return None
        self.findings.check_once(position)
        if position.first("AVGCOSTBASIS"):
            self.findings.add("section_left_out", "AVGCOSTBASIS of a position", position)
        security = self.securities.of(position, kind=element.tag, currency=currency)
        priced = stamp(position.value("DTPRICEASOF") or "")
        if priced.is_doubled:
            self.findings.add("timestamp_form", f"DTPRICEASOF {priced.text}", position)
        values: Values = {
            **security,
            "account_number": account,
            "sub_account_type": self._sub_account(position.value("HELDINACCT")),
            "price": amount_text(position.value("UNITPRICE") or ""),
            "price_date": priced.text,
            **self.findings.currency_of(position, currency),
        }
        return (position.value("INV401KSOURCE") or "").upper(), values | self._sided(position)

    def _sided(self, position: Element) -> Values:
        """Quantity and value with the sign of the side: a short position is negative."""
        side = (position.value("POSTYPE") or "").strip().upper()
        quantity = amount_text(position.value("UNITS") or "")
        worth = amount_text(position.value("MKTVAL") or "")
        units = parse_amount(quantity)
        if side not in ("LONG", "SHORT") or (side == "LONG" and units is not None and units < 0):
            self.findings.add(
                "side_is_stated",
                f"POSTYPE {side or 'missing'} with units {quantity or 'missing'}",
                position,
                security=position.value("SECID", "UNIQUEID"),
            )
        if side == "SHORT" and units is not None and units > 0:
            quantity = negated(quantity)
            amount = parse_amount(worth)
            worth = negated(worth) if amount is not None and amount > 0 else worth
        return {"long_short": side, "quantity": quantity, "market_value": worth}

    def _summed(self, parts: Sequence[tuple[Element, Values]]) -> Values:
        """One position of its parts; a source of contribution that comes twice is a duplicate."""
        values = {name: value for name, value in parts[0][1].items() if name != "source"}
        if len(parts) == 1:
            return values
        first, sources = parts[0][0], [str(each["source"]) for _, each in parts]
        shown = security_of(values)
        if len(set(sources)) != len(sources):
            self.findings.add(
                "unique_key", f"the sources {', '.join(sources)}", first, security=shown
            )
        if len({parse_amount(str(each["price"])) for _, each in parts}) != 1:
            prices = ", ".join(str(each["price"]) for _, each in parts)
            self.findings.add("sources_agree_on_price", f"prices {prices}", first, security=shown)
        for name in ("quantity", "market_value"):
            values[name] = _sum([each[name] for _, each in parts])
        self.findings.add(
            "positions_of_sources_summed",
            f"{len(parts)} parts ({', '.join(sources)})",
            first,
            security=shown,
        )
        return values

    def _price(self, element: Element, values: Values) -> None:
        if not values["price"]:
            return
        price: Values = {
            **{name: values[name] for name in ("custodian_security_id", "cusip", "isin", "ticker")},
            "price_date": values["price_date"],
            "price": values["price"],
            "price_type": "NAV" if element.tag == "POSMF" else "MARK",
            "currency": values["currency"],
        }
        if tuple(price.values()) not in self.prices_seen:
            self.prices_seen.add(tuple(price.values()))
            self._add("prices", element, price)

    def _sub_account(self, word: str | None) -> str | None:
        if word is None:
            return None
        return self.contract.mappings["sub_accounts"].get(word.strip().upper(), word.strip())

    # Transactions, cash

    def _transactions(self, statement: Element, account: str, currency: str) -> None:
        for transactions in statement.all("INVTRANLIST"):
            self._period(transactions)
            reader = TransactionReader(self.findings, self.securities, account, currency)
            for element in transactions.children:
                if element.tag in ("DTSTART", "DTEND"):
                    continue
                self.row_count += 1
                self._add("transactions", element, reader.values(element))

    def _period(self, transactions: Element) -> None:
        start = stamp(transactions.value("DTSTART") or "").day
        end = stamp(transactions.value("DTEND") or "").day
        if start is None or (end is not None and start > end):
            self.findings.add(
                "statement_period_valid",
                f"a period from {start or 'no date'} to {end or 'no date'}",
                transactions,
            )
            start = end = None
        self.covered_from.append(start)
        if end is not None:
            self.covered_to.append(end)

    def _cash(
        self, statement: Element, account: str, currency: str, positions: Sequence[Held]
    ) -> None:
        balance = statement.first("INVBAL")
        stated = amount_text(balance.value("AVAILCASH") or "") if balance else ""
        if balance is None or not stated:
            found = "no INVBAL" if balance is None else "INVBAL without AVAILCASH"
            self.findings.add("cash_balance_stated", found, statement)
            self.totals.append(None)
            return
        self.findings.check_once(balance)
        self.row_count += 1
        cash = self._cash_once(balance, stated, positions)
        if cash is not None:
            self._add(
                "cash_balances",
                balance,
                {
                    "account_number": account,
                    "currency": currency,
                    "trade_date_balance": cash,
                    "margin_debit": self._margin_debit(balance),
                },
            )

    def _margin_debit(self, balance: Element) -> str | None:
        """The borrowed amount, positive; null where nothing is borrowed or nothing is said."""
        margin = amount_text(balance.value("MARGINBALANCE") or "")
        short = amount_text(balance.value("SHORTBALANCE") or "")
        amounts = [
            self._amount(balance, name, text, "borrowed_amount_readable")
            for name, text in (("MARGINBALANCE", margin), ("SHORTBALANCE", short))
        ]
        if any(amounts):
            self.findings.add(
                "margin_balance_apart",
                f"margin balance {margin or 'not stated'}, short balance {short or 'not stated'}",
                balance,
            )
        return negated(margin) if amounts[0] is not None and amounts[0] < 0 else None

    def _amount(self, place: Element, name: str, text: str, rule: str) -> Decimal | None:
        """The amount of a balance, None where none is stated; one that is no amount is told."""
        amount = parse_amount(text)
        if amount is None and text:
            self.findings.add(rule, f"{name} {text!r}", place)
        return amount

    def _cash_once(self, balance: Element, stated: str, positions: Sequence[Held]) -> str | None:
        """The cash that is not among the positions: some institutions repeat the money fund there.

        The standard wants sweep funds inside AVAILCASH, so a money fund among the positions may or
        may not be counted in it. The worth of the account, where it is stated, tells.
        """
        worth = [position.worth for position in positions]
        available = parse_amount(stated)
        total = self._stated_total(balance)
        self.totals.append(total)
        if available is None or None in worth:
            # The suite says that the text is no number; sums cannot be compared.
            return stated
        held = sum((amount for amount in worth if amount is not None), Decimal(0))
        funds = [position.worth or Decimal(0) for position in positions if position.is_money_fund]
        fund = sum(funds, Decimal(0))
        tolerance = self.contract.tolerance("control_total") * (len(worth) + 1)
        if not fund:
            self._check_total(balance, total, held + available, tolerance)
            return stated
        return self._beside_or_inside(balance, stated, (available, fund, held), total, tolerance)

    def _beside_or_inside(
        self,
        balance: Element,
        stated: str,
        sums: tuple[Decimal, Decimal, Decimal],
        total: Decimal | None,
        tolerance: Decimal,
    ) -> str | None:
        available, fund, held = sums
        fits_beside = total is not None and abs(held + available - total) <= tolerance
        fits_inside = total is not None and abs(held + available - fund - total) <= tolerance
        is_same = abs(available - fund) <= self.contract.tolerance("control_total")
        if fits_beside and not fits_inside:
            return stated
        if total is None and not is_same and self._is_too_small_for(balance, available, fund):
            return stated
        if (fits_inside and not fits_beside) or (is_same and not fits_beside):
            self.findings.add(
                "cash_is_money_fund", f"AVAILCASH {stated} with a money fund of {fund}", balance
            )
            return format(available - fund, "f")
        self.findings.add(
            "cash_or_money_fund",
            f"AVAILCASH {stated}, a money fund of {fund}, "
            + ("no total" if total is None else f"a total of {total}"),
            balance,
        )
        return None

    def _is_too_small_for(self, balance: Element, available: Decimal, fund: Decimal) -> bool:
        """Cash of less than the fund cannot hold it, unless the difference is borrowed."""
        margin = amount_text(balance.value("MARGINBALANCE") or "")
        borrowed = parse_amount(margin or "0")
        return borrowed is not None and borrowed >= 0 and Decimal(0) <= available < fund

    def _stated_total(self, balance: Element) -> Decimal | None:
        """The worth of the whole account, where a balance of a known name states it."""
        for each in balance.descendants("BAL"):
            name = " ".join((each.value("NAME") or "").split()).lower()
            if name in self.layout["total_names"]:
                text = amount_text(each.value("VALUE") or "")
                return self._amount(each, "VALUE", text, "control_balance_readable")
        return None

    def _check_total(
        self, place: Element, total: Decimal | None, found: Decimal, tolerance: Decimal
    ) -> None:
        if total is not None and abs(total - found) > tolerance:
            self.findings.add(
                "control_total",
                f"a total of {total}",
                place,
                expected=f"{found}, the sum of the rows",
            )

    def _check_plan(self, statement: Element, positions: Sequence[Held]) -> None:
        """A plan's own total against its positions; some servers write zeros there."""
        plan = statement.first("INV401KBAL")
        if plan is None:
            return
        stated = {name: amount_text(plan.value(name) or "") for name in ("TOTAL", "CASHBAL")}
        total, cash = (
            self._amount(plan, name, text, "control_balance_readable")
            for name, text in stated.items()
        )
        if not stated["CASHBAL"]:
            # A plan that states no cash beside its investments has none in its total.
            cash = Decimal(0)
        worth = [position.worth for position in positions]
        if total is None or cash is None or None in worth:
            return
        held = sum((amount for amount in worth if amount is not None), Decimal(0))
        tolerance = self.contract.tolerance("control_total") * (len(worth) + 1)
        self._check_total(plan, total, held + cash, tolerance)

    # The whole file

    def _add(
        self, entity: str, element: Element, values: Values, *, text: str | None = None
    ) -> None:
        """Add a row; `text` instead of the element's own source, of a statement the whole file."""
        shown = self.document.source(element) if text is None else text
        self.collectors[entity].add(
            values, line=element.line, text=" ".join(shown.split()) or f"<{element.tag}>"
        )

    def reading(self) -> FileReading:
        """The reading of the whole file."""
        if len(self.dates) > 1:
            shown = ", ".join(str(day) for day in sorted(self.dates))
            self.findings.add("one_as_of_date", f"statements of {shown}")
        tables = {
            name: collector.table(entity_columns(name))
            for name, collector in self.collectors.items()
        }
        violations: list[Violation] = list(self.findings.violations)
        for name, table in tables.items():
            violations += duplicate_keys(
                table, self.contract.entity(name), self.contract, file_name=self.file.file_name
            )
        status = status_of(violations)
        totals = [total for total in self.totals if total is not None]
        days = [day for day in self.covered_from if day is not None]
        return FileReading(
            feed=self.contract.feed,
            stated_as_of_date=max(self.dates, default=None),
            as_of_source="FIELD" if self.dates else None,
            session_date=None,
            header_fingerprint=_fingerprint(self.document),
            parser_version=self.contract.parser_version,
            delivery_mode=self.contract.delivery_mode,
            tables={name: table for name, table in tables.items() if table.num_rows}
            if status == "LOADED"
            else {},
            covered_accounts=tuple(sorted(set(self.accounts))),
            row_count=self.row_count,
            control_row_count=None,
            control_amount=sum(totals, Decimal(0))
            if totals and len(totals) == len(self.accounts)
            else None,
            violations=tuple(violations),
            status=status,
            covered_from_date=max(days) if days and len(days) == len(self.covered_from) else None,
            covered_to_date=min(self.covered_to, default=None),
        )


def _fingerprint(document: OfxDocument) -> str:
    """Names which elements the institution writes, whatever their order and number."""
    names: set[str] = set()
    waiting = [document.root]
    while waiting:
        element = waiting.pop()
        names |= {f"{element.tag}/{child.tag}" for child in element.children}
        waiting += element.children
    return fingerprint(sorted(names))


def security_of(values: Values) -> str | None:
    """The first identifier of a row."""
    names = ("custodian_security_id", "cusip", "isin", "ticker")
    return next((str(values[name]) for name in names if values.get(name)), None)


def _sum(texts: Sequence[str | None]) -> str:
    """The exact sum; '' where a part is no number, so that the suite speaks of it."""
    amounts = [parse_amount(text or "") for text in texts]
    if any(amount is None for amount in amounts):
        return ""
    return format(sum((amount for amount in amounts if amount is not None), Decimal(0)), "f")
