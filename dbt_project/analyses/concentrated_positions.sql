-- Which single securities are more than a tenth of a household, and what would selling them realize?
with held as (

    select
        positions.household_id,
        positions.security_id,
        sum(positions.market_value) as market_value,
        sum(positions.unrealized_gain) filter (where accounts.tax_treatment = 'taxable') as taxable_gain
    from {{ ref('fct_positions') }} as positions
    inner join {{ ref('dim_accounts') }} as accounts
        on
            positions.account_id = accounts.account_id
            and positions.as_of_date = accounts.as_of_date
    where positions.as_of_date = (select night.as_of_date from {{ ref('published_night_current') }} as night)
    group by all

)

select
    held.household_id,
    securities.ticker,
    securities.security_name,
    securities.security_type,
    held.market_value,
    cast(held.market_value / nullif(households.market_value, 0) as decimal(18, 6)) as weight,
    limits.limit_weight,
    held.taxable_gain
from held
inner join {{ ref('dim_households') }} as households
    on
        held.household_id = households.household_id
        and households.as_of_date
        = (select night.as_of_date from {{ ref('published_night_current') }} as night)
inner join {{ ref('dim_securities') }} as securities
    on
        held.security_id = securities.security_id
        and securities.as_of_date
        = (select night.as_of_date from {{ ref('published_night_current') }} as night)
left join {{ ref('fct_concentration_limits') }} as limits
    on
        held.household_id = limits.household_id
        and held.security_id = limits.security_id
        and limits.as_of_date = (select night.as_of_date from {{ ref('published_night_current') }} as night)
where held.market_value > 0.1 * households.market_value
order by weight desc, held.household_id asc
