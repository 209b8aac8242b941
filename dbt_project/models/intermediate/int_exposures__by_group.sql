-- What each allocation group holds, today and after orders in flight and cash flows due, security by
-- security and class by class; cash in the class Cash. Only accounts that count. A group appears only
-- when every value in it is known and no feed of its household is missing.
-- What weights are of is the value in the household's basis (int_accounts__basis).
with accounts as (
    select
        accounts.account_id,
        accounts.allocation_group_id,
        accounts.is_value_known,
        basis.after_tax_factor,
        basis.basis_factor
    from {{ ref("int_accounts__states") }} as accounts
    left join {{ ref("int_accounts__basis") }} as basis on accounts.account_id = basis.account_id
    where
        accounts.counts_toward_allocation
        and accounts.allocation_group_id is not null
        and accounts.is_group_known
        and accounts.account_status <> 'closed'
),

known_groups as (
    select
        allocation_groups.allocation_group_id,
        allocation_groups.household_id
    from accounts
    inner join {{ ref("stg_allocation_groups") }} as allocation_groups
        on accounts.allocation_group_id = allocation_groups.allocation_group_id
    inner join {{ ref("int_households__states") }} as households
        on allocation_groups.household_id = households.household_id
    where households.household_state <> 'waiting_for_feed'
    group by allocation_groups.allocation_group_id, allocation_groups.household_id
    having bool_and(accounts.is_value_known and accounts.basis_factor is not null)
),

orders as (
    select
        account_id,
        security_id,
        sum(open_quantity * case side when 'buy' then 1 else -1 end) as quantity_change,
        sum(
            {{ product_of("open_quantity", "expected_price", "decimal(24, 6)") }}
            * case side when 'buy' then -1 else 1 end
        ) as cash_change
    from {{ ref("int_open_orders__identified") }}
    group by account_id, security_id
),

pending as (
    select
        account_id,
        sum(cash_change) as cash_change
    from orders
    group by account_id
),

holdings as (
    select
        coalesce(positions.account_id, orders.account_id) as account_id,
        coalesce(positions.security_id, orders.security_id) as security_id,
        coalesce(positions.market_value, 0) as market_value,
        coalesce(positions.market_value, 0)
        + coalesce(
            cast(cast(orders.quantity_change as decimal(28, 10)) * prices.price as decimal(24, 6)), 0
        ) as projected_market_value
    from {{ ref("int_positions__valued") }} as positions
    full outer join orders
        on
            positions.account_id = orders.account_id
            and positions.security_id = orders.security_id
    left join {{ ref("int_securities__priced") }} as prices
        on coalesce(positions.security_id, orders.security_id) = prices.security_id
),

cash as (
    select
        accounts.account_id,
        coalesce(cash.trade_date - cash.margin_debit, 0) - coalesce(flows.fee_reserve, 0) as market_value,
        coalesce(cash.trade_date - cash.margin_debit, 0) - coalesce(flows.fee_reserve, 0)
        - coalesce(flows.flow_reserve, 0)
        + coalesce(flows.contributions_due, 0)
        + coalesce(pending.cash_change, 0)
            as projected_market_value,
        least(coalesce(flows.flow_reserve, 0), coalesce(cash.trade_date, 0)) as reserved_value
    from accounts
    left join {{ ref("int_cash__by_account") }} as cash on accounts.account_id = cash.account_id
    left join {{ ref("int_cash_flows__due") }} as flows on accounts.account_id = flows.account_id
    left join pending on accounts.account_id = pending.account_id
),

held as (
    select
        accounts.allocation_group_id,
        classified.asset_class,
        classified.sub_class,
        holdings.security_id,
        accounts.after_tax_factor,
        accounts.basis_factor,
        cast(holdings.market_value * classified.weight as decimal(24, 6)) as market_value,
        cast(holdings.projected_market_value * classified.weight as decimal(24, 6)) as projected_market_value,
        cast(0 as decimal(24, 6)) as reserved_value
    from accounts
    inner join holdings on accounts.account_id = holdings.account_id
    inner join
        {{ ref("int_securities__classified") }} as classified
        on holdings.security_id = classified.security_id
    union all
    select
        accounts.allocation_group_id,
        'Cash' as asset_class,
        cast(null as varchar) as sub_class,
        cast(null as varchar) as security_id,
        accounts.after_tax_factor,
        accounts.basis_factor,
        cash.market_value,
        cash.projected_market_value,
        cash.reserved_value
    from accounts
    inner join cash on accounts.account_id = cash.account_id
),

exposures as (
    select
        allocation_group_id,
        asset_class,
        sub_class,
        security_id,
        cast(sum(market_value) as decimal(24, 6)) as market_value,
        cast(sum(projected_market_value) as decimal(24, 6)) as projected_market_value,
        cast(sum(reserved_value) as decimal(24, 6)) as reserved_value,
        cast(
            {{ sum_of_known(product_with_factor("market_value", "after_tax_factor", "decimal(24, 6)")) }}
            as decimal(24, 6)
        ) as after_tax_value,
        {% for column, basis_column in {
            "market_value": "basis_value",
            "projected_market_value": "projected_basis_value",
            "reserved_value": "reserved_basis_value",
        }.items() -%}
            cast(
                sum({{ product_with_factor(column, "basis_factor", "decimal(24, 6)") }}) as decimal(24, 6)
            ) as {{ basis_column }}
            {%- if not loop.last %},{% endif %}
        {% endfor %}
    from held
    group by allocation_group_id, asset_class, sub_class, security_id
)

select
    known_groups.household_id,
    exposures.*
from exposures
inner join known_groups on exposures.allocation_group_id = known_groups.allocation_group_id
