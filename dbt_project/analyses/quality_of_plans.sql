-- How good are tonight's plans: how found, how far from the best at most, which kind of sale was
-- needed?
select
    plans.planner,
    plans.solver_status,
    plans.ladder_stage,
    count(*) as plans,
    median(plans.optimality_gap) as median_gap,
    max(plans.optimality_gap) as largest_gap,
    median(plans.optimality_gap_bps) as median_gap_bps,
    sum(plans.waterfall_objective_value - plans.objective_value) as worth_above_waterfall
from {{ ref('fct_rebalance_plans') }} as plans
where plans.as_of_date = (select night.as_of_date from {{ ref('published_night_current') }} as night)
group by all
order by plans.planner nulls last, plans.solver_status, plans.ladder_stage nulls last
