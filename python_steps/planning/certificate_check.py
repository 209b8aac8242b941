"""The independent judge of the model that a plan's proof speaks of: does it describe the household?

Belongs here: a plan put into the certified program by this module's own reading of it, its rows,
bounds and prices held against the household and against what the plan says it is worth, and the
proof's bound derived once more with exact fractions. Does not belong here: building a program,
solving one, any array of the builder's own bookkeeping. Sources: Schedule D for the netting, weak
duality for the bound (Neumaier and Shcherbina 2004); a program may price impact by chords above the
law, drift from a margin inside the band, cash after the execution buffer, and nothing else freely.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from python_steps.planning.household import TAXABLE, Household, MarketAssumptions
from python_steps.planning.objective_check import market_impact, target_stands
from python_steps.planning.plan import HouseholdPlan, PlanValue, Trade
from python_steps.planning.plan_check import BrokenInvariant
from python_steps.policy import FirmPolicy

Floats = npt.NDArray[np.float64]
THOUSAND = 1000.0
CENT = 0.01
# Rows in thousand dollars: what rounding in the program's own numbers comes to.
ROW_TOLERANCE = 1e-6
# A price for all small orders may lie this far from the law of impact, share of the order.
FLAT_IMPACT = 0.0002
# So far inside a band its outer price may begin, share of the group.
MARGIN = Decimal("0.0005")
SHORT_OF_CASH = 20.0
# No rate of federal, surtax and state tax together reaches this.
HIGHEST_RATE = 0.75


class SideLike(Protocol):
    """How far a solution uses one side of a switch."""

    @property
    def columns(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def weights(self) -> tuple[float, ...]: ...  # noqa: D102
    @property
    def constant(self) -> float: ...  # noqa: D102


class SwitchLike(Protocol):
    """A column that is 0 or 1, and what each of them allows."""

    @property
    def column(self) -> int: ...  # noqa: D102
    @property
    def when_zero(self) -> SideLike: ...  # noqa: D102
    @property
    def when_one(self) -> SideLike: ...  # noqa: D102


class Program(Protocol):
    """The certified program as it is handed over: named columns and rows, stored by columns."""

    @property
    def cost(self) -> Floats: ...  # noqa: D102
    @property
    def lower(self) -> Floats: ...  # noqa: D102
    @property
    def upper(self) -> Floats: ...  # noqa: D102
    @property
    def row_lower(self) -> Floats: ...  # noqa: D102
    @property
    def row_upper(self) -> Floats: ...  # noqa: D102
    @property
    def starts(self) -> npt.NDArray[np.int32]: ...  # noqa: D102
    @property
    def rows(self) -> npt.NDArray[np.int32]: ...  # noqa: D102
    @property
    def values(self) -> Floats: ...  # noqa: D102
    @property
    def switches(self) -> Sequence[SwitchLike]: ...  # noqa: D102
    @property
    def offset(self) -> float: ...  # noqa: D102
    @property
    def column_names(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def row_names(self) -> tuple[str, ...]: ...  # noqa: D102


class LeafLike(Protocol):
    """A part of the switches' 0/1 space with the row prices that bound it."""

    @property
    def fixed(self) -> Mapping[int, float]: ...  # noqa: D102
    @property
    def row_duals(self) -> Floats: ...  # noqa: D102
    @property
    def is_infeasible(self) -> bool: ...  # noqa: D102


@dataclass(frozen=True)
class Certified:
    """A program with the names of its parts.

    `sales` are the columns by lot, `purchases` by account and security. `terms` are the objective's
    prices by term and `term_offsets` their constants; together they must be all of the objective.
    `room` are the columns' upper bounds in the part of the program that the bound was proved for,
    None where that is all of it.
    """

    program: Program
    sales: Mapping[str, int]
    purchases: Mapping[tuple[str, str], int]
    terms: Mapping[str, Floats]
    term_offsets: Mapping[str, float]
    room: Floats | None = None


class Judged(NamedTuple):
    """What the program makes of a plan: its objective, dollars, and what does not fit.

    `is_inside` says whether the plan keeps to the room of the proof: whole shares may step beyond
    what a stage or a budget leaves.
    """

    objective: float
    broken: list[BrokenInvariant]
    is_inside: bool = True


def check_certified_model(
    household: Household,
    plan: HouseholdPlan,
    policy: FirmPolicy,
    assumptions: MarketAssumptions,
    certified: Certified,
) -> Judged:
    """Hold the program that a proof speaks of against a plan and the household.

    Args:
        household: the problem.
        plan: any lawful plan whose stated value is true (`check_objective`).
        policy: prices and buffers.
        assumptions: volatilities, for the law of impact.
        certified: the program, with everything open that any stage may open.
    """
    try:
        solution = _Solution(household, plan, certified)
    except _NoPlaceError as missing:
        return Judged(math.nan, [BrokenInvariant("plan_is_in_the_model", str(missing))])
    judge = _Judge(household, plan, policy, assumptions, certified, solution)
    checks = (
        judge.terms_are_the_objective(),
        judge.rows_and_bounds_hold(),
        judge.trades_are_their_dollars(),
        judge.cash_rows_are_the_accounts(),
        judge.rates_are_rates(),
        judge.terms_are_true(plan.value) if plan.value is not None else (),
    )
    broken = [broken for check in checks for broken in check]
    return Judged(solution.objective, broken, solution.is_within(certified.room))


class _NoPlaceError(Exception):
    """A trade, or a column, that this module cannot find a place for."""


class _Columns:
    """A program row by row, with its columns by name."""

    def __init__(self, program: Program) -> None:
        self.upper = program.upper.tolist()
        self.names = program.column_names
        self.number = {name: place for place, name in enumerate(program.column_names)}
        self.entries: list[list[tuple[int, float]]] = [[] for _ in program.row_names]
        self.rows_of: list[list[tuple[int, float]]] = [[] for _ in self.names]
        starts, rows, values = program.starts.tolist(), program.rows.tolist(), program.values
        for column in range(len(self.names)):
            for place in range(starts[column], starts[column + 1]):
                value = float(values[place])
                self.entries[rows[place]].append((column, value))
                self.rows_of[column].append((rows[place], value))
        self.row_lower = program.row_lower.tolist()
        self.row_upper = program.row_upper.tolist()

    def are(self, kind: re.Pattern[str]) -> set[int]:
        """The columns whose name is of a kind."""
        return {place for place, name in enumerate(self.names) if kind.match(name)}


_SLACKS = re.compile(
    r"^(cash missing in |cash left idle in |more than |excess of |gains beyond the budget$"
    r"|tax above the least possible$|losses of .* but for a rest$)"
)
_SEGMENT = re.compile(r"^(?P<target>.+) (?P<side>above|below) at \S+$")
_BOUGHT_AGAIN = re.compile(r"^losses of .+ in (?P<account>.+) are bought again$")
_CHORD = re.compile(r"^impact to \d+% of ")
_TAX = re.compile(
    r"^(?:net long-term (?P<net>gain|loss) of (?P<unit1>.+)"
    r"|gain of (?P<unit2>.+) taxed as (?P<term>short|long)-term"
    r"|loss of (?P<unit3>.+) (?P<use>deducted|carried forward))$"
)


class _Solution:
    """A plan as a point of the program: trades from the plan, the rest by what each column means.

    Raises:
        _NoPlaceError: a trade has no column, or a column no meaning here.
    """

    def __init__(self, household: Household, plan: HouseholdPlan, certified: Certified) -> None:
        self._program = certified.program
        self.columns = _Columns(certified.program)
        self.values: list[float] = [math.nan] * len(self.columns.names)
        self.lots = _sold_dollars(household, plan, certified)
        for column in (*certified.sales.values(), *certified.purchases.values()):
            self.values[column] = 0.0
        for lot_id, dollars in self.lots.items():
            self.values[certified.sales[lot_id]] = dollars / THOUSAND
        for trade in plan.trades:
            if trade.action == "buy":
                place = (trade.account_id, trade.security_id)
                if place not in certified.purchases:
                    raise _NoPlaceError(f"purchase of {trade.security_id}")
                self.values[certified.purchases[place]] = float(trade.notional) / THOUSAND
        self._fill_rows(self.columns.are(_CHORD), lambda coefficient, _: coefficient < 0)
        self._fill_rows(
            self.columns.are(_SEGMENT), lambda coefficient, residual: coefficient * residual < 0
        )
        self._fill_taxes(household, plan)
        for switch in certified.program.switches:
            self.values[switch.column] = self._side(switch.when_one) > self._side(switch.when_zero)
        slacks = [place for place, name in enumerate(self.columns.names) if _SLACKS.match(name)]
        for column in slacks:
            self.values[column] = 0.0
        for column in slacks:
            self.values[column] = self._needed(column)
        unknown = [self.columns.names[i] for i, each in enumerate(self.values) if math.isnan(each)]
        if unknown:
            raise _NoPlaceError(f"no meaning is known of the column {unknown[0]!r}")

    @property
    def objective(self) -> float:
        """Dollars."""
        priced = zip(self._program.cost.tolist(), self.values, strict=True)
        return THOUSAND * math.fsum(
            [self._program.offset, *(cost * value for cost, value in priced)]
        )

    def is_within(self, room: Floats | None) -> bool:
        """Whether no column is used beyond a room's upper bounds, but for a cent."""
        if room is None:
            return True
        return all(
            value <= most + CENT / THOUSAND
            for value, most in zip(self.values, room.tolist(), strict=True)
        )

    def activity(self, row: int) -> float:
        """A row's sum at the plan."""
        return math.fsum(value * self.values[column] for column, value in self.columns.entries[row])

    def _fill_rows(self, kind: set[int], opens: _Opens) -> None:
        """Fill the steps of each row of a kind one after the other, until the row is even."""
        for row, entries in enumerate(self.columns.entries):
            if self.columns.row_lower[row] != self.columns.row_upper[row]:
                continue
            steps = [(column, value) for column, value in entries if column in kind]
            if not steps:
                continue
            residual = (
                math.fsum(
                    value * self.values[column] for column, value in entries if column not in kind
                )
                - self.columns.row_lower[row]
            )
            left = abs(residual)
            for step, coefficient in steps:
                if opens(coefficient, residual):
                    part = min(left, self.columns.upper[step])
                    # Beyond the last step the row shows that it does not hold.
                    self.values[step] = part
                    left -= part
                else:
                    self.values[step] = 0.0

    def _fill_taxes(self, household: Household, plan: HouseholdPlan) -> None:
        """Net results of each tax unit's year by the forms, from the lots that the plan names."""
        results = year_results(household, plan)
        for place, name in enumerate(self.columns.names):
            match = _TAX.match(name)
            if match is None:
                continue
            unit = match["unit1"] or match["unit2"] or match["unit3"]
            short, long = (float(each) / THOUSAND for each in results[unit])
            net = short + long
            if match["net"]:
                self.values[place] = max(0.0, long if match["net"] == "gain" else -long)
            elif match["term"]:
                of_long = min(max(0.0, long), max(0.0, net))
                taxed = of_long if match["term"] == "long" else max(0.0, net) - of_long
                self.values[place] = taxed
            else:
                limit = self.columns.upper[self.columns.number[f"loss of {unit} deducted"]]
                used = min(limit, max(0.0, -net))
                rest = max(0.0, -net) - used
                self.values[place] = used if match["use"] == "deducted" else rest

    def _side(self, side: SideLike) -> float:
        used = zip(side.columns, side.weights, strict=True)
        return math.fsum([side.constant, *(self.values[c] * weight for c, weight in used)])

    def _needed(self, column: int) -> float:
        """The least of a slack that makes its rows hold."""
        needed = 0.0
        for row, coefficient in self.columns.rows_of[column]:
            activity = self.activity(row)
            if coefficient > 0:
                short = (self.columns.row_lower[row] - activity) / coefficient
            else:
                short = (activity - self.columns.row_upper[row]) / -coefficient
            needed = max(needed, short)
        return needed


class _Opens(Protocol):
    def __call__(self, coefficient: float, residual: float, /) -> bool: ...


def _sold_dollars(
    household: Household, plan: HouseholdPlan, certified: Certified
) -> dict[str, float]:
    """Dollars sold of each lot; a sale that names no lots takes those of its holding in order."""
    held = {(each.account_id, each.security_id): each for each in household.positions}
    sold: dict[str, Decimal] = defaultdict(Decimal)
    for trade in plan.trades:
        if trade.action != "sell":
            continue
        left = trade.quantity
        named = [(part.lot_id, part.quantity) for part in trade.lots]
        if not named:
            lots = held[trade.account_id, trade.security_id].lots
            named = [(lot.lot_id, lot.sellable_quantity) for lot in lots]
        for lot_id, quantity in named:
            part = min(left, quantity)
            left -= part
            if part > 0:
                if lot_id not in certified.sales:
                    raise _NoPlaceError(f"sale of lot {lot_id}")
                sold[lot_id] += part * trade.price
        if left > 0:
            raise _NoPlaceError(f"{left} shares of {trade.security_id} in no lot")
    return {lot_id: float(dollars) for lot_id, dollars in sold.items()}


def year_results(household: Household, plan: HouseholdPlan) -> dict[str, tuple[Decimal, Decimal]]:
    """Net short-term and long-term result of each tax unit's year with a plan, carried losses in.

    Before IRC 852(b)(4), which no program knows of: the true tax of the plan does.
    """
    year = household.planned_trade_date.year
    account = {each.account_id: each for each in household.accounts}
    found: dict[str, tuple[Decimal, Decimal]] = {}
    for unit in household.tax_units:
        so_far = unit.year_to_date_short_term_gain, unit.year_to_date_long_term_gain
        carried = unit.short_term_carryforward, unit.long_term_carryforward
        # A year of which a part is not known has no place here: nothing taxed may be sold in it.
        if unit.tax_year != year or None in (*so_far, *carried):
            continue
        short, long = (
            gain - loss
            for gain, loss in zip(so_far, carried, strict=True)
            if gain is not None and loss is not None
        )
        found[unit.tax_unit_id] = (short, long)
    for trade in plan.trades:
        owner = account[trade.account_id]
        if trade.action != "sell" or owner.tax_treatment != TAXABLE:
            continue
        if owner.tax_unit_id not in found:
            raise _NoPlaceError(f"no year of {owner.tax_unit_id}")
        short, long = found[owner.tax_unit_id]
        for part in trade.lots:
            if part.cost_basis is None:
                raise _NoPlaceError(f"the basis of lot {part.lot_id} is not known")
            gain = part.proceeds - part.cost_basis
            short, long = (short, long + gain) if part.term == "long" else (short + gain, long)
        found[owner.tax_unit_id] = (short, long)
    return found


class _Judge:
    """One plan in one program."""

    def __init__(
        self,
        household: Household,
        plan: HouseholdPlan,
        policy: FirmPolicy,
        assumptions: MarketAssumptions,
        certified: Certified,
        solution: _Solution,
    ) -> None:
        self.household, self.plan, self.policy = household, plan, policy
        self.assumptions, self.certified, self.solution = assumptions, certified, solution
        self.columns = solution.columns
        self.security = {each.security_id: each for each in household.securities}
        self.account = {each.account_id: each for each in household.accounts}
        self._lots_held: dict[tuple[str, str], list[int]] = defaultdict(list)
        for position in household.positions:
            self._lots_held[position.account_id, position.security_id] += [
                certified.sales[lot.lot_id]
                for lot in position.lots
                if lot.lot_id in certified.sales
            ]
        lots = sum(len(trade.lots) for trade in plan.trades)
        # Every trade and lot is rounded to cents.
        self.cents = CENT * (2 + len(plan.trades) + lots)

    def term(self, name: str) -> float:
        """Dollars of a term at the plan."""
        prices = self.certified.terms[name].tolist()
        values = zip(prices, self.solution.values, strict=True)
        return THOUSAND * math.fsum(
            [
                self.certified.term_offsets.get(name, 0.0),
                *(price * value for price, value in values),
            ]
        )

    def terms_are_the_objective(self) -> Iterator[BrokenInvariant]:
        """The terms add up to the objective that is certified, column by column."""
        program = self.certified.program
        summed = np.sum(list(self.certified.terms.values()), axis=0)
        if not np.allclose(summed, program.cost, rtol=1e-12, atol=1e-15):
            yield BrokenInvariant("model_terms_are_the_objective", "prices")
        if abs(math.fsum(self.certified.term_offsets.values()) - program.offset) > ROW_TOLERANCE:
            yield BrokenInvariant("model_terms_are_the_objective", "constants")

    def rows_and_bounds_hold(self) -> Iterator[BrokenInvariant]:
        """The plan is a solution of the program, but for cents."""
        for column, value in enumerate(self.solution.values):
            if not -ROW_TOLERANCE <= value <= self.columns.upper[column] + self.cents / THOUSAND:
                yield BrokenInvariant(
                    "plan_keeps_the_models_bounds", f"{self.columns.names[column]}: {value}"
                )
        for row, name in enumerate(self.certified.program.row_names):
            activity = self.solution.activity(row)
            beyond = max(
                self.columns.row_lower[row] - activity, activity - self.columns.row_upper[row]
            )
            if beyond > ROW_TOLERANCE + self._slack_of(name) / THOUSAND:
                yield BrokenInvariant("plan_keeps_the_models_rows", f"{name}: by {beyond}")

    def _slack_of(self, row: str) -> float:
        """Dollars by which a row may be missed by cents, whole shares, and chords above the law."""
        if match := _BOUGHT_AGAIN.match(row):
            shares = (float(trade.price) for trade in self._trades_of(match["account"]))
            return self.cents + math.fsum(shares)
        account_id = row.removeprefix("cash of ")
        if account_id == row:
            return self.cents
        low, high = self._impact_range(self._trades_of(account_id))
        return self.cents + high - low

    def trades_are_their_dollars(self) -> Iterator[BrokenInvariant]:
        """No lot can be sold for more than its sellable shares are worth."""
        worth = {
            lot.lot_id: float(lot.sellable_quantity * (self.security[lot.security_id].price or 0))
            for position in self.household.positions
            for lot in position.lots
        }
        for lot_id, column in self.certified.sales.items():
            if self.columns.upper[column] * THOUSAND > worth.get(lot_id, 0.0) + CENT:
                yield BrokenInvariant("model_sells_what_is_held", lot_id)

    def cash_rows_are_the_accounts(self) -> Iterator[BrokenInvariant]:
        """Each account's cash row starts from its cash and moves as its trades do."""
        for row, name in enumerate(self.certified.program.row_names):
            account_id = name.removeprefix("cash of ")
            account = self.account.get(account_id)
            if account_id == name or account is None:
                continue
            cash = 0.0 if account.cash is None else float(account.cash.investable)
            if abs(self.columns.row_lower[row] * THOUSAND + cash) > CENT:
                yield BrokenInvariant("model_knows_each_accounts_cash", account_id)
            missing = self.columns.number.get(f"cash missing in {account_id}")
            lacking = 0.0 if missing is None else self.solution.values[missing]
            moved = THOUSAND * (self.solution.activity(row) - lacking)
            trades = self._trades_of(account_id)
            low, high = self._impact_range(trades)
            buffer = float(self.policy.execution_buffer)
            true = math.fsum(
                (1 if trade.action == "sell" else -1) * float(trade.notional)
                - float(trade.spread_cost)
                - buffer * float(trade.notional)
                for trade in trades
            )
            # Programs that leave impact to the price alone move as if there were none.
            if not true - high - self.cents <= moved <= true - min(low, 0.0) + self.cents:
                yield BrokenInvariant("model_moves_each_accounts_cash", f"{account_id}: {moved}")

    def rates_are_rates(self) -> Iterator[BrokenInvariant]:
        """Gain costs its rate, which is the return's own or that of a plan like this one."""
        tax = self.certified.terms["tax"].tolist()
        for place, name in enumerate(self.columns.names):
            match = _TAX.match(name)
            if match is None or not (match["term"] or match["use"] == "deducted"):
                continue
            rate = tax[place] if match["term"] else -tax[place]
            if not 0.0 <= rate <= HIGHEST_RATE:
                yield BrokenInvariant("model_taxes_at_a_rate", f"{name}: {rate}")

    def terms_are_true(self, value: PlanValue) -> Iterator[BrokenInvariant]:
        """Each term of the program against the plan's own, within what the program may simplify."""
        trades = self.plan.trades
        low, high = self._impact_range(trades)
        fees = math.fsum(float(trade.commission) for trade in trades)
        spread = math.fsum(float(trade.spread_cost) for trade in trades)
        ranges: list[tuple[str, float, float]] = [
            ("cost", spread + low, spread + high),
            ("drift", *self._drift_range()),
            ("shortfall", *self._shortfall_range()),
            ("turnover", *_exactly(value.turnover)),
            ("location", *_exactly(value.location_cost)),
            ("basis_reset", *_exactly(value.basis_reset)),
        ]
        idle = _exactly(value.idle_cash)[0]
        price = float(self.policy.idle_cash_price)
        if any(name.startswith("cash left idle in ") for name in self.columns.names):
            ranges.append(("idle_cash", idle - price * high, idle + price * (fees + high)))
        for name, least, most in ranges:
            found = self.term(name)
            if not least - self.cents <= found <= most + self.cents:
                yield BrokenInvariant(
                    "model_values_the_plan", f"{name}: {found:.2f}, not {least:.2f} to {most:.2f}"
                )

    def _trades_of(self, account_id: str) -> list[Trade]:
        return [trade for trade in self.plan.trades if trade.account_id == account_id]

    def _impact_range(self, trades: Iterable[Trade]) -> tuple[float, float]:
        """Least and most that the program may charge for impact: chords lie above the law."""
        low = high = 0.0
        for trade in trades:
            notional = float(trade.notional)
            security = self.security[trade.security_id]
            most = max(trade.notional, self._largest_order(trade))
            dearest = market_impact(security, most, self.policy, self.assumptions)
            rate = float(dearest / most) if most else 0.0
            low += float(trade.market_impact) - FLAT_IMPACT * notional
            high += max(rate * notional, float(trade.market_impact)) + CENT
        return low, high

    def _largest_order(self, trade: Trade) -> Decimal:
        """All that the program could sell, or buy, where a trade is."""
        if trade.action == "buy":
            columns = [self.certified.purchases[trade.account_id, trade.security_id]]
        else:
            columns = self._lots_held[trade.account_id, trade.security_id]
        return Decimal(math.fsum(self.columns.upper[column] for column in columns) * THOUSAND)

    def _drift_range(self) -> tuple[float, float]:
        """Least and most price of drift in the groups that the program has.

        Its bands may begin a margin early, and it takes proportions before costs are paid: of a
        group that costs use up to nothing it may say anything, where no proportion is left.
        """
        known = {
            group.allocation_group_id
            for group in self.household.groups
            if any(
                _SEGMENT.match(name) and f" of {group.allocation_group_id} " in name
                for name in self.columns.names
            )
        }
        paid = sum((trade.cost for trade in self.plan.trades), Decimal(0))
        low = high = Decimal(0)
        standing: set[str] = set()
        for stand in target_stands(self.household, self.plan, self.policy, self.assumptions):
            group_id = stand.group.allocation_group_id
            if group_id in known:
                low += stand.price_within(-2 * paid)
                high += stand.price_within(2 * paid + MARGIN * stand.worth)
            standing.add(group_id)
        return float(low), float(high) if known <= standing else math.inf

    def _shortfall_range(self) -> tuple[float, float]:
        """Cash that is missing, once it is counted after prices have moved by the buffer."""
        low = high = 0.0
        buffer = float(self.policy.execution_buffer)
        for name in self.columns.names:
            account_id = name.removeprefix("cash missing in ")
            account = self.account.get(account_id)
            if account_id == name or account is None or account.cash is None:
                continue
            trades = self._trades_of(account_id)
            left = float(account.cash.investable) + math.fsum(
                (1 if trade.action == "sell" else -1) * float(trade.notional) - float(trade.cost)
                for trade in trades
            )
            fees = math.fsum(float(trade.commission) for trade in trades)
            _, impact = self._impact_range(trades)
            moved = buffer * math.fsum(float(trade.notional) for trade in trades)
            low += SHORT_OF_CASH * max(0.0, -left - fees - impact - CENT)
            high += SHORT_OF_CASH * max(0.0, -left + moved + impact + CENT)
        return low, high


def _exactly(amount: Decimal | None) -> tuple[float, float]:
    told = 0.0 if amount is None else float(amount)
    return told, told


# The bound, without a single rounding.


def exact_lower_bound(program: Program, leaves: Sequence[LeafLike]) -> Fraction:
    """The bound that leaves prove, thousand dollars, worked out in fractions.

    Args:
        program: the program with the bounds under which the leaves were made.
        leaves: the parts of the search.

    Raises:
        ValueError: the leaves are no partition of the 0/1 space, or one that is said to be empty
            is not shown to be.
    """
    _refuse_no_partition(program, leaves)
    bounds: list[Fraction] = []
    for leaf in leaves:
        bound = _bound_of(program, leaf, with_cost=not leaf.is_infeasible)
        if not leaf.is_infeasible:
            bounds.append(bound)
        elif bound <= 0:
            raise ValueError(f"the leaf {dict(leaf.fixed)} is not shown to be empty")
    if not bounds:
        raise ValueError("every leaf is empty")
    return min(bounds)


def _refuse_no_partition(program: Program, leaves: Sequence[LeafLike]) -> None:
    """Every two leaves differ in a switch, and their shares of the space add up to all of it."""
    switches = {switch.column for switch in program.switches}
    for leaf in leaves:
        if not set(leaf.fixed) <= switches or not set(leaf.fixed.values()) <= {0.0, 1.0}:
            raise ValueError("a leaf fixes what is no switch, or to neither 0 nor 1")
    share = sum((Fraction(1, 2 ** len(leaf.fixed)) for leaf in leaves), Fraction(0))
    if share != 1:
        raise ValueError(f"the leaves are {share} of the space")
    for place, one in enumerate(leaves):
        for other in leaves[:place]:
            if all(
                one.fixed[each] == other.fixed[each] for each in one.fixed if each in other.fixed
            ):
                raise ValueError("two leaves overlap")


def _bound_of(program: Program, leaf: LeafLike, *, with_cost: bool) -> Fraction:
    """Weak duality: prices times row sides, and each column at the better end of its bounds."""
    prices: list[Fraction] = []
    bound = Fraction(program.offset) if with_cost else Fraction(0)
    for price, low, high in zip(
        leaf.row_duals.tolist(), program.row_lower.tolist(), program.row_upper.tolist(), strict=True
    ):
        side = low if price > 0 else high
        # A price on a side that the row does not have is none.
        usable = Fraction(0) if price == 0 or math.isinf(side) else Fraction(price)
        prices.append(usable)
        bound += usable * Fraction(side) if usable else 0
    starts, rows, values = program.starts.tolist(), program.rows.tolist(), program.values.tolist()
    lower, upper, cost = program.lower.tolist(), program.upper.tolist(), program.cost.tolist()
    for column in range(len(cost)):
        reduced = Fraction(cost[column]) if with_cost else Fraction(0)
        for place in range(starts[column], starts[column + 1]):
            if prices[rows[place]]:
                reduced -= prices[rows[place]] * Fraction(values[place])
        fixed = leaf.fixed.get(column)
        low = Fraction(lower[column] if fixed is None else fixed)
        high = Fraction(upper[column] if fixed is None else fixed)
        bound += min(reduced * low, reduced * high)
    return bound
