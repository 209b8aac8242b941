{% set casts = {
    "quantity": "quantity",
    "acquisition_date": "date",
    "holding_period_start_date": "date",
    "cost_basis": "money",
    "cost_basis_unadjusted": "money",
    "unit_cost": "quantity",
    "wash_sale_adjustment": "money",
} %}

with received as (
    select * from {{ source("raw", "tax_lots") }}
    where as_of_date = {{ as_of_date() }}
),

typed as (
    select
        custodian,
        feed,
        source_file_id,
        source_row_number,
        {{ as_text("account_number") }} as account_number,
        {{ security_key(["custodian_security_id", "cusip", "isin", "ticker"]) }} as security_key,
        {{ without_account_number(as_text("source_lot_id"), as_text("account_number")) }} as source_lot_id,
        {{ null_word_status("acquisition_date") }} as acquisition_date_status,
        coalesce({{ as_time("acquisition_time") }}, {{ as_time("acquisition_date") }}) as acquisition_time,
        {{ as_term("term") }} as term,
        {{ null_word_status("cost_basis") }} as cost_basis_status,
        {{ as_wash_flag("wash_sale_flag") }} as wash_sale_flag,
        {{ as_code("covered_status") }} as covered_status,
        {{ as_code("acquisition_type") }} as acquisition_type,
        {{ as_code("basis_method") }} as basis_method,
        {{ as_code("currency") }} as currency,
        {{ cast_columns(casts) }},
        {{ texts_of(casts) }}
    from received
)

select
    * exclude (received_texts),
    {{ rejected_texts(casts) }}
from typed
