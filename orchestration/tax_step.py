"""The tax step of a night: frames of the book in, tax tables out.

Belongs here: which frames the tax steps read and which tables they write. Does not belong here:
any tax rule (python_steps.taxes, python_steps.wash_sales).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa

from orchestration.calendar import NightDates
from orchestration.warehouse import Warehouse, fetch_arrow, replace_rows
from python_steps.policy import FirmPolicy
from python_steps.taxes.rates import RateTables
from python_steps.taxes.tax_unit_states import tax_unit_states
from python_steps.wash_sales.ledger import reconcile_book
from python_steps.wash_sales.policy import WashSalePolicy

TAX_TABLES = {
    "wash_sale_matches": (
        "Losses disallowed by replacements anywhere in the household. "
        "One row per loss lot and replacement lot."
    ),
    "wash_sale_windows": (
        "Until when a group of identical securities may not be bought, or sold at a loss. "
        "One row per wash-sale group and identity group."
    ),
    "lot_adjustments": (
        "Every open lot restated for tax: adjusted basis, holding period, term. "
        "One row per lot, or per sub-lot where a wash sale split it."
    ),
    "tax_unit_states": (
        "Where each tax return stands: marginal rates, carryforwards, gains so far. "
        "One row per tax unit and tax year."
    ),
    "findings": "What the ledger could not settle by itself. One row per finding.",
}

_FRAMES = {
    "int_lots__identified": "select * from intermediate.int_lots__identified",
    "int_transactions__merged": "select * from intermediate.int_transactions__merged",
    "int_closed_lots__merged": "select * from intermediate.int_closed_lots__merged",
    "int_transactions__coverage": "select * from intermediate.int_transactions__coverage",
    "dim_accounts": "select * from marts.dim_accounts where as_of_date = $as_of_date",
    "dim_securities": "select * from marts.dim_securities where as_of_date = $as_of_date",
}
RATE_SEEDS = (
    "seed_ordinary_tax_brackets",
    "seed_capital_gains_brackets",
    "seed_net_investment_income_tax",
    "seed_capital_loss_limits",
)


@dataclass
class TaxOutcome:
    """What the tax step wrote, and which lots lost or gained shares on the way (none may)."""

    row_counts: dict[str, int]
    lots_not_conserved: list[str]


def reconcile_taxes(warehouse: Warehouse, policy: FirmPolicy, dates: NightDates) -> TaxOutcome:
    """Run the wash-sale ledger and the tax units of the book; write tax.*."""
    day = dates.as_of_date.isoformat()
    with warehouse.open(read_only=True) as connection:
        frames = {
            name: fetch_arrow(connection, query.replace("$as_of_date", f"date '{day}'"))
            for name, query in _FRAMES.items()
        }
        profiles = fetch_arrow(
            connection, "select * from intermediate.int_tax_profiles__current order by all"
        )
        seeds = {
            name: fetch_arrow(connection, f"select * from staging.{name} order by all")
            for name in RATE_SEEDS
        }
    wash_sale_policy = WashSalePolicy(**policy.wash_sale_settings())
    tables = dict(
        reconcile_book(frames, wash_sale_policy, dates.as_of_date, dates.planned_trade_date)
    )
    rates = RateTables.from_frames(
        *(seeds[name] for name in RATE_SEEDS),
        when_missing="provisional" if policy.rates_when_missing == "provisional" else "block",
    )
    tables["tax_unit_states"] = tax_unit_states(profiles, rates, policy)
    with warehouse.open() as connection:
        for name in TAX_TABLES:
            replace_rows(connection, f"tax.{name}", tables[name], {"as_of_date": dates.as_of_date})
    return TaxOutcome(
        row_counts={name: tables[name].num_rows for name in TAX_TABLES},
        lots_not_conserved=lots_not_conserved(
            frames["int_lots__identified"], tables["lot_adjustments"]
        ),
    )


def lots_not_conserved(lots: pa.Table, restated: pa.Table) -> list[str]:
    """Lots whose restated parts do not add up to the custodian's quantity, sorted."""
    difference: defaultdict[str, Decimal] = defaultdict(Decimal)
    for lot_id, quantity in zip(
        lots["lot_id"].to_pylist(), lots["quantity"].to_pylist(), strict=True
    ):
        difference[lot_id] += quantity
    for lot_id, parent, quantity in zip(
        restated["lot_id"].to_pylist(),
        restated["parent_lot_id"].to_pylist(),
        restated["quantity"].to_pylist(),
        strict=True,
    ):
        difference[parent or lot_id] -= quantity
    return sorted(lot_id for lot_id, rest in difference.items() if rest != 0)
