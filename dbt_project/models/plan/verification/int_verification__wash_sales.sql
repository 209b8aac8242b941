{{ config(schema='intermediate') }}

-- Wash sales (IRC 1091) that a plan would make, within itself and against the household's recent
-- history. A wash-sale group is judged as one taxpayer: a purchase in any of its accounts, an IRA or
-- a 401(k) included, washes a loss in any taxable one. One row per violation.
with sold_lots as (

    select *
    from {{ ref('int_plans__trade_lots_joined') }}
    where
        tax_treatment = 'taxable'
        and coalesce(proceeds - expected_cost_basis, realized_gain) < 0

),

losses as (

    select
        household_id,
        plan_id,
        wash_sale_group_id,
        identity_group_id,
        planned_trade_date,
        any_value(account_label) as account_label,
        any_value(security_label) as security_label
    from sold_lots
    group by all

),

buys as (

    select
        household_id,
        plan_id,
        wash_sale_group_id,
        identity_group_id,
        planned_trade_date,
        any_value(account_label) as account_label,
        any_value(security_label) as security_label
    from {{ ref('int_plans__trades_joined') }}
    where
        action = 'buy'
        and counts_for_wash_sales
    group by all

),

windows as (

    select *
    from {{ ref('fct_wash_sale_windows') }}
    where as_of_date = {{ as_of_date() }}

)

select
    losses.household_id,
    losses.plan_id,
    'no_wash_sale_within_the_plan' as check_name,
    losses.security_label || ' is sold at a loss in ' || losses.account_label || ' and '
    || buys.security_label || ', substantially identical, is bought in ' || buys.account_label as detail
from losses
inner join buys
    on
        losses.plan_id = buys.plan_id
        and losses.wash_sale_group_id = buys.wash_sale_group_id
        and losses.identity_group_id = buys.identity_group_id
union all
select
    buys.household_id,
    buys.plan_id,
    'no_wash_sale_against_history' as check_name,
    buys.account_label || ': ' || buys.security_label || ' may not be bought until after '
    || windows.no_buy_until_date || ' (' || coalesce(windows.caused_by, 'a recent loss sale') || ')'
        as detail
from buys
inner join windows
    on
        buys.wash_sale_group_id = windows.wash_sale_group_id
        and buys.identity_group_id = windows.identity_group_id
where buys.planned_trade_date <= windows.no_buy_until_date
union all
select
    losses.household_id,
    losses.plan_id,
    'no_wash_sale_against_history' as check_name,
    losses.account_label || ': ' || losses.security_label || ' may not be sold at a loss until after '
    || windows.no_loss_sale_until_date || ' (' || coalesce(windows.caused_by, 'a recent purchase')
    || ')' as detail
from losses
inner join windows
    on
        losses.wash_sale_group_id = windows.wash_sale_group_id
        and losses.identity_group_id = windows.identity_group_id
where losses.planned_trade_date <= windows.no_loss_sale_until_date
union all
select
    losses.household_id,
    losses.plan_id,
    'no_wash_sale_against_history' as check_name,
    losses.account_label || ': ' || losses.security_label
    || ' is sold at a loss, but the history of its wash-sale group is not known for 30 days' as detail
from losses
inner join windows
    on
        losses.wash_sale_group_id = windows.wash_sale_group_id
        and losses.identity_group_id = windows.identity_group_id
where windows.coverage = 'unknown'
