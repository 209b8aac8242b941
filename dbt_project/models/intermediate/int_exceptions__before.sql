-- Exceptions as they stood before this run: those of the last night before tonight's, and those that an
-- earlier version of tonight's night had found. Of two that speak of the same one, the later holds.
with nights as (
    select distinct known.as_of_date
    from (
        {{ rows_as_they_stand("fct_data_quality_results", {"as_of_date": "date"}) }}
    ) as known
    where known.as_of_date < {{ as_of_date() }}
),

snapshots as (
    {{ rows_as_they_stand(
        "fct_open_exceptions",
        {
            "as_of_date": "date",
            "exception_key": "varchar",
            "opened_date": "date",
            "exception_state": "varchar",
            "closed_date": "date",
            "closed_by": "varchar",
            "age_sessions": "integer",
            "rule": "varchar",
            "severity": "varchar",
            "scope": "varchar",
            "scope_id": "varchar",
            "who_must_act": "varchar",
            "household_id": "varchar",
            "account_id": "varchar",
            "security_id": "varchar",
            "lot_id": "varchar",
            "custodian": "varchar",
            "feed": "varchar",
            "file_name": "varchar",
            "source_file_id": "varchar",
            "source_row_number": "bigint",
            "observed": "varchar",
            "expected": "varchar",
            "message": "varchar",
            "market_value_held_up": "decimal(24, 6)",
            "override_id": "varchar",
            "custodian_files_hash": "varchar",
            "policy_files_hash": "varchar",
        }
    ) }}
)

select
    snapshots.*,
    snapshots.as_of_date = {{ as_of_date() }} as is_same_session,
    cast(
        (
            select count(*) from nights
            where nights.as_of_date > snapshots.closed_date
        ) as integer
    ) + 1 as sessions_since_closing
from snapshots
where
    snapshots.as_of_date = {{ as_of_date() }}
    or snapshots.as_of_date = (select max(nights.as_of_date) from nights)
qualify
    row_number() over (
        partition by snapshots.exception_key, snapshots.opened_date
        order by snapshots.as_of_date desc
    ) = 1
