"""What an order costs: commission, half-spread and market impact.

Belongs here: the cost of one order of a given size. Does not belong here: whether it is worth it.
Rule: an unknown cost is not zero. A security without a half-spread of its own has the firm's
figure for its type (seed_security_costs: rows of a type, in basis points, with their source), which
the plan tells as an assumption. One whose type has no figure either is neither bought nor sold,
whatever the need: a person who sees a quote can decide, a plan cannot tell what a sale would bring.
Sources: half-spread times notional; square-root impact Y x sigma x sqrt(Q / ADV) x Q with the
firm's coefficient Y, daily sigma from the class volatilities (Grinold-Kahn; see the policy).
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal
from typing import NamedTuple

from python_steps.planning.household import FUND_TYPES, MarketAssumptions, Security, TradeTerms
from python_steps.policy import FirmPolicy

CENT = Decimal("0.01")
NOTHING = Decimal(0)
ROOT_OF_TRADING_DAYS = Decimal(252).sqrt()
# An exchange-traded security of unknown volume is charged as if the order were a hundredth of a
# day's volume: about ten times what a household's order in a listed fund really takes part in.
ASSUMED_PARTICIPATION = Decimal("0.01")


class OrderCost(NamedTuple):
    """Cost of an order by component, dollars, to the cent."""

    commission: Decimal
    spread_cost: Decimal
    market_impact: Decimal

    @property
    def total(self) -> Decimal:
        """Sum of the components."""
        return self.commission + self.spread_cost + self.market_impact


class ImpactLaw(NamedTuple):
    """Impact as floats: `flat`, and `per_root` for every root of a dollar; shares of the order."""

    flat: float
    per_root: float

    def rate(self, dollars: float) -> float:
        """Impact of an order, share of it."""
        return self.flat + self.per_root * math.sqrt(dollars) if dollars > 0.0 else 0.0


def commission_of(policy: FirmPolicy, terms: TradeTerms) -> Decimal:
    """The custodian's fee for the security, else the firm's ordinary commission."""
    fee = terms.transaction_fee
    return policy.commission_per_trade if fee is None else fee


class CostModel:
    """Costs of orders under one firm's policy."""

    def __init__(self, policy: FirmPolicy, assumptions: MarketAssumptions) -> None:
        self._policy = policy
        self._yearly_volatility = {
            name: Decimal(str(assumed)) for name, assumed in assumptions.volatility.items()
        }
        self._worst = max(self._yearly_volatility.values(), default=NOTHING)
        self._daily_volatility: dict[str, Decimal] = {}

    def commission(self, terms: TradeTerms) -> Decimal:
        """The custodian's fee for the security, else the firm's ordinary commission."""
        return commission_of(self._policy, terms)

    @staticmethod
    def half_spread(security: Security) -> Decimal:
        """Half of the bid-ask spread, share of the price.

        Raises:
            ValueError: it is not known; nothing may be planned in such a security.
        """
        if security.half_spread is None:
            raise ValueError(f"security {security.security_id}: trading cost is not known")
        return security.half_spread

    def of_order(self, security: Security, terms: TradeTerms, notional: Decimal) -> OrderCost:
        """Cost of trading `notional` dollars of a security in one order."""
        return OrderCost(
            commission=self.commission(terms),
            spread_cost=(notional * self.half_spread(security)).quantize(
                CENT, rounding=ROUND_HALF_UP
            ),
            market_impact=self._impact(security, notional),
        )

    def impact_rate(self, security: Security, notional: Decimal) -> Decimal:
        """Market impact of an order of `notional` dollars, share of it."""
        if security.security_type in FUND_TYPES or notional <= 0:
            return NOTHING  # funds trade at net asset value
        volume = security.average_daily_dollar_volume
        participation = notional / volume if volume else ASSUMED_PARTICIPATION
        return self._policy.impact_coefficient * self._volatility(security) * participation.sqrt()

    def impact_law(self, security: Security) -> ImpactLaw:
        """`impact_rate` for orders of any size, as floats: a solver needs no exact decimals."""
        if security.security_type in FUND_TYPES:
            return ImpactLaw(0.0, 0.0)
        volume = security.average_daily_dollar_volume
        one = self._policy.impact_coefficient * self._volatility(security)
        if not volume:
            return ImpactLaw(float(one * ASSUMED_PARTICIPATION.sqrt()), 0.0)
        return ImpactLaw(0.0, float(one) / math.sqrt(volume))

    def _impact(self, security: Security, notional: Decimal) -> Decimal:
        return (self.impact_rate(security, notional) * notional).quantize(CENT, rounding=ROUND_UP)

    def _volatility(self, security: Security) -> Decimal:
        """Daily volatility from the class mix; a class without an assumption is the worst."""
        known = self._daily_volatility.get(security.security_id)
        if known is None:
            yearly = sum(
                (
                    weight * self._yearly_volatility.get(name, self._worst)
                    for name, weight in security.class_weights
                ),
                NOTHING,
            )
            known = yearly / ROOT_OF_TRADING_DAYS
            self._daily_volatility[security.security_id] = known
        return known
