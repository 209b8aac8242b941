-- What is out of tolerance but not traded tonight, and for which reasons?
select
    exceptions.reason_code,
    count(*) as subjects,
    count(distinct exceptions.household_id) as households,
    sum(exceptions.amount) as known_amount,
    count(*) filter (where exceptions.amount is null) as without_amount,
    min(exceptions.rationale) as an_example
from {{ ref('fct_trade_exceptions') }} as exceptions
where exceptions.as_of_date = (select night.as_of_date from {{ ref('published_night_current') }} as night)
group by all
order by subjects desc, exceptions.reason_code asc
