-- One price a night for each security, in dollars per unit of quantity. The newest dated price wins;
-- of the same date a price file goes before a position's price, and that before a position's value
-- over its quantity. A price whose currency has no rate tonight, or that is negative, is no price. A price
-- without a date is taken to be of the day of its file, which is what custodians mean by it and no file
-- says: a price that states the same day or the session before goes before it.
with delivered as (
    select
        source_file_id,
        -- A row of a file of changes is as old as its file, however long it stands.
        min(as_of_date) as as_of_date
    from {{ ref("stg_delivery_files") }}
    where entity = 'positions'
    group by source_file_id
),

position_prices as (
    select
        positions.security_id,
        positions.custodian,
        positions.feed,
        positions.currency,
        positions.price,
        positions.source_file_id,
        positions.source_row_number,
        case
            when positions.quantity <> 0
                then
                    cast(
                        positions.market_value
                        / (positions.quantity * securities.unit_factor) as decimal(28, 10)
                    )
        end as price_from_value,
        coalesce(positions.price_date, delivered.as_of_date) as price_date,
        positions.price_date is not null as is_price_date_stated
    from {{ ref("int_positions__sources") }} as positions
    inner join {{ ref("int_securities__described") }} as securities
        on positions.security_id = securities.security_id
    left join delivered on positions.source_file_id = delivered.source_file_id
),

candidates as (
    select
        identified.security_id,
        prices.custodian,
        prices.feed,
        prices.currency,
        prices.price,
        coalesce(prices.price_date, prices.as_of_date) as price_date,
        prices.price_date is not null as is_price_date_stated,
        prices.source_file_id,
        prices.source_row_number,
        1 as preference
    from {{ ref("stg_prices") }} as prices
    inner join {{ ref("int_securities__identified") }} as identified
        on prices.security_key = identified.security_key
    where prices.price >= 0 and coalesce(prices.price_date, prices.as_of_date) < {{ planned_trade_date() }}
    union all
    select
        security_id,
        custodian,
        feed,
        currency,
        coalesce(price, price_from_value) as price,
        price_date,
        is_price_date_stated,
        source_file_id,
        source_row_number,
        case when price is not null then 2 else 3 end as preference
    from position_prices
    where coalesce(price, price_from_value) >= 0 and price_date < {{ planned_trade_date() }}
),

-- As old as a price may be that goes before one without a date: of the session before that of its file.
ranked as (
    select
        *,
        case
            when is_price_date_stated then price_date
            when price_date = {{ as_of_date() }} then {{ previous_session_date() }}
            else {{ previous_weekday("price_date") }}
        end as ranked_date
    from candidates
),

newest as (
    select
        ranked.*,
        fx_rates.dollars_per_unit
    from ranked
    left join {{ ref("int_fx_rates__to_dollars") }} as fx_rates
        on
            ranked.custodian = fx_rates.custodian
            and ranked.currency = fx_rates.currency
    qualify
        row_number() over (
            partition by ranked.security_id
            order by
                fx_rates.dollars_per_unit is null,
                ranked.ranked_date desc,
                ranked.is_price_date_stated desc,
                ranked.preference asc,
                ranked.custodian asc,
                ranked.currency asc,
                ranked.price desc,
                ranked.source_file_id asc,
                ranked.source_row_number asc
        ) = 1
)

select
    newest.security_id,
    newest.price as quoted_price,
    newest.currency,
    newest.price_date,
    newest.is_price_date_stated,
    newest.custodian as price_custodian,
    newest.feed as price_feed,
    newest.source_file_id,
    newest.source_row_number,
    {{ product_with_factor(
        product_with_factor("newest.price", "securities.unit_factor"), "newest.dollars_per_unit"
    ) }} as price
from newest
inner join {{ ref("int_securities__described") }} as securities on newest.security_id = securities.security_id
