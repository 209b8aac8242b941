{% set casts = {
    "opened_date": "date",
    "closed_date": "date",
    "is_margin": "boolean",
} %}

with received as (
    {{ rows_in_effect("accounts", ["account_number"]) }}
)

select
    custodian,
    feed,
    source_file_id,
    source_row_number,
    {{ as_text("account_number") }} as account_number,
    {{ as_text("parent_account_number") }} as parent_account_number,
    {{ as_text("advisor_code") }} as advisor_code,
    {{ as_code("base_currency") }} as base_currency,
    {{ as_code("account_status") }} as account_status,
    {{ as_code("registration_type") }} as registration_type,
    {{ as_code("tax_status") }} as tax_status,
    {{ as_code("default_disposal_method") }} as default_disposal_method,
    {{ cast_columns(casts) }},
    {{ rejected_values(casts) }}
from received
