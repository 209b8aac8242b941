-- The components of every trade that the optimiser prices add up to its worth, and no other trade has
-- any.
{{ config(meta={'dagster': {'ref': {'name': 'fct_trade_rationale'}}}) }}

with sums as (
    select
        trade_id,
        sum(dollars) as dollars,
        sum(marginal_dollars) as marginal_dollars
    from {{ ref("fct_trade_rationale") }}
    where as_of_date = {{ as_of_date() }}
    group by trade_id
)

select
    trades.trade_id,
    trades.worth_in_plan,
    trades.marginal_worth,
    sums.dollars,
    sums.marginal_dollars
from {{ ref("fct_recommended_trades") }} as trades
left join sums on trades.trade_id = sums.trade_id
where
    trades.as_of_date = {{ as_of_date() }}
    and (
        sums.dollars is distinct from trades.worth_in_plan
        or sums.marginal_dollars is distinct from trades.marginal_worth
    )
