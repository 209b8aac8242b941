-- Holdings as the last night before this one left them; no row on the first night. Read as they stand in
-- the mart, which is made after the rules.
{{ config(materialized="view") }}

with nights as (
    {{ earlier_nights(
        "fct_positions",
        {"account_id": "varchar", "security_id": "varchar", "quantity": "decimal(28, 10)",
         "price": "decimal(28, 10)", "market_value": "decimal(24, 6)"},
    ) }}
)

select
    as_of_date as previous_date,
    account_id,
    security_id,
    quantity,
    price,
    market_value
from nights
