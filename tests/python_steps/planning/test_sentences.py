"""What the plan says: sentences for a client, numbers with the right sign, one full stop."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

import pytest

from python_steps.planning.plan import EXCEPTION_CODES, REASON_CODES
from python_steps.planning.wording import count_of, listed, tax_clause
from tests.python_steps.planning.small_book import BONDS, CASH, LARGE, SMALL, D, SmallBook


def stocks_and_bonds(**household: object) -> SmallBook:
    book = SmallBook()
    book.household(**household)
    book.group({LARGE: "0.5", BONDS: "0.5"})
    book.account("A1")
    book.tax_unit()
    book.security("VTI", LARGE, 100)
    book.security("BND", BONDS, 50)
    book.model("VTI")
    book.model("BND")
    return book


@pytest.mark.parametrize(
    ("tax", "is_one", "words"),
    [
        (D(-756), False, "save an estimated $756 of tax"),
        (D(-756), True, "saves an estimated $756 of tax"),
        (D(1_250), False, "cost an estimated $1,250 of tax"),
        (D("0.00"), True, "causes no tax"),
        (None, False, "cause a tax that cannot be estimated"),
    ],
)
def test_tax_is_a_cost_or_a_saving_and_never_negative(
    tax: Decimal | None, is_one: bool, words: str
) -> None:
    assert tax_clause(tax, is_one=is_one) == words


def test_nouns_agree_with_their_number() -> None:
    assert count_of(1, "asset class") == "1 asset class"
    assert count_of(2, "asset class") == "2 asset classes"
    assert count_of(12, "trade") == "12 trades"


def test_parts_are_listed_with_one_and() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed([]) == ""


def test_one_share_is_a_share() -> None:
    book = stocks_and_bonds(minimum_trade_amount=D(0))
    book.security_row("VTI")["price"] = D(20_000)
    book.lot("A1", "VTI", 4, 25_000)
    book.lot("A1", "BND", 800, 50)
    assert book.plan().of("sell")[0]["rationale"].startswith("Sell 1 share of VTI ($20,000)")


def test_a_weight_that_payments_due_move_is_not_passed_off_as_todays() -> None:
    book = stocks_and_bonds()
    book.tables["fct_account_cash"][0].update(
        trade_date=D(10_000), flow_reserve=D(10_000), investable=D(0)
    )
    book.lot("A1", "VTI", 700, 130)
    book.lot("A1", "BND", 400, 50)
    sale = book.plan().of("sell", "VTI")[0]
    # 70,000 of 100,000 dollars today, of 90,000 once the withdrawal has left
    assert "is 77.8% after payments due against a target of 50.0%" in sale["rationale"]
    book = stocks_and_bonds()
    book.lot("A1", "VTI", 700, 130)
    book.lot("A1", "BND", 600, 50)
    sale = book.plan().of("sell", "VTI")[0]
    assert "is 70.0% against a target of 50.0%" in sale["rationale"]


def test_a_class_that_gives_way_names_the_class_it_gives_way_to() -> None:
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.50", SMALL: "0.10", BONDS: "0.40"})
    book.account("I1", "traditional_ira")
    book.tax_unit()
    book.security("VTI", LARGE, 100)
    book.security("VB", SMALL, 100)
    book.security("BND", BONDS, 50)
    book.model("VB")
    book.lot("I1", "VTI", 490, 60)
    book.lot("I1", "VB", 60, 60)
    book.lot("I1", "BND", 900, 50)
    book.constraint("I1", "BND", sellable_quantity=D(0), reason="lockup")
    sale = book.plan().of("sell", "VTI")[0]
    assert "makes room for US Small/Mid Cap, whose weight is 6.0% against" in sale["rationale"]


def test_a_plan_that_saves_tax_says_so() -> None:
    book = stocks_and_bonds()
    book.lot("A1", "VTI", 700, 130)
    book.lot("A1", "BND", 600, 50)
    text = book.plan().plan["explanation"]
    assert re.fullmatch(
        r"2 trades bring every asset class inside its band and save an estimated \$[\d,]+ of tax\.",
        text,
    )


def test_raising_cash_is_not_called_rebalancing() -> None:
    book = stocks_and_bonds()
    book.lot("A1", "VTI", 520, 100)
    book.lot("A1", "BND", 960, 50)
    book.tables["fct_account_cash"][0].update(flow_reserve=D(2_000), investable=D(-2_000))
    planned = book.plan()
    assert planned.plan["run_mode"] == "cash_only"
    assert planned.plan["explanation"].startswith("1 trade raises the cash that is due and ")


def test_what_stays_outside_is_counted_in_words() -> None:
    book = stocks_and_bonds()
    book.lot("A1", "VTI", 700, 130)
    book.lot("A1", "BND", 600, 50)
    book.constraint("A1", "VTI", sellable_quantity=D(100))
    text = book.plan().plan["explanation"]
    assert text.startswith("2 trades save an estimated $")
    assert text.endswith("and leave 2 asset classes outside their bands: see the exceptions.")


@pytest.mark.parametrize("reason", ["The files wait.", "The files wait"])
def test_a_reason_of_the_book_ends_with_one_full_stop(reason: str) -> None:
    book = stocks_and_bonds(household_state="withheld", state_reason=reason)
    book.lot("A1", "VTI", 700, 130)
    book.account_row("A1").update(is_trading_blocked=True, trading_blocked_reason="It is closed.")
    book.tables["fct_account_cash"][0].update(flow_reserve=D(2_000), investable=D(-2_000))
    planned = book.plan()
    assert planned.plan["explanation"] == "No trades are proposed: The files wait."
    texts = [row["rationale"] for row in planned.exceptions]
    assert texts
    assert not [text for text in texts if ".." in text]
    shortfall = next(row for row in planned.exceptions if row["reason_code"] == "cash_shortfall")
    assert "nothing is sold for it now: The files wait." in shortfall["rationale"]


def test_a_household_without_a_policy_statement_is_not_called_inside_its_bands() -> None:
    book = SmallBook()
    book.household()
    book.account("A1", group_id=None, cash=5_000)
    book.tax_unit()
    book.security("VTI", LARGE, 100)
    book.lot("A1", "VTI", 10, 90)
    planned = book.plan()
    assert "no target to trade to" in planned.plan["explanation"]
    row = next(row for row in planned.exceptions if row["reason_code"] == "no_ips")
    assert row["amount"] == 6_000


def test_every_exception_that_speaks_of_dollars_carries_them() -> None:
    book = stocks_and_bonds()
    book.lot("A1", "VTI", 560, 5)
    book.lot("A1", "BND", 880, 50)
    rows = book.plan().exceptions
    assert rows
    assert all(row["amount"] is not None for row in rows if "$" in row["rationale"])


def test_each_reason_code_is_explained() -> None:
    assert all(text.endswith(".") for text in (*REASON_CODES.values(), *EXCEPTION_CODES.values()))


def test_a_purchase_names_every_class_that_pays_for_it() -> None:
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.40", SMALL: "0.10", BONDS: "0.50"})
    book.account("I1", "traditional_ira")
    book.tax_unit()
    book.security("VTI", LARGE, 100)
    book.security("VB", SMALL, 100)
    book.security("BND", BONDS, 50)
    book.model("BND")
    book.lot("I1", "VTI", 600, 60)
    book.lot("I1", "VB", 200, 60)
    book.lot("I1", "BND", 400, 50)
    buy = book.plan().of("buy", "BND")[0]
    assert "paid from US Large Cap Equity and US Small/Mid Cap sold in this" in buy["rationale"]


def test_a_contribution_on_its_way_is_told_when_it_takes_cash_out_of_its_band() -> None:
    book = stocks_and_bonds()
    book.tables["fct_account_cash"][0].update(trade_date=D(500), investable=D(500))
    book.lot("A1", "VTI", 500, 90)
    book.lot("A1", "BND", 1_000, 45)
    book.flow("A1", "contribution", 12_000, date(2026, 12, 1))
    book.projected["G1", CASH] = D("0.11")
    text = book.plan().plan["explanation"]
    assert text == (
        "Every asset class is inside its band and no cash is needed: nothing to do. The "
        "contribution of $12,000 due 2026-12-01 takes Cash to 11.0%, outside its band, and is "
        "invested when it posts."
    )
    book.tables["int_cash_flows__due"] = []
    assert "Payments and orders under way take Cash to 11.0%" in book.plan().plan["explanation"]
    book.projected["G1", CASH] = D("0.005")
    assert book.plan().plan["explanation"].endswith("nothing to do.")


@pytest.mark.parametrize(
    ("harvests", "cost", "is_told"),
    [(True, 130, True), (False, 130, False), (True, "100.2", False)],
)
def test_losses_that_are_not_harvested_on_their_own_are_told(
    harvests: bool, cost: object, is_told: bool
) -> None:
    book = stocks_and_bonds(harvests_losses=harvests)
    book.lot("A1", "VTI", 500, cost)
    book.lot("A1", "BND", 1_000, 45)
    text = book.plan().plan["explanation"]
    words = "Losses of $15,000 stand unrealised; nothing is sold for their sake alone tonight."
    assert (words in text) is is_told
    assert ("unrealised" in text) is is_told
    assert "never on their own" not in text  # other nights do harvest losses alone
