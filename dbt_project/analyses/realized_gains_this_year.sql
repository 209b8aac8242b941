-- What has each tax return realized this year, ours beside the custodians', and what is disallowed?
select
    gains.household_id,
    gains.tax_unit_id,
    gains.tax_year,
    gains.term,
    count(*) as lines,
    sum(gains.recognized_gain) as recognized_gain,
    sum(gains.disallowed_loss) as disallowed_loss,
    sum(gains.permanently_disallowed_loss) as permanently_disallowed_loss,
    sum(gains.custodian_gain) as custodian_gain,
    count(*) filter (where gains.difference is null) as lines_not_compared,
    sum(gains.difference) as difference
from {{ ref('fct_realized_gains') }} as gains
where gains.as_of_date = (select night.as_of_date from {{ ref('published_night_current') }} as night)
group by all
order by gains.household_id, gains.tax_unit_id, gains.tax_year, gains.term
