-- Which asset classes leave their bands, night by night, on which side, and how much money stands
-- outside?
select
    drift.as_of_date,
    drift.asset_class,
    count(*) filter (where drift.is_breach and drift.absolute_drift > 0) as households_over,
    count(*) filter (where drift.is_breach and drift.absolute_drift < 0) as households_under,
    coalesce(
        sum(abs(drift.over_under_amount)) filter (where drift.is_breach), 0
    ) as over_or_under_amount
from {{ ref('fct_household_drift') }} as drift
group by all
order by drift.as_of_date, min(drift.asset_class_rank)
