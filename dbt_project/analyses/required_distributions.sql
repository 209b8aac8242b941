-- Which required distributions are still to be taken, how much, and in how many days?
select
    distributions.household_id,
    distributions.account_names,
    distributions.tax_year,
    distributions.required_amount,
    distributions.distributed_amount,
    distributions.remaining_amount,
    distributions.due_date,
    distributions.due_date - distributions.as_of_date as days_left,
    distributions.unknown_reason
from {{ ref('fct_required_distributions') }} as distributions
where
    distributions.as_of_date = (select night.as_of_date from {{ ref('published_night_current') }} as night)
    and (distributions.remaining_amount > 0 or distributions.unknown_reason is not null)
order by distributions.due_date nulls last, distributions.household_id, distributions.account_names
