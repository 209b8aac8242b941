-- Rules about prices of which no file states the day. They are taken to be of the day of their file, and
-- how old they are nobody can say; rules about the age of dated prices stand in int_rules__positions.
with undated as (
    select
        prices.security_id,
        prices.price_custodian as custodian,
        prices.price_feed as feed,
        prices.source_file_id,
        prices.price,
        securities.security_type
    from {{ ref("int_securities__priced") }} as prices
    inner join {{ ref("int_securities__described") }} as securities
        on prices.security_id = securities.security_id
    where
        not prices.is_price_date_stated
        -- The price of a money fund is always one.
        and coalesce(securities.security_type, '') <> 'MONEY_MARKET'
        and prices.security_id in (
            select positions.security_id from {{ ref("int_positions__aggregated") }} as positions
        )
),

previous_prices as (
    select
        security_id,
        max(previous_date) as previous_date,
        max(price) as price
    from {{ ref("int_changes__positions_before") }}
    where price > 0
    group by security_id
),

-- Those that trade every session, beside what they were worth on the last night.
listed as (
    select
        undated.custodian,
        undated.feed,
        max(previous_prices.previous_date) as previous_date,
        count(*) as security_count,
        count(*) filter (where undated.price = previous_prices.price) as unchanged_count
    from undated
    inner join previous_prices on undated.security_id = previous_prices.security_id
    where undated.security_type in ('EQUITY', 'ETF', 'MUTUAL_FUND')
    group by undated.custodian, undated.feed
)

select
    'price_date_is_stated' as rule,
    custodian,
    feed,
    case when count(distinct source_file_id) = 1 then min(source_file_id) end as source_file_id,
    'prices of ' || count(*) || case when count(*) = 1 then ' security' else ' securities' end
    || ' without their day' as observed,
    'The file states prices and not their day. They are taken to be of the file''s own day, unless another '
    || 'price states that day or the session before; whether they are older nobody can tell.' as message
from undated
group by custodian, feed
union all
select
    'undated_prices_have_moved' as rule,
    custodian,
    feed,
    cast(null as varchar) as source_file_id,
    'the prices of all ' || security_count || ' listed holdings as on '
    || strftime(previous_date, '%Y-%m-%d') as observed,
    'The prices of ' || custodian || ' state no day, and not one of them has moved since '
    || strftime(previous_date, '%Y-%m-%d')
    || ': they are likely to be of that session. Ask the custodian for tonight''s. The delivery is flagged.'
        as message
from listed
where security_count >= 5 and unchanged_count = security_count
