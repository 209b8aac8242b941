-- Every dollar of the base is in one class.
{{ config(meta={'dagster': {'ref': {'name': 'fct_household_drift'}}}) }}

select
    allocation_group_id,
    sum(actual_weight) as total_weight
from {{ ref("fct_household_drift") }}
where as_of_date = {{ as_of_date() }}
group by allocation_group_id
having abs(sum(actual_weight) - 1) > 0.00000001
