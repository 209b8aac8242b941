from datetime import date
from decimal import Decimal
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_steps.lot_selection.methods import METHODS, SelectableLot, order_lots


class Rates(NamedTuple):
    short_term: Decimal
    long_term: Decimal


RATES = Rates(Decimal("0.4"), Decimal("0.2"))


def _lot(lot_id, cost, *, day=1, long=False, **more):
    cost = None if cost is None else Decimal(cost)
    return SelectableLot(lot_id, date(2026, 1, day), Decimal(10), cost, Decimal(100), long, **more)


def _ids(method, lots, rates=RATES):
    return "".join(lot.lot_id for lot in order_lots(method, lots, rates))


def test_min_tax_exhausts_its_buckets_in_order():
    lots = [
        _lot("a", 50, long=True),
        _lot("b", 120, long=True),
        _lot("c", 101),
        _lot("d", 99),
        _lot("e", 100, long=True),
        _lot("f", 100),
        _lot("g", 130),
        _lot("h", None),
    ]
    assert _ids("MIN_TAX", lots) == "gcbfeadh"


def test_specific_identification_weighs_gain_by_rate_and_washed_loss_by_its_value():
    lots = [
        _lot("a", 80, long=True),  # costs 4
        _lot("b", 95),  # costs 2
        _lot("c", 110, long=True),  # saves 2
        _lot("d", 150, loss_value_factor=Decimal(0)),  # saves nothing
    ]
    assert _ids("SPEC_ID", lots) == "cdba"


def test_specific_identification_without_rates_is_refused():
    with pytest.raises(ValueError, match="marginal rates"):
        order_lots("SPEC_ID", [])


def test_unknown_method_is_refused_by_name():
    with pytest.raises(ValueError, match="unknown lot method 'BEST'"):
        order_lots("BEST", [])


def test_unknown_basis_is_never_first_where_cost_decides():
    lots = [_lot("a", None), _lot("b", 10)]
    for method in ("HIFO", "LOFO", "MIN_TAX", "SPEC_ID"):
        assert _ids(method, lots) == "ba"


@given(
    st.lists(
        st.tuples(st.integers(1, 28), st.one_of(st.none(), st.integers(80, 120)), st.booleans())
    ),
    st.randoms(use_true_random=False),
)
def test_every_method_keeps_all_lots_and_does_not_depend_on_their_order(facts, random):
    lots = [
        _lot(f"{number:03d}", cost, day=day, long=long)
        for number, (day, cost, long) in enumerate(facts)
    ]
    shuffled = lots[:]
    random.shuffle(shuffled)
    for method in METHODS:
        ordered = order_lots(method, shuffled, RATES)
        assert ordered == order_lots(method, lots, RATES)
        assert sorted(lot.lot_id for lot in ordered) == [lot.lot_id for lot in lots]
