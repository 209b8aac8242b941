{{ config(schema='intermediate') }}

-- A plan's reason and result: that something asked for trades, and that the classes after the trades
-- still fill the whole of every allocation group. One row per violation.
with trades as (

    select *
    from {{ ref('int_plans__trades_joined') }}

),

plans as (

    select *
    from {{ source('rebalance', 'plans') }}
    where as_of_date = {{ as_of_date() }}

),

group_weights as (

    select
        household_id,
        allocation_group_id,
        sum(post_trade_weight) as post_trade_weight
    from {{ ref('int_allocation__compared') }}
    where trade_count > 0
    group by all

),

due_groups as (

    select allocation_group_id
    from {{ ref('fct_drift_summary') }}
    where
        as_of_date = {{ as_of_date() }}
        and is_rebalance_due

),

cash_raising_accounts as (

    select account_id
    from {{ ref('fct_account_cash') }}
    where
        as_of_date = {{ as_of_date() }}
        and investable < 0

),

harvesting_households as (

    select household_id
    from {{ ref('dim_households') }}
    where
        as_of_date = {{ as_of_date() }}
        and harvests_losses

)

select
    plans.household_id,
    plans.plan_id,
    'weights_after_sum_to_one' as check_name,
    'allocation group ' || group_weights.allocation_group_id || ': the classes after the trades add up to '
    || group_weights.post_trade_weight || ' of its value' as detail
from plans
inner join group_weights on plans.household_id = group_weights.household_id
-- ten classes rounded at ten digits each
where abs(group_weights.post_trade_weight - 1) > 0.000000001
union all
select
    household_id,
    plan_id,
    'trades_have_a_trigger' as check_name,
    account_label || ': ' || action || ' of ' || security_label
    || ' is proposed, though no class of its group is outside its band and no cash is needed' as detail
from trades
where
    -- an account without a policy statement has no group: nothing but a need for cash moves it
    coalesce(allocation_group_id not in (select due_groups.allocation_group_id from due_groups), true)
    and account_id not in (select cash_raising_accounts.account_id from cash_raising_accounts)
    and not (
        run_mode = 'tlh_only'
        and household_id in (select harvesting_households.household_id from harvesting_households)
    )
