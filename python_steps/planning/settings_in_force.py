"""What a household's own settings keep a night from doing, in words.

Belongs here: targets that are not checked or not due tonight, a better location that cannot be
priced, a rebalance that is whole or none. Does not belong here: the settings' values (the book
resolves them), any trade. A setting never makes a fact disappear: what it leaves is an exception.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from python_steps.planning.book_tables import Row
from python_steps.planning.evaluation import is_outside_band
from python_steps.planning.household import (
    CASH,
    TAX_FREE,
    UNMAPPED,
    AllocationGroup,
    Household,
    HouseholdIndex,
    MarketAssumptions,
)
from python_steps.planning.ledger import starting_class_values
from python_steps.planning.plan import REBALANCE_MODE, HouseholdPlan, Trade, TradeException
from python_steps.planning.tax_effect import TaxEffect
from python_steps.planning.wording import percent
from python_steps.policy import FirmPolicy

NOTHING = Decimal(0)
CENT = Decimal("0.01")
ALWAYS_WHOLE = "always_whole"
CALENDAR = "calendar"
# Statuses of a plan without trades whose explanation speaks of the drift.
_SPEAKS_OF_DRIFT = ("no_trade", "partial")


def left_alone(rows: dict[str, list[Row]]) -> list[TradeException]:
    """Targets outside their band that the household's settings leave alone tonight.

    Args:
        rows: the household's rows of the drift marts.
    """
    groups = {row["allocation_group_id"]: row for row in rows["fct_drift_summary"]}
    found = []
    for row in (*rows["fct_household_drift"], *rows["fct_target_drift"]):
        group = groups.get(row["allocation_group_id"])
        why = None if group is None or not row["is_breach"] else _why_left_alone(row, group)
        if why is not None:
            found.append(_left_alone(row, why, len(groups) > 1))
    return sorted(found, key=lambda each: each.subject)


def _why_left_alone(row: Row, group: Row) -> str | None:
    if not row["is_check_due"]:
        return (
            f"It is checked {row['check_frequency']}, next on "
            f"{row['next_check_date'].isoformat()}: until then nothing is traded for its sake."
        )
    if group["rebalance_trigger"] == CALENDAR and not group["is_rebalance_due"]:
        review = group["next_review_date"]
        when = "and no review is set" if review is None else f"next on {review.isoformat()}"
        return f"The household is rebalanced at its reviews only, {when}."
    return None


def _left_alone(row: Row, why: str, names_group: bool) -> TradeException:
    name = str(row.get("target_key") or row["asset_class"])
    subject = f"{name} ({row['allocation_group_id']})" if names_group else name
    band = f"{percent(row['lower_band_weight'])} to {percent(row['upper_band_weight'])}"
    return TradeException(
        subject=f"{subject}, not due",
        reason_code="deferred",
        rationale=(
            f"{name} stands at {percent(row['actual_weight'])}, outside its band of {band}. {why}"
        ),
        asset_class=row["asset_class"],
        security_id=row.get("security_id"),
    )


def location_gap(
    index: HouseholdIndex, assumptions: MarketAssumptions, tax: TaxEffect
) -> TradeException | None:
    """Why a better location cannot be priced in a household, None where it can.

    A place that costs nothing because nobody has said what it costs would look like the best one.
    """
    classes = sorted(_traded_classes(index) - set(assumptions.income))
    if classes:
        return _gap(f"nobody has stated what {_listed(classes)} brings a year", "excluded")
    units = sorted(
        {
            account.tax_unit_id or account.account_name
            for account in index.household.accounts
            if account.block is None
            and account.tax_treatment != TAX_FREE
            and not _has_rates(index, tax, account.tax_unit_id)
        }
    )
    if units:
        return _gap(f"the tax rates of {_listed(units)} are not known", "rates_missing")
    return None


def _traded_classes(index: HouseholdIndex) -> set[str]:
    traded = {option.security_id for option in index.household.buy_options}
    traded |= {
        position.security_id for position in index.household.positions if position.block is None
    }
    if not traded:
        return set()
    names = {name for each in traded for name, _ in index.securities[each].class_weights}
    return (names - {UNMAPPED}) | {CASH}


def _has_rates(index: HouseholdIndex, tax: TaxEffect, tax_unit_id: str) -> bool:
    unit = index.tax_units.get(tax_unit_id)
    return (
        unit is not None
        and unit.marginal_ordinary_rate is not None
        and tax.marginal_rates(tax_unit_id) is not None
        and tax.has_rates(tax_unit_id)
    )


def _gap(why: str, code: str) -> TradeException:
    return TradeException(
        subject="Asset location",
        reason_code=code,
        rationale=(
            f"Which account suits a class best is not priced tonight: {why}. The plan neither "
            "gains nor loses by where it places anything."
        ),
    )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def without_partial_rebalance(
    household: Household, policy: FirmPolicy, plan: HouseholdPlan
) -> tuple[Household, TradeException] | None:
    """The household with the groups not due that a plan would leave outside their bands.

    Returns:
        That household and the exception that says so; None where the policy allows a part, or the
        plan is whole.
    """
    if policy.partial_rebalance != ALWAYS_WHOLE or plan.run_mode != REBALANCE_MODE:
        return None
    index = HouseholdIndex(household)
    left = {
        group.allocation_group_id: names
        for group in household.groups
        if group.is_rebalance_due and (names := _left_outside(index, group, plan.trades))
    }
    if not left or not plan.trades:
        return None
    groups = tuple(
        replace(group, is_rebalance_due=False) if group.allocation_group_id in left else group
        for group in household.groups
    )
    names = sorted({name for found in left.values() for name in found})
    told = TradeException(
        subject="Whole rebalance",
        reason_code="deferred",
        rationale=(
            f"A rebalance would leave {_listed(names)} outside "
            f"{'its band' if len(names) == 1 else 'their bands'}. The household is rebalanced "
            "whole or not at all, so nothing is traded for its drift; cash that is due is raised "
            "all the same."
        ),
    )
    return replace(household, groups=groups), told


def _left_outside(
    index: HouseholdIndex, group: AllocationGroup, trades: Iterable[Trade]
) -> list[str]:
    """Classes outside their band after the trades; one that a flow in sight cures is none."""
    values = starting_class_values(index, group)
    for trade in trades:
        account = index.accounts[trade.account_id]
        if index.group_of(trade.account_id) is not group:
            continue
        moved = trade.notional if trade.action == "buy" else -trade.notional
        for name, weight in index.securities[trade.security_id].class_weights:
            values[name] = values.get(name, NOTHING) + account.weighed(moved) * weight
        values[CASH] = values.get(CASH, NOTHING) - account.weighed(moved + trade.cost)
    total = sum(values.values(), NOTHING)
    return [
        row.asset_class
        for row in group.classes
        if is_outside_band(row, values.get(row.asset_class, NOTHING), total)
        and (row.is_breach_projected or not row.is_breach)
    ]


def with_settings_told(plan: HouseholdPlan, told: Sequence[TradeException]) -> HouseholdPlan:
    """The plan with what the household's settings kept it from; its explanation claims no more."""
    if not told:
        return plan
    explanation = plan.explanation
    # Other rows tell what is not priced; only what is put off kept the plan from anything.
    is_put_off = any(row.reason_code == "deferred" for row in told)
    if is_put_off and not plan.trades and plan.plan_status in _SPEAKS_OF_DRIFT:
        explanation = (
            "Nothing more is due tonight under the household's own settings: see the exceptions."
        )
    return replace(plan, explanation=explanation, exceptions=(*plan.exceptions, *told))
