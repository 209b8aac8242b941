"""The small rules that lots are made by."""

from __future__ import annotations

from datetime import date

import pytest

from python_steps.demo_book.draws import Draws
from python_steps.demo_book.ledger import SHARE_UNITS, Position, amount_in_cents
from python_steps.demo_book.text_files import CsvFile, field_text, money_text, quantity_text


@pytest.mark.parametrize(
    ("quantity", "price", "cents"),
    [(10_000, 333, 333), (5_000, 333, 166), (5_000, 335, 168), (1, 1, 0)],
)
def test_amounts_round_half_to_even(quantity: int, price: int, cents: int) -> None:
    assert amount_in_cents(quantity, price) == cents


def test_first_in_first_out_takes_the_oldest_shares_first() -> None:
    position = Position("VTI", 1)
    position.buy(20, 10 * SHARE_UNITS, 20_000)
    position.buy(10, 5 * SHARE_UNITS, 10_000)
    taken = position.first_in_first_out(30, 8 * SHARE_UNITS)
    assert taken == [(2, 5 * SHARE_UNITS), (1, 3 * SHARE_UNITS)]
    position.sell(31, 30_000, taken)
    assert position.quantity(30) == 15 * SHARE_UNITS
    assert [lot.quantity for lot in position.open_lots(31)] == [7 * SHARE_UNITS]
    assert [lot.proceeds - lot.cost_basis for lot in position.closed_lots(31)] == [100_000, 30_000]


def test_more_than_is_held_cannot_be_sold() -> None:
    position = Position("VTI", 1)
    position.buy(10, SHARE_UNITS, 10_000)
    with pytest.raises(ValueError, match="VTI: 20000 wanted, 10000 held"):
        position.first_in_first_out(11, 2 * SHARE_UNITS)


def test_a_file_keeps_every_row_and_states_them() -> None:
    file = CsvFile(("a", "b"))
    for row in range(45_000):
        file.add((str(row), "x"))
    lines = file.content(date(2026, 11, 19)).decode().splitlines()
    assert lines[0] == "a,b"
    assert lines[1:-1] == [f"{row},x" for row in range(45_000)]
    assert lines[-1] == "#rows=45000,as_of_date=2026-11-19"


def test_a_cut_off_file_still_states_all_its_rows() -> None:
    file = CsvFile(("a",))
    for row in range(4):
        file.add((str(row),))
    content = file.content(date(2026, 11, 19), rows_written=2).decode()
    assert content == "a\n0\n1\n#rows=4,as_of_date=2026-11-19\n"


def test_a_large_file_is_cut_off_at_any_row() -> None:
    file = CsvFile(("a",))
    for row in range(45_000):
        file.add((str(row),))
    for kept in (0, 19_999, 20_000, 20_001, 44_999):
        lines = file.content(date(2026, 11, 19), rows_written=kept).decode().splitlines()
        assert lines[1:-1] == [str(row) for row in range(kept)]


def test_a_row_of_the_wrong_width_is_refused() -> None:
    with pytest.raises(ValueError, match="1 values for 2 columns"):
        CsvFile(("a", "b")).add(("1",))


def test_texts_of_numbers() -> None:
    assert money_text(-105) == "-1.05"
    assert quantity_text(-12_500) == "-1.25"
    assert quantity_text(30_000) == "3"
    assert field_text('a "b", c') == '"a ""b"", c"'


def test_draws_depend_on_seed_and_number_only() -> None:
    def first(seed: int, number: int) -> list[float]:
        draws = Draws(seed, number)
        return [draws.between(0, 1) for _ in range(5)]

    assert first(7, 3) == first(7, 3)
    assert first(7, 3) != first(7, 4)
    assert first(7, 3) != first(8, 3)
    draws = Draws(1, 1)
    assert sorted(draws.some_of((1, 2, 3), 9)) == [1, 2, 3]
    assert abs(sum(draws.count(4.0) for _ in range(4000)) / 4000 - 4.0) < 0.2
