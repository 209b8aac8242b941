"""The sections Trades, Cash Transactions and Transfers of a Flex document.

Belongs here: what a row of these sections is, its type in the house's words, and which level of
detail counts. Does not belong here: other sections. Source of the rules: `ibkr_flex.yaml`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from python_steps.feeds.amounts import parse_amount
from python_steps.feeds.flex_dates import split_time
from python_steps.feeds.flex_document import Element
from python_steps.feeds.flex_landing import (
    OPTIONS,
    Landing,
    account_of,
    codes_of,
    identifiers_of,
    level_of,
    yes_no,
)


class Transactions:
    """Reads what happened in the accounts of all statements."""

    def __init__(self, landing: Landing) -> None:
        self.landing = landing

    def trades(self, rows: Sequence[Element], account: str) -> None:
        """Executions and closed lots; conversions of currency and wash sale rows are counted."""
        conversions = wash_sales = 0
        for row in rows:
            kind = self._trade_kind(row)
            notes = codes_of(row.attributes.get("notes", ""))
            is_conversion = row.attributes.get("assetCategory") == "CASH" or "AFx" in notes
            if kind is None:
                self.landing.unknown_level(row, account)
            elif kind == "wash sale":
                wash_sales += 1
            elif kind == "closed lot":
                self._closed_lot(row, account)
            elif kind == "execution" and is_conversion:
                conversions += 1
            elif kind == "execution":
                self._trade(row, account)
        for count, rule, words in (
            (conversions, "fx_conversions_left_out", "currency conversions"),
            (wash_sales, "wash_sale_rows_left_out", "wash sale rows"),
        ):
            if count:
                self.landing.broken(
                    rule, f"{count} {words} in section Trades", rows[0], account=account
                )

    def _trade_kind(self, row: Element) -> str | None:
        """What a row of Trades is: by its level where it states one, else by its element."""
        level = row.attributes.get("levelOfDetail", "").upper()
        if level:
            return self.landing.contract.mappings["trade_levels"].get(level)
        return self.landing.contract.mappings["trade_elements"].get(row.tag)

    def _trade(self, row: Element, account: str) -> None:
        values = self.landing.bound(self.landing.contract.entity("transactions"), row)
        side = row.attributes.get("buySell", "")
        is_cancel = side.endswith("(Ca.)")
        time = values.get("transaction_time")
        self.landing.add(
            "transactions",
            row,
            {
                **values,
                **identifiers_of(values, row),
                "account_number": account_of(row, account),
                "transaction_type": self._trade_type(row, side, account),
                "transaction_time": None
                if time is None
                else (time if "tradeTime" in row.attributes else split_time(time)[1]),
                "is_cancel": yes_no(is_cancel),
                "reversal_of": values.get("reversal_of") if is_cancel else None,
            },
        )

    def _trade_type(self, row: Element, side: str, account: str) -> str:
        """By option event, side and indicator; a query may leave the side out, then by the sign."""
        if not side:
            quantity = parse_amount(row.attributes.get("quantity", "")) or Decimal(0)
            side = "BUY" if quantity > 0 else "SELL" if quantity < 0 else ""
        notes = codes_of(row.attributes.get("notes", ""))
        types = self.landing.contract.mappings["trade_types"]
        if row.attributes.get("assetCategory") in OPTIONS:
            for note, event in self.landing.contract.mappings["option_events"].items():
                if note in notes:
                    return event
        opened = row.attributes.get("openCloseIndicator", "")
        reinvested = [event for note, event in self._reinvestments() if note in notes]
        if side == "BUY" and reinvested:
            return reinvested[0]
        found = types.get(f"{side} {opened}") or types.get(side)
        return found or self.landing.unknown_type(f"trade side {side!r}", row, account)

    def _reinvestments(self) -> list[tuple[str, str]]:
        return list(self.landing.contract.mappings["purchase_notes"].items())

    def _closed_lot(self, row: Element, account: str) -> None:
        values = self.landing.bound(self.landing.contract.entity("closed_lots"), row)
        self.landing.add(
            "closed_lots",
            row,
            {
                **values,
                **identifiers_of(values, row),
                "account_number": account_of(row, account),
                "term": self.landing.term(values.get("term")),
            },
        )

    def cash_transactions(self, rows: Sequence[Element], account: str) -> None:
        """One level only: details where there are any, since summaries repeat them."""
        detailed = [row for row in rows if level_of(row) == "DETAIL"]
        unlevelled = [row for row in rows if level_of(row) == ""]
        summaries = [row for row in rows if level_of(row) == "SUMMARY"]
        for row in rows:
            if level_of(row) not in ("DETAIL", "", "SUMMARY"):
                self.landing.unknown_level(row, account)
        if summaries and not detailed and not unlevelled:
            self.landing.broken(
                "cash_transactions_summary_only",
                f"{len(summaries)} summary rows of cash transactions and no detail rows",
                summaries[0],
                account=account,
            )
        for row in (detailed + unlevelled) or summaries:
            values = self.landing.bound(self.landing.contract.entity("transactions"), row)
            self.landing.add(
                "transactions",
                row,
                {
                    **values,
                    **identifiers_of(values, row),
                    "account_number": account_of(row, account),
                    "transaction_type": self._cash_type(row, account),
                },
            )

    def _cash_type(self, row: Element, account: str) -> str:
        kind = row.attributes.get("type", "")
        amount = parse_amount(row.attributes.get("amount", "")) or Decimal(0)
        types = self.landing.contract.mappings["cash_types"]
        found = types.get(kind) or types.get(f"{kind} {'out' if amount < 0 else 'in'}")
        return found or self.landing.unknown_type(f"cash transaction type {kind!r}", row, account)

    def transfers(self, rows: Sequence[Element], account: str) -> None:
        """Securities and cash that moved in or out, by their direction."""
        types = self.landing.contract.mappings["transfer_types"]
        for row in rows:
            direction = row.attributes.get("direction", "")
            values = self.landing.bound(self.landing.contract.entity("transactions"), row)
            kind = types.get(direction.upper()) or self.landing.unknown_type(
                f"transfer direction {direction!r}", row, account
            )
            quantity = parse_amount(values.get("quantity") or "") or Decimal(0)
            if (kind == "TRANSFER_OUT" and quantity > 0) or (
                kind == "TRANSFER_IN" and quantity < 0
            ):
                self.landing.broken(
                    "quantity_sign",
                    f"quantity {quantity} of direction {direction}",
                    row,
                    account=account,
                )
            self.landing.add(
                "transactions",
                row,
                {
                    **values,
                    **identifiers_of(values, row),
                    "account_number": account_of(row, account),
                    "transaction_type": kind,
                },
            )
