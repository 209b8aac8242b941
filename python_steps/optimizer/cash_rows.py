"""Cash of each account, and what may be sold only because cash is needed.

Belongs here: the rows that keep every account from being overdrawn. Does not belong here: cash as
an asset class (`drift_rows`). Money never crosses from one account to another.
"""

from __future__ import annotations

import math
from collections import defaultdict

from python_steps.optimizer.core_problem import Stage
from python_steps.optimizer.linear_model import DOLLARS_PER_UNIT
from python_steps.optimizer.model_assembly import Assembly
from python_steps.planning.evaluation import SHORTFALL_PRICE

# Sales for needed cash may overshoot by this share beside the dearest share, for impact and fees.
# By measurement on 160 absurd households, nothing and 5 % raise the same cash, and move plans by
# less than $40 on the mean: it only keeps a need from being missed by cents.
NEED_SLACK = 1.02


def cash_row(account_id: str) -> str:
    """Name of the row that keeps an account from being overdrawn."""
    return f"cash of {account_id}"


def idle_cash_row(account_id: str) -> str:
    """Name of the row that measures what trades leave uninvested in an account."""
    return f"cash left idle in {account_id}"


def missing_cash_column(account_id: str) -> str:
    """Name of the column that measures what an account lacks of the cash it needs."""
    return f"cash missing in {account_id}"


def _cash_moved(assembly: Assembly, account_id: str, buffer: float) -> list[tuple[int, float]]:
    """By column the cash that an account's trades bring, spread, impact and a buffer paid."""
    return [
        *(
            (each.column, each.brings - buffer - assembly.impact_rates.get(each.column, 0.0))
            for each in assembly.trades_of_account[account_id]
        ),
        *((chord, -rate) for chord, rate in assembly.chords_of_account.get(account_id, ())),
    ]


def add_cash(assembly: Assembly) -> None:
    """No account is overdrawn, even when every price moves against us by the execution buffer."""
    problem = assembly.problem
    for account_id in sorted(assembly.trades_of_account):
        of_account = _cash_moved(assembly, account_id, assembly.buffer)
        cash = float(problem.start.spendable(account_id)) / DOLLARS_PER_UNIT
        if cash < 0:
            missing = assembly.builder.column(missing_cash_column(account_id), upper=-cash)
            assembly.price("shortfall", missing, float(SHORTFALL_PRICE))
            assembly.wanting.append(missing)
            assembly.missing.append(missing)
            of_account.append((missing, 1.0))
        assembly.builder.row(cash_row(account_id), of_account, lower=-cash)


def add_idle_cash(assembly: Assembly) -> None:
    """Money that sales bring and purchases leave has a price, where no cash was needed for it.

    Otherwise cash would wander to the account where it is taxed least, and stay there uninvested.
    """
    problem = assembly.problem
    for account_id in sorted(assembly.trades_of_account):
        of_account = _cash_moved(assembly, account_id, 0.0)
        needed = max(0.0, -float(problem.start.cash(account_id))) / DOLLARS_PER_UNIT
        most = math.fsum(
            assembly.builder.upper_of(column) for column, brings in of_account if brings > 0
        )
        idle = assembly.builder.column(idle_cash_row(account_id), upper=most)
        assembly.price("idle_cash", idle, float(assembly.prices.policy.idle_cash_price))
        assembly.builder.row(idle_cash_row(account_id), [*of_account, (idle, -1.0)], upper=needed)


def add_harvest_proceeds(assembly: Assembly) -> None:
    """Where only losses are exchanged, what they bring is bought again in the same class.

    Class by class and account by account: not more than the sales bring, and all of it but the
    rest of a share. A class of which nothing may be bought there is not sold.
    """
    problem, builder = assembly.problem, assembly.builder
    entries: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
    dearest: dict[tuple[str, str], float] = {}
    for trade in assembly.trades:
        if not problem.may_harvest(trade.account_id):
            continue
        security = problem.security(trade.security_id)
        key = (trade.account_id, security.primary_class)
        entries[key].append((trade.column, trade.brings - assembly.buffer))
        if trade.sign > 0:
            price = float(security.price or 0) / DOLLARS_PER_UNIT
            dearest[key] = max(dearest.get(key, 0.0), price)
    for key, of_class in sorted(entries.items()):
        name = f"losses of {key[1]} in {key[0]} are bought again"
        most = math.fsum(builder.upper_of(column) for column, brings in of_class if brings > 0)
        rest = builder.column(f"{name} but for a rest", upper=most)
        assembly.never_open.append(rest)
        builder.row(name, [*of_class, (rest, -1.0)], lower=0.0, upper=dearest.get(key, 0.0))


def add_needed_cash(assembly: Assembly) -> None:
    """Where cash is needed any lot may be sold for it, but for nothing else before its stage.

    For each later stage: the account's lots of that stage or later, less a slack that opens with
    the stage, bring no more than the need. Where the account's group is not to be rebalanced, all
    its sales together bring no more.
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
        spread = max(assembly.half_spread(sale.security_id) for sale, _ in own)
        most = max(need.amount / (1 - spread - assembly.buffer) + dearest, least + dearest)
        most *= NEED_SLACK / DOLLARS_PER_UNIT
        if not problem.is_due(need.account_id):
            name = f"only the cash needed in {need.account_id}"
            more = assembly.builder.column(f"more than {name}", upper=most)
            assembly.never_open.append(more)
            entries = [*((column, 1.0) for _, column in own), (more, -1.0)]
            assembly.builder.row(name, entries, upper=most)
            continue
        for stage in list(Stage)[1:]:
            later = [(sale, column) for sale, column in own if sale.stage >= stage]
            total = math.fsum(sale.limit for sale, _ in later) / DOLLARS_PER_UNIT
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
