{% set casts = {
    "is_cash_equivalent": "boolean",
    "price_factor": "quantity",
    "contract_multiplier": "quantity",
    "pool_factor": "quantity",
    "maturity_date": "date",
    "coupon_rate": "quantity",
    "strike_price": "quantity",
    "expiration_date": "date",
    "covered_from_year": "integer",
} %}

with received as (
    {{ rows_in_effect("securities", ["custodian_security_id", "cusip", "isin", "ticker"]) }}
)

select
    custodian,
    feed,
    source_file_id,
    source_row_number,
    chain_position,
    {{ security_key(["custodian_security_id", "cusip", "isin", "ticker"]) }} as security_key,
    {{ as_code("cusip") }} as cusip,
    {{ as_code("isin") }} as isin,
    {{ as_ticker("ticker") }} as ticker,
    {{ as_text("security_name") }} as security_name,
    {{ as_security_type("security_type") }} as security_type,
    {{ as_code("currency") }} as currency,
    {{ as_ticker("underlying_ticker") }} as underlying_ticker,
    {{ as_put_call("put_call") }} as put_call,
    {{ cast_columns(casts) }},
    {{ rejected_values(casts) }}
from received
