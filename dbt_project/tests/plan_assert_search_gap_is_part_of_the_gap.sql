-- What the search itself may have missed is a part of the whole distance to the best plan: never
-- negative, never more than the whole (a dollar is left to roundings), and known where that is.
{{ config(tags=['plan'], meta={'dagster': {'ref': {'name': 'fct_rebalance_plans'}}}) }}

select
    household_id,
    plan_id,
    search_gap,
    optimality_gap
from {{ ref('fct_rebalance_plans') }}
where
    as_of_date = {{ as_of_date() }}
    and (
        (search_gap is null) <> (optimality_gap is null)
        or search_gap < 0
        or search_gap > optimality_gap + 1
    )
