{% set casts = {
    "price_date": "date",
    "price": "quantity",
} %}

with received as (
    select * from {{ source("raw", "prices") }}
    where as_of_date between {{ as_of_date() }} - 45 and {{ as_of_date() }}
)

select
    as_of_date,
    custodian,
    feed,
    source_file_id,
    source_row_number,
    {{ security_key(["custodian_security_id", "cusip", "isin", "ticker"]) }} as security_key,
    {{ as_code("price_type") }} as price_type,
    {{ as_code("currency") }} as currency,
    {{ cast_columns(casts) }},
    {{ rejected_values(casts) }}
from received
