with main_exposures as (
    select
        security_id,
        max_by(sub_class, weight) as sub_class,
        bool_and(asset_class <> 'Unmapped') as is_mapped
    from {{ ref("int_securities__classified") }}
    group by security_id
),

slow_redemptions as (
    select
        identified.security_id,
        min(terms.redemption_days) > 7 as is_slow
    from {{ ref("stg_security_custodians") }} as terms
    inner join
        {{ ref("int_securities__identified") }} as identified
        on terms.security_key = identified.security_key
    group by identified.security_id
)

select
    {{ as_of_date() }} as as_of_date,
    securities.security_id,
    securities.ticker,
    securities.cusip,
    securities.isin,
    securities.security_name,
    securities.security_type,
    main_exposures.sub_class,
    securities.identity_group_id,
    securities.is_cash_equivalent,
    coalesce(securities.security_type = 'ALTERNATIVE', false)
    or coalesce(slow_redemptions.is_slow, false) as is_illiquid,
    main_exposures.is_mapped,
    prices.price,
    prices.price_date,
    prices.is_price_date_stated,
    coalesce(prices.currency, securities.currency) as currency,
    coalesce(costs.half_spread_bps, type_costs.half_spread_bps) as half_spread_bps,
    costs.average_daily_dollar_volume,
    costs.expense_ratio,
    costs.dividend_yield,
    collectibles.is_collectible,
    case
        when costs.half_spread_bps is not null then 'security'
        when type_costs.half_spread_bps is not null then 'security_type'
    end as half_spread_source
from {{ ref("int_securities__described") }} as securities
inner join main_exposures on securities.security_id = main_exposures.security_id
left join slow_redemptions on securities.security_id = slow_redemptions.security_id
inner join {{ ref("int_securities__collectibles") }} as collectibles
    on securities.security_id = collectibles.security_id
left join {{ ref("int_securities__priced") }} as prices on securities.security_id = prices.security_id
left join {{ ref("seed_security_costs") }} as costs on securities.ticker = costs.ticker
left join {{ ref("seed_security_costs") }} as type_costs
    on
        securities.security_type = type_costs.security_type
        and type_costs.ticker is null
