{% set casts = {
    "limit_weight": "weight",
    "until_date": "date",
} %}

with received as (
    {{ policy_rows_in_force("restrictions") }}
),

typed as (
    select
        feed,
        source_file_id,
        source_row_number,
        try_cast(valid_from as date) as valid_from,
        {{ as_text("restriction_id") }} as restriction_id,
        lower({{ as_text("scope") }}) as scope,
        {{ as_text("scope_id") }} as scope_id,
        {{ security_key(["cusip", "ticker"]) }} as security_key,
        {{ as_ticker("ticker") }} as ticker,
        {{ as_code("cusip") }} as cusip,
        lower({{ as_text("restriction_type") }}) as restriction_type,
        {{ as_text("reason") }} as reason,
        {{ as_text("source") }} as source,
        {{ cast_columns(casts) }},
        {{ rejected_values(casts) }}
    from received
)

select
    *,
    count(*) over (partition by restriction_id, scope_id, ticker, cusip) as rows_in_force
from typed
-- A row that names the same thing twice is reported by int_rules__policy; the newest holds.
qualify
    row_number() over (
        partition by restriction_id, scope_id, ticker, cusip
        order by valid_from desc, source_row_number desc
    ) = 1
