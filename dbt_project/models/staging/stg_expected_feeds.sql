{% set casts = {
    "is_required": "boolean",
} %}

with received as (
    {{ policy_rows_in_force("expected_feeds") }}
),

typed as (
    select
        feed,
        source_file_id,
        source_row_number,
        try_cast(valid_from as date) as valid_from,
        upper(trim(custodian)) as custodian,
        lower({{ as_text("entity") }}) as entity,
        {{ as_text("cut_off_time") }} as cut_off_time,
        {{ cast_columns(casts) }},
        {{ rejected_values(casts) }}
    from received
)

select
    *,
    count(*) over (partition by custodian, entity) as rows_in_force
from typed
-- A row that names the same thing twice is reported by int_rules__policy; the newest holds.
qualify
    row_number() over (
        partition by custodian, entity
        order by valid_from desc, source_row_number desc
    ) = 1
