"""Standing lot methods: which lots must be gone before the next is sold.

Belongs here: the rows of accounts whose custodian relieves lots in a fixed order. Does not belong
here: the order itself (`lot_selection`), specific identification (free of any row). Source: Treas.
Reg. 1.1012-1(c): without an adequate identification the standing method decides.
"""

from __future__ import annotations

import itertools

from python_steps.optimizer.core_problem import Sale
from python_steps.optimizer.linear_model import Side, Switch, side_of
from python_steps.optimizer.model_assembly import CENT_OF_UNIT, Assembly


def add_lot_orders(assembly: Assembly) -> None:
    """A standing lot method: a lot is sold only when those before it in the order are sold out.

    A switch stands only where the next lot would tempt before its turn: lots of the same term and
    kind whose gains rise along the order are sold in order by themselves; they only wait for the
    switch before them.
    """
    problem, builder = assembly.problem, assembly.builder
    for queue in problem.queues:
        switch: int | None = None
        for first, second in itertools.pairwise(queue):
            before, after = problem.sales[first], problem.sales[second]
            mine, its = assembly.sale_columns[first], assembly.sale_columns[second]
            own, most = builder.upper_of(mine), builder.upper_of(its)
            name = f"{before.lot.lot_id} of {before.account_id} is sold out"
            if _comes_first_anyway(before, after):
                if switch is not None:
                    builder.row(f"after {name}", [(its, 1.0), (switch, -most)], upper=0.0)
                continue
            switch = builder.column(name, upper=1.0)
            assembly.order_switches.append(switch)
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
