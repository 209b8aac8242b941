"""What the rules of the book found, as asset checks: one check for each rule of the catalogue.

Belongs here: how results become checks. Does not belong here: any rule (they are SQL of the book
pass, and the contracts of the feeds, whose checks stand beside the feeds' assets) or any stop: a
rule that is broken has quarantined what it is about, the rest of the book goes on.
"""

import csv
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from typing import Any

import dagster as dg

from orchestration.calendar import session_partitions
from orchestration.home import DBT_PROJECT_FOLDER
from orchestration.names import GROUP_OPS, OWNER_OPERATIONS, WAREHOUSE_POOL
from orchestration.resources import HomeResource
from orchestration.warehouse import Warehouse

RULES = dg.AssetKey(["ops", "data_quality_rules"])
RESULTS = dg.AssetKey(["marts", "fct_data_quality_results"])
# Rules of the feeds' contracts are many and change with the contracts: they share one check.
CONTRACT_RULES = "rules_of_contracts_are_met"
MOST_MESSAGES = 10


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """The rules of the book by name, as their seed lists them."""
    path = DBT_PROJECT_FOLDER / "seeds" / "seed_data_quality_rules.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return {row["rule"]: row for row in csv.DictReader(file)}


def _check_specs() -> list[dg.AssetCheckSpec]:
    specs = [
        dg.AssetCheckSpec(name, asset=RULES, description=_description(rule))
        for name, rule in catalogue().items()
    ]
    return [
        *specs,
        dg.AssetCheckSpec(
            CONTRACT_RULES,
            asset=RULES,
            description="No row breaks a rule of its feed's contract; see the checks of the feeds.",
        ),
    ]


def _description(rule: Mapping[str, str]) -> str:
    expected = rule["expected"]
    tolerance = f" Tolerance: {rule['tolerance']}." if rule["tolerance"] else ""
    return (
        f"{expected[0].upper()}{expected[1:]}. Severity {rule['severity']}, "
        f"scope {rule['scope']}.{tolerance}"
    )


def read_results(warehouse: Warehouse, as_of_date: date) -> list[dict[str, Any]]:
    """What each rule found on a session.

    Args:
        warehouse: with the results of the session.
        as_of_date: the session.

    Returns:
        Per rule: severity, whether it could be asked anywhere, of which custodians it could not
        and why, how many violations there are, how many of them stop nothing and how many people
        have accepted, households touched and the first messages.
    """
    rows: list[dict[str, Any]] = warehouse.read(
        f"""
        select
            rule,
            min(severity) as severity,
            bool_or(is_passed is not null) as is_evaluated,
            coalesce(
                list(custodian order by custodian) filter (where is_passed is null), []
            ) as custodians_not_asked,
            coalesce(
                list(message order by message) filter (where is_passed is null), []
            ) as reasons_not_asked,
            count(*) filter (where not is_passed) as violations,
            count(*) filter (where not is_passed and severity = 'info') as told_only,
            count(*) filter (where not is_passed and override_id is not null) as accepted,
            count(distinct household_id) filter (where not is_passed) as households,
            coalesce(
                list(message order by message) filter (where not is_passed), []
            )[1:{MOST_MESSAGES}] as messages
        from marts.fct_data_quality_results
        where as_of_date = $1
        group by rule
        order by rule
        """,
        [as_of_date],
    ).to_pylist()
    return rows


def check_results(rows: list[dict[str, Any]]) -> list[dg.AssetCheckResult]:
    """Results as checks: one passes only if it could be asked and nothing that stops was found.

    A rule that could be asked of no custodian has none, as that is not the same as passed; one that
    could be asked of some tells of which it could not.

    Args:
        rows: of `read_results`.
    """
    rules = catalogue()
    results = [
        dg.AssetCheckResult(
            check_name=row["rule"],
            asset_key=RULES,
            # What stops nothing, and what a person has accepted, is told and does not fail.
            passed=row["violations"] == row["told_only"],
            severity=_severity(rules[row["rule"]]["severity"]),
            metadata={
                "severity": rules[row["rule"]]["severity"],
                "violations": row["violations"],
                "accepted": row["accepted"],
                "households": row["households"],
                "custodians_not_asked": len(row["custodians_not_asked"]),
                "not_asked": _listed(row["reasons_not_asked"]),
                "messages": _listed(row["messages"]),
            },
        )
        for row in rows
        if row["rule"] in rules and row["is_evaluated"]
    ]
    of_contracts = [row for row in rows if row["rule"] not in rules]
    results.append(
        dg.AssetCheckResult(
            check_name=CONTRACT_RULES,
            asset_key=RULES,
            passed=not any(row["violations"] > row["told_only"] for row in of_contracts),
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "violations": sum(row["violations"] for row in of_contracts),
                **{f"violations/{row['rule']}": row["violations"] for row in of_contracts},
            },
        )
    )
    return results


def _severity(severity: str) -> dg.AssetCheckSeverity:
    return dg.AssetCheckSeverity.ERROR if severity == "block" else dg.AssetCheckSeverity.WARN


def _listed(messages: list[str]) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md("\n".join(f"- {message}" for message in messages) or "-")


@dg.multi_asset(
    name="data_quality_rules",
    specs=[
        dg.AssetSpec(
            RULES,
            deps=[RESULTS],
            group_name=GROUP_OPS,
            owners=[OWNER_OPERATIONS],
            kinds={"python", "duckdb"},
            partitions_def=session_partitions(),
            description=(
                "The rules of the book and what they found, rule by rule, as checks. "
                "One check per rule."
            ),
        )
    ],
    check_specs=_check_specs(),
    # A rule that was not evaluated yields no result.
    can_subset=True,
    pool=WAREHOUSE_POOL,
)
def data_quality_rules(
    context: dg.AssetExecutionContext, home: HomeResource
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Tell every rule's result of the session."""
    as_of_date = date.fromisoformat(context.partition_key)
    home.enter_night(context.log.info)
    rows = read_results(home.warehouse(), as_of_date)
    selected = {key.name for key in context.selected_asset_check_keys}
    if RULES in context.selected_asset_keys:
        yield dg.MaterializeResult(
            asset_key=RULES,
            metadata={
                "rules": len(rows),
                "broken": sum(1 for row in rows if row["violations"]),
                "not_evaluated": sum(1 for row in rows if not row["is_evaluated"]),
                "not_asked_of_all": sum(1 for row in rows if row["custodians_not_asked"]),
            },
        )
    yield from (result for result in check_results(rows) if result.check_name in selected)


def quality_assets() -> list[dg.AssetsDefinition]:
    """Every asset of this module."""
    return [data_quality_rules]
