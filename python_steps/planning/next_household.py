"""A household as it will stand: after a plan's trades, and when new money has arrived.

Belongs here: carrying a household's frozen values forward to a later day. Does not belong here:
planning, what a path is worth (`alternatives`). Prices stay as they are; trades are done at the
plan's prices; what the book alone can know (new restrictions, other flows) does not change. Sources
as in the book: IRC 1091 (30 days), 1222 (holding period), 1212 (carryforwards into the next year).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from python_steps.lot_selection.instructions import CustodianLot
from python_steps.planning.evaluation import is_outside_band
from python_steps.planning.household import (
    CASH,
    Account,
    AllocationGroup,
    CashFlow,
    ClassTarget,
    Household,
    HouseholdIndex,
    Lot,
    PartTarget,
    Position,
    Security,
    TaxUnit,
    WashSaleWindow,
)
from python_steps.planning.ledger import starting_class_values, to_cents
from python_steps.planning.plan import BUY, SELL, Trade
from python_steps.planning.tax_effect import tax_profile
from python_steps.taxes.holding_period import is_long_term
from python_steps.taxes.rates import RateTables, netted_year

NOTHING = Decimal(0)
WINDOW = timedelta(days=30)

Moves = dict[tuple[str, str], Decimal]
"""Dollars by allocation group and class, or key of a target inside one."""


def after_trades(household: Household, trades: Sequence[Trade]) -> Household:
    """The household once trades are done on its planned trade date, at their prices.

    Args:
        household: the household before them.
        trades: the trades of its plan.
    """
    if not trades:
        return household
    index = HouseholdIndex(household)
    day = household.planned_trade_date
    cash: dict[str, Decimal] = defaultdict(Decimal)
    for trade in trades:
        brought = trade.notional if trade.action == SELL else -trade.notional
        cash[trade.account_id] += brought - trade.cost
    moved = replace(
        household,
        accounts=tuple(
            _with_cash(account, cash.get(account.account_id, NOTHING))
            for account in household.accounts
        ),
        positions=_positions_after(index, trades, day),
        wash_sale_windows=_windows_after(index, trades, day),
        tax_units=tuple(_unit_after(index, unit, trades) for unit in household.tax_units),
        market_value=_less(household.market_value, sum((each.cost for each in trades), NOTHING)),
    )
    return _measured(
        moved, _moves(index, trades, _class_shares), _moves(index, trades, _part_shares)
    )


def on_day(
    household: Household, day: date, flows: Iterable[CashFlow], rates: RateTables
) -> Household:
    """The household on a later day, with contributions that have arrived until then.

    Args:
        household: the household before.
        day: the day; where it lies in another year, that year's return begins.
        flows: the contributions; they leave the flows that are due.
        rates: statutory rates, for what the old year leaves to the new one.
    """
    arrived = list(flows)
    cash: dict[str, Decimal] = defaultdict(Decimal)
    for flow in arrived:
        cash[flow.account_id] += flow.amount
    new = sum(cash.values(), NOTHING)
    later = replace(
        household,
        planned_trade_date=day,
        accounts=tuple(
            _with_cash(account, cash.get(account.account_id, NOTHING))
            for account in household.accounts
        ),
        positions=tuple(_older(position, day) for position in household.positions),
        tax_units=_units_of_year(household, day.year, rates),
        cash_flows=tuple(flow for flow in household.cash_flows if flow not in arrived),
        market_value=_less(household.market_value, -new),
    )
    return _measured(later, {}, {})


def _less(value: Decimal | None, amount: Decimal) -> Decimal | None:
    return None if value is None else value - amount


def _with_cash(account: Account, amount: Decimal) -> Account:
    if not amount or account.cash is None:
        return account
    known = account.cash
    return replace(
        account,
        cash=replace(
            known, trade_date=known.trade_date + amount, investable=known.investable + amount
        ),
    )


def _positions_after(
    index: HouseholdIndex, trades: Iterable[Trade], day: date
) -> tuple[Position, ...]:
    positions = dict(index.positions)
    for trade in trades:
        key = (trade.account_id, trade.security_id)
        if trade.action == SELL:
            left = _after_sale(positions[key], trade)
            if left.quantity > 0:
                positions[key] = left
            else:
                del positions[key]
        else:
            positions[key] = _after_purchase(positions.get(key), trade, day)
    return tuple(positions[key] for key in sorted(positions))


def _after_sale(position: Position, trade: Trade) -> Position:
    sold = {lot.lot_id: lot.quantity for lot in trade.lots}
    if not sold:  # a holding without lots: nothing depends on them
        left = trade.quantity
        for lot in position.lots:
            sold[lot.lot_id] = min(left, lot.quantity)
            left -= sold[lot.lot_id]
    lots = tuple(
        _part_left(lot, sold.get(lot.lot_id, NOTHING))
        for lot in position.lots
        if sold.get(lot.lot_id, NOTHING) < lot.quantity
    )
    return replace(
        position,
        quantity=position.quantity - trade.quantity,
        sellable_quantity=position.sellable_quantity - trade.quantity,
        market_value=_less(position.market_value, trade.notional),
        lots=lots,
    )


def _part_left(lot: Lot, sold: Decimal) -> Lot:
    """A lot without the shares sold of it; basis and the custodian's lot shrink with them."""
    if not sold:
        return lot
    share = (lot.quantity - sold) / lot.quantity
    custodian = lot.custodian
    if custodian is not None:
        known = custodian.cost_basis
        custodian = custodian._replace(
            quantity=custodian.quantity - sold,
            cost_basis=None if known is None else to_cents(known * share),
        )
    return replace(
        lot,
        quantity=lot.quantity - sold,
        sellable_quantity=max(NOTHING, lot.sellable_quantity - sold),
        cost_basis=None if lot.cost_basis is None else to_cents(lot.cost_basis * share),
        custodian=custodian,
    )


def _after_purchase(position: Position | None, trade: Trade, day: date) -> Position:
    lot_id = f"bought {day.isoformat()} {trade.account_id} {trade.security_id}"
    lot = Lot(
        lot_id=lot_id,
        account_id=trade.account_id,
        security_id=trade.security_id,
        quantity=trade.quantity,
        sellable_quantity=trade.quantity,
        acquisition_date=day,
        holding_period_start_date=day,
        is_long_term=False,
        cost_basis=trade.notional,
        is_gain_allowed=True,
        block=None,
        custodian=CustodianLot(lot_id, None, day, trade.quantity, trade.notional, False),
    )
    if position is None:
        return Position(
            account_id=trade.account_id,
            security_id=trade.security_id,
            quantity=trade.quantity,
            market_value=trade.notional,
            sellable_quantity=trade.quantity,
            is_gain_allowed=True,
            block=None,
            lots=(lot,),
        )
    return replace(
        position,
        quantity=position.quantity + trade.quantity,
        sellable_quantity=position.sellable_quantity + trade.quantity,
        market_value=_less(position.market_value, -trade.notional),
        lots=(*position.lots, lot),
    )


def _older(position: Position, day: date) -> Position:
    """A position whose lots have the term of a later day."""
    return replace(
        position,
        lots=tuple(
            lot
            if lot.is_long_term is None or lot.holding_period_start_date is None
            else replace(lot, is_long_term=is_long_term(lot.holding_period_start_date, day))
            for lot in position.lots
        ),
    )


def _windows_after(
    index: HouseholdIndex, trades: Iterable[Trade], day: date
) -> tuple[WashSaleWindow, ...]:
    """The windows with those that the trades open: for purchases after a loss, and the reverse."""
    windows = dict(index.windows)
    until = day + WINDOW
    for trade in trades:
        account = index.accounts[trade.account_id]
        if not account.counts_for_wash_sales:
            continue
        security = index.securities[trade.security_id]
        is_loss = account.is_taxable and any((lot.realized_gain or 0) < 0 for lot in trade.lots)
        if trade.action == SELL and not is_loss:
            continue
        key = (account.wash_sale_group_id, security.identity_group_id)
        known = windows.get(key) or WashSaleWindow(*key, None, None, "", is_coverage_known=True)
        if trade.action == BUY:
            latest = max(known.no_loss_sale_until_date or until, until)
            windows[key] = replace(
                known, no_loss_sale_until_date=latest, caused_by="this plan's purchase"
            )
        else:
            latest = max(known.no_buy_until_date or until, until)
            windows[key] = replace(known, no_buy_until_date=latest)
    return tuple(windows[key] for key in sorted(windows))


def _unit_after(index: HouseholdIndex, unit: TaxUnit, trades: Iterable[Trade]) -> TaxUnit:
    """The tax return with what the trades realise in its year."""
    short = long = collectibles = NOTHING
    for trade in trades:
        account = index.accounts[trade.account_id]
        if account.tax_unit_id != unit.tax_unit_id or not account.is_taxable:
            continue
        short += trade.realized_short_term_gain + trade.realized_short_term_loss
        result = trade.realized_long_term_gain + trade.realized_long_term_loss
        long += result
        if index.securities[trade.security_id].is_collectible:
            collectibles += result
    if unit.tax_year != index.household.planned_trade_date.year:
        return unit
    return replace(
        unit,
        year_to_date_short_term_gain=_less(unit.year_to_date_short_term_gain, -short),
        year_to_date_long_term_gain=_less(unit.year_to_date_long_term_gain, -long),
        year_to_date_collectibles_gain=_less(unit.year_to_date_collectibles_gain, -collectibles),
    )


def _units_of_year(household: Household, year: int, rates: RateTables) -> tuple[TaxUnit, ...]:
    """The returns of a year; one that nobody has stated begins with what the last one leaves."""
    known = {(unit.tax_unit_id, unit.tax_year) for unit in household.tax_units}
    units = list(household.tax_units)
    for unit in household.tax_units:
        is_last = unit.tax_year == household.planned_trade_date.year
        if not is_last or year == unit.tax_year or (unit.tax_unit_id, year) in known:
            continue
        profile = tax_profile(unit)
        if profile is None or rates.find(year, profile.filing_status) is None:
            continue  # without rates nothing taxed is sold in the new year
        ended = netted_year(profile, rates)
        units.append(
            replace(
                unit,
                tax_year=year,
                short_term_carryforward=ended.carry_short,
                long_term_carryforward=ended.carry_long,
                year_to_date_short_term_gain=NOTHING,
                year_to_date_long_term_gain=NOTHING,
                year_to_date_collectibles_gain=NOTHING,
            )
        )
    return tuple(units)


def _moves(
    index: HouseholdIndex,
    trades: Iterable[Trade],
    shares: Callable[[AllocationGroup, Security], Iterable[tuple[str, Decimal]]],
) -> Moves:
    """Dollars, as weights count them, that trades move into each target of their group."""
    moves: Moves = defaultdict(Decimal)
    for trade in trades:
        group = index.group_of(trade.account_id)
        if group is None:
            continue
        account, security = index.accounts[trade.account_id], index.securities[trade.security_id]
        sign = 1 if trade.action == BUY else -1
        for name, share in shares(group, security):
            moves[group.allocation_group_id, name] += account.weighed(sign * trade.notional * share)
    return moves


def _class_shares(_: AllocationGroup, security: Security) -> Iterable[tuple[str, Decimal]]:
    """The classes of a security but Cash, which follows the balances."""
    return ((name, weight) for name, weight in security.class_weights if name != CASH)


def _part_shares(group: AllocationGroup, security: Security) -> Iterable[tuple[str, Decimal]]:
    """What a security counts for in the targets below class."""
    return ((part.name, part.weight_of(security)) for part in group.parts)


def _measured(household: Household, classes: Moves, parts: Moves) -> Household:
    """The household with the weights and breaches of its targets taken anew."""
    moved = tuple(
        replace(
            group,
            classes=tuple(
                replace(
                    row,
                    market_value=row.market_value
                    + classes.get((group.allocation_group_id, row.asset_class), NOTHING),
                )
                for row in group.classes
            ),
            parts=tuple(
                replace(
                    row,
                    market_value=row.market_value
                    + parts.get((group.allocation_group_id, row.name), NOTHING),
                )
                for row in group.parts
            ),
        )
        for group in household.groups
    )
    index = HouseholdIndex(replace(household, groups=moved))
    return replace(household, groups=tuple(_weighed_group(index, group) for group in moved))


def _weighed_group(index: HouseholdIndex, group: AllocationGroup) -> AllocationGroup:
    values = starting_class_values(index, group)
    total = sum(values.values(), NOTHING)
    if total <= 0:
        return group
    return replace(
        group,
        classes=tuple(
            _weighed_class(row, values.get(row.asset_class, row.market_value), total)
            for row in group.classes
        ),
        parts=tuple(_weighed_part(row, total) for row in group.parts),
    )


def _weighed_class(row: ClassTarget, value: Decimal, total: Decimal) -> ClassTarget:
    is_breach = is_outside_band(row, value, total)
    return replace(
        row,
        market_value=value,
        actual_weight=value / total,
        projected_weight=value / total,
        is_breach=is_breach,
        is_breach_projected=is_breach,
    )


def _weighed_part(row: PartTarget, total: Decimal) -> PartTarget:
    is_breach = is_outside_band(row, row.market_value, total)
    return replace(
        row,
        actual_weight=row.market_value / total,
        projected_weight=row.market_value / total,
        is_breach=is_breach,
        is_breach_projected=is_breach,
    )
