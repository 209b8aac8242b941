{% set casts = {
    "price_date": "date",
    "price": "quantity",
} %}

with received as (
    select * from {{ source("raw", "prices") }}
    where as_of_date between {{ as_of_date() }} - 45 and {{ as_of_date() }}
),

typed as (
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
        {{ texts_of(casts) }}
    from received
)

select
    * exclude (received_texts),
    {{ rejected_texts(casts) }}
from typed
