{% set casts = {
    "is_available": "boolean",
    "is_fractional": "boolean",
    "minimum_amount": "money",
    "transaction_fee": "money",
    "redemption_days": "integer",
} %}

with received as (
    {{ policy_rows_in_force("security_custodians") }}
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
        upper(trim(custodian)) as custodian,
        lower({{ as_text("trades_in") }}) as trades_in,
        {{ as_text("cut_off_time") }} as cut_off_time,
        {{ cast_columns(casts) }},
        {{ rejected_values(casts) }}
    from received
)

select
    *,
    count(*) over (partition by ticker, cusip, custodian) as rows_in_force
from typed
-- A row that names the same thing twice is reported by int_rules__policy; the newest holds.
qualify
    row_number() over (
        partition by ticker, cusip, custodian
        order by valid_from desc, source_row_number desc
    ) = 1
