{% set casts = {
    "amount": "money",
    "required_by_date": "date",
} %}

with received as (
    {{ policy_rows_in_force("cash_flows") }}
),

typed as (
    select
        feed,
        source_file_id,
        source_row_number,
        try_cast(valid_from as date) as valid_from,
        {{ as_text("cash_flow_id") }} as cash_flow_id,
        upper(trim(custodian)) as custodian,
        {{ as_text("account_number") }} as account_number,
        lower({{ as_text("flow_type") }}) as flow_type,
        lower({{ as_text("state") }}) as state,
        lower({{ as_text("recurrence") }}) as recurrence,
        {{ without_account_number(as_text("matched_transaction_id"), as_text("account_number")) }}
            as matched_transaction_id,
        {{ cast_columns(casts) }},
        {{ rejected_values(casts) }}
    from received
)

select
    *,
    count(*) over (partition by cash_flow_id) as rows_in_force
from typed
-- A row that names the same thing twice is reported by int_rules__policy; the newest holds.
qualify
    row_number() over (
        partition by cash_flow_id
        order by valid_from desc, source_row_number desc
    ) = 1
