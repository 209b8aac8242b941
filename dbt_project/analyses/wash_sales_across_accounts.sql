-- Which losses were washed by a purchase in another account of the household, and which are lost for
-- good?
select
    matches.household_id,
    matches.loss_sale_date,
    loss_accounts.account_name as loss_account,
    securities.ticker,
    matches.replacement_date,
    replacement_accounts.account_name as replacement_account,
    matches.matched_quantity,
    matches.disallowed_loss,
    matches.is_permanent
from {{ ref('fct_wash_sale_matches') }} as matches
inner join {{ ref('dim_accounts') }} as loss_accounts
    on
        matches.loss_account_id = loss_accounts.account_id
        and matches.as_of_date = loss_accounts.as_of_date
inner join {{ ref('dim_accounts') }} as replacement_accounts
    on
        matches.replacement_account_id = replacement_accounts.account_id
        and matches.as_of_date = replacement_accounts.as_of_date
left join {{ ref('dim_securities') }} as securities
    on
        matches.loss_security_id = securities.security_id
        and matches.as_of_date = securities.as_of_date
where
    matches.as_of_date = (select night.as_of_date from {{ ref('published_night_current') }} as night)
    and matches.loss_account_id != matches.replacement_account_id
order by matches.household_id, matches.loss_sale_date, matches.match_id
