{{ config(materialized="view") }}

{% set casts = {
    "balance_year": "integer",
    "balance": "money",
} %}

with received as (
    select * from {{ source("raw", "prior_year_end_balances") }}
    where as_of_date <= {{ as_of_date() }}
)

select
    as_of_date,
    custodian,
    feed,
    source_file_id,
    source_row_number,
    {{ as_text("account_number") }} as account_number,
    {{ cast_columns(casts) }},
    {{ rejected_values(casts) }}
from received
