{% set casts = {
    "transaction_date": "date",
    "settlement_date": "date",
    "entry_date": "date",
    "quantity": "quantity",
    "price": "quantity",
    "gross_amount": "money",
    "commission": "money",
    "fees": "money",
    "net_amount": "money",
    "accrued_interest": "money",
    "fx_rate_to_base": "quantity",
    "is_cancel": "boolean",
} %}

with received as (
    select * from {{ source("raw", "transactions") }}
    where as_of_date <= {{ as_of_date() }}
),

typed as (
    select
        as_of_date,
        custodian,
        feed,
        source_file_id,
        source_row_number,
        {{ as_text("account_number") }} as account_number,
        {{ security_key(["custodian_security_id", "cusip", "isin", "ticker"]) }} as security_key,
        {{ without_account_number(as_text("transaction_id"), as_text("account_number")) }} as transaction_id,
        {{ as_time("transaction_time") }} as transaction_time,
        {{ as_code("transaction_type") }} as transaction_type,
        {{ as_text("source_type") }} as source_type,
        {{ as_code("currency") }} as currency,
        {{ as_code("sub_account_type") }} as sub_account_type,
        {{ without_account_number(as_text("reversal_of"), as_text("account_number")) }} as reversal_of,
        {{ as_text("description") }} as description,
        {{ cast_columns(casts) }},
        {{ texts_of(casts) }}
    from received
)

select
    * exclude (received_texts),
    {{ rejected_texts(casts) }}
from typed
