-- The trades as the planner proposed them, each beside the book's facts on its account and its
-- security. Belongs here: joins and labels. Does not belong here: any judgement.
with plans as (

    select *
    from {{ source('rebalance', 'plans') }}
    where as_of_date = {{ as_of_date() }}

),

trades as (

    select *
    from {{ source('rebalance', 'trades') }}
    where as_of_date = {{ as_of_date() }}

),

accounts as (

    select *
    from {{ ref('dim_accounts') }}
    where as_of_date = {{ as_of_date() }}

),

securities as (

    select *
    from {{ ref('dim_securities') }}
    where as_of_date = {{ as_of_date() }}

)

select
    trades.trade_id,
    trades.plan_id,
    trades.household_id,
    trades.account_id,
    trades.security_id,
    trades.action,
    trades.quantity,
    trades.price,
    trades.notional,
    trades.reason_code,
    trades.tax_character,
    trades.realized_short_term_gain,
    trades.realized_short_term_loss,
    trades.realized_long_term_gain,
    trades.realized_long_term_loss,
    trades.tax_cost,
    trades.commission,
    trades.spread_cost,
    trades.market_impact,
    plans.planned_trade_date,
    plans.run_mode,
    accounts.household_id as account_household_id,
    accounts.custodian,
    accounts.tax_treatment,
    accounts.tax_unit_id,
    accounts.wash_sale_group_id,
    accounts.counts_for_wash_sales,
    accounts.counts_toward_allocation,
    accounts.allocation_group_id,
    accounts.is_tradable,
    accounts.is_trading_blocked,
    accounts.trading_blocked_reason,
    securities.ticker,
    securities.security_type,
    securities.identity_group_id,
    securities.price as book_price,
    securities.half_spread_bps as book_half_spread_bps,
    securities.is_collectible,
    trades.commission + trades.spread_cost + trades.market_impact as trade_cost,
    coalesce(accounts.account_name, trades.account_id) as account_label,
    coalesce(securities.ticker, securities.security_name, trades.security_id) as security_label
from trades
left join plans on trades.plan_id = plans.plan_id and trades.household_id = plans.household_id
left join accounts on trades.account_id = accounts.account_id
left join securities on trades.security_id = securities.security_id
