from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_steps.taxes.rates import (
    MissingRatesError,
    RateTables,
    TaxUnitProfile,
    capital_gains_tax_change,
    collectibles_rate,
    marginal_rates,
    year_tax,
)

ORDINARY = [0, 24800, 100800, 211400, 403550, 512450, 768700]
GAINS = [0, 98900, 613700]


def _tables(when_missing="block", extra_ordinary=()):
    ordinary = [
        {"tax_year": 2026, "filing_status": "MFJ", "lower_bound": bound, "rate": rate}
        for bound, rate in zip(
            ORDINARY, ["0.10", "0.12", "0.22", "0.24", "0.32", "0.35", "0.37"], strict=True
        )
    ]
    gains = [
        {"tax_year": 2026, "filing_status": "MFJ", "lower_bound": bound, "rate": rate}
        for bound, rate in zip(GAINS, ["0", "0.15", "0.20"], strict=True)
    ]
    return RateTables.from_frames(
        pa.Table.from_pylist([*reversed(ordinary), *extra_ordinary]),
        pa.Table.from_pylist(gains),
        pa.Table.from_pylist([{"filing_status": "MFJ", "threshold": 250000, "rate": "0.038"}]),
        pa.Table.from_pylist([{"filing_status": "MFJ", "annual_deduction": 3000}]),
        when_missing=when_missing,
    )


def _profile(**changes):
    given_ = {
        "tax_unit_id": "U",
        "tax_year": 2026,
        "filing_status": "MFJ",
        "ordinary_taxable_income": Decimal(180000),
        "magi": Decimal(212200),
        "state_rate": Decimal("0.05"),
        "state_gains_rate": Decimal("0.05"),
    }
    return TaxUnitProfile(**(given_ | changes))


def test_short_gain_costs_the_ordinary_rate_and_long_gain_the_stacked_rate():
    assert capital_gains_tax_change(_profile(), _tables(), Decimal(1000), Decimal(0)) == Decimal(
        270
    )
    assert capital_gains_tax_change(_profile(), _tables(), Decimal(0), Decimal(1000)) == Decimal(
        200
    )


def test_first_3000_of_net_loss_saves_ordinary_tax_and_the_rest_nothing_this_year():
    assert capital_gains_tax_change(_profile(), _tables(), Decimal(-3000), Decimal(0)) == Decimal(
        -810
    )
    assert capital_gains_tax_change(_profile(), _tables(), Decimal(-9000), Decimal(0)) == Decimal(
        -810
    )


def test_carryforward_absorbs_the_gain_before_any_tax():
    profile = _profile(short_term_carryforward=Decimal(50000))
    assert capital_gains_tax_change(profile, _tables(), Decimal(0), Decimal(40000)) == 0


def test_short_gain_pushes_long_gain_out_of_the_zero_bracket():
    profile = _profile(
        ordinary_taxable_income=Decimal(80000),
        magi=Decimal(112200),
        state_rate=Decimal(0),
        state_gains_rate=Decimal(0),
        year_to_date_long_term_gain=Decimal(18900),
    )
    assert capital_gains_tax_change(profile, _tables(), Decimal(1000), Decimal(0)) == Decimal(
        120
    ) + Decimal(150)


def test_gain_across_the_surtax_threshold_is_surtaxed_only_above_it():
    profile = _profile(magi=Decimal(249000), state_rate=Decimal(0), state_gains_rate=Decimal(0))
    assert capital_gains_tax_change(profile, _tables(), Decimal(0), Decimal(3000)) == Decimal(
        450
    ) + Decimal(76)


@given(
    st.decimals(Decimal(-20000), Decimal(20000), places=2),
    st.decimals(Decimal(-20000), Decimal(20000), places=2),
    st.decimals(Decimal(0), Decimal(800000), places=2),
)
def test_more_gain_never_means_less_tax(short, long, income):
    profile = _profile(ordinary_taxable_income=income, magi=income + 32200)
    tables = _tables()
    base = year_tax(profile, tables, short, long)
    assert year_tax(profile, tables, short + 100, long) >= base
    assert year_tax(profile, tables, short, long + 100) >= base


def test_marginal_rates_add_federal_surtax_and_state():
    rates = marginal_rates(
        _profile(ordinary_taxable_income=Decimal(300000), magi=Decimal(332200)), _tables()
    )
    assert rates.ordinary == Decimal("0.29")
    assert rates.short_term == Decimal("0.328")
    assert rates.long_term == Decimal("0.238")
    assert rates.status == "statutory"


def test_next_dollar_at_a_bracket_edge_meets_the_higher_rate():
    assert marginal_rates(
        _profile(ordinary_taxable_income=Decimal(211400)), _tables()
    ).ordinary == Decimal("0.29")


def test_the_next_dollar_is_free_while_deductions_are_left_over():
    profile = _profile(ordinary_taxable_income=Decimal(-5000), magi=Decimal(20000))
    rates = marginal_rates(profile, _tables())
    assert (rates.ordinary, rates.short_term, rates.long_term) == (0, 0, 0)
    one = capital_gains_tax_change(profile, _tables(), Decimal(100), Decimal(0))
    assert one == 0


def test_year_without_rates_is_missing_by_default_and_provisional_by_policy():
    profile = _profile(tax_year=2027)
    assert _tables().status(2027, "MFJ") == "missing"
    with pytest.raises(MissingRatesError, match="2027"):
        capital_gains_tax_change(profile, _tables(), Decimal(1), Decimal(0))
    provisional = _tables(when_missing="provisional")
    assert provisional.status(2027, "MFJ") == "provisional"
    assert marginal_rates(profile, provisional).status == "provisional"
    assert provisional.status(2027, "MFS") == "missing"


def test_unused_deductions_absorb_long_gain_first():
    rates = _tables().require(2026, "MFJ")
    assert rates.long_term_gains_tax(Decimal(-10000), Decimal(120000)).tax == Decimal("0.15") * (
        110000 - 98900
    )


def test_brackets_that_repeat_a_bound_are_refused():
    with pytest.raises(ValueError, match="hold each bound once"):
        _tables(
            extra_ordinary=[
                {"tax_year": 2026, "filing_status": "MFJ", "lower_bound": 24800, "rate": "0.11"}
            ]
        )


def test_collectibles_are_capped_at_28_percent_when_long():
    assert collectibles_rate(Decimal("0.35"), "long") == Decimal("0.28")
    assert collectibles_rate(Decimal("0.24"), "long") == Decimal("0.24")
    assert collectibles_rate(Decimal("0.35"), "short") == Decimal("0.35")
