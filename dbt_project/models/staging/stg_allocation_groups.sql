{% set casts = {
    "last_review_date": "date",
    "ips_changed_date": "date",
} %}

with received as (
    {{ policy_rows_in_force("allocation_groups") }}
),

typed as (
    select
        feed,
        source_file_id,
        source_row_number,
        try_cast(valid_from as date) as valid_from,
        {{ as_text("allocation_group_id") }} as allocation_group_id,
        {{ as_text("household_id") }} as household_id,
        {{ as_text("group_name") }} as group_name,
        lower({{ as_text("review_frequency") }}) as review_frequency,
        {{ cast_columns(casts) }},
        {{ rejected_values(casts) }}
    from received
)

select
    *,
    count(*) over (partition by allocation_group_id) as rows_in_force
from typed
-- A row that names the same thing twice is reported by int_rules__policy; the newest holds.
qualify
    row_number() over (
        partition by allocation_group_id
        order by valid_from desc, source_row_number desc
    ) = 1
