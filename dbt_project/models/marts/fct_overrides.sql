-- Decisions of people about broken rules, with what became of each tonight. The same words make the same
-- decision: whatever was changed since makes another one, first seen later.
with first_seen as (
    select
        content,
        min(as_of_date) as first_seen_date
    from {{ ref("stg_overrides_seen") }}
    group by content
),

dated as (
    select
        seen.source_file_id,
        seen.source_row_number,
        min(first_seen.first_seen_date) as first_seen_date
    from {{ ref("stg_overrides_seen") }} as seen
    inner join first_seen on seen.content = first_seen.content
    group by seen.source_file_id, seen.source_row_number
)

select
    {{ as_of_date() }} as as_of_date,
    judged.source_row_number,
    judged.override_id,
    judged.override_type,
    judged.rule,
    judged.household_id,
    judged.custodian,
    judged.account_id,
    judged.security_id,
    judged.lot_id,
    judged.column_name,
    judged.value,
    judged.received_value,
    judged.reason,
    judged.approved_by,
    judged.expires_date,
    cast(date_diff('day', {{ as_of_date() }}, judged.expires_date) as integer) as days_to_expiry,
    judged.override_state,
    judged.state_reason,
    cast(judged.used_count as integer) as used_count,
    dated.first_seen_date,
    judged.source_file_id
from {{ ref("int_overrides__judged") }} as judged
left join dated
    on
        judged.source_file_id = dated.source_file_id
        and judged.source_row_number = dated.source_row_number
