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


@given(
    st.decimals(Decimal(-20000), Decimal(20000), places=2),
    st.decimals(Decimal(-20000), Decimal(20000), places=2),
    st.decimals(Decimal(-20000), Decimal(20000), places=2),
    st.decimals(Decimal(-5000), Decimal(800000), places=2),
    st.decimals(Decimal(0), Decimal(20000), places=2),
)
def test_more_gain_of_collectibles_never_means_less_tax_nor_less_than_other_gain(
    short, other_long, collectibles, income, carried
):
    profile = _profile(
        ordinary_taxable_income=income,
        magi=income + 32200,
        long_term_carryforward=carried,
    )
    tables = _tables()
    long = other_long + collectibles
    base = year_tax(profile, tables, short, long, collectibles)
    assert base >= year_tax(profile, tables, short, long)
    assert year_tax(profile, tables, short, long + 100, collectibles + 100) >= base
    assert year_tax(profile, tables, short, long + 100, collectibles) >= base
    assert year_tax(profile, tables, short + 100, long, collectibles) >= base


UNTAXED_BY_STATE = {"state_rate": Decimal(0), "state_gains_rate": Decimal(0)}


def _federal(income, short=0, other_long=0, collectibles=0, **changes):
    """Federal tax of realised results; MAGI far below the surtax unless a test says otherwise."""
    profile = _profile(
        **UNTAXED_BY_STATE
        | {"ordinary_taxable_income": Decimal(income), "magi": Decimal(0)}
        | changes
    )
    return capital_gains_tax_change(
        profile,
        _tables(),
        Decimal(short),
        Decimal(other_long + collectibles),
        Decimal(collectibles),
    )


def test_collectibles_meet_28_percent_where_ordinary_rates_are_higher():
    # IRC 1(h)(4)-(5): an owner in the 35 percent bracket; other long-term gain would meet 15.
    assert _federal(520000, collectibles=10000) == Decimal(2800)
    assert _federal(520000, other_long=10000) == Decimal(1500)


def test_collectibles_meet_the_ordinary_brackets_where_they_are_lower():
    # 31,400 up to the end of the 22 percent bracket, the rest at 24.
    assert _federal(180000, collectibles=50000) == Decimal(31400) * Decimal("0.22") + Decimal(
        18600
    ) * Decimal("0.24")


def test_collectibles_across_the_edge_of_the_24_percent_bracket():
    # 3,550 at 24 percent; above it 28, not 32.
    assert _federal(400000, collectibles=10000) == Decimal(852) + Decimal(1806)


def test_other_long_term_gain_stacks_on_top_of_collectibles():
    # 80,000 + 10,000 of collectibles at 12 percent leave 8,900 of the zero bracket.
    tax = _federal(80000, collectibles=10000, other_long=20000)
    assert tax == Decimal(1200) + Decimal("0.15") * 11100


def test_unused_deductions_absorb_collectibles_first():
    # Taxable income 102,000: 2,000 of collectibles at 10 percent, 100,000 of other gain above it.
    tax = _federal(-10000, collectibles=12000, other_long=100000)
    assert tax == Decimal(200) + Decimal("0.15") * 3100


def test_short_term_loss_reduces_the_28_percent_group_first():
    # 28% Rate Gain Worksheet, line 6: 4,000 of collectibles are left, all of the other gain.
    tax = _federal(520000, short=-6000, collectibles=10000, other_long=10000)
    assert tax == Decimal(4000) * Decimal("0.28") + Decimal(1500)


def test_long_term_carryforward_reduces_the_28_percent_group_first():
    # 28% Rate Gain Worksheet, line 5. Without the gains 3,000 of it would have been deducted.
    carried = {"long_term_carryforward": Decimal(6000)}
    tax = _federal(520000, collectibles=10000, other_long=10000, **carried)
    assert tax == Decimal(4000) * Decimal("0.28") + Decimal(1500) + Decimal(3000) * Decimal("0.35")


def test_loss_on_collectibles_offsets_other_long_term_gain():
    assert _federal(520000, collectibles=-4000, other_long=10000) == Decimal(900)


def test_other_long_term_loss_offsets_collectibles_only_by_the_net_capital_gain():
    # The worksheet leaves 10,000 on line 18; the net capital gain is 3,000, taxed at 28 percent.
    assert _federal(520000, collectibles=10000, other_long=-7000) == Decimal(840)


def test_a_plan_meets_the_collectibles_of_the_year_so_far():
    so_far = {
        "year_to_date_long_term_gain": Decimal(10000),
        "year_to_date_collectibles_gain": Decimal(10000),
    }
    assert _federal(520000, short=-5000, **so_far) == Decimal(-1400)


def test_surtax_and_state_come_on_top_of_collectibles():
    tax = _federal(
        520000,
        collectibles=10000,
        magi=Decimal(600000),
        state_rate=Decimal("0.05"),
        state_gains_rate=Decimal("0.05"),
    )
    assert tax == Decimal(10000) * (Decimal("0.28") + Decimal("0.038") + Decimal("0.05"))


def test_gains_never_cost_more_than_the_ordinary_brackets():
    # Between 98,900 and 100,800 the gains bracket (15) is above the ordinary one (12): the last
    # line of the Schedule D Tax Worksheet takes the smaller tax.
    assert _federal(98900, other_long=1900) == Decimal(1900) * Decimal("0.12")


def test_marginal_rates_add_federal_surtax_and_state():
    rates = marginal_rates(
        _profile(ordinary_taxable_income=Decimal(300000), magi=Decimal(332200)), _tables()
    )
    assert rates.ordinary == Decimal("0.29")
    assert rates.short_term == Decimal("0.328")
    assert rates.long_term == Decimal("0.238")
    assert rates.collectibles == Decimal("0.328")  # 24 percent is lower than 28
    assert rates.status == "statutory"


def test_marginal_rate_of_collectibles_stops_at_28_percent():
    profile = _profile(ordinary_taxable_income=Decimal(520000), magi=Decimal(552200))
    assert marginal_rates(profile, _tables()).collectibles == Decimal("0.368")


def test_next_dollar_at_a_bracket_edge_meets_the_higher_rate():
    assert marginal_rates(
        _profile(ordinary_taxable_income=Decimal(211400)), _tables()
    ).ordinary == Decimal("0.29")


def test_the_next_dollar_is_free_while_deductions_are_left_over():
    profile = _profile(ordinary_taxable_income=Decimal(-5000), magi=Decimal(20000))
    rates = marginal_rates(profile, _tables())
    assert (rates.ordinary, rates.short_term, rates.long_term, rates.collectibles) == (0,) * 4
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
