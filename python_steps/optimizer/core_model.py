"""The household's linear program: every variable, constraint and price, one small function each.

Belongs here: turning possible trades (`core_problem`) and prices (`prices`) into columns, rows and
switches. Does not belong here: permissions, solving, share rounding, tickets and minimum trades
(they are repaired afterwards, see `repair`). Columns and rows are thousands of dollars.

    minimise  tax of the year - worth of basis reset + spread and impact + drift + location
              + excess over concentration limits + cash that is missing
    subject to  cash of each account (money never crosses from one to another), class weights,
                netting of gains and losses (IRC 1222, 1211), no loss sale of what is bought
                (IRC 1091), standing lot methods (Reg. 1.1012-1(c)), the gains budget.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from python_steps.optimizer.core_problem import CoreProblem, Sale, Stage
from python_steps.optimizer.linear_model import (
    DOLLARS_PER_UNIT,
    Floats,
    LinearModel,
    ModelBuilder,
    Side,
    Switch,
    side_of,
)
from python_steps.optimizer.prices import ObjectivePrices, Segment, TaxPrices
from python_steps.planning.costs import CostModel
from python_steps.planning.evaluation import SHORTFALL_PRICE
from python_steps.planning.household import CASH, UNMAPPED, AllocationGroup, Banded, Security

# A dollar over a concentration limit; selling down a low basis may cost more, then it stays.
CONCENTRATION_PRICE = 0.05
# The list's first choice goes before the second by a twentieth of a basis point of the purchase.
PREFERENCE_PRICE = 0.000005
# Outer prices begin this share of the group inside its band: rounding must not cross the edge.
EDGE_MARGIN = 0.0005
# Impact below this share of an order is charged at one rate, above it in three chords.
FLAT_IMPACT = 0.0002
CHORDS = (0.10, 0.40, 1.0)
# Sales for needed cash may overshoot by this share, so that whole shares can cover it.
NEED_SLACK = 1.02
CENT_OF_UNIT = 0.01 / DOLLARS_PER_UNIT
TERMS = ("tax", "basis_reset", "cost", "drift", "location", "concentration", "shortfall", "other")


@dataclass(frozen=True)
class CoreModel:
    """The program, and where a household's trades and terms are in it.

    `sale_columns` and `purchase_columns` follow the problem's sales and purchases. `terms` holds
    the objective coefficients of every term by itself; `stage_columns` the upper bounds that are
    open only from a stage on.
    """

    problem: CoreProblem
    model: LinearModel
    sale_columns: tuple[int, ...]
    purchase_columns: tuple[int, ...]
    terms: Mapping[str, Floats]
    term_offsets: Mapping[str, float]
    stage_columns: Mapping[Stage, tuple[int, ...]]

    def upper_at(self, stage: Stage) -> Floats:
        """Upper bounds with everything closed that only later stages may use."""
        upper = self.model.upper.copy()
        for other, columns in self.stage_columns.items():
            if other > stage:
                upper[list(columns)] = 0.0
        return upper

    def components(self, values: Floats) -> dict[str, float]:
        """Each term of the objective at a solution, dollars."""
        return {
            name: DOLLARS_PER_UNIT
            * (float(self.terms[name] @ values) + self.term_offsets.get(name, 0.0))
            for name in TERMS
        }


class _Assembly:
    """The model while its parts are added."""

    def __init__(self, problem: CoreProblem, prices: ObjectivePrices, costs: CostModel) -> None:
        self.problem = problem
        self.prices = prices
        self.costs = costs
        self.builder = ModelBuilder()
        self.buffer = float(prices.policy.execution_buffer)
        self.sale_columns: list[int] = []
        self.purchase_columns: list[int] = []
        self.term_costs: dict[str, list[tuple[int, float]]] = {name: [] for name in TERMS}
        self.term_offsets: dict[str, float] = {}
        self.stages: dict[Stage, list[int]] = defaultdict(list)

    def price(self, term: str, column: int, cost: float) -> None:
        """Put a term's cost on a column."""
        if cost != 0.0:
            self.builder.add_cost(column, cost)
            self.term_costs[term].append((column, cost))

    def constant(self, term: str, amount: float) -> None:
        """Put a constant into the objective."""
        self.builder.offset += amount
        self.term_offsets[term] = self.term_offsets.get(term, 0.0) + amount

    def finished(self) -> CoreModel:
        """The model."""
        model = self.builder.model()
        terms = {}
        for name, entries in self.term_costs.items():
            costs = np.zeros(model.column_count)
            for column, cost in entries:
                costs[column] += cost
            terms[name] = costs
        return CoreModel(
            problem=self.problem,
            model=model,
            sale_columns=tuple(self.sale_columns),
            purchase_columns=tuple(self.purchase_columns),
            terms=terms,
            term_offsets=self.term_offsets,
            stage_columns={stage: tuple(columns) for stage, columns in self.stages.items()},
        )


def build_core_model(problem: CoreProblem, prices: ObjectivePrices, costs: CostModel) -> CoreModel:
    """The program of a household.

    Args:
        problem: what may be sold and bought.
        prices: prices of the objective.
        costs: commissions, spreads and impact.
    """
    assembly = _Assembly(problem, prices, costs)
    _sales(assembly)
    _purchases(assembly)
    _impact(assembly)
    _cash_of_accounts(assembly)
    _needed_cash_only(assembly)
    _classes_and_parts(assembly)
    _taxes(assembly)
    _wash_sales(assembly)
    _concentrations(assembly)
    _gains_budget(assembly)
    _lot_orders(assembly)
    return assembly.finished()


def _sales(assembly: _Assembly) -> None:
    """A column for each lot: dollars sold; its spread, the worth of its basis, its location."""
    problem, prices = assembly.problem, assembly.prices
    needy = {need.account_id for need in problem.needs}
    for sale in problem.sales:
        column = assembly.builder.column(
            f"sell {sale.lot.lot_id} in {sale.account_id}", upper=sale.limit / DOLLARS_PER_UNIT
        )
        assembly.sale_columns.append(column)
        if sale.account_id not in needy:
            assembly.stages[sale.stage].append(column)
        account, security = problem.account(sale.account_id), problem.security(sale.security_id)
        assembly.price("cost", column, problem.half_spread(sale.security_id))
        assembly.price("location", column, -prices.location_cost(account, security))
        unit = prices.tax_units.get(account.tax_unit_id)
        if sale.gain_per_dollar != 0.0 and unit is not None:
            assembly.price("basis_reset", column, -unit.basis_reset * sale.gain_per_dollar)


def _purchases(assembly: _Assembly) -> None:
    """A column for each security that may be bought in an account: dollars bought."""
    problem, prices = assembly.problem, assembly.prices
    money = _money_of_accounts(problem)
    room = _rooms(problem)
    for purchase in problem.purchases:
        account = problem.account(purchase.account_id)
        security = problem.security(purchase.security_id)
        most = max(0.0, min(money[purchase.account_id], room.get(purchase.security_id, math.inf)))
        column = assembly.builder.column(
            f"buy {security.label} in {purchase.account_id}", upper=most / DOLLARS_PER_UNIT
        )
        assembly.purchase_columns.append(column)
        assembly.price("cost", column, problem.half_spread(purchase.security_id))
        assembly.price("location", column, prices.location_cost(account, security))
        assembly.price("other", column, PREFERENCE_PRICE * purchase.place)


def _money_of_accounts(problem: CoreProblem) -> dict[str, float]:
    """The most that each account could ever spend: its cash and everything it may sell."""
    money = {
        account.account_id: max(0.0, float(problem.start.spendable(account.account_id)))
        for account in problem.household.accounts
    }
    for sale in problem.sales:
        money[sale.account_id] += sale.limit
    return money


def _rooms(problem: CoreProblem) -> dict[str, float]:
    """Dollars that may still be bought under each concentration limit."""
    total = problem.household.market_value
    if total is None:
        return {}
    return {
        limit.security_id: float(limit.limit_weight * total) - _held(problem, limit.security_id)
        for limit in problem.household.concentration_limits
    }


def _held(problem: CoreProblem, security_id: str) -> float:
    return sum(
        float(position.market_value or 0)
        for position in problem.household.positions
        if position.security_id == security_id
    )


def _impact(assembly: _Assembly) -> None:
    """Market impact: one rate for small orders, three chords of the power law for large ones.

    An order is a security sold or bought in an account, so its lots share the chords.
    """
    problem = assembly.problem
    orders: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for sale, column in zip(problem.sales, assembly.sale_columns, strict=True):
        orders["sell", sale.account_id, sale.security_id].append(column)
    for purchase, column in zip(problem.purchases, assembly.purchase_columns, strict=True):
        orders["buy", purchase.account_id, purchase.security_id].append(column)
    for (action, account_id, security_id), columns in orders.items():
        size = sum(assembly.builder.upper_of(column) for column in columns)
        dollars = Decimal(round(size * DOLLARS_PER_UNIT))
        rate = float(assembly.costs.impact_rate(problem.security(security_id), dollars))
        if rate <= FLAT_IMPACT:
            for column in columns:
                assembly.price("cost", column, rate * math.sqrt(CHORDS[1]))
            continue
        name = f"{action} {security_id} in {account_id}"
        chords, before, cost_before = [], 0.0, 0.0
        for share in CHORDS:
            cost = rate * math.sqrt(share) * share * size
            chord = assembly.builder.column(
                f"impact to {share:.0%} of {name}", upper=(share - before) * size
            )
            assembly.price("cost", chord, (cost - cost_before) / ((share - before) * size))
            chords.append(chord)
            before, cost_before = share, cost
        assembly.builder.row(
            f"impact of {name}",
            [*((column, 1.0) for column in columns), *((chord, -1.0) for chord in chords)],
            lower=0.0,
            upper=0.0,
        )


def _cash_of_accounts(assembly: _Assembly) -> None:
    """No account is overdrawn, even when every price moves against us by the execution buffer."""
    problem = assembly.problem
    entries: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for sale, column in zip(problem.sales, assembly.sale_columns, strict=True):
        spread = problem.half_spread(sale.security_id)
        entries[sale.account_id].append((column, 1.0 - spread - assembly.buffer))
    for purchase, column in zip(problem.purchases, assembly.purchase_columns, strict=True):
        spread = problem.half_spread(purchase.security_id)
        entries[purchase.account_id].append((column, -(1.0 + spread + assembly.buffer)))
    for account_id, of_account in sorted(entries.items()):
        cash = float(problem.start.spendable(account_id)) / DOLLARS_PER_UNIT
        if cash < 0:
            missing = assembly.builder.column(f"cash missing in {account_id}", upper=-cash)
            assembly.price("shortfall", missing, float(SHORTFALL_PRICE))
            of_account.append((missing, 1.0))
        assembly.builder.row(f"cash of {account_id}", of_account, lower=-cash)


def _needed_cash_only(assembly: _Assembly) -> None:
    """Where cash is needed any lot may be sold for it, but for nothing else before its stage.

    For each later stage: the account's lots of that stage or later, less a slack that opens with
    the stage, bring no more than the need.
    """
    problem = assembly.problem
    for need in problem.needs:
        own = [
            (sale, column)
            for sale, column in zip(problem.sales, assembly.sale_columns, strict=True)
            if sale.account_id == need.account_id
        ]
        if not own:
            continue
        least = float(problem.household.minimum_trade_amount)
        dearest = max(float(problem.security(sale.security_id).price or 0) for sale, _ in own)
        spread = max(problem.half_spread(sale.security_id) for sale, _ in own)
        most = max(need.amount / (1 - spread - assembly.buffer) + dearest, least + dearest)
        most *= NEED_SLACK / DOLLARS_PER_UNIT
        for stage in list(Stage)[1:]:
            later = [(sale, column) for sale, column in own if sale.stage >= stage]
            total = sum(sale.limit for sale, _ in later) / DOLLARS_PER_UNIT
            if total <= most:
                continue
            slack = assembly.builder.column(
                f"more than the cash needed in {need.account_id} from {stage.name}", upper=total
            )
            assembly.stages[stage].append(slack)
            assembly.builder.row(
                f"cash needed in {need.account_id} from {stage.name}",
                [*((column, 1.0) for _, column in later), (slack, -1.0)],
                upper=most,
            )


def _classes_and_parts(assembly: _Assembly) -> None:
    """How far each class, and each target inside a class, stands from its target, and its price."""
    for group in assembly.problem.groups:
        values = assembly.problem.start.class_values[group.allocation_group_id]
        total = float(sum(values.values()))
        if total <= 0:
            continue
        for row in group.classes:
            if row.asset_class == UNMAPPED:
                continue
            weights = _class_shares(assembly, group, row.asset_class)
            value = float(values.get(row.asset_class, 0))
            _deviation(assembly, group, row, total, value, weights)
        parts = assembly.problem.start.part_values[group.allocation_group_id]
        for part in group.parts:
            if part.asset_class is not None:
                shares = _shares(assembly, group, part.weight_of)
                _deviation(assembly, group, part, total, float(parts[part.key]), shares)


def _class_shares(
    assembly: _Assembly, group: AllocationGroup, asset_class: str
) -> list[tuple[int, float]]:
    """By column the class dollars that a dollar of the trade adds; cash moves with every trade."""
    problem = assembly.problem

    def weight(security: Security) -> Decimal:
        return dict(security.class_weights).get(asset_class, Decimal(0))

    entries = _shares(assembly, group, weight)
    if asset_class != CASH:
        return entries
    for sale, column in zip(problem.sales, assembly.sale_columns, strict=True):
        if _is_in(problem, sale.account_id, group):
            entries.append((column, 1.0 - problem.half_spread(sale.security_id)))
    for purchase, column in zip(problem.purchases, assembly.purchase_columns, strict=True):
        if _is_in(problem, purchase.account_id, group):
            entries.append((column, -1.0 - problem.half_spread(purchase.security_id)))
    return _added_up(entries)


def _shares(
    assembly: _Assembly, group: AllocationGroup, weight: Callable[[Security], Decimal]
) -> list[tuple[int, float]]:
    """By column what a dollar of the trade adds to something that securities have a share of."""
    problem = assembly.problem
    trades = [
        *((-1.0, sale.account_id, sale.security_id) for sale in problem.sales),
        *((1.0, each.account_id, each.security_id) for each in problem.purchases),
    ]
    known: dict[str, float] = {}
    entries = []
    columns = (*assembly.sale_columns, *assembly.purchase_columns)
    for (sign, account_id, security_id), column in zip(trades, columns, strict=True):
        if security_id not in known:
            known[security_id] = float(weight(problem.security(security_id)))
        if known[security_id] and _is_in(problem, account_id, group):
            entries.append((column, sign * known[security_id]))
    return entries


def _is_in(problem: CoreProblem, account_id: str, group: AllocationGroup) -> bool:
    own = problem.index.group_of(account_id)
    return own is not None and own.allocation_group_id == group.allocation_group_id


def _added_up(entries: Iterable[tuple[int, float]]) -> list[tuple[int, float]]:
    total: dict[int, float] = {}
    for column, value in entries:
        total[column] = total.get(column, 0.0) + value
    return list(total.items())


def _deviation(
    assembly: _Assembly,
    group: AllocationGroup,
    row: Banded,
    total: float,
    value: float,
    shares: Sequence[tuple[int, float]],
) -> None:
    """Value after the plan = target + what is above - what is below, each in priced segments."""
    name = f"{row.name} of {group.allocation_group_id}"
    margin = EDGE_MARGIN * total
    above, below = assembly.prices.drift_segments(row, total, margin)
    entries = list(shares)
    for side, segments, sign in (("above", above, -1.0), ("below", below, 1.0)):
        for column in _segments(assembly, f"{name} {side}", segments, total):
            entries.append((column, sign))
    target = float(row.target_weight) * total
    gap = (target - value) / DOLLARS_PER_UNIT
    assembly.builder.row(name, entries, lower=gap, upper=gap)


def _segments(
    assembly: _Assembly, name: str, segments: Iterable[Segment], total: float
) -> list[int]:
    columns = []
    for segment in segments:
        width = min(segment.width, 2 * total) / DOLLARS_PER_UNIT
        if width > 0:
            column = assembly.builder.column(f"{name} at {segment.price}", upper=width)
            assembly.price("drift", column, segment.price)
            columns.append(column)
    return columns


def _taxes(assembly: _Assembly) -> None:
    """Netting of each tax unit's year, with switches where the tax is not convex.

    Long-term gains may not be taxed at their rate while short-term losses are left, nor losses
    deducted while gains are taxed; a plain program would invent both (IRC 1222, 1211(b)).
    """
    problem = assembly.problem
    for name, prices in assembly.prices.tax_units.items():
        sold = [
            (sale, column)
            for sale, column in zip(problem.sales, assembly.sale_columns, strict=True)
            if sale.gain_per_dollar != 0.0 and problem.account(sale.account_id).tax_unit_id == name
        ]
        if sold:
            _tax_of_unit(assembly, name, prices, sold)


def _tax_of_unit(
    assembly: _Assembly, name: str, prices: TaxPrices, sold: Sequence[tuple[Sale, int]]
) -> None:
    builder = assembly.builder
    long_before = prices.long_before / DOLLARS_PER_UNIT
    before = long_before + prices.short_before / DOLLARS_PER_UNIT
    gains = [(sale, column, sale.gain_per_dollar) for sale, column in sold]
    of_long = [(column, gain) for sale, column, gain in gains if sale.is_long_term]
    of_all = [(column, gain) for _, column, gain in gains]
    long_most, long_least = _reach(builder, of_long, long_before)
    most, least = _reach(builder, of_all, before)
    long_up = builder.column(f"net long-term gain of {name}", upper=max(0.0, long_most))
    long_down = builder.column(f"net long-term loss of {name}", upper=max(0.0, -long_least))
    short_taxed = builder.column(f"gain of {name} taxed as short-term", upper=max(0.0, most))
    long_taxed = builder.column(f"gain of {name} taxed as long-term", upper=max(0.0, most))
    limit = min(prices.loss_limit / DOLLARS_PER_UNIT, max(0.0, -least))
    deducted = builder.column(f"loss of {name} deducted", upper=limit)
    carried = builder.column(f"loss of {name} carried forward", upper=max(0.0, -least))
    assembly.price("tax", short_taxed, prices.short_term)
    assembly.price("tax", long_taxed, prices.long_term)
    assembly.price("tax", deducted, -prices.ordinary)
    assembly.price("tax", carried, -prices.carried_loss)
    assembly.constant(
        "tax", -prices.tax(prices.short_before, prices.long_before) / DOLLARS_PER_UNIT
    )
    builder.row(
        f"net long-term result of {name}",
        [(long_up, 1.0), (long_down, -1.0), *((column, -gain) for column, gain in of_long)],
        lower=long_before,
        upper=long_before,
    )
    builder.row(
        f"net result of {name}",
        [
            (short_taxed, 1.0),
            (long_taxed, 1.0),
            (deducted, -1.0),
            (carried, -1.0),
            *((column, -gain) for column, gain in of_all),
        ],
        lower=before,
        upper=before,
    )
    builder.row(
        f"only net long-term gain of {name} is taxed as such",
        [(long_taxed, 1.0), (long_up, -1.0)],
        upper=0.0,
    )
    spread = max(prices.short_term - prices.long_term, 0.01)
    _sign_switch(assembly, f"long-term result of {name}", [long_up], [long_down], spread)
    _sign_switch(
        assembly,
        f"result of {name}",
        [short_taxed, long_taxed],
        [deducted, carried],
        max(prices.ordinary - prices.long_term, 0.01),
    )


def _reach(
    builder: ModelBuilder, gains: Iterable[tuple[int, float]], before: float
) -> tuple[float, float]:
    """Highest and lowest net result that the sales can bring about."""
    most = least = before
    for column, gain in gains:
        if gain > 0:
            most += gain * builder.upper_of(column)
        else:
            least += gain * builder.upper_of(column)
    return most, least


def _sign_switch(
    assembly: _Assembly, name: str, up: Sequence[int], down: Sequence[int], worth: float
) -> None:
    """Either the columns above zero or those below it: 1 opens `up`, 0 opens `down`."""
    builder = assembly.builder
    most_up = max(builder.upper_of(column) for column in up)
    most_down = max(builder.upper_of(column) for column in down)
    if most_up == 0.0 or most_down == 0.0:
        return
    switch = builder.column(f"sign of {name}", upper=1.0)
    builder.row(
        f"{name} is a gain", [*((column, 1.0) for column in up), (switch, -most_up)], upper=0.0
    )
    builder.row(
        f"{name} is a loss",
        [*((column, 1.0) for column in down), (switch, most_down)],
        upper=most_down,
    )
    builder.switch(
        Switch(
            name=f"sign of {name}",
            column=switch,
            when_zero=side_of(down),
            when_one=side_of(up),
            threshold=10 * CENT_OF_UNIT,
            worth=worth,
        )
    )


def _wash_sales(assembly: _Assembly) -> None:
    """What is bought anywhere in the household is not sold at a loss anywhere in it (IRC 1091).

    Identity group by identity group: 1 allows purchases, 0 loss sales.
    """
    problem, builder = assembly.problem, assembly.builder
    losses: dict[str, list[tuple[Sale, int]]] = defaultdict(list)
    for sale, column in zip(problem.sales, assembly.sale_columns, strict=True):
        if sale.is_loss:
            losses[problem.security(sale.security_id).identity_group_id].append((sale, column))
    purchases: dict[str, list[int]] = defaultdict(list)
    for purchase, column in zip(problem.purchases, assembly.purchase_columns, strict=True):
        if builder.upper_of(column) > 0:
            group = problem.security(purchase.security_id).identity_group_id
            purchases[group].append(column)
    for group in sorted(losses.keys() & purchases.keys()):
        switch = builder.column(f"{group} may be bought", upper=1.0)
        positions: dict[tuple[str, str], list[int]] = defaultdict(list)
        for sale, column in losses[group]:
            positions[sale.position.key].append(column)
        for key, columns in sorted(positions.items()):
            most = sum(builder.upper_of(column) for column in columns)
            builder.row(
                f"losses of {key[1]} in {key[0]}, or purchases",
                [*((column, 1.0) for column in columns), (switch, most)],
                upper=most,
            )
        for column in purchases[group]:
            builder.row(
                f"purchase {column} of {group}, or losses",
                [(column, 1.0), (switch, -builder.upper_of(column))],
                upper=0.0,
            )
        builder.switch(
            Switch(
                name=f"{group} may be bought",
                column=switch,
                when_zero=Side(
                    tuple(column for _, column in losses[group]),
                    tuple(_worth_of_loss(assembly, sale) for sale, _ in losses[group]),
                ),
                when_one=side_of(purchases[group], 0.02),
                threshold=0.001 * CENT_OF_UNIT,
                worth=1.0,
            )
        )


def _worth_of_loss(assembly: _Assembly, sale: Sale) -> float:
    """Tax that a dollar sold from a loss lot may save; a little for lots near their basis."""
    unit = assembly.prices.tax_units.get(assembly.problem.account(sale.account_id).tax_unit_id)
    rate = 0.0 if unit is None else unit.short_term
    return max(0.001, -rate * sale.gain_per_dollar)


def _concentrations(assembly: _Assembly) -> None:
    """Purchases stay under a security's limit; what stands above it is priced down."""
    problem, builder = assembly.problem, assembly.builder
    for security_id, room in sorted(_rooms(problem).items()):
        entries = [
            (column, 1.0)
            for purchase, column in zip(problem.purchases, assembly.purchase_columns, strict=True)
            if purchase.security_id == security_id
        ]
        sold = [
            (column, -1.0)
            for sale, column in zip(problem.sales, assembly.sale_columns, strict=True)
            if sale.security_id == security_id
        ]
        if room >= 0:
            if entries:
                # Without the sales: they may shrink in the repair, the limit may not.
                builder.row(f"limit of {security_id}", entries, upper=room / DOLLARS_PER_UNIT)
        elif sold:
            excess = -room / DOLLARS_PER_UNIT
            over = builder.column(f"excess of {security_id}", upper=excess)
            assembly.price("concentration", over, CONCENTRATION_PRICE)
            builder.row(f"limit of {security_id}", [*sold, (over, -1.0)], upper=-excess)


def _gains_budget(assembly: _Assembly) -> None:
    """The year's net gain stays within the household's budget; needed cash goes before it."""
    problem, builder = assembly.problem, assembly.builder
    budget = problem.household.annual_gains_budget
    entries = [
        (column, sale.gain_per_dollar)
        for sale, column in zip(problem.sales, assembly.sale_columns, strict=True)
        if sale.gain_per_dollar != 0.0
    ]
    if budget is None or not entries:
        return
    used = 0.0
    for unit in problem.index.tax_units.values():
        short, long = unit.year_to_date_short_term_gain, unit.year_to_date_long_term_gain
        # What has been realised is not known: nothing more may be.
        used = math.inf if short is None or long is None else used + float(short + long)
    room = max(0.0, float(budget) - used) / DOLLARS_PER_UNIT
    needy = {need.account_id for need in problem.needs}
    taxed = {sale.account_id for sale in problem.sales if sale.gain_per_dollar > 0.0}
    if needy & taxed:
        most, _ = _reach(builder, entries, 0.0)
        beyond = builder.column("gains beyond the budget", upper=most)
        assembly.price("other", beyond, 1.0)
        entries.append((beyond, -1.0))
    builder.row("gains budget", entries, upper=room)


def _lot_orders(assembly: _Assembly) -> None:
    """A standing lot method: a lot is sold only when those before it in the order are sold out.

    A switch stands only where the next lot would tempt before its turn: lots of the same term and
    kind whose gains rise along the order are sold in order by themselves.
    """
    problem, builder = assembly.problem, assembly.builder
    for queue in problem.queues:
        for first, second in itertools.pairwise(queue):
            before, after = problem.sales[first], problem.sales[second]
            if _comes_first_anyway(before, after):
                continue
            mine, its = assembly.sale_columns[first], assembly.sale_columns[second]
            own, most = builder.upper_of(mine), builder.upper_of(its)
            name = f"{before.lot.lot_id} of {before.account_id} is sold out"
            switch = builder.column(name, upper=1.0)
            builder.row(f"{name}, or not", [(mine, 1.0), (switch, -own)], lower=0.0)
            builder.row(f"{name} before the next", [(its, 1.0), (switch, -most)], upper=0.0)
            builder.switch(
                Switch(
                    name=name,
                    column=switch,
                    when_zero=Side((mine,), (-1.0,), own),
                    when_one=side_of([its]),
                    threshold=CENT_OF_UNIT,
                    worth=0.1,
                )
            )


def _comes_first_anyway(before: Sale, after: Sale) -> bool:
    return (
        before.is_long_term == after.is_long_term
        and before.is_loss == after.is_loss
        and before.stage == after.stage
        and before.gain_per_dollar < after.gain_per_dollar
    )
