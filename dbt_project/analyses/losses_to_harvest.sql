-- Which losses could be harvested tonight, and which are held back by a wash-sale window until when?
select
    lots.household_id,
    securities.ticker,
    lots.term,
    sum(lots.unrealized_gain) as loss,
    sum(lots.market_value) as market_value,
    max(windows.no_loss_sale_until_date) as no_loss_sale_until_date
from {{ ref('fct_tax_lots') }} as lots
inner join {{ ref('dim_accounts') }} as accounts
    on lots.account_id = accounts.account_id and lots.as_of_date = accounts.as_of_date
inner join {{ ref('dim_securities') }} as securities
    on lots.security_id = securities.security_id and lots.as_of_date = securities.as_of_date
left join {{ ref('fct_wash_sale_windows') }} as windows
    on
        accounts.wash_sale_group_id = windows.wash_sale_group_id
        and securities.identity_group_id = windows.identity_group_id
        and accounts.as_of_date = windows.as_of_date
        and accounts.as_of_date <= windows.no_loss_sale_until_date
where
    lots.as_of_date = (select night.as_of_date from {{ ref('published_night_current') }} as night)
    and accounts.tax_treatment = 'taxable'
    and lots.unrealized_gain < 0
group by all
order by loss, lots.household_id, securities.ticker
