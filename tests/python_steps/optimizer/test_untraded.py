"""What a plan leaves off its targets: the rule or the price that binds, and when that ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from python_steps.optimizer.untraded import with_prices_told
from python_steps.planning.plan import HouseholdPlan, TradeException, Untraded
from python_steps.planning.tax_effect import Realized
from python_steps.policy import FirmPolicy
from python_steps.taxes.holding_period import long_term_from
from tests.python_steps.optimizer.drifted_book import RECENT
from tests.python_steps.optimizer.test_rationale import STRESS, TYPICAL, plan_of, workshop
from tests.python_steps.optimizer.test_rationale import workshop_of_book as work_of
from tests.python_steps.planning.small_book import BONDS, LARGE, TRADE_DATE, SmallBook


def overweight(*, large: int = 700, bonds: int = 300) -> SmallBook:
    """Too much in large caps, all in one taxable account; lots are the test's."""
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.5", BONDS: "0.5"})
    book.account("TAX")
    for name, asset_class in (("VTI", LARGE), ("ITOT", LARGE), ("BND", BONDS)):
        book.security(name, asset_class)
        book.model(name)
    book.tax_unit()
    book.lot("TAX", "BND", bonds, 100)
    return book


def rows_of(book: SmallBook, **settings: Any) -> list[Untraded]:
    return list(plan_of(work_of(book, FirmPolicy(**settings))).untraded)


def of(rows: list[Untraded], security_id: str, action: str = "sell") -> Untraded:
    (row,) = [row for row in rows if row.security_id == security_id and row.action == action]
    return row


def test_a_gain_whose_tax_exceeds_its_worth_states_price_and_share_price() -> None:
    """The class is outside its band; its gains cost more than the whole drift is worth."""
    book = overweight()
    book.lot("TAX", "VTI", 700, 2)
    rows = rows_of(book, drift_price_outside_band=Decimal("0.02"),
                   drift_price_far_outside=Decimal("0.02"),
                   drift_price_inside_band=Decimal("0.001"))  # fmt: skip
    row = of(rows, "VTI")
    assert row.reason_code == "deferred"
    assert row.amount == 70_000
    assert row.reduced_cost_cents is not None
    assert row.reduced_cost_cents > 5
    assert row.long_term_date is None
    assert f"{row.reduced_cost_cents:.2f} cents a dollar more than it brings" in row.rationale


def test_at_the_share_price_that_is_told_some_of_it_is_sold() -> None:
    """The promise is kept: a little lower and it is worth a stage of gains, higher it is not."""

    def plan_at(price: Decimal) -> HouseholdPlan:
        book = overweight(bonds=100)
        book.lot("TAX", "VTI", 700, 60)
        book.security_row("VTI")["price"] = price
        # Prices of drift that hardly depend on how far outside the class stands.
        policy = FirmPolicy(
            breakeven_years_limit=Decimal(50), minimum_trade_benefit=Decimal(0),
            drift_price_outside_band=Decimal("0.02"), drift_price_far_outside=Decimal("0.02"),
        )  # fmt: skip
        return plan_of(work_of(book, policy))

    stays = plan_at(Decimal(100))
    assert not [trade for trade in stays.trades if trade.action == "sell"]
    (row,) = [row for row in stays.untraded if row.security_id == "VTI"]
    assert row.trade_price is not None
    lower = plan_at(row.trade_price - Decimal(4))
    assert [trade for trade in lower.trades if trade.security_id == "VTI"]
    higher = plan_at(row.trade_price + Decimal(1))
    assert not [trade for trade in higher.trades if trade.security_id == "VTI"]


def test_a_short_term_gain_tells_its_day_and_what_waiting_saves() -> None:
    book = overweight()
    bought = TRADE_DATE - timedelta(days=300)
    book.lot("TAX", "VTI", 700, 97, bought)
    book.rows("dim_households")[0]["allows_short_term_gains"] = True
    work = work_of(book, FirmPolicy(breakeven_years_limit=Decimal("0.01")))
    row = of(list(plan_of(work).untraded), "VTI")
    short = work.tax.change("T-H1", Realized(short_gain=Decimal(2_100)))
    long = work.tax.change("T-H1", Realized(long_gain=Decimal(2_100)))
    assert short is not None
    assert long is not None
    assert row.long_term_date == long_term_from(bought)
    assert row.waiting_saves == short - long > 0, "the true tax of the year, not a rate"
    assert f"turns long-term by {row.long_term_date}; waiting saves $" in row.rationale


def test_a_wash_sale_window_binds_by_its_rule() -> None:
    book = overweight()
    book.lot("TAX", "VTI", 700, 130, RECENT)
    book.window("VTI", no_loss_sale_until_date=TRADE_DATE + timedelta(days=9))
    row = of(rows_of(book), "VTI")
    assert row.reason_code == "wash_sale_window"
    assert row.reduced_cost_cents is None
    assert row.trade_price is None
    assert (TRADE_DATE + timedelta(days=9)).isoformat() in row.rationale


def test_gains_that_would_pay_but_not_in_time_say_so() -> None:
    book = overweight()
    book.lot("TAX", "VTI", 700, 90)
    row = of(rows_of(book, breakeven_years_limit=Decimal("0.0")), "VTI")
    assert row.reason_code == "deferred"
    assert row.reduced_cost_cents is None
    assert "less drift would not pay its tax back in time" in row.rationale


def test_a_purchase_that_is_not_made_has_its_price() -> None:
    book = overweight()
    book.lot("TAX", "VTI", 700, 2)
    rows = rows_of(book, drift_price_outside_band=Decimal("0.02"),
                   drift_price_far_outside=Decimal("0.02"),
                   drift_price_inside_band=Decimal("0.001"))  # fmt: skip
    bought = [row for row in rows if row.action == "buy"]
    for row in bought:
        assert row.asset_class == BONDS
        assert row.amount is None
        assert row.reduced_cost_cents is not None
        assert row.reduced_cost_cents > 0
        assert row.rationale.startswith("BND in Account TAX is not bought")


def test_what_comes_to_its_target_leaves_nothing() -> None:
    book = overweight()
    book.lot("TAX", "VTI", 700, 100)
    assert rows_of(book) == []


@pytest.mark.parametrize("household", [*TYPICAL, *STRESS])
def test_every_row_is_whole_and_agrees_with_the_plan(household: Any) -> None:
    plan = plan_of(workshop(household))
    held = {position.key: position for position in household.positions}
    sold = {(trade.account_id, trade.security_id): trade.notional
            for trade in plan.trades if trade.action == "sell"}  # fmt: skip
    kept: dict[tuple[str, str], Decimal] = {}
    for row in plan.untraded:
        assert row.rationale.strip()
        assert row.reduced_cost_cents is None or row.reduced_cost_cents > 0
        if row.action == "sell":
            key = (row.account_id, row.security_id)
            assert row.amount is not None
            assert row.amount > 0
            kept[key] = kept.get(key, Decimal(0)) + row.amount
            price = next(each.price for each in household.securities
                         if each.security_id == row.security_id)  # fmt: skip
            if row.trade_price is not None:
                assert price is not None
                assert 0 < row.trade_price < price
    for key, amount in kept.items():
        value = held[key].market_value or Decimal(0)
        assert amount <= value - sold.get(key, Decimal(0)) + Decimal("0.05") + value / 1000
    words = [row.rationale for row in plan.untraded]
    assert len(words) == len(set(words))


def test_a_class_outside_its_band_without_a_cause_gets_the_largest_price() -> None:
    left = TradeException("Bonds", "out_of_tolerance", "stays", asset_class=BONDS,
                          amount=Decimal(5))  # fmt: skip
    row = Untraded("A", "BND", BONDS, "sell", "deferred", Decimal(900), 1.5, None, None, None,
                   "dear")  # fmt: skip
    smaller = row._replace(amount=Decimal(100), rationale="small")
    told = with_prices_told([left], [smaller, row])
    assert [(each.subject, each.reason_code, each.rationale, each.amount) for each in told] == [
        ("Bonds", "out_of_tolerance", "stays", Decimal(5)),
        ("Bonds: deferred", "deferred", "dear", Decimal(900)),
    ]
    known = replace(left, subject="Bonds: illiquid", reason_code="illiquid")
    assert with_prices_told([left, known], [row]) == (left, known)
    assert with_prices_told([left], []) == (left,)
    part = replace(left, security_id="BND")
    assert with_prices_told([part], [row]) == (part,)


def test_the_table_holds_the_rows() -> None:
    book = overweight()
    book.planner = "optimizer"
    book.lot("TAX", "VTI", 700, 130, RECENT)
    book.window("VTI", no_loss_sale_until_date=TRADE_DATE + timedelta(days=9))
    (row,) = [each for each in book.plan().tables["untraded"].to_pylist()
              if each["action"] == "sell"]  # fmt: skip
    assert (row["security_id"], row["reason_code"]) == ("VTI", "wash_sale_window")
    assert row["amount"] == 70_000
