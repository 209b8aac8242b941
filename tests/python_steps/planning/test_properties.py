"""Whatever the household: no overdraft, no oversold lot, no wash sale, whole shares, true sums.

The checks here are written once more, from the result tables alone, and share nothing with the
planner or its checker.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.python_steps.planning.small_book import (
    BONDS,
    CASH,
    DEVELOPED,
    LARGE,
    SMALL,
    TRADE_DATE,
    D,
    Planned,
    SmallBook,
)

UNIVERSE = {
    "VTI": (LARGE, "IG-1", "251.37"), "ITOT": (LARGE, "IG-2", "110.11"),
    "SPTM": (LARGE, "IG-1", "63.20"), "VB": (SMALL, "IG-3", "231.40"),
    "IJR": (SMALL, "IG-4", "117.05"), "VEA": (DEVELOPED, "IG-5", "52.71"),
    "BND": (BONDS, "IG-6", "73.55"), "IUSB": (BONDS, "IG-7", "45.90"),
}  # fmt: skip
TYPES = ("taxable_joint", "taxable_individual", "traditional_ira", "roth_ira", "401k")
METHODS = ("SPEC_ID", "MIN_TAX", "FIFO", "LIFO", "HIFO", "LOFO", "AVERAGE")

lots = st.tuples(
    st.integers(0, 3),  # account
    st.sampled_from(sorted(UNIVERSE)),
    st.integers(1, 90_000),  # hundredths of a share
    st.integers(40, 160),  # basis in percent of the price
    st.integers(1, 3_000),  # days held
)
windows = st.tuples(
    st.sampled_from(sorted(UNIVERSE)),
    st.sampled_from(["no_buy_until_date", "no_loss_sale_until_date", "unknown"]),
    st.integers(-3, 20),
)


@st.composite
def books(draw: st.DrawFn) -> SmallBook:
    book = SmallBook()
    book.household(
        allows_short_term_gains=draw(st.booleans()),
        harvests_losses=draw(st.booleans()),
        minimum_trade_amount=D(draw(st.sampled_from([0, 250, 2_000]))),
        annual_gains_budget=draw(st.sampled_from([None, D(0), D(5_000)])),
    )
    large = draw(st.integers(10, 50))
    small = draw(st.integers(0, 20))
    book.group(
        {LARGE: D(large) / 100, SMALL: D(small) / 100, DEVELOPED: "0.10", CASH: "0.02",
         BONDS: D(88 - large - small) / 100}
    )  # fmt: skip
    for place in range(4):
        book.account(
            f"A{place}",
            draw(st.sampled_from(TYPES)),
            cash=draw(st.integers(0, 40_000)),
            flow_reserve=draw(st.sampled_from([0, 0, 0, 7_500, 60_000])),
            minimum=draw(st.sampled_from([0, 500])),
            lot_method=draw(st.sampled_from(METHODS)),
        )
    book.tax_unit(long_term_carryforward=D(draw(st.sampled_from([0, 20_000]))))
    for ticker, (asset_class, group, price) in UNIVERSE.items():
        book.security(ticker, asset_class, price, identity_group_id=group)
        book.model(ticker, 1 + sorted(UNIVERSE).index(ticker))
    for ticker, percent in draw(
        st.lists(
            st.tuples(st.sampled_from(["VTI", "VB", "VEA"]), st.integers(1, 20)),
            max_size=2, unique_by=lambda each: each[0],
        )
    ):  # fmt: skip
        book.part(ticker, D(percent) / 100, level="security", asset_class=UNIVERSE[ticker][0])
    for account, ticker, hundredths, percent, days in draw(st.lists(lots, min_size=1, max_size=24)):
        price = D(UNIVERSE[ticker][2])
        book.lot(
            f"A{account}", ticker, D(hundredths) / 100, price * percent / 100,
            TRADE_DATE - timedelta(days=days),
        )  # fmt: skip
    for key in draw(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(sorted(UNIVERSE))),
                             max_size=3)):  # fmt: skip
        row = book.constraint(f"A{key[0]}", key[1])
        row["sellable_quantity"] = row["sellable_quantity"] / 2
        row["is_gain_allowed"] = False
    _add_windows(book, draw(st.lists(windows, max_size=3)))
    return book


def _add_windows(book: SmallBook, drawn: list[tuple[str, str, int]]) -> None:
    for ticker, kind, days in {UNIVERSE[each[0]][1]: each for each in drawn}.values():
        until = TRADE_DATE + timedelta(days=days)
        if kind == "unknown":
            book.window(ticker, coverage="unknown")
        else:
            book.window(ticker, **{kind: until})


def cash_after(book: SmallBook, planned: Planned) -> dict[str, Decimal]:
    cash = {row["account_id"]: row["investable"] for row in book.rows("fct_account_cash")}
    for row in planned.trades:
        sign = 1 if row["action"] == "sell" else -1
        cost = row["commission"] + row["spread_cost"] + row["market_impact"]
        cash[row["account_id"]] += sign * row["notional"] - cost
    return cash


def assert_cash_holds(book: SmallBook, planned: Planned) -> None:
    before = {row["account_id"]: row["investable"] for row in book.rows("fct_account_cash")}
    for account, after in cash_after(book, planned).items():
        assert after >= min(Decimal(0), before[account])


def assert_lots_hold(book: SmallBook, planned: Planned) -> None:
    held = {row["lot_id"]: row["quantity"] for row in book.rows("int_lots__identified")}
    sold: dict[str, Decimal] = defaultdict(Decimal)
    by_trade: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in planned.lots:
        sold[row["lot_id"]] += row["quantity"]
        by_trade[row["trade_id"]].append(row)
    assert all(quantity <= held[lot_id] for lot_id, quantity in sold.items())
    for trade in planned.of("sell"):
        parts = by_trade[trade["trade_id"]]
        assert sum(part["quantity"] for part in parts) == trade["quantity"]
        assert sum(part["proceeds"] for part in parts) == trade["notional"]
        free = book.constraint(trade["account_id"], trade["security_id"])["sellable_quantity"]
        assert trade["quantity"] <= free


def assert_no_wash_sale(book: SmallBook, planned: Planned) -> None:
    taxable = {row["account_id"] for row in book.rows("dim_accounts")
               if row["tax_treatment"] == "taxable"}  # fmt: skip
    group = {ticker: each[1] for ticker, each in UNIVERSE.items()}
    bought = {group[row["security_id"]] for row in planned.of("buy")}
    lost = {
        group[row["security_id"]]
        for row in planned.lots
        if row["account_id"] in taxable and row["realized_gain"] < 0
    }
    assert not bought & lost
    for row in book.rows("wash_sale_windows"):
        name = row["identity_group_id"]
        no_buy, no_loss = row["no_buy_until_date"], row["no_loss_sale_until_date"]
        assert not (name in bought and no_buy is not None and no_buy >= TRADE_DATE)
        assert not (name in lost and no_loss is not None and no_loss >= TRADE_DATE)
        assert not (name in lost and row["coverage"] == "unknown")


def assert_whole_shares(book: SmallBook, planned: Planned) -> None:
    for row in planned.trades:
        if row["quantity"] % 1 != 0:
            assert row["action"] == "sell"
            assert (
                row["quantity"] == book.position(row["account_id"], row["security_id"])["quantity"]
            )


def assert_budget_holds(book: SmallBook, planned: Planned) -> None:
    budget = book.rows("dim_households")[0]["annual_gains_budget"]
    if budget is None or any(row["reason_code"] == "RAISE_CASH" for row in planned.trades):
        return
    gains = sum(row["realized_long_term_gain"] + row["realized_short_term_gain"]
                + row["realized_long_term_loss"] + row["realized_short_term_loss"]
                for row in planned.trades)  # fmt: skip
    assert gains <= max(budget, 0) + Decimal("0.01") * len(planned.lots)


@given(books())
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
def test_random_households_keep_every_rule(book: SmallBook) -> None:
    planned = book.plan()
    assert planned.plan["plan_status"] != "withheld", planned.plan["explanation"]
    assert_cash_holds(book, planned)
    assert_lots_hold(book, planned)
    assert_no_wash_sale(book, planned)
    assert_whole_shares(book, planned)
    shortfalls = [row["amount"] for row in planned.exceptions
                  if row["reason_code"] == "cash_shortfall"]  # fmt: skip
    missing = [-cash for cash in cash_after(book, planned).values() if cash < 0]
    assert sum(shortfalls) == sum(missing)
    assert_budget_holds(book, planned)
    subjects = [row["subject"] for row in planned.exceptions]
    assert len(subjects) == len(set(subjects))


@given(books(), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_plan_does_not_depend_on_the_order_of_rows(book: SmallBook, random: Any) -> None:
    first = book.plan()
    for name, rows in book.tables.items():
        if name not in ("fct_household_drift", "fct_drift_summary", "fct_target_drift"):
            random.shuffle(rows)
    second = book.plan()
    for name, table in first.tables.items():
        assert table.equals(second.tables[name]), name
