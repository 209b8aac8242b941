-- The base, recomputed from holdings, cash and fees of the accounts that count, without classes.
{{ config(meta={'dagster': {'ref': {'name': 'fct_drift_summary'}}}) }}

with accounts as (
    select
        account_id,
        allocation_group_id
    from {{ ref("int_accounts__states") }}
    where counts_toward_allocation and account_status <> 'closed'
),

held as (
    select
        accounts.allocation_group_id,
        sum(positions.market_value) as market_value
    from accounts
    inner join {{ ref("int_positions__valued") }} as positions on accounts.account_id = positions.account_id
    group by accounts.allocation_group_id
),

cash as (
    select
        accounts.allocation_group_id,
        sum(coalesce(cash.trade_date - cash.margin_debit, 0) - cash.fee_reserve) as market_value
    from accounts
    inner join {{ ref("fct_account_cash") }} as cash on accounts.account_id = cash.account_id
    where cash.as_of_date = {{ as_of_date() }}
    group by accounts.allocation_group_id
)

select
    summary.allocation_group_id,
    summary.market_value
from {{ ref("fct_drift_summary") }} as summary
left join held on summary.allocation_group_id = held.allocation_group_id
left join cash on summary.allocation_group_id = cash.allocation_group_id
where
    summary.as_of_date = {{ as_of_date() }}
    and abs(summary.market_value - coalesce(held.market_value, 0) - coalesce(cash.market_value, 0)) > 0.01
