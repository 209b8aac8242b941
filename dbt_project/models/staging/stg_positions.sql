{% set casts = {
    "quantity": "quantity",
    "settled_quantity": "quantity",
    "pending_quantity": "quantity",
    "price": "quantity",
    "price_date": "date",
    "market_value": "money",
    "accrued_interest": "money",
    "cost_basis": "money",
    "unrealized_gain_loss": "money",
    "fx_rate_to_base": "quantity",
    "is_held_away": "boolean",
} %}

with received as (
    {{ rows_in_effect("positions", [
        "account_number", "custodian_security_id", "cusip", "isin", "ticker", "sub_account_type", "long_short"
    ]) }}
),

typed as (
    select
        custodian,
        feed,
        source_file_id,
        source_row_number,
        chain_position,
        {{ as_text("account_number") }} as account_number,
        {{ security_key(["custodian_security_id", "cusip", "isin", "ticker"]) }} as security_key,
        {{ as_code("cusip") }} as cusip,
        {{ as_ticker("ticker") }} as ticker,
        {{ as_code("sub_account_type") }} as sub_account_type,
        {{ as_code("long_short") }} as long_short,
        {{ null_word_status("cost_basis") }} as cost_basis_status,
        {{ as_code("quantity_basis") }} as quantity_basis,
        {{ as_code("currency") }} as currency,
        {{ cast_columns(casts) }},
        {{ texts_of(casts) }}
    from received
)

select
    * exclude (received_texts),
    {{ rejected_texts(casts) }}
from typed
