-- What speaks for and against each proposed trade, in dollars; nothing of a withheld plan.
select
    parts.as_of_date,
    parts.trade_id,
    parts.plan_id,
    parts.household_id,
    parts.account_id,
    parts.security_id,
    parts.component,
    parts.subject,
    parts.dollars,
    parts.marginal_dollars
from {{ source('rebalance', 'trade_rationale') }} as parts
inner join {{ ref('fct_recommended_trades') }} as trades
    on
        parts.trade_id = trades.trade_id
        and parts.as_of_date = trades.as_of_date
where parts.as_of_date = {{ as_of_date() }}
