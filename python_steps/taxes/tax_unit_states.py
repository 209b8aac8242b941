"""The tax state of every return for the year of the planned trades: `tax.tax_unit_states`.

Belongs here: profiles joined with the rates they meet, and whether those rates are statutory,
provisional or missing. Does not belong here: the rates' arithmetic (`rates`), a plan's own tax.
Sources: see `rates`; the profile is the firm's own estimate, from its policy files. Only the year's
result of collectibles, which few firms keep apart, may come from the ledger instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal, cast

import pyarrow as pa

from python_steps.frames import MONEY, WEIGHT, table_from_records
from python_steps.policy import FirmPolicy
from python_steps.taxes.rates import RateTables, TaxUnitProfile, marginal_rates

NOTHING = Decimal(0)

TAX_UNIT_STATES = pa.schema(
    [
        ("tax_unit_id", pa.string()),
        ("household_id", pa.string()),
        ("tax_year", pa.int32()),
        ("filing_status", pa.string()),
        ("marginal_ordinary_rate", WEIGHT),
        ("marginal_short_term_rate", WEIGHT),
        ("marginal_long_term_rate", WEIGHT),
        ("short_term_carryforward", MONEY),
        ("long_term_carryforward", MONEY),
        ("year_to_date_short_term_gain", MONEY),
        ("year_to_date_long_term_gain", MONEY),
        ("ordinary_taxable_income", MONEY),
        ("magi", MONEY),
        ("state_rate", WEIGHT),
        ("state_gains_rate", WEIGHT),
        ("rates_status", pa.string()),
        ("profile_status", pa.string()),
        ("marginal_collectibles_rate", WEIGHT),
        ("year_to_date_collectibles_gain", MONEY),
    ]
)

_STATED = tuple(
    name
    for name in TAX_UNIT_STATES.names
    if not name.startswith("marginal_")
    and name not in ("rates_status", "state_gains_rate", "year_to_date_collectibles_gain")
)
# A carryforward or a year-to-date result that nobody has stated is not zero: netting, and with it
# the tax of every trade, depends on it.
_NEEDED_FOR_RATES = (
    "tax_year",
    "filing_status",
    "ordinary_taxable_income",
    "magi",
    "state_rate",
    "short_term_carryforward",
    "long_term_carryforward",
    "year_to_date_short_term_gain",
    "year_to_date_long_term_gain",
    "year_to_date_collectibles_gain",
)


def tax_unit_states(
    profiles: pa.Table,
    rate_tables: RateTables,
    policy: FirmPolicy,
    collectibles: Mapping[str, Decimal | None],
) -> pa.Table:
    """The rates that each tax unit's next dollar meets.

    Args:
        profiles: int_tax_profiles__current, one row per tax unit. Income and MAGI are the year's
            estimates without its capital gains and losses. An empty `state_gains_rate` means that
            the state taxes gains like income.
        rate_tables: the rates by year.
        policy: `rates_when_missing` decides about a year without rates.
        collectibles: by tax unit, the year's long-term result of collectibles so far as the ledger
            knows it, None where a result of one of them is not known; a unit that is not named
            sold none. It holds where the profile does not state the figure.

    Returns:
        `TAX_UNIT_STATES`, sorted by tax unit. The three marginal rates are null, and
        `rates_status` is "missing", where the year has no rates or the profile lacks a figure
        they depend on.
    """
    when_missing = cast('Literal["block", "provisional"]', policy.rates_when_missing)
    tables = replace(rate_tables, when_missing=when_missing)
    records = [_state(row, tables, collectibles) for row in profiles.to_pylist()]
    return table_from_records(
        sorted(records, key=lambda row: (row["tax_unit_id"], row["tax_year"] or 0)),
        TAX_UNIT_STATES,
    )


def profile_from_row(row: Mapping[str, Any]) -> TaxUnitProfile | None:
    """A row of the profiles (or of tax.tax_unit_states) as a TaxUnitProfile.

    Returns:
        None where a figure that the rates depend on is missing; where there is none, the firm's
        file says 0.
    """
    if any(row[name] is None for name in _NEEDED_FOR_RATES):
        return None
    gains_rate = row["state_gains_rate"]
    return TaxUnitProfile(
        tax_unit_id=row["tax_unit_id"],
        tax_year=int(row["tax_year"]),
        filing_status=row["filing_status"],
        ordinary_taxable_income=row["ordinary_taxable_income"],
        magi=row["magi"],
        state_rate=row["state_rate"],
        state_gains_rate=row["state_rate"] if gains_rate is None else gains_rate,
        short_term_carryforward=row["short_term_carryforward"],
        long_term_carryforward=row["long_term_carryforward"],
        year_to_date_short_term_gain=row["year_to_date_short_term_gain"],
        year_to_date_long_term_gain=row["year_to_date_long_term_gain"],
        year_to_date_collectibles_gain=row["year_to_date_collectibles_gain"],
    )


def _state(
    stated: Mapping[str, Any], tables: RateTables, collectibles: Mapping[str, Decimal | None]
) -> dict[str, Any]:
    so_far = stated["year_to_date_collectibles_gain"]
    if so_far is None:
        so_far = collectibles.get(stated["tax_unit_id"], NOTHING)
    row = {**stated, "year_to_date_collectibles_gain": so_far}
    profile = profile_from_row(row)
    state: dict[str, Any] = {name: row[name] for name in _STATED}
    state["year_to_date_collectibles_gain"] = so_far
    state["state_gains_rate"] = row["state_gains_rate"]
    status = (
        "missing" if profile is None else tables.status(profile.tax_year, profile.filing_status)
    )
    state["rates_status"] = status
    if profile is None or status == "missing":
        return state | {
            "marginal_ordinary_rate": None,
            "marginal_short_term_rate": None,
            "marginal_long_term_rate": None,
            "marginal_collectibles_rate": None,
        }
    rates = marginal_rates(profile, tables)
    return state | {
        "marginal_ordinary_rate": rates.ordinary,
        "marginal_short_term_rate": rates.short_term,
        "marginal_long_term_rate": rates.long_term,
        "marginal_collectibles_rate": rates.collectibles,
        "state_gains_rate": profile.state_gains_rate,
    }
