"""May what is approved be traded without what is not? The checks of a whole set of decisions.

Belongs here: quantities, cash of each account, prices that moved, consent, gains, concentration and
the pre-trade screen, each over what would really be traded. Does not belong here: the planner's own
proof of the whole plan, which stands as long as all of it is approved; the wash-sale law
(wash_sales.screen). Every check answers with the cell that decides it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from python_steps.decisions.decision_cells import WrittenDecision
from python_steps.decisions.plan_facts import PlanFacts, Row
from python_steps.decisions.refusals import Refusal, shown_value
from python_steps.decisions.stamp import DECISION, OVERRIDE, QUANTITY_OVERRIDE
from python_steps.policy import FirmPolicy
from python_steps.wash_sales.order_screen import Order, OrderError, identity_of, judge_order
from python_steps.wash_sales.policy import WashSalePolicy

NOTHING: Final = Decimal(0)
CENT: Final = Decimal("0.01")
# Ordinary terms, where a custodian states none: these trade in dollars, all else in whole shares.
_FRACTIONAL_TYPES: Final = ("MUTUAL_FUND", "MONEY_MARKET")
_TAXABLE: Final = "taxable"


@dataclass(frozen=True)
class DecidedTrade:
    """A trade of the plan with what was decided of it; `quantity` is what would be traded."""

    row: Row
    written: WrittenDecision
    quantity: Decimal

    @property
    def is_as_proposed(self) -> bool:
        """Whether it would be traded exactly as the plan proposes."""
        return bool(self.quantity == self.row["quantity"])

    @property
    def share(self) -> Decimal:
        """What part of the proposed quantity would be traded."""
        return Decimal(self.quantity / self.row["quantity"])

    @property
    def notional(self) -> Decimal:
        """Dollars at the plan's price."""
        return Decimal(self.quantity * self.row["price"])

    @property
    def cost(self) -> Decimal:
        """Commission, spread and impact; impact grows faster than the quantity."""
        spread, impact = self.row["spread_cost"], self.row["market_impact"]
        growth = self.share if self.share <= 1 else self.share * self.share.sqrt()
        return Decimal(self.row["commission"] + spread * self.share + impact * growth)


@dataclass(frozen=True)
class OrderSet:
    """Everything that a file decides about one plan.

    Attributes:
        sheet: name of the sheet of the trades.
        traded: approved and overridden trades, by trade.
        proposed: every trade of the plan, by trade.
        execution_date: the session on which the orders can be given.
        planned_trade_date: the session that the plan was proved for.
    """

    sheet: str
    traded: Mapping[str, DecidedTrade]
    proposed: Mapping[str, Row]
    execution_date: date
    planned_trade_date: date

    def refusal(self, trade: DecidedTrade, check: str, reason: str, what: str) -> Refusal:
        """A refusal at the cell that decides the trade."""
        is_override = trade.written.decision == OVERRIDE
        place = trade.written.places[QUANTITY_OVERRIDE if is_override else DECISION]
        value = trade.quantity.normalize() if is_override else trade.written.decision
        text = f"{value:f}" if isinstance(value, Decimal) else value
        return Refusal(check, self.sheet, place, shown_value(text), reason, what)


def order_refusals(
    orders: OrderSet, facts: PlanFacts, policy: FirmPolicy, wash_sales: WashSalePolicy
) -> list[Refusal]:
    """Every reason why the approved trades may not leave as they were decided."""
    return [
        *_quantities(orders, facts, policy),
        *_permissions(orders, facts),
        *_consents(orders, facts),
        *_price_moves(orders, facts, policy),
        *_cash(orders, facts, policy),
        *_gains(orders, facts),
        *_concentrations(orders, facts),
        *_wash_sales(orders, facts, wash_sales),
    ]


def lots_of_sale(quantity: Decimal, lots: Sequence[Row]) -> list[tuple[Row, Decimal]]:
    """The lots that a smaller sale delivers: of those the plan names, the least gain a share first.

    The plan's own proof of lots holds for each of them, and the sale realises no more gain than
    any other choice of so many shares among them.
    """
    chosen, left = [], quantity
    for lot in sorted(lots, key=_gain_per_share):
        taken = min(left, lot["quantity"])
        if taken > 0:
            chosen.append((lot, taken))
            left -= taken
    return chosen


def _gain_per_share(lot: Row) -> tuple[bool, Decimal, date, str]:
    gain = lot["realized_gain"]
    per_share = NOTHING if gain is None else Decimal(gain / lot["quantity"])
    return gain is None, per_share, lot["acquisition_date"] or date.max, lot["lot_id"]


def _quantities(orders: OrderSet, facts: PlanFacts, policy: FirmPolicy) -> Iterator[Refusal]:
    for trade in orders.traded.values():
        if trade.written.decision != OVERRIDE:
            continue
        for reason in _wrong_quantity(trade, facts, policy):
            what = f"Write a quantity up to {_shares(trade.row['quantity'])}, or Approve or Reject."
            yield orders.refusal(trade, "override_quantity_is_allowed", reason, what)


def _wrong_quantity(trade: DecidedTrade, facts: PlanFacts, policy: FirmPolicy) -> Iterator[str]:
    row = trade.row
    proposed = row["quantity"]
    is_whole = trade.quantity == trade.quantity.to_integral_value()
    if not is_whole and not _is_fractional(trade, facts) and not _is_whole_position(trade, facts):
        yield "this security is traded in whole shares there"
    largest = proposed * (1 + policy.override_increase_share)
    if trade.quantity > largest:
        yield f"the plan proposes {_shares(proposed)} shares; the firm allows {_shares(largest)}"
    if row["action"] == "sell":
        constraint = facts.constraints.get((row["account_id"], row["security_id"]))
        sellable = None if constraint is None else constraint["sellable_quantity"]
        if sellable is None:
            yield "how many shares may be sold is not known"
        elif trade.quantity > sellable:
            yield f"{_shares(sellable)} shares may be sold"
        named = sum((lot["quantity"] for lot in facts.trade_lots.get(row["trade_id"], ())), NOTHING)
        if _is_taxable(row, facts) and trade.quantity > named:
            yield f"the plan names lots for {_shares(named)} shares; the tax of more is not known"
    yield from _below_minimum(trade, facts)


def _below_minimum(trade: DecidedTrade, facts: PlanFacts) -> Iterator[str]:
    terms = facts.terms.get(trade.row["trade_id"])
    minimum = None if terms is None else terms["minimum_amount"]
    if trade.row["action"] == "buy" and minimum is not None and trade.notional < minimum:
        yield f"{_dollars(trade.notional)} is less than the custodian's minimum {_dollars(minimum)}"


def _is_fractional(trade: DecidedTrade, facts: PlanFacts) -> bool:
    terms = facts.terms.get(trade.row["trade_id"])
    if terms is not None:
        return bool(terms["is_fractional"] or terms["trades_in"] == "dollars")
    security = facts.securities.get(trade.row["security_id"])
    return security is not None and security["security_type"] in _FRACTIONAL_TYPES


def _is_whole_position(trade: DecidedTrade, facts: PlanFacts) -> bool:
    """A whole position may go with its fraction: the custodian cashes it out."""
    key = (trade.row["account_id"], trade.row["security_id"])
    return bool(trade.row["action"] == "sell" and facts.held.get(key) == trade.quantity)


def _permissions(orders: OrderSet, facts: PlanFacts) -> Iterator[Refusal]:
    what = "Reject this trade; the next plan follows the rule."
    for trade in orders.traded.values():
        row = trade.row
        account = facts.accounts[row["account_id"]]
        constraint = facts.constraints.get((row["account_id"], row["security_id"]))
        if not account["is_tradable"] or account["is_trading_blocked"]:
            reason = account["trading_blocked_reason"] or "this account may not be traded"
            yield orders.refusal(trade, "account_may_trade", reason, what)
        elif row["action"] == "buy" and (constraint is None or not constraint["is_buyable"]):
            reason = (constraint and constraint["reason"]) or "nothing permits this purchase"
            yield orders.refusal(trade, "security_may_be_bought", reason, what)


def _consents(orders: OrderSet, facts: PlanFacts) -> Iterator[Refusal]:
    for trade in orders.traded.values():
        account = facts.accounts[trade.row["account_id"]]
        # What the firm's file does not say is no discretion.
        if account["is_discretionary"] is True:
            continue
        if trade.row["account_id"] not in facts.accounts_with_consent:
            reason = "the account is not discretionary and no consent to this plan is on record"
            what = (
                f"Record it: evenkeel consent {trade.row['plan_id']} "
                f"--account {trade.row['account_id']}, then return the file again."
            )
            yield orders.refusal(trade, "client_has_consented", reason, what)


def _price_moves(orders: OrderSet, facts: PlanFacts, policy: FirmPolicy) -> Iterator[Refusal]:
    limit = policy.approval_price_move_limit
    for trade in orders.traded.values():
        known = facts.prices.get(trade.row["security_id"])
        if known is None:
            continue
        move = known.price / trade.row["price"] - 1
        if abs(move) > limit:
            yield Refusal(
                "price_is_near_the_plans",
                orders.sheet,
                trade.written.places["price"],
                shown_value(trade.row["price"].normalize()),
                f"the price is {_dollars(known.price)} by {known.source}: it moved {move:+.2%}, "
                f"more than {limit:.2%}, so the plan is stale",
                "Run the night again with new prices, or reject the trade.",
            )


def _cash(orders: OrderSet, facts: PlanFacts, policy: FirmPolicy) -> Iterator[Refusal]:
    """No account may be overdrawn by the approved buys, each account by itself.

    Where all of an account's trades are approved as proposed, the plan's own proof holds. Else the
    buys must survive the firm's move of price, as the planner's do.
    """
    for account_id in sorted({trade.row["account_id"] for trade in orders.traded.values()}):
        trades = [each for each in orders.traded.values() if each.row["account_id"] == account_id]
        proposed = [row for row in orders.proposed.values() if row["account_id"] == account_id]
        buys = [trade for trade in trades if trade.row["action"] == "buy"]
        if not buys or (len(trades) == len(proposed) and all(one.is_as_proposed for one in trades)):
            continue
        yield from _overdrawn(orders, facts, account_id, trades, policy.execution_buffer)


def _overdrawn(
    orders: OrderSet,
    facts: PlanFacts,
    account_id: str,
    trades: Sequence[DecidedTrade],
    buffer: Decimal,
) -> Iterator[Refusal]:
    buys = [trade for trade in trades if trade.row["action"] == "buy"]
    sells = [trade for trade in trades if trade.row["action"] == "sell"]
    largest = _largest(buys)
    cash = facts.cash.get(account_id)
    what = "Approve the sells that pay for the buys too, or override the buys to what is there."
    if cash is None or cash["investable"] is None:
        reason = "no cash is known for this account, so nobody knows what pays for the buys"
        yield orders.refusal(largest, "account_cash_is_sufficient", reason, what)
        return
    raised = sum((trade.notional - trade.cost for trade in sells), NOTHING)
    spent = sum((trade.notional + trade.cost for trade in buys), NOTHING)
    kept = spent + sum((trade.notional * buffer for trade in buys), NOTHING)
    available = cash["investable"] + raised
    if kept > available + CENT:
        account = facts.accounts[account_id]
        reason = (
            f"the approved buys in {account['account_name'] or account_id} need {_dollars(kept)} "
            f"with costs and {buffer:.2%} for moving prices; its cash is "
            f"{_dollars(cash['investable'])} and the approved sells bring {_dollars(raised)}: "
            f"{_dollars(kept - available)} is missing"
        )
        yield orders.refusal(largest, "account_cash_is_sufficient", reason, what)


def _gains(orders: OrderSet, facts: PlanFacts) -> Iterator[Refusal]:
    """A budget for gains that the plan kept with its losses is not kept without them."""
    if facts.household["annual_gains_budget"] is None:
        return
    planned = sum((_gain(row, row["quantity"], facts) for row in orders.proposed.values()), NOTHING)
    gains = {
        trade_id: _gain(trade.row, trade.quantity, facts)
        for trade_id, trade in orders.traded.items()
    }
    decided = sum(gains.values(), NOTHING)
    gaining = [trade for trade_id, trade in orders.traded.items() if gains[trade_id] > 0]
    if gaining and decided > planned + CENT * len(gains):
        reason = (
            f"the approved sales realise {_dollars(decided)} net, the plan {_dollars(planned)}: it "
            "keeps the household's budget for gains with losses that are not approved"
        )
        what = "Approve the sales at a loss too, or reject sales at a gain."
        yield orders.refusal(_largest(gaining), "gains_stay_inside_the_budget", reason, what)


def _gain(row: Row, quantity: Decimal, facts: PlanFacts) -> Decimal:
    """What so many shares of a sale realise for tax, by the lots that they deliver."""
    if row["action"] != "sell" or not _is_taxable(row, facts):
        return NOTHING
    delivered = lots_of_sale(quantity, facts.trade_lots.get(row["trade_id"], ()))
    return sum((_gain_of(lot, taken) for lot, taken in delivered), NOTHING)


def _gain_of(lot: Row, taken: Decimal) -> Decimal:
    gain = lot["realized_gain"]
    return NOTHING if gain is None else Decimal(gain * taken / lot["quantity"])


def _concentrations(orders: OrderSet, facts: PlanFacts) -> Iterator[Refusal]:
    """More of a security than the plan would hold may be more than its limit allows."""
    base = facts.household["market_value"]
    for security_id, limit in sorted(facts.limit_weights.items()):
        planned = [row for row in orders.proposed.values() if row["security_id"] == security_id]
        traded = [one for one in orders.traded.values() if one.row["security_id"] == security_id]
        bought = sum((_signed(one.row, one.notional) for one in traded), NOTHING)
        if bought <= 0 or bought <= sum(
            (_signed(row, row["notional"]) for row in planned), NOTHING
        ):
            continue
        held = facts.household_held_values.get(security_id, NOTHING)
        if base is None or held is None or held + bought > limit * base:
            buys = [one for one in traded if one.row["action"] == "buy"]
            reason = f"more than {limit:.2%} of the household would stand in this security"
            what = "Approve the sells of this security too, or buy less of it."
            yield orders.refusal(_largest(buys), "concentration_limits_are_kept", reason, what)


def _signed(row: Row, notional: Decimal) -> Decimal:
    return notional if row["action"] == "buy" else -notional


def _wash_sales(orders: OrderSet, facts: PlanFacts, policy: WashSalePolicy) -> Iterator[Refusal]:
    """The pre-trade screen, for every trade whose neighbours are not all traded as proposed."""
    for trade_id, trade in orders.traded.items():
        screen = facts.screens[trade_id]
        if not _is_changed(orders, facts, identity_of(screen.security)):
            continue
        sale = trade.row["action"] == "sell"
        lots = lots_of_sale(trade.quantity, facts.trade_lots.get(trade_id, ())) if sale else []
        covered = sum((taken for _, taken in lots), NOTHING)
        named = tuple(lot["lot_id"] for lot, _ in lots) if covered == trade.quantity else ()
        order = Order(trade.row["action"], orders.execution_date, trade.quantity, named)
        others = replace(screen, planned=_others(orders, facts, screen.planned, trade_id))
        try:
            verdict, _ = judge_order(order, others, policy)
        except OrderError as error:
            reason = f"the pre-trade screen cannot judge it: {error}"
        else:
            if verdict.verdict not in ("block", "resize"):
                continue
            reason = f"it would wash a loss: {verdict.why}"
        what = (
            "Decide the trades of this security and its like together, as the plan proposes them."
        )
        yield orders.refusal(trade, "no_loss_is_washed", reason, what)


def _is_changed(orders: OrderSet, facts: PlanFacts, group: str) -> bool:
    """Whether the trades of an identity group are not all traded as the plan was proved."""
    if orders.execution_date != orders.planned_trade_date:
        return True
    for trade_id in orders.proposed:
        if identity_of(facts.screens[trade_id].security) == group:
            traded = orders.traded.get(trade_id)
            if traded is None or not traded.is_as_proposed:
                return True
    return False


def _others(orders: OrderSet, facts: PlanFacts, planned: Sequence[Row], trade_id: str) -> list[Row]:
    """What else would be traded: this file's approved trades, and other plans' as proposed."""
    rows: list[Row] = []
    for row in planned:
        other = orders.traded.get(row["trade_id"])
        if row["trade_id"] not in orders.proposed:
            rows.append(row)
        elif other is not None and row["trade_id"] != trade_id:
            lots = facts.trade_lots.get(row["trade_id"], ())
            parts = [_gain_of(lot, taken) for lot, taken in lots_of_sale(other.quantity, lots)]
            loss = sum((part for part in parts if part < 0), NOTHING)
            # In an account without tax nothing is realised, whatever its lots cost.
            loss = loss if _is_taxable(row, facts) else NOTHING
            changed = {
                "quantity": other.quantity,
                "planned_trade_date": orders.execution_date,
                "realized_short_term_loss": NOTHING,
                "realized_long_term_loss": loss,
            }
            rows.append({**row, **changed})
    return rows


def _largest(trades: Sequence[DecidedTrade]) -> DecidedTrade:
    return max(trades, key=lambda trade: (trade.notional, trade.row["trade_id"]))


def _is_taxable(row: Row, facts: PlanFacts) -> bool:
    return bool(facts.accounts[row["account_id"]]["tax_treatment"] == _TAXABLE)


def _shares(quantity: Decimal) -> str:
    return f"{quantity.normalize():,f}"


def _dollars(amount: Decimal) -> str:
    sign = "-" if amount < 0 else ""
    return f"{sign}${abs(amount):,.2f}"
