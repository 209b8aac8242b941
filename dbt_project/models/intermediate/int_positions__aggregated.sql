-- Holdings by account and security, all parts of the account together, at the night's price; with
-- what the rules and the states need to know of the rows behind them. Cash is not a holding here, nor is a
-- wrapped account that is delivered by itself.
with received as (
    select
        positions.*,
        fx_rates.dollars_per_unit,
        abs(
            {{ product_with_factor(
                product_of("positions.quantity", "positions.price"), "securities.unit_factor", "decimal(24, 6)"
            ) }} - positions.market_value
        ) as value_difference
    from {{ ref("int_positions__sources") }} as positions
    inner join {{ ref("int_securities__described") }} as securities
        on positions.security_id = securities.security_id
    left join {{ ref("int_fx_rates__to_dollars") }} as fx_rates
        on
            positions.custodian = fx_rates.custodian
            and positions.currency = fx_rates.currency
    where
        coalesce(positions.security_type, '') <> 'CASH'
        and not positions.is_counted_elsewhere
        and (positions.quantity <> 0 or positions.quantity is null)
),

aggregated as (
    select
        account_id,
        security_id,
        bool_and(is_resolved) as is_resolved,
        min(security_type) as security_type,
        min(custodian) as custodian,
        min(feed) as feed,
        case when count(quantity) = count(*) then sum(quantity) end as quantity,
        case
            when
                count(cost_basis) = count(*) and bool_and(currency = 'USD')
                then cast(sum(cost_basis) as decimal(24, 6))
        end as custodian_cost_basis,
        case
            when count(market_value) = count(*) and count(dollars_per_unit) = count(*)
                then sum({{ product_with_factor("market_value", "dollars_per_unit", "decimal(24, 6)") }})
        end as custodian_market_value,
        min(currency) as currency,
        bool_and(currency = 'USD') as is_in_dollars,
        bool_and(dollars_per_unit is not null) as has_exchange_rate,
        bool_or(long_short = 'SHORT' or quantity < 0) as is_short,
        bool_or(sign(quantity) * case long_short when 'SHORT' then -1 when 'LONG' then 1 end < 0)
            as is_side_wrong,
        coalesce(bool_or(is_held_away), false) as is_held_away,
        max(value_difference) as value_difference,
        bool_or(
            value_difference
            > greatest(
                0.02,
                cast(
                    abs(market_value) * {{ policy_number("value_tolerance_bps") }} * 0.0001 as decimal(24, 6)
                )
            )
        ) as is_value_wrong,
        arg_max(quantity, (value_difference, source_file_id, source_row_number)) filter (
            where value_difference is not null
        ) as checked_quantity,
        arg_max(price, (value_difference, source_file_id, source_row_number)) filter (
            where value_difference is not null
        ) as checked_price,
        arg_max(market_value, (value_difference, source_file_id, source_row_number)) filter (
            where value_difference is not null
        ) as checked_market_value,
        bool_or(rejected_values is not null) as has_rejected_values,
        count(*) as row_count,
        min(source_file_id) as source_file_id,
        arg_min(source_row_number, source_file_id || lpad(cast(source_row_number as varchar), 12, '0'))
            as source_row_number
    from received
    group by account_id, security_id
)

select
    aggregated.*,
    accounts.household_id,
    accounts.tax_treatment,
    accounts.counts_toward_allocation,
    prices.price,
    prices.price_date,
    {{ product_of("cast(aggregated.quantity as decimal(28, 10))", "prices.price", "decimal(24, 6)") }}
        as market_value
from aggregated
inner join {{ ref("int_accounts__identified") }} as accounts on aggregated.account_id = accounts.account_id
left join {{ ref("int_securities__priced") }} as prices on aggregated.security_id = prices.security_id
