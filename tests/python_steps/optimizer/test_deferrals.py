"""What is put off bears its own lots' tax, and the classes add up to the whole."""

from __future__ import annotations

from decimal import Decimal

import pytest

from python_steps.optimizer.attempt import attempted
from python_steps.optimizer.core_problem import core_problem
from python_steps.optimizer.deferrals import deferrals_of
from python_steps.optimizer.workshop import Workshop
from python_steps.planning.gain_steps import Deferral, Verdict, judged
from python_steps.planning.household import Household
from python_steps.planning.ledger import PlanLedger
from python_steps.planning.plan import REBALANCE, Purpose
from python_steps.planning.sell_rules import ANY_LOT
from python_steps.policy import FirmPolicy
from tests.python_steps.optimizer.drifted_book import RECENT
from tests.python_steps.optimizer.test_rationale import prices_of, workshop_of_book
from tests.python_steps.planning.small_book import BONDS, LARGE, SmallBook

SMALL = "US Small/Mid Cap"


def book_of_two_classes() -> SmallBook:
    """Too much in two classes of one account: one stands at 20 times its basis, one near it."""
    book = SmallBook()
    book.household()
    book.group({LARGE: "0.2", SMALL: "0.2", BONDS: "0.6"})
    book.account("TAX")
    for name, asset_class in (("VTI", LARGE), ("VB", SMALL), ("BND", BONDS)):
        book.security(name, asset_class)
        book.model(name)
    book.tax_unit()
    book.lot("TAX", "VTI", 400, 5)
    book.lot("TAX", "VB", 400, 95)
    book.lot("TAX", "BND", 200, 100)
    return book


def sold(work: Workshop, start: PlanLedger, **quantities: int) -> PlanLedger:
    ledger = start.copy()
    for security_id, quantity in quantities.items():
        position = work.market.index.positions["TAX", security_id]
        purpose = Purpose(REBALANCE, "G1", work.market.index.securities[security_id].primary_class)
        lots = work.market.sells.eligible_lots(ledger, position, ANY_LOT)
        ledger.sell(position, lots, Decimal(quantity), purpose)
    return ledger


def of_class(found: list[Deferral], name: str) -> Deferral:
    (row,) = [row for row in found if row.asset_class == name]
    return row


def verdict_of(work: Workshop, before: PlanLedger, after: PlanLedger) -> Verdict:
    verdict = judged(work.market, before, after, work.judge)
    assert verdict.tax is not None
    return verdict


def test_each_class_bears_the_tax_of_its_own_lots() -> None:
    work = workshop_of_book(book_of_two_classes())
    after = sold(work, work.start, VTI=200, VB=200)
    verdict = verdict_of(work, work.start, after)
    found = deferrals_of(work, work.start, after, verdict)
    large, small = of_class(found, LARGE), of_class(found, SMALL)
    assert large.amount == small.amount == 20_000
    assert large.tax is not None
    assert small.tax is not None
    assert large.tax + small.tax == verdict.tax
    assert large.tax / small.tax == pytest.approx(Decimal(19), rel=Decimal("0.001")), "95 to 5"
    assert large.cost + small.cost == verdict.cost


def test_what_the_plan_sells_anyway_is_not_put_off() -> None:
    work = workshop_of_book(book_of_two_classes())
    before = sold(work, work.start, VTI=100)
    after = sold(work, before, VTI=50)
    verdict = verdict_of(work, before, after)
    (row,) = deferrals_of(work, before, after, verdict)
    assert row.amount == 5_000
    assert row.tax == verdict.tax


def test_a_class_that_sells_less_leaves_its_saving_to_those_that_sell_more() -> None:
    work = workshop_of_book(book_of_two_classes())
    before, after = sold(work, work.start, VB=100), sold(work, work.start, VTI=100)
    verdict = verdict_of(work, before, after)
    (row,) = deferrals_of(work, before, after, verdict)
    assert row.asset_class == LARGE
    assert row.tax == verdict.tax


def test_an_unknown_tax_stays_unknown() -> None:
    work = workshop_of_book(book_of_two_classes())
    after = sold(work, work.start, VTI=100)
    verdict = judged(work.market, work.start, after, work.judge)._replace(tax=None)
    (row,) = deferrals_of(work, work.start, after, verdict)
    assert row.tax is None


def test_a_loss_of_the_stage_is_told_as_saving_tax() -> None:
    book = book_of_two_classes()
    book.lot("TAX", "VB", 100, 140, RECENT)
    work = workshop_of_book(book)
    position = work.market.index.positions["TAX", "VB"]
    after = sold(work, work.start, VTI=200)
    (loss,) = [lot for lot in position.lots if lot.cost_basis == 14_000]
    after.sell(position, [loss], Decimal(100), Purpose(REBALANCE, "G1", SMALL))
    verdict = verdict_of(work, work.start, after)
    found = deferrals_of(work, work.start, after, verdict)
    small, large = of_class(found, SMALL).tax, of_class(found, LARGE).tax
    assert small is not None
    assert large is not None
    assert small < 0 < large
    assert small + large == verdict.tax


def test_the_attempt_puts_off_class_by_class() -> None:
    book = book_of_two_classes()
    work = workshop_of_book(book, FirmPolicy(breakeven_years_limit=Decimal("0.01")))
    household: Household = work.household
    assert household.groups
    problem = core_problem(work.start, work.market.sells, work.market.buys, work.policy)
    _, put_off = attempted(work, problem, prices_of(work))
    assert put_off
    for each in put_off:
        assert each.tax is not None
        rate = each.tax / each.amount
        assert (rate > Decimal("0.10")) == (each.asset_class == LARGE)
