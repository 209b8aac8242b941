"""Every rule of the SQL verification, against plans that keep it and a plan that breaks it alone.

One dbt run holds a household per rule: each has the sound plan of `plan_fixture` with one thing
changed. A broken plan must be withheld by name, and by that name only; every other must stand.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.dbt_project.plan_fixture import (
    TRADE_DATE,
    HouseholdCase,
    create_plan_warehouse,
    money,
    price_of,
    sound_household,
    write_rows,
)
from tests.dbt_project.warehouse_fixture import (
    AS_OF_DATE,
    DBT_PROJECT,
    insert_rows,
    query,
    run_dbt,
)

Change = Callable[[HouseholdCase], object]

SEEDS_READ_BY_THE_PLAN_PASS = (
    "seed_ordinary_tax_brackets",
    "seed_capital_gains_brackets",
    "seed_capital_loss_limits",
    "seed_net_investment_income_tax",
    "seed_asset_location",
    "seed_capital_market_assumptions",
)


def _resize(case: HouseholdCase, trade: dict[str, Any], quantity: str) -> None:
    trade["quantity"] = money(quantity)
    trade["notional"] = money(quantity) * trade["price"]


def buys_for_more_than_the_account_has(case: HouseholdCase) -> None:
    _resize(case, case.trade("T", "buy", "BND"), "500")
    _tells_missing_cash(case, "502")


def has_no_cash_on_record(case: HouseholdCase) -> None:
    cash = case.one("marts.fct_account_cash", account_id=case.account("I"))
    cash["investable"] = cash["trade_date"] = None


def sells_more_of_a_lot_than_it_holds(case: HouseholdCase) -> None:
    case.rows["rebalance.trade_lots"].remove(case.lot("OLD"))
    case.lot("LOSS").update(
        quantity=money(120),
        proceeds=money(30000),
        cost_basis=money(31200),
        realized_gain=money(-1200),
    )
    case.settle()
    case.plan["estimated_tax"] = case.impact["estimated_tax"] = money(-200)


def sells_a_lot_that_does_not_exist(case: HouseholdCase) -> None:
    lot = case.one("rebalance.trade_lots", account_id=case.account("I"))
    lot["lot_id"] = f"{case.household_id}-GHOST"


def sells_a_lot_of_the_other_account(case: HouseholdCase) -> None:
    case.one("rebalance.trade_lots", account_id=case.account("I"))["account_id"] = case.account("T")


def sells_more_than_a_restriction_leaves(case: HouseholdCase) -> None:
    case.one(
        "marts.fct_position_constraints", account_id=case.account("T"), security_id="VTI"
    ).update(sellable_quantity=money(100), reason="R1 hold")


def sells_a_locked_lot(case: HouseholdCase) -> None:
    case.add_constraint("T", "VTI", 0, lot_id=f"{case.household_id}-OLD", reason="R2 lockup")


def sells_a_frozen_lot(case: HouseholdCase) -> None:
    case.one("intermediate.int_lots__identified", lot_id=f"{case.household_id}-OLD").update(
        is_frozen=True, frozen_reason="acquisition date after the session"
    )


def sells_a_frozen_position(case: HouseholdCase) -> None:
    case.one(
        "intermediate.int_positions__valued", account_id=case.account("T"), security_id="VTI"
    ).update(position_state="frozen", state_reason="lots do not tie")


def realizes_a_gain_that_a_lot_restriction_forbids(case: HouseholdCase) -> None:
    case.add_constraint(
        "T",
        "VTI",
        100,
        lot_id=f"{case.household_id}-OLD",
        is_gain_allowed=False,
        reason="R3 no_gains",
    )


def realizes_a_gain_that_a_holding_restriction_forbids(case: HouseholdCase) -> None:
    case.one(
        "marts.fct_position_constraints", account_id=case.account("T"), security_id="VTI"
    ).update(is_gain_allowed=False, reason="R3 no_gains")


def buys_what_is_not_permitted(case: HouseholdCase) -> None:
    case.one(
        "marts.fct_position_constraints", account_id=case.account("T"), security_id="BND"
    ).update(is_buyable=False, reason="R4 do_not_buy")


def buys_what_no_list_names(case: HouseholdCase) -> None:
    case.rows["marts.fct_position_constraints"].remove(
        case.one("marts.fct_position_constraints", account_id=case.account("T"), security_id="BND")
    )


def buys_what_its_custodian_lacks(case: HouseholdCase) -> None:
    case.drop_trade(case.trade("T", "buy", "BND"))
    case.add_trade("T", "buy", "ITOT", "200")
    case.add_constraint("T", "ITOT", 0)
    case.one("marts.dim_accounts", account_id=case.account("T"))["custodian"] = "SCHWAB"
    case.add(
        "marts.dim_security_custodians",
        {
            "security_id": "ITOT",
            "custodian": "SCHWAB",
            "is_available": False,
            "is_fractional": False,
            "trades_in": "shares",
        },
    )


def trades_in_a_blocked_account(case: HouseholdCase) -> None:
    case.one("marts.dim_accounts", account_id=case.account("I")).update(
        is_trading_blocked=True, trading_blocked_reason="legal hold"
    )


def trades_in_an_account_that_is_not_tradable(case: HouseholdCase) -> None:
    case.one("marts.dim_accounts", account_id=case.account("I"))["is_tradable"] = False


def trades_in_the_account_of_another_household(case: HouseholdCase) -> None:
    case.one("marts.dim_accounts", account_id=case.account("I"))["household_id"] = "SOUND"


def buys_a_fraction_of_a_whole_share_security(case: HouseholdCase) -> None:
    _resize(case, case.trade("T", "buy", "BND"), "420.5")


def sells_a_fraction_without_terms_on_record(case: HouseholdCase) -> None:
    trade = case.trade("I", "sell", "VTI")
    _resize(case, trade, "40.5")
    case.lot("STOCKS").update(
        quantity=money("40.5"), proceeds=money(10125), realized_gain=money(2025)
    )


def buys_and_sells_one_security_in_one_account(case: HouseholdCase) -> None:
    sale = case.add_trade("I", "sell", "BND", "10")
    case.add_trade_lot(sale, "BONDS", "10", "long", 800)


def buys_more_than_the_concentration_limit(case: HouseholdCase) -> None:
    case.add(
        "marts.fct_concentration_limits",
        {
            "household_id": case.household_id,
            "security_id": "BND",
            "limit_weight": money("0.45"),
            "source": "R5",
        },
    )


def buys_a_twin_of_what_it_sells_at_a_loss(case: HouseholdCase) -> None:
    case.drop_trade(case.trade("I", "buy", "BND"))
    case.add_trade("I", "buy", "VTSAX", "80.25")


def _window(case: HouseholdCase, identity_group: str, **dates: Any) -> None:
    case.add(
        "tax.wash_sale_windows",
        {
            "wash_sale_group_id": f"{case.household_id}-W",
            "identity_group_id": identity_group,
            "household_id": case.household_id,
            "caused_by": "an earlier trade",
            "coverage": "known",
        }
        | dates,
    )


def buys_on_the_last_day_after_a_loss_sale(case: HouseholdCase) -> None:
    _window(case, "us-aggregate", no_buy_until_date=TRADE_DATE)


def sells_at_a_loss_on_the_last_day_after_a_purchase(case: HouseholdCase) -> None:
    _window(case, "crsp-total-market", no_loss_sale_until_date=TRADE_DATE)


def sells_at_a_loss_without_known_history(case: HouseholdCase) -> None:
    _window(case, "crsp-total-market", coverage="unknown")


def buys_on_the_last_day_after_a_childs_loss(case: HouseholdCase) -> None:
    child = f"{case.household_id}-CHILD"
    _window(case, "us-aggregate", wash_sale_group_id=child, no_buy_until_date=TRADE_DATE)


def sells_at_a_loss_on_the_last_day_after_a_childs_purchase(case: HouseholdCase) -> None:
    child = f"{case.household_id}-CHILD"
    _window(case, "crsp-total-market", wash_sale_group_id=child, no_loss_sale_until_date=TRADE_DATE)


def sells_out_recent_lots_beside_a_loss_though_the_firm_does_not_allow_it(
    case: HouseholdCase,
) -> None:
    _window(case, "crsp-total-market", no_loss_sale_until_date=TRADE_DATE, is_exit_possible=True)


def trades_on_a_whim(case: HouseholdCase) -> None:
    case.trade("I", "buy", "BND")["reason_code"] = "WHIM"


def says_nothing_of_a_trade(case: HouseholdCase) -> None:
    case.trade("I", "buy", "BND")["rationale"] = " "


def buys_to_raise_cash(case: HouseholdCase) -> None:
    case.trade("I", "buy", "BND")["reason_code"] = "RAISE_CASH"


def rebalances_on_a_night_for_cash(case: HouseholdCase) -> None:
    case.plan["run_mode"] = "cash_only"


def harvests_for_a_household_that_does_not(case: HouseholdCase) -> None:
    _is_a_harvest(case)
    case.one("marts.dim_households")["harvests_losses"] = False


def _is_a_harvest(case: HouseholdCase) -> None:
    case.plan["run_mode"] = "tlh_only"
    for trade in case.rows["rebalance.trades"]:
        is_sale = trade["action"] == "sell"
        trade["reason_code"] = "HARVEST_LOSS" if is_sale else "HARVEST_REPLACEMENT"


def _exception(case: HouseholdCase, **changes: Any) -> None:
    case.add(
        "rebalance.exceptions",
        {
            "plan_id": f"P-{case.household_id}",
            "household_id": case.household_id,
            "subject": "Bonds",
            "reason_code": "out_of_tolerance",
            "rationale": "They stay where they are.",
        }
        | changes,
    )


def states_an_exception_twice(case: HouseholdCase) -> None:
    _exception(case)
    _exception(case, reason_code="deferred")


def leaves_something_for_no_reason(case: HouseholdCase) -> None:
    _exception(case, reason_code="")


def _needy_account(case: HouseholdCase) -> None:
    case.add_account("N", "traditional_ira", "tax_deferred", "-100", minimum="0")
    case.one("marts.dim_accounts", account_id=case.account("N"))["counts_toward_allocation"] = False


def lacks_cash_in_silence(case: HouseholdCase) -> None:
    _needy_account(case)


def _tells_missing_cash(case: HouseholdCase, amount: str, letter: str = "T") -> None:
    _exception(
        case,
        subject=f"Cash of {letter}",
        reason_code="cash_shortfall",
        account_id=case.account(letter),
        amount=money(amount),
    )


def tells_less_than_is_missing(case: HouseholdCase) -> None:
    _needy_account(case)
    _tells_missing_cash(case, "60", "N")


def tells_what_is_missing(case: HouseholdCase) -> None:
    _needy_account(case)
    _tells_missing_cash(case, "100", "N")


def trades_less_than_the_household_asks_for(case: HouseholdCase) -> None:
    case.one("marts.dim_households")["minimum_trade_amount"] = money(500_000)


def buys_less_than_the_fund_asks_for(case: HouseholdCase) -> None:
    case.one("marts.dim_accounts", account_id=case.account("I"))["custodian"] = "EXACTING"
    case.add(
        "marts.dim_security_custodians",
        {
            "security_id": "BND",
            "custodian": "EXACTING",
            "is_available": True,
            "is_fractional": False,
            "trades_in": "shares",
            "minimum_amount": money(1_000_000),
        },
    )


def sells_young_lots_before_old_ones(case: HouseholdCase) -> None:
    case.one("marts.dim_accounts", account_id=case.account("T"))["lot_method"] = "FIFO"


def sells_cheap_lots_before_dear_ones(case: HouseholdCase) -> None:
    case.one("marts.dim_accounts", account_id=case.account("T"))["lot_method"] = "HIFO"


def buys_30_days_after_a_loss_that_the_custodian_reports(case: HouseholdCase) -> None:
    case.add(
        "intermediate.int_closed_lots__merged",
        {
            "account_id": case.account("T"),
            "household_id": case.household_id,
            "security_id": "BND",
            "closed_lot_key": "SOLD",
            "disposal_date": date(2026, 10, 21),
            "quantity": money(1),
            "realized_gain": money(-1),
        },
    )


def sells_at_a_loss_30_days_after_the_ira_reinvested(case: HouseholdCase) -> None:
    case.add_position("I", "VTSAX", ("DIVIDEND", "1", "2026-10-21", "120"))
    case.rows["marts.fct_position_constraints"].remove(
        case.one(
            "marts.fct_position_constraints",
            account_id=case.account("I"),
            security_id="VTSAX",
            sellable_quantity=money(0),
        )
    )
    case.one("intermediate.int_lots__identified", lot_id=f"{case.household_id}-DIVIDEND")[
        "acquisition_type"
    ] = "REINVEST"


def prices_a_trade_differently_from_the_book(case: HouseholdCase) -> None:
    trade = case.trade("T", "buy", "BND")
    trade["price"] = money("70.01")
    trade["notional"] = trade["quantity"] * trade["price"]


def misstates_the_dollars_of_a_trade(case: HouseholdCase) -> None:
    case.trade("T", "buy", "BND")["notional"] -= money("0.02")


def leaves_a_share_without_a_lot(case: HouseholdCase) -> None:
    case.lot("OLD").update(
        quantity=money(19), proceeds=money(4750), cost_basis=money(1900), realized_gain=money(2850)
    )
    case.settle()


def states_other_gains_than_its_lots(case: HouseholdCase) -> None:
    case.trade("T", "sell", "VTI")["realized_long_term_gain"] += 5
    case.impact["realized_long_term_gain"] += 5


def sells_from_a_taxable_account_without_lots(case: HouseholdCase) -> None:
    case.rows["rebalance.trade_lots"] = [
        lot for lot in case.rows["rebalance.trade_lots"] if lot["account_id"] != case.account("T")
    ]
    case.settle()
    case.plan["estimated_tax"] = case.impact["estimated_tax"] = money(0)


def ignores_a_wash_sale_adjustment(case: HouseholdCase) -> None:
    case.one("tax.lot_adjustments", lot_id=f"{case.household_id}-OLD")["wash_sale_adjustment"] = (
        money(500)
    )


def misstates_the_gain_of_a_lot(case: HouseholdCase) -> None:
    case.lot("LOSS")["realized_gain"] = money(-900)
    case.settle()


def calls_a_young_loss_long_term(case: HouseholdCase) -> None:
    case.lot("LOSS")["term"] = "long"
    case.settle()


def counts_a_lot_as_long_on_its_anniversary(case: HouseholdCase) -> None:
    for table in ("intermediate.int_lots__identified", "tax.lot_adjustments"):
        case.one(table, lot_id=f"{case.household_id}-OLD")["holding_period_start_date"] = date(
            2025, 11, 20
        )
    case.one("marts.dim_households")["allows_short_term_gains"] = True


def taxes_a_purchase(case: HouseholdCase) -> None:
    case.trade("T", "buy", "BND")["tax_cost"] = money(5)


def states_a_loss_as_positive(case: HouseholdCase) -> None:
    case.trade("I", "buy", "BND")["realized_short_term_loss"] = money("0.001")
    case.trade("I", "buy", "BND")["tax_character"] = "short_term_loss"


def leaves_out_the_gain_of_a_trade(case: HouseholdCase) -> None:
    case.trade("I", "buy", "BND")["realized_long_term_gain"] = None


def mislabels_the_tax_character(case: HouseholdCase) -> None:
    case.trade("T", "sell", "VTI")["tax_character"] = "long_term_gain"


def misstates_the_cost_of_the_plan(case: HouseholdCase) -> None:
    case.plan["transaction_cost"] += 1


def misstates_the_gains_of_a_tax_unit(case: HouseholdCase) -> None:
    case.impact["realized_long_term_gain"] += 1


def leaves_out_a_tax_unit(case: HouseholdCase) -> None:
    case.rows["rebalance.tax_impact"].clear()


def misstates_the_tax_of_the_plan(case: HouseholdCase) -> None:
    case.plan["estimated_tax"] += 1


def estimates_more_tax_than_gain(case: HouseholdCase) -> None:
    case.plan["estimated_tax"] = case.impact["estimated_tax"] = money(3500)


def estimates_more_saving_than_loss(case: HouseholdCase) -> None:
    case.plan["estimated_tax"] = case.impact["estimated_tax"] = money(-1000)


def uses_losses_that_were_not_carried_in(case: HouseholdCase) -> None:
    case.impact["carryforward_used"] = money(100)


def realizes_a_short_term_gain(case: HouseholdCase) -> None:
    case.lot("OLD").update(
        lot_id=f"{case.household_id}-YOUNG",
        term="short",
        cost_basis=money(4000),
        realized_gain=money(1000),
    )
    case.settle()


def buys_a_security_whose_classes_do_not_fill_it(case: HouseholdCase) -> None:
    case.drop_trade(case.trade("T", "buy", "BND"))
    case.add_trade("T", "buy", "ODDFUND", "500")
    case.add_constraint("T", "ODDFUND", 0)


def trades_without_a_reason(case: HouseholdCase) -> None:
    case.one("marts.fct_drift_summary").update(is_rebalance_due=False, trigger_reasons=None)


def trades_for_a_household_that_waits(case: HouseholdCase) -> None:
    case.one("marts.dim_households").update(
        household_state="waiting_for_feed", state_reason="The file of ALPINE is missing."
    )


def trades_on_the_session_itself(case: HouseholdCase) -> None:
    case.plan["planned_trade_date"] = AS_OF_DATE


def ends_before_it_trades(case: HouseholdCase) -> None:
    case.plan["valid_until_date"] = AS_OF_DATE


def trades_though_it_says_no_trade(case: HouseholdCase) -> None:
    case.plan["run_mode"] = "no_trade"


def states_one_trade_id_twice(case: HouseholdCase) -> None:
    case.trade("T", "buy", "BND")["trade_id"] = case.trade("I", "buy", "BND")["trade_id"]


def _sells_metal(case: HouseholdCase, security_id: str, *, tax: int) -> None:
    """A long-term gain of $10,000 of a trust that holds metal, and no loss beside it."""
    case.drop_trade(case.trade("T", "sell", "VTI"))
    quantity = money(20000) / price_of(security_id)
    case.add_position("T", security_id, ("METAL", str(quantity), "2021-05-03", "10000"))
    sale = case.add_trade("T", "sell", security_id, str(quantity))
    case.add_trade_lot(sale, "METAL", str(quantity), "long", 10000)
    case.settle()
    case.plan["estimated_tax"] = case.impact["estimated_tax"] = money(tax)
    case.one("tax.tax_unit_states")["marginal_ordinary_rate"] = money("0.35")
    _resize(case, case.trade("T", "buy", "BND"), "200")


def taxes_metal_like_a_fund(case: HouseholdCase) -> None:
    _sells_metal(case, "GLD", tax=2000)


def says_nothing_of_the_metal(case: HouseholdCase) -> None:
    _sells_metal(case, "GLD", tax=2800)
    case.impact["realized_collectibles_gain"] = money(0)


def sells_what_may_be_metal(case: HouseholdCase) -> None:
    _sells_metal(case, "NEWGOLD", tax=2800)


def buys_at_a_cost_that_nobody_knows(case: HouseholdCase) -> None:
    case.drop_trade(case.trade("T", "buy", "BND"))
    case.add_trade("T", "buy", "NOSPREAD", "500")
    case.add_constraint("T", "NOSPREAD", 0)


def counts_no_spread(case: HouseholdCase) -> None:
    trade = case.trade("T", "buy", "BND")
    case.plan["transaction_cost"] -= trade["spread_cost"]
    trade["spread_cost"] = money(0)


def _was_paid(case: HouseholdCase, kind: str, amount: str) -> None:
    case.add(
        "intermediate.int_distributions__recent",
        {
            "household_id": case.household_id,
            "account_id": case.account("T"),
            "security_id": "VTI",
            "paid_date": date(2026, 9, 30),
            "distribution_kind": kind,
            "amount": money(amount),
        },
    )


def takes_a_young_loss_whole(case: HouseholdCase) -> None:
    _was_paid(case, "long_term_gain", "400")


def _limits_the_loss(case: HouseholdCase, *, long: str, disallowed: str) -> None:
    case.lot("LOSS").update(recharacterized_loss=-money(long), disallowed_loss=money(disallowed))
    trade = case.trade("T", "sell", "VTI")
    for row in (trade, case.impact):
        row["realized_short_term_loss"] += money(long) + money(disallowed)
        row["realized_long_term_loss"] -= money(long)


def limits_a_loss_by_more_than_was_paid(case: HouseholdCase) -> None:
    _was_paid(case, "exempt_interest", "400")
    _limits_the_loss(case, long="0", disallowed="500")


def _setting(case: HouseholdCase, name: str, value: str) -> None:
    case.one("marts.fct_household_settings", setting=name).update(setting_value=value)


def has_a_setting_out_of_range(case: HouseholdCase) -> None:
    _setting(case, "location_years", "21")
    case.one("marts.fct_household_settings", setting="location_years").update(is_usable=False)


def has_no_settings(case: HouseholdCase) -> None:
    case.rows["marts.fct_household_settings"].clear()


def is_weighed_otherwise_than_it_wants(case: HouseholdCase) -> None:
    _setting(case, "allocation_basis", "after_tax")


def _leaves_bonds_outside(case: HouseholdCase) -> None:
    case.one("marts.fct_household_drift", asset_class="Investment Grade Bonds").update(
        lower_band_weight=Decimal("0.9"), upper_band_weight=Decimal("0.95")
    )


def is_rebalanced_in_part(case: HouseholdCase) -> None:
    _setting(case, "partial_rebalance", "always_whole")
    _leaves_bonds_outside(case)


BROKEN: dict[str, tuple[Change, ...]] = {
    "account_cash_is_not_overdrawn": (buys_for_more_than_the_account_has, has_no_cash_on_record),
    "sold_lots_exist_and_are_not_oversold": (
        sells_more_of_a_lot_than_it_holds,
        sells_a_lot_that_does_not_exist,
        sells_a_lot_of_the_other_account,
    ),
    "only_sellable_holdings_are_sold": (
        sells_more_than_a_restriction_leaves,
        sells_a_locked_lot,
        sells_a_frozen_lot,
        sells_a_frozen_position,
    ),
    "restricted_gains_are_not_realized": (
        realizes_a_gain_that_a_lot_restriction_forbids,
        realizes_a_gain_that_a_holding_restriction_forbids,
    ),
    "only_buyable_securities_are_bought": (
        buys_what_is_not_permitted,
        buys_what_no_list_names,
        buys_what_its_custodian_lacks,
    ),
    "only_tradable_accounts_trade": (
        trades_in_a_blocked_account,
        trades_in_an_account_that_is_not_tradable,
        trades_in_the_account_of_another_household,
    ),
    "quantities_are_whole_where_required": (
        buys_a_fraction_of_a_whole_share_security,
        sells_a_fraction_without_terms_on_record,
    ),
    "no_security_is_bought_and_sold_in_one_account": (buys_and_sells_one_security_in_one_account,),
    "concentration_limits_are_not_worsened": (buys_more_than_the_concentration_limit,),
    "no_wash_sale_within_the_plan": (buys_a_twin_of_what_it_sells_at_a_loss,),
    "no_wash_sale_against_history": (
        buys_on_the_last_day_after_a_loss_sale,
        sells_at_a_loss_on_the_last_day_after_a_purchase,
        sells_at_a_loss_without_known_history,
        buys_30_days_after_a_loss_that_the_custodian_reports,
        sells_at_a_loss_30_days_after_the_ira_reinvested,
        sells_out_recent_lots_beside_a_loss_though_the_firm_does_not_allow_it,
    ),
    "every_trade_has_a_reason": (trades_on_a_whim, says_nothing_of_a_trade, buys_to_raise_cash),
    "every_exception_has_a_reason": (states_an_exception_twice, leaves_something_for_no_reason),
    "missing_cash_is_told": (lacks_cash_in_silence, tells_less_than_is_missing),
    "trades_reach_the_minimum": (
        trades_less_than_the_household_asks_for,
        buys_less_than_the_fund_asks_for,
    ),
    "lot_method_is_followed": (sells_young_lots_before_old_ones, sells_cheap_lots_before_dear_ones),
    "no_trade_near_that_of_a_related_taxpayer": (
        buys_on_the_last_day_after_a_childs_loss,
        sells_at_a_loss_on_the_last_day_after_a_childs_purchase,
    ),
    "prices_are_the_books": (prices_a_trade_differently_from_the_book,),
    "notional_is_quantity_times_price": (misstates_the_dollars_of_a_trade,),
    "lots_add_up_to_trades": (
        leaves_a_share_without_a_lot,
        states_other_gains_than_its_lots,
        sells_from_a_taxable_account_without_lots,
    ),
    "lot_gains_are_proceeds_less_basis": (
        ignores_a_wash_sale_adjustment,
        misstates_the_gain_of_a_lot,
    ),
    "terms_follow_dates": (calls_a_young_loss_long_term, counts_a_lot_as_long_on_its_anniversary),
    "signs_follow_the_convention": (
        taxes_a_purchase,
        states_a_loss_as_positive,
        leaves_out_the_gain_of_a_trade,
    ),
    "tax_character_follows_gains": (mislabels_the_tax_character,),
    "trade_costs_add_up_to_the_plan": (misstates_the_cost_of_the_plan,),
    "trades_add_up_to_tax_impact": (
        misstates_the_gains_of_a_tax_unit,
        leaves_out_a_tax_unit,
        misstates_the_tax_of_the_plan,
    ),
    "estimated_tax_is_possible": (
        estimates_more_tax_than_gain,
        estimates_more_saving_than_loss,
        uses_losses_that_were_not_carried_in,
    ),
    "collectibles_are_taxed_as_such": (
        taxes_metal_like_a_fund,
        says_nothing_of_the_metal,
        sells_what_may_be_metal,
    ),
    "young_losses_are_limited": (takes_a_young_loss_whole, limits_a_loss_by_more_than_was_paid),
    "trading_costs_are_known": (buys_at_a_cost_that_nobody_knows, counts_no_spread),
    "short_term_gains_only_where_allowed": (realizes_a_short_term_gain,),
    "weights_after_sum_to_one": (buys_a_security_whose_classes_do_not_fill_it,),
    "trades_have_a_trigger": (trades_without_a_reason,),
    "settings_are_usable": (has_a_setting_out_of_range, has_no_settings),
    "weights_count_what_the_household_wants": (is_weighed_otherwise_than_it_wants,),
    "rebalance_is_whole": (is_rebalanced_in_part,),
    "household_is_released": (trades_for_a_household_that_waits,),
    "trade_date_follows_as_of_date": (trades_on_the_session_itself, ends_before_it_trades),
    "trades_fit_the_run_mode": (
        trades_though_it_says_no_trade,
        rebalances_on_a_night_for_cash,
        harvests_for_a_household_that_does_not,
    ),
    "trade_ids_are_unique": (states_one_trade_id_twice,),
}


def allows_short_term_gains(case: HouseholdCase) -> None:
    realizes_a_short_term_gain(case)
    case.one("marts.dim_households")["allows_short_term_gains"] = True


def raises_required_cash_from_a_short_term_gain(case: HouseholdCase) -> None:
    realizes_a_short_term_gain(case)
    case.drop_trade(case.trade("T", "buy", "BND"))
    case.one("marts.fct_account_cash", account_id=case.account("T")).update(
        flow_reserve=money(20000), investable=money(-15500)
    )


def leaves_an_overdrawn_account_better_than_it_was(case: HouseholdCase) -> None:
    case.drop_trade(case.trade("T", "buy", "BND"))
    case.one("marts.fct_account_cash", account_id=case.account("T")).update(
        flow_reserve=money(90000), investable=money(-85500)
    )
    _tells_missing_cash(case, "55501")


def trades_the_day_after_its_windows_end(case: HouseholdCase) -> None:
    _window(case, "us-aggregate", no_buy_until_date=AS_OF_DATE)
    _window(case, "crsp-total-market", no_loss_sale_until_date=AS_OF_DATE)


def buys_the_substitute_of_what_it_sells_at_a_loss(case: HouseholdCase) -> None:
    case.drop_trade(case.trade("T", "buy", "BND"))
    case.add_trade("T", "buy", "ITOT", "200")
    case.add_constraint("T", "ITOT", 0)


def sells_a_whole_position_with_its_fraction(case: HouseholdCase) -> None:
    case.add_position("I", "VT", ("FRACTION", "10.375", "2021-05-03", "900"))
    sale = case.add_trade("I", "sell", "VT", "10.375")
    case.add_trade_lot(sale, "FRACTION", "10.375", "long", 900)


def buys_a_fraction_of_a_mutual_fund(case: HouseholdCase) -> None:
    case.drop_trade(case.trade("T", "sell", "VTI"))
    case.drop_trade(case.trade("T", "buy", "BND"))
    case.plan["estimated_tax"] = case.impact["estimated_tax"] = money(0)
    case.settle()
    case.drop_trade(case.trade("I", "buy", "BND"))
    case.add_trade("I", "buy", "VTSAX", "80.25")


def counts_a_lot_as_long_the_day_after_its_anniversary(case: HouseholdCase) -> None:
    for table in ("intermediate.int_lots__identified", "tax.lot_adjustments"):
        case.one(table, lot_id=f"{case.household_id}-OLD")["holding_period_start_date"] = date(
            2025, 11, 19
        )


def sells_parts_of_a_divided_lot(case: HouseholdCase) -> None:
    whole = case.one("tax.lot_adjustments", lot_id=f"{case.household_id}-OLD")
    case.rows["tax.lot_adjustments"].remove(whole)
    for part, quantity, adjustment in (("OLD.1", 20, 60), ("OLD.2", 80, 0)):
        case.add(
            "tax.lot_adjustments",
            whole
            | {
                "lot_id": f"{case.household_id}-{part}",
                "parent_lot_id": whole["lot_id"],
                "quantity": money(quantity),
                "wash_sale_adjustment": money(adjustment),
            },
        )
    case.lot("OLD").update(
        lot_id=f"{case.household_id}-OLD.1", cost_basis=money(2060), realized_gain=money(2940)
    )
    case.settle()


def reduces_a_holding_over_its_limit(case: HouseholdCase) -> None:
    case.add(
        "marts.fct_concentration_limits",
        {
            "household_id": case.household_id,
            "security_id": "VTI",
            "limit_weight": money("0.05"),
            "source": "R5",
        },
    )


def buys_a_fund_of_several_classes(case: HouseholdCase) -> None:
    case.drop_trade(case.trade("T", "buy", "BND"))
    case.add_trade("T", "buy", "VT", "260")
    case.add_constraint("T", "VT", 0)


def is_rebalanced_whole(case: HouseholdCase) -> None:
    _setting(case, "partial_rebalance", "always_whole")


def leaves_what_is_not_checked_outside(case: HouseholdCase) -> None:
    is_rebalanced_in_part(case)
    case.one("marts.fct_household_drift", asset_class="Investment Grade Bonds").update(
        is_check_due=False
    )


def may_be_rebalanced_in_part(case: HouseholdCase) -> None:
    _leaves_bonds_outside(case)


def does_not_trade(case: HouseholdCase) -> None:
    case.rows["rebalance.trades"].clear()
    case.rows["rebalance.trade_lots"].clear()
    case.rows["rebalance.tax_impact"].clear()
    case.plan.update(
        run_mode="no_trade",
        plan_status="no_trade",
        transaction_cost=money(0),
        estimated_tax=money(0),
    )
    case.one("marts.fct_drift_summary").update(is_rebalance_due=False, trigger_reasons=None)


def harvests_losses_without_a_breach(case: HouseholdCase) -> None:
    case.one("marts.fct_drift_summary").update(is_rebalance_due=False, trigger_reasons=None)
    _is_a_harvest(case)


def taxes_metal_at_28_percent(case: HouseholdCase) -> None:
    _sells_metal(case, "GLD", tax=2800)


def limits_a_young_loss_by_what_was_paid(case: HouseholdCase) -> None:
    _was_paid(case, "exempt_interest", "300")
    _was_paid(case, "long_term_gain", "400")
    _limits_the_loss(case, long="400", disallowed="300")


SOUND: tuple[Change, ...] = (
    tells_what_is_missing,
    is_rebalanced_whole,
    leaves_what_is_not_checked_outside,
    may_be_rebalanced_in_part,
    limits_a_young_loss_by_what_was_paid,
    taxes_metal_at_28_percent,
    allows_short_term_gains,
    raises_required_cash_from_a_short_term_gain,
    leaves_an_overdrawn_account_better_than_it_was,
    trades_the_day_after_its_windows_end,
    buys_the_substitute_of_what_it_sells_at_a_loss,
    sells_a_whole_position_with_its_fraction,
    buys_a_fraction_of_a_mutual_fund,
    counts_a_lot_as_long_the_day_after_its_anniversary,
    sells_parts_of_a_divided_lot,
    reduces_a_holding_over_its_limit,
    buys_a_fund_of_several_classes,
    does_not_trade,
    harvests_losses_without_a_breach,
)


def _cases() -> list[HouseholdCase]:
    cases = [sound_household("SOUND")]
    changes = [change for group in BROKEN.values() for change in group] + list(SOUND)
    for change in changes:
        case = sound_household(change.__name__)
        change(case)
        cases.append(case)
    unplanned = sound_household("UNPLANNED")
    waiting = sound_household("WAITING")
    trades_for_a_household_that_waits(waiting)
    waiting.one("marts.fct_account_cash", account_id="WAITING-I")["investable"] = money(-1250)
    for case in (unplanned, waiting):
        for table in list(case.rows):
            if table.startswith("rebalance."):
                del case.rows[table]
        cases.append(case)
    return cases


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plan") / "warehouse.duckdb"
    create_plan_warehouse(path)
    write_rows(path, _cases())
    run_dbt(path, "seed", "--select", *SEEDS_READ_BY_THE_PLAN_PASS)
    run_dbt(path, "build", "--select", "tag:plan", "--exclude-resource-type", "unit_test")
    return path


@pytest.fixture(scope="module")
def plans(warehouse: Path) -> dict[str, tuple[Any, ...]]:
    rows = query(
        warehouse,
        """
        select
            household_id, plan_status, coalesce(failed_checks, ''), explanation, estimated_tax,
            transaction_cost, tracking_error_after
        from marts.fct_rebalance_plans
        """,
    )
    return {row[0]: row[1:] for row in rows}


@pytest.mark.parametrize(
    ("check_name", "change"),
    [(name, change) for name, group in BROKEN.items() for change in group],
    ids=lambda given: given if isinstance(given, str) else given.__name__,
)
def test_a_plan_that_breaks_a_rule_is_withheld_by_its_name(
    warehouse: Path, plans: dict[str, tuple[Any, ...]], check_name: str, change: Change
) -> None:
    household = change.__name__
    status, failed, explanation, tax, cost, tracking_error = plans[household]
    assert (status, failed) == ("withheld", check_name)
    assert check_name in explanation
    assert (tax, cost, tracking_error) == (None, None, None)
    for mart in ("fct_recommended_trades", "fct_trade_lots", "fct_tax_impact"):
        found = query(
            warehouse, f"select count(*) from marts.{mart} where household_id = ?", household
        )
        assert found == [(0,)], mart
    moved = query(
        warehouse,
        """
        select count(*) from marts.fct_allocation_comparison
        where household_id = ? and post_trade_weight <> pre_trade_weight
        """,
        household,
    )
    assert moved == [(0,)]
    said = query(
        warehouse,
        """
        select subject, rationale from marts.fct_trade_exceptions
        where household_id = ? and reason_code = 'withheld'
        """,
        household,
    )
    assert [subject for subject, _ in said] == [check_name]
    assert "Found: " in said[0][1]


@pytest.mark.parametrize("household", ["SOUND", *(change.__name__ for change in SOUND)])
def test_a_plan_that_keeps_every_rule_stands(
    warehouse: Path, plans: dict[str, tuple[Any, ...]], household: str
) -> None:
    status, failed, _, _, _, _ = plans[household]
    assert (status, failed) == ("no_trade" if household == "does_not_trade" else "proposed", "")
    written, verified = (
        query(warehouse, f"select count(*) from {table} where household_id = ?", household)
        for table in ("rebalance.trades", "marts.fct_recommended_trades")
    )
    assert written == verified


def test_every_rule_is_held_against_every_plan(warehouse: Path) -> None:
    rows = query(
        warehouse,
        """
        select check_name, count(*), count(distinct household_id), any_value(requirement)
        from marts.fct_compliance_checks group by check_name
        """,
    )
    plan_count = query(warehouse, "select count(*) from rebalance.plans")[0][0]
    assert {row[0] for row in rows} == {*BROKEN, "long_term_gains_only_where_allowed"}
    assert {row[1:3] for row in rows} == {(plan_count, plan_count)}
    assert all("not in the list" not in row[3] for row in rows)


def test_after_weights_follow_from_the_trades_by_class(warehouse: Path) -> None:
    rows = query(
        warehouse,
        """
        select asset_class, post_trade_value, post_trade_weight, is_within_band_after
        from marts.fct_allocation_comparison
        where household_id = 'buys_a_fund_of_several_classes' order by asset_class
        """,
    )
    base = Decimal(232000 - 4)
    # 260 VT at $110 are $28,600: 60% US large cap, 30% developed, 10% emerging markets.
    expected = {
        "Cash": Decimal(7000) + 10000 - 9800 + 30000 - 28600 - 4,
        "Emerging Markets": Decimal("2860"),
        "International Developed": Decimal("8580"),
        "Investment Grade Bonds": Decimal(70000) + 9800,
        "US Large Cap Equity": Decimal(155000) - 40000 + 17160,
    }
    assert {row[0]: row[1] for row in rows} == expected
    for asset_class, value, weight, is_within_band in rows:
        assert abs(weight - value / base) < Decimal("1E-9")
        assert is_within_band == (asset_class == "Cash")
    assert abs(sum(row[2] for row in rows) - 1) < Decimal("1E-9")


def test_parts_of_a_lot_add_up_to_it_exactly(warehouse: Path) -> None:
    lots = query(
        warehouse,
        """
        select
            lot_id, quantity, custodian_cost_basis, wash_sale_adjustment, cost_basis, market_value
        from marts.fct_tax_lots
        where parent_lot_id = 'sells_parts_of_a_divided_lot-OLD' order by lot_id
        """,
    )
    assert [tuple(map(Decimal, row[1:])) for row in lots] == [
        (Decimal(20), Decimal(2000), Decimal(60), Decimal(2060), Decimal(5000)),
        (Decimal(80), Decimal(8000), Decimal(0), Decimal(8000), Decimal(20000)),
    ]


def test_a_household_without_a_plan_says_why(
    warehouse: Path, plans: dict[str, tuple[Any, ...]]
) -> None:
    assert plans["UNPLANNED"][0] == "withheld"
    assert "returned no plan" in plans["UNPLANNED"][2]
    assert plans["WAITING"][0] == "waiting_for_feed"
    assert plans["WAITING"][2] == "The file of ALPINE is missing."
    said = query(
        warehouse,
        """
        select household_id, reason_code, amount from marts.fct_trade_exceptions
        where household_id in ('UNPLANNED', 'WAITING') order by all
        """,
    )
    assert said == [
        ("UNPLANNED", "no_plan", None),
        ("WAITING", "cash_shortfall", Decimal(1250)),
        ("WAITING", "waiting_for_feed", None),
    ]


def test_current_views_show_the_newest_published_night(warehouse: Path) -> None:
    import duckdb

    marts = {
        file.stem
        for folder in ("marts", "plan/marts")
        for file in (DBT_PROJECT / "models" / folder).glob("*.sql")
    }
    views = {
        name.removesuffix("_current")
        for (name,) in query(
            warehouse,
            "select view_name from duckdb_views() where schema_name = 'marts' and not internal",
        )
    }
    assert views == marts | {"published_night"}
    assert query(warehouse, "select count(*) from marts.fct_rebalance_plans_current") == [(0,)]
    with duckdb.connect(str(warehouse)) as connection:
        insert_rows(
            connection,
            "ops.nights",
            [
                {"as_of_date": date(2026, 11, 18), "version": 1, "state": "complete"},
                {"as_of_date": AS_OF_DATE, "version": 1, "state": "failed"},
                {"as_of_date": AS_OF_DATE, "version": 2, "state": "degraded"},
                {"as_of_date": TRADE_DATE, "version": 1, "state": "complete"},
                {"as_of_date": TRADE_DATE, "version": 2, "state": "failed"},
            ],
        )
    current, stored = (
        query(warehouse, f"select count(*) from marts.{name}")
        for name in ("fct_rebalance_plans_current", "fct_rebalance_plans")
    )
    assert current == stored
    assert query(warehouse, "select as_of_date, version from marts.published_night_current") == [
        (AS_OF_DATE, 2)
    ]


# What the project's own check of the lot instructions must find, by what was changed; nothing where
# the change is right.
_SOLD = "action = 'sell' and account_id = 'SOUND-T'"
LOT_INSTRUCTIONS: dict[str, tuple[str, set[str]]] = {
    "not said": (
        "lot_instruction = null, lot_instruction_text = null, lots_named_by_date = null",
        {"a taxable sale says what becomes of its lots, and nothing else does"},
    ),
    "too late": (
        "lots_named_by_date = date '2026-11-30'",
        {"named lots are named by the settlement date, and only they"},
    ),
    "no last day": (
        "lots_named_by_date = null",
        {"named lots are named by the settlement date, and only they"},
    ),
    "another method": (
        "standing_lot_method = 'HIFO'",
        {"the standing method is the custodian's"},
    ),
    "other shares": (
        "quantity = quantity + 1",
        {"the lots hold the shares of the sale"},
    ),
    "left to a method that is not known": (
        "lot_instruction = 'standing_method', lots_named_by_date = null",
        {"the standing method delivers the lots of the sale"},
    ),
}
LEFT_TO_A_METHOD = {
    # The dearest lot and a part of the second dearest, of which neither is the oldest.
    "FIFO": {"the standing method delivers the lots of the sale"},
    "LOFO": {"the standing method delivers the lots of the sale"},
    "HIFO": set(),
}


def test_lot_instructions_are_tied_to_the_lots_and_the_custodians_method(
    warehouse: Path, tmp_path: Path
) -> None:
    path = tmp_path / "warehouse.duckdb"
    shutil.copy(warehouse, path)
    run_dbt(path, "compile", "--select", "plan_assert_lots_can_be_named")
    (compiled,) = (tmp_path / "dbt_target").rglob("plan_assert_lots_can_be_named.sql")
    check = compiled.read_text(encoding="utf-8")
    with duckdb.connect(str(path)) as connection:
        assert connection.execute(check).fetchall() == []

        def found(*changes: str) -> set[str]:
            connection.execute("begin")
            for change in changes:
                connection.execute(change)
            rows = connection.execute(check).fetchall()
            connection.execute("rollback")
            return {broken for _, broken in rows}

        trades = "update marts.fct_recommended_trades set"
        for name, (change, broken) in LOT_INSTRUCTIONS.items():
            assert found(f"{trades} {change} where {_SOLD}") == broken, name
        second = "update marts.fct_trade_lots set lot_id = 'SOUND-MID' where lot_id = 'SOUND-OLD'"
        for method, broken in LEFT_TO_A_METHOD.items():
            assert (
                found(
                    second,
                    f"{trades} standing_lot_method = '{method}', lot_instruction = "
                    f"'standing_method', lots_named_by_date = null where {_SOLD}",
                    f"update marts.dim_accounts set custodian_lot_method = '{method}' "
                    "where account_id = 'SOUND-T'",
                )
                == broken
            ), method
        assert found(
            f"{trades} lot_instruction = 'standing_method', lot_instruction_text = 'x' "
            "where action = 'buy'"
        ) == {"a taxable sale says what becomes of its lots, and nothing else does"}
