-- Which households are not released, since when, why, who must act, and how much money waits?
select
    households.household_id,
    households.household_name,
    households.advisor_id,
    households.household_state,
    households.data_state_since_date,
    households.market_value,
    households.who_must_act,
    households.state_reason
from {{ ref('dim_households') }} as households
where
    households.as_of_date = (select night.as_of_date from {{ ref('published_night_current') }} as night)
    and households.household_state != 'released'
order by households.market_value desc nulls last, households.household_id asc
