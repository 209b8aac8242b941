"""Small books for the ledger's tests: typed frames from short rows."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pyarrow as pa

from python_steps.frames import MONEY, QUANTITY

AS_OF = date(2026, 11, 19)
TRADE_DATE = date(2026, 11, 20)

_TYPES = {
    "quantity": QUANTITY,
    "unit_cost": QUANTITY,
    "price": QUANTITY,
    "custodian_cost_basis": MONEY,
    "custodian_cost_basis_unadjusted": MONEY,
    "custodian_wash_sale_adjustment": MONEY,
    "proceeds": MONEY,
    "cost_basis": MONEY,
    "realized_gain": MONEY,
    "disallowed_loss": MONEY,
    "net_amount": MONEY,
    "counts_for_wash_sales": pa.bool_(),
    "is_jointly_owned": pa.bool_(),
    "is_held_away": pa.bool_(),
}

_DEFAULTS = {
    "int_lots__identified": {
        "lot_id": None,
        "account_id": "JOINT",
        "household_id": "H1",
        "security_id": "VTI",
        "quantity": 100,
        "acquisition_date": None,
        "acquisition_time": None,
        "holding_period_start_date": None,
        "custodian_term": None,
        "unit_cost": None,
        "custodian_cost_basis": None,
        "custodian_cost_basis_unadjusted": None,
        "custodian_wash_sale_adjustment": 0,
        "acquisition_type": "PURCHASE",
        "source_lot_id": None,
    },
    "int_transactions__merged": {
        "account_id": "JOINT",
        "security_id": "VTI",
        "transaction_key": None,
        "transaction_date": None,
        "transaction_type": "BUY",
        "quantity": 100,
        "net_amount": None,
    },
    "int_closed_lots__merged": {
        "account_id": "JOINT",
        "security_id": "VTI",
        "closed_lot_key": None,
        "source_lot_id": None,
        "acquisition_date": "2024-02-01",
        "disposal_date": None,
        "quantity": 100,
        "proceeds": None,
        "cost_basis": None,
        "realized_gain": None,
        "disallowed_loss": None,
        "term": None,
    },
    "int_transactions__coverage": {
        "account_id": None,
        "history_from_date": "2025-01-01",
        "is_held_away": False,
    },
    "dim_accounts": {
        "account_id": None,
        "household_id": "H1",
        "account_name": None,
        "account_type": "taxable_joint",
        "tax_treatment": "taxable",
        "tax_unit_id": "U1",
        "wash_sale_group_id": "W1",
        "counts_for_wash_sales": True,
        "owner_person_id": None,
        "is_jointly_owned": None,
    },
    "dim_securities": {
        "security_id": None,
        "ticker": None,
        "security_name": None,
        "security_type": "ETF",
        "sub_class": None,
        "identity_group_id": None,
        "price": 300,
    },
}


def table(name: str, rows: list[dict]) -> pa.Table:
    """Rows of one input table; what a row does not say is the default of that column."""
    defaults = _DEFAULTS[name]
    columns = {}
    for column, default in defaults.items():
        values = [_value(column, row.get(column, default)) for row in rows]
        columns[column] = pa.array(values, type=_type(column))
    for row in rows:
        assert set(row) <= set(defaults), row
    return pa.table(columns)


def _type(column: str) -> pa.DataType:
    if column.endswith("_date"):
        return pa.date32()
    return _TYPES.get(column, pa.string())


def _value(column: str, value: object) -> object:
    if value is None:
        return None
    if column.endswith("_date"):
        return date.fromisoformat(str(value))
    if isinstance(_type(column), pa.Decimal128Type):
        return Decimal(str(value))
    return value


ACCOUNTS = [
    {"account_id": "JOINT", "account_name": "Joint brokerage"},
    {"account_id": "OTHER", "account_name": "Second brokerage"},
    {
        "account_id": "ROTH",
        "account_name": "Roth IRA",
        "account_type": "roth_ira",
        "tax_treatment": "tax_free",
    },
    {
        "account_id": "CHILD",
        "account_name": "UTMA",
        "account_type": "utma",
        "wash_sale_group_id": "W2",
        "tax_unit_id": "U2",
    },
]
SECURITIES = [
    {"security_id": "VTI", "ticker": "VTI", "identity_group_id": "TOTAL"},
    {"security_id": "VTSAX", "ticker": "VTSAX", "identity_group_id": "TOTAL", "price": 150},
    {"security_id": "BND", "ticker": "BND", "identity_group_id": "BND"},
    {
        "security_id": "SPAXX",
        "ticker": "SPAXX",
        "identity_group_id": "SPAXX",
        "security_type": "MONEY_MARKET",
        "price": 1,
    },
]


def frames(*, lots=(), closed=(), moves=(), coverage=None, accounts=None, securities=None):
    """One night's input of `reconcile_book`."""
    accounts = ACCOUNTS if accounts is None else accounts
    if coverage is None:
        coverage = [{"account_id": account["account_id"]} for account in accounts]
    return {
        "int_lots__identified": table("int_lots__identified", list(lots)),
        "int_transactions__merged": table("int_transactions__merged", list(moves)),
        "int_closed_lots__merged": table("int_closed_lots__merged", list(closed)),
        "int_transactions__coverage": table("int_transactions__coverage", coverage),
        "dim_accounts": table("dim_accounts", accounts),
        "dim_securities": table("dim_securities", SECURITIES if securities is None else securities),
    }
