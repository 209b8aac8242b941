-- What budgets for the year's tax would buy in place of the proposed plan; nothing of a withheld one.
select
    points.as_of_date,
    points.plan_id,
    points.household_id,
    points.point,
    points.tax_budget,
    points.estimated_tax,
    points.drift_outside_bands,
    points.tracking_error,
    points.transaction_cost
from {{ source('rebalance', 'tax_budget_frontier') }} as points
inner join {{ ref('fct_rebalance_plans') }} as judged
    on
        points.plan_id = judged.plan_id
        and points.as_of_date = judged.as_of_date
where
    points.as_of_date = {{ as_of_date() }}
    and judged.plan_status <> 'withheld'
