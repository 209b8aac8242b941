"""The questions that people ask, answered from the published snapshot.

Belongs here: one SQL query per question, over marts and ops only. Does not belong here: arithmetic
that a mart should hold, rendering (the command line does it).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

Row = dict[str, Any]

# An account `a` is meant by its id, type or tax treatment, or by a part of its name.
_IS_ACCOUNT = """(
    lower({words}) in (lower(a.account_id), lower(a.account_type), lower(a.tax_treatment))
    or contains(lower(a.account_name), lower({words}))
)"""
# So many households are named where a word fits several.
_NAMED = 10


class QuestionError(ValueError):
    """The question cannot be answered as it was put; the message says what to do."""


class Snapshot:
    """The published snapshot, for reading."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise QuestionError(
                "nothing is published yet: run `evenkeel nightly --demo`, or "
                "`evenkeel nightly --date D --landing DIR`, first"
            )
        self.path = path
        self._held: duckdb.DuckDBPyConnection | None = None

    @contextmanager
    def held_open(self) -> Iterator[None]:
        """Answer all questions meanwhile from one opening of the file: of one night, and faster."""
        with self._open() as connection:
            self._held = connection
            try:
                yield
            finally:
                self._held = None

    @contextmanager
    def _open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        if self._held is not None:
            yield self._held
            return
        connection = duckdb.connect(str(self.path), read_only=True)
        try:
            # A query reads the snapshot and nothing else: no file of this machine, no network.
            connection.execute("set enable_external_access = false")
            connection.execute("set lock_configuration = true")
            yield connection
        finally:
            connection.close()

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """The rows of one query.

        Raises:
            QuestionError: the query is not valid; DuckDB's own words.
        """
        with self._open() as connection:
            try:
                cursor = connection.execute(sql, list(parameters))
                if cursor is None:
                    raise QuestionError("the query is empty")
                if cursor.description is None:
                    return []
                names = _distinct([column[0] for column in cursor.description])
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            except duckdb.Error as error:
                raise QuestionError(str(error)) from error

    def latest_session(self) -> date:
        """The latest session with a complete or degraded night."""
        rows = self.query(
            """
            select max(as_of_date) as as_of_date from ops.nights
            where state in ('complete', 'degraded')
            """
        )
        latest: date | None = rows[0]["as_of_date"]
        if latest is None:
            raise QuestionError("no night has been published yet")
        return latest

    def require_night(self, as_of_date: date) -> None:
        """Make sure that the snapshot holds the night of a session.

        Raises:
            QuestionError: it does not; the nearest that it holds is named.
        """
        held = self.query(
            """
            select as_of_date from ops.nights
            where state in ('complete', 'degraded')
            group by 1 order by abs(as_of_date - $1), 1
            """,
            [as_of_date],
        )
        if not held:
            raise QuestionError("no night has been published yet")
        if held[0]["as_of_date"] != as_of_date:
            raise QuestionError(
                f"no night of {as_of_date} is published; the nearest is {held[0]['as_of_date']}"
            )

    def household(self, words: str, as_of_date: date) -> Row:
        """The one household whose id or name fits `words`.

        Raises:
            QuestionError: none fits, or several do (they are named).
        """
        if not words.strip():
            raise QuestionError("say which household: an id, a name or a part of it")
        found = self.query(
            """
            select * from marts.dim_households
            where
                as_of_date = $1
                and (lower(household_id) = lower($2) or lower(household_name) = lower($2))
            order by household_id
            """,
            [as_of_date, words],
        ) or self.query(
            """
            select * from marts.dim_households
            where
                as_of_date = $1
                and (contains(lower(household_id), lower($2))
                    or contains(lower(household_name), lower($2)))
            order by household_id
            """,
            [as_of_date, words],
        )
        if not found:
            raise QuestionError(f"no household of {as_of_date} is called {words!r}")
        if len(found) > 1:
            shown = [f"{row['household_name']} ({row['household_id']})" for row in found[:_NAMED]]
            rest = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
            raise QuestionError(f"{words!r} fits several households: {', '.join(shown)}{rest}")
        return found[0]


def _distinct(names: Sequence[str]) -> list[str]:
    """Column names, each once: a second `a` is `a_1`, so that no column is lost."""
    found: list[str] = []
    for name in names:
        unique, count = name, 0
        while unique in found:
            count += 1
            unique = f"{name}_{count}"
        found.append(unique)
    return found


def drift_of(snapshot: Snapshot, as_of_date: date, household_id: str) -> list[Row]:
    """Drift of one household by allocation group and class."""
    return snapshot.query(
        """
        select
            allocation_group_id, asset_class, target_weight, actual_weight, projected_weight,
            absolute_drift, over_under_amount, lower_band_weight, upper_band_weight, is_breach,
            is_breach_projected, market_value
        from marts.fct_household_drift
        where as_of_date = $1 and household_id = $2
        order by allocation_group_id, asset_class_rank
        """,
        [as_of_date, household_id],
    )


def plan_of(snapshot: Snapshot, as_of_date: date, household_id: str) -> Row | None:
    """The plan of one household."""
    rows = snapshot.query(
        "select * from marts.fct_rebalance_plans where as_of_date = $1 and household_id = $2",
        [as_of_date, household_id],
    )
    return rows[0] if rows else None


def trades_of(
    snapshot: Snapshot, as_of_date: date, household_id: str, account: str | None = None
) -> list[Row]:
    """Recommended trades in the order in which they are to be read and executed.

    Args:
        snapshot: the published snapshot.
        as_of_date: the session.
        household_id: the household.
        account: an account id, name, type or tax treatment to keep; None keeps all.
    """
    return snapshot.query(
        f"""
        select
            t.trade_sequence, a.account_name, a.account_type, a.tax_treatment, t.action,
            s.ticker, s.security_name, t.quantity, t.price, t.notional, t.reason_code, t.rationale,
            t.tax_character, t.realized_short_term_gain, t.realized_short_term_loss,
            t.realized_long_term_gain, t.realized_long_term_loss, t.tax_cost, t.trade_id
        from marts.fct_recommended_trades as t
        inner join marts.dim_accounts as a using (as_of_date, account_id)
        inner join marts.dim_securities as s using (as_of_date, security_id)
        where
            t.as_of_date = $1 and t.household_id = $2
            and ($3 is null or {_IS_ACCOUNT.format(words="$3")})
        order by t.trade_sequence
        """,
        [as_of_date, household_id, account],
    )


def require_account(snapshot: Snapshot, as_of_date: date, household_id: str, account: str) -> None:
    """Make sure that `account` fits an account of the household.

    Raises:
        QuestionError: it fits none; the household's accounts are named.
    """
    accounts = snapshot.query(
        f"""
        select a.account_name, a.account_type, {_IS_ACCOUNT.format(words="$3")} as is_meant
        from marts.dim_accounts as a
        where a.as_of_date = $1 and a.household_id = $2
        order by a.account_name
        """,
        [as_of_date, household_id, account],
    )
    if not any(row["is_meant"] for row in accounts):
        names = ", ".join(f"{row['account_name']} ({row['account_type']})" for row in accounts)
        raise QuestionError(f"no account of the household fits {account!r}; it has {names}")


def tax_impact_of(snapshot: Snapshot, as_of_date: date, household_id: str) -> list[Row]:
    """What the plan does to each tax return of one household."""
    return snapshot.query(
        """
        select
            tax_unit_id, tax_year, realized_short_term_gain, realized_short_term_loss,
            realized_long_term_gain, realized_long_term_loss, realized_collectibles_gain,
            realized_collectibles_loss, carryforward_used, estimated_tax, harvested_loss,
            wash_sale_exposure
        from marts.fct_tax_impact
        where as_of_date = $1 and household_id = $2
        order by tax_unit_id, tax_year
        """,
        [as_of_date, household_id],
    )


def comparison_of(snapshot: Snapshot, as_of_date: date, household_id: str) -> list[Row]:
    """Allocation before and after the plan."""
    return snapshot.query(
        """
        select
            c.allocation_group_id, c.asset_class, c.target_weight, c.pre_trade_weight,
            c.post_trade_weight, c.pre_trade_drift, c.post_trade_drift, c.is_within_band_after
        from marts.fct_allocation_comparison as c
        left join marts.fct_household_drift as d
            using (as_of_date, allocation_group_id, asset_class)
        where c.as_of_date = $1 and c.household_id = $2
        order by c.allocation_group_id, d.asset_class_rank nulls last, c.asset_class
        """,
        [as_of_date, household_id],
    )


def exceptions_of(snapshot: Snapshot, as_of_date: date, household_id: str) -> list[Row]:
    """What was considered and left, and why."""
    return snapshot.query(
        """
        select subject, reason_code, rationale
        from marts.fct_trade_exceptions
        where as_of_date = $1 and household_id = $2
        order by reason_code, subject
        """,
        [as_of_date, household_id],
    )


def overrides_of(snapshot: Snapshot, as_of_date: date) -> list[Row]:
    """Every override of the firm's file: what it decides, whom it is about, and how it stands.

    `standing` is in_force, not_yet_in_force, expired or not_applicable; `why` says why one has no
    effect, or that nothing that it accepts is broken.
    """
    return snapshot.query(
        """
        select
            o.override_id,
            case
                when o.override_state in ('used', 'not_needed') then 'in_force'
                when o.override_state = 'not_in_force' and o.days_to_expiry < 0 then 'expired'
                when o.override_state = 'not_in_force' then 'not_yet_in_force'
                else 'not_applicable'
            end as standing,
            o.override_type,
            case o.override_type
                when 'set_value' then concat_ws(' = ', o.column_name, o.value)
                else o.rule
            end as decision,
            concat_ws(
                ', ', h.household_name, a.account_name, coalesce(s.ticker, s.security_name),
                o.lot_id,
                case
                    when coalesce(
                        o.household_id, o.account_id, o.security_id, o.lot_id
                    ) is null then o.custodian
                end
            ) as about,
            o.reason, o.approved_by, o.expires_date, o.days_to_expiry, o.used_count,
            o.state_reason as why, o.first_seen_date, o.household_id, o.account_id, o.security_id,
            o.lot_id, o.custodian, o.source_row_number
        from marts.fct_overrides as o
        left join marts.dim_accounts as a
            on o.as_of_date = a.as_of_date and o.account_id = a.account_id
        left join marts.dim_households as h
            on
                o.as_of_date = h.as_of_date
                and coalesce(o.household_id, a.household_id) = h.household_id
        left join marts.dim_securities as s
            on o.as_of_date = s.as_of_date and o.security_id = s.security_id
        where o.as_of_date = $1
        order by standing, o.expires_date nulls last, o.override_id, o.source_row_number
        """,
        [as_of_date],
    )


def held_up_households(snapshot: Snapshot, as_of_date: date) -> list[Row]:
    """Households that are withheld or wait for a file, with the reason."""
    return snapshot.query(
        """
        select household_id, household_name, household_state, state_reason
        from marts.dim_households
        where as_of_date = $1 and household_state in ('withheld', 'waiting_for_feed')
        order by household_state desc, household_name, household_id
        """,
        [as_of_date],
    )


def outside_band(snapshot: Snapshot, as_of_date: date, band: Decimal | None) -> list[Row]:
    """Classes, sub-classes and securities outside a band, over the whole book, worst first.

    Args:
        snapshot: the published snapshot.
        as_of_date: the session.
        band: half-width in points (3 means 3 % of the allocation base); None asks for each IPS's
            own bands.
    """
    condition = "is_breach" if band is None else "abs(absolute_drift) > $2 / 100"
    parameters: list[Any] = [as_of_date] if band is None else [as_of_date, band]
    return snapshot.query(
        f"""
        with targets as (
            select
                as_of_date, household_id, allocation_group_id, 'class' as target_level,
                asset_class as target_key, target_weight, actual_weight, absolute_drift,
                over_under_amount, is_breach
            from marts.fct_household_drift
            union all
            select
                as_of_date, household_id, allocation_group_id, target_level, target_key,
                target_weight, actual_weight, absolute_drift, over_under_amount, is_breach
            from marts.fct_target_drift
            where target_level <> 'class'
        )
        select
            h.household_name, t.household_id, t.allocation_group_id, t.target_level, t.target_key,
            t.target_weight, t.actual_weight, t.absolute_drift, t.over_under_amount, t.is_breach,
            h.household_state
        from targets as t
        inner join marts.dim_households as h using (as_of_date, household_id)
        where t.as_of_date = $1 and {condition}
        order by abs(t.absolute_drift) desc, t.household_id, t.target_key
        """,
        parameters,
    )


def alternatives_of(snapshot: Snapshot, as_of_date: date, household_id: str) -> list[Row]:
    """Tonight's plan and the other paths of one household; none where nothing is to be cured."""
    return snapshot.query(
        """
        select
            alternative, same_as, end_date, trade_count, breach_count, drift_outside_bands,
            largest_drift, tracking_error, estimated_tax, transaction_cost, waiting_cost,
            objective_value, optimality_gap, breakeven_years, pre_tax_wealth_1y,
            after_tax_wealth_1y, pre_tax_wealth_3y, after_tax_wealth_3y, pre_tax_wealth_5y,
            after_tax_wealth_5y, pre_tax_wealth_10y, after_tax_wealth_10y, is_recommended, verdict
        from marts.fct_plan_alternatives
        where as_of_date = $1 and household_id = $2
        order by
            list_position(['trade_now', 'wait', 'partial', 'defer_gains'], alternative)
        """,
        [as_of_date, household_id],
    )
