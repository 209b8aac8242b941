-- How much of each household would tonight's trades move, and what do they cost in basis points of
-- what is traded?
select
    trades.household_id,
    count(*) as trades,
    sum(trades.notional) as traded,
    cast(
        sum(trades.notional) / 2 / nullif(any_value(households.market_value), 0) as decimal(18, 6)
    ) as turnover,
    -- A cost that is not known makes the sum unknown, never smaller.
    case
        when count(*) = count(trades.commission + trades.spread_cost + trades.market_impact)
            then sum(trades.commission + trades.spread_cost + trades.market_impact)
    end as cost,
    cast(10000 * cost / nullif(traded, 0) as decimal(18, 2)) as cost_bps
from {{ ref('fct_recommended_trades') }} as trades
inner join {{ ref('dim_households') }} as households
    on trades.household_id = households.household_id and trades.as_of_date = households.as_of_date
where trades.as_of_date = (select night.as_of_date from {{ ref('published_night_current') }} as night)
group by all
order by turnover desc nulls last, trades.household_id asc
