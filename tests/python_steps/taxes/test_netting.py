from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_steps.taxes.netting import net_capital_gains

AMOUNTS = st.decimals(Decimal(-100000), Decimal(100000), places=2)
LOSSES = st.decimals(Decimal(0), Decimal(100000), places=2)


def _net(
    short, long, carry_short=Decimal(0), carry_long=Decimal(0), limit=Decimal(3000), income=None
):
    return net_capital_gains(
        short_term=short,
        long_term=long,
        short_term_carryforward=carry_short,
        long_term_carryforward=carry_long,
        annual_deduction=limit,
        taxable_income_before_deduction=income,
    )


@given(AMOUNTS, AMOUNTS, LOSSES, LOSSES, st.sampled_from([Decimal(1500), Decimal(3000)]))
def test_every_dollar_is_taxed_deducted_or_carried(short, long, carry_short, carry_long, limit):
    year = _net(short, long, carry_short, carry_long, limit)
    assert (
        year.taxed_short_gain
        + year.taxed_long_gain
        - year.ordinary_deduction
        - (year.carry_short + year.carry_long)
        == short + long - carry_short - carry_long
    )
    assert 0 <= year.ordinary_deduction <= limit
    assert min(year.taxed_short_gain, year.taxed_long_gain, year.carry_short, year.carry_long) >= 0
    if year.carry_short + year.carry_long > 0:
        assert year.ordinary_deduction == limit
        assert year.taxed_short_gain == year.taxed_long_gain == 0


def test_short_term_loss_absorbs_the_deduction_first():
    year = _net(Decimal(-2000), Decimal(-6000))
    assert (year.carry_short, year.carry_long) == (Decimal(0), Decimal(5000))


def test_deduction_that_taxable_income_cannot_absorb_is_carried():
    year = _net(Decimal(-5000), Decimal(0), income=Decimal(1200))
    assert (year.ordinary_deduction, year.deduction_used) == (Decimal(3000), Decimal(1200))
    assert year.carry_short == Decimal(3800)


def test_married_filing_separately_deducts_1500():
    assert _net(Decimal(-5000), Decimal(0), limit=Decimal(1500)).carry_short == Decimal(3500)


@pytest.mark.parametrize(
    ("short", "long", "collectibles", "carry_short", "carry_long", "taxed"),
    [
        (0, 10, 10, 0, 0, 10),
        (-4, 10, 10, 0, 0, 6),  # line 6: a net short-term loss
        (3, 10, 10, 4, 0, 9),  # line 6 counts the short-term carryforward in
        (0, 20, 10, 0, 4, 6),  # line 5: the long-term carryforward, before other long-term gain
        (0, 6, 10, 0, 0, 6),  # never more than the net capital gain
        (5, 10, 10, 0, 0, 10),  # a net short-term gain adds nothing to the group
        (0, 10, -5, 0, 0, 0),
    ],
)
def test_the_28_percent_rate_gain_worksheet(
    short, long, collectibles, carry_short, carry_long, taxed
):
    year = net_capital_gains(
        short_term=Decimal(short),
        long_term=Decimal(long),
        short_term_carryforward=Decimal(carry_short),
        long_term_carryforward=Decimal(carry_long),
        annual_deduction=Decimal(3000),
        collectibles=Decimal(collectibles),
    )
    assert year.taxed_collectibles_gain == taxed


def test_negative_carryforward_is_refused():
    with pytest.raises(ValueError, match="positive"):
        _net(Decimal(0), Decimal(0), carry_short=Decimal(-1))
