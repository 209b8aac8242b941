-- How has each household drifted, night by night? The class furthest from its target in each.
select
    households.household_name,
    drift.household_id,
    drift.allocation_group_id,
    drift.as_of_date,
    count(*) filter (where drift.is_breach) as classes_outside_their_band,
    max(abs(drift.absolute_drift)) as largest_drift,
    max_by(drift.asset_class, abs(drift.absolute_drift)) as class_with_largest_drift,
    sum(drift.market_value) as market_value
from {{ ref('fct_household_drift') }} as drift
inner join {{ ref('dim_households') }} as households
    on drift.household_id = households.household_id and drift.as_of_date = households.as_of_date
group by all
order by drift.household_id, drift.allocation_group_id, drift.as_of_date
