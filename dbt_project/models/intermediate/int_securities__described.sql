-- What the custodians' masters say of each security of the registry, and the factor that turns a
-- quoted price into the value of one unit of quantity.
with universe as (
    select
        security_id,
        min(id_value) filter (where id_type = 'TICKER') as any_ticker,
        min(id_value) filter (where id_type = 'CUSIP') as any_cusip,
        min(id_value) filter (where id_type = 'ISIN') as any_isin
    from {{ ref("stg_security_registry") }}
    group by security_id
    union all
    select
        identified.security_id,
        min(identified.ticker) as any_ticker,
        min(identified.cusip) as any_cusip,
        null as any_isin
    from {{ ref("int_securities__identified") }} as identified
    where not identified.is_resolved
    group by identified.security_id
),

second_opinions as (
    select distinct source_file_id from {{ ref("stg_delivery_files") }}
    where entity = 'securities' and feed_role = 'cross_check'
),

masters as (
    select
        identified.security_id,
        securities.*,
        row_number() over (
            partition by identified.security_id
            order by
                -- A second opinion describes only what no other master does.
                second_opinions.source_file_id is not null,
                securities.custodian,
                securities.source_file_id,
                securities.source_row_number
        ) as preference
    from {{ ref("stg_securities") }} as securities
    inner join {{ ref("int_securities__identified") }} as identified
        on securities.security_key = identified.security_key
    left join second_opinions on securities.source_file_id = second_opinions.source_file_id
    -- Of a chain of files of changes the newest row, also where an older one has other ids.
    qualify
        securities.chain_position is null
        or securities.chain_position
        = max(securities.chain_position) over (
            partition by
                securities.custodian,
                securities.feed,
                identified.security_id,
                case when not identified.is_resolved then securities.security_key end
        )
),

described as (
    select
        security_id,
        arg_min(ticker, preference) as ticker,
        arg_min(cusip, preference) as cusip,
        arg_min(isin, preference) as isin,
        arg_min(security_name, preference) as security_name,
        arg_min(security_type, preference) as security_type,
        bool_or(is_cash_equivalent) as is_cash_equivalent,
        arg_min(currency, preference) as currency,
        arg_min(price_factor, preference) as price_factor,
        arg_min(contract_multiplier, preference) as contract_multiplier,
        arg_min(pool_factor, preference) as pool_factor,
        arg_min(maturity_date, preference) as maturity_date,
        arg_min(coupon_rate, preference) as coupon_rate,
        arg_min(put_call, preference) as put_call,
        arg_min(strike_price, preference) as strike_price,
        arg_min(expiration_date, preference) as expiration_date,
        arg_min(covered_from_year, preference) as covered_from_year,
        arg_min(underlying_ticker, preference) as underlying_ticker
    from masters
    group by security_id
),

named as (
    select
        universe.security_id,
        coalesce(described.ticker, {{ as_ticker("universe.any_ticker") }}) as ticker,
        coalesce(described.cusip, universe.any_cusip) as cusip,
        coalesce(described.isin, universe.any_isin) as isin,
        coalesce(described.security_name, universe.any_ticker, universe.any_cusip) as security_name,
        described.security_type,
        coalesce(described.is_cash_equivalent, false)
        or coalesce(described.security_type = 'MONEY_MARKET', false) as is_cash_equivalent,
        described.currency,
        described.maturity_date,
        described.coupon_rate,
        described.put_call,
        described.strike_price,
        described.expiration_date,
        described.covered_from_year,
        described.underlying_ticker,
        {{ price_unit_factor(
            "described.security_type", "described.price_factor", "described.contract_multiplier",
            "described.pool_factor"
        ) }} as unit_factor
    from universe
    left join described on universe.security_id = described.security_id
),

grouped as (
    select
        named.*,
        identity_groups.identity_group_id as seed_group_id,
        underlying.security_id as underlying_security_id,
        underlying_groups.identity_group_id as underlying_group_id
    from named
    left join {{ ref("seed_identity_groups") }} as identity_groups on named.ticker = identity_groups.ticker
    -- An option is a contract to acquire its underlying: the two are one group for wash sales.
    left join {{ ref("stg_security_registry") }} as underlying
        on
            named.security_type = 'OPTION'
            and named.underlying_ticker = underlying.id_value
            and underlying.id_type = 'TICKER'
    left join {{ ref("seed_identity_groups") }} as underlying_groups
        on named.security_type = 'OPTION' and named.underlying_ticker = underlying_groups.ticker
)

select
    security_id,
    ticker,
    cusip,
    isin,
    security_name,
    security_type,
    is_cash_equivalent,
    currency,
    maturity_date,
    coupon_rate,
    put_call,
    strike_price,
    expiration_date,
    covered_from_year,
    underlying_ticker,
    unit_factor,
    coalesce(seed_group_id, underlying_group_id, underlying_security_id, security_id) as identity_group_id
from grouped
