-- One price a night for each security, in dollars per unit of quantity. The newest dated price wins;
-- of the same date a price file goes before a position's price, and that before a position's value
-- over its quantity. A price whose currency has no rate tonight, or that is negative, is no price.
with position_prices as (
    select
        positions.security_id,
        positions.custodian,
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
        coalesce(positions.price_date, {{ as_of_date() }}) as price_date
    from {{ ref("int_positions__sources") }} as positions
    inner join {{ ref("int_securities__described") }} as securities
        on positions.security_id = securities.security_id
),

candidates as (
    select
        identified.security_id,
        prices.custodian,
        prices.currency,
        prices.price,
        prices.price_date,
        prices.source_file_id,
        prices.source_row_number,
        1 as preference
    from {{ ref("stg_prices") }} as prices
    inner join {{ ref("int_securities__identified") }} as identified
        on prices.security_key = identified.security_key
    where prices.price >= 0 and prices.price_date < {{ planned_trade_date() }}
    union all
    select
        security_id,
        custodian,
        currency,
        coalesce(price, price_from_value) as price,
        price_date,
        source_file_id,
        source_row_number,
        case when price is not null then 2 else 3 end as preference
    from position_prices
    where coalesce(price, price_from_value) >= 0 and price_date < {{ planned_trade_date() }}
),

newest as (
    select
        candidates.*,
        fx_rates.dollars_per_unit
    from candidates
    left join {{ ref("int_fx_rates__to_dollars") }} as fx_rates
        on
            candidates.custodian = fx_rates.custodian
            and candidates.currency = fx_rates.currency
    qualify
        row_number() over (
            partition by candidates.security_id
            order by
                fx_rates.dollars_per_unit is null,
                candidates.price_date desc,
                candidates.preference asc,
                candidates.custodian asc,
                candidates.currency asc,
                candidates.price desc,
                candidates.source_file_id asc,
                candidates.source_row_number asc
        ) = 1
)

select
    newest.security_id,
    newest.price as quoted_price,
    newest.currency,
    newest.price_date,
    newest.custodian as price_custodian,
    newest.source_file_id,
    newest.source_row_number,
    {{ product_with_factor(
        product_with_factor("newest.price", "securities.unit_factor"), "newest.dollars_per_unit"
    ) }} as price
from newest
inner join {{ ref("int_securities__described") }} as securities on newest.security_id = securities.security_id
