"""Scarce money goes by need: into the bands first, then where most is lacking; location says where.

Sources: the order of the waterfall; tracking error of a plan that trades is not above that before.
"""

from __future__ import annotations

from decimal import Decimal

from python_steps.planning.needs import Need, Needs, allotted
from tests.python_steps.planning.small_book import (
    ALTERNATIVES,
    BONDS,
    CASH,
    DEVELOPED,
    EMERGING,
    LARGE,
    TIPS,
    D,
    Planned,
    SmallBook,
)


def a_book(targets: dict[str, object], band: object = "0.05") -> SmallBook:
    book = SmallBook()
    book.household(minimum_trade_amount=D(100))
    book.group(targets, band=band)
    book.tax_unit()
    classes = {
        "VTI": LARGE, "BND": BONDS, "VEA": DEVELOPED, "VWO": EMERGING, "SCHP": TIPS,
        "VNQ": ALTERNATIVES,
    }  # fmt: skip
    for ticker, name in classes.items():
        book.security(ticker, name, 100)
    return book


def assert_less_risk(planned: Planned) -> None:
    before, after = planned.plan["tracking_error_before"], planned.plan["tracking_error_after"]
    assert after < before


def test_what_an_overweight_class_gives_goes_where_most_is_lacking() -> None:
    book = a_book({LARGE: "0.30", BONDS: "0.45", EMERGING: "0.10", TIPS: "0.15"})
    book.account("R1", "roth_ira")
    book.model("BND")
    book.model("VWO")
    for ticker, count in (("VTI", 320), ("BND", 410), ("VWO", 85), ("SCHP", 185)):
        book.lot("R1", ticker, count, 100)
    planned = book.plan()
    assert planned.of("sell", "SCHP")
    assert planned.of("buy", "BND")
    assert not planned.of("buy", "VWO")  # better located in a Roth, and lacks less
    assert_less_risk(planned)


def test_free_cash_goes_where_most_is_lacking_before_where_it_is_best_located() -> None:
    book = a_book({LARGE: "0.30", BONDS: "0.46", DEVELOPED: "0.20", CASH: "0.04"})
    book.account("A1", cash=6_500)
    book.model("BND")
    book.model("VEA")
    for ticker, count in (("VTI", 330), ("BND", 420), ("VEA", 185)):
        book.lot("A1", ticker, count, 60)
    planned = book.plan()
    assert planned.of("buy", "BND")
    assert not planned.of("buy", "VEA")
    assert_less_risk(planned)


def test_every_class_comes_inside_its_band_before_one_is_filled_to_its_target() -> None:
    book = a_book({LARGE: "0.40", EMERGING: "0.10", BONDS: "0.40", ALTERNATIVES: "0.10"})
    book.account("I1", "traditional_ira")
    book.model("BND")
    book.model("VNQ")
    for ticker, count in (("VTI", 540), ("VWO", 115), ("BND", 280), ("VNQ", 65)):
        book.lot("I1", ticker, count, 100)
    book.constraint("I1", "VTI", sellable_quantity=D(98))  # the rest is locked: too little for all
    book.constraint("I1", "VWO", sellable_quantity=D(0))
    planned = book.plan()
    weights = {row["asset_class"]: row["notional"] for row in planned.trades}
    assert weights[BONDS] >= 7_000  # from 28 to at least 35 percent of 100,000 dollars
    assert weights[ALTERNATIVES] >= 1_500  # from 6.5 to at least 8 percent
    assert not {BONDS, ALTERNATIVES} & {row["subject"] for row in planned.exceptions}


def test_inside_the_bands_small_change_opens_no_trade() -> None:
    book = a_book({LARGE: "0.30", BONDS: "0.40", EMERGING: "0.10", TIPS: "0.20"})
    book.account("I1", "traditional_ira")
    for ticker in ("BND", "VWO", "SCHP"):
        book.model(ticker)
    # A million dollars: TIPS lacks 0.07 percent, more than the smallest trade of 100 dollars.
    for ticker, count in (("VTI", 3_600), ("BND", 3_407), ("VWO", 1_000), ("SCHP", 1_993)):
        book.lot("I1", ticker, count, 100)
    planned = book.plan()
    assert {(row["action"], row["security_id"]) for row in planned.trades} == {
        ("sell", "VTI"),
        ("buy", "BND"),
    }


def test_a_remainder_inside_the_band_opens_no_second_sale() -> None:
    book = a_book({LARGE: "0.30", BONDS: "0.70"})
    book.account("I1", "traditional_ira")
    book.model("BND")
    book.security("ITOT", LARGE, 100)
    book.lot("I1", "VTI", 650, 100)
    book.lot("I1", "ITOT", 2_955, 100)
    book.constraint("I1", "ITOT", sellable_quantity=D(0), reason="lockup")
    book.security("IVV", LARGE, 100)
    book.lot("I1", "IVV", 50, 100)
    book.lot("I1", "BND", 6_345, 100)
    planned = book.plan()
    assert [row["security_id"] for row in planned.trades if row["action"] == "sell"] == ["VTI"]


def need(name: str, amount: int, to_band: int = 0, *, is_primary: bool = True) -> Need:
    return Need(name, D(amount), is_primary, 1, D(to_band))


def shares(sinks: list[Need], money: int, limit: int = 0) -> dict[str, Decimal]:
    return allotted(Needs((need("S", money),), tuple(sinks), D(0), D(limit)))


def test_with_enough_for_all_every_class_gets_what_it_could_take() -> None:
    sinks = [need("A", 70, 20), need("B", 30), need("C", 9, is_primary=False)]
    assert shares(sinks, 200, limit=9) == {"A": 70, "B": 30, "C": 9}


def test_bands_come_before_targets_and_breached_classes_before_others() -> None:
    sinks = [need("A", 70, 20), need("B", 60, 50), need("C", 90, is_primary=False)]
    assert shares(sinks, 60) == {"A": 10, "B": 50, "C": 0}
    assert shares(sinks, 100) == {"A": 50, "B": 50, "C": 0}
    assert shares(sinks, 150, limit=15) == {"A": 70, "B": 60, "C": 15}


def test_what_is_left_goes_where_most_is_lacking() -> None:
    sinks = [need("A", 30, is_primary=False), need("B", 80, is_primary=False)]
    assert shares(sinks, 90, limit=90) == {"A": 10, "B": 80}
