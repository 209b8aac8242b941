-- Cash of each account as the last night before this one left it, what is owed taken off; no row on the
-- first night, none for an account whose cash was not known.
{{ config(materialized="view") }}

with nights as (
    {{ earlier_nights(
        "fct_account_cash",
        {"account_id": "varchar", "trade_date": "decimal(24, 6)", "margin_debit": "decimal(24, 6)"},
    ) }}
)

select
    as_of_date as previous_date,
    account_id,
    trade_date - coalesce(margin_debit, 0) as cash
from nights
where trade_date is not null
