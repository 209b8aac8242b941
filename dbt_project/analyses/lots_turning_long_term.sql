-- Which gains become long-term within 60 days, and when?
select
    lots.household_id,
    accounts.account_name,
    securities.ticker,
    lots.lot_id,
    lots.holding_period_start_date,
    {{ long_term_from("lots.holding_period_start_date") }} as long_term_from_date,
    lots.quantity,
    lots.unrealized_gain
from {{ ref('fct_tax_lots') }} as lots
inner join {{ ref('dim_accounts') }} as accounts
    on lots.account_id = accounts.account_id and lots.as_of_date = accounts.as_of_date
inner join {{ ref('dim_securities') }} as securities
    on lots.security_id = securities.security_id and lots.as_of_date = securities.as_of_date
where
    lots.as_of_date = (select night.as_of_date from {{ ref('published_night_current') }} as night)
    and accounts.tax_treatment = 'taxable'
    and lower(lots.term) = 'short'
    and lots.unrealized_gain > 0
    and long_term_from_date <= lots.as_of_date + 60
order by long_term_from_date, lots.household_id, lots.lot_id
