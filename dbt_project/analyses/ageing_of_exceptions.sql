-- How old are the open exceptions, who must act, and how much money do they hold up?
select
    exceptions.who_must_act,
    case
        when exceptions.age_days < 2 then '1. today or yesterday'
        when exceptions.age_days < 8 then '2. within a week'
        when exceptions.age_days < 31 then '3. within a month'
        else '4. older'
    end as age,
    exceptions.severity,
    count(distinct exceptions.cause_key) as causes,
    count(*) as exceptions,
    sum(exceptions.market_value_held_up) as market_value_held_up
from {{ ref('fct_open_exceptions') }} as exceptions
where
    exceptions.as_of_date = (select night.as_of_date from {{ ref('published_night_current') }} as night)
    and exceptions.closed_date is null
group by all
order by age desc, exceptions.severity asc, exceptions.who_must_act asc
