"""Bringing one security back under its concentration limit.

Belongs here: selling the excess where no tax falls due, and loss lots. Does not belong here:
purchases (the buy rules keep them under the limit), and sales at a gain: giving up a low basis for
a limit is an advisor's decision, so it goes to the exceptions. Source: `fct_concentration_limits`.
"""

from __future__ import annotations

from decimal import Decimal

from python_steps.planning.household import ConcentrationLimit, Position
from python_steps.planning.ledger import PlanLedger
from python_steps.planning.plan import RESTRICTION, Purpose
from python_steps.planning.sell_rules import LOSSES_ONLY
from python_steps.planning.swaps import Market, is_large_enough_sale

NOTHING = Decimal(0)


def excess_over_limit(market: Market, ledger: PlanLedger, limit: ConcentrationLimit) -> Decimal:
    """Dollars of a security above its limit after the plan so far, 0 when below or unknown."""
    security = market.index.securities.get(limit.security_id)
    room = None if security is None else market.buys.room(ledger, security)
    return NOTHING if room is None else max(NOTHING, -room)


def reduce_concentrations(market: Market, ledger: PlanLedger, group_id: str) -> None:
    """Sell what stands above a limit in the group's accounts, tax-advantaged accounts first."""
    for limit in market.index.household.concentration_limits:
        for position in _holdings(market, limit.security_id, group_id):
            excess = excess_over_limit(market, ledger, limit)
            price = market.index.securities[position.security_id].price
            lots = market.sells.eligible_lots(ledger, position, LOSSES_ONLY)
            if excess <= 0 or not price or not lots:
                continue
            shares = min(excess / price, ledger.saleable(position, lots))
            security = market.index.securities[position.security_id]
            purpose = Purpose(RESTRICTION, group_id, security.primary_class, None)
            if is_large_enough_sale(market, ledger, position, lots, shares):
                ledger.sell(position, lots, shares, purpose)


def _holdings(market: Market, security_id: str, group_id: str) -> list[Position]:
    accounts = market.index.accounts_of_group.get(group_id, [])
    order = sorted(accounts, key=lambda each: (each.is_taxable, each.account_id))
    found = (market.index.positions.get((account.account_id, security_id)) for account in order)
    return [position for position in found if position is not None]
