from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_steps.taxes.holding_period import (
    held_longer_than,
    is_long_term,
    long_term_from,
    long_term_from_column,
    replacement_holding_start,
    term_of,
)
from python_steps.taxes.special_basis import held_six_months_or_less

DATES = st.dates(date(1950, 1, 1), date(2040, 12, 31))


@pytest.mark.parametrize(
    ("acquired", "first_long_day"),
    [
        (date(2025, 6, 15), date(2026, 6, 16)),
        (date(2023, 6, 15), date(2024, 6, 16)),
        (date(2023, 2, 28), date(2024, 3, 1)),
        (date(2024, 2, 28), date(2025, 3, 1)),
        (date(2024, 2, 29), date(2025, 3, 1)),
        (date(2025, 4, 30), date(2026, 5, 1)),
        (date(2025, 12, 31), date(2027, 1, 1)),
    ],
)
def test_long_term_begins_on_the_anniversary_of_the_day_after_purchase(acquired, first_long_day):
    assert long_term_from(acquired) == first_long_day
    assert term_of(acquired, first_long_day - timedelta(days=1)) == "short"
    assert term_of(acquired, first_long_day) == "long"


@given(DATES)
def test_the_column_form_agrees_with_the_single_form(start):
    column = long_term_from_column(np.array([start, None], dtype="datetime64[D]"))
    assert column[0].astype(object) == long_term_from(start)
    assert np.isnat(column[1])


@given(DATES)
def test_a_year_and_a_day_is_always_long_and_a_year_less_a_day_never(start):
    assert is_long_term(start, start + timedelta(days=367))
    assert not is_long_term(start, start + timedelta(days=364))


def test_six_months_end_with_the_last_day_of_the_sixth_month():
    assert held_longer_than(date(2025, 8, 31), months=6) == date(2026, 3, 1)
    assert held_six_months_or_less(date(2025, 8, 31), date(2026, 2, 28))
    assert not held_six_months_or_less(date(2025, 8, 31), date(2026, 3, 1))
    assert held_six_months_or_less(date(2025, 1, 15), date(2025, 7, 15))
    assert not held_six_months_or_less(date(2025, 1, 15), date(2025, 7, 16))


@given(DATES, st.integers(0, 2000), st.integers(-30, 30))
def test_no_overlap_never_reaches_back_beyond_the_sold_shares_or_forward_of_the_purchase(
    start, held_days, gap
):
    sold = start + timedelta(days=held_days)
    bought = sold + timedelta(days=gap)
    carried = {
        method: replacement_holding_start(
            sold_start=start, sold=sold, replacement_start=bought, method=method
        )
        for method in ("no_overlap", "tack", "holding_date")
    }
    assert carried["tack"] <= carried["no_overlap"] <= bought
    assert carried["holding_date"] <= carried["no_overlap"]
    if gap >= 0:
        assert carried["no_overlap"] == carried["tack"]
