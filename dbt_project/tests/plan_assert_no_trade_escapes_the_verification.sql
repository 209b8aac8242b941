-- Every row the planner wrote belongs to a plan that was verified, and none of what is recommended to
-- a plan that breaks a rule. A night that would publish such a trade publishes nothing.
{{ config(tags=['plan'], severity='error', meta={'dagster': {'ref': {'name': 'fct_recommended_trades'}}}) }}

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

broken as (

    select distinct plan_id
    from {{ ref('fct_compliance_checks') }}
    where as_of_date = {{ as_of_date() }} and not is_passed

)

select
    'trade without a plan' as problem,
    trades.trade_id as id
from trades
left join plans on trades.plan_id = plans.plan_id and trades.household_id = plans.household_id
where plans.plan_id is null
union all
select
    'lot without a trade' as problem,
    trade_lots.trade_id || ' ' || trade_lots.lot_id as id
from {{ source('rebalance', 'trade_lots') }} as trade_lots
left join trades on trade_lots.trade_id = trades.trade_id
where trade_lots.as_of_date = {{ as_of_date() }} and trades.trade_id is null
union all
select
    'trade of a broken plan' as problem,
    recommended.trade_id as id
from {{ ref('fct_recommended_trades') }} as recommended
inner join broken on recommended.plan_id = broken.plan_id
where recommended.as_of_date = {{ as_of_date() }}
union all
select
    'tax of a broken plan' as problem,
    impact.tax_unit_id as id
from {{ ref('fct_tax_impact') }} as impact
inner join broken on impact.plan_id = broken.plan_id
where impact.as_of_date = {{ as_of_date() }}
