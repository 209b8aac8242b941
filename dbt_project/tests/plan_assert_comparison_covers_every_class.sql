-- The comparison has every class of the drift, with its weight before to the last digit, and the
-- weights after of a group with value add up to one.
{{ config(tags=['plan'], meta={'dagster': {'ref': {'name': 'fct_allocation_comparison'}}}) }}

with compared as (

    select *
    from {{ ref('fct_allocation_comparison') }}
    where as_of_date = {{ as_of_date() }}

)

select
    drift.allocation_group_id,
    drift.asset_class,
    'weight before differs from the drift' as problem
from {{ ref('fct_household_drift') }} as drift
left join compared
    on
        drift.allocation_group_id = compared.allocation_group_id
        and drift.asset_class = compared.asset_class
where
    drift.as_of_date = {{ as_of_date() }}
    and compared.pre_trade_weight is distinct from drift.actual_weight
union all
select
    allocation_group_id,
    null as asset_class,
    'weights after do not add up to one' as problem
from compared
group by allocation_group_id
having sum(post_trade_value) <> 0 and abs(sum(post_trade_weight) - 1) > 0.00000001
