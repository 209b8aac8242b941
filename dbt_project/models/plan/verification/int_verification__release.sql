{{ config(schema='intermediate') }}

-- Whether a plan may be shown at all: its household is released, its date lies ahead, and its trades
-- are its own. One row per violation.
with plans as (

    select *
    from {{ source('rebalance', 'plans') }}
    where as_of_date = {{ as_of_date() }}

),

trades as (

    select
        *,
        count(*) over (partition by trade_id) as trade_id_count
    from {{ ref('int_plans__trades_joined') }}

),

trade_counts as (

    select
        plan_id,
        count(*) as trade_count
    from trades
    group by plan_id

),

households as (

    select *
    from {{ ref('dim_households') }}
    where as_of_date = {{ as_of_date() }}

)

select
    plans.household_id,
    plans.plan_id,
    'household_is_released' as check_name,
    trade_counts.trade_count || ' trades are proposed, but the household is '
    || coalesce(
        households.household_state || coalesce(' (' || households.state_reason || ')', ''),
        'not in the book'
    ) as detail
from plans
inner join trade_counts on plans.plan_id = trade_counts.plan_id
left join households on plans.household_id = households.household_id
where households.household_state is distinct from 'released'
union all
select
    household_id,
    plan_id,
    'trade_date_follows_as_of_date' as check_name,
    'the planned trade date ' || coalesce(cast(planned_trade_date as varchar), '(none)')
    || ' does not follow the session ' || as_of_date || ', or the plan ends before it ('
    || coalesce(cast(valid_until_date as varchar), 'none') || ')' as detail
from plans
where
    planned_trade_date is null
    or planned_trade_date <= as_of_date
    or valid_until_date is null
    or valid_until_date < planned_trade_date
union all
select
    plans.household_id,
    plans.plan_id,
    'trades_fit_the_run_mode' as check_name,
    trade_counts.trade_count || ' trades are proposed in run mode ' || plans.run_mode
    || ' with plan status ' || plans.plan_status as detail
from plans
inner join trade_counts on plans.plan_id = trade_counts.plan_id
where
    plans.run_mode = 'no_trade'
    or plans.plan_status in ('no_trade', 'awaiting_execution', 'waiting_for_feed', 'withheld')
union all
select
    household_id,
    plan_id,
    'trade_ids_are_unique' as check_name,
    'trade ' || trade_id || ' is stated ' || trade_id_count || ' times' as detail
from trades
where trade_id_count > 1
