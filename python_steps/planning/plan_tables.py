"""Plans as tables: the Arrow schemas of `rebalance.*` and the ids that make plans repeatable.

Belongs here: schemas, deterministic ids, the hash of a household's inputs, rendering. Does not
belong here: anything that changes a number. An id depends on content only: the same inputs give
the same plan and trade ids on every machine, other inputs another plan.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from python_steps.frames import MONEY, QUANTITY, table_from_records
from python_steps.planning.household import Household
from python_steps.planning.plan import (
    Alternative,
    FrontierPoint,
    HouseholdPlan,
    Optimality,
    PlanValue,
    TaxImpact,
    Trade,
    TradeException,
    TradeLot,
)
from python_steps.planning.wealth_paths import YEARS
from python_steps.policy import FirmPolicy

# Part of every plan's identity. Raise it whenever the planners can make another plan of the same
# inputs, so that what was approved under an earlier plan never stands for a later one. 1: the
# optimiser; 2: trades chosen together, other paths beside the plan; 3: a household's own settings,
# weights after tax, classes that are not checked tonight, unknown places without a price.
METHOD_VERSION = 3
METHOD = f"optimizer-{METHOD_VERSION}"
FIRST_VERSION = 1

_KEYS = [("as_of_date", pa.date32()), ("plan_id", pa.string()), ("household_id", pa.string())]


def _schema(*columns: tuple[str, pa.DataType]) -> pa.Schema:
    return pa.schema([*_KEYS, *columns])


SCHEMAS: Mapping[str, pa.Schema] = {
    "plans": _schema(
        ("version", pa.int32()),
        ("input_hash", pa.string()),
        ("planned_trade_date", pa.date32()),
        ("valid_until_date", pa.date32()),
        ("run_mode", pa.string()),
        ("plan_status", pa.string()),
        ("solver_status", pa.string()),
        ("planner", pa.string()),
        ("objective_value", MONEY),
        ("waterfall_objective_value", MONEY),
        ("optimality_gap", MONEY),
        ("search_gap", MONEY),
        ("objective_lower_bound", MONEY),
        ("ladder_stage", pa.string()),
        ("waterfall_estimated_tax", MONEY),
        ("estimated_tax", MONEY),
        ("transaction_cost", MONEY),
        ("tracking_error_before", pa.float64()),
        ("tracking_error_after", pa.float64()),
        ("breakeven_years", pa.float64()),
        ("explanation", pa.string()),
    ),
    "trades": _schema(
        ("trade_id", pa.string()),
        ("account_id", pa.string()),
        ("action", pa.string()),
        ("security_id", pa.string()),
        ("quantity", QUANTITY),
        ("price", QUANTITY),
        ("notional", MONEY),
        ("reason_code", pa.string()),
        ("rationale", pa.string()),
        ("tax_character", pa.string()),
        ("realized_short_term_gain", MONEY),
        ("realized_short_term_loss", MONEY),
        ("realized_long_term_gain", MONEY),
        ("realized_long_term_loss", MONEY),
        ("tax_cost", MONEY),
        ("commission", MONEY),
        ("spread_cost", MONEY),
        ("market_impact", MONEY),
        ("order_type", pa.string()),
        ("limit_price", QUANTITY),
        ("trade_sequence", pa.int32()),
        ("asset_class", pa.string()),
        ("standing_lot_method", pa.string()),
        ("lot_instruction", pa.string()),
        ("lot_instruction_text", pa.string()),
        ("lots_named_by_date", pa.date32()),
        ("value_of_trade", MONEY),
        ("worth_in_plan", MONEY),
        ("marginal_worth", MONEY),
    ),
    "trade_rationale": _schema(
        ("trade_id", pa.string()),
        ("account_id", pa.string()),
        ("security_id", pa.string()),
        ("component", pa.string()),
        ("subject", pa.string()),
        ("dollars", MONEY),
        ("marginal_dollars", MONEY),
    ),
    "trade_lots": _schema(
        ("trade_id", pa.string()),
        ("lot_id", pa.string()),
        ("account_id", pa.string()),
        ("security_id", pa.string()),
        ("quantity", QUANTITY),
        ("acquisition_date", pa.date32()),
        ("holding_period_start_date", pa.date32()),
        ("term", pa.string()),
        ("proceeds", MONEY),
        ("cost_basis", MONEY),
        ("realized_gain", MONEY),
        ("tax_cost", MONEY),
        ("recharacterized_loss", MONEY),
        ("disallowed_loss", MONEY),
    ),
    "tax_impact": _schema(
        ("tax_unit_id", pa.string()),
        ("tax_year", pa.int32()),
        ("realized_short_term_gain", MONEY),
        ("realized_short_term_loss", MONEY),
        ("realized_long_term_gain", MONEY),
        ("realized_long_term_loss", MONEY),
        ("carryforward_used", MONEY),
        ("estimated_tax", MONEY),
        ("harvested_loss", MONEY),
        ("tax_saved_vs_waterfall", MONEY),
        ("wash_sale_exposure", MONEY),
        ("realized_collectibles_gain", MONEY),
        ("realized_collectibles_loss", MONEY),
    ),
    "plan_values": _schema(
        ("term", pa.string()),
        ("amount", MONEY),
        ("waterfall_amount", MONEY),
    ),
    "tax_budget_frontier": _schema(
        ("point", pa.int32()),
        ("tax_budget", MONEY),
        ("estimated_tax", MONEY),
        ("drift_outside_bands", MONEY),
        ("tracking_error", pa.float64()),
        ("transaction_cost", MONEY),
    ),
    "alternatives": _schema(
        ("alternative", pa.string()),
        ("same_as", pa.string()),
        ("end_date", pa.date32()),
        ("trade_count", pa.int32()),
        ("breach_count", pa.int32()),
        ("drift_outside_bands", MONEY),
        ("largest_drift", pa.float64()),
        ("tracking_error", pa.float64()),
        ("estimated_tax", MONEY),
        ("transaction_cost", MONEY),
        ("waiting_cost", MONEY),
        ("objective_value", MONEY),
        ("optimality_gap", MONEY),
        ("breakeven_years", pa.float64()),
        *(
            (f"{kind}_wealth_{years}y", MONEY)
            for years in YEARS
            for kind in ("pre_tax", "after_tax")
        ),
        ("is_recommended", pa.bool_()),
        ("verdict", pa.string()),
    ),
    "untraded": _schema(
        ("account_id", pa.string()),
        ("security_id", pa.string()),
        ("asset_class", pa.string()),
        ("action", pa.string()),
        ("reason_code", pa.string()),
        ("amount", MONEY),
        ("reduced_cost_cents", pa.float64()),
        ("trade_price", QUANTITY),
        ("long_term_date", pa.date32()),
        ("waiting_saves", MONEY),
        ("rationale", pa.string()),
    ),
    "exceptions": _schema(
        ("subject", pa.string()),
        ("reason_code", pa.string()),
        ("rationale", pa.string()),
        ("account_id", pa.string()),
        ("security_id", pa.string()),
        ("asset_class", pa.string()),
        ("amount", MONEY),
    ),
}


@dataclass(frozen=True, slots=True)
class PlanKey:
    """What identifies a plan beside its content."""

    household_id: str
    as_of_date: date
    planned_trade_date: date
    valid_until_date: date
    input_hash: str

    @property
    def plan_id(self) -> str:
        """The prefix P- and 20 hex digits of household, date and inputs."""
        text = f"{self.household_id}|{self.as_of_date.isoformat()}|{self.input_hash}"
        return "P-" + _hex(text)[:20]


def input_hash(
    household: Household, policy: FirmPolicy, book_wide: str, valid_until_date: date
) -> str:
    """Hash of everything a household's plan depends on.

    Args:
        household: the problem, already in canonical order.
        policy: the household's settings; where alerts go, and which file states a setting, is none
            of a plan's business.
        book_wide: hash of the book-wide assumptions and rates (`book_wide_hash`).
        valid_until_date: last day on which the plan may be approved.
    """
    settings = {
        name: value
        for name, value in asdict(policy).items()
        if "alert" not in name and name != "stated"
    }
    parts = (METHOD, repr(household), repr(settings), book_wide, valid_until_date.isoformat())
    return _hex("\n".join(parts))


def book_wide_hash(parts: Iterable[object]) -> str:
    """Hash of book-wide inputs, each given as a value whose text is canonical."""
    return _hex("\n".join(repr(part) for part in parts))


def trade_id(plan_id: str, trade: Trade) -> str:
    """The prefix T- and 20 hex digits of plan, account, action and security."""
    text = f"{plan_id}|{trade.account_id}|{trade.action}|{trade.security_id}"
    return "T-" + _hex(text)[:20]


def plan_tables(plans: Iterable[tuple[PlanKey, HouseholdPlan]]) -> dict[str, pa.Table]:
    """Plans as the tables of `rebalance.*`, each in its declared schema."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in SCHEMAS}
    for key, plan in plans:
        head = {
            "as_of_date": key.as_of_date,
            "plan_id": key.plan_id,
            "household_id": key.household_id,
        }
        rows["plans"].append({**head, **_plan_row(key, plan)})
        for trade in plan.trades:
            identity = trade_id(key.plan_id, trade)
            place = (trade.account_id, trade.security_id)
            components = _known(plan).rationales.get(place)
            rows["trades"].append(
                {
                    **head,
                    "trade_id": identity,
                    **_trade_row(trade),
                    "value_of_trade": _known(plan).trade_values.get(place),
                    "worth_in_plan": None
                    if components is None
                    else sum((each.dollars for each in components), Decimal(0)),
                    "marginal_worth": None
                    if components is None
                    else sum((each.margin for each in components), Decimal(0)),
                }
            )
            rows["trade_rationale"] += [
                {
                    **head,
                    "trade_id": identity,
                    "account_id": trade.account_id,
                    "security_id": trade.security_id,
                    "component": component.component,
                    "subject": component.subject,
                    "dollars": component.dollars,
                    "marginal_dollars": component.margin,
                }
                for component in components or ()
            ]
            rows["trade_lots"] += [
                {
                    **head,
                    "trade_id": identity,
                    "account_id": trade.account_id,
                    "security_id": trade.security_id,
                    **_fields(lot),
                }
                for lot in trade.lots
            ]
        rows["tax_impact"] += [
            {**head, **_fields(impact), "tax_saved_vs_waterfall": _tax_saved(plan, impact)}
            for impact in plan.tax_impacts
        ]
        rows["plan_values"] += [{**head, **row} for row in _value_rows(plan)]
        rows["tax_budget_frontier"] += [
            {**head, "point": number, **_fields(point)}
            for number, point in enumerate(_known(plan).frontier, start=1)
        ]
        rows["alternatives"] += [{**head, **_alternative_row(each)} for each in plan.alternatives]
        rows["untraded"] += [{**head, **each._asdict()} for each in plan.untraded]
        rows["exceptions"] += [{**head, **_fields(row)} for row in plan.exceptions]
    return {name: table_from_records(rows[name], schema) for name, schema in SCHEMAS.items()}


_NOT_OPTIMISED = Optimality("waterfall", "not_run")


def _known(plan: HouseholdPlan) -> Optimality:
    """How the plan was found; a plan that says nothing is the waterfall's."""
    return _NOT_OPTIMISED if plan.optimality is None else plan.optimality


def _tax_saved(plan: HouseholdPlan, impact: TaxImpact) -> Decimal | None:
    """Tax of the unit under the baseline less its tax under the plan; None where one is unknown.

    A unit in which the baseline sells nothing pays no more under it.
    """
    if plan.optimality is None or plan.optimality.baseline is None or impact.estimated_tax is None:
        return None
    baseline = plan.optimality.baseline_taxes.get(impact.tax_unit_id, Decimal(0))
    return None if baseline is None else baseline - impact.estimated_tax


def _value_rows(plan: HouseholdPlan) -> list[dict[str, Any]]:
    """The objective term by term, the plan's beside the baseline's."""
    if plan.value is None:
        return []
    baseline = _known(plan).baseline
    return [
        {
            "term": term.name,
            "amount": getattr(plan.value, term.name),
            "waterfall_amount": None if baseline is None else getattr(baseline, term.name),
        }
        for term in fields(PlanValue)
    ]


def _plan_row(key: PlanKey, plan: HouseholdPlan) -> dict[str, Any]:
    objective = None if plan.value is None else plan.value.total
    known = _known(plan)
    baseline = plan.value if known.baseline is None else known.baseline
    return {
        "version": FIRST_VERSION,
        "input_hash": key.input_hash,
        "planned_trade_date": key.planned_trade_date,
        "valid_until_date": key.valid_until_date,
        "run_mode": plan.run_mode,
        "plan_status": plan.plan_status,
        "solver_status": known.solver_status,
        "planner": known.planner,
        "objective_value": objective,
        "waterfall_objective_value": None if baseline is None else baseline.total,
        "optimality_gap": known.optimality_gap,
        "search_gap": known.search_gap,
        "objective_lower_bound": known.lower_bound,
        "ladder_stage": known.stage,
        "waterfall_estimated_tax": None if baseline is None else baseline.tax_change,
        "estimated_tax": plan.estimated_tax,
        "transaction_cost": plan.transaction_cost,
        "tracking_error_before": plan.tracking_error_before,
        "tracking_error_after": plan.tracking_error_after,
        "breakeven_years": plan.breakeven_years,
        "explanation": plan.explanation,
    }


def _alternative_row(each: Alternative) -> dict[str, Any]:
    """A path, with the wealth of each year in a column of its own; null where it is not known."""
    row = {field.name: getattr(each, field.name) for field in fields(each)}
    del row["wealth"]
    known = {wealth.years: wealth for wealth in each.wealth}
    for years in YEARS:
        wealth = known.get(years)
        row[f"pre_tax_wealth_{years}y"] = None if wealth is None else wealth.pre_tax
        row[f"after_tax_wealth_{years}y"] = None if wealth is None else wealth.after_tax
    row["alternative"] = row.pop("name")
    row["largest_drift"] = float(each.largest_drift)
    return row


def _trade_row(trade: Trade) -> dict[str, Any]:
    row = _fields(trade)
    del row["lots"]
    told = row.pop("lot_instruction")
    return {
        **row,
        "standing_lot_method": None if told is None else told.standing_method,
        "lot_instruction": None if told is None else told.kind,
        "lot_instruction_text": None if told is None else told.words,
        "lots_named_by_date": None if told is None else told.named_by,
    }


def _fields(value: TradeLot | TaxImpact | TradeException | Trade | FrontierPoint) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _hex(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
