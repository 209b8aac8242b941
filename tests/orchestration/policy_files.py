"""Policy files for tests: one household, written from a few facts.

Belongs here: writing the firm's policy CSVs in their canonical columns. Does not belong here: any
expectation.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from data_contracts.contract import entity_columns

VALID_FROM = "2000-01-01"


def write_policy_file(
    folder: Path, entity: str, rows: Iterable[Mapping[str, object]], as_of_date: date
) -> None:
    """Write `<folder>/<entity>.csv`; what a row does not name is left empty."""
    columns = entity_columns(entity)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    written = 0
    for row in rows:
        unknown = set(row) - set(columns)
        if unknown:
            raise KeyError(f"{entity} has no column {sorted(unknown)}")
        writer.writerow({"valid_from": VALID_FROM, **row})
        written += 1
    text.write(f"#rows={written},as_of_date={as_of_date.isoformat()}\n")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{entity}.csv").write_text(text.getvalue(), encoding="utf-8")


def write_policy(
    folder: Path,
    as_of_date: date,
    *,
    accounts: Iterable[Mapping[str, object]],
    targets: Mapping[str, str],
    model_securities: Iterable[Mapping[str, object]] = (),
    tax_year: int,
    classifications: Iterable[Mapping[str, object]] = (),
) -> None:
    """One household HH-SAMPLE per account, each with the same targets.

    Args:
        folder: the policy folder of a landing folder.
        as_of_date: the session.
        accounts: custodian, account_number, account_type and whatever differs from the defaults.
        targets: class to target weight.
        model_securities: rows of the buy list, for all groups.
        tax_year: of the tax profiles.
        classifications: the firm's own mapping.
    """
    listed = list(accounts)
    names = [f"HH-SAMPLE-{number}" for number in range(1, len(listed) + 1)]
    households = [
        {
            "household_id": name,
            "household_name": f"Sample {number}",
            "advisor_id": "ADV-SAMPLE",
            "advisor_name": "Sample Advisor",
            "report_language": "en",
            "allows_short_term_gains": "false",
            "harvests_losses": "true",
        }
        for number, name in enumerate(names, start=1)
    ]
    groups = [
        {
            "allocation_group_id": f"{name}-ALL",
            "household_id": name,
            "group_name": "All",
            "review_frequency": "quarterly",
            "last_review_date": as_of_date.isoformat(),
        }
        for name in names
    ]
    settings = [
        {
            "account_name": f"Account {number}",
            "household_id": name,
            "allocation_group_id": f"{name}-ALL",
            "tax_unit_id": f"{name}-TAX",
            "wash_sale_group_id": f"{name}-WASH",
            "counts_toward_allocation": "true",
            "is_tradable": "true",
            "counts_for_wash_sales": "true",
            "account_status": "open",
            "minimum_cash": "0",
            "lot_method": "SPEC_ID",
            "is_discretionary": "true",
            **account,
        }
        for number, (name, account) in enumerate(zip(names, listed, strict=True), start=1)
    ]
    ips = [
        {
            "allocation_group_id": f"{name}-ALL",
            "target_level": "class",
            "target_key": asset_class,
            "target_weight": weight,
            "absolute_band": "0.05",
            "relative_band": "0.20",
            "band_rule": "tighter",
        }
        for name in names
        for asset_class, weight in targets.items()
    ]
    taxes = [
        {
            "tax_unit_id": f"{name}-TAX",
            "household_id": name,
            "tax_year": str(tax_year),
            "filing_status": "single",
            "ordinary_taxable_income": "90000",
            "magi": "105000",
            "state_rate": "0.05",
            "state_gains_rate": "0.05",
            "short_term_carryforward": "0",
            "long_term_carryforward": "0",
            "year_to_date_short_term_gain": "0",
            "year_to_date_long_term_gain": "0",
            "profile_status": "estimated",
        }
        for name in names
    ]
    for entity, rows in (
        ("households", households),
        ("allocation_groups", groups),
        ("account_settings", settings),
        ("ips_targets", ips),
        ("tax_profiles", taxes),
        ("model_securities", list(model_securities)),
        ("security_classifications", list(classifications)),
    ):
        write_policy_file(folder, entity, rows, as_of_date)
