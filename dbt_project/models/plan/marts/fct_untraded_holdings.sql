-- What each plan leaves off its targets and why, holding by holding; nothing of a withheld plan.
select
    untraded.as_of_date,
    untraded.plan_id,
    untraded.household_id,
    untraded.account_id,
    untraded.security_id,
    untraded.asset_class,
    untraded.action,
    untraded.reason_code,
    untraded.amount,
    untraded.reduced_cost_cents,
    untraded.trade_price,
    untraded.long_term_date,
    untraded.waiting_saves,
    untraded.rationale
from {{ source('rebalance', 'untraded') }} as untraded
inner join {{ ref('fct_rebalance_plans') }} as judged
    on
        untraded.plan_id = judged.plan_id
        and untraded.as_of_date = judged.as_of_date
where
    untraded.as_of_date = {{ as_of_date() }}
    and judged.plan_status <> 'withheld'
