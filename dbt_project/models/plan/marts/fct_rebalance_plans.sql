-- The night's verdict per household: the planner's plan where the verification passed it, and the
-- reason where it did not or where there is none. A plan with a broken rule is withheld: nothing of
-- what it promised is repeated here.
with households as (

    select *
    from {{ ref('dim_households') }}
    where as_of_date = {{ as_of_date() }}

),

plans as (

    select *
    from {{ source('rebalance', 'plans') }}
    where as_of_date = {{ as_of_date() }}

),

verdicts as (

    select
        plan_id,
        count(*) filter (where not is_passed) as failed_check_count,
        array_to_string(
            list(check_name order by check_name) filter (where not is_passed), ', '
        ) as failed_checks
    from {{ ref('int_verification__checks') }}
    group by plan_id

),

judged as (

    select
        plans.*,
        verdicts.failed_checks,
        verdicts.failed_check_count > 0 as is_broken
    from plans
    inner join verdicts on plans.plan_id = verdicts.plan_id

)

select
    {{ as_of_date() }} as as_of_date,
    coalesce(households.household_id, judged.household_id) as household_id,
    judged.plan_id,
    judged.version,
    judged.input_hash,
    judged.planned_trade_date,
    judged.valid_until_date,
    coalesce(judged.run_mode, 'no_trade') as run_mode,
    case
        when judged.is_broken then 'withheld'
        when judged.plan_status is not null then judged.plan_status
        when households.household_state = 'released' then 'withheld'
        else households.household_state
    end as plan_status,
    judged.solver_status,
    judged.planner,
    case when not judged.is_broken then judged.objective_value end as objective_value,
    case when not judged.is_broken then judged.waterfall_objective_value end as waterfall_objective_value,
    case when not judged.is_broken then judged.optimality_gap end as optimality_gap,
    case when not judged.is_broken then judged.search_gap end as search_gap,
    case
        when not judged.is_broken and households.market_value > 0
            then cast(judged.optimality_gap / households.market_value * 10000 as double)
    end as optimality_gap_bps,
    case when not judged.is_broken then judged.objective_lower_bound end as objective_lower_bound,
    case when not judged.is_broken then judged.ladder_stage end as ladder_stage,
    case when not judged.is_broken then judged.waterfall_estimated_tax end as waterfall_estimated_tax,
    case when not judged.is_broken then judged.estimated_tax end as estimated_tax,
    case when not judged.is_broken then judged.transaction_cost end as transaction_cost,
    judged.tracking_error_before,
    case when not judged.is_broken then judged.tracking_error_after end as tracking_error_after,
    case when not judged.is_broken then judged.breakeven_years end as breakeven_years,
    case
        when judged.is_broken
            then
                'The proposed plan is withheld: it breaks ' || judged.failed_checks
                || '. Nothing is to be traded; the exceptions say what was wrong.'
        when judged.plan_id is not null then judged.explanation
        when households.household_state = 'released'
            then 'The planner returned no plan for this household. Nothing is to be traded.'
        else coalesce(households.state_reason, 'The household is ' || households.household_state || '.')
    end as explanation,
    case when judged.is_broken then judged.failed_checks end as failed_checks
from households
full outer join judged on households.household_id = judged.household_id
