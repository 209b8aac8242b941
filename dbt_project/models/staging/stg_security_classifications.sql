{% set casts = {
    "weight": "weight",
    "is_collectible": "boolean",
} %}

with received as (
    {{ policy_rows_in_force("security_classifications") }}
),

typed as (
    select
        feed,
        source_file_id,
        source_row_number,
        try_cast(valid_from as date) as valid_from,
        {{ security_key(["cusip", "ticker"]) }} as security_key,
        {{ as_ticker("ticker") }} as ticker,
        {{ as_code("cusip") }} as cusip,
        {{ as_text("asset_class") }} as asset_class,
        {{ as_text("sub_class") }} as sub_class,
        {{ cast_columns(casts) }},
        {{ rejected_values(casts) }}
    from received
)

select
    *,
    count(*) over (partition by ticker, cusip, asset_class, sub_class) as rows_in_force
from typed
-- A row that names the same thing twice is reported by int_rules__policy; the newest holds.
qualify
    row_number() over (
        partition by ticker, cusip, asset_class, sub_class
        order by valid_from desc, source_row_number desc
    ) = 1
