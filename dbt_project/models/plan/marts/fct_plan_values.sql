-- What each proposed plan is worth, term by term, beside the baseline's; nothing of a withheld plan.
select
    worth.as_of_date,
    worth.plan_id,
    worth.household_id,
    worth.term,
    worth.amount,
    worth.waterfall_amount
from {{ source('rebalance', 'plan_values') }} as worth
inner join {{ ref('fct_rebalance_plans') }} as judged
    on
        worth.plan_id = judged.plan_id
        and worth.as_of_date = judged.as_of_date
where
    worth.as_of_date = {{ as_of_date() }}
    and judged.plan_status <> 'withheld'
