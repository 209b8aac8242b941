"""Tables of the wash-sale ledger: which columns come in and which go out.

Belongs here: the schemas of `tax.wash_sale_*`, `tax.lot_adjustments` and `tax.findings`, and the
columns that the ledger reads of each book table. Does not belong here: any rule.
"""

from __future__ import annotations

from typing import Literal, get_args

import pyarrow as pa

from python_steps.frames import MONEY, QUANTITY

# What the ledger may find; every name has its words in the workbooks' catalogue.
FindingRule = Literal[
    "sale_result_unknown",
    "result_unknown",
    "sold_more_than_held",
    "short_position",
    "same_day_sale_and_purchase",
    "purchase_outside_wash_group",
    "replacement_owner_unknown",
    "custodian_adjustment_replaced",
    "custodian_adjustment_untraced",
    "custodian_adjustment_without_loss",
    "fund_held_six_months",
]
FINDING_RULES: tuple[str, ...] = get_args(FindingRule)

WASH_SALE_MATCHES = pa.schema(
    [
        ("match_id", pa.string()),
        ("wash_sale_group_id", pa.string()),
        ("household_id", pa.string()),
        ("identity_group_id", pa.string()),
        ("loss_account_id", pa.string()),
        ("loss_lot_key", pa.string()),
        ("loss_security_id", pa.string()),
        ("replacement_account_id", pa.string()),
        ("replacement_lot_key", pa.string()),
        ("replacement_security_id", pa.string()),
        ("loss_sale_date", pa.date32()),
        ("replacement_date", pa.date32()),
        ("matched_quantity", QUANTITY),
        ("disallowed_loss", MONEY),
        ("is_permanent", pa.bool_()),
        ("basis_added", MONEY),
        ("holding_period_start_date", pa.date32()),
        ("provisional_until_date", pa.date32()),
        ("rule", pa.string()),
    ]
)

WASH_SALE_WINDOWS = pa.schema(
    [
        ("wash_sale_group_id", pa.string()),
        ("identity_group_id", pa.string()),
        ("household_id", pa.string()),
        ("no_buy_until_date", pa.date32()),
        ("no_loss_sale_until_date", pa.date32()),
        ("caused_by", pa.string()),
        ("coverage", pa.string()),
        ("is_exit_possible", pa.bool_()),
    ]
)

LOT_ADJUSTMENTS = pa.schema(
    [
        ("lot_id", pa.string()),
        ("parent_lot_id", pa.string()),
        ("account_id", pa.string()),
        ("household_id", pa.string()),
        ("security_id", pa.string()),
        ("quantity", QUANTITY),
        ("wash_sale_adjustment", MONEY),
        ("holding_period_start_date", pa.date32()),
        ("term", pa.string()),
    ]
)

REALIZED_LOTS = pa.schema(
    [
        ("account_id", pa.string()),
        ("household_id", pa.string()),
        ("closed_lot_key", pa.string()),
        ("part", pa.int32()),
        ("security_id", pa.string()),
        ("quantity", QUANTITY),
        ("acquisition_date", pa.date32()),
        ("holding_period_start_date", pa.date32()),
        ("disposal_date", pa.date32()),
        ("proceeds", MONEY),
        ("cost_basis", MONEY),
        ("disallowed_loss", MONEY),
        ("permanently_disallowed_loss", MONEY),
        ("recognized_gain", MONEY),
        ("term", pa.string()),
        ("custodian_disallowed_kept", MONEY),
        ("history_from_date", pa.date32()),
    ]
)

FINDINGS = pa.schema(
    [
        ("household_id", pa.string()),
        ("subject", pa.string()),
        ("rule", pa.string()),
        ("message", pa.string()),
    ]
)

INPUT_COLUMNS: dict[str, tuple[str, ...]] = {
    "int_lots__identified": (
        "lot_id",
        "account_id",
        "household_id",
        "security_id",
        "quantity",
        "acquisition_date",
        "acquisition_time",
        "holding_period_start_date",
        "custodian_term",
        "unit_cost",
        "custodian_cost_basis",
        "custodian_cost_basis_unadjusted",
        "custodian_wash_sale_adjustment",
        "acquisition_type",
        "source_lot_id",
    ),
    "int_transactions__merged": (
        "account_id",
        "security_id",
        "transaction_key",
        "transaction_date",
        "transaction_type",
        "quantity",
        "net_amount",
    ),
    "int_closed_lots__merged": (
        "account_id",
        "security_id",
        "closed_lot_key",
        "source_lot_id",
        "acquisition_date",
        "disposal_date",
        "quantity",
        "proceeds",
        "cost_basis",
        "realized_gain",
        "disallowed_loss",
        "term",
    ),
    "int_transactions__coverage": ("account_id", "history_from_date", "is_held_away"),
    "dim_accounts": (
        "account_id",
        "household_id",
        "account_name",
        "account_type",
        "tax_treatment",
        "tax_unit_id",
        "wash_sale_group_id",
        "counts_for_wash_sales",
        "owner_person_id",
        "is_jointly_owned",
    ),
    "dim_securities": (
        "security_id",
        "ticker",
        "security_name",
        "security_type",
        "sub_class",
        "identity_group_id",
        "price",
    ),
}


def required_frames(frames: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """The book tables with exactly the columns the ledger reads.

    Raises:
        KeyError: naming the table or the columns that are missing.
    """
    chosen = {}
    for name, columns in INPUT_COLUMNS.items():
        if name not in frames:
            raise KeyError(f"the wash-sale ledger needs the table {name}")
        missing = [column for column in columns if column not in frames[name].column_names]
        if missing:
            raise KeyError(f"{name} lacks {', '.join(missing)}")
        chosen[name] = frames[name].select(list(columns)).combine_chunks()
    return chosen
