{% set casts = {
    "quantity": "quantity",
    "filled_quantity": "quantity",
    "limit_price": "quantity",
    "entered_date": "date",
} %}

with received as (
    select * from {{ source("raw", "open_orders") }}
    where as_of_date = {{ as_of_date() }}
)

select
    custodian,
    feed,
    source_file_id,
    source_row_number,
    {{ as_text("account_number") }} as account_number,
    {{ security_key(["custodian_security_id", "cusip", "isin", "ticker"]) }} as security_key,
    {{ as_text("order_id") }} as order_id,
    {{ as_code("side") }} as side,
    {{ as_code("order_type") }} as order_type,
    {{ as_code("status") }} as status,
    {{ cast_columns(casts) }},
    {{ rejected_values(casts) }}
from received
