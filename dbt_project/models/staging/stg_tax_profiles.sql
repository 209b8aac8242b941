{% set casts = {
    "tax_year": "integer",
    "ordinary_taxable_income": "money",
    "magi": "money",
    "state_rate": "weight",
    "state_gains_rate": "weight",
    "expected_retirement_rate": "weight",
    "short_term_carryforward": "money",
    "long_term_carryforward": "money",
    "year_to_date_short_term_gain": "money",
    "year_to_date_long_term_gain": "money",
    "year_to_date_collectibles_gain": "money",
} %}

with received as (
    {{ policy_rows_in_force("tax_profiles") }}
),

typed as (
    select
        feed,
        source_file_id,
        source_row_number,
        try_cast(valid_from as date) as valid_from,
        {{ as_text("tax_unit_id") }} as tax_unit_id,
        {{ as_text("household_id") }} as household_id,
        {{ as_text("filing_status") }} as filing_status,
        lower({{ as_text("profile_status") }}) as profile_status,
        {{ cast_columns(casts) }},
        {{ rejected_values(casts) }}
    from received
)

select
    *,
    count(*) over (partition by tax_unit_id, tax_year) as rows_in_force
from typed
-- A row that names the same thing twice is reported by int_rules__policy; the newest holds.
qualify
    row_number() over (
        partition by tax_unit_id, tax_year
        order by valid_from desc, source_row_number desc
    ) = 1
