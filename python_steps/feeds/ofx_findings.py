"""What is found wrong in an OFX document, with the account and the line it concerns.

Belongs here: the collecting of violations and the two checks that every aggregate shares. Does not
belong here: any reading of positions, cash or transactions. Source of the rules: `ofx.yaml`.
"""

from __future__ import annotations

from collections import Counter

from data_contracts.contract import FeedContract
from python_steps.feeds.ofx_document import Element
from python_steps.feeds.ofx_values import amount_text
from python_steps.findings import Violation

Values = dict[str, str | None]


class Findings:
    """Violations in the order in which they are met."""

    def __init__(self, file_name: str, contract: FeedContract) -> None:
        self.file_name = file_name
        self.contract = contract
        self.violations: list[Violation] = []
        self.account: str | None = None

    def add(
        self,
        rule: str,
        observed: str,
        element: Element | None = None,
        *,
        expected: str | None = None,
        entity: str | None = None,
        security: str | None = None,
    ) -> None:
        """Say that a rule is broken, at an element of the account at hand."""
        self.violations.append(
            self.contract.violation(
                rule,
                file_name=self.file_name,
                row=element.line if element else None,
                observed=observed,
                expected=expected,
                entity=entity,
                account_number=self.account,
                security_key=security,
            )
        )

    def check_once(self, element: Element) -> None:
        """Each value stands once in its aggregate; of two, neither is certain."""
        counted = Counter(child.tag for child in element.children if not child.children)
        for tag, times in counted.items():
            if times > 1:
                self.add("value_stated_once", f"{tag} {times} times in {element.tag}", element)
        for child in element.children:
            if child.tag in ("SECID", "INVPOS", "INVTRAN", "INVBUY", "INVSELL", "CURRENCY"):
                self.check_once(child)

    def currency_of(self, element: Element, default: str) -> Values:
        """Currency of an element's amounts and its rate to the statement's currency.

        CURRENCY says that the amounts are in another currency, ORIGCURRENCY that they were
        converted already.
        """
        symbol = (element.value("CURRENCY", "CURSYM") or "").strip()
        if not symbol or symbol == default:
            return {"currency": default, "fx_rate_to_base": None}
        rate = amount_text(element.value("CURRENCY", "CURRATE") or "")
        return {"currency": symbol, "fx_rate_to_base": rate or None}
