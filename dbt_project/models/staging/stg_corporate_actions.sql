{{ config(materialized="view") }}

{% set casts = {
    "ex_date": "date",
    "ratio_new": "quantity",
    "ratio_old": "quantity",
    "cash_per_share": "quantity",
} %}

with received as (
    select * from {{ source("raw", "corporate_actions") }}
    where as_of_date <= {{ as_of_date() }}
)

select
    as_of_date,
    custodian,
    feed,
    source_file_id,
    source_row_number,
    {{ security_key(["custodian_security_id", "cusip", "isin", "ticker"]) }} as security_key,
    {{ as_code("action_type") }} as action_type,
    {{ as_ticker("new_ticker") }} as new_ticker,
    {{ as_code("new_cusip") }} as new_cusip,
    {{ cast_columns(casts) }},
    {{ rejected_values(casts) }}
from received
