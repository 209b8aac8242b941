{% set casts = {
    "trade_date_balance": "money",
    "settlement_date_balance": "money",
    "margin_debit": "money",
    "sweep_value": "money",
} %}

with received as (
    {{ rows_in_effect("cash_balances", ["account_number", "currency"]) }}
)

select
    custodian,
    feed,
    source_file_id,
    source_row_number,
    {{ as_text("account_number") }} as account_number,
    {{ as_code("currency") }} as currency,
    {{ cast_columns(casts) }},
    {{ rejected_values(casts) }}
from received
