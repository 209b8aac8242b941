-- What advisors decided for trading on this session, and what has become of it tonight. A decision counts
-- only while its return stands and its plan is the one that its own night shows: a night that was run again
-- on other inputs has another plan, and nothing that was approved of the old one may be traded.
with decisions as (

    select *
    from {{ source('ops', 'trade_decisions') }}
    where as_of_date = {{ as_of_date() }}

),

-- plans of the nights before, as they stand now
plans as (

    select
        as_of_date,
        household_id,
        plan_id
    from {{ ref('fct_rebalance_plans') }}
    where plan_status <> 'withheld'

)

select
    decisions.as_of_date,
    decisions.return_number,
    decisions.household_id,
    decisions.plan_id,
    decisions.plan_as_of_date,
    decisions.plan_version,
    decisions.trade_id,
    decisions.account_id,
    decisions.action,
    decisions.security_id,
    decisions.proposed_quantity,
    decisions.decision,
    decisions.decided_quantity,
    case
        when decisions.return_state <> 'in_force' then decisions.return_state
        when plans.plan_id is null then 'superseded'
        when decisions.decision = 'reject' then 'rejected'
        else 'released'
    end as decision_state,
    decisions.snooze_until_date,
    decisions.decision_note,
    decisions.advisor_id,
    decisions.decided_at,
    decisions.file_name,
    decisions.sha256 as file_sha256,
    decisions.cell
from decisions
left join plans
    on
        decisions.plan_as_of_date = plans.as_of_date
        and decisions.household_id = plans.household_id
        and decisions.plan_id = plans.plan_id
