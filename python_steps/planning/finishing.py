"""From a finished ledger to trades with lots, taxes, reasons and sentences.

Belongs here: rendering orders into trades and tax impact. Does not belong here: deciding, judging a
plan, exceptions. The tax of a unit is the true change of its year's tax; the tax of a trade and of
a lot is its share of that (`tax_shares`), so that they add up to the plan's to the cent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from python_steps.lot_selection.instructions import AVERAGE, LotInstruction, lot_instruction
from python_steps.planning.costs import CostModel
from python_steps.planning.household import FUND_TYPES, HouseholdIndex, Security
from python_steps.planning.ledger import LotSale, PlanLedger, lot_sales
from python_steps.planning.plan import (
    BUY,
    HARVEST_LOSS,
    HARVEST_REPLACEMENT,
    RAISE_CASH,
    REBALANCE,
    SELL,
    Order,
    TaxImpact,
    Trade,
    TradeLot,
)
from python_steps.planning.tax_effect import LossUse, LotResult, Realized, TaxEffect
from python_steps.planning.tax_shares import SoldLot, tax_shares
from python_steps.planning.wording import trade_rationale
from python_steps.policy import FirmPolicy

NOTHING = Decimal(0)
CENT = Decimal("0.01")
BASIS_POINT = Decimal("0.0001")
MUTUAL_FUND = "MUTUAL_FUND"
MONEY_MARKET = "MONEY_MARKET"

LotCosts = dict[tuple[str, str], Decimal]
"""Tax of the shares sold from a lot, dollars, by account and lot."""


def finished_trades(
    index: HouseholdIndex,
    start: PlanLedger,
    ledger: PlanLedger,
    policy: FirmPolicy,
    tax: TaxEffect,
) -> tuple[Trade, ...]:
    """Every order as a trade, in the order of display and execution.

    Tax-advantaged accounts stand before taxable ones; inside an account sales stand before the
    purchases they pay for.
    """
    treatment_order = {"tax_deferred": 0, "tax_free": 1, "taxable": 2}

    def place(order: Order) -> tuple[int, str, bool, Decimal, str]:
        account = index.accounts[order.account_id]
        return (
            treatment_order[account.tax_treatment],
            order.account_id,
            order.action == BUY,
            -order.notional,
            order.security_id,
        )

    ordered = sorted(ledger.orders.values(), key=place)
    payers, bought_in = _payers(index, ordered), _buyers(index, ordered)
    costs = lot_costs(index, ordered, tax)
    realized = ledger.realized()
    uses = {unit: tax.use_of_losses(unit, realized[unit]) for unit in sorted(realized)}
    return tuple(
        _trade(
            index,
            start,
            order,
            policy,
            costs,
            uses,
            sequence,
            payers.get(order.account_id, ()),
            bought_in.get(index.securities[order.security_id].primary_class, ()),
        )
        for sequence, order in enumerate(ordered, start=1)
    )


def tax_impacts(index: HouseholdIndex, ledger: PlanLedger, tax: TaxEffect) -> tuple[TaxImpact, ...]:
    """What the plan realises and costs for each tax unit that sells in a taxable account."""
    year = index.household.planned_trade_date.year
    impacts = []
    for tax_unit_id, realized in sorted(ledger.realized().items()):
        orders = _taxable_sales(index, ledger, tax_unit_id)
        impacts.append(
            TaxImpact(
                tax_unit_id=tax_unit_id,
                tax_year=year,
                realized_short_term_gain=realized.short_gain,
                realized_short_term_loss=realized.short_loss,
                realized_long_term_gain=realized.long_gain,
                realized_long_term_loss=realized.long_loss,
                carryforward_used=tax.carryforward_used(tax_unit_id, realized),
                estimated_tax=tax.change(tax_unit_id, realized),
                harvested_loss=_harvested(index, orders),
                wash_sale_exposure=_exposure(index, orders),
                realized_collectibles_gain=realized.collectibles_gain,
                realized_collectibles_loss=realized.collectibles_loss,
            )
        )
    return tuple(impacts)


def _trade(
    index: HouseholdIndex,
    start: PlanLedger,
    order: Order,
    policy: FirmPolicy,
    lot_costs: LotCosts,
    uses_of_losses: Mapping[str, LossUse | None],
    sequence: int,
    paid_from: Sequence[str],
    bought_in: Collection[str],
) -> Trade:
    account = index.accounts[order.account_id]
    security = index.securities[order.security_id]
    sales = lot_sales(index, order) if order.action == SELL else []
    lots = tuple(
        _trade_lot(
            sale,
            lot_costs.get((order.account_id, sale.lot.lot_id), NOTHING),
            is_taxable=account.is_taxable,
        )
        for sale in sales
    )
    realized = _realized(sales) if account.is_taxable else Realized()
    tax_cost = sum((lot.tax_cost for lot in lots), NOTHING)
    reason_code = _reason_code(order, realized, index.household.harvests_losses)
    order_type, limit_price = _order_type(order, security, policy)
    return Trade(
        account_id=order.account_id,
        action=order.action,
        security_id=order.security_id,
        quantity=order.quantity,
        price=security.price or NOTHING,
        notional=order.notional,
        reason_code=reason_code,
        rationale=trade_rationale(
            index,
            start,
            order,
            reason_code,
            sales,
            tax_cost,
            paid_from,
            uses_of_losses.get(account.tax_unit_id),
            bought_in,
        ),
        tax_character=tax_character(realized),
        realized_short_term_gain=realized.short_gain,
        realized_short_term_loss=realized.short_loss,
        realized_long_term_gain=realized.long_gain,
        realized_long_term_loss=realized.long_loss,
        tax_cost=tax_cost,
        commission=order.commission,
        spread_cost=order.spread_cost,
        market_impact=order.market_impact,
        order_type=order_type,
        limit_price=limit_price,
        trade_sequence=sequence,
        asset_class=security.primary_class,
        lots=lots if not any(sale.lot.is_whole_position for sale in sales) else (),
        lot_instruction=(
            _lot_instruction(index, order, sales)
            if account.is_taxable and order.action == SELL
            else None
        ),
    )


def _lot_instruction(
    index: HouseholdIndex, order: Order, sales: Sequence[LotSale]
) -> LotInstruction:
    """What the custodian must be told, which knows whole lots and its own basis only."""
    account = index.accounts[order.account_id]
    security = index.securities[order.security_id]
    position = index.positions[(order.account_id, order.security_id)]
    known = {
        lot.custodian.lot_id: lot.custodian
        for lot in position.lots
        if lot.custodian is not None and lot.custodian.quantity > 0
    }
    delivered: dict[str, Decimal] = {}
    for sale in sales:
        if sale.lot.custodian is None:
            raise ValueError(f"lot {sale.lot.lot_id} is none of the custodian's")
        lot_id = sale.lot.custodian.lot_id
        delivered[lot_id] = delivered.get(lot_id, NOTHING) + sale.quantity
    return lot_instruction(
        account.custodian_lot_method,
        [known[lot_id] for lot_id in sorted(known)],
        delivered,
        security.price or NOTHING,
        index.household.planned_trade_date,
        is_average_elected=account.lot_method == AVERAGE and security.security_type == MUTUAL_FUND,
    )


def _payers(index: HouseholdIndex, orders: Iterable[Order]) -> dict[str, tuple[str, ...]]:
    """By account the classes whose sales pay for its purchases, the largest sale first.

    Sales that raise cash, or swap holdings inside a class, pay for nothing else.
    """
    found: dict[str, dict[str, None]] = {}
    for order in orders:
        purpose = order.main_purpose
        is_payer = purpose.reason_code != RAISE_CASH and not purpose.is_part_swap
        if order.action == SELL and is_payer:
            name = index.securities[order.security_id].primary_class
            found.setdefault(order.account_id, {}).setdefault(name)
    return {account_id: tuple(names) for account_id, names in found.items()}


def _buyers(index: HouseholdIndex, orders: Iterable[Order]) -> dict[str | None, set[str]]:
    """By class the accounts in which the plan buys it."""
    found: dict[str | None, set[str]] = {}
    for order in orders:
        if order.action == BUY:
            name = index.securities[order.security_id].primary_class
            found.setdefault(name, set()).add(order.account_id)
    return found


def tax_character(realized: Realized) -> str:
    """The label of a trade's results: one of the four kinds, mixed, or none."""
    kinds = [
        name
        for name, amount in (
            ("short_term_gain", realized.short_gain),
            ("short_term_loss", realized.short_loss),
            ("long_term_gain", realized.long_gain),
            ("long_term_loss", realized.long_loss),
        )
        if amount != 0
    ]
    return "none" if not kinds else kinds[0] if len(kinds) == 1 else "mixed"


def _realized(sales: Sequence[LotSale]) -> Realized:
    realized = Realized()
    for sale in sales:
        realized = realized.plus_result(sale.result)
    return realized


def lot_costs(index: HouseholdIndex, orders: Iterable[Order], tax: TaxEffect) -> LotCosts:
    """Each taxable lot's share of its tax unit's true tax; none where that tax is unknown."""
    sales: dict[str, list[tuple[str, LotSale]]] = {}
    for order in orders:
        account = index.accounts[order.account_id]
        if order.action == SELL and account.is_taxable:
            of_unit = sales.setdefault(account.tax_unit_id, [])
            of_unit += [(order.account_id, sale) for sale in lot_sales(index, order)]
    costs: LotCosts = {}
    for tax_unit_id in sorted(sales):
        parts = [
            (account_id, sale.lot.lot_id, part)
            for account_id, sale in sales[tax_unit_id]
            for part in _sold_parts(index, sale)
        ]
        realized = Realized()
        for _, _, part in parts:
            realized = realized.plus(
                part.gain, is_long_term=part.is_long_term, is_collectible=part.is_collectible
            )
        total = tax.change(tax_unit_id, realized)
        if total is None:
            continue  # lots of a unit without rates are never sold; nothing would be known here

        def change(part: Realized, unit: str = tax_unit_id) -> Decimal:
            return tax.exact_change(unit, part) or NOTHING

        shares = tax_shares([part for _, _, part in parts], change, total)
        for (account_id, lot_id, _), share in zip(parts, shares, strict=True):
            costs[account_id, lot_id] = costs.get((account_id, lot_id), NOTHING) + share
    return costs


def _sold_parts(index: HouseholdIndex, sale: LotSale) -> list[SoldLot]:
    """A sale by term; two parts only where the law calls a part of a short-term loss long-term."""
    is_collectible = bool(index.securities[sale.lot.security_id].is_collectible)
    result = sale.result
    parts = [SoldLot(result.short, False), SoldLot(result.long, True, is_collectible)]
    return [part for part in parts if part.gain != 0]


def _trade_lot(sale: LotSale, cost: Decimal, *, is_taxable: bool) -> TradeLot:
    result = sale.result if is_taxable else LotResult(NOTHING, NOTHING)
    gain = None if sale.cost_basis is None else sale.gain
    term = "unknown" if sale.lot.is_long_term is None else "short"
    return TradeLot(
        lot_id=sale.lot.lot_id,
        quantity=sale.quantity,
        acquisition_date=sale.lot.acquisition_date,
        holding_period_start_date=sale.lot.holding_period_start_date,
        term="long" if sale.lot.is_long_term else term,
        proceeds=sale.proceeds,
        cost_basis=sale.cost_basis,
        realized_gain=gain,
        tax_cost=cost,
        recharacterized_loss=NOTHING if sale.lot.is_long_term else result.long,
        disallowed_loss=-result.disallowed,
    )


def _reason_code(order: Order, realized: Realized, harvests_losses: bool) -> str:
    """The main purpose; where losses are harvested, a rebalancing sale of losses only is one.

    Where none are, nothing is harvested, and a purchase replaces no harvest.
    """
    code = order.main_purpose.reason_code
    if code == HARVEST_REPLACEMENT and not harvests_losses:
        return REBALANCE
    losses = realized.short_loss + realized.long_loss
    gains = realized.short_gain + realized.long_gain
    is_loss_sale = order.action == SELL and losses < 0 and gains == 0
    if harvests_losses and code == REBALANCE and is_loss_sale:
        return HARVEST_LOSS
    return code


def _order_type(order: Order, security: Security, policy: FirmPolicy) -> tuple[str, Decimal | None]:
    """Market for funds and tight markets; else a limit as far away as the plan's cash survives."""
    half_spread = CostModel.half_spread(security)
    price = security.price
    if (
        price is None
        or security.security_type in FUND_TYPES
        or half_spread < policy.wide_spread_bps * BASIS_POINT
    ):
        return "market", None
    if order.action == BUY:
        limit = price * (1 + policy.execution_buffer)
        return "limit", limit.quantize(CENT, rounding=ROUND_FLOOR)
    limit = price * (1 - policy.execution_buffer)
    return "limit", limit.quantize(CENT, rounding=ROUND_CEILING)


def _taxable_sales(index: HouseholdIndex, ledger: PlanLedger, tax_unit_id: str) -> list[Order]:
    """Sales in the taxable accounts of a tax unit."""
    orders = [ledger.orders[key] for key in sorted(ledger.orders) if key[2] == SELL]
    return [
        order
        for order in orders
        if index.accounts[order.account_id].is_taxable
        and index.accounts[order.account_id].tax_unit_id == tax_unit_id
    ]


def _harvested(index: HouseholdIndex, orders: Iterable[Order]) -> Decimal:
    """Losses of the sales that are proposed as harvests: losses of others are by-products."""
    total = NOTHING
    for order in orders:
        realized = _realized(lot_sales(index, order))
        if _reason_code(order, realized, index.household.harvests_losses) == HARVEST_LOSS:
            total -= realized.short_loss + realized.long_loss
    return total


def _exposure(index: HouseholdIndex, orders: Iterable[Order]) -> Decimal:
    """Losses that a purchase in the 30 days after the sale could still disallow.

    All that the plan realises, whatever is known of purchases: nobody can know that none comes.
    Without money market funds, to whose losses IRC 1091 is not applied (Rev. Proc. 2014-45).
    """
    total = NOTHING
    for order in orders:
        if index.securities[order.security_id].security_type != MONEY_MARKET:
            realized = _realized(lot_sales(index, order))
            total -= realized.short_loss + realized.long_loss
    return total
