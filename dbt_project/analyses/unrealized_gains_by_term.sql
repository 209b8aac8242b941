-- What gains and losses stand unrealized in taxable accounts, by term, household by household?
select
    lots.household_id,
    lots.term,
    count(*) as lots,
    sum(lots.market_value) as market_value,
    sum(lots.unrealized_gain) filter (where lots.unrealized_gain > 0) as gains,
    sum(lots.unrealized_gain) filter (where lots.unrealized_gain < 0) as losses,
    count(*) filter (where lots.unrealized_gain is null) as lots_of_unknown_gain
from {{ ref('fct_tax_lots') }} as lots
inner join {{ ref('dim_accounts') }} as accounts
    on lots.account_id = accounts.account_id and lots.as_of_date = accounts.as_of_date
where
    lots.as_of_date = (select night.as_of_date from {{ ref('published_night_current') }} as night)
    and accounts.tax_treatment = 'taxable'
group by all
order by lots.household_id, lots.term
