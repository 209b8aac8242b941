from decimal import Decimal

import pyarrow as pa
import pytest

from python_steps.policy import FirmPolicy
from python_steps.taxes.rates import RateTables
from python_steps.taxes.tax_unit_states import TAX_UNIT_STATES, profile_from_row, tax_unit_states


def _tables():
    bracket = {"tax_year": 2026, "filing_status": "single", "lower_bound": 0}
    return RateTables.from_frames(
        pa.Table.from_pylist([bracket | {"rate": "0.24"}]),
        pa.Table.from_pylist([bracket | {"rate": "0.15"}]),
        pa.Table.from_pylist([{"filing_status": "single", "threshold": 200000, "rate": "0.038"}]),
        pa.Table.from_pylist([{"filing_status": "single", "annual_deduction": 3000}]),
    )


def _row(**changes):
    row = {
        "tax_unit_id": "U1",
        "household_id": "H1",
        "tax_year": 2026,
        "filing_status": "single",
        "ordinary_taxable_income": Decimal(150000),
        "magi": Decimal(166100),
        "state_rate": Decimal("0.05"),
        "state_gains_rate": None,
        "short_term_carryforward": Decimal(0),
        "long_term_carryforward": Decimal(0),
        "year_to_date_short_term_gain": Decimal(0),
        "year_to_date_long_term_gain": Decimal(0),
        "year_to_date_collectibles_gain": None,
        "profile_status": "estimated",
    }
    return row | changes


def _states(*rows, collectibles=None, **policy):
    return tax_unit_states(
        pa.Table.from_pylist(list(rows)), _tables(), FirmPolicy(**policy), collectibles or {}
    ).to_pylist()


def test_state_carries_the_statutory_rates_of_its_year():
    (state,) = _states(_row())
    assert state["marginal_ordinary_rate"] == Decimal("0.29")
    assert state["marginal_long_term_rate"] == Decimal("0.20")
    assert state["rates_status"] == "statutory"
    assert state["state_gains_rate"] == Decimal("0.05")


def test_unstated_year_to_date_stays_unstated():
    (state,) = _states(_row(year_to_date_long_term_gain=None))
    assert state["year_to_date_long_term_gain"] is None


@pytest.mark.parametrize(("setting", "status"), [("block", "missing"), ("provisional",) * 2])
def test_a_year_without_rates_follows_the_firm_policy(setting, status):
    (state,) = _states(_row(tax_year=2027), rates_when_missing=setting)
    assert state["rates_status"] == status
    assert (state["marginal_short_term_rate"] is None) == (status == "missing")


@pytest.mark.parametrize(
    "name",
    [
        "magi",
        "ordinary_taxable_income",
        "state_rate",
        "short_term_carryforward",
        "long_term_carryforward",
        "year_to_date_short_term_gain",
        "year_to_date_long_term_gain",
    ],
)
def test_a_missing_figure_is_not_a_zero(name):
    (state,) = _states(_row(**{name: None}), _row(tax_unit_id="U0"))[1:]
    assert state["rates_status"] == "missing"
    assert state["marginal_ordinary_rate"] is None


def test_the_ledger_says_what_collectibles_brought_where_the_firm_does_not():
    ledger = {"U1": Decimal(700), "U2": None, "U3": Decimal(700)}
    told, unknown, stated, none = _states(
        _row(),
        _row(tax_unit_id="U2"),
        _row(tax_unit_id="U3", year_to_date_collectibles_gain=Decimal(900)),
        _row(tax_unit_id="U4"),
        collectibles=ledger,
    )
    assert told["year_to_date_collectibles_gain"] == Decimal(700)
    assert profile_from_row(told).year_to_date_collectibles_gain == Decimal(700)
    assert stated["year_to_date_collectibles_gain"] == Decimal(900)
    assert none["year_to_date_collectibles_gain"] == 0
    # What the ledger could not tell is not a zero: netting depends on it.
    assert unknown["year_to_date_collectibles_gain"] is None
    assert unknown["rates_status"] == "missing"
    assert unknown["marginal_collectibles_rate"] is None


def test_collectibles_have_a_marginal_rate_of_their_own():
    (state,) = _states(_row())
    assert state["marginal_collectibles_rate"] == Decimal("0.29")  # 24 federal, 5 state


def test_table_has_the_declared_schema_and_order():
    table = tax_unit_states(
        pa.Table.from_pylist([_row(tax_unit_id="U2"), _row()]), _tables(), FirmPolicy(), {}
    )
    assert table.schema == TAX_UNIT_STATES
    assert table.column("tax_unit_id").to_pylist() == ["U1", "U2"]
    assert profile_from_row(table.to_pylist()[0]).tax_unit_id == "U1"
