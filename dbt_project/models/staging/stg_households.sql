{% set casts = {
    "allows_short_term_gains": "boolean",
    "harvests_losses": "boolean",
    "minimum_trade_amount": "money",
    "annual_gains_budget": "money",
} %}

with received as (
    {{ policy_rows_in_force("households") }}
),

typed as (
    select
        feed,
        source_file_id,
        source_row_number,
        try_cast(valid_from as date) as valid_from,
        {{ as_text("household_id") }} as household_id,
        {{ as_text("household_name") }} as household_name,
        {{ as_text("advisor_id") }} as advisor_id,
        {{ as_text("advisor_name") }} as advisor_name,
        {{ as_text("report_language") }} as report_language,
        {{ cast_columns(casts) }},
        {{ rejected_values(casts) }}
    from received
)

select
    *,
    count(*) over (partition by household_id) as rows_in_force
from typed
-- A row that names the same thing twice is reported by int_rules__policy; the newest holds.
qualify
    row_number() over (
        partition by household_id
        order by valid_from desc, source_row_number desc
    ) = 1
