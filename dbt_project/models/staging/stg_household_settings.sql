{% set casts = {
    "default_absolute_band": "weight",
    "default_relative_band": "weight",
    "default_band_floor": "weight",
    "inner_share": "weight",
    "location_years": "weight",
    "basis_reset_worth": "weight",
    "turnover_price": "weight",
    "breakeven_years_limit": "weight",
    "risk_aversion": "weight",
    "harvest_threshold": "money",
    "minimum_trade_benefit": "money",
} %}
{% set words = [
    "default_band_rule",
    "trade_to",
    "check_frequency",
    "rebalance_trigger",
    "partial_rebalance",
    "allocation_basis",
] %}

with received as (
    {{ policy_rows_in_force("household_settings") }}
),

typed as (
    select
        feed,
        source_file_id,
        source_row_number,
        try_cast(valid_from as date) as valid_from,
        {{ as_text("household_id") }} as household_id,
        {% for word in words -%}
            lower({{ as_text(word) }}) as {{ word }},
        {% endfor -%}
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
