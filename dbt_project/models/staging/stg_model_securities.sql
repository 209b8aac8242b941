{% set casts = {
    "rank": "integer",
} %}

with received as (
    {{ policy_rows_in_force("model_securities") }}
),

typed as (
    select
        feed,
        source_file_id,
        source_row_number,
        try_cast(valid_from as date) as valid_from,
        {{ as_text("allocation_group_id") }} as allocation_group_id,
        {{ as_text("asset_class") }} as asset_class,
        {{ as_text("sub_class") }} as sub_class,
        {{ security_key(["cusip", "ticker"]) }} as security_key,
        {{ as_ticker("ticker") }} as ticker,
        {{ as_code("cusip") }} as cusip,
        lower({{ as_text("account_types") }}) as account_types,
        {{ cast_columns(casts) }},
        {{ rejected_values(casts) }}
    from received
)

select
    *,
    count(*)
        over (partition by allocation_group_id, asset_class, sub_class, rank, ticker, cusip, account_types)
        as rows_in_force
from typed
-- A row that names the same thing twice is reported by int_rules__policy; the newest holds.
qualify
    row_number() over (
        partition by allocation_group_id, asset_class, sub_class, rank, ticker, cusip, account_types
        order by valid_from desc, source_row_number desc
    ) = 1
