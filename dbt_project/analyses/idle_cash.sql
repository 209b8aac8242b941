-- Which accounts hold cash that nothing asks for, and how much?
select
    cash.household_id,
    accounts.account_name,
    accounts.custodian,
    cash.trade_date as cash_balance,
    cash.minimum,
    cash.fee_reserve,
    cash.flow_reserve,
    cash.investable
from {{ ref('fct_account_cash') }} as cash
inner join {{ ref('dim_accounts') }} as accounts
    on cash.account_id = accounts.account_id and cash.as_of_date = accounts.as_of_date
where
    cash.as_of_date = (select night.as_of_date from {{ ref('published_night_current') }} as night)
    and cash.investable > 0
order by cash.investable desc, cash.account_id asc
