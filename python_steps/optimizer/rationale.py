"""Why each trade is in the plan: what its last dollar is worth by the prices of the program.

Belongs here: the prices of the program's rows at the plan, each trade's margin split by them, the
pairing of sales with what their cash is used for. Does not belong here: the plan, what a trade adds
on its way to it (`plan_shares`), sentences (`wording`). Source: strong duality: at an
optimum a column's cost less the priced rows it enters is its reduced cost, so the parts of a margin
add up to it exactly. The program is the plan's last one: switches, closed trades and least sizes as
the repair left them, which leaves its solution optimal.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from python_steps.optimizer.attempt import Attempt
from python_steps.optimizer.core_problem import CoreProblem
from python_steps.optimizer.household_trades import trade_groups
from python_steps.optimizer.linear_model import Floats, LinearModel
from python_steps.optimizer.linear_programs import Floors, LinearPrograms
from python_steps.optimizer.model_assembly import CoreModel
from python_steps.optimizer.plan_shares import Key, Parts, Shares
from python_steps.optimizer.trade_groups import NEGLIGIBLE, SIZE_TOLERANCE, TradeGroup
from python_steps.planning.household import Household
from python_steps.planning.ledger import PlanLedger, lot_sales
from python_steps.planning.plan import (
    BUY,
    LOCATE,
    REBALANCE,
    RESTRICTION,
    SELL,
    Order,
    Purpose,
    RationaleComponent,
    telling_dollars,
)
from python_steps.policy import FirmPolicy

CENT = Decimal("0.01")
# Terms of the objective that stand on the trades' own columns.
_TERM_COMPONENTS = {
    "cost": "trading_cost",
    "turnover": "turnover",
    "location": "location",
    "basis_reset": "basis_reset",
    "tax": "tax",
    "other": "preference",
}
# Rows in which trades stand, by how their names begin and end.
_ROW_COMPONENTS = (
    ("impact of ", "", "trading_cost"),
    ("cash of ", "", "account_cash"),
    ("cash left idle in ", "", "account_cash"),
    ("losses of ", " are bought again", "account_cash"),
    ("only the cash needed in ", "", "cash_need"),
    ("cash needed in ", "", "cash_need"),
    ("net long-term result of ", "", "tax"),
    ("net result of ", "", "tax"),
    ("tax of the year", "", "tax_budget"),
    ("gains for needed cash", "", "gains_budget"),
    ("gains budget", "", "gains_budget"),
    ("limit of ", "", "concentration"),
    ("losses of ", ", or purchases", "wash_sale"),
    ("purchase ", ", or losses", "wash_sale"),
    ("sold out are ", "", "wash_sale"),
    ("", " is sold out, or not", "lot_order"),
    ("", " is sold out before the next", "lot_order"),
    ("after ", " is sold out", "lot_order"),
)
# Rows that say again, for a trade that happens, no more than that its lots are all there are.
_REPEAT_BOUNDS = ("wash_sale", "lot_order")
# What may speak most for a trade and yet names no reason between the three.
_OF_NO_CODE = ("tax", "basis_reset")
_REASONS = {"drift": REBALANCE, "location": LOCATE, "concentration": RESTRICTION}

Place = tuple[str, str]
"""Account and security of a trade."""
Rationales = dict[Place, tuple[RationaleComponent, ...]]


@dataclass(frozen=True)
class PricedPlan:
    """The prices of the program's rows at the plan.

    `margins` are the dollars that a dollar more of each column would save, by its own cost and the
    rows' prices; 0 where the amount is free to move, negative where it would cost more than it
    brings. `row_duals` are those prices; `least_prices` what a least size costs its trade. Sales
    are found by lot, purchases by place.
    """

    core: CoreModel
    row_duals: Floats
    margins: Floats
    least_prices: Mapping[int, float]
    rows: Mapping[int, Key]
    sale_columns: Mapping[str, int]
    purchase_columns: Mapping[Place, int]

    def parts_of(self, column: int) -> Parts:
        """What a dollar more of a trade brings (positive) or costs, by component, dollars."""
        model, parts = self.core.model, defaultdict[Key, float](float)
        for term, component in _TERM_COMPONENTS.items():
            parts[component, None] -= float(self.core.terms[term][column])
        for place in range(int(model.starts[column]), int(model.starts[column + 1])):
            row = int(model.rows[place])
            key = self.rows[row]
            price = float(self.row_duals[row] * model.values[place])
            # What only repeats a bound is worth of the trade itself, not a reason against it.
            if key[0] not in _REPEAT_BOUNDS or price > 0:
                parts[key] += price
        if column in self.least_prices:
            parts["minimum_trade", None] += self.least_prices[column]
        return parts


class _Traded(NamedTuple):
    """One trade of the plan: the cash it brings or uses, and its parts for all its dollars.

    `margin` takes every dollar at the worth of the last one, `share` is what all of them add.
    """

    order: Order
    cash: float
    margin: Parts
    share: Parts


def priced(
    attempt: Attempt, household: Household, policy: FirmPolicy, programs: LinearPrograms
) -> PricedPlan | None:
    """The prices at a plan; None where its last program gives no verdict.

    Args:
        attempt: how the plan was made; its model must be loaded into the solver.
        household: the household.
        policy: the firm's settings (least sizes).
        programs: the solver.
    """
    groups = list(trade_groups(household, policy, attempt.core))
    lower, upper, floors, floored = _last_bounds(attempt, groups)
    solution = programs.solve(lower, upper, floors=floors)
    if solution.status != "optimal":
        return None
    model, problem = attempt.core.model, attempt.core.problem
    reduced = model.cost - _weighted(model, solution.row_duals)
    return PricedPlan(
        core=attempt.core,
        row_duals=solution.row_duals,
        margins=-reduced,
        least_prices=_least_prices(floored, reduced, upper, solution.values),
        rows=_keys_of_rows(attempt.core),
        sale_columns={
            sale.lot.lot_id: column
            for sale, column in zip(problem.sales, attempt.core.sale_columns, strict=True)
        },
        purchase_columns={
            (purchase.account_id, purchase.security_id): column
            for purchase, column in zip(
                problem.purchases, attempt.core.purchase_columns, strict=True
            )
        },
    )


def rationales(plan: PricedPlan, ledger: PlanLedger, shares: Shares) -> Rationales:
    """By trade of a plan its components, in cents; together they are what it is worth.

    A sale carries its share of what its cash is used for and a purchase its share of what pays for
    it, so that the price of cash inside an account cancels: what is needed there goes first, the
    rest to the purchases in proportion. A pair's worth stands at both, never to be added up.

    Args:
        plan: the prices at the plan.
        ledger: the plan's orders.
        shares: what each order adds to the plan, from `plan_shares`.
    """
    pools: dict[tuple[str, str | None], list[_Traded]] = defaultdict(list)
    for key, order in sorted(ledger.orders.items()):
        traded = _traded(plan, order, shares[key])
        pools[_pool(plan.core.problem, order)].append(traded)
    needs = {need.account_id: need.amount for need in plan.core.problem.needs}
    found: Rationales = {}
    for (account_id, _), pool in sorted(pools.items(), key=lambda item: str(item[0])):
        for each in _paired(pool, needs.get(account_id, 0.0)):
            found[each.order.account_id, each.order.security_id] = _components(each)
    return found


def with_reasons(problem: CoreProblem, ledger: PlanLedger, found: Rationales) -> PlanLedger:
    """The ledger with each order's purpose named after what speaks for it most.

    Only between rebalancing, location and a concentration limit: what raises needed cash, what
    invests free cash and what takes the place of a loss is a fact of the account's cash, and a
    sale of nothing but losses is a harvest where losses are harvested.
    """
    told = ledger.copy()
    for key, order in sorted(told.orders.items()):
        purpose = order.main_purpose
        if purpose.reason_code not in _REASONS.values() or problem.may_harvest(order.account_id):
            continue
        components = found.get((order.account_id, order.security_id), ())
        code = _reason(components, purpose.reason_code)
        if code == RESTRICTION and (
            order.action == BUY or order.security_id not in problem.index.limits
        ):
            continue
        if code != purpose.reason_code and _is_harvest(problem, order):
            continue
        changed = replace(purpose, reason_code=code)
        if code == REBALANCE:
            changed = _serving(problem, order, changed, components)
        purposes = tuple(
            (changed if each == purpose else each, amount) for each, amount in order.purposes
        )
        told.orders[key] = replace(order, purposes=purposes)
    return told


def _is_harvest(problem: CoreProblem, order: Order) -> bool:
    """Whether an order sells nothing but losses in a household that harvests them."""
    if order.action == BUY or not problem.account(order.account_id).is_taxable:
        return False
    gains = [sale.gain for sale in lot_sales(problem.index, order)]
    return problem.household.harvests_losses and max(gains) <= 0 and min(gains) < 0


def _serving(
    problem: CoreProblem,
    order: Order,
    purpose: Purpose,
    components: Sequence[RationaleComponent],
) -> Purpose:
    """The purpose with the target whose drift speaks most for the order."""
    amounts = telling_dollars(components)
    served = [
        (amount, each.subject)
        for each, amount in zip(components, amounts, strict=True)
        if each.component == "drift" and each.subject is not None and amount > 0
    ]
    group = problem.index.group_of(order.account_id)
    if not served or group is None:
        return purpose
    _, name = max(served, key=lambda pair: (pair[0], pair[1]))
    if any(part.name == name for part in group.parts):
        return replace(purpose, part_name=name)
    own, other = purpose.sold_class, purpose.bought_class
    if order.action == SELL and name != own:
        return replace(purpose, bought_class=name)
    if order.action == BUY and name != other:
        return replace(purpose, sold_class=name)
    return purpose


def _reason(components: Sequence[RationaleComponent], known: str) -> str:
    """The code of the component that speaks most for a trade; the known one where none does."""
    dollars = dict.fromkeys((*_REASONS, *_OF_NO_CODE), Decimal(0))
    for each, amount in zip(components, telling_dollars(components), strict=True):
        if each.component in dollars:
            dollars[each.component] += amount
    largest = max(sorted(dollars), key=lambda name: dollars[name])
    is_tie = dollars[largest] == dollars[_component_of(known)]
    if dollars[largest] <= 0 or is_tie or largest in _OF_NO_CODE:
        return known
    return _REASONS[largest]


def _component_of(code: str) -> str:
    return next(name for name, reason in _REASONS.items() if reason == code)


def _last_bounds(
    attempt: Attempt, groups: Sequence[TradeGroup]
) -> tuple[Floats, Floats, Floors, list[TradeGroup]]:
    """Bounds under which the repaired solution is optimal, and the trades at their least size."""
    values = attempt.mended.values
    lower, upper = attempt.model.lower.copy(), attempt.model.upper.copy()
    for switch in attempt.model.switches:
        lower[switch.column] = upper[switch.column] = round(float(values[switch.column]))
    floors: dict[tuple[int, ...], float] = {}
    floored = []
    for group in groups:
        columns = list(group.columns)
        size, most = float(values[columns].sum()), float(attempt.model.upper[columns].sum())
        if size <= NEGLIGIBLE:
            upper[columns] = lower[columns]
        elif size <= group.least + SIZE_TOLERANCE:
            floored.append(group)
            # A solver's solution may lie below it by its tolerance; the bounds may not be crossed.
            least = min(group.least, most)
            if len(columns) == 1:
                lower[columns[0]] = max(float(lower[columns[0]]), least)
            else:
                floors[group.columns] = least
    return lower, upper, floors, floored


def _least_prices(
    floored: Iterable[TradeGroup], reduced: Floats, upper: Floats, values: Floats
) -> dict[int, float]:
    """By column what its trade's least size costs a dollar: what its dearest dollar loses."""
    prices: dict[int, float] = {}
    for group in floored:
        used = [column for column in group.columns if values[column] > SIZE_TOLERANCE]
        dearest = max((float(reduced[column]) for column in used), default=0.0)
        if dearest > 0:
            prices.update(dict.fromkeys(group.columns, dearest))
    return prices


def _weighted(model: LinearModel, row_duals: Floats) -> Floats:
    """By column the sum of its rows' prices."""
    column_of_entry = np.repeat(np.arange(model.column_count), np.diff(model.starts))
    priced_entries = model.values * row_duals[model.rows]
    return np.bincount(column_of_entry, priced_entries, model.column_count).astype(np.float64)


def _keys_of_rows(core: CoreModel) -> dict[int, Key]:
    """The component of every row in which a trade stands.

    Raises:
        ValueError: a row is of no component: the model has learnt something new.
    """
    model = core.model
    targets = _rows_of_targets(core)
    keys: dict[int, Key] = {}
    for column in (*core.sale_columns, *core.purchase_columns):
        for row in model.rows[int(model.starts[column]) : int(model.starts[column + 1])].tolist():
            if row not in keys:
                known = targets.get(row)
                keys[row] = (
                    (_component_of_row(model.row_names[row]), None)
                    if known is None
                    else ("drift", known)
                )
    return keys


def _rows_of_targets(core: CoreModel) -> dict[int, str]:
    """By row of a target its name: the class, or the target inside one."""
    model, found = core.model, {}
    for deviation in core.deviations:
        for column in (*deviation.above, *deviation.below)[:1]:
            row = int(model.rows[int(model.starts[column])])
            found[row] = model.row_names[row].removesuffix(f" of {deviation.group_id}")
    return found


def _component_of_row(name: str) -> str:
    for first, last, component in _ROW_COMPONENTS:
        if name.startswith(first) and name.endswith(last):
            return component
    raise ValueError(f"the row {name!r} belongs to no component of a trade's worth")


def _traded(plan: PricedPlan, order: Order, share: Parts) -> _Traded:
    """The parts of an order: of each lot or purchase the dollars that are really traded."""
    problem = plan.core.problem
    place = (order.account_id, order.security_id)
    amounts: list[tuple[int, float]] = []
    if order.action == SELL:
        price = problem.security(order.security_id).price or Decimal(0)
        for lot_id, quantity in order.lots:
            amounts.append((plan.sale_columns[lot_id], float(quantity * price)))
    else:
        amounts.append((plan.purchase_columns[place], float(order.notional)))
    collected: dict[Key, list[float]] = defaultdict(list)
    for column, amount in amounts:
        for key, worth in plan.parts_of(column).items():
            collected[key].append(worth * amount)
    sign = 1.0 if order.action == SELL else -1.0
    spread = problem.half_spread(order.security_id)
    cash = float(order.notional) * (1.0 - sign * spread)
    margin = {key: math.fsum(parts) for key, parts in collected.items()}
    return _Traded(order, cash, margin, share)


def _pool(problem: CoreProblem, order: Order) -> tuple[str, str | None]:
    """Whose cash a trade shares: its account's, and of its class where losses are exchanged."""
    if problem.may_harvest(order.account_id):
        return order.account_id, problem.security(order.security_id).primary_class
    return order.account_id, None


def _paired(pool: Sequence[_Traded], need: float) -> list[_Traded]:
    """The trades of a pool, each with its share of the other side."""
    sides = {
        action: [each for each in pool if each.order.action == action] for action in (SELL, BUY)
    }
    brought = math.fsum(each.cash for each in sides[SELL])
    used = math.fsum(each.cash for each in sides[BUY])
    needed = min(need, brought)
    funded = min(brought - needed, used)
    found = []
    for each in pool:
        is_sale = each.order.action == SELL
        others = sides[BUY if is_sale else SELL]
        share = funded * each.cash / (brought * used) if funded > 0 else 0.0
        for_need = 0.0
        if is_sale and needed > 0:
            for_need = each.margin.get(("account_cash", None), 0.0) * needed / brought
        margin = _with_others(each.margin, [other.margin for other in others], share)
        margin["account_cash", None] = margin.get(("account_cash", None), 0.0) - for_need
        shared = _with_others(each.share, [other.share for other in others], share)
        for parts in (margin, shared):
            parts["cash_need", None] = parts.get(("cash_need", None), 0.0) + for_need
        found.append(each._replace(margin=margin, share=shared))
    return found


def _with_others(own: Parts, others: Sequence[Parts], share: float) -> Parts:
    """A trade's parts with a share of those of the other side."""
    collected: dict[Key, list[float]] = {key: [amount] for key, amount in own.items()}
    for parts in others:
        for key, amount in parts.items():
            collected.setdefault(key, []).append(share * amount)
    return {key: math.fsum(amounts) for key, amounts in collected.items()}


def _components(traded: _Traded) -> tuple[RationaleComponent, ...]:
    margin, share = in_cents(traded.margin), in_cents(traded.share)
    keys = sorted({*margin, *share}, key=str)
    nothing = Decimal(0)
    return tuple(
        RationaleComponent(*key, share.get(key, nothing), margin.get(key, nothing))
        for key in keys
        if share.get(key, nothing) or margin.get(key, nothing)
    )


def in_cents(parts: Parts) -> dict[Key, Decimal]:
    """The parts in whole cents that add up to the rounded sum; the largest takes what is over."""
    total = Decimal(math.fsum(parts.values())).quantize(CENT)
    cents = {key: Decimal(parts[key]).quantize(CENT) for key in sorted(parts, key=str)}
    over = total - sum(cents.values(), Decimal(0))
    if over:
        cents[max(cents, key=lambda key: abs(cents[key]))] += over
    return cents
