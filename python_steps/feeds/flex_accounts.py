"""What a Flex statement says of an account itself, its cash, rates, actions and securities.

Belongs here: base currency, balances by currency, rates to base, corporate actions, and each
security once. Does not belong here: positions, lots and transactions. Source of the rules:
`ibkr_flex.yaml`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.flex_corporate_actions import stated_actions
from python_steps.feeds.flex_document import Element, Statement
from python_steps.feeds.flex_landing import (
    OPTIONS,
    Landing,
    account_of,
    identifiers_of,
    level_of,
    yes_no,
)


class AccountFacts:
    """Reads what stands beside positions and transactions, in all statements."""

    def __init__(self, landing: Landing) -> None:
        self.landing = landing
        self.securities_seen: set[tuple[str, ...]] = set()
        self.rates_seen: set[tuple[str | None, ...]] = set()

    def account(self, statement: Statement, account: str, positions: list[Element]) -> str | None:
        """The accounts row; returns the base currency where it is stated or certain."""
        rows = statement.sections.get("AccountInformation", [])
        entity = self.landing.contract.entity("accounts")
        element = rows[0] if rows else statement.element
        values = self.landing.bound(entity, element)
        base = values.get("base_currency") or None
        if base is None:
            base = _currency_at_rate_one(positions)
            reason = (
                f"no base currency; {base} is the one whose rate to base is always 1"
                if base
                else "no base currency"
            )
            self.landing.broken("base_currency_stated", reason, element, account=account)
        kind, capabilities = values.get("registration_type"), values.get("is_margin")
        registrations = self.landing.contract.mappings["registration_types"]
        kept = {alias.partition("@")[2] for column in entity.columns for alias in column.aliases}
        self.landing.collectors["accounts"].add(
            {
                **values,
                "account_number": account,
                "base_currency": base,
                "registration_type": registrations.get(kind, "OTHER") if kind else kind,
                "is_margin": yes_no("Margin" in capabilities) if capabilities else capabilities,
            },
            line=element.line,
            # Names and addresses stand in this element: only what the contract names is kept.
            text=element.text(sorted(kept)),
        )
        return base

    def cash_report(
        self, rows: Sequence[Element], statement: Statement, account: str, base: str | None
    ) -> None:
        """One balance for each currency; the summary in base currency only where it is alone."""
        by_currency = [row for row in rows if row.attributes.get("currency") != "BASE_SUMMARY"]
        summaries = [row for row in rows if row.attributes.get("currency") == "BASE_SUMMARY"]
        entity = self.landing.contract.entity("cash_balances")
        if not by_currency:
            found = "only the summary in base currency" if summaries else "no Cash Report"
            self.landing.broken(
                "cash_report_present",
                found,
                summaries[0] if summaries else statement.element,
                account=account,
            )
        chosen = by_currency or (summaries if base else [])
        for row in chosen:
            values = self.landing.bound(entity, row)
            currency = values.get("currency") if by_currency else base
            self.landing.add(
                "cash_balances",
                row,
                {**values, "account_number": account_of(row, account), "currency": currency},
            )

    def rates(self, statement: Statement, positions: Sequence[Element], base: str | None) -> None:
        """Each rate once, from the rates section and from the positions' rates to base."""
        entity = self.landing.contract.entity("fx_rates")
        rows = [*statement.sections.get("ConversionRates", []), *(positions if base else [])]
        for row in rows:
            values = self.landing.bound(entity, row)
            if row.tag != "ConversionRate":
                values["to_currency"] = base
            identity = tuple(
                values.get(name) for name in ("from_currency", "to_currency", "rate_date", "rate")
            )
            is_useless = values.get("from_currency") == values.get("to_currency")
            if is_useless or not values.get("rate") or identity in self.rates_seen:
                continue
            self.rates_seen.add(identity)
            self.landing.add("fx_rates", row, values)

    def corporate_actions(self, rows: Sequence[Element], account: str) -> None:
        """The actions that a row states in terms; the others are told."""
        detailed = [row for row in rows if level_of(row) in ("DETAIL", "")]
        stated, unread = stated_actions(detailed or rows)
        for action in stated:
            values = self.landing.bound(
                self.landing.contract.entity("corporate_actions"), action.element
            )
            self.landing.add(
                "corporate_actions",
                action.element,
                {**values, **identifiers_of(values, action.element), **action.values},
            )
        for row in unread:
            words = row.attributes.get("description", "")
            self.landing.broken(
                "corporate_action_stated",
                f"type {row.attributes.get('type', '')!r}: {words[:120]}",
                row,
                account=account,
                entity="corporate_actions",
                security=row.attributes.get("conid") or row.attributes.get("symbol"),
            )

    def securities(self, statement: Statement) -> None:
        """Each security once: from the securities section first, else from a row that names it."""
        entity = self.landing.contract.entity("securities")
        rows = [
            row
            for section in ("SecuritiesInfo", "OpenPositions", "Trades", "CashTransactions")
            for row in statement.sections.get(section, [])
            if row.attributes.get("symbol") and row.attributes.get("assetCategory", "") != "CASH"
        ]
        for row in rows:
            values = self.landing.bound(entity, row)
            values |= identifiers_of(values, row)
            conid = values.get("custodian_security_id") or ""
            identity = (conid,) if conid else (values.get("isin") or "", values.get("ticker") or "")
            if identity in self.securities_seen:
                continue
            self.securities_seen.add(identity)
            category = row.attributes.get("assetCategory", "")
            underlying = values.get("underlying_ticker")
            self.landing.add(
                "securities",
                row,
                {
                    **values,
                    "security_type": self._security_type(row, category),
                    "put_call": self.landing.translated("put_call", values.get("put_call")),
                    "expiration_date": values.get("expiration_date")
                    if category in OPTIONS
                    else None,
                    "price_factor": self.landing.contract.mappings["price_factors"].get(category),
                    "underlying_ticker": None if underlying == values.get("ticker") else underlying,
                },
            )

    def _security_type(self, row: Element, category: str) -> str:
        types = self.landing.contract.mappings["security_types"]
        sub_category = row.attributes.get("subCategory", "")
        found = types.get(f"{category}/{sub_category}") or types.get(category)
        if found:
            return found
        self.landing.broken(
            "security_type_known",
            f"asset category {category!r} of {row.attributes.get('symbol', '')}",
            row,
            entity="securities",
            security=row.attributes.get("conid") or row.attributes.get("symbol"),
        )
        return "OTHER"


def _currency_at_rate_one(positions: Sequence[Element]) -> str | None:
    """The only currency whose rate to base is 1 on every row, which then is the base."""
    rates: dict[str, set[Decimal | None]] = {}
    for row in positions:
        rate = parse_amount(row.attributes.get("fxRateToBase", ""))
        rates.setdefault(row.attributes.get("currency", ""), set()).add(rate)
    at_one = [currency for currency, found in rates.items() if currency and found == {Decimal(1)}]
    return at_one[0] if len(at_one) == 1 else None
