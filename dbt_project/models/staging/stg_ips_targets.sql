{% set casts = {
    "target_weight": "weight",
    "absolute_band": "weight",
    "relative_band": "weight",
    "band_floor": "weight",
    "last_check_date": "date",
} %}

with received as (
    {{ policy_rows_in_force("ips_targets") }}
),

typed as (
    select
        feed,
        source_file_id,
        source_row_number,
        try_cast(valid_from as date) as valid_from,
        {{ as_text("allocation_group_id") }} as allocation_group_id,
        lower({{ as_text("target_level") }}) as target_level,
        {{ as_text("target_key") }} as target_key,
        lower({{ as_text("band_rule") }}) as band_rule,
        lower({{ as_text("check_frequency") }}) as check_frequency,
        {{ cast_columns(casts) }},
        {{ rejected_values(casts) }}
    from received
)

select
    *,
    count(*) over (partition by allocation_group_id, target_level, target_key) as rows_in_force
from typed
-- A row that names the same thing twice is reported by int_rules__policy; the newest holds.
qualify
    row_number() over (
        partition by allocation_group_id, target_level, target_key
        order by valid_from desc, source_row_number desc
    ) = 1
