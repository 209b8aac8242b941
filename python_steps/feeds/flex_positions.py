"""The section Open Positions of a Flex document: positions, and tax lots below them.

Belongs here: which level of detail is which entity, wash sale codes of lots, and positions that are
sums of lots where a query has no summary rows. Does not belong here: other sections. Source of the
rules: `ibkr_flex.yaml`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from python_steps.feeds.flex_document import Element
from python_steps.feeds.flex_landing import (
    Landing,
    Values,
    account_of,
    codes_of,
    identifiers_of,
    sum_of,
    yes_no,
)

_SUMMED = {
    "quantity": "position",
    "market_value": "positionValue",
    "cost_basis": "costBasisMoney",
    "accrued_interest": "accruedInt",
}


class OpenPositions:
    """Reads the open positions of all statements; their report dates are the file's date."""

    def __init__(self, landing: Landing) -> None:
        self.landing = landing
        self.report_dates: dict[date, int] = {}

    def read(self, rows: Sequence[Element], account: str) -> None:
        """Every position and lot of one account; one level of detail is taken of each."""
        levels = self.landing.contract.mappings["levels"]
        by_level: dict[str, list[Element]] = {"summary": [], "lot": []}
        for row in rows:
            level = levels.get(row.attributes.get("levelOfDetail", "").upper())
            if level is None:
                self.landing.unknown_level(row, account)
                continue
            by_level[level].append(row)
            reported = self.landing.form.value(row.attributes.get("reportDate", ""))
            if reported is not None:
                self.report_dates.setdefault(reported, row.line)
        lots, summaries = by_level["lot"], by_level["summary"]
        for row in lots:
            self._lot(row, account)
        if lots and not summaries:
            self._positions_from_lots(lots, account)
        elif summaries and not lots:
            self.landing.broken(
                "lots_present",
                f"{len(summaries)} positions and no lot rows",
                summaries[0],
                account=account,
            )
        for row in summaries:
            self.landing.add("positions", row, self._position(row, account))

    def _position(self, row: Element, account: str) -> Values:
        values = self.landing.bound(self.landing.contract.entity("positions"), row)
        return {
            **values,
            **identifiers_of(values, row),
            "account_number": account_of(row, account),
            "long_short": self.landing.translated("sides", values.get("long_short")),
        }

    def _lot(self, row: Element, account: str) -> None:
        values = self.landing.bound(self.landing.contract.entity("tax_lots"), row)
        code = values.get("term")
        is_washed = code is not None and "LD" in codes_of(code)
        if is_washed and not values.get("holding_period_start_date"):
            self.landing.broken(
                "holding_period_stated",
                f"code {code} and no holdingPeriodDateTime",
                row,
                account=account,
                entity="tax_lots",
                security=row.attributes.get("conid") or row.attributes.get("symbol"),
            )
        self.landing.add(
            "tax_lots",
            row,
            {
                **values,
                **identifiers_of(values, row),
                "account_number": account_of(row, account),
                "term": self.landing.term(code),
                "wash_sale_flag": None if code is None else yes_no(is_washed),
            },
        )

    def _positions_from_lots(self, lots: Sequence[Element], account: str) -> None:
        """Positions as exact sums of lots, where the file has no summary rows at all."""
        groups: dict[tuple[str | None, ...], list[Element]] = {}
        for row in lots:
            values = self._position(row, account)
            key = tuple(
                values.get(name)
                for name in (
                    "account_number",
                    "custodian_security_id",
                    "isin",
                    "ticker",
                    "long_short",
                    "currency",
                )
            )
            groups.setdefault(key, []).append(row)
        for members in groups.values():
            sums = {name: sum_of(members, source) for name, source in _SUMMED.items()}
            self.landing.add(
                "positions", members[0], {**self._position(members[0], account), **sums}
            )
        self.landing.broken(
            "positions_from_lots",
            f"{len(lots)} lot rows and no summary rows; {len(groups)} positions are sums of lots",
            lots[0],
            account=account,
        )
