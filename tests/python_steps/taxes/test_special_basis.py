from decimal import Decimal

import pytest

from python_steps.taxes.special_basis import (
    PooledLot,
    average_unit_costs,
    gift_sale,
    inherited_sale,
    six_month_fund_loss,
)


def _gift(donor, value, proceeds):
    return gift_sale(
        donor_basis=Decimal(donor), fair_value_at_gift=Decimal(value), proceeds=Decimal(proceeds)
    )


def test_gift_worth_less_than_its_basis_has_a_second_basis_for_loss():
    assert _gift(100, 80, 110) == (Decimal(10), "tacks donor period")
    assert _gift(100, 80, 90) == (Decimal(0), "not applicable")
    assert _gift(100, 80, 70) == (Decimal(-10), "starts at gift date")


def test_appreciated_gift_keeps_the_donors_basis_for_loss_too():
    assert _gift(100, 150, 90) == (Decimal(-10), "tacks donor period")


def test_inherited_property_is_always_long_term():
    assert inherited_sale(fair_value_at_death=Decimal(500), proceeds=Decimal(480)) == (
        Decimal(-20),
        "long",
    )


def test_six_month_loss_is_first_disallowed_then_recharacterised():
    loss = six_month_fund_loss(
        loss=Decimal(-150),
        is_held_six_months_or_less=True,
        is_long_term=False,
        long_term_distribution=Decimal(50),
        exempt_interest_dividend=Decimal(120),
    )
    assert (loss.disallowed_loss, loss.long_loss, loss.short_loss) == (
        Decimal(-120),
        Decimal(-30),
        Decimal(0),
    )
    assert loss.is_affected


def test_shares_held_longer_are_untouched():
    loss = six_month_fund_loss(
        loss=Decimal(-150),
        is_held_six_months_or_less=False,
        is_long_term=True,
        long_term_distribution=Decimal(50),
    )
    assert loss == (Decimal(0), Decimal(-150), Decimal(0), False)


def test_gain_is_not_a_six_month_loss():
    with pytest.raises(ValueError, match="losses"):
        six_month_fund_loss(loss=Decimal(1), is_held_six_months_or_less=True, is_long_term=False)


def test_average_cost_pools_covered_and_noncovered_apart_and_knows_no_average_of_the_unknown():
    averages = average_unit_costs(
        [
            PooledLot(Decimal(10), Decimal(100), is_covered=True),
            PooledLot(Decimal(30), Decimal(500), is_covered=True),
            PooledLot(Decimal(5), None, is_covered=False),
            PooledLot(Decimal(5), Decimal(10), is_covered=False),
        ]
    )
    assert averages == {True: Decimal(15), False: None}
