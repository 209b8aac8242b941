{% set casts = {
    "acquisition_date": "date",
    "disposal_date": "date",
    "quantity": "quantity",
    "proceeds": "money",
    "cost_basis": "money",
    "realized_gain_loss": "money",
    "disallowed_loss": "money",
    "cost_basis_unadjusted": "money",
} %}

with received as (
    select * from {{ source("raw", "closed_lots") }}
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
        {{ without_account_number(as_text("source_lot_id"), as_text("account_number")) }} as source_lot_id,
        {{ as_term("term") }} as term,
        {{ as_code("covered_status") }} as covered_status,
        {{ null_word_status("acquisition_date") }} as acquisition_date_status,
        {{ null_word_status("cost_basis") }} as cost_basis_status,
        {{ as_wash_flag("wash_sale_flag") }} as wash_sale_flag,
        {{ as_code("disposal_method") }} as disposal_method,
        {{ without_account_number(as_text("transaction_id"), as_text("account_number")) }} as transaction_id,
        {{ as_code("currency") }} as currency,
        {{ cast_columns(casts) }},
        {{ texts_of(casts) }}
    from received
)

select
    * exclude (received_texts),
    {{ rejected_texts(casts) }}
from typed
