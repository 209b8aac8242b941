-- What else could be done tonight, beside the proposed plan; nothing of a withheld plan.
select
    paths.as_of_date,
    paths.plan_id,
    paths.household_id,
    paths.alternative,
    paths.same_as,
    paths.end_date,
    paths.trade_count,
    paths.breach_count,
    paths.drift_outside_bands,
    paths.largest_drift,
    paths.tracking_error,
    paths.estimated_tax,
    paths.transaction_cost,
    paths.waiting_cost,
    paths.objective_value,
    paths.optimality_gap,
    paths.breakeven_years,
    paths.pre_tax_wealth_1y,
    paths.after_tax_wealth_1y,
    paths.pre_tax_wealth_3y,
    paths.after_tax_wealth_3y,
    paths.pre_tax_wealth_5y,
    paths.after_tax_wealth_5y,
    paths.pre_tax_wealth_10y,
    paths.after_tax_wealth_10y,
    paths.is_recommended,
    paths.verdict
from {{ source('rebalance', 'alternatives') }} as paths
inner join {{ ref('fct_rebalance_plans') }} as judged
    on
        paths.plan_id = judged.plan_id
        and paths.as_of_date = judged.as_of_date
where
    paths.as_of_date = {{ as_of_date() }}
    and judged.plan_status <> 'withheld'
