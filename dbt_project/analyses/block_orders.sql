-- What would be traded tonight over all households, by custodian, security and side?
select
    accounts.custodian,
    trades.ticker,
    trades.action,
    count(*) as trades,
    count(distinct trades.household_id) as households,
    sum(trades.quantity) as quantity,
    sum(trades.notional) as notional,
    cast(
        sum(trades.notional) / nullif(any_value(securities.average_daily_dollar_volume), 0) as decimal(18, 8)
    ) as share_of_daily_volume
from {{ ref('fct_recommended_trades') }} as trades
inner join {{ ref('dim_accounts') }} as accounts
    on trades.account_id = accounts.account_id and trades.as_of_date = accounts.as_of_date
inner join {{ ref('dim_securities') }} as securities
    on trades.security_id = securities.security_id and trades.as_of_date = securities.as_of_date
where trades.as_of_date = (select night.as_of_date from {{ ref('published_night_current') }} as night)
group by all
order by accounts.custodian asc, trades.action desc, trades.ticker asc
