"""What becomes an order: approved trades with all that a custodian and a trader must be told.

Belongs here: value types, and the check that they are whole. Does not belong here: how they are
read (orchestration), how they are put together (`blocks`). Money and shares are exact decimals.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

BUY = "buy"
SELL = "sell"
LIMIT = "limit"


class OrderError(ValueError):
    """An approved trade that cannot leave as an order; the message says which and why."""


class LotToDeliver(NamedTuple):
    """Shares of one tax lot that a sale delivers.

    `source_lot_id` is the custodian's own id of the lot, where it has given one.
    """

    lot_id: str
    source_lot_id: str | None
    acquisition_date: date | None
    quantity: Decimal


class Tradable(NamedTuple):
    """A security as a trader sees it.

    Attributes:
        security_id: of the security.
        ticker: as it is quoted.
        cusip: where it is known.
        name: in full.
        is_fund: whether it trades once a day at net asset value.
        average_daily_dollar_volume: None where it is not known, and of funds.
        cut_off_time: of a fund at its custodian, New York; None where it is not known.
    """

    security_id: str
    ticker: str
    cusip: str | None
    name: str
    is_fund: bool
    average_daily_dollar_volume: Decimal | None
    cut_off_time: str | None


class ApprovedTrade(NamedTuple):
    """One approved trade.

    Attributes:
        trade_id: of the proposed trade.
        plan_id: the plan it was approved with.
        household_id: whose.
        account_id: in which account.
        account_number: the custodian's number of it.
        custodian: who holds the account.
        security: what is traded.
        action: buy or sell.
        quantity: shares that may be traded, as proposed or as the advisor changed them.
        price: the plan's, dollars.
        is_in_dollars: whether the custodian takes the order as an amount.
        limit_price: the worst price, or None for an order without one.
        estimated_cost: commission, half spread and impact, dollars; None where it is not known.
        estimated_tax: the trade's share of the plan's tax, dollars; None where it is not known.
        lots: the lots to deliver; none of a purchase, nor where no lot matters.
        lot_instruction: the words to the custodian about lots, or None.
    """

    trade_id: str
    plan_id: str
    household_id: str
    account_id: str
    account_number: str
    custodian: str
    security: Tradable
    action: str
    quantity: Decimal
    price: Decimal
    is_in_dollars: bool
    limit_price: Decimal | None
    estimated_cost: Decimal | None
    estimated_tax: Decimal | None
    lots: tuple[LotToDeliver, ...] = ()
    lot_instruction: str | None = None

    @property
    def notional(self) -> Decimal:
        """Dollars at the plan's price, to the cent."""
        return (self.quantity * self.price).quantize(Decimal("0.01"))


def require_whole(trade: ApprovedTrade) -> None:
    """Make sure that an approved trade says what an order needs.

    Raises:
        OrderError: naming trade, account and what is wrong.
    """
    where = f"trade {trade.trade_id} of account {trade.account_id}"
    if trade.action not in (BUY, SELL):
        raise OrderError(f"{where}: {trade.action!r} is neither buy nor sell")
    if trade.quantity <= 0 or trade.price <= 0:
        raise OrderError(f"{where}: quantity {trade.quantity} at {trade.price} is no order")
    if not trade.account_number:
        raise OrderError(f"{where}: the custodian's account number is not known")
    if trade.action == BUY and trade.lots:
        raise OrderError(f"{where}: a purchase delivers no lots")
    delivered = sum((lot.quantity for lot in trade.lots), Decimal(0))
    if trade.lots and delivered != trade.quantity:
        told = f"{delivered.normalize():f} shares of {trade.quantity.normalize():f}"
        raise OrderError(f"{where}: the lots deliver {told}")
