"""Why holdings of a class that stays off its target are not sold, and nothing more is bought.

Belongs here: each such holding with what binds it: a rule, or the price of its sale by the plan's
program, the share price at which it would be sold, and the day on which waiting makes it cheaper.
Does not belong here: rules (`sell_rules`), the worth of trades that are made (`rationale`), targets
outside their bands and their causes (`leftovers`). Source: the cost of a trade that is not made is
what the program is worth less with a little of it forced, its cash put to the best use; the duals
of a program at a kink (no gain, no loss) would not tell this side of it from the other.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from python_steps.optimizer.attempt import Attempt
from python_steps.optimizer.core_problem import Stage
from python_steps.optimizer.linear_model import DOLLARS_PER_UNIT, Floats, Side, Switch
from python_steps.optimizer.linear_programs import LinearPrograms, LinearSolution
from python_steps.optimizer.search import fixed_bounds
from python_steps.optimizer.trade_groups import NEGLIGIBLE
from python_steps.optimizer.workshop import Workshop
from python_steps.planning.evaluation import is_outside_band
from python_steps.planning.household import (
    CASH,
    UNMAPPED,
    Account,
    AllocationGroup,
    ClassTarget,
    Lot,
    Position,
)
from python_steps.planning.ledger import PlanLedger
from python_steps.planning.plan import BUY, SELL, TradeException, Untraded
from python_steps.planning.sell_rules import SPECIFIC_METHODS
from python_steps.planning.tax_effect import Realized
from python_steps.planning.waterfall import allowed_gains
from python_steps.planning.wording import untraded_words
from python_steps.taxes.holding_period import long_term_from

NOTHING = Decimal(0)
CENT = Decimal("0.01")
# Programs solved for prices of what is not traded, and the thousand dollars that are forced.
MOST_PROGRAMS, STEP = 40, 1.0
# Names of the switches between a net gain and a net loss of a return begin so.
SIGN = "sign of "
TAX_TERMS = ("tax", "carried_losses", "basis_reset")
# Less than half a hundredth of a cent a dollar is told as nothing.
_FREE = 0.00005
# What costs more than itself takes cash that is needed.
_DOLLAR = 1.0
# Less than this saved by waiting is not told, dollars.
_LEAST_SAVING = Decimal(1)
DEFERRED, BELOW_MINIMUM = "deferred", "below_minimum"


class _Kept(NamedTuple):
    """Shares that are not sold: their value and what binds them, or what selling them would cost.

    `turning` is the day by which their short-term gains are long-term, with the dollars of those.
    """

    value: Decimal
    code: str
    reason: str
    cost: float | None = None
    price: Decimal | None = None
    turning: tuple[date, Decimal] | None = None
    saving: Decimal = NOTHING

    def and_(self, other: _Kept) -> _Kept:
        """These shares and others that the same reason binds."""
        return self._replace(
            value=self.value + other.value,
            turning=self.turning or other.turning,
            saving=self.saving + other.saving,
        )


class _Left(NamedTuple):
    """A finished plan under the question of what it left."""

    work: Workshop
    attempt: Attempt
    ledger: PlanLedger
    trial: _Trial
    sales: dict[str, tuple[Stage, int]]


class _Trial:
    """The plan's program with a little more of one trade."""

    def __init__(self, attempt: Attempt, programs: LinearPrograms) -> None:
        self._core, self._programs, self._model = attempt.core, programs, attempt.model
        self._switches = attempt.model.switches
        self._used = _used_sides(self._switches, attempt.mended.values)
        self._starts: dict[tuple[float, ...], LinearSolution] = {}
        self._end = programs.programs_solved + MOST_PROGRAMS

    def cost(
        self, column: int, amount: float, *, is_gain: bool = False, is_loss: bool = False
    ) -> tuple[float, float] | None:
        """Cost of a dollar more of a trade, and the part of it that is tax; dollars a dollar.

        Args:
            column: the trade.
            amount: thousand dollars that may be traded at most.
            is_gain: whether it realises a gain.
            is_loss: whether the wash-sale rules take it for a loss.

        Returns:
            None where nothing more of it fits the plan, or the work limit is reached.
        """
        sides = self._sides(column, is_gain=is_gain, is_loss=is_loss)
        fixed = dict(zip((switch.column for switch in self._switches), sides, strict=True))
        lower, upper = fixed_bounds(self._model, fixed)
        start = self._starts.get(sides)
        if start is None and self._programs.programs_solved < self._end:
            start = self._programs.solve(lower, upper, with_prices=False)
            self._starts[sides] = start
        if start is None or start.status != "optimal":
            return None
        before, most = float(start.values[column]), float(self._core.model.upper[column])
        more = min(STEP, amount, most - before)
        if more <= NEGLIGIBLE:
            return 0.0, 0.0  # without tickets and least sizes all of it would be traded
        if self._programs.programs_solved >= self._end:
            return None
        lower[column], upper[column] = before + more, most
        there = self._programs.solve(lower, upper, with_prices=False)
        if there.status != "optimal":
            return None
        here, after = (self._core.components(each.values) for each in (start, there))
        dollars = more * DOLLARS_PER_UNIT
        taxed = math.fsum(after[name] - here[name] for name in TAX_TERMS)
        return (there.objective - start.objective) * DOLLARS_PER_UNIT / dollars, taxed / dollars

    def _sides(self, column: int, *, is_gain: bool, is_loss: bool) -> tuple[float, ...]:
        """The side of every switch: the one in use, else the one that the trade may need.

        A switch that nothing uses would bar what the trade's cash could buy, or its own gain.
        """
        sides = []
        for switch, used in zip(self._switches, self._used, strict=True):
            if used is not None:
                sides.append(used)
            elif switch.column in self._core.order_switches:
                sides.append(0.0)
            elif switch.name.startswith(SIGN):
                sides.append(float(is_gain))
            else:
                sides.append(float(not (is_loss and column in switch.when_zero.columns)))
        return tuple(sides)


def _used_sides(switches: Sequence[Switch], values: Floats) -> tuple[float | None, ...]:
    """The side of each switch that a solution uses, None where it uses neither."""
    sides: list[float | None] = []
    for switch in switches:
        zero, one = (_amount(side, values) for side in (switch.when_zero, switch.when_one))
        sides.append(None if max(zero, one) <= NEGLIGIBLE else float(one > zero))
    return tuple(sides)


def _amount(side: Side, values: Floats) -> float:
    return math.fsum(
        [
            side.constant,
            *(w * float(values[c]) for c, w in zip(side.columns, side.weights, strict=True)),
        ]
    )


def untraded_of(work: Workshop, attempt: Attempt, ledger: PlanLedger) -> tuple[Untraded, ...]:
    """What a plan leaves outside the inner part of the bands, holding by holding.

    Args:
        work: the household; the attempt's model must be loaded into its solver.
        attempt: how the plan was made.
        ledger: the plan's orders.
    """
    problem = attempt.core.problem
    sales = {
        sale.lot.lot_id: (sale.stage, column)
        for sale, column in zip(problem.sales, attempt.core.sale_columns, strict=True)
    }
    wanted = list(_off_target(work, ledger, problem.due_groups))
    if not wanted:
        return ()
    left = _Left(work, attempt, ledger, _Trial(attempt, work.tools.programs), sales)
    found: list[Untraded] = []
    for group, row, is_above, is_outside in wanted:
        if is_above:
            found += _unsold(left, group, row, is_outside)
        else:
            found += _unbought(left, group, row)
    return tuple(
        sorted(found, key=lambda each: (each.account_id, each.security_id, each.rationale))
    )


def _off_target(
    work: Workshop, ledger: PlanLedger, due_groups: frozenset[str]
) -> Iterator[tuple[AllocationGroup, ClassTarget, bool, bool]]:
    """Classes a trade or more off their inner band: above it or not, outside the band or not."""
    least = work.household.minimum_trade_amount
    for group in work.household.groups:
        total = ledger.group_value(group.allocation_group_id)
        values = ledger.class_values[group.allocation_group_id]
        if group.allocation_group_id not in due_groups or total <= 0:
            continue
        for row in group.classes:
            value = values.get(row.asset_class, NOTHING)
            beyond = _beyond_inner(work, row, value, total)
            if row.asset_class not in (UNMAPPED, CASH) and abs(beyond) >= max(least, CENT):
                yield group, row, beyond > 0, is_outside_band(row, value, total)


def _beyond_inner(work: Workshop, row: ClassTarget, value: Decimal, total: Decimal) -> Decimal:
    """Dollars by which a class stands above (or, negative, below) the inner part of its band."""
    share = work.policy.inner_share
    high = row.target_weight + share * (row.upper_band_weight - row.target_weight)
    low = row.target_weight - share * (row.target_weight - row.lower_band_weight)
    return max(NOTHING, value - high * total) + min(NOTHING, value - low * total)


def _unsold(
    left: _Left, group: AllocationGroup, row: ClassTarget, is_outside: bool
) -> Iterator[Untraded]:
    index = left.work.market.index
    for account in index.accounts_of_group.get(group.allocation_group_id, []):
        for position in index.positions_of_account.get(account.account_id, []):
            security = index.securities[position.security_id]
            if security.primary_class != row.asset_class:
                continue
            kept: dict[tuple[str, str], _Kept] = {}
            for each in _kept_lots(left, account, position, is_outside):
                key = (each.code, each.reason or f"priced {each.cost}")
                known = kept.get(key)
                kept[key] = each if known is None else known.and_(each)
            for _, both in sorted(kept.items()):
                if both.value > 0:
                    yield _row(left.work, account, position, row.asset_class, both)


def _kept_lots(
    left: _Left, account: Account, position: Position, is_outside: bool
) -> Iterator[_Kept]:
    work = left.work
    price = work.market.index.securities[position.security_id].price
    whole = account.block or position.block
    if whole is not None or price is None:
        reason = "it has no price today" if whole is None else whole.reason
        value = position.market_value or NOTHING
        yield _Kept(value, "frozen" if whole is None else whole.code, reason)
        return
    allowed = allowed_gains(work.household, work.policy)
    free: dict[Stage, list[tuple[Lot, Decimal]]] = defaultdict(list)
    for lot in position.lots:
        value = (lot.quantity - left.ledger.sold_of(lot)) * price
        if value <= 0:
            continue
        block = work.market.sells.lot_block(left.ledger, position, lot, allowed)
        if block is not None and (block.code != DEFERRED or lot.lot_id not in left.sales):
            yield _Kept(value, block.code, block.reason)
        elif lot.lot_id in left.sales:
            free[left.sales[lot.lot_id][0]].append((lot, value))
    for stage, lots in sorted(free.items()):
        yield _priced(left, account, lots, stage, price, is_outside)


def _priced(
    left: _Left,
    account: Account,
    lots: Sequence[tuple[Lot, Decimal]],
    stage: Stage,
    price: Decimal,
    is_outside: bool,
) -> _Kept:
    """Lots of one kind that may be sold and are not, at the price of those sold first."""
    total = sum((value for _, value in lots), NOTHING)
    turning, saving = _turning(left, account, lots, price)
    first, value = _first_of(left, account, lots, price)
    known = left.trial.cost(
        left.sales[first.lot_id][1],
        float(value) / DOLLARS_PER_UNIT,
        is_gain=account.is_taxable and _gain(first, value, price) > 0,
        is_loss=account.is_taxable and left.work.market.sells.is_loss_for_wash_sales(first),
    )
    if known is None:
        return _Kept(total, DEFERRED, "no more of it fits the plan's other trades")
    cost, taxed = known
    if cost <= _FREE:
        code, reason = _ungated(left, stage, is_outside)
        return _Kept(total, code, reason, None, None, turning, saving)
    at = _selling_price(first, price, cost, taxed)
    return _Kept(total, DEFERRED, "", cost, at, turning, saving)


def _first_of(
    left: _Left, account: Account, lots: Sequence[tuple[Lot, Decimal]], price: Decimal
) -> tuple[Lot, Decimal]:
    """The lot that would be sold first: the one of highest basis, or the standing order's first."""
    if account.lot_method not in SPECIFIC_METHODS:
        return lots[0]
    return min(lots, key=lambda each: (_gain(each[0], each[1], price), each[0].lot_id))


def _gain(lot: Lot, value: Decimal, price: Decimal) -> Decimal:
    """Gain in a dollar of proceeds; nothing where the basis is not known, and does not matter."""
    if lot.cost_basis is None or not value:
        return NOTHING
    return 1 - lot.cost_basis / lot.quantity / price


def _ungated(left: _Left, stage: Stage, is_outside: bool) -> tuple[str, str]:
    """What keeps lots whose sale would be worth its price: their stage, or the smallest trade."""
    if stage <= left.attempt.room.stage:
        return BELOW_MINIMUM, "no more of it makes a trade that is large enough and worth its order"
    if stage <= Stage.LOSSES:
        return DEFERRED, "other sales bring almost as much"
    if is_outside:
        return DEFERRED, "less drift would not pay its tax back in time"
    return DEFERRED, "no gain is taken for a class inside its band"


def _selling_price(lot: Lot, price: Decimal, cost: float, taxed: float) -> Decimal | None:
    """The share price below which the lot would be sold: its tax falls with the price.

    With everything else as it is; None where no fall of the price would do.
    """
    gain = float(_gain(lot, price, price))
    if lot.cost_basis is None or gain <= 0 or taxed <= 0:
        return None
    share = gain - cost * gain / taxed
    basis = float(lot.cost_basis / lot.quantity)
    found = Decimal(basis / (1 - share)).quantize(CENT)
    return found if 0 < found < price else None


def _turning(
    left: _Left, account: Account, lots: Sequence[tuple[Lot, Decimal]], price: Decimal
) -> tuple[tuple[date, Decimal] | None, Decimal]:
    """When short-term gains turn long-term, of how many dollars, and what waiting saves in tax.

    It is the true tax of the year with these gains, short-term or long-term, on top of the plan's.
    """
    days, gains, values = [], NOTHING, NOTHING
    for lot, value in lots:
        start = lot.holding_period_start_date
        gain = _gain(lot, value, price) * value
        if account.is_taxable and not lot.is_long_term and start is not None and gain > 0:
            days.append(long_term_from(start))
            gains, values = gains + gain, values + value
    if not days:
        return None, NOTHING
    unit = account.tax_unit_id
    start_of_unit = left.ledger.realized().get(unit, Realized())
    short, long = (
        left.work.tax.exact_change(unit, start_of_unit.plus(gains, is_long_term=each))
        for each in (False, True)
    )
    if short is None or long is None or short - long < _LEAST_SAVING:
        return None, NOTHING
    return (max(days), values), (short - long).quantize(CENT)


def _row(
    work: Workshop, account: Account, position: Position, asset_class: str, kept: _Kept
) -> Untraded:
    day, turning = (None, NOTHING) if kept.turning is None else kept.turning
    security = work.market.index.securities[position.security_id]
    row = Untraded(
        account_id=account.account_id,
        security_id=position.security_id,
        asset_class=asset_class,
        action=SELL,
        reason_code=kept.code,
        amount=kept.value.quantize(CENT),
        reduced_cost_cents=None if kept.cost is None else round(100 * kept.cost, 4),
        trade_price=kept.price,
        long_term_date=day,
        waiting_saves=None if day is None else kept.saving,
        rationale="",
    )
    return row._replace(rationale=untraded_words(row, security, account, kept.reason, turning))


def _unbought(left: _Left, group: AllocationGroup, row: ClassTarget) -> Iterator[Untraded]:
    """Of a class that stays below its target: in each account the first choice, and its price."""
    index, problem = left.work.market.index, left.attempt.core.problem
    for purchase, column in zip(problem.purchases, left.attempt.core.purchase_columns, strict=True):
        security, account = index.securities[purchase.security_id], index.accounts[purchase[0]]
        own = index.group_of(purchase.account_id)
        is_first = purchase.place == 0 and security.primary_class == row.asset_class
        key = (purchase.account_id, purchase.security_id, BUY)
        if own is None or not is_first or key in left.ledger.orders:
            continue
        if own.allocation_group_id != group.allocation_group_id:
            continue
        known = left.trial.cost(column, STEP)
        if known is None or not _FREE < known[0] < _DOLLAR:
            continue  # it would be worth its price, or its account's cash is needed elsewhere
        bought = Untraded(
            account_id=purchase.account_id,
            security_id=purchase.security_id,
            asset_class=row.asset_class,
            action=BUY,
            reason_code=DEFERRED,
            amount=None,
            reduced_cost_cents=round(100 * known[0], 4),
            trade_price=None,
            long_term_date=None,
            waiting_saves=None,
            rationale="",
        )
        words = untraded_words(bought, security, account, "", NOTHING)
        yield bought._replace(rationale=words)


def with_prices_told(
    exceptions: Sequence[TradeException], rows: Sequence[Untraded]
) -> tuple[TradeException, ...]:
    """The exceptions, with prices where nothing else says why a class is outside its band."""
    told = []
    for each in exceptions:
        told.append(each)
        is_class = each.reason_code == "out_of_tolerance" and each.security_id is None
        head = f"{each.subject}:"
        if not is_class or any(other.subject.startswith(head) for other in exceptions):
            continue
        own = [row for row in rows if row.asset_class == each.asset_class]
        largest = max(own, key=lambda row: (row.amount or NOTHING, row.rationale), default=None)
        if largest is not None:
            told.append(
                replace(
                    each,
                    subject=f"{head} {largest.reason_code.replace('_', ' ')}",
                    reason_code=largest.reason_code,
                    rationale=largest.rationale,
                    amount=each.amount if largest.amount is None else largest.amount,
                )
            )
    return tuple(told)
