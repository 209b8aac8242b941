-- Why is traded what is traded tonight: trades, dollars, tax and worth by reason?
select
    trades.reason_code,
    trades.action,
    accounts.tax_treatment,
    count(*) as trades,
    count(distinct trades.household_id) as households,
    sum(trades.notional) as notional,
    sum(trades.tax_cost) as tax,
    median(trades.value_of_trade) as median_worth_of_a_trade
from {{ ref('fct_recommended_trades') }} as trades
inner join {{ ref('dim_accounts') }} as accounts
    on trades.account_id = accounts.account_id and trades.as_of_date = accounts.as_of_date
where trades.as_of_date = (select night.as_of_date from {{ ref('published_night_current') }} as night)
group by all
order by notional desc, trades.reason_code asc, trades.action asc, accounts.tax_treatment asc
