-- What tax do tonight's plans cost, and how much less is that than the waterfall's, by advisor?
select
    households.advisor_id,
    households.advisor_name,
    count(*) as plans,
    count(*) filter (where plans.waterfall_estimated_tax is null) as plans_without_comparison,
    sum(plans.estimated_tax) as estimated_tax,
    sum(plans.waterfall_estimated_tax) as waterfall_estimated_tax,
    sum(plans.waterfall_estimated_tax - plans.estimated_tax) as tax_saved,
    sum(plans.transaction_cost) as transaction_cost
from {{ ref('fct_rebalance_plans') }} as plans
inner join {{ ref('dim_households') }} as households
    on plans.household_id = households.household_id and plans.as_of_date = households.as_of_date
where
    plans.as_of_date = (select night.as_of_date from {{ ref('published_night_current') }} as night)
    and plans.plan_status in ('proposed', 'partial')
group by all
order by tax_saved desc nulls last, households.advisor_id asc
