-- Of the paths of a plan whose worth is known exactly one is recommended, and none of the others.
{{ config(meta={'dagster': {'ref': {'name': 'fct_plan_alternatives'}}}) }}

select
    plan_id,
    count(*) as paths,
    count(*) filter (where is_recommended) as recommended,
    count(*) filter (where alternative = 'trade_now' and objective_value is null) as unknown
from {{ ref("fct_plan_alternatives") }}
where as_of_date = {{ as_of_date() }}
group by plan_id
having
    count(*) <> 4
    or count(*) filter (where is_recommended)
    + count(*) filter (where alternative = 'trade_now' and objective_value is null) <> 1
