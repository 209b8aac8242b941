"""The rules under which sample households are planned: policy, tax rates, assumptions of classes.

Belongs here: making them from the project's seed tables, which the caller hands over. Does not
belong here: finding the seed files, households.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

import pyarrow as pa

from python_steps.planning.batch import rate_tables_from
from python_steps.planning.book_tables import BOOK_COLUMNS, HOUSEHOLD_COLUMNS, BookTables
from python_steps.planning.household import MarketAssumptions
from python_steps.planning.household_frames import market_assumptions
from python_steps.policy import FirmPolicy
from python_steps.sample_households.market import AS_OF_DATE
from python_steps.taxes.rates import RateTables

# Of the tables that planning names, those whose rows the rules are read from.
RULE_SEEDS = (
    "seed_asset_location",
    "seed_capital_market_assumptions",
    "seed_class_correlations",
    "seed_ordinary_tax_brackets",
    "seed_capital_gains_brackets",
    "seed_net_investment_income_tax",
    "seed_capital_loss_limits",
)


class SampleRules(NamedTuple):
    """What a planner needs beside the household."""

    policy: FirmPolicy
    rates: RateTables
    assumptions: MarketAssumptions


def sample_rules(seeds: Mapping[str, pa.Table], policy: FirmPolicy | None = None) -> SampleRules:
    """The rules of the project's seeds under a policy.

    Args:
        seeds: the tables of `RULE_SEEDS`, text as read from a CSV.
        policy: default: the firm's defaults and a ticket of $10 for each order.
    """
    chosen = policy or FirmPolicy(commission_per_trade=Decimal(10))
    empty = {
        name: pa.table({column: pa.array([], pa.string()) for column in columns})
        for name, columns in {**HOUSEHOLD_COLUMNS, **BOOK_COLUMNS}.items()
    }
    tables = BookTables({**empty, **seeds}, AS_OF_DATE)
    return SampleRules(chosen, rate_tables_from(seeds, chosen), market_assumptions(tables))
