-- The trades that are proposed: those of plans that no rule of the verification withholds.
with trades as (

    select *
    from {{ source('rebalance', 'trades') }}
    where as_of_date = {{ as_of_date() }}

),

plans as (

    select *
    from {{ ref('fct_rebalance_plans') }}
    where
        as_of_date = {{ as_of_date() }}
        and plan_status <> 'withheld'

),

labels as (

    select *
    from {{ ref('int_plans__trades_joined') }}

)

select
    trades.as_of_date,
    trades.trade_id,
    trades.plan_id,
    trades.household_id,
    trades.account_id,
    labels.account_label as account_name,
    trades.action,
    trades.security_id,
    labels.ticker,
    trades.asset_class,
    trades.quantity,
    trades.price,
    trades.notional,
    trades.reason_code,
    trades.rationale,
    trades.tax_character,
    trades.realized_short_term_gain,
    trades.realized_short_term_loss,
    trades.realized_long_term_gain,
    trades.realized_long_term_loss,
    trades.tax_cost,
    trades.commission,
    trades.spread_cost,
    trades.market_impact,
    trades.order_type,
    trades.limit_price,
    trades.trade_sequence,
    trades.standing_lot_method,
    trades.lot_instruction,
    trades.lot_instruction_text,
    trades.lots_named_by_date,
    trades.value_of_trade,
    trades.worth_in_plan,
    trades.marginal_worth
from trades
inner join plans on trades.plan_id = plans.plan_id and trades.household_id = plans.household_id
inner join labels on trades.trade_id = labels.trade_id
