"""What the custodian must be told so that a sale delivers the lots it was planned with.

Belongs here: whether the account's standing method would deliver exactly these lots, else which are
to be named, and until when. Does not belong here: which lots a plan sells, sending the order.
Sources: Reg. 1.1012-1(c)(1) (FIFO where no lot is adequately identified), (c)(8) (a standing order
identifies; else not later than the settlement date or the time Rule 15c6-1 sets, if earlier);
(e)(7), (e)(9) (average cost, and the notice that changes it).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple

from python_steps.lot_selection.methods import METHODS, SelectableLot, is_tie, order_lots
from python_steps.sessions import settlement_date

NOTHING = Decimal(0)
CENT = Decimal("0.01")

InstructionKind = Literal["standing_method", "specific_lots"]

# A standing order to name lots with each sale, and one that pools them, relieve by no order alone.
NAMED_WITH_EACH_SALE = "SPEC_ID"
AVERAGE = "AVERAGE"
# These rank by the gain, which moves with the price; the others do not look at it.
_PRICED_METHODS = frozenset({"MIN_TAX"})
_BASIS_METHODS = frozenset({"HIFO", "LOFO", "MIN_TAX"})


class CustodianLot(NamedTuple):
    """One open lot of a position as the custodian knows it, whatever our ledger makes of it.

    Attributes:
        lot_id: our id of the whole lot.
        source_lot_id: the custodian's own id, None where its files give none.
        acquisition_date: trade date of the purchase, None where it is not known.
        quantity: shares held in it.
        cost_basis: the custodian's basis, dollars, None where it is not known.
        is_long_term: by the custodian's dates on the planned trade date; None where not known.
    """

    lot_id: str
    source_lot_id: str | None
    acquisition_date: date | None
    quantity: Decimal
    cost_basis: Decimal | None
    is_long_term: bool | None


class LotInstruction(NamedTuple):
    """What goes to the custodian with a sale.

    Attributes:
        standing_method: the account's method as the custodian states it, None where it does not.
        kind: "standing_method": nothing need be said; "specific_lots": these lots must be named.
        words: why, and which lots.
        named_by: last day on which lots can be named; None where none need be.
    """

    standing_method: str | None
    kind: InstructionKind
    words: str
    named_by: date | None


def lot_instruction(
    standing_method: str | None,
    lots: Sequence[CustodianLot],
    delivered: Mapping[str, Decimal],
    price: Decimal,
    planned_trade_date: date,
    *,
    is_average_elected: bool = False,
) -> LotInstruction:
    """The instruction for one sale in a taxable account.

    Args:
        standing_method: the custodian's method for the account, None where it is not known.
        lots: every open lot of the position, also those that may not be sold.
        delivered: shares that the sale takes, by `lot_id`.
        price: the price that the plan counts with.
        planned_trade_date: the trade date; what settles it is the last day to name lots.
        is_average_elected: whether the sale was planned at the average of the pool.

    Raises:
        ValueError: the sale takes shares that the lots do not hold.
    """
    held = {lot.lot_id: lot.quantity for lot in lots}
    for lot_id, quantity in delivered.items():
        if quantity > held.get(lot_id, NOTHING):
            raise ValueError(f"{quantity} shares of lot {lot_id} are to be sold, it holds fewer")
    doubt = _why_not_by_itself(standing_method, lots, delivered, price, is_average_elected)
    if doubt is None:
        whole = sum(delivered.values(), NOTHING) == sum(held.values(), NOTHING)
        words = (
            "The whole position is sold: there is no lot to choose."
            if whole
            else f"The account's standing method {standing_method} delivers exactly these lots."
        )
        return LotInstruction(standing_method, "standing_method", words, None)
    named = "; ".join(_named(lot, delivered[lot.lot_id]) for lot in _sold(lots, delivered))
    return LotInstruction(
        standing_method,
        "specific_lots",
        f"Name these lots: {named}. {doubt}",
        settlement_date(planned_trade_date),
    )


def _why_not_by_itself(
    standing_method: str | None,
    lots: Sequence[CustodianLot],
    delivered: Mapping[str, Decimal],
    price: Decimal,
    is_average_elected: bool,
) -> str | None:
    """Why the standing method cannot be left to deliver the lots; None where it can."""
    if all(delivered.get(lot.lot_id, NOTHING) == lot.quantity for lot in lots):
        return None
    if standing_method is None:
        return "The custodian does not state the account's standing method."
    if standing_method not in METHODS:
        return f"The account's standing method {standing_method} is not one whose order is known."
    if standing_method == NAMED_WITH_EACH_SALE:
        return "The account's standing order is that lots are named with each sale."
    if standing_method == AVERAGE and not is_average_elected:
        return (
            "The account's standing method is average cost: whether the custodian's average holds "
            "for this security, and its notice in writing, must be settled before the sale."
        )
    if any(lot.acquisition_date is None for lot in lots):
        return f"{standing_method} cannot be followed: the date of a lot is not known."
    if standing_method in _BASIS_METHODS and any(
        lot.cost_basis is None or lot.is_long_term is None for lot in lots
    ):
        return f"{standing_method} cannot be followed: the custodian's basis is not known."
    for each in _prices(standing_method, lots, price):
        if not _is_delivered(standing_method, lots, delivered, each):
            moved = "" if each == price else ", should the price move,"
            return (
                f"The account's standing method {standing_method} would deliver other lots{moved} "
                "or chooses among equals."
            )
    return None


def _prices(method: str, lots: Sequence[CustodianLot], price: Decimal) -> Iterator[Decimal]:
    """The plan's price; for a method that ranks by the gain also one of all gains and all losses.

    Lots of one term stand by their cost at every price; of two terms which goes first turns between
    those two prices, so that an order that holds at both holds at any.
    """
    yield price
    if method in _PRICED_METHODS:
        costs = [lot.cost_basis / lot.quantity for lot in lots if lot.cost_basis is not None]
        yield max(costs) + 1
        yield min(costs) - 1


def _is_delivered(
    method: str, lots: Sequence[CustodianLot], delivered: Mapping[str, Decimal], price: Decimal
) -> bool:
    """Whether the first shares in the method's order are those delivered, and no tie decides it."""
    ordered = order_lots(method, [_selectable(lot, price) for lot in lots])
    sold = [lot for lot in ordered if delivered.get(lot.lot_id, NOTHING) > 0]
    kept = [lot for lot in ordered if delivered.get(lot.lot_id, NOTHING) < lot.quantity]
    last_sold, first_kept = ordered.index(sold[-1]), ordered.index(kept[0])
    if last_sold > first_kept:
        return False
    return not any(
        one.lot_id != other.lot_id and is_tie(method, one, other) for one in sold for other in kept
    )


def _selectable(lot: CustodianLot, price: Decimal) -> SelectableLot:
    return SelectableLot(
        lot_id=lot.lot_id,
        acquisition_date=lot.acquisition_date or date.min,
        quantity=lot.quantity,
        unit_cost=None if lot.cost_basis is None else lot.cost_basis / lot.quantity,
        price=price,
        is_long_term=bool(lot.is_long_term),
    )


def _sold(lots: Sequence[CustodianLot], delivered: Mapping[str, Decimal]) -> list[CustodianLot]:
    sold = [lot for lot in lots if delivered.get(lot.lot_id, NOTHING) > 0]
    return sorted(sold, key=lambda lot: (lot.acquisition_date or date.max, lot.lot_id))


def _named(lot: CustodianLot, quantity: Decimal) -> str:
    """Shares, date, cost and the custodian's id: what tells the lot from every other."""
    bought = (
        "of an unknown date"
        if lot.acquisition_date is None
        else f"bought {lot.acquisition_date.isoformat()}"
    )
    cost = (
        ""
        if lot.cost_basis is None
        else f" at ${(lot.cost_basis / lot.quantity).quantize(CENT):,.2f}"
    )
    own_id = f" (lot {lot.source_lot_id})" if lot.source_lot_id else ""
    return f"{quantity.normalize():f} {bought}{cost}{own_id}"
