-- What owners of retirement accounts must take this year, what they took, what is planned and what is left.
select
    {{ as_of_date() }} as as_of_date,
    owner_person_id,
    aggregation_group,
    tax_year,
    household_id,
    account_names,
    age_in_year,
    distribution_period,
    cast(required_amount as decimal(24, 6)) as required_amount,
    cast(distributed_amount as decimal(24, 6)) as distributed_amount,
    cast(planned_amount as decimal(24, 6)) as planned_amount,
    cast(remaining_amount as decimal(24, 6)) as remaining_amount,
    due_date,
    unknown_reason
from {{ ref("int_required_distributions__computed") }}
