-- Every household of the night has exactly one row that says what is proposed, or why nothing is.
{{ config(tags=['plan'], meta={'dagster': {'ref': {'name': 'fct_rebalance_plans'}}}) }}

select
    households.household_id,
    count(judged.household_id) as row_count
from {{ ref('dim_households') }} as households
left join {{ ref('fct_rebalance_plans') }} as judged
    on
        households.household_id = judged.household_id
        and households.as_of_date = judged.as_of_date
        and judged.explanation is not null
where households.as_of_date = {{ as_of_date() }}
group by households.household_id
having count(judged.household_id) <> 1
