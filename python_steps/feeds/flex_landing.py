"""Rows of a Flex document on their way into tables, whatever section they stand in.

Belongs here: the binding of attributes to columns, levels, codes and accounts of a row, and what is
found wrong. Does not belong here: what a section's rows mean (flex_positions, flex_transactions,
flex_accounts). Source of the rules: `ibkr_flex.yaml`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from data_contracts.contract import Entity, FeedContract
from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.flex_dates import DateFormat
from python_steps.feeds.flex_document import Element
from python_steps.feeds.received import ReceivedFile
from python_steps.feeds.tables import RowCollector
from python_steps.findings import Violation

Values = dict[str, str | None]
OPTIONS = ("OPT", "FOP", "WAR", "IOPT")


class Landing:
    """Collects the rows of all statements of a file, and what is wrong with them."""

    def __init__(self, file: ReceivedFile, contract: FeedContract, form: DateFormat) -> None:
        self.file = file
        self.contract = contract
        self.form = form
        self.violations: list[Violation] = []
        self.collectors = {name: RowCollector(entity) for name, entity in contract.entities.items()}

    def bound(self, entity: Entity, element: Element) -> Values:
        """The columns that the element has: the first filled alias counts, '' where all are empty.

        A column none of whose attributes the element has stays out, so that it becomes null.
        """
        values: Values = {}
        for column in entity.columns:
            for alias in column.aliases:
                tag, _, name = alias.partition("@")
                if tag not in ("*", element.tag) or name not in element.attributes:
                    continue
                text = element.attributes[name]
                if text or column.name not in values:
                    values[column.name] = (
                        self.form.restated(text) if column.type == "date" else text
                    )
                if text:
                    break
        return values

    def add(self, entity: str, element: Element, values: Values) -> None:
        """Add one row to the table of an entity."""
        self.collectors[entity].add(values, line=element.line, text=element.text())

    def translated(self, table: str, text: str | None) -> str | None:
        """The house's word of a contract's table; a word that it lacks stays as it is."""
        return None if text is None else self.contract.mappings[table].get(text, text)

    def term(self, code: str | None) -> str | None:
        """SHORT or LONG where the code says so, '' where it is silent, null without a code."""
        if code is None:
            return None
        terms = self.contract.mappings["terms"]
        return next((terms[part] for part in codes_of(code) if part in terms), "")

    def unknown_level(self, row: Element, account: str) -> None:
        """Say that a row's level of detail is none that the contract knows."""
        level = row.attributes.get("levelOfDetail", "")
        self.broken(
            "level_of_detail_known", f"{row.tag} with level {level!r}", row, account=account
        )

    def unknown_type(self, words: str, row: Element, account: str) -> str:
        """Say that a type is not known; the transaction is of type OTHER."""
        self.broken("transaction_type_known", words, row, account=account, entity="transactions")
        return "OTHER"

    def broken(
        self,
        rule: str,
        observed: str,
        element: Element,
        *,
        account: str | None = None,
        entity: str | None = None,
        security: str | None = None,
    ) -> None:
        """Say that a rule is broken."""
        self.violations.append(
            self.contract.violation(
                rule,
                file_name=self.file.file_name,
                row=element.line,
                observed=observed,
                account_number=account,
                entity=entity,
                security_key=security,
            )
        )


def level_of(row: Element) -> str:
    """The level of detail that a row states, in capitals; '' for none."""
    return row.attributes.get("levelOfDetail", "").upper()


def codes_of(text: str) -> list[str]:
    """The codes of an attribute such as `ST;LD`."""
    return [part.strip() for part in text.replace(",", ";").split(";") if part.strip()]


def account_of(row: Element, account: str) -> str:
    """The account that a row names, else that of its statement."""
    return row.attributes.get("accountId") or account


def yes_no(value: bool) -> str:
    """A boolean as text."""
    return "true" if value else "false"


def identifiers_of(values: Values, row: Element) -> Values:
    """Fill an empty CUSIP or ISIN from securityID where securityIDType says what it is."""
    kind = row.attributes.get("securityIDType", "").lower()
    if kind in ("cusip", "isin") and not values.get(kind) and row.attributes.get("securityID"):
        return {kind: row.attributes["securityID"]}
    return {}


def sum_of(rows: Sequence[Element], name: str) -> str | None:
    """The exact sum of an attribute; null where no row has it, '' where a row's is no number."""
    if not any(name in row.attributes for row in rows):
        return None
    amounts = [parse_amount(row.attributes.get(name, "")) for row in rows]
    if any(amount is None for amount in amounts):
        return ""
    return format(sum((amount for amount in amounts if amount is not None), Decimal(0)), "f")
