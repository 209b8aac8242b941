{{ config(schema='intermediate') }}

-- Whether a plan counts what its trades cost: a security is traded only where its half-spread is known,
-- its own or the firm's for its type, and no trade is stated cheaper than that. One row per violation.
with trades as (

    select *
    from {{ ref('int_plans__trades_joined') }}

)

select
    household_id,
    plan_id,
    'trading_costs_are_known' as check_name,
    account_label || ': ' || action || ' of ' || security_label || ', but neither its half-spread nor one '
    || 'for its type is known' as detail
from trades
where book_half_spread_bps is null
union all
select
    household_id,
    plan_id,
    'trading_costs_are_known' as check_name,
    account_label || ': ' || action || ' of $' || notional || ' of ' || security_label
    || ' at a half-spread of ' || book_half_spread_bps || ' basis points is stated to cost $'
    || coalesce(spread_cost::varchar, 'nothing') as detail
from trades
where
    book_half_spread_bps is not null
    and coalesce(spread_cost < notional * book_half_spread_bps / 10000 - 0.01, true)
