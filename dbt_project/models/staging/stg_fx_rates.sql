{% set casts = {
    "rate_date": "date",
    "rate": "quantity",
} %}

with received as (
    select * from {{ source("raw", "fx_rates") }}
    where as_of_date = {{ as_of_date() }}
)

select
    custodian,
    feed,
    source_file_id,
    source_row_number,
    {{ as_code("from_currency") }} as from_currency,
    {{ as_code("to_currency") }} as to_currency,
    {{ cast_columns(casts) }},
    {{ rejected_values(casts) }}
from received
